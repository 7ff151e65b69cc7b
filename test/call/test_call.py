"""One call over all its attempts: under which key, with which token, what is known in the end, and what is told."""

from __future__ import annotations

import logging
import re
from typing import Any, NamedTuple

import pytest
from support import FakeClock, answer, json_answer, reset
from support.calls import CALLS, READS, WRITES, Said, check, failure_of, refusal
from support.late import LateServer, OpeningClock
from support.scripted import Behaviour
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

TOKEN = json_answer({"access_token": "fetched-token", "expires_in": 3599, "token_type": "bearer"})

# -- the outcome belongs to the call --------------------------------------------------------------------------------

LOST, LOCKED, TWIN, SLOW = reset, refusal(53500050), refusal(50000050, status=409), answer(429)
LATER, GATEWAY, FAILED = answer(503, b"", {"Retry-After": "1"}), answer(502), answer(500)
NO, FAULT, STRANGER = refusal(50000030), refusal(50000061), answer(401)


class Script(NamedTuple):
    """Answers in turn; the keys as letters, a new letter for a new key; and the end."""

    answers: tuple[Behaviour, ...]
    keys: str
    end: tuple[type[ApiException], str] | None = None


COURSES = {
    "lost, ok": Script((LOST, YES), "AA"),
    "lost, lost, ok": Script((LOST, LOST, YES), "AAA"),
    "502, ok": Script((GATEWAY, YES), "AA"),
    "503, ok": Script((answer(503), YES), "AA"),
    "408, ok": Script((answer(408), YES), "AA"),
    "lost, a gateway's JSON 404": Script(
        (LOST, json_answer({"message": "no Route matched"}, 404)), "AA", (NotFoundError, "unknown")
    ),
    "lost, no bearer token": Script(
        (LOST, json_answer({"message": "No bearer token"}, 400)), "AA", (RequestRejectedError, "unknown")
    ),
    "lost, wrong entity": Script((LOST, refusal(90000020, status=400)), "AA", (RequestRejectedError, "unknown")),
    "lost, a 400 in Zuora's words": Script(
        (LOST, refusal(53100320, status=400)), "AA", (RequestRejectedError, "answered")
    ),
    "409 with another reason": Script((refusal(53500030, status=409),), "A", (ConflictError, "answered")),
    "lost, 409 with any reason": Script((LOST, refusal(53500030, status=409), YES), "AAA"),
    "409, ok": Script((TWIN, YES), "AA"),
    "429, ok": Script((SLOW, YES), "AB"),
    "503 with a hint, ok": Script((LATER, YES), "AB"),
    "lock, ok": Script((LOCKED, YES), "AB"),
    "lock, lock, ok": Script((LOCKED, LOCKED, YES), "ABC"),
    "lock, lost, ok": Script((LOCKED, LOST, YES), "ABB"),
    "429, lost, ok": Script((SLOW, LOST, YES), "ABB"),
    "lost, 429, ok": Script((LOST, SLOW, YES), "AAA"),
    "lost, 503 with a hint, ok": Script((LOST, LATER, YES), "AAA"),
    "lost, lock, ok": Script((LOST, LOCKED, YES), "AAA"),
    "409, lock, ok": Script((TWIN, LOCKED, YES), "AAA"),
    "409, 429, ok": Script((TWIN, SLOW, YES), "AAA"),
    "lost, refused": Script((LOST, NO), "AA", (RequestRejectedError, "answered")),
    "lost, not found": Script((LOST, refusal(50000040, status=404)), "AA", (NotFoundError, "answered")),
    "lost, a page of a gateway": Script((LOST, answer(404)), "AA", (NotFoundError, "unknown")),
    "lost, no permission": Script((LOST, refusal(50000010)), "AA", (PermissionDeniedError, "unknown")),
    "409, refused": Script((TWIN, NO), "AA", (RequestRejectedError, "answered")),
    "lost, 401": Script((LOST, STRANGER), "AA", (AuthenticationError, "unknown")),
    "lost, 500": Script((LOST, FAILED), "AA", (ServerError, "unknown")),
    "lost, trouble": Script((LOST, FAULT), "AA", (RequestRejectedError, "unknown")),
    "lost, 429, 429": Script((LOST, SLOW, SLOW), "AAA", (RateLimitError, "unknown")),
    "lost, 503 with a hint, 429": Script((LOST, LATER, SLOW), "AAA", (RateLimitError, "unknown")),
    "lost, lock, lock": Script((LOST, LOCKED, LOCKED), "AAA", (ConflictError, "answered")),
    "lost, lock, 429": Script((LOST, LOCKED, SLOW), "AAA", (RateLimitError, "answered")),
    "lock, lost, lost": Script((LOCKED, LOST, LOST), "ABB", (ApiConnectionError, "unknown")),
    "lock, lock, 502": Script((LOCKED, LOCKED, GATEWAY), "ABC", (ServerError, "unknown")),
    "409, 409, 409": Script((TWIN, TWIN, TWIN), "AAA", (ConflictError, "unknown")),
    "429, 429, 429": Script((SLOW, SLOW, SLOW), "ABC", (RateLimitError, "answered")),
    "429, refused": Script((SLOW, NO), "AB", (RequestRejectedError, "answered")),
    "429, unreadable": Script((SLOW, json_answer(3)), "AB", (InvalidResponseError, "unknown")),
}


