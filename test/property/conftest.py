"""Coverage is off in this folder: hundreds of examples run the same lines."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="module")
def without_coverage(untraced: None) -> None:
    """Apply to every test of this folder."""
