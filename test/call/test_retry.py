"""The retry table, row by row: requests, error class and outcome; then waits and the retry quota."""

from __future__ import annotations

import inspect
import random
import re
import threading
import time
from typing import Any, NamedTuple

import pytest
from support import FakeClock, ScriptedServer, reset, respond, respond_json
from support.calls import CALLS, KEYED, READS, Expected, assert_failure, failure_of, refusal
from support.faulty import cut, hang_up
from support.scripted import Behaviour, unresponsive_url
from support.threads import wait_until
from support.wire import YES, Wire, silent

from zuora_client import ApiClient, Configuration, EntityConnectionsApi, exceptions
from zuora_client._call.retry import Renewal, RetryQuota, RetryState
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
    """A response, and what it leads to for each retry class."""

    name: str
    behaviour: Behaviour
    read: Expected
    keyed: Expected
    write: Expected

    def expected(self, call: str) -> Expected:
        return self.read if call in READS else self.keyed if call in KEYED else self.write


def row(
    name: str, behaviour: Behaviour, read: Expected, keyed: Expected | None = None, write: Expected | None = None
) -> Row:
    """Return a row. A column that is not given is the same as the column before it."""
    keyed = keyed or read
    return Row(name, behaviour, read, keyed, write or keyed)


def in_doubt(error: type[ApiException], read_outcome: str = "unknown") -> tuple[Expected, Expected, Expected]:
    """Retried, except for a write without a key; a write is in doubt."""
    return Expected(3, error, read_outcome), Expected(3, error, "unknown"), Expected(1, error, "unknown")


def server_fault(error: type[ApiException]) -> tuple[Expected, Expected, Expected]:
    """A read is retried; a write is not retried, and is in doubt."""
    return Expected(3, error, "answered"), Expected(1, error, "unknown"), Expected(1, error, "unknown")


def not_retried(error: type[ApiException]) -> Expected:
    return Expected(1, error, "answered")


def retried(error: type[ApiException]) -> Expected:
    return Expected(3, error, "answered")


