"""ApiClient: constructor, attributes, and `call_api` with any path."""

from __future__ import annotations

import copy
import datetime
import inspect
import json
import pickle
import threading
from multiprocessing.pool import ThreadPool
from typing import Any, ClassVar

import pytest
from support.scripted import respond, respond_json
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer
from support.wire import YES, Wire

from zuora_client import (
    ApiClient,
    Configuration,
    EntityConnectionsApi,
    GETEntityConnectionsArrayItemsType,
    InvalidResponseError,
    OutcomeUnknownError,
    POSTEntityConnectionsResponseType,
    POSTEntityConnectionsType,
)
from zuora_client.rest import ApiException, RESTClientObject, RESTResponse

UUID = "8a808255-56ff-28a4-0157-08ba29312ecc"


# -- constructor and attributes -------------------------------------------------------------------------------------


def test_constructor_arguments() -> None:
    configuration = Configuration()
    client = ApiClient(configuration, "X-Own", "value", "a=b")
    assert client.configuration is configuration
    assert client.default_headers["X-Own"] == "value"
    assert client.cookie == "a=b"
    assert isinstance(client.rest_client, RESTClientObject)
    default = ApiClient()
    assert isinstance(default.configuration, Configuration)
    assert (default.cookie, default.last_response) == (None, None)


def test_default_headers_and_cookie_are_sent() -> None:
    with Wire() as wire, ApiClient(wire.configuration, "X-Own", "value", "a=b") as client:
        client.set_default_header("X-Later", "more")
        client.call_api("/v1/any", "GET")
        assert wire.sent.headers["x-own"] == "value"
        assert wire.sent.headers["x-later"] == "more"
        assert wire.sent.headers["cookie"] == "a=b"


def test_default_headers_override_ignoring_case() -> None:
    with Wire() as wire:
        wire.client.set_default_header("ACCEPT", "text/plain")
        wire.client.set_default_header("content-type", "application/json; charset=latin-1")
        wire.api.g_et_entity_connections()
        assert wire.sent.headers["accept"] == "text/plain"
        assert wire.sent.headers["content-type"] == "application/json; charset=latin-1"


def test_default_header_replaces_earlier_value() -> None:
    """Setting a default header replaces an earlier value; names are compared without case."""
    with Wire() as wire, ApiClient(wire.configuration, "Authorization", "Bearer 1") as client:
        client.set_default_header("authorization", "Bearer 2")
        client.set_default_header("AUTHORIZATION", "Bearer 3")
        client.set_default_header("user-agent", "billing/6")
        client.user_agent = "billing/7"
        client.call_api("/v1/any", "GET")
        assert wire.sent.headers["authorization"] == "Bearer 3"
        assert wire.sent.headers["user-agent"] == "billing/7"


def test_empty_cookie_is_not_sent() -> None:
    with Wire() as wire, ApiClient(wire.configuration, cookie="") as client:
        client.call_api("/v1/any", "GET")
        assert "cookie" not in wire.sent.headers


# -- a replaced configuration ---------------------------------------------------------------------------------------


def test_replaced_configuration_applies_completely() -> None:
    """Host, credentials and settings change together: no secret of one tenant is sent to another."""
    with Wire(respond_json({"success": False}), access_token="token-of-b", raise_on_failure=False) as b, Wire() as a:
        client = ApiClient(Configuration(a.server.url, access_token="token-of-a"), clock=b.clock)
        client.configuration = b.configuration
        api = EntityConnectionsApi(client)
        assert api.put_entity_connections_disconnect("1").success is False
        assert b.sent.headers["authorization"] == "Bearer token-of-b"
        b.configuration.access_token = None
        b.configuration.api_key = {"apiAccessKeyId": "key-of-b", "apiSecretAccessKey": "secret-of-b"}
        api.get_entity_connections()
        assert b.sent.headers["apisecretaccesskey"] == "secret-of-b"
        assert a.requests == []
        client.close()


