"""An `EntityConnectionsApi` for an emulated tenant, with a fake clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator

from .clock import FakeClock


@contextlib.contextmanager
def api_for(
    zuora: ZuoraEmulator, *entities: Any, clock: FakeClock | None = None, **settings: Any
) -> Iterator[EntityConnectionsApi]:
    """Yield an API object whose OAuth client has access to the given entities only, or to all if none is given."""
    credentials = zuora.add_client(*entities)
    configuration = Configuration(client_id=credentials.client_id, client_secret=credentials.client_secret)
    configuration.host = zuora.url
    for name, value in settings.items():
        setattr(configuration, name, value)
    with ApiClient(configuration, clock=clock or FakeClock()) as client:
        yield EntityConnectionsApi(client)
