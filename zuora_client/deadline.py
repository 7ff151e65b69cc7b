"""Time as a call sees it: one deadline over everything the caller waits for, and bounds for each attempt.

Only this module turns a caller's ``_request_timeout`` into numbers, and only through a `Clock` does the client
look at the time or sleep, so that a test can own both.
"""

from __future__ import annotations

import math
import time
from typing import Any

# poll(2) counts milliseconds in 32 bits: a longer wait (23 days) would wrap around. Nobody can tell the difference.
_LONGEST = 2_000_000


class Clock:
    """Monotonic seconds, and a sleep. Replace both together to own time in a test."""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


class Deadline:
    """A moment after which the caller no longer waits. `seconds` of None never comes."""

    __slots__ = ("_at", "_now", "seconds")

    def __init__(self, seconds: float | None, clock: Clock) -> None:
        self.seconds = seconds
        self._now = clock.now
        self._at = None if seconds is None else clock.now() + seconds

    def remaining(self) -> float | None:
        """Seconds left, negative when it has passed, None when there is no deadline."""
        return None if self._at is None else self._at - self._now()

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return self._at is not None and self._now() >= self._at

    def clamp(self, seconds: float | None) -> float | None:
        """Return `seconds`, or what is left if that is less."""
        if self._at is None:
            return seconds
        left = self._at - self._now()
        return left if seconds is None or left < seconds else seconds

    def earlier(self, seconds: float, clock: Clock) -> Deadline:
        """Return a deadline that comes in `seconds`, or with this one if that is sooner."""
        return Deadline(self.clamp(seconds), clock)


class Timeouts:
    """The three bounds of a call, in seconds; None switches one off.

    `connect` and `read` bound each attempt (`read` is the longest silence, not the whole body), `deadline` bounds the
    call. A connect timeout counts per address of the host, and name resolution is outside all three.
    """

    __slots__ = ("connect", "deadline", "read")

    def __init__(self, connect: float | None, read: float | None, deadline: float | None) -> None:
        self.connect = connect
        self.read = read
        self.deadline = deadline

    @classmethod
    def from_request_timeout(cls, request_timeout: Any, default: Timeouts) -> Timeouts:
        """Read a ``_request_timeout``: a number bounds the whole call in place of the default deadline, a
        (connect, read) pair or a ``urllib3.Timeout`` bounds each attempt.

        Raises:
            ValueError: zero, negative, NaN or infinite.
            TypeError: neither a number, nor a pair, nor a timeout object.
        """
        if request_timeout is None:
            return default
        if isinstance(request_timeout, (tuple, list)):
            if len(request_timeout) != 2:
                raise ValueError("_request_timeout: a pair is (connect seconds, read seconds)")
            connect, read = (seconds_or_none("_request_timeout", part) for part in request_timeout)
            return cls(connect, read, default.deadline)
        # Asked of the class: the object itself computes what is left, and refuses before it has started.
        if hasattr(type(request_timeout), "read_timeout"):
            return cls._from_urllib3(request_timeout, default)
        return cls(default.connect, default.read, seconds_or_none("_request_timeout", request_timeout))

    @classmethod
    def _from_urllib3(cls, timeout: Any, default: Timeouts) -> Timeouts:
        # urllib3 spells "not given" as a sentinel of its own, so anything that is not a number means our setting.
        def part(value: Any, otherwise: float | None) -> float | None:
            if value is None:
                return None
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
                return float(min(value, _LONGEST))
            return otherwise

        total = part(getattr(timeout, "total", None), None)
        connect = part(getattr(timeout, "_connect", None), default.connect)
        read = part(getattr(timeout, "_read", None), default.read)
        if total is not None:
            connect = total if connect is None else min(connect, total)
            read = total if read is None else min(read, total)
        return cls(connect, read, default.deadline)


def seconds_or_none(name: str, value: Any) -> float | None:
    """Return `value` as seconds, None as None.

    Raises:
        TypeError: not a number (a bool is none).
        ValueError: not a positive finite number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(value).__name__}")
    if not value > 0 or value == math.inf:
        raise ValueError(f"{name} must be positive seconds, or None for no limit; it is {value!r}")
    return float(min(value, _LONGEST))
