"""One token for many processes: every rule, on an in-memory store and a clock that the test owns."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import FakeClock
from support.forks import Child, locks_in

from zuora_client._base.secrets import Secret
from zuora_client._call import shared_tokens
from zuora_client._call.access_token import AccessToken
from zuora_client._call.sealed_records import Sealer
from zuora_client._call.shared_tokens import SharedTokens, _Entries, _GuardedStore, _StoreState
from zuora_client.deadline import Deadline
from zuora_client.exceptions import (
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    RateLimitError,
    Reason,
    RequestRejectedError,
)
from zuora_client.token_store import FileTokenStore

KEY = ("https://rest.zuora.com", "the-client-id", "the-client-secret")
EPOCH = 1_800_000_000.0
TOKEN, LEASE, FAILURE = ":token", ":lease", ":failure"


class MemoryStore:
    """A store on a fake clock. `log` lists the operations as (verb, kind of entry)."""

    encrypted = False

    def __init__(self, clock: FakeClock) -> None:
        self.entries: dict[str, tuple[Any, float]] = {}
        self.log: list[tuple[str, str]] = []
        self.seconds: dict[str, int] = {}
        self.before: Callable[[str, str], None] = lambda verb, kind: None
        self._clock = clock

    def _enter(self, verb: str, key: str) -> None:
        assert key.isascii()
        assert len(key) <= 100
        kind = key.rpartition(":")[2]
        self.log.append((verb, kind))
        self.before(verb, kind)

    def get(self, key: str) -> bytes | None:
        self._enter("get", key)
        value: bytes | None = self._live(key)
        return value

    def _live(self, key: str) -> Any:
        value, expires_at = self.entries.get(key, (None, 0.0))
        return value if self._clock.now() < expires_at else None

    def set(self, key: str, value: bytes, seconds: int) -> None:
        self._enter("set", key)
        self._put(key, value, seconds)

    def _put(self, key: str, value: bytes, seconds: int) -> None:
        assert isinstance(seconds, int)
        assert seconds > 0
        self.seconds[key.rpartition(":")[2]] = seconds
        self.entries[key] = (value, self._clock.now() + seconds)

    def add(self, key: str, value: bytes, seconds: int) -> bool:
        self._enter("add", key)
        if self._live(key) is not None:
            return False
        self._put(key, value, seconds)
        return True

    def delete(self, key: str) -> None:
        self._enter("delete", key)
        self.entries.pop(key, None)

    def key(self, kind: str) -> str:
        """The key of the only entry of a kind."""
        (key,) = (key for key in self.entries if key.endswith(kind))
        return key

    def kinds(self) -> list[str]:
        """The kinds of the live entries."""
        return sorted(key.rpartition(":")[2] for key in self.entries if self._live(key) is not None)


class Fleet:
    """Clients that share a store and a clock. `requests` lists when a token was requested, and by which client."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.requests: list[float] = []
        self.lifetime = 3600.0
        self.duration = 0.2
        self.error: BaseException | None = None
        self._numbers = itertools.count(1)

    def wall_time(self) -> float:
        return EPOCH + self.clock.now()

    def client(self, store: Any = None, skew: float = 0.0) -> SharedTokens:
        return SharedTokens(
            store or self.store,
            self.clock,
            wall_time=lambda: self.wall_time() + skew,
            jitter=lambda low, high: high,
        )

    def fetch(self, deadline: Deadline, on_throttled: Any) -> AccessToken:
        self.requests.append(self.clock.now())
        self.clock.advance(self.duration)
        if self.error is not None:
            raise self.error
        return AccessToken(f"token {next(self._numbers)}", self.lifetime, self.lifetime - self.duration)

    def get(self, client: SharedTokens, seconds: float | None = 60.0, key: Any = KEY, **options: Any) -> AccessToken:
        token = self.ask(client, seconds, key, **options)
        assert token is not None
        return token

    def ask(
        self, client: SharedTokens, seconds: float | None = 60.0, key: Any = KEY, **options: Any
    ) -> AccessToken | None:
        options = {"max_retry_after": 120.0, "call_id": "0123456789", "fetch": self.fetch, **options}
        return client.get_token(key, Deadline(seconds, self.clock), **options)

    def entries(self, store: Any = None) -> _Entries:
        """What a client of another process does with the entries."""
        guarded = _GuardedStore(store or self.store, self.clock, _StoreState(), "0123456789")
        return _Entries(guarded, KEY, self.wall_time)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def throttled(retry_after: float | None) -> RateLimitError:
    error = RateLimitError(429, "Too Many Requests")
    error.retry_after = retry_after
    return error


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "zuora_client")
    return lambda: [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


# -- store, lease, second look, Zuora ---------------------------------------------------------------------------------


def test_order_of_a_first_fetch(fleet: Fleet) -> None:
    token = fleet.get(fleet.client())
    assert (token.value.reveal(), token.lifetime) == ("token 1", 3600)
    assert token.remaining == pytest.approx(3599.8)
    assert (token.source, token.waited) == ("zuora", False)
    assert fleet.store.log == [
        ("get", "token"),
        ("get", "failure"),
        ("add", "lease"),
        ("get", "token"),
        ("set", "token"),
        ("get", "lease"),
        ("delete", "lease"),
    ]
    assert fleet.store.seconds == {"lease": 5, "token": 3600}
    assert fleet.store.kinds() == ["token"]


def test_the_second_client_gets_the_stored_token(fleet: Fleet) -> None:
    fleet.get(fleet.client())
    fleet.clock.advance(1000)
    fleet.store.log.clear()
    token = fleet.get(fleet.client())
    assert (token.value.reveal(), token.source, token.waited) == ("token 1", "MemoryStore", False)
    assert token.lifetime == pytest.approx(3600, abs=0.01)
    assert token.remaining == pytest.approx(2599.8, abs=0.01)
    assert fleet.store.log == [("get", "token")]
    assert len(fleet.requests) == 1


def test_an_expired_token_is_fetched_again(fleet: Fleet) -> None:
    fleet.get(fleet.client())
    fleet.clock.advance(3600)
    assert fleet.get(fleet.client()).value == "token 2"


def test_a_token_stored_before_the_lease_is_taken(fleet: Fleet) -> None:
    """The previous holder stored it between the first look and the lease."""
    other = fleet.entries()

    def before(verb: str, kind: str) -> None:
        if verb == "add":
            fleet.store.before = lambda verb, kind: None
            other.store_token(AccessToken("other", 3600))

    fleet.store.before = before
    token = fleet.get(fleet.client())
    assert (token.value.reveal(), token.source) == ("other", "MemoryStore")
    assert fleet.requests == []
    assert fleet.store.kinds() == ["token"]


def test_the_age_of_a_token_counts_from_the_request(fleet: Fleet) -> None:
    fleet.duration = 30.0
    assert fleet.get(fleet.client()).remaining == 3570
    assert fleet.store.seconds["token"] == 3570
    fleet.clock.advance(70)
    assert fleet.get(fleet.client()).remaining == pytest.approx(3500, abs=0.01)


def test_a_stored_token_must_be_usable_for_the_caller(fleet: Fleet) -> None:
    """For an early renewal, a stored token that is not newer than the caller's is not good enough."""
    fleet.get(fleet.client())
    fleet.clock.advance(3400)
    assert fleet.get(fleet.client()).value == "token 1"
    assert fleet.get(fleet.client(), is_usable=lambda token: token.remaining > 300).value == "token 2"
    assert fleet.get(fleet.client()).value == "token 2"


@pytest.mark.parametrize("lifetime", [0.1, 0.9])
def test_a_token_of_less_than_a_second_is_not_stored(fleet: Fleet, lifetime: float) -> None:
    fleet.lifetime = lifetime
    assert fleet.get(fleet.client()).lifetime == lifetime
    assert fleet.store.kinds() == []


def test_a_token_of_a_second_is_stored(fleet: Fleet) -> None:
    fleet.lifetime = 1.3
    fleet.get(fleet.client())
    assert fleet.store.kinds() == ["token"]


def test_a_lifetime_is_stored_as_one_day_at_most(fleet: Fleet) -> None:
    fleet.lifetime = 1e9
    assert fleet.get(fleet.client()).lifetime == 1e9
    assert fleet.store.seconds["token"] == 86400
    assert fleet.get(fleet.client()).lifetime == pytest.approx(86400, abs=0.01)


# -- waiting for a lease ----------------------------------------------------------------------------------------------


def test_a_waiting_client_gets_the_token_of_the_holder(fleet: Fleet) -> None:
    other = fleet.entries()
    assert other.add_lease("other")
    stored_at = fleet.clock.now() + 2.0

    def before(verb: str, kind: str) -> None:
        if fleet.clock.now() >= stored_at:
            fleet.store.before = lambda verb, kind: None
            other.store_token(AccessToken("other", 3600))
            other.release_lease("other")

    fleet.store.before = before
    token = fleet.get(fleet.client())
    assert (token.value.reveal(), token.source, token.waited) == ("other", "MemoryStore", True)
    assert fleet.requests == []
    assert fleet.clock.sleeps == sorted(fleet.clock.sleeps)
    assert 0.05 <= min(fleet.clock.sleeps) < max(fleet.clock.sleeps) == 0.5


def test_the_waits_are_random_between_50_and_500_ms(fleet: Fleet) -> None:
    bounds: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        bounds.append((low, high))
        return low

    fleet.entries().add_lease("other")
    fleet.get(SharedTokens(fleet.store, fleet.clock, wall_time=fleet.wall_time, jitter=jitter))
    assert {low for low, _ in bounds} == {0.05}
    highs = [high for _, high in bounds]
    assert highs[:5] == pytest.approx([0.1, 0.16, 0.256, 0.4096, 0.5])
    assert set(highs[4:]) == {0.5}


def test_the_default_jitter_is_the_systems_generator(fleet: Fleet) -> None:
    fleet.entries().add_lease("other")
    fleet.get(SharedTokens(fleet.store, fleet.clock, wall_time=fleet.wall_time))
    assert len(set(fleet.clock.sleeps)) > 5
    assert 0 < min(fleet.clock.sleeps) <= max(fleet.clock.sleeps) <= 0.5


def test_the_lease_of_a_killed_holder_expires(fleet: Fleet) -> None:
    started_at = fleet.clock.now()
    fleet.entries().add_lease("killed")
    token = fleet.get(fleet.client())
    assert (token.value.reveal(), token.source, token.waited) == ("token 1", "zuora", True)
    assert fleet.requests == [pytest.approx(started_at + 5)]
    assert fleet.store.kinds() == ["token"]


def test_a_lease_without_expiry_is_not_waited_for(fleet: Fleet) -> None:
    """After 5 s by the client's own clock, whatever the store says; the next client does not wait again."""
    started_at = fleet.clock.now()
    fleet.entries().add_lease("stuck")
    key = fleet.store.key(LEASE)
    fleet.store.entries[key] = (fleet.store.entries[key][0], float("inf"))
    token = fleet.get(fleet.client())
    assert (token.waited, token.source) == (True, "zuora")
    assert fleet.requests == [pytest.approx(started_at + 5)]
    assert fleet.store.kinds() == ["token"]


def test_a_store_that_grants_no_lease_is_not_waited_for(fleet: Fleet) -> None:
    class NoLease(MemoryStore):
        def add(self, key: str, value: bytes, seconds: int) -> bool:
            return False

    started_at = fleet.clock.now()
    fleet.get(fleet.client(NoLease(fleet.clock)))
    assert fleet.requests == [pytest.approx(started_at + 5)]


def test_a_lease_taken_over_is_waited_for_anew(fleet: Fleet) -> None:
    """Its new holder is alive. Otherwise all clients would ask Zuora at once, 5 s after their holder was killed."""
    started_at = fleet.clock.now()
    fleet.entries().add_lease("killed")

    def before(verb: str, kind: str) -> None:
        if verb == "add" and fleet.clock.now() >= started_at + 5:
            fleet.store.before = lambda verb, kind: None
            fleet.entries().add_lease("second")

    fleet.store.before = before
    fleet.get(fleet.client())
    assert fleet.requests == [pytest.approx(started_at + 10)]


def test_the_deadline_bounds_the_wait(fleet: Fleet) -> None:
    started_at = fleet.clock.now()
    fleet.entries().add_lease("other")
    with pytest.raises(ApiTimeoutError, match=r"the deadline of 2 s passed while another process fetched") as caught:
        fleet.get(fleet.client(), 2.0)
    assert caught.value.outcome == "not_sent"
    assert fleet.clock.now() == pytest.approx(started_at + 2)
    assert fleet.requests == []
    assert fleet.store.kinds() == ["lease"]


@pytest.mark.parametrize("seconds", [0.05 * number for number in range(1, 21)])
def test_no_wait_is_negative(seconds: float) -> None:
    """The deadline may pass at any reading of the clock."""

    class Running(FakeClock):
        def now(self) -> float:
            self.advance(0.01)
            return super().now()

    fleet = Fleet()
    fleet.clock = Running()
    fleet.store = MemoryStore(fleet.clock)
    fleet.entries().add_lease("other")
    with pytest.raises(ApiTimeoutError):
        fleet.get(fleet.client(), seconds)
    assert all(wait >= 0.0 for wait in fleet.clock.sleeps)


def test_without_a_deadline_the_wait_ends_too(fleet: Fleet) -> None:
    fleet.entries().add_lease("other")
    assert fleet.get(fleet.client(), None).value == "token 1"


def test_a_client_with_a_live_token_does_not_wait(fleet: Fleet) -> None:
    fleet.entries().add_lease("other")
    assert fleet.ask(fleet.client(), wait=False) is None
    assert fleet.clock.sleeps == []
    assert fleet.requests == []
    fleet.clock.advance(5)
    token = fleet.ask(fleet.client(), wait=False)
    assert token is not None
    assert token.value.reveal() == "token 1"


def test_a_lease_is_released_by_its_holder_only(fleet: Fleet) -> None:
    """A slow holder finds that its lease expired and belongs to another client by now."""
    other = fleet.entries()

    def fetch(deadline: Deadline, on_throttled: Any) -> AccessToken:
        fleet.clock.advance(6)
        assert other.add_lease("other")
        return AccessToken("slow", 3600)

    assert fleet.get(fleet.client(), fetch=fetch).value == "slow"
    assert fleet.store.kinds() == ["lease", "token"]
    assert other.load_lease() == {"id": "other"}


# -- failures of the holder -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retry_after", [7.0, 6.2])
def test_a_429_keeps_the_lease_for_the_hint(fleet: Fleet, retry_after: float) -> None:
    fleet.error = error = throttled(retry_after)
    with pytest.raises(RateLimitError) as caught:
        fleet.get(fleet.client())
    assert caught.value is error
    assert fleet.store.kinds() == ["lease"]
    assert fleet.store.seconds["lease"] == 7
    fleet.error = None
    assert fleet.ask(fleet.client(), wait=False) is None
    kept_from = fleet.clock.now()
    assert fleet.get(fleet.client()).waited
    assert fleet.requests[1:] == [pytest.approx(kept_from + 7, abs=0.001)]


def test_after_the_hint_one_client_asks(fleet: Fleet) -> None:
    """The others wait for that client."""
    fleet.error = throttled(7.0)
    with pytest.raises(RateLimitError):
        fleet.get(fleet.client())
    other, kept_from = fleet.entries(), fleet.clock.now()

    def before(verb: str, kind: str) -> None:
        if fleet.clock.now() >= kept_from + 7.4:
            fleet.store.before = lambda verb, kind: None
            other.store_token(AccessToken("other", 3600))
            other.release_lease("other")
        elif verb == "add" and fleet.clock.now() >= kept_from + 7:
            fleet.store.before = lambda verb, kind: None
            other.add_lease("other")
            fleet.store.before = before

    fleet.store.before = before
    assert fleet.get(fleet.client()).value == "other"
    assert len(fleet.requests) == 1


def test_a_long_hint_is_waited_for_up_to_the_limit(fleet: Fleet) -> None:
    fleet.error = throttled(600.0)
    with pytest.raises(RateLimitError):
        fleet.get(fleet.client())
    fleet.error = None
    kept_from = fleet.clock.now()
    assert fleet.get(fleet.client(), max_retry_after=10.0).waited
    assert fleet.requests[1:] == [pytest.approx(kept_from + 10)]
    # Zuora does not throttle any more, so the lease has no purpose.
    assert fleet.store.kinds() == ["token"]


@pytest.mark.parametrize(("hint", "seconds"), [(None, 5), (0.0, 1), (1e9, 86400)])
def test_a_429_without_a_usable_hint(fleet: Fleet, hint: float | None, seconds: int) -> None:
    fleet.error = throttled(hint)
    with pytest.raises(RateLimitError):
        fleet.get(fleet.client())
    assert fleet.store.seconds["lease"] == seconds


def test_category_70_is_a_429(fleet: Fleet) -> None:
    fleet.error = error = RequestRejectedError(200, "refused")
    error.reasons = (Reason(50000070, "limit"),)
    with pytest.raises(RequestRejectedError):
        fleet.get(fleet.client())
    assert fleet.store.kinds() == ["lease"]


def test_a_throttled_fetch_prolongs_its_lease(fleet: Fleet) -> None:
    """While the holder waits for its next attempt, other processes hold back too."""
    seen: list[Any] = []

    def fetch(deadline: Deadline, on_throttled: Callable[[float], None]) -> AccessToken:
        on_throttled(20.0)
        seen.append((fleet.store.seconds["lease"], fleet.ask(fleet.client(), wait=False)))
        fleet.clock.advance(20)
        on_throttled(20.0)
        fleet.clock.advance(20)
        seen.append(fleet.ask(fleet.client(), wait=False))
        return AccessToken("late", 3600)

    assert fleet.get(fleet.client(), fetch=fetch).value == "late"
    assert seen == [(25, None), None]
    assert fleet.store.kinds() == ["token"]
    assert fleet.requests == []


def test_a_prolonged_lease_is_waited_for_anew(fleet: Fleet) -> None:
    other, started_at = fleet.entries(), fleet.clock.now()
    other.add_lease("other")
    moments = iter((started_at + 4, started_at + 12))

    def before(verb: str, kind: str) -> None:
        if verb == "add" and fleet.clock.now() >= before_moment[0]:
            before_moment[0] = next(moments, float("inf"))
            fleet.store.before = lambda verb, kind: None
            other.prolong_lease("other", 10.0)
            fleet.store.before = before

    before_moment = [next(moments)]
    fleet.store.before = before
    fleet.get(fleet.client())
    assert fleet.requests == [pytest.approx(started_at + 22, abs=0.6)]


def failures() -> list[BaseException]:
    return [AuthenticationError(401, "Unauthorized"), ApiTimeoutError(reason="read timeout"), ValueError("bad id")]


@pytest.mark.parametrize("error", failures(), ids=lambda error: type(error).__name__)
def test_another_failure_leaves_a_marker(fleet: Fleet, error: BaseException) -> None:
    fleet.error = error
    with pytest.raises(type(error)) as caught:
        fleet.get(fleet.client())
    assert caught.value is error
    assert fleet.store.kinds() == ["failure"]
    assert fleet.store.seconds["failure"] == 2


def test_the_marker_is_there_before_the_lease_is_gone(fleet: Fleet) -> None:
    fleet.error = AuthenticationError(401, "Unauthorized")
    with pytest.raises(AuthenticationError):
        fleet.get(fleet.client())
    assert fleet.store.log[-3:] == [("set", "failure"), ("get", "lease"), ("delete", "lease")]


def test_the_marker_ends_the_wait(fleet: Fleet) -> None:
    """A client that sees it asks Zuora itself and raises its own error."""
    fleet.entries().add_lease("other")
    fleet.entries().store_failure()
    fleet.error = own = AuthenticationError(401, "Unauthorized")
    with pytest.raises(AuthenticationError) as caught:
        fleet.get(fleet.client())
    assert caught.value is own
    assert fleet.clock.sleeps == []
    assert len(fleet.requests) == 1
    assert fleet.store.kinds() == ["failure", "lease"]


def test_a_token_fetched_in_spite_of_the_marker_is_stored(fleet: Fleet) -> None:
    fleet.entries().store_failure()
    token = fleet.get(fleet.client())
    assert (token.value.reveal(), token.source) == ("token 1", "zuora")
    assert fleet.get(fleet.client()).source == "MemoryStore"


def test_a_wrong_secret_creates_no_queue(fleet: Fleet) -> None:
    """100 clients one after the other: none of them waits."""
    fleet.error = AuthenticationError(401, "Unauthorized")
    fleet.duration = 0.01
    for _ in range(100):
        with pytest.raises(AuthenticationError):
            fleet.get(fleet.client())
    assert fleet.clock.sleeps == []
    assert len(fleet.requests) == 100


def test_the_marker_is_gone_after_two_seconds(fleet: Fleet) -> None:
    fleet.error = AuthenticationError(401, "Unauthorized")
    with pytest.raises(AuthenticationError):
        fleet.get(fleet.client())
    fleet.clock.advance(2)
    assert fleet.store.kinds() == []


def test_early_renewal_takes_a_lease_despite_the_marker(fleet: Fleet) -> None:
    """A client with a live token does not wait for anyone, so the marker does not matter to it."""
    fleet.entries().store_failure()
    fleet.entries().add_lease("other")
    assert fleet.ask(fleet.client(), wait=False) is None
    assert fleet.requests == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupt_releases_the_lease_without_a_marker(fleet: Fleet, error: BaseException) -> None:
    fleet.error = error
    with pytest.raises(type(error)):
        fleet.get(fleet.client())
    assert fleet.store.kinds() == []


def test_lack_of_time_releases_the_lease_without_a_marker(fleet: Fleet) -> None:
    """The deadline was the holder's own."""
    fleet.error = ApiTimeoutError(reason="the deadline of 1 s passed")
    fleet.duration = 1.0
    with pytest.raises(ApiTimeoutError):
        fleet.get(fleet.client(), 1.0)
    assert fleet.store.kinds() == []


# -- refused tokens ---------------------------------------------------------------------------------------------------


def test_a_refused_token_is_not_taken_again(fleet: Fleet) -> None:
    client = fleet.client()
    fleet.get(client)
    client.refuse(Secret("token 1"))
    assert fleet.get(client).value == "token 2"
    assert fleet.get(fleet.client()).value == "token 2"


def test_a_refused_token_is_replaced_by_another_clients(fleet: Fleet) -> None:
    first, second = fleet.client(), fleet.client()
    assert fleet.get(first).value == fleet.get(second).value == "token 1"
    for client in (first, second):
        client.refuse(Secret("token 1"))
    assert fleet.get(first).value == fleet.get(second).value == "token 2"
    assert len(fleet.requests) == 2


def test_refusing_tells_where_the_token_came_from(fleet: Fleet) -> None:
    first, second = fleet.client(), fleet.client()
    assert fleet.get(first).value == fleet.get(second).value
    assert first.refuse(Secret("token 1")) is False
    assert second.refuse(Secret("token 1")) is True
    assert second.refuse(Secret("token 1")) is True


def test_refused_tokens_are_kept_as_digests_for_a_day(fleet: Fleet) -> None:
    client = fleet.client()
    client.refuse(Secret("revoked token"))
    assert "revoked" not in str(vars(client))
    fleet.clock.advance(86401)
    client.refuse(Secret("another"))
    assert len(client._refused) == 1


def test_the_memory_of_refused_tokens_is_bounded(fleet: Fleet) -> None:
    client = fleet.client()
    for number in range(1100):
        client.refuse(Secret(f"token {number}"))
    assert len(client._refused) == 1000


# -- what is in the store ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        ("https://rest.eu.zuora.com", KEY[1], KEY[2]),
        (KEY[0], "another-client-id", KEY[2]),
        (KEY[0], KEY[1], "another-client-secret"),
    ],
)
def test_each_client_has_entries_of_its_own(fleet: Fleet, other: Any) -> None:
    fleet.get(fleet.client())
    assert fleet.get(fleet.client(), key=other).value == "token 2"
    assert fleet.get(fleet.client()).value == "token 1"
    assert len(fleet.store.entries) == 2


