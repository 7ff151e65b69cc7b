"""`ConnectionPlan.apply`: its number of requests, its steps, and what it does when anything goes wrong."""

from __future__ import annotations

import collections
import random
import re
import sys
import threading
import time
from typing import Any

import pytest
from support import FakeClock
from support.fault_kinds import FAULTS, MAX_RESPONSE_BYTES
from support.scripted import unresponsive_url
from support.tenant import api_for
from support.watching import sent, statuses, written

from zuora_client import (
    ApiClient,
    ApiException,
    Configuration,
    ConnectionPlan,
    EnsureResult,
    EntityConnectionsApi,
    PlanIncompleteError,
    RequestRejectedError,
    Step,
    plan_connections,
)
from zuora_client.deadline import Clock
from zuora_client.emulator import ZuoraEmulator, faults


def star(zuora: ZuoraEmulator) -> list[tuple[str, str]]:
    root, *others = zuora.entities
    return [(root.id, entity.id) for entity in others]


def mesh(zuora: ZuoraEmulator) -> list[tuple[str, str]]:
    ids = [entity.id for entity in zuora.entities]
    return [(source, target) for source in ids for target in ids if source != target]


def connected(zuora: ZuoraEmulator) -> set[tuple[str, str]]:
    return {(row.source_entity_id, row.target_entity_id) for row in zuora.connections if row.status == "Connected"}


def assert_written_once(zuora: ZuoraEmulator, pairs: list[tuple[str, str]]) -> None:
    """Every pair is connected, after one request and one accept."""
    assert connected(zuora) == set(pairs)
    assert len(zuora.connections) == len(pairs)
    assert collections.Counter(written(zuora)) == {"initiate": len(pairs), "accept": len(pairs)}


# -- requests ---------------------------------------------------------------------------------------------------------


def test_requests_of_the_largest_star() -> None:
    with ZuoraEmulator(entities=512) as zuora, api_for(zuora) as api:
        results = plan_connections(api, star(zuora)).apply()
        assert_written_once(zuora, star(zuora))
        assert len(zuora.requests) <= 1600
        assert [result.steps[0].target_entity_id for result in results] == [target for _, target in star(zuora)]
        assert all(result.changed for result in results)
        since = len(zuora.requests)
        assert not any(result.changed for result in plan_connections(api, star(zuora)).apply())
        assert sent(zuora, since) == ["list"] * 4


def test_requests_of_a_mesh() -> None:
    with ZuoraEmulator(entities=30) as zuora, api_for(zuora) as api:
        plan = plan_connections(api, mesh(zuora))
        since = len(zuora.requests)
        plan.apply()
        assert_written_once(zuora, mesh(zuora))
        assert len(zuora.requests) - since <= 2.4 * len(plan)


@pytest.mark.parametrize("workers", [1, 2, 8, 64])
def test_only_missing_writes_are_sent(workers: int) -> None:
    with ZuoraEmulator(entities=20) as zuora, api_for(zuora) as api:
        root, *others = zuora.entities
        for number, entity in enumerate(others):
            status = (None, "Pending", "Connected", "Disconnected")[number % 4]
            if status is not None:
                zuora.add_connection(root, entity, status)
        results = plan_connections(api, star(zuora)).apply(workers=workers)
        assert connected(zuora) == set(star(zuora))
        assert [result.changed for result in results] == [number % 4 != 2 for number in range(19)]
        counts = collections.Counter(sent(zuora))
        assert (counts["initiate"], counts["accept"]) == (9, 14)
        assert counts["list"] == 4 + 9  # one of the plan, three of the source, one for each target of a request


def test_target_is_checked_once(zuora: ZuoraEmulator) -> None:
    """Credentials without access to a target fail before the first write to it; other pairs are connected."""
    root, a, b, c = zuora.entities[:4]
    pairs = [(source.id, target.id) for source in (root, a, b) for target in (b, c) if source is not target]
    with api_for(zuora, root, a, b) as api, pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, pairs).apply()
    assert [pair.target_entity_id for pair, _ in caught.value.failures] == [c.id] * 3
    assert all(isinstance(error, RequestRejectedError) for _, error in caught.value.failures)
    assert connected(zuora) == {(root.id, b.id), (a.id, b.id)}
    # The plan and the run list three sources each; two targets are checked, and two sources are listed twice again.
    assert sent(zuora).count("list") == 3 + 3 + 2 + 4


