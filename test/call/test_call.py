"""One call over all its attempts: idempotency keys, tokens, the outcome, the attempts on the error, and the log."""

from __future__ import annotations

import logging
import re
from typing import Any, NamedTuple

import pytest
from support import FakeClock, reset, respond, respond_json
from support.calls import CALLS, READS, WRITES, Expected, assert_failure, failure_of, refusal
from support.scripted import Behaviour, ScriptedServer
from support.wire import YES, Wire

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.exceptions import (
    ApiConnectionError,
    ApiException,
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

TOKEN = respond_json({"access_token": "fetched-token", "expires_in": 3599, "token_type": "bearer"})

# -- keys and outcome -------------------------------------------------------------------------------------------------

LOST = reset
LOCKED = refusal(53500050)
IN_PROGRESS = refusal(50000050, status=409)
THROTTLED = respond(429)
UNAVAILABLE = respond(503, b"", {"Retry-After": "1"})
BAD_GATEWAY = respond(502)
SERVER_ERROR = respond(500)
REFUSED = refusal(50000030)
SERVER_FAULT = refusal(50000061)
UNAUTHORIZED = respond(401)


class Script(NamedTuple):
    """The responses in turn, the keys as letters (a new letter is a new key), and the error and outcome if it fails."""

    responses: tuple[Behaviour, ...]
    keys: str
    failure: tuple[type[ApiException], str] | None = None


SCRIPTS = {
    "lost, ok": Script((LOST, YES), "AA"),
    "lost, lost, ok": Script((LOST, LOST, YES), "AAA"),
    "502, ok": Script((BAD_GATEWAY, YES), "AA"),
    "503, ok": Script((respond(503), YES), "AA"),
    "408, ok": Script((respond(408), YES), "AA"),
    "lost, JSON 404 of a gateway": Script(
        (LOST, respond_json({"message": "no Route matched"}, 404)), "AA", (NotFoundError, "unknown")
    ),
    "lost, no bearer token": Script(
        (LOST, respond_json({"message": "No bearer token"}, 400)), "AA", (RequestRejectedError, "unknown")
    ),
    "lost, wrong entity": Script((LOST, refusal(90000020, status=400)), "AA", (RequestRejectedError, "unknown")),
    "lost, 400 with a reason": Script((LOST, refusal(53100320, status=400)), "AA", (RequestRejectedError, "answered")),
    "409 with another reason": Script((refusal(53500030, status=409),), "A", (ConflictError, "answered")),
    "lost, 409 with any reason": Script((LOST, refusal(53500030, status=409), YES), "AAA"),
    "409, ok": Script((IN_PROGRESS, YES), "AA"),
    "409 with a lock and a word, ok": Script((refusal(50000050, "BUSY", status=409), YES), "AA"),
    "429, ok": Script((THROTTLED, YES), "AB"),
    "503 with Retry-After, ok": Script((UNAVAILABLE, YES), "AB"),
    "lock, ok": Script((LOCKED, YES), "AB"),
    "lock, lock, ok": Script((LOCKED, LOCKED, YES), "ABC"),
    "lock, lost, ok": Script((LOCKED, LOST, YES), "ABB"),
    "429, lost, ok": Script((THROTTLED, LOST, YES), "ABB"),
    "lost, 429, ok": Script((LOST, THROTTLED, YES), "AAA"),
    "lost, 503 with Retry-After, ok": Script((LOST, UNAVAILABLE, YES), "AAA"),
    "lost, lock, ok": Script((LOST, LOCKED, YES), "AAA"),
    "421, ok": Script((respond(421), YES), "AA"),
    "lost, 423": Script((LOST, refusal(53500050, status=423)), "AA", (ConflictError, "unknown")),
    "lost, 422 with a reason": Script((LOST, refusal(53100320, status=422)), "AA", (RequestRejectedError, "answered")),
    "lost, refused by a word": Script((LOST, refusal("INVALID_VALUE")), "AA", (RequestRejectedError, "answered")),
    "409, lock, ok": Script((IN_PROGRESS, LOCKED, YES), "AAA"),
    "409, 429, ok": Script((IN_PROGRESS, THROTTLED, YES), "AAA"),
    "lost, refused": Script((LOST, REFUSED), "AA", (RequestRejectedError, "answered")),
    "lost, not found": Script((LOST, refusal(50000040, status=404)), "AA", (NotFoundError, "answered")),
    "lost, 404 page of a gateway": Script((LOST, respond(404)), "AA", (NotFoundError, "unknown")),
    "lost, no permission": Script((LOST, refusal(50000010)), "AA", (PermissionDeniedError, "unknown")),
    "409, refused": Script((IN_PROGRESS, REFUSED), "AA", (RequestRejectedError, "answered")),
    "lost, 401": Script((LOST, UNAUTHORIZED), "AA", (AuthenticationError, "unknown")),
    "lost, 500": Script((LOST, SERVER_ERROR), "AA", (ServerError, "unknown")),
    "lost, server fault": Script((LOST, SERVER_FAULT), "AA", (RequestRejectedError, "unknown")),
    "lost, 429, 429": Script((LOST, THROTTLED, THROTTLED), "AAA", (RateLimitError, "unknown")),
    "lost, 503 with Retry-After, 429": Script((LOST, UNAVAILABLE, THROTTLED), "AAA", (RateLimitError, "unknown")),
    "lost, lock, lock": Script((LOST, LOCKED, LOCKED), "AAA", (ConflictError, "unknown")),
    "lost, lock, 429": Script((LOST, LOCKED, THROTTLED), "AAA", (RateLimitError, "unknown")),
    "lock, lost, lost": Script((LOCKED, LOST, LOST), "ABB", (ApiConnectionError, "unknown")),
    "lock, lock, 502": Script((LOCKED, LOCKED, BAD_GATEWAY), "ABC", (ServerError, "unknown")),
    "409, 409, 409": Script((IN_PROGRESS, IN_PROGRESS, IN_PROGRESS), "AAA", (ConflictError, "unknown")),
    "429, 429, 429": Script((THROTTLED, THROTTLED, THROTTLED), "ABC", (RateLimitError, "answered")),
    "429, refused": Script((THROTTLED, REFUSED), "AB", (RequestRejectedError, "answered")),
    "429, unreadable": Script((THROTTLED, respond_json(3)), "AB", (InvalidResponseError, "unknown")),
}


def letters(keys: list[str | None]) -> str:
    distinct = list(dict.fromkeys(keys))
    return "".join("ABC"[distinct.index(key)] for key in keys)


@pytest.mark.parametrize("name", SCRIPTS)
def test_post_keys_and_outcome(name: str) -> None:
    """The keys of the attempts of a POST, and its outcome."""
    script = SCRIPTS[name]
    with Wire(*script.responses, access_token="fixed-token") as wire:
        if script.failure is None:
            assert CALLS["POST"](wire.api).success
        else:
            error = failure_of(CALLS["POST"], wire.api)
            assert_failure(error, Expected(len(script.responses), *script.failure))
        keys = [request.headers.get("idempotency-key") for request in wire.requests]
        assert letters(keys) == script.keys
        assert all(len(key or "") == 32 for key in keys)


CALLERS_KEY_SCRIPTS = {
    "lost, ok": Script((LOST, YES), "AA"),
    "409, 502, ok": Script((IN_PROGRESS, BAD_GATEWAY, YES), "AAA"),
    "lost, 429, ok": Script((LOST, THROTTLED, YES), "AAA"),
    "429": Script((THROTTLED,), "A", (RateLimitError, "answered")),
    "503 with Retry-After": Script((UNAVAILABLE,), "A", (ServerError, "answered")),
    "lock": Script((LOCKED,), "A", (ConflictError, "answered")),
    "lost, lock, lock": Script((LOST, LOCKED, LOCKED), "AAA", (ConflictError, "unknown")),
    "409, 409, 409": Script((IN_PROGRESS, IN_PROGRESS, IN_PROGRESS), "AAA", (ConflictError, "unknown")),
}


@pytest.mark.parametrize(("status", "outcome"), [(200, "answered"), (299, "answered"), (400, "unknown")])
def test_refusal_without_resource(status: int, outcome: str) -> None:
    """After a lost response, a code without a resource settles a write only under 2xx: a gateway may have sent it."""
    with Wire(LOST, refusal("INVALID_VALUE", status=status), access_token="fixed-token") as wire:
        assert failure_of(CALLS["PATCH"], wire.api).outcome == outcome


@pytest.mark.parametrize("name", CALLERS_KEY_SCRIPTS)
def test_callers_key_is_never_replaced(name: str) -> None:
    script = CALLERS_KEY_SCRIPTS[name]
    with Wire(*script.responses, access_token="fixed-token") as wire:

        def call(api: EntityConnectionsApi) -> Any:
            return api.post_entity_connections(request={"targetEntityId": "t"}, idempotency_key="order-4711")

        if script.failure is None:
            assert call(wire.api).success
        else:
            assert_failure(failure_of(call, wire.api), Expected(len(script.responses), *script.failure))
        assert [request.headers["idempotency-key"] for request in wire.requests] == ["order-4711"] * len(script.keys)


def test_callers_key_after_not_sent() -> None:
    """A request that was not sent is retried with the caller's key."""
    server = ScriptedServer(YES, listening=False)
    with server, ApiClient(Configuration(server.url), clock=FakeClock(on_sleep=server.open)) as client:
        EntityConnectionsApi(client).post_entity_connections(
            request={"targetEntityId": "t"}, idempotency_key="order-4711"
        )
        assert [request.headers["idempotency-key"] for request in server.requests] == ["order-4711"]


def test_key_header_is_callers_key() -> None:
    """An Idempotency-Key header counts as the caller's key."""
    with Wire(THROTTLED, YES) as wire:
        error = failure_of(
            lambda api: api.api_client.call_api("/v1/x", "POST", header_params={"idempotency-KEY": "mine"}), wire.api
        )
        assert isinstance(error, RateLimitError)
        assert [request.headers["idempotency-key"] for request in wire.requests] == ["mine"]


def test_each_call_has_own_key() -> None:
    with Wire() as wire:
        for _ in range(20):
            CALLS["POST"](wire.api)
            CALLS["PATCH"](wire.api)
        assert len({request.headers["idempotency-key"] for request in wire.requests}) == 40


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_no_key_on_other_methods(name: str) -> None:
    with Wire(LOCKED, YES) as wire:
        CALLS[name](wire.api)
        assert [request.headers.get("idempotency-key") for request in wire.requests] == [None, None]


def test_refused_then_not_sent() -> None:
    """A write that was refused, and whose retries were not sent, was not done."""

    def refuse_and_close(sock: Any, _: Any) -> None:
        server.refuse()
        sock.sendall(LOCKED.replace(b"Content-Type", b"Connection: close\r\nContent-Type"))

    with ScriptedServer(refuse_and_close) as server, ApiClient(Configuration(server.url), clock=FakeClock()) as client:
        error = failure_of(CALLS["PUT disconnect"], EntityConnectionsApi(client))
        assert len(server.requests) == 1
    assert [attempt.error for attempt in error.attempts] == [
        "ConflictError",
        "ApiConnectionError",
        "ApiConnectionError",
    ]
    assert error.outcome == "answered"


# -- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unauthorized", [UNAUTHORIZED, refusal(50000011), refusal(90000011, status=401)], ids=["401", "11", "both"]
)
@pytest.mark.parametrize("name", CALLS)
def test_refused_token_is_refreshed(name: str, unauthorized: bytes) -> None:
    fresh = respond_json({"access_token": "second-token", "expires_in": 3599})
    with Wire(TOKEN, unauthorized, fresh, YES, client_id="id", client_secret="secret") as wire:
        assert CALLS[name](wire.api) is not None
        sent = [(request.target.partition("?")[0], request.headers.get("authorization")) for request in wire.requests]
        assert sent[0] == sent[2] == ("/oauth/token", None)
        assert [authorization for _, authorization in sent[1::2]] == ["Bearer fetched-token", "Bearer second-token"]
        assert wire.clock.sleeps == []


