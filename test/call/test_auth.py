"""The token cache (one refresh at a time, advisory and mandatory), refused tokens, and the choice of credentials."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import FakeClock, respond, respond_json
from support.threads import Caller, Gate, wait_until
from support.tokens import CLIENT_ID, CLIENT_SECRET, UNAUTHORIZED, TokenServer, connected, token

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client._base.latch import Latch
from zuora_client._call import auth
from zuora_client._call.access_token import AccessToken
from zuora_client._call.auth import TokenCache, _Refresh
from zuora_client._call.retry import uniform
from zuora_client.deadline import Clock, Deadline
from zuora_client.emulator import ZuoraEmulator
from zuora_client.exceptions import (
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    RateLimitError,
    RequestRejectedError,
    ServerError,
)
from zuora_client.token_store import FileTokenStore

TARGET = {"targetEntityId": "8a80825556ff28a4015708ba29312ecc"}
CALLS: dict[str, Callable[[Any], Any]] = {
    "GET": lambda api: api.get_entity_connections(),
    "POST": lambda api: api.post_entity_connections(request=TARGET),
    "PUT": lambda api: api.put_entity_connections_disconnect("8a80825555a3c7a10155b54a63821c0d"),
}


# -- the request for a token ------------------------------------------------------------------------------------------


def test_token_request_is_a_form() -> None:
    """It carries the client credentials and no default headers, cookies or entity ids."""
    with connected() as (server, api):
        api.api_client.cookie = "ZSession=1"
        api.api_client.set_default_header("X-Mine", "yes")
        api.get_entity_connections(zuora_entity_ids="8a80825555a3c7a10155b460f53858e6", zuora_track_id="t")
        (request,) = server.token_requests
        assert request.line == "POST /oauth/token HTTP/1.1"
        assert request.body == (
            b"client_id=5ac0d9b1-54ee-4d24-8a2c-dd7a0d5a8b5e"
            b"&client_secret=%2B%2F%3D%26%25+Jrk1uVbW0xQwS3Z~yBq8o5nT7%27cLdE2fA&grant_type=client_credentials"
        )
        assert request.headers.pop("user-agent").startswith("zuora-entity-connections/")
        assert request.headers == {
            "host": f"127.0.0.1:{server.port}",
            "accept": "application/json",
            "accept-encoding": "gzip",
            "connection": "keep-alive",
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(request.body)),
        }
        assert server.used == ["Bearer token-1"]


@given(secret=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=42))
def test_any_secret_is_encoded_correctly(secret: str) -> None:
    sent: list[Any] = []

    def fetch(sock: Any, received: Any) -> Any:
        sent.append(received.body)
        sock.sendall(token("t"))
        return True

    with TokenServer(fetch) as server:
        client = ApiClient(Configuration(server.url, client_id=CLIENT_ID, client_secret=secret))
        with client:
            client.call_api("/v1/x", "GET")
    fields = dict(parse_qsl(sent[0].decode("ascii"), strict_parsing=True))
    assert fields == {"client_id": CLIENT_ID, "client_secret": secret, "grant_type": "client_credentials"}


def test_credentials_may_be_bytes() -> None:
    with connected(client_id=CLIENT_ID.encode(), client_secret=CLIENT_SECRET.encode()) as (server, api):
        api.get_entity_connections()
        fields = dict(parse_qsl(server.token_requests[0].body.decode()))
        assert fields["client_secret"] == CLIENT_SECRET
        assert fields["client_id"] == CLIENT_ID


def test_host_path_prefixes_token_path() -> None:
    """A path in the host is also put in front of the path of the token endpoint."""
    with connected() as (server, api):
        api.api_client.configuration.host = server.url + "/gateway/zuora//"
        api.get_entity_connections()
        assert [request.target for request in server.requests] == [
            "/gateway/zuora/oauth/token",
            "/gateway/zuora/v1/entity-connections",
        ]


def test_emulator_accepts_client_credentials() -> None:
    with ZuoraEmulator() as zuora:
        settings = Configuration(zuora.url, client_id=zuora.client_id, client_secret=zuora.client_secret)
        with ApiClient(settings) as client:
            api = EntityConnectionsApi(client)
            assert api.get_entity_connections(zuora_entity_ids=zuora.entities[0].id).success is True


@pytest.mark.parametrize("number", range(3))
def test_token_request_is_retried(number: int) -> None:
    """The token request follows the retry rules of reads, and honors Retry-After."""
    failure = [respond(503), lambda *_: None, respond_json({"reasons": []}, 429, {"Retry-After": "7"})][number]
    clock = FakeClock()
    with connected(failure, clock=clock) as (server, api):
        api.get_entity_connections()
        assert len(server.token_requests) == 2
        assert server.used == ["Bearer token-2"]
        assert len(clock.sleeps) == 1
        assert (clock.sleeps[0] >= 7) == (number == 2)


# -- lifetime ---------------------------------------------------------------------------------------------------------


def fetches_at(expires_in: Any, *times: float) -> list[int]:
    """Return the number of token requests after a call at each of these times, in seconds."""
    clock = FakeClock()
    with connected(token("token-1", expires_in), clock=clock) as (server, api):
        api.get_entity_connections()
        counts = []
        for seconds in times:
            clock.advance(1000.0 + seconds - clock.now())
            api.get_entity_connections()
            counts.append(len(server.token_requests))
        return counts


@pytest.mark.parametrize(
    ("expires_in", "advisory"),
    [
        (3599, 3299.0),
        (3598.5, 3298.5),
        (b"3.6e3", 3300.0),
        (1200, 900.0),
        (60, 45.0),
        (0.5, 0.375),
        ("3600", 3300.0),
        ("060", 45.0),
        ("9" * 20, 1e9 - 300.0),
    ],
)
@pytest.mark.parametrize("share", [0.7, 1.0])
def test_token_is_used_until_advisory_window(
    monkeypatch: pytest.MonkeyPatch, expires_in: Any, advisory: float, share: float
) -> None:
    """A token is used without a request until its advisory refresh window begins, or the drawn share of it."""
    monkeypatch.setattr(auth, "uniform", lambda low, high: share)
    begins = advisory if share == 1.0 else advisory + 0.3 * min(300.0, advisory / 3)
    assert fetches_at(expires_in, begins * 0.5, begins - 0.01, begins + 0.01) == [1, 1, 2]


def test_share_of_advisory_window_is_random() -> None:
    """Each token draws a share between 0.7 and 1 of its window from the system's generator."""
    assert isinstance(uniform.__self__, random.SystemRandom)  # type: ignore[attr-defined]
    clock = FakeClock()
    begins = []
    for _ in range(40):
        cache = TokenCache(clock)
        cache.get_token(("h", "i", "s"), Deadline(None, clock), lambda *_: AccessToken("t", 3600.0))
        assert cache._token is not None
        begins.append(clock.now() + 3600.0 - cache._token.advisory_at)
    assert 210.0 <= min(begins) < 240.0 < 270.0 < max(begins) <= 300.0


