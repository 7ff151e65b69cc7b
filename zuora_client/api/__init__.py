"""The API class."""

from __future__ import annotations

from .entity_connections_api import EntityConnectionsApi

__all__ = ["EntityConnectionsApi"]
