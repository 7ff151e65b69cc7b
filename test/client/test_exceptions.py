"""The tree of errors: what each one knows, carries through a copy and a pickle, and says to a person at night."""

from __future__ import annotations

import copy
import pickle
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from support import answer, json_answer
from support.calls import failure_of
from support.faulty import hang_up
from support.operations import CONNECTION_ID, TARGET_ID
from support.wire import Wire
from urllib3._collections import HTTPHeaderDict

import zuora_client
from zuora_client import exceptions
from zuora_client._base.text import body_excerpt, single_line
from zuora_client._call import advice
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
from zuora_client.rest import ApiException as ApiExceptionOfRest
from zuora_client.rest import RESTResponse

CLASSES = [
    value
    for value in vars(exceptions).values()
    if isinstance(value, type) and issubclass(value, ApiException) and value.__module__ == exceptions.__name__
]
REQUEST_ID = "0f3c2f4e-6e2b-4c88-9d3b-1f0e5a7c9b21"


# -- the tree -------------------------------------------------------------------------------------------------------


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"^(?:\|  )?(?:\+- )?(\w+) {2,}\S", exceptions.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in CLASSES)
    assert all(issubclass(kind, ApiException) for kind in CLASSES)
    assert issubclass(TlsError, ApiConnectionError)


def test_every_error_is_a_public_name() -> None:
    assert {kind.__name__ for kind in CLASSES} <= set(zuora_client.__all__)


def test_the_root_has_the_name_place_and_form_that_generated_code_knows() -> None:
    assert ApiExceptionOfRest is ApiException is zuora_client.ApiException
    assert str(ApiException(status=418, reason="Teapot")) == "(418)\nReason: Teapot\n"
    response = RESTResponse(502, "Bad Gateway", HTTPHeaderDict({"A": "b"}), b"words")
    error = ApiException(http_resp=response)
    assert (error.status, error.reason, error.body, dict(error.headers or {})) == (
        502,
        "Bad Gateway",
        "words",
        {"A": "b"},
    )
    assert str(error).startswith("(502)\nReason: Bad Gateway\n")


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_everything_from_the_start(kind: type[ApiException]) -> None:
    error = kind()
    assert (error.status, error.reason, error.body, error.headers) == (None, None, None, None)
    assert (error.method, error.path, error.reasons, error.attempts) == (None, None, (), [])
    assert (error.request_id, error.track_id, error.process_id, error.retry_after) == (None, None, None, None)
    with_status = "unknown" if kind is OutcomeUnknownError else "answered"
    assert (error.outcome, kind(status=400).outcome) == ("unknown", with_status)
    assert kind(*kind(504, "Gateway Timeout").args).outcome == with_status
    assert kind(outcome="not_sent").outcome == "not_sent"
    assert error.advice.endswith(".")


# -- copies and pickles ---------------------------------------------------------------------------------------------


def a_full(kind: type[ApiException]) -> ApiException:
    error = kind(503, "why")
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


def everything(error: ApiException) -> dict[str, Any]:
    facts = {**vars(error), "text": str(error), "args": error.args, "headers": dict(error.headers or {})}
    return {**facts, "attempts": [str(attempt) for attempt in error.attempts]}


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_survives_with_all_it_knows(kind: type[ApiException], way: str) -> None:
    error = a_full(kind)
    other = WAYS[way](error)
    assert type(other) is kind
    assert other is not error
    assert everything(other) == everything(error)
    assert type(other.__cause__) is InvalidResponseError
    assert everything(other.__cause__) == everything(error.__cause__)
    if kind is RateLimitError:
        assert (other.limits, other.limit_type, other.remaining) == ({60: 50000}, "concurrency", 3)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "copy"])  # which shares what it holds
def test_an_error_from_the_wire_survives_without_its_foreign_cause(way: str) -> None:
    with Wire(hang_up) as wire:
        error = failure_of(lambda api: api.put_entity_connections_deny(CONNECTION_ID), wire.api)
    other = WAYS[way](error)
    assert everything(other) == everything(error)
    assert type(other.__cause__) is ApiConnectionError
    assert other.__cause__.__cause__ is None


