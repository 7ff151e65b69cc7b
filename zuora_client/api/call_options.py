"""The keywords of the API methods, in the form type checkers read. Imported by no code that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from ..models import POSTEntityConnectionsType
    from ..rest import TransportTimeout


class CallOptions(TypedDict, total=False):
    """What every method takes."""

    zuora_entity_ids: str | bytes | None
    zuora_track_id: str | None
    _return_http_data_only: bool | None
    _request_timeout: float | tuple[float | None, float | None] | TransportTimeout | None


class ListOptions(CallOptions, total=False):
    """What the list takes besides."""

    page_size: int | None
    type: str | None
    page: int | None


class InitiateOptions(CallOptions, total=False):
    """What a connection request takes besides."""

    request: POSTEntityConnectionsType | dict[str, Any] | None
    idempotency_key: str | None
