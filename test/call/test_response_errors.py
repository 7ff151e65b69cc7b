"""Success or failure of a response, error envelopes, headers, `raise_on_failure`, and unusual or invalid HTTP."""

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

import pytest
from support import ScriptedServer, reset, respond, respond_json
from support.calls import CALLS, failure_of, refusal
from support.faulty import endless, then_close
from support.operations import CONNECTION_ID, OPERATIONS, TARGET_ID
from support.scripted import Behaviour
from support.socketless import Socketless
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
from zuora_client._call.response_errors import error_from_response
from zuora_client._call.success import is_success
from zuora_client.rest import RESTResponse


def error_of(document: Any, status: int = 200, headers: dict[str, str] | None = None, *, keyed: bool = False) -> Any:
    body = json.dumps(document).encode()
    response = RESTResponse(status, "Test", HTTPHeaderDict(headers or {}), body)
    return error_from_response(None, response, document, has_idempotency_key=keyed)


def codes_and_messages(error: ApiException) -> list[tuple[Any, str]]:
    return [(reason.code, reason.message) for reason in error.reasons]


# -- success or failure -----------------------------------------------------------------------------------------------


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
        # Data with fields like those of an error.
        [{"code": 50000040, "message": "x"}, {"id": "1"}],
        [{"code": 50000040, "message": "x"}, 7],
        None,
        "text",
        7,
    ],
)
def test_success_on_other_paths(document: Any) -> None:
    assert is_success(None, 200, document)
    assert is_success(None, 299, document)
    assert not is_success(None, 300, document)
    assert not is_success(None, 199, document)
    assert not is_success(None, 404, document)


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
        {"code": 50000040, "message": "no"},
        [{"code": 50000040, "message": "no"}],
        [{"id": "1"}, {"success": False}],
    ],
)
def test_failure_on_other_paths(document: Any) -> None:
    assert not is_success(None, 200, document)


# -- envelopes --------------------------------------------------------------------------------------------------------

