"""What every answer has, and what is answered to a request that fits no operation."""

from __future__ import annotations

import gzip
import uuid

import pytest

from zuora_client.emulator import ZuoraEmulator

PATH = "/v1/entity-connections"


def test_every_answer_has_a_request_id_of_its_own(zuora, connect) -> None:
    http = connect()
    answers = [http.get("/v1/entities"), http.get("/nowhere"), http.get(Authorization=None), http.token({}), http.get()]
    seen = [answer.headers["Zuora-Request-Id"] for answer in answers]
    assert all(str(uuid.UUID(text)) == text for text in seen)
    assert len(set(seen)) == len(answers)


def test_a_track_id_comes_back_if_it_was_sent(connect) -> None:
    http = connect()
    assert "Zuora-Track-Id" not in http.get("/v1/entities").headers
    for path in ("/v1/entities", "/nowhere", "/oauth/token"):
        assert http.get(path, Zuora_Track_Id="my id/7").headers["Zuora-Track-Id"] == "my id/7"
    assert http.get("/v1/entities", Zuora_Track_Id="x" * 64).headers["Zuora-Track-Id"] == "x" * 64


@pytest.mark.parametrize("track_id", ["x" * 65, "2026-01-01T00:00:00", "a;b", "it's", 'say "a"', "caf\xe9", "a\tb"])
def test_a_track_id_that_zuora_does_not_allow_is_refused_and_not_echoed(zuora, connect, track_id: str) -> None:
    answer = connect(zuora.entities[0]).initiate(zuora.entities[1], Zuora_Track_Id=track_id)
    assert answer.status == 400
    assert answer.codes == [67999920]
    assert "Zuora-Track-Id" not in answer.headers
    assert zuora.connections == []


def test_limits_are_shown_on_v1_paths_as_zuora_writes_them(zuora, connect, clock) -> None:
    http = connect()
    first, second = http.get("/v1/entities"), http.get(Authorization=None)
    for answer in (first, second):
        assert answer.headers["RateLimit-Limit"] == "2250000, 50000;w=60, 2250000;w=3600, 27000000;w=86400"
        assert answer.headers["Concurrency-Limit-Type"] == "Default"
        assert int(answer.headers["Concurrency-Limit-Remaining"]) < int(answer.headers["Concurrency-Limit-Limit"])
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
def test_an_unknown_route_is_404(zuora, connect, path: str) -> None:
    for method in ("GET", "PUT"):
        answer = connect(zuora.entities[0]).call(method, path)
        assert answer.status == 404
        assert answer.codes == [50000040]


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
def test_a_known_route_with_another_method_is_405(zuora, connect, method: str, path: str, code: int) -> None:
    answer = connect(zuora.entities[0]).call(method, path)
    assert answer.status == 405
    assert answer.codes == [code]


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_a_write_without_a_json_content_type_is_415(zuora, connect, content_type) -> None:
    row = zuora.add_connection(zuora.entities[0], zuora.entities[1], "Pending")
    http = connect(zuora.entities[1])
    assert http.change("accept", row.id, Content_Type=content_type).status == 415
    assert http.initiate(zuora.entities[2], Content_Type=content_type).status == 415
    assert zuora.connections == [row]
    assert http.get(Content_Type=content_type).status == 200, "a GET needs none"


def test_a_content_type_may_have_parameters(zuora, connect) -> None:
    answer = connect(zuora.entities[0]).initiate(zuora.entities[1], Content_Type="Application/JSON; charset=utf-8")
    assert answer.json["success"] is True


def test_a_body_over_1000_bytes_is_zipped_for_who_accepts_it(connect) -> None:
    with ZuoraEmulator(9) as zuora:
        http = connect(None, zuora)
        plain = http.get("/v1/entities", Accept_Encoding="identity")
        zipped = http.get("/v1/entities", Accept_Encoding="gzip, deflate")
        assert len(plain.raw) > 1000
        assert "Content-Encoding" not in plain.headers
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(zipped.raw) == plain.raw
        assert len(zipped.raw) < len(plain.raw)
        http.connection.close()


def test_a_small_body_is_never_zipped(connect) -> None:
    answer = connect().get("/v1/entities", Accept_Encoding="gzip")
    assert len(answer.raw) <= 1000
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("header", "zipped"),
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
def test_accept_encoding_is_read_with_its_weights(connect, header: str, zipped: bool) -> None:
    with ZuoraEmulator(9) as zuora:
        http = connect(None, zuora)
        assert (http.get("/v1/entities", Accept_Encoding=header).headers["Content-Encoding"] == "gzip") is zipped
        http.connection.close()


def test_a_request_body_may_be_zipped(zuora, connect) -> None:
    body = gzip.compress(f'{{"targetEntityId":"{zuora.entities[1].id}"}}'.encode())
    answer = connect(zuora.entities[0]).call("POST", PATH, body, {"Content-Encoding": "gzip"})
    assert answer.json["success"] is True
    assert zuora.requests[-1].body == body, "the record keeps the body as it was sent"


@pytest.mark.parametrize(
    "damage", [lambda body: b"x" + body, lambda body: body[:-4], lambda _body: gzip.compress(b" " * 9_000_000)]
)
def test_a_zipped_body_that_cannot_be_read_is_refused(zuora, connect, damage) -> None:
    body = damage(gzip.compress(b"{}"))
    answer = connect(zuora.entities[0]).call("POST", PATH, body, {"Content-Encoding": "gzip"})
    assert answer.status == 400
    assert answer.codes == [67999990]


def test_another_coding_of_the_body_is_415(zuora, connect) -> None:
    assert connect(zuora.entities[0]).call("POST", PATH, b"{}", {"Content-Encoding": "br"}).status == 415
