"""A client that was used before a fork: each worker gets its own responses, and all use the token of the parent."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import redis_server
from support.redis_server import Server
from support.tools import load, requires

from zuora_client import ApiException
from zuora_client.emulator import ZuoraEmulator, faults
from zuora_client.exceptions import OutcomeUnknownError, RequestRejectedError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform"),
]

WORKERS = 4
CALLS = 25
SECONDS = 60


@pytest.fixture
def zuora() -> Iterator[ZuoraEmulator]:
    with ZuoraEmulator() as emulator:
        yield emulator


def environment(zuora: ZuoraEmulator, **more: str) -> dict[str, str]:
    folders = (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH"))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders)), **zuora.environ, **more}


def fetches(zuora: ZuoraEmulator) -> int:
    return sum(request.path == "/oauth/token" for request in zuora.requests)


def assert_separate(zuora: ZuoraEmulator, results: list[Any]) -> None:
    """No response went to another request, and no connection carried requests of two processes."""
    assert [wrong for result in results for wrong in result["wrong"]] == []
    connections = defaultdict(set)
    for request in zuora.requests:
        marker = request.headers.get("Zuora-Track-Id")
        if marker is not None:
            connections[request.connection_id].add(marker.partition("-")[0])
    assert {pid for pids in connections.values() for pid in pids} >= {str(result["pid"]) for result in results}
    assert {len(pids) for pids in connections.values()} == {1}


# -- multiprocessing, and a fork in C ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "tokens"),
    # The server of forkserver and each spawned process import the application anew, and make its first call again.
    [("fork", 1), ("forkserver", 2), ("spawn", 1 + WORKERS), ("ctypes", 1)],
)
def test_processes(zuora: ZuoraEmulator, way: str, tokens: int) -> None:
    command = [sys.executable, "-m", "support.fork_workers", way, str(WORKERS), str(CALLS)]
    done = subprocess.run(
        command, env=environment(zuora), capture_output=True, text=True, timeout=2 * SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len({result["pid"] for result in results}) == 1 + WORKERS
    assert_separate(zuora, results)
    assert fetches(zuora) == tokens


# -- servers ----------------------------------------------------------------------------------------------------------


class WebServer:
    """A server program with forked workers. `call` sends requests at the same time; each makes several calls."""

    def __init__(self, command: list[str], zuora: ZuoraEmulator, folder: Path) -> None:
        self._log = folder / "server.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command], env=environment(zuora), cwd=folder, stdout=log, stderr=log
            )
        try:
            self._url = self._wait_for_url()
        except BaseException:
            self.stop()
            raise

    def _wait_for_url(self) -> str:
        give_up_at = time.monotonic() + SECONDS
        while True:
            text = self._log.read_text(encoding="utf-8", errors="replace")
            found = re.search(r"(?:http://|TCP address )(127\.0\.0\.1:\d+)", text)
            if found is not None and re.search(r"Booting worker|spawned uWSGI worker", text):
                return f"http://{found[1]}/"
            assert self._process.poll() is None, text
            assert time.monotonic() < give_up_at, text
            time.sleep(0.02)

    def call(self, count: int) -> list[Any]:
        def request(_: int) -> Any:
            with urllib.request.urlopen(self._url, timeout=SECONDS) as response:
                return json.load(response)

        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(request, range(count)))

    def stop(self) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS)
        self._process.kill()
        self._process.wait(SECONDS)


UWSGI = ["support.uwsgi_command", "--http-socket", "127.0.0.1:0", "--master", "--die-on-term", "--need-app"]
UWSGI += ["--module", "support.fork_app:application", "--processes", str(WORKERS), "--enable-threads"]
GUNICORN = ["gunicorn", "support.fork_app:application", "--preload", "--workers", str(WORKERS)]
GUNICORN += ["--bind", "127.0.0.1:0", "--worker-tmp-dir", ".", "--worker-class"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(UWSGI, id="uwsgi", marks=requires("pyuwsgi")),
        pytest.param([*UWSGI, "--threads", "2"], id="uwsgi-threads", marks=requires("pyuwsgi")),
        pytest.param([*GUNICORN, "sync"], id="gunicorn-sync", marks=requires("gunicorn")),
        pytest.param([*GUNICORN, "gthread", "--threads", "4"], id="gunicorn-gthread", marks=requires("gunicorn")),
        pytest.param([*GUNICORN, "gevent"], id="gunicorn-gevent", marks=requires("gunicorn", "gevent")),
    ],
)
def test_web_servers(zuora: ZuoraEmulator, tmp_path: Path, command: list[str]) -> None:
    """The workers share the token of the parent. After it was revoked each fetches one."""
    server = WebServer(command, zuora, tmp_path)
    try:
        results = server.call(80)
        assert len({result["pid"] for result in results}) > 1
        assert_separate(zuora, results)
        assert fetches(zuora) == 1
        zuora.expire_tokens()
        results += server.call(80)
        assert_separate(zuora, results)
        assert fetches(zuora) <= 1 + WORKERS
    finally:
        server.stop()


# -- Celery -----------------------------------------------------------------------------------------------------------

StartCelery = Callable[[], Any]


@pytest.fixture
def celery(zuora: ZuoraEmulator, tmp_path: Path) -> Iterator[StartCelery]:
    """Start a worker with the prefork pool; return the application that sends it tasks."""
    redis_server.require()
    with contextlib.ExitStack() as stack:

        def start() -> Any:
            redis = Server(tmp_path)
            stack.callback(redis.stop)
            url = f"redis://127.0.0.1:{redis.port}/0"
            command = [sys.executable, "-m", "celery", "--app", "support.celery_tasks", "worker", "--pool", "prefork"]
            command += ["--concurrency", str(WORKERS), "--without-gossip", "--without-mingle", "--without-heartbeat"]
            with (tmp_path / "worker.log").open("wb") as log:
                worker = subprocess.Popen(
                    command, env=environment(zuora, REDIS_URL=url), cwd=tmp_path, stdout=log, stderr=log
                )
            stack.callback(worker.wait, SECONDS)
            stack.callback(worker.terminate)
            app = load("celery").Celery("tasks", broker=url, backend=url)
            stack.callback(app.close)
            return app

        yield start


@requires("celery", "redis")
@pytest.mark.filterwarnings("ignore")
def test_celery_prefork(zuora: ZuoraEmulator, celery: StartCelery) -> None:
    app = celery()
    sent = [app.send_task("make_calls", [10]) for _ in range(40)]
    results = [result.get(timeout=SECONDS) for result in sent]
    assert len({result["pid"] for result in results}) > 1
    assert_separate(zuora, results)
    assert fetches(zuora) == 1


@requires("celery", "redis")
@pytest.mark.filterwarnings("ignore")
def test_celery_errors(zuora: ZuoraEmulator, celery: StartCelery) -> None:
    """The JSON backend rebuilds errors from their arguments: a write in doubt stays in doubt."""
    source, target = zuora.entities[:2]
    lost = zuora.add_connection(source, target, "Pending")
    zuora.fail_next(faults.reset_after_commit(), method="PUT")
    app = celery()

    def accept() -> ApiException:
        with pytest.raises(ApiException) as caught:
            app.send_task("accept", [lost.id, target.id]).get(timeout=SECONDS)
        return caught.value

    error = accept()
    assert type(error) is OutcomeUnknownError
    assert error.outcome == "unknown"
    # It was done, so the second one is refused.
    error = accept()
    assert isinstance(error, RequestRejectedError)
    assert (error.status, error.outcome) == (200, "answered")
    zuora.stop()
    error = accept()
    assert error.status is None
    assert error.outcome in ("not_sent", "unknown")
    assert sum(request.method == "PUT" for request in zuora.requests) == 2
