"""Tasks for Celery's prefork pool. The client is created, and used, before the pool forks."""

from __future__ import annotations

import os
from typing import Any

import celery  # type: ignore[import-not-found, import-untyped, unused-ignore]

from support import fork_app
from zuora_client import EntityConnectionsApi

app: Any = celery.Celery("tasks", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(task_serializer="json", result_serializer="json", worker_hijack_root_logger=False)


@app.task(name="make_calls")
def make_calls(count: int) -> Any:
    return fork_app.make_calls(count)


@app.task(name="accept")
def accept(connection_id: str, entity_id: str) -> Any:
    api = EntityConnectionsApi(fork_app.client)
    return api.put_entity_connections_accept(connection_id, zuora_entity_ids=entity_id).success
