"""Whatever replaces a function of urllib3 or http.client sees every attempt, or answers it."""

from __future__ import annotations

import copy
import functools
import http.client
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import urllib3
from support import respond
from support.authority import Authority
from support.calls import CALLS, failure_of
from support.proxy import Proxy
from support.scripted import ScriptedServer
from support.tokens import CLIENT_ID, CLIENT_SECRET, TokenServer
from support.wire import YES, Wire, api_at

from zuora_client import ApiClient, Configuration, EntityConnectionsApi, OutcomeUnknownError
from zuora_client._http.transport import RESTClientObject

Pool = urllib3.HTTPConnectionPool
Manager = urllib3.PoolManager
# Nothing listens there.
REFUSING = "http://127.0.0.1:9"
BODY = b'{"success": true, "id": "from the seam", "entityConnections": []}'

# Each function that a tool may replace; `seen` gets the method of each attempt.
SEAMS: dict[str, tuple[Any, str]] = {
    "pool urlopen": (Pool, "urlopen"),
    "pool _make_request": (Pool, "_make_request"),
    "manager request": (Manager, "request"),
    "manager urlopen": (Manager, "urlopen"),
    "transport request": (RESTClientObject, "request"),
    "putrequest": (http.client.HTTPConnection, "putrequest"),
    "endheaders": (http.client.HTTPConnection, "endheaders"),
    "getresponse": (http.client.HTTPConnection, "getresponse"),
    "send": (http.client.HTTPConnection, "send"),
    "connection request": (urllib3.connection.HTTPConnection, "request"),
    "connection getresponse": (urllib3.connection.HTTPConnection, "getresponse"),
}
ANSWERING = {name: SEAMS[name] for name in list(SEAMS)[:5]}


def spy(owner: Any, name: str, seen: list[Any]) -> Any:
    """Return a patch of a function that counts its calls."""
    original = getattr(owner, name)

    def replacement(*arguments: Any, **options: Any) -> Any:
        seen.append(arguments)
        return original(*arguments, **options)

    return mock.patch.object(owner, name, replacement)


