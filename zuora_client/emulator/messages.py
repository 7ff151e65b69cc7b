"""The request as received, and the response to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl


class Headers(Mapping[str, str]):
    """Header fields of a request. Names are case-insensitive; repeated fields are joined with a comma."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            name = sys.intern(name.lower())  # one string for all requests: many requests are recorded
            self._fields[name] = f"{self._fields[name]}, {value}" if name in self._fields else value

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


class Request:
    """A request as received, and what became of it.

    `status` and `committed` are final before the first byte of the response is sent.

    Attributes:
        method: the HTTP method.
        target: the request target as sent.
        path: the path as sent (percent-encoded), without the query.
        query: the decoded query parameters.
        headers: the header fields.
        body: the body as sent (still compressed, if it was).
        entity_id: the entity in which the request ran (32 hex digits); None if it was refused before, or needs none.
        status: the HTTP status that the service returned; None if a fault prevented the execution.
        committed: whether this request changed the tenant. A replay under an Idempotency-Key does not.
        fault: the name of the fault that was applied, or None.
        connection_id: the number of the TCP connection, counted from 1.
        keep_alive: whether the connection stays open after the response.
    """

    __slots__ = (
        "body",
        "committed",
        "connection_id",
        "entity_id",
        "fault",
        "headers",
        "keep_alive",
        "method",
        "path",
        "query",
        "status",
        "target",
    )  # fmt: skip

    def __init__(self, method: str, target: str, headers: Headers, body: bytes = b"", connection_id: int = 0) -> None:
        self.method = method
        self.target = target
        if not target.startswith("/"):  # absolute form, as sent through a proxy
            target = "/" + target.partition("://")[2].partition("/")[2]
        self.path, _, query = target.partition("?")
        self.query = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
        self.headers = headers
        self.body = body
        self.entity_id: str | None = None
        self.status: int | None = None
        self.committed = False
        self.fault: str | None = None
        self.connection_id = connection_id
        self.keep_alive = True

    def __repr__(self) -> str:
        return (
            f"<Request {self.method} {self.path} entity_id={self.entity_id} status={self.status} "
            f"committed={self.committed} fault={self.fault}>"
        )


class Response(NamedTuple):
    """A response before serialization, which adds Content-Length, Date and Connection."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *headers: tuple[str, str]) -> Response:
        """Return a copy with these header fields appended."""
        return self._replace(headers=self.headers + headers)

    def header(self, name: str) -> str | None:
        """Return the value of the first header field with this name, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def json_response(status: int, payload: Any, *headers: tuple[str, str]) -> Response:
    """Return a response with a JSON body."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    return Response(status, body, (("Content-Type", "application/json;charset=UTF-8"), *headers))
