"""RedisTokenStore against real servers: Redis, Sentinel and Cluster, on loopback ports."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import FakeClock, redis_server
from support.forks import Child
from support.redis_server import Server
from support.threads import wait_until

from zuora_client import token_store
from zuora_client._call.access_token import AccessToken
from zuora_client._call.shared_tokens import SharedTokens
from zuora_client.deadline import Clock, Deadline
from zuora_client.token_store import RedisTokenStore

redis = pytest.importorskip("redis", reason="redis-py is not installed")


@pytest.fixture(scope="module", autouse=True)
def program() -> None:
    redis_server.require()


KEY = ("https://rest.zuora.com", "the-client-id", "the-client-secret")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests that do not harm it."""
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def server(running: Server) -> Server:
    """The shared server, empty."""
    with contextlib.closing(running.client()) as client:
        client.flushall()
    return running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may kill or stop it."""
    server = Server(tmp_path)
    yield server
    server.signal(signal.SIGCONT)
    server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Makes a client, and closes it after the test."""
    with contextlib.ExitStack() as stack:

        def make(server: Server, **options: Any) -> Any:
            return stack.enter_context(contextlib.closing(server.client(**options)))

        yield make


def fetching(*tokens: str) -> Any:
    """A fetch that returns these tokens one after the other, each valid for an hour."""
    remaining = iter(tokens)
    return lambda deadline, on_throttled: AccessToken(next(remaining), 3600)


def get(shared: SharedTokens, fetch: Any, seconds: float | None = 60.0) -> AccessToken:
    token = shared.get_token(KEY, Deadline(seconds, Clock()), fetch, max_retry_after=120.0, call_id="0123456789")
    assert token is not None
    return token


def names(client: Any) -> list[str]:
    """All keys in the database."""
    return [key if isinstance(key, str) else key.decode() for key in client.scan_iter()]


def dump(client: Any) -> list[bytes]:
    """All keys and values in the database."""
    return [part for key in client.scan_iter() for part in (key, client.get(key))]


def check_verbs(store: RedisTokenStore) -> None:
    assert store.get("a") is None
    store.set("a", b"one\n\0\xff", 10)
    assert store.get("a") == b"one\n\0\xff"
    assert store.add("a", b"two", 10) is False
    store.set("a", b"", 10)
    assert store.get("a") == b""
    store.delete("a")
    store.delete("a")
    assert store.get("a") is None
    assert store.add("a", b"three", 10) is True
    assert store.get("a") == b"three"


# -- kinds of clients -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decode_responses", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
def test_verbs(server: Server, connect: Callable[..., Any], decode_responses: bool, protocol: int) -> None:
    check_verbs(RedisTokenStore(connect(server, decode_responses=decode_responses, protocol=protocol)))


def test_clients_with_and_without_decoding_share_values(server: Server, connect: Callable[..., Any]) -> None:
    first, second = (RedisTokenStore(connect(server, decode_responses=decode)) for decode in (False, True))
    first.set("a", b"\xff\0", 10)
    second.set("b", b"\xfe\0", 10)
    assert (first.get("b"), second.get("a")) == (b"\xfe\0", b"\xff\0")


def test_a_sentinel_client(server: Server, tmp_path: Path) -> None:
    sentinel_module: Any = pytest.importorskip("redis.sentinel")
    config = f"sentinel monitor tokens 127.0.0.1 {server.port} 1\n"
    watcher = Server(tmp_path, "--sentinel", config=config)
    try:
        sentinel = sentinel_module.Sentinel([("127.0.0.1", watcher.port)], socket_timeout=5)
        with contextlib.closing(sentinel.master_for("tokens", decode_responses=True)) as client:
            check_verbs(RedisTokenStore(client))
        for watched in sentinel.sentinels:
            watched.close()
    finally:
        watcher.stop()


def test_a_cluster_client(tmp_path: Path) -> None:
    server = Server(tmp_path, "--cluster-enabled", "yes")
    try:
        with contextlib.closing(server.client()) as client:
            client.execute_command("CLUSTER ADDSLOTS", *range(16384))
            wait_until(lambda: "ok" in str(client.execute_command("CLUSTER INFO")).split("cluster_state", 1)[1][:8])
        with contextlib.closing(redis.RedisCluster(host="127.0.0.1", port=server.port)) as cluster:
            check_verbs(RedisTokenStore(cluster))
    finally:
        server.stop()


# -- expiry and leases ------------------------------------------------------------------------------------------------


def test_entries_expire(server: Server, connect: Callable[..., Any]) -> None:
    client = connect(server)
    store = RedisTokenStore(client)
    store.set("token", b"one", 3600)
    store.add("lease", b"two", 5)
    assert 3_599_000 < client.pttl("token") <= 3_600_000
    assert 4_000 < client.pttl("lease") <= 5_000
    assert client.pexpire("lease", 1)
    give_up_at = time.monotonic() + 60
    while store.get("lease") is not None:
        assert time.monotonic() < give_up_at
    assert store.add("lease", b"three", 5) is True


