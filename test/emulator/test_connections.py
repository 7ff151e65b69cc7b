"""The five endpoints over HTTP: what is answered, and what is true afterwards."""

from __future__ import annotations

import pytest

CONNECTIONS = "/v1/entity-connections"


def test_a_connection_from_request_to_disconnect(zuora, connect) -> None:
    source, target = zuora.entities[0], zuora.entities[1]
    as_source, as_target = connect(source), connect(target)

    asked = as_source.initiate(target)
    assert asked.status == 200
    assert asked.json == {"id": zuora.connections[0].id, "success": True}
    connection_id = asked.json["id"]

    def row(status: str) -> list[dict[str, str]]:
        ids = {"id": connection_id, "sourceEntityId": source.id, "targetEntityId": target.id}
        return [{**ids, "status": status}]

    for side in (as_source, as_target):
        assert side.get().json == {"entityConnections": row("Pending"), "success": True}
    assert as_target.change("accept", connection_id).json == {"success": True}
    for side in (as_source, as_target):
        assert side.get().json["entityConnections"] == row("Connected")
    assert as_source.change("disconnect", connection_id).json == {"success": True}
    for side in (as_source, as_target):
        assert side.get().json["entityConnections"] == row("Disconnected")
    assert connect(zuora.entities[2]).get().json == {"entityConnections": [], "success": True}


def test_deny(zuora, connect) -> None:
    row = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    assert connect(zuora.entities[1]).change("deny", row.id).json == {"success": True}
    assert zuora.connections[0].status == "Disconnected"


def test_refusals_are_http_200_with_a_code_and_change_nothing(zuora, connect) -> None:
    source, target, third = zuora.entities[:3]
    row = zuora.add_connection(source, target, "Pending")
    as_source, as_third = connect(source), connect(third)
    for answer, code in (
        (as_source.change("accept", row.id), 50000010),
        (as_source.change("deny", row.id), 50000010),
        (as_third.change("disconnect", row.id), 50000010),
        (as_source.change("disconnect", row.id), 50000030),
        (as_source.initiate(target), 67999930),
        (as_source.initiate(source), 67999930),
    ):
        assert answer.status == 200
        assert answer.codes == [code]
    assert zuora.connections == [row]
    assert not any(request.committed for request in zuora.requests)


@pytest.mark.parametrize("verb", ["accept", "deny", "disconnect"])
def test_an_unknown_connection_id_is_http_404(zuora, connect, verb: str) -> None:
    answer = connect(zuora.entities[0]).change(verb, "0" * 32)
    assert answer.status == 404
    assert answer.codes == [50000040]


def test_accepting_twice_is_refused(zuora, connect) -> None:
    row = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    as_target = connect(zuora.entities[1])
    assert as_target.change("accept", row.id).json == {"success": True}
    assert as_target.change("accept", row.id).codes == [50000030]


@pytest.mark.usefixtures("deep_stack")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, 67999922),
        ("", 400, 67999922),
        ({"targetEntityId": None}, 400, 67999922),
        ({"TargetEntityId": "8a80825556ff28a4015708ba29312ecc"}, 400, 67999922),
        ({"targetEntityId": ""}, 200, 67999920),
        ({"targetEntityId": 7}, 200, 67999920),
        ({"targetEntityId": ["8a80825556ff28a4015708ba29312ecc"]}, 200, 67999920),
        ({"targetEntityId": "8a808255-56ff-28a4-0157-08ba29312ecc"}, 200, 67999920),
        ({"targetEntityId": "0" * 32}, 200, 67999940),
        (["targetEntityId"], 200, 67999920),
        ("null", 200, 67999920),
        ("{", 400, 67999990),
        ("\x00", 400, 67999990),
        ("[" * 100_000, 400, 67999990),
    ],
)
def test_a_body_that_names_no_target(zuora, connect, body, status: int, code: int) -> None:
    answer = connect(zuora.entities[0]).call("POST", CONNECTIONS, body)
    assert answer.status == status
    assert answer.codes == [code]
    assert zuora.connections == []


def test_unknown_fields_of_a_body_are_ignored(zuora, connect) -> None:
    body = {"targetEntityId": zuora.entities[1].id.upper(), "colour": "blue"}
    assert connect(zuora.entities[0]).call("POST", CONNECTIONS, body).json["success"] is True
    assert zuora.connections[0].target_entity_id == zuora.entities[1].id


@pytest.mark.parametrize("body", [None, "", "{}", '{"anything": 1}'])
def test_a_put_needs_no_body_and_ignores_one(zuora, connect, body) -> None:
    row = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    answer = connect(zuora.entities[1]).call("PUT", f"{CONNECTIONS}/{row.id}/accept", body)
    assert answer.json == {"success": True}


def test_a_put_with_a_broken_body_is_refused(zuora, connect) -> None:
    row = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    answer = connect(zuora.entities[1]).call("PUT", f"{CONNECTIONS}/{row.id}/accept", "{")
    assert answer.status == 400
    assert answer.codes == [50000090]
    assert zuora.connections == [row]


def test_an_id_with_odd_characters_is_one_segment_of_the_path(zuora, connect) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending", id="a/b ü%")
    answer = connect(zuora.entities[1]).change("accept", "a%2Fb%20%C3%BC%25")
    assert answer.json == {"success": True}
    assert zuora.requests[-1].path == f"{CONNECTIONS}/a%2Fb%20%C3%BC%25/accept", "the record keeps the path as sent"


def test_a_status_that_zuora_has_not_thought_of_is_listed_as_it_is(zuora, connect) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1], "Suspended")
    assert connect(zuora.entities[0]).get().json["entityConnections"][0]["status"] == "Suspended"


# The entity of a call.


def test_the_entity_header_takes_both_spellings(zuora, connect) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    http = connect()
    for spelling in (zuora.entities[1].id, zuora.entities[1].uuid):
        assert len(http.get(Zuora_Entity_Ids=spelling).json["entityConnections"]) == 1
        assert zuora.requests[-1].entity_id == zuora.entities[1].id


@pytest.mark.parametrize(
    "named", ["0" * 32, "", "Acme-US", "8a808255557baba1015580e12fa5083a,8a80825555a3c7a10155b460f53858e6"]
)
def test_an_unknown_entity_is_refused(zuora, connect, named: str) -> None:
    answer = connect().get(Zuora_Entity_Ids=named)
    assert answer.status == 200
    assert answer.codes == [90000020]
    assert zuora.requests[-1].entity_id is None


def test_an_entity_that_the_token_is_not_for_is_refused(zuora, connect) -> None:
    token = f"Bearer {zuora.issue_token(zuora.entities[0], zuora.entities[1])}"
    assert connect(zuora.entities[2]).get(Authorization=token).codes == [90000020]
    assert connect(zuora.entities[1]).get(Authorization=token).json["success"] is True


def test_without_a_header_a_token_for_one_entity_runs_in_that_one(zuora, connect) -> None:
    token = f"Bearer {zuora.issue_token(zuora.entities[1].id)}"
    assert connect().initiate(zuora.entities[2], Authorization=token).json["success"] is True
    assert zuora.connections[0].source_entity_id == zuora.entities[1].id


def test_without_a_header_a_token_for_several_entities_is_refused(zuora, connect) -> None:
    answer = connect().get()
    assert answer.status == 200
    assert answer.codes == [90000020]
    assert "Zuora-Entity-Ids is needed" in answer.json["reasons"][0]["message"]
