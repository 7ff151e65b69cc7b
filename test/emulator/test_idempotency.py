"""The Idempotency-Key of a POST: one execution, one answer, for 24 hours."""

from __future__ import annotations

import contextlib
import threading
from http.client import IncompleteRead

import pytest

from zuora_client.emulator import Fault, ZuoraEmulator, faults
from zuora_client.emulator.idempotency import IdempotencyStore
from zuora_client.emulator.messages import Response
from zuora_client.emulator.state import Refusal

DAY = 24 * 3600
PATH = "/v1/entity-connections"


def test_the_first_answer_is_replayed_and_nothing_is_done_again(zuora, connect) -> None:
    http = connect(zuora.entities[0])
    first = http.initiate(zuora.entities[1], Idempotency_Key="k", Zuora_Track_Id="t1")
    again = http.initiate(zuora.entities[1], Idempotency_Key="k", Zuora_Track_Id="t2")
    assert first.json == again.json
    assert first.json["success"] is True
    assert len(zuora.connections) == 1
    for name in ("Zuora-Request-Id", "Zuora-Track-Id", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert [(request.status, request.committed) for request in zuora.requests] == [(200, True), (200, False)]


def test_a_refusal_is_replayed_too_even_when_its_cause_is_gone(zuora, connect) -> None:
    http = connect(zuora.entities[0])
    row = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Connected")
    first = http.initiate(zuora.entities[1], Idempotency_Key="k")
    assert first.codes == [67999930]
    http.change("disconnect", row.id)
    assert http.initiate(zuora.entities[1], Idempotency_Key="k").raw == first.raw
    assert http.initiate(zuora.entities[1], Idempotency_Key="another").json["success"] is True


def test_the_status_is_replayed(zuora, connect) -> None:
    http = connect(zuora.entities[0])
    for _ in range(2):
        assert http.call("POST", PATH, "{", {"Idempotency-Key": "k"}).status == 400
    assert http.initiate(zuora.entities[1], Idempotency_Key="k").status == 400, "the body is not compared"


def test_without_a_key_every_post_is_a_new_one(zuora, connect) -> None:
    http = connect(zuora.entities[0])
    assert http.initiate(zuora.entities[1]).json["success"] is True
    assert http.initiate(zuora.entities[1]).json["success"] is False


def test_after_24_hours_the_key_is_free(zuora, connect, clock) -> None:
    http = connect(zuora.entities[0])
    first = http.initiate(zuora.entities[1], Idempotency_Key="k")
    clock.now += DAY - 1
    fresh = f"Bearer {zuora.issue_token()}"
    assert http.initiate(zuora.entities[1], Idempotency_Key="k", Authorization=fresh).raw == first.raw
    clock.now += 1
    assert http.initiate(zuora.entities[1], Idempotency_Key="k", Authorization=fresh).codes == [67999930]


def test_the_key_of_another_url_or_entity_is_422(zuora, connect) -> None:
    http = connect(zuora.entities[0])
    http.initiate(zuora.entities[1], Idempotency_Key="k")
    body = {"targetEntityId": zuora.entities[1].id}
    for answer in (
        http.call("POST", f"{PATH}?x=1", body, {"Idempotency-Key": "k"}),
        connect(zuora.entities[2]).initiate(zuora.entities[1], Idempotency_Key="k"),
    ):
        assert answer.status == 422
        assert answer.codes == [67999920]
    assert len(zuora.connections) == 1
    assert zuora.requests[-1].status == 422


def test_while_the_first_runs_the_key_is_taken_and_then_it_is_replayed(connect) -> None:
    running, go_on = threading.Event(), threading.Event()

    def act(exchange) -> None:
        def hold(operation) -> Response:
            response = operation()
            running.set()
            go_on.wait(60)
            return response

        exchange.send(exchange.execute(hold))

    with ZuoraEmulator() as zuora:
        root, target = zuora.entities[:2]
        zuora.fail_next(Fault("slow", act))
        first_client, second_client = connect(root, zuora), connect(root, zuora)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(first_client.initiate(target, Idempotency_Key="k")))
        thread.start()
        assert running.wait(60)
        early = second_client.initiate(target, Idempotency_Key="k")
        assert early.status == 409
        assert early.codes == [67999950]
        assert second_client.initiate(target, Idempotency_Key="other").codes == [67999930], "another key is not held up"
        go_on.set()
        thread.join()
        assert second_client.initiate(target, Idempotency_Key="k").raw == answers[0].raw
        assert [request.committed for request in zuora.requests] == [True, False, False, False]


def test_a_put_with_a_key_is_400_in_zuoras_words(zuora, connect) -> None:
    row = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    answer = connect(zuora.entities[1]).change("accept", row.id, Idempotency_Key="k")
    assert answer.status == 400
    message = answer.json["reasons"][0]["message"]
    assert message == "Request method 'PUT' not supported with Idempotency-Key header"
    assert zuora.connections == [row]


def test_a_get_with_a_key_is_just_a_get(zuora, connect) -> None:
    http = connect(zuora.entities[0])
    assert http.get(Idempotency_Key="k").json["entityConnections"] == []
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    assert len(http.get(Idempotency_Key="k").json["entityConnections"]) == 1


@pytest.mark.parametrize(("key", "status"), [("x" * 255, 200), ("x" * 256, 400), ("", 400)])
def test_a_key_has_1_to_255_characters(zuora, connect, key: str, status: int) -> None:
    assert connect(zuora.entities[0]).initiate(zuora.entities[1], Idempotency_Key=key).status == status
    assert len(zuora.connections) == (status == 200)


def test_a_401_is_not_stored(zuora, connect) -> None:
    http = connect(zuora.entities[0])
    assert http.initiate(zuora.entities[1], Idempotency_Key="k", Authorization="Bearer old").status == 401
    assert http.initiate(zuora.entities[1], Idempotency_Key="k").json["success"] is True


def test_of_many_that_come_at_once_one_is_executed(zuora, connect) -> None:
    barrier = threading.Barrier(16)
    statuses: list[int] = []

    def ask() -> None:
        http = connect(zuora.entities[0])
        barrier.wait()
        statuses.append(http.initiate(zuora.entities[1], Idempotency_Key="k").status)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert sum(request.committed for request in zuora.requests) == 1
    assert len(zuora.connections) == 1


def test_the_store_forgets_what_is_old_and_what_broke(clock) -> None:
    store = IdempotencyStore(clock)

    def broken() -> Response:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        store.run_once("broken", "p", broken)
    assert store.run_once("broken", "p", lambda: Response(200))[0].status == 200
    for number in range(1000):
        clock.now += DAY / 10
        assert store.run_once(str(number), "p", lambda: Response(201))[0].status == 201
    assert len(store._entries) <= 11, "a server that runs for months does not grow"
    with pytest.raises(Refusal):
        store.run_once("999", "q", lambda: Response(200))


@pytest.mark.parametrize("lost", [faults.reset_after_commit(), faults.truncate(3), faults.answer_after_commit(502)])
def test_a_lost_answer_is_replayed_under_the_same_key(zuora, connect, lost) -> None:
    zuora.fail_next(lost)
    http = connect(zuora.entities[0])
    with contextlib.suppress(ConnectionResetError, IncompleteRead):
        assert http.initiate(zuora.entities[1], Idempotency_Key="k").status == 502
    http.connection.close()
    assert len(zuora.connections) == 1
    again = http.initiate(zuora.entities[1], Idempotency_Key="k")
    assert again.json == {"id": zuora.connections[0].id, "success": True}
    assert [request.committed for request in zuora.requests] == [True, False]
