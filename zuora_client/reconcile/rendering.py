"""A plan as text, HTML and a Mermaid graph. Ids, names and statuses are escaped: they may contain anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._base.text import single_line
from .entities import label
from .pairs import CONNECTED, PENDING, normalize_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from .planned_connection import PlannedConnection

    Arrow: TypeAlias = tuple[str, str, str]
    # A key and a label.
    _Node: TypeAlias = tuple[str, str]
    _Edge: TypeAlias = tuple[_Node, _Node, str]

_HEADINGS = ("source", "target", "now", "to do")
_MAX_CELL_WIDTH = 60
# A longer table shows the changes only.
_MAX_TABLE_PAIRS = 40

# Mermaid's defaults for maxEdges and maxTextSize. It draws nothing above them.
_MAX_ARROWS = 500
_MAX_GRAPH_CHARACTERS = 50_000

_ARROWS: dict[tuple[str | None, bool], str] = {
    (CONNECTED, False): '-->|"Connected"|',
    (PENDING, False): '-.->|"Pending"|',
    (PENDING, True): '==>|"Pending, to be accepted"|',
    (None, True): '==>|"to be connected"|',
}


def arrow(status: str | None, changes: bool) -> str:
    """Return the Mermaid arrow of a connection with an active status, or None, that a plan changes or not."""
    return _ARROWS[status, changes]


def table(pairs: Sequence[PlannedConnection], names: Mapping[str, str], summary: str) -> str:
    """Return a table of the pairs, or of the changes if there are many pairs."""
    shown, hidden = _shown(pairs)
    rows = [_HEADINGS, *_rows(shown, names)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if hidden:
        lines.append(hidden)
    return "\n".join([*lines, "", summary])


def html_table(pairs: Sequence[PlannedConnection], names: Mapping[str, str], summary: str) -> str:
    """Return the same table as HTML."""
    # Imported here: the table of entities costs start-up time, and only notebooks need it.
    from html import escape

    def row(tag: str, cells: Iterable[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    shown, hidden = _shown(pairs)
    lines = ["<table>", f"<thead>{row('th', _HEADINGS)}</thead>", "<tbody>"]
    lines += [row("td", cells) for cells in _rows(shown, names)]
    lines += ["</tbody>", "</table>"]
    lines += [f"<p>{escape(text)}</p>" for text in (hidden, summary) if text]
    return "\n".join(lines)


def _shown(pairs: Sequence[PlannedConnection]) -> tuple[Sequence[PlannedConnection], str]:
    if len(pairs) <= _MAX_TABLE_PAIRS:
        return pairs, ""
    changes = [pair for pair in pairs if pair.to_do]
    connected = len(pairs) - len(changes)
    return changes, f"... and {connected} {'pair' if connected == 1 else 'pairs'} without a change" if connected else ""


def _rows(pairs: Iterable[PlannedConnection], names: Mapping[str, str]) -> list[tuple[str, ...]]:
    def show(entity_id: str, name: str | None) -> str:
        display_name = names.get(normalize_id(entity_id))
        if display_name or not name:
            return _cell(display_name or entity_id)
        return label(_cell(entity_id), _cell(name))

    return [
        (
            show(pair.source_entity_id, pair.source_name),
            show(pair.target_entity_id, pair.target_name),
            _cell((pair.connection.status if pair.connection is not None else None) or "-"),
            pair.to_do or "-",
        )
        for pair in pairs
    ]


def mermaid(arrows: Sequence[Arrow], names: Mapping[str, str]) -> str:
    """Return a Mermaid flowchart of arrows ``(source, target, arrow)``.

    Above Mermaid's limits the graph counts the targets of each source instead of drawing them; if that is too large
    too, it also counts the sources.
    """
    graph = ""
    for edges in (_all_edges, _edges_per_source, _edges_per_arrow):
        drawn = edges(arrows, names)
        graph = _flowchart(drawn)
        if len(drawn) <= _MAX_ARROWS and len(graph) <= _MAX_GRAPH_CHARACTERS:
            break
    return graph


def _all_edges(arrows: Sequence[Arrow], names: Mapping[str, str]) -> list[_Edge]:
    return [(_node(source, names), _node(target, names), arrow) for source, target, arrow in arrows]


def _edges_per_source(arrows: Sequence[Arrow], names: Mapping[str, str]) -> list[_Edge]:
    targets: dict[tuple[_Node, str], set[str]] = {}
    for source, target, arrow in arrows:
        targets.setdefault((_node(source, names), arrow), set()).add(normalize_id(target))
    return [
        (source, (f"{source[0]} {arrow}", _count(found, "entity", "entities")), arrow)
        for (source, arrow), found in targets.items()
    ]


def _edges_per_arrow(arrows: Sequence[Arrow], _names: Mapping[str, str]) -> list[_Edge]:
    pairs: dict[str, set[tuple[str, str]]] = {}
    for source, target, arrow in arrows:
        pairs.setdefault(arrow, set()).add((normalize_id(source), normalize_id(target)))
    return [
        (
            (f"sources {arrow}", _count({source for source, _ in found}, "source", "sources")),
            (f"targets {arrow}", _count(found, "pair", "pairs")),
            arrow,
        )
        for arrow, found in pairs.items()
    ]


def _flowchart(edges: Iterable[_Edge]) -> str:
    ids: dict[str, str] = {}
    nodes: list[str] = []
    links: list[str] = []
    for source, target, arrow in edges:
        for key, text in (source, target):
            if key not in ids:
                ids[key] = f"n{len(ids)}"
                nodes.append(f'{ids[key]}["{text}"]')
        links.append(f"{ids[source[0]]} {arrow} {ids[target[0]]}")
    return "\n".join(["flowchart LR", *(f"    {line}" for line in nodes + links)]) + "\n"


def _node(entity_id: str, names: Mapping[str, str]) -> _Node:
    key = normalize_id(entity_id)
    return key, "<br/>".join(filter(None, (_escape(names.get(key, "")), _escape(entity_id))))


def _count(items: Collection[object], one: str, many: str) -> str:
    return f"{len(items)} {one if len(items) == 1 else many}"


def _cell(text: str) -> str:
    line = single_line(text)
    return line if len(line) <= _MAX_CELL_WIDTH else f"{line[: _MAX_CELL_WIDTH - 3]}..."


def _escape(text: str) -> str:
    """Return text for a quoted Mermaid label, with every character that could end it or be markup as a character code.

    A dot or hyphen is escaped unless a letter or digit follows, because ``1. `` and ``- `` start a Markdown list.
    """
    cell = _cell(text)
    return "".join(
        c if c.isalnum() or c in " _" or (c in ".-" and following.isalnum()) else f"#{ord(c)};"
        for c, following in zip(cell, cell[1:] + " ", strict=False)
    )
