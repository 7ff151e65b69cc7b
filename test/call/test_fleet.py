"""Fleets of real processes that share one token, in a real Redis and in files. The emulator counts the requests."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import fleet_worker, redis_server
from support.forks import Child
from support.redis_server import Server
from support.threads import wait_until

from zuora_client import ApiClient, Configuration
from zuora_client.emulator import ZuoraEmulator, faults
from zuora_client.token_store import FileTokenStore, RedisTokenStore

pytestmark = pytest.mark.slow

TOKEN_PATH = "/oauth/token"
# Forks each process from one that has imported the client and made nothing with it.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["zuora_client", "zuora_client.token_store", "redis"])


class Result(NamedTuple):
    """One call: the name of its error or None, a digest of the client's token, and the duration."""

    error: str | None
    token: str
    seconds: float


class Fleet:
    """Processes with several clients each. All of them start their calls at the same time."""

    def __init__(self, settings: dict[str, Any], processes: int, clients: int = 5) -> None:
        self.processes = []
        self._connections = []
        for _ in range(processes):
            ours, theirs = SERVER.Pipe()
            process = SERVER.Process(target=fleet_worker.main, args=({**settings, "clients": clients}, theirs))
            process.start()
            theirs.close()
            self.processes.append(process)
            self._connections.append(ours)
        self.results()

    def call(self) -> list[Result]:
        """Make one call with each client."""
        self.begin({"call": True})
        return self.results()

    def advance(self, seconds: float) -> None:
        """Set the clocks of all processes forward."""
        self.begin({"advance": seconds})
        self.results()

    def begin(self, command: dict[str, Any]) -> None:
        for connection in self._connections:
            connection.send(command)

    def results(self) -> list[Result]:
        return [Result(*result) for connection in self._connections for result in connection.recv()]

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
        for process, connection in zip(self.processes, self._connections, strict=True):
            process.join(60)
            connection.close()


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator() as emulator:
        yield emulator


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    redis_server.require()
    server = Server(tmp_path)
    yield server
    server.signal(signal.SIGCONT)
    server.stop()


