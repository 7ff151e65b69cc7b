"""Plan and apply connections for many pairs of entities. A plan prints as a table and as a Mermaid graph.

Creating a plan writes nothing, and applying it only ever connects. A plan shows the state at the time it was created;
`ConnectionPlan.apply` lists each pair again, so a plan may be applied at any later time, and again after a crash. Ids,
names and statuses are escaped in the table and in the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._base.parameters import text
from .._base.text import single_line
from ..exceptions import (
    ANSWERED,
    NOT_SENT,
    UNKNOWN,
    ApiException,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RequestRejectedError,
)
from .ensure import ensure_connected
from .listing import is_connected, list_connections
from .pairs import CONNECTED, PENDING, active_status, normalize_id, validate_api, validate_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..api import EntityConnectionsApi
    from ..exceptions import Outcome
    from ..models import GETEntityConnectionsArrayItemsType
    from .ensure import EnsureResult, Step

_ACTIONS: dict[str | None, str] = {None: "initiate, accept", PENDING: "accept", CONNECTED: ""}
_HEADINGS = ("source", "target", "now", "to do")
_MAX_CELL_WIDTH = 60

# Errors that concern one pair only. Any other error (credentials, limits, network) would affect the next pair too.
_PER_PAIR_ERRORS = (OutcomeUnknownError, RequestRejectedError, ConflictError, NotFoundError, PermissionDeniedError)


class PlannedConnection:
    """One pair of a plan, and its state when the plan was created.

    Attributes:
        source_entity_id, target_entity_id: as the caller passed them.
        connection: the most advanced connection of the pair, or None.
        to_do: ``"initiate, accept"``, ``"accept"``, or ``""`` if the pair is connected.
    """

    __module__ = "zuora_client.plan"  # The documented path, for pickles and tracebacks.
    __slots__ = ("connection", "source_entity_id", "target_entity_id", "to_do")

    def __init__(
        self, source_entity_id: str, target_entity_id: str, connection: GETEntityConnectionsArrayItemsType | None
    ) -> None:
        self.source_entity_id = source_entity_id
        self.target_entity_id = target_entity_id
        self.connection = connection
        self.to_do = _ACTIONS[active_status(connection)]

    def __repr__(self) -> str:
        return f"<PlannedConnection {single_line(_arrow(self))}: {self.to_do or 'nothing to do'}>"


class PlanIncompleteError(ApiException):
    """Some pairs of a plan could not be connected. ``__cause__`` is the first failure, whose attributes this error has.

    `outcome` covers the failed pairs only: ``"unknown"`` if it is unknown for any of them.

    Attributes:
        results: an `EnsureResult` for each pair that was connected.
        failures: a list of ``(PlannedConnection, ApiException)``.
        untried: the pairs that were not attempted.
    """

    __module__ = "zuora_client.plan"  # The documented path, for pickles and tracebacks.
    advice = "Fix the failures, then apply the plan again: connected pairs are left alone."

    def __init__(self, status: int | None = None, reason: str | None = None, http_resp: Any = None) -> None:
        super().__init__(status, reason, http_resp)
        self.results: list[EnsureResult] = []
        self.failures: list[tuple[PlannedConnection, ApiException]] = []
        self.untried: list[PlannedConnection] = []

    def __str__(self) -> str:
        lines = [super().__str__().rstrip("\n"), f"Connected: {len(self.results)}"]
        lines += [f"  {_result_arrow(result)}" for result in self.results]
        lines.append(f"Failed: {len(self.failures)}")
        for pair, error in self.failures:
            reasons = "; ".join(str(reason) for reason in error.reasons) or error.reason
            lines.append(f"  {single_line(_arrow(pair))}: {type(error).__name__}, {single_line(reasons)}")
        lines.append(f"Not tried: {len(self.untried)}")
        lines += [f"  {single_line(_arrow(pair))}" for pair in self.untried]
        return "\n".join(lines) + "\n"


class ConnectionPlan:
    """The wanted pairs, their state, and the changes that would connect them.

    ``str()`` returns a table of the pairs.

    Attributes:
        pairs: a `PlannedConnection` for each wanted pair, in the caller's order.
        changes: the pairs that are not connected.
    """

    __module__ = "zuora_client.plan"  # The documented path, for pickles and tracebacks.

    def __init__(
        self,
        api: EntityConnectionsApi,
        pairs: list[PlannedConnection],
        others: list[GETEntityConnectionsArrayItemsType],
        names: dict[str, str],
    ) -> None:
        self._api = api
        self._others = others
        self._names = names
        self.pairs = tuple(pairs)
        self.changes = tuple(pair for pair in pairs if pair.to_do)

    def apply(self, on_step: Callable[[Step], object] | None = None) -> list[EnsureResult]:
        """Connect the pairs, one after the other, with `ensure_connected`. Never disconnects.

        Every pair is listed again, also one that was connected when the plan was created.

        After a failure that concerns one pair (refused, conflict, not found, no permission, outcome unknown) the
        remaining pairs are still attempted. Any other failure would affect the next pair too, and ends the run.

        Args:
            on_step: called with each `Step` when it is complete; an exception that it raises ends the run.

        Returns:
            An `EnsureResult` for each pair in `pairs`.

        Raises:
            PlanIncompleteError: some pairs failed; it lists the connected, failed and unattempted pairs.
        """
        results: list[EnsureResult] = []
        failures: list[tuple[PlannedConnection, ApiException]] = []
        attempted = 0
        on_step_errors: list[ApiException] = []

        def notify(step: Step) -> None:
            if on_step is not None:
                try:
                    on_step(step)
                except ApiException as error:
                    on_step_errors.append(error)
                    raise

        for pair in self.pairs:
            attempted += 1
            try:
                result = ensure_connected(self._api, pair.source_entity_id, pair.target_entity_id, on_step=notify)
                results.append(result)
            except ApiException as error:
                if error in on_step_errors:
                    raise
                failures.append((pair, error))
                if not isinstance(error, _PER_PAIR_ERRORS):
                    break
        if failures:
            raise _incomplete_error(results, failures, list(self.pairs[attempted:])) from failures[0][1]
        return results

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [_HEADINGS]
        for pair in self.pairs:
            status = pair.connection.status if pair.connection is not None else None
            source, target = self._label(pair.source_entity_id), self._label(pair.target_entity_id)
            rows.append((source, target, _cell(status or "-"), pair.to_do or "-"))
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
        rows.insert(1, tuple("-" * width for width in widths))
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, "", f"{len(self.changes)} of {len(self.pairs)} pairs would change."])

    def __repr__(self) -> str:
        return f"<ConnectionPlan: {len(self.changes)} of {len(self.pairs)} pairs would change>"

    def to_mermaid(self) -> str:
        """Return a Mermaid flowchart. GitHub renders it inside a ```` ```mermaid ```` code block.

        An arrow leads from the source to the target: thin is connected, dotted is pending, thick is what `apply` would
        do. Other active connections of the sources are shown too. Mermaid draws at most 500 arrows by default.
        """
        arrows = [(*_ends(pair), _ARROWS[active_status(pair.connection), bool(pair.to_do)]) for pair in self.pairs]
        arrows += [(*_ends(row), _ARROWS[active_status(row), False]) for row in self._others]
        nodes: dict[str, str] = {}
        lines: list[str] = []
        for source, target, _ in arrows:
            for entity_id in (source, target):
                if normalize_id(entity_id) not in nodes:
                    nodes[normalize_id(entity_id)] = f"n{len(nodes)}"
                    lines.append(f'{nodes[normalize_id(entity_id)]}["{self._mermaid_label(entity_id)}"]')
        lines += [
            f"{nodes[normalize_id(source)]} {arrow} {nodes[normalize_id(target)]}" for source, target, arrow in arrows
        ]
        return "\n".join(["flowchart LR", *(f"    {line}" for line in lines)]) + "\n"

    def _label(self, entity_id: str) -> str:
        return _cell(self._names.get(normalize_id(entity_id)) or entity_id)

    def _mermaid_label(self, entity_id: str) -> str:
        name = self._names.get(normalize_id(entity_id), "")
        return "<br/>".join(filter(None, (_escape(name), _escape(entity_id))))


_ARROWS: dict[tuple[str | None, bool], str] = {
    (CONNECTED, False): '-->|"Connected"|',
    (PENDING, False): '-.->|"Pending"|',
    (PENDING, True): '==>|"Pending, to be accepted"|',
    (None, True): '==>|"to be connected"|',
}


def plan_connections(
    api: EntityConnectionsApi,
    pairs: Iterable[tuple[str | bytes, str | bytes]],
    *,
    names: Mapping[str, str] | None = None,
) -> ConnectionPlan:
    """Return a plan that connects the given pairs. Lists the connections of every source and writes nothing.

    Args:
        api: needs access to all the entities.
        pairs: ``(source_entity_id, target_entity_id)``, ids with or without hyphens. Duplicates are removed.
        names: entity id to display name, for the table and the graph; other entities are shown by id.

    Raises:
        ApiException: the connections of a source could not be listed.
        TypeError, ValueError: an invalid pair or id, named by its index; nothing was sent.
    """
    validate_api("api", api)
    display_names = {
        normalize_id(text("names", entity_id)): text("names", name) for entity_id, name in dict(names or {}).items()
    }
    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    for index, pair in enumerate(pairs):
        source, target = _validate_item(index, pair)
        wanted.setdefault((normalize_id(source), normalize_id(target)), (source, target))
    targets: dict[str, list[str]] = {}
    for (source_key, _), (_, target) in wanted.items():
        targets.setdefault(source_key, []).append(target)
    found: dict[tuple[str, str], GETEntityConnectionsArrayItemsType | None] = {}
    for source in {source_key: source for (source_key, _), (source, _) in wanted.items()}.values():
        listing = list_connections(api, source, targets[normalize_id(source)], is_connected)
        for row in listing.rows():
            key = (normalize_id(source), normalize_id(row.target_entity_id))
            found[key] = listing.find(key[1])
    planned = [PlannedConnection(*pair, found.get(key)) for key, pair in wanted.items()]
    others = [row for key, row in found.items() if key not in wanted and row is not None and active_status(row)]
    return ConnectionPlan(api, planned, others, display_names)


def _validate_item(index: int, pair: Any) -> tuple[str, str]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"pairs[{index}] must be (source_entity_id, target_entity_id)")
    try:
        return validate_pair(*pair)
    except (TypeError, ValueError) as error:
        raise type(error)(f"pairs[{index}]: {error}") from None


def _incomplete_error(
    results: list[EnsureResult],
    failures: list[tuple[PlannedConnection, ApiException]],
    untried: list[PlannedConnection],
) -> PlanIncompleteError:
    first = failures[0][1]
    error = first.as_type(PlanIncompleteError, outcome=_worst_outcome(error for _, error in failures))
    error.results, error.failures, error.untried = results, failures, untried
    missing = len(failures) + len(untried)
    error.reason = (
        f"{missing} of {missing + len(results)} pairs could not be connected; the first failure: {first.reason}"
    )
    return error


def _worst_outcome(errors: Iterable[ApiException]) -> Outcome:
    outcomes = {error.outcome for error in errors}
    return next(outcome for outcome in (UNKNOWN, ANSWERED, NOT_SENT) if outcome in outcomes)


def _ends(pair: PlannedConnection | GETEntityConnectionsArrayItemsType) -> tuple[str, str]:
    return pair.source_entity_id or "?", pair.target_entity_id or "?"


def _arrow(pair: PlannedConnection) -> str:
    return f"{pair.source_entity_id} -> {pair.target_entity_id}"


def _result_arrow(result: EnsureResult) -> str:
    last = result.steps[-1]
    return single_line(f"{last.source_entity_id} -> {last.target_entity_id}")


def _cell(text: str) -> str:
    line = single_line(text)
    return line if len(line) <= _MAX_CELL_WIDTH else f"{line[: _MAX_CELL_WIDTH - 3]}..."


def _escape(text: str) -> str:
    """Return text for a quoted Mermaid label, with every character that could end it or be markup as a character code.

    A dot or hyphen is escaped unless a letter or digit follows, because ``1. `` and ``- `` start a Markdown list.
    """
    cell = _cell(text)
    return "".join(
        c if c.isalnum() or c in " _" or (c in ".-" and following.isalnum()) else f"#{ord(c)};"
        for c, following in zip(cell, cell[1:] + " ", strict=False)
    )