def test_replaced_configuration_fetches_own_token() -> None:
    a: Any
    b: Any
    with TokenServer() as a, TokenServer() as b:
        client = ApiClient(Configuration(a.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET))
        api = EntityConnectionsApi(client)
        api.get_entity_connections()
        client.configuration = Configuration(b.url, client_id=CLIENT_ID, client_secret="another-secret")
        api.get_entity_connections()
        assert (len(a.requests), len(b.token_requests), len(b.calls)) == (2, 1, 1)
        assert b"another-secret" in b.token_requests[0].body
        client.close()


def test_replaced_configuration_without_credentials() -> None:
    with Wire() as wire:
        client = ApiClient(Configuration(access_token="token-of-a"))
        client.configuration = wire.configuration
        client.call_api("/v1/any", "GET")
        assert "authorization" not in wire.sent.headers
        client.close()


# -- subclasses -----------------------------------------------------------------------------------------------------


class Logging(ApiClient):
    """Overrides `call_api` with the generated parameters, as logging and metrics code does."""

    def __init__(self, configuration: Configuration, tenant: str) -> None:
        super().__init__(configuration)
        self.tenant = tenant
        self.seen: list[str] = []

    def call_api(
        self,
        resource_path: str,
        method: str,
        path_params: Any = None,
        query_params: Any = None,
        header_params: Any = None,
        body: Any = None,
        post_params: Any = None,
        files: Any = None,
        response_type: Any = None,
        auth_settings: Any = None,
        async_req: Any = None,
        _return_http_data_only: Any = None,
        collection_formats: Any = None,
        _preload_content: bool = True,
        _request_timeout: Any = None,
    ) -> Any:
        self.seen.append(f"{method} {resource_path}")
        return super().call_api(
            resource_path,
            method,
            path_params,
            query_params,
            header_params,
            body,
            post_params,
            files,
            response_type,
            auth_settings,
            async_req,
            _return_http_data_only,
            collection_formats,
            _preload_content,
            _request_timeout,
        )


def test_call_api_override() -> None:
    """call_api may be overridden with the parameters of the generated client."""
    with Wire(respond(500)) as wire, Logging(wire.configuration, "billing") as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            EntityConnectionsApi(client).put_entity_connections_accept("1")
        assert "List the connection before you try again" in caught.value.advice
        assert client.seen == ["PUT /v1/entity-connections/{connection_id}/accept"]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))])
def test_subclass_attributes_are_copied(duplicate: Any) -> None:
    """A copy of an instance of a subclass keeps the attributes that the subclass added."""
    with Wire() as wire, Logging(wire.configuration, "billing") as client:
        other = duplicate(client)
        assert (type(other), other.tenant) == (Logging, "billing")
        other.call_api("/v1/any", "GET")
        other.close()


class WithDate(GETEntityConnectionsArrayItemsType):
    """An additional field: first in the class attributes, not first in the constructor."""

    swagger_types: ClassVar = {"created_on": "str", **GETEntityConnectionsArrayItemsType.swagger_types}
    attribute_map: ClassVar = {"created_on": "createdOn", **GETEntityConnectionsArrayItemsType.attribute_map}

    def __init__(self, id: Any = None, created_on: Any = "never", **others: Any) -> None:
        super().__init__(id, **others)
        self.created_on = created_on
        self.counted = True


def test_model_subclass_is_deserialized() -> None:
    """A subclass of a model is created by its constructor, with keywords."""
    body = {"id": "c1", "status": "Pending", "sourceEntityId": "s", "createdOn": "2026-11-25", "more": 1}
    with Wire(respond_json(body), respond_json({"id": "c2"})) as wire:
        first, second = (wire.client.call_api("/v1/any", "GET", response_type=WithDate)[0] for _ in range(2))
    assert (first.id, first.status, first.source_entity_id, first.created_on) == ("c1", "Pending", "s", "2026-11-25")
    assert first.additional_properties == {"more": 1}
    assert (second.id, second.created_on, second.counted) == ("c2", "never", True)


class WithNote(POSTEntityConnectionsType):
    swagger_types: ClassVar = {**POSTEntityConnectionsType.swagger_types, "note": "str"}
    attribute_map: ClassVar = {**POSTEntityConnectionsType.attribute_map, "note": "note"}
    note = "for the audit"


