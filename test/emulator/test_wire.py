"""HTTP/1.1 as bytes: framing, keep-alive, and requests that are not HTTP."""

from __future__ import annotations

import socket
import threading

import pytest

from zuora_client.emulator import ZuoraEmulator
from zuora_client.emulator.wire import Wire

GET = b"GET /v1/entities HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n%s\r\n"


def get(zuora, *fields: bytes) -> bytes:
    return GET % (zuora.issue_token().encode(), b"".join(field + b"\r\n" for field in fields))


def post(zuora, *fields: bytes) -> bytes:
    lines = [
        b"POST /v1/entity-connections HTTP/1.1",
        b"Host: h",
        b"Content-Type: application/json",
        b"Authorization: Bearer " + zuora.issue_token(zuora.entities[0]).encode(),
        *fields,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def body_for(zuora, target: int) -> bytes:
    return b'{"targetEntityId":"%s"}' % zuora.entities[target].id.encode()


def status(head: bytes) -> int:
    return int(head.split(b" ")[1])


def test_a_connection_carries_one_request_after_the_other(zuora, raw) -> None:
    wire = raw()
    for _ in range(3):
        wire.send(get(zuora))
        head, body = wire.read_answer()
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body.endswith(b'"success":true}')
        assert b"\r\nDate: " in head
        assert b"connection: close" not in head.lower()
    assert {request.connection_id for request in zuora.requests} == {1}


def test_requests_that_come_in_one_piece_or_byte_by_byte_are_told_apart(zuora, raw) -> None:
    wire = raw()
    content = body_for(zuora, 1)
    everything = post(zuora, b"Content-Length: %d" % len(content)) + content + get(zuora) + get(zuora)
    wire.send(everything)
    assert b'"id"' in wire.read_answer()[1]
    assert all(b"entities" in wire.read_answer()[1] for _ in range(2))
    slow = raw()
    for byte in get(zuora):
        slow.send(bytes((byte,)))
    assert b"entities" in slow.read_answer()[1]


def test_a_head_is_found_wherever_the_network_cuts_it(zuora) -> None:
    class OneByte:
        """A socket on which every byte arrives alone."""

        def __init__(self, data: bytes) -> None:
            self.left = list(data)

        def recv(self, _size: int) -> bytes:
            return bytes((self.left.pop(0),)) if self.left else b""

    wire = Wire(OneByte(get(zuora) + b"GET /next HTTP/1.1\r\nA: b\r\n\r\n"), 1, threading.Event())  # type: ignore[arg-type]
    for path in ("/v1/entities", "/next"):
        request = wire.read_head()
        assert request is not None
        assert request.path == path
    assert request.headers["A"] == "b"
    assert wire.read_head() is None


def test_connection_close_is_honoured(zuora, raw) -> None:
    wire = raw()
    wire.send(get(zuora, b"Connection: TE, Close"))
    head, _ = wire.read_answer()
    assert b"\r\nConnection: close\r\n" in head
    assert wire.read() == b""


def test_http_1_0_gets_its_answer_and_the_end_of_the_connection(zuora, raw) -> None:
    wire = raw()
    wire.send(get(zuora).replace(b"HTTP/1.1", b"HTTP/1.0"))
    head, body = wire.read_answer()
    assert (status(head), body[-1:]) == (200, b"}")
    assert wire.read() == b""


def test_next_page_has_an_address_even_if_the_request_named_no_host(zuora, raw) -> None:
    for _ in range(31):
        zuora.add_connection(zuora.entities[0], zuora.entities[1], "Disconnected")
    wire = raw()
    token = zuora.issue_token(zuora.entities[0]).encode()
    wire.send(b"GET /v1/entity-connections HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n" % token)
    assert f'"nextPage":"{zuora.url}/v1/entity-connections?page=2'.encode() in wire.read_answer()[1]


def test_a_chunked_body_is_put_together(zuora, raw) -> None:
    wire = raw()
    content = body_for(zuora, 1)
    chunks = b"A;ext=1\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (content[:10], len(content) - 10, content[10:])
    wire.send(post(zuora, b"Transfer-Encoding: chunked") + chunks + get(zuora))
    assert b'"success":true' in wire.read_answer()[1]
    assert zuora.requests[0].body == content
    assert b"entities" in wire.read_answer()[1], "the next request begins where the chunks end"


def test_who_expects_100_continue_is_asked_for_the_body(zuora, raw) -> None:
    wire = raw()
    content = body_for(zuora, 1)
    wire.send(post(zuora, b"Content-Length: %d" % len(content), b"Expect: 100-continue"))
    assert wire.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(content)
    assert b'"success":true' in wire.read_answer()[1]


def test_an_absolute_target_is_understood(zuora, raw) -> None:
    wire = raw()
    wire.send(get(zuora).replace(b"GET /v1", b"GET http://somewhere.example:80/v1"))
    assert b"entities" in wire.read_answer()[1]
    assert zuora.requests[0].path == "/v1/entities"


def test_an_answer_to_head_has_no_body(zuora, raw) -> None:
    wire = raw()
    wire.send(get(zuora).replace(b"GET", b"HEAD", 1) + get(zuora))
    assert status(wire.read_head()) == 405
    head, body = wire.read_answer()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"entities" in body


def test_a_client_that_only_stops_sending_still_gets_its_answer(zuora, raw) -> None:
    wire = raw()
    wire.send(get(zuora))
    wire.sock.shutdown(socket.SHUT_WR)
    assert b"entities" in wire.read_answer()[1]


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /v1/entities HTTP/2.0\r\n\r\n", 400),
        (b"GET /v1/entities  HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/entities HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /v1/entities HTTP/1.1\r\nName : x\r\n\r\n", 400),
        (b"GET /v1/entities HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET /v1/entities HTTP/1.1\r\n: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 8388609\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n800001\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000, 400),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_ends(zuora, raw, sent: bytes, answered: int) -> None:
    wire = raw()
    wire.send(sent)
    head, body = wire.read_answer()
    assert status(head) == answered
    assert b"\r\nConnection: close\r\n" in head
    assert body.startswith(b'{"message":')
    assert wire.read() == b""


@pytest.mark.parametrize("sent", [b"", b"GET /v1/ent", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_client_that_leaves_in_the_middle_harms_nobody(zuora, raw, sent: bytes) -> None:
    leaver, other = raw(), raw()
    leaver.send(sent)
    leaver.sock.shutdown(socket.SHUT_RDWR)
    other.send(get(zuora))
    assert b"entities" in other.read_answer()[1]


def test_an_idle_connection_is_closed_if_so_asked(raw) -> None:
    with ZuoraEmulator(keep_alive_seconds=0.05) as zuora:
        wire = raw(zuora)
        wire.send(get(zuora))
        assert b"entities" in wire.read_answer()[1]
        assert wire.read() == b"", "the server closes; the client did nothing"