def test_bytes_and_text_are_the_same_client(fleet: Fleet) -> None:
    fleet.get(fleet.client())
    assert fleet.get(fleet.client(), key=(KEY[0], KEY[1].encode(), KEY[2].encode())).source == "MemoryStore"


def test_three_keys_are_derived_from_the_secret() -> None:
    sealer = Sealer(KEY, encrypted=True)
    keys = {sealer.store_key, sealer._mac_key.hex(), str(sealer._encryption_key)}
    assert len(keys) == 3
    assert not any(part in repr(sealer) for part in (*KEY[1:], *keys))


def test_an_entry_holds_times_in_utc_and_no_client_secret(fleet: Fleet) -> None:
    fleet.get(fleet.client())
    key = fleet.store.key(TOKEN)
    sealed = fleet.store.entries[key][0]
    version, mac, payload = sealed.split(b".", 2)
    assert (version, len(mac)) == (b"1", 64)
    assert json.loads(payload) == {
        "access_token": "token 1",
        "issued_at": "2027-01-15T08:16:40.000+00:00",
        "expires_at": "2027-01-15T09:16:40.000+00:00",
    }
    for part in KEY[1:]:
        assert part not in key
        assert part.encode() not in sealed


def test_an_encrypted_store_holds_no_readable_token(fleet: Fleet) -> None:
    fleet.store.encrypted = True
    fleet.get(fleet.client())
    sealed = fleet.store.entries[fleet.store.key(TOKEN)][0]
    assert b"token 1" not in sealed
    assert b"access_token" not in sealed
    token = fleet.get(fleet.client())
    assert (token.value.reveal(), token.source) == ("token 1", "MemoryStore")


