"""Clients for a test to open in a `with` statement: of any URL, and of a scripted server."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from zuora_client import ApiClient, Configuration, EntityConnectionsApi

from .clock import FakeClock
from .scripted import Behaviour, Received, ScriptedServer, respond_json

YES = respond_json({"success": True, "id": "8a808255575bdae401576a914a140420", "entityConnections": []})


def silent(sock: socket.socket, _: Received) -> None:
    """A behaviour: send nothing until the client closes the connection."""
    sock.recv(1)


@contextlib.contextmanager
def api_at(url: str, *, clock: Any = None, **settings: Any) -> Iterator[EntityConnectionsApi]:
    """Yield an API object for a base URL. Keywords are settings; the clock is a `FakeClock` if none is given."""
    with ApiClient(Configuration(url, **settings), clock=clock or FakeClock()) as client:
        yield EntityConnectionsApi(client)


class Wire:
    """Client and server of one test. Keywords are settings of the configuration.

    Without behaviours every response is a success. Waits between attempts take no time.
    """

    def __init__(self, *behaviours: Behaviour, **settings: Any) -> None:
        self.server = ScriptedServer(*(behaviours or (YES,)))
        self._settings = settings

    def __enter__(self) -> Wire:
        self.server.__enter__()
        self.clock = FakeClock()
        self.configuration = Configuration(self.server.url, **self._settings)
        self.client = ApiClient(self.configuration, clock=self.clock)
        self.api = EntityConnectionsApi(self.client)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.__exit__()

    @property
    def requests(self) -> list[Received]:
        """All requests so far."""
        return self.server.requests

    @property
    def sent(self) -> Received:
        """The last request."""
        return self.server.requests[-1]
