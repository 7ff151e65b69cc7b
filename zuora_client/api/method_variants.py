"""The two forms of a method: an operation is written once, and has a plain method and a ``_with_http_info`` variant."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_Method = TypeVar("_Method", bound="Callable[..., Any]")


def data_only(operation: _Method) -> _Method:
    """Return the plain method of an operation: it calls the ``_with_http_info`` variant and returns the data alone.

    As in generated clients, the variant is looked up on ``self``: overriding or patching it changes the plain method.
    """
    variant = f"{operation.__name__}_with_http_info"
    code = operation.__code__
    keywords = frozenset(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])

    @wraps(operation)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not kwargs.keys() <= keywords:
            # The variant would raise as well, but under its own name.
            unknown = next(name for name in kwargs if name not in keywords)
            raise TypeError(f"{method.__qualname__}() got an unexpected keyword argument {unknown!r}")
        return getattr(self, variant)(*args, **kwargs | {"_return_http_data_only": True})

    return cast("_Method", method)


def with_http_info(method: Any) -> Any:
    """Return the ``_with_http_info`` variant of a plain method: the operation itself, renamed."""
    operation = method.__wrapped__
    operation.__doc__ = f"Like `{method.__name__}`, but return ``(data, status, headers)``."
    operation.__name__ += "_with_http_info"
    operation.__qualname__ += "_with_http_info"
    return operation
