"""What type checkers are told of the keywords is what the methods take."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from support.operations import OPERATIONS, Operation

from zuora_client import Configuration, EntityConnectionsApi
from zuora_client._base import configuration_kwargs as settings
from zuora_client.api import signatures

# Named by the overloads themselves, or by the ones that give back what was asked for.
DECIDING = {"async_req", "_preload_content"}
TOLD: dict[str, tuple[Any, Any]] = {
    "GET": (signatures.ListOptions, signatures.PlainList),
    "POST": (signatures.InitiateOptions, signatures.PlainInitiate),
    "PUT": (signatures.CallOptions, signatures.PlainCall),
}


def taken(operation: Operation) -> set[str]:
    """Return the keywords that an operation takes: its own, and those that the road of all five takes."""
    keywords = set()
    for method in (getattr(EntityConnectionsApi, f"{operation.generated}_with_http_info"), EntityConnectionsApi._call):
        parameters = inspect.signature(method).parameters.values()
        keywords |= {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    return keywords


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
def test_checkers_know_the_keywords_that_a_method_takes(operation: Operation) -> None:
    options, plain = TOLD[operation.method]
    assert set(options.__annotations__) == taken(operation) - DECIDING
    assert set(plain.__annotations__) == taken(operation)


def test_checkers_know_the_settings_that_a_configuration_takes() -> None:
    named = {*inspect.signature(Configuration).parameters} - {"settings"}
    # Public attributes, and those properties that have a setter; what the signature names is not told twice.
    attributes = {name for name in vars(Configuration()) if not name.startswith("_")}
    settable = {name for name, value in vars(Configuration).items() if isinstance(value, property) and value.fset}
    assert set(settings.ConfigurationKwargs.__annotations__) == (attributes | settable) - named
    assert set(settings.FromEnvKwargs.__annotations__) == attributes | settable | named
