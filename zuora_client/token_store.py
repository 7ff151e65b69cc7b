"""Where processes share one OAuth token: the interface of a token store, and two stores.

A store is a plain key-value store with expiry, with the verbs of memcached. The library decides what is stored, and
authenticates every value with keys derived from the client secret, so a store cannot make a client use a token that
was not fetched with the same client secret.

A store holds an access token, which is valid for about an hour, and short-lived bookkeeping. It never holds the client
secret. `RedisTokenStore` gets the token encrypted. `FileTokenStore` gets it readable, protected by the modes of folder
and files.
"""

from __future__ import annotations

import _thread
import base64
import contextlib
import hashlib
import importlib
import inspect
import os
import sys
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_VERBS = ("get", "set", "add", "delete")

# How long one operation of a store may hold up a call.
_OPERATION_TIMEOUT = 1.0
_LOCK_POLL = 0.005

# Operations of a hanging Redis that may be outstanding, each with a thread and a connection of its own.
_MAX_OVERDUE = 4

_WRITABLE_BY_OTHERS = 0o022
_MAX_CLOCK_STEP = 60.0
_NAME_LENGTH = 64
_BINARY = getattr(os, "O_BINARY", 0)


class TokenStore(Protocol):
    """A key-value store with expiry, shared by processes.

    Keys are ASCII text of at most 100 characters, values are bytes of at most a few kilobytes, `seconds` is a positive
    integer. An entry whose time has passed counts as absent. Operations may raise any exception: the client then
    continues without the store for a while. They are called without a lock held, from any thread.

    A store with an attribute ``encrypted = True`` gets its values encrypted, which needs the package cryptography.
    Otherwise an access token can be read by everyone who can read the store.
    """

    def get(self, key: str, /) -> bytes | None:
        """Return the value, or None when the key is absent."""
        ...

    def set(self, key: str, value: bytes, seconds: int, /) -> object:
        """Store a value in place of any other."""
        ...

    def add(self, key: str, value: bytes, seconds: int, /) -> bool:
        """Store a value if the key is absent, atomically among all processes; return whether it was stored."""
        ...

    def delete(self, key: str, /) -> object:
        """Remove a key, which may be absent."""
        ...


def validate_token_store(store: Any) -> TokenStore:
    """Return `store`.

    Raises:
        TypeError: a verb of `TokenStore` is missing or is a coroutine function, or `store` is a class.
        ImportError: the store asks for encryption, and the package cryptography is not installed.
    """
    if isinstance(store, type):
        raise TypeError(f"token_store must be an instance, not the class {store.__name__}")
    for verb in _VERBS:
        method = getattr(store, verb, None)
        if not callable(method):
            raise TypeError(f"token_store must have the methods {', '.join(_VERBS)}: {_name(store)} has no {verb}")
        if inspect.iscoroutinefunction(method):
            raise TypeError(f"token_store must be synchronous: {verb} of {_name(store)} is a coroutine function")
    if getattr(store, "encrypted", False):
        _require_cryptography(_name(store))
    checked: TokenStore = store
    return checked


def _name(value: Any) -> str:
    return type(value).__name__


def _require_cryptography(user: str) -> None:
    try:
        importlib.import_module("cryptography.fernet")
    except ImportError as error:
        raise ImportError(
            f"{user} needs the package cryptography: pip install zuora-entity-connections[redis]"
        ) from error


