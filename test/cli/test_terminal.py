"""The tool on a real pseudo-terminal, as a person uses it."""

from __future__ import annotations

import sys

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pexpect
from support.command import COMMAND, Tool
from support.threads import wait_until
from support.watching import sent, statuses, written

from zuora_client.emulator import ZuoraEmulator, faults

if TYPE_CHECKING:
    from typing import TypeAlias

    Terminal: TypeAlias = "pexpect.spawn[str]"

# The child of the fork executes the tool at once.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of forkpty")

CONNECT = ("connect", "Acme Corporation", "Acme-Americas")
PAIRS = "source,target\nAcme Corporation,Acme-Americas\nAcme Corporation,Acme-Europe\n"


@contextmanager
def terminal(tool: Tool, *arguments: str) -> Iterator[Terminal]:
    """Start a command on a terminal of 100 columns."""
    child: Terminal = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], *arguments],
        cwd=str(tool.folder),
        env=tool.environ_with(COLUMNS=None, TERM="xterm"),
        dimensions=(40, 100),
        encoding="utf-8",
        timeout=120,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def end(child: Terminal) -> tuple[int, str]:
    """Wait for the end of a command; return its status and the rest of its output."""
    child.expect(pexpect.EOF)
    rest = child.before or ""
    child.close()
    assert "Traceback" not in rest
    return child.exitstatus or 0, rest


def test_question_and_yes(tool: Tool, zuora: ZuoraEmulator) -> None:
    with terminal(tool, *CONNECT) as child:
        child.expect_exact("Connect 1 pair? [y/N] ")
        child.sendline("y")
        status, rest = end(child)
    assert status == 0
    assert "accepted as the target" in rest
    assert rest.rstrip().endswith(
        f"Acme Corporation -> Acme-Americas: Connected (connection {zuora.connections[0].id})"
    )
    assert statuses(zuora, *zuora.entities[:2]) == ["Connected"]


@pytest.mark.parametrize("key", ["n\n", "\n", "\x04"], ids=["n", "enter", "end-of-file"])
def test_question_and_no(tool: Tool, zuora: ZuoraEmulator, key: str) -> None:
    with terminal(tool, *CONNECT) as child:
        child.expect_exact("[y/N] ")
        child.send(key)
        status, rest = end(child)
    assert status == 1
    # The answer, or the end of input, leaves the cursor at the start of a line.
    assert rest.replace("\x04", "").replace("^D\b\b", "").lstrip("n") == "\r\nDeclined: nothing was changed.\r\n"
    assert written(zuora) == []


def test_ctrl_c_at_the_question(tool: Tool, zuora: ZuoraEmulator) -> None:
    with terminal(tool, *CONNECT) as child:
        child.expect_exact("[y/N] ")
        child.sendintr()
        status, rest = end(child)
    assert status == 130
    assert "Interrupted. Nothing was changed." in rest
    assert written(zuora) == []


def test_ctrl_c_while_zuora_works(tool: Tool, zuora: ZuoraEmulator) -> None:
    """Ctrl-C ends an apply that waits for a response."""
    zuora.fail_next(faults.silence(), method="POST", times=9)
    tool.write("pairs.csv", PAIRS)
    with terminal(tool, "apply", "pairs.csv", "--yes") as child:
        child.expect_exact("2 of 2 pairs would change.")
        wait_until(lambda: "initiate" in sent(zuora))
        child.sendintr()
        status, rest = end(child)
    assert status == 130
    assert "Interrupted. Writes may have been done: look with `zuora-connections plan pairs.csv`" in rest


def test_ctrl_c_while_zuora_accepts(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The write is announced before it is sent, and Ctrl-C names the pair."""
    zuora.fail_next(faults.silence(), method="PUT")
    with terminal(tool, *CONNECT, "--yes") as child:
        child.expect_exact("accepting as Acme-Americas, waiting for Zuora up to 130 s")
        wait_until(lambda: "accept" in sent(zuora))
        child.sendintr()
        status, rest = end(child)
    assert status == 130
    assert "Interrupted. Acme Corporation -> Acme-Americas may have been changed: look with" in rest
    assert "zuora-connections list 'Acme Corporation'" in rest


def test_progress_is_one_line(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The line is redrawn, and ended before the result."""
    tool.write("pairs.csv", PAIRS)
    with terminal(tool, "apply", "pairs.csv", "--yes") as child:
        status, output = end(child)
    assert status == 0
    assert "\r[####################] 2 of 2 pairs" in output
    assert output.endswith("\r\n2 of 2 pairs connected, 2 of them now.\r\n")


def test_disconnect_asks_after_the_explanation(tool: Tool, zuora: ZuoraEmulator) -> None:
    zuora.add_connection(zuora.entities[0], zuora.entities[1])
    with terminal(tool, "disconnect", "Acme Corporation", "Acme-Americas", "--break-sharing") as child:
        child.expect_exact("permanently lost")
        child.expect_exact("Disconnect Acme Corporation from Acme-Americas? [y/N] ")
        child.sendline("yes")
        status, _ = end(child)
    assert status == 0
    assert statuses(zuora, *zuora.entities[:2]) == ["Disconnected"]


def test_json_on_a_terminal(tool: Tool) -> None:
    with terminal(tool, "entities", "--json") as child:
        status, output = end(child)
    assert status == 0
    assert output.startswith("{\r\n")
    assert output.endswith("}\r\n")
