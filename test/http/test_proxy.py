"""Proxies: CONNECT for https, whole URLs for http, passwords, and an environment that counts only when it is asked."""

from __future__ import annotations

import base64
import importlib.util
import os
import socket
import subprocess
import sys
from typing import Any

import pytest
from support import FakeClock, pages
from support.authority import Authority
from support.proxy import Proxy
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer, until

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator
from zuora_client.exceptions import ApiConnectionError, RequestRejectedError, TlsError

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")
NAME = "rest.billing.test"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No proxy variables of the machine, and every name that ends in .test is this machine."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        ours = host.endswith(".test") or host == "::1"
        return look_up("127.0.0.1" if ours else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return monkeypatch


@pytest.fixture
def proxy():
    with Proxy() as proxy:
        yield proxy


@pytest.fixture
def server():
    with TokenServer() as server:
        yield server


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(authority):
    """A server over TLS, which proxies reach by CONNECT."""
    with TokenServer(ssl_context=authority.server("localhost", NAME)) as server:
        yield server


@pytest.fixture
def connect(request, authority):
    """Makes an api, by default with client credentials and trust in the test's authority."""

    def make(host: str, **settings: Any) -> EntityConnectionsApi:
        settings = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "ssl_ca_cert": authority.file, **settings}
        client = ApiClient(Configuration(host, **settings), clock=FakeClock())
        request.addfinalizer(client.close)
        return EntityConnectionsApi(client)

    return make


# -- https: a tunnel ------------------------------------------------------------------------------------------------


def test_https_goes_through_one_tunnel(proxy, secure, connect) -> None:
    api = connect(secure.url, proxy=proxy.url, entity_id="8a80825555a3c7a10155b460f53858e6")
    for _ in range(3):
        api.get_entity_connections()
    assert secure.used == ["Bearer token-1"] * 3
    assert proxy.lines == [f"CONNECT localhost:{secure.port} HTTP/1.{'1' if sys.version_info >= (3, 12) else '0'}"]
    assert not set(proxy.requests[0].headers) - {"host", "user-agent"}


def test_the_proxy_of_a_tunnel_sees_no_secret(proxy, secure, connect) -> None:
    connect(secure.url, proxy=proxy.url).get_entity_connections()
    seen = proxy.seen + repr([request.headers for request in proxy.requests]).encode()
    assert len(proxy.seen) > 500
    for secret in (b"token-1", b"Jrk1uVbW0xQwS3Z", b"entity-connections"):
        assert secret not in seen


def test_the_certificate_is_the_hosts(proxy, authority, connect) -> None:
    with TokenServer(ssl_context=authority.server("elsewhere.example.com")) as server:
        api = connect(server.url, proxy=proxy.url)
        with pytest.raises(TlsError) as caught:
            api.put_entity_connections_accept("1")
        assert caught.value.outcome == "not_sent"
        assert len(proxy.requests) == len(caught.value.attempts) == 1


@pytest.mark.parametrize("url", ["http://{}", "{}", "http://{}/", "HTTP://{}"])
def test_spellings_of_a_proxy(proxy, secure, connect, url: str) -> None:
    connect(secure.url, proxy=url.format(proxy.address)).get_entity_connections()
    assert len(proxy.requests) == 1


# -- a password -----------------------------------------------------------------------------------------------------

PASSWORD = "m\u00e9:p@ss/w%rd+1"
QUOTED = "m%C3%A9:p%40ss%2Fw%25rd+1"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_password_is_sent_to_the_proxy_alone(server, secure, connect, scheme: str) -> None:
    target = secure if scheme == "https" else server
    with Proxy(password=PASSWORD) as proxy:
        api = connect(target.url, proxy=f"http://{QUOTED}@{proxy.address}")
        api.get_entity_connections()
    expected = "Basic " + base64.b64encode(PASSWORD.encode()).decode()
    assert {request.headers["proxy-authorization"] for request in proxy.requests} == {expected}
    assert len(target.requests) == 2
    assert not any("proxy-authorization" in request.headers for request in target.requests)


def test_a_user_without_a_password(secure, connect) -> None:
    with Proxy(password="me:") as proxy:
        connect(secure.url, proxy=f"http://me@{proxy.address}").get_entity_connections()
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("given", ["", "me:wrong22@"])
def test_a_tunnel_without_the_password_is_never_sent(secure, connect, given: str) -> None:
    with Proxy(password=PASSWORD) as proxy:
        api = connect(secure.url, proxy=f"http://{given}{proxy.address}")
        with pytest.raises(ApiConnectionError, match="407") as caught:
            api.put_entity_connections_accept("1")
    assert caught.value.outcome == "not_sent"
    assert "wrong22" not in str(caught.value)
    assert secure.connections == 0