@pytest.mark.parametrize("expires_in", [10**400, b"1e300", b"1" + b"0" * 5000, b"123456789012"])
def test_huge_lifetime(expires_in: Any) -> None:
    # Python does not convert 5001 digits to an int.
    is_usable = expires_in != b"1" + b"0" * 5000
    assert fetches_at(expires_in, 10_000.0) == [1 if is_usable else 2]


@pytest.mark.parametrize(
    "expires_in",
    [
        *(None, 0, -1, -0.5, b"NaN", b"Infinity", b"-Infinity", b"1e999", True, b"null", [3600], {}),
        *("", "0", "-60", "1e3", "36 00", " 3600", "3600.0", "NaN", "\u0663\u0666\u0660\u0660", "\u00b2", "3" * 5000),
    ],
)
def test_unusable_lifetime_means_five_minutes(monkeypatch: pytest.MonkeyPatch, expires_in: Any) -> None:
    monkeypatch.setattr(auth, "uniform", lambda low, high: high)
    assert fetches_at(expires_in, 224.9, 225.1) == [1, 2]


def test_one_minute_token_serves_many_calls() -> None:
    assert fetches_at(60, *map(float, range(1, 45))) == [1] * 44


@given(lifetime=st.floats(1e-3, 1e7), share=st.floats(0.0, 0.74))
def test_no_refresh_for_three_quarters(lifetime: float, share: float) -> None:
    """A token is used for three quarters of its lifetime, however long that is, and is replaced after its end."""
    clock = FakeClock()
    cache = TokenCache(clock)
    numbers = iter(range(10))

    def fetch(_: Deadline, advisory: bool) -> AccessToken:
        return AccessToken(f"token-{next(numbers)}", lifetime)

    def get() -> str:
        token = cache.get_token(("h", "i", "s"), Deadline(300.0, clock), fetch)
        return str(token.reveal())

    assert get() == "token-0"
    clock.advance(lifetime * share)
    assert get() == "token-0"
    clock.advance(lifetime - lifetime * share)
    assert get() == "token-1"


