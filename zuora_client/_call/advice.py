"""Advice that depends on the operation: which role the caller needs, and how to verify whether a write was done.

Operations are recognized by their path template, also in calls through `ApiClient.call_api`.
"""

from __future__ import annotations

from .._base.parameters import ENTITY_CONNECTIONS_PATH
from ..exceptions import ApiException, OutcomeUnknownError, PermissionDeniedError, RequestRejectedError

_ACCEPT = f"{ENTITY_CONNECTIONS_PATH}/{{connection_id}}/accept"
_DENY = f"{ENTITY_CONNECTIONS_PATH}/{{connection_id}}/deny"
_DISCONNECT = f"{ENTITY_CONNECTIONS_PATH}/{{connection_id}}/disconnect"

_REQUIRED_ROLE = {
    ENTITY_CONNECTIONS_PATH: (
        "This call requires an administrator of the source entity who also has access to the target entity."
    ),
    _ACCEPT: "This call requires an administrator of the TARGET entity, and must be made in that entity.",
    _DENY: "This call requires an administrator of the TARGET entity, and must be made in that entity.",
    _DISCONNECT: "This call requires an administrator of the source or the target entity.",
}
_READ_ACCESS = (
    "Any user of the entity may list its connections: check zuora_entity_ids, and that the user of the OAuth client "
    "belongs to that entity."
)
_WRITE_ACCESS = "For any write, the user of the OAuth client also needs API Write Access."
_HOW_TO_VERIFY = {
    ENTITY_CONNECTIONS_PATH: (
        "List the outbound connections of the source entity before you try again: Pending to this target means done."
    ),
    _ACCEPT: "List the connection before you try again: Connected means done, Pending means not done, or not yet.",
    _DENY: (
        "List the connection before you try again: gone or Disconnected means done, Pending means not done, or not yet."
    ),
    _DISCONNECT: (
        "List the connection before you try again: Disconnected means done, Connected means not done, or not yet."
    ),
}
# The path templates of the five operations.
OPERATIONS = frozenset(_HOW_TO_VERIFY)

_BUSINESS_RULE = 30
_BUSINESS_RULE_ADVICE = (
    "List the connections first: this one may already be as you want it, or be gone. Otherwise fix what the reasons "
    "name; the same call would be refused again."
)


def advise(template: str, error: ApiException) -> None:
    """Set the advice of `error` if `template` is the path template of one of the five operations."""
    if template not in OPERATIONS:
        return
    if isinstance(error, OutcomeUnknownError):
        error.advice = _HOW_TO_VERIFY[template]
    elif isinstance(error, RequestRejectedError) and any(reason.category == _BUSINESS_RULE for reason in error.reasons):
        error.advice = _BUSINESS_RULE_ADVICE
    elif isinstance(error, PermissionDeniedError) and "advice" not in vars(error):
        # Advice that was set from the reasons is more precise.
        error.advice = _READ_ACCESS if error.method == "GET" else f"{_REQUIRED_ROLE[template]} {_WRITE_ACCESS}"
