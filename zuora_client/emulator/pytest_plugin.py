"""The fixture for tests: ``pytest_plugins = ["zuora_client.emulator.pytest_plugin"]`` in a conftest.py makes it known.

Invariant: each test gets an emulator of its own, on a port of its own, and it is stopped when the test ends. The plugin
is not an entry point: it would load into every pytest run on a machine where this package happens to be installed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import ZuoraEmulator


@pytest.fixture
def zuora_emulator() -> Iterator[ZuoraEmulator]:
    """A started emulator with three entities."""
    with ZuoraEmulator() as zuora:
        yield zuora