@pytest.mark.parametrize("name", CALLS)
def test_second_refusal_is_raised(name: str) -> None:
    with Wire(TOKEN, UNAUTHORIZED, TOKEN, UNAUTHORIZED, client_id="id", client_secret="secret") as wire:
        assert_failure(failure_of(CALLS[name], wire.api), Expected(2, AuthenticationError, "answered"))
        assert len(wire.requests) == 4


def test_callable_is_called_per_attempt() -> None:
    tokens = iter(["one", "two", "three"])
    with Wire(UNAVAILABLE, UNAUTHORIZED, YES, access_token=lambda: next(tokens)) as wire:
        CALLS["PUT accept"](wire.api)
        assert [request.headers["authorization"] for request in wire.requests] == [
            "Bearer one",
            "Bearer two",
            "Bearer three",
        ]


@pytest.mark.parametrize(
    "settings",
    [
        {"access_token": "fixed-token"},
        {"api_key": {"apiAccessKeyId": "key-id", "apiSecretAccessKey": "key-secret"}},
        {},
    ],
    ids=["fixed token", "access keys", "none"],
)
def test_fixed_credentials_are_not_retried(settings: dict[str, Any]) -> None:
    with Wire(UNAUTHORIZED, **settings) as wire:
        assert_failure(failure_of(CALLS["GET"], wire.api), Expected(1, AuthenticationError, "answered"))
        assert len(wire.requests) == 1


