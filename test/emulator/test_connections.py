"""The five endpoints over HTTP: their responses, and the state afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from support.emulator_clients import Connect

from zuora_client.emulator import ZuoraEmulator

CONNECTIONS = "/v1/entity-connections"


def test_connection_lifecycle(zuora: ZuoraEmulator, connect: Connect) -> None:
    source, target = zuora.entities[0], zuora.entities[1]
    as_source, as_target = connect(source), connect(target)

    initiated = as_source.initiate(target)
    assert initiated.status == 200
    assert initiated.json == {"id": zuora.connections[0].id, "success": True}
    connection_id = initiated.json["id"]

    def listing(status: str) -> list[dict[str, str]]:
        ids = {"id": connection_id, "sourceEntityId": source.id, "targetEntityId": target.id}
        return [{**ids, "status": status}]

    for side in (as_source, as_target):
        assert side.get().json == {"entityConnections": listing("Pending"), "success": True}
    assert as_target.change("accept", connection_id).json == {"success": True}
    for side in (as_source, as_target):
        assert side.get().json["entityConnections"] == listing("Connected")
    assert as_source.change("disconnect", connection_id).json == {"success": True}
    for side in (as_source, as_target):
        assert side.get().json["entityConnections"] == listing("Disconnected")
    assert connect(zuora.entities[2]).get().json == {"entityConnections": [], "success": True}


def test_deny(zuora: ZuoraEmulator, connect: Connect) -> None:
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    assert connect(zuora.entities[1]).change("deny", connection.id).json == {"success": True}
    assert zuora.connections[0].status == "Disconnected"


def test_refusals_change_nothing(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A refused write is HTTP 200 with an error code, and changes nothing."""
    source, target, third = zuora.entities[:3]
    connection = zuora.add_connection(source, target, "Pending")
    as_source, as_third = connect(source), connect(third)
    for response, code in (
        (as_source.change("accept", connection.id), 50000010),
        (as_source.change("deny", connection.id), 50000010),
        (as_third.change("disconnect", connection.id), 50000010),
        (as_source.change("disconnect", connection.id), 50000030),
        (as_source.initiate(target), 67999930),
        (as_source.initiate(source), 67999930),
    ):
        assert response.status == 200
        assert response.codes == [code]
    assert zuora.connections == [connection]
    assert not any(request.committed for request in zuora.requests)


@pytest.mark.parametrize("verb", ["accept", "deny", "disconnect"])
def test_unknown_connection_id(zuora: ZuoraEmulator, connect: Connect, verb: str) -> None:
    response = connect(zuora.entities[0]).change(verb, "0" * 32)
    assert response.status == 404
    assert response.codes == [50000040]


def test_accepting_twice_is_refused(zuora: ZuoraEmulator, connect: Connect) -> None:
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    as_target = connect(zuora.entities[1])
    assert as_target.change("accept", connection.id).json == {"success": True}
    assert as_target.change("accept", connection.id).codes == [50000030]


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
def test_body_without_valid_target(zuora: ZuoraEmulator, connect: Connect, body: Any, status: int, code: int) -> None:
    response = connect(zuora.entities[0]).call("POST", CONNECTIONS, body)
    assert response.status == status
    assert response.codes == [code]
    assert zuora.connections == []


def test_unknown_body_fields_are_ignored(zuora: ZuoraEmulator, connect: Connect) -> None:
    body = {"targetEntityId": zuora.entities[1].id.upper(), "colour": "blue"}
    assert connect(zuora.entities[0]).call("POST", CONNECTIONS, body).json["success"] is True
    assert zuora.connections[0].target_entity_id == zuora.entities[1].id


@pytest.mark.parametrize("body", [None, "", "{}", '{"anything": 1}'])
def test_put_ignores_body(zuora: ZuoraEmulator, connect: Connect, body: Any) -> None:
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    response = connect(zuora.entities[1]).call("PUT", f"{CONNECTIONS}/{connection.id}/accept", body)
    assert response.json == {"success": True}


def test_put_with_malformed_body(zuora: ZuoraEmulator, connect: Connect) -> None:
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    response = connect(zuora.entities[1]).call("PUT", f"{CONNECTIONS}/{connection.id}/accept", "{")
    assert response.status == 400
    assert response.codes == [50000090]
    assert zuora.connections == [connection]


