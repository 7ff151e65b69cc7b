"""Python values to JSON and back: strict on send, lenient on receive, and only documented errors."""

from __future__ import annotations

import contextlib
import copy
import datetime
import json
import pickle
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuora_client import (
    GETEntityConnectionsArrayItemsType,
    GETEntityConnectionsResponseType,
    InvalidResponseError,
    POSTEntityConnectionsType,
    PUTEntityConnectionsAcceptResponseType,
)
from zuora_client._codec.serialization import convert, converter, decode_text, dump_json, empty_value, parse_json

LIST_RESPONSE = "GETEntityConnectionsResponseType"
ROWS = "list[GETEntityConnectionsArrayItemsType]"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def nested(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


def recursive_list() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


# -- to JSON --------------------------------------------------------------------------------------------------------


@given(json_values)
def test_plain_data_is_unchanged(value: Any) -> None:
    assert json.loads(dump_json("body", value)) == value


def test_other_types_become_json() -> None:
    body = {
        "id": b"8a80",
        "day": datetime.date(2026, 9, 11),
        "moment": datetime.datetime(2026, 9, 11, 12, 30),
        "pair": (1, 2),
        "model": POSTEntityConnectionsType("8a80"),
    }
    assert json.loads(dump_json("body", body)) == {
        "id": "8a80",
        "day": "2026-09-11",
        "moment": "2026-09-11T12:30:00",
        "pair": [1, 2],
        "model": {"targetEntityId": "8a80"},
    }


@pytest.mark.usefixtures("deep_stack")
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (object(), TypeError, "cannot serialize object"),
        ({"a": [{1, 2}]}, TypeError, "cannot serialize set"),
        (float("nan"), ValueError, "Out of range"),
        ([float("inf")], ValueError, "Out of range"),
        (b"\xff", ValueError, "not UTF-8"),
        (recursive_list(), ValueError, "contains itself"),
        (nested(100_000), ValueError, "nested too deeply"),
    ],
    ids=["object", "set", "nan", "infinity", "bytes", "recursive", "deep"],
)
def test_unserializable_value_names_parameter(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^request: .*{message}"):
        dump_json("request", value)


# -- from JSON ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_malformed_json_is_invalid_response(body: bytes) -> None:
    try:
        expected = json.loads(body.decode("utf-8-sig"))
    except ValueError:
        with pytest.raises(InvalidResponseError, match="the response is not "):
            parse_json(body)
    else:
        assert repr(parse_json(body)) == repr(expected)


@given(
    json_values,
    st.sampled_from([LIST_RESPONSE, ROWS, "POSTEntityConnectionsResponseType", "dict(str, object)", "list[int]"]),
)
def test_any_json_converts_or_is_invalid(document: Any, kind: str) -> None:
    """Any document converts to the type or raises InvalidResponseError."""
    # A nested container may be of the wrong kind too.
    with contextlib.suppress(InvalidResponseError):
        converted = converter(kind)(document)
        assert document is None or isinstance(document, list if kind.startswith("list") else dict)
        assert pickle.loads(pickle.dumps(converted)) == copy.deepcopy(converted) == converted


@pytest.mark.usefixtures("deep_stack")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"<html></html>", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'"\xff"', "not UTF-8 text .byte 1."),
        (b"[" * 100_000, "nested too deeply"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    ],
)
def test_malformed_json_says_why(body: bytes, message: str) -> None:
    with pytest.raises(InvalidResponseError, match=message):
        parse_json(body)


def test_byte_order_mark_is_skipped() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": "\xc3\xa9"}') == {"a": "é"}


def test_too_long_integer_is_text() -> None:
    """An integer with more digits than Python converts is kept as text."""
    digits = "9" * 100_000
    assert parse_json(f'{{"long": {digits}, "short": -7}}'.encode()) in (
        {"long": digits, "short": -7},
        {"long": int(digits[:1]) * (10**100_000 - 1) // 9, "short": -7},  # if Python has no limit
    )


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (None, "é".encode(), "é"),
        ("text/html; charset=iso-8859-1", b"\xe9", "é"),
        ('text/html; CHARSET="utf-16"', "é".encode("utf-16"), "é"),
        ("text/html; charset=utf-8", b"\xe9", "\ufffd"),
        ("text/html; charset=there-is-none", b"\xe9a", "\ufffda"),
        ("text/html; charset=base64", b"plain", "plain"),
        ("text/html; charset=idna", b"\xff", "\ufffd"),
    ],
)
def test_decode_text_never_raises(content_type: str | None, body: bytes, text: str) -> None:
    assert decode_text(body, content_type) == text


# -- to models ------------------------------------------------------------------------------------------------------

ROW = {"id": "1", "sourceEntityId": "a", "status": "Connected", "targetEntityId": "b"}


