"""GET /v1/entities and /v1/entities/{id}."""

from __future__ import annotations

import pytest

from zuora_client.emulator import ZuoraEmulator


def test_the_list_is_the_whole_hierarchy_and_needs_no_entity_header(zuora, connect) -> None:
    answer = connect().get("/v1/entities")
    assert answer.status == 200
    assert answer.json["success"] is True
    assert [row["id"] for row in answer.json["entities"]] == [entity.id for entity in zuora.entities]
    assert answer.json["entities"][0] == {
        "id": "8a808255557baba1015580e12fa5083a",
        "name": "Acme Corporation",
        "displayName": "Acme Corporation",
        "locale": "en_US",
        "timezone": "GMT",
        "status": "Provisioned",
        "parentId": None,
        "tenantId": "6398",
    }


def test_a_wrong_entity_header_is_refused_here_too(connect) -> None:
    assert connect().get("/v1/entities", Zuora_Entity_Ids="0" * 32).codes == [90000020]


@pytest.mark.parametrize(("value", "names"), [("true", 4), ("false", 2)])
def test_provisioned_narrows_the_list(connect, value: str, names: int) -> None:
    with ZuoraEmulator(6) as zuora:
        http = connect(None, zuora)
        rows = http.get(f"/v1/entities?provisioned={value}").json["entities"]
        assert len(rows) == names
        assert {row["status"] for row in rows} == {"Provisioned" if value == "true" else "Unprovisioned"}
        http.connection.close()


def test_provisioned_is_true_or_false(connect) -> None:
    assert connect().get("/v1/entities?provisioned=yes").codes == [50000027]


def test_one_entity(zuora, connect) -> None:
    entity = zuora.entities[3]
    for spelling in (entity.id, entity.uuid):
        answer = connect().get(f"/v1/entities/{spelling}")
        assert answer.status == 200
        assert answer.json["success"] is True
        assert (answer.json["id"], answer.json["parentId"]) == (entity.id, entity.parent_id)


def test_an_unknown_entity_is_http_404(connect) -> None:
    answer = connect().get(f"/v1/entities/{'0' * 32}")
    assert answer.status == 404
    assert answer.codes == [50000040]