@pytest.mark.parametrize("name", CALLS)
def test_call_without_token_is_not_sent(name: str) -> None:
    with Wire(respond(502), client_id="id", client_secret="secret") as wire:
        error = failure_of(CALLS[name], wire.api)
        assert_failure(error, Expected(3, ServerError, "not_sent"))
        assert {request.target for request in wire.requests} == {"/oauth/token"}


def test_doubt_survives_failed_refresh() -> None:
    """A POST in doubt stays in doubt if no new token can be fetched for its retry."""
    with Wire(TOKEN, LOST, UNAUTHORIZED, refusal(50000010, status=403), client_id="id", client_secret="secret") as wire:
        error = failure_of(CALLS["POST"], wire.api)
    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.__cause__, AuthenticationError)
    assert [attempt.status for attempt in error.attempts] == [None, 401, 403]


def test_token_request_is_retried() -> None:
    with Wire(LOST, SERVER_ERROR, TOKEN, YES, client_id="id", client_secret="secret") as wire:
        CALLS["PUT accept"](wire.api)
        assert [request.target for request in wire.requests[:3]] == ["/oauth/token"] * 3


# -- attempts ---------------------------------------------------------------------------------------------------------


def test_error_lists_attempts() -> None:
    with Wire(reset, respond(429, b"", {"Retry-After": "7"}), respond(502)) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        attempts = [(attempt.number, attempt.status, attempt.error, attempt.wait) for attempt in error.attempts]
        first, second = wire.clock.sleeps
        assert 7.0 <= second <= 10.5
        assert attempts == [
            (1, None, "ApiConnectionError", first),
            (2, 429, "RateLimitError", second),
            (3, 502, "ServerError", None),
        ]
        assert f"#1 ApiConnectionError after 0.0 s, waited {first:.1f} s; #2 RateLimitError 429" in str(error)


