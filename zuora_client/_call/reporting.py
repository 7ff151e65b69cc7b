"""What a call reports: its log lines, and the events for `Configuration.on_event`.

Both hold an allow-list: method, path template, status, durations, ids, names of error classes. Texts are redacted.
"""

from __future__ import annotations

import itertools
import logging
import os
from typing import TYPE_CHECKING, Any

from .._base.text import single_line
from .._codec.request import RetryClass
from .._http.interruptions import is_from_outside
from ..exceptions import UNKNOWN, ApiException, RateLimitError
from .operations import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._codec.request import Request
    from ..deadline import Clock, Deadline
    from ..events import Event

    Redactor = Callable[[str], str]

logger = logging.getLogger("zuora_client")

_MAX_CHARACTERS = 200
_MAX_DIGITS = 19
_LOG_WAITS_LONGER_THAN = 5.0

_ON_ONE_CONNECTION = (Operation.ACCEPT, Operation.DENY, Operation.DISCONNECT)


class CallReport:
    """The log lines and events of one call and of the token requests that it makes.

    A successful call reports in few function calls: see test/packaging/test_budget.py.

    Attributes:
        on_event: `Configuration.on_event`.
        id: random, the same in all log lines and events of the call.
        held: the events of a token fetch until `release`, or None. Other threads may wait for the token, so the
            callable is not called before the fetch is over.

    Args:
        failures: counts the exceptions that the callable raised, for all calls of a client.
    """

    def __init__(
        self,
        request: Request,
        operation: Operation | None,
        deadline: Deadline,
        clock: Clock,
        failures: itertools.count[int],
    ) -> None:
        self.on_event = request.settings.on_event
        self._id: str | None = None
        self.held: list[Event] | None = None
        self._request = request
        self._operation = operation
        self._deadline = deadline
        self._clock = clock
        self._failures = failures
        self._started = clock.now()
        self._is_over = False
        is_on_one = operation in _ON_ONE_CONNECTION
        self._connection_id = request.path.strip("/").split("/")[-2] if is_on_one else None

    @property
    def id(self) -> str:
        # Made when it is first shown: most calls show it nowhere.
        if self._id is None:
            self._id = os.urandom(5).hex()
        return self._id

    # -- what happens -----------------------------------------------------------------------------------------------

    def success(
        self,
        request: Request,
        number: int,
        response: Any,
        seconds: float,
        sent: Mapping[str, str],
        redactor: Redactor,
        new_connection_id: Any,
    ) -> None:
        """Report the attempt that succeeded, and if it is not a token request, the end of the call.

        Args:
            sent: the headers of the attempt.
            new_connection_id: of the connection that a POST created, as received.
        """
        headers, status = response.headers, response.status
        call_id = self.id
        entity_id, sent_track_id = _sent_ids(sent)
        texts = (
            request.template,
            entity_id,
            self._connection_id or (new_connection_id and _valid_id(new_connection_id)),
            ", ".join(headers.getlist("Zuora-Request-Id")) or None,
            ", ".join(headers.getlist("Zuora-Track-Id")) or sent_track_id,
        )
        template, entity_id, connection_id, request_id, track_id = _clean(texts, redactor)
        is_token_request = request is not self._request
        duration = self._clock.now() - self._started
        self._is_over = not is_token_request
        if logger.isEnabledFor(logging.INFO):
            self._log_attempt(request.method, template, status, seconds, request_id, track_id)
            if not is_token_request and (number > 1 or request.retry_class is not RetryClass.READ):
                details = _details(entity_id, connection_id, request_id)
                logger.info(
                    "[%s] %s %s: done %s%s", call_id, request.method, template, _after(number, duration), details
                )
        if self.on_event is None:
            return
        # Imported here, as below: it costs start-up time, and most programs take no events. By its absolute name: a
        # relative one enters a Python function at each call.
        from zuora_client.events import AttemptEvent, CallEvent

        values = headers.getlist("RateLimit-Remaining")
        remaining = int(values[0]) if values and values[0].isdecimal() and len(values[0]) < _MAX_DIGITS else None
        attempt = AttemptEvent(
            call_id, number, request.method, template or "", entity_id, status, None, seconds, None, None, remaining
        )
        if is_token_request:
            self._hold(attempt)
            return
        end = CallEvent(
            call_id, request.method, template or "", entity_id, connection_id, number, duration, status, None, "done",
            request_id, None, track_id,
        )  # fmt: skip
        self._deliver(attempt, end)

    def failed_attempt(
        self,
        request: Request,
        number: int,
        error: BaseException,
        seconds: float,
        sent: Mapping[str, str],
        redactor: Redactor,
        wait: float | None,
    ) -> None:
        """Report an attempt that failed, before the wait for the next one."""
        status = error.status if isinstance(error, ApiException) else None
        headers: Any = (error.headers if isinstance(error, ApiException) else None) or {}
        texts = (request.template, _sent_ids(sent)[0], headers.get("Zuora-Request-Id"), headers.get("Zuora-Track-Id"))
        template, entity_id, request_id, track_id = _clean(texts, redactor)
        self._log_attempt(request.method, template, status, seconds, request_id, track_id)
        name = type(error).__name__
        if wait is not None and wait > _LOG_WAITS_LONGER_THAN:
            logger.info(
                "[%s] waiting %.1f s before attempt %d (%s)", self.id, wait, number + 1, name,
                extra={"wait": wait, "template": template, "error": name},
            )  # fmt: skip
        if self.on_event is None:
            return
        from zuora_client.events import AttemptEvent

        remaining = error.remaining if isinstance(error, RateLimitError) else None
        value = headers.get("RateLimit-Remaining", "")
        if remaining is None and value.isdecimal() and len(value) < _MAX_DIGITS:
            remaining = int(value)
        retry_after = error.retry_after if isinstance(error, ApiException) else None
        event = AttemptEvent(
            self.id, number, request.method, template or "", entity_id, status, name, seconds, wait, retry_after,
            remaining,
        )  # fmt: skip
        if request is self._request:
            self._deliver(event)
        else:
            self._hold(event)

    def token(self, source: str, seconds: float, error: BaseException | None, *, waited: bool, early: bool) -> None:
        """Report a token fetch. The event is held until `release`."""
        name = None if error is None else type(error).__name__
        if early and name is not None:
            logger.info("[%s] the early renewal of the token failed (%s), the current one stays in use", self.id, name)
        if self.on_event is not None:
            from zuora_client.events import TokenEvent

            self._hold(TokenEvent(self.id, source, seconds, waited, early, name))

    def failure(
        self,
        attempts: int,
        outcome: Any,
        error: BaseException,
        last: BaseException,
        sent: Mapping[str, str],
        redactor: Redactor,
    ) -> None:
        """Report a call that failed.

        Args:
            error: what the call raises, or returns as a model.
            last: the error of the last attempt.
            sent: the headers of the last attempt.
        """
        if self.held is not None:
            self.release()
        if self._is_over:
            return
        self._is_over = True
        duration = self._clock.now() - self._started
        request = self._request
        known = error if isinstance(error, ApiException) else ApiException()
        status = known.status
        entity_id, sent_track_id = _sent_ids(sent)
        texts = (
            request.template,
            entity_id,
            self._connection_id,
            known.request_id,
            known.process_id,
            known.track_id or sent_track_id,
        )
        template, entity_id, connection_id, request_id, process_id, track_id = _clean(texts, redactor)
        cause = type(last).__name__ if status is None else f"{type(last).__name__} {status}"
        what = f"[{self.id}] {request.method} {template}"
        details = _details(entity_id, connection_id, request_id)
        if outcome == UNKNOWN and request.retry_class is not RetryClass.READ:
            to_do = "check whether it was done" if self._operation is None else "list the connections"
            logger.warning(
                "%s: outcome unknown %s (%s)%s; it may have been done: %s before sending it again",
                what, _after(attempts, duration), cause, details, to_do,
            )  # fmt: skip
        else:
            logger.info("%s: failed %s (%s), outcome %s%s", what, _after(attempts, duration), cause, outcome, details)
        if self.on_event is not None:
            from zuora_client.events import CallEvent

            event = CallEvent(
                self.id, request.method, template or "", entity_id, connection_id, attempts, duration, status,
                type(error).__name__, outcome, request_id, process_id, track_id,
            )  # fmt: skip
            self._deliver(event)

    def release(self) -> None:
        """Deliver the events of a token fetch."""
        held, self.held = self.held, None
        self._deliver(*held or ())

    # -- parts ------------------------------------------------------------------------------------------------------

    def _log_attempt(
        self,
        method: str,
        template: str | None,
        status: int | None,
        seconds: float,
        request_id: str | None,
        track_id: str | None,
    ) -> None:
        logger.debug(
            "[%s] %s %s: %s in %.0f ms, request id %s, track id %s",
            self.id, method, template, status or "no response", seconds * 1000, request_id, track_id,
        )  # fmt: skip

    def _hold(self, event: Event) -> None:
        if self.held is None:
            self.held = []
        self.held.append(event)

    def _deliver(self, *events: Event) -> None:
        on_event = self.on_event
        assert on_event is not None
        before = self._clock.now()
        for event in events:
            try:
                on_event(event)
            except Exception as error:  # noqa: PERF203 - the next event is delivered all the same
                if is_from_outside(error):
                    raise
                # Without its text and traceback, which may show the error of the call before its secrets are masked.
                if next(self._failures) == 0:
                    logger.warning(
                        "[%s] on_event raised %s; the call goes on, and further exceptions of on_event are not logged",
                        self.id,
                        type(error).__name__,
                    )
        if not self._is_over:
            spent = self._clock.now() - before
            self._deadline.extend(spent)
            self._started += spent


