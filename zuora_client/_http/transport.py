"""One attempt over HTTP, and nothing about what its answer means.

What it keeps: an attempt ends within the deadline of its call, whatever the other side drips or withholds; its error
says whether the request had left, as the connection saw it; no body grows beyond its limit, inflated or not; a
connection is reused only after a whole and exact answer. Redirects are not followed, and nothing is sent twice here.
With `connections`, `failures`, `http1` and `tls` this is all that knows urllib3.
"""

from __future__ import annotations

import http.client
import threading
import weakref
from typing import TYPE_CHECKING, Any

import urllib3

from .._base.base_url import BaseURL
from .._codec.serialization import decode_text
from ..deadline import Clock
from ..exceptions import NOT_SENT, ApiConnectionError, ApiException, InvalidResponseError
from .decoding import BodyDecoder, too_large
from .errors import TRANSPORT_ERRORS, map_exception
from .http1 import Attempt, Response, serialize_request
from .pool import Pool, TlsPool, proxy_manager
from .tls import TlsContextFactory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from urllib3.response import BaseHTTPResponse

    # For the signatures of the API: a timeout that is taken, and what `_preload_content=False` returns.
    TransportTimeout: TypeAlias = urllib3.Timeout
    RawResponse: TypeAlias = BaseHTTPResponse

    from ..configuration import Configuration
    from ..deadline import Deadline, Timeouts

__all__ = ["ApiException", "RESTClientObject", "RESTResponse"]

_PIECE = 65536


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
    """How a host is reached.

    Attributes:
        authority: host and port as a request names them.
        through_proxy: a proxy reads the request, and wants the whole URL.
        tunnel: a proxy passes on what it cannot read.
        is_confidential: whether what is sent cannot be read on the way.
        endpoint: the host, and the proxy if there is one, for a person.
    """

    __slots__ = ("authority", "endpoint", "is_confidential", "origin", "pool", "through_proxy", "tunnel")

    def __init__(self, manager: urllib3.PoolManager, host: BaseURL, tls: TlsContextFactory) -> None:
        # Only for TLS: a plain connection of urllib3 1.26 or 2.0 does not know all of these settings.
        settings = None
        if host.scheme == "https":
            settings = {**tls.pool_settings(), "assert_hostname": tls.assert_hostname}
        # urllib3 splits the brackets off an IPv6 address itself.
        self.pool: Any = manager.connection_from_url(host.origin, settings)
        self.through_proxy = manager.proxy is not None and host.scheme == "http"
        self.tunnel = manager.proxy is not None and host.scheme == "https"
        # A proxy reads what is for a plain host, also when it is spoken to over TLS.
        unseen = host.is_loopback and not (self.through_proxy and not BaseURL(str(manager.proxy)).is_loopback)
        self.is_confidential = host.scheme == "https" or unseen
        self.origin = host.origin
        self.authority = host.authority
        self.endpoint = host.origin if manager.proxy is None else f"{host.origin} through {manager.proxy}"


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
        self._tls = TlsContextFactory(configuration)
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
        host: BaseURL,
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
            request = serialize_request(method, target, route.authority, headers, body)
            connection, response = pool.exchange(attempt, method, request, tunnel=route.tunnel)
        except TRANSPORT_ERRORS as error:
            raise map_exception(error, attempt, route.endpoint) from error
        unread = None
        whole = False
        try:
            if stream and 200 <= response.status <= 299:
                attempt.deadline = None
                unread = _unread(response, pool, connection, method, target)
                return unread
            content = self._read(response)
            whole = True
            return RESTResponse(response.status, response.reason, response.headers, content)
        except InvalidResponseError as error:
            if response.status >= 400:
                # The status says no; that its words cannot be read takes nothing away from that.
                return RESTResponse(response.status, response.reason, response.headers, b"")
            raise _of_answer(error, response) from None
        except TRANSPORT_ERRORS as error:
            raise _of_answer(map_exception(error, attempt, route.endpoint), response) from error
        finally:
            if unread is None:
                if not whole:
                    # Closed, not drained: what is still to come may be endless.
                    response.close()
                    attempt.reusable = False
                pool.release(connection)

    def _read(self, response: Response) -> bytes:
        """Return the whole body, inflated.

        Raises:
            InvalidResponseError: it is too large, or in a coding that cannot be read.
            Exception: what http.client, ssl and socket raise.
        """
        codings = response.headers.get_all("content-encoding")
        decoder = BodyDecoder(", ".join(codings) if codings else None, self._limit)
        told = response.length
        if told is not None:
            if told > self._limit:
                raise too_large(self._limit)
            decoder.decode(response.read())
            return decoder.flush()
        piece = response.read(_PIECE)
        if not piece and not response.chunked and response.status <= 299:
            # Nothing but the end of the connection says that this is all: the yes or no may be what was lost.
            raise http.client.IncompleteRead(b"")
        while piece:
            decoder.decode(piece)
            piece = response.read(_PIECE)
        return decoder.flush()

    # -- how a host is reached --------------------------------------------------------------------------------------

    def is_confidential(self, host: BaseURL) -> bool:
        """Whether what is sent to `host` cannot be read on the way: TLS, or it never leaves the machine."""
        return self._route(host).is_confidential

    def secrets(self) -> list[str]:
        """Return what the proxies are told to let us through."""
        return [
            value for manager in self._managers.values() for value in getattr(manager, "proxy_headers", {}).values()
        ]

    def _route(self, host: BaseURL) -> _Route:
        route = self._routes.get(host.url)
        if route is None:
            # Two threads that come first would make two pools, and one of them would never be closed.
            with self._lock:
                route = self._routes.get(host.url) or self._new_route(host)
        return route

    def _new_route(self, host: BaseURL) -> _Route:
        manager = self._manager("proxy", self._proxy) if self._proxy else self._manager(*self._proxy_of(host))
        route = _Route(manager, host, self._tls)
        route.pool.now = self._clock.now
        if not self._finalizer.alive:
            # Nobody would close what is opened from here on.
            raise ApiConnectionError(reason="the client was closed during the call", outcome=NOT_SENT)
        self._routes[host.url] = route
        return route

    def _proxy_of(self, host: BaseURL) -> tuple[str, str | None]:
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

    def reset_after_fork(self) -> None:
        """In a forked child: leave every connection to the parent."""
        self._lock = threading.RLock()
        self._finalizer.detach()
        for route in self._routes.values():
            route.pool.reset_after_fork()
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


def _unread(response: Response, pool: Any, connection: Any, method: str, target: str) -> urllib3.HTTPResponse:
    """Return an answer as urllib3 gives it to its own callers, who read, release or close it."""
    unread = urllib3.HTTPResponse(
        body=response,
        headers=response.headers,
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
    # Otherwise its stream() reads chunks past `Response`, and takes half a size for the end.
    unread.chunked = False
    return unread


def _of_answer(error: ApiException, response: Response) -> ApiException:
    """Return `error` with what is known of the answer of which only the head is good."""
    error.status, error.headers = response.status, response.headers
    return error