def test_request_subclass_sends_added_fields() -> None:
    with Wire() as wire:
        wire.api.p_ost_entity_connections(request=WithNote(UUID))
        assert json.loads(wire.sent.body) == {"targetEntityId": UUID.replace("-", ""), "note": "for the audit"}


def test_nested_request_model_drops_hyphens() -> None:
    """A request model is serialized without hyphens at any depth of a body."""
    with Wire() as wire:
        wire.client.call_api("/v1/any", "POST", body={"all": [POSTEntityConnectionsType(UUID)]})
        assert json.loads(wire.sent.body) == {"all": [{"targetEntityId": UUID.replace("-", "")}]}
    assert POSTEntityConnectionsType(UUID).target_entity_id == UUID


class WithoutTypes:
    attribute_map: ClassVar = {"id": "id"}


class WithMismatch:
    swagger_types: ClassVar = {"id": "str"}
    attribute_map: ClassVar = {"id": "id", "z": "z"}


@pytest.mark.parametrize("kind", [WithoutTypes, WithMismatch])
def test_inconsistent_response_type_raises(kind: Any) -> None:
    """A class whose swagger_types and attribute_map do not match raises before anything is sent."""
    with Wire() as wire:
        with pytest.raises(TypeError, match="swagger_types"):
            wire.client.call_api("/v1/any", "GET", response_type=kind)
        assert wire.requests == []


def test_user_agent_is_settable() -> None:
    with Wire() as wire:
        assert wire.client.user_agent == wire.client.default_headers["User-Agent"]
        wire.client.user_agent = "billing/7"
        wire.api.g_et_entity_connections()
        assert wire.sent.headers["user-agent"] == wire.client.user_agent == "billing/7"


def test_pool_is_created_lazily() -> None:
    with ApiClient() as client:
        before = threading.active_count()
        assert isinstance(client.pool, ThreadPool)
        assert threading.active_count() > before
        assert client.pool is client.pool


def test_last_response() -> None:
    with Wire(respond_json({"success": True}, 200, {"X-One": "1"})) as wire:
        wire.api.g_et_entity_connections()
        last = wire.client.last_response
        assert isinstance(last, RESTResponse)
        assert (last.status, last.getheader("x-one"), last.data) == (200, "1", '{"success": true}')


# -- call_api -------------------------------------------------------------------------------------------------------


def test_call_api_parameter_order() -> None:
    """The parameters of call_api have the order of the generated client."""
    names = list(inspect.signature(ApiClient.call_api).parameters)[1:16]
    assert names == [
        "resource_path",
        "method",
        "path_params",
        "query_params",
        "header_params",
        "body",
        "post_params",
        "files",
        "response_type",
        "auth_settings",
        "async_req",
        "_return_http_data_only",
        "collection_formats",
        "_preload_content",
        "_request_timeout",
    ]


def test_headers_of_bare_call() -> None:
    """call_api without headers sends no Accept, and Content-Type: application/json."""
    with Wire() as wire:
        wire.client.call_api("/v1/entities", "GET")
        assert set(wire.sent.headers) == {"host", "accept-encoding", "connection", "content-type", "user-agent"}
        assert wire.sent.headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
def test_any_method_and_path(method: str) -> None:
    with Wire(respond_json({"success": True, "any": [1]})) as wire:
        data, status, headers = wire.client.call_api("/v1/any/thing", method, response_type="object")
        assert wire.sent.line == f"{method} /v1/any/thing HTTP/1.1"
        assert (data, status, headers.get("CONTENT-TYPE")) == ({"success": True, "any": [1]}, 200, "application/json")


def test_head_response_has_no_body() -> None:
    with Wire(respond(200, headers={"Content-Length": "7", "X-Head": "y"})) as wire:
        assert wire.client.call_api("/v1/any", "HEAD")[2]["x-head"] == "y"


def test_unsupported_method_is_value_error() -> None:
    with Wire() as wire, pytest.raises(ValueError, match="method"):
        wire.client.call_api("/v1/any", "TRACE")
    assert wire.requests == []


