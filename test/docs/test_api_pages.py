"""The API pages and the model pages agree with the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from support import pages
from support.operations import COMMON_KEYWORDS, CONNECTION_ID, ENTITY_ID, ENTITY_OPERATIONS, OPERATIONS, Operation

import zuora_client

OPERATIONS_BY_API = {"EntitiesApi": ENTITY_OPERATIONS, "EntityConnectionsApi": OPERATIONS}
README = pages.ROOT / "README.md"
INDEX = pages.ROOT / "docs" / "README.md"
MODELS = zuora_client.models.__all__

each_operation = pytest.mark.parametrize(
    ("api", "operation"),
    [
        pytest.param(api, operation, id=operation.readable)
        for api, operations in OPERATIONS_BY_API.items()
        for operation in operations
    ],
)


def page_of(api: str) -> Path:
    return pages.ROOT / "docs" / f"{api}.md"


def section(api: str, operation: Operation) -> str:
    return pages.read(page_of(api)).split(f"# **{operation.generated}**\n")[1].split("\n# **")[0]


@each_operation
def test_method_table(api: str, operation: Operation) -> None:
    """The method tables of the API page and of the README list the operation."""
    path = operation.path.replace(CONNECTION_ID, "{connection-id}").replace(ENTITY_ID, "{id}")
    link = f"[**{operation.generated}**]({api}.md#{operation.generated})"
    for page in (page_of(api), README):
        text = pages.read(page).replace("](docs/", "](")
        assert re.search(rf"{re.escape(link)} \| \*\*{operation.method}\*\* {re.escape(path)}( \||$)", text, re.M)


@each_operation
def test_parameters(api: str, operation: Operation) -> None:
    """The parameter table has the parameters of the method, in order, and marks the required ones."""
    rows = pages.tables(section(api, operation))[0][1:]
    signature = inspect.signature(getattr(getattr(zuora_client, api), f"{operation.generated}_with_http_info"))
    parameters = [name for name in signature.parameters if name not in ("self", *COMMON_KEYWORDS)]
    assert [row[0].strip("*") for row in rows] == parameters
    required = {row[0].strip("*") for row in rows if "[optional]" not in row[3]}
    assert required == ({parameters[0]} if operation.arguments else set())


@each_operation
def test_readable_names(api: str, operation: Operation) -> None:
    """The second table of the API page names the readable method and its variant."""
    names = (operation.generated, operation.readable, f"{operation.readable}_with_http_info")
    assert [f"`{name}`" for name in names] in pages.tables(pages.read(page_of(api)))[1]


@each_operation
def test_return_type(api: str, operation: Operation) -> None:
    model = operation.model.__name__
    assert section(api, operation).startswith(f"> {model} {operation.generated}(")
    assert f"### Return type\n\n[**{model}**]({model}.md)\n" in section(api, operation)


@pytest.mark.parametrize("model", MODELS)
def test_model_properties(model: str) -> None:
    """The page of a model lists its attributes and types, and the README links to it."""
    cls: Any = getattr(zuora_client, model)
    head, *rows = pages.tables(pages.read(pages.ROOT / "docs" / f"{model}.md"))[0]
    assert head == ["Name", "Type", "Description", "Notes"]
    properties = [(row[0].strip("*"), re.sub(r"^\[(.*)\]\(\w+\.md\)$", r"\1", row[1]).strip("*")) for row in rows]
    assert properties == list(cls.swagger_types.items())
    assert f" - [{model}](docs/{model}.md)\n" in pages.read(README)


def test_seed_links_resolve() -> None:
    """The links that generated pages end with."""
    anchors = pages.anchors(README)
    for page in map(page_of, OPERATIONS_BY_API):
        assert "(../README.md#documentation-for-api-endpoints)" in pages.read(page)
    assert {"documentation-for-api-endpoints", "documentation-for-models"} <= anchors


def test_index_links_every_page() -> None:
    linked = {link for link in pages.links(INDEX) if "#" not in link}
    linked |= {link.removeprefix("docs/") for link in pages.links(README)}
    names = {page.name for page in pages.PAGES if page.parent == INDEX.parent and page != INDEX}
    assert names - linked == {f"{api}.md" for api in OPERATIONS_BY_API} - linked
