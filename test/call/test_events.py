"""Configuration.on_event: what each event holds, in which order they come, and that the callable changes nothing."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import FakeClock, canary, reset, respond, respond_json
from support.calls import CALLS, READS, failure_of, refusal
from support.scripted import Behaviour, ScriptedServer
from support.threads import Caller
from support.tokens import TokenServer, token
from support.wire import YES, Wire

import zuora_client
from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client.events import AttemptEvent, CallEvent, TokenEvent
from zuora_client.token_store import FileTokenStore

CONNECTION_ID = "8a80825555a3c7a10155b54a63821c0d"
NEW_ID = "8a808255575bdae401576a914a140420"
ENTITY_ID = "8a808255-575b-dae4-0157-6a914a140420"
TEMPLATE = "/v1/entity-connections/{connection_id}/disconnect"
IDS = {"Zuora-Request-Id": "r-1", "Zuora-Track-Id": "t-1"}
OAUTH: dict[str, Any] = {"client_id": "id", "client_secret": "client-secret"}


class Events(list[Any]):
    """An on_event callable that keeps the events."""

    def __call__(self, event: Any) -> None:
        self.append(event)

    def of(self, kind: str) -> list[Any]:
        return [event for event in self if event.kind == kind]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self]


def disconnect(api: EntityConnectionsApi) -> Any:
    return api.put_entity_connections_disconnect(CONNECTION_ID, zuora_entity_ids=ENTITY_ID)


def slow(data: bytes, wire: Wire, seconds: float) -> Behaviour:
    """A behaviour: the response arrives after some seconds of the fake clock."""

    def behave(sock: Any, _: Any) -> bool:
        wire.clock.advance(seconds)
        sock.sendall(data)
        return True

    return behave


# -- fields -----------------------------------------------------------------------------------------------------------


def test_fields_of_a_success() -> None:
    events = Events()
    done = respond_json({"success": True}, 200, {**IDS, "RateLimit-Remaining": "49000"})
    with Wire(on_event=events) as wire:
        wire.server._behaviours = [slow(done, wire, 0.5)]
        disconnect(wire.api)
    attempt, call = events
    assert attempt == AttemptEvent(
        call=attempt.call,
        number=1,
        method="PUT",
        template=TEMPLATE,
        entity_id=ENTITY_ID,
        status=200,
        error=None,
        seconds=0.5,
        wait=None,
        retry_after=None,
        limit_remaining=49000,
    )
    assert call == CallEvent(
        call=attempt.call,
        method="PUT",
        template=TEMPLATE,
        entity_id=ENTITY_ID,
        connection_id=CONNECTION_ID,
        attempts=1,
        seconds=0.5,
        status=200,
        error=None,
        outcome="done",
        request_id="r-1",
        process_id=None,
        track_id="t-1",
    )
    assert len(attempt.call) == 10
    assert int(attempt.call, 16) >= 0


def test_fields_of_retries() -> None:
    """Seconds exclude waits in attempts and include them in the call."""
    events = Events()
    throttled = respond(429, b"", {"Retry-After": "7", "RateLimit-Remaining": "0"})
    with Wire(on_event=events) as wire:
        wire.server._behaviours = [slow(throttled, wire, 0.5), reset, slow(YES, wire, 0.25)]
        CALLS["GET"](wire.api)
        waits = wire.clock.sleeps
    first, second, third, call = events
    assert (first.number, first.status, first.error, first.seconds) == (1, 429, "RateLimitError", 0.5)
    assert (first.wait, first.retry_after, first.limit_remaining) == (waits[0], 7.0, 0)
    assert (second.number, second.status, second.error, second.wait) == (2, None, "ApiConnectionError", waits[1])
    assert (second.retry_after, second.limit_remaining) == (None, None)
    assert (third.number, third.status, third.error, third.seconds, third.wait) == (3, 200, None, 0.25, None)
    assert (call.attempts, call.outcome, call.error) == (3, "done", None)
    assert call.seconds == pytest.approx(0.75 + sum(waits))
    assert {event.call for event in events} == {call.call}


@pytest.mark.parametrize(
    ("name", "response", "status", "attempt_error", "error", "outcome"),
    [
        ("PUT disconnect", refusal(50000030), 200, "RequestRejectedError", "RequestRejectedError", "answered"),
        ("PUT disconnect", respond(404), 404, "NotFoundError", "NotFoundError", "answered"),
        ("PUT disconnect", respond(500), 500, "ServerError", "OutcomeUnknownError", "unknown"),
        ("PUT disconnect", respond(200), 200, "InvalidResponseError", "OutcomeUnknownError", "unknown"),
        ("PUT disconnect", reset, None, "ApiConnectionError", "OutcomeUnknownError", "unknown"),
        ("POST", respond(429), 429, "RateLimitError", "RateLimitError", "answered"),
        ("DELETE", respond(503), 503, "ServerError", "OutcomeUnknownError", "unknown"),
        ("GET", respond(502), 502, "ServerError", "ServerError", "answered"),
        ("GET", reset, None, "ApiConnectionError", "ApiConnectionError", "unknown"),
    ],
)
def test_failed_call(
    name: str, response: Behaviour, status: int | None, attempt_error: str, error: str, outcome: str
) -> None:
    events = Events()
    with Wire(response, on_event=events) as wire:
        caught = failure_of(CALLS[name], wire.api)
    *attempts, call = events
    assert [event.kind for event in attempts] == ["attempt"] * len(caught.attempts)
    assert {(event.status, event.error) for event in attempts} == {(status, attempt_error)}
    assert attempts[-1].wait is None
    assert (call.kind, call.attempts, call.status) == ("call", len(caught.attempts), status)
    assert (call.error, call.outcome) == (error, outcome) == (type(caught).__name__, caught.outcome)


def test_request_that_was_not_sent() -> None:
    events = Events()
    with ScriptedServer(listening=False) as server:
        configuration = Configuration(server.url, on_event=events, max_attempts=2)
        with ApiClient(configuration, clock=FakeClock()) as client:
            failure_of(disconnect, EntityConnectionsApi(client))
    assert events.kinds == ["attempt", "attempt", "call"]
    assert (events[-1].outcome, events[-1].status, events[-1].attempts) == ("not_sent", None, 2)


def test_failure_returned_as_model() -> None:
    events = Events()
    with Wire(refusal(50000030), on_event=events, raise_on_failure=False) as wire:
        assert disconnect(wire.api).success is False
    assert events.kinds == ["attempt", "call"]
    assert (events[1].error, events[1].outcome, events[1].status) == ("RequestRejectedError", "answered", 200)


@pytest.mark.parametrize("name", CALLS)
def test_every_operation(name: str) -> None:
    events = Events()
    with Wire(on_event=events) as wire:
        CALLS[name](wire.api)
    attempt, call = events
    method = name.partition(" ")[0]
    assert attempt.method == call.method == method
    expected = {"POST": NEW_ID, "PUT": CONNECTION_ID}.get(method)
    assert (call.connection_id, call.entity_id) == (expected, None)
    things = "/v1/things/{id}"
    entity_connections = "/v1/entity-connections" + (f"/{{connection_id}}/{name.split()[1]}" if method == "PUT" else "")
    assert call.template == (things if method in ("DELETE", "PATCH", "OPTIONS") else entity_connections)


def test_ids_of_a_failure() -> None:
    """The ids that Zuora's support asks for, from the headers, the body, or the request."""
    events = Events()
    refused = {"success": False, "processId": "P-1", "reasons": [{"code": 50000030, "message": "No."}]}
    wire = Wire(respond_json(refused, 200, {"Zuora-Request-Id": "r-1"}), on_event=events)
    with wire, pytest.raises(ApiException):
        wire.api.put_entity_connections_accept(CONNECTION_ID, zuora_track_id="mine")
    assert (events[-1].request_id, events[-1].process_id, events[-1].track_id) == ("r-1", "P-1", "mine")


