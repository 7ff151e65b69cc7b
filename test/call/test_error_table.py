"""All codes, statuses and error envelopes of Zuora's guides, over HTTP, by each kind of call.

The cases are the tables of Zuora's guides to error codes, error handling, rate limits and idempotent requests, and of
its reference of the token endpoint. Cases that only users have reported are marked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from support import respond, respond_json
from support.calls import failure_of
from support.faulty import hang_up
from support.operations import CONNECTION_ID, TARGET_ID
from support.wire import YES, Wire

from zuora_client import (
    ApiException,
    AuthenticationError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    POSTEntityConnectionsType,
    RateLimitError,
    RequestRejectedError,
    ServerError,
)

ErrorClass = type[ApiException]

IDS = {"Zuora-Request-Id": "0f3c2f4e-6e2b-4c88-9d3b-1f0e5a7c9b21", "Zuora-Track-Id": "order-4711"}
PROCESS_ID = "CBCFED6580B4E076"
PAGE = (
    b"<!DOCTYPE html><html><head><title>Error</title><style>h1 {color: red}</style></head>"
    b"<body><h1>Service Unavailable</h1><p>Reference&#32;&#35;18&#46;d4b4dd58</p></body></html>"
)
HTML = {"Content-Type": "text/html"}

CALLS: dict[str, Callable[..., Any]] = {
    "GET": lambda api: api.get_entity_connections(),
    "POST": lambda api: api.post_entity_connections(request=POSTEntityConnectionsType(TARGET_ID)),
    "PUT": lambda api: api.put_entity_connections_accept(CONNECTION_ID),
}
SUBJECTS = {
    "GET": "List of connections (no entity named)",
    "POST": f"Connection request (no entity named) to {TARGET_ID}",
    "PUT": f"Acceptance of connection {CONNECTION_ID} (no entity named)",
}
every_call = pytest.mark.parametrize("method", CALLS)


class Case(NamedTuple):
    """A response and the error that it means.

    Attributes:
        parts: texts that the printed error contains.
        in_doubt: the methods whose outcome is unknown.
        post_class: the class for POST, if it differs.
    """

    response: bytes
    error_class: ErrorClass
    parts: tuple[str, ...]
    in_doubt: str = ""
    post_class: ErrorClass | None = None


def envelope(code: Any, message: str = "Zuora's message.", status: int = 200, **headers: str) -> bytes:
    document = {"success": False, "processId": PROCESS_ID, "reasons": [{"code": code, "message": message}]}
    return respond_json(document, status, {**IDS, **{name.replace("_", "-"): value for name, value in headers.items()}})


def category(number: int, error_class: ErrorClass, meaning: str, in_doubt: str = "") -> Case:
    code = 50000000 + number
    return Case(envelope(code), error_class, (f"{code} ({meaning}): Zuora's message.",), in_doubt)


def assert_case(error: ApiException, method: str, case: Case) -> None:
    error_class = case.post_class if method == "POST" and case.post_class else case.error_class
    if method in case.in_doubt.split():
        assert type(error) is OutcomeUnknownError
        assert type(error.__cause__) is error_class
        assert error.outcome == "unknown"
        fate = "it may or may not have been done."
    else:
        assert type(error) is error_class
        assert error.outcome == "answered"
        fate = "no data was returned; a read changes nothing." if method == "GET" else "refused, nothing was done."
    assert str(error).startswith(f"({error.status}) {SUBJECTS[method]}: {fate}\nReason: ")
    for part in case.parts:
        assert part in str(error)
    assert (error.method, error.path) == (method, sent_path(method))
    assert f"\nRequest: {method} {error.path}\n" in str(error)


def sent_path(method: str) -> str:
    return "/v1/entity-connections" + (f"/{CONNECTION_ID}/accept" if method == "PUT" else "")


# -- the last two digits of a code ------------------------------------------------------------------------------------

CATEGORIES = {
    10: category(10, PermissionDeniedError, "permission or access denied"),
    11: category(11, AuthenticationError, "authentication failed"),
    20: category(20, RequestRejectedError, "invalid format or value"),
    21: category(21, RequestRejectedError, "unknown field in request"),
    22: category(22, RequestRejectedError, "missing required field"),
    23: category(23, RequestRejectedError, "missing required query parameter"),
    27: category(27, RequestRejectedError, "invalid query parameter"),
    30: category(30, RequestRejectedError, "business rule"),
    40: category(40, NotFoundError, "not found"),
    45: category(45, RequestRejectedError, "method not supported"),
    50: category(50, ConflictError, "locking contention"),
    60: category(60, RequestRejectedError, "internal error", in_doubt="POST PUT"),
    61: category(61, RequestRejectedError, "temporary error", in_doubt="POST PUT"),
    70: Case(envelope(50000070), RateLimitError, ("50000070 (concurrency limit): Zuora's message.",)),
    90: category(90, RequestRejectedError, "malformed JSON"),
    99: category(99, RequestRejectedError, "integration error", in_doubt="POST PUT"),
}


@every_call
@pytest.mark.parametrize("number", CATEGORIES)
def test_category_under_200(method: str, number: int) -> None:
    """Each category of Zuora's table, in a failure with status 200."""
    with Wire(CATEGORIES[number].response) as wire:
        error = failure_of(CALLS[method], wire.api)
    assert_case(error, method, CATEGORIES[number])
    assert (error.status, error.reason) == (200, "Zuora's message.")
    assert (error.request_id, error.track_id, error.process_id) == (*IDS.values(), PROCESS_ID)
    assert f"request id {IDS['Zuora-Request-Id']}, process id {PROCESS_ID}, track id order-4711" in str(error)
    (reason,) = error.reasons
    assert (reason.code, reason.resource, reason.category) == (50000000 + number, 500000, number)
    assert reason.message == "Zuora's message."


