"""The five methods, their `_with_http_info` variants and aliases, their keywords, and the requests they send."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from support.operations import COMMON_KEYWORDS, CONNECTION_ID, MEDIA_TYPE, OPERATIONS, TARGET_ID, Operation
from support.scripted import Received, respond, respond_json
from support.wire import YES, Wire, silent

from zuora_client import (
    ApiClient,
    ApiException,
    ApiTimeoutError,
    EntityConnectionsApi,
    GETEntityConnectionsArrayItemsType,
    NotFoundError,
    POSTEntityConnectionsType,
)

ENTITY = "8a808255557baba1015580e12fa5083a"
HYPHENATED = "8a808255-557b-aba1-0155-80e12fa5083a"

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
each_put = pytest.mark.parametrize("operation", OPERATIONS[2:], ids=lambda operation: operation.readable)

VALID: dict[str, Any] = {"request": {"targetEntityId": TARGET_ID}, "page_size": 10, "page": 1, "_preload_content": True}


def test_api_creates_client_by_default() -> None:
    api = EntityConnectionsApi()
    assert isinstance(api.api_client, ApiClient)
    assert api.api_client is not EntityConnectionsApi().api_client


def test_given_client_is_kept() -> None:
    client = ApiClient()
    assert EntityConnectionsApi(client).api_client is EntityConnectionsApi(api_client=client).api_client is client


# -- names and keywords ---------------------------------------------------------------------------------------------


@each_operation
@pytest.mark.parametrize("suffix", ["", "_with_http_info"])
def test_readable_name_is_an_alias(operation: Operation, suffix: str) -> None:
    generated = getattr(EntityConnectionsApi, operation.generated + suffix)
    assert getattr(EntityConnectionsApi, operation.readable + suffix) is generated


@each_operation
@pytest.mark.parametrize("suffix", ["", "_with_http_info"])
def test_every_keyword_is_accepted(operation: Operation, suffix: str) -> None:
    with Wire() as wire:
        given = {name: VALID.get(name) for name in (*operation.keywords, *COMMON_KEYWORDS)}
        operation.call(wire.api, suffix=suffix, **given)
        assert wire.sent.target.partition("?")[0] == operation.path


@each_operation
@pytest.mark.parametrize("suffix", ["", "_with_http_info"])
@pytest.mark.parametrize(
    "name",
    ["pagesize", "body", "path", "query", "headers", "method", "template", "answer", "verb", "_explain", "files"],
)
def test_unknown_keyword_is_type_error(operation: Operation, suffix: str, name: str) -> None:
    with Wire() as wire:
        with pytest.raises(TypeError, match=name):
            operation.call(wire.api, suffix=suffix, **{name: {}})
        assert wire.requests == []


@each_put
def test_connection_id_is_positional_or_keyword(operation: Operation) -> None:
    with Wire() as wire:
        getattr(wire.api, operation.generated)(connection_id="by-keyword")
        assert wire.sent.target == operation.path.replace(CONNECTION_ID, "by-keyword")
        with pytest.raises(TypeError, match="connection_id"):
            getattr(wire.api, operation.generated)()
        with pytest.raises(ValueError, match="connection_id"):
            getattr(wire.api, operation.generated)(None)
        assert len(wire.requests) == 1


@each_operation
def test_none_means_not_given(operation: Operation) -> None:
    with Wire() as wire:
        operation.call(wire.api)
        without = wire.sent
        given: dict[str, Any] = dict.fromkeys(
            (*operation.keywords, "async_req", "_return_http_data_only", "_request_timeout")
        )
        given.update(operation.options)
        operation.call(wire.api, **given)
        assert wire.sent.line == without.line
        assert _comparable(wire.sent) == _comparable(without)


def _comparable(request: Received) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "idempotency-key"}


@pytest.mark.parametrize("page_size", [0, -1, 301, 10**9])
def test_page_size_out_of_range(page_size: int) -> None:
    with Wire() as wire, pytest.raises(ValueError, match="page_size"):
        wire.api.g_et_entity_connections(page_size=page_size)
    assert wire.requests == []


@pytest.mark.parametrize("page_size", [1, 300])
def test_page_size_boundaries_are_sent(page_size: int) -> None:
    with Wire() as wire:
        wire.api.g_et_entity_connections(page_size=page_size)
        assert wire.sent.target == f"/v1/entity-connections?pageSize={page_size}"


# -- requests -------------------------------------------------------------------------------------------------------


@each_operation
def test_method_path_and_all_headers(operation: Operation) -> None:
    with Wire(access_token="token") as wire:
        operation.call(wire.api, zuora_entity_ids=ENTITY)
        expected = {
            "host": wire.server.url.partition("://")[2],
            "accept": MEDIA_TYPE,
            "accept-encoding": "gzip",
            "connection": "keep-alive",
            "authorization": "Bearer token",
            "content-type": MEDIA_TYPE,
            "user-agent": wire.client.user_agent,
            "zuora-entity-ids": HYPHENATED,
        }
        sent = dict(wire.sent.headers)
        if operation.method == "POST":
            assert len(sent.pop("idempotency-key")) == 32
        if operation.method != "GET":
            expected["content-length"] = str(len(wire.sent.body))
        assert sent == expected
        assert wire.sent.line == f"{operation.method} {operation.path} HTTP/1.1"


@each_operation
def test_only_the_post_has_a_body(operation: Operation) -> None:
    with Wire() as wire:
        operation.call(wire.api)
        assert wire.sent.body == (
            b'{"targetEntityId": "%s"}' % TARGET_ID.encode() if operation.method == "POST" else b""
        )


@pytest.mark.parametrize("options", [{}, {"request": None}])
def test_post_without_request_has_no_body(options: dict[str, Any]) -> None:
    """As generated: Zuora's refusal says what is missing."""
    with Wire() as wire:
        wire.api.p_ost_entity_connections(**options)
        assert (wire.sent.line, wire.sent.body) == ("POST /v1/entity-connections HTTP/1.1", b"")
        assert wire.sent.headers["content-length"] == "0"
        assert wire.sent.headers["content-type"] == "application/json; charset=utf-8"


