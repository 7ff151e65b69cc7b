"""Connections are reused only after a complete response, and closed on every other path."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support import FakeClock, ScriptedServer, reset, respond, respond_json
from support.authority import Authority
from support.calls import CALLS, KEYED, READS, WRITES, failure_of, refusal
from support.faulty import cut, drip, endless, hang_up, in_pieces, then_close
from support.leaks import free_slots, sockets_to
from support.proxy import Proxy
from support.scripted import Behaviour
from support.threads import wait_until
from support.wire import YES, Wire, silent

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.exceptions import ApiConnectionError, ApiException, TlsError

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="sockets are counted by Linux's own table")

EVIL = respond_json({"success": True, "id": "evil", "entityConnections": []})
GOOD = respond_json({"success": True, "id": "good", "entityConnections": []})
CHUNKED = {"Transfer-Encoding": "chunked"}
# Exactly as long as the read buffer, so that no extra byte is read with the response.
PADDED = GOOD.replace(
    b"Content-Type", b"X-Pad: " + b"x" * (io.DEFAULT_BUFFER_SIZE - len(GOOD) - 9) + b"\r\nContent-Type"
)


def tls_client(server: ScriptedServer, authority: Authority, **settings: Any) -> ApiClient:
    return ApiClient(Configuration(server.url, ssl_ca_cert=authority.file, **settings), clock=FakeClock())


# -- closed after anything but a complete response ------------------------------------------------------------------

BROKEN: dict[str, Behaviour] = {
    "reset": reset,
    "closed without a response": hang_up,
    "truncated head": cut(YES, 30),
    "truncated body": cut(YES, len(YES) - 3),
    "truncated chunk": cut(respond(200, b"ff\r\n{", CHUNKED), 1000),
    "malformed chunk": respond(200, b"zz\r\n{}\r\n0\r\n\r\n", CHUNKED),
    "endless chunks": endless(respond(200, b"", CHUNKED), b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "endless body": endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 4096),
    "endless head": endless(b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 4096 + b"\r\n"),
    "endless line": endless(b"HTTP/1.1 200 ", b"z" * 4096),
    "too large": respond(200, b" " * 300_000),
    "repeated coding": respond(200, b"{}", {"Content-Encoding": "gzip, gzip"}),
    "invalid gzip": respond(200, b"{}" + b" " * 70000, {"Content-Encoding": "gzip"}),
    "conflicting lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no response": silent,
}
COMPLETE = {
    "refusal": refusal(50000030),
    "404": refusal(50000040, status=404),
    "500": respond(500, b"<html>"),
    "redirect": respond(302, b"elsewhere", {"Location": "/x"}),
    "not JSON": respond(200, b"<html>"),
    "wrong container": respond_json([]),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("call", ["GET", "POST", "PUT disconnect"])
def test_broken_response_closes_connection(fault: str, call: str) -> None:
    with Wire(BROKEN[fault], read_timeout=0.1, deadline=0.3, max_response_bytes=65536, max_attempts=2) as wire:
        error = failure_of(CALLS[call], wire.api)
        # The error is still referenced, with all frames of its traceback.
        assert error.outcome == "unknown" or call == "GET"
        assert sockets_to(wire.server.port) == []
        assert free_slots(wire.client)


@pytest.mark.parametrize("fault", COMPLETE)
@pytest.mark.parametrize("call", ["GET", "PUT disconnect"])
def test_complete_response_keeps_connection(fault: str, call: str) -> None:
    with Wire(COMPLETE[fault], YES, max_attempts=1) as wire:
        failure_of(CALLS[call], wire.api)
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]
        assert free_slots(wire.client)
        CALLS["PUT accept"](wire.api)
        assert wire.server.connections == 1


def test_deadline_during_body_closes_connection() -> None:
    for data in (YES, YES.replace(b"200", b"404")):
        with ScriptedServer(drip(data, 0.05)) as server, ApiClient(Configuration(server.url, deadline=1)) as client:
            error = failure_of(CALLS["PUT accept"], EntityConnectionsApi(client))
            assert error.outcome == "unknown"
            assert sockets_to(server.port) == []
            assert free_slots(client)


def test_broken_token_response_closes_connection() -> None:
    for fault in ("reset", "truncated body", "too large", "repeated coding"):
        with Wire(BROKEN[fault], client_id="id", client_secret="secret", max_response_bytes=65536) as wire:
            error = failure_of(CALLS["PUT accept"], wire.api)
            assert error.outcome == "not_sent"
            assert sockets_to(wire.server.port) == []
            assert free_slots(wire.client)


PROXIES: dict[str, Behaviour] = {
    "refuses": respond(403, b"no"),
    "closes early": cut(b"HTTP/1.1 200 Connection established\r\n", 20),
    "closes": hang_up,
    "resets": reset,
    "does not respond": silent,
    "is not followed by TLS": in_pieces(b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("fault", PROXIES)
def test_failed_tunnel_closes_connection(fault: str) -> None:
    with ScriptedServer(PROXIES[fault]) as server:
        settings = Configuration("https://zuora.invalid", proxy=server.url, deadline=0.5, max_attempts=2)
        with ApiClient(settings) as client:
            error = failure_of(CALLS["PUT disconnect"], EntityConnectionsApi(client))
            assert error.outcome == "not_sent"
            assert sockets_to(server.port) == []
            assert free_slots(client)
        assert {request.method for request in server.requests} == {"CONNECT"}


def test_http_host_through_https_proxy(authority: Authority) -> None:
    """Requests to a plain http host through an https proxy are forwarded, not tunneled."""
    with ScriptedServer(YES, ssl_context=authority.server()) as proxy:
        settings = Configuration("http://zuora.invalid", proxy=proxy.url, ssl_ca_cert=authority.file)
        with ApiClient(settings, clock=FakeClock()) as client:
            for _ in range(2):
                assert CALLS["PUT accept"](EntityConnectionsApi(client)).success
        assert {request.line.partition("8a80")[0] for request in proxy.requests} == {
            "PUT http://zuora.invalid/v1/entity-connections/"
        }
        assert proxy.connections == 1


# -- Ctrl-C ---------------------------------------------------------------------------------------------------------


class CtrlC(BaseException):
    """Stands in for KeyboardInterrupt, which would end the test run if it were raised outside the call."""


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    def handle(*_: object) -> None:
        raise CtrlC

    before = signal.signal(signal.SIGUSR1, handle)
    yield
    signal.signal(signal.SIGUSR1, before)


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def interrupted_sleep(_: float) -> None:
    interrupt()
    # Long enough for the signal to arrive.
    time.sleep(0.2)


def interrupt_after(data: bytes) -> Any:
    """Send the beginning of a response, then interrupt the client."""

    def behave(sock: socket.socket, _: Any) -> None:
        sock.sendall(data)
        # The client is in its read or about to read: both can be interrupted.
        time.sleep(0.05)
        interrupt()
        sock.recv(1)

    return behave


class TimeLimit(Exception):
    """Like Celery's SoftTimeLimitExceeded: an ordinary exception, raised by a signal handler."""


