"""What to do about an error, as far as it depends on the operation: who must make the call, and how to find out whether
it was done. An operation is known by its path, whoever calls it."""

from __future__ import annotations

from ..exceptions import ApiException, OutcomeUnknownError, PermissionDeniedError, RequestRejectedError

_PATH = "/v1/entity-connections"

_WHO = {
    _PATH: "An administrator of the source entity must make this call, who may also access the target entity.",
    f"{_PATH}/{{connection_id}}/accept": "An administrator of the TARGET entity must make this call, in that entity.",
    f"{_PATH}/{{connection_id}}/deny": "An administrator of the TARGET entity must make this call, in that entity.",
    f"{_PATH}/{{connection_id}}/disconnect": "An administrator of the source or the target entity must make this call.",
}
_MAY_READ = (
    "Any user of the entity may list its connections: check zuora_entity_ids, and that the user behind the client "
    "belongs to that entity."
)
_MAY_WRITE = "To write at all, the user behind the client needs API Write Access."
_LOOK = {
    _PATH: (
        "List the outbound connections of the source entity before you try again: Pending to this target means done."
    ),
    f"{_PATH}/{{connection_id}}/accept": (
        "List the connection before you try again: Connected means done, Pending means not done, or not yet."
    ),
    f"{_PATH}/{{connection_id}}/deny": (
        "List the connection before you try again: gone or Disconnected means done, Pending means not done, or not yet."
    ),
    f"{_PATH}/{{connection_id}}/disconnect": (
        "List the connection before you try again: Disconnected means done, Connected means not done, or not yet."
    ),
}
# The paths of the five operations.
OPERATIONS = frozenset(_LOOK)

# Category "business rule".
_RULE = 30
_ALREADY = (
    "Look at the list before anything else: the connection may already be what you want, or be gone. Otherwise correct "
    "what the answer names; the same call would be refused again."
)


def advise(template: str, error: ApiException) -> None:
    """Put into `error` what to do next, if `template` is the path of an operation that is known here."""
    if template not in OPERATIONS:
        return
    if isinstance(error, OutcomeUnknownError):
        error.advice = _LOOK[template]
    elif isinstance(error, RequestRejectedError) and any(reason.category == _RULE for reason in error.reasons):
        error.advice = _ALREADY
    elif isinstance(error, PermissionDeniedError) and "advice" not in vars(error):
        # What the reasons themselves advise is more precise.
        error.advice = _MAY_READ if error.method == "GET" else f"{_WHO[template]} {_MAY_WRITE}"
