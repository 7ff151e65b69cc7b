"""Zuora's error codes and reasons. Source: Zuora's error guide; word codes from public recordings."""

from __future__ import annotations

from typing import Any

from .text import single_line

# Zuora's table of the last two digits of an error code, in its own order.
CATEGORIES = {
    10: "permission or access denied",
    11: "authentication failed",
    20: "invalid format or value",
    21: "unknown field in request",
    22: "missing required field",
    23: "missing required query parameter",
    27: "invalid query parameter",
    30: "business rule",
    40: "not found",
    45: "method not supported",
    50: "locking contention",
    60: "internal error",
    61: "temporary error",
    70: "request exceeded limit",
    90: "malformed JSON",
    99: "integration error",
}

# Server-side error categories; they do not tell whether the write took effect.
SERVER_FAULT_CATEGORIES = frozenset((60, 61, 99))

# Codes whose meaning differs from that of their category, or is more precise.
INVALID_CREDENTIAL = 90000011
WRONG_ENTITY = 90000020
CONCURRENCY_LIMIT = 50000070
_NAMED_CODES = {
    INVALID_CREDENTIAL: "invalid credential or token",
    WRONG_ENTITY: "wrong or inaccessible entity",
    CONCURRENCY_LIMIT: "concurrency limit",
}

# Word codes, which older calls and the CRUD calls use, by their category. The assignment is our choice.
WORD_CATEGORIES = {
    "API_DISABLED": 10,
    "INVALID_SESSION": 11,
    "LOCK_COMPETITION": 50,
    "MISSING_REQUIRED_VALUE": 22,
    "REQUEST_EXCEEDED_LIMIT": 70,
    "REQUEST_EXCEEDED_RATE": 70,
    "SystemError": 60,
    "TEMPORARY_ERROR": 61,
    "TRANSACTION_TERMINATED": 60,
    "TRANSACTION_TIMEOUT": 60,
    "UNKNOWN_ERROR": 60,
}
# Zuora's services whose last two digits are a category. Mediation (7xxxxxxx) numbers its errors instead.
_FIRST_DIGITS_WITH_CATEGORY = frozenset((4, 5, 6, 9))


def _category_of(code: int | str | None) -> int | None:
    if isinstance(code, str):
        return WORD_CATEGORIES.get(code, 20 if code.startswith("INVALID_") else None)
    if code is None or 100 <= code < 10_000_000 or not 0 <= code <= 99_999_999:
        return None
    if code >= 10_000_000 and code // 10_000_000 not in _FIRST_DIGITS_WITH_CATEGORY:
        return None
    return code % 100


class Reason:
    """One of Zuora's reasons for a refusal.

    Attributes:
        code: int when Zuora sent digits (as a number or as text), otherwise the word it sent, or None.
        resource: the first six digits of an eight-digit code, otherwise None.
        category: the last two digits of a code of two or eight digits that begins with 4, 5, 6 or 9; for a word code
            the category in `WORD_CATEGORIES`; otherwise None.
        message: Zuora's own words.
    """

    __module__ = "zuora_client.exceptions"  # where users import it, and where pickles look for it
    __slots__ = ("category", "code", "message", "resource")

    def __init__(self, code: int | str | None, message: str) -> None:
        self.code = code
        self.message = message
        self.category = _category_of(code)
        self.resource: int | None = None
        if isinstance(code, int) and 10_000_000 <= code <= 99_999_999:
            self.resource = code // 100

    @property
    def category_name(self) -> str | None:
        """The meaning of the category in Zuora's table, or None for a code without one."""
        return None if self.category is None else CATEGORIES.get(self.category)

    def to_dict(self) -> dict[str, Any]:
        """Return code, category, the meaning of the category, and message, as data for JSON."""
        return {
            "code": self.code,
            "category": self.category,
            "category_name": self.category_name,
            "message": self.message,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and (self.code, self.message) == (other.code, other.message)

    def __hash__(self) -> int:
        return hash((self.code, self.message))

    def __repr__(self) -> str:
        return f"Reason(code={self.code!r}, message={self.message!r})"

    def __str__(self) -> str:
        if self.code is None:
            return single_line(self.message) or "(no message)"
        meaning = (_NAMED_CODES.get(self.code) if isinstance(self.code, int) else None) or self.category_name
        code = f"{single_line(self.code)} ({meaning})" if meaning else single_line(self.code)
        return f"{code}: {single_line(self.message)}" if self.message else code
