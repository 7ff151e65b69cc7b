"""Time that passes only when a test, or somebody's sleep, says so."""

from __future__ import annotations

import threading

from zuora_client.deadline import Clock


class FakeClock(Clock):
    """A clock of the test's own. `sleeps` lists what was slept."""

    def __init__(self, now: float = 1000.0) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def now(self) -> float:  # type: ignore[override]
        return self._now

    def sleep(self, seconds: float) -> None:  # type: ignore[override]
        with self._lock:
            self.sleeps.append(seconds)
            self._now += seconds

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