@pytest.mark.parametrize(
    ("code", "resource", "number"),
    [
        (53100320, 531003, 20),
        ("53100320", 531003, 20),
        (70, None, 70),
        ("70", None, 70),
        ("SystemError", None, 60),
        ("ClientError", None, None),
        (50000000, 500000, 0),
        (1234567, None, None),
        (None, None, None),
    ],
)
def test_forms_of_error_codes(code: Any, resource: Any, number: Any) -> None:
    """A code is a number, a string of digits, two digits or a word."""
    with Wire(envelope(code, status=400)) as wire:
        (reason,) = failure_of(CALLS["GET"], wire.api).reasons
    assert (reason.resource, reason.category) == (resource, number)
    assert reason.code == (int(code) if isinstance(code, str) and code.isdigit() else code)


# -- documented codes -------------------------------------------------------------------------------------------------

CODES = {
    90000011: Case(envelope(90000011), AuthenticationError, ("90000011 (invalid credential or token)", "data center")),
    90000020: Case(  # reported by users
        envelope(90000020),
        RequestRejectedError,
        ("90000020 (wrong or inaccessible entity)", "check zuora_entity_ids (or entity_id)"),
    ),
    53500050: Case(envelope(53500050), ConflictError, ("53500050 (locking contention)", "Wait for the other change")),
}


@every_call
@pytest.mark.parametrize("code", CODES)
def test_documented_code(method: str, code: int) -> None:
    """Codes whose meaning differs from that of their category."""
    with Wire(CODES[code].response) as wire:
        assert_case(failure_of(CALLS[method], wire.api), method, CODES[code])


def test_wrong_entity_under_403() -> None:
    """Code 90000020 sets the advice under status 403, too."""
    with Wire(envelope(90000020, status=403)) as wire:
        error = failure_of(CALLS["PUT"], wire.api)
    assert type(error) is PermissionDeniedError
    assert "check zuora_entity_ids" in error.advice