def test_streamed_response() -> None:
    events = Events()
    with Wire(on_event=events) as wire:
        wire.api.get_entity_connections(_preload_content=False).close()
    assert (events.kinds, events[1].outcome) == (["attempt", "call"], "done")


@pytest.mark.parametrize("value", ["x", "-1", "", "9" * 19, "\u00b2", "1.5"])
def test_limit_remaining_must_be_a_number(value: str) -> None:
    events = Events()
    with Wire(respond_json({"success": True}, 200, {"RateLimit-Remaining": value}), on_event=events) as wire:
        disconnect(wire.api)
    assert events[0].limit_remaining is None


def test_request_by_url() -> None:
    """The template of a whole URL is its path: never the host, never the query."""
    events = Events()
    with Wire(on_event=events) as wire:
        wire.client.request("GET", f"{wire.server.url}/v1/things?q=s3cret")
        wire.client.call_api("/v1/things?q=s3cret", "GET")
    assert [event.template for event in events] == ["/v1/things"] * 4


def test_invalid_arguments_make_no_event() -> None:
    events = Events()
    with Wire(on_event=events) as wire, pytest.raises(ValueError, match="connection_id"):
        wire.api.put_entity_connections_accept("")
    assert events == []


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_token_fetch() -> None:
    """Token requests are attempts with the id of the call; the call itself counts only its own."""
    events = Events()
    with Wire(respond(502), token("t"), YES, on_event=events, **OAUTH) as wire:
        disconnect(wire.api)
    assert events.kinds == ["attempt", "attempt", "token", "attempt", "call"]
    assert [(event.template, event.number, event.status) for event in events.of("attempt")] == [
        ("/oauth/token", 1, 502),
        ("/oauth/token", 2, 200),
        (TEMPLATE, 1, 200),
    ]
    assert events[0].entity_id is None
    assert events[0].method == "POST"
    (fetch,) = events.of("token")
    assert fetch == TokenEvent(fetch.call, "zuora", fetch.seconds, waited=False, early=False, error=None)
    assert fetch.seconds == pytest.approx(events[0].wait)
    assert events[-1].attempts == 1
    assert len({event.call for event in events}) == 1


