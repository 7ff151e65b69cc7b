"""urllib3's connection pools, with the deadline and the outcome of an attempt.

urllib3's ``urlopen`` and ``_make_request`` carry out every attempt, so whatever wraps or replaces them sees it. Added
here: a connection is reused only after its response was read exactly to its end, it carries no write after a long idle
time, and idle connections are kept without a lock written in Python.
"""

from __future__ import annotations

import queue
import time
import weakref
from collections import deque
from functools import cache
from typing import Any

import urllib3

from .._base.secrets import reveal
from .attempt import Attempt
from .connection import DeadlineConnection, DeadlineTlsConnection
from .hooks import HTTPSConnection, class_of_urllib3, is_pool_hooked, own_functions


class IdleConnections:
    """The idle connections of a pool, last in, first out: the interface of `queue.LifoQueue` without its lock.

    A signal handler that raises inside ``Condition.__enter__`` would leave the lock of a `queue.Queue` held, and one
    that closes the client would wait for it. The operations of a deque are atomic.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._connections: deque[Any] = deque()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002 # never waits
        """Add a connection. urllib3's placeholders (None) for connections to open are not kept.

        Raises:
            queue.Full: there are `maxsize` connections; urllib3 closes this one.
        """
        if item is not None:
            if len(self._connections) >= self.maxsize:
                raise queue.Full
            self._connections.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ARG002 # never waits
        """Remove and return the connection that was added last. Raises `queue.Empty` if there is none."""
        try:
            return self._connections.pop()
        except IndexError:
            raise queue.Empty from None

    def qsize(self) -> int:
        return len(self._connections)


class PoolMixin:
    """Mixin for a pool of urllib3, see the module's docstring."""

    QueueCls = IdleConnections
    now = staticmethod(time.monotonic)
    pool: Any
    num_requests: int
    # Of urllib3's class and ours, which takes its place unless a tool has replaced it.
    _replaced_class: Any
    _connection_class: Any
    # The class of urllib3 that this one extends, and the functions of both, see `hooks`.
    base: Any
    own_functions: tuple[Any, ...] | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("block"):
            raise ValueError("block=True is not supported: this client opens a connection rather than wait for one")
        if not issubclass(self._connection_class, HTTPSConnection):
            # A setting for TLS that urllib3 does not remove for plain http.
            kwargs.pop("assert_hostname", None)
        super().__init__(*args, **kwargs)
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()

    @property
    def ConnectionCls(self) -> Any:  # noqa: N802 # urllib3's name
        """The class of new connections. Looked up each time: recorders replace urllib3's after a pool was made."""
        current = super().ConnectionCls  # type: ignore[misc]
        return self._connection_class if current is self._replaced_class else current

    @property
    def is_own_connection_class(self) -> bool:
        """Whether no recorder has replaced the class of new connections."""
        return self.ConnectionCls is self._connection_class

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()  # type: ignore[misc]
        self._connections.add(connection)
        return connection

    def _get_timeout(self, timeout: Any) -> Any:
        if not isinstance(timeout, Attempt):
            return super()._get_timeout(timeout)  # type: ignore[misc]
        if not (timeout.is_foreign or is_pool_hooked(self, below_urlopen=True)):
            # urllib3's urlopen was reached, and nothing else can send the request before a connection of ours.
            timeout.sent = timeout.sent or False
        return timeout

    def _make_request(self, conn: Any, method: str, url: str, **options: Any) -> Any:
        timeout = options["timeout"]
        if isinstance(conn, DeadlineConnection):
            # A program that uses the pool for requests of its own passes another timeout.
            attempt = timeout if isinstance(timeout, Attempt) else Attempt.from_timeout(timeout)
            conn.attempt = options["timeout"] = attempt
            attempt.connection = weakref.ref(conn)
        else:
            # A connection of another class needs plain text, and what it sends is not known here.
            options["body"] = reveal(options["body"])
            options["headers"] = {name: reveal(value) for name, value in options["headers"].items()}
            if isinstance(timeout, Attempt):
                timeout.sent, timeout.is_foreign = None, True
        return super()._make_request(conn, method, url, **options)  # type: ignore[misc]

    def _validate_conn(self, conn: Any) -> None:
        """Open the connection if it is closed, or too old for this attempt."""
        if not isinstance(conn, DeadlineConnection):
            super()._validate_conn(conn)  # type: ignore[misc]
            return
        connection: Any = conn
        attempt: Attempt = connection.attempt
        attempt.sent = attempt.sent or False
        idle = self.now() - connection.idle_since
        if connection.sock is not None and (
            attempt.new_connection or (attempt.write and idle >= connection.max_idle_for_writes)
        ):
            # http.client's: the property of urllib3 is newer than 2.0.
            is_tunnel = connection._tunnel_host is not None
            connection.close()
            if is_tunnel:
                self._prepare_proxy(connection)  # type: ignore[attr-defined]
        if connection.sock is None:
            connection.connect()

    def exchange(self, method: str, url: str, headers: Any, body: Any, attempt: Attempt) -> Any:
        """Send a request and return its response, the body unread.

        ``urlopen`` and ``_make_request`` without what serves only other callers, a sixth of the time of a call. For
        requests that nothing else has to see: `Route.send` decides.
        """
        conn: Any = self._get_conn()  # type: ignore[attr-defined]
        if not isinstance(conn, DeadlineConnection):
            # A recorder has left it in the pool.
            conn.close()
            conn = self._new_conn()
        try:
            self.num_requests += 1
            conn.attempt = attempt
            attempt.connection = weakref.ref(conn)
            self._validate_conn(conn)
            conn.request(method, url, body, headers)
            return UnreadResponse(conn.receive(), conn, self)
        except BaseException:
            conn.close()  # pyright: ignore[reportAttributeAccessIssue] # of urllib3's class
            conn.attempt = None
            raise

    def _put_conn(self, conn: Any) -> None:
        """Keep a connection for reuse, or close it. Raises nothing, whatever became of the pool meanwhile."""
        if conn is None:
            return
        attempt, conn.attempt = getattr(conn, "attempt", None), None
        idle = self.pool
        # What a connection of another class has read is not known here.
        if attempt is None or not attempt.reusable or attempt.aborted or idle is None:
            conn.close()
            return
        conn.idle_since = self.now()
        try:
            idle.put(conn)
        except queue.Full:
            conn.close()
        if self.pool is None:
            # close() emptied the pool before this connection was added.
            conn.close()

    def close_inherited(self) -> None:
        """In a forked child: close the copies of the parent's connections, without a word to the server."""
        for connection in list(self._connections):
            connection.close()


