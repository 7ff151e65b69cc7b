"""Who we are: credentials become headers for one attempt, and tokens look after themselves.

A token is asked for at each attempt and never copied anywhere. However many threads need one, a single flight fetches
it, and nobody holds a lock while it does. A token is renewed early by one caller while the others go on with the live
one; only its last seconds block. Only the token that was refused is dropped. Fetched tokens are never part of a copy or
a pickle.
"""

from __future__ import annotations

import copy
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from .exceptions import NOT_SENT, ApiException, ApiTimeoutError, AuthenticationError, InvalidResponseError
from .parameters import header_text, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from .configuration import Configuration
    from .deadline import Clock, Deadline

_EARLY_SECONDS = 300.0
_LAST_SECONDS = 60.0
_EARLY_FETCH_SECONDS = 10.0
_PAUSE_SECONDS = 5.0
# Our choice where an answer names no usable lifetime. Zuora's own tokens live for an hour.
_UNTOLD_LIFETIME = 300.0
_LONGEST_LIFETIME = 1e9

_ACCESS_KEYS = ("apiAccessKeyId", "apiSecretAccessKey")

# Whose token it is: base URL, client id and client secret, as they are configured.
Owner = tuple[str, Any, Any]


class _Token:
    __slots__ = ("early_at", "last_at", "owner", "value")

    def __init__(self, owner: Owner, value: str, lifetime: float, now: float) -> None:
        self.owner = owner
        self.value = value
        # A short life shrinks both windows: a token of one minute must serve more than one call.
        self.early_at = now + lifetime - min(_EARLY_SECONDS, lifetime / 4)
        self.last_at = now + lifetime - min(_LAST_SECONDS, lifetime / 10)


class _Flight:
    """A fetch that is under way. `error` is what everybody gets who waited for it; None means: look again."""

    __slots__ = ("done", "error", "owner")

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.done = threading.Event()
        self.error: ApiException | None = None


class TokenCache:
    """The token of one client, fetched by one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._flight: _Flight | None = None
        self._pause_until = 0.0

    def get(self, owner: Owner, deadline: Deadline, fetch: Callable[[Deadline], dict[str, Any]]) -> str:
        """Return a live token for `owner`.

        Args:
            deadline: bounds the fetch, and the wait for somebody else's.
            fetch: asks the token endpoint and returns its JSON object.

        Raises:
            ApiException: what the fetch raised, for everybody who waited for it.
            ApiTimeoutError: the deadline passed while somebody else was fetching.
        """
        while True:
            token, flight, leads = self._look(owner)
            if flight is None:
                assert token is not None
                return token.value
            if leads:
                return self._fetch(flight, token, deadline, fetch)
            if not flight.done.wait(deadline.remaining()):
                raise _waited_too_long(deadline)
            if flight.error is not None:
                raise copy.copy(flight.error) from flight.error

    def _look(self, owner: Owner) -> tuple[_Token | None, _Flight | None, bool]:
        """Return the live token if there is one, the flight to lead or to wait for if one is needed, and whether to
        lead it."""
        token = self._token
        now = self._clock.now()
        if token is not None and token.owner == owner and now < token.early_at:
            return token, None, False
        with self._lock:
            token = self._token
            if token is not None and (token.owner != owner or now >= token.last_at):
                token = None
            if token is not None and (now < token.early_at or now < self._pause_until or self._flight is not None):
                return token, None, False
            if self._flight is not None and self._flight.owner == owner:
                return None, self._flight, False
            self._flight = _Flight(owner)
            return token, self._flight, True

    def _fetch(self, flight: _Flight, live: _Token | None, deadline: Deadline, fetch: Callable[..., Any]) -> str:
        bound = deadline
        if live is not None:
            # The call itself, which could do without a new token, keeps half of its time.
            left = deadline.remaining()
            patience = _EARLY_FETCH_SECONDS if left is None else min(_EARLY_FETCH_SECONDS, left / 2)
            bound = deadline.sooner(patience, self._clock)
        fresh: _Token | None = None
        try:
            fresh = _read_token(flight.owner, fetch(bound), self._clock.now())
            return fresh.value
        except ApiException as error:
            error.outcome = NOT_SENT
            if live is not None:
                self._pause_until = self._clock.now() + _PAUSE_SECONDS
                return live.value
            # The leader's own lack of time says nothing about the others: one of them goes on.
            if not (isinstance(error, ApiTimeoutError) or _asks_for_more_than(deadline, error)):
                # A copy, because the leader's call goes on to write into its own.
                flight.error = copy.copy(error)
                flight.error.__cause__ = error.__cause__
            raise
        finally:
            with self._lock:
                # Otherwise the credentials were changed meanwhile, and another flight has taken over.
                if self._flight is flight:
                    self._flight = None
                    self._token = fresh or self._token
            flight.done.set()

    def secrets(self) -> list[str]:
        """Return the token at hand, if there is one."""
        token = self._token
        return [] if token is None else [token.value]

    def drop(self, value: str) -> None:
        """Forget the token that was refused, unless another has taken its place."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def forget(self) -> None:
        """In a forked child: keep the token, leave the parent's lock and flight."""
        self._lock = threading.Lock()
        self._flight = None


