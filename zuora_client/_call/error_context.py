"""What an error is about: the operation, the connection and the entities of its request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .._base.parameters import ENTITIES_PATH, text, without_hyphens
from .._base.secrets import reveal
from .operations import Operation, find_operation

if TYPE_CHECKING:
    from .._codec.request import Request
    from ..exceptions import ApiException


def describe(
    error: ApiException, method: str, path: str, entity_id: Any = None, target_entity_id: Any = None, prefix: str = ""
) -> None:
    """Set the attributes of an error that its first line names.

    Args:
        path: as sent, without the prefix.
        entity_id: the entity that the call acted for, in either form.
        target_entity_id: of a connection request.
        prefix: the path of the host.
    """
    operation = find_operation(method, path)
    error.method, error.path = method, prefix + path
    error.operation = operation.value if operation is not None else _read_of_entities(method, path)
    error.entity_id = _shown_id(entity_id)
    last = path.rstrip("/").split("/")[-2:]
    if operation is Operation.INITIATE:
        error.source_entity_id, error.target_entity_id = error.entity_id, _shown_id(target_entity_id)
    elif operation not in (None, Operation.LIST):
        error.connection_id = unquote(last[0])
    elif error.operation == "read entity":
        error.entity_id = unquote(last[1])


def describe_request(error: ApiException, request: Request, headers: dict[str, str]) -> None:
    """Set the attributes of an error that its first line names, from its request and the headers that were sent."""
    entity_id = next((value for name, value in headers.items() if name.lower() == "zuora-entity-ids"), None)
    describe(error, request.method, request.path, entity_id, _target_of(request.body), request.host.prefix)


def _read_of_entities(method: str, path: str) -> str | None:
    if method != "GET" or not (path == ENTITIES_PATH or path.startswith(f"{ENTITIES_PATH}/")):
        return None
    return "read entity" if path[len(ENTITIES_PATH) + 1 :] else "list entities"


def _target_of(body: Any) -> Any:
    try:
        document = json.loads(reveal(body) or b"null")
    except ValueError:
        return None
    return document.get("targetEntityId") if isinstance(document, dict) else None


def _shown_id(entity_id: Any) -> str | None:
    """Return an id in the form of Zuora's lists, or None."""
    return without_hyphens(text("entity_id", entity_id)) if entity_id and isinstance(entity_id, (str, bytes)) else None
