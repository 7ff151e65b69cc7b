"""Tells what a signal handler raised from what the transport raised, whatever its class."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_interruption(error: BaseException, handled: BaseException | None) -> BaseException | None:
    """Return the exception from outside the transport that `error` is, or was wrapped from, or None.

    urllib3 wraps a TimeoutError that a signal handler raised as if the socket had raised it.

    Args:
        handled: the exception that the caller was handling before; it is the context of those that followed.
    """
    return next((candidate for candidate in _linked(error, handled) if is_from_outside(candidate)), None)


def is_from_outside(error: BaseException) -> bool:
    """Whether a signal handler or a trace function raised `error`.

    Only such functions receive a frame, the one that they interrupt, as an argument.
    """
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + bool(code.co_flags & 0x04)]  # CO_VARARGS: `*args`
        arguments: list[Any] = [frame.f_locals.get(name) for name in names]
        if any(isinstance(a, FrameType) or (isinstance(a, tuple) and _has_frame(a)) for a in arguments):
            return True
        traceback = traceback.tb_next
    return False


def _has_frame(arguments: tuple[Any, ...]) -> bool:
    return any(isinstance(argument, FrameType) for argument in arguments)


def _linked(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and every exception that it wraps, was raised from, or was raised during the handling of."""
    seen = {id(handled)}
    pending: list[Any] = [error]
    while pending:
        candidate = pending.pop()
        if isinstance(candidate, BaseException) and id(candidate) not in seen:
            seen.add(id(candidate))
            yield candidate
            pending += (candidate.__cause__, candidate.__context__, getattr(candidate, "original_error", None))
            pending += (getattr(candidate, "reason", None), *candidate.args)
