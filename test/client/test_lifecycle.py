"""The lifecycle of a client: close, use after close, garbage collection, interpreter exit."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import tracemalloc
import warnings
import weakref
from pathlib import Path
from typing import Any

import pytest
from support import FakeClock, reset, respond
from support.calls import CALLS, failure_of
from support.leaks import sockets_to
from support.threads import wait_until
from support.wire import YES, Wire, silent

import zuora_client
from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client._base.base_url import BaseURL
from zuora_client.deadline import Deadline, Timeouts
from zuora_client.exceptions import ApiConnectionError, ApiException, OutcomeUnknownError, RequestRejectedError

ROOT = Path(zuora_client.__file__).parents[1]
linux = pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="sockets are counted by Linux's own table")


# -- close and with -------------------------------------------------------------------------------------------------


@linux
def test_close_closes_every_connection() -> None:
    with Wire() as wire:
        CALLS["GET"](wire.api)
        assert sockets_to(wire.server.port) == ["ESTABLISHED"]
        wire.client.close()
        assert sockets_to(wire.server.port) == []


@linux
def test_with_closes_after_error() -> None:
    def work(configuration: Configuration) -> None:
        with ApiClient(configuration) as client:
            CALLS["GET"](EntityConnectionsApi(client))
            raise LookupError

    with Wire() as wire:
        with pytest.raises(LookupError):
            work(wire.configuration)
        assert sockets_to(wire.server.port) == []


def test_with_returns_the_client() -> None:
    client = ApiClient()
    with client as entered:
        assert entered is client


def test_closing_twice_is_harmless() -> None:
    for used in (False, True):
        with Wire() as wire:
            if used:
                CALLS["GET"](wire.api)
                wire.api.get_entity_connections(async_req=True).get(20)
            wire.client.close()
            wire.client.close()


USES: dict[str, Any] = {
    **CALLS,
    "async": lambda api: api.get_entity_connections(async_req=True),
    "streaming": lambda api: api.get_entity_connections(_preload_content=False),
    "call_api": lambda api: api.api_client.call_api("/v1/x", "GET"),
    "request": lambda api: api.api_client.request("GET", "http://127.0.0.1:9/v1/x"),
    "iterator": lambda api: next(api.iter_entity_connections()),
    "pool": lambda api: api.api_client.pool,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("before", [False, True], ids=["unused", "used"])
def test_use_after_close_raises(use: str, before: bool) -> None:
    with Wire(client_id="id", client_secret="secret") as wire:
        wire.server._behaviours = [respond(200, b'{"access_token": "token"}'), YES]
        if before:
            CALLS["GET"](wire.api)
        sent = len(wire.requests)
        wire.client.close()
        with pytest.raises(ValueError, match="this ApiClient is closed: make another one"):
            USES[use](wire.api)
        assert len(wire.requests) == sent


@linux
def test_close_during_call() -> None:
    """A call in progress completes, and its connection is closed afterwards."""
    received, released = threading.Event(), threading.Event()

    def behave(sock: Any, _: Any) -> bool:
        received.set()
        released.wait(20)
        sock.sendall(YES)
        return True

    with Wire(behave) as wire:
        thread = wire.api.get_entity_connections(async_req=True)
        assert received.wait(20)
        wire.client.close()
        released.set()
        assert thread.get(20).success
        wait_until(lambda: sockets_to(wire.server.port) == [])


@linux
@pytest.mark.parametrize("call", ["GET", "POST", "PUT disconnect"])
def test_close_before_request_is_sent(call: str) -> None:
    def close_and_return_token() -> str:
        wire.client.close()
        return "token"

    with Wire(access_token=close_and_return_token) as wire:
        error = failure_of(CALLS[call], wire.api)
        assert error.outcome == "not_sent"
        assert wire.requests == []
        assert sockets_to(wire.server.port) == []


@linux
def test_closed_transport_opens_no_connection() -> None:
    with Wire() as wire:
        wire.client.close()
        with pytest.raises(ApiConnectionError, match="closed") as caught:
            wire.client.rest_client.attempt(
                BaseURL(wire.server.url), "GET", "/", {}, None, Timeouts(1, 1, 1), Deadline(1, wire.clock)
            )
        assert caught.value.outcome == "not_sent"
        assert wire.server.connections == 0


@linux
@pytest.mark.parametrize("call", ["GET", "POST", "PUT disconnect"])
def test_no_retry_after_close(call: str) -> None:
    def close_and_reset(sock: Any, received: Any) -> None:
        wire.client.close()
        reset(sock, received)

    with Wire(close_and_reset, YES) as wire:
        error = failure_of(CALLS[call], wire.api)
        assert error.outcome == "unknown"
        assert len(wire.requests) == 1
        assert sockets_to(wire.server.port) == []


def result_of(call: Any) -> str:
    """Return the success, the outcome or the ValueError of an asynchronous call as text."""
    try:
        return str(call.get(20).success)
    except ValueError as error:
        return str(error)
    except ApiException as error:
        return error.outcome


@linux
def test_close_refuses_queued_calls() -> None:
    """Calls that are still queued when the client is closed raise."""
    received, released = threading.Event(), threading.Event()

    def behave(sock: Any, _: Any) -> bool:
        received.set()
        released.wait(20)
        sock.sendall(YES)
        return True

    with Wire(behave) as wire:
        # More than there are threads.
        calls = [wire.api.get_entity_connections(async_req=True) for _ in range(3 * (os.cpu_count() or 1) + 50)]
        assert received.wait(20)
        wire.client.close()
        released.set()
        results = [result_of(call) for call in calls]
        assert "this ApiClient is closed: make another one" in results
        assert set(results) <= {"this ApiClient is closed: make another one", "not_sent", "True"}
        wait_until(lambda: sockets_to(wire.server.port) == [])


# -- async_req ------------------------------------------------------------------------------------------------------


def test_get_returns_the_result() -> None:
    with Wire() as wire:
        result = wire.api.get_entity_connections(async_req=True)
        assert result.get(20).success
        assert (result.ready(), result.successful()) == (True, True)


def test_get_raises_the_error() -> None:
    """get() raises the error of the call with its outcome, attempts and cause."""
    with Wire(reset) as wire:
        with pytest.raises(OutcomeUnknownError) as caught:
            wire.api.put_entity_connections_disconnect("1", async_req=True).get(20)
        assert (caught.value.outcome, len(caught.value.attempts)) == ("unknown", 1)
        assert caught.value.__cause__ is not None


def test_get_raises_refusal() -> None:
    with Wire(respond(400, b'{"reasons":[{"code":50000022,"message":"missing"}]}')) as wire:
        result = wire.api.put_entity_connections_accept("1", async_req=True)
        result.wait(20)
        assert not result.successful()
        with pytest.raises(RequestRejectedError, match="missing"):
            result.get(20)


WRONG: dict[str, Any] = {
    "page_size": lambda api: api.get_entity_connections(page_size=301, async_req=True),
    "connection_id": lambda api: api.put_entity_connections_accept("..", async_req=True),
    "request": lambda api: api.post_entity_connections(request={}, async_req=True),
    "track id": lambda api: api.get_entity_connections(zuora_track_id="a:b", async_req=True),
    "keyword": lambda api: api.get_entity_connections(pagesize=3, async_req=True),
    "method": lambda api: api.api_client.call_api("/v1/x", "FETCH", async_req=True),
    "path": lambda api: api.api_client.call_api("//evil.example", "GET", async_req=True),
    "type": lambda api: api.api_client.call_api("/v1/x", "GET", response_type="Nonsense", async_req=True),
    "timeout": lambda api: api.get_entity_connections(_request_timeout=0, async_req=True),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_raise_at_call(name: str) -> None:
    with Wire() as wire:
        with pytest.raises((TypeError, ValueError)):
            WRONG[name](wire.api)
        assert wire.requests == []
        assert wire.client._state.pool is None


def test_no_thread_without_async_req() -> None:
    before = threading.active_count()
    with Wire() as wire:
        servers = threading.active_count() - before
        for call in CALLS.values():
            call(wire.api)
        # The server starts one thread for the connection.
        assert threading.active_count() - before - servers <= 1


def test_async_threads_end_after_close() -> None:
    before = set(threading.enumerate())
    with Wire() as wire:
        wire.api.get_entity_connections(async_req=True).get(20)
        wire.client.close()
    wait_until(lambda: set(threading.enumerate()) <= before)


# -- garbage collection ---------------------------------------------------------------------------------------------


@linux
def test_collected_client_closes_its_connections() -> None:
    """A client that is garbage collected closes its connections and emits no warning."""
    with Wire() as wire, warnings.catch_warnings():
        warnings.simplefilter("error")
        client = ApiClient(wire.configuration)
        CALLS["GET"](EntityConnectionsApi(client))
        reference = weakref.ref(client)
        del client
        gc.collect()
        assert reference() is None
        assert sockets_to(wire.server.port) == []


@linux
def test_collected_client_ends_its_threads() -> None:
    before = set(threading.enumerate())
    with Wire() as wire:
        client = ApiClient(wire.configuration)
        EntityConnectionsApi(client).get_entity_connections(async_req=True).get(20)
        reference = weakref.ref(client)
        del client
        gc.collect()
        # A pool thread may reference its last task for a moment longer.
        wait_until(lambda: gc.collect() >= 0 and reference() is None)
        wait_until(lambda: sockets_to(wire.server.port) == [])
    wait_until(lambda: set(threading.enumerate()) <= before)


@linux
def test_errors_hold_no_sockets() -> None:
    errors = []
    with Wire(respond(502), max_attempts=1) as wire:
        for _ in range(20):
            with ApiClient(wire.configuration, clock=FakeClock()) as client:
                errors.append(failure_of(CALLS["PUT accept"], EntityConnectionsApi(client)))
        assert sockets_to(wire.server.port) == []
    assert len(errors) == 20


def test_thousand_clients_do_not_leak() -> None:
    with Wire() as wire:
        open_before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
        for _ in range(1000):
            ApiClient(wire.configuration)
        gc.collect()
        assert sum(isinstance(item, ApiClient) for item in gc.get_objects()) < 100
        if open_before:
            assert len(os.listdir("/proc/self/fd")) <= open_before


def test_calls_do_not_leak_memory(caplog: pytest.LogCaptureFixture) -> None:
    # pytest keeps the log lines of a test: one for each failed PUT.
    caplog.set_level("ERROR", "zuora_client")

    def memory_after(rounds: int) -> int:
        for _ in range(rounds):
            CALLS["GET"](wire.api)
            CALLS["POST"](wire.api)
            failure_of(CALLS["PUT accept"], wire.api)
        wire.requests.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    def behave(sock: Any, received: Any) -> bool:
        sock.sendall(respond(502) if received.method == "PUT" else YES)
        return True

    with Wire(behave, access_token="fixed-token") as wire:
        memory_after(20)
        tracemalloc.start()
        try:
            before = memory_after(100)
            after = memory_after(400)
        finally:
            tracemalloc.stop()
    # One object for each of the 1,200 calls would exceed this.
    assert after - before < 60_000


# -- interpreter exit -----------------------------------------------------------------------------------------------

PROGRAM = """
import sys
sys.path[:0] = {path!r}
from zuora_client import ApiClient, Configuration, EntityConnectionsApi
client = ApiClient(Configuration({url!r}))
api = EntityConnectionsApi(client)
def hang():
    return api.get_entity_connections(zuora_track_id="hang", async_req=True)
{body}
print("the end", flush=True)
"""
# The program continues after its request has arrived.
ARRIVED = "sys.stdin.readline()"

ENDINGS = {
    "nothing": [],
    "open connection": ["api.get_entity_connections()"],
    "finished async call": ["print(api.get_entity_connections(async_req=True).get(60).success)"],
    "unfinished async call": ["call = hang()", ARRIVED],
    "many unfinished async calls": ["calls = [hang() for _ in range(60)]", ARRIVED],
    "unreferenced async call": ["hang()", ARRIVED, "del api, client"],
    "async call just started": ["call = hang()"],
    "closed client": ["call = hang()", ARRIVED, "client.close()"],
    "client in a reference cycle": ["api.get_entity_connections()", "client.me = client", "del client, api"],
    "sys.exit within with": ["with client:", "    hang()", f"    {ARRIVED}", "    print('the end')", "    sys.exit()"],
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_interpreter_exits_cleanly(ending: str) -> None:
    """The interpreter exits at once and without a warning, whatever is in progress."""

    def behave(sock: Any, received: Any) -> bool:
        if received.headers.get("zuora-track-id") == "hang":
            silent(sock, received)
            return False
        sock.sendall(YES)
        return True

    with Wire(behave) as wire:
        # The program imports the same modules as this test.
        path = [str(ROOT), *[entry for entry in sys.path if entry]]
        program = PROGRAM.format(path=path, url=wire.server.url, body="\n".join(ENDINGS[ending]))
        process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if ARRIVED in program:
            wait_until(lambda: bool(wire.requests) or process.poll() is not None)
        # The server never responds, so a program that waited for its calls would hang.
        output, errors = process.communicate("\n", timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert "the end" in output


CALLS_OF_EACH_KIND = """
import sys
sys.path[:0] = {path!r}
from support.calls import CALLS
from support.scripted import reset, respond, respond_json
from support.tokens import token
from support.wire import YES, Wire
from zuora_client import ApiException

