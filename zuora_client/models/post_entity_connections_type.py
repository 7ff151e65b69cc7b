"""The body of a connection request."""

from __future__ import annotations

from typing import Any

from .._base.parameters import text, without_hyphens
from .base import Model

_LONGEST_ID = 32


class POSTEntityConnectionsType(Model):
    """Names the entity to connect to. The source is the entity that the call runs in.

    Attributes:
        target_entity_id: the entity to share to: at most 32 characters, or a 36-character UUID, which is sent
            without its hyphens. Required.

    Raises:
        ValueError: on construction and on assignment, when it is None or too long.
        TypeError: when it is neither text nor bytes.
    """

    swagger_types = {"target_entity_id": "str"}
    attribute_map = {"target_entity_id": "targetEntityId"}

    def __init__(self, target_entity_id: str | bytes | None = None) -> None:
        self.target_entity_id = target_entity_id

    # The value lives in __dict__ under its own name, where the deserializer of any model puts what an answer holds.
    @property
    def target_entity_id(self) -> str:
        """Id of the entity to connect to, as it was given. Assigning None, or more than 32 characters, is an error."""
        # Not there when `__new__` alone made the model.
        value: str = self.__dict__.get("target_entity_id")  # type: ignore[assignment]
        return value

    @target_entity_id.setter
    def target_entity_id(self, value: str | bytes | None) -> None:
        if value is None:
            raise ValueError("target_entity_id must not be None: it names the entity to connect to")
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"target_entity_id must be text, not {type(value).__name__}")
        target = text("target_entity_id", value)
        if len(without_hyphens(target)) > _LONGEST_ID:
            raise ValueError(
                f"target_entity_id has {len(target)} characters; at most {_LONGEST_ID}, or a hyphenated UUID"
            )
        self.__dict__["target_entity_id"] = target

    def wire_value(self, name: str) -> Any:
        """Return an attribute as a body holds it: the target without hyphens."""
        value = super().wire_value(name)
        return without_hyphens(value) if name == "target_entity_id" and isinstance(value, str) else value
