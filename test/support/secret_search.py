"""Finds twelve-character pieces of secrets in text, in every encoding.

The pieces are encoded and looked up, where `zuora_client._call.redaction` decodes the text and compares.
"""

from __future__ import annotations

import base64
import html
import json
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 12
_EVERY_CHARACTER = (
    "\\u{:04x}",
    "\\x{:02x}",
    "%{:02x}",
    "%25{:02x}",
    "&#{};",
    "&#x{:x};",
    "{:c}\0",
    "{:c}\\x00",
    "\0{:c}",
)


def find_leaks(text: str, secrets: list[str]) -> list[str]:
    """Return the encoded pieces of these secrets that a text contains."""
    lowered = text.lower()
    return [needle for secret in secrets for needle in _needles(secret) if needle in lowered]


@cache
def _needles(secret: str) -> frozenset[str]:
    pieces = {secret[i : i + PIECE] for i in range(len(secret) - PIECE + 1)} or {secret}
    return frozenset(encoded.lower() for piece in pieces for encoded in _encodings(piece))


def _encodings(piece: str) -> Iterator[str]:
    yield piece
    yield from (quote(piece, safe=""), quote(quote(piece, safe=""), safe=""), quote_plus(piece))
    yield from (html.escape(piece), html.escape(html.escape(piece)), repr(piece)[1:-1])
    yield from (json.dumps(piece)[1:-1], json.dumps(json.dumps(piece)[1:-1])[1:-1], piece.replace("/", "\\/"))
    yield from ("".join(form.format(ord(character)) for character in piece) for form in _EVERY_CHARACTER)
    for data in (piece.encode(), piece.encode("utf-16-le"), piece.encode("utf-16-be")):
        yield data.hex()
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + data).decode()
            core = encoded[(4 * offset + 2) // 3 : (offset + len(data)) * 8 // 6]
            yield from (core, core.replace("+", "-").replace("/", "_"), core.replace("/", "\\/"))
