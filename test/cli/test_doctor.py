"""`doctor` finds what is wrong, says what to do, and shows no secret."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from support import ScriptedServer, respond_json
from support.authority import Authority
from support.command import Result, Tool
from support.watching import written

from zuora_client.emulator import Fault, ZuoraEmulator, faults

ORDER = (
    *("versions", "settings", "host", "proxy", "DNS", "connection", "TLS", "Zuora", "clock"),
    *("token", "entities", "connections", "writes", "limits"),
)


class Report:
    """What `doctor` printed: result and text of each check."""

    def __init__(self, result: Result) -> None:
        self.status = result.status
        self.checks = {}
        for line in result.out.splitlines()[:-1]:
            finding, name, text = line.split(maxsplit=2)
            self.checks[name] = (finding, text)
        self.last = result.out.splitlines()[-1]

    def failure(self) -> tuple[str, str]:
        """Name and text of the failed check, which is the last one."""
        name, (finding, text) = list(self.checks.items())[-1]
        assert finding == "failed"
        assert self.status in (1, 2)
        assert self.last.startswith("Calls fail.")
        return name, text

    def warnings(self) -> list[str]:
        return [name for name, (finding, _) in self.checks.items() if finding == "warning"]


@pytest.fixture
def examine(tool: Tool, zuora: ZuoraEmulator) -> Any:
    """Run `doctor` with changed variables. Its output contains no secret, and is the same as data."""

    def run(**variables: str | None) -> Report:
        result = tool("doctor", **variables)
        assert result.err == ""
        environ = tool.environ_with(**variables)
        for secret in (environ.get("ZUORA_CLIENT_SECRET"), environ.get("ZUORA_ACCESS_TOKEN"), "pass-word"):
            assert not secret or secret not in result.out
        assert written(zuora) == []
        return Report(result)

    return run


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_everything_works(examine: Any, zuora: ZuoraEmulator) -> None:
    report = examine()
    assert tuple(report.checks) == ORDER
    assert (report.status, report.last) == (0, "Calls work.")
    assert {name for name, (finding, _) in report.checks.items() if finding != "ok"} == {"writes"}
    assert report.checks["entities"][1] == "the token is valid for all 4"
    assert report.checks["limits"][1].startswith("22499")
    # One token, and no write.
    assert [request.method for request in zuora.requests].count("POST") == 1


def test_report_as_json(tool: Tool) -> None:
    result = tool("doctor", "--json", ZUORA_CLIENT_SECRET="wrong")
    assert result.status == 1
    assert result.document["ok"] is False
    assert result.document["checks"][-1]["check"] == "token"
    assert result.document["checks"][-1]["result"] == "failed"


def test_wrong_host(examine: Any) -> None:
    """A server that is not Zuora's gets no secret."""
    page = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<h1>Shop</h1>\n"
    with ScriptedServer(page) as server:
        name, text = examine(ZUORA_HOST=server.url).failure()
        assert [request.method for request in server.requests] == ["GET"]
        assert "authorization" not in server.requests[0].headers
    assert name == "Zuora"
    assert "not from Zuora's API (404)" in text


def test_host_without_protection(examine: Any) -> None:
    """A host that lists entities to everyone is suspicious."""
    with ScriptedServer(respond_json({"success": True, "entities": []})) as server:
        report = examine(ZUORA_HOST=server.url)
    assert "Zuora" in report.warnings()
    assert "unset it and set ZUORA_ENVIRONMENT" in report.checks["Zuora"][1]


def test_unresolvable_host(examine: Any) -> None:
    """This name is too long for DNS, so that no request for it leaves this machine."""
    report = examine(ZUORA_HOST=f"https://{'x' * 64}.example")
    assert report.warnings() == ["host"]
    name, text = report.failure()
    assert name == "DNS"
    assert "check ZUORA_HOST" in text


def test_host_with_a_path(examine: Any, zuora: ZuoraEmulator) -> None:
    report = examine(ZUORA_HOST=f"{zuora.url}/v1/")
    assert report.status == 2
    name, text = report.failure()
    assert name == "host"
    assert text.endswith(f"set ZUORA_HOST={zuora.url}")
    assert zuora.requests == []


