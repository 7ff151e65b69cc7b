"""What a failed attempt means: `classify_failure` names it, and `RETRY_TABLE` is the promise about it, row for row.

A write is retried only when it cannot have been done (it was not sent, or Zuora said that it did nothing), or when
Zuora recognizes the retry by its idempotency key.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .._codec.request import RetryClass
from ..exceptions import (
    NOT_SENT,
    SERVER_FAULT_CATEGORIES,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    InvalidResponseError,
    TlsError,
)


class Failure(Enum):
    """What ended an attempt."""

    NOT_SENT = "not sent"
    TLS_FAILURE = "TLS failure"
    PROXY_REFUSED = "proxy refused"
    RESPONSE_LOST = "response lost"
    RESPONSE_UNREADABLE = "response unreadable"
    THROTTLED = "throttled"
    GATEWAY_ERROR = "gateway error"
    UNAVAILABLE_RETRY_AFTER = "unavailable, with Retry-After"
    INTERNAL_SERVER_ERROR = "internal server error"
    MISDIRECTED = "misdirected"
    UNAUTHORIZED = "unauthorized"
    IDEMPOTENT_REQUEST_IN_PROGRESS = "first request with this key in progress"
    LOCKED = "locked"
    RESOURCE_LOCKED = "resource locked (423)"
    SERVER_FAULT = "server fault"
    REFUSED = "refused"


class Action(Enum):
    """What is done about a failure."""

    RETRY = "retry"
    REFRESH_TOKEN = "refresh the token, retry once"
    RECONNECT = "retry once, on a new connection"
    RAISE = "raise"


class Effect(Enum):
    """What a failure says about a write."""

    IN_DOUBT = "it may have been done"
    NOT_DONE = "nothing was done under this key"
    NO_INFORMATION = "nothing new"


class Rule(NamedTuple):
    """A row of the table: the action for each `RetryClass`, and what the failure says about a write."""

    read: Action
    keyed: Action
    write: Action
    effect: Effect

    def action_for(self, retry_class: RetryClass) -> Action:
        return {RetryClass.READ: self.read, RetryClass.KEYED: self.keyed, RetryClass.WRITE: self.write}[retry_class]


_RETRY, _REFRESH, _RAISE, _RECONN = Action.RETRY, Action.REFRESH_TOKEN, Action.RAISE, Action.RECONNECT

# fmt: off
RETRY_TABLE = {
    #                                             READ      KEYED     WRITE     about a write
    Failure.NOT_SENT:                        Rule(_RETRY,   _RETRY,   _RETRY,   Effect.NO_INFORMATION),
    Failure.TLS_FAILURE:                     Rule(_RAISE,   _RAISE,   _RAISE,   Effect.NO_INFORMATION),
    Failure.PROXY_REFUSED:                   Rule(_RAISE,   _RAISE,   _RAISE,   Effect.NO_INFORMATION),
    Failure.RESPONSE_LOST:                   Rule(_RETRY,   _RETRY,   _RAISE,   Effect.IN_DOUBT),
    Failure.RESPONSE_UNREADABLE:             Rule(_RAISE,   _RAISE,   _RAISE,   Effect.IN_DOUBT),
    Failure.THROTTLED:                       Rule(_RETRY,   _RETRY,   _RETRY,   Effect.NO_INFORMATION),
    Failure.GATEWAY_ERROR:                   Rule(_RETRY,   _RETRY,   _RAISE,   Effect.IN_DOUBT),
    Failure.UNAVAILABLE_RETRY_AFTER:         Rule(_RETRY,   _RETRY,   _RETRY,   Effect.NO_INFORMATION),
    # Zuora replays a stored failure, so retrying under the same key would only return it again.
    Failure.INTERNAL_SERVER_ERROR:           Rule(_RETRY,   _RAISE,   _RAISE,   Effect.IN_DOUBT),
    Failure.MISDIRECTED:                     Rule(_RECONN,  _RECONN,  _RECONN,  Effect.NO_INFORMATION),
    Failure.UNAUTHORIZED:                    Rule(_REFRESH, _REFRESH, _REFRESH, Effect.NO_INFORMATION),
    Failure.IDEMPOTENT_REQUEST_IN_PROGRESS:  Rule(_RAISE,   _RETRY,   _RAISE,   Effect.IN_DOUBT),
    Failure.LOCKED:                          Rule(_RETRY,   _RETRY,   _RETRY,   Effect.NOT_DONE),
    Failure.RESOURCE_LOCKED:                 Rule(_RAISE,   _RAISE,   _RAISE,   Effect.NO_INFORMATION),
    Failure.SERVER_FAULT:                    Rule(_RETRY,   _RAISE,   _RAISE,   Effect.IN_DOUBT),
    Failure.REFUSED:                         Rule(_RAISE,   _RAISE,   _RAISE,   Effect.NOT_DONE),
}
# fmt: on

# After these no response has arrived.
WITHOUT_RESPONSE = frozenset((Failure.NOT_SENT, Failure.TLS_FAILURE, Failure.PROXY_REFUSED, Failure.RESPONSE_LOST))


def classify_failure(error: ApiException, retry_class: RetryClass, *, unanswered: bool = False) -> Failure:
    """Return the row of the table for an attempt that failed.

    Args:
        unanswered: an earlier attempt under the same key was sent and got no response.
    """
    status = error.status or 0
    if error.outcome == NOT_SENT:
        if status in (403, 407):
            return Failure.PROXY_REFUSED
        return Failure.TLS_FAILURE if isinstance(error, TlsError) else Failure.NOT_SENT
    if isinstance(error, (ApiConnectionError, ApiTimeoutError)) or status in (408, 499):
        return Failure.RESPONSE_LOST
    if isinstance(error, InvalidResponseError):
        return Failure.RESPONSE_UNREADABLE
    categories = {reason.category for reason in error.reasons}
    # A server fault goes first, under every status: it leaves open whether a write was done.
    if categories & SERVER_FAULT_CATEGORIES:
        return Failure.SERVER_FAULT
    if status >= 500:
        return _classify_5xx(error, status)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if categories == {70}:
        return Failure.THROTTLED
    if status == 401 or 11 in categories:
        return Failure.UNAUTHORIZED
    # Zuora does not document the body of this 409. With a reason other than a lock it is about the request itself,
    # unless an earlier attempt may still be running.
    if status == 409 and retry_class is RetryClass.KEYED and (unanswered or categories <= {None, 50}):
        return Failure.IDEMPOTENT_REQUEST_IN_PROGRESS
    return Failure.LOCKED if categories and categories <= {50, 70} else Failure.REFUSED


_BY_STATUS = {
    421: Failure.MISDIRECTED,
    423: Failure.RESOURCE_LOCKED,
    425: Failure.THROTTLED,
    429: Failure.THROTTLED,
}


def _classify_5xx(error: ApiException, status: int) -> Failure:
    if status == 500:
        return Failure.INTERNAL_SERVER_ERROR
    if status == 503 and error.retry_after is not None:
        return Failure.UNAVAILABLE_RETRY_AFTER
    return Failure.GATEWAY_ERROR
