"""The body of a connection request."""

from __future__ import annotations

from typing import Any

from .._base.parameters import text, without_hyphens
from .base import Model

_MAX_ID_LENGTH = 32


class POSTEntityConnectionsType(Model):
    """A connection request. The source is the entity that the call runs in.

    Attributes:
        target_entity_id: the entity to share with: at most 32 characters, or a 36-character UUID, which is sent
            without hyphens. Required.

    Raises:
        ValueError: on construction and on assignment, if `target_entity_id` is None or too long.
        TypeError: if `target_entity_id` is neither text nor bytes.
    """

    swagger_types = {"target_entity_id": "str"}
    attribute_map = {"target_entity_id": "targetEntityId"}

    def __init__(self, target_entity_id: str | bytes | None = None) -> None:
        self.target_entity_id = target_entity_id

    # The value is stored in __dict__ under the attribute's own name, where deserialization also puts it.
    @property
    def target_entity_id(self) -> str:
        """The entity to share with, as it was given. Raises on assignment, see the class."""
        # Missing if only `__new__` has run, as during unpickling.
        value: str = self.__dict__.get("target_entity_id")  # type: ignore[assignment]
        return value

    @target_entity_id.setter
    def target_entity_id(self, value: str | bytes | None) -> None:
        if value is None:
            raise ValueError("target_entity_id must not be None")
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"target_entity_id must be text, not {type(value).__name__}")
        target = text("target_entity_id", value)
        if len(without_hyphens(target)) > _MAX_ID_LENGTH:
            raise ValueError(
                f"target_entity_id must be a UUID or at most {_MAX_ID_LENGTH} characters; it has {len(target)}"
            )
        self.__dict__["target_entity_id"] = target

    def wire_value(self, name: str) -> Any:
        """Return an attribute as it is sent in a body: `target_entity_id` without hyphens."""
        value = super().wire_value(name)
        return without_hyphens(value) if name == "target_entity_id" and isinstance(value, str) else value