def test_a_plain_request_without_the_password_is_a_refusal(server, connect) -> None:
    with Proxy(password=PASSWORD) as proxy:
        api = connect(server.url, proxy=proxy.url, client_id=None, client_secret=None)
        with pytest.raises(RequestRejectedError) as caught:
            api.put_entity_connections_accept("1")
    assert (caught.value.status, caught.value.outcome) == (407, "answered")
    assert server.connections == 0


# -- http: whole URLs -----------------------------------------------------------------------------------------------


def test_http_goes_as_whole_urls(proxy, server, connect) -> None:
    api = connect(server.url + "/gateway", proxy=proxy.url)
    api.get_entity_connections(page_size=5)
    assert proxy.lines == [
        f"POST {server.url}/gateway/oauth/token HTTP/1.1",
        f"GET {server.url}/gateway/v1/entity-connections?pageSize=5 HTTP/1.1",
    ]
    assert [request.target for request in server.requests] == [
        "/gateway/oauth/token",
        "/gateway/v1/entity-connections?pageSize=5",
    ]
    assert {request.headers["host"] for request in server.requests} == {f"127.0.0.1:{server.port}"}


# -- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [b"403 Forbidden", b"502 Bad Gateway", b"503 Service Unavailable"])
def test_a_proxy_that_refuses_a_tunnel(secure, connect, refusal: bytes) -> None:
    with Proxy(refuse=refusal) as proxy:
        api = connect(secure.url, proxy=proxy.url, access_token="t")
        with pytest.raises(ApiConnectionError, match=refusal.decode()) as caught:
            api.put_entity_connections_disconnect("1")
    # Nothing of it has left, so it is tried as often as it may be.
    assert caught.value.outcome == "not_sent"
    assert len(caught.value.attempts) == len(proxy.requests) == 3


def test_a_proxy_that_is_not_there(secure, connect) -> None:
    with Proxy() as proxy:
        pass
    api = connect(secure.url, proxy=proxy.url, access_token="t")
    with pytest.raises(ApiConnectionError) as caught:
        api.put_entity_connections_disconnect("1")
    assert caught.value.outcome == "not_sent"
    assert proxy.url in str(caught.value)
    assert secure.connections == 0


def test_a_tunnel_to_nowhere(proxy, secure, connect) -> None:
    with TokenServer() as gone:
        pass
    api = connect(f"https://localhost:{gone.port}", proxy=proxy.url, access_token="t")
    with pytest.raises(ApiConnectionError) as caught:
        api.put_entity_connections_disconnect("1")
    assert caught.value.outcome == "not_sent"


@pytest.mark.parametrize(
    "wrong",
    ["socks5://127.0.0.1:1080", "http://", "http://:3128", "http://h:port", "http://[::1", "http://u:hunter22@h:x"],
)
def test_what_is_no_http_proxy_is_refused_when_the_client_is_made(wrong: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        ApiClient(Configuration(proxy=wrong))
    assert "hunter22" not in repr(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None


def test_an_empty_proxy_is_none(server, connect) -> None:
    connect(server.url, proxy="").get_entity_connections()
    assert len(server.requests) == 2


def test_the_proxy_is_settled_when_the_client_is_made(proxy, server, connect) -> None:
    api = connect(server.url)
    api.api_client.configuration.proxy = proxy.url
    api.get_entity_connections()
    assert proxy.requests == []


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:12/34secret@127.0.0.1:3128",
        "http://me:12#34secret@127.0.0.1:3128",
        "http://me:12?34secret@127.0.0.1:3128",
        "http://me:Co@34secret/x@127.0.0.1:3128",
        "http://127.0.0.1:3128/path",
        "socks5://me:34secret@127.0.0.1",
    ],
)
def test_a_proxy_url_that_would_name_another_host_is_refused_and_not_shown(proxy: str, environment) -> None:
    with pytest.raises(ValueError, match=r"^proxy must be an http or https URL .* percent-encoded") as caught:
        ApiClient(Configuration(proxy=proxy))
    assert "34secret" not in str(caught.value)
    environment.setenv("HTTPS_PROXY", proxy)
    client = ApiClient(Configuration("https://zuora.invalid", trust_env=True))
    with client, pytest.raises(ValueError, match=r"^HTTPS_PROXY must be") as caught:
        client.call_api("/v1/any", "GET")
    assert "34secret" not in str(caught.value)


