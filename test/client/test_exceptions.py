"""The exceptions: attributes, copies and pickles, reasons, and the printed text."""

from __future__ import annotations

import copy
import pickle
import re
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from support import respond, respond_json
from support.calls import failure_of
from support.faulty import hang_up
from support.operations import CONNECTION_ID, TARGET_ID
from support.wire import Wire
from urllib3._collections import HTTPHeaderDict

import zuora_client
from zuora_client import exceptions
from zuora_client._base.text import body_excerpt, single_line
from zuora_client._call import advice
from zuora_client._call.operations import Operation, find_operation
from zuora_client.exceptions import (
    CATEGORIES,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    AttemptRecord,
    InvalidResponseError,
    OutcomeUnknownError,
    RateLimitError,
    Reason,
    TlsError,
)
from zuora_client.rest import ApiException as RestApiException
from zuora_client.rest import RESTResponse

CLASSES = [
    value
    for value in vars(exceptions).values()
    if isinstance(value, type) and issubclass(value, ApiException) and value.__module__ == exceptions.__name__
]
REQUEST_ID = "0f3c2f4e-6e2b-4c88-9d3b-1f0e5a7c9b21"


# -- classes ----------------------------------------------------------------------------------------------------------


def test_docstring_lists_all_classes() -> None:
    drawn = re.findall(r"^(?:\|  )?(?:\+- )?(\w+) {2,}\S", exceptions.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(cls.__name__ for cls in CLASSES)
    assert all(issubclass(cls, ApiException) for cls in CLASSES)
    assert issubclass(TlsError, ApiConnectionError)


def test_all_errors_are_public() -> None:
    assert {cls.__name__ for cls in CLASSES} <= set(zuora_client.__all__)


def test_root_class_is_compatible() -> None:
    """ApiException has the location, arguments, attributes and text of the generated class."""
    assert RestApiException is ApiException is zuora_client.ApiException
    assert str(ApiException(status=418, reason="Teapot")) == "(418)\nReason: Teapot\n"
    response = RESTResponse(502, "Bad Gateway", HTTPHeaderDict({"A": "b"}), b"text")
    error = ApiException(http_resp=response)
    assert (error.status, error.reason, error.body, dict(error.headers or {})) == (
        502,
        "Bad Gateway",
        "text",
        {"A": "b"},
    )
    assert str(error).startswith("(502)\nReason: Bad Gateway\n")


@pytest.mark.parametrize("cls", CLASSES)
def test_default_attributes(cls: type[ApiException]) -> None:
    error = cls()
    assert (error.status, error.reason, error.body, error.headers) == (None, None, None, None)
    assert (error.method, error.path, error.reasons, error.attempts) == (None, None, (), [])
    assert (error.request_id, error.track_id, error.process_id, error.retry_after) == (None, None, None, None)
    with_status = "unknown" if cls is OutcomeUnknownError else "answered"
    assert (error.outcome, cls(status=400).outcome) == ("unknown", with_status)
    assert cls(*cls(504, "Gateway Timeout").args).outcome == with_status
    assert cls(outcome="not_sent").outcome == "not_sent"
    assert error.advice.endswith(".")


# -- copies and pickles -----------------------------------------------------------------------------------------------


def full_error(cls: type[ApiException]) -> ApiException:
    error = cls(503, "why")
    error.body, error.headers = "body", HTTPHeaderDict({"Zuora-Request-Id": REQUEST_ID})
    error.outcome, error.method, error.path = "not_sent", "PUT", "/v1/x"
    error.reasons = (Reason(53100320, "first"), Reason("SystemError", "second"))
    error.request_id, error.track_id, error.process_id, error.retry_after = REQUEST_ID, "track", "process", 1.5
    error.attempts = [AttemptRecord(1, 0.25, None, "ApiTimeoutError"), AttemptRecord(2, 0.5, 503, "ServerError")]
    error.attempts[0].wait = 3.0
    error.advice = "Do this."
    if isinstance(error, RateLimitError):
        error.limits, error.limit_type, error.remaining = {60: 50000}, "concurrency", 3
    error.__cause__ = InvalidResponseError(200, "the cause")
    error.__cause__.body = "of the cause"
    return error


def state(error: Any) -> dict[str, Any]:
    """Return all attributes and texts of an error, in a form that can be compared."""
    attributes = {**vars(error), "text": str(error), "args": error.args, "headers": dict(error.headers or {})}
    return {**attributes, "attempts": [str(attempt) for attempt in error.attempts]}


def _pickled(protocol: int, error: Any) -> Any:
    return pickle.loads(pickle.dumps(error, protocol))


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": partial(_pickled, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("method", COPIES)
@pytest.mark.parametrize("cls", CLASSES)
def test_copy_and_pickle_keep_state(cls: type[ApiException], method: str) -> None:
    error = full_error(cls)
    other = COPIES[method](error)
    assert type(other) is cls
    assert other is not error
    assert state(other) == state(error)
    assert type(other.__cause__) is InvalidResponseError
    assert state(other.__cause__) == state(error.__cause__)
    if isinstance(other, RateLimitError):
        assert (other.limits, other.limit_type, other.remaining) == ({60: 50000}, "concurrency", 3)


@pytest.mark.parametrize("method", [method for method in COPIES if method != "copy"])
def test_pickle_drops_foreign_cause(method: str) -> None:
    """A copy keeps causes that are ApiExceptions, and drops causes of other libraries."""
    with Wire(hang_up) as wire:
        error = failure_of(lambda api: api.put_entity_connections_deny(CONNECTION_ID), wire.api)
    other = COPIES[method](error)
    assert state(other) == state(error)
    assert type(other.__cause__) is ApiConnectionError
    assert other.__cause__.__cause__ is None


# -- reasons ----------------------------------------------------------------------------------------------------------


def test_category_names() -> None:
    assert {Reason(53100000 + number, "").category_name for number in CATEGORIES} == set(CATEGORIES.values())
    assert Reason(53100055, "").category_name is None
    assert Reason("SystemError", "").category_name == "internal error"
    assert Reason("ClientError", "").category_name is None


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(53100320, "wrong\nline"), "53100320 (invalid format or value): wrong line"),
        (Reason(90000020, "no"), "90000020 (wrong or inaccessible entity): no"),
        (Reason(53100055, "no"), "53100055: no"),
        (Reason("SystemError", "no"), "SystemError (internal error): no"),
        (Reason("ClientError", "no"), "ClientError: no"),
        (Reason("a\x1b[31m\n" + "b" * 600, ""), "a?[31m " + "b" * 493 + "..."),
        (Reason(70, ""), "70 (request exceeded limit)"),
        (Reason(None, "no"), "no"),
        (Reason(None, ""), "(no message)"),
    ],
)
def test_str_of_reason(reason: Reason, text: str) -> None:
    assert str(reason) == text


