"""The store behind the Idempotency-Key header.

Invariant: under one key an operation runs once in 24 hours. Its answer, good or bad, is given again to whoever repeats
the request; whoever comes while it runs, or uses the key for something else, is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .messages import Response
from .state import Refusal

TTL_SECONDS = 24 * 3600
MAX_KEY_LENGTH = 255


class _Entry:
    __slots__ = ("expires_at", "purpose", "response")

    def __init__(self, purpose: object, expires_at: float) -> None:
        self.purpose = purpose
        self.expires_at = expires_at
        self.response: Response | None = None


class IdempotencyStore:
    """Answers by key, on the injected clock. Thread-safe; no lock is held while an operation runs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def once(self, key: str, purpose: object, operation: Callable[[], Response]) -> Response:
        """The stored answer, or that of ``operation``, which is then stored.

        ``purpose`` is what the key was first used for. Raises Refusal: 409 while the first request runs, 422 when the
        key was used for another purpose.
        """
        with self._lock:
            now = self._clock()
            self._forget(now)
            entry = self._entries.get(key)
            if entry is not None:
                if entry.purpose != purpose:
                    raise Refusal(20, "The Idempotency-Key was used for another request.", status=422)
                if entry.response is None:
                    raise Refusal(50, "The first request with this Idempotency-Key is in progress.", status=409)
                return entry.response
            entry = self._entries[key] = _Entry(purpose, now + TTL_SECONDS)
        try:
            entry.response = operation()
            return entry.response
        finally:
            if entry.response is None:  # the operation broke: there is no answer to keep
                with self._lock:
                    self._entries.pop(key, None)

    def _forget(self, now: float) -> None:
        # Entries are kept in the order of their age, so the dead ones are in front.
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.expires_at > now:
                return
            del self._entries[key]
