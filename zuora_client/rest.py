"""One attempt over HTTP, and nothing about what its answer means.

What it keeps: an attempt ends within the deadline of its call, whatever the other side drips or withholds; its error
says whether the request had left, as the connection saw it; no body grows beyond its limit, inflated or not; a
connection is reused only after a whole and exact answer. Redirects are not followed, and nothing is sent twice here.
With `connections` and `tls` this is all that knows urllib3.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import weakref
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3._collections import HTTPHeaderDict
from urllib3.util.ssl_match_hostname import CertificateError as _CertificateError

from .configuration import Host
from .connections import Attempt, Pool, TlsPool, proxy_manager
from .deadline import Clock
from .exceptions import (
    NOT_SENT,
    UNKNOWN,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    InvalidResponseError,
    TlsError,
)
from .inflate import Inflater, too_large
from .serialization import decode_text
from .tls import TlsSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import TypeAlias
    from urllib3.response import BaseHTTPResponse

    # For the signatures of the API: a timeout that is taken, and what `_preload_content=False` returns.
    TransportTimeout: TypeAlias = urllib3.Timeout
    RawResponse: TypeAlias = BaseHTTPResponse

    from .configuration import Configuration
    from .deadline import Deadline, Timeouts

__all__ = ["ApiException", "RESTClientObject", "RESTResponse"]

_PIECE = 65536

# What a connection can fail with, its misuse by a client that is closed meanwhile included. Everything else was raised
# into the call from outside, by a handler of a signal (a time limit, say), and is for whoever waits for it.
_FAILURES = (
    OSError,
    http.client.HTTPException,
    urllib3.exceptions.HTTPError,
    ValueError,
    AttributeError,
    TypeError,
)


class RESTResponse:
    """A whole answer.

    Attributes:
        status: HTTP status.
        reason: HTTP reason phrase.
        headers: names are compared without case.
        content: the body as bytes, inflated.
    """

    __slots__ = ("content", "headers", "reason", "status")

    def __init__(self, status: int, reason: str | None, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.reason = reason
        self.content = content
        self.headers = headers

    @property
    def data(self) -> str:
        """The body as text; what its charset cannot read is replaced."""
        return decode_text(self.content, self.headers.get("content-type"))

    def getheaders(self) -> Mapping[str, str]:
        """Return all headers."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """Return one header, or `default`."""
        return self.headers.get(name, default)


class _Route:
    """How a host is reached: its pool, whether a proxy wants the whole URL, and whether what is sent stays private."""

    __slots__ = ("origin", "pool", "private", "through_proxy")

    def __init__(self, manager: urllib3.PoolManager, host: Host, tls: TlsSettings) -> None:
        # Only for TLS: a plain connection of urllib3 1.26 or 2.0 does not know all of these settings.
        settings = None
        if host.scheme == "https":
            settings = {**tls.pool_settings(), "assert_hostname": tls.assert_hostname}
        # urllib3 splits the brackets off an IPv6 address itself.
        self.pool: Any = manager.connection_from_url(host.origin, settings)
        self.through_proxy = manager.proxy is not None and host.scheme == "http"
        # A proxy reads what is for a plain host, also when it is spoken to over TLS.
        unseen = host.local and not (self.through_proxy and not Host(str(manager.proxy)).local)
        self.private = host.scheme == "https" or unseen
        self.origin = host.origin


class RESTClientObject:
    """The transport of one client: TLS, proxy and pool as the configuration said when it was made.

    Raises:
        ValueError: a CA file, client certificate or proxy URL that cannot be used; the setting is named.
    """

    def __init__(self, configuration: Configuration, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._limit = configuration.max_response_bytes
        self._pool_size = configuration.connection_pool_maxsize
        self._proxy = configuration.proxy or None
        self._trust_env = configuration.trust_env
        self._tls = TlsSettings(configuration)
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._routes: dict[str, _Route] = {}
        # One that a thread may take twice: a handler of a signal may close the client wherever it comes.
        self._lock = threading.RLock()
        if self._proxy:
            self._manager("proxy", self._proxy)
        # urllib3 1.26 leaves the sockets of a forgotten pool to the garbage collector, which complains.
        self._finalizer = weakref.finalize(self, _close_pools, self._routes)

    def attempt(
        self,
        host: Host,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        timeouts: Timeouts,
        deadline: Deadline,
        *,
        write: bool = False,
        stream: bool = False,
    ) -> Any:
        """Send one request once and return the whole answer, whatever its status.

        Args:
            target: path and query, percent-encoded.
            write: do not send it over a connection that was idle for long.
            stream: return urllib3's response with its body unread when the status is 2xx; the deadline ends there.

        Raises:
            ApiConnectionError, ApiTimeoutError, TlsError: no whole answer came. `outcome` says whether the request had
                left: ``not_sent`` or ``unknown``.
            InvalidResponseError: an answer too large, or in a coding that cannot be read; `status` is kept.
        """
        attempt = Attempt(deadline, timeouts, write)
        route = self._route(host)
        pool = route.pool
        if route.through_proxy:
            target, headers = host.origin + target, {**headers, **pool.proxy_headers}
        try:
            connection, response = pool.exchange(attempt, method, target, body, headers)
        except _FAILURES as error:
            raise _translate(error, attempt, route) from error
        unread = None
        whole = False
        try:
            if stream and 200 <= response.status <= 299:
                attempt.deadline = None
                unread = _unread(response, pool, connection, method, target)
                return unread
            content = self._read(response)
            whole = True
            return RESTResponse(response.status, response.reason, _headers(response), content)
        except InvalidResponseError as error:
            if response.status >= 400:
                # The status says no; that its words cannot be read takes nothing away from that.
                return RESTResponse(response.status, response.reason, _headers(response), b"")
            raise _of_answer(error, response) from None
        except _FAILURES as error:
            raise _of_answer(_translate(error, attempt, route), response) from error
        finally:
            if unread is None:
                if not whole:
                    # Closed, not drained: what is still to come may be endless.
                    response.close()
                    connection.exact = False
                pool.give_back(connection)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """Return the whole body, inflated.

        Raises:
            InvalidResponseError: it is too large, or in a coding that cannot be read.
            Exception: what http.client, ssl and socket raise.
        """
        codings = response.headers.get_all("content-encoding")
        inflater = Inflater(", ".join(codings) if codings else None, self._limit)
        told = response.length
        if told is not None:
            if told > self._limit:
                raise too_large(self._limit)
            inflater.feed(response.read())
            return inflater.finish()
        piece = response.read(_PIECE)
        if not piece and not response.chunked and response.status <= 299:
            # Nothing but the end of the connection says that this is all: the yes or no may be what was lost.
            raise http.client.IncompleteRead(b"")
        while piece:
            inflater.feed(piece)
            piece = response.read(_PIECE)
        return inflater.finish()

    # -- how a host is reached --------------------------------------------------------------------------------------

    def private(self, host: Host) -> bool:
        """Whether what is sent to `host` cannot be read on the way: TLS, or it never leaves the machine."""
        return self._route(host).private

    def secrets(self) -> list[str]:
        """Return what the proxies are told to let us through."""
        return [
            value for manager in self._managers.values() for value in getattr(manager, "proxy_headers", {}).values()
        ]

    def _route(self, host: Host) -> _Route:
        route = self._routes.get(host.url)
        if route is None:
            # Two threads that come first would make two pools, and one of them would never be closed.
            with self._lock:
                route = self._routes.get(host.url) or self._new_route(host)
        return route

    def _new_route(self, host: Host) -> _Route:
        manager = self._manager("proxy", self._proxy) if self._proxy else self._manager(*self._proxy_of(host))
        route = _Route(manager, host, self._tls)
        route.pool.now = self._clock.now
        if not self._finalizer.alive:
            # Nobody would close what is opened from here on.
            failure = ApiConnectionError(reason="the client was closed while the call was under way")
            failure.outcome = NOT_SENT
            raise failure
        self._routes[host.url] = route
        return route

    def _proxy_of(self, host: Host) -> tuple[str, str | None]:
        """Return the variable of the environment that names a proxy for a host, and the proxy or None."""
        variable = f"{host.scheme.upper()}_PROXY"
        if not self._trust_env:
            return variable, None
        # Imported here: it costs start-up time, and few ask for it.
        from urllib import request

        proxies = request.getproxies_environment()
        # Typeshed does not know it, but it is there on every platform.
        bypass: Any = request.proxy_bypass_environment  # type: ignore[attr-defined]
        # People write an IPv6 address with brackets, as in a URL, and without.
        if any(bypass(name, proxies) for name in (host.origin.partition("://")[2], host.name)):
            return variable, None
        return variable, proxies.get(host.scheme)

    def _manager(self, name: str, proxy: str | None) -> urllib3.PoolManager:
        manager = self._managers.get(proxy)
        if manager is None:
            settings: dict[str, Any] = {"maxsize": self._pool_size, "block": False}
            if proxy is None:
                manager = urllib3.PoolManager(**settings)
            else:
                manager = proxy_manager(name, proxy, {**settings, **self._tls.pool_settings()})
            pools: dict[str, Any] = {"http": Pool, "https": TlsPool}
            manager.pool_classes_by_scheme = pools
            manager = self._managers.setdefault(proxy, manager)
        return manager

    def forget(self) -> None:
        """In a forked child: leave every connection to the parent."""
        self._lock = threading.RLock()
        self._finalizer.detach()
        for route in self._routes.values():
            route.pool.forget()
        # Kept from the garbage collector, whose clean-up would wait for locks that a thread of the parent held.
        _inherited.extend((self._routes, self._managers))
        self._routes, self._managers = {}, {}
        self._finalizer = weakref.finalize(self, _close_pools, self._routes)

    def close(self) -> None:
        """Close every connection. Harmless when done twice."""
        with self._lock:
            self._finalizer()


_inherited: list[Any] = []


def _close_pools(routes: dict[str, _Route]) -> None:
    for route in list(routes.values()):
        route.pool.close()


def _unread(
    response: http.client.HTTPResponse, pool: Any, connection: Any, method: str, target: str
) -> urllib3.HTTPResponse:
    """Return an answer as urllib3 gives it to its own callers, who read, release or close it."""
    return urllib3.HTTPResponse(
        body=response,
        headers=_headers(response),
        status=response.status,
        version=response.version,
        reason=response.reason,
        preload_content=False,
        decode_content=True,
        original_response=response,
        pool=pool,
        connection=connection,
        request_method=method,
        request_url=target,
        enforce_content_length=True,
    )


def _of_answer(error: ApiException, response: http.client.HTTPResponse) -> ApiException:
    """Return `error` with what is known of the answer of which only the head is good."""
    error.status, error.headers, error.outcome = response.status, _headers(response), UNKNOWN
    return error


def _headers(response: http.client.HTTPResponse) -> HTTPHeaderDict:
    return HTTPHeaderDict(response.headers.items())


# -- what broke -----------------------------------------------------------------------------------------------------


def _translate(error: Exception, attempt: Attempt, route: _Route) -> ApiException:
    """Return an error of ours for one of urllib3's, http.client's or the socket's."""
    root = _root(error)
    where = route.origin if route.pool.proxy is None else f"{route.origin} through {route.pool.proxy}"
    failure: ApiException
    if isinstance(root, (socket.timeout, urllib3.exceptions.ReadTimeoutError)) or _is_connect_timeout(root):
        failure = ApiTimeoutError(reason=_what_took_long(attempt, where))
        if not attempt.left:
            failure.advice = ApiConnectionError.advice
    elif _is_tls_refusal(root) and (not attempt.left or _is_about_our_certificate(root)):
        failure = TlsError(reason=f"TLS could not be set up with {where}: {_in_words(root)}")
        attempt.left = False
    elif isinstance(root, (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead)):
        failure = ApiConnectionError(reason=f"the connection ended before the whole answer was here ({root})")
        if isinstance(root, http.client.IncompleteRead):
            # It holds all that had come, which may be megabytes.
            root.partial, root.args = b"", ()  # pyright: ignore[reportAttributeAccessIssue]
    else:
        what = "the connection broke" if attempt.left else f"no connection to {where}"
        failure = ApiConnectionError(reason=f"{what}: {_in_words(root)}")
    failure.outcome = UNKNOWN if attempt.left else NOT_SENT
    return failure


