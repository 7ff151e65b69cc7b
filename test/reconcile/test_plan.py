"""`plan_connections`: writes nothing, its plan only connects, and its error lists every pair."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from support.tenant import api_for
from support.watching import sent, statuses, written

from zuora_client import (
    ApiException,
    EntityConnectionsApi,
    PlanIncompleteError,
    RequestRejectedError,
    Step,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator, faults


def test_plan_shows_changes_and_writes_nothing(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b, c, d, _ = zuora.entities
    zuora.add_connection(root, a, "Connected")
    zuora.add_connection(root, b, "Pending")
    zuora.add_connection(root, c, "Disconnected")
    plan = plan_connections(api, [(root.id, entity.id) for entity in (a, b, c, d)])
    assert [(pair.target_entity_id, pair.to_do) for pair in plan.pairs] == [
        (a.id, ""),
        (b.id, "accept"),
        (c.id, "initiate, accept"),
        (d.id, "initiate, accept"),
    ]
    assert plan.changes == plan.pairs[1:]
    assert sent(zuora) == ["list"]
    assert repr(plan) == "<ConnectionPlan: 3 of 4 pairs would change>"
    assert repr(plan.changes[0]) == f"<PlannedConnection {root.id} -> {b.id}: accept>"


def test_apply_changes_only_what_is_missing(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b, c, d, _ = zuora.entities
    zuora.add_connection(root, a, "Connected")
    zuora.add_connection(root, b, "Pending")
    zuora.add_connection(root, d, "Pending")
    plan = plan_connections(api, [(root.id, b.id), (a.id, c.id), (root.id, a.id)])
    steps: list[Step] = []
    results = plan.apply(on_step=steps.append)
    assert [result.changed for result in results] == [True, True, False]
    assert {id(step) for result in results for step in result.steps} == {id(step) for step in steps}
    assert sorted(written(zuora)) == ["accept", "accept", "initiate"]
    assert statuses(zuora, root, d) == ["Pending"]
    assert plan_connections(api, [(root.id, b.id), (a.id, c.id), (root.id, a.id)]).changes == ()


def test_second_apply_writes_nothing(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b = zuora.entities[:3]
    plan = plan_connections(api, [(root.id, a.id), (root.id, b.id)])
    assert [result.changed for result in plan.apply()] == [True, True]
    since = len(zuora.requests)
    assert [result.changed for result in plan.apply()] == [False, False]
    assert sent(zuora, since) == ["list"]


def test_duplicate_pairs_are_removed(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b = zuora.entities[:3]
    pairs = [(root.id, a.id), (root.uuid, a.id.upper()), (root.id, b.id), (root.id.encode(), a.uuid), (a.id, root.id)]
    plan = plan_connections(api, iter(pairs))  # type: ignore[arg-type]
    assert [(pair.source_entity_id, pair.target_entity_id) for pair in plan.pairs] == [
        (root.id, a.id),
        (root.id, b.id),
        (a.id, root.id),
    ]
    assert sent(zuora) == ["list", "list"]


def test_empty_plan(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    plan = plan_connections(api, [])
    assert plan.apply() == []
    assert str(plan).endswith("0 of 0 pairs would change.")
    assert zuora.requests == []


@pytest.mark.parametrize(
    ("pair", "error", "message"),
    [
        ("ab", TypeError, r"pairs\[1\] must be"),
        (("a",), TypeError, r"pairs\[1\] must be"),
        (("a", "b", "c"), TypeError, r"pairs\[1\] must be"),
        (None, TypeError, r"pairs\[1\] must be"),
        (("a", None), TypeError, r"pairs\[1\]: target_entity_id"),
        (("a", "A"), ValueError, r"pairs\[1\]: .*same entity"),
        (("", "b"), ValueError, r"pairs\[1\]: source_entity_id is empty"),
    ],
)
def test_invalid_pair_is_named_by_index(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, pair: Any, error: type[Exception], message: str
) -> None:
    valid = (zuora.entities[0].id, zuora.entities[1].id)
    with pytest.raises(error, match=message):
        plan_connections(api, [valid, pair])
    assert zuora.requests == []


def test_failed_list_makes_no_plan(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    zuora.faults.add(faults.refusal(50000030), method="GET")
    with pytest.raises(RequestRejectedError):
        plan_connections(api, [(zuora.entities[0].id, zuora.entities[1].id)])


# -- failures ---------------------------------------------------------------------------------------------------------


def test_other_pairs_are_attempted_after_failure(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A failure that concerns one pair does not end the run."""
    root, a, b, c = zuora.entities[:4]
    zuora.fail_next(faults.refusal(67999930, "Not this one."), times=1, method="POST")
    plan = plan_connections(api, [(root.id, entity.id) for entity in (a, b, c)])
    with pytest.raises(PlanIncompleteError) as caught:
        plan.apply(workers=1)
    error = caught.value
    assert [result.steps[0].target_entity_id for result in error.results] == [b.id, c.id]
    assert [pair.target_entity_id for pair, _ in error.failures] == [a.id]
    assert error.untried == []
    assert error.__cause__ is error.failures[0][1]
    assert isinstance(error, ApiException)
    assert (error.status, error.outcome, error.method) == (200, "answered", "POST")
    text = str(error)
    assert "1 of 3 pairs could not be connected; the first failure: Not this one." in text
    assert f"Connected: 2\n  {root.id} -> {b.id}\n  {root.id} -> {c.id}\n" in text
    assert f"Failed: 1\n  {root.id} -> {a.id}: RequestRejectedError, " in text
    assert "Not tried: 0" in text
    assert statuses(zuora, root, c) == ["Connected"]


