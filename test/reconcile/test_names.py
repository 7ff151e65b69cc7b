"""`hierarchy=`: entities by name, refused at planning if they are unknown, and shown beside their ids."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from support.tenant import api_for
from support.watching import statuses

from zuora_client import (
    ApiException,
    EntityConnectionsApi,
    Hierarchy,
    PlanIncompleteError,
    RequestRejectedError,
    Step,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator, faults


@pytest.fixture
def hierarchy(zuora: ZuoraEmulator) -> Hierarchy:
    return Hierarchy(zuora.entities)  # type: ignore[arg-type]


FORMS: list[Callable[[Any], Any]] = [
    lambda entity: entity.name,
    lambda entity: entity.name.encode(),
    lambda entity: entity.id,
    lambda entity: entity.uuid.upper(),
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_entity(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy, form: Callable[[Any], Any]
) -> None:
    source, target = zuora.entities[:2]
    steps: list[Step] = []
    ensure_connected(api, form(source), form(target), hierarchy=hierarchy, on_step=steps.append)
    assert statuses(zuora, source, target) == ["Connected"]
    pair = f"Acme Corporation ({source.id}) -> Acme-Americas ({target.id})"
    assert all(str(step).startswith(f"{pair}: ") for step in steps)
    assert {(step.source_entity_id, step.source_name, step.target_name) for step in steps} == {
        (source.id, "Acme Corporation", "Acme-Americas")
    }
    assert plan_connections(api, [(form(source), form(target))], hierarchy=hierarchy).changes == ()
    ensure_disconnected(api, form(source), form(target), break_sharing=True, hierarchy=hierarchy)
    assert statuses(zuora, source, target) == ["Disconnected"]


def test_empty_hierarchy_refuses_every_entity(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """It is falsy, but not the same as no hierarchy, with which ids are sent unchecked."""
    source, target = (entity.id for entity in zuora.entities[:2])
    empty = Hierarchy([])
    calls: list[Callable[[], object]] = [
        lambda: plan_connections(api, [(source, target)], hierarchy=empty),
        lambda: ensure_connected(api, source, target, hierarchy=empty),
        lambda: ensure_disconnected(api, source, target, break_sharing=True, hierarchy=empty),
    ]
    assert not empty
    for call in calls:
        with pytest.raises(ValueError, match="the hierarchy has no entities"):
            call()
    assert zuora.requests == []


@pytest.mark.parametrize("unknown", ["nobody", "Acme", "0" * 32, ""])
def test_unknown_entity_is_refused(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy, unknown: str
) -> None:
    """An entity that is not in the hierarchy is an error that names the argument; nothing is sent."""
    known = zuora.entities[0].name
    with pytest.raises(ValueError, match=r"^source_entity_id: "):
        ensure_connected(api, unknown, known, hierarchy=hierarchy)
    with pytest.raises(ValueError, match=r"^target_entity_id: "):
        ensure_disconnected(api, known, unknown, break_sharing=True, hierarchy=hierarchy)
    with pytest.raises(ValueError, match=r"^pairs\[1\]: target_entity_id: "):
        plan_connections(api, [(known, zuora.entities[1].id), (known, unknown)], hierarchy=hierarchy)
    assert zuora.requests == []


def test_names_need_a_hierarchy(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """Without one, an id is not checked, and a name is refused by Zuora."""
    with pytest.raises(RequestRejectedError):
        ensure_connected(api, "Acme Corporation", zuora.entities[1].id)


def test_same_entity_by_name_and_id(zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy) -> None:
    source = zuora.entities[0]
    with pytest.raises(ValueError, match="same entity"):
        ensure_connected(api, source.name, source.uuid, hierarchy=hierarchy)


@pytest.mark.parametrize("value", ["Acme", {"a": "b"}, 3, object()])
def test_invalid_hierarchy(zuora: ZuoraEmulator, api: EntityConnectionsApi, value: Any) -> None:
    a, b = (entity.id for entity in zuora.entities[:2])
    for call in (
        lambda: ensure_connected(api, a, b, hierarchy=value),
        lambda: ensure_disconnected(api, a, b, break_sharing=True, hierarchy=value),
        lambda: plan_connections(api, [(a, b)], hierarchy=value),
    ):
        with pytest.raises(TypeError, match="hierarchy must be a Hierarchy"):
            call()


def test_plan_shows_names_beside_ids(zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy) -> None:
    root, a, b = zuora.entities[:3]
    zuora.add_connection(root, b, "Connected")
    plan = plan_connections(api, [("Acme Corporation", "Acme-Americas")], hierarchy=hierarchy)
    assert f"Acme Corporation ({root.id})  Acme-Americas ({a.id})  -    initiate, accept" in str(plan)
    assert f'["Acme-Americas<br/>{a.id}"]' in plan.to_mermaid()
    assert repr(plan.pairs[0]) == (
        f"<PlannedConnection Acme Corporation ({root.id}) -> Acme-Americas ({a.id}): initiate, accept>"
    )
    document = plan.to_dict()
    assert (document["pairs"][0]["target_name"], document["unwanted"][0]["target_name"]) == (
        "Acme-Americas",
        "Acme-Europe",
    )


def test_display_names_go_before_the_hierarchy(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy
) -> None:
    root, a = zuora.entities[:2]
    plan = plan_connections(api, [(root.id, a.id)], hierarchy=hierarchy, names={a.uuid: "America"})
    assert f"Acme Corporation ({root.id})  America  -" in str(plan)


def test_errors_show_names(zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy) -> None:
    root, a = zuora.entities[:2]
    pair = f"Acme Corporation ({root.id}) -> Acme-Americas ({a.id})"
    sentence = "Connection request from Acme Corporation to Acme-Americas: refused, nothing was done."
    zuora.faults.add(faults.refusal(50000030, "No."), method="POST", path="/v1/*")
    with pytest.raises(RequestRejectedError, match="No") as refused:
        ensure_connected(api, root.name, a.name, hierarchy=hierarchy)
    assert refused.value.summary == f"(200) {sentence}"
    assert f"\nEntities: Acme Corporation ({root.id}), Acme-Americas ({a.id})\n" in str(refused.value)
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, [(root.name, a.name)], hierarchy=hierarchy).apply()
    error = caught.value
    assert error.summary == f"(200) Plan of 1 pair: 0 connected, 1 failed, 0 not tried; first failure: {sentence}"
    assert f"  {pair}: RequestRejectedError" in str(error)


SENTENCES = {
    "GET": "List of connections of Acme Corporation (Acme Corporation -> Acme-Americas): no data was returned; ",
    "POST": "Connection request from Acme Corporation to Acme-Americas: it may or may not have been done.",
    "PUT": " (Acme Corporation -> Acme-Americas): it may or may not have been done.",
}


@pytest.mark.parametrize("method", SENTENCES)
def test_summary_names_the_pair(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy, method: str
) -> None:
    """The first line of an error of a run names the pair, whichever request failed."""
    root, a = zuora.entities[:2]
    zuora.faults.add(faults.html_error(500), method=method, path="/v1/*")
    for known in (hierarchy, None):
        with pytest.raises(ApiException) as caught:
            ensure_connected(api, root.id, a.id, hierarchy=known)
        error = caught.value
        assert (error.source_entity_id, error.target_entity_id) == (root.id, a.id)
        named = error.summary.replace(root.id, "Acme Corporation").replace(a.id, "Acme-Americas")
        assert SENTENCES[method] in named.replace(" of entity Acme", " of Acme")


def test_summary_of_a_target_out_of_reach(zuora: ZuoraEmulator, hierarchy: Hierarchy) -> None:
    """If the target refuses access, its own name is the one that the first line puts before the pair."""
    root, a = zuora.entities[:2]
    with api_for(zuora, root) as api, pytest.raises(ApiException) as caught:
        ensure_connected(api, root.name, a.name, hierarchy=hierarchy)
    assert caught.value.summary.startswith(
        "(200) List of connections of Acme-Americas (Acme Corporation -> Acme-Americas): "
    )


def test_summary_of_a_plan_in_doubt(zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy) -> None:
    """The first line counts the pairs, and names the first failure, in copies too."""
    root, a, b = zuora.entities[:3]
    zuora.fail_next(faults.html_error(500), method="POST")
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, [(root.id, a.id), (root.id, b.id)], hierarchy=hierarchy).apply(workers=1)
    summary = (
        "(500) Plan of 2 pairs: 1 connected, 1 failed (outcome unknown for 1), 0 not tried; first failure: Connection "
        "request from Acme Corporation to Acme-Americas: it may or may not have been done."
    )
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert error.summary == summary
    document = json.loads(json.dumps(caught.value.to_dict()))
    assert [pair["target_name"] for pair in document["results"]] == ["Acme-Europe"]
    assert [(pair["target_name"], pair["error"]["outcome"]) for pair in document["failures"]] == [
        ("Acme-Americas", "unknown")
    ]
    assert (document["summary"], document["untried"]) == (summary, [])


def test_plan_names_the_source_that_cannot_be_listed(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, hierarchy: Hierarchy
) -> None:
    zuora.faults.add(faults.html_error(502))
    with pytest.raises(ApiException) as caught:
        plan_connections(api, [(entity.id, zuora.entities[0].id) for entity in zuora.entities[1:]], hierarchy=hierarchy)
    assert caught.value.summary.startswith("(502) List of connections of Acme-Americas: ")


def test_steps_of_a_plan_show_names(zuora: ZuoraEmulator, hierarchy: Hierarchy) -> None:
    steps: list[Step] = []
    with api_for(zuora) as api:
        pairs = [("Acme Corporation", entity.name) for entity in zuora.entities[1:]]
        plan_connections(api, pairs, hierarchy=hierarchy).apply(steps.append)
    assert {step.target_name for step in steps} == {entity.name for entity in zuora.entities[1:]}
