"""The transport: sends one request once and returns the response, whatever its status.

An attempt ends within the deadline of its call, however slowly the server sends. Its error says whether the request was
sent. Bodies are limited in size, before and after decoding. A connection is reused only after its response was read
exactly to its end. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import threading
from typing import TYPE_CHECKING, Any

import urllib3

from .._base.base_url import BaseURL
from .._codec.serialization import decode_text
from ..deadline import Clock
from ..exceptions import NOT_SENT, ApiConnectionError, ApiException, InvalidResponseError
from .decoding import CHUNK_SIZE, BodyDecoder, too_large
from .errors import TRANSPORT_ERRORS, map_exception
from .http1 import Attempt, Response, serialize_request
from .pool import Pool, TlsPool, proxy_manager
from .tls import TlsConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from urllib3.response import BaseHTTPResponse

    # For the signatures of the API: a type of `_request_timeout`, and what `_preload_content=False` returns.
    TransportTimeout: TypeAlias = urllib3.Timeout
    RawResponse: TypeAlias = BaseHTTPResponse

    from ..configuration import Configuration
    from ..deadline import Deadline, Timeouts

# A page of 300 rows has 0.1 MiB. Other paths may return whole files.
_SMALL_RESPONSES = ("/v1/entity-connections/", "/v1/entities/", "/oauth/token/")
_SMALL_LIMIT = 4 * 1024 * 1024
_LARGE_LIMIT = 32 * 1024 * 1024


class RESTResponse:
    """A complete response.

    Attributes:
        status: HTTP status.
        reason: HTTP reason phrase.
        headers: case-insensitive mapping.
        content: the decoded body as bytes.
    """

    __slots__ = ("content", "headers", "reason", "status")

    def __init__(self, status: int, reason: str | None, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.reason = reason
        self.content = content
        self.headers = headers

    @property
    def data(self) -> str:
        """The body as text. Bytes that are invalid in its charset are replaced."""
        return decode_text(self.content, self.headers.get("content-type"))

    def getheaders(self) -> Mapping[str, str]:
        """Return all headers."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """Return one header, or `default`."""
        return self.headers.get(name, default)


class _Route:
    """How a host is reached: the pool of its connections, and the proxy.

    Attributes:
        authority: host and port for the ``Host`` header.
        is_forwarded: whether a proxy forwards the requests. Their target is then an absolute URL (RFC 9112, 3.2.2).
        tunnel: whether a proxy only relays the connection, after CONNECT.
        is_confidential: whether requests cannot be read in transit: they use TLS, or stay within this machine.
        endpoint: the host, and the proxy if there is one, as error messages name them.
    """

    __slots__ = ("authority", "endpoint", "is_confidential", "is_forwarded", "pool", "tunnel")

    def __init__(self, manager: urllib3.PoolManager, host: BaseURL, tls: TlsConfig) -> None:
        # Only for https: urllib3's HTTPConnection does not accept `assert_hostname`.
        pool_kwargs = None
        if host.scheme == "https":
            pool_kwargs = {**tls.pool_kwargs(), "assert_hostname": tls.assert_hostname}
        self.pool: Any = manager.connection_from_url(host.origin, pool_kwargs)
        self.is_forwarded = manager.proxy is not None and host.scheme == "http"
        self.tunnel = manager.proxy is not None and host.scheme == "https"
        # A forwarding proxy reads the requests, even if the connection to the proxy uses TLS.
        is_local = host.is_loopback and not (self.is_forwarded and not BaseURL(str(manager.proxy)).is_loopback)
        self.is_confidential = host.scheme == "https" or is_local
        self.authority = host.authority
        self.endpoint = host.origin if manager.proxy is None else f"{host.origin} through {manager.proxy}"


class RESTClientObject:
    """The transport of one client. It takes TLS, proxy and pool settings from the configuration when it is created.

    Raises:
        ValueError: a CA bundle, client certificate or proxy URL that cannot be used; the message names the setting.
    """

    def __init__(self, configuration: Configuration, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._max_response_bytes = configuration.max_response_bytes
        self._pool_maxsize = configuration.connection_pool_maxsize
        self._proxy = configuration.proxy or None
        self._trust_env = configuration.trust_env
        self._tls = TlsConfig(configuration)
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._routes: dict[str, _Route] = {}
        self._closed = False
        # Reentrant: a signal handler may close the client while its thread holds the lock.
        self._lock = threading.RLock()
        if self._proxy:
            self._manager("proxy", self._proxy)

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
        new_connection: bool = False,
        stream: bool = False,
    ) -> Any:
        """Send one request once and return the complete response, whatever its status.

        Args:
            target: path and query, percent-encoded.
            write: the request is a write; it is not sent over a connection that was idle for long.
            new_connection: do not reuse a connection.
            stream: for a 2xx status, return urllib3's response with its body unread. The deadline does not apply to
                reading the body.

        Raises:
            ApiConnectionError, ApiTimeoutError, TlsError: no complete response was received. `outcome` is ``not_sent``
                if the request was not sent, otherwise ``unknown``.
            InvalidResponseError: the response is too large or cannot be decoded; `status` is set.
        """
        attempt = Attempt(deadline, timeouts, write, new_connection)
        limit = response_limit(self._max_response_bytes, target[len(host.prefix) :])
        route = self._route(host)
        pool = route.pool
        if route.is_forwarded:
            target, headers = host.origin + target, {**headers, **pool.proxy_headers}
        try:
            request = serialize_request(method, target, route.authority, headers, body)
            connection, response = pool.exchange(attempt, method, request, tunnel=route.tunnel)
        except TRANSPORT_ERRORS as error:
            client_certificate = self._tls.has_client_certificate
            raise map_exception(error, attempt, route.endpoint, client_certificate=client_certificate) from error
        streaming = None
        complete = False
        try:
            if response.status == 204:
                _check_no_content(response, attempt)
            if stream and 200 <= response.status <= 299:
                attempt.deadline = None
                streaming = _streaming_response(response, pool, connection, method, target)
                if response.fp is None:
                    # A 204 response, which was read to its end.
                    streaming.release_conn()
                return streaming
            content = _read(response, limit)
            complete = True
            return RESTResponse(response.status, response.reason, response.headers, content)
        except InvalidResponseError as error:
            if response.status >= 400:
                # The status alone decides, so an unreadable body does not matter.
                return RESTResponse(response.status, response.reason, response.headers, b"")
            raise _with_response(error, response) from None
        except TRANSPORT_ERRORS as error:
            raise _with_response(map_exception(error, attempt, route.endpoint), response) from error
        finally:
            if streaming is None:
                if not complete:
                    # Closed and not drained: the rest of the body may be endless.
                    response.close()
                    attempt.reusable = False
                pool.release(connection)

    # -- how a host is reached --------------------------------------------------------------------------------------

    def is_confidential(self, host: BaseURL) -> bool:
        """Whether requests to `host` cannot be read in transit: they use TLS, or stay within this machine."""
        return self._route(host).is_confidential

    def secrets(self) -> list[str]:
        """Return the values of the headers sent to proxies: their credentials."""
        return [
            value for manager in self._managers.values() for value in getattr(manager, "proxy_headers", {}).values()
        ]

    def _route(self, host: BaseURL) -> _Route:
        route = self._routes.get(host.url)
        if route is None:
            # Without the lock, two threads could each create a pool, and one of the two would never be closed.
            with self._lock:
                route = self._routes.get(host.url) or self._new_route(host)
        return route

    def _new_route(self, host: BaseURL) -> _Route:
        manager = self._manager("proxy", self._proxy) if self._proxy else self._manager(*self._proxy_of(host))
        route = _Route(manager, host, self._tls)
        route.pool.now = self._clock.now
        if self._closed:
            # close() was called already: it would not close the connections of this pool.
            raise ApiConnectionError(reason="the client was closed during the call", outcome=NOT_SENT)
        self._routes[host.url] = route
        return route

    def _proxy_of(self, host: BaseURL) -> tuple[str, str | None]:
        """Return the name of the environment variable for the proxy of a host, and the proxy or None."""
        variable = f"{host.scheme.upper()}_PROXY"
        if not self._trust_env:
            return variable, None
        # Imported here: it costs start-up time and is rarely needed.
        from urllib import request

        proxies = request.getproxies_environment()
        # Missing in typeshed, present on every platform.
        bypass: Any = request.proxy_bypass_environment  # type: ignore[attr-defined]
        # NO_PROXY may name an IPv6 address with or without brackets.
        if any(bypass(name, proxies) for name in (host.origin.partition("://")[2], host.name)):
            return variable, None
        return variable, proxies.get(host.scheme)

    def _manager(self, name: str, proxy: str | None) -> urllib3.PoolManager:
        manager = self._managers.get(proxy)
        if manager is None:
            pool_kwargs: dict[str, Any] = {"maxsize": self._pool_maxsize, "block": False}
            if proxy is None:
                manager = urllib3.PoolManager(**pool_kwargs)
            else:
                manager = proxy_manager(name, proxy, pool_kwargs, self._tls)
            pools: dict[str, Any] = {"http": Pool, "https": TlsPool}
            manager.pool_classes_by_scheme = pools
            manager = self._managers.setdefault(proxy, manager)
        return manager

    def reset_after_fork(self) -> None:
        """In a forked child: close the copies of the parent's connections, and start with none."""
        self._lock = threading.RLock()
        for route in self._routes.values():
            route.pool.reset_after_fork()
        # Never garbage collected: urllib3's finalizers would wait for locks that a thread of the parent held.
        _kept_after_fork.extend((self._routes, self._managers))
        self._routes, self._managers = {}, {}

    def close(self) -> None:
        """Close every connection. May be called more than once."""
        with self._lock:
            self._closed = True
            for route in list(self._routes.values()):
                route.pool.close()


