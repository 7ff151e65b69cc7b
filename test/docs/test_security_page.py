"""SECURITY.md names tests for every sentence about secrets, and these tests exist."""

from __future__ import annotations

import re

from support import pages

TESTS = "\n".join(path.read_text(encoding="utf-8") for path in (pages.ROOT / "test").rglob("test_*.py"))


def test_every_sentence_names_its_tests() -> None:
    tables = [table for table in pages.tables(pages.read(pages.ROOT / "SECURITY.md")) if table[0] == ["", "tests"]]
    assert len(tables) == 1
    for sentence, tests in tables[0][1:]:
        named = re.findall(r"`(test_\w+)`", tests)
        assert named, sentence
        for name in named:
            assert f"def {name}(" in TESTS