def test_expiry_uses_monotonic_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the wall clock does not expire a token."""
    with connected(clock=Clock()) as (server, api):
        api.get_entity_connections()
        monkeypatch.setattr(time, "time", lambda: 4e9)
        api.get_entity_connections()
        assert len(server.token_requests) == 1


# -- refresh ----------------------------------------------------------------------------------------------------------


def test_fifty_threads_send_one_request() -> None:
    gate = Gate(token("token-1"))
    with connected(gate) as (server, api):
        callers = [Caller(api.get_entity_connections) for _ in range(50)]
        wait_until(gate.reached.is_set)
        wait_until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 49)
        gate.open()
        assert all(caller.done().success for caller in callers)
        assert len(server.token_requests) == 1
        assert server.used == ["Bearer token-1"] * 50


def test_advisory_refresh_blocks_one_thread() -> None:
    """In the advisory window one thread refreshes the token, and the others keep using the current one."""
    clock, gate = FakeClock(), Gate(token("token-2"))
    with connected(token("token-1"), gate, clock=clock) as (server, api):
        api.get_entity_connections()
        clock.advance(3600 - 209)
        leader = Caller(api.get_entity_connections)
        wait_until(gate.reached.is_set)
        others = [Caller(api.get_entity_connections) for _ in range(5)]
        assert all(other.done().success for other in others)
        assert server.used == ["Bearer token-1"] * 6
        gate.open()
        leader.done()
        api.get_entity_connections()
        assert server.used[6:] == ["Bearer token-2"] * 2
        assert len(server.token_requests) == 2


@pytest.mark.parametrize(("lifetime", "remaining"), [(3600, 59.0), (60, 5.9)])
def test_mandatory_refresh_blocks_all_threads(lifetime: float, remaining: float) -> None:
    clock, gate = FakeClock(), Gate(token("token-2"))
    with connected(token("token-1", lifetime), gate, clock=clock) as (server, api):
        api.get_entity_connections()
        clock.advance(lifetime - remaining)
        callers = [Caller(api.get_entity_connections) for _ in range(5)]
        wait_until(gate.reached.is_set)
        wait_until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 4)
        assert len(server.calls) == 1
        gate.open()
        for caller in callers:
            caller.done()
        assert server.used == ["Bearer token-1"] + ["Bearer token-2"] * 5
        assert len(server.token_requests) == 2


def test_mandatory_window_joins_running_refresh() -> None:
    """A thread that needs a token in the mandatory window waits for an advisory refresh that is in progress."""
    clock, gate = FakeClock(), Gate(token("token-2"))
    with connected(token("token-1"), gate, clock=clock) as (server, api):
        api.get_entity_connections()
        clock.advance(3600 - 61)
        leader = Caller(api.get_entity_connections)
        wait_until(gate.reached.is_set)
        clock.advance(5)
        waiter = Caller(api.get_entity_connections)
        wait_until(lambda: waiter.waits_for_a_thread)
        gate.open()
        leader.done()
        waiter.done()
        assert len(server.token_requests) == 2


@pytest.mark.parametrize(
    "failure", [respond(500), UNAUTHORIZED, lambda *_: None, token(None), respond(302, b"", {"Location": "/"})]
)
def test_failed_advisory_refresh_backs_off(failure: Any) -> None:
    """After a failed advisory refresh the current token is used, and the next refresh waits five seconds."""
    clock = FakeClock()
    with connected(token("token-1"), failure, failure, clock=clock, max_attempts=1) as (server, api):
        api.get_entity_connections()
        clock.advance(3600 - 200)
        counts = []
        for seconds in (0.0, 4.9, 0.2, 0.0):
            clock.advance(seconds)
            assert api.get_entity_connections().success is True
            counts.append(len(server.token_requests))
        assert counts == [2, 2, 3, 3]
        assert set(server.used) == {"Bearer token-1"}
        clock.advance(6)
        api.get_entity_connections()
        assert server.used[-1] == "Bearer token-4"


def test_failed_advisory_refresh_short_lifetime() -> None:
    """A failed advisory refresh keeps a token of one minute, too."""
    clock = FakeClock()
    with connected(token("token-1", 60), respond(500), clock=clock, max_attempts=1) as (server, api):
        api.get_entity_connections()
        clock.advance(50)
        api.get_entity_connections()
        assert server.used == ["Bearer token-1"] * 2
        assert len(server.token_requests) == 2


def test_advisory_refresh_timeout() -> None:
    """An advisory refresh is limited to ten seconds or half of the remaining time, whichever is less."""
    clock = FakeClock()
    cache = TokenCache(clock)
    remaining: list[float | None] = []

    def fetch(deadline: Deadline, advisory: bool) -> AccessToken:
        remaining.append(deadline.remaining())
        assert advisory == (len(remaining) > 1)
        if len(remaining) > 1:
            raise ApiTimeoutError
        return AccessToken("current", 3600)

    def get(seconds: float | None) -> str:
        token = cache.get_token(("h", "i", "s"), Deadline(seconds, clock), fetch)
        return str(token.reveal())

    get(300.0)
    clock.advance(3400)
    for seconds in (300.0, None, 6.0):
        assert get(seconds) == "current"
        clock.advance(6)
    assert remaining == [300.0, 10.0, 10.0, 3.0]


def test_hanging_advisory_refresh() -> None:
    """A call whose advisory refresh hangs still has time to be sent."""

    class JumpingClock(Clock):
        """Real time plus an offset."""

        offset = 0.0

        def now(self) -> float:
            return time.monotonic() + self.offset

    clock, gate = JumpingClock(), Gate(b"")
    with connected(token("token-1"), gate, clock=clock) as (server, api):
        api.get_entity_connections()
        clock.offset = 3400.0
        assert api.get_entity_connections(_request_timeout=2.0).success is True
        assert gate.reached.is_set()
        gate.open()
        assert server.used == ["Bearer token-1"] * 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_rejected_client_fails_all_waiters(status: int) -> None:
    """Threads that waited for a rejected token request each raise their own copy of the error."""
    gate = Gate(respond_json({"message": "Invalid client id"}, status))
    with connected(gate) as (server, api):
        callers = [Caller(api.get_entity_connections) for _ in range(20)]
        wait_until(gate.reached.is_set)
        wait_until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 19)
        gate.open()
        errors = []
        for caller in callers:
            with pytest.raises(AuthenticationError) as caught:
                caller.done()
            errors.append(caught.value)
        assert len(server.token_requests) == 1
        assert server.calls == []
        assert len(set(map(id, errors))) == 20
        for error in errors:
            assert (error.status, error.outcome, error.method) == (status, "not_sent", "GET")
            assert str(error.reason).startswith(server.url + "/oauth/token")
            assert "Invalid client id" in str(error)
        assert api.get_entity_connections().success is True


@pytest.mark.parametrize(
    ("failure", "error_class"),
    [
        (respond(500), ServerError),
        (respond(503), ServerError),
        (respond_json({}, 429, {"Retry-After": "500"}), RateLimitError),
        (respond(302, b"", {"Location": "https://login.example.com/"}), InvalidResponseError),
        (respond(200, b"<html>Welcome</html>"), InvalidResponseError),
        (respond(200), InvalidResponseError),
        (respond(200, b"[]"), InvalidResponseError),
        (token(None), InvalidResponseError),
        (token(""), InvalidResponseError),
        (token("a\r\nb"), InvalidResponseError),
        (token("\u00e4"), InvalidResponseError),
        (token(["a"]), InvalidResponseError),
        (respond_json({"success": False, "reasons": [{"code": 90000011, "message": "no"}]}), AuthenticationError),
        (lambda *_: None, ApiConnectionError),
    ],
)
def test_call_without_token_is_not_sent(failure: Any, error_class: type[ApiException]) -> None:
    with connected(failure, max_attempts=1) as (server, api):
        with pytest.raises(error_class) as caught:
            api.put_entity_connections_disconnect("1")
        assert type(caught.value) is error_class
        assert caught.value.outcome == "not_sent"
        assert (caught.value.method, caught.value.path) == ("PUT", "/v1/entity-connections/1/disconnect")
        assert server.calls == []
        assert [request.line for request in server.requests] == ["POST /oauth/token HTTP/1.1"]


def test_leader_without_time_to_retry() -> None:
    """If the deadline of the leader leaves no time for a retry, one of the waiting threads fetches the token."""
    gate = Gate(respond(502))
    with connected(gate, clock=Clock()) as (server, api):
        leader = Caller(lambda: api.get_entity_connections(_request_timeout=0.2))
        wait_until(gate.reached.is_set)
        waiters = [Caller(api.get_entity_connections) for _ in range(3)]
        wait_until(lambda: all(waiter.waits_for_a_thread for waiter in waiters))
        gate.open()
        with pytest.raises(ApiException):
            leader.done()
        assert [waiter.done().success for waiter in waiters] == [True] * 3
        assert len(server.token_requests) == 2


def test_interrupted_refresh_is_over() -> None:
    """A thread whose refresh was interrupted by a signal handler does not wait for it in the handler."""
    clock = FakeClock()
    cache, key = TokenCache(clock), ("https://zuora.invalid", "id", "secret")
    cache._refresh = _Refresh(key)
    obtained = AccessToken("token-1", 3600)
    assert cache.get_token(key, Deadline(0.1, Clock()), lambda *_: obtained) == "token-1"


def test_interrupted_release_wakes_waiters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler that raises when the leader wakes the waiting threads does not keep them waiting."""
    gate, wake, interruptions = Gate(token("token-1")), Latch.set, [KeyboardInterrupt()]

    def interrupted(latch: Latch) -> None:
        if interruptions:
            raise interruptions.pop()
        wake(latch)

    with connected(gate, clock=Clock()) as (_, api):
        leader = Caller(api.get_entity_connections)
        wait_until(gate.reached.is_set)
        waiter = Caller(lambda: api.get_entity_connections(_request_timeout=20))
        wait_until(lambda: waiter.waits_for_a_thread)
        monkeypatch.setattr(Latch, "set", interrupted)
        gate.open()
        with pytest.raises(KeyboardInterrupt):
            leader.done()
        assert waiter.done().success


