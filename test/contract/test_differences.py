"""Every deliberate difference from the generated client. docs/migration.md names these tests."""

from __future__ import annotations

import copy
import gzip
import http.client
import logging
import pickle
import socket
import subprocess
import sys
import threading
from typing import Any
from unittest import mock

import pytest
import urllib3
from support.late import LateServer
from support.leaks import wait_until
from support.operations import CONNECTION_ID, OPERATIONS, TARGET_ID, Operation
from support.scripted import ScriptedServer, answer, json_answer, reset
from support.wire import YES, Wire, silent

from zuora_client import (
    ApiClient,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    Configuration,
    EntityConnectionsApi,
    InvalidResponseError,
    OutcomeUnknownError,
    POSTEntityConnectionsType,
    RequestRejectedError,
)
from zuora_client.rest import RESTClientObject

ENTITY = "8a808255557baba1015580e12fa5083a"
HYPHENATED = "8a808255-557b-aba1-0155-80e12fa5083a"
OTHER = "8a80825555a3c7a10155b460f53858e6"
REFUSAL = {
    "success": False,
    "processId": "CBCFED6580B4E076",
    "reasons": [{"code": 50000030, "message": "first"}, {"code": 50000020, "message": "second"}],
}

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
each_decision = pytest.mark.parametrize("operation", OPERATIONS[2:], ids=lambda operation: operation.readable)


# -- answers --------------------------------------------------------------------------------------------------------


@each_operation
def test_success_false_raises_with_every_reason(operation: Operation) -> None:
    with Wire(json_answer(REFUSAL)) as wire, pytest.raises(RequestRejectedError) as caught:
        operation.call(wire.api)
    error = caught.value
    assert (error.status, error.outcome, error.process_id) == (200, "answered", "CBCFED6580B4E076")
    assert [(reason.code, reason.message) for reason in error.reasons] == [(50000030, "first"), (50000020, "second")]


@each_operation
def test_raise_on_failure_false_gives_the_object_and_keeps_the_reasons(operation: Operation) -> None:
    with Wire(json_answer(REFUSAL), raise_on_failure=False) as wire:
        model = operation.call(wire.api)
        assert type(model) is operation.answer
        assert model.success is False
        assert model.additional_properties["reasons"] == REFUSAL["reasons"]
        assert model.additional_properties["processId"] == "CBCFED6580B4E076"


def test_an_answer_that_is_no_json_is_an_api_exception() -> None:
    with Wire(answer(200, b"<html>please log in</html>")) as wire, pytest.raises(InvalidResponseError) as caught:
        wire.api.g_et_entity_connections()
    assert (caught.value.status, caught.value.body) == (200, "<html>please log in</html>")


def test_fields_that_no_model_knows_are_kept() -> None:
    with Wire(json_answer({"success": True, "id": 7, "requestId": "r"})) as wire:
        model = wire.api.p_ost_entity_connections(request={"targetEntityId": "t"})
        assert model.to_dict() == {"id": 7, "success": True}
        assert model.additional_properties == {"requestId": "r"}


# -- what broke -----------------------------------------------------------------------------------------------------


def test_a_refused_connection_is_an_api_exception() -> None:
    with LateServer(YES) as server, Wire() as wire:
        wire.configuration.host = server.url
        with pytest.raises(ApiConnectionError) as caught:
            wire.api.g_et_entity_connections()
    assert (caught.value.status, caught.value.outcome) == (None, "not_sent")
    assert isinstance(caught.value.__cause__, urllib3.exceptions.HTTPError)


def test_a_reset_connection_is_an_api_exception() -> None:
    with Wire(reset) as wire, pytest.raises(ApiConnectionError) as caught:
        wire.api.g_et_entity_connections()
    assert isinstance(caught.value.__cause__, (urllib3.exceptions.HTTPError, OSError))


def test_a_timeout_is_an_api_exception() -> None:
    with Wire(silent, max_attempts=1) as wire, pytest.raises(ApiTimeoutError) as caught:
        wire.api.g_et_entity_connections(_request_timeout=(30, 0.1))
    assert isinstance(caught.value.__cause__, (urllib3.exceptions.HTTPError, OSError))


def test_a_name_that_does_not_resolve_is_an_api_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with Wire() as wire:
        wire.configuration.host = "https://rest.example.invalid"
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", resolve)
            with pytest.raises(ApiConnectionError) as caught:
                wire.api.g_et_entity_connections()
    assert caught.value.outcome == "not_sent"
    assert caught.value.__cause__ is not None


