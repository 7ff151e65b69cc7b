"""The signatures of the API methods: at run time, in help(), in mocks, and for type checkers."""

from __future__ import annotations

import inspect
import pydoc
from typing import Any
from unittest import mock

import pytest
from support.operations import COMMON_KEYWORDS, OPERATIONS, Operation
from support.wire import Wire

from zuora_client import Configuration, EntityConnectionsApi
from zuora_client._base import configuration_kwargs
from zuora_client.api import signatures

VARIANT = "_with_http_info"

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
each_suffix = pytest.mark.parametrize("suffix", ["", VARIANT], ids=["plain", "with_http_info"])


def names_of(operation: Operation, suffix: str) -> tuple[str, str]:
    """Return the generated name of a method and its readable alias."""
    return operation.generated + suffix, operation.readable + suffix


# -- at run time ----------------------------------------------------------------------------------------------------


@each_operation
@each_suffix
def test_signature_lists_every_keyword(operation: Operation, suffix: str) -> None:
    positional = ["connection_id"] if operation.arguments else []
    for name in names_of(operation, suffix):
        parameters = inspect.signature(getattr(EntityConnectionsApi, name)).parameters
        assert list(parameters) == ["self", *positional, *operation.keywords, *COMMON_KEYWORDS]
        kinds = {parameter.name: parameter.kind for parameter in parameters.values()}
        assert {kinds[keyword] for keyword in ("self", *positional)} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
        assert {kinds[keyword] for keyword in (*operation.keywords, *COMMON_KEYWORDS)} == {
            inspect.Parameter.KEYWORD_ONLY
        }


@each_operation
@each_suffix
def test_names_and_docstrings(operation: Operation, suffix: str) -> None:
    name = operation.generated + suffix
    method = getattr(EntityConnectionsApi, name)
    assert (method.__name__, method.__qualname__) == (name, f"EntityConnectionsApi.{name}")
    assert method.__module__ == "zuora_client.api.entity_connections_api"
    if suffix:
        assert method.__doc__ == f"Like `{operation.generated}`, but return ``(data, status, headers)``."
    else:
        assert "Args:" in method.__doc__


@each_operation
@each_suffix
def test_help_shows_every_keyword(operation: Operation, suffix: str) -> None:
    for name in names_of(operation, suffix):
        text = pydoc.plain(pydoc.render_doc(getattr(EntityConnectionsApi, name)))
        # From Python 3.13 a long signature takes several lines.
        heading = text[text.index(f"{operation.generated}{suffix}(") :].partition(" -> ")[0]
        assert all(f" {keyword}: " in heading for keyword in (*operation.keywords, *COMMON_KEYWORDS))


@each_operation
@each_suffix
def test_unknown_keyword_names_the_method(operation: Operation, suffix: str) -> None:
    text = rf"^EntityConnectionsApi\.{operation.generated}{suffix}\(\) got an unexpected keyword argument 'pagesize'"
    with Wire() as wire:
        for name in names_of(operation, suffix):
            with pytest.raises(TypeError, match=text):
                getattr(wire.api, name)(*operation.arguments, **operation.options, pagesize=10)
        assert wire.requests == []


# -- in mocks and overrides -----------------------------------------------------------------------------------------


@each_operation
@each_suffix
def test_autospec_checks_keywords(operation: Operation, suffix: str) -> None:
    spec: Any = mock.create_autospec(EntityConnectionsApi)
    given = dict.fromkeys((*operation.keywords, *COMMON_KEYWORDS))
    for api in (spec(), mock.create_autospec(EntityConnectionsApi, instance=True)):
        for name in names_of(operation, suffix):
            method = getattr(api, name)
            method(*operation.arguments, **given)
            method.assert_called_once_with(*operation.arguments, **given)
            with pytest.raises(TypeError, match="pagesize"):
                method(*operation.arguments, pagesize=10)
            if operation.arguments:
                with pytest.raises(TypeError, match="connection_id"):
                    method()


