"""Reading Zuora's answers: is it a yes, and if not, in whose words and of which kind.

HTTP 200 is no proof: ``success: false`` is a refusal under any status, and so are reasons without a ``success``. A
missing ``success`` alone is a yes, because the published schemas require none. The envelopes are those of Zuora's error
guide and of older and neighboring services: REST, CRUD, OAuth, Spring, SOAP.
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
_MOST_REASONS = 100
# A yes holds none of these, and no answer that says no needs to hold more.
_TROUBLE_BY_NAME = ("reasons", "Errors", "errors", "faultcode", "faultstring")
# What each limit counts is in Zuora's guide to rate limits.
_FEWER = {
    "rate": "Wait, then call again, less often: the limit counts every call of your tenant, failed ones too.",
    "concurrency": "Wait, then call again, with fewer calls at once: the limit counts each entity by itself.",
}


def is_success(status: int, document: Any) -> bool:
    """Whether an answer says that Zuora did what was asked.

    Args:
        status: its HTTP status.
        document: its body as JSON, or None when it is empty or no JSON.
    """
    return 200 <= status <= 299 and not (isinstance(document, dict) and _says_no(document))


def error_from_response(
    response: RESTResponse, document: Any, *, has_idempotency_key: bool, caller_key: bool = False
) -> ApiException:
    """Return the error that an answer means which is no yes.

    Args:
        response: the whole answer.
        document: its body as JSON, or None when it is empty or no JSON.
        has_idempotency_key: whether the request carried an idempotency key; 422 without a reason of another kind then
            means that the key was used for another request.
        caller_key: whether that key is the caller's.
    """
    envelope = document if isinstance(document, dict) else {}
    good = 200 <= response.status <= 299
    reasons = tuple(_reasons(envelope))
    misused_key = response.status == 422 and has_idempotency_key and all(reason.category is None for reason in reasons)
    kind = ConflictError if misused_key else _kind(response.status, reasons)
    if good and _is_an_error_from_elsewhere(envelope):
        kind = InvalidResponseError
    error = kind(http_resp=response)
    error.reasons = reasons
    if good:
        words = "; ".join(filter(None, (reason.message for reason in reasons)))
        error.reason = words or "Zuora refused the call and gave no reason"
    elif response.status <= 399:
        error.reason = _redirect(response)
    headers = response.headers
    error.process_id = _word(envelope.get("processId", envelope.get("ProcessId")))
    error.request_id = _word(headers.get("Zuora-Request-Id") or envelope.get("requestId", envelope.get("RequestId")))
    error.track_id = _word(headers.get("Zuora-Track-Id"))
    error.retry_after = _retry_after(headers)
    if isinstance(error, RateLimitError):
        _read_limits(error, headers)
    if any(reason.code == WRONG_ENTITY for reason in reasons):
        error.advice = (
            "The entity is not one that these credentials may use, or none was named and they hold several: check "
            "zuora_entity_ids (or entity_id), and which entities the OAuth client was made for."
        )
    elif misused_key and caller_key:
        error.advice = "This idempotency key belongs to another request: use a key of its own for each request."
    elif good and any(reason.category in SERVER_FAULT_CATEGORIES for reason in reasons):
        error.advice = "The trouble is at Zuora, not in the call: call again later, and ask Zuora support if it stays."
    return error


def error_from_model(model: Any, method: str, path: str) -> ApiException | None:
    """Return the error that a model of ours means, or None when it is a yes.

    For callers who switched `raise_on_failure` off: the answer is judged by the same rule, later.
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


def _says_no(envelope: dict[str, Any]) -> bool:
    success = envelope.get("success")
    if success is None:
        success = envelope.get("Success")
    if success is not None:
        # A zero equals False, and says no as well.
        return success in (False, "false", "False", "FALSE")
    if any(envelope.get(name) for name in _TROUBLE_BY_NAME) or _is_an_error_from_elsewhere(envelope):
        return True
    return "message" in envelope and Reason(_code(envelope.get("code")), "").resource is not None


def _is_an_error_from_elsewhere(envelope: dict[str, Any]) -> bool:
    """Whether this is an error in the form of Spring or OAuth: it comes from in front of Zuora's API."""
    if envelope.get("success") is not None or not envelope.get("error"):
        return False
    status = envelope.get("status")
    return "error_description" in envelope or (isinstance(status, int) and status >= 400)