# -- sending again, and time ----------------------------------------------------------------------------------------


@each_decision
def test_a_put_whose_answer_is_lost_is_sent_once(operation: Operation) -> None:
    with Wire(reset) as wire:
        with pytest.raises(OutcomeUnknownError) as caught:
            operation.call(wire.api)
        assert len(wire.requests) == 1
    assert isinstance(caught.value.__cause__, ApiConnectionError)


@each_decision
def test_a_timeout_is_not_multiplied_by_hidden_retries(operation: Operation) -> None:
    with Wire(silent) as wire:
        with pytest.raises(OutcomeUnknownError) as caught:
            operation.call(wire.api, _request_timeout=(30, 0.1))
        # The client may be quicker to give up than the server to count.
        wait_until(lambda: len(wire.requests) == 1)
    assert isinstance(caught.value.__cause__, ApiTimeoutError)


def test_a_number_bounds_all_attempts_together() -> None:
    with Wire(silent, max_attempts=100) as wire:
        with pytest.raises(ApiTimeoutError, match=r"deadline of 0\.3 s"):
            EntityConnectionsApi(ApiClient(wire.configuration)).g_et_entity_connections(_request_timeout=0.3)
        # None where a busy machine took longer to connect.
        assert len(wire.requests) <= 1


def test_every_timeout_has_a_finite_default() -> None:
    configuration = Configuration()
    assert (configuration.connect_timeout, configuration.read_timeout, configuration.deadline) == (10, 130, 300)


def test_without_a_timeout_of_the_call_the_configured_one_holds() -> None:
    with Wire(silent, read_timeout=0.1, max_attempts=1) as wire, pytest.raises(ApiTimeoutError, match=r"0\.1 s"):
        wire.api.g_et_entity_connections()


# -- where a call may go --------------------------------------------------------------------------------------------


@each_operation
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(operation: Operation, status: int) -> None:
    with ScriptedServer(YES) as elsewhere:
        moved = answer(status, headers={"Location": f"{elsewhere.url}/v1/stolen"})
        with Wire(moved, access_token="secret-token") as wire:
            with pytest.raises(ApiException) as caught:
                operation.call(wire.api)
            assert (caught.value.status, len(wire.requests), elsewhere.requests) == (status, 1, [])
            assert elsewhere.url.partition("://")[2] in str(caught.value)


@pytest.mark.parametrize("path", [".evil.example/x", "@evil.example/x", "//evil.example/x", ":80/x", "v1/x", "", None])
def test_a_path_begins_with_exactly_one_slash(path: Any) -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="resource_path"):
            wire.client.call_api(path, "GET")
        assert wire.requests == []


@each_decision
@pytest.mark.parametrize("connection_id", ["", ".", "..", "a\nb", "a\x7f", b"..", b""])
def test_an_id_that_reaches_another_path_is_refused(operation: Operation, connection_id: Any) -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="connection_id"):
            getattr(wire.api, operation.generated)(connection_id)
        assert wire.requests == []


# -- arguments ------------------------------------------------------------------------------------------------------


def test_none_is_not_given() -> None:
    with Wire() as wire:
        wire.api.g_et_entity_connections(page_size=None, zuora_entity_ids=None, type=None)
        assert wire.sent.target == "/v1/entity-connections"
        assert "zuora-entity-ids" not in wire.sent.headers


@each_decision
@pytest.mark.parametrize(("given", "sent"), [(b"abc", "abc"), ("abc", "abc"), (123, "123")])
def test_bytes_are_text(operation: Operation, given: Any, sent: str) -> None:
    with Wire() as wire:
        getattr(wire.api, operation.generated)(given, zuora_entity_ids=ENTITY.encode())
        assert wire.sent.target.split("/")[3] == sent
        assert wire.sent.headers["zuora-entity-ids"] == HYPHENATED
        wire.api.p_ost_entity_connections(request=POSTEntityConnectionsType(TARGET_ID.encode()))
        assert TARGET_ID.encode() in wire.sent.body


@each_operation
def test_an_entity_that_differs_from_a_default_header_is_refused(operation: Operation) -> None:
    with Wire() as wire:
        wire.client.set_default_header("zuora-entity-ids", ENTITY)
        with pytest.raises(ValueError, match="zuora_entity_ids"):
            operation.call(wire.api, zuora_entity_ids=OTHER)
        assert wire.requests == []
        for same in (ENTITY, HYPHENATED, HYPHENATED.upper(), None):
            operation.call(wire.api, zuora_entity_ids=same)
            assert wire.sent.headers["zuora-entity-ids"] == HYPHENATED


