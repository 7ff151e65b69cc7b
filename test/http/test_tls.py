"""TLS against real servers: who is trusted, who we are, what is too old. What fails here has never left."""

from __future__ import annotations

import contextlib
import copy
import datetime
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import warnings
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
from support import FakeClock
from support.raw import RawServer
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.emulator import ZuoraEmulator
from zuora_client.exceptions import ApiConnectionError, TlsError

CALLS = {
    "GET": lambda api: api.get_entity_connections(),
    "POST": lambda api: api.post_entity_connections(request={"targetEntityId": "8a80825556ff28a4015708ba29312ecc"}),
    "PUT": lambda api: api.put_entity_connections_disconnect("1"),
}
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)


class Authorities:
    """Two certificate authorities: `file` is the bundle of the one that is trusted; the other nobody knows."""

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
def authorities(tmp_path_factory) -> Authorities:
    return Authorities(tmp_path_factory.mktemp("tls"))


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def start(authorities, request):
    """Starts a server with a context, and returns it with an api that trusts the known authority."""

    def make(
        context: ssl.SSLContext, host: str = "localhost", kind: type[TokenServer] = TokenServer, **settings: Any
    ) -> tuple[Any, EntityConnectionsApi]:
        server = kind(ssl_context=context)
        server.__enter__()
        request.addfinalizer(lambda: server.__exit__())
        settings = {"access_token": "t", "ssl_ca_cert": authorities.file, **settings}
        configuration = Configuration(f"https://{host}:{server.port}", **settings)
        server.clock = FakeClock()
        client = ApiClient(configuration, clock=server.clock)
        request.addfinalizer(client.close)
        return server, EntityConnectionsApi(client)

    return make


def refused(call: Any, server: TokenServer, api: EntityConnectionsApi) -> TlsError:
    """The error of a call that must fail in the handshake: not sent, and not tried again."""
    with pytest.raises(TlsError) as caught:
        call(api)
    assert caught.value.outcome == "not_sent"
    assert len(caught.value.attempts) == 1
    assert server.connections == 1
    assert server.requests == []
    assert server.clock.sleeps == []
    return caught.value


# -- who is trusted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_authority_of_ones_own(start, authorities, host: str) -> None:
    server, api = start(serving(authorities.known.issue_cert("localhost", "127.0.0.1")), host)
    for call in CALLS.values():
        call(api)
    assert server.connections == 1
    assert server.used == ["Bearer t"] * 3


def test_the_emulator_over_tls(authorities) -> None:
    context = serving(authorities.known.issue_cert("127.0.0.1"))
    with ZuoraEmulator(ssl_context=context) as zuora:
        settings = {"client_id": zuora.client_id, "client_secret": zuora.client_secret}
        configuration = Configuration(zuora.url, ssl_ca_cert=authorities.file, **settings)
        with ApiClient(configuration) as client:
            api = EntityConnectionsApi(client)
            source, target = zuora.entities[:2]
            made = api.post_entity_connections(zuora_entity_ids=source.id, request={"targetEntityId": target.id})
            api.put_entity_connections_accept(made.id, zuora_entity_ids=target.id)
        assert zuora.connections[0].status == "Connected"
        assert {request.connection_id for request in zuora.requests} == {1}