def test_reason_equality_and_hash() -> None:
    assert Reason(1, "a") == Reason(1, "a") != Reason(1, "b")
    assert len({Reason(1, "a"), Reason(1, "a"), Reason(2, "a")}) == 2
    assert eval(repr(Reason(1, "a"))) == Reason(1, "a")
    assert Reason(1, "a") != (1, "a")


# -- untrusted text ---------------------------------------------------------------------------------------------------


def test_single_line() -> None:
    assert single_line("a\r\nb\t c\x00\x1b[2J\u202e\ud800") == "a b c??[2J??"
    assert single_line("x" * 501) == "x" * 500 + "..."
    assert single_line("x" * 10_000_000, 20) == "x" * 20 + "..."
    assert single_line(None) == "None"


@pytest.mark.parametrize(
    ("page", "excerpt"),
    [
        ("<html><head><title>A</title></head><body>B<br>C</body></html>", "A B C"),
        ("\ufeff \r\n<!DOCTYPE html><p>B", "B"),
        ("<html><script>evil()</script><style>p {}</style><!-- no -->B", "B"),
        ("<html><script>never ends", ""),
        ("<h1>Access Denied</h1>Reference&#32;&#35;18&#46;d4", "Access Denied Reference #18.d4"),
        ("<html>" + "word " * 1000, "word " * 40 + "..."),
        ("no page <b>", "no page <b>"),
        ("", ""),
    ],
)
def test_body_excerpt(page: str, excerpt: str) -> None:
    assert body_excerpt(page).rstrip() == excerpt


