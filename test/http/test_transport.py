"""An answer: bounded while it is read, inflated with care, never followed elsewhere, or left to the caller."""

from __future__ import annotations

import gc
import gzip
import json
import os
import time
import tracemalloc
import zlib
from http.client import HTTPConnection
from typing import Any

import pytest
import urllib3
from support import ScriptedServer, answer, json_answer, reset
from support.calls import CALLS, failure_of
from support.faulty import cut, endless, then_close
from support.leaks import sockets_to
from support.wire import YES, Wire, silent

from zuora_client.exceptions import (
    ApiConnectionError,
    ApiException,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    ServerError,
)

LIMIT = 100_000
CHUNKED = {"Transfer-Encoding": "chunked"}
GZIP = {"Content-Encoding": "gzip"}
linux = pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="sockets are counted by Linux's own table")


def text_of(size: int) -> bytes:
    """A JSON answer of exactly so many bytes."""
    return b'{"id": "' + b"x" * (size - 10) + b'"}'


def chunks(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def members(body: bytes, size: int) -> bytes:
    """Gzip in many members, one after the other."""
    return b"".join(gzip.compress(body[start : start + size]) for start in range(0, len(body), size))


FORMS = {
    "length": lambda body: answer(200, body),
    "chunked": lambda body: answer(200, chunks(body), CHUNKED),
    "until the end": lambda body: then_close(b"HTTP/1.0 200 OK\r\n\r\n" + body),
    "gzip": lambda body: answer(200, gzip.compress(body), GZIP),
    "gzip, chunked": lambda body: answer(200, chunks(gzip.compress(body), 7), {**CHUNKED, **GZIP}),
    "gzip in members": lambda body: answer(200, members(body, 30_000), GZIP),
    "gzip that is larger": lambda body: answer(200, gzip.compress(body, 0), GZIP),
}


# -- size -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [form for form in FORMS if form != "gzip that is larger"])
def test_an_answer_may_be_as_large_as_the_limit(form: str) -> None:
    with Wire(FORMS[form](text_of(LIMIT)), max_response_bytes=LIMIT) as wire:
        assert len(CALLS["POST"](wire.api).id) == LIMIT - 10


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_may_not_be_larger_by_one_byte(form: str) -> None:
    with Wire(FORMS[form](text_of(LIMIT + 1)), max_response_bytes=LIMIT) as wire:
        error = failure_of(CALLS["POST"], wire.api)
        assert (error.status, error.outcome, len(wire.requests)) == (200, "unknown", 1)
        assert isinstance(error.__cause__, InvalidResponseError)
        assert f"larger than {LIMIT} bytes" in str(error)


@pytest.mark.parametrize("status", [404, 429, 503])
def test_a_refusal_that_is_too_large_keeps_its_status(status: int) -> None:
    with Wire(answer(status, text_of(LIMIT + 1)), max_response_bytes=LIMIT) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        # The status says no; that its words cannot be read takes nothing away from that.
        assert error.status == status
        assert not isinstance(error, InvalidResponseError)


ENDLESS = {
    "body": endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
    "told": endless(answer(200, b"", {"Content-Length": str(10**15)}), b" " * 65536),
    "chunks": endless(answer(200, b"", CHUNKED), b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "one chunk": endless(answer(200, b"ffffffffffff\r\n", CHUNKED), b" " * 65536),
    "chunks of a byte": endless(answer(200, b"", CHUNKED), b"1\r\n \r\n" * 10_000),
    "gzip": endless(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", members(b" " * 100, 10) * 100),
    "gzip of nothing": endless(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 1000),
    "refusal": endless(b"HTTP/1.1 404 No\r\n\r\n", b" " * 65536),
}


@pytest.mark.parametrize("form", ENDLESS)
def test_an_answer_without_end_ends(form: str) -> None:
    with Wire(ENDLESS[form], max_response_bytes=2**20, deadline=None, read_timeout=None) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        assert isinstance(error, NotFoundError if form == "refusal" else InvalidResponseError)


def test_a_length_that_is_too_large_is_not_waited_for() -> None:
    with Wire(cut(answer(200, b"{", {"Content-Length": "40000000"}), 9999), read_timeout=60) as wire:
        # The server sends one byte of forty million and closes; what counts is what it told.
        assert "larger than" in str(failure_of(CALLS["GET"], wire.api))


def bomb(size: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 2**20
    return b"".join(compressor.compress(block) for _ in range(size >> 20)) + compressor.flush()


@pytest.mark.parametrize("headers", [GZIP, {**GZIP, **CHUNKED}], ids=["length", "chunked"])
def test_a_bomb_takes_no_more_memory_than_the_limit(headers: dict[str, str]) -> None:
    body = bomb(256 * 2**20)
    data = answer(200, chunks(body, 65536) if "Transfer-Encoding" in headers else body, headers)
    with Wire(data, max_response_bytes=2**20) as wire:
        tracemalloc.start()
        try:
            error = failure_of(CALLS["GET"], wire.api)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert "larger than 1048576 bytes" in str(error)
    # The bomb has 256 MiB. The answer as it came and as far as it was inflated, some room, and no more.
    assert peak < 8 * 2**20


def test_many_empty_members_of_gzip_take_seconds_and_not_minutes() -> None:
    # Each step costs little, whatever is still to come: it was a minute when the rest was copied each time.
    nothing = gzip.compress(b"")
    with Wire(answer(200, nothing * (4 * 2**20 // len(nothing)), GZIP)) as wire:
        started = time.monotonic()
        assert failure_of(CALLS["GET"], wire.api).status == 200
        assert time.monotonic() - started < 20


# -- codings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_an_answer(form: str) -> None:
    with Wire(FORMS[form](text_of(70_000))) as wire:
        assert len(CALLS["POST"](wire.api).id) == 70_000 - 10


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "GZIP", " gzip ", "identity", "Identity"])
def test_a_coding_that_was_asked_for(name: str) -> None:
    body = gzip.compress(text_of(50)) if "zip" in name.lower() else text_of(50)
    with Wire(answer(200, body, {"Content-Encoding": name})) as wire:
        assert len(CALLS["POST"](wire.api).id) == 40


@pytest.mark.parametrize("name", ["deflate", "br", "zstd", "gzip, gzip", "gzip, identity", "compress", "x", "gzip;q=1"])
def test_a_coding_that_nobody_asked_for(name: str) -> None:
    with Wire(answer(200, gzip.compress(text_of(50)), {"Content-Encoding": name})) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert isinstance(error.__cause__, InvalidResponseError)
        assert "only gzip was asked for" in str(error)
        assert error.outcome == "unknown"


ZIPPED = gzip.compress(text_of(5000))
DAMAGED = {
    "checksum": ZIPPED[:-8] + bytes(byte ^ 0xFF for byte in ZIPPED[-8:]),
    "early end": ZIPPED[:-9],
    "early end of a second member": ZIPPED + ZIPPED[:-9],
    "no gzip": b"{}",
    "garbage behind": ZIPPED + b"garbage",
    "damaged inside": ZIPPED[:20] + b"\xff\xff" + ZIPPED[22:],
    "head alone": ZIPPED[:10],
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_gzip_is_no_answer_and_keeps_the_status(damage: str) -> None:
    with Wire(answer(200, DAMAGED[damage], GZIP)) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (type(error), error.status, error.outcome) == (OutcomeUnknownError, 200, "unknown")
        assert isinstance(error.__cause__, InvalidResponseError)
        assert len(wire.requests) == 1


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_refusal_in_damaged_gzip_is_a_refusal(damage: str) -> None:
    with Wire(answer(404, DAMAGED[damage], GZIP)) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (type(error), error.status, error.outcome) == (NotFoundError, 404, "answered")


def test_gzip_of_no_bytes_is_an_empty_answer() -> None:
    with Wire(answer(200, b"", GZIP)) as wire:
        assert CALLS["PUT accept"](wire.api).success is None


def test_gzip_is_asked_for_and_nothing_else() -> None:
    with Wire() as wire:
        CALLS["GET"](wire.api)
        wire.api.get_entity_connections(_preload_content=False).release_conn()
        assert [request.headers["accept-encoding"] for request in wire.requests] == ["gzip", "identity"]


@pytest.mark.parametrize("length", ["abc", "-5", ""])
def test_a_length_that_is_no_number_ends_with_the_connection(length: str) -> None:
    with Wire(then_close(answer(200, text_of(50), {"Content-Length": length}))) as wire:
        assert len(CALLS["POST"](wire.api).id) == 40


@pytest.mark.parametrize("call", ["GET", "PUT accept"])
def test_a_length_that_is_too_long_is_a_lost_answer(call: str) -> None:
    with Wire(then_close(answer(200, text_of(50), {"Content-Length": "51"}))) as wire:
        error = failure_of(CALLS[call], wire.api)
        assert isinstance(error if call == "GET" else error.__cause__, ApiConnectionError)
        assert error.outcome == "unknown"


def test_a_length_that_is_too_short_is_no_answer() -> None:
    with Wire(answer(200, text_of(50), {"Content-Length": "49"})) as wire:
        assert isinstance(failure_of(CALLS["PUT accept"], wire.api).__cause__, InvalidResponseError)


# -- redirects ------------------------------------------------------------------------------------------------------

TARGETS = {
    "https://evil.example/v1/x?token=1": "'evil.example'",
    "http://evil.example:8080": "'evil.example:8080'",
    "//evil.example/x": "'evil.example'",
    "https://user:password@evil.example/": "'evil.example'",
    "https://[2001:db8::1]/x": "'[2001:db8::1]'",
    "/v1/elsewhere": "within the host",
    "elsewhere": "within the host",
    "": "within the host",
}


@pytest.mark.parametrize("location", TARGETS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_that_names_the_host(location: str, status: int) -> None:
    with Wire(answer(status, b"", {"Location": location}), access_token="fixed-token") as wire:
        error = failure_of(CALLS["POST"], wire.api)
        assert TARGETS[location] in str(error.reason)
        assert "password" not in str(error)
        assert (error.status, error.outcome, len(wire.requests)) == (status, "unknown", 1)


@pytest.mark.parametrize("call", CALLS)
def test_nobody_is_called_where_a_redirect_points(call: str) -> None:
    with ScriptedServer(YES) as other, Wire(answer(307, b"", {"Location": f"{other.url}/v1/x"})) as wire:
        failure_of(CALLS[call], wire.api)
        assert (len(wire.requests), other.connections) == (1, 0)


def test_no_secret_goes_where_the_token_endpoint_points() -> None:
    with ScriptedServer(YES) as other:
        there = answer(307, b"", {"Location": f"{other.url}/oauth/token"})
        with Wire(there, client_id="id", client_secret="secret") as wire:
            error = failure_of(CALLS["GET"], wire.api)
            assert error.outcome == "not_sent"
            assert f"'127.0.0.1:{other.port}'" in str(error)
        assert other.connections == 0


def test_a_redirect_within_the_host_is_not_followed_either() -> None:
    with Wire(answer(308, b"", {"Location": "/v1/entity-connections"}), YES) as wire:
        assert isinstance(failure_of(CALLS["GET"], wire.api), InvalidResponseError)
        assert len(wire.requests) == 1


# -- _preload_content=False -----------------------------------------------------------------------------------------


def unread(api: Any, **options: Any) -> Any:
    return api.get_entity_connections(_preload_content=False, **options)


def test_an_unread_answer_is_the_callers_to_read() -> None:
    with Wire(answer(200, text_of(200_000)), YES, max_response_bytes=1000) as wire:
        response = unread(wire.api)
        assert (response.status, response.headers["content-length"]) == (200, "200000")
        # Its size is the caller's business, too.
        assert len(json.loads(response.read())["id"]) == 199_990
        response.release_conn()
        CALLS["PUT accept"](wire.api)
        assert wire.server.connections == 1


@pytest.mark.parametrize("form", ["length", "chunked", "until the end", "gzip"])
def test_an_unread_answer_decodes_itself(form: str) -> None:
    with Wire(FORMS[form](text_of(5000))) as wire:
        response = unread(wire.api)
        assert b"".join(response.stream(100)) == text_of(5000)
        response.release_conn()


def test_an_unread_answer_that_is_cut_off_says_so() -> None:
    with Wire(cut(answer(200, text_of(5000)), 3000)) as wire:
        response = unread(wire.api)
        with pytest.raises(Exception, match=r"[Ii]ncompleteRead|broken"):
            b"".join(response.stream(100))
        response.release_conn()


@linux
def test_an_answer_that_is_released_unread_closes_its_connection() -> None:
    with Wire(answer(200, text_of(5000)), YES) as wire:
        response = unread(wire.api)
        response.read(10)
        response.release_conn()
        assert sockets_to(wire.server.port) == []
        # What was left of the body is not what comes next.
        assert CALLS["PUT accept"](wire.api).success
        assert wire.server.connections == 2


@linux
def test_an_answer_that_is_closed_closes_its_connection() -> None:
    with Wire(answer(200, text_of(5000)), YES) as wire:
        response = unread(wire.api)
        response.close()
        assert sockets_to(wire.server.port) == []
        assert CALLS["PUT accept"](wire.api).success


@linux
def test_an_answer_that_is_read_to_its_end_gives_its_connection_back() -> None:
    with Wire() as wire:
        for _ in range(3):
            assert unread(wire.api).data == YES.partition(b"\r\n\r\n")[2]
        assert wire.server.connections == 1
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]


def test_unread_answers_that_are_closed_and_not_released_leave_nothing_behind() -> None:
    def kept() -> int:
        gc.collect()
        return sum(issubclass(type(thing), HTTPConnection) for thing in gc.get_objects())

    with Wire() as wire:
        before = kept()
        for _ in range(20):
            unread(wire.api).close()
        # The last one belongs to the last response of this thread.
        assert kept() <= before + 1


@pytest.mark.parametrize(("status", "error"), [(404, NotFoundError), (500, ServerError), (307, InvalidResponseError)])
def test_the_status_of_an_unread_answer_is_judged(status: int, error: type[ApiException]) -> None:
    with Wire(json_answer({"success": False}, status), max_attempts=1) as wire:
        failure = failure_of(unread, wire.api)
        assert (type(failure), failure.body) == (error, '{"success": false}')
        assert len(wire.requests) == 1


def test_what_an_unread_answer_says_is_not_judged() -> None:
    with Wire(json_answer({"success": False})) as wire:
        assert unread(wire.api).data == b'{"success": false}'


def test_an_unread_answer_is_asked_for_again_like_any_other() -> None:
    with Wire(reset, answer(503, b"", {"Retry-After": "1"}), YES) as wire:
        assert unread(wire.api).status == 200
        assert len(wire.requests) == 3


def test_the_read_timeout_holds_for_the_body_of_an_unread_answer() -> None:
    def stall(sock: Any, received: Any) -> None:
        sock.sendall(answer(200, text_of(5000))[:200])
        silent(sock, received)

    with Wire(stall, read_timeout=0.1) as wire:
        response = unread(wire.api)
        with pytest.raises(Exception, match=r"timed out|[Tt]imeout"):
            response.read()
        response.release_conn()


def test_a_stream_of_chunks_takes_no_half_size_for_the_end() -> None:
    whole = answer(200, b"5\r\nhello\r\n0\r\n\r\n", CHUNKED)
    with Wire(whole, whole, then_close(whole[: -len(b"\r\n\r\n")])) as wire:
        for _ in range(2):
            response = unread(wire.api)
            assert b"".join(response.stream(3)) == b"hello"
            response.release_conn()
        assert wire.server.connections == 1
        with pytest.raises(urllib3.exceptions.ProtocolError):
            b"".join(unread(wire.api).stream(3))


def test_a_stream_without_a_body_waits_for_no_chunks() -> None:
    with Wire(b"HTTP/1.1 204 Nothing\r\nTransfer-Encoding: chunked\r\n\r\n", read_timeout=60) as wire:
        assert list(unread(wire.api).stream(3)) == []


def test_an_old_answer_that_is_collected_says_nothing_about_the_next_one_of_its_connection() -> None:
    unended = answer(200, b"", {"Content-Length": "40"})
    with Wire(answer(200, b"", {"Content-Length": "40", "Connection": "close"}), unended) as wire:
        old = unread(wire.api)
        old.release_conn()
        new = unread(wire.api)
        connection = new._connection
        assert connection is not None
        del old
        gc.collect()
        assert not connection.attempt.reusable
        new.close()
        new.release_conn()
