"""The waits of the library, printed when they begin."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._call.token_request import TOKEN_PATH
from .console import interject

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def announced_waits() -> Generator[None]:
    """Print the waits that the library logs: more than five seconds before another attempt."""
    logger = logging.getLogger("zuora_client")
    level, handler = logger.level, _WaitHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _WaitHandler(logging.Handler):
    _until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        wait = getattr(record, "wait", None)
        # The threads of `apply` wait for the same limit: one line is enough.
        if wait is None or time.monotonic() < self._until:
            return
        self._until = time.monotonic() + wait
        error, template = vars(record)["error"], vars(record)["template"]
        requests = "token requests" if template == TOKEN_PATH else "requests"
        what = f"Zuora throttles {requests}" if error == "RateLimitError" else f"a request failed ({error})"
        interject(f"{what}: waiting {wait:.0f} s")
