"""One process of a fleet. It receives commands, and answers each with a list of results.

`{"call": True}` makes one call with each client at the same time; `{"advance": 3600}` sets all clocks of the process
forward. The settings: host, client_id, client_secret, clients, and either `folder` or `port` (of a redis-server) with
`patience` (seconds for an operation).
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from multiprocessing.connection import Connection
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
    token = "".join(token.reveal() for token in client._state.sender.credentials.tokens.secrets())
    results.append([error, hashlib.sha256(token.encode()).hexdigest(), _monotonic() - started])


def main(settings: dict[str, Any], connection: Connection) -> None:
    global _offset
    logging.disable()
    # The client's module with a reference to it is not imported before the first call.
    time.time = lambda: _wall_time() + _offset
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
    connection.send([])
    while True:
        try:
            command = connection.recv()
        except EOFError:
            return
        _offset += command.get("advance", 0.0)
        results: list[Any] = []
        if command.get("call"):
            threads = [threading.Thread(target=call, args=(client, results)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        connection.send(results)
