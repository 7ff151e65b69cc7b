"""Start, stop, threads, TLS: nothing hangs and nothing is left behind."""

from __future__ import annotations

import contextlib
import gc
import http.client
import multiprocessing
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import trustme

from zuora_client.emulator import ZuoraEmulator, faults


def emulator_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("zuora-emulator")]


def until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.001)


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_start_and_stop_may_be_said_twice(connect) -> None:
    zuora = ZuoraEmulator()
    zuora.stop()
    assert zuora.start() is zuora.start() is zuora
    url = zuora.url
    assert connect(None, zuora).get("/v1/entities").status == 200
    zuora.stop()
    zuora.stop()
    assert zuora.url == url


def test_before_the_first_start_there_is_no_url() -> None:
    with pytest.raises(RuntimeError, match="start"):
        _ = ZuoraEmulator().url


def test_two_emulators_know_nothing_of_each_other(zuora, connect) -> None:
    with ZuoraEmulator() as other:
        assert zuora.url != other.url
        other.add_connection(other.entities[0], other.entities[1])
        token = f"Bearer {other.issue_token()}"
        assert connect().get("/v1/entities", Authorization=token).status == 401
        assert zuora.connections == []


def test_it_can_be_started_again_with_all_it_knew(connect) -> None:
    zuora = ZuoraEmulator()
    with zuora:
        http_ = connect(zuora.entities[0], zuora)
        http_.initiate(zuora.entities[1])
        url = zuora.url
    with zuora:
        assert zuora.url == url, "the port was free, so it is the same"
        again = connect(zuora.entities[0], zuora)
        again.headers = http_.headers
        assert len(again.get().json["entityConnections"]) == 1
        assert len(zuora.requests) == 2


def test_it_starts_again_on_another_port_if_its_own_was_taken() -> None:
    zuora = ZuoraEmulator()
    with zuora:
        port = urlsplit(zuora.url).port
    with socket.create_server(("127.0.0.1", port)), zuora:
        assert urlsplit(zuora.url).port != port


def test_a_port_that_was_asked_for_and_is_taken_is_an_os_error(zuora) -> None:
    port = urlsplit(zuora.url).port
    assert port is not None
    other = ZuoraEmulator(port=port)
    with pytest.raises(OSError, match=r"[Aa]ddress"):
        other.start()
    other.stop()


def test_after_stop_the_port_is_closed_and_no_thread_or_socket_is_left(connect, raw) -> None:
    before = open_files()
    zuora = ZuoraEmulator().start()
    clients = [connect(None, zuora) for _ in range(5)]
    for client in clients:
        client.get("/v1/entities")
    bare = raw(zuora)
    bare.send(b"GET /half")
    zuora.stop()
    assert emulator_threads() == []
    with contextlib.suppress(ConnectionResetError):  # if the half request was never read
        assert bare.read() == b"", "an open connection is closed, not left to hang"
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        clients[0].get("/v1/entities")
    with pytest.raises(ConnectionRefusedError):
        connect(None, zuora).get("/v1/entities")
    for client in clients:
        client.connection.close()
    bare.close()
    assert open_files() == before


@pytest.mark.parametrize("waiting", [faults.silence(), faults.delay(3600), faults.drip(3600)])
def test_stop_ends_every_wait_at_once(connect, raw, waiting) -> None:
    zuora = ZuoraEmulator().start()
    zuora.faults.add(waiting)
    wire = raw(zuora)
    wire.send(b"GET /v1/entities HTTP/1.1\r\n\r\n")
    until(lambda: zuora.requests)
    zuora.stop()
    assert emulator_threads() == [], "stop waits for its threads; one that slept on would still be here"


def test_stop_does_not_wait_for_a_client_that_does_not_read(raw) -> None:
    zuora = ZuoraEmulator().start()
    zuora.faults.add(faults.answer(200, b"x" * 50_000_000))
    wire = raw(zuora)
    wire.send(b"GET / HTTP/1.1\r\n\r\n")
    assert wire.read(1) == b"H"
    zuora.stop()
    assert emulator_threads() == []


def test_sixteen_threads_at_once(zuora, connect) -> None:
    clients = [connect(zuora.entities[0]) for _ in range(16)]

    def talk(client) -> set[int]:
        return {client.get().status for _ in range(50)}

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(talk, clients)) == [{200}] * 16
    assert len(zuora.requests) == 16 * 50
    assert len({request.connection_id for request in zuora.requests}) == 16


