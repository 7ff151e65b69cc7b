"""The version of the distribution, in this one place: setup.py reads it as text, the package imports it."""

from __future__ import annotations

__version__ = "1.0.0"
