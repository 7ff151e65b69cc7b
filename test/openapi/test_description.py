"""docs/openapi.yaml itself: valid, its examples fit, its evidence is named, and its facts are those of the code."""

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
MODELS = [getattr(models, name) for name in models.__all__ if name.endswith("Type")]
LIST = description()["paths"]["/v1/entity-connections"]["get"]
INITIATE = description()["paths"]["/v1/entity-connections"]["post"]


def fits(schema: Any, document: Any) -> bool:
    """Say whether a document is what a schema of the file allows."""
    return bool(OAS30Validator({"allOf": [schema], "components": COMPONENTS}).is_valid(document))


def contents() -> Iterator[tuple[str, Any]]:
    """Yield every described body, with a name for it."""
    for path, method, operation in operations():
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, body in bodies.items():
            for content in resolved(body).get("content", {}).values():
                yield f"{method} {path} {name}", content


def parameter(operation: Any, name: str) -> Any:
    """Return the schema of a parameter."""
    return next(p["schema"] for p in map(resolved, operation["parameters"]) if p["name"] == name)


def test_it_is_valid_openapi() -> None:
    validate(description())


# -- examples and schemas -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [pytest.param(c, id=name) for name, c in contents() if "examples" in c])
def test_examples_fit_their_schemas(content: Any) -> None:
    for example in content["examples"].values():
        assert fits(content["schema"], resolved(example)["value"])


@pytest.mark.parametrize("schema", [pytest.param(s, id=name) for name, s in SCHEMAS.items() if "example" in s])
def test_a_schema_allows_its_own_example(schema: Any) -> None:
    assert fits(schema, schema["example"])


ANSWERS = [pytest.param(o["responses"]["200"], id=f"{m} {p}") for p, m, o in operations() if p != "/oauth/token"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_yes_and_a_refusal_are_told_apart(answer: Any) -> None:
    schema = answer["content"]["application/json"]["schema"]
    refusal = COMPONENTS["examples"]["refusal"]["value"]
    assert fits(schema, {"success": True})
    assert fits(schema, refusal)
    assert not fits(schema, {"success": False})
    assert not fits(schema, {**refusal, "reasons": {}})
    assert not fits(schema, {**refusal, "success": "no"})


# -- evidence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "method", "operation"), list(operations()))
def test_what_zuoras_reference_does_not_say_names_its_evidence(path: str, method: str, operation: Any) -> None:
    in_the_reference = {"200", "429"} if path == "/oauth/token" else {"200"}
    for status, answer in operation["responses"].items():
        evidence = resolved(answer).get("x-evidence")
        assert (evidence in ("confirmed", "secondary", "choice")) is (status not in in_the_reference)


# -- the same facts as the code -------------------------------------------------------------------------------------


def test_servers_are_the_environments() -> None:
    assert {server["url"] for server in description()["servers"]} == {member.value for member in Environment}


def type_of(schema: Any) -> str:
    """Return the type of a field in the words of the models."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema["type"] == "array":
        return f"list[{type_of(schema['items'])}]"
    return {"string": "str", "boolean": "bool"}[schema["type"]]


@pytest.mark.parametrize("model", MODELS)
def test_models_have_the_fields_of_their_schemas(model: Any) -> None:
    fields = {name: type_of(schema) for name, schema in SCHEMAS[model.__name__]["properties"].items()}
    assert {model.attribute_map[name]: kind for name, kind in model.swagger_types.items()} == fields


def test_there_is_a_model_for_every_body_of_an_entity_connection() -> None:
    told = {name for name in SCHEMAS if name.startswith(("GETEntityConn", "POSTEntityConn", "PUTEntityConn"))}
    assert told == {model.__name__ for model in MODELS}


def test_a_required_field_is_required() -> None:
    assert [name for name, schema in SCHEMAS.items() if "required" in schema] == ["POSTEntityConnectionsType"]
    with pytest.raises(ValueError, match="target_entity_id"):
        POSTEntityConnectionsType()


def test_what_may_be_chosen_is_what_zuora_documents() -> None:
    assert parameter(LIST, "type")["enum"] == ["inbound", "outbound"]
    form = description()["paths"]["/oauth/token"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert resolved(form["schema"])["required"] == ["client_id", "client_secret", "grant_type"]


def test_every_answer_of_the_list_tells_its_limits() -> None:
    told = set(LIST["responses"]["200"]["headers"])
    for limit in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"):
        assert limit in told
    assert {f"Concurrency-Limit-{name}" for name in ("Limit", "Remaining", "Type")} <= told


def longest_target(api: EntityConnectionsApi, length: int) -> Any:
    return api.post_entity_connections(request={"targetEntityId": "a" * length})


def longest_track_id(api: EntityConnectionsApi, length: int) -> Any:
    return api.get_entity_connections(zuora_track_id="a" * length)


def longest_key(api: EntityConnectionsApi, length: int) -> Any:
    return api.post_entity_connections(request={"targetEntityId": "a"}, idempotency_key="a" * length)


def largest_page(api: EntityConnectionsApi, size: int) -> Any:
    return api.get_entity_connections(page_size=size)


LIMITS = [
    (largest_page, parameter(LIST, "pageSize")["maximum"]),
    (longest_key, parameter(INITIATE, "Idempotency-Key")["maxLength"]),
    (longest_target, SCHEMAS["POSTEntityConnectionsType"]["properties"]["targetEntityId"]["maxLength"]),
    (longest_track_id, parameter(LIST, "Zuora-Track-Id")["maxLength"]),
]


@pytest.mark.parametrize(("call", "most"), LIMITS)
def test_limits_are_those_of_the_client(call: Callable[[EntityConnectionsApi, int], Any], most: int) -> None:
    with Wire() as wire:
        assert call(wire.api, most).success
        with pytest.raises(ValueError, match=str(most)):
            call(wire.api, most + 1)


def test_the_first_page_is_that_of_the_client() -> None:
    first = parameter(LIST, "page")["minimum"]
    with Wire() as wire:
        assert wire.api.get_entity_connections(page=first, page_size=1).success
        with pytest.raises(ValueError, match="page must be at least"):
            wire.api.get_entity_connections(page=first - 1, page_size=1)


def test_the_pager_asks_for_the_largest_page_there_is() -> None:
    default = inspect.signature(EntityConnectionsApi.iter_entity_connections).parameters["page_size"].default
    assert default == parameter(LIST, "pageSize")["maximum"]
