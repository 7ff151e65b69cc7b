"""``scripts/bench job [--workers N] [--quick] [--json]``: connect 511 pairs, and compare with a loop written by hand.

The emulator runs in a process of its own, with a fresh tenant for each run, and delays each response by a fixed time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import urllib3

from zuora_client import ApiClient, Configuration, EntityConnectionsApi, Hierarchy, plan_connections

PAIRS = 511
# Entities of a tenant whose root is connected to all others, or which has at least 511 pairs.
ENTITIES = {"star": PAIRS + 1, "mesh": 24}
MAX_REQUESTS = 1600
LIMIT_TARGET = 1.8
THREADS_TARGET = 1.2

SERVER = """
import json, sys
from zuora_client.emulator import ZuoraEmulator, faults

with ZuoraEmulator(entities=int(sys.argv[1])) as zuora:
    if float(sys.argv[2]):
        zuora.faults.add(faults.delay(float(sys.argv[2])), path="/v1/*")
    print(json.dumps([zuora.url, zuora.client_id, zuora.client_secret]), flush=True)
    sys.stdin.readline()
    requests = [request for request in zuora.requests if request.path.startswith("/v1/entity-connections")]
    writes = sum(bool(request.committed) for request in requests)
    connected = sum(row.status == "Connected" for row in zuora.connections)
    print(json.dumps([len(requests), writes, connected]), flush=True)
"""


class Run(NamedTuple):
    """Seconds and requests of one run."""

    seconds: float
    requests: int


class Tenant(NamedTuple):
    """A running emulator."""

    url: str
    client_id: str
    client_secret: str


class _Server:
    def __init__(self, entities: int, delay: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(entities), str(delay)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.tenant = Tenant(*json.loads(self._process.stdout.readline()))

    def stop(self) -> tuple[int, int, int]:
        """Return the number of requests, of writes that were done, and of connected pairs."""
        output, _ = self._process.communicate("\n")
        requests, writes, connected = json.loads(output)
        return requests, writes, connected


@contextlib.contextmanager
def _checked(server: _Server, writes: int) -> Iterator[list[int]]:
    """Yield a list that gets the number of requests. Every pair must be connected, with one write of each kind."""
    counts: list[int] = []
    try:
        yield counts
    finally:
        requests, done, connected = server.stop()
        counts.append(requests)
    if (done, connected) != (writes, writes // 2):
        raise RuntimeError(f"{done} writes and {connected} connected pairs instead of {writes} and {writes // 2}")


def pairs_of(shape: str, ids: list[str]) -> list[tuple[str, str]]:
    """Return 511 pairs of entities."""
    if shape == "star":
        return [(ids[0], target) for target in ids[1:]]
    return [(source, target) for source in ids for target in ids if source != target][:PAIRS]


def ours(shape: str, delay: float, workers: int) -> Run:
    """`plan_connections` and `apply`. The time is that of `apply`; reading the plan's lists is not counted."""
    server = _Server(ENTITIES[shape], delay)
    tenant = server.tenant
    with _checked(server, 2 * PAIRS) as counts:
        settings = Configuration(tenant.url, client_id=tenant.client_id, client_secret=tenant.client_secret)
        with ApiClient(settings) as client:
            ids = [str(entity.id) for entity in Hierarchy.load(client)]
            plan = plan_connections(EntityConnectionsApi(client), pairs_of(shape, ids))
            planned = len({pair.source_entity_id for pair in plan})
            started = time.perf_counter()
            plan.apply(workers=workers)
            seconds = time.perf_counter() - started
    return Run(seconds, counts[0] - planned)


def _session(tenant: Tenant, threads: int) -> tuple[urllib3.PoolManager, dict[str, str]]:
    pool = urllib3.PoolManager(maxsize=threads)
    fields = {
        "client_id": tenant.client_id,
        "client_secret": tenant.client_secret,
        "grant_type": "client_credentials",
    }
    response = pool.request("POST", f"{tenant.url}/oauth/token", fields=fields, encode_multipart=False)
    return pool, {"Authorization": f"Bearer {response.json()['access_token']}", "Content-Type": "application/json"}


def _entity_ids(pool: urllib3.PoolManager, tenant: Tenant, headers: dict[str, str]) -> list[str]:
    document = pool.request("GET", f"{tenant.url}/v1/entities", headers=headers).json()
    return [entity["id"] for entity in document["entities"]]


