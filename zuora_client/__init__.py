"""Zuora's entity connections: list, initiate, accept, deny, disconnect, and know what happened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# First, because it brings urllib3: loaded into the gaps that our own modules leave, it makes CPython 3.11 give back and
# take anew the same memory three hundred times, which costs a thirtieth of the start.
from . import rest as rest
from ._version import __version__
from .api import EntityConnectionsApi
from .api_client import ApiClient
from .configuration import Configuration
from .environments import Environment
from .exceptions import (
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    RequestRejectedError,
    ServerError,
    TlsError,
)
from .models import (
    GETEntityConnectionsArrayItemsType,
    GETEntityConnectionsResponseType,
    POSTEntityConnectionsResponseType,
    POSTEntityConnectionsType,
    PUTEntityConnectionsAcceptResponseType,
    PUTEntityConnectionsDenyResponseType,
    PUTEntityConnectionsDisconnectResponseType,
)

if TYPE_CHECKING:
    from typing import Any

    from .reconcile.ensure import EnsureResult, Step, ensure_connected, ensure_disconnected
    from .reconcile.plan import ConnectionPlan, PlanIncompleteError, plan_connections

__all__ = [
    "ApiClient",
    "ApiConnectionError",
    "ApiException",
    "ApiTimeoutError",
    "AuthenticationError",
    "Configuration",
    "ConflictError",
    "ConnectionPlan",
    "EnsureResult",
    "EntityConnectionsApi",
    "Environment",
    "GETEntityConnectionsArrayItemsType",
    "GETEntityConnectionsResponseType",
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
    "RateLimitError",
    "RequestRejectedError",
    "ServerError",
    "Step",
    "TlsError",
    "__version__",
    "ensure_connected",
    "ensure_disconnected",
    "plan_connections",
]

# A program that makes single calls does not need the job on top of them, and starts without it.
_AT_FIRST_USE = {
    "ConnectionPlan": ".reconcile.plan",
    "EnsureResult": ".reconcile.ensure",
    "PlanIncompleteError": ".reconcile.plan",
    "Step": ".reconcile.ensure",
    "ensure_connected": ".reconcile.ensure",
    "ensure_disconnected": ".reconcile.ensure",
    "plan_connections": ".reconcile.plan",
}
_JOB_MODULES = ("plan", "topology")


def __getattr__(name: str) -> Any:
    if name in _JOB_MODULES:
        return import_module(f".{name}", __name__)
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_AT_FIRST_USE[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_JOB_MODULES})