def test_token_from_memory_makes_no_event() -> None:
    events = Events()
    with Wire(token("t"), YES, on_event=events, **OAUTH) as wire:
        disconnect(wire.api)
        disconnect(wire.api)
    assert len(events.of("token")) == 1
    first, second = (event.call for event in events.of("call"))
    assert first != second


@pytest.mark.parametrize("settings", [{"access_token": "t"}, {"access_token": lambda: "t"}, {}])
def test_no_token_event_without_a_fetch(settings: dict[str, Any]) -> None:
    events = Events()
    with Wire(on_event=events, **settings) as wire:
        disconnect(wire.api)
    assert events.kinds == ["attempt", "call"]


def test_token_from_a_store(tmp_path: Path) -> None:
    """A token that another client has stored makes an event with the class of the store, and no attempt."""
    store, events = FileTokenStore(tmp_path / "tokens"), Events()
    with TokenServer() as server:
        for on_event in (None, events):
            configuration = Configuration(server.url, token_store=store, on_event=on_event, **OAUTH)
            with ApiClient(configuration) as client:
                CALLS["GET"](EntityConnectionsApi(client))
    assert events.kinds == ["token", "attempt", "call"]
    assert (events[0].source, events[0].error, events[0].waited) == ("FileTokenStore", None, False)


def test_token_error() -> None:
    events = Events()
    with Wire(respond(401), on_event=events, **OAUTH) as wire:
        error = failure_of(disconnect, wire.api)
    attempt, fetch, call = events
    assert (attempt.template, attempt.status, attempt.error) == ("/oauth/token", 401, "AuthenticationError")
    assert (fetch.error, fetch.early, fetch.source) == ("AuthenticationError", False, "zuora")
    assert (call.attempts, call.error, call.outcome) == (0, type(error).__name__, "not_sent")


def test_refreshed_token() -> None:
    events = Events()
    with Wire(token("a-token"), respond(401), token("b-token"), YES, on_event=events, **OAUTH) as wire:
        disconnect(wire.api)
    assert events.kinds == ["attempt", "token", "attempt", "attempt", "token", "attempt", "call"]
    assert (events[2].status, events[2].error, events[2].wait) == (401, "AuthenticationError", 0.0)
    assert events[-1].attempts == 2


