"""Responses that were judged wrongly once, byte for byte, each with the right value and the rule that it follows from.

`response_cases.jsonl` holds one JSON object per line: the call, the responses of the server (`then`: keep, close or
reset the connection; `late`: bytes that follow 60 ms later) and the expected result. `arrivals` counts requests, not
those for tokens; `connections` counts TCP connections after a second call, a list with a good response.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support import respond_json
from support.clock import FakeClock
from support.scripted import Received, ScriptedServer, reset

import zuora_client
from zuora_client import ApiClient, ApiException, Configuration, EntityConnectionsApi

CASES = [json.loads(line) for line in Path(__file__).with_name("response_cases.jsonl").read_text().splitlines()]
CONNECTION_ID = "8a808255575bdae401576a914a140420"
ROW = {"id": CONNECTION_ID, "sourceEntityId": "1" * 32, "targetEntityId": "2" * 32, "status": "Pending"}
GOOD_LIST = respond_json({"success": True, "entityConnections": [ROW]})
TOKEN = respond_json({"access_token": "t0ken-of-the-server-0000", "expires_in": 3598})


class CaseResponses:
    """A behaviour: sends the responses of a case, the last one again and again, and good lists once `finished`."""

    def __init__(self, case: dict[str, Any]) -> None:
        self._responses = case["answers"]
        self._issues_tokens = "client_id" in case.get("settings", {})
        self.finished = False
        self.arrivals = 0

    def __call__(self, sock: socket.socket, received: Received) -> bool:
        is_token_request = received.target == "/oauth/token"
        if self.finished or (is_token_request and self._issues_tokens):
            sock.sendall(TOKEN if is_token_request else GOOD_LIST)
            return True
        response = self._responses[min(self.arrivals, len(self._responses) - 1)]
        self.arrivals += 1
        sock.sendall(base64.b64decode(response.get("base64", "")) or response.get("bytes", "").encode("latin-1"))
        if response["then"] == "reset":
            reset(sock, received)
        if response.get("late"):
            threading.Event().wait(0.06)
            sock.sendall(response["late"].encode("latin-1"))
        return bool(response["then"] == "keep")


def perform(operation: str, api: EntityConnectionsApi) -> Any:
    if operation in ("list", "token"):
        return api.get_entity_connections()
    if operation == "list all":
        return [row.id for row in api.iter_entity_connections(page_size=1)]
    if operation == "initiate":
        return api.post_entity_connections(request={"targetEntityId": "2" * 32})
    if operation.startswith("call_api"):
        method = operation.split()[1]
        return api.api_client.call_api("/v1/action/update", method, response_type="object")
    return getattr(api, f"put_entity_connections_{operation}")(CONNECTION_ID)


def check_text(error: ApiException, expect: dict[str, Any]) -> None:
    text = str(error).lower()
    for words in expect.get("text_has", ()):
        assert any(re.search(rf"(?<!\w){re.escape(word.lower())}", text) for word in words.split("|")), text
    for word in expect.get("text_has_not", ()):
        assert word.lower() not in text, text


@pytest.mark.parametrize("case", CASES, ids=[f"{case['kind']}-{case['name']}" for case in CASES])
def test_response_case(case: dict[str, Any]) -> None:
    expect = case["expect"]
    settings = {"connect_timeout": 1, "read_timeout": 1, "deadline": 3, **case.get("settings", {})}
    if case["operation"] == "token":
        settings.update(client_id="0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f", client_secret="emulated-secret-0123456789")
    elif "client_id" not in settings:
        settings["access_token"] = "a-fixed-token-of-the-test"
    error: ApiException | None = None
    result = None
    responses = CaseResponses(case)
    with (
        ScriptedServer(responses) as server,
        ApiClient(Configuration(server.url, **settings), clock=FakeClock()) as client,
    ):
        api = EntityConnectionsApi(client)
        started = time.monotonic()
        try:
            result = perform(case["operation"], api)
        except ApiException as caught:
            error = caught
        elapsed = time.monotonic() - started
        arrivals = responses.arrivals
        if "connections" in expect:
            responses.finished = True
            rows = api.get_entity_connections().entity_connections
            assert [row.id for row in rows or []] == [CONNECTION_ID]
            assert server.connections == expect["connections"]
    assert expect.get("end") in (None, "error" if error else "returns"), error or result
    assert arrivals == expect.get("arrivals", arrivals)
    assert elapsed < expect.get("within", 30)
    if "rows" in expect:
        assert result == expect["rows"]
    if error is not None:
        assert error.outcome == expect.get("outcome", error.outcome), error
        if "class" in expect:
            broke = error.__cause__ if isinstance(error.__cause__, ApiException) else error
            assert isinstance(broke, getattr(zuora_client, expect["class"]))
        if "codes" in expect:
            assert [reason.code for reason in error.reasons] == expect["codes"]
        check_text(error, expect)
