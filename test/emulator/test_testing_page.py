"""docs/testing.md: its programs run, and its tables are complete."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

from zuora_client.emulator import ZuoraEmulator, faults

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_programs_run_as_printed(tmp_path: Path) -> None:
    programs = [text for text in PROGRAMS if "pytest" not in text]
    assert len(programs) == 5
    for text in programs:
        result = run("-c", text)
        assert (result.returncode, result.stderr) == (0, ""), text


def test_pytest_example_passes_as_printed(tmp_path: Path) -> None:
    conftest, tests = (text for text in PROGRAMS if "pytest" in text)
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(tests, encoding="utf-8")
    result = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path))
    assert "2 passed" in result.stdout, result.stdout + result.stderr


def test_every_fault_is_documented() -> None:
    """The table has a row for every fault, with its arguments."""
    rows = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", PAGE, re.MULTILINE))
    for name in ("add_connection", "add_client", "issue_token", "expire_tokens"):
        rows.pop(name)
    constructors = {name: getattr(faults, name) for name in faults.__all__ if name != "Fault"}
    assert set(rows) == set(constructors)
    for name, written in rows.items():
        names = [argument.split("=")[0].strip() for argument in written.split(",") if argument]
        assert names == list(inspect.signature(constructors[name]).parameters), name


def test_every_public_name_is_documented() -> None:
    for name in dir(ZuoraEmulator):
        assert name.startswith("_") or re.search(rf"`{name}[`(]|\.{name}\b", PAGE), name
