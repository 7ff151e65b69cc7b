"""What a response holds: its data if it is a success, otherwise the error that it means."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from .._codec import serialization
from .._codec.request import RetryClass
from ..exceptions import UNKNOWN, ApiTimeoutError, InvalidResponseError
from .success import is_success

if TYPE_CHECKING:
    from .._codec.request import Request
    from .._http.response import RESTResponse
    from ..deadline import Deadline
    from .operations import Operation

# Response types that need no JSON. Reads may return non-JSON text; a write must not be treated as successful on it.
_TEXT_TYPES = ("str", str)
_TEXT_ACCEPTED = (None, *_TEXT_TYPES, "object", object)

# Bodies up to this size in bytes are parsed too fast to need a check of the deadline.
_SMALL_RESPONSE = 65536


def _check_deadline(deadline: Deadline) -> None:
    if deadline.expired:
        reason = f"the deadline of {deadline.seconds:g} s passed while the response was parsed"
        raise ApiTimeoutError(reason=reason, outcome=UNKNOWN)


def interpret(request: Request, operation: Operation | None, response: RESTResponse, deadline: Deadline) -> Any:
    """Return the data of a successful response, or raise the error that the response means."""
    ok = 200 <= response.status <= 299
    document: Any = None
    if response.content:
        try:
            document = serialization.parse_json(response.content)
        except InvalidResponseError:
            is_read = request.retry_class is RetryClass.READ
            is_text_accepted = request.response_type in (_TEXT_ACCEPTED if is_read else _TEXT_TYPES)
            if ok and (operation is not None or not is_text_accepted):
                raise
            document = response.data if ok else None
    if operation is not None and isinstance(document, dict) and _has_duplicate_key(response.content, "success"):
        raise InvalidResponseError(reason="the response has two values of `success`")
    # To an operation, a body of `null` is not an empty body.
    is_null = operation is not None and document is None and response.content
    if is_null or not is_success(operation, response.status, document):
        # Imported here, as in `_call.call`: what only failures need costs start-up time.
        from .response_errors import error_from_response

        has_key = request.retry_class is RetryClass.KEYED
        raise error_from_response(
            operation, response, document, has_idempotency_key=has_key, caller_key=request.caller_key
        )
    if request.response_type is None:
        return None
    if response.content:
        if len(response.content) <= _SMALL_RESPONSE:
            return serialization.converter(request.response_type)(document)
        check = partial(_check_deadline, deadline)
        check()
        return serialization.convert(request.response_type, document, check)
    if request.retry_class is RetryClass.READ and request.method != "HEAD":
        raise InvalidResponseError(reason=f"the response is empty ({response.status})")
    return serialization.empty_value(request.response_type)


def _has_duplicate_key(body: bytes, key: str) -> bool:
    """Whether the outermost object of a JSON document has a key twice; parsers would keep the last value."""
    # From the end, where Zuora puts it: rfind passes over the rows three times as fast as count.
    quoted = f'"{key}"'.encode()
    if body.rfind(quoted, 0, max(0, body.rfind(quoted))) < 0:
        return False
    outermost: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        outermost[:] = pairs

    json.loads(body, object_pairs_hook=keep)
    return [name for name, _ in outermost].count(key) > 1
