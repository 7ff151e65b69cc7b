"""`iter_entity_connections`: all pages, rows in order, and no URL taken from a response."""

from __future__ import annotations

from typing import Any

import pytest
from support import respond_json
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
    """Return a response that is one page with these rows."""
    more: dict[str, Any] = {} if next_page is None else {"nextPage": next_page}
    return respond_json({"entityConnections": [{"id": id_} for id_ in ids], "success": True, **more, **fields})


def failure(code: int, status: int = 200) -> Behaviour:
    return respond_json({"success": False, "reasons": [{"code": code, "message": "no"}]}, status)


def ids(rows: Any) -> list[str]:
    return [row.id for row in rows]


# -- against the emulator -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 300])
def test_rows_are_complete_and_ordered(size: int) -> None:
    """Every row is returned once and in order, whatever the page size."""
    with ZuoraEmulator() as zuora, api_for(zuora, zuora.entities[0]) as api:
        source, target = zuora.entities[:2]
        created = [zuora.add_connection(source, target, "Disconnected").id for _ in range(7)]
        assert ids(api.iter_entity_connections(page_size=size)) == created
        queries = [request.query for request in zuora.requests if request.path == PATH]
    pages = -(-7 // size)
    assert queries == [{"pageSize": str(size), "page": str(number)} for number in range(1, pages + 1)]


def test_every_page_sends_type_and_entity() -> None:
    with ZuoraEmulator() as zuora, api_for(zuora) as api:
        source, target = zuora.entities[:2]
        created = [zuora.add_connection(source, target, "Disconnected").id for _ in range(3)]
        zuora.add_connection(target, source)
        rows = api.iter_entity_connections(zuora_entity_ids=target.id, type="inbound", page_size=1)
        assert ids(rows) == created
        requests = [request for request in zuora.requests if request.path == PATH]
    assert len(requests) == 3
    assert {(request.query["type"], request.entity_id) for request in requests} == {("inbound", target.id)}


def test_entity_is_fixed_at_creation() -> None:
    """A configuration that changes between two pages must not mix the lists of two entities."""
    with ZuoraEmulator() as zuora, api_for(zuora) as api:
        source, target, other = zuora.entities
        created = [zuora.add_connection(source, target, "Disconnected").id for _ in range(2)]
        zuora.add_connection(other, target)
        api.api_client.configuration.entity_id = source.id
        rows = api.iter_entity_connections(page_size=1)
        first = next(rows)
        api.api_client.configuration.entity_id = other.id
        assert [first.id, *ids(rows)] == created


def test_pages_are_requested_lazily() -> None:
    """No page is requested before one of its rows is needed."""
    with ZuoraEmulator() as zuora, api_for(zuora, zuora.entities[0]) as api:
        source, target = zuora.entities[:2]
        for _ in range(4):
            zuora.add_connection(source, target, "Disconnected")
        rows = api.iter_entity_connections(page_size=2)
        assert zuora.requests == []
        for count in (1, 1, 2, 2):
            next(rows)
            assert [request.path for request in zuora.requests].count(PATH) == count
        assert next(rows, None) is None
        assert rows.page is None


def test_failed_page_is_requested_again() -> None:
    """After an error, the following next() requests the same page and no row is lost."""
    with ZuoraEmulator() as zuora, api_for(zuora, zuora.entities[0], max_attempts=1) as api:
        source, target = zuora.entities[:2]
        created = [zuora.add_connection(source, target, "Disconnected").id for _ in range(4)]
        rows = api.iter_entity_connections(page_size=2)
        seen = [next(rows).id, next(rows).id]
        zuora.fail_next(faults.html_error(502))
        with pytest.raises(ServerError):
            next(rows)
        assert rows.page == 2
        assert seen + ids(rows) == created


# -- unusual values of nextPage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["https://evil.example{path}?page=2", "//evil.example{path}?page=2", "{path}?page=2"])
def test_next_page_url_is_not_followed(url: str) -> None:
    """Only the page number is taken from nextPage; the host and the path are ignored."""
    with Wire(page("a", next_page=url.format(path=PATH)), page("b"), access_token="secret-token") as wire:
        assert ids(wire.api.iter_entity_connections(page_size=1)) == ["a", "b"]
        assert [request.target for request in wire.requests] == [f"{PATH}?pageSize=1&page={n}" for n in (1, 2)]
        assert {request.headers["host"] for request in wire.requests} == {f"127.0.0.1:{wire.server.port}"}


@pytest.mark.parametrize("cursor", ["opaque-cursor", f"{PATH}?cursor=abc", "%%%", "x" * 5000, True, ["a"], {"a": 1}])
def test_opaque_next_page_means_following_page(cursor: Any) -> None:
    """A nextPage without a page number announces the following page."""
    with Wire(page("a", next_page=cursor), page("b")) as wire:
        assert ids(wire.api.iter_entity_connections(page_size=1)) == ["a", "b"]
        assert wire.sent.target.endswith("page=2")


@pytest.mark.parametrize("empty", ["", False, [], {}])
def test_empty_next_page_ends_iteration(empty: Any) -> None:
    with Wire(page("a", next_page=empty)) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a"]


@pytest.mark.parametrize("number", [0, 1, 3, -1])
def test_integer_next_page_is_page_number(number: int) -> None:
    """A nextPage that is an integer is read as the page number."""
    with Wire(page("a", next_page=2), page("b")) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a", "b"]
    with Wire(page("a", next_page=number)) as wire, pytest.raises(InvalidResponseError, match="names another page"):
        ids(wire.api.iter_entity_connections())


@pytest.mark.parametrize("number", ["1", "3", "0", "-2", "two", "2&page=3", "9" * 5000])
def test_non_consecutive_page_number_raises(number: str) -> None:
    """A nextPage that names any page but the following one is an error."""
    with Wire(page("a", next_page=f"{PATH}?page={number}"), page("b")) as wire:
        rows = wire.api.iter_entity_connections(page_size=1)
        with pytest.raises(InvalidResponseError, match="nextPage") as caught:
            next(rows)
        assert (caught.value.outcome, caught.value.method, caught.value.path) == ("answered", "GET", PATH)
        assert len(str(caught.value)) < 1000
        assert len(wire.requests) == 1


def test_malformed_next_page_raises() -> None:
    with (
        Wire(page("a", next_page="http://[half?page=2")) as wire,
        pytest.raises(InvalidResponseError, match="not a URL"),
    ):
        next(wire.api.iter_entity_connections())


def test_endless_empty_pages_raise() -> None:
    """After 100 consecutive empty pages that announce another page, iteration ends with an error."""
    with Wire(page(next_page="more")) as wire:
        with pytest.raises(InvalidResponseError, match="announce another page"):
            next(wire.api.iter_entity_connections())
        assert len(wire.requests) == 100


def test_single_empty_pages_are_skipped() -> None:
    with Wire(page(next_page="more"), page("a", next_page="more"), page(next_page="more"), page("b")) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a", "b"]


@pytest.mark.parametrize("rows", [None, [], [None, None]])
def test_list_without_rows_is_empty(rows: Any) -> None:
    with Wire(respond_json({"entityConnections": rows, "success": True})) as wire:
        assert list(wire.api.iter_entity_connections()) == []


@pytest.mark.parametrize("envelope", [{"success": True}, {"success": "true"}, {"Success": True}])
def test_success_without_rows_is_empty(envelope: dict[str, Any]) -> None:
    """The iterator follows the rule of the operation for what counts as success."""
    with Wire(respond_json(envelope)) as wire:
        assert list(wire.api.iter_entity_connections()) == []


@pytest.mark.parametrize("envelope", [{}, {"entityConnections": None}, {"success": "maybe"}])
def test_no_success_and_no_rows_raises(envelope: dict[str, Any]) -> None:
    with Wire(respond_json(envelope)) as wire, pytest.raises(InvalidResponseError):
        list(wire.api.iter_entity_connections())


def test_null_rows_are_skipped() -> None:
    with Wire(respond_json({"entityConnections": [None, {"id": "a"}, None, {"id": "b"}]})) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["a", "b"]


@pytest.mark.parametrize(
    ("code", "kind"), [(50000010, PermissionDeniedError), (50000040, NotFoundError), (50000030, RequestRejectedError)]
)
@pytest.mark.parametrize("raise_on_failure", [True, False])
def test_failure_response_raises(code: int, kind: type, raise_on_failure: bool) -> None:
    """A failure is raised even if raise_on_failure is False; it must not look like the end of the list."""
    with Wire(page("a", next_page="more"), failure(code), raise_on_failure=raise_on_failure) as wire:
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
def test_wrong_argument_raises_immediately(wrong: dict[str, Any], error: type[Exception]) -> None:
    """A wrong argument raises when the iterator is created, not at the first row."""
    with Wire(entity_id="8a808255557baba1015580e12fa5083a") as wire:
        with pytest.raises(error, match=next(iter(wrong))):
            wire.api.iter_entity_connections(**wrong)
        assert wire.requests == []


def listed(*rows: dict[str, Any]) -> bytes:
    return respond_json({"entityConnections": [*rows], "nextPage": "https://x/?cursor=a", "success": True})


def test_repeated_page_raises() -> None:
    """A page with the ids of the page before it is an error."""
    with Wire(listed({"id": "c1"}, {"id": "c2"})) as wire:
        with pytest.raises(InvalidResponseError, match="same connections"):
            list(wire.api.iter_entity_connections())
        assert len(wire.requests) == 2


@pytest.mark.parametrize("rows", [[{"id": "c1"}], [{"status": "Pending"}, {"status": "Pending"}]])
def test_ambiguous_repeats_are_tolerated_briefly(rows: list[dict[str, Any]]) -> None:
    """A page of one row may repeat when a connection is created meanwhile; rows without ids cannot be compared."""
    with Wire(listed(*rows), listed(*rows), page("z")) as wire:
        assert ids(wire.api.iter_entity_connections(page_size=1))[-1] == "z"
    with Wire(listed(*rows)) as wire:
        with pytest.raises(InvalidResponseError, match="same connections"):
            list(wire.api.iter_entity_connections(page_size=1))
        assert len(wire.requests) < 20


def test_empty_page_count_is_consecutive() -> None:
    """A page with rows resets the count of empty pages."""
    empty = respond_json({"entityConnections": [], "nextPage": "more", "success": True})
    full = [page(str(number), next_page="more") for number in range(3)]
    responses = [response for one in full for response in (*[empty] * 60, one)]
    with Wire(*responses, page("end")) as wire:
        assert ids(wire.api.iter_entity_connections()) == ["0", "1", "2", "end"]
