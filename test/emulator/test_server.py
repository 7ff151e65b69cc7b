"""Start, stop, threads, TLS."""

from __future__ import annotations

import contextlib
import errno
import gc
import http.client
import multiprocessing
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.authority import Authority
from support.emulator_clients import Connect, ConnectRaw, HttpClient
from support.threads import wait_until

from zuora_client.emulator import Fault, ZuoraEmulator, faults
from zuora_client.emulator import server as server_module
from zuora_client.emulator.server import Server


def emulator_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("zuora-emulator")]


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_start_and_stop_are_idempotent(connect: Connect) -> None:
    zuora = ZuoraEmulator()
    zuora.stop()
    assert zuora.start() is zuora.start() is zuora
    url = zuora.url
    assert connect(None, zuora).get("/v1/entities").status == 200
    zuora.stop()
    zuora.stop()
    assert zuora.url == url


def test_no_url_before_start() -> None:
    with pytest.raises(RuntimeError, match="start"):
        _ = ZuoraEmulator().url


def test_two_emulators_are_independent(zuora: ZuoraEmulator, connect: Connect) -> None:
    with ZuoraEmulator() as other:
        assert zuora.url != other.url
        other.add_connection(other.entities[0], other.entities[1])
        token = f"Bearer {other.issue_token()}"
        assert connect().get("/v1/entities", Authorization=token).status == 401
        assert zuora.connections == []


def test_restart_keeps_state(connect: Connect) -> None:
    zuora = ZuoraEmulator()
    with zuora:
        client = connect(zuora.entities[0], zuora)
        client.initiate(zuora.entities[1])
        url = zuora.url
    with zuora:
        assert zuora.url == url, "the port was free, so it is reused"
        again = connect(zuora.entities[0], zuora)
        again.headers = client.headers
        assert len(again.get().json["entityConnections"]) == 1
        assert len(zuora.requests) == 2


def test_restart_with_port_in_use() -> None:
    """A restarted emulator listens on another port if its own is in use."""
    zuora = ZuoraEmulator()
    with zuora:
        port = urlsplit(zuora.url).port
    with socket.create_server(("127.0.0.1", port)), zuora:
        assert urlsplit(zuora.url).port != port


def test_requested_port_in_use(zuora: ZuoraEmulator) -> None:
    """A requested port that is in use is an OSError."""
    port = urlsplit(zuora.url).port
    assert port is not None
    other = ZuoraEmulator(port=port)
    with pytest.raises(OSError, match=r"[Aa]ddress"):
        other.start()
    other.stop()


def test_stop_releases_threads_and_sockets(connect: Connect, raw: ConnectRaw) -> None:
    before = open_files()
    zuora = ZuoraEmulator().start()
    clients = [connect(None, zuora) for _ in range(5)]
    for client in clients:
        client.get("/v1/entities")
    bare = raw(zuora)
    bare.send(b"GET /half")
    zuora.stop()
    assert emulator_threads() == []
    with contextlib.suppress(ConnectionResetError):  # if the partial request was never read
        assert bare.read() == b"", "stop() closes an open connection"
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        clients[0].get("/v1/entities")
    with pytest.raises(ConnectionRefusedError):
        connect(None, zuora).get("/v1/entities")
    for client in clients:
        client.connection.close()
    bare.close()
    assert open_files() == before


@pytest.mark.parametrize("waiting", [faults.silence(), faults.delay(3600), faults.drip(3600)])
def test_stop_ends_every_wait(connect: Connect, raw: ConnectRaw, waiting: Fault) -> None:
    zuora = ZuoraEmulator().start()
    zuora.faults.add(waiting)
    connection = raw(zuora)
    connection.send(b"GET /v1/entities HTTP/1.1\r\n\r\n")
    wait_until(lambda: zuora.requests)
    zuora.stop()
    assert emulator_threads() == [], "stop() joins the threads, so a longer wait would show here"


def test_stop_with_unread_response(raw: ConnectRaw) -> None:
    """Stopping does not wait for a client that does not read its response."""
    zuora = ZuoraEmulator().start()
    zuora.faults.add(faults.answer(200, b"x" * 50_000_000))
    connection = raw(zuora)
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    assert connection.read(1) == b"H"
    zuora.stop()
    assert emulator_threads() == []


def test_sixteen_concurrent_clients(zuora: ZuoraEmulator, connect: Connect) -> None:
    clients = [connect(zuora.entities[0]) for _ in range(16)]

    def get_statuses(client: HttpClient) -> set[int]:
        return {client.get().status for _ in range(50)}

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(get_statuses, clients)) == [{200}] * 16
    assert len(zuora.requests) == 16 * 50
    assert len({request.connection_id for request in zuora.requests}) == 16


