"""public_surface.txt lists the public interface. After an intended change, write it again:

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

import pytest

import zuora_client

SURFACE_FILE = Path(__file__).with_name("public_surface.txt")
MODULES = (
    "zuora_client",
    "zuora_client.api.pager",
    "zuora_client.exceptions",
    "zuora_client.plan",
    "zuora_client.rest",
    "zuora_client.token_store",
    "zuora_client.topology",
    "zuora_client.emulator",
    "zuora_client.emulator.faults",
)
# Classes that set their attributes in the constructor and need no arguments.
WITH_ATTRIBUTES = ("ApiClient", "ApiException", "Configuration")
SPECIAL = ("__enter__", "__iter__", "__next__")


def surface() -> Iterator[str]:
    """Yield the lines of every public name, in the order of `MODULES`, each object once."""
    seen: set[int] = set()
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in sorted(getattr(module, "__all__", None) or _public_names(module)):
            value = getattr(module, name)
            if id(value) not in seen:
                seen.add(id(value))
                for line in _lines(f"{module_name}.{name}", value):
                    indent = " " * (len(line) - len(line.lstrip()) + 8)
                    yield from textwrap.wrap(line, 118, subsequent_indent=indent, break_on_hyphens=False)


def _public_names(module: Any) -> list[str]:
    # In a module without __all__ the classes are public; in `faults`, the functions.
    is_public = inspect.isfunction if module.__name__.endswith(".faults") else inspect.isclass
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and is_public(value) and value.__module__ == module.__name__
    ]


def _lines(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        bases = [base.__name__ for base in value.__bases__ if base is not object]
        yield f"class {name}({', '.join(bases)})" if bases else f"class {name}"
        yield from (f"    {line}" for line in _members(value))
    elif callable(value):
        yield f"def {name}{_signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def _members(cls: type) -> Iterator[str]:
    own = vars(cls)
    if "__init__" in own:
        yield f"__init__{_signature(own['__init__'])}"
    for name in sorted(name for name in own if not name.startswith("_") or name in SPECIAL):
        value = own[name]
        if isinstance(value, (classmethod, staticmethod)):
            yield f"{type(value).__name__} {name}{_signature(value.__func__)}"
        elif inspect.isfunction(value):
            yield f"{name}{_signature(value)}" if value.__name__ == name else f"{name} = {value.__name__}"
        else:
            settable = " (settable)" if isinstance(value, property) and value.fset else ""
            kind = "attribute" if inspect.ismemberdescriptor(value) else type(value).__name__
            yield f"{name}: {kind}{settable}"
    if cls.__name__ in WITH_ATTRIBUTES:
        yield from (f"self.{name}" for name in sorted(vars(cls())) if not name.startswith("_"))


def _signature(function: Any) -> str:
    if inspect.isbuiltin(function):
        return "(...)"  # whether a built-in function has a signature depends on the Python version
    # Whether inspect quotes annotations depends on the version of Python.
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=_Annotation(parameter.annotation))
        if parameter.annotation is not parameter.empty
        else parameter
        for parameter in signature.parameters.values()
    ]
    returns = f" -> {signature.return_annotation}" if signature.return_annotation is not signature.empty else ""
    return f"{signature.replace(parameters=parameters, return_annotation=signature.empty)}{returns}"


class _Annotation:
    """Its repr is the annotation as written in the source."""

    __module__ = "builtins"

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    def __repr__(self) -> str:
        return str(self.annotation)


def test_surface_matches_the_file() -> None:
    assert list(surface()) == SURFACE_FILE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["zuora_client", "zuora_client.models", "zuora_client.api", "zuora_client.emulator"])
def test_all_is_sorted_and_complete(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__all__ == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    classes = {key for key, value in vars(module).items() if inspect.isclass(value) and not key.startswith("_")}
    assert classes <= set(module.__all__)


@pytest.mark.parametrize("name", [*zuora_client.__all__, "plan", "topology", "__doc__"])
def test_lazy_names_are_listed(name: str) -> None:
    """Names that are imported on first use are in `dir()` from the start, and can be used."""
    program = f"import zuora_client; assert {name!r} in dir(zuora_client); zuora_client.{name}"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(zuora_client, "ensure_conected")


def test_errors_and_models_are_exported() -> None:
    exceptions = importlib.import_module("zuora_client.exceptions")
    errors = {
        name
        for name, value in vars(exceptions).items()
        if inspect.isclass(value) and issubclass(value, zuora_client.ApiException)
    }
    assert errors | set(zuora_client.models.__all__) <= set(zuora_client.__all__)


if __name__ == "__main__":
    print("\n".join(surface()))  # noqa: T201 - writes the file
