"""The response to disconnect."""

from __future__ import annotations

from .base import Model


class PUTEntityConnectionsDisconnectResponseType(Model):
    """The response to disconnecting a connection.

    Attributes:
        success: whether the call succeeded.
    """

    swagger_types = {"success": "bool"}
    attribute_map = {"success": "success"}

    def __init__(self, success: bool | None = None) -> None:
        self.success = success
