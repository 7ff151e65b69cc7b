"""Two who want the opposite: a run never joins a tug of war, it says that there is one."""

from __future__ import annotations

import pytest
from support.tenant import api_for
from support.watching import statuses, written

from zuora_client import ConflictError, Step, ensure_connected, ensure_disconnected
from zuora_client.emulator import ZuoraEmulator


def test_a_connection_that_somebody_ends_at_once_is_not_asked_for_again() -> None:
    with ZuoraEmulator() as zuora, api_for(zuora) as api, api_for(zuora) as other:
        source, target = zuora.entities[:2]

        def end_it(step: Step) -> None:
            if step.action == "accept":
                other.put_entity_connections_disconnect(step.connection_id or "", zuora_entity_ids=source.id)

        with pytest.raises(ConflictError, match="somebody else") as caught:
            ensure_connected(api, source.id, target.id, on_step=end_it)

        assert written(zuora) == ["initiate", "accept", "disconnect"]
        assert statuses(zuora, source, target) == ["Disconnected"]
    error = caught.value
    assert (error.outcome, error.method, error.path) == ("answered", "POST", "/v1/entity-connections")
    assert "initiate, accept" in error.advice
    assert "Running it again is safe" in error.advice


def test_a_pair_that_somebody_keeps_connecting_is_given_up() -> None:
    """Every new request has an id of its own, so only the number of writes ends it."""
    with ZuoraEmulator() as zuora, api_for(zuora) as api, api_for(zuora) as other:
        source, target = zuora.entities[:2]
        zuora.add_connection(source, target, "Pending")

        def ask_again(step: Step) -> None:
            if step.action == "deny":
                other.post_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})

        with pytest.raises(ConflictError, match="somebody else"):
            ensure_disconnected(api, source.id, target.id, break_sharing=True, on_step=ask_again)

        assert written(zuora) == ["deny", "initiate"] * 8
        assert statuses(zuora, source, target) == ["Disconnected"] * 8 + ["Pending"]
