"""A WSGI application for gunicorn: each request makes one call to Zuora and returns pid and token digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from typing import Any

from zuora_client import ApiClient, Configuration
from zuora_client.token_store import FileTokenStore

client = ApiClient(Configuration.from_env(token_store=FileTokenStore(os.environ["TOKEN_FOLDER"])))


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    client.call_api("/v1/entities", "GET", response_type="object")
    token = "".join(token.reveal() for token in client._state.sender.credentials.tokens.secrets())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {hashlib.sha256(token.encode()).hexdigest()}".encode()]
