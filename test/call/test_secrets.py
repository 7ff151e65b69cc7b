"""No secret is shown in text, logs, errors, copies of errors, models or reports, whatever a server echoes."""

from __future__ import annotations

import json
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
import urllib3
from support import FakeClock, canary, respond, respond_json
from support.canary import Collector
from support.scripted import ScriptedServer
from support.tokens import CLIENT_ID, TokenServer, token

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi
from zuora_client._call.redaction import WITHHELD

KEYS = {"apiAccessKeyId": canary.KEY_ID, "apiSecretAccessKey": canary.KEY_SECRET}
OAUTH: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": canary.CLIENT_SECRET}
EVERYTHING: dict[str, Any] = {**OAUTH, "api_key": KEYS, "username": "me", "password": canary.PASSWORD}
CONFIGURED = [canary.CLIENT_SECRET, canary.PASSWORD, canary.BASIC, canary.COOKIE, canary.COOKIE_VALUE]
CONFIGURED += [canary.KEY_SECRET]

# Kinds of credentials: the settings, and the further secrets that a server may echo.
CREDENTIALS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "client credentials": (EVERYTHING, [canary.TOKEN]),
    "token": ({**EVERYTHING, "access_token": canary.FIXED_TOKEN}, [canary.FIXED_TOKEN]),
    "token in bytes": ({**EVERYTHING, "access_token": canary.FIXED_TOKEN.encode()}, [canary.FIXED_TOKEN]),
    "callable": ({**EVERYTHING, "access_token": lambda: canary.FIXED_TOKEN}, [canary.FIXED_TOKEN]),
    "access keys": ({"api_key": KEYS}, []),
    "own header": (EVERYTHING, [canary.OWN_AUTHORIZATION]),
    "basic": ({**EVERYTHING, "access_token": canary.FIXED_TOKEN}, [canary.FIXED_TOKEN]),
}


# `ApiClient.request` sends no configured credentials, and the client does not remember the token of a callable or a
# token that was invalidated.
WITHOUT_REQUEST = ("callable", "client credentials")


def known_to_server(kind: str) -> list[str]:
    if kind == "access keys":
        return [canary.COOKIE_VALUE, canary.KEY_SECRET]
    return CONFIGURED + CREDENTIALS[kind][1]


def collect_objects(api: EntityConnectionsApi, collector: Collector) -> None:
    """Collect the text of all public objects."""
    client = api.api_client
    for value in (client.configuration, client, api, client.rest_client, client.last_response):
        collector.add_object(value)
    collector.add("report", client.configuration.to_debug_report(), client.configuration.credentials)


def calls(api: EntityConnectionsApi, kind: str) -> Any:
    """Yield calls of every kind: reads, writes, streams, threads, pages, and paths without a method of their own."""
    client = api.api_client
    if kind == "own header":
        client.set_default_header("Authorization", canary.OWN_AUTHORIZATION)
    basic = ["basic"] if kind == "basic" else []
    yield api.get_entity_connections
    yield lambda: list(api.iter_entity_connections())
    yield lambda: api.post_entity_connections(request={"targetEntityId": "8a80825556ff28a4015708ba29312ecc"})
    yield lambda: api.put_entity_connections_disconnect("1", zuora_track_id="mine")
    yield lambda: client.call_api("/v1/things", "GET", response_type="object", auth_settings=basic)
    yield lambda: client.call_api("/v1/things", "DELETE", auth_settings=basic)
    yield lambda: api.get_entity_connections(async_req=True).get(60)
    yield lambda: api.get_entity_connections(_preload_content=False).close()
    if kind not in WITHOUT_REQUEST:
        authorization = canary.OWN_AUTHORIZATION if kind == "own header" else canary.BASIC
        own = {"Authorization": authorization, "Cookie": canary.COOKIE}
        yield lambda: client.request("GET", client.configuration.host + "/v1/things", headers=own)


def collect_result(call: Any, collector: Collector, *, everything: bool) -> bool:
    """Collect the result or error of a call; return whether it succeeded."""
    try:
        result = call()
    except ApiException as error:
        collector.add_error(error)
        return False
    if everything or hasattr(result, "to_dict"):
        collector.add_object(result)
    return True


