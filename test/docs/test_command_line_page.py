"""The commands of docs/command-line.md run in order, and print what the page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import pages
from support.command import COMMAND, Tool

from zuora_client.emulator import ZuoraEmulator

PAGE = pages.ROOT / "docs" / "command-line.md"
VARYING = re.compile(
    r"8a8082[0-9a-f]{26}|127\.0\.0\.1:\d+|\d+ of \d+ requests|(?<=connections )[\d.]+(?=, Python)|(?<=Python )[\w.]+"
    r"|(?<=urllib3 )[\w.]+, \w+"
)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    found = pages.blocks(PAGE, "sh", "text")
    commands = [block for block in found if block.language == "sh"]
    with ZuoraEmulator() as zuora:
        tool = Tool(zuora, tmp_path)
        program = tmp_path / "zuora-connections"
        program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        environ = {**tool.environ, "PATH": f"{tmp_path}:{tool.environ['PATH']}"}
        for block, shown in zip(found, [*found[1:], None], strict=True):
            if block.language != "sh":
                continue
            command = ["sh", "-e", "-c", block.text]
            result = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
            assert result.returncode == 0, result.stderr
            if shown is not None and shown.language == "text":
                assert VARYING.sub("...", result.stdout) == VARYING.sub("...", shown.text)
    assert len(commands) >= 8
