"""Values for headers, paths and queries are sent unchanged or rejected by name."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuora_client._base.parameters import (
    header_name,
    header_text,
    parameters_to_tuples,
    path_segment,
    query_string,
    text,
    with_hyphens,
    without_hyphens,
)

UUID = "8a808255-557b-aba1-0155-80e12fa5083a"
HEX_DIGITS = "8a808255557baba1015580e12fa5083a"
LONG_INTEGER = 10**100_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [("id", "id"), (b"\xc3\xa9", "é"), (7, "7"), (datetime.date(2026, 9, 11), "2026-09-11")],
)
def test_text_accepts_common_types(value: Any, expected: str) -> None:
    assert text("name", value) == expected


@pytest.mark.parametrize("value", [True, 1.5, None, ["id"], object()])
def test_other_type_names_the_parameter(value: Any) -> None:
    with pytest.raises(TypeError, match=f"connection_id must be text, .*not {type(value).__name__}"):
        text("connection_id", value)


@pytest.mark.parametrize(
    ("value", "message"), [(b"\xff", "not UTF-8"), (LONG_INTEGER, "too many digits")], ids=["bytes", "long"]
)
def test_undecodable_value_is_value_error(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"connection_id: .*{message}"):
        text("connection_id", value)


# -- headers --------------------------------------------------------------------------------------------------------


@given(st.text())
def test_header_is_unchanged_or_rejected(value: str) -> None:
    """The error does not contain the value."""
    secret = f"Bearer {value}"
    if secret == secret.strip() and all(" " <= character <= "~" for character in value):
        assert header_text("Authorization", secret) == secret
        return
    with pytest.raises(ValueError, match=r"^Authorization: ") as caught:
        header_text("Authorization", secret)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(("value", "sent"), [(True, "True"), (1.5, "1.5"), (7, "7"), (b"id", "id"), ("", "")])
def test_header_values_of_other_types(value: Any, sent: str) -> None:
    assert header_text("X-Header", value) == sent


@pytest.mark.parametrize("name", ["", "Zuora Track", "X:", "X\r\nY", "é", "X\x00"])
def test_header_name_is_a_token(name: str) -> None:
    with pytest.raises(ValueError, match="header name"):
        header_name(name)


@pytest.mark.parametrize("name", [b"X", 7, None])
def test_header_name_is_text(name: Any) -> None:
    with pytest.raises(TypeError, match="header name"):
        header_name(name)


# -- paths and queries ----------------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_path_parameter_stays_one_segment(value: str) -> None:
    if value in (".", "..") or any(ord(character) < 32 or character == "\x7f" for character in value):
        with pytest.raises(ValueError, match="connection_id"):
            path_segment("connection_id", value)
        return
    segment = path_segment("connection_id", value)
    assert unquote(segment) == value
    assert not set(segment) & set("/?#\\ ")
    assert segment not in (".", "..")


@pytest.mark.parametrize("value", ["", ".", "..", "a\nb", "\x7f", "\ud800", None, "a/../b", "a//b"])
def test_path_traversal_is_rejected(value: Any) -> None:
    with pytest.raises(ValueError, match="connection_id"):
        path_segment("connection_id", value, safe="/")


UTF_8 = st.characters(codec="utf-8")


@given(st.lists(st.tuples(st.text(UTF_8, min_size=1), st.text(UTF_8) | st.none())))
def test_query_keeps_order_and_omits_none(pairs: list[tuple[str, Any]]) -> None:
    expected = [pair for pair in pairs if pair[1] is not None]
    assert parse_qsl(query_string(pairs), keep_blank_values=True) == expected


def test_query_values_of_other_types() -> None:
    pairs = [("a", True), ("b", False), ("c", 1.5), ("d", 7), ("e", b"x y"), ("f", datetime.date(2026, 9, 11))]
    assert query_string(pairs) == "a=true&b=false&c=1.5&d=7&e=x%20y&f=2026-09-11"


@pytest.mark.parametrize(
    ("pairs", "error"),
    [([("type", ["a"])], TypeError), ([("type", "\ud800")], ValueError), ([(None, "a")], TypeError)],
)
def test_invalid_query_names_the_parameter(pairs: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"type|query name"):
        query_string(pairs)


# -- entity ids -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("short", "long"), [(HEX_DIGITS, UUID), (HEX_DIGITS.upper(), UUID.upper())])
def test_entity_id_has_two_forms(short: str, long: str) -> None:
    assert (with_hyphens(short), with_hyphens(long)) == (long, long)
    assert (without_hyphens(short), without_hyphens(long)) == (short, short)


@pytest.mark.parametrize(
    "other", ["", "entity", HEX_DIGITS[1:], HEX_DIGITS + "0", UUID + "0", UUID[1:], "g" * 32, f"{HEX_DIGITS}\n"]
)
def test_other_text_is_unchanged(other: str) -> None:
    assert with_hyphens(other) == without_hyphens(other) == other


# -- lists ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("csv", [("ids", "a,7,true")]),
        ("ssv", [("ids", "a 7 true")]),
        ("tsv", [("ids", "a\t7\ttrue")]),
        ("pipes", [("ids", "a|7|true")]),
        ("multi", [("ids", "a"), ("ids", 7), ("ids", True)]),
    ],
)
def test_list_is_joined_or_repeated(style: str, expected: Any) -> None:
    for params in ({"ids": ["a", 7, True], "x": 1}, [("ids", ["a", 7, True]), ("x", 1)]):
        assert parameters_to_tuples(params, {"ids": style}) == [*expected, ("x", 1)]


def test_none_is_kept() -> None:
    assert parameters_to_tuples({"ids": None}, {"ids": "csv"}) == [("ids", None)]


def test_unknown_collection_format_names_parameter() -> None:
    with pytest.raises(ValueError, match="ids: unknown collection format 'comma'"):
        parameters_to_tuples({"ids": ["a"]}, {"ids": "comma"})
