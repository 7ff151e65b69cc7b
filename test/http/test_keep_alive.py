"""When a write reuses a connection: never one that the server may be about to close."""

from __future__ import annotations

import select
import socket
import threading
import time

import pytest
from support import ScriptedServer, respond
from support.calls import CALLS, KEYED, READS, WRITES
from support.scripted import Handler
from support.wire import YES, Wire

from zuora_client import ApiClient, Configuration, EntityConnectionsApi

BODY = b'{"success": true, "id": "1", "entityConnections": []}'


def announcing(value: str) -> bytes:
    return respond(200, BODY, {"Keep-Alive": value})


@pytest.mark.parametrize(
    ("announced", "limit"),
    [
        ("timeout=1", 0.0),
        ("timeout=0", 0.0),
        ("timeout=2", 1.0),
        ("timeout=5", 2.0),
        ("timeout=5, max=100", 2.0),
        ("max=100, Timeout = 2", 1.0),
        ('timeout="2"', 1.0),
        ("timeout=3, timeout=2", 1.0),
        ("max=1", 2.0),
        ("timeout=", 2.0),
        ("timeout=2.5", 2.0),
        ("timeout=-2", 2.0),
        ("timeout=99999999999999999999", 2.0),
    ],
)
def test_announced_timeout_limits_the_idle_time(announced: str, limit: float) -> None:
    for idle in (0.0, limit - 0.01, limit):
        if idle < 0:
            continue
        # Without a retry, which would open another connection too.
        with Wire(announcing(announced), max_attempts=1) as wire:
            CALLS["PUT accept"](wire.api)
            wire.clock.advance(idle)
            CALLS["PUT accept"](wire.api)
            assert wire.server.connections == (1 if idle < limit else 2)


@pytest.mark.parametrize("call", [*READS, *KEYED, *WRITES])
def test_only_reads_use_a_connection_idle_for_long(call: str) -> None:
    with Wire(max_attempts=1) as wire:
        CALLS["PUT accept"](wire.api)
        wire.clock.advance(2.0)
        CALLS[call](wire.api)
        assert wire.server.connections == (1 if call in READS else 2)


def test_latest_announcement_counts() -> None:
    with Wire(announcing("timeout=1"), respond(200, BODY), announcing("timeout=5")) as wire:
        CALLS["PUT accept"](wire.api)
        CALLS["PUT accept"](wire.api)  # on a new connection, which announces nothing
        wire.clock.advance(1.9)
        CALLS["PUT accept"](wire.api)
        assert wire.server.connections == 2


def closing_when_idle(seconds: float) -> Handler:
    """Make a server close a connection that was idle for `seconds`."""

    def set_timeout(sock: socket.socket, _: object) -> bool:
        sock.settimeout(seconds)
        return True

    return set_timeout


def relaying_slowly(port: int, delay: float) -> Handler:
    """Pass on every byte to and from a local port after `delay` seconds."""

    def relay(near: socket.socket, _: object) -> None:
        with socket.create_connection(("127.0.0.1", port)) as far:
            waiting: list[tuple[float, socket.socket, bytes]] = []
            while True:
                timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
                readable, _, _ = select.select([near, far], [], [], timeout)
                due = time.monotonic() + delay
                waiting += [(due, far if side is near else near, side.recv(65536)) for side in readable]
                while waiting and waiting[0][0] <= time.monotonic():
                    _, target, data = waiting.pop(0)
                    if not data:
                        return
                    target.sendall(data)

    return relay


@pytest.mark.parametrize(
    ("header", "seconds"), [({"Keep-Alive": "timeout=1"}, 1.0), ({}, 2.5)], ids=["header", "no header"]
)
def test_no_write_is_lost_around_the_timeout_of_a_server(header: dict[str, str], seconds: float) -> None:
    """With 20 ms of latency and gaps around the timeout, every write gets its response."""
    server = ScriptedServer(respond(200, BODY, header), on_accept=closing_when_idle(seconds))
    with server, ScriptedServer(on_accept=relaying_slowly(server.port, 0.02)) as relay:
        failures: list[BaseException] = []

        def call_twice(gap: float) -> None:
            try:
                with ApiClient(Configuration(relay.url)) as client:
                    api = EntityConnectionsApi(client)
                    CALLS["PUT accept"](api)
                    time.sleep(gap)
                    CALLS["PUT accept"](api)
            except BaseException as error:
                failures.append(error)

        gaps = [seconds - 0.08 + 0.01 * step for step in range(12)]
        threads = [threading.Thread(target=call_twice, args=(gap,)) for gap in gaps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failures == []
        assert len(server.requests) == 2 * len(gaps)


def test_default_answer_announces_nothing() -> None:
    assert b"Keep-Alive" not in YES