def _asks_for_more_than(deadline: Deadline, error: ApiException) -> bool:
    left = deadline.remaining()
    return error.retry_after is not None and left is not None and error.retry_after >= left


def _waited_too_long(deadline: Deadline) -> ApiTimeoutError:
    error = ApiTimeoutError(
        reason=f"the deadline of {deadline.seconds:g} s passed while another thread fetched a token"
    )
    error.outcome = NOT_SENT
    return error


def _read_token(owner: Owner, document: dict[str, Any], now: float) -> _Token:
    value = document.get("access_token") if isinstance(document, dict) else None
    try:
        value = _bearer(value)
    except (TypeError, ValueError):
        raise InvalidResponseError(reason="the token endpoint answered without a usable access_token") from None
    lifetime = document.get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)) or not 0 < lifetime < float("inf"):
        lifetime = _UNTOLD_LIFETIME
    return _Token(owner, value, float(min(lifetime, _LONGEST_LIFETIME)), now)


def _bearer(value: Any) -> str:
    token = header_text("access_token", value)
    if not token:
        raise ValueError("access_token is empty: give a token, or None for other credentials")
    return token


class Credentials:
    """Turns the configuration into the headers of one attempt."""

    def __init__(self, clock: Clock) -> None:
        self.tokens = TokenCache(clock)

    def headers(
        self,
        configuration: Configuration,
        host_url: str,
        deadline: Deadline,
        fetch: Callable[[Owner, Deadline], dict[str, Any]],
    ) -> dict[str, str]:
        """Return the headers that say who calls; none when nothing is configured.

        Raises:
            ApiException: no token could be had.
            ValueError: half a pair of credentials, or one that no header can carry. Its text names the setting only.
        """
        if configuration.access_token is not None:
            return {"Authorization": "Bearer " + _given_token(configuration.access_token)}
        if configuration.client_id or configuration.client_secret:
            owner = (host_url, configuration.client_id, configuration.client_secret)
            return {"Authorization": "Bearer " + self.tokens.get(owner, deadline, partial(fetch, owner))}
        if not configuration.api_key:
            return {}
        return {name: header_text(name, key) for name, key in access_keys(configuration).items()}

    def refused(self, configuration: Configuration, headers: dict[str, str]) -> bool:
        """Drop the token that Zuora refused; return whether another one can be had."""
        if configuration.access_token is not None:
            return callable(configuration.access_token)
        if not configuration.client_id:
            return False
        self.tokens.drop(headers.get("Authorization", "").removeprefix("Bearer "))
        return True


def _given_token(given: Any) -> str:
    if not callable(given):
        return _bearer(given)
    try:
        token = given()
    except ApiException:
        raise
    except Exception as error:
        failure = AuthenticationError(reason=f"the access_token callable raised {type(error).__name__}")
        failure.outcome = NOT_SENT
        raise failure from error
    return _bearer(token)


def check_credentials(configuration: Configuration) -> None:
    """Raise ValueError or TypeError for credentials that cannot be used, without asking for a token; the setting is
    named."""
    if configuration.access_token is not None:
        if not callable(configuration.access_token):
            _bearer(configuration.access_token)
    elif configuration.client_id or configuration.client_secret:
        client_credentials((configuration.host, configuration.client_id, configuration.client_secret))
    elif configuration.api_key:
        for name, key in access_keys(configuration).items():
            header_text(name, key)


def client_credentials(owner: Owner) -> tuple[str, str]:
    """Return client id and secret as text.

    Raises:
        ValueError: one of them is missing, or no text on one line. The text names the setting only.
    """
    _, client_id, client_secret = owner
    if not client_id or not client_secret:
        missing = "client_secret" if client_id else "client_id"
        raise ValueError(f"{missing} is not set: OAuth needs client_id and client_secret")
    pair = text("client_id", client_id), text("client_secret", client_secret)
    for name, value in zip(("client_id", "client_secret"), pair):
        if not value.isprintable():
            raise ValueError(f"{name} holds a line break or something else that is no text")
    return pair


def access_keys(configuration: Configuration) -> dict[str, str | None]:
    """Return the two legacy keys by the names of their headers; none when they are not configured.

    Raises:
        ValueError: one of them is missing.
    """
    keys = {name: configuration.get_api_key_with_prefix(name) for name in _ACCESS_KEYS}
    missing = [name for name, key in keys.items() if not key]
    if len(missing) == 1:
        raise ValueError(f"api_key has no {missing[0]!r}: access keys are a pair")
    return {} if missing else keys
