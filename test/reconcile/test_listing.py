"""Lists whose rows move between pages, and whose ids are written in different ways."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from support.effort import examples
from support.shifting import ShiftingApi
from support.tenant import api_for
from support.watching import sent, statuses, written

from zuora_client import (
    ConflictError,
    EntityConnectionsApi,
    OutcomeUnknownError,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator, faults
from zuora_client.reconcile.listing import is_connected, list_connections

SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.upper,
    lambda id: str(uuid.UUID(id)),
    lambda id: str(uuid.UUID(id)).upper(),
    lambda id: "-".join(id),
    lambda id: "".join(c.upper() if number % 2 else c for number, c in enumerate(id)),
]


def spelled(choices: list[int]) -> Callable[[str, int], str]:
    """Return a speller that takes the next choice for each id."""
    count = 0

    def respell(id: str, page: int) -> str:
        nonlocal count
        count += 1
        return SPELLINGS[choices[count % len(choices)]](id)

    return respell


choices = st.lists(st.integers(0, len(SPELLINGS) - 1), min_size=1, max_size=12)


def fill(zuora: ZuoraEmulator, source: Any, count: int) -> None:
    """Add disconnected rows of another pair, so that the list has several pages."""
    for _ in range(count):
        zuora.add_connection(source, zuora.entities[-1], "Disconnected")


# -- ids that are written differently ---------------------------------------------------------------------------------


@examples(8)
@hypothesis.given(choices, st.sampled_from([0, 1, 3]))
def test_respelled_ids_cause_no_second_write(choices: list[int], others: int) -> None:
    with ZuoraEmulator() as zuora, api_for(zuora) as plain:
        source, target = zuora.entities[:2]
        fill(zuora, source, others)
        api = ShiftingApi(plain, zuora, respell=spelled(choices))
        ensure_connected(api, source.id, target.id)
        assert not ensure_connected(api, source.uuid, target.id.upper()).changed
        plan = plan_connections(api, [(source.id, target.id)])
        assert plan.changes == ()
        assert [result.changed for result in plan.apply()] == [False]
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
        assert not ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
        assert written(zuora) == ["initiate", "accept", "disconnect"]


@examples(8)
@hypothesis.given(choices, st.sampled_from(["Pending", "Connected"]))
def test_lost_write_is_not_repeated_under_another_spelling(choices: list[int], status: str) -> None:
    """The list still shows the connection as before, and writes its id differently each time."""
    with ZuoraEmulator() as zuora, api_for(zuora) as plain:
        source, target = zuora.entities[:2]
        zuora.add_connection(source, target, status)
        zuora.faults.add(faults.reset_before_commit(), method="PUT")
        api = ShiftingApi(plain, zuora, respell=spelled(choices))
        with pytest.raises(OutcomeUnknownError):
            ensure_disconnected(api, source.id, target.id, break_sharing=True)
        assert len([request for request in zuora.requests if request.method == "PUT"]) == 1


def test_respelled_row_is_no_second_connection(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A row that appears on two pages under two spellings is one connection."""
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Pending")
    fill(zuora, source, 3)

    def repeat(order: list[str], pass_number: int, page: int) -> None:
        if page == 2:
            order.append(order.pop(0))

    shifting = ShiftingApi(api, zuora, repeat, lambda id, page: id.upper() if page > 1 else id)
    listing = list_connections(shifting, source.id, [target.id], is_connected, {})
    found = listing.find(target.id)
    assert found is not None
    assert str(found.id).lower() == row.id
    assert listing.surplus(target.id) == []


# -- rows that move between pages -------------------------------------------------------------------------------------


@examples(20)
@hypothesis.given(st.data(), st.integers(1, 9), st.sampled_from(["Pending", "Connected"]))
def test_row_missed_in_one_pass_is_found(data: st.DataObject, others: int, status: str) -> None:
    """Whatever moves while the first pass is read, no row is taken for absent."""
    with ZuoraEmulator() as zuora, api_for(zuora) as plain:
        source, target = zuora.entities[:2]
        fill(zuora, source, others)
        row = zuora.add_connection(source, target, status)

        def shift(order: list[str], pass_number: int, page: int) -> None:
            if pass_number == 1 and order:
                moved = order.pop(data.draw(st.integers(0, len(order) - 1)))
                order.insert(data.draw(st.integers(0, len(order))), moved)

        found = list_connections(ShiftingApi(plain, zuora, shift), source.id, [target.id], is_connected, {}).find(
            target.id
        )
        assert found is not None
        assert (found.id, found.status) == (row.id, status)


def move_to_read_page(zuora: ZuoraEmulator, id: str, passes: set[int]) -> Callable[[list[str], int, int], None]:
    """In these passes, move a connection from the end to the first page as soon as that was read."""

    def shift(order: list[str], pass_number: int, page: int) -> None:
        if id in order and page == 1:
            order.remove(id)
            order.append(id)
        elif id in order and page == 2 and pass_number in passes:
            order.remove(id)
            order.insert(0, id)

    return shift