@pytest.mark.parametrize("given", [ENTITY, HYPHENATED])
def test_an_entity_id_gets_the_spelling_of_its_place(given: str) -> None:
    with Wire(entity_id=given) as wire:
        wire.api.p_ost_entity_connections(request={"targetEntityId": given})
        assert wire.sent.headers["zuora-entity-ids"] == HYPHENATED
        assert wire.sent.body == b'{"targetEntityId": "%s"}' % ENTITY.encode()
        wire.api.p_ost_entity_connections(request=POSTEntityConnectionsType(given))
        assert wire.sent.body == b'{"targetEntityId": "%s"}' % ENTITY.encode()


def test_what_is_no_entity_id_passes_untouched() -> None:
    with Wire() as wire:
        wire.api.p_ost_entity_connections(request={"targetEntityId": "t-1"}, zuora_entity_ids="e-1")
        assert (wire.sent.headers["zuora-entity-ids"], wire.sent.body) == ("e-1", b'{"targetEntityId": "t-1"}')


# -- secrets and logs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\nX-Evil: yes"])
def test_a_line_break_in_a_token_names_the_header_and_not_the_token(end: str) -> None:
    with Wire() as wire:
        wire.client.set_default_header("Authorization", f"Bearer marked-secret{end}")
        with pytest.raises(ValueError, match="Authorization") as caught:
            wire.api.g_et_entity_connections()
        assert "marked" not in str(caught.value)
    with Wire(access_token=f"marked-secret{end}") as wire:
        with pytest.raises(ValueError, match="access_token") as caught:
            wire.api.g_et_entity_connections()
        assert "marked" not in str(caught.value)
        assert wire.requests == []


def test_clients_leave_logging_alone() -> None:
    watched = [logging.getLogger(name) for name in ("", "urllib3", "zuora_client")]
    before = [(logger.level, list(logger.handlers)) for logger in watched]
    debuglevel = http.client.HTTPConnection.debuglevel
    for _ in range(3):
        with Wire() as wire:
            wire.configuration.debug = False
            wire.api.g_et_entity_connections()
    assert [(logger.level, list(logger.handlers)) for logger in watched] == before
    assert http.client.HTTPConnection.debuglevel == debuglevel
    handlers = logging.getLogger("zuora_client").handlers
    assert sum(isinstance(handler, logging.NullHandler) for handler in handlers) == 1


def test_debug_reaches_our_logger_only_and_shows_no_body_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    other = logging.getLogger("urllib3").level
    with Wire(json_answer({"success": True, "id": "marked-body"}), access_token="marked-token") as wire:
        wire.configuration.debug = True
        try:
            wire.api.p_ost_entity_connections(request={"targetEntityId": "marked-target"})
        finally:
            wire.configuration.debug = False
    told = [record.getMessage() for record in caplog.records if record.name.startswith("zuora_client")]
    assert any("POST /v1/entity-connections: 200" in line for line in told)
    assert "marked" not in "".join(told)
    assert logging.getLogger("urllib3").level == other
    assert http.client.HTTPConnection.debuglevel == 0


# -- life -----------------------------------------------------------------------------------------------------------


def test_configuration_and_client_deepcopy_and_pickle() -> None:
    with Wire(access_token="token") as wire:
        wire.client.set_default_header("X-Own", "v")
        wire.api.g_et_entity_connections()
        wire.client.pool.apply(int)
        client = ApiClient(wire.configuration, "X-Own", "v")
        for configuration in (copy.deepcopy(wire.configuration), pickle.loads(pickle.dumps(wire.configuration))):
            assert (configuration.host, configuration.access_token) == (wire.server.url, "token")
        for twin in (copy.deepcopy(client), pickle.loads(pickle.dumps(client))):
            with twin:
                EntityConnectionsApi(twin).g_et_entity_connections()
            assert (wire.sent.headers["x-own"], wire.sent.headers["authorization"]) == ("v", "Bearer token")
            assert twin.rest_client is not client.rest_client
        client.close()


