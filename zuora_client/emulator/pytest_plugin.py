"""A pytest fixture. Enable it in conftest.py: `pytest_plugins = ["zuora_client.emulator.pytest_plugin"]`.

The plugin is not an entry point: pytest would then load it in every environment in which this package is installed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import ZuoraEmulator


@pytest.fixture
def zuora_emulator() -> Iterator[ZuoraEmulator]:
    """A running emulator with three entities, started for this test and stopped after it."""
    with ZuoraEmulator() as zuora:
        yield zuora
