"""What the model classes share. A model is a plain object: its attributes, their JSON names, and nothing of HTTP.

Models are strict when a caller makes them and lenient when an answer does: whatever Zuora sends is kept, fields that
no model knows in `Model.additional_properties`.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Model:
    """Base of the request and response models."""

    swagger_types: ClassVar[dict[str, str]] = {}
    """Attribute name to type, as text."""

    attribute_map: ClassVar[dict[str, str]] = {}
    """Attribute name to JSON name."""

    discriminator: str | None = None

    @property
    def additional_properties(self) -> dict[str, Any]:
        """JSON name to value of every field that came with the answer and has no attribute.

        They travel with copies and pickles. They do not take part in ``==`` and `to_dict`, because Zuora adds fields
        that differ for each request.
        """
        extras: dict[str, Any] = self.__dict__.setdefault("_additional_properties", {})
        return extras

    def to_dict(self) -> dict[str, Any]:
        """Return every attribute by its Python name, None included, nested models as dicts."""
        return {name: _to_plain(getattr(self, name)) for name in self.swagger_types}

    def wire_value(self, name: str) -> Any:
        """Return an attribute as a body holds it; None when it is not set."""
        return getattr(self, name, None)

    def to_str(self) -> str:
        """Return `to_dict` as readable text."""
        # Imported here: it brings dataclasses and inspect along, a quarter of the whole start-up time.
        from pprint import pformat

        return pformat(self.to_dict())

    def __repr__(self) -> str:
        return self.to_str()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model) or type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    # Models can change, so like the generated ones they have no hash.
    __hash__ = None  # type: ignore[assignment]


def _to_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    return value.to_dict() if hasattr(value, "to_dict") else value
