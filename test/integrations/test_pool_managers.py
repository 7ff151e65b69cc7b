"""The caller's own pool manager carries every request, within the deadline and with the strict reader."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import urllib3
from support import FakeClock, Received, ScriptedServer, respond
from support.authority import Authority
from support.calls import CALLS, failure_of
from support.proxy import Proxy
from support.scripted import Behaviour, reset
from support.socks import SocksProxy
from support.tools import load, requires
from support.wire import YES, Wire

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client.deadline import Clock
from zuora_client.exceptions import ApiTimeoutError, OutcomeUnknownError

ACCESS_TOKEN = "the-access-token"


# Refuses connections: what does not go through the proxy fails.
CLOSED_PORT = "http://127.0.0.1:9"


class Carried(NamedTuple):
    """A server that is reached through a manager of the caller, and the client."""

    server: ScriptedServer
    proxy: Proxy | None
    manager: Any
    api: EntityConnectionsApi

    @property
    def carried(self) -> int:
        """The number of connections that were opened through the proxy. A forwarding proxy is the server itself."""
        if self.proxy is None:
            return self.server.connections
        return len(self.proxy.targets if isinstance(self.proxy, SocksProxy) else self.proxy.requests)


Start = Callable[..., Carried]


@pytest.fixture(
    params=[
        "forwarding",
        "tunnel",
        pytest.param("socks", marks=requires("PySocks")),
        pytest.param("socks, https", marks=requires("PySocks")),
    ]
)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Start a server with these behaviours, and a client that reaches it through a manager of the caller."""
    with contextlib.ExitStack() as stack:

        def make(*behaviours: Behaviour, clock: Clock | None = None, **settings: Any) -> Carried:
            authority = Authority(tmp_path)
            context = authority.server("localhost") if request.param in ("tunnel", "socks, https") else None
            server = stack.enter_context(ScriptedServer(*behaviours, ssl_context=context))
            proxy: Proxy | None = None
            manager: Any
            if request.param == "forwarding":
                manager = urllib3.ProxyManager(server.url)
            elif request.param == "tunnel":
                proxy = stack.enter_context(Proxy())
                manager = urllib3.ProxyManager(proxy.url)
            else:
                proxy = stack.enter_context(SocksProxy())
                manager = load("urllib3.contrib.socks").SOCKSProxyManager(proxy.url)
            configuration = Configuration(server.url if proxy else CLOSED_PORT, access_token=ACCESS_TOKEN, **settings)
            configuration.ssl_ca_cert = authority.file
            client = stack.enter_context(ApiClient(configuration, clock=clock or FakeClock()))
            client.rest_client.pool_manager = manager
            return Carried(server, proxy, manager, EntityConnectionsApi(client))

        yield make


def test_every_attempt_is_carried(start: Start) -> None:
    """Reads, retries and writes go through the manager; the lost write is sent once."""
    carried = start(respond(503), YES, YES, reset)
    assert CALLS["GET"](carried.api).success is True
    assert CALLS["PUT accept"](carried.api).success is True
    assert failure_of(CALLS["PUT disconnect"], carried.api).outcome == "unknown"
    assert [request.method for request in carried.server.requests] == ["GET", "GET", "PUT", "PUT"]
    assert carried.carried == carried.server.connections >= 1
    assert carried.api.api_client.rest_client.pool_manager is carried.manager


@pytest.mark.parametrize("name", ["GET", "PUT disconnect"])
def test_deadline_of_dripping_responses(start: Start, name: str) -> None:
    """A response that would take a minute ends by the deadline of the call."""

    def drip(sock: socket.socket, _: Received) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 616\r\n\r\n")
        for byte in b'{"success": true' + b" " * 599 + b"}":
            sock.sendall(bytes([byte]))
            carried.server.wait(0.1)

    carried = start(drip, clock=Clock(), deadline=1.0)
    error = failure_of(CALLS[name], carried.api)
    assert error.outcome == "unknown"
    timeout = error if name == "GET" else error.__cause__
    assert isinstance(timeout, ApiTimeoutError)
    assert len(carried.server.requests) == 1


