"""Pipes that close, disks that are full, terminals of other encodings, and `--debug`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import COMMAND, Tool
from support.watching import statuses

from zuora_client.emulator import ZuoraEmulator, faults

PAIR = ("Acme Corporation", "Acme-Americas")

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


def shell(tool: Tool, command: str) -> tuple[int, str, str]:
    """Run a command line in which `$zc` is the tool; return status and both outputs."""
    result = subprocess.run(
        ["sh", "-c", command],
        env={**tool.environ, "zc": shlex.join(COMMAND)},
        cwd=tool.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return result.returncode, result.stdout, result.stderr


@posix
@pytest.mark.parametrize("arguments", ["--help", "entities", "entities --json", "doctor"])
def test_closed_pipe_ends_quietly(tool: Tool, arguments: str) -> None:
    """The reader is gone before the first byte. The status is that of the work."""
    status = "{ sleep 0.5; $zc " + arguments + "; echo $? >&3; } | true; cat"
    code, out, err = shell(tool, f"exec 3>status; {status} status")
    assert (code, out, err) == (0, "0\n", "")


@posix
def test_closed_pipe_does_not_end_the_work(tool: Tool, zuora: ZuoraEmulator) -> None:
    """Both outputs are closed: the pair is connected all the same."""
    tool.write("pairs.csv", "source,target\nAcme Corporation,Acme-Americas\n")
    code, out, err = shell(tool, "{ $zc apply pairs.csv --yes 2>&1; echo $? >status; } | true; cat status")
    assert (code, out, err) == (0, "0\n", "")
    assert statuses(zuora, *zuora.entities[:2]) == ["Connected"]


@posix
def test_closed_streams(tool: Tool, zuora: ZuoraEmulator) -> None:
    """Without any standard stream nothing is asked, because nobody can answer."""
    assert shell(tool, "$zc connect 'Acme Corporation' Acme-Americas <&- >&- 2>&-")[0] == 1
    assert zuora.connections == []
    assert shell(tool, "$zc connect 'Acme Corporation' Acme-Americas --yes <&- >&- 2>&-")[0] == 0
    assert statuses(zuora, *zuora.entities[:2]) == ["Connected"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="requires a device that is always full")
def test_full_disk_is_an_error(tool: Tool) -> None:
    code, _, err = shell(tool, "$zc entities >/dev/full")
    assert code == 1
    assert err.startswith("zuora-connections entities: error: standard output cannot be written: ")


def test_output_in_ascii(tool: Tool) -> None:
    """Characters that the encoding lacks are replaced in a table, and escaped in JSON."""
    tool.write("pairs.csv", "source,target\nMünchen,Zürich\n")
    table = tool("plan", "pairs.csv", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert table.status == 2
    assert "'M?nchen'" in table.err


def test_results_and_remarks_are_apart(tool: Tool) -> None:
    """Standard output gets the result alone, so that it can be redirected."""
    result = tool("connect", *PAIR, answer="y\n")
    assert result.out.count("\n") == 1
    assert result.err.count("[y/N]") == 1


@pytest.mark.parametrize(("path", "subject"), [("/oauth/token", "token requests"), ("/v1/*", "requests")])
def test_long_wait_is_announced(tool: Tool, zuora: ZuoraEmulator, path: str, subject: str) -> None:
    zuora.fail_next(faults.too_many_requests(retry_after=60), path=path)
    process = tool.start("entities")
    try:
        assert process.stderr is not None
        assert re.fullmatch(rf"Zuora throttles {subject}: waiting \d+ s\n", process.stderr.readline())
    finally:
        process.kill()
        process.communicate()


def test_debug_shows_attempts_and_traceback(tool: Tool, zuora: ZuoraEmulator) -> None:
    """The log and the traceback contain no secret."""
    zuora.fail_next(faults.html_error(404), path="/v1/entities")
    result = tool("entities", "--debug")
    assert result.status == 1
    assert "DEBUG" in result.err
    assert "Traceback (most recent call last):" in result.err
    assert zuora.client_secret not in result.err


def test_unexpected_error_is_one_line(tool: Tool, tmp_path: Path) -> None:
    """A defect shows where only with --debug."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text("import zuora_client\nzuora_client.Hierarchy.__str__ = lambda self: 1 / 0\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = tool("entities", PYTHONPATH=path)
    assert (result.status, result.out) == (1, "")
    assert result.err.splitlines() == [
        "zuora-connections entities: unexpected error: ZeroDivisionError: division by zero (--debug shows where)"
    ]
    assert "ZeroDivisionError" in tool("entities", "--debug", PYTHONPATH=path).err
