"""Tracing tools see every attempt, what they add to its headers reaches the server, and no outcome changes."""

from __future__ import annotations

import functools
import gzip
import json
import os
import zlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import urllib3
from support import ScriptedServer, respond
from support.calls import CALLS, failure_of
from support.scripted import Received, reset
from support.tokens import CLIENT_SECRET, token
from support.tools import isolated, load, requires
from support.wire import YES, Wire

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.exceptions import ApiTimeoutError, OutcomeUnknownError

# What `make_calls` does: method and status of each attempt. The response to the disconnect is lost.
ATTEMPTS = [("GET", 503), ("GET", 200), ("PUT", None)]
ACCESS_TOKEN = "the-access-token"


def traced_wire() -> Wire:
    return Wire(respond(503), YES, reset, access_token=ACCESS_TOKEN)


def make_calls(wire: Wire) -> list[Received]:
    """Make a read that succeeds at the second attempt and a disconnect that ends unknown; return the requests."""
    assert CALLS["GET"](wire.api).success is True
    error = failure_of(CALLS["PUT disconnect"], wire.api)
    assert isinstance(error, OutcomeUnknownError)
    assert [request.method for request in wire.requests] == [method for method, _ in ATTEMPTS]
    return wire.requests


# -- OpenTelemetry ----------------------------------------------------------------------------------------------------


