"""Reads the emulator's records: requests, changes and connection statuses."""

from __future__ import annotations

from typing import Any

from zuora_client.emulator import ZuoraEmulator


def action_of(request: Any) -> str:
    """The action of a request: list, initiate, accept, deny or disconnect; for other paths, the last segment."""
    if request.path == "/v1/entity-connections":
        return {"GET": "list", "POST": "initiate"}[request.method]
    return str(request.path).rpartition("/")[2]


def sent(zuora: ZuoraEmulator, since: int = 0) -> list[str]:
    """The actions of all requests in order, without token requests."""
    return [action_of(request) for request in zuora.requests[since:] if request.path != "/oauth/token"]


def written(zuora: ZuoraEmulator, since: int = 0) -> list[str]:
    """The actions of the requests that changed the tenant, in order."""
    return [action_of(request) for request in zuora.requests[since:] if request.committed]


def statuses(zuora: ZuoraEmulator, source: Any, target: Any) -> list[str]:
    """The statuses of all connections of a pair, oldest first."""
    pair = (source.id, target.id)
    return [row.status for row in zuora.connections if (row.source_entity_id, row.target_entity_id) == pair]
