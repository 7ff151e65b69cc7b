"""Tokens look after themselves: one flight, early renewal, one second try, and what decides which credentials go."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import FakeClock, answer, json_answer
from support.tokens import CLIENT_ID, CLIENT_SECRET, NO, Caller, Gate, TokenServer, token, until

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client._call.auth import TokenCache, _Flight
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

TARGET = {"targetEntityId": "8a80825556ff28a4015708ba29312ecc"}
CALLS = {
    "GET": lambda api: api.get_entity_connections(),
    "POST": lambda api: api.post_entity_connections(request=TARGET),
    "PUT": lambda api: api.put_entity_connections_disconnect("8a80825555a3c7a10155b54a63821c0d"),
}


@pytest.fixture
def start(request):
    """Starts a token server with these behaviours; returns it with an API that talks to it on a clock of its own."""

    def make(*behaviours, clock=None, refusal=NO, **settings):
        server = TokenServer(*behaviours, refusal=refusal)
        server.__enter__()
        request.addfinalizer(lambda: server.__exit__())
        if not {"access_token", "api_key"} & settings.keys():
            settings = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **settings}
        client = ApiClient(Configuration(server.url, **settings), clock=clock or FakeClock())
        request.addfinalizer(client.close)
        return server, EntityConnectionsApi(client)

    return make


# -- the request for a token ----------------------------------------------------------------------------------------


def test_token_request_is_a_form_and_carries_no_other_credentials(start) -> None:
    server, api = start()
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
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(request.body)),
    }
    assert server.used == ["Bearer token-1"]


@given(secret=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=42))
def test_any_secret_arrives_as_it_is(secret: str) -> None:
    sent: list[Any] = []

    def fetch(sock: Any, received: Any) -> bool:
        sent.append(received.body)
        sock.sendall(token("t"))
        return True

    with TokenServer(fetch) as server:
        client = ApiClient(Configuration(server.url, client_id=CLIENT_ID, client_secret=secret))
        with client:
            client.call_api("/v1/x", "GET")
    fields = dict(parse_qsl(sent[0].decode("ascii"), strict_parsing=True))
    assert fields == {"client_id": CLIENT_ID, "client_secret": secret, "grant_type": "client_credentials"}


def test_secret_in_bytes_is_text(start) -> None:
    server, api = start(client_id=CLIENT_ID.encode(), client_secret=CLIENT_SECRET.encode())
    api.get_entity_connections()
    fields = dict(parse_qsl(server.token_requests[0].body.decode()))
    assert fields["client_secret"] == CLIENT_SECRET
    assert fields["client_id"] == CLIENT_ID


def test_path_in_the_host_is_in_front_of_the_token_path_too(start) -> None:
    server, api = start()
    api.api_client.configuration.host = server.url + "/gateway/zuora//"
    api.get_entity_connections()
    assert [request.target for request in server.requests] == [
        "/gateway/zuora/oauth/token",
        "/gateway/zuora/v1/entity-connections",
    ]


def test_emulator_takes_it() -> None:
    with ZuoraEmulator() as zuora:
        settings = Configuration(zuora.url, client_id=zuora.client_id, client_secret=zuora.client_secret)
        with ApiClient(settings) as client:
            api = EntityConnectionsApi(client)
            assert api.get_entity_connections(zuora_entity_ids=zuora.entities[0].id).success is True


@pytest.mark.parametrize("number", range(3))
def test_token_request_is_retried_like_a_read(start, number: int) -> None:
    trouble = [answer(503), lambda *_: None, json_answer({"reasons": []}, 429, {"Retry-After": "7"})][number]
    clock = FakeClock()
    server, api = start(trouble, clock=clock)
    api.get_entity_connections()
    assert len(server.token_requests) == 2
    assert server.used == ["Bearer token-2"]
    assert len(clock.sleeps) == 1
    assert (clock.sleeps[0] >= 7) == (number == 2)


# -- how long it lives ----------------------------------------------------------------------------------------------


def fetches_at(start: Any, expires_in: Any, *moments: float) -> list[int]:
    """How many tokens were fetched after a call at each of these moments."""
    clock = FakeClock()
    server, api = start(token("token-1", expires_in), clock=clock)
    api.get_entity_connections()
    counts = []
    for moment in moments:
        clock.advance(1000.0 + moment - clock.now())
        api.get_entity_connections()
        counts.append(len(server.token_requests))
    return counts


@pytest.mark.parametrize(
    ("expires_in", "early"),
    [(3599, 3299.0), (3598.5, 3298.5), (b"3.6e3", 3300.0), (1200, 900.0), (60, 45.0), (0.5, 0.375)],
)
def test_token_serves_until_its_early_window(start, expires_in: Any, early: float) -> None:
    assert fetches_at(start, expires_in, early * 0.5, early - 0.01, early + 0.01) == [1, 1, 2]


@pytest.mark.parametrize("expires_in", [10**400, b"1e300", b"1" + b"0" * 5000, b"123456789012"])
def test_a_huge_lifetime_is_a_lifetime(start, expires_in: Any) -> None:
    # A number of 5001 digits is more than Python turns into an int.
    known = expires_in != b"1" + b"0" * 5000
    assert fetches_at(start, expires_in, 10_000.0) == [1 if known else 2]


@pytest.mark.parametrize(
    "expires_in", [None, 0, -1, -0.5, b"NaN", b"Infinity", b"-Infinity", b"1e999", "3600", True, b"null", [3600], {}]
)
def test_without_a_usable_lifetime_it_is_taken_for_five_minutes(start, expires_in: Any) -> None:
    assert fetches_at(start, expires_in, 224.0, 226.0) == [1, 2]


def test_a_token_of_one_minute_serves_more_than_one_call(start) -> None:
    assert fetches_at(start, 60, *map(float, range(1, 45))) == [1] * 44


@given(lifetime=st.floats(1e-3, 1e7), share=st.floats(0.0, 0.74))
def test_three_quarters_of_every_lifetime_cost_no_fetch(lifetime: float, share: float) -> None:
    clock = FakeClock()
    cache = TokenCache(clock)
    numbers = iter(range(10))

    def fetch(_: Deadline) -> dict[str, Any]:
        return {"access_token": f"token-{next(numbers)}", "expires_in": lifetime}

    def get() -> str:
        return cache.get_token(("h", "i", "s"), Deadline(300.0, clock), fetch)

    assert get() == "token-0"
    clock.advance(lifetime * share)
    assert get() == "token-0"
    clock.advance(lifetime - lifetime * share)
    assert get() == "token-1"


def test_time_is_monotonic_unless_a_clock_is_given(start, monkeypatch) -> None:
    server, api = start(clock=Clock())
    api.get_entity_connections()
    monkeypatch.setattr(time, "time", lambda: 4e9)
    api.get_entity_connections()
    assert len(server.token_requests) == 1


# -- one flight -----------------------------------------------------------------------------------------------------


def test_fifty_cold_threads_make_one_token_request(start) -> None:
    gate = Gate(token("token-1"))
    server, api = start(gate)
    callers = [Caller(api.get_entity_connections) for _ in range(50)]
    until(gate.reached.is_set)
    until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 49)
    gate.open()
    assert all(caller.done().success for caller in callers)
    assert len(server.token_requests) == 1
    assert server.used == ["Bearer token-1"] * 50


def test_early_renewal_is_paid_by_one_and_stops_nobody(start) -> None:
    clock, gate = FakeClock(), Gate(token("token-2"))
    server, api = start(token("token-1"), gate, clock=clock)
    api.get_entity_connections()
    clock.advance(3600 - 299)
    payer = Caller(api.get_entity_connections)
    until(gate.reached.is_set)
    others = [Caller(api.get_entity_connections) for _ in range(5)]
    assert all(other.done().success for other in others)
    assert server.used == ["Bearer token-1"] * 6
    gate.open()
    payer.done()
    api.get_entity_connections()
    assert server.used[6:] == ["Bearer token-2"] * 2
    assert len(server.token_requests) == 2


@pytest.mark.parametrize(("lifetime", "left"), [(3600, 59.0), (60, 5.9)])
def test_in_the_last_seconds_everybody_waits_for_the_new_token(start, lifetime: float, left: float) -> None:
    clock, gate = FakeClock(), Gate(token("token-2"))
    server, api = start(token("token-1", lifetime), gate, clock=clock)
    api.get_entity_connections()
    clock.advance(lifetime - left)
    callers = [Caller(api.get_entity_connections) for _ in range(5)]
    until(gate.reached.is_set)
    until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 4)
    assert len(server.calls) == 1
    gate.open()
    for caller in callers:
        caller.done()
    assert server.used == ["Bearer token-1"] + ["Bearer token-2"] * 5
    assert len(server.token_requests) == 2


def test_an_early_flight_is_joined_in_the_last_seconds(start) -> None:
    clock, gate = FakeClock(), Gate(token("token-2"))
    server, api = start(token("token-1"), gate, clock=clock)
    api.get_entity_connections()
    clock.advance(3600 - 61)
    payer = Caller(api.get_entity_connections)
    until(gate.reached.is_set)
    clock.advance(5)
    late = Caller(api.get_entity_connections)
    until(lambda: late.waits_for_a_thread)
    gate.open()
    payer.done()
    late.done()
    assert len(server.token_requests) == 2


@pytest.mark.parametrize(
    "trouble", [answer(500), NO, lambda *_: None, token(None), answer(302, b"", {"Location": "/"})]
)
def test_a_failed_early_renewal_keeps_the_live_token_and_pauses(start, trouble: Any) -> None:
    clock = FakeClock()
    server, api = start(token("token-1"), trouble, trouble, clock=clock, max_attempts=1)
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


def test_a_failed_early_renewal_of_a_one_minute_token_keeps_it_too(start) -> None:
    clock = FakeClock()
    server, api = start(token("token-1", 60), answer(500), clock=clock, max_attempts=1)
    api.get_entity_connections()
    clock.advance(50)
    api.get_entity_connections()
    assert server.used == ["Bearer token-1"] * 2
    assert len(server.token_requests) == 2


def test_an_early_renewal_has_ten_seconds_or_half_of_what_is_left() -> None:
    clock = FakeClock()
    cache = TokenCache(clock)
    bounds: list[float | None] = []

    def fetch(bound: Deadline) -> dict[str, Any]:
        bounds.append(bound.remaining())
        if len(bounds) > 1:
            raise ApiTimeoutError
        return {"access_token": "live", "expires_in": 3600}

    def get(seconds: float | None) -> str:
        return cache.get_token(("h", "i", "s"), Deadline(seconds, clock), fetch)

    get(300.0)
    clock.advance(3400)
    for seconds in (300.0, None, 6.0):
        assert get(seconds) == "live"
        clock.advance(6)
    assert bounds == [300.0, 10.0, 10.0, 3.0]


def test_a_hanging_early_renewal_leaves_the_call_its_time(start) -> None:
    class Later(Clock):
        """Real time, but for a jump."""

        jump = 0.0

        def now(self) -> float:  # type: ignore[override]
            return time.monotonic() + self.jump

    clock, gate = Later(), Gate(b"")
    server, api = start(token("token-1"), gate, clock=clock)
    api.get_entity_connections()
    clock.jump = 3400.0
    assert api.get_entity_connections(_request_timeout=2.0).success is True
    assert gate.reached.is_set()
    gate.open()
    assert server.used == ["Bearer token-1"] * 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_client_is_an_authentication_error_for_everybody_at_once(start, status: int) -> None:
    gate = Gate(json_answer({"message": "Invalid client id"}, status))
    server, api = start(gate)
    callers = [Caller(api.get_entity_connections) for _ in range(20)]
    until(gate.reached.is_set)
    until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 19)
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
    ("trouble", "kind"),
    [
        (answer(500), ServerError),
        (answer(503), ServerError),
        (json_answer({}, 429, {"Retry-After": "500"}), RateLimitError),
        (answer(302, b"", {"Location": "https://login.example.com/"}), InvalidResponseError),
        (answer(200, b"<html>Welcome</html>"), InvalidResponseError),
        (answer(200), InvalidResponseError),
        (answer(200, b"[]"), InvalidResponseError),
        (token(None), InvalidResponseError),
        (token(""), InvalidResponseError),
        (token("a\r\nb"), InvalidResponseError),
        (token("\u00e4"), InvalidResponseError),
        (token(["a"]), InvalidResponseError),
        (json_answer({"success": False, "reasons": [{"code": 90000011, "message": "no"}]}), AuthenticationError),
        (lambda *_: None, ApiConnectionError),
    ],
)
def test_without_a_token_nothing_is_sent(start, trouble: Any, kind: type[ApiException]) -> None:
    server, api = start(trouble, max_attempts=1)
    with pytest.raises(kind) as caught:
        api.put_entity_connections_disconnect("1")
    assert type(caught.value) is kind
    assert caught.value.outcome == "not_sent"
    assert (caught.value.method, caught.value.path) == ("PUT", "/v1/entity-connections/1/disconnect")
    assert server.calls == []
    assert [request.line for request in server.requests] == ["POST /oauth/token HTTP/1.1"]


def test_a_leader_without_time_for_a_second_attempt_hands_over(start) -> None:
    gate = Gate(answer(502))
    server, api = start(gate, clock=Clock())
    leader = Caller(lambda: api.get_entity_connections(_request_timeout=0.2))
    until(gate.reached.is_set)
    waiters = [Caller(api.get_entity_connections) for _ in range(3)]
    until(lambda: all(waiter.waits_for_a_thread for waiter in waiters))
    gate.open()
    with pytest.raises(ApiException):
        leader.done()
    assert [waiter.done().success for waiter in waiters] == [True] * 3
    assert len(server.token_requests) == 2


@pytest.mark.parametrize("dead", [True, False])
def test_a_flight_that_an_interrupt_left_behind_is_nobodys(dead: bool) -> None:
    clock = FakeClock()
    cache, owner = TokenCache(clock), ("https://zuora.invalid", "id", "secret")

    def leave_one() -> None:
        cache._flight = _Flight(owner)

    if dead:
        thread = threading.Thread(target=leave_one)
        thread.start()
        thread.join()
    else:
        leave_one()
    fetch = {"access_token": "token-1", "expires_in": 3600}
    assert cache.get_token(owner, Deadline(0.1, Clock()), lambda _: fetch) == "token-1"


def test_leader_that_dies_by_its_own_deadline_hands_over(start) -> None:
    gate = Gate(b"")
    server, api = start(gate, clock=Clock())
    leader = Caller(lambda: api.get_entity_connections(_request_timeout=0.5))
    until(gate.reached.is_set)
    waiters = [Caller(api.get_entity_connections) for _ in range(3)]
    until(lambda: all(waiter.waits_for_a_thread for waiter in waiters))
    with pytest.raises(ApiTimeoutError):
        leader.done()
    for waiter in waiters:
        assert waiter.done().success is True
    gate.open()
    assert len(server.token_requests) == 2


def test_leader_that_has_no_time_for_the_hint_hands_over(start) -> None:
    gate = Gate(json_answer({}, 429, {"Retry-After": "50"}))
    server, api = start(gate)
    leader = Caller(lambda: api.get_entity_connections(_request_timeout=20))
    until(gate.reached.is_set)
    waiter = Caller(api.get_entity_connections)
    until(lambda: waiter.waits_for_a_thread)
    gate.open()
    with pytest.raises(RateLimitError) as caught:
        leader.done()
    assert caught.value.retry_after == 50
    assert waiter.done().success is True
    assert len(server.token_requests) == 2


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_leader_that_is_torn_away_hands_over(kind: type[BaseException]) -> None:
    clock = FakeClock()
    cache = TokenCache(clock)
    go = threading.Event()
    started = threading.Event()

    def torn(_: Deadline) -> dict[str, Any]:
        started.set()
        go.wait(60)
        raise kind

    def get(fetch: Any) -> str:
        return cache.get_token(("h", "i", "s"), Deadline(None, clock), fetch)

    leader = Caller(lambda: get(torn))
    until(started.is_set)
    waiter = Caller(lambda: get(lambda _: {"access_token": "fine", "expires_in": 60}))
    until(lambda: waiter.waits_for_a_thread)
    go.set()
    with pytest.raises(kind):
        leader.done()
    assert waiter.done() == "fine"


def test_own_deadline_bounds_the_wait_for_somebody_elses_flight(start) -> None:
    gate = Gate(token("token-1"))
    server, api = start(gate, clock=Clock())
    leader = Caller(api.get_entity_connections)
    until(gate.reached.is_set)
    with pytest.raises(ApiTimeoutError, match=r"deadline of 0\.2 s") as caught:
        api.put_entity_connections_accept("1", _request_timeout=0.2)
    assert caught.value.outcome == "not_sent"
    assert leader.is_alive()
    gate.open()
    assert leader.done().success is True
    assert len(server.token_requests) == 1
    assert len(server.calls) == 1


def test_the_fetch_counts_against_the_deadline_of_the_call(start) -> None:
    gate = Gate(b"")
    _, api = start(gate, clock=Clock())
    with pytest.raises(ApiTimeoutError, match=r"deadline of 0\.3 s") as caught:
        api.put_entity_connections_accept("1", _request_timeout=0.3)
    gate.open()
    assert caught.value.outcome == "not_sent"


# -- a token that is refused ----------------------------------------------------------------------------------------

REFUSALS = {
    "401": NO,
    "category 11": json_answer({"success": False, "reasons": [{"code": 50000011, "message": "expired"}]}),
    "90000011": json_answer({"success": False, "reasons": [{"code": "90000011", "message": "expired"}]}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_token_is_dropped_and_tried_once_more(start, call: Any, refusal: bytes) -> None:
    clock = FakeClock()
    server, api = start(refusal=refusal, clock=clock)
    call(api)
    server.refused.add("Bearer token-1")
    assert call(api).success is True
    assert server.used == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert clock.sleeps == []


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_second_refusal_is_the_end(start, call: Any, refusal: bytes) -> None:
    server, api = start(refusal=refusal)
    server.refused |= {f"Bearer token-{number}" for number in range(1, 9)}
    with pytest.raises(AuthenticationError) as caught:
        call(api)
    assert caught.value.outcome == "answered"
    assert len(caught.value.attempts) == 2
    assert server.used == ["Bearer token-1", "Bearer token-2"]


def test_only_the_refused_token_is_dropped(start) -> None:
    server, api = start()
    api.get_entity_connections()
    server.refused.add("Bearer token-1")
    go = threading.Event()
    arrived = threading.Event()

    def hold_the_put(received: Any) -> None:
        if received.method == "PUT" and received.headers["authorization"] == "Bearer token-1":
            arrived.set()
            go.wait(60)

    server.before_answer = hold_the_put
    slow = Caller(lambda: api.put_entity_connections_accept("1"))
    until(arrived.is_set)
    api.get_entity_connections()
    assert len(server.token_requests) == 2
    # Now the slow one learns that the first token is refused. The second one must stay.
    go.set()
    slow.done()
    assert server.used[-1] == "Bearer token-2"
    assert len(server.token_requests) == 2


def test_many_refused_at_once_fetch_one_token(start) -> None:
    gate = Gate(token("token-2"))
    server, api = start(token("token-1"), gate)
    api.get_entity_connections()
    server.refused.add("Bearer token-1")
    barrier = threading.Barrier(10)
    server.before_answer = lambda received: (
        barrier.wait(60) if received.headers["authorization"] == "Bearer token-1" else None
    )
    callers = [Caller(api.get_entity_connections) for _ in range(10)]
    until(gate.reached.is_set)
    until(lambda: sum(caller.waits_for_a_thread for caller in callers) == 9)
    gate.open()
    assert all(caller.done().success for caller in callers)
    assert len(server.token_requests) == 2


def test_one_attempt_allowed_still_drops_the_token_for_the_next_call(start) -> None:
    server, api = start(max_attempts=1)
    api.get_entity_connections()
    server.refused.add("Bearer token-1")
    with pytest.raises(AuthenticationError):
        api.get_entity_connections()
    assert api.get_entity_connections().success is True
    assert len(server.token_requests) == 2


def test_a_refused_renewal_says_what_the_call_knows(start) -> None:
    server, api = start(token("token-1"), json_answer({"message": "deactivated"}, 403))
    server.refused.add("Bearer token-1")
    with pytest.raises(AuthenticationError, match="deactivated") as caught:
        api.put_entity_connections_accept("1")
    assert caught.value.outcome == "answered"
    assert [attempt.status for attempt in caught.value.attempts] == [401, 403]


KEYS = {"apiAccessKeyId": "key-id", "apiSecretAccessKey": "key-secret"}


def test_fixed_text_gets_no_second_try(start) -> None:
    server, api = start(access_token="mine")
    server.refused.add("Bearer mine")
    with pytest.raises(AuthenticationError):
        api.get_entity_connections()
    assert [(request.target, request.headers["authorization"]) for request in server.requests] == [
        ("/v1/entity-connections", "Bearer mine")
    ]


def test_access_keys_are_two_headers_and_get_no_second_try(start) -> None:
    server, api = start(api_key=KEYS)
    api.get_entity_connections()
    server.refused.add(None)  # type: ignore[arg-type]
    with pytest.raises(AuthenticationError):
        api.get_entity_connections()
    assert len(server.requests) == 2
    for request in server.requests:
        assert (request.headers["apiaccesskeyid"], request.headers["apisecretaccesskey"]) == ("key-id", "key-secret")
        assert "authorization" not in request.headers


def test_emulator_takes_access_keys() -> None:
    with ZuoraEmulator() as zuora:
        keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
        with ApiClient(Configuration(zuora.url, api_key=keys)) as client:
            assert EntityConnectionsApi(client).get_entity_connections().success is True


def test_a_callable_is_asked_at_every_attempt(start) -> None:
    numbers = iter(range(1, 9))
    server, api = start(access_token=lambda: f"mine-{next(numbers)}")
    server.refused.add("Bearer mine-2")
    api.get_entity_connections()
    api.get_entity_connections()
    assert server.used == ["Bearer mine-1", "Bearer mine-2", "Bearer mine-3"]
    server.refused |= {"Bearer mine-4", "Bearer mine-5"}
    with pytest.raises(AuthenticationError):
        api.get_entity_connections()
    assert server.used[3:] == ["Bearer mine-4", "Bearer mine-5"]
    assert server.token_requests == []


def test_a_callable_is_asked_again_after_a_wait(start) -> None:
    numbers = iter(range(1, 9))
    server, api = start(access_token=lambda: f"mine-{next(numbers)}", refusal=answer(503))
    server.refused.add("Bearer mine-1")
    api.get_entity_connections()
    assert server.used == ["Bearer mine-1", "Bearer mine-2"]


def test_a_callable_may_return_bytes(start) -> None:
    server, api = start(access_token=lambda: b"mine")
    api.get_entity_connections()
    assert server.used == ["Bearer mine"]


def test_a_callable_that_raises_is_an_authentication_error(start) -> None:
    def broken() -> str:
        raise LookupError("the vault is sealed")

    server, api = start(access_token=broken)
    with pytest.raises(AuthenticationError, match="LookupError") as caught:
        api.put_entity_connections_accept("1")
    assert caught.value.outcome == "not_sent"
    assert isinstance(caught.value.__cause__, LookupError)
    assert server.requests == []


@pytest.mark.parametrize(
    ("how", "poison"),
    [
        *itertools.product(["text", "callable"], ["", "a\n", "a\r\nX-Evil: 1", "\u00e4", " a", b"\xff\xfe"]),
        ("callable", None),
        ("callable", 1.5j),
    ],
)
def test_a_token_that_no_header_carries_is_refused_by_name(start, how: str, poison: Any) -> None:
    server, api = start(access_token=poison if how == "text" else lambda: poison)
    with pytest.raises((TypeError, ValueError), match="access_token") as caught:
        api.get_entity_connections()
    assert "Evil" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("poison", ["secret\n", "sec\x00ret", "sec\ud800ret", b"sec\xffret"])
@pytest.mark.parametrize("name", ["client_id", "client_secret"])
@pytest.mark.parametrize("async_req", [True, False])
def test_client_credentials_that_are_no_text_are_refused_by_name(
    start, name: str, poison: Any, async_req: bool
) -> None:
    server, api = start(**{name: poison})
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
def test_half_a_pair_is_refused_at_the_call(start, settings: Any, missing: str, async_req: bool) -> None:
    server, api = start(**settings)
    with pytest.raises(ValueError, match=missing):
        api.get_entity_connections(async_req=async_req)
    assert server.requests == []


# -- which credentials go -------------------------------------------------------------------------------------------


def test_access_token_wins_over_client_credentials_and_these_over_access_keys(start) -> None:
    server, api = start(access_token="mine", client_id=CLIENT_ID, client_secret=CLIENT_SECRET, api_key=KEYS)
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
def test_a_header_that_the_caller_set_wins_over_all(start, name: str, where: str, settings: Any) -> None:
    server, api = start(**settings)
    client = api.api_client
    if where == "default":
        client.set_default_header(name, "his own")
        client.call_api("/v1/x", "GET")
    else:
        client.call_api("/v1/x", "GET", header_params={name: "his own"})
    (request,) = server.requests
    sent = {key for key in request.headers if key in ("authorization", "apiaccesskeyid", "apisecretaccesskey")}
    assert sent == {name.lower()}
    assert request.headers[name.lower()] == "his own"


def test_a_header_that_the_caller_set_gets_no_second_try(start) -> None:
    server, api = start()
    api.api_client.set_default_header("Authorization", "Bearer his own")
    server.refused.add("Bearer his own")
    with pytest.raises(AuthenticationError):
        api.get_entity_connections()
    assert len(server.requests) == 1


def test_auth_settings_send_basic_and_named_keys(start) -> None:
    server, api = start(username="me", password="mine")
    api.api_client.call_api("/v1/x", "GET", auth_settings=["basic"])
    assert server.used == ["Basic bWU6bWluZQ=="]
    assert server.token_requests == []


def test_without_credentials_a_call_goes_out_bare(start) -> None:
    server, api = start(client_id=None, client_secret=None)
    api.get_entity_connections()
    assert server.used == [None]
    assert len(server.requests) == 1


def test_request_adds_no_credentials(start) -> None:
    server, api = start()
    api.api_client.request("GET", server.url + "/v1/x")
    assert server.used == [None]
    assert server.token_requests == []


# -- changes at run time --------------------------------------------------------------------------------------------


def test_other_client_credentials_count_from_the_next_call(start) -> None:
    server, api = start()
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


def test_a_token_never_goes_to_another_host(start) -> None:
    server, api = start()
    other, _ = start()
    api.get_entity_connections()
    api.api_client.configuration.host = other.url
    api.get_entity_connections()
    assert len(other.token_requests) == 1
    assert len(other.calls) == 1
    assert len(server.requests) == 2


def test_a_flight_that_credentials_have_left_behind_changes_nothing(start) -> None:
    gate = Gate(token("old"))
    server, api = start(gate)
    old = Caller(api.get_entity_connections)
    until(gate.reached.is_set)
    api.api_client.configuration.client_secret = "rotated"
    api.get_entity_connections()
    gate.open()
    old.done()
    api.get_entity_connections()
    assert sorted(map(str, server.used)) == ["Bearer old", "Bearer token-2", "Bearer token-2"]
    assert len(server.token_requests) == 2


def test_access_token_may_change_too(start) -> None:
    server, api = start(access_token="one")
    api.get_entity_connections()
    api.api_client.configuration.access_token = "two"
    api.get_entity_connections()
    assert server.used == ["Bearer one", "Bearer two"]


def test_a_fetched_token_is_nowhere_to_be_found_in_the_settings(start) -> None:
    _, api = start(token("only-in-flight"))
    api.get_entity_connections()
    client = api.api_client
    shown = [vars(client.configuration), client.default_headers, client.cookie, repr(client), client.__getstate__()]
    assert "only-in-flight" not in json.dumps(shown, default=repr)


# -- interrupts -----------------------------------------------------------------------------------------------------


class Interrupting(Clock):
    """Raises in the thread that looks at it for the n-th time from now, as a signal may do between any two lines."""

    def __init__(self) -> None:
        self.looks = 10**9

    def now(self) -> float:  # type: ignore[override]
        self.looks -= 1
        if self.looks == 0:
            raise KeyboardInterrupt
        return 0.0


@pytest.mark.parametrize("look", range(1, 12))
@pytest.mark.parametrize("expires_in", [3600, 200_000_000])
def test_an_interrupt_at_any_look_at_the_clock_leaves_no_flight_behind(look: int, expires_in: int) -> None:
    clock = Interrupting()
    cache, deadline = TokenCache(clock), Deadline(1000, clock)
    owner = ("https://zuora.invalid", "id", "secret")
    clock.looks = look
    with contextlib.suppress(KeyboardInterrupt):
        cache.get_token(
            owner, deadline, lambda bound: {"access_token": f"t{bound.remaining()}", "expires_in": expires_in}
        )
    clock.looks = 10**9
    assert cache._flight is None
    assert cache.get_token(owner, deadline, lambda _: {"access_token": "later", "expires_in": 3600})


def test_a_token_ages_from_when_it_was_asked_for() -> None:
    clock = FakeClock()
    cache, deadline = TokenCache(clock), Deadline(None, clock)
    owner = ("https://zuora.invalid", "id", "secret")
    fetched = []

    def fetch(_: Any) -> dict[str, Any]:
        clock.advance(50)
        fetched.append(clock.now())
        return {"access_token": f"token-{len(fetched)}", "expires_in": 100}

    assert cache.get_token(owner, deadline, fetch) == "token-1"
    # A quarter before its end it is renewed: 25 seconds after it came, not 75.
    clock.advance(24)
    assert cache.get_token(owner, deadline, fetch) == "token-1"
    clock.advance(2)
    assert cache.get_token(owner, deadline, fetch) == "token-2"


# -- what else the token endpoint says ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            json_answer({"success": False, "reasons": [{"code": 50000061, "message": "later"}]}, 400),
            RequestRejectedError,
        ),
        (json_answer({"success": False, "reasons": [{"code": 50000070, "message": "slow"}]}), RateLimitError),
        (json_answer({"message": "proxy"}, 407), RequestRejectedError),
        (json_answer({"success": False, "reasons": [{"code": 50000020, "message": "no"}]}, 400), AuthenticationError),
    ],
)
def test_what_is_not_about_the_client_does_not_blame_it(start, said: bytes, kind: type) -> None:
    _, api = start(said, said, said)
    with pytest.raises(ApiException) as caught:
        api.get_entity_connections()
    assert type(caught.value) is kind
    assert ("client_secret" in caught.value.advice) is (kind is AuthenticationError)
    assert caught.value.outcome == "not_sent"


def test_an_answer_without_a_token_is_told_with_its_ids_and_without_its_body(start) -> None:
    _, api = start(json_answer({"message": "x"}, 200, {"Zuora-Request-Id": "17b5be40-e343-40c3-bcfb-495d8dbb2450"}))
    with pytest.raises(InvalidResponseError, match="/oauth/token: the token endpoint answered without") as caught:
        api.get_entity_connections()
    assert (caught.value.status, caught.value.body) == (200, None)
    assert caught.value.request_id == "17b5be40-e343-40c3-bcfb-495d8dbb2450"


@pytest.mark.parametrize("value", [True, 7, 1.5, None, [], {}])
def test_only_text_is_a_token(start, value: Any) -> None:
    _, api = start(token(value))
    with pytest.raises(InvalidResponseError, match="without a usable access_token"):
        api.get_entity_connections()
    api.api_client.configuration.access_token = lambda: value
    with pytest.raises((TypeError, ValueError), match="access_token"):
        api.get_entity_connections()


def test_what_a_callable_raises_is_its_own_trouble(start) -> None:
    def store() -> str:
        raise ApiTimeoutError(reason="the vault is sealed")

    server, api = start()
    api.api_client.configuration.access_token = store
    with pytest.raises(AuthenticationError, match="callable raised ApiTimeoutError") as caught:
        api.put_entity_connections_accept("1")
    assert "Zuora was not asked" in caught.value.advice
    assert isinstance(caught.value.__cause__, ApiTimeoutError)
    assert (caught.value.outcome, server.requests) == ("not_sent", [])


def test_the_token_request_has_the_callers_user_agent_however_it_is_spelled(start) -> None:
    server, api = start()
    api.api_client.default_headers.pop("User-Agent")
    api.api_client.default_headers["user-agent"] = "billing/7"
    api.get_entity_connections()
    assert server.token_requests[0].headers["user-agent"] == "billing/7"


def test_a_token_of_an_earlier_attempt_is_not_told() -> None:
    with TokenServer(token("first-token-of-all")) as server:
        server.refused = {"Bearer first-token-of-all"}
        server.call_behaviour = json_answer({"message": "session first-token-of-all ended"}, 403)
        settings = Configuration(server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        with ApiClient(settings) as client, pytest.raises(PermissionDeniedError) as caught:
            EntityConnectionsApi(client).get_entity_connections()
    assert "first-token-of-all" not in f"{caught.value}{vars(caught.value)}"
