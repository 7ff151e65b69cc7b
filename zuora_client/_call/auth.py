"""Who we are: credentials become headers for one attempt, and tokens look after themselves.

A token is asked for at each attempt and never copied anywhere. However many threads need one, a single flight fetches
it, and nobody holds a lock while it does. A token is renewed early by one caller while the others go on with the live
one; only its last seconds block. Only the token that was refused is dropped. Fetched tokens are never part of a copy or
a pickle.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from .._base.parameters import header_text, text
from ..exceptions import NOT_SENT, ApiException, ApiTimeoutError, AuthenticationError, InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..configuration import Configuration
    from ..deadline import Clock, Deadline

_EARLY_SECONDS = 300.0
_LAST_SECONDS = 60.0
_EARLY_FETCH_SECONDS = 10.0
_PAUSE_SECONDS = 5.0
# Our choice where an answer names no usable lifetime. Zuora's own tokens live for an hour.
_UNTOLD_LIFETIME = 300.0
_LONGEST_LIFETIME = 1e9

_ACCESS_KEYS = ("apiAccessKeyId", "apiSecretAccessKey")

# Whose token it is: base URL, client id and client secret, as they are configured.
TokenKey = tuple[str, Any, Any]


class _Token:
    __slots__ = ("early_at", "last_at", "owner", "value")

    def __init__(self, owner: TokenKey, document: dict[str, Any], asked_at: float) -> None:
        self.owner = owner
        self.value = token_from_document(document)
        lifetime = document.get("expires_in")
        if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)) or not 0 < lifetime < float("inf"):
            lifetime = _UNTOLD_LIFETIME
        lifetime = float(min(lifetime, _LONGEST_LIFETIME))
        # A short life shrinks both windows: a token of one minute must serve more than one call.
        self.early_at = asked_at + lifetime - min(_EARLY_SECONDS, lifetime / 4)
        self.last_at = asked_at + lifetime - min(_LAST_SECONDS, lifetime / 10)


class _Flight:
    """A fetch that is under way. `error` is what everybody gets who waited for it; when it is None they look again."""

    __slots__ = ("done", "error", "leader", "owner")

    def __init__(self, owner: TokenKey) -> None:
        self.owner = owner
        self.leader = threading.current_thread()
        self.done = threading.Event()
        self.error: ApiException | None = None

    @property
    def landed(self) -> bool:
        """Whether nobody flies it any more. An interrupt may have come just before its leader could say so."""
        return self.done.is_set() or self.leader is threading.current_thread() or not self.leader.is_alive()


class TokenCache:
    """The token of one client, fetched by one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._flight: _Flight | None = None
        self._pause_until = 0.0

    def get_token(self, key: TokenKey, deadline: Deadline, fetch: Callable[[Deadline], dict[str, Any]]) -> str:
        """Return a live token for `owner`.

        Args:
            deadline: bounds the fetch, and the wait for somebody else's.
            fetch: asks the token endpoint and returns its JSON object.

        Raises:
            ApiException: what the fetch raised, for everybody who waited for it.
            ApiTimeoutError: the deadline passed while somebody else was fetching.
        """
        while True:
            token = self._token
            if token is not None and token.owner == key and self._clock.now() < token.early_at:
                return token.value
            mine = _Flight(key)
            try:
                token, flight = self._look(mine)
                if flight is None:
                    assert token is not None
                    return token.value
                if flight is mine:
                    return self._fetch(mine, token, deadline, fetch)
            finally:
                # An interrupt may come between any two lines, and a flight that stayed would stop everybody for good.
                self._land(mine)
            if not flight.done.wait(deadline.remaining()):
                raise _waited_too_long(deadline)
            if flight.error is not None:
                raise flight.error.as_type(type(flight.error)) from flight.error

    def _look(self, mine: _Flight) -> tuple[_Token | None, _Flight | None]:
        """Return the live token if there is one, and the flight to lead (`mine`) or to wait for if one is needed."""
        now = self._clock.now()
        with self._lock:
            if self._flight is not None and self._flight.landed:
                self._flight = None
            token = self._token
            if token is not None and (token.owner != mine.owner or now >= token.last_at):
                token = None
            if token is not None and (now < token.early_at or now < self._pause_until or self._flight is not None):
                return token, None
            if self._flight is not None and self._flight.owner == mine.owner:
                return None, self._flight
            self._flight = mine
            return token, mine

    def _fetch(self, flight: _Flight, live: _Token | None, deadline: Deadline, fetch: Callable[..., Any]) -> str:
        bound = deadline
        if live is not None:
            # The call itself, which could do without a new token, keeps half of its time.
            left = deadline.remaining()
            patience = _EARLY_FETCH_SECONDS if left is None else min(_EARLY_FETCH_SECONDS, left / 2)
            bound = deadline.earlier(patience, self._clock)
        # A token ages from when Zuora made it, which is not before it was asked for.
        asked_at = self._clock.now()
        try:
            fresh = _Token(flight.owner, fetch(bound), asked_at)
        except ApiException as error:
            if live is not None:
                self._pause_until = self._clock.now() + _PAUSE_SECONDS
                return live.value
            # The leader's own lack of time says nothing about the others: one of them goes on.
            if not (isinstance(error, ApiTimeoutError) or error.deadline_exceeded):
                # A copy, because the leader's call goes on to write into its own.
                flight.error = error.as_type(type(error))
                flight.error.__cause__ = error.__cause__
            raise
        with self._lock:
            # Otherwise the credentials were changed meanwhile, and another flight has taken over.
            if self._flight is flight:
                self._token = fresh
        return fresh.value

    def _land(self, flight: _Flight) -> None:
        # Said first: whoever looks then sees that it has landed, also if an interrupt keeps it from being forgotten.
        flight.done.set()
        with self._lock:
            if self._flight is flight:
                self._flight = None

    def secrets(self) -> list[str]:
        """Return the token at hand, if there is one."""
        token = self._token
        return [] if token is None else [token.value]

    def invalidate(self, value: str) -> None:
        """Forget the token that was refused, unless another has taken its place."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def reset_after_fork(self) -> None:
        """In a forked child: keep the token, leave the parent's lock and flight."""
        self._lock = threading.Lock()
        self._flight = None


