"""Pages of connections."""

from __future__ import annotations

import threading
from urllib.parse import parse_qs, urlsplit

import pytest

PATH = "/v1/entity-connections"


@pytest.fixture
def rows(zuora) -> list[str]:
    """The ids of 70 connections of the root, every third one inbound."""
    root, other = zuora.entities[:2]
    made = [
        zuora.add_connection(*((other, root) if number % 3 == 0 else (root, other)), "Disconnected")
        for number in range(70)
    ]
    return [row.id for row in made]


def ids(answer) -> list[str]:
    assert answer.json["success"] is True
    return [row["id"] for row in answer.json["entityConnections"]]


def test_a_page_is_30_rows_unless_another_size_is_asked_for(zuora, connect, rows) -> None:
    http = connect(zuora.entities[0])
    assert ids(http.get()) == rows[:30]
    assert ids(http.get(f"{PATH}?page=3")) == rows[60:]
    assert ids(http.get(f"{PATH}?pageSize=7&page=2")) == rows[7:14]
    assert ids(http.get(f"{PATH}?pageSize=300")) == rows
    assert ids(http.get(f"{PATH}?pageSize=70&page=2")) == []


def test_next_page_is_a_whole_url_that_leads_through_all_rows_and_is_absent_on_the_last(zuora, connect, rows) -> None:
    http = connect(zuora.entities[0])
    answer = http.get(f"{PATH}?pageSize=20")
    found = ids(answer)
    pages = 1
    while "nextPage" in answer.json:
        url = answer.json["nextPage"]
        assert url.startswith(f"{zuora.url}{PATH}?")
        answer = http.get(url[len(zuora.url) :])
        found += ids(answer)
        pages += 1
    assert found == rows
    assert pages == 4


@pytest.mark.parametrize("size", [35, 70])
def test_a_last_page_that_is_full_names_no_next_one(zuora, connect, rows, size: int) -> None:
    answer = connect(zuora.entities[0]).get(f"{PATH}?pageSize={size}&page={70 // size}")
    assert len(ids(answer)) == size
    assert "nextPage" not in answer.json


@pytest.mark.parametrize(("direction", "chosen"), [("inbound", slice(0, None, 3)), ("outbound", None)])
def test_next_page_keeps_the_direction(zuora, connect, rows, direction: str, chosen) -> None:
    expected = rows[chosen] if chosen else [id_ for number, id_ in enumerate(rows) if number % 3]
    http = connect(zuora.entities[0])
    first = http.get(f"{PATH}?pageSize=15&type={direction}")
    query = parse_qs(urlsplit(first.json["nextPage"]).query)
    assert query == {"page": ["2"], "pageSize": ["15"], "type": [direction]}
    second = http.get(first.json["nextPage"][len(zuora.url) :])
    assert ids(first) + ids(second) == expected[:30]


def test_next_page_starts_with_the_name_that_the_caller_used(zuora, connect, rows) -> None:
    answer = connect(zuora.entities[0]).get(Host="forwarded.example:9999")
    assert answer.json["nextPage"].startswith(f"http://forwarded.example:9999{PATH}?")


@pytest.mark.parametrize(
    "query",
    [
        "pageSize=0", "pageSize=301", "pageSize=-1", "pageSize=1.5", "pageSize=", "pageSize=all", "pageSize=%D9%A1",
        "pageSize=99999999999999999999", "page=0", "page=-1", "page=x", "type=", "type=Inbound", "type=both",
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(zuora, connect, query: str) -> None:
    answer = connect(zuora.entities[0]).get(f"{PATH}?{query}")
    assert answer.status == 200
    assert answer.codes == [50000027]


def test_unknown_query_parameters_are_ignored(zuora, connect, rows) -> None:
    assert ids(connect(zuora.entities[0]).get(f"{PATH}?colour=blue&pageSize=2")) == rows[:2]


def test_four_threads_page_at_once_through_a_thousand_connections(zuora, connect) -> None:
    root, *others = zuora.entities
    seeded = [zuora.add_connection(root, others[number % 3], "Disconnected").id for number in range(1000)]
    found: dict[int, list[str]] = {}
    sizes: dict[int, list[int]] = {}

    def page(thread: int) -> None:
        http = connect(root)
        mine, lengths, path = [], [], f"{PATH}?page=1&pageSize=300"
        while path:
            answer = http.get(path, Accept_Encoding="gzip")
            mine += ids(answer)
            lengths.append(len(ids(answer)))
            path = answer.json.get("nextPage", "")[len(zuora.url) :]
        found[thread], sizes[thread] = mine, lengths

    threads = [threading.Thread(target=page, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), seeded)
    assert list(sizes.values()) == [[300, 300, 300, 100]] * 4