def test_path_query_header_and_body() -> None:
    with Wire() as wire:
        wire.client.call_api(
            "/v1/{kind}/{id}",
            "POST",
            {"kind": "a b", "id": "x/y"},
            [("z", 1), ("a", None), ("b", "c d")],
            {"X-Text": "t", "X-Number": 7, "X-None": None},
            {"when": datetime.date(2026, 1, 31), "none": None},
        )
        assert wire.sent.target == "/v1/a%20b/x%2Fy?z=1&b=c%20d"
        assert (wire.sent.headers["x-text"], wire.sent.headers["x-number"]) == ("t", "7")
        assert "x-none" not in wire.sent.headers
        assert wire.sent.body == b'{"when": "2026-01-31", "none": null}'


def test_safe_characters_of_a_path_parameter() -> None:
    with Wire(safe_chars_for_path_param="/") as wire:
        wire.client.call_api("/v1/{id}", "GET", {"id": "a/b c"})
        assert wire.sent.target == "/v1/a/b%20c"


@pytest.mark.parametrize(
    ("style", "sent"),
    [
        ("csv", "q=a%20b%2C1%2C2.5%2Ctrue"),
        ("ssv", "q=a%20b%201%202.5%20true"),
        ("tsv", "q=a%20b%091%092.5%09true"),
        ("pipes", "q=a%20b%7C1%7C2.5%7Ctrue"),
        ("multi", "q=a%20b&q=1&q=2.5&q=true"),
    ],
)
def test_collection_formats(style: str, sent: str) -> None:
    with Wire() as wire:
        values = ["a b", 1, 2.5, True]
        wire.client.call_api("/v1/any", "GET", query_params={"q": values}, collection_formats={"q": style})
        assert wire.sent.target == f"/v1/any?{sent}"


def test_collection_formats_outside_the_query() -> None:
    """Collection formats also apply to path parameters, headers and form fields."""
    with Wire() as wire:
        wire.client.call_api(
            "/v1/{p}",
            "POST",
            {"p": ["a", "b"]},
            header_params={"X-List": ["c", "d"], "Content-Type": "application/x-www-form-urlencoded"},
            post_params={"f": ["e", "f"]},
            collection_formats={"p": "csv", "X-List": "csv", "f": "multi"},
        )
        assert wire.sent.target == "/v1/a%2Cb"
        assert wire.sent.headers["x-list"] == "c,d"
        assert wire.sent.body == b"f=e&f=f"


def test_dates_are_iso_8601_everywhere() -> None:
    day, moment = datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 12, 30)
    with Wire() as wire:
        wire.client.call_api("/v1/{day}", "GET", {"day": day}, {"at": moment}, {"X-Day": day})
        assert wire.sent.target == "/v1/2026-01-31?at=2026-01-31T12%3A30%3A00"
        assert wire.sent.headers["x-day"] == "2026-01-31"


def test_text_body_is_sent_unchanged() -> None:
    """Under another Content-Type than JSON a text body is sent unchanged."""
    with Wire() as wire:
        wire.client.call_api("/v1/any", "POST", header_params={"Content-Type": "text/csv"}, body="a,b\n")
        assert wire.sent.body == b"a,b\n"


def test_call_api_async() -> None:
    with Wire(respond_json({"n": 1})) as wire:
        result = wire.client.call_api("/v1/any", "GET", response_type="dict(str, int)", async_req=True)
        assert result.get(60)[:2] == ({"n": 1}, 200)


def test_success_false_raises() -> None:
    refusal = {"success": False, "reasons": [{"code": 53100020, "message": "no"}]}
    with Wire(respond_json(refusal)) as wire, pytest.raises(ApiException) as caught:
        wire.client.call_api("/v1/any", "GET")
    assert caught.value.reasons[0].code == 53100020


@pytest.mark.parametrize("wrong", [{"files": {"a": "b"}}, {"response_type": "file"}])
def test_files_are_not_supported(wrong: dict[str, Any]) -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="files are not supported"):
            wire.client.call_api("/v1/any", "POST", **wrong)
        assert wire.requests == []


