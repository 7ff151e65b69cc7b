"""How hosts are reached: urllib3's managers, directly or through proxies, and the pool of each host."""

from __future__ import annotations

import base64
import re
import threading
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3._collections import RecentlyUsedContainer

from .._base.base_url import BaseURL
from .._base.secrets import Secret, held, hide, reveal
from ..exceptions import NOT_SENT, ApiConnectionError
from .hooks import is_manager_replaced, is_observed, is_pool_hooked, is_pool_replaced
from .pool import DIRECT_POOLS, with_deadline
from .tls import TlsConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..configuration import Configuration
    from ..deadline import Clock

# No retries and no redirects of urllib3: the policy of the call decides.
NO_RETRIES = urllib3.Retry(False)
_DELIMITERS = str.maketrans("", "", "/-._~?&=")
# Hosts with connections at the same time. urllib3 closes the connections of the one that was used least recently.
_MAX_HOSTS = 100
# As urllib3 names the arguments for TLS of a pool.
_TLS_KEYWORDS = ("ssl_context", "cert_reqs", "ca_certs", "ca_cert_dir", "ca_cert_data", "cert_file", "key_file")


class Route:
    """How a host is reached: the pool of its connections, and the proxy.

    Attributes:
        pool: closed when urllib3's manager has dropped it.
        is_confidential: whether requests cannot be read in transit: they use TLS, or stay within this machine.
        endpoint: the host, and the proxy if there is one, as error messages name them.
    """

    __slots__ = (
        "_authority",
        "_is_direct",
        "_manager",
        "_origin",
        "endpoint",
        "is_confidential",
        "is_forwarded",
        "pool",
    )

    def __init__(self, manager: urllib3.PoolManager, host: BaseURL, clock: Clock) -> None:
        pool: Any = manager.connection_from_url(host.origin)
        self.pool = pool
        self.pool.now = clock.now
        self._manager = manager
        self._origin = host.origin
        self._authority = host.authority
        self.is_forwarded = manager.proxy is not None and host.scheme == "http"
        proxy = _proxy_of(manager)
        # A forwarding proxy reads the requests, even if the connection to the proxy uses TLS.
        is_local = host.is_loopback and (proxy is None or BaseURL(f"http://{proxy.partition('://')[2]}").is_loopback)
        self.is_confidential = host.scheme == "https" or is_local
        self._is_direct = proxy is None and type(pool) in DIRECT_POOLS
        self.endpoint = host.origin if proxy is None else f"{host.origin} through {proxy}"

    def send(
        self, method: str, target: str, headers: Mapping[str, Any], body: Any, attempt: Any, *, stream: bool
    ) -> Any:
        """Send one request and return its response, the body unread.

        Args:
            attempt: see `Attempt`; urllib3 takes it for a timeout.
            stream: return urllib3's own response.
        """
        attempt.authority = self._authority
        pool = self.pool
        is_replaced, is_hooked = is_manager_replaced(self._manager), is_pool_hooked(pool)
        if is_replaced or (is_hooked and is_pool_replaced(pool)):
            body, headers = reveal(body), {name: reveal(value) for name, value in headers.items()}
        elif not is_hooked:
            # Nothing else can send the request before a connection of ours is reached.
            attempt.sent = False
            is_direct = self._is_direct and pool.is_own_connection_class and not is_observed()
            if is_direct and not stream and _is_plain(target):
                return pool.exchange(method, target, headers, body, attempt)
        options: dict[str, Any] = {
            "body": body,
            "headers": headers,
            "retries": NO_RETRIES,
            "redirect": False,
            "timeout": attempt,
            "preload_content": False,
        }
        if is_replaced:
            return self._manager.request(method, self._origin + target, **options)
        url = self._origin + target if self.is_forwarded else target
        return pool.urlopen(method, url, assert_same_host=False, **options)

    def keep_connections(self, count: int) -> None:
        """Let the pool keep at least `count` idle connections."""
        idle = self.pool.pool
        if idle is not None:
            idle.maxsize = max(idle.maxsize, count)


def _is_plain(target: str) -> bool:
    """Whether a target has no character that ``urlopen`` would encode, and no percent-encoding to normalize."""
    return target.isascii() and target.translate(_DELIMITERS).isalnum()


