"""A progress line for a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
import unicodedata
from typing import TYPE_CHECKING, TextIO

from .._base.text import single_line

if TYPE_CHECKING:
    from typing_extensions import Self

    from .steps import Step

_BAR_WIDTH = 20
# On a terminal of fewer columns the bar is half as wide.
_WIDE = 100
# Seconds between two drawings: a terminal over a network is slower than the run.
_MIN_INTERVAL = 0.05
_ARROW = " -> "
_ELLIPSIS = "..."
# Columns of a name on a narrow terminal.
_MIN_NAME = 8


class ProgressLine:
    """Draws the progress of a run as one line on a terminal. For `on_step`:

        with ProgressLine() as progress:
            plan.apply(progress)

    The line has a bar, the number of completed pairs, and the last step, with names instead of ids where they are known
    and shortened to fit. It is drawn at most 20 times a second, and
    ended by the last pair or the end of the ``with`` block. If the file is not a terminal, nothing is written.

    Args:
        file: the terminal; ``sys.stderr`` when None.
    """

    __module__ = "zuora_client.plan"  # The documented path, for tracebacks.

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = sys.stderr if file is None else file
        self._is_open = False
        self._drawn_at = float("-inf")
        # In pythonw sys.stderr is None; a closed file raises ValueError.
        try:
            self._is_terminal = self._file.isatty() and os.environ.get("TERM") != "dumb"
        except (AttributeError, ValueError):
            self._is_terminal = False

    def __call__(self, step: Step) -> None:
        """Draw a step."""
        if not self._is_terminal:
            return
        is_last = step.pairs_done >= step.pairs
        now = time.monotonic()
        if is_last or now - self._drawn_at >= _MIN_INTERVAL:
            self._drawn_at = now
            self._write(f"\r{self._line(step)}\x1b[K")
            self._is_open = True
        if is_last:
            self.close()

    def close(self) -> None:
        """End the line. May be called more than once."""
        if self._is_open:
            self._write("\n")
            self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self, step: Step) -> str:
        columns = shutil.get_terminal_size().columns
        bar_width = _BAR_WIDTH if columns >= _WIDE else _BAR_WIDTH // 2
        filled = bar_width * step.pairs_done // max(step.pairs, 1)
        bar = "#" * filled + "-" * (bar_width - filled)
        start = f"[{bar}] {step.pairs_done} of {step.pairs} {'pair' if step.pairs == 1 else 'pairs'}  "
        detail = f": {single_line(step.detail)}"
        # One column stays free: some terminals wrap when the last one is written.
        room = columns - 1 - _width(start) - _width(detail)
        return _truncate(f"{start}{_pair(step, room)}{detail}", columns - 1)

    def _write(self, text: str) -> None:
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        try:
            self._file.write(text.encode(encoding, "replace").decode(encoding))
            self._file.flush()
        except (OSError, ValueError):
            # The terminal is gone, which must not end the run.
            self._is_terminal = self._is_open = False


def _pair(step: Step, columns: int) -> str:
    """Return source and target, shortened to a number of columns, but not to nothing."""
    source = single_line(step.source_name or step.source_entity_id)
    target = single_line(step.target_name or step.target_entity_id)
    columns -= len(_ARROW)
    half = max(columns // 2, _MIN_NAME)
    source = _shorten(source, max(half, columns - _width(target)))
    return f"{source}{_ARROW}{_shorten(target, max(half, columns - _width(source)))}"


def _shorten(text: str, columns: int) -> str:
    """Return a text without its middle if it needs more columns: names often differ in their ends."""
    if _width(text) <= columns:
        return text
    end = (columns - len(_ELLIPSIS)) // 2
    start = columns - len(_ELLIPSIS) - end
    return f"{_truncate(text, start)}{_ELLIPSIS}{_truncate(text[::-1], end)[::-1]}"


def _width(text: str) -> int:
    """Return the columns of a text on a terminal. Some characters take two, some none."""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _truncate(text: str, columns: int) -> str:
    """Return the start of a text that fits into a number of columns."""
    width = 0
    for index, character in enumerate(text):
        width += _width(character)
        if width > columns:
            return text[:index]
    return text
