"""The API page and the model pages agree with the code."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from support import pages
from support.operations import OPERATIONS, Operation

import zuora_client

API_PAGE = pages.ROOT / "docs" / "EntityConnectionsApi.md"
INDEX = pages.ROOT / "docs" / "README.md"
MODELS = zuora_client.models.__all__

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)


def section(operation: Operation) -> str:
    return pages.read(API_PAGE).split(f"# **{operation.generated}**\n")[1].split("\n# **")[0]


@each_operation
def test_method_table(operation: Operation) -> None:
    """The method tables of the API page and the index list the operation."""
    path = operation.path.replace("8a808255575bdae401576a914a140420", "{connection-id}")
    link = f"[**{operation.generated}**](EntityConnectionsApi.md#{operation.generated})"
    for page in (API_PAGE, INDEX):
        assert re.search(
            rf"{re.escape(link)} \| \*\*{operation.method}\*\* {re.escape(path)}( \||$)", pages.read(page), re.M
        )


@each_operation
def test_parameters(operation: Operation) -> None:
    """The parameter table has the parameters of the method, in order, and marks the required ones."""
    rows = pages.tables(section(operation))[0][1:]
    signature = inspect.signature(getattr(zuora_client.EntityConnectionsApi, f"{operation.generated}_with_http_info"))
    parameters = [name for name in signature.parameters if name not in ("self", "options")]
    assert [row[0].strip("*") for row in rows] == parameters
    required = {row[0].strip("*") for row in rows if "[optional]" not in row[3]}
    assert required == ({"connection_id"} if operation.arguments else set(operation.options))


@each_operation
def test_return_type(operation: Operation) -> None:
    model = operation.answer.__name__
    assert section(operation).startswith(f"> {model} {operation.generated}(")
    assert f"### Return type\n\n[**{model}**]({model}.md)\n" in section(operation)


@pytest.mark.parametrize("model", MODELS)
def test_model_properties(model: str) -> None:
    """The page of a model lists its attributes and types, and the index links to it."""
    cls: Any = getattr(zuora_client, model)
    head, *rows = pages.tables(pages.read(pages.ROOT / "docs" / f"{model}.md"))[0]
    assert head == ["Name", "Type", "Description", "Notes"]
    properties = [(row[0].strip("*"), re.sub(r"^\[(.*)\]\(\w+\.md\)$", r"\1", row[1]).strip("*")) for row in rows]
    assert properties == list(cls.swagger_types.items())
    assert f"[{model}]({model}.md)" in pages.read(INDEX)


def test_index_links_every_page() -> None:
    linked = {link for link in pages.links(INDEX) if "#" not in link}
    names = {page.name for page in pages.PAGES if page.parent == INDEX.parent and page != INDEX}
    assert names - linked == {"EntityConnectionsApi.md"} - linked