@pytest.mark.parametrize("succeeds", [True, False])
def test_early_renewal(succeeds: bool) -> None:
    """A renewal ahead of time is early. Its failure is an event, and no failure of the call."""
    events = Events()
    with Wire(
        token("a-token"), YES, token("b-token") if succeeds else respond(400), YES, on_event=events, **OAUTH
    ) as w:
        CALLS["GET"](w.api)
        w.clock.advance(3500)
        CALLS["GET"](w.api)
    first, second = events.of("token")
    assert (first.early, second.early) == (False, True)
    assert second.error == (None if succeeds else "RequestRejectedError")
    assert [event.outcome for event in events.of("call")] == ["done", "done"]


# -- threads ----------------------------------------------------------------------------------------------------------


def test_events_come_in_the_calling_thread() -> None:
    seen: list[tuple[str, int]] = []

    def on_event(event: Any) -> None:
        seen.append((event.call, threading.get_ident()))

    with Wire(on_event=on_event) as wire:
        disconnect(wire.api)
        assert {ident for _, ident in seen} == {threading.get_ident()}
        seen.clear()
        wire.api.put_entity_connections_accept(CONNECTION_ID, async_req=True).get(60)
    assert len({ident for _, ident in seen}) == 1
    assert threading.get_ident() not in {ident for _, ident in seen}


def test_many_threads() -> None:
    """Each call of 8 threads has an id of its own, and its events come in order."""
    events = Events()
    with TokenServer() as server, ApiClient(Configuration(server.url, on_event=events, **OAUTH)) as client:
        api = EntityConnectionsApi(client)
        callers = [Caller(lambda: [CALLS["GET"](api) for _ in range(5)]) for _ in range(8)]
        for caller in callers:
            caller.done()
    by_call: dict[str, list[str]] = {}
    for event in events:
        by_call.setdefault(event.call, []).append(event.kind)
    assert len(by_call) == 40
    assert sorted(by_call.values(), key=len)[:39] == [["attempt", "call"]] * 39
    assert len(events.of("token")) == 1


def test_waiting_threads_do_not_wait_for_the_callable() -> None:
    """A callable that is slow after a token fetch delays no other thread."""
    released, entered = threading.Event(), threading.Event()
    leader: list[int] = []

    def on_event(event: Any) -> None:
        if event.kind == "token" or event.template == "/oauth/token":
            leader.append(threading.get_ident())
            entered.set()
            assert released.wait(20)

    with TokenServer() as server, ApiClient(Configuration(server.url, on_event=on_event, **OAUTH)) as client:
        api = EntityConnectionsApi(client)
        first = Caller(lambda: CALLS["GET"](api))
        assert entered.wait(20)
        Caller(lambda: CALLS["GET"](api)).done()
        released.set()
        first.done()
    assert len(set(leader)) == 1


# -- a callable that raises or is slow --------------------------------------------------------------------------------


def raising(event: Any) -> None:
    raise RuntimeError("s3cret")


@pytest.mark.parametrize("responses", [(YES,), (reset,), (respond(502), YES), (refusal(50000030),)])
@pytest.mark.parametrize("name", ["GET", "POST", "PUT accept"])
def test_exception_changes_nothing(name: str, responses: tuple[Behaviour, ...]) -> None:
    ends = []
    for on_event in (None, raising):
        with Wire(*responses, on_event=on_event) as wire:
            try:
                end: Any = CALLS[name](wire.api)
            except ApiException as error:
                end = (type(error), error.outcome, len(error.attempts), error.__context__ is error.__cause__)
            ends.append((end, len(wire.requests)))
    assert ends[0] == ends[1]


