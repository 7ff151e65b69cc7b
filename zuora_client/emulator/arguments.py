"""Validation of what callers pass to the emulator."""

from __future__ import annotations

from typing import Any


def validate_number(name: str, value: Any, *, minimum: float = 0, integer: bool = False) -> Any:
    """Return a finite number of at least `minimum`.

    Raises:
        TypeError: `value` is not a number, or not an integer where `integer` is set.
        ValueError: `value` is too small, infinite or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, int if integer else (int, float)):
        raise TypeError(f"{name} must be {'an integer' if integer else 'a number'}, not {type(value).__name__}")
    if not minimum <= value < float("inf"):
        raise ValueError(f"{name} must be at least {minimum}, not {value}")
    return value


def validate_text(name: str, value: Any, minimum: int, maximum: int) -> str:
    """Return a text of `minimum` to `maximum` characters.

    Raises:
        TypeError: `value` is not a text.
        ValueError: `value` is too short or too long.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text, not {type(value).__name__}")
    if not minimum <= len(value) <= maximum:
        length = f"{minimum} to {maximum}" if minimum < maximum else str(minimum)
        raise ValueError(f"{name} must have {length} characters, not {len(value)}")
    return value
