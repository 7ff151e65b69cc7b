"""The error for a response that is not a success: its class, reasons, ids, waits and advice.

Imported with the first such response.
"""

from __future__ import annotations

import re
import time
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .._http.response import RESTResponse
from ..exceptions import (
    CONCURRENCY_LIMIT,
    NOT_SENT,
    SERVER_FAULT_CATEGORIES,
    WRONG_ENTITY,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Reason,
    RequestRejectedError,
    ServerError,
)
from .envelopes import Success, is_failure, is_gateway_error, is_partial_failure, read_success, reasons_of, words
from .error_context import describe
from .operations import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_CATEGORY: dict[int | None, type[ApiException]] = {
    10: PermissionDeniedError,
    11: AuthenticationError,
    40: NotFoundError,
    50: ConflictError,
    70: RateLimitError,
}
_BY_STATUS: dict[int, type[ApiException]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    407: ApiConnectionError,
    408: ApiTimeoutError,
    409: ConflictError,
    423: ConflictError,
    429: RateLimitError,
    499: ApiTimeoutError,
}
# Zuora's guide to rate limits says what each limit counts.
_RATE_LIMIT_ADVICE = {
    "rate": "Wait, then call less often: the limit counts all calls of your tenant, including failed ones.",
    "concurrency": "Wait, then make fewer calls at once: the limit applies to each entity separately.",
}
PROXY_CREDENTIALS_ADVICE = (
    "A proxy asked for a user and a password, or refused those it got: put them into the proxy's URL, as in "
    "http://user:password@proxy.example.com:3128."
)
NOT_FROM_ZUORA_ADVICE = (
    "Something in front of Zuora responded, not Zuora: the response is not JSON and has no Zuora-Request-Id. Check "
    "host, proxy, firewall and the allow-list of your network."
)
_LOCKED_ADVICE = "Wait until the lock is released, list the connection, and call again later."
_TOO_EARLY_ADVICE = "Call again later: the request was not processed."


def error_from_response(
    operation: Operation | None,
    response: RESTResponse,
    document: Any,
    *,
    has_idempotency_key: bool,
    caller_key: bool = False,
) -> ApiException:
    """Return the error for a response that is not a success.

    Args:
        operation, document: as for `is_success`.
        has_idempotency_key: whether the request carried an idempotency key; 422 without a reason of another kind then
            means that the key was used for another request.
        caller_key: whether that key is the caller's.
    """
    envelope = document if isinstance(document, dict) else {}
    ok = 200 <= response.status <= 299
    reasons = reasons_of(document)
    is_from_zuora = document is not None or "Zuora-Request-Id" in response.headers
    misused_key = (
        response.status == 422
        and has_idempotency_key
        and is_from_zuora
        and all(reason.category is None for reason in reasons)
    )
    if ok and not _is_refusal(operation, response.status, document):
        cls: type[ApiException] = InvalidResponseError
    else:
        cls = ConflictError if misused_key else _error_class(response.status, reasons)
    error = cls(http_resp=response, outcome=NOT_SENT if response.status == 407 else None)
    error.reasons = reasons
    if ok:
        error.reason = "; ".join(filter(None, (reason.message for reason in reasons))) or _reason_without_words(
            error, operation, response, document
        )
    elif response.status <= 399:
        error.reason = _redirect(response)
    headers = response.headers
    error.process_id = _id(envelope.get("processId", envelope.get("ProcessId")))
    error.request_id = _id(headers.get("Zuora-Request-Id") or envelope.get("requestId", envelope.get("RequestId")))
    error.track_id = _id(headers.get("Zuora-Track-Id"))
    error.retry_after = _retry_after(headers)
    if isinstance(error, RateLimitError):
        _read_limits(error, headers)
    advice = _advice(error, is_from_zuora=is_from_zuora, misused_key=misused_key and caller_key)
    if advice is not None:
        error.advice = advice
    return error


def error_from_model(model: Any, method: str, path: str, entity_id: Any) -> ApiException | None:
    """Return the error that a model of ours stands for, or None if it stands for a success.

    For callers that switched `raise_on_failure` off: only a definitive refusal is returned as a model.
    """
    if model.success is not False:
        return None
    document = {**model.additional_properties, "success": False}
    error = error_from_response(None, RESTResponse(200, "OK", {}, b""), document, has_idempotency_key=False)
    describe(error, method, path, entity_id)
    return error


def _is_refusal(operation: Operation | None, status: int, document: Any) -> bool:
    """Whether a 2xx response that is not a success is a refusal by Zuora's API."""
    if operation is None:
        return not is_gateway_error(document) and not is_partial_failure(document)
    if status != 200 or not isinstance(document, dict):
        return False
    success = read_success(document)
    # A failed read has no effect that could be in doubt.
    is_failed_read = operation is Operation.LIST and is_failure(document) and not is_gateway_error(document)
    return success is Success.FALSE or (success is Success.ABSENT and is_failed_read)