def test_exception_is_logged_once_per_client(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(on_event=raising) as wire, caplog.at_level("WARNING"):
        for _ in range(3):
            disconnect(wire.api)
        assert len(caplog.records) == 1
        with ApiClient(copy.deepcopy(wire.configuration)) as other:
            disconnect(EntityConnectionsApi(other))
    assert len(caplog.records) == 2
    assert "on_event raised RuntimeError" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupt_in_the_callable_propagates(error: type[BaseException]) -> None:
    def interrupted(event: Any) -> None:
        raise error

    with Wire(on_event=interrupted) as wire, pytest.raises(error):
        disconnect(wire.api)


def test_time_in_the_callable_does_not_count() -> None:
    """A callable that takes 400 s, longer than the deadline, delays the call and changes nothing else."""
    events = Events()

    def on_event(event: Any) -> None:
        events(event)
        wire.clock.advance(400)

    with Wire(respond(502), token("t"), respond(502), respond(502), YES, on_event=on_event, **OAUTH) as wire:
        CALLS["GET"](wire.api)
    assert events[-1].outcome == "done"
    assert events[-1].seconds < 10
    assert max(event.seconds for event in events) < 10


# -- interrupts -------------------------------------------------------------------------------------------------------


class TimeLimitError(Exception):
    pass


def interrupting(sock: Any, _: Any) -> None:
    """A behaviour: interrupt the main thread, which waits for the response, until it closes the connection.

    A signal that arrives just before the wait does not end it, so one may not be enough.
    """
    sock.settimeout(0.1)
    for _round in range(200):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        with contextlib.suppress(TimeoutError):
            sock.recv(1)
            return


@pytest.fixture
def alarm() -> Any:
    def handler(*_: Any) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        raise TimeLimitError

    before = signal.signal(signal.SIGALRM, handler)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="Windows has no SIGALRM")
@pytest.mark.parametrize(("name", "level"), [("PUT disconnect", "WARNING"), ("GET", "INFO")])
def test_interrupted_call(name: str, level: str, alarm: None, caplog: pytest.LogCaptureFixture) -> None:
    """What a signal handler raises ends the call with an event: a write that was under way is unknown."""
    events = Events()
    wire = Wire(interrupting, on_event=events)
    with wire, caplog.at_level("INFO", "zuora_client"), pytest.raises(TimeLimitError):
        CALLS[name](wire.api)
    assert events.kinds == ["attempt", "call"]
    assert {event.error for event in events} == {"TimeLimitError"}
    assert (events[1].outcome, events[1].attempts, events[1].status) == ("unknown", 1, None)
    assert [record.levelname for record in caplog.records] == [level]


def test_unusable_credentials() -> None:
    events = Events()
    with Wire(on_event=events, access_token=lambda: "two\nlines") as wire, pytest.raises(ValueError, match="line"):
        disconnect(wire.api)
    (call,) = events
    assert (call.attempts, call.error, call.outcome) == (0, "ValueError", "not_sent")


# -- secrets ----------------------------------------------------------------------------------------------------------

SECRETS: dict[str, Any] = {
    "client_id": "id",
    "client_secret": canary.CLIENT_SECRET,
    "api_key": {"apiAccessKeyId": canary.KEY_ID, "apiSecretAccessKey": canary.KEY_SECRET},
    "username": "me",
    "password": canary.PASSWORD,
}
CONFIGURED = [canary.CLIENT_SECRET, canary.PASSWORD, canary.KEY_SECRET, canary.KEY_ID, canary.BASIC]
SENT = [*CONFIGURED, canary.COOKIE, canary.TOKEN]


@pytest.mark.parametrize("echo", canary.ECHOES)
def test_no_secret_in_events(echo: str) -> None:
    """No response can bring a secret into an event or a log line, in a call or in a token request."""
    collector = canary.Collector()
    events = Events()
    with TokenServer(*[token(canary.TOKEN)] * 9) as server, collector.capturing():
        server.call_behaviour = canary.echoes(SENT)[echo]
        configuration = Configuration(server.url, on_event=events, max_attempts=2, **SECRETS)
        with ApiClient(configuration, cookie=canary.COOKIE, clock=FakeClock()) as client:
            for call in (CALLS["GET"], CALLS["POST"], CALLS["PUT accept"]):
                with_any_end(call, EntityConnectionsApi(client))
        with TokenServer(*[canary.echoes(CONFIGURED)[echo]] * 2) as tokens:
            configuration.host = tokens.url
            with ApiClient(configuration, cookie=canary.COOKIE, clock=FakeClock()) as client:
                with_any_end(CALLS["GET"], EntityConnectionsApi(client))
    assert events
    for event in events:
        collector.add_object(event)
        collector.add("pickle", repr(pickle.dumps(event)))
    collector.assert_no_secrets()