def test_many_reasons() -> None:
    """All reasons are kept, and the first ten are printed."""
    reasons = [{"code": 53100320, "message": f"reason {number}"} for number in range(25)]
    with Wire(respond_json({"success": False, "reasons": reasons})) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert [reason.message for reason in error.reasons] == [f"reason {number}" for number in range(25)]
    assert "reason 9\n" in str(error)
    assert "  ... and 15 more reasons\n" in str(error)


def test_printed_error_is_limited() -> None:
    reasons = [{"code": "c" * 10_000, "message": "m" * 10_000}] * 100
    with Wire(respond_json({"success": False, "processId": "p" * 10_000, "reasons": reasons})) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert len(str(error)) < 15_000


def test_advice_covers_all_operations() -> None:
    for operation in Operation:
        refused = exceptions.PermissionDeniedError()
        advice.advise(operation, refused)
        assert ("administrator" in refused.advice) is (operation is not Operation.LIST)
        if operation is not Operation.LIST:
            unknown = OutcomeUnknownError()
            advice.advise(operation, unknown)
            assert "before you try again" in unknown.advice


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/v1/entity-connections", Operation.LIST),
        ("POST", "/v1/entity-connections/", Operation.INITIATE),
        ("PUT", "/v1/entity-connections/a%2Fb/accept", Operation.ACCEPT),
        ("PUT", "/v1/entity-connections/1/deny", Operation.DENY),
        ("PUT", "/v1/entity-connections/1/disconnect", Operation.DISCONNECT),
        ("PUT", "/v1/entity-connections", None),
        ("GET", "/v1/entity-connections/1/accept", None),
        ("PUT", "/v1/entity-connections/1/accept/more", None),
        ("PUT", "/v1/entity-connections/accept", None),
        ("GET", "/v1/entity-connections-of-mine", None),
        ("PUT", "/v1/entity-connections-of-mine/accept", None),
        ("GET", "/v1/entities", None),
    ],
)
def test_find_operation(method: str, path: str, operation: Operation | None) -> None:
    assert find_operation(method, path) is operation


# -- printed errors ---------------------------------------------------------------------------------------------------


def printed(call: Callable[[Any], Any], wire: Wire) -> str:
    text = str(failure_of(call, wire.api)).replace(wire.server.url, "http://HOST")
    return re.sub(r"\[Errno -?\d+\]", "[Errno N]", text)


def refusal(code: int, message: str) -> bytes:
    document = {"success": False, "processId": "CBCFED6580B4E076", "reasons": [{"code": code, "message": message}]}
    return respond_json(document, 200, {"Zuora-Request-Id": REQUEST_ID})


def disconnect(api: Any) -> Any:
    return api.put_entity_connections_disconnect(CONNECTION_ID, zuora_track_id="track-7")


def accept(api: Any) -> Any:
    return api.put_entity_connections_accept(CONNECTION_ID)


def test_print_failure_under_200() -> None:
    with Wire(refusal(53100030, "The connection is not established.")) as wire:
        assert printed(disconnect, wire) == (
            f"(200) Disconnect of connection {CONNECTION_ID} (no entity named): refused, nothing was done.\n"
            "Reason: The connection is not established.\n"
            f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/disconnect\n"
            "  53100030 (business rule): The connection is not established.\n"
            f"For Zuora support: request id {REQUEST_ID}, process id CBCFED6580B4E076, track id track-7\n"
            "What to do: List the connections first: this one may already be as you want it, or be gone. Otherwise "
            "fix what the reasons name; the same call would be refused again.\n"
            "More: docs/troubleshooting.md\n"
        )


