"""A request without its credentials, and the functions that build its parts: path, headers, body.

A value that cannot be sent unchanged raises TypeError or ValueError, and the message names the parameter.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from .._base import parameters
from . import serialization

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._base.base_url import BaseURL
    from ..configuration import Configuration
    from ..deadline import Timeouts


class RetryClass(Enum):
    """Whether a request that was sent may be sent again."""

    READ = "read"
    """Safe to repeat: it changes nothing."""

    KEYED = "keyed"
    """Safe to repeat under the same Idempotency-Key."""

    WRITE = "write"
    """Not retried after it was sent, unless the response shows that nothing was done."""


RETRY_CLASSES = {
    "GET": RetryClass.READ,
    "HEAD": RetryClass.READ,
    "OPTIONS": RetryClass.READ,
    "POST": RetryClass.KEYED,
    "PATCH": RetryClass.KEYED,
    "PUT": RetryClass.WRITE,
    "DELETE": RetryClass.WRITE,
}

# Path characters of RFC 3986, 3.3, and `?` because a resource path may bring a query.
_INVALID_PATH_CHARACTER = r"[^!$%&'()*+,./0-9:;=?@A-Z_a-z~-]"


class Request:
    """The request of one call, without the credentials.

    Attributes:
        settings: the configuration of the whole call, even if the client is given another one meanwhile.
        path: percent-encoded, as it is sent.
        template: the path with the names of its parameters, as it is logged.
        retry_class: whether it may be retried: READ, KEYED or WRITE.
        caller_key: whether the caller supplied the idempotency key.
        authorize: whether each attempt gets the configured credentials.
        stream: whether urllib3's response is returned with its body unread.
        response_type: type of the returned data; None ignores the response body.
    """

    __slots__ = (
        "authorize",
        "body",
        "caller_key",
        "headers",
        "host",
        "method",
        "path",
        "query",
        "response_type",
        "retry_class",
        "settings",
        "stream",
        "template",
        "timeouts",
    )

    def __init__(
        self,
        settings: Configuration,
        method: str,
        host: BaseURL,
        path: str,
        headers: dict[str, str],
        timeouts: Timeouts,
    ) -> None:
        self.settings = settings
        self.method = method
        self.host = host
        self.path = self.template = path
        self.query = ""
        self.headers = headers
        self.timeouts = timeouts
        self.body: Any = None
        self.retry_class = RETRY_CLASSES[method]
        self.caller_key = False
        self.authorize = False
        self.stream = False
        self.response_type: Any = None

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        target = self.host.prefix + self.path
        if not self.query:
            return target
        return f"{target}{'&' if '?' in self.path else '?'}{self.query}"


def checked_method(method: Any) -> str:
    """Return an HTTP method in upper case. Raises ValueError for a method without a retry class."""
    verb = method.upper() if isinstance(method, str) else method
    if verb not in RETRY_CLASSES:
        raise ValueError(f"method must be one of {', '.join(RETRY_CLASSES)}, not {method!r}")
    return str(verb)


def fill_path(path: str, path_params: Iterable[tuple[str, Any]], safe: str) -> str:
    """Return `path` with each ``{name}`` replaced by its parameter, percent-encoded as one segment.

    Raises:
        ValueError: `path` does not begin with exactly one ``/`` (it would reach another host) or is not
            percent-encoded, or a parameter would change which resource is reached.
    """
    if not isinstance(path, str) or path[:1] != "/" or path[:2] == "//":
        raise ValueError("resource_path must begin with exactly one '/'")
    for name, value in path_params:
        path = path.replace(f"{{{name}}}", parameters.path_segment(name, value, safe))
    # Most paths need no pattern, and compiling it costs start-up time.
    is_simple = path.isascii() and path.replace("/", "").replace("-", "").isalnum()
    invalid = None if is_simple else re.search(_INVALID_PATH_CHARACTER, path)
    if invalid:
        raise ValueError(
            f"resource_path contains {invalid.group()!r}: percent-encode it, or pass a path parameter for {{name}}"
        )
    return path


def encode_body(content_type: str, body: Any, post_params: list[tuple[str, Any]]) -> bytes | None:
    """Return a body as bytes: form fields, JSON, or, if the Content-Type is not JSON, text and bytes unchanged.

    Raises:
        TypeError, ValueError: the Content-Type does not match `post_params`, or `body` cannot be sent as JSON.
    """
    if post_params:
        if not content_type.lower().startswith("application/x-www-form-urlencoded"):
            raise ValueError("post_params require the Content-Type application/x-www-form-urlencoded")
        return parameters.query_string(post_params).encode("ascii")
    if body is None:
        return None
    if "json" in content_type.lower() or not isinstance(body, (str, bytes)):
        return serialization.dump_json("body", body)
    return body.encode() if isinstance(body, str) else body