def test_missed_connection_is_disconnected(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    row = zuora.add_connection(source, target, "Connected")
    shifting = ShiftingApi(api, zuora, move_to_read_page(zuora, row.id, {1}))
    assert ensure_disconnected(shifting, source.id, target.id, break_sharing=True).changed
    assert statuses(zuora, source, target) == ["Disconnected"]


@pytest.mark.parametrize("status", ["Pending", "Connected"])
def test_missed_connection_is_not_requested_again(zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str) -> None:
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    row = zuora.add_connection(source, target, status)
    shifting = ShiftingApi(api, zuora, move_to_read_page(zuora, row.id, {1}))
    assert ensure_connected(shifting, source.id, target.id).changed == (status == "Pending")
    assert "initiate" not in sent(zuora)
    assert statuses(zuora, source, target) == ["Connected"]


@pytest.mark.parametrize("status", ["Pending", "Connected"])
def test_plan_shows_a_missed_connection(zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str) -> None:
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    row = zuora.add_connection(source, target, status)
    shifting = ShiftingApi(api, zuora, move_to_read_page(zuora, row.id, {1}))
    plan = plan_connections(shifting, [(source.id, target.id)])
    assert [pair.connection and pair.connection.status for pair in plan.pairs] == [status]


def test_list_that_keeps_changing_is_an_error(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """After four passes that differ, the error names the pair, and nothing was written."""
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    row = zuora.add_connection(source, target, "Pending")
    shifting = ShiftingApi(api, zuora, move_to_read_page(zuora, row.id, {2, 3, 4}))
    pair = f"{source.id} -> {target.id}"
    with pytest.raises(ConflictError, match=f"during each of 4 passes: {pair}") as caught:
        ensure_connected(shifting, source.id, target.id)
    assert (caught.value.outcome, caught.value.method, shifting.passes) == ("answered", "GET", 4)
    assert "wait until it has finished" in caught.value.advice
    shifting.passes = 0
    with pytest.raises(ConflictError, match=f"during each of 4 passes: {pair}"):
        plan_connections(shifting, [(source.id, target.id)])
    assert written(zuora) == []


@pytest.mark.parametrize(("count", "more"), [(10, ""), (12, " and 2 more")])
def test_error_shows_ten_pairs(count: int, more: str) -> None:
    with ZuoraEmulator(entities=count + 2) as zuora, api_for(zuora) as plain:
        source, *targets = zuora.entities[: count + 1]
        fill(zuora, source, 4)
        rows = {zuora.add_connection(source, target, "Pending").id for target in targets}

        def hide(order: list[str], pass_number: int, page: int) -> None:
            if pass_number > 1:
                order[:] = [id for id in order if id not in rows]

        ids = [target.id for target in targets]
        with pytest.raises(ConflictError) as caught:
            list_connections(ShiftingApi(plain, zuora, hide), source.id, ids, is_connected, {})
        assert str(caught.value.reason).endswith(f"{source.id} -> {targets[9].id}{more}")


def test_list_that_shrinks_to_a_page(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A single page is believed at once only if the list never had more."""
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    row = zuora.add_connection(source, target, "Pending")

    def shrink(order: list[str], pass_number: int, page: int) -> None:
        order[:] = [id for id in order if (id == row.id) == (pass_number > 1)]

    shifting = ShiftingApi(api, zuora, shrink)
    list_connections(shifting, source.id, [target.id], is_connected, {})
    assert shifting.passes == 3


def test_newest_status_counts(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A connection that is accepted while the list is read is connected."""
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    row = zuora.add_connection(source, target, "Pending")

    def accept(order: list[str], pass_number: int, page: int) -> None:
        if (pass_number, page) == (2, 1):
            api.put_entity_connections_accept(row.id, zuora_entity_ids=target.id)

    assert not ensure_connected(ShiftingApi(api, zuora, accept), source.id, target.id).changed
    assert written(zuora) == ["accept"]


# -- number of passes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "status", "passes"),
    [(1, None, 1), (1, "Pending", 1), (4, None, 2), (4, "Disconnected", 2), (4, "Pending", 2), (4, "Connected", 1)],
)
def test_passes_of_a_list(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, others: int, status: str | None, passes: int
) -> None:
    """One page is read once; several pages are read again unless they show the wanted status."""
    source, target = zuora.entities[:2]
    fill(zuora, source, others)
    if status is not None:
        zuora.add_connection(source, target, status)
    shifting = ShiftingApi(api, zuora)
    list_connections(shifting, source.id, [target.id], is_connected, {})
    assert shifting.passes == passes


def test_absence_after_a_disconnect_is_confirmed(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    zuora.add_connection(source, target, "Connected")
    shifting = ShiftingApi(api, zuora)
    ensure_disconnected(shifting, source.id, target.id, break_sharing=True)
    assert shifting.passes == 3


def test_passes_of_a_run(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """Absence is read twice; the new request, and then the connection, are believed at once."""
    source, target = zuora.entities[:2]
    fill(zuora, source, 4)
    shifting = ShiftingApi(api, zuora)
    assert ensure_connected(shifting, source.id, target.id).changed
    assert shifting.passes == 2 + 1 + 1
    shifting.passes = 0
    other = zuora.entities[2]
    assert plan_connections(shifting, [(source.id, other.id)]).apply(workers=1)[0].changed
    assert shifting.passes == 2 + 2 + 1 + 1


# -- plans look at every pair -----------------------------------------------------------------------------------------


def test_pair_disconnected_after_planning(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A pair that was connected when the plan was made is connected again by `apply`."""
    source, a, b = zuora.entities[:3]
    row = zuora.add_connection(source, a, "Connected")
    plan = plan_connections(api, [(source.id, a.id), (source.id, b.id)])
    api.put_entity_connections_disconnect(row.id, zuora_entity_ids=source.id)
    assert [result.changed for result in plan.apply()] == [True, True]
    assert statuses(zuora, source, a) == ["Disconnected", "Connected"]
