"""What stands between HTTP and the operations: routes, credentials, the entity of the call, stored answers, headers.

Invariant: every request gets exactly one :class:`Response`, and ``request.status`` and ``request.committed`` are
settled before it is handed out. Facts come from Zuora's public reference; what that leaves open is a choice, listed in
docs/testing.md. No sockets here.
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
#: Answers in the place of an operation, usually by running it.
Around = Callable[[Operation], Response]

# Our choice: the last resource code of the documented range. That of entity connections is not published.
POST_RESOURCE = 679999
NO_PAYLOAD_RESOURCE = 500000

GZIP_THRESHOLD = 1000

_WWW_AUTHENTICATE = ("WWW-Authenticate", "Basic realm=Zuora API, ZSession realm=Zuora API, Bearer realm=Zuora API")
_RATE_LIMIT = "2250000, 50000;w=60, 2250000;w=3600, 27000000;w=86400"
_TOKEN_LIMIT = 2_000
_TRACK_ID = re.compile(r"[^:;\"'\x00-\x1f\x7f-\U0010ffff]{1,64}\Z")
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)", re.IGNORECASE)

_ROUTES = {
    "/oauth/token": {"POST": "create_token"},
    "/v1/entities": {"GET": "list_entities"},
    "/v1/entities/*": {"GET": "get_entity"},
    "/v1/entity-connections": {"GET": "list_connections", "POST": "initiate"},
    "/v1/entity-connections/*/accept": {"PUT": "accept"},
    "/v1/entity-connections/*/deny": {"PUT": "deny"},
    "/v1/entity-connections/*/disconnect": {"PUT": "disconnect"},
}
_NEED_NO_ENTITY = ("list_entities", "get_entity")


def run(operation: Operation) -> Response:
    """The plain way to answer: run the operation."""
    return operation()


def envelope(code: object, message: str, status: int = 200, *headers: tuple[str, str]) -> Response:
    """Zuora's refusal: ``success`` false, a process id of 16 hex digits, and one reason."""
    reasons = [{"code": code, "message": message}]
    payload = {"success": False, "processId": secrets.token_hex(8).upper(), "reasons": reasons}
    return json_response(status, payload, *headers)


def _answer(request: Request, refusal: Refusal) -> Response:
    resource = refusal.resource or (POST_RESOURCE if request.method == "POST" else NO_PAYLOAD_RESOURCE)
    return envelope(resource * 100 + refusal.category, refusal.message, refusal.status)


class _Window:
    """Counts requests in a window of the injected clock. Shown, never enforced: to refuse is the business of faults."""

    def __init__(self, quota: int, seconds: int, clock: Callable[[], float]) -> None:
        self._quota, self._seconds, self._clock = quota, seconds, clock
        self._lock = threading.Lock()
        self._start, self._used = clock(), 0

    def take(self) -> tuple[int, int]:
        """Count one request: what remains, and in how many seconds the next window begins."""
        with self._lock:
            passed = self._clock() - self._start
            if passed >= self._seconds:
                self._start += passed - passed % self._seconds
                passed, self._used = passed % self._seconds, 0
            self._used += 1
            return max(self._quota - self._used, 0), max(int(self._seconds - passed), 1)


