"""The transport: sends one request once and returns the response, whatever its status.

An attempt ends within the deadline of its call, however slowly the server sends. Its error says whether the request was
sent. Bodies are limited in size, before and after decoding. A connection is reused only after its response was read
exactly to its end. Redirects are not followed.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from .._base import parameters
from .._base.base_url import BaseURL
from .._base.secrets import Secret, reveal
from .._codec.request import encode_body
from ..deadline import Clock, Deadline, Timeouts
from ..exceptions import NOT_SENT, ApiException, TlsError
from .attempt import Attempt
from .error_mapping import TRANSPORT_ERRORS, map_exception
from .interruptions import raise_interruption
from .response import RESTResponse, complete_response, response_limit, unread_response, with_response
from .routes import Route, Routes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import urllib3
    from urllib3.response import BaseHTTPResponse

    from ..configuration import Configuration

    # For the signatures of the API: a type of `_request_timeout`, and what `_preload_content=False` returns.
    TransportTimeout: TypeAlias = urllib3.Timeout
    RawResponse: TypeAlias = BaseHTTPResponse


class RESTClientObject:
    """The transport of one client. It takes TLS, proxy and pool settings from the configuration when it is created.

    Two attributes can be assigned, before the first call: `pool_manager`, and `request`, which then sends every attempt
    and is called as in the generated client.

    Raises:
        ValueError: a CA bundle, client certificate or proxy URL that cannot be used; the message names the setting.
    """

    __module__ = "zuora_client.rest"  # where users import it
    _on_attempt: Callable[[Attempt], None] | None = None

    def __init__(self, configuration: Configuration, clock: Clock | None = None) -> None:
        self._configuration = configuration
        self._clock = clock or Clock()
        self._max_response_bytes = configuration.max_response_bytes
        self._routes = Routes(configuration, self._clock)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name not in ("pool_manager", "request"):
            raise TypeError(
                f"rest_client.{name} would have no effect: no call uses it. Replace rest_client.request, assign "
                "rest_client.pool_manager, or replace urllib3.PoolManager.request"
            )
        super().__setattr__(name, value)

    @property
    def pool_manager(self) -> urllib3.PoolManager:
        """urllib3's manager for the configured host.

        Another one, such as a ``ProxyManager`` or a ``SOCKSProxyManager``, can be assigned before the first call. Every
        request then goes through it, with the timeouts, the deadline and the response checks of this client. Its TLS
        settings apply if it has any, otherwise those of the configuration.

        Raises:
            TypeError: on assignment: not a ``urllib3.PoolManager``, or requests were sent already.
        """
        return self._routes.manager

    @pool_manager.setter
    def pool_manager(self, manager: urllib3.PoolManager) -> None:
        self._routes.assign(manager)

    def attempt(
        self,
        host: BaseURL,
        method: str,
        target: str,
        headers: dict[str, Any],
        body: Any,
        timeouts: Timeouts,
        deadline: Deadline,
        *,
        write: bool = False,
        new_connection: bool = False,
        stream: bool = False,
        allow_insecure_http: bool = False,
    ) -> Any:
        """Send one request once and return the complete response, whatever its status.

        Args:
            target: path and query, percent-encoded.
            write: the request is a write; it is not sent over a connection that was idle for long.
            new_connection: do not reuse a connection.
            allow_insecure_http: send secrets even if others can read them in transit.
            stream: for a 2xx status, return urllib3's response with its body unread. The deadline does not apply to
                reading the body.

        Raises:
            ApiConnectionError, ApiTimeoutError, TlsError: no complete response was received. `outcome` is ``not_sent``
                if the request was not sent, otherwise ``unknown``.
            InvalidResponseError: the response is too large or cannot be decoded; `status` is set.
            BaseException: what a signal handler or a tool raised, unchanged.
        """
        attempt = Attempt(deadline, timeouts, write=write, new_connection=new_connection)
        if self._on_attempt is not None:
            self._on_attempt(attempt)
        limit = response_limit(self._max_response_bytes, target[len(host.prefix) :])
        route = self._routes.route(host)
        if not (route.is_confidential or allow_insecure_http) and _has_secret(headers, body):
            # Checked when the request was built; the way to the host has changed since.
            raise TlsError(
                reason=f"the credentials were not sent to {route.endpoint}, because others could read them: use https, "
                "or set allow_insecure_http",
                outcome=NOT_SENT,
            )
        if type(self).request is _REQUEST and "request" not in self.__dict__:
            send = partial(route.send, method, target, headers, body, attempt, stream=stream)
        else:
            send = partial(self._replaced_request, method, host.origin + target, headers, body, stream, attempt)
        return self._exchange(send, route, headers, attempt, limit, stream=stream)

    def _exchange(
        self,
        send: Callable[[], Any],
        route: Route,
        headers: dict[str, Any],
        attempt: Attempt,
        limit: int,
        *,
        stream: bool,
    ) -> Any:
        """Send with `send`, and read the response unless it is a `stream` with a 2xx status."""
        handled = sys.exc_info()[1]
        response: Any = None
        try:
            response = send()
            if stream and 200 <= response.status <= 299:
                return unread_response(response, attempt, headers)
            return complete_response(response, limit, attempt)
        except TRANSPORT_ERRORS as error:
            raise_interruption(error, handled)
            has_certificate = self._routes.tls.has_client_certificate
            failure = map_exception(error, attempt, route.endpoint, client_certificate=has_certificate)
            raise (failure if response is None else with_response(failure, response)) from error

    def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: dict[str, Any] | None = None,
        body: Any = None,
        post_params: Any = None,
        _preload_content: bool = True,
        _request_timeout: Any = None,
    ) -> Any:
        """Send one request once, as the generated client does. Calls do not use this method unless it is replaced.

        Args:
            url: a whole URL, percent-encoded.
            query_params, post_params: lists of pairs.
            body: bytes or text as it is, other data as JSON.

        Returns:
            A `RESTResponse`; with ``_preload_content=False`` urllib3's response.

        Raises:
            ApiException: no response, or a status outside 200 to 299.
        """
        parts = urlsplit(url)
        host = BaseURL(f"{parts.scheme}://{parts.netloc}")
        query = "&".join(filter(None, (parts.query, parameters.query_string(list(query_params or ())))))
        headers = dict(headers or {})
        headers.setdefault("Content-Type", "application/json")
        configuration = self._configuration
        defaults = Timeouts(configuration.connect_timeout, configuration.read_timeout, configuration.deadline)
        timeouts = Timeouts.from_request_timeout(_request_timeout, defaults)
        attempt = Attempt(Deadline(timeouts.deadline, self._clock), timeouts, write=method not in ("GET", "HEAD"))
        target = f"{parts.path or '/'}?{query}" if query else parts.path or "/"
        route = self._routes.route(host)
        content = encode_body(headers["Content-Type"], body, list(post_params or ()))
        send = partial(route.send, method, target, headers, content, attempt, stream=not _preload_content)
        limit = response_limit(self._max_response_bytes, target)
        response: Any = self._exchange(send, route, headers, attempt, limit, stream=not _preload_content)
        if not 200 <= response.status <= 299:
            raise ApiException(http_resp=response)
        return response

    def _replaced_request(
        self, method: str, url: str, headers: dict[str, Any], body: Any, stream: bool, attempt: Attempt
    ) -> Any:
        """Send an attempt with the function that has replaced `request`."""
        url, _, query = url.partition("?")
        try:
            return self.request(
                method,
                url,
                query_params=parse_qsl(query, keep_blank_values=True),
                headers={name: reveal(value) for name, value in headers.items()},
                body=reveal(body),
                _preload_content=not stream,
                _request_timeout=attempt.read_timeout,
            )
        except ApiException as error:
            if error.status is None:
                raise
            return RESTResponse(error.status, error.reason, error.headers or {}, (error.body or "").encode())

    # -- how a host is reached --------------------------------------------------------------------------------------

    def is_confidential(self, host: BaseURL) -> bool:
        """Whether requests to `host` cannot be read in transit: they use TLS, or stay within this machine."""
        return self._routes.route(host).is_confidential

    def secrets(self) -> list[Any]:
        """Return the values of the headers sent to proxies: their credentials."""
        return self._routes.secrets()

    def replaced(self) -> Any:
        """Return what the caller assigned, for a copy of the client in this process; None if nothing was."""
        manager, request = self._routes.assigned, self.__dict__.get("request")
        return None if manager is None and request is None else _Replaced(manager, request)

    def replace(self, replaced: _Replaced) -> None:
        """Assign what `replaced` returned."""
        if replaced.manager is not None:
            self.pool_manager = replaced.manager
        if replaced.request is not None:
            self.request = replaced.request  # type: ignore[method-assign]

    def view(self, on_attempt: Callable[[Attempt], None]) -> RESTClientObject:
        """Return a transport with the same connections, which calls `on_attempt` before each of its attempts."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, _on_attempt=on_attempt)
        return view

    def keep_connections(self, count: int) -> None:
        """Keep at least `count` connections to a host for reuse, whatever `connection_pool_maxsize` is."""
        self._routes.keep_connections(count)

    def in_child(self) -> RESTClientObject:
        """In a forked child: return this transport without connections and locks of the parent process."""
        child = object.__new__(type(self))
        child.__dict__.update(self.__dict__)
        child._routes = Routes(self._configuration, self._clock, inherited=self._routes)
        return child

    def close(self) -> None:
        """Close every connection. May be called more than once."""
        self._routes.close()


_REQUEST = RESTClientObject.request


def _has_secret(headers: dict[str, Any], body: Any) -> bool:
    return any(isinstance(value, Secret) for value in (body, *headers.values()))


class _Replaced:
    """What the caller assigned to a transport. A copy in another process could not use it."""

    def __init__(self, manager: urllib3.PoolManager | None, request: Any) -> None:
        self.manager = manager
        self.request = request

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a client whose rest_client.pool_manager or rest_client.request was assigned cannot be pickled or deep "
            "copied: pickle its configuration, and assign them to the new client"
        )
