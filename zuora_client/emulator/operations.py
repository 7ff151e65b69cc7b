"""The operations of the API. Credentials and entity were checked before an operation is called."""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs, urlencode

from .auth import CLIENT_ID_LENGTH, MAX_CLIENT_SECRET_LENGTH, Credentials
from .messages import Request, Response, json_response
from .state import Connection, Entity, Hierarchy, Refusal

_MAX_DECOMPRESSED_BYTES = 8 * 1024 * 1024

_FORM = "application/x-www-form-urlencoded"


class Operations:
    """The operations of a tenant, one method each: they return a `Response` or raise a `Refusal`.

    An operation that changes the state sets `request.committed`.

    Attributes:
        base_url: the origin of `nextPage` if the request has no Host header.
    """

    def __init__(self, hierarchy: Hierarchy, credentials: Credentials, token_lifetime: float) -> None:
        self.base_url = ""
        self._hierarchy = hierarchy
        self._credentials = credentials
        self._token_lifetime = token_lifetime

    def create_token(self, request: Request, _resource_id: str) -> Response:
        """POST /oauth/token. An Authorization header is ignored."""
        if _media_type(request) != _FORM:
            return _oauth_error(415, 50000020, f"Content-Type must be {_FORM}")
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        values = {name: form.get(name, [""])[0] for name in ("client_id", "client_secret", "grant_type")}
        for name, value in values.items():
            if not value:
                return _oauth_error(400, 50000022, f"{name} is required")
        if values["grant_type"] != "client_credentials":
            return _oauth_error(400, 50000020, "grant_type must be client_credentials")
        if len(values["client_id"]) != CLIENT_ID_LENGTH or len(values["client_secret"]) > MAX_CLIENT_SECRET_LENGTH:
            return _oauth_error(400, 50000020, "client_id has 36 characters, client_secret at most 42")
        entities = self._credentials.check_client(values["client_id"], values["client_secret"])
        if entities is None:
            return json_response(401, {"message": "Invalid client id or client secret"})
        entity_id = request.headers.get("Zuora-Entity-Ids")
        if entity_id is not None:
            if len(entity_id) != 36:
                return _oauth_error(400, 50000020, "Zuora-Entity-Ids must be a 36-character UUID here")
            entities = tuple(entity for entity in entities if entity.uuid == entity_id.lower())
            if not entities:
                return _oauth_error(403, 90000020, "the client may not use this entity")
        scope = [f"user.{self._hierarchy.entities[0].id[::-1]}"]
        scope += [f"entity.{entity.uuid}" for entity in entities]
        scope += ["service.echo.read", f"tenant.{entities[0].tenant_id}"]
        return json_response(
            200,
            {
                "access_token": self._credentials.issue_token(entities),
                "token_type": "bearer",
                "expires_in": self._token_lifetime,
                "scope": " ".join(scope),
                "jti": secrets.token_hex(16),
            },
        )

    def list_entities(self, request: Request, _resource_id: str) -> Response:
        """GET /v1/entities: all entities, not paged, optionally filtered by `provisioned`."""
        provisioned = request.query.get("provisioned")
        if provisioned not in (None, "true", "false"):
            raise Refusal(27, "provisioned must be true or false")
        entities = [
            _entity_to_json(entity)
            for entity in self._hierarchy.entities
            if provisioned is None or (provisioned == "true") == (entity.status == "Provisioned")
        ]
        return json_response(200, {"entities": entities, "success": True})

    def get_entity(self, _request: Request, entity_id: str) -> Response:
        """GET /v1/entities/{id}: one entity, with the same fields."""
        entity = self._hierarchy.find(entity_id)
        if entity is None:
            raise Refusal(40, f"Cannot find an entity with id '{entity_id}'.", status=404)
        return json_response(200, {**_entity_to_json(entity), "success": True})

    def list_connections(self, request: Request, _resource_id: str) -> Response:
        """GET /v1/entity-connections: those whose source or target is the entity of the request."""
        direction = request.query.get("type")
        if direction not in (None, "inbound", "outbound"):
            raise Refusal(27, "type must be inbound or outbound")
        page = _int_parameter(request.query, "page", 1, None)
        size = _int_parameter(request.query, "pageSize", 30, 300)
        connections = self._hierarchy.connections(request.entity_id, direction)
        end = page * size
        payload: dict[str, Any] = {
            "entityConnections": [_connection_to_json(connection) for connection in connections[end - size : end]]
        }
        if end < len(connections):
            query = {"page": page + 1, "pageSize": size, **({"type": direction} if direction else {})}
            payload["nextPage"] = f"{self._origin(request)}{request.path}?{urlencode(query)}"
        payload["success"] = True
        return json_response(200, payload)

    def initiate(self, request: Request, _resource_id: str) -> Response:
        """POST /v1/entity-connections: request a connection from the entity of the request to `targetEntityId`."""
        target = _parse_body(request).get("targetEntityId")
        if target is None:
            raise Refusal(22, "'targetEntityId' is required", status=400)
        if not isinstance(target, str) or not 1 <= len(target) <= 32:
            raise Refusal(20, "'targetEntityId' must be a string of at most 32 characters")
        connection = self._hierarchy.initiate(_entity_id(request), target)
        request.committed = True
        return json_response(200, {"id": connection.id, "success": True})

    def accept(self, request: Request, connection_id: str) -> Response:
        """PUT /v1/entity-connections/{id}/accept"""
        return _change(request, connection_id, self._hierarchy.accept)

    def deny(self, request: Request, connection_id: str) -> Response:
        """PUT /v1/entity-connections/{id}/deny"""
        return _change(request, connection_id, self._hierarchy.deny)

    def disconnect(self, request: Request, connection_id: str) -> Response:
        """PUT /v1/entity-connections/{id}/disconnect"""
        return _change(request, connection_id, self._hierarchy.disconnect)

    def _origin(self, request: Request) -> str:
        # The Host header, because the client may reach this server under another address (a forwarded port).
        host = request.headers.get("Host")
        return f"{self.base_url.partition('://')[0]}://{host}" if host else self.base_url


