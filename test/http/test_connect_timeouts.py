"""One deadline for all stages of connecting, one pool for each host, and what copies and forks share."""

from __future__ import annotations

import copy
import os
import socket
import threading
from typing import Any

import pytest
import urllib3
from support import FakeClock, ScriptedServer, respond_json
from support.leaks import pools_of
from support.wire import Wire

from zuora_client import (
    ApiClient,
    ApiException,
    ApiTimeoutError,
    Configuration,
    EntityConnectionsApi,
    InvalidResponseError,
)
from zuora_client._base.base_url import BaseURL

SUCCESS = respond_json({"success": True, "entityConnections": []})


def test_tls_handshake_after_slow_connect_response() -> None:
    """The proxy takes nearly all the time to respond to CONNECT, and the host behind it never starts TLS."""
    clock = FakeClock()

    def accept_late(sock: socket.socket, _: Any) -> None:
        proxy.wait(0.2)  # Until the client waits, with a timeout of 1000 s.
        clock.advance(999.8)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        # A client that waits much longer than the remaining 0.2 s sees the connection close instead of a timeout.
        sock.settimeout(8)
        while sock.recv(65536):
            pass

    with ScriptedServer(accept_late) as proxy:
        configuration = Configuration("https://zuora.invalid", proxy=proxy.url, max_attempts=1, connect_timeout=None)
        with ApiClient(configuration, clock=clock) as client, pytest.raises(ApiTimeoutError) as caught:
            EntityConnectionsApi(client).get_entity_connections(_request_timeout=1000)
    assert caught.value.outcome == "not_sent"


def test_silent_port_is_named() -> None:
    """A port that accepts the connection and never starts TLS may speak plain HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configuration = Configuration(
            f"https://127.0.0.1:{silent.getsockname()[1]}", access_token="t" * 20, connect_timeout=0.1, max_attempts=1
        )
        with ApiClient(configuration) as client, pytest.raises(ApiTimeoutError) as caught:
            EntityConnectionsApi(client).get_entity_connections()
    assert str(caught.value.reason).startswith("connected, but no TLS handshake with https://127.0.0.1:")
    assert "may speak plain HTTP" in caught.value.advice
    assert caught.value.outcome == "not_sent"


def test_tls_handshake_gets_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake is limited to the time remaining after the TCP connection."""
    clock = FakeClock()
    connect = urllib3.util.connection.create_connection

    def connect_slowly(*arguments: Any, **options: Any) -> socket.socket:
        clock.advance(999.8)
        return connect(*arguments, **options)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect_slowly)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"https://127.0.0.1:{silent.getsockname()[1]}"
        settings = Configuration(host, max_attempts=1, connect_timeout=None)
        with ApiClient(settings, clock=clock) as client, pytest.raises(ApiTimeoutError) as caught:
            EntityConnectionsApi(client).get_entity_connections(_request_timeout=1000)
    assert caught.value.outcome == "not_sent"


@pytest.mark.parametrize("attempt", range(5))
def test_first_calls_share_one_pool(attempt: int) -> None:
    """Threads that make the first calls at the same time get the same pool."""
    client = ApiClient(Configuration("https://127.0.0.1:1"))
    barrier = threading.Barrier(8)
    pools = []

    def get_pool() -> None:
        barrier.wait()
        pools.append(client.rest_client._routes.route(BaseURL("https://127.0.0.1:1")).pool)

    threads = [threading.Thread(target=get_pool) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert len({id(pool) for pool in pools}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_forked_child_closes_sockets_in_use() -> None:
    """A forked child closes its copy of the socket of a call that is in progress in the parent."""
    received, released = threading.Event(), threading.Event()

    def hold(sock: socket.socket, _: Any) -> bool:
        received.set()
        released.wait(20)
        sock.sendall(SUCCESS)
        return True

    with ScriptedServer(hold) as server, ApiClient(Configuration(server.url)) as client:
        api = EntityConnectionsApi(client)
        caller = threading.Thread(target=api.get_entity_connections)
        caller.start()
        assert received.wait(20)
        (pool,) = pools_of(client)
        (connection,) = pool._connections
        number = connection.sock.fileno()
        child = os.fork()
        if child == 0:
            assert client.rest_client is not None  # the first use in the child
            try:
                os.fstat(number)
            except OSError:
                os._exit(7)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        released.set()
        caller.join(20)
        assert os.waitstatus_to_exitcode(status) == 7
        # The call of the parent was not disturbed, and its connection is reused.
        api.get_entity_connections()
        assert server.connections == 1


def test_copied_configuration_shares_token_source() -> None:
    """A bound method as access_token is not copied with its object."""

    class Store:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def get(self) -> str:
            return "token-of-the-store"

    store = Store()
    configuration = Configuration(access_token=store.get)
    assert copy.deepcopy(configuration).access_token == store.get
    client = copy.deepcopy(ApiClient(configuration))
    assert client.configuration.access_token == store.get
    client.close()


# -- responses without a list ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [{}, {"message": "maintenance"}, {"entityConnections": None}])
def test_response_without_list_is_invalid(document: Any) -> None:
    """A response without the list of connections is an error, not an empty list."""
    with Wire(respond_json(document)) as wire, pytest.raises(InvalidResponseError, match="no data was returned"):
        list(wire.api.iter_entity_connections())


@pytest.mark.parametrize("document", [{"reasons": [{"code": 50000040, "message": "gone"}]}, {"success": "false"}])
def test_failed_list_always_raises(document: Any) -> None:
    """With raise_on_failure=False, a failed page still raises: it is not an empty list."""
    with Wire(respond_json(document), raise_on_failure=False) as wire, pytest.raises(ApiException):
        list(wire.api.iter_entity_connections())


def test_client_exposes_its_clock() -> None:
    clock = FakeClock()
    client = ApiClient(clock=clock)
    assert client.clock is clock
