"""What a run reports: its steps, and its result for a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._base.text import single_line
from .entities import label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..models import GETEntityConnectionsArrayItemsType


class Step:
    """One listing or one write of a run. ``str()`` returns one line for a log.

    Attributes:
        action: ``"look"`` (a listing), ``"initiate"``, ``"accept"``, ``"deny"`` or ``"disconnect"``.
        source_entity_id, target_entity_id: the pair; with a hierarchy the ids, otherwise as the caller passed it.
        source_name, target_name: the names in the hierarchy; None without one.
        connection_id: the connection that was listed or changed, or None.
        detail: the result, as text.
        pairs_done: number of pairs of the run that are completed or failed.
        pairs: number of pairs of the run; 1 for a run over one pair.
    """

    __module__ = "zuora_client.topology"  # The documented path, for pickles and tracebacks.
    __slots__ = (
        "action",
        "connection_id",
        "detail",
        "pairs",
        "pairs_done",
        "source_entity_id",
        "source_name",
        "target_entity_id",
        "target_name",
    )

    def __init__(
        self,
        action: str,
        source_entity_id: str,
        target_entity_id: str,
        connection_id: str | None,
        detail: str,
        *,
        source_name: str | None = None,
        target_name: str | None = None,
        pairs_done: int = 0,
        pairs: int = 1,
    ) -> None:
        self.action = action
        self.source_entity_id = source_entity_id
        self.target_entity_id = target_entity_id
        self.connection_id = connection_id
        self.detail = detail
        self.source_name = source_name
        self.target_name = target_name
        self.pairs_done = pairs_done
        self.pairs = pairs

    def __str__(self) -> str:
        source = label(self.source_entity_id, self.source_name)
        target = label(self.target_entity_id, self.target_name)
        connection = f" (connection {single_line(self.connection_id)})" if self.connection_id else ""
        return f"{source} -> {target}: {single_line(self.detail)}{connection}"

    def __repr__(self) -> str:
        return f"<Step {self}>"


class EnsureResult:
    """The result of a completed run for one pair.

    Attributes:
        changed: whether this run changed the connection. A write without a response counts if the list shows its
            effect.
        connection: the connection as last listed, or None if there is none.
        steps: the `Step` objects of the pair, in order.
        surplus: a tuple of the other connections of the pair that are Connected or Pending. Zuora does not document
            that a pair has one connection only.
    """

    __module__ = "zuora_client.topology"  # The documented path, for pickles and tracebacks.
    __slots__ = ("changed", "connection", "steps", "surplus")

    def __init__(
        self,
        changed: bool,
        connection: GETEntityConnectionsArrayItemsType | None,
        steps: list[Step],
        surplus: Iterable[GETEntityConnectionsArrayItemsType] = (),
    ) -> None:
        self.changed = changed
        self.connection = connection
        self.steps = steps
        self.surplus = tuple(surplus)

    def __repr__(self) -> str:
        row = self.connection
        state = "no connection" if row is None else single_line(f"{row.status} {row.id}")
        surplus = f", {len(self.surplus)} surplus" if self.surplus else ""
        return f"<EnsureResult {state}, {'changed' if self.changed else 'nothing to do'}{surplus}>"