# -- response types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "document", "expected"),
    [
        ("str", '"text"', "text"),
        (str, '"text"', "text"),
        ("str", "7", "7"),
        ("int", "7", 7),
        ("int", '"7"', 7),
        ("float", "7", 7.0),
        ("bool", "true", True),
        ("object", '{"a": [1, null]}', {"a": [1, None]}),
        (object, "[1]", [1]),
        ("date", '"2026-01-31"', datetime.date(2026, 1, 31)),
        (datetime.date, '"2026-01-31"', datetime.date(2026, 1, 31)),
        ("datetime", '"2026-01-31T12:30:00Z"', datetime.datetime(2026, 1, 31, 12, 30, tzinfo=datetime.timezone.utc)),
        ("list[int]", "[1, 2]", [1, 2]),
        ("list[list[str]]", '[["a"], []]', [["a"], []]),
        ("dict(str, int)", '{"a": 1}', {"a": 1}),
        ("dict(str, list[date])", '{"a": ["2026-01-31"]}', {"a": [datetime.date(2026, 1, 31)]}),
        ("POSTEntityConnectionsResponseType", '{"id": "x"}', POSTEntityConnectionsResponseType("x")),
        (POSTEntityConnectionsResponseType, '{"id": "x"}', POSTEntityConnectionsResponseType("x")),
        ("list[POSTEntityConnectionsResponseType]", '[{"id": "x"}]', [POSTEntityConnectionsResponseType("x")]),
        ("dict(str, POSTEntityConnectionsResponseType)", '{"k": {}}', {"k": POSTEntityConnectionsResponseType()}),
        ("POSTEntityConnectionsResponseType", "null", None),
    ],
)
def test_response_types(kind: Any, document: str, expected: Any) -> None:
    class Answer:
        data = document

    with Wire(respond(200, document.encode())) as wire:
        found = wire.client.call_api("/v1/any", "GET", response_type=kind, _return_http_data_only=True)
        assert found == wire.client.deserialize(Answer, kind) == expected
        assert type(found) is type(expected)


def test_non_json_text_as_str() -> None:
    with Wire(respond(200, b"plain words")) as wire:
        assert wire.client.call_api("/v1/any", "GET", response_type="str")[0] == "plain words"
        assert wire.client.deserialize(wire.client.last_response, "str") == "plain words"


def test_no_data_without_response_type() -> None:
    with Wire(YES) as wire:
        assert wire.client.call_api("/v1/any", "GET")[0] is None


def test_user_defined_response_type() -> None:
    """A class of the caller with swagger_types and attribute_map is created with keywords."""

    class Order:
        swagger_types: ClassVar = {"order_id": "str", "lines": "list[int]"}
        attribute_map: ClassVar = {"order_id": "orderId", "lines": "lines"}

        def __init__(self, order_id: Any = None, lines: Any = None) -> None:
            self.order_id, self.lines = order_id, lines

    with Wire(respond_json({"orderId": "o", "lines": ["1"], "new": 1})) as wire:
        order = wire.client.call_api("/v1/any", "GET", response_type=Order, _return_http_data_only=True)
        assert (order.order_id, order.lines) == ("o", [1])
        assert wire.client.sanitize_for_serialization([order]) == [{"orderId": "o", "lines": [1]}]


@pytest.mark.parametrize("kind", ["NoSuchModel", "list[NoSuchModel]", "dict(str, nothing)", "os", "annotations"])
def test_unknown_response_type_is_value_error(kind: str) -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="response_type"):
            wire.client.call_api("/v1/any", "GET", response_type=kind)
        assert wire.requests == []


@pytest.mark.parametrize(
    ("kind", "document"),
    [("list[str]", "{}"), ("dict(str, str)", "[]"), ("POSTEntityConnectionsResponseType", "[]"), ("date", '"soon"')],
)
def test_mismatched_container_is_invalid_response(kind: str, document: str) -> None:
    with Wire(respond(200, document.encode())) as wire, pytest.raises(InvalidResponseError) as caught:
        wire.client.call_api("/v1/any", "GET", response_type=kind)
    assert caught.value.status == 200


