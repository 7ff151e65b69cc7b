"""Reads the error bodies of Zuora, and of the gateways in front of it, as reasons.

Sources: Zuora's error guide (``success``, ``reasons``), its CRUD calls (``Success``, ``Errors``, also in lists), older
and neighboring services as recorded in public (``FaultCode``, ``errorCode``, ``code`` beside ``message``, SOAP), and
the usual forms of gateways (Spring, OAuth, Apigee, Lambda). Reading a malformed envelope never raises: content of
unknown form becomes text.
"""

from __future__ import annotations

import json
from enum import Enum
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from .._base.text import truncate_body
from ..exceptions import CATEGORIES, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_REASONS = 100
_MAX_DEPTH = 5

REASON_LISTS = ("reasons", "Errors", "errors")
_NESTED = ("error", "fault", "Fault")
_CODES = ("code", "Code", "errorCode", "ErrorCode", "FaultCode", "faultcode", "errorcode")
_MESSAGES = (
    "message",
    "Message",
    "errorMessage",
    "ErrorMessage",
    "FaultMessage",
    "faultstring",
    "error_description",
    "detail",
    "description",
    "title",
)
# Fields that occur only in envelopes of failures.
_ONLY_IN_FAILURES = (*REASON_LISTS, "faultcode", "faultstring", "FaultCode", "FaultMessage", "errorCode", "ErrorCode")
_CODES_OF_SUCCESS = frozenset(("OK", "SUCCESS"))


class Success(Enum):
    """The value of ``success`` (or ``Success``) in an envelope."""

    TRUE = "true"
    FALSE = "false"
    ABSENT = "absent"
    OTHER = "neither true nor false"


def read_success(envelope: dict[str, Any]) -> Success:
    """Return what ``success`` says. Some services write booleans as text, in any case."""
    values = [_as_success(envelope[name]) for name in ("success", "Success") if name in envelope]
    if not values:
        return Success.ABSENT
    if Success.FALSE in values:
        return Success.FALSE
    return Success.TRUE if set(values) == {Success.TRUE} else Success.OTHER


def _as_success(value: Any) -> Success:
    if isinstance(value, bool):
        return Success.TRUE if value else Success.FALSE
    word = value.lower() if isinstance(value, str) else None
    return {"true": Success.TRUE, "false": Success.FALSE}.get(word or "", Success.OTHER)


def is_failure(document: Any) -> bool:
    """Whether a document is a failure in one of the known forms, or a list with one."""
    if isinstance(document, dict):
        return _is_failure(document)
    if not isinstance(document, list) or not document:
        return False
    envelopes = [item for item in document if isinstance(item, dict)]
    # A list of data may hold fields like `code` and `message`. Such items count only if there are no others.
    return any(map(_is_plainly_failure, envelopes)) or (
        len(envelopes) == len(document) and all(map(_is_failure, envelopes))
    )


def is_partial_failure(document: Any) -> bool:
    """Whether a document is a list of which some items report failures and others do not."""
    if not isinstance(document, list):
        return False
    failures = sum(isinstance(item, dict) and _is_failure(item) for item in document)
    return 0 < failures < len(document)


def is_gateway_error(document: Any) -> bool:
    """Whether a document is an error in the form of a gateway or a login service, in front of Zuora's API.

    It says nothing about what became of the request behind it.
    """
    if not isinstance(document, dict) or read_success(document) in (Success.TRUE, Success.FALSE):
        return False
    error = document.get("error")
    if isinstance(error, str) and error:
        status = document.get("status")
        is_spring = isinstance(status, int) and status >= 400
        return is_spring or "error_description" in document or len(document) == 1
    return ("errorMessage" in document and "errorType" in document) or bool(document.get("fault"))


def _is_plainly_failure(envelope: dict[str, Any]) -> bool:
    success = read_success(envelope)
    if success in (Success.TRUE, Success.FALSE):
        return success is Success.FALSE
    if 0 in (envelope.get("success"), envelope.get("Success")):
        return True
    nested = envelope.get("error")
    if isinstance(nested, dict) and any(name in nested for name in chain(_CODES, _MESSAGES)):
        return True
    return any(envelope.get(name) for name in _ONLY_IN_FAILURES) or is_gateway_error(envelope)


def _is_failure(envelope: dict[str, Any]) -> bool:
    if read_success(envelope) is Success.TRUE:
        return False
    if _is_plainly_failure(envelope):
        return True
    return isinstance(envelope.get("message"), str) and _is_failure_code(read_code(envelope.get("code")))


def _is_failure_code(code: int | str | None) -> bool:
    if isinstance(code, str):
        return code.upper() not in _CODES_OF_SUCCESS
    reason = Reason(code, "")
    return reason.resource is not None or reason.category in CATEGORIES


# -- reasons ----------------------------------------------------------------------------------------------------------


def reasons_of(document: Any) -> tuple[Reason, ...]:
    """Return the reasons of a failure in any known form, at most 100; of a list, those of all its items."""
    return tuple(islice(_reasons(document, _MAX_DEPTH), _MAX_REASONS))


def _reasons(value: Any, depth: int) -> Iterator[Reason]:
    if isinstance(value, list) and depth:
        for item in value[:_MAX_REASONS]:
            yield from _reasons(item, depth - 1)
    elif isinstance(value, dict) and depth:
        yield from _reasons_of_envelope(value, depth - 1)
    elif value not in (None, "", [], {}):
        yield Reason(None, words(value))


def _reasons_of_envelope(envelope: dict[str, Any], depth: int) -> Iterator[Reason]:
    if read_success(envelope) is Success.TRUE:
        return
    lists = [listed for listed in map(envelope.get, REASON_LISTS) if listed]
    for listed in lists:
        if isinstance(listed, dict) and not any(key in listed for key in chain(_CODES, _MESSAGES)):
            # Messages by the name of the field that they are about.
            yield from (Reason(None, f"{field}: {words(messages)}") for field, messages in listed.items())
        else:
            yield from _reasons(listed, depth)
    if lists:
        return
    for name in _NESTED:
        nested = envelope.get(name)
        if nested and isinstance(nested, (dict, list)):
            yield from _reasons(nested, depth)
            return
    error = envelope.get("error")
    code = next((code for code in (read_code(envelope.get(name)) for name in _CODES) if code is not None), None)
    if code is None:
        detail = envelope.get("detail")
        code = read_code(detail.get("errorcode")) if isinstance(detail, dict) else read_code(error)
    texts = (words(envelope[name]) for name in _MESSAGES if envelope.get(name) not in (None, "", {}))
    message = next(filter(None, texts), words(error))
    if message or code is not None:
        yield Reason(None if code == message else code, message)


def read_code(value: Any) -> int | str | None:
    """Return a code as an int if it has digits only: Zuora writes it as a number, as text, also in brackets."""
    if value is None or isinstance(value, (bool, dict, list)):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else str(value)
    if isinstance(value, str):
        digits = value.strip("[]")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else value
    return value if isinstance(value, int) else str(value)


def words(value: Any) -> str:
    """Return a value as text for people; what is not text, as JSON."""
    if value is None:
        return ""
    try:
        text: str = truncate_body(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return "(nested too deeply to show)"
    return text
