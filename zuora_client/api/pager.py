"""Lazy iteration over all pages of the list.

The iterator takes the number of the next page from a response, never a URL: otherwise the access token would be sent to
any host that ``nextPage`` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .._base.parameters import ENTITY_CONNECTIONS_PATH
from ..exceptions import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from ..models import GETEntityConnectionsArrayItemsType, GETEntityConnectionsResponseType

# A server that always announces another page must not keep the iterator running forever.
_MAX_EMPTY_PAGES = 100
_MAX_REPEATED_PAGES = 10


class ConnectionIterator:
    """Iterates over connections, holding one page at a time.

    When a page fails, ``next()`` raises; the following ``next()`` requests the same page again, so no row is skipped or
    repeated. Rows are returned as Zuora sends them: when connections are created or ended between two requests, a row
    may appear twice or not at all.

    Attributes:
        page: number of the page that is requested next; None after the last one.
        pages_read: number of pages read so far.
    """

    def __init__(self, list_page: Callable[..., GETEntityConnectionsResponseType], **arguments: Any) -> None:
        self._list_page = list_page
        self._arguments = arguments
        self._entity_id = arguments.get("zuora_entity_ids")
        self._rows: list[GETEntityConnectionsArrayItemsType] = []
        self._previous_ids: list[Any] = []
        self._repeated_pages = 0
        self._empty_pages = 0
        self.page: int | None = 1
        self.pages_read = 0

    def __repr__(self) -> str:
        listed = "" if self._entity_id is None else f" of entity {self._entity_id!r}"
        following = "no further page" if self.page is None else f"page {self.page} is next"
        return f"<ConnectionIterator{listed}: {self.pages_read} pages read, {following}>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> GETEntityConnectionsArrayItemsType:
        while not self._rows:
            if self.page is None:
                raise StopIteration
            self._fetch_page(self.page)
        return self._rows.pop()

    def _fetch_page(self, page: int) -> None:
        response = self._list_page(page=page, **self._arguments)
        if response.success is False:
            # Imported here: it costs start-up time, and is needed with raise_on_failure=False only.
            from .._call.response_errors import error_from_model

            # With raise_on_failure=False the failure is returned as a model, which would look like the last page.
            error = error_from_model(response, "GET", ENTITY_CONNECTIONS_PATH, self._entity_id)
            assert error is not None
            raise error
        next_page = self._next_page(page, response.next_page)
        items: list[Any] = response.entity_connections or []
        rows = [item for item in items if item is not None]
        ids = [row.id for row in rows]
        self._repeated_pages = self._repeated_pages + 1 if rows and ids == self._previous_ids else 0
        # A page of one row may repeat when a connection is created meanwhile; rows without ids cannot be compared.
        if self._repeated_pages > (0 if len(rows) > 1 and None not in ids else _MAX_REPEATED_PAGES):
            raise self._invalid_list(f"page {page} has the same connections as the page before")
        self._previous_ids = ids
        self._empty_pages = 0 if rows else self._empty_pages + 1
        if next_page is not None and self._empty_pages >= _MAX_EMPTY_PAGES:
            raise self._invalid_list(f"{_MAX_EMPTY_PAGES} consecutive pages are empty and announce another page")
        self._rows = rows[::-1]
        self.page = next_page
        self.pages_read += 1

    def _next_page(self, page: int, next_page: Any) -> int | None:
        """Return the number of the page after `page`, or None after the last page."""
        if isinstance(next_page, int) and not isinstance(next_page, bool):
            is_consecutive = next_page == page + 1
        elif not next_page:
            return None
        else:
            try:
                numbers = parse_qs(urlsplit(str(next_page)).query).get("page")
            except ValueError:
                raise self._invalid_list("nextPage is not a URL") from None
            is_consecutive = numbers is None or numbers == [str(page + 1)]
        if not is_consecutive:
            # The message does not quote nextPage, which may echo a secret.
            raise self._invalid_list(f"nextPage of page {page} names another page than {page + 1}")
        return page + 1

    def _invalid_list(self, reason: str) -> InvalidResponseError:
        # Imported here: it costs start-up time, and only a failure needs it.
        from .._call.error_context import describe

        error = InvalidResponseError(status=200, reason=f"the list of connections is incomplete: {reason}")
        describe(error, "GET", ENTITY_CONNECTIONS_PATH, self._entity_id)
        error.advice = "List again; if it keeps failing, report the entity and the page to Zuora support."
        return error