def test_elapsed_excludes_waits() -> None:
    def slow(sock: Any, _: Any) -> Any:
        wire.clock.advance(2.5)
        sock.sendall(respond(502))
        return True

    with Wire(slow) as wire:
        error = failure_of(CALLS["GET"], wire.api)
    assert [attempt.elapsed for attempt in error.attempts] == [pytest.approx(2.5)] * 3


def test_error_lists_token_attempts() -> None:
    """The error of a failed token request lists the attempts of that request."""
    with Wire(reset, respond(502), respond(503), client_id="id", client_secret="secret") as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
    assert [(attempt.number, attempt.status) for attempt in error.attempts] == [(1, None), (2, 502), (3, 503)]
    assert error.path == "/v1/entity-connections/8a80825555a3c7a10155b54a63821c0d/accept"
    assert "/oauth/token" in str(error.reason)


# -- the log ----------------------------------------------------------------------------------------------------------

LINE = re.compile(
    r"\[[0-9a-f]{10}\] (?P<method>[A-Z]+) (?P<template>/[a-z0-9/{}_-]+): (?P<status>\d{3}|no response) in \d+ ms, "
    r"request id (?P<request>[\w-]+), track id (?P<track>[\w-]+)"
)


def parsed_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """Return the fields of each log line about an attempt; fail if a line holds anything else."""
    attempts = [record for record in caplog.records if record.levelno == logging.DEBUG]
    matches = [(record, LINE.fullmatch(record.getMessage())) for record in attempts]
    assert all(record.name.startswith("zuora_client") for record, _ in matches)
    assert all(match for _, match in matches), [record.getMessage() for record in caplog.records]
    return [match.groupdict() for _, match in matches if match]