def test_leader_deadline_does_not_fail_waiters() -> None:
    """If the deadline of the leader passes, one of the waiting threads fetches the token."""
    gate = Gate(b"")
    with connected(gate, clock=Clock()) as (server, api):
        leader = Caller(lambda: api.get_entity_connections(_request_timeout=0.5))
        wait_until(gate.reached.is_set)
        waiters = [Caller(api.get_entity_connections) for _ in range(3)]
        wait_until(lambda: all(waiter.waits_for_a_thread for waiter in waiters))
        with pytest.raises(ApiTimeoutError):
            leader.done()
        for waiter in waiters:
            assert waiter.done().success is True
        gate.open()
        assert len(server.token_requests) == 2


def test_leader_without_time_for_retry_after() -> None:
    """If the deadline of the leader is too short for Retry-After, a waiting thread fetches the token."""
    gate = Gate(respond_json({}, 429, {"Retry-After": "50"}))
    with connected(gate) as (server, api):
        leader = Caller(lambda: api.get_entity_connections(_request_timeout=20))
        wait_until(gate.reached.is_set)
        waiter = Caller(api.get_entity_connections)
        wait_until(lambda: waiter.waits_for_a_thread)
        gate.open()
        with pytest.raises(RateLimitError) as caught:
            leader.done()
        assert caught.value.retry_after == 50
        assert waiter.done().success is True
        assert len(server.token_requests) == 2


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_leader_interrupted(exception: type[BaseException]) -> None:
    """If the leader raises something other than an ApiException, a waiting thread fetches the token."""
    clock = FakeClock()
    cache = TokenCache(clock)
    go = threading.Event()
    started = threading.Event()

    def interrupted(_: Deadline, advisory: bool) -> AccessToken:
        started.set()
        go.wait(60)
        raise exception

    def get(fetch: Any) -> str:
        token = cache.get_token(("h", "i", "s"), Deadline(None, clock), fetch)
        return str(token.reveal())

    leader = Caller(lambda: get(interrupted))
    wait_until(started.is_set)
    waiter = Caller(lambda: get(lambda *_: AccessToken("fine", 60)))
    wait_until(lambda: waiter.waits_for_a_thread)
    go.set()
    with pytest.raises(exception):
        leader.done()
    assert waiter.done() == "fine"


def test_deadline_limits_wait_for_refresh() -> None:
    """The wait for the refresh of another thread ends with the deadline of the waiting call."""
    gate = Gate(token("token-1"))
    with connected(gate, clock=Clock()) as (server, api):
        leader = Caller(api.get_entity_connections)
        wait_until(gate.reached.is_set)
        with pytest.raises(ApiTimeoutError, match=r"deadline of 0\.2 s") as caught:
            api.put_entity_connections_accept("1", _request_timeout=0.2)
        assert caught.value.outcome == "not_sent"
        assert leader.is_alive()
        gate.open()
        assert leader.done().success is True
        assert len(server.token_requests) == 1
        assert len(server.calls) == 1


def test_fetch_counts_against_deadline() -> None:
    gate = Gate(b"")
    with connected(gate, clock=Clock()) as (_, api):
        with pytest.raises(ApiTimeoutError, match=r"deadline of 0\.3 s") as caught:
            api.put_entity_connections_accept("1", _request_timeout=0.3)
        gate.open()
        assert caught.value.outcome == "not_sent"


# -- throttled token requests -----------------------------------------------------------------------------------------

LIMITED = respond_json({"success": False, "reasons": [{"code": 50000070, "message": "slow down"}]})


def limited(*hint: int) -> bytes:
    """A 429, with Retry-After if there is a hint."""
    return respond_json({}, 429, {"Retry-After": str(hint[0])} if hint else {})


@pytest.mark.parametrize("response", [limited(), limited(7), LIMITED], ids=["429", "hint", "category 70"])
def test_deadline_limits_throttled_attempts(response: bytes) -> None:
    """While Zuora throttles token requests, the deadline ends the attempts, and not `max_attempts`."""
    clock = FakeClock()
    with connected(*[response] * 9, clock=clock, max_attempts=1) as (server, api):
        api.get_entity_connections()
        assert len(server.token_requests) == 10
        assert server.used == ["Bearer token-10"]


@pytest.mark.parametrize("response", [limited(), limited(7), LIMITED], ids=["429", "hint", "category 70"])
def test_throttled_until_deadline(response: bytes) -> None:
    clock = FakeClock()
    with connected(*[response] * 99, clock=clock, deadline=100) as (server, api):
        with pytest.raises(RateLimitError) as caught:
            api.put_entity_connections_accept("1")
        assert (caught.value.outcome, server.calls) == ("not_sent", [])
        # The longest wait without a hint is 20 s, with this one 10.5 s.
        assert 75.0 <= sum(clock.sleeps) < 100.0
        assert len(caught.value.attempts) == len(server.token_requests) == len(clock.sleeps) + 1


@pytest.mark.parametrize("response", [limited(), LIMITED], ids=["429", "category 70"])
def test_throttled_without_hint_waits_seconds(response: bytes) -> None:
    """The backoff of a throttled token request starts at 4 s and doubles to 20 s; half of it is jitter."""
    clock = FakeClock()
    with connected(*[response] * 6, clock=clock) as (_, api):
        api.get_entity_connections()
        for seconds, backoff in zip(clock.sleeps, (4.0, 8.0, 16.0, 20.0, 20.0, 20.0), strict=True):
            assert backoff / 2 <= seconds <= backoff


def test_throttled_with_hint_waits_longer() -> None:
    """Above the hint there is jitter of up to half of it."""
    clock = FakeClock()
    with connected(*[limited(20)] * 8, clock=clock) as (_, api):
        api.get_entity_connections()
        assert all(20.0 <= seconds <= 30.0 for seconds in clock.sleeps)
        assert len(set(clock.sleeps)) == 8


def test_hint_above_maximum_ends_the_call() -> None:
    clock = FakeClock()
    with connected(limited(121), clock=clock) as (server, api):
        with pytest.raises(RateLimitError) as caught:
            api.get_entity_connections()
        assert (caught.value.retry_after, clock.sleeps, len(server.token_requests)) == (121.0, [], 1)


