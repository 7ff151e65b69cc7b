"""The five entity-connection operations, one method each, and an iterator over all pages of the list.

Each operation is written once. Its plain method returns the data, its ``_with_http_info`` variant returns
``(data, status, headers)``. Both have the name that swagger-codegen gave them and a readable alias.

Source of the rules: Zuora's reference of the entity-connection operations, version 2026-09-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .._base.parameters import ENTITY_CONNECTIONS_PATH
from ..api_client import ApiClient
from . import arguments
from .method_variants import data_only, with_http_info
from .pager import ConnectionIterator

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult
    from typing import Literal

    from typing_extensions import Unpack

    from .._http.transport import RawResponse
    from ..models import POSTEntityConnectionsType
    from .signatures import (
        Accepted,
        CallOptions,
        ConnectionWithHttpInfo,
        Denied,
        Disconnected,
        Initiated,
        InitiateOptions,
        InitiateWithHttpInfo,
        Listed,
        ListOptions,
        ListWithHttpInfo,
        PlainCall,
        PlainInitiate,
        PlainList,
        Timeout,
    )


class EntityConnectionsApi:
    """The entity-connection operations of one client.

    Args:
        api_client: the client that makes the calls; a new ``ApiClient()`` when None.

    Every operation also takes these keywords:

    - ``zuora_entity_ids``: id of the ONE entity that the call acts for, with or without hyphens; by default
      ``configuration.entity_id``. Required when the credentials are valid for more than one entity.
    - ``zuora_track_id``: your own id for the call, echoed by Zuora: 1 to 64 ASCII characters without ``: ; " '``.
    - ``async_req``: True returns immediately, with an ``AsyncResult``: ``get([timeout])``, ``wait([timeout])``,
      ``ready()`` and ``successful()``.
    - ``_return_http_data_only``: True makes a ``_with_http_info`` method return the data alone.
    - ``_preload_content``: False returns urllib3's response, with its body unread, instead of the model. Close or
      release it.
    - ``_request_timeout``: seconds for the whole call, or a (connect, read) pair or ``urllib3.Timeout`` for each
      attempt.

    Raises:
        ApiException: the call failed. `outcome` says whether a write was done.
        TypeError, ValueError: a wrong argument; nothing was sent.
    """

    def __init__(self, api_client: ApiClient | None = None) -> None:
        self.api_client = ApiClient() if api_client is None else api_client

    def __repr__(self) -> str:
        return f"<EntityConnectionsApi of {self.api_client!r}>"

    @overload
    def g_et_entity_connections(
        self, *, async_req: Literal[True], **options: Unpack[ListOptions]
    ) -> AsyncResult[Listed]: ...
    @overload
    def g_et_entity_connections(
        self, *, _preload_content: Literal[False], **options: Unpack[ListOptions]
    ) -> RawResponse: ...
    @overload
    def g_et_entity_connections(self, **options: Unpack[PlainList]) -> Listed: ...
    @data_only
    def g_et_entity_connections(
        self,
        *,
        zuora_entity_ids: str | bytes | None = None,
        page_size: int | None = None,
        type: str | bytes | None = None,
        page: int | None = None,
        zuora_track_id: str | bytes | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Timeout | None = None,
    ) -> Any:
        """List one page of the connections of an entity. `iter_entity_connections` reads all pages.

        Zuora permits this to any user of the entity.

        Args:
            zuora_entity_ids: the entity whose connections are listed. The class describes the common keywords.
            page_size: rows per page, 1 to 300; Zuora's default is 30.
            type: ``inbound`` (the entity is the target) or ``outbound`` (the entity is the source); by default both.
            page: number of the page, from 1. Needs `page_size`: without one Zuora ignores the page.
        """
        arguments.check_page(page_size, page)
        return self.api_client.call_api(
            ENTITY_CONNECTIONS_PATH,
            "GET",
            {},
            [("pageSize", page_size), ("type", arguments.check_text("type", type)), ("page", page)],
            arguments.common_headers(zuora_entity_ids, zuora_track_id),
            body=None,
            post_params=[],
            files={},
            response_type="GETEntityConnectionsResponseType",
            auth_settings=[],
            async_req=async_req,
            _return_http_data_only=_return_http_data_only,
            _preload_content=_preload_content,
            _request_timeout=_request_timeout,
            collection_formats={},
        )

    g_et_entity_connections_with_http_info: ListWithHttpInfo = with_http_info(g_et_entity_connections)
    get_entity_connections = g_et_entity_connections
    get_entity_connections_with_http_info = g_et_entity_connections_with_http_info

    @overload
    def p_ost_entity_connections(
        self, *, async_req: Literal[True], **options: Unpack[InitiateOptions]
    ) -> AsyncResult[Initiated]: ...
    @overload
    def p_ost_entity_connections(
        self, *, _preload_content: Literal[False], **options: Unpack[InitiateOptions]
    ) -> RawResponse: ...
    @overload
    def p_ost_entity_connections(self, **options: Unpack[PlainInitiate]) -> Initiated: ...
    @data_only
    def p_ost_entity_connections(
        self,
        *,
        zuora_entity_ids: str | bytes | None = None,
        request: POSTEntityConnectionsType | dict[str, Any] | None = None,
        idempotency_key: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Timeout | None = None,
    ) -> Any:
        """Request a connection to another entity. The source is the entity that the call acts for.

        Zuora permits this to an administrator of the source entity who also has access to the target entity.

        Args:
            zuora_entity_ids: the source entity. The class describes the common keywords.
            request: a `POSTEntityConnectionsType`, or a dict with ``targetEntityId``. A hyphenated UUID is sent
                without its hyphens. Without it the request has no body, as generated clients send it, and Zuora
                refuses it.
            idempotency_key: your own key, 1 to 255 characters. For 24 hours Zuora replays its first response to any
                request with the same key, failures included. A call with your key is therefore retried only if it was
                not sent, or if no response came. By default the client generates a key for each call.
        """
        body = arguments.request_body(request)
        headers = arguments.common_headers(zuora_entity_ids, zuora_track_id)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = arguments.check_idempotency_key(idempotency_key)
        return self.api_client.call_api(
            ENTITY_CONNECTIONS_PATH,
            "POST",
            {},
            [],
            headers,
            body=body,
            post_params=[],
            files={},
            response_type="POSTEntityConnectionsResponseType",
            auth_settings=[],
            async_req=async_req,
            _return_http_data_only=_return_http_data_only,
            _preload_content=_preload_content,
            _request_timeout=_request_timeout,
            collection_formats={},
        )

    p_ost_entity_connections_with_http_info: InitiateWithHttpInfo = with_http_info(p_ost_entity_connections)
    post_entity_connections = p_ost_entity_connections
    post_entity_connections_with_http_info = p_ost_entity_connections_with_http_info

    @overload
    def p_ut_entity_connections_accept(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[Accepted]: ...
    @overload
    def p_ut_entity_connections_accept(
        self, connection_id: str | bytes | int, *, _preload_content: Literal[False], **options: Unpack[CallOptions]
    ) -> RawResponse: ...
    @overload
    def p_ut_entity_connections_accept(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> Accepted: ...
    @data_only
    def p_ut_entity_connections_accept(
        self,
        connection_id: str | bytes | int,
        *,
        zuora_entity_ids: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Timeout | None = None,
    ) -> Any:
        """Accept a pending connection. Zuora permits this to an administrator of the target entity.

        Args:
            connection_id: id of the connection: text, bytes or an integer.
            zuora_entity_ids: the target entity. The class describes the common keywords.
        """
        headers = arguments.common_headers(zuora_entity_ids, zuora_track_id)
        return self._put(
            "accept", connection_id, headers, async_req, _return_http_data_only, _preload_content, _request_timeout
        )

    p_ut_entity_connections_accept_with_http_info: ConnectionWithHttpInfo[Accepted] = with_http_info(
        p_ut_entity_connections_accept
    )
    put_entity_connections_accept = p_ut_entity_connections_accept
    put_entity_connections_accept_with_http_info = p_ut_entity_connections_accept_with_http_info

    @overload
    def p_ut_entity_connections_deny(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[Denied]: ...
    @overload
    def p_ut_entity_connections_deny(
        self, connection_id: str | bytes | int, *, _preload_content: Literal[False], **options: Unpack[CallOptions]
    ) -> RawResponse: ...
    @overload
    def p_ut_entity_connections_deny(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> Denied: ...
    @data_only
    def p_ut_entity_connections_deny(
        self,
        connection_id: str | bytes | int,
        *,
        zuora_entity_ids: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Timeout | None = None,
    ) -> Any:
        """Deny a pending connection. Zuora permits this to an administrator of the target entity.

        Args:
            connection_id: id of the connection: text, bytes or an integer.
            zuora_entity_ids: the target entity. The class describes the common keywords.
        """
        headers = arguments.common_headers(zuora_entity_ids, zuora_track_id)
        return self._put(
            "deny", connection_id, headers, async_req, _return_http_data_only, _preload_content, _request_timeout
        )

    p_ut_entity_connections_deny_with_http_info: ConnectionWithHttpInfo[Denied] = with_http_info(
        p_ut_entity_connections_deny
    )
    put_entity_connections_deny = p_ut_entity_connections_deny
    put_entity_connections_deny_with_http_info = p_ut_entity_connections_deny_with_http_info

    @overload
    def p_ut_entity_connections_disconnect(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[Disconnected]: ...
    @overload
    def p_ut_entity_connections_disconnect(
        self, connection_id: str | bytes | int, *, _preload_content: Literal[False], **options: Unpack[CallOptions]
    ) -> RawResponse: ...
    @overload
    def p_ut_entity_connections_disconnect(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> Disconnected: ...
    @data_only
    def p_ut_entity_connections_disconnect(
        self,
        connection_id: str | bytes | int,
        *,
        zuora_entity_ids: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Timeout | None = None,
    ) -> Any:
        """End an established connection. This cannot be undone.

        If the source has shared objects with the target, their mapping is lost permanently. The request is retried
        only when the first attempt certainly did nothing. Zuora permits this to an administrator of either entity.

        Args:
            connection_id: id of the connection: text, bytes or an integer.
            zuora_entity_ids: the source or the target entity. The class describes the common keywords.
        """
        headers = arguments.common_headers(zuora_entity_ids, zuora_track_id)
        return self._put(
            "disconnect", connection_id, headers, async_req, _return_http_data_only, _preload_content, _request_timeout
        )

    p_ut_entity_connections_disconnect_with_http_info: ConnectionWithHttpInfo[Disconnected] = with_http_info(
        p_ut_entity_connections_disconnect
    )
    put_entity_connections_disconnect = p_ut_entity_connections_disconnect
    put_entity_connections_disconnect_with_http_info = p_ut_entity_connections_disconnect_with_http_info

    def iter_entity_connections(
        self,
        *,
        zuora_entity_ids: str | bytes | None = None,
        type: str | bytes | None = None,
        page_size: int = arguments.MAX_PAGE_SIZE,
    ) -> ConnectionIterator:
        """Return an iterator over all connections of an entity. Each page is requested when it is needed.

        Args:
            zuora_entity_ids: the entity whose connections are listed; by default ``configuration.entity_id``.
            type: ``inbound`` or ``outbound``; by default both.
            page_size: rows per page, 1 to 300.

        Raises:
            ApiException: raised by ``next()`` when a page fails. The following ``next()`` requests that page again.
            TypeError, ValueError: raised by this method for a wrong argument.
        """
        arguments.check_page(page_size, 1)
        arguments.common_headers(zuora_entity_ids, None)
        # Read once: a configuration that changes between two pages must not mix the lists of two entities.
        entity_id = self.api_client.configuration.entity_id if zuora_entity_ids is None else zuora_entity_ids
        return ConnectionIterator(
            self.g_et_entity_connections,
            zuora_entity_ids=entity_id,
            type=arguments.check_text("type", type),
            page_size=page_size,
        )

    def _put(
        self,
        action: str,
        connection_id: str | bytes | int,
        headers: dict[str, Any],
        async_req: bool | None,
        data_only: bool | None,
        preload_content: bool,
        request_timeout: Timeout | None,
    ) -> Any:
        return self.api_client.call_api(
            f"{ENTITY_CONNECTIONS_PATH}/{{connection_id}}/{action}",
            "PUT",
            {"connection_id": connection_id},
            [],
            headers,
            body=None,
            post_params=[],
            files={},
            response_type=f"PUTEntityConnections{action.capitalize()}ResponseType",
            auth_settings=[],
            async_req=async_req,
            _return_http_data_only=data_only,
            _preload_content=preload_content,
            _request_timeout=request_timeout,
            collection_formats={},
        )
