"""The built site: every link and anchor resolves, every page can be reached, and graphs are marked as such."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from support import pages

SITE = os.environ.get("ZUORA_CLIENT_SITE")

pytestmark = pytest.mark.skipif(SITE is None, reason="needs a built site: scripts/docs")


class Document(HTMLParser):
    """The ids, links and graphs of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.graphs = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {value for name, value in attrs if name in ("id", "name") and value}
        self.links += [value for name, value in attrs if name in ("href", "src") and value and tag != "link"]
        self.graphs += tag == "pre" and values.get("class") == "mermaid"


@pytest.fixture(scope="module")
def site() -> dict[Path, Document]:
    root = Path(str(SITE)).resolve()
    # The addresses on the page for a missing page are absolute.
    return {path: Document(path) for path in root.rglob("*.html") if path.name != "404.html"}


def broken(document: Document, site: dict[Path, Document]) -> Iterator[str]:
    for link in document.links:
        url = urlsplit(link)
        if url.scheme:
            if url.scheme not in ("https", "mailto"):
                yield link
            continue
        target = (document.path.parent / unquote(url.path)).resolve() if url.path else document.path
        anchors = site[target].ids if target in site else set()
        if not target.exists() or (url.fragment and unquote(url.fragment) not in anchors):
            yield link


def test_links_and_anchors(site: dict[Path, Document]) -> None:
    found = {document.path.name: list(broken(document, site)) for document in site.values()}
    assert {name: links for name, links in found.items() if links} == {}


def test_every_page_is_on_the_site(site: dict[Path, Document]) -> None:
    """Every page is on the site, and linked from the navigation of the first one."""
    root = Path(str(SITE)).resolve()
    linked = {(root / unquote(urlsplit(link).path)).resolve() for link in site[root / "index.html"].links}
    assert set(site) <= linked
    assert len(site) >= len(pages.PAGES)


def test_graphs_are_marked(site: dict[Path, Document]) -> None:
    """Each Mermaid block becomes an element that the theme draws."""
    written = sum(len(pages.blocks(page, "mermaid")) for page in pages.PAGES)
    assert written == sum(document.graphs for document in site.values()) > 0
