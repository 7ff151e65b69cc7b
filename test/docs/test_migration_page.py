"""docs/migration.md names a test for every difference, and every test of a difference is named there."""

from __future__ import annotations

import ast
import re

from support import pages

PAGE = pages.ROOT / "docs" / "migration.md"
TESTS = pages.ROOT / "test" / "contract" / "test_differences.py"


def test_every_difference_names_its_tests_and_every_test_is_named() -> None:
    named: list[str] = []
    for table in pages.tables(pages.read(PAGE)):
        assert table[0] == ["Generated client", "Here", "What to do", "Test"]
        for row in table[1:]:
            tests = re.findall(r"`(test_\w+)`", row[3])
            assert all(row), row
            assert tests, row
            named += tests
    written = [node.name for node in ast.parse(pages.read(TESTS)).body if isinstance(node, ast.FunctionDef)]
    assert sorted(named) == sorted(name for name in written if name.startswith("test_"))
