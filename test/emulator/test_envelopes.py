"""The headers of every response, unknown routes, media types and compression."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable

import pytest
from support.emulator_clients import Connect, ManualClock

from zuora_client.emulator import ZuoraEmulator

PATH = "/v1/entity-connections"


def test_every_response_has_unique_request_id(zuora: ZuoraEmulator, connect: Connect) -> None:
    http = connect()
    responses = [
        http.get("/v1/entities"),
        http.get("/nowhere"),
        http.get(Authorization=None),
        http.token({}),
        http.get(),
    ]
    request_ids = [response.headers["Zuora-Request-Id"] for response in responses]
    assert all(str(uuid.UUID(text)) == text for text in request_ids)
    assert len(set(request_ids)) == len(responses)


def test_track_id_is_echoed(connect: Connect) -> None:
    http = connect()
    assert "Zuora-Track-Id" not in http.get("/v1/entities").headers
    for path in ("/v1/entities", "/nowhere", "/oauth/token"):
        assert http.get(path, Zuora_Track_Id="my id/7").headers["Zuora-Track-Id"] == "my id/7"
    assert http.get("/v1/entities", Zuora_Track_Id="x" * 64).headers["Zuora-Track-Id"] == "x" * 64


@pytest.mark.parametrize("track_id", ["x" * 65, "2026-01-01T00:00:00", "a;b", "it's", 'say "a"', "caf\xe9", "a\tb"])
def test_invalid_track_id_is_refused(zuora: ZuoraEmulator, connect: Connect, track_id: str) -> None:
    """An invalid Zuora-Track-Id is refused and not echoed."""
    response = connect(zuora.entities[0]).initiate(zuora.entities[1], Zuora_Track_Id=track_id)
    assert response.status == 400
    assert response.codes == [67999920]
    assert "Zuora-Track-Id" not in response.headers
    assert zuora.connections == []


def test_rate_limit_headers_on_v1_paths(zuora: ZuoraEmulator, connect: Connect, clock: ManualClock) -> None:
    http = connect()
    first, second = http.get("/v1/entities"), http.get(Authorization=None)
    for response in (first, second):
        assert response.headers["RateLimit-Limit"] == "2250000, 50000;w=60, 2250000;w=3600, 27000000;w=86400"
        assert response.headers["Concurrency-Limit-Type"] == "Default"
        assert int(response.headers["Concurrency-Limit-Remaining"]) < int(response.headers["Concurrency-Limit-Limit"])
    assert int(first.headers["RateLimit-Remaining"]) - int(second.headers["RateLimit-Remaining"]) == 1
    assert first.headers["RateLimit-Reset"] == "3600"
    clock.now += 3599.5
    assert http.get("/v1/entities").headers["RateLimit-Reset"] == "1"
    clock.now += 7300
    later = http.get("/v1/entities")
    assert later.headers["RateLimit-Remaining"] == first.headers["RateLimit-Remaining"], "a new window"
    assert 1 <= int(later.headers["RateLimit-Reset"]) <= 3600
    assert "RateLimit-Limit" not in http.token({}).headers


@pytest.mark.parametrize(
    "path",
    [
        "/", "/v1", "/v1/", "/v1/entities/", "/v1/entities/a/b", "/v2/entities", "/v1/entity-connections/",
        "/v1/entity-connections/x", "/v1/entity-connections//accept", "/v1/entity-connections/x/accept/", "/oauth",
        "/v1/entity-connections/x/approve", "/V1/entities", "/v1/entity-connections/a/b/accept",
    ],
)  # fmt: skip
def test_unknown_path_is_404(zuora: ZuoraEmulator, connect: Connect, path: str) -> None:
    for method in ("GET", "PUT"):
        response = connect(zuora.entities[0]).call(method, path)
        assert response.status == 404
        assert response.codes == [50000040]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("DELETE", PATH, 50000045),
        ("PUT", PATH, 50000045),
        ("POST", "/v1/entities", 50000045),
        ("PATCH", "/v1/entities/x", 50000045),
        ("GET", f"{PATH}/x/accept", 50000045),
        ("POST", f"{PATH}/x/disconnect", 50000045),
        ("get", PATH, 50000045),
    ],
)
def test_unsupported_method_is_405(zuora: ZuoraEmulator, connect: Connect, method: str, path: str, code: int) -> None:
    response = connect(zuora.entities[0]).call(method, path)
    assert response.status == 405
    assert response.codes == [code]


@pytest.mark.parametrize("content_type", [None, "", "text/uncompressed", "application/x-www-form-urlencoded"])
def test_write_without_json_content_type(zuora: ZuoraEmulator, connect: Connect, content_type: str | None) -> None:
    connection = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    http = connect(zuora.entities[1])
    assert http.change("accept", connection.id, Content_Type=content_type).status == 415
    assert http.initiate(zuora.entities[2], Content_Type=content_type).status == 415
    assert zuora.connections == [connection]
    assert http.get(Content_Type=content_type).status == 200, "a GET does not need one"


def test_content_type_may_have_parameters(zuora: ZuoraEmulator, connect: Connect) -> None:
    response = connect(zuora.entities[0]).initiate(zuora.entities[1], Content_Type="Application/JSON; charset=utf-8")
    assert response.json["success"] is True


def test_large_body_is_compressed_on_request(connect: Connect) -> None:
    """A body over 1000 bytes is sent as gzip if the client accepts that."""
    with ZuoraEmulator(9) as zuora:
        http = connect(None, zuora)
        uncompressed = http.get("/v1/entities", Accept_Encoding="identity")
        compressed = http.get("/v1/entities", Accept_Encoding="gzip, deflate")
        assert len(uncompressed.raw) > 1000
        assert "Content-Encoding" not in uncompressed.headers
        assert compressed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(compressed.raw) == uncompressed.raw
        assert len(compressed.raw) < len(uncompressed.raw)
        http.connection.close()


def test_small_body_is_not_compressed(connect: Connect) -> None:
    response = connect().get("/v1/entities", Accept_Encoding="gzip")
    assert len(response.raw) <= 1000
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(
    ("header", "is_gzip"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("gzip ; q=1.0, br", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("xgzip", False),
        ("br", False),
        ("", False),
    ],
)
def test_accept_encoding_weights(connect: Connect, header: str, is_gzip: bool) -> None:
    with ZuoraEmulator(9) as zuora:
        http = connect(None, zuora)
        assert (http.get("/v1/entities", Accept_Encoding=header).headers["Content-Encoding"] == "gzip") is is_gzip
        http.connection.close()


def test_request_body_may_be_gzip(zuora: ZuoraEmulator, connect: Connect) -> None:
    body = gzip.compress(f'{{"targetEntityId":"{zuora.entities[1].id}"}}'.encode())
    response = connect(zuora.entities[0]).call("POST", PATH, body, {"Content-Encoding": "gzip"})
    assert response.json["success"] is True
    assert zuora.requests[-1].body == body, "the record keeps the body as it was sent"


@pytest.mark.parametrize(
    "damage", [lambda body: b"x" + body, lambda body: body[:-4], lambda _body: gzip.compress(b" " * 9_000_000)]
)
def test_unreadable_gzip_body_is_refused(
    zuora: ZuoraEmulator, connect: Connect, damage: Callable[[bytes], bytes]
) -> None:
    body = damage(gzip.compress(b"{}"))
    response = connect(zuora.entities[0]).call("POST", PATH, body, {"Content-Encoding": "gzip"})
    assert response.status == 400
    assert response.codes == [67999990]


def test_unsupported_content_encoding_is_415(zuora: ZuoraEmulator, connect: Connect) -> None:
    assert connect(zuora.entities[0]).call("POST", PATH, b"{}", {"Content-Encoding": "br"}).status == 415
