"""The token endpoint, bearer tokens, the legacy access keys."""

from __future__ import annotations

import base64

import pytest
from support.emulator_clients import Connect, ManualClock

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import Client, ZuoraEmulator, auth

WWW_AUTHENTICATE = "Basic realm=Zuora API, ZSession realm=Zuora API, Bearer realm=Zuora API"


def form(client: Client | ZuoraEmulator, **changes: str) -> dict[str, str]:
    fields = {"client_id": client.client_id, "client_secret": client.client_secret, "grant_type": "client_credentials"}
    return {**fields, **changes}


def test_client_credentials_grant(zuora: ZuoraEmulator, connect: Connect) -> None:
    """The token endpoint exchanges client credentials for a working token."""
    http = connect()
    response = http.token(form(zuora))
    assert response.status == 200
    assert set(response.json) == {"access_token", "token_type", "expires_in", "scope", "jti"}
    token = response.json["access_token"]
    assert len(token) == 32
    assert response.json["token_type"] == "bearer"
    assert response.json["expires_in"] == 3599
    assert len(response.headers["Zuora-Request-Id"]) == 36
    assert int(response.headers["X-RateLimit-Remaining-minute"]) < int(response.headers["X-RateLimit-Limit-minute"])
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert http.get("/v1/entities", Authorization=f"{scheme} {token}").status == 200


def test_scope_lists_user_entities_tenant(zuora: ZuoraEmulator, connect: Connect) -> None:
    user, *entities, service, tenant = connect().token(form(zuora)).json["scope"].split(" ")
    assert user.startswith("user.")
    assert len(user) == 5 + 32
    assert entities == [f"entity.{entity.uuid}" for entity in zuora.entities]
    assert service == "service.echo.read"
    assert tenant == "tenant.6398"


def test_client_id_and_secret_format(zuora: ZuoraEmulator) -> None:
    """Id and secret have Zuora's lengths, and the secret must be form-encoded."""
    for client in (zuora, zuora.add_client(zuora.entities[1])):
        assert len(client.client_id) == 36
        assert len(client.client_secret) <= 42
        assert set("+/=&%") <= set(client.client_secret)
    assert zuora.client_secret not in repr(zuora.add_client())


def test_unencoded_secret_is_refused(zuora: ZuoraEmulator, connect: Connect) -> None:
    fields = "&".join(f"{name}={value}" for name, value in form(zuora).items())
    assert connect().token(fields).status != 200


def test_client_for_one_entity(zuora: ZuoraEmulator, connect: Connect) -> None:
    """The tokens of a client for one entity are valid for that entity only."""
    client = zuora.add_client(zuora.entities[2])
    response = connect().token(form(client))
    assert [item for item in response.json["scope"].split() if item.startswith("entity.")] == [
        f"entity.{zuora.entities[2].uuid}"
    ]
    bearer = f"Bearer {response.json['access_token']}"
    assert connect().get(Authorization=bearer).status == 200
    assert zuora.requests[-1].entity_id == zuora.entities[2].id
    assert connect(zuora.entities[0]).get(Authorization=bearer).codes == [90000020]


def test_entity_header_restricts_token(zuora: ZuoraEmulator, connect: Connect) -> None:
    """At the token endpoint, Zuora-Entity-Ids restricts the token; only the 36-character format is accepted."""
    http = connect()
    entity = zuora.entities[1]
    restricted = http.token(form(zuora), Zuora_Entity_Ids=entity.uuid)
    assert restricted.json["scope"].count("entity.") == 1
    assert http.get(Authorization=f"Bearer {restricted.json['access_token']}").status == 200
    assert http.token(form(zuora), Zuora_Entity_Ids=entity.id).status == 400
    forbidden = http.token(form(zuora.add_client(entity)), Zuora_Entity_Ids=zuora.entities[0].uuid)
    assert forbidden.status == 403
    assert forbidden.json["code"] == 90000020


def test_token_endpoint_ignores_authorization_header(zuora: ZuoraEmulator, connect: Connect) -> None:
    for ignored in ("Bearer nonsense", "Basic " + base64.b64encode(b"a:b").decode()):
        assert connect().token(form(zuora), Authorization=ignored).status == 200


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_wrong_client_credentials(zuora: ZuoraEmulator, connect: Connect, wrong: str) -> None:
    other = zuora.add_client()
    response = connect().token(form(zuora, **{wrong: getattr(other, wrong)}))
    assert response.status == 401
    assert set(response.json) == {"message"}


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
def test_invalid_token_form(zuora: ZuoraEmulator, connect: Connect, change: dict[str, str], code: int) -> None:
    """A missing or invalid field of the form is a 400 with code and message."""
    response = connect().token(form(zuora, **change))
    assert response.status == 400
    assert set(response.json) == {"code", "message"}
    assert response.json["code"] == code


