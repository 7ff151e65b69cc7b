"""The operations of the API, one method each: from a prepared request to an answer or a Refusal.

Invariant: an operation is called at most once per request, with credentials and entity already checked, and sets
``request.committed`` exactly when it changed the state.
"""

from __future__ import annotations

import json
import secrets
import zlib
from typing import Any, cast
from urllib.parse import parse_qs, urlencode

from .auth import Credentials
from .messages import Request, Response, json_response
from .state import Connection, Entity, Hierarchy, Refusal

MAX_INFLATED_BYTES = 8 * 1024 * 1024

_FORM = "application/x-www-form-urlencoded"


class Operations:
    """What one tenant can be asked. ``base_url`` begins ``nextPage`` when a request names no Host."""

    def __init__(self, hierarchy: Hierarchy, credentials: Credentials, token_lifetime: float) -> None:
        self.base_url = ""
        self._hierarchy = hierarchy
        self._credentials = credentials
        self._token_lifetime = token_lifetime

    def create_token(self, request: Request, _argument: str = "") -> Response:
        """POST /oauth/token. An Authorization header is not looked at."""
        if _media_type(request) != _FORM:
            return _oauth_error(415, 50000020, f"Content-Type must be {_FORM}")
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        values = {name: form.get(name, [""])[0] for name in ("client_id", "client_secret", "grant_type")}
        for name, value in values.items():
            if not value:
                return _oauth_error(400, 50000022, f"{name} is required")
        if values["grant_type"] != "client_credentials":
            return _oauth_error(400, 50000020, "grant_type must be client_credentials")
        if len(values["client_id"]) != 36 or len(values["client_secret"]) > 42:
            return _oauth_error(400, 50000020, "client_id has 36 characters, client_secret at most 42")
        entities = self._credentials.check_client(values["client_id"], values["client_secret"])
        if entities is None:
            return json_response(401, {"message": "Invalid client id or client secret"})
        named = request.headers.get("Zuora-Entity-Ids")
        if named is not None:
            if len(named) != 36:
                return _oauth_error(400, 50000020, "Zuora-Entity-Ids must be a 36-character UUID here")
            entities = tuple(entity for entity in entities if entity.uuid == named.lower())
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

    def list_entities(self, request: Request, _argument: str) -> Response:
        """GET /v1/entities: the whole hierarchy, not paged; ``provisioned`` narrows it."""
        provisioned = request.query.get("provisioned")
        if provisioned not in (None, "true", "false"):
            raise Refusal(27, "provisioned must be true or false")
        rows = [
            _entity_row(entity)
            for entity in self._hierarchy.entities
            if provisioned is None or (provisioned == "true") == (entity.status == "Provisioned")
        ]
        return json_response(200, {"entities": rows, "success": True})

    def get_entity(self, _request: Request, entity_id: str) -> Response:
        """GET /v1/entities/{id}: the same fields, flat."""
        entity = self._hierarchy.find(entity_id)
        if entity is None:
            raise Refusal(40, f"Cannot find an entity with id '{entity_id}'.", status=404)
        return json_response(200, {**_entity_row(entity), "success": True})

    def list_connections(self, request: Request, _argument: str) -> Response:
        """GET /v1/entity-connections: those whose source or target is the entity of the call."""
        direction = request.query.get("type")
        if direction not in (None, "inbound", "outbound"):
            raise Refusal(27, "type must be inbound or outbound")
        page = _whole_number(request.query, "page", 1, None)
        size = _whole_number(request.query, "pageSize", 30, 300)
        rows = self._hierarchy.connections(request.entity_id, direction)
        end = page * size
        payload: dict[str, Any] = {"entityConnections": [_connection_row(row) for row in rows[end - size : end]]}
        if end < len(rows):
            query = {"page": page + 1, "pageSize": size, **({"type": direction} if direction else {})}
            payload["nextPage"] = f"{self._origin(request)}{request.path}?{urlencode(query)}"
        payload["success"] = True
        return json_response(200, payload)

    def initiate(self, request: Request, _argument: str) -> Response:
        """POST /v1/entity-connections: the entity of the call asks the target for a connection."""
        target = _payload(request).get("targetEntityId")
        if target is None:
            raise Refusal(22, "'targetEntityId' is required", status=400)
        if not isinstance(target, str) or not 1 <= len(target) <= 32:
            raise Refusal(20, "'targetEntityId' must be a text of at most 32 characters")
        connection = self._hierarchy.initiate(_entity_of(request), target)
        request.committed = True
        return json_response(200, {"id": connection.id, "success": True})

    def accept(self, request: Request, connection_id: str) -> Response:
        """PUT /v1/entity-connections/{id}/accept"""
        _payload(request)
        self._hierarchy.accept(_entity_of(request), connection_id)
        return _changed(request)

    def deny(self, request: Request, connection_id: str) -> Response:
        """PUT /v1/entity-connections/{id}/deny"""
        _payload(request)
        self._hierarchy.deny(_entity_of(request), connection_id)
        return _changed(request)

    def disconnect(self, request: Request, connection_id: str) -> Response:
        """PUT /v1/entity-connections/{id}/disconnect"""
        _payload(request)
        self._hierarchy.disconnect(_entity_of(request), connection_id)
        return _changed(request)

    def _origin(self, request: Request) -> str:
        # The name that the caller has for this server: a forwarded port may lie between.
        host = request.headers.get("Host")
        return f"{self.base_url.partition('://')[0]}://{host}" if host else self.base_url


def _changed(request: Request) -> Response:
    request.committed = True
    return json_response(200, {"success": True})


def _oauth_error(status: int, code: int, message: str) -> Response:
    return json_response(status, {"code": code, "message": message})


def _media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _payload(request: Request) -> dict[str, Any]:
    """The JSON that a POST or PUT carries; {} for an empty body. Fields that are not known are ignored."""
    if _media_type(request) != "application/json":
        raise Refusal(20, "Content-Type must be application/json", status=415)
    body = request.body
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding == "gzip":
        body = _inflate(body)
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


def _inflate(body: bytes) -> bytes:
    inflater = zlib.decompressobj(31)
    try:
        inflated = inflater.decompress(body, MAX_INFLATED_BYTES)
    except zlib.error:
        raise Refusal(90, "The body is not gzip", status=400) from None
    if not inflater.eof:
        raise Refusal(90, "The gzip body is cut off or too large", status=400)
    return inflated


def _whole_number(query: dict[str, str], name: str, default: int, maximum: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if number < 1 or (maximum is not None and number > maximum):
        raise Refusal(27, f"{name} must be a whole number from 1" + (f" to {maximum}" if maximum else ""))
    return number


def _entity_of(request: Request) -> str:
    assert request.entity_id is not None, "the operation was called before its entity was known"
    return request.entity_id


def _entity_row(entity: Entity) -> dict[str, str | None]:
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


def _connection_row(row: Connection) -> dict[str, str]:
    return {
        "id": row.id,
        "sourceEntityId": row.source_entity_id,
        "targetEntityId": row.target_entity_id,
        "status": row.status,
    }
