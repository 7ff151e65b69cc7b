"""Validation of the numbers that callers pass to the emulator."""

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