def _reason_without_words(
    error: ApiException, operation: Operation | None, response: RESTResponse, document: Any
) -> str:
    if not isinstance(error, InvalidResponseError):
        return "Zuora refused the call and gave no reason"
    if operation is None:
        return "the response reports an error in the form of a gateway"
    if response.status != 200:
        return f"HTTP {response.status} does not say whether it was done"
    if not response.content:
        return "the response is empty"
    if not isinstance(document, dict):
        return "the response is not a JSON object"
    success = read_success(document)
    return "the response has no `success`" if success is Success.ABSENT else f"`success` is {success.value}"


def _error_class(status: int, reasons: tuple[Reason, ...]) -> type[ApiException]:
    if 300 <= status <= 399:
        return InvalidResponseError
    if status >= 500:
        return ServerError
    categories = {reason.category for reason in reasons}
    if status in (403, 404) and 11 in categories:
        return AuthenticationError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # A lock or a limit decides only if there is nothing else: otherwise waiting does not help.
    deciding = {50, 70} if categories <= {50, 70} else {10, 11, 40}
    classes = (_BY_CATEGORY[reason.category] for reason in reasons if reason.category in deciding)
    return next(classes, RequestRejectedError)


def _advice(error: ApiException, *, is_from_zuora: bool, misused_key: bool) -> str | None:
    """Return what to do next if it depends on the response, None to keep the advice of the class."""
    status = error.status or 0
    if status == 407:
        return PROXY_CREDENTIALS_ADVICE
    if any(reason.code == WRONG_ENTITY for reason in error.reasons):
        return (
            "These credentials have no access to the entity, or have access to several and none was named: check "
            "zuora_entity_ids (or entity_id), and which entities the OAuth client was created for."
        )
    if misused_key:
        return "This idempotency key was used for another request: use a new key for each request."
    if any(reason.category in SERVER_FAULT_CATEGORIES for reason in error.reasons):
        return (
            "The fault is at Zuora, not in the call: call again later; if it keeps failing, contact Zuora support and "
            "quote the ids of the response."
        )
    if status == 423:
        return _LOCKED_ADVICE
    if status == 425:
        return _TOO_EARLY_ADVICE
    is_decided = isinstance(error, (RateLimitError, ApiTimeoutError, ConflictError))
    if 400 <= status <= 499 and not is_from_zuora and not is_decided:
        return NOT_FROM_ZUORA_ADVICE
    return None


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = words(value)
    return value if isinstance(value, str) and value else None


def _redirect(response: RESTResponse) -> str:
    location = response.headers.get("Location") or ""
    authority = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#@]*)", location)
    destination = f"to host {authority.group(1)!r}" if authority else "within the host"
    return (
        f"a redirect ({response.reason}) {destination}; redirects are not followed, because they would forward the "
        "credentials"
    )


# -- headers: Retry-After and limits ----------------------------------------------------------------------------------


def _seconds(value: str | None) -> float | None:
    """Return decimal seconds, the maximum of a repeated header, or None for anything else."""
    numbers = [number.strip() for number in (value or "").split(",")]
    if not all(re.fullmatch(r"[0-9]{1,99}(\.[0-9]{1,9})?", number) for number in numbers):
        return None
    return max(map(float, numbers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After")
    seconds = _seconds(value)
    if value is None or seconds is not None:
        return seconds
    # A date is compared with the Date of the same response, so that a wrong local clock does not matter.
    until, now = _timestamp(value), _timestamp(headers.get("Date"))
    return None if until is None else max(0.0, until - (time.time() if now is None else now))


def _timestamp(value: str | None) -> float | None:
    try:
        date = None if value is None else parsedate_to_datetime(value)
        # The asctime form of an HTTP date has no zone and means GMT (RFC 9110, 5.6.7).
        return None if date is None else date.replace(tzinfo=date.tzinfo or timezone.utc).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _read_limits(error: RateLimitError, headers: Mapping[str, str]) -> None:
    if error.retry_after is None:
        # Zuora sends this header with every response; it is a hint to wait only if a limit was reached.
        error.retry_after = _seconds(headers.get("RateLimit-Reset"))
    concurrency = any(reason.code == CONCURRENCY_LIMIT or "oncurren" in reason.message for reason in error.reasons)
    if not error.reasons:
        exhausted = _seconds(headers.get("Concurrency-Limit-Remaining")) == 0
        concurrency = exhausted and _seconds(headers.get("RateLimit-Remaining")) != 0
    prefix = "Concurrency-Limit" if concurrency else "RateLimit"
    error.limit_type = "concurrency" if concurrency else "rate"
    error.limits = _limits(headers.get(f"{prefix}-Limit")) or None
    remaining = _seconds(headers.get(f"{prefix}-Remaining"))
    error.remaining = None if remaining is None else int(remaining)
    error.advice = _RATE_LIMIT_ADVICE[error.limit_type]


def _limits(value: str | None) -> dict[int, int]:
    """Return a dict of window in seconds to requests; the key 0 is the current window.

    Zuora writes ``2250000, 50000;w=60, 2250000;w=3600``, which ``int()`` does not parse.
    """
    limits = {}
    for item in (value or "").split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:\s*;\s*w=([0-9]{1,9}))?", item.strip())
        if match:
            limits[int(match.group(2) or 0)] = int(match.group(1))
    return limits