def letters(keys: list[str | None]) -> str:
    known: list[str | None] = []
    for key in keys:
        if key not in known:
            known.append(key)
    return "".join("ABC"[known.index(key)] for key in keys)


@pytest.mark.parametrize("name", COURSES)
def test_key_and_outcome_of_a_post(name: str) -> None:
    course = COURSES[name]
    with Wire(*course.answers, access_token="fixed-token") as wire:
        if course.end is None:
            assert CALLS["POST"](wire.api).success
        else:
            error = failure_of(CALLS["POST"], wire.api)
            check(error, Said(len(course.answers), *course.end))
        keys = [request.headers.get("idempotency-key") for request in wire.requests]
        assert letters(keys) == course.keys
        assert all(len(key or "") == 32 for key in keys)


OWN = {
    "lost, ok": Script((LOST, YES), "AA"),
    "409, 502, ok": Script((TWIN, GATEWAY, YES), "AAA"),
    "lost, 429, ok": Script((LOST, SLOW, YES), "AAA"),
    "429": Script((SLOW,), "A", (RateLimitError, "answered")),
    "503 with a hint": Script((LATER,), "A", (ServerError, "answered")),
    "lock": Script((LOCKED,), "A", (ConflictError, "answered")),
    "lost, lock, lock": Script((LOST, LOCKED, LOCKED), "AAA", (ConflictError, "answered")),
    "409, 409, 409": Script((TWIN, TWIN, TWIN), "AAA", (ConflictError, "unknown")),
}


@pytest.mark.parametrize("name", OWN)
def test_the_callers_key_is_never_replaced(name: str) -> None:
    course = OWN[name]
    with Wire(*course.answers, access_token="fixed-token") as wire:

        def call(api: EntityConnectionsApi) -> Any:
            return api.post_entity_connections(request={"targetEntityId": "t"}, idempotency_key="order-4711")

        if course.end is None:
            assert call(wire.api).success
        else:
            check(failure_of(call, wire.api), Said(len(course.answers), *course.end))
        assert [request.headers["idempotency-key"] for request in wire.requests] == ["order-4711"] * len(course.keys)


def test_the_callers_key_is_sent_again_when_the_request_never_left() -> None:
    with LateServer(YES) as server, ApiClient(Configuration(server.url), clock=OpeningClock(server)) as client:
        EntityConnectionsApi(client).post_entity_connections(
            request={"targetEntityId": "t"}, idempotency_key="order-4711"
        )
        assert [request.headers["idempotency-key"] for request in server.requests] == ["order-4711"]


def test_a_key_among_the_headers_is_the_callers_too() -> None:
    with Wire(SLOW, YES) as wire:
        error = failure_of(
            lambda api: api.api_client.call_api("/v1/x", "POST", header_params={"idempotency-KEY": "mine"}), wire.api
        )
        assert isinstance(error, RateLimitError)
        assert [request.headers["idempotency-key"] for request in wire.requests] == ["mine"]


def test_every_call_has_a_key_of_its_own() -> None:
    with Wire() as wire:
        for _ in range(20):
            CALLS["POST"](wire.api)
            CALLS["PATCH"](wire.api)
        assert len({request.headers["idempotency-key"] for request in wire.requests}) == 40


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_no_other_call_carries_a_key(name: str) -> None:
    with Wire(LOCKED, YES) as wire:
        CALLS[name](wire.api)
        assert [request.headers.get("idempotency-key") for request in wire.requests] == [None, None]