# -- HTTP statuses ----------------------------------------------------------------------------------------------------

RATE = {
    "RateLimit-Limit": "2250000, 50000;w=60, 2250000;w=3600, 27000000;w=86400",
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": "17",
}
CONCURRENCY = {
    "Concurrency-Limit-Type": "Default",
    "Concurrency-Limit-Limit": "40",
    "Concurrency-Limit-Remaining": "0",
    "Retry-After": "120",
}
TOO_MANY = "API Rate limit exceeded for the minute, retry after 17 seconds"
REALMS = "Basic realm=Zuora API, ZSession realm=Zuora API, Bearer realm=Zuora API"

STATUSES = {
    "400 malformed": Case(
        envelope(50000090, status=400), RequestRejectedError, ("50000090 (malformed JSON)", "Fix what the reasons")
    ),
    "400 without a token": Case(
        respond_json({"message": "No bearer token"}, 400), RequestRejectedError, ("No bearer",)
    ),
    "401": Case(
        respond_json({"message": "Authentication error"}, 401, {"WWW-Authenticate": REALMS}),
        AuthenticationError,
        ("  Authentication error", "client id and secret (or the token)"),
    ),
    "401 Spring": Case(
        respond_json({"status": 401, "error": "Unauthorized", "message": "Token is expired", "path": "/v1/x"}, 401),
        AuthenticationError,
        ("  Unauthorized: Token is expired",),
    ),
    "403": Case(envelope(50000010, status=403), PermissionDeniedError, ("50000010 (permission or access denied)",)),
    "403 edge page": Case(
        respond(403, PAGE, HTML),
        PermissionDeniedError,
        ("  Response: Error Service Unavailable Reference #18.d4b4dd58\n",),
    ),
    "404": Case(envelope(50000040, status=404), NotFoundError, ("50000040 (not found)", "host and entity")),
    "404 no route": Case(respond(404), NotFoundError, ("\nReason: Test\n",)),
    "409": Case(respond_json({"message": "still running"}, 409), ConflictError, ("  still running",), in_doubt="POST"),
    "415": Case(respond(415), RequestRejectedError, ("(415)",)),
    "422": Case(
        respond_json({"message": "key reused"}, 422), RequestRejectedError, ("  key reused",), post_class=ConflictError
    ),
    "429 by rate": Case(
        respond_json({"reasons": [{"code": 70, "message": TOO_MANY}]}, 429, RATE),
        RateLimitError,
        (
            f"70 (request exceeded limit): {TOO_MANY}",
            "Limit by rate: 50000 calls in 60 s, 2250000 calls in 3600 s, 27000000 calls in 86400 s, 0 remaining\n",
            "Zuora asked to wait 17 s.",
            "less often",
        ),
    ),
    "429 by concurrency": Case(
        respond_json({"reasons": [{"code": 50000070, "message": "Too many at once"}]}, 429, CONCURRENCY),
        RateLimitError,
        (
            "50000070 (concurrency limit): Too many at once",
            "Limit by concurrency: 40 calls at once, 0 remaining\n",
            "Zuora asked to wait 120 s.",
            "fewer calls at once",
        ),
    ),
    "500": Case(
        respond_json({"reasons": [{"code": "SystemError", "message": "Try again."}]}, 500),
        ServerError,
        ("  SystemError (internal error): Try again.",),
        in_doubt="POST PUT",
    ),
    "502 page": Case(respond(502, PAGE, HTML), ServerError, ("Service Unavailable",), in_doubt="POST PUT"),
    "503 page": Case(respond(503, PAGE, HTML), ServerError, ("Service Unavailable",), in_doubt="POST PUT"),
    "503 with Retry-After": Case(
        respond(503, PAGE, {**HTML, "Retry-After": "9"}), ServerError, ("Zuora asked to wait 9 s.",)
    ),
    "504": Case(respond(504, reason="Gateway Timeout"), ServerError, ("Reason: Gateway Timeout",), in_doubt="POST PUT"),
}


