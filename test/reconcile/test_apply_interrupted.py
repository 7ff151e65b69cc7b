"""Ctrl-C and SIGKILL in the middle of `apply`: nothing is written afterwards, no thread stays, and it can run again."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any
from unittest import mock

import pytest
from support.scripted import unresponsive_url
from support.tenant import api_for
from support.threads import Caller, wait_until
from support.untraced import without_coverage
from support.watching import written

from zuora_client import ConnectionPlan, EntitiesApi, EntityConnectionsApi, PlanIncompleteError, Step, plan_connections
from zuora_client.deadline import Clock
from zuora_client.emulator import ZuoraEmulator, faults

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

PROGRAM = """
import sys
from zuora_client import ApiClient, Configuration, EntityConnectionsApi, plan_connections

with ApiClient(Configuration.from_env()) as client:
    source, *targets = sys.argv[1:]
    plan_connections(EntityConnectionsApi(client), [(source, target) for target in targets]).apply()
"""


def star(zuora: ZuoraEmulator) -> list[tuple[str, str]]:
    root, *others = zuora.entities
    return [(root.id, entity.id) for entity in others]


def assert_written_once(zuora: ZuoraEmulator) -> None:
    count = len(zuora.entities) - 1
    assert [row.status for row in zuora.connections] == ["Connected"] * count
    assert collections.Counter(written(zuora)) == {"initiate": count, "accept": count}


def apply_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("zuora-apply")]


def hold_requests(zuora: ZuoraEmulator, path: str) -> tuple[threading.Event, threading.Event]:
    """Hold the responses for a path. Return two events: a request has arrived, and (set by the test) respond now."""
    held, released = threading.Event(), threading.Event()

    def hold(exchange: Any) -> None:
        held.set()
        released.wait(60)
        exchange.send(exchange.execute())

    zuora.faults.add(faults.Fault("hold", hold), path=path)
    return held, released


def apply_until_ctrl_c(plan: ConnectionPlan, seconds: float, workers: int) -> None:
    """Apply a plan again and again. After some seconds the main thread gets SIGINT."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGINT)).start()
    for _ in range(100):
        with contextlib.suppress(PlanIncompleteError):
            plan.apply(workers=workers)


@pytest.fixture
def sigint() -> Any:
    """Python's default handler, which raises KeyboardInterrupt in the main thread.

    Without coverage, whose lock would stay held if it raises there: every thread would wait for it.
    """
    with without_coverage():
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.2, 0.35, 0.5])
def test_ctrl_c(workers: int, seconds: float) -> None:
    with ZuoraEmulator(entities=25) as zuora, api_for(zuora) as api:
        plan = plan_connections(api, star(zuora))
        zuora.faults.add(faults.delay(0.1), path="/v1/*")
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            apply_until_ctrl_c(plan, seconds, workers)
        assert time.monotonic() - started < 20
        assert apply_threads() == []
        # A request that was sent before is still executed by the server.
        zuora.faults.clear()
        time.sleep(0.2)
        count = len(zuora.requests)
        time.sleep(0.3)
        assert len(zuora.requests) == count
        plan.apply(workers=workers)
        assert_written_once(zuora)


@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("clock", [Clock(), None], ids=["real clock", "clock of the test"])
def test_ctrl_c_ends_waits_for_a_retry(clock: Clock | None) -> None:
    """Workers that wait because Zuora asked to end at once, and do not retry their write."""
    with ZuoraEmulator(entities=25) as zuora, api_for(zuora, clock=clock) as api:  # type: ignore[arg-type]
        plan = plan_connections(api, star(zuora))
        waiting = 60 if clock is not None else 0
        zuora.faults.add(faults.concurrency_limit(retry_after=waiting), method="POST", path="/v1/*")
        zuora.faults.add(faults.delay(0.1), method="GET", path="/v1/*")
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            apply_until_ctrl_c(plan, 0.7, 8)
        assert time.monotonic() - started < 20
        assert apply_threads() == []
        zuora.faults.clear()
        time.sleep(0.2)
        assert written(zuora) == []
        plan.apply()
        assert_written_once(zuora)


