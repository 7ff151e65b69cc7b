"""Many calls, many threads, every fault: the reported outcome of each write is what the emulator recorded."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from support.effort import FACTOR
from support.leaks import free_slots, sockets_to
from support.threads import wait_until

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client.deadline import Clock
from zuora_client.emulator import ZuoraEmulator, faults
from zuora_client.emulator.faults import Fault
from zuora_client.emulator.messages import Request
from zuora_client.exceptions import ApiTimeoutError

CALLS = 10_000 * FACTOR
THREADS = 16
TARGETS = 30
FAULT_PROBABILITY = 0.1
HANG_TIMEOUT = 240.0
READ_TIMEOUT = 2.0
MAX_RESPONSE_BYTES = 2**20
SMUGGLED_RESPONSE = b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"id":"evil","success":true}'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="counts sockets in /proc/net/tcp"),
    pytest.mark.usefixtures("untraced"),
]


def named(name: str, fault: Fault) -> Fault:
    return Fault(name, fault.act)


# The response says that nothing was done, so a write may be retried.
REFUSALS = [
    named("rate limit", faults.too_many_requests(retry_after=0)),
    named("concurrency limit", faults.concurrency_limit(retry_after=0)),
    named("unavailable, Retry-After", faults.answer(503, headers={"Retry-After": "0"})),
    named("locked", faults.refusal(53500050)),
    named("unauthorized", faults.answer(401, {"message": "Authentication error"})),
]
# The outcome of a write is unknown.
LOSSES = [
    faults.close_before_reading(),
    faults.reset_before_commit(),
    faults.reset_after_commit(),
    faults.silence(),
    named("truncated status line", faults.truncate_head(11)),
    named("truncated head", faults.truncate_head(60)),
    named("missing body", faults.truncate(0)),
    named("truncated body", faults.truncate(5)),
    faults.bad_gzip(),
    faults.gzip_bomb(2 * MAX_RESPONSE_BYTES),
    faults.redirect("https://evil.example/v1/entity-connections"),
    named("bad gateway", faults.html_error(502)),
    named("unavailable", faults.html_error(503)),
    named("internal error", faults.answer(500)),
    named("bad gateway after commit", faults.answer_after_commit(502, "<html>")),
    named("internal error after commit", faults.answer_after_commit(500)),
    named("request timeout after commit", faults.answer_after_commit(408)),
    named("page of another service", faults.answer(200, "<html>Log in</html>")),
    named("server fault", faults.refusal(50000061)),
]
# The response itself is valid.
HARMLESS = [
    faults.chunked(3),
    faults.http_1_0(),
    faults.connection_close(),
    faults.extra_bytes(SMUGGLED_RESPONSE),
    named("business rule", faults.refusal(50000030)),
]
ALL_FAULTS = [*REFUSALS, *LOSSES, *HARMLESS]
RETRIED_AFTER = {fault.name for fault in REFUSALS}


class NoSleepClock(Clock):
    """Real time, but waits between attempts return at once."""

    sleep = staticmethod(lambda _: None)


class Call(NamedTuple):
    """One call as the client reported it. `outcome` is ``done`` or the outcome of the error."""

    track_id: str
    method: str
    outcome: str
    error: BaseException | None
    response: Any
    pair: tuple[str, str] | None


class Worker(threading.Thread):
    """Connects and disconnects its own entities, so that no other thread changes them.

    After an unknown outcome it lists the connection before it continues.
    """

    def __init__(self, number: int, api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
        super().__init__(name=f"worker-{number}", daemon=True)
        self.calls: list[Call] = []
        self._number = number
        self._api = api
        self._random = random.Random(number)
        self._root = zuora.entities[0].id
        first = 1 + TARGETS * number
        # Target to connection id (empty before the first request) and status.
        entities = zuora.entities[first : first + TARGETS]
        self._state: dict[str, tuple[str | None, str | None]] = {entity.id: ("", "Disconnected") for entity in entities}

    def run(self) -> None:
        for count in range(CALLS // THREADS):
            self.calls.append(self._call(f"{self._number}-{count}"))

    def _call(self, track_id: str) -> Call:
        target = self._random.choice(list(self._state))
        connection, status = self._state[target]
        if status == "unknown" or self._random.random() < 0.2:
            return self._report(track_id, "GET", target, self._list)
        if status == "Disconnected":
            return self._report(track_id, "POST", target, self._initiate)
        verb = self._random.choice(["accept", "accept", "accept", "deny"]) if status == "Pending" else "disconnect"
        return self._report(track_id, "PUT", target, lambda *args: self._decide(connection, verb, *args))

    def _report(self, track_id: str, method: str, target: str, call: Callable[[str, str], Any]) -> Call:
        try:
            return Call(track_id, method, "done", None, call(target, track_id), (self._root, target))
        except ApiException as error:
            if method != "GET" and error.outcome == "unknown":
                self._state[target] = ("", "unknown")
            return Call(track_id, method, error.outcome, error, None, (self._root, target))
        except BaseException as error:
            return Call(track_id, method, "no ApiException", error, None, None)

    def _list(self, target: str, track_id: str) -> Any:
        listed = self._api.get_entity_connections(zuora_entity_ids=target, page_size=300, zuora_track_id=track_id)
        newest = listed.entity_connections[-1] if listed.entity_connections else None
        listed_state = (newest.id, newest.status) if newest else ("", "Disconnected")
        expected = self._state[target]
        # After a known outcome the list shows exactly that.
        assert expected[1] == "unknown" or listed_state == expected, (expected, listed_state)
        self._state[target] = listed_state
        return listed

    def _initiate(self, target: str, track_id: str) -> Any:
        response = self._api.post_entity_connections(
            zuora_entity_ids=self._root, request={"targetEntityId": target}, zuora_track_id=track_id
        )
        self._state[target] = (response.id, "Pending")
        return response

    def _decide(self, connection: str | None, verb: str, target: str, track_id: str) -> Any:
        method = getattr(self._api, f"put_entity_connections_{verb}")
        response = method(connection, zuora_entity_ids=target, zuora_track_id=track_id)
        self._state[target] = (connection, "Connected" if verb == "accept" else "Disconnected")
        return response


def contradictions(call: Call, records: list[Request]) -> list[str]:
    """Return the contradictions between the reported outcome of a write and the emulator's record of it."""
    commits = sum(record.committed for record in records)
    found = []
    if commits > 1:
        found.append("done more than once")
    if call.outcome == "done" and commits != 1:
        found.append("reported as done, but was not done")
    if call.outcome in ("answered", "not_sent") and commits:
        found.append(f"reported as {call.outcome}, but was done")
    if call.outcome == "not_sent" and records:
        found.append("reported as not sent, but was received")
    if call.outcome == "unknown" and not any(record.fault for record in records):
        # A client that always reports "unknown" would never contradict the record.
        root = call.error.__cause__ if call.error else None
        if not isinstance(root, ApiTimeoutError):
            found.append("reported as unknown without a reason")
    if call.method == "PUT" and any(record.fault not in RETRIED_AFTER for record in records[:-1]):
        found.append("retried, although it may have been done")
    return [f"{call.track_id} {call.method}: {text} ({call.error!r}, {records})" for text in found]


