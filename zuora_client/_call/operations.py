"""The five operations. They are known by method and path, so a `call_api` of your own is treated alike."""

from __future__ import annotations

from enum import Enum

from .._base.parameters import ENTITY_CONNECTIONS_PATH


class Operation(Enum):
    """An operation on entity connections; the value is the name that people read."""

    LIST = "list"
    INITIATE = "initiate"
    ACCEPT = "accept"
    DENY = "deny"
    DISCONNECT = "disconnect"


_ON_ALL = {"GET": Operation.LIST, "POST": Operation.INITIATE}
_ON_ONE = {"accept": Operation.ACCEPT, "deny": Operation.DENY, "disconnect": Operation.DISCONNECT}


def find_operation(method: str, path: str) -> Operation | None:
    """Return the operation that a request to this path is, or None for any other path of Zuora's API.

    Args:
        path: as sent or as a template, without the query.
    """
    if not path.startswith(ENTITY_CONNECTIONS_PATH):
        return None
    segments = path[len(ENTITY_CONNECTIONS_PATH) :].rstrip("/").split("/")
    if segments == [""]:
        return _ON_ALL.get(method)
    if method == "PUT" and len(segments) == 3 and not segments[0]:
        return _ON_ONE.get(segments[2])
    return None
