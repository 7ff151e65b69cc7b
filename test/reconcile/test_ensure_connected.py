"""`ensure_connected`: what it writes for each state of a pair, and what it tells."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from support import FakeClock
from support.tenant import api_for
from support.watching import sent, statuses, written

from zuora_client import (
    AuthenticationError,
    EnsureResult,
    EntityConnectionsApi,
    InvalidResponseError,
    OutcomeUnknownError,
    RequestRejectedError,
    Step,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator, faults


def test_an_unconnected_pair_is_asked_accepted_and_verified(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    result = ensure_connected(api, source.id, target.id)
    assert statuses(zuora, source, target) == ["Connected"]
    assert result.changed
    assert result.connection is not None
    assert (result.connection.id, result.connection.status) == (zuora.connections[0].id, "Connected")
    assert sent(zuora) == ["list", "list", "initiate", "list", "accept", "list"]
    assert [request.entity_id for request in zuora.requests[1:]] == [
        source.id, target.id, source.id, source.id, target.id, source.id,
    ]  # fmt: skip


def test_a_connected_pair_costs_no_write(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Connected")
    result = ensure_connected(api, source.id, target.id)
    assert sent(zuora) == ["list"]
    assert not result.changed
    assert result.connection is not None
    assert result.connection.id == row.id


def test_a_pending_pair_costs_only_the_accept(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    assert ensure_connected(api, source.id, target.id).changed
    assert sent(zuora) == ["list", "accept", "list"]
    assert statuses(zuora, source, target) == ["Connected"]


@pytest.mark.parametrize("status", ["Disconnected", "Denied", ""])
def test_any_other_status_counts_as_absent(zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, status)
    ensure_connected(api, source.id, target.id)
    assert written(zuora) == ["initiate", "accept"]
    assert statuses(zuora, source, target) == [status, "Connected"]


def test_the_other_direction_is_another_connection(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(target, source, "Connected")
    assert ensure_connected(api, source.id, target.id).changed
    assert statuses(zuora, source, target) == ["Connected"]


def test_a_row_of_another_source_does_not_count_wherever_it_is_listed(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target, third = zuora.entities[:3]
    rows = [
        {"id": entity.id, "sourceEntityId": entity.id, "targetEntityId": target.id, "status": "Connected"}
        for entity in (third, target)
    ]
    zuora.fail_next(faults.answer(200, {"entityConnections": rows, "success": True}), method="GET")
    assert ensure_connected(api, source.id, target.id).changed


@pytest.mark.parametrize("status", ["Pending", "Connected"])
def test_of_several_rows_the_one_that_is_further_along_counts(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str
) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Disconnected", id="a")
    zuora.add_connection(source, target, "Pending", id="c")
    zuora.add_connection(source, target, status, id="b")
    zuora.add_connection(source, target, "Disconnected", id="d")
    result = ensure_connected(api, source.id, target.id)
    assert result.connection is not None
    assert result.connection.id == "b"
    assert statuses(zuora, source, target) == ["Disconnected", "Pending", "Connected", "Disconnected"]


def test_the_pair_is_found_on_a_later_page(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    source, target, other = zuora.entities[:3]
    for _ in range(650):
        zuora.add_connection(source, other, "Disconnected")
    zuora.add_connection(source, target, "Connected")
    assert not ensure_connected(api, source.id, target.id).changed
    assert sent(zuora) == ["list"] * 3


@pytest.mark.parametrize("spell", [lambda e: e.id, lambda e: e.uuid, lambda e: e.uuid.upper(), lambda e: e.id.encode()])
def test_every_spelling_of_an_id_means_the_same_entity(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, spell: Any
) -> None:
    source, target = zuora.entities[:2]
    assert ensure_connected(api, spell(source), spell(target)).changed
    assert not ensure_connected(api, spell(source), target.id).changed
    assert not ensure_connected(api, source.uuid, spell(target)).changed
    assert statuses(zuora, source, target) == ["Connected"]


def test_two_clients_of_one_entity_each(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    with api_for(zuora, source) as ours, api_for(zuora, target) as theirs:
        assert ensure_connected(ours, source.id, target.id, target_api=theirs).changed
        assert not ensure_connected(ours, source.id, target.id, target_api=theirs).changed
    assert written(zuora) == ["initiate", "accept"]


def test_credentials_without_the_target_fail_before_anything_is_written(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    with api_for(zuora, source) as ours, pytest.raises(RequestRejectedError, match="inaccessible entity"):
        ensure_connected(ours, source.id, target.id)
    assert zuora.connections == []


def test_a_default_entity_header_fails_before_anything_is_written(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target = zuora.entities[:2]
    api.api_client.set_default_header("Zuora-Entity-Ids", source.uuid)
    with pytest.raises(ValueError, match="Zuora-Entity-Ids"):
        ensure_connected(api, source.id, target.id)
    assert zuora.connections == []


# -- what it tells -----------------------------------------------------------------------------------------------


def test_each_step_is_told_when_it_is_done(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    told: list[tuple[str, list[str]]] = []
    result = ensure_connected(api, source.id, target.id, on_step=lambda step: told.append((str(step), written(zuora))))
    id = zuora.connections[0].id
    pair = f"{source.id} -> {target.id}"
    assert told == [
        (f"{pair}: the list shows no connection", []),
        (f"{pair}: asked the target for a connection (connection {id})", ["initiate"]),
        (f"{pair}: the list shows Pending (connection {id})", ["initiate"]),
        (f"{pair}: accepted as the target (connection {id})", ["initiate", "accept"]),
        (f"{pair}: the list shows Connected (connection {id})", ["initiate", "accept"]),
    ]
    assert [str(step) for step in result.steps] == [line for line, _ in told]
    assert [step.action for step in result.steps] == ["look", "initiate", "look", "accept", "look"]


def test_the_library_prints_nothing(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, capfd: pytest.CaptureFixture[str]
) -> None:
    ensure_connected(api, zuora.entities[0].id, zuora.entities[1].id)
    assert capfd.readouterr() == ("", "")


def test_what_on_step_raises_ends_the_run(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    def stop(step: Step) -> None:
        raise KeyError(step.action)

    with pytest.raises(KeyError, match="look"):
        ensure_connected(api, zuora.entities[0].id, zuora.entities[1].id, on_step=stop)
    assert zuora.connections == []


def test_a_step_is_one_line_whatever_zuora_says(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Sus\npended\x1b[31m")
    zuora.fail_next(faults.refusal(50000030, "no\r\nway"), method="POST")
    steps: list[Step] = []
    with pytest.raises(RequestRejectedError):
        ensure_connected(api, source.id, target.id, on_step=steps.append)
    assert all(str(step).isprintable() for step in steps)
    assert any("no way" in str(step) for step in steps)


def test_a_result_says_at_a_glance_what_it_is_and_travels(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    first, second = (ensure_connected(api, source.id, target.id) for _ in range(2))
    assert repr(first) == f"<EnsureResult Connected {zuora.connections[0].id}, changed>"
    assert repr(second) == f"<EnsureResult Connected {zuora.connections[0].id}, nothing to do>"
    assert repr(EnsureResult(False, None, [])) == "<EnsureResult no connection, nothing to do>"
    for travelled in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
        assert (travelled.changed, travelled.connection) == (True, first.connection)
        assert [str(step) for step in travelled.steps] == [str(step) for step in first.steps]


# -- what it does not believe ------------------------------------------------------------------------------------

NOTHING = faults.answer(200, {"entityConnections": [], "success": True})


def test_a_list_that_lags_behind_is_waited_for(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock
) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(NOTHING, method="GET", nth=3, times=2)
    ensure_connected(api, source.id, target.id)
    assert clock.sleeps == [0.5, 1.0]
    assert written(zuora) == ["initiate", "accept"]


def test_a_yes_that_the_list_never_shows_is_unknown(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock
) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(NOTHING, method="GET", nth=3, times=9)
    with pytest.raises(OutcomeUnknownError, match="its list still does not show it") as caught:
        ensure_connected(api, source.id, target.id)
    assert (caught.value.outcome, caught.value.method, caught.value.path) == (
        "unknown",
        "POST",
        "/v1/entity-connections",
    )
    assert "Done before in this run: initiate." in str(caught.value)
    assert clock.sleeps == [0.5, 1.0, 2.0]
    zuora.faults.clear()
    assert ensure_connected(api, source.id, target.id).changed
    assert written(zuora) == ["initiate", "accept"]


def test_a_lost_answer_is_looked_up_and_not_sent_again(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock
) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.fail_next(faults.reset_after_commit(), method="PUT")
    result = ensure_connected(api, source.id, target.id)
    assert result.changed
    assert sent(zuora) == ["list", "accept", "list"]
    assert "no answer says whether it was done" in str(result.steps[1])
    assert clock.sleeps == []


def test_a_lost_request_is_reported_and_not_sent_again(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.fail_next(faults.reset_before_commit(), method="PUT")
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id)
    assert sent(zuora).count("accept") == 1
    assert str(caught.value.path).endswith("/accept")
    assert "Done before in this run: initiate." in str(caught.value)
    assert "Running it again is safe" in str(caught.value)


def test_a_failed_look_does_not_hide_that_a_write_is_unknown(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.faults.add(faults.reset_after_commit(), method="PUT")
    zuora.faults.add(faults.html_error(502), method="GET", nth=2, times=9)
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id)
    assert (caught.value.method, caught.value.outcome) == ("PUT", "unknown")
    assert type(caught.value.__cause__).__name__ == "ApiConnectionError"


def test_a_failed_look_after_a_confirmed_write_tells_of_the_write(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.faults.add(faults.answer(401), method="GET", nth=2, times=9)
    with pytest.raises(AuthenticationError, match="Done before in this run: accept") as caught:
        ensure_connected(api, source.id, target.id)
    assert caught.value.method == "GET"


def test_a_refusal_that_stays_is_raised_in_zuoras_words(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock
) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(faults.refusal(67999930, "Only the global entity may share."), method="POST", path="/v1/*")
    with pytest.raises(RequestRejectedError, match="Only the global entity may share") as caught:
        ensure_connected(api, source.id, target.id)
    assert caught.value.outcome == "answered"
    assert sent(zuora).count("initiate") == 1


def test_a_denied_request_is_not_asked_for_again_in_the_same_run(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    """Somebody denies while we look: the next run may ask again, this one would fight."""
    source, target = zuora.entities[:2]

    def deny(exchange: Any) -> None:
        with api_for(zuora) as other:
            other.put_entity_connections_deny(zuora.connections[-1].id, zuora_entity_ids=target.id)
        exchange.send(exchange.execute())

    zuora.faults.add(faults.Fault("denied meanwhile", deny), path="*/accept")
    with pytest.raises(RequestRejectedError, match="not Pending"):
        ensure_connected(api, source.id, target.id)
    assert written(zuora) == ["initiate", "deny"]


# -- raise_on_failure = False --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_refusals_that_come_as_objects_are_seen(zuora: ZuoraEmulator, method: str) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(faults.refusal(50000030, "Not today."), method=method, path="/v1/*")
    with (
        api_for(zuora, raise_on_failure=False) as api,
        pytest.raises(RequestRejectedError, match="Not today") as caught,
    ):
        ensure_connected(api, source.id, target.id)
    assert caught.value.method == method
    assert caught.value.outcome == "answered"
    zuora.faults.clear()
    with api_for(zuora, raise_on_failure=False) as api:
        ensure_connected(api, source.id, target.id)
    assert written(zuora) == ["initiate", "accept"]


def test_trouble_of_zuoras_own_is_no_refusal_there_either(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(faults.refusal(50000060, "Internal error."), method="PUT")
    with api_for(zuora, raise_on_failure=False) as api, pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id)
    assert caught.value.outcome == "unknown"


# -- wrong arguments -----------------------------------------------------------------------------------------------

A, B = "8a808255557baba1015580e12fa5083a", "8a80825555a3c7a10155b460f53858e6"


@pytest.mark.parametrize(
    ("source", "target", "kind", "words"),
    [
        (None, B, TypeError, "source_entity_id"),
        (A, None, TypeError, "target_entity_id"),
        ("", B, ValueError, "source_entity_id is empty"),
        (A, "", ValueError, "target_entity_id is empty"),
        (A + "\n", B, ValueError, "source_entity_id"),
        (A, B + "0", ValueError, "32"),
        (A, A, ValueError, "same entity"),
        (A, "8A808255-557BABA1-015580E1-2FA5083A".replace("-", ""), ValueError, "same entity"),
        (A, "8a808255-557b-aba1-0155-80e12fa5083a", ValueError, "same entity"),
    ],
)
def test_a_wrong_id_is_refused_by_name_before_anything_is_sent(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, source: Any, target: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        ensure_connected(api, source, target)
    assert zuora.requests == []


def test_a_connection_without_an_id_is_an_answer_that_cannot_be_read(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target = zuora.entities[:2]
    row = {"sourceEntityId": source.id, "targetEntityId": target.id, "status": "Pending"}
    zuora.fail_next(faults.answer(200, {"entityConnections": [row], "success": True}), method="GET")
    with pytest.raises(Exception, match="a connection without a usable id") as caught:
        ensure_connected(api, source.id, target.id)
    assert type(caught.value).__name__ == "InvalidResponseError"
    assert zuora.connections == []


@pytest.mark.parametrize("id", [".", "..", "", "a\nb", True, 1.5, ["x"], {}])
def test_a_connection_whose_id_cannot_be_named_is_an_answer_that_cannot_be_read(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, id: Any
) -> None:
    source, target = zuora.entities[:2]
    row = {"id": id, "sourceEntityId": source.id, "targetEntityId": target.id, "status": "Pending"}
    zuora.faults.add(faults.answer(200, {"entityConnections": [row], "success": True}), method="GET")
    with pytest.raises(InvalidResponseError, match="usable id"):
        ensure_connected(api, source.id, target.id)
    with pytest.raises(InvalidResponseError, match="usable id"):
        plan_connections(api, [(source.id, target.id)])


@pytest.mark.parametrize("name", ["api", "target_api"])
def test_a_client_in_the_place_of_an_api_is_a_type_error(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str
) -> None:
    given: dict[str, Any] = {"api": api, name: api.api_client}
    with pytest.raises(TypeError, match=f"^{name} must be an EntityConnectionsApi, not ApiClient"):
        ensure_connected(source_entity_id=A, target_entity_id=B, **given)
    with pytest.raises(TypeError, match=r"^api must be an EntityConnectionsApi"):
        plan_connections(api.api_client, [(A, B)])  # type: ignore[arg-type]
    assert zuora.requests == []


# -- a list that lags ----------------------------------------------------------------------------------------------


def test_a_list_that_forgets_a_pair_for_a_moment_makes_no_second_request(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.faults.add(faults.answer(200, {"entityConnections": [], "success": True}), method="GET", nth=2)
    assert ensure_connected(api, source.id, target.id).changed
    assert sent(zuora) == ["list", "accept", "list", "list"]
    assert statuses(zuora, source, target) == ["Connected"]


def test_a_list_that_shows_a_pair_pending_again_for_a_moment_makes_no_deny(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Connected")
    old = {"id": row.id, "sourceEntityId": source.id, "targetEntityId": target.id, "status": "Pending"}
    zuora.faults.add(faults.answer(200, {"entityConnections": [old], "success": True}), method="GET", nth=2)
    assert ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
    assert sent(zuora) == ["list", "disconnect", "list", "list"]


# -- on_step that fails --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", range(1, 6))
def test_an_api_exception_of_on_step_ends_the_run_as_it_is(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, nth: int
) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(faults.reset_after_commit(), method="PUT")
    mine = OutcomeUnknownError(reason="the hook made a call of its own")
    steps: list[Step] = []

    def fail(step: Step) -> None:
        steps.append(step)
        if len(steps) == nth:
            raise mine

    advice = mine.advice
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id, on_step=fail)
    assert caught.value is mine
    assert mine.advice == advice
    steps.clear()
    zuora.add_connection(source, zuora.entities[2], "Pending")
    plan = plan_connections(api, [(source.id, entity.id) for entity in zuora.entities[2:5]])
    with pytest.raises(OutcomeUnknownError) as caught:
        plan.apply(on_step=fail)
    assert caught.value is mine
    assert len(steps) == nth


# -- what it says when nobody knows --------------------------------------------------------------------------------


def test_only_an_unknown_disconnect_is_not_safe_to_run_again(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.faults.add(faults.html_error(502), method="PUT")
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id)
    assert "Running it again is safe" in caught.value.advice
    zuora.faults.clear()
    zuora.add_connection(source, zuora.entities[2], "Connected")
    zuora.faults.add(faults.html_error(502), method="PUT")
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_disconnected(api, source.id, zuora.entities[2].id, break_sharing=True)
    assert "Running it again is safe" not in caught.value.advice
    assert "Before you run it again, wait until Zuora must be done" in caught.value.advice


def test_a_404_because_somebody_was_faster_is_settled_by_looking(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    gone = json.dumps({"success": False, "reasons": [{"code": 50000040, "message": "Cannot find it."}]})
    zuora.fail_next(faults.answer_after_commit(404, gone), method="PUT")
    result = ensure_connected(api, source.id, target.id)
    assert result.connection is not None
    assert result.connection.status == "Connected"
