"""OAuth clients, the tokens issued to them, and the legacy access keys."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .arguments import validate_text
from .messages import Headers
from .state import Entity


@dataclass(frozen=True)
class Client:
    """An OAuth client. Its secret contains characters that must be form-encoded; `repr()` omits it."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Client(client_id={self.client_id!r}, client_secret=...)"


MAX_TOKENS = 100_000

CLIENT_ID_LENGTH = 36
MAX_CLIENT_SECRET_LENGTH = 42


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
    """All clients and valid tokens of the tenant. Thread-safe.

    Expired tokens are removed. Of the valid ones at most `MAX_TOKENS` are kept; beyond that the oldest is removed, and
    refused from then on.
    """

    def __init__(self, entities: Iterable[Entity], lifetime: float, clock: Callable[[], float]) -> None:
        self._entities = tuple(entities)
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[str, tuple[Entity, ...]]] = {}
        self._tokens: OrderedDict[str, Grant] = OrderedDict()
        self.access_key_id = "key-" + secrets.token_hex(8)
        self.access_key_secret = secrets.token_hex(16)
        # The access keys belong to a user of the root entity, so a request that names no entity runs there.
        self._all_ids = frozenset(entity.id for entity in self._entities)
        self._access_key_grant = Grant(self._all_ids, self._entities[0].id, float("inf"))

    def add_client(
        self, entities: Iterable[Entity], client_id: str | None = None, client_secret: str | None = None
    ) -> Client:
        """Create a client for these entities, or for all of them if there are none.

        Raises:
            TypeError, ValueError: the id is not a text of 36 characters, or the secret not one of 1 to 42.
        """
        if client_id is None:
            client_id = str(uuid.uuid4())
        if client_secret is None:
            client_secret = "+/=&%" + secrets.token_urlsafe(24)
        validate_text("client_id", client_id, CLIENT_ID_LENGTH, CLIENT_ID_LENGTH)
        validate_text("client_secret", client_secret, 1, MAX_CLIENT_SECRET_LENGTH)
        client = Client(client_id, client_secret)
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
        if ids == self._all_ids:
            ids = self._all_ids  # one object for all tokens: the ids of 512 entities take 32 KB
        home_id = next(iter(ids)) if len(ids) == 1 else None
        token = secrets.token_hex(16)
        now = self._clock()
        with self._lock:
            # Tokens are in the order of their expiry, so the expired ones come first.
            while self._tokens and (
                len(self._tokens) >= MAX_TOKENS or next(iter(self._tokens.values())).expires_at <= now
            ):
                self._tokens.popitem(last=False)
            self._tokens[token] = Grant(ids, home_id, now + self._lifetime)
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
