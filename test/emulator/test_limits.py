"""The limits, which refuse some requests and let the others pass, and faults that let requests pass."""

from __future__ import annotations

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.emulator_clients import Connect, HttpResponse, ManualClock

from zuora_client.emulator import Fault, ZuoraEmulator, faults
from zuora_client.emulator.exchange import Exchange


def fetch_token(zuora: ZuoraEmulator, connect: Connect) -> HttpResponse:
    form = {
        "client_id": zuora.client_id,
        "client_secret": zuora.client_secret,
        "grant_type": "client_credentials",
    }
    response: HttpResponse = connect().token(form)
    return response


# Token limit


def test_token_limit_in_any_window(zuora: ZuoraEmulator, connect: Connect, clock: ManualClock) -> None:
    """At most `limit` requests pass in any window, also across the end of a minute."""
    zuora.faults.add(faults.token_limit(limit=3, window=60))
    statuses = []
    for _ in range(4):
        statuses.append(fetch_token(zuora, connect).status)
        clock.now += 10
    assert statuses == [200, 200, 200, 429]
    clock.now += 20  # 60 s after the first
    assert [fetch_token(zuora, connect).status for _ in range(2)] == [200, 429]
    clock.now += 60
    assert [fetch_token(zuora, connect).status for _ in range(4)] == [200, 200, 200, 429]


def test_token_limit_response(zuora: ZuoraEmulator, connect: Connect, clock: ManualClock) -> None:
    """The hint is the time after which the next request passes."""
    zuora.faults.add(faults.token_limit(limit=1, window=60))
    assert fetch_token(zuora, connect).status == 200
    clock.now += 12.5
    response = fetch_token(zuora, connect)
    assert response.status == 429
    assert response.headers["Retry-After"] == "48"
    assert response.headers["X-RateLimit-Limit-minute"] == "1"
    assert response.headers["X-RateLimit-Remaining-minute"] == "0"
    assert len(response.headers["Zuora-Request-Id"]) == 36
    message = "API Rate limit exceeded for the minute, retry after 48 seconds"
    assert response.json == {"reasons": [{"code": 70, "message": message}]}
    clock.now += 48
    assert fetch_token(zuora, connect).status == 200


