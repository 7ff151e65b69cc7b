"""The first line of an error, and the error as data: which operation on which entities, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support import respond, respond_json
from support.calls import failure_of
from support.faulty import hang_up
from support.operations import CONNECTION_ID, ENTITY_ID, TARGET_ID
from support.wire import Wire

from zuora_client import (
    ApiException,
    AttemptRecord,
    EntitiesApi,
    OutcomeUnknownError,
    PlanIncompleteError,
    RateLimitError,
    Reason,
)

Call = Callable[[Any], Any]
IN_ENTITY: dict[str, Any] = {"zuora_entity_ids": ENTITY_ID}
CALLS: dict[str, tuple[Call, str]] = {
    "list": (lambda api: api.get_entity_connections(**IN_ENTITY), f"List of connections of entity {ENTITY_ID}"),
    "initiate": (
        lambda api: api.post_entity_connections(request={"targetEntityId": TARGET_ID}, **IN_ENTITY),
        f"Connection request from {ENTITY_ID} to {TARGET_ID}",
    ),
    "accept": (
        lambda api: api.put_entity_connections_accept(CONNECTION_ID, **IN_ENTITY),
        f"Acceptance of connection {CONNECTION_ID} in entity {ENTITY_ID}",
    ),
    "deny": (
        lambda api: api.put_entity_connections_deny(CONNECTION_ID, **IN_ENTITY),
        f"Denial of connection {CONNECTION_ID} in entity {ENTITY_ID}",
    ),
    "disconnect": (
        lambda api: api.put_entity_connections_disconnect(CONNECTION_ID, **IN_ENTITY),
        f"Disconnect of connection {CONNECTION_ID} in entity {ENTITY_ID}",
    ),
    "list entities": (lambda api: EntitiesApi(api.api_client).get_entities(), "List of entities"),
    "read entity": (
        lambda api: EntitiesApi(api.api_client).get_entity_by_id(TARGET_ID, **IN_ENTITY),
        f"Read of entity {TARGET_ID}",
    ),
}
READS = ("list", "list entities", "read entity")


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("prefix", ["", "/proxied/zuora"])
def test_summary_of_each_operation(operation: str, prefix: str) -> None:
    """The first line names operation, connection and entities; a path in the host changes nothing."""
    call, subject = CALLS[operation]
    with Wire(respond(403)) as wire:
        wire.configuration.host += prefix
        error = failure_of(call, wire.api)
    became = "no data was returned; a read changes nothing." if operation in READS else "refused, nothing was done."
    assert error.summary == f"(403) {subject}: {became}"
    assert str(error).splitlines()[:2] == [error.summary, "Reason: Test"]
    assert f"\nRequest: {error.method} {prefix}/v1/" in str(error)
    assert error.operation == operation


@pytest.mark.parametrize("operation", [name for name in CALLS if name not in READS])
def test_summary_of_a_write_in_doubt(operation: str) -> None:
    call, subject = CALLS[operation]
    with Wire(hang_up, max_attempts=1) as wire:
        error = failure_of(call, wire.api)
    assert error.summary == f"(None) {subject}: it may or may not have been done."


@pytest.mark.parametrize("operation", CALLS)
def test_summary_without_a_token(operation: str) -> None:
    """If no token could be fetched, the error is about the operation all the same."""
    call, subject = CALLS[operation]
    with Wire(respond(400), client_id="c" * 36, client_secret="s" * 36) as wire:
        error = failure_of(call, wire.api)
    assert error.summary.startswith(f"(400) {subject}: no token could be fetched, the request was not sent")


def test_summary_of_another_path() -> None:
    with Wire(respond(404)) as wire:
        error = failure_of(lambda api: api.api_client.call_api("/v1/accounts/1", "DELETE"), wire.api)
        assert error.summary == "(404) DELETE /v1/accounts/1: refused, nothing was done."
        wire.configuration.entity_id = ENTITY_ID
        error = failure_of(lambda api: api.api_client.call_api("/v1/accounts/1", "GET"), wire.api)
    assert error.summary.startswith(f"(404) GET /v1/accounts/1 in entity {ENTITY_ID}: no data")
    assert (error.operation, error.entity_id) == (None, ENTITY_ID)


@pytest.mark.parametrize("body", [None, [], {"targetEntityId": 7}, "text"])
def test_summary_of_an_unusual_request(body: Any) -> None:
    """A connection request of `call_api` may name no target."""
    with Wire(respond(400)) as wire:
        error = failure_of(lambda api: api.api_client.call_api("/v1/entity-connections", "POST", body=body), wire.api)
    assert error.summary == "(400) Connection request (no entity named): refused, nothing was done."


def test_summary_is_one_line() -> None:
    error = ApiException(400)
    error.method, error.path, error.operation = "PUT", "/", "disconnect"
    error.connection_id, error.source_name, error.target_name = "1\n2", "A\r\n(200) B", "\x1b[31m" + "x" * 1000
    assert error.summary.startswith("(400) Disconnect of connection 1 2 (A (200) B -> ?[31mxxx")
    assert len(error.summary) < 600


def test_failure_as_model_is_described() -> None:
    """With raise_on_failure=False the iterator raises; its error names the entity, too."""
    with Wire(respond_json({"success": False}), raise_on_failure=False) as wire, pytest.raises(ApiException) as caught:
        next(wire.api.iter_entity_connections(zuora_entity_ids=ENTITY_ID))
    assert caught.value.summary.startswith(f"(200) List of connections of entity {ENTITY_ID}: ")


def test_unusable_page_names_the_entity() -> None:
    page = respond_json({"success": True, "entityConnections": [], "nextPage": "https://[/"})
    with Wire(page) as wire, pytest.raises(ApiException, match="nextPage") as caught:
        next(wire.api.iter_entity_connections(zuora_entity_ids=ENTITY_ID))
    assert caught.value.summary.startswith(f"(200) List of connections of entity {ENTITY_ID}: ")


def test_error_rebuilt_from_args() -> None:
    """Celery's JSON backend rebuilds an error from its args: it must not claim that a write was refused."""
    with Wire(hang_up) as wire:
        error = failure_of(CALLS["deny"][0], wire.api)
    rebuilt = type(error)(*json.loads(json.dumps(error.args)))
    assert (rebuilt.outcome, rebuilt.reason) == ("unknown", error.reason)
    assert rebuilt.summary == "(None) A write may or may not have been done."
    assert OutcomeUnknownError(502, "Bad Gateway").summary == "(502) A write may or may not have been done."
    assert PlanIncompleteError(400, "why").summary == "(400) Some pairs of a plan could not be connected."
    assert ApiException(404, "why").summary == "(404)"


