"""A progress line for a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Self

    from .steps import Step

_BAR_WIDTH = 20
# Seconds between two drawings: a terminal over a network is slower than the run.
_MIN_INTERVAL = 0.05


class ProgressLine:
    """Draws the progress of a run as one line on a terminal. For `on_step`:

        with ProgressLine() as progress:
            plan.apply(progress)

    The line has a bar, the number of completed pairs, and the last step. It is drawn at most 20 times a second, and
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
        filled = _BAR_WIDTH * step.pairs_done // max(step.pairs, 1)
        bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
        columns = shutil.get_terminal_size().columns
        # One column stays free: some terminals wrap when the last one is written.
        return _truncate(f"[{bar}] {step.pairs_done} of {step.pairs} pairs  {step}", columns - 1)

    def _write(self, text: str) -> None:
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        try:
            self._file.write(text.encode(encoding, "replace").decode(encoding))
            self._file.flush()
        except (OSError, ValueError):
            # The terminal is gone, which must not end the run.
            self._is_terminal = self._is_open = False


def _truncate(text: str, columns: int) -> str:
    """Return the start of a text that fits into a number of columns. Some characters take two, some none."""
    width = 0
    for index, character in enumerate(text):
        width += 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        if width > columns:
            return text[:index]
    return text
