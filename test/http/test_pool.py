"""Connections: kept after a whole and exact answer, closed on every other path, never a source of wrong answers."""

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
from support import FakeClock, ScriptedServer, answer, json_answer, reset
from support.authority import Authority
from support.calls import CALLS, KEYED, READS, WRITES, failure_of, refusal
from support.faulty import cut, drip, endless, hang_up, in_pieces, then_close
from support.leaks import free_slots, sockets_to, wait_until
from support.relay import Relay
from support.wire import YES, Wire, silent

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.exceptions import ApiConnectionError, ApiException, TlsError

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="sockets are counted by Linux's own table")

EVIL = json_answer({"success": True, "id": "evil", "entityConnections": []})
GOOD = json_answer({"success": True, "id": "good", "entityConnections": []})
CHUNKED = {"Transfer-Encoding": "chunked"}
# As long as what is read at once, so that nothing of what follows is read with it.
PADDED = GOOD.replace(
    b"Content-Type", b"X-Pad: " + b"x" * (io.DEFAULT_BUFFER_SIZE - len(GOOD) - 9) + b"\r\nContent-Type"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def tls_client(server: ScriptedServer, authority: Authority, **settings: Any) -> ApiClient:
    return ApiClient(Configuration(server.url, ssl_ca_cert=authority.file, **settings), clock=FakeClock())


# -- closed on every path that is not a whole answer ----------------------------------------------------------------

BROKEN = {
    "reset": reset,
    "closed without an answer": hang_up,
    "truncated head": cut(YES, 30),
    "truncated body": cut(YES, len(YES) - 3),
    "truncated chunk": cut(answer(200, b"ff\r\n{", CHUNKED), 1000),
    "malformed chunk": answer(200, b"zz\r\n{}\r\n0\r\n\r\n", CHUNKED),
    "endless chunks": endless(answer(200, b"", CHUNKED), b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "endless body": endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 4096),
    "endless head": endless(b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 4096 + b"\r\n"),
    "endless line": endless(b"HTTP/1.1 200 ", b"z" * 4096),
    "too large": answer(200, b" " * 300_000),
    "two codings": answer(200, b"{}", {"Content-Encoding": "gzip, gzip"}),
    "no gzip": answer(200, b"{}" + b" " * 70000, {"Content-Encoding": "gzip"}),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "never answered": silent,
}
WHOLE = {
    "refusal": refusal(50000030),
    "404": refusal(50000040, status=404),
    "500": answer(500, b"<html>"),
    "redirect": answer(302, b"elsewhere", {"Location": "/x"}),
    "no JSON": answer(200, b"<html>"),
    "wrong container": json_answer([]),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("call", ["GET", "POST", "PUT disconnect"])
def test_broken_answer_leaves_nothing_open(fault: str, call: str) -> None:
    with Wire(BROKEN[fault], read_timeout=0.1, deadline=0.3, max_response_bytes=65536, max_attempts=2) as wire:
        error = failure_of(CALLS[call], wire.api)
        # The error is still here, with all that its traceback holds.
        assert error.outcome == "unknown" or call == "GET"
        assert sockets_to(wire.server.port) == []
        assert free_slots(wire.client)


@pytest.mark.parametrize("fault", WHOLE)
@pytest.mark.parametrize("call", ["GET", "PUT disconnect"])
def test_whole_answer_keeps_the_connection(fault: str, call: str) -> None:
    with Wire(WHOLE[fault], YES, max_attempts=1) as wire:
        failure_of(CALLS[call], wire.api)
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]
        assert free_slots(wire.client)
        CALLS["PUT accept"](wire.api)
        assert wire.server.connections == 1


def test_an_answer_that_the_deadline_cut_off_leaves_nothing_open() -> None:
    for data in (YES, YES.replace(b"200", b"404")):
        with ScriptedServer(drip(data, 0.05)) as server, ApiClient(Configuration(server.url, deadline=1)) as client:
            error = failure_of(CALLS["PUT accept"], EntityConnectionsApi(client))
            assert error.outcome == "unknown"
            assert sockets_to(server.port) == []
            assert free_slots(client)


def test_broken_answers_of_the_token_endpoint_leave_nothing_open() -> None:
    for fault in ("reset", "truncated body", "too large", "two codings"):
        with Wire(BROKEN[fault], client_id="id", client_secret="secret", max_response_bytes=65536) as wire:
            error = failure_of(CALLS["PUT accept"], wire.api)
            assert error.outcome == "not_sent"
            assert sockets_to(wire.server.port) == []
            assert free_slots(wire.client)


PROXIES = {
    "refuses": answer(403, b"no"),
    "breaks off": cut(b"HTTP/1.1 200 Connection established\r\n", 20),
    "closes": hang_up,
    "resets": reset,
    "is silent": silent,
    "speaks no TLS": in_pieces(b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("fault", PROXIES)
def test_failed_tunnel_leaves_nothing_open(fault: str) -> None:
    with ScriptedServer(PROXIES[fault]) as server:
        settings = Configuration("https://zuora.invalid", proxy=server.url, deadline=0.5, max_attempts=2)
        with ApiClient(settings) as client:
            error = failure_of(CALLS["PUT disconnect"], EntityConnectionsApi(client))
            assert error.outcome == "not_sent"
            assert sockets_to(server.port) == []
            assert free_slots(client)
        assert {request.method for request in server.requests} == {"CONNECT"}


def test_a_plain_host_behind_a_proxy_over_tls_is_asked_without_a_tunnel(authority: Authority) -> None:
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
    """As KeyboardInterrupt, which would end the run of the tests if it came at another moment than planned."""


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    def handle(*_: object) -> None:
        raise CtrlC

    before = signal.signal(signal.SIGUSR1, handle)
    yield
    signal.signal(signal.SIGUSR1, before)


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def interrupted(_: float) -> None:
    interrupt()
    # Long enough for the signal to be noticed.
    time.sleep(0.2)


def pressed_after(data: bytes) -> Any:
    """Send the beginning of an answer; then somebody presses Ctrl-C."""

    def behave(sock: socket.socket, _: Any) -> None:
        sock.sendall(data)
        # The client is in its read, or on the way there, where the signal meets it as well.
        time.sleep(0.05)
        interrupt()
        sock.recv(1)

    return behave


class TimeLimit(Exception):
    """As Celery's SoftTimeLimitExceeded: an exception like any other, raised by the handler of a signal."""


@pytest.mark.parametrize("data", [b"", YES[:20], YES[:-5]], ids=["before the head", "in the head", "in the body"])
@pytest.mark.parametrize("during", ["a call", "a fetch of a token"])
def test_a_time_limit_of_the_callers_is_not_taken_for_trouble_on_the_way(data: bytes, during: str) -> None:
    def handle(*_: object) -> None:
        raise TimeLimit

    credentials = {"client_id": "id", "client_secret": "secret"} if "token" in during else {}
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with Wire(pressed_after(data), GOOD, **credentials) as wire:
            with pytest.raises(TimeLimit):
                CALLS["PUT accept"](wire.api)
            assert len(wire.requests) == 1
            assert sockets_to(wire.server.port) == []
            assert free_slots(wire.client)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("data", [b"", YES[:20], YES[:-5]], ids=["before the head", "in the head", "in the body"])
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_closes_the_connection(data: bytes) -> None:
    with Wire(pressed_after(data), GOOD) as wire:
        with pytest.raises(CtrlC):
            CALLS["PUT accept"](wire.api)
        assert sockets_to(wire.server.port) == []
        assert free_slots(wire.client)
        assert CALLS["POST"](wire.api).id == "good"


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_a_wait_leaves_a_client_that_works() -> None:
    with Wire(answer(502), GOOD) as wire:
        wire.clock.sleep = interrupted  # type: ignore[method-assign]
        with pytest.raises(CtrlC):
            CALLS["GET"](wire.api)
        assert CALLS["POST"](wire.api).id == "good"


# -- an answer belongs to its request -------------------------------------------------------------------------------

LEFTOVERS = {
    "one byte": GOOD + b"x",
    "a line": GOOD + b"\r\n",
    "a whole answer": GOOD + EVIL,
    "behind a full buffer": PADDED + EVIL,
    "half an answer": GOOD + EVIL[:30],
    "much": GOOD + EVIL * 500,
    "after chunks": answer(200, b"2\r\n{}\r\n0\r\n\r\n", CHUNKED) + EVIL,
    "after trailers": answer(200, b"2\r\n{}\r\n0\r\nX-Y: z\r\n\r\n", CHUNKED) + EVIL,
    "after nothing": answer(200) + EVIL,
    "after 204": answer(204) + EVIL,
    "a body of 204": answer(204, EVIL),
    "after a refusal": refusal(50000030) + EVIL,
    "after 404": answer(404) + EVIL,
}


class Saying:
    """Say all of it in so many pieces; `said` is set when the last has left, and so lies where the client would find
    it. What comes even later, when the next request is on its way, no client could tell from an answer to that."""

    def __init__(self, data: bytes, pieces: int = 1) -> None:
        self._pieces = [data] if pieces == 1 else [data[:-1], data[-1:]]
        self.said = threading.Event()

    def __call__(self, sock: socket.socket, _: Any) -> bool:
        try:
            for piece in self._pieces:
                sock.sendall(piece)
        finally:  # a client that has closed already does not want the rest
            self.said.set()
        return True


def check_own_answers(api: EntityConnectionsApi, first: Saying, server: ScriptedServer) -> None:
    # Some of the first answers say no.
    with contextlib.suppress(ApiException):
        CALLS["PUT accept"](api)
    assert first.said.wait(20)
    for _ in range(2):
        assert CALLS["POST"](api).id == "good"
    assert [request.method for request in server.requests] == ["PUT", "POST", "POST"]
    assert server.connections == 2


@pytest.mark.parametrize("leftover", LEFTOVERS)
@pytest.mark.parametrize("pieces", [1, 2])
def test_leftovers_never_meet_the_next_request(leftover: str, pieces: int) -> None:
    first = Saying(LEFTOVERS[leftover], pieces)
    with Wire(first, GOOD) as wire:
        check_own_answers(wire.api, first, wire.server)


@pytest.mark.parametrize("leftover", LEFTOVERS)
@pytest.mark.parametrize("pieces", [1, 2])
def test_leftovers_never_meet_the_next_request_over_tls(leftover: str, pieces: int, authority: Authority) -> None:
    # Two pieces are two records: the second lies in the socket, or TLS has it already.
    first = Saying(LEFTOVERS[leftover], pieces)
    server = ScriptedServer(first, GOOD, ssl_context=authority.server())
    with server, tls_client(server, authority) as client:
        check_own_answers(EntityConnectionsApi(client), first, server)


@pytest.mark.parametrize("leftover", ["one byte", "a whole answer", "behind a full buffer", "after chunks"])
@pytest.mark.parametrize("over_tls", [False, True], ids=["plain proxy", "proxy over TLS"])
def test_leftovers_never_meet_the_next_request_through_a_tunnel(
    leftover: str, over_tls: bool, authority: Authority
) -> None:
    # One piece: what a proxy passes on later comes later.
    first = Saying(LEFTOVERS[leftover])
    with (
        ScriptedServer(first, GOOD, ssl_context=authority.server()) as server,
        Relay(server.port, authority.server() if over_tls else None) as proxy,
        tls_client(server, authority, proxy=proxy.url) as client,
    ):
        check_own_answers(EntityConnectionsApi(client), first, server)


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain proxy", "proxy over TLS"])
def test_a_tunnel_is_kept(over_tls: bool, authority: Authority) -> None:
    with (
        ScriptedServer(GOOD, ssl_context=authority.server()) as server,
        Relay(server.port, authority.server() if over_tls else None) as proxy,
        tls_client(server, authority, proxy=proxy.url) as client,
    ):
        for _ in range(3):
            CALLS["PUT accept"](EntityConnectionsApi(client))
        assert (server.connections, proxy.connections) == (1, 1)


def test_leftovers_that_come_while_nothing_is_asked_never_meet_the_next_request() -> None:
    taken, said = threading.Event(), threading.Event()

    def behave(sock: socket.socket, _: Any) -> bool:
        sock.sendall(YES)
        taken.wait(20)
        sock.sendall(EVIL)
        said.set()
        return True

    with Wire(behave, GOOD) as wire:
        CALLS["PUT accept"](wire.api)
        taken.set()
        assert said.wait(20)
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 2


def test_a_body_for_a_head_request_never_meets_the_next_request() -> None:
    with Wire(EVIL, GOOD) as wire:
        wire.client.call_api("/v1/x", "HEAD")
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 2


@pytest.mark.parametrize("status", [102, 103, 199])
def test_an_interim_answer_is_not_the_last(status: int) -> None:
    interim = f"HTTP/1.1 {status} Wait\r\nLink: </x>\r\n\r\n".encode()
    with Wire(in_pieces(interim, YES), in_pieces(interim, interim, GOOD), GOOD) as wire:
        assert CALLS["PUT accept"](wire.api).success
        assert CALLS["POST"](wire.api).id == "good"
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 1


# -- kept, and for how long -----------------------------------------------------------------------------------------

KEPT = {
    "length": GOOD,
    "chunked": answer(200, b'5;ext=1\r\n{"id"\r\n8\r\n:"good"}\r\n0\r\n\r\n', CHUNKED),
    "trailers": answer(200, b'd\r\n{"id":"good"}\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n', CHUNKED),
    "100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
    "100 Continue twice": b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 2 + GOOD,
}


@pytest.mark.parametrize("form", KEPT)
def test_kept_after_a_whole_answer(form: str) -> None:
    with Wire(KEPT[form]) as wire:
        for call in ("POST", "PUT accept", "POST"):
            CALLS[call](wire.api)
        assert CALLS["POST"](wire.api).id == "good"
        assert wire.server.connections == 1
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]


@pytest.mark.parametrize("empty", [answer(200), answer(204), answer(204, b"", {"Content-Encoding": "gzip"})])
def test_kept_after_an_empty_yes(empty: bytes) -> None:
    with Wire(empty) as wire:
        for _ in range(3):
            assert CALLS["PUT accept"](wire.api).success is None
        assert wire.server.connections == 1


CLOSED = {
    "Connection: close": answer(200, b'{"id":"good"}', {"Connection": "close"}),
    "close without a length": b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"id":"good"}',
    "HTTP/1.0": b'HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\n{"id":"good"}',
    "HTTP/1.0 without a length": b'HTTP/1.0 200 OK\r\n\r\n{"id":"good"}',
}


@pytest.mark.parametrize("form", CLOSED)
def test_closed_when_the_server_says_so(form: str) -> None:
    with Wire(then_close(CLOSED[form])) as wire:
        for _ in range(3):
            assert CALLS["POST"](wire.api).id == "good"
            assert sockets_to(wire.server.port) == []
            assert free_slots(wire.client)
        assert wire.server.connections == 3


@pytest.mark.parametrize("form", ["HTTP/1.0 without a length", "close without a length"])
def test_nothing_before_the_end_of_the_connection_is_no_yes(form: str) -> None:
    # A refusal may have been what was lost.
    head = CLOSED[form].partition(b"{")[0]
    with Wire(then_close(head)) as wire:
        assert failure_of(CALLS["PUT accept"], wire.api).outcome == "unknown"


def test_no_content_needs_no_length() -> None:
    with Wire(then_close(b"HTTP/1.0 204 No Content\r\n\r\n")) as wire:
        assert CALLS["PUT accept"](wire.api).success is None


@pytest.mark.parametrize("call", CALLS)
def test_a_connection_that_the_server_closed_is_not_used(call: str) -> None:
    with Wire(then_close(YES), GOOD) as wire:
        CALLS["PUT accept"](wire.api)
        wait_until(lambda: sockets_to(wire.server.port) == ["CLOSE_WAIT"])
        CALLS[call](wire.api)
        assert (len(wire.requests), wire.server.connections, wire.clock.sleeps) == (2, 2, [])


@pytest.mark.parametrize("call", [*KEYED, *WRITES])
def test_a_write_does_not_go_over_a_connection_that_was_idle_for_long(call: str) -> None:
    with Wire() as wire:
        CALLS["GET"](wire.api)
        wire.clock.advance(30.1)
        CALLS[call](wire.api)
        assert wire.server.connections == 2
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]


