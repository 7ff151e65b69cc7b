"""Faults: what can go wrong between a client and Zuora, on demand.

A fault acts on one exchange and decides whether the request is executed; the `committed` attribute of the request
records whether it changed the tenant. A `FaultPlan` decides to which requests a fault applies.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from .arguments import validate_number
from .exchange import Exchange, Fault
from .limits import max_concurrent, send_concurrency_limit, token_limit
from .messages import Response, json_response
from .service import Operation, error_response
from .wire import serialize_response

__all__ = [
    "Fault",
    "answer",
    "answer_after_commit",
    "bad_gzip",
    "chunked",
    "close_before_reading",
    "concurrency_limit",
    "connection_close",
    "delay",
    "drip",
    "extra_bytes",
    "gzip_bomb",
    "html_error",
    "http_1_0",
    "max_concurrent",
    "redirect",
    "refusal",
    "reset_after_commit",
    "reset_before_commit",
    "rewrite_body",
    "silence",
    "token_limit",
    "too_many_requests",
    "truncate",
    "truncate_head",
]

Body = bytes | str | Mapping[str, Any] | list[Any] | None
HeaderFields = Mapping[str, str] | None


def close_before_reading() -> Fault:
    """Close the connection after the head of the request. The body is not read, and nothing is executed."""
    return Fault("close_before_reading", lambda exchange: exchange.close())


def reset_before_commit() -> Fault:
    """Read the whole request, execute nothing, and reset the connection (TCP RST)."""

    def act(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reset()

    return Fault("reset_before_commit", act)


def reset_after_commit() -> Fault:
    """Execute the request, then reset the connection (TCP RST): the client does not learn the outcome."""

    def act(exchange: Exchange) -> None:
        exchange.execute()
        exchange.reset()

    return Fault("reset_after_commit", act)


def delay(seconds: float) -> Fault:
    """Execute the request, and send the response after this delay; the request keeps running if the client disconnects.

    While it runs, another POST with the same Idempotency-Key gets a 409.
    """

    validate_number("seconds", seconds)

    def act(exchange: Exchange) -> None:
        def execute_slowly(operation: Operation) -> Response:
            response = operation()
            exchange.work(seconds)
            return response

        exchange.send(exchange.execute(execute_slowly))

    return Fault("delay", act)


def drip(seconds_per_byte: float) -> Fault:
    """Execute the request, and send the response, head and body, one byte at a time with a pause before each."""

    validate_number("seconds_per_byte", seconds_per_byte)

    def act(exchange: Exchange) -> None:
        for byte in serialize_response(exchange.execute(), exchange.request):
            exchange.pause(seconds_per_byte)
            exchange.send_bytes(bytes((byte,)))

    return Fault("drip", act)


def truncate(bytes_sent: int) -> Fault:
    """Execute the request, send the head and the first `bytes_sent` bytes of the body, then close the connection.

    The Content-Length is that of the complete body. `truncate_head` truncates the head.
    """

    validate_number("bytes_sent", bytes_sent, integer=True)

    def act(exchange: Exchange) -> None:
        data = serialize_response(exchange.execute(), exchange.request)
        exchange.send_bytes(data[: data.index(b"\r\n\r\n") + 4 + bytes_sent])
        exchange.close()

    return Fault("truncate", act)


def truncate_head(bytes_sent: int) -> Fault:
    """Execute the request, send the first `bytes_sent` bytes of the response, then close the connection.

    A client that accepts a head cut off by the end of the connection sees a response with an empty body.
    """

    validate_number("bytes_sent", bytes_sent, integer=True)

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(serialize_response(exchange.execute(), exchange.request)[:bytes_sent])
        exchange.close()

    return Fault("truncate_head", act)


def extra_bytes(data: bytes) -> Fault:
    """Execute the request, and send `data` after the end of the response; the connection stays open."""

    if not isinstance(data, bytes):
        raise TypeError(f"data must be bytes, not {type(data).__name__}")

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(serialize_response(exchange.execute(), exchange.request) + data)

    return Fault("extra_bytes", act)


def chunked(chunk_size: int = 1) -> Fault:
    """Execute the request, and send the body in chunks of `chunk_size` bytes. The response is valid."""
    validate_number("chunk_size", chunk_size, minimum=1, integer=True)

    def act(exchange: Exchange) -> None:
        exchange.send_bytes(serialize_response(exchange.execute(), exchange.request, chunk_size=chunk_size))

    return Fault("chunked", act)


def connection_close() -> Fault:
    """Execute the request, respond with `Connection: close` and close the connection. The response is valid."""

    def act(exchange: Exchange) -> None:
        exchange.request.keep_alive = False
        exchange.send(exchange.execute())

    return Fault("connection_close", act)


def http_1_0() -> Fault:
    """Execute the request, and respond as HTTP/1.0: no Content-Length, the body ends with the connection."""

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        head = serialize_response(response._replace(body=b""), exchange.request, version="HTTP/1.0")
        exchange.send_bytes(head.replace(b"Content-Length: 0\r\n", b"") + response.body)
        exchange.close()

    return Fault("http_1_0", act)


def answer(status: int, body: Body = None, headers: HeaderFields = None, *, stored: bool = False) -> Fault:
    """Send this response; the request is not executed.

    Args:
        status: the HTTP status.
        body: bytes, text, or an object to serialize as JSON.
        headers: sent unchanged, including a wrong Content-Length.
        stored: store the response under the Idempotency-Key of a POST, as Zuora's own responses are, and replay it for
            24 hours. By default it is not stored, as a response of a gateway in front of Zuora would not be.
    """
    return _respond_with("answer", _response(status, body, headers), stored)


def answer_after_commit(status: int, body: Body = None, headers: HeaderFields = None) -> Fault:
    """Execute the request, and send this response instead of the real one, as a gateway that times out does."""
    response = _response(status, body, headers)

    def act(exchange: Exchange) -> None:
        exchange.execute()
        exchange.send(response)

    return Fault("answer_after_commit", act)


def refusal(code: object, message: str = "Refused on demand.", *, status: int = 200) -> Fault:
    """Refuse the request as Zuora does, with `success: false` and one reason; nothing is executed.

    The response is stored under the Idempotency-Key of a POST. If a response is stored already, that one is replayed.

    Args:
        code: sent unchanged: a number such as 53500050, two digits, a text.
        message: the message of the reason.
        status: the HTTP status.
    """

    # Raises here if the code cannot be serialized. The response is built per request: each has its own process id.
    error_response(code, message, validate_number("status", status, minimum=100, integer=True))

    def act(exchange: Exchange) -> None:
        exchange.send(exchange.execute(lambda _operation: error_response(code, message, status)))

    return Fault("refusal", act)


def rewrite_body(rewrite: Callable[[dict[str, Any]], Any]) -> Fault:
    """Execute the request, and send the response with the body that `rewrite` returns for the JSON object of the body.

    For example `rewrite_body(lambda body: {**body, "success": "yes"})`. Status and headers are those of the response.
    """

    if not callable(rewrite):
        raise TypeError(f"rewrite must be callable, not {type(rewrite).__name__}")

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        body = json.dumps(rewrite(json.loads(_decompressed_body(response)))).encode()
        is_gzip = response.header("Content-Encoding") == "gzip"
        exchange.send(_with_gzip_body(response, _compress(body)) if is_gzip else response._replace(body=body))

    return Fault("rewrite_body", act)


def html_error(status: int = 502) -> Fault:
    """Send an HTML page, as a gateway in front of Zuora does; nothing is executed."""
    validate_number("status", status, minimum=100, integer=True)
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    return _respond_with("html_error", Response(status, page.encode(), (("Content-Type", "text/html"),)))


def too_many_requests(retry_after: int | None = None, reset: int = 30) -> Fault:
    """Send a 429 for the request rate, as in Zuora's sample: code 70, no `success`; nothing is executed.

    Args:
        retry_after: seconds for a Retry-After header, which the sample does not have.
        reset: seconds for the RateLimit-Reset header.
    """
    seconds = validate_number("reset", reset) if retry_after is None else validate_number("retry_after", retry_after)
    message = f"API Rate limit exceeded for the minute, retry after {seconds} seconds"
    headers = {
        "RateLimit-Limit": "50000, 50000;w=60, 2250000;w=3600, 27000000;w=86400",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(reset),
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    response = _response(429, {"reasons": [{"code": 70, "message": message}]}, headers)
    return _respond_with("too_many_requests", response)


def concurrency_limit(retry_after: int = 120) -> Fault:
    """Send a 429 for concurrency: code 50000070, Retry-After, Concurrency-Limit headers; nothing is executed."""
    validate_number("retry_after", retry_after)
    return Fault("concurrency_limit", lambda exchange: send_concurrency_limit(exchange, 40, retry_after))


def redirect(location: str, status: int = 307) -> Fault:
    """Redirect the client to `location`; nothing is executed."""
    return _respond_with("redirect", _response(status, None, {"Location": location}))


def bad_gzip() -> Fault:
    """Execute the request, and send the response as gzip with a wrong checksum at its end."""

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        body = _compress(_decompressed_body(response))
        damaged = body[:-8] + bytes(byte ^ 0xFF for byte in body[-8:])
        exchange.send(_with_gzip_body(response, damaged))

    return Fault("bad_gzip", act)


def gzip_bomb(size: int) -> Fault:
    """Execute the request, and send the response as gzip that decompresses to `size` bytes: the JSON, then spaces."""

    validate_number("size", size, integer=True)

    def act(exchange: Exchange) -> None:
        response = exchange.execute()
        body = _decompressed_body(response)
        exchange.send(_with_gzip_body(response, _compress(body, size - len(body))))

    return Fault("gzip_bomb", act)


def silence() -> Fault:
    """Read the request, execute nothing, and send nothing until the client disconnects or the emulator stops."""

    def act(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.pause(None)

    return Fault("silence", act)


def _respond_with(name: str, response: Response, stored: bool = False) -> Fault:
    def act(exchange: Exchange) -> None:
        exchange.send(exchange.execute(lambda _operation: response) if stored else response)

    return Fault(name, act)


def _response(status: int, body: Body, headers: HeaderFields) -> Response:
    validate_number("status", status, minimum=100, integer=True)
    fields = tuple((headers or {}).items())
    for name, value in fields:
        if any(ord(character) > 255 for character in f"{name}{value}"):
            raise ValueError(f"headers: the name or value of {name!r} is not Latin-1")
    if body is None or isinstance(body, (bytes, str)):
        return Response(status, body.encode() if isinstance(body, str) else body or b"", fields)
    if any(name.lower() == "content-type" for name, _ in fields):
        return Response(status, json.dumps(body).encode(), fields)
    return json_response(status, body, *fields)


def _decompressed_body(response: Response) -> bytes:
    return zlib.decompress(response.body, 31) if response.header("Content-Encoding") == "gzip" else response.body


def _with_gzip_body(response: Response, body: bytes) -> Response:
    other_headers = tuple(field for field in response.headers if field[0] != "Content-Encoding")
    return Response(response.status, body, (*other_headers, ("Content-Encoding", "gzip")))


def _compress(body: bytes, padding: int = 0) -> bytes:
    """Return the body, followed by `padding` spaces, as gzip. The padding is never in memory as a whole."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunks = [compressor.compress(body)]
    spaces = b" " * 65536
    while padding > 0:
        chunks.append(compressor.compress(spaces[:padding]))
        padding -= len(spaces)
    return b"".join([*chunks, compressor.flush()])
