"""The client of one command: settings from the environment, entities by name."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from .. import ApiClient, Configuration, EntityConnectionsApi, Hierarchy
from .._base.environment_variables import VARIABLES
from .._base.text import single_line
from ..exceptions import WRONG_ENTITY, ApiException
from . import files
from .errors import UsageError
from .waits import announced_waits

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any

    from ..models import GETEntitiesType


class Session:
    """A client, and the entities of its tenant.

    Attributes:
        names: entity id to name, for tables; without the names that several entities have.
    """

    def __init__(self, client: ApiClient, hierarchy: Hierarchy) -> None:
        self.client = client
        self.api = EntityConnectionsApi(client)
        self.hierarchy = hierarchy
        found: dict[str, list[str]] = {}
        for entity in hierarchy:
            found.setdefault(str(entity.name or ""), []).append(str(entity.id))
        self.names = {ids[0]: name for name, ids in found.items() if name and len(ids) == 1}

    def find(self, argument: str, name_or_id: str) -> GETEntitiesType:
        """Return an entity. Raises UsageError, which names the argument and the nearest entities."""
        try:
            return self.hierarchy.find(name_or_id)
        except ValueError as error:
            raise UsageError(f"{argument}: {error}") from None

    def find_pair(self, source: str, target: str) -> tuple[str, str]:
        """Return the ids of two entities. Raises UsageError also if they are the same."""
        pair = str(self.find("SOURCE", source).id), str(self.find("TARGET", target).id)
        if pair[0] == pair[1]:
            raise UsageError(f"SOURCE and TARGET are the same entity: {self.name_of(pair[0])}")
        return pair

    def find_pairs(self, path: str, rows: list[files.Row]) -> list[tuple[str, str]]:
        """Return the ids of the pairs of a file. Raises UsageError, which names file and lines."""
        problems: list[str] = []
        ids: dict[str, str] = {}
        for row in rows:
            ids[row.source] = self._find_id(f"{row.place}: source", row.source, problems)
            ids[row.target] = self._find_id(f"{row.place}: target", row.target, problems)
        # A pair that is there by name and by id, or in another spelling, shows only now.
        files.refuse(path, problems or files.find_repetitions(rows, ids.__getitem__))
        return [(ids[row.source], ids[row.target]) for row in rows]

    def _find_id(self, argument: str, name_or_id: str, problems: list[str]) -> str:
        """Return the id of an entity; add a problem if there is none."""
        try:
            return str(self.find(argument, name_or_id).id)
        except UsageError as error:
            # The first problem lists the nearest names. One line for each further one is enough.
            problems.append(str(error).partition("; ")[0] if problems else str(error))
            return name_or_id

    def name_of(self, entity_id: str | None) -> str:
        """Return how an entity is shown in tables: by its name, or by its id."""
        return single_line(self.names.get(str(entity_id)) or entity_id)


@contextmanager
def open_session(*, debug: bool, **settings: Any) -> Generator[Session]:
    """Open a client with the settings from the environment, and read the entities.

    Raises:
        UsageError: a missing or invalid setting; nothing was sent.
    """
    configuration = read_settings(debug=debug, **settings)
    # The log of --debug has the waits.
    with make_client(configuration) as client, nullcontext() if debug else announced_waits():
        try:
            hierarchy = Hierarchy.load(client)
        except (TypeError, ValueError) as error:  # a setting that is checked when it is used
            raise _invalid_setting(error) from None
        except ApiException as error:
            if configuration.entity_id and any(reason.code == WRONG_ENTITY for reason in error.reasons):
                entity_id = single_line(configuration.entity_id)
                error.advice = (
                    f"ZUORA_ENTITY_ID={entity_id} must be the id, not the name, of an entity that the credentials have "
                    "access to. Unset it to list the entities."
                )
            raise
        yield Session(client, hierarchy)


def read_settings(*, debug: bool, **settings: Any) -> Configuration:
    """Return the configuration from the environment. Raises UsageError."""
    missing = [*_missing_host(), *_missing_credentials()]
    if missing:
        raise UsageError("; ".join(missing))
    try:
        return Configuration.from_env(debug=debug, **settings)
    except (TypeError, ValueError) as error:
        raise _invalid_setting(error) from None


def _missing_host() -> Iterator[str]:
    if not (os.environ.get("ZUORA_ENVIRONMENT") or os.environ.get("ZUORA_HOST")):
        yield (
            "no host is set: set ZUORA_ENVIRONMENT to a data center (US_SANDBOX, EU, ...; US is production, US Cloud "
            "2) or ZUORA_HOST to a base URL"
        )


def _missing_credentials() -> Iterator[str]:
    missing = [name for name in ("ZUORA_CLIENT_ID", "ZUORA_CLIENT_SECRET") if not os.environ.get(name)]
    if os.environ.get("ZUORA_ACCESS_TOKEN") or not missing:
        return
    if len(missing) == 1:
        yield f"{missing[0]} is not set: an OAuth client has an id and a secret"
    else:
        yield "no credentials are set: set ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET, or ZUORA_ACCESS_TOKEN"


def make_client(configuration: Configuration) -> ApiClient:
    """Return a client. Raises UsageError if a file or proxy of the configuration cannot be used."""
    try:
        return ApiClient(configuration)
    except (TypeError, ValueError) as error:
        raise _invalid_setting(error) from None


def _invalid_setting(error: Exception) -> UsageError:
    """Return an error that names the variable: the library names the setting."""
    return UsageError(re.sub(r"^\w+", lambda match: VARIABLES.get(match[0], match[0]), str(error)))
