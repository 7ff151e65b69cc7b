"""The entities of a tenant, found by name or by id.

Zuora's documentation says that names are unique and that a hierarchy has at most 512 entities. Neither is relied on.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING, Any

from .._base.parameters import ENTITIES_PATH, text
from .._base.text import single_line
from .._call.error_context import describe
from .._call.response_errors import error_from_model
from ..api import EntitiesApi
from ..exceptions import InvalidResponseError
from .pairs import normalize_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..api import EntityConnectionsApi
    from ..api_client import ApiClient
    from ..models import GETEntitiesType

_MAX_SUGGESTIONS = 10
_MAX_COMPARED = 100  # The time of a comparison grows with the square of the length.
_NAMES_IN_REPR = 3


class Hierarchy:
    """The entities of a tenant as they were when they were read. Iteration and ``len()`` are over the entities.

    A hierarchy without entities is falsy, like every empty collection, but it is not None: every entity is refused.

    ``str()`` is an outline of ids and names, children below their parent.

    Args:
        entities: `GETEntitiesType` objects, or others with `id`, `name` and `parent_id`.

    Raises:
        TypeError: an item is not an entity.
        ValueError: an entity has no id, or two have the same.
    """

    __module__ = "zuora_client"  # The documented path, for pickles and tracebacks.

    def __init__(self, entities: Iterable[GETEntitiesType]) -> None:
        self._by_id: dict[str, GETEntitiesType] = {}
        self._by_name: defaultdict[str, list[GETEntitiesType]] = defaultdict(list)
        self._children: defaultdict[str, list[GETEntitiesType]] = defaultdict(list)
        for index, entity in enumerate(entities):
            if not all(hasattr(entity, name) for name in ("id", "name", "parent_id")):
                raise TypeError(f"entities[{index}] must be a GETEntitiesType, not {type(entity).__name__}")
            key = normalize_id(entity.id)
            if not key:
                raise ValueError(f"entities[{index}] has no id")
            if key in self._by_id:
                raise ValueError(f"entities[{index}] has the id of another entity: {single_line(entity.id)}")
            self._by_id[key] = entity
            self._by_name[_normalize_name(entity.name)].append(entity)
            self._children[normalize_id(entity.parent_id)].append(entity)

    @classmethod
    def load(
        cls, client: ApiClient | EntitiesApi | EntityConnectionsApi, *, zuora_entity_ids: str | bytes | None = None
    ) -> Hierarchy:
        """Read all entities of the tenant, provisioned or not, with one ``GET /v1/entities``.

        Args:
            client: the client that makes the call, or an API object of it.
            zuora_entity_ids: the entity that the call acts for; by default ``configuration.entity_id``.

        Raises:
            ApiException: the list could not be read, or is unusable.
            TypeError: `client` is something else.
        """
        response = _entities_api(client).g_et_entities(zuora_entity_ids=zuora_entity_ids)
        # With raise_on_failure=False the failure is returned as a model, which would look like an empty tenant.
        error = error_from_model(response, "GET", ENTITIES_PATH, zuora_entity_ids)
        if error is not None:
            raise error
        if response.entities is None:
            raise _invalid_list("the response has no `entities`")
        try:
            return cls(response.entities)
        except (TypeError, ValueError) as invalid:
            raise _invalid_list(str(invalid)) from None

    def find(self, name_or_id: str | bytes) -> GETEntitiesType:
        """Return the entity with this id or name.

        An id, with or without hyphens, is preferred to an equal name. A name is compared exactly; if no entity has
        exactly this name, it is compared without case and surrounding spaces.

        Raises:
            ValueError: no entity or more than one has the name. The text lists the ten nearest names with their ids.
            TypeError: `name_or_id` is not text.
        """
        wanted = text("name_or_id", name_or_id)
        entity = self._by_id.get(normalize_id(wanted))
        if entity is not None:
            return entity
        similar = self._by_name.get(_normalize_name(wanted), []) if wanted.strip() else []
        matches = [entity for entity in similar if entity.name == wanted] or similar
        if len(matches) != 1:
            raise ValueError(self._explain(wanted, len(matches)))
        return matches[0]

    def name_of(self, entity_id: str | bytes | None) -> str | None:
        """Return the name of the entity with this id, in either form; None if there is none."""
        entity = self._get(entity_id)
        return entity.name if entity is not None else None

    def parent_of(self, entity: GETEntitiesType | str | bytes) -> GETEntitiesType | None:
        """Return the parent of an entity, which may be given by name or id; None if the parent is not listed.

        Raises:
            ValueError: no entity or more than one has the name.
        """
        return self._by_id.get(normalize_id(self._resolve(entity).parent_id))

    def children_of(self, entity: GETEntitiesType | str | bytes) -> list[GETEntitiesType]:
        """Return the entities whose parent is this one, which may be given by name or id.

        Raises:
            ValueError: no entity or more than one has the name.
        """
        return list(self._children.get(normalize_id(self._resolve(entity).id), ()))

    def __contains__(self, entity: object) -> bool:
        """Whether an id, in either form, or an entity with that id is in the hierarchy. Names are not compared."""
        return self._get(getattr(entity, "id", entity)) is not None

    def __iter__(self) -> Iterator[GETEntitiesType]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        names = [_shown_name(entity) for entity in self][: _NAMES_IN_REPR + 1]
        more = ", ..." if len(names) > _NAMES_IN_REPR else ""
        shown = f": {', '.join(names[:_NAMES_IN_REPR])}{more}" if names else ""
        return f"<Hierarchy of {len(self)} {'entity' if len(self) == 1 else 'entities'}{shown}>"

    def __str__(self) -> str:
        lines = [
            f"{single_line(entity.id)}  {'  ' * depth}{_shown_name(entity)}{_shown_status(entity)}"
            for depth, entity in self._outline()
        ]
        return "\n".join(lines) or "no entities"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align: left; padding-left: {depth + 1}em">{escape(_shown_name(entity))}</td>'
            f"<td><code>{escape(single_line(entity.id))}</code></td>"
            f"<td>{escape(single_line(getattr(entity, 'status', None) or ''))}</td></tr>"
            for depth, entity in self._outline()
        )
        return f"<table><thead><tr><th>name</th><th>id</th><th>status</th></tr></thead><tbody>{rows}</tbody></table>"

    def _get(self, entity_id: Any) -> GETEntitiesType | None:
        if not isinstance(entity_id, (str, bytes)):
            return None
        return self._by_id.get(normalize_id(text("entity_id", entity_id)))

    def _resolve(self, entity: Any) -> GETEntitiesType:
        return self.find(getattr(entity, "id", entity))

    def _outline(self) -> Iterator[tuple[int, GETEntitiesType]]:
        """Yield each entity with its depth, children after their parent."""
        shown: set[int] = set()
        pending = [(0, entity) for entity in self if self.parent_of(entity) is None][::-1]
        while pending:
            depth, entity = pending.pop()
            shown.add(id(entity))
            yield depth, entity
            pending += [(depth + 1, child) for child in reversed(self.children_of(entity))]
        # Parents that form a circle have no root above them.
        yield from ((0, entity) for entity in self if id(entity) not in shown)

    def _explain(self, wanted: str, matches: int) -> str:
        if matches:
            problem = f"{matches} entities have the name {single_line(wanted)!r}: use an id"
        else:
            problem = f"no entity has the name or id {single_line(wanted)!r}"
        # Those that match are the nearest.
        nearest = self._nearest(wanted)[: matches or None]
        if not nearest:
            return f"{problem}; the hierarchy has no entities"
        heading = "they are:" if matches else "the nearest names are:"
        if len(nearest) == len(self):
            heading = "the entities are:"
        lines = [f"  {single_line(entity.id)}  {_shown_name(entity)}" for entity in nearest]
        if len(nearest) < (matches or len(self)):
            lines.append(f"  and {(matches or len(self)) - len(nearest)} more")
        return "\n".join((f"{problem}; {heading}", *lines))

    def _nearest(self, wanted: str) -> list[GETEntitiesType]:
        # Imported here: only a failed search needs it.
        from difflib import SequenceMatcher

        wanted = _normalize_name(wanted)
        matcher = SequenceMatcher(b=wanted[:_MAX_COMPARED])

        def distance(entity: GETEntitiesType) -> tuple[bool, float]:
            name = _normalize_name(entity.name)
            matcher.set_seq1(name[:_MAX_COMPARED])
            return name != wanted, -matcher.ratio()

        return sorted(self, key=distance)[:_MAX_SUGGESTIONS]


def _normalize_name(name: str | None) -> str:
    # `str`, because a response is kept as received: it may have a number here.
    return str(name or "").strip().casefold()


def _shown_name(entity: GETEntitiesType) -> str:
    return single_line(entity.name or "(no name)")


def _shown_status(entity: GETEntitiesType) -> str:
    status = getattr(entity, "status", None)
    return f" ({single_line(status)})" if status not in (None, "Provisioned") else ""


def _entities_api(client: Any) -> EntitiesApi:
    if hasattr(client, "g_et_entities"):
        api: EntitiesApi = client
        return api
    client = getattr(client, "api_client", client)
    if not hasattr(client, "call_api"):
        raise TypeError(f"client must be an ApiClient or an API object, not {type(client).__name__}")
    return EntitiesApi(client)


def _invalid_list(reason: str) -> InvalidResponseError:
    error = InvalidResponseError(status=200, reason=f"the list of entities is unusable: {reason}")
    describe(error, "GET", ENTITIES_PATH)
    error.advice = "Read the list again; if it keeps failing, contact Zuora support."
    return error
