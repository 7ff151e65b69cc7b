"""Every response results in a usable model or a usable ApiException."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.effort import examples
from support.json_documents import answers, documents
from support.operations import OPERATIONS, Operation
from support.socketless import Socketless

from zuora_client import ApiException, InvalidResponseError, OutcomeUnknownError
from zuora_client._call.operations import find_operation
from zuora_client._call.success import is_success

STATUSES = st.sampled_from([200, 201, 204, 299, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503, 600])
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)


def outcome_of(operation: Operation, socketless: Socketless) -> Any:
    """Return the model that a call returns or the ApiException that it raises, and check it."""
    try:
        model = operation.call(socketless.api)
    except ApiException as error:
        assert_error_is_usable(error, operation)
        return error
    assert type(model) is operation.model
    assert_model_is_usable(model)
    return model


def succeeds(operation: Operation, document: Any) -> bool:
    return is_success(find_operation(operation.method, operation.path), 200, document)


def same(first: Any, second: Any) -> bool:
    """Compare with NaN equal to NaN."""
    if isinstance(first, float) and isinstance(second, float):
        return first == second or (math.isnan(first) and math.isnan(second))
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if hasattr(first, "to_dict"):
        assert type(first) is type(second)
        return same(first.additional_properties, second.additional_properties) and all(
            same(getattr(first, name), getattr(second, name)) for name in first.attribute_map
        )
    return bool(type(first) is type(second) and first == second)


def assert_model_is_usable(model: Any) -> None:
    assert repr(model) == model.to_str()
    assert list(model.to_dict()) == list(model.swagger_types)
    assert model == model
    assert model != 1
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same(other, model)


def assert_error_is_usable(error: ApiException, operation: Operation) -> None:
    assert str(error).startswith(f"{error.summary}\nReason: ")
    assert error.summary.startswith(f"({error.status}) ")
    json.dumps(error.to_dict(), allow_nan=False)
    assert str(error).isascii() or all(line.isprintable() for line in str(error).splitlines())
    assert len(str(error)) < 20_000
    assert (error.method, error.path) == (operation.method, operation.path)
    assert error.outcome in ("answered", "unknown")
    for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert other.reasons == error.reasons
    if isinstance(error, OutcomeUnknownError):
        assert operation.method != "GET"
        assert isinstance(error.__cause__, ApiException)
        assert error.__cause__.status == error.status


@every_operation
@pytest.mark.parametrize("raise_on_failure", [True, False])
def test_any_json_document(operation: Operation, raise_on_failure: bool) -> None:
    with Socketless(raise_on_failure=raise_on_failure) as socketless:

        @examples(10)
        @given(answers | documents, STATUSES)
        @example({"success": False, "reasons": [{"code": 10**4000, "message": {"a": [1]}}]}, 200)
        @example({"entityConnections": [{"id": math.nan, "status": [], "a": {"b": {}}}, None]}, 200)
        @example(None, 200)
        def holds(document: Any, status: int) -> None:
            socketless.say(b"" if status == 204 else json.dumps(document).encode(), status)
            found = outcome_of(operation, socketless)
            if not isinstance(found, ApiException) and status != 204:
                assert status == 200
                assert isinstance(document, dict)
                kept = {**document, **found.additional_properties}
                assert set(kept) == set(document)
                assert raise_on_failure or (found.success is False) is not succeeds(operation, document)
                for name, key in found.attribute_map.items():
                    was_set = name == "success" and not raise_on_failure and found.success is False
                    if name != "entity_connections" and not was_set:
                        assert same(getattr(found, name), json.loads(json.dumps(document)).get(key))

        holds()


def test_failure_is_never_a_success() -> None:
    with Socketless() as socketless:

        @given(st.sampled_from(OPERATIONS), answers)
        def holds(operation: Operation, document: Any) -> None:
            socketless.say(json.dumps(document).encode())
            found = outcome_of(operation, socketless)
            if document.get("success") is False:
                assert isinstance(found, ApiException)
                assert not isinstance(found, InvalidResponseError)
            if not isinstance(found, ApiException) and document.get("reasons"):
                assert document["success"] not in (None, False)

        holds()


CONTENT_TYPES = st.sampled_from(
    ["application/json", "text/html", "", "application/json; charset=", "x; charset=utf-16", "x; charset=idna", "\xe4"]
)


def test_any_bytes_with_any_content_type() -> None:
    with Socketless() as socketless:

        @examples(70)
        @given(st.sampled_from(OPERATIONS), st.binary(max_size=60), STATUSES, CONTENT_TYPES, st.booleans())
        @example(OPERATIONS[0], b"<html>\\d\xff", 403, "text/html; charset=unicode_escape", False)
        @example(OPERATIONS[1], b"\xef\xbb\xbf", 200, "", False)
        def holds(operation: Operation, body: bytes, status: int, content_type: str, zipped: bool) -> None:
            headers = {"Content-Type": content_type, **({"Content-Encoding": "gzip"} if zipped else {})}
            socketless.say(gzip.compress(body) if zipped else body, status, headers)
            outcome_of(operation, socketless)

        holds()


HEADERS = st.sampled_from(
    [
        "Retry-After",
        "Date",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "Concurrency-Limit-Limit",
        "Concurrency-Limit-Remaining",
        "Zuora-Request-Id",
        "Zuora-Track-Id",
        "Location",
        "Content-Type",
        "Content-Encoding",
        "WWW-Authenticate",
    ]
)
VALUES = (
    st.text(st.characters(max_codepoint=255), max_size=30)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.datetimes().map(lambda when: f"{when:%c}")
)


def test_any_headers() -> None:
    with Socketless() as socketless:

        @examples(70)
        @given(st.sampled_from(OPERATIONS), st.dictionaries(HEADERS, VALUES), STATUSES)
        def holds(operation: Operation, headers: dict[str, str], status: int) -> None:
            socketless.say(b'{"reasons": [{"code": 50000070, "message": "Concurrency"}]}', status, headers)
            outcome_of(operation, socketless)

        holds()


NATIVE = st.sampled_from(["date", "datetime", "str", "int", "float", "bool", "object"])
DATES = st.text("0123456789-:T Z+.,/UGMTC", max_size=30) | st.datetimes().map(str)


@given(NATIVE, documents | DATES)
def test_any_json_as_any_native_type(kind: str, document: Any) -> None:
    with Socketless() as socketless:
        shapes = {kind: document, f"list[{kind}]": [document], f"dict(str, {kind})": {"success": True, "a": document}}
        for outer, body in shapes.items():
            socketless.say(json.dumps(body).encode())
            with contextlib.suppress(ApiException):
                socketless.client.call_api("/v1/any", "GET", response_type=outer)