def _clean(texts: Any, redactor: Redactor) -> list[str | None]:
    """Return the texts as single lines without secrets, None as None."""
    cleaned: list[str | None] = []
    for text in texts:
        if text is not None:
            text = redactor(text)
            # A folded header contains a line break, which would forge a line of the log.
            if len(text) > _MAX_CHARACTERS or not text.isprintable():
                text = single_line(text, _MAX_CHARACTERS)
        cleaned.append(text)
    return cleaned


def _sent_ids(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the entity id and the track id in the headers of a request, or None."""
    entity_id = track_id = None
    for name, value in headers.items():
        lowered = name.lower()
        if lowered == "zuora-entity-ids":
            entity_id = value
        elif lowered == "zuora-track-id":
            track_id = value
    return entity_id, track_id


def _valid_id(value: Any) -> str | None:
    """Return an id from a body if it has the form of Zuora's: 32 hexadecimal digits."""
    return value if isinstance(value, str) and len(value) == 32 and value.isalnum() else None


def _after(attempts: int, seconds: float) -> str:
    return f"after {attempts} attempt{'' if attempts == 1 else 's'} in {seconds * 1000:.0f} ms"


def _details(entity_id: str | None, connection_id: str | None, request_id: str | None) -> str:
    named = (("entity", entity_id), ("connection", connection_id), ("request id", request_id))
    return "".join(f", {name} {value}" for name, value in named if value is not None)
