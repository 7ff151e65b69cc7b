"""The seven request and response models, named as in generated clients."""

from __future__ import annotations

from .get_entity_connections_array_items_type import GETEntityConnectionsArrayItemsType
from .get_entity_connections_response_type import GETEntityConnectionsResponseType
from .post_entity_connections_response_type import POSTEntityConnectionsResponseType
from .post_entity_connections_type import POSTEntityConnectionsType
from .put_entity_connections_accept_response_type import PUTEntityConnectionsAcceptResponseType
from .put_entity_connections_deny_response_type import PUTEntityConnectionsDenyResponseType
from .put_entity_connections_disconnect_response_type import PUTEntityConnectionsDisconnectResponseType

__all__ = [
    "GETEntityConnectionsArrayItemsType",
    "GETEntityConnectionsResponseType",
    "POSTEntityConnectionsResponseType",
    "POSTEntityConnectionsType",
    "PUTEntityConnectionsAcceptResponseType",
    "PUTEntityConnectionsDenyResponseType",
    "PUTEntityConnectionsDisconnectResponseType",
]
