"""A working HTTP proxy: CONNECT tunnels and forwarded requests, optionally with a password and over TLS."""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .scripted import Received, _read


class Proxy:
    """`requests` are the requests to the proxy itself, `seen` all bytes that clients sent through its tunnels.

    Args:
        password: the ``user:password`` that it requires.
        refuse: the status line of its response to every request.
        ssl_context: makes clients connect to the proxy itself over TLS.
    """

    def __init__(
        self, *, password: str | None = None, refuse: bytes | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._password = password and "Basic " + base64.b64encode(password.encode()).decode()
        self._refuse = refuse
        self._ssl_context = ssl_context
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.requests: list[Received] = []
        self.seen = b""

    def __enter__(self) -> Proxy:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if self._ssl_context else 'http'}://{self.address}"
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.requests]

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._stopping.is_set():
                sock.close()
                return
            self._start(self._serve, sock)

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            self._open.add(plain)
            if self._ssl_context is None:
                self._serve_connection(plain)
            else:
                with self._ssl_context.wrap_socket(plain, server_side=True) as sock:
                    self._open.add(sock)
                    self._serve_connection(sock)

    def _serve_connection(self, sock: socket.socket) -> None:
        while self._respond(sock):
            pass

    def _respond(self, sock: socket.socket) -> bool:
        """Respond to one request. Return whether the connection stays open."""
        request = _read(sock)
        if request is None:
            return False
        self.requests.append(request)
        if self._refuse is not None:
            sock.sendall(b"HTTP/1.1 " + self._refuse + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif self._password is not None and request.headers.get("proxy-authorization") != self._password:
            sock.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
        elif request.method == "CONNECT":
            name, _, port = request.target.rpartition(":")
            with socket.create_connection((name.strip("[]"), int(port)), 10) as upstream:
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
            while not self._stopping.is_set():
                for key, _ in selector.select(0.05):
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    if key.fileobj is sock:
                        self.seen += data
                    key.data.sendall(data)