class Routes:
    """The managers and routes of one client.

    Args:
        inherited: those of the parent process, in a forked child.

    Raises:
        ValueError: a CA bundle, client certificate or proxy URL that cannot be used; the message names the setting.
    """

    def __init__(self, configuration: Configuration, clock: Clock, inherited: Routes | None = None) -> None:
        self._configuration = configuration
        self._clock = clock
        self._pool_maxsize = configuration.connection_pool_maxsize
        self._min_kept = 0
        self._proxy = held(configuration, "proxy") or None
        self._trust_env = configuration.trust_env
        self.tls: TlsConfig = inherited.tls if inherited else TlsConfig(configuration)
        # The manager that the caller assigned.
        self.assigned: urllib3.PoolManager | None = None
        self._managers: dict[Any, urllib3.PoolManager] = {}
        self._routes: dict[str, Route] = {}
        self._closed = False
        # Reentrant: a signal handler may close the client while its thread holds the lock.
        self._lock = threading.RLock()
        if inherited:
            self._closed = inherited._closed
            if inherited.assigned is not None:
                import copy

                self.assign(copy.copy(inherited.assigned))
            for route in list(inherited._routes.values()):
                route.pool.close_inherited()
        if self._proxy:
            self._manager("proxy", self._proxy)

    @property
    def manager(self) -> urllib3.PoolManager:
        """The manager for the configured host."""
        return self.assigned or self._manager_for(BaseURL(self._configuration.host))

    def assign(self, manager: Any) -> None:
        """Send every request through `manager`.

        Raises:
            TypeError: not a manager of urllib3, or requests were sent already.
        """
        if not isinstance(manager, urllib3.PoolManager):
            raise TypeError(
                f"rest_client.pool_manager must be a urllib3.PoolManager, not {type(manager).__name__}; to answer "
                "requests in a test, replace urllib3.PoolManager.request"
            )
        if self._routes:
            raise TypeError(
                "rest_client.pool_manager cannot be replaced after the first call, which has used the earlier one: "
                "assign it right after creating the ApiClient"
            )
        self.assigned = _adopt(manager, self.tls)

    def route(self, host: BaseURL) -> Route:
        """Return how a host is reached."""
        route = self._routes.get(host.url)
        # Closed: pool_manager.clear() was called, or urllib3 has dropped the pool.
        if route is None or route.pool.pool is None:
            # Without the lock, two threads could each create a pool, and one of the two would never be closed.
            with self._lock:
                route = self._routes.get(host.url)
                if route is None or route.pool.pool is None:
                    route = self._new_route(host)
        return route

    def _new_route(self, host: BaseURL) -> Route:
        if self._closed:
            # close() was called already: it would not close the connections of this pool.
            raise ApiConnectionError(reason="the client was closed during the call", outcome=NOT_SENT)
        self._routes[host.url] = route = Route(self.assigned or self._manager_for(host), host, self._clock)
        route.keep_connections(self._min_kept)
        return route

    def keep_connections(self, count: int) -> None:
        """Let the pool of each host keep at least `count` idle connections."""
        with self._lock:
            self._min_kept = max(self._min_kept, count)
            for route in self._routes.values():
                route.keep_connections(count)

    def _manager_for(self, host: BaseURL) -> urllib3.PoolManager:
        return self._manager("proxy", self._proxy) if self._proxy else self._manager(*self._environment_proxy(host))

    def _environment_proxy(self, host: BaseURL) -> tuple[str, Any]:
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
        return variable, hide(proxies.get(host.scheme))

    def _manager(self, name: str, proxy: Any) -> urllib3.PoolManager:
        manager = self._managers.get(proxy)
        if manager is None:
            pool_kwargs: dict[str, Any] = {"maxsize": self._pool_maxsize}
            if proxy is None:
                manager = urllib3.PoolManager(**pool_kwargs)
            else:
                manager = _proxy_manager(name, proxy, pool_kwargs, self.tls)
            manager = self._managers.setdefault(proxy, _adopt(manager, self.tls))
        return manager

    def secrets(self) -> list[Any]:
        """Return the values of the headers sent to proxies: their credentials."""
        managers = [*self._managers.values(), self.assigned]
        return [value for manager in managers for value in (getattr(manager, "proxy_headers", None) or {}).values()]

    def close(self) -> None:
        """Close every connection. May be called more than once."""
        with self._lock:
            self._closed = True
            for route in list(self._routes.values()):
                route.pool.close()


def _adopt(manager: urllib3.PoolManager, tls: TlsConfig) -> urllib3.PoolManager:
    """Give a manager pools of `with_deadline`, which ``clear()`` closes."""
    classes: dict[str, Any] = manager.pool_classes_by_scheme
    pools: dict[str, Any] = {
        scheme: made_for if isinstance(made_for, partial) else partial(_new_pool, with_deadline(made_for), tls)
        for scheme, made_for in classes.items()
    }
    manager.pool_classes_by_scheme = pools
    manager.pools = RecentlyUsedContainer(_MAX_HOSTS, dispose_func=lambda pool: pool.close())
    return manager


def _new_pool(pool_class: Any, tls: TlsConfig, host: str, port: int, **settings: Any) -> Any:
    """Return a pool with the TLS settings of the configuration, unless the manager has some of its own."""
    if pool_class.scheme == "https" and not any(settings.get(name) for name in _TLS_KEYWORDS):
        proxy = settings.get("_proxy")
        # The pool of a proxy forwards requests to plain http hosts.
        is_proxy = proxy is not None and (host, port) == (proxy.host, proxy.port)
        settings = {**(tls.proxy_pool_kwargs() if is_proxy else tls.pool_kwargs(host)), **settings}
    return pool_class(host, port, **settings)


def _proxy_of(manager: urllib3.PoolManager) -> str | None:
    """Return the proxy of a manager without user and password. A SOCKS manager of urllib3 has another attribute."""
    proxy: Any = manager.proxy or getattr(manager, "proxy_url", None)
    return None if proxy is None else re.sub("//[^/@]*@", "//", str(proxy))


def _proxy_manager(name: str, proxy: Any, pool_kwargs: dict[str, Any], tls: TlsConfig) -> urllib3.PoolManager:
    """Return a pool manager for a proxy. It keeps user and password only as a Proxy-Authorization header.

    Args:
        name: of the setting or environment variable that holds `proxy`.

    Raises:
        ValueError: not the URL of an HTTP proxy. The message does not quote the URL, which may contain a password.
    """
    try:
        parts = urlsplit(_http_url(reveal(proxy)))
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
    headers: dict[str, Any] = {}
    if parts.username is not None:
        user_and_password = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        # In a holder, because urllib3 keeps the headers of a proxy in its own variables.
        basic = "Basic " + base64.b64encode(user_and_password.encode()).decode("ascii")
        headers["Proxy-Authorization"] = Secret(basic)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{parts.scheme}://{host}:{port}"
    if parts.scheme == "https":
        pool_kwargs["proxy_ssl_context"] = tls.proxy_pool_kwargs()["ssl_context"]
    return urllib3.ProxyManager(url, proxy_headers=headers, **pool_kwargs)


def _http_url(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"
