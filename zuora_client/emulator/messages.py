"""The two values that cross every layer: a request as it arrived, and the answer to it.

Invariant: a :class:`Request` keeps what was on the wire (raw path, raw body) and what became of it, so that a test can
compare what a client believes with what happened here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl


class Headers(Mapping[str, str]):
    """Header fields of a request: names compare without case, repeated fields are joined with a comma."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            name = name.lower()
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
    """One request, and the record of what became of it.

    ``method``, ``path`` (percent-encoding untouched, no query), ``query`` (decoded), ``headers``, ``body`` (as sent,
    not inflated), and then:

    * ``entity_id``: the entity it ran in (32 hex digits), None when it did not get that far or needs no entity;
    * ``status``: the HTTP status that the service decided on, None when a fault kept the request from it;
    * ``committed``: True when this very request changed the state; a replay under an Idempotency-Key did not;
    * ``fault``: the name of the fault that met it, or None;
    * ``connection_id``: the number of the TCP connection that carried it, counted from 1;
    * ``keep_alive``: False when that connection ends with the answer.

    The last word on ``status`` and ``committed`` is in before the first byte of the answer leaves.
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
        if not target.startswith("/"):  # absolute form, as it is sent through a proxy
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
    """An answer before it is framed: Content-Length, Date and Connection are added when it is written."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *headers: tuple[str, str]) -> Response:
        """The same answer with more header fields."""
        return self._replace(headers=self.headers + headers)

    def header(self, name: str) -> str | None:
        """The value of the first header field of this name, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def json_response(status: int, payload: Any, *headers: tuple[str, str]) -> Response:
    """An answer with a JSON body."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    return Response(status, body, (("Content-Type", "application/json;charset=UTF-8"), *headers))
