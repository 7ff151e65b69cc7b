"""Calls of a parent and its children at once: `python -m support.fork_workers WAY WORKERS CALLS` prints the results.

WAY is a start method of multiprocessing, or `ctypes`: a fork in C, as uWSGI does it, that no hook of Python sees.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import sys
import warnings
from typing import Any

from support import fork_app


def send_result(calls: int, start: Any, results: Any) -> None:
    start.wait()
    results.put(fork_app.make_calls(calls))


def by_multiprocessing(way: str, workers: int, calls: int) -> list[Any]:
    context: Any = multiprocessing.get_context(way)
    if way == "forkserver":
        # The server imports the application, which makes the first call there.
        context.set_forkserver_preload([fork_app.__name__])
    start, results = context.Barrier(workers + 1), context.SimpleQueue()
    processes = [context.Process(target=send_result, args=(calls, start, results)) for _ in range(workers)]
    for process in processes:
        process.start()
    start.wait()
    found = [fork_app.make_calls(calls), *(results.get() for _ in processes)]
    for process in processes:
        process.join()
    return found


def by_c_fork(workers: int, calls: int) -> list[Any]:
    """Each child makes one call at once, while nothing else happens; the others wait for each other."""
    found = []
    children = []
    waiting, start = os.pipe()
    for _ in range(workers):
        receiver, sender = os.pipe()
        if ctypes.CDLL(None).fork() == 0:
            try:
                os.close(start)
                os.write(sender, json.dumps(fork_app.make_calls(1)).encode() + b"\n")
                os.read(waiting, 1)  # until the parent has closed it
                os.write(sender, json.dumps(fork_app.make_calls(calls)).encode() + b"\n")
            finally:
                os._exit(0)
        os.close(sender)
        child = os.fdopen(receiver)
        found.append(json.loads(child.readline()))
        children.append(child)
    os.close(start)
    found.append(fork_app.make_calls(calls))
    for child in children:
        with child:
            found.append(json.loads(child.readline()))
        os.wait()
    return found


def main() -> None:
    way, workers, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # Python 3.12 and newer warn about a fork beside threads.
    warnings.simplefilter("ignore", DeprecationWarning)
    results = by_c_fork(workers, calls) if way == "ctypes" else by_multiprocessing(way, workers, calls)
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
