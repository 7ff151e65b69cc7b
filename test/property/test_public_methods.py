"""A public method raises only ApiException, TypeError and ValueError, whatever its arguments and the response.

The methods are found by introspection, so a new method is tested as well.
"""

from __future__ import annotations

import contextlib
import copy
import datetime
import inspect
import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clock import FakeClock
from support.effort import examples
from support.json_documents import answers
from support.operations import CONNECTION_ID
from support.scripted import Received, ScriptedServer
from support.socketless import Socketless

import zuora_client
from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi, POSTEntityConnectionsType

ALLOWED = (ApiException, TypeError, ValueError)

RECURSIVE: list[Any] = []
RECURSIVE.append(RECURSIVE)
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    10**5000,
    1.5,
    math.nan,
    math.inf,
    "",
    "..",
    "a\r\nb",
    "\ud800",
    "é",
    b"",
    b"\xff",
    [],
    [[]],
    RECURSIVE,
    (1, 2),
    {},
    {"a": "b"},
    {1: 2},
    {"a": RECURSIVE},
    object(),
    object,
    len,
    datetime.datetime(2026, 1, 31),
    urllib3.Timeout(1),
    POSTEntityConnectionsType("a"),
    POSTEntityConnectionsType.__new__(POSTEntityConnectionsType),
    Path("/nowhere"),
    "GET",
    "/v1/any/{a}",
    "http://127.0.0.1:9/a?b=c",
    "str",
    "list[str]",
    CONNECTION_ID,
    "0" * 32,
    {"targetEntityId": "a"},
    {"a": "csv"},
]


