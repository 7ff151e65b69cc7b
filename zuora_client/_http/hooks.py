"""Hooks of tools: tracers, recorders and mocks replace functions of urllib3, and an attempt has to call theirs."""

from __future__ import annotations

import logging
from typing import Any

import urllib3

# The functions that urllib3 came with.
_REQUEST = urllib3.PoolManager.request
_MANAGER_URLOPEN = (urllib3.PoolManager.urlopen, urllib3.ProxyManager.urlopen)
_POOL_URLOPEN = urllib3.HTTPConnectionPool.urlopen
_MAKE_REQUEST = vars(urllib3.HTTPConnectionPool)["_make_request"]
# urllib3's debug lines are part of what its users see.
_logger = logging.getLogger("urllib3.connectionpool")


def is_manager_replaced(manager: urllib3.PoolManager) -> bool:
    """Whether a tool has replaced or wrapped ``request`` or ``urlopen`` of a pool manager."""
    cls, own = type(manager), vars(manager)
    is_own = cls.request is _REQUEST and cls.urlopen in _MANAGER_URLOPEN
    return not is_own or "request" in own or "urlopen" in own


def is_pool_hooked(pool: Any) -> bool:
    """Whether a tool has replaced or wrapped ``urlopen`` or ``_make_request`` of a connection pool."""
    functions, own = vars(urllib3.HTTPConnectionPool), vars(pool)
    is_own = functions["urlopen"] is _POOL_URLOPEN and functions["_make_request"] is _MAKE_REQUEST
    return not is_own or "urlopen" in own or "_make_request" in own


def is_pool_replaced(pool: Any) -> bool:
    """Whether a function of a hooked pool does not call that of urllib3, as far as `functools.wraps` and wrapt tell.

    It may answer the request itself, and needs plain text.
    """
    functions, own = vars(urllib3.HTTPConnectionPool), vars(pool)
    are_wrappers = _wraps(functions["urlopen"], _POOL_URLOPEN) and _wraps(functions["_make_request"], _MAKE_REQUEST)
    return not are_wrappers or "urlopen" in own or "_make_request" in own


def is_logged() -> bool:
    """Whether urllib3 logs the requests of its pools."""
    return _logger.isEnabledFor(logging.DEBUG)


def _wraps(function: Any, wrapped: Any) -> bool:
    for _ in range(10):
        if function is wrapped:
            return True
        function = getattr(function, "__wrapped__", None)
    return False