def test_a_write_refused_once_and_then_never_reached_was_not_done() -> None:
    def refuse_and_go(sock: Any, _: Any) -> None:
        server.refuse()
        sock.sendall(LOCKED.replace(b"Content-Type", b"Connection: close\r\nContent-Type"))

    with LateServer(refuse_and_go) as server, ApiClient(Configuration(server.url), clock=FakeClock()) as client:
        server.open()
        error = failure_of(CALLS["PUT disconnect"], EntityConnectionsApi(client))
        assert len(server.requests) == 1
    assert [attempt.error for attempt in error.attempts] == [
        "ConflictError",
        "ApiConnectionError",
        "ApiConnectionError",
    ]
    assert error.outcome == "answered"


# -- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("no", [STRANGER, refusal(50000011), refusal(90000011, status=401)], ids=["401", "11", "both"])
@pytest.mark.parametrize("name", CALLS)
def test_a_refused_token_is_dropped_and_the_call_sent_once_more(name: str, no: bytes) -> None:
    fresh = json_answer({"access_token": "second-token", "expires_in": 3599})
    with Wire(TOKEN, no, fresh, YES, client_id="id", client_secret="secret") as wire:
        assert CALLS[name](wire.api) is not None
        sent = [(request.target.partition("?")[0], request.headers.get("authorization")) for request in wire.requests]
        assert sent[0] == sent[2] == ("/oauth/token", None)
        assert [authorization for _, authorization in sent[1::2]] == ["Bearer fetched-token", "Bearer second-token"]
        assert wire.clock.sleeps == []


@pytest.mark.parametrize("name", CALLS)
def test_a_second_refusal_is_final(name: str) -> None:
    with Wire(TOKEN, STRANGER, TOKEN, STRANGER, client_id="id", client_secret="secret") as wire:
        check(failure_of(CALLS[name], wire.api), Said(2, AuthenticationError, "answered"))
        assert len(wire.requests) == 4


def test_a_callable_is_asked_for_every_attempt() -> None:
    tokens = iter(["one", "two", "three"])
    with Wire(LATER, STRANGER, YES, access_token=lambda: next(tokens)) as wire:
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
    ids=["fixed token", "access keys", "nothing"],
)
def test_what_cannot_be_renewed_gets_no_second_try(settings: dict[str, Any]) -> None:
    with Wire(STRANGER, **settings) as wire:
        check(failure_of(CALLS["GET"], wire.api), Said(1, AuthenticationError, "answered"))
        assert len(wire.requests) == 1


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_got_no_token_was_not_sent(name: str) -> None:
    with Wire(answer(502), client_id="id", client_secret="secret") as wire:
        error = failure_of(CALLS[name], wire.api)
        check(error, Said(3, ServerError, "not_sent"))
        assert {request.target for request in wire.requests} == {"/oauth/token"}


def test_a_post_in_doubt_stays_in_doubt_when_no_new_token_can_be_had() -> None:
    with Wire(TOKEN, LOST, STRANGER, refusal(50000010, status=403), client_id="id", client_secret="secret") as wire:
        error = failure_of(CALLS["POST"], wire.api)
    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.__cause__, AuthenticationError)
    assert [attempt.status for attempt in error.attempts] == [None, 401, 403]


def test_the_token_endpoint_is_asked_as_often_as_a_read() -> None:
    with Wire(LOST, FAILED, TOKEN, YES, client_id="id", client_secret="secret") as wire:
        CALLS["PUT accept"](wire.api)
        assert [request.target for request in wire.requests[:3]] == ["/oauth/token"] * 3


# -- attempts -------------------------------------------------------------------------------------------------------


def test_every_attempt_is_on_the_error() -> None:
    with Wire(reset, answer(429, b"", {"Retry-After": "7"}), answer(502)) as wire:
        error = failure_of(CALLS["GET"], wire.api)
        told = [(attempt.number, attempt.status, attempt.error, attempt.wait) for attempt in error.attempts]
        first = wire.clock.sleeps[0]
        assert told == [
            (1, None, "ApiConnectionError", first),
            (2, 429, "RateLimitError", 7.0),
            (3, 502, "ServerError", None),
        ]
        assert f"#1 ApiConnectionError after 0.0 s, waited {first:.1f} s; #2 RateLimitError 429" in str(error)