class Argument:
    """A value, shown by its index in `VALUES`: some values have no usable repr."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.value: Any = VALUES[index]

    def __repr__(self) -> str:
        return f"VALUES[{self.index}]"


anything = st.builds(Argument, st.integers(0, len(VALUES) - 1))


def public_methods(kind: type, excluded: set[str]) -> list[str]:
    return [
        name
        for name, value in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in excluded
    ]


def finish(result: Any) -> None:
    """Wait for an asynchronous result, or read the first rows of an iterator."""
    if hasattr(result, "get") and hasattr(result, "successful"):
        result.get(30)
    elif hasattr(result, "__next__"):
        for _ in zip(range(3), result, strict=False):
            pass


def parameters_of(method: Any) -> tuple[list[str], list[str]]:
    """Return the names of the positional parameters of a method, without ``self``, and the names of all parameters."""
    parameters = [parameter for parameter in inspect.signature(method).parameters.values() if parameter.name != "self"]
    positional = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    return positional, [parameter.name for parameter in parameters]


METHODS = [
    *((EntityConnectionsApi, name) for name in public_methods(EntityConnectionsApi, set())),
    *((ApiClient, name) for name in public_methods(ApiClient, {"close", "set_default_header"})),
]


@pytest.mark.parametrize(("kind", "name"), METHODS, ids=[name for _, name in METHODS])
def test_any_arguments(kind: type, name: str) -> None:
    positional_names, names = parameters_of(getattr(kind, name))
    with Socketless() as socketless:
        owner = socketless.api if kind is EntityConnectionsApi else socketless.client

        @examples(50)
        @given(
            st.lists(anything, max_size=len(positional_names)),
            st.dictionaries(st.sampled_from([*names, "unknown"]), anything, max_size=4),
        )
        def check(positional: list[Argument], keywords: dict[str, Argument]) -> None:
            values = [argument.value for argument in positional]
            options = {key: argument.value for key, argument in keywords.items()}
            with contextlib.suppress(*ALLOWED):
                finish(getattr(owner, name)(*values, **options))

        check()


FUNCTIONS = [name for name in zuora_client.__all__ if inspect.isfunction(getattr(zuora_client, name))]
PENDING = {"id": "1", "sourceEntityId": "a", "targetEntityId": "b", "status": "Pending"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_function_arguments(name: str) -> None:
    """Any arguments after the client, of the functions of the package."""
    function = getattr(zuora_client, name)
    parameters = inspect.signature(function).parameters.values()
    needed = [parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD][1:]
    named = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    # The client is not varied: these functions are tested as if they were its methods.
    options = [option for option in named if option != "target_api"]
    with Socketless() as socketless:
        socketless.say(json.dumps({"success": True, "entityConnections": [PENDING]}).encode())

        @examples(70)
        @given(
            st.lists(anything, min_size=len(needed), max_size=len(needed)),
            st.dictionaries(st.sampled_from(options), anything, max_size=1),
            st.booleans(),
        )
        def check(positional: list[Argument], keywords: dict[str, Argument], paired: bool) -> None:
            values = [argument.value for argument in positional]
            if paired and name == "plan_connections":
                values = [[("a", "b"), (values[0], "b")]]
            with contextlib.suppress(*ALLOWED):
                result = function(
                    socketless.api, *values, **{key: argument.value for key, argument in keywords.items()}
                )
                assert str(result)
                if hasattr(result, "apply"):
                    assert result.to_mermaid()
                    result.apply()

        check()


def test_every_method_can_succeed() -> None:
    """Otherwise test_any_arguments could pass because every call fails at its first check."""
    reached = set()
    with Socketless() as socketless:

        @examples(100)
        @given(st.sampled_from([name for kind, name in METHODS if kind is EntityConnectionsApi]), st.booleans())
        def check(name: str, asynchronous: bool) -> None:
            keywords = {"request": POSTEntityConnectionsType("a")} if "ost" in name else {}
            positional = ["1"] if "ut_" in name else []
            options = {"async_req": True} if asynchronous and not name.startswith("iter") else {}
            finish(getattr(socketless.api, name)(*positional, **keywords, **options))
            reached.add(name)

        check()
    assert reached == {name for kind, name in METHODS if kind is EntityConnectionsApi}


@given(anything, anything)
def test_any_default_header_and_cookie(name: Argument, value: Argument) -> None:
    with Socketless() as socketless:
        with contextlib.suppress(*ALLOWED):
            socketless.client.set_default_header(name.value, value.value)
        socketless.client.cookie = value.value
        with contextlib.suppress(*ALLOWED):
            socketless.api.get_entity_connections()


SETTINGS = sorted(
    {name for name in vars(Configuration()) if not name.startswith("_")} | {"debug", "logger_file", "environment"}
)


@pytest.mark.parametrize("name", SETTINGS)
def test_any_setting(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Keeps log files out of the source tree.
    monkeypatch.chdir(tmp_path)
    for value in VALUES:
        if name == "connection_pool_maxsize" and isinstance(value, int) and value > 1000:
            continue  # urllib3 allocates a queue of this size.
        configuration = Configuration("http://127.0.0.1:9", max_attempts=1)
        try:
            with contextlib.suppress(*ALLOWED):
                setattr(configuration, name, value)
            use(configuration)
        finally:
            configuration.debug = False
            configuration.logger_file = None


def use(configuration: Configuration) -> None:
    for function in (repr, Configuration.to_debug_report, copy.deepcopy, Configuration.auth_settings):
        with contextlib.suppress(*ALLOWED):
            function(configuration)
    with contextlib.suppress(*ALLOWED), warnings.catch_warnings():
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        client = ApiClient(configuration, clock=FakeClock())
        client.rest_client.attempt = refuse  # type: ignore[method-assign]
        try:
            EntityConnectionsApi(client).put_entity_connections_accept("a b")
        finally:
            client.close()


def refuse(*_: Any, **__: Any) -> Any:
    raise ApiException(400, "refused")


@examples(20)
@given(answers, st.sampled_from([200, 400, 401, 429, 500]))
def test_any_response_to_call_api(document: Any, status: int) -> None:
    with Socketless() as socketless:
        socketless.say(json.dumps(document).encode(), status)
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            for kind in (None, "object", "str", "list[str]", "dict(str, int)", "POSTEntityConnectionsType"):
                with contextlib.suppress(*ALLOWED):
                    socketless.client.call_api("/v1/any", method, response_type=kind)
            with contextlib.suppress(*ALLOWED):
                socketless.client.request(method, "http://127.0.0.1:9/any")


# -- bytes from a server --------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.0 500 No\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: //x\r\n",
        b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\n",
        b"HTTP/",
        b"Content-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: br\r\n",
        b"Content-Type: application/json; charset=idna\r\n",
        b"Connection: close\r\n",
        b": no name\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"fffffffff\r\n",
        b'{"success": true}',
        b'{"success": false}',
        b"\x1f\x8b\x08",
        b"\0",
    ]
)


def test_any_bytes_from_server() -> None:
    response = b""

    def respond(sock: Any, _: Received) -> None:
        sock.sendall(response)

    with ScriptedServer(respond) as server:
        configuration = Configuration(server.url, max_attempts=1)
        with ApiClient(configuration) as client:
            api = EntityConnectionsApi(client)

            @settings(examples(100), suppress_health_check=[HealthCheck.too_slow])
            @given(st.lists(PIECES | st.binary(max_size=8), max_size=10))
            def check(pieces: list[bytes]) -> None:
                nonlocal response
                response = b"".join(pieces)
                for call in (
                    lambda: api.get_entity_connections(),
                    lambda: api.put_entity_connections_accept("1"),
                    lambda: api.post_entity_connections(request={"targetEntityId": "1"}),
                ):
                    server.requests.clear()
                    with contextlib.suppress(ApiException):
                        call()
                    assert len(server.requests) == 1

            check()
