"""Advice that depends on the operation or the settings.

The operation decides which role the caller needs, and how to verify whether a write was done. The settings tell which
credentials were refused, and whether a proxy was left out.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .._codec.headers import SECRET_HEADERS
from ..exceptions import (
    NOT_SENT,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RequestRejectedError,
    TlsError,
)
from .operations import Operation

if TYPE_CHECKING:
    from .._codec.request import Request
    from ..configuration import Configuration

_READ_ACCESS = (
    "Any user of the entity may list its connections: check zuora_entity_ids, and that the user of the OAuth client "
    "belongs to that entity."
)
_WRITE_ACCESS = "For any write, the user of the OAuth client also needs API Write Access."
_TARGET_ROLE = (
    f"This call requires an administrator of the TARGET entity, and must be made in that entity. {_WRITE_ACCESS}"
)
_REQUIRED_ROLE = {
    Operation.LIST: _READ_ACCESS,
    Operation.INITIATE: (
        "This call requires an administrator of the source entity who also has access to the target entity. "
        f"{_WRITE_ACCESS}"
    ),
    Operation.ACCEPT: _TARGET_ROLE,
    Operation.DENY: _TARGET_ROLE,
    Operation.DISCONNECT: (f"This call requires an administrator of the source or the target entity. {_WRITE_ACCESS}"),
}
_HOW_TO_VERIFY = {
    Operation.INITIATE: (
        "List the outbound connections of the source entity before you try again: Pending to this target means done."
    ),
    Operation.ACCEPT: (
        "List the connection before you try again: Connected means done, Pending means not done, or not yet."
    ),
    Operation.DENY: (
        "List the connection before you try again: gone or Disconnected means done, Pending means not done, or not yet."
    ),
    Operation.DISCONNECT: (
        "List the connection before you try again: Disconnected means done, Connected means not done, or not yet."
    ),
}

_BUSINESS_RULE = 30
_BUSINESS_RULE_ADVICE = (
    "List the connections first: this one may already be as you want it, or be gone. Otherwise fix what the reasons "
    "name; the same call would be refused again."
)


_ENTITIES_ACCESS = (
    "Any user of an entity may read the entities: check that the user of the OAuth client is active and belongs to an "
    "entity of this tenant, and zuora_entity_ids if it is set."
)


def advise(operation: Operation | None, error: ApiException) -> None:
    """Set the advice of an error, where the operation decides it."""
    # Advice that was set from the response is more precise.
    lacks_permission = isinstance(error, PermissionDeniedError) and "advice" not in vars(error)
    if operation is None:
        # The two reads of entities.
        if lacks_permission and error.operation is not None:
            error.advice = _ENTITIES_ACCESS
    elif isinstance(error, OutcomeUnknownError):
        error.advice = _HOW_TO_VERIFY[operation]
    elif isinstance(error, RequestRejectedError) and any(reason.category == _BUSINESS_RULE for reason in error.reasons):
        error.advice = _BUSINESS_RULE_ADVICE
    elif lacks_permission:
        error.advice = _REQUIRED_ROLE[operation]


# -- settings ---------------------------------------------------------------------------------------------------------

_NO_CREDENTIALS = (
    "No credentials are set: pass client_id and client_secret (for from_env: ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET), "
    "or access_token (ZUORA_ACCESS_TOKEN)."
)


def explain_settings(error: ApiException, request: Request) -> None:
    """Add to the advice which credentials were refused, or that a proxy of the environment was not used."""
    if isinstance(error, AuthenticationError):
        error.advice = f"{_refused_credentials(error, request)} {error.advice}".lstrip()
    elif isinstance(error, (ApiConnectionError, ApiTimeoutError)) and error.outcome == NOT_SENT:
        variable = None if isinstance(error, TlsError) or error.status is not None else _unread_proxy(request)
        if variable is not None:
            error.advice += (
                f" {variable} is set, but it is not read: if Zuora is reached through that proxy, pass trust_env=True "
                "(for from_env: ZUORA_TRUST_ENV=true)."
            )


def _refused_credentials(error: ApiException, request: Request) -> str:
    """Return a sentence about the credentials that were refused, and those that are set but were not used."""
    # Imported here: an error without a response does not need it.
    from .response_errors import NOT_FROM_ZUORA_ADVICE

    if error.status in (None, 404) or error.advice == NOT_FROM_ZUORA_ADVICE:
        # A callable raised, there is no token endpoint, or something in front of Zuora refused.
        return ""
    candidates = _configured_credentials(request.settings) if request.authorize else []
    own = [name for name in request.headers if name.lower() in SECRET_HEADERS]
    if own and not candidates:
        candidates = [(f"the header {' and '.join(own)}", "a header", own), *_configured_credentials(request.settings)]
    if not candidates:
        return _NO_CREDENTIALS if request.authorize else ""
    (used, kind, _), *unused = candidates
    names = [name for _, _, names in unused for name in names]
    if not names:
        return f"Zuora refused {used}."
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"Zuora refused {used}; {listed} {'is' if len(names) == 1 else 'are'} set too, but {kind} goes first."


def _configured_credentials(settings: Configuration) -> list[tuple[str, str, list[str]]]:
    """Return the credentials in the order in which they are used: description, kind, and where they were set."""
    found: list[tuple[str, str, list[str]]] = []
    if settings.access_token is not None:
        source = settings.source_of("access_token")
        where = "that the access_token callable returned" if callable(settings.access_token) else f"({source})"
        found.append((f"the access token {where}", "an access token", [source]))
    client = [settings.source_of(name) for name in ("client_id", "client_secret") if getattr(settings, name)]
    if client:
        found.append((f"the OAuth client ({', '.join(client)})", "an OAuth client", client))
    if {"apiAccessKeyId", "apiSecretAccessKey"} & settings.api_key.keys():
        found.append(("the access keys (api_key)", "", ["api_key"]))
    return found


def _unread_proxy(request: Request) -> str | None:
    """Return the variable that names a proxy for the host of the request, if the configuration does not use it."""
    host = request.host
    if request.settings.proxy or request.settings.trust_env or host.is_loopback:
        return None
    # Imported here: it costs start-up time, and few failures need it.
    from urllib import request as urllib_request

    proxies = urllib_request.getproxies_environment()
    # Missing in typeshed, present on every platform.
    bypass: Any = urllib_request.proxy_bypass_environment  # type: ignore[attr-defined]
    if host.scheme not in proxies or bypass(host.origin.partition("://")[2], proxies) or bypass(host.name, proxies):
        return None
    variable = f"{host.scheme}_proxy"
    return variable if variable in os.environ else variable.upper()
