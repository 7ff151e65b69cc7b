"""Proxies that refuse, and whose certificate is checked apart from that of the host; advice for failures of TLS."""

from __future__ import annotations

import contextlib
import datetime
import functools
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support import respond_json
from support.authority import Authority
from support.calls import CALLS, READS, failure_of
from support.proxy import Proxy
from support.scripted import Received, ScriptedServer
from support.tokens import TokenServer
from support.wire import api_at

from zuora_client import ApiClient, Configuration
from zuora_client.exceptions import ApiConnectionError, ApiException, TlsError

if TYPE_CHECKING:
    from pathlib import Path

YES = respond_json({"success": True, "id": "1", "entityConnections": []})


api_with_token = functools.partial(api_at, access_token="t")


# -- a refused CONNECT ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over_tls", [False, True], ids=["http proxy", "https proxy"])
@pytest.mark.parametrize("call", ["GET", "POST", "PUT accept"])
@pytest.mark.parametrize("status", [403, 407])
def test_refused_tunnel_names_the_proxy(authority: Authority, over_tls: bool, call: str, status: int) -> None:
    context = authority.server("127.0.0.1") if over_tls else None
    with (
        Proxy(refuse=status, ssl_context=context) as proxy,
        api_with_token("https://zuora.invalid", proxy=proxy.url, ssl_ca_cert=authority.file, max_attempts=1) as api,
    ):
        error = failure_of(CALLS[call], api)
    assert (type(error), error.status, error.outcome) == (ApiConnectionError, status, "not_sent")
    assert proxy.url in str(error.reason)
    assert ("user and a password" in error.advice) is (status == 407)
    assert ("administrator" in error.advice) is (status == 403)
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("status", [403, 407])
def test_refused_tunnel_is_one_attempt(status: int) -> None:
    with (
        Proxy(refuse=status) as proxy,
        api_with_token("https://zuora.invalid", proxy=proxy.url) as api,
    ):
        failure_of(CALLS["PUT accept"], api)
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("status", [400, 500, 502, 503])
def test_other_refusals_are_retried(status: int) -> None:
    with (
        Proxy(refuse=status) as proxy,
        api_with_token("https://zuora.invalid", proxy=proxy.url) as api,
    ):
        error = failure_of(CALLS["PUT accept"], api)
        assert (error.status, error.outcome, len(proxy.requests)) == (None, "not_sent", 3)


# -- names in certificates --------------------------------------------------------------------------------------------

HOST_NAMES = {"right host": "localhost", "wrong host": "elsewhere.example"}
PROXY_NAMES = {"right proxy": "127.0.0.1", "wrong proxy": "elsewhere.example", "host's name": "localhost"}


@pytest.mark.parametrize("assert_hostname", [None, "elsewhere.example", False])
@pytest.mark.parametrize("host_name", HOST_NAMES)
@pytest.mark.parametrize("through", ["direct", "http proxy", *PROXY_NAMES])
def test_names_are_verified_apart(authority: Authority, assert_hostname: Any, host_name: str, through: str) -> None:
    """`assert_hostname` is for the certificate of the host; that of a proxy must have the proxy's own name."""
    expected = assert_hostname or "localhost"
    host_is_right = assert_hostname is False or HOST_NAMES[host_name] == expected
    proxy_is_right = through in ("direct", "http proxy", "right proxy")
    with (
        TokenServer(ssl_context=authority.server(HOST_NAMES[host_name])) as server,
        contextlib.ExitStack() as stack,
    ):
        settings: dict[str, Any] = {"ssl_ca_cert": authority.file, "assert_hostname": assert_hostname}
        proxy = None
        if through != "direct":
            context = None if through == "http proxy" else authority.server(PROXY_NAMES[through])
            proxy = stack.enter_context(Proxy(ssl_context=context))
            settings["proxy"] = proxy.url
        api = stack.enter_context(api_with_token(server.url, **settings))
        if host_is_right and proxy_is_right:
            assert api.get_entity_connections().success is True
            return
        error = failure_of(CALLS["PUT accept"], api)
        assert (type(error), error.outcome, server.requests) == (TlsError, "not_sent", [])
        if proxy is not None and not proxy_is_right:
            assert proxy.requests == []


@pytest.mark.parametrize("assert_hostname", [None, "elsewhere.example", False])
@pytest.mark.parametrize("name", PROXY_NAMES)
def test_forwarding_proxy_is_verified_too(authority: Authority, assert_hostname: Any, name: str) -> None:
    settings = {"ssl_ca_cert": authority.file, "assert_hostname": assert_hostname}
    with (
        TokenServer() as server,
        Proxy(ssl_context=authority.server(PROXY_NAMES[name])) as proxy,
        api_with_token(server.url, proxy=proxy.url, **settings) as api,
    ):
        if name == "right proxy":
            assert api.get_entity_connections().success is True
        else:
            assert type(failure_of(CALLS["PUT accept"], api)) is TlsError
            assert proxy.requests == []


