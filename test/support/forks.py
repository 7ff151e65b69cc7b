"""A forked child process that runs one function and reports its result through a pipe."""

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
    """A forked process that runs a function; `result` is what the function returned there."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._pipe, report = os.pipe()
        hook, broken = sys.unraisablehook, []
        # Exceptions of os.register_at_fork callbacks are reported to this hook only.
        sys.unraisablehook = lambda args: broken.append(repr(args.exc_value))
        # Coverage's tracer has a lock. If another thread holds it during the fork, the child deadlocks.
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            with warnings.catch_warnings():
                # Python 3.12 and newer warn that forking with threads may deadlock. The tests check that it does not.
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
        """Wait for the child and return the result of the function. Fails if it raised, died or hung."""
        data = b""
        try:
            while True:
                ready, _, _ = select.select([self._pipe], [], [], SECONDS)
                if not ready:
                    os.kill(self.pid, signal.SIGKILL)
                    raise AssertionError("the child hung")
                chunk = os.read(self._pipe, 65536)
                if not chunk:
                    break
                data += chunk
        finally:
            os.close(self._pipe)
            _, status = os.waitpid(self.pid, 0)
        assert data, f"the child died: {status}"
        ok, result = pickle.loads(data)
        assert ok, f"in the child:\n{result}"
        return result


def _run(function: Callable[[], Any], broken: list[str], report: int) -> None:
    threading.settrace(None)
    # Ends the child even if its parent no longer waits for it.
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
    """Return every lock that is reachable from an object through attributes and containers."""
    lock_types = (type(threading.Lock()), type(threading.RLock()))
    skipped = (
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
        for item in gc.get_referents(todo.pop()):
            if id(item) in seen or isinstance(item, skipped):
                continue
            seen.add(id(item))
            if isinstance(item, lock_types):
                found.append(item)
            else:
                todo.append(item)
    return found


class HeldLocks:
    """Holds locks in another thread. A forked child has no such thread, so the locks are never released there."""

    def __init__(self, locks: list[Any]) -> None:
        self._locks = locks
        self._release = threading.Event()
        held = threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(held,), daemon=True)
        self._thread.start()
        assert held.wait(SECONDS)

    def _hold(self, held: threading.Event) -> None:
        acquired = [lock for lock in self._locks if lock.acquire(timeout=5)]
        assert len(acquired) == len(self._locks)
        held.set()
        self._release.wait(SECONDS)
        for lock in acquired:
            lock.release()

    def release(self) -> None:
        self._release.set()
        self._thread.join(SECONDS)