def test_other_failures_keep_max_attempts() -> None:
    """`max_attempts` counts the attempts that were not throttled."""
    bad = respond(502)
    with connected(limited(), bad, limited(), bad, limited(), bad, max_attempts=3) as (server, api):
        with pytest.raises(ServerError):
            api.get_entity_connections()
        assert len(server.token_requests) == 6


@pytest.mark.parametrize("status", [425, 503, 502])
def test_other_waits_keep_max_attempts(status: int) -> None:
    with connected(*[respond(status, b"", {"Retry-After": "1"})] * 9, max_attempts=2) as (server, api):
        with pytest.raises(ApiException):
            api.get_entity_connections()
        assert len(server.token_requests) == 2


def test_throttled_attempts_cost_no_quota() -> None:
    with connected(*[limited()] * 300, deadline=None) as (server, api):
        api.get_entity_connections()
        assert len(server.token_requests) == 301
        assert api.api_client._state.sender.quota.available_capacity == 500


def test_throttled_advisory_refresh_keeps_hint() -> None:
    """A call with a valid token does not wait, and no call asks again before the hint has passed."""
    clock = FakeClock()
    with connected(token("token-1", 3600), limited(80), clock=clock) as (server, api):
        api.get_entity_connections()
        clock.advance(3600 - 205)
        counts = []
        for seconds in (0.0, 6.0, 50.0, 23.9, 40.2):
            clock.advance(seconds)
            api.get_entity_connections()
            counts.append(len(server.token_requests))
        assert counts == [2, 2, 2, 2, 3]
        assert server.used == ["Bearer token-1"] * 5 + ["Bearer token-3"]
        assert clock.sleeps == []


@pytest.mark.parametrize(("pick", "wait"), [(min, 20.0), (max, 30.0)])
@pytest.mark.parametrize("response", [limited(), LIMITED], ids=["429", "category 70"])
def test_throttled_advisory_refresh_without_hint(
    monkeypatch: pytest.MonkeyPatch, response: bytes, pick: Any, wait: float
) -> None:
    """The next refresh follows after 20 to 30 s."""
    monkeypatch.setattr(auth, "uniform", lambda *bounds: pick(bounds))
    clock = FakeClock()
    with connected(token("token-1", 3600), response, clock=clock) as (server, api):
        api.get_entity_connections()
        clock.advance(3600 - 205)
        counts = []
        for seconds in (0.0, wait - 0.1, 0.2):
            clock.advance(seconds)
            api.get_entity_connections()
            counts.append(len(server.token_requests))
        assert counts == [2, 2, 3]
        assert clock.sleeps == []


@pytest.mark.parametrize(("lifetime", "window"), [(3600, 60.0), (100, 10.0)])
def test_start_of_mandatory_window(lifetime: float, window: float) -> None:
    """Before the window a failed refresh leaves the current token in use; within it the call fails."""
    clock = FakeClock()
    with connected(token("token-1", lifetime), respond(500), respond(500), clock=clock, max_attempts=1) as (
        server,
        api,
    ):
        api.get_entity_connections()
        clock.advance(lifetime - window - 0.5)
        api.get_entity_connections()
        assert len(server.token_requests) == 2
        clock.advance(1.0)
        with pytest.raises(ServerError):
            api.get_entity_connections()
        assert server.used == ["Bearer token-1"] * 2


def test_mandatory_refresh_ignores_advisory_backoff() -> None:
    clock = FakeClock()
    with connected(token("token-1", 3600), limited(600), clock=clock) as (server, api):
        api.get_entity_connections()
        clock.advance(3600 - 205)
        api.get_entity_connections()
        clock.advance(205 - 59)
        api.get_entity_connections()
        assert server.used == ["Bearer token-1"] * 2 + ["Bearer token-3"]


# -- refused tokens ---------------------------------------------------------------------------------------------------

