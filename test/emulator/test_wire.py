"""HTTP/1.1 framing, keep-alive, and malformed requests."""

from __future__ import annotations

import socket
import threading

import pytest
from support.emulator_clients import ConnectRaw

from zuora_client.emulator import ZuoraEmulator
from zuora_client.emulator.wire import Wire

GET = b"GET /v1/entities HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n%s\r\n"


def get(zuora: ZuoraEmulator, *fields: bytes) -> bytes:
    return GET % (zuora.issue_token().encode(), b"".join(field + b"\r\n" for field in fields))


def post(zuora: ZuoraEmulator, *fields: bytes) -> bytes:
    lines = [
        b"POST /v1/entity-connections HTTP/1.1",
        b"Host: h",
        b"Content-Type: application/json",
        b"Authorization: Bearer " + zuora.issue_token(zuora.entities[0]).encode(),
        *fields,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def body_for(zuora: ZuoraEmulator, target: int) -> bytes:
    return b'{"targetEntityId":"%s"}' % zuora.entities[target].id.encode()


def status(head: bytes) -> int:
    return int(head.split(b" ")[1])


def test_connection_carries_several_requests(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    for _ in range(3):
        connection.send(get(zuora))
        head, body = connection.read_response()
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body.endswith(b'"success":true}')
        assert b"\r\nDate: " in head
        assert b"connection: close" not in head.lower()
    assert {request.connection_id for request in zuora.requests} == {1}


def test_pipelined_and_byte_by_byte_requests(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    """Requests are separated whether they arrive at once or byte by byte."""
    connection = raw()
    content = body_for(zuora, 1)
    everything = post(zuora, b"Content-Length: %d" % len(content)) + content + get(zuora) + get(zuora)
    connection.send(everything)
    assert b'"id"' in connection.read_response()[1]
    assert all(b"entities" in connection.read_response()[1] for _ in range(2))
    slow = raw()
    for byte in get(zuora):
        slow.send(bytes((byte,)))
    assert b"entities" in slow.read_response()[1]


def test_head_split_at_every_byte(zuora: ZuoraEmulator) -> None:
    class OneByteSocket:
        """A socket that returns one byte at a time."""

        def __init__(self, data: bytes) -> None:
            self.remaining = list(data)

        def recv(self, _size: int) -> bytes:
            return bytes((self.remaining.pop(0),)) if self.remaining else b""

    wire = Wire(OneByteSocket(get(zuora) + b"GET /next HTTP/1.1\r\nA: b\r\n\r\n"), 1, threading.Event())  # type: ignore[arg-type]
    first, second = wire.read_head(), wire.read_head()
    assert first is not None
    assert second is not None
    assert [first.path, second.path] == ["/v1/entities", "/next"]
    assert second.headers["A"] == "b"
    assert wire.read_head() is None


def test_connection_close_is_honored(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    connection.send(get(zuora, b"Connection: TE, Close"))
    head, _ = connection.read_response()
    assert b"\r\nConnection: close\r\n" in head
    assert connection.read() == b""


def test_http_1_0_request_closes_connection(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    connection.send(get(zuora).replace(b"HTTP/1.1", b"HTTP/1.0"))
    head, body = connection.read_response()
    assert (status(head), body[-1:]) == (200, b"}")
    assert connection.read() == b""


def test_next_page_without_host_header(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    for _ in range(31):
        zuora.add_connection(zuora.entities[0], zuora.entities[1], "Disconnected")
    connection = raw()
    token = zuora.issue_token(zuora.entities[0]).encode()
    connection.send(b"GET /v1/entity-connections HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n" % token)
    assert f'"nextPage":"{zuora.url}/v1/entity-connections?page=2'.encode() in connection.read_response()[1]


def test_chunked_request_body(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    content = body_for(zuora, 1)
    chunks = b"A;ext=1\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (content[:10], len(content) - 10, content[10:])
    connection.send(post(zuora, b"Transfer-Encoding: chunked") + chunks + get(zuora))
    assert b'"success":true' in connection.read_response()[1]
    assert zuora.requests[0].body == content
    assert b"entities" in connection.read_response()[1], "the next request begins where the chunks end"


def test_expect_100_continue(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    content = body_for(zuora, 1)
    connection.send(post(zuora, b"Content-Length: %d" % len(content), b"Expect: 100-continue"))
    assert connection.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(content)
    assert b'"success":true' in connection.read_response()[1]


def test_absolute_form_target(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    connection.send(get(zuora).replace(b"GET /v1", b"GET http://somewhere.example:80/v1"))
    assert b"entities" in connection.read_response()[1]
    assert zuora.requests[0].path == "/v1/entities"


def test_response_to_head_has_no_body(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    connection.send(get(zuora).replace(b"GET", b"HEAD", 1) + get(zuora))
    assert status(connection.read_head()) == 405
    head, body = connection.read_response()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"entities" in body


def test_half_closed_client_gets_response(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    """A client that shuts down only its sending side gets its response."""
    connection = raw()
    connection.send(get(zuora))
    connection.sock.shutdown(socket.SHUT_WR)
    assert b"entities" in connection.read_response()[1]


@pytest.mark.parametrize(
    ("sent", "expected"),
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
def test_malformed_request_closes_connection(zuora: ZuoraEmulator, raw: ConnectRaw, sent: bytes, expected: int) -> None:
    connection = raw()
    connection.send(sent)
    head, body = connection.read_response()
    assert status(head) == expected
    assert b"\r\nConnection: close\r\n" in head
    assert body.startswith(b'{"message":')
    assert connection.read() == b""


@pytest.mark.parametrize("sent", [b"", b"GET /v1/ent", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"])
def test_disconnect_in_mid_request(zuora: ZuoraEmulator, raw: ConnectRaw, sent: bytes) -> None:
    """A client that disconnects in the middle of a request does not affect others."""
    disconnecting, other = raw(), raw()
    disconnecting.send(sent)
    disconnecting.sock.shutdown(socket.SHUT_RDWR)
    other.send(get(zuora))
    assert b"entities" in other.read_response()[1]


def test_idle_connection_is_closed(raw: ConnectRaw) -> None:
    """With `keep_alive_seconds`, the server closes an idle connection."""
    with ZuoraEmulator(keep_alive_seconds=0.05) as zuora:
        connection = raw(zuora)
        connection.send(get(zuora))
        assert b"entities" in connection.read_response()[1]
        assert connection.read() == b"", "closed by the server"
