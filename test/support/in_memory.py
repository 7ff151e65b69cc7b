"""A connection whose socket is a byte string, and what other HTTP parsers make of the same bytes."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import h11
import urllib3
from urllib3._collections import HTTPHeaderDict

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client._http.connection import DeadlineConnection
from zuora_client.exceptions import ApiException

from .clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator


class InMemorySocket:
    """Takes every request, and returns the bytes of `data` in pieces of at most `piece` bytes."""

    def __init__(self, data: bytes, piece: int = 65536) -> None:
        self._data = io.BytesIO(data)
        self._piece = piece
        self.closed = False

    def recv_into(self, buffer: Any) -> int:
        return self._data.readinto(memoryview(buffer)[: self._piece])

    def sendall(self, data: bytes) -> None:
        pass

    def gettimeout(self) -> float | None:
        return None

    def settimeout(self, seconds: float | None) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    @property
    def is_readable(self) -> bool:
        """Whether bytes are left: the pool then discards the connection instead of reusing it."""
        return self._data.tell() < len(self._data.getbuffer())


class Result(NamedTuple):
    """What a call of the client made of a response.

    Attributes:
        error: None if the call returned.
        kept: whether the connection may carry another request.
    """

    error: ApiException | None
    kept: bool


class InMemoryClient:
    """A client whose connections are `InMemorySocket`."""

    def __init__(self, **settings: Any) -> None:
        self.client = ApiClient(
            Configuration("http://127.0.0.1:9", max_attempts=1, access_token="t", **settings), clock=FakeClock()
        )
        self.api = EntityConnectionsApi(self.client)

    def accept(self, data: bytes, piece: int = 65536) -> Result:
        """Return the result of a PUT that gets `data` as its response."""
        sock = InMemorySocket(data, piece)
        with _connecting(sock):
            try:
                self.api.put_entity_connections_accept("1")
                error = None
            except ApiException as raised:
                error = raised
        kept = not sock.closed and not sock.is_readable
        self.client.rest_client.pool_manager.clear()
        return Result(error, kept)


@contextlib.contextmanager
def _connecting(sock: InMemorySocket) -> Iterator[None]:
    connection_class: Any = DeadlineConnection
    original = connection_class._new_conn
    connection_class._new_conn = lambda _: sock
    try:
        yield
    finally:
        connection_class._new_conn = original


class Reading(NamedTuple):
    """What h11 makes of a response to a PUT.

    Attributes:
        complete: whether the response was well formed and read to its end.
        must_close: whether the connection must not be reused.
    """

    complete: bool
    must_close: bool
    status: int = 0
    body: bytes = b""


def read_with_h11(data: bytes) -> Reading:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="PUT", target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    status, body = 0, b""
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(b"")
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                leftover = bool(connection.trailing_data[0])
                return Reading(True, leftover or connection.their_state is not h11.DONE, status, body)
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return Reading(False, True, status)
    except h11.RemoteProtocolError:
        return Reading(False, True, status)


class _File:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def is_readable_elsewhere(data: bytes, status: int, body: bytes) -> bool:
    """Whether http.client and urllib3 read this status and body from a response."""
    try:
        for decode in (False, True):
            sock: Any = _File(data)
            response: Any = http.client.HTTPResponse(sock, method="PUT")
            response.begin()
            if decode:
                headers = HTTPHeaderDict(response.msg.items())
                response = urllib3.HTTPResponse(
                    response, headers, response.status, preload_content=False, original_response=response
                )
            if (response.status, response.read()) != (status, body):
                return False
    except (http.client.HTTPException, urllib3.exceptions.HTTPError, OSError, ValueError):
        return False
    return True


def says_success(body: bytes) -> bool:
    """Whether a body is a JSON object whose `success` is true."""
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("success") is True
