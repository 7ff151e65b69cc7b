"""Every Python block of README and docs runs as printed.

The blocks of a page run in order, in one namespace and one process, against an emulator with three entities. Its
address and credentials are in ZUORA_HOST, ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET. The blocks may use the names `zuora`
(the emulator), `source_entity_id` and `target_entity_id`; those of the guide do not. Each example of an API page runs
in its own namespace.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import support.run_page
from support import pages, redis_server
from support.operations import ENTITY_OPERATIONS, OPERATIONS, Operation
from support.scripted import ScriptedServer, respond_json

import zuora_client

API_PAGES = {
    pages.ROOT / "docs" / "EntitiesApi.md": ENTITY_OPERATIONS,
    pages.ROOT / "docs" / "EntityConnectionsApi.md": OPERATIONS,
}
# Its recipes need further packages: test/cookbook runs them.
COOKBOOK = pages.ROOT / "docs" / "cookbook.md"
PAGES_WITH_PROGRAMS = [
    page for page in pages.PAGES if page not in (*API_PAGES, COOKBOOK) and pages.blocks(page, "python")
]
GENERATED_VALUES = {
    "zuora_entity_ids": "'zuora_entity_ids_example'",
    "page_size": "30",
    "type": "'type_example'",
    "connection_id": "'connection_id_example'",
    "id": "'id_example'",
    "provisioned": "'provisioned_example'",
}


# What the value of a parameter becomes in the request line.
EXPECTED_IN_TARGET = {
    "g_et_entities": "provisioned=provisioned_example",
    "g_et_entity_by_id": "/id_example",
    "g_et_entity_connections": "type=type_example",
    "p_ost_entity_connections": "",
    "p_ut_entity_connections_accept": "/connection_id_example/",
    "p_ut_entity_connections_deny": "/connection_id_example/",
    "p_ut_entity_connections_disconnect": "/connection_id_example/",
}

each_api_page = pytest.mark.parametrize("page", API_PAGES, ids=pages.name)


def examples(page: Path) -> list[pages.Block]:
    return [block for block in pages.blocks(page, "python") if "api_instance" in block.text]


def run(page: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", support.run_page.__file__, str(page), *options]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **variables}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Exception ignored" not in result.stderr, result.stderr
    return result


@pytest.mark.parametrize("page", PAGES_WITH_PROGRAMS, ids=pages.name)
def test_programs_run(page: Path, tmp_path: Path) -> None:
    if "REDIS_URL" not in pages.read(page):
        run(page)
        return
    redis_server.require()
    server = redis_server.Server(tmp_path)
    try:
        run(page, REDIS_URL=f"redis://127.0.0.1:{server.port}")
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["guide.md", "quickstart.md"])
def test_page_is_self_contained(name: str) -> None:
    """The programs of the page define every name that they use."""
    run(pages.ROOT / "docs" / name, "--alone")


@each_api_page
def test_each_operation_has_an_example(page: Path) -> None:
    names = [re.search(r"api_instance\.(\w+)\(", block.text)[1] for block in examples(page)]  # type: ignore[index]
    assert names == [operation.generated for operation in API_PAGES[page]]


@each_api_page
def test_examples_run(page: Path) -> None:
    result = run(page, "--separately")
    assert "Exception when calling" not in result.stdout
    assert result.stdout.count("'success': True") == len(API_PAGES[page])


@pytest.mark.parametrize(
    ("page", "number", "operation"),
    [
        pytest.param(page, number, operation, id=operation.readable)
        for page, operations in API_PAGES.items()
        for number, operation in enumerate(operations)
    ],
)
def test_examples_run_with_generated_values(
    page: Path, number: int, operation: Operation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The examples run with the values of a generated page, such as 'type_example'."""
    text = examples(page)[number].text
    for name, value in GENERATED_VALUES.items():
        text = re.sub(rf"^{name} = \S+", f"{name} = {value}", text, flags=re.M)
    with ScriptedServer(respond_json({"success": True})) as server:
        zuora_client.Configuration.set_default(zuora_client.Configuration(server.url))
        names: dict[str, Any] = {}
        try:
            exec(compile(text, str(page), "exec", dont_inherit=True), names)
        finally:
            zuora_client.Configuration.set_default(None)
        names["api_instance"].api_client.close()
    assert type(names["api_response"]) is operation.model
    printed = capsys.readouterr().out
    assert "Exception when calling" not in printed
    assert "'success': True" in printed
    sent = server.requests[0]
    assert sent.headers["zuora-entity-ids"] == "zuora_entity_ids_example"
    assert EXPECTED_IN_TARGET[operation.generated] in sent.target


def test_a_failing_program_is_detected(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 1\nraise ValueError(source_entity_id)\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md\", line 7"):
        run(page)
