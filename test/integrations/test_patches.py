"""What tests and users replace in urllib3 and in the generated client takes effect, or the call is refused."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Callable
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

import pytest
import urllib3
from support.calls import CALLS, failure_of
from support.tokens import CLIENT_SECRET
from support.wire import Wire

from zuora_client import ApiClient, EntityConnectionsApi
from zuora_client.exceptions import OutcomeUnknownError
from zuora_client.rest import RESTClientObject

ACCESS_TOKEN = "the-access-token"
TOKEN = {"access_token": ACCESS_TOKEN, "token_type": "bearer", "expires_in": 3600}
ROWS = {"success": True, "entityConnections": [{"id": "8a808255575bdae401576a914a140420", "status": "Pending"}]}

# What the tests replace. The first two are on the way of each attempt; the others may refuse the call instead.
POOL_SEAMS = [
    "urllib3.HTTPConnectionPool.urlopen",
    "urllib3.connectionpool.HTTPConnectionPool._make_request",
]
MANAGER_SEAMS = ["urllib3.PoolManager.request", "urllib3.PoolManager.urlopen"]
SEAMS = [*POOL_SEAMS, *MANAGER_SEAMS]


def unread(document: Any, status: int = 200) -> urllib3.HTTPResponse:
    body = io.BytesIO(json.dumps(document).encode())
    headers = {"Content-Type": "application/json"}
    return urllib3.HTTPResponse(body, headers, status, preload_content=False)


def preloaded(document: Any, status: int = 200) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(json.dumps(document).encode(), {"Content-Type": "application/json"}, status)


def takes_effect(call: Callable[[], Any], replaced: mock.Mock, seam: str) -> bool:
    """Make a call. Return whether the replacement answered it; if not, it was refused by a TypeError that says why."""
    refusal = refusal_of(call)
    if refusal is None:
        assert replaced.called
        return True
    assert seam.rpartition(".")[2] in refusal
    assert not replaced.called
    return False


def refusal_of(call: Callable[[], Any]) -> str | None:
    """Make a call; return the text of the TypeError that it raises, if it does."""
    try:
        call()
    except TypeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("make", [unread, preloaded])
@pytest.mark.parametrize("seam", SEAMS)
def test_answers_of_mocks(seam: str, make: Any) -> None:
    """A mock answers the read and the write, and no request is sent."""
    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch(seam) as replaced:
        for name in ("GET", "PUT disconnect"):
            replaced.return_value = make(ROWS)
            used = takes_effect(lambda name=name: CALLS[name](wire.api), replaced, seam)  # type: ignore[misc]
            assert used or seam in MANAGER_SEAMS
        assert not wire.requests


@pytest.mark.parametrize("seam", SEAMS)
def test_wrappers_see_each_attempt(seam: str) -> None:
    """A wrapper sees the read and the write and passes them on, or the calls are refused."""
    owner = urllib3.PoolManager if seam in MANAGER_SEAMS else urllib3.HTTPConnectionPool
    name = seam.rpartition(".")[2]
    original = getattr(owner, name)
    seen = []

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs.get("method") or next(arg for arg in args if isinstance(arg, str) and arg.isupper()))
        return original(self, *args, **kwargs)

    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch.object(owner, name, wrapper):
        refusal = refusal_of(lambda: [CALLS[call](wire.api) for call in ("GET", "PUT accept")])
        if refusal is None:
            assert seen == ["GET", "PUT"]
        else:
            assert seam in MANAGER_SEAMS
            assert name in refusal
        assert [request.method for request in wire.requests] == seen


@pytest.mark.parametrize("seam", SEAMS)
def test_mocks_see_plain_text(seam: str) -> None:
    """A mock can match on credentials: they are text, and the body of a token request is bytes."""
    answers = [unread(TOKEN), unread(ROWS)]
    with Wire(client_id="id", client_secret=CLIENT_SECRET) as wire, mock.patch(seam, side_effect=answers) as replaced:
        assert CALLS["PUT accept"](wire.api).success is True
    token_call, write_call = (call.kwargs for call in replaced.call_args_list)
    assert write_call["headers"]["Authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert {type(value) for value in write_call["headers"].values()} == {str}
    assert parse_qs(token_call["body"].decode())["client_secret"] == [CLIENT_SECRET]


@pytest.mark.parametrize("seam", POOL_SEAMS)
def test_retries_reach_the_mock(seam: str) -> None:
    """Token, first attempt, retry: each asks the mock."""
    answers = [unread(TOKEN), unread({}, 503), unread(ROWS)]
    with Wire(client_id="id", client_secret=CLIENT_SECRET) as wire, mock.patch(seam, side_effect=answers) as replaced:
        rows = wire.api.get_entity_connections().entity_connections
        assert rows is not None
        assert rows[0].status == "Pending"
        assert replaced.call_count == 3
        assert not wire.requests


@pytest.mark.parametrize("seam", POOL_SEAMS)
@pytest.mark.parametrize(
    "error",
    [
        urllib3.exceptions.ReadTimeoutError(urllib3.HTTPConnectionPool("h"), "/", "too late"),
        urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")),
        urllib3.exceptions.MaxRetryError(urllib3.HTTPConnectionPool("h"), "/", OSError("gone")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_mocks(seam: str, error: Exception) -> None:
    """What a mock raises leaves a write unknown: it cannot tell that nothing was sent. The write is not repeated."""
    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch(seam, side_effect=error) as replaced:
        with pytest.raises(OutcomeUnknownError):
            CALLS["PUT disconnect"](wire.api)
        assert replaced.call_count == 1
        assert len(failure_of(CALLS["GET"], wire.api).attempts) == 3
        assert replaced.call_count == 4
        assert not wire.requests


@pytest.mark.parametrize("seam", POOL_SEAMS)
def test_exceptions_of_mocks_propagate(seam: str) -> None:
    """An exception that is not the transport's, such as the refusal of a recorder, reaches the caller unchanged."""

    class NotAllowed(Exception):
        pass

    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch(seam, side_effect=NotAllowed) as replaced:
        for name in ("GET", "PUT disconnect"):
            with pytest.raises(NotAllowed):
                CALLS[name](wire.api)
        assert replaced.call_count == 2
        assert not wire.requests