def test_token_limit_without_hint(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.faults.add(faults.token_limit(limit=0, hint=False))
    response = fetch_token(zuora, connect)
    assert response.status == 429
    assert {"Retry-After", "RateLimit-Reset"}.isdisjoint(response.headers)
    assert response.json["reasons"][0]["message"] == "API Rate limit exceeded for the minute"


def test_token_limit_defaults(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.faults.add(faults.token_limit())
    statuses = [fetch_token(zuora, connect).status for _ in range(102)]
    assert statuses == [200] * 100 + [429] * 2


def test_token_limit_ignores_other_paths(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.faults.add(faults.token_limit(limit=0))
    assert connect().get("/v1/entities").status == 200


def test_token_limit_counts_wrong_credentials(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.faults.add(faults.token_limit(limit=2))
    statuses = [connect().token({}).status, fetch_token(zuora, connect).status, fetch_token(zuora, connect).status]
    assert statuses == [400, 200, 429]


def test_token_limit_with_many_clients(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.faults.add(faults.token_limit(limit=10))
    with ThreadPoolExecutor(16) as pool:
        statuses = [r.status for r in pool.map(lambda _: fetch_token(zuora, connect), range(48))]
    assert statuses.count(200) == 10
    assert statuses.count(429) == 38


def test_limits_have_their_own_counts(zuora: ZuoraEmulator, connect: Connect) -> None:
    """Two calls of the function do not share a count; the stricter limit refuses first."""
    zuora.faults.add(faults.token_limit(limit=2))
    assert fetch_token(zuora, connect).status == 200
    zuora.faults.add(faults.token_limit(limit=1))
    assert [fetch_token(zuora, connect).status for _ in range(2)] == [200, 429]


# Concurrency limit


class Holding:
    """A fault that holds requests until they are released."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.released = threading.Event()
        self.fault = Fault("holding", self._act)

    def _act(self, exchange: Exchange) -> None:
        self.entered.release()
        self.released.wait(60)
        exchange.send(exchange.execute())

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.entered.acquire(timeout=60)


def test_max_concurrent_per_entity(zuora: ZuoraEmulator, connect: Connect) -> None:
    """The request above the limit of an entity is refused; other entities have limits of their own."""
    holding = Holding()
    zuora.faults.add(faults.max_concurrent(limit=2, retry_after=7))
    zuora.faults.add(holding.fault, times=4)
    first, second = zuora.entities[:2]
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(connect(entity).get) for entity in (first, first, second, second)]
        holding.wait_for(4)
        refused = connect(first).initiate(second)
        refused_second = connect(second).get()
        other = connect(zuora.entities[2]).get()
        outside = connect().get("/v1/entities")
        token = fetch_token(zuora, connect)
        holding.released.set()
        assert [future.result().status for future in running] == [200] * 4
    assert refused.status == refused_second.status == 429
    assert refused.codes == [50000070]
    assert refused.headers["Retry-After"] == "7"
    assert refused.headers["Concurrency-Limit-Type"] == "Default"
    assert refused.headers["Concurrency-Limit-Limit"] == "2"
    assert refused.headers["Concurrency-Limit-Remaining"] == "0"
    assert (other.status, outside.status, token.status) == (200, 200, 200)
    assert zuora.connections == []
    assert [r.fault for r in zuora.requests if r.fault not in ("holding", None)] == ["max_concurrent"] * 2
    assert connect(first).initiate(second).json["success"] is True


def test_max_concurrent_is_never_exceeded(zuora: ZuoraEmulator, connect: Connect) -> None:
    running = 0
    maximum = 0
    lock = threading.Lock()

    def measure(exchange: Exchange) -> None:
        nonlocal running, maximum
        with lock:
            running += 1
            maximum = max(maximum, running)
        exchange.work(0.002)
        response = exchange.execute()
        with lock:
            running -= 1
        exchange.send(response)

    zuora.faults.add(faults.max_concurrent(limit=3))
    zuora.faults.add(Fault("measure", measure))

    def work(_: int) -> list[int]:
        client = connect(zuora.entities[0])
        return [client.get().status for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        statuses = [status for result in pool.map(work, range(8)) for status in result]
    assert maximum == 3
    assert set(statuses) == {200, 429}


def test_as_many_clients_as_the_limit(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A client that has its response may send the next request: as many clients as the limit are never refused."""
    zuora.faults.add(faults.max_concurrent(limit=4))

    def work(_: int) -> set[int]:
        client = connect(zuora.entities[0])
        return {client.get().status for _ in range(200)}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [{200}] * 4


@pytest.mark.parametrize(
    "lost", [faults.reset_after_commit(), faults.reset_before_commit(), faults.close_before_reading()]
)
def test_lost_response_releases_its_place(zuora: ZuoraEmulator, connect: Connect, lost: Fault) -> None:
    zuora.faults.add(faults.max_concurrent(limit=1))
    zuora.faults.add(lost, times=3)
    client = connect(zuora.entities[0])
    for _ in range(3):
        with pytest.raises((OSError, http.client.HTTPException)):
            client.get()
        client.connection.close()
    while client.get().status == 429:  # until the thread of the lost response has ended
        pass
    assert [request.fault for request in zuora.requests[:3]] == [lost.name] * 3


def test_refused_requests_are_not_counted(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A request without valid credentials or entity gets its own error, also when the limit is reached."""
    zuora.faults.add(faults.max_concurrent(limit=0))
    client = connect(zuora.entities[0])
    assert client.get().status == 429
    assert client.get(Authorization="Bearer wrong").status == 401
    assert client.get(Zuora_Entity_Ids="0" * 32).codes == [90000020]
    assert client.get("/v1/unknown").status == 404


def test_concurrency_refusal_is_not_stored(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A retry with the same Idempotency-Key is executed when there is a free place."""
    zuora.faults.add(faults.max_concurrent(limit=0), times=1)
    client = connect(zuora.entities[0])
    assert client.initiate(zuora.entities[1], Idempotency_Key="k").status == 429
    assert client.initiate(zuora.entities[1], Idempotency_Key="k").json["success"] is True


# Letting requests pass


def test_proceed_applies_the_next_fault(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A fault that lets a request pass leaves it to the next rule that is due; the record names the last one."""
    seen: list[str] = []

    def watch(exchange: Exchange) -> None:
        seen.append(exchange.request.method)
        exchange.proceed()

    zuora.faults.add(Fault("watch", watch))
    zuora.faults.add(faults.answer(503), nth=2)
    zuora.faults.add(faults.answer(500), nth=2, times=2)
    client = connect(zuora.entities[0])
    assert [client.get().status for _ in range(4)] == [200, 503, 500, 500]
    assert [request.fault for request in zuora.requests] == [None, "answer", "answer", "answer"]
    assert seen == ["GET"] * 4


def test_used_up_rules_are_removed(zuora: ZuoraEmulator, connect: Connect) -> None:
    client = connect(zuora.entities[0])
    for _ in range(5):
        zuora.fail_next(faults.answer(500))
        assert client.get().status == 500
    assert zuora.faults._rules == []


def test_before_response(zuora: ZuoraEmulator, connect: Connect) -> None:
    """The callback runs once, after the execution and before the response."""
    calls: list[Any] = []

    def act(exchange: Exchange) -> None:
        exchange.before_response(lambda: calls.append(exchange.request.status))
        exchange.proceed()

    zuora.fail_next(Fault("act", act))
    zuora.faults.add(faults.drip(0))
    connect(zuora.entities[0]).get()
    assert calls == [200]
