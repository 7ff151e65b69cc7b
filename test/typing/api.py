# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What a type checker tells the users of the client. Checked by mypy and pyright, never run.

A line with ``type: ignore`` must be an error: both checkers report an ignore that is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from multiprocessing.pool import AsyncResult
from typing import Any, Literal, Optional, Union

from typing_extensions import assert_type
from urllib3 import Timeout
from urllib3.response import BaseHTTPResponse

import zuora_client
from zuora_client import (
    ApiClient,
    ApiException,
    Configuration,
    ConnectionPlan,
    EnsureResult,
    EntityConnectionsApi,
    Environment,
    GETEntityConnectionsArrayItemsType,
    GETEntityConnectionsResponseType,
    OutcomeUnknownError,
    PlanIncompleteError,
    POSTEntityConnectionsResponseType,
    POSTEntityConnectionsType,
    PUTEntityConnectionsAcceptResponseType,
    PUTEntityConnectionsDenyResponseType,
    PUTEntityConnectionsDisconnectResponseType,
    RateLimitError,
    Step,
    ensure_connected,
    ensure_disconnected,
    plan_connections,
)
from zuora_client.exceptions import AttemptRecord, Reason
from zuora_client.plan import PlannedConnection
from zuora_client.rest import RESTResponse

Headers = Mapping[str, str]
Listed = GETEntityConnectionsResponseType
Initiated = POSTEntityConnectionsResponseType
Accepted = PUTEntityConnectionsAcceptResponseType
Denied = PUTEntityConnectionsDenyResponseType
Disconnected = PUTEntityConnectionsDisconnectResponseType


def the_plain_calls(api: EntityConnectionsApi) -> None:
    request = POSTEntityConnectionsType("8a80825556ff28a4015708ba29312ecc")
    assert_type(api.g_et_entity_connections(), Listed)
    assert_type(api.g_et_entity_connections(page_size=300, page=1, type="inbound", zuora_entity_ids="id"), Listed)
    assert_type(api.p_ost_entity_connections(request=request, idempotency_key="key"), Initiated)
    assert_type(api.p_ost_entity_connections(request={"targetEntityId": "id"}, zuora_track_id="t"), Initiated)
    assert_type(api.p_ut_entity_connections_accept("id"), Accepted)
    assert_type(api.p_ut_entity_connections_deny(b"id"), Denied)
    assert_type(api.p_ut_entity_connections_disconnect(7, zuora_entity_ids=b"id"), Disconnected)
    # Text may come as bytes, from a secret store or a queue.
    assert_type(api.get_entity_connections(type=b"inbound", zuora_track_id=b"t", zuora_entity_ids=b"id"), Listed)
    assert_type(api.post_entity_connections(request=request, idempotency_key=b"key"), Initiated)


def the_readable_names(api: EntityConnectionsApi) -> None:
    assert_type(api.get_entity_connections(), Listed)
    assert_type(api.post_entity_connections(request={"targetEntityId": "id"}), Initiated)
    assert_type(api.put_entity_connections_accept("id"), Accepted)
    assert_type(api.put_entity_connections_deny("id"), Denied)
    assert_type(api.put_entity_connections_disconnect("id"), Disconnected)


def the_twins(api: EntityConnectionsApi) -> None:
    assert_type(api.g_et_entity_connections_with_http_info(), tuple[Listed, int, Headers])
    assert_type(api.p_ost_entity_connections_with_http_info(request=None), tuple[Initiated, int, Headers])
    assert_type(api.p_ut_entity_connections_accept_with_http_info("id"), tuple[Accepted, int, Headers])
    assert_type(api.p_ut_entity_connections_deny_with_http_info("id"), tuple[Denied, int, Headers])
    assert_type(api.p_ut_entity_connections_disconnect_with_http_info("id"), tuple[Disconnected, int, Headers])
    assert_type(api.get_entity_connections_with_http_info(), tuple[Listed, int, Headers])
    assert_type(api.post_entity_connections_with_http_info(request=None), tuple[Initiated, int, Headers])
    assert_type(api.put_entity_connections_accept_with_http_info("id"), tuple[Accepted, int, Headers])
    assert_type(api.put_entity_connections_deny_with_http_info("id"), tuple[Denied, int, Headers])
    assert_type(api.put_entity_connections_disconnect_with_http_info("id"), tuple[Disconnected, int, Headers])


