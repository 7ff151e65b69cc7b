"""GET /v1/entities and /v1/entities/{id}."""

from __future__ import annotations

import pytest
from support.emulator_clients import Connect

from zuora_client.emulator import ZuoraEmulator


def test_list_all_entities(zuora: ZuoraEmulator, connect: Connect) -> None:
    """The list contains the whole hierarchy and needs no entity header."""
    response = connect().get("/v1/entities")
    assert response.status == 200
    assert response.json["success"] is True
    assert [entity["id"] for entity in response.json["entities"]] == [entity.id for entity in zuora.entities]
    assert response.json["entities"][0] == {
        "id": "8a808255557baba1015580e12fa5083a",
        "name": "Acme Corporation",
        "displayName": "Acme Corporation",
        "locale": "en_US",
        "timezone": "GMT",
        "status": "Provisioned",
        "parentId": None,
        "tenantId": "6398",
    }


def test_wrong_entity_header_is_refused(connect: Connect) -> None:
    assert connect().get("/v1/entities", Zuora_Entity_Ids="0" * 32).codes == [90000020]


@pytest.mark.parametrize(("value", "count"), [("true", 4), ("false", 2)])
def test_provisioned_filters_the_list(connect: Connect, value: str, count: int) -> None:
    with ZuoraEmulator(6) as zuora:
        http = connect(None, zuora)
        entities = http.get(f"/v1/entities?provisioned={value}").json["entities"]
        assert len(entities) == count
        assert {entity["status"] for entity in entities} == {"Provisioned" if value == "true" else "Unprovisioned"}
        http.connection.close()


def test_invalid_provisioned_is_refused(connect: Connect) -> None:
    assert connect().get("/v1/entities?provisioned=yes").codes == [50000027]


def test_one_entity(zuora: ZuoraEmulator, connect: Connect) -> None:
    entity = zuora.entities[3]
    for entity_id in (entity.id, entity.uuid):
        response = connect().get(f"/v1/entities/{entity_id}")
        assert response.status == 200
        assert response.json["success"] is True
        assert (response.json["id"], response.json["parentId"]) == (entity.id, entity.parent_id)


def test_unknown_entity(connect: Connect) -> None:
    response = connect().get(f"/v1/entities/{'0' * 32}")
    assert response.status == 404
    assert response.codes == [50000040]


def test_fields_of_one_entity(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A single entity has the fields of one in the list, and `success`."""
    entities = connect().get("/v1/entities").json["entities"]
    for entity in entities:
        assert connect().get(f"/v1/entities/{entity['id']}").json == {**entity, "success": True}


def test_entities_need_credentials(zuora: ZuoraEmulator, connect: Connect) -> None:
    for path in ("/v1/entities", f"/v1/entities/{zuora.entities[0].id}"):
        response = connect().get(path, Authorization=None)
        assert response.status == 401
        assert response.json == {"message": "Authentication error"}
        assert "Bearer" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/v1/entities", "/v1/entities/{id}"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_entities_are_read_only(zuora: ZuoraEmulator, connect: Connect, path: str, method: str) -> None:
    response = connect().call(method, path.replace("{id}", zuora.entities[0].id), "{}")
    assert response.status == 405
    assert response.codes == [50000045]
