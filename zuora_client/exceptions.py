"""Every way a call can fail: one root class, and on each error what is known about the write.

ApiException                     status, reason, body, headers, and what is known: outcome, attempts, reasons, ids
+- OutcomeUnknownError           a write that may or may not have happened; the failure itself is its ``__cause__``
+- ApiConnectionError            no connection, or it broke; a proxy refused (407); `outcome`: was the request sent
|  +- TlsError                   the server's certificate was not trusted, or no common TLS version
+- ApiTimeoutError               the deadline of the call or a timeout of an attempt; 408, 499
+- AuthenticationError           Zuora did not accept the credentials: 401, a refused client id, category 11
+- PermissionDeniedError         Zuora recognized the caller, who lacks permission: 403, category 10
+- NotFoundError                 404, category 40
+- ConflictError                 409, 423, a reused idempotency key (422), locking contention (category 50)
+- RateLimitError                429, category 70: by rate or by concurrency
+- RequestRejectedError          every other 4xx and every other ``success: false``
+- ServerError                   5xx that leaves nothing in doubt: on a read, or 503 with Retry-After
+- InvalidResponseError          a response that cannot be used: not JSON, wrong container, too large, a redirect

`outcome` is one of three words. ``not_sent``: the request was not sent. ``answered``: Zuora refused the write, nothing
was done (for a read: a response arrived). ``unknown``: anything else. It describes the whole call, not its last
attempt. Wrong arguments raise TypeError or ValueError instead, before anything is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._base.reasons import CATEGORIES as CATEGORIES
from ._base.reasons import CONCURRENCY_LIMIT as CONCURRENCY_LIMIT
from ._base.reasons import INVALID_CREDENTIAL as INVALID_CREDENTIAL
from ._base.reasons import SERVER_FAULT_CATEGORIES as SERVER_FAULT_CATEGORIES
from ._base.reasons import WRONG_ENTITY as WRONG_ENTITY
from ._base.reasons import Reason as Reason
from ._base.text import body_excerpt, single_line, truncate_body

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal, TypeAlias, TypeVar

    Outcome: TypeAlias = Literal["not_sent", "answered", "unknown"]
    _Error = TypeVar("_Error", bound="ApiException")

NOT_SENT: Final = "not_sent"
ANSWERED: Final = "answered"
UNKNOWN: Final = "unknown"

_SHOWN_REASONS = 10


class AttemptRecord:
    """One failed attempt of a call.

    Attributes:
        number: 1 for the first.
        elapsed: duration in seconds.
        status: HTTP status, or None without a response.
        error: name of the error class.
        wait: seconds waited before the next attempt, None for the last one.
    """

    __slots__ = ("elapsed", "error", "number", "status", "wait")

    def __init__(self, number: int, elapsed: float, status: int | None, error: str) -> None:
        self.number = number
        self.elapsed = elapsed
        self.status = status
        self.error = error
        self.wait: float | None = None

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        result = self.error if self.status is None else f"{self.error} {self.status}"
        waited = "" if self.wait is None else f", waited {self.wait:.1f} s"
        return f"#{self.number} {result} after {self.elapsed:.1f} s{waited}"

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as data for JSON."""
        return {name: getattr(self, name) for name in ("number", "elapsed", "status", "error", "wait")}


