"""Several who want the same at once end in one connection, and nobody gets an error."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.tenant import api_for
from support.watching import action_of, statuses, written

from zuora_client import EntityConnectionsApi, ensure_connected, ensure_disconnected, plan_connections
from zuora_client.emulator import ZuoraEmulator, faults


def at_once(zuora: ZuoraEmulator, many: int, job: Any) -> list[Any]:
    """Run the job in so many threads, each with a client of its own; return what they returned or raised."""
    start = threading.Barrier(many)
    outcomes: list[Any] = []

    def run() -> None:
        with api_for(zuora) as api:
            start.wait(60)
            try:
                outcomes.append(job(api))
            except BaseException as error:
                outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(outcomes) == many
    return outcomes


@pytest.mark.parametrize("many", [2, 8])
def test_callers_at_once_end_in_one_connection(zuora: ZuoraEmulator, many: int) -> None:
    source, *targets = zuora.entities
    for target in targets:
        results = at_once(zuora, many, lambda api, target=target: ensure_connected(api, source.id, target.id))
        assert {result.connection.status for result in results} == {"Connected"}
        assert len({result.connection.id for result in results}) == 1
        assert any(result.changed for result in results)
        assert statuses(zuora, source, target) == ["Connected"]
    assert sorted(written(zuora)) == ["accept"] * 5 + ["initiate"] * 5


def test_callers_at_once_disconnect_once(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    results = at_once(zuora, 6, lambda api: ensure_disconnected(api, source.id, target.id, break_sharing=True))
    assert [result.changed for result in results].count(True) == 1
    assert written(zuora) == ["disconnect"]


def test_plans_applied_at_once(zuora: ZuoraEmulator) -> None:
    source, *targets = zuora.entities
    pairs = [(source.id, target.id) for target in targets]
    for results in at_once(zuora, 4, lambda api: plan_connections(api, pairs).apply()):
        assert all(result.connection.status == "Connected" for result in results)
    assert sorted(written(zuora)) == ["accept"] * 5 + ["initiate"] * 5


# The threads above meet in any order; these meet in the one order that hurts.


@pytest.mark.parametrize("before", ["initiate", "accept"])
@pytest.mark.parametrize("how_far", ["Pending", "Connected"])
def test_the_other_is_faster_by_a_hair(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, before: str, how_far: str
) -> None:
    source, target = zuora.entities[:2]

    def other_first(exchange: Any) -> None:
        with api_for(zuora) as other:
            if how_far == "Connected":
                ensure_connected(other, source.id, target.id)
            elif before == "initiate":
                other.post_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})
        exchange.send(exchange.execute())

    path = "*/accept" if before == "accept" else "/v1/entity-connections"
    zuora.fail_next(faults.Fault("other first", other_first), method={"initiate": "POST"}.get(before, "PUT"), path=path)
    result = ensure_connected(api, source.id, target.id)
    assert result.connection is not None
    assert result.connection.status == "Connected"
    assert result.changed == (before == "accept" or how_far == "Pending")
    assert written(zuora) == ["initiate", "accept"]
    refused = [str(step) for step in result.steps if "refused" in str(step)]
    assert len(refused) == (0 if (before, how_far) == ("accept", "Pending") else 1)
    mine = [action_of(request) for request in zuora.requests if request.fault]
    assert mine == [before]


def test_two_pending_requests_for_a_pair_end_in_one_and_the_same(zuora: ZuoraEmulator) -> None:
    """Zuora does not say that it refuses a second request; if it takes one, all callers accept the same."""
    source, target = zuora.entities[:2]
    for id in ("b", "a", "c"):
        zuora.add_connection(source, target, "Pending", id=id)
    results = at_once(zuora, 4, lambda api: ensure_connected(api, source.id, target.id))
    assert {result.connection.id for result in results} == {"a"}
    assert written(zuora) == ["accept"]
