"""The operations as generated clients have them: names, paths, keywords and response models."""

from __future__ import annotations

from typing import Any, NamedTuple

import zuora_client

MEDIA_TYPE = "application/json; charset=utf-8"
CONNECTION_ID = "8a808255575bdae401576a914a140420"
TARGET_ID = "8a80825556ff28a4015708ba29312ecc"
ENTITY_ID = "8a808255557baba1015580e12fa5083a"
COMMON_KEYWORDS = ("async_req", "_return_http_data_only", "_preload_content", "_request_timeout")


class Operation(NamedTuple):
    """One operation.

    `arguments` and `options` are required in a call. `keywords` are those of this operation and the two for headers,
    in the order of the signature, without `COMMON_KEYWORDS`. `model` is the class of the response.
    """

    generated: str
    readable: str
    method: str
    path: str
    arguments: tuple[str, ...]
    options: dict[str, Any]
    keywords: tuple[str, ...]
    model: type[Any]

    def call(self, api: Any, *, suffix: str = "", **options: Any) -> Any:
        """Call the plain method, or with `suffix` ``_with_http_info`` that variant."""
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


# The operations of EntityConnectionsApi.
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
        ("zuora_entity_ids", "request", "idempotency_key", "zuora_track_id"),
        zuora_client.POSTEntityConnectionsResponseType,
    ),
    _decision("accept"),
    _decision("deny"),
    _decision("disconnect"),
]

# The operations of EntitiesApi.
ENTITY_OPERATIONS = [
    Operation(
        "g_et_entities",
        "get_entities",
        "GET",
        "/v1/entities",
        (),
        {},
        ("zuora_entity_ids", "provisioned", "zuora_track_id"),
        zuora_client.GETEntitiesResponseType,
    ),
    Operation(
        "g_et_entity_by_id",
        "get_entity_by_id",
        "GET",
        f"/v1/entities/{ENTITY_ID}",
        (ENTITY_ID,),
        {},
        ("zuora_entity_ids", "zuora_track_id"),
        zuora_client.GETEntitiesResponseTypeWithId,
    ),
]
