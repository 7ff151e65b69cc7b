"""`ensure_disconnected`: it must be said out loud, it is sent once, and it leaves alone what was not meant."""

from __future__ import annotations

from typing import Any

import pytest
from support import FakeClock
from support.tenant import api_for
from support.watching import sent, statuses, written

from zuora_client import (
    EntityConnectionsApi,
    OutcomeUnknownError,
    PermissionDeniedError,
    RequestRejectedError,
    ensure_disconnected,
)
from zuora_client.emulator import ZuoraEmulator, faults


@pytest.mark.parametrize("said", [{}, {"break_sharing": False}, {"break_sharing": 1}, {"break_sharing": "yes"}])
def test_it_must_be_said_out_loud(zuora: ZuoraEmulator, api: EntityConnectionsApi, said: dict[str, Any]) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    with pytest.raises(ValueError, match=r"mapping between them is lost for good.*break_sharing=True"):
        ensure_disconnected(api, source.id, target.id, **said)
    assert zuora.requests == []


def test_a_connection_is_ended_as_the_source(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    result = ensure_disconnected(api, source.id, target.uuid, break_sharing=True)
    assert result.changed
    assert result.connection is not None
    assert result.connection.status == "Disconnected"
    assert sent(zuora) == ["list", "disconnect", "list"]
    assert zuora.requests[2].entity_id == source.id


@pytest.mark.parametrize("status", [None, "Disconnected", "Suspended"])
def test_where_nothing_stands_nothing_is_written(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str | None
) -> None:
    source, target = zuora.entities[:2]
    if status is not None:
        zuora.add_connection(source, target, status)
    result = ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert not result.changed
    assert (result.connection and result.connection.status) == status
    assert sent(zuora) == ["list"]


def test_a_pending_request_is_denied_as_the_target(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    with api_for(zuora, source) as ours, api_for(zuora, target) as theirs:
        assert ensure_disconnected(ours, source.id, target.id, break_sharing=True, target_api=theirs).changed
    assert written(zuora) == ["deny"]
    assert statuses(zuora, source, target) == ["Disconnected"]


def test_a_request_that_is_accepted_before_it_is_denied_is_disconnected(
    zuora: ZuoraEmulator, api: EntityConnectionsApi
) -> None:
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Pending")

    def accept_first(exchange: Any) -> None:
        with api_for(zuora) as other:
            other.put_entity_connections_accept(row.id, zuora_entity_ids=target.id)
        exchange.send(exchange.execute())

    zuora.fail_next(faults.Fault("accepted meanwhile", accept_first), path="*/deny")
    assert ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
    assert written(zuora) == ["accept", "disconnect"]


def test_the_other_direction_stays(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.add_connection(target, source, "Connected")
    ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert statuses(zuora, target, source) == ["Connected"]


def test_every_row_of_the_pair_is_ended(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    for status in ("Connected", "Pending", "Connected"):
        zuora.add_connection(source, target, status)
    assert ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
    assert statuses(zuora, source, target) == ["Disconnected"] * 3


def test_a_disconnect_of_somebody_else_is_no_error(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Connected")

    def other_first(exchange: Any) -> None:
        with api_for(zuora) as other:
            other.put_entity_connections_disconnect(row.id, zuora_entity_ids=target.id)
        exchange.send(exchange.execute())

    zuora.fail_next(faults.Fault("disconnected meanwhile", other_first), path="*/disconnect")
    result = ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert not result.changed
    assert written(zuora) == ["disconnect"]


def test_a_lost_request_is_unknown_even_when_the_list_still_says_connected(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock
) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.fail_next(faults.reset_before_commit(), path="*/disconnect")
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert caught.value.outcome == "unknown"
    assert "Done before" not in str(caught.value)
    assert sent(zuora) == ["list", "disconnect", "list", "list", "list", "list"]
    assert clock.sleeps == [0.5, 1.0, 2.0]


def test_no_permission_is_raised_at_once(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.fail_next(faults.refusal(50000010, "No."), path="*/disconnect")
    with pytest.raises(PermissionDeniedError, match="API Write Access"):
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert sent(zuora) == ["list", "disconnect"]


def test_a_refusal_as_an_object_is_seen(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.faults.add(faults.refusal(50000030, "Not today."), path="*/disconnect")
    with api_for(zuora, raise_on_failure=False) as api, pytest.raises(RequestRejectedError, match="Not today"):
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert statuses(zuora, source, target) == ["Connected"]
