"""All pages of the list, lazily. Only the page number is ever taken from an answer, never an address: the token would
go wherever a ``nextPage`` points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .._call.responses import error_from_model
from ..exceptions import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from ..models import GETEntityConnectionsArrayItemsType, GETEntityConnectionsResponseType

_PATH = "/v1/entity-connections"

# A server that promises more and sends nothing must not keep us for ever.
_MOST_EMPTY_PAGES = 100
_MOST_ALIKE_PAGES = 10


class ConnectionIterator:
    """Iterates over connections, holding one page at a time.

    A page that fails raises where the loop stands; the next ``next()`` asks for that page again, and nothing is
    skipped or repeated. Rows come as Zuora sends them: when connections are made or ended between two pages, a row may
    come twice or not at all.

    Attributes:
        page: number of the page that is asked for next; None after the last.
    """

    def __init__(self, list_page: Callable[..., GETEntityConnectionsResponseType], **arguments: Any) -> None:
        self._list_page = list_page
        self._arguments = arguments
        self._rows: list[GETEntityConnectionsArrayItemsType] = []
        self._ids_before: list[Any] = []
        self._alike_pages = 0
        self._empty_pages = 0
        self.page: int | None = 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> GETEntityConnectionsArrayItemsType:
        while not self._rows:
            if self.page is None:
                raise StopIteration
            self._turn(self.page)
        return self._rows.pop()

    def _turn(self, page: int) -> None:
        answer = self._list_page(page=page, **self._arguments)
        refused = error_from_model(answer, "GET", _PATH)
        if refused is not None:
            # Only under raise_on_failure=False; here a refusal would look like the end.
            raise refused
        if answer.entity_connections is None and answer.success is not True:
            raise _unusable("the answer holds no list, and does not say that all is well")
        following = _following(page, answer.next_page)
        told: list[Any] = answer.entity_connections or []
        rows = [row for row in told if row is not None]
        ids = [row.id for row in rows]
        self._alike_pages = self._alike_pages + 1 if rows and ids == self._ids_before else 0
        # A row alone comes again when a connection is made meanwhile, and rows without ids cannot be told apart.
        if self._alike_pages > (0 if len(rows) > 1 and None not in ids else _MOST_ALIKE_PAGES):
            raise _unusable(f"page {page} holds the same connections as the one before")
        self._ids_before = ids
        self._empty_pages = 0 if rows else self._empty_pages + 1
        if following is not None and self._empty_pages >= _MOST_EMPTY_PAGES:
            raise _unusable(f"{_MOST_EMPTY_PAGES} pages in a row are empty and promise another")
        self._rows = rows[::-1]
        self.page = following


def _following(page: int, next_page: Any) -> int | None:
    """Return the number of the page after `page`, or None when there is none."""
    if isinstance(next_page, int) and not isinstance(next_page, bool):
        agrees = next_page == page + 1
    elif not next_page:
        return None
    else:
        try:
            told = parse_qs(urlsplit(str(next_page)).query).get("page")
        except ValueError:
            raise _unusable("nextPage is not a URL") from None
        agrees = told is None or told == [str(page + 1)]
    if not agrees:
        # Not in the answer's words, which may say a secret back.
        raise _unusable(f"nextPage of page {page} names another page than {page + 1}")
    return page + 1


def _unusable(reason: str) -> InvalidResponseError:
    error = InvalidResponseError(status=200, reason=f"the list of connections cannot be read to its end: {reason}")
    error.method, error.path = "GET", _PATH
    error.advice = "List again; if it stays, tell Zuora's support which entity and page it was."
    return error
