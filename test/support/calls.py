"""Calls of each retry class, and assertions about their errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from zuora_client import ApiException, EntityConnectionsApi
from zuora_client.exceptions import OutcomeUnknownError

from .scripted import respond_json

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
    """Make a call that must fail; return its error."""
    with pytest.raises(ApiException) as caught:
        call(api)
    return caught.value


class Expected(NamedTuple):
    """The expected end of a call: the number of attempts, the class of the last error, and the outcome."""

    attempts: int
    error: type[ApiException]
    outcome: str


def assert_failure(error: ApiException, expected: Expected) -> None:
    """Check an error. For a write in doubt, the expected class is that of the cause of the OutcomeUnknownError."""
    assert error.outcome == expected.outcome
    if isinstance(error, OutcomeUnknownError):
        assert expected.outcome == "unknown"
        assert type(error.__cause__) is expected.error
        assert error.status == error.__cause__.status
    else:
        assert type(error) is expected.error
    assert len(error.attempts) == expected.attempts


def refusal(*codes: Any, status: int = 200) -> bytes:
    """Return a failure envelope of Zuora with a reason for each code."""
    reasons = [{"code": code, "message": "Not now."} for code in codes]
    return respond_json({"success": False, "processId": "CBCFED6580B4E076", "reasons": reasons}, status)