@pytest.mark.parametrize(
    "response",
    [
        respond(200, b'{"success": true}', {"Content-Length": "17, 18"}),
        b"HTTP/1.1 +200 OK\r\nContent-Length: 17\r\n\r\n" + b'{"success": true}',
        respond(200, b"0x11\r\n" + b'{"success": true}' + b"\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}),
    ],
    ids=["two lengths", "status", "chunk size"],
)
def test_strict_reader(start: Start, response: bytes) -> None:
    """A malformed response to a write is no success."""
    carried = start(response)
    with pytest.raises(OutcomeUnknownError):
        CALLS["PUT disconnect"](carried.api)
    assert len(carried.server.requests) == 1


def test_cleared_pools(start: Start) -> None:
    """`clear()` closes the connections of the manager, and the next call opens one."""
    carried = start(YES)
    for _ in range(2):
        assert CALLS["GET"](carried.api).success is True
    carried.manager.clear()
    assert CALLS["GET"](carried.api).success is True
    assert len(carried.server.requests) == 3
    assert carried.server.connections == 2


# -- the manager that the client comes with ---------------------------------------------------------------------------


def test_pool_manager_is_urllib3s() -> None:
    with Wire(access_token=ACCESS_TOKEN) as wire:
        manager = wire.client.rest_client.pool_manager
        assert isinstance(manager, urllib3.PoolManager)
        CALLS["GET"](wire.api)
        CALLS["GET"](wire.api)
        assert wire.server.connections == 1
        manager.clear()
        CALLS["GET"](wire.api)
        assert wire.server.connections == 2
        assert wire.client.rest_client.pool_manager is manager


def test_late_assignment_is_refused() -> None:
    """After the first call the pool manager cannot be replaced, and the client goes on with its own."""
    with Wire(access_token=ACCESS_TOKEN) as wire, Proxy() as proxy:
        CALLS["GET"](wire.api)
        with pytest.raises(TypeError, match="pool_manager"):
            wire.client.rest_client.pool_manager = urllib3.ProxyManager(proxy.url)
        CALLS["GET"](wire.api)
        assert not proxy.requests


@pytest.mark.parametrize("value", [None, "http://127.0.0.1:3128", urllib3.PoolManager])
def test_not_a_pool_manager(value: Any) -> None:
    with Wire(access_token=ACCESS_TOKEN) as wire, pytest.raises(TypeError, match="pool_manager"):
        wire.client.rest_client.pool_manager = value


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 as local addresses")
def test_connection_pool_kw() -> None:
    """Settings of the manager apply to connections that are opened later."""
    peers = []

    def note(sock: socket.socket, _: Received) -> bool:
        peers.append(sock.getpeername()[0])
        sock.sendall(YES)
        return True

    with Wire(note, access_token=ACCESS_TOKEN) as wire:
        wire.client.rest_client.pool_manager.connection_pool_kw["source_address"] = ("127.0.0.2", 0)
        CALLS["GET"](wire.api)
    assert peers == ["127.0.0.2"]


def test_subclass_of_pool_manager() -> None:
    """An override of `connection_from_host` of the caller is used."""
    asked = []

    class Counted(urllib3.PoolManager):
        def connection_from_host(self, host: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(host)
            return super().connection_from_host(host, *args, **kwargs)

    with Wire(access_token=ACCESS_TOKEN) as wire:
        wire.client.rest_client.pool_manager = Counted()
        CALLS["GET"](wire.api)
        CALLS["PUT accept"](wire.api)
        assert len(wire.requests) == 2
    assert set(asked) == {"127.0.0.1"}


def test_manager_of_another_library() -> None:
    """A pool class of the caller's own keeps its connections, and its failures count as unknown."""

    class Pool(urllib3.HTTPConnectionPool):
        pass

    manager = urllib3.PoolManager()
    pools: Any = {"http": Pool, "https": urllib3.HTTPSConnectionPool}
    manager.pool_classes_by_scheme = pools
    with Wire(YES, reset, access_token=ACCESS_TOKEN) as wire:
        wire.client.rest_client.pool_manager = manager
        assert CALLS["GET"](wire.api).success is True
        with pytest.raises(ApiException) as caught:
            CALLS["PUT disconnect"](wire.api)
        assert caught.value.outcome == "unknown"
        assert len(wire.requests) == 2
