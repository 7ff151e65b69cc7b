"""The recorded requests."""

from __future__ import annotations

import threading
from collections import OrderedDict

from .messages import Request

MAX_REQUESTS = 100_000
MAX_BYTES = 128 * 1024 * 1024


class Record:
    """The latest requests: at most `MAX_REQUESTS`, with at most `MAX_BYTES` of heads and bodies. Thread-safe.

    The body of a request that is not completed yet is not counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Request, int] = OrderedDict()
        self._total_size = 0

    def add(self, request: Request) -> None:
        """Add a request whose head was received."""
        size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers.items())
        with self._lock:
            self._sizes[request] = size
            self._total_size += size
            self._remove_oldest()

    def complete(self, request: Request) -> None:
        """Count the body of a request that was added before."""
        with self._lock:
            if request in self._sizes:
                self._sizes[request] += len(request.body)
                self._total_size += len(request.body)
                self._remove_oldest()

    def requests(self) -> list[Request]:
        """Return the requests, oldest first."""
        with self._lock:
            return list(self._sizes)

    def _remove_oldest(self) -> None:
        while len(self._sizes) > MAX_REQUESTS or self._total_size > MAX_BYTES:
            self._total_size -= self._sizes.popitem(last=False)[1]
