"""Every deliberate difference from the generated client. docs/migration.md names these tests."""

from __future__ import annotations

import copy
import gzip
import http.client
import inspect
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
from support.operations import CONNECTION_ID, OPERATIONS, TARGET_ID, Operation
from support.scripted import ScriptedServer, reset, respond, respond_json
from support.threads import wait_until
from support.wire import YES, Wire, silent

import zuora_client
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
    PUTEntityConnectionsDenyResponseType,
    RequestRejectedError,
)
from zuora_client.rest import RESTClientObject

ENTITY = "8a808255557baba1015580e12fa5083a"
HYPHENATED = "8a808255-557b-aba1-0155-80e12fa5083a"
OTHER = "8a80825555a3c7a10155b460f53858e6"
FAILURE = {
    "success": False,
    "processId": "CBCFED6580B4E076",
    "reasons": [{"code": 50000030, "message": "first"}, {"code": 50000020, "message": "second"}],
}

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
each_put = pytest.mark.parametrize("operation", OPERATIONS[2:], ids=lambda operation: operation.readable)


# -- responses ------------------------------------------------------------------------------------------------------


@each_operation
def test_success_false_raises_with_every_reason(operation: Operation) -> None:
    with Wire(respond_json(FAILURE)) as wire, pytest.raises(RequestRejectedError) as caught:
        operation.call(wire.api)
    error = caught.value
    assert (error.status, error.outcome, error.process_id) == (200, "answered", "CBCFED6580B4E076")
    assert [(reason.code, reason.message) for reason in error.reasons] == [(50000030, "first"), (50000020, "second")]


@each_operation
def test_raise_on_failure_false_returns_model(operation: Operation) -> None:
    """The model keeps the reasons in additional_properties."""
    with Wire(respond_json(FAILURE), raise_on_failure=False) as wire:
        model = operation.call(wire.api)
        assert type(model) is operation.model
        assert model.success is False
        assert model.additional_properties["reasons"] == FAILURE["reasons"]
        assert model.additional_properties["processId"] == "CBCFED6580B4E076"


def test_non_json_response_is_api_exception() -> None:
    with Wire(respond(200, b"<html>please log in</html>")) as wire, pytest.raises(InvalidResponseError) as caught:
        wire.api.g_et_entity_connections()
    assert (caught.value.status, caught.value.body) == (200, "<html>please log in</html>")


def test_unknown_fields_are_kept() -> None:
    with Wire(respond_json({"success": True, "id": 7, "requestId": "r"})) as wire:
        model = wire.api.p_ost_entity_connections(request={"targetEntityId": "t"})
        assert model.to_dict() == {"id": 7, "success": True}
        assert model.additional_properties == {"requestId": "r"}


# -- transport errors -----------------------------------------------------------------------------------------------


def test_refused_connection_is_api_exception() -> None:
    with ScriptedServer(listening=False) as server, Wire() as wire:
        wire.configuration.host = server.url
        with pytest.raises(ApiConnectionError) as caught:
            wire.api.g_et_entity_connections()
    assert (caught.value.status, caught.value.outcome) == (None, "not_sent")
    assert isinstance(caught.value.__cause__, urllib3.exceptions.HTTPError)


def test_reset_connection_is_api_exception() -> None:
    with Wire(reset) as wire, pytest.raises(ApiConnectionError) as caught:
        wire.api.g_et_entity_connections()
    assert isinstance(caught.value.__cause__, (urllib3.exceptions.HTTPError, OSError))


def test_timeout_is_api_exception() -> None:
    with Wire(silent, max_attempts=1) as wire, pytest.raises(ApiTimeoutError) as caught:
        wire.api.g_et_entity_connections(_request_timeout=(30, 0.1))
    assert isinstance(caught.value.__cause__, (urllib3.exceptions.HTTPError, OSError))


def test_unresolved_host_is_api_exception(monkeypatch: pytest.MonkeyPatch) -> None:
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


# -- retries and timeouts -------------------------------------------------------------------------------------------


@each_put
def test_put_without_response_is_not_retried(operation: Operation) -> None:
    with Wire(reset) as wire:
        with pytest.raises(OutcomeUnknownError) as caught:
            operation.call(wire.api)
        assert len(wire.requests) == 1
    assert isinstance(caught.value.__cause__, ApiConnectionError)


