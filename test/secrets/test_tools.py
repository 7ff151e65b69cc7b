"""No tool that shows errors, with the variables of their frames, shows a secret.

Each tool gets every failure, with each kind of credentials. Another library has switched on
`http.client.HTTPConnection.debuglevel`.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support import pages
from support.failing_calls import FAILURES, INTERRUPTS, KINDS, SECRETS, failing_client
from support.secret_search import find_leaks

from zuora_client import EntityConnectionsApi

for package in ("elasticapm", "loguru", "rich", "sentry_sdk"):
    pytest.importorskip(package, reason=f"{package} is not installed: tox -e secrets")

FOLDER = Path(__file__).parent
SHOW_LOCALS = ("rich", "traceback", "loguru", "elastic-apm", "sentry", "sentry with PII")
TOOLS = (*SHOW_LOCALS, "texts", "logs", "printed", "events and responses")


def run(folder: Path, *arguments: str, **environ: str) -> str:
    path = os.pathsep.join([str(pages.ROOT / "test"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, *arguments]
    environment = {**os.environ, **environ, "PYTHONPATH": path}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function from a kind of credentials to the output: tool to failure to text."""

    @cache
    def show(kind: str) -> Any:
        folder = tmp_path_factory.mktemp("tools")
        output = run(folder, str(FOLDER / "show_failures.py"), kind, str(folder))
        assert (folder / "found.json").exists(), output
        return json.loads((folder / "found.json").read_text(encoding="utf-8"))

    return show


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kind", KINDS)
def test_tool_shows_no_secret(shown: Any, kind: str, tool: str) -> None:
    texts = shown(kind)[tool]
    assert list(texts) == FAILURES
    leaking = {failure: find_leaks(text, KINDS[kind])[:1] for failure, text in texts.items()}
    assert not {failure: leaks for failure, leaks in leaking.items() if leaks}


@pytest.mark.slow
@pytest.mark.parametrize("tool", SHOW_LOCALS)
def test_tool_shows_variables(shown: Any, tool: str) -> None:
    """The search would find nothing if a tool showed no variables of frames."""
    for failure, text in shown("token")[tool].items():
        assert "visible-local" in text, failure


@pytest.mark.slow
def test_debug_level_is_on(shown: Any) -> None:
    """The search would find nothing if the debug switch of http.client had no effect on any connection."""
    for failure, text in shown("token")["printed"].items():
        assert "send: b'GET /visible" in text, failure


@pytest.mark.parametrize("kind", KINDS)
def test_model_holds_no_secret(tmp_path: Path, kind: str) -> None:
    """A refusal that is returned as a model, its headers and the last response hold no secret, nor do their pickles."""
    with failing_client(kind, "refusal under 200", tmp_path) as client:
        client.configuration.raise_on_failure = False
        result = EntityConnectionsApi(client).put_entity_connections_accept_with_http_info("1")
        last = client.last_response
    assert result[0].additional_properties["reasons"][0]["code"] == 50000020
    text = f"{result}{vars(result[0])}{dict(result[2])}{last.content}{dict(last.headers)}"
    assert find_leaks(text + repr(pickle.dumps([result, last])), KINDS[kind]) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_pytest_shows_no_secret(tmp_path: Path, kind: str) -> None:
    arguments = ("-m", "pytest", "-c", os.devnull, "--rootdir", str(FOLDER), "-l", "--tb=long")
    plugins = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist")
    text = run(tmp_path, *arguments, *plugins, str(FOLDER / "failing_tests.py"), KIND=kind)
    count = sum(INTERRUPTS.get(failure) is not KeyboardInterrupt for failure in FAILURES)
    assert f"{count} failed" in text
    assert text.count("visible-local") >= count
    assert find_leaks(text, KINDS[kind]) == []


@pytest.mark.parametrize("name", SECRETS)
def test_search_finds_every_piece(name: str) -> None:
    secret = SECRETS[name]
    for start in range(len(secret) - 11):
        assert find_leaks(f"<{secret[start : start + 12]}>", [secret])
        assert not find_leaks(f"<{secret[start : start + 11]}>", [secret])
