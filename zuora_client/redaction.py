"""Secrets do not come back. An answer may echo what was sent to it; an error must not carry that on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from .exceptions import ApiException, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MASK = "[redacted]"
# Shorter text is no secret worth the name, and would turn harmless words into masks.
_SHORTEST = 6


def redact(error: ApiException, secrets: Iterable[str]) -> None:
    """Mask every secret in everything that `error` and its causes hold or print, in the spellings in which servers
    echo them. A foreign cause that shows one is cut off."""
    spellings = sorted({form for secret in secrets for form in _spellings(secret)}, key=len, reverse=True)

    def clean(text: str) -> str:
        for spelling in spellings:
            text = text.replace(spelling, _MASK)
        return text

    while True:
        _clean_error(error, clean)
        cause = error.__cause__
        if not isinstance(cause, ApiException):
            break
        error = cause
    if cause is not None and clean(str(cause)) != str(cause):
        error.__cause__ = None


def _clean_error(error: ApiException, clean: Callable[[str], str]) -> None:
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, clean(value))
    error.reasons = tuple(_clean_reason(reason, clean) for reason in error.reasons)
    if error.headers and any(clean(value) != value for value in error.headers.values()):
        headers: Any = error.headers.copy()  # type: ignore[attr-defined]
        for name in list(headers):
            headers[name] = clean(headers[name])
        error.headers = headers


def _clean_reason(reason: Reason, clean: Callable[[str], str]) -> Reason:
    return Reason(clean(reason.code) if isinstance(reason.code, str) else reason.code, clean(reason.message))


def _spellings(secret: str) -> Iterable[str]:
    parts = {secret, secret.partition(" ")[2]}
    for part in parts:
        if len(part) >= _SHORTEST:
            yield from (part, quote(part, safe=""), quote_plus(part), json.dumps(part)[1:-1])
