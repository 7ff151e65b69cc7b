"""The tenant behind HTTP: routes, authorization, the entity of a request, stored responses, response headers.

The facts are from Zuora's public reference. Where it is silent, docs/testing.md lists what we chose.
"""

from __future__ import annotations

import re
import secrets
import threading
import uuid
import zlib
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from .auth import Credentials, Grant
from .idempotency import MAX_KEY_LENGTH, IdempotencyStore
from .messages import Request, Response, json_response
from .operations import Operations
from .state import Hierarchy, Refusal

Operation = Callable[[], Response]
#: Called instead of an operation, which it may call itself.
Middleware = Callable[[Operation], Response]

# Our choice: the last resource code of the documented range. The one of entity connections is not published.
_POST_RESOURCE = 679999
_DEFAULT_RESOURCE = 500000
_ENTITY_RESOURCE = 900000

_GZIP_THRESHOLD = 1000

_WWW_AUTHENTICATE = ("WWW-Authenticate", "Basic realm=Zuora API, ZSession realm=Zuora API, Bearer realm=Zuora API")
_RATE_LIMIT = "2250000, 50000;w=60, 2250000;w=3600, 27000000;w=86400"
_TOKEN_LIMIT = 2_000
_TRACK_ID = re.compile(r"[^:;\"'\x00-\x1f\x7f-\U0010ffff]{1,64}\Z")
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)", re.IGNORECASE)

TOKEN_PATH = "/oauth/token"

_ROUTES = {
    TOKEN_PATH: {"POST": "create_token"},
    "/v1/entities": {"GET": "list_entities"},
    "/v1/entities/*": {"GET": "get_entity"},
    "/v1/entity-connections": {"GET": "list_connections", "POST": "initiate"},
    "/v1/entity-connections/*/accept": {"PUT": "accept"},
    "/v1/entity-connections/*/deny": {"PUT": "deny"},
    "/v1/entity-connections/*/disconnect": {"PUT": "disconnect"},
}
_ENTITY_OPTIONAL = ("list_entities", "get_entity")


def run_operation(operation: Operation) -> Response:
    """Call the operation: the default middleware."""
    return operation()


def error_response(code: object, message: str, status: int = 200, *headers: tuple[str, str]) -> Response:
    """Return a response with `success: false`, a process id of 16 hex digits, and one reason."""
    reasons = [{"code": code, "message": message}]
    payload = {"success": False, "processId": secrets.token_hex(8).upper(), "reasons": reasons}
    return json_response(status, payload, *headers)


def _refusal_response(request: Request, refusal: Refusal) -> Response:
    resource = refusal.resource or (_POST_RESOURCE if request.method == "POST" else _DEFAULT_RESOURCE)
    return error_response(resource * 100 + refusal.category, refusal.message, refusal.status)


class _RateWindow:
    """Counts requests in fixed windows of time. Only feeds the rate-limit headers; use faults to reject requests."""

    def __init__(self, quota: int, seconds: int, clock: Callable[[], float]) -> None:
        self._quota, self._seconds, self._clock = quota, seconds, clock
        self._lock = threading.Lock()
        self._start, self._used = clock(), 0

    def count(self) -> tuple[int, int]:
        """Count a request; return the remaining quota, and the seconds until the next window."""
        with self._lock:
            elapsed = self._clock() - self._start
            if elapsed >= self._seconds:
                self._start += elapsed - elapsed % self._seconds
                elapsed, self._used = elapsed % self._seconds, 0
            self._used += 1
            return max(self._quota - self._used, 0), max(int(self._seconds - elapsed), 1)


