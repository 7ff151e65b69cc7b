"""The wanted pairs of a file: CSV with the header ``source,target``, or JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HEADER = ["source", "target"]
_NEEDS_HEADER = "the first line must be: source,target"
_JSON_FORM = '[{"source": "Acme Corporation", "target": "Acme-Americas"}, ...]'
_SHOWN_PROBLEMS = 10


class Row(NamedTuple):
    """A wanted pair. `place` is where it is in the file, for errors."""

    place: str
    source: str
    target: str


def read_pairs(path: str) -> list[Row]:
    """Return the pairs of a file.

    Raises:
        UsageError: the file cannot be read or is malformed, or a pair is there twice or has one entity twice. The text
            names the file and the line.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: not UTF-8: save the file as UTF-8 (Excel: 'CSV UTF-8')") from None
    try:
        rows = _parse_json(text) if text.lstrip()[:1] in ("[", "{") else _parse_csv(text)
    except UsageError as error:
        raise UsageError(f"{path}{error}") from None
    if not rows:
        raise UsageError(f"{path}: contains no pairs; {_NEEDS_HEADER}, and each further line a pair")
    refuse(path, find_repetitions(rows, str))
    return rows


def find_repetitions(rows: Iterable[Row], key: Callable[[str], str]) -> list[str]:
    """Return a line for each pair that is there twice, or whose source is its target, by a key of entities."""
    problems: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for row in rows:
        pair = (key(row.source), key(row.target))
        if pair[0] == pair[1]:
            problems.append(f"{row.place}: source and target are the same entity: {row.source!r}")
        elif pair in seen:
            problems.append(f"{row.place}: the same pair as in {seen[pair]}: remove one of them")
        seen.setdefault(pair, row.place)
    return problems


def refuse(path: str, problems: list[str]) -> None:
    """Raise UsageError if there are problems. Each begins with its place in the file."""
    if problems:
        shown = [f"{path}, {problem}" for problem in problems[:_SHOWN_PROBLEMS]]
        if len(problems) > _SHOWN_PROBLEMS:
            shown.append(f"{path}: and {len(problems) - _SHOWN_PROBLEMS} more problems")
        raise UsageError("\n".join(shown))


def _parse_csv(text: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    rows: list[Row] = []
    has_header = False
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if cells in ([], [""]):
                continue
            place = f"line {reader.line_num}"
            if not has_header:
                _check_header(place, cells)
                has_header = True
                continue
            if len(cells) != len(_HEADER):
                columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
                raise UsageError(f", {place}: has {columns} instead of 2 (source,target)")
            rows.append(_make_row(place, *cells))
    except csv.Error as error:
        raise UsageError(f", line {reader.line_num}: not CSV: {error}") from None
    return rows


def _check_header(place: str, cells: list[str]) -> None:
    if [cell.lower() for cell in cells] != _HEADER:
        separator = "; separate the columns by commas" if len(cells) == 1 and set(cells[0]) & set(";\t|") else ""
        raise UsageError(f", {place}: {_NEEDS_HEADER}{separator}")


def _parse_json(text: str) -> list[Row]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f", line {error.lineno}: not JSON: {error.msg}") from None
    except (ValueError, RecursionError):  # a number of too many digits, or lists in lists in lists
        raise UsageError(f": expected {_JSON_FORM}") from None
    if isinstance(document, dict):
        document = document.get("pairs")  # the document of `plan --json`
    if not isinstance(document, list):
        raise UsageError(f": expected {_JSON_FORM}")
    return [_read_item(f"item {number}", item) for number, item in enumerate(document, 1)]


def _read_item(place: str, item: Any) -> Row:
    if isinstance(item, dict):
        pair: list[Any] = [item.get(name, item.get(f"{name}_entity_id")) for name in _HEADER]
    else:
        pair = item if isinstance(item, list) else []
    if len(pair) != len(_HEADER) or not all(isinstance(entity, str) for entity in pair):
        raise UsageError(f', {place}: expected {{"source": "...", "target": "..."}}')
    return _make_row(place, *(entity.strip() for entity in pair))


def _make_row(place: str, source: str, target: str) -> Row:
    for name, value in zip(_HEADER, (source, target), strict=True):
        if not value:
            raise UsageError(f", {place}: {name} is empty")
    return Row(place, source, target)
