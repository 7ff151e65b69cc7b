"""A client that was used before its process forks: token in memory, connection open. Also a WSGI application.

Each call carries a marker that Zuora echoes, so that a response to another worker's request is noticed.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from zuora_client import ApiClient, ApiException, Configuration

CALLS = 10

client = ApiClient(Configuration.from_env(deadline=50))
numbers = itertools.count()


def make_calls(count: int) -> dict[str, Any]:
    """Make calls one after the other; return the process id, and what was wrong: errors and markers of others."""
    wrong = []
    for _ in range(count):
        marker = f"{os.getpid()}-{next(numbers)}"
        try:
            _, _, headers = client.call_api(
                "/v1/entities", "GET", header_params={"Zuora-Track-Id": marker}, response_type="object"
            )
        except ApiException as error:
            wrong.append(str(error))
            continue
        if headers.get("Zuora-Track-Id") != marker:
            wrong.append(f"{headers.get('Zuora-Track-Id')} instead of {marker}")
    return {"pid": os.getpid(), "wrong": wrong}


make_calls(1)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(make_calls(CALLS)).encode()]
