"""A signal handler may run at every step of a call: what it raises propagates, and nothing stays locked or open."""

from __future__ import annotations

import errno
import functools
import gc
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from support import FakeClock, reset, respond
from support.authority import Authority
from support.calls import CALLS, failure_of
from support.effort import FACTOR
from support.leaks import free_slots, sockets_to
from support.steps import Run, sampled
from support.threads import Caller, Gate
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer, connected
from support.wire import YES, Wire

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi

pytestmark = [
    pytest.mark.usefixtures("untraced"),
    # Between the creation of a socket and its assignment to a connection, only its finalizer can close it. What a
    # handler raises in a finalizer, Python reports and ignores.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class TimeLimit(Exception):
    """Like Celery's SoftTimeLimitExceeded: an ordinary exception, raised by a signal handler."""


RAISED: dict[str, Callable[[], BaseException]] = {
    "KeyboardInterrupt": KeyboardInterrupt,
    "time limit": TimeLimit,
    "TimeoutError": TimeoutError,
    "OSError": lambda: OSError(errno.EIO, "raised by a handler"),
    "ConnectionResetError": lambda: ConnectionResetError(errno.ECONNRESET, "raised by a handler"),
    "BrokenPipeError": lambda: BrokenPipeError(errno.EPIPE, "raised by a handler"),
    "ValueError": lambda: ValueError("raised by a handler"),
    "AttributeError": lambda: AttributeError("raised by a handler"),
    "ApiException": lambda: ApiException(500, "raised by a handler"),
}
CREDENTIALS = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
# Each with the settings of the client, whether it has a connection already, and the stride through the steps.
STATES: dict[str, tuple[dict[str, Any], bool, int]] = {
    "new connection": ({"access_token": lambda: "t"}, False, 37),
    "kept connection": ({"access_token": lambda: "t"}, True, 37),
    "token request": (CREDENTIALS, False, 83),
    "token request with events": ({**CREDENTIALS, "on_event": str}, False, 173),
}
FINALIZERS = {"close", "closed", "flush", "isclosed"}


def throw(error: BaseException) -> None:
    raise error


def make_client(url: str, settings: dict[str, Any], *, used: bool) -> ApiClient:
    client = ApiClient(Configuration(url, max_attempts=3, **settings), clock=FakeClock())
    if used:
        CALLS["GET"](EntityConnectionsApi(client))
    return client


def steps_of(url: str, settings: dict[str, Any], call: str, *, used: bool) -> int:
    """Return the number of steps of a call that is not interrupted."""
    for _ in range(2):  # the first one imports modules
        with make_client(url, settings, used=used) as client:
            run = Run(lambda: CALLS[call](EntityConnectionsApi(client)), 0, int)
        assert run.error is None
    return run.steps


def taken_for_own(run: Run, raised: BaseException) -> bool:
    """Whether code outside this package may have taken an exception for one of its own.

    Finalizers ignore exceptions, and so does what expects this class, e.g. ``int()`` within ``try``: the call goes on.
    urllib3 ignores two errors of the socket that arise where it calls ``request``. The codec for host names raises its
    own copy of an exception, and a check of an argument or a URL a ValueError that names it.
    """
    if run.error is None:
        expected = isinstance(raised, (ValueError, TypeError, AttributeError)) or (
            isinstance(raised, ConnectionError) and run.where == "request"
        )
        return expected or run.where in FINALIZERS
    is_converted = isinstance(run.error, (type(raised), ValueError))
    return is_converted and raised in (run.error.__cause__, run.error.__context__)


def interrupt_call(client: ApiClient, call: str, step: int, make_error: Callable[[], BaseException]) -> None:
    """Raise an exception at a step of a call, and make a call in another thread afterwards."""
    raised = make_error()
    api = EntityConnectionsApi(client)
    client.set_default_header("Zuora-Track-Id", f"{call} {step}")
    run = Run(lambda: CALLS[call](api), step, functools.partial(throw, raised))
    if run.where is None:  # the number of steps varies a little
        assert run.error is None
        return
    assert run.error is raised or taken_for_own(run, raised), (run.where, repr(run.error))
    where, is_wrapped = run.where, isinstance(raised, OSError)
    # The exception is in a cycle with the frame that raised it.
    raised.__traceback__ = None
    del run, raised
    if is_wrapped and not free_slots(client):
        # urllib3 keeps an error that it wraps in a cycle with its frame.
        gc.collect()
    assert free_slots(client), where
    client.set_default_header("Zuora-Track-Id", None)
    assert Caller(lambda: CALLS["POST"](api)).done().success, where
    assert free_slots(client), where


def check_sent_once(server: TokenServer) -> None:
    """Check that no interrupted call was sent twice. The server has ended, so every request has arrived."""
    ids = Counter(request.headers.get("zuora-track-id") for request in server.calls)
    del ids[None]
    assert max(ids.values()) == 1


@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("state", STATES)
def test_exception_at_every_step(state: str, name: str) -> None:
    """What a handler raises at any step propagates; the request is sent at most once; the client stays usable."""
    settings, used, stride = STATES[state]
    settings = {**settings, "allow_insecure_http": True}
    offset = list(RAISED).index(name) * 31
    with TokenServer() as server:
        for call in ("GET", "POST", "PUT disconnect"):
            steps = steps_of(server.url, settings, call, used=used)
            for step in sampled(steps, stride, offset):
                with make_client(server.url, settings, used=used) as client:
                    interrupt_call(client, call, step, RAISED[name])
        gc.collect()
        assert sockets_to(server.port) == []
    check_sent_once(server)


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "TimeoutError", "BrokenPipeError"])
def test_exception_at_every_step_of_tls(name: str, authority: Authority) -> None:
    """The same over TLS, with the handshake."""
    settings = {"access_token": "t", "ssl_ca_cert": authority.file}
    with TokenServer(ssl_context=authority.server()) as server:
        steps = steps_of(server.url, settings, "PUT disconnect", used=False)
        for step in sampled(steps, 53, list(RAISED).index(name) * 13):
            with make_client(server.url, settings, used=False) as client:
                interrupt_call(client, "PUT disconnect", step, RAISED[name])
    check_sent_once(server)


