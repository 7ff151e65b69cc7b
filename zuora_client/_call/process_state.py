"""The state of a client in one process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .call import Sender
from .request_builder import RequestBuilder

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.pool import ThreadPool

    from .._http.attempt import Attempt
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

    def view(self, clock: Clock, on_attempt: Callable[[Attempt], None]) -> ProcessState:
        """Return a state that shares everything but the clock and what is called before each attempt."""
        # Imported here: it costs start-up time, and only plans need it.
        import copy

        view = copy.copy(self)
        view.sender = copy.copy(self.sender)
        view.sender.clock = clock
        view.sender.rest_client = self.sender.rest_client.view(on_attempt)
        return view
