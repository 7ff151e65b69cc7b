"""Base class of the models.

Models are validated when a caller creates them, but not when they are created from a response: received values are
kept as they are, and unknown fields are kept in `Model.additional_properties`.
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
        """JSON name to value of every received field without an attribute.

        Included in copies and pickles. Excluded from ``==`` and `to_dict`, because Zuora adds fields whose values
        differ for each request.
        """
        extras: dict[str, Any] = self.__dict__.setdefault("_additional_properties", {})
        return extras

    def to_dict(self) -> dict[str, Any]:
        """Return attribute names and values, None included, nested models as dicts."""
        return {name: _to_plain_data(getattr(self, name)) for name in self.swagger_types}

    def wire_value(self, name: str) -> Any:
        """Return an attribute as it is sent in a body; None if it is not set."""
        return getattr(self, name, None)

    def to_str(self) -> str:
        """Return `to_dict` as formatted text."""
        # Imported here: pprint imports dataclasses and inspect, a quarter of the whole start-up time.
        from pprint import pformat

        return pformat(self.to_dict())

    def __repr__(self) -> str:
        return self.to_str()

    def _repr_html_(self) -> str:
        # Imported here: only notebooks need it.
        from ._html import table

        return table(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model) or type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    # Models are mutable, so they are not hashable; generated models are not either.
    __hash__ = None  # type: ignore[assignment]


def _to_plain_data(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_plain_data(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_plain_data(item) for key, item in value.items()}
    return value.to_dict() if hasattr(value, "to_dict") else value
