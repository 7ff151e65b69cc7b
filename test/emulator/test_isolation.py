"""The emulator stands alone: the standard library and itself, no client, no pytest."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import zuora_client.emulator as emulator

FOLDER = Path(emulator.__file__).parent


def test_nothing_is_imported_but_the_standard_library_and_the_emulator_itself() -> None:
    names = getattr(sys, "stdlib_module_names", None)
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1, f"{path.name} reaches out of the emulator"
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                for module in modules:
                    top = str(module).split(".")[0]
                    assert top != "zuora_client", f"{path.name} imports the client"
                    allowed = names is None or top in names or (path.name, top) == ("pytest_plugin.py", "pytest")
                    assert allowed, f"{path.name} imports {module}"


def test_the_package_needs_neither_pytest_nor_the_plugin() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None; import zuora_client.emulator;"
        "sys.exit('zuora_client.emulator.pytest_plugin' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_exports_are_sorted_and_there() -> None:
    assert emulator.__all__ == sorted(emulator.__all__)
    for name in emulator.__all__:
        assert getattr(emulator, name)
