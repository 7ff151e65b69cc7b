"""Unreadable and unusual bodies, over HTTP: each is one typed error or a value, for every operation."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import pytest
from support import respond
from support.calls import failure_of
from support.operations import CONNECTION_ID, OPERATIONS
from support.wire import Wire

from zuora_client import (
    ApiClient,
    InvalidResponseError,
    OutcomeUnknownError,
)

pytestmark = pytest.mark.usefixtures("deep_stack")

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


def success_with(field: bytes) -> bytes:
    return b'{"id": "1", "success": true, "extra": ' + field + b"}"


# -- response bodies --------------------------------------------------------------------------------------------------

UNREADABLE = {
    "not UTF-8": b'{"success": true, "id": "\xff"}',
    "Latin-1": '{"success": true, "id": "Zürich"}'.encode("latin-1"),
    "UTF-16": '{"success": true}'.encode("utf-16"),
    "words": b"It works!",
    "spaces": b" \r\n\t",
    "cut off": b'{"success": true, "id": "8a80',
    "two documents": b'{"success": true}{"success": true}',
    "single quotes": b"{'success': true}",
    "a trailing comma": b'{"success": true,}',
    "a comment": b'{"success": true} // comment',
    "a line break in text": b'{"success": true, "id": "a\nb"}',
    "100,000 lists": nested(100_000),
    "100,000 unclosed lists": b"[" * 100_000,
    "100,000 objects": nested(100_000, '{"a":', "}"),
    "100,000 lists in a field": success_with(nested(100_000)),
    "a long integer before broken JSON": success_with(b"1" * 5000 + b"x"),
    "a long integer before 100,000 lists": b"[" + b"1" * 5000 + b"," + b"[" * 100_000,
    "a list": b"[]",
    "a list of successes": b'[{"success": true}]',
    "text": b'"success"',
    "a number": b"1",
    "NaN": b"NaN",
    "true": b"true",
    "null": b"null",
}


@every_operation
@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_body(name: str, operation: Any) -> None:
    """An unreadable body raises InvalidResponseError; after a write the outcome is unknown."""
    with Wire(respond(200, UNREADABLE[name])) as wire:
        error = failure_of(operation.call, wire.api)
        assert len(wire.requests) == 1
    assert error.status == 200
    if operation.method == "GET":
        assert (type(error), error.outcome) == (InvalidResponseError, "answered")
    else:
        assert (type(error), error.outcome) == (OutcomeUnknownError, "unknown")
        assert type(error.__cause__) is InvalidResponseError


WRONG_INSIDE = {
    "an object where a list should be": b'{"success": true, "entityConnections": {"id": "1"}}',
    "text where a list should be": b'{"success": true, "entityConnections": "none"}',
    "a number where an item should be": b'{"success": true, "entityConnections": [7]}',
    "a list where an item should be": b'{"success": true, "entityConnections": [["id", "1"]]}',
    "text where an item should be": b'{"success": true, "entityConnections": [{"id": "1"}, "2"]}',
}


@pytest.mark.parametrize("name", WRONG_INSIDE)
def test_wrong_container_in_list(name: str) -> None:
    with Wire(respond(200, WRONG_INSIDE[name])) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert (type(error), error.status, error.outcome) == (InvalidResponseError, 200, "answered")
    assert "where" in str(error.reason)


READABLE = {
    "a byte order mark": (b"\xef\xbb\xbf" + success_with(b"1"), 1),
    "NaN": (success_with(b"NaN"), math.nan),
    "infinity": (success_with(b"-Infinity"), -math.inf),
    "a float out of range": (success_with(b"1e999"), math.inf),
    "a 5,000-digit integer": (success_with(b"7" * 5000), "7" * 5000),
    "half a surrogate pair": (success_with(b'"\\ud800"'), "\ud800"),
    "a zero byte": (success_with(b'"\\u0000"'), "\0"),
    "a key twice": (b'{"success": true, "extra": 1, "extra": 2}', 2),
    "99 lists": (success_with(nested(99)), json.loads(nested(99))),
    "null": (success_with(b"null"), None),
}


@every_operation
@pytest.mark.parametrize("name", READABLE)
def test_unusual_body_is_read(name: str, operation: Any) -> None:
    body, value = READABLE[name]
    with Wire(respond(200, body)) as wire:
        result = operation.call(wire.api)
    assert result.success is True
    extra = result.additional_properties["extra"]
    assert extra == value or (math.isnan(extra) and math.isnan(value))
    assert_usable(result)


def assert_usable(model: Any) -> None:
    """Check that a model can be printed, copied and pickled without a loss."""
    assert repr(model)
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(other) is type(model)
        assert repr(other.to_dict()) == repr(model.to_dict())
        assert repr(other.additional_properties) == repr(model.additional_properties)


def test_null_list_and_null_item() -> None:
    null_list = respond(200, b'{"success": true, "entityConnections": null}')
    with Wire(null_list, respond(200, b'{"entityConnections": [null]}')) as wire:
        assert wire.api.get_entity_connections().entity_connections is None
        assert wire.api.get_entity_connections().entity_connections == [None]  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("body", "is_duplicate"),
    [
        (b'{"success": false, "success": true}', True),
        (b'{"success": true, "a": {"success": false}, "success": true}', True),
        (b'{"success": true, "a": {"success": false}, "b": "\\"success\\""}', False),
    ],
)
def test_success_twice(body: bytes, is_duplicate: bool) -> None:
    """Parsers keep the last of two equal keys: two values of `success` leave a write in doubt."""
    with Wire(respond(200, body)) as wire:
        if is_duplicate:
            error = failure_of(lambda api: api.put_entity_connections_accept("1"), wire.api)
            assert error.outcome == "unknown"
        else:
            assert wire.api.put_entity_connections_accept("1").success is True


# Around the limits of the JSON parsers: the recursion limit before Python 3.12, 1,500 in 3.12, 10,000 in 3.13.
DEPTHS = [101, 300, 500, *range(900, 1000, 9), *range(1470, 1510, 7), *range(9970, 10_030, 9)]


@pytest.mark.parametrize("depth", DEPTHS)
def test_nesting_limit(depth: int) -> None:
    """Nesting over 100 is refused, whether or not the JSON parser of this Python could read it."""
    deep = nested(depth)
    row = b'{"id": %s, "sourceEntityId": "a", "status": "b", "targetEntityId": "c"}' % deep
    with ApiClient() as client:
        for document, response_type in (
            (success_with(deep), "POSTEntityConnectionsResponseType"),
            (b'{"id": %s}' % deep, "POSTEntityConnectionsResponseType"),
            (b'{"entityConnections": [%s]}' % row, "GETEntityConnectionsResponseType"),
            (b'{"entityConnections": %s}' % deep, "GETEntityConnectionsResponseType"),
            (deep, "object"),
            (deep, "datetime"),
            (b'{"a": %s}' % deep, "dict(str, object)"),
            (b"[%s]" % deep, "list[int]"),
        ):
            with pytest.raises(InvalidResponseError):
                client.deserialize(Body(document), response_type)


@pytest.mark.parametrize("depth", DEPTHS)
def test_deeply_nested_reasons(depth: int) -> None:
    """Deeply nested reasons lead to an error of limited size that has the status."""
    body = b'{"success": false, "reasons": [{"code": 53100020, "message": %s}]}' % nested(depth)
    with Wire(respond(200, body)) as wire:
        error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
    assert len(str(error)) < 2000
    assert error.status == 200


class Body:
    """The argument of `deserialize`: an object with `data`."""

    def __init__(self, data: Any) -> None:
        self.data = data


# -- charsets ---------------------------------------------------------------------------------------------------------


@every_operation
@pytest.mark.parametrize("charset", ["idna", "undefined", "unicode_escape", "utf-7", "punycode", "hex", "mbcs"])
def test_unusable_charset(charset: str, operation: Any) -> None:
    """A charset that cannot decode text does not replace the error of the status."""
    headers = {"Content-Type": f"text/html; charset={charset}"}
    with Wire(respond(403, b"<html>\\d Access denied \xff.</html>", headers)) as wire:
        error = failure_of(operation.call, wire.api)
    assert error.status == 403
    assert str(error)


# -- request bodies ---------------------------------------------------------------------------------------------------


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


NOT_JSON: dict[str, tuple[Any, type[Exception]]] = {
    "a list that contains itself": (CYCLE, ValueError),
    "a deep list": (DEEP, ValueError),
    "NaN": ({"a": math.nan}, ValueError),
    "infinity": (math.inf, ValueError),
    "bytes that are not UTF-8": (b"\xff", ValueError),
    "a long integer": (10**5000, ValueError),
    "a key that is not text": ({(1, 2): 3}, TypeError),
    "an object": (object(), TypeError),
    "a set": ({1, 2}, TypeError),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_body_must_be_json_data(name: str) -> None:
    """A request body that is not JSON data raises an error that names the parameter."""
    value, error = NOT_JSON[name]
    with Wire() as wire:
        with pytest.raises(error, match=r"^body: "):
            wire.client.call_api("/v1/any", "POST", body=value)
        assert wire.requests == []


@pytest.mark.parametrize("name", ["a list that contains itself", "a deep list"])
def test_sanitize_refuses_cycles(name: str) -> None:
    with ApiClient() as client, pytest.raises(ValueError, match="nested too deeply"):
        client.sanitize_for_serialization(NOT_JSON[name][0])
