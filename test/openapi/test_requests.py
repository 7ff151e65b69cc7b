"""Every request of the client conforms to docs/openapi.yaml: path, query, headers, body, credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import FakeClock
from support.openapi import operation_of, operations, violations
from support.tenant import api_for

from zuora_client import (
    ApiClient,
    ApiException,
    Configuration,
    EntityConnectionsApi,
    POSTEntityConnectionsResponseType,
    POSTEntityConnectionsType,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.emulator import Headers, Request, ZuoraEmulator
from zuora_client.emulator.faults import html_error, reset_after_commit

LISTING = "/v1/entity-connections"
TARGET = b'{"targetEntityId":"8a80825556ff28a4015708ba29312ecc"}'
JSON = {"Authorization": "Bearer token", "Content-Type": "application/json; charset=utf-8"}


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator() as zuora:
        yield zuora


@pytest.fixture
def api(zuora: ZuoraEmulator) -> Iterator[EntityConnectionsApi]:
    with api_for(zuora) as api:
        yield api


def connection_id(response: POSTEntityConnectionsResponseType) -> str:
    assert response.id is not None
    return response.id


def five_operations(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    first = api.p_ost_entity_connections(
        zuora_entity_ids=source.id, request=POSTEntityConnectionsType(target.uuid), zuora_track_id="nightly-1"
    )
    api.p_ut_entity_connections_accept(connection_id(first), zuora_entity_ids=target.id, zuora_track_id="nightly-2")
    api.g_et_entity_connections(zuora_entity_ids=source.uuid, page_size=300, page=1, type="outbound")
    api.g_et_entity_connections(zuora_entity_ids=source.id)
    api.p_ut_entity_connections_disconnect(connection_id(first), zuora_entity_ids=source.id)
    second = api.p_ost_entity_connections(
        zuora_entity_ids=source.id, request={"targetEntityId": target.id}, idempotency_key="nightly 1/3"
    )
    api.p_ut_entity_connections_deny(connection_id(second), zuora_entity_ids=target.id)


def with_http_info_async_and_streaming(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    response, _, _ = api.post_entity_connections_with_http_info(
        zuora_entity_ids=source.id, request={"targetEntityId": target.id}
    )
    api.put_entity_connections_accept(connection_id(response), zuora_entity_ids=target.id, async_req=True).get(30)
    api.get_entity_connections(zuora_entity_ids=source.id, _preload_content=False).close()


def percent_encoded_ids(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    for unknown_id in ("a/b c", "50%", "é?#"):
        with pytest.raises(ApiException, match="404"):
            api.put_entity_connections_deny(unknown_id, zuora_entity_ids=zuora.entities[0].id)


def paging(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    for _ in range(5):
        zuora.add_connection(source, target, "Disconnected")
    connections = list(api.iter_entity_connections(zuora_entity_ids=source.id, type="outbound", page_size=2))
    assert connections == list(api.iter_entity_connections(zuora_entity_ids=source.id))


def reconciliation(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    source, target, other = zuora.entities
    ensure_connected(api, source.id, target.id)
    ensure_disconnected(api, source.id, target.id, break_sharing=True)
    plan_connections(api, [(source.id, target.uuid), (source.id, other.id)]).apply()


def retries(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    source, target = zuora.entities[:2]
    zuora.fail_next(reset_after_commit(), method="POST")
    zuora.fail_next(html_error(), method="GET")
    api.post_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})
    zuora.expire_tokens()
    api.get_entity_connections(zuora_entity_ids=source.id)


def entities(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    client = api.api_client
    client.call_api("/v1/entities", "GET", response_type="object")
    client.call_api("/v1/entities", "GET", query_params={"provisioned": "true"}, response_type="object")
    client.call_api("/v1/entities/{id}", "GET", path_params={"id": zuora.entities[1].id}, response_type="object")


def other_credentials(_: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
    for settings in ({"api_key": keys}, {"access_token": zuora.issue_token()}):
        configuration = Configuration(zuora.url, entity_id=zuora.entities[0].id, **settings)
        with ApiClient(configuration, clock=FakeClock()) as client:
            EntityConnectionsApi(client).get_entity_connections(type="inbound")


SCENARIOS = [
    five_operations,
    with_http_info_async_and_streaming,
    percent_encoded_ids,
    paging,
    reconciliation,
    retries,
    entities,
    other_credentials,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_request_is_allowed(scenario: Any, api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    scenario(api, zuora)
    assert zuora.requests
    assert {repr(request): violations(request) for request in zuora.requests if violations(request)} == {}


def test_every_operation_is_requested(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    five_operations(api, zuora)
    entities(api, zuora)
    requested = {operation_of(request)["operationId"] for request in zuora.requests}
    assert requested == {operation["operationId"] for _, _, operation in operations()}


# -- the checks themselves --------------------------------------------------------------------------------------------


def form(**fields: str) -> bytes:
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VALID_FORM = {"client_id": "c" * 36, "client_secret": "s", "grant_type": "client_credentials"}

NONCONFORMING = {
    "path": ("GET", "/v1/entity-connection", JSON, b""),
    "method": ("DELETE", LISTING, JSON, b""),
    "page size": ("GET", f"{LISTING}?pageSize=301", JSON, b""),
    "page size as text": ("GET", f"{LISTING}?pageSize=all", JSON, b""),
    "page": ("GET", f"{LISTING}?pageSize=10&page=0", JSON, b""),
    "type": ("GET", f"{LISTING}?type=Inbound", JSON, b""),
    "unknown query": ("GET", f"{LISTING}?page_size=30", JSON, b""),
    "unknown header": ("GET", LISTING, {**JSON, "Zuora-Version": "2019-07-26"}, b""),
    "no credentials": ("GET", LISTING, {}, b""),
    "incomplete access keys": ("GET", LISTING, {"apiAccessKeyId": "key"}, b""),
    "track id": ("GET", LISTING, {**JSON, "Zuora-Track-Id": "t" * 65}, b""),
    "key": ("POST", LISTING, {**JSON, "Idempotency-Key": "k" * 256}, TARGET),
    "key on a PUT": ("PUT", f"{LISTING}/1/accept", {**JSON, "Idempotency-Key": "k"}, b""),
    "body on a PUT": ("PUT", f"{LISTING}/1/accept", JSON, b"{}"),
    "no target": ("POST", LISTING, JSON, b"{}"),
    "target in the wrong format": ("POST", LISTING, JSON, b'{"targetEntityId":"%s"}' % (b"a" * 36)),
    "target of another type": ("POST", LISTING, JSON, b'{"targetEntityId":1}'),
    "body of another media type": ("POST", LISTING, {**JSON, "Content-Type": "text/plain"}, TARGET),
    "client id": ("POST", "/oauth/token", FORM, form(**{**VALID_FORM, "client_id": "short"})),
    "client secret": ("POST", "/oauth/token", FORM, form(**{**VALID_FORM, "client_secret": "s" * 43})),
    "grant type": ("POST", "/oauth/token", FORM, form(**{**VALID_FORM, "grant_type": "password"})),
    "no form": ("POST", "/oauth/token", FORM, b""),
    "credentials at the token endpoint": ("POST", "/oauth/token", {**FORM, **JSON, **FORM}, form(**VALID_FORM)),
    "entity of a token": ("POST", "/oauth/token", {**FORM, "Zuora-Entity-Ids": "8a80"}, form(**VALID_FORM)),
}


def recorded(method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
    return Request(method, target, Headers(headers.items()), body)


@pytest.mark.parametrize("request_", list(NONCONFORMING.values()), ids=list(NONCONFORMING))
def test_nonconforming_request_is_reported(request_: tuple[str, str, dict[str, str], bytes]) -> None:
    assert violations(recorded(*request_))


@pytest.mark.parametrize(
    "request_",
    [
        ("GET", f"{LISTING}?pageSize=300&type=inbound&page=1", JSON, b""),
        ("POST", LISTING, {**JSON, "Idempotency-Key": "k" * 255}, TARGET),
        ("PUT", f"{LISTING}/a%2Fb/accept", {**JSON, "Zuora-Track-Id": "t" * 64}, b""),
        ("GET", "/v1/entities/1", {"apiAccessKeyId": "key", "apiSecretAccessKey": "secret"}, b""),
        ("POST", "/oauth/token", FORM, form(**VALID_FORM)),
    ],
)
def test_conforming_request_is_not_reported(request_: tuple[str, str, dict[str, str], bytes]) -> None:
    assert violations(recorded(*request_)) == []
