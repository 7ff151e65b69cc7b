"""Settings: refused where they are wrong, read when it counts, copied whole and sharing nothing."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer, token

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator

PLAIN = "8a80825555a3c7a10155b460f53858e6"
DASHED = "8a808255-55a3-c7a1-0155-b460f53858e6"
OTHER = "8a80825556ff28a4015708ba29312ecc"


@pytest.fixture
def default():
    """Leaves no default configuration behind."""
    yield
    Configuration.set_default(None)


# -- host -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "url", "sent"),
    [
        ("https://rest.zuora.com", "https://rest.zuora.com", "/v1/x"),
        ("https://rest.zuora.com/", "https://rest.zuora.com", "/v1/x"),
        ("https://rest.zuora.com///", "https://rest.zuora.com", "/v1/x"),
        (" https://rest.zuora.com\n", "https://rest.zuora.com", "/v1/x"),
        ("HTTPS://REST.zuora.com", "HTTPS://REST.zuora.com", "/v1/x"),
        ("https://gateway.example.com:8443/zuora/", "https://gateway.example.com:8443/zuora", "/zuora/v1/x"),
        ("https://gateway.example.com/a/b%20c//", "https://gateway.example.com/a/b%20c", "/a/b%20c/v1/x"),
        ("http://[::1]:8080", "http://[::1]:8080", "/v1/x"),
        ("https://tenant_1.internal", "https://tenant_1.internal", "/v1/x"),
    ],
)
def test_any_base_url_is_read_once(given: str, url: str, sent: str) -> None:
    configuration = Configuration(given)
    assert configuration.host == url
    with ApiClient(configuration) as client:
        host = client._builder._base_url(client.configuration.host)
        assert host.prefix + "/v1/x" == sent
        assert host is client._builder._base_url(client.configuration.host)


@pytest.mark.parametrize("path", ["", "/", "//", "/gateway", "/gateway/zuora//"])
def test_paths_and_slashes_reach_the_wire_as_one(path: str) -> None:
    with TokenServer() as server, ApiClient(Configuration(server.url + path, access_token="t")) as client:
        EntityConnectionsApi(client).get_entity_connections(page_size=5)
        assert server.requests[0].target == path.rstrip("/") + "/v1/entity-connections?pageSize=5"


def test_one_client_may_go_to_many_hosts() -> None:
    with contextlib.ExitStack() as stack:
        # More than the ten hosts that urllib3 would keep connections for.
        servers = [stack.enter_context(TokenServer()) for _ in range(12)]
        client = stack.enter_context(ApiClient(Configuration(access_token="t")))
        for server in [*servers, *servers]:
            client.configuration.host = server.url
            client.call_api("/v1/x", "GET")
        assert [(server.connections, len(server.requests)) for server in servers] == [(1, 2)] * 12


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "/",
        "rest.zuora.com",
        "//rest.zuora.com",
        "ftp://rest.zuora.com",
        "https://",
        "https:///v1",
        "https://rest.zuora.com?x=1",
        "https://rest.zuora.com/#top",
        "https://rest.zuora.com:port",
        "https://rest.zuora.com:99999",
        "https://[::1",
        "https://rest.zuora.com\\@evil.example.com",
        "https://rest.zuora.com/a b",
        "https://rest.zu\u00f6ra.com",
        "https://rest.zuora.com\r\nX-Evil: 1",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_base_url_is_refused_where_it_is_set(wrong: str) -> None:
    with pytest.raises(ValueError, match="host"):
        Configuration(wrong)
    configuration = Configuration()
    with pytest.raises(ValueError, match="host"):
        configuration.host = wrong
    assert configuration.host == "https://rest.zuora.com"


@pytest.mark.parametrize("wrong", [b"https://rest.zuora.com", 1, ["https://rest.zuora.com"]])
def test_a_host_of_another_type_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="host"):
        Configuration(wrong)


@pytest.mark.parametrize(
    "url", ["https://me:hunter22@rest.zuora.com", "https://me:hunter22/x@h", "me:hunter22@h", "http://:hunter22@h:1"]
)
def test_a_password_in_the_host_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="leave user names and passwords out") as caught:
        Configuration(url)
    assert "hunter22" not in repr(caught.value)
    assert caught.value.__context__ is None


# -- the environment of the process ---------------------------------------------------------------------------------

VARIABLES = {
    "ZUORA_HOST": "https://gateway.example.com/",
    "ZUORA_CLIENT_ID": CLIENT_ID,
    "ZUORA_CLIENT_SECRET": CLIENT_SECRET,
    "ZUORA_ACCESS_TOKEN": "mine",
    "ZUORA_ENTITY_ID": PLAIN,
}


def test_from_env_reads_what_is_there(monkeypatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ZUORA_ENVIRONMENT", raising=False)
    configuration = Configuration.from_env()
    assert configuration.host == "https://gateway.example.com"
    assert (configuration.client_id, configuration.client_secret) == (CLIENT_ID, CLIENT_SECRET)
    assert (configuration.access_token, configuration.entity_id) == ("mine", PLAIN)


def test_from_env_takes_a_data_centre_by_name() -> None:
    assert Configuration.from_env({"ZUORA_ENVIRONMENT": "eu_sandbox"}).host == "https://rest.sandbox.eu.zuora.com"


def test_from_env_refuses_host_and_environment_together() -> None:
    with pytest.raises(ValueError, match="not both"):
        Configuration.from_env({"ZUORA_HOST": "https://h.example.com", "ZUORA_ENVIRONMENT": "EU"})


def test_from_env_refuses_a_wrong_value_by_its_setting() -> None:
    with pytest.raises(ValueError, match="host"):
        Configuration.from_env({"ZUORA_HOST": "rest.zuora.com"})
    with pytest.raises(ValueError, match="environment"):
        Configuration.from_env({"ZUORA_ENVIRONMENT": "MARS"})


def test_keywords_win_over_the_environment() -> None:
    configuration = Configuration.from_env(VARIABLES, environment="AP", client_id="mine", max_attempts=1)
    assert configuration.host == "https://rest.ap.zuora.com"
    assert configuration.client_id == "mine"
    assert configuration.client_secret == CLIENT_SECRET
    assert configuration.max_attempts == 1
    url = "https://gateway.example.com"
    assert Configuration.from_env({"ZUORA_ENVIRONMENT": "EU"}, host=url).host == url


def test_an_empty_variable_is_not_set() -> None:
    configuration = Configuration.from_env(dict.fromkeys([*VARIABLES, "ZUORA_ENVIRONMENT"], ""))
    assert vars(configuration) == vars(Configuration())


def test_nothing_but_from_env_looks_at_the_environment(monkeypatch) -> None:
    for name, value in {**VARIABLES, "HTTPS_PROXY": "http://proxy.example.com", "SSL_CERT_FILE": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    configuration = Configuration()
    assert configuration.host == "https://rest.zuora.com"
    assert configuration.credentials == "none"
    assert configuration.entity_id is configuration.proxy is None


def test_from_env_keeps_the_class() -> None:
    class Mine(Configuration):
        pass

    assert type(Mine.from_env({})) is Mine


def test_environment_is_read_once() -> None:
    environ = dict(VARIABLES)
    configuration = Configuration.from_env(environ)
    environ.clear()
    assert configuration.client_id == CLIENT_ID
    assert "ZUORA_CLIENT_ID" not in os.environ


# -- entities -------------------------------------------------------------------------------------------------------


@pytest.fixture
def wire():
    with TokenServer() as server, ApiClient(Configuration(server.url, access_token="t")) as client:
        yield server, EntityConnectionsApi(client)


@pytest.mark.parametrize("spelling", [PLAIN, DASHED, PLAIN.encode(), DASHED.encode()])
@pytest.mark.parametrize("where", ["setting", "argument", "default header", "header of the call"])
def test_a_header_gets_the_36_character_spelling(wire, spelling: Any, where: str) -> None:
    server, api = wire
    if where == "setting":
        api.api_client.configuration.entity_id = spelling
        api.get_entity_connections()
    elif where == "argument":
        api.get_entity_connections(zuora_entity_ids=spelling)
    elif where == "default header":
        api.api_client.set_default_header("zuora-ENTITY-ids", spelling)
        api.get_entity_connections()
    else:
        api.api_client.call_api("/v1/x", "GET", header_params={"zuora-entity-ids": spelling})
    assert server.requests[0].headers["zuora-entity-ids"] == DASHED


@pytest.mark.parametrize("spelling", [PLAIN, DASHED])
def test_a_body_gets_the_32_digit_spelling(wire, spelling: str) -> None:
    server, api = wire
    api.post_entity_connections(request={"targetEntityId": spelling})
    assert server.requests[0].body == b'{"targetEntityId": "%s"}' % PLAIN.encode()


def test_letters_keep_their_case(wire) -> None:
    server, api = wire
    api.get_entity_connections(zuora_entity_ids=PLAIN.upper())
    assert server.requests[0].headers["zuora-entity-ids"] == DASHED.upper()


@pytest.mark.parametrize("text", ["zuora_entity_ids_example", PLAIN[:-1], PLAIN + "0", "g" * 32, f"{{{DASHED}}}"])
def test_text_in_neither_spelling_passes_untouched(wire, text: str) -> None:
    server, api = wire
    api.get_entity_connections(zuora_entity_ids=text)
    assert server.requests[0].headers["zuora-entity-ids"] == text


def test_without_an_entity_no_header_is_sent(wire) -> None:
    server, api = wire
    api.get_entity_connections()
    assert "zuora-entity-ids" not in server.requests[0].headers


def test_the_argument_wins_over_the_setting(wire) -> None:
    server, api = wire
    api.api_client.configuration.entity_id = OTHER
    api.get_entity_connections(zuora_entity_ids=PLAIN)
    api.get_entity_connections()
    sent = [request.headers["zuora-entity-ids"].replace("-", "") for request in server.requests]
    assert sent == [PLAIN, OTHER]


def test_one_entity_in_two_spellings_is_one_entity(wire) -> None:
    server, api = wire
    api.api_client.set_default_header("Zuora-Entity-Ids", DASHED.upper())
    api.get_entity_connections(zuora_entity_ids=PLAIN)
    assert server.requests[0].headers["zuora-entity-ids"] == DASHED.upper()


@pytest.mark.parametrize("where", ["setting", "argument"])
@pytest.mark.parametrize("async_req", [True, False])
def test_two_different_entities_are_refused(wire, where: str, async_req: bool) -> None:
    server, api = wire
    api.api_client.set_default_header("Zuora-Entity-Ids", DASHED)
    options = {"zuora_entity_ids": OTHER} if where == "argument" else {}
    if where == "setting":
        api.api_client.configuration.entity_id = OTHER
    with pytest.raises(ValueError, match="two different entities"):
        api.put_entity_connections_disconnect("1", async_req=async_req, **options)
    assert server.requests == []


def test_emulator_agrees_about_the_spelling() -> None:
    with ZuoraEmulator() as zuora:
        entity = zuora.entities[1]
        settings = {"client_id": zuora.client_id, "client_secret": zuora.client_secret, "entity_id": entity.id}
        with ApiClient(Configuration(zuora.url, **settings)) as client:
            EntityConnectionsApi(client).post_entity_connections(request={"targetEntityId": zuora.entities[2].uuid})
        assert zuora.requests[-1].headers["Zuora-Entity-Ids"] == entity.uuid
        assert zuora.requests[-1].entity_id == entity.id
        assert zuora.connections[0].target_entity_id == zuora.entities[2].id


# -- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["client_id", "client_secret", "access_token", "entity_id"])
@pytest.mark.parametrize("wrong", [1, 1.5, True, ["x"], object()])
def test_credentials_of_another_type_are_refused_where_they_are_set(name: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=name):
        Configuration(**{name: wrong})


def test_only_an_access_token_may_be_a_callable() -> None:
    assert Configuration(access_token=lambda: "x").credentials == "access token from a callable"
    with pytest.raises(TypeError, match="client_secret"):
        Configuration(client_secret=lambda: "x")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "deadline", "max_retry_after"])
@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), True, "5"])
def test_seconds_are_positive_numbers(name: str, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        Configuration(**{name: wrong})


@pytest.mark.parametrize("name", ["max_attempts", "max_response_bytes", "connection_pool_maxsize"])
@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "5"])
def test_counts_are_whole_numbers_from_one(name: str, wrong: Any) -> None:
    configuration = Configuration()
    with pytest.raises((TypeError, ValueError), match=name):
        setattr(configuration, name, wrong)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "none"),
        ({"access_token": "t"}, "access token"),
        ({"client_id": "i", "client_secret": "s"}, "OAuth client credentials"),
        ({"api_key": {"apiAccessKeyId": "i", "apiSecretAccessKey": "s"}}, "access keys"),
        ({"api_key": {"apiSecretAccessKey": "s"}}, "access keys"),
        ({"api_key": {"another": "s"}}, "none"),
    ],
)
def test_kind_of_credentials_in_words(settings: Any, words: str) -> None:
    configuration = Configuration(**settings)
    assert configuration.credentials == words
    assert words in repr(configuration)
    assert words in configuration.to_debug_report()


# -- copies ---------------------------------------------------------------------------------------------------------

CONFIGURED = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "access_token": None,
    "entity_id": PLAIN,
    "api_key": {"apiAccessKeyId": "i", "apiSecretAccessKey": "s"},
    "api_key_prefix": {"apiAccessKeyId": "p"},
    "username": "me",
    "password": "mine",
    "proxy": "http://me:mine@proxy.example.com:3128",
    "deadline": 12.5,
    "max_attempts": 2,
    "verify_ssl": False,
    "raise_on_failure": False,
    "user_agent_suffix": "billing/1",
}


def copies_of(thing: Any) -> dict[str, Any]:
    found = {"copy": copy.copy(thing), "deepcopy": copy.deepcopy(thing)}
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        found[f"pickle {protocol}"] = pickle.loads(pickle.dumps(thing, protocol))
    return found


def test_copies_and_pickles_of_a_configuration_keep_everything_configured() -> None:
    configuration = Configuration("https://gateway.example.com/z", **CONFIGURED)
    for how, twin in copies_of(configuration).items():
        assert vars(twin) == vars(configuration), how
        twin.host = "https://rest.zuora.com"
        if how != "copy":
            twin.api_key["apiAccessKeyId"] = "changed"
    assert configuration.host == "https://gateway.example.com/z"
    assert configuration.api_key["apiAccessKeyId"] == "i"


def mutables_of(thing: Any) -> set[int]:
    """The identities of all that can change in a configuration."""
    found = {id(value) for value in vars(thing).values() if isinstance(value, (dict, list, set))}
    return found | {id(thing)}


@given(keys=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_two_configurations_share_nothing_that_can_change(keys: dict[str, str]) -> None:
    given_keys = dict(keys)
    first, second = (Configuration(api_key=given_keys, api_key_prefix=given_keys) for _ in range(2))
    Configuration.set_default(first)
    try:
        third, fourth = Configuration(), Configuration()
    finally:
        Configuration.set_default(None)
    assert third.api_key == keys
    configurations = [first, second, third, fourth, copy.deepcopy(first)]
    assert len(set.union(*map(mutables_of, configurations))) == sum(map(len, map(mutables_of, configurations)))
    first.api_key["one more"] = "x"
    assert second.api_key == third.api_key == given_keys == keys


def test_a_default_is_a_copy_both_ways(default) -> None:
    first = Configuration(client_id=CLIENT_ID, client_secret="one")
    Configuration.set_default(first)
    first.client_secret = "two"
    later = Configuration(client_id="another")
    assert (later.client_id, later.client_secret) == ("another", "one")
    later.client_secret = "three"
    assert Configuration().client_secret == "one"


@pytest.mark.filterwarnings("ignore:verify_ssl is False")
def test_copies_and_pickles_of_a_client_keep_what_was_configured_and_no_token() -> None:
    with TokenServer(token("fetched-token")) as server:
        configuration = Configuration(server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        with ApiClient(configuration, "X-Mine", "yes", "ZSession=1") as client:
            client.user_agent = "billing/1"
            client.set_default_header("X-More", "too")
            client.call_api("/v1/x", "GET", async_req=True).get(60)
            assert b"fetched-token" not in pickle.dumps(client)
            number = 1
            for twin in copies_of(client).values():
                with twin:
                    assert twin.default_headers == client.default_headers
                    assert (twin.cookie, twin.user_agent) == ("ZSession=1", "billing/1")
                    twin.call_api("/v1/x", "GET")
                number += 1
                # It works, with connections and a token of its own.
                assert len(server.token_requests) == number
                assert server.used[-1] == f"Bearer token-{number}"
                assert server.calls[-1].headers["x-mine"] == "yes"
            client.call_api("/v1/x", "GET")
            assert server.used[-1] == "Bearer fetched-token"


def test_copies_of_an_api_are_apis(wire) -> None:
    server, api = wire
    for twin in copies_of(api).values():
        twin.get_entity_connections()
        if twin.api_client is not api.api_client:
            twin.api_client.close()
    assert set(server.used) == {"Bearer t"}


def test_a_callable_travels_with_copies_and_a_named_one_with_pickles() -> None:
    configuration = Configuration(access_token=lambda: "x")
    assert copy.deepcopy(configuration).access_token is configuration.access_token
    configuration.access_token = os.getcwd
    assert pickle.loads(pickle.dumps(configuration)).access_token is os.getcwd
