"""Programs written for the generated client run, and the emulator accepts the wire format of that client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

import zuora_client
from zuora_client.api.entity_connections_api import EntityConnectionsApi
from zuora_client.api_client import ApiClient
from zuora_client.configuration import Configuration
from zuora_client.emulator import ZuoraEmulator
from zuora_client.models.post_entity_connections_type import POSTEntityConnectionsType
from zuora_client.rest import ApiException

JSON = "application/json; charset=utf-8"


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator() as emulator:
        yield emulator


@pytest.fixture
def api(zuora: ZuoraEmulator) -> Iterator[EntityConnectionsApi]:
    """Return an API object, set up as in the pages of the generated client."""
    configuration = zuora_client.Configuration()
    configuration.host = zuora.url
    client = zuora_client.ApiClient(
        configuration, header_name="Authorization", header_value="Bearer " + zuora.issue_token()
    )
    yield zuora_client.EntityConnectionsApi(client)
    client.close()


def test_generated_style_program(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A program in the style of the generated client's pages connects, disconnects and denies."""
    source, target = zuora.entities[:2]
    request = POSTEntityConnectionsType(target_entity_id=target.id)
    initiated: Any = api.p_ost_entity_connections(zuora_entity_ids=source.id, request=request)
    assert initiated.success
    page: Any
    headers: Any
    page, code, headers = api.g_et_entity_connections_with_http_info(zuora_entity_ids=source.id, type="outbound")
    assert (code, len(headers.get("Zuora-Request-Id"))) == (200, 36)
    assert [(row.id, row.source_entity_id, row.target_entity_id, row.status) for row in page.entity_connections] == [
        (initiated.id, source.id, target.id, "Pending")
    ]
    assert api.p_ut_entity_connections_accept(initiated.id, zuora_entity_ids=target.id).success
    assert zuora.connections[0].status == "Connected"
    thread = api.p_ut_entity_connections_disconnect(initiated.id, zuora_entity_ids=source.id, async_req=True)
    assert thread.get().success
    assert zuora.connections[0].status == "Disconnected"

    second: Any = api.p_ost_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})
    assert api.p_ut_entity_connections_deny(second.id, zuora_entity_ids=target.id).success
    with pytest.raises(ApiException) as caught:
        api.p_ut_entity_connections_deny("no such/id", zuora_entity_ids=target.id)
    assert caught.value.status == 404
    assert json.loads(caught.value.body or "")["reasons"][0]["code"] == 50000040


def test_default_configuration_is_used(zuora: ZuoraEmulator) -> None:
    configuration = Configuration()
    configuration.host = zuora.url
    Configuration.set_default(configuration)
    try:
        api = EntityConnectionsApi()
    finally:
        Configuration.set_default(None)
    api.api_client.set_default_header("Authorization", "Bearer " + zuora.issue_token(zuora.entities[0]))
    assert api.g_et_entity_connections().to_dict() == {"entity_connections": [], "next_page": None, "success": True}
    api.api_client.close()


def test_call_api_with_other_endpoint(zuora: ZuoraEmulator) -> None:
    configuration = Configuration()
    configuration.host = zuora.url
    with ApiClient(configuration, "Authorization", "Bearer " + zuora.issue_token()) as client:
        document, status, _ = client.call_api("/v1/entities", "GET", response_type="object")
        assert status == 200
        assert [entity["id"] for entity in document["entities"]] == [entity.id for entity in zuora.entities]


class GeneratedWireFormat:
    """Sends requests as the generated client does, with urllib3 alone: Accept-Encoding: identity, a Content-Type on GET
    and PUT too, no idempotency key, form-encoded queries."""

    def __init__(self, zuora: ZuoraEmulator, pool: urllib3.PoolManager) -> None:
        self._url = zuora.url
        self._pool = pool
        self._headers = {
            "Accept": JSON,
            "Content-Type": JSON,
            "User-Agent": "Swagger-Codegen/1.0.0/python",
            "Authorization": "Bearer " + zuora.issue_token(),
        }

    def call(self, method: str, path: str, entity: str, fields: Any = None, body: Any = None) -> tuple[int, Any]:
        response = self._pool.request(
            method,
            self._url + path,
            fields=fields,
            headers={**self._headers, "Zuora-Entity-Ids": entity},
            **({"body": json.dumps(body)} if body is not None else {}),
        )
        assert "content-encoding" not in response.headers
        return response.status, json.loads(response.data.decode("utf8"))


@pytest.mark.parametrize("spelling", ["id", "uuid"])
def test_emulator_serves_generated_wire_format(zuora: ZuoraEmulator, spelling: str) -> None:
    """The emulator accepts requests as the generated client sends them."""
    source, target = (getattr(entity, spelling) for entity in zuora.entities[:2])
    with urllib3.PoolManager(num_pools=4, maxsize=4) as pool:
        client = GeneratedWireFormat(zuora, pool)
        status, initiated = client.call(
            "POST", "/v1/entity-connections", source, body={"targetEntityId": zuora.entities[1].id}
        )
        assert (status, initiated["success"]) == (200, True)
        path = f"/v1/entity-connections/{quote(initiated['id'], safe='')}"
        fields = [("pageSize", 30), ("type", "inbound")]
        status, page = client.call("GET", "/v1/entity-connections", target, fields)
        assert (status, [row["status"] for row in page["entityConnections"]]) == (200, ["Pending"])
        assert client.call("PUT", f"{path}/accept", target) == (200, {"success": True})
        status, failure = client.call("PUT", f"{path}/accept", target)
        assert (status, failure["success"], failure["reasons"][0]["code"] % 100) == (200, False, 30)
        assert client.call("PUT", f"{path}/disconnect", source) == (200, {"success": True})
        for row in range(60):
            zuora.add_connection(zuora.entities[0], zuora.entities[1], "Connected", id=f"row-{row}")
        status, page = client.call("GET", "/v1/entity-connections", source, [("pageSize", 300)])
        assert (status, len(page["entityConnections"])) == (200, 61)
    assert {request.headers["Accept-Encoding"] for request in zuora.requests} == {"identity"}
    assert not any("Idempotency-Key" in request.headers for request in zuora.requests)