def test_last_response_is_the_calling_threads_own() -> None:
    with Wire(
        json_answer({"success": True}, 200, {"X-N": "1"}), json_answer({"success": True}, 200, {"X-N": "2"})
    ) as wire:
        wire.api.g_et_entity_connections()
        seen: list[Any] = []

        def other() -> None:
            seen.append(wire.client.last_response)
            wire.api.g_et_entity_connections()
            seen.append(wire.client.last_response.getheader("x-n"))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert seen == [None, "2"]
        assert wire.client.last_response.getheader("x-n") == "1"


def test_close_and_with_end_a_client() -> None:
    with Wire() as wire:
        with ApiClient(wire.configuration) as client:
            client.call_api("/v1/any", "GET")
        with pytest.raises(ValueError, match="closed"):
            client.call_api("/v1/any", "GET")
        client.close()
        assert len(wire.requests) == 1


PROGRAM = """
import sys
from zuora_client import ApiClient, Configuration, EntityConnectionsApi
api = EntityConnectionsApi(ApiClient(Configuration(sys.argv[1])))
result = api.g_et_entity_connections(async_req=True)
result.wait(0.2)
print(result.ready())
"""


def test_nothing_hangs_at_exit() -> None:
    with ScriptedServer(silent) as server:
        command = [sys.executable, "-c", PROGRAM, server.url]
        # Far below the 120 s that an answer could take.
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_there_is_no_del_that_joins_threads() -> None:
    assert not any(
        hasattr(cls, "__del__") for cls in (ApiClient, Configuration, EntityConnectionsApi, RESTClientObject)
    )


# -- on the wire ----------------------------------------------------------------------------------------------------


def test_our_own_user_agent_with_room_for_the_callers() -> None:
    with Wire(user_agent_suffix="billing/7 (night)") as wire:
        wire.api.g_et_entity_connections()
        agent = wire.sent.headers["user-agent"]
        assert agent.startswith("zuora-entity-connections/")
        assert agent.endswith(" billing/7 (night)")
        assert "swagger" not in agent.lower()


def test_every_post_has_a_key_of_its_own() -> None:
    with Wire() as wire:
        for _ in range(2):
            wire.api.p_ost_entity_connections(request={"targetEntityId": "t"})
        keys = [request.headers["idempotency-key"] for request in wire.requests]
        assert len(set(keys)) == 2
        assert {len(key) for key in keys} == {32}


@each_decision
def test_a_put_never_has_a_key(operation: Operation) -> None:
    with Wire() as wire:
        operation.call(wire.api)
        assert "idempotency-key" not in wire.sent.headers


def test_gzip_is_asked_for_and_inflated() -> None:
    zipped = answer(200, gzip.compress(b'{"success": true, "nextPage": "n"}'), {"Content-Encoding": "gzip"})
    with Wire(zipped) as wire:
        assert wire.api.g_et_entity_connections().next_page == "n"
        assert wire.sent.headers["accept-encoding"] == "gzip"


# -- further, found in the code -------------------------------------------------------------------------------------


def test_a_request_needs_a_body() -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="request"):
            wire.api.p_ost_entity_connections()
        assert wire.requests == []


def test_credentials_need_https_unless_the_host_is_this_machine() -> None:
    client = ApiClient(Configuration("http://zuora.example.com"), "Authorization", "Bearer marked-token")
    with pytest.raises(ValueError, match="https") as caught:
        client.call_api("/v1/any", "GET")
    assert "marked" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["rest.zuora.com", "ftp://rest.zuora.com", "https://", "https://u:p@host", "https://h?q"]
)
def test_a_host_that_is_no_base_url_is_refused_where_it_is_set(host: str) -> None:
    configuration = Configuration()
    with pytest.raises(ValueError, match="host"):
        configuration.host = host
    assert configuration.host == "https://rest.zuora.com"


def test_queries_spell_spaces_and_booleans_as_zuora_reads_them() -> None:
    with Wire() as wire:
        wire.client.call_api("/v1/any", "GET", query_params={"a": "b c", "d": True, "e": None})
        assert wire.sent.target == "/v1/any?a=b%20c&d=true"


@pytest.mark.parametrize(("body", "sent"), [({}, b"{}"), ([], b"[]"), (0, b"0"), (False, b"false"), ("", b'""')])
def test_a_falsy_body_is_a_body(body: Any, sent: bytes) -> None:
    with Wire() as wire:
        wire.client.call_api("/v1/any", "POST", body=body)
        assert wire.sent.body == sent