def test_reported_outcomes_match_the_record() -> None:
    with ZuoraEmulator(entities=1 + TARGETS * THREADS) as zuora:
        for number, fault in enumerate(ALL_FAULTS):
            zuora.faults.add(fault, path="/v1/*", probability=FAULT_PROBABILITY / len(ALL_FAULTS), seed=number)
        for number, fault in enumerate([faults.reset_before_commit(), faults.html_error(502)]):
            zuora.faults.add(fault, path="/oauth/token", probability=0.3, seed=100 + number)
        configuration = Configuration(
            zuora.url,
            client_id=zuora.client_id,
            client_secret=zuora.client_secret,
            read_timeout=READ_TIMEOUT,
            max_response_bytes=MAX_RESPONSE_BYTES,
            connection_pool_maxsize=THREADS,
        )
        with ApiClient(configuration, clock=NoSleepClock()) as client:
            api = EntityConnectionsApi(client)
            workers = [Worker(number, api, zuora) for number in range(THREADS)]
            deadline = time.monotonic() + HANG_TIMEOUT
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(max(0.0, deadline - time.monotonic()))
            assert [worker.name for worker in workers if worker.is_alive()] == []
            port = int(zuora.url.rpartition(":")[2])
            assert free_slots(client)
            assert len(sockets_to(port)) <= THREADS
        wait_until(lambda: sockets_to(port) == [])
        check_calls([call for worker in workers for call in worker.calls], zuora)


def check_calls(calls: list[Call], zuora: ZuoraEmulator) -> None:
    records: dict[str, list[Request]] = defaultdict(list)
    for request in zuora.requests:
        records[request.headers.get("Zuora-Track-Id", "")].append(request)
    assert len(calls) == CALLS // THREADS * THREADS
    assert [call.error for call in calls if call.outcome == "no ApiException"] == []

    writes = [call for call in calls if call.method != "GET"]
    assert [text for call in writes for text in contradictions(call, records[call.track_id])] == []
    rows = {row.id: (row.source_entity_id, row.target_entity_id) for row in zuora.connections}
    # No response was returned to another call.
    assert all(rows[call.response.id] == call.pair for call in writes if call.method == "POST" and call.response)
    for call in calls:
        if call.method == "GET" and call.response:
            assert all(
                (row.source_entity_id, row.target_entity_id) == call.pair for row in call.response.entity_connections
            )
    assert all(call.error.attempts for call in calls if isinstance(call.error, ApiException))

    # Every outcome and every fault occurred; otherwise the test proves nothing.
    counts = Counter(call.outcome for call in writes)
    assert counts["done"] > len(writes) / 2
    assert counts["answered"] > 10
    commits = [
        sum(request.committed for request in records[call.track_id]) for call in writes if call.outcome == "unknown"
    ]
    assert set(commits) == {0, 1}
    assert {request.fault for request in zuora.requests} >= {fault.name for fault in ALL_FAULTS}