def async_req_gives_a_result_to_wait_for(api: EntityConnectionsApi) -> None:
    assert_type(api.g_et_entity_connections(async_req=True), AsyncResult[Listed])
    assert_type(api.g_et_entity_connections(async_req=True, page_size=10).get(5), Listed)
    assert_type(api.p_ost_entity_connections(async_req=True, request=None), AsyncResult[Initiated])
    assert_type(api.p_ut_entity_connections_accept("id", async_req=True), AsyncResult[Accepted])
    assert_type(api.p_ut_entity_connections_deny("id", async_req=True), AsyncResult[Denied])
    assert_type(api.p_ut_entity_connections_disconnect("id", async_req=True), AsyncResult[Disconnected])
    assert_type(api.get_entity_connections(async_req=True), AsyncResult[Listed])
    assert_type(api.g_et_entity_connections_with_http_info(async_req=True), AsyncResult[tuple[Listed, int, Headers]])
    assert_type(
        api.put_entity_connections_deny_with_http_info("id", async_req=True),
        AsyncResult[tuple[Denied, int, Headers]],
    )


def an_unread_answer_is_the_response_of_urllib3(api: EntityConnectionsApi) -> None:
    assert_type(api.g_et_entity_connections(_preload_content=False), BaseHTTPResponse)
    assert_type(api.p_ost_entity_connections(_preload_content=False, request=None), BaseHTTPResponse)
    assert_type(api.p_ut_entity_connections_accept("id", _preload_content=False), BaseHTTPResponse)
    assert_type(api.p_ut_entity_connections_deny("id", _preload_content=False), BaseHTTPResponse)
    assert_type(api.put_entity_connections_disconnect("id", _preload_content=False), BaseHTTPResponse)
    assert_type(
        api.g_et_entity_connections_with_http_info(_preload_content=False), tuple[BaseHTTPResponse, int, Headers]
    )


def the_defaults_may_be_written_out(api: EntityConnectionsApi) -> None:
    assert_type(api.get_entity_connections(async_req=False, _preload_content=True), Listed)
    assert_type(api.get_entity_connections(async_req=None), Listed)
    assert_type(api.post_entity_connections(async_req=False, request=None), Initiated)
    assert_type(api.put_entity_connections_accept("id", _preload_content=True), Accepted)
    assert_type(api.put_entity_connections_deny_with_http_info("id", async_req=False), tuple[Denied, int, Headers])


def timeouts(api: EntityConnectionsApi) -> None:
    api.get_entity_connections(_request_timeout=5)
    api.get_entity_connections(_request_timeout=(0.5, 10))
    api.get_entity_connections(_request_timeout=(0.5, None))
    api.get_entity_connections(_request_timeout=Timeout(total=5))


def wrong_calls_are_errors(api: EntityConnectionsApi, flag: bool) -> None:
    api.get_entity_connections(pagesize=30)  # type: ignore[call-overload]
    api.get_entity_connections(connection_id="id")  # type: ignore[call-overload]
    api.get_entity_connections("inbound")  # type: ignore[call-overload]
    api.get_entity_connections(page_size="30")  # type: ignore[call-overload]
    api.get_entity_connections(zuora_entity_ids=["id"])  # type: ignore[call-overload]
    api.get_entity_connections(request=None)  # type: ignore[call-overload]
    api.get_entity_connections(idempotency_key="key")  # type: ignore[call-overload]
    api.get_entity_connections(_request_timeout="5")  # type: ignore[call-overload]
    api.post_entity_connections(request="8a80825556ff28a4015708ba29312ecc")  # type: ignore[call-overload]
    api.post_entity_connections(request=GETEntityConnectionsArrayItemsType())  # type: ignore[call-overload]
    api.post_entity_connections(page_size=30)  # type: ignore[call-overload]
    api.put_entity_connections_accept()  # type: ignore[call-overload]
    api.put_entity_connections_accept(None)  # type: ignore[call-overload]
    api.put_entity_connections_accept("id", type="inbound")  # type: ignore[call-overload]
    api.put_entity_connections_deny("id", async_req="yes")  # type: ignore[call-overload]
    api.put_entity_connections_disconnect(1.5)  # type: ignore[call-overload]
    api.put_entity_connections_disconnect("id", idempotency_key="key")  # type: ignore[call-overload]
    # A model instead of a triple: the method without _with_http_info is for that.
    api.get_entity_connections_with_http_info(_return_http_data_only=True)  # type: ignore[call-overload]


