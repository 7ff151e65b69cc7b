"""What a client still holds: its open sockets, as the system sees them, and the slots of its pools."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from zuora_client import ApiClient

_STATES = {"01": "ESTABLISHED", "02": "SYN_SENT", "08": "CLOSE_WAIT"}


def sockets_to(port: int) -> list[str]:
    """Return the TCP states of this process's open sockets that are, or were, connected to a port of this machine."""
    mine = {_what(descriptor) for descriptor in os.listdir("/proc/self/fd")}
    found = []
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if int(fields[2].partition(":")[2], 16) == port and f"socket:[{fields[9]}]" in mine:
                found.append(_STATES.get(fields[3], fields[3]))
    return found


def _what(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # the listing's own, or one that another thread has just closed
        return ""


def free_slots(client: ApiClient) -> bool:
    """Whether every pool has all its slots: a connection that is lost on the way takes one with it."""
    pools: list[Any] = [route.pool for route in client.rest_client._routes.values()]
    return all(pool.pool.qsize() == pool.pool.maxsize for pool in pools)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread or the system is about to do."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen within ten seconds")
