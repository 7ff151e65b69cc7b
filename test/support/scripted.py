"""The server of the tests: it reads complete requests, and responds to each with the next scripted behaviour."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

Handler = Callable[[socket.socket, Any], bool | None]
Behaviour = bytes | Handler


class Received:
    """A received request. Header names are in lower case."""

    def __init__(self, head: bytes, body: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.method, self.target, _ = lines[0].split(" ", 2)
        pairs = (line.partition(":") for line in lines[1:] if line)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        self.body = body

    def __repr__(self) -> str:
        return f"<{self.line}>"


class ScriptedServer:
    """Responds to the n-th request with the n-th behaviour, and to all later requests with the last one.

    A behaviour is the bytes of a response, or a callable that takes the socket and the request. After a callable the
    connection is closed, unless the callable returns True.

    Args:
        ssl_context: makes clients connect over TLS.
        on_accept: a callable for each accepted connection, before TLS; it gets the socket and None. Unless it returns
            True, it has served the connection.
        listening: if false, the port refuses connections until `open`.
    """

    def __init__(
        self,
        *behaviours: Behaviour,
        ssl_context: ssl.SSLContext | None = None,
        on_accept: Handler | None = None,
        listening: bool = True,
    ) -> None:
        self._behaviours = list(behaviours)
        self._ssl_context = ssl_context
        self._on_accept = on_accept
        self._listening = listening
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.requests: list[Received] = []
        self.connections = 0

    def __enter__(self) -> Self:
        # Bound to reserve the port; until it listens, connections are refused.
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        scheme = "https" if self._ssl_context else "http"
        self.url = f"{scheme}://{'localhost' if self._ssl_context else '127.0.0.1'}:{self.port}"
        if self._listening:
            self.open()
        return self

    def open(self) -> None:
        """Listen for connections. Has no effect on a server that listens already."""
        if not self._threads:
            self._listener.listen(128)
            self._start(self._accept)

    def refuse(self) -> None:
        """Refuse all further connections. Open connections stay open."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Wakes accept() on every platform.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        with self._lock:
            sockets = list(self._open)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until the server stops."""
        self._stopping.wait(seconds)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # after `refuse`
                return
            if self._stopping.is_set():
                sock.close()
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
            self._start(self._serve, sock)

    def _serve(self, plain: socket.socket) -> None:
        sock = plain
        try:
            if self._on_accept and not self._on_accept(plain, None):
                return
            if self._ssl_context:
                sock = self._ssl_context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
                with self._lock:
                    self._open.add(sock)
                self._shake_hands(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._serve_request(sock):
                pass
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open -= {sock, plain}
            sock.close()
            plain.close()

    def _shake_hands(self, sock: ssl.SSLSocket) -> None:
        try:
            sock.do_handshake()
        except ssl.SSLError:
            # Read to the end: otherwise a TCP reset could discard the alert on its way to the client.
            while socket.socket.recv(sock, 65536):
                pass
            raise

    def _serve_request(self, sock: socket.socket) -> bool:
        received = _read(sock)
        if received is None:
            return False
        with self._lock:
            self.requests.append(received)
            behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        if isinstance(behaviour, bytes):
            sock.sendall(behaviour)
            return True
        return bool(behaviour(sock, received))


def _read(sock: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    received = Received(head, b"")
    length = int(received.headers.get("content-length", "0"))
    while len(body) < length:
        chunk = sock.recv(65536)
        if not chunk:
            return None
        body += chunk
    received.body = body
    return received


def respond(status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None, reason: str = "Test") -> bytes:
    """Return the bytes of a response. Content-Length is added unless `headers` define the framing."""
    sent = dict(headers or {})
    if not {"content-length", "transfer-encoding"} & {name.lower() for name in sent}:
        sent["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def respond_json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a response with a JSON body."""
    return respond(status, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})})


def reset(sock: socket.socket, _: Received) -> None:
    """A behaviour: drop the connection with a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def unresponsive_url() -> Iterator[str]:
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
