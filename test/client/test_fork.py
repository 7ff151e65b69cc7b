"""After a fork, parent and child share no sockets, locks or threads, and both keep working."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Received, forks, respond
from support.authority import Authority
from support.threads import Caller, Gate, wait_until
from support.tokens import connected, token
from support.wire import YES

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.deadline import Clock
from zuora_client.emulator import ZuoraEmulator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")


class SleeplessClock(Clock):
    """The real time plus `jump`; sleeps return at once. It has no lock that a fork could leave held."""

    sleep = staticmethod(lambda _: None)
    jump = 0.0

    def now(self) -> float:
        return time.monotonic() + self.jump


def started(*behaviours: Any, clock: Clock | None = None, **settings: Any) -> Any:
    """Return `connected` with a clock that a fork cannot leave locked."""
    return connected(*behaviours, clock=clock or SleeplessClock(), deadline=50, **settings)


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator() as emulator:
        yield emulator


@pytest.fixture
def api(zuora: ZuoraEmulator) -> Iterator[EntityConnectionsApi]:
    """The API of the emulator, in its first entity."""
    settings: dict[str, Any] = {"client_id": zuora.client_id, "client_secret": zuora.client_secret}
    with ApiClient(Configuration(zuora.url, entity_id=zuora.entities[0].id, **settings)) as client:
        yield EntityConnectionsApi(client)


def works(api: EntityConnectionsApi) -> bool:
    return api.get_entity_connections().success is True


def test_fork_during_token_fetch() -> None:
    gate = Gate(token("token-1"))
    with started(gate) as (server, api):
        leader = Caller(api.get_entity_connections)
        wait_until(gate.reached.is_set)
        waiter = Caller(api.get_entity_connections)
        wait_until(lambda: waiter.waits_for_a_thread)
        child = forks.Child(lambda: works(api) and works(api))
        # The child completes while the token request of the parent is still in progress.
        assert child.result is True
        assert server.used == ["Bearer token-2"] * 2
        gate.open()
        assert leader.done().success is waiter.done().success is works(api) is True
        assert server.used[2:] == ["Bearer token-1"] * 3
        assert len(server.token_requests) == 2


def test_fork_during_advisory_refresh() -> None:
    gate, clock = Gate(token("token-2")), SleeplessClock()
    with started(token("token-1"), gate, clock=clock) as (server, api):
        works(api)
        clock.jump = 3400.0
        refresher = Caller(api.get_entity_connections)
        wait_until(gate.reached.is_set)
        assert forks.Child(lambda: works(api)).result is True
        gate.open()
        assert refresher.done().success is works(api) is True
        # Parent and child have each refreshed the token once.
        assert server.used == ["Bearer token-1", "Bearer token-3", "Bearer token-2", "Bearer token-2"]


def test_child_uses_cached_token() -> None:
    with started() as (server, api):
        works(api)
        assert forks.Child(lambda: works(api)).result is True
        assert server.used == ["Bearer token-1"] * 2
        assert len(server.token_requests) == 1


def test_token_of_child_is_not_shared() -> None:
    with started() as (server, api):
        works(api)
        server.refused.add("Bearer token-1")
        assert forks.Child(lambda: works(api)).result is True
        assert works(api)
        assert server.used[-1] == "Bearer token-3"


def test_connections_belong_to_parent(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    # Several connections, opened by concurrent calls.
    barrier = threading.Barrier(4)
    client = api.api_client
    client.configuration.access_token = lambda: (barrier.wait(30), zuora.issue_token())[1]
    for caller in [Caller(lambda: works(api)) for _ in range(4)]:
        assert caller.done()
    client.configuration.access_token = zuora.issue_token()
    parent_ids = {request.connection_id for request in zuora.requests}
    before = len(zuora.requests)

    assert forks.Child(lambda: [works(api) for _ in range(3)]).result == [True] * 3
    child_ids = {request.connection_id for request in zuora.requests[before:]}
    assert child_ids
    assert not child_ids & parent_ids

    before = len(zuora.requests)
    assert works(api)
    assert {request.connection_id for request in zuora.requests[before:]} <= parent_ids


def test_child_closes_inherited_sockets() -> None:
    """The server sees a connection end when the parent closes it: the child holds no copy of the socket."""
    with started(access_token="t") as (server, api):
        works(api)
        receiver, sender = os.pipe()
        # The child closes them when it uses the client for the first time.
        child = forks.Child(lambda: (api.api_client.rest_client.secrets(), os.read(receiver, 1))[1])
        assert server.open_connections == 1
        api.api_client.close()
        # The server sees the end of the connection only after all copies of the socket are closed.
        wait_until(lambda: server.open_connections == 0)
        os.write(sender, b"x")
        assert child.result == b"x"
        os.close(receiver)
        os.close(sender)


def test_tls_connections_belong_to_parent(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with ZuoraEmulator(1, ssl_context=authority.server("localhost", "127.0.0.1")) as zuora:
        configuration = Configuration(zuora.url, access_token=zuora.issue_token())
        configuration.ssl_ca_cert = authority.file
        with ApiClient(configuration) as client:
            api = EntityConnectionsApi(client)
            assert works(api)
            assert forks.Child(lambda: works(api)).result is True
            assert works(api)
        # A TLS close_notify from the child on its copy of the socket would end the connection of the parent.
        assert [request.connection_id for request in zuora.requests] == [1, 2, 1]


def test_parent_and_children_concurrently(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    works(api)
    children = [forks.Child(lambda: [works(api) for _ in range(20)]) for _ in range(3)]
    assert [works(api) for _ in range(20)] == [True] * 20
    for child in children:
        assert child.result == [True] * 20


def test_write_in_child_is_done_once(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    works(api)
    target = zuora.entities[1].id
    created_id = forks.Child(lambda: api.post_entity_connections(request={"targetEntityId": target}).id).result
    assert [row.id for row in zuora.connections] == [created_id]
    connections = api.get_entity_connections().entity_connections
    assert connections is not None
    assert connections[0].id == created_id


def test_fork_during_async_calls() -> None:
    with started(access_token="t") as (server, api):
        assert api.get_entity_connections(async_req=True).get(60).success is True
        released = threading.Event()

        def hold(received: Received) -> None:
            if "hold" in received.target:
                released.wait(60)

        server.before_answer = hold
        # More calls than a small machine has pool threads: some may still be queued.
        held = [api.api_client.call_api("/v1/hold", "GET", async_req=True) for _ in range(9)]
        wait_until(lambda: len(server.calls) >= 2)

        def in_child() -> bool:
            results = [api.get_entity_connections(async_req=True) for _ in range(5)]
            return all(result.get(50).success for result in results)

        child = forks.Child(in_child)
        assert child.result is True
        assert works(api)
        assert not any(result.ready() for result in held)
        released.set()
        assert [result.get(60)[1] for result in held] == [200] * 9


@pytest.mark.parametrize("used", [False, True], ids=["new client", "used client"])
def test_locks_held_by_parent_threads(used: bool) -> None:
    """Locks that another thread of the parent holds during the fork do not block the child."""
    with started() as (server, api):
        client = api.api_client
        if used:
            works(api)
            client.pool.apply(int)
        locks = forks.locks_in(client)
        assert len(locks) >= (5 if used else 3)  # otherwise locks_in() no longer finds them
        server.refused.add("Bearer token-1")
        holder = forks.HeldLocks([lock for lock in locks if not belongs_to_thread_pool(lock, client)])

        def in_child() -> bool:
            # A token refresh after 401, several connections, pool threads.
            results = [api.get_entity_connections(async_req=True) for _ in range(4)]
            return works(api) and all(result.get(50).success for result in results)

        child = forks.Child(in_child)
        try:
            assert child.result is True
        finally:
            holder.release()
        assert works(api)


def belongs_to_thread_pool(lock: Any, client: ApiClient) -> bool:
    """Whether a lock belongs to the running thread pool, whose threads hold it and wait for it."""
    pool = client._state.pool
    return pool is not None and any(lock is other for other in forks.locks_in(pool))


def test_retries_in_the_child() -> None:
    with started(respond(503), access_token="t") as (server, api):
        works(api)
        numbers = iter(range(10))
        server.refusal = respond(502)
        server.refused.add("Bearer t-0")
        api.api_client.configuration.access_token = lambda: f"t-{next(numbers)}"
        quota = api.api_client._state.sender.quota
        holder = forks.HeldLocks([quota._lock])
        try:
            in_child = forks.Child(lambda: (works(api), api.api_client._state.sender.quota.available_capacity))
            assert in_child.result == (True, 496)
        finally:
            holder.release()
        assert quota.available_capacity == 500


def test_child_of_child(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    works(api)

    def in_child() -> list[bool]:
        return [works(api), forks.Child(lambda: works(api)).result, works(api)]

    assert forks.Child(in_child).result == [True] * 3
    assert works(api)
    assert len({request.connection_id for request in zuora.requests}) == 3


def test_parent_reads_streaming_response_after_fork() -> None:
    with started(access_token="t") as (_, api):
        response = api.get_entity_connections(_preload_content=False)
        assert forks.Child(lambda: works(api)).result is True
        assert response.read() == YES.partition(b"\r\n\r\n")[2]
        response.release_conn()
        assert works(api)


def test_fork_while_threads_create_clients() -> None:
    with started(access_token="t") as (_, api):
        stop = threading.Event()

        def create_clients() -> None:
            while not stop.is_set():
                ApiClient(api.api_client.configuration).close()

        creator = Caller(create_clients)
        try:
            for _ in range(10):
                assert forks.Child(lambda: works(api)).result is True
        finally:
            stop.set()
            creator.done()


def test_closed_client_stays_closed() -> None:
    with started(access_token="t") as (_, api):
        works(api)
        api.api_client.close()

        def in_child() -> str:
            with pytest.raises(ValueError, match="closed") as caught:
                works(api)
            return str(caught.value)

        assert "closed" in forks.Child(in_child).result


def test_multiprocessing_by_fork(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    works(api)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(works(api)), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    process.join(forks.SECONDS)
    assert process.exitcode == 0
    assert receiver.recv() is True
    receiver.close()
    sender.close()
    process.close()
    before = len(zuora.requests)
    assert works(api)
    assert zuora.requests[before].connection_id == zuora.requests[0].connection_id


PREFORK = """
    import os, sys, warnings
    from zuora_client import ApiClient, Configuration, EntityConnectionsApi

    url, client_id, client_secret, entity_id = sys.argv[1:]
    settings = dict(client_id=client_id, client_secret=client_secret, entity_id=entity_id)
    api = EntityConnectionsApi(ApiClient(Configuration(url, **settings)))
    api.get_entity_connections()
    api.get_entity_connections(async_req=True).get(60)
    warnings.simplefilter("ignore", DeprecationWarning)
    pid = os.fork()
    api.get_entity_connections()
    api.get_entity_connections(async_req=True).get(60)
    if pid:
        status = os.waitpid(pid, 0)[1]
        api.get_entity_connections()
        api.api_client.close()
        print("parent", status, flush=True)
    else:
        print("child", flush=True)
"""


def test_parent_and_child_exit_normally(zuora: ZuoraEmulator) -> None:
    """The child runs its exit handlers: what it inherited must not hang, warn or disturb the parent."""
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", textwrap.dedent(PREFORK)]
    arguments = [zuora.url, zuora.client_id, zuora.client_secret, zuora.entities[0].id]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [*command, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split("\n")) == ["", "child", "parent 0"]
    assert {request.status for request in zuora.requests} == {200}
