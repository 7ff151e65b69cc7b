"""No secret comes out: not in text, logs, errors, copies of errors, models or reports, whatever a server says back."""

from __future__ import annotations

import pickle
import socket
from typing import Any
from urllib.parse import quote

import pytest
from support import FakeClock, answer, canary, json_answer
from support.canary import Collector
from support.scripted import ScriptedServer
from support.tokens import CLIENT_ID, TokenServer, token

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi

KEYS = {"apiAccessKeyId": canary.KEY_ID, "apiSecretAccessKey": canary.KEY_SECRET}
OAUTH = {"client_id": CLIENT_ID, "client_secret": canary.CLIENT_SECRET}
EVERYTHING = {**OAUTH, "api_key": KEYS, "username": "me", "password": canary.PASSWORD}
CONFIGURED = [canary.CLIENT_SECRET, canary.KEY_ID, canary.PASSWORD, canary.BASIC, canary.COOKIE, canary.COOKIE_VALUE]
CONFIGURED += [canary.KEY_SECRET]

# How a client comes by its credentials: the settings, and what a server may know by then besides.
WAYS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "client credentials": (EVERYTHING, [canary.TOKEN]),
    "token": ({**EVERYTHING, "access_token": canary.GIVEN_TOKEN}, [canary.GIVEN_TOKEN]),
    "token in bytes": ({**EVERYTHING, "access_token": canary.GIVEN_TOKEN.encode()}, [canary.GIVEN_TOKEN]),
    "callable": ({**EVERYTHING, "access_token": lambda: canary.GIVEN_TOKEN}, [canary.GIVEN_TOKEN]),
    "access keys": ({"api_key": KEYS}, []),
    "own header": (EVERYTHING, [canary.OWN]),
    "basic": ({**EVERYTHING, "access_token": canary.GIVEN_TOKEN}, [canary.GIVEN_TOKEN]),
}


# `ApiClient.request` sends no configured credentials, and what a callable returned, or a token that was dropped, is
# known to nobody by then.
WITHOUT_REQUEST = ("callable", "client credentials")


def known(way: str) -> list[str]:
    if way == "access keys":
        return [canary.COOKIE_VALUE, canary.KEY_ID, canary.KEY_SECRET]
    return CONFIGURED + WAYS[way][1]


def look_at(api: EntityConnectionsApi, collector: Collector) -> None:
    """Look at every public object in the ways in which people look at objects."""
    client = api.api_client
    for thing in (client.configuration, client, api, client.rest_client, client.last_response):
        collector.see(thing)
    collector.add("report", client.configuration.to_debug_report(), client.configuration.credentials)


def calls(api: EntityConnectionsApi, way: str) -> Any:
    """Yield calls of every kind: reads, writes, streams, threads, pages, and paths without a method of their own."""
    client = api.api_client
    if way == "own header":
        client.set_default_header("Authorization", canary.OWN)
    basic = ["basic"] if way == "basic" else []
    yield api.get_entity_connections
    yield lambda: list(api.iter_entity_connections())
    yield lambda: api.post_entity_connections(request={"targetEntityId": "8a80825556ff28a4015708ba29312ecc"})
    yield lambda: api.put_entity_connections_disconnect("1", zuora_track_id="mine")
    yield lambda: client.call_api("/v1/things", "GET", response_type="object", auth_settings=basic)
    yield lambda: client.call_api("/v1/things", "DELETE", auth_settings=basic)
    yield lambda: api.get_entity_connections(async_req=True).get(60)
    yield lambda: api.get_entity_connections(_preload_content=False).close()
    if way not in WITHOUT_REQUEST:
        own = {"Authorization": canary.OWN if way == "own header" else canary.BASIC, "Cookie": canary.COOKIE}
        yield lambda: client.request("GET", client.configuration.host + "/v1/things", headers=own)


