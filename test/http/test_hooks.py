"""What a tool has replaced is called, whichever class it is set on and whenever that was done.

Where nothing is hooked, attempts take a shorter way through urllib3. It must not show.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import http.client
import socket
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import urllib3
from support.authority import Authority
from support.calls import CALLS, failure_of
from support.scripted import ScriptedServer
from support.tracer import traced_urlopen
from support.wire import YES, Wire, api_at

from zuora_client import ApiTimeoutError, EntityConnectionsApi, OutcomeUnknownError
from zuora_client._http.attempt import Attempt, set_timeout
from zuora_client._http.error_mapping import map_exception
from zuora_client.deadline import Timeouts

Pool = urllib3.HTTPConnectionPool
ACCESS_TOKEN = "a-long-access-token"
ROOT = Path(__file__).parents[2]


def answer() -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(b'{"success": true, "id": "mock"}', status=200, preload_content=False)


@pytest.mark.parametrize("name", ["_get_conn", "_new_conn"])
@pytest.mark.parametrize("call", ["POST", "PUT disconnect"])
def test_mock_of_connections(name: str, call: str) -> None:
    """A mock that hands out connections answers, and the server gets nothing."""
    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch.object(Pool, name) as get_connection:
        get_connection.return_value.getresponse.side_effect = answer
        assert CALLS[call](wire.api).success
        assert get_connection.call_count == 1
        assert wire.requests == []


def test_foreign_connections_get_plain_text() -> None:
    """A connection that a tool has created sends the request once, with the credentials as text."""

    def new_connection(pool: Any) -> Any:
        return urllib3.connection.HTTPConnection(pool.host, pool.port)

    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch.object(Pool, "_new_conn", new_connection):
        assert CALLS["PUT disconnect"](wire.api).success
        assert [request.headers["authorization"] for request in wire.requests] == [f"Bearer {ACCESS_TOKEN}"]


@pytest.mark.parametrize("name", ["urlopen", "_make_request"])
def test_mock_of_the_https_class(name: str, authority: Authority) -> None:
    server = ScriptedServer(YES, ssl_context=authority.server())
    with server, api_at(server.url, ssl_ca_cert=authority.file, access_token=ACCESS_TOKEN) as api:
        with mock.patch.object(urllib3.HTTPSConnectionPool, name, side_effect=lambda *_, **__: answer()) as hook:
            assert CALLS["POST"](api).id == "mock"
        with mock.patch.object(urllib3.HTTPSConnectionPool, name, side_effect=ConnectionResetError("lost")) as hook:
            assert isinstance(failure_of(CALLS["PUT disconnect"], api), OutcomeUnknownError)
        assert hook.call_count == 1
        assert server.requests == []


@pytest.mark.parametrize("name", ["urlopen", "_make_request", "_get_conn"])
def test_mock_of_the_class_of_the_pool(name: str) -> None:
    with Wire(access_token=ACCESS_TOKEN) as wire:
        pool: Any = wire.client.rest_client.pool_manager.connection_from_url(wire.server.url)
        with mock.patch.object(type(pool), name, autospec=True, side_effect=getattr(type(pool), name)) as hook:
            assert CALLS["PUT accept"](wire.api).success
        assert hook.call_count == 1


RECORDER_BEFORE = """
import sys
from unittest import mock
import urllib3
sys.path[:0] = {path!r}

class Recorder(urllib3.connection.HTTPConnection):
    def connect(self):
        raise AssertionError("it connects")

    def request(self, *args, **options):
        pass

    def getresponse(self):
        return urllib3.HTTPResponse(b'{{"success": true}}', status=200, preload_content=False)

recorders = [
    mock.patch.object(urllib3.HTTPConnectionPool, "ConnectionCls", Recorder),
    mock.patch("urllib3.connection.HTTPConnection", Recorder),
]
for recorder in recorders:
    recorder.start()
