"""Whether a failed attempt is retried, after which delay and under which key; and what is then known about the write.

`retry_table` has the rules. What is known belongs to the call: once an attempt of a write was sent and got no response,
the call stays in doubt until a response under the same key settles it.
"""

from __future__ import annotations

import os
import random
import threading
from enum import Enum
from typing import TYPE_CHECKING

from .._codec.request import RetryClass
from ..exceptions import (
    ANSWERED,
    NOT_SENT,
    UNKNOWN,
    WRONG_ENTITY,
    ApiException,
    ApiTimeoutError,
    AttemptRecord,
    OutcomeUnknownError,
    PermissionDeniedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..configuration import Configuration
    from ..deadline import Deadline
    from ..exceptions import Outcome
    from .retry_table import Action, Failure

# The system's generator: a fork in C, as uWSGI's, does not reseed that of the module.
uniform = random.SystemRandom().uniform

_LIMIT_EXCEEDED = 70


class Renewal(Enum):
    """Whether new credentials can be obtained after Zuora rejected those of an attempt."""

    IMPOSSIBLE = "impossible"
    ONCE = "possible, for one retry"
    # A token from a token store may have been revoked before this call took it.
    REPEATABLE = "possible, without counting as the one retry"


_BASE_BACKOFF = 0.5
_MAX_BACKOFF = 20.0
# For throttled token requests: Zuora counts them by the minute and by address, for all clients behind it together.
_BASE_TOKEN_BACKOFF = 4.0
_MIN_HINT_JITTER = 0.5


def is_throttled(error: ApiException) -> bool:
    """Whether Zuora reports an exceeded limit: status 429, or a reason of category 70."""
    return error.status == 429 or any(reason.category == _LIMIT_EXCEEDED for reason in error.reasons)


def new_idempotency_key() -> str:
    """Return a random idempotency key: 128 bits, as 32 hexadecimal digits."""
    return os.urandom(16).hex()


class RetryQuota:
    """A budget for the retries of all threads of a client, so that an outage does not multiply the requests.

    It starts at 500. A retry costs 5, or 10 after a timeout, or 0 if the server named the wait or throttled a token
    request. A success returns 1.
    """

    capacity = 500

    def __init__(self) -> None:
        # Reentrant: a signal handler may make a call while its thread holds the lock.
        self._lock = threading.RLock()
        self.available_capacity = self.capacity

    def acquire(self, cost: int) -> bool:
        """Take `cost` from the quota; False if less is available."""
        with self._lock:
            if cost > self.available_capacity:
                return False
            self.available_capacity -= cost
            return True

    def release(self) -> None:
        """Return 1 to the quota, after a success."""
        if self.available_capacity < self.capacity:
            with self._lock:
                self.available_capacity = min(self.capacity, self.available_capacity + 1)


class RetryState:
    """The attempts of one call so far, what is known about the write, and whether another attempt is allowed.

    Attributes:
        attempts: an `AttemptRecord` for each failed attempt.
        in_doubt: a write may have been done.
        needs_new_key: the next attempt must not reuse the idempotency key.
        needs_new_connection: the next attempt must not reuse a connection.

    Args:
        caller_key: the idempotency key is the caller's. It is never replaced: the call ends instead.
        max_throttled: only for token requests: the number of attempts that may be throttled. They do not count against
            `max_attempts`, and the waits after them are longer.
    """

    def __init__(
        self,
        retry_class: RetryClass,
        configuration: Configuration,
        quota: RetryQuota,
        deadline: Deadline,
        *,
        caller_key: bool = False,
        max_throttled: float | None = None,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        self.attempts: list[AttemptRecord] = []
        self.in_doubt = False
        self.needs_new_key = False
        self.needs_new_connection = False
        self._retry_class = retry_class
        self._configuration = configuration
        self._quota = quota
        self._deadline = deadline
        self._caller_key = caller_key
        self._max_throttled = max_throttled
        self._throttled = 0
        self._jitter = jitter
        self._done_once: set[Action] = set()
        self._unanswered = False
        self._got_response = False
        self._sent = False

    def next_delay(self, error: ApiException, elapsed: float, refresh_token: Callable[[], Renewal]) -> float | None:
        """Record a failed attempt; return the seconds to wait before the next, or None if there is none.

        Args:
            elapsed: duration of the attempt in seconds.
            refresh_token: called when Zuora rejected the credentials: drops them, and returns whether new ones can
                be obtained.
        """
        from .retry_table import RETRY_TABLE, Action, classify_failure

        attempt = AttemptRecord(len(self.attempts) + 1, elapsed, error.status, type(error).__name__)
        self.attempts.append(attempt)
        failure = classify_failure(error, self._retry_class, unanswered=self._unanswered)
        self._record(failure, error)
        action = RETRY_TABLE[failure].action_for(self._retry_class)
        self.needs_new_connection = action is Action.RECONNECT
        renewal = refresh_token() if action is Action.REFRESH_TOKEN else None
        if renewal is Renewal.IMPOSSIBLE:
            return None
        if action is Action.RAISE or self._is_last(error):
            return None
        # All attempts so far got a response, so Zuora would replay the stored failure for this key. After an attempt
        # without a response the key must stay: it keeps the request from being done twice.
        # A misdirected request was not processed, so nothing is stored for its key.
        is_keyed = self._retry_class is RetryClass.KEYED
        was_processed = error.outcome != NOT_SENT and action is not Action.RECONNECT
        self.needs_new_key = is_keyed and was_processed and not self._unanswered
        if self.needs_new_key and self._caller_key:
            return None
        if action is Action.RETRY:
            attempt.wait = self._compute_backoff(error)
        elif renewal is Renewal.REPEATABLE:
            attempt.wait = 0.0
        elif action not in self._done_once:
            self._done_once.add(action)
            attempt.wait = 0.0
        return attempt.wait

    def _is_last(self, error: ApiException) -> bool:
        if self._max_throttled is not None and is_throttled(error):
            self._throttled += 1
            return self._throttled >= self._max_throttled
        return len(self.attempts) - self._throttled >= self._configuration.max_attempts

    def _record(self, failure: Failure, error: ApiException) -> None:
        from .retry_table import RETRY_TABLE, WITHOUT_RESPONSE, Effect, Failure

        self._sent = self._sent or error.outcome != NOT_SENT
        self._got_response = self._got_response or failure not in WITHOUT_RESPONSE
        if self._retry_class is RetryClass.READ:
            return
        effect = RETRY_TABLE[failure].effect
        if effect is Effect.IN_DOUBT:
            self.in_doubt = self._unanswered = True
        elif effect is Effect.NOT_DONE and _is_authoritative_refusal(error):
            # While an attempt is unanswered, that attempt may hold the lock: a lock settles nothing.
            self.in_doubt = self._unanswered and failure is Failure.LOCKED

    def _compute_backoff(self, error: ApiException) -> float | None:
        hint = error.retry_after
        if hint is not None and hint > self._configuration.max_retry_after:
            return None
        remaining = self._deadline.remaining()
        is_token_limit = self._max_throttled is not None and is_throttled(error)
        base = _BASE_TOKEN_BACKOFF if is_token_limit and hint is None else _BASE_BACKOFF
        # The exponent is limited: 2 to the power of any number of attempts would not fit a float.
        backoff = min(_MAX_BACKOFF, base * 2 ** min(len(self.attempts) - 1, 10))
        wait = max(self._with_jitter(hint or 0.0, remaining), self._jitter(backoff / 2, backoff))
        if remaining is not None and wait >= remaining:
            error.deadline_exceeded = True
            return None
        # Waiting as long as Zuora asks, or for seconds, does not multiply the requests.
        cost = 0 if hint is not None or is_token_limit else 10 if isinstance(error, ApiTimeoutError) else 5
        if not self._quota.acquire(cost):
            return None
        return wait

    def _with_jitter(self, hint: float, remaining: float | None) -> float:
        """Return a wait above a hint, so that clients which got the same hint do not retry in step."""
        max_jitter = max(_MIN_HINT_JITTER, hint / 2)
        if remaining is not None:
            # At least half of the time after the hint is kept for the attempt itself.
            max_jitter = min(max_jitter, (remaining - hint) / 2)
        return hint + self._jitter(0.0, max_jitter) if hint else hint

    def finalize(self, error: ApiException) -> ApiException:
        """Return the exception of the call after its last error, with the outcome of all attempts."""
        error.outcome = self.outcome()
        error.attempts = [*self.attempts, *error.attempts]
        if error.outcome != UNKNOWN or self._retry_class is RetryClass.READ:
            return error
        unknown = error.as_type(OutcomeUnknownError)
        unknown.__cause__ = error
        return unknown

    def outcome(self) -> Outcome:
        """Return what is known about the call after its attempts so far."""
        if self.in_doubt:
            return UNKNOWN
        if self._got_response:
            return ANSWERED
        return UNKNOWN if self._sent else NOT_SENT


def _is_authoritative_refusal(error: ApiException) -> bool:
    """Whether a refusal settles what became of an earlier attempt under the same key.

    It must be a response of Zuora's API, sent after the authorization check: a gateway's error and a missing
    permission are reported before Zuora looks at the key.
    """
    if isinstance(error, PermissionDeniedError) or any(reason.code == WRONG_ENTITY for reason in error.reasons):
        return False
    is_success_status = 200 <= (error.status or 0) <= 299
    return bool(error.reasons) and (is_success_status or any(reason.resource is not None for reason in error.reasons))