def watch(call: Any, collector: Collector, *, everything: bool) -> bool:
    """Look at what a call returned or raised; return whether it succeeded."""
    try:
        result = call()
    except ApiException as error:
        collector.error(error)
        return False
    if everything or hasattr(result, "to_dict"):
        collector.see(result)
    return True


def run(url: str, way: str, collector: Collector, *, everything: bool = False, **settings: Any) -> tuple[int, int]:
    """Make every call with these credentials; count those that succeeded and those that failed.

    What a call returned is looked at if it is a model, or if `everything` is.
    """
    configuration = Configuration(url, max_attempts=2, **{**WAYS[way][0], **settings})
    good = bad = 0
    with ApiClient(configuration, cookie=canary.COOKIE, clock=FakeClock()) as client:
        api = EntityConnectionsApi(client)
        for call in calls(api, way):
            succeeded = watch(call, collector, everything=everything)
            good, bad = good + succeeded, bad + (not succeeded)
        look_at(api, collector)
    return good, bad


# How an answer says a secret is one thing, how the secret got there another: all ways are tried with these.
ALL_WAYS = ("body 400", "any header", "reason phrase", "status line")
SOME_WAYS = ("client credentials", "own header")


@pytest.mark.parametrize("echo", canary.ECHOES)
def test_an_answer_that_says_secrets_back(echo: str) -> None:
    collector = Collector()
    for way in WAYS if echo in ALL_WAYS else SOME_WAYS:
        with TokenServer(*[token(canary.TOKEN)] * 99) as server, collector.watching():
            server.call_behaviour = canary.echoes(known(way))[echo]
            good, bad = run(server.url, way, collector)
        assert good + bad == (8 if way in WITHOUT_REQUEST else 9)
        assert bad or "yes" in echo
    assert "GET /v1/entity-connections" in collector.log
    collector.check()


@pytest.mark.parametrize("echo", canary.ECHOES)
def test_a_token_endpoint_that_says_secrets_back(echo: str) -> None:
    collector = Collector()
    said = [secret for secret in CONFIGURED if secret not in (canary.COOKIE, canary.COOKIE_VALUE)]
    with TokenServer(*[canary.echoes(said)[echo]] * 99) as server, collector.watching():
        run(server.url, "client credentials", collector)
    assert "POST /oauth/token" in collector.log
    collector.check()


def test_success() -> None:
    for way in WAYS:
        collector = Collector()
        with TokenServer(token(canary.TOKEN)) as server, collector.watching():
            assert run(server.url, way, collector, everything=True) == (8 if way in WITHOUT_REQUEST else 9, 0)
        sent = repr([request.headers for request in server.requests])
        assert canary.MARK in sent or "me:" in sent  # the secrets were there to leak
        collector.check()


@pytest.mark.parametrize(
    "answered",
    [
        json_answer(
            {"access_token": canary.TOKEN, "success": False, "reasons": [{"code": 1, "message": canary.TOKEN}]}
        ),
        json_answer({"access_token": canary.POISON, "expires_in": 3600}),
        json_answer({"access_token": [canary.TOKEN]}),
        json_answer({"access_token": canary.TOKEN, "message": canary.TOKEN}, 400, {"X-Token": canary.TOKEN}),
        answer(200, b'{"access_token": "' + canary.TOKEN.encode()),
        answer(200, b'{"access_token":' + canary.TOKEN.encode()),
        answer(200, b"access_token=" + quote(canary.TOKEN, safe="").encode() + b"&token_type=bearer"),
        answer(200, b"<access_token>" + canary.TOKEN.encode() + b"</access_token>"),
        json_answer([{"access_token": canary.TOKEN}]),
    ],
    ids=["a no", "poisoned", "wrapped", "refused", "cut", "no JSON", "a form", "XML", "listed"],
)
def test_a_token_that_comes_in_a_way_in_which_it_cannot_be_used(answered: bytes) -> None:
    collector = Collector()
    with TokenServer(*[answered] * 99) as server, collector.watching():
        assert run(server.url, "client credentials", collector)[1] == 8
    collector.check()


