"""Hooks of tools: tracers, recorders and mocks replace functions of urllib3, and an attempt has to call theirs."""

from __future__ import annotations

import http.client
import logging
import os
from operator import is_
from typing import Any

import urllib3

# urllib3's debug lines are part of what its users see.
_logger = logging.getLogger("urllib3.connectionpool")
_FOLDERS = tuple(
    os.path.dirname(cls.__init__.__code__.co_filename) for cls in (urllib3.PoolManager, http.client.HTTPConnection)
)
_POOL_NAMES = frozenset(("urlopen", "_make_request", "_get_conn", "_new_conn"))


def _is_genuine(*functions: Any) -> bool:
    """Whether functions are those of urllib3 and http.client. A tool may have replaced them before this is imported.

    The code tells: `functools.wraps` copies the name and the module of a function to its wrapper.
    """
    codes = [getattr(function, "__code__", None) for function in functions]
    return all(code is not None and os.path.dirname(code.co_filename) in _FOLDERS for code in codes)


def class_of_urllib3(cls: Any) -> Any:
    """Return the class of urllib3 that `cls` is or extends: a recorder may have put one of its own in its place."""
    return next((base for base in cls.__mro__ if base.__module__.startswith("urllib3.")), cls)


HTTPConnection = class_of_urllib3(urllib3.HTTPConnectionPool.ConnectionCls)
HTTPSConnection = class_of_urllib3(urllib3.HTTPSConnectionPool.ConnectionCls)
_REQUEST = urllib3.PoolManager.request
_URLOPEN, _PROXY_URLOPEN = urllib3.PoolManager.urlopen, urllib3.ProxyManager.urlopen
_HAS_GENUINE_MANAGERS = _is_genuine(_REQUEST, _URLOPEN, _PROXY_URLOPEN)


def is_manager_replaced(manager: urllib3.PoolManager) -> bool:
    """Whether a tool has replaced or wrapped ``request`` or ``urlopen`` of a pool manager."""
    cls, own = type(manager), vars(manager)
    urlopen = cls.urlopen
    is_own = _HAS_GENUINE_MANAGERS and cls.request is _REQUEST and (urlopen is _URLOPEN or urlopen is _PROXY_URLOPEN)
    return not is_own or "request" in own or "urlopen" in own


def _carriers(cls: Any) -> tuple[Any, ...]:
    """Return the functions that carry out a request: those of a pool class, and of its base, which is of urllib3."""
    return cls.urlopen, cls._make_request, cls.base._make_request


def _functions(cls: Any) -> tuple[Any, ...]:
    """Return also the functions whose replacements may return connections of a tool."""
    return (*_carriers(cls), cls._get_conn, cls._new_conn, cls.base._new_conn)


def _connection_functions() -> tuple[Any, ...]:
    """Return the functions in whose place our connections have others."""
    # A replacement on one of its base classes is found too.
    cls = HTTPSConnection
    return cls.request, cls.getresponse, cls.putheader, http.client.HTTPConnection.putheader


_CONNECTION_FUNCTIONS = _connection_functions()
_HAS_GENUINE_CONNECTIONS = _is_genuine(*_CONNECTION_FUNCTIONS)


def is_connection_hooked() -> bool:
    """Whether a tool has replaced or wrapped ``request``, ``getresponse`` or ``putheader`` of a connection."""
    return not (_HAS_GENUINE_CONNECTIONS and all(map(is_, _connection_functions(), _CONNECTION_FUNCTIONS)))


def own_functions(cls: Any) -> tuple[Any, ...] | None:
    """Return the functions that `is_pool_hooked` compares; None if a tool has replaced one of them already.

    Args:
        cls: a class of `zuora_client._http.pool.with_deadline`; its `base` is the class of urllib3.
    """
    is_genuine = _is_genuine(*(getattr(cls.base, name) for name in _POOL_NAMES))
    return _functions(cls) if is_genuine else None


_SEND, _GETRESPONSE = http.client.HTTPConnection.send, http.client.HTTPConnection.getresponse
_HAS_GENUINE_SEND, _HAS_GENUINE_RESPONSES = _is_genuine(_SEND), _is_genuine(_GETRESPONSE)


def is_send_hooked() -> bool:
    """Whether a tool has replaced or wrapped ``send`` of http.client."""
    return not (_HAS_GENUINE_SEND and http.client.HTTPConnection.send is _SEND)


def is_pool_hooked(pool: Any, *, below_urlopen: bool = False) -> bool:
    """Whether a tool has replaced or wrapped a function that carries out the requests of a pool.

    Args:
        below_urlopen: look only at the functions that ``urlopen``, the first of them, calls.
    """
    cls = type(pool)
    own = vars(cls).get("own_functions")
    first = 1 if below_urlopen else 0
    # By identity: a wrapper of wrapt is equal to what it wraps.
    is_own = own is not None and all(map(is_, _functions(cls)[first:], own[first:]))
    return not (is_own and _POOL_NAMES.isdisjoint(vars(pool)))


def is_pool_replaced(pool: Any) -> bool:
    """Whether a function of a hooked pool does not call that of urllib3, as far as `functools.wraps` and wrapt tell.

    It may answer the request itself, and needs plain text.
    """
    cls = type(pool)
    own = vars(cls).get("own_functions")
    return own is None or not all(map(_wraps, _carriers(cls), own)) or not _POOL_NAMES.isdisjoint(vars(pool))


def is_observed() -> bool:
    """Whether urllib3 logs the requests of its pools, or a tool has hooked a connection or its responses."""
    is_own = _HAS_GENUINE_RESPONSES and http.client.HTTPConnection.getresponse is _GETRESPONSE
    return not is_own or is_connection_hooked() or _logger.isEnabledFor(logging.DEBUG)


def _wraps(function: Any, wrapped: Any) -> bool:
    for _ in range(10):
        if function is wrapped:
            return True
        function = getattr(function, "__wrapped__", None)
    return False
