"""Clients take turns within a round, and only figures of the same round are compared.

A machine that grows warm, or that others use, is slow for all clients of a round alike: the ratio of a pair holds
where the seconds do not. CPU is that of the whole process, user and system, all threads of the client included.
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
    """One kind of call. ``calls`` is how many a client makes in a round, over all threads."""

    name: str
    title: str
    call: Callable[[Client], Any]
    calls: int
    gzip: bool = False


CASES = (
    Case("put", "PUT accept, answer of 16 bytes", lambda client: client.put(), 192),
    Case("post", "POST, body of 55 bytes", lambda client: client.post(), 192),
    Case("get30", "GET, 30 rows", lambda client: client.get(30), 160),
    Case("get300", "GET, 300 rows", lambda client: client.get(300), 64),
    Case("get300gzip", "GET, 300 rows, gzip on the wire", lambda client: client.get(300), 64, gzip=True),
)
THREAD_COUNTS = (1, 4, 16)


class Cost(NamedTuple):
    """What one call took, in seconds."""

    cpu: float
    wall: float


class Spread(NamedTuple):
    """Quartiles of a sample."""

    low: float
    median: float
    high: float


class Crew:
    """Threads that live as long as the case, so that a connection kept by a thread is kept from round to round."""

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
        """Make ``calls`` calls, shared equally by the threads, and raise what the first failed one raised."""
        self._work, self._calls = work, max(1, calls // len(self._threads))
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        self._start.wait()
        self._finish.wait()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if self._errors:
            raise self._errors[0]
        made = self._calls * len(self._threads)
        return Cost(cpu / made, wall / made)

    def close(self) -> None:
        """End the threads, also those that an interrupted ``run`` left in the middle of their work."""
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
    """The cost of each client in each round, by the client's name. The order within a round is shuffled."""
    costs: dict[str, list[Cost]] = {client.name: [] for client in clients}
    order = list(clients)
    shuffle = random.Random(case.name).shuffle
    crew = Crew(threads)
    try:
        for client in clients:
            crew.run(lambda client=client: case.call(client), max(16, case.calls // 4))  # type: ignore[misc]
        for _ in range(rounds):
            shuffle(order)
            for client in order:
                cost = crew.run(lambda client=client: case.call(client), case.calls)  # type: ignore[misc]
                costs[client.name].append(cost)
    finally:
        crew.close()
    return costs


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of ``values``; of one value, that value three times."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


def ratios(samples: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    """Each client over the base, round by round."""
    base = samples[BASE]
    return {
        name: spread([mine / other for mine, other in zip(values, base, strict=True)])
        for name, values in samples.items()
    }
