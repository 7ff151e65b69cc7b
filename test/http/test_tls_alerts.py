"""TLS alerts and truncation after a request was sent: neither proves that the request was not done."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from support import ScriptedServer, respond_json
from support.authority import Authority
from support.calls import CALLS, READS, WRITES, failure_of
from support.proxy import Proxy
from support.scripted import Handler
from support.wire import api_at

from zuora_client._http.attempt import Attempt
from zuora_client._http.error_mapping import map_exception
from zuora_client.deadline import Clock, Deadline, Timeouts
from zuora_client.exceptions import ApiConnectionError, TlsError

if TYPE_CHECKING:
    import socket

YES = respond_json({"success": True, "id": "1", "entityConnections": []})
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def alert_after(context: ssl.SSLContext, good: int, before: bytes) -> Handler:
    """Answer `good` requests; after the next one send `before`, a fatal alert, and no more.

    TLS runs in memory, because the ssl module sends an alert only if it fails itself: it gets a record that it cannot
    decrypt.
    """

    def serve(plain: socket.socket, _: None) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)

        def run(operation: Any, *arguments: Any) -> Any:
            while True:
                try:
                    result = operation(*arguments)
                except ssl.SSLWantReadError:  # noqa: PERF203 - the loop is the protocol
                    plain.sendall(outgoing.read())
                    data = plain.recv(65536)
                    if not data:
                        raise ConnectionResetError from None
                    incoming.write(data)
                else:
                    plain.sendall(outgoing.read())
                    return result

        run(tls.do_handshake)
        for number in range(good + 1):
            request = b""
            while b"\r\n\r\n" not in request:
                request += run(tls.read, 65536)
            if number < good:
                run(tls.write, YES)
        if before:
            run(tls.write, before)
        incoming.write(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        with contextlib.suppress(ssl.SSLError):
            tls.read(1)
        plain.sendall(outgoing.read())
        plain.recv(1)

    return serve


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("good", [0, 1], ids=["fresh", "reused"])
@pytest.mark.parametrize("before", [b"", YES[:30], YES[:-5]], ids=["first byte", "half a head", "half a body"])
@pytest.mark.parametrize("call", CALLS)
def test_alert_after_the_request_is_unknown(
    authority: Authority, version: ssl.TLSVersion, good: int, before: bytes, call: str
) -> None:
    context = authority.server()
    context.minimum_version = context.maximum_version = version
    server = ScriptedServer(on_accept=alert_after(context, good, before))
    with server, api_at(f"https://localhost:{server.port}", ssl_ca_cert=authority.file, max_attempts=1) as api:
        for _ in range(good):
            CALLS["PUT accept"](api)
        error = failure_of(CALLS[call], api)
    cause = error if call in READS else error.__cause__
    assert (error.outcome, type(cause)) == ("unknown", ApiConnectionError)
    assert "ALERT" in str(error.reason)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("good", [0, 1], ids=["fresh", "reused"])
def test_certificate_required_after_the_request(authority: Authority, call: str, good: int) -> None:
    """Only a read that is the first request of its connection may take it for a rejected client certificate."""
    context = authority.server()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.post_handshake_auth = True
    context.verify_mode = ssl.CERT_REQUIRED

    def demand(sock: Any, _: Any) -> None:
        with contextlib.suppress(ssl.SSLError):
            sock.verify_client_post_handshake()
            sock.write(b"")
            sock.read(1)
        with contextlib.suppress(OSError):
            sock.read(1)

    behaviours = [YES] * good + [demand]
    with (
        ScriptedServer(*behaviours, ssl_context=context) as server,
        api_at(server.url, ssl_ca_cert=authority.file, max_attempts=1) as api,
    ):
        for _ in range(good):
            CALLS["PUT accept"](api)
        error = failure_of(CALLS[call], api)
        assert len(server.requests) == good + 1
    if call in READS and not good:
        assert (type(error), error.outcome) == (TlsError, "not_sent")
    else:
        assert error.outcome == "unknown"
        assert not isinstance(error.__cause__ or error, TlsError) or call in READS


# -- the rule ---------------------------------------------------------------------------------------------------------


def mapped(
    alert: str, *, write: bool = False, version: str | None = "TLSv1.3", started: bool = False, own: bool
) -> Any:
    attempt = Attempt(Deadline(None, Clock()), Timeouts(None, None, None), write=write)
    attempt.sent, attempt.response_started, attempt.tls_version = True, started, version
    error = ssl.SSLError(1, f"[SSL: {alert}]")
    error.reason = alert
    result = map_exception(error, attempt, "https://host", client_certificate=own)
    return type(result), result.outcome


REJECTED = (TlsError, "not_sent")
BROKEN = (ApiConnectionError, "unknown")
CERTIFICATE_ALERTS = [
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
]


@pytest.mark.parametrize("alert", CERTIFICATE_ALERTS)
def test_certificate_alert_needs_a_client_certificate(alert: str) -> None:
    assert mapped(alert, own=True) == REJECTED
    assert mapped(alert, own=False) == BROKEN


@pytest.mark.parametrize("alert", [*CERTIFICATE_ALERTS, "TLSV13_ALERT_CERTIFICATE_REQUIRED"])
def test_conditions_of_a_rejected_certificate(alert: str) -> None:
    assert mapped(alert, own=True) == REJECTED
    assert mapped(alert, own=True, write=True) == BROKEN
    assert mapped(alert, own=True, started=True) == BROKEN
    assert mapped(alert, own=True, version="TLSv1.2") == BROKEN
    # None: not the first request of its connection.
    assert mapped(alert, own=True, version=None) == BROKEN


def test_certificate_required_needs_no_certificate() -> None:
    assert mapped("TLSV13_ALERT_CERTIFICATE_REQUIRED", own=False) == REJECTED


@pytest.mark.parametrize("alert", ["SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INTERNAL_ERROR", "CERTIFICATE_VERIFY"])
def test_other_alerts_prove_nothing(alert: str) -> None:
    assert mapped(alert, own=True) == BROKEN


# -- the end of TLS ---------------------------------------------------------------------------------------------------

WITHOUT_LENGTH = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b'{"success": true, "entityConnections": []}'
)


def close_notify(sock: Any, _: Any) -> None:
    sock.sendall(WITHOUT_LENGTH)
    with contextlib.suppress(OSError):
        sock.unwrap()


def close_abruptly(sock: Any, _: Any) -> None:
    sock.sendall(WITHOUT_LENGTH)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("through", ["direct", "http proxy", "https proxy"])
@pytest.mark.parametrize("call", ["GET", "PUT accept"])
def test_body_without_length_needs_close_notify(
    authority: Authority, version: ssl.TLSVersion, through: str, call: str
) -> None:
    """Without close_notify, the end of a connection may be an attacker's: it does not end a body."""
    context = authority.server()
    context.minimum_version = context.maximum_version = version
    for behaviour in (close_notify, close_abruptly):
        with ScriptedServer(behaviour, ssl_context=context) as server, contextlib.ExitStack() as stack:
            settings = {}
            if through != "direct":
                proxy = Proxy(
                    tunnel_to=server.port,
                    ssl_context=authority.server("127.0.0.1") if through == "https proxy" else None,
                )
                settings["proxy"] = stack.enter_context(proxy).url
            api = stack.enter_context(api_at(server.url, ssl_ca_cert=authority.file, max_attempts=1, **settings))
            if behaviour is close_notify:
                assert CALLS[call](api).success is True
            else:
                error = failure_of(CALLS[call], api)
                assert error.outcome == "unknown"
                assert "before the response was complete" in str(error.reason)


def test_truncated_stream_raises(authority: Authority) -> None:
    server = ScriptedServer(close_abruptly, ssl_context=authority.server())
    with server, api_at(f"https://localhost:{server.port}", ssl_ca_cert=authority.file) as api:
        raw = api.get_entity_connections(_preload_content=False)
        with pytest.raises(Exception, match="IncompleteRead"):
            raw.read()


def test_length_needs_no_close_notify(authority: Authority) -> None:
    def behave(sock: Any, _: Any) -> None:
        sock.sendall(YES)

    with ScriptedServer(behave, ssl_context=authority.server()) as server:
        for call in WRITES:
            # A client for each: the next request must not race with the close of the connection.
            with api_at(server.url, ssl_ca_cert=authority.file) as api:
                CALLS[call](api)
