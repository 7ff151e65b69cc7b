"""The table and the graph of a plan. No id, name or status can break them."""

from __future__ import annotations

import re

import hypothesis
import hypothesis.strategies as st
from support.tenant import api_for

from zuora_client import (
    ConnectionPlan,
    EntityConnectionsApi,
    GETEntityConnectionsArrayItemsType,
    PlannedConnection,
    plan_connections,
)
from zuora_client.emulator import ZuoraEmulator

NODE = re.compile(r'    n\d+\["[\w .;#-]*(<br/>[\w .;#-]+)?"\]')
EDGE = re.compile(
    r'    n\d+ (-->\|"Connected"\||-\.->\|"Pending"\||==>\|"(Pending, to be accepted|to be connected)"\|) n\d+'
)


def test_table_and_graph(zuora: ZuoraEmulator, api: EntityConnectionsApi) -> None:
    root, a, b, c, d, e = zuora.entities
    zuora.add_connection(root, a, "Connected")
    zuora.add_connection(root, b, "Pending")
    zuora.add_connection(root, c, "Disconnected")
    zuora.add_connection(root, d, "Connected")
    zuora.add_connection(root, e, "Disconnected")
    zuora.add_connection(a, d, "Connected")
    names = {entity.uuid: entity.name for entity in zuora.entities if entity is not c}
    plan = plan_connections(api, [(root.id, a.id), (root.uuid, b.id), (root.id, c.id)], names=names)
    assert str(plan) == (
        "source            target                            now           to do\n"
        "----------------  --------------------------------  ------------  ----------------\n"
        "Acme Corporation  Acme-Americas                     Connected     -\n"
        "Acme Corporation  Acme-Europe                       Pending       accept\n"
        f"Acme Corporation  {c.id}  Disconnected  initiate, accept\n"
        "\n"
        "2 of 3 pairs would change."
    )
    assert plan.to_mermaid() == (
        "flowchart LR\n"
        f'    n0["Acme Corporation<br/>{root.id}"]\n'
        f'    n1["Acme-Americas<br/>{a.id}"]\n'
        f'    n2["Acme-Europe<br/>{b.id}"]\n'
        f'    n3["{c.id}"]\n'
        f'    n4["Acme-UK<br/>{d.id}"]\n'
        '    n0 -->|"Connected"| n1\n'
        '    n0 ==>|"Pending, to be accepted"| n2\n'
        '    n0 ==>|"to be connected"| n3\n'
        '    n0 -->|"Connected"| n4\n'
    )


def test_other_connections_are_drawn(zuora: ZuoraEmulator) -> None:
    """Other active connections of the sources are drawn and left alone."""
    root, a, b = zuora.entities[:3]
    zuora.add_connection(root, b, "Pending")
    with api_for(zuora) as api:
        plan = plan_connections(api, [(root.id, a.id)])
        assert '    n0 -.->|"Pending"| n2' in plan.to_mermaid().splitlines()
        plan.apply()
    assert zuora.connections[0].status == "Pending"


HOSTILE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            '"] --> n0["',
            "end",
            "</text><script>alert(1)</script>",
            "a\nn0 --> n1",
            "#quot;",
            "`1. **x**`",
            '%%{init: {"securityLevel": "loose"}}%%',
            "x" * 5000,
            "| b |\n|---|",
            "\u202eevil",
            "click n0 href",
        ]
    ),
)


@hypothesis.example(source="\r", target="", status="", name="0", other="")
@hypothesis.example(source="1. Acme", target="- Acme", status="", name="* a", other="")
@hypothesis.given(source=HOSTILE, target=HOSTILE, status=HOSTILE, name=HOSTILE, other=HOSTILE)
def test_hostile_text_cannot_break_a_drawing(source: str, target: str, status: str, name: str, other: str) -> None:
    row = GETEntityConnectionsArrayItemsType(id="1", source_entity_id=source, status=status, target_entity_id=target)
    other_row = GETEntityConnectionsArrayItemsType("2", other, "Connected", None)
    names = {source.replace("-", "").lower(): name}
    plan = ConnectionPlan(None, [PlannedConnection(source, target, row)], [other_row], names)  # type: ignore[arg-type]
    lines = plan.to_mermaid().split("\n")
    assert (lines[0], lines[-1]) == ("flowchart LR", "")
    edges = [line for line in lines[1:-1] if EDGE.fullmatch(line)]
    nodes = [line for line in lines[1:-1] if NODE.fullmatch(line)]
    assert (len(edges), len(edges) + len(nodes)) == (2, len(lines) - 2)
    assert not any(re.search(r"""["/>](\d+\.|-) """, node) for node in nodes), "Markdown list in a label"
    table = str(plan)
    assert len(table.splitlines()) == 5
    assert table.replace("\n", "").isprintable()
    assert max(map(len, table.splitlines())) < 250