@every_call
@pytest.mark.parametrize("name", STATUSES)
def test_status(method: str, name: str) -> None:
    """Each HTTP status of Zuora's guides."""
    with Wire(STATUSES[name].response) as wire:
        error = failure_of(CALLS[method], wire.api)
    assert_case(error, method, STATUSES[name])
    assert error.status == int(name[:3])
    assert "<h1>" not in str(error)


@every_call
@pytest.mark.parametrize("status", [600, 999])
def test_undefined_status_is_server_error(method: str, status: int) -> None:
    with Wire(respond(status)) as wire:
        assert_case(failure_of(CALLS[method], wire.api), method, Case(b"", ServerError, (f"({status})",), "POST PUT"))


def test_limits_are_parsed() -> None:
    with Wire(STATUSES["429 by rate"].response) as wire:
        rate = failure_of(CALLS["GET"], wire.api)
    assert isinstance(rate, RateLimitError)
    assert (rate.limit_type, rate.remaining, rate.retry_after) == ("rate", 0, 17.0)
    assert rate.limits == {0: 2250000, 60: 50000, 3600: 2250000, 86400: 27000000}
    with Wire(STATUSES["429 by concurrency"].response) as wire:
        concurrency = failure_of(CALLS["GET"], wire.api)
    assert isinstance(concurrency, RateLimitError)
    assert (concurrency.limit_type, concurrency.remaining, concurrency.retry_after) == ("concurrency", 0, 120.0)
    assert concurrency.limits == {0: 40}


# -- the token endpoint -----------------------------------------------------------------------------------------------

OAUTH = {
    "400": (
        respond_json({"code": 400, "message": "Bad credentials"}, 400),
        AuthenticationError,
        "400: Bad credentials",
    ),
    "401": (respond_json({"message": "Invalid client id"}, 401), AuthenticationError, "  Invalid client id"),
    "403": (respond_json({"code": 403, "message": "Forbidden"}, 403), AuthenticationError, "403: Forbidden"),
    "429": (respond(429), RateLimitError, "(429)"),
    # Reported by users: errors of Spring, and a deactivated user.
    "Spring": (
        respond_json(
            {"status": 400, "error": "Bad Request", "message": "Invalid client id", "path": "/oauth/token"}, 400
        ),
        AuthenticationError,
        "  Bad Request: Invalid client id",
    ),
    "deactivated": (respond_json({"message": "User is not active"}, 403), AuthenticationError, "User is not active"),
    # The fields of RFC 6749. No user has reported them from Zuora.
    "RFC 6749": (
        respond_json({"error": "invalid_client", "error_description": "Client unknown"}, 401),
        AuthenticationError,
        "  invalid_client: Client unknown",
    ),
    "page": (respond(200, PAGE, HTML), InvalidResponseError, "not JSON"),
}


@every_call
@pytest.mark.parametrize("name", OAUTH)
def test_token_endpoint_error(method: str, name: str) -> None:
    """Each error of Zuora's reference of the token endpoint."""
    response, error_class, part = OAUTH[name]
    with Wire(response, client_id="c" * 36, client_secret="s" * 36) as wire:
        error = failure_of(CALLS[method], wire.api)
        assert {request.target for request in wire.requests} == {"/oauth/token"}
        assert f"{wire.server.url}/oauth/token: " in str(error)
    assert (type(error), error.outcome) == (error_class, "not_sent")
    assert (error.method, error.path) == (method, sent_path(method))
    assert part in str(error)
    assert "the request was not sent" in str(error)
    if error_class is AuthenticationError:
        assert "client_id and client_secret" in error.advice
        assert wire.server.url in error.advice


# -- faults of the generated client -----------------------------------------------------------------------------------


