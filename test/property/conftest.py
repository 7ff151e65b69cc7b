"""Hundreds of examples of the same lines: coverage does not look on."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="module")
def without_coverage(untraced: None) -> None:
    """For every test of this folder."""