def with_any_end(call: Callable[[Any], Any], api: EntityConnectionsApi) -> None:
    with contextlib.suppress(ApiException):
        call(api)


def test_new_token_in_its_own_response() -> None:
    """The token endpoint may echo a token that the client does not know yet."""
    collector = canary.Collector()
    issued = respond_json({"access_token": canary.TOKEN, "expires_in": 3600}, 200, {"Zuora-Request-Id": canary.TOKEN})
    events = Events()
    with Wire(issued, YES, on_event=events, **OAUTH) as wire, collector.capturing():
        disconnect(wire.api)
    collector.add("events", repr(events))
    assert "/oauth/token: 200" in collector.log
    collector.assert_no_secrets()


@pytest.mark.parametrize("value", ["a\n b", "x" * 9000, "\x1b[31m", "\u2028"])
def test_ids_are_short_single_lines(value: str) -> None:
    events = Events()
    folded = f"HTTP/1.1 404 No\r\nZuora-Request-Id: {value}\r\nContent-Length: 0\r\n\r\n".encode()
    with Wire(folded, on_event=events) as wire:
        failure_of(disconnect, wire.api)
    shown = events[-1].request_id
    assert shown is None or (shown.isprintable() and len(shown) <= 203)


def test_fields_are_plain_values() -> None:
    """Every field is text, a number, a bool or None, and ready for JSON."""
    events = Events()
    with Wire(token("t"), reset, respond(429), YES, on_event=events, **OAUTH) as wire:
        CALLS["GET"](wire.api)
    for event in events:
        assert {type(value) for value in event} <= {str, int, float, bool, type(None)}
        assert json.loads(json.dumps(event._asdict()))["kind"] == event.kind


@pytest.mark.parametrize("cls", [AttemptEvent, CallEvent, TokenEvent])
def test_events_are_frozen(cls: Any) -> None:
    event = cls(*[None] * (len(cls._fields) - 1))
    assert event.kind == cls.__name__.removesuffix("Event").lower()
    with pytest.raises(AttributeError):
        event.call = "other"
    with pytest.raises(AttributeError):
        event.body = "new"
    assert not hasattr(event, "__dict__")
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event


# -- the setting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, "print", [print], True])
def test_setting_must_be_callable(value: Any) -> None:
    with pytest.raises(TypeError, match="on_event must be a callable or None"):
        Configuration(on_event=value)
    configuration = Configuration(on_event=print)
    with pytest.raises(TypeError, match="on_event"):
        configuration.on_event = value
    assert configuration.on_event is print


def test_copies_share_the_callable() -> None:
    events = Events()
    configuration = Configuration(on_event=events.append)
    before = configuration.on_event
    assert copy.deepcopy(configuration).on_event is before
    assert copy.copy(configuration).on_event is before
    Configuration.set_default(configuration)
    try:
        assert Configuration().on_event is before
        assert Configuration(on_event=None).on_event is None
    finally:
        Configuration.set_default(None)


def test_pickle_as_the_callable_allows() -> None:
    assert pickle.loads(pickle.dumps(Configuration(on_event=raising))).on_event is raising
    for on_event in (lambda event: None, Events([threading.Lock()])):
        with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
            pickle.dumps(Configuration(on_event=on_event))


@pytest.mark.parametrize("name", READS)
def test_setting_may_change_between_calls(name: str) -> None:
    events = Events()
    with Wire() as wire:
        CALLS[name](wire.api)
        wire.configuration.on_event = events
        CALLS[name](wire.api)
        wire.configuration.on_event = None
        CALLS[name](wire.api)
    assert events.kinds == ["attempt", "call"]


def test_module_is_reached_from_the_package() -> None:
    assert zuora_client.events.CallEvent is CallEvent
