"""Each fault: what arrives at the client, and what is true in the tenant."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable

import pytest

from zuora_client.emulator import Fault, ZuoraEmulator, faults


def until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.001)


@pytest.fixture
def lose(zuora, connect):
    """Initiates under a fault that loses the answer; gives the error of the plain client."""

    def ask(fault: Fault) -> BaseException:
        zuora.fail_next(fault)
        client = connect(zuora.entities[0])
        with pytest.raises((OSError, http.client.HTTPException)) as caught:
            client.initiate(zuora.entities[1])
        client.connection.close()
        return caught.value

    return ask


@pytest.fixture
def ask(zuora, connect):
    """Initiates under a fault, on one connection for all calls."""
    client = connect(zuora.entities[0])

    def initiate(fault: Fault, **headers: str):
        zuora.fail_next(fault)
        return client.initiate(zuora.entities[1], **headers)

    return initiate


def post(zuora, body_length: int, *fields: bytes) -> bytes:
    token = zuora.issue_token(zuora.entities[0]).encode()
    lines = [
        b"POST /v1/entity-connections HTTP/1.1",
        b"Authorization: Bearer " + token,
        b"Content-Type: application/json",
    ]
    return b"\r\n".join([*lines, b"Content-Length: %d" % body_length, *fields]) + b"\r\n\r\n"


# The answer is lost.


def test_close_before_reading_does_not_wait_for_the_body(zuora, raw) -> None:
    zuora.fail_next(faults.close_before_reading())
    wire = raw()
    wire.send(post(zuora, 100, b"Expect: 100-continue"))
    assert wire.read() == b"", "an orderly end, without even the 100 Continue"
    assert zuora.requests[0].fault == "close_before_reading"
    assert zuora.requests[0].body == b""
    assert zuora.connections == []


def test_reset_before_commit(zuora, lose) -> None:
    assert type(lose(faults.reset_before_commit())) is ConnectionResetError, "a reset, not just the end"
    assert zuora.connections == []
    assert zuora.requests[0].body, "the request was read to its end"
    assert not zuora.requests[0].committed


def test_reset_after_commit(zuora, lose) -> None:
    assert type(lose(faults.reset_after_commit())) is ConnectionResetError, "a reset, not just the end"
    assert [row.status for row in zuora.connections] == ["Pending"]
    assert zuora.requests[0].committed


def test_truncate_cuts_the_body(zuora, lose) -> None:
    error = lose(faults.truncate(5))
    assert isinstance(error, http.client.IncompleteRead)
    assert error.partial == b'{"id"'
    assert zuora.requests[0].committed


def test_truncate_head_cuts_anywhere(zuora, raw) -> None:
    zuora.fail_next(faults.truncate_head(20))
    wire = raw()
    wire.send(post(zuora, 2) + b"{}")
    assert wire.read() == b"HTTP/1.1 400 Bad Req"


def test_silence_lasts_until_the_client_goes(zuora, raw) -> None:
    zuora.fail_next(faults.silence())
    wire = raw()
    wire.send(post(zuora, 2) + b"{}")
    wire.sock.settimeout(0.05)
    with pytest.raises(socket.timeout):
        wire.sock.recv(1)
    wire.close()
    until(lambda: not zuora._server._threads)
    (request,) = zuora.requests
    assert (request.body, request.status, request.committed) == (b"{}", None, False)


def test_silence_is_not_broken_by_more_requests(zuora, raw) -> None:
    zuora.fail_next(faults.silence())
    wire = raw()
    wire.send((post(zuora, 2) + b"{}") * 2)
    wire.sock.settimeout(0.05)
    with pytest.raises(socket.timeout):
        wire.sock.recv(1)
    assert len(zuora.requests) == 1


# The answer is slow.


def test_delay_executes_first_and_answers_late(zuora, connect) -> None:
    zuora.fail_next(faults.delay(3600))
    client = connect(zuora.entities[0])
    client.connection.timeout = 0.05
    with pytest.raises(socket.timeout):
        client.initiate(zuora.entities[1])
    assert zuora.requests[0].committed
    assert zuora.connections[0].status == "Pending"


def test_a_short_delay_ends_in_the_real_answer(zuora, ask) -> None:
    started = time.monotonic()
    assert ask(faults.delay(0.05)).json["success"] is True
    assert time.monotonic() - started >= 0.05


def test_a_delayed_post_keeps_its_key_though_its_client_has_left(zuora, connect) -> None:
    zuora.fail_next(faults.delay(3600))
    client, other = connect(zuora.entities[0]), connect(zuora.entities[0])
    client.connection.timeout = 0.05
    with pytest.raises(socket.timeout):
        client.initiate(zuora.entities[1], Idempotency_Key="k")
    client.connection.close()
    for _ in range(20):  # the server has time to notice that the first client is gone, and must not care
        assert other.initiate(zuora.entities[1], Idempotency_Key="k").status == 409
    assert len(zuora.connections) == 1


def test_drip_sends_the_real_answer_byte_by_byte(zuora, raw) -> None:
    zuora.fail_next(faults.drip(0))
    wire = raw()
    wire.send(post(zuora, 2) + b"{}")
    head, body = wire.read_answer()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["success"] is False


def test_drip_pauses_before_each_byte(zuora, raw) -> None:
    zuora.fail_next(faults.drip(0.02))
    wire = raw()
    wire.send(post(zuora, 2) + b"{}")
    started = time.monotonic()
    assert wire.sock.recv(4) == b"H", "no more than one byte is there"
    wire.read(4)
    assert time.monotonic() - started >= 0.08


def test_a_drip_ends_when_the_client_goes(zuora, raw) -> None:
    zuora.fail_next(faults.drip(3600))
    wire = raw()
    wire.send(post(zuora, 2) + b"{}")
    until(lambda: zuora.requests)
    wire.close()
    until(lambda: not zuora._server._threads)


# The answer is another one.


def test_answer_takes_any_status_body_and_headers(zuora, ask) -> None:
    answer = ask(faults.answer(299, b"\xff", {"X-Mine": "v", "Content-Type": "text/odd"}))
    assert (answer.status, answer.raw, answer.headers["X-Mine"]) == (299, b"\xff", "v")
    assert answer.headers.get_all("Content-Type") == ["text/odd"]
    assert ask(faults.answer(500, "grün")).raw == "grün".encode()
    assert ask(faults.answer(204)).raw == b""
    problem = ask(faults.answer(400, {"message": "no"}))
    assert problem.json == {"message": "no"}
    assert problem.headers["Content-Type"].startswith("application/json")
    typed = ask(faults.answer(400, ["no"], {"content-type": "application/problem+json"}))
    assert typed.headers.get_all("Content-Type") == ["application/problem+json"]
    assert zuora.connections == []
    assert {request.connection_id for request in zuora.requests} == {1}, "the connection stays in step"


def test_answer_may_lie_about_its_length(zuora, raw) -> None:
    zuora.fail_next(faults.answer(200, b"{}", {"Content-Length": "3"}))
    wire = raw()
    wire.send(post(zuora, 2) + b"{}" + post(zuora, 2) + b"{}")
    assert wire.read_head().count(b"Content-Length") == 1
    assert wire.read(3) == b"{}H"


def test_answer_is_forgotten_by_the_key_unless_it_is_stored(zuora, ask, connect) -> None:
    assert ask(faults.answer(500, "down"), Idempotency_Key="front").status == 500
    assert connect(zuora.entities[0]).initiate(zuora.entities[2], Idempotency_Key="front").json["success"] is True
    assert ask(faults.answer(500, "down", stored=True), Idempotency_Key="inside").status == 500
    again = connect(zuora.entities[0]).initiate(zuora.entities[1], Idempotency_Key="inside")
    assert (again.status, again.raw) == (500, b"down")
    assert zuora.requests[-1].status == 500
    assert [row.target_entity_id for row in zuora.connections] == [zuora.entities[2].id]


def test_answer_after_commit(zuora, ask) -> None:
    answer = ask(faults.answer_after_commit(504, "<html>late</html>", {"Content-Type": "text/html"}))
    assert (answer.status, answer.raw) == (504, b"<html>late</html>")
    assert len(zuora.connections) == 1
    assert zuora.requests[0].committed


@pytest.mark.parametrize("status", [502, 503, 403])
def test_html_error(zuora, ask, status: int) -> None:
    answer = ask(faults.html_error(status))
    assert answer.status == status
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.raw.startswith(b"<html>")
    assert zuora.connections == []


def test_refusal_has_the_code_as_given(zuora, ask) -> None:
    answer = ask(faults.refusal(53500050, "Locked."))
    assert answer.status == 200
    assert answer.codes == [53500050]
    assert answer.json["reasons"][0]["message"] == "Locked."
    assert len(answer.headers["Zuora-Request-Id"]) == 36
    assert ask(faults.refusal("SystemError", status=500)).codes == ["SystemError"]
    assert zuora.connections == []


def test_refusal_is_stored_under_the_key_but_does_not_undo_a_stored_answer(zuora, ask, connect) -> None:
    locked = ask(faults.refusal(53500050), Idempotency_Key="lock first")
    plain = connect(zuora.entities[0])
    assert plain.initiate(zuora.entities[1], Idempotency_Key="lock first").raw == locked.raw
    done = plain.initiate(zuora.entities[1], Idempotency_Key="done")
    assert ask(faults.refusal(53500050), Idempotency_Key="done").raw == done.raw
    assert len(zuora.connections) == 1


def test_too_many_requests_looks_as_zuora_publishes_it(zuora, ask) -> None:
    answer = ask(faults.too_many_requests(reset=17))
    assert answer.status == 429
    message = "API Rate limit exceeded for the minute, retry after 17 seconds"
    assert answer.json == {"reasons": [{"code": 70, "message": message}]}
    assert answer.headers["RateLimit-Reset"] == "17"
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert "Retry-After" not in answer.headers
    assert ask(faults.too_many_requests(retry_after=3)).headers["Retry-After"] == "3"
    assert zuora.connections == []


def test_concurrency_limit_looks_as_zuora_documents_it(zuora, ask) -> None:
    answer = ask(faults.concurrency_limit(), Zuora_Track_Id="t")
    assert answer.status == 429
    assert answer.codes == [50000070]
    assert answer.headers["Retry-After"] == "120"
    assert answer.headers["Concurrency-Limit-Remaining"] == "0"
    assert answer.headers["Zuora-Track-Id"] == "t"
    assert ask(faults.concurrency_limit(retry_after=2)).headers["Retry-After"] == "2"
    assert zuora.connections == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(zuora, ask, status: int) -> None:
    answer = ask(faults.redirect("http://127.0.0.1:1/elsewhere", status))
    assert answer.status == status
    assert answer.headers["Location"] == "http://127.0.0.1:1/elsewhere"
    assert zuora.connections == []


# The answer is the real one, oddly wrapped.


def test_extra_bytes_come_after_the_answer_and_the_connection_stays_open(zuora, raw) -> None:
    zuora.fail_next(faults.extra_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    wire = raw()
    request = post(zuora, 2) + b"{}"
    wire.send(request)
    assert wire.read_answer()[0].startswith(b"HTTP/1.1 400")
    assert wire.read_answer() == (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}")
    wire.send(request)
    assert wire.read_answer()[0].startswith(b"HTTP/1.1 400")


def test_bad_gzip_is_right_up_to_the_checksum(zuora, ask) -> None:
    answer = ask(faults.bad_gzip())
    assert answer.headers["Content-Encoding"] == "gzip"
    inflater = zlib.decompressobj(31)
    assert json.loads(inflater.decompress(answer.raw[:-8])) == {"id": zuora.connections[0].id, "success": True}
    with pytest.raises(zlib.error, match="incorrect data check"):
        zlib.decompress(answer.raw, 31)
    assert zuora.requests[0].committed


def test_gzip_bomb_inflates_to_the_size_that_was_asked_for(zuora, ask) -> None:
    answer = ask(faults.gzip_bomb(10_000_000))
    assert answer.headers.get_all("Content-Encoding") == ["gzip"]
    assert len(answer.raw) < 20_000
    body = zlib.decompress(answer.raw, 31)
    assert len(body) == 10_000_000
    assert json.loads(body)["success"] is True


def test_an_answer_that_is_zipped_already_is_not_zipped_twice(zuora, connect) -> None:
    for _ in range(30):
        zuora.add_connection(zuora.entities[0], zuora.entities[1])
    zuora.fail_next(faults.gzip_bomb(5_000))
    answer = connect(zuora.entities[0]).get(Accept_Encoding="gzip")
    assert answer.headers.get_all("Content-Encoding") == ["gzip"]
    assert len(answer.json["entityConnections"]) == 30


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunked_is_a_legal_answer(zuora, ask, size: int) -> None:
    answer = ask(faults.chunked(size))
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in answer.headers
    assert answer.json["success"] is True
    assert ask(faults.chunked()).codes == [67999930], "the connection is in step"


def test_chunks_have_a_size() -> None:
    with pytest.raises(ValueError, match="chunk_size"):
        faults.chunked(0)


def test_connection_close_is_a_legal_answer(zuora, ask) -> None:
    answer = ask(faults.connection_close())
    assert answer.headers["Connection"] == "close"
    assert answer.json["success"] is True
    ask(faults.chunked())
    assert [request.connection_id for request in zuora.requests] == [1, 2]


def test_http_1_0_is_a_legal_answer(zuora, ask) -> None:
    answer = ask(faults.http_1_0())
    assert answer.version == 10
    assert "Content-Length" not in answer.headers
    assert answer.json["success"] is True
    assert len(answer.headers["Zuora-Request-Id"]) == 36


def test_the_constructor_names_the_fault() -> None:
    arguments = {
        "delay": (0,), "drip": (0,), "truncate": (0,), "truncate_head": (0,), "extra_bytes": (b"",), "answer": (500,),
        "answer_after_commit": (500,), "refusal": (50,), "gzip_bomb": (1,), "redirect": ("/",),
    }  # fmt: skip
    constructors = {
        name: value
        for name, value in vars(faults).items()
        if getattr(value, "__module__", "") == faults.__name__ and not name.startswith("_") and name != "Fault"
    }
    assert len(constructors) >= 20
    for name, constructor in constructors.items():
        assert constructor(*arguments.get(name, ())).name == name
        assert constructor.__doc__


def test_any_function_of_an_exchange_is_a_fault(zuora, ask) -> None:
    def twice(exchange) -> None:
        exchange.execute()
        exchange.send(exchange.service.handle(exchange.request))

    assert ask(Fault("twice", twice)).codes == [67999930]
    assert zuora.requests[0].fault == "twice"


@pytest.mark.parametrize(
    "fault",
    [faults.answer(500), faults.refusal(50), faults.too_many_requests(), faults.html_error(), faults.silence()],
)
def test_faults_meet_the_token_endpoint_if_it_is_named(zuora, connect, fault) -> None:
    zuora.fail_next(fault, path="/oauth/token")
    client = connect()
    assert client.get("/v1/entities").status == 200
    client.connection.timeout = 0.05 if fault.name == "silence" else 60
    client.connection.close()
    try:
        assert client.token({}).status in (200, 429, 500, 502)
    except TimeoutError:
        assert fault.name == "silence"
    assert [request.fault for request in zuora.requests] == [None, fault.name]


def test_many_threads_under_random_faults_agree_with_the_record(zuora, connect) -> None:
    """Every write that was answered with a success is committed, every refusal is not, whatever was lost in between."""
    losing = [faults.reset_after_commit(), faults.reset_before_commit(), faults.truncate(4), faults.html_error()]
    for number, fault in enumerate([*losing, faults.connection_close(), faults.chunked(3), faults.drip(0)]):
        zuora.faults.add(fault, probability=0.05, seed=number)
    reported: dict[str, bool] = {}

    def work(thread: int) -> None:
        client = connect(zuora.entities[thread % 4])
        for number in range(60):
            track_id = f"{thread}-{number}"
            try:
                answer = client.initiate(zuora.entities[(thread + 1 + number % 3) % 4], Zuora_Track_Id=track_id)
                if answer.status == 200:
                    reported[track_id] = answer.json["success"]
            except (OSError, http.client.HTTPException):
                client.connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth = {request.headers["Zuora-Track-Id"]: request.committed for request in zuora.requests}
    assert len(truth) == 16 * 60
    assert {key: truth[key] for key in reported} == reported
    assert len(reported) < len(truth), "some answers were lost"
    assert sum(truth.values()) == len(zuora.connections) == 12


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: faults.delay("1"), "seconds"),
        (lambda: faults.drip(-1), "seconds_per_byte"),
        (lambda: faults.truncate("a"), "bytes_sent"),
        (lambda: faults.truncate_head(1.5), "bytes_sent"),
        (lambda: faults.extra_bytes("x"), "data"),
        (lambda: faults.chunked(0), "chunk_size"),
        (lambda: faults.refusal({1}), "JSON"),
        (lambda: faults.refusal(50, status="200"), "status"),
        (lambda: faults.answer("500"), "status"),
        (lambda: faults.answer(200, b"x", {"X": "\u20ac"}), "headers"),
        (lambda: faults.redirect("https://e/\u20ac"), "headers"),
        (lambda: faults.html_error(True), "status"),
        (lambda: faults.too_many_requests(retry_after="1"), "retry_after"),
        (lambda: faults.concurrency_limit(float("nan")), "retry_after"),
        (lambda: faults.gzip_bomb("x"), "size"),
    ],
)
def test_an_argument_that_could_never_work_is_refused_by_name(make, name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        make()


@pytest.mark.parametrize(
    "wrong", [{"host": ""}, {"token_lifetime": "1"}, {"keep_alive_seconds": -1}, {"keep_alive_seconds": "1"}], ids=str
)
def test_an_emulator_that_could_not_work_is_refused_by_name(wrong) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        ZuoraEmulator(**wrong)
