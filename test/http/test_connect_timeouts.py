"""Connecting in stages and from many threads: one deadline over all stages, one pool for a host, none left behind."""

from __future__ import annotations

import copy
import os
import socket
import threading
from typing import Any

import pytest
import urllib3
from support import FakeClock, ScriptedServer, json_answer
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

YES = json_answer({"success": True, "entityConnections": []})


def test_a_stage_of_connecting_gets_what_is_left_and_not_as_much_again() -> None:
    """A proxy takes nearly all the time for its yes to CONNECT, and the host behind it never begins with TLS."""
    clock = FakeClock()

    def slow_yes(sock: socket.socket, _: Any) -> None:
        proxy.wait(0.2)  # Until the client waits with all its time.
        clock.advance(999.8)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        # Whoever waits longer than his fifth of a second is left without a connection.
        sock.settimeout(8)
        while sock.recv(65536):
            pass

    with ScriptedServer(slow_yes) as proxy:
        configuration = Configuration("https://zuora.invalid", proxy=proxy.url, max_attempts=1, connect_timeout=None)
        with ApiClient(configuration, clock=clock) as client, pytest.raises(ApiTimeoutError) as caught:
            EntityConnectionsApi(client).get_entity_connections(_request_timeout=1000)
    assert caught.value.outcome == "not_sent"


def test_a_handshake_gets_what_the_connection_has_left_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    connect = urllib3.util.connection.create_connection

    def slowly(*arguments: Any, **options: Any) -> socket.socket:
        clock.advance(999.8)
        return connect(*arguments, **options)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", slowly)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"https://127.0.0.1:{silent.getsockname()[1]}"
        settings = Configuration(host, max_attempts=1, connect_timeout=None)
        with ApiClient(settings, clock=clock) as client, pytest.raises(ApiTimeoutError) as caught:
            EntityConnectionsApi(client).get_entity_connections(_request_timeout=1000)
    assert caught.value.outcome == "not_sent"


@pytest.mark.parametrize("attempt", range(5))
def test_threads_that_come_first_share_one_pool(attempt: int) -> None:
    client = ApiClient(Configuration("https://127.0.0.1:1"))
    barrier = threading.Barrier(8)
    pools = []

    def come() -> None:
        barrier.wait()
        pools.append(client.rest_client._route(BaseURL("https://127.0.0.1:1")).pool)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert len({id(pool) for pool in pools}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_keeps_no_socket_of_a_call_that_was_under_way() -> None:
    answered, held = threading.Event(), threading.Event()

    def hold(sock: socket.socket, _: Any) -> bool:
        held.set()
        answered.wait(20)
        sock.sendall(YES)
        return True

    with ScriptedServer(hold) as server, ApiClient(Configuration(server.url)) as client:
        api = EntityConnectionsApi(client)
        caller = threading.Thread(target=api.get_entity_connections)
        caller.start()
        assert held.wait(20)
        pool = client.rest_client._routes[server.url].pool
        (connection,) = pool._checked_out
        number = connection.sock.fileno()
        child = os.fork()
        if child == 0:
            try:
                os.fstat(number)
            except OSError:
                os._exit(7)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        answered.set()
        caller.join(20)
        assert os.waitstatus_to_exitcode(status) == 7
        # The parent's own call was not disturbed, and its connection is still good.
        api.get_entity_connections()
        assert server.connections == 1


def test_a_copy_of_a_configuration_shares_the_source_of_its_tokens() -> None:
    class Store:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def get(self) -> str:
            return "token-of-a-store"

    store = Store()
    configuration = Configuration(access_token=store.get)
    assert copy.deepcopy(configuration).access_token == store.get
    client = copy.deepcopy(ApiClient(configuration))
    assert client.configuration.access_token == store.get
    client.close()


# -- lists that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [{}, {"message": "maintenance"}, {"entityConnections": None}])
def test_an_answer_without_a_list_is_no_empty_list(document: Any) -> None:
    with Wire(json_answer(document)) as wire, pytest.raises(InvalidResponseError, match="no list"):
        list(wire.api.iter_entity_connections())


@pytest.mark.parametrize("document", [{"reasons": [{"code": 50000040, "message": "gone"}]}, {"success": "false"}])
def test_a_refusal_is_no_empty_list_without_raise_on_failure(document: Any) -> None:
    with Wire(json_answer(document), raise_on_failure=False) as wire, pytest.raises(ApiException):
        list(wire.api.iter_entity_connections())


def test_a_clock_can_be_read_off_the_client() -> None:
    clock = FakeClock()
    client = ApiClient(clock=clock)
    assert client.clock is clock
