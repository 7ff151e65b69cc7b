"""The retry table, row by row: what the server saw, what is raised, and what is then known about the write."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, NamedTuple

import pytest
from support import FakeClock, ScriptedServer, answer, json_answer, reset
from support.calls import CALLS, KEYED, READS, Said, check, failure_of, refusal
from support.faulty import cut, hang_up
from support.late import LateServer, OpeningClock, deaf_address
from support.leaks import wait_until
from support.scripted import Behaviour
from support.wire import YES, Wire, silent

from zuora_client import ApiClient, Configuration, EntityConnectionsApi, exceptions
from zuora_client._call.retry import RetryQuota, RetryState
from zuora_client._codec.request import RetryClass
from zuora_client.deadline import Deadline
from zuora_client.exceptions import (
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    RequestRejectedError,
    ServerError,
)


class Row(NamedTuple):
    name: str
    behaviour: Behaviour
    read: Said
    keyed: Said
    write: Said

    def of(self, call: str) -> Said:
        return self.read if call in READS else self.keyed if call in KEYED else self.write


def row(name: str, behaviour: Behaviour, read: Said, keyed: Said | None = None, write: Said | None = None) -> Row:
    """A row; what is not given is as in the column before."""
    keyed = keyed or read
    return Row(name, behaviour, read, keyed, write or keyed)


def lost(error: type[ApiException], read_outcome: str = "unknown") -> tuple[Said, Said, Said]:
    return Said(3, error, read_outcome), Said(3, error, "unknown"), Said(1, error, "unknown")


def open_for_writes(error: type[ApiException]) -> tuple[Said, Said, Said]:
    """A read is worth another try; a write is not, and nobody knows whether it was done."""
    return Said(3, error, "answered"), Said(1, error, "unknown"), Said(1, error, "unknown")


def final(error: type[ApiException]) -> Said:
    return Said(1, error, "answered")


def again(error: type[ApiException]) -> Said:
    return Said(3, error, "answered")


HTML = b"<html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"
ROWS = [
    row("reset", reset, *lost(ApiConnectionError)),
    row("closed without an answer", hang_up, *lost(ApiConnectionError)),
    row("truncated head", cut(YES, 20), *lost(ApiConnectionError)),
    row("truncated head of a refusal", cut(answer(404), 25), *lost(ApiConnectionError)),
    row("truncated hint", cut(answer(503, b"", {"Retry-After": "30"}), 33), *lost(ApiConnectionError)),
    row("truncated body", cut(YES, len(YES) - 5), *lost(ApiConnectionError)),
    row("no HTTP", b"SSH-2.0-OpenSSH_9.6\r\n", *lost(ApiConnectionError)),
    row("408", answer(408), *lost(ApiTimeoutError)),
    row("429", answer(429, b'{"reasons":[{"code":70,"message":"slow"}]}'), again(RateLimitError)),
    row("429 with Retry-After", answer(429, b"", {"Retry-After": "3"}), again(RateLimitError)),
    row("429 by concurrency", refusal(50000070, status=429), again(RateLimitError)),
    row("502 HTML", answer(502, HTML, {"Content-Type": "text/html"}), *lost(ServerError, "answered")),
    row("501", answer(501), *lost(ServerError, "answered")),
    row("504", answer(504), *lost(ServerError, "answered")),
    row("599", answer(599), *lost(ServerError, "answered")),
    row("503", answer(503), *lost(ServerError, "answered")),
    row("503 with a strange hint", answer(503, b"", {"Retry-After": "soon"}), *lost(ServerError, "answered")),
    row("503 with Retry-After", answer(503, b"", {"Retry-After": "3"}), again(ServerError)),
    row("500", answer(500), *open_for_writes(ServerError)),
    row("500 SystemError", refusal("SystemError", status=500), *open_for_writes(ServerError)),
    row("500 with a lock's code", refusal(50000050, status=500), *open_for_writes(ServerError)),
    row("401", answer(401), final(AuthenticationError)),
    row("category 11", refusal(50000011), final(AuthenticationError)),
    row("409", answer(409), final(ConflictError), Said(3, ConflictError, "unknown"), final(ConflictError)),
    # Without a key it is no twin, and the code says what it is.
    row(
        "409 that names a lock",
        refusal(50000050, status=409),
        again(ConflictError),
        Said(3, ConflictError, "unknown"),
        again(ConflictError),
    ),
    row("category 50", refusal(53500050), again(ConflictError)),
    row("category 70", refusal(50000070), again(RateLimitError)),
    row("category 70 in two digits", refusal("70"), again(RateLimitError)),
    row("categories 50 and 70", refusal(50000050, 50000070), again(ConflictError)),
    row("category 60", refusal(50000060), *open_for_writes(RequestRejectedError)),
    row("category 61", refusal(50000061), *open_for_writes(RequestRejectedError)),
    row("category 99", refusal(50000099), *open_for_writes(RequestRejectedError)),
    row("categories 50 and 61", refusal(50000050, 50000061), *open_for_writes(RequestRejectedError)),
    row("categories 70 and 60", refusal(50000070, 50000060), *open_for_writes(RequestRejectedError)),
    row("categories 50 and 20", refusal(50000050, 50000020), final(RequestRejectedError)),
    row("category 10", refusal(50000010), final(PermissionDeniedError)),
    row("category 40", refusal(50000040), final(NotFoundError)),
    *(
        row(f"category {number:02}", refusal(50000000 + number), final(RequestRejectedError))
        for number in (0, 20, 21, 22, 23, 27, 30, 45, 90)
    ),
    row("a code that is a word", refusal("INVALID_VALUE"), final(RequestRejectedError)),
    row("no code", json_answer({"success": False}), final(RequestRejectedError)),
    row("400", refusal(50000022, status=400), final(RequestRejectedError)),
    row("403 HTML", answer(403, HTML), final(PermissionDeniedError)),
    row("404", refusal(50000040, status=404), final(NotFoundError)),
    row("405", answer(405), final(RequestRejectedError)),
    row("415", answer(415), final(RequestRejectedError)),
    row("422", answer(422), final(RequestRejectedError), final(ConflictError), final(RequestRejectedError)),
    row(
        "redirect",
        answer(307, b"", {"Location": "https://evil.example/v1"}),
        final(InvalidResponseError),
        Said(1, InvalidResponseError, "unknown"),
    ),
    row("no gzip", answer(200, b"{}", {"Content-Encoding": "gzip"}), final(InvalidResponseError),
        Said(1, InvalidResponseError, "unknown")),
    row("a list for an object", json_answer([]), final(InvalidResponseError), Said(1, InvalidResponseError, "unknown")),
]  # fmt: skip
ENTITY_CALLS = {name: call for name, call in CALLS.items() if name in ("GET", "POST") or name.startswith("PUT")}
# `response_type="object"` takes a list for what it is.
PAIRS = [
    pytest.param(row, name, id=f"{row.name}-{name}")
    for row in ROWS
    for name in (ENTITY_CALLS if row.name == "a list for an object" else CALLS)
]


@pytest.mark.parametrize(("row", "name"), PAIRS)
def test_row_that_never_ends(row: Row, name: str) -> None:
    said = row.of(name)
    with Wire(row.behaviour, access_token="fixed-token") as wire:
        error = failure_of(CALLS[name], wire.api)
        check(error, said)
        assert len(wire.requests) == said.sent
        # A read whose answer was lost has nothing that could be in doubt.
        assert isinstance(error, OutcomeUnknownError) == (said.outcome == "unknown" and name not in READS)


@pytest.mark.parametrize(("row", "name"), PAIRS)
def test_row_that_happens_once(row: Row, name: str) -> None:
    said = row.of(name)
    with Wire(row.behaviour, YES, access_token="fixed-token") as wire:
        if said.sent > 1:
            assert CALLS[name](wire.api) is not None
            assert len(wire.requests) == 2
        else:
            check(failure_of(CALLS[name], wire.api), said)
            assert len(wire.requests) == 1


@pytest.mark.parametrize("name", CALLS)
def test_read_timeout_is_a_lost_answer(name: str) -> None:
    said = dict(zip(("read", "keyed", "write"), lost(ApiTimeoutError), strict=True))
    kind = "read" if name in READS else "keyed" if name in KEYED else "write"
    with Wire(silent, read_timeout=0.05) as wire:
        check(failure_of(CALLS[name], wire.api), said[kind])
        # The client may be quicker to give up than the server to count.
        wait_until(lambda: len(wire.requests) == said[kind].sent)


def test_a_write_that_zuora_did_and_whose_answer_was_lost_is_not_done_twice() -> None:
    done = []

    def commit(sock: Any, received: Any) -> None:
        done.append(received.line)
        reset(sock, received)

    with Wire(commit, YES) as wire:
        error = failure_of(CALLS["PUT disconnect"], wire.api)
    assert len(done) == 1
    assert error.outcome == "unknown"
    assert "may or may not have been done" in str(error)


# -- never left -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_refused_then_open(name: str) -> None:
    with LateServer(YES) as server:
        clock = OpeningClock(server)
        with ApiClient(Configuration(server.url), clock=clock) as client:
            assert CALLS[name](EntityConnectionsApi(client)) is not None
        assert len(server.requests) == 1
        assert len(clock.sleeps) == 1


@pytest.mark.parametrize("name", CALLS)
def test_refused_for_good(name: str) -> None:
    with LateServer(YES) as server, ApiClient(Configuration(server.url), clock=FakeClock()) as client:
        error = failure_of(CALLS[name], EntityConnectionsApi(client))
        check(error, Said(3, ApiConnectionError, "not_sent"))
        assert server.requests == []


@pytest.mark.parametrize("name", ["GET", "POST", "PUT disconnect"])
def test_connect_timeout(name: str) -> None:
    with deaf_address() as url:
        settings = Configuration(url, connect_timeout=0.05)
        with ApiClient(settings, clock=FakeClock()) as client:
            error = failure_of(CALLS[name], EntityConnectionsApi(client))
    check(error, Said(3, ApiTimeoutError, "not_sent"))
    assert "connect timeout" in str(error)


# -- waits ----------------------------------------------------------------------------------------------------------


def sleeps(*behaviours: Behaviour, **settings: Any) -> list[float]:
    """What a GET slept that succeeds in the end."""
    with Wire(*behaviours, YES, **settings) as wire:
        CALLS["GET"](wire.api)
        return wire.clock.sleeps


@pytest.mark.parametrize("status", [429, 503, 502, 408])
def test_retry_after_is_a_floor_under_any_status(status: int) -> None:
    assert sleeps(answer(status, b"", {"Retry-After": "7"})) == [7.0]


def test_retry_after_below_the_back_off_does_not_shorten_it() -> None:
    (slept,) = sleeps(answer(429, b"", {"Retry-After": "0"}))
    assert 0.25 <= slept <= 0.5


def test_retry_after_as_a_date_is_read_by_the_clock_of_the_server() -> None:
    # Years from any clock of ours.
    hint = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:50:07 GMT"}
    assert sleeps(answer(503, b"", hint)) == [30.0]


def test_a_date_without_a_zone_is_gmt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "EST+5")
    time.tzset()
    try:
        hint = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun Nov  6 08:50:07 1994"}
        assert sleeps(answer(503, b"", hint)) == [30.0]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_date_that_has_passed_is_a_hint_of_nothing() -> None:
    hint = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:00:00 GMT"}
    (slept,) = sleeps(answer(503, b"", hint))
    assert 0.25 <= slept <= 0.5


@pytest.mark.parametrize(
    "limited",
    [
        answer(429, b"", {"RateLimit-Reset": "9"}),
        json_answer({"reasons": [{"code": 70}]}, 200, {"RateLimit-Reset": "9"}),
    ],
    ids=["429", "category 70"],
)
def test_ratelimit_reset_is_a_floor_where_a_limit_was_hit(limited: bytes) -> None:
    assert sleeps(limited) == [9.0]


@pytest.mark.parametrize("status", [502, 503, 500])
def test_ratelimit_reset_means_nothing_elsewhere(status: int) -> None:
    # Zuora sends it with every answer.
    (slept,) = sleeps(answer(status, b"", {"RateLimit-Reset": "9"}))
    assert slept <= 0.5


def test_retry_after_wins_over_ratelimit_reset() -> None:
    assert sleeps(answer(429, b"", {"RateLimit-Reset": "9", "Retry-After": "3"})) == [3.0]


@pytest.mark.parametrize("hint", ["-5", "soon", "nan", "inf", "1e3", "", "Retry-After", "5, soon", "0x10"])
def test_a_hint_that_makes_no_sense_is_none(hint: str) -> None:
    (slept,) = sleeps(answer(429, b"", {"Retry-After": hint}))
    assert 0.25 <= slept <= 0.5


def test_back_off_doubles_from_half_a_second_and_ends_at_twenty() -> None:
    slept = sleeps(*[answer(502)] * 11, max_attempts=12)
    assert len(slept) == 11
    for number, seconds in enumerate(slept):
        whole = min(0.5 * 2**number, 20.0)
        assert whole / 2 <= seconds <= whole


def test_waits_are_spread() -> None:
    assert len({sleeps(answer(502))[0] for _ in range(20)}) > 10


@pytest.mark.parametrize("pick", [min, max])
def test_no_draw_is_near_zero_or_above_the_cap(pick: Any) -> None:
    settings = Configuration(max_attempts=3000, deadline=None)
    course = RetryState(
        RetryClass.READ, settings, RetryQuota(), Deadline(None, FakeClock()), jitter=lambda *bounds: pick(bounds)
    )
    error = ServerError(502, "Bad gateway")
    # A hint costs no quota, and this one no time.
    error.retry_after = 0.0
    waits = [course.next_delay(error, 0.0, lambda: False) or 0.0 for _ in range(2000)]
    assert min(waits) >= 0.25
    assert max(waits) <= 20.0


def test_a_hint_above_max_retry_after_is_raised_at_once() -> None:
    with Wire(answer(429, b"", {"Retry-After": "121"})) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        assert (error.retry_after, wire.clock.sleeps, len(wire.requests)) == (121.0, [], 1)
        assert "asked to wait 121 s" in str(error)


def test_a_hint_of_max_retry_after_is_waited_for() -> None:
    assert sleeps(answer(429, b"", {"Retry-After": "120"})) == [120.0]


def test_max_retry_after_can_be_set() -> None:
    with Wire(answer(429, b"", {"RateLimit-Reset": "6"}), max_retry_after=5) as wire:
        assert failure_of(CALLS["GET"], wire.api).retry_after == 6.0
        assert wire.clock.sleeps == []


@pytest.mark.parametrize("name", ["GET", "POST", "PUT disconnect"])
def test_a_hint_beyond_the_deadline_is_raised_at_once(name: str) -> None:
    with Wire(answer(503, b"", {"Retry-After": "60"}), deadline=60) as wire:
        error = failure_of(CALLS[name], wire.api)
        assert (error.retry_after, wire.clock.sleeps, error.outcome) == (60.0, [], "answered")


def test_waits_end_with_the_deadline() -> None:
    with Wire(answer(503, b"", {"Retry-After": "40"}), deadline=100, max_attempts=9) as wire:
        failure_of(CALLS["GET"], wire.api)
        assert wire.clock.sleeps == [40.0, 40.0]


def test_no_wait_when_less_than_the_back_off_is_left() -> None:
    with Wire(answer(502), deadline=0.2) as wire:
        failure_of(CALLS["GET"], wire.api)
        assert wire.clock.sleeps == []


def test_max_attempts_bounds_what_is_sent() -> None:
    for attempts in (1, 2, 5):
        with Wire(answer(429), max_attempts=attempts) as wire:
            failure_of(CALLS["GET"], wire.api)
            assert len(wire.requests) == attempts


def test_a_long_wait_is_announced(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "zuora_client"):
        sleeps(answer(429, b"", {"Retry-After": "6"}), access_token="fixed-token")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "waiting 6.0 s before attempt 2 (RateLimitError)")
    ]


def test_a_short_wait_is_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "zuora_client"):
        sleeps(answer(429, b"", {"Retry-After": "5"}))
    assert caplog.records == []


# -- quota ----------------------------------------------------------------------------------------------------------


def drain(wire: Wire) -> None:
    """Spend the quota of a client whose server answers 502: 100 retries."""
    for _ in range(50):
        failure_of(CALLS["GET"], wire.api)


def test_an_outage_is_not_answered_with_a_storm() -> None:
    with Wire(answer(502)) as wire:
        drain(wire)
        assert len(wire.requests) == 150
        for _ in range(10):
            failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 160


def test_a_success_gives_one_back() -> None:
    with Wire(*[answer(502)] * 150, *[YES] * 5, answer(502)) as wire:
        drain(wire)
        for _ in range(5):
            CALLS["GET"](wire.api)
        failure_of(CALLS["GET"], wire.api)
        failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 150 + 5 + 2 + 1


def test_a_wait_that_zuora_named_costs_nothing() -> None:
    with Wire(*[answer(502)] * 150, answer(429, b"", {"Retry-After": "1"})) as wire:
        drain(wire)
        failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 150 + 3


def test_a_retry_after_a_timeout_costs_twice_as_much() -> None:
    settings = Configuration(deadline=None)
    for error, retries in ((ApiTimeoutError(), 50), (ApiConnectionError(), 100)):
        quota = RetryQuota()
        given = 0
        while True:
            course = RetryState(RetryClass.READ, settings, quota, Deadline(None, FakeClock()))
            if course.next_delay(error, 0.0, lambda: False) is None:
                break
            given += 1
        assert given == retries


def test_the_quota_belongs_to_the_client() -> None:
    with Wire(answer(502)) as wire:
        drain(wire)
        with ApiClient(wire.configuration, clock=FakeClock()) as other:
            failure_of(CALLS["GET"], EntityConnectionsApi(other))
        assert len(wire.requests) == 150 + 3


def test_threads_share_the_quota() -> None:
    with Wire(answer(502)) as wire:
        failures: list[ApiException] = []

        def work() -> None:
            failures.extend(failure_of(CALLS["GET"], wire.api) for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(failures) == 160
        assert len(wire.requests) == 160 + 100


def test_a_full_quota_does_not_grow() -> None:
    with Wire(*[YES] * 30, answer(502)) as wire:
        for _ in range(30):
            CALLS["GET"](wire.api)
        for _ in range(60):
            failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 30 + 60 + 100


# -- anything else -------------------------------------------------------------------------------------------------


def test_every_answer_to_a_write_ends_in_a_known_class() -> None:
    # Statuses and codes that nobody has thought of: whatever comes, the error says what is known.
    draw = random.Random(5)
    classes = {getattr(exceptions, name) for name in vars(exceptions) if name.endswith(("Error", "Exception"))}
    for _ in range(60):
        status = draw.choice([200, 202, draw.randrange(300, 999)])
        codes = [draw.choice([draw.randrange(100), draw.randrange(10**8), "word", None, 7.0]) for _ in range(2)]
        with Wire(refusal(*codes, status=status)) as wire:
            error = failure_of(CALLS["PUT disconnect"], wire.api)
            assert type(error) in classes
            assert error.outcome in ("answered", "unknown")
            assert isinstance(error, OutcomeUnknownError) == (error.outcome == "unknown")


def test_a_scripted_server_counts_what_it_saw() -> None:
    # The other tests rest on it.
    with ScriptedServer(YES) as server, ApiClient(Configuration(server.url)) as client:
        for _ in range(3):
            CALLS["PUT accept"](EntityConnectionsApi(client))
        assert [request.method for request in server.requests] == ["PUT"] * 3
        assert server.connections == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_error_of_any_row_tells_its_attempts(row: Row) -> None:
    with Wire(row.behaviour, access_token="fixed-token") as wire:
        error = failure_of(CALLS["PUT disconnect"], wire.api)
    assert [attempt.number for attempt in error.attempts] == list(range(1, row.write.sent + 1))
    assert error.attempts[-1].wait is None
    assert all(attempt.wait is not None for attempt in error.attempts[:-1])
