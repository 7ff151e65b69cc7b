"""Resets every client in a forked child process: it must not share connections, locks or threads with its parent."""

from __future__ import annotations

import os
import weakref
from typing import Any

# Each has a method `_reset_after_fork`, which is called in the child only, while no other thread runs.
clients: weakref.WeakSet[Any] = weakref.WeakSet()


def _reset_clients() -> None:
    for client in list(clients):
        client._reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_clients)