def test_many_short_connections_leave_nothing(zuora, connect) -> None:
    http_ = connect()
    http_.get("/v1/entities", Connection="close")
    before = open_files()
    for _ in range(200):
        assert http_.get("/v1/entities", Connection="close").status == 200
    http_.connection.close()
    until(lambda: len(emulator_threads()) == 1)
    assert open_files() <= before
    assert len(zuora._server._threads) == 0


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_does_not_keep_a_connection_alive(zuora, raw) -> None:
    wire = raw()
    wire.send(b"GET / HTTP/1.1\r\n\r\n")
    wire.read_answer()
    release_r, release_w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release_w)
        os.read(release_r, 1)
        os._exit(0)
    try:
        wire.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        wire.read_answer()
        assert wire.read() == b""
    finally:
        os.close(release_w)
        os.close(release_r)
        os.waitpid(child, 0)


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_tls(server_context, client_context, connect) -> None:
    with ZuoraEmulator(9, ssl_context=server_context) as zuora:
        assert zuora.url.startswith("https://127.0.0.1:")
        for number in range(31):
            zuora.add_connection(zuora.entities[0], zuora.entities[1 + number % 8], "Disconnected")
        http_ = connect(zuora.entities[0], zuora, ssl_context=client_context)
        answer = http_.get()
        assert len(answer.json["entityConnections"]) == 30
        assert answer.json["nextPage"].startswith(zuora.url)
        assert len(http_.get(answer.json["nextPage"][len(zuora.url) :]).json["entityConnections"]) == 1


def test_a_silent_handshake_holds_up_nobody_and_ends_with_stop(server_context, client_context, connect, raw) -> None:
    zuora = ZuoraEmulator(ssl_context=server_context).start()
    silent = raw(zuora)
    http_ = connect(None, zuora, ssl_context=client_context)
    assert http_.get("/v1/entities").status == 200
    zuora.stop()
    assert emulator_threads() == []
    assert silent.read() == b""


def test_a_client_that_speaks_no_tls_or_does_not_trust_us_is_dropped(
    server_context, client_context, connect, raw
) -> None:
    with ZuoraEmulator(ssl_context=server_context) as zuora:
        plain = raw(zuora)
        plain.send(b"GET /v1/entities HTTP/1.1\r\n\r\n")
        assert b"HTTP" not in plain.read()
        with pytest.raises(ssl.SSLError):
            connect(None, zuora, ssl_context=ssl.create_default_context()).get("/v1/entities")
        assert connect(None, zuora, ssl_context=client_context).get("/v1/entities").status == 200
        assert len(zuora.requests) == 1


@pytest.mark.parametrize("fault", [faults.reset_after_commit(), faults.close_before_reading(), faults.silence()])
def test_faults_and_stop_work_over_tls(server_context, client_context, connect, fault) -> None:
    zuora = ZuoraEmulator(ssl_context=server_context).start()
    zuora.fail_next(fault)
    http_ = connect(None, zuora, ssl_context=client_context)
    failed = threading.Event()

    def ask() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            http_.get("/v1/entities")
        failed.set()

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: zuora.requests)
    zuora.stop()
    thread.join()
    assert failed.is_set()
    assert emulator_threads() == []


def test_a_context_for_clients_is_a_value_error(client_context) -> None:
    with pytest.raises(ValueError, match="ssl_context"):
        ZuoraEmulator(ssl_context=client_context)


class Unwilling(ssl.SSLContext):
    """Fails to wrap, as happens with a client that has gone again by then."""

    def wrap_socket(self, *_arguments, **_options):
        raise ssl.SSLError("gone")


def test_a_connection_that_cannot_be_wrapped_does_not_end_the_server(raw) -> None:
    zuora = ZuoraEmulator(ssl_context=Unwilling(ssl.PROTOCOL_TLS_SERVER)).start()
    for _ in range(2):
        assert raw(zuora).read() == b""
    zuora.stop()
    assert emulator_threads() == []


def test_ipv6(connect) -> None:
    try:
        zuora = ZuoraEmulator(host="::1").start()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    assert zuora.url.startswith("http://[::1]:")
    assert connect(None, zuora).get("/v1/entities").status == 200
    zuora.stop()