def _waited_too_long(deadline: Deadline) -> ApiTimeoutError:
    return ApiTimeoutError(
        reason=f"the deadline of {deadline.seconds:g} s passed while another thread fetched a token", outcome=NOT_SENT
    )


def token_from_document(document: Any) -> str:
    """Return the token in an answer of the token endpoint. Raises InvalidResponseError when there is none."""
    value = document.get("access_token") if isinstance(document, dict) else None
    try:
        return _bearer(value)
    except (TypeError, ValueError):
        raise InvalidResponseError(reason="the token endpoint answered without a usable access_token") from None


def _bearer(value: Any) -> str:
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"access_token must be text or bytes, not {type(value).__name__}")
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
        fetch: Callable[[TokenKey, Deadline], dict[str, Any]],
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
            return {"Authorization": "Bearer " + self.tokens.get_token(owner, deadline, partial(fetch, owner))}
        if not configuration.api_key:
            return {}
        return {name: header_text(name, key) for name, key in access_keys(configuration).items()}

    def handle_unauthorized(self, configuration: Configuration, headers: dict[str, str]) -> bool:
        """Drop the token that Zuora refused; return whether another one can be had."""
        if configuration.access_token is not None:
            return callable(configuration.access_token)
        if not configuration.client_id:
            return False
        self.tokens.invalidate(headers.get("Authorization", "").removeprefix("Bearer "))
        return True


def _given_token(given: Any) -> str:
    if not callable(given):
        return _bearer(given)
    try:
        token = given()
    except Exception as error:
        failure = AuthenticationError(
            reason=f"the access_token callable raised {type(error).__name__}", outcome=NOT_SENT
        )
        failure.advice = "Zuora was not asked: see what your access_token callable raised, the __cause__ of this error."
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


def client_credentials(owner: TokenKey) -> tuple[str, str]:
    """Return client id and secret as text.

    Raises:
        ValueError: one of them is missing, or no text on one line. The text names the setting only.
    """
    _, client_id, client_secret = owner
    if not client_id or not client_secret:
        missing = "client_secret" if client_id else "client_id"
        raise ValueError(f"{missing} is not set: OAuth needs client_id and client_secret")
    pair = text("client_id", client_id), text("client_secret", client_secret)
    for name, value in zip(("client_id", "client_secret"), pair, strict=True):
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