@each_put
def test_timeout_is_not_multiplied(operation: Operation) -> None:
    """There are no hidden retries that multiply a timeout."""
    with Wire(silent) as wire:
        with pytest.raises(OutcomeUnknownError) as caught:
            operation.call(wire.api, _request_timeout=(30, 0.1))
        # The client may time out before the server has recorded the request.
        wait_until(lambda: len(wire.requests) == 1)
    assert isinstance(caught.value.__cause__, ApiTimeoutError)


def test_number_limits_all_attempts_together() -> None:
    with Wire(silent, max_attempts=100) as wire:
        with pytest.raises(ApiTimeoutError, match=r"deadline of 0\.3 s"):
            EntityConnectionsApi(ApiClient(wire.configuration)).g_et_entity_connections(_request_timeout=0.3)
        # There is no request if connecting took longer than 0.3 s.
        assert len(wire.requests) <= 1


def test_timeouts_have_finite_defaults() -> None:
    configuration = Configuration()
    assert (configuration.connect_timeout, configuration.read_timeout, configuration.deadline) == (10, 130, 300)


def test_configured_timeout_is_the_default() -> None:
    with Wire(silent, read_timeout=0.1, max_attempts=1) as wire, pytest.raises(ApiTimeoutError, match=r"0\.1 s"):
        wire.api.g_et_entity_connections()


# -- destinations ---------------------------------------------------------------------------------------------------


@each_operation
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(operation: Operation, status: int) -> None:
    with ScriptedServer(YES) as elsewhere:
        moved = respond(status, headers={"Location": f"{elsewhere.url}/v1/stolen"})
        with Wire(moved, access_token="secret-token") as wire:
            with pytest.raises(ApiException) as caught:
                operation.call(wire.api)
            assert (caught.value.status, len(wire.requests), elsewhere.requests) == (status, 1, [])
            assert elsewhere.url.partition("://")[2] in str(caught.value)


@pytest.mark.parametrize("path", [".evil.example/x", "@evil.example/x", "//evil.example/x", ":80/x", "v1/x", "", None])
def test_path_begins_with_one_slash(path: Any) -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="resource_path"):
            wire.client.call_api(path, "GET")
        assert wire.requests == []


@each_put
@pytest.mark.parametrize("connection_id", ["", ".", "..", "a\nb", "a\x7f", b"..", b""])
def test_path_traversal_in_id_raises(operation: Operation, connection_id: Any) -> None:
    """An id that would lead to another path is a ValueError."""
    with Wire() as wire:
        with pytest.raises(ValueError, match="connection_id"):
            getattr(wire.api, operation.generated)(connection_id)
        assert wire.requests == []


# -- arguments ------------------------------------------------------------------------------------------------------


def test_none_means_not_given() -> None:
    with Wire() as wire:
        wire.api.g_et_entity_connections(page_size=None, zuora_entity_ids=None, type=None)
        assert wire.sent.target == "/v1/entity-connections"
        assert "zuora-entity-ids" not in wire.sent.headers


@each_put
@pytest.mark.parametrize(("connection_id", "sent"), [(b"abc", "abc"), ("abc", "abc"), (123, "123")])
def test_bytes_are_sent_as_text(operation: Operation, connection_id: Any, sent: str) -> None:
    with Wire() as wire:
        getattr(wire.api, operation.generated)(connection_id, zuora_entity_ids=ENTITY.encode())
        assert wire.sent.target.split("/")[3] == sent
        assert wire.sent.headers["zuora-entity-ids"] == HYPHENATED
        wire.api.p_ost_entity_connections(request=POSTEntityConnectionsType(TARGET_ID.encode()))
        assert TARGET_ID.encode() in wire.sent.body


@each_operation
def test_conflicting_entity_header_raises(operation: Operation) -> None:
    """An argument that names another entity than the default header is a ValueError."""
    with Wire() as wire:
        wire.client.set_default_header("zuora-entity-ids", ENTITY)
        with pytest.raises(ValueError, match="zuora_entity_ids"):
            operation.call(wire.api, zuora_entity_ids=OTHER)
        assert wire.requests == []
        for equivalent in (ENTITY, HYPHENATED, HYPHENATED.upper(), None):
            operation.call(wire.api, zuora_entity_ids=equivalent)
            assert wire.sent.headers["zuora-entity-ids"] == HYPHENATED


