"""A client with a replaced transport: it records the requests, returns a set response and uses no sockets."""

from __future__ import annotations

from typing import Any

from urllib3._collections import HTTPHeaderDict

from zuora_client import ApiClient, Configuration, EntityConnectionsApi
from zuora_client._http.decoding import BodyDecoder
from zuora_client._http.response import response_limit
from zuora_client.exceptions import InvalidResponseError
from zuora_client.rest import RESTResponse

from .clock import FakeClock


class Socketless:
    """A client whose every request gets the response in `status`, `headers` and `body`.

    Attributes:
        sent: ``(method, target, headers, body)`` of each request.
    """

    def __init__(self, **settings: Any) -> None:
        self.configuration = Configuration("http://127.0.0.1:9", **settings)
        self.client = ApiClient(self.configuration, clock=FakeClock())
        # Past the guard of the transport against replacements that no call would use.
        vars(self.client.rest_client)["attempt"] = self._attempt
        self.api = EntityConnectionsApi(self.client)
        self.sent: list[tuple[str, str, dict[str, str], bytes | None]] = []
        self.say(b'{"success": true}')

    def say(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Set the response to all later requests."""
        self.status, self.body, self.headers = status, body, headers or {}

    def __enter__(self) -> Socketless:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def _attempt(self, _: Any, method: str, target: str, headers: Any, body: Any, *__: Any, **___: Any) -> RESTResponse:
        self.sent.append((method, target, headers, body))
        received = HTTPHeaderDict(self.headers)
        try:
            limit = response_limit(self.configuration.max_response_bytes, target)
            decoder = BodyDecoder(received.get("content-encoding"), limit)
            decoder.decode(self.body)
            content = decoder.flush()
        except InvalidResponseError as error:
            error.status, error.headers, error.outcome = self.status, received, "unknown"
            raise
        return RESTResponse(self.status, "Test", received, content)