def test_query_order() -> None:
    with Wire() as wire:
        wire.api.g_et_entity_connections(page=2, type="outbound", page_size=300)
        assert wire.sent.target == "/v1/entity-connections?pageSize=300&type=outbound&page=2"
        wire.api.g_et_entity_connections(type="a b&c/d")
        assert wire.sent.target == "/v1/entity-connections?type=a%20b%26c%2Fd"


@each_put
@pytest.mark.parametrize(
    ("given", "sent"),
    [("a/b c", "a%2Fb%20c"), ("é%2F?#;", "%C3%A9%252F%3F%23%3B"), (b"a/b", "a%2Fb"), (17, "17"), ("...", "...")],
)
def test_connection_id_is_percent_encoded(operation: Operation, given: Any, sent: str) -> None:
    with Wire() as wire:
        getattr(wire.api, operation.generated)(given)
        assert wire.sent.target == operation.path.replace(CONNECTION_ID, sent)


@pytest.mark.parametrize(
    "request_",
    [POSTEntityConnectionsType(TARGET_ID), {"targetEntityId": TARGET_ID}, {"targetEntityId": TARGET_ID.encode()}],
)
def test_request_is_model_or_dict(request_: Any) -> None:
    with Wire() as wire:
        wire.api.p_ost_entity_connections(request=request_)
        assert wire.sent.body == b'{"targetEntityId": "%s"}' % TARGET_ID.encode()


def test_additional_dict_fields_are_sent() -> None:
    with Wire() as wire:
        wire.api.p_ost_entity_connections(request={"targetEntityId": "t", "note": None})
        assert wire.sent.body == b'{"targetEntityId": "t", "note": null}'


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({}, ValueError),
        ({"target_entity_id": TARGET_ID}, ValueError),
        ({"targetEntityId": None}, ValueError),
        ({"targetEntityId": "x" * 33}, ValueError),
        ({"targetEntityId": 7}, TypeError),
        ("text", TypeError),
        ([TARGET_ID], TypeError),
        (GETEntityConnectionsArrayItemsType(id="x"), TypeError),
    ],
)
def test_invalid_request_is_named(request_: Any, error: type[Exception]) -> None:
    with Wire() as wire:
        with pytest.raises(error, match=r"request|target_entity_id"):
            wire.api.p_ost_entity_connections(request=request_)
        assert wire.requests == []


def test_values_are_not_validated() -> None:
    """Zuora validates entity ids and types; the client sends any text."""
    with Wire() as wire:
        wire.api.g_et_entity_connections(zuora_entity_ids="zuora_entity_ids_example", type="type_example")
        assert wire.sent.headers["zuora-entity-ids"] == "zuora_entity_ids_example"
        assert wire.sent.target == "/v1/entity-connections?type=type_example"


def test_added_keywords_are_sent() -> None:
    with Wire() as wire:
        wire.api.p_ost_entity_connections(
            request={"targetEntityId": "t"}, zuora_track_id="night-run-7", idempotency_key="my-key"
        )
        assert wire.sent.headers["zuora-track-id"] == "night-run-7"
        assert wire.sent.headers["idempotency-key"] == "my-key"


# -- responses ------------------------------------------------------------------------------------------------------


@each_operation
def test_operation_returns_model(operation: Operation) -> None:
    with Wire() as wire:
        model = operation.call(wire.api)
        assert type(model) is operation.model
        assert model.success is True


@each_operation
def test_with_http_info_returns_triple(operation: Operation) -> None:
    headers = {"Zuora-Request-Id": "r-1", "X-Twice": "a"}
    with Wire(respond_json({"success": True}, 200, headers)) as wire:
        data, status, received = operation.call(wire.api, suffix="_with_http_info")
        assert (type(data), status) == (operation.model, 200)
        assert received.get("zuora-request-id") == received["ZUORA-REQUEST-ID"] == "r-1"
        assert received.get("absent") is None
        data_only = operation.call(wire.api, suffix="_with_http_info", _return_http_data_only=True)
        assert data_only == data