def trace_with_opentelemetry() -> tuple[Any, Any]:
    """Instrument urllib3; return the tracer provider and the exporter that holds the finished spans."""
    spans = load("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = load("opentelemetry.sdk.trace").TracerProvider()
    provider.add_span_processor(load("opentelemetry.sdk.trace.export").SimpleSpanProcessor(spans))
    load("opentelemetry.instrumentation.urllib3").URLLib3Instrumentor().instrument(tracer_provider=provider)
    return provider, spans


def status_of(span: Any) -> Any:
    """The status of the response, by the old or the new name of the attribute."""
    return span.attributes.get("http.status_code", span.attributes.get("http.response.status_code"))


@requires("opentelemetry-sdk", "opentelemetry-instrumentation-urllib3")
@isolated
def test_opentelemetry() -> None:
    _, exporter = trace_with_opentelemetry()
    with traced_wire() as wire:
        requests = make_calls(wire)
    spans = exporter.get_finished_spans()
    assert [(span.name, status_of(span)) for span in spans] == ATTEMPTS
    assert [span.status.is_ok for span in spans] == [False, True, False]
    sent = [request.headers["traceparent"].split("-")[1:3] for request in requests]
    assert sent == [[f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"] for span in spans]
    assert ACCESS_TOKEN not in repr([span.to_json() for span in spans])


@requires("opentelemetry-sdk", "opentelemetry-instrumentation-urllib3")
@isolated
def test_opentelemetry_token_request() -> None:
    """The token request is a span too, and no span shows the client secret or the token."""
    _, exporter = trace_with_opentelemetry()
    with Wire(token(ACCESS_TOKEN), YES, client_id="id", client_secret=CLIENT_SECRET) as wire:
        CALLS["GET"](wire.api)
        assert all("traceparent" in request.headers for request in wire.requests)
    spans = exporter.get_finished_spans()
    assert [(span.name, status_of(span)) for span in spans] == [("POST", 200), ("GET", 200)]
    shown = "".join(span.to_json() for span in spans)
    assert ACCESS_TOKEN not in shown
    assert json.dumps(CLIENT_SECRET)[1:-1] not in shown


@requires("opentelemetry-sdk", "opentelemetry-instrumentation-urllib3", "ddtrace")
@isolated
def test_tracers_hold_no_credentials() -> None:
    """Two tracers at once, each around the other: their frames hold the credentials masked."""
    trace_with_opentelemetry()
    load("ddtrace").patch(urllib3=True)
    seen: list[str] = []
    urlopen: Any = urllib3.HTTPConnectionPool.urlopen

    @functools.wraps(urlopen)
    def spy(*args: Any, **kwargs: Any) -> Any:
        seen.append(repr((args, kwargs)))
        return urlopen(*args, **kwargs)

    with traced_wire() as wire, mock.patch("urllib3.HTTPConnectionPool.urlopen", spy):
        requests = make_calls(wire)
    assert len(seen) == len(requests)
    assert ACCESS_TOKEN not in "".join(seen)
    assert all(request.headers["authorization"] == f"Bearer {ACCESS_TOKEN}" for request in requests)


@requires("opentelemetry-sdk", "opentelemetry-instrumentation-urllib3")
@isolated
def test_opentelemetry_deadline() -> None:
    """A response that would take a minute ends by the deadline of the call, and its span with the headers."""

    def drip(sock: Any, _: Received) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 616\r\n\r\n")
        for byte in b'{"success": true' + b" " * 599 + b"}":
            sock.sendall(bytes([byte]))
            server.wait(0.1)

    _, exporter = trace_with_opentelemetry()
    with ScriptedServer(drip) as server:
        configuration = Configuration(server.url, access_token=ACCESS_TOKEN, deadline=1.0)
        with ApiClient(configuration) as client, pytest.raises(OutcomeUnknownError) as caught:
            CALLS["PUT disconnect"](EntityConnectionsApi(client))
        assert isinstance(caught.value.__cause__, ApiTimeoutError)
        assert len(server.requests) == 1
    assert [(span.name, status_of(span)) for span in exporter.get_finished_spans()] == [("PUT", 200)]


@requires("opentelemetry-sdk", "opentelemetry-instrumentation-urllib3", "opentelemetry-instrumentation-threading")
@isolated
def test_opentelemetry_async_calls() -> None:
    """The spans of a call with `async_req` are children of the span in which it was made."""
    provider, exporter = trace_with_opentelemetry()
    load("opentelemetry.instrumentation.threading").ThreadingInstrumentor().instrument()
    tracer = provider.get_tracer("test")
    calls, parents = [], []
    with Wire(access_token=ACCESS_TOKEN) as wire:
        for name in ("first", "second", "third"):
            with tracer.start_as_current_span(name) as span:
                calls.append(wire.api.get_entity_connections(async_req=True))
                parents.append(span.context.span_id)
        for call in calls:
            assert call.get(60).success is True
    spans = [span for span in exporter.get_finished_spans() if span.name == "GET"]
    assert {span.parent and span.parent.span_id for span in spans} == set(parents)
    assert len(spans) == 3


# -- Sentry -----------------------------------------------------------------------------------------------------------


def start_sentry(**options: Any) -> list[Any]:
    """Initialize Sentry with its default settings; return the list that receives its envelopes."""
    envelopes: list[Any] = []
    transport: Any = load("sentry_sdk.transport").Transport

    class Captured(transport):  # type: ignore[misc]
        def capture_envelope(self, envelope: Any) -> None:
            envelopes.append(envelope)

    load("sentry_sdk").init(dsn="http://key@127.0.0.1:9/1", transport=Captured, **options)
    return envelopes


@requires("sentry-sdk")
@isolated
def test_sentry_breadcrumbs() -> None:
    envelopes = start_sentry()
    with traced_wire() as wire:
        requests = make_calls(wire)
    load("sentry_sdk").capture_message("done")
    (event,) = [envelope.get_event() for envelope in envelopes if envelope.get_event()]
    crumbs = [crumb["data"] for crumb in event["breadcrumbs"]["values"] if crumb["category"] == "httplib"]
    assert [(data["http.method"], data.get("http.response.status_code")) for data in crumbs] == ATTEMPTS
    assert all(request.headers["sentry-trace"] and request.headers["baggage"] for request in requests)
    assert ACCESS_TOKEN not in repr(event)


@requires("sentry-sdk")
@isolated
def test_sentry_spans() -> None:
    envelopes = start_sentry(traces_sample_rate=1.0)
    with load("sentry_sdk").start_transaction(name="job"), traced_wire() as wire:
        requests = make_calls(wire)
    (event,) = [envelope.get_transaction_event() for envelope in envelopes if envelope.get_transaction_event()]
    spans = [span for span in event["spans"] if span["op"] == "http.client"]
    shown = [(span["data"]["http.method"], span["data"].get("http.response.status_code")) for span in spans]
    assert shown == ATTEMPTS
    sent = [request.headers["sentry-trace"].split("-")[:2] for request in requests]
    assert sent == [[span["trace_id"], span["span_id"]] for span in spans]


# -- Elastic ----------------------------------------------------------------------------------------------------------


def events_of(server: ScriptedServer) -> list[dict[str, Any]]:
    """The events that an APM server has received."""
    intake = [request for request in server.requests if request.target.startswith("/intake/")]
    inflate: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}
    bodies = [inflate[request.headers["content-encoding"]](request.body) for request in intake]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


@requires("elastic-apm")
@isolated
def test_elastic_apm() -> None:
    elasticapm: Any = load("elasticapm")
    with ScriptedServer(respond(202)) as server, traced_wire() as wire:
        settings = {"central_config": False, "cloud_provider": False, "metrics_interval": "0ms"}
        client = elasticapm.Client(service_name="test", server_url=server.url, **settings)
        elasticapm.instrument()
        client.begin_transaction("job")
        requests = make_calls(wire)
        client.end_transaction("job", "done")
        client.close()
        events = events_of(server)
    spans = [event["span"] for event in events if "span" in event]
    shown = [(span["name"].split()[0], span["context"]["http"].get("status_code")) for span in spans]
    assert shown == ATTEMPTS
    assert [span["outcome"] for span in spans] == ["failure", "success", "failure"]
    sent = [request.headers["traceparent"].split("-")[1:3] for request in requests]
    assert sent == [[span["trace_id"], span["id"]] for span in spans]


# -- Datadog ----------------------------------------------------------------------------------------------------------


@requires("ddtrace")
@pytest.mark.parametrize("hooked", ["urllib3", "httplib"])
@isolated
def test_ddtrace(hooked: str) -> None:
    # Without an agent it would only retry to reach one.
    os.environ.update(DD_INSTRUMENTATION_TELEMETRY_ENABLED="false", DD_REMOTE_CONFIGURATION_ENABLED="false")
    ddtrace: Any = load("ddtrace.trace")
    traces: list[Any] = []

    class Collected(ddtrace.TraceFilter):  # type: ignore[misc]
        def process_trace(self, trace: Any) -> None:
            """Keep a trace. Returning None stops it from being sent to the agent."""
            traces.append(trace)

    load("ddtrace").patch(**{hooked: True})
    ddtrace.tracer.configure(trace_processors=[Collected()])
    with ddtrace.tracer.trace("job"), traced_wire() as wire:
        requests = make_calls(wire)
    ((_, *spans),) = traces
    statuses = [(span.get_tag("http.method"), span.get_tag("http.status_code")) for span in spans]
    assert statuses == [(method, status and str(status)) for method, status in ATTEMPTS]
    if hooked == "urllib3":  # the hook of http.client adds headers in a method that urllib3 does not call
        sent = [request.headers["x-datadog-parent-id"] for request in requests]
        assert sent == [str(span.span_id) for span in spans]