def test_the_tokens_life_in_redis(server: Server, connect: Callable[..., Any]) -> None:
    client = connect(server)
    shared = SharedTokens(RedisTokenStore(client), Clock())
    token = get(shared, fetching("secret token"))
    assert (token.value.reveal(), token.source) == ("secret token", "zuora")
    (name,) = client.keys()
    assert name.endswith(b":token")
    assert 3_590_000 < client.pttl(name) <= 3_600_000
    other = get(SharedTokens(RedisTokenStore(connect(server, decode_responses=True)), Clock()), fetching())
    assert (other.value.reveal(), other.source) == ("secret token", "RedisTokenStore")


def test_redis_holds_neither_token_nor_client_secret(server: Server, connect: Callable[..., Any]) -> None:
    client = connect(server)
    seen: list[bytes] = []

    def fetch(deadline: Deadline, on_throttled: Any) -> AccessToken:
        seen.extend(dump(client))
        return AccessToken("secret token", 3600)

    get(SharedTokens(RedisTokenStore(client), Clock()), fetch)
    seen.extend(dump(client))
    assert len(seen) == 4
    content = b" ".join(seen + [base64.b64decode(value + b"==") for value in seen])
    for secret in (b"secret token", b"access_token", KEY[1].encode(), KEY[2].encode()):
        assert secret not in content


_CLIENT_PROCESS = """
import json, sys, threading, redis
from zuora_client._call.shared_tokens import AccessToken, SharedTokens
from zuora_client.deadline import Clock, Deadline
from zuora_client.token_store import RedisTokenStore

client = redis.Redis(host="127.0.0.1", port=int(sys.argv[1]))
store = RedisTokenStore(client)

def fetch(deadline, on_throttled):
    number = client.incr("requests")
    Clock.sleep(0.2)
    return AccessToken(f"token {number}", 3600)

def run():
    shared = SharedTokens(store, Clock())
    key = ("https://rest.zuora.com", "the-client-id", "the-client-secret")
    token = shared.get_token(key, Deadline(60, Clock()), fetch, max_retry_after=120, call_id="0123456789")
    results.append(token.value.reveal())

results = []
print("ready", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=run) for _ in range(5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(results))
"""


