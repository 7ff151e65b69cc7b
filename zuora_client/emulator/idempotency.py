"""The store behind the Idempotency-Key header: for 24 hours an operation runs at most once under a key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from .messages import Response
from .state import Refusal

TTL_SECONDS = 24 * 3600
MAX_KEY_LENGTH = 255
MAX_RECORDS = 10_000


class _Entry:
    __slots__ = ("expires_at", "fingerprint", "response")

    def __init__(self, fingerprint: object, expires_at: float) -> None:
        self.fingerprint = fingerprint
        self.expires_at = expires_at
        self.response: Response | None = None


class IdempotencyStore:
    """Stored responses by key. Thread-safe; no lock is held while an operation runs.

    At most `MAX_RECORDS` are kept. Beyond that the oldest whose operation is over is removed, and another request with
    its key is executed.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def run_once(self, key: str, fingerprint: object, operation: Callable[[], Response]) -> tuple[Response, bool]:
        """Return the response, and whether it is a replay of a stored one; a new response is stored.

        Args:
            fingerprint: identifies the request. The key is bound to the fingerprint of its first request.

        Raises:
            Refusal: 409 while the first request runs; 422 if the key is bound to another fingerprint.
        """
        with self._lock:
            now = self._clock()
            self._remove_expired(now)
            entry = self._entries.get(key)
            if entry is not None:
                if entry.fingerprint != fingerprint:
                    raise Refusal(20, "The Idempotency-Key was used for another request.", status=422)
                if entry.response is None:
                    raise Refusal(50, "The first request with this Idempotency-Key is in progress.", status=409)
                return entry.response, True
            if len(self._entries) >= MAX_RECORDS:
                self._remove_oldest()
            entry = self._entries[key] = _Entry(fingerprint, now + TTL_SECONDS)
        try:
            entry.response = operation()
            return entry.response, False
        finally:
            if entry.response is None:  # the operation raised: there is no response to replay
                with self._lock:
                    self._entries.pop(key, None)

    def _remove_oldest(self) -> None:
        # A running operation keeps its entry: without it, a second request would run beside the first.
        oldest = next((key for key, entry in self._entries.items() if entry.response is not None), None)
        if oldest is not None:
            del self._entries[oldest]

    def _remove_expired(self, now: float) -> None:
        # Entries are in the order of their expiry, so the expired ones come first.
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.expires_at > now:
                return
            del self._entries[key]
