"""Pairs of source and target entity, and their rows in Zuora's list of connections.

Ids of entities and connections are compared without hyphens and case, because Zuora writes them in two forms. The
direction is part of a pair. Only Connected and Pending are active statuses; Disconnected, and any status that Zuora may
add, counts as no connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._base.parameters import header_text, without_hyphens
from ..models import POSTEntityConnectionsType

if TYPE_CHECKING:
    from ..models import GETEntityConnectionsArrayItemsType

CONNECTED = "Connected"
PENDING = "Pending"


def normalize_id(id: str | None) -> str:
    """Return the id of an entity or a connection without hyphens and in lower case, for comparison."""
    return str(id or "").replace("-", "").lower()


def validate_api(name: str, api: Any) -> Any:
    """Return `api`. Raises TypeError if it is something else, for example an ApiClient."""
    if not hasattr(api, "iter_entity_connections"):
        raise TypeError(f"{name} must be an EntityConnectionsApi, not {type(api).__name__}")
    return api


def validate_pair(source_entity_id: Any, target_entity_id: Any) -> tuple[str, str]:
    """Return both ids as text.

    Raises:
        TypeError, ValueError: one of them is not a valid entity id, or both name the same entity.
    """
    source = header_text("source_entity_id", source_entity_id)
    target = header_text("target_entity_id", target_entity_id)
    if not source or not target:
        raise ValueError(f"{'target_entity_id' if source else 'source_entity_id'} is empty: pass an entity id")
    POSTEntityConnectionsType(without_hyphens(target))
    if normalize_id(source) == normalize_id(target):
        raise ValueError("source_entity_id and target_entity_id name the same entity")
    return source, target


def active_status(row: GETEntityConnectionsArrayItemsType | None) -> str | None:
    """Return ``Connected`` or ``Pending``; None for no row and for every other status."""
    return row.status if row is not None and row.status in (CONNECTED, PENDING) else None


def most_advanced(
    row: GETEntityConnectionsArrayItemsType | None, other: GETEntityConnectionsArrayItemsType
) -> GETEntityConnectionsArrayItemsType:
    """Return the more advanced of two rows of one pair: Connected before Pending before any other status.

    Ties are broken by id, so that concurrent runs choose the same row.
    """

    def rank(row: GETEntityConnectionsArrayItemsType) -> tuple[bool, bool, str]:
        return active_status(row) != CONNECTED, active_status(row) != PENDING, normalize_id(row.id)

    return other if row is None or rank(other) < rank(row) else row


def state(row: GETEntityConnectionsArrayItemsType | None) -> tuple[str | None, str | None]:
    """Return status and id of an active row, for comparison; two None for no row and for every inactive one."""
    status = active_status(row)
    return (None, None) if row is None or status is None else (status, normalize_id(row.id))
