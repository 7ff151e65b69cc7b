"""Connections that keep time, and pools that keep only good connections.

urllib3 makes, keeps and tunnels the connections. What is added, each at a seam that is the same in urllib3 1.26 and
2.x: every stage of connecting takes no longer than the running attempt may still take; a request that begins to leave
is noticed; what is not read to its exact end is closed; what has been idle for long carries no write. urllib3's
``urlopen`` is passed by: it spends a quarter of a call on retries, redirects and decoding that are not wanted here.
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import time
import weakref
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from .http1 import Attempt, Response, set_timeout

# Firewalls drop idle connections without a word. A write on such a one could only end as "unknown".
IDLE_SECONDS_FOR_WRITES = 30.0


class Watched:
    """A connection that says when a request leaves through it."""

    idle_since = 0.0
    attempt: Attempt
    sock: Any
    _answer_of_proxy: Response | None = None

    def response_class(self, *args: Any, **kwargs: Any) -> Response:
        """Make the object that reads an answer: http.client takes the class from here, for a proxy's answer too."""
        response = Response(self.attempt, *args, **kwargs)
        if not self.attempt.request_sent:
            self._answer_of_proxy = response
        return response

    def _new_conn(self) -> Any:
        self.timeout = self.attempt.next_timeout()
        sock: Any = super()._new_conn()  # type: ignore[misc]
        self._bound(sock)
        return sock

    def _bound(self, sock: Any) -> None:
        """Let the next stage of connecting, a handshake of TLS, take what is left and not as much again."""
        try:
            sock.settimeout(self.attempt.next_timeout())
        except TimeoutError:
            sock.close()
            raise

    def _connect_tls_proxy(self, *args: Any, **kwargs: Any) -> Any:
        sock: Any = super()._connect_tls_proxy(*args, **kwargs)  # type: ignore[misc]
        receive = sock.recv

        def recv(*sizes: int) -> Any:
            # TLS within TLS reads in a loop, each time with all the time that there was when it began.
            set_timeout(sock, self.attempt.next_timeout())
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

    def exchange(self, method: str, request: bytes) -> Response:
        """Send a request and return the head of its answer."""
        attempt = self.attempt
        set_timeout(self.sock, attempt.clamp(attempt.timeouts.read))
        attempt.request_sent = True
        attempt.reusable = False
        # A server may answer before it has read the whole request, and close: its answer, or the alert of TLS that
        # refuses our certificate, is still to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            self.send(request)  # type: ignore[attr-defined]
        response = Response(attempt, self.sock, method=method)
        try:
            response.begin()
        except BaseException:
            response.close()
            raise
        return response


# http.client only ever calls response_class, so a method serves as well as a class does.
class _Connection(Watched, HTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(Watched, HTTPSConnection):  # type: ignore[misc]
    pass


class _CarefulPool:
    """Hands on no connection that may be dead or may hold leftovers."""

    now = staticmethod(time.monotonic)
    pool: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Weak, because a caller may close an unread answer without giving its connection back.
        self._borrowed: weakref.WeakSet[Any] = weakref.WeakSet()

    def exchange(self, attempt: Attempt, method: str, request: bytes, *, tunnel: bool) -> tuple[Any, Response]:
        """Send one request; return its connection and the head of the answer. `release` the connection afterwards.

        Args:
            tunnel: ask the proxy for a connection to the host that it cannot read.

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
                if tunnel:
                    self._prepare_proxy(connection)  # type: ignore[attr-defined]
                else:
                    connection.connect()
            return connection, connection.exchange(method, request)
        except BaseException:
            attempt.reusable = False
            self.release(connection)
            raise

    def release(self, connection: Any) -> None:
        """Take a connection back; it is closed unless its answer was read to the exact end."""
        self._put_conn(connection)

    # Overridden, because a caller who reads an answer himself gives the connection back through urllib3.
    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            self._borrowed.discard(conn)
            if not conn.attempt.reusable:
                conn.close()
            conn.idle_since = self.now()
        super()._put_conn(conn)  # type: ignore[misc]

    def reset_after_fork(self) -> None:
        """In a forked child: close its copies of the parent's connections, past a lock that may be held for ever."""
        queue = self.pool
        if queue is not None:
            inherited = [*self._borrowed, *(connection for connection in queue.queue if connection is not None)]
            self._borrowed = weakref.WeakSet()
            queue.__init__(queue.maxsize)
            for connection in inherited:
                connection.close()


class Pool(_CarefulPool, urllib3.HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class TlsPool(_CarefulPool, urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = _TlsConnection


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
