"""The response to deny."""

from __future__ import annotations

from .base import Model


class PUTEntityConnectionsDenyResponseType(Model):
    """The response to denying a connection request.

    Attributes:
        success: whether the call succeeded.
    """

    swagger_types = {"success": "bool"}
    attribute_map = {"success": "success"}

    def __init__(self, success: bool | None = None) -> None:
        self.success = success
