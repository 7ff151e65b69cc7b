"""Who may call: OAuth clients, the tokens they got, and the legacy access keys.

Invariant: a token is good until its lifetime is over on the injected clock or :meth:`Credentials.expire_tokens` was
called, and only for the entities it was issued for.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .messages import Headers
from .state import Entity


@dataclass(frozen=True)
class Client:
    """An OAuth client. The secret holds characters that must be form-encoded; it stays out of ``repr``."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Client(client_id={self.client_id!r}, client_secret=...)"


class Grant(NamedTuple):
    """What a caller has proven: the ids of the entities he may name, and the one he is in when he names none."""

    entity_ids: frozenset[str]
    home_id: str | None
    expires_at: float


class Credentials:
    """All clients and live tokens of the tenant. Thread-safe."""

    def __init__(self, entities: Iterable[Entity], lifetime: float, clock: Callable[[], float]) -> None:
        self._all = tuple(entities)
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[str, tuple[Entity, ...]]] = {}
        self._tokens: dict[str, Grant] = {}
        self.access_key_id = "key-" + secrets.token_hex(8)
        self.access_key_secret = secrets.token_hex(16)
        # The pair belongs to a user that was created in the root entity: without a header, that is where he works.
        self._key_grant = Grant(frozenset(entity.id for entity in self._all), self._all[0].id, float("inf"))

    def add_client(self, entities: Iterable[Entity]) -> Client:
        """Make a client that is valid for these entities; for all when none is named."""
        client = Client(str(uuid.uuid4()), "+/=&%" + secrets.token_urlsafe(24))
        with self._lock:
            self._clients[client.client_id] = (client.client_secret, tuple(entities) or self._all)
        return client

    def check_client(self, client_id: str, client_secret: str) -> tuple[Entity, ...] | None:
        """The entities of the client, or None when id and secret do not belong together."""
        with self._lock:
            secret, entities = self._clients.get(client_id, ("", ()))
        return entities if secret and secrets.compare_digest(secret.encode(), client_secret.encode()) else None

    def issue_token(self, entities: Iterable[Entity]) -> str:
        """A new token, 32 hex digits, for these entities; for all when none is named."""
        ids = frozenset(entity.id for entity in (tuple(entities) or self._all))
        home = next(iter(ids)) if len(ids) == 1 else None
        token = secrets.token_hex(16)
        with self._lock:
            self._tokens[token] = Grant(ids, home, self._clock() + self._lifetime)
        return token

    def expire_tokens(self) -> None:
        """Refuse every token that was issued so far."""
        with self._lock:
            self._tokens.clear()

    def authenticate(self, headers: Headers) -> Grant | None:
        """What the headers prove, or None. A bearer token decides alone; else the two access-key headers do."""
        authorization = headers.get("Authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            with self._lock:
                grant = self._tokens.get(token.strip())
            good = scheme.lower() == "bearer" and grant is not None and self._clock() < grant.expires_at
            return grant if good else None
        if headers.get("apiAccessKeyId") == self.access_key_id:
            return self._key_grant if headers.get("apiSecretAccessKey") == self.access_key_secret else None
        return None
