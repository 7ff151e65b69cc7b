"""`ensure_disconnected`: needs confirmation, sends a disconnect once, and leaves other connections alone."""

from __future__ import annotations

from typing import Any

import pytest
from support import FakeClock
from support.tenant import api_for
from support.watching import sent, statuses, written

from zuora_client import (
    ConflictError,
    EntityConnectionsApi,
    OutcomeUnknownError,
    PermissionDeniedError,
    RequestRejectedError,
    ensure_disconnected,
)
from zuora_client.emulator import ZuoraEmulator, faults


@pytest.mark.parametrize("options", [{}, {"break_sharing": False}, {"break_sharing": 1}, {"break_sharing": "yes"}])
def test_break_sharing_must_be_true(zuora: ZuoraEmulator, api: EntityConnectionsApi, options: dict[str, Any]) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    with pytest.raises(ValueError, match=r"mapping between them is permanently lost.*break_sharing=True"):
        ensure_disconnected(api, source.id, target.id, **options)
    assert zuora.requests == []


def test_connection_is_disconnected_as_source(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    result = ensure_disconnected(api, source.id, target.uuid, break_sharing=True)
    assert result.changed
    assert result.connection is not None
    assert result.connection.status == "Disconnected"
    assert sent(zuora) == ["list", "disconnect", "list"]
    assert zuora.requests[2].entity_id == source.id


@pytest.mark.parametrize("status", [None, "Disconnected", "Suspended"])
def test_inactive_connection_needs_no_write(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, status: str | None
) -> None:
    source, target = zuora.entities[:2]
    if status is not None:
        zuora.add_connection(source, target, status)
    result = ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert not result.changed
    assert (result.connection and result.connection.status) == status
    assert sent(zuora) == ["list"]


def test_pending_request_is_denied_as_target(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Pending")
    with api_for(zuora, source) as source_api, api_for(zuora, target) as target_api:
        result = ensure_disconnected(source_api, source.id, target.id, break_sharing=True, target_api=target_api)
    assert result.changed
    assert written(zuora) == ["deny"]
    assert statuses(zuora, source, target) == ["Disconnected"]


def test_request_accepted_before_the_deny(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A request that another program accepts before the deny is disconnected."""
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Pending")

    def accept_first(exchange: Any) -> None:
        with api_for(zuora) as other:
            other.put_entity_connections_accept(row.id, zuora_entity_ids=target.id)
        exchange.send(exchange.execute())

    zuora.fail_next(faults.Fault("accepted concurrently", accept_first), path="*/deny")
    assert ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
    assert written(zuora) == ["accept", "disconnect"]


def test_other_direction_is_left_alone(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.add_connection(target, source, "Connected")
    ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert statuses(zuora, target, source) == ["Connected"]


def test_every_active_row_is_disconnected(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    for status in ("Connected", "Pending", "Connected"):
        zuora.add_connection(source, target, status)
    assert ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
    assert statuses(zuora, source, target) == ["Disconnected"] * 3


def test_eight_writes_end_a_run(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A run sends at most eight writes; the next run disconnects the others."""
    source, target = zuora.entities[:2]
    for _ in range(9):
        zuora.add_connection(source, target, "Connected")
    with pytest.raises(ConflictError, match="the pair has too many connections") as caught:
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert caught.value.outcome == "answered"
    assert written(zuora) == ["disconnect"] * 8
    assert ensure_disconnected(api, source.id, target.id, break_sharing=True).changed
    assert statuses(zuora, source, target) == ["Disconnected"] * 9


def test_disconnect_by_another_program(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    row = zuora.add_connection(source, target, "Connected")

    def other_first(exchange: Any) -> None:
        with api_for(zuora) as other:
            other.put_entity_connections_disconnect(row.id, zuora_entity_ids=target.id)
        exchange.send(exchange.execute())

    zuora.fail_next(faults.Fault("disconnected concurrently", other_first), path="*/disconnect")
    result = ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert not result.changed
    assert written(zuora) == ["disconnect"]


def test_lost_request_is_unknown(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    """The outcome of a lost disconnect is unknown even if the list still shows Connected."""
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.fail_next(faults.reset_before_commit(), path="*/disconnect")
    with pytest.raises(OutcomeUnknownError) as caught:
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert caught.value.outcome == "unknown"
    assert "Already done" not in str(caught.value)
    assert sent(zuora) == ["list", "disconnect", "list", "list", "list", "list"]
    assert clock.sleeps == [0.5, 1.0, 2.0]


def test_missing_permission_is_raised_at_once(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.fail_next(faults.refusal(50000010, "No."), path="*/disconnect")
    with pytest.raises(PermissionDeniedError, match="API Write Access"):
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert sent(zuora) == ["list", "disconnect"]


def test_failure_returned_as_model(zuora: ZuoraEmulator) -> None:
    """With `raise_on_failure=False` a failure is returned as a model, and is still detected."""
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    zuora.faults.add(faults.refusal(50000030, "Not today."), path="*/disconnect")
    with api_for(zuora, raise_on_failure=False) as api, pytest.raises(RequestRejectedError, match="Not today"):
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert statuses(zuora, source, target) == ["Connected"]
