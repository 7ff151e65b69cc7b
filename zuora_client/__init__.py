"""Client for Zuora's entity connections: list, initiate, accept, deny, disconnect, and reconcile."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# Import urllib3 before our own modules: on CPython 3.11 the reverse order costs about 3 % of the import time, because
# the allocator frees and maps the same memory hundreds of times.
from . import rest as rest
from ._version import __version__
from .api import EntityConnectionsApi
from .api_client import ApiClient
from .configuration import Configuration
from .deadline import Clock
from .environments import Environment
from .exceptions import (
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AttemptRecord,
    AuthenticationError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    Reason,
    RequestRejectedError,
    ServerError,
    TlsError,
)
from .models import POSTEntityConnectionsType

if TYPE_CHECKING:
    from typing import Any

    from .api import EntitiesApi
    from .models import (
        GETEntitiesResponseType,
        GETEntitiesResponseTypeWithId,
        GETEntitiesType,
        GETEntityConnectionsArrayItemsType,
        GETEntityConnectionsResponseType,
        POSTEntityConnectionsResponseType,
        PUTEntityConnectionsAcceptResponseType,
        PUTEntityConnectionsDenyResponseType,
        PUTEntityConnectionsDisconnectResponseType,
    )
    from .reconcile.ensure import EnsureResult, Step, ensure_connected, ensure_disconnected
    from .reconcile.hierarchy import Hierarchy
    from .reconcile.plan import ConnectionPlan, PlanIncompleteError, PlannedConnection, plan_connections
    from .reconcile.progress import ProgressLine

__all__ = [
    "ApiClient",
    "ApiConnectionError",
    "ApiException",
    "ApiTimeoutError",
    "AttemptRecord",
    "AuthenticationError",
    "Clock",
    "Configuration",
    "ConflictError",
    "ConnectionPlan",
    "EnsureResult",
    "EntitiesApi",
    "EntityConnectionsApi",
    "Environment",
    "GETEntitiesResponseType",
    "GETEntitiesResponseTypeWithId",
    "GETEntitiesType",
    "GETEntityConnectionsArrayItemsType",
    "GETEntityConnectionsResponseType",
    "Hierarchy",
    "InvalidResponseError",
    "NotFoundError",
    "OutcomeUnknownError",
    "POSTEntityConnectionsResponseType",
    "POSTEntityConnectionsType",
    "PUTEntityConnectionsAcceptResponseType",
    "PUTEntityConnectionsDenyResponseType",
    "PUTEntityConnectionsDisconnectResponseType",
    "PermissionDeniedError",
    "PlanIncompleteError",
    "PlannedConnection",
    "ProgressLine",
    "RateLimitError",
    "Reason",
    "RequestRejectedError",
    "ServerError",
    "Step",
    "TlsError",
    "__version__",
    "ensure_connected",
    "ensure_disconnected",
    "plan_connections",
]

# Imported on first use: a program that only makes single calls starts faster without these modules.
_LAZY = {
    "ConnectionPlan": ".reconcile.plan",
    "EnsureResult": ".reconcile.ensure",
    "EntitiesApi": ".api",
    "GETEntitiesResponseType": ".models",
    "GETEntitiesResponseTypeWithId": ".models",
    "GETEntitiesType": ".models",
    "GETEntityConnectionsArrayItemsType": ".models",
    "GETEntityConnectionsResponseType": ".models",
    "Hierarchy": ".reconcile.hierarchy",
    "POSTEntityConnectionsResponseType": ".models",
    "PUTEntityConnectionsAcceptResponseType": ".models",
    "PUTEntityConnectionsDenyResponseType": ".models",
    "PUTEntityConnectionsDisconnectResponseType": ".models",
    "PlanIncompleteError": ".reconcile.plan",
    "PlannedConnection": ".reconcile.plan",
    "ProgressLine": ".reconcile.progress",
    "Step": ".reconcile.ensure",
    "ensure_connected": ".reconcile.ensure",
    "ensure_disconnected": ".reconcile.ensure",
    "plan_connections": ".reconcile.plan",
}
_LAZY_MODULES = ("events", "plan", "topology")


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        return import_module(f".{name}", __name__)
    if name not in _LAZY:
        # Imported here: few programs ask for a name that does not exist.
        from ._base.missing import missing_attribute

        raise missing_attribute(__name__, name)
    value = globals()[name] = getattr(import_module(_LAZY[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LAZY_MODULES})
