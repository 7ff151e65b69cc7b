"""Text is received unchanged, or rejected by name before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.operations import CONNECTION_ID, TARGET_ID
from support.scripted import Received
from support.wire import Wire

from zuora_client import POSTEntityConnectionsType
from zuora_client._base.parameters import with_hyphens

TEXT = st.text(st.characters(), max_size=40)
ASCII = st.text(st.characters(max_codepoint=127), max_size=80)

Call = Callable[[Any, Any], Any]


def received_request(wire: Wire, call: Call, name: str, value: Any) -> Received | None:
    """Return the request of a call with `value`, or None if it was rejected by name and nothing was sent."""
    wire.requests.clear()
    message = None
    try:
        call(wire.api, value)
    except (TypeError, ValueError) as error:
        message = str(error)
    if message is None:
        (received,) = wire.requests
        return received
    assert name in message
    assert wire.requests == []
    return None


def is_utf8_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


# -- path -----------------------------------------------------------------------------------------------------------

DECISIONS: dict[str, Call] = {
    "accept": lambda api, value: api.put_entity_connections_accept(value),
    "deny": lambda api, value: api.put_entity_connections_deny(value),
    "disconnect": lambda api, value: api.put_entity_connections_disconnect(value),
}


@pytest.mark.parametrize("verb", DECISIONS)
def test_any_text_as_id(verb: str) -> None:
    with Wire() as wire:

        @given(TEXT)
        @example("..")
        @example("a/../b")
        @example("%2e%2e")
        @example("\ud800")
        @example("?a=b#c")
        @example("\u202e\u2028é")
        def holds(text: str) -> None:
            received = received_request(wire, DECISIONS[verb], "connection_id", text)
            is_valid = (
                text not in ("", ".", "..")
                and is_utf8_encodable(text)
                and not any(ord(c) < 32 or c == "\x7f" for c in text)
            )
            assert (received is not None) == is_valid
            if received is not None:
                prefix, _, remainder = received.target.partition("/v1/entity-connections/")
                segment, _, tail = remainder.partition("/")
                assert (prefix, unquote(segment, errors="strict"), tail) == ("", text, verb)
                assert received.target.isascii()

        holds()


def test_any_bytes_as_id() -> None:
    with Wire() as wire:

        @given(TEXT.filter(is_utf8_encodable).map(str.encode) | st.binary(max_size=10))
        def holds(value: bytes) -> None:
            received = received_request(wire, DECISIONS["accept"], "connection_id", value)
            if received is not None:
                assert unquote(received.target.split("/")[3], errors="strict") == value.decode()

        holds()


def test_any_integer_as_id() -> None:
    with Wire() as wire:

        @given(st.integers())
        def holds(value: int) -> None:
            received = received_request(wire, DECISIONS["accept"], "connection_id", value)
            assert received is not None
            assert received.target.split("/")[3] == str(value)

        holds()


# -- query ----------------------------------------------------------------------------------------------------------


def test_any_text_as_list_type() -> None:
    with Wire() as wire:

        @given(TEXT)
        @example("")
        @example("a&page=2#+%20")
        @example("\r\nX: y")
        @example("\ud800")
        def holds(text: str) -> None:
            received = received_request(wire, lambda api, value: api.get_entity_connections(type=value), "type", text)
            assert (received is not None) == is_utf8_encodable(text)
            if received is not None:
                query = urlsplit(received.target).query
                assert parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") == [
                    ("type", text)
                ]

        holds()


def test_any_query() -> None:
    with Wire() as wire:
        names = TEXT.filter(bool)

        def call(api: Any, pairs: Any) -> Any:
            return api.api_client.call_api("/v1/any", "GET", query_params=pairs)

        @given(st.lists(st.tuples(names, TEXT), min_size=1, max_size=4))
        def holds(pairs: list[tuple[str, str]]) -> None:
            received = received_request(wire, call, "surrogate", pairs)
            assert (received is not None) == all(is_utf8_encodable(name + value) for name, value in pairs)
            if received is not None:
                query = urlsplit(received.target).query
                assert parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") == pairs

        holds()


@given(st.integers(), st.integers())
def test_any_page(page_size: int, page: int) -> None:
    with Wire() as wire:

        def call(api: Any, _: Any) -> Any:
            return api.get_entity_connections(page_size=page_size, page=page)

        received = received_request(wire, call, "page", None)
        assert (received is not None) == (1 <= page_size <= 300 and page >= 1)
        if received is not None:
            assert received.target == f"/v1/entity-connections?pageSize={page_size}&page={page}"


# -- headers --------------------------------------------------------------------------------------------------------


def with_default(api: Any, value: Any) -> Any:
    api.api_client.set_default_header("X-Any", value)
    try:
        return api.get_entity_connections()
    finally:
        del api.api_client.default_headers["X-Any"]


def with_cookie(api: Any, value: Any) -> Any:
    api.api_client.cookie = value
    try:
        return api.get_entity_connections()
    finally:
        api.api_client.cookie = None


HEADERS: dict[str, tuple[str, Call]] = {
    "zuora_entity_ids": ("zuora-entity-ids", lambda api, value: api.get_entity_connections(zuora_entity_ids=value)),
    "zuora_track_id": (
        "zuora-track-id",
        lambda api, value: api.put_entity_connections_deny(CONNECTION_ID, zuora_track_id=value),
    ),
    "idempotency_key": (
        "idempotency-key",
        lambda api, value: api.post_entity_connections(request={"targetEntityId": TARGET_ID}, idempotency_key=value),
    ),
    "X-Own": ("x-own", lambda api, value: api.api_client.call_api("/v1/x", "GET", header_params={"X-Own": value})),
    "X-Any": ("x-any", with_default),
    "Cookie": ("cookie", with_cookie),
}


@pytest.mark.parametrize("name", HEADERS)
def test_any_text_as_header(name: str) -> None:
    header, call = HEADERS[name]
    with Wire() as wire:

        @given(ASCII | TEXT)
        @example("")
        @example(" a")
        @example("a\r\nX-Forged: 1")
        @example("8a80825556ff28a4015708ba29312ecc")
        @example("é")
        @example("x" * 300)
        def holds(text: str) -> None:
            received = received_request(wire, call, name, text)
            if name == "Cookie" and not text:
                # As in generated clients, an empty cookie is not sent.
                assert received is not None
                assert header not in received.headers
            elif received is None:
                is_valid = text.isascii() and text.isprintable() and text == text.strip()
                assert not is_valid or (name.islower() and (not text or len(text) > 64 or set(text) & set(":;\"'")))
            else:
                sent = with_hyphens(text) if name == "zuora_entity_ids" else text
                assert received.headers[header] == sent
                assert "x-forged" not in received.headers

        holds()


def test_any_user_agent() -> None:
    with Wire() as wire:

        @given(ASCII)
        def holds(text: str) -> None:
            wire.client.user_agent = text
            received = received_request(wire, lambda api, _: api.get_entity_connections(), "User-Agent", None)
            assert received is None or received.headers["user-agent"] == text

        holds()


# -- body -----------------------------------------------------------------------------------------------------------


def test_any_text_as_target() -> None:
    with Wire() as wire:

        def as_model(api: Any, value: Any) -> Any:
            return api.post_entity_connections(request=POSTEntityConnectionsType(value))

        def as_dict(api: Any, value: Any) -> Any:
            return api.post_entity_connections(request={"targetEntityId": value, "more": value})

        @given(TEXT)
        @example("x" * 32)
        @example("x" * 33)
        @example("\ud800\0\x7f\u2028")
        def holds(text: str) -> None:
            for call in (as_model, as_dict):
                received = received_request(wire, call, "target_entity_id", text)
                assert (received is not None) == (len(text) <= 32)
                if received is not None:
                    assert json.loads(received.body)["targetEntityId"] == text

        holds()


PLAIN_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


def test_any_plain_data_as_body() -> None:
    with Wire() as wire:

        @given(PLAIN_DATA.filter(lambda value: value is not None))
        def holds(value: Any) -> None:
            received = received_request(
                wire, lambda api, data: api.api_client.call_api("/v1/x", "POST", body=data), "body", value
            )
            assert received is not None
            assert json.loads(received.body) == value

        holds()