def test_a_readable_entry_does_not_pass_for_an_encrypted_one(fleet: Fleet) -> None:
    fleet.get(fleet.client())
    fleet.store.encrypted = True
    assert fleet.get(fleet.client()).value == "token 2"
    assert fleet.get(fleet.client()).value == "token 2"


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda sealed: b"",
        lambda sealed: b"1.",
        lambda sealed: b"1..",
        lambda sealed: b'{"access_token": "planted"}',
        lambda sealed: bytes(range(256)),
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[: len(sealed) // 2],
        lambda sealed: sealed + b" ",
        lambda sealed: b"2" + sealed[1:],
        lambda sealed: sealed.replace(sealed[2:4], b"zz", 1),
        lambda sealed: sealed[:-5] + b"xxxxx",
        lambda sealed: sealed.upper(),
    ],
)
def test_a_changed_token_is_absent_and_heals(fleet: Fleet, change: Callable[[bytes], bytes], encrypted: bool) -> None:
    fleet.store.encrypted = encrypted
    fleet.get(fleet.client())
    key = fleet.store.key(TOKEN)
    sealed, expires_at = fleet.store.entries[key]
    assert change(sealed) != sealed
    fleet.store.entries[key] = (change(sealed), expires_at)
    assert fleet.get(fleet.client()).value == "token 2"
    assert fleet.get(fleet.client()).source == "MemoryStore"


