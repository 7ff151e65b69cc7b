"""The models: constructors, class attributes, text, comparison, and the validation of the request model."""

from __future__ import annotations

import copy
import inspect
import pickle
import pprint
from typing import Any

import pytest

import zuora_client
from zuora_client import (
    GETEntityConnectionsArrayItemsType,
    GETEntityConnectionsResponseType,
    POSTEntityConnectionsResponseType,
    POSTEntityConnectionsType,
    PUTEntityConnectionsAcceptResponseType,
    PUTEntityConnectionsDenyResponseType,
)

# Class to (attribute, JSON name, type), in the order of the constructor.
TABLE: dict[str, list[tuple[str, str, str]]] = {
    "GETEntitiesResponseType": [
        ("entities", "entities", "list[GETEntitiesType]"),
        ("success", "success", "bool"),
    ],
    "GETEntitiesResponseTypeWithId": [
        ("display_name", "displayName", "str"),
        ("id", "id", "str"),
        ("locale", "locale", "str"),
        ("name", "name", "str"),
        ("parent_id", "parentId", "str"),
        ("status", "status", "str"),
        ("success", "success", "bool"),
        ("tenant_id", "tenantId", "str"),
        ("timezone", "timezone", "str"),
    ],
    "GETEntitiesType": [
        ("display_name", "displayName", "str"),
        ("id", "id", "str"),
        ("locale", "locale", "str"),
        ("name", "name", "str"),
        ("parent_id", "parentId", "str"),
        ("status", "status", "str"),
        ("tenant_id", "tenantId", "str"),
        ("timezone", "timezone", "str"),
    ],
    "GETEntityConnectionsArrayItemsType": [
        ("id", "id", "str"),
        ("source_entity_id", "sourceEntityId", "str"),
        ("status", "status", "str"),
        ("target_entity_id", "targetEntityId", "str"),
    ],
    "GETEntityConnectionsResponseType": [
        ("entity_connections", "entityConnections", "list[GETEntityConnectionsArrayItemsType]"),
        ("next_page", "nextPage", "str"),
        ("success", "success", "bool"),
    ],
    "POSTEntityConnectionsType": [("target_entity_id", "targetEntityId", "str")],
    "POSTEntityConnectionsResponseType": [("id", "id", "str"), ("success", "success", "bool")],
    "PUTEntityConnectionsAcceptResponseType": [("success", "success", "bool")],
    "PUTEntityConnectionsDenyResponseType": [("success", "success", "bool")],
    "PUTEntityConnectionsDisconnectResponseType": [("success", "success", "bool")],
}

UUID = "8a808255-56ff-28a4-0157-08ba29312ecc"
ROW = GETEntityConnectionsArrayItemsType("c1", "s1", "Pending", "t1")

every_model = pytest.mark.parametrize("name", sorted(TABLE))


def cls(name: str) -> Any:
    return getattr(zuora_client, name)


@every_model
def test_types_and_json_names(name: str) -> None:
    assert list(cls(name).swagger_types.items()) == [(field, kind) for field, _, kind in TABLE[name]]
    assert list(cls(name).attribute_map.items()) == [(field, json_name) for field, json_name, _ in TABLE[name]]


@every_model
def test_constructor_parameters(name: str) -> None:
    """The parameters are the attributes, in order, and default to None."""
    parameters = inspect.signature(cls(name)).parameters.values()
    assert [parameter.name for parameter in parameters] == [field for field, _, _ in TABLE[name]]
    assert {parameter.default for parameter in parameters} == {None}


@every_model
def test_positional_and_keyword_arguments(name: str) -> None:
    values = [f"value {number}" for number, _ in enumerate(TABLE[name])]
    fields = [field for field, _, _ in TABLE[name]]
    positional, keyword = cls(name)(*values), cls(name)(**dict(zip(fields, values, strict=True)))
    assert [getattr(positional, field) for field in fields] == values
    assert positional == keyword
    assert positional.discriminator is None


@every_model
def test_attributes_can_be_assigned(name: str) -> None:
    model = cls(name)(*["before"] * len(TABLE[name]))
    for field, _, _ in TABLE[name]:
        setattr(model, field, "after")
    assert model.to_dict() == {field: "after" for field, _, _ in TABLE[name]}


def test_to_dict_uses_attribute_names() -> None:
    """to_dict() has every attribute, None included, by its Python name."""
    page = GETEntityConnectionsResponseType(entity_connections=[ROW], success=True)
    row = {"id": "c1", "source_entity_id": "s1", "status": "Pending", "target_entity_id": "t1"}
    assert page.to_dict() == {"entity_connections": [row], "next_page": None, "success": True}


def test_to_str_and_repr() -> None:
    page = GETEntityConnectionsResponseType([ROW] * 5, "https://rest.zuora.com/v1/entity-connections?page=2", True)
    assert page.to_str() == repr(page) == pprint.pformat(page.to_dict())
    assert len(repr(page).splitlines()) > 5


def test_equality() -> None:
    """Models are equal if their class and their to_dict() are."""
    assert GETEntityConnectionsArrayItemsType("c1", "s1", "Pending", "t1") == ROW
    assert (GETEntityConnectionsArrayItemsType("c1", "s1", "Pending", "t1") != ROW) is False
    assert GETEntityConnectionsArrayItemsType("c1", "s1", "Connected", "t1") != ROW
    assert PUTEntityConnectionsAcceptResponseType(True) != PUTEntityConnectionsDenyResponseType(True)
    assert ROW.to_dict() != ROW


def test_models_copy_and_pickle() -> None:
    page = GETEntityConnectionsResponseType([ROW], success=True)
    for duplicate in (copy.copy(page), copy.deepcopy(page), pickle.loads(pickle.dumps(page))):
        assert duplicate == page
    request = POSTEntityConnectionsType("abc")
    assert pickle.loads(pickle.dumps(request)) == copy.deepcopy(request) == request


@pytest.mark.parametrize("given", [None, "x" * 33, UUID + "0", UUID.replace("-", "_"), "-" * 36])
def test_invalid_target_raises(given: Any) -> None:
    with pytest.raises(ValueError, match="target_entity_id"):
        POSTEntityConnectionsType(target_entity_id=given)
    model = POSTEntityConnectionsType("abc")
    with pytest.raises(ValueError, match="target_entity_id"):
        model.target_entity_id = given
    assert model.target_entity_id == "abc"


def test_a_target_is_required() -> None:
    with pytest.raises(ValueError, match="target_entity_id"):
        POSTEntityConnectionsType()


@pytest.mark.parametrize("given", ["", "x", "x" * 32, UUID, UUID.upper()])
def test_valid_target_is_kept(given: str) -> None:
    assert POSTEntityConnectionsType(given).target_entity_id == given


def test_response_fields_are_optional() -> None:
    assert POSTEntityConnectionsResponseType().to_dict() == {"id": None, "success": None}
