"""Plan and apply connections for many pairs of entities.

Creating a plan writes nothing, and applying it only ever connects. A plan shows the state at the time it was created;
`ConnectionPlan.apply` lists each pair again, so a plan may be applied at any later time, and again after a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._base.parameters import text
from . import rendering
from .apply import DEFAULT_WORKERS, apply_pairs, validate_workers
from .ensure import validate_on_step
from .entities import names_of, resolve_pair, validate_hierarchy
from .listing import is_connected, list_connections
from .pairs import active_status, normalize_id, validate_api
from .planned_connection import PlanIncompleteError as PlanIncompleteError
from .planned_connection import PlannedConnection as PlannedConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..api import EntityConnectionsApi
    from ..models import GETEntityConnectionsArrayItemsType
    from .hierarchy import Hierarchy
    from .steps import EnsureResult, Step


class ConnectionPlan:
    """The wanted pairs, their state, and the changes that would connect them.

    A plan is a sequence of its pairs: it can be iterated over and has a length. ``str()`` returns a table of the pairs;
    above 40 pairs it shows the changes and counts the others. A notebook shows the same table as HTML.

    Attributes:
        pairs: a `PlannedConnection` for each wanted pair, in the caller's order.
        changes: the pairs that are not connected.
        unwanted: the other connections of the plan's sources that are Connected or Pending. `apply` leaves them alone.
    """

    __module__ = "zuora_client.plan"  # The documented path, for pickles and tracebacks.

    def __init__(
        self,
        api: EntityConnectionsApi,
        pairs: Iterable[PlannedConnection],
        unwanted: Iterable[GETEntityConnectionsArrayItemsType],
        names: Mapping[str, str],
        entity_names: Mapping[str, str] | None = None,
    ) -> None:
        self._api = api
        # By normalized id: names for display, and names in the hierarchy.
        self._names = dict(names)
        self._entity_names = dict(entity_names or {})
        self.pairs = tuple(pairs)
        self.changes = tuple(pair for pair in self.pairs if pair.to_do)
        self.unwanted = tuple(unwanted)

    def apply(
        self, on_step: Callable[[Step], object] | None = None, *, workers: int = DEFAULT_WORKERS
    ) -> list[EnsureResult]:
        """Connect the pairs. Never disconnects.

        Every pair is listed again, also one that was connected when the plan was created. The connections of a source
        are listed once, then requested, listed, accepted, and listed again, up to 512 pairs at a time. Access to each
        target is checked once, before the first request to it. A lost response is settled by the list: no write is sent
        twice. A pair that changes meanwhile continues alone, as in `ensure_connected`.

        After a failed call for one pair the other pairs are still attempted, and after a failed list of a source the
        other sources. The run ends, and no further request is sent, when further calls would fail too: the credentials
        are refused, TLS cannot be set up, two calls in a row exceed a limit, or ten in a row end without a usable
        response (our choice). A refusal that concerns a pair does not count.

        Ctrl-C, and any other exception in the calling thread or in `on_step`, ends the run: no further request is sent,
        and calls that wait for a retry are given up. Responses are awaited for 3 seconds, then their connections are
        shut down: a write whose response is lost is logged as unknown. The exception continues after 5 seconds at the
        latest, and no thread stays, except one that is still opening a connection, up to ``connect_timeout``; nothing
        is sent over that. Then the plan may be applied again.

        Args:
            on_step: called with each `Step` when it is complete, by one thread at a time; an exception that it raises
                ends the run. The listings of a source are not steps; the result for each pair is.
            workers: number of threads that make calls at the same time, 1 to 64. The client then keeps as many
                connections, if ``connection_pool_maxsize`` is less. 1 makes all calls in the calling thread.

        Returns:
            An `EnsureResult` for each pair in `pairs`, in this order.

        Raises:
            PlanIncompleteError: some pairs failed; it lists the connected, failed and unattempted pairs.
            TypeError, ValueError: an invalid argument; nothing was sent.
        """
        validate_on_step(on_step)
        validate_workers(workers)
        return apply_pairs(self._api, self.pairs, self._entity_names, on_step, workers)

    # -- as data and text -------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[PlannedConnection]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as data that JSON can hold: ``pairs``, ``unwanted`` and ``changes`` (a number)."""
        return {
            "pairs": [
                {**self._row_to_dict(pair, pair.connection), "to_do": pair.to_do.split(", ") if pair.to_do else []}
                for pair in self.pairs
            ],
            "unwanted": [self._row_to_dict(row, row) for row in self.unwanted],
            "changes": len(self.changes),
        }

    def _row_to_dict(
        self,
        pair: PlannedConnection | GETEntityConnectionsArrayItemsType,
        row: GETEntityConnectionsArrayItemsType | None,
    ) -> dict[str, Any]:
        names = {**self._entity_names, **self._names}
        return {
            "source_entity_id": pair.source_entity_id,
            "source_name": names.get(normalize_id(pair.source_entity_id)),
            "target_entity_id": pair.target_entity_id,
            "target_name": names.get(normalize_id(pair.target_entity_id)),
            "connection_id": row.id if row is not None else None,
            "status": row.status if row is not None else None,
        }

    def summary(self) -> str:
        """Return one line: how many pairs would change, and how many connections are unwanted."""
        unwanted = len(self.unwanted)
        kept = (
            f" {unwanted} unwanted {'connection stays' if unwanted == 1 else 'connections stay'}." if unwanted else ""
        )
        return self._count() + kept

    def _count(self) -> str:
        nothing = "" if self.pairs else "The plan has no pairs: "
        return f"{nothing}{self._changes()} would change."

    def _changes(self) -> str:
        return f"{len(self.changes)} of {len(self.pairs)} {'pair' if len(self.pairs) == 1 else 'pairs'}"

    def __str__(self) -> str:
        return rendering.table(self.pairs, self._names, self._count())

    def _repr_html_(self) -> str:
        return rendering.html_table(self.pairs, self._names, self._count())

    def __repr__(self) -> str:
        return f"<ConnectionPlan: {self._changes()} would change>"

    def to_mermaid(self, changes_only: bool = False) -> str:
        """Return a Mermaid flowchart. GitHub renders it inside a ```` ```mermaid ```` code block.

        An arrow leads from the source to the target: thin is connected, dotted is pending, thick is what `apply` would
        do. The unwanted connections of the sources are shown too. Mermaid draws at most 500 arrows and 50,000
        characters by default: a larger graph has one arrow for the targets of a source that have the same state, with
        their number, or if that is too large too, one arrow for each state.

        Args:
            changes_only: draw only what `apply` would do.
        """
        pairs = self.changes if changes_only else self.pairs
        arrows = [(*_ends(pair), rendering.arrow(active_status(pair.connection), bool(pair.to_do))) for pair in pairs]
        if not changes_only:
            arrows += [(*_ends(row), rendering.arrow(active_status(row), False)) for row in self.unwanted]
        return rendering.mermaid(arrows, {**self._entity_names, **self._names})


