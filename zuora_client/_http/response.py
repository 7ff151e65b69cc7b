"""Complete responses: reads the body of a response, limited in size before and after decoding."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from urllib3._collections import HTTPHeaderDict

from .._codec.serialization import decode_text
from ..exceptions import ApiException, InvalidResponseError
from .decoding import CHUNK_SIZE, BodyDecoder, too_large
from .http1 import Response

if TYPE_CHECKING:
    from .attempt import Attempt

# A page of 300 rows has 0.1 MiB. Other paths may return whole files.
_SMALL_RESPONSES = ("/v1/entity-connections/", "/v1/entities/", "/oauth/token/")
_SMALL_LIMIT = 4 * 1024 * 1024
_LARGE_LIMIT = 32 * 1024 * 1024


class RESTResponse:
    """A complete response.

    Attributes:
        status: HTTP status.
        reason: HTTP reason phrase.
        headers: case-insensitive mapping.
        content: the decoded body as bytes.
    """

    __module__ = "zuora_client.rest"  # where users import it, and where pickles look for it
    __slots__ = ("content", "headers", "reason", "status")

    def __init__(self, status: int, reason: str | None, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.reason = reason
        self.content = content
        self.headers = headers

    @property
    def data(self) -> str:
        """The body as text. Bytes that are invalid in its charset are replaced."""
        return decode_text(self.content, self.headers.get("content-type"))

    def getheaders(self) -> Mapping[str, str]:
        """Return all headers."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """Return one header, or `default`."""
        return self.headers.get(name, default)


def response_limit(max_response_bytes: int | None, path: str) -> int:
    """Return the limit of a response body in bytes, before and after decoding.

    Args:
        max_response_bytes: the setting; it applies to every path.
        path: without the prefix of the base URL; a query may follow.
    """
    if max_response_bytes is not None:
        return max_response_bytes
    return _SMALL_LIMIT if f"{path.partition('?')[0]}/".startswith(_SMALL_RESPONSES) else _LARGE_LIMIT


def complete_response(response: Any, limit: int, attempt: Attempt) -> RESTResponse:
    """Read a response of urllib3 to its end and release its connection.

    A response that was not read by this package (a mock, a recording) is taken as it is.

    Raises:
        InvalidResponseError: the body is larger than `limit` or cannot be decoded, and the status is below 400.
        Exception: any error of http.client, ssl and socket.
    """
    source = getattr(response, "_original_response", None)
    if not isinstance(source, Response) or response.tell():
        return _foreign_response(response, limit)
    content = None
    try:
        if source.status == 204:
            _check_no_content(source, attempt)
        content = _read(source, limit)
    except InvalidResponseError as error:
        # From 400 on the status alone decides, so an unreadable body does not matter.
        if source.status < 400:
            raise with_response(error, source) from None
    finally:
        if content is None:
            # Closed and not drained: the rest of the body may be endless.
            source.close()
            attempt.reusable = False
        response.release_conn()
    return RESTResponse(source.status, source.reason, source.headers, content or b"")


def unread_response(response: Any, attempt: Attempt, sent_headers: Mapping[str, Any]) -> Any:
    """Return a response of urllib3 for the caller to read, release or close. Only the read timeout limits that.

    Raises:
        InvalidResponseError: a 204 response with a body, or a content coding that was not requested.
    """
    attempt.deadline = None
    source = getattr(response, "_original_response", None)
    if isinstance(source, Response):
        try:
            _check_coding(source, sent_headers)
            if source.status == 204:
                _check_no_content(source, attempt)
        except InvalidResponseError as error:
            response.close()
            response.release_conn()
            raise with_response(error, source) from None
        if source.fp is None:  # pyright: ignore[reportUnnecessaryComparison] # None after close()
            # A 204 response, which was read to its end.
            response.release_conn()
    return response


def _foreign_response(response: Any, limit: int) -> RESTResponse:
    data = response.data
    content = data.encode() if isinstance(data, str) else bytes(data or b"")
    release = getattr(response, "release_conn", None)
    if release is not None:
        release()
    headers = getattr(response, "headers", None)
    if not isinstance(headers, Mapping):
        headers = response.getheaders() if hasattr(response, "getheaders") else {}
    if len(content) > limit:
        if response.status < 400:
            raise with_response(too_large(limit), response)
        content = b""
    return RESTResponse(response.status, response.reason, HTTPHeaderDict(headers), content)


def with_response(error: ApiException, response: Any) -> ApiException:
    """Return `error` with status and headers of a response whose body is unusable."""
    error.status, error.headers = response.status, response.headers
    return error


def _check_coding(response: Response, sent_headers: Mapping[str, Any]) -> None:
    """Raise InvalidResponseError if the body has a content coding that the request did not accept."""
    accepted = next((value for name, value in sent_headers.items() if name.lower() == "accept-encoding"), "identity")
    # urllib3's response decodes gzip itself, and servers send it unasked.
    requested = {"gzip", "x-gzip", *(coding.partition(";")[0].strip() for coding in accepted.lower().split(","))}
    used = {coding.strip() for coding in response.headers.get("content-encoding", "identity").lower().split(",")}
    if "*" not in requested and not used <= {"identity", "", *requested}:
        raise InvalidResponseError(reason=f"the response has a content coding that was not requested: {sorted(used)}")


def _check_no_content(response: Response, attempt: Attempt) -> None:
    """Read a 204 response to its end.

    Raises:
        InvalidResponseError: it announces a body, is malformed, or is followed by data, so it is not accepted.
    """
    response.read(0)
    if not attempt.complete:
        raise InvalidResponseError(reason="a 204 response that announces a body, is malformed or is followed by data")


def _read(response: Response, limit: int) -> bytes:
    """Return the complete body, decoded.

    Raises:
        InvalidResponseError: the body is larger than `limit` or cannot be decoded.
        Exception: any error of http.client, ssl and socket.
    """
    codings = response.headers.get_all("content-encoding")
    decoder = BodyDecoder(", ".join(codings) if codings else None, limit)
    length = response.length
    if length is not None and length > limit:
        raise too_large(limit)
    chunk = response.read(CHUNK_SIZE)
    if not chunk and length is None and not response.chunked and response.status <= 299:
        # The end of the connection delimits the body, so an empty body may be a truncated one.
        raise http.client.IncompleteRead(b"")
    while chunk:
        decoder.decode(chunk)
        chunk = b"" if response.fp is None else response.read(CHUNK_SIZE)  # pyright: ignore[reportUnnecessaryComparison] # None after close()
    return decoder.flush()