@pytest.mark.parametrize("entity_id", [ENTITY, HYPHENATED])
def test_entity_id_form_depends_on_place(entity_id: str) -> None:
    """Headers carry entity ids with hyphens, bodies without."""
    with Wire(entity_id=entity_id) as wire:
        wire.api.p_ost_entity_connections(request={"targetEntityId": entity_id})
        assert wire.sent.headers["zuora-entity-ids"] == HYPHENATED
        assert wire.sent.body == b'{"targetEntityId": "%s"}' % ENTITY.encode()
        wire.api.p_ost_entity_connections(request=POSTEntityConnectionsType(entity_id))
        assert wire.sent.body == b'{"targetEntityId": "%s"}' % ENTITY.encode()


def test_other_ids_are_sent_unchanged() -> None:
    with Wire() as wire:
        wire.api.p_ost_entity_connections(request={"targetEntityId": "t-1"}, zuora_entity_ids="e-1")
        assert (wire.sent.headers["zuora-entity-ids"], wire.sent.body) == ("e-1", b'{"targetEntityId": "t-1"}')


# -- secrets and logs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\nX-Evil: yes"])
def test_line_break_in_token_raises(end: str) -> None:
    """The error names the header or the setting, and does not show the token."""
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
    loggers = [logging.getLogger(name) for name in ("", "urllib3", "zuora_client")]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    debuglevel = http.client.HTTPConnection.debuglevel
    for _ in range(3):
        with Wire() as wire:
            wire.configuration.debug = False
            wire.api.g_et_entity_connections()
    assert [(logger.level, list(logger.handlers)) for logger in loggers] == before
    assert http.client.HTTPConnection.debuglevel == debuglevel
    handlers = logging.getLogger("zuora_client").handlers
    assert sum(isinstance(handler, logging.NullHandler) for handler in handlers) == 1


def test_debug_logs_no_body_or_secret(caplog: pytest.LogCaptureFixture) -> None:
    """debug affects the loggers of this package only, and logs neither bodies nor secrets."""
    other = logging.getLogger("urllib3").level
    with Wire(respond_json({"success": True, "id": "marked-body"}), access_token="marked-token") as wire:
        wire.configuration.debug = True
        try:
            wire.api.p_ost_entity_connections(request={"targetEntityId": "marked-target"})
        finally:
            wire.configuration.debug = False
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("zuora_client")]
    assert any("POST /v1/entity-connections: 200" in line for line in messages)
    assert "marked" not in "".join(messages)
    assert logging.getLogger("urllib3").level == other
    assert http.client.HTTPConnection.debuglevel == 0


# -- life cycle -----------------------------------------------------------------------------------------------------


def test_configuration_and_client_deepcopy_and_pickle() -> None:
    with Wire(access_token="token") as wire:
        wire.client.set_default_header("X-Own", "v")
        wire.api.g_et_entity_connections()
        wire.client.pool.apply(int)
        client = ApiClient(wire.configuration, "X-Own", "v")
        for configuration in (copy.deepcopy(wire.configuration), pickle.loads(pickle.dumps(wire.configuration))):
            assert (configuration.host, configuration.access_token) == (wire.server.url, "token")
        for duplicate in (copy.deepcopy(client), pickle.loads(pickle.dumps(client))):
            with duplicate:
                EntityConnectionsApi(duplicate).g_et_entity_connections()
            assert (wire.sent.headers["x-own"], wire.sent.headers["authorization"]) == ("v", "Bearer token")
            assert duplicate.rest_client is not client.rest_client
        client.close()


