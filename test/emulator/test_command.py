"""`python -m zuora_client.emulator`."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

import zuora_client
from zuora_client.emulator import ZuoraEmulator, faults

COMMAND = [sys.executable, "-W", "error", "-m", "zuora_client.emulator"]
ENTITIES = "/v1/entities"


class Command:
    """A running command, whose greeting was read."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.lines: list[str] = []
        while not self.lines or self.lines[-1] != "# Press Ctrl-C to stop.":
            line = process.stdout.readline()
            assert line, "the command ended early"
            self.lines.append(line.rstrip("\n"))
        self.variables = read_exports("\n".join(self.lines))
        self.address = ("127.0.0.1", urlsplit(self.variables["ZUORA_HOST"]).port)
        self.connection = HTTPConnection(*self.address, timeout=60)

    def call(self, method: str, path: str, body: str | None = None, **headers: str) -> int:
        """Send a request; return the status."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, fields)
        response = self.connection.getresponse()
        self.body = response.read()
        return response.status

    def fetch_token(self) -> int:
        form = {
            "client_id": self.variables["ZUORA_CLIENT_ID"],
            "client_secret": self.variables["ZUORA_CLIENT_SECRET"],
            "grant_type": "client_credentials",
        }
        return self.call("POST", "/oauth/token", urlencode(form), Content_Type="application/x-www-form-urlencoded")

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> str:
        """Stop the command, which must end cleanly; return the rest of its output."""
        self.connection.close()
        self.process.send_signal(signum)
        output, errors = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors) == (0, "")
        return output


@contextmanager
def command(*arguments: str) -> Iterator[Command]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            running = Command(process)
            with closing(running.connection):
                yield running
        finally:
            process.kill()


def read_exports(text: str) -> dict[str, str]:
    """Run the text in a POSIX shell; return the variables that it exported."""
    program = f"{text}\nexec \"$0\" -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    result = subprocess.run(
        ["sh", "-c", program, sys.executable], capture_output=True, text=True, timeout=60, env={}, check=True
    )
    assert result.stderr == ""
    variables: dict[str, str] = json.loads(result.stdout)
    return {name: value for name, value in variables.items() if name.startswith("ZUORA_")}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_command_serves_until_signal(signum: signal.Signals) -> None:
    """The command prints URL, credentials and entities, serves, and exits cleanly on a signal."""
    with command("--entities", "2") as running:
        assert set(running.variables) == {"ZUORA_HOST", "ZUORA_CLIENT_ID", "ZUORA_CLIENT_SECRET"}
        assert [line for line in running.lines if line.startswith("# entity")] == [
            "# entity 8a808255557baba1015580e12fa5083a Acme Corporation",
            "# entity 8a80825555a3c7a10155b460f53858e6 Acme-Americas",
        ]
        assert running.fetch_token() == 200
        assert running.stop(signum) == ""


@pytest.mark.parametrize("secret", ['it\'s $HOME `id` "x" \\', "plain", "+/=&% #!"])
def test_fixed_credentials_paste_safely(secret: str) -> None:
    """Whatever the secret contains, the printed lines set it in a POSIX shell."""
    client_id = "12345678-1234-1234-1234-123456789012"
    with command("--client-id", client_id, "--client-secret", secret) as running:
        assert running.variables["ZUORA_CLIENT_ID"] == client_id
        assert running.variables["ZUORA_CLIENT_SECRET"] == secret
        assert running.fetch_token() == 200
        running.stop()


def test_names_of_entities() -> None:
    with command("--entity", "Head Office", "--entity", "Branch") as running:
        lines = [line for line in running.lines if line.startswith("# entity")]
        assert [re.sub(r" [0-9a-f]{32} ", " ", line) for line in lines] == ["# entity Head Office", "# entity Branch"]
        running.stop()


def test_faults_and_request_log() -> None:
    """Each request is a line of the log. The order of two connections is not determined."""
    with command(
        "--fault",
        "token_limit:limit=1",
        "--fault",
        "html_error:status=503,path=/v1/entities,nth=2",
        "--request-log",
        "-",
    ) as running:
        assert [running.fetch_token() for _ in range(2)] == [200, 429]
        assert [running.call("GET", ENTITIES) for _ in range(2)] == [401, 503]
        with socket.create_connection(running.address, timeout=60) as sock:
            sock.sendall(b"GET /v1/\x1b[31m\\ HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert b" 404 " in sock.makefile("rb").readline()
        expected = [
            "POST /oauth/token 200 -",
            "POST /oauth/token - - token_limit",
            "GET /v1/entities 401 -",
            "GET /v1/entities - - html_error",
            "GET /v1/\\x1b[31m\\\\ 404 -",
        ]
        assert sorted(running.stop().splitlines()) == sorted(expected)


def test_request_log_file(tmp_path: Path) -> None:
    """The log is appended to; a request that runs in an entity is logged with it."""
    path = tmp_path / "requests.log"
    path.write_text("before\n", encoding="utf-8")
    with command("--entities", "1", "--request-log", str(path)) as running:
        assert running.fetch_token() == 200
        token = re.search(rb'"access_token":"(\w+)"', running.body)
        assert token is not None
        assert running.call("GET", "/v1/entity-connections?page=1", Authorization=f"Bearer {token[1].decode()}") == 200
        running.stop()
    assert path.read_text(encoding="utf-8").splitlines() == [
        "before",
        "POST /oauth/token 200 -",
        "GET /v1/entity-connections 200 8a808255557baba1015580e12fa5083a",
    ]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="requires a device that is always full")
def test_failed_request_log_ends_the_command() -> None:
    with command("--request-log", "/dev/full") as running:
        running.call("GET", ENTITIES)
        _, errors = running.process.communicate(timeout=60)
        assert running.process.returncode == 1
        assert errors.startswith("the request log cannot be written: ")
        assert "Traceback" not in errors


def test_seed_repeats_the_draws() -> None:
    """With a seed, the same requests fail in every run; two faults draw different numbers."""

    def statuses(*arguments: str) -> list[int]:
        with command(*arguments) as running:
            found = [running.call("GET", ENTITIES) for _ in range(60)]
            running.stop()
            return found

    both = ("--fault", "html_error:probability=0.5", "--fault", "answer:status=500,probability=0.5")
    first = statuses(*both, "--seed", "7")
    assert first == statuses(*both, "--seed", "7")
    assert set(first) == {401, 500, 502}
    assert first != statuses(*both, "--seed", "8")


def test_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"{zuora_client.__version__}\n")


def test_help_lists_every_fault() -> None:
    """The help names every fault and its arguments, except the two whose arguments cannot be written as text."""
    text = run("--help").stdout
    names = {name for name in faults.__all__ if re.search(rf"^  {name}\b", text, re.MULTILINE)}
    assert names == set(faults.__all__) - {"Fault", "extra_bytes", "rewrite_body"}
    assert "  token_limit limit=100, window=60, hint=true\n" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "0-65535"),
        (["--port", "x"], "--port"),
        (["--entities", "0"], "1 to 512"),
        (["--entity", "under_score"], "under_score"),
        (["--entity", "A", "--entities", "3"], "not allowed with"),
        (["--client-id", "c" * 36], "--client-id and --client-secret must be given together"),
        (["--client-id", "short", "--client-secret", "s"], "client_id must have 36 characters, not 5"),
        (["--client-id", "c" * 36, "--client-secret", ""], "client_secret must have 1 to 42 characters, not 0"),
        (["--fault", "explode"], "--fault explode: there is no fault 'explode'; the faults are answer, "),
        (["--fault", "delay"], "--fault delay: "),
        (["--fault", "delay:seconds"], "--fault delay:seconds: expected KEY=VALUE, not 'seconds'"),
        (["--fault", "delay:seconds=x"], "--fault delay:seconds=x: seconds must be a number, not str"),
        (["--fault", "silence:often=1"], "often"),
        (["--fault", "silence:probability=2"], "probability must be at most 1, not 2"),
        (["--fault", "rewrite_body:rewrite=1"], "there is no fault 'rewrite_body'"),
        (["--seed", "x"], "--seed"),
        (["--request-log", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_invalid_options_are_usage_errors(arguments: list[str], message: str) -> None:
    """An invalid option prints an error without a traceback."""
    result = run(*arguments)
    assert result.returncode == 2
    assert "error:" in result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_port_in_use_is_a_usage_error(zuora: ZuoraEmulator) -> None:
    result = run("--port", zuora.url.rpartition(":")[2])
    assert result.returncode == 2
    assert "error:" in result.stderr
    assert "Traceback" not in result.stderr
