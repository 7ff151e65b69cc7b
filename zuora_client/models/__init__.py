"""The request and response models, named as in generated clients."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .post_entity_connections_type import POSTEntityConnectionsType

if TYPE_CHECKING:
    from typing import Any

    from .get_entities_response_type import GETEntitiesResponseType
    from .get_entities_response_type_with_id import GETEntitiesResponseTypeWithId
    from .get_entities_type import GETEntitiesType
    from .get_entity_connections_array_items_type import GETEntityConnectionsArrayItemsType
    from .get_entity_connections_response_type import GETEntityConnectionsResponseType
    from .post_entity_connections_response_type import POSTEntityConnectionsResponseType
    from .put_entity_connections_accept_response_type import PUTEntityConnectionsAcceptResponseType
    from .put_entity_connections_deny_response_type import PUTEntityConnectionsDenyResponseType
    from .put_entity_connections_disconnect_response_type import PUTEntityConnectionsDisconnectResponseType

__all__ = [
    "GETEntitiesResponseType",
    "GETEntitiesResponseTypeWithId",
    "GETEntitiesType",
    "GETEntityConnectionsArrayItemsType",
    "GETEntityConnectionsResponseType",
    "POSTEntityConnectionsResponseType",
    "POSTEntityConnectionsType",
    "PUTEntityConnectionsAcceptResponseType",
    "PUTEntityConnectionsDenyResponseType",
    "PUTEntityConnectionsDisconnectResponseType",
]

# Imported on first use, at the latest by the first client: they cost start-up time.
_LAZY = {
    "GETEntitiesResponseType": "get_entities_response_type",
    "GETEntitiesResponseTypeWithId": "get_entities_response_type_with_id",
    "GETEntitiesType": "get_entities_type",
    "GETEntityConnectionsArrayItemsType": "get_entity_connections_array_items_type",
    "GETEntityConnectionsResponseType": "get_entity_connections_response_type",
    "POSTEntityConnectionsResponseType": "post_entity_connections_response_type",
    "PUTEntityConnectionsAcceptResponseType": "put_entity_connections_accept_response_type",
    "PUTEntityConnectionsDenyResponseType": "put_entity_connections_deny_response_type",
    "PUTEntityConnectionsDisconnectResponseType": "put_entity_connections_disconnect_response_type",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY.values():
        return import_module(f".{name}", __name__)
    if name not in _LAZY:
        # Imported here: few programs ask for a name that does not exist.
        from .._base.missing import missing_attribute

        raise missing_attribute(__name__, name)
    value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LAZY.values()})
