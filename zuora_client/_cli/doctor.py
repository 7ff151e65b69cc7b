"""`doctor`: find out why calls fail. One line for each check, with what to do. Changes nothing at Zuora."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from .. import __version__
from .._base.environment_variables import VARIABLES
from .._base.text import single_line
from . import errors
from .access_checks import AccessChecks
from .findings import Finding
from .network_checks import NetworkChecks
from .session import make_client, read_settings

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from .. import Configuration
    from .console import Console

# Zuora's reference of the token request.
_CLIENT_ID_LENGTH = 36
_MAX_CLIENT_SECRET_LENGTH = 42
# Seconds for one call.
_DEADLINE = 30.0
_MAX_TEXT = 2000


def doctor(arguments: Namespace, console: Console) -> int:
    """Run the checks and print their results; return the exit status. A failed check is the last one."""
    documents: list[dict[str, Any]] = []
    status = errors.DONE
    for name, check in _checks(arguments.debug):
        result, text = _run(check)
        console.line(f"{result:8} {name:12} {text}")
        documents.append({"check": name, "result": result, "text": text})
        if result == "failed":
            status = errors.USAGE if name in ("settings", "host") else errors.FAILED
            break
    summary = "Calls work." if status == errors.DONE else "Calls fail. The checks after the failed one were left out."
    console.result(summary, {"checks": documents, "ok": status == errors.DONE})
    return status


def _run(check: Callable[[], str]) -> tuple[str, str]:
    try:
        return "ok", single_line(check(), _MAX_TEXT)
    except Finding as finding:
        return finding.result, single_line(finding, _MAX_TEXT)
    except errors.UsageError as error:
        return "failed", single_line(error, _MAX_TEXT)


def _checks(debug: bool) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield name and function of each check, in order."""
    settings = _Settings(debug)
    yield "versions", _versions
    yield "settings", settings.check
    yield from NetworkChecks(settings.configuration).in_order()
    yield from AccessChecks(settings.configuration).in_order()


def _versions() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    urllib3 = metadata.version("urllib3")
    return f"zuora-entity-connections {__version__}, Python {python}, urllib3 {urllib3}, {sys.platform}"


class _Settings:
    """The check of the variables. `configuration` is set by it."""

    configuration: Configuration

    def __init__(self, debug: bool) -> None:
        self._debug = debug

    def check(self) -> str:
        self.configuration = read_settings(debug=self._debug, max_attempts=1, deadline=_DEADLINE)
        make_client(self.configuration).close()
        warnings = _warnings()
        if warnings:
            raise Finding("warning", "; ".join(warnings))
        return f"{', '.join(name for name in VARIABLES.values() if os.environ.get(name))} are set"


def _warnings() -> list[str]:
    """Return what is unlikely in the variables."""
    values = {name: value for name, value in sorted(os.environ.items()) if name.startswith("ZUORA_") and value}
    found = [f"{name} is not read: is it misspelled?" for name in values if name not in VARIABLES.values()]
    found += [f"{name} begins or ends with a space" for name, value in values.items() if value != value.strip()]
    client_id, client_secret = values.get("ZUORA_CLIENT_ID", ""), values.get("ZUORA_CLIENT_SECRET", "")
    if "ZUORA_ACCESS_TOKEN" in values:
        if client_id or client_secret:
            found.append("ZUORA_ACCESS_TOKEN goes before ZUORA_CLIENT_ID and ZUORA_CLIENT_SECRET: unset what is old")
    elif len(client_id) != _CLIENT_ID_LENGTH:
        found.append(f"ZUORA_CLIENT_ID has {len(client_id)} characters, but Zuora's have 36: copy it again")
    elif len(client_secret) > _MAX_CLIENT_SECRET_LENGTH:
        found.append(
            f"ZUORA_CLIENT_SECRET has {len(client_secret)} characters, but Zuora's have up to 42: copy it again"
        )
    return found