def plan_connections(
    api: EntityConnectionsApi,
    pairs: Iterable[tuple[str | bytes, str | bytes]],
    *,
    names: Mapping[str, str] | None = None,
    hierarchy: Hierarchy | None = None,
) -> ConnectionPlan:
    """Return a plan that connects the given pairs. Lists the connections of every source and writes nothing.

    Args:
        api: needs access to all the entities.
        pairs: ``(source_entity_id, target_entity_id)``, ids with or without hyphens; names too if a hierarchy is given.
            Duplicates are removed.
        names: entity id to display name, for the table and the graph; other entities are shown by id.
        hierarchy: a `Hierarchy`. Every entity must be in it, and its names appear beside the ids in the table, the
            graph, steps and errors; an empty one refuses every entity. Without one, ids are sent unchecked.

    Raises:
        ApiException: the connections of a source could not be listed; ConflictError if the list kept changing.
        TypeError, ValueError: an invalid pair or id, or an entity that is not in the hierarchy, named by the index of
            its pair; nothing was sent.
    """
    validate_api("api", api)
    validate_hierarchy(hierarchy)
    display_names = {
        normalize_id(text("names", entity_id)): text("names", name) for entity_id, name in dict(names or {}).items()
    }
    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    for index, pair in enumerate(pairs):
        source, target = _resolve_item(index, pair, hierarchy)
        wanted.setdefault((normalize_id(source), normalize_id(target)), (source, target))
    entity_names = names_of((id for pair in wanted.values() for id in pair), hierarchy)
    connections, unwanted = _list_sources(api, wanted, entity_names)
    entity_names |= names_of((row.target_entity_id for row in unwanted), hierarchy)
    planned = [
        PlannedConnection(*pair, connections.get(key), entity_names.get(key[0]), entity_names.get(key[1]))
        for key, pair in wanted.items()
    ]
    return ConnectionPlan(api, planned, unwanted, display_names, entity_names)


def _list_sources(
    api: EntityConnectionsApi, wanted: Mapping[tuple[str, str], tuple[str, str]], names: Mapping[str, str]
) -> tuple[dict[tuple[str, str], GETEntityConnectionsArrayItemsType | None], list[GETEntityConnectionsArrayItemsType]]:
    """Return the connections of the wanted pairs, and the other active connections of their sources."""
    targets: dict[str, list[str]] = {}
    for source, target in wanted.values():
        targets.setdefault(normalize_id(source), []).append(target)
    found: dict[tuple[str, str], GETEntityConnectionsArrayItemsType | None] = {}
    for source_key, source in {key[0]: source for key, (source, _) in wanted.items()}.items():
        listing = list_connections(api, source, targets[source_key], is_connected, names)
        for target_key in listing.targets():
            found[source_key, target_key] = listing.find(target_key)
    unwanted = [row for key, row in found.items() if key not in wanted and row is not None and active_status(row)]
    return {key: row for key, row in found.items() if key in wanted}, unwanted


def _resolve_item(index: int, pair: Any, hierarchy: Hierarchy | None) -> tuple[str, str]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"pairs[{index}] must be (source_entity_id, target_entity_id)")
    try:
        return resolve_pair(pair[0], pair[1], hierarchy)
    except (TypeError, ValueError) as error:
        raise type(error)(f"pairs[{index}]: {error}") from None


def _ends(pair: PlannedConnection | GETEntityConnectionsArrayItemsType) -> tuple[str, str]:
    return pair.source_entity_id or "?", pair.target_entity_id or "?"