@given(st.binary(max_size=200))
def test_foreign_bytes_are_never_unsealed(sealed: bytes) -> None:
    assert Sealer(KEY, encrypted=False).unseal("name", sealed) is None


def test_an_entry_does_not_pass_for_one_of_another_kind(fleet: Fleet) -> None:
    fleet.get(fleet.client())
    key = fleet.store.key(TOKEN)
    planted = fleet.store.entries.pop(key)
    for kind in (LEASE, FAILURE):
        fleet.store.entries[key.replace(TOKEN, kind)] = planted
    assert not fleet.entries().has_failure()
    assert fleet.entries().load_lease() is None


@pytest.mark.parametrize("planted", [b"", b"garbage", b"1.00.{}"])
def test_a_planted_lease_is_removed(fleet: Fleet, planted: bytes) -> None:
    fleet.entries().add_lease("other")
    started_at = fleet.clock.now()
    fleet.store.entries[fleet.store.key(LEASE)] = (planted, float("inf"))
    assert fleet.get(fleet.client()).value == "token 1"
    assert fleet.requests[0] - started_at < 0.2
    assert fleet.store.kinds() == ["token"]


def test_a_planted_marker_is_ignored(fleet: Fleet) -> None:
    fleet.entries().store_failure()
    fleet.store.entries[fleet.store.key(FAILURE)] = (b"planted", float("inf"))
    fleet.get(fleet.client())
    assert ("add", "lease") in fleet.store.log


