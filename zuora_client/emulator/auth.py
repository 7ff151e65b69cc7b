"""OAuth clients, the tokens issued to them, and the legacy access keys."""

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
    """An OAuth client. Its secret contains characters that must be form-encoded; `repr()` omits it."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Client(client_id={self.client_id!r}, client_secret=...)"


class Grant(NamedTuple):
    """What a caller's credentials allow.

    Attributes:
        entity_ids: the entities that the caller may name.
        home_id: the entity of a request that names none; None if such a request is refused.
        expires_at: when the credentials expire, on the emulator's clock.
    """

    entity_ids: frozenset[str]
    home_id: str | None
    expires_at: float


class Credentials:
    """All clients and valid tokens of the tenant. Thread-safe."""

    def __init__(self, entities: Iterable[Entity], lifetime: float, clock: Callable[[], float]) -> None:
        self._entities = tuple(entities)
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[str, tuple[Entity, ...]]] = {}
        self._tokens: dict[str, Grant] = {}
        self.access_key_id = "key-" + secrets.token_hex(8)
        self.access_key_secret = secrets.token_hex(16)
        # The access keys belong to a user of the root entity, so a request that names no entity runs there.
        entity_ids = frozenset(entity.id for entity in self._entities)
        self._access_key_grant = Grant(entity_ids, self._entities[0].id, float("inf"))

    def add_client(self, entities: Iterable[Entity]) -> Client:
        """Create a client for these entities, or for all of them if there are none."""
        client = Client(str(uuid.uuid4()), "+/=&%" + secrets.token_urlsafe(24))
        with self._lock:
            self._clients[client.client_id] = (client.client_secret, tuple(entities) or self._entities)
        return client

    def check_client(self, client_id: str, client_secret: str) -> tuple[Entity, ...] | None:
        """Return the entities of the client, or None if the id is unknown or the secret wrong."""
        with self._lock:
            secret, entities = self._clients.get(client_id, ("", ()))
        return entities if secret and secrets.compare_digest(secret.encode(), client_secret.encode()) else None

    def issue_token(self, entities: Iterable[Entity]) -> str:
        """Return a new token, 32 hex digits, for these entities, or for all of them if there are none."""
        ids = frozenset(entity.id for entity in (tuple(entities) or self._entities))
        home_id = next(iter(ids)) if len(ids) == 1 else None
        token = secrets.token_hex(16)
        with self._lock:
            self._tokens[token] = Grant(ids, home_id, self._clock() + self._lifetime)
        return token

    def expire_tokens(self) -> None:
        """Invalidate every token issued so far."""
        with self._lock:
            self._tokens.clear()

    def authenticate(self, headers: Headers) -> Grant | None:
        """Return what the credentials in the headers allow, or None if they are missing or invalid.

        The access-key headers count only if there is no Authorization header.
        """
        authorization = headers.get("Authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            with self._lock:
                grant = self._tokens.get(token.strip())
            valid = scheme.lower() == "bearer" and grant is not None and self._clock() < grant.expires_at
            return grant if valid else None
        keys = headers.get("apiAccessKeyId"), headers.get("apiSecretAccessKey")
        return self._access_key_grant if keys == (self.access_key_id, self.access_key_secret) else None
