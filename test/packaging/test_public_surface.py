"""The public surface is written down in public_surface.txt, as griffe reads it from the source. Change both on purpose:

PYTHONPATH=.:test python test/packaging/test_public_surface.py > test/packaging/public_surface.txt
"""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
import pytest
from support import pages

import zuora_client

WRITTEN = Path(__file__).with_name("public_surface.txt")
MODULES = (
    "",
    "api.pager",
    "events",
    "exceptions",
    "plan",
    "rest",
    "token_store",
    "topology",
    "emulator",
    "emulator.faults",
)
SPECIAL = ("__init__", "__enter__", "__iter__", "__next__", "__len__", "__contains__")


def surface() -> list[str]:
    """Return a line for each public name, each object once."""
    package = griffe.load("zuora_client", search_paths=[pages.ROOT], resolve_aliases=True)
    seen: set[str] = set()
    lines: list[str] = []
    for module_name in MODULES:
        module: Any = package[module_name] if module_name else package
        for name in sorted(map(str, module.exports or _defined_in(module))):
            target = module[name].final_target if module[name].is_alias else module[name]
            if target.path not in seen:
                seen.add(target.path)
                lines += _lines(f"{module.path}.{name}", target)
    return lines


def _defined_in(module: Any) -> list[str]:
    # A module without __all__ offers its classes.
    return [name for name, member in module.members.items() if member.is_public and member.is_class]


def _lines(name: str, target: Any) -> Iterator[str]:
    if not target.is_class:
        yield from _wrapped(f"{target.kind.value} {name.removesuffix(target.name)}{_shown(target)}")
        return
    bases = ", ".join(map(str, target.bases))
    yield from _wrapped(f"class {name}({bases})" if bases else f"class {name}")
    for member_name, member in sorted(target.members.items()):
        if not member.is_alias and (member_name in SPECIAL or not member_name.startswith("_")):
            yield from _wrapped(" ".join(["   ", *sorted(member.labels), _shown(member)]))


def _shown(target: Any) -> str:
    if target.is_function:
        return str(target.signature(return_type=True))
    annotation = target.annotation if target.is_attribute else None
    return str(target.name) if annotation is None else f"{target.name}: {annotation}"


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 8)
    return textwrap.wrap(line, 118, subsequent_indent=indent, break_on_hyphens=False)


def test_surface_matches_the_file() -> None:
    assert surface() == WRITTEN.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["zuora_client", "zuora_client.models", "zuora_client.api", "zuora_client.emulator"])
def test_all_is_complete(name: str) -> None:
    module = importlib.import_module(name)
    classes = {key for key, value in vars(module).items() if inspect.isclass(value) and not key.startswith("_")}
    assert classes <= set(module.__all__)


def test_lazy_names_are_present_after_import() -> None:
    program = "import zuora_client as z; [getattr(z, n) for n in (*dir(z), *z.__all__)]; print(sorted(dir(z)))"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    for name in (*zuora_client.__all__, "plan", "topology"):
        assert repr(name) in result.stdout


def test_errors_and_models_are_exported() -> None:
    exceptions = importlib.import_module("zuora_client.exceptions")
    errors = {
        name
        for name, value in vars(exceptions).items()
        if inspect.isclass(value) and issubclass(value, zuora_client.ApiException)
    }
    assert errors | set(zuora_client.models.__all__) <= set(zuora_client.__all__)


if __name__ == "__main__":
    print("\n".join(surface()))  # noqa: T201 - this is how the file is written