@pytest.mark.parametrize("data", [b"", YES[:20], YES[:-5]], ids=["before the headers", "in the headers", "in the body"])
@pytest.mark.parametrize("during", ["a call", "a token request"])
def test_exceptions_of_signal_handlers_propagate(data: bytes, during: str) -> None:
    """An exception that a signal handler raises (e.g. a time limit) is not mapped to a transport error."""

    def handle(*_: object) -> None:
        raise TimeLimit

    credentials = {"client_id": "id", "client_secret": "secret"} if "token" in during else {}
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with Wire(interrupt_after(data), GOOD, **credentials) as wire:
            with pytest.raises(TimeLimit):
                CALLS["PUT accept"](wire.api)
            assert len(wire.requests) == 1
            assert sockets_to(wire.server.port) == []
            assert free_slots(wire.client)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("data", [b"", YES[:20], YES[:-5]], ids=["before the headers", "in the headers", "in the body"])
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_closes_connection(data: bytes) -> None:
    with Wire(interrupt_after(data), GOOD) as wire:
        with pytest.raises(CtrlC):
            CALLS["PUT accept"](wire.api)
        assert sockets_to(wire.server.port) == []
        assert free_slots(wire.client)
        assert CALLS["POST"](wire.api).id == "good"


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_backoff() -> None:
    """The client is usable after Ctrl-C during a wait between attempts."""
    with Wire(respond(502), GOOD) as wire:
        wire.clock.sleep = interrupted_sleep  # type: ignore[method-assign, assignment]
        with pytest.raises(CtrlC):
            CALLS["GET"](wire.api)
        assert CALLS["POST"](wire.api).id == "good"


