"""Tests that fail, one for each failure. test_tools.py runs them with ``pytest --showlocals`` and reads the output.

The kind of credentials is in the environment variable KIND. Not collected by itself: its name has no ``test_``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.failing_calls import FAILURES, INTERRUPTS, failing_client, make_call, small_send_buffer


# pytest ends at a KeyboardInterrupt.
@pytest.mark.parametrize("failure", [name for name in FAILURES if INTERRUPTS.get(name) is not KeyboardInterrupt])
def test_failure(failure: str, tmp_path: Path) -> None:
    with failing_client(os.environ["KIND"], failure, tmp_path) as client, small_send_buffer():
        make_call(client, failure)
