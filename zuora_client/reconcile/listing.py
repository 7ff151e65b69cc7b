"""Zuora's list of the connections of one source, read until its absences can be believed.

The list has no snapshot: while it is read page by page, rows may move from a page that is still unread to one that was
read already, and be missed. A list of one page is believed at once. In a longer one, a row that was seen exists, and an
absence is believed only when a second pass agrees. Each row counts with the newest status that was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._base.parameters import ENTITY_CONNECTIONS_PATH, path_segment
from .._call.error_context import describe
from ..exceptions import ANSWERED, ApiException, ConflictError, InvalidResponseError
from .entities import label, name_entities
from .pairs import CONNECTED, active_status, most_advanced, normalize_id, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..api import EntityConnectionsApi
    from ..models import GETEntityConnectionsArrayItemsType

    Row = GETEntityConnectionsArrayItemsType

# Our choice: the third pass settles one change between the first two, the fourth one more.
_MAX_PASSES = 4
_SHOWN_PAIRS = 10


class Listing:
    """The connections of one source, by target and by id."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {}

    def add(self, row: Row) -> None:
        """Add a row. It replaces an earlier one with the same id, however that is written."""
        self._rows.setdefault(normalize_id(row.target_entity_id), {})[normalize_id(row.id)] = row

    def update(self, other: Listing) -> None:
        """Add every row of a newer listing."""
        for row in other.rows():
            self.add(row)

    def rows(self) -> Iterator[Row]:
        """Yield every row."""
        for rows in self._rows.values():
            yield from rows.values()

    def targets(self) -> list[str]:
        """Return the normalized ids of all targets."""
        return list(self._rows)

    def find(self, target: str) -> Row | None:
        """Return the most advanced connection to a target, or None."""
        found: Row | None = None
        for row in self._rows.get(normalize_id(target), {}).values():
            found = most_advanced(found, row)
        return found

    def surplus(self, target: str) -> list[Row]:
        """Return the other active connections to a target."""
        found = self.find(target)
        rows = self._rows.get(normalize_id(target), {}).values()
        return [row for row in rows if row is not found and active_status(row)]


def is_connected(row: Row | None) -> bool:
    """Whether a row needs no second pass when the aim is to connect."""
    return active_status(row) == CONNECTED


def is_active(row: Row | None) -> bool:
    """Whether a row needs no second pass when the aim is to disconnect, or to see a new request."""
    return active_status(row) is not None


def list_connections(
    api: EntityConnectionsApi,
    source: str,
    targets: Iterable[str],
    is_conclusive: Callable[[Row | None], bool],
    names: Mapping[str, str],
) -> Listing:
    """Return the connections whose source is `source`.

    Args:
        targets: the entities whose connections matter. Their absence is confirmed by a second pass if the list has more
            than one page.
        is_conclusive: whether the connection of a target needs no second pass.
        names: normalized entity id to name, for errors.

    Raises:
        ConflictError: the connection of a target differed between each of four passes. Its `outcome` is ``answered``.
        ApiException: a page failed, or an active connection has no usable id.
    """
    merged = Listing()
    unconfirmed = list(targets)
    for number in range(_MAX_PASSES):
        before = {target: state(merged.find(target)) for target in unconfirmed}
        try:
            newest, pages = _read(api, source)
        except ApiException as error:
            name_entities(error, names)
            raise
        merged.update(newest)
        if number == 0 and pages <= 1:
            return merged
        unconfirmed = [
            target
            for target in unconfirmed
            if not is_conclusive(merged.find(target))
            and not (number and before[target] == state(newest.find(target)) == state(merged.find(target)))
        ]
        if not unconfirmed:
            return merged
    raise _changing(source, unconfirmed, names)


def _read(api: EntityConnectionsApi, source: str) -> tuple[Listing, int]:
    """Return the rows of one pass, and the number of pages."""
    listing = Listing()
    iterator = api.iter_entity_connections(zuora_entity_ids=source, type="outbound")
    for row in iterator:
        # Checked again, because acting on a connection of the other direction would be irreversible.
        if normalize_id(row.source_entity_id) == normalize_id(source):
            if active_status(row) and not _has_usable_id(row):
                raise _without_id(source)
            listing.add(row)
    return listing, iterator.pages_read


def _has_usable_id(row: Row) -> bool:
    try:
        path_segment("id", row.id)
    except (TypeError, ValueError):
        return False
    return bool(normalize_id(row.id))


def _without_id(source: str) -> InvalidResponseError:
    error = InvalidResponseError(status=200, reason="the list contains a connection without a usable id")
    describe(error, "GET", ENTITY_CONNECTIONS_PATH, source)
    error.advice = (
        "Contact Zuora support about this entity: a connection without an id cannot be accepted, denied or "
        "disconnected."
    )
    return error


def _changing(source: str, targets: list[str], names: Mapping[str, str]) -> ConflictError:
    def show(entity_id: str) -> str:
        return label(entity_id, names.get(normalize_id(entity_id)))

    pairs = ", ".join(f"{show(source)} -> {show(target)}" for target in targets[:_SHOWN_PAIRS])
    more = f" and {len(targets) - _SHOWN_PAIRS} more" if len(targets) > _SHOWN_PAIRS else ""
    error = ConflictError(
        status=200,
        reason=f"the list of connections changed during each of {_MAX_PASSES} passes: {pairs}{more}",
        outcome=ANSWERED,
    )
    describe(error, "GET", ENTITY_CONNECTIONS_PATH, source)
    name_entities(error, names)
    error.advice = "Another program is changing the connections of this entity: wait until it has finished."
    return error
