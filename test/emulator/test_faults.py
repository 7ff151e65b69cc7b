"""Each fault: what the client receives, and the state of the tenant afterwards."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from support.emulator_clients import Connect, ConnectRaw, HttpResponse
from support.threads import wait_until

from zuora_client.emulator import Fault, ZuoraEmulator, faults
from zuora_client.emulator.exchange import Exchange

Initiate = Callable[..., HttpResponse]


@pytest.fixture
def initiate_and_lose(zuora: ZuoraEmulator, connect: Connect) -> Callable[[Fault], BaseException]:
    """Sends a POST under a fault that loses the response; returns the error of the client."""

    def send(fault: Fault) -> BaseException:
        zuora.fail_next(fault)
        client = connect(zuora.entities[0])
        with pytest.raises((OSError, http.client.HTTPException)) as caught:
            client.initiate(zuora.entities[1])
        client.connection.close()
        return caught.value

    return send


@pytest.fixture
def initiate(zuora: ZuoraEmulator, connect: Connect) -> Initiate:
    """Sends a POST under a fault, always on the same connection; returns the response."""
    client = connect(zuora.entities[0])

    def send(fault: Fault, **headers: str) -> HttpResponse:
        zuora.fail_next(fault)
        return client.initiate(zuora.entities[1], **headers)

    return send


def post(zuora: ZuoraEmulator, body_length: int, *fields: bytes) -> bytes:
    token = zuora.issue_token(zuora.entities[0]).encode()
    lines = [
        b"POST /v1/entity-connections HTTP/1.1",
        b"Authorization: Bearer " + token,
        b"Content-Type: application/json",
    ]
    return b"\r\n".join([*lines, b"Content-Length: %d" % body_length, *fields]) + b"\r\n\r\n"


# Faults that lose the response


def test_close_before_reading(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    """The connection is closed without waiting for the body."""
    zuora.fail_next(faults.close_before_reading())
    connection = raw()
    connection.send(post(zuora, 100, b"Expect: 100-continue"))
    assert connection.read() == b"", "closed without a reset, and without a 100 Continue"
    assert zuora.requests[0].fault == "close_before_reading"
    assert zuora.requests[0].body == b""
    assert zuora.connections == []


def test_reset_before_commit(zuora: ZuoraEmulator, initiate_and_lose: Callable[[Fault], BaseException]) -> None:
    assert type(initiate_and_lose(faults.reset_before_commit())) is ConnectionResetError, "a reset, not a FIN"
    assert zuora.connections == []
    assert zuora.requests[0].body, "the whole request was read"
    assert not zuora.requests[0].committed


def test_reset_after_commit(zuora: ZuoraEmulator, initiate_and_lose: Callable[[Fault], BaseException]) -> None:
    assert type(initiate_and_lose(faults.reset_after_commit())) is ConnectionResetError, "a reset, not a FIN"
    assert [connection.status for connection in zuora.connections] == ["Pending"]
    assert zuora.requests[0].committed


def test_truncate(zuora: ZuoraEmulator, initiate_and_lose: Callable[[Fault], BaseException]) -> None:
    error = initiate_and_lose(faults.truncate(5))
    assert isinstance(error, http.client.IncompleteRead)
    assert error.partial == b'{"id"'
    assert zuora.requests[0].committed


def test_truncate_head(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    zuora.fail_next(faults.truncate_head(20))
    connection = raw()
    connection.send(post(zuora, 2) + b"{}")
    assert connection.read() == b"HTTP/1.1 400 Bad Req"


def test_silence_until_client_disconnects(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    zuora.fail_next(faults.silence())
    connection = raw()
    connection.send(post(zuora, 2) + b"{}")
    connection.sock.settimeout(0.05)
    with pytest.raises(socket.timeout):
        connection.sock.recv(1)
    connection.close()
    wait_until(lambda: not zuora._server._threads)
    (request,) = zuora.requests
    assert (request.body, request.status, request.committed) == (b"{}", None, False)


def test_silence_ignores_pipelined_requests(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    zuora.fail_next(faults.silence())
    connection = raw()
    connection.send((post(zuora, 2) + b"{}") * 2)
    connection.sock.settimeout(0.05)
    with pytest.raises(socket.timeout):
        connection.sock.recv(1)
    assert len(zuora.requests) == 1


# Faults that delay the response


def test_delay_executes_before_waiting(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.fail_next(faults.delay(3600))
    client = connect(zuora.entities[0])
    client.connection.timeout = 0.05
    with pytest.raises(socket.timeout):
        client.initiate(zuora.entities[1])
    assert zuora.requests[0].committed
    assert zuora.connections[0].status == "Pending"


def test_delay_sends_real_response(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    started = time.monotonic()
    assert initiate(faults.delay(0.05)).json["success"] is True
    assert time.monotonic() - started >= 0.05


def test_delay_holds_idempotency_key(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A delayed POST holds its Idempotency-Key even after its client has disconnected."""
    zuora.fail_next(faults.delay(3600))
    client, other = connect(zuora.entities[0]), connect(zuora.entities[0])
    client.connection.timeout = 0.05
    with pytest.raises(socket.timeout):
        client.initiate(zuora.entities[1], Idempotency_Key="k")
    client.connection.close()
    for _ in range(20):  # gives the server time to see that the first client has disconnected
        assert other.initiate(zuora.entities[1], Idempotency_Key="k").status == 409
    assert len(zuora.connections) == 1


