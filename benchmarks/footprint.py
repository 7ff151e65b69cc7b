"""The cost of a client outside its calls: import, first call, resident memory, growth.

Each figure comes from a fresh process, because clients share imported modules within one process.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import clients
from benchmarks.clients import Client

if TYPE_CHECKING:
    from benchmarks.server import Server

ROOT = Path(__file__).resolve().parent.parent
STATM = Path("/proc/self/statm")

# Separate programs, because modules that this one has imported would cost the client nothing. FIRST_CALL includes the
# import of benchmarks.clients, for every client alike.
IMPORT = """
import time
start = time.process_time()
{imports}
cpu = time.process_time() - start
try:
    with open("/proc/self/statm") as statm:
        resident = int(statm.read().split()[1])
except OSError:
    resident = 0
import os
print(cpu, resident * os.sysconf("SC_PAGE_SIZE"))
"""
FIRST_CALL = """
import time
start = time.process_time()
from benchmarks.clients import {kind}
client = {kind}({url!r}, {ca_file!r})
client.put()
print(time.process_time() - start)
client.close()
"""


HELP = """
import time
start = time.process_time()
from zuora_client._cli.main import main
try:
    main(["--help"])
finally:
    print(time.process_time() - start)
"""


class Footprint(NamedTuple):
    """CPU seconds of the import, and resident bytes after it (0 without /proc)."""

    cpu: float
    resident: float


class Growth(NamedTuple):
    """Allocator blocks and resident bytes that remain after ``calls`` calls."""

    calls: int
    blocks: int
    resident: int


def measure_imports(kinds: Sequence[type[Client]], generated: str, rounds: int) -> dict[str, list[Footprint]]:
    """Return the footprints of each client by name. A first, uncounted round writes the bytecode files."""
    footprints: dict[str, list[Footprint]] = {kind.name: [] for kind in kinds}
    for number in range(rounds + 1):
        for kind in kinds:
            cpu, resident = _run(["-c", IMPORT.format(imports=kind.imports)], generated).split()
            if number:
                footprints[kind.name].append(Footprint(float(cpu), float(resident)))
    return footprints


def measure_first_calls(
    kinds: Sequence[type[Client]], generated: str, running: Server, rounds: int
) -> dict[str, list[float]]:
    """Return the CPU seconds of import and first PUT, so that deferred imports count too."""
    seconds: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            program = FIRST_CALL.format(kind=kind.__name__, url=running.plain_url, ca_file=running.ca_file)
            seconds[kind.name].append(float(_run(["-c", program], generated)))
    return seconds


def measure_help(rounds: int) -> list[tuple[float, float]]:
    """Return the CPU seconds of ``import zuora_client`` and of ``zuora-connections --help`` in each round."""
    programs = (IMPORT.format(imports=clients.Ours.imports), HELP)
    outputs = [[_run(["-c", program], "").split() for program in programs] for _ in range(rounds)]
    return [(float(imported[0]), float(helped[-1])) for imported, helped in outputs]


def measure_growth(kind: type[Client], running: Server, calls: int) -> Growth:
    """Make ``calls`` calls (PUT, POST and GET of 30 rows in turn), after a tenth as many to warm up."""
    arguments = (kind.__name__, running.plain_url, running.ca_file, str(calls))
    output = _run(["-m", "benchmarks.footprint", *arguments], "")
    return Growth(*json.loads(output))


def _run(arguments: Sequence[str], generated: str) -> str:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), generated])))
    # With it, every process would compile our modules again, but not those of the installed libraries.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _growth(client: Client, calls: int) -> Growth:
    _mixed_calls(client, calls // 10)
    blocks, resident = _memory()
    _mixed_calls(client, calls)
    blocks_after, resident_after = _memory()
    client.close()
    return Growth(calls, blocks_after - blocks, resident_after - resident)


def _mixed_calls(client: Client, calls: int) -> None:
    for _ in range(calls // 4):
        client.put()
        client.post()
        client.get(30)
        client.put()


def _memory() -> tuple[int, int]:
    gc.collect()
    resident = int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if STATM.exists() else 0
    return sys.getallocatedblocks(), resident


if __name__ == "__main__":
    print(json.dumps(_growth(getattr(clients, sys.argv[1])(*sys.argv[2:4]), int(sys.argv[4]))))
