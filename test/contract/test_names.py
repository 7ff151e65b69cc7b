"""Import paths of the public classes."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import zuora_client

MODELS = {
    "GETEntitiesResponseType": "get_entities_response_type",
    "GETEntitiesResponseTypeWithId": "get_entities_response_type_with_id",
    "GETEntitiesType": "get_entities_type",
    "GETEntityConnectionsArrayItemsType": "get_entity_connections_array_items_type",
    "GETEntityConnectionsResponseType": "get_entity_connections_response_type",
    "POSTEntityConnectionsType": "post_entity_connections_type",
    "POSTEntityConnectionsResponseType": "post_entity_connections_response_type",
    "PUTEntityConnectionsAcceptResponseType": "put_entity_connections_accept_response_type",
    "PUTEntityConnectionsDenyResponseType": "put_entity_connections_deny_response_type",
    "PUTEntityConnectionsDisconnectResponseType": "put_entity_connections_disconnect_response_type",
}

IMPORT_PATHS = [
    ("EntitiesApi", "zuora_client"),
    ("EntitiesApi", "zuora_client.api"),
    ("EntitiesApi", "zuora_client.api.entities_api"),
    ("EntityConnectionsApi", "zuora_client"),
    ("EntityConnectionsApi", "zuora_client.api"),
    ("EntityConnectionsApi", "zuora_client.api.entity_connections_api"),
    ("ApiClient", "zuora_client"),
    ("ApiClient", "zuora_client.api_client"),
    ("Configuration", "zuora_client"),
    ("Configuration", "zuora_client.configuration"),
    ("ApiException", "zuora_client"),
    ("ApiException", "zuora_client.rest"),
    ("RESTClientObject", "zuora_client.rest"),
    ("RESTResponse", "zuora_client.rest"),
    *((name, "zuora_client") for name in MODELS),
    *((name, "zuora_client.models") for name in MODELS),
    *((name, f"zuora_client.models.{file}") for name, file in MODELS.items()),
]


@pytest.mark.parametrize(("name", "module"), IMPORT_PATHS)
def test_class_is_importable(name: str, module: str) -> None:
    cls = getattr(importlib.import_module(module), name)
    assert isinstance(cls, type)
    assert cls.__name__ == name


@pytest.mark.parametrize("name", sorted({name for name, _ in IMPORT_PATHS}))
def test_import_paths_share_one_class(name: str) -> None:
    classes = {getattr(importlib.import_module(module), name) for known, module in IMPORT_PATHS if known == name}
    assert len(classes) == 1


def test_submodules_are_attributes() -> None:
    """Submodules are attributes of the package, without further imports."""
    assert zuora_client.models.POSTEntityConnectionsType is zuora_client.POSTEntityConnectionsType
    assert zuora_client.rest.ApiException is zuora_client.ApiException
    assert zuora_client.api_client.ApiClient is zuora_client.ApiClient
    assert zuora_client.configuration.Configuration is zuora_client.Configuration


def test_lazy_names_need_no_import() -> None:
    """What is imported on first use is in `dir()`, and an attribute of its package, from the start."""
    expressions = [
        "api.EntitiesApi",
        "api.entities_api.EntitiesApi",
        "models.GETEntitiesType",
        *(f"models.{file}.{name}" for name, file in MODELS.items()),
    ]
    program = ["import zuora_client"]
    for expression in expressions:
        package, name = expression.split(".")[:2]
        program.append(f"assert {name!r} in dir(zuora_client.{package})")
    program += [f"zuora_client.{expression}" for expression in expressions]
    subprocess.run([sys.executable, "-c", "\n".join(program)], check=True)


@pytest.mark.parametrize("package", ["zuora_client", "zuora_client.api", "zuora_client.models"])
def test_unknown_name_is_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module {package!r} has no attribute 'GETNothing'"):
        _ = importlib.import_module(package).GETNothing
