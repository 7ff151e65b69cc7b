"""Random responses of a server that knows nothing of the client, held against its own record of what it did.

The server decides for each write whether to do it, and independently how to respond: clearly, or in one of many forms
that say nothing.
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import Counter
from typing import Any

from support.effort import FACTOR
from support.scripted import Received, ScriptedServer, reset, respond, respond_json

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client.deadline import Clock

CALLS = 2_000 * FACTOR
THREADS = 8
ID = "8a808255575bdae401576a914a140420"


def refusal(code: Any, status: int = 200, **headers: str) -> bytes:
    reasons = [{"code": code, "message": "No."}]
    return respond_json({"success": False, "processId": "AB12CD34EF56AB78", "reasons": reasons}, status, headers)


SUCCESSES = [
    respond_json({"success": True, "id": ID}),
    respond_json({"success": "True", "id": ID}),
    respond_json({"Success": True, "id": ID, "more": [1]}),
    respond(204),
]
REFUSALS = [
    refusal(53100030),
    refusal("50000040"),
    refusal(50000010, 403),
    refusal(90000020, 400),
    refusal(70002050),
    respond_json({"Success": False, "Errors": [{"Code": "INVALID_VALUE", "Message": "No."}]}),
    respond_json({"success": False}),
    respond_json({"FaultCode": "INVALID_FIELD", "FaultMessage": "No."}, 400),
    respond_json({"message": "in use"}, 423),
    respond(403, b"<html>Access Denied</html>"),
    respond(404, b"no route"),
]
# Nothing was done, and the same request may succeed at once.
NOT_NOW = [
    refusal(53500050),
    refusal("LOCK_COMPETITION"),
    refusal(50000070, 429, **{"Retry-After": "0"}),
    refusal("REQUEST_EXCEEDED_RATE"),
    respond(429, headers={"Retry-After": "0"}),
    respond(425, headers={"Retry-After": "0"}),
    respond(503, headers={"Retry-After": "0"}),
    respond(421),
]


def cut(sock: socket.socket, received: Received) -> None:
    """Close the connection in the middle of a success."""
    sock.sendall(SUCCESSES[0][:-5])


AMBIGUOUS: list[Any] = [
    reset,
    cut,
    respond(200),
    respond(200, b"<html>Log in</html>"),
    respond(200, b"true"),
    respond_json({}),
    respond_json([]),
    respond_json(None),
    respond_json({"success": None}),
    respond_json({"success": "no"}),
    respond_json({"success": 1}),
    respond_json({"data": {"success": True}}),
    respond_json({"error": "upstream timed out"}),
    respond_json({"errorMessage": "Task timed out", "errorType": "TimeoutError"}),
    respond_json({"FaultCode": "INVALID_FIELD", "FaultMessage": "No."}),
    respond_json({"success": True, "id": ID}, 202),
    respond_json({"success": True, "id": ID}, 203),
    respond(205),
    refusal(50000060),
    refusal(53500061, 429, **{"Retry-After": "0"}),
    refusal("TRANSACTION_TIMEOUT"),
    refusal(50000099, 403),
    respond(499),
    respond(408),
    respond(500, b"We're sorry, but something went wrong."),
    respond(502, b"<html>"),
    respond(503),
    respond(302, headers={"Location": "https://elsewhere.example/"}),
]


class Record:
    """What the server did for one call, by its track id."""

    def __init__(self) -> None:
        self.arrivals = 0
        self.done = 0
        self.was_ambiguous = False


class IndependentTenant:
    """A behaviour: does or does not do each write, and responds by chance.

    A POST is done once under its key, as Zuora documents.
    """

    def __init__(self, seed: int) -> None:
        self.records: dict[str, Record] = {}
        self._random = random.Random(seed)
        self._stored: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def __call__(self, sock: socket.socket, received: Received) -> bool:
        with self._lock:
            response = self._decide(received)
        if isinstance(response, bytes):
            sock.sendall(response)
            return True
        response(sock, received)
        return False

    def _decide(self, received: Received) -> Any:
        record = self.records.setdefault(received.headers["zuora-track-id"], Record())
        record.arrivals += 1
        key = received.headers.get("idempotency-key", "")
        stored = self._stored.get(key)
        if stored is None and self._random.random() < 0.2:
            return self._random.choice(NOT_NOW)
        if stored is None:
            does_it = self._random.random() < 0.5
            record.done += does_it
            stored = self._random.choice(SUCCESSES if does_it else REFUSALS)
            if key:
                self._stored[key] = stored
        if self._random.random() < 0.5:
            record.was_ambiguous = True
            return self._random.choice(AMBIGUOUS)
        return stored


class NoWaiting(Clock):
    """Waits between attempts take no time."""

    sleep = staticmethod(lambda _: None)


def outcome_of(api: EntityConnectionsApi, method: str, track_id: str) -> str:
    try:
        if method == "initiate":
            api.post_entity_connections(request={"targetEntityId": "2" * 32}, zuora_track_id=track_id)
        else:
            getattr(api, f"put_entity_connections_{method}")(ID, zuora_track_id=track_id)
    except ApiException as error:
        return error.outcome
    return "done"


def test_outcomes_agree_with_an_independent_server() -> None:
    seed = random.SystemRandom().randrange(2**32)
    outcomes: dict[str, tuple[str, str]] = {}

    def work(number: int) -> None:
        choose = random.Random(seed + number)
        for count in range(CALLS // THREADS):
            track_id = f"{number}-{count}"
            method = choose.choice(["initiate", "accept", "deny", "disconnect"])
            outcomes[track_id] = (method, outcome_of(api, method, track_id))

    tenant = IndependentTenant(seed)
    with ScriptedServer(tenant) as server:
        configuration = Configuration(server.url, access_token="a-token-of-the-test", max_attempts=4, deadline=60)
        with ApiClient(configuration, clock=NoWaiting()) as client:
            api = EntityConnectionsApi(client)
            threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert len(outcomes) == CALLS // THREADS * THREADS
    disagreements = []
    for track_id, (method, outcome) in outcomes.items():
        record = tenant.records.get(track_id, Record())
        agrees = {
            "done": record.done == 1,
            "answered": record.done == 0 and record.arrivals > 0,
            "not_sent": record.arrivals == 0,
            "unknown": record.was_ambiguous,
        }[outcome]
        if not agrees or record.done > 1:
            disagreements.append((track_id, method, outcome, vars(record)))
    assert disagreements == [], json.dumps({"seed": seed, "first": disagreements[:5]})
    counted = Counter(outcome for _, outcome in outcomes.values())
    assert min(counted[outcome] for outcome in ("done", "answered", "unknown")) > CALLS / 20, counted