@pytest.mark.parametrize("seam", SEAMS)
@pytest.mark.parametrize("call", ["GET", "POST", "PUT disconnect"])
def test_wrapper_sees_every_attempt(seam: str, call: str) -> None:
    """Token requests and retries included; the outcome is what it is without the wrapper."""
    seen: list[Any] = []
    with TokenServer() as server, api_at(server.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as api:
        with spy(*SEAMS[seam], seen):
            assert CALLS[call](api).success
            server.call_behaviour = respond(502)
            error = failure_of(CALLS[call], api)
        assert error.outcome == ("unknown" if call != "GET" else error.outcome)
        assert len(seen) == len(server.requests) == 2 + len(error.attempts)


@pytest.mark.parametrize("seam", SEAMS)
def test_wrapper_over_tls(seam: str, authority: Authority) -> None:
    seen: list[Any] = []
    with (
        ScriptedServer(YES, ssl_context=authority.server()) as server,
        api_at(server.url, ssl_ca_cert=authority.file) as api,
        spy(*SEAMS[seam], seen),
    ):
        for _ in range(2):
            assert CALLS["PUT accept"](api).success
        assert (len(seen), len(server.requests), server.connections) == (2, 2, 1)


@pytest.mark.parametrize("seam", ["pool urlopen", "pool _make_request", "manager request", "manager urlopen"])
def test_wrapper_adds_headers(seam: str) -> None:
    owner, name = SEAMS[seam]
    original = getattr(owner, name)

    def replacement(*arguments: Any, **options: Any) -> Any:
        return original(*arguments, **{**options, "headers": {**options["headers"], "traceparent": "00-1-2-01"}})

    with Wire() as wire, mock.patch.object(owner, name, replacement):
        assert CALLS["POST"](wire.api).success
        assert wire.sent.headers["traceparent"] == "00-1-2-01"
        assert wire.sent.headers["idempotency-key"]


@pytest.mark.parametrize("owner", [http.client.HTTPConnection, urllib3.connection.HTTPConnection])
def test_wrapper_sees_every_header(owner: Any) -> None:
    """A tool that replaces ``putheader`` gets each header as text, credentials too."""
    seen: list[Any] = []
    with Wire(access_token="a-long-token") as wire, spy(owner, "putheader", seen):
        assert CALLS["POST"](wire.api).success
    headers = {name.lower(): str(*values) for _, name, *values in seen}
    assert headers["authorization"] == "Bearer a-long-token"
    assert headers["idempotency-key"] == wire.sent.headers["idempotency-key"]
    assert wire.sent.headers.keys() == headers.keys()


@pytest.mark.parametrize("name", ["putrequest", "endheaders"])
def test_http_client_wrapper_adds_headers(name: str) -> None:
    original: Callable[..., Any] = getattr(http.client.HTTPConnection, name)

    def replacement(self: Any, *arguments: Any, **options: Any) -> Any:
        if name == "endheaders":
            self.putheader("traceparent", "00-1-2-01")
        result = original(self, *arguments, **options)
        if name == "putrequest":
            self.putheader("traceparent", "00-1-2-01")
        return result

    with Wire() as wire, mock.patch.object(http.client.HTTPConnection, name, replacement):
        assert CALLS["PUT accept"](wire.api).success
        assert wire.sent.headers["traceparent"] == "00-1-2-01"


@pytest.mark.parametrize("seam", ["pool urlopen", "pool _make_request"])
@pytest.mark.parametrize(("wrappers", "masked"), [(1, True), (8, True), (10, False)])
def test_wrappers_see_masked_credentials(seam: str, wrappers: int, masked: bool) -> None:
    """A wrapper that names what it wraps needs no plain text; ten around each other are not followed."""
    owner, name = SEAMS[seam]
    seen: list[str] = []

    def wrapper_of(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*arguments: Any, **options: Any) -> Any:
            seen.append(repr((arguments, options)))
            return function(*arguments, **options)

        return wrapper

    function = getattr(owner, name)
    for _ in range(wrappers):
        function = wrapper_of(function)
    with Wire(access_token="the-token") as wire, mock.patch.object(owner, name, function):
        assert CALLS["PUT accept"](wire.api).success
        assert wire.sent.headers["authorization"] == "Bearer the-token"
    assert len(seen) == wrappers
    assert any("the-token" in each for each in seen) is not masked


@pytest.mark.parametrize("seam", ["pool urlopen", "pool _make_request"])
def test_replacement_sees_plain_text(seam: str) -> None:
    """A function that answers itself can match on the credentials."""
    with (
        api_at(REFUSING, access_token="the-token") as api,
        mock.patch.object(*SEAMS[seam], side_effect=lambda *_, **__: recorded()) as replacement,
    ):
        assert CALLS["PUT accept"](api).success
    headers = replacement.call_args.kwargs["headers"]
    assert {type(value) for value in headers.values()} == {str}
    assert headers["Authorization"] == "Bearer the-token"


def recorded(status: int = 200, body: bytes = BODY) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(body, {"Content-Type": "application/json"}, status, preload_content=False)


def invented(status: int = 200, body: bytes = BODY) -> Any:
    return mock.Mock(
        status=status,
        reason="OK",
        data=body,
        headers={"Content-Type": "application/json"},
        spec_set=["status", "reason", "data", "headers"],
    )


@pytest.mark.parametrize("seam", ANSWERING)
@pytest.mark.parametrize("respond", [recorded, invented])
def test_seam_answers_every_attempt(seam: str, respond: Callable[..., Any]) -> None:
    """A mock or a recording is taken as it is, and nothing reaches the network."""
    with api_at(REFUSING) as api, mock.patch.object(*ANSWERING[seam]) as seam_mock:
        seam_mock.side_effect = lambda *_, **__: respond()
        assert CALLS["POST"](api).id == "from the seam"
        assert CALLS["GET"](api).success
        seam_mock.side_effect = lambda *_, **__: respond(400, b'{"reasons": [{"code": 50000040}]}')
        assert failure_of(CALLS["PUT accept"], api).outcome == "answered"
        seam_mock.side_effect = lambda *_, **__: respond(502, b"")
        assert failure_of(CALLS["PUT accept"], api).outcome == "unknown"
        assert seam_mock.call_count == 4


@pytest.mark.parametrize("seam", list(ANSWERING)[:4])
def test_seam_answers_with_too_much(seam: str) -> None:
    with api_at(REFUSING, max_response_bytes=1000) as api, mock.patch.object(*ANSWERING[seam]) as seam_mock:
        seam_mock.side_effect = lambda *_, **__: recorded(200, b" " * 2000)
        error = failure_of(CALLS["PUT accept"], api)
        assert (error.outcome, error.status) == ("unknown", 200)


@pytest.mark.parametrize("seam", ["pool urlopen", "pool _make_request", "manager request", "manager urlopen"])
@pytest.mark.parametrize(
    "error",
    [urllib3.exceptions.ProtocolError("lost"), ConnectionResetError("lost"), TimeoutError("lost")],
    ids=lambda error: type(error).__name__,
)
def test_seam_that_raises_leaves_doubt(seam: str, error: Exception) -> None:
    """Whether a foreign function has sent a write is not known, so it is not sent again."""
    with api_at(REFUSING) as api, mock.patch.object(*SEAMS[seam], side_effect=error) as seam_mock:
        with pytest.raises(OutcomeUnknownError) as caught:
            CALLS["PUT disconnect"](api)
        assert (caught.value.outcome, seam_mock.call_count) == ("unknown", 1)


@pytest.mark.parametrize("seam", [*list(SEAMS)[:4], "putrequest"])
def test_refused_connection_below_a_wrapper(seam: str) -> None:
    """A connection of ours was reached, and it knows that nothing was sent: the write is retried."""
    with api_at(REFUSING, max_attempts=2) as api, spy(*SEAMS[seam], []):
        error = failure_of(CALLS["PUT disconnect"], api)
        assert (error.outcome, len(error.attempts)) == ("not_sent", 2)


@pytest.mark.parametrize("name", ["request", "urlopen"])
def test_attribute_of_the_manager(name: str) -> None:
    """A function that is assigned to the manager itself answers too."""
    with api_at(REFUSING) as api:
        setattr(api.api_client.rest_client.pool_manager, name, lambda *_, **__: recorded())
        assert CALLS["POST"](api).id == "from the seam"


def test_replaced_request_of_the_transport() -> None:
    with Wire() as wire:
        seen = []

        def request(method: str, url: str, **options: Any) -> Any:
            seen.append((method, url.removeprefix(wire.server.url), sorted(options)))
            return invented()

        wire.client.rest_client.request = request  # type: ignore[method-assign, assignment]
        assert CALLS["POST"](wire.api).id == "from the seam"
        wire.api.get_entity_connections(page=2, page_size=5)
        options = ["_preload_content", "_request_timeout", "body", "headers", "query_params"]
        assert seen == [("POST", "/v1/entity-connections", options), ("GET", "/v1/entity-connections", options)]
        assert wire.requests == []


class ForeignConnection(urllib3.connection.HTTPConnection):
    """Like the connections of a recorder: it answers without a socket."""

    made = 0

    def connect(self) -> None:
        raise AssertionError("it connects")

    def request(self, *_: Any, **__: Any) -> None:
        type(self).made += 1

    def getresponse(self) -> Any:
        return recorded()


def test_connection_class_replaced_later() -> None:
    """A connection class that a recorder puts in place after the first call is used, and ours again afterwards."""
    with Wire(YES) as wire:
        with mock.patch.object(Pool, "ConnectionCls", ForeignConnection):
            assert CALLS["POST"](wire.api).id == "from the seam"
            assert CALLS["PUT accept"](wire.api).success
        assert wire.requests == []
        assert ForeignConnection.made == 2
        assert CALLS["PUT accept"](wire.api).success
        assert len(wire.requests) == 1


class LosingConnection(ForeignConnection):
    def getresponse(self) -> Any:
        raise ConnectionResetError("lost")


def test_lost_response_of_a_foreign_connection() -> None:
    """What a connection of another class has sent is not known: the write is not sent again."""
    with Wire() as wire, mock.patch.object(Pool, "ConnectionCls", LosingConnection):
        error = failure_of(CALLS["PUT disconnect"], wire.api)
    assert (error.outcome, len(error.attempts), wire.requests) == ("unknown", 1, [])


def test_first_client_inside_a_recording() -> None:
    """A recorder that was there before the first client answers it; afterwards the connections are ours."""
    path = [entry for entry in sys.path if entry]
    with Wire(YES) as wire:
        program = RECORDING.format(path=path, url=wire.server.url)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout.split(), done.stderr) == (["recorded", "200"], "")
        assert len(wire.requests) == 1