@pytest.mark.parametrize(
    ("issued_at", "expires_at"),
    [
        (0, 0),
        (0, -1),
        (30, 30),
        (-86401, 10),
        (-3600, -0.01),
        (61, 3600),
        (100_000, 103_600),
    ],
)
def test_a_token_with_impossible_times_is_absent(fleet: Fleet, issued_at: float, expires_at: float) -> None:
    store_record(fleet, issued_at, expires_at)
    assert fleet.entries().load_token() is None
    assert fleet.get(fleet.client()).value == "token 1"


@pytest.mark.parametrize(
    ("issued_at", "expires_at", "remaining"), [(-86400 + 1, 1, 1), (60, 3660, 3600), (-3599, 1, 1), (0, 86400, 86400)]
)
def test_a_token_with_possible_times_is_taken(
    fleet: Fleet, issued_at: float, expires_at: float, remaining: float
) -> None:
    store_record(fleet, issued_at, expires_at)
    token = fleet.entries().load_token()
    assert token is not None
    assert token.remaining == pytest.approx(remaining, abs=0.01)


def store_record(fleet: Fleet, issued_in: float, expires_in: float, **changes: Any) -> None:
    """Store a sealed token with these times, relative to now."""
    now = fleet.wall_time()
    record = {
        "access_token": "stored",
        "issued_at": shared_tokens._format_time(now + issued_in),
        "expires_at": shared_tokens._format_time(now + expires_in),
        **changes,
    }
    entries = fleet.entries()
    fleet.store.set(entries._token, entries._sealer.seal(entries._token, record), 3600)


