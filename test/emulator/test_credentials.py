"""Who gets in: the token endpoint, bearer tokens, the legacy access keys."""

from __future__ import annotations

import base64

import pytest

from zuora_client.emulator import ZuoraEmulator

WWW_AUTHENTICATE = "Basic realm=Zuora API, ZSession realm=Zuora API, Bearer realm=Zuora API"


def form(client, **changes: str) -> dict[str, str]:
    fields = {"client_id": client.client_id, "client_secret": client.client_secret, "grant_type": "client_credentials"}
    return {**fields, **changes}


def test_client_credentials_become_a_token_that_works(zuora, connect) -> None:
    http = connect()
    answer = http.token(form(zuora))
    assert answer.status == 200
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope", "jti"}
    token = answer.json["access_token"]
    assert len(token) == 32
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == 3599
    assert len(answer.headers["Zuora-Request-Id"]) == 36
    assert int(answer.headers["X-RateLimit-Remaining-minute"]) < int(answer.headers["X-RateLimit-Limit-minute"])
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert http.get("/v1/entities", Authorization=f"{scheme} {token}").status == 200


def test_the_scope_lists_user_entities_and_tenant(zuora, connect) -> None:
    user, *entities, service, tenant = connect().token(form(zuora)).json["scope"].split(" ")
    assert user.startswith("user.")
    assert len(user) == 5 + 32
    assert entities == [f"entity.{entity.uuid}" for entity in zuora.entities]
    assert service == "service.echo.read"
    assert tenant == "tenant.6398"


def test_id_and_secret_are_as_long_as_zuora_makes_them_and_need_form_encoding(zuora) -> None:
    for client in (zuora, zuora.add_client(zuora.entities[1])):
        assert len(client.client_id) == 36
        assert len(client.client_secret) <= 42
        assert set("+/=&%") <= set(client.client_secret)
    assert zuora.client_secret not in repr(zuora.add_client())


def test_a_secret_that_is_not_form_encoded_is_refused(zuora, connect) -> None:
    fields = "&".join(f"{name}={value}" for name, value in form(zuora).items())
    assert connect().token(fields).status != 200


def test_a_client_for_one_entity_gets_tokens_for_that_one(zuora, connect) -> None:
    client = zuora.add_client(zuora.entities[2])
    answer = connect().token(form(client))
    assert [item for item in answer.json["scope"].split() if item.startswith("entity.")] == [
        f"entity.{zuora.entities[2].uuid}"
    ]
    bearer = f"Bearer {answer.json['access_token']}"
    assert connect().get(Authorization=bearer).status == 200
    assert zuora.requests[-1].entity_id == zuora.entities[2].id
    assert connect(zuora.entities[0]).get(Authorization=bearer).codes == [90000020]


def test_the_entity_header_narrows_a_token_and_takes_the_36_character_spelling_only(zuora, connect) -> None:
    http = connect()
    entity = zuora.entities[1]
    narrow = http.token(form(zuora), Zuora_Entity_Ids=entity.uuid)
    assert narrow.json["scope"].count("entity.") == 1
    assert http.get(Authorization=f"Bearer {narrow.json['access_token']}").status == 200
    assert http.token(form(zuora), Zuora_Entity_Ids=entity.id).status == 400
    foreign = http.token(form(zuora.add_client(entity)), Zuora_Entity_Ids=zuora.entities[0].uuid)
    assert foreign.status == 403
    assert foreign.json["code"] == 90000020