class UnreadResponse:
    """What `complete_response` needs of a response of urllib3, whose constructor parses the headers again."""

    __slots__ = ("_connection", "_original_response", "_pool")

    def __init__(self, response: Any, connection: Any, pool: PoolMixin) -> None:
        self._original_response = response
        self._connection = connection
        self._pool = pool

    @property
    def status(self) -> int:
        return int(self._original_response.status)

    @property
    def headers(self) -> Any:
        return self._original_response.headers

    def tell(self) -> int:
        return 0

    def release_conn(self) -> None:
        self._pool._put_conn(self._connection)  # pyright: ignore[reportPrivateUsage] # of the same module


@cache
def with_deadline(pool_class: Any) -> Any:
    """Return a subclass of a pool class of urllib3, whose connections know the attempt that they carry."""
    connection_class = pool_class.ConnectionCls
    if pool_class.__module__.startswith("urllib3."):
        connection_class = class_of_urllib3(connection_class)
    mixin = DeadlineTlsConnection if issubclass(connection_class, HTTPSConnection) else DeadlineConnection
    attributes = {
        "_replaced_class": connection_class,
        "_connection_class": type(connection_class.__name__, (mixin, connection_class), {}),
        "base": pool_class,
    }
    cls: Any = type(pool_class.__name__, (PoolMixin, pool_class), attributes)
    cls.own_functions = own_functions(cls)
    return cls


# Made at import, before a recorder can replace the classes of their connections. `exchange` is for these only.
DIRECT_POOLS = tuple(map(with_deadline, (urllib3.HTTPConnectionPool, urllib3.HTTPSConnectionPool)))