# -- extra bytes after a response -----------------------------------------------------------------------------------

EXTRA_BYTES = {
    "one byte": GOOD + b"x",
    "a line": GOOD + b"\r\n",
    "a response": GOOD + EVIL,
    "after a full buffer": PADDED + EVIL,
    "half a response": GOOD + EVIL[:30],
    "many responses": GOOD + EVIL * 500,
    "after chunks": respond(200, b"2\r\n{}\r\n0\r\n\r\n", CHUNKED) + EVIL,
    "after trailers": respond(200, b"2\r\n{}\r\n0\r\nX-Y: z\r\n\r\n", CHUNKED) + EVIL,
    "after an empty body": respond(200) + EVIL,
    "after 204": respond(204) + EVIL,
    "a body of 204": respond(204, EVIL),
    "after a refusal": refusal(50000030) + EVIL,
    "after 404": respond(404) + EVIL,
}


class SendAll:
    """A behaviour: send data in one or two pieces. `sent` is set after the last, before the next request.

    Bytes that arrive after the next request was sent cannot be told from the response to that request.
    """

    def __init__(self, data: bytes, pieces: int = 1) -> None:
        self._pieces = [data] if pieces == 1 else [data[:-1], data[-1:]]
        self.sent = threading.Event()

    def __call__(self, sock: socket.socket, _: Any) -> bool:
        try:
            for piece in self._pieces:
                sock.sendall(piece)
        finally:  # the client may have closed already
            self.sent.set()
        return True


def check_responses(api: EntityConnectionsApi, first: SendAll, server: ScriptedServer) -> None:
    # Some of the first responses are errors.
    with contextlib.suppress(ApiException):
        CALLS["PUT accept"](api)
    assert first.sent.wait(20)
    for _ in range(2):
        assert CALLS["POST"](api).id == "good"
    assert [request.method for request in server.requests] == ["PUT", "POST", "POST"]
    assert server.connections == 2


@pytest.mark.parametrize("extra", EXTRA_BYTES)
@pytest.mark.parametrize("pieces", [1, 2])
def test_extra_bytes_are_not_read(extra: str, pieces: int) -> None:
    """Bytes after a response are never read as the response to the next request."""
    first = SendAll(EXTRA_BYTES[extra], pieces)
    with Wire(first, GOOD) as wire:
        check_responses(wire.api, first, wire.server)


@pytest.mark.parametrize("extra", EXTRA_BYTES)
@pytest.mark.parametrize("pieces", [1, 2])
def test_extra_bytes_over_tls(extra: str, pieces: int, authority: Authority) -> None:
    # Two pieces are two TLS records: the second is in the socket or in the TLS layer.
    first = SendAll(EXTRA_BYTES[extra], pieces)
    server = ScriptedServer(first, GOOD, ssl_context=authority.server())
    with server, tls_client(server, authority) as client:
        check_responses(EntityConnectionsApi(client), first, server)