def _change(request: Request, connection_id: str, change: Callable[[str, str], Connection]) -> Response:
    _parse_body(request)
    change(_entity_id(request), connection_id)
    request.committed = True
    return json_response(200, {"success": True})


def _oauth_error(status: int, code: int, message: str) -> Response:
    return json_response(status, {"code": code, "message": message})


def _media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _parse_body(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a POST or PUT; {} for an empty body."""
    if _media_type(request) != "application/json":
        raise Refusal(20, "Content-Type must be application/json", status=415)
    body = request.body
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding == "gzip":
        body = _decompress(body)
    elif coding != "identity":
        raise Refusal(20, f"Content-Encoding {coding} is not supported", status=415)
    if not body.strip():
        return {}
    try:
        payload: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(90, "The body is not valid JSON", status=400) from None
    if not isinstance(payload, dict):
        raise Refusal(20, "The body must be a JSON object")
    return cast("dict[str, Any]", payload)


def _decompress(body: bytes) -> bytes:
    decompressor = zlib.decompressobj(31)
    try:
        decompressed = decompressor.decompress(body, _MAX_DECOMPRESSED_BYTES)
    except zlib.error:
        raise Refusal(90, "The body is not gzip", status=400) from None
    if not decompressor.eof:
        raise Refusal(90, "The gzip body is truncated or too large", status=400)
    return decompressed


def _int_parameter(query: dict[str, str], name: str, default: int, maximum: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if number < 1 or (maximum is not None and number > maximum):
        raise Refusal(27, f"{name} must be a whole number from 1" + (f" to {maximum}" if maximum else ""))
    return number


def _entity_id(request: Request) -> str:
    assert request.entity_id is not None, "the entity must be resolved before the operation is called"
    return request.entity_id


def _entity_to_json(entity: Entity) -> dict[str, str | None]:
    return {
        "id": entity.id,
        "name": entity.name,
        "displayName": entity.display_name,
        "locale": entity.locale,
        "timezone": entity.timezone,
        "status": entity.status,
        "parentId": entity.parent_id,
        "tenantId": entity.tenant_id,
    }


def _connection_to_json(connection: Connection) -> dict[str, str]:
    return {
        "id": connection.id,
        "sourceEntityId": connection.source_entity_id,
        "targetEntityId": connection.target_entity_id,
        "status": connection.status,
    }
