"""One request on its connection, between the server that reads it and the fault that may spoil it."""

from __future__ import annotations

from .messages import Request, Response
from .service import Around, Service, run
from .wire import Hangup, Wire, frame


class Exchange:
    """One request on its connection, and the verbs with which a fault spoils it. Without one: ``send(execute())``.

    Every verb may raise Hangup, which ends the exchange and the connection.
    """

    def __init__(self, wire: Wire, request: Request, service: Service) -> None:
        self.request = request
        self.service = service
        self._wire = wire
        self._body_is_read = False

    def read_body(self) -> None:
        """Read the body of the request, once."""
        if not self._body_is_read:
            self._body_is_read = True
            self.request.body = self._wire.read_body(self.request)

    def execute(self, around: Around = run) -> Response:
        """Let the service answer; after this, ``request.status`` and ``request.committed`` stand."""
        self.read_body()
        return self.service.handle(self.request, around)

    def send(self, response: Response) -> None:
        """Send a well-formed answer."""
        self.read_body()
        self.send_bytes(frame(response, self.request))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._wire.send(data)

    def work(self, seconds: float) -> None:
        """Wait as a slow server does: whether the client is still there or not. A stop of the server ends it."""
        self._wire.work(seconds)

    def pause(self, seconds: float | None) -> None:
        """Wait, until the client goes or the server stops at the latest; None waits for that alone."""
        self._wire.pause(seconds)

    def close(self) -> None:
        """Close the connection in an orderly way."""
        raise Hangup

    def reset(self) -> None:
        """Tear the connection down with a TCP reset."""
        self._wire.reset()
