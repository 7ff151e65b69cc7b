"""An event that a signal handler cannot leave locked."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds after which a waiting thread looks again.
_MAX_TURN = 0.5


class Latch:
    """Is set once; threads wait for that.

    A signal handler that raises inside a `threading.Event` can leave the lock of the event held, and every thread that
    waits for it, with a timeout too, would then wait for ever. The operations of a `threading.Lock` are atomic.

    Attributes:
        is_set: whether `set` was called.
    """

    __slots__ = ("_lock", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Wake the waiting threads. May be called more than once."""
        self.is_set = True
        # It may be released already.
        with contextlib.suppress(RuntimeError):
            self._lock.release()

    def wait(self, seconds: float | None, each_turn: Callable[[], None] | None = None) -> bool:
        """Wait until the latch is set, but not longer than `seconds`; return whether it is.

        Args:
            each_turn: called after each half second of waiting; an exception that it raises ends the wait.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while not self.is_set:
            remaining = _MAX_TURN if until is None else until - time.monotonic()
            if remaining <= 0:
                return False
            # In turns: the thread that was woken may be interrupted before it wakes the next one.
            if self._lock.acquire(timeout=min(remaining, _MAX_TURN)):
                # Released by set() only, so this wakes the next thread.
                self.set()
            elif each_turn is not None:
                each_turn()
        return True
