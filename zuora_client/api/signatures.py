"""The keywords of the API methods, in the form type checkers read. Imported by no code that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing import Literal

    from .._http.transport import TransportTimeout
    from ..models import POSTEntityConnectionsType


class CallOptions(TypedDict, total=False):
    """What every method takes."""

    zuora_entity_ids: str | bytes | None
    zuora_track_id: str | bytes | None
    # With True a method returns what its plain form does; typed code calls that one.
    _return_http_data_only: Literal[False] | None
    _request_timeout: float | tuple[float | None, float | None] | TransportTimeout | None


class ListOptions(CallOptions, total=False):
    """What the list takes besides."""

    page_size: int | None
    type: str | bytes | None
    page: int | None


class InitiateOptions(CallOptions, total=False):
    """What a connection request takes besides."""

    request: POSTEntityConnectionsType | dict[str, Any] | None
    idempotency_key: str | bytes | None


class _Plain(TypedDict, total=False):
    """The keywords that change what comes back, as they are when they are left out."""

    async_req: Literal[False] | None
    _preload_content: Literal[True]


class PlainCall(CallOptions, _Plain, total=False):
    """What every method takes when it returns what it is called for."""


class PlainList(ListOptions, _Plain, total=False):
    """What the list takes then."""


class PlainInitiate(InitiateOptions, _Plain, total=False):
    """What a connection request takes then."""
