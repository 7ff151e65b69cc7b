"""The fixture, in a test suite of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import http.client

seen = []

def test_first(zuora_emulator):
    seen.append(zuora_emulator)
    connection = http.client.HTTPConnection(zuora_emulator.url.partition("//")[2])
    connection.request("GET", "/v1/entities", headers={"Authorization": "Bearer " + zuora_emulator.issue_token()})
    assert connection.getresponse().status == 200
    connection.close()

def test_second(zuora_emulator):
    assert zuora_emulator is not seen[0]
    assert zuora_emulator.requests == []
    connection = http.client.HTTPConnection(seen[0].url.partition("//")[2])
    try:
        connection.request("GET", "/")
    except ConnectionRefusedError:
        return
    raise AssertionError("the emulator of the first test is still running")
"""


def test_each_test_has_own_emulator(tmp_path: Path) -> None:
    """Each test gets its own emulator, which is stopped after it."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["zuora_client.emulator.pytest_plugin"]\n')
    (tmp_path / "test_mine.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "-W", "error", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 passed" in result.stdout, result.stdout + result.stderr
