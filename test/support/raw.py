"""A server that looks at no request: each connection gets a behaviour as soon as it is there."""

from __future__ import annotations

import socket

from .scripted import Received, ScriptedServer


class RawServer(ScriptedServer):
    """As `ScriptedServer`, but a behaviour begins with the connection, and gets no request."""

    def _one(self, sock: socket.socket) -> bool:
        behaviour = self._behaviours[0]
        assert callable(behaviour)
        return bool(behaviour(sock, Received(b"NONE / HTTP/1.1", b"")))  # type: ignore[func-returns-value]