UNREADABLE = not_retried(InvalidResponseError), Expected(1, InvalidResponseError, "unknown")
HTML = b"<html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"
ROWS = [
    row("reset", reset, *in_doubt(ApiConnectionError)),
    row("closed without a response", hang_up, *in_doubt(ApiConnectionError)),
    row("truncated head", cut(YES, 20), *in_doubt(ApiConnectionError)),
    row("truncated head of a refusal", cut(respond(404), 25), *in_doubt(ApiConnectionError)),
    row("truncated Retry-After", cut(respond(503, b"", {"Retry-After": "30"}), 33), *in_doubt(ApiConnectionError)),
    row("truncated body", cut(YES, len(YES) - 5), *in_doubt(ApiConnectionError)),
    row("no HTTP", b"SSH-2.0-OpenSSH_9.6\r\n", *in_doubt(ApiConnectionError)),
    row("408", respond(408), *in_doubt(ApiTimeoutError)),
    row("499", respond(499), *in_doubt(ApiTimeoutError)),
    row("407", respond(407), Expected(1, ApiConnectionError, "not_sent")),
    row("429", respond(429, b'{"reasons":[{"code":70,"message":"slow"}]}'), retried(RateLimitError)),
    row("429 with Retry-After", respond(429, b"", {"Retry-After": "3"}), retried(RateLimitError)),
    row("429 by concurrency", refusal(50000070, status=429), retried(RateLimitError)),
    row("502 HTML", respond(502, HTML, {"Content-Type": "text/html"}), *in_doubt(ServerError, "answered")),
    row("502 with Retry-After", respond(502, b"", {"Retry-After": "3"}), *in_doubt(ServerError, "answered")),
    row("504 with Retry-After", respond(504, b"", {"Retry-After": "3"}), *in_doubt(ServerError, "answered")),
    row("501", respond(501), *in_doubt(ServerError, "answered")),
    row("504", respond(504), *in_doubt(ServerError, "answered")),
    row("599", respond(599), *in_doubt(ServerError, "answered")),
    row("503", respond(503), *in_doubt(ServerError, "answered")),
    row("503 with invalid Retry-After", respond(503, b"", {"Retry-After": "soon"}), *in_doubt(ServerError, "answered")),
    row("503 with Retry-After", respond(503, b"", {"Retry-After": "3"}), retried(ServerError)),
    row("500", respond(500), *server_fault(ServerError)),
    row("500 SystemError", refusal("SystemError", status=500), *server_fault(ServerError)),
    row("500 with a lock's code", refusal(50000050, status=500), *server_fault(ServerError)),
    row("401", respond(401), not_retried(AuthenticationError)),
    row("category 11", refusal(50000011), not_retried(AuthenticationError)),
    # Sent once more, on a new connection.
    row("421", respond(421), Expected(2, RequestRejectedError, "answered")),
    row("423", respond(423), not_retried(ConflictError)),
    row("423 that names a lock", refusal(53500050, status=423), not_retried(ConflictError)),
    row("425", respond(425), retried(RequestRejectedError)),
    row("401 with category 70", refusal(50000070, status=401), retried(AuthenticationError)),
    row(
        "409",
        respond(409),
        not_retried(ConflictError),
        Expected(3, ConflictError, "unknown"),
        not_retried(ConflictError),
    ),
    # Without an idempotency key a 409 is what its code says.
    row(
        "409 that names a lock",
        refusal(50000050, status=409),
        retried(ConflictError),
        Expected(3, ConflictError, "unknown"),
        retried(ConflictError),
    ),
    row("category 50", refusal(53500050), retried(ConflictError)),
    row("category 70", refusal(50000070), retried(RateLimitError)),
    row("category 70 in two digits", refusal("70"), retried(RateLimitError)),
    row("categories 50 and 70", refusal(50000050, 50000070), retried(ConflictError)),
    row("category 60", refusal(50000060), *server_fault(RequestRejectedError)),
    row("category 61", refusal(50000061), *server_fault(RequestRejectedError)),
    row("category 99", refusal(50000099), *server_fault(RequestRejectedError)),
    row("categories 50 and 61", refusal(50000050, 50000061), *server_fault(RequestRejectedError)),
    row("categories 70 and 60", refusal(50000070, 50000060), *server_fault(RequestRejectedError)),
    row("categories 70 and 20", refusal(50000070, 50000020), not_retried(RequestRejectedError)),
    row("categories 50 and 20", refusal(50000050, 50000020), not_retried(RequestRejectedError)),
    row("category 10", refusal(50000010), not_retried(PermissionDeniedError)),
    row("category 40", refusal(50000040), not_retried(NotFoundError)),
    *(
        row(f"category {number:02}", refusal(50000000 + number), not_retried(RequestRejectedError))
        for number in (0, 20, 21, 22, 23, 27, 30, 45, 90)
    ),
    row("a code that is a word", refusal("INVALID_VALUE"), not_retried(RequestRejectedError)),
    row("no reasons", respond_json({"success": False}), not_retried(RequestRejectedError)),
    row("400", refusal(50000022, status=400), not_retried(RequestRejectedError)),
    row("403 HTML", respond(403, HTML), not_retried(PermissionDeniedError)),
    row("404", refusal(50000040, status=404), not_retried(NotFoundError)),
    row("405", respond(405), not_retried(RequestRejectedError)),
    row("415", respond(415), not_retried(RequestRejectedError)),
    row(
        "422",
        respond_json({"message": "key reused"}, 422),
        not_retried(RequestRejectedError),
        not_retried(ConflictError),
        not_retried(RequestRejectedError),
    ),
    row("redirect", respond(307, b"", {"Location": "https://evil.example/v1"}), *UNREADABLE),
    row("no gzip", respond(200, b"{}", {"Content-Encoding": "gzip"}), *UNREADABLE),
    row("a list for an object", respond_json([]), *UNREADABLE),
]
ENTITY_CALLS = {name: call for name, call in CALLS.items() if name in ("GET", "POST") or name.startswith("PUT")}
# With `response_type="object"` a list is valid.
PAIRS = [
    pytest.param(row, name, id=f"{row.name}-{name}")
    for row in ROWS
    for name in (ENTITY_CALLS if row.name == "a list for an object" else CALLS)
]