@pytest.mark.parametrize("through", ["host", "proxy"])
def test_client_certificate_is_for_the_host(tmp_path: Path, authority: Authority, through: str) -> None:
    """A proxy that asks for a client certificate does not get the host's."""
    own = trustme.CA()
    certificate = own.issue_cert("billing@example.com")
    own.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    asking = authority.server("localhost", "127.0.0.1")
    asking.load_verify_locations(str(tmp_path / "ca.pem"))
    asking.verify_mode = ssl.CERT_OPTIONAL
    seen: list[Any] = []

    class Observer(Proxy):
        def _respond(self, sock: Any, request: Received) -> bool:
            seen.append(sock.getpeercert())
            return super()._respond(sock, request)

    with (
        TokenServer(ssl_context=asking) as server,
        Observer(ssl_context=asking) as proxy,
        api_with_token(
            server.url,
            ssl_ca_cert=authority.file,
            cert_file=str(tmp_path / "own.pem"),
            proxy=proxy.url if through == "proxy" else None,
        ) as api,
    ):
        assert api.get_entity_connections().success is True
        assert seen == ([None] if through == "proxy" else [])


# -- advice -----------------------------------------------------------------------------------------------------------


def speaks_http(sock: Any, _: Any) -> None:
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    sock.recv(65536)


@pytest.mark.parametrize("through", ["direct", "proxy"])
def test_plain_port_is_named(through: str) -> None:
    with ScriptedServer(on_accept=speaks_http) as server:
        plain = f"https://127.0.0.1:{server.port}"
        settings = {"proxy": plain} if through == "proxy" else {}
        with api_with_token("https://zuora.invalid" if settings else plain, **settings) as api:
            error = failure_of(CALLS["PUT accept"], api)
    assert (type(error), error.outcome) == (TlsError, "not_sent")
    assert "plain HTTP" in error.advice
    assert "certificate" not in error.advice


class CompanyAuthority:
    """An authority of the kind that companies run: its certificates lack extensions that RFC 5280 requires."""

    def __init__(self, folder: Path, *, critical: bool, key_identifiers: bool) -> None:
        self._folder = folder
        self._key_identifiers = key_identifiers
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Company CA")])
        builder = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical)
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False)
        self.file = self._write("ca.pem", builder.sign(self._key, hashes.SHA256()))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=9))
        )

    def _write(self, name: str, *parts: Any) -> str:
        path = self._folder / name
        path.write_bytes(b"".join(part.public_bytes(serialization.Encoding.PEM) for part in parts))
        return str(path)

    def server(self) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        builder = self._builder(subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), False
        )
        if self._key_identifiers:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
            builder = builder.add_extension(identifier, False)
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        certificate = self._write("leaf.pem", builder.sign(self._key, hashes.SHA256()))
        private = self._folder / "leaf.key"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, str(private))
        return context


@pytest.mark.parametrize(
    ("critical", "key_identifiers", "words"),
    [(True, False, "Missing Authority Key Identifier"), (False, True, "Basic Constraints of CA cert not marked")],
)
def test_strict_checks_are_named_and_can_be_cleared(
    tmp_path: Path, critical: bool, key_identifiers: bool, words: str
) -> None:
    company = CompanyAuthority(tmp_path, critical=critical, key_identifiers=key_identifiers)
    with TokenServer(ssl_context=company.server()) as server:
        with api_with_token(server.url, ssl_ca_cert=company.file) as api:
            # Set by Python 3.13 itself.
            context = api.api_client.rest_client._routes.tls.pool_kwargs("localhost")["ssl_context"]
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            error = failure_of(CALLS["PUT accept"], api)
        assert (type(error), error.outcome) == (TlsError, "not_sent")
        assert words in str(error.reason)
        assert "strict_x509=False" in error.advice
        with api_with_token(server.url, ssl_ca_cert=company.file, strict_x509=False) as api:
            assert api.get_entity_connections().success is True


@pytest.mark.parametrize("strict", [True, False])
def test_strict_x509_clears_one_flag(strict: bool) -> None:
    with ApiClient(Configuration(strict_x509=strict)) as client, ApiClient(Configuration()) as default:
        contexts = [
            each.rest_client._routes.tls.pool_kwargs("rest.zuora.com")["ssl_context"] for each in (client, default)
        ]
        flags, default_flags = (context.verify_flags for context in contexts)
        assert flags == (default_flags if strict else default_flags & ~ssl.VERIFY_X509_STRICT)
        assert bool(default_flags & ssl.VERIFY_X509_STRICT) is (sys.version_info >= (3, 13))
        assert contexts[0].verify_mode == ssl.CERT_REQUIRED
        assert contexts[0].check_hostname


@pytest.mark.parametrize("value", [None, 0, "false"])
def test_strict_x509_is_a_bool(value: Any) -> None:
    with pytest.raises(TypeError, match="strict_x509"):
        Configuration(strict_x509=value)


def test_untrusted_certificate_keeps_its_advice(authority: Authority) -> None:
    with TokenServer(ssl_context=authority.server()) as server, api_with_token(server.url) as api:
        errors: list[ApiException] = [failure_of(CALLS[call], api) for call in READS]
    assert all("strict_x509" not in error.advice and "Do not switch" in error.advice for error in errors)