def run(url: str, kind: str, collector: Collector, *, everything: bool = False, **settings: Any) -> tuple[int, int]:
    """Make all calls with these credentials; return the numbers of successes and failures.

    Results that are not models are collected only if `everything` is set.
    """
    configuration = Configuration(url, max_attempts=2, **{**CREDENTIALS[kind][0], **settings})
    succeeded = failed = 0
    with ApiClient(configuration, cookie=canary.COOKIE, clock=FakeClock()) as client:
        api = EntityConnectionsApi(client)
        for call in calls(api, kind):
            ok = collect_result(call, collector, everything=everything)
            succeeded, failed = succeeded + ok, failed + (not ok)
        collect_objects(api, collector)
    return succeeded, failed


# Echoes that are tried with all kinds of credentials. The others are tried with SOME_CREDENTIALS.
THOROUGH_ECHOES = ("body 400", "any header", "reason phrase", "status line")
SOME_CREDENTIALS = ("client credentials", "own header")


@pytest.mark.parametrize("echo", canary.ECHOES)
def test_response_echoes_secrets(echo: str) -> None:
    collector = Collector()
    for kind in CREDENTIALS if echo in THOROUGH_ECHOES else SOME_CREDENTIALS:
        with TokenServer(*[token(canary.TOKEN)] * 99) as server, collector.capturing():
            server.call_behaviour = canary.echoes(known_to_server(kind))[echo]
            succeeded, failed = run(server.url, kind, collector)
        assert succeeded + failed == (8 if kind in WITHOUT_REQUEST else 9)
        assert failed or "success" in echo
    assert "GET /v1/entity-connections" in collector.log
    collector.assert_no_secrets()


@pytest.mark.parametrize("echo", canary.ECHOES)
def test_token_response_echoes_secrets(echo: str) -> None:
    collector = Collector()
    echoed = [secret for secret in CONFIGURED if secret not in (canary.COOKIE, canary.COOKIE_VALUE)]
    with TokenServer(*[canary.echoes(echoed)[echo]] * 99) as server, collector.capturing():
        run(server.url, "client credentials", collector)
    assert "POST /oauth/token" in collector.log
    collector.assert_no_secrets()


def test_success_shows_no_secret() -> None:
    for kind in CREDENTIALS:
        collector = Collector()
        with TokenServer(token(canary.TOKEN)) as server, collector.capturing():
            assert run(server.url, kind, collector, everything=True) == (8 if kind in WITHOUT_REQUEST else 9, 0)
        sent = repr([request.headers for request in server.requests])
        assert canary.MARK in sent or "me:" in sent  # secrets were sent, so they could leak
        collector.assert_no_secrets()


@pytest.mark.parametrize(
    "response",
    [
        respond_json(
            {"access_token": canary.TOKEN, "success": False, "reasons": [{"code": 1, "message": canary.TOKEN}]}
        ),
        respond_json({"access_token": canary.INJECTION, "expires_in": 3600}),
        respond_json({"access_token": [canary.TOKEN]}),
        respond_json({"access_token": canary.TOKEN, "message": canary.TOKEN}, 400, {"X-Token": canary.TOKEN}),
        respond(200, b'{"access_token": "' + canary.TOKEN.encode()),
        respond(200, b'{"access_token":' + canary.TOKEN.encode()),
        respond(200, b"access_token=" + quote(canary.TOKEN, safe="").encode() + b"&token_type=bearer"),
        respond(200, b"<access_token>" + canary.TOKEN.encode() + b"</access_token>"),
        respond_json([{"access_token": canary.TOKEN}]),
    ],
    ids=["failure", "injection", "in a list", "refused", "cut", "not JSON", "form", "XML", "list"],
)
def test_unusable_token_response(response: bytes) -> None:
    """A token in a response that cannot be used is shown nowhere."""
    collector = Collector()
    with TokenServer(*[response] * 99) as server, collector.capturing():
        assert run(server.url, "client credentials", collector)[1] == 8
    collector.assert_no_secrets()


@pytest.mark.parametrize(
    "echo", ["body 400", "reason phrase", "status line", "invalid status line", "any header", "HTML page"]
)
@pytest.mark.parametrize("kind", SOME_CREDENTIALS)
def test_proxy_echoes_its_password(echo: str, kind: str) -> None:
    collector = Collector()
    behaviour = canary.echoes([*known_to_server(kind)[:-1], canary.PROXY_PASSWORD, canary.PROXY_BASIC])[echo]
    userinfo = f"me:{quote(canary.PROXY_PASSWORD, safe='')}"
    # The proxy sends this response to a request for an http URL and to a CONNECT.
    for host in ("http://127.0.0.1:1", "https://127.0.0.1:1"):
        with ScriptedServer(behaviour) as proxy, collector.capturing():
            succeeded, _ = run(host, kind, collector, proxy=proxy.url.replace("//", f"//{userinfo}@"))
            assert succeeded == 0
        assert any("proxy-authorization" in request.headers for request in proxy.requests)
    collector.assert_no_secrets()