def test_short_connections_leak_nothing(zuora: ZuoraEmulator, connect: Connect) -> None:
    client = connect()
    client.get("/v1/entities", Connection="close")
    before = open_files()
    for _ in range(200):
        assert client.get("/v1/entities", Connection="close").status == 200
    client.connection.close()
    wait_until(lambda: len(emulator_threads()) == 1)
    assert open_files() <= before
    assert len(zuora._server._threads) == 0


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="requires os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_does_not_keep_connection_open(zuora: ZuoraEmulator, raw: ConnectRaw) -> None:
    connection = raw()
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    connection.read_response()
    release_r, release_w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release_w)
        os.read(release_r, 1)
        os._exit(0)
    try:
        connection.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        connection.read_response()
        assert connection.read() == b""
    finally:
        os.close(release_w)
        os.close(release_r)
        os.waitpid(child, 0)


# Without free descriptors or threads


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that emulators have waited after a failure. The maximum is lowered to 0.05."""
    assert server_module._MAX_BACKOFF == 1
    monkeypatch.setattr(server_module, "_MAX_BACKOFF", 0.05)
    back_off = Server._back_off
    seconds: list[float] = []

    def record(server: Server, wait: float) -> float:
        seconds.append(wait)
        return back_off(server, wait)

    monkeypatch.setattr(Server, "_back_off", record)
    return seconds


class FailingListener:
    """A listening socket whose `accept` raises the given errors first."""

    def __init__(self, listener: socket.socket, errors: list[OSError]) -> None:
        self._listener = listener
        self._errors = errors

    def accept(self) -> Any:
        if self._errors:
            raise self._errors.pop(0)
        return self._listener.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def __enter__(self) -> FailingListener:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def listen_with(monkeypatch: pytest.MonkeyPatch, errors: list[OSError]) -> None:
    listen = Server._listen
    monkeypatch.setattr(Server, "_listen", lambda self: FailingListener(listen(self), errors))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_no_free_descriptor(monkeypatch: pytest.MonkeyPatch, connect: Connect, waits: list[float], number: int) -> None:
    """A connection that cannot be accepted waits; the server retries with a bounded backoff."""
    errors = [OSError(number, os.strerror(number)) for _ in range(5)]
    listen_with(monkeypatch, errors)
    with ZuoraEmulator() as zuora:
        assert connect(None, zuora).get("/v1/entities").status == 200
        assert connect(None, zuora).get("/v1/entities").status == 200
    assert waits == [0.01, 0.02, 0.04, 0.05, 0.05]
    assert emulator_threads() == []


def test_disconnected_before_accept(monkeypatch: pytest.MonkeyPatch, connect: Connect, waits: list[float]) -> None:
    listen_with(monkeypatch, [ConnectionAbortedError(), ConnectionAbortedError()])
    with ZuoraEmulator() as zuora:
        assert connect(None, zuora).get("/v1/entities").status == 200
    assert waits == []


def test_stop_without_free_descriptor(monkeypatch: pytest.MonkeyPatch, raw: ConnectRaw) -> None:
    """A server that cannot accept connections stops."""
    errors = [OSError(errno.EMFILE, "too many open files") for _ in range(1000)]
    listen_with(monkeypatch, errors)
    zuora = ZuoraEmulator().start()
    raw(zuora)
    wait_until(lambda: len(errors) < 1000)
    zuora.stop()
    assert emulator_threads() == []
    assert len(errors) > 900


@pytest.fixture
def failing_starts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """Errors that the next starts of an emulator's threads raise."""
    errors: list[BaseException] = []
    start = threading.Thread.start

    def fail_or_start(thread: threading.Thread) -> None:
        if errors and thread.name.startswith("zuora-emulator"):
            raise errors.pop(0)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_or_start)
    yield errors
    errors.clear()


def test_no_free_thread(failing_starts: list[BaseException], connect: Connect, waits: list[float]) -> None:
    """A connection for which no thread can be started waits; the server retries with a bounded backoff."""
    with ZuoraEmulator() as zuora:
        failing_starts += [RuntimeError("can't start new thread") for _ in range(4)]
        failing_starts.append(MemoryError())
        assert connect(None, zuora).get("/v1/entities").status == 200
        assert connect(None, zuora).get("/v1/entities").status == 200
        assert waits == [0.01, 0.02, 0.04, 0.05, 0.05]
    assert emulator_threads() == []


def test_stop_without_free_thread(failing_starts: list[BaseException], raw: ConnectRaw) -> None:
    """A connection that waits for a thread is closed by `stop()`."""
    before = open_files()
    zuora = ZuoraEmulator().start()
    failing_starts += [RuntimeError("can't start new thread") for _ in range(1000)]
    connection = raw(zuora)
    wait_until(lambda: len(failing_starts) < 1000)
    zuora.stop()
    assert connection.read() == b""
    connection.close()
    assert emulator_threads() == []
    assert open_files() == before
    assert len(failing_starts) > 900


def test_failed_start_leaks_nothing(failing_starts: list[BaseException], connect: Connect) -> None:
    """An emulator whose first thread cannot be started is not started, and can be started later."""
    before = open_files()
    zuora = ZuoraEmulator()
    failing_starts.append(RuntimeError("can't start new thread"))
    with pytest.raises(RuntimeError, match="thread"):
        zuora.start()
    assert open_files() == before
    with zuora:
        assert connect(None, zuora).get("/v1/entities").status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="requires the limit of open files")
