"""Finds leaks of a client: open sockets, as the kernel lists them, and slots missing from its pools."""

from __future__ import annotations

import os
from typing import Any

from zuora_client import ApiClient

_STATES = {"01": "ESTABLISHED", "02": "SYN_SENT", "08": "CLOSE_WAIT"}


def sockets_to(port: int) -> list[str]:
    """Return the TCP states of this process's open sockets whose peer is, or was, a local port."""
    own = {_link_target(descriptor) for descriptor in os.listdir("/proc/self/fd")}
    found = []
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if int(fields[2].partition(":")[2], 16) == port and f"socket:[{fields[9]}]" in own:
                found.append(_STATES.get(fields[3], fields[3]))
    return found


def _link_target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # the descriptor of listdir itself, or one that another thread has closed since
        return ""


def free_slots(client: ApiClient) -> bool:
    """Whether every open connection is idle in its pool. One that was not released is open elsewhere."""
    return all(sum(c.sock is not None for c in pool._connections) == _idle(pool) for pool in pools_of(client))


def _idle(pool: Any) -> int:
    # A closed pool has no queue.
    return 0 if pool.pool is None else int(pool.pool.qsize())


def pools_of(client: ApiClient) -> list[Any]:
    """Return urllib3's pools of a client."""
    pools = client.rest_client.pool_manager.pools
    return [pools[key] for key in pools.keys()]  # noqa: SIM118 # it cannot be iterated