def test_failure_of_every_pair_ends_run(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b, c = zuora.entities[:4]
    plan = plan_connections(api, [(root.id, entity.id) for entity in (a, b, c)])
    zuora.faults.add(faults.answer(401), method="PUT", nth=2, times=9)
    with pytest.raises(PlanIncompleteError) as caught:
        plan.apply(workers=1)
    error = caught.value
    assert [len(part) for part in (error.results, error.failures, error.untried)] == [1, 2, 0]
    assert type(error.__cause__).__name__ == "AuthenticationError"
    assert f"Failed: 2\n  {root.id} -> {b.id}: AuthenticationError, " in str(error)
    pair, unfinished = error.failures[1]
    assert pair.target_entity_id == c.id
    assert "Already done in this run: initiate." in unfinished.advice
    zuora.faults.clear()
    plan.apply()
    assert sorted(written(zuora)) == ["accept"] * 3 + ["initiate"] * 3


def test_unknown_outcome_of_one_pair(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b = zuora.entities[:3]
    plan = plan_connections(api, [(root.id, a.id), (root.id, b.id)])
    zuora.faults.add(faults.refusal(50000030, "No."), path="*/accept", nth=1)
    zuora.faults.add(faults.reset_before_commit(), path="*/accept", nth=2)
    with pytest.raises(PlanIncompleteError) as caught:
        plan.apply(workers=1)
    assert [error.outcome for _, error in caught.value.failures] == ["answered", "unknown"]
    assert caught.value.outcome == "unknown"
    assert caught.value.advice.startswith("Apply the plan again, which is safe")
    assert caught.value.advice.endswith("Fix the failures whose outcome is known first.")


def test_advice_if_all_are_unknown(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """There is nothing to fix: the plan is applied again."""
    zuora.fail_next(faults.reset_before_commit(), path="*/accept")
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, [(zuora.entities[0].id, zuora.entities[1].id)]).apply()
    assert caught.value.advice.startswith("Apply the plan again, which is safe")
    assert "Fix" not in caught.value.advice


def fail_in_part(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> PlanIncompleteError:
    """Apply a plan of four pairs: one is connected, one fails, one ends the run, and one is not tried."""
    root, *others = zuora.entities[:5]
    zuora.add_connection(root, others[0], "Connected")
    zuora.faults.add(faults.refusal(67999930, "Not this one."), method="POST", path="/v1/*", nth=1)
    zuora.faults.add(faults.answer(401), method="POST", path="/v1/*", nth=2, times=9)
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, [(root.id, entity.id) for entity in others]).apply(workers=1)
    return caught.value


def test_error_counts_every_pair(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """The first line counts them; the text and the data name each pair, and the text what became of it."""
    error = fail_in_part(zuora, api)
    a, b, c, d = (entity.id for entity in zuora.entities[1:5])
    assert f"Plan of 4 pairs: 1 connected, 2 failed, 1 not tried; first failure: {named(zuora, c)}" in error.summary
    assert error.reason == "3 of 4 pairs could not be connected; the first failure: Unauthorized"
    root = zuora.entities[0].id
    assert str(error).partition("Connected:")[2].splitlines() == [
        " 1",
        f"  {root} -> {a}",
        "Failed: 2",
        f"  {root} -> {b}: RequestRejectedError, 67999930 (business rule): Not this one.",
        f"  {root} -> {c}: AuthenticationError, Unauthorized",
        "Not tried: 1",
        f"  {root} -> {d}",
    ]
    document = error.to_dict()
    parts = [[pair["target_entity_id"] for pair in document[key]] for key in ("results", "failures", "untried")]
    assert parts == [[a], [b, c], [d]]


def test_error_raised_from_another(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A program may raise it again from an error of its own: the summary still names a failed pair."""
    error = fail_in_part(zuora, api)
    with pytest.raises(PlanIncompleteError) as caught:
        raise error from ValueError("mine")
    assert f"first failure: {named(zuora, zuora.entities[2].id)}" in caught.value.summary


def named(zuora: ZuoraEmulator, target_id: str) -> str:
    return f"Connection request from {zuora.entities[0].id} to {target_id}: refused"


def test_error_can_be_copied_and_pickled(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b = zuora.entities[:3]
    zuora.fail_next(faults.refusal(50000030, "No."), method="POST")
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, [(root.id, a.id), (root.id, b.id)]).apply()
    for clone in (pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)):
        assert str(clone) == str(caught.value)
        assert type(clone.__cause__) is RequestRejectedError


def test_line_break_in_message_is_removed(zuora: ZuoraEmulator) -> None:
    root, a = zuora.entities[:2]
    zuora.faults.add(faults.refusal(50000030, "No.\nConnected: 7\n  everything"), method="POST", path="/v1/*")
    with api_for(zuora) as api, pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, [(root.id, a.id)]).apply()
    assert "\nConnected: 7" not in str(caught.value)
