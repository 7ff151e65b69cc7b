"""A forked child goes on with connections, locks and threads of its own: every client is told, before anything else."""

from __future__ import annotations

import os
import weakref
from typing import Any

# Each has a method `_reset_after_fork`. It is called in the child alone, where no other thread runs.
clients: weakref.WeakSet[Any] = weakref.WeakSet()


def _tell_all() -> None:
    for client in list(clients):
        client._reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell_all)