@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize(("method", "unknown"), [("GET", 0), ("POST", 8), ("PUT", 8)])
def test_ctrl_c_while_the_server_is_silent(caplog: pytest.LogCaptureFixture, method: str, unknown: int) -> None:
    """Attempts that wait for a response are aborted. Writes are logged as unknown; other calls of the client go on."""
    main = threading.main_thread().ident
    assert main is not None
    with ZuoraEmulator(entities=25) as zuora, api_for(zuora, clock=Clock()) as api:  # type: ignore[arg-type]
        plan = plan_connections(api, star(zuora))

        def keep_silent(exchange: Any) -> None:
            silent.append(exchange)
            if len(silent) == (8 if unknown else 1):
                signal.pthread_kill(main, signal.SIGINT)
            faults.silence().act(exchange)

        silent: list[Any] = []
        held, released = hold_requests(zuora, "/v1/entities")
        other = Caller(EntitiesApi(api.api_client).get_entities)
        assert held.wait(20)
        zuora.faults.add(faults.Fault("silence", keep_silent), method=method, path="/v1/entity-connections*")
        with caplog.at_level(logging.WARNING, "zuora_client"), pytest.raises(KeyboardInterrupt):
            plan.apply()
        assert apply_threads() == []
        assert [line.levelname for line in caplog.records] == ["WARNING"] * unknown
        assert all("outcome unknown" in line.message for line in caplog.records)
        assert other.is_alive()
        released.set()
        assert other.done().success is True
        zuora.faults.clear()
        plan.apply()
        assert_written_once(zuora)


@pytest.mark.usefixtures("sigint")
@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog that drops connections is Linux's")
def test_ctrl_c_while_connecting() -> None:
    """Workers whose host does not respond to their connections end before the connect timeout of the client."""
    with ZuoraEmulator(entities=9) as zuora, unresponsive_url() as url:
        with api_for(zuora, clock=Clock(), connect_timeout=30) as api:  # type: ignore[arg-type]
            plan = plan_connections(api, star(zuora))
            api.api_client.configuration.access_token = zuora.issue_token()
            api.api_client.configuration.host = url
            with pytest.raises(KeyboardInterrupt):
                apply_until_ctrl_c(plan, 0.3, 8)
            assert apply_threads() == []
            api.api_client.configuration.host = zuora.url
            plan.apply()
        assert_written_once(zuora)


@pytest.mark.usefixtures("sigint")
def test_ctrl_c_while_another_thread_fetches_the_token() -> None:
    """Workers that wait for the token of a call outside the plan end, and that call goes on."""
    with ZuoraEmulator(entities=9) as zuora, api_for(zuora, clock=Clock()) as api:  # type: ignore[arg-type]
        plan = plan_connections(api, star(zuora))
        tokens = api.api_client._state.sender.credentials.tokens
        tokens.invalidate(tokens.secrets()[0])
        held, released = hold_requests(zuora, "/oauth/token")
        other = Caller(EntitiesApi(api.api_client).get_entities)
        assert held.wait(20)
        with pytest.raises(KeyboardInterrupt):
            apply_until_ctrl_c(plan, 0.3, 8)
        assert apply_threads() == []
        assert other.is_alive()
        released.set()
        assert other.done().success is True
        plan.apply()
        assert_written_once(zuora)


