"""Validation of the arguments of the operations.

A wrong argument is a TypeError or ValueError that names the parameter, raised before anything is sent.
"""

from __future__ import annotations

from typing import Any

from .._base.parameters import header_text, text, without_hyphens
from .._codec.serialization import sanitize
from ..models import POSTEntityConnectionsType

_MEDIA_TYPE = "application/json; charset=utf-8"
MAX_PAGE_SIZE = 300
_MAX_TRACK_ID_LENGTH = 64
_MAX_KEY_LENGTH = 255


def common_headers(zuora_entity_ids: Any, zuora_track_id: Any) -> dict[str, Any]:
    """Return the headers that all operations send. Zuora does not allow ``: ; " '`` in track ids."""
    headers = {"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE}
    if zuora_entity_ids is not None:
        headers["Zuora-Entity-Ids"] = header_text("zuora_entity_ids", zuora_entity_ids)
        if not headers["Zuora-Entity-Ids"]:
            raise ValueError("zuora_entity_ids must not be empty; omit it to use configuration.entity_id")
    if zuora_track_id is not None:
        track_id = headers["Zuora-Track-Id"] = header_text("zuora_track_id", zuora_track_id)
        if not 0 < len(track_id) <= _MAX_TRACK_ID_LENGTH or any(character in track_id for character in ":;\"'"):
            raise ValueError(f"zuora_track_id must be 1 to {_MAX_TRACK_ID_LENGTH} ASCII characters without : ; \" or '")
    return headers


def check_page(page_size: Any, page: Any) -> None:
    """Raise for a page that Zuora would not accept. Its pages have at most 300 rows."""
    for name, value in (("page_size", page_size), ("page", page)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    # The messages omit the value: Python refuses to format an integer of more than 4,300 digits.
    if page_size is not None and not 1 <= page_size <= MAX_PAGE_SIZE:
        raise ValueError(f"page_size must be from 1 to {MAX_PAGE_SIZE}")
    if page is not None and page < 1:
        raise ValueError("page must be at least 1")
    if page is not None and page_size is None:
        raise ValueError("page needs page_size: without one Zuora ignores the page")


def check_text(name: str, value: Any) -> Any:
    """Return `value` if it is text, bytes or None. Zuora validates the content."""
    if value is not None and not isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    return value


def check_provisioned(provisioned: Any) -> Any:
    """Return `provisioned` if it is a bool, text, bytes or None. Zuora validates the content of a text."""
    return provisioned if isinstance(provisioned, bool) else check_text("provisioned", provisioned)


def entity_path_id(entity_id: Any) -> Any:
    """Return the entity id of a path without hyphens, as ``/v1/entities`` lists it. `call_api` rejects invalid ones.

    That a hyphenated UUID is rewritten is our choice: Zuora documents only the form without hyphens.
    """
    return without_hyphens(text("id", entity_id)) if isinstance(entity_id, (str, bytes)) else entity_id


def check_idempotency_key(idempotency_key: Any) -> str:
    """Return the caller's idempotency key as text of a length that Zuora accepts."""
    key = header_text("idempotency_key", idempotency_key)
    if not 0 < len(key) <= _MAX_KEY_LENGTH:
        raise ValueError(f"idempotency_key must be 1 to {_MAX_KEY_LENGTH} characters, not {len(key)}")
    return key


def request_body(request: Any) -> dict[str, Any] | None:
    """Return the body of a connection request, with the target entity id in the form without hyphens; None for None."""
    if request is None:
        return None
    if isinstance(request, dict):
        if "targetEntityId" not in request:
            raise ValueError("request has no 'targetEntityId'; the keys of a dict are JSON names, not attribute names")
        target = POSTEntityConnectionsType(request["targetEntityId"]).target_entity_id
        return {**request, "targetEntityId": without_hyphens(target)}
    if isinstance(request, POSTEntityConnectionsType):
        # Validated again: deserialization and `__new__` skip the constructor.
        POSTEntityConnectionsType(request.target_entity_id)
        body: dict[str, Any] = sanitize(request)
        return body
    raise TypeError(f"request must be a POSTEntityConnectionsType or a dict, not {type(request).__name__}")
