"""Reading the emulator's own record: what was asked, what was written, what stands."""

from __future__ import annotations

from typing import Any

from zuora_client.emulator import ZuoraEmulator


def action_of(request: Any) -> str:
    """The word for a request of the entity-connections API: list, initiate, accept, deny, disconnect; else its path."""
    if request.path == "/v1/entity-connections":
        return {"GET": "list", "POST": "initiate"}[request.method]
    return str(request.path).rpartition("/")[2]


def sent(zuora: ZuoraEmulator, since: int = 0) -> list[str]:
    """The actions that were asked for, in order, tokens left out."""
    return [action_of(request) for request in zuora.requests[since:] if request.path != "/oauth/token"]


def written(zuora: ZuoraEmulator, since: int = 0) -> list[str]:
    """The actions that changed the tenant, in order."""
    return [action_of(request) for request in zuora.requests[since:] if request.committed]


def statuses(zuora: ZuoraEmulator, source: Any, target: Any) -> list[str]:
    """The statuses of all rows of a pair, oldest first."""
    pair = (source.id, target.id)
    return [row.status for row in zuora.connections if (row.source_entity_id, row.target_entity_id) == pair]
