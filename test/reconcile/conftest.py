"""Fixtures: an emulated tenant, and an API object with access to all its entities."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import FakeClock
from support.tenant import api_for

from zuora_client import EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator(entities=6) as emulator:
        yield emulator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api(zuora: ZuoraEmulator, clock: FakeClock) -> Iterator[EntityConnectionsApi]:
    with api_for(zuora, clock=clock) as api:
        yield api
