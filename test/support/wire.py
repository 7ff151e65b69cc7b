"""A client that is connected to a scripted server, and the requests that the server received."""

from __future__ import annotations

import socket
from typing import Any

from zuora_client import ApiClient, Configuration, EntityConnectionsApi

from .clock import FakeClock
from .scripted import Behaviour, Received, ScriptedServer, json_answer

YES = json_answer({"success": True, "id": "8a808255575bdae401576a914a140420", "entityConnections": []})


def silent(sock: socket.socket, _: Received) -> None:
    """A behaviour: send nothing until the client closes the connection."""
    sock.recv(1)


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
