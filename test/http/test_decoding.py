"""BodyDecoder: the same bytes whatever the chunks, up to the limit, or InvalidResponseError."""

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


def decode(chunks: list[bytes], coding: str | None = "gzip", limit: int = LIMIT) -> bytes:
    decoder = BodyDecoder(coding, limit)
    for chunk in chunks:
        decoder.decode(chunk)
    return decoder.flush()


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 400), st.integers(0, 9))
def test_gzip_members_in_chunks(members: list[bytes], size: int, level: int) -> None:
    """Gzip of any number of members decodes to the same bytes, whatever the size of the chunks."""
    data = b"".join(gzip.compress(member * 50, level) for member in members)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert decode(chunks) == b"".join(member * 50 for member in members)


@given(
    st.binary(max_size=200),
    st.integers(1, 60),
    st.sampled_from(["unchanged", "after gzip header", "truncated", "appended"]),
)
def test_arbitrary_bytes_as_gzip(data: bytes, size: int, how: str) -> None:
    """Arbitrary bytes are decoded or raise InvalidResponseError."""
    compressed = gzip.compress(data)
    body = {
        "unchanged": data,
        "after gzip header": b"\x1f\x8b\x08" + data,
        "truncated": compressed[: -(size % len(compressed))],
        "appended": compressed + data,
    }[how]
    with contextlib.suppress(InvalidResponseError):
        assert isinstance(decode([body]), bytes)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", " x-gzip ", "X-GZip"])
def test_gzip_coding_names(coding: str) -> None:
    assert decode([gzip.compress(BODY)], coding) == BODY


@pytest.mark.parametrize("coding", [None, "", "identity", "Identity"])
def test_identity_coding(coding: str | None) -> None:
    assert decode([BODY[:7], BODY[7:]], coding) == BODY


@pytest.mark.parametrize("coding", ["br", "deflate", "compress", "gzip, gzip", "identity, gzip", "zstd", "x" * 1000])
def test_unrequested_coding_is_refused(coding: str) -> None:
    with pytest.raises(InvalidResponseError, match="only gzip was requested") as caught:
        BodyDecoder(coding, LIMIT)
    assert len(str(caught.value)) < 150


def test_empty_body() -> None:
    assert decode([]) == decode([b""]) == decode([], None) == b""


@pytest.mark.parametrize("size", [1, 5, 10, 18, 500])
def test_truncated_gzip_is_refused(size: int) -> None:
    with pytest.raises(InvalidResponseError, match="ends early"):
        decode([gzip.compress(BODY)[:-size]])


@pytest.mark.parametrize(
    "data",
    [
        BODY,
        zlib.compress(BODY),
        gzip.compress(BODY) + b"more than gzip",
        gzip.compress(BODY)[:-8] + b"\0" * 8,
        gzip.compress(BODY)[:50] + b"\xff" * 50 + gzip.compress(BODY)[100:],
    ],
    ids=["not compressed", "zlib", "trailing bytes", "checksum", "damaged"],
)
def test_invalid_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidResponseError, match="is not valid gzip"):
        decode([data])


@pytest.mark.parametrize("parts", [1, 1000])
def test_limit_applies_to_decoded_size(parts: int) -> None:
    data = gzip.compress(bytes(LIMIT))
    size = len(data) // parts + 1
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert decode(chunks) == bytes(LIMIT)
    with pytest.raises(InvalidResponseError, match=f"larger than {LIMIT - 1} bytes"):
        decode(chunks, limit=LIMIT - 1)


def test_limit_applies_to_encoded_size() -> None:
    assert decode([bytes(10)] * 10, None, 100) == bytes(100)
    with pytest.raises(InvalidResponseError, match="larger than 100 bytes"):
        decode([bytes(10)] * 11, None, 100)
    # Empty members, so that only the encoded size grows.
    with pytest.raises(InvalidResponseError, match="larger than 100 bytes"):
        decode([gzip.compress(b"")] * 6, "gzip", 100)


def test_gzip_bomb_stops_at_limit() -> None:
    """Decoding stops at the limit and does not decode the whole body first."""
    bomb = gzip.compress(bytes(50_000_000))
    decoder = BodyDecoder("gzip", LIMIT)
    with pytest.raises(InvalidResponseError, match="larger"):
        decoder.decode(bomb)
    assert sum(map(len, decoder._chunks)) <= LIMIT
