"""Bodies that lie, through HTTP: one typed error or a sensible value for each, the status kept, by every operation."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import pytest
from support import answer
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


def a_yes_with(field: bytes) -> bytes:
    return b'{"id": "1", "success": true, "extra": ' + field + b"}"


# -- bodies that lie ------------------------------------------------------------------------------------------------

UNREADABLE = {
    "not UTF-8": b'{"success": true, "id": "\xff"}',
    "Latin-1": '{"success": true, "id": "Zürich"}'.encode("latin-1"),
    "UTF-16": '{"success": true}'.encode("utf-16"),
    "words": b"It works!",
    "spaces": b" \r\n\t",
    "cut off": b'{"success": true, "id": "8a80',
    "two documents": b'{"success": true}{"success": true}',
    "single quotes": b"{'success': true}",
    "a comma too many": b'{"success": true,}',
    "a comment": b'{"success": true} // yes',
    "a line break in text": b'{"success": true, "id": "a\nb"}',
    "100,000 lists": nested(100_000),
    "100,000 lists that never end": b"[" * 100_000,
    "100,000 objects": nested(100_000, '{"a":', "}"),
    "100,000 lists in a field": a_yes_with(nested(100_000)),
    "a long integer before broken JSON": a_yes_with(b"1" * 5000 + b"x"),
    "a long integer before 100,000 lists": b"[" + b"1" * 5000 + b"," + b"[" * 100_000,
    "a list": b"[]",
    "a list of yeses": b'[{"success": true}]',
    "text": b'"success"',
    "a number": b"1",
    "NaN": b"NaN",
    "true": b"true",
    "null": b"null",
}


@every_operation
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read_is_one_typed_error(name: str, operation: Any) -> None:
    with Wire(answer(200, UNREADABLE[name])) as wire:
        error = failure_of(operation.call, wire.api)
        assert len(wire.requests) == 1
    assert error.status == 200
    if operation.method == "GET":
        assert (type(error), error.outcome) == (InvalidResponseError, "answered")
    else:
        assert (type(error), error.outcome) == (OutcomeUnknownError, "unknown")
        assert type(error.__cause__) is InvalidResponseError


WRONG_INSIDE = {
    "an object where a list should be": b'{"entityConnections": {"id": "1"}}',
    "text where a list should be": b'{"entityConnections": "none"}',
    "a number where a row should be": b'{"entityConnections": [7]}',
    "a list where a row should be": b'{"entityConnections": [["id", "1"]]}',
    "text where a row should be, among rows": b'{"entityConnections": [{"id": "1"}, "2"]}',
}


@pytest.mark.parametrize("name", WRONG_INSIDE)
def test_a_wrong_container_in_the_list_is_one_typed_error(name: str) -> None:
    with Wire(answer(200, WRONG_INSIDE[name])) as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert (type(error), error.status, error.outcome) == (InvalidResponseError, 200, "answered")
    assert "where" in str(error.reason)


READABLE = {
    "a byte order mark": (b"\xef\xbb\xbf" + a_yes_with(b"1"), 1),
    "NaN": (a_yes_with(b"NaN"), math.nan),
    "infinity": (a_yes_with(b"-Infinity"), -math.inf),
    "a float out of range": (a_yes_with(b"1e999"), math.inf),
    "a 5,000-digit integer": (a_yes_with(b"7" * 5000), "7" * 5000),
    "half a surrogate pair": (a_yes_with(b'"\\ud800"'), "\ud800"),
    "a zero byte": (a_yes_with(b'"\\u0000"'), "\0"),
    "a key twice": (b'{"success": false, "extra": 1, "success": true, "extra": 2}', 2),
    "99 lists": (a_yes_with(nested(99)), json.loads(nested(99))),
    "null": (a_yes_with(b"null"), None),
}


@every_operation
@pytest.mark.parametrize("name", READABLE)
def test_a_body_that_is_odd_and_can_be_read(name: str, operation: Any) -> None:
    body, value = READABLE[name]
    with Wire(answer(200, body)) as wire:
        said = operation.call(wire.api)
    assert said.success is True
    extra = said.additional_properties["extra"]
    assert extra == value or (math.isnan(extra) and math.isnan(value))
    assert_usable(said)


def assert_usable(model: Any) -> None:
    """Fail unless a model can be shown, compared, copied and pickled, with all that it holds."""
    assert repr(model)
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(other) is type(model)
        assert repr(other.to_dict()) == repr(model.to_dict())
        assert repr(other.additional_properties) == repr(model.additional_properties)


def test_a_list_of_null_is_none_and_a_row_of_null_is_none() -> None:
    with Wire(answer(200, b'{"entityConnections": null}'), answer(200, b'{"entityConnections": [null]}')) as wire:
        assert wire.api.get_entity_connections().entity_connections is None
        assert wire.api.get_entity_connections().entity_connections == [None]


# Where a parser of its own accord gives up: with the stack of the caller before Python 3.12, at 1,500 in 3.12, at
# 10,000 in 3.13.
DEPTHS = [101, 300, 500, *range(900, 1000, 9), *range(1470, 1510, 7), *range(9970, 10_030, 9)]


@pytest.mark.parametrize("depth", DEPTHS)
def test_nesting_that_a_parser_still_reads_is_refused_like_any_deeper_one(depth: int) -> None:
    deep = nested(depth)
    row = b'{"id": %s, "sourceEntityId": "a", "status": "b", "targetEntityId": "c"}' % deep
    with ApiClient() as client:
        for document, kind in (
            (a_yes_with(deep), "POSTEntityConnectionsResponseType"),
            (b'{"id": %s}' % deep, "POSTEntityConnectionsResponseType"),
            (b'{"entityConnections": [%s]}' % row, "GETEntityConnectionsResponseType"),
            (b'{"entityConnections": %s}' % deep, "GETEntityConnectionsResponseType"),
            (deep, "object"),
            (deep, "datetime"),
            (b'{"a": %s}' % deep, "dict(str, object)"),
            (b"[%s]" % deep, "list[int]"),
        ):
            with pytest.raises(InvalidResponseError):
                client.deserialize(Body(document), kind)


@pytest.mark.parametrize("depth", DEPTHS)
def test_reasons_that_are_nested_deeply_are_told_or_refused(depth: int) -> None:
    body = b'{"success": false, "reasons": [{"code": 53100020, "message": %s}]}' % nested(depth)
    with Wire(answer(200, body)) as wire:
        error = failure_of(lambda api: api.put_entity_connections_accept(CONNECTION_ID), wire.api)
    assert len(str(error)) < 2000
    assert error.status == 200


class Body:
    """What `deserialize` wants: something with data."""

    def __init__(self, data: Any) -> None:
        self.data = data


# -- charsets --------------------------------------------------------------------------------------------------------


@every_operation
@pytest.mark.parametrize("charset", ["idna", "undefined", "unicode_escape", "utf-7", "punycode", "hex", "mbcs"])
def test_a_charset_that_is_for_no_text_hides_no_error(charset: str, operation: Any) -> None:
    headers = {"Content-Type": f"text/html; charset={charset}"}
    with Wire(answer(403, b"<html>\\d Access denied \xff.</html>", headers)) as wire:
        error = failure_of(operation.call, wire.api)
    assert error.status == 403
    assert str(error)


# -- what is sent ---------------------------------------------------------------------------------------------------


ITSELF: list[Any] = []
ITSELF.append(ITSELF)
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


NO_DATA: dict[str, tuple[Any, type[Exception]]] = {
    "a list in itself": (ITSELF, ValueError),
    "a deep list": (DEEP, ValueError),
    "NaN": ({"a": math.nan}, ValueError),
    "infinity": (math.inf, ValueError),
    "bytes that are no text": (b"\xff", ValueError),
    "a long integer": (10**5000, ValueError),
    "a key that is no text": ({(1, 2): 3}, TypeError),
    "an object": (object(), TypeError),
    "a set": ({1, 2}, TypeError),
}


@pytest.mark.parametrize("name", NO_DATA)
def test_what_is_no_plain_data_is_refused_by_name(name: str) -> None:
    value, error = NO_DATA[name]
    with Wire() as wire:
        with pytest.raises(error, match=r"^body: "):
            wire.client.call_api("/v1/any", "POST", body=value)
        assert wire.requests == []


@pytest.mark.parametrize("name", ["a list in itself", "a deep list"])
def test_sanitize_meets_its_end(name: str) -> None:
    with ApiClient() as client, pytest.raises(ValueError, match="nested too deeply"):
        client.sanitize_for_serialization(NO_DATA[name][0])
