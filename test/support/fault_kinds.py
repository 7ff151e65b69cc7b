"""Every kind of fault that a run over a pair or a plan has to survive."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from zuora_client.emulator import faults
from zuora_client.emulator.faults import Fault
from zuora_client.emulator.messages import json_response

MAX_RESPONSE_BYTES = 100_000


def confirm_without_effect(exchange: Any) -> None:
    """Answer a write with success and do nothing."""
    success = json_response(200, {"success": True, "id": "8a80"})
    exchange.send(exchange.execute() if exchange.request.method == "GET" else success)


FAULTS: dict[str, Callable[[], Fault]] = {
    "close before reading": faults.close_before_reading,
    "reset before commit": faults.reset_before_commit,
    "reset after commit": faults.reset_after_commit,
    "cut body": lambda: faults.truncate(5),
    "cut head": lambda: faults.truncate_head(30),
    "extra bytes": lambda: faults.extra_bytes(b"HTTP/1.1 200 OK\r\n\r\n"),
    "bad gzip": faults.bad_gzip,
    "gzip bomb": lambda: faults.gzip_bomb(2 * MAX_RESPONSE_BYTES),
    "redirect": lambda: faults.redirect("https://elsewhere.example/"),
    "rate": faults.too_many_requests,
    "concurrency, long Retry-After": lambda: faults.concurrency_limit(retry_after=600),
    "locked": lambda: faults.refusal(53500050),
    "internal": lambda: faults.refusal(50000060),
    "not allowed": lambda: faults.refusal(50000010),
    "not authenticated": lambda: faults.refusal(90000011),
    "business rule": lambda: faults.refusal(50000030),
    "not found": lambda: faults.refusal(50000040, status=404),
    "no reason": lambda: faults.answer(200, {"success": False}),
    "not JSON": lambda: faults.answer(200, "welcome"),
    "other JSON": lambda: faults.answer(200, "[[]]"),
    "empty body": lambda: faults.answer(200, b""),
    "confirmed without effect": lambda: Fault("confirmed without effect", confirm_without_effect),
    **{f"html {status}": partial(faults.html_error, status) for status in (401, 403, 404, 500)},
    **{f"gateway {status}": partial(faults.html_error, status) for status in (408, 502, 503)},
    "unavailable, Retry-After": lambda: faults.answer(503, headers={"Retry-After": "1"}),
    **{
        f"{status} after commit": partial(faults.answer_after_commit, status)
        for status in (204, 400, 401, 429, 500, 502)
    },
}
# These take real time, so each is injected once and with a short read timeout.
SLOW: dict[str, Callable[[], Fault]] = {
    "drip": lambda: faults.drip(0.0),
    "silence": faults.silence,
    "slow response": lambda: faults.delay(0.4),
}
