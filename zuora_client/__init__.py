"""Zuora's entity connections: list, initiate, accept, deny, disconnect, and know what happened."""

from __future__ import annotations

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
from .plan import ConnectionPlan, PlanIncompleteError, plan_connections
from .topology import EnsureResult, Step, ensure_connected, ensure_disconnected

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
