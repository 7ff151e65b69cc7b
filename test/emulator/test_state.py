"""The rules of the tenant, without HTTP."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuora_client.emulator.state import Connection, Hierarchy, Refusal, make_entities


@pytest.fixture
def tenant() -> Hierarchy:
    return Hierarchy(make_entities(4))


def refused(operation, *arguments: str) -> tuple[int, int]:
    with pytest.raises(Refusal) as caught:
        operation(*arguments)
    return caught.value.category, caught.value.status


def test_the_first_entities_are_those_of_the_published_sample() -> None:
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


def test_an_entity_has_two_spellings_of_one_id() -> None:
    entity = make_entities(1)[0]
    assert entity.uuid == "8a808255-557b-aba1-0155-80e12fa5083a"
    assert entity.uuid.replace("-", "") == entity.id


def test_a_hierarchy_goes_up_to_512_entities_with_ids_of_their_own() -> None:
    entities = make_entities(512)
    assert len({entity.id for entity in entities}) == len({entity.name for entity in entities}) == 512
    assert {len(entity.id) for entity in entities} == {32}
    known = set()
    for entity in entities:
        assert entity.parent_id is None if not known else entity.parent_id in known, "a parent comes before its child"
        known.add(entity.id)


def test_names_may_be_chosen_and_ids_follow_the_name() -> None:
    first, second = make_entities(["Head Office", "Branch 1.a-b"]), make_entities(["Other", "Branch 1.a-b"])
    assert [entity.display_name for entity in first] == ["Head Office", "Branch 1.a-b"]
    assert first[1].parent_id == first[0].id
    assert first[1].id == second[1].id
    assert first[0].id != second[0].id


def test_a_published_child_without_its_parent_hangs_on_the_root() -> None:
    root, child = make_entities(["Head Office", "Acme-US"])
    assert child.parent_id == root.id


@pytest.mark.parametrize("bad", [0, -1, 513, [], ["A", "A"], ["under_score"], [""], ["x" * 256], ["line\n"]])
def test_a_hierarchy_that_zuora_does_not_allow_is_a_value_error(bad) -> None:
    with pytest.raises(ValueError, match="entities: "):
        make_entities(bad)


def test_either_spelling_and_either_case_finds_an_entity(tenant: Hierarchy) -> None:
    entity = tenant.entities[1]
    for spelling in (entity.id, entity.uuid, entity.id.upper(), entity.uuid.upper()):
        assert tenant.find(spelling) is entity
        assert tenant.entity(spelling) is entity
    assert tenant.entity(entity) is entity
    for stranger in (entity.id[:-1], f"{{{entity.uuid}}}", entity.uuid.replace("-", "", 1), "", "Acme-Americas"):
        assert tenant.find(stranger) is None
    with pytest.raises(ValueError, match="no such entity"):
        tenant.entity("0" * 32)


def test_the_life_of_a_connection(tenant: Hierarchy) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    pending = tenant.initiate(source, target)
    assert (pending.source_entity_id, pending.target_entity_id, pending.status) == (source, target, "Pending")
    assert tenant.accept(target, pending.id).status == "Connected"
    assert tenant.disconnect(source, pending.id).status == "Disconnected"
    assert pending.status == "Pending", "a row that was read does not follow later changes"
    assert [row.status for row in tenant.connections()] == ["Disconnected"]


def test_a_denied_request_is_disconnected(tenant: Hierarchy) -> None:
    row = tenant.initiate(tenant.entities[0].id, tenant.entities[1].id)
    assert tenant.deny(tenant.entities[1].id, row.id).status == "Disconnected"


def test_the_target_may_disconnect_too(tenant: Hierarchy) -> None:
    row = tenant.add(tenant.entities[0].id, tenant.entities[1].id, "Connected")
    assert tenant.disconnect(tenant.entities[1].id, row.id).status == "Disconnected"


@pytest.mark.parametrize("verb", ["accept", "deny"])
def test_only_the_target_accepts_and_denies(tenant: Hierarchy, verb: str) -> None:
    source, target, third = (entity.id for entity in tenant.entities[:3])
    row = tenant.initiate(source, target)
    assert refused(getattr(tenant, verb), source, row.id) == (10, 200)
    assert refused(getattr(tenant, verb), third, row.id) == (10, 200)
    assert tenant.connections() == [row]


def test_a_third_entity_cannot_disconnect(tenant: Hierarchy) -> None:
    row = tenant.add(tenant.entities[0].id, tenant.entities[1].id, "Connected")
    assert refused(tenant.disconnect, tenant.entities[2].id, row.id) == (10, 200)
    assert tenant.connections() == [row]


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
def test_a_change_that_does_not_fit_the_status_is_refused(tenant: Hierarchy, verb: str, status: str) -> None:
    row = tenant.add(tenant.entities[0].id, tenant.entities[1].id, status)
    assert refused(getattr(tenant, verb), tenant.entities[1].id, row.id) == (30, 200)
    assert tenant.connections() == [row]


@pytest.mark.parametrize("verb", ["accept", "deny", "disconnect"])
def test_an_unknown_connection_is_not_found(tenant: Hierarchy, verb: str) -> None:
    assert refused(getattr(tenant, verb), tenant.entities[0].id, "0" * 32) == (40, 404)


@pytest.mark.parametrize("status", ["Pending", "Connected"])
def test_a_direction_that_is_busy_is_refused_and_the_other_one_is_free(tenant: Hierarchy, status: str) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    row = tenant.add(source, target, status)
    assert refused(tenant.initiate, source, target) == (30, 200)
    assert tenant.connections() == [row]
    assert tenant.initiate(target, source).status == "Pending"


def test_after_a_disconnect_the_pair_may_be_requested_again_and_gets_a_new_id(tenant: Hierarchy) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    old = tenant.add(source, target, "Disconnected")
    new = tenant.initiate(source, target)
    assert new.id != old.id
    assert tenant.connections() == [old, new]


def test_no_entity_connects_to_itself_or_to_a_stranger(tenant: Hierarchy) -> None:
    source = tenant.entities[0].id
    assert refused(tenant.initiate, source, source) == (30, 200)
    assert refused(tenant.initiate, source, "0" * 32) == (40, 200)
    assert tenant.connections() == []


def test_an_entity_sees_its_own_rows_by_direction_oldest_first(tenant: Hierarchy) -> None:
    first, second, third = (entity.id for entity in tenant.entities[:3])
    out = tenant.add(first, second, "Connected")
    into = tenant.add(third, first, "Pending")
    tenant.add(second, third, "Connected")
    late = tenant.add(first, third, "Disconnected")
    tenant.disconnect(second, out.id)
    out = Connection(out.id, first, second, "Disconnected")
    assert tenant.connections(first) == [out, into, late], "a change does not move a row"
    assert tenant.connections(first, "outbound") == [out, late]
    assert tenant.connections(first, "inbound") == [into]
    assert tenant.connections(tenant.entities[3].id) == []


def test_seeded_ids_are_kept_and_never_given_twice(tenant: Hierarchy) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    would_be_next = Hierarchy(tenant.entities).add(source, target, "Pending").id
    assert tenant.add(source, target, "Disconnected", would_be_next).id == would_be_next
    assert tenant.initiate(source, target).id != would_be_next
    with pytest.raises(ValueError, match="exists"):
        tenant.add(source, target, "Disconnected", would_be_next)
    with pytest.raises(ValueError, match="same entity"):
        tenant.add(source, source, "Connected")
    assert len(tenant.connections()) == 2


def test_one_of_many_threads_wins_and_the_others_are_refused(tenant: Hierarchy) -> None:
    source, target = tenant.entities[0].id, tenant.entities[1].id
    barrier = threading.Barrier(16)
    outcomes: list[str] = []

    def ask() -> None:
        barrier.wait()
        try:
            outcomes.append(tenant.initiate(source, target).status)
        except Refusal:
            outcomes.append("refused")

    threads = [threading.Thread(target=ask) for _ in range(16)]
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
def test_whatever_is_asked_for_the_rules_hold(plan: list[tuple[str, int, int, int]]) -> None:
    tenant = Hierarchy(make_entities(3))
    ids = [entity.id for entity in tenant.entities]
    moves = {("Pending", "Connected"), ("Pending", "Disconnected"), ("Connected", "Disconnected")}
    for verb, who, whom, which in plan:
        before = tenant.connections()
        try:
            if verb == "initiate":
                row = tenant.initiate(ids[who], ids[whom])
                assert tenant.connections() == [*before, row]
            else:
                row = getattr(tenant, verb)(ids[who], before[which % len(before)].id if before else "none")
                changed = [(old, new) for old, new in zip(before, tenant.connections(), strict=True) if old != new]
                assert [new for _, new in changed] == [row]
                assert {(old.status, new.status) for old, new in changed} <= moves
                assert verb == "disconnect" or ids[who] == row.target_entity_id
        except Refusal:
            assert tenant.connections() == before
        active = [
            (row.source_entity_id, row.target_entity_id) for row in tenant.connections() if row.status != "Disconnected"
        ]
        assert len(active) == len(set(active)), "one live connection for each direction"
        for id_ in ids:
            mine = [row for row in tenant.connections() if id_ in (row.source_entity_id, row.target_entity_id)]
            assert tenant.connections(id_) == mine
            assert len(tenant.connections(id_, "inbound")) + len(tenant.connections(id_, "outbound")) == len(mine)
