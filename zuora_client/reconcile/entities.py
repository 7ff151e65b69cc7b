"""Names of entities: which entity an argument means, and how an entity is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._base.parameters import text
from .._base.text import single_line
from .pairs import normalize_id, validate_pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..exceptions import ApiException
    from .hierarchy import Hierarchy


def validate_hierarchy(hierarchy: Any) -> Any:
    """Return `hierarchy`. Raises TypeError if it is neither a hierarchy nor None."""
    if hierarchy is not None and not (
        callable(getattr(hierarchy, "find", None)) and callable(getattr(hierarchy, "name_of", None))
    ):
        raise TypeError(f"hierarchy must be a Hierarchy, not {type(hierarchy).__name__}")
    return hierarchy


def resolve_pair(source_entity_id: Any, target_entity_id: Any, hierarchy: Hierarchy | None) -> tuple[str, str]:
    """Return the ids of a pair. With a hierarchy, both arguments may be names too.

    Raises:
        TypeError, ValueError: an argument is not a valid id, is not in the hierarchy or has several matches there, or
            both name the same entity. The message names the argument.
    """
    if hierarchy is None:
        return validate_pair(source_entity_id, target_entity_id)
    source = _find("source_entity_id", source_entity_id, hierarchy)
    target = _find("target_entity_id", target_entity_id, hierarchy)
    return validate_pair(source, target)


def _find(parameter: str, value: Any, hierarchy: Hierarchy) -> Any:
    name_or_id = text(parameter, value)
    try:
        return hierarchy.find(name_or_id).id
    except ValueError as error:
        raise ValueError(f"{parameter}: {error}") from None


def names_of(ids: Iterable[str | None], hierarchy: Hierarchy | None) -> dict[str, str]:
    """Return the names of entities in a hierarchy, by normalized id. Empty without a hierarchy."""
    if hierarchy is None:
        return {}
    keys = {normalize_id(id) for id in ids}
    return {key: name for key in keys if (name := hierarchy.name_of(key))}


def name_entities(error: ApiException, names: Mapping[str, str]) -> None:
    """Set the names of the entities that an error is about.

    Args:
        names: by normalized id.
    """
    error.entity_name = names.get(normalize_id(error.entity_id))
    error.source_name = names.get(normalize_id(error.source_entity_id))
    error.target_name = names.get(normalize_id(error.target_entity_id))


def label(entity_id: str, name: str | None) -> str:
    """Return name and id of an entity as one line; the id alone without a name."""
    return f"{single_line(name)} ({single_line(entity_id)})" if name else single_line(entity_id)