def test_last_response_is_per_thread() -> None:
    with Wire(
        respond_json({"success": True}, 200, {"X-N": "1"}), respond_json({"success": True}, 200, {"X-N": "2"})
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


def test_close_and_context_manager() -> None:
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
        # Shorter than the 120 s that a response may take.
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_no_del_method() -> None:
    assert not any(
        hasattr(cls, "__del__") for cls in (ApiClient, Configuration, EntityConnectionsApi, RESTClientObject)
    )


# -- on the wire ----------------------------------------------------------------------------------------------------


def test_user_agent_and_suffix() -> None:
    with Wire(user_agent_suffix="billing/7 (night)") as wire:
        wire.api.g_et_entity_connections()
        agent = wire.sent.headers["user-agent"]
        assert agent.startswith("zuora-entity-connections/")
        assert agent.endswith(" billing/7 (night)")
        assert "swagger" not in agent.lower()


def test_every_post_has_idempotency_key() -> None:
    with Wire() as wire:
        for _ in range(2):
            wire.api.p_ost_entity_connections(request={"targetEntityId": "t"})
        keys = [request.headers["idempotency-key"] for request in wire.requests]
        assert len(set(keys)) == 2
        assert {len(key) for key in keys} == {32}


@each_put
def test_put_has_no_idempotency_key(operation: Operation) -> None:
    with Wire() as wire:
        operation.call(wire.api)
        assert "idempotency-key" not in wire.sent.headers


def test_gzip_is_requested_and_decoded() -> None:
    zipped = respond(200, gzip.compress(b'{"success": true, "nextPage": "n"}'), {"Content-Encoding": "gzip"})
    with Wire(zipped) as wire:
        assert wire.api.g_et_entity_connections().next_page == "n"
        assert wire.sent.headers["accept-encoding"] == "gzip"


# -- other differences ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AccountsApi", "GETAccountType", "ProxyCreateAccount", "CommonResponseType"])
def test_other_apis_are_not_here(name: str) -> None:
    """A name of the full generated client is an AttributeError that says where to find it."""
    for module in (zuora_client, zuora_client.api, zuora_client.models):
        assert not hasattr(module, name)
        with pytest.raises(AttributeError, match=rf"no attribute '{name}': .*call_api.*docs/migration\.md"):
            getattr(module, name)
        with pytest.raises(AttributeError, match=r"no attribute 'something'$"):
            module.something  # noqa: B018 - the access is what is tested
    with pytest.raises(ImportError, match=name):
        exec(f"from zuora_client import {name}")
    assert inspect.getmembers(zuora_client, lambda member: member is EntityConnectionsApi)


def test_credentials_need_https() -> None:
    """Credentials are sent over plain HTTP to a loopback host only."""
    client = ApiClient(Configuration("http://zuora.example.com"), "Authorization", "Bearer marked-token")
    with pytest.raises(ValueError, match="https") as caught:
        client.call_api("/v1/any", "GET")
    assert "marked" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["rest.zuora.com", "ftp://rest.zuora.com", "https://", "https://u:p@host", "https://h?q"]
)
def test_invalid_host_raises_on_assignment(host: str) -> None:
    configuration = Configuration()
    with pytest.raises(ValueError, match="host"):
        configuration.host = host
    assert configuration.host == "https://rest.zuora.com"


def test_query_encoding() -> None:
    """A space is %20, True is true, None is omitted."""
    with Wire() as wire:
        wire.client.call_api("/v1/any", "GET", query_params={"a": "b c", "d": True, "e": None})
        assert wire.sent.target == "/v1/any?a=b%20c&d=true"


@pytest.mark.parametrize(("body", "sent"), [({}, b"{}"), ([], b"[]"), (0, b"0"), (False, b"false"), ("", b'""')])
def test_falsy_body_is_sent(body: Any, sent: bytes) -> None:
    with Wire() as wire:
        wire.client.call_api("/v1/any", "POST", body=body)
        assert wire.sent.body == sent


def test_response_scalars_are_not_converted() -> None:
    with Wire(respond_json({"id": 17, "success": "TRUE"})) as wire:
        assert wire.api.p_ost_entity_connections(request={"targetEntityId": "t"}).to_dict() == {
            "id": 17,
            "success": "TRUE",
        }


def test_access_keys_are_sent_automatically() -> None:
    with Wire(api_key={"apiAccessKeyId": "key-id", "apiSecretAccessKey": "key-secret"}) as wire:
        wire.api.g_et_entity_connections()
        assert wire.sent.headers["apiaccesskeyid"] == "key-id"
        assert wire.sent.headers["apisecretaccesskey"] == "key-secret"


def test_form_fields_need_form_content_type() -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="post_params"):
            wire.client.call_api("/v1/any", "POST", post_params=[("a", "b")])
        assert wire.requests == []


@pytest.mark.parametrize(("timeout", "error"), [(0, ValueError), (0.0, ValueError), ("30", TypeError)])
def test_unusable_timeout_raises(timeout: Any, error: type[Exception]) -> None:
    """0 and text are refused, because they would mean no timeout."""
    with Wire() as wire:
        with pytest.raises(error, match="_request_timeout"):
            wire.api.g_et_entity_connections(_request_timeout=timeout)
        assert wire.requests == []


