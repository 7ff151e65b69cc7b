"""Exit statuses, and what of an error is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exceptions import (
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    InvalidResponseError,
    OutcomeUnknownError,
)

if TYPE_CHECKING:
    from ..plan import PlanIncompleteError

DONE = 0
FAILED = 1
USAGE = 2
UNKNOWN = 3
INTERRUPTED = 130


class UsageError(Exception):
    """Wrong settings, names or input file. Nothing was changed."""


def exit_status(error: ApiException) -> int:
    """Return the exit status for a call that failed. Reads change nothing, whatever their outcome."""
    return UNKNOWN if any(isinstance(each, OutcomeUnknownError) for each in (error, *_failures(error))) else FAILED


def _failures(error: ApiException) -> list[ApiException]:
    """Return the errors of the pairs of a `PlanIncompleteError`."""
    incomplete: PlanIncompleteError | Any = error
    return [failure for _, failure in getattr(incomplete, "failures", ())]


def concerns_all_calls(error: ApiException) -> bool:
    """Whether any other call would probably fail too: network, host or credentials."""
    return isinstance(error, (ApiConnectionError, ApiTimeoutError, AuthenticationError, InvalidResponseError))


def summary(error: BaseException) -> str:
    """Return the first line of an error."""
    return str(error).partition("\n")[0] or type(error).__name__


def to_document(error: ApiException) -> dict[str, Any]:
    """Return an error as data for JSON."""
    return {
        "type": type(error).__name__,
        "summary": summary(error),
        "status": error.status,
        "outcome": error.outcome,
        "reason": error.reason,
        "reasons": [{"code": reason.code, "message": reason.message} for reason in error.reasons],
        "request_id": error.request_id,
        "process_id": error.process_id,
        "advice": error.advice,
    }
