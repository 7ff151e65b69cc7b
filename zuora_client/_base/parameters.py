"""Text for headers, paths and queries: it arrives as it was given, or it is refused here, by name.

Every error is a TypeError or ValueError that names the parameter. No error shows the value of a header: it may be a
secret.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from typing import Any
from urllib.parse import quote

ENTITY_CONNECTIONS_PATH = "/v1/entity-connections"

# Each is asked only after a cheaper question, and compiled then: that costs start-up time.
_DASHED = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PLAIN = r"[0-9a-fA-F]{32}"
_CONTROL = r"[\x00-\x1f\x7f]"
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SEPARATORS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}


def text(name: str, value: Any) -> str:
    """Return str, bytes (as UTF-8) or int as text, a date in ISO 8601.

    Raises:
        TypeError: another type; a bool is none of these.
        ValueError: bytes that are not UTF-8, an integer too long to be written.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        # Imported here: it costs start-up time, and few ids and tokens come as bytes.
        import six

        with contextlib.suppress(UnicodeDecodeError):
            return six.ensure_str(value)
        # Raised here, where the UnicodeDecodeError, which holds the bytes, is no longer its context.
        raise ValueError(f"{name}: the bytes are not UTF-8 text")
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:
            raise ValueError(f"{name}: the integer has too many digits to be written") from None
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{name} must be text, bytes or an integer, not {type(value).__name__}")


def is_header_name(name: str) -> bool:
    """Whether HTTP allows a header of this name."""
    return (name.isascii() and name.replace("-", "").isalnum()) or bool(re.fullmatch(_HEADER_NAME, name))


def header_name(name: Any) -> str:
    """Return a header's name. Raises TypeError or ValueError when it is not one."""
    if not isinstance(name, str):
        raise TypeError(f"a header name must be text, not {type(name).__name__}")
    if not is_header_name(name):
        raise ValueError("a header name has ASCII letters, digits and -._ only, and at least one of them")
    return name


def header_text(name: str, value: Any) -> str:
    """Return a header value as text that arrives as it is. The value is never part of an error: it may be a secret.

    Raises:
        TypeError: neither text, bytes nor a number.
        ValueError: control characters, anything but ASCII, or space at either end (receivers strip it).
    """
    if isinstance(value, (bool, float)):
        value = str(value)
    header = text(name, value)
    if not (header.isascii() and header.isprintable()) or header != header.strip():
        raise ValueError(
            f"{name}: a header value must be printable ASCII text without space at its ends (is there a line break at "
            "the end of it?)"
        )
    return header


def path_segment(name: str, value: Any, safe: str = "") -> str:
    """Return a path parameter percent-encoded whole, so that it stays one segment.

    Raises:
        ValueError: empty, ``.``, ``..``, control characters, or text that UTF-8 cannot hold. Any of them would reach
            another address than the one meant.
        TypeError: neither text, bytes nor an integer.
    """
    if value is None:
        raise ValueError(f"{name} must not be None")
    value = text(name, value)
    if not value.isprintable() and re.search(_CONTROL, value):
        raise ValueError(f"{name} must not contain control characters")
    quoted = _quote(name, value, safe)
    for segment in quoted.split("/"):
        if segment in ("", ".", ".."):
            raise ValueError(f"{name} must not be empty, '.' or '..'; it is {value!r}")
    return quoted


def query_string(pairs: list[tuple[str, Any]]) -> str:
    """Return ``name=value&...`` in the given order; a value of None is left out, True and False become JSON's words.

    Raises:
        TypeError: a value that is neither text, bytes, a number nor a date.
        ValueError: text that UTF-8 cannot hold.
    """
    return "&".join(
        f"{_quote('a query name', text('a query name', name))}={_quote(name, _plain(name, value))}"
        for name, value in pairs
        if value is not None
    )


def _plain(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, float) else text(name, value)


def _quote(name: str, value: str, safe: str = "") -> str:
    try:
        return quote(value, safe=safe)
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half of a surrogate pair, which no URL can carry") from None


def with_hyphens(entity_id: str) -> str:
    """Return the 36-character spelling that headers want; text that is not 32 hexadecimal digits as it is."""
    if len(entity_id) == 32 and re.fullmatch(_PLAIN, entity_id):
        return "-".join((entity_id[:8], entity_id[8:12], entity_id[12:16], entity_id[16:20], entity_id[20:]))
    return entity_id


def without_hyphens(entity_id: str) -> str:
    """Return the 32-digit spelling that bodies and ``/v1/entities`` use; text that is not a UUID as it is."""
    return entity_id.replace("-", "") if len(entity_id) == 36 and re.fullmatch(_DASHED, entity_id) else entity_id


def parameters_to_tuples(params: Any, collection_formats: dict[str, str] | None) -> list[tuple[str, Any]]:
    """Return parameters as pairs, lists joined or repeated as `collection_formats` says (csv, ssv, tsv, pipes, multi).

    Raises:
        ValueError: a collection format that does not exist.
        TypeError: `collection_formats` is no dict.
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
            pairs.append((name, _SEPARATORS[style].join(_plain(name, item) for item in value)))
        else:
            raise ValueError(f"{name}: there is no collection format {style!r}; there are multi, csv, ssv, tsv, pipes")
    return pairs