ENVELOPES: dict[str, tuple[Any, list[tuple[Any, str]]]] = {
    "one reason": ({"success": False, "reasons": [{"code": 53100320, "message": "no"}]}, [(53100320, "no")]),
    "digits": ({"reasons": [{"code": "53100320", "message": "no"}]}, [(53100320, "no")]),
    "two digits": ({"reasons": [{"code": 70, "message": "slow"}]}, [(70, "slow")]),
    "a word": ({"reasons": [{"code": "SystemError", "message": "no"}]}, [("SystemError", "no")]),
    "a float": ({"reasons": [{"code": 53100320.0, "message": "no"}]}, [(53100320, "no")]),
    "a fraction": ({"reasons": [{"code": 1.5, "message": "no"}]}, [("1.5", "no")]),
    "18 digits": ({"reasons": [{"code": "9" * 18, "message": "no"}]}, [(10**18 - 1, "no")]),
    "19 digits": ({"reasons": [{"code": "9" * 19, "message": "no"}]}, [("9" * 19, "no")]),
    "5,000 digits": ({"reasons": [{"code": "9" * 5000, "message": "no"}]}, [("9" * 5000, "no")]),
    "non-ASCII digits": ({"reasons": [{"code": "\u0663", "message": "no"}]}, [("\u0663", "no")]),
    "no code": ({"reasons": [{"message": "no"}]}, [(None, "no")]),
    "no message": ({"reasons": [{"code": 1}]}, [(1, "")]),
    "null": ({"reasons": [{"code": None, "message": None}]}, []),
    "an object for a code": ({"reasons": [{"code": {"a": 1}, "message": "no"}]}, [(None, "no")]),
    "a boolean for a code": ({"reasons": [{"code": True, "message": "no"}]}, [(None, "no")]),
    "a list for a message": ({"reasons": [{"code": 1, "message": ["a", "b"]}]}, [(1, '["a", "b"]')]),
    "text for a reason": ({"reasons": ["no", None, 7]}, [(None, "no"), (None, "7")]),
    "one reason without a list": ({"reasons": {"code": 1, "message": "no"}}, [(1, "no")]),
    "text for reasons": ({"reasons": "no"}, [(None, "no")]),
    "several": (
        {"success": False, "reasons": [{"code": 1, "message": "a"}, {"code": "2", "message": "b"}, {"code": "C"}]},
        [(1, "a"), (2, "b"), ("C", "")],
    ),
    "two lists": (
        {"success": False, "reasons": [{"code": 1, "message": "a"}], "Errors": [{"Code": "C", "Message": "b"}]},
        [(1, "a"), ("C", "b")],
    ),
    "CRUD": ({"Success": False, "Errors": [{"Code": "MISSING", "Message": "no"}]}, [("MISSING", "no")]),
    "errors": ({"errors": [{"code": 1, "message": "no"}]}, [(1, "no")]),
    "message": ({"message": "Authentication error"}, [(None, "Authentication error")]),
    "message beside empty reasons": ({"success": False, "reasons": [], "message": "no"}, [(None, "no")]),
    "SOAP": ({"faultcode": "fns:INVALID_VALUE", "faultstring": "no"}, [("fns:INVALID_VALUE", "no")]),
    "OAuth": ({"code": 403, "message": "no"}, [(403, "no")]),
    "RFC 6749": ({"error": "invalid_client", "error_description": "no"}, [("invalid_client", "no")]),
    "RFC 6749 without description": ({"error": "invalid_client"}, [(None, "invalid_client")]),
    "Spring": (
        {"timestamp": 1, "status": 400, "error": "Bad Request", "message": "no", "path": "/x"},
        [("Bad Request", "no")],
    ),
    "no reasons": ({"success": False}, []),
    "a list": (["no"], [(None, "no")]),
    "a CRUD list": (
        [{"Success": True, "Id": "1"}, {"Success": False, "Errors": [{"Code": "INVALID_ID", "Message": "no"}]}],
        [("INVALID_ID", "no")],
    ),
    "FaultCode": ({"FaultCode": "INVALID_FIELD", "FaultMessage": "no"}, [("INVALID_FIELD", "no")]),
    "errorCode": ({"errorCode": 90005, "message": "no"}, [(90005, "no")]),
    "a nested error": ({"error": {"code": "X", "message": "no", "details": [{"a": 1}]}}, [("X", "no")]),
    "a nested fault": ({"fault": {"faultstring": "no", "detail": {"errorcode": "big"}}}, [("big", "no")]),
    "messages by field": ({"errors": {"name": ["is taken"]}}, [(None, 'name: ["is taken"]')]),
    "an object for a message": ({"reasons": [{"code": 1, "message": {"a": None}}]}, [(1, '{"a": null}')]),
    "brackets": ({"reasons": [{"code": "[40000050]", "message": "no"}]}, [(40000050, "no")]),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_error_envelope(name: str) -> None:
    document, expected = ENVELOPES[name]
    error = error_of(document, 400)
    assert codes_and_messages(error) == expected
    assert all(message in str(error) for _, message in expected if len(message) < 500)


def test_reason_joins_messages() -> None:
    """Under 200, `reason` consists of Zuora's messages."""
    reasons = [{"code": 1, "message": "first"}, {"code": 2}, {"code": 3, "message": "second"}]
    assert error_of({"success": False, "reasons": reasons}).reason == "first; second"
    assert error_of({"success": False}).reason == "Zuora refused the call and gave no reason"
    assert error_of({"success": False, "reasons": reasons}, 400).reason == "Test"


@pytest.mark.usefixtures("deep_stack")
def test_deeply_nested_message() -> None:
    """A message that is nested too deeply to print becomes a placeholder."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    document = {"success": False, "reasons": [{"code": 1, "message": deep}, deep]}
    response = RESTResponse(400, "Test", HTTPHeaderDict(), b"")
    error = error_from_response(None, response, document, has_idempotency_key=False)
    assert [reason.message for reason in error.reasons] == ["(nested too deeply to show)"] * 2


@pytest.mark.usefixtures("deep_stack")
def test_deeply_nested_envelope() -> None:
    """Errors within errors are read to a depth of five."""
    document: dict[str, Any] = {"message": "no"}
    for _ in range(100_000):
        document = {"error": document}
    response = RESTResponse(400, "Test", HTTPHeaderDict(), b"")
    error = error_from_response(None, response, document, has_idempotency_key=False)
    assert [reason.message for reason in error.reasons] == ["(nested too deeply to show)"]
    nested = {"error": {"error": {"error": {"error": {"message": "no"}}}}}
    assert codes_and_messages(error_of(nested, 400)) == [(None, "no")]
    assert codes_and_messages(error_of({"error": nested}, 400)) == [(None, '{"message": "no"}')]


def test_ids_from_headers_and_envelope() -> None:
    headers = {"zuora-request-id": "of-header", "ZUORA-TRACK-ID": "track"}
    error = error_of({"success": False, "processId": "P", "requestId": "of-body"}, headers=headers)
    assert (error.request_id, error.track_id, error.process_id) == ("of-header", "track", "P")
    error = error_of({"success": False, "processId": 7, "requestId": "of-body"}, headers={"Zuora-Track-Id": ""})
    assert (error.request_id, error.track_id, error.process_id) == ("of-body", None, "7")
    error = error_of({"Success": False, "ProcessId": "P", "RequestId": "of-crud"}, 400)
    assert (error.request_id, error.process_id) == ("of-crud", "P")
    error = error_of({"success": False, "processId": True, "requestId": []})
    assert (error.request_id, error.process_id) == (None, None)


@pytest.mark.parametrize(
    ("status", "codes", "error_class"),
    [
        (401, [53100010], AuthenticationError),
        (403, [53100020], PermissionDeniedError),
        (403, [90000011], AuthenticationError),
        (404, [90000011], AuthenticationError),
        (404, [], NotFoundError),
        (407, [], ApiConnectionError),
        (408, [], ApiTimeoutError),
        (409, [], ConflictError),
        (423, [], ConflictError),
        (425, [], RequestRejectedError),
        (429, [53100010], RateLimitError),
        (499, [], ApiTimeoutError),
        (400, [53100010], PermissionDeniedError),
        (400, [53100020, 53100040], NotFoundError),
        (400, [53100040, 53100010], NotFoundError),
        (200, [53500050, 50000070], ConflictError),
        (200, [50000070, 53500050], RateLimitError),
        (200, [53500050, 53500030], RequestRejectedError),
        (418, [], RequestRejectedError),
        (299, [], RequestRejectedError),
        (300, [53100010], InvalidResponseError),
        (302, [53100010], InvalidResponseError),
        (399, [53100010], InvalidResponseError),
        (500, [53100010], ServerError),
        (600, [], ServerError),
        (200, [], RequestRejectedError),
    ],
)
def test_class_by_status_and_category(status: int, codes: Any, error_class: Any) -> None:
    """The status decides, then the first category that has a class."""
    assert type(error_of({"success": False, "reasons": [{"code": code} for code in codes]}, status)) is error_class


@pytest.mark.parametrize("keyed", [True, False])
def test_422_with_and_without_key(keyed: bool) -> None:
    assert type(error_of({}, 422, keyed=keyed)) is (ConflictError if keyed else RequestRejectedError)


def test_422_with_another_reason() -> None:
    """With another reason, a 422 is not about the idempotency key."""
    assert type(error_of({"success": False, "reasons": [{"code": 53100320}]}, 422, keyed=True)) is RequestRejectedError
    assert type(error_of({"success": False, "reasons": [{"code": 53100010}]}, 422, keyed=True)) is PermissionDeniedError


def test_reused_key_advice() -> None:
    """Advice about a reused key is given only if the caller chose the key."""
    with Wire(respond(422, headers={"Zuora-Request-Id": "R"})) as wire:
        request = {"targetEntityId": TARGET_ID}
        callers_key = failure_of(
            lambda api: api.post_entity_connections(request=request, idempotency_key="mine"), wire.api
        )
        generated_key = failure_of(lambda api: api.post_entity_connections(request=request), wire.api)
    assert "This idempotency key was used for another request" in callers_key.advice
    assert "idempotency key" not in generated_key.advice


@pytest.mark.parametrize("code", [53100060, 53100061, 53100099])
@pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 429, 500])
def test_server_fault_advice(status: int, code: int) -> None:
    """A fault at Zuora decides under every status, whatever else is listed, as it does for retries and outcome."""
    for codes in ([code], [53100020, code]):
        document = {"success": False, "reasons": [{"code": each} for each in codes]}
        assert "The fault is at Zuora" in error_of(document, status).advice


def test_server_fault_of_a_read() -> None:
    """A read is retried, and its error does not say that the same call would be refused again."""
    document = {"success": False, "reasons": [{"code": 53100060, "message": "Something broke."}]}
    with Wire(respond_json(document, 400), max_attempts=2) as wire:
        error = failure_of(CALLS["GET"], wire.api)
    assert len(error.attempts) == 2
    assert "call again later" in error.advice
    assert "refused again" not in error.advice


@pytest.mark.parametrize("name", ["reasons", "Errors", "errors"])
def test_server_fault_beside_success(name: str) -> None:
    """It leaves a write in doubt, in whichever of several lists it stands."""
    document = {"success": True, "reasons": [{"code": 1}], "Errors": [{"code": 1}], name: [{"code": 53100060}]}
    with Wire(respond_json(document)) as wire:
        assert failure_of(CALLS["PUT accept"], wire.api).outcome == "unknown"


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (407, "A proxy asked for a user and a password"),
        (423, "Wait until the lock is released"),
        (425, "Call again later: the request was not processed."),
    ],
)
def test_advice_of_a_status(status: int, advice: str) -> None:
    assert advice in error_of({}, status).advice
    assert not any(advice in error_of({}, other).advice for other in (status - 1, status + 1))


def test_page_of_a_gateway_under_500() -> None:
    """A 5xx that is not JSON may be Zuora's own, so the advice does not name the network."""
    with Wire(respond(500, b"<html>no</html>"), max_attempts=1) as wire:
        assert "firewall" not in failure_of(lambda api: api.get_entity_connections(), wire.api).advice


# -- headers ----------------------------------------------------------------------------------------------------------

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
def test_retry_after_header(headers: dict[str, str], seconds: float | None) -> None:
    assert error_of({}, 503, headers).retry_after == seconds


def test_ratelimit_reset_header() -> None:
    """RateLimit-Reset is used only if a limit was reached."""
    headers = {"RateLimit-Reset": "7"}
    assert error_of({}, 429, headers).retry_after == 7.0
    assert error_of({}, 429, {**headers, "Retry-After": "3"}).retry_after == 3.0
    assert error_of({"success": False, "reasons": [{"code": 53100070}]}, 200, headers).retry_after == 7.0
    assert error_of({}, 400, headers).retry_after is None


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
def test_rate_limits(value: str | None, limits: Any) -> None:
    error = error_of({}, 429, {} if value is None else {"RateLimit-Limit": value})
    assert (error.limit_type, error.limits, error.remaining) == ("rate", limits, None)


@pytest.mark.parametrize("reason", [{"code": 50000070}, {"code": 70, "message": "Concurrency limit reached"}])
def test_concurrency_limits(reason: Any) -> None:
    headers = {"RateLimit-Limit": "100", "Concurrency-Limit-Limit": "40", "Concurrency-Limit-Remaining": "junk"}
    error = error_of({"reasons": [reason]}, 429, headers)
    assert (error.limit_type, error.limits, error.remaining) == ("concurrency", {0: 40}, None)


@pytest.mark.parametrize(
    ("concurrency", "rate", "limit_type"),
    [
        ("0", "5", "concurrency"),
        ("0", None, "concurrency"),
        ("0", "0", "rate"),
        ("1", "5", "rate"),
        (None, "5", "rate"),
    ],
)
def test_exhausted_limit_without_reasons(concurrency: str | None, rate: str | None, limit_type: str) -> None:
    """Without a reason the limit of concurrency was reached if it alone is exhausted."""
    remaining = {"Concurrency-Limit-Remaining": concurrency, "RateLimit-Remaining": rate}
    error = error_of({}, 429, {name: value for name, value in remaining.items() if value is not None})
    shown = concurrency if limit_type == "concurrency" else rate
    assert (error.limit_type, error.remaining) == (limit_type, int(shown or ""))


@pytest.mark.parametrize(
    ("location", "destination"),
    [
        ("https://user:secret@login.example.com:8443/path?token=abc", "to host 'login.example.com:8443'"),
        ("//cdn.example.com/x", "to host 'cdn.example.com'"),
        ("/v2/elsewhere?token=abc", "within the host"),
        (None, "within the host"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_redirect_shows_host_only(status: int, location: str | None, destination: str) -> None:
    error = error_of({}, status, {} if location is None else {"Location": location})
    assert destination in error.reason
    assert "abc" not in str(error)
    assert "secret" not in str(error)


# -- raise_on_failure -------------------------------------------------------------------------------------------------

SUCCESS_WITH_ID = respond_json({"success": True, "id": "1"})
FAILURE = {"success": False, "processId": "P", "reasons": [{"code": 53100320, "message": "no"}]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_failure_as_model(operation: Any) -> None:
    """With raise_on_failure off, a failure is a model that keeps the reasons."""
    with Wire(respond_json(FAILURE), raise_on_failure=False) as wire:
        model = operation.call(wire.api)
        assert len(wire.requests) == 1
    assert type(model) is operation.model
    assert model.success is False
    assert model.additional_properties == {"processId": "P", "reasons": FAILURE["reasons"]}


def test_failure_as_model_after_retries() -> None:
    """A failure that may be retried is retried before it is returned as a model."""
    with Wire(refusal(53500050), SUCCESS_WITH_ID, raise_on_failure=False) as wire:
        assert wire.api.put_entity_connections_accept(CONNECTION_ID).success is True
        assert len(wire.requests) == 2


def test_refused_token_without_raise_on_failure() -> None:
    """A refused token is refreshed with raise_on_failure off, too."""
    with TokenServer(refusal=refusal(90000011)) as server:
        server.refused = {"Bearer token-1"}
        settings = Configuration(server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, raise_on_failure=False)
        with ApiClient(settings) as client:
            assert EntityConnectionsApi(client).put_entity_connections_accept(CONNECTION_ID).success is True
        assert server.used == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("code", [50000070, 50000010, 90000011])
def test_model_does_not_hide_doubt(code: int) -> None:
    """If an earlier attempt may have been done, the failure is raised and not returned."""
    with Wire(reset, refusal(code), raise_on_failure=False) as wire:
        request = {"targetEntityId": TARGET_ID}
        error = failure_of(lambda api: api.post_entity_connections(request=request), wire.api)
    assert (type(error), error.outcome) == (OutcomeUnknownError, "unknown")


def test_model_after_settled_doubt() -> None:
    """A refusal that settles the earlier attempt is returned as a model."""
    with Wire(reset, refusal(50000030), raise_on_failure=False) as wire:
        assert wire.api.post_entity_connections(request={"targetEntityId": TARGET_ID}).success is False


@pytest.mark.parametrize(
    "envelope",
    [{"Success": False, "Errors": [{"Code": "X", "Message": "no"}]}, {"success": None, "Success": False}],
)
def test_false_success_is_a_refusal(envelope: Any) -> None:
    with Wire(respond_json(envelope)) as wire:
        error = failure_of(lambda api: api.put_entity_connections_deny(CONNECTION_ID), wire.api)
    assert not isinstance(error, InvalidResponseError)
    assert error.outcome == "answered"
    with Wire(respond_json(envelope), raise_on_failure=False) as wire:
        assert wire.api.put_entity_connections_deny(CONNECTION_ID).success is False


@pytest.mark.parametrize(
    "envelope",
    [
        {"reasons": [{"code": 70, "message": "no"}]},
        {"errors": [{"code": "X", "message": "not allowed"}]},
        {"faultcode": "fns:X", "faultstring": "no"},
        {"faultstring": "expired"},
        {"code": 50000040, "message": "not found"},
    ],
)
def test_envelope_without_success_is_unknown(envelope: Any) -> None:
    """Without `success: false` a failure envelope under 200 leaves a write in doubt; its reasons are kept."""
    for settings in ({}, {"raise_on_failure": False}):
        with Wire(respond_json(envelope), **settings) as wire:
            error = failure_of(lambda api: api.put_entity_connections_deny(CONNECTION_ID), wire.api)
        assert (type(error), type(error.__cause__)) == (OutcomeUnknownError, InvalidResponseError)
        assert error.reasons
        assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "envelope",
    [
        {"error": "invalid_token", "error_description": "expired"},
        {"error": "invalid_token"},
        {"timestamp": 1, "status": 400, "error": "Bad Request", "path": "/"},
        {"timestamp": 1, "status": 500, "error": "Internal Server Error", "path": "/"},
        {"errorMessage": "timed out", "errorType": "Timeout"},
        {"fault": {"faultstring": "expired"}},
    ],
)
def test_gateway_error_under_200(envelope: Any) -> None:
    """An error of Spring, OAuth, Lambda or Apigee under 200 is not a response of Zuora's API."""
    for settings in ({}, {"raise_on_failure": False}):
        with Wire(respond_json(envelope), **settings) as wire:
            error = failure_of(lambda api: api.put_entity_connections_disconnect(CONNECTION_ID), wire.api)
            assert (type(error), type(error.__cause__)) == (OutcomeUnknownError, InvalidResponseError)
            read = failure_of(lambda api: api.get_entity_connections(), wire.api)
            assert isinstance(read, InvalidResponseError)
            other = failure_of(lambda api: api.api_client.call_api("/v1/any", "PUT", response_type="object"), wire.api)
            assert isinstance(other, OutcomeUnknownError)


@pytest.mark.parametrize(
    "document",
    [
        {"message": "welcome"},
        {"errors": []},
        {"code": 7, "message": "x"},
        {"error": ""},
        {"error": "none", "status": 399},
        {"errorMessage": ""},
        {"errorType": "none"},
        {"fault": {}},
    ],
)
def test_not_an_error_envelope(document: Any) -> None:
    assert is_success(None, 200, document)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_other_statuses_always_raise(operation: Any) -> None:
    """A status outside 2xx raises with raise_on_failure off, too."""
    with Wire(respond_json(FAILURE, 400), raise_on_failure=False) as wire:
        error = failure_of(operation.call, wire.api)
    assert (type(error), codes_and_messages(error)) == (RequestRejectedError, [(53100320, "no")])


def test_failed_page_raises() -> None:
    """A page that reports a failure does not end the iteration like a last page."""
    with Wire(respond_json(FAILURE), raise_on_failure=False) as wire:
        error = failure_of(lambda api: list(api.iter_entity_connections()), wire.api)
    assert (type(error), codes_and_messages(error)) == (RequestRejectedError, [(53100320, "no")])


# -- HTTP -------------------------------------------------------------------------------------------------------------

SUCCESS = b'{"success": true, "id": "1"}'
LENGTH = len(SUCCESS)


def raw(head: str, body: bytes = SUCCESS) -> Behaviour:
    """Return a behaviour that sends this head and body, and closes the connection."""
    return then_close(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)


def encoded(body: bytes, coding: str = "gzip") -> Behaviour:
    return respond(200, body, {"Content-Encoding": coding})


READABLE: dict[str, Behaviour] = {
    "no reason phrase": raw(f"HTTP/1.1 200\nContent-Length: {LENGTH}"),
    "a reason in Latin-1": raw(f"HTTP/1.1 200 \xe4\xff\nContent-Length: {LENGTH}"),
    "HTTP/1.0": raw("HTTP/1.0 200 OK"),
    "body until the connection closes": raw("HTTP/1.1 200 OK"),
    "the same length twice": raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}\nContent-Length: {LENGTH}"),
    "chunks": raw(
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"%x;ext=1\r\n%s\r\n0\r\nTrailer: 1\r\n\r\n" % (LENGTH, SUCCESS)
    ),
    "several interim responses": raw(
        f"HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Processing\n\nHTTP/1.1 103 Early Hints\nLink: x\n\n"
        f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}"
    ),
    "many interim responses": raw("HTTP/1.1 100 Continue\n\n" * 500 + f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}"),
    "a header in Latin-1": raw(f"HTTP/1.1 200 OK\nX-A: \xff\nContent-Length: {LENGTH}"),
    "an unknown charset": respond(200, SUCCESS, {"Content-Type": "application/json; charset=klingon"}),
    "a wrong charset": respond(200, SUCCESS, {"Content-Type": "application/json; charset=utf-16"}),
    "another media type": respond(200, SUCCESS, {"Content-Type": "text/html"}),
    "no media type": respond(200, SUCCESS),
    "gzip": encoded(gzip.compress(SUCCESS)),
    "GZIP in capitals": encoded(gzip.compress(SUCCESS), "GZIP"),
    "x-gzip": encoded(gzip.compress(SUCCESS), "x-gzip"),
    "gzip in two members": encoded(gzip.compress(SUCCESS[:9]) + gzip.compress(SUCCESS[9:])),
    "gzip with an empty member": encoded(gzip.compress(SUCCESS) + gzip.compress(b"")),
    "identity": encoded(SUCCESS, "identity"),
    "no coding": encoded(SUCCESS, ""),
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
@pytest.mark.parametrize("name", READABLE)
def test_unusual_http_is_read(name: str, operation: Any) -> None:
    with Wire(READABLE[name]) as wire:
        assert operation.call(wire.api).success is True


class Invalid(NamedTuple):
    """An invalid response, the error class, and the status of the error."""

    behaviour: Behaviour
    error_class: type[ApiException]
    status: int | None = 200


INVALID = {
    "a length that is too long": Invalid(raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH + 1}"), ApiConnectionError),
    "a length that is too short": Invalid(raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH - 1}"), InvalidResponseError),
    "two lengths": Invalid(
        raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}\nContent-Length: 3"), ApiConnectionError, None
    ),
    "a length above the limit": Invalid(raw("HTTP/1.1 200 OK\nContent-Length: 99999999999"), InvalidResponseError),
    "a length that is not a number": Invalid(raw("HTTP/1.1 200 OK\nContent-Length: seven"), ApiConnectionError, None),
    "a negative length": Invalid(raw("HTTP/1.1 200 OK\nContent-Length: -1"), ApiConnectionError, None),
    "a line without a colon": Invalid(
        raw(f"HTTP/1.1 200 OK\nContent-Length: {LENGTH}\nno header at all"), ApiConnectionError, None
    ),
    "a header name in Latin-1": Invalid(
        raw(f"HTTP/1.1 200 OK\nX-\xe4: 1\nContent-Length: {LENGTH}"), ApiConnectionError, None
    ),
    "half a chunk": Invalid(
        raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"ff\r\n" + SUCCESS), ApiConnectionError
    ),
    "a chunk without a length": Invalid(
        raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"zz\r\n"), ApiConnectionError
    ),
    "an empty head": Invalid(raw("", b""), ApiConnectionError, None),
    "not HTTP": Invalid(raw("220 ESMTP ready", b""), ApiConnectionError, None),
    "another protocol": Invalid(raw("HTTP/2 200 OK"), ApiConnectionError, None),
    "a status of two digits": Invalid(raw("HTTP/1.1 99 Low"), ApiConnectionError, None),
    "a status of four digits": Invalid(raw("HTTP/1.1 2000 High"), ApiConnectionError, None),
    "a status in words": Invalid(raw("HTTP/1.1 OK OK"), ApiConnectionError, None),
    "an endless status line": Invalid(raw("HTTP/1.1 200 " + "x" * 70_000), ApiConnectionError, None),
    "an endless header": Invalid(raw("HTTP/1.1 200 OK\nX: " + "x" * 70_000), ApiConnectionError, None),
    "too many headers": Invalid(raw("HTTP/1.1 200 OK" + "\nX: x" * 200), ApiConnectionError, None),
    "a switch of protocols": Invalid(raw("HTTP/1.1 101 Switching\nUpgrade: h2c"), ApiConnectionError, None),
    "not gzip": Invalid(encoded(SUCCESS), InvalidResponseError),
    "half a gzip": Invalid(encoded(gzip.compress(SUCCESS)[:-9]), InvalidResponseError),
    "a gzip with a wrong checksum": Invalid(encoded(gzip.compress(SUCCESS)[:-8] + bytes(8)), InvalidResponseError),
    "a gzip with trailing data": Invalid(encoded(gzip.compress(SUCCESS) + b"more"), InvalidResponseError),
    "deflate": Invalid(encoded(SUCCESS, "deflate"), InvalidResponseError),
    "brotli": Invalid(encoded(SUCCESS, "br"), InvalidResponseError),
    "gzip twice": Invalid(encoded(gzip.compress(gzip.compress(SUCCESS)), "gzip, gzip"), InvalidResponseError),
    "a decompression bomb": Invalid(encoded(gzip.compress(bytes(2_000_000))), InvalidResponseError),
    "a redirect": Invalid(respond(302, SUCCESS, {"Location": "https://login.example.com/"}), InvalidResponseError, 302),
    "not modified": Invalid(respond(304), InvalidResponseError, 304),
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
@pytest.mark.parametrize("name", INVALID)
def test_invalid_http_is_one_error(name: str, operation: Any) -> None:
    invalid = INVALID[name]
    with Wire(invalid.behaviour, max_response_bytes=1_000_000) as wire:
        error = failure_of(operation.call, wire.api)
    assert (error.status, error.method, error.path) == (invalid.status, operation.method, operation.path)
    if operation.method == "GET":
        assert type(error) is invalid.error_class
    else:
        assert (type(error), error.outcome) == (OutcomeUnknownError, "unknown")
        assert type(error.__cause__) is invalid.error_class
        assert error.__cause__.status == invalid.status


@pytest.mark.parametrize("name", ["a length that is too short", "a gzip with trailing data", "a redirect"])
def test_invalid_response_closes_connection(name: str) -> None:
    """Bytes of an invalid response are not read as the response to the next call."""
    with Wire(INVALID[name].behaviour, respond_json({"success": True, "id": "2"})) as wire:
        failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
        assert wire.api.post_entity_connections(request={"targetEntityId": TARGET_ID}).id == "2"


def test_endless_interim_responses() -> None:
    flood = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    with ScriptedServer(flood) as server, ApiClient(Configuration(server.url)) as client:
        error = failure_of(lambda api: api.get_entity_connections(_request_timeout=0.3), EntityConnectionsApi(client))
    assert type(error) is ApiTimeoutError


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_empty_response(operation: Any, status: int) -> None:
    """An empty 200 leaves a write in doubt, a 204 is a success of it; for a read both are errors."""
    with Wire(respond(status, b"", {} if status == 200 else {"Content-Length": "0"})) as wire:
        if operation.method == "GET":
            error = failure_of(operation.call, wire.api)
            assert (type(error), error.status) == (InvalidResponseError, status)
        elif status == 200:
            assert isinstance(failure_of(operation.call, wire.api), OutcomeUnknownError)
        else:
            assert operation.call(wire.api) == operation.model()


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_null_response(operation: Any, status: int) -> None:
    """A body of `null` is not an empty body: never a success, also where a mock sends one with a 204."""
    with Socketless() as socketless:
        socketless.say(b"null", status)
        error = failure_of(operation.call, socketless.api)
        assert isinstance(error, InvalidResponseError if operation.method == "GET" else OutcomeUnknownError)


def test_ids_of_unreadable_response() -> None:
    ids = {"Zuora-Request-Id": "R", "Zuora-Track-Id": "T"}
    for response in (respond(200, b"no", ids), respond(200, b"no", {**ids, "Content-Encoding": "br"})):
        with Wire(response) as wire:
            error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
        for each in (error, error.__cause__):
            assert isinstance(each, ApiException)
            assert (each.request_id, each.track_id) == ("R", "T")


def test_track_id_without_response() -> None:
    """Without a response, the error has the track id of the request if that was sent."""

    def call(api: Any) -> Any:
        return api.put_entity_connections_accept(CONNECTION_ID, zuora_track_id="mine")

    with Wire(then_close(b"")) as wire:
        assert failure_of(call, wire.api).track_id == "mine"
    with Wire(max_attempts=1) as wire:
        wire.server.__exit__()
        # The request was not sent.
        assert failure_of(call, wire.api).track_id is None
        wire.server.__enter__()


def test_empty_chunked_response() -> None:
    empty = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with Wire(empty) as wire:
        error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
    assert isinstance(error, OutcomeUnknownError)


@pytest.mark.parametrize("status", [200, 299])
def test_text_under_2xx(status: int) -> None:
    with Wire(respond(status, b"pong")) as wire:
        text = wire.client.call_api("/v1/any", "GET", response_type="str", _return_http_data_only=True)
    assert text == "pong"


@pytest.mark.parametrize("response_type", ["object", None])
def test_text_is_no_success_of_a_write(response_type: str | None) -> None:
    """A read accepts text that is not JSON; a write only if text was asked for."""

    def call(method: str) -> Any:
        return lambda api: api.api_client.call_api("/v1/any", method, response_type=response_type)

    with Wire(respond(200, b"pong")) as wire:
        assert call("GET")(wire.api)[:2] == ("pong" if response_type else None, 200)
        assert isinstance(failure_of(call("PUT"), wire.api), OutcomeUnknownError)
        assert wire.client.call_api("/v1/any", "PUT", response_type="str")[0] == "pong"


def test_head_response() -> None:
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n") as wire:
        data, status, headers = wire.client.call_api("/v1/any", "HEAD", response_type="object")
    assert (data, status, headers["content-length"]) == (None, 200, "7")


REFUSED = b'{"success": false, "reasons": [{"code": 53500030, "message": "no"}]}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("cut", [b"0", b"000", b"000000", b"0000004", b"0;ab", b"00000044\r", b""])
def test_truncated_chunk_size(cut: bytes) -> None:
    """A truncated chunk size is neither the end of the body nor a success."""
    complete = b"%08x\r\n%s\r\n0\r\n\r\n" % (len(REFUSED), REFUSED)
    with Wire(CHUNKED + complete) as wire:
        assert failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api).outcome == "answered"
    with Wire(then_close(CHUNKED + cut)) as wire:
        assert failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api).outcome == "unknown"