# Imports the client first, as a program does whose tests use a recorder.
RECORDING = """
import sys
sys.path = {path}
import urllib3
from unittest import mock
from zuora_client import ApiClient, Configuration, EntityConnectionsApi

BODY = b'{{"success": true, "id": "recorded"}}'

class Recorder(urllib3.connection.HTTPConnection):
    def connect(self):
        raise AssertionError("it connects")

    def request(self, *_, **__):
        pass

    def getresponse(self):
        return urllib3.HTTPResponse(BODY, {{"Content-Type": "application/json"}}, 200, preload_content=False)

with ApiClient(Configuration("{url}")) as client:
    api = EntityConnectionsApi(client)
    with mock.patch.object(urllib3.HTTPConnectionPool, "ConnectionCls", Recorder):
        print(api.post_entity_connections(request={{"targetEntityId": "b"}}).id)
    print(api.put_entity_connections_accept_with_http_info("1")[1])
"""


# -- the manager of the caller --------------------------------------------------------------------------------------


def test_assigned_proxy_manager() -> None:
    with Wire() as wire, Proxy() as proxy:
        manager = urllib3.ProxyManager(proxy.url)
        wire.client.rest_client.pool_manager = manager
        assert wire.client.rest_client.pool_manager is manager
        assert CALLS["PUT accept"](wire.api).success
        assert [line.partition(" HTTP")[0].partition("/v1")[0] for line in proxy.lines] == [f"PUT {wire.server.url}"]
        with pytest.raises(TypeError, match="assign it right after creating the ApiClient"):
            wire.client.rest_client.pool_manager = Manager()


