"""200 cold clients in 40 processes: token requests, and seconds until the last client has its response.

Run from the root of the checkout: python -m benchmarks.fleet
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from zuora_client import ApiClient, Configuration
from zuora_client.emulator import ZuoraEmulator
from zuora_client.token_store import FileTokenStore, RedisTokenStore

PROCESSES = 40
CLIENTS_PER_PROCESS = 5


def make_store(settings: dict[str, Any]) -> Any:
    if "folder" in settings:
        return FileTokenStore(settings["folder"])
    if "port" in settings:
        import redis

        return RedisTokenStore(redis.Redis(host="127.0.0.1", port=settings["port"], socket_timeout=1))
    return None


def work(settings: dict[str, Any]) -> None:
    """One process: make the clients, wait for a line on standard input, call with all clients at once."""
    store = make_store(settings)
    clients = [ApiClient(Configuration.from_env(token_store=store)) for _ in range(CLIENTS_PER_PROCESS)]
    print("ready", flush=True)
    sys.stdin.readline()
    calls = [threading.Thread(target=client.call_api, args=("/v1/entities", "GET")) for client in clients]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    print("done", flush=True)


def measure(settings: dict[str, Any]) -> tuple[int, float]:
    """Return the number of token requests, and the seconds from the start of the calls to the end of the last."""
    with ZuoraEmulator() as zuora:
        environment = {
            **os.environ,
            "ZUORA_HOST": zuora.url,
            "ZUORA_CLIENT_ID": zuora.client_id,
            "ZUORA_CLIENT_SECRET": zuora.client_secret,
        }
        command = [sys.executable, "-m", "benchmarks.fleet", json.dumps(settings)]
        workers = [
            subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        started = time.monotonic()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "done\n"
        seconds = time.monotonic() - started
        for worker in workers:
            worker.communicate()
        calls = [request for request in zuora.requests if request.path == "/v1/entities"]
        assert len(calls) == PROCESSES * CLIENTS_PER_PROCESS
        return sum(request.path == "/oauth/token" for request in zuora.requests), seconds


@contextlib.contextmanager
def redis_server(folder: str) -> Iterator[int]:
    """Start a redis-server that keeps nothing on disk; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        server.kill()
        server.wait()


def main() -> None:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stores: dict[str, dict[str, Any]] = {"none": {}, "FileTokenStore": {"folder": os.path.join(folder, "tokens")}}
        if shutil.which("redis-server"):
            stores["RedisTokenStore"] = {"port": stack.enter_context(redis_server(folder))}
        print(f"{PROCESSES * CLIENTS_PER_PROCESS} cold clients in {PROCESSES} processes")
        print(f"{'token store':<16} {'token requests':>14} {'seconds':>8}")
        for name, settings in stores.items():
            fetches, seconds = measure(settings)
            print(f"{name:<16} {fetches:>14} {seconds:>8.1f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(json.loads(sys.argv[1]))
    else:
        main()
