# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What a type checker tells the users of EntitiesApi and Hierarchy. Checked by mypy and pyright, never run.

A line with ``type: ignore`` must be an error: both checkers report an ignore that is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from multiprocessing.pool import AsyncResult
from typing import List, Optional, Union

from typing_extensions import assert_type
from urllib3 import Timeout
from urllib3.response import BaseHTTPResponse

import zuora_client
from zuora_client import (
    ApiClient,
    EntitiesApi,
    EntityConnectionsApi,
    GETEntitiesResponseType,
    GETEntitiesResponseTypeWithId,
    GETEntitiesType,
    Hierarchy,
)
from zuora_client.api.entities_api import EntitiesApi as GeneratedPath
from zuora_client.models.get_entities_type import GETEntitiesType as GeneratedModelPath

Headers = Mapping[str, str]
Listed = GETEntitiesResponseType
Found = GETEntitiesResponseTypeWithId


def plain_calls(api: EntitiesApi) -> None:
    assert_type(api.g_et_entities(), Listed)
    assert_type(api.g_et_entities(provisioned=True, zuora_entity_ids="id", zuora_track_id=b"t"), Listed)
    assert_type(api.get_entities(provisioned="true", _request_timeout=(0.5, None)), Listed)
    assert_type(api.get_entities(provisioned=None, _request_timeout=Timeout(total=5)), Listed)
    assert_type(api.g_et_entity_by_id("id"), Found)
    assert_type(api.g_et_entity_by_id(id=b"id", zuora_entity_ids="id"), Found)
    assert_type(api.get_entity_by_id(7, async_req=False, _preload_content=True), Found)


def with_http_info(api: EntitiesApi) -> None:
    assert_type(api.g_et_entities_with_http_info(), tuple[Listed, int, Headers])
    assert_type(api.get_entities_with_http_info(provisioned=False), tuple[Listed, int, Headers])
    assert_type(api.g_et_entity_by_id_with_http_info("id"), tuple[Found, int, Headers])
    assert_type(api.get_entity_by_id_with_http_info(id="id"), tuple[Found, int, Headers])


def async_and_unread(api: EntitiesApi) -> None:
    assert_type(api.get_entities(async_req=True), AsyncResult[Listed])
    assert_type(api.get_entity_by_id("id", async_req=True).get(5), Found)
    assert_type(api.get_entities_with_http_info(async_req=True), AsyncResult[tuple[Listed, int, Headers]])
    assert_type(api.get_entity_by_id_with_http_info("id", async_req=True), AsyncResult[tuple[Found, int, Headers]])
    assert_type(api.get_entities(_preload_content=False), BaseHTTPResponse)
    assert_type(api.get_entity_by_id("id", _preload_content=False), BaseHTTPResponse)
    assert_type(api.get_entities_with_http_info(_preload_content=False), tuple[BaseHTTPResponse, int, Headers])
    assert_type(
        api.get_entity_by_id_with_http_info("id", _preload_content=False), tuple[BaseHTTPResponse, int, Headers]
    )


def wrong_calls_are_errors(api: EntitiesApi) -> None:
    api.get_entities("true")  # type: ignore[call-overload]
    api.get_entities(provisioned=1)  # type: ignore[call-overload]
    api.get_entities(page_size=30)  # type: ignore[call-overload]
    api.get_entity_by_id()  # type: ignore[call-overload]
    api.get_entity_by_id(None)  # type: ignore[call-overload]
    api.get_entity_by_id("id", provisioned=True)  # type: ignore[call-overload]
    api.get_entities_with_http_info(_return_http_data_only=True)  # type: ignore[call-overload]
    EntitiesApi("https://rest.zuora.com")  # type: ignore[arg-type]


def models(api: EntitiesApi) -> None:
    assert_type(api.get_entities().entities, Optional[List[GETEntitiesType]])
    assert_type(api.get_entities().success, Optional[bool])
    entity = api.get_entity_by_id("id")
    assert_type(entity.name, Optional[str])
    assert_type(entity.parent_id, Optional[str])
    assert_type(entity.success, Optional[bool])
    GETEntitiesType(name="Acme", id="8a808255557baba1015580e12fa5083a")
    GETEntitiesType(parentId="id")  # type: ignore[call-arg]


def hierarchies(client: ApiClient, api: EntityConnectionsApi, entity: GETEntitiesType) -> None:
    hierarchy = Hierarchy.load(client)
    assert_type(hierarchy, Hierarchy)
    assert_type(Hierarchy.load(api), Hierarchy)
    assert_type(Hierarchy.load(EntitiesApi(client), zuora_entity_ids=b"id"), Hierarchy)
    assert_type(Hierarchy([entity]), Hierarchy)
    assert_type(hierarchy.find("Acme-US"), GETEntitiesType)
    assert_type(hierarchy.find(b"Acme-US"), GETEntitiesType)
    assert_type(hierarchy.name_of("id"), Optional[str])
    assert_type(hierarchy.parent_of(entity), Optional[GETEntitiesType])
    assert_type(hierarchy.children_of("Acme-Europe"), List[GETEntitiesType])
    assert_type("id" in hierarchy, bool)
    assert_type(len(hierarchy), int)
    assert_type([row.id for row in hierarchy], List[Optional[str]])
    Hierarchy.load("https://rest.zuora.com")  # type: ignore[arg-type]
    Hierarchy(["id"])  # type: ignore[list-item]
    hierarchy.find(7)  # type: ignore[arg-type]


def import_paths(api: GeneratedPath, entity: GeneratedModelPath) -> None:
    assert_type(api, EntitiesApi)
    assert_type(entity, GETEntitiesType)
    assert_type(zuora_client.api.EntitiesApi(), EntitiesApi)
    assert_type(zuora_client.models.GETEntitiesType(), GETEntitiesType)
    found: Union[GETEntitiesType, GETEntitiesResponseTypeWithId] = entity
    del found
