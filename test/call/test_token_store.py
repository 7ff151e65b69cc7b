"""The interface of a token store, and the store in files."""

from __future__ import annotations

import builtins
import copy
import importlib
import json
import os
import pickle
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.forks import Child

from zuora_client import token_store
from zuora_client.token_store import FileTokenStore, RedisTokenStore, TokenStore, validate_token_store

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and flock are POSIX")


class Store:
    """A store that only has to look like one."""

    def get(self, key: str) -> bytes | None: ...

    def set(self, key: str, value: bytes, seconds: int) -> None: ...

    def add(self, key: str, value: bytes, seconds: int) -> bool:
        raise NotImplementedError

    def delete(self, key: str) -> None: ...


class FakeRedis:
    """A client that is never called."""

    get = set = delete = lambda self, *args, **kwargs: None


@pytest.fixture
def store(tmp_path: Path) -> FileTokenStore:
    return FileTokenStore(tmp_path / "tokens")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock of the file store: a list of one number."""
    current = [1_800_000_000.0]
    monkeypatch.setattr(time, "time", lambda: current[0])
    return current


def entries(store: FileTokenStore) -> list[Path]:
    return sorted(path for path in Path(store.folder).iterdir() if path.name != "lock")


# -- validation -------------------------------------------------------------------------------------------------------


def test_a_valid_store_is_returned(store: FileTokenStore) -> None:
    own = Store()
    assert validate_token_store(own) is own
    assert validate_token_store(store) is store


@pytest.mark.parametrize("verb", ["get", "set", "add", "delete"])
@pytest.mark.parametrize("value", [None, 5, b"get"])
def test_a_missing_verb_is_named(verb: str, value: Any) -> None:
    broken = Store()
    setattr(broken, verb, value)
    with pytest.raises(TypeError, match=rf"get, set, add, delete: Store has no {verb}$"):
        validate_token_store(broken)


def test_a_class_is_refused() -> None:
    with pytest.raises(TypeError, match="must be an instance, not the class Store"):
        validate_token_store(Store)


def test_a_coroutine_function_is_refused() -> None:
    class Async(Store):
        async def add(self, key: str, value: bytes, seconds: int) -> bool:  # type: ignore[override]
            return True

    with pytest.raises(TypeError, match="must be synchronous: add of Async is a coroutine function"):
        validate_token_store(Async())


@pytest.fixture
def without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    def importing(name: str, *args: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return original(name, *args)

    original = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", importing)


@pytest.mark.usefixtures("without_cryptography")
@pytest.mark.parametrize("make", [lambda: RedisTokenStore(FakeRedis()), lambda: validate_token_store(Encrypted())])
def test_encryption_needs_cryptography(make: Any) -> None:
    with pytest.raises(ImportError, match=re.escape("pip install zuora-entity-connections[redis]")):
        make()


@pytest.mark.usefixtures("without_cryptography")
def test_files_need_no_cryptography(store: FileTokenStore) -> None:
    assert validate_token_store(store) is store


class Encrypted(Store):
    encrypted = True


def test_the_module_imports_neither_redis_nor_cryptography() -> None:
    program = (
        "import sys, zuora_client.token_store, zuora_client._call.shared_tokens; "
        "print([name for name in ('redis', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- the verbs --------------------------------------------------------------------------------------------------------


def test_verbs(store: TokenStore) -> None:
    assert store.get("a") is None
    store.set("a", b"one\ntwo\0\xff", 10)
    store.set("b", b"", 10)
    assert store.get("a") == b"one\ntwo\0\xff"
    assert store.get("b") == b""
    assert store.add("a", b"three", 10) is False
    store.set("a", b"four", 10)
    assert store.get("a") == b"four"
    store.delete("a")
    store.delete("a")
    assert store.get("a") is None
    assert store.add("a", b"five", 10) is True
    assert store.get("a") == b"five"


def test_an_expired_entry_is_absent_and_removed(store: FileTokenStore, now: list[float]) -> None:
    store.set("a", b"one", 10)
    now[0] += 9.99
    assert store.get("a") == b"one"
    now[0] += 0.01
    assert store.get("a") is None
    assert entries(store) == []
    store.set("a", b"two", 10)
    now[0] += 10
    assert store.add("a", b"three", 10) is True
    assert store.get("a") == b"three"


def test_set_removes_all_expired_entries(store: FileTokenStore, now: list[float]) -> None:
    """After the client secret was changed, no client asks for the old entry any more."""
    store.set("old", b"one", 10)
    store.set("live", b"two", 30)
    now[0] += 20
    store.set("new", b"three", 10)
    assert len(entries(store)) == 2
    assert store.get("live") == b"two"


def test_an_entry_from_the_future_is_absent(store: FileTokenStore, now: list[float]) -> None:
    """The clock was set back. Otherwise a lease of seconds would be held for as long as it was set back."""
    store.set("a", b"one", 10)
    now[0] -= 59.9
    assert store.get("a") == b"one"
    now[0] -= 0.2
    assert store.get("a") is None
    assert store.add("a", b"two", 10) is True


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"garbage", b"1 2 3\nvalue", b"x y\nvalue", b"nan 10\nvalue", b"inf 10\nvalue", b"\xff\n"]
)
def test_a_foreign_file_is_absent_and_heals(store: FileTokenStore, content: bytes) -> None:
    store.set("a", b"one", 10)
    (path,) = entries(store)
    path.write_bytes(content)
    assert store.get("a") is None
    assert entries(store) == []
    path.write_bytes(content)
    assert store.add("a", b"two", 10) is True
    assert store.get("a") == b"two"


def test_a_write_that_was_cut_off_leaves_no_entry(store: FileTokenStore) -> None:
    store.set("a", b"one", 10)
    (path,) = entries(store)
    path.rename(f"{path}.new")
    assert store.get("a") is None
    store.set("a", b"two", 10)
    assert store.get("a") == b"two"
    assert entries(store) == [path]


def test_a_failed_write_keeps_the_old_value(store: FileTokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set("a", b"one", 10)

    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        store.set("a", b"two", 10)
    assert store.get("a") == b"one"


# -- the folder -------------------------------------------------------------------------------------------------------


@posix_only
def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = FileTokenStore(tmp_path / "below" / "tokens")
        store.set("secret key", b"one", 10)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(store.folder).st_mode) == 0o700
    files = list(Path(store.folder).iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_file_names_are_hashes_of_the_keys(store: FileTokenStore) -> None:
    store.set("../../secret key", b"one", 10)
    (path,) = entries(store)
    assert re.fullmatch("[0-9a-f]{64}", path.name)


@posix_only
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_writable_by_others_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    try:
        with pytest.raises(ValueError, match=rf"other users can write to .* \(mode {mode:04o}\)"):
            FileTokenStore(tmp_path)
    finally:
        tmp_path.chmod(0o700)


@posix_only
def test_a_folder_readable_by_others_is_accepted(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    FileTokenStore(tmp_path).set("a", b"one", 10)


@posix_only
def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    # An owner other than root, who may own the folder of anyone.
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path: os.stat_result((*real(path)[:4], owner + 7, *real(path)[5:])))
    monkeypatch.setattr(os, "geteuid", lambda: owner + 8)
    with pytest.raises(ValueError, match=f"belongs to user {owner + 7}, and this process is user {owner + 8}"):
        FileTokenStore(tmp_path)


@posix_only
def test_a_folder_opened_later_is_refused(store: FileTokenStore) -> None:
    os.chmod(store.folder, 0o777)
    with pytest.raises(ValueError, match="mode 0777"):
        store.set("a", b"one", 10)


def test_a_removed_folder_is_created_again(store: FileTokenStore) -> None:
    store.set("a", b"one", 10)
    for path in Path(store.folder).iterdir():
        path.unlink()
    os.rmdir(store.folder)
    assert store.get("a") is None
    store.set("a", b"two", 10)
    assert store.get("a") == b"two"


@pytest.mark.parametrize("folder", [None, b"folder", 7])
def test_a_folder_must_be_a_path(folder: Any) -> None:
    with pytest.raises(TypeError):
        FileTokenStore(folder)


def test_an_empty_folder_name_is_refused() -> None:
    with pytest.raises(ValueError, match="folder is empty"):
        FileTokenStore("")


# -- processes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda store: pickle.loads(pickle.dumps(store))])
def test_copies_share_the_folder(store: FileTokenStore, make: Any) -> None:
    other = make(store)
    store.set("a", b"one", 10)
    assert other.get("a") == b"one"
    assert repr(other) == f"FileTokenStore({store.folder!r})"


def test_a_relative_folder_survives_a_change_of_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileTokenStore("tokens")
    store.set("a", b"one", 10)
    monkeypatch.chdir(tmp_path.parent)
    assert store.get("a") == b"one"


_ADD_LEASES = """
import sys
from zuora_client.token_store import FileTokenStore
store = FileTokenStore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print([number for number in range(50) if store.add(f"lease {number}", b"", 60)], flush=True)
"""


def test_one_process_gets_the_lease(store: FileTokenStore) -> None:
    command = [sys.executable, "-c", _ADD_LEASES, store.folder]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    won: list[int] = []
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        won += json.loads(worker.communicate(timeout=60)[0])
    assert sorted(won) == list(range(50))


def test_one_thread_gets_the_lease(store: FileTokenStore) -> None:
    barrier = threading.Barrier(8)
    won: list[int] = []

    def add() -> None:
        for number in range(10):
            barrier.wait(60)
            if store.add(f"lease {number}", b"", 60):
                won.append(number)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won) == list(range(10))


@posix_only
def test_a_forked_child_shares_entries(store: FileTokenStore) -> None:
    store.set("a", b"one", 10)

    def child() -> Any:
        read = store.get("a")
        store.set("b", b"two", 10)
        return read, store.add("a", b"three", 10)

    assert Child(child).result == (b"one", False)
    assert store.get("b") == b"two"


@posix_only
def test_a_child_forked_under_the_lock_does_not_keep_it(store: FileTokenStore) -> None:
    """The child has a copy of the descriptor, and closing the parent's alone would not release the lock."""
    reading, writing = os.pipe()
    with store._locked():
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
    os.close(reading)
    try:
        assert store.add("a", b"one", 10) is True
    finally:
        os.close(writing)
        os.waitpid(child, 0)


