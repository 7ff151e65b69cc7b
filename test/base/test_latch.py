"""A latch wakes every waiting thread, however threads are interrupted."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

import pytest
from support.steps import Run
from support.threads import Caller, wait_until

from zuora_client._base.latch import Latch

pytestmark = pytest.mark.usefixtures("untraced")
# More than `wait` and `set` have.
STEPS = range(1, 15)


def interrupt() -> None:
    raise KeyboardInterrupt


def test_every_thread_is_woken() -> None:
    latch = Latch()
    waiting = [Caller(lambda: latch.wait(60)) for _ in range(20)]
    wait_until(lambda: all(caller.waits_for_a_thread for caller in waiting))
    latch.set()
    latch.set()
    assert [caller.done() for caller in waiting] == [True] * 20
    assert latch.wait(None)
    assert latch.wait(0)


def test_wait_ends_without_set() -> None:
    latch = Latch()
    assert not latch.wait(0.01)
    assert not latch.wait(0)
    assert not latch.is_set


@pytest.mark.parametrize("is_set", [False, True])
def test_interrupted_wait(is_set: bool) -> None:
    """A thread that is interrupted while it waits, or right after it was woken, does not keep the others waiting."""
    for step in STEPS:
        latch = Latch()
        if is_set:
            # Another thread was interrupted before it could release the lock.
            latch._lock.release()
        run = Run(functools.partial(latch.wait, 0.001), step, interrupt)
        assert isinstance(run.error, KeyboardInterrupt) or run.where is None
        waiting = [Caller(functools.partial(latch.wait, 60)) for _ in range(2)]
        latch.set()
        assert [caller.done() for caller in waiting] == [True, True]


def test_interrupted_set() -> None:
    """The threads see at their next turn that an interrupted `set` was called, from its first line on."""
    for step in STEPS:
        latch = Latch()
        waiting = Caller(functools.partial(latch.wait, 60))
        Run(latch.set, step, interrupt)
        if not latch.is_set:
            assert step == 1  # the call of `set` itself
            latch.set()
        assert waiting.done()


def test_many_threads_set_and_wait() -> None:
    for _ in range(50):
        latch, barrier = Latch(), threading.Barrier(8)

        def use(function: Callable[[], object], barrier: threading.Barrier = barrier) -> None:
            barrier.wait(20)
            function()

        functions = (latch.set, functools.partial(latch.wait, 60)) * 4
        for caller in [Caller(functools.partial(use, function)) for function in functions]:
            caller.done()
        assert latch.is_set