def wrong_uses_of_answers_are_errors(api: EntityConnectionsApi) -> None:
    api.get_entity_connections().id  # type: ignore[attr-defined]
    api.post_entity_connections(request=None).entity_connections  # type: ignore[attr-defined]
    api.get_entity_connections(async_req=True).success  # type: ignore[attr-defined]
    api.get_entity_connections(_preload_content=False).success  # type: ignore[attr-defined]
    api.get_entity_connections_with_http_info().success  # type: ignore[attr-defined]


def the_pager(api: EntityConnectionsApi) -> None:
    rows: Iterator[GETEntityConnectionsArrayItemsType] = api.iter_entity_connections(type="outbound", page_size=10)
    for row in api.iter_entity_connections(zuora_entity_ids="id"):
        assert_type(row, GETEntityConnectionsArrayItemsType)
        assert_type(row.status, Optional[str])
    assert_type(next(rows), GETEntityConnectionsArrayItemsType)
    assert_type(api.iter_entity_connections().page, Optional[int])
    api.iter_entity_connections(page_size=None)  # type: ignore[arg-type]
    api.iter_entity_connections(async_req=True)  # type: ignore[call-arg]


def models(listed: Listed) -> None:
    assert_type(listed.entity_connections, Optional[list[GETEntityConnectionsArrayItemsType]])
    assert_type(listed.next_page, Optional[str])
    assert_type(listed.success, Optional[bool])
    assert_type(listed.additional_properties, dict[str, Any])
    assert_type(listed.to_dict(), dict[str, Any])
    assert_type(POSTEntityConnectionsType(b"id").target_entity_id, str)
    for row in listed.entity_connections or ():
        assert_type(row, GETEntityConnectionsArrayItemsType)
    len(listed.entity_connections)  # type: ignore[arg-type]
    POSTEntityConnectionsType(7)  # type: ignore[arg-type]
    POSTEntityConnectionsType(targetEntityId="id")  # type: ignore[call-arg]


def the_job(api: EntityConnectionsApi) -> None:
    def tell(step: Step) -> None:
        assert_type(step.connection_id, Optional[str])

    result = ensure_connected(api, "source", b"target", target_api=api, on_step=tell)
    assert_type(result, EnsureResult)
    assert_type(result.changed, bool)
    assert_type(result.connection, Optional[GETEntityConnectionsArrayItemsType])
    assert_type(result.steps, list[Step])
    assert_type(ensure_disconnected(api, "source", "target", break_sharing=True, on_step=print), EnsureResult)
    ensure_connected("source", "target")  # type: ignore[call-arg, arg-type]
    ensure_connected(api, "source", "target", break_sharing=True)  # type: ignore[call-arg]
    ensure_disconnected(api, "source", "target", break_sharing="yes")  # type: ignore[arg-type]
    ensure_connected(api, "source", "target", on_step="print")  # type: ignore[arg-type]


def plans(api: EntityConnectionsApi) -> None:
    plan = plan_connections(api, [("source", "target"), (b"source", "other")], names={"source": "Head office"})
    assert_type(plan, ConnectionPlan)
    assert_type(plan.changes, tuple[PlannedConnection, ...])
    assert_type(plan.apply(on_step=print), list[EnsureResult])
    assert_type(plan.to_mermaid(), str)
    plan_connections(api, ["source", "target"])  # type: ignore[list-item]
    try:
        plan.apply()
    except PlanIncompleteError as error:
        assert_type(error.failures, list[tuple[PlannedConnection, ApiException]])
        assert_type(error.results, list[EnsureResult])
        assert_type(error.untried, list[PlannedConnection])


