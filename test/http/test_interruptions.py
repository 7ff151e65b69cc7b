"""A signal handler may run at every step of a call: what it raises propagates, and nothing stays locked or open."""

from __future__ import annotations

import errno
import functools
import gc
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
from support import FakeClock, ScriptedServer, answer, reset
from support.authority import Authority
from support.calls import CALLS, failure_of
from support.effort import FACTOR
from support.leaks import free_slots, sockets_to
from support.steps import Run, sampled
from support.threads import Caller
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer, connected
from support.wire import YES, Wire

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client.token_store import FileTokenStore

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
    own copy of an exception, and a check of the arguments one that names the parameter.
    """
    if run.error is None:
        expected = isinstance(raised, (ValueError, TypeError, AttributeError)) or (
            isinstance(raised, ConnectionError) and run.where == "request"
        )
        return expected or run.where in FINALIZERS
    return type(run.error) is type(raised) and raised in (run.error.__cause__, run.error.__context__)


def interrupt_call(client: ApiClient, call: str, step: int, make_error: Callable[[], BaseException]) -> None:
    """Raise an exception at a step of a call, and make a call in another thread afterwards."""
    raised = make_error()

    def handler() -> None:
        raise raised

    api = EntityConnectionsApi(client)
    client.set_default_header("Zuora-Track-Id", f"{call} {step}")
    run = Run(lambda: CALLS[call](api), step, handler)
    if run.where is None:  # the number of steps varies a little
        assert run.error is None
        return
    assert run.error is raised or taken_for_own(run, raised), (run.where, repr(run.error))
    where, is_wrapped = run.where, isinstance(raised, OSError)
    # The exception and the handler are in a cycle with each other.
    raised.__traceback__ = None
    del run, raised, handler
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
        assert sockets_to(server.port) == []
    check_sent_once(server)
