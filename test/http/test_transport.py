"""Responses: size limits, content codings, redirects, and streaming responses."""

from __future__ import annotations

import gc
import gzip
import json
import os
import time
import tracemalloc
import zlib
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest
import urllib3
from support import ScriptedServer, reset, respond, respond_json
from support.calls import CALLS, failure_of
from support.faulty import cut, endless, then_close
from support.leaks import sockets_to
from support.scripted import Behaviour
from support.wire import YES, Wire, silent

from zuora_client.exceptions import (
    ApiConnectionError,
    ApiException,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    ServerError,
    TlsError,
)

LIMIT = 100_000
CHUNKED = {"Transfer-Encoding": "chunked"}
GZIP = {"Content-Encoding": "gzip"}
linux = pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="sockets are counted by Linux's own table")


def body_of(size: int) -> bytes:
    """A JSON body of exactly `size` bytes."""
    return b'{"id": "' + b"x" * (size - 10) + b'"}'


def chunks(body: bytes, size: int = 1000) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


def members(body: bytes, size: int) -> bytes:
    """Gzip with one member for every `size` bytes."""
    return b"".join(gzip.compress(body[start : start + size]) for start in range(0, len(body), size))


FORMS: dict[str, Callable[[bytes], Behaviour]] = {
    "length": lambda body: respond(200, body),
    "chunked": lambda body: respond(200, chunks(body), CHUNKED),
    "until close": lambda body: then_close(b"HTTP/1.0 200 OK\r\n\r\n" + body),
    "gzip": lambda body: respond(200, gzip.compress(body), GZIP),
    "gzip, chunked": lambda body: respond(200, chunks(gzip.compress(body), 7), {**CHUNKED, **GZIP}),
    "gzip in members": lambda body: respond(200, members(body, 30_000), GZIP),
    "gzip without compression": lambda body: respond(200, gzip.compress(body, 0), GZIP),
}


# -- size -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [form for form in FORMS if form != "gzip without compression"])
def test_response_of_exactly_the_limit(form: str) -> None:
    with Wire(FORMS[form](body_of(LIMIT)), max_response_bytes=LIMIT) as wire:
        assert len(CALLS["POST"](wire.api).id) == LIMIT - 10


@pytest.mark.parametrize("form", FORMS)
def test_response_one_byte_over_limit(form: str) -> None:
    with Wire(FORMS[form](body_of(LIMIT + 1)), max_response_bytes=LIMIT) as wire:
        error = failure_of(CALLS["POST"], wire.api)
        assert (error.status, error.outcome, len(wire.requests)) == (200, "unknown", 1)
        assert isinstance(error.__cause__, InvalidResponseError)
        assert f"larger than {LIMIT} bytes" in str(error)


@pytest.mark.parametrize("status", [404, 429, 503])
def test_oversized_error_keeps_its_status(status: int) -> None:
    with Wire(respond(status, body_of(LIMIT + 1)), max_response_bytes=LIMIT) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        assert error.status == status
        assert not isinstance(error, InvalidResponseError)