@pytest.mark.usefixtures("sigint")
def test_written_before_ctrl_c_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A response that arrives soon after Ctrl-C is read, so the outcome of its write is known."""
    main = threading.main_thread().ident
    assert main is not None
    with ZuoraEmulator(entities=9) as zuora, api_for(zuora) as api:
        plan = plan_connections(api, star(zuora))
        reached: list[Any] = []

        def interrupt(exchange: Any) -> None:
            reached.append(exchange)
            if len(reached) == 8:
                signal.pthread_kill(main, signal.SIGINT)
            wait_until(lambda: len(reached) == 8)
            exchange.pause(0.3)
            exchange.send(exchange.execute())

        zuora.faults.add(faults.Fault("interrupt", interrupt), method="POST", path="/v1/*")
        with caplog.at_level(logging.INFO, "zuora_client"), pytest.raises(KeyboardInterrupt):
            plan.apply()
        assert len([line for line in caplog.records if "POST /v1/entity-connections: done" in line.message]) == 8
        plan.apply()
        assert_written_once(zuora)


@pytest.mark.usefixtures("sigint")
def test_ctrl_c_during_a_step(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    """No further step is reported."""
    main = threading.main_thread().ident
    assert main is not None
    steps: list[Step] = []

    def on_step(step: Step) -> None:
        steps.append(step)
        signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.2)

    plan = plan_connections(api, star(zuora))
    with pytest.raises(KeyboardInterrupt):
        plan.apply(on_step)
    assert len(steps) == 1
    assert apply_threads() == []
    plan.apply()
    assert_written_once(zuora)


def test_ctrl_c_while_a_thread_starts(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    """A thread that begins just after Ctrl-C is waited for too."""
    start = threading.Thread.start
    begun: list[str] = []

    def begin(thread: threading.Thread) -> None:
        start(thread)
        begun.append(thread.name)

    def interrupted(thread: threading.Thread) -> None:
        if not thread.name.startswith("zuora-apply"):
            start(thread)
            return
        threading.Timer(0.01, begin, [thread]).start()
        raise KeyboardInterrupt

    plan = plan_connections(api, star(zuora))
    with mock.patch.object(threading.Thread, "start", interrupted), pytest.raises(KeyboardInterrupt):
        plan.apply()
    assert (begun, apply_threads()) == (["zuora-apply-1"], [])
    plan.apply()
    assert_written_once(zuora)


STUCK = """
import sys, time
from zuora_client import ApiClient, Configuration, EntityConnectionsApi, plan_connections

def on_step(step):
    print("step", flush=True)
    time.sleep(600)

with ApiClient(Configuration.from_env()) as client:
    source, *targets = sys.argv[1:]
    plan = plan_connections(EntityConnectionsApi(client), [(source, target) for target in targets])
    started = time.monotonic()
    try:
        plan.apply(on_step)
    except KeyboardInterrupt:
        print(time.monotonic() - started)
"""


def test_ctrl_c_while_a_step_is_stuck() -> None:
    """The run ends after 5 seconds, and so does its process, although `on_step` does not return."""
    with ZuoraEmulator(entities=9) as zuora:
        command = [sys.executable, "-c", STUCK, *(entity.id for entity in zuora.entities)]
        process = subprocess.Popen(command, env=environment_for(zuora), stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "step\n"
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0
    assert 5 <= float(output) < 6


def environment_for(zuora: ZuoraEmulator) -> dict[str, str]:
    return {
        **os.environ,
        "ZUORA_HOST": zuora.url,
        "ZUORA_CLIENT_ID": zuora.client_id,
        "ZUORA_CLIENT_SECRET": zuora.client_secret,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def test_killed_runs() -> None:
    """Processes that are killed at any point, one after the other and two at once; the last run completes."""
    moments = random.Random(5)
    with ZuoraEmulator(entities=41) as zuora:
        zuora.faults.add(faults.delay(0.01), path="/v1/*")
        environment = environment_for(zuora)
        command = [sys.executable, "-c", PROGRAM, *(entity.id for entity in zuora.entities)]

        for count in (1, 2, 1, 2):
            before = len(zuora.requests)
            processes = [subprocess.Popen(command, env=environment) for _ in range(count)]
            wanted = before + moments.randrange(3, 60)
            while len(zuora.requests) < wanted and all(process.poll() is None for process in processes):
                time.sleep(0.002)
            for process in processes:
                process.kill()
                process.wait()
        time.sleep(0.2)
        runs = [subprocess.Popen(command, env=environment) for _ in range(2)]
        assert [run.wait(60) for run in runs] == [0, 0]
        assert_written_once(zuora)