@posix_only
def test_a_lock_that_is_not_released_is_a_timeout(store: FileTokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped inside an operation holds up the others for 1 s at most."""
    waits: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 50.0 + sum(waits))
    monkeypatch.setattr(time, "sleep", waits.append)
    with store._locked(), pytest.raises(TimeoutError, match="another process holds the lock"):
        store.get("a")
    assert sum(waits) == pytest.approx(1.0, abs=0.01)
    assert store.get("a") is None


@posix_only
def test_a_killed_process_releases_the_lock(store: FileTokenStore) -> None:
    program = (
        "import sys, time\nfrom zuora_client.token_store import FileTokenStore\n"
        "with FileTokenStore(sys.argv[1])._locked():\n    print('locked', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, store.folder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        process.kill()
        process.wait(60)
    assert store.add("a", b"one", 10) is True


def test_time_is_real_without_a_fake_clock(store: FileTokenStore) -> None:
    store.set("a", b"one", 1)
    give_up_at = time.monotonic() + 60
    while store.get("a") is not None:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


# -- RedisTokenStore, what needs no server ----------------------------------------------------------------------------


def test_pickling_a_redis_store_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="RedisTokenStore cannot be pickled"):
        pickle.dumps(RedisTokenStore(FakeRedis()))


def test_copies_share_the_redis_client() -> None:
    store = RedisTokenStore(FakeRedis())
    assert copy.copy(store) is store
    assert copy.deepcopy({"store": store})["store"] is store


def test_the_repr_shows_no_password() -> None:
    class Client(FakeRedis):
        def __repr__(self) -> str:
            return "Client(password='geheim')"

    assert repr(RedisTokenStore(Client())) == "RedisTokenStore(Client)"


@pytest.mark.parametrize("client", ["redis://localhost", None, object()])
def test_a_client_must_be_one(client: Any) -> None:
    with pytest.raises(TypeError, match=f"must be a redis.Redis: {type(client).__name__} has no get"):
        RedisTokenStore(client)


def test_a_client_with_coroutine_functions_is_refused() -> None:
    class Client(FakeRedis):
        async def set(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
            pass

    with pytest.raises(TypeError, match="must be synchronous: its set is a coroutine function"):
        RedisTokenStore(Client())


def test_asyncio_clients_are_refused() -> None:
    redis_asyncio = pytest.importorskip("redis.asyncio")
    cluster = redis_asyncio.RedisCluster.__new__(redis_asyncio.RedisCluster)
    for client in (redis_asyncio.Redis(), cluster):
        with pytest.raises(TypeError, match="is an asyncio client"):
            RedisTokenStore(client)


def test_an_odd_reply_is_returned_as_it_is() -> None:
    class Client(FakeRedis):
        def get(self, key: str) -> Any:
            return [1, 2]

    odd: Any = RedisTokenStore(Client()).get("a")
    assert odd == [1, 2]


def test_an_exception_of_the_client_is_raised() -> None:
    class Client(FakeRedis):
        def get(self, key: str) -> Any:
            raise builtins.ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        RedisTokenStore(Client()).get("a")


class HangingClient:
    """Its commands end when `release` says so."""

    def __init__(self) -> None:
        self.calls = 0
        self.gate = threading.Semaphore(0)

    def get(self, key: str) -> Any:
        self.calls += 1
        self.gate.acquire()

    set = delete = get


def test_a_hanging_client_costs_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 4 operations hang at once; the next ones fail without being started."""
    monkeypatch.setattr(token_store, "_OPERATION_TIMEOUT", 0.05)
    client = HangingClient()
    store = RedisTokenStore(client)
    for _ in range(4):
        with pytest.raises(TimeoutError, match=r"no result within 0\.05 s"):
            store.get("a")
    for _ in range(3):
        with pytest.raises(TimeoutError, match="4 operations have not ended yet"):
            store.get("a")
    assert client.calls == 4
    client.gate.release(4)
    give_up_at = time.monotonic() + 60
    while any(store._overdue.values()):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    client.gate.release()
    assert store.get("a") is None


@posix_only
def test_hanging_operations_do_not_count_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "_OPERATION_TIMEOUT", 0.05)
    client = HangingClient()
    store = RedisTokenStore(client)
    for _ in range(4):
        with pytest.raises(TimeoutError):
            store.get("a")

    def child() -> Any:
        client.get = lambda key: None  # type: ignore[method-assign]
        return store.get("a")

    try:
        assert Child(child).result is None
    finally:
        client.gate.release(4)
