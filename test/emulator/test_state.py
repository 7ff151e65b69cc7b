"""The rules of the API, without HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuora_client.emulator.state import Connection, Hierarchy, Refusal, make_entities


@pytest.fixture
def tenant() -> Hierarchy:
    return Hierarchy(make_entities(4))


def refused(operation: Callable[..., object], *arguments: str) -> tuple[int, int]:
    with pytest.raises(Refusal) as caught:
        operation(*arguments)
    return caught.value.category, caught.value.status


def test_first_entities_are_published_sample() -> None:
    entities = make_entities(6)
    ids = {entity.name: entity.id for entity in entities}
    assert [entity.name for entity in entities[:4]] == ["Acme Corporation", "Acme-Americas", "Acme-Europe", "Acme-US"]
    assert ids["Acme Corporation"] == "8a808255557baba1015580e12fa5083a"
    assert {entity.name: entity.parent_id for entity in entities} == {
        "Acme Corporation": None,
        "Acme-Americas": ids["Acme Corporation"],
        "Acme-Europe": ids["Acme Corporation"],
        "Acme-US": ids["Acme-Americas"],
        "Acme-UK": ids["Acme-Europe"],
        "Acme-France": ids["Acme-Europe"],
    }
    assert {entity.name for entity in entities if entity.status == "Unprovisioned"} == {"Acme-UK", "Acme-France"}


def test_entity_id_formats() -> None:
    entity = make_entities(1)[0]
    assert entity.uuid == "8a808255-557b-aba1-0155-80e12fa5083a"
    assert entity.uuid.replace("-", "") == entity.id


def test_hierarchy_of_512_entities() -> None:
    entities = make_entities(512)
    assert len({entity.id for entity in entities}) == len({entity.name for entity in entities}) == 512
    assert {len(entity.id) for entity in entities} == {32}
    known: set[str] = set()
    for entity in entities:
        assert entity.parent_id is None if not known else entity.parent_id in known, (
            "parents come before their children"
        )
        known.add(entity.id)


def test_custom_names_determine_ids() -> None:
    first, second = make_entities(["Head Office", "Branch 1.a-b"]), make_entities(["Other", "Branch 1.a-b"])
    assert [entity.display_name for entity in first] == ["Head Office", "Branch 1.a-b"]
    assert first[1].parent_id == first[0].id
    assert first[1].id == second[1].id
    assert first[0].id != second[0].id


def test_sample_entity_without_its_parent() -> None:
    """An entity of the sample whose parent is absent is a child of the root."""
    root, child = make_entities(["Head Office", "Acme-US"])
    assert child.parent_id == root.id


@pytest.mark.parametrize("bad", [0, -1, 513, [], ["A", "A"], ["under_score"], [""], ["x" * 256], ["line\n"]])
def test_invalid_hierarchy_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="entities: "):
        make_entities(bad)


def test_find_by_either_format(tenant: Hierarchy) -> None:
    """An entity is found by its id in either format, in upper or lower case."""
    entity = tenant.entities[1]
    for entity_id in (entity.id, entity.uuid, entity.id.upper(), entity.uuid.upper()):
        assert tenant.find(entity_id) is entity
        assert tenant.entity(entity_id) is entity
    assert tenant.entity(entity) is entity
    for unknown in (entity.id[:-1], f"{{{entity.uuid}}}", entity.uuid.replace("-", "", 1), "", "Acme-Americas"):
        assert tenant.find(unknown) is None
    with pytest.raises(ValueError, match="no such entity"):
        tenant.entity("0" * 32)


def test_connection_lifecycle(tenant: Hierarchy) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    pending = tenant.initiate(source, target)
    assert (pending.source_entity_id, pending.target_entity_id, pending.status) == (source, target, "Pending")
    assert tenant.accept(target, pending.id).status == "Connected"
    assert tenant.disconnect(source, pending.id).status == "Disconnected"
    assert pending.status == "Pending", "a connection that was returned does not change later"
    assert [connection.status for connection in tenant.connections()] == ["Disconnected"]


def test_denied_request_is_disconnected(tenant: Hierarchy) -> None:
    connection = tenant.initiate(tenant.entities[0].id, tenant.entities[1].id)
    assert tenant.deny(tenant.entities[1].id, connection.id).status == "Disconnected"


def test_target_may_disconnect(tenant: Hierarchy) -> None:
    connection = tenant.add(tenant.entities[0].id, tenant.entities[1].id, "Connected")
    assert tenant.disconnect(tenant.entities[1].id, connection.id).status == "Disconnected"


@pytest.mark.parametrize("verb", ["accept", "deny"])
def test_only_target_accepts_and_denies(tenant: Hierarchy, verb: str) -> None:
    source, target, third = (entity.id for entity in tenant.entities[:3])
    connection = tenant.initiate(source, target)
    assert refused(getattr(tenant, verb), source, connection.id) == (10, 200)
    assert refused(getattr(tenant, verb), third, connection.id) == (10, 200)
    assert tenant.connections() == [connection]


def test_third_entity_cannot_disconnect(tenant: Hierarchy) -> None:
    connection = tenant.add(tenant.entities[0].id, tenant.entities[1].id, "Connected")
    assert refused(tenant.disconnect, tenant.entities[2].id, connection.id) == (10, 200)
    assert tenant.connections() == [connection]


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("accept", "Connected"),
        ("accept", "Disconnected"),
        ("accept", "Suspended"),
        ("deny", "Connected"),
        ("deny", "Disconnected"),
        ("disconnect", "Pending"),
        ("disconnect", "Disconnected"),
        ("disconnect", "Suspended"),
    ],
)
def test_change_in_wrong_status_is_refused(tenant: Hierarchy, verb: str, status: str) -> None:
    connection = tenant.add(tenant.entities[0].id, tenant.entities[1].id, status)
    assert refused(getattr(tenant, verb), tenant.entities[1].id, connection.id) == (30, 200)
    assert tenant.connections() == [connection]


@pytest.mark.parametrize("verb", ["accept", "deny", "disconnect"])
def test_unknown_connection_is_not_found(tenant: Hierarchy, verb: str) -> None:
    assert refused(getattr(tenant, verb), tenant.entities[0].id, "0" * 32) == (40, 404)


@pytest.mark.parametrize("status", ["Pending", "Connected"])
def test_active_direction_is_refused(tenant: Hierarchy, status: str) -> None:
    """A second request in the same direction is refused; the opposite direction is free."""
    source, target = tenant.entities[0].id, tenant.entities[1].id
    connection = tenant.add(source, target, status)
    assert refused(tenant.initiate, source, target) == (30, 200)
    assert tenant.connections() == [connection]
    assert tenant.initiate(target, source).status == "Pending"


def test_disconnected_pair_gets_new_id(tenant: Hierarchy) -> None:
    """A disconnected pair may be requested again, with a new id."""
    source, target = tenant.entities[0].id, tenant.entities[1].id
    old = tenant.add(source, target, "Disconnected")
    new = tenant.initiate(source, target)
    assert new.id != old.id
    assert tenant.connections() == [old, new]


def test_self_or_unknown_target_is_refused(tenant: Hierarchy) -> None:
    source = tenant.entities[0].id
    assert refused(tenant.initiate, source, source) == (30, 200)
    assert refused(tenant.initiate, source, "0" * 32) == (40, 200)
    assert tenant.connections() == []


def test_connections_by_entity_and_direction(tenant: Hierarchy) -> None:
    """An entity's connections are listed by direction, oldest first."""
    first, second, third = (entity.id for entity in tenant.entities[:3])
    outbound = tenant.add(first, second, "Connected")
    inbound = tenant.add(third, first, "Pending")
    tenant.add(second, third, "Connected")
    last = tenant.add(first, third, "Disconnected")
    tenant.disconnect(second, outbound.id)
    outbound = Connection(outbound.id, first, second, "Disconnected")
    assert tenant.connections(first) == [outbound, inbound, last], "a change keeps the order"
    assert tenant.connections(first, "outbound") == [outbound, last]
    assert tenant.connections(first, "inbound") == [inbound]
    assert tenant.connections(tenant.entities[3].id) == []