def _in_words(error: BaseException) -> str:
    # urllib3 puts the connection in front: 1.26 an object with its address in memory, 2.x a class of ours.
    return re.sub(r"^(<[^>]*>|\w+\(host=.*?, port=\w+\)): ", "", str(error)) or type(error).__name__


def _root(error: BaseException) -> BaseException:
    """Return what urllib3 has wrapped."""
    for _ in range(5):
        inner = getattr(error, "original_error", None) or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((part for part in error.args if isinstance(part, BaseException)), None)
        if inner is None:
            break
        error = inner
    return error


def _is_connect_timeout(error: BaseException) -> bool:
    # In urllib3 1.26 a refused connection is a kind of connect timeout.
    exceptions = urllib3.exceptions
    return isinstance(error, exceptions.ConnectTimeoutError) and not isinstance(error, exceptions.NewConnectionError)


def _is_tls_refusal(error: BaseException) -> bool:
    # A connection that just ends during the handshake says nothing about trust.
    kinds = (ssl.SSLError, ssl.CertificateError, urllib3.exceptions.SSLError, _CertificateError)
    return isinstance(error, kinds) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def _is_about_our_certificate(error: BaseException) -> bool:
    # In TLS 1.3 the first request leaves before the server has judged our certificate; when it refuses it, it has not
    # looked at the request.
    alert = str(getattr(error, "reason", ""))
    return "_ALERT_" in alert and ("CERTIFICATE" in alert or alert.endswith(("UNKNOWN_CA", "ACCESS_DENIED")))


def _what_took_long(attempt: Attempt, where: str) -> str:
    if attempt.deadline is not None and attempt.deadline.expired:
        return f"the deadline of {attempt.deadline.seconds:g} s passed"
    seconds = attempt.timeouts.read if attempt.left else attempt.timeouts.connect
    if seconds is None:
        return "the operating system gave up waiting"
    if attempt.left:
        return f"no byte came for {seconds:g} s (read timeout)"
    return f"no connection to {where} within {seconds:g} s (connect timeout)"