@pytest.fixture(params=["redis", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Where the clients of a test share their token, as settings of a worker.

    On a busy machine an operation of 40 processes at once may take longer than the second that a store has. That limit
    has tests of its own.
    """
    if request.param == "files":
        return {"folder": str(tmp_path / "tokens")}
    return {"port": request.getfixturevalue("redis").port, "patience": 30}


Start = Callable[..., Fleet]


@pytest.fixture
def start(zuora: ZuoraEmulator) -> Iterator[Start]:
    """Start a fleet; the settings are those of a worker."""
    with contextlib.ExitStack() as stack:

        def make(settings: dict[str, Any], processes: int = 8, clients: int = 5) -> Fleet:
            credentials = {"client_id": zuora.client_id, "client_secret": zuora.client_secret}
            fleet = Fleet({"host": zuora.url, **credentials, **settings}, processes, clients)
            stack.callback(fleet.stop)
            return fleet

        yield make


def fetches(zuora: ZuoraEmulator) -> int:
    return sum(request.path == TOKEN_PATH for request in zuora.requests)


def assert_shared(results: list[Result], count: int) -> None:
    """All calls succeeded, and at most two tokens are in use."""
    assert len(results) == count
    assert {result.error for result in results} == {None}
    assert len({result.token for result in results}) <= 2


# -- one token --------------------------------------------------------------------------------------------------------


def test_cold_start(zuora: ZuoraEmulator, start: Start, store: dict[str, Any]) -> None:
    """200 clients in 40 processes start at once: at most two fetches."""
    fleet = start(store, processes=40)
    assert_shared(fleet.call(), 200)
    assert 1 <= fetches(zuora) <= 2


def test_all_expired_at_once(zuora: ZuoraEmulator, start: Start, store: dict[str, Any]) -> None:
    fleet = start(store)
    assert_shared(fleet.call(), 40)
    first = fetches(zuora)
    fleet.advance(3600)
    assert_shared(fleet.call(), 40)
    assert 1 <= fetches(zuora) - first <= 2


def test_early_renewal(zuora: ZuoraEmulator, start: Start, store: dict[str, Any]) -> None:
    """In the advisory window one client renews the token; the others take it from the store, some seconds later."""
    fleet = start(store)
    fleet.call()
    first = fetches(zuora)
    for _ in range(4):
        fleet.advance(3599 - 200 if _ == 0 else 6)
        results = fleet.call()
        assert {result.error for result in results} == {None}
    assert len({result.token for result in results}) <= 2
    assert 1 <= fetches(zuora) - first <= 2


def test_revoked_token(zuora: ZuoraEmulator, start: Start, store: dict[str, Any]) -> None:
    """Every client notices by a 401, and none takes the refused token from the store again."""
    fleet = start(store)
    before = {result.token for result in fleet.call()}
    first = fetches(zuora)
    zuora.expire_tokens()
    results = fleet.call()
    assert_shared(results, 40)
    assert not before & {result.token for result in results}
    assert 1 <= fetches(zuora) - first <= 2


def test_throttled_cold_start(zuora: ZuoraEmulator, start: Start, store: dict[str, Any]) -> None:
    """While one client waits as long as Zuora asks, which is longer than a lease, no other one asks."""
    zuora.fail_next(faults.too_many_requests(retry_after=6), path=TOKEN_PATH)
    assert_shared(start(store).call(), 40)
    assert fetches(zuora) == 2


def test_forked_children(zuora: ZuoraEmulator, store: dict[str, Any]) -> None:
    """A client made before the fork works in each child, and all of them share one token."""
    shared: Any = FileTokenStore(store["folder"]) if "folder" in store else None
    if shared is None:
        from redis import Redis

        shared = RedisTokenStore(Redis(host="127.0.0.1", port=store["port"]))
    configuration = Configuration(
        zuora.url, client_id=zuora.client_id, client_secret=zuora.client_secret, token_store=shared
    )

    with ApiClient(configuration) as client:

        def work() -> int:
            return int(client.call_api("/v1/entities", "GET", response_type="object")[1])

        children = [Child(work) for _ in range(8)]
        assert [child.result for child in children] == [200] * 8
        assert work() == 200
        assert 1 <= fetches(zuora) <= 2
        zuora.expire_tokens()
        children = [Child(work) for _ in range(8)]
        assert [child.result for child in children] == [200] * 8
        assert fetches(zuora) <= 4


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_wrong_secret(zuora: ZuoraEmulator, start: Start, store: dict[str, Any]) -> None:
    """100 clients with a wrong secret do not wait for each other: each gets Zuora's refusal."""
    zuora.faults.add(faults.delay(0.5), path=TOKEN_PATH)
    fleet = start({**store, "client_secret": "wrong"}, processes=20)
    results = fleet.call()
    assert len(results) == 100
    assert {result.error for result in results} == {"AuthenticationError"}
    # One after the other would take 50 s.
    assert max(result.seconds for result in results) < 20


def test_killed_leader(zuora: ZuoraEmulator, start: Start, store: dict[str, Any]) -> None:
    """The process that holds the lease is killed; the others ask as soon as its lease has expired."""
    zuora.fail_next(faults.delay(60), path=TOKEN_PATH)
    leader = start(store, processes=1, clients=1)
    fleet = start(store)
    leader.begin({"call": True})
    wait_until(lambda: fetches(zuora) == 1)
    fleet.begin({"call": True})
    leader.stop()
    results = fleet.results()
    assert_shared(results, 40)
    assert fetches(zuora) <= 3
    assert max(result.seconds for result in results) < 20


def test_damaged_entries(zuora: ZuoraEmulator, start: Start, redis: Server) -> None:
    """Damaged entries count as absent, are replaced, and cost no call.

    A damaged lease costs some fetches more: a client that removes it may remove the lease that replaced it.
    """
    fleet = start({"port": redis.port, "patience": 30})
    fleet.call()
    with contextlib.closing(redis.client()) as client:
        (name,) = client.scan_iter()
        entries = [name.replace(b":token", kind) for kind in (b":token", b":lease", b":failure")]
        for damage in ("garbage", "truncated", "swapped"):
            sealed = client.get(name)
            # A token in the place of a lease is authentic, but not there.
            values = {"garbage": b"\x00garbage", "truncated": sealed[:-9], "swapped": sealed}
            for entry in entries:
                client.set(entry, values[damage])
            before = fetches(zuora)
            zuora.expire_tokens()
            assert {result.error for result in fleet.call()} == {None}
            assert 1 <= fetches(zuora) - before <= 10, damage
            before = fetches(zuora)
            zuora.expire_tokens()
            assert_shared(fleet.call(), 40)
            assert 1 <= fetches(zuora) - before <= 2, damage


def test_damaged_files(zuora: ZuoraEmulator, start: Start, tmp_path: Path) -> None:
    settings = {"folder": str(tmp_path / "tokens")}
    fleet = start(settings)
    fleet.call()
    for damage in (lambda content: content[: len(content) // 2], lambda content: b"\x00garbage", lambda content: b""):
        for path in Path(settings["folder"]).iterdir():
            path.write_bytes(damage(path.read_bytes()))
        before = fetches(zuora)
        zuora.expire_tokens()
        assert_shared(fleet.call(), 40)
        assert 1 <= fetches(zuora) - before <= 2


@pytest.mark.parametrize("failure", ["killed", "stopped"])
def test_redis_fails_in_the_middle(zuora: ZuoraEmulator, start: Start, redis: Server, failure: str) -> None:
    """Without Redis each client fetches a token for itself, no call fails, and a stopped server costs a second or two.

    When it works again, the clients share a token again.
    """
    fleet = start({"port": redis.port, "patience": 1})
    assert {result.error for result in fleet.call()} == {None}
    redis.signal(signal.SIGKILL if failure == "killed" else signal.SIGSTOP)
    zuora.expire_tokens()
    results = fleet.call()
    assert {result.error for result in results} == {None}
    assert max(result.seconds for result in results) < 20
    if failure == "killed":
        redis.process.wait(60)
        redis.start()
    else:
        redis.signal(signal.SIGCONT)
    give_up_at = time.monotonic() + 200
    while len({result.token for result in results}) > 2:
        assert time.monotonic() < give_up_at, "the clients do not share a token"
        # Operations that redis-py still retries end in real time; the pause after a failure by the clients' clocks.
        time.sleep(1)
        fleet.advance(3600)
        results = fleet.call()
    assert_shared(results, 40)


def test_redis_is_killed_during_a_cold_start(zuora: ZuoraEmulator, start: Start, redis: Server) -> None:
    """The store dies while one client fetches and the others wait for it."""
    zuora.faults.add(faults.delay(0.5), path=TOKEN_PATH)
    fleet = start({"port": redis.port, "patience": 1})
    fleet.begin({"call": True})
    wait_until(lambda: fetches(zuora) >= 1)
    redis.stop()
    results = fleet.results()
    assert len(results) == 40
    assert {result.error for result in results} == {None}
    assert max(result.seconds for result in results) < 20


# -- gunicorn ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="gunicorn needs fork")
@pytest.mark.parametrize("preload", [False, True], ids=["a client each", "preload"])
def test_gunicorn_workers(zuora: ZuoraEmulator, tmp_path: Path, preload: bool) -> None:
    """4 workers that are replaced after a few requests use one token, before and after all tokens were revoked."""
    log = tmp_path / "gunicorn.log"
    command = [sys.executable, "-m", "gunicorn", "support.fleet_app:application"]
    command += ["--workers", "4", "--max-requests", "5", "--bind", "127.0.0.1:0", "--log-file", str(log)]
    command += ["--worker-tmp-dir", str(tmp_path)]
    command += ["--preload"] if preload else []
    folders = (os.environ.get("PYTHONPATH"), str(Path(__file__).resolve().parents[1]))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
        "ZUORA_HOST": zuora.url,
        "ZUORA_CLIENT_ID": zuora.client_id,
        "ZUORA_CLIENT_SECRET": zuora.client_secret,
        "TOKEN_FOLDER": str(tmp_path / "tokens"),
    }
    process = subprocess.Popen(command, env=environment, cwd=tmp_path)
    try:
        wait_until(lambda: log.exists() and "Booting worker" in log.read_text(encoding="utf-8"))
        address = re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8"))
        assert address is not None

        def request(_: int) -> tuple[str, str]:
            with urllib.request.urlopen(address[0], timeout=60) as response:
                pid, token = response.read().decode().split()
            return pid, token

        with ThreadPoolExecutor(4) as threads:
            first = list(threads.map(request, range(60)))
            assert fetches(zuora) <= 2
            zuora.expire_tokens()
            second = list(threads.map(request, range(60)))
        assert fetches(zuora) <= 4
        assert len({token for _, token in first + second}) <= 4
        assert len({pid for pid, _ in first + second}) > 8
    finally:
        process.terminate()
        process.wait(60)