def exceptions(error: ApiException, limited: RateLimitError, unknown: OutcomeUnknownError) -> None:
    assert_type(error.status, Optional[int])
    assert_type(error.reason, Optional[str])
    assert_type(error.body, Optional[str])
    assert_type(error.headers, Optional[Headers])
    assert_type(error.outcome, Literal["not_sent", "answered", "unknown"])
    assert_type(error.reasons, tuple[Reason, ...])
    assert_type(error.reasons[0].code, Union[int, str, None])
    assert_type(error.reasons[0].category, Optional[int])
    assert_type(error.attempts, list[AttemptRecord])
    assert_type(error.attempts[0].wait, Optional[float])
    assert_type(error.retry_after, Optional[float])
    assert_type(error.request_id, Optional[str])
    assert_type(error.track_id, Optional[str])
    assert_type(error.process_id, Optional[str])
    assert_type(error.method, Optional[str])
    assert_type(error.path, Optional[str])
    assert_type(error.advice, str)
    assert_type(limited.limits, Optional[dict[int, int]])
    assert_type(limited.limit_type, Literal["rate", "concurrency"])
    assert_type(unknown.__cause__, Optional[BaseException])
    if error.outcome == "not-sent":  # type: ignore[comparison-overlap]
        raise error


def configurations() -> None:
    configuration = Configuration(environment=Environment.EU, client_id="id", client_secret=b"secret")
    Configuration("https://rest.zuora.com", access_token=lambda: "token", deadline=60, trust_env=True)
    Configuration(environment="EU", entity_id="id")
    assert_type(Configuration.from_env(), Configuration)
    assert_type(configuration.host, str)
    assert_type(configuration.environment, Optional[Environment])
    assert_type(configuration.deadline, Optional[float])
    assert_type(configuration.max_attempts, int)
    assert_type(configuration.raise_on_failure, bool)
    assert_type(configuration.proxy, Optional[str])
    assert_type(configuration.to_debug_report(), str)
    configuration.deadline = None
    configuration.max_attempts = "3"  # type: ignore[assignment]
    configuration.max_attempts = None  # type: ignore[assignment]
    configuration.host = None  # type: ignore[assignment]
    configuration.raise_on_failure = "no"  # type: ignore[assignment]
    configuration.deadlin = 60  # type: ignore[attr-defined]
    Configuration(client_id=7)  # type: ignore[arg-type]
    Configuration(deadline="60")  # type: ignore[arg-type]
    Configuration(timeout=60)  # type: ignore[call-arg]
    Configuration.from_env(client_id="id", max_attempts=1, environment="EU")
    Configuration.from_env({"ZUORA_HOST": "https://rest.zuora.com"}, timeout=60)  # type: ignore[call-arg]


def clients(configuration: Configuration) -> None:
    with ApiClient(configuration, "X-Header", "value", cookie="a=b") as client:
        assert_type(client, ApiClient)
        assert_type(client.configuration, Configuration)
        assert_type(client.user_agent, str)
        EntityConnectionsApi(client)
    EntityConnectionsApi(api_client=None)
    EntityConnectionsApi(configuration)  # type: ignore[arg-type]
    ApiClient("https://rest.zuora.com")  # type: ignore[arg-type]


def any_path(client: ApiClient) -> None:
    # What comes back depends on text, so it is for the caller to say.
    found: tuple[dict[str, Any], int, Headers] = client.call_api("/v1/entities", "GET", response_type="object")
    assert_type(client.call_api("/v1/entities", "GET"), Any)
    assert_type(client.call_api("/v1/entities/{id}", "GET", {"id": 1}, async_req=True, _preload_content=False), Any)
    client.call_api("/v1/entities")  # type: ignore[call-arg]
    client.call_api(b"/v1/entities", "GET")  # type: ignore[arg-type]
    client.call_api("/v1/entities", "GET", timeout=5)  # type: ignore[call-arg]
    del found


def responses(response: RESTResponse) -> None:
    assert_type(response.status, int)
    assert_type(response.data, str)
    assert_type(response.getheader("Retry-After"), Optional[str])
    assert_type(zuora_client.__version__, str)
