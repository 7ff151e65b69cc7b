"""A server with a token endpoint: it issues scripted tokens and refuses the tokens in `refused`."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

from .scripted import Behaviour, Received, ScriptedServer, respond, respond_json
from .wire import YES, api_at

CLIENT_ID = "5ac0d9b1-54ee-4d24-8a2c-dd7a0d5a8b5e"
CLIENT_SECRET = "+/=&% Jrk1uVbW0xQwS3Z~yBq8o5nT7'cLdE2fA"

UNAUTHORIZED = respond_json({"message": "Authentication error"}, 401)


class TokenServer(ScriptedServer):
    """Responds to the n-th token request with the n-th of `behaviours`, to later ones with a token valid for an hour.

    Attributes:
        refusal: the response to a call whose Authorization is in `refused`.
        refused: values of Authorization; None stands for a missing header.
        call_behaviour: for all other calls; a success by default.
        before_answer: called with each request that is not a token request, before the response.

    The tokens after the scripted ones are ``token-N``, with N the number of the token request.
    """

    def __init__(self, *behaviours: Behaviour, refusal: bytes = UNAUTHORIZED, **options: Any) -> None:
        super().__init__(self._route, **options)
        self._token_behaviours = list(behaviours)
        self._count = 0
        self.refusal = refusal
        self.refused: set[str | None] = set()
        self.before_answer: Callable[[Received], Any] = lambda _: None
        self.call_behaviour: Behaviour = YES

    def __enter__(self) -> TokenServer:
        super().__enter__()
        return self

    @property
    def token_requests(self) -> list[Received]:
        return [received for received in self.requests if received.target.endswith("/oauth/token")]

    @property
    def calls(self) -> list[Received]:
        return [received for received in self.requests if not received.target.endswith("/oauth/token")]

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    @property
    def used(self) -> list[str | None]:
        """The Authorization of each call."""
        return [received.headers.get("authorization") for received in self.calls]

    def _route(self, sock: socket.socket, received: Received) -> Any:
        if not received.target.endswith("/oauth/token"):
            self.before_answer(received)
            refused = received.headers.get("authorization") in self.refused
            behaviour = self.refusal if refused else self.call_behaviour
        else:
            with self._lock:
                self._count += 1
                number = self._count
                behaviour = self._token_behaviours.pop(0) if self._token_behaviours else token(f"token-{number}")
        if isinstance(behaviour, bytes):
            sock.sendall(behaviour)
            return True
        return behaviour(sock, received)


@contextlib.contextmanager
def connected(
    *behaviours: Any, clock: Any = None, refusal: bytes = UNAUTHORIZED, **settings: Any
) -> Iterator[tuple[TokenServer, Any]]:
    """Yield a token server and its client, which has client credentials unless the settings name a token or a key."""
    if not {"access_token", "api_key"} & settings.keys():
        settings = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **settings}
    with TokenServer(*behaviours, refusal=refusal) as server, api_at(server.url, clock=clock, **settings) as api:
        yield server, api


def token(value: Any, expires_in: Any = 3600) -> bytes:
    """Return a response of the token endpoint. `expires_in` may be JSON in bytes; None leaves it out."""
    document = {"access_token": value, "token_type": "bearer", "scope": "tenant.19", "jti": "c652"}
    text = json.dumps(document)
    if expires_in is not None:
        raw = expires_in.decode() if isinstance(expires_in, bytes) else json.dumps(expires_in)
        text = f'{text[:-1]}, "expires_in": {raw}}}'
    return respond(200, text.encode(), {"Content-Type": "application/json"})