def test_added_ids_are_kept_and_unique(tenant: Hierarchy) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    next_id = Hierarchy(tenant.entities).add(source, target, "Pending").id
    assert tenant.add(source, target, "Disconnected", next_id).id == next_id
    assert tenant.initiate(source, target).id != next_id
    with pytest.raises(ValueError, match="exists"):
        tenant.add(source, target, "Disconnected", next_id)
    with pytest.raises(ValueError, match="same entity"):
        tenant.add(source, source, "Connected")
    assert len(tenant.connections()) == 2


def test_concurrent_initiate_succeeds_once(tenant: Hierarchy) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    barrier = threading.Barrier(16)
    outcomes: list[str] = []

    def initiate() -> None:
        barrier.wait()
        try:
            outcomes.append(tenant.initiate(source, target).status)
        except Refusal:
            outcomes.append("refused")

    threads = [threading.Thread(target=initiate) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["Pending"] + ["refused"] * 15
    assert len(tenant.connections()) == 1


steps = st.tuples(
    st.sampled_from(["initiate", "accept", "deny", "disconnect"]),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 9),
)


@given(st.lists(steps, max_size=60))
def test_any_sequence_keeps_the_rules(plan: list[tuple[str, int, int, int]]) -> None:
    tenant = Hierarchy(make_entities(3))
    ids = [entity.id for entity in tenant.entities]
    allowed = {("Pending", "Connected"), ("Pending", "Disconnected"), ("Connected", "Disconnected")}
    for verb, source, target, index in plan:
        before = tenant.connections()
        try:
            if verb == "initiate":
                connection = tenant.initiate(ids[source], ids[target])
                assert tenant.connections() == [*before, connection]
            else:
                connection = getattr(tenant, verb)(ids[source], before[index % len(before)].id if before else "none")
                changed = [(old, new) for old, new in zip(before, tenant.connections(), strict=True) if old != new]
                assert [new for _, new in changed] == [connection]
                assert {(old.status, new.status) for old, new in changed} <= allowed
                assert verb == "disconnect" or ids[source] == connection.target_entity_id
        except Refusal:
            assert tenant.connections() == before
        active = [
            (connection.source_entity_id, connection.target_entity_id)
            for connection in tenant.connections()
            if connection.status != "Disconnected"
        ]
        assert len(active) == len(set(active)), "at most one active connection in each direction"
        for id_ in ids:
            own = [
                connection
                for connection in tenant.connections()
                if id_ in (connection.source_entity_id, connection.target_entity_id)
            ]
            assert tenant.connections(id_) == own
            assert len(tenant.connections(id_, "inbound")) + len(tenant.connections(id_, "outbound")) == len(own)
