"""The sentence of an error: which operation on which entities failed, and what became of it.

Imported when an error is printed.
"""

from __future__ import annotations

from typing import Any

_READS = ("GET", "HEAD", "OPTIONS")
_READ_OUTCOMES = {
    "not_sent": "the request was not sent.",
    "answered": "no data was returned; a read changes nothing.",
    "unknown": "the response was incomplete; a read changes nothing.",
}
_WRITE_OUTCOMES = {
    "not_sent": "the request was not sent, nothing was done.",
    "answered": "refused, nothing was done.",
    "unknown": "it may or may not have been done.",
}
_ON_ONE_CONNECTION = {"accept": "Acceptance", "deny": "Denial", "disconnect": "Disconnect"}
_NO_ENTITY = " (no entity named)"


def sentence(error: Any) -> str:
    """Return the sentence of an `ApiException` that has a method and a path."""
    outcomes = _READ_OUTCOMES if error.method in _READS else _WRITE_OUTCOMES
    why = "no token could be fetched, " if error._is_of_token and error.outcome == "not_sent" else ""
    return f"{_subject(error)}: {why}{outcomes[error.outcome]}"


def _subject(error: Any) -> str:
    source, target = error.source_name or error.source_entity_id, error.target_name or error.target_entity_id
    entity = error.entity_name or (error.entity_id and f"entity {error.entity_id}")
    pair = f" ({source or '?'} -> {target or '?'})" if source or target else ""
    if error.operation == "initiate":
        return f"Connection request{f' from {source}' if source else _NO_ENTITY}{f' to {target}' if target else ''}"
    if error.operation in _ON_ONE_CONNECTION:
        place = pair or (f" in {entity}" if entity else _NO_ENTITY)
        return f"{_ON_ONE_CONNECTION[error.operation]} of connection {error.connection_id}{place}"
    if error.operation == "list":
        return f"List of connections{f' of {entity}' if entity else _NO_ENTITY}{pair}"
    if error.operation == "list entities":
        return f"List of entities{pair}"
    if error.operation == "read entity":
        return f"Read of {entity}{pair}"
    return f"{error.method} {error.path}{f' in {entity}' if entity else ''}{pair}"


def entities(error: Any) -> str:
    """Return the names in an `ApiException` with their ids; empty without a name."""
    named = (
        (error.entity_name, error.entity_id),
        (error.source_name, error.source_entity_id),
        (error.target_name, error.target_entity_id),
    )
    return ", ".join(dict.fromkeys(f"{name} ({id})" for name, id in named if name))
