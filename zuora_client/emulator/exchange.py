"""One request on its connection, and the faults that act on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .messages import Request, Response
from .service import Middleware, Service, run_operation
from .wire import ConnectionClosed, Wire, serialize_response


@dataclass(frozen=True)
class Fault:
    """A way to fail.

    Attributes:
        name: the value of `fault` in the recorded request.
        act: called instead of `exchange.send(exchange.execute())`. `exchange.proceed()` lets the request pass.
    """

    name: str
    act: Callable[[Exchange], None]


class Exchange:
    """A request and the means to respond to it. Without a fault the server calls `send(execute())`.

    Every method may raise `ConnectionClosed`, which ends the exchange and the connection.

    Attributes:
        request: the request, with its body only after `read_body`.
        service: the tenant that executes it.
    """

    def __init__(self, wire: Wire, request: Request, service: Service, faults: Iterator[Fault]) -> None:
        self.request = request
        self.service = service
        self._wire = wire
        self._faults = faults
        self._body_is_read = False
        self._before_response: list[Callable[[], object]] = []

    def proceed(self) -> None:
        """Apply the next fault that is due for this request; without one, execute the request and send the response.

        A fault calls this to let a request pass. `request.fault` becomes the name of the next fault, or None.
        """
        fault = next(self._faults, None)
        self.request.fault = None if fault is None else fault.name
        if fault is None:
            self.send(self.execute())
        else:
            fault.act(self)

    def before_response(self, callback: Callable[[], object]) -> None:
        """Call `callback` before the first byte of the response is sent; never if nothing is sent."""
        self._before_response.append(callback)

    def read_body(self) -> None:
        """Read the body of the request, if it was not read yet."""
        if not self._body_is_read:
            self._body_is_read = True
            self.request.body = self._wire.read_body(self.request)

    def execute(self, middleware: Middleware = run_operation) -> Response:
        """Execute the request and return the response; sets `request.status` and `request.committed`."""
        self.read_body()
        return self.service.handle(self.request, middleware)

    def send(self, response: Response) -> None:
        """Send a well-formed response."""
        self.read_body()
        self.send_bytes(serialize_response(response, self.request))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes unchanged."""
        while self._before_response:
            self._before_response.pop()()
        self._wire.send(data)

    def work(self, seconds: float) -> None:
        """Wait, even after the client has disconnected. Stopping the server ends the wait."""
        self._wire.work(seconds)

    def pause(self, seconds: float | None) -> None:
        """Wait; None waits forever. Ends early when the client disconnects or the server stops."""
        self._wire.pause(seconds)

    def close(self) -> None:
        """Close the connection with a TCP FIN."""
        raise ConnectionClosed

    def reset(self) -> None:
        """Close the connection with a TCP reset."""
        self._wire.reset()
