"""The program that test_tools.py runs: it shows every failure to every tool, and writes what the tools produce.

Usage: ``python show_failures.py KIND FOLDER``, with a kind of `failing_calls.KINDS`. It writes FOLDER/found.json: tool
to failure to text.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import logging
import pickle
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import elasticapm
import sentry_sdk
from loguru import logger as loguru_logger
from rich.console import Console
from rich.traceback import Traceback
from support.failing_calls import FAILURES, KINDS, failing_client, make_call, small_send_buffer

import zuora_client


def _sentry(error: BaseException, *, send_default_pii: bool) -> str:
    events: list[str] = []

    def keep(event: Any, hint: Any) -> None:
        del hint
        # None keeps the event from being sent.
        events.append(repr(event))

    dsn = "http://key@127.0.0.1:9/1"
    sentry_sdk.init(dsn, before_send=keep, send_default_pii=send_default_pii, max_value_length=2000)
    sentry_sdk.capture_exception(error)
    return "\n".join(events)


def _rich(error: BaseException) -> str:
    shown = io.StringIO()
    for length in (10, 100):
        found = Traceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_length=length,
            locals_max_string=8 * length,
            extra_lines=0,
        )
        Console(file=shown, width=500).print(found)
    return shown.getvalue()


def _traceback(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def _loguru(error: BaseException) -> str:
    shown = io.StringIO()
    handler = loguru_logger.add(shown, level="TRACE", diagnose=True, backtrace=True, colorize=False)
    loguru_logger.opt(exception=error).error("failed")
    loguru_logger.remove(handler)
    return shown.getvalue()


def _elastic(error: BaseException) -> str:
    events: list[str] = []

    def keep(event_type: str, data: Any, flush: bool = False) -> None:
        del flush
        events.append(f"{event_type} {data!r}")

    client: Any = elasticapm.Client(
        service_name="x", metrics_interval="0s", central_config=False, cloud_provider="none"
    )
    client.queue = keep
    client.capture_exception(exc_info=(type(error), error, error.__traceback__))
    client.close()
    return "\n".join(events)


def _texts(error: BaseException) -> str:
    """Return the texts and the pickle of an error and of all that are linked to it."""
    shown: list[str] = []
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        shown += [str(each), repr(each), repr(each.args), repr(vars(each))]
        shown += [repr(dict(getattr(each, "headers", None) or {})), str(getattr(each, "reasons", ""))]
        if isinstance(each, zuora_client.ApiException):
            shown.append(repr(pickle.dumps(each)))
        todo += (each.__cause__, each.__context__)
    return "\n".join(shown)


TOOLS: dict[str, Callable[[BaseException], str]] = {
    "rich": _rich,
    "traceback": _traceback,
    "loguru": _loguru,
    "elastic-apm": _elastic,
    "sentry": partial(_sentry, send_default_pii=False),
    "sentry with PII": partial(_sentry, send_default_pii=True),
    "texts": _texts,
}


def _request_of_another_library() -> None:
    near, far = socket.socketpair()
    with near, far:
        connection = http.client.HTTPConnection("another.library")
        connection.sock = near
        connection.request("GET", "/visible")


@contextlib.contextmanager
def _capturing(found: dict[str, str]) -> Iterator[None]:
    """Collect the lines of all loggers, and what is printed: `http.client.debuglevel` prints."""
    logs, printed = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(logs)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    http.client.HTTPConnection.debuglevel = 1
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            _request_of_another_library()
            yield
    finally:
        http.client.HTTPConnection.debuglevel = 0
        root.removeHandler(handler)
        found["logs"], found["printed"] = logs.getvalue(), printed.getvalue()


def show_failure(kind: str, failure: str, folder: Path) -> dict[str, str]:
    """Return what each tool produces of one failure."""
    found: dict[str, str] = {}
    events: list[Any] = []
    caught: BaseException | None = None
    with failing_client(kind, failure, folder, events.append) as client, small_send_buffer():
        with _capturing(found):
            try:
                make_call(client, failure)
            except BaseException as error:
                caught = error
        assert caught is not None
        assert not isinstance(caught, AssertionError), (kind, failure)
        for name, show in TOOLS.items():
            found[name] = show(caught)
        response = client.last_response
        found["events and responses"] = f"{events!r}{pickle.dumps(events)!r}{response!r}{pickle.dumps(response)!r}"
    # The body of a large request would only make the search slow.
    return {tool: text.replace("x" * 1000, "x") for tool, text in found.items()}


def main(kind: str, folder: Path) -> None:
    assert kind in KINDS
    loguru_logger.remove()
    by_tool: dict[str, dict[str, str]] = {}
    for failure in FAILURES:
        for tool, text in show_failure(kind, failure, folder).items():
            by_tool.setdefault(tool, {})[failure] = text
    (folder / "found.json").write_text(json.dumps(by_tool), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
