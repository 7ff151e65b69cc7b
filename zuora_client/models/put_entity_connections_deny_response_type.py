"""The answer to deny."""

from __future__ import annotations

from .base import Model


class PUTEntityConnectionsDenyResponseType(Model):
    """Zuora's word on a denied connection request.

    Attributes:
        success: whether Zuora did what was asked.
    """

    swagger_types = {"success": "bool"}
    attribute_map = {"success": "success"}

    def __init__(self, success: bool | None = None) -> None:
        self.success = success
