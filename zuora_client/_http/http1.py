"""HTTP/1.1 over a socket: a request as bytes; an answer, read in time and to its exact end.

What it keeps: every read takes no longer than the running attempt may still take; half a head, or one that can be read
in two ways, is no answer; whatever is left over behind an answer is noticed. Bodies and chunks are read by http.client.
Heads are read here: its parser is made for mail, takes a fifth of a small call, and forgives what a client that cannot
repeat itself must not.
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

_LONGEST_LINE = 65536
_MOST_LINES = 100
# Holds a page of 300 rows. Each further read of the socket gives the interpreter lock away to another thread.
_BUFFER_BYTES = 65536
_CHUNK_SIZE = rb"[0-9A-Fa-f]{1,16}"
_SPACE = " \t\r\n"
# Methods that say their length even if they have no body.
_WITH_LENGTH = frozenset(("PATCH", "POST", "PUT"))


class Attempt:
    """The running attempt, as its connection sees it.

    Attributes:
        left: whether any byte of the request may have left.
        reusable: whether the connection may carry another request: nothing has left, or the answer was read to its very
            end, nothing is left over, and the server keeps the connection open.
        deadline: None once the head of a streamed answer is here: the rest is the caller's.
    """

    __slots__ = ("deadline", "request_sent", "reusable", "timeouts", "write")

    def __init__(self, deadline: Deadline, timeouts: Timeouts, write: bool) -> None:
        self.deadline: Deadline | None = deadline
        self.timeouts = timeouts
        self.write = write
        self.request_sent = False
        self.reusable = True

    def next_timeout(self) -> float | None:
        """Return how long the next read of the socket may take, in seconds.

        Raises:
            socket.timeout: no time is left.
        """
        return self.clamp(self.timeouts.read if self.request_sent else self.timeouts.connect)

    def clamp(self, seconds: float | None) -> float | None:
        """Return `seconds`, or what is left of the deadline if that is less."""
        if self.deadline is not None:
            seconds = self.deadline.clamp(seconds)
            if seconds is not None and seconds <= 0:
                raise TimeoutError("the deadline of the call has passed")
        return seconds


def serialize_request(method: str, target: str, authority: str, headers: dict[str, str], body: bytes | None) -> bytes:
    """Return a request as it is sent.

    Args:
        target: path and query, or a whole URL for a proxy.
        authority: host and port for the ``Host`` header.

    Raises:
        ValueError: a line break or anything but ASCII in the head.
    """
    names = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {authority}")
    if "accept-encoding" not in names:
        lines.append("Accept-Encoding: identity")
    if body is not None or method in _WITH_LENGTH:
        lines.append(f"Content-Length: {len(body or b'')}")
    lines.extend([f"{name}: {value}" for name, value in headers.items()])
    head = "\r\n".join(lines)
    # Refused by name long before; here stands the last guard against a request within a request.
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a header or the address holds a line break")
    return f"{head}\r\n\r\n".encode("ascii") + (body or b"")


def set_timeout(sock: Any, seconds: float | None) -> None:
    # Setting it costs a system call, even to what it is already.
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class _PatientReader(io.RawIOBase):
    """Reads a socket, giving each read only the time that the attempt has left."""

    def __init__(self, attempt: Attempt, sock: Any) -> None:
        self.attempt = attempt
        self.in_head = True
        self.stays_open = True
        self._socket = sock
        self._at_rest = False

    def makefile(self, _: str) -> _ExactBuffer:
        """Return what http.client reads an answer from; it takes this for a socket."""
        return _ExactBuffer(self, _BUFFER_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._at_rest:
            return None
        set_timeout(self._socket, self.attempt.next_timeout())
        count: int = self._socket.recv_into(buffer)
        if count == 0 and self.in_head:
            # Half a head must not be taken for a whole one, and "200" for a yes.
            raise http.client.RemoteDisconnected("the connection ended before the head of the answer was here")
        return count

    def rest(self) -> None:
        """Read the socket no more; whoever asks gets what is buffered already."""
        self._at_rest = True

    def pending(self) -> bool:
        """Whether TLS holds bytes that a poll of the socket does not see."""
        sock = self._socket
        if hasattr(sock, "incoming"):
            # urllib3's own, for TLS through a proxy that is itself reached over TLS.
            return bool(sock.incoming.pending or sock.sslobj.pending())
        pending = getattr(sock, "pending", None)
        return bool(pending and pending())


class _ExactBuffer(io.BufferedReader):
    """Notices at its end whether anything is left over: the next request would get it as its answer."""

    raw: _PatientReader  # pyright: ignore[reportIncompatibleVariableOverride]

    def close(self) -> None:
        if not self.closed:
            self.raw.rest()
            self.raw.attempt.reusable = self.raw.stays_open and not (self.peek(1) or self.raw.pending())
        super().close()


class Response(http.client.HTTPResponse):
    """An answer; its headers are kept as urllib3 keeps them."""

    fp: _ExactBuffer  # pyright: ignore[reportIncompatibleVariableOverride]
    headers: Any
    msg: Any
    _method: str | None

    def __init__(self, attempt: Attempt, sock: Any, *args: Any, **kwargs: Any) -> None:
        reader: Any = _PatientReader(attempt, sock)
        super().__init__(reader, *args, **kwargs)

    def begin(self) -> None:
        """Read the head.

        Raises:
            http.client.HTTPException: it is none, or says two things about where the answer ends.
            OSError: what the socket raises.
        """
        version, status, reason = self._read_status()
        self.code = self.status = status
        self.reason = reason.strip().replace("\r", " ")
        self.version = 10 if version == "HTTP/1.0" else 11
        headers, in_order = _read_headers(self.fp)
        self.headers = self.msg = headers
        self.fp.raw.in_head = False
        # There is no body then, whatever the headers say.
        bodiless = self._method == "HEAD" or self.status in (204, 304)
        self.chunked = not bodiless and _is_chunked(headers)
        self.chunk_left = None
        self.length: int | None = 0 if bodiless else None if self.chunked else _length(headers)
        connection = _values(headers, "connection")
        stays_open = "close" not in connection if self.version == 11 else "keep-alive" in connection
        self.will_close = not stays_open or (self.length is None and not self.chunked)
        # Whoever told two ends of an answer, or spoke no HTTP, may see another end of this one.
        two_ends = "transfer-encoding" in headers and "content-length" in headers
        self.fp.raw.stays_open = in_order and not two_ends and not self.will_close

    def _read_status(self) -> tuple[str, int, str]:
        # Interim answers are passed over. One that was taken for the last would leave the next request the answer that
        # follows it.
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not version.startswith("HTTP/1."):
                raise http.client.UnknownProtocol(version)
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server switches to a protocol that nobody asked for")
            if status >= 200:
                return version, status, reason
            _read_headers(self.fp)

    def _read_next_chunk_size(self) -> int:
        # http.client takes the beginning of a size for a size, "000" for the end and "-1" for everything.
        line = self.fp.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(b"")
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(_CHUNK_SIZE, size):
            raise http.client.HTTPException("a chunk of the answer has no size")
        return int(size, 16)


def _read_headers(file: io.BufferedReader) -> tuple[HTTPHeaderDict, bool]:
    """Return the headers of an answer, and whether they are in order: a line that is no header is passed over."""
    lines: list[str] = []
    for _ in range(_MOST_LINES + 1):
        line = file.readline(_LONGEST_LINE + 1)
        if line in (b"\r\n", b"\n"):
            break
        if len(line) > _LONGEST_LINE:
            raise http.client.LineTooLong("header line")
        text = line.decode("latin-1").rstrip(_SPACE)
        if line[:1] not in (b" ", b"\t"):
            lines.append(text)
        elif lines:
            # A header that goes on in the next line: an old way, still allowed.
            lines[-1] = f"{lines[-1]} {text.lstrip(_SPACE)}"
    else:
        raise http.client.HTTPException(f"the answer has more than {_MOST_LINES} lines of headers")
    headers = HTTPHeaderDict()
    in_order = True
    for text in lines:
        name, colon, value = text.partition(":")
        if colon and is_header_name(name) and "\r" not in value:
            headers.add(name, value.lstrip(_SPACE))
            continue
        in_order = False
        if any(word in text.lower() for word in FRAMING_HEADERS):
            raise http.client.HTTPException("a header that says where the answer ends cannot be read")
    return headers, in_order


def _is_chunked(headers: HTTPHeaderDict) -> bool:
    codings = _values(headers, "transfer-encoding") - {"", "identity"}
    if not codings <= {"chunked"}:
        raise http.client.HTTPException("the answer comes in a transfer coding that nobody asked for")
    return bool(codings)


def _length(headers: HTTPHeaderDict) -> int | None:
    """Return how long an answer is, or None when only the end of the connection says so."""
    told = _values(headers, "content-length")
    if len(told) > 1:
        raise http.client.HTTPException("the answer tells two different lengths")
    length = told.pop()
    return int(length) if length.isascii() and length.isdigit() and len(length) <= 18 else None


def _values(headers: HTTPHeaderDict, name: str) -> set[str]:
    return {value.strip().lower() for value in headers.get(name, "").split(",")}
