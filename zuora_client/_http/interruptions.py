"""Tells what a signal handler raised from what the call itself raised, whatever its class."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from types import CodeType

_PACKAGE = __name__.partition(".")[0] + "."
_VARARGS, _VARKEYWORDS = 0x04, 0x08


def raise_interruption(error: BaseException, handled: BaseException | None) -> None:
    """Raise the exception of a signal handler or a trace function that `error` is, or was made from, if there is one.

    urllib3 wraps a TimeoutError that a signal handler raised as if the socket had raised it.

    Args:
        handled: the exception that the caller was handling before; it is the context of those that followed.
    """
    interruption = _find_interruption(error, handled)
    if interruption is None:
        return
    context = interruption.__context__
    try:
        raise interruption
    finally:
        # Its own, not the error made from it.
        interruption.__context__ = context
        # Its traceback refers to this frame. Without the cycle, sockets close when the exception is dropped.
        del error, handled, interruption, context


def is_from_outside(error: BaseException) -> bool:
    """Whether a signal handler or a trace function raised `error`.

    Only such functions receive a frame, the one that they interrupt, as an argument. A handler that deletes it is
    recognized as long as it is registered.
    """
    handlers: set[CodeType | None] | None = None
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        traceback = traceback.tb_next
        # Those of this package are never handlers. Some of them are running, and before Python 3.13 `f_locals` makes a
        # lasting copy of their variables: a cycle with the exception, which would keep its sockets open.
        if str(frame.f_globals.get("__name__")).startswith(_PACKAGE):
            continue
        if handlers is None:
            handlers = _registered_handlers()
        if frame.f_code in handlers or _has_frame(_arguments(frame)):
            return True
    return False


def _find_interruption(error: BaseException, handled: BaseException | None) -> BaseException | None:
    seen = {id(handled)}
    pending: list[Any] = [error]
    while pending:
        candidate = pending.pop()
        if not isinstance(candidate, BaseException) or id(candidate) in seen:
            continue
        seen.add(id(candidate))
        wrapped = [*candidate.args, getattr(candidate, "reason", None)] if isinstance(candidate, HTTPError) else []
        wrapped = [inner for inner in wrapped if isinstance(inner, BaseException)]
        # urllib3 gives its error the traceback of the one that it wraps.
        if not wrapped and is_from_outside(candidate):
            return candidate
        pending += (candidate.__context__, candidate.__cause__, *wrapped)
    return None


def _arguments(frame: FrameType) -> list[Any]:
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    return [frame.f_locals.get(name) for name in code.co_varnames[:count]]


def _has_frame(arguments: Any) -> bool:
    return any(isinstance(a, FrameType) or (isinstance(a, tuple) and _has_frame(a)) for a in arguments)


def _registered_handlers() -> set[CodeType | None]:
    # Imported here: only failures need it.
    import signal

    handlers = map(signal.getsignal, signal.valid_signals())
    return {getattr(handler, "__code__", None) for handler in handlers}
