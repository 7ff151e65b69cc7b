"""Models as HTML tables. Imported when a notebook shows one."""

from __future__ import annotations

from html import escape
from typing import Any


def table(model: Any) -> str:
    """Return a model as a table of its attributes. A list of models in it is a table with a row for each."""
    rows = (f"<tr><th>{name}</th><td>{_cell(getattr(model, name))}</td></tr>" for name in model.swagger_types)
    return f"<table>{''.join(rows)}</table>"


def _cell(value: Any) -> str:
    if not isinstance(value, list):
        return escape(str(value))
    rows = [row for row in value if hasattr(row, "swagger_types")]
    if not rows or len(rows) != len(value):
        return escape(str(value))
    names = list(rows[0].swagger_types)
    head = "".join(f"<th>{name}</th>" for name in names)
    body = ("".join(f"<td>{escape(str(getattr(row, name, None)))}</td>" for name in names) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{cells}</tr>' for cells in body)}</table>"
