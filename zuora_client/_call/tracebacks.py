"""Removes variables from tracebacks: error trackers, loggers and test runners show the variables of every frame."""

from __future__ import annotations

import contextlib
import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from ..exceptions import ApiException

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")

# What a call passes through besides the standard library.
_PACKAGES = frozenset(("zuora_client", "urllib3", "redis", "cryptography", "socks"))


def without_frames(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a method of a client: the tracebacks of what it raises show no variables of the frames below.

    An `ApiException` and what it was raised from lose their tracebacks. The frames of other exceptions stay, without
    variables where they belong to this package, its dependencies or the standard library. With ``debug`` everything
    stays as it is.
    """

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        handled = sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            client: Any = args[0]
            if not getattr(getattr(client, "configuration", None), "debug", False):
                _hide_variables(error, handled)
            if isinstance(error, ApiException):
                # Not a bare `raise`, which restores the traceback before Python 3.11.
                raise error  # noqa: TRY201
            raise

    return wrapper


def _hide_variables(error: BaseException, handled: BaseException | None) -> None:
    # A function of its own: a frame of the traceback that refers to the exception would keep its sockets open.
    is_own = isinstance(error, ApiException)
    for each in linked(error, handled):
        if is_own:
            each.__traceback__ = None
        else:
            _clear(each)


def _clear(error: BaseException) -> None:
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package in _PACKAGES or package in sys.stdlib_module_names:
            # The frames above the call are still running and are not cleared.
            with contextlib.suppress(RuntimeError):
                frame.clear()
        traceback = traceback.tb_next


def linked(error: BaseException | None, handled: BaseException | None = None) -> list[BaseException]:
    """Return an error and all its causes, contexts and members of groups.

    Args:
        handled: the exception that was handled before; it and what is linked through it alone are left out.
    """
    found: dict[int, BaseException] = {}
    todo = [error]
    for each in todo:
        if each is not None and each is not handled and id(each) not in found:
            found[id(each)] = each
            todo += (each.__cause__, each.__context__, *getattr(each, "exceptions", ()))
    return [*found.values()]
