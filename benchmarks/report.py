"""Figures become a table for a person or JSON for a machine; the targets stand here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.measure import BASE, Spread, ratios, spread

OURS = "zuora_client"

# The largest ratio to the base that is met, per case; for calls a second the smallest, of all cases.
CPU_TARGETS = {"put": 1.00, "post": 1.00, "get30": 1.00, "get300": 1.25, "get300gzip": 1.25}
THROUGHPUT_TARGET = 0.95
IMPORT_TARGET = 1.15
RESIDENT_TARGET = 1.10
# One object lost in each call would be 1.0. What remains is caches and the allocator's own moments.
BLOCKS_A_CALL_TARGET = 0.01
GROWN_KIB_TARGET = 1024.0


class Figure(NamedTuple):
    """One client's figure in one column of one block.

    ``median`` is in ``unit``; ``ratio`` is to the base, and None where nothing is compared. The target judges the
    ratio, or the median where there is no ratio: at most, or with ``at_least`` at least.
    """

    block: str
    column: str
    client: str
    ratio: Spread | None
    median: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def judged(self) -> float:
        """The one number that a target is held against."""
        return self.median if self.ratio is None else self.ratio.median

    @property
    def met(self) -> bool | None:
        """Whether the target is kept; None where there is none."""
        if self.target is None:
            return None
        return self.judged >= self.target if self.at_least else self.judged <= self.target


def compared(
    block: str,
    column: str,
    samples: Mapping[str, Sequence[float]],
    unit: str,
    target: float | None = None,
    *,
    at_least: bool = False,
) -> list[Figure]:
    """The figures of one column. ``samples`` are in ``unit``, one a round; the target is ours alone."""
    medians = {name: spread(values).median for name, values in samples.items()}
    return [
        Figure(block, column, name, ratio, medians[name], unit, target if name == OURS else None, at_least)
        for name, ratio in ratios(samples).items()
    ]


def as_json(facts: Mapping[str, Any], found: Sequence[Figure]) -> str:
    """One object: what was run, and every figure; a ratio is its low, middle and high quartile."""
    rows = [{**figure._asdict(), "met": figure.met} for figure in found]
    return json.dumps({**facts, "base": BASE, "figures": rows}, indent=2)


def as_table(facts: Mapping[str, Any], found: Sequence[Figure]) -> str:
    """A block a case, a row a client; a target stands below the column that it judges."""
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines += ["", f"A cell is the median of the ratios to {BASE} in the same round, and the quartiles of those ratios."]
    for block in dict.fromkeys(figure.block for figure in found):
        lines += ["", block, *_rows([figure for figure in found if figure.block == block])]
    missed = [figure for figure in found if figure.met is False]
    judged = sum(figure.met is not None for figure in found)
    lines += ["", f"{judged - len(missed)} of {judged} targets met."]
    lines += [f"  missed: {f.block}, {f.column}: {f.judged:.3f}, target {_target(f)}" for f in missed]
    return "\n".join(lines)


def _rows(found: Sequence[Figure]) -> list[str]:
    columns = list(dict.fromkeys(figure.column for figure in found))
    targets = {figure.column: figure for figure in found if figure.target is not None}
    table = [["", *columns]]
    for client in dict.fromkeys(figure.client for figure in found):
        cells = {figure.column: _cell(figure) for figure in found if figure.client == client}
        table.append([client, *(cells.get(column, "") for column in columns)])
    if targets:
        table.append(["target", *(_target(targets[column]) if column in targets else "" for column in columns)])
    return [
        "  " + "".join(f"{text:<{18 if number == 0 else 26}}" for number, text in enumerate(row)).rstrip()
        for row in table
    ]


def _cell(figure: Figure) -> str:
    verdict = {True: "  met", False: "  MISSED", None: ""}[figure.met]
    if figure.ratio is None:
        return f"{figure.median:,.4g} {figure.unit}{verdict}"
    low, median, high = figure.ratio
    if figure.client == BASE:
        return f"{median:.2f} = {figure.median:,.4g} {figure.unit}"
    return f"{median:.2f} ({low:.2f}-{high:.2f}){verdict}"


def _target(figure: Figure) -> str:
    return f"at {'least' if figure.at_least else 'most'} {figure.target:.2f}"
