"""A real redis-server on a loopback port, for one test or one module."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("redis-server")
REASON = "redis-server is not on PATH: install the package redis-server"


def require() -> None:
    """Skip the test if there is no redis-server; with ZUORA_REQUIRE_SERVICES=1, as .ci/run sets it, fail."""
    if PROGRAM is None:
        if os.environ.get("ZUORA_REQUIRE_SERVICES") == "1":
            pytest.fail(REASON)
        pytest.skip(REASON)


class Server:
    """A redis-server process. It keeps nothing on disk."""

    def __init__(self, folder: Path, *options: str, config: str | None = None) -> None:
        self._folder = folder
        self._options = options
        self._config = config
        self.port = _free_port()
        self.start()

    def start(self) -> None:
        command = [str(PROGRAM)]
        if self._config is not None:
            # Sentinel writes its state into this file.
            path = self._folder / f"{self.port}.conf"
            path.write_text(self._config, encoding="utf-8")
            command.append(str(path))
        command += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), *self._options]
        if self._config is None:
            command += ["--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        give_up_at = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, "redis-server ended"
            assert time.monotonic() < give_up_at, "redis-server does not respond"
            with contextlib.suppress(OSError), contextlib.closing(self.client()) as client:
                if _responds(client):
                    return
            time.sleep(0.02)

    def client(self, **options: Any) -> Any:
        import redis

        return redis.Redis(host="127.0.0.1", port=self.port, **options)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(60)


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        # A member of a cluster listens 10,000 above its port, too: here above the ports of outgoing connections.
        if 51_000 <= port < 55_000:
            return port


def _responds(client: Any) -> bool:
    import redis

    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
