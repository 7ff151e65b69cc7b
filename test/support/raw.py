"""A server that reads no requests: its behaviour starts when a connection is accepted."""

from __future__ import annotations

import socket

from .scripted import Received, ScriptedServer


class RawServer(ScriptedServer):
    """A `ScriptedServer` whose behaviour gets the accepted socket, before any request is read."""

    def _serve_request(self, sock: socket.socket) -> bool:
        behaviour = self._behaviours[0]
        assert callable(behaviour)
        return bool(behaviour(sock, Received(b"NONE / HTTP/1.1", b"")))
