"""Every Python block of README and docs runs as printed.

The blocks of a page run in order, in one namespace and a process of their own, against an emulator. They find it in
ZUORA_HOST, ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET, and may use the names `zuora` (the emulator, three entities),
`source_entity_id` and `target_entity_id`; the guide does without. The examples of docs/EntityConnectionsApi.md stand
each for itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import support.run_page
from support import pages
from support.operations import OPERATIONS
from support.scripted import ScriptedServer, json_answer

import zuora_client

API_PAGE = pages.ROOT / "docs" / "EntityConnectionsApi.md"
WITH_PROGRAMS = [page for page in pages.PAGES if page != API_PAGE and pages.blocks(page, "python")]
EXAMPLES = [block for block in pages.blocks(API_PAGE, "python") if "api_instance" in block.text]
CLASSIC = {
    "zuora_entity_ids": "'zuora_entity_ids_example'",
    "page_size": "30",
    "type": "'type_example'",
    "connection_id": "'connection_id_example'",
}


def run(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", support.run_page.__file__, str(page), *options]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Exception ignored" not in result.stderr, result.stderr
    return result


@pytest.mark.parametrize("page", WITH_PROGRAMS, ids=pages.name)
def test_the_programs_of_the_page_run_as_printed(page: Path) -> None:
    run(page)


def test_the_guide_brings_every_name_that_its_programs_use() -> None:
    run(pages.ROOT / "docs" / "guide.md", "--alone")


def test_the_api_page_has_an_example_for_each_operation() -> None:
    names = [re.search(r"api_instance\.(\w+)\(", block.text)[1] for block in EXAMPLES]  # type: ignore[index]
    assert names == [operation.generated for operation in OPERATIONS]


def test_every_example_of_the_api_page_runs_as_printed() -> None:
    result = run(API_PAGE, "--separately")
    assert "Exception when calling" not in result.stdout
    assert result.stdout.count("'success': True") == len(OPERATIONS)


@pytest.mark.parametrize("number", range(len(OPERATIONS)), ids=[operation.readable for operation in OPERATIONS])
def test_the_examples_run_with_the_values_that_generated_pages_print(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    text = EXAMPLES[number].text
    for name, value in CLASSIC.items():
        text = re.sub(rf"^{name} = \S+", f"{name} = {value}", text, flags=re.M)
    with ScriptedServer(json_answer({"success": True})) as server:
        zuora_client.Configuration.set_default(zuora_client.Configuration(server.url))
        try:
            exec(compile(text, str(API_PAGE), "exec", dont_inherit=True), names := {})
        finally:
            zuora_client.Configuration.set_default(None)
        names["api_instance"].api_client.close()
    assert type(names["api_response"]) is OPERATIONS[number].answer
    printed = capsys.readouterr().out
    assert "Exception when calling" not in printed
    assert "'success': True" in printed
    sent = server.requests[0]
    assert sent.headers["zuora-entity-ids"] == "zuora_entity_ids_example"
    assert {"GET": "type=type_example", "PUT": "/connection_id_example/"}.get(sent.method, "") in sent.target


def test_an_example_that_fails_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 1\nraise ValueError(source_entity_id)\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md\", line 7"):
        run(page)
