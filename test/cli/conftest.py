"""Fixtures: an emulated tenant with four entities, and the tool with settings for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Tool

from zuora_client.emulator import ZuoraEmulator


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator(entities=4) as emulator:
        yield emulator


@pytest.fixture
def tool(zuora: ZuoraEmulator, tmp_path: Path) -> Tool:
    return Tool(zuora, tmp_path)