@pytest.mark.parametrize("extra", ["one byte", "a response", "after a full buffer", "after chunks"])
@pytest.mark.parametrize("over_tls", [False, True], ids=["http proxy", "https proxy"])
def test_extra_bytes_through_tunnel(extra: str, over_tls: bool, authority: Authority) -> None:
    # One piece: a proxy may relay a second one after the next request was sent.
    first = SendAll(EXTRA_BYTES[extra])
    with (
        ScriptedServer(first, GOOD, ssl_context=authority.server()) as server,
        Proxy(tunnel_to=server.port, ssl_context=authority.server("127.0.0.1") if over_tls else None) as proxy,
        tls_client(server, authority, proxy=proxy.url) as client,
    ):
        check_responses(EntityConnectionsApi(client), first, server)


@pytest.mark.parametrize("over_tls", [False, True], ids=["http proxy", "https proxy"])
def test_tunnel_is_reused(over_tls: bool, authority: Authority) -> None:
    with (
        ScriptedServer(GOOD, ssl_context=authority.server()) as server,
        Proxy(tunnel_to=server.port, ssl_context=authority.server("127.0.0.1") if over_tls else None) as proxy,
        tls_client(server, authority, proxy=proxy.url) as client,
    ):
        for _ in range(3):
            CALLS["PUT accept"](EntityConnectionsApi(client))
        assert (server.connections, proxy.connections) == (1, 1)


def test_extra_bytes_on_idle_connection() -> None:
    """Bytes that arrive while a connection is idle are never read as the next response."""
    response_read, sent = threading.Event(), threading.Event()

    def behave(sock: socket.socket, _: Any) -> bool:
        sock.sendall(YES)
        response_read.wait(20)
        sock.sendall(EVIL)
        sent.set()
        return True

    with Wire(behave, GOOD) as wire:
        CALLS["PUT accept"](wire.api)
        response_read.set()
        assert sent.wait(20)
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 2


def test_extra_body_after_head_request() -> None:
    """A body sent in response to HEAD is never read as the next response."""
    with Wire(EVIL, GOOD) as wire:
        wire.client.call_api("/v1/x", "HEAD")
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 2


@pytest.mark.parametrize("status", [102, 103, 199])
def test_interim_response_is_not_final(status: int) -> None:
    interim = f"HTTP/1.1 {status} Wait\r\nLink: </x>\r\n\r\n".encode()
    with Wire(in_pieces(interim, YES), in_pieces(interim, interim, GOOD), GOOD) as wire:
        assert CALLS["PUT accept"](wire.api).success
        assert CALLS["POST"](wire.api).id == "good"
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 1


# -- reuse ----------------------------------------------------------------------------------------------------------

KEPT = {
    "length": GOOD,
    "chunked": respond(200, b'5;ext=1\r\n{"id"\r\n17\r\n:"good","success":true}\r\n0\r\n\r\n', CHUNKED),
    "trailers": respond(200, b'1c\r\n{"id":"good","success":true}\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n', CHUNKED),
    "100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
    "100 Continue twice": b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 2 + GOOD,
}


@pytest.mark.parametrize("form", KEPT)
def test_connection_kept_after_complete_response(form: str) -> None:
    with Wire(KEPT[form]) as wire:
        for call in ("POST", "PUT accept", "POST"):
            CALLS[call](wire.api)
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 1
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]


@pytest.mark.parametrize(
    "empty", [b"HTTP/1.1 204 Done\r\n\r\n", respond(204), respond(204, b"", {"Content-Encoding": "gzip"})]
)
def test_connection_kept_after_empty_success(empty: bytes) -> None:
    with Wire(empty) as wire:
        for _ in range(3):
            assert CALLS["PUT accept"](wire.api).success is None
        assert wire.server.connections == 1


def test_connection_kept_after_empty_200() -> None:
    """An empty 200 leaves the write in doubt; it was read to its end all the same."""
    with Wire(respond(200)) as wire:
        for _ in range(3):
            assert failure_of(CALLS["PUT accept"], wire.api).outcome == "unknown"
        assert wire.server.connections == 1