class Service:
    """One tenant behind HTTP. Thread-safe."""

    def __init__(
        self, hierarchy: Hierarchy, credentials: Credentials, token_lifetime: float, clock: Callable[[], float]
    ) -> None:
        self.operations = Operations(hierarchy, credentials, token_lifetime)
        self._hierarchy = hierarchy
        self._credentials = credentials
        self._stored = IdempotencyStore(clock)
        self._rate = _Window(2_250_000, 3600, clock)
        self._token_rate = _Window(_TOKEN_LIMIT, 60, clock)

    def handle(self, request: Request, around: Around = run) -> Response:
        """Answer one request.

        ``around`` may answer in the place of the operation, or wait after it has run. It acts inside the idempotency
        layer: its answer to a POST with a key is stored, and while it waits that key is taken.
        """
        operation, key = self._prepare(request)
        asked = False

        def execute() -> Response:
            try:
                response = operation()
            except Refusal as refusal:
                response = _answer(request, refusal)
            request.status = response.status
            return response

        def ask() -> Response:
            nonlocal asked
            asked = True
            return self.sign(request, around(execute))

        if key is None:
            return self._limit(request, ask())
        try:
            # Our choice: the entity is a part of the purpose, as the tenant is; the body is not.
            response = self._stored.once(key, (request.method, request.target, request.entity_id), ask)
        except Refusal as refusal:
            response = self.sign(request, _answer(request, refusal))
        if not asked:
            request.status = response.status
        return self._limit(request, response)

    def sign(self, request: Request, response: Response) -> Response:
        """Add Zuora-Request-Id, and Zuora-Track-Id when a legal one was sent."""
        response = response.with_headers(("Zuora-Request-Id", str(uuid.uuid4())))
        track_id = request.headers.get("Zuora-Track-Id", "")
        return response.with_headers(("Zuora-Track-Id", track_id)) if _TRACK_ID.match(track_id) else response

    def _prepare(self, request: Request) -> tuple[Operation, str | None]:
        """Judge what comes before the operation: what to run, and the key under which its answer is stored."""
        try:
            return self._admit(request)
        except Refusal as refusal:
            answer = _answer(request, refusal)
            return lambda: answer, None

    def _admit(self, request: Request) -> tuple[Operation, str | None]:
        headers = request.headers
        name, argument = _route(request)
        operation = partial(getattr(self.operations, name), request, argument)
        track_id = headers.get("Zuora-Track-Id")
        if track_id and not _TRACK_ID.match(track_id):
            raise Refusal(20, "Zuora-Track-Id takes 64 US-ASCII characters, none of : ; \" '", status=400)
        if name == "create_token":
            return operation, None
        grant = self._credentials.authenticate(headers)
        if grant is None:
            return lambda: json_response(401, {"message": "Authentication error"}, _WWW_AUTHENTICATE), None
        key = headers.get("Idempotency-Key")
        if key is not None and request.method == "PUT":
            raise Refusal(45, "Request method 'PUT' not supported with Idempotency-Key header", status=400)
        if key is not None and not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise Refusal(20, f"Idempotency-Key takes 1 to {MAX_KEY_LENGTH} characters", status=400)
        request.entity_id = self._entity_of_call(headers.get("Zuora-Entity-Ids"), grant, name not in _NEED_NO_ENTITY)
        return operation, key if request.method == "POST" else None

    def _entity_of_call(self, named: str | None, grant: Grant, needed: bool) -> str | None:
        if named is not None:
            entity = self._hierarchy.find(named)
            if entity is None or entity.id not in grant.entity_ids:
                raise Refusal(20, f"Zuora-Entity-Ids: wrong or inaccessible entity '{named}'", resource=900000)
            return entity.id
        if needed and grant.home_id is None:
            message = "The header Zuora-Entity-Ids is needed: the token is valid for more than one entity"
            raise Refusal(20, message, resource=900000)
        return grant.home_id

    def _limit(self, request: Request, response: Response) -> Response:
        """Add what the gateway adds to every answer, a replayed one too: limits and compression."""
        if request.path.startswith("/v1/"):
            remaining, reset = self._rate.take()
            response = response.with_headers(
                ("RateLimit-Limit", _RATE_LIMIT),
                ("RateLimit-Remaining", str(remaining)),
                ("RateLimit-Reset", str(reset)),
                ("Concurrency-Limit-Type", "Default"),
                ("Concurrency-Limit-Limit", "40"),
                ("Concurrency-Limit-Remaining", "39"),
            )
        elif request.path == "/oauth/token":
            response = response.with_headers(
                ("X-RateLimit-Limit-minute", str(_TOKEN_LIMIT)),
                ("X-RateLimit-Remaining-minute", str(self._token_rate.take()[0])),
            )
        if len(response.body) > GZIP_THRESHOLD and _GZIP.search(request.headers.get("Accept-Encoding", "")):
            compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
            body = compressor.compress(response.body) + compressor.flush()
            response = response._replace(body=body).with_headers(("Content-Encoding", "gzip"))
        return response


def _route(request: Request) -> tuple[str, str]:
    """The name of the operation, and the percent-decoded id in the path."""
    segments = request.path.split("/")
    argument = ""
    if len(segments) > 3:
        argument, segments[3] = unquote(segments[3]), "*" if segments[3] else ""
    methods = _ROUTES.get("/".join(segments))
    if methods is None:
        raise Refusal(40, f"There is nothing at {request.path}", status=404, resource=NO_PAYLOAD_RESOURCE)
    if request.method not in methods:
        raise Refusal(45, f"{request.method} is not supported here", status=405, resource=NO_PAYLOAD_RESOURCE)
    return methods[request.method], argument
