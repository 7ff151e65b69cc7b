"""Every way a call can fail. One root, and on each error what is known about the write.

ApiException                     status, reason, body, headers, and what is known: outcome, attempts, reasons, ids
+- OutcomeUnknownError           a write that may or may not have happened; the failure itself is its ``__cause__``
+- ApiConnectionError            no connection, or it broke; `outcome` tells on which side of sending
|  +- TlsError                   the other side could not prove who it is, or spoke no TLS that we accept
+- ApiTimeoutError               the deadline of the call or a timeout of an attempt
+- AuthenticationError           Zuora does not know who calls: 401, a refused client id, category 11
+- PermissionDeniedError         Zuora knows who calls, and does not permit it: 403, category 10
+- NotFoundError                 404, category 40
+- ConflictError                 409, a reused idempotency key (422), a lock that stayed (category 50)
+- RateLimitError                429, category 70: by rate or by concurrency
+- RequestRejectedError          every other 4xx and every other ``success: false``
+- ServerError                   5xx that leaves nothing in doubt: on a read, or 503 with Retry-After
+- InvalidResponseError          an answer that cannot be read: not JSON, wrong container, too large, a redirect

`outcome` is one of three words. ``not_sent``: the request never left. ``answered``: Zuora's own answer refused the
write, nothing was done (for a read: an answer came). ``unknown``: anything else. It belongs to the call, not to its
last attempt. Wrong arguments are not here: they are TypeError or ValueError, before anything is sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal, TypeVar

    from typing_extensions import TypeAlias

    Outcome: TypeAlias = Literal["not_sent", "answered", "unknown"]
    _Kind = TypeVar("_Kind", bound="ApiException")

NOT_SENT: Final = "not_sent"
ANSWERED: Final = "answered"
UNKNOWN: Final = "unknown"

# Zuora's table of the last two digits of an error code, in its own order.
CATEGORIES = {
    10: "permission or access denied",
    11: "authentication failed",
    20: "invalid format or value",
    21: "unknown field in request",
    22: "missing required field",
    23: "missing required query parameter",
    27: "invalid query parameter",
    30: "business rule",
    40: "not found",
    45: "method not supported",
    50: "locking contention",
    60: "internal error",
    61: "temporary error",
    70: "request exceeded limit",
    90: "malformed JSON",
    99: "integration error",
}

# Zuora itself is in trouble: whether a write was done, it does not say.
TROUBLE = frozenset((60, 61, 99))

# Codes that mean something else, or something more, than their category says.
INVALID_CREDENTIAL = 90000011
WRONG_ENTITY = 90000020
CONCURRENCY_LIMIT = 50000070
_NAMED_CODES = {
    INVALID_CREDENTIAL: "invalid credential or token",
    WRONG_ENTITY: "wrong or inaccessible entity",
    CONCURRENCY_LIMIT: "concurrency limit",
}

# Characters of an answer that an error keeps. Until secrets are taken out of it, it holds more: one that is cut in two
# would not be found.
KEPT_CHARACTERS = 65536
_MARGIN_FOR_SECRETS = 16384
_SHOWN_REASONS = 10
_SHOWN_CHARACTERS = 500
_EXTRACT_CHARACTERS = 200


class Reason:
    """One of Zuora's reasons for a refusal.

    Attributes:
        code: int when Zuora sent digits (as a number or as text), otherwise the word it sent, or None.
        resource: the first six digits of an eight-digit code, otherwise None.
        category: the last two digits as an int, otherwise None.
        message: Zuora's own words.
    """

    __slots__ = ("category", "code", "message", "resource")

    def __init__(self, code: int | str | None, message: str) -> None:
        self.code = code
        self.message = message
        self.resource: int | None = None
        self.category: int | None = None
        if isinstance(code, int) and 0 <= code <= 99:
            self.category = code
        elif isinstance(code, int) and 10_000_000 <= code <= 99_999_999:
            self.resource, self.category = divmod(code, 100)

    @property
    def category_name(self) -> str | None:
        """The meaning of the category in Zuora's table, or None for a code without one."""
        return None if self.category is None else CATEGORIES.get(self.category)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and (self.code, self.message) == (other.code, other.message)

    def __hash__(self) -> int:
        return hash((self.code, self.message))

    def __repr__(self) -> str:
        return f"Reason(code={self.code!r}, message={self.message!r})"

    def __str__(self) -> str:
        if self.code is None:
            return plain(self.message) or "(no words)"
        meaning = (_NAMED_CODES.get(self.code) if isinstance(self.code, int) else None) or self.category_name
        code = f"{plain(self.code)} ({meaning})" if meaning else plain(self.code)
        return f"{code}: {plain(self.message)}" if self.message else code