def test_waits_need_no_descriptor() -> None:
    """In a process without free descriptors, connections are served when others close, and delays work."""
    program = r"""if True:
        import os, resource, socket
        from zuora_client.emulator import ZuoraEmulator, faults

        with ZuoraEmulator() as zuora:
            zuora.faults.add(faults.drip(0.0001))
            host, port = zuora.url.removeprefix("http://").split(":")
            clients = [socket.create_connection((host, int(port))) for _ in range(2)]
            clients[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert clients[0].recv(1) == b"H"
            waiting = socket.socket()
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            files = []
            try:
                while True:
                    files.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                pass
            waiting.connect((host, int(port)))
            waiting.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            clients[1].sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert clients[1].recv(1) == b"H", "an open connection is served"
            os.close(files.pop())
            assert waiting.recv(1) == b"H", "the connection was accepted when a descriptor was free"
    """
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")


# TLS


@pytest.fixture
def server_context(authority: Authority) -> ssl.SSLContext:
    return authority.server("127.0.0.1")


@pytest.fixture
def client_context(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.file)


def test_tls(server_context: ssl.SSLContext, client_context: ssl.SSLContext, connect: Connect) -> None:
    with ZuoraEmulator(9, ssl_context=server_context) as zuora:
        assert zuora.url.startswith("https://127.0.0.1:")
        for number in range(31):
            zuora.add_connection(zuora.entities[0], zuora.entities[1 + number % 8], "Disconnected")
        client = connect(zuora.entities[0], zuora, ssl_context=client_context)
        response = client.get()
        assert len(response.json["entityConnections"]) == 30
        assert response.json["nextPage"].startswith(zuora.url)
        assert len(client.get(response.json["nextPage"][len(zuora.url) :]).json["entityConnections"]) == 1


def test_pending_handshake_blocks_no_other_client(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext, connect: Connect, raw: ConnectRaw
) -> None:
    """A client that does not finish its handshake blocks neither other clients nor `stop()`."""
    zuora = ZuoraEmulator(ssl_context=server_context).start()
    pending = raw(zuora)
    client = connect(None, zuora, ssl_context=client_context)
    assert client.get("/v1/entities").status == 200
    zuora.stop()
    assert emulator_threads() == []
    assert pending.read() == b""


def test_failed_handshake_is_dropped(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext, connect: Connect, raw: ConnectRaw
) -> None:
    """A client that does not use TLS, or does not trust the certificate, is disconnected."""
    with ZuoraEmulator(ssl_context=server_context) as zuora:
        plaintext = raw(zuora)
        plaintext.send(b"GET /v1/entities HTTP/1.1\r\n\r\n")
        assert b"HTTP" not in plaintext.read()
        with pytest.raises(ssl.SSLError):
            connect(None, zuora, ssl_context=ssl.create_default_context()).get("/v1/entities")
        assert connect(None, zuora, ssl_context=client_context).get("/v1/entities").status == 200
        assert len(zuora.requests) == 1


@pytest.mark.parametrize("fault", [faults.reset_after_commit(), faults.close_before_reading(), faults.silence()])
def test_faults_and_stop_work_over_tls(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext, connect: Connect, fault: Fault
) -> None:
    zuora = ZuoraEmulator(ssl_context=server_context).start()
    zuora.fail_next(fault)
    client = connect(None, zuora, ssl_context=client_context)
    failed = threading.Event()

    def get() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            client.get("/v1/entities")
        failed.set()

    thread = threading.Thread(target=get)
    thread.start()
    wait_until(lambda: zuora.requests)
    zuora.stop()
    thread.join()
    assert failed.is_set()
    assert emulator_threads() == []


def test_client_side_context_is_refused(client_context: ssl.SSLContext) -> None:
    with pytest.raises(ValueError, match="ssl_context"):
        ZuoraEmulator(ssl_context=client_context)


class FailingContext(ssl.SSLContext):
    """Fails to wrap, as happens if the client has already disconnected."""

    def wrap_socket(self, *_args: Any, **_kwargs: Any) -> ssl.SSLSocket:
        raise ssl.SSLError("gone")


def test_failed_tls_wrap_is_survived(raw: ConnectRaw) -> None:
    """A connection that cannot be wrapped in TLS does not end the server."""
    zuora = ZuoraEmulator(ssl_context=FailingContext(ssl.PROTOCOL_TLS_SERVER)).start()
    for _ in range(2):
        assert raw(zuora).read() == b""
    zuora.stop()
    assert emulator_threads() == []


def test_ipv6(connect: Connect) -> None:
    try:
        zuora = ZuoraEmulator(host="::1").start()
    except OSError:
        pytest.skip("IPv6 is not available")
    assert zuora.url.startswith("http://[::1]:")
    assert connect(None, zuora).get("/v1/entities").status == 200
    zuora.stop()
