"""docs/reliability.md: what a web service answers, in its table and in its program."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support import pages

import zuora_client
from zuora_client import ApiException

PAGE = pages.ROOT / "docs" / "reliability.md"
CLASSES = [
    value
    for value in (getattr(zuora_client, name) for name in zuora_client.__all__)
    if isinstance(value, type) and issubclass(value, ApiException)
]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """The names that the program of the page defines."""
    (program,) = [block.text for block in pages.blocks(PAGE, "python") if "def answer(" in block.text]
    defined: dict[str, Any] = {"OutcomeUnknownError": zuora_client.OutcomeUnknownError}
    exec(program.split("\nzuora.fail_next")[0], defined)
    return defined


def table() -> dict[str, int]:
    """Return the first status of each class in the table."""
    (rows,) = [rows for rows in pages.tables(pages.read(PAGE)) if rows[0] == ["error", "answer", "reason"]]
    return {name: int(row[1][:3]) for row in rows[1:] for name in re.findall(r"`(\w+(?:Error|Exception))`", row[0])}


@pytest.mark.parametrize("cls", CLASSES)
def test_program_agrees_with_the_table(names: dict[str, Any], cls: type[ApiException]) -> None:
    """Every error of the package is in the table, and the program answers it with that status."""
    error = cls(reason="why")
    in_doubt = cls in (zuora_client.OutcomeUnknownError, zuora_client.PlanIncompleteError)
    error.outcome = "unknown" if in_doubt else "answered"
    status, headers, document = names["answer"](error)
    assert (status, headers) == (table()[cls.__name__], {})
    assert document == {"outcome": error.outcome, "message": error.summary}


def test_only_a_write_in_doubt_is_202(names: dict[str, Any]) -> None:
    """A read whose response was lost is a failure like any other."""
    assert names["answer"](zuora_client.ApiTimeoutError(outcome="unknown"))[0] == 504
    assert names["answer"](zuora_client.ApiConnectionError(outcome="unknown"))[0] == 502
    plan = zuora_client.PlanIncompleteError(400)
    plan.outcome = "not_sent"
    assert names["answer"](plan)[0] == 502
