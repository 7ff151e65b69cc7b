"""The pieces of a request: what could not arrive as it was meant is refused by name, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from support import answer, json_answer, reset
from support.calls import failure_of
from support.wire import Wire

from zuora_client import (
    ApiClient,
    AuthenticationError,
    Configuration,
    NotFoundError,
    OutcomeUnknownError,
    RequestRejectedError,
)
from zuora_client.models import PUTEntityConnectionsAcceptResponseType

YES = json_answer({"success": True})


@pytest.mark.parametrize(
    "path", ["/v1/orders/{id}", "/v1/a#b", "/v1/a b", '/v1/"a"', "/v1/a\nb", "/v1/\xe9", "/v1/<a>"]
)
def test_a_path_that_would_not_arrive_is_refused(path: str) -> None:
    with Wire(YES) as wire:
        with pytest.raises(ValueError, match="resource_path"):
            wire.client.call_api(path, "DELETE", {"ID": 1})
        assert wire.requests == []


def test_a_query_in_the_path_and_one_beside_it_become_one() -> None:
    with Wire(YES) as wire:
        wire.client.call_api("/v1/any?x=1", "GET", query_params=[("y", 2)])
        assert wire.requests[0].target == "/v1/any?x=1&y=2"


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
@pytest.mark.parametrize("default", [True, False])
def test_headers_that_frame_a_request_are_the_clients_own(name: str, default: bool) -> None:
    with Wire(YES) as wire:
        own: dict[str, Any] = {} if default else {name: "3"}
        if default:
            wire.client.set_default_header(name, "3")
        with pytest.raises(ValueError, match=name.lower()):
            wire.client.call_api("/v1/any", "PUT", header_params=own)
        assert wire.requests == []


@pytest.mark.parametrize("how", ["argument", "entity_id", "default header"])
def test_an_empty_entity_is_refused(how: str) -> None:
    with Wire(YES, entity_id="" if how == "entity_id" else None) as wire:
        if how == "default header":
            wire.client.set_default_header("Zuora-Entity-Ids", "")
        given = {"zuora_entity_ids": ""} if how == "argument" else {}
        with pytest.raises(ValueError, match="empty"):
            wire.api.put_entity_connections_disconnect("c1", **given)
        assert wire.requests == []


def test_a_key_of_any_name_does_not_travel_in_the_open() -> None:
    configuration = Configuration("http://zuora.example.com")
    configuration.api_key["X-Api-Key"] = "secret-secret"
    with ApiClient(configuration) as client, pytest.raises(ValueError, match="allow_insecure_http") as caught:
        client.call_api("/v1/any", "GET", auth_settings=["X-Api-Key"])
    assert "secret-secret" not in str(caught.value)


# -- credentials that change while a call is under way --------------------------------------------------------------


def test_a_token_source_that_fails_later_does_not_make_a_lost_write_forgotten() -> None:
    tokens = iter(["first-token", ""])
    with Wire(reset, YES, access_token=lambda: next(tokens)) as wire:
        with pytest.raises(OutcomeUnknownError) as caught:
            wire.api.post_entity_connections(request={"targetEntityId": "t"})
        assert caught.value.outcome == "unknown"
        assert len(wire.requests) == 1


def test_a_token_source_that_fails_at_once_is_a_wrong_argument() -> None:
    with Wire(YES, access_token=lambda: "") as wire:
        with pytest.raises(ValueError, match="access_token"):
            wire.api.post_entity_connections(request={"targetEntityId": "t"})
        assert wire.requests == []


# -- answers to a write ---------------------------------------------------------------------------------------------

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 18\r\n\r\n<html>log in</html"


@pytest.mark.parametrize("response_type", [None, "object", PUTEntityConnectionsAcceptResponseType])
def test_a_page_is_no_yes_to_a_write(response_type: Any) -> None:
    with Wire(PAGE) as wire, pytest.raises(OutcomeUnknownError):
        wire.client.call_api("/v1/any", "PUT", response_type=response_type)


def test_a_page_under_a_read_is_text_for_who_asks_for_text() -> None:
    with Wire(PAGE) as wire:
        assert wire.client.call_api("/v1/any", "GET", response_type="str")[0] == "<html>log in</html"


def test_an_error_keeps_a_start_of_a_large_answer() -> None:
    body = b"x" * 1_000_000
    head = b"HTTP/1.1 404 No\r\nContent-Length: 1000000\r\n\r\n"
    with Wire(head + body) as wire, pytest.raises(NotFoundError) as caught:
        wire.api.get_entity_connections()
    assert caught.value.body == "x" * 65536


def test_a_session_in_an_answer_is_not_kept() -> None:
    answer = json_answer({"message": "no"}, 404, {"Set-Cookie": "ZSession=live-session-of-zuora; Path=/"})
    with Wire(answer) as wire:
        with pytest.raises(NotFoundError) as caught:
            wire.api.get_entity_connections()
        assert caught.value.headers is not None
        assert "live-session" not in repr(dict(caught.value.headers))


# -- what the text says to who forgot something ---------------------------------------------------------------------


def test_a_401_without_credentials_says_that_none_are_set() -> None:
    no = json_answer({"message": "Authentication error"}, 401)
    with Wire(no) as wire, pytest.raises(AuthenticationError, match="No credentials are set"):
        wire.api.get_entity_connections()


def test_a_host_without_a_token_endpoint_is_told_as_such() -> None:
    no = json_answer({"message": "no"}, 404)
    with Wire(no, client_id="id", client_secret="secret") as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert isinstance(error, AuthenticationError)
    assert "without /v1" in error.advice


def test_an_unknown_keyword_is_named_alone() -> None:
    with Wire() as wire:
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'timeout'$"):
            wire.api.get_entity_connections(timeout=3)
        assert wire.requests == []


@pytest.mark.usefixtures("deep_stack")
def test_a_no_that_is_nested_deeply_is_an_error_also_when_it_is_to_be_returned() -> None:
    deep = b'{"success":false,"x":' + b"[" * 900 + b"]" * 900 + b"}"
    with Wire(answer(200, deep), raise_on_failure=False) as wire, pytest.raises(RequestRejectedError):
        wire.api.put_entity_connections_accept("c1")
