"""Credentials: the headers of each attempt, and the cache of OAuth tokens.

One thread at a time fetches a token, without holding a lock; other threads that need one wait for the result. In the
advisory refresh window one thread refreshes the token while the others keep using the current one. In the mandatory
refresh window all of them wait. A refused token is invalidated, a newer one is kept. Fetched tokens are never part of a
copy or a pickle of the client. With a token store, the thread that fetches looks into the store first.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from .._base.latch import Latch
from .._base.parameters import header_text, text
from .._base.secrets import Secret, held, hide
from .._codec.headers import header_value
from .._http.interruptions import is_from_outside
from ..exceptions import NOT_SENT, ApiException, ApiTimeoutError
from .access_token import ZUORA, bearer_token, configured_token
from .retry import Renewal, is_throttled, uniform

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ..configuration import Configuration
    from ..deadline import Clock, Deadline
    from .access_token import AccessToken
    from .reporting import CallReport
    from .shared_tokens import SharedTokens

# In seconds. The two windows end when the token expires.
_ADVISORY_REFRESH = 300.0
_MANDATORY_REFRESH = 60.0
_ADVISORY_REFRESH_TIMEOUT = 10.0
_ADVISORY_REFRESH_BACKOFF = 5.0
# When Zuora throttles without saying for how long.
_THROTTLED_REFRESH_BACKOFF = 20.0
# A random share of the advisory window, so that the clients of a fleet do not refresh a shared token in step.
_MIN_ADVISORY_SHARE = 0.7

_ACCESS_KEYS = ("apiAccessKeyId", "apiSecretAccessKey")

# What a token belongs to: base URL, client id and client secret, as configured, the secret in a holder.
TokenKey = tuple[str, Any, Any]

if TYPE_CHECKING:
    OnThrottled: TypeAlias = Callable[[float], None]
    FetchToken: TypeAlias = Callable[[TokenKey, Deadline, OnThrottled | None, bool], AccessToken]


class _Token:
    __slots__ = ("advisory_at", "key", "mandatory_at", "value")

    def __init__(self, key: TokenKey, token: AccessToken, now: float) -> None:
        self.key = key
        self.value = token.value
        expires_at = now + token.remaining
        self.advisory_at = expires_at - _advisory_window(token.lifetime) * uniform(_MIN_ADVISORY_SHARE, 1.0)
        self.mandatory_at = expires_at - _mandatory_window(token.lifetime)


# Both windows shrink with the lifetime: a token of one minute must serve more than one call.


def _advisory_window(lifetime: float) -> float:
    return min(_ADVISORY_REFRESH, lifetime / 4)


def _mandatory_window(lifetime: float) -> float:
    return min(_MANDATORY_REFRESH, lifetime / 10)


class _Refresh:
    """One fetch of a token. `error` is raised in all threads that waited for it; if it is None, they look again."""

    __slots__ = ("done", "error", "key", "leader")

    def __init__(self, key: TokenKey) -> None:
        self.key = key
        self.leader = threading.get_ident()
        self.done = Latch()
        self.error: ApiException | None = None

    @property
    def is_over(self) -> bool:
        """Whether no other thread is fetching. A signal handler may make a call while its thread does."""
        # Not Thread.is_alive() of the leader: before Python 3.13, a signal handler that raises within it marks a
        # running thread as ended.
        return self.done.is_set or self.leader == threading.get_ident()


class TokenCache:
    """The token of one client, fetched by one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Reentrant: a signal handler may make a call while its thread holds the lock.
        self._lock = threading.RLock()
        self._token: _Token | None = None
        self._refresh: _Refresh | None = None
        self._backoff_until = 0.0

    def get_token(
        self, key: TokenKey, deadline: Deadline, fetch: Callable[[Deadline, bool], AccessToken | None]
    ) -> Secret:
        """Return a valid token for `key`.

        Args:
            deadline: limits the fetch, and the wait for the fetch of another thread.
            fetch: obtains a token. It is given its own deadline, and whether the refresh is advisory: then it must not
                wait for others, and may return None if it would have to.

        Raises:
            ApiException: what the fetch raised, in each thread that waited for it.
            ApiTimeoutError: the deadline passed while another thread was fetching.
        """
        while True:
            token = self._token
            if token is not None and token.key == key and self._clock.now() < token.advisory_at:
                return token.value
            own_refresh = _Refresh(key)
            try:
                token, refresh = self._lookup(own_refresh)
                if refresh is None:
                    assert token is not None
                    return token.value
                if refresh is own_refresh:
                    return self._fetch(own_refresh, token, deadline, fetch)
            finally:
                # A signal handler may raise at any line. A refresh that is not released would block all other threads.
                try:
                    self._release(own_refresh)
                except BaseException:
                    # It raised here, before or after the release.
                    self._release(own_refresh)
                    raise
            # The clock of an interrupted plan ends the wait by an exception.
            if not refresh.done.wait(deadline.remaining(), partial(deadline.sleep, 0)):
                raise _waited_too_long(deadline)
            if refresh.error is not None:
                raise refresh.error.as_type(type(refresh.error)) from refresh.error

    def _lookup(self, own_refresh: _Refresh) -> tuple[_Token | None, _Refresh | None]:
        """Return the token if it is valid, and the refresh to lead (`own_refresh`) or to wait for if one is needed."""
        now = self._clock.now()
        with self._lock:
            if self._refresh is not None and self._refresh.is_over:
                self._refresh = None
            token = self._token
            if token is not None and (token.key != own_refresh.key or now >= token.mandatory_at):
                token = None
            if token is not None and (
                now < token.advisory_at or now < self._backoff_until or self._refresh is not None
            ):
                return token, None
            if self._refresh is not None and self._refresh.key == own_refresh.key:
                return None, self._refresh
            self._refresh = own_refresh
            return token, own_refresh

    def _fetch(
        self, refresh: _Refresh, current: _Token | None, deadline: Deadline, fetch: Callable[..., Any]
    ) -> Secret:
        fetch_deadline = deadline
        if current is not None:
            # The refresh is optional, so at least half of the remaining time is kept for the call itself.
            remaining = deadline.remaining()
            timeout = _ADVISORY_REFRESH_TIMEOUT if remaining is None else min(_ADVISORY_REFRESH_TIMEOUT, remaining / 2)
            fetch_deadline = deadline.earlier(timeout)
        try:
            obtained = fetch(fetch_deadline, current is not None)
        except ApiException as error:
            if is_from_outside(error):
                raise
            if current is not None:
                self._back_off(error)
                return current.value
            # The leader's deadline is not that of the waiting threads: one of them fetches next.
            if not (isinstance(error, ApiTimeoutError) or error.deadline_exceeded):
                # Copy: the leader's call goes on mutating its own exception.
                refresh.error = error.as_type(type(error))
                refresh.error.__cause__ = error.__cause__
            raise
        if obtained is None:
            assert current is not None
            self._back_off(None)
            return current.value
        token = _Token(refresh.key, obtained, self._clock.now())
        with self._lock:
            # If the credentials were changed meanwhile, another refresh has replaced this one.
            if self._refresh is refresh:
                self._token = token
        return token.value

    def _back_off(self, error: ApiException | None) -> None:
        """Delay the next advisory refresh. A hint of Zuora's is kept, with jitter above it."""
        wait = _ADVISORY_REFRESH_BACKOFF
        if error is not None and (error.retry_after is not None or is_throttled(error)):
            hint = _THROTTLED_REFRESH_BACKOFF if error.retry_after is None else error.retry_after
            wait = max(wait, uniform(hint, 1.5 * hint))
        self._backoff_until = self._clock.now() + wait

    def _release(self, refresh: _Refresh) -> None:
        # Before taking the lock, so waiters proceed even if this thread is interrupted.
        refresh.done.set()
        with self._lock:
            if self._refresh is refresh:
                self._refresh = None

    def secrets(self) -> list[Secret]:
        """Return the cached token, if there is one."""
        token = self._token
        return [] if token is None else [token.value]

    def invalidate(self, value: Secret) -> None:
        """Drop the token with this value. A token that has replaced it meanwhile is kept."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def inherit(self, parent: TokenCache) -> None:
        """In a forked child: take over the token of the parent process."""
        self._token = parent._token


def _waited_too_long(deadline: Deadline) -> ApiTimeoutError:
    return ApiTimeoutError(
        reason=f"the deadline of {deadline.seconds:g} s passed while another thread was fetching a token",
        outcome=NOT_SENT,
    )


class Credentials:
    """Turns the configuration into the headers of one attempt."""

    def __init__(self, clock: Clock) -> None:
        self.tokens = TokenCache(clock)
        self._clock = clock
        self._shared: SharedTokens | None = None

    def headers(
        self,
        configuration: Configuration,
        host_url: str,
        deadline: Deadline,
        fetch: FetchToken,
        report: CallReport,
    ) -> dict[str, Any]:
        """Return the authentication headers, secrets in holders; none if no credentials are configured.

        Args:
            fetch: requests a token from Zuora. It is given the key, its deadline, a function to call with the seconds
                of each wait that Zuora asks for, and whether the refresh is advisory.
            report: of the call. It is told whether a token was obtained.

        Raises:
            ApiException: no token could be fetched.
            TypeError, ValueError: an id without its secret or the reverse, or text that a header cannot hold. The
                message names the setting and does not show the value.
        """
        settings = vars(configuration)  # with the holders of the secrets
        access_token = settings["access_token"]
        if access_token is not None:
            return {"Authorization": configured_token(access_token).prefixed("Bearer ")}
        key = (host_url, configuration.client_id, settings["client_secret"])
        if key[1] or key[2]:
            obtain = partial(self._obtain, configuration, key, fetch, report)
            return {"Authorization": self.tokens.get_token(key, deadline, obtain).prefixed("Bearer ")}
        if not configuration.api_key:
            return {}
        return {name: header_value(name, value) for name, value in access_keys(configuration).items()}

    def _obtain(
        self,
        configuration: Configuration,
        key: TokenKey,
        fetch: FetchToken,
        report: CallReport,
        deadline: Deadline,
        advisory: bool,
    ) -> AccessToken | None:
        token: AccessToken | None = None
        failure: BaseException | None = None
        started = self._clock.now()
        try:
            token = self._fetch_or_share(configuration, key, fetch, report.id, deadline, advisory)
            return token
        except BaseException as error:
            failure = error
            raise
        finally:
            # Without a token and a failure, another process fetches one: the token in memory is used.
            if token is not None or failure is not None:
                source, waited = (ZUORA, False) if token is None else (token.source, token.waited)
                report.token(source, self._clock.now() - started, failure, waited=waited, early=advisory)
            # Its traceback refers to this frame.
            del failure

    def _fetch_or_share(
        self,
        configuration: Configuration,
        key: TokenKey,
        fetch: FetchToken,
        call_id: str,
        deadline: Deadline,
        advisory: bool,
    ) -> AccessToken | None:
        """Return a token from the token store or from Zuora; None if another process fetches one, and `advisory`."""
        shared = self._shared_tokens(configuration.token_store)
        if shared is None:
            return fetch(key, deadline, None, advisory)
        # The keys of the entries are derived from the credentials, so these must be complete.
        client_credentials(key)
        window = _advisory_window if advisory else _mandatory_window
        return shared.get_token(
            key,
            deadline,
            lambda deadline, on_throttled: fetch(key, deadline, on_throttled, advisory),
            max_retry_after=configuration.max_retry_after,
            call_id=call_id,
            wait=not advisory,
            is_usable=lambda token: token.remaining > window(token.lifetime),
        )

    def _shared_tokens(self, store: Any) -> SharedTokens | None:
        shared = self._shared
        if store is None or (shared is not None and shared.store is store):
            return None if store is None else shared
        # Imported here: it costs start-up time, and most programs use no token store.
        from .shared_tokens import SharedTokens

        self._shared = shared = SharedTokens(store, self._clock)
        return shared

    def handle_unauthorized(self, configuration: Configuration, headers: dict[str, Any]) -> Renewal:
        """Invalidate the token that Zuora refused; return whether another one can be obtained."""
        access_token = held(configuration, "access_token")
        if access_token is not None:
            return Renewal.ONCE if callable(access_token) else Renewal.IMPOSSIBLE
        if not configuration.client_id:
            return Renewal.IMPOSSIBLE
        token = Secret(text("Authorization", headers.get("Authorization", "")).removeprefix("Bearer "))
        self.tokens.invalidate(token)
        if self._shared is not None and self._shared.refuse(token):
            return Renewal.REPEATABLE
        return Renewal.ONCE


def check_credentials(configuration: Configuration) -> None:
    """Raise a ValueError or TypeError that names the setting if the credentials are unusable. No token is fetched."""
    settings = vars(configuration)  # with the holders of the secrets
    access_token, client_secret = settings["access_token"], settings["client_secret"]
    if access_token is not None:
        if not callable(access_token):
            bearer_token(access_token)
    elif configuration.client_id or client_secret:
        client_credentials((configuration.host, configuration.client_id, client_secret))
    elif configuration.api_key:
        for name, value in access_keys(configuration).items():
            header_text(name, value)


def client_credentials(key: TokenKey) -> tuple[str, Secret]:
    """Return client id and secret as text, the secret in a holder.

    Raises:
        ValueError: one of them is missing, or contains a control character. The message does not show the value.
        TypeError: one of them is not text, bytes or an integer.
    """
    _, client_id, client_secret = key
    if not client_id or not client_secret:
        missing = "client_secret" if client_id else "client_id"
        raise ValueError(
            f"{missing} is not set (for from_env: ZUORA_{missing.upper()}): OAuth needs client_id and client_secret"
        )
    client_id, client_secret = text("client_id", client_id), Secret(text("client_secret", client_secret))
    if not (client_id.isprintable() and client_secret.reveal().isprintable()):
        name = "client_secret" if client_id.isprintable() else "client_id"
        raise ValueError(f"{name} contains a line break or another control character")
    return client_id, client_secret


def access_keys(configuration: Configuration) -> dict[str, Any]:
    """Return the two legacy access keys in holders by header name; none if they are not configured.

    Raises:
        ValueError: one of them is missing.
    """
    keys = {name: hide(configuration.get_api_key_with_prefix(name)) for name in _ACCESS_KEYS}
    missing = [name for name, key in keys.items() if not key]
    if len(missing) == 1:
        raise ValueError(f"api_key has no {missing[0]!r}: both access keys are required")
    return {} if missing else keys
