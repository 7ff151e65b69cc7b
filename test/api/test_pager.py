"""`iter_entity_connections`: all pages, each row as it comes, and never an address out of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from support import json_answer
from support.scripted import Behaviour
from support.tenant import api_for
from support.wire import Wire

from zuora_client import (
    ApiException,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RequestRejectedError,
    ServerError,
)
from zuora_client.emulator import ZuoraEmulator, faults

PATH = "/v1/entity-connections"


def page(*ids: str, next_page: Any = None, **fields: Any) -> Behaviour:
    """Return the answer that is a page with these rows."""
    more = {} if next_page is None else {"nextPage": next_page}
    return json_answer({"entityConnections": [{"id": id_} for id_ in ids], "success": True, **more, **fields})


def refusal(code: int, status: int = 200) -> Behaviour:
    return json_answer({"success": False, "reasons": [{"code": code, "message": "no"}]}, status)


def ids(rows: Any) -> list[str]:
    return [row.id for row in rows]


# -- against a tenant -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 300])
def test_every_row_comes_once_and_in_order_whatever_the_size_of_a_page(size: int) -> None:
    with ZuoraEmulator() as zuora, api_for(zuora, zuora.entities[0]) as api:
        made = [zuora.add_connection(*zuora.entities[:2], "Disconnected").id for _ in range(7)]
        assert ids(api.iter_entity_connections(page_size=size)) == made
        asked = [request.query for request in zuora.requests if request.path == PATH]
    pages = -(-7 // size)
    assert asked == [{"pageSize": str(size), "page": str(number)} for number in range(1, pages + 1)]


def test_type_and_entity_go_with_every_page() -> None:
    with ZuoraEmulator() as zuora, api_for(zuora) as api:
        source, target = zuora.entities[:2]
        made = [zuora.add_connection(source, target, "Disconnected").id for _ in range(3)]
        zuora.add_connection(target, source)
        rows = api.iter_entity_connections(zuora_entity_ids=target.id, type="inbound", page_size=1)
        assert ids(rows) == made
        asked = [request for request in zuora.requests if request.path == PATH]
    assert len(asked) == 3
    assert {(request.query["type"], request.entity_id) for request in asked} == {("inbound", target.id)}


def test_the_entity_of_the_first_page_is_that_of_the_last() -> None:
    """A setting that changes between two pages must not mix the lists of two entities."""
    with ZuoraEmulator() as zuora, api_for(zuora) as api:
        source, target, other = zuora.entities
        made = [zuora.add_connection(source, target, "Disconnected").id for _ in range(2)]
        zuora.add_connection(other, target)
        api.api_client.configuration.entity_id = source.id
        rows = api.iter_entity_connections(page_size=1)
        first = next(rows)
        api.api_client.configuration.entity_id = other.id
        assert [first.id, *ids(rows)] == made


def test_nothing_is_asked_before_the_first_row_and_no_page_before_its_time() -> None:
    with ZuoraEmulator() as zuora, api_for(zuora, zuora.entities[0]) as api:
        for _ in range(4):
            zuora.add_connection(*zuora.entities[:2], "Disconnected")
        rows = api.iter_entity_connections(page_size=2)
        assert zuora.requests == []
        for count in (1, 1, 2, 2):
            next(rows)
            assert [request.path for request in zuora.requests].count(PATH) == count
        assert next(rows, None) is None
        assert rows.page is None


def test_a_page_that_fails_is_asked_for_again_by_the_next_next() -> None:
    with ZuoraEmulator() as zuora, api_for(zuora, zuora.entities[0], max_attempts=1) as api:
        made = [zuora.add_connection(*zuora.entities[:2], "Disconnected").id for _ in range(4)]
        rows = api.iter_entity_connections(page_size=2)
        seen = [next(rows).id, next(rows).id]
        zuora.fail_next(faults.html_error(502))
        with pytest.raises(ServerError):
            next(rows)
        assert rows.page == 2
        assert seen + ids(rows) == made


# -- answers that nobody should follow ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["https://evil.example{path}?page=2", "//evil.example{path}?page=2", "{path}?page=2"]
)
def test_only_the_number_of_the_next_page_is_taken(address: str) -> None:
    with Wire(page("a", next_page=address.format(path=PATH)), page("b"), access_token="secret-token") as wire:
        assert ids(wire.api.iter_entity_connections(page_size=1)) == ["a", "b"]
        assert [request.target for request in wire.requests] == [f"{PATH}?pageSize=1&page={n}" for n in (1, 2)]
        assert {request.headers["host"] for request in wire.requests} == {f"127.0.0.1:{wire.server.port}"}


@pytest.mark.parametrize("cursor", ["opaque-cursor", f"{PATH}?cursor=abc", "%%%", "x" * 5000, True, ["a"], {"a": 1}])
def test_a_next_page_without_a_number_counts_as_the_following_one(cursor: Any) -> None:
    with Wire(page("a", next_page=cursor), page("b")) as wire:
        assert ids(wire.api.iter_entity_connections(page_size=1)) == ["a", "b"]
        assert wire.sent.target.endswith("page=2")


@pytest.mark.parametrize("nothing", ["", False, [], {}])
def test_an_empty_next_page_is_the_end(nothing: Any) -> None:
    with Wire(page("a", next_page=nothing)) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a"]


@pytest.mark.parametrize("number", [0, 1, 3, -1])
def test_a_number_instead_of_an_address_is_the_number_of_the_page(number: int) -> None:
    with Wire(page("a", next_page=2), page("b")) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a", "b"]
    with Wire(page("a", next_page=number)) as wire, pytest.raises(InvalidResponseError, match="names another page"):
        ids(wire.api.iter_entity_connections())


@pytest.mark.parametrize("told", ["1", "3", "0", "-2", "two", "2&page=3", "9" * 5000])
def test_another_number_than_the_following_one_is_an_error(told: str) -> None:
    with Wire(page("a", next_page=f"{PATH}?page={told}"), page("b")) as wire:
        rows = wire.api.iter_entity_connections(page_size=1)
        with pytest.raises(InvalidResponseError, match="nextPage") as caught:
            next(rows)
        assert (caught.value.outcome, caught.value.method, caught.value.path) == ("answered", "GET", PATH)
        assert len(str(caught.value)) < 1000
        assert len(wire.requests) == 1


def test_a_next_page_that_is_no_url_is_an_error() -> None:
    with (
        Wire(page("a", next_page="http://[half?page=2")) as wire,
        pytest.raises(InvalidResponseError, match="not a URL"),
    ):
        next(wire.api.iter_entity_connections())


def test_empty_pages_that_promise_more_end() -> None:
    with Wire(page(next_page="more")) as wire:
        with pytest.raises(InvalidResponseError, match="promise another"):
            next(wire.api.iter_entity_connections())
        assert len(wire.requests) == 100


def test_empty_pages_in_between_are_passed_over() -> None:
    with Wire(page(next_page="more"), page("a", next_page="more"), page(next_page="more"), page("b")) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a", "b"]


@pytest.mark.parametrize("rows", [None, [], [None, None]])
def test_a_list_without_rows_is_empty(rows: Any) -> None:
    with Wire(json_answer({"entityConnections": rows, "success": True})) as wire:
        assert list(wire.api.iter_entity_connections()) == []


def test_a_null_between_rows_is_no_row() -> None:
    with Wire(json_answer({"entityConnections": [None, {"id": "a"}, None, {"id": "b"}]})) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a", "b"]


@pytest.mark.parametrize(
    ("code", "kind"), [(50000010, PermissionDeniedError), (50000040, NotFoundError), (50000030, RequestRejectedError)]
)
@pytest.mark.parametrize("raise_on_failure", [True, False])
def test_a_refused_page_is_never_the_end_of_the_list(code: int, kind: type, raise_on_failure: bool) -> None:
    with Wire(page("a", next_page="more"), refusal(code), raise_on_failure=raise_on_failure) as wire:
        rows = wire.api.iter_entity_connections()
        assert next(rows).id == "a"
        with pytest.raises(kind) as caught:
            next(rows)
        assert isinstance(caught.value, ApiException)
        assert [reason.code for reason in caught.value.reasons] == [code]
        assert rows.page == 2


# -- arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"page_size": 0}, ValueError),
        ({"page_size": 301}, ValueError),
        ({"page_size": None}, ValueError),
        ({"page_size": "30"}, TypeError),
        ({"page_size": True}, TypeError),
        ({"type": 7}, TypeError),
        ({"page": 1}, TypeError),
        ({"zuora_entity_ids": ""}, ValueError),
        ({"zuora_entity_ids": "line\nbreak"}, ValueError),
        ({"zuora_entity_ids": ["id"]}, TypeError),
    ],
)
def test_a_wrong_argument_raises_at_the_call(wrong: dict[str, Any], error: type[Exception]) -> None:
    with Wire(entity_id="8a808255557baba1015580e12fa5083a") as wire:
        with pytest.raises(error, match=next(iter(wrong))):
            wire.api.iter_entity_connections(**wrong)
        assert wire.requests == []


def listed(*rows: dict[str, Any]) -> bytes:
    return json_answer({"entityConnections": [*rows], "nextPage": "https://x/?cursor=a", "success": True})


def test_a_list_that_turns_in_a_circle_ends() -> None:
    with Wire(listed({"id": "c1"}, {"id": "c2"})) as wire:
        with pytest.raises(InvalidResponseError, match="same connections"):
            list(wire.api.iter_entity_connections())
        assert len(wire.requests) == 2


@pytest.mark.parametrize("rows", [[{"id": "c1"}], [{"status": "Pending"}, {"status": "Pending"}]])
def test_rows_that_may_rightly_come_again_end_later(rows: list[dict[str, Any]]) -> None:
    """A row alone comes again when a connection is made between two pages; rows without ids cannot be told apart."""
    with Wire(listed(*rows), listed(*rows), page("z")) as wire:
        assert ids(wire.api.iter_entity_connections(page_size=1))[-1] == "z"
    with Wire(listed(*rows)) as wire:
        with pytest.raises(InvalidResponseError, match="same connections"):
            list(wire.api.iter_entity_connections(page_size=1))
        assert len(wire.requests) < 20


def test_empty_pages_are_counted_in_a_row() -> None:
    empty = json_answer({"entityConnections": [], "nextPage": "more", "success": True})
    full = [page(str(number), next_page="more") for number in range(3)]
    between = [answer for one in full for answer in (*[empty] * 60, one)]
    with Wire(*between, page("end")) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["0", "1", "2", "end"]
