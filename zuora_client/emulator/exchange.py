"""One request on its connection. The server executes it as it is, or passes it to a fault."""

from __future__ import annotations

from .messages import Request, Response
from .service import Middleware, Service, run_operation
from .wire import ConnectionClosed, Wire, serialize_response


class Exchange:
    """A request and the means to respond to it. Without a fault the server calls `send(execute())`.

    Every method may raise `ConnectionClosed`, which ends the exchange and the connection.

    Attributes:
        request: the request, with its body only after `read_body`.
        service: the tenant that executes it.
    """

    def __init__(self, wire: Wire, request: Request, service: Service) -> None:
        self.request = request
        self.service = service
        self._wire = wire
        self._body_is_read = False

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
