"""The five entity-connection operations, one method each, and the pager over the first.

Every method describes its operation and leaves the road to `ApiClient.call_api`. The first name of each is the one that
swagger-codegen gave it; the second, readable one is the same method.

Source of the rules: Zuora's reference of the entity-connection operations, version 2026-09-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ..api_client import ApiClient
from . import arguments
from .pager import ConnectionIterator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.pool import AsyncResult
    from typing import Literal, TypeAlias

    from typing_extensions import Unpack

    from .._http.transport import RawResponse
    from ..models import (
        GETEntityConnectionsResponseType,
        POSTEntityConnectionsResponseType,
        POSTEntityConnectionsType,
        PUTEntityConnectionsAcceptResponseType,
        PUTEntityConnectionsDenyResponseType,
        PUTEntityConnectionsDisconnectResponseType,
    )
    from .signatures import CallOptions, InitiateOptions, ListOptions, PlainCall, PlainInitiate, PlainList

    Raw: TypeAlias = Literal[False]
    Headers: TypeAlias = Mapping[str, str]
    Listed: TypeAlias = GETEntityConnectionsResponseType
    Initiated: TypeAlias = POSTEntityConnectionsResponseType
    Accepted: TypeAlias = PUTEntityConnectionsAcceptResponseType
    Denied: TypeAlias = PUTEntityConnectionsDenyResponseType
    Disconnected: TypeAlias = PUTEntityConnectionsDisconnectResponseType

_PATH = "/v1/entity-connections"


class EntityConnectionsApi:
    """The entity-connection operations of one client.

    Args:
        api_client: the client to call with; a new ``ApiClient()`` when None.

    Every operation takes these keywords besides its own:

        zuora_entity_ids: id of the ONE entity the call runs in, in either spelling; ``configuration.entity_id`` when
            it is not given. Needed when the credentials are valid for more than one entity.
        zuora_track_id: your own id for the call, echoed by Zuora: at most 64 ASCII characters without ``: ; " '``.
        async_req: True returns at once an object with ``get([timeout])``, ``wait()``, ``ready()`` and ``successful()``.
        _preload_content: False returns urllib3's response, its body unread, in the place of the model; close or
            release it.
        _request_timeout: seconds for the whole call, or a (connect, read) pair for each attempt.
        _return_http_data_only: True makes a ``_with_http_info`` method return the data alone.

    And raises:

        ApiException: the call failed. `outcome` says whether a write was done.
        TypeError, ValueError: a wrong argument; nothing was sent.
    """

    def __init__(self, api_client: ApiClient | None = None) -> None:
        self.api_client = ApiClient() if api_client is None else api_client

    @overload
    def g_et_entity_connections(
        self, *, async_req: Literal[True], **options: Unpack[ListOptions]
    ) -> AsyncResult[Listed]: ...
    @overload
    def g_et_entity_connections(self, *, _preload_content: Raw, **options: Unpack[ListOptions]) -> RawResponse: ...
    @overload
    def g_et_entity_connections(self, **options: Unpack[PlainList]) -> Listed: ...
    def g_et_entity_connections(self, **options: Any) -> Any:
        """List the connections of an entity, one page of them.

        Args:
            zuora_entity_ids: the entity whose connections they are, and what else every operation takes: see the class.
            page_size: rows of a page, 1 to 300; Zuora's default is 30.
            page: number of the page from 1; needs `page_size`, because Zuora reads it only beside one.
            type: ``inbound`` (the entity is the target), ``outbound`` (it is the source); both when not given.

        Zuora lets any user of the entity do this. `iter_entity_connections` reads all pages.
        """
        options["_return_http_data_only"] = True
        return self.g_et_entity_connections_with_http_info(**options)

    @overload
    def g_et_entity_connections_with_http_info(
        self, *, async_req: Literal[True], **options: Unpack[ListOptions]
    ) -> AsyncResult[tuple[Listed, int, Headers]]: ...
    @overload
    def g_et_entity_connections_with_http_info(
        self, *, _preload_content: Raw, **options: Unpack[ListOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def g_et_entity_connections_with_http_info(self, **options: Unpack[PlainList]) -> tuple[Listed, int, Headers]: ...
    def g_et_entity_connections_with_http_info(
        self,
        *,
        zuora_entity_ids: str | bytes | None = None,
        page_size: int | None = None,
        type: str | bytes | None = None,
        page: int | None = None,
        zuora_track_id: str | bytes | None = None,
        **options: Any,
    ) -> Any:
        """Do what `g_et_entity_connections` does, and return ``(data, status, headers)``."""
        arguments.check_page(page_size, page)
        query = [("pageSize", page_size), ("type", arguments.text_or_none("type", type)), ("page", page)]
        headers = arguments.headers(zuora_entity_ids, zuora_track_id)
        return self._call("GET", _PATH, "GETEntityConnectionsResponseType", headers, None, query, None, **options)

    get_entity_connections = g_et_entity_connections
    get_entity_connections_with_http_info = g_et_entity_connections_with_http_info

    @overload
    def p_ost_entity_connections(
        self, *, async_req: Literal[True], **options: Unpack[InitiateOptions]
    ) -> AsyncResult[Initiated]: ...
    @overload
    def p_ost_entity_connections(self, *, _preload_content: Raw, **options: Unpack[InitiateOptions]) -> RawResponse: ...
    @overload
    def p_ost_entity_connections(self, **options: Unpack[PlainInitiate]) -> Initiated: ...
    def p_ost_entity_connections(self, **options: Any) -> Any:
        """Ask another entity for a connection. The source is the entity that the call runs in.

        Args:
            zuora_entity_ids: the source, and what else every operation takes: see the class.
            request: a `POSTEntityConnectionsType`, or a dict with ``targetEntityId``. A hyphenated UUID is sent
                without its hyphens.
            idempotency_key: your own key, at most 255 characters; Zuora answers a second request under it, for 24
                hours, with the first answer, a refusal too. A call under your own key is sent again only while its
                outcome is open. Without one the client makes a key for each call.

        Zuora lets an administrator of the source entity do this who may also access the target entity.
        """
        options["_return_http_data_only"] = True
        return self.p_ost_entity_connections_with_http_info(**options)

    @overload
    def p_ost_entity_connections_with_http_info(
        self, *, async_req: Literal[True], **options: Unpack[InitiateOptions]
    ) -> AsyncResult[tuple[Initiated, int, Headers]]: ...
    @overload
    def p_ost_entity_connections_with_http_info(
        self, *, _preload_content: Raw, **options: Unpack[InitiateOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def p_ost_entity_connections_with_http_info(
        self, **options: Unpack[PlainInitiate]
    ) -> tuple[Initiated, int, Headers]: ...
    def p_ost_entity_connections_with_http_info(
        self,
        *,
        zuora_entity_ids: str | bytes | None = None,
        request: POSTEntityConnectionsType | dict[str, Any] | None = None,
        zuora_track_id: str | bytes | None = None,
        idempotency_key: str | bytes | None = None,
        **options: Any,
    ) -> Any:
        """Do what `p_ost_entity_connections` does, and return ``(data, status, headers)``."""
        body = arguments.connection_request(request)
        headers = arguments.headers(zuora_entity_ids, zuora_track_id)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = arguments.checked_key(idempotency_key)
        return self._call("POST", _PATH, "POSTEntityConnectionsResponseType", headers, None, None, body, **options)

    post_entity_connections = p_ost_entity_connections
    post_entity_connections_with_http_info = p_ost_entity_connections_with_http_info

    @overload
    def p_ut_entity_connections_accept(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[Accepted]: ...
    @overload
    def p_ut_entity_connections_accept(
        self, connection_id: str | bytes | int, *, _preload_content: Raw, **options: Unpack[CallOptions]
    ) -> RawResponse: ...
    @overload
    def p_ut_entity_connections_accept(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> Accepted: ...
    def p_ut_entity_connections_accept(self, connection_id: str | bytes | int, **options: Any) -> Any:
        """Accept a pending connection.

        Args:
            connection_id: id of the connection: text, bytes or an integer.
            zuora_entity_ids: the target, and what else every operation takes: see the class.

        Zuora lets an administrator of the target entity do this.
        """
        options["_return_http_data_only"] = True
        return self.p_ut_entity_connections_accept_with_http_info(connection_id, **options)

    @overload
    def p_ut_entity_connections_accept_with_http_info(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[tuple[Accepted, int, Headers]]: ...
    @overload
    def p_ut_entity_connections_accept_with_http_info(
        self, connection_id: str | bytes | int, *, _preload_content: Raw, **options: Unpack[CallOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def p_ut_entity_connections_accept_with_http_info(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> tuple[Accepted, int, Headers]: ...
    def p_ut_entity_connections_accept_with_http_info(
        self,
        connection_id: str | bytes | int,
        *,
        zuora_entity_ids: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        **options: Any,
    ) -> Any:
        """Do what `p_ut_entity_connections_accept` does, and return ``(data, status, headers)``."""
        headers = arguments.headers(zuora_entity_ids, zuora_track_id)
        return self._decide("accept", connection_id, headers, **options)

    put_entity_connections_accept = p_ut_entity_connections_accept
    put_entity_connections_accept_with_http_info = p_ut_entity_connections_accept_with_http_info

    @overload
    def p_ut_entity_connections_deny(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[Denied]: ...
    @overload
    def p_ut_entity_connections_deny(
        self, connection_id: str | bytes | int, *, _preload_content: Raw, **options: Unpack[CallOptions]
    ) -> RawResponse: ...
    @overload
    def p_ut_entity_connections_deny(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> Denied: ...
    def p_ut_entity_connections_deny(self, connection_id: str | bytes | int, **options: Any) -> Any:
        """Deny a pending connection.

        Args:
            connection_id: id of the connection: text, bytes or an integer.
            zuora_entity_ids: the target, and what else every operation takes: see the class.

        Zuora lets an administrator of the target entity do this.
        """
        options["_return_http_data_only"] = True
        return self.p_ut_entity_connections_deny_with_http_info(connection_id, **options)

    @overload
    def p_ut_entity_connections_deny_with_http_info(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[tuple[Denied, int, Headers]]: ...
    @overload
    def p_ut_entity_connections_deny_with_http_info(
        self, connection_id: str | bytes | int, *, _preload_content: Raw, **options: Unpack[CallOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def p_ut_entity_connections_deny_with_http_info(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> tuple[Denied, int, Headers]: ...
    def p_ut_entity_connections_deny_with_http_info(
        self,
        connection_id: str | bytes | int,
        *,
        zuora_entity_ids: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        **options: Any,
    ) -> Any:
        """Do what `p_ut_entity_connections_deny` does, and return ``(data, status, headers)``."""
        headers = arguments.headers(zuora_entity_ids, zuora_track_id)
        return self._decide("deny", connection_id, headers, **options)

    put_entity_connections_deny = p_ut_entity_connections_deny
    put_entity_connections_deny_with_http_info = p_ut_entity_connections_deny_with_http_info

    @overload
    def p_ut_entity_connections_disconnect(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[Disconnected]: ...
    @overload
    def p_ut_entity_connections_disconnect(
        self, connection_id: str | bytes | int, *, _preload_content: Raw, **options: Unpack[CallOptions]
    ) -> RawResponse: ...
    @overload
    def p_ut_entity_connections_disconnect(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> Disconnected: ...
    def p_ut_entity_connections_disconnect(self, connection_id: str | bytes | int, **options: Any) -> Any:
        """End an established connection. This cannot be undone.

        When the source has shared objects with the target, the mapping between them is lost for good. It is never
        sent a second time unless the first has certainly done nothing.

        Args:
            connection_id: id of the connection: text, bytes or an integer.
            zuora_entity_ids: source or target, and what else every operation takes: see the class.

        Zuora lets an administrator of either entity do this.
        """
        options["_return_http_data_only"] = True
        return self.p_ut_entity_connections_disconnect_with_http_info(connection_id, **options)

    @overload
    def p_ut_entity_connections_disconnect_with_http_info(
        self, connection_id: str | bytes | int, *, async_req: Literal[True], **options: Unpack[CallOptions]
    ) -> AsyncResult[tuple[Disconnected, int, Headers]]: ...
    @overload
    def p_ut_entity_connections_disconnect_with_http_info(
        self, connection_id: str | bytes | int, *, _preload_content: Raw, **options: Unpack[CallOptions]
    ) -> tuple[RawResponse, int, Headers]: ...
    @overload
    def p_ut_entity_connections_disconnect_with_http_info(
        self, connection_id: str | bytes | int, **options: Unpack[PlainCall]
    ) -> tuple[Disconnected, int, Headers]: ...
    def p_ut_entity_connections_disconnect_with_http_info(
        self,
        connection_id: str | bytes | int,
        *,
        zuora_entity_ids: str | bytes | None = None,
        zuora_track_id: str | bytes | None = None,
        **options: Any,
    ) -> Any:
        """Do what `p_ut_entity_connections_disconnect` does, and return ``(data, status, headers)``."""
        headers = arguments.headers(zuora_entity_ids, zuora_track_id)
        return self._decide("disconnect", connection_id, headers, **options)

    put_entity_connections_disconnect = p_ut_entity_connections_disconnect
    put_entity_connections_disconnect_with_http_info = p_ut_entity_connections_disconnect_with_http_info

    def iter_entity_connections(
        self,
        *,
        zuora_entity_ids: str | bytes | None = None,
        type: str | bytes | None = None,
        page_size: int = arguments.LARGEST_PAGE,
    ) -> ConnectionIterator:
        """Return an iterator over the connections of an entity, all pages, each asked for when it is needed.

        Args:
            zuora_entity_ids: the entity whose connections they are; ``configuration.entity_id`` when it is not given.
            type: ``inbound``, ``outbound``, or both when not given.
            page_size: rows of a page, 1 to 300.

        Raises:
            ApiException: from ``next()``, when a page fails; the next ``next()`` asks for that page again.
            TypeError, ValueError: at the call, for a wrong argument.
        """
        arguments.check_page(page_size, 1)
        arguments.headers(zuora_entity_ids, None)
        # Fixed now: a setting that changes between two pages must not mix the lists of two entities.
        entity_id = self.api_client.configuration.entity_id if zuora_entity_ids is None else zuora_entity_ids
        return ConnectionIterator(
            self.g_et_entity_connections,
            zuora_entity_ids=entity_id,
            type=arguments.text_or_none("type", type),
            page_size=page_size,
        )

    def _decide(self, verb: str, connection_id: Any, headers: dict[str, Any], /, **options: Any) -> Any:
        path, answer = f"{_PATH}/{{connection_id}}/{verb}", f"PUTEntityConnections{verb.capitalize()}ResponseType"
        return self._call("PUT", path, answer, headers, {"connection_id": connection_id}, None, None, **options)

    def _call(
        self,
        method: str,
        template: str,
        answer: str,
        headers: dict[str, Any],
        path: dict[str, Any] | None,
        query: list[tuple[str, Any]] | None,
        body: Any,
        # Positional only: a caller's `path=` or `body=` is then an unexpected keyword, and does not replace ours.
        /,
        *,
        async_req: bool | None = None,
        _return_http_data_only: bool | None = None,
        _preload_content: bool = True,
        _request_timeout: Any = None,
        **unknown: Any,
    ) -> Any:
        if unknown:
            raise TypeError(f"unexpected keyword argument {next(iter(unknown))!r}")
        return self.api_client.call_api(
            template,
            method,
            path,
            query,
            headers,
            body=body,
            response_type=answer,
            async_req=async_req,
            _return_http_data_only=_return_http_data_only,
            _preload_content=_preload_content,
            _request_timeout=_request_timeout,
        )
