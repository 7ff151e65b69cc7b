"""A clock that advances only when a test or a sleep advances it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from zuora_client.deadline import Clock


class FakeClock(Clock):
    """A clock under the control of a test. `sleeps` lists the seconds of each sleep; `on_sleep` is called in each."""

    def __init__(self, now: float = 1000.0, *, on_sleep: Callable[[], object] = lambda: None) -> None:
        self._now = now
        self._on_sleep = on_sleep
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:  # type: ignore[override]
        with self._lock:
            self.sleeps.append(seconds)
            self._now += seconds
        self._on_sleep()

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
