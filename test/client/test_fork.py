"""After a fork parent and child both go on: no shared sockets, no lock that is held for ever, threads of one's own."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from typing import Any

import pytest
from support import answer, forks
from support.authority import Authority
from support.tokens import CLIENT_ID, CLIENT_SECRET, YES, Caller, Gate, TokenServer, token, until

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client.deadline import Clock
from zuora_client.emulator import ZuoraEmulator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class Impatient(Clock):
    """Real time that can jump; waits between attempts take none. It has no lock that a fork could leave held."""

    sleep = staticmethod(lambda _: None)
    jump = 0.0

    def now(self) -> float:  # type: ignore[override]
        return time.monotonic() + self.jump


@pytest.fixture
def start(request):
    def make(*behaviours: Any, clock: Clock | None = None, **settings: Any) -> tuple[TokenServer, EntityConnectionsApi]:
        server = TokenServer(*behaviours)
        server.__enter__()
        request.addfinalizer(lambda: server.__exit__())
        settings = settings or {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        client = ApiClient(Configuration(server.url, deadline=50, **settings), clock=clock or Impatient())
        request.addfinalizer(client.close)
        return server, EntityConnectionsApi(client)

    return make


@pytest.fixture
def zuora():
    with ZuoraEmulator() as emulator:
        yield emulator


@pytest.fixture
def api(zuora):
    """An api of the emulator's, in its first entity."""
    settings = {"client_id": zuora.client_id, "client_secret": zuora.client_secret}
    with ApiClient(Configuration(zuora.url, entity_id=zuora.entities[0].id, **settings)) as client:
        yield EntityConnectionsApi(client)


def works(api: EntityConnectionsApi) -> bool:
    return api.get_entity_connections().success is True


def test_in_the_middle_of_a_token_flight(start) -> None:
    gate = Gate(token("token-1"))
    server, api = start(gate)
    leader = Caller(api.get_entity_connections)
    until(gate.reached.is_set)
    waiter = Caller(api.get_entity_connections)
    until(lambda: waiter.waits_for_a_thread)
    child = forks.Child(lambda: works(api) and works(api))
    # The child is through while the flight of the parent is still in the air.
    assert child.result is True
    assert server.used == ["Bearer token-2"] * 2
    gate.open()
    assert leader.done().success is waiter.done().success is works(api) is True
    assert server.used[2:] == ["Bearer token-1"] * 3
    assert len(server.token_requests) == 2


def test_in_the_middle_of_an_early_renewal(start) -> None:
    gate, clock = Gate(token("token-2")), Impatient()
    server, api = start(token("token-1"), gate, clock=clock)
    works(api)
    clock.jump = 3400.0
    payer = Caller(api.get_entity_connections)
    until(gate.reached.is_set)
    assert forks.Child(lambda: works(api)).result is True
    gate.open()
    assert payer.done().success is works(api) is True
    # Parent and child have each renewed it once.
    assert server.used == ["Bearer token-1", "Bearer token-3", "Bearer token-2", "Bearer token-2"]


def test_a_live_token_serves_the_child_too(start) -> None:
    server, api = start()
    works(api)
    assert forks.Child(lambda: works(api)).result is True
    assert server.used == ["Bearer token-1"] * 2
    assert len(server.token_requests) == 1


def test_a_token_that_the_child_fetches_is_its_own(start) -> None:
    server, api = start()
    works(api)
    server.refused.add("Bearer token-1")
    assert forks.Child(lambda: works(api)).result is True
    assert works(api)
    assert server.used[-1] == "Bearer token-3"


def test_open_connections_stay_the_parents(zuora, api) -> None:
    # Several connections, made by calls that are in the air together.
    barrier = threading.Barrier(4)
    client = api.api_client
    client.configuration.access_token = lambda: (barrier.wait(30), zuora.issue_token())[1]
    for caller in [Caller(lambda: works(api)) for _ in range(4)]:
        assert caller.done()
    client.configuration.access_token = zuora.issue_token()
    parents = {request.connection_id for request in zuora.requests}
    before = len(zuora.requests)

    assert forks.Child(lambda: [works(api) for _ in range(3)]).result == [True] * 3
    childs = {request.connection_id for request in zuora.requests[before:]}
    assert childs
    assert not childs & parents

    before = len(zuora.requests)
    assert works(api)
    assert {request.connection_id for request in zuora.requests[before:]} <= parents


def test_the_child_does_not_keep_the_parents_connections_open(start) -> None:
    server, api = start(access_token="t")
    works(api)
    receiver, sender = os.pipe()
    child = forks.Child(lambda: os.read(receiver, 1))
    assert server.open_connections == 1
    api.api_client.close()
    # The server learns of it only when nobody has a copy of the socket.
    until(lambda: server.open_connections == 0)
    os.write(sender, b"x")
    assert child.result == b"x"
    os.close(receiver)
    os.close(sender)


def test_open_tls_connections_stay_the_parents(tmp_path) -> None:
    authority = Authority(tmp_path)
    with ZuoraEmulator(1, ssl_context=authority.server("localhost", "127.0.0.1")) as zuora:
        configuration = Configuration(zuora.url, access_token=zuora.issue_token())
        configuration.ssl_ca_cert = authority.file
        with ApiClient(configuration) as client:
            api = EntityConnectionsApi(client)
            assert works(api)
            assert forks.Child(lambda: works(api)).result is True
            assert works(api)
        # A farewell that the child says on a copy of the parent's connection would end it.
        assert [request.connection_id for request in zuora.requests] == [1, 2, 1]


