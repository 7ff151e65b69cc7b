"""The log lines about calls: what is logged at which level, and the id that ties them together."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from typing import Any

import pytest
from support import reset, respond, respond_json
from support.calls import CALLS, READS, WRITES, failure_of, refusal
from support.tokens import token
from support.wire import YES, Wire

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator, faults

CONNECTION_ID = "8a80825555a3c7a10155b54a63821c0d"
ENTITY_ID = "8a808255-575b-dae4-0157-6a914a140420"
IDS = {"Zuora-Request-Id": "r-1", "Zuora-Track-Id": "t-1"}
DONE = respond_json({"success": True, "id": "8a808255575bdae401576a914a140420", "entityConnections": []}, 200, IDS)


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[tuple[str, str]]:
    """Return level and text of the lines, without the ids of the calls and with each duration as `N`."""
    found = [(record.levelname, record.getMessage()) for record in caplog.records if record.levelno >= level]
    assert all(re.match(r"\[[0-9a-f]{10}\] ", text) for _, text in found)
    return [(level, re.sub(r"in \d+ ms", "in N ms", text[13:])) for level, text in found]


def disconnect(api: EntityConnectionsApi) -> Any:
    return api.put_entity_connections_disconnect(CONNECTION_ID, zuora_entity_ids=ENTITY_ID)


def test_unknown_write_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The warning names method, template, entity and connection, and says what to do."""
    with Wire(reset) as wire, caplog.at_level("INFO", "zuora_client"):
        failure_of(disconnect, wire.api)
    assert lines(caplog) == [
        (
            "WARNING",
            "PUT /v1/entity-connections/{connection_id}/disconnect: outcome unknown after 1 attempt in N ms "
            f"(ApiConnectionError), entity {ENTITY_ID}, connection {CONNECTION_ID}; it may have been done: list the "
            "connections before sending it again",
        )
    ]


