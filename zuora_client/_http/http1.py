"""HTTP/1.1 messages over a socket (RFC 9112): responses, read strictly by grammar.

http.client accepts malformed status lines, header lines, lengths and chunks. A client that must not repeat a write has
to reject them: they are protocol errors, and the outcome of the write is unknown. Every read from the socket is limited
by the timeouts and the deadline of the attempt. A connection is reused only after a response that was read exactly to
its end, with nothing behind it.

Accepted beyond the grammar, because servers send it and nothing is ambiguous: a line of the head that ends with LF
alone, a status line without the space before an empty reason, spaces behind a chunk size.
"""

from __future__ import annotations

import http.client
import io
import re
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

from urllib3._collections import HTTPHeaderDict
from urllib3.util.ssltransport import SSLTransport

from .attempt import Attempt, set_timeout
from .decoding import CHUNK_SIZE

if TYPE_CHECKING:
    pass


# As in http.client.
_MAXLINE = 65536
_MAXHEADERS = 100
# Large enough for a page of 300 rows: every read from the socket releases the GIL.
_BUFFER_SIZE = 65536

# RFC 9112, 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]. Other minor versions of HTTP/1 are
# processed as HTTP/1.1 (RFC 9110, 2.5).
_STATUS_LINE = r"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?"
_OTHER_VERSION = r"HTTP/[0-9]\.[0-9] [^\n]*"
# RFC 9112, 5: field-line = field-name ":" OWS field-value OWS. RFC 9110, 5.5: no control characters but HTAB.
_FIELD_LINES = r"(?m)^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\r?$"
# RFC 9112, 7.1: chunk-size [ chunk-ext ] CRLF, where chunk-ext begins with ";". Servers pad sizes with spaces.
_CHUNK_LINE = rb"([0-9A-Fa-f]{1,16})(?:;[^\x00-\x08\x0a-\x1f\x7f]*|[ \t]*)\r\n"
# The longest Content-Length: that of 2**64 - 1.
_MAX_LENGTH_DIGITS = 20
# RFC 9110, 5.6.3: optional whitespace.
_OWS = " \t"
_CONNECTION_FIELDS = frozenset(("connection", "content-length", "keep-alive", "transfer-encoding"))


class ProtocolError(http.client.HTTPException):
    """The response is not HTTP/1.1."""


class _DeadlineSocketIO(io.RawIOBase):
    """Reads from a socket, each time with the remaining time of the attempt as the timeout.

    Attributes:
        in_head: whether the headers are still being read.
        keep_alive: whether the server keeps the connection open after this response.
        well_formed: whether nothing read so far contradicts the framing: an announced body where there is none, two
            framings, or one in a trailer.
        at_end: whether the response was read to its end.
        truncated: whether the TLS connection ended without close_notify.
    """

    def __init__(self, attempt: Attempt, sock: Any) -> None:
        self.attempt = attempt
        self.in_head = True
        self.keep_alive = False
        self.well_formed = True
        self.at_end = False
        self.truncated = False
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
        try:
            count: int = self._socket.recv_into(buffer)
        except ssl.SSLEOFError:
            count, self.truncated = 0, True
        if count:
            self.attempt.response_started = True
        elif self.in_head:
            # http.client would take truncated headers for complete ones.
            raise http.client.RemoteDisconnected("the connection closed before the response headers were complete")
        return count

    def stop(self) -> None:
        """Stop reading from the socket: later reads return only buffered bytes."""
        self._stopped = True

    def pending(self) -> bool:
        """Whether the TLS layer holds bytes that polling the socket does not report."""
        sock = self._socket
        if isinstance(sock, SSLTransport):
            # TLS within the TLS connection to a proxy.
            return bool(sock.incoming.pending or sock.sslobj.pending())
        pending = getattr(sock, "pending", None)
        return bool(pending and pending())