def test_print_disconnect_in_doubt() -> None:
    with Wire(hang_up) as wire:
        assert printed(disconnect, wire) == (
            f"(None) Disconnect of connection {CONNECTION_ID} (no entity named): it may or may not have been done.\n"
            "Reason: the connection broke: the connection closed before the response headers were complete\n"
            f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/disconnect\n"
            "For Zuora support: track id track-7\n"
            "What to do: List the connection before you try again: Disconnected means done, Connected means not "
            "done, or not yet.\n"
            "More: docs/troubleshooting.md\n"
        )


def test_print_wrong_entity() -> None:
    with Wire(refusal(90000020, "Entity not accessible.")) as wire:
        assert printed(accept, wire) == (
            f"(200) Acceptance of connection {CONNECTION_ID} (no entity named): refused, nothing was done.\n"
            "Reason: Entity not accessible.\n"
            f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/accept\n"
            "  90000020 (wrong or inaccessible entity): Entity not accessible.\n"
            f"For Zuora support: request id {REQUEST_ID}, process id CBCFED6580B4E076\n"
            "What to do: These credentials have no access to the entity, or have access to several and none was "
            "named: check zuora_entity_ids (or entity_id), and which entities the OAuth client was created for.\n"
            "More: docs/troubleshooting.md\n"
        )


def test_print_missing_permission() -> None:
    with Wire(refusal(50000010, "You do not have permission.")) as wire:
        assert printed(accept, wire) == (
            f"(200) Acceptance of connection {CONNECTION_ID} (no entity named): refused, nothing was done.\n"
            "Reason: You do not have permission.\n"
            f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/accept\n"
            "  50000010 (permission or access denied): You do not have permission.\n"
            f"For Zuora support: request id {REQUEST_ID}, process id CBCFED6580B4E076\n"
            "What to do: This call requires an administrator of the TARGET entity, and must be made in that entity. "
            "For any write, the user of the OAuth client also needs API Write Access.\n"
            "More: docs/troubleshooting.md\n"
        )


def test_print_rate_limit() -> None:
    document = {
        "reasons": [{"code": 70, "message": "API Rate limit exceeded for the minute, retry after 200 seconds"}],
    }
    headers = {"RateLimit-Limit": "2250000, 50000;w=60, 2250000;w=3600", "RateLimit-Remaining": "0"}
    with Wire(respond_json(document, 429, {**headers, "Retry-After": "200", "Zuora-Request-Id": REQUEST_ID})) as wire:
        assert printed(accept, wire) == (
            f"(429) Acceptance of connection {CONNECTION_ID} (no entity named): refused, nothing was done.\n"
            "Reason: Test\n"
            f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/accept\n"
            "  70 (request exceeded limit): API Rate limit exceeded for the minute, retry after 200 seconds\n"
            f"For Zuora support: request id {REQUEST_ID}\n"
            "Limit by rate: 50000 calls in 60 s, 2250000 calls in 3600 s, 0 remaining\n"
            "Zuora asked to wait 200 s.\n"
            "What to do: Wait, then call less often: the limit counts all calls of your tenant, including failed "
            "ones.\n"
            "More: docs/troubleshooting.md\n"
        )
        assert wire.clock.sleeps == []


