"""RESTResponse and ApiException."""

from __future__ import annotations

import pytest
from support.operations import OPERATIONS, Operation
from support.scripted import respond
from support.wire import Wire

from zuora_client.rest import ApiException, RESTResponse


def test_rest_response_attributes() -> None:
    body = "grün".encode("latin-1")
    with Wire(respond(202, body, {"Content-Type": "text/plain; charset=latin-1"}, "Noted")) as wire:
        wire.client.call_api("/v1/any", "GET")
        response = wire.client.last_response
        assert isinstance(response, RESTResponse)
        assert (response.status, response.reason, response.data) == (202, "Noted", "grün")
        assert response.getheaders()["content-length"] == "4"
        assert response.getheader("CONTENT-LENGTH") == "4"
        assert response.getheader("X-None") is None
        assert response.getheader("X-None", "default") == "default"


def test_api_exception_constructor() -> None:
    bare = ApiException()
    assert (bare.status, bare.reason, bare.body, bare.headers) == (None, None, None, None)
    given = ApiException(status=0, reason="why")
    assert (given.status, given.reason) == (0, "why")
    assert str(given).splitlines()[:2] == ["(0)", "Reason: why"]
    response = RESTResponse(418, "Teapot", {"X-A": "b"}, b"short and stout")
    read = ApiException(http_resp=response)
    assert (read.status, read.reason, read.body) == (418, "Teapot", "short and stout")
    assert read.headers is not None
    assert read.headers["X-A"] == "b"
    assert isinstance(read, Exception)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.readable)
@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 409, 415, 422, 429, 500, 502, 503, 504, 599])
def test_every_status_outside_2xx_raises(operation: Operation, status: int) -> None:
    body = "" if status == 304 else "the body"
    with Wire(respond(status, body.encode(), {"X-A": "b"}, "The Reason"), max_attempts=1) as wire:
        with pytest.raises(ApiException) as caught:
            operation.call(wire.api)
        error = caught.value
        assert (error.status, error.body) == (status, body)
        assert error.headers is not None
        assert error.headers.get("x-a") == "b"
        lines = str(error).splitlines()
        assert lines[0] == error.summary
        assert lines[0].startswith(f"({status}) ")
        assert lines[1].startswith("Reason: ")
        if status >= 400:
            assert (error.reason, lines[1]) == ("The Reason", "Reason: The Reason")
