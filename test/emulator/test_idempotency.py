"""The Idempotency-Key of a POST."""

from __future__ import annotations

import contextlib
import threading
from http.client import IncompleteRead

import pytest
from support.emulator_clients import Connect, HttpResponse, ManualClock

from zuora_client.emulator import Fault, ZuoraEmulator, faults, idempotency
from zuora_client.emulator.exchange import Exchange
from zuora_client.emulator.idempotency import IdempotencyStore
from zuora_client.emulator.messages import Response
from zuora_client.emulator.service import Operation
from zuora_client.emulator.state import Refusal

DAY = 24 * 3600
PATH = "/v1/entity-connections"


def test_first_response_is_replayed(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A retry gets the stored response, and nothing is executed again."""
    http = connect(zuora.entities[0])
    first = http.initiate(zuora.entities[1], Idempotency_Key="k", Zuora_Track_Id="t1")
    again = http.initiate(zuora.entities[1], Idempotency_Key="k", Zuora_Track_Id="t2")
    assert first.json == again.json
    assert first.json["success"] is True
    assert len(zuora.connections) == 1
    for name in ("Zuora-Request-Id", "Zuora-Track-Id", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert [(request.status, request.committed) for request in zuora.requests] == [(200, True), (200, False)]


def test_refusal_is_replayed(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A stored refusal is replayed even if its cause is gone."""
    http = connect(zuora.entities[0])
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Connected")
    first = http.initiate(zuora.entities[1], Idempotency_Key="k")
    assert first.codes == [67999930]
    http.change("disconnect", connection.id)
    assert http.initiate(zuora.entities[1], Idempotency_Key="k").raw == first.raw
    assert http.initiate(zuora.entities[1], Idempotency_Key="another").json["success"] is True


def test_the_status_is_replayed(zuora: ZuoraEmulator, connect: Connect) -> None:
    http = connect(zuora.entities[0])
    for _ in range(2):
        assert http.call("POST", PATH, "{", {"Idempotency-Key": "k"}).status == 400
    assert http.initiate(zuora.entities[1], Idempotency_Key="k").status == 400, "the body is not compared"


def test_posts_without_key_are_independent(zuora: ZuoraEmulator, connect: Connect) -> None:
    http = connect(zuora.entities[0])
    assert http.initiate(zuora.entities[1]).json["success"] is True
    assert http.initiate(zuora.entities[1]).json["success"] is False


def test_key_expires_after_24_hours(zuora: ZuoraEmulator, connect: Connect, clock: ManualClock) -> None:
    http = connect(zuora.entities[0])
    first = http.initiate(zuora.entities[1], Idempotency_Key="k")
    clock.now += DAY - 1
    new_token = f"Bearer {zuora.issue_token()}"
    assert http.initiate(zuora.entities[1], Idempotency_Key="k", Authorization=new_token).raw == first.raw
    clock.now += 1
    assert http.initiate(zuora.entities[1], Idempotency_Key="k", Authorization=new_token).codes == [67999930]


def test_key_of_another_request_is_422(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A key that was used for another URL or entity is refused."""
    http = connect(zuora.entities[0])
    http.initiate(zuora.entities[1], Idempotency_Key="k")
    body = {"targetEntityId": zuora.entities[1].id}
    for response in (
        http.call("POST", f"{PATH}?x=1", body, {"Idempotency-Key": "k"}),
        connect(zuora.entities[2]).initiate(zuora.entities[1], Idempotency_Key="k"),
    ):
        assert response.status == 422
        assert response.codes == [67999920]
    assert len(zuora.connections) == 1
    assert zuora.requests[-1].status == 422


def test_key_of_running_request_is_409(connect: Connect) -> None:
    """A key is refused while its first request runs; afterwards the response is replayed."""
    running, resume = threading.Event(), threading.Event()

    def act(exchange: Exchange) -> None:
        def hold(operation: Operation) -> Response:
            response = operation()
            running.set()
            resume.wait(60)
            return response

        exchange.send(exchange.execute(hold))

    with ZuoraEmulator() as zuora:
        root, target = zuora.entities[:2]
        zuora.fail_next(Fault("slow", act))
        first_client, second_client = connect(root, zuora), connect(root, zuora)
        responses: list[HttpResponse] = []
        thread = threading.Thread(target=lambda: responses.append(first_client.initiate(target, Idempotency_Key="k")))
        thread.start()
        assert running.wait(60)
        early = second_client.initiate(target, Idempotency_Key="k")
        assert early.status == 409
        assert early.codes == [67999950]
        assert second_client.initiate(target, Idempotency_Key="other").codes == [67999930], "another key does not wait"
        resume.set()
        thread.join()
        assert second_client.initiate(target, Idempotency_Key="k").raw == responses[0].raw
        assert [request.committed for request in zuora.requests] == [True, False, False, False]


def test_put_with_key_is_400(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A PUT with an Idempotency-Key is refused with Zuora's message."""
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    response = connect(zuora.entities[1]).change("accept", connection.id, Idempotency_Key="k")
    assert response.status == 400
    message = response.json["reasons"][0]["message"]
    assert message == "Request method 'PUT' not supported with Idempotency-Key header"
    assert zuora.connections == [connection]


def test_get_ignores_key(zuora: ZuoraEmulator, connect: Connect) -> None:
    http = connect(zuora.entities[0])
    assert http.get(Idempotency_Key="k").json["entityConnections"] == []
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    assert len(http.get(Idempotency_Key="k").json["entityConnections"]) == 1


@pytest.mark.parametrize(("key", "status"), [("x" * 255, 200), ("x" * 256, 400), ("", 400)])
def test_key_length(zuora: ZuoraEmulator, connect: Connect, key: str, status: int) -> None:
    assert connect(zuora.entities[0]).initiate(zuora.entities[1], Idempotency_Key=key).status == status
    assert len(zuora.connections) == (status == 200)


def test_unauthorized_is_not_stored(zuora: ZuoraEmulator, connect: Connect) -> None:
    http = connect(zuora.entities[0])
    assert http.initiate(zuora.entities[1], Idempotency_Key="k", Authorization="Bearer old").status == 401
    assert http.initiate(zuora.entities[1], Idempotency_Key="k").json["success"] is True


def test_concurrent_posts_execute_once(zuora: ZuoraEmulator, connect: Connect) -> None:
    barrier = threading.Barrier(16)
    statuses: list[int] = []

    def initiate() -> None:
        http = connect(zuora.entities[0])
        barrier.wait()
        statuses.append(http.initiate(zuora.entities[1], Idempotency_Key="k").status)

    threads = [threading.Thread(target=initiate) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert sum(request.committed for request in zuora.requests) == 1
    assert len(zuora.connections) == 1


def test_store_removes_expired_and_failed(clock: ManualClock) -> None:
    """Expired entries, and those whose operation raised, are removed."""
    store = IdempotencyStore(clock)

    def broken() -> Response:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        store.run_once("broken", "p", broken)
    assert store.run_once("broken", "p", lambda: Response(200))[0].status == 200
    for number in range(1000):
        clock.now += DAY / 10
        assert store.run_once(str(number), "p", lambda: Response(201))[0].status == 201
    assert len(store._entries) <= 11, "the store does not grow without limit"
    with pytest.raises(Refusal):
        store.run_once("999", "q", lambda: Response(200))


def test_oldest_record_is_removed(zuora: ZuoraEmulator, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the maximum number of records, a retry with the oldest key is executed again."""
    assert idempotency.MAX_RECORDS == 10_000
    monkeypatch.setattr(idempotency, "MAX_RECORDS", 3)
    http = connect(zuora.entities[0])
    first = http.initiate(zuora.entities[1], Idempotency_Key="k0")
    assert first.json["success"] is True
    for number in range(1, 3):
        http.initiate(zuora.entities[1], Idempotency_Key=f"k{number}")
    assert http.initiate(zuora.entities[1], Idempotency_Key="k0").raw == first.raw
    http.initiate(zuora.entities[1], Idempotency_Key="k3")
    assert http.initiate(zuora.entities[1], Idempotency_Key="k0").codes == [67999930]
    assert len(zuora._service._idempotency._entries) == 3


def test_record_of_running_request_is_kept(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running operation keeps its key, however many others follow."""
    monkeypatch.setattr(idempotency, "MAX_RECORDS", 2)
    store = IdempotencyStore(clock)
    statuses: list[int] = []

    def operation() -> Response:
        for number in range(10):
            store.run_once(f"other{number}", "p", lambda: Response(200))
        with pytest.raises(Refusal) as caught:
            store.run_once("slow", "p", lambda: Response(200))
        statuses.append(caught.value.status)
        return Response(201)

    store.run_once("slow", "p", operation)
    assert statuses == [409]
    assert store.run_once("slow", "p", lambda: Response(200)) == (Response(201), True)
    assert len(store._entries) <= 2


@pytest.mark.parametrize("lost", [faults.reset_after_commit(), faults.truncate(3), faults.answer_after_commit(502)])
def test_lost_response_is_replayed(zuora: ZuoraEmulator, connect: Connect, lost: Fault) -> None:
    zuora.fail_next(lost)
    http = connect(zuora.entities[0])
    with contextlib.suppress(ConnectionResetError, IncompleteRead):
        assert http.initiate(zuora.entities[1], Idempotency_Key="k").status == 502
    http.connection.close()
    assert len(zuora.connections) == 1
    again = http.initiate(zuora.entities[1], Idempotency_Key="k")
    assert again.json == {"id": zuora.connections[0].id, "success": True}
    assert [request.committed for request in zuora.requests] == [True, False]
