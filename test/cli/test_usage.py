"""Help, wrong usage, missing settings, unknown and ambiguous names."""

from __future__ import annotations

import re

import pytest
from support.command import Tool
from support.watching import written

import zuora_client
from zuora_client.emulator import ZuoraEmulator

COMMANDS = ("doctor", "entities", "list", "connect", "disconnect", "plan", "apply")
PAIR = ("Acme Corporation", "Acme-Americas")


def test_help_shows_the_essentials(tool: Tool) -> None:
    result = tool("--help")
    assert (result.status, result.err) == (0, "")
    assert all(re.search(rf"^    {command}\b", result.out, re.M) for command in COMMANDS)
    assert "ZUORA_CLIENT_SECRET" in result.out
    assert "exit status:" in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(tool: Tool, command: str) -> None:
    result = tool(command, "--help")
    assert result.status == 0
    assert f"example:\n  zuora-connections {command}" in result.out


def test_no_command_shows_the_help(tool: Tool) -> None:
    result = tool()
    assert (result.status, result.out, result.err) == (2, "", tool("--help").out)


def test_version(tool: Tool) -> None:
    assert tool("--version").out == f"zuora-connections {zuora_client.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explode"], "invalid choice: 'explode'"),
        (["connect", "A"], "TARGET"),
        (["plan"], "FILE"),
        (["plan", "a", "b"], "unrecognized arguments: b"),
        (["apply", "a", "--workers", "0"], "must be from 1 to 64, not '0'"),
        (["apply", "a", "--workers", "65"], "must be from 1 to 64"),
        (["apply", "a", "--workers", "-1"], "--workers"),
        (["list", "--yes"], "unrecognized arguments: --yes\n"),
        (["list", "Acme", "Corporation"], "unrecognized arguments: Corporation (put names with spaces in quotes"),
    ],
)
def test_wrong_usage(tool: Tool, zuora: ZuoraEmulator, arguments: list[str], message: str) -> None:
    result = tool(*arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err
    assert zuora.requests == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param({"ZUORA_CLIENT_ID": None, "ZUORA_CLIENT_SECRET": ""}, "set ZUORA_CLIENT_ID and", id="credentials"),
        pytest.param(
            dict.fromkeys(("ZUORA_HOST", "ZUORA_CLIENT_ID", "ZUORA_CLIENT_SECRET")),
            "ZUORA_HOST to a base URL; no credentials are set: set ZUORA_CLIENT_ID and",
            id="all",
        ),
        pytest.param({"ZUORA_CLIENT_SECRET": None}, "ZUORA_CLIENT_SECRET is not set", id="secret"),
        pytest.param({"ZUORA_CLIENT_ID": None}, "ZUORA_CLIENT_ID is not set", id="id"),
        pytest.param({"ZUORA_ENVIRONMENT": "EU"}, "ZUORA_ENVIRONMENT|environment", id="two-hosts"),
        pytest.param(
            {"ZUORA_HOST": None, "ZUORA_ENVIRONMENT": "MARS"},
            "ZUORA_ENVIRONMENT: unknown data center 'MARS'",
            id="data-center",
        ),
        pytest.param({"ZUORA_HOST": "rest.zuora.com"}, "https://rest.zuora.com", id="no-scheme"),
        pytest.param({"ZUORA_ENTITY_ID": "a\nb"}, "entity_id|ZUORA_ENTITY_ID", id="entity"),
    ],
)
@pytest.mark.parametrize("command", ["entities", "doctor"])
def test_missing_and_wrong_settings(
    tool: Tool, zuora: ZuoraEmulator, command: str, variables: dict[str, str | None], message: str
) -> None:
    """Status 2 and one line that says what to do; nothing was sent."""
    result = tool(command, **variables)
    assert result.status == 2
    assert re.search(message, result.out + result.err)
    if command == "entities":
        assert (result.out, result.err.count("\n")) == ("", 1)
    assert zuora.requests == []


def test_refused_credentials(tool: Tool) -> None:
    """The first line tells that the token failed, not the list."""
    result = tool("entities", ZUORA_CLIENT_SECRET="wrong")
    assert result.status == 1
    assert result.err.startswith("(401) List of entities: no token could be fetched, the request was not sent.\n")


def test_setting_with_a_line_break(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The variable is named, and the secret is not shown."""
    result = tool("entities", ZUORA_CLIENT_SECRET="s3cr3t\n")
    assert (result.status, result.out) == (2, "")
    assert "ZUORA_CLIENT_SECRET" in result.err
    assert "s3cr3t" not in result.err
    assert zuora.requests == []


@pytest.mark.parametrize(
    "arguments",
    [["list", "Acme"], ["connect", "Acme", "Acme-US"], ["disconnect", "Acme-US", "Acme", "--break-sharing"]],
)
def test_unknown_names(tool: Tool, zuora: ZuoraEmulator, arguments: list[str]) -> None:
    """The argument is named, and the entities with their ids are listed."""
    result = tool(*arguments, "--json")
    assert result.status == 2
    assert re.search(
        r"error: (ENTITY|SOURCE|TARGET): no entity has the name or id 'Acme'; the entities are:", result.err
    )
    assert f"{zuora.entities[1].id}  Acme-Americas" in result.err
    assert result.document["error"]["error"] == "UsageError"
    assert written(zuora) == []


def test_ambiguous_name(tool: Tool) -> None:
    """Two entities differ only by case: the name in a third spelling needs an id, an exact one does not."""
    with ZuoraEmulator(entities=["Root", "Branch", "BRANCH"]) as tenant:
        result = tool("connect", "Root", "branch", "--yes", **tenant.environ)
        assert result.status == 2
        assert "error: TARGET: 2 entities have the name 'branch': use an id; they are:\n" in result.err
        assert "Root" not in result.err
        assert tool("connect", "Root", "BRANCH", "--yes", **tenant.environ).status == 0
        assert tenant.connections[0].target_entity_id == tenant.entities[2].id


def test_pair_of_one_entity(tool: Tool, zuora: ZuoraEmulator) -> None:
    result = tool("connect", "Acme-US", zuora.entities[3].uuid, "--yes")
    assert result.status == 2
    assert "SOURCE and TARGET are the same entity: Acme-US" in result.err
