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

__all__ = [
    "ApiClient",
    "ApiConnectionError",
    "ApiException",
    "ApiTimeoutError",
    "AuthenticationError",
    "Configuration",
    "ConflictError",
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
    "RateLimitError",
    "RequestRejectedError",
    "ServerError",
    "TlsError",
    "__version__",
]
