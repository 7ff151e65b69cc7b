"""The API classes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .entity_connections_api import EntityConnectionsApi

if TYPE_CHECKING:
    from typing import Any

    from .entities_api import EntitiesApi

__all__ = ["EntitiesApi", "EntityConnectionsApi"]


def __getattr__(name: str) -> Any:
    # Imported on first use: not every program reads entities.
    if name not in ("EntitiesApi", "entities_api"):
        # Imported here: few programs ask for a name that does not exist.
        from .._base.missing import missing_attribute

        raise missing_attribute(__name__, name)
    module = import_module(".entities_api", __name__)
    return module if name == "entities_api" else module.EntitiesApi


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "entities_api"})
