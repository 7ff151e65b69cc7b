"""HTTP clients for tests of the emulator, on the standard library only, and a clock that the test moves."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from zuora_client.emulator import Entity, ZuoraEmulator


class ManualClock:
    """Seconds that pass only when a test changes `now`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class HttpResponse:
    """A response, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.version = response.version
        self.raw = response.read()

    @property
    def json(self) -> Any:
        is_gzip = self.headers.get("Content-Encoding") == "gzip"
        return json.loads(gzip.decompress(self.raw) if is_gzip else self.raw)

    @property
    def codes(self) -> list[Any]:
        """The codes of a refusal; fails if the response is not one."""
        assert self.json["success"] is False
        assert len(self.json["processId"]) == 16
        int(self.json["processId"], 16)
        return [reason["code"] for reason in self.json["reasons"]]


class HttpClient:
    """A client with one connection to an emulator and a token for all entities.

    Keyword arguments of its methods are headers, with an underscore for a hyphen.
    """

    def __init__(
        self, zuora: ZuoraEmulator, entity: Entity | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(zuora.url)
        assert parts.hostname is not None
        if ssl_context is None:
            self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        else:
            self.connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60, context=ssl_context)
        self.headers = {"Authorization": f"Bearer {zuora.issue_token()}"}
        if entity is not None:
            self.headers["Zuora-Entity-Ids"] = entity.uuid

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str | None] | None = None
    ) -> HttpResponse:
        """Send a request.

        Args:
            body: a dict or list is sent as JSON.
            headers: added to the defaults; None removes one.
        """
        fields: dict[str, str | None] = dict(self.headers)
        if method in ("POST", "PUT"):
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        sent = {name: value for name, value in fields.items() if value is not None}
        self.connection.request(method, path, body, sent)
        return HttpResponse(self.connection.getresponse())

    def get(self, path: str = "/v1/entity-connections", **headers: str | None) -> HttpResponse:
        return self.call("GET", path, headers=_with_hyphens(headers))

    def initiate(self, target: Entity, **headers: str | None) -> HttpResponse:
        return self.call("POST", "/v1/entity-connections", {"targetEntityId": target.id}, _with_hyphens(headers))

    def change(self, verb: str, connection_id: str, **headers: str | None) -> HttpResponse:
        return self.call("PUT", f"/v1/entity-connections/{connection_id}/{verb}", headers=_with_hyphens(headers))

    def token(self, form: dict[str, str] | str, **headers: str | None) -> HttpResponse:
        fields = {"Authorization": None, "Content-Type": "application/x-www-form-urlencoded", **_with_hyphens(headers)}
        body = form if isinstance(form, str) else urlencode(form)
        return self.call("POST", "/oauth/token", body, fields)


def _with_hyphens(headers: dict[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class RawConnection:
    """A bare socket connected to an emulator."""

    def __init__(self, zuora: ZuoraEmulator) -> None:
        parts = urlsplit(zuora.url)
        self.sock = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._file = self.sock.makefile("rb")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read_head(self) -> bytes:
        """Return the next head with its blank line, or what arrived before the connection ended."""
        head = b""
        for line in self._file:
            head += line
            if line == b"\r\n":
                break
        return head

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, or everything until the connection ends."""
        return self._file.read(size)

    def read_response(self) -> tuple[bytes, bytes]:
        """Return a head, and a body of the length that its Content-Length declares."""
        head = self.read_head()
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        return head, self.read(int(lengths[0].split(b":")[1]))

    def close(self) -> None:
        self._file.close()
        self.sock.close()


Connect = Callable[..., HttpClient]
ConnectRaw = Callable[..., RawConnection]
