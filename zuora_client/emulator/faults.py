"""Everything that can go wrong between a client and Zuora, on demand.

Invariant: a fault says by itself whether the request is executed; the record of the request (``committed``) says what
happened in truth. A fault acts on one exchange; the plan decides which requests it meets.
"""

from __future__ import annotations

import fnmatch
import json
import random
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Union

from .messages import Request, Response, json_response
from .service import Operation, envelope
from .wire import frame

if TYPE_CHECKING:
    from .server import Exchange

Body = Union[bytes, str, Mapping[str, Any], list[Any], None]
HeaderFields = Optional[Mapping[str, str]]


@dataclass(frozen=True)
class Fault:
    """A way to fail: a name for the record, and what is done to the exchange in the place of a plain answer."""

    name: str
    act: Callable[[Exchange], None]


def close_before_reading() -> Fault:
    """Close the connection after the head of the request; its body is not read, nothing is executed."""
    return Fault("close_before_reading", lambda exchange: exchange.close())


def reset_before_commit() -> Fault:
    """Read the whole request, execute nothing, and reset the connection (TCP RST)."""

    def act(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reset()

    return Fault("reset_before_commit", act)


def reset_after_commit() -> Fault:
    """Execute the request, then reset the connection: it happened, and the client cannot know."""

    def act(exchange: Exchange) -> None:
        exchange.execute()
        exchange.reset()

    return Fault("reset_after_commit", act)


def delay(seconds: float) -> Fault:
    """Execute the request, then keep it running for so long before it is answered.

    While it runs, another POST with its Idempotency-Key gets a 409.
    """

    def act(exchange: Exchange) -> None:
        def slowly(operation: Operation) -> Response:
            response = operation()
            exchange.pause(seconds)
            return response

        exchange.send(exchange.execute(slowly))

    return Fault("delay", act)


def drip(seconds_per_byte: float) -> Fault:
    """Execute the request and send the answer, head and body, one byte at a time with a pause before each."""

    def act(exchange: Exchange) -> None:
        for byte in frame(exchange.execute(), exchange.request):
            exchange.pause(seconds_per_byte)
            exchange.send_bytes(bytes((byte,)))

    return Fault("drip", act)


def truncate(bytes_sent: int) -> Fault:
    """Execute the request, send the whole head and so many bytes of the body, then close the connection.

    The Content-Length stays that of the whole body. See ``truncate_head`` for an answer that breaks off earlier.
    """

    def act(exchange: Exchange) -> None:
        answer = frame(exchange.execute(), exchange.request)
        exchange.send_bytes(answer[: answer.index(b"\r\n\r\n") + 4 + bytes_sent])
        exchange.close()

    return Fault("truncate", act)


def truncate_head(bytes_sent: int) -> Fault:
    """Execute the request, send so many bytes of the answer, counted from the status line, then close the connection.

    Clients that read a head until the connection ends may take the rest of it for an answer with an empty body.
    """

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(frame(exchange.execute(), exchange.request)[:bytes_sent])
        exchange.close()

    return Fault("truncate_head", act)


def extra_bytes(data: bytes) -> Fault:
    """Execute the request, and send ``data`` after the end of the answer; the connection stays open."""

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(frame(exchange.execute(), exchange.request) + data)

    return Fault("extra_bytes", act)


def chunked(chunk_size: int = 1) -> Fault:
    """Execute the request and send the body in chunks of so many bytes, without a Content-Length. A legal answer."""
    if chunk_size < 1:
        raise ValueError("chunk_size must be at least 1")

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(frame(exchange.execute(), exchange.request, chunk_size=chunk_size))

    return Fault("chunked", act)


def connection_close() -> Fault:
    """Execute the request, answer ``Connection: close`` and close the connection. A legal answer."""

    def act(exchange: Exchange) -> None:
        exchange.request.keep_alive = False
        exchange.send(exchange.execute())

    return Fault("connection_close", act)


def http_1_0() -> Fault:
    """Execute the request and answer as an HTTP/1.0 server: no Content-Length, the body ends where the connection does."""

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        head = frame(response._replace(body=b""), exchange.request, version="HTTP/1.0")
        exchange.send_bytes(head.replace(b"Content-Length: 0\r\n", b"") + response.body)
        exchange.close()

    return Fault("http_1_0", act)


def answer(status: int, body: Body = None, headers: HeaderFields = None, *, stored: bool = False) -> Fault:
    """Answer in the place of Zuora; the request is not executed.

    ``body`` is bytes, text, or what becomes JSON. ``headers`` are sent as they are, a Content-Length too. By default the
    answer comes from in front of the API, so no Idempotency-Key remembers it; with ``stored=True`` it comes from the
    API itself and is replayed to a POST with the same key for 24 hours.
    """
    return _answering("answer", _response(status, body, headers), stored)


def answer_after_commit(status: int, body: Body = None, headers: HeaderFields = None) -> Fault:
    """Execute the request, and answer something else: what a gateway does that lost patience. Arguments as ``answer``."""
    response = _response(status, body, headers)

    def act(exchange: Exchange) -> None:
        exchange.execute()
        exchange.send(response)

    return Fault("answer_after_commit", act)


def refusal(code: object, message: str = "Refused on demand.", *, status: int = 200) -> Fault:
    """Zuora's own refusal: ``success`` false with one reason, HTTP 200 by default; nothing is executed.

    ``code`` is sent as it is: a number such as 53500050, a text, two digits. The answer comes from the API itself, so it
    is stored under the Idempotency-Key of a POST, and a key that has an answer already replays that one instead.
    """

    def act(exchange: Exchange) -> None:
        exchange.send(exchange.execute(lambda _operation: envelope(code, message, status)))

    return Fault("refusal", act)


def html_error(status: int = 502) -> Fault:
    """An HTML page from a gateway in front of Zuora; nothing is executed."""
    page = (
        f"<html><head><title>{status}</title></head><body><h1>{status}</h1><p>The gateway says no.</p></body></html>\n"
    )
    return _answering("html_error", Response(status, page.encode(), (("Content-Type", "text/html"),)))


def too_many_requests(retry_after: Optional[int] = None, reset: int = 30) -> Fault:
    """429 because of the rate, as Zuora writes it: code 70, ``RateLimit-Reset`` in seconds, no ``success``.

    Zuora's published sample has no Retry-After; give ``retry_after`` to send one.
    """
    message = (
        f"API Rate limit exceeded for the minute, retry after {reset if retry_after is None else retry_after} seconds"
    )
    headers = {
        "RateLimit-Limit": "50000, 50000;w=60, 2250000;w=3600, 27000000;w=86400",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(reset),
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    response = _response(429, {"reasons": [{"code": 70, "message": message}]}, headers)
    return _answering("too_many_requests", response)


def concurrency_limit(retry_after: int = 120) -> Fault:
    """429 because too many requests run at once: code 50000070, ``Retry-After``, the Concurrency-Limit headers."""

    def act(exchange: Exchange) -> None:
        response = envelope(
            50000070,
            "The concurrent request limit is exceeded.",
            429,
            ("Retry-After", str(retry_after)),
            ("Concurrency-Limit-Type", "Default"),
            ("Concurrency-Limit-Limit", "40"),
            ("Concurrency-Limit-Remaining", "0"),
        )
        exchange.send(exchange.service.sign(exchange.request, response))

    return Fault("concurrency_limit", act)


def redirect(location: str, status: int = 307) -> Fault:
    """Point the client to another place; nothing is executed."""
    return _answering("redirect", Response(status, b"", (("Location", location),)))


def bad_gzip() -> Fault:
    """Execute the request and send the answer as gzip whose checksum is wrong: only its end betrays it."""

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        body = _gzip(_plain_body(response))
        damaged = body[:-8] + bytes(byte ^ 0xFF for byte in body[-8:])
        exchange.send(_as_gzip(response, damaged))

    return Fault("bad_gzip", act)


def gzip_bomb(size: int) -> Fault:
    """Execute the request and send the answer as gzip that inflates to ``size`` bytes: the JSON, then spaces."""

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        body = _plain_body(response)
        exchange.send(_as_gzip(response, _gzip(body, size - len(body))))

    return Fault("gzip_bomb", act)


def silence() -> Fault:
    """Read the request, execute nothing, and never answer: until the client goes or the emulator stops."""

    def act(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.pause(None)

    return Fault("silence", act)


class _Rule:
    """When a fault happens. Sees every request that matches, so that it counts and draws the same whatever others do."""

    def __init__(
        self,
        fault: Fault,
        method: Optional[str],
        path: Optional[str],
        first: int,
        times: Optional[int],
        probability: float,
        seed: Optional[int],
    ) -> None:
        self.fault = fault
        self._method = method.upper() if method else None
        self._path = path
        self._first = first
        self._left = times
        self._probability = probability
        self._random = random.Random(seed)
        self._seen = 0

    def wants(self, request: Request) -> bool:
        """Count the request if it matches; True if the fault is due and not used up."""
        if self._method is not None and self._method != request.method:
            return False
        if self._path is not None and not fnmatch.fnmatchcase(request.path, self._path):
            return False
        self._seen += 1
        drawn = self._random.random() < self._probability
        return self._seen >= self._first and drawn and self._left != 0

    def use(self) -> None:
        """Take one off the number of times."""
        if self._left is not None:
            self._left -= 1


class FaultPlan:
    """Which faults meet which requests. Rules are asked in the order in which they came, the first that is due acts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(
        self,
        fault: Fault,
        *,
        method: Optional[str] = None,
        path: Optional[str] = None,
        nth: Optional[int] = None,
        times: Optional[int] = None,
        probability: Optional[float] = None,
        seed: Optional[int] = None,
    ) -> None:
        """Let ``fault`` meet requests from now on; with nothing else said, every one, the token endpoint too.

        Args:
            method: only requests with this method.
            path: only requests whose path, as sent and without the query, is this, or fits it as a shell pattern
                (``/v1/entity-connections/*/accept``).
            nth: only the nth request that matches, counted from 1; with ``times``, from the nth one on.
            times: at most so often. Without it there is no end, unless ``nth`` is given.
            probability: from 0 to 1, drawn for each request that matches.
            seed: makes the draws the same in every run.
        """
        if nth is not None and nth < 1:
            raise ValueError("nth counts from 1")
        if times is not None and times < 0:
            raise ValueError("times must not be negative")
        if probability is not None and not 0 <= probability <= 1:
            raise ValueError("probability must be from 0 to 1")
        if nth is not None and times is None:
            times = 1
        rule = _Rule(fault, method, path, nth or 1, times, 1.0 if probability is None else probability, seed)
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Forget all rules. An exchange that a fault has met already is not changed by this."""
        with self._lock:
            self._rules.clear()

    def choose(self, request: Request) -> Optional[Fault]:
        """The fault for this request, whose name is noted in it; None for a plain answer."""
        with self._lock:
            due = [rule for rule in self._rules if rule.wants(request)]
            if not due:
                return None
            due[0].use()
            request.fault = due[0].fault.name
            return due[0].fault


def _answering(name: str, response: Response, stored: bool = False) -> Fault:
    def act(exchange: Exchange) -> None:
        exchange.send(exchange.execute(lambda _operation: response) if stored else response)

    return Fault(name, act)


def _response(status: int, body: Body, headers: HeaderFields) -> Response:
    fields = tuple((headers or {}).items())
    if body is None or isinstance(body, (bytes, str)):
        return Response(status, body.encode() if isinstance(body, str) else body or b"", fields)
    typed = any(name.lower() == "content-type" for name, _ in fields)
    return json_response(status, body, *fields) if not typed else Response(status, json.dumps(body).encode(), fields)


def _plain_body(response: Response) -> bytes:
    return zlib.decompress(response.body, 31) if response.header("Content-Encoding") == "gzip" else response.body


def _as_gzip(response: Response, body: bytes) -> Response:
    kept = tuple(field for field in response.headers if field[0] != "Content-Encoding")
    return Response(response.status, body, (*kept, ("Content-Encoding", "gzip")))


def _gzip(body: bytes, spaces: int = 0) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [compressor.compress(body)]
    block = b" " * 65536
    while spaces > 0:
        pieces.append(compressor.compress(block[:spaces]))
        spaces -= len(block)
    return b"".join([*pieces, compressor.flush()])
