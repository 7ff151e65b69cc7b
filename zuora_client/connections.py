"""Connections that keep time, and pools that keep only good connections.

urllib3 makes, keeps and tunnels the connections; http.client, on which they are built, speaks over them. What is
added, each at a seam that is the same in urllib3 1.26 and 2.x: every read takes no longer than the running attempt may
still take; a request that begins to leave is noticed; what is not read to its exact end is closed; what has been idle
for long carries no write. urllib3's ``urlopen`` is passed by: it spends a quarter of a call on retries, redirects and
decoding that are not wanted here.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import os
import re
import socket
import ssl
import time
import weakref
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from .deadline import Deadline, Timeouts

# Firewalls drop idle connections without a word. A write on such a one could only end as "unknown".
IDLE_SECONDS_FOR_WRITES = 30.0

_LONGEST_LINE = 65536
_CHUNK_SIZE = rb"[0-9A-Fa-f]{1,16}"


class Attempt:
    """The running attempt, as its connection sees it.

    Attributes:
        left: whether any byte of the request may have left.
        deadline: None once the head of a streamed answer is here: the rest is the caller's.
    """

    __slots__ = ("deadline", "left", "timeouts", "write")

    def __init__(self, deadline: Deadline, timeouts: Timeouts, write: bool) -> None:
        self.deadline: Deadline | None = deadline
        self.timeouts = timeouts
        self.write = write
        self.left = False

    def patience(self) -> float | None:
        """Return how long the next read of the socket may take, in seconds.

        Raises:
            socket.timeout: no time is left.
        """
        return self.bounded(self.timeouts.read if self.left else self.timeouts.connect)

    def bounded(self, seconds: float | None) -> float | None:
        """Return `seconds`, or what is left of the deadline if that is less."""
        if self.deadline is not None:
            seconds = self.deadline.within(seconds)
            if seconds is not None and seconds <= 0:
                raise socket.timeout("the deadline of the call has passed")
        return seconds


def _set_timeout(sock: Any, seconds: float | None) -> None:
    # Setting it costs a system call, even to what it is already.
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class _PatientReader(io.RawIOBase):
    """Reads a socket, giving each read only the time that the attempt has left."""

    def __init__(self, connection: _Watched, sock: Any, raw: io.RawIOBase) -> None:
        self.connection = connection
        self.attempt = connection.attempt
        self._socket = sock
        # Whoever closes this reader gives the socket back, as the reader that it replaces would.
        self._raw = raw
        self.in_head = True
        self._at_rest = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._at_rest:
            return None
        _set_timeout(self._socket, self.attempt.patience())
        count: int = self._socket.recv_into(buffer)
        if count == 0 and self.in_head:
            # http.client would take half a head for a whole one, and "200" for a yes.
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

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ExactBuffer(io.BufferedReader):
    """Notices at its end whether anything is left over: the next request would get it as its answer."""

    raw: _PatientReader  # pyright: ignore[reportIncompatibleVariableOverride]

    def close(self) -> None:
        if not self.closed:
            self.raw.rest()
            # An old answer may be closed when its connection has long been on another one.
            if self.raw.connection.attempt is self.raw.attempt:
                self.raw.connection.exact = not (self.peek(1) or self.raw.pending())
        super().close()


class _Response(http.client.HTTPResponse):
    fp: _ExactBuffer

    def __init__(self, connection: _Watched, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        reader = _PatientReader(connection, sock, self.fp.detach())
        self.fp = _ExactBuffer(reader)  # pyright: ignore[reportIncompatibleVariableOverride]

    def _read_next_chunk_size(self) -> int:
        # http.client takes the beginning of a size for a size, "000" for the end and "-1" for everything.
        line = self.fp.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(b"")
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(_CHUNK_SIZE, size):
            raise http.client.HTTPException("a chunk of the answer has no size")
        return int(size, 16)

    def begin(self) -> None:
        super().begin()
        self.fp.raw.in_head = False
        if len(set(self.headers.get_all("content-length", ()))) > 1:
            raise http.client.HTTPException("the answer tells two different lengths")

    def _read_status(self) -> tuple[str, int, str]:
        # http.client passes over 100 only. Any other interim answer would be the last, and the next request would get
        # the answer that follows it.
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server switches to a protocol that nobody asked for")
            if not 101 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Watched:
    """A connection that says when a request leaves through it, and whether its last answer ended exactly."""

    exact = True
    idle_since = 0.0
    attempt: Attempt
    sock: Any
    _answer_of_proxy: _Response | None = None

    # Not urllib3's override, which looks at each header for a way to leave it out that nobody uses here.
    putheader = http.client.HTTPConnection.putheader

    def response_class(self, *args: Any, **kwargs: Any) -> _Response:
        """Make the object that reads an answer: http.client takes the class from here, for a proxy's answer too."""
        response = _Response(self, *args, **kwargs)
        if not self.attempt.left:
            self._answer_of_proxy = response
        return response

    def _new_conn(self) -> Any:
        self.timeout = self.attempt.patience()
        sock: Any = super()._new_conn()  # type: ignore[misc]
        self._bound(sock)
        return sock

    def _bound(self, sock: Any) -> None:
        """Let the next stage of connecting, a handshake of TLS, take what is left and not as much again."""
        try:
            sock.settimeout(self.attempt.patience())
        except socket.timeout:
            sock.close()
            raise

    def _connect_tls_proxy(self, *args: Any, **kwargs: Any) -> Any:
        sock: Any = super()._connect_tls_proxy(*args, **kwargs)  # type: ignore[misc]
        receive = sock.recv

        def recv(*sizes: int) -> Any:
            # TLS within TLS reads in a loop, each time with all the time that there was when it began.
            _set_timeout(sock, self.attempt.patience())
            return receive(*sizes)

        sock.recv = recv
        return sock

    def _tunnel(self) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
            self._bound(self.sock)
        finally:
            # Before Python 3.12 http.client leaves it open, and the socket with it for as long as somebody keeps the
            # error.
            if self._answer_of_proxy is not None:
                self._answer_of_proxy.close()
                self._answer_of_proxy = None

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        attempt = self.attempt
        _set_timeout(self.sock, attempt.bounded(attempt.timeouts.read))
        attempt.left = True
        self.exact = False
        super().endheaders(*args, **kwargs)  # type: ignore[misc]


