"""A plan as data, text, HTML and graph, at any size; and the progress line."""

from __future__ import annotations

import contextlib
import html
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from support.effort import examples
from support.tenant import api_for

from zuora_client import (
    ConnectionPlan,
    EntityConnectionsApi,
    GETEntityConnectionsArrayItemsType,
    PlannedConnection,
    Step,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator
from zuora_client.plan import ProgressLine


def row(source: str, target: str, status: str) -> GETEntityConnectionsArrayItemsType:
    return GETEntityConnectionsArrayItemsType(id="1", source_entity_id=source, target_entity_id=target, status=status)


def plan_of(pairs: list[tuple[str, str, str | None]], unwanted: int = 0) -> ConnectionPlan:
    planned = [
        PlannedConnection(source, target, row(source, target, status) if status else None)
        for source, target, status in pairs
    ]
    others = [row("s", f"other-{number}", "Connected") for number in range(unwanted)]
    return ConnectionPlan(None, planned, others, {})  # type: ignore[arg-type]


def edges(graph: str) -> int:
    return len(re.findall(r"^    n\d+ \S+\|", graph, re.MULTILINE))


# -- data -------------------------------------------------------------------------------------------------------------


def test_plan_as_data(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b, c = zuora.entities[:4]
    pending = zuora.add_connection(root, a, "Pending")
    drift = zuora.add_connection(root, c, "Connected")
    zuora.add_connection(root, zuora.entities[4], "Disconnected")
    plan = plan_connections(api, [(root.id, a.id), (root.id, b.id)], names={a.id: "Americas"})
    assert json.loads(json.dumps(plan.to_dict())) == {
        "pairs": [
            {
                "source_entity_id": root.id,
                "source_name": None,
                "target_entity_id": a.id,
                "target_name": "Americas",
                "connection_id": pending.id,
                "status": "Pending",
                "to_do": ["accept"],
            },
            {
                "source_entity_id": root.id,
                "source_name": None,
                "target_entity_id": b.id,
                "target_name": None,
                "connection_id": None,
                "status": None,
                "to_do": ["initiate", "accept"],
            },
        ],
        "unwanted": [
            {
                "source_entity_id": root.id,
                "source_name": None,
                "target_entity_id": c.id,
                "target_name": None,
                "connection_id": drift.id,
                "status": "Connected",
            }
        ],
        "changes": 2,
    }
    assert [item.id for item in plan.unwanted] == [drift.id]
    assert plan.summary() == "2 of 2 pairs would change. 1 unwanted connection stays."
    assert (len(plan), list(plan)) == (2, list(plan.pairs))


def test_plan_of_nothing(api: EntityConnectionsApi, zuora: ZuoraEmulator) -> None:
    plan = plan_connections(api, [])
    assert plan.summary() == "The plan has no pairs: 0 of 0 pairs would change."
    assert plan.apply() == []
    assert plan.to_dict() == {"pairs": [], "unwanted": [], "changes": 0}
    assert plan.to_mermaid() == "flowchart LR\n"
    assert "The plan has no pairs" in str(plan)
    assert "The plan has no pairs" in plan._repr_html_()
    assert zuora.requests == []


# -- text and HTML ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "shown"), [(40, 40), (41, 2), (511, 2)])
def test_long_table_shows_the_changes(count: int, shown: int) -> None:
    pairs: list[tuple[str, str, str | None]] = [("s", f"t{number}", "Connected") for number in range(count - 2)]
    plan = plan_of([*pairs, ("s", "x", None), ("s", "y", "Pending")])
    lines = str(plan).splitlines()
    assert sum(line.startswith("s ") for line in lines) == shown
    assert ("... and 509 pairs without a change" in lines) == (count == 511)
    assert lines[-1] == f"2 of {count} pairs would change."
    assert plan._repr_html_().count("<tr>") == 1 + shown


@hypothesis.given(*[st.one_of(st.text(max_size=30), st.sampled_from(["<script>", "&amp;", '"><b>']))] * 3)
def test_html_is_escaped(source: str, target: str, status: str) -> None:
    """The cells contain the text, and no tag comes from it."""
    found: list[str] = []
    cells: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            assert not attrs
            found.append(tag)
            if tag == "td":
                cells.append("")

        def handle_data(self, data: str) -> None:
            if cells and found[-1] == "td":
                cells[-1] += data

    page = plan_of([(source, target, status)])._repr_html_()
    Parser().feed(page)
    assert set(found) == {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert len(cells) == 4
    assert "script" not in found
    assert html.escape("<script>") in page or "<script>" not in (source, target, status)


# -- graph ------------------------------------------------------------------------------------------------------------


def test_graph_of_the_changes() -> None:
    plan = plan_of([("s", "a", "Connected"), ("s", "b", "Pending"), ("s", "c", None)], unwanted=2)
    assert plan.summary() == "2 of 3 pairs would change. 2 unwanted connections stay."
    assert edges(plan.to_mermaid()) == 5
    assert plan.to_mermaid(changes_only=True) == (
        'flowchart LR\n    n0["s"]\n    n1["b"]\n    n2["c"]\n'
        '    n0 ==>|"Pending, to be accepted"| n1\n    n0 ==>|"to be connected"| n2\n'
    )


def test_large_graph_counts_targets() -> None:
    pairs: list[tuple[str, str, str | None]] = [("s", f"t{n}", None) for n in range(501)]
    assert edges(plan_of(pairs[:500]).to_mermaid()) == 500
    assert plan_of([*pairs, ("s", "x", "Pending")]).to_mermaid() == (
        'flowchart LR\n    n0["s"]\n    n1["501 entities"]\n    n2["1 entity"]\n'
        '    n0 ==>|"to be connected"| n1\n    n0 ==>|"Pending, to be accepted"| n2\n'
    )


@examples(10)
@hypothesis.given(st.integers(0, 700), st.integers(1, 3), st.sampled_from(["x", "1. <b>" * 20, "-" * 60]))
def test_graph_stays_within_mermaids_limits(sources: int, targets: int, text: str) -> None:
    plan = plan_of([(f"s{s}{text}", f"t{t}{text}", None) for s in range(sources) for t in range(targets)])
    graph = plan.to_mermaid()
    assert edges(graph) <= 500
    assert len(graph) <= 50_000
    assert (edges(graph) > 0) == (sources > 0)


# -- progress ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self) -> bool:
        return True


def step(done: int, detail: str = "accepted", pairs: int = 4) -> Step:
    return Step("accept", "a", "b", None, detail, pairs_done=done, pairs=pairs)


def test_progress_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    progress = ProgressLine(terminal)
    progress(step(1))
    progress(step(2))  # too soon to be drawn
    progress(step(4, "ü" * 99))
    first, last = terminal.getvalue().split("\r")[1:]
    assert first == "[##--------] 1 of 4 pairs  a -> b: accepted\x1b[K"
    assert re.fullmatch(r"\[#{10}\] 4 of 4 pairs  a -> b: \?{24}\x1b\[K\n", last)


def test_progress_line_shortens_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names stand for ids; long ones are cut, not the detail after them."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    ids = ("a" * 32, "b" * 32, "c" * 32)
    names = ("Acme Corporation", "Acme-Americas")
    last = Step("accept", *ids, "accepted as the target", source_name=names[0], target_name=names[1], pairs=2)
    ProgressLine(terminal)(last)
    assert terminal.getvalue() == (
        "\r[----------] 0 of 2 pairs  Acme ...tion -> Acme-...icas: accepted as the target\x1b[K"
    )


@pytest.mark.parametrize("character", ["x", "語", "e\u0301"])
def test_progress_line_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, character: str) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    terminal.encoding = "utf-8"
    ProgressLine(terminal)(step(0, character * 80))
    text = terminal.getvalue()[1:-3].partition("accepted")[0]
    wide = sum(2 if c == "語" else 0 if c == "\u0301" else 1 for c in text)
    assert 47 <= wide <= 49


def test_progress_ends_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with contextlib.suppress(KeyError), ProgressLine(terminal) as progress:
        progress(step(1))
        raise KeyError
    assert terminal.getvalue().endswith("\x1b[K\n")
    assert terminal.getvalue().count("\n") == 1


@pytest.mark.parametrize("kind", ["no terminal", "dumb", "closed", "none"])
def test_no_progress_without_a_terminal(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("TERM", "dumb" if kind == "dumb" else "xterm")
    file: Any = {"no terminal": io.StringIO(), "dumb": Terminal(), "closed": Terminal(), "none": None}[kind]
    if kind == "closed":
        file.close()
    if kind == "none":
        monkeypatch.setattr("sys.stderr", None)
    with ProgressLine(file) as progress:
        progress(step(1))
        progress(step(4))
    assert kind in ("closed", "none") or file.getvalue() == ""


def test_broken_terminal_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")

    class Broken(Terminal):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with ZuoraEmulator() as zuora, api_for(zuora) as api:
        plan = plan_connections(api, [(zuora.entities[0].id, zuora.entities[1].id)])
        assert [result.changed for result in plan.apply(ProgressLine(Broken()))] == [True]
