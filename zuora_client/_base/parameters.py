"""Values for headers, paths and queries as text. A value that cannot be sent unchanged is rejected.

Every error is a TypeError or ValueError that names the parameter. Errors never contain a header value, which may be a
secret.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from .secrets import Secret

ENTITIES_PATH = "/v1/entities"
ENTITY_CONNECTIONS_PATH = "/v1/entity-connections"

# Compiled on first use, after a cheaper check: compiling them at import costs start-up time.
_HYPHENATED_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID_DIGITS = r"[0-9a-fA-F]{32}"
_CONTROL_CHARACTER = r"[\x00-\x1f\x7f]"
# A token of RFC 9110, 5.6.2.
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SEPARATORS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}


def text(name: str, value: Any) -> str:
    """Return str, bytes (decoded as UTF-8), int or a date (ISO 8601) as text, also out of the holder of a secret.

    Raises:
        TypeError: any other type, bool included.
        ValueError: bytes that are not UTF-8, or an integer with more digits than Python converts.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Secret):
        return text(name, value.reveal())
    if isinstance(value, bytes):
        # Imported here: it costs start-up time, and few ids and tokens are bytes.
        import six

        with contextlib.suppress(UnicodeDecodeError):
            return six.ensure_str(value)
        # Raised outside the handler, so that the UnicodeDecodeError, which contains the bytes, is not its context.
        raise ValueError(f"{name}: the bytes are not UTF-8 text")
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:
            raise ValueError(f"{name}: the integer has too many digits") from None
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{name} must be text, bytes or an integer, not {type(value).__name__}")


@lru_cache
def is_header_name(name: str) -> bool:
    """Whether `name` is a valid header name (a token of RFC 9110, 5.6.2)."""
    return (name.isascii() and name.replace("-", "").isalnum()) or bool(re.fullmatch(_HEADER_NAME, name))


def header_name(name: Any) -> str:
    """Return a header name unchanged. Raises TypeError or ValueError if it is not valid."""
    if not isinstance(name, str):
        raise TypeError(f"a header name must be text, not {type(name).__name__}")
    if not is_header_name(name):
        raise ValueError("a header name must be ASCII letters, digits and !#$%&'*+-.^_`|~ only, and not empty")
    return name


def header_text(name: str, value: Any) -> str:
    """Return a header value as text that is received unchanged. Errors never contain the value: it may be a secret.

    Raises:
        TypeError: not text, bytes or a number.
        ValueError: control characters, non-ASCII characters, or leading or trailing spaces, which receivers strip.
    """
    header: str = value
    if not isinstance(value, str):
        header = str(value) if isinstance(value, (bool, float)) else text(name, value)
    if not (header.isascii() and header.isprintable()) or header != header.strip():
        raise ValueError(
            f"{name}: a header value must be printable ASCII without leading or trailing spaces (does it end with a "
            "line break?)"
        )
    return header


def path_segment(name: str, value: Any, safe: str = "") -> str:
    """Return a path parameter percent-encoded, ``/`` included, so that it stays one segment.

    Raises:
        ValueError: None, empty, ``.``, ``..``, control characters, or a lone surrogate. Any of them would reach another
            resource.
        TypeError: not text, bytes or an integer.
    """
    if value is None:
        raise ValueError(f"{name} must not be None")
    value = text(name, value)
    if not value.isprintable() and re.search(_CONTROL_CHARACTER, value):
        raise ValueError(f"{name} must not contain control characters")
    quoted = _quote(name, value, safe)
    for segment in quoted.split("/"):
        if segment in ("", ".", ".."):
            raise ValueError(f"{name} must not be empty, '.' or '..'; got {value!r}")
    return quoted


def query_string(pairs: list[tuple[str, Any]]) -> str:
    """Return ``name=value&...`` in the given order. None is omitted, booleans are ``true`` and ``false``.

    Raises:
        TypeError: a value that is not text, bytes, a number, a bool or a date.
        ValueError: a lone surrogate, which UTF-8 cannot encode.
    """
    return "&".join(
        [
            f"{_quote('a query name', text('a query name', name))}={_quote(name, _format_value(name, value))}"
            for name, value in pairs
            if value is not None
        ]
    )


def _format_value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, float) else text(name, value)


def _quote(name: str, value: str, safe: str = "") -> str:
    if value.isascii() and value.isalnum():
        # As most ids and numbers are: quote() is slower than the rest of this module.
        return value
    try:
        return quote(value, safe=safe)
    except UnicodeEncodeError:
        raise ValueError(f"{name} contains a lone surrogate, which a URL cannot contain") from None


def with_hyphens(entity_id: str) -> str:
    """Return 32 hexadecimal digits as the 36-character UUID that headers need; any other text unchanged."""
    if len(entity_id) == 32 and re.fullmatch(_UUID_DIGITS, entity_id):
        return "-".join((entity_id[:8], entity_id[8:12], entity_id[12:16], entity_id[16:20], entity_id[20:]))
    return entity_id


def without_hyphens(entity_id: str) -> str:
    """Return a hyphenated UUID as the 32 digits that bodies and ``/v1/entities`` use; any other text unchanged."""
    if len(entity_id) == 36 and re.fullmatch(_HYPHENATED_UUID, entity_id):
        return entity_id.replace("-", "")
    return entity_id


def parameters_to_tuples(params: Any, collection_formats: dict[str, str] | None) -> list[tuple[str, Any]]:
    """Return parameters as pairs; lists are joined or repeated per `collection_formats` (csv, ssv, tsv, pipes, multi).

    Raises:
        ValueError: an unknown collection format.
        TypeError: `collection_formats` is not a dict.
    """
    pairs: list[tuple[str, Any]] = []
    formats = dict(collection_formats or {})
    for name, value in params.items() if isinstance(params, dict) else params:
        style = formats.get(name)
        if style is None or value is None:
            pairs.append((name, value))
        elif style == "multi":
            pairs.extend((name, item) for item in value)
        elif style in _SEPARATORS:
            pairs.append((name, _SEPARATORS[style].join(_format_value(name, item) for item in value)))
        else:
            raise ValueError(f"{name}: unknown collection format {style!r}; use csv, ssv, tsv, pipes or multi")
    return pairs
