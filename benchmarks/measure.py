"""Clients take turns within a round, and only figures of the same round are compared.

A hot or busy machine slows all clients of a round alike, so ratios are stable where seconds are not. CPU is the user
and system time of the whole process, including all threads of the client.
"""

from __future__ import annotations

import contextlib
import gc
import random
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.clients import Client

BASE = "urllib3"


class Case(NamedTuple):
    """One kind of call.

    Attributes:
        calls: the number of calls per client and round, over all threads.
        address: the attribute of `benchmarks.server.Server` with the base URL.
    """

    name: str
    title: str
    call: Callable[[Client], Any]
    calls: int
    address: str = "plain_url"


CASES = (
    Case("put", "PUT accept, response of 16 bytes", lambda client: client.put(), 192),
    Case("post", "POST, body of 55 bytes", lambda client: client.post(), 192),
    Case("get30", "GET, 30 rows", lambda client: client.get(30), 160),
    Case("get300", "GET, 300 rows", lambda client: client.get(300), 64),
    Case("get300gzip", "GET, 300 rows, gzip on the wire", lambda client: client.get(300), 64, "gzip_url"),
    Case("put-tls", "PUT accept over TLS", lambda client: client.put(), 192, "tls_url"),
    Case("post-tls", "POST over TLS", lambda client: client.post(), 192, "tls_url"),
    Case("get30-tls", "GET, 30 rows over TLS", lambda client: client.get(30), 160, "tls_url"),
    Case("get300-tls", "GET, 300 rows over TLS", lambda client: client.get(300), 64, "tls_url"),
)
THREAD_COUNTS = (1, 4, 16)


class Cost(NamedTuple):
    """The cost of one call, in seconds."""

    cpu: float
    wall: float


class Spread(NamedTuple):
    """Quartiles of a sample."""

    low: float
    median: float
    high: float


class Workers:
    """A thread pool that lasts as long as the case, so that the connections of a thread last from round to round."""

    def __init__(self, threads: int) -> None:
        self._start = threading.Barrier(threads + 1)
        self._finish = threading.Barrier(threads + 1)
        self._work: Callable[[], object] = object
        self._calls = 0
        self._errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._loop, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def run(self, work: Callable[[], object], calls: int) -> Cost:
        """Make ``calls`` calls, shared equally by the threads, and raise the first error."""
        self._work, self._calls = work, max(1, calls // len(self._threads))
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        self._start.wait()
        self._finish.wait()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if self._errors:
            raise self._errors[0]
        total = self._calls * len(self._threads)
        return Cost(cpu / total, wall / total)

    def close(self) -> None:
        """End the threads, also those that are still working after an interrupted ``run``."""
        self._start.abort()
        self._finish.abort()
        for thread in self._threads:
            thread.join()

    def _loop(self) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            while True:
                self._start.wait()
                try:
                    for _ in range(self._calls):
                        self._work()
                except Exception as error:
                    self._errors.append(error)
                self._finish.wait()


def measure(case: Case, clients: Sequence[Client], threads: int, rounds: int) -> dict[str, list[Cost]]:
    """Return the cost of each client in each round, by client name. The order within a round is shuffled."""
    costs: dict[str, list[Cost]] = {client.name: [] for client in clients}
    order = list(clients)
    shuffle = random.Random(case.name).shuffle
    workers = Workers(threads)
    try:
        for client in clients:
            workers.run(lambda client=client: case.call(client), max(16, case.calls // 4))  # type: ignore[misc]
        for _ in range(rounds):
            shuffle(order)
            for client in order:
                cost = workers.run(lambda client=client: case.call(client), case.calls)  # type: ignore[misc]
                costs[client.name].append(cost)
    finally:
        workers.close()
    return costs


def spread(values: Sequence[float]) -> Spread:
    """Return the quartiles of ``values``; for a single value, that value three times."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


def ratios(samples: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    """Return the ratio of each client to the base, over all rounds."""
    base = samples[BASE]
    return {
        name: spread([value / base_value for value, base_value in zip(values, base, strict=True)])
        for name, values in samples.items()
    }