class ApiException(Exception):
    """A call failed. Catch this to catch every failure of a call.

    ``str()`` begins with `summary`; the second line begins with ``Reason: ``.

    Attributes:
        status: HTTP status, or None without a response.
        reason: the HTTP reason phrase; Zuora's own words for a refusal under HTTP 200; or what broke.
        body: the response body as text, its first 65,536 characters, or None.
        headers: response headers (case-insensitive), or None.
        outcome: ``"not_sent"``, ``"answered"`` or ``"unknown"``.
        method, path: of the request.
        operation: ``"list"``, ``"initiate"``, ``"accept"``, ``"deny"`` or ``"disconnect"``; ``"list entities"`` or
            ``"read entity"``; None for any other path.
        connection_id: the connection that was accepted, denied or disconnected, or None.
        entity_id: the entity that the call acted for, or the entity that was read; None if no entity was named.
        source_entity_id, target_entity_id: the pair, of a connection request or of a run; otherwise None.
        entity_name, source_name, target_name: their names, if the call was made with a hierarchy; otherwise None.
        reasons: a tuple of `Reason`, empty when Zuora gave none.
        request_id, process_id: ids that Zuora's support asks for; None when the response has none.
        track_id: the one in the response, otherwise the one that was sent, or None.
        retry_after: seconds that Zuora asked to wait, or None.
        attempts: a list of `AttemptRecord`, one for each failed attempt.
        advice: what to do next, in one or two sentences.
        deadline_exceeded: True when another attempt was allowed, but the deadline left no time for the wait before it.

    Args:
        http_resp: a response to take `status`, `reason`, `headers` and `body` from.
        outcome: what is known about the write; without it ``"answered"`` with a status and ``"unknown"`` without one.
    """

    operation: str | None = None
    connection_id: str | None = None
    entity_id: str | None = None
    entity_name: str | None = None
    source_entity_id: str | None = None
    source_name: str | None = None
    target_entity_id: str | None = None
    target_name: str | None = None
    deadline_exceeded = False
    advice = "Read the reason; repeating the same call will not help."
    # Whether the request for a token failed, so that the call itself was not sent.
    _is_of_token = False
    _default_outcome: Outcome | None = None
    # Without a request, as in an error that was rebuilt from its args.
    _default_sentence = ""

    def __init__(
        self,
        status: int | None = None,
        reason: str | None = None,
        http_resp: Any = None,
        *,
        outcome: Outcome | None = None,
    ) -> None:
        self.status: int | None = status
        self.reason: str | None = reason
        self.body: str | None = None
        self.headers: Mapping[str, str] | None = None
        if http_resp is not None:
            self.status, self.reason = http_resp.status, http_resp.reason
            self.headers = http_resp.getheaders()
            self.body = truncate_body(http_resp.data)
        by_status: Outcome = UNKNOWN if self.status is None else ANSWERED
        self.outcome: Outcome = outcome or self._default_outcome or by_status
        self.method: str | None = None
        self.path: str | None = None
        self.reasons: tuple[Reason, ...] = ()
        self.request_id: str | None = None
        self.track_id: str | None = None
        self.process_id: str | None = None
        self.retry_after: float | None = None
        self.attempts: list[AttemptRecord] = []
        super().__init__(status, reason)

    def as_type(self, cls: type[_Error], *, outcome: Outcome | None = None) -> _Error:
        """Return a copy of this error as an instance of `cls`. Advice is kept only if the class stays the same."""
        other = cls(self.status, self.reason)
        other.__dict__.update({name: value for name, value in vars(self).items() if name != "advice"})
        if type(self) is cls:
            other.advice = self.advice
        other.outcome = outcome or self.outcome
        return other

    recast = as_type

    @property
    def out_of_time(self) -> bool:
        """The earlier name of `deadline_exceeded`."""
        return self.deadline_exceeded

    def __reduce__(self) -> tuple[Any, ...]:
        # The default drops __cause__. Keep one of ours: a foreign one may not pickle.
        state = dict(self.__dict__)
        if isinstance(self.__cause__, ApiException):
            state["__cause__"] = self.__cause__
        return type(self), (self.status, self.reason), state

    @property
    def summary(self) -> str:
        """One line: the status, which operation on which entities failed, and what became of it."""
        return single_line(f"({self.status}) {self._sentence()}")

    def _sentence(self) -> str:
        if self.method is None:
            return self._default_sentence
        # Imported here, as below: only an error that is printed needs it.
        from ._base.error_summary import sentence

        return sentence(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as data for JSON: no body, no headers, no secret."""
        return {
            "error": type(self).__name__,
            "summary": self.summary,
            **{name: getattr(self, name) for name in _PLAIN_ATTRIBUTES},
            "reasons": [reason.to_dict() for reason in self.reasons],
            "attempts": [attempt.to_dict() for attempt in self.attempts],
        }

    def __str__(self) -> str:
        lines = [self.summary, f"Reason: {single_line(self.reason)}"]
        if self.operation is not None:
            lines.append(f"Request: {self.method} {self.path}")
        if self.entity_name or self.source_name or self.target_name:
            from ._base.error_summary import entities

            lines.append(f"Entities: {single_line(entities(self))}")
        lines += [f"  {reason}" for reason in self.reasons[:_SHOWN_REASONS]]
        if len(self.reasons) > _SHOWN_REASONS:
            lines.append(f"  ... and {len(self.reasons) - _SHOWN_REASONS} more reasons")
        excerpt = "" if self.reasons or not self.body else body_excerpt(self.body)
        if excerpt:
            lines.append(f"  Response: {excerpt}")
        ids = [("request id", self.request_id), ("process id", self.process_id), ("track id", self.track_id)]
        shown = ", ".join(f"{name} {single_line(value)}" for name, value in ids if value)
        if shown:
            lines.append(f"For Zuora support: {shown}")
        lines += self._limit_lines()
        if self.retry_after is not None:
            lines.append(f"Zuora asked to wait {self.retry_after:.15g} s.")
        if self.method is not None:
            lines += [f"What to do: {self.advice}", "More: docs/troubleshooting.md"]
        if len(self.attempts) > 1:
            lines.append("Attempts: " + "; ".join(str(attempt) for attempt in self.attempts))
        return "\n".join(lines) + "\n"

    def _limit_lines(self) -> list[str]:
        return []


_PLAIN_ATTRIBUTES = (
    "status",
    "reason",
    "outcome",
    "operation",
    "connection_id",
    "entity_id",
    "entity_name",
    "source_entity_id",
    "source_name",
    "target_entity_id",
    "target_name",
    "method",
    "path",
    "request_id",
    "process_id",
    "track_id",
    "retry_after",
    "deadline_exceeded",
    "advice",
)


class OutcomeUnknownError(ApiException):
    """A write was sent, and no response says whether it was done. The failure itself is ``__cause__``."""

    advice = "List the connections before you send it again: it may have been done."
    # Rebuilt from its args alone, as Celery's JSON backend does, it must not claim a response.
    _default_outcome = UNKNOWN
    _default_sentence = "A write may or may not have been done."


class ApiConnectionError(ApiException):
    """No connection could be made, or it broke before the response was complete."""

    advice = "Check host, name resolution, proxy and firewall; then call again."


class TlsError(ApiConnectionError):
    """TLS could not be set up: an untrusted or expired certificate, one for another name, or no common version."""

    advice = (
        "Do not switch verification off. Check the host name, the clock of this machine, and ssl_ca_cert if a proxy "
        "of your company issues its own certificates."
    )


class ApiTimeoutError(ApiException):
    """The deadline of the call passed, or an attempt took longer than its timeout."""

    advice = "Call again, with a longer deadline if it was short; Zuora itself may take up to 120 s."


class AuthenticationError(ApiException):
    """Zuora does not accept the credentials."""

    advice = (
        "Check client id and secret (or the token), and that they belong to the data center of the configured host: on "
        "any other host they look wrong. A client stops working when its user is deactivated."
    )


class PermissionDeniedError(ApiException):
    """Zuora recognized the caller, who lacks permission."""

    advice = (
        "Ask an administrator: the user behind the OAuth client needs the right role, and API Write Access to write."
    )


class NotFoundError(ApiException):
    """Nothing exists at this address, in this tenant or entity."""

    advice = "Check the id (or the path), and that host and entity are the ones that hold it."


class ConflictError(ApiException):
    """The resource is locked (409, 423, category 50), or the idempotency key was used for another request."""

    advice = "Wait for the other change to finish, list the connection, then decide."


class RateLimitError(ApiException):
    """Zuora's limit of requests was reached, by rate or by concurrency; nothing was done.

    Attributes:
        limit_type: ``"rate"`` or ``"concurrency"``.
        limits: window in seconds to requests, if the response has them; the key 0 is the current window.
        remaining: requests remaining, or None.
    """

    advice = "Wait, then call again, less often and with fewer calls at once."
    limit_type: Literal["rate", "concurrency"] = "rate"
    limits: dict[int, int] | None = None
    remaining: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Like `ApiException.to_dict`, with the three attributes; the windows of ``limits`` are text."""
        limits = {str(window): limit for window, limit in (self.limits or {}).items()}
        return {**super().to_dict(), "limit_type": self.limit_type, "limits": limits, "remaining": self.remaining}

    def _limit_lines(self) -> list[str]:
        limits = self.limits or {}
        if self.limit_type == "concurrency":
            parts = [f"{limit} calls at once" for limit in limits.values()]
        else:
            parts = [f"{limit} calls in {window} s" for window, limit in limits.items() if window]
        if self.remaining is not None:
            parts.append(f"{self.remaining} remaining")
        return [f"Limit by {self.limit_type}: {', '.join(parts)}"] if parts else []


class RequestRejectedError(ApiException):
    """Zuora understood the call and refused it."""

    advice = "Fix what the reasons name; the same call would be refused again."


class ServerError(ApiException):
    """Zuora or something in front of it failed (5xx), and no write is in doubt."""

    advice = "Call again later; if it keeps failing, contact Zuora support and quote the ids of the response."


class InvalidResponseError(ApiException):
    """A response that Zuora does not send: not JSON, another shape, too large, a redirect."""

    advice = "Check that host is Zuora's and that no proxy or login page responds in its place."