def test_success_false_raises() -> None:
    """1. success: false under 200 raises, with process id and reasons."""
    with Wire(envelope(53100320)) as wire:
        error = failure_of(CALLS["POST"], wire.api)
    assert (error.process_id, [reason.code for reason in error.reasons]) == (PROCESS_ID, [53100320])


def test_target_uuid_is_sent_unhyphenated() -> None:
    """2. A target id of 36 characters is sent without its hyphens."""
    with Wire() as wire:
        wire.api.post_entity_connections(
            request=POSTEntityConnectionsType("8a808255-56ff-28a4-0157-08ba29312ecc"), zuora_entity_ids="e" * 32
        )
        assert wire.sent.body == b'{"targetEntityId": "8a80825556ff28a4015708ba29312ecc"}'


def test_page_size_none_is_omitted() -> None:
    """3. page_size=None is not sent, and page is supported."""
    with Wire() as wire:
        wire.api.get_entity_connections(page_size=None)
        wire.api.get_entity_connections(page_size=2, page=3)
        assert [request.target.partition("?")[2] for request in wire.requests] == ["", "pageSize=2&page=3"]


def test_lost_disconnect_is_sent_once() -> None:
    """5. A disconnect whose response is lost is not retried."""
    with Wire(hang_up) as wire:
        error = failure_of(lambda api: api.put_entity_connections_disconnect(CONNECTION_ID), wire.api)
        assert len(wire.requests) == 1
    assert (type(error), error.outcome) == (OutcomeUnknownError, "unknown")
    assert "Disconnected means done, Connected means not done" in error.advice


def test_conflicting_entities_are_refused() -> None:
    """6. A default Zuora-Entity-Ids header and another entity of the call raise ValueError."""
    with Wire() as wire:
        wire.client.set_default_header("Zuora-Entity-Ids", "a" * 32)
        with pytest.raises(ValueError, match="zuora_entity_ids"):
            wire.api.put_entity_connections_accept(CONNECTION_ID, zuora_entity_ids="b" * 32)
        assert wire.requests == []


def test_put_headers() -> None:
    """7. A PUT has a Content-Type and no Idempotency-Key."""
    with Wire() as wire:
        CALLS["PUT"](wire.api)
        assert wire.sent.headers["content-type"].startswith("application/json")
        assert "idempotency-key" not in wire.sent.headers


def test_unexpected_values_are_kept() -> None:
    """8. Nulls, values of other types and new fields of a response are kept as received."""
    row = {"id": None, "sourceEntityId": 7, "status": ["new"], "targetEntityId": 1.5, "since": {"day": 1}}
    with Wire(respond_json({"entityConnections": [row, None], "nextPage": None, "success": True, "total": 2})) as wire:
        listed = CALLS["GET"](wire.api)
    first, second = listed.entity_connections
    assert first.to_dict() == {"id": None, "source_entity_id": 7, "status": ["new"], "target_entity_id": 1.5}
    assert first.additional_properties == {"since": {"day": 1}}
    assert second is None
    assert listed.additional_properties == {"total": 2}


def test_unknown_connection_status_is_kept() -> None:
    """9. An unknown status of a connection is kept."""
    with Wire(respond_json({"entityConnections": [{"status": "Paused"}], "success": True})) as wire:
        assert CALLS["GET"](wire.api).entity_connections[0].status == "Paused"


def test_success_with_and_without_flag() -> None:
    """Without `success`, a result is a success: rows of a list, the id of a new connection. A PUT needs the flag."""
    for success in (YES, respond_json({"success": True}), respond_json({"Success": "TRUE"})):
        with Wire(success) as wire:
            for call in CALLS.values():
                call(wire.api)
    with Wire(respond_json({"entityConnections": [], "id": "1"})) as wire:
        CALLS["GET"](wire.api)
        CALLS["POST"](wire.api)
        assert failure_of(CALLS["PUT"], wire.api).outcome == "unknown"