class FileTokenStore:
    """Shares a token among the processes of one user on one machine: cron jobs, gunicorn workers, command lines.

    The folder is created with mode 0700, files with 0600. The access token is readable in a file for the user that runs
    the processes and for root. On Windows the access control list of the folder is the caller's business. A folder on a
    network file system is not supported.

    Instances can be copied, pickled and used after a fork. File names are hashes of the keys.

    Args:
        folder: path of a folder that holds nothing else.

    Raises:
        ValueError: users other than the current one and root can write to the folder; the text has its mode.
        OSError: the folder cannot be created.
    """

    encrypted = False

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        path = os.fspath(folder)
        if not isinstance(path, str):
            raise TypeError(f"folder must be a path as text, not {_name(folder)}")
        if not path:
            raise ValueError("folder is empty: name a folder that holds nothing else")
        self.folder = os.path.abspath(path)
        self._prepare_folder()

    def __repr__(self) -> str:
        return f"FileTokenStore({self.folder!r})"

    def get(self, key: str) -> bytes | None:
        """Return the value, or None when there is none. An expired or unreadable entry is removed."""
        path = self._path(key)
        with self._locked():
            return _read_entry(path)

    def set(self, key: str, value: bytes, seconds: int) -> None:
        """Store a value in place of any other, and remove all expired entries."""
        path = self._path(key)
        with self._locked():
            # Entries of an earlier client secret are never requested again, so only this removes them.
            for name in os.listdir(self.folder):
                if len(name) == _NAME_LENGTH:
                    _read_entry(os.path.join(self.folder, name))
            _write_entry(path, value, seconds)

    def add(self, key: str, value: bytes, seconds: int) -> bool:
        """Store a value if the key is absent; return whether it was stored."""
        path = self._path(key)
        with self._locked():
            if _read_entry(path) is not None:
                return False
            _write_entry(path, value, seconds)
            return True

    def delete(self, key: str) -> None:
        """Remove a key, which may be absent."""
        path = self._path(key)
        with self._locked():
            _remove(path)

    def _path(self, key: str) -> str:
        return os.path.join(self.folder, hashlib.sha256(key.encode()).hexdigest())

    def _prepare_folder(self) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        if sys.platform == "win32":
            return
        status = os.stat(self.folder)
        if status.st_mode & _WRITABLE_BY_OTHERS:
            mode = status.st_mode & 0o7777
            raise ValueError(f"other users can write to {self.folder} (mode {mode:04o}): use a folder with mode 0700")
        if status.st_uid not in (0, os.geteuid()):
            raise ValueError(f"{self.folder} belongs to user {status.st_uid}, and this process is user {os.geteuid()}")

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """Hold the lock of the folder, which the operating system releases when the process dies.

        Raises:
            TimeoutError: another process holds it for longer than 1 s, for example because it is stopped.
        """
        # Again for each operation: folders below /tmp are removed by cleaners.
        self._prepare_folder()
        descriptor = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | _BINARY, 0o600)
        try:
            give_up_at = time.monotonic() + _OPERATION_TIMEOUT
            while not _try_lock(descriptor):
                if time.monotonic() >= give_up_at:
                    raise TimeoutError(f"another process holds the lock of {self.folder}")
                time.sleep(_LOCK_POLL)
            try:
                yield
            finally:
                # Closing is not enough: a process forked meanwhile has the same open file, and would keep the lock.
                _unlock(descriptor)
        finally:
            os.close(descriptor)


if sys.platform == "win32":

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:

    def _try_lock(descriptor: int) -> bool:
        # flock, not lockf: locks of lockf do not exclude the threads of one process.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


# An entry is one line, the time of expiry (seconds since 1970, UTC) and the lifetime in seconds, followed by the value.


