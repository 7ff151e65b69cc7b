"""HTTP/1.1 messages, compared with http.client, and the malformed responses that it accepts."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import respond
from support.calls import CALLS, failure_of
from support.faulty import then_close
from support.wire import Wire
from urllib3._collections import HTTPHeaderDict

from zuora_client._base.base_url import BaseURL
from zuora_client._codec.headers import header_lines
from zuora_client._http.attempt import Attempt
from zuora_client._http.http1 import ProtocolError, Response
from zuora_client.deadline import Clock, Deadline, Timeouts
from zuora_client.exceptions import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'{"success": true, "id": "1"}'


@contextlib.contextmanager
def served(data: bytes) -> Iterator[socket.socket]:
    """Yield a socket that receives exactly these bytes, then the end of the connection."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(data)
        far.shutdown(socket.SHUT_WR)
        yield near


def new_attempt() -> Attempt:
    return Attempt(Deadline(None, Clock()), Timeouts(None, None, None), write=True)


def head_of(data: bytes, method: str = "GET") -> Response:
    return head_and_reader(data, method)[0]


def head_and_reader(data: bytes, method: str = "GET") -> tuple[Response, Any]:
    with served(data) as sock:
        response = Response(new_attempt(), sock, method=method)
        reader = response.fp.raw
        try:
            response.begin()
        finally:
            response.close()
        return response, reader


# -- responses ------------------------------------------------------------------------------------------------------

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_!#$%&'*+.^`|~", min_size=1, max_size=20)
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"])
VALUES = st.text(PRINTABLE, max_size=40)
FRAMING = {
    "Content-Length": st.integers(0, 2**40).map(str),
    "transfer-encoding": st.sampled_from(["chunked", "Chunked"]),
    "CONNECTION": st.sampled_from(["close", "Close", "keep-alive", "Keep-Alive", "upgrade", "close, TE"]),
}
HEADS = st.builds(
    lambda version, status, reason, framing, others, order: (
        f"HTTP/{version} {status}{reason}",
        order.sample([*framing.items(), *others], len(framing) + len(others)),
    ),
    st.sampled_from(["1.0", "1.1"]),
    st.integers(200, 599),
    st.one_of(st.just(""), VALUES.map(lambda words: f" {words}")),
    st.fixed_dictionaries({}, optional=FRAMING),
    st.lists(st.tuples(TOKENS.map(lambda name: f"X-{name}"), VALUES), max_size=10),
    st.randoms(use_true_random=False),
)


@given(HEADS, st.sampled_from([": ", ":", ":\t "]), st.sampled_from(["GET", "HEAD", "POST"]))
def test_well_formed_headers_match_http_client(head: Any, colon: str, method: str) -> None:
    """A well-formed status line and headers are parsed as http.client parses them."""
    status_line, headers = head
    is_http10 = status_line.startswith("HTTP/1.0")
    assume(not (is_http10 and "transfer-encoding" in dict(headers)))
    lines = [status_line, *(f"{name}{colon}{value}" for name, value in headers), "", ""]
    data = "\r\n".join(lines).encode("latin-1")
    ours, raw = head_and_reader(data, method)
    with served(data) as sock, contextlib.closing(http.client.HTTPResponse(sock, method=method)) as theirs:
        theirs.begin()

    def parsed(response: Any) -> Any:
        # http.client sets `chunked` also for a response without a body.
        will_close = response.will_close if response is theirs else not raw.keep_alive
        framing = response.chunked and response.length is None, response.length, will_close
        # The keep-alive of HTTP/1.0 is not used.
        return response.version, response.status, response.reason, framing[:2] if is_http10 else framing

    assert parsed(ours) == parsed(theirs)
    assert list(ours.headers.items()) == [(name, value.rstrip(" ")) for name, value in _by_name(theirs.headers)]


def _by_name(headers: Any) -> list[tuple[str, str]]:
    # HTTPHeaderDict groups headers of the same name under the first spelling.
    return list(HTTPHeaderDict(headers.items()).items())


def test_page_takes_one_socket_read() -> None:
    """A page of 300 rows that has arrived is read with one read from the socket."""

    class Counting:
        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock
            self.reads = 0

        def recv_into(self, buffer: Any) -> int:
            self.reads += 1
            return self._sock.recv_into(buffer)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sock, name)

    body = b"x" * 300 * 170
    with served(respond(200, body)) as sock:
        counting: Any = Counting(sock)
        response = Response(new_attempt(), counting, method="GET")
        response.begin()
        assert response.read() == body
        assert counting.reads == 1


