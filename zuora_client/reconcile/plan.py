"""Many pairs at once: what would change, as a table and as a graph, and then the change.

What it keeps: making a plan writes nothing, and applying one only ever connects. A plan is what was true when it was
made; `ConnectionPlan.apply` looks at each pair again, so it is safe after any time and after any crash.
Text from outside (ids, names, statuses) is escaped wherever a plan is drawn.
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
from .pairs import (
    CONNECTED,
    PENDING,
    active_status,
    list_outbound,
    most_advanced,
    normalize_id,
    validate_api,
    validate_pair,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..api import EntityConnectionsApi
    from ..exceptions import Outcome
    from ..models import GETEntityConnectionsArrayItemsType
    from .ensure import EnsureResult, Step

_CHANGES: dict[str | None, str] = {None: "initiate, accept", PENDING: "accept", CONNECTED: ""}
_HEADINGS = ("source", "target", "now", "to do")
_COLUMN = 60

# What is about one pair. Anything else (credentials, limits, the network) would meet the next pair as well.
_OF_ONE_PAIR = (OutcomeUnknownError, RequestRejectedError, ConflictError, NotFoundError, PermissionDeniedError)


class PlannedConnection:
    """One pair of a plan, and how it stood when the plan was made.

    Attributes:
        source_entity_id, target_entity_id: as the caller named them.
        connection: the row of the list that counts for this pair, or None.
        to_do: ``"initiate, accept"``, ``"accept"``, or ``""`` when it is connected.
    """

    __slots__ = ("connection", "source_entity_id", "target_entity_id", "to_do")

    def __init__(
        self, source_entity_id: str, target_entity_id: str, connection: GETEntityConnectionsArrayItemsType | None
    ) -> None:
        self.source_entity_id = source_entity_id
        self.target_entity_id = target_entity_id
        self.connection = connection
        self.to_do = _CHANGES[active_status(connection)]

    def __repr__(self) -> str:
        return f"<PlannedConnection {single_line(_arrow(self))}: {self.to_do or 'nothing to do'}>"


class PlanIncompleteError(ApiException):
    """Some pairs of a plan are not connected. The first failure is ``__cause__``, and lends what it knows.

    `outcome` is about the failed pairs alone: ``"unknown"`` as soon as it is so for one of them.

    Attributes:
        results: an `EnsureResult` for each pair that is connected.
        failures: a list of ``(PlannedConnection, ApiException)``.
        untried: the pairs that were not tried any more.
    """

    advice = "Read the failures; then apply the plan again: what is connected stays as it is."

    def __init__(self, status: int | None = None, reason: str | None = None, http_resp: Any = None) -> None:
        super().__init__(status, reason, http_resp)
        self.results: list[EnsureResult] = []
        self.failures: list[tuple[PlannedConnection, ApiException]] = []
        self.untried: list[PlannedConnection] = []

    def __str__(self) -> str:
        lines = [super().__str__().rstrip("\n"), f"Connected: {len(self.results)}"]
        lines += [f"  {_arrow_of_result(result)}" for result in self.results]
        lines.append(f"Failed: {len(self.failures)}")
        for pair, error in self.failures:
            words = "; ".join(str(reason) for reason in error.reasons) or error.reason
            lines.append(f"  {single_line(_arrow(pair))}: {type(error).__name__}, {single_line(words)}")
        lines.append(f"Not tried: {len(self.untried)}")
        lines += [f"  {single_line(_arrow(pair))}" for pair in self.untried]
        return "\n".join(lines) + "\n"


class ConnectionPlan:
    """What is connected among the wanted pairs, and what would be done about the rest.

    ``str()`` of it is a table of the pairs.

    Attributes:
        pairs: a `PlannedConnection` for each wanted pair, in the caller's order.
        changes: those of them that are not connected.
    """

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
        """Connect what is not connected, one pair after the other, as `ensure_connected` does. Nothing is ever ended.

        A failure that is about one pair (refused, not found, no permission, an unknown outcome) does not keep the
        others from being tried. Any other ends it at once: it would meet the next pair too.

        Args:
            on_step: called with each `Step` as soon as it is done.

        Returns:
            An `EnsureResult` for each pair of `changes`.

        Raises:
            PlanIncompleteError: an `ApiException` that says which pairs are connected, which failed, and why.
        """
        results: list[EnsureResult] = []
        failures: list[tuple[PlannedConnection, ApiException]] = []
        tried = 0
        from_on_step: list[ApiException] = []

        def tell(step: Step) -> None:
            if on_step is not None:
                try:
                    on_step(step)
                except ApiException as error:
                    from_on_step.append(error)
                    raise

        for pair in self.changes:
            tried += 1
            try:
                results.append(ensure_connected(self._api, pair.source_entity_id, pair.target_entity_id, on_step=tell))
            except ApiException as error:
                if error in from_on_step:
                    raise
                failures.append((pair, error))
                if not isinstance(error, _OF_ONE_PAIR):
                    break
        if failures:
            raise _incomplete(results, failures, list(self.changes[tried:])) from failures[0][1]
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
        """Return a Mermaid flowchart: put it between ```` ```mermaid ```` and ```` ``` ```` and GitHub draws it.

        It shows every entity that takes part, and which shares to which. A thin arrow is connected, a dotted one
        pending, a thick one what `apply` would do. Beside the wanted pairs it shows what else their sources share.
        Mermaid itself draws at most 500 arrows unless it is told otherwise.
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
        return "<br/>".join(filter(None, (_escaped(name), _escaped(entity_id))))


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
    """Look which of the wanted connections are missing. Writes nothing.

    Args:
        api: its credentials must hold all the entities.
        pairs: ``(source_entity_id, target_entity_id)``, in either spelling. A pair that comes twice counts once.
        names: entity id to name, for the table and the graph; ids are shown for entities that are not in it.

    Raises:
        ApiException: the connections of a source could not be listed.
        TypeError, ValueError: a pair is none, or a wrong id; the text says which. Nothing was sent.
    """
    validate_api("api", api)
    shown = {
        normalize_id(text("names", entity_id)): text("names", name) for entity_id, name in dict(names or {}).items()
    }
    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    for number, pair in enumerate(pairs):
        source, target = _checked(number, pair)
        wanted.setdefault((normalize_id(source), normalize_id(target)), (source, target))
    found: dict[tuple[str, str], GETEntityConnectionsArrayItemsType] = {}
    for source in {source_key: source for (source_key, _), (source, _) in wanted.items()}.values():
        for row in list_outbound(api, source):
            known = (normalize_id(row.source_entity_id), normalize_id(row.target_entity_id))
            found[known] = most_advanced(found.get(known), row)
    planned = [PlannedConnection(*pair, found.get(known)) for known, pair in wanted.items()]
    others = [row for known, row in found.items() if known not in wanted and active_status(row)]
    return ConnectionPlan(api, planned, others, shown)


def _checked(number: int, pair: Any) -> tuple[str, str]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"pairs[{number}] must be (source_entity_id, target_entity_id)")
    try:
        return validate_pair(*pair)
    except (TypeError, ValueError) as error:
        raise type(error)(f"pairs[{number}]: {error}") from None


def _incomplete(
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


def _arrow_of_result(result: EnsureResult) -> str:
    last = result.steps[-1]
    return single_line(f"{last.source_entity_id} -> {last.target_entity_id}")


def _cell(text: str) -> str:
    line = single_line(text)
    return line if len(line) <= _COLUMN else f"{line[: _COLUMN - 3]}..."


def _escaped(text: str) -> str:
    """Return text for a quoted Mermaid label: whatever could end it or be markup becomes a character code. Markup are
    also the beginnings of lists: a number with a dot, a hyphen."""
    cell = _cell(text)
    inside = (c in ".-" and following.isalnum() for c, following in zip(cell, cell[1:] + " ", strict=False))
    return "".join(
        c if c.isalnum() or c in " _" or kept else f"#{ord(c)};" for c, kept in zip(cell, inside, strict=True)
    )