# -- as data ----------------------------------------------------------------------------------------------------------


def test_to_dict() -> None:
    error = RateLimitError(429, "Too Many Requests")
    error.body, error.headers = "the body", {"Set-Cookie": "the cookie"}
    error.method, error.path, error.operation, error.entity_id = "GET", "/v1/entity-connections", "list", ENTITY_ID
    error.reasons, error.retry_after = (Reason(70, "Slow down."), Reason("Word", "")), 2.5
    error.limits, error.remaining = {60: 50000}, 0
    error.attempts = [AttemptRecord(1, 0.25, 429, "RateLimitError")]
    document = json.loads(json.dumps(error.to_dict()))
    assert document == {
        "error": "RateLimitError",
        "summary": error.summary,
        "status": 429,
        "reason": "Too Many Requests",
        "outcome": "answered",
        "operation": "list",
        "connection_id": None,
        "entity_id": ENTITY_ID,
        "entity_name": None,
        "source_entity_id": None,
        "source_name": None,
        "target_entity_id": None,
        "target_name": None,
        "method": "GET",
        "path": "/v1/entity-connections",
        "request_id": None,
        "process_id": None,
        "track_id": None,
        "retry_after": 2.5,
        "deadline_exceeded": False,
        "advice": error.advice,
        "reasons": [
            {"code": 70, "category": 70, "category_name": "request exceeded limit", "message": "Slow down."},
            {"code": "Word", "category": None, "category_name": None, "message": ""},
        ],
        "attempts": [{"number": 1, "elapsed": 0.25, "status": 429, "error": "RateLimitError", "wait": None}],
        "limit_type": "rate",
        "limits": {"60": 50000},
        "remaining": 0,
    }


@pytest.mark.parametrize("operation", CALLS)
def test_to_dict_holds_no_secret(operation: str) -> None:
    """A server may echo the token; the entity and the ids are kept."""
    secret = "tok-Secret/4711"
    echo = {"success": False, "processId": secret, "reasons": [{"code": secret, "message": f"Bad token {secret}"}]}
    with Wire(respond_json(echo, 400, {"Zuora-Request-Id": secret}), access_token=secret) as wire:
        error = failure_of(CALLS[operation][0], wire.api)
    text = json.dumps(error.to_dict()) + str(error)
    assert secret not in text
    assert "4711" not in text
    assert CALLS[operation][1] in error.summary
