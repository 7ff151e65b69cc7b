"""Two programs with opposite goals: a run reports the conflict and does not repeat its writes."""

from __future__ import annotations

import pytest
from support.tenant import api_for
from support.watching import statuses, written

from zuora_client import ConflictError, Step, ensure_connected, ensure_disconnected
from zuora_client.emulator import ZuoraEmulator


def test_connection_disconnected_by_another_program() -> None:
    """A connection that another program disconnects at once is not requested again."""
    with ZuoraEmulator() as zuora, api_for(zuora) as api, api_for(zuora) as other:
        source, target = zuora.entities[:2]

        def disconnect(step: Step) -> None:
            if step.action == "accept":
                other.put_entity_connections_disconnect(step.connection_id or "", zuora_entity_ids=source.id)

        with pytest.raises(ConflictError, match="another program") as caught:
            ensure_connected(api, source.id, target.id, on_step=disconnect)

        assert written(zuora) == ["initiate", "accept", "disconnect"]
        assert statuses(zuora, source, target) == ["Disconnected"]
    error = caught.value
    assert (error.outcome, error.method, error.path) == ("answered", "POST", "/v1/entity-connections")
    assert "initiate, accept" in error.advice
    assert "Running it again is safe" in error.advice


def test_pair_requested_again_by_another_program() -> None:
    """Every new request has a new id, so only the maximum number of writes ends the run."""
    with ZuoraEmulator() as zuora, api_for(zuora) as api, api_for(zuora) as other:
        source, target = zuora.entities[:2]
        zuora.add_connection(source, target, "Pending")

        def request_again(step: Step) -> None:
            if step.action == "deny":
                other.post_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})

        with pytest.raises(ConflictError, match="another program"):
            ensure_disconnected(api, source.id, target.id, break_sharing=True, on_step=request_again)

        assert written(zuora) == ["deny", "initiate"] * 8
        assert statuses(zuora, source, target) == ["Disconnected"] * 8 + ["Pending"]
