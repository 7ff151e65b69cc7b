"""Threads make calls while the client is closed, its pools are cleared or replaced, and the process forks."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from support import FakeClock, ScriptedServer, forks, respond_json
from support.effort import FACTOR
from support.leaks import free_slots, sockets_to
from support.steps import Run, sampled
from support.threads import Caller, Gate, wait_until
from support.wire import YES, Wire

import zuora_client._http.routes
from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi

pytestmark = pytest.mark.usefixtures("untraced")

THREADS = 4


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Let Python switch between threads far more often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def echo(sock: Any, received: Any) -> bool:
    """A behaviour: a success that names the request."""
    sock.sendall(respond_json({"success": True, "id": received.headers.get("zuora-track-id")}))
    return True


def put(client: ApiClient, name: str) -> str:
    """Make a write with a name; return what became of it: done, or an outcome."""
    headers = {"Zuora-Track-Id": name}
    try:
        response = client.call_api("/v1/things", "PUT", header_params=headers, response_type="object")[0]
    except ApiException as error:
        return error.outcome
    except ValueError as error:
        return "not_sent" if str(error) == "this ApiClient is closed: make another one" else repr(error)
    assert response["id"] == name, "the response to another request"
    return "done"


def put_five(client: ApiClient, name: str) -> list[str]:
    return [put(client, f"{name}-{number}") for number in range(5)]


def start_threads(client: ApiClient, calls: int) -> tuple[list[Caller], dict[str, str]]:
    """Start threads that make calls; return them, and the dict that they fill with what became of each call."""
    results: dict[str, str] = {}

    def work(thread: int) -> None:
        for number in range(calls):
            results[f"{thread}-{number}"] = put(client, f"{thread}-{number}")

    return [Caller(functools.partial(work, thread)) for thread in range(THREADS)], results


def arrivals(server: ScriptedServer) -> Counter[str | None]:
    return Counter(request.headers.get("zuora-track-id") for request in server.requests)


@pytest.mark.usefixtures("many_switches")
def test_close_during_calls_of_threads() -> None:
    """A write is done, or was not sent."""
    for number in range(10 * FACTOR):
        with Wire(echo) as wire:
            threads, results = start_threads(wire.client, 15)
            wait_until(lambda: len(wire.requests) > number)  # noqa: B023 # it ends before the next turn
            wire.client.close()
            for thread in threads:
                thread.done()
            assert sockets_to(wire.server.port) == []
        assert set(results.values()) <= {"done", "not_sent"}
        assert arrivals(wire.server) == Counter(name for name, result in results.items() if result == "done")


@pytest.mark.usefixtures("many_switches")
def test_clear_during_calls_of_threads() -> None:
    """`pool_manager.clear()` closes idle connections only: a write is done, or was not sent."""
    with Wire(echo) as wire:
        threads, results = start_threads(wire.client, 60 * FACTOR)
        while any(thread.is_alive() for thread in threads):
            wire.client.rest_client.pool_manager.clear()
        for thread in threads:
            thread.done()
        # A call whose three attempts all met a pool that was cleared at that moment was not sent.
        assert set(results.values()) <= {"done", "not_sent"}
        assert arrivals(wire.server) == Counter(name for name, result in results.items() if result == "done")
        wire.client.rest_client.pool_manager.clear()
        assert sockets_to(wire.server.port) == []


def test_clear_at_every_step() -> None:
    with Wire(echo) as wire:
        call = functools.partial(put, wire.client, "x")
        for step in sampled(Run(call, 0, int).steps, 11, 0):
            run = Run(call, step, lambda: wire.client.rest_client.pool_manager.clear())
            assert run.result == "done"
            assert free_slots(wire.client)
        wire.client.rest_client.pool_manager.clear()
        assert sockets_to(wire.server.port) == []


@pytest.mark.usefixtures("many_switches")
def test_more_hosts_than_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """urllib3 closes the pool of the host that was used least recently, while calls use it."""
    monkeypatch.setattr(zuora_client._http.routes, "_MAX_HOSTS", 2)
    servers = [ScriptedServer(echo) for _ in range(THREADS)]
    try:
        for server in servers:
            server.__enter__()
        with ApiClient(Configuration(servers[0].url), clock=FakeClock()) as client:

            def work(first: int) -> None:
                for number in range(25 * FACTOR):
                    name, url = f"{first}-{number}", servers[(first + number) % THREADS].url
                    response = client.request("PUT", f"{url}/v1/things", headers={"Zuora-Track-Id": name})
                    assert json.loads(response.data)["id"] == name

            for thread in [Caller(functools.partial(work, first)) for first in range(THREADS)]:
                thread.done()
            open_sockets = sum(len(sockets_to(server.port)) for server in servers)
            assert open_sockets <= 2 * THREADS
        assert sum((arrivals(server) for server in servers), Counter()).most_common(1)[0][1] == 1
        assert [sockets_to(server.port) for server in servers] == [[]] * THREADS
    finally:
        for server in servers:
            server.__exit__()


# -- forks ----------------------------------------------------------------------------------------------------------

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")


@needs_fork
def test_fork_during_calls_of_threads() -> None:
    """No process gets the response of another, and every write arrives once."""
    with Wire(echo) as wire:
        threads, results = start_threads(wire.client, 40)
        children = []
        for child in range(4):
            wait_until(lambda: len(wire.requests) > 20 * child)  # noqa: B023 # it ends before the next turn
            children.append(forks.Child(functools.partial(put_five, wire.client, f"child {child}")))
        assert [child.result for child in children] == [["done"] * 5] * 4
        for thread in threads:
            thread.done()
        assert set(results.values()) == {"done"}
        assert set(arrivals(wire.server).values()) == {1}


@needs_fork
@pytest.mark.skipif(sys.platform == "win32", reason="no C library with fork")
def test_fork_that_python_does_not_see() -> None:
    """As in a server written in C that embeds Python: no hook of Python runs."""
    gate = Gate(YES)
    with Wire(gate, echo) as wire:
        # In the parent, a call waits for its response, and another connection is idle.
        held = Caller(EntityConnectionsApi(wire.client).get_entity_connections)
        assert gate.reached.wait(20)
        assert put(wire.client, "parent") == "done"
        receiver, sender = os.pipe()
        # The child starts with the lock of the interpreter held by its only thread.
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            try:
                # Ends the child if it hangs.
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(60)
                os.write(sender, ",".join(put_five(wire.client, "child")).encode())
            finally:
                os._exit(0)
        os.close(sender)
        with open(receiver, encoding="ascii") as report:
            assert report.read() == "done,done,done,done,done"
        os.waitpid(pid, 0)
        gate.open()
        assert held.done().success
        assert put(wire.client, "parent again") == "done"
        assert set(arrivals(wire.server).values()) == {1}
        # One of the child, two of the parent.
        assert wire.server.connections == 3
