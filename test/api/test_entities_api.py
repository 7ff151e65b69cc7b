"""EntitiesApi: signatures, requests and responses."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from support.operations import COMMON_KEYWORDS, ENTITY_ID, ENTITY_OPERATIONS, MEDIA_TYPE, Operation
from support.scripted import respond_json
from support.tenant import api_for
from support.wire import Wire

from zuora_client import (
    ApiClient,
    EntitiesApi,
    GETEntitiesResponseType,
    GETEntitiesType,
    NotFoundError,
    RequestRejectedError,
    ServerError,
)
from zuora_client.api import signatures
from zuora_client.emulator import ZuoraEmulator, faults

VARIANT = "_with_http_info"
HYPHENATED = "8a808255-557b-aba1-0155-80e12fa5083a"
ROOT = {
    "id": ENTITY_ID,
    "name": "Acme Corporation",
    "displayName": "Acme Corporation",
    "locale": "en_US",
    "timezone": "GMT",
    "status": "Provisioned",
    "parentId": None,
    "tenantId": "6398",
}

each_operation = pytest.mark.parametrize("operation", ENTITY_OPERATIONS, ids=lambda operation: operation.readable)
each_suffix = pytest.mark.parametrize("suffix", ["", VARIANT], ids=["plain", "with_http_info"])


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator(6) as zuora:
        yield zuora


@pytest.fixture
def api(zuora: ZuoraEmulator) -> Iterator[EntitiesApi]:
    with api_for(zuora) as connections_api:
        yield EntitiesApi(connections_api.api_client)


# -- names and signatures -------------------------------------------------------------------------------------------


def test_client_is_given_or_created() -> None:
    client = ApiClient()
    assert EntitiesApi(client).api_client is EntitiesApi(api_client=client).api_client is client
    assert isinstance(EntitiesApi().api_client, ApiClient)


@each_operation
@each_suffix
def test_names_and_docstrings(operation: Operation, suffix: str) -> None:
    name = operation.generated + suffix
    method = getattr(EntitiesApi, name)
    assert getattr(EntitiesApi, operation.readable + suffix) is method
    assert (method.__name__, method.__qualname__) == (name, f"EntitiesApi.{name}")
    assert method.__module__ == "zuora_client.api.entities_api"
    assert ("Args:" in method.__doc__) is not suffix.startswith("_")


@each_operation
@each_suffix
def test_signature_lists_every_keyword(operation: Operation, suffix: str) -> None:
    parameters = inspect.signature(getattr(EntitiesApi, operation.generated + suffix)).parameters
    positional = ["id"] if operation.arguments else []
    assert list(parameters) == ["self", *positional, *operation.keywords, *COMMON_KEYWORDS]
    keyword_only = {name for name, value in parameters.items() if value.kind is inspect.Parameter.KEYWORD_ONLY}
    assert keyword_only == {*operation.keywords, *COMMON_KEYWORDS}


@each_operation
def test_typed_dicts_match_the_methods(operation: Operation) -> None:
    options, plain = (
        (signatures.CallOptions, signatures.PlainCall)
        if operation.arguments
        else (signatures.EntitiesOptions, signatures.PlainEntities)
    )
    keywords = {*operation.keywords, *COMMON_KEYWORDS}
    assert set(options.__annotations__) == keywords - {"async_req", "_preload_content"}
    assert set(plain.__annotations__) == keywords


@each_operation
@each_suffix
def test_unknown_keyword_names_the_method(operation: Operation, suffix: str) -> None:
    text = rf"^EntitiesApi\.{operation.generated}{suffix}\(\) got an unexpected keyword argument 'page'"
    with Wire() as wire:
        with pytest.raises(TypeError, match=text):
            operation.call(EntitiesApi(wire.client), suffix=suffix, page=1)
        assert wire.requests == []


@each_operation
def test_plain_method_calls_the_variant(operation: Operation) -> None:
    with Wire() as wire, mock.patch.object(EntitiesApi, operation.generated + VARIANT, autospec=True) as patched:
        api = EntitiesApi(wire.client)
        assert operation.call(api, zuora_track_id="t") is patched.return_value
        patched.assert_called_once_with(api, *operation.arguments, zuora_track_id="t", _return_http_data_only=True)


@each_operation
def test_call_api_receives_generated_arguments(operation: Operation) -> None:
    with Wire() as wire, mock.patch.object(wire.client, "call_api", autospec=True) as call_api:
        operation.call(EntitiesApi(wire.client), async_req=True, _preload_content=False, _request_timeout=(1, 2))
    (path, method, path_params, query_params, header_params), keywords = call_api.call_args
    assert path.replace("{id}", ENTITY_ID) == operation.path
    assert method == "GET"
    assert path_params == ({"id": ENTITY_ID} if operation.arguments else {})
    assert query_params == ([] if operation.arguments else [("provisioned", None)])
    assert header_params["Accept"] == header_params["Content-Type"] == MEDIA_TYPE
    assert keywords == {
        "body": None,
        "response_type": operation.model.__name__,
        "post_params": [],
        "files": {},
        "auth_settings": [],
        "collection_formats": {},
        "async_req": True,
        "_return_http_data_only": True,
        "_preload_content": False,
        "_request_timeout": (1, 2),
    }


# -- requests -------------------------------------------------------------------------------------------------------


@each_operation
def test_request_on_the_wire(operation: Operation) -> None:
    with Wire() as wire:
        operation.call(EntitiesApi(wire.client), zuora_entity_ids=ENTITY_ID, zuora_track_id="nightly-1")
        assert (wire.sent.method, wire.sent.target, wire.sent.body) == ("GET", operation.path, b"")
        assert wire.sent.headers["accept"] == wire.sent.headers["content-type"] == MEDIA_TYPE
        assert wire.sent.headers["zuora-entity-ids"] == HYPHENATED
        assert wire.sent.headers["zuora-track-id"] == "nightly-1"


@pytest.mark.parametrize(
    ("provisioned", "query"),
    [
        (None, ""),
        (True, "?provisioned=true"),
        (False, "?provisioned=false"),
        ("true", "?provisioned=true"),
        (b"false", "?provisioned=false"),
        ("provisioned_example", "?provisioned=provisioned_example"),
    ],
)
def test_provisioned_is_sent_as_text(provisioned: Any, query: str) -> None:
    """Zuora validates a text; a bool is sent as the text that Zuora documents."""
    with Wire() as wire:
        EntitiesApi(wire.client).get_entities(provisioned=provisioned)
        assert wire.sent.target == f"/v1/entities{query}"


@pytest.mark.parametrize(
    ("given", "segment"),
    [
        (ENTITY_ID, ENTITY_ID),
        (HYPHENATED, ENTITY_ID),
        (HYPHENATED.encode(), ENTITY_ID),
        (HYPHENATED.upper(), ENTITY_ID.upper()),
        (7, "7"),
        ("id_example", "id_example"),
        ("a/b c", "a%2Fb%20c"),
    ],
)
def test_id_is_one_path_segment(given: Any, segment: str) -> None:
    """A hyphenated UUID is sent without its hyphens, as the list of entities shows it."""
    with Wire() as wire:
        EntitiesApi(wire.client).get_entity_by_id(given)
        EntitiesApi(wire.client).get_entity_by_id(id=given)
        assert [request.target for request in wire.requests] == [f"/v1/entities/{segment}"] * 2


@pytest.mark.parametrize(
    ("name", "given", "error"),
    [
        ("provisioned", 1, TypeError),
        ("provisioned", ["true"], TypeError),
        ("zuora_entity_ids", "", ValueError),
        ("zuora_track_id", "a:b", ValueError),
    ],
)
def test_wrong_argument_of_the_list(name: str, given: Any, error: type[Exception]) -> None:
    with Wire() as wire:
        with pytest.raises(error, match=name):
            EntitiesApi(wire.client).get_entities(**{name: given})
        assert wire.requests == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (None, ValueError),
        ("", ValueError),
        ("..", ValueError),
        (b"\xff", ValueError),
        (1.5, TypeError),
        ([], TypeError),
    ],
)
def test_wrong_id(given: Any, error: type[Exception]) -> None:
    with Wire() as wire:
        with pytest.raises(error, match="id"):
            EntitiesApi(wire.client).get_entity_by_id(given)
        with pytest.raises(TypeError, match="id"):
            EntitiesApi(wire.client).get_entity_by_id()  # type: ignore[call-overload]
        assert wire.requests == []


# -- responses ------------------------------------------------------------------------------------------------------


def test_list_of_entities(zuora: ZuoraEmulator, api: EntitiesApi) -> None:
    response = api.get_entities()
    assert type(response) is GETEntitiesResponseType
    assert response.success is True
    assert response.entities is not None
    assert {type(entity) for entity in response.entities} == {GETEntitiesType}
    for entity, expected in zip(response.entities, zuora.entities, strict=True):
        assert entity.to_dict() == {name: getattr(expected, name) for name in GETEntitiesType.swagger_types}
    assert [response.entities[0].parent_id, response.entities[1].parent_id] == [None, zuora.entities[0].id]


@pytest.mark.parametrize(("provisioned", "status"), [(True, "Provisioned"), ("false", "Unprovisioned")])
def test_list_by_status(api: EntitiesApi, provisioned: bool | str, status: str) -> None:
    assert {entity.status for entity in api.get_entities(provisioned=provisioned).entities or ()} == {status}


def test_one_entity(zuora: ZuoraEmulator, api: EntitiesApi) -> None:
    """The fields of the list, and `success`, at the top level."""
    expected = {name: getattr(zuora.entities[1], name) for name in GETEntitiesType.swagger_types}
    for entity_id in (zuora.entities[1].id, zuora.entities[1].uuid):
        assert api.get_entity_by_id(entity_id).to_dict() == {**expected, "success": True}


def test_variant_returns_triple(api: EntitiesApi) -> None:
    data, status, headers = api.get_entities_with_http_info()
    assert (data.success, status) == (True, 200)
    assert headers.get("content-type", "").startswith("application/json")


def test_unknown_fields_are_kept() -> None:
    with Wire(respond_json({"entities": [{**ROOT, "new": [1]}, None], "success": True})) as wire:
        response = EntitiesApi(wire.client).get_entities()
    assert response.entities is not None
    entity, nothing = [*response.entities]
    assert (entity.name, entity.additional_properties) == ("Acme Corporation", {"new": [1]})
    assert nothing is None


@each_operation
def test_models_are_found_by_name(operation: Operation) -> None:
    """A `call_api` of your own may name the models."""
    with Wire(respond_json({**ROOT, "entities": [ROOT], "success": True})) as wire:
        response, *_ = wire.client.call_api(operation.path, "GET", response_type=operation.model.__name__)
        assert type(response) is operation.model


# -- failures -------------------------------------------------------------------------------------------------------


def test_unknown_entity_is_not_found(api: EntitiesApi) -> None:
    with pytest.raises(NotFoundError) as caught:
        api.get_entity_by_id("0" * 32)
    assert caught.value.path == f"/v1/entities/{'0' * 32}"
    assert caught.value.reasons[0].category == 40
    assert "Check the id" in caught.value.advice


def test_wrong_value_is_refused(api: EntitiesApi) -> None:
    with pytest.raises(RequestRejectedError):
        api.get_entities(provisioned="yes")


def test_foreign_entity_is_refused(zuora: ZuoraEmulator) -> None:
    with api_for(zuora, zuora.entities[1]) as connections_api:
        api = EntitiesApi(connections_api.api_client)
        with pytest.raises(RequestRejectedError, match="zuora_entity_ids"):
            api.get_entities(zuora_entity_ids=zuora.entities[0].id)


def test_failure_as_a_model() -> None:
    refusal = {"success": False, "reasons": [{"code": 50000010, "message": "no"}]}
    with Wire(respond_json(refusal), raise_on_failure=False) as wire:
        for operation in ENTITY_OPERATIONS:
            response = operation.call(EntitiesApi(wire.client))
            assert (type(response), response.success) == (operation.model, False)


@each_operation
def test_reads_are_retried(zuora: ZuoraEmulator, api: EntitiesApi, operation: Operation) -> None:
    zuora.fail_next(faults.html_error(), path=operation.path)
    assert operation.call(api).success is True


@each_operation
def test_exhausted_retries_are_server_errors(zuora: ZuoraEmulator, api: EntitiesApi, operation: Operation) -> None:
    zuora.fail_next(faults.html_error(), path=operation.path, times=50)
    with pytest.raises(ServerError) as caught:
        operation.call(api)
    assert caught.value.outcome == "answered"