def test_unencrypted_host(examine: Any) -> None:
    name, text = examine(ZUORA_HOST="http://192.0.2.1").failure()
    assert name == "host"
    assert "https only" in text


def test_refused_client(examine: Any) -> None:
    """A wrong secret and a client of another data center look the same to Zuora: the text names both."""
    name, text = examine(ZUORA_CLIENT_SECRET="wr0ng-s3cret").failure()
    assert name == "token"
    assert "401: Invalid client id or client secret" in text
    assert "copy the secret again" in text
    assert "ZUORA_ENVIRONMENT" in text


def test_expired_token(examine: Any, zuora: ZuoraEmulator) -> None:
    token = zuora.issue_token()
    zuora.expire_tokens()
    name, text = examine(ZUORA_ACCESS_TOKEN=token, ZUORA_CLIENT_ID=None, ZUORA_CLIENT_SECRET=None).failure()
    assert name == "token"
    assert "it has expired" in text


def test_configured_token(examine: Any, zuora: ZuoraEmulator) -> None:
    """A token that is given does not say for which entities it is valid."""
    variables = {"ZUORA_ACCESS_TOKEN": zuora.issue_token(), "ZUORA_CLIENT_ID": None, "ZUORA_CLIENT_SECRET": None}
    report = examine(**variables)
    assert report.status == 0
    assert report.checks["entities"][0] == report.checks["connections"][0] == "unknown"
    assert examine(**variables, ZUORA_ENTITY_ID=zuora.entities[1].id).checks["connections"][0] == "ok"


def test_token_limit(examine: Any, zuora: ZuoraEmulator) -> None:
    """The limit of token requests counts by address, not by tenant."""
    zuora.faults.add(faults.token_limit(limit=0))
    name, text = examine().failure()
    assert name == "token"
    assert "all processes behind one address" in text
    assert "tenant" not in text


def test_entity_by_name(examine: Any, tool: Tool, zuora: ZuoraEmulator) -> None:
    name, text = examine(ZUORA_ENTITY_ID="Acme Corporation").failure()
    assert name == "entities"
    assert "ZUORA_ENTITY_ID=Acme Corporation" in text
    assert "not its name" in text
    assert "ZUORA_ENTITY_ID=Acme Corporation must be the id" in tool("list", ZUORA_ENTITY_ID="Acme Corporation").err


@pytest.mark.parametrize("proxy", ["{}", "http://{}", "user:pass-word@{}", "http://user:pass-word@{}/"])
def test_unreachable_proxy(examine: Any, proxy: str) -> None:
    """The proxy is shown as it is used: with a scheme, without user and password."""
    address = f"127.0.0.1:{closed_port()}"
    report = examine(ZUORA_PROXY=proxy.format(address))
    assert report.checks["proxy"] == ("ok", f"http://{address} (ZUORA_PROXY)")
    name, text = report.failure()
    assert name == "connection"
    assert text.endswith("Check ZUORA_PROXY too.")


def test_throttled_token(examine: Any, zuora: ZuoraEmulator) -> None:
    zuora.fail_next(faults.html_error(503), path="/oauth/token")
    name, text = examine().failure()
    assert name == "token"
    assert text.startswith("no token (503")


def test_proxy_needed(examine: Any) -> None:
    """Nothing listens at the host; HTTPS_PROXY is set, but not read."""
    host = f"http://127.0.0.1:{closed_port()}"
    name, text = examine(ZUORA_HOST=host).failure()
    assert name == "connection"
    assert "set ZUORA_PROXY" in text
    report = examine(ZUORA_HOST=host, HTTPS_PROXY="http://user:pass-word@127.0.0.1:3128")
    assert "HTTPS_PROXY is set, but not read" in report.checks["proxy"][1]
    assert "set ZUORA_TRUST_ENV=true" in report.failure()[1]