def test_interim_responses_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nConnection: close\r\n\r\n"
    response, raw = head_and_reader(interim + b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n")
    assert (response.status, response.length, raw.keep_alive) == (201, 5, True)
    assert list(response.headers) == ["Content-Length"]


@pytest.mark.parametrize(
    ("lines", "headers"),
    [
        pytest.param(["A: 1", " 2", "\t3", "B: 4"], {"A": "1 2 3", "B": "4"}, id="folded"),
        pytest.param(["A: 1", "  ", "B: 2"], {"A": "1", "B": "2"}, id="folded, only spaces"),
        pytest.param(["A: ", "B:"], {"A": "", "B": ""}, id="empty"),
        pytest.param(["A: 1", "a: 2"], {"A": "1, 2"}, id="repeated"),
        pytest.param(["A: b: c"], {"A": "b: c"}, id="colon in the value"),
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_unusual_header_lines(lines: list[str], headers: dict[str, str], end: str) -> None:
    response = head_of(end.join(["HTTP/1.1 200 OK", *lines, "", ""]).encode())
    assert {name: response.headers[name] for name in response.headers} == headers


@pytest.mark.parametrize(
    ("head", "error"),
    [
        pytest.param(b"", http.client.RemoteDisconnected, id="empty"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1\r\n", http.client.RemoteDisconnected, id="truncated headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1\r\nB", http.client.RemoteDisconnected, id="truncated line"),
        pytest.param(b"HTTP/2.0 200 OK\r\n\r\n", http.client.UnknownProtocol, id="version"),
        pytest.param(b"ICY 200 OK\r\n\r\n", http.client.BadStatusLine, id="protocol"),
        pytest.param(b"HTTP/1.1 2x0 OK\r\n\r\n", http.client.BadStatusLine, id="status"),
        pytest.param(b"HTTP/1.1 101 Switching\r\n\r\n", http.client.HTTPException, id="switching protocols"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 65536, http.client.LineTooLong, id="long line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 101, http.client.HTTPException, id="many headers"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nA: 1\r\n" + b" 2\r\n" * 100, http.client.HTTPException, id="long folded header"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            http.client.HTTPException,
            id="conflicting lengths",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            http.client.HTTPException,
            id="transfer coding",
        ),
    ],
)
def test_malformed_head_raises(head: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        head_of(head)


AMBIGUOUS_FRAMING = [
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\x0b: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: gzip",
    "Content-Length : 50",
]


def with_line(line: str, data: bytes) -> bytes:
    """Add a line to the headers of a response."""
    return data.replace(b"\r\n", f"\r\n{line}\r\n".encode("latin-1"), 1)


@pytest.mark.parametrize("line", AMBIGUOUS_FRAMING)
def test_ambiguous_framing_is_an_error(line: str) -> None:
    """A response whose end is ambiguous leaves the outcome of a write unknown."""
    with Wire(with_line(line, respond(200, BODY)), read_timeout=60) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (error.outcome, len(wire.requests)) == ("unknown", 1)


@pytest.mark.parametrize("line", AMBIGUOUS_FRAMING)
def test_ambiguous_framing_smuggles_no_response(line: str) -> None:
    """Bytes after a response with ambiguous framing are not read as the next response."""
    smuggled = b"2c\r\nab" + respond(200, BODY)
    with Wire(with_line(line, respond(200, smuggled)), read_timeout=60) as wire:
        for _ in range(2):
            failure_of(CALLS["PUT accept"], wire.api)
        assert wire.server.connections == 2


def test_conflicting_framing_prevents_reuse() -> None:
    """Transfer-Encoding overrides Content-Length, and the connection is not reused (RFC 9112, 6.3)."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 90\r\n\r\n"
    with Wire(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)) as wire:
        for _ in range(2):
            assert CALLS["PUT accept"](wire.api).success is True
        assert wire.server.connections == 2


@pytest.mark.parametrize("status", [204, 304])
def test_bodiless_status_ignores_transfer_encoding(status: int) -> None:
    """A 204 or 304 with Transfer-Encoding: chunked has no body to wait for; such a 204 is not a success."""
    bodiless = f"HTTP/1.1 {status} Nothing\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with Wire(bodiless, read_timeout=60) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert isinstance(error.__cause__, InvalidResponseError)
        assert (error.outcome, error.__cause__.status) == ("unknown", status)


def test_repeated_equal_content_length() -> None:
    for lines in ("Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5"):
        assert head_of(f"HTTP/1.1 200 OK\r\n{lines}\r\n\r\n".encode()).length == 5


@pytest.mark.parametrize("length", ["+5", "5_0", "0x5", "-5", "5.0", "\xb2", "9" * 21, "abc", "", "5,", "5 5"])
def test_malformed_content_length_is_an_error(length: str) -> None:
    with pytest.raises(ProtocolError, match="Content-Length"):
        head_of(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode("latin-1"))


CLOSING = {
    "Connection: close": respond(200, BODY, {"Connection": "close"}),
    "Connection: TE, Close": respond(200, BODY, {"Connection": "TE, Close"}),
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "HTTP/1.0, keep-alive": b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: %d\r\n\r\n%s"
    % (len(BODY), BODY),
}
KEEP_ALIVE = {"HTTP/1.1": respond(200, BODY)}


@pytest.mark.parametrize("name", [*CLOSING, *KEEP_ALIVE])
def test_closing_server_gets_one_request(name: str) -> None:
    """A connection is not reused after the server announced that it closes it."""
    # The server may close at any moment, which would leave the outcome of a write unknown.
    with Wire({**CLOSING, **KEEP_ALIVE}[name]) as wire:
        for _ in range(3):
            CALLS["PUT accept"](wire.api)
        assert (wire.server.connections, len(wire.requests)) == (3 if name in CLOSING else 1, 3)


def test_too_many_headers_leave_outcome_unknown() -> None:
    with Wire(then_close(b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 101 + b"\r\n" + BODY)) as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (error.outcome, len(wire.requests)) == ("unknown", 1)
        assert "more than 100 header lines" in str(error)


# -- requests -------------------------------------------------------------------------------------------------------


class Recorder(io.BytesIO):
    """Records what is sent, in place of a socket."""

    def sendall(self, data: bytes) -> None:
        self.write(data)


# The last two are refused when a request is built: they define its framing.
SPECIAL = ("host", "accept-encoding", "content-length", "transfer-encoding")
NAMES = TOKENS.filter(lambda name: name.lower() not in SPECIAL)
ASCII_VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
HEADERS = st.tuples(
    st.dictionaries(NAMES, ASCII_VALUES, max_size=6),
    st.fixed_dictionaries({}, optional={"host": st.just("other.example"), "Accept-Encoding": st.just("gzip")}),
).map(lambda parts: {**parts[0], **parts[1]})
HOSTS = [
    "https://rest.zuora.com",
    "https://REST.zuora.com:443",
    "https://rest.zuora.com:8443",
    "http://127.0.0.1",
    "http://127.0.0.1:80",
    "http://127.0.0.1:443",
    "http://[::1]:9000",
    "https://[::1]",
]


@given(
    st.sampled_from(["GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH"]),
    st.sampled_from(["/", "/v1/entity-connections?page=2&pageSize=300"]),
    st.sampled_from(HOSTS),
    HEADERS,
    st.one_of(st.none(), st.binary(max_size=50)),
)
def test_requests_match_http_client(
    method: str, target: str, url: str, headers: dict[str, str], body: bytes | None
) -> None:
    """A request has the same bytes as by http.client, with `Connection: keep-alive` added."""
    host = BaseURL(url)
    kind = http.client.HTTPSConnection if host.scheme == "https" else http.client.HTTPConnection
    recorder: Any = Recorder()
    theirs = kind(str(host.name), host.port or kind.default_port)
    theirs.sock = recorder
    names = {name.lower() for name in headers}
    theirs.request(method, target, body, headers if "connection" in names else {"Connection": "keep-alive", **headers})
    lines = header_lines(method, host.authority, headers, body)
    request = b"\r\n".join([f"{method} {target} HTTP/1.1".encode(), *lines, b"", body or b""])
    assert request == recorder.getvalue()


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://rest.zuora.com.", "rest.zuora.com"),
        ("https://rest.zuora.com.:8443", "rest.zuora.com:8443"),
        ("http://[fe80::1%25eth0]:8080", "[fe80::1]:8080"),
        ("http://a%62c.example", "a%62c.example"),
    ],
)
def test_host_header(url: str, authority: str) -> None:
    """The Host header has no trailing dot and no IPv6 zone."""
    assert BaseURL(url).authority == authority


@pytest.mark.parametrize("breaks", ["\r\n", "\n", "\r"])
def test_line_breaks_are_refused(breaks: str) -> None:
    """A line break in a header raises, so that no second request can be smuggled in."""
    for headers in ({"A": f"1{breaks}B: 2"}, {f"A: 1{breaks}B": "2"}):
        with pytest.raises(ValueError, match="line break"):
            header_lines("GET", "127.0.0.1", headers, None)