def _kind(status: int, reasons: tuple[Reason, ...]) -> type[ApiException]:
    if 300 <= status <= 399:
        return InvalidResponseError
    if status >= 500:
        return ServerError
    categories = {reason.category for reason in reasons}
    if status in (403, 404) and 11 in categories:
        return AuthenticationError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # A lock or a limit decides only when there is nothing else: otherwise waiting does not help.
    deciding = {50, 70} if categories <= {50, 70} else {10, 11, 40}
    kinds = (_BY_CATEGORY[reason.category] for reason in reasons if reason.category in deciding)
    return next(kinds, RequestRejectedError)


def _reasons(envelope: dict[str, Any]) -> Iterator[Reason]:
    """Yield the reasons of any envelope that we know; what is malformed inside becomes text, not an error."""
    listed = envelope.get("reasons") or envelope.get("Errors") or envelope.get("errors")
    if isinstance(listed, (dict, str)):
        listed = [listed]
    if isinstance(listed, list):
        for item in listed[:_MOST_REASONS]:
            if isinstance(item, dict):
                yield Reason(_code(item.get("code", item.get("Code"))), _text(item, "message", "Message"))
            elif item is not None:
                yield Reason(None, _words(item))
        return
    message = _text(envelope, "message", "Message", "error_description", "faultstring", "error")
    code = _code(envelope.get("code", envelope.get("faultcode", envelope.get("error"))))
    if message or code is not None:
        yield Reason(None if code == message else code, message)


def _text(item: dict[str, Any], *names: str) -> str:
    return next((_words(item[name]) for name in names if item.get(name) not in (None, "")), "")


def _words(value: Any) -> str:
    try:
        words: str = truncate_body(str(value))
        return words
    except RecursionError:
        return "(nested too deeply to show)"


def _code(value: Any) -> int | str | None:
    """Zuora writes codes as numbers, as digits in text and as words."""
    if value is None or isinstance(value, (bool, dict, list)):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else str(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return value if isinstance(value, int) else str(value)


def _word(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = _words(value)
    return value if isinstance(value, str) and value else None


def _redirect(response: RESTResponse) -> str:
    location = response.headers.get("Location") or ""
    target = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#@]*)", location)
    where = f"to host {target.group(1)!r}" if target else "within the host"
    return f"a redirect ({response.reason}) {where}; redirects are never followed, because credentials would go along"


# -- what the headers say about waiting -----------------------------------------------------------------------------


def _seconds(value: str | None) -> float | None:
    """Return plain decimal seconds, the most when a header came twice, or None for anything else."""
    numbers = [number.strip() for number in (value or "").split(",")]
    if not all(re.fullmatch(r"[0-9]{1,99}(\.[0-9]{1,9})?", number) for number in numbers):
        return None
    return max(map(float, numbers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After")
    seconds = _seconds(value)
    if value is None or seconds is not None:
        return seconds
    # A date is compared with the Date of the same answer, so that a wrong clock of this machine does not matter.
    until, now = _moment(value), _moment(headers.get("Date"))
    return None if until is None else max(0.0, until - (time.time() if now is None else now))


def _moment(value: str | None) -> float | None:
    try:
        moment = None if value is None else parsedate_to_datetime(value)
        # HTTP has a form of date without a zone, and it means GMT.
        return None if moment is None else moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _read_limits(error: RateLimitError, headers: Mapping[str, str]) -> None:
    if error.retry_after is None:
        # Zuora sends it with every answer; it is a hint to wait only where a limit was hit.
        error.retry_after = _seconds(headers.get("RateLimit-Reset"))
    concurrency = any(reason.code == CONCURRENCY_LIMIT or "oncurren" in reason.message for reason in error.reasons)
    if not error.reasons:
        none_left = _seconds(headers.get("Concurrency-Limit-Remaining")) == 0
        concurrency = none_left and _seconds(headers.get("RateLimit-Remaining")) != 0
    prefix = "Concurrency-Limit" if concurrency else "RateLimit"
    error.limit_type = "concurrency" if concurrency else "rate"
    error.limits = _limits(headers.get(f"{prefix}-Limit")) or None
    remaining = _seconds(headers.get(f"{prefix}-Remaining"))
    error.remaining = None if remaining is None else int(remaining)
    error.advice = _FEWER[error.limit_type]


def _limits(value: str | None) -> dict[int, int]:
    """Return window in seconds to requests; 0 stands for the window that counts now.

    Zuora writes ``2250000, 50000;w=60, 2250000;w=3600``: a list, so ``int()`` fails on it.
    """
    limits = {}
    for item in (value or "").split(","):
        found = re.fullmatch(r"\s*([0-9]{1,18})\s*(?:;\s*w=([0-9]{1,9}))?\s*", item)
        if found:
            limits[int(found.group(2) or 0)] = int(found.group(1))
    return limits