# -- a proxy that speaks TLS itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_over_tls_is_trusted_like_a_host(server, secure, authority, connect, scheme: str) -> None:
    target = secure if scheme == "https" else server
    with Proxy(ssl_context=authority.server("127.0.0.1"), password="me:mine-22") as proxy:
        api = connect(target.url, proxy=f"https://me:mine-22@{proxy.address}")
        assert api.get_entity_connections().success is True
        assert proxy.requests


def test_a_proxy_over_tls_that_nobody_knows(secure, tmp_path, connect) -> None:
    stranger = Authority(tmp_path)
    with Proxy(ssl_context=stranger.server("127.0.0.1")) as proxy:
        api = connect(secure.url, proxy=proxy.url, access_token="t")
        with pytest.raises(TlsError) as caught:
            api.put_entity_connections_accept("1")
        assert caught.value.outcome == "not_sent"
        assert proxy.requests == []


# -- credentials in the open ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
def test_through_a_proxy_elsewhere_even_this_machine_is_reached_in_the_open(connect, host: str) -> None:
    api = connect(host, proxy="http://proxy.billing.test:3128")
    with pytest.raises(ValueError, match="allow_insecure_http"):
        api.get_entity_connections()


def test_not_so_through_a_proxy_that_is_spoken_to_over_tls_and_reads_it_all_the_same(connect, authority) -> None:
    with TokenServer() as server, Proxy(ssl_context=authority.server("proxy.billing.test")) as proxy:
        with pytest.raises(ValueError, match="plain http"):
            connect(server.url, proxy=f"https://proxy.billing.test:{proxy.port}").get_entity_connections()
        assert server.requests == []


def test_a_proxy_may_read_credentials_when_that_is_allowed(connect) -> None:
    with TokenServer() as server, Proxy() as proxy:
        url = f"http://proxy.billing.test:{proxy.port}"
        connect(server.url, proxy=url, allow_insecure_http=True).get_entity_connections()
        assert len(server.requests) == 2


# -- the environment ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str.upper, str.lower])
def test_the_environment_is_ignored_unless_it_is_asked(proxy, server, secure, connect, environment, spell) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environment.setenv(spell(name), "http://127.0.0.1:1")
    for target in (server, secure):
        assert connect(target.url).get_entity_connections().success is True


@pytest.mark.parametrize("spell", [str.upper, str.lower])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_trust_env_reads_the_variable_of_the_scheme(
    proxy, server, secure, connect, environment, spell, scheme: str
) -> None:
    environment.setenv(spell(f"{scheme}_proxy"), proxy.address)
    for kind, target in {"http": server, "https": secure}.items():
        before = len(proxy.requests)
        connect(target.url, trust_env=True, access_token="t").get_entity_connections()
        assert len(proxy.requests) - before == (kind == scheme)
        assert len(target.calls) == 1


@pytest.mark.parametrize("no_proxy", ["", "*"])
def test_a_proxy_of_ones_own_wins_over_the_environment(proxy, secure, connect, environment, no_proxy: str) -> None:
    environment.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    environment.setenv("NO_PROXY", no_proxy)
    connect(secure.url, trust_env=True, proxy=proxy.url).get_entity_connections()
    assert len(proxy.requests) == 1


def test_all_proxy_is_not_read(secure, connect, environment) -> None:
    environment.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert connect(secure.url, trust_env=True).get_entity_connections().success is True


def test_a_cgi_request_cannot_name_a_proxy(server, connect, environment) -> None:
    """In CGI a request header called Proxy arrives as HTTP_PROXY."""
    environment.setenv("REQUEST_METHOD", "GET")
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert connect(server.url, trust_env=True).get_entity_connections().success is True


def test_a_proxy_of_the_environment_that_is_none_is_refused_at_the_call(secure, connect, environment) -> None:
    environment.setenv("HTTPS_PROXY", "socks5://me:hunter22@127.0.0.1:1")
    with pytest.raises(ValueError, match="proxy") as caught:
        connect(secure.url, trust_env=True).get_entity_connections()
    assert "hunter22" not in str(caught.value)


