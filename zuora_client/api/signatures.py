"""What type checkers see of the API methods: their keywords, and the ``_with_http_info`` variants. Never imported at
run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.pool import AsyncResult
    from typing import Literal, TypeAlias

    from typing_extensions import Unpack

    from .._http.transport import RawResponse, TransportTimeout
    from ..models import (
        GETEntitiesResponseType,
        GETEntitiesResponseTypeWithId,
        GETEntityConnectionsResponseType,
        POSTEntityConnectionsResponseType,
        POSTEntityConnectionsType,
        PUTEntityConnectionsAcceptResponseType,
        PUTEntityConnectionsDenyResponseType,
        PUTEntityConnectionsDisconnectResponseType,
    )

    Headers: TypeAlias = Mapping[str, str]
    Timeout: TypeAlias = float | tuple[float | None, float | None] | TransportTimeout
    Listed: TypeAlias = GETEntityConnectionsResponseType
    Initiated: TypeAlias = POSTEntityConnectionsResponseType
    Accepted: TypeAlias = PUTEntityConnectionsAcceptResponseType
    Denied: TypeAlias = PUTEntityConnectionsDenyResponseType
    Disconnected: TypeAlias = PUTEntityConnectionsDisconnectResponseType
    Entities: TypeAlias = GETEntitiesResponseType
    Entity: TypeAlias = GETEntitiesResponseTypeWithId

_Model = TypeVar("_Model")


class CallOptions(TypedDict, total=False):
    """Keywords of every method, without the two that change the type of the result."""

    zuora_entity_ids: str | bytes | None
    zuora_track_id: str | bytes | None
    # True makes a `_with_http_info` method return what the plain method returns. Typed code calls the plain method.
    _return_http_data_only: Literal[False] | None
    _request_timeout: Timeout | None


class ListOptions(CallOptions, total=False):
    """Keywords of the list of connections."""

    page_size: int | None
    type: str | bytes | None
    page: int | None


class InitiateOptions(CallOptions, total=False):
    """Keywords of a connection request."""

    request: POSTEntityConnectionsType | dict[str, Any] | None
    idempotency_key: str | bytes | None


class EntitiesOptions(CallOptions, total=False):
    """Keywords of the list of entities."""

    provisioned: bool | str | bytes | None


class _Defaults(TypedDict, total=False):
    """The two keywords that change the type of the result, with the values that do not change it."""

    async_req: Literal[False] | None
    _preload_content: Literal[True]


class PlainCall(CallOptions, _Defaults, total=False):
    """All keywords of every method, in a call that returns a model."""


class PlainList(ListOptions, _Defaults, total=False):
    """All keywords of the list of connections, in a call that returns a model."""


class PlainInitiate(InitiateOptions, _Defaults, total=False):
    """All keywords of a connection request, in a call that returns a model."""


class PlainEntities(EntitiesOptions, _Defaults, total=False):
    """All keywords of the list of entities, in a call that returns a model."""


class ListWithHttpInfo(Protocol):
    """The ``_with_http_info`` variant of the list of connections."""

    @overload
    def __call__(
        self, *, async_req: Literal[True], **options: Unpack[ListOptions]
    ) -> AsyncResult[tuple[Listed, int, Headers]]: ...
    @overload
    def __call__(
        self, *, _preload_content: Literal[False], **options: Unpack[ListOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def __call__(self, **options: Unpack[PlainList]) -> tuple[Listed, int, Headers]: ...


class InitiateWithHttpInfo(Protocol):
    """The ``_with_http_info`` variant of a connection request."""

    @overload
    def __call__(
        self, *, async_req: Literal[True], **options: Unpack[InitiateOptions]
    ) -> AsyncResult[tuple[Initiated, int, Headers]]: ...
    @overload
    def __call__(
        self, *, _preload_content: Literal[False], **options: Unpack[InitiateOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def __call__(self, **options: Unpack[PlainInitiate]) -> tuple[Initiated, int, Headers]: ...


class ConnectionWithHttpInfo(Protocol[_Model]):
    """The ``_with_http_info`` variant of accept, deny and disconnect, which take the id of a connection."""

    @overload
    def __call__(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[tuple[_Model, int, Headers]]: ...
    @overload
    def __call__(
        self, connection_id: str | bytes | int, *, _preload_content: Literal[False], **options: Unpack[CallOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def __call__(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> tuple[_Model, int, Headers]: ...


class EntitiesWithHttpInfo(Protocol):
    """The ``_with_http_info`` variant of the list of entities."""

    @overload
    def __call__(
        self, *, async_req: Literal[True], **options: Unpack[EntitiesOptions]
    ) -> AsyncResult[tuple[Entities, int, Headers]]: ...
    @overload
    def __call__(
        self, *, _preload_content: Literal[False], **options: Unpack[EntitiesOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def __call__(self, **options: Unpack[PlainEntities]) -> tuple[Entities, int, Headers]: ...


class EntityWithHttpInfo(Protocol):
    """The ``_with_http_info`` variant of the read of one entity."""

    @overload
    def __call__(
        self, id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[tuple[Entity, int, Headers]]: ...
    @overload
    def __call__(
        self, id: str | bytes | int, *, _preload_content: Literal[False], **options: Unpack[CallOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def __call__(self, id: str | bytes | int, **options: Unpack[PlainCall]) -> tuple[Entity, int, Headers]: ...
