"""Reading Zuora's responses: whether one reports success, and otherwise which error it means.

HTTP 200 does not prove success: ``success: false`` is a failure under any status, and so are reasons without a
``success``. A missing ``success`` alone is a success, because the published schemas do not require it. The envelopes
are those of Zuora's error guide and of older and related services: REST, CRUD, OAuth, Spring, SOAP.
"""

from __future__ import annotations

import re
import time
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .._base.text import truncate_body
from .._http.transport import RESTResponse
from ..exceptions import (
    CONCURRENCY_LIMIT,
    SERVER_FAULT_CATEGORIES,
    UNKNOWN,
    WRONG_ENTITY,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    Reason,
    RequestRejectedError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    408: ApiTimeoutError,
    409: ConflictError,
    429: RateLimitError,
}
_MAX_REASONS = 100
# Keys that occur only in error envelopes; any one of them marks a failure.
_ERROR_KEYS = ("reasons", "Errors", "errors", "faultcode", "faultstring")
# Zuora's guide to rate limits says what each limit counts.
_RATE_LIMIT_ADVICE = {
    "rate": "Wait, then call less often: the limit counts all calls of your tenant, including failed ones.",
    "concurrency": "Wait, then make fewer calls at once: the limit applies to each entity separately.",
}


def is_success(status: int, document: Any) -> bool:
    """Whether a response reports success.

    Args:
        status: the HTTP status.
        document: the parsed JSON body, or None if the body is empty or not JSON.
    """
    return 200 <= status <= 299 and not (isinstance(document, dict) and _is_failure(document))


def error_from_response(
    response: RESTResponse, document: Any, *, has_idempotency_key: bool, caller_key: bool = False
) -> ApiException:
    """Return the error for a response that does not report success.

    Args:
        response: the complete response.
        document: the parsed JSON body, or None if the body is empty or not JSON.
        has_idempotency_key: whether the request had an idempotency key. If so, a 422 without an error category means
            that the key was used for another request.
        caller_key: whether the caller chose that key.
    """
    envelope = document if isinstance(document, dict) else {}
    ok = 200 <= response.status <= 299
    reasons = tuple(_reasons(envelope))
    reused_key = response.status == 422 and has_idempotency_key and all(reason.category is None for reason in reasons)
    cls = ConflictError if reused_key else _error_class(response.status, reasons)
    if ok and _is_gateway_error(envelope):
        cls = InvalidResponseError
    error = cls(http_resp=response)
    error.reasons = reasons
    if ok:
        messages = "; ".join(filter(None, (reason.message for reason in reasons)))
        error.reason = messages or "Zuora refused the call and gave no reason"
    elif response.status <= 399:
        error.reason = _redirect(response)
    headers = response.headers
    error.process_id = _id(envelope.get("processId", envelope.get("ProcessId")))
    error.request_id = _id(headers.get("Zuora-Request-Id") or envelope.get("requestId", envelope.get("RequestId")))
    error.track_id = _id(headers.get("Zuora-Track-Id"))
    error.retry_after = _retry_after(headers)
    if isinstance(error, RateLimitError):
        _read_limits(error, headers)
    if any(reason.code == WRONG_ENTITY for reason in reasons):
        error.advice = (
            "These credentials have no access to the entity, or have access to several and none was named: check "
            "zuora_entity_ids (or entity_id), and which entities the OAuth client was created for."
        )
    elif reused_key and caller_key:
        error.advice = "This idempotency key was used for another request: use a new key for each request."
    elif ok and any(reason.category in SERVER_FAULT_CATEGORIES for reason in reasons):
        error.advice = (
            "The fault is at Zuora, not in the call: call again later; if it keeps failing, contact Zuora support and "
            "quote the ids of the response."
        )
    return error


def error_from_model(model: Any, method: str, path: str) -> ApiException | None:
    """Return the error that a response model means, or None if it reports success.

    With `raise_on_failure` off, failures are returned as models. The rules are those of `is_success`.
    """
    document = dict(model.additional_properties)
    if model.success is not None:
        document["success"] = model.success
    if is_success(200, document):
        return None
    error = error_from_response(RESTResponse(200, "OK", {}, b""), document, has_idempotency_key=False)
    error.method, error.path = method, path
    if method != "GET" and any(reason.category in SERVER_FAULT_CATEGORIES for reason in error.reasons):
        return error.as_type(OutcomeUnknownError, outcome=UNKNOWN)
    return error


def _is_failure(envelope: dict[str, Any]) -> bool:
    success = envelope.get("success")
    if success is None:
        success = envelope.get("Success")
    if success is not None:
        # 0 equals False, and is a failure too.
        return success in (False, "false", "False", "FALSE")
    if any(envelope.get(name) for name in _ERROR_KEYS) or _is_gateway_error(envelope):
        return True
    return "message" in envelope and Reason(_code(envelope.get("code")), "").resource is not None


def _is_gateway_error(envelope: dict[str, Any]) -> bool:
    """Whether this is an error of Spring or OAuth, which the gateway in front of Zuora's API sends."""
    if envelope.get("success") is not None or not envelope.get("error"):
        return False
    status = envelope.get("status")
    return "error_description" in envelope or (isinstance(status, int) and status >= 400)


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
    # Locks and limits decide only if there is no other reason: otherwise waiting does not help.
    deciding = {50, 70} if categories <= {50, 70} else {10, 11, 40}
    classes = (_BY_CATEGORY[reason.category] for reason in reasons if reason.category in deciding)
    return next(classes, RequestRejectedError)


def _reasons(envelope: dict[str, Any]) -> Iterator[Reason]:
    """Yield the reasons of any known envelope. Malformed reasons become text, not an error."""
    listed = envelope.get("reasons") or envelope.get("Errors") or envelope.get("errors")
    if isinstance(listed, (dict, str)):
        listed = [listed]
    if isinstance(listed, list):
        for item in listed[:_MAX_REASONS]:
            if isinstance(item, dict):
                yield Reason(_code(item.get("code", item.get("Code"))), _message(item, "message", "Message"))
            elif item is not None:
                yield Reason(None, _to_text(item))
        return
    message = _message(envelope, "message", "Message", "error_description", "faultstring", "error")
    code = _code(envelope.get("code", envelope.get("faultcode", envelope.get("error"))))
    if message or code is not None:
        yield Reason(None if code == message else code, message)


def _message(item: dict[str, Any], *names: str) -> str:
    return next((_to_text(item[name]) for name in names if item.get(name) not in (None, "")), "")


def _to_text(value: Any) -> str:
    try:
        text: str = truncate_body(str(value))
        return text
    except RecursionError:
        return "(nested too deeply to show)"


def _code(value: Any) -> int | str | None:
    """Return an error code: Zuora sends numbers, digits in a string, and words."""
    if value is None or isinstance(value, (bool, dict, list)):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else str(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return value if isinstance(value, int) else str(value)


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = _to_text(value)
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
