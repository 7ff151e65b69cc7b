"""Code that runs without coverage. pytest-cov's marker has no effect in the workers of xdist, where it starts twice."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def without_coverage() -> Iterator[None]:
    """Disable trace functions in this thread, and in the threads that it starts."""
    before = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(before[1])
        sys.settrace(before[0])
