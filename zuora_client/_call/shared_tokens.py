"""One token for many processes: what the library stores in a token store, and who fetches the next token.

A client without a live token looks into the store. If it holds none, one client takes a lease of 5 s, looks again,
fetches a token, stores it and releases the lease. The others poll until the token is there. All of them depend on the
store for speed only: when it fails, or the holder of the lease does, each client asks Zuora itself.

Three entries exist for each base URL and client id. Their names and their contents are derived from the client secret
by HMAC-SHA256, so a client with another secret neither finds nor accepts them:

token     access token, issue time and expiry in UTC; kept for the lifetime of the token
lease     a random value, and the seconds that Zuora asked to wait; kept for 5 s, or for that wait
failure   nothing; kept for 2 s after a token request failed

Every entry is authenticated by HMAC-SHA256, and encrypted if the store says ``encrypted = True``. With any other store
an access token can be read by everyone who can read the store. After a change of the client secret the old entries are
left to expire.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .._base.secrets import Secret
from .._base.text import single_line
from .._http.interruptions import is_from_outside
from ..exceptions import NOT_SENT, ApiException, ApiTimeoutError
from ..token_store import FileTokenStore, RedisTokenStore
from .access_token import ZUORA, AccessToken
from .retry import is_throttled, uniform
from .sealed_records import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ..deadline import Clock, Deadline
    from ..token_store import TokenStore
    from .sealed_records import Record

    # Given the seconds until the next attempt.
    OnThrottled: TypeAlias = Callable[[float], None]
    Fetch: TypeAlias = Callable[[Deadline, OnThrottled], AccessToken]

logger = logging.getLogger("zuora_client")

_LEASE_SECONDS = 5
_FAILURE_SECONDS = 2
_MAX_LIFETIME = 24 * 3600.0
_MAX_CLOCK_SKEW = 60.0

_MIN_POLL, _MAX_POLL = 0.05, 0.5
_POLL_GROWTH = 1.6

_MIN_PAUSE, _MAX_PAUSE = 5.0, 60.0

_MAX_REMEMBERED = 1000


class SharedTokens:
    """Fetches tokens for one client, at most one at a time among all processes that use the same store.

    It takes no lock, so it can be used after a fork. Copies of a client share the store and not this object.

    Args:
        store: validated by `zuora_client.token_store.validate_token_store`.
        clock: bounds waits and pauses.
        wall_time: seconds since 1970, UTC; only for the times in the entries.
        jitter: returns a random number between two bounds.
    """

    def __init__(
        self,
        store: TokenStore,
        clock: Clock,
        *,
        wall_time: Callable[[], float] = time.time,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        self.store = store
        self._state = _StoreState()
        self._clock = clock
        self._wall_time = wall_time
        self._jitter = jitter
        # Digest of a token -> when Zuora refused it, or when it was taken from the store.
        self._refused: dict[bytes, float] = {}
        self._taken: dict[bytes, float] = {}

    def get_token(
        self,
        key: tuple[str, Any, Any],
        deadline: Deadline,
        fetch: Fetch,
        *,
        max_retry_after: float,
        call_id: str,
        wait: bool = True,
        is_usable: Callable[[AccessToken], bool] | None = None,
    ) -> AccessToken | None:
        """Return a token from the store, or else from Zuora.

        Args:
            key: base URL, client id and client secret; the latter two not empty.
            deadline: of the caller. It bounds all waits; an operation of the store costs up to 1 s more.
            fetch: requests a token from Zuora, and raises if it gets none. `remaining` of its result counts from the
                request, because Zuora did not issue the token before that. It is given the deadline, and a function to
                call before it waits because Zuora throttles: with the seconds until the next attempt, for which other
                processes then hold back too.
            max_retry_after: the longest wait in seconds for a lease that was prolonged by such a hint.
            call_id: of the call that needs the token, for log lines.
            wait: False for a caller with a live token, who does not wait for another process.
            is_usable: whether a token of the store is fresh enough, in addition to being valid.

        Returns:
            The token. None only without `wait`, when another process is fetching one.

        Raises:
            ApiException: raised by `fetch`.
            ApiTimeoutError: the deadline passed while another process was fetching.
        """
        entries = _Entries(_GuardedStore(self.store, self._clock, self._state, call_id), key, self._wall_time)
        lease_id = os.urandom(16).hex()
        observed: Record | None = None
        give_up_at: float | None = None
        poll = 2 * _MIN_POLL
        while True:
            token = self._usable_token(entries, is_usable)
            if token is not None:
                break
            if wait and entries.has_failure():
                token = self._fetch_without_lease(entries, observed, deadline, fetch)
                break
            if entries.add_lease(lease_id):
                token = self._fetch_with_lease(entries, lease_id, deadline, fetch, is_usable)
                break
            if not wait:
                return None
            now = self._clock.now()
            lease = entries.load_lease()
            # A lease that was replaced or prolonged belongs to a client that works: its wait starts anew.
            if give_up_at is None or lease != observed:
                observed = lease
                give_up_at = now + _max_wait(lease, max_retry_after)
            elif now >= give_up_at:
                token = self._fetch_without_lease(entries, observed, deadline, fetch)
                break
            if deadline.expired:
                raise _waited_too_long(deadline)
            delay = deadline.clamp(min(self._jitter(_MIN_POLL, poll), give_up_at - now))
            assert delay is not None
            deadline.sleep(max(delay, 0.0))
            poll = min(_MAX_POLL, poll * _POLL_GROWTH)
        token.waited = give_up_at is not None
        if token.source != ZUORA:
            self._remember(self._taken, token.value)
        return token

    def refuse(self, value: Secret) -> bool:
        """Never take this token from the store again: Zuora refused it. Return whether it came from there."""
        self._remember(self._refused, value)
        return _digest(value) in self._taken

    def _remember(self, digests: dict[bytes, float], value: Secret) -> None:
        now = self._clock.now()
        digests[_digest(value)] = now
        # A token older than a day is not valid anyway.
        for digest, added_at in list(digests.items()):
            if now - added_at > _MAX_LIFETIME or len(digests) > _MAX_REMEMBERED:
                digests.pop(digest, None)

    def _usable_token(self, entries: _Entries, is_usable: Callable[[AccessToken], bool] | None) -> AccessToken | None:
        token = entries.load_token()
        if token is None or _digest(token.value) in self._refused:
            return None
        return token if is_usable is None or is_usable(token) else None

    def _fetch_with_lease(
        self,
        entries: _Entries,
        lease_id: str,
        deadline: Deadline,
        fetch: Fetch,
        is_usable: Callable[[AccessToken], bool] | None,
    ) -> AccessToken:
        try:
            # The previous holder may have stored a token between the last look and the lease.
            token = self._usable_token(entries, is_usable)
            if token is None:
                token = fetch(deadline, lambda seconds: entries.prolong_lease(lease_id, seconds + _LEASE_SECONDS))
                entries.store_token(token)
        except BaseException as error:
            if isinstance(error, ApiException) and is_throttled(error):
                hint = error.retry_after
                entries.prolong_lease(lease_id, _LEASE_SECONDS if hint is None else hint)
                raise
            # An interrupt or an expired deadline concerns only the holder: the others' requests may succeed.
            if isinstance(error, Exception) and not deadline.expired and not is_from_outside(error):
                entries.store_failure()
            entries.release_lease(lease_id)
            raise
        entries.release_lease(lease_id)
        return token

    def _fetch_without_lease(
        self, entries: _Entries, observed: Record | None, deadline: Deadline, fetch: Fetch
    ) -> AccessToken:
        token = fetch(deadline, lambda _: None)
        entries.store_token(token)
        if observed is not None:
            # The holder is dead or slow, and with this token in the store no process needs to wait for it.
            entries.release_lease(observed.get("id"))
        return token


def _digest(value: Secret) -> bytes:
    return hashlib.sha256(value.encode()).digest()


def _max_wait(lease: Record | None, max_retry_after: float) -> float:
    hint = None if lease is None else lease.get("hint")
    return float(_LEASE_SECONDS) if hint is None else min(hint, max_retry_after)


def _waited_too_long(deadline: Deadline) -> ApiTimeoutError:
    return ApiTimeoutError(
        reason=f"the deadline of {deadline.seconds:g} s passed while another process fetched a token", outcome=NOT_SENT
    )


class _StoreState:
    """What all calls of a client know about the store.

    Attributes:
        pause: seconds without the store after its last failure; 0 if it works.
        resume_at: when it is used again.
        warned_of_type: whether a warning said that it returns something other than bytes.
    """

    pause = 0.0
    resume_at = 0.0
    warned_of_type = False


class _GuardedStore:
    """A store that never fails, for one call. While the store does, it is empty and grants every lease.

    After a failure the store is not used for 5 s, after the next one for 10 s, at most for 60 s. One warning is logged
    for each outage.
    """

    def __init__(self, store: TokenStore, clock: Clock, state: _StoreState, call_id: str) -> None:
        self.name = type(store).__name__
        self.encrypted = bool(getattr(store, "encrypted", False))
        self._store = store
        self._clock = clock
        self._state = state
        self._call_id = call_id

    def get(self, name: str) -> bytes | None:
        value = self._run(self._store.get, name)
        if value is None or isinstance(value, bytes):
            return value
        if not self._state.warned_of_type:
            self._state.warned_of_type = True
            self._log(logging.WARNING, f"returned {type(value).__name__} instead of bytes: taken for absent")
        return None

    def set(self, name: str, value: bytes, seconds: float) -> None:
        self._run(self._store.set, name, value, math.ceil(seconds))

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        return bool(self._run(self._store.add, name, value, math.ceil(seconds), default=True))

    def delete(self, name: str) -> None:
        self._run(self._store.delete, name)

    def _run(self, verb: Callable[..., Any], *arguments: Any, default: Any = None) -> Any:
        if self._clock.now() < self._state.resume_at:
            return default
        try:
            result = verb(*arguments)
        except Exception as error:
            if is_from_outside(error):
                raise
            self._skip_for_a_while(error)
            return default
        if self._state.pause:
            self._state.pause = 0.0
            self._log(logging.INFO, "works again")
        return result

    def _skip_for_a_while(self, error: Exception) -> None:
        state = self._state
        level = logging.DEBUG if state.pause else logging.WARNING
        state.pause = min(_MAX_PAUSE, max(_MIN_PAUSE, 2 * state.pause))
        state.resume_at = self._clock.now() + state.pause
        reason = type(error).__name__
        # The message of a foreign store may contain the value, and its value a token.
        if isinstance(error, OSError) or isinstance(self._store, (FileTokenStore, RedisTokenStore)):
            reason = f"{reason}: {single_line(error)}"
        self._log(level, f"failed ({reason}): not used for {state.pause:g} s")

    def _log(self, level: int, text: str) -> None:
        logger.log(level, "[%s] the token store %s %s", self._call_id, self.name, text)


class _Entries:
    """The three entries of one base URL, client id and client secret."""

    def __init__(self, store: _GuardedStore, key: tuple[str, Any, Any], wall_time: Callable[[], float]) -> None:
        self._store = store
        self._wall_time = wall_time
        self._sealer = Sealer(key, encrypted=store.encrypted)
        prefix = f"zuora_client:{self._sealer.store_key}"
        self._token, self._lease, self._failure = f"{prefix}:token", f"{prefix}:lease", f"{prefix}:failure"

    def load_token(self) -> AccessToken | None:
        """Return the stored token, or None if none is stored or it is not valid now."""
        record = self._load(self._token)
        return None if record is None else _token_from_record(record, self._wall_time(), self._store.name)

    def store_token(self, token: AccessToken) -> None:
        lifetime = min(token.lifetime, _MAX_LIFETIME)
        remaining = lifetime - (token.lifetime - token.remaining)
        if remaining >= 1:
            issued_at = self._wall_time() - (lifetime - remaining)
            record = {
                "access_token": token.value.reveal(),
                "issued_at": _format_time(issued_at),
                "expires_at": _format_time(issued_at + lifetime),
            }
            self._store.set(self._token, self._sealer.seal(self._token, record), remaining)

    def has_failure(self) -> bool:
        return self._load(self._failure) is not None

    def store_failure(self) -> None:
        self._store.set(self._failure, self._sealer.seal(self._failure, {}), _FAILURE_SECONDS)

    def add_lease(self, lease_id: str) -> bool:
        return self._store.add(self._lease, self._sealer.seal(self._lease, {"id": lease_id}), _LEASE_SECONDS)

    def load_lease(self) -> Record | None:
        """Return the lease, or None if there is none. A value that is not a lease of this library is removed."""
        sealed = self._store.get(self._lease)
        if sealed is None:
            return None
        record = self._sealer.unseal(self._lease, sealed)
        if record is None:
            self._store.delete(self._lease)
        return record

    def prolong_lease(self, lease_id: str, seconds: float) -> None:
        # In whole seconds, like the expiry of an entry: the wait for a lease must not end before the lease.
        seconds = math.ceil(min(max(seconds, 1.0), _MAX_LIFETIME))
        # The number makes each extension differ from the one before, so that those who wait see it.
        record = {"id": lease_id, "hint": seconds, "number": os.urandom(4).hex()}
        self._store.set(self._lease, self._sealer.seal(self._lease, record), seconds)

    def release_lease(self, lease_id: Any) -> None:
        """Remove the lease, unless another client holds it by now."""
        record = self._load(self._lease)
        if record is not None and record.get("id") == lease_id:
            self._store.delete(self._lease)

    def _load(self, name: str) -> Record | None:
        sealed = self._store.get(name)
        return None if sealed is None else self._sealer.unseal(name, sealed)


def _token_from_record(record: Record, now: float, source: str) -> AccessToken | None:
    try:
        value = record["access_token"]
        issued_at = datetime.fromisoformat(record["issued_at"]).timestamp()
        expires_at = datetime.fromisoformat(record["expires_at"]).timestamp()
    except (KeyError, TypeError, ValueError):
        # Written by another version of this library.
        return None
    lifetime = expires_at - issued_at
    if not isinstance(value, str) or not 0 < lifetime <= _MAX_LIFETIME:
        return None
    if issued_at > now + _MAX_CLOCK_SKEW or expires_at <= now:
        return None
    return AccessToken(value, lifetime, min(expires_at - now, lifetime), source)


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
