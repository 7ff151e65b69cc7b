"""``python -m benchmarks [--quick] [--rounds N] [--json]``: every figure of docs/performance.md, in one run."""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
from importlib import metadata
from typing import Any

from benchmarks import clients, footprint, generated, report, server
from benchmarks.clients import Client
from benchmarks.measure import BASE, CASES, THREAD_COUNTS, measure


def main() -> None:
    """Measure, and print the table or the JSON to standard output. Progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="few rounds and few calls: about two minutes, coarse figures"
    )
    parser.add_argument("--rounds", type=int, help="rounds a case (31, or 7 with --quick)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    options = parser.parse_args()
    rounds = options.rounds or (7 if options.quick else 31)
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    growth_calls = 20_000 if options.quick else 100_000

    with generated.on_path() as folder, server.running() as running:
        kinds, skipped = _usable(running.plain_url)
        facts: dict[str, Any] = {
            "server": running.description,
            "python": f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores",
            "versions": ", ".join(_versions()),
            "rounds": rounds,
            "skipped": "; ".join(skipped) or "nothing",
        }
        found = _calls(kinds, running, rounds)
        found += _starts(kinds, folder, running.plain_url, rounds)
        found += _growth(
            [kind for kind in kinds if kind in (clients.Urllib3, clients.Ours)], running.plain_url, growth_calls
        )
    print(report.as_json(facts, found) if options.json else report.as_table(facts, found))


def _usable(url: str) -> tuple[list[type[Client]], list[str]]:
    """The clients that can be made here and answer rightly, and why the others cannot."""
    kinds: list[type[Client]] = []
    skipped: list[str] = []
    for kind in clients.ALL:
        try:
            client = kind(url)
        except ImportError as error:
            skipped.append(f"{kind.name} ({error})")
            continue
        clients.check(client)
        client.close()
        kinds.append(kind)
    return kinds, skipped


def _calls(kinds: list[type[Client]], running: server.Server, rounds: int) -> list[report.Figure]:
    found: list[report.Figure] = []
    for case in CASES:
        for threads in THREAD_COUNTS:
            column = f"{threads} thread{'s' if threads > 1 else ''}"
            print(f"{case.title}, {column}", file=sys.stderr)
            made = [kind(running.gzip_url if case.gzip else running.plain_url) for kind in kinds]
            # What the imports left is not scanned again and again in the time of the client that allocates.
            gc.collect()
            gc.freeze()
            costs = measure(case, made, threads, rounds)
            for client in made:
                client.close()
            microseconds = {name: [cost.cpu * 1e6 for cost in values] for name, values in costs.items()}
            target = report.CPU_TARGETS[case.name]
            found += report.compared(case.title, f"CPU, {column}", microseconds, "us", target)
        rates = {name: [1 / cost.wall for cost in values] for name, values in costs.items()}
        column = f"calls a second, {threads}"
        found += report.compared(case.title, column, rates, "/s", report.THROUGHPUT_TARGET, at_least=True)
    return found


def _starts(kinds: list[type[Client]], folder: str, url: str, rounds: int) -> list[report.Figure]:
    print("imports, in fresh processes", file=sys.stderr)
    kinds = [kind for kind in kinds if kind is not clients.Urllib3Again]
    imports = footprint.measure_imports(kinds, folder, rounds)
    cpu = {name: [found.cpu * 1e3 for found in values] for name, values in imports.items()}
    block = "Start, in fresh processes"
    found = report.compared(block, "CPU, import", cpu, "ms", report.IMPORT_TARGET)
    resident = {name: [value.resident / 2**20 for value in values] for name, values in imports.items()}
    if resident[BASE][0]:
        found += report.compared(block, "resident memory", resident, "MiB", report.RESIDENT_TARGET)
    first = footprint.measure_first_calls(kinds, folder, url, max(3, rounds // 3))
    milliseconds = {name: [value * 1e3 for value in values] for name, values in first.items()}
    return found + report.compared(block, "CPU, to first answer", milliseconds, "ms")


def _growth(kinds: list[type[Client]], url: str, calls: int) -> list[report.Figure]:
    found: list[report.Figure] = []
    block = f"Left behind by {calls:,} calls, in a fresh process"
    for kind in kinds:
        print(f"{calls:,} calls of {kind.name}", file=sys.stderr)
        grown = footprint.measure_growth(kind, url, calls)
        blocks, kib = grown.blocks / calls, grown.resident / 1024
        judged = kind.name == report.OURS
        targets = (report.BLOCKS_A_CALL_TARGET, report.GROWN_KIB_TARGET) if judged else (None, None)
        found.append(report.Figure(block, "allocator blocks", kind.name, None, blocks, "a call", targets[0]))
        found.append(report.Figure(block, "resident memory", kind.name, None, kib, "KiB", targets[1]))
    return found


def _versions() -> list[str]:
    installed = {found.metadata["Name"]: found.version for found in metadata.distributions()}
    names = ("urllib3", "requests", "httpx", "openapi-generator-cli", "pydantic")
    return [f"{name} {installed[name]}" for name in names if name in installed]


if __name__ == "__main__":
    main()
