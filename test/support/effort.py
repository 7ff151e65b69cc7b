"""How the tests that draw their data draw it.

ZUORA_TEST_FACTOR multiplies the numbers of examples and of calls. Every run draws the same examples, so that a change
fails only by what it changed; with ZUORA_TEST_RANDOM=1 a run draws others.
"""

from __future__ import annotations

import os

import hypothesis

FACTOR = int(os.environ.get("ZUORA_TEST_FACTOR", "1"))
SAME_EXAMPLES = not os.environ.get("ZUORA_TEST_RANDOM")


def examples(count: int) -> hypothesis.settings:
    """Return the settings of a test with `count` examples, times the factor."""
    return hypothesis.settings(max_examples=count * FACTOR)