@pytest.mark.parametrize("call", READS)
def test_a_read_does(call: str) -> None:
    with Wire() as wire:
        CALLS["PUT accept"](wire.api)
        wire.clock.advance(3600)
        CALLS[call](wire.api)
        assert wire.server.connections == 1


def test_idle_counts_from_the_last_use() -> None:
    with Wire() as wire:
        for call in ("PUT accept", "GET", "PUT deny"):
            CALLS[call](wire.api)
            wire.clock.advance(29.9)
        assert wire.server.connections == 1


# -- TLS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
def test_an_untrusted_certificate_ends_the_call(call: str, authority: Authority) -> None:
    with ScriptedServer(YES, ssl_context=authority.server()) as server:
        # The bundle of certifi does not know this authority.
        with ApiClient(Configuration(server.url), clock=FakeClock()) as client:
            error = failure_of(CALLS[call], EntityConnectionsApi(client))
            assert (type(error), error.outcome, len(error.attempts)) == (TlsError, "not_sent", 1)
            assert sockets_to(server.port) == []
            assert free_slots(client)
        assert server.requests == []


def test_a_foreign_name_ends_the_call(authority: Authority) -> None:
    server = ScriptedServer(YES, ssl_context=authority.server("other.example"))
    with server, tls_client(server, authority) as client:
        error = failure_of(CALLS["PUT accept"], EntityConnectionsApi(client))
        assert (type(error), error.outcome, len(error.attempts)) == (TlsError, "not_sent", 1)
        assert sockets_to(server.port) == []
        assert server.requests == []


