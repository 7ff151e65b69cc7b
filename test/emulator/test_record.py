"""The recorded requests."""

from __future__ import annotations

import pytest
from support.emulator_clients import Connect
from support.threads import wait_until

from zuora_client.emulator import Fault, Headers, ZuoraEmulator, faults
from zuora_client.emulator import record as record_module


def test_record_of_what_was_sent(zuora: ZuoraEmulator, connect: Connect) -> None:
    connect(zuora.entities[0]).call(
        "POST", "/v1/entity-connections?a=1&b=x%20y&c=&a=2", '{"targetEntityId":"no"}', {"X-Mine": "v"}
    )
    (request,) = zuora.requests
    assert (request.method, request.path) == ("POST", "/v1/entity-connections")
    assert request.query == {"a": "2", "b": "x y", "c": ""}
    assert request.body == b'{"targetEntityId":"no"}'
    for name in ("X-Mine", "x-mine", "X-MINE"):
        assert request.headers[name] == "v"
        assert name in request.headers
    assert request.headers.get("absent") is None
    assert request.entity_id == zuora.entities[0].id
    assert (request.status, request.committed, request.fault, request.connection_id) == (200, False, None, 1)


def test_record_of_commits(zuora: ZuoraEmulator, connect: Connect) -> None:
    """`committed` is set only for the requests that changed the tenant."""
    source, target = connect(zuora.entities[0]), connect(zuora.entities[1])
    first = source.initiate(zuora.entities[1])
    source.initiate(zuora.entities[1])
    target.change("accept", first.json["id"])
    target.change("accept", first.json["id"])
    source.get()
    assert [(r.method, r.status, r.committed) for r in zuora.requests] == [
        ("POST", 200, True),
        ("POST", 200, False),
        ("PUT", 200, True),
        ("PUT", 200, False),
        ("GET", 200, False),
    ]


@pytest.mark.parametrize(
    ("fault", "committed", "status"),
    [
        (faults.answer(200, {"success": True}), False, None),
        (faults.html_error(), False, None),
        (faults.refusal(53500050), False, None),
        (faults.answer_after_commit(502), True, 200),
    ],
)
def test_record_of_a_fault(
    zuora: ZuoraEmulator, connect: Connect, fault: Fault, committed: bool, status: int | None
) -> None:
    """The record names the fault, and keeps status and `committed` of the execution."""
    zuora.fail_next(fault)
    connect(zuora.entities[0]).initiate(zuora.entities[1])
    (request,) = zuora.requests
    assert (request.fault, request.committed, request.status) == (fault.name, committed, status)
    assert len(zuora.connections) == committed


def test_requests_is_a_snapshot(zuora: ZuoraEmulator, connect: Connect) -> None:
    before = zuora.requests
    connect().get("/v1/entities")
    assert before == []
    assert len(zuora.requests) == 1


def test_record_keeps_latest_requests(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    assert record_module.MAX_REQUESTS == 100_000
    monkeypatch.setattr(record_module, "MAX_REQUESTS", 3)
    with ZuoraEmulator() as zuora:
        http = connect(None, zuora)
        for number in range(5):
            http.get(f"/v1/entities?n={number}")
        assert [request.query["n"] for request in zuora.requests] == ["2", "3", "4"]
        http.connection.close()


@pytest.mark.parametrize("part", ["query", "header", "body"])
def test_record_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch, connect: Connect, part: str) -> None:
    """The oldest requests are dropped when heads and bodies together are too large."""
    assert record_module.MAX_BYTES == 128 * 1024 * 1024
    monkeypatch.setattr(record_module, "MAX_BYTES", 100_000)
    text = "x" * 30_000
    with ZuoraEmulator() as zuora:
        http = connect(zuora.entities[0], zuora)
        for number in range(5):
            path = f"/v1/entity-connections?n={number}" + (f"&x={text}" if part == "query" else "")
            http.call("POST", path, text if part == "body" else "", {"X-Text": text} if part == "header" else {})
        wait_until(lambda: len(zuora.requests) == 3)
        assert [request.query["n"] for request in zuora.requests] == ["2", "3", "4"]
        monkeypatch.setattr(record_module, "MAX_BYTES", 1)
        http.get()
        wait_until(lambda: zuora.requests == [])


def test_repeated_headers_are_joined() -> None:
    headers = Headers([("A", "1"), ("b", "2"), ("a", "3")])
    assert dict(headers) == {"a": "1, 3", "b": "2"}
    assert len(headers) == 2
    with pytest.raises(KeyError):
        headers["c"]


def test_add_connection_takes_entities_and_ids(zuora: ZuoraEmulator) -> None:
    root, child = zuora.entities[:2]
    for source, target in ((root, child), (root.id, child.uuid), (root.uuid.upper(), child.id)):
        connection = zuora.add_connection(source, target)
        assert (connection.source_entity_id, connection.target_entity_id, connection.status) == (
            root.id,
            child.id,
            "Connected",
        )
    assert zuora.add_connection(child, root, "Pending", id="mine").id == "mine"
    for bad in (("nobody", root), (root, root)):
        with pytest.raises(ValueError, match="entity"):
            zuora.add_connection(*bad)
    with pytest.raises(ValueError, match="no such entity"):
        zuora.issue_token("nobody")
    with pytest.raises(ValueError, match="no such entity"):
        zuora.add_client("nobody")
