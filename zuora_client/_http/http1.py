"""HTTP/1.1 messages over a socket (RFC 9112): serializes requests, reads responses.

Every read from the socket is limited by the timeouts and the deadline of the attempt. Incomplete headers and ambiguous
framing are errors. Bytes after the end of a response prevent the reuse of its connection.

http.client reads the status line and the body. The headers are parsed here: http.client uses the parser of the email
package, which accepts malformed framing headers and takes a fifth of the time of a small call.
"""

from __future__ import annotations

import http.client
import io
import re
from typing import TYPE_CHECKING, Any

from urllib3._collections import HTTPHeaderDict

from .._base.parameters import is_header_name
from .._codec.request import FRAMING_HEADERS

if TYPE_CHECKING:
    from ..deadline import Deadline, Timeouts

# As in http.client.
_MAXLINE = 65536
_MAXHEADERS = 100
_METHODS_EXPECTING_BODY = frozenset(("PATCH", "POST", "PUT"))
# Large enough for a page of 300 rows: every read from the socket releases the GIL.
_BUFFER_SIZE = 65536
_CHUNK_SIZE_RE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_WHITESPACE = " \t\r\n"


class Attempt:
    """The state of one attempt that its connection reads and updates.

    Attributes:
        deadline: of the call; None while the caller reads a streaming response.
        request_sent: whether any byte of the request may have been sent.
        reusable: whether the connection may carry another request. True if no request was sent, or if the response was
            read exactly to its end and the server keeps the connection open.
        timeouts: the connect and read timeouts.
        write: whether the request is a write.
    """

    __slots__ = ("deadline", "request_sent", "reusable", "timeouts", "write")

    def __init__(self, deadline: Deadline, timeouts: Timeouts, write: bool) -> None:
        self.deadline: Deadline | None = deadline
        self.timeouts = timeouts
        self.write = write
        self.request_sent = False
        self.reusable = True

    def next_timeout(self) -> float | None:
        """Return the timeout of the next socket operation in seconds.

        Raises:
            TimeoutError: the deadline has passed.
        """
        return self.clamp(self.timeouts.read if self.request_sent else self.timeouts.connect)

    def clamp(self, seconds: float | None) -> float | None:
        """Return `seconds`, or the time remaining until the deadline if that is less.

        Raises:
            TimeoutError: the deadline has passed.
        """
        if self.deadline is not None:
            seconds = self.deadline.clamp(seconds)
            if seconds is not None and seconds <= 0:
                raise TimeoutError("the deadline of the call has passed")
        return seconds


def serialize_request(method: str, target: str, authority: str, headers: dict[str, str], body: bytes | None) -> bytes:
    """Return the bytes of a request.

    Args:
        target: path and query, or the absolute URL for a forwarding proxy.
        authority: host and port for the ``Host`` header.

    Raises:
        ValueError: a line break or a non-ASCII character in the request line or the headers.
    """
    names = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {authority}")
    if "accept-encoding" not in names:
        lines.append("Accept-Encoding: identity")
    if body is not None or method in _METHODS_EXPECTING_BODY:
        lines.append(f"Content-Length: {len(body or b'')}")
    lines.extend([f"{name}: {value}" for name, value in headers.items()])
    head = "\r\n".join(lines)
    # A last guard against header injection: the arguments of a call were validated before.
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a header or the request target contains a line break")
    return f"{head}\r\n\r\n".encode("ascii") + (body or b"")


