"""Imports only go down. The floors are the table in docs/architecture.md, and nowhere else.

An import may lead to a later row of that table, or further to the right in its own row; so there is no circle.
"""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from support import pages

PACKAGE = pages.ROOT / "zuora_client"
ARCHITECTURE = pages.ROOT / "docs" / "architecture.md"

NEEDED_AT_RUN_TIME = {"certifi", "dateutil", "six", "urllib3"}
KNOW_URLLIB3 = {"rest", "connections", "failures", "http1", "tls"}

# Imported inside a function, where it is used: what each would cost everybody at start-up, and who needs it.
LATE = {
    ("api_client", "multiprocessing.pool"): "only for async_req",
    ("configuration", "copy"): "only for settings that are copied",
    ("configuration", "importlib.metadata"): "only for a bug report",
    ("exceptions", "html"): "only for an error whose answer is a page",
    ("models.base", "pprint"): "only to print a model",
    ("parameters", "six"): "only for bytes",
    ("tls", "certifi"): "only for TLS",
    ("redaction", "html.entities"): "only for an error, when there are secrets",
    ("rest", "urllib.request"): "only for trust_env",
    ("serialization", "dateutil.parser"): "only for an answer with dates",
}


class Import(NamedTuple):
    """One imported module, as a dotted name without ``zuora_client.`` where it is ours."""

    importer: str
    name: str
    ours: bool
    late: bool
    checked_only: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def imports_of(path: Path) -> list[Import]:
    found: list[Import] = []
    importer = module_name(path)
    package = list(path.relative_to(PACKAGE).parts[:-1])

    def visit(node: ast.AST, late: bool, checked_only: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(importer, *_ours(alias.name), late, checked_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join(["zuora_client", *above, *([base] if base else [])])
            # `from package import module` imports the module; `from module import name` the module it is in.
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                is_module = _ours(whole)[0] in MODULES if _ours(whole)[1] else _is_module(whole)
                found.append(Import(importer, *_ours(whole if is_module else base), late, checked_only))
        in_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, late or in_function, checked_only or _is_type_checking(node))

    visit(ast.parse(path.read_text(encoding="utf-8")), False, False)
    return [item for item in found if item.name not in ("__future__", importer)]


def _ours(name: str) -> tuple[str, bool]:
    if name == "zuora_client":
        return "__init__", True
    return (name[len("zuora_client.") :], True) if name.startswith("zuora_client.") else (name, False)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


IMPORTS = [item for path in MODULES.values() for item in imports_of(path)]
CLIENT = [item for item in IMPORTS if not item.importer.startswith("emulator")]
EMULATOR = [item for item in IMPORTS if item.importer.startswith("emulator")]


def floors() -> list[list[str]]:
    """The modules and packages of each floor, from the top of the house to the ground."""
    table = next(table for table in pages.tables(pages.read(ARCHITECTURE)) if table[0][:2] == ["Floor", "Modules"])
    return [re.findall(r"`(\w+)/?`", row[1]) for row in table[1:]]


def unit(module: str) -> str:
    """What the table has for a module: its package, or itself."""
    return module.partition(".")[0]


def test_every_module_lives_on_one_floor() -> None:
    named = [module for floor in floors() for module in floor]
    assert sorted(named) == sorted({unit(module) for module in MODULES} - {"emulator"})


def test_imports_only_go_down() -> None:
    place = {module: (row, column) for row, floor in enumerate(floors()) for column, module in enumerate(floor)}
    crossing = [item for item in CLIENT if item.ours and unit(item.name) != unit(item.importer)]
    assert len(crossing) > 40
    wrong = [
        f"{item.importer} imports {item.name}"
        for item in crossing
        if place[unit(item.name)] <= place[unit(item.importer)]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["api", "models", "emulator"])
def test_there_is_no_circle_inside_a_package(package: str) -> None:
    inside = [item for item in IMPORTS if item.ours and not item.checked_only]
    graph: dict[str, set[str]] = {}
    for item in inside:
        if unit(item.importer) == unit(item.name) == package:
            graph.setdefault(item.importer, set()).add(item.name)
    assert graph
    graphlib.TopologicalSorter(graph).prepare()


def test_a_late_import_has_a_reason() -> None:
    late = {(item.importer, item.name) for item in CLIENT if item.late}
    assert late == set(LATE)
    assert not [item for item in EMULATOR if item.late]


def test_only_the_transport_knows_urllib3() -> None:
    knowing = {item.importer for item in CLIENT if unit(item.name) == "urllib3"}
    assert knowing == KNOW_URLLIB3


def test_the_client_needs_four_packages_and_no_more() -> None:
    outside = {unit(item.name) for item in CLIENT if not item.ours and not item.checked_only}
    assert {name for name in outside if is_foreign(name)} == NEEDED_AT_RUN_TIME


def test_nothing_of_the_emulator_is_in_the_client_and_nothing_of_the_client_in_the_emulator() -> None:
    assert not [item for item in CLIENT if unit(item.name) == "emulator"]
    assert {unit(item.name) for item in EMULATOR if item.ours} == {"emulator"}
    outside = {(item.importer, unit(item.name)) for item in EMULATOR if not item.ours}
    # The plugin is loaded by pytest only.
    assert {pair for pair in outside if is_foreign(pair[1])} == {("emulator.pytest_plugin", "pytest")}


def is_foreign(name: str) -> bool:
    """Whether a top-level name is neither part of Python nor of this project."""
    spec = importlib.util.find_spec(name)
    return spec is None or "site-packages" in (spec.origin or "")


def test_the_drawing_shows_every_module() -> None:
    drawing = next(block.text for block in pages.blocks(ARCHITECTURE, "mermaid") if "exceptions" in block.text)
    drawn = set(re.findall(r"\w+", drawing))
    assert {module for floor in floors() for module in floor} <= drawn