def test_page_size_is_at_least_one() -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="page_size"):
            wire.api.g_et_entity_connections(page_size=0)
        assert wire.requests == []


def test_page_needs_page_size() -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="page_size"):
            wire.api.g_et_entity_connections(page=2)
        assert wire.requests == []


def test_empty_response() -> None:
    """An empty 204 is an empty model for a write and an error for a read."""
    with Wire(respond(204)) as wire:
        assert wire.api.p_ut_entity_connections_accept("id").to_dict() == {"success": None}
        with pytest.raises(InvalidResponseError):
            wire.api.g_et_entity_connections()


@pytest.mark.parametrize("response", [respond_json({}), respond_json({"success": True}, 202), respond(200)])
def test_2xx_without_success_is_unknown(response: bytes) -> None:
    with Wire(response) as wire:
        with pytest.raises(OutcomeUnknownError):
            wire.api.p_ut_entity_connections_accept("id")
        assert len(wire.requests) == 1


def test_oversized_response_raises() -> None:
    large = respond_json({"nextPage": "x" * 2000})
    with Wire(large, max_response_bytes=1000) as wire, pytest.raises(InvalidResponseError, match="max_response_bytes"):
        wire.api.g_et_entity_connections()


@pytest.mark.parametrize("value", ["é", "a\x00b", " a", "\N{SNOWMAN}"])
def test_header_must_be_printable_ascii(value: str) -> None:
    with Wire() as wire:
        with pytest.raises(ValueError, match="X-Own"):
            wire.client.call_api("/v1/any", "GET", header_params={"X-Own": value})
        assert wire.requests == []


def test_read_is_retried_unless_disabled() -> None:
    """A read that failed with 503 is retried; max_attempts=1 disables retries."""
    with Wire(respond(503), YES) as wire:
        assert wire.api.g_et_entity_connections().success is True
        assert len(wire.requests) == 2
    with Wire(respond(503), YES, max_attempts=1) as wire:
        with pytest.raises(ApiException):
            wire.api.g_et_entity_connections()
        assert len(wire.requests) == 1


def test_error_text() -> None:
    """The text begins with the status, the second line with the reason; it shows no headers."""
    with Wire(respond_json(FAILURE, 400, {"X-Own": "not shown"})) as wire, pytest.raises(ApiException) as caught:
        wire.api.p_ut_entity_connections_accept("id")
    lines = str(caught.value).splitlines()
    assert lines[:3] == [
        "(400) Acceptance of connection id (no entity named): refused, nothing was done.",
        "Reason: Test",
        "Request: PUT /v1/entity-connections/id/accept",
    ]
    assert "not shown" not in str(caught.value)


def test_error_args_and_repr() -> None:
    with Wire(respond(404)) as wire, pytest.raises(ApiException) as caught:
        wire.api.g_et_entity_connections()
    assert (caught.value.args, repr(caught.value)) == ((404, "Test"), "NotFoundError(404, 'Test')")


@pytest.mark.parametrize(
    ("body", "data"), [(b'{"a": 1}', {"a": 1}), (b"[1]", [1]), (b"17", "17"), (b'"abc"', "abc"), (b"abc", "abc")]
)
def test_str_keeps_objects_and_lists(body: bytes, data: Any) -> None:
    with Wire(respond(200, body)) as wire:
        assert wire.client.call_api("/v1/any", "GET", response_type="str")[0] == data


def test_replaced_model_after_first_use() -> None:
    """A class that replaces a model is not used by a type that was used before; as response_type it always is."""

    class Mine(PUTEntityConnectionsDenyResponseType):
        pass

    with Wire() as wire:
        original = type(wire.api.p_ut_entity_connections_deny("id"))
        with mock.patch.object(zuora_client.models, original.__name__, Mine):
            assert type(wire.api.p_ut_entity_connections_deny("id")) is original
            assert type(wire.client.call_api("/v1/any", "PUT", response_type=Mine)[0]) is Mine


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("verify_ssl", None, TypeError), ("verify_ssl", 0, TypeError), ("assert_hostname", "", ValueError)]
    + [(name, "", ValueError) for name in ("ssl_ca_cert", "cert_file", "key_file")],
)
def test_tls_settings_are_validated(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        setattr(Configuration(), name, value)


def test_disabled_certificate_verification_warns() -> None:
    configuration = Configuration(verify_ssl=False)
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning, match="verify_ssl"):
        ApiClient(configuration).close()