def test_assigned_proxy_manager_with_tunnel(authority: Authority) -> None:
    """TLS settings of the configuration apply to a manager that has none."""
    with (
        ScriptedServer(YES, ssl_context=authority.server()) as server,
        Proxy(tunnel_to=server.port) as proxy,
        api_at(server.url, ssl_ca_cert=authority.file) as api,
    ):
        api.api_client.rest_client.pool_manager = urllib3.ProxyManager(proxy.url)
        assert CALLS["PUT accept"](api).success
        assert [line.rpartition(" ")[0] for line in proxy.lines] == [f"CONNECT localhost:{server.port}"]
        assert len(server.requests) == 1


def test_blocking_pools_are_refused() -> None:
    with Wire() as wire:
        wire.client.rest_client.pool_manager = Manager(block=True)
        with pytest.raises(ValueError, match="block=True is not supported"):
            CALLS["GET"](wire.api)
        assert wire.requests == []


@pytest.mark.parametrize("wrong", [None, object(), urllib3.HTTPConnectionPool("localhost"), Manager])
def test_other_objects_are_refused(wrong: Any) -> None:
    with Wire() as wire, pytest.raises(TypeError, match=r"must be a urllib3\.PoolManager"):
        wire.client.rest_client.pool_manager = wrong


def test_other_attributes_are_refused() -> None:
    with Wire() as wire, pytest.raises(TypeError, match="would have no effect"):
        wire.client.rest_client.session = object()


def test_copies_of_a_client_with_a_manager() -> None:
    """A copy uses the same manager; a pickle or a deep copy is refused, and the error says what to do."""
    with Wire() as wire, Proxy() as proxy, ApiClient(wire.configuration) as client:
        manager = urllib3.ProxyManager(proxy.url)
        client.rest_client.pool_manager = manager
        with copy.copy(client) as copied:
            assert copied.rest_client.pool_manager is manager
            assert CALLS["PUT accept"](EntityConnectionsApi(copied)).success
        assert len(proxy.lines) == 1
        for duplicate in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="pickle its configuration, and assign them to the new client"):
                duplicate(client)


def test_copies_of_a_client_with_a_request() -> None:
    client = ApiClient(Configuration(REFUSING))
    client.rest_client.request = lambda *_, **__: invented()  # type: ignore[method-assign]
    with copy.copy(client) as copied:
        assert CALLS["POST"](EntityConnectionsApi(copied)).id == "from the seam"
    with pytest.raises(TypeError, match="cannot be pickled or deep copied"):
        pickle.dumps(client)
    client.close()


def test_debug_log_of_urllib3(caplog: pytest.LogCaptureFixture) -> None:
    """Programs that switch on urllib3's log see every attempt there, as with the generated client."""
    with Wire(respond(503), YES) as wire, caplog.at_level("DEBUG", "urllib3.connectionpool"):
        assert CALLS["GET"](wire.api).success
    lines = [record.getMessage() for record in caplog.records if record.name == "urllib3.connectionpool"]
    assert [line.partition('" ')[2].split()[0] for line in lines if "GET /v1" in line] == ["503", "200"]


@pytest.mark.parametrize("name", ["urlopen", "_make_request"])
def test_patch_of_one_pool(name: str) -> None:
    """A function that is set on a single pool is called too, with plain text."""
    with Wire(access_token="the-token") as wire:
        assert CALLS["GET"](wire.api).success
        pool: Any = wire.api.api_client.rest_client.pool_manager.connection_from_url(wire.server.url)
        with mock.patch.object(pool, name, side_effect=getattr(pool, name)) as patched:
            assert CALLS["GET"](wire.api).success
        assert patched.call_count == 1
        assert type(patched.call_args.kwargs["headers"]["Authorization"]) is str
        assert len(wire.server.requests) == 2