def test_live_token_in_other_response() -> None:
    """The cached token is masked in the response to a request that did not carry it."""
    collector = Collector()
    with TokenServer(token(canary.TOKEN)) as server, ApiClient(Configuration(server.url, **OAUTH)) as client:
        client.call_api("/v1/x", "GET")
        server.call_behaviour = canary.echoes([canary.TOKEN])["body 400"]
        with pytest.raises(ApiException) as caught:
            client.request("GET", server.url + "/v1/x")
        collector.add_error(caught.value)
    collector.assert_no_secrets()


def test_failure_returned_as_model() -> None:
    """The model, the triple with its headers and `last_response` keep the codes of the reasons and hide secrets."""
    collector = Collector()
    for echo in ("body 200", "many reasons", "failure with headers"):
        with TokenServer(*[token(canary.TOKEN)] * 6) as server, collector.capturing():
            server.call_behaviour = canary.echoes(known_to_server("client credentials"))[echo]
            configuration = Configuration(server.url, raise_on_failure=False, **EVERYTHING)
            with ApiClient(configuration, cookie=canary.COOKIE) as client:
                api = EntityConnectionsApi(client)
                triples = (
                    api.get_entity_connections_with_http_info(),
                    api.put_entity_connections_accept_with_http_info("1"),
                    client.call_api("/v1/x", "GET"),
                    client.call_api("/v1/x", "GET", response_type="object"),
                )
                for result, status, headers in triples:
                    assert status == 200
                    last = client.last_response
                    collector.add("headers", headers, last.headers, last.content, last.data, last.reason)
                    collector.add("pickle", pickle.dumps(result), pickle.dumps(last))
                for result, *_ in triples[:2]:
                    assert result.success is False
                    reasons = result.additional_properties["reasons"]
                    assert [reason["code"] for reason in reasons] in ([50000020], [*range(30)])
                    assert {reason["message"] for reason in reasons} == {WITHHELD}
                    collector.add_object(result)
                    collector.add("additional properties", result.additional_properties)
                assert json.loads(client.last_response.content)["success"] is False
                with pytest.raises(ApiException) as caught:
                    list(api.iter_entity_connections())
                collector.add_error(caught.value)
    collector.assert_no_secrets()


def test_success_is_not_searched() -> None:
    """The result of a successful call is returned as received."""
    with TokenServer() as server:
        server.call_behaviour = respond_json({"echo": canary.FIXED_TOKEN})
        with ApiClient(Configuration(server.url, access_token=canary.FIXED_TOKEN)) as client:
            data = client.call_api("/v1/x", "GET", response_type="object", _return_http_data_only=True)
            assert data == {"echo": canary.FIXED_TOKEN}
            assert canary.FIXED_TOKEN in client.last_response.data


def test_secrets_in_memory() -> None:
    """Settings are read back as they were set, and the client keeps the token that it fetched."""
    with TokenServer(token(canary.TOKEN)) as server:
        configuration = Configuration(server.url, **EVERYTHING)
        with ApiClient(configuration, "Authorization", canary.OWN_AUTHORIZATION, canary.COOKIE) as client:
            assert configuration.client_secret == canary.CLIENT_SECRET
            assert configuration.password == canary.PASSWORD
            assert configuration.api_key["apiSecretAccessKey"] == canary.KEY_SECRET
            assert client.default_headers["Authorization"] == canary.OWN_AUTHORIZATION
            assert client.cookie == canary.COOKIE
        with ApiClient(configuration) as client:
            for _ in range(2):
                client.call_api("/v1/x", "GET")
    assert len(server.token_requests) == 1
    assert [call.headers["authorization"] for call in server.calls] == [f"Bearer {canary.TOKEN}"] * 2
    shown = f"{vars(configuration)} {vars(client)}"
    assert not [secret for secret in (canary.CLIENT_SECRET, canary.PASSWORD, canary.KEY_SECRET) if secret in shown]
    assert "Secret('***')" in shown


def test_traceback_ends_at_the_client() -> None:
    """An error has no frames below the client, nor has its cause, unless `debug` is on."""
    configuration = Configuration("http://127.0.0.1:9", access_token=canary.TOKEN, max_attempts=1)
    with ApiClient(configuration) as client:
        with pytest.raises(ApiException) as short:
            client.call_api("/v1/x", "GET")
        configuration.debug = True
        try:
            with pytest.raises(ApiException) as complete:
                client.call_api("/v1/x", "GET")
        finally:
            configuration.debug = False
    assert [entry.name for entry in short.traceback] == ["test_traceback_ends_at_the_client", "wrapper"]
    assert short.value.__cause__ is not None
    assert short.value.__cause__.__traceback__ is None
    assert len(complete.traceback) > 5


