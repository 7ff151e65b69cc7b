"""Connections that keep time, and pools that keep only good connections.

urllib3's pools and connections with four habits added, each at a seam that is the same in urllib3 1.26 and 2.x:
every read takes no longer than the running attempt may still take; a request that begins to leave is noticed; what is
not read to its exact end is closed; what has been idle for long carries no write.
"""

from __future__ import annotations

import base64
import http.client
import io
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from .deadline import Deadline, Timeouts

# Firewalls drop idle connections without a word. A write on such a one could only end as "unknown".
IDLE_SECONDS_FOR_WRITES = 30.0


class Attempt:
    """The running attempt, as its connection sees it.

    Attributes:
        left: whether any byte of the request may have left.
        deadline: None once the head of a streamed answer is here: the rest is the caller's.
    """

    __slots__ = ("connection", "deadline", "left", "timeouts", "write")

    def __init__(self, deadline: Deadline, timeouts: Timeouts, write: bool) -> None:
        self.deadline: Deadline | None = deadline
        self.timeouts = timeouts
        self.write = write
        self.left = False
        self.connection: Any = None

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


class _Running(threading.local):
    attempt: Attempt


# urllib3 offers no way to hand something to a connection through urlopen(), and an attempt never leaves its thread.
running = _Running()


def _set_timeout(sock: Any, seconds: float | None) -> None:
    # Setting it costs a system call, even to what it is already.
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class _PatientReader(io.RawIOBase):
    """Reads a socket, giving each read only the time that the attempt has left."""

    def __init__(self, sock: Any, raw: io.RawIOBase) -> None:
        self._socket = sock
        # Whoever closes this reader gives the socket back, as the reader that it replaces would.
        self._raw = raw
        self.attempt = running.attempt
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
        pending = getattr(self._socket, "pending", None)
        return bool(pending and pending())

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ExactBuffer(io.BufferedReader):
    """Notices at its end whether anything is left over: the next request would get it as its answer."""

    raw: _PatientReader

    def close(self) -> None:
        if not self.closed:
            connection = self.raw.attempt.connection
            if connection is not None:
                self.raw.rest()
                connection.exact = not (self.peek(1) or self.raw.pending())
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: _ExactBuffer = _ExactBuffer(_PatientReader(sock, self.fp.detach()))

    def begin(self) -> None:
        super().begin()
        self.fp.raw.in_head = False
        # urllib3 would log lines that are no headers, and a server may have put there what we sent it.
        self.msg.set_payload("")
        self.msg.defects.clear()

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

    response_class: Any = _Response
    exact = True
    idle_since = 0.0
    sock: Any

    def _tunnel(self) -> None:
        # Before Python 3.12 http.client leaves the proxy's answer open, and the socket with it for as long as somebody
        # keeps the error.
        answers: list[_Response] = []

        def noted(*args: Any, **kwargs: Any) -> _Response:
            answers.append(_Response(*args, **kwargs))
            return answers[-1]

        self.response_class = noted
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            del self.response_class
            for answer in answers:
                answer.close()

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        attempt = running.attempt
        _set_timeout(self.sock, attempt.bounded(attempt.timeouts.read))
        attempt.connection = self
        attempt.left = True
        self.exact = False
        super().endheaders(*args, **kwargs)  # type: ignore[misc]


class _Connection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _UnverifiedConnection(_TlsConnection):
    def connect(self) -> None:
        super().connect()
        # The warning was given when the client was made; urllib3 would repeat it for every connection.
        self.is_verified = True


class _CarefulPool:
    """Hands on no connection that may be dead or may hold leftovers."""

    now = staticmethod(time.monotonic)
    pool: Any

    # The one place where a connection changes hands; urllib3 has no public one.
    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        idle = connection.sock is not None and running.attempt.write
        if idle and self.now() - connection.idle_since > IDLE_SECONDS_FOR_WRITES:
            connection.close()
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            if not connection.exact:
                connection.close()
                connection.exact = True
            connection.idle_since = self.now()
        super()._put_conn(connection)  # type: ignore[misc]

    def forget(self) -> None:
        """In a forked child: close its copies of the parent's connections, past a lock that may be held for ever."""
        queue = self.pool
        if queue is not None:
            inherited = [connection for connection in queue.queue if connection is not None]
            queue.__init__(queue.maxsize)
            for connection in inherited:
                connection.close()


class Pool(_CarefulPool, urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class TlsPool(_CarefulPool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class UnverifiedPool(_CarefulPool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _UnverifiedConnection


def proxy_manager(proxy: str, settings: dict[str, Any]) -> urllib3.PoolManager:
    """Return the pools behind a proxy; they know its user and password in the form of a header only.

    Raises:
        ValueError: no URL of an HTTP proxy.
    """
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # Raised here and not above: the error of urlsplit may quote a password.
        raise ValueError("proxy must be an http or https URL such as 'http://proxy.example.com:3128'")
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{parts.scheme}://{name}:{port}"
    return urllib3.ProxyManager(url, proxy_headers=headers, proxy_ssl_context=settings["ssl_context"], **settings)
