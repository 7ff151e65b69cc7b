"""Settings: validated on assignment, read when they are needed, copied without shared state."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer, token

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator
from zuora_client.token_store import FileTokenStore, RedisTokenStore

DIGITS = "8a80825555a3c7a10155b460f53858e6"
HYPHENATED = "8a808255-55a3-c7a1-0155-b460f53858e6"
OTHER_DIGITS = "8a80825556ff28a4015708ba29312ecc"


Service = tuple[TokenServer, EntityConnectionsApi]


@pytest.fixture
def default() -> Iterator[None]:
    """Remove the default configuration afterwards."""
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
def test_base_url_is_parsed_once(given: str, url: str, sent: str) -> None:
    configuration = Configuration(given)
    assert configuration.host == url
    with ApiClient(configuration) as client:
        host = client._state.builder._base_url(client.configuration.host)
        assert host.prefix + "/v1/x" == sent
        assert host is client._state.builder._base_url(client.configuration.host)


@pytest.mark.parametrize("path", ["", "/", "//", "/gateway", "/gateway/zuora//"])
def test_base_path_precedes_resource_path(path: str) -> None:
    with TokenServer() as server, ApiClient(Configuration(server.url + path, access_token="t")) as client:
        EntityConnectionsApi(client).get_entity_connections(page_size=5)
        assert server.requests[0].target == path.rstrip("/") + "/v1/entity-connections?pageSize=5"


def test_one_client_can_use_many_hosts() -> None:
    with contextlib.ExitStack() as stack:
        # More than ten hosts, for which a urllib3.PoolManager keeps pools by default.
        servers = [stack.enter_context(TokenServer()) for _ in range(12)]
        client = stack.enter_context(ApiClient(Configuration(access_token="t")))
        for server in [*servers, *servers]:
            client.configuration.host = server.url
            client.call_api("/v1/x", "GET")
        assert [(server.connections, len(server.requests)) for server in servers] == [(1, 2)] * 12


@pytest.mark.parametrize(
    "value",
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
def test_invalid_base_url_is_rejected(value: str) -> None:
    with pytest.raises(ValueError, match="host"):
        Configuration(value)
    configuration = Configuration()
    with pytest.raises(ValueError, match="host"):
        configuration.host = value
    assert configuration.host == "https://rest.zuora.com"


@pytest.mark.parametrize("value", [b"https://rest.zuora.com", 1, ["https://rest.zuora.com"]])
def test_host_of_other_type_is_rejected(value: Any) -> None:
    with pytest.raises(TypeError, match="host"):
        Configuration(value)


@pytest.mark.parametrize(
    "url", ["https://me:hunter22@rest.zuora.com", "https://me:hunter22/x@h", "me:hunter22@h", "http://:hunter22@h:1"]
)
def test_password_in_host_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="leave user names and passwords out") as caught:
        Configuration(url)
    assert "hunter22" not in repr(caught.value)
    assert caught.value.__context__ is None


# -- environment variables ------------------------------------------------------------------------------------------

VARIABLES = {
    "ZUORA_HOST": "https://gateway.example.com/",
    "ZUORA_CLIENT_ID": CLIENT_ID,
    "ZUORA_CLIENT_SECRET": CLIENT_SECRET,
    "ZUORA_ACCESS_TOKEN": "mine",
    "ZUORA_ENTITY_ID": DIGITS,
}


def test_from_env_reads_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ZUORA_ENVIRONMENT", raising=False)
    configuration = Configuration.from_env()
    assert configuration.host == "https://gateway.example.com"
    assert (configuration.client_id, configuration.client_secret) == (CLIENT_ID, CLIENT_SECRET)
    assert (configuration.access_token, configuration.entity_id) == ("mine", DIGITS)


def test_from_env_reads_environment_name() -> None:
    assert Configuration.from_env({"ZUORA_ENVIRONMENT": "eu_sandbox"}).host == "https://rest.sandbox.eu.zuora.com"


def test_from_env_host_and_environment_exclusive() -> None:
    with pytest.raises(ValueError, match="not both"):
        Configuration.from_env({"ZUORA_HOST": "https://h.example.com", "ZUORA_ENVIRONMENT": "EU"})


@pytest.mark.parametrize("environ", [{}, {"ZUORA_HOST": "", "ZUORA_CLIENT_ID": CLIENT_ID}])
@pytest.mark.parametrize("settings", [{}, {"host": None}, {"environment": None, "client_id": "mine"}])
def test_from_env_requires_a_host(environ: dict[str, str], settings: dict[str, Any]) -> None:
    """Without one, calls would go to production."""
    with pytest.raises(ValueError, match=r"ZUORA_ENVIRONMENT.*ZUORA_HOST"):
        Configuration.from_env(environ, **settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ZUORA_HOST", "rest.zuora.com"),
        ("ZUORA_ENVIRONMENT", "MARS"),
        ("ZUORA_ENTITY_ID", "a\nb"),
        ("ZUORA_TRUST_ENV", "maybe"),
    ],
)
def test_from_env_error_names_the_variable(variable: str, value: str) -> None:
    usable = {} if variable in ("ZUORA_HOST", "ZUORA_ENVIRONMENT") else {"ZUORA_ENVIRONMENT": "EU"}
    with pytest.raises(ValueError, match=f"^{variable}"):
        Configuration.from_env({**usable, variable: value})


def test_from_env_reads_network_settings() -> None:
    network = {"ZUORA_PROXY": "http://proxy.example.com:3128", "ZUORA_CA_BUNDLE": "/etc/company.pem"}
    configuration = Configuration.from_env({"ZUORA_ENVIRONMENT": "EU", "ZUORA_TRUST_ENV": "1", **network})
    assert (configuration.proxy, configuration.ssl_ca_cert) == tuple(network.values())
    assert configuration.trust_env is True


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), (" YES ", True), ("on", True), ("0", False), ("False", False), ("off", False)],
)
def test_from_env_reads_flag(value: str, expected: bool) -> None:
    assert Configuration.from_env({"ZUORA_ENVIRONMENT": "EU", "ZUORA_TRUST_ENV": value}).trust_env is expected
    assert Configuration.from_env({"ZUORA_ENVIRONMENT": "EU", "ZUORA_TRUST_ENV": value}, trust_env=True).trust_env


def test_source_of_a_setting(default: None) -> None:
    """A setting that is assigned later no longer comes from its variable; copies know where theirs came from."""
    configuration = Configuration.from_env(VARIABLES, client_secret="mine")
    assert configuration.source_of("client_id") == "ZUORA_CLIENT_ID"
    assert configuration.source_of("client_secret") == "client_secret"
    assert Configuration().source_of("client_id") == "client_id"
    Configuration.set_default(configuration)
    for other in (copy.deepcopy(configuration), pickle.loads(pickle.dumps(configuration)), Configuration()):
        assert other.source_of("client_id") == "ZUORA_CLIENT_ID"
        other.client_id = "mine"
        assert other.source_of("client_id") == "client_id"
    assert configuration.source_of("client_id") == "ZUORA_CLIENT_ID"


def test_keywords_override_variables() -> None:
    configuration = Configuration.from_env(VARIABLES, environment="AP", client_id="mine", max_attempts=1)
    assert configuration.host == "https://rest.ap.zuora.com"
    assert configuration.client_id == "mine"
    assert configuration.client_secret == CLIENT_SECRET
    assert configuration.max_attempts == 1
    url = "https://gateway.example.com"
    assert Configuration.from_env({"ZUORA_ENVIRONMENT": "EU"}, host=url).host == url


def test_empty_variable_counts_as_unset() -> None:
    names = (*VARIABLES, "ZUORA_ENVIRONMENT", "ZUORA_PROXY", "ZUORA_CA_BUNDLE", "ZUORA_TRUST_ENV")
    configuration = Configuration.from_env(dict.fromkeys(names, ""), environment="US")
    assert vars(configuration) == {**vars(Configuration()), "_variables": {}}


def test_constructor_ignores_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**VARIABLES, "HTTPS_PROXY": "http://proxy.example.com", "SSL_CERT_FILE": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    configuration = Configuration()
    assert configuration.host == "https://rest.zuora.com"
    assert configuration.credentials == "none"
    assert configuration.entity_id is configuration.proxy is None


def test_from_env_of_a_subclass() -> None:
    class Mine(Configuration):
        pass

    assert type(Mine.from_env({"ZUORA_ENVIRONMENT": "EU"})) is Mine


def test_variables_are_read_once() -> None:
    environ = dict(VARIABLES)
    configuration = Configuration.from_env(environ)
    environ.clear()
    assert configuration.client_id == CLIENT_ID
    assert "ZUORA_CLIENT_ID" not in os.environ


# -- entities -------------------------------------------------------------------------------------------------------


@pytest.fixture
def service() -> Iterator[Service]:
    server = TokenServer()
    with server, ApiClient(Configuration(server.url, access_token="t")) as client:
        yield server, EntityConnectionsApi(client)


@pytest.mark.parametrize("entity_id", [DIGITS, HYPHENATED, DIGITS.encode(), HYPHENATED.encode()])
@pytest.mark.parametrize("source", ["setting", "argument", "default header", "header of the call"])
def test_header_gets_hyphenated_id(service: Service, entity_id: Any, source: str) -> None:
    server, api = service
    if source == "setting":
        api.api_client.configuration.entity_id = entity_id
        api.get_entity_connections()
    elif source == "argument":
        api.get_entity_connections(zuora_entity_ids=entity_id)
    elif source == "default header":
        api.api_client.set_default_header("zuora-ENTITY-ids", entity_id)
        api.get_entity_connections()
    else:
        api.api_client.call_api("/v1/x", "GET", header_params={"zuora-entity-ids": entity_id})
    assert server.requests[0].headers["zuora-entity-ids"] == HYPHENATED


@pytest.mark.parametrize("entity_id", [DIGITS, HYPHENATED])
def test_body_gets_id_without_hyphens(service: Service, entity_id: str) -> None:
    server, api = service
    api.post_entity_connections(request={"targetEntityId": entity_id})
    assert server.requests[0].body == b'{"targetEntityId": "%s"}' % DIGITS.encode()


def test_header_keeps_case(service: Service) -> None:
    server, api = service
    api.get_entity_connections(zuora_entity_ids=DIGITS.upper())
    assert server.requests[0].headers["zuora-entity-ids"] == HYPHENATED.upper()


@pytest.mark.parametrize("text", ["zuora_entity_ids_example", DIGITS[:-1], DIGITS + "0", "g" * 32, f"{{{HYPHENATED}}}"])
def test_other_entity_text_is_unchanged(service: Service, text: str) -> None:
    server, api = service
    api.get_entity_connections(zuora_entity_ids=text)
    assert server.requests[0].headers["zuora-entity-ids"] == text


def test_no_entity_no_header(service: Service) -> None:
    server, api = service
    api.get_entity_connections()
    assert "zuora-entity-ids" not in server.requests[0].headers


def test_argument_overrides_entity_setting(service: Service) -> None:
    server, api = service
    api.api_client.configuration.entity_id = OTHER_DIGITS
    api.get_entity_connections(zuora_entity_ids=DIGITS)
    api.get_entity_connections()
    sent = [request.headers["zuora-entity-ids"].replace("-", "") for request in server.requests]
    assert sent == [DIGITS, OTHER_DIGITS]


def test_same_entity_in_both_forms(service: Service) -> None:
    server, api = service
    api.api_client.set_default_header("Zuora-Entity-Ids", HYPHENATED.upper())
    api.get_entity_connections(zuora_entity_ids=DIGITS)
    assert server.requests[0].headers["zuora-entity-ids"] == HYPHENATED.upper()


@pytest.mark.parametrize("source", ["setting", "argument"])
@pytest.mark.parametrize("async_req", [True, False])
def test_conflicting_entities_are_rejected(service: Service, source: str, async_req: bool) -> None:
    server, api = service
    api.api_client.set_default_header("Zuora-Entity-Ids", HYPHENATED)
    options: dict[str, Any] = {"zuora_entity_ids": OTHER_DIGITS} if source == "argument" else {}
    if source == "setting":
        api.api_client.configuration.entity_id = OTHER_DIGITS
    disconnect: Any = api.put_entity_connections_disconnect
    with pytest.raises(ValueError, match="two different entities"):
        disconnect("1", async_req=async_req, **options)
    assert server.requests == []


def test_emulator_receives_both_forms() -> None:
    with ZuoraEmulator() as zuora:
        entity = zuora.entities[1]
        settings: Any = {"client_id": zuora.client_id, "client_secret": zuora.client_secret, "entity_id": entity.id}
        with ApiClient(Configuration(zuora.url, **settings)) as client:
            EntityConnectionsApi(client).post_entity_connections(request={"targetEntityId": zuora.entities[2].uuid})
        assert zuora.requests[-1].headers["Zuora-Entity-Ids"] == entity.uuid
        assert zuora.requests[-1].entity_id == entity.id
        assert zuora.connections[0].target_entity_id == zuora.entities[2].id


# -- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["client_id", "client_secret", "access_token", "entity_id"])
@pytest.mark.parametrize("value", [1, 1.5, True, ["x"], object()])
def test_credentials_of_other_type_are_rejected(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name):
        Configuration(**{name: value})


def test_only_access_token_may_be_callable() -> None:
    assert Configuration(access_token=lambda: "x").credentials == "access token from a callable"
    with pytest.raises(TypeError, match="client_secret"):
        Configuration(client_secret=lambda: "x")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "deadline", "max_retry_after"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "5"])
def test_seconds_must_be_positive_numbers(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        Configuration(**{name: value})


@pytest.mark.parametrize("name", ["max_attempts", "max_response_bytes", "connection_pool_maxsize"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "5"])
def test_counts_must_be_positive_integers(name: str, value: Any) -> None:
    configuration = Configuration()
    if (name, value) == ("max_response_bytes", None):
        # The default: a limit for each path.
        configuration.max_response_bytes = None
        return
    with pytest.raises((TypeError, ValueError), match=name):
        setattr(configuration, name, value)


@pytest.mark.parametrize("value", [None, 0, 1, "", "false", "True", [], object()])
def test_verify_ssl_is_true_or_false(value: Any) -> None:
    configuration = Configuration()
    with pytest.raises(TypeError, match="verify_ssl must be True or False"):
        configuration.verify_ssl = value
    assert configuration.verify_ssl is True


@pytest.mark.parametrize("name", ["ssl_ca_cert", "cert_file", "key_file"])
def test_path_is_none_or_text(name: str, tmp_path: Path) -> None:
    """A path is text that is not empty, a path object, or None."""
    configuration = Configuration()
    for invalid, error in ((b"x", TypeError), (1, TypeError), (False, TypeError), ("", ValueError)):
        with pytest.raises(error, match=name):
            setattr(configuration, name, invalid)
    for value in ("file.pem", tmp_path, None):
        setattr(configuration, name, value)
        assert getattr(configuration, name) == (value and str(value))


def test_assert_hostname_is_false_or_name() -> None:
    """True would mean nothing, and an empty name would match no certificate."""
    for value, error in ((True, TypeError), (0, TypeError), (b"x", TypeError), ([], TypeError), ("", ValueError)):
        with pytest.raises(error, match="assert_hostname"):
            Configuration(assert_hostname=value)  # type: ignore[arg-type]
    for accepted in ("rest.zuora.com", False, None):
        assert Configuration(assert_hostname=accepted).assert_hostname is accepted


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, "none"),
        ({"access_token": "t"}, "access token"),
        ({"client_id": "i", "client_secret": "s"}, "OAuth client credentials"),
        ({"api_key": {"apiAccessKeyId": "i", "apiSecretAccessKey": "s"}}, "access keys"),
        ({"api_key": {"apiSecretAccessKey": "s"}}, "access keys"),
        ({"api_key": {"another": "s"}}, "none"),
    ],
)
def test_credentials_kind(settings: Any, kind: str) -> None:
    configuration = Configuration(**settings)
    assert configuration.credentials == kind
    assert kind in repr(configuration)
    assert kind in configuration.to_debug_report()


# -- copies ---------------------------------------------------------------------------------------------------------

CONFIGURED: dict[str, Any] = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "access_token": None,
    "entity_id": DIGITS,
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


def copies_of(value: Any) -> dict[str, Any]:
    copies = {"copy": copy.copy(value), "deepcopy": copy.deepcopy(value)}
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copies[f"pickle {protocol}"] = pickle.loads(pickle.dumps(value, protocol))
    return copies


def test_configuration_copies_keep_every_setting() -> None:
    configuration = Configuration("https://gateway.example.com/z", **CONFIGURED)
    for method, clone in copies_of(configuration).items():
        assert vars(clone) == vars(configuration), method
        clone.host = "https://rest.zuora.com"
        if method != "copy":
            clone.api_key["apiAccessKeyId"] = "changed"
    assert configuration.host == "https://gateway.example.com/z"
    assert configuration.api_key["apiAccessKeyId"] == "i"


def mutable_ids(configuration: Any) -> set[int]:
    """Return the ids of a configuration and of the mutable values in it."""
    values = {id(value) for value in vars(configuration).values() if isinstance(value, (dict, list, set))}
    return values | {id(configuration)}


@given(keys=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_configurations_share_no_mutable_state(keys: dict[str, str]) -> None:
    given_keys = dict(keys)
    first, second = (Configuration(api_key=given_keys, api_key_prefix=given_keys) for _ in range(2))
    Configuration.set_default(first)
    try:
        third, fourth = Configuration(), Configuration()
    finally:
        Configuration.set_default(None)
    assert third.api_key == keys
    configurations = [first, second, third, fourth, copy.deepcopy(first)]
    assert len(set.union(*map(mutable_ids, configurations))) == sum(map(len, map(mutable_ids, configurations)))
    first.api_key["one more"] = "x"
    assert second.api_key == third.api_key == given_keys == keys


def test_default_is_copied_both_ways(default: None) -> None:
    first = Configuration(client_id=CLIENT_ID, client_secret="one")
    Configuration.set_default(first)
    first.client_secret = "two"
    later = Configuration(client_id="another")
    assert (later.client_id, later.client_secret) == ("another", "one")
    later.client_secret = "three"
    assert Configuration().client_secret == "one"


@pytest.mark.filterwarnings("ignore:verify_ssl is False")
def test_client_copies_keep_configuration_only() -> None:
    """Copies and pickles of a client keep the configuration, and no token."""
    server = TokenServer(token("fetched-token"))
    with server:
        configuration = Configuration(server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        with ApiClient(configuration, "X-Mine", "yes", "ZSession=1") as client:
            client.user_agent = "billing/1"
            client.set_default_header("X-More", "too")
            client.call_api("/v1/x", "GET", async_req=True).get(60)
            assert b"fetched-token" not in pickle.dumps(client)
            number = 1
            for clone in copies_of(client).values():
                with clone:
                    assert clone.default_headers == client.default_headers
                    assert (clone.cookie, clone.user_agent) == ("ZSession=1", "billing/1")
                    clone.call_api("/v1/x", "GET")
                number += 1
                # The copy works with its own connections and token.
                assert len(server.token_requests) == number
                assert server.used[-1] == f"Bearer token-{number}"
                assert server.calls[-1].headers["x-mine"] == "yes"
            client.call_api("/v1/x", "GET")
            assert server.used[-1] == "Bearer fetched-token"


def test_api_copies_work(service: Service) -> None:
    server, api = service
    for clone in copies_of(api).values():
        clone.get_entity_connections()
        if clone.api_client is not api.api_client:
            clone.api_client.close()
    assert set(server.used) == {"Bearer t"}


def test_token_callable_is_copied_and_pickled() -> None:
    """Copies share the callable; pickles contain it by name."""
    configuration = Configuration(access_token=lambda: "x")
    assert copy.deepcopy(configuration).access_token is configuration.access_token
    configuration.access_token = os.getcwd
    assert pickle.loads(pickle.dumps(configuration)).access_token is os.getcwd


# -- token store ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["get", "set", "add", "delete"])
def test_token_store_must_have_four_verbs(verb: str) -> None:
    verbs = {name: lambda *_: None for name in ("get", "set", "add", "delete") if name != verb}
    store: Any = type("Incomplete", (), verbs)()
    with pytest.raises(TypeError, match=f"token_store must have .* Incomplete has no {verb}"):
        Configuration(token_store=store)
    configuration = Configuration()
    with pytest.raises(TypeError, match=f"Incomplete has no {verb}"):
        configuration.token_store = store
    assert configuration.token_store is None


def test_copies_share_token_store(default: None, tmp_path: Path) -> None:
    store: Any = type("Store", (), {name: lambda *_: None for name in ("get", "set", "add", "delete")})()
    configuration = Configuration(token_store=store)
    assert copy.deepcopy(configuration).token_store is store
    assert copy.copy(configuration).token_store is store
    Configuration.set_default(configuration)
    assert Configuration().token_store is store
    assert Configuration(token_store=None).token_store is None
    assert Configuration.from_env(VARIABLES, token_store=FileTokenStore(tmp_path)).token_store is not store


def test_file_store_is_pickled(tmp_path: Path) -> None:
    with TokenServer() as server:
        configuration = Configuration(
            server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, token_store=FileTokenStore(tmp_path)
        )
        for value in (configuration, pickle.loads(pickle.dumps(configuration))):
            with ApiClient(value) as client, pickle.loads(pickle.dumps(client)) as copied:
                client.call_api("/v1/x", "GET")
                copied.call_api("/v1/x", "GET")
        assert len(server.token_requests) == 1
        assert server.used == ["Bearer token-1"] * 4


def test_redis_store_is_not_pickled() -> None:
    redis = pytest.importorskip("redis")
    with contextlib.closing(redis.Redis()) as client:
        configuration = Configuration(token_store=RedisTokenStore(client))
        assert copy.deepcopy(configuration).token_store is configuration.token_store
        for value in (configuration, ApiClient(configuration)):
            with pytest.raises(TypeError, match=r"RedisTokenStore cannot be pickled.*create it in each process"):
                pickle.dumps(value)


def test_token_store_is_read_at_each_call(tmp_path: Path) -> None:
    with TokenServer() as server:
        settings: Any = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        with ApiClient(Configuration(server.url, token_store=FileTokenStore(tmp_path), **settings)) as client:
            client.call_api("/v1/x", "GET")
        with ApiClient(Configuration(server.url, **settings)) as client:
            client.configuration.token_store = FileTokenStore(tmp_path)
            client.call_api("/v1/x", "GET")
        assert server.used == ["Bearer token-1"] * 2


def test_incomplete_credentials_do_not_reach_store(tmp_path: Path) -> None:
    client = ApiClient(Configuration(client_id="id", token_store=FileTokenStore(tmp_path)))
    with client, pytest.raises(ValueError, match=r"client_secret is not set.*ZUORA_CLIENT_SECRET"):
        client.call_api("/v1/x", "GET")
    assert list(tmp_path.iterdir()) == []