def test_parent_and_child_at_the_same_time(zuora, api) -> None:
    works(api)
    children = [forks.Child(lambda: [works(api) for _ in range(20)]) for _ in range(3)]
    assert [works(api) for _ in range(20)] == [True] * 20
    for child in children:
        assert child.result == [True] * 20


def test_a_write_in_the_child_is_done_once(zuora, api) -> None:
    works(api)
    target = zuora.entities[1].id
    made = forks.Child(lambda: api.post_entity_connections(request={"targetEntityId": target}).id).result
    assert [row.id for row in zuora.connections] == [made]
    assert api.get_entity_connections().entity_connections[0].id == made


def test_with_threads_of_async_req_at_work(start) -> None:
    server, api = start(access_token="t")
    assert api.get_entity_connections(async_req=True).get(60).success is True
    go = threading.Event()
    server.before_answer = lambda received: "hold" in received.target and go.wait(60)
    # More than a small machine has threads for: one is at work, the last may still be queued.
    held = [api.api_client.call_api("/v1/hold", "GET", async_req=True) for _ in range(9)]
    until(lambda: len(server.calls) >= 2)

    def in_child() -> bool:
        results = [api.get_entity_connections(async_req=True) for _ in range(5)]
        return all(result.get(50).success for result in results)

    child = forks.Child(in_child)
    assert child.result is True
    assert works(api)
    assert not any(result.ready() for result in held)
    go.set()
    assert [result.get(60)[1] for result in held] == [200] * 9


@pytest.mark.parametrize("used", [False, True], ids=["new client", "used client"])
def test_locks_that_a_thread_of_the_parent_holds_do_not_hold_the_child(start, used: bool) -> None:
    server, api = start()
    client = api.api_client
    if used:
        works(api)
        client.pool.apply(int)
    locks = forks.locks_in(client)
    assert len(locks) >= (5 if used else 3)  # else the search has gone blind
    server.refused.add("Bearer token-1")
    holder = forks.HeldLocks([lock for lock in locks if not lock_is_of_the_pool_threads(lock, client)])

    def in_child() -> bool:
        # A second try after 401, a retry that costs quota, several connections, threads.
        results = [api.get_entity_connections(async_req=True) for _ in range(4)]
        return works(api) and all(result.get(50).success for result in results)

    child = forks.Child(in_child)
    try:
        assert child.result is True
    finally:
        holder.release()
    assert works(api)


def lock_is_of_the_pool_threads(lock: Any, client: ApiClient) -> bool:
    """The threads of a running pool hold and want locks of their own; they are the standard library's."""
    pool = client.__dict__["_pool"]
    return pool is not None and any(lock is other for other in forks.locks_in(pool))


def test_retries_in_the_child(start) -> None:
    server, api = start(answer(503), access_token="t")
    works(api)
    numbers = iter(range(10))
    server.refusal = answer(502)
    server.refused.add("Bearer t-0")
    api.api_client.configuration.access_token = lambda: f"t-{next(numbers)}"
    quota = api.api_client._sender.quota
    holder = forks.HeldLocks([quota._lock])
    try:
        assert forks.Child(lambda: (works(api), quota.available_capacity)).result == (True, 496)
    finally:
        holder.release()
    assert quota.available_capacity == 500


def test_a_child_of_a_child(zuora, api) -> None:
    works(api)

    def in_child() -> list[bool]:
        return [works(api), forks.Child(lambda: works(api)).result, works(api)]

    assert forks.Child(in_child).result == [True] * 3
    assert works(api)
    assert len({request.connection_id for request in zuora.requests}) == 3


def test_an_unread_answer_is_read_by_the_parent(start) -> None:
    _, api = start(access_token="t")
    response = api.get_entity_connections(_preload_content=False)
    assert forks.Child(lambda: works(api)).result is True
    assert response.read() == YES.partition(b"\r\n\r\n")[2]
    response.release_conn()
    assert works(api)


def test_while_threads_make_clients(start) -> None:
    _, api = start(access_token="t")
    stop = threading.Event()

    def make() -> None:
        while not stop.is_set():
            ApiClient(api.api_client.configuration).close()

    maker = Caller(make)
    try:
        for _ in range(10):
            assert forks.Child(lambda: works(api)).result is True
    finally:
        stop.set()
        maker.done()


def test_a_client_that_was_closed_stays_closed(start) -> None:
    _, api = start(access_token="t")
    works(api)
    api.api_client.close()

    def in_child() -> str:
        with pytest.raises(ValueError, match="closed") as caught:
            works(api)
        return str(caught.value)

    assert "closed" in forks.Child(in_child).result


def test_multiprocessing_by_fork(zuora, api) -> None:
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


def test_both_end_as_programs_do(zuora) -> None:
    """The child runs its exit handlers; what it inherited must neither hang nor complain nor hurt the parent."""
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", textwrap.dedent(PREFORK)]
    arguments = [zuora.url, zuora.client_id, zuora.client_secret, zuora.entities[0].id]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [*command, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split("\n")) == ["", "child", "parent 0"]
    assert {request.status for request in zuora.requests} == {200}
