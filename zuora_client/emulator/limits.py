"""Limits as faults: they look at all requests of their rule, refuse those above the limit and let the others pass."""

from __future__ import annotations

import math
import threading
from collections import deque

from .arguments import validate_number
from .exchange import Exchange, Fault
from .messages import json_response
from .service import TOKEN_PATH, error_response


def max_concurrent(limit: int = 40, retry_after: int = 1) -> Fault:
    """Let at most `limit` requests of an entity run at the same time; the others get the 429 of `concurrency_limit`.

    A request runs from the arrival of its last byte to the first byte of its response. Those that run in no entity are
    not counted: token requests, and those that are refused for their credentials or their entity. The requests that
    pass are served, or fail by the next rule of the plan; combine it with `delay`, because most requests take less than
    a millisecond. Each call of this function returns a fault with counts of its own.

    Args:
        limit: 40 is Zuora's default limit. 0 refuses every request.
        retry_after: seconds for the Retry-After header.
    """

    validate_number("limit", limit, integer=True)
    validate_number("retry_after", retry_after)
    lock = threading.Lock()
    running: dict[str, set[Exchange]] = {}

    def act(exchange: Exchange) -> None:
        exchange.read_body()
        entity_id = exchange.service.entity_of(exchange.request)
        if entity_id is None:
            exchange.proceed()
            return
        with lock:
            exchanges = running.setdefault(entity_id, set())
            is_admitted = len(exchanges) < limit
            if is_admitted:
                exchanges.add(exchange)

        def release() -> None:
            with lock:
                exchanges.discard(exchange)

        if not is_admitted:
            send_concurrency_limit(exchange, limit, retry_after)
            return
        # Released before the response is sent: a client that has it may send the next request at once.
        exchange.before_response(release)
        try:
            exchange.proceed()
        finally:
            release()

    return Fault("max_concurrent", act)


def token_limit(limit: int = 100, window: float = 60, hint: bool = True) -> Fault:
    """Let at most `limit` requests to the token endpoint pass in any `window` seconds; the others get a 429.

    The 429 has code 70. Refused requests are not counted; those with wrong credentials are. The requests that pass are
    served, or fail by the next rule of the plan. Requests to other paths always pass. The window moves by the clock of
    the emulator. Each call of this function returns a fault with counts of its own.

    Args:
        limit: 100 is Zuora's limit for one IP address. 0 refuses every request.
        window: length of the window in seconds.
        hint: whether Retry-After says when the next request will pass.
    """

    validate_number("limit", limit, integer=True)
    validate_number("window", window)
    if not isinstance(hint, bool):
        raise TypeError(f"hint must be a bool, not {type(hint).__name__}")
    lock = threading.Lock()
    passed: deque[float] = deque()

    def wait_seconds(now: float) -> float:
        """Return 0 and count the request if it may pass, else the seconds until the next one may."""
        with lock:
            while passed and passed[0] + window <= now:
                passed.popleft()
            if len(passed) < limit:
                passed.append(now)
                return 0
            return passed[0] + window - now if passed else max(window, 1)

    def act(exchange: Exchange) -> None:
        seconds = math.ceil(wait_seconds(exchange.service.clock())) if exchange.request.path == TOKEN_PATH else 0
        if not seconds:
            exchange.proceed()
            return
        message = "API Rate limit exceeded for the minute"
        headers = [("X-RateLimit-Limit-minute", str(limit)), ("X-RateLimit-Remaining-minute", "0")]
        if hint:
            message += f", retry after {seconds} seconds"
            headers.append(("Retry-After", str(seconds)))
        response = json_response(429, {"reasons": [{"code": 70, "message": message}]}, *headers)
        exchange.send(exchange.service.add_request_ids(exchange.request, response))

    return Fault("token_limit", act)


def send_concurrency_limit(exchange: Exchange, limit: int, retry_after: float) -> None:
    """Refuse the request as Zuora does above its limit of concurrent requests; nothing is executed."""
    response = error_response(
        50000070,
        "The concurrent request limit is exceeded.",
        429,
        ("Retry-After", str(retry_after)),
        ("Concurrency-Limit-Type", "Default"),
        ("Concurrency-Limit-Limit", str(limit)),
        ("Concurrency-Limit-Remaining", "0"),
    )
    exchange.send(exchange.service.add_request_ids(exchange.request, response))
