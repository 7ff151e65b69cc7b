"""One attempt as its connection sees it: how long the next socket operation may take, and what has happened so far."""

from __future__ import annotations

import _socket
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import urllib3

from ..deadline import Timeouts

if TYPE_CHECKING:
    import weakref

    from ..deadline import Deadline


class Attempt(urllib3.Timeout):
    """The state of one attempt that its connection reads and updates.

    It is passed to ``urlopen`` as the timeout, so urllib3 itself hands it on to the pool and to the connection, and so
    does a tool that wraps one of them. A connection of another class reads `connect_timeout` and `read_timeout`.

    Attributes:
        authority: host and port for the ``Host`` header; None for a request that another program sends through a pool.
        complete: whether the response was well formed, and read exactly to its end with nothing behind it.
        connect_status: status of a proxy that refused CONNECT, otherwise None.
        deadline: of the call; None while the caller reads a streaming response.
        sent: whether any byte of the request may have been sent; None as long as no connection of ours was reached.
        response_started: whether any byte of the response was received.
        reusable: whether the connection may carry another request. True if no request was sent, or if the response is
            complete and the server keeps the connection open.
        tls_version: of a TLS connection that this attempt opened, None for a reused one.
        write: whether the request is a write.
        new_connection: whether the request needs a new connection.
        connection: a weak reference to the one that carries the request, or has carried it; None before that. The
            connection refers to the attempt: a cycle would keep the socket of an interrupted call open.
        aborted: whether another thread has ended this attempt.
        is_foreign: whether a connection of another class has carried the request.
    """

    sent: bool | None = None
    response_started = False
    complete = False
    reusable = True
    connect_status: int | None = None
    tls_version: str | None = None
    connection: weakref.ref[Any] | None = None
    aborted = False
    is_foreign = False

    def __init__(
        self,
        deadline: Deadline | None,
        timeouts: Timeouts,
        authority: str | None = None,
        *,
        write: bool = False,
        new_connection: bool = False,
    ) -> None:
        # Not initialized by urllib3: both timeouts depend on the time that remains.
        self.deadline = deadline
        self.timeouts = timeouts
        self.authority = authority
        self.write = write
        self.new_connection = new_connection

    @classmethod
    def from_timeout(cls, timeout: Any) -> Attempt:
        """Return an attempt with the limits of a `urllib3.Timeout`."""
        resolve = urllib3.Timeout.resolve_default_timeout
        return cls(None, Timeouts(resolve(timeout.connect_timeout), resolve(timeout.read_timeout), None))

    def __repr__(self) -> str:
        return f"Attempt(connect={self.timeouts.connect}, read={self.timeouts.read})"

    __str__ = __repr__

    @property
    def request_sent(self) -> bool:
        """Whether any byte of the request may have been sent."""
        return self.sent is not False

    def next_timeout(self) -> float | None:
        """Return the timeout of the next socket operation in seconds.

        Raises:
            TimeoutError: the deadline has passed.
        """
        return self.clamp(self.timeouts.read if self.sent else self.timeouts.connect)

    def clamp(self, seconds: float | None) -> float | None:
        """Return `seconds`, or the time remaining until the deadline if that is less.

        Raises:
            TimeoutError: the deadline has passed.
            ConnectionAbortedError: another thread has called `abort`.
        """
        if self.aborted:
            raise ConnectionAbortedError("the attempt was aborted")
        if self.deadline is not None:
            seconds = self.deadline.clamp(seconds)
            if seconds is not None and seconds <= 0:
                raise TimeoutError("the deadline of the call has passed")
        return seconds

    def abort(self) -> None:
        """End this attempt from another thread: it fails at once if it waits for its connection to send or receive.

        A stage of opening the connection ends with the connect timeout.
        """
        # Before the test: the connection is not reused if it was released after it, so nobody else loses it.
        self.aborted = True
        connection = None if self.connection is None else self.connection()
        if connection is not None and connection.attempt is self:
            sock = connection.sock
            # urllib3's SSLTransport, for TLS within the TLS connection to a proxy.
            sock = getattr(sock, "socket", sock)
            # Not SSLSocket.shutdown(), after which the reading thread would read the socket without TLS.
            with contextlib.suppress(AttributeError, OSError, TypeError):
                # The socket within those of eventlet and gevent.
                sock = getattr(sock, "fd", getattr(sock, "_sock", sock))
                _socket.socket.shutdown(sock, socket.SHUT_RDWR)

    # -- what urllib3 calls -----------------------------------------------------------------------------------------

    @property
    def connect_timeout(self) -> float | None:
        return self.clamp(self.timeouts.connect)

    @property
    def read_timeout(self) -> float | None:
        return self.clamp(self.timeouts.read)

    def start_connect(self) -> float:
        return 0.0


def set_timeout(sock: Any, seconds: float | None) -> None:
    # Avoids a system call: settimeout() makes one even if the value is the same. urllib3's socket for pyOpenSSL cannot
    # tell.
    get_timeout = getattr(sock, "gettimeout", None)
    if get_timeout is None or get_timeout() != seconds:
        sock.settimeout(seconds)
