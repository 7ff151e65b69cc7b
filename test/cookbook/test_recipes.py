"""The recipes of docs/cookbook.md run as printed, against the real packages."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from support import FakeClock, pages, respond, respond_json
from support.calls import CALLS, failure_of
from support.scripted import Behaviour, reset
from support.tokens import CLIENT_SECRET, token
from support.wire import YES, Wire

from zuora_client import ApiClient, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator
from zuora_client.events import AttemptEvent, CallEvent, TokenEvent

PAGE = pages.ROOT / "docs" / "cookbook.md"
RECIPES = {
    section.partition("\n")[0]: re.findall(r"^```python\n(.*?)^```$", section, re.M | re.S)
    for section in re.split(r"^## ", pages.read(PAGE), flags=re.M)[1:]
}
MAX_LINES = 20
DISCONNECT = "/v1/entity-connections/{connection_id}/disconnect"
ACCESS_TOKEN = "the-access-token"


def package(name: str, *, distribution: str) -> Any:
    """Import a package; skip the test if it is not installed."""
    return pytest.importorskip(name, reason=f"{distribution} is not installed: tox -e cookbook")


def run(title: str, **names: Any) -> dict[str, Any]:
    """Run the program of a section; return its names, those given included."""
    (text,) = RECIPES[title]
    names["__name__"] = "recipe"
    exec(compile(text, str(PAGE), "exec", dont_inherit=True), names)
    return names


def make_calls(on_event: Any) -> None:
    """Make a read that succeeds at the second attempt, and a disconnect that ends unknown."""
    behaviours: tuple[Behaviour, ...] = (token(ACCESS_TOKEN), respond(503, b"", {"Retry-After": "40"}), YES, reset)
    with Wire(*behaviours, on_event=on_event, client_id="id", client_secret=CLIENT_SECRET) as wire:
        CALLS["GET"](wire.api)
        failure_of(CALLS["PUT disconnect"], wire.api)


@pytest.mark.parametrize("title", RECIPES)
def test_recipes_are_short(title: str) -> None:
    for text in RECIPES[title]:
        assert len([line for line in text.splitlines() if line.strip()]) <= MAX_LINES


def test_first_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with ZuoraEmulator() as zuora:
        for name, value in zuora.environ.items():
            monkeypatch.setenv(name, value)
        run("Events", source_entity_id=zuora.entities[0].id)
    printed = capsys.readouterr().out.splitlines()
    kinds = [line.partition("(")[0] for line in printed]
    assert kinds == ["AttemptEvent", "TokenEvent", "AttemptEvent", "CallEvent"]


def test_table_of_fields() -> None:
    """The page names every field, and in the column of its event."""
    table = next(rows for rows in pages.tables(pages.read(PAGE)) if rows[0][0] == "field")
    documented = {name for row in table[1:] for name in re.findall(r"`(\w+)`", row[0])}
    assert documented == {*AttemptEvent._fields, *CallEvent._fields, *TokenEvent._fields} - {"kind"}


def test_reasons_to_alert() -> None:
    reasons: list[str] = []
    reason_to_alert = run("What to alert on")["reason_to_alert"]
    make_calls(lambda event: reasons.append(reason_to_alert(event)))
    waiting, unknown = filter(None, reasons)
    assert re.fullmatch(r"waiting \d\d s after ServerError", waiting)
    assert unknown == f"PUT {DISCONNECT} may have been done, connection 8a80825555a3c7a10155b54a63821c0d"


def test_token_error_is_a_reason_to_alert() -> None:
    reasons: list[str] = []
    reason_to_alert = run("What to alert on")["reason_to_alert"]

    def on_event(event: Any) -> None:
        reasons.append(reason_to_alert(event))

    with Wire(respond(401), on_event=on_event, client_id="id", client_secret="secret") as wire:
        failure_of(CALLS["GET"], wire.api)
    with Wire(token("t"), YES, respond(401), YES, on_event=on_event, client_id="id", client_secret="secret") as wire:
        CALLS["GET"](wire.api)
        assert isinstance(wire.client.clock, FakeClock)
        wire.client.clock.advance(3500)
        CALLS["GET"](wire.api)
    assert list(filter(None, reasons)) == [
        "no token: AuthenticationError",
        "no token: AuthenticationError (the current one is still valid)",
    ]


# -- OpenTelemetry ----------------------------------------------------------------------------------------------------


@pytest.fixture
def opentelemetry() -> Iterator[tuple[Any, Any]]:
    """The SDK with an exporter in memory for metrics, and one for spans."""

    def module(name: str) -> Any:
        return package(f"opentelemetry.{name}", distribution="opentelemetry-sdk")

    reader = module("sdk.metrics.export").InMemoryMetricReader()
    spans = module("sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    meters = module("sdk.metrics").MeterProvider([reader])
    tracers = module("sdk.trace").TracerProvider()
    tracers.add_span_processor(module("sdk.trace.export").SimpleSpanProcessor(spans))
    module("metrics").set_meter_provider(meters)
    module("trace").set_tracer_provider(tracers)
    yield reader, spans
    meters.shutdown()
    tracers.shutdown()


def test_opentelemetry(opentelemetry: tuple[Any, Any]) -> None:
    trace = package("opentelemetry.trace", distribution="opentelemetry-sdk")
    reader, spans = opentelemetry
    on_event = run("OpenTelemetry")["on_event"]
    with trace.get_tracer("test").start_as_current_span("job"):
        make_calls(on_event)
    (resource,) = reader.get_metrics_data().resource_metrics
    found = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
    points = found["http.client.request.duration"].data.data_points
    shown = {
        (p.attributes["url.template"], p.attributes.get("http.response.status_code"), p.attributes.get("error.type"))
        for p in points
    }
    assert found["http.client.request.duration"].unit == "s"
    assert shown == {
        ("/oauth/token", 200, None),
        ("/v1/entity-connections", None, "ServerError"),
        ("/v1/entity-connections", 200, None),
        (DISCONNECT, None, "ApiConnectionError"),
    }
    outcomes = {p.attributes["zuora.outcome"]: p.value for p in found["zuora.calls"].data.data_points}
    assert outcomes == {"done": 1, "unknown": 1}
    (span,) = spans.get_finished_spans()
    assert (span.attributes["zuora.outcome"], span.attributes["zuora.attempts"]) == ("unknown", 1)
    assert len(span.attributes["zuora.call"]) == 10


# -- Prometheus -------------------------------------------------------------------------------------------------------


def test_prometheus() -> None:
    prometheus = package("prometheus_client", distribution="prometheus-client")
    make_calls(run("Prometheus")["on_event"])

    def value(name: str, **labels: str) -> Any:
        return prometheus.REGISTRY.get_sample_value(name, labels)

    path = "/v1/entity-connections"
    assert value("zuora_calls_total", method="GET", template=path, outcome="done") == 1
    assert value("zuora_calls_total", method="PUT", template=DISCONNECT, outcome="unknown") == 1
    assert value("zuora_attempt_seconds_count", method="GET", template=path, status="503") == 1
    assert value("zuora_attempt_seconds_count", method="GET", template=path, status="200") == 1
    assert value("zuora_attempt_seconds_count", method="PUT", template=DISCONNECT, status="none") == 1
    assert value("zuora_token_fetches_total", source="zuora", error="none") == 1
    assert value("zuora_wait_seconds_bucket", le="30.0") == 0
    assert value("zuora_wait_seconds_count") == 1
    exposed = prometheus.generate_latest().decode()
    assert ACCESS_TOKEN not in exposed
    assert CLIENT_SECRET not in exposed


# -- Sentry -----------------------------------------------------------------------------------------------------------


def test_sentry() -> None:
    """An issue for the unknown write, with the breadcrumbs of both calls and without a secret."""
    sentry_sdk = package("sentry_sdk", distribution="sentry-sdk")
    transport: Any = package("sentry_sdk.transport", distribution="sentry-sdk").Transport
    envelopes: list[Any] = []

    class Captured(transport):  # type: ignore[misc]
        def capture_envelope(self, envelope: Any) -> None:
            envelopes.append(envelope)

    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Captured, auto_session_tracking=False)
    try:
        make_calls(run("Sentry")["on_event"])
        sentry_sdk.flush()
    finally:
        sentry_sdk.get_client().close()
        sentry_sdk.init()
    (event,) = [envelope.get_event() for envelope in envelopes if envelope.get_event()]
    assert (event["message"], event["level"]) == ("A write to Zuora may have been done", "error")
    assert event["fingerprint"] == ["zuora-unknown-write", DISCONNECT]
    assert event["contexts"]["zuora"]["outcome"] == "unknown"
    crumbs = [crumb for crumb in event["breadcrumbs"]["values"] if crumb["category"].startswith("zuora.")]
    assert [(crumb["category"], crumb["level"]) for crumb in crumbs] == [
        ("zuora.attempt", "info"),
        ("zuora.token", "info"),
        ("zuora.attempt", "warning"),
        ("zuora.attempt", "info"),
        ("zuora.call", "info"),
        ("zuora.attempt", "warning"),
        ("zuora.call", "warning"),
    ]
    assert crumbs[2]["data"]["status"] == 503
    assert event["tags"]["zuora.call"] == crumbs[-1]["data"]["call"]
    serialized = b"".join(envelope.serialize() for envelope in envelopes).decode()
    assert ACCESS_TOKEN not in serialized
    assert json.dumps(CLIENT_SECRET)[1:-1] not in serialized


# -- structlog --------------------------------------------------------------------------------------------------------


def test_structlog() -> None:
    structlog = package("structlog", distribution="structlog")
    on_event = run("structlog")["on_event"]
    with structlog.testing.capture_logs() as logs:
        make_calls(on_event)
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("zuora.attempt", "info"),
        ("zuora.token", "info"),
        ("zuora.attempt", "info"),
        ("zuora.attempt", "info"),
        ("zuora.call", "info"),
        ("zuora.attempt", "info"),
        ("zuora.call", "warning"),
    ]
    assert logs[-1]["connection_id"] == "8a80825555a3c7a10155b54a63821c0d"
    rendered = structlog.processors.JSONRenderer()(None, "", logs[-1])
    assert json.loads(rendered)["outcome"] == "unknown"


# -- vcrpy ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_compressed", [False, True], ids=["plain", "gzip"])
def test_vcrpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_compressed: bool) -> None:
    """The cassette holds neither secret, token nor cookie, and replays the calls without a server."""
    package("vcr", distribution="vcrpy")
    monkeypatch.chdir(tmp_path)
    document = {"access_token": ACCESS_TOKEN, "token_type": "bearer", "expires_in": 3600}
    headers = {"Content-Type": "application/json", "Set-Cookie": "session=a-cookie"}
    body = json.dumps(document).encode()
    issued = respond(200, gzip.compress(body), {**headers, "Content-Encoding": "gzip"})
    row = {"id": "8a808255575bdae401576a914a140420", "status": "Connected"}
    listed = respond_json({"success": True, "entityConnections": [row]})
    behaviours = (issued if is_compressed else respond(200, body, headers), respond(503), listed)
    with Wire(*behaviours, client_id="id", client_secret=CLIENT_SECRET) as wire:
        assert [row.id for row in run("vcrpy", api=wire.api, source_entity_id=None)["rows"]] == [row["id"]]
        sent = [wire.requests[0].body.decode(), wire.requests[-1].headers["authorization"]]
        configuration = wire.configuration
    cassette = (tmp_path / "connections.yaml").read_text(encoding="utf-8")
    assert (cassette.count("uri:"), cassette.count("not-recorded")) == (3, 1)
    for secret in (ACCESS_TOKEN, CLIENT_SECRET, CLIENT_SECRET[:12], quote_plus(CLIENT_SECRET), "a-cookie", "Bearer"):
        assert secret not in cassette
    # They were sent, so that the filters had something to do.
    assert quote_plus(CLIENT_SECRET) in sent[0]
    assert ACCESS_TOKEN in sent[1]
    with ApiClient(configuration, clock=FakeClock()) as client:
        replayed = run("vcrpy", api=EntityConnectionsApi(client), source_entity_id=None)
    assert [row.id for row in replayed["rows"]] == [row["id"]]


# -- pytest -----------------------------------------------------------------------------------------------------------

TESTS = """
from zuora_client import ApiException, ensure_disconnected
from zuora_client.emulator import faults

def test_done(zuora_api, zuora_emulator):
    assert zuora_api.get_entity_connections(zuora_entity_ids=zuora_emulator.entities[0].id).success is True

def test_left_unknown(zuora_api, zuora_emulator):
    source, target = zuora_emulator.entities[:2]
    connection = zuora_emulator.add_connection(source, target, "Connected")
    zuora_emulator.fail_next(faults.reset_after_commit(), method="PUT")
    try:
        zuora_api.put_entity_connections_disconnect(connection.id, zuora_entity_ids=source.id)
    except ApiException:
        pass
"""


def test_pytest_fixture(tmp_path: Path) -> None:
    """The fixture works, and reports a test that leaves a write unknown."""
    (text,) = RECIPES["pytest"]
    (tmp_path / "conftest.py").write_text(text)
    (tmp_path / "test_mine.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "-W", "error", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed, 1 error" in result.stdout, result.stdout + result.stderr
    assert re.search(r"^ERROR \S*test_mine\.py::test_left_unknown", result.stdout, re.M)
