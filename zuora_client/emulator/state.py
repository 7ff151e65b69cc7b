"""What the embedded tenant knows: entities, and the connections between them.

Invariant: every change of a connection goes through :class:`Hierarchy`, under its one lock, and either happens wholly
or raises :class:`Refusal` and changes nothing. No HTTP here: the rules can be read, and tested, by themselves.

    nothing   -- initiate, by the source -->  Pending
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

# The hierarchy that Zuora publishes as its sample: name, id, parent, time zone, status.
_PUBLISHED = (
    ("Acme Corporation", "8a808255557baba1015580e12fa5083a", None, "GMT", "Provisioned"),
    ("Acme-Americas", "8a80825555a3c7a10155b460f53858e6", "Acme Corporation", "America/Los_Angeles", "Provisioned"),
    ("Acme-Europe", "8a80825556ff28a4015708ba29312ecc", "Acme Corporation", "Europe/Paris", "Provisioned"),
    ("Acme-US", "8a80825555a3c7a10155b46120d058e7", "Acme-Americas", "America/Los_Angeles", "Provisioned"),
    ("Acme-UK", "8a80825556ff28a4015708bac1d8305f", "Acme-Europe", "Europe/London", "Unprovisioned"),
    ("Acme-France", "8a80825556ff28a4015708bb21963060", "Acme-Europe", "Europe/Paris", "Unprovisioned"),
)


class Refusal(Exception):
    """The tenant says no: a category of Zuora's error codes (two digits), a message, and the HTTP status to answer.

    ``resource`` is the six-digit resource code; None lets the service choose it by the kind of request.
    """

    def __init__(self, category: int, message: str, *, status: int = 200, resource: int | None = None) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.status = status
        self.resource = resource


@dataclass(frozen=True)
class Entity:
    """One entity of the hierarchy. ``parent_id`` is None for the root (Zuora calls it the global entity)."""

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
        """The 36-character spelling of ``id``, which tokens and the Zuora-Entity-Ids header use."""
        return str(uuid.UUID(self.id))


@dataclass(frozen=True)
class Connection:
    """A connection as it was when it was read; it does not follow later changes. Entity ids are 32 hex digits."""

    id: str
    source_entity_id: str
    target_entity_id: str
    status: str


EntityLike = Entity | str


def make_entities(entities: int | Sequence[str]) -> list[Entity]:
    """Build a hierarchy from a number of entities or from their names; the first is the root of all others.

    A number takes the names of Zuora's published sample first and generated ones after them. Names must be unique and
    made of letters, digits, spaces, periods and hyphens, at most 255 (Zuora's rule). 1 to 512 entities, or ValueError.
    """
    if isinstance(entities, int):
        published = [row[0] for row in _PUBLISHED[: max(entities, 0)]]
        names = published + [f"Acme-{number:03d}" for number in range(len(published) + 1, entities + 1)]
    else:
        names = list(entities)
    if not 1 <= len(names) <= MAX_ENTITIES:
        raise ValueError(f"entities: a hierarchy has 1 to {MAX_ENTITIES} entities, not {len(names)}")
    if len(set(names)) != len(names):
        raise ValueError("entities: names must be unique in the hierarchy")
    rows = {row[0]: row for row in _PUBLISHED}
    made: dict[str, Entity] = {}
    root: Entity | None = None
    for name in names:
        if not _NAME.match(name):
            raise ValueError(f"entities: {name!r} may hold letters, digits, spaces, periods and hyphens, at most 255")
        digest = "8a808255" + hashlib.sha256(name.encode()).hexdigest()[:24]
        _, id_, parent_name, timezone, status = rows.get(name, (name, digest, None, "GMT", "Provisioned"))
        parent = made.get(parent_name, root) if parent_name else root
        made[name] = Entity(id_, name, name, parent.id if parent else None, timezone=timezone, status=status)
        root = root or made[name]
    return list(made.values())


class Hierarchy:
    """The entities of one tenant and all connections that were ever made between them, oldest first. Thread-safe."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.entities = tuple(entities)
        self._by_spelling = {spelling: entity for entity in self.entities for spelling in (entity.id, entity.uuid)}
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        # Ids of connections by side, and the ids that keep a direction busy: no call scans the whole tenant.
        self._sides: dict[str, dict[str, None]] = {entity.id: {} for entity in self.entities}
        self._active: dict[tuple[str, str], set[str]] = {}
        self._numbers = itertools.count(1)

    def find(self, spelling: str) -> Entity | None:
        """The entity with this id, in the 32-hex or the 36-character spelling, letters of either case; else None."""
        return self._by_spelling.get(spelling.lower())

    def entity(self, entity: EntityLike) -> Entity:
        """The entity of this hierarchy that an Entity or an id in either spelling means; ValueError if none is."""
        found = self.find(entity.id if isinstance(entity, Entity) else entity)
        if found is None:
            raise ValueError(f"no such entity in this hierarchy: {entity!r}")
        return found

    def connections(self, entity_id: str | None = None, direction: str | None = None) -> list[Connection]:
        """Connections, oldest first: all, or those of one entity; ``direction`` is ``inbound``, ``outbound`` or None.

        Inbound means that the entity is the target, outbound that it is the source.
        """
        with self._lock:
            if entity_id is None:
                return list(self._connections.values())
            rows = [self._connections[id_] for id_ in self._sides[entity_id]]
        if direction == "inbound":
            return [row for row in rows if row.target_entity_id == entity_id]
        if direction == "outbound":
            return [row for row in rows if row.source_entity_id == entity_id]
        return rows

    def add(self, source_id: str, target_id: str, status: str, id_: str | None = None) -> Connection:
        """Seed a connection as it stands, rules aside. ValueError if the id is taken or both sides are one entity."""
        with self._lock:
            return self._add(source_id, target_id, status, id_)

    def initiate(self, source_id: str, target: str) -> Connection:
        """Ask, as the source, for a connection to ``target`` (an id in the 32-hex spelling): a new Pending row."""
        entity = self.find(target)
        if entity is None:
            raise Refusal(40, f"Cannot find an entity with id '{target}'.")
        if entity.id == source_id:
            raise Refusal(30, "An entity cannot be connected to itself.")
        with self._lock:
            for id_ in self._active.get((source_id, entity.id), ()):
                status = self._connections[id_].status
                raise Refusal(30, f"A connection to this entity already exists: {id_} is {status}.")
            return self._add(source_id, entity.id, PENDING, None)

    def accept(self, entity_id: str, connection_id: str) -> Connection:
        """Pending becomes Connected; only as the target."""
        return self._change(entity_id, connection_id, "accept", PENDING, CONNECTED)

    def deny(self, entity_id: str, connection_id: str) -> Connection:
        """Pending becomes Disconnected (our choice: Zuora documents no status for it); only as the target."""
        return self._change(entity_id, connection_id, "deny", PENDING, DISCONNECTED)

    def disconnect(self, entity_id: str, connection_id: str) -> Connection:
        """Connected becomes Disconnected, for good; as the source or as the target."""
        return self._change(entity_id, connection_id, "disconnect", CONNECTED, DISCONNECTED)

    def _add(self, source_id: str, target_id: str, status: str, id_: str | None) -> Connection:
        if source_id == target_id:
            raise ValueError("source and target are the same entity")
        id_ = id_ or self._new_id()
        if id_ in self._connections:
            raise ValueError(f"a connection with id {id_!r} exists")
        row = Connection(id_, source_id, target_id, status)
        self._sides[source_id][id_] = None
        self._sides[target_id][id_] = None
        self._store(row)
        return row

    def _change(self, entity_id: str, connection_id: str, verb: str, before: str, after: str) -> Connection:
        with self._lock:
            row = self._connections.get(connection_id)
            if row is None:
                raise Refusal(40, f"Cannot find a connection with id '{connection_id}'.", status=404, resource=500000)
            if entity_id not in (row.source_entity_id, row.target_entity_id):
                raise Refusal(10, "This entity is neither the source nor the target of the connection.")
            if verb != "disconnect" and entity_id != row.target_entity_id:
                raise Refusal(10, f"Only the target entity may {verb} a connection request.")
            if row.status != before:
                raise Refusal(30, f"Cannot {verb} the connection: it is {row.status}, not {before}.")
            row = replace(row, status=after)
            self._store(row)
            return row

    def _store(self, row: Connection) -> None:
        self._connections[row.id] = row
        busy = self._active.setdefault((row.source_entity_id, row.target_entity_id), set())
        if row.status in (PENDING, CONNECTED):
            busy.add(row.id)
        else:
            busy.discard(row.id)

    def _new_id(self) -> str:
        # Multiplying by an odd number permutes the numbers below 2**96: no id comes twice, none looks like a counter.
        while True:
            id_ = f"8a808255{next(self._numbers) * 0x5A3C7A10155B54A63821C0D9 % 2**96:024x}"
            if id_ not in self._connections:
                return id_
