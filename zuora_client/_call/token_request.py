"""The request to the token endpoint, and what its failure means for the client."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from .._base.secrets import Secret, reveal
from .._codec.request import Request, RetryClass
from ..exceptions import (
    SERVER_FAULT_CATEGORIES,
    ApiException,
    AuthenticationError,
    InvalidResponseError,
    RateLimitError,
)
from . import response_errors

if TYPE_CHECKING:
    from .._base.base_url import BaseURL

TOKEN_PATH = "/oauth/token"

# Reasons that are about Zuora's state and not about the caller: locks, limits, server faults.
_RETRYABLE_CATEGORIES = frozenset((50, 70)) | SERVER_FAULT_CATEGORIES

_SHARE_TOKEN_ADVICE = (
    "Zuora counts the token requests of all processes behind one address together: let them share a token "
    "(Configuration(token_store=...), docs/fleets.md), or give the calls a longer deadline."
)


def token_request(call: Request, client_id: str, client_secret: Secret) -> Request:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Content-Type": "application/x-www-form-urlencoded",
        **{name: value for name, value in call.headers.items() if name.lower() == "user-agent"},
    }
    request = Request(call.settings, "POST", call.host, TOKEN_PATH, headers, call.timeouts)
    request.retry_class = RetryClass.READ
    request.response_type = "dict(str, object)"
    form = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
    request.body = Secret(urlencode({name: reveal(value) for name, value in form.items()}).encode("ascii"))
    return request


def failed_token_request(error: ApiException, host: BaseURL) -> ApiException:
    """Return what the failure of a token request means for the call: the error, with advice, or in another class."""
    if isinstance(error, RateLimitError):
        error.advice = _SHARE_TOKEN_ADVICE
    elif _is_rejection(error):
        error = error.as_type(AuthenticationError)
        error.advice = (
            f"There is no token endpoint behind {host.url}: host is the base URL, without /v1."
            if error.status == 404
            else f"Check client_id and client_secret, that they were created in the data center of {host.url}, and "
            "that the user behind them is active."
        )
    error._is_of_token = True  # pyright: ignore[reportPrivateUsage]
    return error


def _is_rejection(error: ApiException) -> bool:
    """Whether the token endpoint rejected the client, as opposed to a temporary or unreadable response."""
    rejected = error.status is not None and (error.status <= 299 or 400 <= error.status <= 499)
    categories = {reason.category for reason in error.reasons}
    if error.advice == response_errors.NOT_FROM_ZUORA_ADVICE:
        return False
    is_temporary = error.status in (407, 408, 421, 423, 425, 429, 499) or not categories.isdisjoint(
        _RETRYABLE_CATEGORIES
    )
    return rejected and not is_temporary and not isinstance(error, InvalidResponseError)
