"""Checking what callers pass to the five operations. Every refusal is a TypeError or ValueError that names the
parameter, before anything is sent."""

from __future__ import annotations

from typing import Any

from .._base.parameters import header_text, without_hyphens
from .._codec.serialization import sanitize
from ..models import POSTEntityConnectionsType

_MEDIA_TYPE = "application/json; charset=utf-8"
LARGEST_PAGE = 300
_LONGEST_TRACK_ID = 64
_LONGEST_KEY = 255


def headers(zuora_entity_ids: Any, zuora_track_id: Any) -> dict[str, Any]:
    """Return the headers that all five operations send. Zuora's alphabet for track ids leaves out ``: ; " '``."""
    named = {"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE}
    if zuora_entity_ids is not None:
        named["Zuora-Entity-Ids"] = header_text("zuora_entity_ids", zuora_entity_ids)
        if not named["Zuora-Entity-Ids"]:
            raise ValueError("zuora_entity_ids is empty: name an entity, or leave it out")
    if zuora_track_id is not None:
        track_id = named["Zuora-Track-Id"] = header_text("zuora_track_id", zuora_track_id)
        if not 0 < len(track_id) <= _LONGEST_TRACK_ID or any(character in track_id for character in ":;\"'"):
            raise ValueError(f"zuora_track_id has 1 to {_LONGEST_TRACK_ID} ASCII characters without : ; \" or '")
    return named


def check_page(page_size: Any, page: Any) -> None:
    """Refuse what Zuora would not read as a page: its pages have at most 300 rows."""
    for name, value in (("page_size", page_size), ("page", page)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    # The text shows no value: Python does not write an integer of more than 4,300 digits.
    if page_size is not None and not 1 <= page_size <= LARGEST_PAGE:
        raise ValueError(f"page_size must be from 1 to {LARGEST_PAGE}")
    if page is not None and page < 1:
        raise ValueError("page must be at least 1")
    if page is not None and page_size is None:
        raise ValueError("page needs page_size: Zuora reads it only beside one")


def text_or_none(name: str, value: Any) -> Any:
    """Return `value` if it is text, bytes or None. What it says is Zuora's to judge."""
    if value is not None and not isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    return value


def checked_key(idempotency_key: Any) -> str:
    """Return an idempotency key of the caller's that Zuora would take."""
    key = header_text("idempotency_key", idempotency_key)
    if not 0 < len(key) <= _LONGEST_KEY:
        raise ValueError(f"idempotency_key has 1 to {_LONGEST_KEY} characters; it has {len(key)}")
    return key


def connection_request(request: Any) -> dict[str, Any]:
    """Return the body of a connection request, with the target in the spelling that bodies want."""
    if request is None:
        raise ValueError("request is missing: a POSTEntityConnectionsType that names the target entity")
    if isinstance(request, dict):
        if "targetEntityId" not in request:
            raise ValueError("request: the dict has no 'targetEntityId' (JSON names, not Python ones)")
        target = POSTEntityConnectionsType(request["targetEntityId"]).target_entity_id
        return {**request, "targetEntityId": without_hyphens(target)}
    if isinstance(request, POSTEntityConnectionsType):
        # Checked again: one that an answer or `__new__` made has not been.
        POSTEntityConnectionsType(request.target_entity_id)
        body: dict[str, Any] = sanitize(request)
        return body
    raise TypeError(f"request must be a POSTEntityConnectionsType or a dict, not {type(request).__name__}")