def test_rows_are_models() -> None:
    row = {"id": "c", "sourceEntityId": "s", "targetEntityId": "t", "status": "Brand-new"}
    with Wire(respond_json({"entityConnections": [row], "nextPage": "/x?page=2", "success": True})) as wire:
        page = wire.api.g_et_entity_connections()
        assert page.entity_connections == [GETEntityConnectionsArrayItemsType("c", "s", "Brand-new", "t")]
        assert page.next_page == "/x?page=2"


# -- async_req ------------------------------------------------------------------------------------------------------


def respond_after(event: threading.Event, response: bytes) -> Callable[..., Any]:
    """Return a behaviour that sends `response` when the event is set."""

    def behave(sock: Any, _: Received) -> bool:
        event.wait(60)
        sock.sendall(response)
        return True

    return behave


@each_operation
@pytest.mark.parametrize("suffix", ["", "_with_http_info"])
def test_async_req_returns_immediately(operation: Operation, suffix: str) -> None:
    """async_req returns immediately; get() returns what the synchronous call returns."""
    go = threading.Event()
    with Wire(respond_after(go, YES)) as wire:
        result = operation.call(wire.api, suffix=suffix, async_req=True)
        assert not result.ready()
        go.set()
        result.wait(60)
        assert result.ready()
        assert result.successful()
        later, direct = result.get(60), operation.call(wire.api, suffix=suffix)
        assert later == direct if not suffix else later[:2] == direct[:2]


@each_operation
def test_async_req_raises_same_error(operation: Operation) -> None:
    with Wire(respond(404)) as wire:
        result = operation.call(wire.api, async_req=True)
        with pytest.raises(NotFoundError) as caught:
            result.get(60)
        assert caught.value.status == 404
        assert not result.successful()


@each_operation
def test_async_req_checks_arguments_immediately(operation: Operation) -> None:
    """A wrong argument raises at the call, not in get()."""
    with Wire() as wire:
        with pytest.raises(ValueError, match="zuora_entity_ids"):
            operation.call(wire.api, async_req=True, zuora_entity_ids="a\nb")
        with pytest.raises(TypeError, match="nonsense"):
            operation.call(wire.api, async_req=True, nonsense=1)
        assert wire.requests == []


# -- _preload_content -----------------------------------------------------------------------------------------------


@each_operation
def test_preload_content_false_returns_unread_response(operation: Operation) -> None:
    """Without preloading the result is urllib3's response with its body unread."""
    body = threading.Event()

    def head_first(sock: Any, _: Received) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        body.wait(60)
        sock.sendall(b"whole")

    with Wire(head_first) as wire:
        response = operation.call(wire.api, _preload_content=False)
        assert isinstance(response, urllib3.HTTPResponse)
        assert response.status == 200
        body.set()
        assert response.read() == b"whole"
        response.release_conn()
        assert wire.sent.headers["accept-encoding"] == "identity"


def test_unread_response_decodes_itself() -> None:
    compressed = respond(200, gzip.compress(b'{"any": "thing"}'), {"Content-Encoding": "gzip"})
    with Wire(compressed) as wire:
        response = wire.api.g_et_entity_connections(_preload_content=False)
        assert response.data == b'{"any": "thing"}'
        response.release_conn()
        assert wire.client.last_response is response


def test_unread_response_with_http_info() -> None:
    with Wire(respond(200, b"x", {"X-Head": "y"})) as wire:
        response, status, headers = wire.api.g_et_entity_connections_with_http_info(_preload_content=False)
        assert (response.data, status, headers.get("x-head")) == (b"x", 200, "y")
        response.release_conn()


def test_unread_response_raises_by_status() -> None:
    with Wire(respond(404, b"gone")) as wire, pytest.raises(ApiException) as caught:
        wire.api.g_et_entity_connections(_preload_content=False)
    assert (caught.value.status, caught.value.body) == (404, "gone")


# -- _request_timeout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0.1, (30, 0.1), (30.0, 0.1), [None, 0.1], urllib3.Timeout(0.1)])
def test_timeout_is_enforced(timeout: Any) -> None:
    with Wire(silent, max_attempts=1) as wire:
        with pytest.raises(ApiTimeoutError):
            wire.api.g_et_entity_connections(_request_timeout=timeout)
        assert len(wire.requests) == 1


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, (0, 1), (1,), (1, 2, 3), "1"])
def test_invalid_timeout_raises(timeout: Any) -> None:
    with Wire() as wire:
        with pytest.raises((TypeError, ValueError), match="_request_timeout"):
            wire.api.g_et_entity_connections(_request_timeout=timeout)
        assert wire.requests == []


@pytest.mark.parametrize("timeout", [60, 60.5, (60, 60), urllib3.Timeout(connect=60, read=60)])
def test_timeout_does_not_change_configuration(timeout: Any) -> None:
    with Wire() as wire:
        before = dict(vars(wire.configuration))
        wire.api.g_et_entity_connections(_request_timeout=timeout)
        assert vars(wire.configuration) == before