def test_unknown_write_elsewhere(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(respond(500)) as wire, caplog.at_level("INFO", "zuora_client"):
        failure_of(CALLS["DELETE"], wire.api)
    assert lines(caplog) == [
        (
            "WARNING",
            "DELETE /v1/things/{id}: outcome unknown after 1 attempt in N ms (ServerError 500); it may have been done: "
            "check whether it was done before sending it again",
        )
    ]


@pytest.mark.parametrize("name", WRITES)
def test_every_unknown_write_warns_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with Wire(reset) as wire, caplog.at_level("DEBUG", "zuora_client"):
        failure_of(CALLS[name], wire.api)
    assert [record.levelname for record in caplog.records] == ["DEBUG", "WARNING"]


@pytest.mark.parametrize("name", READS)
def test_unknown_read_is_no_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with Wire(reset) as wire, caplog.at_level("INFO", "zuora_client"):
        failure_of(CALLS[name], wire.api)
    ((level, text),) = lines(caplog)
    assert level == "INFO"
    assert text.endswith("failed after 3 attempts in N ms (ApiConnectionError), outcome unknown")


def test_giving_up(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(respond(429, b"", IDS)) as wire, caplog.at_level("INFO", "zuora_client"):
        failure_of(disconnect, wire.api)
    assert lines(caplog) == [
        (
            "INFO",
            "PUT /v1/entity-connections/{connection_id}/disconnect: failed after 3 attempts in N ms "
            f"(RateLimitError 429), outcome answered, entity {ENTITY_ID}, connection {CONNECTION_ID}, request id r-1",
        )
    ]


def test_failure_as_model_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(refusal(50000030), raise_on_failure=False) as wire, caplog.at_level("INFO", "zuora_client"):
        assert disconnect(wire.api).success is False
    assert "failed after 1 attempt in N ms (RequestRejectedError 200), outcome answered" in lines(caplog)[0][1]


def test_every_write_done(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(DONE) as wire, caplog.at_level("INFO", "zuora_client"):
        for name in ("POST", *WRITES):
            CALLS[name](wire.api)
    done = "done after 1 attempt in N ms"
    path = "/v1/entity-connections"
    new, old = "connection 8a808255575bdae401576a914a140420", f"connection {CONNECTION_ID}"
    assert lines(caplog) == [
        ("INFO", f"POST {path}: {done}, {new}, request id r-1"),
        ("INFO", f"PUT {path}/{{connection_id}}/accept: {done}, {old}, request id r-1"),
        ("INFO", f"PUT {path}/{{connection_id}}/deny: {done}, {old}, request id r-1"),
        ("INFO", f"PUT {path}/{{connection_id}}/disconnect: {done}, {old}, request id r-1"),
        ("INFO", f"DELETE /v1/things/{{id}}: {done}, request id r-1"),
    ]


def test_success_after_retries(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(reset, respond(502), DONE) as wire, caplog.at_level("INFO", "zuora_client"):
        CALLS["GET"](wire.api)
    assert lines(caplog) == [("INFO", "GET /v1/entity-connections: done after 3 attempts in N ms, request id r-1")]


def test_lines_of_a_call_share_an_id(caplog: pytest.LogCaptureFixture) -> None:
    """Token requests, waits and attempts have the id of the call; another call has another."""
    responses = (token("t"), respond(429, b"", {"Retry-After": "9"}), DONE)
    with Wire(*responses, client_id="id", client_secret="secret") as wire, caplog.at_level("DEBUG", "zuora_client"):
        disconnect(wire.api)
        disconnect(wire.api)
    ids = [record.getMessage()[:12] for record in caplog.records]
    assert len(ids) == 7  # token, 429, wait, 200, done; 200, done
    assert (len(set(ids[:5])), len(set(ids[5:])), len(set(ids))) == (1, 1, 2)


def test_store_warning_has_the_id(caplog: pytest.LogCaptureFixture) -> None:
    """A line about the token store has the id of the call that needed the token."""

    class ClosedStore:
        def get(self, key: str) -> bytes | None:
            raise ConnectionError("refused")

        def set(self, key: str, value: bytes, seconds: float) -> None: ...

        def add(self, key: str, value: bytes, seconds: float) -> bool:
            return True

        def delete(self, key: str) -> None: ...

    settings: dict[str, Any] = {"client_id": "id", "client_secret": "secret", "token_store": ClosedStore()}
    with Wire(token("t"), DONE, **settings) as wire, caplog.at_level("INFO", "zuora_client"):
        disconnect(wire.api)
    (warning, _), (done, _) = ((record.levelname, record.getMessage()[:12]) for record in caplog.records)
    assert (warning, done) == ("WARNING", "INFO")
    assert len({record.getMessage()[:12] for record in caplog.records}) == 1


def test_failed_early_renewal(caplog: pytest.LogCaptureFixture) -> None:
    responses = (token("t"), YES, respond(400), YES)
    with Wire(*responses, client_id="id", client_secret="secret") as wire, caplog.at_level("INFO", "zuora_client"):
        CALLS["GET"](wire.api)
        wire.clock.advance(3500)
        CALLS["GET"](wire.api)
    assert lines(caplog) == [
        ("INFO", "the early renewal of the token failed (RequestRejectedError), the current one stays in use")
    ]


def test_query_in_a_path_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(YES) as wire, caplog.at_level("DEBUG", "zuora_client"):
        wire.client.call_api("/v1/things?secret=s3cret", "DELETE")
    assert "s3cret" not in caplog.text
    assert wire.sent.target == "/v1/things?secret=s3cret"


def test_reconciliation_logs_an_unknown_write(caplog: pytest.LogCaptureFixture) -> None:
    """The emulator's fault, end to end: the warning is logged although ensure_disconnected finds out."""
    import zuora_client

    with ZuoraEmulator() as zuora, caplog.at_level("WARNING", "zuora_client"):
        source, target = zuora.entities[:2]
        zuora.add_connection(source, target, "Connected")
        zuora.fail_next(faults.reset_after_commit(), method="PUT")
        with ApiClient(Configuration(zuora.url, access_token=zuora.issue_token())) as client:
            api = EntityConnectionsApi(client)
            zuora_client.ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert [level for level, _ in lines(caplog)] == ["WARNING"]


# -- debug ------------------------------------------------------------------------------------------------------------

PROGRAM = """
import logging, sys
from zuora_client import Configuration
{setup}
logging.getLogger("zuora_client").debug("a line")
"""


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param("c = Configuration(debug=True)", id="alone"),
        pytest.param("logging.basicConfig(); c = Configuration(debug=True)", id="after basicConfig"),
        pytest.param("c = Configuration(debug=True); logging.basicConfig()", id="before basicConfig"),
        pytest.param("logging.basicConfig(stream=sys.stdout); c = Configuration(debug=True)", id="stdout"),
        pytest.param("c, d = Configuration(debug=True), Configuration(debug=True)", id="twice"),
        pytest.param(
            "c, d = Configuration(debug=True), Configuration(debug=True); logging.basicConfig()",
            id="twice, basicConfig",
        ),
        pytest.param(
            "logging.basicConfig(); logging.getLogger('zuora_client').propagate = False; c = Configuration(debug=True)",
            id="not propagated",
        ),
        pytest.param(
            "import os; logging.basicConfig(filename=os.devnull); c = Configuration(debug=True)", id="beside a file"
        ),
    ],
)
def test_debug_prints_each_line_once(setup: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(setup=setup)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (result.stdout + result.stderr).count("a line") == 1
