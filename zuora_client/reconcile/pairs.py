"""A source and a target, and the rows of Zuora's list that are about them.

What it keeps: ids are compared without hyphens and case, because Zuora writes them in two spellings. The direction is
part of a pair. Only Connected and Pending are something; Disconnected, and any status that Zuora may add, is nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._base.parameters import header_text, path_segment, without_hyphens
from ..exceptions import InvalidResponseError
from ..models import POSTEntityConnectionsType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..api import EntityConnectionsApi
    from ..models import GETEntityConnectionsArrayItemsType

CONNECTED = "Connected"
PENDING = "Pending"


def normalize_id(entity_id: str | None) -> str:
    """Return what two spellings of one entity id have in common."""
    return str(entity_id or "").replace("-", "").lower()


def validate_api(name: str, api: Any) -> Any:
    """Return `api`. Raises TypeError for what has none of its methods, an ApiClient for example."""
    if not hasattr(api, "iter_entity_connections"):
        raise TypeError(f"{name} must be an EntityConnectionsApi, not {type(api).__name__}")
    return api


def validate_pair(source_entity_id: Any, target_entity_id: Any) -> tuple[str, str]:
    """Return both ids as text that can be sent.

    Raises:
        TypeError, ValueError: one of them cannot be an entity id, or both are the same entity.
    """
    source = header_text("source_entity_id", source_entity_id)
    target = header_text("target_entity_id", target_entity_id)
    if not source or not target:
        raise ValueError(f"{'target_entity_id' if source else 'source_entity_id'} is empty: name an entity")
    POSTEntityConnectionsType(without_hyphens(target))
    if normalize_id(source) == normalize_id(target):
        raise ValueError("source_entity_id and target_entity_id name the same entity")
    return source, target


def list_outbound(api: EntityConnectionsApi, source: str) -> Iterator[GETEntityConnectionsArrayItemsType]:
    """Yield the connections in which `source` shares.

    Raises:
        ApiException: a page failed, or a row that counts has no id.
    """
    for row in api.iter_entity_connections(zuora_entity_ids=source, type="outbound"):
        # The query is a filter of Zuora's; the direction matters too much to take its word for it.
        if normalize_id(row.source_entity_id) == normalize_id(source):
            if active_status(row) and not _can_be_named(row):
                error = InvalidResponseError(status=200, reason="the list holds a connection without a usable id")
                error.method, error.path = "GET", "/v1/entity-connections"
                error.advice = "Ask Zuora's support about this entity: without an id nobody can decide on a connection."
                raise error
            yield row


def _can_be_named(row: GETEntityConnectionsArrayItemsType) -> bool:
    try:
        path_segment("id", row.id)
    except (TypeError, ValueError):
        return False
    return True


def active_status(row: GETEntityConnectionsArrayItemsType | None) -> str | None:
    """Return ``Connected`` or ``Pending``, or None for everything else, a status that we do not know included."""
    return row.status if row is not None and row.status in (CONNECTED, PENDING) else None


def most_advanced(
    row: GETEntityConnectionsArrayItemsType | None, other: GETEntityConnectionsArrayItemsType
) -> GETEntityConnectionsArrayItemsType:
    """Return that of two rows of a pair which counts: Connected before Pending before all else.

    Between two equals the id decides, so that all who look at once take the same.
    """

    def rank(row: GETEntityConnectionsArrayItemsType) -> tuple[bool, bool, str]:
        return active_status(row) != CONNECTED, active_status(row) != PENDING, str(row.id or "")

    return other if row is None or rank(other) < rank(row) else row