def _uuid(id: str) -> str:
    return f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"


def plain_loop(shape: str, delay: float) -> Run:
    """Request and accept one pair after the other, as somebody would write it: no list, no check of a failure."""
    server = _Server(ENTITIES[shape], delay)
    with _checked(server, 2 * PAIRS) as counts:
        pool, headers = _session(server.tenant, 1)
        pairs = pairs_of(shape, _entity_ids(pool, server.tenant, headers))
        base = f"{server.tenant.url}/v1/entity-connections"
        started = time.perf_counter()
        for source, target in pairs:
            as_source = {**headers, "Zuora-Entity-Ids": _uuid(source)}
            connection = pool.request("POST", base, json={"targetEntityId": target}, headers=as_source).json()["id"]
            as_target = {**headers, "Zuora-Entity-Ids": _uuid(target)}
            pool.request("PUT", f"{base}/{connection}/accept", headers=as_target)
        seconds = time.perf_counter() - started
    return Run(seconds, counts[0])


def bare_threads(shape: str, delay: float, workers: int, requests: int) -> Run:
    """The same number of requests in as many threads: what the server and the network allow."""
    server = _Server(ENTITIES[shape], delay)
    try:
        pool, headers = _session(server.tenant, workers)
        ids = _entity_ids(pool, server.tenant, headers)
        url = f"{server.tenant.url}/v1/entity-connections?pageSize=1"
        numbers = iter(range(requests))
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                pool.request("GET", url, headers={**headers, "Zuora-Entity-Ids": _uuid(ids[number % len(ids)])}).json()

        threads = [threading.Thread(target=work) for _ in range(workers)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Run(time.perf_counter() - started, requests)
    finally:
        server.stop()


def measure(shape: str, delay: float, workers: int) -> dict[str, Any]:
    """Return the figures of one case."""
    print(f"{shape}, {delay * 1000:g} ms", file=sys.stderr)
    run = ours(shape, delay, workers)
    loop = plain_loop(shape, delay)
    bare = bare_threads(shape, delay, workers, run.requests)
    limit = 2 * PAIRS / workers * delay
    return {
        "shape": shape,
        "delay_ms": delay * 1000,
        "requests": run.requests,
        "seconds": run.seconds,
        "plain_loop_seconds": loop.seconds,
        "bare_threads_seconds": bare.seconds,
        "limit_seconds": limit or None,
        "to_limit": run.seconds / limit if limit else None,
        "to_plain_loop": run.seconds / loop.seconds,
        "to_bare_threads": run.seconds / bare.seconds,
    }


def main(arguments: list[str]) -> None:
    """Run the benchmark and print a table or JSON to standard output. Progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="scripts/bench job", description=main.__doc__)
    parser.add_argument("--workers", type=int, default=8, help="threads of apply() (8)")
    parser.add_argument("--quick", action="store_true", help="20 instead of 100 ms per response")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    delays = (0.0, 0.02 if options.quick else 0.1)
    figures = [measure(shape, delay, options.workers) for delay in delays for shape in ENTITIES]
    if options.json:
        print(json.dumps({"pairs": PAIRS, "workers": options.workers, "figures": figures}, indent=2))
        return
    print(f"{PAIRS} pairs, {options.workers} workers, {os.cpu_count()} cores")
    print("case            requests  seconds  to the limit  to a plain loop  to bare threads")
    for figure in figures:
        case = f"{figure['shape']}, {figure['delay_ms']:g} ms"
        to_limit = f"{figure['to_limit']:.2f}" if figure["to_limit"] else "-"
        print(
            f"{case:<14}  {figure['requests']:>8}  {figure['seconds']:>7.2f}  {to_limit:>12}  "
            f"{figure['to_plain_loop']:>15.2f}  {figure['to_bare_threads']:>15.2f}"
        )
    missed = [figure for figure in figures if not _is_met(figure)]
    print(f"{len(figures) - len(missed)} of {len(figures)} cases met the targets.")


def _is_met(figure: dict[str, Any]) -> bool:
    """Whether a case met its targets. Without a delay the client's own CPU time is the limit, so none is set."""
    if figure["to_limit"] is None:
        return bool(figure["requests"] <= MAX_REQUESTS)
    is_fast = figure["to_limit"] <= LIMIT_TARGET or figure["to_bare_threads"] <= THREADS_TARGET
    return bool(figure["requests"] <= MAX_REQUESTS and is_fast)