def test_rest_client_has_no_verb_methods() -> None:
    assert not any(hasattr(RESTClientObject, verb) for verb in ("GET", "POST", "PUT"))
    with Wire() as wire:
        with pytest.raises(TypeError, match=r"rest_client\.GET"):
            wire.client.rest_client.GET = print
        assert wire.client.request("PUT", f"{wire.server.url}/any").status == 200


def test_pool_manager_is_assigned_before_the_first_call() -> None:
    with Wire() as wire:
        manager = urllib3.PoolManager()
        wire.client.rest_client.pool_manager = manager
        wire.api.g_et_entity_connections()
        assert wire.client.rest_client.pool_manager is manager
        assert len(manager.pools) == 1
        with pytest.raises(TypeError, match="after the first call"):
            wire.client.rest_client.pool_manager = urllib3.PoolManager()


def test_traceback_ends_at_the_call() -> None:
    with Wire(respond(404)) as wire, pytest.raises(ApiException) as caught:
        wire.api.g_et_entity_connections()
    assert "_http" not in "".join(str(entry.path) for entry in caught.traceback)


@each_operation
def test_every_operation_uses_call_api(operation: Operation) -> None:
    """Operations call ApiClient.call_api. A replaced ApiClient.request is refused, not ignored."""
    with Wire() as wire:
        with mock.patch.object(wire.client, "call_api", return_value="patched") as call_api:
            assert operation.call(wire.api) == "patched"
            resource_path, method = call_api.call_args.args[:2]
            assert (resource_path.replace("{connection_id}", CONNECTION_ID), method) == (
                operation.path,
                operation.method,
            )
        with mock.patch.object(wire.client, "request"), pytest.raises(TypeError, match=r"ApiClient\.request"):
            operation.call(wire.api)
        assert wire.requests == []
        operation.call(wire.api)
        assert len(wire.requests) == 1


@each_operation
def test_call_api_override_gets_all_arguments(operation: Operation) -> None:
    """An override with the generated signature gets each argument by its keyword, in a form that it may change."""
    seen: dict[str, Any] = {}

    class Mine(ApiClient):
        def call_api(  # type: ignore[override]  # no argument has a default
            self,
            resource_path: Any,
            method: Any,
            path_params: Any,
            query_params: Any,
            header_params: Any,
            *,
            body: Any,
            post_params: Any,
            files: Any,
            response_type: Any,
            auth_settings: Any,
            async_req: Any,
            _return_http_data_only: Any,
            collection_formats: Any,
            _preload_content: Any,
            _request_timeout: Any,
        ) -> Any:
            seen.update(files=files, post=post_params, auth=auth_settings, formats=collection_formats)
            path_params.update({})
            query_params.append(("own", "1"))
            header_params["X-Own"] = "2"
            return super().call_api(
                resource_path, method, path_params, query_params, header_params, body=body, post_params=post_params,
                files=files, response_type=response_type, auth_settings=auth_settings, async_req=async_req,
                _return_http_data_only=_return_http_data_only, collection_formats=collection_formats,
                _preload_content=_preload_content, _request_timeout=_request_timeout,
            )  # fmt: skip

    with Wire() as wire, Mine(wire.configuration) as client:
        assert type(operation.call(EntityConnectionsApi(client))) is operation.model
        assert wire.sent.target.endswith("own=1")
        assert wire.sent.headers["x-own"] == "2"
    assert seen == {"files": {}, "post": [], "auth": [], "formats": {}}


def test_error_body_is_truncated() -> None:
    with Wire(respond(400, b"x" * 100_000)) as wire, pytest.raises(ApiException) as caught:
        wire.api.g_et_entity_connections()
    assert caught.value.body == "x" * 65536


def test_logger_cannot_be_assigned() -> None:
    with pytest.raises(AttributeError):
        Configuration().logger = {}  # type: ignore[misc]


def test_unknown_setting_is_type_error() -> None:
    with pytest.raises(TypeError, match="hots"):
        Configuration(hots="https://rest.zuora.com")  # type: ignore[call-arg]
