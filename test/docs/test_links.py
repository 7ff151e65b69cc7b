"""Links, anchors and commands on the pages resolve."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from support import pages

every_page = pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)


@every_page
def test_links_and_anchors(page: Path) -> None:
    broken = [link for link in pages.links(page) if not resolves(page, link)]
    assert broken == []


def resolves(page: Path, link: str) -> bool:
    """Whether a link points to an existing file of the project, and to an existing anchor if it has one."""
    if re.match(r"[a-z]+:", link):
        return link.startswith(("https://", "mailto:"))
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(pages.ROOT):
        return False
    return not anchor or (target.suffix == ".md" and anchor in pages.anchors(target))


@every_page
def test_files_in_commands(page: Path) -> None:
    """Every script that a command names exists, and those in scripts/ are executable."""
    text = "\n".join(block.text for block in pages.blocks(page, "sh", "bash", "console"))
    named = set(re.findall(r"(?<![\w./-])((?:scripts|examples|benchmarks)/[\w.-]+)", text))
    assert {path for path in named if not (pages.ROOT / path).exists()} == set()
    assert {
        path for path in named if path.startswith("scripts/") and not os.access(pages.ROOT / path, os.X_OK)
    } == set()


@every_page
def test_modules_in_commands(page: Path) -> None:
    """Every module that a command runs exists."""
    text = "\n".join(block.text for block in pages.blocks(page, "sh", "bash", "console"))
    for module in re.findall(r"-m (zuora_client[\w.]*|benchmarks[\w.]*)", text):
        path = pages.ROOT / module.replace(".", "/")
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists(), module


def test_anchors_are_github_slugs(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# zuora_client.Api\n## `call_api`: any *path*, [a link](x.md)!\n## Twice\n## Twice\n"
        '<a name="own"></a>\n```sh\n# no heading\n```\n'
    )
    assert pages.anchors(page) == {"zuora_clientapi", "call_api-any-path-a-link", "twice", "twice-1", "own"}


def test_links_in_code_are_ignored(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        'a [one](x.md "title") and [[two]](y.md#z) `[no](link)` ![three](i.png)\n\n'
        "[![four](four.png)](five.md) [six][6]\n\n[6]: six.md\n\n```python\n[no](code.md)\n```\n"
    )
    assert pages.links(page) == ["five.md", "four.png", "i.png", "six.md", "x.md", "y.md#z"]
