"""The two reads of entities: all entities of the tenant, and one of them.

Zuora's reference, version 2026-09-11, documents the list. Its older reference documents the read of one entity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .._base.parameters import ENTITIES_PATH
from ..api_client import ApiClient
from . import arguments
from .method_variants import data_only, with_http_info

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult
    from typing import Literal

    from typing_extensions import Unpack

    from .._http.transport import RawResponse
    from .signatures import (
        CallOptions,
        Entities,
        EntitiesOptions,
        EntitiesWithHttpInfo,
        Entity,
        EntityWithHttpInfo,
        PlainCall,
        PlainEntities,
        Timeout,
    )


class EntitiesApi:
    """The entities of the tenant, read only. `Hierarchy` finds an entity by its name.

    The common keywords and the errors are those of `EntityConnectionsApi`. Both methods are retried, because they only
    read.

    Args:
        api_client: the client that makes the calls; a new ``ApiClient()`` when None.
    """

    def __init__(self, api_client: ApiClient | None = None) -> None:
        self.api_client = ApiClient() if api_client is None else api_client

    def __repr__(self) -> str:
        return f"<EntitiesApi of {self.api_client!r}>"

    @overload
    def g_et_entities(
        self, *, async_req: Literal[True], **options: Unpack[EntitiesOptions]
    ) -> AsyncResult[Entities]: ...
    @overload
    def g_et_entities(self, *, _preload_content: Literal[False], **options: Unpack[EntitiesOptions]) -> RawResponse: ...
    @overload
    def g_et_entities(self, **options: Unpack[PlainEntities]) -> Entities: ...
    @data_only
    def g_et_entities(
        self,
        *,
        zuora_entity_ids: str | bytes | None = None,
        provisioned: bool | str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Timeout | None = None,
    ) -> Any:
        """List the entities of the tenant, at most 512. The list has no pages.

        Zuora permits this to any user of an entity.

        Args:
            zuora_entity_ids: the entity that the call acts for; it does not change the list.
            provisioned: True (or ``"true"``) lists only provisioned entities, False only the others; by default all.
        """
        return self.api_client.call_api(
            ENTITIES_PATH,
            "GET",
            {},
            [("provisioned", arguments.check_provisioned(provisioned))],
            arguments.common_headers(zuora_entity_ids, zuora_track_id),
            body=None,
            post_params=[],
            files={},
            response_type="GETEntitiesResponseType",
            auth_settings=[],
            async_req=async_req,
            _return_http_data_only=_return_http_data_only,
            _preload_content=_preload_content,
            _request_timeout=_request_timeout,
            collection_formats={},
        )

    g_et_entities_with_http_info: EntitiesWithHttpInfo = with_http_info(g_et_entities)
    get_entities = g_et_entities
    get_entities_with_http_info = g_et_entities_with_http_info

    @overload
    def g_et_entity_by_id(
        self, id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[Entity]: ...
    @overload
    def g_et_entity_by_id(
        self, id: str | bytes | int, *, _preload_content: Literal[False], **options: Unpack[CallOptions]
    ) -> RawResponse: ...
    @overload
    def g_et_entity_by_id(self, id: str | bytes | int, **options: Unpack[PlainCall]) -> Entity: ...
    @data_only
    def g_et_entity_by_id(
        self,
        id: str | bytes | int,
        *,
        zuora_entity_ids: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Timeout | None = None,
    ) -> Any:
        """Read one entity.

        Args:
            id: id of the entity, with or without hyphens; sent without.
            zuora_entity_ids: the entity that the call acts for; it need not be the one that is read.
        """
        return self.api_client.call_api(
            f"{ENTITIES_PATH}/{{id}}",
            "GET",
            {"id": arguments.entity_path_id(id)},
            [],
            arguments.common_headers(zuora_entity_ids, zuora_track_id),
            body=None,
            post_params=[],
            files={},
            response_type="GETEntitiesResponseTypeWithId",
            auth_settings=[],
            async_req=async_req,
            _return_http_data_only=_return_http_data_only,
            _preload_content=_preload_content,
            _request_timeout=_request_timeout,
            collection_formats={},
        )

    g_et_entity_by_id_with_http_info: EntityWithHttpInfo = with_http_info(g_et_entity_by_id)
    get_entity_by_id = g_et_entity_by_id
    get_entity_by_id_with_http_info = g_et_entity_by_id_with_http_info
