"""What a console and a notebook show: reprs without secrets, models as tables."""

from __future__ import annotations

from support.wire import YES, Wire

from zuora_client import (
    ApiClient,
    Configuration,
    EntitiesApi,
    EntityConnectionsApi,
    GETEntityConnectionsArrayItemsType,
    GETEntityConnectionsResponseType,
    POSTEntityConnectionsResponseType,
)


def test_repr_of_client_and_apis() -> None:
    client = ApiClient(Configuration(environment="EU", client_id="id", client_secret="marked-secret"))
    shown = "<ApiClient https://rest.eu.zuora.com, credentials: OAuth client credentials>"
    assert repr(client) == shown
    assert repr(EntityConnectionsApi(client)) == f"<EntityConnectionsApi of {shown}>"
    assert repr(EntitiesApi(client)) == f"<EntitiesApi of {shown}>"
    client.close()
    assert repr(client) == "<ApiClient https://rest.eu.zuora.com, credentials: OAuth client credentials, closed>"


def test_repr_of_iterator() -> None:
    with Wire(YES) as wire:
        rows = wire.api.iter_entity_connections(zuora_entity_ids="8a80")
        assert repr(rows) == "<ConnectionIterator of entity '8a80': 0 pages read, page 1 is next>"
        assert list(rows) == []
        assert repr(rows) == "<ConnectionIterator of entity '8a80': 1 pages read, no further page>"
        assert repr(wire.api.iter_entity_connections()).startswith("<ConnectionIterator: 0 pages read")


def test_model_as_html() -> None:
    """Text of a response is escaped; the rows of a page are one table."""
    row = GETEntityConnectionsArrayItemsType("<b>1</b>", "s", "Pending & more", "t")
    assert "<th>id</th><td>&lt;b&gt;1&lt;/b&gt;</td>" in row._repr_html_()
    page = GETEntityConnectionsResponseType([row, row], None, True)
    html = page._repr_html_()
    assert "<tr><th>id</th><th>source_entity_id</th><th>status</th><th>target_entity_id</th></tr>" in html
    assert html.count("<tr><td>&lt;b&gt;1&lt;/b&gt;</td><td>s</td><td>Pending &amp; more</td><td>t</td></tr>") == 2
    assert "<b>" not in html
    for unusual in ([], [row, "<i>"], "<i>", [None]):
        page.entity_connections = unusual  # type: ignore[assignment]
        assert "<i>" not in page._repr_html_()
    assert POSTEntityConnectionsResponseType("1", True)._repr_html_() == (
        "<table><tr><th>id</th><td>1</td></tr><tr><th>success</th><td>True</td></tr></table>"
    )