# -- how a handler may be written -----------------------------------------------------------------------------------


def with_frame(signum: int, frame: Any) -> None:
    raise TimeoutError("raised by a handler")


def without_its_arguments(signum: int, frame: Any) -> None:
    del signum, frame
    raise TimeoutError("raised by a handler")


def with_keywords(*arguments: Any, other: int = 0, **options: Any) -> None:
    raise TimeoutError("raised by a handler")


def from_another(signum: int, frame: Any) -> None:
    try:
        int("x")
    except ValueError as error:
        raise TimeoutError("raised by a handler") from error


class HandlerObject:
    def __call__(self, signum: int, frame: Any) -> None:
        raise TimeoutError("raised by a handler")

    def method(self, signum: int, frame: Any) -> None:
        del signum, frame
        raise TimeoutError("raised by a handler")


HANDLERS: dict[str, Callable[..., Any]] = {
    "function": with_frame,
    "deleted arguments": without_its_arguments,
    "star arguments": with_keywords,
    "partial": functools.partial(lambda text, *_: with_frame(0, text), "bound"),
    "object": HandlerObject(),
    "method": HandlerObject().method,
    "mock": mock.Mock(side_effect=TimeoutError("raised by a handler")),
    "from another exception": from_another,
}


@pytest.fixture
def on_signal() -> Iterator[Callable[[Any], None]]:
    """Return a function that registers a handler for SIGUSR1, until the end of the test."""

    def register(handler: Any) -> None:
        signal.signal(signal.SIGUSR1, handler)

    before = signal.getsignal(signal.SIGUSR1)
    yield register
    signal.signal(signal.SIGUSR1, before)