# http.client only ever calls response_class, so a method serves as well as a class does.
class _Connection(_Watched, HTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Watched, HTTPSConnection):  # type: ignore[misc]
    pass


class _CarefulPool:
    """Hands on no connection that may be dead or may hold leftovers."""

    now = staticmethod(time.monotonic)
    pool: Any
    proxy: Any
    scheme: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Weak, because a caller may close an unread answer without giving its connection back.
        self._borrowed: weakref.WeakSet[Any] = weakref.WeakSet()

    def exchange(
        self, attempt: Attempt, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[Any, http.client.HTTPResponse]:
        """Send one request; return its connection and the head of the answer. `give_back` the connection afterwards.

        Raises:
            Exception: whatever urllib3, http.client, ssl and socket raise. The connection is closed and given back.
        """
        # Borrowing, giving back and tunnelling are urllib3's own seams, which it does not call public.
        connection: Any = self._get_conn()  # type: ignore[attr-defined]
        self._borrowed.add(connection)
        try:
            connection.attempt = attempt
            idle = self.now() - connection.idle_since
            if attempt.write and connection.sock is not None and idle > IDLE_SECONDS_FOR_WRITES:
                connection.close()
            if connection.sock is None:
                # The target is a whole URL where a proxy, which may itself speak TLS, is to read it.
                if self.proxy is not None and self.scheme == "https" and target.startswith("/"):
                    self._prepare_proxy(connection)  # type: ignore[attr-defined]
                else:
                    connection.connect()
            # A server may answer before it has read the whole request, and close: its answer, or the alert of TLS that
            # refuses our certificate, is still to be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                http.client.HTTPConnection.request(connection, method, target, body, headers)
            return connection, http.client.HTTPConnection.getresponse(connection)
        except BaseException:
            connection.exact = False
            self.give_back(connection)
            raise

    def give_back(self, connection: Any) -> None:
        """Take a connection back; it is closed unless its answer was read to the exact end."""
        self._put_conn(connection)

    # Overridden, because a caller who reads an answer himself gives the connection back through urllib3.
    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            self._borrowed.discard(conn)
            if not conn.exact:
                conn.close()
                conn.exact = True
            conn.idle_since = self.now()
        super()._put_conn(conn)  # type: ignore[misc]

    def forget(self) -> None:
        """In a forked child: close its copies of the parent's connections, past a lock that may be held for ever."""
        queue = self.pool
        if queue is not None:
            inherited = [*self._borrowed, *(connection for connection in queue.queue if connection is not None)]
            self._borrowed = weakref.WeakSet()
            queue.__init__(queue.maxsize)
            for connection in inherited:
                _let_go(connection)


class Pool(_CarefulPool, urllib3.HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class TlsPool(_CarefulPool, urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = _TlsConnection


def _let_go(connection: Any) -> None:
    # close() would leave it open for an answer that a thread of the parent was reading.
    sock = getattr(connection.sock, "socket", connection.sock)  # TLS through TLS wraps a socket of its own.
    connection.sock = None
    if sock is not None:
        descriptor = sock.detach()
        if descriptor >= 0:
            os.close(descriptor)


def proxy_manager(name: str, proxy: Any, settings: dict[str, Any]) -> urllib3.PoolManager:
    """Return the pools behind a proxy; they know its user and password in the form of a header only.

    Args:
        name: of the setting or variable that holds `proxy`.

    Raises:
        ValueError: no URL of an HTTP proxy. The text shows nothing of it, because it may hold a password.
    """
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except (TypeError, ValueError):
        parts, port = urlsplit(""), 0
    # A path is the rest of a password that holds a slash. It would make another host of what stands before it.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts[2:] not in (("", "", ""), ("/", "", "")):
        # Raised here and not above: the error of urlsplit may quote a password.
        raise ValueError(
            f"{name} must be an http or https URL such as 'http://user:password@proxy.example.com:3128', with the "
            "characters @ : / ? # percent-encoded in user and password"
        )
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{parts.scheme}://{name}:{port}"
    return urllib3.ProxyManager(url, proxy_headers=headers, proxy_ssl_context=settings["ssl_context"], **settings)