NO_PROXY = [
    # what NO_PROXY says, the host of the base URL, whether it is reached directly
    ("", NAME, False),
    (NAME, NAME, True),
    (NAME.upper(), NAME, True),
    (NAME, NAME.upper(), True),
    (f"other.test, {NAME} ,more.test", NAME, True),
    ("billing.test", NAME, True),
    (".billing.test", NAME, True),
    ("illing.test", NAME, False),
    (f"x{NAME}", NAME, False),
    (f"sub.{NAME}", NAME, False),
    ("*.billing.test", NAME, False),
    ("*", NAME, True),
    (f"{NAME}:{{port}}", NAME, True),
    ("billing.test:{port}", NAME, True),
    (f"{NAME}:9", NAME, False),
    ("localhost", "localhost", True),
    ("localhost", "127.0.0.1", False),
    ("127.0.0.1", "127.0.0.1", True),
    ("127.0.0.1:{port}", "127.0.0.1", True),
    ("127.0.0.0/8", "127.0.0.1", False),
    ("127.0.0", "127.0.0.1", False),
    ("[::1]", "[::1]", True),
    ("[::1]:{port}", "[::1]", True),
    ("::1", "[::1]", True),
    ("::2", "[::1]", False),
]


ON_THE_PAGE = [
    (row[0].strip("`"), row[1].strip("`"), row[2].startswith("directly"))
    for table in pages.tables(pages.read(pages.ROOT / "docs" / "authentication.md"))
    if table[0][0] == "`NO_PROXY`"
    for row in table[1:]
]


def test_the_page_has_its_table() -> None:
    assert len(ON_THE_PAGE) == 12


@pytest.mark.parametrize(("no_proxy", "host", "direct"), [*NO_PROXY, *ON_THE_PAGE])
def test_no_proxy(proxy, server, connect, environment, no_proxy: str, host: str, direct: bool) -> None:
    environment.setenv("HTTP_PROXY", proxy.url)
    environment.setenv("NO_PROXY", no_proxy.format(port=server.port))
    url = f"http://{host}:{server.port}"
    api = connect(url, trust_env=True, access_token="t", allow_insecure_http=True)
    assert api.get_entity_connections().success is True
    assert len(proxy.requests) == (0 if direct else 1)
    assert len(server.requests) == 1


def test_the_host_decides_not_the_client(proxy, server, secure, connect, environment) -> None:
    environment.setenv("HTTP_PROXY", proxy.url)
    environment.setenv("HTTPS_PROXY", proxy.url)
    environment.setenv("NO_PROXY", "127.0.0.1")
    api = connect(server.url, trust_env=True, access_token="t")
    api.get_entity_connections()
    assert proxy.requests == []
    api.api_client.configuration.host = secure.url
    api.get_entity_connections()
    assert len(proxy.requests) == 1


# -- somebody else's proxy ------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("proxy") is None, reason="proxy.py is not installed")
def test_a_proxy_in_a_process_of_its_own(authority, tmp_path) -> None:
    """proxy.py, a program that others use, with a password; the emulator behind it over TLS."""
    port_file = tmp_path / "port"
    arguments = ["--hostname", "127.0.0.1", "--port", "0", "--port-file", str(port_file), "--basic-auth", "me:mine-22"]
    arguments += ["--num-workers", "1", "--num-acceptors", "1", "--log-level", "ERROR", "--data-dir", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.Popen([sys.executable, "-m", "proxy", *arguments], env=environment, cwd=tmp_path)
    try:
        until(lambda: process.poll() is not None or (port_file.exists() and port_file.read_text().strip()))
        assert process.poll() is None, "proxy.py did not start"
        address = f"127.0.0.1:{port_file.read_text().strip()}"
        with ZuoraEmulator(ssl_context=authority.server("127.0.0.1")) as zuora:
            settings = {"client_id": zuora.client_id, "client_secret": zuora.client_secret}
            settings.update(entity_id=zuora.entities[0].id, ssl_ca_cert=authority.file)
            for userinfo, good in (("me:mine-22@", True), ("me:wrong22@", False), ("", False)):
                configuration = Configuration(zuora.url, proxy=f"http://{userinfo}{address}", **settings)
                with ApiClient(configuration, clock=FakeClock()) as client:
                    api = EntityConnectionsApi(client)
                    if good:
                        assert api.get_entity_connections().success is True
                        continue
                    with pytest.raises(ApiConnectionError, match="407") as caught:
                        api.get_entity_connections()
                    assert caught.value.outcome == "not_sent"
            assert len(zuora.requests) == 2
    finally:
        process.terminate()
        process.wait(30)
