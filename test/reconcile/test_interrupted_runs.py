"""Wherever a run is interrupted, running it again reaches the wanted state, and no write is done twice.

Every fault is injected into every request of a run in turn, the token request included: once, so that the client may
recover, and repeatedly, so that the run fails there. The emulator's own record shows which writes were done.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.fault_kinds import FAULTS, MAX_RESPONSE_BYTES, SLOW
from support.tenant import api_for
from support.watching import action_of, sent, statuses, written

from zuora_client import (
    ApiException,
    EntityConnectionsApi,
    OutcomeUnknownError,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator
from zuora_client.emulator.faults import Fault

# The requests of a run. Each fault is injected six times in a row, which ends the run, and into each write also once,
# from which the client may recover.
CONNECTING = ["token", "list", "list", "initiate", "list", "accept", "list"]
DISCONNECTING = ["token", "list", "disconnect", "list"]


def injections(requests: list[str], name: str) -> list[tuple[int, int]]:
    """Return pairs of (number of the first request with the fault, number of requests with it)."""
    writes = [nth for nth, request in enumerate(requests, 1) if request not in ("token", "list")]
    times = 1 if name in SLOW else 6
    return [(nth, times) for nth in range(1, len(requests) + 1)] + [(nth, 1) for nth in writes if times > 1]


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator(entities=1 + len(injections(CONNECTING, ""))) as emulator:
        yield emulator


def run_with_fault(
    zuora: ZuoraEmulator,
    job: Callable[[EntityConnectionsApi], Any],
    fault: Fault,
    nth: int,
    times: int,
    read_timeout: float,
) -> ApiException | None:
    """Run the job with a new client, with the fault in the nth request and those after it."""
    zuora.faults.add(fault, nth=nth, times=times)
    try:
        with api_for(zuora, max_response_bytes=MAX_RESPONSE_BYTES, read_timeout=read_timeout) as api:
            job(api)
    except ApiException as error:
        return error
    finally:
        zuora.faults.clear()
    return None


def check_fault_was_injected(zuora: ZuoraEmulator, since: int, error: ApiException | None, name: str) -> None:
    """Fail if the test proved nothing. With a short read timeout a busy machine may have ended the run earlier."""
    injected = any(request.fault for request in zuora.requests[since:])
    assert injected or (name in SLOW and error is not None), "the fault was not injected"


def check_done_writes_are_reported(error: ApiException | None, done: list[str], name: str) -> None:
    """The error lists every write that was done, unless its outcome is unknown.

    Exempt is a server that responds 4xx after the commit, because 4xx means that nothing was done.
    """
    if error is not None and error.outcome != "unknown" and not re.match("4.. after commit", name):
        reported = str(error).partition("Already done in this run:")[2]
        assert all(action in reported for action in done), (done, str(error))


def fault_and_read_timeout(name: str) -> tuple[Fault, float]:
    return (SLOW[name](), 0.15) if name in SLOW else (FAULTS[name](), 20.0)


@pytest.mark.parametrize("name", [*FAULTS, *SLOW])
def test_connecting(zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str) -> None:
    source, *targets = zuora.entities
    for target, (nth, times) in zip(targets, injections(CONNECTING, name), strict=False):

        def job(api: EntityConnectionsApi, target: Any = target) -> None:
            connection = ensure_connected(api, source.id, target.id).connection
            assert connection is not None
            assert connection.status == "Connected"

        since = len(zuora.requests)
        fault, read_timeout = fault_and_read_timeout(name)
        error = run_with_fault(zuora, job, fault, nth, times, read_timeout)
        check_fault_was_injected(zuora, since, error, name)
        check_done_writes_are_reported(error, written(zuora, since), name)
        if error is None:
            assert statuses(zuora, source, target) == ["Connected"]
        job(api)
        assert written(zuora, since) == ["initiate", "accept"]
        assert statuses(zuora, source, target) == ["Connected"]


@pytest.mark.parametrize("name", [*FAULTS, *SLOW])
def test_disconnecting(zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str) -> None:
    source, *targets = zuora.entities
    for target, (nth, times) in zip(targets, injections(DISCONNECTING, name), strict=False):
        zuora.add_connection(source, target, "Connected")

        def job(api: EntityConnectionsApi, target: Any = target) -> None:
            ensure_disconnected(api, source.id, target.id, break_sharing=True)

        since = len(zuora.requests)
        fault, read_timeout = fault_and_read_timeout(name)
        error = run_with_fault(zuora, job, fault, nth, times, read_timeout)
        check_fault_was_injected(zuora, since, error, name)
        check_done_writes_are_reported(error, written(zuora, since), name)
        if error is None:
            assert statuses(zuora, source, target) == ["Disconnected"]
        job(api)
        assert written(zuora, since) == ["disconnect"]
        assert statuses(zuora, source, target) == ["Disconnected"]


def test_requests_of_a_run(zuora: ZuoraEmulator) -> None:
    """The lists above are the requests of a run without faults."""
    source, target = zuora.entities[:2]
    with api_for(zuora) as api:
        ensure_connected(api, source.id, target.id)
    assert [action_of(request) for request in zuora.requests] == CONNECTING
    since = len(zuora.requests)
    with api_for(zuora) as api:
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert [action_of(request) for request in zuora.requests[since:]] == DISCONNECTING


@pytest.mark.parametrize("name", ["reset before commit", "reset after commit", "gateway 502", "silence", "html 500"])
def test_disconnect_is_sent_once(zuora: ZuoraEmulator, name: str) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    fault, read_timeout = fault_and_read_timeout(name)
    zuora.faults.add(fault, path="*/disconnect")
    with api_for(zuora, read_timeout=read_timeout) as api, contextlib.suppress(OutcomeUnknownError):
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert sent(zuora).count("disconnect") == 1


@pytest.mark.parametrize("name", ["reset before commit", "reset after commit", "gateway 502", "business rule"])
@pytest.mark.parametrize("nth", range(1, 13))
def test_applying_a_plan(zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str, nth: int) -> None:
    source, *targets = zuora.entities[:4]
    zuora.add_connection(source, targets[1], "Pending")

    def job(api: EntityConnectionsApi) -> None:
        plan_connections(api, [(source.id, target.id) for target in targets]).apply()

    error = run_with_fault(zuora, job, FAULTS[name](), nth, 4, 20.0)
    assert any(request.fault for request in zuora.requests), "the fault was not injected"
    if error is None:
        assert [statuses(zuora, source, target) for target in targets] == [["Connected"]] * 3
    job(api)
    assert [statuses(zuora, source, target) for target in targets] == [["Connected"]] * 3
    assert sorted(written(zuora)) == ["accept"] * 3 + ["initiate"] * 2
