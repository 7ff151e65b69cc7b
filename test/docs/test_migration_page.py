"""docs/migration.md names a test for every difference, and names every test of test_differences.py."""

from __future__ import annotations

import ast
import re

from support import pages

PAGE = pages.ROOT / "docs" / "migration.md"
TESTS = pages.ROOT / "test" / "contract" / "test_differences.py"


def test_differences_and_tests_match() -> None:
    named: list[str] = []
    for table in pages.tables(pages.read(PAGE)):
        assert table[0] == ["Generated client", "Here", "What to do", "Test"]
        for row in table[1:]:
            tests = re.findall(r"`(test_\w+)`", row[3])
            assert all(row), row
            assert tests, row
            named += tests
    defined = [node.name for node in ast.parse(pages.read(TESTS)).body if isinstance(node, ast.FunctionDef)]
    assert sorted(named) == sorted(name for name in defined if name.startswith("test_"))