REFUSALS = {
    "401": UNAUTHORIZED,
    "category 11": respond_json({"success": False, "reasons": [{"code": 50000011, "message": "expired"}]}),
    "90000011": respond_json({"success": False, "reasons": [{"code": "90000011", "message": "expired"}]}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refused_token_is_refreshed_once(call: Any, refusal: bytes) -> None:
    """A refused token is invalidated, and the call is retried once without a wait."""
    clock = FakeClock()
    with connected(refusal=refusal, clock=clock) as (server, api):
        call(api)
        server.refused.add("Bearer token-1")
        assert call(api).success is True
        assert server.used == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
        assert clock.sleeps == []


def test_revoked_token_in_the_store(tmp_path: Path) -> None:
    """A refused token is replaced by the one in the store, and by a new one if that is refused, too.

    Two tokens may be in use, and be revoked together: clients renew a shared token at different times.
    """
    clock = FakeClock()
    with connected(clock=clock, token_store=FileTokenStore(tmp_path)) as (server, api):
        api.get_entity_connections()
        for path in tmp_path.iterdir():
            path.unlink()
        with ApiClient(copy.deepcopy(api.api_client.configuration)) as other:
            EntityConnectionsApi(other).get_entity_connections()
        server.refused |= {"Bearer token-1", "Bearer token-2"}
        assert api.get_entity_connections().success is True
        assert server.used == [f"Bearer token-{number}" for number in (1, 2, 1, 2, 3)]
        assert clock.sleeps == []
        server.refused |= {f"Bearer token-{number}" for number in range(3, 9)}
        with pytest.raises(AuthenticationError):
            api.get_entity_connections()
        assert server.used[5:] == ["Bearer token-3", "Bearer token-4"]
        assert len(server.token_requests) == 4


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_second_refusal_is_raised(call: Any, refusal: bytes) -> None:
    with connected(refusal=refusal) as (server, api):
        server.refused |= {f"Bearer token-{number}" for number in range(1, 9)}
        with pytest.raises(AuthenticationError) as caught:
            call(api)
        assert caught.value.outcome == "answered"
        assert len(caught.value.attempts) == 2
        assert server.used == ["Bearer token-1", "Bearer token-2"]


def test_newer_token_is_kept() -> None:
    """The late refusal of an old token does not invalidate the token that replaced it."""
    with connected() as (server, api):
        api.get_entity_connections()
        server.refused.add("Bearer token-1")
        go = threading.Event()
        arrived = threading.Event()

        def hold_put(received: Any) -> None:
            if received.method == "PUT" and received.headers["authorization"] == "Bearer token-1":
                arrived.set()
                go.wait(60)

        server.before_answer = hold_put
        slow = Caller(lambda: api.put_entity_connections_accept("1"))
        wait_until(arrived.is_set)
        api.get_entity_connections()
        assert len(server.token_requests) == 2
        # The slow call learns that the first token is refused. The second token must be kept.
        go.set()
        slow.done()
        assert server.used[-1] == "Bearer token-2"
        assert len(server.token_requests) == 2


def test_concurrent_refusals_fetch_one_token() -> None:
    gate = Gate(token("token-2"))
    with connected(token("token-1"), gate) as (server, api):
        api.get_entity_connections()
        server.refused.add("Bearer token-1")
        barrier = threading.Barrier(10)
        server.before_answer = lambda received: (
            barrier.wait(60) if received.headers["authorization"] == "Bearer token-1" else None
        )
        callers = [Caller(api.get_entity_connections) for _ in range(10)]
        wait_until(gate.reached.is_set)
        wait_until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 9)
        gate.open()
        assert all(caller.done().success for caller in callers)
        assert len(server.token_requests) == 2


def test_refused_token_dropped_without_retry() -> None:
    """With one attempt allowed, a refused token is invalidated for the next call."""
    with connected(max_attempts=1) as (server, api):
        api.get_entity_connections()
        server.refused.add("Bearer token-1")
        with pytest.raises(AuthenticationError):
            api.get_entity_connections()
        assert api.get_entity_connections().success is True
        assert len(server.token_requests) == 2


def test_rejected_refresh_after_refusal() -> None:
    """If the refresh after a refusal is rejected, the error keeps the outcome and the attempts of the call."""
    with connected(token("token-1"), respond_json({"message": "deactivated"}, 403)) as (server, api):
        server.refused.add("Bearer token-1")
        with pytest.raises(AuthenticationError, match="deactivated") as caught:
            api.put_entity_connections_accept("1")
        assert caught.value.outcome == "answered"
        assert [attempt.status for attempt in caught.value.attempts] == [401, 403]


KEYS = {"apiAccessKeyId": "key-id", "apiSecretAccessKey": "key-secret"}


def test_fixed_token_is_not_retried() -> None:
    with connected(access_token="mine") as (server, api):
        server.refused.add("Bearer mine")
        with pytest.raises(AuthenticationError):
            api.get_entity_connections()
        assert [(request.target, request.headers["authorization"]) for request in server.requests] == [
            ("/v1/entity-connections", "Bearer mine")
        ]


def test_access_keys_are_two_headers() -> None:
    """Access keys are sent as two headers, and a refusal is not retried."""
    with connected(api_key=KEYS) as (server, api):
        api.get_entity_connections()
        server.refused.add(None)
        with pytest.raises(AuthenticationError):
            api.get_entity_connections()
        assert len(server.requests) == 2
        for request in server.requests:
            assert (request.headers["apiaccesskeyid"], request.headers["apisecretaccesskey"]) == (
                "key-id",
                "key-secret",
            )
            assert "authorization" not in request.headers


def test_emulator_accepts_access_keys() -> None:
    with ZuoraEmulator() as zuora:
        keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
        with ApiClient(Configuration(zuora.url, api_key=keys)) as client:
            assert EntityConnectionsApi(client).get_entity_connections().success is True


def test_callable_is_called_per_attempt() -> None:
    numbers = iter(range(1, 9))
    with connected(access_token=lambda: f"mine-{next(numbers)}") as (server, api):
        server.refused.add("Bearer mine-2")
        api.get_entity_connections()
        api.get_entity_connections()
        assert server.used == ["Bearer mine-1", "Bearer mine-2", "Bearer mine-3"]
        server.refused |= {"Bearer mine-4", "Bearer mine-5"}
        with pytest.raises(AuthenticationError):
            api.get_entity_connections()
        assert server.used[3:] == ["Bearer mine-4", "Bearer mine-5"]
        assert server.token_requests == []


def test_callable_is_called_after_backoff() -> None:
    numbers = iter(range(1, 9))
    with connected(access_token=lambda: f"mine-{next(numbers)}", refusal=respond(503)) as (server, api):
        server.refused.add("Bearer mine-1")
        api.get_entity_connections()
        assert server.used == ["Bearer mine-1", "Bearer mine-2"]


def test_callable_may_return_bytes() -> None:
    with connected(access_token=lambda: b"mine") as (server, api):
        api.get_entity_connections()
        assert server.used == ["Bearer mine"]


def test_callable_that_raises() -> None:
    """The exception of the callable becomes the cause of an AuthenticationError; nothing is sent."""

    def broken() -> str:
        raise LookupError("the vault is sealed")

    with connected(access_token=broken) as (server, api):
        with pytest.raises(AuthenticationError, match="LookupError") as caught:
            api.put_entity_connections_accept("1")
        assert caught.value.outcome == "not_sent"
        assert isinstance(caught.value.__cause__, LookupError)
        assert server.requests == []


@pytest.mark.parametrize(
    ("form", "invalid"),
    [
        *itertools.product(["text", "callable"], ["", "a\n", "a\r\nX-Evil: 1", "\u00e4", " a", b"\xff\xfe"]),
        ("callable", None),
        ("callable", 1.5j),
    ],
)
def test_invalid_token_names_the_setting(form: str, invalid: Any) -> None:
    """A token that a header cannot hold raises an error that names the setting and hides the value."""
    with connected(access_token=invalid if form == "text" else lambda: invalid) as (server, api):
        with pytest.raises((TypeError, ValueError), match="access_token") as caught:
            api.get_entity_connections()
        assert "Evil" not in str(caught.value)
        assert server.requests == []


@pytest.mark.parametrize("value", [None, 12345678901234, ["list-with-a-token"], {"token": "dict-with-a-token"}])
def test_callable_returns_no_text(value: Any) -> None:
    """The error names the type of what the callable returned and does not show it."""
    expected = f"access_token callable must return text or bytes, not {type(value).__name__}"
    with connected(access_token=lambda: value) as (server, api):
        with pytest.raises(TypeError, match=expected) as caught:
            api.get_entity_connections()
        assert not any(shown in f"{caught.value!r}{vars(caught.value)}" for shown in ("123456", "with-a-token"))
        assert server.requests == []


@pytest.mark.parametrize("invalid", ["secret\n", "sec\x00ret", "sec\ud800ret", b"sec\xffret"])
@pytest.mark.parametrize("name", ["client_id", "client_secret"])
@pytest.mark.parametrize("async_req", [True, False])
def test_invalid_client_credentials_name_setting(name: str, invalid: Any, async_req: bool) -> None:
    """Credentials with control characters or broken UTF-8 raise an error that names the setting only."""
    with connected(**{name: invalid}) as (server, api):
        with pytest.raises(ValueError, match=name) as caught:
            api.get_entity_connections(async_req=async_req)
        # A UnicodeError, which is a ValueError too, would hold the secret.
        assert type(caught.value) is ValueError
        assert "sec" not in repr(caught.value.args).replace("client_secret", "")
        assert server.requests == []


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"client_secret": None}, "client_secret"),
        ({"client_id": None}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"api_key": {"apiAccessKeyId": "key-id"}}, "apiSecretAccessKey"),
        ({"api_key": {"apiSecretAccessKey": "key-secret", "apiAccessKeyId": ""}}, "apiAccessKeyId"),
    ],
)
@pytest.mark.parametrize("async_req", [True, False])
def test_incomplete_credentials(settings: Any, missing: str, async_req: bool) -> None:
    """An id without its secret, or the reverse, is refused before anything is sent."""
    with connected(**settings) as (server, api):
        with pytest.raises(ValueError, match=missing):
            api.get_entity_connections(async_req=async_req)
        assert server.requests == []


