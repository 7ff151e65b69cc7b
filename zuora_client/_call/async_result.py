"""The result of a call that runs in another thread."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from .._base.latch import Latch

if TYPE_CHECKING:
    from collections.abc import Callable


class AsyncResult:
    """What a call with ``async_req`` returns: the interface of `multiprocessing.pool.AsyncResult`.

    Args:
        call: runs in the other thread, in a copy of the context of this one, so that tracing attributes it to the span
            of the caller.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._context = contextvars.copy_context()
        self._done = Latch()
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call."""
        try:
            self._value = self._context.run(self._call)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def get(self, timeout: float | None = None) -> Any:
        """Return what the call returned, or raise what it raised.

        Args:
            timeout: seconds to wait for the call; None waits until it has ended.

        Raises:
            multiprocessing.TimeoutError: the call has not ended; it goes on.
        """
        if not self._done.wait(timeout):
            from multiprocessing import TimeoutError

            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._value

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the call has ended, but not longer than `timeout` seconds."""
        self._done.wait(timeout)

    def ready(self) -> bool:
        """Return whether the call has ended."""
        return self._done.is_set

    def successful(self) -> bool:
        """Return whether the call returned, and did not raise.

        Raises:
            ValueError: it has not ended.
        """
        if not self._done.is_set:
            raise ValueError("the call has not ended")
        return self._error is None