def test_log_line_per_attempt(caplog: pytest.LogCaptureFixture) -> None:
    """Each attempt is one log line, and the line holds only the fields of an allow-list."""
    ids = {
        "Zuora-Request-Id": "0a1b2c3d-0000-4000-8000-000000000000",
        "Zuora-Track-Id": "job-7",
        "Set-Cookie": "s3cret",
    }
    document = {"success": True, "id": "body-secret", "access_token": "tok-secret", "nextPage": "?page=secret"}
    secrets = ("id-secret", "key-secret", "query-secret", "cli-secret", "head-secret", "mine-secret")
    with (
        Wire(
            respond_json(document, 200, ids),
            reset,
            respond_json(document, 200, ids),
            client_id="id-secret",
            client_secret="cli-secret",
        ) as wire,
        caplog.at_level("DEBUG", "zuora_client"),
    ):
        wire.client.call_api(
            "/v1/things/{id}",
            "POST",
            {"id": "key-secret"},
            [("q", "query-secret")],
            {"X-Other": "head-secret", "Idempotency-Key": "mine-secret"},
            body={"a": "body-secret"},
            response_type="object",
        )
    logged = parsed_lines(caplog)
    received = {"request": ids["Zuora-Request-Id"], "track": "job-7"}
    assert logged == [
        {"method": "POST", "template": "/oauth/token", "status": "200", **received},
        {"method": "POST", "template": "/v1/things/{id}", "status": "no response", "request": "None", "track": "None"},
        {"method": "POST", "template": "/v1/things/{id}", "status": "200", **received},
    ]
    assert not [secret for secret in secrets if secret in caplog.text]


@pytest.mark.parametrize("name", CALLS)
def test_log_omits_reasons(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log line of a refusal has its ids and not its messages."""
    refused = respond_json(
        {"success": False, "reasons": [{"code": 50000030, "message": "Acme owes"}]}, 200, {"Zuora-Request-Id": "r-1"}
    )
    with Wire(refused, access_token="fixed-token") as wire, caplog.at_level("DEBUG", "zuora_client"):
        failure_of(CALLS[name], wire.api)
    (line,) = parsed_lines(caplog)
    assert (line["status"], line["request"]) == ("200", "r-1")
    assert "{" in line["template"] or line["template"] == "/v1/entity-connections"


def test_folded_header_stays_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A folded header cannot forge a log line."""
    folded = b"HTTP/1.1 404 No\r\nZuora-Request-Id: a\r\n GET /v1/x: 200 in 1 ms\r\nContent-Length: 0\r\n\r\n"
    with Wire(folded) as wire, caplog.at_level("DEBUG", "zuora_client"):
        failure_of(CALLS["GET"], wire.api)
    assert len(caplog.records) == 2
    assert not [record for record in caplog.records if {"\n", "\r"} & set(record.getMessage())]


def test_successful_read_logs_at_debug_only(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(YES) as wire, caplog.at_level("INFO"):
        CALLS["GET"](wire.api)
    assert caplog.records == []
