"""One TCP connection: HTTP/1.1 framing in both directions, and the rude things a connection can do.

Invariant: bytes of one request are never taken for those of the next, and no wait here outlives the connection: when
the server stops it shuts the socket down, which ends every read, write and pause at once.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from email.utils import formatdate
from http import HTTPStatus

from .messages import Headers, Request, Response

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024

_RECEIVE_BYTES = 64 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Hangup(Exception):
    """The connection is over: nothing more can be read from it or written to it."""


class BadRequest(Exception):
    """What came is not HTTP that we take; it is answered with this status, and the connection closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Wire:
    """Reads requests from a connected socket and writes answers to it. One thread at a time."""

    def __init__(self, sock: socket.socket, number: int, stopping: threading.Event) -> None:
        self._sock = sock
        self._number = number
        self._stopping = stopping
        self._buffer = bytearray()
        self.is_reset = False

    def read_head(self) -> Request | None:
        """The next request without its body; None when the client is done. Raises Hangup when he is silent too long."""
        end = 0
        while True:
            end = self._buffer.find(b"\r\n\r\n", max(end - 3, 0))
            if end >= 0:
                break
            end = len(self._buffer)
            if end > MAX_HEAD_BYTES:
                raise BadRequest(431, "request head is too large")
            if not self._receive():
                return None
        lines = self._buffer[:end].decode("latin-1").lstrip("\r\n").split("\r\n")
        del self._buffer[: end + 4]
        words = lines[0].split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequest(400, "malformed request line")
        fields: list[tuple[str, str]] = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest(400, "malformed header line")
            fields.append((name, value.strip()))
        request = Request(words[0], words[1], Headers(fields), connection_id=self._number)
        request.keep_alive = _keep_alive(words[2], request.headers)
        return request

    def read_body(self, request: Request) -> bytes:
        """The body of the request whose head was read last. Says 100 Continue first if the client waits for that."""
        headers = request.headers
        coding = headers.get("Transfer-Encoding")
        length = headers.get("Content-Length", "0")
        if coding is not None and ("Content-Length" in headers or coding.lower() != "chunked"):
            raise BadRequest(400, "unclear body length")
        if not (length.isascii() and length.isdigit()):
            raise BadRequest(400, "malformed Content-Length")
        if len(length) > 10 or int(length) > MAX_BODY_BYTES:
            raise BadRequest(413, "request body is too large")
        if coding is None and length == "0":
            return b""
        if headers.get("Expect", "").lower() == "100-continue" and not self._buffer:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._take(int(length)) if coding is None else self._read_chunks()

    def send(self, data: bytes) -> None:
        """Write everything, in one call of the socket."""
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise Hangup from error

    def reset(self) -> None:
        """Make the end of the connection a TCP reset instead of an orderly close, and end it. Raises Hangup."""
        self.is_reset = True
        with contextlib.suppress(OSError):  # the client was quicker
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Hangup

    def work(self, seconds: float) -> None:
        """Wait, whether the client goes away or not; a stop of the server ends it."""
        self._stopping.wait(seconds)

    def pause(self, seconds: float | None) -> None:
        """Wait; forever if None. Raises Hangup when the client goes away or the server stops first."""
        end = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            silent = not selector.select(seconds)
        if not silent:
            with contextlib.suppress(OSError):
                silent = bool(socket.socket.recv(self._sock, 1, socket.MSG_PEEK))
            # The client has sent more already, so the socket no longer tells when he goes.
            if silent:
                self._stopping.wait(None if end is None else max(end - time.monotonic(), 0))
        if not silent or self._stopping.is_set():
            raise Hangup

    def _receive(self) -> bool:
        try:
            data = self._sock.recv(_RECEIVE_BYTES)
        except OSError as error:
            raise Hangup from error
        self._buffer += data
        return bool(data)

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._receive():
                raise Hangup
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _take_line(self) -> str:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest(400, "line is too long")
            if not self._receive():
                raise Hangup
        line, _, rest = bytes(self._buffer).partition(b"\r\n")
        self._buffer[:] = rest
        return line.decode("latin-1")

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            try:
                size = int(self._take_line().partition(";")[0], 16)
            except ValueError:
                raise BadRequest(400, "malformed chunk size") from None
            if size < 0 or len(body) + size > MAX_BODY_BYTES:
                raise BadRequest(413, "request body is too large")
            if size == 0:
                while self._take_line():
                    pass  # trailers
                return bytes(body)
            body += self._take(size)
            if self._take_line():
                raise BadRequest(400, "malformed chunk")


def frame(response: Response, request: Request, *, version: str = "HTTP/1.1", chunk_size: int | None = None) -> bytes:
    """The bytes of an answer. A Content-Length, Date or Connection that the answer brings along is left as it is."""
    has_body = request.method != "HEAD" and response.status not in (204, 304)
    names = {name.lower() for name, _ in response.headers}
    lines = [f"{version} {response.status} {_REASONS.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if "date" not in names:
        lines.append(f"Date: {formatdate(usegmt=True)}")
    if chunk_size is not None:
        lines.append("Transfer-Encoding: chunked")
    elif "content-length" not in names and response.status != 204:
        lines.append(f"Content-Length: {len(response.body)}")
    if "connection" not in names and not request.keep_alive:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if not has_body:
        return head
    if chunk_size is None:
        return head + response.body
    pieces = [response.body[start : start + chunk_size] for start in range(0, len(response.body), chunk_size)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def _keep_alive(version: str, headers: Headers) -> bool:
    options = {option.strip().lower() for option in headers.get("Connection", "").split(",")}
    return version == "HTTP/1.1" and "close" not in options