class AttemptRecord:
    """One attempt that failed: its number, how long it took, what came, and the wait before the next.

    Attributes:
        number: 1 for the first.
        elapsed: seconds.
        status: HTTP status of the answer, or None when none came.
        error: name of the error class.
        wait: seconds waited before the next attempt, or None for the last one.
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


class ApiException(Exception):
    """A call failed. Catch this to catch every failure of a call.

    Attributes:
        status: HTTP status of the answer, or None when none came.
        reason: the HTTP reason phrase, Zuora's own words for an HTTP 200 that says no, or what broke.
        body: the answer as text, its first 65,536 characters, or None.
        headers: headers of the answer (case-insensitive), or None.
        outcome: ``"not_sent"``, ``"answered"`` or ``"unknown"``.
        method, path: what was called.
        reasons: a tuple of `Reason`, empty when Zuora gave none.
        request_id, process_id: what Zuora's support asks for; None when not in the answer.
        track_id: the one in the answer, otherwise the one that was sent, or None.
        retry_after: seconds that Zuora asked to wait, or None.
        attempts: a list of `AttemptRecord`, one for each attempt that failed.
        advice: what to do next, in one or two sentences.
        out_of_time: True when another attempt was allowed, and the deadline left no time to wait for it.
    """

    out_of_time = False
    advice = "Read the reason; the call is not worth repeating unchanged."

    def __init__(self, status: int | None = None, reason: str | None = None, http_resp: Any = None) -> None:
        self.status: int | None = status
        self.reason: str | None = reason
        self.body: str | None = None
        self.headers: Mapping[str, str] | None = None
        if http_resp is not None:
            self.status, self.reason = http_resp.status, http_resp.reason
            self.headers = http_resp.getheaders()
            self.body = body_to_keep(http_resp.data)
        self.outcome: Outcome = UNKNOWN if self.status is None else ANSWERED
        self.method: str | None = None
        self.path: str | None = None
        self.reasons: tuple[Reason, ...] = ()
        self.request_id: str | None = None
        self.track_id: str | None = None
        self.process_id: str | None = None
        self.retry_after: float | None = None
        self.attempts: list[AttemptRecord] = []
        super().__init__(status, reason)

    def recast(self, kind: type[_Kind]) -> _Kind:
        """Return a copy, the same facts as `kind` of error; the advice of another kind is left behind."""
        other = kind(self.status, self.reason)
        other.__dict__.update({name: value for name, value in vars(self).items() if name != "advice"})
        if type(self) is kind:
            other.advice = self.advice
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        # The default forgets __cause__. One of ours is part of the truth; a foreign one may not pickle.
        state = dict(self.__dict__)
        if isinstance(self.__cause__, ApiException):
            state["__cause__"] = self.__cause__
        return type(self), (self.status, self.reason), state

    def __str__(self) -> str:
        lines = [f"({self.status})", f"Reason: {plain(self.reason)}"]
        if self.method is not None:
            fate = _FATE_OF_READ if self.method in ("GET", "HEAD", "OPTIONS") else _FATE_OF_WRITE
            lines.append(f"{self.method} {self.path}: {fate[self.outcome]}")
        lines += [f"  {reason}" for reason in self.reasons[:_SHOWN_REASONS]]
        if len(self.reasons) > _SHOWN_REASONS:
            lines.append(f"  ... and {len(self.reasons) - _SHOWN_REASONS} more reasons")
        answer = "" if self.reasons or not self.body else extract(self.body)
        if answer:
            lines.append(f"  Answer: {answer}")
        ids = [("request id", self.request_id), ("process id", self.process_id), ("track id", self.track_id)]
        told = ", ".join(f"{name} {plain(value)}" for name, value in ids if value)
        if told:
            lines.append(f"For Zuora support: {told}")
        lines += self._limits_in_words()
        if self.retry_after is not None:
            lines.append(f"Zuora asked to wait {self.retry_after:.15g} s.")
        if self.method is not None:
            lines.append(f"What to do: {self.advice}")
        if len(self.attempts) > 1:
            lines.append("Attempts: " + "; ".join(str(attempt) for attempt in self.attempts))
        return "\n".join(lines) + "\n"

    def _limits_in_words(self) -> list[str]:
        return []


_FATE_OF_READ = {
    NOT_SENT: "the request never left.",
    ANSWERED: "answered, but never with the data; a read changes nothing.",
    UNKNOWN: "no whole answer came; a read changes nothing.",
}
_FATE_OF_WRITE = {
    NOT_SENT: "the request never left, nothing was done.",
    ANSWERED: "refused, nothing was done.",
    UNKNOWN: "it may or may not have been done.",
}


class OutcomeUnknownError(ApiException):
    """A write left, and no answer says whether it was done. The failure itself is ``__cause__``."""

    advice = "Look before you send it again: it may have been done."


class ApiConnectionError(ApiException):
    """No connection could be made, or it broke before the whole answer was here."""

    advice = "Check host, name resolution, proxy and firewall; then call again."


class TlsError(ApiConnectionError):
    """TLS could not be set up: an untrusted, expired or foreign certificate, or no common version."""

    advice = (
        "Do not switch verification off. Check the host name, the clock of this machine, and ssl_ca_cert when a proxy "
        "of your company signs certificates itself."
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
    """Zuora knows the caller, and does not permit the call."""

    advice = (
        "Ask an administrator: the user behind the OAuth client needs the right role, and API Write Access to write."
    )


class NotFoundError(ApiException):
    """There is no such thing at this address, tenant or entity."""

    advice = "Check the id (or the path), and that host and entity are the ones that hold it."


class ConflictError(ApiException):
    """Something else has the resource, or the idempotency key was used for another request."""

    advice = "Wait until the other work has ended, look at the present state, then decide anew."


class RateLimitError(ApiException):
    """Zuora's limit of requests was reached, by rate or by concurrency; nothing was done.

    Attributes:
        limit_type: ``"rate"`` or ``"concurrency"``.
        limits: the limit for each window, seconds to requests, when the answer says so; 0 is the window now.
        remaining: requests left, or None.
    """

    advice = "Wait, then call again, less often and with fewer calls at once."
    limit_type: Literal["rate", "concurrency"] = "rate"
    limits: dict[int, int] | None = None
    remaining: int | None = None

    def _limits_in_words(self) -> list[str]:
        limits = self.limits or {}
        if self.limit_type == "concurrency":
            told = [f"{limit} calls at once" for limit in limits.values()]
        else:
            told = [f"{limit} calls in {window} s" for window, limit in limits.items() if window]
        if self.remaining is not None:
            told.append(f"{self.remaining} left")
        return [f"Limit by {self.limit_type}: {', '.join(told)}"] if told else []


class RequestRejectedError(ApiException):
    """Zuora understood the call and refused it."""

    advice = "Correct what the answer names; the same call would be refused again."


class ServerError(ApiException):
    """Zuora or something in front of it failed (5xx), and no write is in doubt."""

    advice = "Call again later; if it stays, ask Zuora support, with the ids of the answer if it has any."


class InvalidResponseError(ApiException):
    """An answer came, and it is not one of Zuora's: not JSON, another shape, too large, a redirect."""

    advice = "Check that host is Zuora's and that no proxy or login page answers in its place."


def body_to_keep(body: Any) -> Any:
    """Return what an error holds of an answer until secrets are taken out of it."""
    return body[: KEPT_CHARACTERS + _MARGIN_FOR_SECRETS] if isinstance(body, (str, bytes)) else body


def plain(text: Any, most: int = _SHOWN_CHARACTERS) -> str:
    """Return text from outside as one printable line of at most so many characters."""
    line = " ".join(str(text)[: 8 * most].split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= most else line[:most] + "..."


def extract(body: str) -> str:
    """Return what a person would read of an answer that is no envelope: the words of an HTML page, or the start."""
    # Only a start is looked at, so that a hostile page costs nothing.
    start = body[:4096].lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        # Imported here: its table of entities costs start-up time, and pages are rare. Akamai writes the reference that
        # its support asks for in entities.
        from html import unescape

        start = re.sub(r"<!--.*?(-->|$)", " ", start, flags=re.DOTALL)
        start = re.sub(r"<(script|style)\b.*?(</\1>|$)", " ", start, flags=re.IGNORECASE | re.DOTALL)
        start = unescape(re.sub(r"<[^<>]*>?", " ", start))
    return plain(start, _EXTRACT_CHARACTERS)