@pytest.mark.parametrize(
    "changes", [{"access_token": 5}, {"issued_at": 5}, {"expires_at": "soon"}, {"access_token": None}]
)
def test_a_sealed_record_of_another_shape_is_absent(fleet: Fleet, changes: dict[str, Any]) -> None:
    store_record(fleet, 0, 3600, **changes)
    assert fleet.entries().load_token() is None


def test_a_sealed_value_that_is_not_an_object_is_absent(fleet: Fleet) -> None:
    entries = fleet.entries()
    fleet.store.set(entries._token, entries._sealer.seal(entries._token, []), 10)  # type: ignore[arg-type]
    assert entries.load_token() is None


@pytest.mark.parametrize("skew", [-59.0, 59.0])
def test_clocks_may_differ_by_a_minute(fleet: Fleet, skew: float) -> None:
    fleet.get(fleet.client())
    token = fleet.get(fleet.client(skew=skew))
    assert token.source == "MemoryStore"
    assert token.remaining == pytest.approx(min(3599.8 - skew, 3600), abs=0.01)


# -- a store that fails -----------------------------------------------------------------------------------------------


class BrokenStore(MemoryStore):
    """Raises while `error` is set, after `seconds`."""

    error: Exception | None = ConnectionError("connection refused")
    seconds_until_error = 0.0

    def _enter(self, verb: str, key: str) -> None:
        super()._enter(verb, key)
        if self.error is not None:
            self._clock.advance(self.seconds_until_error)
            raise self.error


