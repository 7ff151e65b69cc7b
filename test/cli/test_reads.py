"""`entities`, `list` and `plan`: names or ids in, tables or JSON out, nothing written."""

from __future__ import annotations

import pytest
from support.command import Tool
from support.watching import written

from zuora_client.emulator import ZuoraEmulator, faults

PAIRS = "source,target\nAcme Corporation,Acme-Americas\nAcme Corporation,Acme-US\n"


def test_entities_as_outline(tool: Tool, zuora: ZuoraEmulator) -> None:
    result = tool("entities")
    assert (result.status, result.err) == (0, "")
    root, americas, europe, us = zuora.entities
    assert result.out.splitlines() == [
        f"{root.id}  Acme Corporation",
        f"{americas.id}    Acme-Americas",
        f"{us.id}      Acme-US",
        f"{europe.id}    Acme-Europe",
    ]


def test_entities_as_json(tool: Tool, zuora: ZuoraEmulator) -> None:
    found = tool("entities", "--json").document["entities"]
    assert [entity["id"] for entity in found] == [entity.id for entity in zuora.entities]
    assert found[1]["name"] == "Acme-Americas"
    assert found[1]["parent_id"] == zuora.entities[0].id


@pytest.mark.parametrize("form", ["name", "id", "uuid"])
def test_list_of_a_named_entity(tool: Tool, zuora: ZuoraEmulator, form: str) -> None:
    """An entity is given by name, or by its id in either form; connections of other entities are not shown."""
    root, americas, europe, _ = zuora.entities
    connection = zuora.add_connection(root, americas, "Pending")
    zuora.add_connection(root, europe)
    result = tool("list", getattr(americas, form))
    assert result.status == 0
    assert result.out.splitlines()[2:] == [f"Acme Corporation  Acme-Americas  Pending  {connection.id}"]


def test_list_reads_all_pages(tool: Tool) -> None:
    with ZuoraEmulator(entities=400) as large:
        for target in large.entities[1:]:
            large.add_connection(large.entities[0], target)
        rows = tool("list", large.entities[0].id, "--json", **large.environ).document["connections"]
    assert [row["target_entity_id"] for row in rows] == [entity.id for entity in large.entities[1:]]
    assert {row["status"] for row in rows} == {"Connected"}
    assert rows[0]["target_name"] == large.entities[1].name


def test_list_of_the_entity_of_the_token(tool: Tool, zuora: ZuoraEmulator) -> None:
    """Without ENTITY the token decides, or ZUORA_ENTITY_ID."""
    root, americas, europe, _ = zuora.entities
    zuora.add_connection(root, europe)
    token = zuora.issue_token(europe)
    by_token = tool("list", ZUORA_ACCESS_TOKEN=token, ZUORA_CLIENT_ID=None, ZUORA_CLIENT_SECRET=None)
    by_variable = tool("list", ZUORA_ENTITY_ID=europe.uuid)
    assert by_token.status == by_variable.status == 0
    assert by_token.out == by_variable.out
    assert "Acme-Europe  Connected" in by_token.out
    assert tool("list", ZUORA_ENTITY_ID=americas.id).out == "no connections\n"


def test_list_without_an_entity_to_choose(tool: Tool) -> None:
    """A token of several entities acts in none of them: the error says how to name one."""
    result = tool("list")
    assert (result.status, result.out) == (1, "")
    assert "zuora-connections list ENTITY" in result.err


def test_plan_as_table(tool: Tool, zuora: ZuoraEmulator) -> None:
    """A plan shows what is missing and which other connections there are, and changes nothing."""
    root, americas, europe, _ = zuora.entities
    zuora.add_connection(root, americas)
    zuora.add_connection(root, europe, "Pending")
    result = tool("plan", tool.write("pairs.csv", PAIRS))
    assert (result.status, result.err) == (0, "")
    assert "Acme Corporation  Acme-Americas  Connected  -\n" in result.out
    assert "Acme Corporation  Acme-US        -          initiate, accept\n" in result.out
    assert "1 of 2 pairs would change.\n" in result.out
    assert "Not among these pairs, and left alone: 1\n  Acme Corporation -> Acme-Europe: Pending\n" in result.out
    assert written(zuora) == []


def test_plan_as_json(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The document of a plan is an input file too, and the option may come before the command."""
    tool.write("pairs.csv", PAIRS)
    plan = tool("--json", "plan", "pairs.csv")
    assert [pair["to_do"] for pair in plan.document["pairs"]] == [["initiate", "accept"]] * 2
    assert plan.document["changes"] == 2
    assert tool("plan", tool.write("plan.json", plan.out), "--json").document == plan.document


def test_plan_of_many_unwanted_connections(tool: Tool) -> None:
    with ZuoraEmulator(entities=60) as large:
        root, *others = large.entities
        for target in others:
            large.add_connection(root, target)
        tool.write("pairs.csv", f"source,target\n{root.id},{others[0].id}\n")
        result = tool("plan", "pairs.csv", **large.environ)
    assert "left alone: 58\n" in result.out
    assert result.out.endswith("  ... and 18 more\n")


def test_failed_read(tool: Tool, zuora: ZuoraEmulator) -> None:
    """A lost response to a read is status 1, because reads change nothing; with --json the error is the document."""
    zuora.fail_next(faults.reset_after_commit(), times=9, path="/v1/entities")
    result = tool("entities", "--json")
    assert result.status == 1
    assert result.document["error"]["error"] == "ApiConnectionError"
    assert result.document["error"]["summary"] in result.err
    assert "zuora-connections doctor" in result.err
