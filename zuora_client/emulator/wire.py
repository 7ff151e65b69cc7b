"""One TCP connection: HTTP/1.1 framing in both directions, waits and resets.

No wait outlives the connection: when the server stops it shuts the socket down, which ends every read, write and pause.
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

# A selector that needs no file descriptor of its own: waiting works when the process has none left.
Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)

_CHUNK_SIZE = 64 * 1024
_REASON_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class ConnectionClosed(Exception):
    """Nothing more can be read from the connection or written to it."""


class BadRequest(Exception):
    """The request is malformed or too large. The server responds with this status and closes the connection."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Wire:
    """Reads requests from a connected socket and writes responses to it. Not thread-safe.

    Attributes:
        is_reset: the socket is set to end the connection with a TCP reset when it is closed.
    """

    def __init__(self, sock: socket.socket, number: int, stopping: threading.Event) -> None:
        self._sock = sock
        self._number = number
        self._stopping = stopping
        self._buffer = bytearray()
        self.is_reset = False

    def read_head(self) -> Request | None:
        """Return the next request, without its body; None if the client has closed the connection.

        Raises:
            ConnectionClosed: the connection failed, or was idle for too long.
            BadRequest: the head is malformed or too large.
        """
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
        """Return the body of the request read last, after a 100 Continue if the client expects one.

        Raises:
            ConnectionClosed: the connection ended before the body did.
            BadRequest: the framing is malformed or ambiguous, or the body too large.
        """
        headers = request.headers
        coding = headers.get("Transfer-Encoding")
        length = headers.get("Content-Length", "0")
        if coding is not None and ("Content-Length" in headers or coding.lower() != "chunked"):
            raise BadRequest(400, "ambiguous body length")
        if not (length.isascii() and length.isdigit()):
            raise BadRequest(400, "malformed Content-Length")
        if len(length) > 10 or int(length) > MAX_BODY_BYTES:
            raise BadRequest(413, "request body is too large")
        if coding is None and length == "0":
            return b""
        if headers.get("Expect", "").lower() == "100-continue" and not self._buffer:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._read_exactly(int(length)) if coding is None else self._read_chunks()

    def send(self, data: bytes) -> None:
        """Send all of the data. Raises `ConnectionClosed` if the connection fails."""
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise ConnectionClosed from error

    def reset(self) -> None:
        """Close the connection with a TCP reset instead of a FIN. Raises `ConnectionClosed`."""
        self.is_reset = True
        with contextlib.suppress(OSError):  # the client disconnected first
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionClosed

    def work(self, seconds: float) -> None:
        """Wait, even after the client has disconnected. Stopping the server ends the wait."""
        self._stopping.wait(seconds)

    def pause(self, seconds: float | None) -> None:
        """Wait; None waits forever. Raises `ConnectionClosed` if the client disconnects or the server stops first."""
        deadline = None if seconds is None else time.monotonic() + seconds
        with Selector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            is_readable = bool(selector.select(seconds))
        if is_readable:
            if self._is_at_eof():
                raise ConnectionClosed
            # The client has sent more data, so the socket stays readable and no longer shows a disconnect.
            self._stopping.wait(None if deadline is None else max(deadline - time.monotonic(), 0))
        if self._stopping.is_set():
            raise ConnectionClosed

    def _is_at_eof(self) -> bool:
        try:
            # Below TLS: SSLSocket.recv does not allow MSG_PEEK.
            return not socket.socket.recv(self._sock, 1, socket.MSG_PEEK)
        except OSError:
            return True

    def _receive(self) -> bool:
        """Append to the buffer what has arrived; return False at the end of the stream."""
        try:
            data = self._sock.recv(_CHUNK_SIZE)
        except OSError as error:
            raise ConnectionClosed from error
        self._buffer += data
        return bool(data)

    def _read_exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._receive():
                raise ConnectionClosed
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _read_line(self) -> str:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest(400, "line is too long")
            if not self._receive():
                raise ConnectionClosed
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("latin-1")

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            try:
                size = int(self._read_line().partition(";")[0], 16)
            except ValueError:
                raise BadRequest(400, "malformed chunk size") from None
            if size < 0 or len(body) + size > MAX_BODY_BYTES:
                raise BadRequest(413, "request body is too large")
            if size == 0:
                while self._read_line():
                    pass  # trailers
                return bytes(body)
            body += self._read_exactly(size)
            if self._read_line():
                raise BadRequest(400, "malformed chunk")


def serialize_response(
    response: Response, request: Request, *, version: str = "HTTP/1.1", chunk_size: int | None = None
) -> bytes:
    """Return the response as bytes, in chunks if `chunk_size` is given.

    Content-Length, Date and Connection are added unless the response has them already.
    """
    names = {name.lower() for name, _ in response.headers}
    lines = [f"{version} {response.status} {_REASON_PHRASES.get(response.status, 'Unknown')}"]
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
    if request.method == "HEAD" or response.status in (204, 304):
        return head
    if chunk_size is None:
        return head + response.body
    chunks = [response.body[start : start + chunk_size] for start in range(0, len(response.body), chunk_size)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


def _keep_alive(version: str, headers: Headers) -> bool:
    options = {option.strip().lower() for option in headers.get("Connection", "").split(",")}
    return version == "HTTP/1.1" and "close" not in options
