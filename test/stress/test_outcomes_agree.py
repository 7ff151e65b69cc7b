"""Many calls, many threads, every fault: what the client says about each write is what happened.

ZUORA_STRESS_CALLS sets the number of calls; the default takes a fraction of a minute.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from support.leaks import free_slots, sockets_to, wait_until

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client.deadline import Clock
from zuora_client.emulator import ZuoraEmulator, faults
from zuora_client.emulator.faults import Fault
from zuora_client.emulator.messages import Request
from zuora_client.exceptions import ApiTimeoutError

CALLS = int(os.environ.get("ZUORA_STRESS_CALLS", "20000"))
THREADS = 16
TARGETS = 30
SHARE_OF_FAULTS = 0.05
HANGS_AFTER = 240.0
READ_TIMEOUT = 2.0
MOST_BYTES = 2**20
EVIL = b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"id":"evil","success":true}'

pytestmark = [
    pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="sockets are counted by Linux's own table"),
    pytest.mark.usefixtures("untraced"),
]


def named(name: str, fault: Fault) -> Fault:
    return Fault(name, fault.act)


# After these Zuora has done nothing, and says so: a write may be sent again.
REFUSALS = [
    named("slow down", faults.too_many_requests(retry_after=0)),
    named("too many at once", faults.concurrency_limit(retry_after=0)),
    named("come back", faults.answer(503, headers={"Retry-After": "0"})),
    named("locked", faults.refusal(53500050)),
    named("stranger", faults.answer(401, {"message": "Authentication error"})),
]
# After these nobody knows.
LOSSES = [
    faults.close_before_reading(),
    faults.reset_before_commit(),
    faults.reset_after_commit(),
    faults.silence(),
    named("cut in the status line", faults.truncate_head(11)),
    named("cut in the head", faults.truncate_head(60)),
    named("cut before the body", faults.truncate(0)),
    named("cut in the body", faults.truncate(5)),
    faults.bad_gzip(),
    faults.gzip_bomb(2 * MOST_BYTES),
    faults.redirect("https://evil.example/v1/entity-connections"),
    named("bad gateway", faults.html_error(502)),
    named("unavailable", faults.html_error(503)),
    named("internal error", faults.answer(500)),
    named("bad gateway, though done", faults.answer_after_commit(502, "<html>")),
    named("internal error, though done", faults.answer_after_commit(500)),
    named("request timeout, though done", faults.answer_after_commit(408)),
    named("a page of somebody else", faults.answer(200, "<html>Log in</html>")),
    named("in trouble", faults.refusal(50000061)),
]
# And these are no faults at all, but for the next request.
HARMLESS = [
    faults.chunked(3),
    faults.http_1_0(),
    faults.connection_close(),
    faults.extra_bytes(EVIL),
    named("business rule", faults.refusal(50000030)),
]
EVERY = [*REFUSALS, *LOSSES, *HARMLESS]
SENT_AGAIN_AFTER = {fault.name for fault in REFUSALS}


class Impatient(Clock):
    """Waits between attempts take no time."""

    sleep = staticmethod(lambda _: None)


class Call(NamedTuple):
    """One call as the client reported it. `outcome` is ``done`` or what the error says."""

    track_id: str
    method: str
    outcome: str
    error: BaseException | None
    answer: Any
    pair: tuple[str, str] | None


class Worker(threading.Thread):
    """Makes and ends connections to entities of its own, so that no other thread changes what it changes.

    It looks at the state of a pair when it was told that nobody knows, as anybody should.
    """

    def __init__(self, number: int, api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
        super().__init__(name=f"worker-{number}", daemon=True)
        self.calls: list[Call] = []
        self._number = number
        self._api = api
        self._random = random.Random(number)
        self._root = zuora.entities[0].id
        first = 1 + TARGETS * number
        # Of each target: the id of its connection and its status; no id before the first request.
        self._state = {entity.id: ("", "Disconnected") for entity in zuora.entities[first : first + TARGETS]}

    def run(self) -> None:
        for count in range(CALLS // THREADS):
            self.calls.append(self._call(f"{self._number}-{count}"))

    def _call(self, track_id: str) -> Call:
        target = self._random.choice(list(self._state))
        connection, status = self._state[target]
        if status == "unknown" or self._random.random() < 0.2:
            return self._report(track_id, "GET", target, self._look)
        if status == "Disconnected":
            return self._report(track_id, "POST", target, self._ask)
        verb = self._random.choice(["accept", "accept", "accept", "deny"]) if status == "Pending" else "disconnect"
        return self._report(track_id, "PUT", target, lambda *call: self._decide(connection, verb, *call))

    def _report(self, track_id: str, method: str, target: str, call: Callable[[str, str], Any]) -> Call:
        try:
            return Call(track_id, method, "done", None, call(target, track_id), (self._root, target))
        except ApiException as error:
            if method != "GET" and error.outcome == "unknown":
                self._state[target] = ("", "unknown")
            return Call(track_id, method, error.outcome, error, None, (self._root, target))
        except BaseException as error:
            return Call(track_id, method, "no ApiException", error, None, None)

    def _look(self, target: str, track_id: str) -> Any:
        listed = self._api.get_entity_connections(zuora_entity_ids=target, page_size=300, zuora_track_id=track_id)
        newest = listed.entity_connections[-1] if listed.entity_connections else None
        seen = (newest.id, newest.status) if newest else ("", "Disconnected")
        known = self._state[target]
        # Whoever was told what happened finds it so.
        assert known[1] == "unknown" or seen == known, (known, seen)
        self._state[target] = seen
        return listed

    def _ask(self, target: str, track_id: str) -> Any:
        asked = self._api.post_entity_connections(
            zuora_entity_ids=self._root, request={"targetEntityId": target}, zuora_track_id=track_id
        )
        self._state[target] = (asked.id, "Pending")
        return asked

    def _decide(self, connection: str, verb: str, target: str, track_id: str) -> Any:
        method = getattr(self._api, f"put_entity_connections_{verb}")
        answer = method(connection, zuora_entity_ids=target, zuora_track_id=track_id)
        self._state[target] = (connection, "Connected" if verb == "accept" else "Disconnected")
        return answer


def contradictions(call: Call, records: list[Request]) -> list[str]:
    """What Zuora's record says against a report of a write."""
    commits = sum(record.committed for record in records)
    found = []
    if commits > 1:
        found.append("done more than once")
    if call.outcome == "done" and commits != 1:
        found.append("reported as done, and was not")
    if call.outcome in ("answered", "not_sent") and commits:
        found.append(f"reported as {call.outcome}, and was done")
    if call.outcome == "not_sent" and records:
        found.append("reported as not sent, and it came")
    if call.outcome == "unknown" and not any(record.fault for record in records):
        # A client that always says "unknown" would agree with everything.
        root = call.error.__cause__ if call.error else None
        if not isinstance(root, ApiTimeoutError):
            found.append("reported as unknown without a reason")
    if call.method == "PUT" and any(record.fault not in SENT_AGAIN_AFTER for record in records[:-1]):
        found.append("sent again, though it may have been done")
    return [f"{call.track_id} {call.method}: {text} ({call.error!r}, {records})" for text in found]