# -- reasons --------------------------------------------------------------------------------------------------------


def test_every_category_has_a_name() -> None:
    assert {Reason(53100000 + number, "").category_name for number in CATEGORIES} == set(CATEGORIES.values())
    assert Reason(53100055, "").category_name is None
    assert Reason("SystemError", "").category_name is None


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(53100320, "wrong\nline"), "53100320 (invalid format or value): wrong line"),
        (Reason(90000020, "no"), "90000020 (wrong or inaccessible entity): no"),
        (Reason(53100055, "no"), "53100055: no"),
        (Reason("SystemError", "no"), "SystemError: no"),
        (Reason("a\x1b[31m\n" + "b" * 600, ""), "a?[31m " + "b" * 493 + "..."),
        (Reason(70, ""), "70 (request exceeded limit)"),
        (Reason(None, "no"), "no"),
        (Reason(None, ""), "(no message)"),
    ],
)
def test_a_reason_in_words(reason: Reason, text: str) -> None:
    assert str(reason) == text


def test_reasons_are_values() -> None:
    assert Reason(1, "a") == Reason(1, "a") != Reason(1, "b")
    assert len({Reason(1, "a"), Reason(1, "a"), Reason(2, "a")}) == 2
    assert eval(repr(Reason(1, "a"))) == Reason(1, "a")
    assert Reason(1, "a") != (1, "a")


# -- text from outside ----------------------------------------------------------------------------------------------


def test_text_from_outside_is_one_short_printable_line() -> None:
    assert single_line("a\r\nb\t c\x00\x1b[2J\u202e\ud800") == "a b c??[2J??"
    assert single_line("x" * 501) == "x" * 500 + "..."
    assert single_line("x" * 10_000_000, 20) == "x" * 20 + "..."
    assert single_line(None) == "None"