def test_source_without_access(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A list that Zuora refuses fails the pairs of its source only, and is requested once."""
    root, a, b, c = zuora.entities[:4]
    plan = plan_connections(api, [(root.id, b.id), (root.id, c.id), (a.id, b.id)])
    zuora.fail_next(faults.refusal(90000020, "wrong or inaccessible entity"), method="GET")
    with pytest.raises(PlanIncompleteError) as caught:
        plan.apply(workers=1)
    assert [(pair.source_entity_id, pair.target_entity_id) for pair, _ in caught.value.failures] == [
        (root.id, b.id),
        (root.id, c.id),
    ]
    assert connected(zuora) == {(a.id, b.id)}


# -- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workers", "error"),
    [(0, ValueError), (-1, ValueError), (65, ValueError), (10_000, ValueError), (True, TypeError), (2.0, TypeError)],
)
def test_invalid_workers(zuora: ZuoraEmulator, api: EntityConnectionsApi, workers: Any, error: type[Exception]) -> None:
    plan = plan_connections(api, star(zuora))
    with pytest.raises(error, match=r"^workers must be"):
        plan.apply(workers=workers)
    assert written(zuora) == []


def test_on_step_must_be_callable(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    with pytest.raises(TypeError, match="on_step must be callable"):
        plan_connections(api, star(zuora)).apply("print")  # type: ignore[arg-type]
    assert written(zuora) == []


def test_each_worker_keeps_its_connection() -> None:
    """Also if `connection_pool_maxsize` is less: otherwise most calls would open a connection."""
    with ZuoraEmulator(entities=40) as zuora, api_for(zuora, connection_pool_maxsize=1) as api:
        plan = plan_connections(api, star(zuora))
        all_at_once = threading.Barrier(8)

        def wait_for_others(exchange: Any) -> None:
            all_at_once.wait(20)
            exchange.send(exchange.execute())

        zuora.faults.add(faults.Fault("wait for others", wait_for_others), method="POST", times=8, path="/v1/*")
        plan.apply()
        assert len({request.connection_id for request in zuora.requests}) == 8


@pytest.mark.parametrize("available", [0, 1, 3])
def test_system_without_threads(
    monkeypatch: pytest.MonkeyPatch, zuora: ZuoraEmulator, api: EntityConnectionsApi, available: int
) -> None:
    """The run continues with the threads that could be started, or in the calling thread."""
    started: list[str] = []
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if thread.name.startswith("zuora-apply"):
            if len(started) == available:
                raise RuntimeError("can't start new thread")
            started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    plan_connections(api, star(zuora)).apply()
    assert len(started) == available
    assert_written_once(zuora, star(zuora))


# -- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 8])
def test_steps_count_the_pairs(workers: int) -> None:
    with ZuoraEmulator(entities=31) as zuora, api_for(zuora) as api:
        steps: list[Step] = []
        inside = threading.Lock()

        def on_step(step: Step) -> None:
            assert inside.acquire(blocking=False), "two steps at once"
            steps.append(step)
            time.sleep(0.001)
            inside.release()

        results = plan_connections(api, star(zuora)).apply(on_step, workers=workers)
    assert {step.pairs for step in steps} == {30}
    done = [step.pairs_done for step in steps]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 30)
    assert {(step.source_entity_id, step.target_entity_id) for step in steps} == set(star(zuora))
    assert [[step.action for step in result.steps] for result in results] == [["initiate", "accept", "look"]] * 30


@pytest.mark.parametrize(("pairs", "workers"), [(5, 1), (1, 8)])
def test_one_worker_is_the_calling_thread(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, pairs: int, workers: int
) -> None:
    threads = []
    plan = plan_connections(api, star(zuora)[:pairs])
    plan.apply(lambda _: threads.append(threading.current_thread()), workers=workers)
    assert set(threads) == {threading.current_thread()}


@pytest.mark.parametrize(("workers", "threads"), [(2, 2), (8, 5)])
def test_names_of_the_threads(zuora: ZuoraEmulator, api: EntityConnectionsApi, workers: int, threads: int) -> None:
    """They tell in a log which worker made a call; there are no more than pairs."""
    names: set[str] = set()

    def on_step(_: Step) -> None:
        names.update(thread.name for thread in threading.enumerate() if thread.name.startswith("zuora-apply"))

    plan_connections(api, star(zuora)).apply(on_step, workers=workers)
    assert names == {f"zuora-apply-{number}" for number in range(1, threads + 1)}


class OwnApi(EntityConnectionsApi):
    """An API with a list of its own."""

    calls = 0

    def iter_entity_connections(self, *arguments: Any, **options: Any) -> Any:
        type(self).calls += 1
        return super().iter_entity_connections(*arguments, **options)


class OwnClient(ApiClient):
    """A client with a `call_api` of its own."""

    calls = 0

    def call_api(self, *arguments: Any, **options: Any) -> Any:
        type(self).calls += 1
        return super().call_api(*arguments, **options)


@pytest.mark.parametrize("own", [OwnApi, OwnClient])
def test_workers_call_overrides(zuora: ZuoraEmulator, own: Any) -> None:
    """A subclass of the API or of the client makes the calls, whatever the number of workers."""
    configuration = Configuration(zuora.url, client_id=zuora.client_id, client_secret=zuora.client_secret)
    api_class, client_class = (own, ApiClient) if own is OwnApi else (EntityConnectionsApi, own)
    with client_class(configuration) as client:
        plan = plan_connections(api_class(client), star(zuora))
        before = own.calls
        plan.apply()
    assert own.calls > before
    assert_written_once(zuora, star(zuora))


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("error", [KeyError("mine"), SystemExit(3), RequestRejectedError(reason="mine")])
def test_exception_of_on_step_ends_the_run(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, workers: int, error: BaseException
) -> None:
    """It is raised unchanged, `on_step` is not called again, and no thread stays."""
    threads = set(threading.enumerate())
    calls = []

    def on_step(step: Step) -> None:
        calls.append(step)
        if len(calls) == 2:
            raise error

    plan = plan_connections(api, star(zuora))
    with pytest.raises(type(error)) as caught:
        plan.apply(on_step, workers=workers)
    assert caught.value is error
    assert caught.value.__cause__ is None
    assert len(calls) == 2
    assert not [thread for thread in set(threading.enumerate()) - threads if thread.name.startswith("zuora-apply")]
    plan.apply(workers=workers)
    assert_written_once(zuora, star(zuora))


@pytest.mark.parametrize("workers", [1, 8])
def test_client_closed_by_a_step(zuora: ZuoraEmulator, workers: int) -> None:
    """The run ends, and another client completes the plan."""
    with api_for(zuora) as api:
        plan = plan_connections(api, star(zuora))
        with pytest.raises((PlanIncompleteError, ValueError)):
            plan.apply(lambda step: api.api_client.close(), workers=workers)
    with api_for(zuora) as api:
        plan_connections(api, star(zuora)).apply()
    assert_written_once(zuora, star(zuora))


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/entity-connections", "*/accept"])
@pytest.mark.parametrize("status", [500, 502])
def test_lost_response_is_settled_by_the_list(
    zuora: ZuoraEmulator, api: EntityConnectionsApi, path: str, status: int
) -> None:
    method = "PUT" if "accept" in path else "POST"
    zuora.faults.add(faults.answer_after_commit(status), method=method, path=path, times=4)
    results = plan_connections(api, star(zuora)).apply()
    assert all(result.changed for result in results)
    assert_written_once(zuora, star(zuora))


def test_lost_request_is_not_sent_again(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """If the list never shows the request, the pair fails as unknown. Nothing is sent under another key."""
    zuora.fail_next(faults.html_error(500), method="POST")
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, star(zuora)).apply(workers=1)
    assert [error.outcome for _, error in caught.value.failures] == ["unknown"]
    assert len(caught.value.results) == 4
    assert sent(zuora).count("initiate") == 5


def test_failed_pair_is_not_polled(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    zuora.fail_next(faults.refusal(50000010, "No."), path="*/accept")
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, star(zuora)).apply(workers=1)
    assert (len(caught.value.failures), len(caught.value.results)) == (1, 4)
    assert clock.sleeps == []


def test_workers_wait_before_a_retry(zuora: ZuoraEmulator) -> None:
    """With the clock of the system, a wait that Zuora asks for takes its time in a worker too."""
    with api_for(zuora, clock=Clock()) as api:  # type: ignore[arg-type]
        plan = plan_connections(api, star(zuora))
        zuora.fail_next(faults.too_many_requests(retry_after=1), path="/v1/*")
        started = time.monotonic()
        plan.apply()
    assert time.monotonic() - started >= 1
    assert_written_once(zuora, star(zuora))


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog that drops connections is Linux's")
@pytest.mark.parametrize(("workers", "configured", "seconds"), [(8, 0.2, 0.2), (8, None, 4.0), (1, 4.5, 4.5)])
def test_connections_of_workers_open_soon(
    zuora: ZuoraEmulator, workers: int, configured: float | None, seconds: float
) -> None:
    """A connection has to be open within 4 seconds if there are several workers, or sooner if the client says so."""
    clock = FakeClock(on_sleep=lambda: setattr(api.api_client.configuration, "host", zuora.url))
    with unresponsive_url() as url, api_for(zuora, clock=clock, connect_timeout=configured, max_attempts=1) as api:
        plan = plan_connections(api, star(zuora))
        api.api_client.configuration.access_token = zuora.issue_token()
        api.api_client.configuration.host = url
        started = time.monotonic()
        plan.apply(workers=workers)
        assert seconds <= time.monotonic() - started < seconds + 0.95
    assert_written_once(zuora, star(zuora))


def test_list_that_lags_behind(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    zuora.faults.add(faults.answer(200, {"entityConnections": [], "success": True}), method="GET", nth=8, times=2)
    plan_connections(api, star(zuora)).apply(workers=1)
    assert clock.sleeps == [0.5, 1.0]
    assert_written_once(zuora, star(zuora))


def test_pair_changed_by_another_program(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A request that is denied before its accept is not repeated in this run."""
    root, a = zuora.entities[:2]

    def deny(exchange: Any) -> None:
        with api_for(zuora) as other:
            other.put_entity_connections_deny(zuora.connections[0].id, zuora_entity_ids=a.id)
        exchange.send(exchange.execute())

    zuora.faults.add(faults.Fault("denied", deny), path="*/accept", nth=1)
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, star(zuora)).apply(workers=1)
    ((pair, error),) = caught.value.failures
    assert (pair.target_entity_id, error.target_entity_id) == (a.id, a.id)
    assert "Already done in this run: initiate. Running it again is safe" in error.advice
    assert statuses(zuora, root, a) == ["Disconnected"]
    assert len(caught.value.results) == 4


