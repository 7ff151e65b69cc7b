"""urllib3's connections and connection pools, with the deadline and the outcome of an attempt.

urllib3 opens, pools and tunnels the connections. Added here: every stage of connecting is limited by the remaining time
of the attempt; the connection records when it sends a request; it is closed unless the response was read exactly to its
end; and it carries no write after a long idle time. urllib3's ``urlopen`` is not used: a quarter of a call would go to
its retries, redirects and decoding, which are not wanted here.
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import time
import weakref
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from .http1 import Attempt, Response, set_timeout

if TYPE_CHECKING:
    from .tls import TlsConfig

# A server, proxy or firewall may close an idle connection at the moment that a request is sent on it. The outcome of a
# write would be unknown. Servers close after 5 s or more by default; those that announce a timeout may use less.
IDLE_SECONDS_FOR_WRITES = 2.0
# Statuses of a proxy to CONNECT that another attempt would not change.
REFUSED_BY_PROXY = (403, 407)
# The announced timeout began when the server sent its response, and has to outlast the way of the next request.
_KEEP_ALIVE_MARGIN = 1.0


class _DeadlineConnectionMixin:
    """Applies the timeouts of an attempt to a connection, and records in the attempt that the request was sent."""

    idle_since = 0.0
    max_idle_for_writes = IDLE_SECONDS_FOR_WRITES
    attempt: Attempt
    sock: Any
    _connect_response: Response | None = None

    def response_class(self, *args: Any, **kwargs: Any) -> Response:
        """Return the object that reads a response. http.client calls this for the response to CONNECT."""
        response = Response(self.attempt, *args, **kwargs)
        if not self.attempt.request_sent:
            self._connect_response = response
        return response

    def _new_conn(self) -> Any:
        self.timeout = self.attempt.next_timeout()
        sock: Any = super()._new_conn()  # type: ignore[misc]
        self._apply_timeout(sock)
        return sock

    def _apply_timeout(self, sock: Any) -> None:
        """Limit the next stage of connecting (e.g. the TLS handshake) to the remaining time."""
        try:
            sock.settimeout(self.attempt.next_timeout())
        except TimeoutError:
            sock.close()
            raise

    def _connect_tls_proxy(self, *args: Any, **kwargs: Any) -> Any:
        sock: Any = super()._connect_tls_proxy(*args, **kwargs)  # type: ignore[misc]
        receive = sock.recv

        def recv(*sizes: int) -> Any:
            # The handshake of TLS within TLS reads in a loop and sets the timeout only once.
            set_timeout(sock, self.attempt.next_timeout())
            return receive(*sizes)

        sock.recv = recv
        return sock

    def _tunnel(self) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
            self._apply_timeout(self.sock)
        except OSError:
            if self._connect_response is not None and self._connect_response.status in REFUSED_BY_PROXY:
                self.attempt.connect_status = self._connect_response.status
            raise
        finally:
            # Before Python 3.12 http.client does not close it if CONNECT fails. The socket would stay open for as long
            # as the exception is referenced.
            if self._connect_response is not None:
                self._connect_response.close()
                self._connect_response = None

    def send_request(self, method: str, request: bytes) -> Response:
        """Send a request and return the response after its headers."""
        attempt = self.attempt
        set_timeout(self.sock, attempt.clamp(attempt.timeouts.read))
        attempt.request_sent = True
        attempt.reusable = False
        # A server may respond and close before it has read the whole request. The response, or the TLS alert that
        # rejects the client certificate, can still be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            self.send(request)  # type: ignore[attr-defined]
        response = Response(attempt, self.sock, method=method)
        try:
            response.begin()
        except BaseException:
            response.close()
            raise
        timeout = response.keep_alive_timeout
        if timeout is not None:
            self.max_idle_for_writes = min(IDLE_SECONDS_FOR_WRITES, timeout - _KEEP_ALIVE_MARGIN)
        return response


# The mixin overrides response_class, a class, with a method: http.client only ever calls it.
class _Connection(_DeadlineConnectionMixin, HTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_DeadlineConnectionMixin, HTTPSConnection):  # type: ignore[misc]
    def connect(self) -> None:
        super().connect()
        # Otherwise ssl reports the end of a connection without close_notify as the end of the data.
        self.sock.suppress_ragged_eofs = False
        self.attempt.tls_version = self.sock.version()


class _PoolMixin:
    """Reuses a connection only after its response was read exactly to its end."""

    now = staticmethod(time.monotonic)
    pool: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Weak: a caller may close a streaming response without releasing its connection.
        self._checked_out: weakref.WeakSet[Any] = weakref.WeakSet()

    def exchange(self, attempt: Attempt, method: str, request: bytes, *, tunnel: bool) -> tuple[Any, Response]:
        """Send one request; return the connection and the response after its headers. The caller releases both.

        Args:
            tunnel: open a CONNECT tunnel through the proxy.

        Raises:
            Exception: any error of urllib3, http.client, ssl and socket. The connection is closed and released.
        """
        # _get_conn, _put_conn and _prepare_proxy are private in urllib3, and the same in all 2.x versions.
        connection: Any = self._get_conn()  # type: ignore[attr-defined]
        self._checked_out.add(connection)
        try:
            connection.attempt = attempt
            idle = self.now() - connection.idle_since
            is_stale = attempt.write and idle >= connection.max_idle_for_writes
            if connection.sock is not None and (is_stale or attempt.new_connection):
                connection.close()
            if connection.sock is None:
                connection.max_idle_for_writes = IDLE_SECONDS_FOR_WRITES
                if tunnel:
                    self._prepare_proxy(connection)  # type: ignore[attr-defined]
                else:
                    connection.connect()
            return connection, connection.send_request(method, request)
        except BaseException:
            attempt.reusable = False
            self.release(connection)
            raise

    def release(self, connection: Any) -> None:
        """Put a connection back into the pool. It is closed unless `Attempt.reusable` is True."""
        self._put_conn(connection)

    # Overridden because urllib3's HTTPResponse.release_conn() calls it for a streaming response.
    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            self._checked_out.discard(conn)
            if not conn.attempt.reusable:
                conn.close()
            conn.idle_since = self.now()
        super()._put_conn(conn)  # type: ignore[misc]

    def reset_after_fork(self) -> None:
        """In a forked child: close the copies of the parent's connections.

        The queue gets new locks, because a thread of the parent may have held the old ones.
        """
        queue = self.pool
        if queue is not None:
            connections = [*self._checked_out, *(connection for connection in queue.queue if connection is not None)]
            self._checked_out = weakref.WeakSet()
            queue.__init__(queue.maxsize)
            for connection in connections:
                connection.close()


class Pool(_PoolMixin, urllib3.HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class TlsPool(_PoolMixin, urllib3.HTTPSConnectionPool):
    ConnectionCls: Any = _TlsConnection


def proxy_manager(name: str, proxy: Any, pool_kwargs: dict[str, Any], tls: TlsConfig) -> urllib3.PoolManager:
    """Return a pool manager for a proxy. It keeps user and password only as a Proxy-Authorization header.

    Args:
        name: of the setting or environment variable that holds `proxy`.

    Raises:
        ValueError: not the URL of an HTTP proxy. The message does not quote the URL, which may contain a password.
    """
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except (TypeError, ValueError):
        parts, port = urlsplit(""), 0
    # A path, query or fragment is part of a password that was not percent-encoded: the host before it would be wrong.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts[2:] not in (("", "", ""), ("/", "", "")):
        # Raised outside the except clause: its context, the error of urlsplit, may quote a password.
        raise ValueError(
            f"{name} must be an http or https URL such as 'http://user:password@proxy.example.com:3128', with the "
            "characters @ : / ? # percent-encoded in user and password"
        )
    headers = {}
    if parts.username is not None:
        user_and_password = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(user_and_password.encode()).decode("ascii")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{parts.scheme}://{host}:{port}"
    if parts.scheme == "https":
        # The pool arguments apply to the pool of the proxy itself, which forwards requests to plain http hosts.
        proxy_kwargs = tls.proxy_pool_kwargs()
        pool_kwargs = {**pool_kwargs, **proxy_kwargs, "proxy_ssl_context": proxy_kwargs["ssl_context"]}
    return urllib3.ProxyManager(url, proxy_headers=headers, **pool_kwargs)
