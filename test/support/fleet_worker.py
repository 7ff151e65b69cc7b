"""One process of a fleet: `fleet_worker.py SETTINGS` reads commands from standard input, one JSON object a line.

`{"call": true}` makes one call with each client at the same time and prints a list of results, `{"advance": 3600}` sets
all clocks of the process forward. SETTINGS is JSON: host, client_id, client_secret, clients, and either `folder` or
`port` (of a redis-server) with `patience` (seconds for an operation).
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from typing import Any

from zuora_client import ApiClient, ApiException, Configuration, token_store
from zuora_client.deadline import Clock
from zuora_client.token_store import FileTokenStore, RedisTokenStore

_offset = 0.0
_wall_time, _monotonic = time.time, time.monotonic


class ShiftedClock(Clock):
    def now(self) -> float:
        return _monotonic() + _offset


def make_store(settings: dict[str, Any]) -> Any:
    token_store._OPERATION_TIMEOUT = settings.get("patience", 30)
    if "folder" in settings:
        return FileTokenStore(settings["folder"])
    import redis

    return RedisTokenStore(redis.Redis(host="127.0.0.1", port=settings["port"], socket_timeout=settings["patience"]))


def call(client: ApiClient, results: list[Any]) -> None:
    started = _monotonic()
    error = None
    try:
        client.call_api("/v1/entities", "GET", response_type="object")
    except ApiException as caught:
        error = type(caught).__name__
    token = "".join(client._state.sender.credentials.tokens.secrets())
    results.append([error, hashlib.sha256(token.encode()).hexdigest(), _monotonic() - started])


def report(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    global _offset
    # The client's module with a reference to it is not imported before the first call.
    time.time = lambda: _wall_time() + _offset
    settings = json.loads(sys.argv[1])
    store = make_store(settings)
    clients = [
        ApiClient(
            Configuration(
                settings["host"],
                client_id=settings["client_id"],
                client_secret=settings["client_secret"],
                token_store=store,
            ),
            clock=ShiftedClock(),
        )
        for _ in range(settings["clients"])
    ]
    report("ready")
    for line in sys.stdin:
        command = json.loads(line)
        _offset += command.get("advance", 0.0)
        results: list[Any] = []
        if command.get("call"):
            threads = [threading.Thread(target=call, args=(client, results)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        report(json.dumps(results))


if __name__ == "__main__":
    main()
