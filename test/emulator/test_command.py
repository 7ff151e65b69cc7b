"""`python -m zuora_client.emulator`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from zuora_client.emulator import ZuoraEmulator


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_command_serves_until_signal(signum: signal.Signals) -> None:
    """The command prints URL and credentials, serves, and exits cleanly on a signal."""
    command = [sys.executable, "-W", "error", "-m", "zuora_client.emulator", "--entities", "2"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().rstrip("\n") for _ in range(5)]
            values = dict(re.split(r"\s{2,}", line) for line in lines)
            assert list(values) == [
                "URL",
                "Client id",
                "Client secret",
                "Entity Acme Corporation",
                "Entity Acme-Americas",
            ]
            assert len({line.index(value) for line, value in zip(lines, values.values(), strict=True)}) == 1, (
                "the values are aligned"
            )
            assert values["Entity Acme Corporation"] == "8a808255557baba1015580e12fa5083a"
            assert fetch_token(values) == 200
            process.send_signal(signum)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert errors == ""


def fetch_token(values: dict[str, str]) -> int:
    connection = HTTPConnection(urlsplit(values["URL"]).netloc, timeout=60)
    form = {
        "client_id": values["Client id"],
        "client_secret": values["Client secret"],
        "grant_type": "client_credentials",
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/oauth/token", urlencode(form), headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_invalid_options_are_usage_errors(zuora: ZuoraEmulator) -> None:
    """A port in use, an invalid port and an invalid number of entities print an error without a traceback."""
    port = zuora.url.rpartition(":")[2]
    for arguments in (["--port", port], ["--port", "99999"], ["--entities", "0"]):
        command = [sys.executable, "-m", "zuora_client.emulator", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 2
        assert "error:" in result.stderr
        assert "Traceback" not in result.stderr
