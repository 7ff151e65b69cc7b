"""Wherever a run is cut, running it again ends in the wanted state, and no write is made twice.

Every kind of fault meets every request of the run in turn, the token request included: once, so that the client may
get over it, and again and again, so that the run is cut there. What was done is read from the emulator's own record.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
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
from zuora_client.emulator import ZuoraEmulator, faults
from zuora_client.emulator.faults import Fault
from zuora_client.emulator.messages import json_response

LARGEST_ANSWER = 100_000


def lie(exchange: Any) -> None:
    """Say yes to a write and do nothing."""
    said = json_response(200, {"success": True, "id": "8a80"})
    exchange.send(exchange.execute() if exchange.request.method == "GET" else said)


FAULTS: dict[str, Callable[[], Fault]] = {
    "close before reading": faults.close_before_reading,
    "reset before commit": faults.reset_before_commit,
    "reset after commit": faults.reset_after_commit,
    "cut body": lambda: faults.truncate(5),
    "cut head": lambda: faults.truncate_head(30),
    "extra bytes": lambda: faults.extra_bytes(b"HTTP/1.1 200 OK\r\n\r\n"),
    "bad gzip": faults.bad_gzip,
    "gzip bomb": lambda: faults.gzip_bomb(2 * LARGEST_ANSWER),
    "redirect": lambda: faults.redirect("https://elsewhere.example/"),
    "rate": faults.too_many_requests,
    "concurrency, longer than we wait": lambda: faults.concurrency_limit(retry_after=600),
    "locked": lambda: faults.refusal(53500050),
    "internal": lambda: faults.refusal(50000060),
    "not allowed": lambda: faults.refusal(50000010),
    "not known": lambda: faults.refusal(90000011),
    "rule": lambda: faults.refusal(50000030),
    "not found": lambda: faults.refusal(50000040, status=404),
    "no reason": lambda: faults.answer(200, {"success": False}),
    "not JSON": lambda: faults.answer(200, "welcome"),
    "another shape": lambda: faults.answer(200, "[[]]"),
    "an empty page": lambda: faults.answer(200, b""),
    "a lie": lambda: Fault("a lie", lie),
    **{f"html {status}": (lambda status=status: faults.html_error(status)) for status in (401, 403, 404, 500)},
    **{f"gateway {status}": (lambda status=status: faults.html_error(status)) for status in (408, 502, 503)},
    "come back later": lambda: faults.answer(503, headers={"Retry-After": "1"}),
    **{
        f"{status} after commit": (lambda status=status: faults.answer_after_commit(status))
        for status in (204, 400, 401, 429, 500, 502)
    },
}
# These cost real time, so they come once each and with a short patience.
SLOW: dict[str, Callable[[], Fault]] = {
    "drip": lambda: faults.drip(0.0),
    "silence": faults.silence,
    "slow answer": lambda: faults.delay(0.4),
}

# The requests of a run, the token first, and the writes among them. A fault comes six times on end, which cuts the run,
# and once, which the client may get over; the latter at the writes, where it matters.
CONNECTING = ["token", "list", "list", "initiate", "list", "accept", "list"]
DISCONNECTING = ["token", "list", "disconnect", "list"]


def cuts(requests: list[str], name: str) -> list[tuple[int, int]]:
    """(which request, how many from there)"""
    writes = [nth for nth, request in enumerate(requests, 1) if request not in ("token", "list")]
    often = 1 if name in SLOW else 6
    return [(nth, often) for nth in range(1, len(requests) + 1)] + [(nth, 1) for nth in writes if often > 1]


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator(entities=1 + len(cuts(CONNECTING, ""))) as emulator:
        yield emulator


def run_cut(
    zuora: ZuoraEmulator,
    job: Callable[[EntityConnectionsApi], Any],
    fault: Fault,
    nth: int,
    times: int,
    patience: float,
) -> ApiException | None:
    """Run the job with a fresh client while the fault meets the nth request and those after it."""
    zuora.faults.add(fault, nth=nth, times=times)
    try:
        with api_for(zuora, max_response_bytes=LARGEST_ANSWER, read_timeout=patience) as api:
            job(api)
    except ApiException as error:
        return error
    finally:
        zuora.faults.clear()
    return None


def check_that_it_was_cut(zuora: ZuoraEmulator, since: int, error: ApiException | None, name: str) -> None:
    """A guard against tests of nothing. With a short patience a busy machine may have cut the run earlier."""
    met = any(request.fault for request in zuora.requests[since:])
    assert met or (name in SLOW and error is not None), "the fault met nothing"


def check_what_was_said(error: ApiException | None, done: list[str], name: str) -> None:
    """No write that was done goes unmentioned: the error counts it as done, or says that nobody knows.

    A server that answers 4xx and does it all the same is believed: that is what 4xx says.
    """
    if error is not None and error.outcome != "unknown" and not re.match("4.. after commit", name):
        told = str(error).partition("Done before in this run:")[2]
        assert all(action in told for action in done), (done, str(error))


def fault_called(name: str) -> tuple[Fault, float]:
    return (SLOW[name](), 0.15) if name in SLOW else (FAULTS[name](), 20.0)


@pytest.mark.parametrize("name", [*FAULTS, *SLOW])
def test_connecting(zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str) -> None:
    source, *targets = zuora.entities
    for target, (nth, times) in zip(targets, cuts(CONNECTING, name), strict=False):

        def job(api: EntityConnectionsApi, target: Any = target) -> None:
            connection = ensure_connected(api, source.id, target.id).connection
            assert connection is not None
            assert connection.status == "Connected"

        since = len(zuora.requests)
        fault, patience = fault_called(name)
        error = run_cut(zuora, job, fault, nth, times, patience)
        check_that_it_was_cut(zuora, since, error, name)
        check_what_was_said(error, written(zuora, since), name)
        if error is None:
            assert statuses(zuora, source, target) == ["Connected"]
        job(api)
        assert written(zuora, since) == ["initiate", "accept"]
        assert statuses(zuora, source, target) == ["Connected"]


@pytest.mark.parametrize("name", [*FAULTS, *SLOW])
def test_disconnecting(zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str) -> None:
    source, *targets = zuora.entities
    for target, (nth, times) in zip(targets, cuts(DISCONNECTING, name), strict=False):
        zuora.add_connection(source, target, "Connected")

        def job(api: EntityConnectionsApi, target: Any = target) -> None:
            ensure_disconnected(api, source.id, target.id, break_sharing=True)

        since = len(zuora.requests)
        fault, patience = fault_called(name)
        error = run_cut(zuora, job, fault, nth, times, patience)
        check_that_it_was_cut(zuora, since, error, name)
        check_what_was_said(error, written(zuora, since), name)
        if error is None:
            assert statuses(zuora, source, target) == ["Disconnected"]
        job(api)
        assert written(zuora, since) == ["disconnect"]
        assert statuses(zuora, source, target) == ["Disconnected"]


def test_the_requests_of_a_run_are_those_that_are_cut(zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    with api_for(zuora) as api:
        ensure_connected(api, source.id, target.id)
    assert [action_of(request) for request in zuora.requests] == CONNECTING
    since = len(zuora.requests)
    with api_for(zuora) as api:
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert [action_of(request) for request in zuora.requests[since:]] == DISCONNECTING


@pytest.mark.parametrize("name", ["reset before commit", "reset after commit", "gateway 502", "silence", "html 500"])
def test_a_run_sends_the_disconnect_once_when_its_answer_is_lost(zuora: ZuoraEmulator, name: str) -> None:
    source, target = zuora.entities[:2]
    zuora.add_connection(source, target, "Connected")
    fault, patience = fault_called(name)
    zuora.faults.add(fault, path="*/disconnect")
    with api_for(zuora, read_timeout=patience) as api, contextlib.suppress(OutcomeUnknownError):
        ensure_disconnected(api, source.id, target.id, break_sharing=True)
    assert sent(zuora).count("disconnect") == 1


@pytest.mark.parametrize("name", ["reset before commit", "reset after commit", "gateway 502", "rule"])
@pytest.mark.parametrize("nth", range(1, 17))
def test_applying_a_plan(zuora: ZuoraEmulator, api: EntityConnectionsApi, name: str, nth: int) -> None:
    source, *targets = zuora.entities[:4]
    zuora.add_connection(source, targets[1], "Pending")

    def job(api: EntityConnectionsApi) -> None:
        plan_connections(api, [(source.id, target.id) for target in targets]).apply()

    error = run_cut(zuora, job, FAULTS[name](), nth, 4, 20.0)
    assert any(request.fault for request in zuora.requests), "the fault met nothing"
    if error is None:
        assert [statuses(zuora, source, target) for target in targets] == [["Connected"]] * 3
    job(api)
    assert [statuses(zuora, source, target) for target in targets] == [["Connected"]] * 3
    assert sorted(written(zuora)) == ["accept"] * 3 + ["initiate"] * 2