def test_request_accepted_by_another_program(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A pair that is connected by another program during the run is connected."""
    row: list[str] = []

    def accept(step: Step) -> None:
        if step.action == "initiate" and not row:
            row.append(step.connection_id or "")
            api.put_entity_connections_accept(row[0], zuora_entity_ids=step.target_entity_id)

    plan_connections(api, star(zuora)).apply(accept)
    assert_written_once(zuora, star(zuora))


def test_failure_that_concerns_all_ends_the_run() -> None:
    """No further write is sent, and the error names every pair."""
    with ZuoraEmulator(entities=100) as zuora, api_for(zuora) as api:
        plan = plan_connections(api, star(zuora))
        zuora.faults.add(faults.concurrency_limit(retry_after=600), method="POST", nth=20, times=1000, path="/v1/*")
        with pytest.raises(PlanIncompleteError) as caught:
            plan.apply()
        error = caught.value
        assert sent(zuora).count("initiate") <= 21 + 8
        assert len(error.results) + len(error.failures) + len(error.untried) == 99
        assert type(error.__cause__).__name__ == "RateLimitError"
        assert error.__cause__ in [failure for _, failure in error.failures]
        zuora.faults.clear()
        plan.apply()
        assert_written_once(zuora, star(zuora))


def test_connected_pairs_are_results_after_a_failure(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """After a failure that ends the run, the list shows which pairs are connected nevertheless."""
    zuora.faults.add(faults.answer(401), method="PUT", nth=3, times=100)
    with pytest.raises(PlanIncompleteError) as caught:
        plan_connections(api, star(zuora)).apply(workers=1)
    reported = {(result.steps[0].source_entity_id, result.steps[0].target_entity_id) for result in caught.value.results}
    assert reported == connected(zuora)
    assert len(reported) == 2


def test_connected_pair_is_not_listed_again(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """After a failure that ends the run, only the pairs whose result is still open are listed."""
    a, b, c, d = zuora.entities[:4]
    plan = plan_connections(api, [(a.id, b.id), (c.id, d.id)])
    before = len(zuora.requests)
    # The last listing of the second source.
    zuora.faults.add(faults.answer(401), method="GET", nth=8, times=2)
    with pytest.raises(PlanIncompleteError) as caught:
        plan.apply(workers=1)
    (result,) = caught.value.results
    assert [step.action for step in result.steps] == ["initiate", "accept", "look"]
    listed = [request for request in zuora.requests[before:] if request.method == "GET"]
    assert [request.fault for request in listed].count(None) == 7


def named(pairs: Any) -> set[tuple[str, str]]:
    return {(pair.source_entity_id, pair.target_entity_id) for pair in pairs}


def outcome(plan: ConnectionPlan) -> tuple[list[EnsureResult], PlanIncompleteError | None]:
    try:
        return plan.apply(), None
    except PlanIncompleteError as error:
        return error.results, error


def check_run(zuora: ZuoraEmulator, plan: ConnectionPlan) -> bool:
    """Apply the plan once. Return whether it is complete; otherwise the error must name every open pair."""
    results, error = outcome(plan)
    if error is not None:
        missing = named(plan) - connected(zuora)
        assert missing <= named([pair for pair, _ in error.failures] + error.untried)
        assert len(error.results) + len(error.failures) + len(error.untried) == len(plan)
        for source, target in missing:
            assert f"{source} -> {target}" in str(error)
        return False
    assert [result.connection and result.connection.status for result in results] == ["Connected"] * len(plan)
    assert named(plan) <= connected(zuora)
    return True


# Server faults that confirm what was not done, or deny what was, make every client wrong; they are tested one by one.
HONEST = [name for name in FAULTS if name != "confirmed without effect" and not re.match("4.. after commit", name)]


@pytest.mark.parametrize("shape", [star, mesh])
@pytest.mark.parametrize("seed", range(3))
def test_fifteen_percent_faults(shape: Any, seed: int) -> None:
    """Every run ends complete or names the open pairs; nothing is written twice; a run without faults completes."""
    with (
        # Two requests for one pair would be two connections.
        ZuoraEmulator(entities=41 if shape is star else 7, accept_duplicate_requests=True) as zuora,
        api_for(zuora, max_response_bytes=MAX_RESPONSE_BYTES) as api,
    ):
        pairs = shape(zuora)
        plan = plan_connections(api, pairs)
        numbers = random.Random(seed)
        for name in HONEST:
            zuora.faults.add(FAULTS[name](), probability=0.15 / len(HONEST), seed=numbers.randrange(2**32))
        for _ in range(4):
            if check_run(zuora, plan):
                break
        zuora.faults.clear()
        assert check_run(zuora, plan)
        assert_written_once(zuora, pairs)


# Failures that say nothing about other pairs. Refusals are left out: no run may repeat what Zuora refused.
NETWORK_FAULTS = [
    name for name in HONEST if re.match("(close|reset|cut|gateway|internal|html 500|unavailable|not JSON|empty)", name)
]


@pytest.mark.parametrize("seed", range(3))
def test_few_runs_despite_faults(seed: int) -> None:
    """A run goes on after failures that say nothing about the other pairs."""
    with ZuoraEmulator(entities=121, accept_duplicate_requests=True) as zuora, api_for(zuora) as api:
        plan = plan_connections(api, star(zuora))
        numbers = random.Random(seed)
        for name in NETWORK_FAULTS:
            fault = FAULTS[name]()
            zuora.faults.add(fault, probability=0.15 / len(NETWORK_FAULTS), seed=numbers.randrange(2**32), path="/v1/*")
        results, error = outcome(plan)
        assert len(results) >= 60
        assert error is None or error.untried == []
        assert any(check_run(zuora, plan) for _ in range(5))
        assert_written_once(zuora, star(zuora))


def test_list_is_repeated(zuora: ZuoraEmulator, api: EntityConnectionsApi, clock: FakeClock) -> None:
    """A list that is lost is requested again; a whole source depends on it."""
    plan = plan_connections(api, star(zuora))
    for nth in (1, 8, 10):  # before the writes, after the requests, after the accepts
        zuora.faults.add(faults.answer(200, "not JSON"), method="GET", nth=nth)
    plan.apply(workers=1)
    assert clock.sleeps == [0.5] * 3
    assert_written_once(zuora, star(zuora))


OUTAGES = {
    "refused credentials": (faults.answer(401), 1),
    "rate limit": (faults.too_many_requests(retry_after=900), 2),
    "closed connections": (faults.close_before_reading(), 10),
    "server errors": (faults.html_error(500), 10),
}


@pytest.mark.parametrize("name", OUTAGES)
def test_outage_ends_the_run(name: str) -> None:
    """After so many failed accepts in a row no further one is sent."""
    fault, calls = OUTAGES[name]
    with ZuoraEmulator(entities=41) as zuora, api_for(zuora) as api:
        plan = plan_connections(api, star(zuora))
        zuora.faults.add(fault, method="PUT")
        with pytest.raises(PlanIncompleteError) as caught:
            plan.apply(workers=1)
        attempted = {request.path for request in zuora.requests if request.method == "PUT"}
        assert len(attempted) == calls
        # Each pair was requested, so none is untried.
        assert (len(caught.value.failures), caught.value.untried) == (40, [])
        zuora.faults.clear()
        assert check_run(zuora, plan)


@pytest.mark.parametrize("name", FAULTS)
def test_plan_with_each_kind_of_fault(name: str) -> None:
    """Half of all requests have the fault."""
    with ZuoraEmulator(entities=9) as zuora, api_for(zuora, max_response_bytes=MAX_RESPONSE_BYTES) as api:
        pairs = star(zuora)
        plan = plan_connections(api, pairs)
        zuora.faults.add(FAULTS[name](), probability=0.5, seed=1)
        check_run(zuora, plan)
        zuora.faults.clear()
        assert check_run(zuora, plan)
        assert_written_once(zuora, pairs)


def test_concurrency_limit() -> None:
    """Zuora refuses concurrent requests above its limit: the run waits, and completes."""
    with ZuoraEmulator(entities=41) as zuora, api_for(zuora) as api:
        zuora.faults.add(faults.max_concurrent(limit=2, retry_after=1), path="/v1/*")
        zuora.faults.add(faults.delay(0.05), path="/v1/*")
        plan = plan_connections(api, star(zuora))
        for _ in range(20):
            if check_run(zuora, plan):
                break
        assert_written_once(zuora, star(zuora))
        assert any(request.fault == "max_concurrent" for request in zuora.requests), "no request was refused"


def test_concurrent_runs_write_once() -> None:
    with ZuoraEmulator(entities=31) as zuora:
        pairs = star(zuora)
        errors: list[BaseException] = []

        def job() -> None:
            with api_for(zuora) as api:
                try:
                    plan_connections(api, pairs).apply(workers=4)
                except ApiException as error:
                    errors.append(error)

        threads = [threading.Thread(target=job) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert errors == []
        assert_written_once(zuora, pairs)


def test_two_live_connections_are_reported(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b = zuora.entities[:3]
    for id, status in [("1", "Connected"), ("2", "Disconnected"), ("3", "Pending"), ("4", "Connected")]:
        zuora.add_connection(root, a, status, id=id)
    first, second = plan_connections(api, [(root.id, a.id), (root.id, b.id)]).apply()
    assert [row.id for row in first.surplus] == ["3", "4"]
    assert second.surplus == ()
    assert repr(first) == "<EnsureResult Connected 1, nothing to do, 2 surplus>"
