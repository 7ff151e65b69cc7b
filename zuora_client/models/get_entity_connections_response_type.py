"""The list response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import Model

if TYPE_CHECKING:
    from .get_entity_connections_array_items_type import GETEntityConnectionsArrayItemsType


class GETEntityConnectionsResponseType(Model):
    """One page of connections.

    Attributes:
        entity_connections: the connections of this page.
        next_page: URL of the next page, or None on the last one. Do not follow it, because the token would be sent to
            that host. `EntityConnectionsApi.iter_entity_connections` reads all pages.
        success: whether the call succeeded.
    """

    swagger_types = {
        "entity_connections": "list[GETEntityConnectionsArrayItemsType]",
        "next_page": "str",
        "success": "bool",
    }
    attribute_map = {
        "entity_connections": "entityConnections",
        "next_page": "nextPage",
        "success": "success",
    }

    def __init__(
        self,
        entity_connections: list[GETEntityConnectionsArrayItemsType] | None = None,
        next_page: str | None = None,
        success: bool | None = None,
    ) -> None:
        self.entity_connections = entity_connections
        self.next_page = next_page
        self.success = success
