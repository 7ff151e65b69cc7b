"""`connect`, `disconnect` and `apply`: questions, results and exit statuses."""

from __future__ import annotations

import subprocess

import pytest
from support.command import Tool
from support.emulator_clients import HttpClient
from support.watching import sent, statuses, written

from zuora_client.emulator import ZuoraEmulator, faults

PAIR = ("Acme Corporation", "Acme-Americas")
PAIRS = "source,target\nAcme Corporation,Acme-Americas\nAcme Corporation,Acme-Europe\n"


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read standard error until it ends with a text."""
    assert process.stderr is not None
    found = ""
    while not found.endswith(text):
        character = process.stderr.read(1)
        assert character, found
        found += character
    return found


def respond(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def disconnect(zuora: ZuoraEmulator, connection_id: str) -> None:
    """Disconnect as another program."""
    client = HttpClient(zuora, zuora.entities[0])
    assert client.change("disconnect", connection_id).json["success"] is True
    client.connection.close()


@pytest.mark.parametrize("reply", ["y\n", "YES\n", "y"])
def test_connect_after_a_yes(tool: Tool, zuora: ZuoraEmulator, reply: str) -> None:
    result = tool("connect", *PAIR, answer=reply)
    assert result.status == 0
    assert statuses(zuora, *zuora.entities[:2]) == ["Connected"]
    assert result.out == f"Acme Corporation -> Acme-Americas: Connected (connection {zuora.connections[0].id})\n"
    assert "Acme-Americas  -    initiate, accept" in result.err
    assert "Connect 1 pair? [y/N] " in result.err
    assert "accepted as the target" in result.err


@pytest.mark.parametrize("reply", ["", "n\n", "\n", "yesterday\n", "\0\n"])
@pytest.mark.parametrize("command", ["connect", "disconnect", "apply"])
def test_anything_but_yes_changes_nothing(tool: Tool, zuora: ZuoraEmulator, command: str, reply: str) -> None:
    """The end of standard input means no, too."""
    root, americas, *_ = zuora.entities
    if command == "disconnect":
        zuora.add_connection(root, americas)
    arguments = {"connect": PAIR, "disconnect": (*PAIR, "--break-sharing"), "apply": ("pairs.csv",)}[command]
    tool.write("pairs.csv", PAIRS)
    result = tool(command, *arguments, answer=reply)
    assert (result.status, result.out) == (1, "")
    assert "Declined: nothing was changed." in result.err
    assert written(zuora) == []
    assert tool(command, *arguments, "--json", answer=reply).document == {"declined": True}


def test_connect_by_id_without_a_question(tool: Tool, zuora: ZuoraEmulator) -> None:
    root, americas, *_ = zuora.entities
    result = tool("connect", root.uuid, americas.id, "--yes", "--json")
    assert result.status == 0
    assert "[y/N]" not in result.err
    assert result.document == {
        "source_entity_id": root.id,
        "source_name": root.name,
        "target_entity_id": americas.id,
        "target_name": americas.name,
        "connection_id": zuora.connections[0].id,
        "status": "Connected",
        "changed": True,
        "surplus": [],
    }


def test_connected_pair_is_left_alone(tool: Tool, zuora: ZuoraEmulator) -> None:
    """Without anything to do there is no question, and the status is 0."""
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    result = tool("connect", *PAIR)
    assert (result.status, result.err) == (0, "")
    assert result.out.endswith("), nothing to do\n")
    assert tool("connect", *PAIR, "--json").document["changed"] is False
    assert written(zuora) == []


def test_surplus_connections_are_named(tool: Tool, zuora: ZuoraEmulator) -> None:
    """A pair has a pending request and another one: the one that is not used is named."""
    rows = [zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending") for _ in range(2)]
    result = tool("connect", *PAIR, "--yes", "--json")
    assert result.status == 0
    (surplus,) = result.document["surplus"]
    assert {surplus, result.document["connection_id"]} == {row.id for row in rows}
    assert f"more connections that are Connected or Pending: {surplus}" in result.err


def test_refused_write_is_status_1(tool: Tool, zuora: ZuoraEmulator) -> None:
    zuora.fail_next(faults.refusal(50000010, "No API Write Access."), method="POST")
    result = tool("connect", *PAIR, "--yes", "--json")
    assert result.status == 1
    assert "No API Write Access." in result.err
    assert result.document["error"]["error"] == "PermissionDeniedError"
    assert result.document["error"]["outcome"] == "answered"


def test_unknown_write_is_status_3(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The accept gets no response, and the list does not show it."""
    zuora.fail_next(faults.reset_before_commit(), method="PUT")
    result = tool("connect", *PAIR, "--yes", "--json")
    assert result.status == 3
    assert result.document["error"]["error"] == "OutcomeUnknownError"
    assert "may or may not" in result.err
    assert "Running it again is safe" in result.err
    assert "before you try again" not in result.err


