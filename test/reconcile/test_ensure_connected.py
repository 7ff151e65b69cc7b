"""`ensure_connected`: its writes for each state of a pair, its steps and its errors."""

from __future__ import annotations

import copy
import json
import pickle
import pickletools
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
    PermissionDeniedError,
    PlanIncompleteError,
    PlannedConnection,
    RequestRejectedError,
    Step,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator, faults


def test_unconnected_pair_is_requested_and_accepted(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
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


def test_connected_pair_needs_no_write(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Connected")
    result = ensure_connected(api, source.id, target.id)
    assert sent(zuora) == ["list"]
    assert not result.changed
    assert result.connection is not None
    assert result.connection.id == row.id


def test_pending_pair_is_only_accepted(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    assert ensure_connected(api, source.id, target.id).changed
    assert sent(zuora) == ["list", "accept", "list"]
    assert statuses(zuora, source, target) == ["Connected"]


@pytest.mark.parametrize("status", ["Disconnected", "Denied", ""])
def test_other_status_counts_as_absent(zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, status)
    ensure_connected(api, source.id, target.id)
    assert written(zuora) == ["initiate", "accept"]
    assert statuses(zuora, source, target) == [status, "Connected"]


def test_other_direction_is_another_connection(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(target, source, "Connected")
    assert ensure_connected(api, source.id, target.id).changed
    assert statuses(zuora, source, target) == ["Connected"]


def test_row_of_another_source_is_ignored(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """The source of each row is checked, whichever entity the list was requested for."""
    source, target, third = zuora.entities[:3]
    rows = [
        {"id": entity.id, "sourceEntityId": entity.id, "targetEntityId": target.id, "status": "Connected"}
        for entity in (third, target)
    ]
    zuora.fail_next(faults.answer(200, {"entityConnections": rows, "success": True}), method="GET")
    assert ensure_connected(api, source.id, target.id).changed


@pytest.mark.parametrize("status", ["Pending", "Connected"])
def test_most_advanced_row_is_used(zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Disconnected", id="a")
    zuora.add_connection(source, target, "Pending", id="c")
    zuora.add_connection(source, target, status, id="b")
    zuora.add_connection(source, target, "Disconnected", id="d")
    result = ensure_connected(api, source.id, target.id)
    assert result.connection is not None
    assert result.connection.id == "b"
    assert statuses(zuora, source, target) == ["Disconnected", "Pending", "Connected", "Disconnected"]


def test_pair_on_a_later_page(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    source, target, other = zuora.entities[:3]
    for _ in range(650):
        zuora.add_connection(source, other, "Disconnected")
    zuora.add_connection(source, target, "Connected")
    assert not ensure_connected(api, source.id, target.id).changed
    assert sent(zuora) == ["list"] * 3


@pytest.mark.parametrize("form", [lambda e: e.id, lambda e: e.uuid, lambda e: e.uuid.upper(), lambda e: e.id.encode()])
def test_every_form_of_an_id(zuora: ZuoraEmulator, api: EntityConnectionsApi, form: Any) -> None:
    source, target = zuora.entities[:2]
    assert ensure_connected(api, form(source), form(target)).changed
    assert not ensure_connected(api, form(source), target.id).changed
    assert not ensure_connected(api, source.uuid, form(target)).changed
    assert statuses(zuora, source, target) == ["Connected"]


def test_two_clients_of_one_entity_each(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    with api_for(zuora, source) as source_api, api_for(zuora, target) as target_api:
        assert ensure_connected(source_api, source.id, target.id, target_api=target_api).changed
        assert not ensure_connected(source_api, source.id, target.id, target_api=target_api).changed
    assert written(zuora) == ["initiate", "accept"]


def test_missing_target_access_fails_before_write(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    with api_for(zuora, source) as api, pytest.raises(RequestRejectedError, match="inaccessible entity"):
        ensure_connected(api, source.id, target.id)
    assert zuora.connections == []


def test_default_entity_header_fails_before_write(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    api.api_client.set_default_header("Zuora-Entity-Ids", source.uuid)
    with pytest.raises(ValueError, match="Zuora-Entity-Ids"):
        ensure_connected(api, source.id, target.id)
    assert zuora.connections == []


# -- steps and results -------------------------------------------------------------------------------------------


def test_on_step_gets_each_step(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    calls: list[tuple[str, list[str]]] = []
    result = ensure_connected(api, source.id, target.id, on_step=lambda step: calls.append((str(step), written(zuora))))
    id = zuora.connections[0].id
    pair = f"{source.id} -> {target.id}"
    assert calls == [
        (f"{pair}: the list shows no connection", []),
        (f"{pair}: requested as the source (connection {id})", ["initiate"]),
        (f"{pair}: the list shows Pending (connection {id})", ["initiate"]),
        (f"{pair}: accepted as the target (connection {id})", ["initiate", "accept"]),
        (f"{pair}: the list shows Connected (connection {id})", ["initiate", "accept"]),
    ]
    assert [str(step) for step in result.steps] == [line for line, _ in calls]
    assert [step.action for step in result.steps] == ["look", "initiate", "look", "accept", "look"]


def test_steps_count_one_pair(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A run over one pair shows the progress of a plan with one pair: it is done with the last step."""
    result = ensure_connected(api, zuora.entities[0].id, zuora.entities[1].id)
    assert [(step.pairs_done, step.pairs) for step in result.steps] == [(0, 1)] * 4 + [(1, 1)]


def test_nothing_is_printed(zuora: ZuoraEmulator, api: EntityConnectionsApi, capfd: pytest.CaptureFixture[str]) -> None:
    ensure_connected(api, zuora.entities[0].id, zuora.entities[1].id)
    assert capfd.readouterr() == ("", "")


def test_exception_of_on_step_ends_run(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    def stop(step: Step) -> None:
        raise KeyError(step.action)

    with pytest.raises(KeyError, match="look"):
        ensure_connected(api, zuora.entities[0].id, zuora.entities[1].id, on_step=stop)
    assert zuora.connections == []


def test_step_text_is_one_line(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Sus\npended\x1b[31m")
    zuora.fail_next(faults.refusal(50000030, "no\r\nway"), method="POST")
    steps: list[Step] = []
    with pytest.raises(RequestRejectedError):
        ensure_connected(api, source.id, target.id, on_step=steps.append)
    assert all(str(step).isprintable() for step in steps)
    assert any("no way" in str(step) for step in steps)


def test_result_repr_copy_and_pickle(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    first, second = (ensure_connected(api, source.id, target.id) for _ in range(2))
    assert repr(first) == f"<EnsureResult Connected {zuora.connections[0].id}, changed>"
    assert repr(second) == f"<EnsureResult Connected {zuora.connections[0].id}, nothing to do>"
    assert repr(EnsureResult(False, None, [])) == "<EnsureResult no connection, nothing to do>"
    for clone in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
        assert (clone.changed, clone.connection) == (True, first.connection)
        assert [str(step) for step in clone.steps] == [str(step) for step in first.steps]


@pytest.mark.parametrize(
    ("value", "module"),
    [
        (EnsureResult(False, None, []), "zuora_client.topology"),
        (Step("look", "a", "b", None, ""), "zuora_client.topology"),
        (PlanIncompleteError(), "zuora_client.plan"),
        (PlannedConnection("a", "b", None), "zuora_client.plan"),
    ],
    ids=["EnsureResult", "Step", "PlanIncompleteError", "PlannedConnection"],
)
def test_pickles_name_the_documented_module(value: Any, module: str) -> None:
    """Pickles refer to the documented modules, so they load in every version that has these modules."""
    data = pickle.dumps(value)
    names = [argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)]
    assert module in names
    assert not any("reconcile" in name for name in names)
    assert type(pickle.loads(data)) is type(value)


# -- stale lists and lost responses ------------------------------------------------------------------------------

EMPTY_LIST = faults.answer(200, {"entityConnections": [], "success": True})


def test_stale_list_is_polled(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(EMPTY_LIST, method="GET", nth=3, times=2)
    ensure_connected(api, source.id, target.id)
    assert clock.sleeps == [0.5, 1.0]
    assert written(zuora) == ["initiate", "accept"]


def test_write_never_listed_is_unknown(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(EMPTY_LIST, method="GET", nth=3, times=9)
    with pytest.raises(OutcomeUnknownError, match=r"its list still does not show it after 3\.5 s") as caught:
        ensure_connected(api, source.id, target.id)
    assert (caught.value.outcome, caught.value.method, caught.value.path) == (
        "unknown",
        "POST",
        "/v1/entity-connections",
    )
    assert "Already done in this run: initiate." in str(caught.value)
    assert clock.sleeps == [0.5, 1.0, 2.0]
    zuora.faults.clear()
    assert ensure_connected(api, source.id, target.id).changed
    assert written(zuora) == ["initiate", "accept"]


def test_lost_response_is_not_retried(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    """The run lists the connections and does not repeat a write that was done."""
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.fail_next(faults.reset_after_commit(), method="PUT")
    result = ensure_connected(api, source.id, target.id)
    assert result.changed
    assert sent(zuora) == ["list", "accept", "list"]
    assert "outcome unknown" in str(result.steps[1])
    assert clock.sleeps == []


def test_lost_request_is_not_retried(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """The run raises and does not repeat a write that was not done."""
    source, target = zuora.entities[:2]
    zuora.fail_next(faults.reset_before_commit(), method="PUT")
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id)
    assert sent(zuora).count("accept") == 1
    assert str(caught.value.path).endswith("/accept")
    assert "Already done in this run: initiate." in str(caught.value)
    assert "Running it again is safe" in str(caught.value)


def test_failed_list_after_unknown_write(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """If the list fails after a write without a response, the error of the write is raised."""
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.faults.add(faults.reset_after_commit(), method="PUT")
    zuora.faults.add(faults.html_error(502), method="GET", nth=2, times=9)
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id)
    assert (caught.value.method, caught.value.outcome) == ("PUT", "unknown")
    assert type(caught.value.__cause__).__name__ == "ApiConnectionError"


def test_failed_list_after_confirmed_write(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """If the list fails after a confirmed write, its error names that write."""
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.faults.add(faults.answer(401), method="GET", nth=2, times=9)
    with pytest.raises(AuthenticationError, match="Already done in this run: accept") as caught:
        ensure_connected(api, source.id, target.id)
    assert caught.value.method == "GET"


def test_refusal_is_raised_with_its_message(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    source, target = zuora.entities[:2]
    zuora.faults.add(faults.refusal(67999930, "Only the global entity may share."), method="POST", path="/v1/*")
    with pytest.raises(RequestRejectedError, match="Only the global entity may share") as caught:
        ensure_connected(api, source.id, target.id)
    assert caught.value.outcome == "answered"
    assert sent(zuora).count("initiate") == 1


def test_denied_request_is_not_repeated(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A request that another program denies is not sent again in the same run; the next run may send it."""
    source, target = zuora.entities[:2]

    def deny(exchange: Any) -> None:
        with api_for(zuora) as other:
            other.put_entity_connections_deny(zuora.connections[-1].id, zuora_entity_ids=target.id)
        exchange.send(exchange.execute())

    zuora.faults.add(faults.Fault("denied concurrently", deny), path="*/accept")
    with pytest.raises(RequestRejectedError, match="not Pending"):
        ensure_connected(api, source.id, target.id)
    assert written(zuora) == ["initiate", "deny"]


# -- raise_on_failure = False --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_failure_returned_as_model(zuora: ZuoraEmulator, method: str) -> None:
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


def test_server_fault_returned_as_model(zuora: ZuoraEmulator) -> None:
    """A server fault leaves the outcome unknown with `raise_on_failure=False` too."""
    source, target = zuora.entities[:2]
    zuora.faults.add(faults.refusal(50000060, "Internal error."), method="PUT")
    with api_for(zuora, raise_on_failure=False) as api, pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id)
    assert caught.value.outcome == "unknown"


# -- invalid arguments ---------------------------------------------------------------------------------------------

A, B = "8a808255557baba1015580e12fa5083a", "8a80825555a3c7a10155b460f53858e6"


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
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
def test_invalid_id_is_rejected_by_name(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, source: Any, target: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ensure_connected(api, source, target)
    assert zuora.requests == []


def test_listed_connection_without_id(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    row = {"sourceEntityId": source.id, "targetEntityId": target.id, "status": "Pending"}
    zuora.fail_next(faults.answer(200, {"entityConnections": [row], "success": True}), method="GET")
    with pytest.raises(Exception, match="a connection without a usable id") as caught:
        ensure_connected(api, source.id, target.id)
    assert type(caught.value).__name__ == "InvalidResponseError"
    assert zuora.connections == []


@pytest.mark.parametrize("id", [".", "..", "", "a\nb", True, 1.5, ["x"], {}])
def test_listed_connection_with_unusable_id(zuora: ZuoraEmulator, api: EntityConnectionsApi, id: Any) -> None:
    source, target = zuora.entities[:2]
    row = {"id": id, "sourceEntityId": source.id, "targetEntityId": target.id, "status": "Pending"}
    zuora.faults.add(faults.answer(200, {"entityConnections": [row], "success": True}), method="GET")
    with pytest.raises(InvalidResponseError, match="usable id"):
        ensure_connected(api, source.id, target.id)
    with pytest.raises(InvalidResponseError, match="usable id"):
        plan_connections(api, [(source.id, target.id)])


@pytest.mark.parametrize("name", ["api", "target_api"])
def test_client_instead_of_api(zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str) -> None:
    apis: dict[str, Any] = {"api": api, name: api.api_client}
    with pytest.raises(TypeError, match=f"^{name} must be an EntityConnectionsApi, not ApiClient"):
        ensure_connected(source_entity_id=A, target_entity_id=B, **apis)
    with pytest.raises(TypeError, match=r"^api must be an EntityConnectionsApi"):
        plan_connections(api.api_client, [(A, B)])  # type: ignore[arg-type]
    assert zuora.requests == []


# -- stale lists ---------------------------------------------------------------------------------------------------


def test_stale_list_causes_no_second_request(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A list that omits the pair once does not cause another request."""
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.faults.add(faults.answer(200, {"entityConnections": [], "success": True}), method="GET", nth=2)
    assert ensure_connected(api, source.id, target.id).changed
    assert sent(zuora) == ["list", "accept", "list", "list"]
    assert statuses(zuora, source, target) == ["Connected"]


def test_stale_list_causes_no_deny(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A list that shows a disconnected pair as Pending once does not cause a deny."""
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Connected")
    stale = {"id": row.id, "sourceEntityId": source.id, "targetEntityId": target.id, "status": "Pending"}
    zuora.faults.add(faults.answer(200, {"entityConnections": [stale], "success": True}), method="GET", nth=2)
    assert ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
    assert sent(zuora) == ["list", "disconnect", "list", "list"]


# -- exceptions of on_step -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", range(1, 6))
def test_api_exception_of_on_step(zuora: ZuoraEmulator, api: EntityConnectionsApi, nth: int) -> None:
    """An ApiException raised by `on_step` is not changed and not taken for an error of the run."""
    source, target = zuora.entities[:2]
    zuora.faults.add(faults.reset_after_commit(), method="PUT")
    hook_error = OutcomeUnknownError(reason="the hook made its own call")
    steps: list[Step] = []

    def fail(step: Step) -> None:
        steps.append(step)
        if len(steps) == nth:
            raise hook_error

    advice = hook_error.advice
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_connected(api, source.id, target.id, on_step=fail)
    assert caught.value is hook_error
    assert hook_error.advice == advice
    steps.clear()
    zuora.add_connection(source, zuora.entities[2], "Pending")
    plan = plan_connections(api, [(source.id, entity.id) for entity in zuora.entities[2:5]])
    with pytest.raises(OutcomeUnknownError) as caught:
        plan.apply(on_step=fail)
    assert caught.value is hook_error
    assert len(steps) == nth


# -- advice and concurrent changes ---------------------------------------------------------------------------------


def test_advice_after_unknown_outcome(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """Only after an unknown disconnect is it not safe to run again at once."""
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
    assert "Before you run it again, wait 120 s" in caught.value.advice
    zuora.faults.clear()
    zuora.faults.add(faults.refusal(50000010, "No."), method="PUT")
    with pytest.raises(PermissionDeniedError) as refused:
        ensure_disconnected(api, source.id, zuora.entities[2].id, break_sharing=True)
    assert "Running it again is safe" in refused.value.advice


def test_404_after_commit(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """If the accept gets a 404 and the list shows Connected, the run succeeds."""
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    not_found = json.dumps({"success": False, "reasons": [{"code": 50000040, "message": "Cannot find it."}]})
    zuora.fail_next(faults.answer_after_commit(404, not_found), method="PUT")
    result = ensure_connected(api, source.id, target.id)
    assert result.connection is not None
    assert result.connection.status == "Connected"
    details = [step.detail for step in result.steps]
    assert "accept: refused (50000040 (not found): Cannot find it.), checking the list" in details


def test_refusal_without_reasons_shows_the_status(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    zuora.fail_next(faults.answer_after_commit(404), method="PUT")
    details = [step.detail for step in ensure_connected(api, source.id, target.id).steps]
    assert "accept: refused (Not Found), checking the list" in details