_kept_after_fork: list[Any] = []


def response_limit(max_response_bytes: int | None, path: str) -> int:
    """Return the limit of a response body in bytes, before and after decoding.

    Args:
        max_response_bytes: the setting; it applies to every path.
        path: without the prefix of the base URL; a query may follow.
    """
    if max_response_bytes is not None:
        return max_response_bytes
    return _SMALL_LIMIT if f"{path.partition('?')[0]}/".startswith(_SMALL_RESPONSES) else _LARGE_LIMIT


def _check_no_content(response: Response, attempt: Attempt) -> None:
    """Read a 204 response to its end.

    Raises:
        InvalidResponseError: it announces a body, is malformed, or is followed by data. It may not be what it says.
    """
    response.read(0)
    if not attempt.complete:
        raise InvalidResponseError(reason="a 204 response that announces a body, is malformed or is followed by data")


def _read(response: Response, limit: int) -> bytes:
    """Return the complete body, decoded.

    Raises:
        InvalidResponseError: the body is larger than `limit` or cannot be decoded.
        Exception: any error of http.client, ssl and socket.
    """
    codings = response.headers.get_all("content-encoding")
    decoder = BodyDecoder(", ".join(codings) if codings else None, limit)
    length = response.length
    if length is not None and length > limit:
        raise too_large(limit)
    chunk = response.read(CHUNK_SIZE)
    if not chunk and length is None and not response.chunked and response.status <= 299:
        # The end of the connection delimits the body, so an empty body may be a truncated one.
        raise http.client.IncompleteRead(b"")
    while chunk:
        decoder.decode(chunk)
        chunk = b"" if response.fp is None else response.read(CHUNK_SIZE)
    return decoder.flush()


def _streaming_response(
    response: Response, pool: Any, connection: Any, method: str, target: str
) -> urllib3.HTTPResponse:
    """Return urllib3's response with its body unread. The caller reads, releases or closes it."""
    streaming = urllib3.HTTPResponse(
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
    # With chunked=True urllib3 would parse the chunks itself, and take a truncated chunk size for the end.
    streaming.chunked = False
    return streaming


def _with_response(error: ApiException, response: Response) -> ApiException:
    """Return `error` with status and headers of a response whose body is unusable."""
    error.status, error.headers = response.status, response.headers
    return error
