"""Runs the command-line tool as a process of its own, with settings for an emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from zuora_client.emulator import ZuoraEmulator

COMMAND = [sys.executable, "-W", "error", "-m", "zuora_client"]
_SECONDS = 120
_NOT_INHERITED = ("ZUORA_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


class Result(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The only thing on standard output, as JSON."""
        return json.loads(self.out)


class Tool:
    """The tool in a folder of its own.

    Attributes:
        environ: the variables of its processes: the settings of the emulator, without those of the test run.
    """

    def __init__(self, zuora: ZuoraEmulator, folder: Path) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(_NOT_INHERITED)}
        self.environ = {**inherited, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200", **zuora.environ}

    def __call__(self, *arguments: str, answer: str | None = "", **variables: str | None) -> Result:
        """Run a command to its end. `answer` is its standard input; a variable that is None is unset."""
        process = subprocess.run(
            [*COMMAND, *arguments],
            input=answer or "",
            capture_output=True,
            cwd=self.folder,
            env=self.environ_with(**variables),
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )
        if "--debug" not in arguments:
            assert "Traceback" not in process.stderr
        assert "Exception ignored" not in process.stderr
        return Result(process.returncode, process.stdout, process.stderr)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command with pipes."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environ,
            encoding="utf-8",
            **options,
        )

    def environ_with(self, **variables: str | None) -> dict[str, str]:
        """Return the variables with changes."""
        changed = {**self.environ, **variables}
        return {name: value for name, value in changed.items() if value is not None}

    def write(self, name: str, content: str | bytes) -> str:
        """Write a file into the folder; return its name."""
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)
        return name
