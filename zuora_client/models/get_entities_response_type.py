"""The list of entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import Model

if TYPE_CHECKING:
    from .get_entities_type import GETEntitiesType


class GETEntitiesResponseType(Model):
    """All entities of the tenant.

    Attributes:
        entities: the entities.
        success: whether the call succeeded.
    """

    swagger_types = {
        "entities": "list[GETEntitiesType]",
        "success": "bool",
    }
    attribute_map = {
        "entities": "entities",
        "success": "success",
    }

    def __init__(self, entities: list[GETEntitiesType] | None = None, success: bool | None = None) -> None:
        self.entities = entities
        self.success = success
