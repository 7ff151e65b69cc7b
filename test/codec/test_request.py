"""Request validation: a value that cannot be sent unchanged is rejected by name, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from support import reset, respond, respond_json
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

SUCCESS = respond_json({"success": True})


@pytest.mark.parametrize(
    "path", ["/v1/orders/{id}", "/v1/a#b", "/v1/a b", '/v1/"a"', "/v1/a\nb", "/v1/\xe9", "/v1/<a>"]
)
def test_invalid_path_is_rejected(path: str) -> None:
    with Wire(SUCCESS) as wire:
        with pytest.raises(ValueError, match="resource_path"):
            wire.client.call_api(path, "DELETE", {"ID": 1})
        assert wire.requests == []


def test_query_in_path_is_extended() -> None:
    with Wire(SUCCESS) as wire:
        wire.client.call_api("/v1/any?x=1", "GET", query_params=[("y", 2)])
        assert wire.requests[0].target == "/v1/any?x=1&y=2"


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
@pytest.mark.parametrize("default", [True, False])
def test_framing_headers_are_rejected(name: str, default: bool) -> None:
    with Wire(SUCCESS) as wire:
        own: dict[str, Any] = {} if default else {name: "3"}
        if default:
            wire.client.set_default_header(name, "3")
        with pytest.raises(ValueError, match=name.lower()):
            wire.client.call_api("/v1/any", "PUT", header_params=own)
        assert wire.requests == []


@pytest.mark.parametrize("source", ["argument", "entity_id", "default header"])
def test_empty_entity_is_rejected(source: str) -> None:
    with Wire(SUCCESS, entity_id="" if source == "entity_id" else None) as wire:
        if source == "default header":
            wire.client.set_default_header("Zuora-Entity-Ids", "")
        options: dict[str, Any] = {"zuora_entity_ids": ""} if source == "argument" else {}
        with pytest.raises(ValueError, match="empty"):
            wire.api.put_entity_connections_disconnect("c1", **options)
        assert wire.requests == []


def test_api_key_needs_https() -> None:
    """An API key of any name is rejected over unencrypted HTTP, and the error does not contain it."""
    configuration = Configuration("http://zuora.example.com")
    configuration.api_key["X-Api-Key"] = "secret-secret"
    with ApiClient(configuration) as client, pytest.raises(ValueError, match="allow_insecure_http") as caught:
        client.call_api("/v1/any", "GET", auth_settings=["X-Api-Key"])
    assert "secret-secret" not in str(caught.value)


# -- credentials that change during a call --------------------------------------------------------------------------


def test_token_failure_keeps_unknown_outcome() -> None:
    """If the token callable fails on the retry of a write without a response, the outcome is still unknown."""
    tokens = iter(["first-token", ""])
    with Wire(reset, SUCCESS, access_token=lambda: next(tokens)) as wire:
        with pytest.raises(OutcomeUnknownError) as caught:
            wire.api.post_entity_connections(request={"targetEntityId": "t"})
        assert caught.value.outcome == "unknown"
        assert len(wire.requests) == 1


def test_invalid_first_token_is_value_error() -> None:
    with Wire(SUCCESS, access_token=lambda: "") as wire:
        with pytest.raises(ValueError, match="access_token"):
            wire.api.post_entity_connections(request={"targetEntityId": "t"})
        assert wire.requests == []


# -- response bodies ------------------------------------------------------------------------------------------------

HTML_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 18\r\n\r\n<html>log in</html"


@pytest.mark.parametrize("response_type", [None, "object", PUTEntityConnectionsAcceptResponseType])
def test_html_response_fails_a_write(response_type: Any) -> None:
    """A write is not treated as successful on an HTML page."""
    with Wire(HTML_PAGE) as wire, pytest.raises(OutcomeUnknownError):
        wire.client.call_api("/v1/any", "PUT", response_type=response_type)


def test_html_response_is_text_for_reads() -> None:
    """A read with `response_type="str"` returns the page."""
    with Wire(HTML_PAGE) as wire:
        assert wire.client.call_api("/v1/any", "GET", response_type="str")[0] == "<html>log in</html"


def test_error_body_is_truncated() -> None:
    body = b"x" * 1_000_000
    head = b"HTTP/1.1 404 No\r\nContent-Length: 1000000\r\n\r\n"
    with Wire(head + body) as wire, pytest.raises(NotFoundError) as caught:
        wire.api.get_entity_connections()
    assert caught.value.body == "x" * 65536


def test_session_cookie_is_not_kept() -> None:
    response = respond_json({"message": "no"}, 404, {"Set-Cookie": "ZSession=live-session-of-zuora; Path=/"})
    with Wire(response) as wire:
        with pytest.raises(NotFoundError) as caught:
            wire.api.get_entity_connections()
        assert caught.value.headers is not None
        assert "live-session" not in repr(dict(caught.value.headers))


# -- error messages -------------------------------------------------------------------------------------------------


def test_missing_credentials_are_named() -> None:
    """A 401 response to a call without credentials says that none are set."""
    unauthorized = respond_json({"message": "Authentication error"}, 401)
    with Wire(unauthorized) as wire, pytest.raises(AuthenticationError, match="No credentials are set"):
        wire.api.get_entity_connections()


def test_missing_token_endpoint_is_named() -> None:
    not_found = respond_json({"message": "no"}, 404)
    with Wire(not_found, client_id="id", client_secret="secret") as wire:
        error = failure_of(lambda api: api.get_entity_connections(), wire.api)
    assert isinstance(error, AuthenticationError)
    assert "without /v1" in error.advice


def test_unknown_keyword_is_named() -> None:
    with Wire() as wire:
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'timeout'$"):
            wire.api.get_entity_connections(timeout=3)  # type: ignore[call-overload]
        assert wire.requests == []


@pytest.mark.usefixtures("deep_stack")
def test_deeply_nested_failure_is_raised() -> None:
    """A failure that is nested too deeply is raised even with `raise_on_failure=False`."""
    deep = b'{"success":false,"x":' + b"[" * 900 + b"]" * 900 + b"}"
    with Wire(respond(200, deep), raise_on_failure=False) as wire, pytest.raises(RequestRejectedError):
        wire.api.put_entity_connections_accept("c1")
