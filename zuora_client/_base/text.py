"""Text from outside, made fit for an error message or a log line."""

from __future__ import annotations

import re
from typing import Any

# Characters of a body that an error keeps. Until secrets are redacted it holds a margin more: a secret that was cut in
# two would not be found.
KEPT_CHARACTERS = 65536
_REDACTION_MARGIN = 16384
_LINE_CHARACTERS = 500
_EXCERPT_CHARACTERS = 200


def truncate_body(body: Any) -> Any:
    """Return the part of a body that an error holds until secrets are redacted."""
    return body[: KEPT_CHARACTERS + _REDACTION_MARGIN] if isinstance(body, (str, bytes)) else body


def single_line(text: Any, limit: int = _LINE_CHARACTERS) -> str:
    """Return text from outside as one printable line of at most `limit` characters."""
    line = " ".join(str(text)[: 8 * limit].split())
    if not line.isprintable():
        line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= limit else line[:limit] + "..."


def body_excerpt(body: str) -> str:
    """Return the start of a body that is not a known envelope; of an HTML page, its words."""
    # Only the start is searched, so that a hostile page costs nothing.
    start = body[:4096].lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        # Imported here: the table of entities costs start-up time, and pages are rare. Akamai writes the reference that
        # its support asks for in entities.
        from html import unescape

        start = re.sub(r"<!--.*?(-->|$)", " ", start, flags=re.DOTALL)
        start = re.sub(r"<(script|style)\b.*?(</\1>|$)", " ", start, flags=re.IGNORECASE | re.DOTALL)
        start = unescape(re.sub(r"<[^<>]*>?", " ", start))
    return single_line(start, _EXCERPT_CHARACTERS)