CERTIFICATES = {
    "unknown authority": lambda a: a.unknown.issue_cert("localhost"),
    "self-signed": lambda a: a.unknown,
    "expired": lambda a: a.known.issue_cert("localhost", not_before=NOW - 9 * DAY, not_after=NOW - DAY),
    "not yet valid": lambda a: a.known.issue_cert("localhost", not_before=NOW + DAY, not_after=NOW + 9 * DAY),
    "another name": lambda a: a.known.issue_cert("rest.zuora.com"),
    "a name that begins the same": lambda a: a.known.issue_cert("localhost.example.com"),
    "an address for a name": lambda a: a.known.issue_cert("127.0.0.1"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("certificate", CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_certificate_that_proves_nothing(start, authorities, certificate: Any, call: Any) -> None:
    shown = certificate(authorities)
    if isinstance(shown, trustme.CA):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authorities.pem("self.pem", shown.private_key_pem, shown.cert_pem))
    else:
        context = serving(shown)
    server, api = start(context)
    error = refused(call, server, api)
    assert "certificate verify failed" in str(error.reason) or "match" in str(error.reason)
    assert "Do not switch verification off" in str(error)


def test_a_name_for_an_address_proves_nothing(start, authorities) -> None:
    server, api = start(serving(authorities.known.issue_cert("localhost")), "127.0.0.1")
    refused(CALLS["PUT"], server, api)


def test_without_a_bundle_of_ones_own_it_is_certifis(start, authorities) -> None:
    server, api = start(serving(authorities.known.issue_cert("localhost")), ssl_ca_cert=None)
    refused(CALLS["GET"], server, api)


def test_the_token_endpoint_is_no_exception(start, authorities) -> None:
    context = serving(authorities.unknown.issue_cert("localhost"))
    settings = {"access_token": None, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    server, api = start(context, **settings)
    error = refused(CALLS["PUT"], server, api)
    assert "/oauth/token" in str(error.reason)


def test_a_server_without_tls() -> None:
    with RawServer(lambda sock, _: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        client = ApiClient(Configuration(f"https://127.0.0.1:{server.port}", access_token="t"), clock=FakeClock())
        with client, pytest.raises(TlsError) as caught:
            client.call_api("/v1/x", "PUT")
        assert caught.value.outcome == "not_sent"
        assert server.connections == 1


def test_trust_is_settled_when_the_client_is_made(start, authorities) -> None:
    server, api = start(serving(authorities.unknown.issue_cert("localhost")))
    api.api_client.configuration.verify_ssl = False
    refused(CALLS["GET"], server, api)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_a_bundle_that_cannot_be_read_is_refused_when_the_client_is_made(tmp_path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="ssl_ca_cert"):
        ApiClient(Configuration(ssl_ca_cert=str(path)))


# -- whose name -----------------------------------------------------------------------------------------------------


def test_assert_hostname_names_another_host(start, authorities) -> None:
    server, api = start(serving(authorities.known.issue_cert("rest.zuora.com")), assert_hostname="rest.zuora.com")
    assert api.get_entity_connections().success is True
    assert len(server.requests) == 1


def test_assert_hostname_is_then_the_only_good_name(start, authorities) -> None:
    server, api = start(serving(authorities.known.issue_cert("localhost")), assert_hostname="rest.zuora.com")
    refused(CALLS["PUT"], server, api)


def test_assert_hostname_false_takes_any_name_of_a_trusted_authority(start, authorities) -> None:
    _, api = start(serving(authorities.known.issue_cert("rest.zuora.com")), assert_hostname=False)
    assert api.get_entity_connections().success is True
    server, api = start(serving(authorities.unknown.issue_cert("rest.zuora.com")), assert_hostname=False)
    refused(CALLS["PUT"], server, api)


# -- who we are -----------------------------------------------------------------------------------------------------


def asking(authorities: Authorities, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = serving(authorities.known.issue_cert("localhost"))
    context.minimum_version = context.maximum_version = version
    authorities.known.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class PoliteServer(TokenServer):
    """After a handshake that failed it reads on, so that no reset overtakes the alert that says why."""

    def _serve(self, plain: socket.socket) -> None:
        assert self._ssl_context is not None
        with self._ssl_context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as sock:
            with self._lock:
                self._open.add(sock)
            with contextlib.suppress(OSError):
                sock.do_handshake()
            with contextlib.suppress(OSError):
                while socket.socket.recv(sock, 65536):
                    pass


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@VERSIONS
@pytest.mark.parametrize("files", [1, 2])
def test_a_client_certificate(start, authorities, version: ssl.TLSVersion, files: int) -> None:
    mine = authorities.known.issue_cert("billing@example.com")
    if files == 1:
        settings = {"cert_file": authorities.pem("both.pem", mine.private_key_pem, *mine.cert_chain_pems)}
    else:
        settings = {
            "cert_file": authorities.pem("cert.pem", *mine.cert_chain_pems),
            "key_file": authorities.pem("key.pem", mine.private_key_pem),
        }
    server, api = start(asking(authorities, version), **settings)
    for call in CALLS.values():
        call(api)
    assert len(server.requests) == 3


@VERSIONS
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("whose", ["none", "unknown authority's"])
def test_a_client_certificate_that_is_asked_for_in_vain(
    start, authorities, version: ssl.TLSVersion, call: Any, whose: str
) -> None:
    """In TLS 1.3 the request has left before the server looks at the certificate; it refuses without reading it."""
    settings = {}
    if whose != "none":
        mine = authorities.unknown.issue_cert("billing@example.com")
        settings["cert_file"] = authorities.pem("unknown.pem", mine.private_key_pem, *mine.cert_chain_pems)
    server, api = start(asking(authorities, version), kind=PoliteServer, **settings)
    error = refused(call, server, api)
    assert "alert" in str(error.reason).lower()


def unusable(authorities: Authorities, what: str) -> dict[str, str]:
    mine, other = (authorities.known.issue_cert("billing@example.com") for _ in range(2))
    certificate = authorities.pem("mine.pem", *mine.cert_chain_pems)
    key = authorities.pem("mine.key", mine.private_key_pem)
    if what == "another key":
        key = authorities.pem("other.key", other.private_key_pem)
    elif what == "no key":
        return {"cert_file": certificate}
    elif what == "no file":
        certificate += ".missing"
    elif what == "an encrypted key":
        encrypted = load_pem_private_key(mine.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter22")
        )
        key = authorities.pem("encrypted.key", trustme.Blob(encrypted))
    return {"cert_file": certificate, "key_file": key}


@pytest.mark.parametrize("what", ["another key", "no key", "no file", "an encrypted key"])
def test_a_client_certificate_that_cannot_be_used_is_refused_when_the_client_is_made(authorities, what: str) -> None:
    with pytest.raises(ValueError, match="cert_file, key_file"):
        ApiClient(Configuration(**unusable(authorities, what)))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no terminals")
def test_an_encrypted_key_does_not_ask_for_its_password_on_the_terminal(authorities) -> None:
    files = unusable(authorities, "an encrypted key").values()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(AT_A_TERMINAL), *files],
            stdin=theirs,
            start_new_session=True,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert "ValueError: cert_file, key_file" in done.stderr


# OpenSSL asks at the terminal that controls the session, wherever stdin comes from.
AT_A_TERMINAL = """
    import fcntl, sys, termios
    from zuora_client import ApiClient, Configuration

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    ApiClient(Configuration(cert_file=sys.argv[1], key_file=sys.argv[2]))
"""


# -- what is too old ------------------------------------------------------------------------------------------------


@VERSIONS
def test_both_versions_that_zuora_speaks(start, authorities, version: ssl.TLSVersion) -> None:
    context = serving(authorities.known.issue_cert("localhost"))
    context.minimum_version = context.maximum_version = version
    _, api = start(context)
    assert api.get_entity_connections().success is True


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
@pytest.mark.parametrize("verify_ssl", [True, False])
@pytest.mark.filterwarnings("ignore:verify_ssl is False")
def test_tls_1_1_is_refused(start, authorities, verify_ssl: bool) -> None:
    context = serving(authorities.known.issue_cert("localhost"))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    _prove_that_it_speaks(context)
    server, api = start(context, verify_ssl=verify_ssl)
    refused(CALLS["PUT"], server, api)


def _prove_that_it_speaks(context: ssl.SSLContext) -> None:
    """Shake hands in memory with a client that takes anything; skip where OpenSSL no longer has TLS 1.1."""
    lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lenient.check_hostname, lenient.verify_mode = False, ssl.CERT_NONE
    lenient.minimum_version, lenient.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    lenient.set_ciphers("ALL:@SECLEVEL=0")
    one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [lenient.wrap_bio(one, two), context.wrap_bio(two, one, server_side=True)]
    try:
        for side in sides * 4:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError as error:
        pytest.skip(f"this OpenSSL speaks no TLS 1.1 ({error.reason})")
    assert sides[0].version() == "TLSv1.1"


def test_the_floor_is_tls_1_2_whatever_the_systems_default(authorities) -> None:
    with ApiClient(Configuration(ssl_ca_cert=authorities.file)) as client:
        context = client.rest_client._tls.pool_kwargs()["ssl_context"]
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED


# -- without a check ------------------------------------------------------------------------------------------------


def test_verify_ssl_false_takes_anything_and_warns_once_where_the_client_is_made(start, authorities) -> None:
    context = serving(authorities.unknown.issue_cert("rest.zuora.com"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        server, api = start(context, verify_ssl=False, ssl_ca_cert=None)
        for _ in range(3):
            assert api.get_entity_connections().success is True
        server.refused.add("Bearer t")
        with TokenServer(ssl_context=context) as other:
            api.api_client.configuration.host = other.url
            api.get_entity_connections()
    (warning,) = caught
    assert warning.category is urllib3.exceptions.InsecureRequestWarning
    assert "verify_ssl is False" in str(warning.message)
    assert warning.filename == __file__


def test_a_copy_of_a_client_without_a_check_warns_too() -> None:
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        client = ApiClient(Configuration(verify_ssl=False))
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        copy.deepcopy(client).close()
    client.close()


def test_a_configuration_alone_warns_of_nothing() -> None:
    configuration = Configuration(verify_ssl=False)
    configuration.verify_ssl = True
    ApiClient(configuration).close()


# -- TLS that breaks ------------------------------------------------------------------------------------------------


def test_a_connection_that_ends_in_the_handshake_is_no_question_of_trust() -> None:
    """It may be a restart of the server, so it is tried again; nothing has left."""

    def read_and_close(sock: Any, _: Any) -> None:
        sock.recv(65536)

    with RawServer(read_and_close) as server:
        configuration = Configuration(f"https://127.0.0.1:{server.port}", access_token="t")
        with ApiClient(configuration, clock=FakeClock()) as client, pytest.raises(ApiConnectionError) as caught:
            EntityConnectionsApi(client).put_entity_connections_accept("1")
        assert not isinstance(caught.value, TlsError)
        assert caught.value.outcome == "not_sent"
        assert len(caught.value.attempts) == server.connections == 3
