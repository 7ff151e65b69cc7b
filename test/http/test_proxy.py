"""Proxies: tunnels for https, absolute URLs for http, passwords, and the environment variables with trust_env."""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import FakeClock, pages
from support.authority import Authority
from support.proxy import Proxy
from support.threads import wait_until
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer
from support.wire import api_at

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator
from zuora_client.exceptions import ApiConnectionError, TlsError

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")
NAME = "rest.billing.test"

Connect = Callable[..., contextlib.AbstractContextManager[EntityConnectionsApi]]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Remove the proxy variables of the machine, and resolve every name in .test to loopback."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        is_local = host.endswith(".test") or host == "::1"
        return original("127.0.0.1" if is_local else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return monkeypatch


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        yield server


@pytest.fixture
def secure(authority: Authority) -> Iterator[TokenServer]:
    """A server over TLS, reached through CONNECT tunnels."""
    with TokenServer(ssl_context=authority.server("localhost", NAME)) as server:
        yield server


@pytest.fixture
def connect(authority: Authority) -> Connect:
    """`api_at` with client credentials and the authority of the tests."""
    return functools.partial(api_at, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, ssl_ca_cert=authority.file)


# -- https: tunnels -------------------------------------------------------------------------------------------------


def test_https_uses_one_tunnel(proxy: Proxy, secure: TokenServer, connect: Connect) -> None:
    with connect(secure.url, proxy=proxy.url, entity_id="8a80825555a3c7a10155b460f53858e6") as api:
        for _ in range(3):
            api.get_entity_connections()
        assert secure.used == ["Bearer token-1"] * 3
        assert proxy.lines == [f"CONNECT localhost:{secure.port} HTTP/1.{'1' if sys.version_info >= (3, 12) else '0'}"]
        assert not set(proxy.requests[0].headers) - {"host", "user-agent"}


def test_tunnel_hides_secrets_from_proxy(proxy: Proxy, secure: TokenServer, connect: Connect) -> None:
    with connect(secure.url, proxy=proxy.url) as api:
        api.get_entity_connections()
    seen = proxy.seen + repr([request.headers for request in proxy.requests]).encode()
    assert len(proxy.seen) > 500
    for secret in (b"token-1", b"Jrk1uVbW0xQwS3Z", b"entity-connections"):
        assert secret not in seen


def test_tunnel_verifies_certificate_of_host(proxy: Proxy, authority: Authority, connect: Connect) -> None:
    with (
        TokenServer(ssl_context=authority.server("elsewhere.example.com")) as server,
        connect(server.url, proxy=proxy.url) as api,
    ):
        with pytest.raises(TlsError) as caught:
            api.put_entity_connections_accept("1")
        assert caught.value.outcome == "not_sent"
        assert len(proxy.requests) == len(caught.value.attempts) == 1


@pytest.mark.parametrize("url", ["http://{}", "{}", "http://{}/", "HTTP://{}"])
def test_accepted_proxy_urls(proxy: Proxy, secure: TokenServer, connect: Connect, url: str) -> None:
    with connect(secure.url, proxy=url.format(proxy.address)) as api:
        api.get_entity_connections()
    assert len(proxy.requests) == 1


# -- passwords ------------------------------------------------------------------------------------------------------

PASSWORD = "m\u00e9:p@ss/w%rd+1"
QUOTED = "m%C3%A9:p%40ss%2Fw%25rd+1"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_password_goes_to_proxy_only(
    server: TokenServer, secure: TokenServer, connect: Connect, scheme: str
) -> None:
    target = secure if scheme == "https" else server
    with Proxy(password=PASSWORD) as proxy, connect(target.url, proxy=f"http://{QUOTED}@{proxy.address}") as api:
        api.get_entity_connections()
    expected = "Basic " + base64.b64encode(PASSWORD.encode()).decode()
    assert {request.headers["proxy-authorization"] for request in proxy.requests} == {expected}
    assert len(target.requests) == 2
    assert not any("proxy-authorization" in request.headers for request in target.requests)


def test_proxy_user_without_password(secure: TokenServer, connect: Connect) -> None:
    with Proxy(password="me:") as proxy:
        with connect(secure.url, proxy=f"http://me@{proxy.address}") as api:
            api.get_entity_connections()
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("given", ["", "me:wrong22@"])
def test_tunnel_without_password_is_refused(secure: TokenServer, connect: Connect, given: str) -> None:
    """After a 407 to CONNECT the request was not sent, and the error does not contain the password."""
    with (
        Proxy(password=PASSWORD) as proxy,
        connect(secure.url, proxy=f"http://{given}{proxy.address}") as api,
        pytest.raises(ApiConnectionError, match="407") as caught,
    ):
        api.put_entity_connections_accept("1")
    assert caught.value.outcome == "not_sent"
    assert "wrong22" not in str(caught.value)
    assert secure.connections == 0


def test_forwarded_request_without_password(server: TokenServer, connect: Connect) -> None:
    """After a 407 to a forwarded request nothing was sent to Zuora; the request is not retried."""
    with (
        Proxy(password=PASSWORD) as proxy,
        connect(server.url, proxy=proxy.url, client_id=None, client_secret=None) as api,
    ):
        with pytest.raises(ApiConnectionError) as caught:
            api.put_entity_connections_accept("1")
        assert len(proxy.lines) == 1
    assert (caught.value.status, caught.value.outcome) == (407, "not_sent")
    assert "user and a password" in caught.value.advice
    assert server.connections == 0


# -- http: absolute URLs --------------------------------------------------------------------------------------------


def test_http_uses_absolute_urls(proxy: Proxy, server: TokenServer, connect: Connect) -> None:
    with connect(server.url + "/gateway", proxy=proxy.url) as api:
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


# -- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503])
def test_refused_tunnel(secure: TokenServer, connect: Connect, status: int) -> None:
    with (
        Proxy(refuse=status) as proxy,
        connect(secure.url, proxy=proxy.url, access_token="t") as api,
        pytest.raises(ApiConnectionError, match=f"{status} Refused") as caught,
    ):
        api.put_entity_connections_disconnect("1")
    # The request was not sent, so it is retried even though it is a write.
    assert caught.value.outcome == "not_sent"
    assert len(caught.value.attempts) == len(proxy.requests) == 3


def test_unreachable_proxy(secure: TokenServer, connect: Connect) -> None:
    with Proxy() as proxy:
        pass
    with connect(secure.url, proxy=proxy.url, access_token="t") as api:
        with pytest.raises(ApiConnectionError) as caught:
            api.put_entity_connections_disconnect("1")
        assert caught.value.outcome == "not_sent"
        assert proxy.url in str(caught.value)
        assert secure.connections == 0


def test_tunnel_to_unreachable_host(proxy: Proxy, secure: TokenServer, connect: Connect) -> None:
    with TokenServer() as gone:
        pass
    with connect(f"https://localhost:{gone.port}", proxy=proxy.url, access_token="t") as api:
        with pytest.raises(ApiConnectionError) as caught:
            api.put_entity_connections_disconnect("1")
        assert caught.value.outcome == "not_sent"


@pytest.mark.parametrize(
    "wrong",
    ["socks5://127.0.0.1:1080", "http://", "http://:3128", "http://h:port", "http://[::1", "http://u:hunter22@h:x"],
)
def test_invalid_proxy_raises_on_creation(wrong: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        ApiClient(Configuration(proxy=wrong))
    assert "hunter22" not in repr(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None


def test_empty_proxy_means_none(server: TokenServer, connect: Connect) -> None:
    with connect(server.url, proxy="") as api:
        api.get_entity_connections()
    assert len(server.requests) == 2


def test_later_proxy_setting_is_ignored(proxy: Proxy, server: TokenServer, connect: Connect) -> None:
    """The proxy setting is read only when the client is created."""
    with connect(server.url) as api:
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
def test_misread_proxy_url_is_refused(proxy: str, environment: pytest.MonkeyPatch) -> None:
    """A proxy URL whose unencoded password would change the host is refused, and not quoted."""
    with pytest.raises(ValueError, match=r"^proxy must be an http or https URL .* percent-encoded") as caught:
        ApiClient(Configuration(proxy=proxy))
    assert "34secret" not in str(caught.value)
    environment.setenv("HTTPS_PROXY", proxy)
    client = ApiClient(Configuration("https://zuora.invalid", trust_env=True))
    with client, pytest.raises(ValueError, match=r"^HTTPS_PROXY must be") as caught:
        client.call_api("/v1/any", "GET")
    assert "34secret" not in str(caught.value)


# -- https proxies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_https_proxy(
    server: TokenServer, secure: TokenServer, authority: Authority, connect: Connect, scheme: str
) -> None:
    """The certificate of an https proxy is verified like that of a host."""
    target = secure if scheme == "https" else server
    with (
        Proxy(ssl_context=authority.server("127.0.0.1"), password="me:mine-22") as proxy,
        connect(target.url, proxy=f"https://me:mine-22@{proxy.address}") as api,
    ):
        assert api.get_entity_connections().success is True
        assert proxy.requests


def test_untrusted_https_proxy(secure: TokenServer, tmp_path: Path, connect: Connect) -> None:
    stranger = Authority(tmp_path)
    with (
        Proxy(ssl_context=stranger.server("127.0.0.1")) as proxy,
        connect(secure.url, proxy=proxy.url, access_token="t") as api,
    ):
        with pytest.raises(TlsError) as caught:
            api.put_entity_connections_accept("1")
        assert caught.value.outcome == "not_sent"
        assert proxy.requests == []


# -- credentials over plain http ------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
def test_loopback_through_remote_proxy_is_insecure(connect: Connect, host: str) -> None:
    """Over plain http a remote proxy reads the credentials, even if the host is this machine."""
    with (
        connect(host, proxy="http://proxy.billing.test:3128") as api,
        pytest.raises(ValueError, match="allow_insecure_http"),
    ):
        api.get_entity_connections()


def test_loopback_through_https_proxy_is_insecure(connect: Connect, authority: Authority) -> None:
    """A forwarding proxy reads the credentials, even if the connection to the proxy uses TLS."""
    with TokenServer() as server, Proxy(ssl_context=authority.server("proxy.billing.test")) as proxy:
        with (
            pytest.raises(ValueError, match="plain http"),
            connect(server.url, proxy=f"https://proxy.billing.test:{proxy.port}") as api,
        ):
            api.get_entity_connections()
        assert server.requests == []


def test_allow_insecure_http_through_proxy(connect: Connect) -> None:
    with TokenServer() as server, Proxy() as proxy:
        url = f"http://proxy.billing.test:{proxy.port}"
        with connect(server.url, proxy=url, allow_insecure_http=True) as api:
            api.get_entity_connections()
        assert len(server.requests) == 2


# -- the environment ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str.upper, str.lower])
def test_environment_is_ignored_by_default(
    proxy: Proxy,
    server: TokenServer,
    secure: TokenServer,
    connect: Connect,
    environment: pytest.MonkeyPatch,
    spell: Callable[[str], str],
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environment.setenv(spell(name), "http://127.0.0.1:1")
    for target in (server, secure):
        with connect(target.url) as api:
            assert api.get_entity_connections().success is True


@pytest.mark.parametrize("spell", [str.upper, str.lower])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_trust_env_reads_variable_of_scheme(
    proxy: Proxy,
    server: TokenServer,
    secure: TokenServer,
    connect: Connect,
    environment: pytest.MonkeyPatch,
    spell: Callable[[str], str],
    scheme: str,
) -> None:
    environment.setenv(spell(f"{scheme}_proxy"), proxy.address)
    for kind, target in {"http": server, "https": secure}.items():
        before = len(proxy.requests)
        with connect(target.url, trust_env=True, access_token="t") as api:
            api.get_entity_connections()
        assert len(proxy.requests) - before == (kind == scheme)
        assert len(target.calls) == 1


@pytest.mark.parametrize("no_proxy", ["", "*"])
def test_configured_proxy_overrides_environment(
    proxy: Proxy, secure: TokenServer, connect: Connect, environment: pytest.MonkeyPatch, no_proxy: str
) -> None:
    environment.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    environment.setenv("NO_PROXY", no_proxy)
    with connect(secure.url, trust_env=True, proxy=proxy.url) as api:
        api.get_entity_connections()
    assert len(proxy.requests) == 1


def test_all_proxy_is_ignored(secure: TokenServer, connect: Connect, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with connect(secure.url, trust_env=True) as api:
        assert api.get_entity_connections().success is True


def test_http_proxy_is_ignored_under_cgi(
    server: TokenServer, connect: Connect, environment: pytest.MonkeyPatch
) -> None:
    """In CGI a request header called Proxy arrives as HTTP_PROXY."""
    environment.setenv("REQUEST_METHOD", "GET")
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with connect(server.url, trust_env=True) as api:
        assert api.get_entity_connections().success is True


def test_invalid_environment_proxy_raises_at_call(
    secure: TokenServer, connect: Connect, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTPS_PROXY", "socks5://me:hunter22@127.0.0.1:1")
    with pytest.raises(ValueError, match="proxy") as caught, connect(secure.url, trust_env=True) as api:
        api.get_entity_connections()
    assert "hunter22" not in str(caught.value)


NO_PROXY = [
    # NO_PROXY, the host of the base URL, whether it is reached directly
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


DOCUMENTED = [
    (row[0].strip("`"), row[1].strip("`"), row[2].startswith("directly"))
    for table in pages.tables(pages.read(pages.ROOT / "docs" / "authentication.md"))
    if table[0][0] == "`NO_PROXY`"
    for row in table[1:]
]


def test_no_proxy_table_of_docs() -> None:
    assert len(DOCUMENTED) == 12


@pytest.mark.parametrize(("no_proxy", "host", "direct"), [*NO_PROXY, *DOCUMENTED])
def test_no_proxy(
    proxy: Proxy,
    server: TokenServer,
    connect: Connect,
    environment: pytest.MonkeyPatch,
    no_proxy: str,
    host: str,
    direct: bool,
) -> None:
    environment.setenv("HTTP_PROXY", proxy.url)
    environment.setenv("NO_PROXY", no_proxy.format(port=server.port))
    url = f"http://{host}:{server.port}"
    with connect(url, trust_env=True, access_token="t", allow_insecure_http=True) as api:
        assert api.get_entity_connections().success is True
        assert len(proxy.requests) == (0 if direct else 1)
        assert len(server.requests) == 1


def test_no_proxy_applies_per_host(
    proxy: Proxy, server: TokenServer, secure: TokenServer, connect: Connect, environment: pytest.MonkeyPatch
) -> None:
    """NO_PROXY is evaluated for each host, not once for the client."""
    environment.setenv("HTTP_PROXY", proxy.url)
    environment.setenv("HTTPS_PROXY", proxy.url)
    environment.setenv("NO_PROXY", "127.0.0.1")
    with connect(server.url, trust_env=True, access_token="t") as api:
        api.get_entity_connections()
        assert proxy.requests == []
        api.api_client.configuration.host = secure.url
        api.get_entity_connections()
        assert len(proxy.requests) == 1


# -- proxy.py -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("proxy") is None, reason="proxy.py is not installed")
def test_proxy_py_in_separate_process(authority: Authority, tmp_path: Path) -> None:
    """proxy.py, a widely used proxy, with a password, in front of the emulator over TLS."""
    port_file = tmp_path / "port"
    arguments = ["--hostname", "127.0.0.1", "--port", "0", "--port-file", str(port_file), "--basic-auth", "me:mine-22"]
    arguments += ["--num-workers", "1", "--num-acceptors", "1", "--log-level", "ERROR", "--data-dir", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.Popen([sys.executable, "-m", "proxy", *arguments], env=environment, cwd=tmp_path)
    try:
        wait_until(lambda: process.poll() is not None or (port_file.exists() and port_file.read_text().strip()))
        assert process.poll() is None, "proxy.py did not start"
        address = f"127.0.0.1:{port_file.read_text().strip()}"
        with ZuoraEmulator(ssl_context=authority.server("127.0.0.1")) as zuora:
            settings: dict[str, Any] = {"client_id": zuora.client_id, "client_secret": zuora.client_secret}
            settings.update(entity_id=zuora.entities[0].id, ssl_ca_cert=authority.file)
            for userinfo, is_valid in (("me:mine-22@", True), ("me:wrong22@", False), ("", False)):
                configuration = Configuration(zuora.url, proxy=f"http://{userinfo}{address}", **settings)
                with ApiClient(configuration, clock=FakeClock()) as client:
                    api = EntityConnectionsApi(client)
                    if is_valid:
                        assert api.get_entity_connections().success is True
                        continue
                    with pytest.raises(ApiConnectionError, match="407") as caught:
                        api.get_entity_connections()
                    assert caught.value.outcome == "not_sent"
            assert len(zuora.requests) == 2
    finally:
        process.terminate()
        process.wait(30)