CLOSED = {
    "Connection: close": respond(200, b'{"id":"good"}', {"Connection": "close"}),
    "Connection: close without a length": b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"id":"good"}',
    "HTTP/1.0": b'HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\n{"id":"good"}',
    "HTTP/1.0 without a length": b'HTTP/1.0 200 OK\r\n\r\n{"id":"good"}',
}


@pytest.mark.parametrize("form", CLOSED)
def test_connection_closed_as_server_announced(form: str) -> None:
    with Wire(then_close(CLOSED[form])) as wire:
        for _ in range(3):
            assert CALLS["POST"](wire.api).id == "good"
            assert sockets_to(wire.server.port) == []
            assert free_slots(wire.client)
        assert wire.server.connections == 3


@pytest.mark.parametrize("form", ["HTTP/1.0 without a length", "Connection: close without a length"])
def test_empty_body_until_close_is_unknown(form: str) -> None:
    """An empty 2xx body that only the end of the connection delimits is not a success: a refusal may have been lost."""
    head = CLOSED[form].partition(b"{")[0]
    with Wire(then_close(head)) as wire:
        assert failure_of(CALLS["PUT accept"], wire.api).outcome == "unknown"


def test_no_content_without_length() -> None:
    with Wire(then_close(b"HTTP/1.0 204 No Content\r\n\r\n")) as wire:
        assert CALLS["PUT accept"](wire.api).success is None


@pytest.mark.parametrize("call", CALLS)
def test_connection_closed_by_server_is_replaced(call: str) -> None:
    with Wire(then_close(YES), GOOD) as wire:
        CALLS["PUT accept"](wire.api)
        wait_until(lambda: sockets_to(wire.server.port) == ["CLOSE_WAIT"])
        CALLS[call](wire.api)
        assert (len(wire.requests), wire.server.connections, wire.clock.sleeps) == (2, 2, [])


@pytest.mark.parametrize("call", [*KEYED, *WRITES])
def test_idle_connection_carries_no_write(call: str) -> None:
    with Wire() as wire:
        CALLS["GET"](wire.api)
        wire.clock.advance(2.1)
        CALLS[call](wire.api)
        assert wire.server.connections == 2
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]


@pytest.mark.parametrize("call", READS)
def test_idle_connection_carries_reads(call: str) -> None:
    with Wire() as wire:
        CALLS["PUT accept"](wire.api)
        wire.clock.advance(3600)
        CALLS[call](wire.api)
        assert wire.server.connections == 1


@pytest.mark.parametrize("over_tls", [False, True], ids=["http proxy", "https proxy"])
def test_idle_tunnel_carries_no_write(over_tls: bool, authority: Authority) -> None:
    """The write goes through a tunnel of its own, which is opened like the first."""
    with (
        ScriptedServer(GOOD, ssl_context=authority.server()) as server,
        Proxy(tunnel_to=server.port, ssl_context=authority.server("127.0.0.1") if over_tls else None) as proxy,
        tls_client(server, authority, proxy=proxy.url, max_attempts=1) as client,
    ):
        for _ in range(2):
            assert CALLS["PUT accept"](EntityConnectionsApi(client)).success
            client.clock.advance(2.1)  # type: ignore[attr-defined]
        assert (server.connections, proxy.connections) == (2, 2)
        assert len(server.requests) == 2


def test_idle_time_counts_from_last_use() -> None:
    with Wire() as wire:
        for call in ("PUT accept", "GET", "PUT deny"):
            CALLS[call](wire.api)
            wire.clock.advance(1.9)
        assert wire.server.connections == 1


# -- TLS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
def test_untrusted_certificate_ends_call(call: str, authority: Authority) -> None:
    with ScriptedServer(YES, ssl_context=authority.server()) as server:
        # certifi's bundle does not contain this authority.
        with ApiClient(Configuration(server.url), clock=FakeClock()) as client:
            error = failure_of(CALLS[call], EntityConnectionsApi(client))
            assert (type(error), error.outcome, len(error.attempts)) == (TlsError, "not_sent", 1)
            assert sockets_to(server.port) == []
            assert free_slots(client)
        assert server.requests == []