class _ResponseReader(io.BufferedReader):
    """Checks on close that no bytes follow the response: the next request would read them as its own response."""

    raw: _DeadlineSocketIO  # pyright: ignore[reportIncompatibleVariableOverride]

    def close(self) -> None:
        if not self.closed:
            raw = self.raw
            raw.stop()
            attempt = raw.attempt
            attempt.complete = raw.at_end and raw.well_formed and not (self.peek(1) or raw.pending())
            attempt.reusable = attempt.complete and raw.keep_alive
        super().close()


class Response(http.client.HTTPResponse):
    """A response of http.client, read strictly, with the headers in urllib3's `HTTPHeaderDict`.

    `keep_alive_timeout` is None, or the seconds after which the server closes an idle connection.
    """

    fp: _ResponseReader  # pyright: ignore[reportIncompatibleVariableOverride]
    headers: Any
    _method: str | None

    def __init__(self, attempt: Attempt, sock: Any, *args: Any, **kwargs: Any) -> None:
        reader: Any = _DeadlineSocketIO(attempt, sock)
        super().__init__(reader, *args, **kwargs)
        self.keep_alive_timeout: int | None = None

    @property
    def msg(self) -> Any:
        """The headers as http.client's parser returns them. For tools: it is slow."""
        message = http.client.HTTPMessage()
        for name, value in self.headers.iteritems():
            message[name] = value
        return message

    @msg.setter
    def msg(self, value: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Ignored: http.client assigns None."""

    # -- status line and headers ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Read the status line and the headers.

        Raises OSError, and http.client.HTTPException if they are malformed or their framing is ambiguous.
        """
        _, status, self.reason = self._read_status()
        raw = self.fp.raw
        self.headers = headers = HTTPHeaderDict()
        fields = _read_fields(self.fp, headers)
        raw.in_head = False
        self.chunked, self.length = self._read_framing(fields)
        self.chunk_left = None
        if self._method == "HEAD" or status in (204, 304):
            # RFC 9112, 6.3, item 1: no body, whatever the headers announce. A server that announces one may send it.
            if self._method != "HEAD" and (self.chunked or self.length):
                raw.well_formed = False
            self.chunked, self.length = False, 0
        # RFC 9112, 9.3: close wins. The keep-alive of HTTP/1.0 is not used, as in h11.
        raw.keep_alive = not (
            self.version == 10
            or (self.length is None and not self.chunked)
            or ("connection" in fields and "close" in _list_elements(fields["connection"]))
        )
        self.will_close = False  # http.client would close the socket before the body is read; the pool does it later
        if "keep-alive" in fields:
            self.keep_alive_timeout = _keep_alive_timeout(fields["keep-alive"])

    def _read_status(self) -> tuple[str, int, str]:
        # Also called by http.client for the response to CONNECT. Skips interim (1xx) responses: if one of them were
        # returned, the next request would read the final response of this one.
        while True:
            minor, code, reason = self._read_status_line()
            # HTTP/1.2 and later are processed as HTTP/1.1.
            self.version = 10 if minor == "0" else 11
            self.code = self.status = status = int(code)
            if status >= 200:
                return f"HTTP/1.{minor}", status, reason
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise ProtocolError("the server switched to another protocol, which was not requested")
            # RFC 9110, 15.2: an interim response has the same grammar and no body.
            chunked, length = self._read_framing(_read_fields(self.fp, HTTPHeaderDict()))
            if chunked or length:
                self.fp.raw.well_formed = False

    def _read_status_line(self) -> tuple[str, str, str]:
        data = self.fp.readline(_MAXLINE + 1)
        if data[-1:] != b"\n" or len(data) > _MAXLINE:
            raise _line_error(data, "status line")
        # RFC 9112, 2.2: a recipient may recognize a single LF as a line terminator.
        line = data.decode("latin-1")[:-1].removesuffix("\r")
        found = _pattern(_STATUS_LINE).fullmatch(line)
        if found is None:
            if _pattern(_OTHER_VERSION).fullmatch(line) and not line.startswith("HTTP/1."):
                raise http.client.UnknownProtocol(line[:8])
            raise http.client.BadStatusLine(line)
        minor, code, reason = found.groups("")
        return minor, code, reason.strip()

    def _read_framing(self, fields: dict[str, list[str]]) -> tuple[bool, int | None]:
        """Return (chunked, length) as the headers announce them, RFC 9112, 6.3.

        Raises:
            ProtocolError: a transfer coding other than one `chunked`, or an invalid or ambiguous Content-Length.
        """
        # Item 5: an invalid Content-Length is an unrecoverable error, also beside Transfer-Encoding.
        length = _content_length(fields["content-length"]) if "content-length" in fields else None
        if "transfer-encoding" not in fields:
            return False, length
        # 6.1: no coding was requested, so only `chunked` is valid, once. HTTP/1.0 has no transfer codings.
        if [coding.lower() for coding in fields["transfer-encoding"]] != ["chunked"] or self.version == 10:
            raise ProtocolError("the response has a transfer coding other than a single chunked on HTTP/1.1")
        if length is not None:
            # Item 3: Transfer-Encoding overrides Content-Length. Both at once may be an attempt of response splitting.
            self.fp.raw.well_formed = False
        return True, None

    # -- body -------------------------------------------------------------------------------------------------------

    def read(self, amt: int | None = None) -> bytes:
        """Return the next `amt` bytes of the body, fewer only at its end; without `amt` all that remain.

        Raises OSError, and http.client.HTTPException if the body is malformed or ends too early.
        """
        if amt is None or amt < 0:
            # In pieces: an announced length allocates nothing.
            return b"".join(iter(lambda: self.read(CHUNK_SIZE), b""))
        if self.fp is None:  # pyright: ignore[reportUnnecessaryComparison] # None after close()
            return b""
        if self.chunked:
            return bytes(self._read_chunked(amt))  # type: ignore[attr-defined]
        length = self.length
        if length is None:
            data = self.fp.read(amt)
            if not data and amt:
                self._end_of_connection()
            return data
        amt = min(amt, length)
        data = self.fp.read(amt)
        if len(data) < amt:
            raise http.client.IncompleteRead(data, length - len(data))
        self.length = length - amt
        if not self.length:
            self._end()
        return data

    def read1(self, n: int = -1) -> bytes:
        n = CHUNK_SIZE if n < 0 else n
        if self.fp is None or self.chunked:  # pyright: ignore[reportUnnecessaryComparison] # None after close()
            return super().read1(n)
        if self.length is None:
            data = self.fp.read1(n)
            if not data and n:
                self._end_of_connection()
            return data
        data = self.fp.read1(min(n, self.length))
        if not data and n and self.length:
            raise http.client.IncompleteRead(b"", self.length)
        self.length -= len(data)
        if not self.length:
            self._end()
        return data

    def readinto(self, b: Any) -> int:
        data = self.read(len(b))
        b[: len(data)] = data
        return len(data)

    def readline(self, limit: int = -1) -> bytes:  # type: ignore[override]
        # Reads through read(), while http.client reads past the checks above.
        return io.BufferedIOBase.readline(self, limit)

    def _end(self) -> None:
        self.fp.raw.at_end = True
        self._close_conn()  # type: ignore[attr-defined]

    def _end_of_connection(self) -> None:
        """End a body that is delimited by the end of the connection (RFC 9112, 6.3, item 8).

        Raises:
            http.client.IncompleteRead: TLS ended without close_notify, so the body may be truncated (RFC 9112, 9.8).
        """
        if self.fp.raw.truncated:
            raise http.client.IncompleteRead(b"")
        self._end()

    # http.client reads the data of chunks; what delimits them is read here.
    def _get_chunk_left(self) -> int | None:
        if self.chunk_left:
            return self.chunk_left
        # RFC 9112, 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF.
        if self.chunk_left is not None and self._safe_read(2) != b"\r\n":  # type: ignore[attr-defined]
            raise ProtocolError("the data of a chunk does not end with CRLF")
        line = self.fp.readline(_MAXLINE + 1)
        if line[-1:] != b"\n" or len(line) > _MAXLINE:
            raise _line_error(line, "chunk size")
        found = _pattern(_CHUNK_LINE).fullmatch(line)
        if found is None:
            raise ProtocolError("a chunk of the response has a malformed size")
        self.chunk_left = int(found[1], 16)
        if self.chunk_left:
            return self.chunk_left
        # 7.1.2: trailers follow the header rule. Framing headers are not allowed there (RFC 9110, 6.5.1).
        fields = _read_fields(self.fp, HTTPHeaderDict())
        chunked, length = self._read_framing(fields)
        if chunked or length is not None:
            self.fp.raw.well_formed = False
        self.chunk_left = None
        self._end()
        return None


def _line_error(line: bytes, what: str) -> http.client.HTTPException:
    # The line has no terminator: it is too long, or the connection ended within it.
    return http.client.LineTooLong(what) if len(line) > _MAXLINE else http.client.IncompleteRead(b"")


def _read_fields(file: _ResponseReader, headers: HTTPHeaderDict) -> dict[str, list[str]]:
    """Read header or trailer lines to the empty line behind them, and add them to `headers` (RFC 9112, 5).

    Returns:
        The values of the fields that concern the connection, by their names in lower case.
    """
    lines: list[bytes] = []
    for _ in range(_MAXHEADERS + 1):
        line = file.readline(_MAXLINE + 1)
        if line == b"\r\n" or line == b"\n":
            break
        if line[-1:] != b"\n" or len(line) > _MAXLINE:
            raise _line_error(line, "header line")
        lines.append(line)
    else:
        raise ProtocolError(f"the response has more than {_MAXHEADERS} header lines")
    head = b"".join(lines).decode("latin-1")
    if head[:1] in _OWS and head:
        raise ProtocolError("whitespace precedes the first header line")
    if "\n " in head or "\n\t" in head:
        # 5.2: a user agent replaces obsolete line folding by a space.
        head = re.sub(r"\r?\n[ \t]+", " ", head)
    # One search for all lines: a line that does not match is missing in the result.
    found = _pattern(_FIELD_LINES).findall(head)
    if len(found) != head.count("\n"):
        raise ProtocolError("the response has a malformed header line")
    fields: dict[str, list[str]] = {}
    for name, value in found:
        value = value.strip(_OWS)
        headers.add(name, value)
        name = name.lower()
        if name in _CONNECTION_FIELDS:
            fields.setdefault(name, []).append(value)
    return fields


def _list_elements(values: list[str]) -> list[str]:
    """Return the elements of a comma-separated field, in lower case (RFC 9110, 5.6.1)."""
    return [element.strip(_OWS).lower() for value in values for element in value.split(",")]


def _content_length(values: list[str]) -> int:
    """Return the length that all values agree on: equal repeats are one (RFC 9110, 8.6)."""
    lengths = {values[0]} if len(values) == 1 and "," not in values[0] else set(_list_elements(values))
    if len(lengths) > 1:
        raise ProtocolError("the response has conflicting Content-Length values")
    length = lengths.pop()
    if not (length.isascii() and length.isdigit() and len(length) <= _MAX_LENGTH_DIGITS):
        raise ProtocolError("the response has an invalid Content-Length")
    return int(length)


def _keep_alive_timeout(values: list[str]) -> int | None:
    """Return the smallest `timeout` of a Keep-Alive header (RFC 2068, 19.7.1.1), None if there is none."""
    timeouts = []
    for element in _list_elements(values):
        name, _, number = element.partition("=")
        seconds = number.strip(' \t"')
        if name.strip() == "timeout" and seconds.isascii() and seconds.isdigit():
            timeouts.append(min(int(seconds[:9]), 10**9))
    return min(timeouts, default=None)


@cache
def _pattern(pattern: Any) -> re.Pattern[Any]:
    # Compiled on first use: it costs start-up time.
    return re.compile(pattern)
