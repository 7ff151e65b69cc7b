"""The response to a connection request."""

from __future__ import annotations

from .base import Model


class POSTEntityConnectionsResponseType(Model):
    """The new connection.

    Attributes:
        id: id of the connection, needed to accept, deny or disconnect it.
        success: whether the call succeeded.
    """

    swagger_types = {"id": "str", "success": "bool"}
    attribute_map = {"id": "id", "success": "success"}

    def __init__(self, id: str | None = None, success: bool | None = None) -> None:
        self.id = id
        self.success = success
