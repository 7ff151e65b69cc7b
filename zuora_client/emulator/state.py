"""The state of the tenant: entities, and the connections between them.

These are the rules of the API, without HTTP:

    (none)    -- initiate, by the source -->  Pending
    Pending   -- accept, by the target   -->  Connected
    Pending   -- deny, by the target     -->  Disconnected
    Connected -- disconnect, by either   -->  Disconnected
"""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

PENDING = "Pending"
CONNECTED = "Connected"
DISCONNECTED = "Disconnected"

TENANT_ID = "6398"
MAX_ENTITIES = 512

_NAME = re.compile(r"[A-Za-z0-9 .-]{1,255}\Z")

# The hierarchy of Zuora's published sample: name, id, parent, time zone, status.
_SAMPLE = (
    ("Acme Corporation", "8a808255557baba1015580e12fa5083a", None, "GMT", "Provisioned"),
    ("Acme-Americas", "8a80825555a3c7a10155b460f53858e6", "Acme Corporation", "America/Los_Angeles", "Provisioned"),
    ("Acme-Europe", "8a80825556ff28a4015708ba29312ecc", "Acme Corporation", "Europe/Paris", "Provisioned"),
    ("Acme-US", "8a80825555a3c7a10155b46120d058e7", "Acme-Americas", "America/Los_Angeles", "Provisioned"),
    ("Acme-UK", "8a80825556ff28a4015708bac1d8305f", "Acme-Europe", "Europe/London", "Unprovisioned"),
    ("Acme-France", "8a80825556ff28a4015708bb21963060", "Acme-Europe", "Europe/Paris", "Unprovisioned"),
)


class Refusal(Exception):
    """A request that the tenant refuses. Nothing was changed.

    Args:
        category: the two-digit category of Zuora's error code.
        message: the message of the reason.
        status: the HTTP status of the response.
        resource: the six-digit resource code; by default it depends on the HTTP method.
    """

    def __init__(self, category: int, message: str, *, status: int = 200, resource: int | None = None) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.status = status
        self.resource = resource


@dataclass(frozen=True)
class Entity:
    """An entity of the hierarchy. `parent_id` is None for the root, which Zuora calls the global entity."""

    id: str
    name: str
    display_name: str
    parent_id: str | None
    locale: str = "en_US"
    timezone: str = "GMT"
    status: str = "Provisioned"
    tenant_id: str = TENANT_ID

    @property
    def uuid(self) -> str:
        """The id in its 36-character format, which tokens and the Zuora-Entity-Ids header use."""
        return str(uuid.UUID(self.id))


@dataclass(frozen=True)
class Connection:
    """A snapshot of a connection. Entity ids have 32 hex digits."""

    id: str
    source_entity_id: str
    target_entity_id: str
    status: str


EntityLike = Entity | str


def make_entities(entities: int | Sequence[str]) -> list[Entity]:
    """Return the entities of a hierarchy, parents before their children; the first is the root.

    Args:
        entities: the number of entities, or their names. A number takes the names of Zuora's published sample first,
            then generated ones.

    Raises:
        ValueError: there are not 1 to 512 entities, or a name is repeated or not allowed. Zuora allows letters,
            digits, spaces, periods and hyphens, at most 255 characters.
    """
    if isinstance(entities, int):
        names = [row[0] for row in _SAMPLE[: max(entities, 0)]]
        names += [f"Acme-{number:03d}" for number in range(len(names) + 1, entities + 1)]
    else:
        names = list(entities)
    if not 1 <= len(names) <= MAX_ENTITIES:
        raise ValueError(f"entities: expected 1 to {MAX_ENTITIES}, not {len(names)}")
    if len(set(names)) != len(names):
        raise ValueError("entities: names must be unique")
    sample = {row[0]: row for row in _SAMPLE}
    by_name: dict[str, Entity] = {}
    root: Entity | None = None
    for name in names:
        if not _NAME.match(name):
            raise ValueError(f"entities: {name!r} must be 1 to 255 letters, digits, spaces, periods and hyphens")
        digest = "8a808255" + hashlib.sha256(name.encode()).hexdigest()[:24]
        _, id_, parent_name, timezone, status = sample.get(name, (name, digest, None, "GMT", "Provisioned"))
        parent = by_name.get(parent_name, root) if parent_name else root
        by_name[name] = Entity(id_, name, name, parent.id if parent else None, timezone=timezone, status=status)
        root = root or by_name[name]
    return list(by_name.values())


