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