@pytest.mark.parametrize("size", [b"-1", b"+2", b"0x2", b"1_0", b" ", b"zz", b"f" * 17])
def test_invalid_chunk_size(size: bytes) -> None:
    """A size other than hexadecimal digits is refused: http.client reads -1 as "everything", past every limit."""
    with Wire(CHUNKED + size + b"\r\n" + b" " * 300_000, max_response_bytes=1000) as wire:
        error = failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api)
    assert (error.outcome, type(error.__cause__)) == ("unknown", ApiConnectionError)


@pytest.mark.parametrize("size", [b"1c", b"001C", b"1c;name=value", b"1C;x"])
def test_valid_chunk_size(size: bytes) -> None:
    """A chunk size may have leading zeros and extensions."""
    with Wire(CHUNKED + size + b"\r\n" + SUCCESS + b"\r\n0\r\n\r\n") as wire:
        assert wire.api.put_entity_connections_accept("1").success is True


@pytest.mark.parametrize(
    "body",
    [b"x" * 5_000_000, b"\xff" * 5_000_000, b'{"a": "' + b"x" * 5_000_000],
    ids=["not JSON", "not UTF-8", "truncated JSON"],
)
@pytest.mark.parametrize("missing", [0, 1])
def test_error_truncates_large_body(body: bytes, missing: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + missing)
    with Wire(then_close(head + body), access_token="a-secret-token") as wire:
        error: BaseException | None = failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api)
    while error is not None:
        assert len(repr(error.args)) + len(repr(vars(error))) < 200_000
        error = error.__cause__ or error.__context__