ENDLESS = {
    "body": endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
    "content length": endless(respond(200, b"", {"Content-Length": str(10**15)}), b" " * 65536),
    "chunks": endless(respond(200, b"", CHUNKED), b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "one chunk": endless(respond(200, b"ffffffffffff\r\n", CHUNKED), b" " * 65536),
    "chunks of a byte": endless(respond(200, b"", CHUNKED), b"1\r\n \r\n" * 10_000),
    "gzip": endless(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", members(b" " * 100, 10) * 100),
    "empty gzip members": endless(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 1000),
    "error response": endless(b"HTTP/1.1 404 No\r\n\r\n", b" " * 65536),
}


@pytest.mark.parametrize("form", ENDLESS)
def test_endless_response_stops_at_limit(form: str) -> None:
    with Wire(ENDLESS[form], max_response_bytes=2**20, deadline=None, read_timeout=None) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        assert isinstance(error, NotFoundError if form == "error response" else InvalidResponseError)


def test_oversized_content_length_fails_at_once() -> None:
    with Wire(cut(respond(200, b"{", {"Content-Length": "40000000"}), 9999), read_timeout=60) as wire:
        # The server sends one byte of 40 MB and closes: the declared length alone is too large.
        assert "larger than" in str(failure_of(CALLS["GET"], wire.api))


def bomb(size: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 2**20
    return b"".join(compressor.compress(block) for _ in range(size >> 20)) + compressor.flush()


@pytest.mark.parametrize("headers", [GZIP, {**GZIP, **CHUNKED}], ids=["length", "chunked"])
def test_gzip_bomb_memory(headers: dict[str, str]) -> None:
    """A gzip bomb takes little more memory than the limit."""
    body = bomb(256 * 2**20)
    data = respond(200, chunks(body, 65536) if "Transfer-Encoding" in headers else body, headers)
    with Wire(data, max_response_bytes=2**20) as wire:
        tracemalloc.start()
        try:
            error = failure_of(CALLS["GET"], wire.api)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert "larger than 1048576 bytes" in str(error)
    # The bomb decodes to 256 MiB. Allowed: the encoded body, the decoded body up to the limit, and some overhead.
    assert peak < 8 * 2**20


def test_many_empty_gzip_members_are_fast() -> None:
    """Decoding many members takes linear time."""
    # It takes a minute if the unconsumed input is copied for each member.
    member = gzip.compress(b"")
    with Wire(respond(200, member * (4 * 2**20 // len(member)), GZIP)) as wire:
        started = time.monotonic()
        assert failure_of(CALLS["GET"], wire.api).status == 200
        assert time.monotonic() - started < 20


# -- codings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_framings_and_codings(form: str) -> None:
    with Wire(FORMS[form](body_of(70_000))) as wire:
        assert len(CALLS["POST"](wire.api).id) == 70_000 - 10


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "GZIP", " gzip ", "identity", "Identity"])
def test_requested_coding(name: str) -> None:
    body = gzip.compress(body_of(50)) if "zip" in name.lower() else body_of(50)
    with Wire(respond(200, body, {"Content-Encoding": name})) as wire:
        assert len(CALLS["POST"](wire.api).id) == 40


@pytest.mark.parametrize("name", ["deflate", "br", "zstd", "gzip, gzip", "gzip, identity", "compress", "x", "gzip;q=1"])
def test_unrequested_coding(name: str) -> None:
    with Wire(respond(200, gzip.compress(body_of(50)), {"Content-Encoding": name})) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert isinstance(error.__cause__, InvalidResponseError)
        assert "only gzip was requested" in str(error)
        assert error.outcome == "unknown"


ZIPPED = gzip.compress(body_of(5000))
DAMAGED = {
    "checksum": ZIPPED[:-8] + bytes(byte ^ 0xFF for byte in ZIPPED[-8:]),
    "truncated": ZIPPED[:-9],
    "truncated second member": ZIPPED + ZIPPED[:-9],
    "not gzip": b"{}",
    "trailing garbage": ZIPPED + b"garbage",
    "damaged data": ZIPPED[:20] + b"\xff\xff" + ZIPPED[22:],
    "header only": ZIPPED[:10],
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_gzip_keeps_the_status(damage: str) -> None:
    """Damaged gzip leaves the outcome of a write unknown; the error has the status."""
    with Wire(respond(200, DAMAGED[damage], GZIP)) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (type(error), error.status, error.outcome) == (OutcomeUnknownError, 200, "unknown")
        assert isinstance(error.__cause__, InvalidResponseError)
        assert len(wire.requests) == 1


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_gzip_in_error_response(damage: str) -> None:
    """The status of an error response decides, even if its body cannot be decoded."""
    with Wire(respond(404, DAMAGED[damage], GZIP)) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (type(error), error.status, error.outcome) == (NotFoundError, 404, "answered")


def test_gzip_of_empty_body() -> None:
    with Wire(respond(200, b"", GZIP)) as wire:
        assert wire.client.call_api("/v1/things", "PUT", response_type="object")[0] is None


def test_accept_encoding_header() -> None:
    with Wire() as wire:
        CALLS["GET"](wire.api)
        wire.api.get_entity_connections(_preload_content=False).release_conn()
        assert [request.headers["accept-encoding"] for request in wire.requests] == ["gzip", "identity"]


@pytest.mark.parametrize("length", ["abc", "-5", ""])
def test_malformed_length_is_an_error(length: str) -> None:
    with Wire(then_close(respond(200, body_of(50), {"Content-Length": length}))) as wire:
        assert failure_of(CALLS["POST"], wire.api).outcome == "unknown"


@pytest.mark.parametrize("call", ["GET", "PUT accept"])
def test_body_shorter_than_content_length(call: str) -> None:
    with Wire(then_close(respond(200, body_of(50), {"Content-Length": "51"}))) as wire:
        error = failure_of(CALLS[call], wire.api)
        assert isinstance(error if call == "GET" else error.__cause__, ApiConnectionError)
        assert error.outcome == "unknown"


def test_body_longer_than_content_length() -> None:
    with Wire(respond(200, body_of(50), {"Content-Length": "49"})) as wire:
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
def test_redirect_error_names_target_host(location: str, status: int) -> None:
    with Wire(respond(status, b"", {"Location": location}), access_token="fixed-token") as wire:
        error = failure_of(CALLS["POST"], wire.api)
        assert TARGETS[location] in str(error.reason)
        assert "password" not in str(error)
        assert (error.status, error.outcome, len(wire.requests)) == (status, "unknown", 1)


@pytest.mark.parametrize("call", CALLS)
def test_redirect_is_not_followed(call: str) -> None:
    with ScriptedServer(YES) as other, Wire(respond(307, b"", {"Location": f"{other.url}/v1/x"})) as wire:
        failure_of(CALLS[call], wire.api)
        assert (len(wire.requests), other.connections) == (1, 0)


def test_token_redirect_is_not_followed() -> None:
    with ScriptedServer(YES) as other:
        redirect = respond(307, b"", {"Location": f"{other.url}/oauth/token"})
        with Wire(redirect, client_id="id", client_secret="secret") as wire:
            error = failure_of(CALLS["GET"], wire.api)
            assert error.outcome == "not_sent"
            assert f"'127.0.0.1:{other.port}'" in str(error)
        assert other.connections == 0


def test_redirect_within_host_is_not_followed() -> None:
    with Wire(respond(308, b"", {"Location": "/v1/entity-connections"}), YES) as wire:
        assert isinstance(failure_of(CALLS["GET"], wire.api), InvalidResponseError)
        assert len(wire.requests) == 1


# -- _preload_content=False -----------------------------------------------------------------------------------------


def stream(api: Any, **options: Any) -> Any:
    return api.get_entity_connections(_preload_content=False, **options)


def test_streaming_response_has_no_size_limit() -> None:
    """The caller reads a streaming response; max_response_bytes does not apply."""
    with Wire(respond(200, body_of(200_000)), YES, max_response_bytes=1000) as wire:
        response = stream(wire.api)
        assert (response.status, response.headers["content-length"]) == (200, "200000")
        assert len(json.loads(response.read())["id"]) == 199_990
        response.release_conn()
        CALLS["PUT accept"](wire.api)
        assert wire.server.connections == 1


@pytest.mark.parametrize("form", ["length", "chunked", "until close", "gzip"])
def test_streaming_response_decodes_itself(form: str) -> None:
    with Wire(FORMS[form](body_of(5000))) as wire:
        response = stream(wire.api)
        assert b"".join(response.stream(100)) == body_of(5000)
        response.release_conn()


def test_truncated_streaming_response_raises() -> None:
    with Wire(cut(respond(200, body_of(5000)), 3000)) as wire:
        response = stream(wire.api)
        with pytest.raises(Exception, match=r"[Ii]ncompleteRead|broken"):
            b"".join(response.stream(100))
        response.release_conn()


@linux
def test_release_before_end_closes_connection() -> None:
    with Wire(respond(200, body_of(5000)), YES) as wire:
        response = stream(wire.api)
        response.read(10)
        response.release_conn()
        assert sockets_to(wire.server.port) == []
        # The rest of the body is not read as the next response.
        assert CALLS["PUT accept"](wire.api).success
        assert wire.server.connections == 2


@linux
def test_close_closes_connection() -> None:
    with Wire(respond(200, body_of(5000)), YES) as wire:
        response = stream(wire.api)
        response.close()
        assert sockets_to(wire.server.port) == []
        assert CALLS["PUT accept"](wire.api).success


@linux
def test_reading_to_end_releases_connection() -> None:
    with Wire() as wire:
        for _ in range(3):
            assert stream(wire.api).data == YES.partition(b"\r\n\r\n")[2]
        assert wire.server.connections == 1
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]


def test_closed_streaming_responses_do_not_leak() -> None:
    """Connections of streaming responses that are closed, but not released, are garbage collected."""

    def count_connections() -> int:
        gc.collect()
        return sum(issubclass(type(item), HTTPConnection) for item in gc.get_objects())

    with Wire() as wire:
        before = count_connections()
        for _ in range(20):
            stream(wire.api).close()
        # `last_response` of this thread references the last one.
        assert count_connections() <= before + 1


@pytest.mark.parametrize(("status", "error"), [(404, NotFoundError), (500, ServerError), (307, InvalidResponseError)])
def test_streaming_error_status_raises(status: int, error: type[ApiException]) -> None:
    with Wire(respond_json({"success": False}, status), max_attempts=1) as wire:
        failure = failure_of(stream, wire.api)
        assert (type(failure), failure.body) == (error, '{"success": false}')
        assert len(wire.requests) == 1


def test_streaming_body_is_not_interpreted() -> None:
    with Wire(respond_json({"success": False})) as wire:
        assert stream(wire.api).data == b'{"success": false}'


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "deflate"])
def test_streaming_coding_not_requested(coding: str) -> None:
    """A body in a coding that was not requested is refused before the caller reads it, and the connection is closed."""
    with Wire(respond(200, b"x", {"Content-Encoding": coding}), YES) as wire:
        error = failure_of(stream, wire.api)
        assert (type(error), error.status) == (InvalidResponseError, 200)
        assert "content coding" in str(error.reason)
        assert wire.api.get_entity_connections().success is True
        assert wire.server.connections == 2


def test_streaming_coding_of_the_caller() -> None:
    """A coding that the caller accepts by a header of its own is returned as it is."""
    headers = {"Accept-Encoding": "br;q=1.0, identity"}
    with Wire(respond(200, b"x", {"Content-Encoding": "br"})) as wire:
        response = wire.client.call_api("/v1/x", "GET", header_params=headers, _preload_content=False)[0]
        assert response.headers["Content-Encoding"] == "br"
        response.close()


def test_debug_switch_of_http_client_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another library's switch would print the request with its credentials."""
    monkeypatch.setattr(HTTPConnection, "debuglevel", 1)
    with Wire() as wire:
        wire.api.get_entity_connections()
    assert capsys.readouterr().out == ""


def test_confidentiality_is_checked_at_each_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts a proxy appears that would read the credentials: the second is not sent."""
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)

    def token() -> str:
        if wire.requests:
            wire.client.rest_client.pool_manager.clear()
            monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
        return "t"

    with Wire(respond(503, b"", {"Retry-After": "1"}), YES, access_token=token, trust_env=True) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        assert (type(error), error.outcome, len(wire.requests)) == (TlsError, "answered", 1)
        assert "allow_insecure_http" in str(error.reason)


def test_streaming_request_is_retried() -> None:
    with Wire(reset, respond(503, b"", {"Retry-After": "1"}), YES) as wire:
        response = stream(wire.api)
        assert (response.status, len(wire.requests)) == (200, 3)
        response.close()


def test_read_timeout_applies_to_streaming_body() -> None:
    def stall(sock: Any, received: Any) -> None:
        sock.sendall(respond(200, body_of(5000))[:200])
        silent(sock, received)

    with Wire(stall, read_timeout=0.1) as wire:
        response = stream(wire.api)
        with pytest.raises(Exception, match=r"timed out|[Tt]imeout"):
            response.read()
        response.release_conn()


def test_truncated_chunk_in_stream_raises() -> None:
    """A truncated chunk size in a stream is an error, not the end of the body."""
    complete = respond(200, b"5\r\nhello\r\n0\r\n\r\n", CHUNKED)
    with Wire(complete, complete, then_close(complete[: -len(b"\r\n\r\n")])) as wire:
        for _ in range(2):
            response = stream(wire.api)
            assert b"".join(response.stream(3)) == b"hello"
            response.release_conn()
        assert wire.server.connections == 1
        with pytest.raises(urllib3.exceptions.ProtocolError):
            b"".join(stream(wire.api).stream(3))


def test_streaming_204_has_no_body() -> None:
    with Wire(b"HTTP/1.1 204 Nothing\r\n\r\n", read_timeout=60) as wire:
        assert list(stream(wire.api).stream(3)) == []


def test_streaming_204_announces_no_body() -> None:
    announced = b"HTTP/1.1 204 Nothing\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Wire(announced, read_timeout=60) as wire, pytest.raises(ApiException, match="204"):
        stream(wire.api)


def test_collected_response_does_not_affect_connection() -> None:
    """A garbage-collected response does not change whether its connection may be reused after the next one."""
    incomplete = respond(200, b"", {"Content-Length": "40"})
    with Wire(respond(200, b"", {"Content-Length": "40", "Connection": "close"}), incomplete) as wire:
        old = stream(wire.api)
        old.release_conn()
        new = stream(wire.api)
        connection = new._connection
        assert connection is not None
        del old
        gc.collect()
        assert not connection.attempt.reusable
        new.close()
        new.release_conn()