class Service:
    """A tenant that turns requests into responses. Thread-safe.

    Attributes:
        clock: returns the monotonic seconds by which everything expires.
    """

    def __init__(
        self, hierarchy: Hierarchy, credentials: Credentials, token_lifetime: float, clock: Callable[[], float]
    ) -> None:
        self.clock = clock
        self.operations = Operations(hierarchy, credentials, token_lifetime)
        self._hierarchy = hierarchy
        self._credentials = credentials
        self._idempotency = IdempotencyStore(clock)
        self._rate = _RateWindow(2_250_000, 3600, clock)
        self._token_rate = _RateWindow(_TOKEN_LIMIT, 60, clock)

    def handle(self, request: Request, middleware: Middleware = run_operation) -> Response:
        """Execute a request and return the response; sets `request.status` and `request.committed`.

        Args:
            middleware: called instead of the operation. Its response to a POST with an Idempotency-Key is stored, and
                until it returns, other requests with that key get a 409.
        """
        operation, key = self._prepare(request)

        def execute() -> Response:
            try:
                response = operation()
            except Refusal as refusal:
                response = _refusal_response(request, refusal)
            request.status = response.status
            return response

        def respond() -> Response:
            return self.add_request_ids(request, middleware(execute))

        if key is None:
            return self._add_gateway_headers(request, respond())
        # Our choice: the key is bound to the entity too, but not to the body.
        fingerprint = (request.method, request.target, request.entity_id)
        try:
            response, replayed = self._idempotency.run_once(key, fingerprint, respond)
            if replayed:
                request.status = response.status
        except Refusal as refusal:
            response = self.add_request_ids(request, _refusal_response(request, refusal))
            request.status = response.status
        return self._add_gateway_headers(request, response)

    def add_request_ids(self, request: Request, response: Response) -> Response:
        """Add Zuora-Request-Id, and the Zuora-Track-Id of the request if that is valid."""
        response = response.with_headers(("Zuora-Request-Id", str(uuid.uuid4())))
        track_id = request.headers.get("Zuora-Track-Id", "")
        return response.with_headers(("Zuora-Track-Id", track_id)) if _TRACK_ID.match(track_id) else response

    def entity_of(self, request: Request) -> str | None:
        """Return the id of the entity in which the request would run; None if it runs in none, or will be refused."""
        try:
            name, _ = _route(request)
            grant = self._credentials.authenticate(request.headers) if name != "create_token" else None
            header = request.headers.get("Zuora-Entity-Ids")
            return self._resolve_entity(header, grant, name not in _ENTITY_OPTIONAL) if grant else None
        except Refusal:
            return None

    def _prepare(self, request: Request) -> tuple[Operation, str | None]:
        """Return the operation to run, and the key under which its response is stored."""
        try:
            return self._authorize(request)
        except Refusal as refusal:
            response = _refusal_response(request, refusal)
            return lambda: response, None

    def _authorize(self, request: Request) -> tuple[Operation, str | None]:
        headers = request.headers
        name, resource_id = _route(request)
        operation = partial(getattr(self.operations, name), request, resource_id)
        track_id = headers.get("Zuora-Track-Id")
        if track_id and not _TRACK_ID.match(track_id):
            raise Refusal(20, "Zuora-Track-Id must be at most 64 US-ASCII characters, none of : ; \" '", status=400)
        if name == "create_token":
            return operation, None
        grant = self._credentials.authenticate(headers)
        if grant is None:
            return lambda: json_response(401, {"message": "Authentication error"}, _WWW_AUTHENTICATE), None
        key = headers.get("Idempotency-Key")
        if key is not None and request.method == "PUT":
            raise Refusal(45, "Request method 'PUT' not supported with Idempotency-Key header", status=400)
        if key is not None and not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise Refusal(20, f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters", status=400)
        request.entity_id = self._resolve_entity(headers.get("Zuora-Entity-Ids"), grant, name not in _ENTITY_OPTIONAL)
        return operation, key if request.method == "POST" else None

    def _resolve_entity(self, header: str | None, grant: Grant, required: bool) -> str | None:
        if header is not None:
            entity = self._hierarchy.find(header)
            if entity is None or entity.id not in grant.entity_ids:
                raise Refusal(
                    20, f"Zuora-Entity-Ids: wrong or inaccessible entity '{header}'", resource=_ENTITY_RESOURCE
                )
            return entity.id
        if required and grant.home_id is None:
            message = "The header Zuora-Entity-Ids is needed: the token is valid for more than one entity"
            raise Refusal(20, message, resource=_ENTITY_RESOURCE)
        return grant.home_id

    def _add_gateway_headers(self, request: Request, response: Response) -> Response:
        """Add the rate-limit headers and compression, which also a replayed response gets anew."""
        if request.path.startswith("/v1/"):
            remaining, reset = self._rate.count()
            response = response.with_headers(
                ("RateLimit-Limit", _RATE_LIMIT),
                ("RateLimit-Remaining", str(remaining)),
                ("RateLimit-Reset", str(reset)),
                ("Concurrency-Limit-Type", "Default"),
                ("Concurrency-Limit-Limit", "40"),
                ("Concurrency-Limit-Remaining", "39"),
            )
        elif request.path == TOKEN_PATH:
            response = response.with_headers(
                ("X-RateLimit-Limit-minute", str(_TOKEN_LIMIT)),
                ("X-RateLimit-Remaining-minute", str(self._token_rate.count()[0])),
            )
        if len(response.body) > _GZIP_THRESHOLD and _GZIP.search(request.headers.get("Accept-Encoding", "")):
            compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
            body = compressor.compress(response.body) + compressor.flush()
            response = response._replace(body=body).with_headers(("Content-Encoding", "gzip"))
        return response


def _route(request: Request) -> tuple[str, str]:
    """Return the name of the operation, and the percent-decoded id in the path."""
    segments = request.path.split("/")
    resource_id = ""
    if len(segments) > 3:
        resource_id, segments[3] = unquote(segments[3]), "*" if segments[3] else ""
    methods = _ROUTES.get("/".join(segments))
    if methods is None:
        raise Refusal(40, f"There is no resource at {request.path}", status=404, resource=_DEFAULT_RESOURCE)
    if request.method not in methods:
        raise Refusal(
            45, f"Request method '{request.method}' is not supported here", status=405, resource=_DEFAULT_RESOURCE
        )
    return methods[request.method], resource_id
