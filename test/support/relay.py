"""A proxy that only opens CONNECT tunnels."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any

from .scripted import Received, ScriptedServer


class Relay(ScriptedServer):
    """Connects every tunnel to one local port, whatever host the client names."""

    def __init__(self, port: int, ssl_context: ssl.SSLContext | None = None) -> None:
        super().__init__(self._tunnel, ssl_context=ssl_context)
        self._port = port

    def _tunnel(self, sock: socket.socket, _: Received) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as upstream:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            downstream = threading.Thread(target=_pump, args=(upstream, sock), daemon=True)
            downstream.start()
            _pump(sock, upstream)
            downstream.join(20)


def _pump(source: Any, target: Any) -> None:
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
