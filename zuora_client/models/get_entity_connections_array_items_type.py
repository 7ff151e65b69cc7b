"""One connection in the list response."""

from __future__ import annotations

from .base import Model


class GETEntityConnectionsArrayItemsType(Model):
    """A connection between two entities, as either entity lists it.

    Attributes:
        id: id of the connection.
        source_entity_id: the entity that shares, as 32 hexadecimal digits.
        status: ``Connected``, ``Pending`` or ``Disconnected``; Zuora may add others.
        target_entity_id: the entity that is shared with, as 32 hexadecimal digits.
    """

    swagger_types = {
        "id": "str",
        "source_entity_id": "str",
        "status": "str",
        "target_entity_id": "str",
    }
    attribute_map = {
        "id": "id",
        "source_entity_id": "sourceEntityId",
        "status": "status",
        "target_entity_id": "targetEntityId",
    }

    def __init__(
        self,
        id: str | None = None,
        source_entity_id: str | None = None,
        status: str | None = None,
        target_entity_id: str | None = None,
    ) -> None:
        self.id = id
        self.source_entity_id = source_entity_id
        self.status = status
        self.target_entity_id = target_entity_id
