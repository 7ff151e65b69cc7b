"""docs/openapi.yaml, read, and recorded requests held against it."""

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

# What belongs to HTTP itself, and what OpenAPI describes elsewhere than among the parameters.
_TRANSPORT = {"host", "user-agent", "content-length", "accept", "accept-encoding", "content-type", "connection"}


@functools.cache
def description() -> Any:
    """Return the file as plain data, references and all. Not to be changed."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def resolved(node: Any) -> Any:
    """Return what a reference points to; anything else as it is."""
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
    """Return the description of the operation that a recorded request asks for, or None."""
    for path, method, operation in operations():
        if method == request.method and re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", path), request.path):
            return operation
    return None


def faults(request: Any) -> list[str]:
    """Return all in a recorded request that the file does not allow, and all that it does not mention."""
    errors = _validator().iter_errors(_Sent(request))
    found = [f"{type(error).__name__}: {error.__cause__ or error}" for error in errors]
    operation = operation_of(request)
    if operation is not None:
        found += [f"not described: {what}" for what in _undescribed(request, operation)]
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
    yield from (f"header {name}" for name in request.headers if name not in headers | _TRANSPORT)
    if request.body and "requestBody" not in operation:
        yield "a body"


class _Sent:
    """A recorded request in the form that openapi-core reads."""

    def __init__(self, request: Any) -> None:
        # Where the request went is not the question; openapi-core wants one of the servers.
        self.host_url = description()["servers"][0]["url"]
        self.path = request.path
        self.method = request.method.lower()
        self.body = request.body or None
        self.content_type = request.headers.get("Content-Type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.query), header=Headers(list(request.headers.items()))
        )
