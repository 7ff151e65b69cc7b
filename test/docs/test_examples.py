"""The examples run unchanged, and the pages print what their programs print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ScriptedServer, respond_json

PAGES = ("README.md", "docs/guide.md", "docs/quickstart.md")
ROOT = Path(__file__).resolve().parents[2]
CLEAN_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ZUORA_")}


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / script), *arguments],
        env={**CLEAN_ENVIRONMENT, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    return run("demo.py")


def test_demo_connects_and_disconnects(demo: subprocess.CompletedProcess[str]) -> None:
    assert (demo.returncode, demo.stderr) == (0, "")
    rows = re.findall(
        r"^Acme[\w -]+\((outbound|inbound)\) .* (Pending|Connected|Disconnected) +\w{32}$", demo.stdout, re.M
    )
    assert rows == [
        (side, status) for status in ("Pending", "Connected", "Disconnected") for side in ("outbound", "inbound")
    ]


def test_demo_shows_an_error(demo: subprocess.CompletedProcess[str]) -> None:
    assert "\n    (200) Acceptance of connection " in demo.stdout
    assert "\n    Reason: Cannot accept the connection: it is Connected, not Pending.\n" in demo.stdout
    assert "refused, nothing was done" in demo.stdout
    assert "outcome='answered', category=30" in demo.stdout
    assert "Nothing to do." in demo.stdout
    assert "2 of 3 pairs would change." in demo.stdout
    assert "permanently lost" in demo.stdout


def test_demo_shows_the_command_line(demo: subprocess.CompletedProcess[str]) -> None:
    """The demo runs commands, shows them as they are typed, and prints their output."""
    commands = re.findall(r"^\$ (zuora-connections \w+)", demo.stdout, re.M)
    assert commands == [f"zuora-connections {name}" for name in ("doctor", "list", "connect")]
    assert "\nCalls work.\n" in demo.stdout
    assert "accepted as the target" in demo.stdout


def test_demo_ignores_the_environment(demo: subprocess.CompletedProcess[str]) -> None:
    """A server records any request that follows a ZUORA_* or proxy variable."""
    with ScriptedServer(respond_json({"success": True, "entities": []})) as decoy:
        result = run(
            "demo.py",
            ZUORA_HOST=decoy.url,
            ZUORA_CLIENT_ID="real",
            ZUORA_CLIENT_SECRET="real",
            ZUORA_ACCESS_TOKEN="real",
            ZUORA_ENTITY_ID="real",
            HTTP_PROXY=decoy.url,
            http_proxy=decoy.url,
            ALL_PROXY=decoy.url,
        )
        assert decoy.requests == []
    varying = r"127\.0\.0\.1:\d+|request id [\w-]+|process id \w+"
    assert re.sub(varying, "", result.stdout) == re.sub(varying, "", demo.stdout)


@pytest.mark.parametrize("page", PAGES)
def test_printed_output(page: str) -> None:
    """Each ```text block contains what the programs of the page print, except for ids."""
    script = ROOT / "test" / "support" / "run_page.py"
    result = run(str(script), str(ROOT / page))
    assert (result.returncode, result.stderr) == (0, "")
    printed = without_ids(result.stdout)
    blocks = re.findall(r"^```text\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    for block in blocks:
        assert without_ids(block) in printed, block


def without_ids(text: str) -> str:
    ids = (
        r"\b8a80(?:[0-9a-f]{28}|\.\.\.)",
        r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        r"\b[0-9A-F]{16}\b",
        r"127\.0\.0\.1:\d+",
    )
    return re.sub("|".join(ids), "ID", re.sub(r"[ \t]+$", "", text, flags=re.M))
