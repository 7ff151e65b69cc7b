"""What the tests of the emulator share: a clock to turn by hand, and a plain HTTP client that knows nothing of ours."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from zuora_client.emulator import ZuoraEmulator


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Answer:
    """One answer, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.version = response.version
        self.raw = response.read()

    @property
    def json(self) -> Any:
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return json.loads(gzip.decompress(self.raw) if zipped else self.raw)

    @property
    def codes(self) -> list[int]:
        """The codes of a refusal; fails when the answer is not one."""
        assert self.json["success"] is False
        assert len(self.json["processId"]) == 16
        int(self.json["processId"], 16)
        return [reason["code"] for reason in self.json["reasons"]]


class Http:
    """Keeps one connection to an emulator, and works in one entity of it."""

    def __init__(self, zuora: ZuoraEmulator, entity: Any = None, ssl_context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(zuora.url)
        assert parts.hostname is not None
        if ssl_context is None:
            self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        else:
            self.connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60, context=ssl_context)
        self.headers = {"Authorization": f"Bearer {zuora.issue_token()}"}
        if entity is not None:
            self.headers["Zuora-Entity-Ids"] = entity.uuid

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str | None] | None = None) -> Answer:
        """Send one request. ``headers`` add to the usual ones; None takes one away. A dict or list is sent as JSON."""
        fields: dict[str, str | None] = dict(self.headers)
        if method in ("POST", "PUT"):
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        kept = {name: value for name, value in fields.items() if value is not None}
        self.connection.request(method, path, body, kept)
        return Answer(self.connection.getresponse())

    def get(self, path: str = "/v1/entity-connections", **headers: str | None) -> Answer:
        return self.call("GET", path, headers=_spelled(headers))

    def initiate(self, target: Any, **headers: str | None) -> Answer:
        return self.call("POST", "/v1/entity-connections", {"targetEntityId": target.id}, _spelled(headers))

    def change(self, verb: str, connection_id: str, **headers: str | None) -> Answer:
        return self.call("PUT", f"/v1/entity-connections/{connection_id}/{verb}", headers=_spelled(headers))

    def token(self, form: dict[str, str] | str, **headers: str | None) -> Answer:
        fields = {"Authorization": None, "Content-Type": "application/x-www-form-urlencoded", **_spelled(headers)}
        body = form if isinstance(form, str) else urlencode(form)
        return self.call("POST", "/oauth/token", body, fields)


def _spelled(headers: dict[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Raw:
    """A bare socket to an emulator."""

    def __init__(self, zuora: ZuoraEmulator) -> None:
        parts = urlsplit(zuora.url)
        self.sock = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._file = self.sock.makefile("rb")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read_head(self) -> bytes:
        """The next head, blank line included; what there is when the connection ends in it."""
        head = b""
        for line in self._file:
            head += line
            if line == b"\r\n":
                break
        return head

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all until the connection ends."""
        return self._file.read(size)

    def read_answer(self) -> tuple[bytes, bytes]:
        """A head, and the body that its Content-Length announces."""
        head = self.read_head()
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        return head, self.read(int(lengths[0].split(b":")[1]))

    def close(self) -> None:
        self._file.close()
        self.sock.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def zuora(clock: Clock) -> Iterator[ZuoraEmulator]:
    """A running emulator with four entities, whose clock stands still."""
    with ZuoraEmulator(4, clock=clock) as emulator:
        yield emulator


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Http]]:
    """Makes plain clients: ``connect(entity)``, or ``connect(entity, emulator)`` for one that is not ``zuora``."""
    made: list[Http] = []

    def make(entity: Any = None, emulator: ZuoraEmulator | None = None, **options: Any) -> Http:
        made.append(Http(emulator or request.getfixturevalue("zuora"), entity, **options))
        return made[-1]

    yield make
    for http_ in made:
        http_.connection.close()


@pytest.fixture
def raw(request: pytest.FixtureRequest) -> Iterator[Callable[..., Raw]]:
    """Makes bare sockets to the emulator."""
    made: list[Raw] = []

    def make(emulator: ZuoraEmulator | None = None) -> Raw:
        made.append(Raw(emulator or request.getfixturevalue("zuora")))
        return made[-1]

    yield make
    for socket_ in made:
        socket_.close()
