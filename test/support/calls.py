"""A call of each kind that the retry table knows, and what it takes to say what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from zuora_client import ApiException, EntityConnectionsApi
from zuora_client.exceptions import OutcomeUnknownError

from .scripted import json_answer

Call = Callable[[EntityConnectionsApi], Any]


def _any_path(method: str) -> Call:
    def call(api: EntityConnectionsApi) -> Any:
        return api.api_client.call_api(
            "/v1/things/{id}", method, {"id": "1"}, response_type="object", _return_http_data_only=True
        )

    return call


READS: dict[str, Call] = {
    "GET": lambda api: api.get_entity_connections(),
    "OPTIONS": _any_path("OPTIONS"),
}
KEYED: dict[str, Call] = {
    "POST": lambda api: api.post_entity_connections(request={"targetEntityId": "8a80825556ff28a4015708ba29312ecc"}),
    "PATCH": _any_path("PATCH"),
}
WRITES: dict[str, Call] = {
    "PUT accept": lambda api: api.put_entity_connections_accept("8a80825555a3c7a10155b54a63821c0d"),
    "PUT deny": lambda api: api.put_entity_connections_deny("8a80825555a3c7a10155b54a63821c0d"),
    "PUT disconnect": lambda api: api.put_entity_connections_disconnect("8a80825555a3c7a10155b54a63821c0d"),
    "DELETE": _any_path("DELETE"),
}
CALLS = {**READS, **KEYED, **WRITES}


def failure_of(call: Call, api: EntityConnectionsApi) -> ApiException:
    """Return the error that a call must raise."""
    with pytest.raises(ApiException) as caught:
        call(api)
    return caught.value


class Said(NamedTuple):
    """What a kind of call does: how often it is sent, what broke, what is known."""

    sent: int
    error: type[ApiException]
    outcome: str


def check(error: ApiException, said: Said) -> None:
    """Fail unless the error is the one that broke, or tells that nobody knows and has it as its cause."""
    assert error.outcome == said.outcome
    if isinstance(error, OutcomeUnknownError):
        assert said.outcome == "unknown"
        assert type(error.__cause__) is said.error
        assert error.status == error.__cause__.status
    else:
        assert type(error) is said.error
    assert len(error.attempts) == said.sent


def refusal(*codes: Any, status: int = 200) -> bytes:
    """Zuora's refusal with a reason for each code."""
    reasons = [{"code": code, "message": "Not now."} for code in codes]
    return json_answer({"success": False, "processId": "CBCFED6580B4E076", "reasons": reasons}, status)