@pytest.mark.parametrize(
    ("page", "words"),
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
def test_an_extract_holds_the_words_of_a_page(page: str, words: str) -> None:
    assert body_excerpt(page).rstrip() == words


def test_many_reasons_are_all_kept_and_some_are_shown() -> None:
    reasons = [{"code": 53100320, "message": f"reason {number}"} for number in range(25)]
    with Wire(json_answer({"success": False, "reasons": reasons})) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert [reason.message for reason in error.reasons] == [f"reason {number}" for number in range(25)]
    assert "reason 9\n" in str(error)
    assert "  ... and 15 more reasons\n" in str(error)


def test_no_error_prints_more_than_a_screen() -> None:
    reasons = [{"code": "c" * 10_000, "message": "m" * 10_000}] * 100
    with Wire(json_answer({"success": False, "processId": "p" * 10_000, "reasons": reasons})) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert len(str(error)) < 15_000


def test_what_an_operation_advises_names_every_operation() -> None:
    verbs = {"accept", "deny", "disconnect"}
    templates = {"/v1/entity-connections", *(f"/v1/entity-connections/{{connection_id}}/{verb}" for verb in verbs)}
    for template in templates:
        unknown, refused = OutcomeUnknownError(), exceptions.PermissionDeniedError()
        unknown.method = refused.method = "PUT"
        advice.advise(template, unknown)
        advice.advise(template, refused)
        assert "before you try again" in unknown.advice
        assert "administrator" in refused.advice


# -- what is printed at night ---------------------------------------------------------------------------------------


def printed(call: Callable[[Any], Any], wire: Wire) -> str:
    text = str(failure_of(call, wire.api)).replace(wire.server.url, "http://HOST")
    return re.sub(r"\[Errno -?\d+\]", "[Errno N]", text)


def refusal(code: int, message: str) -> bytes:
    document = {"success": False, "processId": "CBCFED6580B4E076", "reasons": [{"code": code, "message": message}]}
    return json_answer(document, 200, {"Zuora-Request-Id": REQUEST_ID})


def disconnect(api: Any) -> Any:
    return api.put_entity_connections_disconnect(CONNECTION_ID, zuora_track_id="night-shift-7")


def accept(api: Any) -> Any:
    return api.put_entity_connections_accept(CONNECTION_ID)


def test_print_of_a_200_that_says_no() -> None:
    with Wire(refusal(53100030, "The connection is not established.")) as wire:
        assert printed(disconnect, wire) == (
            "(200)\n"
            "Reason: The connection is not established.\n"
            f"PUT /v1/entity-connections/{CONNECTION_ID}/disconnect: refused, nothing was done.\n"
            "  53100030 (business rule): The connection is not established.\n"
            f"For Zuora support: request id {REQUEST_ID}, process id CBCFED6580B4E076, track id night-shift-7\n"
            "What to do: Look at the list before anything else: the connection may already be what you want, or be "
            "gone. Otherwise correct what the answer names; the same call would be refused again.\n"
        )


def test_print_of_a_disconnect_that_nobody_knows_about() -> None:
    with Wire(hang_up) as wire:
        assert printed(disconnect, wire) == (
            "(None)\n"
            "Reason: the connection broke: the connection ended before the head of the answer was here\n"
            f"PUT /v1/entity-connections/{CONNECTION_ID}/disconnect: it may or may not have been done.\n"
            "For Zuora support: track id night-shift-7\n"
            "What to do: List the connection before you try again: Disconnected means done, Connected means not "
            "done, or not yet.\n"
        )


def test_print_of_a_wrong_entity() -> None:
    with Wire(refusal(90000020, "Entity not accessible.")) as wire:
        assert printed(accept, wire) == (
            "(200)\n"
            "Reason: Entity not accessible.\n"
            f"PUT /v1/entity-connections/{CONNECTION_ID}/accept: refused, nothing was done.\n"
            "  90000020 (wrong or inaccessible entity): Entity not accessible.\n"
            f"For Zuora support: request id {REQUEST_ID}, process id CBCFED6580B4E076\n"
            "What to do: The entity is not one that these credentials may use, or none was named and they "
            "hold several: check zuora_entity_ids (or "
            "entity_id), and which entities the OAuth client was made for.\n"
        )


def test_print_of_a_missing_permission() -> None:
    with Wire(refusal(50000010, "You do not have permission.")) as wire:
        assert printed(accept, wire) == (
            "(200)\n"
            "Reason: You do not have permission.\n"
            f"PUT /v1/entity-connections/{CONNECTION_ID}/accept: refused, nothing was done.\n"
            "  50000010 (permission or access denied): You do not have permission.\n"
            f"For Zuora support: request id {REQUEST_ID}, process id CBCFED6580B4E076\n"
            "What to do: An administrator of the TARGET entity must make this call, in that entity. To write at "
            "all, the user behind the client needs API Write Access.\n"
        )


def test_print_of_a_limit() -> None:
    said = {
        "reasons": [{"code": 70, "message": "API Rate limit exceeded for the minute, retry after 200 seconds"}],
    }
    headers = {"RateLimit-Limit": "2250000, 50000;w=60, 2250000;w=3600", "RateLimit-Remaining": "0"}
    with Wire(json_answer(said, 429, {**headers, "Retry-After": "200", "Zuora-Request-Id": REQUEST_ID})) as wire:
        assert printed(accept, wire) == (
            "(429)\n"
            "Reason: Said\n"
            f"PUT /v1/entity-connections/{CONNECTION_ID}/accept: refused, nothing was done.\n"
            "  70 (request exceeded limit): API Rate limit exceeded for the minute, retry after 200 seconds\n"
            f"For Zuora support: request id {REQUEST_ID}\n"
            "Limit by rate: 50000 calls in 60 s, 2250000 calls in 3600 s, 0 remaining\n"
            "Zuora asked to wait 200 s.\n"
            "What to do: Wait, then call again, less often: the limit counts every call of your tenant, failed ones "
            "too.\n"
        )
        assert wire.clock.sleeps == []


def test_print_of_a_refused_client_id() -> None:
    said = {"status": 400, "error": "Bad Request", "message": "Invalid client id", "path": "/oauth/token"}
    with Wire(json_answer(said, 400), client_id="c" * 36, client_secret="s" * 36) as wire:
        assert printed(disconnect, wire) == (
            "(400)\n"
            "Reason: http://HOST/oauth/token: Said\n"
            f"PUT /v1/entity-connections/{CONNECTION_ID}/disconnect: the request was not sent, nothing was done.\n"
            "  Bad Request: Invalid client id\n"
            "What to do: Check client_id and client_secret, that they were created in the data center of http://HOST, "
            "and that the user behind them is active.\n"
        )


def test_print_of_a_refused_connection() -> None:
    with Wire(max_attempts=1) as wire:
        wire.server.__exit__()
        assert printed(disconnect, wire) == (
            "(None)\n"
            "Reason: no connection to http://HOST: Failed to establish a new connection: [Errno N] Connection "
            "refused\n"
            f"PUT /v1/entity-connections/{CONNECTION_ID}/disconnect: the request was not sent, nothing was done.\n"
            "What to do: Check host, name resolution, proxy and firewall; then call again.\n"
        )
        wire.server.__enter__()


def test_print_of_a_name_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown_name(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    configuration = zuora_client.Configuration("https://rest.zuora.invalid", max_attempts=1)
    with zuora_client.ApiClient(configuration) as client:
        error = failure_of(accept, zuora_client.EntityConnectionsApi(client))
    lines = str(error).splitlines()
    assert lines[0] == "(None)"
    assert re.fullmatch(
        r"Reason: no connection to https://rest\.zuora\.invalid: Failed to "
        r"(establish a new connection|resolve 'rest\.zuora\.invalid').*Name or service not known\)?",
        lines[1],
    )
    assert lines[2:] == [
        f"PUT /v1/entity-connections/{CONNECTION_ID}/accept: the request was not sent, nothing was done.",
        "What to do: Check host, name resolution, proxy and firewall; then call again.",
    ]


PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>nginx</h1></center></body></html>"


def test_print_of_the_page_of_a_load_balancer() -> None:
    with Wire(answer(502, PAGE, {"Content-Type": "text/html"}, "Bad Gateway"), max_attempts=1) as wire:
        request = {"targetEntityId": TARGET_ID}
        assert printed(lambda api: api.post_entity_connections(request=request), wire) == (
            "(502)\n"
            "Reason: Bad Gateway\n"
            "POST /v1/entity-connections: it may or may not have been done.\n"
            "  Response: 502 Bad Gateway nginx\n"
            "What to do: List the outbound connections of the source entity before you try again: Pending to this "
            "target means done.\n"
        )
        assert printed(lambda api: api.get_entity_connections(), wire) == (
            "(502)\n"
            "Reason: Bad Gateway\n"
            "GET /v1/entity-connections: Zuora answered without the data. Reads change nothing.\n"
            "  Response: 502 Bad Gateway nginx\n"
            "What to do: Call again later; if it keeps failing, contact Zuora support and quote the ids of the "
            "response.\n"
        )


def test_print_of_several_attempts_tells_each() -> None:
    error = ApiTimeoutError(reason="late")
    error.method, error.path = "GET", "/v1/x"
    error.attempts = [AttemptRecord(1, 1.26, 503, "ServerError"), AttemptRecord(2, 130.0, None, "ApiTimeoutError")]
    error.attempts[0].wait = 0.5
    assert str(error).splitlines()[-1] == (
        "Attempts: #1 ServerError 503 after 1.3 s, waited 0.5 s; #2 ApiTimeoutError after 130.0 s"
    )
    assert repr(error.attempts[0]) == "#1 ServerError 503 after 1.3 s, waited 0.5 s"
