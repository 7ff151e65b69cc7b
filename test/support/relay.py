"""A proxy that does what a proxy has to do: it opens tunnels and passes on what it gets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any

from .scripted import Received, ScriptedServer


class Relay(ScriptedServer):
    """Connects every tunnel to one port of this machine, whatever host the client names."""

    def __init__(self, port: int, ssl_context: ssl.SSLContext | None = None) -> None:
        super().__init__(self._tunnel, ssl_context=ssl_context)
        self._port = port

    def _tunnel(self, sock: socket.socket, _: Received) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as there:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(there, sock), daemon=True)
            back.start()
            _pump(sock, there)
            back.join(20)


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