def set_timeout(sock: Any, seconds: float | None) -> None:
    # Avoids a system call: settimeout() makes one even if the value is the same.
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class _DeadlineSocketIO(io.RawIOBase):
    """Reads from a socket, each time with the remaining time of the attempt as the timeout.

    Attributes:
        in_head: whether the headers are still being read.
        keep_alive: whether the connection may be reused after this response.
    """

    def __init__(self, attempt: Attempt, sock: Any) -> None:
        self.attempt = attempt
        self.in_head = True
        self.keep_alive = True
        self._socket = sock
        self._stopped = False

    def makefile(self, _: str) -> _ResponseReader:
        """Return the file that http.client reads from; this object takes the place of its socket."""
        return _ResponseReader(self, _BUFFER_SIZE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._stopped:
            return None
        set_timeout(self._socket, self.attempt.next_timeout())
        count: int = self._socket.recv_into(buffer)
        if count == 0 and self.in_head:
            # http.client would take truncated headers for complete ones.
            raise http.client.RemoteDisconnected("the connection closed before the response headers were complete")
        return count

    def stop(self) -> None:
        """Stop reading from the socket: later reads return only buffered bytes."""
        self._stopped = True

    def pending(self) -> bool:
        """Whether the TLS layer holds bytes that polling the socket does not report."""
        sock = self._socket
        if hasattr(sock, "incoming"):
            # urllib3's SSLTransport, for TLS within the TLS connection to a proxy.
            return bool(sock.incoming.pending or sock.sslobj.pending())
        pending = getattr(sock, "pending", None)
        return bool(pending and pending())


class _ResponseReader(io.BufferedReader):
    """Checks on close that no bytes follow the response: the next request would read them as its own response."""

    raw: _DeadlineSocketIO  # pyright: ignore[reportIncompatibleVariableOverride]

    def close(self) -> None:
        if not self.closed:
            self.raw.stop()
            self.raw.attempt.reusable = self.raw.keep_alive and not (self.peek(1) or self.raw.pending())
        super().close()


class Response(http.client.HTTPResponse):
    """A response of http.client, with the headers in urllib3's `HTTPHeaderDict`."""

    fp: _ResponseReader  # pyright: ignore[reportIncompatibleVariableOverride]
    headers: Any
    msg: Any
    _method: str | None

    def __init__(self, attempt: Attempt, sock: Any, *args: Any, **kwargs: Any) -> None:
        reader: Any = _DeadlineSocketIO(attempt, sock)
        super().__init__(reader, *args, **kwargs)

    def begin(self) -> None:
        """Read the status line and the headers.

        Raises:
            http.client.HTTPException: they are malformed, or their framing is ambiguous.
            OSError: raised by the socket.
        """
        version, status, reason = self._read_status()
        self.code = self.status = status
        self.reason = reason.strip().replace("\r", " ")
        self.version = 10 if version == "HTTP/1.0" else 11
        headers, well_formed = _read_headers(self.fp)
        self.headers = self.msg = headers
        self.fp.raw.in_head = False
        # Such a response has no body, whatever its headers declare (RFC 9112, 6.3).
        bodiless = self._method == "HEAD" or self.status in (204, 304)
        self.chunked = not bodiless and _is_chunked(headers)
        self.chunk_left = None
        self.length: int | None = 0 if bodiless else None if self.chunked else _content_length(headers)
        connection = _list_values(headers, "connection")
        keep_alive = "close" not in connection if self.version == 11 else "keep-alive" in connection
        self.will_close = not keep_alive or (self.length is None and not self.chunked)
        # Conflicting framing or malformed header lines: do not reuse the connection (RFC 9112, 6.3).
        conflicting_framing = "transfer-encoding" in headers and "content-length" in headers
        self.fp.raw.keep_alive = well_formed and not conflicting_framing and not self.will_close

    def _read_status(self) -> tuple[str, int, str]:
        # Skips interim (1xx) responses. If one of them were returned, the next request would read the final response of
        # this one.
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not version.startswith("HTTP/1."):
                raise http.client.UnknownProtocol(version)
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server switched to another protocol, which was not requested")
            if status >= 200:
                return version, status, reason
            _read_headers(self.fp)

    def _read_next_chunk_size(self) -> int:
        # http.client also accepts a truncated size, a sign, underscores and the prefix 0x.
        line = self.fp.readline(_MAXLINE)
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(b"")
        size = line.partition(b";")[0].strip()
        if not _CHUNK_SIZE_RE.fullmatch(size):
            raise http.client.HTTPException("a chunk of the response has a malformed size")
        return int(size, 16)


def _read_headers(file: io.BufferedReader) -> tuple[HTTPHeaderDict, bool]:
    """Return (headers, well_formed). Malformed lines are skipped and make well_formed False."""
    lines: list[str] = []
    for _ in range(_MAXHEADERS + 1):
        line = file.readline(_MAXLINE + 1)
        if line in (b"\r\n", b"\n"):
            break
        if len(line) > _MAXLINE:
            raise http.client.LineTooLong("header line")
        text = line.decode("latin-1").rstrip(_WHITESPACE)
        if line[:1] not in (b" ", b"\t"):
            lines.append(text)
        elif lines:
            # Obsolete line folding: replaced by a space (RFC 9112, 5.2).
            lines[-1] = f"{lines[-1]} {text.lstrip(_WHITESPACE)}"
    else:
        raise http.client.HTTPException(f"the response has more than {_MAXHEADERS} header lines")
    headers = HTTPHeaderDict()
    well_formed = True
    for text in lines:
        name, colon, value = text.partition(":")
        if colon and is_header_name(name) and "\r" not in value:
            headers.add(name, value.lstrip(_WHITESPACE))
            continue
        well_formed = False
        if any(framing in text.lower() for framing in FRAMING_HEADERS):
            raise http.client.HTTPException("the response has a malformed Content-Length or Transfer-Encoding header")
    return headers, well_formed


def _is_chunked(headers: HTTPHeaderDict) -> bool:
    codings = _list_values(headers, "transfer-encoding") - {"", "identity"}
    if not codings <= {"chunked"}:
        raise http.client.HTTPException("the response has a transfer coding other than chunked")
    return bool(codings)


def _content_length(headers: HTTPHeaderDict) -> int | None:
    """Return the length of the body, or None if the end of the connection delimits it."""
    lengths = _list_values(headers, "content-length")
    if len(lengths) > 1:
        raise http.client.HTTPException("the response has conflicting Content-Length values")
    length = lengths.pop()
    return int(length) if length.isascii() and length.isdigit() and len(length) <= 18 else None


def _list_values(headers: HTTPHeaderDict, name: str) -> set[str]:
    """Return the elements of a comma-separated header, in lower case."""
    return {value.strip().lower() for value in headers.get(name, "").split(",")}