def test_every_report_about_a_write_agrees_with_the_record() -> None:
    with ZuoraEmulator(entities=1 + TARGETS * THREADS) as zuora:
        for number, fault in enumerate(EVERY):
            zuora.faults.add(fault, path="/v1/*", probability=SHARE_OF_FAULTS / len(EVERY), seed=number)
        for number, fault in enumerate([faults.reset_before_commit(), faults.html_error(502)]):
            zuora.faults.add(fault, path="/oauth/token", probability=0.3, seed=100 + number)
        configuration = Configuration(
            zuora.url,
            client_id=zuora.client_id,
            client_secret=zuora.client_secret,
            read_timeout=READ_TIMEOUT,
            max_response_bytes=MOST_BYTES,
            connection_pool_maxsize=THREADS,
        )
        with ApiClient(configuration, clock=Impatient()) as client:
            api = EntityConnectionsApi(client)
            workers = [Worker(number, api, zuora) for number in range(THREADS)]
            ends_at = time.monotonic() + HANGS_AFTER
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(max(0.0, ends_at - time.monotonic()))
            assert [worker.name for worker in workers if worker.is_alive()] == []
            port = int(zuora.url.rpartition(":")[2])
            assert free_slots(client)
            assert len(sockets_to(port)) <= THREADS
        wait_until(lambda: sockets_to(port) == [])
        judge([call for worker in workers for call in worker.calls], zuora)


def judge(calls: list[Call], zuora: ZuoraEmulator) -> None:
    records: dict[str, list[Request]] = defaultdict(list)
    for request in zuora.requests:
        records[request.headers.get("Zuora-Track-Id", "")].append(request)
    assert len(calls) == CALLS // THREADS * THREADS
    assert [call.error for call in calls if call.outcome == "no ApiException"] == []

    writes = [call for call in calls if call.method != "GET"]
    assert [text for call in writes for text in contradictions(call, records[call.track_id])] == []
    rows = {row.id: (row.source_entity_id, row.target_entity_id) for row in zuora.connections}
    # No answer went to another call.
    assert all(rows[call.answer.id] == call.pair for call in writes if call.method == "POST" and call.answer)
    for call in calls:
        if call.method == "GET" and call.answer:
            assert all(
                (row.source_entity_id, row.target_entity_id) == call.pair for row in call.answer.entity_connections
            )
    assert all(call.error.attempts for call in calls if isinstance(call.error, ApiException))

    # All of it happened: otherwise this test proves nothing.
    seen = Counter(call.outcome for call in writes)
    assert seen["done"] > len(writes) / 2
    if CALLS >= 20000:
        assert seen["answered"] > 10
        unknown = [
            sum(request.committed for request in records[call.track_id]) for call in writes if call.outcome == "unknown"
        ]
        assert set(unknown) == {0, 1}
        assert {request.fault for request in zuora.requests} >= {fault.name for fault in EVERY}
