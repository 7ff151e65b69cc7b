"""docs/openapi.yaml itself: validity, examples, evidence, and agreement with the code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate
from support.openapi import description, operations, resolved
from support.wire import Wire

from zuora_client import EntityConnectionsApi, Environment, POSTEntityConnectionsType, models

COMPONENTS = description()["components"]
SCHEMAS = COMPONENTS["schemas"]
MODELS = [getattr(models, name) for name in models.__all__]
LIST = description()["paths"]["/v1/entity-connections"]["get"]
INITIATE = description()["paths"]["/v1/entity-connections"]["post"]


def is_valid(schema: Any, document: Any) -> bool:
    """Return whether a document conforms to a schema of the file."""
    return bool(OAS30Validator({"allOf": [schema], "components": COMPONENTS}).is_valid(document))


def contents() -> Iterator[tuple[str, Any]]:
    """Yield a name and the content of every described body."""
    for path, method, operation in operations():
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, body in bodies.items():
            for content in resolved(body).get("content", {}).values():
                yield f"{method} {path} {name}", content


def parameter(operation: Any, name: str) -> Any:
    """Return the schema of a parameter."""
    return next(p["schema"] for p in map(resolved, operation["parameters"]) if p["name"] == name)


def test_description_is_valid_openapi() -> None:
    validate(description())


# -- examples and schemas -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [pytest.param(c, id=name) for name, c in contents() if "examples" in c])
def test_examples_fit_their_schemas(content: Any) -> None:
    for example in content["examples"].values():
        assert is_valid(content["schema"], resolved(example)["value"])


@pytest.mark.parametrize("schema", [pytest.param(s, id=name) for name, s in SCHEMAS.items() if "example" in s])
def test_schema_allows_its_example(schema: Any) -> None:
    assert is_valid(schema, schema["example"])


OK_RESPONSES = [pytest.param(o["responses"]["200"], id=f"{m} {p}") for p, m, o in operations() if p != "/oauth/token"]


@pytest.mark.parametrize("response", OK_RESPONSES)
def test_success_and_refusal_differ(response: Any) -> None:
    """A 200 is either a success or a refusal with reasons."""
    schema = response["content"]["application/json"]["schema"]
    refusal = COMPONENTS["examples"]["refusal"]["value"]
    assert is_valid(schema, {"success": True})
    assert is_valid(schema, refusal)
    assert not is_valid(schema, {"success": False})
    assert not is_valid(schema, {**refusal, "reasons": {}})
    assert not is_valid(schema, {**refusal, "success": "no"})


# By operation: documents without `success`, and whether they count as success.
WITHOUT_SUCCESS: dict[str, list[tuple[dict[str, Any], bool]]] = {
    "GET /v1/entity-connections": [({"entityConnections": []}, True), ({"id": "1"}, False), ({}, False)],
    "POST /v1/entity-connections": [({"id": "1"}, True), ({"id": 1}, False), ({"entityConnections": []}, False)],
    "PUT /v1/entity-connections/{connection-id}/accept": [({}, False), ({"id": "1"}, False)],
    "PUT /v1/entity-connections/{connection-id}/deny": [({}, False), ({"id": "1"}, False)],
    "PUT /v1/entity-connections/{connection-id}/disconnect": [({}, False), ({"id": "1"}, False)],
    "GET /v1/entities": [({"entities": []}, True), ({}, True)],
    "GET /v1/entities/{id}": [({"id": "1"}, True), ({}, True)],
}


def test_success_without_the_field() -> None:
    """A 200 without `success` is a success only where the table of the description says so."""
    schemas = {
        f"{method} {path}": operation["responses"]["200"]["content"]["application/json"]["schema"]
        for path, method, operation in operations()
        if path != "/oauth/token"
    }
    assert set(schemas) == set(WITHOUT_SUCCESS)
    for name, documents in WITHOUT_SUCCESS.items():
        for document, is_success in documents:
            assert is_valid(schemas[name], document) is is_success, (name, document)


def test_success_rules_are_stated_once() -> None:
    """The table of success is in one place, and the responses that follow it refer to it."""
    text = description()["info"]["description"]
    assert text.count("## What counts as success") == 1
    assert text.count("\n| 20") + text.count("\n| any other 2xx") == 6
    for path, _, operation in operations():
        refers = "*What counts as success*" in operation["responses"]["200"]["description"]
        assert refers is path.startswith("/v1/entity-connections"), path


# -- evidence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "method", "operation"), list(operations()))
def test_undocumented_responses_name_their_evidence(path: str, method: str, operation: Any) -> None:
    """A response that is not in Zuora's reference names its evidence; the others do not."""
    documented = {"200", "429"} if path == "/oauth/token" else {"200"}
    for status, response in operation["responses"].items():
        evidence = resolved(response).get("x-evidence")
        assert (evidence in ("confirmed", "secondary", "choice")) is (status not in documented)


