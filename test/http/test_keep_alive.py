"""When a write reuses a connection: never one that the server may be about to close."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from typing import Any

import pytest
from support import ScriptedServer, answer
from support.calls import CALLS, KEYED, READS, WRITES
from support.wire import YES, Wire

from zuora_client import ApiClient, Configuration, EntityConnectionsApi

BODY = b'{"success": true, "id": "1", "entityConnections": []}'


def announcing(value: str) -> bytes:
    return answer(200, BODY, {"Keep-Alive": value})


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
        with Wire(announcing(announced)) as wire:
            CALLS["PUT accept"](wire.api)
            wire.clock.advance(idle)
            CALLS["PUT accept"](wire.api)
            assert wire.server.connections == (1 if idle < limit else 2)


@pytest.mark.parametrize("call", [*READS, *KEYED, *WRITES])
def test_only_reads_use_a_connection_idle_for_long(call: str) -> None:
    with Wire() as wire:
        CALLS["PUT accept"](wire.api)
        wire.clock.advance(2.0)
        CALLS[call](wire.api)
        assert wire.server.connections == (1 if call in READS else 2)


def test_latest_announcement_counts() -> None:
    with Wire(announcing("timeout=1"), answer(200, BODY), announcing("timeout=5")) as wire:
        CALLS["PUT accept"](wire.api)
        CALLS["PUT accept"](wire.api)  # on a new connection, which announces nothing
        wire.clock.advance(1.9)
        CALLS["PUT accept"](wire.api)
        assert wire.server.connections == 2


class ImpatientServer(ScriptedServer):
    """Closes a connection that was idle for `seconds`."""

    def __init__(self, behaviour: bytes, seconds: float) -> None:
        super().__init__(behaviour)
        self._seconds = seconds

    def _serve_request(self, sock: socket.socket) -> bool:
        sock.settimeout(self._seconds)
        return super()._serve_request(sock)


class SlowRelay(ScriptedServer):
    """Passes on every byte, in both directions, after `delay` seconds."""

    def __init__(self, port: int, delay: float) -> None:
        super().__init__(b"")
        self._port = port
        self._delay = delay

    def _serve(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as there:
            waiting: list[tuple[float, Any, bytes]] = []
            while not self._stopping.is_set():
                timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.2
                readable, _, _ = select.select([plain, there], [], [], timeout)
                due = time.monotonic() + self._delay
                waiting += [(due, there if side is plain else plain, side.recv(65536)) for side in readable]
                while waiting and waiting[0][0] <= time.monotonic():
                    _, target, data = waiting.pop(0)
                    if not data:
                        return
                    target.sendall(data)


@pytest.mark.parametrize(("header", "seconds"), [({"Keep-Alive": "timeout=1"}, 1.0), ({}, 2.5)], ids=["told", "untold"])
def test_no_write_is_lost_around_the_timeout_of_a_server(header: dict[str, str], seconds: float) -> None:
    """With 20 ms of latency and gaps around the timeout, every write gets its response."""
    server = ImpatientServer(answer(200, BODY, header), seconds)
    with server, SlowRelay(server.port, 0.02) as relay:
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
