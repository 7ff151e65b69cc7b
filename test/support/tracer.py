"""A tracer without spans, and the option `--traced`, which installs it for a whole run."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any
from unittest import mock

import urllib3

# Remembers urllib3's own functions when it is imported.
import zuora_client._http.hooks  # noqa: F401


@contextlib.contextmanager
def traced_urlopen() -> Iterator[None]:
    """Wrap ``urlopen``, and mark the wrapper as wrapt and `functools.wraps` do."""
    original = urllib3.HTTPConnectionPool.urlopen

    @functools.wraps(original)
    def urlopen(self: Any, *args: Any, **kwargs: Any) -> Any:
        return original(self, *args, **kwargs)

    with mock.patch.object(urllib3.HTTPConnectionPool, "urlopen", urlopen):
        yield
