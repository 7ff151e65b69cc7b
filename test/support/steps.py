"""Runs a handler at one step of a function, as a signal handler runs between two instructions."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from .effort import FACTOR


class Run:
    """A function that was run in this thread, and interrupted by a handler at its n-th step: a call of any function.

    Attributes:
        steps: the number of steps until the interruption, or until the end.
        where: the name of the Python function that was interrupted, None if the function ended before.
        result, error: what the function returned or raised.
    """

    def __init__(self, function: Callable[[], Any], step: int, handler: Callable[[], object]) -> None:
        self.steps = 0
        self.where: str | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self._step = step
        self._handler = handler
        # A collection would interrupt finalizers of other tests, which is not noticed, and leaves their sockets open.
        gc.disable()
        try:
            sys.setprofile(self._observe)
            try:
                self.result = function()
            finally:
                sys.setprofile(None)
        except BaseException as error:
            self.error = error
        finally:
            gc.enable()

    def _observe(self, frame: FrameType, event: str, argument: Any) -> None:
        if event not in ("call", "c_call") or argument is sys.setprofile:
            return
        # Python runs signal handlers at the end of a call, never between the last call of a with block and `__exit__`.
        # What a callback of a weak reference raises is never seen by anyone.
        if getattr(argument, "__name__", "") == "__exit__" or frame.f_code.co_name in ("_remove", "remove"):
            return
        self.steps += 1
        if self.steps == self._step:
            sys.setprofile(None)
            self.where = frame.f_code.co_name
            self._handler()


def sampled(total: int, stride: int, offset: int) -> range:
    """Return every `stride`-th of the steps 1 to `total`, from `offset` on; `ZUORA_TEST_FACTOR` times as many."""
    stride = max(1, stride // FACTOR)
    return range(1 + offset % stride, total + 1, stride)
