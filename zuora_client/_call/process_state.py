"""The state of a client in one process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .build import RequestBuilder
from .call import Sender

if TYPE_CHECKING:
    from multiprocessing.pool import ThreadPool

    from ..configuration import Configuration
    from ..deadline import Clock


class ProcessState:
    """What a client must not share with another process: connections, locks and threads.

    Args:
        parent: the state of the parent process, in a forked child. Its tokens are taken over.
    """

    def __init__(self, configuration: Configuration, clock: Clock, parent: ProcessState | None = None) -> None:
        self.sender: Sender = Sender(configuration, clock) if parent is None else parent.sender.in_child(configuration)
        self.builder = RequestBuilder(self.sender.rest_client.is_confidential)
        # Reentrant: a signal handler may close the client while its thread holds the lock.
        self.lock = threading.RLock()
        self.pool: ThreadPool | None = None
