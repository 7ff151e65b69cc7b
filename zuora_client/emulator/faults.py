"""Everything that can go wrong between a client and Zuora, on demand.

Invariant: a fault says by itself whether the request is executed, and the record of the request (``committed``) says
what happened in truth. A fault acts on one exchange; which requests it meets is the plan's business.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .arguments import checked
from .exchange import Exchange
from .messages import Response, json_response
from .service import Operation, envelope
from .wire import frame

Body = bytes | str | Mapping[str, Any] | list[Any] | None
HeaderFields = Mapping[str, str] | None


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
    """Execute the request, then keep it running for so long before it is answered, even if the client goes.

    While it runs, another POST with its Idempotency-Key gets a 409.
    """

    checked("seconds", seconds)

    def act(exchange: Exchange) -> None:
        def slowly(operation: Operation) -> Response:
            response = operation()
            exchange.work(seconds)
            return response

        exchange.send(exchange.execute(slowly))

    return Fault("delay", act)


def drip(seconds_per_byte: float) -> Fault:
    """Execute the request and send the answer, head and body, one byte at a time with a pause before each."""

    checked("seconds_per_byte", seconds_per_byte)

    def act(exchange: Exchange) -> None:
        for byte in frame(exchange.execute(), exchange.request):
            exchange.pause(seconds_per_byte)
            exchange.send_bytes(bytes((byte,)))

    return Fault("drip", act)


def truncate(bytes_sent: int) -> Fault:
    """Execute the request, send the whole head and so many bytes of the body, then close the connection.

    The Content-Length stays that of the whole body. See ``truncate_head`` for an answer that breaks off earlier.
    """

    checked("bytes_sent", bytes_sent, whole=True)

    def act(exchange: Exchange) -> None:
        answer = frame(exchange.execute(), exchange.request)
        exchange.send_bytes(answer[: answer.index(b"\r\n\r\n") + 4 + bytes_sent])
        exchange.close()

    return Fault("truncate", act)


def truncate_head(bytes_sent: int) -> Fault:
    """Execute the request, send so many bytes of the answer, counted from the status line, then close the connection.

    Clients that read a head until the connection ends may take the rest of it for an answer with an empty body.
    """

    checked("bytes_sent", bytes_sent, whole=True)

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(frame(exchange.execute(), exchange.request)[:bytes_sent])
        exchange.close()

    return Fault("truncate_head", act)


def extra_bytes(data: bytes) -> Fault:
    """Execute the request, and send ``data`` after the end of the answer; the connection stays open."""

    if not isinstance(data, bytes):
        raise TypeError(f"data must be bytes, not {type(data).__name__}")

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(frame(exchange.execute(), exchange.request) + data)

    return Fault("extra_bytes", act)


def chunked(chunk_size: int = 1) -> Fault:
    """Execute the request and send the body in chunks of so many bytes, without a Content-Length. A legal answer."""
    checked("chunk_size", chunk_size, least=1, whole=True)

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
    """Execute the request and answer as an HTTP/1.0 server: no Content-Length, the body ends with the connection."""

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        head = frame(response._replace(body=b""), exchange.request, version="HTTP/1.0")
        exchange.send_bytes(head.replace(b"Content-Length: 0\r\n", b"") + response.body)
        exchange.close()

    return Fault("http_1_0", act)


def answer(status: int, body: Body = None, headers: HeaderFields = None, *, stored: bool = False) -> Fault:
    """Answer in the place of Zuora; the request is not executed.

    ``body`` is bytes, text, or what becomes JSON. ``headers`` are sent as they are, a Content-Length too. By default
    the answer comes from in front of the API, so no Idempotency-Key remembers it; with ``stored=True`` it comes from
    the API itself and is replayed to a POST with the same key for 24 hours.
    """
    return _answering("answer", _response(status, body, headers), stored)


def answer_after_commit(status: int, body: Body = None, headers: HeaderFields = None) -> Fault:
    """Execute the request, and answer something else, as a gateway does that lost patience. Arguments as ``answer``."""
    response = _response(status, body, headers)

    def act(exchange: Exchange) -> None:
        exchange.execute()
        exchange.send(response)

    return Fault("answer_after_commit", act)


def refusal(code: object, message: str = "Refused on demand.", *, status: int = 200) -> Fault:
    """Zuora's own refusal: ``success`` false with one reason, HTTP 200 by default; nothing is executed.

    ``code`` is sent as it is: a number such as 53500050, a text, two digits. The answer comes from the API itself, so
    it is stored under the Idempotency-Key of a POST, and a key that has an answer already replays that one instead.
    """

    # Made anew each time, because each has a process id of its own; made once here, so that what is no JSON shows now.
    envelope(code, message, checked("status", status, least=100, whole=True))

    def act(exchange: Exchange) -> None:
        exchange.send(exchange.execute(lambda _operation: envelope(code, message, status)))

    return Fault("refusal", act)


def html_error(status: int = 502) -> Fault:
    """An HTML page from a gateway in front of Zuora; nothing is executed."""
    checked("status", status, least=100, whole=True)
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    return _answering("html_error", Response(status, page.encode(), (("Content-Type", "text/html"),)))


def too_many_requests(retry_after: int | None = None, reset: int = 30) -> Fault:
    """429 because of the rate, as Zuora writes it: code 70, ``RateLimit-Reset`` in seconds, no ``success``.

    Zuora's published sample has no Retry-After; give ``retry_after`` to send one.
    """
    seconds = checked("reset", reset) if retry_after is None else checked("retry_after", retry_after)
    message = f"API Rate limit exceeded for the minute, retry after {seconds} seconds"
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

    checked("retry_after", retry_after)

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
    return _answering("redirect", _response(status, None, {"Location": location}))


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

    checked("size", size, whole=True)

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


def _answering(name: str, response: Response, stored: bool = False) -> Fault:
    def act(exchange: Exchange) -> None:
        exchange.send(exchange.execute(lambda _operation: response) if stored else response)

    return Fault(name, act)


def _response(status: int, body: Body, headers: HeaderFields) -> Response:
    checked("status", status, least=100, whole=True)
    fields = tuple((headers or {}).items())
    for name, value in fields:
        if any(ord(character) > 255 for character in f"{name}{value}"):
            raise ValueError(f"headers: {name!r} has a name or value that is not Latin-1")
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
