"""The deadline of a call and the timeouts of its attempts.

The client reads the time and sleeps only through a `Clock`, so that a test can replace both.
"""

from __future__ import annotations

import math
import time
from typing import Any

# 23 days. poll(2) takes the timeout as a 32-bit number of milliseconds, which a longer one would overflow.
_MAX_SECONDS = 2_000_000


class Clock:
    """Monotonic time in seconds, and a sleep. A test that replaces one must replace both."""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


class Deadline:
    """The time at which a call must end: `seconds` from now, or never if that is None."""

    __slots__ = ("_at", "_clock", "_now", "seconds")

    def __init__(self, seconds: float | None, clock: Clock) -> None:
        self.seconds = seconds
        self._clock = clock
        self._now = clock.now
        self._at = None if seconds is None else clock.now() + seconds

    def remaining(self) -> float | None:
        """Return the remaining seconds: negative after the deadline, None without one."""
        return None if self._at is None else self._at - self._now()

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return self._at is not None and self._now() >= self._at

    def clamp(self, seconds: float | None) -> float | None:
        """Return `seconds`, or the remaining seconds if they are fewer."""
        if self._at is None:
            return seconds
        remaining = self._at - self._now()
        return remaining if seconds is None or remaining < seconds else seconds

    def extend(self, seconds: float) -> None:
        """Move the deadline: time that does not count has passed."""
        if self._at is not None:
            self._at += seconds

    def earlier(self, seconds: float) -> Deadline:
        """Return a deadline in `seconds`, or at the time of this one if that is earlier."""
        return Deadline(self.clamp(seconds), self._clock)

    def sleep(self, seconds: float) -> None:
        """Sleep by the clock of this deadline. That of an interrupted plan raises an exception instead."""
        self._clock.sleep(seconds)


class Timeouts:
    """The time limits of a call, in seconds. None means no limit.

    `connect` and `read` apply to each attempt, `deadline` to the whole call. `read` limits the time between two reads
    from the socket, not the whole response. `connect` applies to each address of the host. Name resolution is not
    limited.
    """

    __slots__ = ("connect", "deadline", "read")

    def __init__(self, connect: float | None, read: float | None, deadline: float | None) -> None:
        self.connect = connect
        self.read = read
        self.deadline = deadline

    @classmethod
    def from_request_timeout(cls, request_timeout: Any, default: Timeouts) -> Timeouts:
        """Return the timeouts for a ``_request_timeout``: a number replaces the default deadline, a (connect, read)
        pair or a ``urllib3.Timeout`` replaces the limits of each attempt.

        Raises:
            ValueError: zero, negative, NaN or infinite.
            TypeError: neither a number, nor a pair, nor a timeout object.
        """
        if request_timeout is None:
            return default
        if isinstance(request_timeout, (tuple, list)):
            if len(request_timeout) != 2:
                raise ValueError("_request_timeout: a pair must be (connect seconds, read seconds)")
            connect, read = (seconds_or_none("_request_timeout", part) for part in request_timeout)
            return cls(connect, read, default.deadline)
        # Looked up on the class: on the instance the property raises unless the timeout was started.
        if hasattr(type(request_timeout), "read_timeout"):
            return cls._from_urllib3(request_timeout, default)
        return cls(default.connect, default.read, seconds_or_none("_request_timeout", request_timeout))

    @classmethod
    def _from_urllib3(cls, timeout: Any, default: Timeouts) -> Timeouts:
        # urllib3 marks a part that is not given with a sentinel: anything but a number or None stands for the default.
        def part(value: Any, fallback: float | None) -> float | None:
            if value is None:
                return None
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
                return float(min(value, _MAX_SECONDS))
            return fallback

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
        TypeError: not a number, or a bool.
        ValueError: not a positive finite number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(value).__name__}")
    if not value > 0 or value == math.inf:
        raise ValueError(f"{name} must be a positive number of seconds, or None for no limit; it is {value!r}")
    return float(min(value, _MAX_SECONDS))
