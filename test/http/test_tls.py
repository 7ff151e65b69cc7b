"""TLS against real servers: trust, client certificates, versions. After a TLS failure the request was not sent."""

from __future__ import annotations

import contextlib
import copy
import datetime
import os
import ssl
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from support import FakeClock, respond
from support.calls import Call
from support.scripted import ScriptedServer
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer
from support.wire import api_at

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator
from zuora_client.exceptions import ApiConnectionError, OutcomeUnknownError, TlsError

CALLS: dict[str, Call] = {
    "GET": lambda api: api.get_entity_connections(),
    "POST": lambda api: api.post_entity_connections(request={"targetEntityId": "8a80825556ff28a4015708ba29312ecc"}),
    "PUT": lambda api: api.put_entity_connections_disconnect("1"),
}
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)


class Authorities:
    """A trusted certificate authority, whose bundle is `file`, and an unknown one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known, self.unknown = trustme.CA(), trustme.CA()
        self.file = str(folder / "ca.pem")
        self.known.cert_pem.write_to_path(self.file)

    def pem(self, name: str, *blobs: trustme.Blob) -> str:
        path = self.folder / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities(tmp_path_factory.mktemp("tls"))


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextlib.contextmanager
def connected(
    authorities: Authorities, context: ssl.SSLContext, host: str = "localhost", **settings: Any
) -> Iterator[tuple[TokenServer, EntityConnectionsApi]]:
    """Yield a server with a TLS context, and an API object that trusts the known authority."""
    settings = {"access_token": "t", "ssl_ca_cert": authorities.file, **settings}
    with TokenServer(ssl_context=context) as server, api_at(f"https://{host}:{server.port}", **settings) as api:
        yield server, api


def refused(call: Any, server: TokenServer, api: EntityConnectionsApi) -> TlsError:
    """Return the error of a call that must fail in the handshake: not sent and not retried."""
    with pytest.raises(TlsError) as caught:
        call(api)
    assert caught.value.outcome == "not_sent"
    assert len(caught.value.attempts) == 1
    assert server.connections == 1
    assert server.requests == []
    assert api.api_client.clock.sleeps == []  # type: ignore[attr-defined]
    return caught.value


# -- trusted authorities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_private_authority_is_trusted(authorities: Authorities, host: str) -> None:
    context = server_context(authorities.known.issue_cert("localhost", "127.0.0.1"))
    with connected(authorities, context, host) as (server, api):
        for call in CALLS.values():
            call(api)
        assert server.connections == 1
        assert server.used == ["Bearer t"] * 3


def test_emulator_over_tls(authorities: Authorities) -> None:
    context = server_context(authorities.known.issue_cert("127.0.0.1"))
    with ZuoraEmulator(ssl_context=context) as zuora:
        settings: dict[str, Any] = {"client_id": zuora.client_id, "client_secret": zuora.client_secret}
        configuration = Configuration(zuora.url, ssl_ca_cert=authorities.file, **settings)
        with ApiClient(configuration) as client:
            api = EntityConnectionsApi(client)
            source, target = zuora.entities[:2]
            created = api.post_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})
            assert created.id is not None
            api.put_entity_connections_accept(created.id, zuora_entity_ids=target.id)
        assert zuora.connections[0].status == "Connected"
        assert {request.connection_id for request in zuora.requests} == {1}


CERTIFICATES: dict[str, Callable[[Authorities], Any]] = {
    "unknown authority": lambda a: a.unknown.issue_cert("localhost"),
    "self-signed": lambda a: a.unknown,
    "expired": lambda a: a.known.issue_cert("localhost", not_before=NOW - 9 * DAY, not_after=NOW - DAY),
    "not yet valid": lambda a: a.known.issue_cert("localhost", not_before=NOW + DAY, not_after=NOW + 9 * DAY),
    "other name": lambda a: a.known.issue_cert("rest.zuora.com"),
    "name with the same prefix": lambda a: a.known.issue_cert("localhost.example.com"),
    "address instead of name": lambda a: a.known.issue_cert("127.0.0.1"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("certificate", CERTIFICATES.values(), ids=CERTIFICATES)
def test_invalid_certificate_is_refused(authorities: Authorities, certificate: Any, call: Any) -> None:
    issued = certificate(authorities)
    if isinstance(issued, trustme.CA):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authorities.pem("self.pem", issued.private_key_pem, issued.cert_pem))
    else:
        context = server_context(issued)
    with connected(authorities, context) as (server, api):
        error = refused(call, server, api)
        assert "certificate verify failed" in str(error.reason) or "match" in str(error.reason)
        assert "Do not switch verification off" in str(error)


def test_name_does_not_match_address(authorities: Authorities) -> None:
    context = server_context(authorities.known.issue_cert("localhost"))
    with connected(authorities, context, "127.0.0.1") as (server, api):
        refused(CALLS["PUT"], server, api)


def test_default_bundle_is_certifi(authorities: Authorities) -> None:
    context = server_context(authorities.known.issue_cert("localhost"))
    with connected(authorities, context, ssl_ca_cert=None) as (server, api):
        refused(CALLS["GET"], server, api)


def test_token_endpoint_is_verified_too(authorities: Authorities) -> None:
    context = server_context(authorities.unknown.issue_cert("localhost"))
    settings: dict[str, Any] = {"access_token": None, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with connected(authorities, context, **settings) as (server, api):
        error = refused(CALLS["PUT"], server, api)
        assert "/oauth/token" in str(error.reason)


def test_server_without_tls() -> None:
    with ScriptedServer(on_accept=lambda sock, _: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        client = ApiClient(Configuration(f"https://127.0.0.1:{server.port}", access_token="t"), clock=FakeClock())
        with client, pytest.raises(TlsError) as caught:
            client.call_api("/v1/x", "PUT")
        assert caught.value.outcome == "not_sent"
        assert server.connections == 1


def test_later_verify_ssl_is_ignored(authorities: Authorities) -> None:
    """TLS settings are read only when the client is created."""
    with connected(authorities, server_context(authorities.unknown.issue_cert("localhost"))) as (server, api):
        api.api_client.configuration.verify_ssl = False
        refused(CALLS["GET"], server, api)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_unreadable_bundle_raises_on_creation(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="ssl_ca_cert"):
        ApiClient(Configuration(ssl_ca_cert=str(path)))


# -- assert_hostname ------------------------------------------------------------------------------------------------


def test_assert_hostname_names_other_host(authorities: Authorities) -> None:
    context = server_context(authorities.known.issue_cert("rest.zuora.com"))
    with connected(authorities, context, assert_hostname="rest.zuora.com") as (server, api):
        assert api.get_entity_connections().success is True
        assert len(server.requests) == 1


def test_assert_hostname_replaces_host_name(authorities: Authorities) -> None:
    """With assert_hostname the name of the host itself is no longer accepted."""
    context = server_context(authorities.known.issue_cert("localhost"))
    with connected(authorities, context, assert_hostname="rest.zuora.com") as (server, api):
        refused(CALLS["PUT"], server, api)


def test_assert_hostname_false(authorities: Authorities) -> None:
    """assert_hostname=False accepts any name, but only from a trusted authority."""
    context = server_context(authorities.known.issue_cert("rest.zuora.com"))
    with connected(authorities, context, assert_hostname=False) as (_, api):
        assert api.get_entity_connections().success is True
        with connected(
            authorities, server_context(authorities.unknown.issue_cert("rest.zuora.com")), assert_hostname=False
        ) as (server, api):
            refused(CALLS["PUT"], server, api)


# -- client certificates --------------------------------------------------------------------------------------------


def context_with_client_auth(authorities: Authorities, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = server_context(authorities.known.issue_cert("localhost"))
    context.minimum_version = context.maximum_version = version
    authorities.known.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


def test_client_certificate_is_for_the_configured_host(authorities: Authorities) -> None:
    """Another host, to which `ApiClient.request` sends, gets neither the certificate nor `assert_hostname`."""
    own = authorities.known.issue_cert("billing@example.com")
    certificate = authorities.pem("both.pem", own.private_key_pem, *own.cert_chain_pems)
    seen: list[bool] = []

    def behave(sock: Any, _: Any) -> bool:
        seen.append(bool(sock.getpeercert(binary_form=True)))
        sock.sendall(respond(200, b'{"success": true}'))
        return True

    context = server_context(authorities.known.issue_cert("localhost", "127.0.0.1", "pinned"))
    authorities.known.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    settings: Any = {"ssl_ca_cert": authorities.file, "cert_file": certificate, "assert_hostname": "pinned"}
    with ScriptedServer(behave, ssl_context=context) as server:
        configured = f"https://localhost:{server.port}"
        with ApiClient(Configuration(configured, **settings)) as client:
            for host in (configured, f"https://127.0.0.1:{server.port}"):
                client.request("GET", f"{host}/v1/x")
    assert seen == [True, False]


@VERSIONS
@pytest.mark.parametrize("files", [1, 2])
def test_client_certificate(authorities: Authorities, version: ssl.TLSVersion, files: int) -> None:
    own = authorities.known.issue_cert("billing@example.com")
    if files == 1:
        settings = {"cert_file": authorities.pem("both.pem", own.private_key_pem, *own.cert_chain_pems)}
    else:
        settings = {
            "cert_file": authorities.pem("cert.pem", *own.cert_chain_pems),
            "key_file": authorities.pem("key.pem", own.private_key_pem),
        }
    with connected(authorities, context_with_client_auth(authorities, version), **settings) as (server, api):
        for call in CALLS.values():
            call(api)
        assert len(server.requests) == 3


@VERSIONS
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("certificate", ["none", "unknown authority"])
def test_missing_or_untrusted_client_certificate(
    authorities: Authorities, version: ssl.TLSVersion, call: Any, certificate: str
) -> None:
    """With TLS 1.3 the request is sent before the server verifies the certificate: a write is then unknown."""
    settings = {}
    if certificate != "none":
        own = authorities.unknown.issue_cert("billing@example.com")
        settings["cert_file"] = authorities.pem("unknown.pem", own.private_key_pem, *own.cert_chain_pems)
    with connected(authorities, context_with_client_auth(authorities, version), **settings) as (server, api):
        if version == ssl.TLSVersion.TLSv1_3 and call is not CALLS["GET"]:
            with pytest.raises(OutcomeUnknownError) as caught:
                call(api)
            assert server.requests == []
            assert "alert" in str(caught.value.reason).lower()
            return
        error = refused(call, server, api)
        assert "alert" in str(error.reason).lower()


def unusable(authorities: Authorities, defect: str) -> dict[str, Any]:
    own, other = (authorities.known.issue_cert("billing@example.com") for _ in range(2))
    certificate = authorities.pem("own.pem", *own.cert_chain_pems)
    key = authorities.pem("own.key", own.private_key_pem)
    if defect == "another key":
        key = authorities.pem("other.key", other.private_key_pem)
    elif defect == "no key":
        return {"cert_file": certificate}
    elif defect == "no file":
        certificate += ".missing"
    elif defect == "an encrypted key":
        encrypted = load_pem_private_key(own.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter22")
        )
        key = authorities.pem("encrypted.key", trustme.Blob(encrypted))
    return {"cert_file": certificate, "key_file": key}


@pytest.mark.parametrize("defect", ["another key", "no key", "no file", "an encrypted key"])
def test_unusable_client_certificate_raises_on_creation(authorities: Authorities, defect: str) -> None:
    with pytest.raises(ValueError, match="cert_file, key_file"):
        ApiClient(Configuration(**unusable(authorities, defect)))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals on this platform")
def test_encrypted_key_does_not_prompt(authorities: Authorities) -> None:
    """An encrypted key raises; OpenSSL does not prompt for its password on the terminal."""
    files = unusable(authorities, "an encrypted key").values()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    controller, terminal = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(WITH_TERMINAL), *files],
            stdin=terminal,
            start_new_session=True,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(controller)
    assert "ValueError: cert_file, key_file" in done.stderr


# OpenSSL prompts on the controlling terminal, whatever stdin is.
WITH_TERMINAL = """
    import fcntl, sys, termios
    from zuora_client import ApiClient, Configuration

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    ApiClient(Configuration(cert_file=sys.argv[1], key_file=sys.argv[2]))
"""


# -- TLS versions ---------------------------------------------------------------------------------------------------


@VERSIONS
def test_supported_tls_versions(authorities: Authorities, version: ssl.TLSVersion) -> None:
    context = server_context(authorities.known.issue_cert("localhost"))
    context.minimum_version = context.maximum_version = version
    with connected(authorities, context) as (_, api):
        assert api.get_entity_connections().success is True


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
@pytest.mark.parametrize("verify_ssl", [True, False])
@pytest.mark.filterwarnings("ignore:verify_ssl is False")
def test_tls_1_1_is_refused(authorities: Authorities, verify_ssl: bool) -> None:
    context = server_context(authorities.known.issue_cert("localhost"))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    _skip_without_tls_1_1(context)
    with connected(authorities, context, verify_ssl=verify_ssl) as (server, api):
        refused(CALLS["PUT"], server, api)


def _skip_without_tls_1_1(context: ssl.SSLContext) -> None:
    """Complete a handshake in memory with a lenient client. Skip the test if OpenSSL does not support TLS 1.1."""
    lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lenient.check_hostname, lenient.verify_mode = False, ssl.CERT_NONE
    lenient.minimum_version, lenient.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    lenient.set_ciphers("ALL:@SECLEVEL=0")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    peers = [lenient.wrap_bio(incoming, outgoing), context.wrap_bio(outgoing, incoming, server_side=True)]
    try:
        for peer in peers * 4:
            with contextlib.suppress(ssl.SSLWantReadError):
                peer.do_handshake()
    except ssl.SSLError as error:
        pytest.skip(f"this OpenSSL does not support TLS 1.1 ({error.reason})")
    assert peers[0].version() == "TLSv1.1"


def test_minimum_tls_version(authorities: Authorities) -> None:
    """The minimum is TLS 1.2, whatever the default of OpenSSL."""
    with ApiClient(Configuration(ssl_ca_cert=authorities.file)) as client:
        context = client.rest_client._routes.tls.pool_kwargs("rest.zuora.com")["ssl_context"]
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED


# -- verify_ssl=False -----------------------------------------------------------------------------------------------


def test_verify_ssl_false_warns_once(authorities: Authorities) -> None:
    """verify_ssl=False accepts any certificate and warns once, at the line that creates the client."""
    context = server_context(authorities.unknown.issue_cert("rest.zuora.com"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with TokenServer(ssl_context=context) as server, TokenServer(ssl_context=context) as other:
            with ApiClient(Configuration(server.url, access_token="t", verify_ssl=False)) as client:
                for _ in range(3):
                    client.call_api("/v1/x", "GET")
                client.configuration.host = other.url
                client.call_api("/v1/x", "GET")
            assert (len(server.calls), len(other.calls)) == (3, 1)
    (warning,) = caught
    assert warning.category is urllib3.exceptions.InsecureRequestWarning
    assert "verify_ssl is False" in str(warning.message)
    assert warning.filename == __file__


def test_copy_with_verify_ssl_false_warns() -> None:
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        client = ApiClient(Configuration(verify_ssl=False))
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        copy.deepcopy(client).close()
    client.close()


def test_configuration_alone_does_not_warn() -> None:
    configuration = Configuration(verify_ssl=False)
    configuration.verify_ssl = True
    ApiClient(configuration).close()


# -- broken handshakes ----------------------------------------------------------------------------------------------


def test_close_during_handshake_is_retried() -> None:
    """A close during the handshake may be a server restart: not a TlsError, not sent, retried."""

    def read_and_close(sock: Any, _: Any) -> None:
        sock.recv(65536)

    with ScriptedServer(on_accept=read_and_close) as server:
        configuration = Configuration(f"https://127.0.0.1:{server.port}", access_token="t")
        with ApiClient(configuration, clock=FakeClock()) as client, pytest.raises(ApiConnectionError) as caught:
            EntityConnectionsApi(client).put_entity_connections_accept("1")
        assert not isinstance(caught.value, TlsError)
        assert caught.value.outcome == "not_sent"
        assert len(caught.value.attempts) == server.connections == 3