@pytest.mark.parametrize("echo", ["body 400", "reason phrase", "status line", "no status line", "any header", "page"])
@pytest.mark.parametrize("way", SOME_WAYS)
def test_a_proxy_that_says_its_password_back(echo: str, way: str) -> None:
    collector = Collector()
    behaviour = canary.echoes([*known(way)[:-1], canary.PROXY_PASSWORD, canary.PROXY_BASIC])[echo]
    userinfo = f"me:{quote(canary.PROXY_PASSWORD, safe='')}"
    # For http it is asked for whole URLs, for https for a tunnel: both times this is its answer.
    for host in ("http://127.0.0.1:1", "https://127.0.0.1:1"):
        with ScriptedServer(behaviour) as proxy, collector.watching():
            good, _ = run(host, way, collector, proxy=proxy.url.replace("//", f"//{userinfo}@"))
            assert good == 0
        assert any("proxy-authorization" in request.headers for request in proxy.requests)
    collector.check()


def test_a_live_token_in_the_answer_to_somebody_else() -> None:
    collector = Collector()
    with TokenServer(token(canary.TOKEN)) as server, ApiClient(Configuration(server.url, **OAUTH)) as client:
        client.call_api("/v1/x", "GET")
        server.call_behaviour = canary.echoes([canary.TOKEN])["body 400"]
        with pytest.raises(ApiException) as caught:
            client.request("GET", server.url + "/v1/x")
        collector.error(caught.value)
    collector.check()


def test_a_no_that_is_returned_as_an_object() -> None:
    collector = Collector()
    for echo in ("body 200", "many reasons"):
        with TokenServer(*[token(canary.TOKEN)] * 6) as server, collector.watching():
            server.call_behaviour = canary.echoes(known("client credentials"))[echo]
            configuration = Configuration(server.url, raise_on_failure=False, **EVERYTHING)
            with ApiClient(configuration, cookie=canary.COOKIE) as client:
                api = EntityConnectionsApi(client)
                for result in (api.get_entity_connections(), api.put_entity_connections_accept("1")):
                    assert result.success is False
                    assert len(result.additional_properties["reasons"]) in (1, 30)
                    collector.see(result)
                    collector.add("fields that no model knows", result.additional_properties)
                    collector.add("pickle", pickle.dumps(result))
                with pytest.raises(ApiException) as caught:
                    list(api.iter_entity_connections())
                collector.error(caught.value)
    collector.check()


def test_words_that_are_no_secrets_stay() -> None:
    """A mask must not eat what a person needs: the names of schemes and headers, and short words."""
    told = "Bearer realm=Zuora API, Basic realm=Zuora API, me, dark"
    with TokenServer() as server:
        server.call_behaviour = json_answer({"message": told}, 401, {"WWW-Authenticate": told})
        configuration = Configuration(server.url, access_token="abc", username="me", password="secret", **OAUTH)
        with ApiClient(configuration, cookie="theme=dark; a=b") as client, pytest.raises(ApiException) as caught:
            client.call_api("/v1/x", "GET")
    assert told in str(caught.value)
    assert caught.value.headers["WWW-Authenticate"] == told


def test_two_headers_of_one_name_are_both_kept_and_cleaned() -> None:
    answered = f"HTTP/1.1 400 No\r\nX-A: one {canary.GIVEN_TOKEN}\r\nX-A: two\r\nContent-Length: 0\r\n\r\n".encode()
    with ScriptedServer(answered) as server:
        client = ApiClient(Configuration(server.url, access_token=canary.GIVEN_TOKEN))
        with client, pytest.raises(ApiException) as caught:
            client.call_api("/v1/x", "GET")
    assert caught.value.headers["X-A"] == "one [redacted], two"


# -- arguments and settings that hold a secret and are refused --------------------------------------------------------

