"""Inflating an answer without trusting it: in bounded pieces, one coding only, whole or not at all."""

from __future__ import annotations

import zlib

from ..exceptions import InvalidResponseError

_PIECE = 65536


class BodyDecoder:
    """Takes the body of an answer piece by piece and holds it, inflated, up to a limit.

    Raises:
        InvalidResponseError: more than `limit` bytes before or after inflating, a coding that was not asked for, bytes
            that are no gzip, or gzip that ends early.
    """

    def __init__(self, content_encoding: str | None, limit: int) -> None:
        coding = (content_encoding or "identity").strip().lower()
        if coding not in ("gzip", "x-gzip", "identity"):
            # Never a part of it: it may be a secret that is said back, and a part is not recognized as one.
            told = repr(coding) if len(coding) <= 40 else "something long"
            raise InvalidResponseError(reason=f"the answer is encoded as {told}; only gzip was asked for")
        self._limit = limit
        self._gzip = _new_member() if coding != "identity" else None
        self._pieces: list[bytes] = []
        self._received = 0
        self._size = 0

    def decode(self, piece: bytes) -> None:
        """Take the next bytes of the body."""
        self._received += len(piece)
        if self._received > self._limit:
            raise too_large(self._limit)
        if self._gzip is None:
            self._pieces.append(piece)
            return
        try:
            # What zlib has not used yet it copies, at each step.
            for start in range(0, len(piece), _PIECE):
                self._inflate(piece[start : start + _PIECE])
        except zlib.error as error:
            raise InvalidResponseError(reason=f"the answer says it is gzip and is not ({error})") from None

    def _inflate(self, piece: bytes) -> None:
        while piece:
            assert self._gzip is not None
            if self._gzip.eof:
                self._gzip = _new_member()
            inflated = self._gzip.decompress(piece, _PIECE)
            self._size += len(inflated)
            if self._size > self._limit:
                raise too_large(self._limit)
            self._pieces.append(inflated)
            piece = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail

    def flush(self) -> bytes:
        """Return the whole body."""
        if self._gzip is not None and self._received and not self._gzip.eof:
            raise InvalidResponseError(reason="the answer is gzip that ends early")
        return b"".join(self._pieces)


# Typeshed knows the type by this name only.
def _new_member() -> zlib._Decompress:  # pyright: ignore[reportPrivateUsage]
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def too_large(limit: int) -> InvalidResponseError:
    return InvalidResponseError(reason=f"the answer is larger than {limit} bytes (max_response_bytes)")
