"""Paging through connections."""

from __future__ import annotations

import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from support.emulator_clients import Connect, HttpResponse

from zuora_client.emulator import ZuoraEmulator

PATH = "/v1/entity-connections"


@pytest.fixture
def connection_ids(zuora: ZuoraEmulator) -> list[str]:
    """The ids of 70 connections of the root, every third one inbound."""
    root, other = zuora.entities[:2]
    created = [
        zuora.add_connection(*((other, root) if number % 3 == 0 else (root, other)), "Disconnected")
        for number in range(70)
    ]
    return [connection.id for connection in created]


def ids(response: HttpResponse) -> list[str]:
    assert response.json["success"] is True
    return [connection["id"] for connection in response.json["entityConnections"]]


def test_page_size_defaults_to_30(zuora: ZuoraEmulator, connect: Connect, connection_ids: list[str]) -> None:
    http = connect(zuora.entities[0])
    assert ids(http.get()) == connection_ids[:30]
    assert ids(http.get(f"{PATH}?page=3")) == connection_ids[60:]
    assert ids(http.get(f"{PATH}?pageSize=7&page=2")) == connection_ids[7:14]
    assert ids(http.get(f"{PATH}?pageSize=300")) == connection_ids
    assert ids(http.get(f"{PATH}?pageSize=70&page=2")) == []


def test_next_page_leads_through_all(zuora: ZuoraEmulator, connect: Connect, connection_ids: list[str]) -> None:
    """`nextPage` is an absolute URL to the next page, absent on the last one."""
    http = connect(zuora.entities[0])
    response = http.get(f"{PATH}?pageSize=20")
    found = ids(response)
    pages = 1
    while "nextPage" in response.json:
        url = response.json["nextPage"]
        assert url.startswith(f"{zuora.url}{PATH}?")
        response = http.get(url[len(zuora.url) :])
        found += ids(response)
        pages += 1
    assert found == connection_ids
    assert pages == 4


@pytest.mark.parametrize("size", [35, 70])
def test_full_last_page_has_no_next(
    zuora: ZuoraEmulator, connect: Connect, connection_ids: list[str], size: int
) -> None:
    response = connect(zuora.entities[0]).get(f"{PATH}?pageSize={size}&page={70 // size}")
    assert len(ids(response)) == size
    assert "nextPage" not in response.json


@pytest.mark.parametrize(("direction", "chosen"), [("inbound", slice(0, None, 3)), ("outbound", None)])
def test_next_page_keeps_the_direction(
    zuora: ZuoraEmulator, connect: Connect, connection_ids: list[str], direction: str, chosen: slice | None
) -> None:
    expected = connection_ids[chosen] if chosen else [id_ for number, id_ in enumerate(connection_ids) if number % 3]
    http = connect(zuora.entities[0])
    first = http.get(f"{PATH}?pageSize=15&type={direction}")
    query = parse_qs(urlsplit(first.json["nextPage"]).query)
    assert query == {"page": ["2"], "pageSize": ["15"], "type": [direction]}
    second = http.get(first.json["nextPage"][len(zuora.url) :])
    assert ids(first) + ids(second) == expected[:30]


def test_next_page_uses_host_header(zuora: ZuoraEmulator, connect: Connect, connection_ids: list[str]) -> None:
    response = connect(zuora.entities[0]).get(Host="forwarded.example:9999")
    assert response.json["nextPage"].startswith(f"http://forwarded.example:9999{PATH}?")


@pytest.mark.parametrize(
    "query",
    [
        "pageSize=0", "pageSize=301", "pageSize=-1", "pageSize=1.5", "pageSize=", "pageSize=all", "pageSize=%D9%A1",
        "pageSize=99999999999999999999", "page=0", "page=-1", "page=x", "type=", "type=Inbound", "type=both",
    ],
)  # fmt: skip
def test_invalid_query_is_refused(zuora: ZuoraEmulator, connect: Connect, query: str) -> None:
    response = connect(zuora.entities[0]).get(f"{PATH}?{query}")
    assert response.status == 200
    assert response.codes == [50000027]


def test_unknown_query_parameters_are_ignored(
    zuora: ZuoraEmulator, connect: Connect, connection_ids: list[str]
) -> None:
    assert ids(connect(zuora.entities[0]).get(f"{PATH}?colour=blue&pageSize=2")) == connection_ids[:2]


def test_concurrent_paging(zuora: ZuoraEmulator, connect: Connect) -> None:
    """Four threads page through a thousand connections."""
    root, *others = zuora.entities
    seeded = [zuora.add_connection(root, others[number % 3], "Disconnected").id for number in range(1000)]
    found: dict[int, list[str]] = {}
    sizes: dict[int, list[int]] = {}

    def page(thread: int) -> None:
        http = connect(root)
        received, lengths, path = [], [], f"{PATH}?page=1&pageSize=300"
        while path:
            response = http.get(path, Accept_Encoding="gzip")
            received += ids(response)
            lengths.append(len(ids(response)))
            path = response.json.get("nextPage", "")[len(zuora.url) :]
        found[thread], sizes[thread] = received, lengths

    threads = [threading.Thread(target=page, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), seeded)
    assert list(sizes.values()) == [[300, 300, 300, 100]] * 4