# -- agreement with the code ------------------------------------------------------------------------------------------


def test_servers_are_the_environments() -> None:
    assert {server["url"] for server in description()["servers"]} == {member.value for member in Environment}


def type_of(schema: Any) -> str:
    """Return the type of a field as the models write it."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema["type"] == "array":
        return f"list[{type_of(schema['items'])}]"
    return {"string": "str", "boolean": "bool"}[schema["type"]]


@pytest.mark.parametrize("model", MODELS)
def test_model_fields_match_schemas(model: Any) -> None:
    fields = {name: type_of(schema) for name, schema in SCHEMAS[model.__name__]["properties"].items()}
    assert {model.attribute_map[name]: kind for name, kind in model.swagger_types.items()} == fields


def test_every_entity_schema_has_model() -> None:
    described = {name for name in SCHEMAS if name.startswith(("GETEntit", "POSTEntit", "PUTEntit"))}
    assert described == set(models.__all__)


def test_entity_schemas_have_the_same_fields() -> None:
    """A single entity has the fields of one in the list, and `success`."""
    single, item = (SCHEMAS[name]["properties"] for name in ("GETEntitiesResponseTypeWithId", "GETEntitiesType"))
    assert single == {**item, "success": {"type": "boolean"}}


def test_required_field() -> None:
    assert [name for name, schema in SCHEMAS.items() if "required" in schema] == ["POSTEntityConnectionsType"]
    with pytest.raises(ValueError, match="target_entity_id"):
        POSTEntityConnectionsType()


def test_enum_and_required_form_fields() -> None:
    """The values of `type` and the required form fields are those that Zuora documents."""
    assert parameter(LIST, "type")["enum"] == ["inbound", "outbound"]
    form = description()["paths"]["/oauth/token"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert resolved(form["schema"])["required"] == ["client_id", "client_secret", "grant_type"]


def test_list_response_has_limit_headers() -> None:
    headers = set(LIST["responses"]["200"]["headers"])
    for limit in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"):
        assert limit in headers
    assert {f"Concurrency-Limit-{name}" for name in ("Limit", "Remaining", "Type")} <= headers


def post_target_of_length(api: EntityConnectionsApi, length: int) -> Any:
    return api.post_entity_connections(request={"targetEntityId": "a" * length})


def get_with_track_id_of_length(api: EntityConnectionsApi, length: int) -> Any:
    return api.get_entity_connections(zuora_track_id="a" * length)


def post_key_of_length(api: EntityConnectionsApi, length: int) -> Any:
    return api.post_entity_connections(request={"targetEntityId": "a"}, idempotency_key="a" * length)


def get_page_of_size(api: EntityConnectionsApi, size: int) -> Any:
    return api.get_entity_connections(page_size=size)


LIMITS = [
    (get_page_of_size, parameter(LIST, "pageSize")["maximum"]),
    (post_key_of_length, parameter(INITIATE, "Idempotency-Key")["maxLength"]),
    (post_target_of_length, SCHEMAS["POSTEntityConnectionsType"]["properties"]["targetEntityId"]["maxLength"]),
    (get_with_track_id_of_length, parameter(LIST, "Zuora-Track-Id")["maxLength"]),
]


@pytest.mark.parametrize(("call", "maximum"), LIMITS)
def test_limits_match_client(call: Callable[[EntityConnectionsApi, int], Any], maximum: int) -> None:
    with Wire() as wire:
        assert call(wire.api, maximum).success
        with pytest.raises(ValueError, match=str(maximum)):
            call(wire.api, maximum + 1)


def test_first_page_matches_client() -> None:
    first = parameter(LIST, "page")["minimum"]
    with Wire() as wire:
        assert wire.api.get_entity_connections(page=first, page_size=1).success
        with pytest.raises(ValueError, match="page must be at least"):
            wire.api.get_entity_connections(page=first - 1, page_size=1)


def test_pager_requests_largest_page() -> None:
    default = inspect.signature(EntityConnectionsApi.iter_entity_connections).parameters["page_size"].default
    assert default == parameter(LIST, "pageSize")["maximum"]
