"""Decoding of response bodies: gzip or identity, in bounded chunks, up to a size limit."""

from __future__ import annotations

import zlib

from ..exceptions import InvalidResponseError

CHUNK_SIZE = 65536


class BodyDecoder:
    """Collects the body of a response, decoded, up to `limit` bytes.

    Raises:
        InvalidResponseError: more than `limit` bytes before or after decoding, a content coding that was not requested,
            invalid gzip, or gzip that ends early.
    """

    def __init__(self, content_encoding: str | None, limit: int) -> None:
        coding = (content_encoding or "identity").strip().lower()
        if coding not in ("gzip", "x-gzip", "identity"):
            # Not truncated: the value may echo a secret, and redaction does not recognize a part of one.
            shown = repr(coding) if len(coding) <= 40 else "a long value"
            raise InvalidResponseError(reason=f"Content-Encoding is {shown}; only gzip was requested")
        self._limit = limit
        self._gzip = _new_decompressor() if coding != "identity" else None
        self._chunks: list[bytes] = []
        self._received = 0
        self._decoded = 0

    def decode(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._received += len(data)
        if self._received > self._limit:
            raise too_large(self._limit)
        if self._gzip is None:
            self._chunks.append(data)
            return
        try:
            # In chunks, because zlib copies all unconsumed input at each step.
            for start in range(0, len(data), CHUNK_SIZE):
                self._decompress(data[start : start + CHUNK_SIZE])
        except zlib.error as error:
            raise InvalidResponseError(reason=f"the response is not valid gzip ({error})") from None

    def _decompress(self, data: bytes) -> None:
        while data:
            assert self._gzip is not None
            if self._gzip.eof:
                # RFC 1952, 2.2: a gzip file is a sequence of members.
                self._gzip = _new_decompressor()
            decoded = self._gzip.decompress(data, CHUNK_SIZE)
            self._decoded += len(decoded)
            if self._decoded > self._limit:
                raise too_large(self._limit)
            self._chunks.append(decoded)
            data = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail

    def flush(self) -> bytes:
        """Return the decoded body."""
        if self._gzip is not None and self._received and not self._gzip.eof:
            raise InvalidResponseError(reason="the gzip body of the response ends early")
        return b"".join(self._chunks)


# Typeshed has no public name for this type.
def _new_decompressor() -> zlib._Decompress:  # pyright: ignore[reportPrivateUsage]
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def too_large(limit: int) -> InvalidResponseError:
    return InvalidResponseError(reason=f"the response is larger than {limit} bytes (max_response_bytes)")