@pytest.mark.parametrize(("row", "name"), PAIRS)
def test_repeated_failure(row: Row, name: str) -> None:
    """The failure of the row happens at each attempt."""
    expected = row.expected(name)
    with Wire(row.behaviour, access_token="fixed-token") as wire:
        error = failure_of(CALLS[name], wire.api)
        assert_failure(error, expected)
        assert len(wire.requests) == expected.attempts
        # A read leaves nothing in doubt.
        assert isinstance(error, OutcomeUnknownError) == (expected.outcome == "unknown" and name not in READS)


@pytest.mark.parametrize(("row", "name"), PAIRS)
def test_single_failure(row: Row, name: str) -> None:
    """The failure of the row happens once, and the next attempt succeeds."""
    expected = row.expected(name)
    with Wire(row.behaviour, YES, access_token="fixed-token") as wire:
        if expected.attempts > 1:
            assert CALLS[name](wire.api) is not None
            assert len(wire.requests) == 2
        else:
            assert_failure(failure_of(CALLS[name], wire.api), expected)
            assert len(wire.requests) == 1


@pytest.mark.parametrize("name", CALLS)
def test_read_timeout_is_response_lost(name: str) -> None:
    by_class = dict(zip(("read", "keyed", "write"), in_doubt(ApiTimeoutError), strict=True))
    retry_class = "read" if name in READS else "keyed" if name in KEYED else "write"
    with Wire(silent, read_timeout=0.05) as wire:
        assert_failure(failure_of(CALLS[name], wire.api), by_class[retry_class])
        # The client may time out before the server records the request.
        wait_until(lambda: len(wire.requests) == by_class[retry_class].attempts)


def test_lost_response_repeats_no_write() -> None:
    """A write that Zuora did, and whose response was lost, is not sent twice."""
    done = []

    def commit(sock: Any, received: Any) -> None:
        done.append(received.line)
        reset(sock, received)

    with Wire(commit, YES) as wire:
        error = failure_of(CALLS["PUT disconnect"], wire.api)
    assert len(done) == 1
    assert error.outcome == "unknown"
    assert "may or may not have been done" in str(error)


# -- not sent ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_connection_refused_once(name: str) -> None:
    with ScriptedServer(YES, listening=False) as server:
        clock = FakeClock(on_sleep=server.open)
        with ApiClient(Configuration(server.url), clock=clock) as client:
            assert CALLS[name](EntityConnectionsApi(client)) is not None
        assert len(server.requests) == 1
        assert len(clock.sleeps) == 1


@pytest.mark.parametrize("name", CALLS)
def test_connection_refused(name: str) -> None:
    server = ScriptedServer(listening=False)
    with server, ApiClient(Configuration(server.url), clock=FakeClock()) as client:
        error = failure_of(CALLS[name], EntityConnectionsApi(client))
        assert_failure(error, Expected(3, ApiConnectionError, "not_sent"))
        assert server.requests == []


@pytest.mark.parametrize("name", ["GET", "POST", "PUT disconnect"])
def test_connect_timeout(name: str) -> None:
    with unresponsive_url() as url:
        settings = Configuration(url, connect_timeout=0.05)
        with ApiClient(settings, clock=FakeClock()) as client:
            error = failure_of(CALLS[name], EntityConnectionsApi(client))
    assert_failure(error, Expected(3, ApiTimeoutError, "not_sent"))
    assert "connect timeout" in str(error)


# -- waits ------------------------------------------------------------------------------------------------------------


def waits_before_success(*behaviours: Behaviour, **settings: Any) -> list[float]:
    """Return the waits of a GET that succeeds after these responses."""
    with Wire(*behaviours, YES, **settings) as wire:
        CALLS["GET"](wire.api)
        return wire.clock.sleeps


@pytest.mark.parametrize("status", [429, 503, 502, 408])
def test_retry_after_is_minimum_wait(status: int) -> None:
    """Retry-After is the minimum wait, whatever the status."""
    (wait,) = waits_before_success(respond(status, b"", {"Retry-After": "7"}))
    assert 7.0 <= wait <= 10.5


