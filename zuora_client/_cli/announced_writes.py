"""Each write is printed before it is sent: Zuora may work on one for two minutes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .. import EntityConnectionsApi

if TYPE_CHECKING:
    from .console import Console
    from .session import Session


class AnnouncedWrites(EntityConnectionsApi):
    """The API for one pair. Prints each write before it is sent, and notes what Ctrl-C then leaves open."""

    def __init__(self, session: Session, pair: tuple[str, str], console: Console) -> None:
        super().__init__(session.client)
        self._session = session
        self._console = console
        self._source, self._target = map(session.name_of, pair)

    def p_ost_entity_connections(self, *args: Any, **options: Any) -> Any:
        self._announce("requesting", options)
        return super().p_ost_entity_connections(*args, **options)

    def p_ut_entity_connections_accept(self, *args: Any, **options: Any) -> Any:
        self._announce("accepting", options)
        return super().p_ut_entity_connections_accept(*args, **options)

    def p_ut_entity_connections_deny(self, *args: Any, **options: Any) -> Any:
        self._announce("denying", options)
        return super().p_ut_entity_connections_deny(*args, **options)

    def p_ut_entity_connections_disconnect(self, *args: Any, **options: Any) -> Any:
        self._announce("disconnecting", options)
        return super().p_ut_entity_connections_disconnect(*args, **options)

    def _announce(self, action: str, options: dict[str, Any]) -> None:
        entity = self._session.name_of(options["zuora_entity_ids"])
        self._console.if_interrupted = (
            f"{self._source} -> {self._target} may have been changed: look with "
            f"`zuora-connections list {shlex.quote(self._source)}`."
        )
        timeout = self._session.client.configuration.read_timeout
        self._console.note(f"{action} as {entity}, waiting for Zuora up to {timeout:.0f} s")
