"""Whether a request may be sent again, when, and under which key; and what is then known about the write.

The table below is the promise, row for row. A write is sent again only when nothing of it can have been done (it never
left, or Zuora said that it did nothing) or when a second arrival does no harm (the same idempotency key). What is known
belongs to the call: once an attempt of a write has left without an answer, the call stays in doubt until an answer
under the same key settles it.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from typing import TYPE_CHECKING

from .._codec.request import KEYED, READ
from ..exceptions import (
    ANSWERED,
    NOT_SENT,
    TROUBLE,
    UNKNOWN,
    WRONG_ENTITY,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AttemptRecord,
    InvalidResponseError,
    OutcomeUnknownError,
    PermissionDeniedError,
    TlsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..configuration import Configuration
    from ..deadline import Deadline

logger = logging.getLogger(__name__)

_AGAIN, _RENEW, _RAISE = "send again", "renew the token, send again once", "raise"
# What an event says about a write that is in doubt, or puts in doubt.
_DOUBT, _SETTLES, _NOTHING = "nobody knows what was done", "nothing was done under this key", "no news"


# fmt: off
#   what happened           GET      POST     PUT      about a write
_TABLE = {
    "never left":           (_AGAIN,  _AGAIN,  _AGAIN,  _NOTHING),
    "not to be trusted":    (_RAISE,  _RAISE,  _RAISE,  _NOTHING),
    "answer lost":          (_AGAIN,  _AGAIN,  _RAISE,  _DOUBT),
    "answer unreadable":    (_RAISE,  _RAISE,  _RAISE,  _DOUBT),
    "throttled":            (_AGAIN,  _AGAIN,  _AGAIN,  _NOTHING),
    "gateway failed":       (_AGAIN,  _AGAIN,  _RAISE,  _DOUBT),
    "asked to come back":   (_AGAIN,  _AGAIN,  _AGAIN,  _NOTHING),
    # Zuora replays a stored failure to the same key, so a POST gains nothing by coming again.
    "server failed":        (_AGAIN,  _RAISE,  _RAISE,  _DOUBT),
    "not authenticated":    (_RENEW,  _RENEW,  _RENEW,  _NOTHING),
    "twin still running":   (_RAISE,  _AGAIN,  _RAISE,  _DOUBT),
    "locked":               (_AGAIN,  _AGAIN,  _AGAIN,  _SETTLES),
    "Zuora in trouble":     (_AGAIN,  _RAISE,  _RAISE,  _DOUBT),
    "refused":              (_RAISE,  _RAISE,  _RAISE,  _SETTLES),
}
# fmt: on
# Place in a row; the first three are those of READ, KEYED and WRITE.
_ABOUT_A_WRITE = 3

_BASE_SECONDS = 0.5
_CAP_SECONDS = 20.0
_WORTH_TELLING_SECONDS = 5.0


def what_happened(error: ApiException, kind: int, *, unanswered: bool = False) -> str:
    """Return the row of the table that an attempt's error belongs to.

    Args:
        unanswered: an earlier attempt under the same key has left without an answer.
    """
    if error.outcome == NOT_SENT:
        return "not to be trusted" if isinstance(error, TlsError) else "never left"
    status = error.status or 0
    if isinstance(error, (ApiConnectionError, ApiTimeoutError)) or status == 408:
        return "answer lost"
    if isinstance(error, InvalidResponseError):
        return "answer unreadable"
    if status >= 500:
        return _server_side(error, status)
    categories = {reason.category for reason in error.reasons}
    if status == 429 or categories == {70}:
        return "throttled"
    if status == 401 or 11 in categories:
        return "not authenticated"
    # Zuora does not say how it words this 409. One that gives another reason than a lock is about the request itself,
    # unless a twin can be running.
    if status == 409 and kind == KEYED and (unanswered or categories <= {None, 50}):
        return "twin still running"
    if categories & TROUBLE:
        return "Zuora in trouble"
    return "locked" if categories and categories <= {50, 70} else "refused"


def _server_side(error: ApiException, status: int) -> str:
    if status == 500:
        return "server failed"
    return "asked to come back" if status == 503 and error.retry_after is not None else "gateway failed"


def new_key() -> str:
    """Return an idempotency key that nobody else has."""
    return os.urandom(16).hex()


class RetryQuota:
    """What the retries of all threads of a client may cost together, so that an outage is not answered with a storm.

    It starts at 500. A retry costs 5, after a timeout 10, and nothing when the server said how long to wait. A success
    gives 1 back.
    """

    capacity = 500

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.left = self.capacity

    def take(self, cost: int) -> bool:
        with self._lock:
            if cost > self.left:
                return False
            self.left -= cost
            return True

    def give_back(self) -> None:
        if self.left < self.capacity:
            with self._lock:
                self.left = min(self.capacity, self.left + 1)

    def forget(self) -> None:
        """In a forked child: a lock that a thread of the parent held would never be released."""
        self._lock = threading.Lock()


class Course:
    """One call on its way: its attempts so far, what is known, and whether there may be another.

    Args:
        kind: READ, KEYED or WRITE.
        own_key: the idempotency key is the caller's. It is never replaced: the call ends instead.
    """

    def __init__(
        self,
        kind: int,
        configuration: Configuration,
        quota: RetryQuota,
        deadline: Deadline,
        *,
        own_key: bool = False,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.attempts: list[AttemptRecord] = []
        self.needs_new_key = False
        self._kind = kind
        self._configuration = configuration
        self._quota = quota
        self._deadline = deadline
        self._own_key = own_key
        self._jitter = jitter
        self._renewed = False
        self.in_doubt = False
        self._unanswered = False
        self._answered = False
        self._left = False

    def wait_after(self, error: ApiException, elapsed: float, renew: Callable[[], bool]) -> float | None:
        """Take note of a failed attempt; return the seconds to wait before the next, or None when this was the last.

        Args:
            elapsed: seconds that the attempt took.
            renew: called when Zuora did not accept the credentials: drops them, and says whether others can be had.
        """
        record = AttemptRecord(len(self.attempts) + 1, elapsed, error.status, type(error).__name__)
        self.attempts.append(record)
        event = what_happened(error, self._kind, unanswered=self._unanswered)
        self._learn(event, error)
        verdict = _TABLE[event][self._kind]
        if verdict is _RENEW and not renew():
            return None
        if verdict is _RAISE or len(self.attempts) >= self._configuration.max_attempts:
            return None
        # Every attempt was answered, and Zuora replays a stored refusal: only a new key is free of it. As long as one
        # was not, the same key is what keeps the request from being done twice.
        self.needs_new_key = self._kind == KEYED and error.outcome != NOT_SENT and not self._unanswered
        if self.needs_new_key and self._own_key:
            return None
        if verdict is _RENEW:
            if self._renewed:
                return None
            self._renewed = True
            record.wait = 0.0
        else:
            record.wait = self._pause(error)
        return record.wait

    def _learn(self, event: str, error: ApiException) -> None:
        self._left = self._left or error.outcome != NOT_SENT
        self._answered = self._answered or event not in ("never left", "not to be trusted", "answer lost")
        news = _TABLE[event][_ABOUT_A_WRITE]
        if self._kind == READ:
            return
        if news is _DOUBT:
            self.in_doubt = self._unanswered = True
        elif news is _SETTLES and _speaks_for_the_key(error):
            self.in_doubt = False

    def _pause(self, error: ApiException) -> float | None:
        hint = error.retry_after
        if hint is not None and hint > self._configuration.max_retry_after:
            return None
        # Doubled until it is capped; 2 to the power of any number of attempts would not stay a float.
        backoff = min(_CAP_SECONDS, _BASE_SECONDS * 2 ** min(len(self.attempts) - 1, 10))
        wait = max(hint or 0.0, self._jitter(backoff / 2, backoff))
        left = self._deadline.remaining()
        if left is not None and wait >= left:
            error.out_of_time = True
            return None
        cost = 0 if hint is not None else 10 if isinstance(error, ApiTimeoutError) else 5
        if not self._quota.take(cost):
            return None
        if wait > _WORTH_TELLING_SECONDS:
            logger.info("waiting %.1f s before attempt %d (%s)", wait, len(self.attempts) + 1, type(error).__name__)
        return wait

    def final(self, error: ApiException) -> ApiException:
        """Return what the call raises when `error` was its last: with the outcome of the whole call."""
        if self.in_doubt:
            error.outcome = UNKNOWN
        elif self._answered:
            error.outcome = ANSWERED
        else:
            error.outcome = UNKNOWN if self._left else NOT_SENT
        error.attempts = [*self.attempts, *error.attempts]
        if error.outcome != UNKNOWN or self._kind == READ:
            return error
        unknown = error.recast(OutcomeUnknownError)
        unknown.__cause__ = error
        return unknown


def _speaks_for_the_key(error: ApiException) -> bool:
    """Whether a refusal says what became of an earlier attempt: Zuora's own words, from behind the check of who may
    call. An answer of a gateway, or a missing permission, is said before anybody looks at the key."""
    if isinstance(error, PermissionDeniedError) or any(reason.code == WRONG_ENTITY for reason in error.reasons):
        return False
    zuora_says_no = 200 <= (error.status or 0) <= 299
    return bool(error.reasons) and (zuora_says_no or any(reason.resource is not None for reason in error.reasons))
