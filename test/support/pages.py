"""The pages of the project as data: code blocks, links, headings, tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```[ \t]*$", re.M | re.S)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.S)
_IMAGE = re.compile(r"!\[[^\]]*\]\(\s*([^)\s]+)[^)]*\)")
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$", re.M)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.M)
_ANCHOR = re.compile(r"<a\s[^>]*?(?:name|id)=\"([^\"]+)\"")


class Block(NamedTuple):
    """A code block of a page. `line` is the number of its first line of text."""

    language: str
    line: int
    text: str


def name(page: Path) -> str:
    """Return the path of a page, relative to the project."""
    return page.relative_to(ROOT).as_posix()


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the code blocks of a page in these languages, in order."""
    text = read(page)
    found = (
        Block(match["language"], text.count("\n", 0, match.start("text")) + 1, match["text"])
        for match in _FENCE.finditer(text)
    )
    return [block for block in found if block.language in languages]


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return _FENCE.sub("", read(page))


def links(page: Path) -> list[str]:
    """Return the targets of all links and images of a page."""
    text = _CODE.sub("", prose(page))
    # Images first, because the text of a link may be an image.
    found = _IMAGE.findall(text) + _LINK.findall(_IMAGE.sub("", text)) + _REFERENCE.findall(text)
    return sorted(set(found))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: GitHub's slugs of its headings, and explicit anchors."""
    found: set[str] = set()
    for heading in _HEADING.findall(prose(page)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"[*`]", "", plain).strip().lower()).replace(" ", "-")
        slug, number = plain, 0
        while slug in found:
            number += 1
            slug = f"{plain}-{number}"
        found.add(slug)
    return found | set(_ANCHOR.findall(prose(page)))


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables in a text as rows of cells; the first row is the header."""
    found: list[list[list[str]]] = []
    for part in re.findall(r"(?:^.*\|.*\n?)+", text, re.M):
        rows = [_cells(line) for line in part.splitlines()]
        if len(rows) > 1 and all(re.fullmatch(r":?-+:?", cell) for cell in rows[1]):
            found.append([rows[0], *rows[2:]])
    return found


def _cells(line: str) -> list[str]:
    line = line.rstrip("\n")
    if line.startswith("|"):
        line = line.strip().strip("|")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
