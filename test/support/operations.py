"""The five operations as generated clients have them: names, wire, keywords, answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import zuora_client

MEDIA_TYPE = "application/json; charset=utf-8"
CONNECTION_ID = "8a808255575bdae401576a914a140420"
TARGET_ID = "8a80825556ff28a4015708ba29312ecc"


class Operation(NamedTuple):
    """One operation.

    `arguments` and `options` are what a call needs, `keywords` all that it takes besides the common ones.
    """

    generated: str
    readable: str
    method: str
    path: str
    arguments: tuple[str, ...]
    options: dict[str, Any]
    keywords: tuple[str, ...]
    answer: type

    def call(self, api: Any, *, suffix: str = "", **options: Any) -> Any:
        """Call the operation by its generated name, with `suffix` ``_with_http_info`` its twin."""
        return getattr(api, self.generated + suffix)(*self.arguments, **{**self.options, **options})


def _decision(verb: str) -> Operation:
    return Operation(
        f"p_ut_entity_connections_{verb}",
        f"put_entity_connections_{verb}",
        "PUT",
        f"/v1/entity-connections/{CONNECTION_ID}/{verb}",
        (CONNECTION_ID,),
        {},
        ("zuora_entity_ids", "zuora_track_id"),
        getattr(zuora_client, f"PUTEntityConnections{verb.title()}ResponseType"),
    )


OPERATIONS = [
    Operation(
        "g_et_entity_connections",
        "get_entity_connections",
        "GET",
        "/v1/entity-connections",
        (),
        {},
        ("zuora_entity_ids", "page_size", "type", "page", "zuora_track_id"),
        zuora_client.GETEntityConnectionsResponseType,
    ),
    Operation(
        "p_ost_entity_connections",
        "post_entity_connections",
        "POST",
        "/v1/entity-connections",
        (),
        {"request": {"targetEntityId": TARGET_ID}},
        ("zuora_entity_ids", "request", "zuora_track_id", "idempotency_key"),
        zuora_client.POSTEntityConnectionsResponseType,
    ),
    _decision("accept"),
    _decision("deny"),
    _decision("disconnect"),
]
