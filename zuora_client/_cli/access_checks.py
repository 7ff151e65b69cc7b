"""The checks of `doctor` at Zuora: what the credentials allow. They only read."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .. import ApiException, AuthenticationError, EntitiesApi, EntityConnectionsApi, Hierarchy
from .._base.base_url import BaseURL
from .._base.parameters import with_hyphens
from .._base.text import single_line
from .._call.token_request import failed_token_request
from ..exceptions import WRONG_ENTITY
from .findings import Finding, client_with, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from .. import Configuration

_SHOWN_ENTITIES = 5
_SELECT_ADVICE = "select the entity for the OAuth client in Zuora if you need it"


class AccessChecks:
    """The checks. Each returns a text or raises a `Finding`, and uses what the earlier ones found."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._entity_id = str(configuration.entity_id) if configuration.entity_id else None
        self._token: Any = configuration.access_token
        # Ids with hyphens. None: a token that is configured does not say for which entities it is valid.
        self._scope: set[str] | None = None
        self._hierarchy: Hierarchy | None = None
        self._error: ApiException | None = None
        self._headers: Mapping[str, str] = {}

    def in_order(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Yield name and function of each check."""
        yield "token", self.token
        yield "entities", self.entities
        yield "connections", self.connections
        yield "writes", self.writes
        yield "limits", self.limits

    def token(self) -> str:
        """Whether Zuora accepts the credentials."""
        is_configured = self._token is not None
        if not is_configured:
            document = self._fetch_token()
            self._token = document.get("access_token")
            self._scope = set(re.findall(r"\bentity\.([0-9a-f-]+)", str(document.get("scope")).lower()))
        with client_with(self._configuration, self._token) as client:
            try:
                response, _, self._headers = EntitiesApi(client).g_et_entities_with_http_info()
                self._hierarchy = Hierarchy(response.entities or ())
            except AuthenticationError as error:
                text = (
                    f"Zuora refuses the token ({reason(error)}): it has expired (Zuora's live an hour), or another "
                    "data center issued it. Set ZUORA_ACCESS_TOKEN to a new one, or unset it and set ZUORA_CLIENT_ID "
                    "and ZUORA_CLIENT_SECRET"
                )
                raise Finding("failed", text) from None
            except ApiException as error:
                self._error = error
        return "ZUORA_ACCESS_TOKEN is accepted" if is_configured else "issued and accepted"

    def _fetch_token(self) -> dict[str, Any]:
        """Return the response of the token endpoint: the library keeps nothing of it but the token."""
        form = {
            "client_id": self._configuration.client_id,
            "client_secret": self._configuration.client_secret,
            "grant_type": "client_credentials",
        }
        with client_with(self._configuration, None) as client:
            try:
                document: dict[str, Any] = client.call_api(
                    "/oauth/token",
                    "POST",
                    header_params={"Content-Type": "application/x-www-form-urlencoded"},
                    post_params=form,
                    response_type="dict(str, object)",
                    _return_http_data_only=True,
                )
            except ApiException as error:
                if error.status not in (400, 401, 403):
                    error = failed_token_request(error, BaseURL(self._configuration.host))
                    raise Finding("failed", f"no token ({reason(error)}): {error.advice}") from None
                unset = "unset ZUORA_HOST and " if os.environ.get("ZUORA_HOST") else ""
                text = (
                    f"Zuora refuses ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET ({reason(error)}): copy the secret again; "
                    f"{unset}set ZUORA_ENVIRONMENT to the data center in which the OAuth client was created, if that "
                    f"is not {self._configuration.host}; check that the user of the client is active"
                )
                raise Finding("failed", text) from None
        return document

    def entities(self) -> str:
        """The entities of the tenant, and those of the token."""
        if self._hierarchy is None:
            raise self._refused(self._error)
        if self._entity_id and self._entity_id not in self._hierarchy:
            text = (
                f"ZUORA_ENTITY_ID={single_line(self._entity_id)} is not the id of an entity of the tenant (a name is "
                "not accepted): `zuora-connections entities`, without ZUORA_ENTITY_ID, lists the ids"
            )
            raise Finding("failed", text)
        if self._scope is None:
            text = f"{len(self._hierarchy)} in the tenant; ZUORA_ACCESS_TOKEN does not say for which it is valid"
            raise Finding("unknown", text)
        missing = [entity for entity in self._hierarchy if with_hyphens(str(entity.id)).lower() not in self._scope]
        if missing:
            shown = [single_line(f"{entity.name} ({entity.id})") for entity in missing[:_SHOWN_ENTITIES]]
            more = f" and {len(missing) - len(shown)} more" if len(missing) > len(shown) else ""
            text = f"the token is not valid for {', '.join(shown)}{more}: {_SELECT_ADVICE}"
            raise Finding("warning", text)
        return f"the token is valid for all {len(self._hierarchy)}"

    def connections(self) -> str:
        """Whether the connections of an entity can be listed."""
        entity_id = self._entity_id or min(self._scope or (), default=None)
        with client_with(self._configuration, self._token) as client:
            try:
                EntityConnectionsApi(client).g_et_entity_connections(zuora_entity_ids=entity_id, page_size=1)
            except ApiException as error:
                if entity_id is None and _is_wrong_entity(error):
                    text = "not checked: ZUORA_ACCESS_TOKEN is valid for several entities; set ZUORA_ENTITY_ID to one"
                    raise Finding("unknown", text) from None
                raise self._refused(error) from None
        return "can be listed"

    def writes(self) -> str:
        """Whether the user may write, which no read tells."""
        raise Finding(
            "unknown",
            "not checked: only a write can tell. Zuora refuses it with `permission or access denied` if the user of "
            "the OAuth client lacks API Write Access, or is not an administrator of the entity",
        )

    def limits(self) -> str:
        """What remains of Zuora's limits of requests."""
        found = [
            f"{remaining} of {self._headers.get(f'{name}-Limit', '?').partition(',')[0]} {noun}"
            for name, noun in (("RateLimit", "requests"), ("Concurrency-Limit", "requests at once"))
            if (remaining := self._headers.get(f"{name}-Remaining"))
        ]
        if not found:
            raise Finding("unknown", "the response does not say")
        return f"{' and '.join(found)} remain"

    def _refused(self, error: ApiException | None) -> Finding:
        assert error is not None
        if self._entity_id and _is_wrong_entity(error):
            text = (
                f"the credentials have no access to ZUORA_ENTITY_ID={single_line(self._entity_id)}: it must be the id "
                f"of an entity, not its name; {_SELECT_ADVICE}"
            )
            return Finding("failed", text)
        return Finding("failed", f"{reason(error)}. {error.advice}")


def _is_wrong_entity(error: ApiException) -> bool:
    return any(each.code == WRONG_ENTITY for each in error.reasons)