# -- precedence -------------------------------------------------------------------------------------------------------


def test_precedence_of_credentials() -> None:
    """An access token wins over client credentials, and these win over access keys."""
    settings: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "api_key": KEYS}
    with connected(access_token="mine", **settings) as (server, api):
        api.get_entity_connections()
        api.api_client.configuration.access_token = None
        api.get_entity_connections()
        api.api_client.configuration.client_id = api.api_client.configuration.client_secret = None
        api.get_entity_connections()
        api.api_client.configuration.api_key.clear()
        api.get_entity_connections()
        assert server.used == ["Bearer mine", "Bearer token-1", None, None]
        assert ["apiaccesskeyid" in request.headers for request in server.calls] == [False, False, True, False]


@pytest.mark.parametrize("name", ["Authorization", "authorization", "apiAccessKeyId", "APISECRETACCESSKEY"])
@pytest.mark.parametrize("where", ["default", "call"])
@pytest.mark.parametrize("settings", [{}, {"access_token": "mine"}, {"api_key": KEYS}], ids=["oauth", "text", "keys"])
def test_callers_header_wins(name: str, where: str, settings: Any) -> None:
    """A credential header that the caller sets replaces all configured credentials."""
    with connected(**settings) as (server, api):
        client = api.api_client
        if where == "default":
            client.set_default_header(name, "callers-own")
            client.call_api("/v1/x", "GET")
        else:
            client.call_api("/v1/x", "GET", header_params={name: "callers-own"})
        (request,) = server.requests
        sent = {key for key in request.headers if key in ("authorization", "apiaccesskeyid", "apisecretaccesskey")}
        assert sent == {name.lower()}
        assert request.headers[name.lower()] == "callers-own"


def test_callers_header_is_not_retried() -> None:
    with connected() as (server, api):
        api.api_client.set_default_header("Authorization", "Bearer callers-own")
        server.refused.add("Bearer callers-own")
        with pytest.raises(AuthenticationError):
            api.get_entity_connections()
        assert len(server.requests) == 1


def test_auth_settings_send_basic() -> None:
    with connected(username="me", password="mine") as (server, api):
        api.api_client.call_api("/v1/x", "GET", auth_settings=["basic"])
        assert server.used == ["Basic bWU6bWluZQ=="]
        assert server.token_requests == []


def test_call_without_credentials() -> None:
    with connected(client_id=None, client_secret=None) as (server, api):
        api.get_entity_connections()
        assert server.used == [None]
        assert len(server.requests) == 1


def test_request_adds_no_credentials() -> None:
    with connected() as (server, api):
        api.api_client.request("GET", server.url + "/v1/x")
        assert server.used == [None]
        assert server.token_requests == []


# -- changed settings -------------------------------------------------------------------------------------------------


def test_changed_client_credentials() -> None:
    """Changed client credentials apply from the next call on."""
    with connected() as (server, api):
        configuration = api.api_client.configuration
        api.get_entity_connections()
        configuration.client_secret = "rotated"
        api.get_entity_connections()
        api.get_entity_connections()
        assert server.used == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]
        assert b"client_secret=rotated" in server.token_requests[1].body
        configuration.client_id = "another"
        api.get_entity_connections()
        assert b"client_id=another" in server.token_requests[2].body


def test_token_is_bound_to_host() -> None:
    with connected() as (server, api), connected() as (other, _):
        api.get_entity_connections()
        api.api_client.configuration.host = other.url
        api.get_entity_connections()
        assert len(other.token_requests) == 1
        assert len(other.calls) == 1
        assert len(server.requests) == 2


@pytest.mark.parametrize("secret", ["rotated", "!"])
def test_outdated_refresh_is_not_cached(secret: str) -> None:
    """A refresh that ends after the credentials were changed does not replace the new token."""
    gate = Gate(token("old"))
    with connected(gate) as (server, api):
        old = Caller(api.get_entity_connections)
        wait_until(gate.reached.is_set)
        api.api_client.configuration.client_secret = secret
        api.get_entity_connections()
        gate.open()
        old.done()
        api.get_entity_connections()
        assert sorted(map(str, server.used)) == ["Bearer old", "Bearer token-2", "Bearer token-2"]
        assert len(server.token_requests) == 2


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_half_of_a_client_removed_mid_call(name: str) -> None:
    """If the credentials become incomplete during a call, it is not sent again without them."""
    with connected(clock=FakeClock()) as (server, api):
        server.call_behaviour = respond(503)
        server.before_answer = lambda _: setattr(api.api_client.configuration, name, None)
        with pytest.raises(AuthenticationError, match=f"cannot be used any more: {name} is not set"):
            api.get_entity_connections()
        assert server.used == ["Bearer token-1"]