def test_disconnect_explains_and_asks(tool: Tool, zuora: ZuoraEmulator) -> None:
    root, americas, *_ = zuora.entities
    zuora.add_connection(root, americas)
    result = tool("disconnect", *PAIR, "--break-sharing", answer="y\n")
    assert result.status == 0
    assert statuses(zuora, root, americas) == ["Disconnected"]
    explanation, question = "only Acme-Americas controls them", "Disconnect Acme Corporation from Acme-Americas? [y/N]"
    assert 0 < result.err.index("permanently lost") < result.err.index(explanation) < result.err.index(question)
    assert result.out.startswith("Acme Corporation -> Acme-Americas: Disconnected")


def test_disconnect_denies_a_pending_request(tool: Tool, zuora: ZuoraEmulator) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    result = tool("disconnect", *PAIR, "--break-sharing", "--yes")
    assert result.status == 0
    assert "The request is denied as Acme-Americas." in result.err
    assert written(zuora) == ["deny"]


def test_disconnect_needs_the_option(tool: Tool, zuora: ZuoraEmulator) -> None:
    """Without --break-sharing nothing is sent, and an abbreviation does not count."""
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    for option in ("--yes", "--break"):
        result = tool("disconnect", *PAIR, option)
        assert (result.status, result.out) == (2, "")
    assert "--break-sharing" in tool("disconnect", *PAIR).err
    assert "permanently lost" in tool("disconnect", *PAIR).err
    assert zuora.requests == []


def test_disconnect_of_unconnected_pair(tool: Tool, zuora: ZuoraEmulator) -> None:
    result = tool("disconnect", *PAIR, "--break-sharing")
    assert (result.status, result.out) == (0, "Acme Corporation -> Acme-Americas: no connection, nothing to do\n")
    assert written(zuora) == []


def test_disconnect_names_the_other_direction(tool: Tool, zuora: ZuoraEmulator) -> None:
    root, americas, *_ = zuora.entities
    zuora.add_connection(americas, root)
    result = tool("disconnect", *PAIR, "--break-sharing")
    assert result.err == "The other direction is Connected: Acme-Americas -> Acme Corporation\n"
    assert result.out.endswith("no connection, nothing to do\n")


def test_apply_connects_what_is_missing(tool: Tool, zuora: ZuoraEmulator) -> None:
    root, americas, europe, _ = zuora.entities
    zuora.add_connection(root, americas)
    tool.write("pairs.csv", PAIRS)
    first = tool("apply", "pairs.csv", answer="y\n")
    assert (first.status, first.out) == (0, "2 of 2 pairs connected, 1 of them now.\n")
    # Without a terminal, each write is a line of the log.
    assert first.err.count("requested as the source") == first.err.count("accepted as the target") == 1
    assert "the list shows" not in first.err
    second = tool("apply", "pairs.csv")
    assert (second.status, second.out) == (0, "2 of 2 pairs connected, 0 of them now.\n")
    assert "[y/N]" not in second.err
    assert statuses(zuora, root, europe) == ["Connected"]