def test_wrong_host_name_ends_call(authority: Authority) -> None:
    server = ScriptedServer(YES, ssl_context=authority.server("other.example"))
    with server, tls_client(server, authority) as client:
        error = failure_of(CALLS["PUT accept"], EntityConnectionsApi(client))
        assert (type(error), error.outcome, len(error.attempts)) == (TlsError, "not_sent", 1)
        assert sockets_to(server.port) == []
        assert server.requests == []


def test_broken_handshake_is_retried(authority: Authority) -> None:
    def close_first_connection(plain: socket.socket, _: None) -> bool:
        return server.connections > 1 or not plain.recv(1)

    server = ScriptedServer(YES, ssl_context=authority.server(), on_accept=close_first_connection)
    with server, tls_client(server, authority) as client:
        assert CALLS["PUT accept"](EntityConnectionsApi(client)).success
        assert (server.connections, len(server.requests)) == (2, 1)


def test_tls_connection_is_reused(authority: Authority) -> None:
    with ScriptedServer(YES, ssl_context=authority.server()) as server, tls_client(server, authority) as client:
        for _ in range(5):
            CALLS["PUT accept"](EntityConnectionsApi(client))
        assert server.connections == 1


def test_truncated_response_over_tls(authority: Authority) -> None:
    server = ScriptedServer(cut(YES, len(YES) - 1), ssl_context=authority.server())
    with server, tls_client(server, authority) as client:
        error = failure_of(CALLS["PUT accept"], EntityConnectionsApi(client))
        assert type(error.__cause__) is ApiConnectionError
        assert error.outcome == "unknown"
        assert sockets_to(server.port) == []


@pytest.mark.parametrize("call", CALLS)
def test_tls_error_after_request_was_sent(call: str, authority: Authority) -> None:
    """A TLS error after the request was sent is a lost response, not a TlsError."""

    def send_invalid_record(sock: socket.socket, _: Any) -> None:
        # An unencrypted record, written to the socket below the TLS layer.
        os.write(sock.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
        sock.recv(1)

    with ScriptedServer(send_invalid_record, ssl_context=authority.server()) as server:
        with tls_client(server, authority) as client:
            error = failure_of(CALLS[call], EntityConnectionsApi(client))
        assert error.outcome == "unknown"
        assert len(server.requests) == (1 if call in WRITES else 3)
        assert not isinstance(error, TlsError)


# -- the pool -------------------------------------------------------------------------------------------------------


def test_more_threads_than_pool_slots() -> None:
    """After concurrent calls the pool keeps no more connections than connection_pool_maxsize."""
    all_received = threading.Barrier(8)

    def behave(sock: socket.socket, _: Any) -> bool:
        all_received.wait(20)
        sock.sendall(YES)
        return True

    with Wire(behave, connection_pool_maxsize=2) as wire:
        threads = [threading.Thread(target=CALLS["GET"], args=(wire.api,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert wire.server.connections == 8
        assert len(sockets_to(wire.server.port)) == 2
        assert free_slots(wire.client)


def test_pool_counts_requests_and_connections() -> None:
    """A program that watches the pools of urllib3 finds its counters there, retries included."""
    with Wire(YES, reset, YES) as wire:
        for _ in range(2):
            assert CALLS["GET"](wire.api).success
        pool: Any = wire.client.rest_client.pool_manager.connection_from_url(wire.server.url)
        assert (pool.num_requests, pool.num_connections) == (3, wire.server.connections)


def test_each_host_keeps_its_connection() -> None:
    servers = [ScriptedServer(YES) for _ in range(12)]
    with Wire() as wire:
        try:
            for server in servers:
                server.__enter__()
            for server in servers * 2:
                wire.client.request("GET", server.url + "/v1/x")
            assert [server.connections for server in servers] == [1] * 12
        finally:
            for server in servers:
                server.__exit__()