from support.calls import CALLS
from support.scripted import reset
from support.wire import YES, Wire
with Wire(YES, reset, access_token="a-long-access-token") as wire:
    print(CALLS["PUT disconnect"](wire.api).success, len(wire.requests))
    for recorder in recorders:
        recorder.stop()
    print(CALLS["PUT accept"](wire.api).success, len(wire.requests))
    try:
        CALLS["PUT disconnect"](wire.api)
    except Exception as error:
        print(error.outcome, len(wire.requests))
"""


def test_recorder_active_during_the_import() -> None:
    """It answers while it is active. Afterwards the connections are ours, and a lost write is sent once."""
    path = [str(ROOT), *[entry for entry in sys.path if entry]]
    command = [sys.executable, "-c", RECORDER_BEFORE.format(path=path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout.split(), done.stderr) == (["True", "0", "True", "1", "unknown", "2"], "")


def test_hook_of_send_gets_bytes() -> None:
    """Tracers that read the request from ``send`` of http.client expect bytes, as urllib3 passes them."""
    seen: list[type[Any]] = []
    original = http.client.HTTPConnection.send

    def send(connection: Any, data: Any) -> None:
        seen.append(type(data))
        original(connection, data)

    with Wire() as wire, mock.patch.object(http.client.HTTPConnection, "send", send):
        assert CALLS["POST"](wire.api).success
    assert seen == [bytes]


class WrappedSocket:
    """A socket as eventlet (`fd`), gevent (`_sock`) and urllib3's pyOpenSSL wrap one, without ``gettimeout``."""

    def __init__(self, name: str, sock: socket.socket) -> None:
        setattr(self, name, sock)
        self.timeouts: list[Any] = []

    def settimeout(self, seconds: float | None) -> None:
        self.timeouts.append(seconds)


@pytest.mark.parametrize("name", ["fd", "_sock"])
def test_abort_reaches_a_wrapped_socket(name: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        attempt = Attempt(None, Timeouts(1, 1, None))
        connection = mock.Mock(sock=WrappedSocket(name, ours), attempt=attempt)
        attempt.connection = weakref.ref(connection)
        attempt.abort()
        theirs.settimeout(20)
        assert theirs.recv(1) == b""


def test_socket_without_gettimeout() -> None:
    with socket.socket() as sock:
        wrapped = WrappedSocket("connection", sock)
        set_timeout(wrapped, 3.0)
    assert wrapped.timeouts == [3.0]


@pytest.mark.parametrize("hook", ["urlopen", "getresponse"])
def test_deadline_before_sending_under_a_tracer(hook: str) -> None:
    """A tracer of ``urlopen`` or ``getresponse`` does not make it doubtful whether a request was sent."""
    owner: Any = Pool if hook == "urlopen" else http.client.HTTPConnection
    original = getattr(owner, hook)

    @functools.wraps(original)
    def traced(*args: Any, **options: Any) -> Any:
        return original(*args, **options)

    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch.object(owner, hook, traced):
        view = wire.client.view(wire.client.clock, lambda attempt: attempt.abort())
        error = failure_of(CALLS["PUT disconnect"], EntityConnectionsApi(view))
        assert (error.outcome, wire.requests) == ("not_sent", [])


class Equal:
    """A wrapper that is equal to the function that it wraps, as those of wrapt are."""

    def __init__(self, function: Any, seen: list[Any]) -> None:
        self.__wrapped__ = function
        self.__code__ = function.__code__
        self._seen = seen

    def __eq__(self, other: object) -> bool:
        return bool(self.__wrapped__ == other)

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **options: Any) -> Any:
        self._seen.append(args)
        return self.__wrapped__(*args, **options)


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Pool, "urlopen"), (Pool, "_make_request"), (urllib3.PoolManager, "urlopen"), (urllib3.PoolManager, "request")],
)
def test_wrapper_that_equals_the_function(owner: Any, name: str) -> None:
    seen: list[Any] = []
    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch.object(owner, name, Equal(getattr(owner, name), seen)):
        assert CALLS["PUT accept"](wire.api).success
        assert (len(seen), len(wire.requests)) == (1, 1)