def test_interruption_shows_no_variables() -> None:
    """What a callable of the caller raises passes through frames without variables; the callable's own are kept."""

    class Stop(BaseException):
        pass

    def interrupted() -> str:
        own = "kept"
        raise Stop(own)

    client = ApiClient(Configuration("http://127.0.0.1:9", access_token=interrupted))
    with client, pytest.raises(Stop) as caught:
        client.call_api("/v1/x", "GET")
    frames = {entry.name: entry.locals for entry in caught.traceback}
    assert frames["interrupted"]["own"] == "kept"
    below = [name for name in frames if name not in ("test_interruption_shows_no_variables", "interrupted", "wrapper")]
    assert len(below) > 3
    assert not any(frames[name] for name in below)


def test_replacement_gets_plain_text() -> None:
    """A function of the caller in the place of urllib3's gets the credentials as text."""
    response = urllib3.HTTPResponse(b'{"success": true}', {"Content-Type": "application/json"}, 200)
    with (
        mock.patch.object(urllib3.PoolManager, "request", return_value=response) as request,
        ApiClient(Configuration("http://127.0.0.1:9", access_token=canary.TOKEN)) as client,
    ):
        client.call_api("/v1/x", "GET")
    assert request.call_args.kwargs["headers"]["Authorization"] == f"Bearer {canary.TOKEN}"
    assert type(request.call_args.kwargs["headers"]["Authorization"]) is str


def test_ordinary_words_are_kept() -> None:
    """Names of schemes and headers, and short words, are not masked."""
    message = "Bearer realm=Zuora API, Basic realm=Zuora API, me, dark"
    with TokenServer() as server:
        server.call_behaviour = respond_json({"message": message}, 401, {"WWW-Authenticate": message})
        configuration = Configuration(server.url, access_token="abc", username="me", password="secret", **OAUTH)
        with ApiClient(configuration, cookie="theme=dark; a=b") as client, pytest.raises(ApiException) as caught:
            client.call_api("/v1/x", "GET")
    assert message in str(caught.value)
    assert (caught.value.headers or {})["WWW-Authenticate"] == message


def test_repeated_header_is_withheld() -> None:
    """The values of a repeated header are one field; other headers are kept."""
    lines = ("HTTP/1.1 400 No", f"X-A: one {canary.FIXED_TOKEN}", "X-A: two", "X-B: kept", "Content-Length: 0", "", "")
    response = "\r\n".join(lines).encode()
    with ScriptedServer(response) as server:
        client = ApiClient(Configuration(server.url, access_token=canary.FIXED_TOKEN))
        with client, pytest.raises(ApiException) as caught:
            client.call_api("/v1/x", "GET")
    assert dict(caught.value.headers or {}) == {"X-A": WITHHELD, "X-B": "kept", "Content-Length": "0"}


# -- invalid secrets --------------------------------------------------------------------------------------------------

INVALID = {
    "line break": canary.INJECTION,
    "end of line": canary.secret("el") + "\n",
    "not ASCII": canary.secret("na", "\u00e4\u20ac"),
    "lone surrogate": canary.secret("hp", "\ud800"),
    "not UTF-8": canary.secret("nu").encode() + b"\xff",
    "control character": canary.secret("ct", "\x00"),
}


def client_with(place: str, value: Any, url: str) -> ApiClient:
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


def wait_for(result: Any, place: str) -> None:
    """Wait for an asynchronous call. Only the value of a callable may fail this late."""
    assert place == "callable"
    result.get(60)


@pytest.mark.parametrize("kind", INVALID)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("async_req", [False, True])
def test_invalid_secret_is_not_shown(place: str, kind: str, async_req: Any) -> None:
    """A secret that cannot be sent raises an error that names the setting and hides the value."""
    collector = Collector()
    value = INVALID[kind]
    with TokenServer() as server, collector.capturing(), client_with(place, value, server.url) as client:
        api = EntityConnectionsApi(client)
        if kind == "not ASCII" and place in ("client_id", "client_secret"):
            # A form can hold it.
            assert api.get_entity_connections().success is True
        else:
            with pytest.raises((TypeError, ValueError)) as caught:
                wait_for(api.put_entity_connections_accept("1", async_req=async_req), place)
            assert not isinstance(caught.value, UnicodeError)
            collector.add_error(caught.value)
            assert server.requests == []
        collect_objects(api, collector)
    collector.assert_no_secrets()


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
def test_refused_setting_is_not_shown(settings: dict[str, Any]) -> None:
    collector = Collector()
    with collector.capturing(), pytest.raises((TypeError, ValueError)) as caught:
        ApiClient(Configuration(**settings))
    collector.add_error(caught.value)
    collector.assert_no_secrets()