@pytest.mark.parametrize("seam", POOL_SEAMS)
def test_mock_of_an_open_connection(seam: str) -> None:
    """A client with an open connection asks the mock too, and sends real requests afterwards."""
    seen = []

    def respond(pool: Any, *args: Any, **options: Any) -> Any:
        seen.append(args)
        if isinstance(args[0], urllib3.connection.HTTPConnection):
            # `urlopen` leaves it to the response.
            args[0].close()
        return unread(ROWS)

    with Wire(access_token=ACCESS_TOKEN) as wire:
        CALLS["GET"](wire.api)
        with mock.patch(seam, respond):
            assert CALLS["PUT accept"](wire.api).success is True
        assert len(seen) == 1
        CALLS["GET"](wire.api)
        assert [request.method for request in wire.requests] == ["GET", "GET"]


# -- the seams of the generated client --------------------------------------------------------------------------------


def answer_of(document: Any) -> Any:
    """A response in the form of the generated client."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps(document)
    response = mock.Mock(status=200, reason="OK", data=body, content=body.encode(), headers=headers)
    response.getheaders.return_value = headers
    response.getheader.side_effect = lambda name, default=None: headers.get(name, default)
    return response


def test_mock_of_rest_client_request() -> None:
    seam = "zuora_client.rest.RESTClientObject.request"
    with Wire(access_token=ACCESS_TOKEN) as wire, mock.patch(seam, return_value=answer_of(ROWS)) as replaced:
        for name in ("GET", "PUT disconnect"):
            takes_effect(lambda name=name: CALLS[name](wire.api), replaced, seam)  # type: ignore[misc]
        assert not wire.requests


@pytest.mark.parametrize("verb", ["request", "GET", "POST", "PUT"])
def test_request_set_on_the_rest_client(verb: str) -> None:
    """A method set on the instance answers the calls, or cannot be set."""
    replaced = mock.Mock(return_value=answer_of(ROWS))
    with Wire(access_token=ACCESS_TOKEN) as wire:
        refusal = refusal_of(lambda: setattr(wire.client.rest_client, verb, replaced))
        if refusal is not None:
            assert verb in refusal
            return
        for name in ("GET", "PUT disconnect", "POST"):
            takes_effect(lambda name=name: CALLS[name](wire.api), replaced, verb)  # type: ignore[misc]
        assert not wire.requests


def test_subclass_of_rest_client() -> None:
    """A subclass with its own `request`, assigned as generated code does it, answers the calls or is refused."""
    seen = []

    class Audited(RESTClientObject):
        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            seen.append(method)
            return answer_of(ROWS)

    with Wire(access_token=ACCESS_TOKEN) as wire:

        def use() -> None:
            wire.client.rest_client = Audited(wire.configuration)
            for name in ("GET", "PUT disconnect"):
                CALLS[name](wire.api)

        refusal = refusal_of(use)
        assert seen == ([] if refusal else ["GET", "PUT"])
        assert refusal is None or "request" in refusal
        assert not wire.requests


def test_override_of_api_client_request() -> None:
    seen = []

    class Audited(ApiClient):
        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            seen.append((method, url))
            return super().request(method, url, *args, **kwargs)

    with Wire(access_token=ACCESS_TOKEN) as wire:

        def use() -> None:
            with Audited(wire.configuration) as client:
                for name in ("GET", "PUT accept"):
                    CALLS[name](EntityConnectionsApi(client))

        refusal = refusal_of(use)
        assert refusal is None or "request" in refusal
        assert [method for method, _ in seen] == [] if refusal else ["GET", "PUT"]
        assert [request.method for request in wire.requests] == [method for method, _ in seen]


def test_request_set_on_the_api_client() -> None:
    replaced = mock.Mock(return_value=answer_of(ROWS))
    with Wire(access_token=ACCESS_TOKEN) as wire:
        with mock.patch.object(wire.client, "request", replaced):
            for name in ("GET", "PUT disconnect"):
                takes_effect(lambda name=name: CALLS[name](wire.api), replaced, "request")  # type: ignore[misc]
        assert not wire.requests


GENERATED = set(inspect.signature(ApiClient.call_api).parameters) - {"self"}


def test_override_of_call_api() -> None:
    """An override with the generated signature gets each argument that generated code passes, by the same keyword."""
    seen: list[dict[str, Any]] = []

    class Audited(ApiClient):
        def call_api(
            self,
            resource_path: Any,
            method: Any,
            path_params: Any = None,
            query_params: Any = None,
            header_params: Any = None,
            body: Any = None,
            post_params: Any = None,
            files: Any = None,
            response_type: Any = None,
            auth_settings: Any = None,
            async_req: Any = None,
            _return_http_data_only: Any = None,
            collection_formats: Any = None,
            _preload_content: Any = True,
            _request_timeout: Any = None,
        ) -> Any:
            arguments = {name: value for name, value in locals().items() if name in GENERATED}
            seen.append(arguments)
            return super().call_api(**arguments)

    with Wire(access_token=ACCESS_TOKEN) as wire, Audited(wire.configuration) as client:
        api = EntityConnectionsApi(client)
        api.g_et_entity_connections(page_size=2, type="inbound")
        api.p_ut_entity_connections_accept("8a80825555a3c7a10155b54a63821c0d", _request_timeout=5)
        assert len(wire.requests) == 2
    assert [arguments["method"] for arguments in seen] == ["GET", "PUT"]
    assert seen[0]["response_type"] == "GETEntityConnectionsResponseType"
    assert seen[0]["_return_http_data_only"] is True
    assert {("pageSize", 2), ("type", "inbound")} <= set(seen[0]["query_params"])
    assert list(dict(seen[1]["path_params"]).values()) == ["8a80825555a3c7a10155b54a63821c0d"]
    assert seen[1]["_request_timeout"] == 5
