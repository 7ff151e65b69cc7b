"""A real fork, whose child does one thing, reports through a pipe and ends without a trace."""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable
from typing import Any

SECONDS = 60


class Child:
    """A forked process that runs a function. Its pid is its own; `result` is what the function returned there."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._pipe, report = os.pipe()
        hook, broken = sys.unraisablehook, []
        # What a hook of os.register_at_fork raises is shown to this hook only.
        sys.unraisablehook = lambda args: broken.append(repr(args.exc_value))
        # Coverage's tracer has a lock; if another thread holds it at the fork, the child waits for ever.
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            with warnings.catch_warnings():
                # Python 3.12 and newer warn that forking with threads may deadlock. That it does not is tested here.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.pid = os.fork()
            if self.pid == 0:
                _run(function, broken, report)
        finally:
            sys.settrace(tracer)
            sys.unraisablehook = hook
        os.close(report)

    @property
    def result(self) -> Any:
        """What the function returned, when the child has ended; fails if it raised, died or hung."""
        data = b""
        try:
            while True:
                ready, _, _ = select.select([self._pipe], [], [], SECONDS)
                if not ready:
                    os.kill(self.pid, signal.SIGKILL)
                    raise AssertionError("the child hung")
                piece = os.read(self._pipe, 65536)
                if not piece:
                    break
                data += piece
        finally:
            os.close(self._pipe)
            _, status = os.waitpid(self.pid, 0)
        assert data, f"the child died: {status}"
        good, result = pickle.loads(data)
        assert good, f"in the child:\n{result}"
        return result


def _run(function: Callable[[], Any], broken: list[str], report: int) -> None:
    threading.settrace(None)  # type: ignore[arg-type]
    # Ends the child even when nobody waits for it any more.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(2 * SECONDS)
    try:
        try:
            data = pickle.dumps((True, function()))
            if broken:
                raise AssertionError(f"raised while forking: {broken}")
        except BaseException:
            data = pickle.dumps((False, traceback.format_exc()))
        os.write(report, data)
    finally:
        os._exit(0)


def locks_in(root: Any) -> list[Any]:
    """Every lock that can be reached from an object, through any attribute or container."""
    kinds = (type(threading.Lock()), type(threading.RLock()))
    passed_by = (
        type,
        types.ModuleType,
        types.FunctionType,
        types.BuiltinFunctionType,
        types.FrameType,
        threading.Thread,
    )
    found: list[Any] = []
    seen = {id(root)}
    todo = [root]
    while todo:
        for thing in gc.get_referents(todo.pop()):
            if id(thing) in seen or isinstance(thing, passed_by):
                continue
            seen.add(id(thing))
            if isinstance(thing, kinds):
                found.append(thing)
            else:
                todo.append(thing)
    return found


class HeldLocks:
    """Another thread that holds these locks, so that a child is forked without anybody who could release them."""

    def __init__(self, locks: list[Any]) -> None:
        self._locks = locks
        self._release = threading.Event()
        held = threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(held,), daemon=True)
        self._thread.start()
        assert held.wait(SECONDS)

    def _hold(self, held: threading.Event) -> None:
        mine = [lock for lock in self._locks if lock.acquire(timeout=5)]
        assert len(mine) == len(self._locks)
        held.set()
        self._release.wait(SECONDS)
        for lock in mine:
            lock.release()

    def release(self) -> None:
        self._release.set()
        self._thread.join(SECONDS)
