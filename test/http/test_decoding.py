"""Inflating: the same bytes whatever the pieces, within the limit, or one typed error."""

from __future__ import annotations

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuora_client._http.decoding import BodyDecoder
from zuora_client.exceptions import InvalidResponseError

BODY = bytes(range(256)) * 1000
LIMIT = 1_000_000


def inflate(pieces: list[bytes], coding: str | None = "gzip", limit: int = LIMIT) -> bytes:
    decoder = BodyDecoder(coding, limit)
    for piece in pieces:
        decoder.decode(piece)
    return decoder.flush()


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 400), st.integers(0, 9))
def test_members_and_pieces_of_any_size(members: list[bytes], size: int, level: int) -> None:
    data = b"".join(gzip.compress(member * 50, level) for member in members)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert inflate(pieces) == b"".join(member * 50 for member in members)


@given(st.binary(max_size=200), st.integers(1, 60), st.sampled_from(["as it is", "gzip in front", "cut", "behind"]))
def test_any_bytes_are_gzip_or_a_typed_error(data: bytes, size: int, how: str) -> None:
    whole = gzip.compress(data)
    body = {
        "as it is": data,
        "gzip in front": b"\x1f\x8b\x08" + data,
        "cut": whole[: -(size % len(whole))],
        "behind": whole + data,
    }[how]
    with contextlib.suppress(InvalidResponseError):
        assert isinstance(inflate([body]), bytes)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", " x-gzip ", "X-GZip"])
def test_names_of_gzip(coding: str) -> None:
    assert inflate([gzip.compress(BODY)], coding) == BODY


@pytest.mark.parametrize("coding", [None, "", "identity", "Identity"])
def test_no_coding(coding: str | None) -> None:
    assert inflate([BODY[:7], BODY[7:]], coding) == BODY


@pytest.mark.parametrize("coding", ["br", "deflate", "compress", "gzip, gzip", "identity, gzip", "zstd", "x" * 1000])
def test_what_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(InvalidResponseError, match="only gzip was asked for") as caught:
        BodyDecoder(coding, LIMIT)
    assert len(str(caught.value)) < 150


def test_nothing_is_nothing() -> None:
    assert inflate([]) == inflate([b""]) == inflate([], None) == b""


@pytest.mark.parametrize("size", [1, 5, 10, 18, 500])
def test_gzip_that_ends_early_is_refused(size: int) -> None:
    with pytest.raises(InvalidResponseError, match="ends early"):
        inflate([gzip.compress(BODY)[:-size]])


@pytest.mark.parametrize(
    "data",
    [
        BODY,
        zlib.compress(BODY),
        gzip.compress(BODY) + b"more than was told",
        gzip.compress(BODY)[:-8] + b"\0" * 8,
        gzip.compress(BODY)[:50] + b"\xff" * 50 + gzip.compress(BODY)[100:],
    ],
    ids=["plain", "zlib", "more", "sum", "broken"],
)
def test_what_is_no_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidResponseError, match="gzip and is not"):
        inflate([data])


@pytest.mark.parametrize("pieces", [1, 1000])
def test_the_limit_counts_what_comes_out(pieces: int) -> None:
    data = gzip.compress(bytes(LIMIT))
    size = len(data) // pieces + 1
    cut = [data[start : start + size] for start in range(0, len(data), size)]
    assert inflate(cut) == bytes(LIMIT)
    with pytest.raises(InvalidResponseError, match=f"larger than {LIMIT - 1} bytes"):
        inflate(cut, limit=LIMIT - 1)


def test_the_limit_counts_what_comes_in() -> None:
    assert inflate([bytes(10)] * 10, None, 100) == bytes(100)
    with pytest.raises(InvalidResponseError, match="larger than 100 bytes"):
        inflate([bytes(10)] * 11, None, 100)
    # Members with nothing in them, so that only what comes in grows.
    with pytest.raises(InvalidResponseError, match="larger than 100 bytes"):
        inflate([gzip.compress(b"")] * 6, "gzip", 100)


def test_a_bomb_is_stopped_long_before_it_is_whole() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    decoder = BodyDecoder("gzip", LIMIT)
    with pytest.raises(InvalidResponseError, match="larger"):
        decoder.decode(bomb)
    assert sum(map(len, decoder._chunks)) <= LIMIT
