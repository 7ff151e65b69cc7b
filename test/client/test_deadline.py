"""One deadline for everything that a caller waits for.

The tests use real sockets and the real clock. A call that must end after half a second is given twenty, so that slow
machines pass and a response that takes a minute fails.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from typing import Any

import pytest
import urllib3
from support import FakeClock, ScriptedServer, respond, respond_json
from support.authority import Authority
from support.calls import CALLS, failure_of
from support.faulty import drip, endless
from support.scripted import unresponsive_url
from support.threads import wait_until
from support.wire import YES, Wire, api_at, silent

from zuora_client import EntityConnectionsApi
from zuora_client.deadline import Clock, Deadline, Timeouts
from zuora_client.exceptions import ApiException, ApiTimeoutError, OutcomeUnknownError

SHORT = 0.5
GENEROUS = 20.0
PAUSE = 0.05  # before each byte: 1,200 bytes take a minute
LONG = respond_json({"success": True, "id": "1", "entityConnections": [], "padding": "x" * 1200})
BODY_AT = LONG.index(b"\r\n\r\n") + 4
CHUNKED = respond(200, b"1\r\n{\r\n" + b"1\r\n \r\n" * 300 + b"1\r\n}\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"})
TRAILERS = respond(200, b"2\r\n{}\r\n0\r\n" + b"X-Trailer: y\r\n" * 100 + b"\r\n", {"Transfer-Encoding": "chunked"})
CLOSING = LONG.replace(b"Content-Type", b"Connection: close\r\nContent-Type")
HTTP_1_0 = b"HTTP/1.0 200 OK\r\n\r\n" + LONG[BODY_AT:]
FAILING = LONG.replace(b"200 Test", b"404 Test")


api_of = functools.partial(api_at, clock=Clock())


def error_at_deadline(api: EntityConnectionsApi, name: str = "PUT disconnect") -> ApiException:
    """Return the error of a call that must end at its deadline of SHORT seconds."""
    started = time.monotonic()
    error = failure_of(CALLS[name], api)
    elapsed = time.monotonic() - started
    assert SHORT <= elapsed < GENEROUS
    is_timeout = error.__cause__ is None or isinstance(error, ApiTimeoutError)
    assert isinstance(error if is_timeout else error.__cause__, ApiTimeoutError)
    assert f"the deadline of {SHORT:g} s passed" in str(error.reason)
    return error


SLOW = {
    "no response": silent,
    "headers drip": drip(LONG, PAUSE),
    "body drips": drip(LONG, PAUSE, from_byte=BODY_AT),
    "last bytes drip": drip(LONG, PAUSE, from_byte=len(LONG) - 100),
    "chunks drip": drip(CHUNKED, PAUSE, from_byte=60),
    "trailers drip": drip(TRAILERS, PAUSE, from_byte=80),
    "Connection: close drips": drip(CLOSING, PAUSE, from_byte=BODY_AT),
    "HTTP/1.0 drips": drip(HTTP_1_0, PAUSE, from_byte=30),
    "error response drips": drip(FAILING, PAUSE, from_byte=BODY_AT),
    "endless 100 Continue": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 50, PAUSE),
    "endless 103": drip(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 50, PAUSE),
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("call", ["GET", "PUT disconnect"])
def test_slow_response(name: str, call: str) -> None:
    with ScriptedServer(SLOW[name]) as server, api_of(server.url, deadline=SHORT) as api:
        error = error_at_deadline(api, call)
        assert error.outcome == "unknown"
        assert isinstance(error, OutcomeUnknownError) == (call != "GET")
        # The client may time out before the server has recorded the request.
        wait_until(lambda: len(server.requests) == 1)


@pytest.mark.parametrize("name", ["no response", "headers drip", "body drips", "Connection: close drips"])
def test_slow_response_over_tls(name: str, authority: Authority) -> None:
    settings = {"deadline": SHORT, "ssl_ca_cert": authority.file}
    with (
        ScriptedServer(SLOW[name], ssl_context=authority.server()) as server,
        api_of(server.url, **settings) as api,
    ):
        assert error_at_deadline(api).outcome == "unknown"


def test_slow_headers_of_streaming_response() -> None:
    def stream(api: EntityConnectionsApi) -> Any:
        return api.put_entity_connections_accept("1", _preload_content=False, _request_timeout=SHORT)

    with ScriptedServer(drip(LONG, PAUSE)) as server, api_of(server.url) as api:
        assert isinstance(failure_of(stream, api).__cause__, ApiTimeoutError)


def test_streaming_body_has_no_deadline() -> None:
    with ScriptedServer(drip(LONG, 0.02, from_byte=len(LONG) - 40)) as server, api_of(server.url) as api:
        # Forty bytes, 20 ms each: longer than the deadline.
        response = api.get_entity_connections(_preload_content=False, _request_timeout=0.5)
        assert response.read() == LONG[BODY_AT:]
        response.release_conn()


def test_connection_is_never_accepted() -> None:
    with unresponsive_url() as url, api_of(url, deadline=SHORT, connect_timeout=60) as api:
        assert error_at_deadline(api).outcome == "not_sent"


def test_silent_tls_handshake() -> None:
    # A server without TLS waits for the end of a request that never ends.
    with ScriptedServer(silent) as server, api_of(server.url.replace("http", "https"), deadline=SHORT) as api:
        assert error_at_deadline(api).outcome == "not_sent"
        assert server.requests == []


def test_dripping_tls_handshake() -> None:
    record = b"\x16\x03\x03\x40\x00" + b"\x02" * 1200
    server = ScriptedServer(on_accept=drip(record, PAUSE))
    with server, api_of(f"https://127.0.0.1:{server.port}", deadline=SHORT) as api:
        assert error_at_deadline(api).outcome == "not_sent"


@pytest.mark.parametrize("proxy", [silent, drip(b"HTTP/1.1 200 Connection established\r\n" + b"X: y\r\n" * 200, PAUSE)])
def test_slow_proxy(proxy: Any) -> None:
    with (
        ScriptedServer(proxy) as server,
        api_of("https://zuora.invalid", proxy=server.url, deadline=SHORT) as api,
    ):
        assert error_at_deadline(api).outcome == "not_sent"
        wait_until(lambda: [request.method for request in server.requests] == ["CONNECT"])


def test_silent_forwarding_proxy() -> None:
    """A forwarding proxy has received the request, so the outcome is unknown."""
    with (
        ScriptedServer(silent) as server,
        api_of("http://zuora.invalid", proxy=server.url, deadline=SHORT) as api,
    ):
        assert error_at_deadline(api).outcome == "unknown"


@pytest.mark.parametrize("behaviour", [silent, drip(LONG, PAUSE)], ids=["hangs", "drips"])
def test_slow_token_endpoint(behaviour: Any) -> None:
    with ScriptedServer(behaviour) as server:
        with api_of(server.url, client_id="id", client_secret="secret", deadline=SHORT) as api:
            assert error_at_deadline(api).outcome == "not_sent"
        wait_until(lambda: [request.target for request in server.requests] == ["/oauth/token"])


def test_wait_for_token_of_another_thread() -> None:
    received, released = threading.Event(), threading.Event()

    def hang(_: Any, __: Any) -> None:
        received.set()
        released.wait(2 * GENEROUS)

    first: list[ApiException] = []
    with ScriptedServer(hang) as server:
        settings = {"client_id": "id", "client_secret": "secret", "max_attempts": 1}
        with api_of(server.url, **settings) as api:
            thread = threading.Thread(target=lambda: first.append(failure_of(CALLS["GET"], api)))
            thread.start()
            assert received.wait(GENEROUS)
            started = time.monotonic()
            with pytest.raises(ApiTimeoutError) as caught:
                api.put_entity_connections_disconnect("1", _request_timeout=SHORT)
            assert time.monotonic() - started < GENEROUS
            assert caught.value.outcome == "not_sent"
            assert "another thread" in str(caught.value)
            assert len(server.requests) == 1
            released.set()
            thread.join(GENEROUS)
    assert [error.outcome for error in first] == ["not_sent"]


def test_request_is_never_read() -> None:
    server = ScriptedServer(on_accept=lambda *_: server.wait(GENEROUS))
    with server, api_of(server.url, deadline=SHORT) as api:
        started = time.monotonic()
        with pytest.raises(OutcomeUnknownError) as caught:
            api.api_client.call_api("/v1/x", "PUT", header_params={"Content-Type": "text/plain"}, body=b"x" * 2**25)
        assert SHORT <= time.monotonic() - started < GENEROUS
        assert isinstance(caught.value.__cause__, ApiTimeoutError)


def test_endless_response_without_deadline() -> None:
    """Without a deadline, an endless response still ends at max_response_bytes."""
    body = endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536)
    with Wire(body, deadline=None, max_response_bytes=2**20) as wire:
        assert "larger than 1048576 bytes" in str(failure_of(CALLS["GET"], wire.api))


# -- one deadline for tokens, attempts and waits --------------------------------------------------------------------


def after(wire: Wire, seconds: float, data: bytes) -> Any:
    """A behaviour that advances the clock of the client before it responds."""

    def behave(sock: Any, _: Any) -> bool:
        wire.clock.advance(seconds)
        sock.sendall(data)
        return True

    return behave


@pytest.mark.parametrize(("hint", "sent"), [(29, 3), (30, 2), (31, 2)])
def test_token_attempts_and_waits_share_deadline(hint: int, sent: int) -> None:
    token = respond_json({"access_token": "token", "expires_in": 3599})
    later = respond(503, b"", {"Retry-After": str(hint)})
    with Wire(client_id="id", client_secret="secret", deadline=100) as wire:
        wire.server._behaviours = [after(wire, 30, token), after(wire, 40, later), YES]
        if sent == 3:
            assert CALLS["PUT accept"](wire.api).success
        else:
            assert failure_of(CALLS["PUT accept"], wire.api).retry_after == hint
        assert len(wire.requests) == sent


def test_nothing_is_sent_after_the_deadline() -> None:
    token = respond_json({"access_token": "token", "expires_in": 3599})
    with Wire(client_id="id", client_secret="secret", deadline=100) as wire:
        wire.server._behaviours = [after(wire, 101, token)]
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (type(error), error.outcome, len(wire.requests)) == (ApiTimeoutError, "not_sent", 1)


def test_late_response_within_deadline() -> None:
    """A response that arrives before the deadline is accepted, even if it took longer than read_timeout in total."""
    with Wire(deadline=100, read_timeout=30) as wire:
        wire.server._behaviours = [after(wire, 99, YES)]
        assert CALLS["PUT accept"](wire.api).success


def test_dripping_tls_within_tls(authority: Authority) -> None:
    # The start of a handshake record, then single bytes.
    record = b"\x16\x03\x03\x40\x00" + b"\x00" * 1200

    def accept_and_drip(sock: Any, received: Any) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        drip(record, PAUSE)(sock, received)

    with ScriptedServer(accept_and_drip, ssl_context=authority.server("localhost")) as proxy:
        settings = {"proxy": proxy.url, "ssl_ca_cert": authority.file, "deadline": SHORT}
        with api_of("https://zuora.invalid", **settings) as api:
            assert error_at_deadline(api).outcome == "not_sent"


# -- _request_timeout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [SHORT, 1e-9])
def test_number_limits_whole_call(seconds: float) -> None:
    with ScriptedServer(silent) as server, api_of(server.url) as api:
        started = time.monotonic()
        with pytest.raises(ApiTimeoutError):
            api.get_entity_connections(_request_timeout=seconds)
        assert time.monotonic() - started < GENEROUS


def test_number_replaces_shorter_deadline() -> None:
    with (
        ScriptedServer(drip(YES, 0.01, from_byte=len(YES) - 20)) as server,
        api_of(server.url, deadline=0.05) as api,
    ):
        assert api.get_entity_connections(_request_timeout=GENEROUS).success


PER_ATTEMPT: dict[str, Any] = {
    "pair": (5, 0.05),
    "list": [5, 0.05],
    "pair without a connect timeout": (None, 0.05),
    "read": urllib3.Timeout(connect=5, read=0.05),
    "read alone": urllib3.Timeout(read=0.05),
    "total": urllib3.Timeout(total=0.05),
    "total below read": urllib3.Timeout(total=0.05, read=5),
    "read below total": urllib3.Timeout(total=5, connect=5, read=0.05),
}


@pytest.mark.parametrize("form", PER_ATTEMPT)
def test_pair_or_timeout_limits_each_attempt(form: str) -> None:
    with Wire(silent) as wire:
        with pytest.raises(ApiTimeoutError) as caught:
            wire.api.get_entity_connections(_request_timeout=PER_ATTEMPT[form])
        wait_until(lambda: len(wire.requests) == 3)
        assert "no data received for 0.05 s (read timeout)" in str(caught.value)


def test_missing_parts_are_the_configured_ones() -> None:
    default = Timeouts(10.0, 130.0, 300.0)
    given = {
        (5.0, 130.0): urllib3.Timeout(connect=5),
        (10.0, 6.0): urllib3.Timeout(read=6),
        (None, None): urllib3.Timeout(connect=None, read=None),
        (7.0, 7.0): urllib3.Timeout(total=7),
        (4.0, None): (4, None),
    }
    for expected, timeout in given.items():
        read = Timeouts.from_request_timeout(timeout, default)
        assert (read.connect, read.read, read.deadline) == (*expected, 300.0)


INVALID: dict[str, tuple[Any, type[Exception]]] = {
    "zero": (0, ValueError),
    "negative": (-1, ValueError),
    "NaN": (math.nan, ValueError),
    "infinite": (math.inf, ValueError),
    "bool": (True, TypeError),
    "text": ("5", TypeError),
    "sequence of one": ((1,), ValueError),
    "sequence of three": ((1, 2, 3), ValueError),
    "zero in a pair": ((0, 1), ValueError),
    "negative in a pair": ((1, -1), ValueError),
    "bool in a pair": ((True, 1), TypeError),
    "text in a pair": (("1", 1), TypeError),
    "an object": (object(), TypeError),
}


@pytest.mark.parametrize("form", INVALID)
@pytest.mark.parametrize("async_req", [False, True])
def test_invalid_timeout_raises_at_call(form: str, async_req: bool) -> None:
    value, error = INVALID[form]
    with Wire() as wire:
        with pytest.raises(error, match="_request_timeout"):
            wire.api.get_entity_connections(_request_timeout=value, async_req=async_req)  # type: ignore[call-overload]
        assert wire.requests == []


@pytest.mark.parametrize("seconds", [10**400, 1e300, 2**31])
def test_very_long_timeout_is_clamped(seconds: float) -> None:
    with Wire() as wire:
        assert wire.api.get_entity_connections(_request_timeout=seconds).success
        assert wire.api.get_entity_connections(_request_timeout=(seconds, seconds)).success


def test_call_without_limits() -> None:
    with Wire(connect_timeout=None, read_timeout=None, deadline=None) as wire:
        assert CALLS["PUT accept"](wire.api).success


# -- Deadline and Clock ---------------------------------------------------------------------------------------------


def test_deadline_expires() -> None:
    clock = FakeClock()
    deadline = Deadline(10, clock)
    assert (deadline.remaining(), deadline.expired) == (10, False)
    clock.advance(4)
    assert (deadline.clamp(3), deadline.clamp(7), deadline.clamp(None)) == (3, 6, 6)
    assert (deadline.earlier(2).remaining(), deadline.earlier(20).remaining()) == (2, 6)
    clock.advance(6)
    assert deadline.expired
    clock.advance(1)
    assert deadline.remaining() == -1


def test_no_deadline_never_expires() -> None:
    deadline = Deadline(None, FakeClock())
    assert (deadline.remaining(), deadline.expired, deadline.clamp(None), deadline.clamp(5)) == (None, False, None, 5)


def test_clock_is_monotonic() -> None:
    assert Clock.now is time.monotonic