def test_hint_has_jitter() -> None:
    """Clients that got the same hint do not retry in step: up to half of the hint is added."""
    waits = [waits_before_success(respond(429, b"", {"Retry-After": "8"}))[0] for _ in range(40)]
    assert 8.0 <= min(waits) < 9.0 < 11.0 < max(waits) <= 12.0
    assert len(set(waits)) == 40


@pytest.mark.parametrize("pick", [min, max])
@pytest.mark.parametrize(
    ("hint", "remaining", "longest"),
    [(0.5, None, 1.0), (1.0, 300.0, 1.5), (4.0, 300.0, 6.0), (100.0, 300.0, 150.0), (60.0, 80.0, 70.0)],
)
def test_jitter_limits(pick: Any, hint: float, remaining: float | None, longest: float) -> None:
    """The jitter is half of the hint, at least 0.5 s, and at most half of the time that is left after the hint."""
    error = ServerError(503, "Unavailable")
    error.retry_after = hint
    state = RetryState(
        RetryClass.READ,
        Configuration(),
        RetryQuota(),
        Deadline(remaining, FakeClock()),
        jitter=lambda *bounds: pick(bounds),
    )
    assert state.next_delay(error, 0.0, lambda: Renewal.IMPOSSIBLE) == (hint if pick is min else longest)


def test_jitter_does_not_exceed_the_deadline() -> None:
    for _ in range(20):
        (wait,) = waits_before_success(respond(503, b"", {"Retry-After": "59"}), deadline=60)
        assert 59.0 <= wait <= 59.5


def test_jitter_is_from_the_system() -> None:
    """A fork in C does not reseed the generator of the module `random`."""
    assert inspect.signature(RetryState).parameters["jitter"].default.__self__.__class__ is random.SystemRandom


def test_retry_after_does_not_shorten_backoff() -> None:
    (wait,) = waits_before_success(respond(429, b"", {"Retry-After": "0"}))
    assert 0.25 <= wait <= 0.5


def test_retry_after_date_uses_server_clock() -> None:
    """A date in Retry-After is compared with the Date of the response."""
    # Years away from the local clock.
    headers = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:50:07 GMT"}
    (wait,) = waits_before_success(respond(503, b"", headers))
    assert 30.0 <= wait <= 45.0


def test_date_without_zone_is_gmt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "EST+5")
    time.tzset()
    try:
        headers = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun Nov  6 08:50:07 1994"}
        (wait,) = waits_before_success(respond(503, b"", headers))
        assert 30.0 <= wait <= 45.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_retry_after_date_in_the_past() -> None:
    headers = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:00:00 GMT"}
    (wait,) = waits_before_success(respond(503, b"", headers))
    assert 0.25 <= wait <= 0.5


@pytest.mark.parametrize(
    "limited",
    [
        respond(429, b"", {"RateLimit-Reset": "9"}),
        respond_json({"reasons": [{"code": 70}]}, 200, {"RateLimit-Reset": "9"}),
    ],
    ids=["429", "category 70"],
)
def test_ratelimit_reset_after_limit(limited: bytes) -> None:
    """RateLimit-Reset is the minimum wait after a limit was reached."""
    (wait,) = waits_before_success(limited)
    assert 9.0 <= wait <= 13.5


@pytest.mark.parametrize("status", [502, 503, 500])
def test_ratelimit_reset_is_ignored_otherwise(status: int) -> None:
    # Zuora sends the header with every response.
    (wait,) = waits_before_success(respond(status, b"", {"RateLimit-Reset": "9"}))
    assert wait <= 0.5


def test_retry_after_wins_over_ratelimit_reset() -> None:
    (wait,) = waits_before_success(respond(429, b"", {"RateLimit-Reset": "9", "Retry-After": "3"}))
    assert 3.0 <= wait <= 4.5


@pytest.mark.parametrize("value", ["-5", "soon", "nan", "inf", "1e3", "", "Retry-After", "5, soon", "0x10"])
def test_invalid_retry_after_is_ignored(value: str) -> None:
    (wait,) = waits_before_success(respond(429, b"", {"Retry-After": value}))
    assert 0.25 <= wait <= 0.5