INSTALLED_BEFORE = """
import functools, sys
import urllib3
sys.path[:0] = {path!r}

owner = urllib3.PoolManager if {name!r} == "request" else urllib3.HTTPConnectionPool
original = getattr(owner, {name!r})
seen = []

@functools.wraps(original)
def hook(self, *args, **options):
    seen.append(args)
    if {answers}:
        return urllib3.HTTPResponse(b'{{"success": true}}', status=200, preload_content=False)
    return original(self, *args, **options)

setattr(owner, {name!r}, hook)
from support.calls import CALLS
from support.wire import Wire
with Wire(access_token="a-long-access-token") as wire:
    print(CALLS["PUT disconnect"](wire.api).success, len(seen), len(wire.requests))
"""


@pytest.mark.parametrize("name", ["urlopen", "_make_request", "request"])
@pytest.mark.parametrize("answers", [False, True])
def test_tool_installed_before_the_import(name: str, answers: bool) -> None:
    path = [str(ROOT), *[entry for entry in sys.path if entry]]
    program = INSTALLED_BEFORE.format(path=path, name=name, answers=answers)
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert output.stdout.split() == ["True", "1", "0" if answers else "1"]


@pytest.mark.parametrize("call", ["GET", "POST", "PUT disconnect"])
def test_tool_that_returns_its_own_response(call: str) -> None:
    """A response that wraps the one of http.client is read after the call has returned it."""

    class Wrapped:
        version_string, length_remaining = "HTTP/1.1", 1

        def __init__(self, response: Any) -> None:
            self._response = response
            self.status, self.reason, self.headers = response.status, response.reason, response.headers

        @property
        def data(self) -> bytes:
            content: bytes = self._response.read()
            return content

    original = http.client.HTTPConnection.getresponse
    with (
        Wire() as wire,
        mock.patch.object(http.client.HTTPConnection, "getresponse", lambda self: Wrapped(original(self))),
    ):
        assert CALLS[call](wire.api).success
        assert len(wire.requests) == 1


TARGETS = [
    "/v1/a",
    "/v1/a-b_c.d~e?x=1&y=2",
    "/v1/%c3%b6?q=%aa",
    "/v1/a?q={x}",
    '/v1/a?q="<>^`',
    "/v1/a%zz",
    "/v1/a?x=[1]|2",
    "/v1/a?q=a?b",
    "/v1/a?q=%",
    "/v1/a/../b;c",
    "/v1/a?",
]


@pytest.mark.parametrize("target", TARGETS)
def test_tracer_changes_no_byte_of_a_request(target: str) -> None:
    """With and without a tracer, the same request goes out: what urllib3 encodes stays encoded."""
    sent = []
    with Wire() as wire:
        for tracer in (traced_urlopen(), contextlib.nullcontext()):
            with tracer:
                wire.client.rest_client.request("GET", wire.server.url + target, headers={"X-Name": "value"})
            sent.append(wire.requests[-1])
    assert sent[0].target == sent[1].target
    assert list(sent[0].headers.items()) == list(sent[1].headers.items())


def test_server_that_closes_while_the_request_is_sent() -> None:
    """macOS reports EPROTOTYPE then. The response may have arrived before."""
    original = http.client.HTTPConnection.send

    def send(connection: Any, data: Any) -> None:
        original(connection, data)
        raise OSError(errno.EPROTOTYPE, "Protocol wrong type for socket")

    with Wire() as wire, mock.patch.object(http.client.HTTPConnection, "send", send):
        assert CALLS["PUT disconnect"](wire.api).success


def test_timeout_of_the_operating_system() -> None:
    """SO_RCVTIMEO of a caller's socket options ends a read with EAGAIN."""
    attempt = Attempt(None, Timeouts(1, 1, None))
    error = map_exception(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), attempt, "http://host")
    assert type(error) is ApiTimeoutError
    assert error.outcome == "unknown"
