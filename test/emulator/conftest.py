"""A running emulator whose clock stands still, and clients for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.emulator_clients import Connect, ConnectRaw, HttpClient, ManualClock, RawConnection

from zuora_client.emulator import Entity, ZuoraEmulator


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def zuora(clock: ManualClock) -> Iterator[ZuoraEmulator]:
    """A running emulator with four entities."""
    with ZuoraEmulator(4, clock=clock) as emulator:
        yield emulator


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Creates HTTP clients: `connect(entity)` for the fixture `zuora`, `connect(entity, emulator)` for another one."""
    clients: list[HttpClient] = []

    def create(entity: Entity | None = None, emulator: ZuoraEmulator | None = None, **options: Any) -> HttpClient:
        clients.append(HttpClient(emulator or request.getfixturevalue("zuora"), entity, **options))
        return clients[-1]

    yield create
    for client in clients:
        client.connection.close()


@pytest.fixture
def raw(request: pytest.FixtureRequest) -> Iterator[ConnectRaw]:
    """Creates bare sockets: `raw()` for the fixture `zuora`, `raw(emulator)` for another one."""
    connections: list[RawConnection] = []

    def create(emulator: ZuoraEmulator | None = None) -> RawConnection:
        connections.append(RawConnection(emulator or request.getfixturevalue("zuora")))
        return connections[-1]

    yield create
    for connection in connections:
        connection.close()