def test_backoff_doubles_to_maximum() -> None:
    """The backoff doubles from 0.5 s to 20 s; half of it is jitter."""
    waits = waits_before_success(*[respond(502)] * 11, max_attempts=12)
    assert len(waits) == 11
    for number, seconds in enumerate(waits):
        backoff = min(0.5 * 2**number, 20.0)
        assert backoff / 2 <= seconds <= backoff


def test_backoff_has_jitter() -> None:
    assert len({waits_before_success(respond(502))[0] for _ in range(20)}) > 10


@pytest.mark.parametrize("pick", [min, max])
def test_backoff_limits(pick: Any) -> None:
    """A wait is from half of the backoff to all of it: from 0.25 s to 20 s."""
    settings = Configuration(max_attempts=3000, deadline=None)
    state = RetryState(
        RetryClass.READ, settings, RetryQuota(), Deadline(None, FakeClock()), jitter=lambda *bounds: pick(bounds)
    )
    error = ServerError(502, "Bad gateway")
    # With Retry-After the retry costs no quota; 0 leaves the backoff as it is.
    error.retry_after = 0.0
    waits = [state.next_delay(error, 0.0, lambda: Renewal.IMPOSSIBLE) or 0.0 for _ in range(2000)]
    assert (min(waits), max(waits)) == ((0.25, 10.0) if pick is min else (0.5, 20.0))


def test_retry_after_above_maximum() -> None:
    """A Retry-After above max_retry_after is raised without a wait."""
    with Wire(respond(429, b"", {"Retry-After": "121"})) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        assert (error.retry_after, wire.clock.sleeps, len(wire.requests)) == (121.0, [], 1)
        assert "asked to wait 121 s" in str(error)


def test_retry_after_of_maximum() -> None:
    (wait,) = waits_before_success(respond(429, b"", {"Retry-After": "120"}))
    assert 120.0 <= wait <= 180.0


def test_max_retry_after_setting() -> None:
    with Wire(respond(429, b"", {"RateLimit-Reset": "6"}), max_retry_after=5) as wire:
        assert failure_of(CALLS["GET"], wire.api).retry_after == 6.0
        assert wire.clock.sleeps == []


@pytest.mark.parametrize("name", ["GET", "POST", "PUT disconnect"])
def test_retry_after_beyond_deadline(name: str) -> None:
    """A Retry-After that reaches the deadline is raised without a wait."""
    with Wire(respond(503, b"", {"Retry-After": "60"}), deadline=60) as wire:
        error = failure_of(CALLS[name], wire.api)
        assert (error.retry_after, wire.clock.sleeps, error.outcome) == (60.0, [], "answered")


def test_waits_end_with_deadline() -> None:
    with Wire(respond(503, b"", {"Retry-After": "40"}), deadline=100, max_attempts=9) as wire:
        failure_of(CALLS["GET"], wire.api)
        assert len(wire.clock.sleeps) == 2
        assert 80.0 <= sum(wire.clock.sleeps) < 100.0


def test_backoff_beyond_deadline() -> None:
    """If the backoff does not fit into the remaining time, there is no wait and no retry."""
    with Wire(respond(502), deadline=0.2) as wire:
        failure_of(CALLS["GET"], wire.api)
        assert wire.clock.sleeps == []


def test_max_attempts() -> None:
    for attempts in (1, 2, 5):
        with Wire(respond(429), max_attempts=attempts) as wire:
            failure_of(CALLS["GET"], wire.api)
            assert len(wire.requests) == attempts


def test_long_wait_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "zuora_client"):
        (wait,) = waits_before_success(respond(429, b"", {"Retry-After": "6"}), access_token="fixed-token")
    waits = [record for record in caplog.records if "waiting" in record.getMessage()]
    assert [record.levelname for record in waits] == ["INFO"]
    text = rf"\[\w{{10}}\] waiting {wait:.1f} s before attempt 2 \(RateLimitError\)"
    assert re.fullmatch(text, waits[0].getMessage())


def test_short_wait_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "zuora_client"):
        waits_before_success(respond(429, b"", {"Retry-After": "3"}))
    assert "waiting" not in caplog.text


# -- quota ------------------------------------------------------------------------------------------------------------


