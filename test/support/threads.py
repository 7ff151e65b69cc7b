"""Threads of a test: calls that other calls wait for, a response that is held back, and waiting for a condition."""

from __future__ import annotations

import gc
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .scripted import Received


class Gate:
    """A behaviour that holds its response until `open`; `reached` is set when a request has arrived."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._open = threading.Event()
        self._was_late = False
        self.reached = threading.Event()

    def __call__(self, sock: socket.socket, _: Received) -> bool:
        self.reached.set()
        self._was_late = not self._open.wait(20)
        sock.sendall(self._data)
        return True

    def open(self) -> None:
        """Send the response. Fails after 20 seconds, when the gate has opened by itself."""
        assert not self._was_late
        self._open.set()


class Caller(threading.Thread):
    """A thread that makes one call and keeps its result or exception."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._function = function
        self.result: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:
            self.error = error

    def done(self) -> Any:
        """Wait for the thread; return the result or raise the exception of the call."""
        self.join(60)
        assert not self.is_alive(), "the call did not end in 60 s"
        if self.error is not None:
            raise self.error
        return self.result

    @property
    def waits_for_a_thread(self) -> bool:
        """Whether the thread is blocked on a lock or event of another thread, not on a socket."""
        # A garbage collection inside _current_frames can deadlock (CPython gh-106883).
        gc.disable()
        try:
            frame = sys._current_frames().get(self.ident or 0)
        finally:
            gc.enable()
        names = []
        while frame is not None:
            names.append((frame.f_code.co_filename.rpartition("/")[2], frame.f_code.co_name))
            frame = frame.f_back
        return names[:1] == [("latch.py", "wait")]


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a condition is true, which other threads, processes or the system make true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.002)
