"""The troubleshooting page quotes texts that the client produces, in alphabetical order."""

from __future__ import annotations

import ast
import http
import re

import pytest
from support import pages

from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi

PAGE = pages.ROOT / "docs" / "troubleshooting.md"
HEADINGS = re.findall(r"^## (.+)$", pages.prose(PAGE), re.M)
TEXTS = [text for heading in HEADINGS for text in re.findall(r"`([^`]+)`", heading)]


@pytest.fixture(scope="module")
def constants() -> str:
    """Every text constant of the client, and the reason phrases of HTTP."""
    found = [status.phrase for status in http.HTTPStatus]
    for path in (pages.ROOT / "zuora_client").rglob("*.py"):
        if "emulator" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    return "\n".join(found)


def test_headings_are_sorted() -> None:
    texts = [heading.replace("`", "").lower() for heading in HEADINGS]
    assert texts == sorted(texts)
    assert len(TEXTS) >= len(HEADINGS) > 20


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_ours(text: str, constants: str) -> None:
    """Every fixed part of a quoted text is in the program."""
    parts = [part.strip(" ,()") for part in re.split(r"\.\.\.|(?<=token): ", text)]
    assert [part for part in parts if part not in constants] == []


def test_errors_name_the_page() -> None:
    with (
        ApiClient(Configuration("http://127.0.0.1:1", max_attempts=1)) as client,
        pytest.raises(ApiException) as caught,
    ):
        EntityConnectionsApi(client).get_entity_connections()
    assert f"\nMore: {pages.name(PAGE)}\n" in str(caught.value)
