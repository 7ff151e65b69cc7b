"""A response that arrived in time, and takes too long to be parsed and converted."""

from __future__ import annotations

import json

import pytest
from support import respond
from support.calls import CALLS, failure_of
from support.wire import Wire

from zuora_client._codec import serialization
from zuora_client.exceptions import ApiTimeoutError

ROWS = json.dumps({"success": True, "entityConnections": [{"id": str(number)} for number in range(10_000)]}).encode()


def test_deadline_is_checked_after_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire(respond(200, ROWS), deadline=5, max_attempts=1) as wire:

        def parse(body: bytes) -> object:
            wire.clock.advance(6)
            return json.loads(body)

        monkeypatch.setattr(serialization, "parse_json", parse)
        error = failure_of(CALLS["GET"], wire.api)
    assert isinstance(error, ApiTimeoutError)
    assert "deadline of 5 s passed while the response was parsed" in str(error.reason)


def test_deadline_is_checked_between_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire(respond(200, ROWS), deadline=5, max_attempts=1) as wire:
        original = serialization._ModelConverter.convert_rows
        batches: list[int] = []

        def convert_rows(self: object, rows: list[object]) -> object:
            batches.append(len(rows))
            wire.clock.advance(2)
            return original(self, rows)  # type: ignore[arg-type]

        wire.api.get_entity_connections()  # the converters exist before they are patched
        monkeypatch.setattr(serialization, "_converters", {})
        monkeypatch.setattr(serialization._ModelConverter, "convert_rows", convert_rows)
        error = failure_of(CALLS["GET"], wire.api)
    assert isinstance(error, ApiTimeoutError)
    assert batches == [1000] * 3


def test_large_write_response_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"success": true, "padding": "' + b"x" * 70_000 + b'"}'
    with Wire(respond(200, body), deadline=5) as wire:

        def parse(data: bytes) -> object:
            wire.clock.advance(6)
            return json.loads(data)

        monkeypatch.setattr(serialization, "parse_json", parse)
        error = failure_of(CALLS["PUT accept"], wire.api)
        assert (error.outcome, len(wire.requests)) == ("unknown", 1)