def test_token_endpoint_takes_form_only(zuora: ZuoraEmulator, connect: Connect) -> None:
    assert connect().token(form(zuora), Content_Type="application/json").status == 415
    assert connect().call("GET", "/oauth/token").status == 405


def test_token_expires_after_lifetime(clock: ManualClock, connect: Connect) -> None:
    with ZuoraEmulator(token_lifetime=60.5, clock=clock) as zuora:
        http = connect(None, zuora)
        response = http.token(form(zuora))
        assert response.json["expires_in"] == 60.5
        bearer = f"Bearer {response.json['access_token']}"
        clock.now += 60.4
        assert http.get("/v1/entities", Authorization=bearer).status == 200
        clock.now += 0.1
        assert http.get("/v1/entities", Authorization=bearer).status == 401
        http.connection.close()


def test_expire_tokens(zuora: ZuoraEmulator, connect: Connect) -> None:
    """All tokens issued before are refused, later ones are accepted."""
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
def test_missing_or_invalid_token(zuora: ZuoraEmulator, connect: Connect, header: str | None) -> None:
    header = header and header.format(token=zuora.issue_token())
    response = connect(zuora.entities[0]).initiate(zuora.entities[1], Authorization=header)
    assert response.status == 401
    assert response.json == {"message": "Authentication error"}
    assert response.headers["WWW-Authenticate"] == WWW_AUTHENTICATE
    assert len(response.headers["Zuora-Request-Id"]) == 36
    assert zuora.connections == []


def test_access_keys_belong_to_root_entity(zuora: ZuoraEmulator, connect: Connect) -> None:
    keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
    http = connect()
    assert http.call("GET", "/v1/entity-connections", headers={"Authorization": None, **keys}).status == 200
    assert zuora.requests[-1].entity_id == zuora.entities[0].id
    named = {"Authorization": None, "Zuora-Entity-Ids": zuora.entities[1].uuid, **keys}
    assert http.call("GET", "/v1/entity-connections", headers=named).status == 200
    assert zuora.requests[-1].entity_id == zuora.entities[1].id


@pytest.mark.parametrize("name", ["apiAccessKeyId", "apiSecretAccessKey"])
def test_incomplete_access_keys(zuora: ZuoraEmulator, connect: Connect, name: str) -> None:
    keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
    for value in ("wrong", None):
        headers = {"Authorization": None, **keys, name: value}
        assert connect().call("GET", "/v1/entities", headers=headers).status == 401


def test_invalid_token_beside_access_keys(zuora: ZuoraEmulator, connect: Connect) -> None:
    """An invalid token is refused even if valid access keys are sent too."""
    keys = {"apiAccessKeyId": zuora.access_key_id, "apiSecretAccessKey": zuora.secret_access_key}
    assert connect().call("GET", "/v1/entities", headers={"Authorization": "Bearer bad", **keys}).status == 401


def test_secrets_are_unique_per_emulator(zuora: ZuoraEmulator) -> None:
    other = ZuoraEmulator()
    for name in ("client_id", "client_secret", "access_key_id", "secret_access_key"):
        assert getattr(zuora, name) != getattr(other, name)


def test_fixed_credentials(connect: Connect) -> None:
    with ZuoraEmulator(client_id="c" * 36, client_secret="fixed & known") as zuora:
        assert (zuora.client_id, zuora.client_secret) == ("c" * 36, "fixed & known")
        assert connect(None, zuora).token(form(zuora)).status == 200


def test_environ(zuora: ZuoraEmulator) -> None:
    """`environ` holds the variables of the running emulator."""
    assert zuora.environ == {
        "ZUORA_HOST": zuora.url,
        "ZUORA_CLIENT_ID": zuora.client_id,
        "ZUORA_CLIENT_SECRET": zuora.client_secret,
    }
    with pytest.raises(RuntimeError, match="start"):
        _ = ZuoraEmulator().environ


def test_environ_configures_a_client(zuora: ZuoraEmulator) -> None:
    with ApiClient(Configuration.from_env(zuora.environ)) as client:
        api = EntityConnectionsApi(client)
        assert api.get_entity_connections(zuora_entity_ids=zuora.entities[0].id).entity_connections == []


def test_expired_tokens_are_removed(zuora: ZuoraEmulator, clock: ManualClock) -> None:
    for _ in range(100):
        zuora.issue_token()
    clock.now += 3599
    zuora.issue_token()
    assert len(zuora._credentials._tokens) == 1


def test_number_of_tokens_is_bounded(zuora: ZuoraEmulator, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the maximum number of valid tokens, the oldest is refused."""
    assert auth.MAX_TOKENS == 100_000
    monkeypatch.setattr(auth, "MAX_TOKENS", 3)
    tokens = [zuora.issue_token() for _ in range(4)]
    statuses = [connect().get("/v1/entities", Authorization=f"Bearer {token}").status for token in tokens[:1]]
    assert statuses == [401]
    assert len(zuora._credentials._tokens) == 3