@each_operation
def test_plain_method_calls_the_variant(operation: Operation) -> None:
    """A patched `_with_http_info` method receives the arguments of the caller and `_return_http_data_only`."""
    variant = operation.generated + VARIANT
    arguments: dict[str, Any] = {**operation.options, "zuora_track_id": "t"}
    with Wire() as wire, mock.patch.object(EntityConnectionsApi, variant, autospec=True) as patched:
        for name in names_of(operation, ""):
            patched.reset_mock()
            assert getattr(wire.api, name)(*operation.arguments, **arguments) is patched.return_value
            patched.assert_called_once_with(wire.api, *operation.arguments, **arguments, _return_http_data_only=True)
        assert wire.requests == []


@each_operation
def test_plain_method_calls_an_override(operation: Operation) -> None:
    """A subclass that overrides a `_with_http_info` method changes the plain method and its alias too."""
    variant = operation.generated + VARIANT
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def override(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return getattr(EntityConnectionsApi, variant)(self, *args, **kwargs)

    subclass = type("Subclass", (EntityConnectionsApi,), {variant: override})
    with Wire() as wire:
        api = subclass(wire.client)
        for name in names_of(operation, ""):
            model = getattr(api, name)(*operation.arguments, **operation.options, _return_http_data_only=False)
            assert type(model) is operation.model
    expected = (operation.arguments, {**operation.options, "_return_http_data_only": True})
    assert calls == [expected, expected]


@each_operation
def test_call_api_receives_generated_arguments(operation: Operation) -> None:
    """Path, method and the three kinds of parameters are positional; everything else is passed by keyword."""
    with Wire() as wire, mock.patch.object(wire.client, "call_api", autospec=True) as call_api:
        timeout = (1, 2)
        operation.call(wire.api, async_req=True, _preload_content=False, _request_timeout=timeout)
    (path, method, path_params, query_params, header_params), keywords = call_api.call_args
    assert path.replace("{connection_id}", str(operation.arguments[0]) if operation.arguments else "") == operation.path
    assert method == operation.method
    assert path_params == ({"connection_id": operation.arguments[0]} if operation.arguments else {})
    assert bool(query_params) is (operation.method == "GET")
    assert header_params["Accept"] == header_params["Content-Type"] == "application/json; charset=utf-8"
    assert keywords == {
        "body": operation.options.get("request"),
        "response_type": operation.model.__name__,
        "post_params": [],
        "files": {},
        "auth_settings": [],
        "collection_formats": {},
        "async_req": True,
        "_return_http_data_only": True,
        "_preload_content": False,
        "_request_timeout": timeout,
    }


# -- for type checkers ----------------------------------------------------------------------------------------------

# The overloads declare these two by themselves, or leave them at the values that return a model.
RESULT_KEYWORDS = {"async_req", "_preload_content"}
TYPED_DICTS: dict[str, tuple[Any, Any]] = {
    "GET": (signatures.ListOptions, signatures.PlainList),
    "POST": (signatures.InitiateOptions, signatures.PlainInitiate),
    "PUT": (signatures.CallOptions, signatures.PlainCall),
}


@each_operation
def test_typed_dicts_match_the_methods(operation: Operation) -> None:
    options, plain = TYPED_DICTS[operation.method]
    keywords = {*operation.keywords, *COMMON_KEYWORDS}
    assert set(options.__annotations__) == keywords - RESULT_KEYWORDS
    assert set(plain.__annotations__) == keywords


def test_typed_dicts_match_the_configuration() -> None:
    named = {*inspect.signature(Configuration).parameters} - {"settings"}
    # Public attributes and settable properties. ConfigurationKwargs omits those that the signature names.
    attributes = {name for name in vars(Configuration()) if not name.startswith("_")}
    settable = {name for name, value in vars(Configuration).items() if isinstance(value, property) and value.fset}
    assert set(configuration_kwargs.ConfigurationKwargs.__annotations__) == (attributes | settable) - named
    assert set(configuration_kwargs.FromEnvKwargs.__annotations__) == attributes | settable | named