class Hierarchy:
    """The entities of a tenant, and all connections between them, disconnected ones included. Thread-safe.

    Args:
        accept_duplicates: `initiate` makes another connection for a pair that is Pending or Connected already.
    """

    def __init__(self, entities: Iterable[Entity], accept_duplicates: bool = False) -> None:
        self.entities = tuple(entities)
        self._accept_duplicates = accept_duplicates
        self._by_id = {id_: entity for entity in self.entities for id_ in (entity.id, entity.uuid)}
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        # Indexes: the connections of an entity, and the active ones from a source to a target. The ids of the first
        # are the keys of a dict, which keeps their order.
        self._ids_by_entity: dict[str, dict[str, None]] = {entity.id: {} for entity in self.entities}
        self._active_ids: dict[tuple[str, str], set[str]] = {}
        self._numbers = itertools.count(1)

    def find(self, entity_id: str) -> Entity | None:
        """Return the entity with this id (either format, case-insensitive), or None."""
        return self._by_id.get(entity_id.lower())

    def entity(self, entity: EntityLike) -> Entity:
        """Return the entity for an `Entity` or an id in either format; ValueError if it is not in this hierarchy."""
        found = self.find(entity.id if isinstance(entity, Entity) else entity)
        if found is None:
            raise ValueError(f"no such entity in this hierarchy: {entity!r}")
        return found

    def connections(self, entity_id: str | None = None, direction: str | None = None) -> list[Connection]:
        """Return connections, oldest first.

        Args:
            entity_id: only those of this entity.
            direction: `inbound` for those whose target it is, `outbound` for those whose source it is.
        """
        with self._lock:
            if entity_id is None:
                return list(self._connections.values())
            found = [self._connections[id_] for id_ in self._ids_by_entity[entity_id]]
        if direction == "inbound":
            return [connection for connection in found if connection.target_entity_id == entity_id]
        if direction == "outbound":
            return [connection for connection in found if connection.source_entity_id == entity_id]
        return found

    def add(self, source_id: str, target_id: str, status: str, id_: str | None = None) -> Connection:
        """Add a connection without the rules. ValueError if the id is used, or source and target are the same."""
        with self._lock:
            return self._add(source_id, target_id, status, id_)

    def initiate(self, source_id: str, target: str) -> Connection:
        """Request a connection, as the source, to the entity with the id `target`; its status is Pending."""
        entity = self.find(target)
        if entity is None:
            raise Refusal(40, f"Cannot find an entity with id '{target}'.")
        if entity.id == source_id:
            raise Refusal(30, "An entity cannot be connected to itself.")
        with self._lock:
            active_ids = self._active_ids.get((source_id, entity.id))
            if active_ids and not self._accept_duplicates:
                id_ = next(iter(active_ids))
                status = self._connections[id_].status
                raise Refusal(30, f"A connection to this entity already exists: {id_} is {status}.")
            return self._add(source_id, entity.id, PENDING, None)

    def accept(self, entity_id: str, connection_id: str) -> Connection:
        """Change Pending to Connected; only as the target."""
        return self._change(entity_id, connection_id, "accept", PENDING, CONNECTED)

    def deny(self, entity_id: str, connection_id: str) -> Connection:
        """Change Pending to Disconnected (our choice: Zuora documents no status for this); only as the target."""
        return self._change(entity_id, connection_id, "deny", PENDING, DISCONNECTED)

    def disconnect(self, entity_id: str, connection_id: str) -> Connection:
        """Change Connected to Disconnected, permanently; as the source or the target."""
        return self._change(entity_id, connection_id, "disconnect", CONNECTED, DISCONNECTED)

    def _add(self, source_id: str, target_id: str, status: str, id_: str | None) -> Connection:
        if source_id == target_id:
            raise ValueError("source and target are the same entity")
        id_ = id_ or self._new_id()
        if id_ in self._connections:
            raise ValueError(f"a connection with id {id_!r} already exists")
        self._ids_by_entity[source_id][id_] = None
        self._ids_by_entity[target_id][id_] = None
        return self._store(Connection(id_, source_id, target_id, status))

    def _change(self, entity_id: str, connection_id: str, verb: str, before: str, after: str) -> Connection:
        with self._lock:
            connection = self._connections.get(connection_id)
            if connection is None:
                raise Refusal(40, f"Cannot find a connection with id '{connection_id}'.", status=404, resource=500000)
            if entity_id not in (connection.source_entity_id, connection.target_entity_id):
                raise Refusal(10, "This entity is neither the source nor the target of the connection.")
            if verb != "disconnect" and entity_id != connection.target_entity_id:
                raise Refusal(10, f"Only the target entity may {verb} a connection request.")
            if connection.status != before:
                raise Refusal(30, f"Cannot {verb} the connection: it is {connection.status}, not {before}.")
            return self._store(replace(connection, status=after))

    def _store(self, connection: Connection) -> Connection:
        self._connections[connection.id] = connection
        active = self._active_ids.setdefault((connection.source_entity_id, connection.target_entity_id), set())
        if connection.status in (PENDING, CONNECTED):
            active.add(connection.id)
        else:
            active.discard(connection.id)
        return connection

    def _new_id(self) -> str:
        # Multiplying by an odd number permutes the numbers below 2**96: ids are unique, but do not look sequential.
        while True:
            id_ = f"8a808255{next(self._numbers) * 0x5A3C7A10155B54A63821C0D9 % 2**96:024x}"
            if id_ not in self._connections:
                return id_
