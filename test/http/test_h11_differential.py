"""Generated and mutated responses, read by this client and by h11: never more lenient, never needlessly strict."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.effort import examples
from support.in_memory import InMemoryClient, is_readable_elsewhere, read_with_h11, says_success

from zuora_client.exceptions import ApiConnectionError

pytestmark = pytest.mark.usefixtures("untraced")

SUCCESS = b'{"success": true}'
REFUSAL = b'{"success": false, "reasons": [{"code": 53100030, "message": "x"}]}'

# -- responses from parts, each of them well formed or not ------------------------------------------------------------

STATUS_LINES = st.one_of(
    st.just(b"HTTP/1.1 200 OK"),
    st.sampled_from(
        [
            *(b"HTTP/1.1 %d X" % status for status in (200, 201, 204, 304, 404, 429, 503)),
            b"HTTP/1.1 200",
            b"HTTP/1.1 200 ",
            b"HTTP/1.0 200 OK",
            b"HTTP/1.2 200 OK",
            b"HTTP/2.0 200 OK",
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1\t200 OK",
            b"HTTP/1.1 +200 OK",
            b"HTTP/1.1 0200 OK",
            b"HTTP/1.1 2_00 OK",
            b"HTTP/1.1 099 OK",
            b"HTTP/1.1 200\xa0OK",
            b"HTTP/1.1 200 O\x0bK",
            b"HTTP/1.1 200 O\rK",
            b"http/1.1 200 OK",
            b" HTTP/1.1 200 OK",
            b"",
        ]
    ),
)
FIELD_LINES = st.sampled_from(
    [
        b"Content-Length: 17",
        b"content-length:17",
        b"Content-Length: \t17 ",
        b"Content-Length: 17, 17",
        b"Content-Length: 017",
        b"Content-Length: 5",
        b"Content-Length: 0",
        b"Content-Length: 99",
        b"Content-Length: +17",
        b"Content-Length: 1_7",
        b"Content-Length: 0x11",
        b"Content-Length: -1",
        b"Content-Length:",
        b"Content-Length: 17,",
        b"Content-Length : 17",
        b"Content-Length: 17\x0b",
        b"Content-Length: 00000000000000000017",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:\tCHUNKED",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding:",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding\x0b: chunked",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: keep-alive, Close",
        b"Keep-Alive: timeout=5",
        b"Content-Type: application/json",
        b"X-A: b",
        b"X-A:",
        b"X-A: \xff\xe4",
        b"X-A: a\x00b",
        b"X-A: a\rContent-Length: 5",
        b"X-A: a\r",
        b"X-A",
        b": b",
        b"X A: b",
        b" folded",
        b"\tTransfer-Encoding: chunked",
        b"  ",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        SUCCESS,
        SUCCESS,
        REFUSAL,
        b"11\r\n" + SUCCESS + b"\r\n0\r\n\r\n",
        b"11;a=b\r\n" + SUCCESS + b"\r\n0\r\n\r\n",
        b"0011 \r\n" + SUCCESS + b"\r\n000\r\n\r\n",
        b"11\r\n" + SUCCESS + b"\r\n0\r\nX-Y: z\r\n\r\n",
        b"11\r\n" + SUCCESS + b"\r\n0\r\nno header\r\n\r\n",
        b"11\r\n" + SUCCESS + b"\r\n0\r\nContent-Length: x\r\n\r\n",
        b"11\r\n" + SUCCESS + b"0\r\n\r\n",
        b"11\r\n" + SUCCESS + b"\n\r0\r\n\r\n",
        b"11\n" + SUCCESS + b"\n0\n\n",
        b"\x0b11\r\n" + SUCCESS + b"\r\n0\r\n\r\n",
        b"0x11\r\n" + SUCCESS + b"\r\n0\r\n\r\n",
        b"11 ;a\r\n" + SUCCESS + b"\r\n0\r\n\r\n",
        b"11\r\n" + SUCCESS + b"\r\n0\r\n",
        b"11\r\n" + SUCCESS + b"\r\n",
        b'5\r\n{"suc\r\nc\r\ncess": true}\r\n0\r\n\r\n',
    ]
)
INTERIM = st.sampled_from(
    [
        b"",
        b"",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
        b"HTTP/1.1 102 X\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 100 X\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 100 X\r\ngarbage\r\n\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
    ]
)
LEFTOVERS = st.sampled_from([b"", b"", b"", b"x", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\r\n"])


def assemble(interim: bytes, status: bytes, fields: list[bytes], end: bytes, body: bytes, leftover: bytes) -> bytes:
    return interim + end.join([status, *fields, b"", b""]) + body + leftover


FROM_PARTS = st.builds(assemble, INTERIM, STATUS_LINES, st.lists(FIELD_LINES, max_size=5), ENDS, BODIES, LEFTOVERS)

# -- well-formed responses with bytes changed --------------------------------------------------------------------------

SEEDS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" + SUCCESS,
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n{"suc\r\nC\r\ncess": true}\r\n0\r\nX-Y: z\r\n\r\n',
    b"HTTP/1.1 204 No Content\r\nDate: Thu, 31 Dec 2009 20:55:48 GMT\r\nServer: Zuora App\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n" + SUCCESS,
    b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 17\r\n\r\n" + SUCCESS,
    b"HTTP/1.1 429 Slow\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
]
INTERESTING = b"\x00\x01\x08\t\n\x0b\x0c\r\x1f !+,-./0123456789:;=AFXaefx_\x7f\x80\x85\xa0\xff"
BYTES = st.one_of(st.sampled_from(INTERESTING), st.integers(0, 255))
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["replace", "insert", "delete", "cut", "repeat", "swap"]), st.integers(0, 300), BYTES),
    min_size=1,
    max_size=4,
)


def mutate(seed: bytes, mutations: list[tuple[str, int, int]]) -> bytes:
    data = bytearray(seed)
    for kind, position, byte in mutations:
        at = position % (len(data) + 1)
        if kind == "replace":
            data[at : at + 1] = bytes((byte,))
        elif kind == "insert":
            data[at:at] = bytes((byte,))
        elif kind == "delete":
            del data[at : at + 1 + byte % 3]
        elif kind == "cut":
            # Rarely: a truncated response ends most examples early.
            del data[at if byte < 32 else len(data) :]
        elif kind == "repeat":
            data[at:at] = data[at : at + 1 + byte % 24]
        else:
            data[at : at + 2] = data[at : at + 2][::-1]
    return bytes(data)


MUTATED = st.builds(mutate, st.sampled_from(SEEDS), MUTATIONS)

# -- the comparison ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client() -> InMemoryClient:
    return InMemoryClient()


def is_refused_on_purpose(data: bytes) -> bool:
    """Whether the others accept what the RFC or a bound forbids.

    Control characters, HTTP/1.0 with a transfer coding, another major version of an interim response, chunk sizes of
    more than 16 digits.
    """
    controls = re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", data) or re.search(rb";[^\n]*[\x0b-\r][^\n]*\r\n", data)
    http10_coding = b"HTTP/1.0" in data and b"transfer-encoding" in data.lower()
    long_size = re.search(rb"\n[0-9A-Fa-f]{17,}", data)
    other_version = re.search(rb"HTTP/[02-9]\.", data)
    return bool(controls or http10_coding or long_size or other_version)


def compare(client: InMemoryClient, data: bytes, piece: int) -> None:
    result = client.accept(data, piece)
    h11 = read_with_h11(data)
    if result.error is None:
        assert h11.complete, "success of a write that h11 does not accept"
    elif result.error.outcome == "not_sent":
        raise AssertionError("sent, and reported as not sent")
    if result.kept:
        assert h11.complete, "a connection is kept after a response that h11 does not accept"
        assert not h11.must_close, "a connection is kept that h11 closes"
    if h11.complete and h11.status == 200 and says_success(h11.body) and is_readable_elsewhere(data, 200, h11.body):
        refused = result.error is not None and isinstance(result.error.__cause__, ApiConnectionError)
        assert not refused or is_refused_on_purpose(data), f"refused: {result.error}"


COMMON = settings(examples(500), suppress_health_check=[HealthCheck.too_slow])


@COMMON
@given(data=FROM_PARTS, piece=st.sampled_from([65536, 1, 7]))
def test_parts_are_read_as_h11_does(client: InMemoryClient, data: bytes, piece: int) -> None:
    compare(client, data, piece)


@COMMON
@given(data=MUTATED, piece=st.sampled_from([65536, 1, 7]))
def test_mutations_are_read_as_h11_does(client: InMemoryClient, data: bytes, piece: int) -> None:
    compare(client, data, piece)


def test_seeds_are_accepted(client: InMemoryClient) -> None:
    """The comparison is not vacuous: what is well formed is accepted, and kept where h11 keeps it."""
    for seed in SEEDS:
        result, h11 = client.accept(seed), read_with_h11(seed)
        assert h11.complete
        assert result.kept is not h11.must_close
        assert (result.error is None) is (h11.status < 300)