failure = respond_json({{"success": False, "reasons": [{{"code": 50000040, "message": "not found"}}]}})
page = respond(502, b"<html>&amp;</html>", {{"Content-Type": "text/html"}})
events = []
settings = {{"client_id": "id", "client_secret": "a-long-secret", "on_event": events.append}}
with Wire(token("a-long-token"), YES, YES, YES, failure, page, respond(503), respond(401), reset, **settings) as wire:
    client = wire.client
    before = set(sys.modules)
    for name in ["GET", "POST", *["PUT accept"] * 2, *["PUT deny"] * 2, *["PUT disconnect"] * 2]:
        try:
            CALLS[name](wire.api)
        except ApiException as error:
            print(error.summary)
    print("events", len(events), "imported", sorted(set(sys.modules) - before))
"""


def test_calls_import_nothing() -> None:
    """An import in the middle of a call fails without a descriptor, and may block in a forked child."""
    path = [str(ROOT), *[entry for entry in sys.path if entry]]
    command = [sys.executable, "-c", CALLS_OF_EACH_KIND.format(path=path)]
    output = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "may have been done" in output or "may or may not" in output
    assert "imported []" in output


def test_signal_handler_may_close_client() -> None:
    """A signal handler runs in the main thread between any two instructions, even while that thread holds the locks."""
    client = ApiClient(Configuration("https://127.0.0.1:1"))

    def interrupted() -> None:
        with client.rest_client._routes._lock, client._state.lock:
            client.close()

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    with pytest.raises(ApiConnectionError, match="closed during the call"):
        client.rest_client._routes.route(BaseURL("https://127.0.0.1:1"))
    assert client.rest_client._routes._routes == {}
