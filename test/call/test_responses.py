"""Is an answer a yes, and if not, in whose words: every shape of refusal, what headers say, and HTTP that is odd."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from support import ScriptedServer, answer, json_answer, reset
from support.calls import failure_of
from support.calls import refusal as refusal_of
from support.faulty import endless, then_close
from support.operations import CONNECTION_ID, OPERATIONS, TARGET_ID
from support.scripted import Behaviour
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer
from support.wire import Wire
from urllib3._collections import HTTPHeaderDict

from zuora_client import (
    ApiClient,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AuthenticationError,
    Configuration,
    ConflictError,
    EntityConnectionsApi,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    RequestRejectedError,
    ServerError,
)
from zuora_client._call.responses import error_from_response, is_success
from zuora_client.rest import RESTResponse


def refused(document: Any, status: int = 200, headers: dict[str, str] | None = None, *, keyed: bool = False) -> Any:
    body = json.dumps(document).encode()
    return error_from_response(
        RESTResponse(status, "Said", HTTPHeaderDict(headers or {}), body), document, has_idempotency_key=keyed
    )


def codes_and_words(error: ApiException) -> list[tuple[Any, str]]:
    return [(reason.code, reason.message) for reason in error.reasons]


# -- yes or no --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {"success": True},
        {"success": True, "reasons": []},
        {"success": True, "reasons": [{"code": 1}]},
        {"success": "true"},
        {"success": None},
        {"Success": True},
        {"reasons": []},
        {"reasons": None},
        {"message": "welcome"},
        {},
        [],
        None,
        "text",
        7,
    ],
)
def test_a_yes(document: Any) -> None:
    assert is_success(200, document)
    assert is_success(299, document)
    assert not is_success(300, document)
    assert not is_success(199, document)
    assert not is_success(404, document)


@pytest.mark.parametrize(
    "document",
    [
        {"success": False},
        {"success": "false"},
        {"success": "False"},
        {"success": 0},
        {"Success": False},
        {"Success": False, "Errors": []},
        {"success": None, "reasons": [{"code": 1}]},
        {"reasons": [{"code": 1}]},
        {"reasons": "words"},
        {"Errors": [{"Code": "X"}]},
        {"faultcode": "fns:X", "faultstring": "no"},
    ],
)
def test_a_no_under_200(document: Any) -> None:
    assert not is_success(200, document)


# -- every envelope ---------------------------------------------------------------------------------------------------

ENVELOPES: dict[str, tuple[Any, list[tuple[Any, str]]]] = {
    "one reason": ({"success": False, "reasons": [{"code": 53100320, "message": "no"}]}, [(53100320, "no")]),
    "digits": ({"reasons": [{"code": "53100320", "message": "no"}]}, [(53100320, "no")]),
    "two digits": ({"reasons": [{"code": 70, "message": "slow"}]}, [(70, "slow")]),
    "a word": ({"reasons": [{"code": "SystemError", "message": "no"}]}, [("SystemError", "no")]),
    "a float": ({"reasons": [{"code": 53100320.0, "message": "no"}]}, [(53100320, "no")]),
    "half a float": ({"reasons": [{"code": 1.5, "message": "no"}]}, [("1.5", "no")]),
    "very many digits": ({"reasons": [{"code": "9" * 5000, "message": "no"}]}, [("9" * 5000, "no")]),
    "digits of another script": ({"reasons": [{"code": "\u0663", "message": "no"}]}, [("\u0663", "no")]),
    "no code": ({"reasons": [{"message": "no"}]}, [(None, "no")]),
    "no message": ({"reasons": [{"code": 1}]}, [(1, "")]),
    "null": ({"reasons": [{"code": None, "message": None}]}, [(None, "")]),
    "a code that is none": ({"reasons": [{"code": {"a": 1}, "message": "no"}]}, [(None, "no")]),
    "a boolean for a code": ({"reasons": [{"code": True, "message": "no"}]}, [(None, "no")]),
    "a list for a message": ({"reasons": [{"code": 1, "message": ["a", "b"]}]}, [(1, "['a', 'b']")]),
    "text for a reason": ({"reasons": ["no", None, 7]}, [(None, "no"), (None, "7")]),
    "one reason without a list": ({"reasons": {"code": 1, "message": "no"}}, [(1, "no")]),
    "text for reasons": ({"reasons": "no"}, [(None, "no")]),
    "several": (
        {"success": False, "reasons": [{"code": 1, "message": "a"}, {"code": "2", "message": "b"}, {"code": "C"}]},
        [(1, "a"), (2, "b"), ("C", "")],
    ),
    "CRUD": ({"Success": False, "Errors": [{"Code": "MISSING", "Message": "no"}]}, [("MISSING", "no")]),
    "errors": ({"errors": [{"code": 1, "message": "no"}]}, [(1, "no")]),
    "message": ({"message": "Authentication error"}, [(None, "Authentication error")]),
    "message beside empty reasons": ({"success": False, "reasons": [], "message": "no"}, [(None, "no")]),
    "SOAP": ({"faultcode": "fns:INVALID_VALUE", "faultstring": "no"}, [("fns:INVALID_VALUE", "no")]),
    "OAuth": ({"code": 403, "message": "no"}, [(403, "no")]),
    "RFC 6749": ({"error": "invalid_client", "error_description": "no"}, [("invalid_client", "no")]),
    "RFC 6749 in short": ({"error": "invalid_client"}, [(None, "invalid_client")]),
    "Spring": (
        {"timestamp": 1, "status": 400, "error": "Bad Request", "message": "no", "path": "/x"},
        [("Bad Request", "no")],
    ),
    "nothing": ({"success": False}, []),
    "no object": (["no"], []),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_every_envelope(name: str) -> None:
    document, expected = ENVELOPES[name]
    error = refused(document, 400)
    assert codes_and_words(error) == expected
    assert all(message in str(error) for _, message in expected if len(message) < 500)


def test_the_reason_of_a_200_is_what_zuora_said() -> None:
    reasons = [{"code": 1, "message": "first"}, {"code": 2}, {"code": 3, "message": "second"}]
    assert refused({"success": False, "reasons": reasons}).reason == "first; second"
    assert refused({"success": False}).reason == "Zuora refused the call and gave no reason"
    assert refused({"success": False, "reasons": reasons}, 400).reason == "Said"


@pytest.mark.usefixtures("deep_stack")
def test_words_that_are_nested_too_deeply_are_no_end_of_the_world() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    document = {"success": False, "reasons": [{"code": 1, "message": deep}, deep]}
    error = error_from_response(RESTResponse(400, "Said", HTTPHeaderDict(), b""), document, has_idempotency_key=False)
    assert [reason.message for reason in error.reasons] == ["(nested too deeply to show)"] * 2


def test_ids_come_from_headers_and_envelope() -> None:
    headers = {"zuora-request-id": "of-header", "ZUORA-TRACK-ID": "track"}
    error = refused({"success": False, "processId": "P", "requestId": "of-body"}, headers=headers)
    assert (error.request_id, error.track_id, error.process_id) == ("of-header", "track", "P")
    error = refused({"success": False, "processId": 7, "requestId": "of-body"}, headers={"Zuora-Track-Id": ""})
    assert (error.request_id, error.track_id, error.process_id) == ("of-body", None, "7")
    error = refused({"Success": False, "ProcessId": "P", "RequestId": "of-crud"}, 400)
    assert (error.request_id, error.process_id) == ("of-crud", "P")
    error = refused({"success": False, "processId": True, "requestId": []})
    assert (error.request_id, error.process_id) == (None, None)


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (401, [53100010], AuthenticationError),
        (403, [53100020], PermissionDeniedError),
        (403, [90000011], AuthenticationError),
        (404, [90000011], AuthenticationError),
        (404, [], NotFoundError),
        (408, [], ApiTimeoutError),
        (409, [], ConflictError),
        (429, [53100010], RateLimitError),
        (400, [53100010], PermissionDeniedError),
        (400, [53100020, 53100040], NotFoundError),
        (400, [53100040, 53100010], NotFoundError),
        (200, [53500050, 50000070], ConflictError),
        (200, [50000070, 53500050], RateLimitError),
        (200, [53500050, 53500030], RequestRejectedError),
        (418, [], RequestRejectedError),
        (302, [53100010], InvalidResponseError),
        (500, [53100010], ServerError),
        (600, [], ServerError),
        (200, [], RequestRejectedError),
    ],
)
def test_the_status_decides_and_then_the_first_category_that_does(status: int, codes: Any, kind: Any) -> None:
    assert type(refused({"success": False, "reasons": [{"code": code} for code in codes]}, status)) is kind


@pytest.mark.parametrize("keyed", [True, False])
def test_422_is_about_the_key_only_when_there_is_one(keyed: bool) -> None:
    assert type(refused({}, 422, keyed=keyed)) is (ConflictError if keyed else RequestRejectedError)


def test_422_is_not_about_the_key_when_zuora_names_another_reason() -> None:
    assert type(refused({"success": False, "reasons": [{"code": 53100320}]}, 422, keyed=True)) is RequestRejectedError
    assert type(refused({"success": False, "reasons": [{"code": 53100010}]}, 422, keyed=True)) is PermissionDeniedError


def test_only_a_key_of_the_callers_can_have_been_used_by_the_caller() -> None:
    with Wire(answer(422)) as wire:
        request = {"targetEntityId": TARGET_ID}
        own = failure_of(lambda api: api.post_entity_connections(request=request, idempotency_key="mine"), wire.api)
        ours = failure_of(lambda api: api.post_entity_connections(request=request), wire.api)
    assert "This idempotency key belongs to another request" in own.advice
    assert "idempotency key" not in ours.advice


@pytest.mark.parametrize("code", [53100060, 53100061, 53100099])
def test_trouble_at_zuora_is_nothing_to_correct(code: int) -> None:
    advice = refused({"success": False, "reasons": [{"code": code}]}).advice
    assert "The trouble is at Zuora" in advice


# -- what headers say -------------------------------------------------------------------------------------------------

NOW = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT", "Date": NOW}, 120.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": NOW}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "\u0661"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 99 Foo 99999 99:99:99 GMT"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
        ({"RateLimit-Reset": "7"}, None),
    ],
)
def test_the_wait_that_zuora_asked_for(headers: dict[str, str], seconds: float | None) -> None:
    assert refused({}, 503, headers).retry_after == seconds


def test_a_reset_is_a_hint_only_where_a_limit_was_hit() -> None:
    headers = {"RateLimit-Reset": "7"}
    assert refused({}, 429, headers).retry_after == 7.0
    assert refused({}, 429, {**headers, "Retry-After": "3"}).retry_after == 3.0
    assert refused({"success": False, "reasons": [{"code": 53100070}]}, 200, headers).retry_after == 7.0
    assert refused({}, 400, headers).retry_after is None


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        ("2250000, 50000;w=60, 2250000;w=3600", {0: 2250000, 60: 50000, 3600: 2250000}),
        ("100", {0: 100}),
        ("100;w=60", {60: 100}),
        ("100 ; w=60 ,x, 5;q=1, -3, , 7;w=", {60: 100}),
        ("9" * 5000, None),
        ("", None),
        (None, None),
    ],
)
def test_limits_of_each_window(value: str | None, limits: Any) -> None:
    error = refused({}, 429, {} if value is None else {"RateLimit-Limit": value})
    assert (error.limit_type, error.limits, error.remaining) == ("rate", limits, None)


@pytest.mark.parametrize("reason", [{"code": 50000070}, {"code": 70, "message": "Concurrency limit reached"}])
def test_limits_of_concurrency(reason: Any) -> None:
    headers = {"RateLimit-Limit": "100", "Concurrency-Limit-Limit": "40", "Concurrency-Limit-Remaining": "junk"}
    error = refused({"reasons": [reason]}, 429, headers)
    assert (error.limit_type, error.limits, error.remaining) == ("concurrency", {0: 40}, None)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://user:secret@login.example.com:8443/path?token=abc", "to host 'login.example.com:8443'"),
        ("//cdn.example.com/x", "to host 'cdn.example.com'"),
        ("/v2/elsewhere?token=abc", "within the host"),
        (None, "within the host"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_a_redirect_names_the_host_and_nothing_else(status: int, location: str | None, words: str) -> None:
    error = refused({}, status, {} if location is None else {"Location": location})
    assert words in error.reason
    assert "abc" not in str(error)
    assert "secret" not in str(error)


# -- raise_on_failure -------------------------------------------------------------------------------------------------

YES_WITH_ID = json_answer({"success": True, "id": "1"})
NO = {"success": False, "processId": "P", "reasons": [{"code": 53100320, "message": "no"}]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_a_refusal_can_be_an_object_as_generated_and_keeps_its_reasons(operation: Any) -> None:
    with Wire(json_answer(NO), raise_on_failure=False) as wire:
        said = operation.call(wire.api)
        assert len(wire.requests) == 1
    assert type(said) is operation.answer
    assert said.success is False
    assert said.additional_properties == {"processId": "P", "reasons": NO["reasons"]}


def test_a_refusal_is_an_object_only_after_what_may_be_sent_again_was() -> None:
    with Wire(refusal_of(53500050), YES_WITH_ID, raise_on_failure=False) as wire:
        assert wire.api.put_entity_connections_accept(CONNECTION_ID).success is True
        assert len(wire.requests) == 2


def test_a_refused_token_is_dropped_also_when_the_refusal_is_to_be_an_object() -> None:
    stranger = refusal_of(90000011)
    with TokenServer(refusal=stranger) as server:
        server.refused = {"Bearer token-1"}
        settings = Configuration(server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, raise_on_failure=False)
        with ApiClient(settings) as client:
            assert EntityConnectionsApi(client).put_entity_connections_accept(CONNECTION_ID).success is True
        assert server.used == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("code", [50000070, 50000010, 90000011])
def test_an_object_does_not_hide_that_an_earlier_attempt_may_have_been_done(code: int) -> None:
    with Wire(reset, refusal_of(code), raise_on_failure=False) as wire:
        request = {"targetEntityId": TARGET_ID}
        error = failure_of(lambda api: api.post_entity_connections(request=request), wire.api)
    assert (type(error), error.outcome) == (OutcomeUnknownError, "unknown")


def test_an_object_is_fine_when_the_refusal_settles_an_earlier_attempt() -> None:
    with Wire(reset, refusal_of(50000030), raise_on_failure=False) as wire:
        assert wire.api.post_entity_connections(request={"targetEntityId": TARGET_ID}).success is False


@pytest.mark.parametrize(
    "envelope",
    [
        {"Success": False, "Errors": [{"Code": "X", "Message": "no"}]},
        {"reasons": [{"code": 70, "message": "no"}]},
        {"success": None, "Success": False},
        {"errors": [{"code": "X", "message": "not allowed"}]},
        {"faultcode": "fns:X", "faultstring": "no"},
        {"faultstring": "expired"},
        {"code": 50000040, "message": "not found"},
    ],
)
def test_every_envelope_that_says_no_under_200_is_a_no(envelope: Any) -> None:
    with Wire(json_answer(envelope)) as wire:
        error = failure_of(lambda api: api.put_entity_connections_deny(CONNECTION_ID), wire.api)
    assert not isinstance(error, InvalidResponseError)
    with Wire(json_answer(envelope), raise_on_failure=False) as wire:
        assert wire.api.put_entity_connections_deny(CONNECTION_ID).success is False


@pytest.mark.parametrize(
    "envelope",
    [
        {"error": "invalid_token", "error_description": "expired"},
        {"timestamp": 1, "status": 500, "error": "Internal Server Error", "path": "/"},
    ],
)
def test_an_error_of_somebody_else_under_200_is_no_answer_of_zuoras(envelope: Any) -> None:
    for settings in ({}, {"raise_on_failure": False}):
        with Wire(json_answer(envelope), **settings) as wire:
            error = failure_of(lambda api: api.put_entity_connections_disconnect(CONNECTION_ID), wire.api)
            assert (type(error), type(error.__cause__)) == (OutcomeUnknownError, InvalidResponseError)
            read = failure_of(lambda api: api.get_entity_connections(), wire.api)
            assert isinstance(read, InvalidResponseError)


@pytest.mark.parametrize(
    "document", [{"message": "welcome"}, {"errors": []}, {"code": 7, "message": "x"}, {"error": ""}]
)
def test_what_only_looks_like_an_envelope_is_a_yes(document: Any) -> None:
    assert is_success(200, document)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_a_status_outside_2xx_raises_all_the_same(operation: Any) -> None:
    with Wire(json_answer(NO, 400), raise_on_failure=False) as wire:
        error = failure_of(operation.call, wire.api)
    assert (type(error), codes_and_words(error)) == (RequestRejectedError, [(53100320, "no")])


def test_a_page_that_says_no_does_not_look_like_the_end_of_the_list() -> None:
    with Wire(json_answer(NO), raise_on_failure=False) as wire:
        error = failure_of(lambda api: list(api.iter_entity_connections()), wire.api)
    assert (type(error), codes_and_words(error)) == (RequestRejectedError, [(53100320, "no")])


# -- HTTP that is odd -------------------------------------------------------------------------------------------------

YES = b'{"success": true, "id": "1"}'
LENGTH = len(YES)


def raw(head: str, body: bytes = YES) -> Behaviour:
    """An answer with exactly this head, after which the connection ends."""
    return then_close(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)


def zipped(body: bytes, coding: str = "gzip") -> Behaviour:
    return answer(200, body, {"Content-Encoding": coding})


READABLE: dict[str, Behaviour] = {
    "no reason phrase": raw(f"HTTP/1.1 200\nContent-Length: {LENGTH}"),
    "a reason in Latin-1": raw(f"HTTP/1.1 200 \xe4\xff\nContent-Length: {LENGTH}"),
    "HTTP/1.0": raw("HTTP/1.0 200 OK"),
    "until the end": raw("HTTP/1.1 200 OK"),
    "a length that is no number": raw("HTTP/1.1 200 OK\nContent-Length: seven"),
    "a negative length": raw("HTTP/1.1 200 OK\nContent-Length: -1"),
    "the same length twice": raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}\nContent-Length: {LENGTH}"),
    "chunks": raw(
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"%x;ext=1\r\n%s\r\n0\r\nTrailer: 1\r\n\r\n" % (LENGTH, YES)
    ),
    "other final-looking answers first": raw(
        f"HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Processing\n\nHTTP/1.1 103 Early Hints\nLink: x\n\n"
        f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}"
    ),
    "many interim answers": raw("HTTP/1.1 100 Continue\n\n" * 500 + f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}"),
    "a line that is no header": raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}\nno header at all"),
    "headers in Latin-1": raw(f"HTTP/1.1 200 OK\nX-\xe4: \xff\x00\nContent-Length: {LENGTH}"),
    "an unknown charset": answer(200, YES, {"Content-Type": "application/json; charset=klingon"}),
    "a wrong charset": answer(200, YES, {"Content-Type": "application/json; charset=utf-16"}),
    "another media type": answer(200, YES, {"Content-Type": "text/html"}),
    "no media type": answer(200, YES),
    "gzip": zipped(gzip.compress(YES)),
    "GZip in capitals": zipped(gzip.compress(YES), "GZIP"),
    "x-gzip": zipped(gzip.compress(YES), "x-gzip"),
    "gzip in two members": zipped(gzip.compress(YES[:9]) + gzip.compress(YES[9:])),
    "gzip with an empty member": zipped(gzip.compress(YES) + gzip.compress(b"")),
    "identity": zipped(YES, "identity"),
    "no coding": zipped(YES, ""),
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
@pytest.mark.parametrize("name", READABLE)
def test_odd_http_that_can_be_read(name: str, operation: Any) -> None:
    with Wire(READABLE[name]) as wire:
        assert operation.call(wire.api).success is True


class Lie:
    """An answer that cannot be read, the class of that, and the status if one came."""

    def __init__(self, sent: Behaviour, kind: type[ApiException], status: int | None = 200) -> None:
        self.sent = sent
        self.kind = kind
        self.status = status


LIES = {
    "a length that is too long": Lie(raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH + 1}"), ApiConnectionError),
    "a length that is too short": Lie(raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH - 1}"), InvalidResponseError),
    "two lengths": Lie(raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}\nContent-Length: 3"), ApiConnectionError, None),
    "a length above the limit": Lie(raw("HTTP/1.1 200 OK\nContent-Length: 99999999999"), InvalidResponseError),
    "half a chunk": Lie(raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"ff\r\n" + YES), ApiConnectionError),
    "a chunk without a length": Lie(raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"zz\r\n"), ApiConnectionError),
    "nothing": Lie(raw("", b""), ApiConnectionError, None),
    "not HTTP": Lie(raw("220 ESMTP ready", b""), ApiConnectionError, None),
    "another protocol": Lie(raw("HTTP/2 200 OK"), ApiConnectionError, None),
    "a status of two digits": Lie(raw("HTTP/1.1 99 Low"), ApiConnectionError, None),
    "a status of four digits": Lie(raw("HTTP/1.1 2000 High"), ApiConnectionError, None),
    "a status in words": Lie(raw("HTTP/1.1 OK OK"), ApiConnectionError, None),
    "an endless status line": Lie(raw("HTTP/1.1 200 " + "x" * 70_000), ApiConnectionError, None),
    "an endless header": Lie(raw("HTTP/1.1 200 OK\nX: " + "x" * 70_000), ApiConnectionError, None),
    "too many headers": Lie(raw("HTTP/1.1 200 OK" + "\nX: x" * 200), ApiConnectionError, None),
    "a switch of protocols": Lie(raw("HTTP/1.1 101 Switching\nUpgrade: h2c"), ApiConnectionError, None),
    "no gzip": Lie(zipped(YES), InvalidResponseError),
    "half a gzip": Lie(zipped(gzip.compress(YES)[:-9]), InvalidResponseError),
    "a gzip with a wrong sum": Lie(zipped(gzip.compress(YES)[:-8] + bytes(8)), InvalidResponseError),
    "a gzip with more behind it": Lie(zipped(gzip.compress(YES) + b"more"), InvalidResponseError),
    "deflate": Lie(zipped(YES, "deflate"), InvalidResponseError),
    "brotli": Lie(zipped(YES, "br"), InvalidResponseError),
    "gzip twice": Lie(zipped(gzip.compress(gzip.compress(YES)), "gzip, gzip"), InvalidResponseError),
    "a bomb": Lie(zipped(gzip.compress(bytes(2_000_000))), InvalidResponseError),
    "a redirect": Lie(answer(302, YES, {"Location": "https://login.example.com/"}), InvalidResponseError, 302),
    "not modified": Lie(answer(304), InvalidResponseError, 304),
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
@pytest.mark.parametrize("name", LIES)
def test_odd_http_that_cannot_be_read_is_one_typed_error(name: str, operation: Any) -> None:
    lie = LIES[name]
    with Wire(lie.sent, max_response_bytes=1_000_000) as wire:
        error = failure_of(operation.call, wire.api)
    assert (error.status, error.method, error.path) == (lie.status, operation.method, operation.path)
    if operation.method == "GET":
        assert type(error) is lie.kind
    else:
        assert (type(error), error.outcome) == (OutcomeUnknownError, "unknown")
        assert type(error.__cause__) is lie.kind
        assert error.__cause__.status == lie.status


@pytest.mark.parametrize("lie", ["a length that is too short", "a gzip with more behind it", "a redirect"])
def test_a_lie_does_not_become_the_answer_to_the_next_call(lie: str) -> None:
    with Wire(LIES[lie].sent, json_answer({"success": True, "id": "2"})) as wire:
        failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
        assert wire.api.post_entity_connections(request={"targetEntityId": TARGET_ID}).id == "2"


def test_interim_answers_without_end_meet_the_deadline() -> None:
    flood = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    with ScriptedServer(flood) as server, ApiClient(Configuration(server.url)) as client:
        error = failure_of(lambda api: api.get_entity_connections(_request_timeout=0.3), EntityConnectionsApi(client))
    assert type(error) is ApiTimeoutError


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_an_empty_answer_is_a_yes_to_a_write_and_no_list(operation: Any, status: int) -> None:
    headers = {} if status == 200 else {"Content-Length": "0"}
    with Wire(answer(status, b"", headers)) as wire:
        if operation.method == "GET":
            error = failure_of(operation.call, wire.api)
            assert (type(error), error.status) == (InvalidResponseError, status)
        else:
            assert operation.call(wire.api) == operation.answer()


def test_ids_of_an_answer_that_cannot_be_read_are_kept() -> None:
    ids = {"Zuora-Request-Id": "R", "Zuora-Track-Id": "T"}
    for sent in (answer(200, b"no", ids), answer(200, b"no", {**ids, "Content-Encoding": "br"})):
        with Wire(sent) as wire:
            error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
        for known in (error, error.__cause__):
            assert isinstance(known, ApiException)
            assert (known.request_id, known.track_id) == ("R", "T")


def test_the_track_id_that_was_sent_is_told_when_no_answer_came() -> None:
    def call(api: Any) -> Any:
        return api.put_entity_connections_accept(CONNECTION_ID, zuora_track_id="mine")

    with Wire(then_close(b"")) as wire:
        assert failure_of(call, wire.api).track_id == "mine"
    with Wire(max_attempts=1) as wire:
        wire.server.__exit__()
        # Nobody at Zuora has seen it.
        assert failure_of(call, wire.api).track_id is None
        wire.server.__enter__()


def test_an_empty_answer_in_chunks_is_whole_and_a_yes_to_a_write() -> None:
    empty = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with Wire(empty) as wire:
        assert wire.api.put_entity_connections_accept(CONNECTION_ID).success is None


def test_an_answer_to_head_has_no_body_and_needs_none() -> None:
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n") as wire:
        data, status, headers = wire.client.call_api("/v1/any", "HEAD", response_type="object")
    assert (data, status, headers["content-length"]) == (None, 200, "7")


REFUSED = b'{"success": false, "reasons": [{"code": 53500030, "message": "no"}]}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("cut", [b"0", b"000", b"000000", b"0000004", b"0;ab", b"00000044\r", b""])
def test_a_size_of_a_chunk_that_is_cut_off_is_no_end_and_no_yes(cut: bytes) -> None:
    whole = b"%08x\r\n%s\r\n0\r\n\r\n" % (len(REFUSED), REFUSED)
    with Wire(CHUNKED + whole) as wire:
        assert failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api).outcome == "answered"
    with Wire(then_close(CHUNKED + cut)) as wire:
        assert failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api).outcome == "unknown"


@pytest.mark.parametrize("size", [b"-1", b"+2", b"0x2", b"1_0", b" ", b"zz", b"f" * 17])
def test_a_chunk_has_a_size_in_hexadecimal_digits_and_nothing_else(size: bytes) -> None:
    """-1 would be "read everything", past every limit."""
    with Wire(CHUNKED + size + b"\r\n" + b" " * 300_000, max_response_bytes=1000) as wire:
        error = failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api)
    assert (error.outcome, type(error.__cause__)) == ("unknown", ApiConnectionError)


@pytest.mark.parametrize("size", [b"2", b"0002", b"2;name=value", b"2 ", b"A;x"])
def test_a_size_may_have_zeros_spaces_and_extensions(size: bytes) -> None:
    data = b"{}" if b"2" in size else b'{"a": "b"}'
    with Wire(CHUNKED + size + b"\r\n" + data + b"\r\n0\r\n\r\n") as wire:
        assert wire.api.put_entity_connections_accept("1").success is None


@pytest.mark.parametrize(
    "body",
    [b"x" * 5_000_000, b"\xff" * 5_000_000, b'{"a": "' + b"x" * 5_000_000],
    ids=["not JSON", "not UTF-8", "JSON that ends early"],
)
@pytest.mark.parametrize("missing", [0, 1])
def test_an_error_does_not_hold_a_large_answer_whole(body: bytes, missing: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + missing)
    with Wire(then_close(head + body), access_token="a-secret-token") as wire:
        error: BaseException | None = failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api)
    while error is not None:
        assert len(repr(error.args)) + len(repr(vars(error))) < 200_000
        error = error.__cause__ or error.__context__
