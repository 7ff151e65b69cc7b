"""The files of `plan` and `apply`."""

from __future__ import annotations

import json
import os

import pytest
from support.command import Tool
from support.watching import written

from zuora_client.emulator import ZuoraEmulator

HEADER = "source,target\n"
GOOD = "Acme Corporation,Acme-Americas\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HEADER + GOOD, id="LF"),
        pytest.param((HEADER + GOOD).replace("\n", "\r\n"), id="CRLF"),
        pytest.param(b"\xef\xbb\xbf" + (HEADER + GOOD).encode(), id="BOM"),
        pytest.param("\n" + HEADER + "\n  \n" + GOOD + "\n\n", id="blank-lines"),
        pytest.param("Source, TARGET\n Acme Corporation , acme-americas", id="spaces-and-case"),
        pytest.param('source,target\n"Acme Corporation","Acme-Americas"\n', id="quoted"),
        pytest.param('source,target\n"Acme Corporation", "Acme-Americas"\n', id="space-and-quote"),
        pytest.param(
            "source,target\n8a808255-557b-aba1-0155-80e12fa5083a,8A80825555A3C7A10155B460F53858E6\n", id="ids"
        ),
        pytest.param('[{"source": "Acme Corporation", "target": "Acme-Americas"}]', id="objects"),
        pytest.param(b'\xef\xbb\xbf\n [["Acme Corporation", "Acme-Americas"]]', id="lists"),
    ],
)
def test_accepted_files(tool: Tool, zuora: ZuoraEmulator, content: str | bytes) -> None:
    result = tool("plan", tool.write("pairs", content), "--json")
    assert (result.status, result.err) == (0, "")
    (pair,) = result.document["pairs"]
    assert (pair["source_entity_id"], pair["target_entity_id"]) == tuple(entity.id for entity in zuora.entities[:2])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "pairs: contains no pairs; the first line must be: source,target", id="empty"),
        pytest.param("\n\n", "pairs: contains no pairs", id="blank"),
        pytest.param(HEADER, "pairs: contains no pairs", id="header-only"),
        pytest.param(GOOD, "pairs, line 1: the first line must be: source,target", id="no-header"),
        pytest.param("target,source\n" + GOOD, "pairs, line 1: the first line must be", id="wrong-order"),
        pytest.param("source;target\na;b\n", "line 1: the first line must be: source,target; separate", id="semicolon"),
        pytest.param(HEADER + "\nA,B,C\n", "pairs, line 3: has 3 columns instead of 2", id="three-columns"),
        pytest.param(HEADER + GOOD + "A\n", "pairs, line 3: has 1 column instead of 2", id="one-column"),
        pytest.param(HEADER + "Acme Corporation, \n", "pairs, line 2: target is empty", id="empty-cell"),
        pytest.param(HEADER + '"A"x,B\n', "pairs, line 2: not CSV", id="quotes"),
        pytest.param(HEADER + GOOD * 2, "pairs, line 3: the same pair as in line 2", id="twice"),
        pytest.param(HEADER + "A,A\n", "pairs, line 2: source and target are the same entity: 'A'", id="self"),
        pytest.param(HEADER.encode() + b"A,\xfc\n", "pairs, line 2: not UTF-8", id="latin-1"),
        pytest.param(HEADER.encode("utf-16"), "pairs, line 1: not UTF-8", id="utf-16"),
        pytest.param("[]", "pairs: contains no pairs", id="empty-list"),
        pytest.param("[\n1,\n", "pairs, line 3: not JSON", id="cut-json"),
        pytest.param('[["A", "B"], ["A"]]', "pairs, item 2: expected", id="short-item"),
        pytest.param('[{"source": "A"}]', "pairs, item 1: expected", id="no-target"),
        pytest.param('[["A", 1]]', "pairs, item 1: expected", id="number"),
        pytest.param('[["A", "B"], ["A", "B"]]', "pairs, item 2: the same pair as in item 1", id="json-twice"),
        pytest.param('{"a": 1}', "pairs: expected [{", id="other-object"),
        pytest.param("[" * 100_000, "pairs", id="deep"),
    ],
)
def test_malformed_files(tool: Tool, zuora: ZuoraEmulator, content: str | bytes, message: str) -> None:
    """Status 2 and one line that names the place; nothing was sent."""
    result = tool("apply", tool.write("pairs", content), "--yes")
    assert (result.status, result.out) == (2, "")
    assert message in result.err
    assert result.err.startswith("zuora-connections apply: error: ")
    assert result.err.count("\n") == 1
    assert zuora.requests == []


def test_all_repetitions_are_named(tool: Tool) -> None:
    """Each bad line has a line, up to ten; the rest is counted."""
    result = tool("plan", tool.write("pairs.csv", HEADER + "A,A\n" * 12))
    lines = result.err.splitlines()
    assert [line.partition(": source")[0] for line in lines[1:10]] == [f"pairs.csv, line {n}" for n in range(3, 12)]
    assert lines[10:] == ["pairs.csv: and 2 more problems"]


def test_unknown_names_are_named(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The first unknown name comes with the nearest ones, each further one has a line."""
    tool.write("pairs.csv", HEADER + GOOD + "Acme Corporation,Acme-Amerika\nAcme,Acme-Europe\n")
    result = tool("apply", "pairs.csv", "--yes")
    assert (result.status, result.out) == (2, "")
    first, *suggestions, last = result.err.splitlines()
    assert "error: pairs.csv, line 3: target: no entity has the name or id 'Acme-Amerika'" in first
    assert suggestions[0].endswith("  Acme-Americas")
    assert last == "pairs.csv, line 4: source: no entity has the name or id 'Acme'"
    assert written(zuora) == []


def test_one_pair_by_name_and_by_id(tool: Tool, zuora: ZuoraEmulator) -> None:
    root, americas, *_ = zuora.entities
    twice = tool("plan", tool.write("twice.csv", f"{HEADER}{GOOD}{root.id},{americas.uuid}\n"))
    assert (twice.status, twice.out) == (2, "")
    assert "twice.csv, line 3: the same pair as in line 2" in twice.err
    itself = tool("plan", tool.write("itself.json", json.dumps([[root.name, root.id]])))
    assert itself.status == 2
    assert "itself.json, item 1: source and target are the same entity" in itself.err


def test_names_that_differ_by_case(tool: Tool) -> None:
    """They are two entities, if both exist; otherwise two spellings of one."""
    tool.write("pairs.csv", f"{HEADER}Root,Sales\nRoot,SALES\n")
    with ZuoraEmulator(entities=["Root", "Sales", "SALES"]) as tenant:
        assert tool("apply", "pairs.csv", "--yes", **tenant.environ).status == 0
        assert len(tenant.connections) == 2
    with ZuoraEmulator(entities=["Root", "Sales"]) as tenant:
        result = tool("apply", "pairs.csv", "--yes", **tenant.environ)
    assert result.status == 2
    assert "pairs.csv, line 3: the same pair as in line 2" in result.err


def test_unreadable_files(tool: Tool, zuora: ZuoraEmulator) -> None:
    missing, folder = tool("plan", "missing.csv"), tool("plan", os.curdir)
    assert missing.status == folder.status == 2
    assert "error: missing.csv: cannot be read: " in missing.err
    assert "error: .: cannot be read: " in folder.err
    assert zuora.requests == []