def test_a_store_that_is_down_costs_one_warning(fleet: Fleet, warnings: Callable[[], list[str]]) -> None:
    store = BrokenStore(fleet.clock)
    client = fleet.client(store)
    assert fleet.get(client).value == "token 1"
    assert store.log == [("get", "token")]
    assert warnings() == [
        "[0123456789] the token store BrokenStore failed (ConnectionError: connection refused): not used for 5 s"
    ]
    assert fleet.get(client).value == "token 2"
    assert len(store.log) == 1
    assert fleet.clock.sleeps == []


def test_a_hanging_store_costs_one_operation(fleet: Fleet) -> None:
    store = BrokenStore(fleet.clock)
    store.seconds_until_error = 1.0
    started_at = fleet.clock.now()
    client = fleet.client(store)
    fleet.get(client)
    fleet.get(client)
    assert fleet.requests[0] == started_at + 1.0
    assert len(store.log) == 1


def test_the_pause_doubles_up_to_a_minute(fleet: Fleet, warnings: Callable[[], list[str]]) -> None:
    store = BrokenStore(fleet.clock)
    client = fleet.client(store)
    fleet.duration = 0.0
    pauses = []
    for expected in (5, 10, 20, 40, 60, 60):
        fleet.get(client)
        count = len(store.log)
        fleet.clock.advance(expected - 0.01)
        fleet.get(client)
        assert len(store.log) == count
        fleet.clock.advance(0.01)
        pauses.append(expected)
    assert len(store.log) == len(pauses)
    assert len(warnings()) == 1