def test_elapsed_is_the_time_of_the_attempt_without_the_wait() -> None:
    def slow(sock: Any, _: Any) -> bool:
        wire.clock.advance(2.5)
        sock.sendall(answer(502))
        return True

    with Wire(slow) as wire:
        error = failure_of(CALLS["GET"], wire.api)
    assert [attempt.elapsed for attempt in error.attempts] == [pytest.approx(2.5)] * 3


def test_a_token_that_cannot_be_had_tells_the_attempts_of_the_fetch() -> None:
    with Wire(reset, answer(502), answer(503), client_id="id", client_secret="secret") as wire:
        error = failure_of(CALLS["PUT accept"], wire.api)
    assert [(attempt.number, attempt.status) for attempt in error.attempts] == [(1, None), (2, 502), (3, 503)]
    assert error.path == "/v1/entity-connections/8a80825555a3c7a10155b54a63821c0d/accept"
    assert "/oauth/token" in str(error.reason)


# -- the log --------------------------------------------------------------------------------------------------------

LINE = re.compile(
    r"(?P<method>[A-Z]+) (?P<template>/[a-z0-9/{}_-]+): (?P<status>\d{3}|no response) in \d+ ms, "
    r"request id (?P<request>[\w-]+), track id (?P<track>[\w-]+)"
)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """Each line of the log, which holds nothing but what the pattern names."""
    found = [(record, LINE.fullmatch(record.getMessage())) for record in caplog.records]
    assert all(record.name.startswith("zuora_client") and record.levelno == logging.DEBUG for record, _ in found)
    assert all(match for _, match in found), [record.getMessage() for record in caplog.records]
    return [match.groupdict() for _, match in found if match]


def test_each_attempt_is_one_line_of_an_allow_list(caplog: pytest.LogCaptureFixture) -> None:
    ids = {
        "Zuora-Request-Id": "0a1b2c3d-0000-4000-8000-000000000000",
        "Zuora-Track-Id": "job-7",
        "Set-Cookie": "s3cret",
    }
    said = {"success": True, "id": "body-secret", "access_token": "tok-secret", "nextPage": "?page=secret"}
    secrets = ("id-secret", "key-secret", "query-secret", "cli-secret", "head-secret", "mine-secret")
    with (
        Wire(
            json_answer(said, 200, ids),
            reset,
            json_answer(said, 200, ids),
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
    told = lines(caplog)
    known = {"request": ids["Zuora-Request-Id"], "track": "job-7"}
    assert told == [
        {"method": "POST", "template": "/oauth/token", "status": "200", **known},
        {"method": "POST", "template": "/v1/things/{id}", "status": "no response", "request": "None", "track": "None"},
        {"method": "POST", "template": "/v1/things/{id}", "status": "200", **known},
    ]
    assert not [secret for secret in secrets if secret in caplog.text]


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_is_logged_with_its_ids_and_without_its_words(name: str, caplog: pytest.LogCaptureFixture) -> None:
    no = json_answer(
        {"success": False, "reasons": [{"code": 50000030, "message": "Acme owes"}]}, 200, {"Zuora-Request-Id": "r-1"}
    )
    with Wire(no, access_token="fixed-token") as wire, caplog.at_level("DEBUG", "zuora_client"):
        failure_of(CALLS[name], wire.api)
    (line,) = lines(caplog)
    assert (line["status"], line["request"]) == ("200", "r-1")
    assert "{" in line["template"] or line["template"] == "/v1/entity-connections"


def test_a_folded_id_forges_no_line(caplog: pytest.LogCaptureFixture) -> None:
    folded = b"HTTP/1.1 404 No\r\nZuora-Request-Id: a\r\n GET /v1/x: 200 in 1 ms\r\nContent-Length: 0\r\n\r\n"
    with Wire(folded) as wire, caplog.at_level("DEBUG", "zuora_client"):
        failure_of(CALLS["GET"], wire.api)
    assert "\n" not in caplog.records[0].getMessage()
    assert "\r" not in caplog.records[0].getMessage()


def test_nothing_is_logged_above_debug_about_a_call_that_works(caplog: pytest.LogCaptureFixture) -> None:
    with Wire(reset, YES) as wire, caplog.at_level("INFO"):
        CALLS["GET"](wire.api)
    assert caplog.records == []
