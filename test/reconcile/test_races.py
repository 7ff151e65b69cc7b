"""Concurrent runs with the same goal create one connection, and none of them fails."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.tenant import api_for
from support.watching import action_of, statuses, written

from zuora_client import EntityConnectionsApi, ensure_connected, ensure_disconnected, plan_connections
from zuora_client.emulator import ZuoraEmulator, faults


def run_concurrently(zuora: ZuoraEmulator, count: int, job: Any) -> list[Any]:
    """Run the job in `count` threads, each with its own client. Return the results and exceptions."""
    start = threading.Barrier(count)
    outcomes: list[Any] = []

    def run() -> None:
        with api_for(zuora) as api:
            start.wait(60)
            try:
                outcomes.append(job(api))
            except BaseException as error:
                outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(outcomes) == count
    return outcomes


@pytest.mark.parametrize("count", [2, 8])
def test_concurrent_connects_create_one_connection(zuora: ZuoraEmulator, count: int) -> None:
    source, *targets = zuora.entities
    for target in targets:
        results = run_concurrently(zuora, count, lambda api, target=target: ensure_connected(api, source.id, target.id))
        assert {result.connection.status for result in results} == {"Connected"}
        assert len({result.connection.id for result in results}) == 1
        assert any(result.changed for result in results)
        assert statuses(zuora, source, target) == ["Connected"]
    assert sorted(written(zuora)) == ["accept"] * 5 + ["initiate"] * 5


def test_concurrent_disconnects_write_once(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    results = run_concurrently(zuora, 6, lambda api: ensure_disconnected(api, source.id, target.id, break_sharing=True))
    assert [result.changed for result in results].count(True) == 1
    assert written(zuora) == ["disconnect"]


def test_concurrently_applied_plans(zuora: ZuoraEmulator) -> None:
    source, *targets = zuora.entities
    pairs = [(source.id, target.id) for target in targets]
    for results in run_concurrently(zuora, 4, lambda api: plan_connections(api, pairs).apply()):
        assert all(result.connection.status == "Connected" for result in results)
    assert sorted(written(zuora)) == ["accept"] * 5 + ["initiate"] * 5


# The threads above run in any order. The tests below force the critical order.


@pytest.mark.parametrize("before", ["initiate", "accept"])
@pytest.mark.parametrize("reached", ["Pending", "Connected"])
def test_other_run_is_faster(zuora: ZuoraEmulator, api: EntityConnectionsApi, before: str, reached: str) -> None:
    """Another run requests or connects the pair after this run has listed it and before its write."""
    source, target = zuora.entities[:2]

    def other_first(exchange: Any) -> None:
        with api_for(zuora) as other:
            if reached == "Connected":
                ensure_connected(other, source.id, target.id)
            elif before == "initiate":
                other.post_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})
        exchange.send(exchange.execute())

    path = "*/accept" if before == "accept" else "/v1/entity-connections"
    zuora.fail_next(faults.Fault("other first", other_first), method={"initiate": "POST"}.get(before, "PUT"), path=path)
    result = ensure_connected(api, source.id, target.id)
    assert result.connection is not None
    assert result.connection.status == "Connected"
    assert result.changed == (before == "accept" or reached == "Pending")
    assert written(zuora) == ["initiate", "accept"]
    refused = [str(step) for step in result.steps if "refused" in str(step)]
    assert len(refused) == (0 if (before, reached) == ("accept", "Pending") else 1)
    delayed = [action_of(request) for request in zuora.requests if request.fault]
    assert delayed == [before]


def test_concurrent_runs_accept_the_same_request(zuora: ZuoraEmulator) -> None:
    """Zuora does not document that it refuses a second request. If there are several, all runs accept the same one."""
    source, target = zuora.entities[:2]
    for id in ("b", "a", "c"):
        zuora.add_connection(source, target, "Pending", id=id)
    results = run_concurrently(zuora, 4, lambda api: ensure_connected(api, source.id, target.id))
    assert {result.connection.id for result in results} == {"a"}
    assert written(zuora) == ["accept"]