def test_scalars_of_an_answer_are_kept_as_they_came() -> None:
    with Wire(json_answer({"id": 17, "success": "yes"})) as wire:
        assert wire.api.p_ost_entity_connections(request={"targetEntityId": "t"}).to_dict() == {
            "id": 17,
            "success": "yes",
        }


def test_access_keys_travel_without_being_named() -> None:
    with Wire(api_key={"apiAccessKeyId": "key-id", "apiSecretAccessKey": "key-secret"}) as wire:
        wire.api.g_et_entity_connections()
        assert wire.sent.headers["apiaccesskeyid"] == "key-id"
        assert wire.sent.headers["apisecretaccesskey"] == "key-secret"


def test_form_fields_need_the_content_type_of_a_form() -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="post_params"):
            wire.client.call_api("/v1/any", "POST", post_params=[("a", "b")])
        assert wire.requests == []


def test_a_page_needs_a_page_size() -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="page_size"):
            wire.api.g_et_entity_connections(page=2)
        assert wire.requests == []


def test_an_empty_answer_is_a_yes_to_a_write_and_an_error_to_a_read() -> None:
    with Wire(answer(204)) as wire:
        assert wire.api.p_ut_entity_connections_accept("id").to_dict() == {"success": None}
        with pytest.raises(InvalidResponseError):
            wire.api.g_et_entity_connections()


def test_an_answer_larger_than_the_limit_is_an_error() -> None:
    large = json_answer({"nextPage": "x" * 2000})
    with Wire(large, max_response_bytes=1000) as wire, pytest.raises(InvalidResponseError, match="max_response_bytes"):
        wire.api.g_et_entity_connections()


@pytest.mark.parametrize("value", ["é", "a\x00b", " a", "\N{SNOWMAN}"])
def test_a_header_is_printable_ascii(value: str) -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="X-Own"):
            wire.client.call_api("/v1/any", "GET", header_params={"X-Own": value})
        assert wire.requests == []


def test_a_call_sends_what_a_refused_read_may_send_again() -> None:
    with Wire(answer(503), YES) as wire:
        assert wire.api.g_et_entity_connections().success is True
        assert len(wire.requests) == 2
    with Wire(answer(503), YES, max_attempts=1) as wire:
        with pytest.raises(ApiException):
            wire.api.g_et_entity_connections()
        assert len(wire.requests) == 1


def test_the_text_of_an_error_begins_as_before_and_goes_on() -> None:
    with Wire(json_answer(REFUSAL, 400, {"X-Own": "not told"})) as wire, pytest.raises(ApiException) as caught:
        wire.api.p_ut_entity_connections_accept("id")
    lines = str(caught.value).splitlines()
    assert lines[:2] == ["(400)", "Reason: Said"]
    assert "PUT /v1/entity-connections/id/accept: refused, nothing was done." in lines
    assert "not told" not in str(caught.value)


def test_a_closed_certificate_check_warns() -> None:
    configuration = Configuration(verify_ssl=False)
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning, match="verify_ssl"):
        ApiClient(configuration).close()


def test_the_transport_makes_attempts_and_has_no_verbs() -> None:
    assert not any(hasattr(RESTClientObject, verb) for verb in ("GET", "POST", "PUT", "request"))
    with Wire() as wire:
        assert wire.client.request("PUT", f"{wire.server.url}/any").status == 200


@each_operation
def test_call_api_is_on_the_road_of_every_call_and_request_is_not(operation: Operation) -> None:
    with Wire() as wire:
        with mock.patch.object(wire.client, "call_api", return_value="patched") as call_api:
            assert operation.call(wire.api) == "patched"
            resource_path, method = call_api.call_args.args[:2]
            assert (resource_path.replace("{connection_id}", CONNECTION_ID), method) == (
                operation.path,
                operation.method,
            )
        with mock.patch.object(wire.client, "request") as request:
            operation.call(wire.api)
        request.assert_not_called()
        assert len(wire.requests) == 1


def test_an_error_keeps_the_start_of_a_large_body() -> None:
    with Wire(answer(400, b"x" * 100_000)) as wire, pytest.raises(ApiException) as caught:
        wire.api.g_et_entity_connections()
    assert caught.value.body == "x" * 65536


def test_the_loggers_are_those_of_logging_and_not_assigned() -> None:
    with pytest.raises(AttributeError):
        Configuration().logger = {}  # type: ignore[misc]


def test_an_unknown_setting_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="hots"):
        Configuration(hots="https://rest.zuora.com")
