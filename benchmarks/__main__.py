"""``python -m benchmarks [--quick] [--rounds N] [--json]``: the figures of docs/performance.md for calls and start.

``python -m benchmarks job`` measures a plan of 511 pairs instead; see `benchmarks.job`.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
from importlib import metadata
from typing import Any

from benchmarks import clients, footprint, generated, job, report, server
from benchmarks.clients import Client
from benchmarks.measure import BASE, CASES, THREAD_COUNTS, measure, spread


def main() -> None:
    """Run the benchmark and print tables or JSON to standard output. Progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and calls: about four minutes, coarse figures"
    )
    parser.add_argument("--rounds", type=int, help="rounds per case (31, or 7 with --quick)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    rounds = options.rounds or (7 if options.quick else 31)
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    growth_calls = 20_000 if options.quick else 100_000

    with generated.on_path() as folder, server.running() as running:
        kinds, skipped = _available_clients(running)
        facts: dict[str, Any] = {
            "server": running.description,
            "python": f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores",
            "versions": ", ".join(_versions()),
            "rounds": rounds,
            "skipped": "; ".join(skipped) or "nothing",
        }
        figures = _measure_calls(kinds, running, rounds)
        figures += _measure_start(kinds, folder, running, rounds)
        figures += _measure_help(rounds)
        figures += _measure_growth(
            [kind for kind in kinds if kind in (clients.Urllib3, clients.Ours)], running, growth_calls
        )
    print(report.as_json(facts, figures) if options.json else report.as_table(facts, figures))


def _available_clients(running: server.Server) -> tuple[list[type[Client]], list[str]]:
    """Return the clients that are installed and work, and the reason for each other one."""
    kinds: list[type[Client]] = []
    skipped: list[str] = []
    for kind in clients.ALL:
        try:
            client = kind(running.tls_url, running.ca_file)
        except ImportError as error:
            skipped.append(f"{kind.name} ({error})")
            continue
        clients.check(client)
        client.close()
        kinds.append(kind)
    return kinds, skipped


def _measure_calls(kinds: list[type[Client]], running: server.Server, rounds: int) -> list[report.Figure]:
    figures: list[report.Figure] = []
    for case in CASES:
        for threads in THREAD_COUNTS:
            column = f"{threads} thread{'s' if threads > 1 else ''}"
            print(f"{case.title}, {column}", file=sys.stderr)
            instances = [kind(getattr(running, case.address), running.ca_file) for kind in kinds]
            # Keeps the objects of the imports out of the collections that run during the measurement.
            gc.collect()
            gc.freeze()
            costs = measure(case, instances, threads, rounds)
            for client in instances:
                client.close()
            microseconds = {name: [cost.cpu * 1e6 for cost in values] for name, values in costs.items()}
            target = report.CPU_TARGETS[case.name]
            figures += report.compare(case.title, f"CPU, {column}", microseconds, "us", target)
        rates = {name: [1 / cost.wall for cost in values] for name, values in costs.items()}
        column = f"calls per second, {threads}"
        figures += report.compare(case.title, column, rates, "/s", report.THROUGHPUT_TARGET, at_least=True)
    return figures


def _measure_start(kinds: list[type[Client]], folder: str, running: server.Server, rounds: int) -> list[report.Figure]:
    print("imports, in fresh processes", file=sys.stderr)
    kinds = [kind for kind in kinds if kind is not clients.Urllib3Again]
    imports = footprint.measure_imports(kinds, folder, rounds)
    cpu = {name: [value.cpu * 1e3 for value in values] for name, values in imports.items()}
    block = "Start, in fresh processes"
    figures = report.compare(block, "CPU, import", cpu, "ms", report.IMPORT_TARGET)
    resident = {name: [value.resident / 2**20 for value in values] for name, values in imports.items()}
    if resident[BASE][0]:
        figures += report.compare(block, "resident memory", resident, "MiB", report.RESIDENT_TARGET)
    first = footprint.measure_first_calls(kinds, folder, running, max(3, rounds // 3))
    milliseconds = {name: [value * 1e3 for value in values] for name, values in first.items()}
    return figures + report.compare(block, "CPU, to first response", milliseconds, "ms")


def _measure_help(rounds: int) -> list[report.Figure]:
    print("zuora-connections --help, in fresh processes", file=sys.stderr)
    costs = footprint.measure_help(rounds)
    milliseconds = [spread([seconds * 1e3 for seconds in column]).median for column in zip(*costs, strict=True)]
    ratio = spread([helped / imported for imported, helped in costs])
    block, column = "The command line, in fresh processes; the ratio is to the import", "CPU"
    return [
        report.Figure(block, column, "zuora_client", None, milliseconds[0], "ms"),
        report.Figure(block, column, "--help", ratio, milliseconds[1], "ms", report.HELP_TARGET),
    ]


def _measure_growth(kinds: list[type[Client]], running: server.Server, calls: int) -> list[report.Figure]:
    figures: list[report.Figure] = []
    block = f"Growth over {calls:,} calls, in a fresh process"
    for kind in kinds:
        print(f"{calls:,} calls of {kind.name}", file=sys.stderr)
        growth = footprint.measure_growth(kind, running, calls)
        blocks, kib = growth.blocks / calls, growth.resident / 1024
        has_target = kind.name == report.OURS
        targets = (report.BLOCKS_PER_CALL_TARGET, report.GROWTH_KIB_TARGET) if has_target else (None, None)
        figures.append(report.Figure(block, "allocator blocks", kind.name, None, blocks, "per call", targets[0]))
        figures.append(report.Figure(block, "resident memory", kind.name, None, kib, "KiB", targets[1]))
    return figures


def _versions() -> list[str]:
    installed = {package.metadata["Name"]: package.version for package in metadata.distributions()}
    names = ("urllib3", "requests", "httpx", "openapi-generator-cli", "pydantic")
    return [f"{name} {installed[name]}" for name in names if name in installed]


if __name__ == "__main__":
    if sys.argv[1:2] == ["job"]:
        job.main(sys.argv[2:])
    else:
        main()
