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
from ..exceptions import UNKNOWN, RateLimitError
from .operations import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._codec.request import Request
    from ..deadline import Clock, Deadline
    from ..events import Event

    Redactor = Callable[[str], str]

logger = logging.getLogger("zuora_client")

_MAX_CHARACTERS = 200
_LOG_WAITS_LONGER_THAN = 5.0

_ON_ONE_CONNECTION = (Operation.ACCEPT, Operation.DENY, Operation.DISCONNECT)


class CallReport:
    """The log lines and events of one call and of the token requests that it makes.

    Attributes:
        on_event: `Configuration.on_event`.
        held: the events of a token fetch until `release`, or None. Other threads may wait for the token, so the
            callable is not called before the fetch is over.

    Args:
        failures: counts the exceptions that the callable raised, for all calls of a client.
    """

    __slots__ = ("_clock", "_deadline", "_failures", "_id", "_is_over", "_operation", "_request", "_started", "held",
                 "on_event")  # fmt: skip

    def __init__(
        self,
        request: Request,
        operation: Operation | None,
        deadline: Deadline,
        clock: Clock,
        failures: itertools.count[int],
    ) -> None:
        self.on_event = request.settings.on_event
        self.held: list[Event] | None = None
        self._request = request
        self._operation = operation
        self._deadline = deadline
        self._clock = clock
        self._failures = failures
        self._started = clock.now()
        self._id: str | None = None
        self._is_over = False

    @property
    def id(self) -> str:
        """A random id, the same in all log lines and events of the call."""
        if self._id is None:
            self._id = os.urandom(5).hex()
        return self._id

    # -- what happens -----------------------------------------------------------------------------------------------

    def attempt(
        self,
        request: Request,
        number: int,
        status: int | None,
        headers: Mapping[str, str] | None,
        seconds: float,
        redactor: Redactor,
        *,
        error: BaseException | None = None,
        wait: float | None = None,
    ) -> None:
        """Report an attempt of the call, or of a token request that it makes."""
        headers = headers or {}
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "[%s] %s %s: %s in %.0f ms, request id %s, track id %s",
                self.id,
                request.method,
                _text(request.template, redactor),
                status or "no response",
                seconds * 1000,
                _text(headers.get("Zuora-Request-Id"), redactor),
                _text(headers.get("Zuora-Track-Id"), redactor),
            )
        name = None if error is None else type(error).__name__
        if wait is not None and wait > _LOG_WAITS_LONGER_THAN:
            logger.info("[%s] waiting %.1f s before attempt %d (%s)", self.id, wait, number + 1, name)
        if self.on_event is None:
            return
        # Imported here: most programs set no callable.
        from ..events import AttemptEvent

        event = AttemptEvent(
            self.id,
            number,
            request.method,
            _text(request.template, redactor) or "",
            _text(_header(request.headers, "zuora-entity-ids"), redactor),
            status,
            name,
            seconds,
            wait,
            getattr(error, "retry_after", None),
            _remaining(error, headers),
        )
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
            from ..events import TokenEvent

            self._hold(TokenEvent(self.id, source, seconds, waited, early, name))

    def end(
        self,
        attempts: int,
        outcome: Any,
        status: int | None,
        ids: tuple[Any, Any, Any],
        redactor: Redactor,
        *,
        error: BaseException | None = None,
        cause: BaseException | None = None,
        new_connection_id: Any = None,
    ) -> None:
        """Report the end of the call. Only the first end counts.

        Args:
            ids: request id, process id and track id.
            error: what the call raises, or returns as a model.
            cause: the error of the last attempt.
            new_connection_id: of the connection that a POST created.
        """
        self.release()
        if self._is_over:
            return
        self._is_over = True
        seconds = self._clock.now() - self._started
        connection_id = new_connection_id if isinstance(new_connection_id, str) else None
        if self._operation in _ON_ONE_CONNECTION:
            connection_id = self._request.path.strip("/").split("/")[-2]
        texts = (_header(self._request.headers, "zuora-entity-ids"), connection_id, *ids)
        entity_id, connection_id, request_id, process_id, track_id = (_text(text, redactor) for text in texts)
        template = _text(self._request.template, redactor) or ""
        if logger.isEnabledFor(logging.INFO):
            failure = None if error is None else _failure(cause or error, status)
            named = {"entity": entity_id, "connection": connection_id, "request id": request_id}
            self._log_end(template, attempts, seconds, outcome, failure, named)
        if self.on_event is None:
            return
        from ..events import CallEvent

        self._deliver(
            CallEvent(
                self.id,
                self._request.method,
                template,
                entity_id,
                connection_id,
                attempts,
                seconds,
                status,
                None if error is None else type(error).__name__,
                outcome,
                request_id,
                process_id,
                track_id,
            )
        )

    def release(self) -> None:
        """Deliver the events of a token fetch."""
        held, self.held = self.held, None
        for event in held or ():
            self._deliver(event)

    # -- log and events ---------------------------------------------------------------------------------------------

    def _log_end(
        self,
        template: str,
        attempts: int,
        seconds: float,
        outcome: str,
        failure: str | None,
        named: Mapping[str, str | None],
    ) -> None:
        is_write = self._request.retry_class is not RetryClass.READ
        if failure is None and attempts == 1 and not is_write:
            return
        details = "".join(f", {name} {value}" for name, value in named.items() if value is not None)
        count = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        what = f"[{self.id}] {self._request.method} {template}"
        duration = f"after {count} in {seconds * 1000:.0f} ms"
        if failure is None:
            logger.info("%s: done %s%s", what, duration, details)
        elif is_write and outcome == UNKNOWN:
            to_do = "check whether it was done" if self._operation is None else "list the connections"
            logger.warning(
                "%s: outcome unknown %s (%s)%s; it may have been done: %s before sending it again",
                what, duration, failure, details, to_do,
            )  # fmt: skip
        else:
            logger.info("%s: failed %s (%s), outcome %s%s", what, duration, failure, outcome, details)

    def _hold(self, event: Event) -> None:
        if self.held is None:
            self.held = []
        self.held.append(event)

    def _deliver(self, event: Event) -> None:
        assert self.on_event is not None
        before = self._clock.now()
        try:
            self.on_event(event)
        except Exception as error:
            # Without its text and traceback, which may show the error of the call before its secrets are masked.
            if next(self._failures) == 0:
                logger.warning(
                    "[%s] on_event raised %s; the call goes on, and further exceptions of on_event are not logged",
                    self.id,
                    type(error).__name__,
                )
        finally:
            spent = self._clock.now() - before
            self._deadline.extend(spent)
            self._started += spent


def _text(value: Any, redactor: Redactor) -> str | None:
    """Return text as one line without secrets, None as None."""
    if value is None:
        return None
    text = redactor(str(value))
    # A folded header contains a line break, which would forge a line of the log.
    return text if text.isprintable() and len(text) <= _MAX_CHARACTERS else single_line(text, _MAX_CHARACTERS)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Return the header with this lower-case name, or None."""
    for key in headers:
        if key.lower() == name:
            return headers[key]
    return None


def _remaining(error: BaseException | None, headers: Mapping[str, str]) -> int | None:
    if isinstance(error, RateLimitError) and error.remaining is not None:
        return error.remaining
    value = headers.get("RateLimit-Remaining")
    return int(value) if value is not None and value.isascii() and value.isdecimal() and len(value) < 19 else None


def _failure(error: BaseException, status: int | None) -> str:
    name = type(error).__name__
    return name if status is None else f"{name} {status}"