def _read_entry(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return None
    header, separator, value = content.partition(b"\n")
    try:
        expires_at, seconds = map(float, header.split())
    except ValueError:
        separator = b""
        expires_at = seconds = 0.0
    # The upper bound covers a clock that was set back after the entry was written.
    if separator and 0 < expires_at - time.time() <= seconds + _MAX_CLOCK_STEP:
        return value
    _remove(path)
    return None


def _write_entry(path: str, value: bytes, seconds: int) -> None:
    # One name for each key, under the lock: a process that is killed here leaves no more than one file behind.
    temporary = path + ".new"
    _remove(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    with open(descriptor, "wb") as file:
        file.write(b"%.3f %d\n" % (time.time() + seconds, seconds) + value)
    os.replace(temporary, path)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


class RedisTokenStore:
    """Shares a token among the processes and machines that use one Redis or Valkey server.

    Values are encrypted: a reader of the Redis database sees neither the token nor the client secret. A client that can
    write to it can delete entries, which costs requests for tokens, but cannot plant a token.

    Any synchronous client of redis-py works, with and without `decode_responses`, and so do those of Sentinel and
    Cluster. An operation costs a call at most 1 s, whatever the client's own timeouts and retries are (redis-py 8
    retries ten times): it runs in a thread of its own, whose result is no longer waited for after that time. At most 4
    such threads exist at once, and each ends as soon as the client gives up. While there are 4, operations fail
    immediately.

    Copies share the client. Pickling raises a TypeError: create the store in each process.

    Args:
        redis_client: for example ``redis.Redis(host="...", socket_timeout=1)``.

    Raises:
        TypeError: an asyncio client, or not a client at all.
        ImportError: cryptography is not installed: ``pip install zuora-entity-connections[redis]``.
    """

    encrypted = True

    def __init__(self, redis_client: Any) -> None:
        if any(cls.__module__.startswith("redis.asyncio") for cls in type(redis_client).__mro__):
            raise TypeError(f"redis_client must be synchronous: {_name(redis_client)} is an asyncio client")
        for command in ("get", "set", "delete"):
            method = getattr(redis_client, command, None)
            if not callable(method):
                raise TypeError(f"redis_client must be a redis.Redis: {_name(redis_client)} has no {command}")
            if inspect.iscoroutinefunction(method):
                raise TypeError(f"redis_client must be synchronous: its {command} is a coroutine function")
        _require_cryptography("RedisTokenStore")
        self._client = redis_client
        # By process: in a forked child the threads of the parent do not exist.
        self._overdue: dict[int, set[SimpleQueue[Any]]] = {}

    def __repr__(self) -> str:
        # Not the client's repr, which may contain its password.
        return f"RedisTokenStore({_name(self._client)})"

    def __copy__(self) -> RedisTokenStore:
        return self

    def __deepcopy__(self, memo: object) -> RedisTokenStore:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RedisTokenStore cannot be pickled, its client holds connections: create it in each process")

    def get(self, key: str) -> bytes | None:
        """Return the value, or None when there is none.

        An entry that no `RedisTokenStore` wrote is removed. A reply that is neither bytes nor str nor None is returned
        as it is, and the library takes it for absent.
        """
        try:
            reply = self._run(lambda: self._client.get(key))
        except Exception as error:
            # With decode_responses, a value that is not text. Otherwise a key that holds a list or a hash: redis is not
            # imported here, so its exception is recognized by its text.
            if not isinstance(error, UnicodeDecodeError) and not str(error).startswith("WRONGTYPE"):
                raise
        else:
            if not isinstance(reply, (bytes, str)):
                return reply  # type: ignore[no-any-return]
            with contextlib.suppress(ValueError):
                return base64.b64decode(reply, validate=True)
        self.delete(key)
        return None

    def set(self, key: str, value: bytes, seconds: int) -> None:
        """Store a value in place of any other."""
        encoded = base64.b64encode(value)
        self._run(lambda: self._client.set(key, encoded, ex=seconds))

    def add(self, key: str, value: bytes, seconds: int) -> bool:
        """Store a value if the key is absent; return whether it was stored."""
        encoded = base64.b64encode(value)
        return bool(self._run(lambda: self._client.set(key, encoded, nx=True, ex=seconds)))

    def delete(self, key: str) -> None:
        """Remove a key, which may be absent."""
        self._run(lambda: self._client.delete(key))

    def _run(self, command: Callable[[], Any]) -> Any:
        """Return the result of a command, within 1 s.

        A thread, because the limits of a client cannot be changed from outside in a way that holds for all of them:
        Sentinel and Cluster clients have timeouts and retries on several levels, and name resolution has no timeout.

        Raises:
            TimeoutError: no result in that time.
        """
        overdue = self._overdue.setdefault(os.getpid(), set())
        if len(overdue) >= _MAX_OVERDUE:
            raise TimeoutError(f"{len(overdue)} operations have not ended yet")
        results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

        def execute() -> None:
            outcome: tuple[Any, BaseException | None]
            try:
                outcome = command(), None
            except BaseException as error:
                outcome = None, error
            results.put(outcome)
            overdue.discard(results)

        # threading.Thread.start waits for a threading.Event, whose lock a signal handler that raises can leave held.
        _thread.start_new_thread(execute, ())
        try:
            result, error = results.get(timeout=_OPERATION_TIMEOUT)
        except Empty:
            overdue.add(results)
            if not results.empty():
                # It ended meanwhile, perhaps before it was added.
                overdue.discard(results)
            raise TimeoutError(f"no result within {_OPERATION_TIMEOUT:g} s") from None
        if error is not None:
            try:
                raise error
            finally:
                # The traceback refers to this frame.
                del error
        return result
