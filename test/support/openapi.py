"""docs/openapi.yaml as data, and the validation of recorded requests against it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

FILE = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"

# Headers of HTTP itself, and those that OpenAPI does not describe as parameters.
_TRANSPORT_HEADERS = {
    "host", "user-agent", "content-length", "accept", "accept-encoding", "content-type", "connection",
}  # fmt: skip


@functools.cache
def description() -> Any:
    """Return the file as data, references unresolved. Callers must not modify it."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def resolved(node: Any) -> Any:
    """Return the target of a reference; anything else unchanged."""
    while isinstance(node, dict) and "$ref" in node:
        names, node = node["$ref"].split("/")[1:], description()
        for name in names:
            node = node[name]
    return node


def operations() -> Iterator[tuple[str, str, Any]]:
    """Yield path, method and description of every operation."""
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def operation_of(request: Any) -> Any:
    """Return the description of the operation of a recorded request, or None."""
    for path, method, operation in operations():
        if method == request.method and re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", path), request.path):
            return operation
    return None


def violations(request: Any) -> list[str]:
    """Return what in a recorded request the file does not allow or does not describe."""
    errors = _validator().iter_errors(_RecordedRequest(request))
    found = [f"{type(error).__name__}: {error.__cause__ or error}" for error in errors]
    operation = operation_of(request)
    if operation is not None:
        found += [f"not described: {part}" for part in _undescribed(request, operation)]
    return found


@functools.cache
def _validator() -> Any:
    return OpenAPI.from_dict(description()).request_validator


def _undescribed(request: Any, operation: Any) -> Iterator[str]:
    parameters = [resolved(parameter) for parameter in operation["parameters"]]
    queries = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    headers = {parameter["name"].lower() for parameter in parameters if parameter["in"] == "header"}
    if operation.get("security") != []:
        schemes = description()["components"]["securitySchemes"].values()
        headers |= {scheme.get("name", "Authorization").lower() for scheme in schemes}
    yield from (f"query parameter {name}" for name in request.query if name not in queries)
    yield from (f"header {name}" for name in request.headers if name not in headers | _TRANSPORT_HEADERS)
    if request.body and "requestBody" not in operation:
        yield "a body"


class _RecordedRequest:
    """Implements the request protocol of openapi-core."""

    def __init__(self, request: Any) -> None:
        # openapi-core requires one of the servers of the file, but the request was sent to an emulator.
        self.host_url = description()["servers"][0]["url"]
        self.path = request.path
        self.method = request.method.lower()
        self.body = request.body or None
        self.content_type = request.headers.get("Content-Type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.query), header=Headers(list(request.headers.items()))
        )
