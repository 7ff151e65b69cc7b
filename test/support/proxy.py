"""A working HTTP proxy: CONNECT tunnels and forwarded requests, optionally with a password and over TLS."""

from __future__ import annotations

import base64
import selectors
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .scripted import Received, ScriptedServer, respond

if TYPE_CHECKING:
    from typing_extensions import Self


class Proxy(ScriptedServer):
    """`requests` are the requests to the proxy itself, `seen` all bytes that clients sent through its tunnels.

    Args:
        password: the ``user:password`` that it requires.
        refuse: the status of its response to every request.
        tunnel_to: the local port to which every tunnel leads, whatever host the client names.
        ssl_context: makes clients connect to the proxy itself over TLS.
    """

    def __init__(
        self,
        *,
        password: str | None = None,
        refuse: int | None = None,
        tunnel_to: int | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(self._respond, ssl_context=ssl_context)
        self._password = password and "Basic " + base64.b64encode(password.encode()).decode()
        self._refuse = refuse
        self._tunnel_to = tunnel_to
        self.seen = b""

    def __enter__(self) -> Self:
        super().__enter__()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if self._ssl_context else 'http'}://{self.address}"
        return self

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.requests]

    def _respond(self, sock: socket.socket, request: Received) -> bool:
        if self._refuse is not None:
            sock.sendall(respond(self._refuse, headers={"Connection": "close"}, reason="Refused"))
        elif self._password is not None and request.headers.get("proxy-authorization") != self._password:
            sock.sendall(respond(407, headers={"Proxy-Authenticate": "Basic realm=x", "Connection": "close"}))
        elif request.method == "CONNECT":
            name, _, port = request.target.rpartition(":")
            address = (name.strip("[]"), int(port)) if self._tunnel_to is None else ("127.0.0.1", self._tunnel_to)
            with socket.create_connection(address, 10) as upstream:
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._pump(sock, upstream)
        else:
            self._forward(sock, request)
            return True
        return False

    def _forward(self, sock: socket.socket, request: Received) -> None:
        url = urlsplit(request.target)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        fields = [f"{name}: {value}" for name, value in request.headers.items() if not name.startswith("proxy-")]
        head = "\r\n".join([f"{request.method} {target} HTTP/1.1", *fields, "", ""]).encode("latin-1")
        with socket.create_connection((url.hostname or "", url.port or 80), 10) as upstream:
            upstream.sendall(head + request.body)
            with upstream.makefile("rb") as response:
                lines = list(iter(response.readline, b"\r\n"))
                length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
                sock.sendall(b"".join(lines) + b"\r\n" + response.read(length))

    def _pump(self, sock: socket.socket, upstream: socket.socket) -> None:
        """Relay bytes both ways until one side closes."""
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ, upstream)
            selector.register(upstream, selectors.EVENT_READ, sock)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    if key.fileobj is sock:
                        self.seen += data
                    key.data.sendall(data)