def test_other_credentials_beside_the_form_are_not_looked_at(zuora, connect) -> None:
    for junk in ("Bearer nonsense", "Basic " + base64.b64encode(b"a:b").decode()):
        assert connect().token(form(zuora), Authorization=junk).status == 200


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_wrong_credentials_are_401_with_a_message(zuora, connect, wrong: str) -> None:
    other = zuora.add_client()
    answer = connect().token(form(zuora, **{wrong: getattr(other, wrong)}))
    assert answer.status == 401
    assert set(answer.json) == {"message"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_id": ""}, 50000022),
        ({"client_secret": ""}, 50000022),
        ({"grant_type": ""}, 50000022),
        ({"client_id": "x" * 35}, 50000020),
        ({"client_id": "x" * 37}, 50000020),
        ({"client_secret": "x" * 43}, 50000020),
        ({"grant_type": "password"}, 50000020),
    ],
)
def test_a_form_that_breaks_the_contract_is_400_with_code_and_message(zuora, connect, change, code: int) -> None:
    answer = connect().token(form(zuora, **change))
    assert answer.status == 400
    assert set(answer.json) == {"code", "message"}
    assert answer.json["code"] == code


def test_the_token_endpoint_takes_a_form_only(zuora, connect) -> None:
    assert connect().token(form(zuora), Content_Type="application/json").status == 415
    assert connect().call("GET", "/oauth/token").status == 405


def test_a_token_ends_with_its_lifetime(clock, connect) -> None:
    with ZuoraEmulator(token_lifetime=60.5, clock=clock) as zuora:
        http = connect(None, zuora)
        answer = http.token(form(zuora))
        assert answer.json["expires_in"] == 60.5
        bearer = f"Bearer {answer.json['access_token']}"
        clock.now += 60.4
        assert http.get("/v1/entities", Authorization=bearer).status == 200
        clock.now += 0.1
        assert http.get("/v1/entities", Authorization=bearer).status == 401
        http.connection.close()


def test_expire_tokens_refuses_all_that_were_issued_and_none_that_come_after(zuora, connect) -> None:
    http = connect()
    fetched = http.token(form(zuora)).json["access_token"]
    zuora.expire_tokens()
    assert http.get("/v1/entities").status == 401
    assert http.get("/v1/entities", Authorization=f"Bearer {fetched}").status == 401
    assert http.get("/v1/entities", Authorization=f"Bearer {zuora.issue_token()}").status == 200
    assert http.token(form(zuora)).status == 200


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer 0123", "Basic YTpi", "{token}", "Token {token}"]
)
def test_without_a_good_token_it_is_401(zuora, connect, header) -> None:
    header = header and header.format(token=zuora.issue_token())
    answer = connect(zuora.entities[0]).initiate(zuora.entities[1], Authorization=header)
    assert answer.status == 401
    assert answer.json == {"message": "Authentication error"}
    assert answer.headers["WWW-Authenticate"] == WWW_AUTHENTICATE
    assert len(answer.headers["Zuora-Request-Id"]) == 36
    assert zuora.connections == []


def test_the_legacy_access_keys_work_and_live_in_the_root_entity(zuora, connect) -> None:
    keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
    http = connect()
    assert http.call("GET", "/v1/entity-connections", headers={"Authorization": None, **keys}).status == 200
    assert zuora.requests[-1].entity_id == zuora.entities[0].id
    named = {"Authorization": None, "Zuora-Entity-Ids": zuora.entities[1].uuid, **keys}
    assert http.call("GET", "/v1/entity-connections", headers=named).status == 200
    assert zuora.requests[-1].entity_id == zuora.entities[1].id


@pytest.mark.parametrize("name", ["apiAccessKeyId", "apiSecretAccessKey"])
def test_half_a_pair_of_access_keys_is_401(zuora, connect, name: str) -> None:
    keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
    for value in ("wrong", None):
        headers = {"Authorization": None, **keys, name: value}
        assert connect().call("GET", "/v1/entities", headers=headers).status == 401


def test_a_bad_token_is_not_saved_by_good_access_keys(zuora, connect) -> None:
    keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
    assert connect().call("GET", "/v1/entities", headers={"Authorization": "Bearer bad", **keys}).status == 401


def test_secrets_differ_from_one_emulator_to_the_next(zuora) -> None:
    other = ZuoraEmulator()
    for name in ("client_id", "client_secret", "access_key_id", "secret_access_key"):
        assert getattr(zuora, name) != getattr(other, name)
