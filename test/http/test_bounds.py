"""Bounds that hold whatever a server sends: size by path, memory by what arrived, CPU in proportion to the input."""

from __future__ import annotations

import tracemalloc

import pytest
from support import respond
from support.calls import CALLS, failure_of
from support.faulty import then_close
from support.in_memory import InMemoryClient
from support.wire import YES, Wire

from zuora_client import Configuration
from zuora_client._http.response import response_limit
from zuora_client.exceptions import InvalidResponseError

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/v1/entity-connections", 4 * MIB),
        ("/v1/entity-connections?page=2", 4 * MIB),
        ("/v1/entity-connections/1/accept", 4 * MIB),
        ("/v1/entities", 4 * MIB),
        ("/v1/entities/1", 4 * MIB),
        ("/oauth/token", 4 * MIB),
        ("/v1/entity-connections-of-others", 32 * MIB),
        ("/v1/action/query", 32 * MIB),
        ("/v2/v1/entities", 32 * MIB),
        ("/oauth/tokens", 32 * MIB),
    ],
)
def test_limit_depends_on_the_path(path: str, limit: int) -> None:
    assert response_limit(None, path) == limit
    assert response_limit(5, path) == 5


def padded(size: int) -> bytes:
    return respond(200, b'{"success": true, "entityConnections": []}'.ljust(size))


@pytest.mark.parametrize("prefix", ["", "/gateway"])
def test_default_limits_hold(prefix: str) -> None:
    """4 MiB for an operation and 32 MiB for another path, also behind a path in the base URL."""
    with Wire(padded(4 * MIB), padded(4 * MIB + 1), padded(4 * MIB + 1)) as wire:
        wire.configuration.host = wire.server.url + prefix
        assert wire.api.get_entity_connections().success is True
        error = failure_of(CALLS["GET"], wire.api)
        assert isinstance(error, InvalidResponseError)
        assert f"{4 * MIB} bytes" in str(error.reason)
        document = wire.client.call_api("/v1/things", "GET", response_type="object", _return_http_data_only=True)
        assert document["success"] is True


def test_setting_rules_every_path() -> None:
    with Wire(padded(5 * MIB), max_response_bytes=5 * MIB) as wire:
        assert wire.api.get_entity_connections().success is True
        wire.client.call_api("/v1/things", "GET", response_type="object")
    assert Configuration().max_response_bytes is None


@pytest.mark.parametrize("announced", [4 * MIB, 4 * MIB - 1])
@pytest.mark.parametrize("framing", ["Content-Length: {}", "Transfer-Encoding: chunked\r\n\r\n{:x}"])
def test_announced_length_allocates_nothing(announced: int, framing: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{framing.format(announced)}\r\n" + ("\r\n" if "Content" in framing else "")
    with Wire(then_close(YES), then_close(head.encode() + b'{"success"')) as wire:
        CALLS["PUT accept"](wire.api)
        tracemalloc.start()
        try:
            assert failure_of(CALLS["PUT accept"], wire.api).outcome == "unknown"
            assert tracemalloc.get_traced_memory()[1] < MIB
        finally:
            tracemalloc.stop()


def test_huge_length_of_a_stream_allocates_nothing() -> None:
    """A streaming response has no limit, so any length may be announced."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc"
    with Wire(then_close(head)) as wire:
        raw = wire.api.get_entity_connections(_preload_content=False)
        with pytest.raises(Exception, match="IncompleteRead"):
            raw.read()


def test_length_above_the_limit_is_not_read() -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {4 * MIB + 1}\r\n\r\n".encode()
    result = InMemoryClient().accept(head)
    assert result.error is not None
    assert isinstance(result.error.__cause__, InvalidResponseError)
    assert (result.error.outcome, result.kept) == ("unknown", False)
