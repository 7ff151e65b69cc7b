"""Servers that refuse connections for a time, and an address that never accepts one."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .clock import FakeClock
from .scripted import Behaviour, ScriptedServer

if TYPE_CHECKING:
    from typing_extensions import Self


class LateServer(ScriptedServer):
    """A server whose port refuses connections before `open` and after `refuse`."""

    def __init__(self, *behaviours: Behaviour) -> None:
        super().__init__(*behaviours)
        self._is_open = False

    def __enter__(self) -> Self:
        self._listener = socket.socket()
        # Bound to reserve the port, and not listening, so that connections are refused.
        self._listener.bind(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def open(self) -> None:
        self._is_open = True
        self._listener.listen(128)
        self._start(self._accept)

    def refuse(self) -> None:
        """Refuse all further connections. Open connections stay open."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            super()._accept()

    def __exit__(self, *arguments: object) -> None:
        if not self._is_open:
            self.open()
        super().__exit__(*arguments)


class OpeningClock(FakeClock):
    """A clock whose first sleep opens a server."""

    def __init__(self, server: LateServer) -> None:
        super().__init__()
        self._server = server

    def sleep(self, seconds: float) -> None:  # type: ignore[override]
        super().sleep(seconds)
        if len(self.sleeps) == 1:
            self._server.open()


@contextlib.contextmanager
def deaf_address() -> Iterator[str]:
    """Yield a base URL whose port accepts no connection: its backlog is full, so the SYN gets no reply."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        queued = []
        try:
            # The kernel queues a few more connections than the backlog, then drops SYNs.
            for _ in range(10):
                sock = socket.socket()
                queued.append(sock)
                sock.settimeout(0.05)
                try:
                    sock.connect(listener.getsockname())
                except TimeoutError:
                    break
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for sock in queued:
                sock.close()
