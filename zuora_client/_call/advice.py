"""Advice that depends on the operation: which role the caller needs, and how to verify whether a write was done."""

from __future__ import annotations

from ..exceptions import ApiException, OutcomeUnknownError, PermissionDeniedError, RequestRejectedError
from .operations import Operation

_READ_ACCESS = (
    "Any user of the entity may list its connections: check zuora_entity_ids, and that the user of the OAuth client "
    "belongs to that entity."
)
_WRITE_ACCESS = "For any write, the user of the OAuth client also needs API Write Access."
_TARGET_ROLE = (
    f"This call requires an administrator of the TARGET entity, and must be made in that entity. {_WRITE_ACCESS}"
)
_REQUIRED_ROLE = {
    Operation.LIST: _READ_ACCESS,
    Operation.INITIATE: (
        "This call requires an administrator of the source entity who also has access to the target entity. "
        f"{_WRITE_ACCESS}"
    ),
    Operation.ACCEPT: _TARGET_ROLE,
    Operation.DENY: _TARGET_ROLE,
    Operation.DISCONNECT: (f"This call requires an administrator of the source or the target entity. {_WRITE_ACCESS}"),
}
_HOW_TO_VERIFY = {
    Operation.INITIATE: (
        "List the outbound connections of the source entity before you try again: Pending to this target means done."
    ),
    Operation.ACCEPT: (
        "List the connection before you try again: Connected means done, Pending means not done, or not yet."
    ),
    Operation.DENY: (
        "List the connection before you try again: gone or Disconnected means done, Pending means not done, or not yet."
    ),
    Operation.DISCONNECT: (
        "List the connection before you try again: Disconnected means done, Connected means not done, or not yet."
    ),
}

_BUSINESS_RULE = 30
_BUSINESS_RULE_ADVICE = (
    "List the connections first: this one may already be as you want it, or be gone. Otherwise fix what the reasons "
    "name; the same call would be refused again."
)


def advise(operation: Operation, error: ApiException) -> None:
    """Set the advice of an error of one of the five operations, where the operation decides it."""
    if isinstance(error, OutcomeUnknownError):
        error.advice = _HOW_TO_VERIFY[operation]
    elif isinstance(error, RequestRejectedError) and any(reason.category == _BUSINESS_RULE for reason in error.reasons):
        error.advice = _BUSINESS_RULE_ADVICE
    elif isinstance(error, PermissionDeniedError) and "advice" not in vars(error):
        # Advice that was set from the response is more precise.
        error.advice = _REQUIRED_ROLE[operation]