def test_a_handshake_that_breaks_off_is_tried_again(authority: Authority) -> None:
    class Hasty(ScriptedServer):
        """Closes its first connection as soon as it is there."""

        def _serve(self, plain: socket.socket) -> None:
            if self.connections == 1:
                plain.recv(1)
                plain.close()
            else:
                super()._serve(plain)

    with Hasty(YES, ssl_context=authority.server()) as server, tls_client(server, authority) as client:
        assert CALLS["PUT accept"](EntityConnectionsApi(client)).success
        assert (server.connections, len(server.requests)) == (2, 1)


def test_a_connection_over_tls_is_kept(authority: Authority) -> None:
    with ScriptedServer(YES, ssl_context=authority.server()) as server, tls_client(server, authority) as client:
        for _ in range(5):
            CALLS["PUT accept"](EntityConnectionsApi(client))
        assert server.connections == 1


def test_a_truncated_answer_over_tls_is_no_answer(authority: Authority) -> None:
    server = ScriptedServer(cut(YES, len(YES) - 1), ssl_context=authority.server())
    with server, tls_client(server, authority) as client:
        error = failure_of(CALLS["PUT accept"], EntityConnectionsApi(client))
        assert type(error.__cause__) is ApiConnectionError
        assert error.outcome == "unknown"
        assert sockets_to(server.port) == []


@pytest.mark.parametrize("call", CALLS)
def test_tls_that_breaks_after_the_request_left_is_a_lost_answer(call: str, authority: Authority) -> None:
    def spoil(sock: socket.socket, _: Any) -> None:
        # A record that nobody has encrypted, past the TLS of the server.
        os.write(sock.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
        sock.recv(1)

    with ScriptedServer(spoil, ssl_context=authority.server()) as server:
        with tls_client(server, authority) as client:
            error = failure_of(CALLS[call], EntityConnectionsApi(client))
        assert error.outcome == "unknown"
        assert len(server.requests) == (1 if call in WRITES else 3)
        assert not isinstance(error, TlsError)


# -- the pool -------------------------------------------------------------------------------------------------------


def test_more_threads_than_slots_leave_no_more_than_slots() -> None:
    together = threading.Barrier(8)

    def behave(sock: socket.socket, _: Any) -> bool:
        together.wait(20)
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


def test_many_hosts_each_keep_their_connection() -> None:
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