def test_print_rejected_client_id() -> None:
    document = {"status": 400, "error": "Bad Request", "message": "Invalid client id", "path": "/oauth/token"}
    with Wire(respond_json(document, 400), client_id="c" * 36, client_secret="s" * 36) as wire:
        assert printed(disconnect, wire) == (
            f"(400) Disconnect of connection {CONNECTION_ID} (no entity named): no token could be fetched, the request "
            "was not sent, nothing was done.\n"
            "Reason: http://HOST/oauth/token: Test\n"
            f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/disconnect\n"
            "  Bad Request: Invalid client id\n"
            "What to do: Zuora refused the OAuth client (client_id, client_secret). Check client_id and client_secret, "
            "that they were created in the data center of http://HOST, and that the user behind them is active.\n"
            "More: docs/troubleshooting.md\n"
        )


def test_print_refused_connection() -> None:
    with Wire(max_attempts=1) as wire:
        wire.server.__exit__()
        assert printed(disconnect, wire) == (
            f"(None) Disconnect of connection {CONNECTION_ID} (no entity named): the request was not sent, "
            "nothing was done.\n"
            "Reason: could not connect to http://HOST: Failed to establish a new connection: [Errno N] Connection "
            "refused\n"
            f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/disconnect\n"
            "What to do: Check host, name resolution, proxy and firewall; then call again.\n"
            "More: docs/troubleshooting.md\n"
        )
        wire.server.__enter__()


def test_print_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown_name(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    configuration = zuora_client.Configuration("https://rest.zuora.invalid", max_attempts=1)
    with zuora_client.ApiClient(configuration) as client:
        error = failure_of(accept, zuora_client.EntityConnectionsApi(client))
    lines = str(error).splitlines()
    assert lines[0] == (
        f"(None) Acceptance of connection {CONNECTION_ID} (no entity named): the request was not sent, nothing was "
        "done."
    )
    assert re.fullmatch(
        r"Reason: could not connect to https://rest\.zuora\.invalid: Failed to "
        r"(establish a new connection|resolve 'rest\.zuora\.invalid').*Name or service not known\)?",
        lines[1],
    )
    assert lines[2:] == [
        f"Request: PUT /v1/entity-connections/{CONNECTION_ID}/accept",
        "What to do: Check host, name resolution, proxy and firewall; then call again.",
        "More: docs/troubleshooting.md",
    ]


PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>nginx</h1></center></body></html>"


def test_print_load_balancer_page() -> None:
    with Wire(respond(502, PAGE, {"Content-Type": "text/html"}, "Bad Gateway"), max_attempts=1) as wire:
        request = {"targetEntityId": TARGET_ID}
        assert printed(lambda api: api.post_entity_connections(request=request), wire) == (
            f"(502) Connection request (no entity named) to {TARGET_ID}: it may or may not have been done.\n"
            "Reason: Bad Gateway\n"
            "Request: POST /v1/entity-connections\n"
            "  Response: 502 Bad Gateway nginx\n"
            "What to do: List the outbound connections of the source entity before you try again: Pending to this "
            "target means done.\n"
            "More: docs/troubleshooting.md\n"
        )
        assert printed(lambda api: api.get_entity_connections(), wire) == (
            "(502) List of connections (no entity named): no data was returned; a read changes nothing.\n"
            "Reason: Bad Gateway\n"
            "Request: GET /v1/entity-connections\n"
            "  Response: 502 Bad Gateway nginx\n"
            "What to do: Call again later; if it keeps failing, contact Zuora support and quote the ids of the "
            "response.\n"
            "More: docs/troubleshooting.md\n"
        )


def test_print_attempts() -> None:
    error = ApiTimeoutError(reason="late")
    error.method, error.path = "GET", "/v1/x"
    error.attempts = [AttemptRecord(1, 1.26, 503, "ServerError"), AttemptRecord(2, 130.0, None, "ApiTimeoutError")]
    error.attempts[0].wait = 0.5
    assert str(error).splitlines()[-1] == (
        "Attempts: #1 ServerError 503 after 1.3 s, waited 0.5 s; #2 ApiTimeoutError after 130.0 s"
    )
    assert repr(error.attempts[0]) == "#1 ServerError 503 after 1.3 s, waited 0.5 s"