def test_cold_processes_fetch_one_token(server: Server, connect: Callable[..., Any]) -> None:
    client = connect(server)
    command = [sys.executable, "-c", _CLIENT_PROCESS, str(server.port)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    tokens: list[str] = []
    for process in processes:
        tokens += json.loads(process.communicate(timeout=120)[0])
    assert len(tokens) == 20
    assert int(client.get("requests")) <= 2
    assert len(set(tokens)) <= 2


# -- foreign values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decode_responses", [False, True])
@pytest.mark.parametrize("value", [b"", b"not base64!", b"\xff\xfe", b"YQ", b"A" * 100_001, "ünicode".encode()])
def test_a_foreign_value_is_removed(
    server: Server, connect: Callable[..., Any], value: bytes, decode_responses: bool
) -> None:
    client = connect(server, decode_responses=decode_responses)
    store = RedisTokenStore(client)
    client.set("a", value)
    # Empty text is valid base64, of an empty value.
    assert store.get("a") == (None if value else b"")
    if value:
        assert client.exists("a") == 0
        assert store.add("a", b"one", 10) is True
    store.set("a", b"two", 10)
    assert store.get("a") == b"two"


def test_a_key_of_another_type_is_removed(server: Server, connect: Callable[..., Any]) -> None:
    client = connect(server)
    store = RedisTokenStore(client)
    client.lpush("a", "one")
    assert store.get("a") is None
    assert store.add("a", b"two", 10) is True


@pytest.mark.parametrize("decode_responses", [False, True])
@pytest.mark.parametrize("plant", ["garbage", "list", "truncated", "other secret"])
def test_planted_entries_heal(server: Server, connect: Callable[..., Any], plant: str, decode_responses: bool) -> None:
    """Planted at all three keys. None is used, no call waits for long, and the next client shares a token again."""
    client = connect(server, decode_responses=decode_responses)
    shared = SharedTokens(RedisTokenStore(client), Clock())
    get(shared, fetching("first"))
    (name,) = names(client)
    sealed = client.get(name)
    if plant == "other secret":
        key = (KEY[0], KEY[1], "another-client-secret")
        shared.get_token(key, Deadline(60, Clock()), fetching("foreign"), max_retry_after=120.0, call_id="0123456789")
        sealed = client.get(next(other for other in names(client) if other != name))
    for kind in ("token", "lease", "failure"):
        planted = name.replace("token", kind)
        client.delete(planted)
        if plant == "list":
            client.lpush(planted, "one")
        else:
            client.set(planted, {"garbage": b"\xff\0garbage", "truncated": sealed[:-40]}.get(plant, sealed))
    token = get(shared, fetching("second"), 4.0)
    assert token.value.reveal() == "second"
    assert get(SharedTokens(RedisTokenStore(client), Clock()), fetching()).value == "second"


# -- a server that fails ----------------------------------------------------------------------------------------------


def test_a_killed_server_costs_no_call(own_server: Server, connect: Callable[..., Any], caplog: Any) -> None:
    clock = FakeClock()
    shared = SharedTokens(RedisTokenStore(connect(own_server)), clock)
    get(shared, fetching("first"))
    own_server.stop()
    assert get(shared, fetching("second")).value == "second"
    assert get(shared, fetching("third")).value == "third"
    (message,) = caplog.messages
    assert message.startswith("[0123456789] the token store RedisTokenStore failed (")
    own_server.start()
    clock.advance(5)
    assert get(shared, fetching("fourth")).value == "fourth"
    assert get(shared, fetching()).value == "fourth"


def test_a_server_killed_during_a_fetch_costs_no_call(own_server: Server, connect: Callable[..., Any]) -> None:
    def fetch(deadline: Deadline, on_throttled: Any) -> AccessToken:
        own_server.stop()
        return AccessToken("first", 3600)

    assert get(SharedTokens(RedisTokenStore(connect(own_server)), FakeClock()), fetch).value == "first"


@pytest.mark.parametrize("options", [{}, {"socket_timeout": None}, {"socket_timeout": 0.5}])
def test_a_hanging_server_costs_one_timeout(
    own_server: Server, connect: Callable[..., Any], caplog: Any, options: dict[str, Any]
) -> None:
    """Some versions of redis-py alone wait for 10 s and more, and forever without a socket timeout."""
    clock = FakeClock()
    store = RedisTokenStore(connect(own_server, **options))
    shared = SharedTokens(store, clock)
    get(shared, fetching("first"))
    own_server.signal(signal.SIGSTOP)
    started_at = time.monotonic()
    assert get(shared, fetching("second")).value == "second"
    assert get(shared, fetching("third")).value == "third"
    assert time.monotonic() - started_at < 5
    # Older versions of redis-py do not retry, and report their own timeout if it is shorter.
    (message,) = caplog.messages
    assert message.startswith("[0123456789] the token store RedisTokenStore failed (TimeoutError: ")
    assert message.endswith(": not used for 5 s")
    own_server.signal(signal.SIGCONT)
    wait_until(lambda: not any(store._overdue.values()))
    clock.advance(5)
    assert get(shared, fetching()).value == "first"


def test_a_hanging_server_blocks_four_operations(
    own_server: Server, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More are not started, and the threads of the four end with the server's responses."""
    monkeypatch.setattr(token_store, "_OPERATION_TIMEOUT", 0.1)
    store = RedisTokenStore(connect(own_server, socket_timeout=None))
    own_server.signal(signal.SIGSTOP)
    for _ in range(4):
        with pytest.raises(TimeoutError, match="no result within"):
            store.get("a")
    with pytest.raises(TimeoutError, match="4 operations have not ended yet"):
        store.get("a")
    own_server.signal(signal.SIGCONT)
    wait_until(lambda: not any(store._overdue.values()))
    assert store.get("a") is None


@pytest.mark.parametrize("options", [{"password": "wrong"}, {"db": 9999}])
def test_a_refused_command_costs_no_call(server: Server, connect: Callable[..., Any], options: Any) -> None:
    shared = SharedTokens(RedisTokenStore(connect(server, **options)), FakeClock())
    assert get(shared, fetching("first")).value == "first"


def test_a_read_only_server_costs_no_call(own_server: Server, connect: Callable[..., Any], caplog: Any) -> None:
    client = connect(own_server)
    client.config_set("min-replicas-to-write", 1)
    assert get(SharedTokens(RedisTokenStore(client), FakeClock()), fetching("first")).value == "first"
    assert "NOREPLICAS" in caplog.text


def test_a_name_that_does_not_resolve_costs_no_call(caplog: Any) -> None:
    with contextlib.closing(redis.Redis(host="redis.invalid", port=6379)) as client:
        assert get(SharedTokens(RedisTokenStore(client), FakeClock()), fetching("first")).value == "first"
    assert "not used for 5 s" in caplog.text


# -- forks ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_connections_of_its_own(server: Server, connect: Callable[..., Any]) -> None:
    store = RedisTokenStore(connect(server))
    store.set("a", b"one", 60)

    def child() -> list[bytes | None]:
        found = []
        for number in range(50):
            store.set(f"child {number}", b"%d" % number, 60)
            found.append(store.get(f"child {number}"))
        return found

    children = [Child(child) for _ in range(2)]
    for _ in range(50):
        assert store.get("a") == b"one"
    for forked in children:
        assert forked.result == [b"%d" % number for number in range(50)]
