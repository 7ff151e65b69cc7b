"""Names and where they live."""

from __future__ import annotations

import importlib

import pytest

import zuora_client

MODELS = {
    "GETEntityConnectionsArrayItemsType": "get_entity_connections_array_items_type",
    "GETEntityConnectionsResponseType": "get_entity_connections_response_type",
    "POSTEntityConnectionsType": "post_entity_connections_type",
    "POSTEntityConnectionsResponseType": "post_entity_connections_response_type",
    "PUTEntityConnectionsAcceptResponseType": "put_entity_connections_accept_response_type",
    "PUTEntityConnectionsDenyResponseType": "put_entity_connections_deny_response_type",
    "PUTEntityConnectionsDisconnectResponseType": "put_entity_connections_disconnect_response_type",
}

PLACES = [
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


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_the_name_is_a_class_at_this_place(name: str, place: str) -> None:
    cls = getattr(importlib.import_module(place), name)
    assert isinstance(cls, type)
    assert cls.__name__ == name


@pytest.mark.parametrize("name", sorted({name for name, _ in PLACES}))
def test_all_places_hold_the_same_class(name: str) -> None:
    found = {getattr(importlib.import_module(place), name) for known, place in PLACES if known == name}
    assert len(found) == 1


def test_models_are_reached_as_attributes_without_further_imports() -> None:
    assert zuora_client.models.POSTEntityConnectionsType is zuora_client.POSTEntityConnectionsType
    assert zuora_client.rest.ApiException is zuora_client.ApiException
    assert zuora_client.api_client.ApiClient is zuora_client.ApiClient
    assert zuora_client.configuration.Configuration is zuora_client.Configuration
