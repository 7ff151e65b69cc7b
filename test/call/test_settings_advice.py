"""Advice from the settings: which credentials were refused, which were not used, and a proxy that was not read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support import ScriptedServer, respond, respond_json
from support.calls import failure_of
from support.wire import YES, Wire

from zuora_client import (
    ApiClient,
    ApiConnectionError,
    ApiException,
    AuthenticationError,
    Configuration,
    EntitiesApi,
    EntityConnectionsApi,
    PermissionDeniedError,
)

UNAUTHORIZED = respond_json({"message": "Authentication error"}, 401)
CLIENT = {"client_id": "c" * 36, "client_secret": "s" * 36}
KEYS = {"apiAccessKeyId": "id", "apiSecretAccessKey": "hunter2-hunter2"}


def read(api: EntityConnectionsApi) -> Any:
    return api.get_entity_connections()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "No credentials are set: "),
    "another key": ({"api_key": {"X-Gateway": "k"}}, "No credentials are set: "),
    "token": ({"access_token": "t"}, "Zuora refused the access token (access_token). "),
    "token before a client": (
        {"access_token": "t", **CLIENT},
        "Zuora refused the access token (access_token); client_id and client_secret are set too, but an access token "
        "goes first. ",
    ),
    "callable": ({"access_token": lambda: "t"}, "Zuora refused the access token that the access_token callable"),
    "client": (CLIENT, "Zuora refused the OAuth client (client_id, client_secret). "),
    "client before keys": (
        {**CLIENT, "api_key": KEYS},
        "Zuora refused the OAuth client (client_id, client_secret); api_key is set too, but an OAuth client goes "
        "first. ",
    ),
    "token before all": (
        {"access_token": "t", **CLIENT, "api_key": KEYS},
        "Zuora refused the access token (access_token); client_id, client_secret and api_key are set too, but an "
        "access token goes first. ",
    ),
    "keys": ({"api_key": KEYS}, "Zuora refused the access keys (api_key). "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_credentials_are_named(case: str) -> None:
    settings, sentence = REFUSED[case]
    with Wire(UNAUTHORIZED, **settings) as wire:
        error = failure_of(read, wire.api)
    assert isinstance(error, AuthenticationError)
    assert error.advice.startswith(sentence)
    assert f"What to do: {sentence}" in str(error)


def test_refused_variable_is_named() -> None:
    """Credentials of the environment are named by their variables, unless they were set again later."""
    with Wire(UNAUTHORIZED) as wire:
        environ = {"ZUORA_HOST": wire.server.url, "ZUORA_ACCESS_TOKEN": "t", "ZUORA_CLIENT_ID": "c" * 36}
        configuration = Configuration.from_env(environ, client_secret="s" * 36)
        with ApiClient(configuration) as client:
            error = failure_of(read, EntityConnectionsApi(client))
            assert error.advice.startswith(
                "Zuora refused the access token (ZUORA_ACCESS_TOKEN); ZUORA_CLIENT_ID and client_secret are set too, "
                "but an access token goes first. "
            )
            configuration.access_token = "another"
            error = failure_of(read, EntityConnectionsApi(client))
            assert error.advice.startswith("Zuora refused the access token (access_token); ")


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_refused_header_is_named(header: str) -> None:
    with Wire(UNAUTHORIZED) as wire:
        wire.client.set_default_header(header, "Bearer secret-of-mine")
        error = failure_of(read, wire.api)
        assert error.advice.startswith(f"Zuora refused the header {header}. ")
        assert "secret-of-mine" not in str(error)


def test_own_header_goes_before_settings() -> None:
    with Wire(UNAUTHORIZED, access_token="t") as wire:
        wire.client.set_default_header("authorization", "Bearer mine")
        error = failure_of(read, wire.api)
    assert error.advice.startswith(
        "Zuora refused the header authorization; access_token is set too, but a header goes first. "
    )


def test_refusal_of_another_kind_names_nothing() -> None:
    """No credentials are blamed for a callable that raises, for a gateway, or without a token endpoint."""

    def broken() -> str:
        raise OSError

    for behaviour, settings in (
        (UNAUTHORIZED, {"access_token": broken}),
        (respond(401, b"<html>proxy login</html>"), {"access_token": "t"}),
        (respond_json({"message": "no"}, 404), CLIENT),
        (respond_json({"message": "no"}, 403), {"access_token": "t"}),
    ):
        with Wire(behaviour, **settings) as wire:
            error = failure_of(read, wire.api)
        assert "Zuora refused" not in error.advice
        assert "No credentials" not in error.advice


def test_request_without_credentials_is_not_advised() -> None:
    """`ApiClient.request` sends no credentials, whatever is set."""
    with Wire(UNAUTHORIZED, access_token="t") as wire, pytest.raises(AuthenticationError) as caught:
        wire.client.request("GET", f"{wire.server.url}/x")
    assert caught.value.advice == AuthenticationError.advice


# -- entities ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_id", [False, True])
def test_entities_without_permission(by_id: bool) -> None:
    """Reading entities needs no right to write."""
    with Wire(respond_json({"message": "Forbidden"}, 403)) as wire:
        api = EntitiesApi(wire.client)
        error = failure_of(lambda _: api.get_entity_by_id("1") if by_id else api.get_entities(), wire.api)
    assert isinstance(error, PermissionDeniedError)
    assert error.advice.startswith("Any user of an entity may read the entities")
    assert "Write Access" not in str(error)


# -- proxies ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def unknown_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No name is resolved, and no variable names a proxy."""

    def unknown_name(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", unknown_name)
        yield patch


def connection_failure(**settings: Any) -> ApiException:
    configuration = Configuration(max_attempts=1, **{"host": "https://rest.zuora.invalid", **settings})
    with ApiClient(configuration) as client:
        error = failure_of(read, EntityConnectionsApi(client))
    assert isinstance(error, ApiConnectionError)
    return error


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("settings", [{}, CLIENT])
def test_unread_proxy_is_named(unknown_host: pytest.MonkeyPatch, variable: str, settings: dict[str, Any]) -> None:
    """A failure to connect says once that a proxy is not read, and does not show its password."""
    unknown_host.setenv(variable, "http://user:hunter22@proxy.example.com:3128")
    error = connection_failure(**settings)
    sentence = f" {variable} is set, but it is not read: if Zuora is reached through that proxy, pass trust_env=True"
    assert str(error).count(sentence) == 1
    assert "hunter22" not in str(error)


@pytest.mark.parametrize(
    ("environ", "settings"),
    [
        ({}, {}),
        ({"HTTP_PROXY": "http://proxy.invalid"}, {}),
        ({"HTTPS_PROXY": "http://proxy.invalid"}, {"trust_env": True}),
        ({"HTTPS_PROXY": "http://proxy.invalid"}, {"proxy": "http://other.invalid"}),
        ({"HTTPS_PROXY": "http://proxy.invalid", "NO_PROXY": "zuora.invalid"}, {}),
        ({"HTTPS_PROXY": "http://proxy.invalid", "NO_PROXY": "2001:db8::1"}, {"host": "https://[2001:db8::1]"}),
    ],
)
def test_other_proxy_is_not_named(
    unknown_host: pytest.MonkeyPatch, environ: dict[str, str], settings: dict[str, Any]
) -> None:
    for name, value in environ.items():
        unknown_host.setenv(name, value)
    assert "is not read" not in str(connection_failure(**settings))


def test_local_host_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid")
    with ScriptedServer(YES, listening=False) as server, Wire(max_attempts=1) as wire:
        wire.configuration.host = server.url
        assert "is not read" not in str(failure_of(read, wire.api))