def test_fast_path_matches_slow_path() -> None:
    """A list of complete rows is converted on a fast path; one row that differs must not change the others."""
    others = [{**ROW, "requestId": "r"}, {**ROW, "status": None}, {"id": "2"}, {**ROW, "id": 7}, None]
    alone = [converter("GETEntityConnectionsArrayItemsType")(row) for row in [ROW, *others]]
    together = converter(ROWS)([ROW, *others])
    assert together == alone
    assert together[0] == GETEntityConnectionsArrayItemsType("1", "a", "Connected", "b")
    assert together[1].additional_properties == {"requestId": "r"}
    assert [row.id if row else None for row in together] == ["1", "1", "1", "2", 7, None]


def test_same_field_count_is_not_enough() -> None:
    """A row with as many fields as usual, but not the usual ones, is not converted on the fast path."""
    row = {name: text for name, text in ROW.items() if name != "status"}
    [model] = converter(ROWS)([{**row, "state": "Connected"}])
    assert (model.status, model.additional_properties) == (None, {"state": "Connected"})


@pytest.mark.parametrize("rows", [["text"], [[1, 2, 3, 4]], [7], [True]])
def test_row_must_be_an_object(rows: list[Any]) -> None:
    with pytest.raises(InvalidResponseError, match="where an object should be"):
        converter(LIST_RESPONSE)({"entityConnections": rows, "success": True})


@pytest.mark.parametrize(
    ("document", "found"),
    [("text", "text"), (7, "a number"), (True, "a boolean"), ([], "a list")],
)
def test_wrong_container_is_named(document: Any, found: str) -> None:
    with pytest.raises(InvalidResponseError, match=f"has {found} where an object"):
        converter(LIST_RESPONSE)(document)


def test_received_values_are_not_validated() -> None:
    """A value that a model rejects from a caller is kept from a response."""
    model = converter("POSTEntityConnectionsType")({"targetEntityId": "x" * 99})
    assert model.target_entity_id == "x" * 99
    assert converter("POSTEntityConnectionsType")({}).target_entity_id is None


def test_error_in_custom_model_constructor() -> None:
    class Picky:
        swagger_types: ClassVar = {"id": "str"}
        attribute_map: ClassVar = {"id": "id"}

        def __init__(self, id: str) -> None:
            raise ValueError(f"not {id}")

    with pytest.raises(InvalidResponseError, match="cannot create Picky from the response: not 7"):
        converter(Picky)({"id": "7"})


@pytest.mark.usefixtures("deep_stack")
@pytest.mark.parametrize("kind", ["object", LIST_RESPONSE, "dict(str, object)", "str", "list[str]"])
def test_deep_nesting_is_invalid_response(kind: str) -> None:
    document = {"success": True, "more": nested(150)}
    with pytest.raises(InvalidResponseError, match="nested deeper than 100 levels"):
        converter(kind)([document] if kind.startswith("list") else document)


@pytest.mark.usefixtures("deep_stack")
def test_deep_nesting_in_scalar_field() -> None:
    row = dict.fromkeys(GETEntityConnectionsArrayItemsType.attribute_map.values(), "x")
    with pytest.raises(InvalidResponseError, match="nested deeper than 100 levels"):
        converter(ROWS)([row, {**row, "status": nested(150)}])


@pytest.mark.parametrize("kind", ["object", LIST_RESPONSE, "dict(str, object)"])
def test_allowed_nesting_can_be_copied(kind: str) -> None:
    """Data of the maximum depth can be copied and pickled."""
    converted = converter(kind)({"success": True, "more": nested(90)})
    assert pickle.loads(pickle.dumps(copy.deepcopy(converted))) == converted


# -- to other types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "document", "expected"),
    [
        ("int", "7", 7),
        (int, 7.9, 7),
        ("int", "seven", "seven"),
        ("int", float("1e400"), float("inf")),
        ("float", "1.5", 1.5),
        (bool, 1, True),
        (str, 7, "7"),
        ("str", ["kept"], ["kept"]),
        ("list[int]", ["1", None], [1, None]),
        ("list[int]", None, None),
        ("dict(str, int)", {"a": "1"}, {"a": 1}),
        ("dict(str,list[int])", {"a": ["1"]}, {"a": [1]}),
        ("dict(str, int)", None, None),
        (object, {"a": [1]}, {"a": [1]}),
        ("date", "2026-09-11", datetime.date(2026, 9, 11)),
        (datetime.date, "2026-09-11T23:00:00Z", datetime.date(2026, 9, 11)),
        ("datetime", "2026-09-11T12:30:00", datetime.datetime(2026, 9, 11, 12, 30)),
        (datetime.datetime, "11 Sep 2026 12:30", datetime.datetime(2026, 9, 11, 12, 30)),
        ("datetime", None, None),
        ("date", 7, 7),
    ],
)
def test_native_types(kind: Any, document: Any, expected: Any) -> None:
    converted = converter(kind)(document)
    assert (type(converted), converted) == (type(expected), expected)