def test_drip_sends_real_response(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    zuora.fail_next(faults.drip(0))
    connection = raw()
    connection.send(post(zuora, 2) + b"{}")
    head, body = connection.read_response()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["success"] is False


def test_drip_pauses_before_each_byte(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    zuora.fail_next(faults.drip(0.2))
    connection = raw()
    started = time.monotonic()
    connection.send(post(zuora, 2) + b"{}")
    assert connection.sock.recv(4) == b"H", "only one byte has been sent"
    connection.read(4)
    assert time.monotonic() - started >= 0.2 * 5


def test_drip_ends_when_client_disconnects(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    zuora.fail_next(faults.drip(3600))
    connection = raw()
    connection.send(post(zuora, 2) + b"{}")
    wait_until(lambda: zuora.requests)
    connection.close()
    wait_until(lambda: not zuora._server._threads)


# Faults that replace the response


def test_answer_with_any_response(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    """`answer` sends any status, body and headers, and the connection stays usable."""
    response = initiate(faults.answer(299, b"\xff", {"X-Mine": "v", "Content-Type": "text/odd"}))
    assert (response.status, response.raw, response.headers["X-Mine"]) == (299, b"\xff", "v")
    assert response.headers.get_all("Content-Type") == ["text/odd"]
    assert initiate(faults.answer(500, "grün")).raw == "grün".encode()
    assert initiate(faults.answer(204)).raw == b""
    problem = initiate(faults.answer(400, {"message": "no"}))
    assert problem.json == {"message": "no"}
    assert problem.headers["Content-Type"].startswith("application/json")
    typed = initiate(faults.answer(400, ["no"], {"content-type": "application/problem+json"}))
    assert typed.headers.get_all("Content-Type") == ["application/problem+json"]
    assert zuora.connections == []
    assert {request.connection_id for request in zuora.requests} == {1}, "the connection stays usable"


def test_answer_with_wrong_content_length(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    zuora.fail_next(faults.answer(200, b"{}", {"Content-Length": "3"}))
    connection = raw()
    connection.send(post(zuora, 2) + b"{}" + post(zuora, 2) + b"{}")
    assert connection.read_head().count(b"Content-Length") == 1
    assert connection.read(3) == b"{}H"


def test_answer_stored_under_idempotency_key(zuora: ZuoraEmulator, initiate: Initiate, connect: Connect) -> None:
    """A response of `answer` is replayed only with `stored=True`."""
    assert initiate(faults.answer(500, "down"), Idempotency_Key="front").status == 500
    assert connect(zuora.entities[0]).initiate(zuora.entities[2], Idempotency_Key="front").json["success"] is True
    assert initiate(faults.answer(500, "down", stored=True), Idempotency_Key="inside").status == 500
    again = connect(zuora.entities[0]).initiate(zuora.entities[1], Idempotency_Key="inside")
    assert (again.status, again.raw) == (500, b"down")
    assert zuora.requests[-1].status == 500
    assert [connection.target_entity_id for connection in zuora.connections] == [zuora.entities[2].id]


def test_answer_after_commit(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    response = initiate(faults.answer_after_commit(504, "<html>late</html>", {"Content-Type": "text/html"}))
    assert (response.status, response.raw) == (504, b"<html>late</html>")
    assert len(zuora.connections) == 1
    assert zuora.requests[0].committed


@pytest.mark.parametrize("status", [502, 503, 403])
def test_html_error(zuora: ZuoraEmulator, initiate: Initiate, status: int) -> None:
    response = initiate(faults.html_error(status))
    assert response.status == status
    assert response.headers["Content-Type"] == "text/html"
    assert response.raw.startswith(b"<html>")
    assert zuora.connections == []


def test_refusal_sends_given_code(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    response = initiate(faults.refusal(53500050, "Locked."))
    assert response.status == 200
    assert response.codes == [53500050]
    assert response.json["reasons"][0]["message"] == "Locked."
    assert len(response.headers["Zuora-Request-Id"]) == 36
    assert initiate(faults.refusal("SystemError", status=500)).codes == ["SystemError"]
    assert zuora.connections == []


def test_refusal_stored_under_idempotency_key(zuora: ZuoraEmulator, initiate: Initiate, connect: Connect) -> None:
    """A refusal is stored under the key, but does not replace a stored response."""
    locked = initiate(faults.refusal(53500050), Idempotency_Key="lock first")
    client = connect(zuora.entities[0])
    assert client.initiate(zuora.entities[1], Idempotency_Key="lock first").raw == locked.raw
    done = client.initiate(zuora.entities[1], Idempotency_Key="done")
    assert initiate(faults.refusal(53500050), Idempotency_Key="done").raw == done.raw
    assert len(zuora.connections) == 1


def test_too_many_requests_matches_zuora_sample(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    response = initiate(faults.too_many_requests(reset=17))
    assert response.status == 429
    message = "API Rate limit exceeded for the minute, retry after 17 seconds"
    assert response.json == {"reasons": [{"code": 70, "message": message}]}
    assert response.headers["RateLimit-Reset"] == "17"
    assert response.headers["RateLimit-Remaining"] == "0"
    assert "Retry-After" not in response.headers
    assert initiate(faults.too_many_requests(retry_after=3)).headers["Retry-After"] == "3"
    assert zuora.connections == []


def test_concurrency_limit_matches_zuora_documentation(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    response = initiate(faults.concurrency_limit(), Zuora_Track_Id="t")
    assert response.status == 429
    assert response.codes == [50000070]
    assert response.headers["Retry-After"] == "120"
    assert response.headers["Concurrency-Limit-Remaining"] == "0"
    assert response.headers["Zuora-Track-Id"] == "t"
    assert initiate(faults.concurrency_limit(retry_after=2)).headers["Retry-After"] == "2"
    assert zuora.connections == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(zuora: ZuoraEmulator, initiate: Initiate, status: int) -> None:
    response = initiate(faults.redirect("http://127.0.0.1:1/elsewhere", status))
    assert response.status == status
    assert response.headers["Location"] == "http://127.0.0.1:1/elsewhere"
    assert zuora.connections == []


# Faults that change the framing or coding of the response


def test_extra_bytes(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    """The extra bytes follow the response, and the connection stays open."""
    zuora.fail_next(faults.extra_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    connection = raw()
    request = post(zuora, 2) + b"{}"
    connection.send(request)
    assert connection.read_response()[0].startswith(b"HTTP/1.1 400")
    assert connection.read_response() == (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}")
    connection.send(request)
    assert connection.read_response()[0].startswith(b"HTTP/1.1 400")


def test_bad_gzip(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    """Only the checksum at the end is wrong."""
    response = initiate(faults.bad_gzip())
    assert response.headers["Content-Encoding"] == "gzip"
    inflater = zlib.decompressobj(31)
    assert json.loads(inflater.decompress(response.raw[:-8])) == {"id": zuora.connections[0].id, "success": True}
    with pytest.raises(zlib.error, match="incorrect data check"):
        zlib.decompress(response.raw, 31)
    assert zuora.requests[0].committed


def test_gzip_bomb_has_requested_size(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    response = initiate(faults.gzip_bomb(10_000_000))
    assert response.headers.get_all("Content-Encoding") == ["gzip"]
    assert len(response.raw) < 20_000
    body = zlib.decompress(response.raw, 31)
    assert len(body) == 10_000_000
    assert json.loads(body)["success"] is True


def test_gzip_response_is_not_compressed_twice(zuora: ZuoraEmulator, connect: Connect) -> None:
    for _ in range(30):
        zuora.add_connection(zuora.entities[0], zuora.entities[1])
    zuora.fail_next(faults.gzip_bomb(5_000))
    response = connect(zuora.entities[0]).get(Accept_Encoding="gzip")
    assert response.headers.get_all("Content-Encoding") == ["gzip"]
    assert len(response.json["entityConnections"]) == 30


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunked_is_valid(zuora: ZuoraEmulator, initiate: Initiate, size: int) -> None:
    response = initiate(faults.chunked(size))
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in response.headers
    assert response.json["success"] is True
    assert initiate(faults.chunked()).codes == [67999930], "the connection stays usable"


def test_chunk_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="chunk_size"):
        faults.chunked(0)


def test_connection_close_is_valid(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    response = initiate(faults.connection_close())
    assert response.headers["Connection"] == "close"
    assert response.json["success"] is True
    initiate(faults.chunked())
    assert [request.connection_id for request in zuora.requests] == [1, 2]


def test_http_1_0_is_valid(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    response = initiate(faults.http_1_0())
    assert response.version == 10
    assert "Content-Length" not in response.headers
    assert response.json["success"] is True
    assert len(response.headers["Zuora-Request-Id"]) == 36


def test_fault_is_named_after_its_function() -> None:
    arguments = {
        "delay": (0,), "drip": (0,), "truncate": (0,), "truncate_head": (0,), "extra_bytes": (b"",), "answer": (500,),
        "answer_after_commit": (500,), "refusal": (50,), "gzip_bomb": (1,), "redirect": ("/",),
        "rewrite_body": (dict,),
    }  # fmt: skip
    functions = {name: getattr(faults, name) for name in faults.__all__ if name != "Fault"}
    assert len(functions) >= 20
    for name, function in functions.items():
        assert function(*arguments.get(name, ())).name == name
        assert function.__doc__


# What counts as success: each kind of response with HTTP 2xx can be produced, with and without an execution.

TWO_HUNDREDS: list[tuple[Fault, int, Any]] = [
    (faults.rewrite_body(lambda body: {**body, "success": "true"}), 200, {"success": "true"}),
    (faults.rewrite_body(lambda body: {"Success": body["success"]}), 200, {"Success": True}),
    (faults.rewrite_body(lambda body: {}), 200, {}),
    (faults.rewrite_body(lambda body: {**body, "success": "no"}), 200, {"success": "no"}),
    (faults.rewrite_body(lambda body: [body]), 200, [{"success": True}]),
    (faults.answer_after_commit(200, {"success": False, "reasons": []}), 200, {"success": False, "reasons": []}),
    (faults.answer_after_commit(200, {"errorCode": "X"}), 200, {"errorCode": "X"}),
    (faults.answer_after_commit(200, "done"), 200, b"done"),
    (faults.answer_after_commit(200), 200, b""),
    (faults.answer_after_commit(202, {"requestId": "1"}), 202, {"requestId": "1"}),
    (faults.answer_after_commit(204), 204, b""),
]


@pytest.mark.parametrize(("fault", "status", "body"), TWO_HUNDREDS)
def test_every_kind_of_2xx(zuora: ZuoraEmulator, connect: Connect, fault: Fault, status: int, body: Any) -> None:
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    zuora.fail_next(fault)
    response = connect(zuora.entities[1]).change("accept", connection.id)
    assert response.status == status
    assert (response.raw if isinstance(body, bytes) else response.json) == body
    assert zuora.connections[0].status == "Connected"


def test_rewritten_body_keeps_headers(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A compressed body is compressed again, and the other headers stay."""
    for _ in range(30):
        zuora.add_connection(zuora.entities[0], zuora.entities[1], "Disconnected")
    zuora.fail_next(faults.rewrite_body(lambda body: {"entityConnections": body["entityConnections"]}))
    response = connect(zuora.entities[0]).get(Accept_Encoding="gzip", Zuora_Track_Id="t")
    assert list(response.json) == ["entityConnections"]
    assert len(response.json["entityConnections"]) == 30
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Zuora-Track-Id"] == "t"


def test_custom_fault(zuora: ZuoraEmulator, initiate: Initiate) -> None:
    def execute_twice(exchange: Exchange) -> None:
        exchange.execute()
        exchange.send(exchange.service.handle(exchange.request))

    assert initiate(Fault("twice", execute_twice)).codes == [67999930]
    assert zuora.requests[0].fault == "twice"


@pytest.mark.parametrize(
    "fault",
    [faults.answer(500), faults.refusal(50), faults.too_many_requests(), faults.html_error(), faults.silence()],
)
def test_faults_at_the_token_endpoint(zuora: ZuoraEmulator, connect: Connect, fault: Fault) -> None:
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


def test_record_agrees_with_responses(zuora: ZuoraEmulator, connect: Connect) -> None:
    """Under random faults, every write reported as successful is committed, and every refused one is not."""
    losing_faults = [faults.reset_after_commit(), faults.reset_before_commit(), faults.truncate(4), faults.html_error()]
    for number, fault in enumerate([*losing_faults, faults.connection_close(), faults.chunked(3), faults.drip(0)]):
        zuora.faults.add(fault, probability=0.05, seed=number)
    reported: dict[str, bool] = {}

    def work(thread: int) -> None:
        client = connect(zuora.entities[thread % 4])
        for number in range(60):
            track_id = f"{thread}-{number}"
            try:
                response = client.initiate(zuora.entities[(thread + 1 + number % 3) % 4], Zuora_Track_Id=track_id)
                if response.status == 200:
                    reported[track_id] = response.json["success"]
            except (OSError, http.client.HTTPException):
                client.connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    committed = {request.headers["Zuora-Track-Id"]: request.committed for request in zuora.requests}
    assert len(committed) == 16 * 60
    assert {key: committed[key] for key in reported} == reported
    assert len(reported) < len(committed), "some responses were lost"
    assert sum(committed.values()) == len(zuora.connections) == 12


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (faults.delay, {"seconds": "1"}, "seconds"),
        (faults.drip, {"seconds_per_byte": -1}, "seconds_per_byte"),
        (faults.truncate, {"bytes_sent": "a"}, "bytes_sent"),
        (faults.truncate_head, {"bytes_sent": 1.5}, "bytes_sent"),
        (faults.extra_bytes, {"data": "x"}, "data"),
        (faults.chunked, {"chunk_size": 0}, "chunk_size"),
        (faults.refusal, {"code": {1}}, "JSON"),
        (faults.refusal, {"code": 50, "status": "200"}, "status"),
        (faults.answer, {"status": "500"}, "status"),
        (faults.answer, {"status": 200, "body": b"x", "headers": {"X": "\u20ac"}}, "headers"),
        (faults.redirect, {"location": "https://e/\u20ac"}, "headers"),
        (faults.html_error, {"status": True}, "status"),
        (faults.too_many_requests, {"retry_after": "1"}, "retry_after"),
        (faults.concurrency_limit, {"retry_after": float("nan")}, "retry_after"),
        (faults.gzip_bomb, {"size": "x"}, "size"),
        (faults.rewrite_body, {"rewrite": {}}, "rewrite"),
        (faults.max_concurrent, {"limit": -1}, "limit"),
        (faults.max_concurrent, {"limit": 1.5}, "limit"),
        (faults.max_concurrent, {"retry_after": "1"}, "retry_after"),
        (faults.token_limit, {"limit": "100"}, "limit"),
        (faults.token_limit, {"window": -1}, "window"),
        (faults.token_limit, {"hint": "no"}, "hint"),
    ],
)
def test_invalid_fault_argument_is_refused(
    function: Callable[..., Fault], arguments: dict[str, Any], name: str
) -> None:
    """The error for an invalid argument names it."""
    with pytest.raises((TypeError, ValueError), match=name):
        function(**arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""},
        {"token_lifetime": "1"},
        {"keep_alive_seconds": -1},
        {"keep_alive_seconds": "1"},
        {"client_id": "short"},
        {"client_id": 5},
        {"client_secret": ""},
        {"client_secret": "x" * 43},
        {"client_secret": b"x"},
    ],
    ids=str,
)
def test_invalid_emulator_argument_is_refused(wrong: dict[str, Any]) -> None:
    """The error for an invalid argument names it."""
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        ZuoraEmulator(**wrong)