def test_changed_access_token() -> None:
    with connected(access_token="one") as (server, api):
        api.get_entity_connections()
        api.api_client.configuration.access_token = "two"
        api.get_entity_connections()
        assert server.used == ["Bearer one", "Bearer two"]


def test_fetched_token_is_not_in_settings() -> None:
    with connected(token("fetched-token")) as (_, api):
        api.get_entity_connections()
        client = api.api_client
        shown = [vars(client.configuration), client.default_headers, client.cookie, repr(client), client.__getstate__()]
        assert "fetched-token" not in json.dumps(shown, default=repr)


# -- interrupts -------------------------------------------------------------------------------------------------------


class InterruptingClock(Clock):
    """Raises KeyboardInterrupt at a given reading, as a signal handler may do at any line."""

    def __init__(self) -> None:
        self.readings = 10**9

    def now(self) -> float:
        self.readings -= 1
        if self.readings == 0:
            raise KeyboardInterrupt
        return 0.0


@pytest.mark.parametrize("reading", range(1, 12))
@pytest.mark.parametrize("expires_in", [3600, 200_000_000])
def test_interrupt_releases_refresh(reading: int, expires_in: int) -> None:
    """An interrupt at any reading of the clock leaves no refresh behind."""
    clock = InterruptingClock()
    cache, deadline = TokenCache(clock), Deadline(1000, clock)
    key = ("https://zuora.invalid", "id", "secret")
    clock.readings = reading
    with contextlib.suppress(KeyboardInterrupt):
        cache.get_token(key, deadline, lambda limit, _: AccessToken(f"t{limit.remaining()}", expires_in))
    clock.readings = 10**9
    assert cache._refresh is None
    assert cache.get_token(key, deadline, lambda *_: AccessToken("later", 3600))


def test_lifetime_starts_at_request() -> None:
    """The lifetime of a token starts when its request is sent, the last one if there were several."""
    clock = FakeClock()

    def slow(sock: Any, received: Any) -> bool:
        clock.advance(50)
        sock.sendall(token("token-1", 100))
        return True

    with connected(respond_json({}, 429, {"Retry-After": "60"}), slow, token("token-2"), clock=clock) as (server, api):
        api.get_entity_connections()
        # It is refreshed after three quarters of its lifetime or a little later: 25 seconds after the response, not 75.
        clock.advance(24)
        api.get_entity_connections()
        assert server.used == ["Bearer token-1"] * 2
        clock.advance(9)
        api.get_entity_connections()
        assert server.used[2:] == ["Bearer token-2"]


# -- errors of the token endpoint -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "error_class"),
    [
        (
            respond_json({"success": False, "reasons": [{"code": 50000061, "message": "later"}]}, 400),
            RequestRejectedError,
        ),
        (respond_json({"message": "proxy"}, 407), ApiConnectionError),
        (respond_json({"success": False, "reasons": [{"code": 50000020, "message": "no"}]}, 400), AuthenticationError),
    ],
)
def test_temporary_token_errors(response: bytes, error_class: type) -> None:
    """Temporary errors and proxy errors of the token endpoint do not blame the client credentials."""
    with connected(response, response, response) as (_, api):
        with pytest.raises(ApiException) as caught:
            api.get_entity_connections()
        assert type(caught.value) is error_class
        assert ("client_secret" in caught.value.advice) is (error_class is AuthenticationError)
        assert caught.value.outcome == "not_sent"


def test_response_without_token() -> None:
    """The error keeps the ids of the response and drops its body."""
    with connected(
        respond_json({"message": "x"}, 200, {"Zuora-Request-Id": "17b5be40-e343-40c3-bcfb-495d8dbb2450"})
    ) as (_, api):
        with pytest.raises(
            InvalidResponseError, match="/oauth/token: the response has no usable access_token"
        ) as caught:
            api.get_entity_connections()
        assert (caught.value.status, caught.value.body) == (200, None)
        assert caught.value.request_id == "17b5be40-e343-40c3-bcfb-495d8dbb2450"


@pytest.mark.parametrize("value", [True, 7, 1.5, None, [], {}])
def test_token_must_be_text(value: Any) -> None:
    with connected(token(value)) as (_, api):
        with pytest.raises(InvalidResponseError, match="no usable access_token"):
            api.get_entity_connections()
        api.api_client.configuration.access_token = lambda: value
        with pytest.raises((TypeError, ValueError), match="access_token"):
            api.get_entity_connections()


def test_callable_that_raises_api_exception() -> None:
    """An ApiException of the callable is wrapped like any other exception."""

    def broken() -> str:
        raise ApiTimeoutError(reason="the vault is sealed")

    with connected() as (server, api):
        api.api_client.configuration.access_token = broken
        with pytest.raises(AuthenticationError, match="callable raised ApiTimeoutError") as caught:
            api.put_entity_connections_accept("1")
        assert "access_token callable failed, not Zuora" in caught.value.advice
        assert isinstance(caught.value.__cause__, ApiTimeoutError)
        assert (caught.value.outcome, server.requests) == ("not_sent", [])


def test_token_request_uses_callers_user_agent() -> None:
    """The caller's User-Agent is used whatever the case of its name."""
    with connected() as (server, api):
        api.api_client.default_headers.pop("User-Agent")
        api.api_client.default_headers["user-agent"] = "billing/7"
        api.get_entity_connections()
        assert server.token_requests[0].headers["user-agent"] == "billing/7"


def test_earlier_token_is_redacted() -> None:
    """A token of an earlier attempt that a later response echoes is redacted."""
    with TokenServer(token("first-token")) as server:
        server.refused = {"Bearer first-token"}
        server.call_behaviour = respond_json({"message": "session first-token ended"}, 403)
        settings = Configuration(server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        with ApiClient(settings) as client, pytest.raises(PermissionDeniedError) as caught:
            EntityConnectionsApi(client).get_entity_connections()
    assert "first-token" not in f"{caught.value}{vars(caught.value)}"


def test_throttled_token_advises_a_store() -> None:
    """The advice is about token requests, whose limit other calls do not share."""
    throttled = respond_json({"code": 70, "message": "API rate limit exceeded"}, 429, headers={"Retry-After": "600"})
    with connected(throttled) as (server, api):
        with pytest.raises(RateLimitError) as caught:
            api.get_entity_connections()
        assert caught.value.outcome == "not_sent"
        assert "token_store" in caught.value.advice
        assert server.calls == []