def test_callable_raises_with_secret() -> None:
    def broken() -> str:
        raise LookupError(f"no such path: {canary.CLIENT_SECRET}")

    collector = Collector()
    configuration = Configuration(access_token=broken, client_secret=canary.CLIENT_SECRET)
    with ApiClient(configuration) as client, collector.capturing(), pytest.raises(ApiException) as caught:
        client.call_api("/v1/x", "GET")
    collector.add_error(caught.value)
    collector.assert_no_secrets()


def test_debug_log_shows_no_secret(tmp_path: Path) -> None:
    collector = Collector()
    path = tmp_path / "log"
    with TokenServer(token(canary.TOKEN)) as server, collector.capturing():
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
    collector.assert_no_secrets()


# -- plain http -------------------------------------------------------------------------------------------------------

REMOTE = [
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
    "token": {"access_token": canary.FIXED_TOKEN},
    "callable": {"access_token": lambda: canary.FIXED_TOKEN},
    "access keys": {"api_key": KEYS},
    "cookie": {},
    "default header": {},
    "own header": {},
    "auth_settings": {"username": "me", "password": canary.PASSWORD},
    "request": {},
}


@pytest.fixture
def any_host_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    """A server that all host names resolve to."""
    getaddrinfo = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *args, **kwargs: getaddrinfo("127.0.0.1", *args, **kwargs))
    with TokenServer() as server:
        yield server


def call_with(carrier: str, client: ApiClient) -> Any:
    path = "/v1/x"
    options: dict[str, Any] = {}
    if carrier == "cookie":
        client.cookie = canary.COOKIE
    elif carrier == "default header":
        client.set_default_header("authorization", canary.OWN_AUTHORIZATION)
    elif carrier == "own header":
        options = {"header_params": {"apiSecretAccessKey": canary.KEY_SECRET}}
    elif carrier == "auth_settings":
        options = {"auth_settings": ["basic"]}
    elif carrier == "request":
        return client.request("GET", client.configuration.host + path, headers={"Cookie": canary.COOKIE})
    return client.call_api(path, "GET", **options)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_credentials_over_plain_http(any_host_server: TokenServer, carrier: str) -> None:
    """Credentials over plain HTTP to a remote host are refused before a connection is made."""
    for host in REMOTE:
        configuration = Configuration(f"http://{host}:{any_host_server.port}", **CARRIERS[carrier])
        with ApiClient(configuration) as client:
            with pytest.raises(ValueError, match="allow_insecure_http") as caught:
                call_with(carrier, client)
            assert host in str(caught.value)
    assert any_host_server.connections == 0


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("hosts", [LOOPBACK, REMOTE[:4]], ids=["loopback", "allowed"])
def test_plain_http_when_allowed(any_host_server: TokenServer, carrier: str, hosts: list[str]) -> None:
    """Plain HTTP with credentials is allowed on loopback, and with allow_insecure_http."""
    for host in hosts:
        settings = {**CARRIERS[carrier], "allow_insecure_http": hosts is not LOOPBACK}
        with ApiClient(Configuration(f"http://{host}:{any_host_server.port}", **settings)) as client:
            call_with(carrier, client)
    assert len(any_host_server.calls) == len(hosts)


def test_plain_http_without_credentials(any_host_server: TokenServer) -> None:
    with ApiClient(Configuration(f"http://{REMOTE[0]}:{any_host_server.port}")) as client:
        client.call_api("/v1/x", "GET", header_params={"X-Mine": "yes"})
    assert len(any_host_server.calls) == 1


def test_plain_http_is_checked_per_call(any_host_server: TokenServer) -> None:
    with ApiClient(Configuration(f"http://localhost:{any_host_server.port}", access_token="t")) as client:
        client.call_api("/v1/x", "GET")
        client.configuration.host = f"http://{REMOTE[0]}:{any_host_server.port}"
        with pytest.raises(ValueError, match="allow_insecure_http"):
            client.call_api("/v1/x", "GET", async_req=True)
        client.configuration.allow_insecure_http = True
        client.call_api("/v1/x", "GET")
    assert len(any_host_server.calls) == 2