POISONS = {
    "line break": canary.POISON,
    "end of line": canary.secret("el") + "\n",
    "not ASCII": canary.secret("na", "\u00e4\u20ac"),
    "half a pair": canary.secret("hp", "\ud800"),
    "no UTF-8": canary.secret("nu").encode() + b"\xff",
    "control": canary.secret("ct", "\x00"),
}


def poison(place: str, value: Any, url: str) -> ApiClient:
    settings: dict[str, Any] = {}
    if place in ("access_token", "client_id", "client_secret"):
        settings = {**OAUTH, place: value}
    elif place == "callable":
        settings = {"access_token": lambda: value}
    elif place == "access key":
        settings = {"api_key": {**KEYS, "apiSecretAccessKey": value}}
    client = ApiClient(Configuration(url, **settings))
    if place == "cookie":
        client.cookie = value
    elif place in ("Authorization", "X-Mine"):
        client.set_default_header(place, value)
    return client


PLACES = ["access_token", "client_id", "client_secret", "callable", "access key", "cookie", "Authorization", "X-Mine"]


def under_way(result: Any, place: str) -> None:
    """Only what a callable returns is known no sooner than when the call is under way."""
    assert place == "callable"
    result.get(60)


@pytest.mark.parametrize("kind", POISONS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("async_req", [False, True])
def test_a_poisoned_secret_is_refused_by_name_alone(place: str, kind: str, async_req: bool) -> None:
    collector = Collector()
    value = POISONS[kind]
    with TokenServer() as server, collector.watching(), poison(place, value, server.url) as client:
        api = EntityConnectionsApi(client)
        if kind == "not ASCII" and place in ("client_id", "client_secret"):
            # A form carries it.
            assert api.get_entity_connections().success is True
        else:
            with pytest.raises((TypeError, ValueError)) as caught:
                under_way(api.put_entity_connections_accept("1", async_req=async_req), place)
            assert not isinstance(caught.value, UnicodeError)
            collector.error(caught.value)
            assert server.requests == []
        look_at(api, collector)
    collector.check()


@pytest.mark.parametrize(
    "settings",
    [
        {"client_secret": [canary.CLIENT_SECRET]},
        {"access_token": {"token": canary.TOKEN}},
        {"host": f"https://me:{quote(canary.PASSWORD, safe='')}@rest.zuora.com"},
        {"host": f"https://me:{canary.PASSWORD}@rest.zuora.com"},
        {"proxy": f"socks5://me:{canary.PROXY_PASSWORD}@proxy.example.com"},
        {"proxy": f"http://me:{canary.PROXY_PASSWORD}@proxy.example.com"},
        {"proxy": f"http://me:{quote(canary.PROXY_PASSWORD, safe='')}@[::1"},
    ],
)
def test_a_refused_setting_is_not_shown(settings: dict[str, Any]) -> None:
    collector = Collector()
    with collector.watching(), pytest.raises((TypeError, ValueError)) as caught:
        ApiClient(Configuration(**settings))
    collector.error(caught.value)
    collector.check()


def test_a_callable_that_raises_with_a_secret_in_its_words() -> None:
    def broken() -> str:
        raise LookupError(f"no such path: {canary.CLIENT_SECRET}")

    collector = Collector()
    configuration = Configuration(access_token=broken, client_secret=canary.CLIENT_SECRET)
    with ApiClient(configuration) as client, collector.watching(), pytest.raises(ApiException) as caught:
        client.call_api("/v1/x", "GET")
    collector.error(caught.value)
    collector.check()


def test_debug_and_log_file_show_nothing(tmp_path) -> None:
    collector = Collector()
    path = tmp_path / "log"
    with TokenServer(token(canary.TOKEN)) as server, collector.watching():
        configuration = Configuration(server.url, **EVERYTHING)
        configuration.debug = True
        configuration.logger_file = str(path)
        try:
            with ApiClient(configuration, cookie=canary.COOKIE) as client:
                client.call_api("/v1/x", "POST", body={"password": "in the body"})
                server.call_behaviour = canary.echoes(CONFIGURED)["ids"]
                with pytest.raises(ApiException):
                    client.call_api("/v1/x", "GET")
        finally:
            configuration.debug = False
            configuration.logger_file = None
    text = path.read_text()
    assert "POST /v1/x: 200" in text
    assert "in the body" not in text
    collector.add("file", text)
    collector.check()


# -- plain http -------------------------------------------------------------------------------------------------------

OPEN = [
    "evil.example.test",
    "127.evil.test",
    "127.0.0.1.evil.test",
    "localhost.evil.test",
    "localhost.",
    "notlocalhost",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "192.168.0.1",
    "169.254.0.1",
    "[::]",
    "[::ffff:8.8.8.8]",
    "[::2]",
    "[fe80::1]",
]
LOOPBACK = ["localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"]
CARRIERS: dict[str, Any] = {
    "client credentials": OAUTH,
    "token": {"access_token": canary.GIVEN_TOKEN},
    "callable": {"access_token": lambda: canary.GIVEN_TOKEN},
    "access keys": {"api_key": KEYS},
    "cookie": {},
    "default header": {},
    "own header": {},
    "auth_settings": {"username": "me", "password": canary.PASSWORD},
    "request": {},
}


@pytest.fixture
def everywhere(monkeypatch):
    """A server to which every name leads."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **o: look_up("127.0.0.1", *a, **o))
    with TokenServer() as server:
        yield server


def carry(carrier: str, client: ApiClient) -> Any:
    path, options = "/v1/x", {}
    if carrier == "cookie":
        client.cookie = canary.COOKIE
    elif carrier == "default header":
        client.set_default_header("authorization", canary.OWN)
    elif carrier == "own header":
        options = {"header_params": {"apiSecretAccessKey": canary.KEY_SECRET}}
    elif carrier == "auth_settings":
        options = {"auth_settings": ["basic"]}
    elif carrier == "request":
        return client.request("GET", client.configuration.host + path, headers={"Cookie": canary.COOKIE})
    return client.call_api(path, "GET", **options)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_plain_http_off_this_machine_is_refused_with_credentials(everywhere, carrier: str) -> None:
    for host in OPEN:
        configuration = Configuration(f"http://{host}:{everywhere.port}", **CARRIERS[carrier])
        with ApiClient(configuration) as client:
            with pytest.raises(ValueError, match="allow_insecure_http") as caught:
                carry(carrier, client)
            assert host in str(caught.value)
    assert everywhere.connections == 0


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("hosts", [LOOPBACK, OPEN[:4]], ids=["this machine", "allowed"])
def test_on_this_machine_or_when_allowed_it_goes(everywhere, carrier: str, hosts: list[str]) -> None:
    for host in hosts:
        settings = {**CARRIERS[carrier], "allow_insecure_http": hosts is not LOOPBACK}
        with ApiClient(Configuration(f"http://{host}:{everywhere.port}", **settings)) as client:
            carry(carrier, client)
    assert len(everywhere.calls) == len(hosts)


def test_without_credentials_plain_http_goes_anywhere(everywhere) -> None:
    with ApiClient(Configuration(f"http://{OPEN[0]}:{everywhere.port}")) as client:
        client.call_api("/v1/x", "GET", header_params={"X-Mine": "yes"})
    assert len(everywhere.calls) == 1


def test_it_is_judged_at_each_call(everywhere) -> None:
    with ApiClient(Configuration(f"http://localhost:{everywhere.port}", access_token="t")) as client:
        client.call_api("/v1/x", "GET")
        client.configuration.host = f"http://{OPEN[0]}:{everywhere.port}"
        with pytest.raises(ValueError, match="allow_insecure_http"):
            client.call_api("/v1/x", "GET", async_req=True)
        client.configuration.allow_insecure_http = True
        client.call_api("/v1/x", "GET")
    assert len(everywhere.calls) == 2