def test_company_ca(examine: Any, tmp_path: Path) -> None:
    with ZuoraEmulator(ssl_context=Authority(tmp_path).server()) as encrypted:
        name, text = examine(**with_name(encrypted)).failure()
    assert name == "TLS"
    assert "set ZUORA_CA_BUNDLE" in text


def test_certificate_of_another_name(examine: Any, tmp_path: Path) -> None:
    with ZuoraEmulator(ssl_context=Authority(tmp_path).server("elsewhere.example")) as encrypted:
        name, text = examine(**with_name(encrypted)).failure()
    assert (name, "certificate" in text) == ("TLS", True)


def with_name(zuora: ZuoraEmulator) -> dict[str, str]:
    return {**zuora.environ, "ZUORA_HOST": zuora.url.replace("127.0.0.1", "localhost")}


@pytest.mark.parametrize(("seconds", "words"), [(3600, "behind"), (-3600, "ahead of")])
def test_clock_skew(examine: Any, zuora: ZuoraEmulator, seconds: int, words: str) -> None:

    date = formatdate(time.time() + seconds, usegmt=True)
    zuora.faults.add(Fault("clock", lambda exchange: exchange.send(exchange.execute().with_headers(("Date", date)))))
    report = examine()
    assert report.warnings() == ["clock"]
    assert f" s {words} Zuora" in report.checks["clock"][1]
    assert report.status == 0


def test_response_without_a_date(examine: Any) -> None:
    refusal = b'{"message": "Authentication error"}'
    head = f"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: {len(refusal)}\r\n\r\n"
    with ScriptedServer(head.encode() + refusal) as server:
        assert examine(ZUORA_HOST=server.url).checks["clock"][0] == "unknown"


def test_missing_entities(examine: Any, zuora: ZuoraEmulator) -> None:
    """The OAuth client has one entity of four."""
    client = zuora.add_client(zuora.entities[0])
    variables = {"ZUORA_CLIENT_ID": client.client_id, "ZUORA_CLIENT_SECRET": client.client_secret}
    report = examine(**variables)
    assert report.warnings() == ["entities"]
    assert f"not valid for Acme-Americas ({zuora.entities[1].id}), Acme-Europe" in report.checks["entities"][1]
    assert (report.status, report.checks["connections"][0]) == (0, "ok")
    name, text = examine(**variables, ZUORA_ENTITY_ID=zuora.entities[1].id).failure()
    assert name == "entities"
    assert f"no access to ZUORA_ENTITY_ID={zuora.entities[1].id}" in text


def test_unlistable_connections(examine: Any, zuora: ZuoraEmulator) -> None:
    zuora.fail_next(faults.refusal(50000010, "Multi-entity is off."), path="/v1/entity-connections")
    name, text = examine().failure()
    assert name == "connections"
    assert "Multi-entity is off." in text


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ZUORA_CLIENTID": "x"}, "ZUORA_CLIENTID is not read"),
        ({"ZUORA_CLIENT_ID": "8a80"}, "ZUORA_CLIENT_ID has 4 characters"),
        ({"ZUORA_CLIENT_SECRET": "s" * 43}, "ZUORA_CLIENT_SECRET has 43 characters"),
        ({"ZUORA_CLIENT_SECRET": "s3cr3t "}, "ZUORA_CLIENT_SECRET begins or ends with a space"),
        ({"ZUORA_ACCESS_TOKEN": "other-token"}, "ZUORA_ACCESS_TOKEN goes before"),
    ],
)
def test_unlikely_settings(examine: Any, variables: dict[str, str], words: str) -> None:
    report = examine(**variables)
    assert "settings" in report.warnings()
    assert words in report.checks["settings"][1]


def test_report_is_printable(examine: Any, zuora: ZuoraEmulator) -> None:
    """An escape sequence in a refusal does not reach the terminal."""
    zuora.fail_next(faults.refusal(50000010, "\x1b[31mred\nline"), path="/v1/entity-connections")
    name, text = examine().failure()
    assert name == "connections"
    assert "?[31mred line" in text
