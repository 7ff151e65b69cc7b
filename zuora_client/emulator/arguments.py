"""Numbers that tests give to the emulator: what could never work is refused where it is given."""

from __future__ import annotations

from typing import Any


def checked(name: str, value: Any, *, least: float = 0, whole: bool = False) -> Any:
    """Return a number of at least so much. Anything else is a TypeError or ValueError that names the argument."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise TypeError(f"{name} must be a {'whole ' if whole else ''}number, not {type(value).__name__}")
    if not least <= value < float("inf"):
        raise ValueError(f"{name} must be at least {least}; it is {value}")
    return value