# -- helper methods -------------------------------------------------------------------------------------------------


def test_sanitize_for_serialization() -> None:
    client = ApiClient()
    day, moment = datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 12, 30)
    model = POSTEntityConnectionsResponseType(id="x")
    for same in (None, "text", 1, 2.5, True, b"bytes"):
        assert client.sanitize_for_serialization(same) is same
    assert client.sanitize_for_serialization([day, (moment,), {"k": model}]) == [
        "2026-01-31",
        ("2026-01-31T12:30:00",),
        {"k": {"id": "x"}},
    ]


@pytest.mark.parametrize(
    ("media_types", "selected"),
    [
        ([], None),
        (["text/plain", "Application/JSON"], "application/json"),
        (["Text/Plain", "text/csv"], "text/plain, text/csv"),
        (["application/json; charset=utf-8"], "application/json; charset=utf-8"),
    ],
)
def test_select_header_accept(media_types: list[str], selected: str | None) -> None:
    assert ApiClient().select_header_accept(media_types) == selected


@pytest.mark.parametrize(
    ("media_types", "selected"),
    [
        ([], "application/json"),
        (["text/plain", "application/json"], "application/json"),
        (["*/*", "text/plain"], "application/json"),
        (["Text/Plain", "text/csv"], "text/plain"),
        (["application/json; charset=utf-8"], "application/json; charset=utf-8"),
    ],
)
def test_select_header_content_type(media_types: list[str], selected: str) -> None:
    assert ApiClient().select_header_content_type(media_types) == selected


def test_parameters_to_tuples() -> None:
    client = ApiClient()
    assert client.parameters_to_tuples({"a": 1, "b": [1, 2]}, {"b": "multi"}) == [("a", 1), ("b", 1), ("b", 2)]
    assert client.parameters_to_tuples([("a", ["x", "y"])], {"a": "pipes"}) == [("a", "x|y")]
    assert client.parameters_to_tuples([("a", "x")], None) == [("a", "x")]
    with pytest.raises(ValueError, match="collection format"):
        client.parameters_to_tuples({"a": [1]}, {"a": "tabs"})


class _HeaderAndQueryAuth(Configuration):
    def auth_settings(self) -> dict[str, Any]:
        return {
            "head": {"type": "api_key", "in": "header", "key": "X-Key", "value": "h"},
            "query": {"type": "api_key", "in": "query", "key": "key", "value": "q"},
            "empty": {"type": "api_key", "in": "header", "key": "X-Empty", "value": None},
            "odd": {"type": "api_key", "in": "cookie", "key": "c", "value": "c"},
        }


def test_update_params_for_auth() -> None:
    client = ApiClient(_HeaderAndQueryAuth())
    headers: dict[str, Any] = {}
    querys: list[Any] = []
    client.update_params_for_auth(headers, querys, ["head", "query", "empty", "unknown"])
    assert (headers, querys) == ({"X-Key": "h"}, [("key", "q")])
    client.update_params_for_auth(headers, querys, None)
    client.update_params_for_auth(headers, querys, [])
    assert (headers, querys) == ({"X-Key": "h"}, [("key", "q")])
    with pytest.raises(ValueError, match="odd"):
        client.update_params_for_auth(headers, querys, ["odd"])


def test_auth_settings_of_a_call() -> None:
    with Wire(username="user", password="pass word") as wire:
        wire.client.call_api("/v1/any", "GET", auth_settings=["basic", "unknown"])
        assert wire.sent.headers["authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
        wire.client.call_api("/v1/any", "GET")
        assert "authorization" not in wire.sent.headers


def test_request_takes_absolute_url() -> None:
    with Wire(respond_json({"success": True})) as wire:
        response = wire.client.request(
            "POST", f"{wire.server.url}/any?a=1", [("b", "c")], {"X-Own": "v"}, body={"k": "v"}
        )
        assert wire.sent.target == "/any?a=1&b=c"
        assert (wire.sent.headers["x-own"], wire.sent.body) == ("v", b'{"k": "v"}')
        assert (response.status, response.data) == (200, '{"success": true}')