@pytest.mark.parametrize("text", ["", "soon", "9" * 50])
@pytest.mark.parametrize("kind", ["date", "datetime"])
def test_malformed_date_is_invalid_response(kind: str, text: str) -> None:
    with pytest.raises(InvalidResponseError, match="where a date should be"):
        converter(kind)(text)


@pytest.mark.usefixtures("deep_stack")
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("There", ValueError),
        ("list[There]", ValueError),
        ("dict(str)", ValueError),
        ("file", ValueError),
        ("__all__", ValueError),
        ("", ValueError),
        ("list[" * 5000 + "int" + "]" * 5000, ValueError),
        (dict, TypeError),
        (7, TypeError),
    ],
    ids=["unknown", "in a list", "half a dict", "file", "not a model", "empty", "deep", "class", "number"],
)
def test_unknown_type_is_rejected(kind: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"response_type|list\["):
        converter(kind)


def test_converters_are_cached() -> None:
    assert converter(ROWS) is converter(ROWS)


def test_value_of_an_empty_response() -> None:
    assert empty_value("PUTEntityConnectionsAcceptResponseType") == PUTEntityConnectionsAcceptResponseType()
    assert empty_value(GETEntityConnectionsResponseType) == GETEntityConnectionsResponseType()
    assert empty_value("object") is None
    assert empty_value("list[int]") is None
    assert empty_value(int) is None


@pytest.mark.parametrize("text", ["9999-12-31T24:00:00", "0000-00-00", "99999999999999999999", "x" * 200])
@pytest.mark.parametrize("kind", ["datetime", "date"])
def test_hostile_date_is_invalid_response(text: str, kind: str) -> None:
    """The error contains the text only if it is short."""
    with pytest.raises(InvalidResponseError) as caught:
        converter(kind)(text)
    assert caught.value.reason is not None
    assert (text in caught.value.reason) is (len(text) <= 40)


@pytest.mark.parametrize("text", ["2020-01-01 10:00 XYZ", "Wed, 1 Jan 2020 10:00 XYZ"])
def test_unknown_time_zone_does_not_warn(text: str) -> None:
    assert converter("datetime")(text) == datetime.datetime(2020, 1, 1, 10, 0)


def test_known_time_zone_is_used() -> None:
    expected = datetime.datetime(2020, 1, 1, 10, 0, tzinfo=datetime.timezone.utc)
    for text in ("2020-01-01T10:00Z", "Wed, 1 Jan 2020 10:00 GMT", "1 Jan 2020 12:00 +0200"):
        assert converter("datetime")(text) == expected


@pytest.mark.parametrize("charset", ["punycode", "idna", "rot13", "undefined", "unicode_escape", "nonsense", "utf-99"])
def test_other_charset_means_utf_8(charset: str) -> None:
    assert decode_text("Zürich-".encode(), f"text/html; charset={charset}") == "Zürich-"


@pytest.mark.parametrize("charset", ["iso-8859-1", "Latin-1", "windows-1252", "UTF-16", "us-ascii", "utf8"])
def test_known_charset_is_used(charset: str) -> None:
    assert decode_text("abc".encode(charset), f'text/html; charset="{charset}"') == "abc"


def test_unknown_fields_are_kept_per_row() -> None:
    row = {"id": "1", "sourceEntityId": "s", "status": "Pending", "targetEntityId": "t"}
    rows = converter("list[GETEntityConnectionsArrayItemsType]")([row, {**row, "note": "n"}, {**row, "more": 1}])
    assert [model.additional_properties for model in rows] == [{}, {"note": "n"}, {"more": 1}]


# -- long lists -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 1000, 1001, 2000, 2500])
def test_check_runs_every_thousand_rows(rows: int) -> None:
    checks: list[None] = []
    document = {"entityConnections": [{"id": str(number)} for number in range(rows)], "success": True}
    model = convert("GETEntityConnectionsResponseType", document, lambda: checks.append(None))
    assert [row.id for row in model.entity_connections] == [str(number) for number in range(rows)]
    assert len(checks) == (0 if rows <= 1000 else -(-rows // 1000))


def test_exception_of_the_check_propagates() -> None:
    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        convert("list[object]", [0] * 1001, check)
    # Not remembered: later conversions of this thread have no check.
    assert len(converter("list[object]")([0] * 1001)) == 1001


@pytest.mark.parametrize("size", [101, 60_000])
def test_long_text_is_not_a_date(size: int) -> None:
    """dateutil takes quadratic time for long digits."""
    for kind in ("date", "datetime"):
        with pytest.raises(InvalidResponseError, match="where a date should be"):
            converter(kind)("1" * size)
