"""An attempt can be ended from another thread, which touches no other call of the client."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import FakeClock, Received, ScriptedServer
from support.authority import Authority
from support.calls import CALLS, failure_of
from support.proxy import Proxy
from support.scripted import Behaviour
from support.threads import Caller, Gate
from support.wire import YES

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.exceptions import NOT_SENT, ApiConnectionError

ROUTES = ("plain", "TLS", "tunnel", "TLS within TLS")


@contextlib.contextmanager
def served(route: str, authority: Authority, *behaviours: Behaviour) -> Iterator[tuple[ScriptedServer, ApiClient]]:
    """A server that is reached over a route, and a client of it that makes one attempt for each call."""
    with contextlib.ExitStack() as stack:
        is_tls = route != "plain"
        server = ScriptedServer(*behaviours, ssl_context=authority.server() if is_tls else None)
        stack.enter_context(server)
        configuration = Configuration(server.url, ssl_ca_cert=authority.file, max_attempts=1)
        if route == "tunnel":
            configuration.proxy = stack.enter_context(Proxy()).url
        elif route == "TLS within TLS":
            configuration.proxy = stack.enter_context(Proxy(ssl_context=authority.server("127.0.0.1"))).url
        yield server, stack.enter_context(ApiClient(configuration, clock=FakeClock()))


def view(client: ApiClient, on_attempt: Callable[[Any], None]) -> EntityConnectionsApi:
    return EntityConnectionsApi(client.view(FakeClock(), on_attempt))


class Silence:
    """A behaviour: send the start of a response, and nothing more until the client ends the connection."""

    def __init__(self, start: bytes = b"") -> None:
        self.reached = threading.Event()
        self._start = start

    def __call__(self, sock: socket.socket, _: Received) -> None:
        sock.sendall(self._start)
        self.reached.set()
        with contextlib.suppress(OSError):
            sock.recv(1)


@pytest.mark.parametrize("start", [b"", YES[:-1]], ids=["before the response", "in the body"])
@pytest.mark.parametrize("route", ROUTES)
def test_abort_ends_a_waiting_attempt(route: str, start: bytes, authority: Authority) -> None:
    """The outcome of a write is unknown, and its connection is closed."""
    attempts: list[Any] = []
    behaviour = Silence(start)
    with served(route, authority, behaviour, YES) as (server, client):
        call = Caller(lambda: failure_of(CALLS["PUT accept"], view(client, attempts.append)))
        assert behaviour.reached.wait(20)
        attempts[0].abort()
        error = call.done()
        assert (error.outcome, type(error.__cause__)) == ("unknown", ApiConnectionError)
        assert CALLS["GET"](EntityConnectionsApi(client)).success is True
        assert server.connections == 2


@pytest.mark.parametrize("route", ROUTES)
def test_abort_touches_no_other_call(route: str, authority: Authority) -> None:
    """The connection of an attempt that is over may carry the call of somebody else."""
    attempts: list[Any] = []
    gate = Gate(YES)
    with served(route, authority, YES, gate) as (server, client):
        CALLS["GET"](view(client, attempts.append))
        call = Caller(lambda: CALLS["PUT accept"](EntityConnectionsApi(client)))
        assert gate.reached.wait(20)
        attempts[0].abort()
        gate.open()
        assert call.done().success is True
        assert server.connections == 1


def test_aborted_attempt_sends_nothing(authority: Authority) -> None:
    """An attempt that was aborted before it had a connection is not sent."""
    with served("plain", authority, YES) as (server, client):
        error = failure_of(CALLS["POST"], view(client, lambda attempt: attempt.abort()))
        assert isinstance(error, ApiConnectionError)
        assert error.outcome == "not_sent"
        assert server.requests == []


def test_view_can_refuse_attempts(authority: Authority) -> None:
    """What `on_attempt` raises is the failure of the attempt, and other calls of the client are not asked."""

    def refuse(_: Any) -> None:
        raise ApiConnectionError(reason="stopped", outcome=NOT_SENT)

    with served("plain", authority, YES) as (server, client):
        error = failure_of(CALLS["POST"], view(client, refuse))
        assert (error.outcome, error.reason, server.requests) == ("not_sent", "stopped", [])
        assert CALLS["GET"](EntityConnectionsApi(client)).success is True