def test_apply_as_json(tool: Tool, zuora: ZuoraEmulator) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    result = tool("apply", tool.write("pairs.csv", PAIRS), "--yes", "--json", "--workers", "1")
    assert result.status == 0
    pairs = result.document["pairs"]
    assert [(pair["result"], pair["status"], pair["changed"]) for pair in pairs] == [
        ("connected", "Connected", False),
        ("connected", "Connected", True),
    ]
    assert (result.document["connected"], result.document["changed"]) == (2, 1)


def test_incomplete_apply_names_the_pair(tool: Tool, zuora: ZuoraEmulator) -> None:
    """One pair is refused, the other is connected: status 1, and the document says which."""
    zuora.fail_next(faults.refusal(50000030, "Not this pair."), method="POST")
    result = tool("apply", tool.write("pairs.csv", PAIRS), "--yes", "--json", "--workers", "1")
    assert result.status == 1
    failed, connected = result.document["pairs"]
    assert (failed["result"], failed["target_name"]) == ("failed", "Acme-Americas")
    assert str(failed["error"]["reasons"][0]["code"]) == "50000030"
    assert (connected["result"], connected["target_name"]) == ("connected", "Acme-Europe")
    assert "Not this pair." in result.err
    assert "Acme-Americas" in result.err


def test_unknown_outcome_beats_a_refusal(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The first pair is refused, the accept of the second gets no response: status 3."""
    zuora.fail_next(faults.refusal(50000030, "Not this pair."), method="POST")
    zuora.fail_next(faults.reset_before_commit(), method="PUT")
    result = tool("apply", tool.write("pairs.csv", PAIRS), "--yes", "--workers", "1")
    assert (result.status, result.out) == (3, "0 of 2 pairs connected, 0 of them now.\n")
    assert "2 of 2 pairs were not connected, or it is unknown whether they were" in result.err
    assert "Apply the plan again, which is safe" in result.err
    assert "Fix the failures whose outcome is known first." in result.err


def test_untried_pairs_are_reported(tool: Tool, zuora: ZuoraEmulator) -> None:
    """A failure that concerns every pair ends the run."""
    zuora.fail_next(faults.refusal(90000011, "Token revoked.", status=401), method="POST", times=9)
    result = tool("apply", tool.write("pairs.csv", PAIRS), "--yes", "--json", "--workers", "1")
    assert result.status == 1
    assert [pair["result"] for pair in result.document["pairs"]] == ["failed", "not tried"]


def test_changes_since_the_question_are_shown(tool: Tool, zuora: ZuoraEmulator) -> None:
    """Another program connects a pair while the question waits: the rest is done without another question."""
    root, americas, europe, _ = zuora.entities
    tool.write("pairs.csv", PAIRS)
    with tool.start("apply", "pairs.csv") as process:
        read_until(process, "Connect 2 pairs? [y/N] ")
        zuora.add_connection(root, americas)
        respond(process, "y\n")
        out, err = process.communicate(timeout=120)
    assert "Changed meanwhile: Acme Corporation -> Acme-Americas: was not connected, is Connected\n" in err
    assert (process.returncode, out) == (0, "2 of 2 pairs connected, 1 of them now.\n")
    assert statuses(zuora, root, americas) == statuses(zuora, root, europe) == ["Connected"]


def test_more_to_do_is_another_question(tool: Tool, zuora: ZuoraEmulator) -> None:
    """A pair that was shown as connected is disconnected while the question waits: a yes does not cover it."""
    root, americas, *_ = zuora.entities
    connection = zuora.add_connection(root, americas)
    tool.write("pairs.csv", PAIRS)
    with tool.start("apply", "pairs.csv") as process:
        read_until(process, "Connect 1 pair? [y/N] ")
        disconnect(zuora, connection.id)
        before = len(written(zuora))
        respond(process, "y\n")
        shown = read_until(process, "Connect 2 pairs? [y/N] ")
        out, err = process.communicate(timeout=120)
    assert "Acme-Americas: was Connected, is not connected" in shown
    assert "Declined" in err
    assert (process.returncode, out) == (1, "")
    assert len(written(zuora)) == before
    assert "initiate" not in sent(zuora)