def test_percent_encoded_connection_id(zuora: ZuoraEmulator, connect: Connect) -> None:
    """A percent-encoded id, even with a slash, is one segment of the path."""
    zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending", id="a/b ü%")
    response = connect(zuora.entities[1]).change("accept", "a%2Fb%20%C3%BC%25")
    assert response.json == {"success": True}
    assert zuora.requests[-1].path == f"{CONNECTIONS}/a%2Fb%20%C3%BC%25/accept", "the record keeps the path as sent"


def test_undefined_status_is_listed_unchanged(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1], "Suspended")
    assert connect(zuora.entities[0]).get().json["entityConnections"][0]["status"] == "Suspended"


# The entity of a request.


def test_entity_header_takes_both_formats(zuora: ZuoraEmulator, connect: Connect) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    http = connect()
    for entity_id in (zuora.entities[1].id, zuora.entities[1].uuid):
        assert len(http.get(Zuora_Entity_Ids=entity_id).json["entityConnections"]) == 1
        assert zuora.requests[-1].entity_id == zuora.entities[1].id


@pytest.mark.parametrize(
    "named", ["0" * 32, "", "Acme-US", "8a808255557baba1015580e12fa5083a,8a80825555a3c7a10155b460f53858e6"]
)
def test_unknown_entity_is_refused(zuora: ZuoraEmulator, connect: Connect, named: str) -> None:
    response = connect().get(Zuora_Entity_Ids=named)
    assert response.status == 200
    assert response.codes == [90000020]
    assert zuora.requests[-1].entity_id is None


def test_token_for_other_entity_is_refused(zuora: ZuoraEmulator, connect: Connect) -> None:
    token = f"Bearer {zuora.issue_token(zuora.entities[0], zuora.entities[1])}"
    assert connect(zuora.entities[2]).get(Authorization=token).codes == [90000020]
    assert connect(zuora.entities[1]).get(Authorization=token).json["success"] is True


def test_single_entity_token_needs_no_header(zuora: ZuoraEmulator, connect: Connect) -> None:
    """Without Zuora-Entity-Ids, a request with a token for one entity runs in that entity."""
    token = f"Bearer {zuora.issue_token(zuora.entities[1].id)}"
    assert connect().initiate(zuora.entities[2], Authorization=token).json["success"] is True
    assert zuora.connections[0].source_entity_id == zuora.entities[1].id


def test_multiple_entity_token_needs_header(zuora: ZuoraEmulator, connect: Connect) -> None:
    """Without Zuora-Entity-Ids, a request with a token for several entities is refused."""
    response = connect().get()
    assert response.status == 200
    assert response.codes == [90000020]
    assert "Zuora-Entity-Ids is needed" in response.json["reasons"][0]["message"]


@pytest.mark.parametrize("status", ["Pending", "Connected"])
def test_accepted_duplicate_request(connect: Connect, status: str) -> None:
    """With `accept_duplicate_requests`, a second request for an active pair creates a second connection."""
    with ZuoraEmulator(accept_duplicate_requests=True) as zuora:
        source, target = zuora.entities[:2]
        first = zuora.add_connection(source, target, status)
        response = connect(source, zuora).initiate(target)
        assert response.json["success"] is True
        second = response.json["id"]
        assert second != first.id
        assert connect(target, zuora).change("accept", second).json["success"] is True
        assert [(c.id, c.status) for c in zuora.connections] == [(first.id, status), (second, "Connected")]
        assert connect(source, zuora).initiate(source).codes == [67999930], "the other rules stay"


def test_successful_responses_say_so(connect: Connect) -> None:
    """Every successful response of the emulator has `success: true`."""
    with ZuoraEmulator() as zuora:
        source, target = zuora.entities[:2]
        as_source, as_target = connect(source, zuora), connect(target, zuora)
        first = as_source.initiate(target)
        responses = [
            first,
            as_target.change("accept", first.json["id"]),
            as_source.change("disconnect", first.json["id"]),
            as_target.change("deny", as_source.initiate(target).json["id"]),
            as_source.get(),
            as_source.get("/v1/entities"),
            as_source.get(f"/v1/entities/{source.id}"),
        ]
        assert [response.json["success"] for response in responses] == [True] * 7
