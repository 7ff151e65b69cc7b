"""How much the tests that draw their data do: ZUORA_TEST_FACTOR multiplies the numbers of examples and of calls."""

from __future__ import annotations

import os

import hypothesis

FACTOR = int(os.environ.get("ZUORA_TEST_FACTOR", "1"))


def examples(count: int) -> hypothesis.settings:
    """Return the settings of a test with `count` examples, times the factor."""
    return hypothesis.settings(max_examples=count * FACTOR)
