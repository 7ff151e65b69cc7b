"""docs/reference.md lists every setting with its default, and arguments and results of the reconciliation functions."""

from __future__ import annotations

import inspect
import re

import pytest
from support import pages

import zuora_client
from zuora_client.plan import PlannedConnection

TABLES = {table[0][0]: table[1:] for table in pages.tables(pages.read(pages.ROOT / "docs" / "reference.md"))}


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def test_settings_and_defaults() -> None:
    configuration = zuora_client.Configuration()
    settings = {name.lstrip("_") for name in vars(configuration)} | {"environment"}
    settings -= {"logger_stream_handler", "logger_file_handler"}
    documented = {name: row[1] for row in TABLES["Setting"] for name in code(row[0])}
    assert set(documented) == settings
    computed = {"environment": "None", "connection_pool_maxsize": "5 for each CPU"}
    for name, cell in documented.items():
        value = getattr(configuration, name)
        default = f"{value:g} s" if isinstance(value, float) else str(value) or "nothing"
        shown = cell.strip("`")
        assert shown == computed.get(name, default) or (shown == "nothing" and not value), name


@pytest.mark.parametrize("name", ["ensure_connected", "ensure_disconnected", "plan_connections"])
def test_functions_and_arguments(name: str) -> None:
    function = getattr(zuora_client, name)
    row = next(row for row in TABLES["Function"] if row[0].startswith(f"`{name}("))
    signature = inspect.signature(function)
    assert re.findall(r"(\w+)(?:=\w+)?(?=[,)])", row[0]) == list(signature.parameters)
    defaults = {key: value.default for key, value in signature.parameters.items() if value.default is not value.empty}
    assert re.findall(r"(\w+)=(\w+)", row[0]) == [(key, str(value)) for key, value in defaults.items()]
    assert code(row[2]) == [str(signature.return_annotation)]
    assert set(signature.parameters) <= {argument for row in TABLES["Argument"] for argument in code(row[0])}


def test_methods_of_the_hierarchy() -> None:
    rows = {code(row[0])[0].partition("(")[0]: row for row in TABLES["Method of `Hierarchy`"]}
    assert set(rows) == public(zuora_client.Hierarchy)
    for name, row in rows.items():
        signature = inspect.signature(getattr(zuora_client.Hierarchy, name))
        parameters = [parameter for parameter in signature.parameters if parameter != "self"]
        assert re.findall(r"(\w+)(?:=\w+)?(?=[,)])", row[0]) == parameters
        assert code(row[2]) == [str(signature.return_annotation).removesuffix(" | None")]


def test_attributes_of_results() -> None:
    documented: dict[str, set[str]] = {}
    for row in TABLES["Object"]:
        documented.setdefault((code(row[0]) or [list(documented)[-1]])[0], set()).update(
            name.partition("(")[0] for name in code(row[1])
        )
    classes = (zuora_client.EnsureResult, zuora_client.Step, PlannedConnection)
    expected = {cls.__name__: set(cls.__slots__) for cls in classes}
    expected["ConnectionPlan"] = public(zuora_client.ConnectionPlan(None, [], [], {}))  # type: ignore[arg-type]
    expected["PlanIncompleteError"] = public(zuora_client.PlanIncompleteError()) - public(zuora_client.ApiException())
    assert documented == expected


def public(value: object) -> set[str]:
    return {name for name in dir(value) if not name.startswith("_")}
