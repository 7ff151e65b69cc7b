"""An API whose list has small pages, and whose rows move or are respelled while the list is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zuora_client import (
    EntityConnectionsApi,
    GETEntityConnectionsArrayItemsType,
    GETEntityConnectionsResponseType,
)
from zuora_client.api.pager import ConnectionIterator
from zuora_client.emulator import ZuoraEmulator

PAGE_SIZE = 2

#: Called before each page with the order of the ids, the number of the pass and that of the page, both from 1.
Shift = Callable[[list[str], int, int], None]


class ShiftingApi(EntityConnectionsApi):
    """Lists the emulator's connections in pages of two rows. Writes go to the emulator.

    Args:
        shift: may change the order of the ids, or the tenant.
        respell: writes each id of a row, given the number of the page.
    """

    def __init__(
        self,
        api: EntityConnectionsApi,
        zuora: ZuoraEmulator,
        shift: Shift = lambda order, pass_number, page: None,
        respell: Callable[[str, int], str] = lambda id, page: id,
    ) -> None:
        super().__init__(api.api_client)
        self._zuora = zuora
        self._shift = shift
        self._respell = respell
        self._order: list[str] = []
        self.passes = 0

    def iter_entity_connections(self, *, zuora_entity_ids: Any = None, type: Any = None, page_size: int = 300) -> Any:
        if type != "outbound":
            return super().iter_entity_connections(zuora_entity_ids=zuora_entity_ids, type=type, page_size=page_size)
        self.passes += 1
        return ConnectionIterator(self._list_page, source=str(zuora_entity_ids).replace("-", ""))

    # The emulator knows an id in one spelling only.

    def p_ut_entity_connections_accept(self, connection_id: Any, **options: Any) -> Any:
        return super().p_ut_entity_connections_accept(unspelled(connection_id), **options)

    def p_ut_entity_connections_deny(self, connection_id: Any, **options: Any) -> Any:
        return super().p_ut_entity_connections_deny(unspelled(connection_id), **options)

    def p_ut_entity_connections_disconnect(self, connection_id: Any, **options: Any) -> Any:
        return super().p_ut_entity_connections_disconnect(unspelled(connection_id), **options)

    def _list_page(self, source: str, page: int) -> GETEntityConnectionsResponseType:
        rows = {row.id: row for row in self._zuora.connections if row.source_entity_id == source}
        self._order += [id for id in rows if id not in self._order]
        self._shift(self._order, self.passes, page)
        rows = {row.id: row for row in self._zuora.connections if row.source_entity_id == source}
        listed = [rows[id] for id in self._order if id in rows]
        items = [
            GETEntityConnectionsArrayItemsType(
                id=self._respell(row.id, page),
                source_entity_id=self._respell(row.source_entity_id, page),
                status=row.status,
                target_entity_id=self._respell(row.target_entity_id, page),
            )
            for row in listed[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        ]
        next_page = f"/?page={page + 1}" if len(listed) > page * PAGE_SIZE else None
        return GETEntityConnectionsResponseType(entity_connections=items, next_page=next_page, success=True)


def unspelled(id: str) -> str:
    return id.replace("-", "").lower()
