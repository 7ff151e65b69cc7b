"""The emulator imports neither the client nor pytest."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import zuora_client.emulator as emulator

FOLDER = Path(emulator.__file__).parent


def test_imports_only_standard_library() -> None:
    """The emulator imports only the standard library and itself; its plugin pytest, its command the version."""
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                is_version = (path.name, node.level, node.module) == ("__main__.py", 2, "_version")
                assert node.level == 1 or is_version, f"{path.name} imports from outside the emulator"
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                for module in modules:
                    top = str(module).split(".")[0]
                    assert top != "zuora_client", f"{path.name} imports the client"
                    allowed = top in sys.stdlib_module_names or (path.name, top) == ("pytest_plugin.py", "pytest")
                    assert allowed, f"{path.name} imports {module}"


def test_emulator_works_without_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None; import zuora_client.emulator;"
        "sys.exit('zuora_client.emulator.pytest_plugin' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_exports() -> None:
    assert emulator.__all__ == sorted(emulator.__all__)
    for name in emulator.__all__:
        assert getattr(emulator, name)