def interrupt() -> None:
    """Send SIGUSR1 to the main thread, from another thread or from itself."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def interrupt_after(data: bytes) -> Any:
    """A behaviour: send the beginning of a response, then interrupt the client."""

    def behave(sock: Any, _: Any) -> None:
        sock.sendall(data)
        interrupt()
        sock.recv(1)

    return behave


@pytest.mark.parametrize("name", HANDLERS)
@pytest.mark.parametrize("data", [b"", YES[:-5]], ids=["before the response", "in the body"])
def test_every_form_of_handler(name: str, data: bytes, on_signal: Any) -> None:
    on_signal(HANDLERS[name])
    with Wire(interrupt_after(data), YES) as wire:
        with pytest.raises(TimeoutError, match="raised by a handler"):
            CALLS["PUT accept"](wire.api)
        assert len(wire.requests) == 1
        assert free_slots(wire.client)


def test_second_interruption_wins(on_signal: Any) -> None:
    """A handler that runs while an earlier exception of a handler is handled replaces it, as without the library."""

    def raise_twice(signum: int, frame: Any) -> None:
        try:
            raise TimeoutError("the first")
        finally:
            raise TimeoutError("the second")

    on_signal(raise_twice)
    with Wire(interrupt_after(b"")) as wire, pytest.raises(TimeoutError, match="the second") as caught:
        CALLS["PUT accept"](wire.api)
    assert str(caught.value.__context__) == "the first"


@pytest.mark.parametrize("make_error", [TimeLimit, TimeoutError, lambda: ApiException(500, "earlier")])
def test_earlier_interruption_is_not_mistaken(make_error: Any) -> None:
    """A call that fails while the exception of a handler is handled reports its own failure."""
    earlier = make_error()

    def handler(signum: int, frame: Any) -> None:
        raise earlier

    with Wire(reset, respond(500), max_attempts=1) as wire, connected(reset, max_attempts=1) as (_, api):
        try:
            handler(signal.SIGUSR1, sys._getframe())
        except BaseException:
            assert failure_of(CALLS["PUT accept"], wire.api).outcome == "unknown"
            assert failure_of(CALLS["GET"], wire.api).status == 500
            assert failure_of(CALLS["PUT accept"], api).outcome == "not_sent"


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "TimeoutError", "ApiException"])
@pytest.mark.parametrize("settings", [{"access_token": "t"}, CREDENTIALS], ids=["call", "token request"])
def test_connection_ends_with_the_exception(settings: dict[str, Any], name: str) -> None:
    """Between the arrival of a response and its reading, only the exception refers to the connection; no cycle does."""

    def interrupt_before_reading(frame: Any = None) -> None:
        raise RAISED[name]()

    def complete_response(*_: Any) -> None:
        interrupt_before_reading(sys._getframe())

    with TokenServer() as server, make_client(server.url, settings, used=False) as client:
        gc.disable()
        try:
            with mock.patch("zuora_client._http.transport.complete_response", complete_response):
                try:
                    CALLS["PUT accept"](EntityConnectionsApi(client))
                except BaseException as error:
                    is_raised = str(error) == str(RAISED[name]())
            assert is_raised
            assert sockets_to(server.port) == []
        finally:
            gc.enable()


# -- where the caller's code runs -----------------------------------------------------------------------------------


def interrupting(*_: Any) -> Any:
    interrupt()
    # The handler runs at the latest when the next function has been called.
    return repr("")


class InterruptedStore:
    get = set = add = delete = interrupting


def raise_time_limit(*_: Any) -> None:
    raise TimeLimit


@pytest.mark.parametrize(
    "settings",
    [
        {"access_token": interrupting},
        {"on_event": interrupting, "access_token": "t"},
        {"token_store": InterruptedStore(), **CREDENTIALS},
    ],
    ids=["access_token", "on_event", "token_store"],
)
def test_interruption_of_callers_code(settings: dict[str, Any], on_signal: Any) -> None:
    """An exception of a handler is not taken for one of the callable or of the store that it interrupts."""
    on_signal(raise_time_limit)
    with TokenServer() as server, make_client(server.url, settings, used=False) as client:
        with pytest.raises(TimeLimit):
            CALLS["GET"](EntityConnectionsApi(client))
        assert len(server.calls) <= 1


def test_request_of_the_transport() -> None:
    """`rest_client.request` passes exceptions of handlers on too."""
    with Wire() as wire:
        request = functools.partial(wire.client.rest_client.request, "GET", f"{wire.server.url}/v1/x")
        for step in sampled(Run(request, 0, int).steps, 23, 5):
            raised = TimeoutError()
            run = Run(request, step, functools.partial(throw, raised))
            assert run.error in (raised, None)
            assert run.error or run.where in {*FINALIZERS, None}


# -- close() in a handler -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["GET", "POST", "PUT disconnect"])
@pytest.mark.parametrize("state", [*list(STATES)[:3], "async threads"])
def test_close_at_every_step(state: str, call: str) -> None:
    """A call whose client is closed meanwhile ends as it would, or says that it was not sent, which is true."""
    settings, used, _ = STATES.get(state, STATES["kept connection"])
    with TokenServer() as server:
        for step in sampled(steps_of(server.url, settings, call, used=used), 23, 0):
            with make_client(server.url, settings, used=used) as client:
                if state == "async threads":
                    client.pool.apply(int)
                server.requests.clear()
                run = Run(functools.partial(CALLS[call], EntityConnectionsApi(client)), step, client.close)
                sent = len(server.calls)
                if isinstance(run.error, ApiException):
                    assert (run.error.outcome, sent) == ("not_sent", 0), run.where
                elif run.error is not None:
                    assert (str(run.error), sent) == ("this ApiClient is closed: make another one", 0), run.where
                else:
                    assert (run.result.success, sent) == (True, 1), run.where
                assert free_slots(client), run.where
        assert sockets_to(server.port) == []


def test_call_in_a_handler() -> None:
    """A handler may make calls with the client whose call it interrupts."""
    with TokenServer() as server:
        for step in sampled(steps_of(server.url, CREDENTIALS, "POST", used=False), 31, 0):
            with make_client(server.url, CREDENTIALS, used=False) as client:
                server.requests.clear()
                api = EntityConnectionsApi(client)
                run = Run(functools.partial(CALLS["POST"], api), step, functools.partial(CALLS["PUT accept"], api))
                assert run.result.success, (run.where, run.error)
                if run.where is not None:
                    assert sorted(request.method for request in server.calls) == ["POST", "PUT"]
                assert free_slots(client)


# -- real signals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "TLS"])
def test_signals_at_random_moments(over_tls: bool, authority: Authority, on_signal: Any) -> None:
    """Signals of another thread interrupt calls anywhere, and the client stays usable."""
    armed = False
    moments = random.Random(over_tls)

    def handle(signum: int, frame: Any) -> None:
        if armed:
            raise TimeoutError("raised by a handler")

    def send_later(seconds: float) -> None:
        time.sleep(seconds)
        interrupt()

    on_signal(handle)
    interrupted = 0
    context = authority.server() if over_tls else None
    with TokenServer(ssl_context=context) as server:
        settings = {"access_token": "t", "ssl_ca_cert": authority.file}
        with make_client(server.url, settings, used=True) as client:
            api = EntityConnectionsApi(client)
            for number in range(100 * FACTOR):
                client.set_default_header("Zuora-Track-Id", str(number))
                sender = Caller(functools.partial(send_later, moments.uniform(0, 0.002)))
                try:
                    armed = True
                    CALLS["PUT accept"](api)
                    armed = False
                except TimeoutError as error:
                    armed = False
                    interrupted += str(error) == "raised by a handler"
                sender.done()
            client.set_default_header("Zuora-Track-Id", None)
            gc.collect()
            assert free_slots(client)
            assert Caller(lambda: CALLS["POST"](api)).done().success
    check_sent_once(server)
    assert interrupted


# -- threads that wait for another ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "TimeoutError", "ApiException"])
def test_waiting_threads_outlive_the_leader(name: str) -> None:
    """A thread that is interrupted while it fetches a token does not block those that wait for the token."""
    with TokenServer() as server:
        steps = steps_of(server.url, CREDENTIALS, "GET", used=False)
        for step in sampled(steps, 31, list(RAISED).index(name) * 11):
            with make_client(server.url, CREDENTIALS, used=False) as client:
                api = EntityConnectionsApi(client)
                barrier = threading.Barrier(3)
                get = functools.partial(CALLS["GET"], api)
                waiting = [Caller(lambda: (barrier.wait(20), get())[1]) for _ in range(2)]  # noqa: B023 # done below
                barrier.wait(20)
                Run(get, step, functools.partial(throw, RAISED[name]()))
                assert [caller.done().success for caller in waiting] == [True, True]


def test_interrupted_get_of_an_async_call() -> None:
    """`get()` that was interrupted can be called again, in any thread."""
    gate = Gate(YES)
    with Wire(gate) as wire:
        result = wire.api.get_entity_connections(async_req=True)
        assert gate.reached.wait(20)
        for step in range(1, 12):
            raised = KeyboardInterrupt()
            run = Run(lambda: result.get(0.001), step, functools.partial(throw, raised))
            assert run.error is raised or run.where is None
        waiting = Caller(result.get)
        gate.open()
        assert result.get(60).success
        assert waiting.done().success
