"""One attempt as its connection sees it: how long the next socket operation may take, and what has happened so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..deadline import Deadline, Timeouts


class Attempt:
    """The state of one attempt that its connection reads and updates.

    Attributes:
        complete: whether the response was well formed, and read exactly to its end with nothing behind it.
        connect_status: status of a proxy that refused CONNECT, otherwise None.
        deadline: of the call; None while the caller reads a streaming response.
        request_sent: whether any byte of the request may have been sent.
        response_started: whether any byte of the response was received.
        reusable: whether the connection may carry another request. True if no request was sent, or if the response is
            complete and the server keeps the connection open.
        tls_version: of a TLS connection that this attempt opened, None for a reused one.
        write: whether the request is a write.
        new_connection: whether the request needs a new connection.
    """

    __slots__ = (
        "complete",
        "connect_status",
        "deadline",
        "new_connection",
        "request_sent",
        "response_started",
        "reusable",
        "timeouts",
        "tls_version",
        "write",
    )

    def __init__(self, deadline: Deadline, timeouts: Timeouts, write: bool, new_connection: bool = False) -> None:
        self.deadline: Deadline | None = deadline
        self.timeouts = timeouts
        self.write = write
        self.new_connection = new_connection
        self.request_sent = False
        self.response_started = False
        self.complete = False
        self.reusable = True
        self.connect_status: int | None = None
        self.tls_version: str | None = None

    def next_timeout(self) -> float | None:
        """Return the timeout of the next socket operation in seconds.

        Raises:
            TimeoutError: the deadline has passed.
        """
        return self.clamp(self.timeouts.read if self.request_sent else self.timeouts.connect)

    def clamp(self, seconds: float | None) -> float | None:
        """Return `seconds`, or the time remaining until the deadline if that is less.

        Raises:
            TimeoutError: the deadline has passed.
        """
        if self.deadline is not None:
            seconds = self.deadline.clamp(seconds)
            if seconds is not None and seconds <= 0:
                raise TimeoutError("the deadline of the call has passed")
        return seconds


def set_timeout(sock: Any, seconds: float | None) -> None:
    # Avoids a system call: settimeout() makes one even if the value is the same.
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)