def exhaust_quota(wire: Wire) -> None:
    """Use up the quota of a client whose server sends 502: 100 retries."""
    for _ in range(50):
        failure_of(CALLS["GET"], wire.api)


def test_exhausted_quota_stops_retries() -> None:
    with Wire(respond(502)) as wire:
        exhaust_quota(wire)
        assert len(wire.requests) == 150
        for _ in range(10):
            failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 160


def test_success_releases_one() -> None:
    with Wire(*[respond(502)] * 150, *[YES] * 5, respond(502)) as wire:
        exhaust_quota(wire)
        for _ in range(5):
            CALLS["GET"](wire.api)
        failure_of(CALLS["GET"], wire.api)
        failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 150 + 5 + 2 + 1


def test_retry_after_costs_no_quota() -> None:
    with Wire(*[respond(502)] * 150, respond(429, b"", {"Retry-After": "1"})) as wire:
        exhaust_quota(wire)
        failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 150 + 3


def test_hinted_retry_leaves_the_quota() -> None:
    error = RateLimitError(429, "Too many")
    error.retry_after = 1.0
    quota = RetryQuota()
    state = RetryState(RetryClass.READ, Configuration(max_attempts=9), quota, Deadline(None, FakeClock()))
    for _ in range(8):
        assert state.next_delay(error, 0.0, lambda: Renewal.IMPOSSIBLE) is not None
    assert quota.available_capacity == 500


def test_timeout_costs_double() -> None:
    settings = Configuration(deadline=None)
    for error, expected in ((ApiTimeoutError(), 50), (ApiConnectionError(), 100)):
        quota = RetryQuota()
        retries = 0
        while True:
            state = RetryState(RetryClass.READ, settings, quota, Deadline(None, FakeClock()))
            if state.next_delay(error, 0.0, lambda: Renewal.IMPOSSIBLE) is None:
                break
            retries += 1
        assert retries == expected


def test_quota_belongs_to_client() -> None:
    with Wire(respond(502)) as wire:
        exhaust_quota(wire)
        with ApiClient(wire.configuration, clock=FakeClock()) as other:
            failure_of(CALLS["GET"], EntityConnectionsApi(other))
        assert len(wire.requests) == 150 + 3


def test_threads_share_quota() -> None:
    with Wire(respond(502)) as wire:
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


def test_full_quota_does_not_grow() -> None:
    with Wire(*[YES] * 30, respond(502)) as wire:
        for _ in range(30):
            CALLS["GET"](wire.api)
        for _ in range(60):
            failure_of(CALLS["GET"], wire.api)
        assert len(wire.requests) == 30 + 60 + 100


# -- other ------------------------------------------------------------------------------------------------------------


def test_random_responses_raise_known_classes() -> None:
    """Any status and any codes of a response to a write lead to a known class and outcome."""
    rng = random.Random(5)
    classes = {getattr(exceptions, name) for name in vars(exceptions) if name.endswith(("Error", "Exception"))}
    for _ in range(60):
        status = rng.choice([200, 202, rng.randrange(300, 999)])
        codes = [rng.choice([rng.randrange(100), rng.randrange(10**8), "word", None, 7.0]) for _ in range(2)]
        with Wire(refusal(*codes, status=status)) as wire:
            error = failure_of(CALLS["PUT disconnect"], wire.api)
            assert type(error) in classes
            assert error.outcome in ("answered", "unknown")
            assert isinstance(error, OutcomeUnknownError) == (error.outcome == "unknown")


def test_scripted_server_records_requests() -> None:
    # Other tests rely on these counts.
    with ScriptedServer(YES) as server, ApiClient(Configuration(server.url)) as client:
        for _ in range(3):
            CALLS["PUT accept"](EntityConnectionsApi(client))
        assert [request.method for request in server.requests] == ["PUT"] * 3
        assert server.connections == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_error_lists_attempts_of_row(row: Row) -> None:
    with Wire(row.behaviour, access_token="fixed-token") as wire:
        error = failure_of(CALLS["PUT disconnect"], wire.api)
    assert [attempt.number for attempt in error.attempts] == list(range(1, row.write.attempts + 1))
    assert error.attempts[-1].wait is None
    assert all(attempt.wait is not None for attempt in error.attempts[:-1])
