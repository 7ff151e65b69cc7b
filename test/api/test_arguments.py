"""A wrong argument of an operation is a TypeError or ValueError that names it, raised before anything is sent."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
from support.operations import OPERATIONS, Operation
from support.wire import Wire

LIST, INITIATE = OPERATIONS[:2]
UNFORMATTABLE = 10**5000

_Case: TypeAlias = tuple[str, Any, type[Exception]]

OF_ALL_OPERATIONS: list[_Case] = [
    ("zuora_entity_ids", "", ValueError),
    ("zuora_entity_ids", "id\r\nX: y", ValueError),
    ("zuora_entity_ids", "é", ValueError),
    ("zuora_entity_ids", " id", ValueError),
    ("zuora_entity_ids", b"\xff", ValueError),
    ("zuora_entity_ids", ["id"], TypeError),
    ("zuora_entity_ids", {"id"}, TypeError),
    ("zuora_track_id", "", ValueError),
    ("zuora_track_id", "t" * 65, ValueError),
    ("zuora_track_id", "2026-09-11T12:30", ValueError),
    ("zuora_track_id", "a;b", ValueError),
    ("zuora_track_id", 'a"b', ValueError),
    ("zuora_track_id", "a'b", ValueError),
    ("zuora_track_id", "é", ValueError),
    ("zuora_track_id", "a\nb", ValueError),
    ("zuora_track_id", {}, TypeError),
    ("_request_timeout", 0, ValueError),
    ("_request_timeout", -1, ValueError),
    ("_request_timeout", float("nan"), ValueError),
    ("_request_timeout", (0, 1), ValueError),
    ("_request_timeout", True, TypeError),
    ("_request_timeout", "5", TypeError),
    ("_request_timeout", (1, 2, 3), ValueError),
    ("nonsense", 1, TypeError),
]
OF_LIST: list[_Case] = [
    ("page_size", 0, ValueError),
    ("page_size", 301, ValueError),
    ("page_size", "30", TypeError),
    ("page_size", 30.0, TypeError),
    ("page_size", True, TypeError),
    ("page", 0, ValueError),
    ("page", "1", TypeError),
    ("page", True, TypeError),
    ("type", 1, TypeError),
    ("type", ["inbound"], TypeError),
    ("type", "\ud800", ValueError),
    ("idempotency_key", "key", TypeError),
]
OF_REQUEST: list[_Case] = [
    ("idempotency_key", "", ValueError),
    ("idempotency_key", "k" * 256, ValueError),
    ("idempotency_key", "a\nb", ValueError),
    ("idempotency_key", "é", ValueError),
    ("idempotency_key", {}, TypeError),
    ("page_size", 30, TypeError),
]
OF_PUT: list[_Case] = [("idempotency_key", "key", TypeError), ("request", {"targetEntityId": "id"}, TypeError)]

CASES = [
    pytest.param(operation, name, value, error, id=f"{operation.readable} {name} {repr(value)[:24]}")
    for operation in OPERATIONS
    for name, value, error in [
        *OF_ALL_OPERATIONS,
        *{"GET": OF_LIST, "POST": OF_REQUEST, "PUT": OF_PUT}[operation.method],
    ]
]


@pytest.mark.parametrize(("operation", "name", "value", "error"), CASES)
@pytest.mark.parametrize("options", [{}, {"async_req": True}], ids=["sync", "async"])
def test_wrong_keyword_is_named(
    operation: Operation, name: str, value: Any, error: type[Exception], options: dict[str, Any]
) -> None:
    """A wrong value or an unknown keyword raises an error that names the keyword; nothing is sent."""
    with Wire() as wire:
        arguments: dict[str, Any] = {"page_size": 10} if name == "page" else {}
        with pytest.raises(error, match=name):
            operation.call(wire.api, **{**arguments, name: value}, **options)
        assert wire.requests == []


@pytest.mark.parametrize("name", ["page_size", "page"])
@pytest.mark.parametrize("value", [UNFORMATTABLE, -UNFORMATTABLE], ids=["positive", "negative"])
def test_unformattable_integer_is_named(name: str, value: int) -> None:
    """Python refuses to format integers this long, so the error must not quote the value."""
    with Wire() as wire:
        arguments: dict[str, Any] = {"page_size": 10, "page": 1, name: value}
        with pytest.raises(ValueError, match=name):
            LIST.call(wire.api, **arguments)
        assert wire.requests == []


@pytest.mark.parametrize("operation", OPERATIONS[2:], ids=lambda operation: operation.readable)
@pytest.mark.parametrize(
    ("connection_id", "error"),
    [
        (None, ValueError),
        ("", ValueError),
        (b"", ValueError),
        (".", ValueError),
        (b"..", ValueError),
        ("a\x00b", ValueError),
        ("a\x7f", ValueError),
        (b"\xff", ValueError),
        ("\udcff", ValueError),
        (1.5, TypeError),
        (True, TypeError),
        (["id"], TypeError),
    ],
)
def test_wrong_connection_id_is_named(operation: Operation, connection_id: Any, error: type[Exception]) -> None:
    with Wire() as wire:
        for options in ({}, {"async_req": True}):
            with pytest.raises(error, match="connection_id"):
                getattr(wire.api, operation.generated)(connection_id, **options)
        assert wire.requests == []


@pytest.mark.parametrize("operation", OPERATIONS[2:], ids=lambda operation: operation.readable)
def test_missing_connection_id_is_named(operation: Operation) -> None:
    with Wire() as wire:
        with pytest.raises(TypeError, match="connection_id"):
            getattr(wire.api, operation.generated)()
        assert wire.requests == []


@pytest.mark.parametrize(
    ("operation", "name", "value"),
    [
        (LIST, "page_size", 1),
        (LIST, "page_size", 300),
        (LIST, "zuora_track_id", "t" * 64),
        (LIST, "zuora_track_id", "".join(chr(code) for code in range(33, 97) if chr(code) not in ":;\"'")),
        (INITIATE, "idempotency_key", "k" * 255),
        (INITIATE, "idempotency_key", "k"),
    ],
)
def test_boundary_values_are_sent(operation: Operation, name: str, value: Any) -> None:
    with Wire() as wire:
        operation.call(wire.api, **{name: value})
        assert str(value) in [*wire.sent.headers.values(), wire.sent.target.rpartition("pageSize=")[2]]
