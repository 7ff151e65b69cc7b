"""Responses that RFC 9112 forbids: no success of a write, no retry for a number in them, no reused connection."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support import respond
from support.calls import CALLS, failure_of
from support.faulty import drip, in_pieces, then_close
from support.in_memory import InMemoryClient
from support.wire import YES, Wire

from zuora_client.exceptions import ApiConnectionError, ApiException, InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

BODY = b'{"success": true, "id": "1"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)


def response(head: str, body: bytes = BODY) -> bytes:
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def with_field(line: str) -> bytes:
    return response(f"HTTP/1.1 200 OK\n{line}\nContent-Length: {len(BODY)}")


STATUS_LINES = {
    "underscore": "HTTP/1.1 4_29 Slow",
    "sign": "HTTP/1.1 +204 No Content",
    "four digits": "HTTP/1.1 0429 Slow",
    "two digits": "HTTP/1.1 42 Slow",
    "status below 100": "HTTP/1.1 099 Low",
    "Arabic digits": "HTTP/1.1 2\xb2\xb2 OK",
    "bare CR in the reason": "HTTP/1.1 503 Busy\rX-A: b",
    "NUL in the reason": "HTTP/1.1 503 Bu\0sy",
    "DEL in the reason": "HTTP/1.1 503 Bu\x7fsy",
    "no space before the reason": "HTTP/1.1 503Busy",
    "two spaces": "HTTP/1.1  503 Busy",
    "tab": "HTTP/1.1\t503 Busy",
    "no-break space": "HTTP/1.1\xa0204 OK",
    "version of two digits": "HTTP/1.10 503 Busy",
    "version twice": "HTTP/1.HTTP/9 204 OK",
    "version without a digit": "HTTP/1. 503 Busy",
    "HTTP/2": "HTTP/2.0 503 Busy",
    "HTTP/0.9": "HTTP/0.9 503 Busy",
    "lower case": "http/1.1 503 Busy",
    "65,537 bytes": f"HTTP/1.1 200 {'a' * 65522}",
    "leading space": " HTTP/1.1 503 Busy",
    "leading line": "\nHTTP/1.1 503 Busy",
}
FIELD_LINES = {
    "no colon": "not a header",
    "no name": ": b",
    "space before the colon": "X-A : b",
    "space in the name": "X A: b",
    "vertical tab in the name": "X\x0bA: b",
    "Latin-1 in the name": "X-\xe4: b",
    "separator in the name": "X(A): b",
    "folded first line": " X-A: b",
    "first line of spaces": "  ",
    "bare CR": "X-A: a\rContent-Length: 5",
    "CR CR LF": "X-A: a\r",
    "65,537 bytes": f"X-A: {'b' * 65530}",
    **{f"control character {code:#04x}": f"X-A: a{chr(code)}b" for code in (0, 1, 7, 8, 0xB, 0xC, 0x1B, 0x1F, 0x7F)},
    "control character in a folded line": "X-A: a\n b\0",
}
FRAMINGS = {
    "letters": "Content-Length: abc",
    "hexadecimal": "Content-Length: 0x11",
    "fraction": "Content-Length: 28.0",
    "negative": "Content-Length: -1",
    "empty": "Content-Length:",
    "list with an empty element": "Content-Length: 28,",
    "different lengths": "Content-Length: 28\nContent-Length: 27",
    "different lengths in a list": "Content-Length: 28, 27",
    "different spellings": "Content-Length: 28, 028",
    "21 digits": f"Content-Length: {28:021}",
    "invalid beside a coding": "Transfer-Encoding: chunked\nContent-Length: x",
    "chunked twice": "Transfer-Encoding: chunked, chunked",
    "chunked in two headers": "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
    "gzip, chunked": "Transfer-Encoding: gzip, chunked",
    "identity": "Transfer-Encoding: identity",
    "xchunked": "Transfer-Encoding: xchunked",
    "chunked with a parameter": "Transfer-Encoding: chunked;q=1",
    "empty coding": "Transfer-Encoding:",
}
CHUNKS = {
    "no CRLF after the data": CHUNK[:-2] + b"0\r\n\r\n",
    "LF CR after the data": CHUNK[:-2] + b"\n\r0\r\n\r\n",
    "one byte too many": CHUNK[:-2] + b"x\r\n0\r\n\r\n",
    "vertical tab before the size": b"\x0b" + CHUNK + b"0\r\n\r\n",
    "space before the size": b" " + CHUNK + b"0\r\n\r\n",
    "space before the extension": CHUNK.replace(b"\r\n", b" ;a\r\n", 1) + b"0\r\n\r\n",
    "CR CR LF after the size": CHUNK.replace(b"\r\n", b"\r\r\n", 1) + b"0\r\n\r\n",
    "LF after the size": CHUNK.replace(b"\r\n", b"\n", 1) + b"0\r\n\r\n",
    "bare CR in the extension": CHUNK.replace(b"\r\n", b";a\rb\r\n", 1) + b"0\r\n\r\n",
    "size with a prefix": b"0x" + CHUNK + b"0\r\n\r\n",
    "size with an underscore": b"0_" + CHUNK + b"0\r\n\r\n",
    "no size": b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "trailer without a colon": CHUNK + b"0\r\nnot a header\r\n\r\n",
    "trailer that is a response": CHUNK + b"0\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "trailer with NUL": CHUNK + b"0\r\nX-A: \0\r\n\r\n",
    "folded first trailer": CHUNK + b"0\r\n X-A: b\r\n\r\n",
    "a size line that is too long": CHUNK.replace(b"\r\n", b";" + b"a" * 65536 + b"\r\n", 1) + b"0\r\n\r\n",
    "malformed length in a trailer": CHUNK + b"0\r\nContent-Length: x\r\n\r\n",
}
MALFORMED = {
    **{f"status line, {name}": response(f"{line}\nRetry-After: 0") for name, line in STATUS_LINES.items()},
    **{f"header, {name}": with_field(line) for name, line in FIELD_LINES.items()},
    **{
        f"interim response, {name}": response(f"HTTP/1.1 100 Continue\n{line}", with_field("X-A: b"))
        for name, line in {**FIELD_LINES, **FRAMINGS}.items()
    },
    **{f"framing, {name}": response(f"HTTP/1.1 200 OK\n{line}") for name, line in FRAMINGS.items()},
    "framing, chunked on HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + CHUNK + b"0\r\n\r\n",
    "interim response, 101": response("HTTP/1.1 101 Switching Protocols", YES),
    **{f"chunks, {name}": CHUNKED + body for name, body in CHUNKS.items()},
}


@pytest.fixture(scope="module")
def client() -> InMemoryClient:
    return InMemoryClient()


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("piece", [65536, 1])
def test_malformed_response_is_a_protocol_error(client: InMemoryClient, name: str, piece: int) -> None:
    result = client.accept(MALFORMED[name], piece)
    assert result.error is not None
    assert isinstance(result.error.__cause__, ApiConnectionError)
    assert str(result.error.reason).startswith("protocol error: ")
    assert (result.error.outcome, result.kept) == ("unknown", False)


@pytest.mark.parametrize("name", ["underscore", "four digits", "bare CR in the reason"])
def test_malformed_status_is_not_retried(name: str) -> None:
    """The number in a malformed status line decides nothing: the write is sent once."""
    with Wire(then_close(response(f"{STATUS_LINES[name]}\nRetry-After: 0", b"")), YES) as wire:
        error = failure_of(CALLS["PUT disconnect"], wire.api)
        assert (error.outcome, error.status, len(wire.requests)) == ("unknown", None, 1)


TRUNCATED = {
    "in a chunk size": b"1",
    "after a chunk size": b"%x\r\n" % len(BODY),
    "in a size line of 65,536 bytes": b"1;" + b"a" * 65534,
    "in the data": CHUNK[:-5],
    "after the data": CHUNK[:-2],
    "before the last chunk": CHUNK,
    "in the last chunk": CHUNK + b"0\r\n",
    "in a trailer": CHUNK + b"0\r\nX-A: b\r\n",
}


@pytest.mark.parametrize("where", TRUNCATED)
def test_truncated_chunks_are_incomplete(client: InMemoryClient, where: str) -> None:
    result = client.accept(CHUNKED + TRUNCATED[where])
    assert result.error is not None
    assert (result.error.outcome, result.kept) == ("unknown", False)
    assert "before the response was complete" in str(result.error.reason)


# -- what is accepted -------------------------------------------------------------------------------------------------

ACCEPTED = {
    "no reason, no space": (response(f"HTTP/1.1 200\nContent-Length: {len(BODY)}"), True),
    "empty reason": (response(f"HTTP/1.1 200 \nContent-Length: {len(BODY)}"), True),
    "reason with Latin-1 and tab": (response(f"HTTP/1.1 200 \xe4\tx\nContent-Length: {len(BODY)}"), True),
    "later minor version": (response(f"HTTP/1.2 200 OK\nContent-Length: {len(BODY)}"), True),
    "HTTP/1.0": (response(f"HTTP/1.0 200 OK\nContent-Length: {len(BODY)}"), False),
    "HTTP/1.0 with keep-alive": (
        response(f"HTTP/1.0 200 OK\nConnection: keep-alive\nContent-Length: {len(BODY)}"),
        False,
    ),
    "LF alone": (with_field("X-A: b").replace(b"\r\n", b"\n"), True),
    "LF alone, no reason": (response("HTTP/1.1 204", b"").replace(b"\r\n", b"\n"), True),
    "100 header lines": (response("HTTP/1.1 200 OK\n" + "X-A: b\n" * 99 + f"Content-Length: {len(BODY)}"), True),
    # 65,536 bytes with the CRLF.
    "longest status line": (response(f"HTTP/1.1 200 {'a' * 65521}\nContent-Length: {len(BODY)}"), True),
    "longest header line": (with_field(f"X-A: {'b' * 65529}"), True),
    "longest size line": (CHUNKED + b"%x;%s" % (len(BODY), b"a" * 65531) + CHUNK[2:] + b"0\r\n\r\n", True),
    "tabs and spaces around a value": (with_field("X-A: \t b\t "), True),
    "folded": (with_field("X-A: a\n b\n\tc"), True),
    "Latin-1 in a value": (with_field("X-A: \x80\xff"), True),
    "equal lengths": (with_field(f"Content-Length: {len(BODY)}"), True),
    "close beside keep-alive": (with_field("Connection: keep-alive, CLOSE"), False),
    "close in a second header": (with_field("Connection: TE\nConnection: close"), False),
    "body until the connection closes": (response("HTTP/1.1 200 OK"), False),
    "length beside chunked": (
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + CHUNK + b"0\r\n\r\n",
        False,
    ),
    "extensions": (CHUNKED + CHUNK.replace(b"\r\n", b';a="b c"\r\n', 1) + b"0;x\r\n\r\n", True),
    "padded sizes": (CHUNKED + b"00" + CHUNK.replace(b"\r\n", b"  \r\n", 1) + b"000\t\r\n\r\n", True),
    "trailers": (CHUNKED + CHUNK + b"0\r\nX-A: b\r\nX-B: c\r\n d\r\n\r\n", True),
    "length in a trailer": (CHUNKED + CHUNK + b"0\r\nContent-Length: 5\r\n\r\n", False),
    "interim responses": (response("HTTP/1.1 100 X\nA: b", response("HTTP/1.1 103 X", with_field("X: y"))), True),
    "interim response that announces a body": (
        response("HTTP/1.1 102 X\nContent-Length: 5", with_field("X-A: b")),
        False,
    ),
    "interim response of length 0": (response("HTTP/1.1 102 X\nContent-Length: 0", with_field("X-A: b")), True),
    "leftovers": (with_field("X-A: b") + b"x", False),
    "204": (response("HTTP/1.1 204 No Content\nServer: x", b""), True),
    "204 of length 0": (response("HTTP/1.1 204 No Content\nContent-Length: 0", b""), True),
    "204 that closes": (response("HTTP/1.0 204 No Content\nConnection: close", b""), False),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_unusual_response_is_accepted(client: InMemoryClient, name: str) -> None:
    data, kept = ACCEPTED[name]
    assert client.accept(data) == (None, kept)


NO_CONTENT = {
    "length": response("HTTP/1.1 204 No Content\nContent-Length: 5", b""),
    "coding": response("HTTP/1.1 204 No Content\nTransfer-Encoding: chunked", b""),
    "body": response("HTTP/1.1 204 No Content\nContent-Length: 5", b"12345"),
    "leftovers": response("HTTP/1.1 204 No Content", b"x"),
    "a whole response": response("HTTP/1.1 204 No Content", YES),
    "interim response that announces a body": response(
        "HTTP/1.1 102 X\nContent-Length: 5", response("HTTP/1.1 204 No Content", b"")
    ),
}


@pytest.mark.parametrize("name", NO_CONTENT)
def test_204_with_content_is_not_a_success(client: InMemoryClient, name: str) -> None:
    result = client.accept(NO_CONTENT[name])
    assert result.error is not None
    assert isinstance(result.error.__cause__, InvalidResponseError)
    assert (result.error.outcome, result.error.status, result.kept) == ("unknown", 204, False)


def test_304_with_content_closes_the_connection(client: InMemoryClient) -> None:
    for framing in ("Content-Length: 5", "Transfer-Encoding: chunked"):
        assert not client.accept(response(f"HTTP/1.1 304 Not Modified\n{framing}", b"")).kept
    assert client.accept(response("HTTP/1.1 304 Not Modified", b"")).kept


# -- streaming --------------------------------------------------------------------------------------------------------


def streamed(api: Any, **options: Any) -> Any:
    return api.get_entity_connections(_preload_content=False, **options)


READS: dict[str, Callable[[Any], object]] = {
    "read": lambda raw: raw.read(),
    "read1": lambda raw: list(iter(lambda: raw.read1(7), b"")),
    "stream": lambda raw: list(raw.stream(7)),
    "lines": list,
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("name", ["no CRLF after the data", "trailer with NUL", "size with a prefix"])
def test_streaming_raises_at_malformed_chunks(read: str, name: str) -> None:
    if read == "read1" and not hasattr(urllib3.HTTPResponse, "read1"):
        pytest.skip("urllib3 2.0 has no read1")
    with Wire(CHUNKED + CHUNKS[name], YES) as wire:
        raw = streamed(wire.api)
        with pytest.raises(Exception, match=r"chunk|header line"):
            READS[read](raw)
        raw.close()
        CALLS["PUT accept"](wire.api)
        assert wire.server.connections == 2


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("amount", [1, 7, None])
def test_streaming_reads_the_same_body(framing: str, amount: int | None) -> None:
    body = bytes(range(256)) * 300
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:70_000], body[70_000:], b""))
    data = respond(200, body) if framing == "length" else CHUNKED + chunks
    with Wire(data) as wire:
        for _ in range(2):
            raw = streamed(wire.api)
            assert (raw.read() if amount is None else b"".join(raw.stream(amount * 1000))) == body
            raw.release_conn()
        assert wire.server.connections == 1


STREAMS: dict[str, Any] = {
    "length": respond(200, BODY),
    "chunked": CHUNKED + CHUNK + b"0\r\n\r\n",
    "close": then_close(b"HTTP/1.1 200 OK\r\n\r\n" + BODY),
}
needs_read1 = pytest.mark.skipif(not hasattr(urllib3.HTTPResponse, "read1"), reason="urllib3 2.0 has no read1")


@needs_read1
@pytest.mark.parametrize("framing", STREAMS)
@pytest.mark.parametrize("amount", [7, None])
def test_read1_reads_the_same_body(framing: str, amount: int | None) -> None:
    with Wire(STREAMS[framing]) as wire:
        for _ in range(2):
            raw = streamed(wire.api)
            parts = list(iter(partial(raw.read1, amount), b""))
            assert b"".join(parts) == BODY
            assert len(parts) < len(BODY)
            raw.release_conn()
        assert wire.server.connections == (2 if framing == "close" else 1)


@needs_read1
def test_read1_ends_at_the_length() -> None:
    with Wire(respond(200, BODY) + b"more") as wire:
        raw = streamed(wire.api)
        assert b"".join(iter(raw.read1, b"")) == BODY
        raw.release_conn()


@needs_read1
def test_read1_of_a_truncated_body() -> None:
    with Wire(then_close(respond(200, BODY)[:-5])) as wire:
        raw = streamed(wire.api)
        with pytest.raises(urllib3.exceptions.ProtocolError):
            list(iter(partial(raw.read1, 7), b""))
        raw.close()


def test_partly_read_stream_is_not_reused() -> None:
    with Wire(respond(200, b"x" * 100), YES) as wire:
        raw = streamed(wire.api)
        assert raw.read(10) == b"x" * 10
        raw.release_conn()
        wire.api.get_entity_connections()
        assert wire.server.connections == 2


# -- over a real socket -----------------------------------------------------------------------------------------------


def test_head_in_single_bytes() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 28\r\n\r\n"
    with Wire(drip(head + BODY, 0.001, keep=True)) as wire:
        assert CALLS["PUT accept"](wire.api).success
        assert CALLS["PUT accept"](wire.api).success
        assert wire.server.connections == 1


def test_late_body_of_204_meets_no_other_request() -> None:
    announced = b"HTTP/1.1 204 No Content\r\nContent-Length: 60\r\n\r\n"
    with Wire(
        in_pieces(announced, b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + b'{"stolen": true}.'), YES
    ) as wire:
        with pytest.raises(ApiException):
            CALLS["PUT accept"](wire.api)
        assert CALLS["POST"](wire.api).id == "8a808255575bdae401576a914a140420"
        assert wire.server.connections == 2
