"""A tracer without spans: the option `--traced`."""

from __future__ import annotations

import functools
from typing import Any

import urllib3

# Remembers urllib3's own functions when it is imported.
import zuora_client._http.hooks  # noqa: F401


def trace_urlopen() -> None:
    """Wrap ``urlopen`` for the rest of this process, and mark the wrapper as wrapt and `functools.wraps` do."""
    original = urllib3.HTTPConnectionPool.urlopen

    @functools.wraps(original)
    def urlopen(self: Any, *args: Any, **kwargs: Any) -> Any:
        return original(self, *args, **kwargs)

    urllib3.HTTPConnectionPool.urlopen = urlopen  # type: ignore[method-assign]
