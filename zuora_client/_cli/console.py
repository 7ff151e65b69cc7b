"""Standard output, standard error and standard input of the tool.

Standard output gets the result: text, or with ``--json`` one JSON document. Standard error gets everything else: what
is about to be done, questions, progress, errors.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from .._base.text import single_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from ..topology import Step


class Console:
    """The standard streams. If the reader of a stream closes it, the output is dropped and the work continues.

    Attributes:
        if_interrupted: what Ctrl-C would leave behind now, as a sentence.

    Args:
        is_json: print results as JSON.
    """

    if_interrupted = "Nothing was changed."

    def __init__(self, *, is_json: bool) -> None:
        self.is_json = is_json
        for stream in (sys.stdout, sys.stderr):
            # A name that the terminal's encoding lacks must not end a run.
            with contextlib.suppress(AttributeError):
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]

    def result(self, text: str, document: Any) -> None:
        """Print the result of a command, as text or as JSON."""
        write(sys.stdout, json.dumps(document, indent=2) if self.is_json else text)

    def line(self, text: str) -> None:
        """Print a part of a text result; nothing with JSON."""
        if not self.is_json:
            write(sys.stdout, text)

    def note(self, text: str) -> None:
        """Print something that is not the result."""
        write(sys.stderr, text)

    def ask(self, question: str) -> bool:
        """Ask, and return whether the answer read from standard input is yes. Its end means no."""
        write(sys.stderr, f"{question} [y/N] ", end="")
        try:
            answer = sys.stdin.readline() if sys.stdin is not None else ""
        except (OSError, ValueError):  # closed, a directory, not text
            answer = ""
        if not (answer.endswith("\n") and _is_terminal(sys.stdin)):
            self.note("")  # nothing else ended the line of the question
        return answer.strip().lower() in ("y", "yes")

    def print_step(self, step: Step, name_of: Callable[[str], str]) -> None:
        """Print a step of a run."""
        connection = f" (connection {single_line(step.connection_id)})" if step.connection_id else ""
        pair = f"{name_of(step.source_entity_id)} -> {name_of(step.target_entity_id)}"
        self.note(f"{pair}: {single_line(step.detail)}{connection}")

    def progress(self, name_of: Callable[[str], str]) -> AbstractContextManager[Any]:
        """Return an `on_step` for many pairs: a line that is redrawn on a terminal, otherwise a line for each write."""
        if _is_terminal(sys.stderr):
            from ..plan import ProgressLine

            return ProgressLine()

        def print_write(step: Step) -> None:
            if step.action != "look":
                self.print_step(step, name_of)

        return contextlib.nullcontext(print_write)


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of single-line cells."""
    cells = [[single_line(cell) if cell is not None else "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    lines = [headings, ["-" * width for width in widths], *cells]
    return "\n".join(_join(line, widths) for line in lines)


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def write(stream: TextIO | None, text: str, end: str = "\n") -> None:
    """Write to a stream, and drop what its reader does not want. Raises OutputError if standard output is full."""
    if stream is None:  # closed before the start
        return
    try:
        stream.write(text + end)
        stream.flush()
    except BrokenPipeError:
        _drop_output(stream)
    except OSError as error:
        _drop_output(stream)
        if stream is sys.stdout:
            raise OutputError(f"standard output cannot be written: {error.strerror}") from None


def interject(text: str) -> None:
    """Print a line on standard error while a progress line may be drawn there, which is drawn again below it."""
    write(sys.stderr, f"\r{text}\x1b[K" if _is_terminal(sys.stderr) else text)


class OutputError(Exception):
    """The result could not be written."""


def _drop_output(stream: TextIO) -> None:
    """Send what follows nowhere: Python would fail again when it flushes the stream at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