def test_a_store_that_works_again_is_used_again(
    fleet: Fleet, warnings: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    store = BrokenStore(fleet.clock)
    client = fleet.client(store)
    fleet.get(client)
    store.error = None
    fleet.clock.advance(5)
    fleet.get(client)
    assert store.kinds() == ["token"]
    assert caplog.messages[-1] == "[0123456789] the token store BrokenStore works again"
    store.error = OSError("again")
    fleet.get(client)
    assert warnings()[-1] == "[0123456789] the token store BrokenStore failed (OSError: again): not used for 5 s"


@pytest.mark.parametrize("failing", range(7))
def test_a_failure_in_any_operation_costs_no_call(fleet: Fleet, failing: int) -> None:
    """Killed in the middle: the call gets its token all the same."""
    store = BrokenStore(fleet.clock)
    store.error = None

    def before(verb: str, kind: str) -> None:
        if len(store.log) > failing:
            store.error = ConnectionResetError("killed")

    store.before = before
    assert fleet.get(fleet.client(store)).value == "token 1"
    assert len(store.log) == failing + 1


def test_a_store_that_dies_during_a_wait_ends_it(fleet: Fleet) -> None:
    store = BrokenStore(fleet.clock)
    store.error = None
    fleet.entries(store).add_lease("other")
    dies_at = fleet.clock.now() + 1.0

    def before(verb: str, kind: str) -> None:
        if fleet.clock.now() >= dies_at:
            store.error = ConnectionResetError("killed")

    store.before = before
    token = fleet.get(fleet.client(store))
    assert (token.source, token.waited) == ("zuora", True)
    assert fleet.requests == [pytest.approx(dies_at, abs=0.5)]


def test_an_error_of_zuora_is_raised_without_the_stores(fleet: Fleet) -> None:
    fleet.error = AuthenticationError(401, "Unauthorized")
    with pytest.raises(AuthenticationError) as caught:
        fleet.get(fleet.client(BrokenStore(fleet.clock)))
    assert caught.value.__context__ is None


def test_a_foreign_stores_message_is_not_logged(fleet: Fleet, warnings: Callable[[], list[str]]) -> None:
    """It may contain the value, and the value a token."""
    store = BrokenStore(fleet.clock)
    store.error = RuntimeError("cannot store token-in-clear")
    fleet.get(fleet.client(store))
    assert warnings() == ["[0123456789] the token store BrokenStore failed (RuntimeError): not used for 5 s"]


@pytest.mark.parametrize("reply", ["text", 5, [], {"a": 1}, object()])
def test_another_type_is_absent_with_one_warning(fleet: Fleet, reply: Any, warnings: Callable[[], list[str]]) -> None:
    class OddStore(MemoryStore):
        def get(self, key: str) -> Any:
            return reply

    client = fleet.client(OddStore(fleet.clock))
    assert fleet.get(client).value == "token 1"
    assert fleet.get(client).value == "token 2"
    kind = type(reply).__name__
    assert warnings() == [f"[0123456789] the token store OddStore returned {kind} instead of bytes: taken for absent"]


def test_an_interrupt_in_the_store_is_raised(fleet: Fleet) -> None:
    def before(verb: str, kind: str) -> None:
        raise KeyboardInterrupt

    fleet.store.before = before
    with pytest.raises(KeyboardInterrupt):
        fleet.get(fleet.client())


# -- secrets and processes --------------------------------------------------------------------------------------------


def test_reprs_mask_the_token(fleet: Fleet) -> None:
    client = fleet.client()
    token = fleet.get(client)
    assert repr(token) == "AccessToken('***', remaining=3600, source='zuora', waited=False)"
    entries = fleet.entries()
    for thing in (client, entries, entries._sealer, vars(client)):
        for secret in (*KEY[1:], token.value.reveal()):
            assert secret not in repr(thing)


def test_no_lock_can_be_left_behind_by_a_fork(fleet: Fleet, tmp_path: Any) -> None:
    client = SharedTokens(FileTokenStore(tmp_path / "tokens"), FakeClock())
    fleet_locks = [lock for lock in locks_in(client) if lock is not client._clock._lock]  # type: ignore[attr-defined]
    assert fleet_locks == []


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_a_forked_child_shares_the_token(fleet: Fleet, tmp_path: Any) -> None:
    store = FileTokenStore(tmp_path / "tokens")
    client = SharedTokens(store, fleet.clock)
    fleet.get(client)
    child = Child(lambda: (lambda token: (token.value.reveal(), token.source))(fleet.get(client)))
    assert child.result == ("token 1", "FileTokenStore")


def test_an_exception_of_the_fetch_keeps_its_class(fleet: Fleet) -> None:
    class Own(ApiException):
        pass

    fleet.error = Own(500, "down")
    with pytest.raises(Own):
        fleet.get(fleet.client())
