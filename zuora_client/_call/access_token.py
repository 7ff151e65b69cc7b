"""An access token, and how it is read from a response of the token endpoint or from the configuration."""

from __future__ import annotations

from typing import Any

from .._base.parameters import header_text
from .._base.secrets import Secret, hide, reveal
from .._http.interruptions import is_from_outside
from ..exceptions import NOT_SENT, AuthenticationError, InvalidResponseError

ZUORA = "zuora"

# In seconds. Used when a response has no usable `expires_in`. Zuora's own tokens are valid for an hour.
_DEFAULT_LIFETIME = 300.0
_MAX_LIFETIME = 1e9


class AccessToken:
    """An access token, and where it came from. The repr masks the token.

    Attributes:
        value: the token, in a holder.
        lifetime: seconds from its issue to its expiry.
        remaining: seconds until its expiry, when it was returned.
        source: ``"zuora"``, or the name of the store's class.
        waited: whether the call waited for another process to fetch it.
    """

    __slots__ = ("lifetime", "remaining", "source", "value", "waited")

    def __init__(self, value: Any, lifetime: float, remaining: float | None = None, source: str = ZUORA) -> None:
        self.value: Secret = hide(value)
        self.lifetime = lifetime
        self.remaining = lifetime if remaining is None else remaining
        self.source = source
        self.waited = False

    def __repr__(self) -> str:
        return f"AccessToken('***', remaining={self.remaining:.0f}, source={self.source!r}, waited={self.waited})"


def token_from_document(document: Any) -> AccessToken:
    """Return the token in a JSON document of the token endpoint.

    Raises:
        InvalidResponseError: the document has no usable `access_token`.
    """
    fields = document if isinstance(document, dict) else {}
    try:
        value = bearer_token(hide(fields.get("access_token")))
    except (TypeError, ValueError):
        raise InvalidResponseError(reason="the response has no usable access_token") from None
    return AccessToken(value, _lifetime(fields.get("expires_in")))


def _lifetime(expires_in: Any) -> float:
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        # A float: Python converts at most 4300 digits to an int.
        expires_in = float(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, (int, float)) or not 0 < expires_in < float("inf"):
        return _DEFAULT_LIFETIME
    return float(min(expires_in, _MAX_LIFETIME))


def configured_token(access_token: Any) -> Secret:
    """Return the token of the setting `access_token`, a token or a callable, in a holder.

    Raises:
        AuthenticationError: the callable raised.
        TypeError, ValueError: it is not a token, or the callable returned none.
    """
    if not callable(access_token):
        return bearer_token(access_token)
    try:
        token = hide(access_token())
    except Exception as error:
        if is_from_outside(error):
            raise
        failure = AuthenticationError(
            reason=f"the access_token callable raised {type(error).__name__}", outcome=NOT_SENT
        )
        failure.advice = "Your access_token callable failed, not Zuora: see the exception in __cause__."
        raise failure from error
    if not isinstance(reveal(token), (str, bytes)):
        raise TypeError(f"the access_token callable must return text or bytes, not {type(token).__name__}")
    return bearer_token(token)


def bearer_token(value: Any) -> Secret:
    """Return `value` as the text of a bearer token, in a holder.

    Raises:
        TypeError: neither text nor bytes.
        ValueError: empty, or not suitable for a header.
    """
    if not isinstance(reveal(value), (str, bytes)):
        raise TypeError(f"access_token must be text or bytes, not {type(value).__name__}")
    token = Secret(header_text("access_token", value))
    if not len(token):
        raise ValueError("access_token is empty: pass a token, or None to use other credentials")
    return token
