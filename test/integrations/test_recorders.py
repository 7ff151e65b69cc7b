"""Recorders and mocks answer every attempt, and what they do not allow does not reach the server."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import FakeClock, ScriptedServer, respond, respond_json
from support.calls import CALLS, KEYED, WRITES
from support.scripted import reset
from support.tokens import CLIENT_SECRET, token
from support.tools import isolated, load, requires
from support.wire import YES, Wire, silent

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client.exceptions import ApiTimeoutError, OutcomeUnknownError, ServerError

ACCESS_TOKEN = "the-access-token"
ROW = {"id": "8a808255575bdae401576a914a140420", "status": "Connected"}
ROWS = {"success": True, "entityConnections": [ROW]}
BODY = json.dumps(ROWS).encode()
# No server listens here: a request that a mock does not answer would fail to connect.
HOST = "https://rest.zuora.invalid"
LIST_URL = HOST + "/v1/entity-connections"
ACCEPT_PATH = "/v1/entity-connections/8a80825555a3c7a10155b54a63821c0d/accept"
ACCEPT_URL = HOST + ACCEPT_PATH


def cause_of(error: BaseException, name: str) -> BaseException | None:
    """Find an exception by the name of its class: `error` itself or one that led to it."""
    found: BaseException | None = error
    while found is not None and type(found).__name__ != name:
        found = found.__cause__ or found.__context__
    return found


def mocked_api() -> EntityConnectionsApi:
    return EntityConnectionsApi(ApiClient(Configuration(HOST, access_token=ACCESS_TOKEN), clock=FakeClock()))


# -- vcrpy ------------------------------------------------------------------------------------------------------------


@contextmanager
def cassette(path: Path, mode: str) -> Iterator[Any]:
    """Record into a file, or replay from it, without the credentials."""

    def without_token(response: Any) -> Any:
        body = response["body"]
        body["string"] = re.sub(rb'"access_token": *"[^"]*"', b'"access_token":"x"', body["string"])
        return response

    vcr = load("vcr").VCR(
        record_mode=mode,
        filter_headers=["authorization"],
        filter_post_data_parameters=["client_secret"],
        before_record_response=without_token,
    )
    with vcr.use_cassette(str(path)) as opened:
        yield opened


COMPRESSED = respond(200, gzip.compress(BODY), {"Content-Type": "application/json", "Content-Encoding": "gzip"})
CHUNKED = respond(
    200,
    b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    {"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
)


@requires("vcrpy")
@pytest.mark.parametrize("response", [respond_json(ROWS), COMPRESSED, CHUNKED], ids=["plain", "gzip", "chunked"])
@isolated
def test_vcr_records_and_replays(tmp_path: Path, response: bytes) -> None:
    """Each attempt is recorded, that of the token too; the replay gives the same result without a server."""
    path = tmp_path / "list.yaml"
    settings: dict[str, Any] = {"client_id": "id", "client_secret": CLIENT_SECRET}
    with Wire(token(ACCESS_TOKEN), respond(503), response, **settings) as wire:
        with cassette(path, "once") as recorded:
            listed = wire.api.get_entity_connections().to_dict()
        assert len(wire.requests) == len(recorded) == 3
        with cassette(path, "none") as replayed, ApiClient(wire.configuration, clock=FakeClock()) as client:
            assert EntityConnectionsApi(client).get_entity_connections().to_dict() == listed
        assert replayed.play_count == 3
        assert len(wire.requests) == 3
    assert [row["id"] for row in listed["entity_connections"]] == [ROW["id"]]
    content = path.read_text(encoding="utf-8")
    assert ACCESS_TOKEN not in content
    assert CLIENT_SECRET[:12] not in content
    assert "client_secret" not in content


@requires("vcrpy")
@pytest.mark.parametrize("name", [*KEYED, *WRITES])
@pytest.mark.parametrize("warm", [False, True], ids=["new client", "client with an open connection"])
@isolated
def test_vcr_none_sends_no_write(tmp_path: Path, name: str, warm: bool) -> None:
    with Wire(access_token=ACCESS_TOKEN) as wire:
        if warm:
            CALLS["GET"](wire.api)
        before = len(wire.requests)
        with cassette(tmp_path / "empty.yaml", "none"), pytest.raises(Exception) as caught:  # noqa: PT011
            CALLS[name](wire.api)
        assert cause_of(caught.value, "CannotOverwriteExistingCassetteException")
        assert len(wire.requests) == before


@requires("vcrpy")
@isolated
def test_vcr_replays_writes(tmp_path: Path) -> None:
    """A write is sent once while it is recorded, and not at all while it is replayed."""
    path = tmp_path / "write.yaml"
    with Wire(access_token=ACCESS_TOKEN) as wire:
        for mode in ("once", "none"):
            with cassette(path, mode):
                assert CALLS["PUT accept"](wire.api).success is True
        assert len(wire.requests) == 1


@requires("vcrpy")
@isolated
def test_client_after_vcr() -> None:
    """A client that was used inside a cassette sends real requests afterwards."""
    with Wire(access_token=ACCESS_TOKEN) as wire:
        vcr = load("vcr")
        for _ in range(2):
            with vcr.use_cassette("unused.yaml", record_mode="new_episodes", record_on_exception=False) as opened:
                CALLS["GET"](wire.api)
                assert opened.dirty
                opened.data.clear()
                opened.dirty = False
            CALLS["GET"](wire.api)
        assert len(wire.requests) == 4


@requires("vcrpy")
@isolated
def test_vcr_lost_write(tmp_path: Path) -> None:
    """While a cassette is recorded, a write whose response is lost is sent once and ends unknown."""
    with Wire(reset, access_token=ACCESS_TOKEN) as wire:
        with cassette(tmp_path / "lost.yaml", "once"), pytest.raises(OutcomeUnknownError):
            CALLS["PUT disconnect"](wire.api)
        assert len(wire.requests) == 1


# -- pook -------------------------------------------------------------------------------------------------------------


@requires("pook")
@isolated
def test_pook() -> None:
    pook = load("pook")
    with pook.use():
        pook.get(LIST_URL).times(1).reply(503)
        pook.get(LIST_URL).header("Authorization", f"Bearer {ACCESS_TOKEN}").times(1).reply(200).json(ROWS)
        rows = mocked_api().get_entity_connections().entity_connections
        assert rows is not None
        assert rows[0].id == ROW["id"]
        assert pook.isdone()
        assert not pook.unmatched_requests()


@requires("pook")
@isolated
def test_pook_refuses_other_requests() -> None:
    pook = load("pook")
    with Wire(access_token=ACCESS_TOKEN) as wire:
        CALLS["GET"](wire.api)
        with pook.use(), pytest.raises(Exception) as caught:  # noqa: PT011
            CALLS["PUT disconnect"](wire.api)
        assert cause_of(caught.value, "PookNoMatches")
        assert len(wire.requests) == 1


# -- mocket, httpretty: in the place of sockets -----------------------------------------------------------------------


@contextmanager
def mocket_answers(
    method: str, url: str, *responses: tuple[int, bytes], strict: bool = True
) -> Iterator[Callable[[], list[str]]]:
    """Answer requests; yield a function that lists the methods of those so far."""
    mocket = load("mocket")
    entry, response = (getattr(load("mocket.mockhttp"), name) for name in ("Entry", "Response"))
    with mocket.Mocketizer(strict_mode=strict):
        entry.register(method, url, *(response(body, status=status) for status, body in responses))
        yield lambda: [request.method for request in mocket.Mocket.request_list()]


@requires("mocket")
@isolated
def test_mocket() -> None:
    with mocket_answers("GET", LIST_URL, (503, b""), (200, BODY)) as seen:
        rows = mocked_api().get_entity_connections().entity_connections
        assert rows is not None
        assert rows[0].id == ROW["id"]
        assert seen() == ["GET", "GET"]
    with mocket_answers("PUT", ACCEPT_URL, (200, b'{"success": true}')) as seen:
        assert CALLS["PUT accept"](mocked_api()).success is True
        assert seen() == ["PUT"]


@requires("mocket")
@isolated
def test_mocket_that_allows_connections() -> None:
    """By default mocket lets other requests pass to the real server: those that it mocks must not be among them."""
    with Wire(access_token=ACCESS_TOKEN) as wire:
        url = wire.server.url + ACCEPT_PATH
        with mocket_answers("PUT", url, (200, b'{"success": true}'), strict=False) as seen:
            assert CALLS["PUT accept"](wire.api).success is True
            assert seen() == ["PUT"]
        assert not wire.requests


@requires("httpretty")
@pytest.mark.parametrize("allow_net_connect", [False, True])
@isolated
def test_httpretty_sends_nothing(allow_net_connect: bool) -> None:
    """Its sockets lack what this client uses (and urllib3 since 2.3): the call fails, and no request is sent."""
    httpretty = load("httpretty")
    with Wire(access_token=ACCESS_TOKEN) as wire:
        with httpretty.enabled(allow_net_connect=allow_net_connect):
            httpretty.register_uri("PUT", wire.server.url + ACCEPT_PATH, body='{"success": true}')
            with pytest.raises((OutcomeUnknownError, load("httpretty.errors").UnmockedError)):
                CALLS["PUT accept"](wire.api)
        assert not wire.requests


# -- freezegun --------------------------------------------------------------------------------------------------------


@requires("freezegun")
@isolated
def test_frozen_calls_and_retries() -> None:
    """With the clock stopped a token counts as valid, retries end, and so do attempts without a response."""
    with ScriptedServer(token("t"), respond(503), YES, YES, respond(503)) as server:
        settings: dict[str, Any] = {"client_id": "id", "client_secret": "secret", "max_attempts": 2}
        with (
            load("freezegun").freeze_time("2030-01-01"),
            ApiClient(Configuration(server.url, **settings)) as client,
        ):
            api = EntityConnectionsApi(client)
            for name in ("GET", "PUT accept"):
                CALLS[name](api)
            with pytest.raises(ServerError):
                CALLS["GET"](api)
        assert [request.method for request in server.requests] == ["POST", "GET", "GET", "PUT", "GET", "GET"]


@requires("freezegun")
@pytest.mark.parametrize("name", ["GET", "PUT disconnect"])
@isolated
def test_frozen_timeouts(name: str) -> None:
    with ScriptedServer(silent) as server:
        configuration = Configuration(server.url, access_token=ACCESS_TOKEN, max_attempts=1, read_timeout=0.2)
        with (
            load("freezegun").freeze_time("2030-01-01"),
            ApiClient(configuration) as client,
            pytest.raises(ApiException) as caught,
        ):
            CALLS[name](EntityConnectionsApi(client))
        assert cause_of(caught.value, ApiTimeoutError.__name__)
        assert caught.value.outcome == "unknown"
        assert len(server.requests) == 1


@requires("freezegun")
@isolated
def test_ticking_frozen_time() -> None:
    """A clock that jumps a minute at each look ends a call by its deadline, and no call hangs."""
    with ScriptedServer(respond(503)) as server:
        configuration = Configuration(server.url, access_token=ACCESS_TOKEN)
        with (
            load("freezegun").freeze_time("2030-01-01", auto_tick_seconds=60),
            ApiClient(configuration) as client,
            pytest.raises(ApiException),
        ):
            CALLS["GET"](EntityConnectionsApi(client))
