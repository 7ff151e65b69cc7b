"""The body of a connection request."""

from __future__ import annotations

import re

import six

from .base import Model

_LONGEST_ID = 32
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


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
        value: str = self.__dict__["target_entity_id"]
        return value

    @target_entity_id.setter
    def target_entity_id(self, value: str | bytes | None) -> None:
        if value is None:
            raise ValueError("target_entity_id must not be None: it names the entity to connect to")
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"target_entity_id must be text, not {type(value).__name__}")
        try:
            text = six.ensure_str(value)
        except UnicodeDecodeError:
            raise ValueError("target_entity_id: the bytes are not UTF-8 text") from None
        if len(text) > _LONGEST_ID and not _UUID.fullmatch(text):
            raise ValueError(
                f"target_entity_id has {len(text)} characters; at most {_LONGEST_ID}, or a hyphenated UUID"
            )
        self.__dict__["target_entity_id"] = text
