"""Text for headers, paths and queries: as it was given, or refused by name."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from zuora_client import parameters
from zuora_client.parameters import (
    header_name,
    header_text,
    parameters_to_tuples,
    path_segment,
    query_string,
    text,
    with_hyphens,
    without_hyphens,
)

LONG = 10**5000
UUID = "2c92C0f8-1a2b-3c4d-5e6f-7a8b9c0d1e2f"
PLAIN = UUID.replace("-", "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("é", "é"),
        ("é".encode(), "é"),
        (7, "7"),
        (-7, "-7"),
        (datetime.date(2026, 1, 31), "2026-01-31"),
        (datetime.datetime(2026, 1, 31, 12, 30), "2026-01-31T12:30:00"),
    ],
)
def test_text_is_what_it_says(value: Any, expected: str) -> None:
    assert text("name", value) == expected


@pytest.mark.parametrize("value", [True, None, 1.5, [], object()])
def test_another_type_is_no_text(value: Any) -> None:
    with pytest.raises(TypeError, match=f"^name must be text, bytes or an integer, not {type(value).__name__}$"):
        text("name", value)


@pytest.mark.parametrize("make", [text, header_text, path_segment])
def test_what_cannot_be_written_is_refused_by_name(make: Any) -> None:
    for value in (b"secret\xff", LONG):
        with pytest.raises(ValueError, match=r"^name: ") as caught:
            make("name", value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "a", "a b", "~!@#$%^&*()", "x" * 10_000, 7, 1.5, True, b"bytes"])
def test_a_header_value_arrives(value: Any) -> None:
    assert header_text("name", value) == (value.decode() if isinstance(value, bytes) else str(value))


@pytest.mark.parametrize("before", ["", "é", "\r\n", " ", "\t", "\0", "\x7f", "\u2028", "\xa0", "\x85"])
@pytest.mark.parametrize("after", ["", "é", "\n", "\r\nb: c", " ", "\t"])
def test_a_header_value_that_would_not_arrive_is_refused_and_not_shown(before: str, after: str) -> None:
    if before or after:
        with pytest.raises(ValueError, match=r"^name: ") as caught:
            header_text("name", f"{before}secret{after}")
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "é", "a\n", "(a)"])
def test_what_is_no_header_name(name: str) -> None:
    with pytest.raises(ValueError, match="header name"):
        header_name(name)
    with pytest.raises(TypeError, match="header name"):
        header_name(name.encode())


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("8a80", "8a80"),
        ("a/b c", "a%2Fb%20c"),
        ("%2e%2e", "%252e%252e"),
        ("...", "..."),
        (".a", ".a"),
        ("a?b#c;d&e=f", "a%3Fb%23c%3Bd%26e%3Df"),
        ("é\u2028", "%C3%A9%E2%80%A8"),
        ("\\..\\", "%5C..%5C"),
        (7, "7"),
        (b"a/b", "a%2Fb"),
    ],
)
def test_a_path_parameter_stays_one_segment(value: Any, segment: str) -> None:
    assert path_segment("name", value) == segment


@pytest.mark.parametrize("value", [None, "", ".", "..", b"..", "a\n", "\0", "a\x7f", "\ud800"])
def test_a_path_parameter_that_would_reach_another_address_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="name"):
        path_segment("name", value)


@pytest.mark.parametrize("value", ["a/../b", "/a", "a/", "a//b", "a/."])
def test_safe_slashes_open_no_way_up(value: str) -> None:
    with pytest.raises(ValueError, match="name"):
        path_segment("name", value, "/")
    assert path_segment("name", "a/b", "/") == "a/b"


def test_a_query() -> None:
    pairs = [
        ("z", "a b&c"),
        ("a", None),
        ("é", "\n"),
        ("t", True),
        ("f", False),
        ("n", 1.5),
        ("i", 7),
        ("b", b"\xc3\xa9"),
    ]
    assert query_string(pairs) == "z=a%20b%26c&%C3%A9=%0A&t=true&f=false&n=1.5&i=7&b=%C3%A9"
    assert query_string([]) == ""


@pytest.mark.parametrize(
    ("pair", "error", "name"),
    [
        (("kind", object()), TypeError, "kind"),
        (("kind", ["a"]), TypeError, "kind"),
        (("kind", {}), TypeError, "kind"),
        (("kind", "\ud800"), ValueError, "kind"),
        (("kind", b"\xff"), ValueError, "kind"),
        (("kind", LONG), ValueError, "kind"),
        (("\ud800", "a"), ValueError, "a query name"),
        ((None, "a"), TypeError, "a query name"),
        ((1.5, "a"), TypeError, "a query name"),
    ],
    ids=lambda value: "",  # pytest cannot write the long integer either
)
def test_what_no_query_can_carry_is_refused_by_name(pair: Any, error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=f"^{name}"):
        query_string([pair])


def test_both_spellings_of_an_entity() -> None:
    assert with_hyphens(PLAIN) == UUID
    assert without_hyphens(UUID) == PLAIN
    for untouched in (UUID, "", "x", PLAIN[:-1], PLAIN + "0", PLAIN[:-1] + "g", f"{PLAIN}\n", "٣" * 32):
        assert with_hyphens(untouched) == untouched
    for untouched in (PLAIN, "", "-", UUID[:-1], UUID.replace("-", "_"), f"{UUID}\n", f"{{{UUID}}}"):
        assert without_hyphens(untouched) == untouched


@pytest.mark.parametrize(
    ("style", "pairs"),
    [
        ("csv", [("a", "1,x,true")]),
        ("ssv", [("a", "1 x true")]),
        ("tsv", [("a", "1\tx\ttrue")]),
        ("pipes", [("a", "1|x|true")]),
        ("multi", [("a", 1), ("a", "x"), ("a", True)]),
    ],
)
def test_lists_in_every_collection_format(style: str, pairs: Any) -> None:
    values = [1, "x", True]
    assert parameters_to_tuples({"a": values}, {"a": style}) == pairs
    assert parameters_to_tuples([("a", values)], {"a": style}) == pairs
    assert parameters_to_tuples({"a": None}, {"a": style}) == [("a", None)]
    assert parameters_to_tuples({"a": values}, {"b": style}) == [("a", values)]
    assert parameters_to_tuples({"a": values}, None) == [("a", values)]


@pytest.mark.parametrize(
    ("params", "formats"),
    [
        ({"a": [1]}, {"a": "xml"}),
        ({"a": [1]}, {"a": []}),
        ({"a": [1]}, 7),
        ({"a": 7}, {"a": "csv"}),
        ({"a": [object()]}, {"a": "csv"}),
        ({"a": 7}, {"a": "multi"}),
        (7, None),
        ("abc", None),
        ([1], None),
    ],
)
def test_lists_that_are_none_and_formats_that_are_none(params: Any, formats: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        parameters_to_tuples(params, formats)


def test_every_public_function_is_tested_here() -> None:
    functions = {
        name for name, value in vars(parameters).items() if getattr(value, "__module__", "") == parameters.__name__
    }
    assert {name for name in functions if not name.startswith("_")} <= set(globals())
