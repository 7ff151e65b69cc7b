"""Format the figures as tables or JSON, and hold the targets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.measure import BASE, Spread, ratios, spread

OURS = "zuora_client"

# Ratios to the base: a maximum for each case; for calls per second, a minimum for all cases.
CPU_TARGETS = {
    "put": 0.85,
    "post": 0.85,
    "get30": 0.85,
    "get300": 1.15,
    "get300gzip": 1.15,
    "put-tls": 0.95,
    "post-tls": 0.95,
    "get30-tls": 0.95,
    "get300-tls": 1.15,
}
THROUGHPUT_TARGET = 0.95
IMPORT_TARGET = 1.15
RESIDENT_TARGET = 1.10
# To `import zuora_client`.
HELP_TARGET = 1.20
# A leak of one object per call would be 1.0. Caches and the allocator itself account for the rest.
BLOCKS_PER_CALL_TARGET = 0.01
GROWTH_KIB_TARGET = 1024.0


class Figure(NamedTuple):
    """One client's figure in one column of one block.

    ``median`` is in ``unit``; ``ratio`` is to the base, or None without a comparison. The target is the maximum, or
    with ``at_least`` the minimum, of the ratio, or of the median if there is no ratio.
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
    def value(self) -> float:
        """The number that is compared with the target."""
        return self.median if self.ratio is None else self.ratio.median

    @property
    def met(self) -> bool | None:
        """Whether the target is met, or None without a target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def compare(
    block: str,
    column: str,
    samples: Mapping[str, Sequence[float]],
    unit: str,
    target: float | None = None,
    *,
    at_least: bool = False,
) -> list[Figure]:
    """Return the figures of one column. ``samples`` are in ``unit``, one per round; the target is for `OURS` only."""
    medians = {name: spread(values).median for name, values in samples.items()}
    return [
        Figure(block, column, name, ratio, medians[name], unit, target if name == OURS else None, at_least)
        for name, ratio in ratios(samples).items()
    ]


def as_json(facts: Mapping[str, Any], figures: Sequence[Figure]) -> str:
    """Return one JSON object: the facts of the run and every figure. A ratio is three quartiles."""
    rows = [{**figure._asdict(), "met": figure.met} for figure in figures]
    return json.dumps({**facts, "base": BASE, "figures": rows}, indent=2)


def as_table(facts: Mapping[str, Any], figures: Sequence[Figure]) -> str:
    """Return a block for each case, with a row for each client and a row of targets."""
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines += [
        "",
        f"A cell is the median of the ratios to {BASE} in the same round, with the quartiles of these ratios.",
    ]
    for block in dict.fromkeys(figure.block for figure in figures):
        lines += ["", block, *_rows([figure for figure in figures if figure.block == block])]
    missed = [figure for figure in figures if figure.met is False]
    targets = sum(figure.met is not None for figure in figures)
    lines += ["", f"{targets - len(missed)} of {targets} targets met."]
    lines += [f"  missed: {f.block}, {f.column}: {f.value:.3f}, target {_target(f)}" for f in missed]
    return "\n".join(lines)


def _rows(figures: Sequence[Figure]) -> list[str]:
    columns = list(dict.fromkeys(figure.column for figure in figures))
    targets = {figure.column: figure for figure in figures if figure.target is not None}
    table = [["", *columns]]
    for client in dict.fromkeys(figure.client for figure in figures):
        cells = {figure.column: _cell(figure) for figure in figures if figure.client == client}
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
