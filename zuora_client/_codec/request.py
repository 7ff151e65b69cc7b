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

# Header names in lower case.
CREDENTIAL_HEADERS = frozenset(("authorization", "apiaccesskeyid", "apisecretaccesskey"))
SECRET_HEADERS = CREDENTIAL_HEADERS | {"cookie", "proxy-authorization"}

# They delimit a message (RFC 9112, 6). A wrong value would hang the call or smuggle in a second message.
FRAMING_HEADERS = frozenset(("content-length", "transfer-encoding"))
_ENTITY_HEADER = "zuora-entity-ids"
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
        self.body: bytes | None = None
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


def merge_headers(
    own: dict[str, Any], defaults: dict[str, tuple[str, str]], entity_id: Any, cookie: str | None
) -> dict[str, tuple[str, str]]:
    """Return the headers of a call: lower-case name to ``(name, value)`` as they are sent.

    `defaults`, which `validate_headers` returned, take precedence over the call's own headers. The entity of the call
    is its own header, else `entity_id`; it must not differ from a default header.

    Raises:
        TypeError, ValueError: a header that cannot be sent, or two different entities.
    """
    headers = validate_headers(own)
    entity = headers.get(_ENTITY_HEADER)
    if entity is None and entity_id is not None:
        entity = ("Zuora-Entity-Ids", parameters.header_text("entity_id", entity_id))
    headers.update(defaults)
    entity = entity or headers.get(_ENTITY_HEADER)
    if entity is not None:
        if not entity[1]:
            raise ValueError("zuora_entity_ids (or entity_id) is empty: pass an entity id, or omit it")
        headers[_ENTITY_HEADER] = _resolve_entity(entity, headers.get(_ENTITY_HEADER, entity))
    if cookie:
        headers["cookie"] = ("Cookie", parameters.header_text("Cookie", cookie))
    headers.setdefault("content-type", ("Content-Type", "application/json"))
    return headers


def validate_headers(headers: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return lower-case name to ``(name, value)`` for every header whose value is not None.

    Raises:
        TypeError, ValueError: a name or value that cannot be sent unchanged, or a header that frames the request.
    """
    validated = {
        parameters.header_name(name).lower(): (name, parameters.header_text(name, value))
        for name, value in headers.items()
        if value is not None
    }
    framing = FRAMING_HEADERS.intersection(validated)
    if framing:
        raise ValueError(f"{' and '.join(sorted(framing))}: the client sets this header itself, do not pass it")
    return validated


def _resolve_entity(own: tuple[str, str], default: tuple[str, str]) -> tuple[str, str]:
    entity = parameters.with_hyphens(default[1])
    if parameters.with_hyphens(own[1]).lower() != entity.lower():
        raise ValueError(
            "zuora_entity_ids (or entity_id) and the default header Zuora-Entity-Ids name two different entities: "
            "remove one of them, because a write in the wrong entity may be irreversible"
        )
    return default[0], entity


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


def apply_auth_settings(
    headers: dict[str, Any], querys: list[tuple[str, Any]], settings: dict[str, dict[str, Any]], names: list[str]
) -> None:
    """Add the named `settings` to `headers` and `querys`. A setting that is missing or has no value is skipped.

    Raises:
        ValueError: an entry whose ``in`` is neither ``header`` nor ``query``.
    """
    for name in names:
        setting = settings.get(name)
        if not setting or not setting["value"]:
            continue
        if setting["in"] == "header":
            headers[setting["key"]] = setting["value"]
        elif setting["in"] == "query":
            querys.append((setting["key"], setting["value"]))
        else:
            raise ValueError(f"auth_settings: {name!r} must be in a header or in the query")


# Methods whose requests have a Content-Length without a body too, as in http.client.
_METHODS_EXPECTING_BODY = frozenset(("PATCH", "POST", "PUT"))


def serialize_request(method: str, target: str, authority: str, headers: dict[str, str], body: bytes | None) -> bytes:
    """Return the bytes of a request.

    Args:
        target: path and query, or the absolute URL for a forwarding proxy.
        authority: host and port for the ``Host`` header.

    Raises:
        ValueError: a line break or a non-ASCII character in the request line or the headers.
    """
    names = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {authority}")
    if "accept-encoding" not in names:
        lines.append("Accept-Encoding: identity")
    if body is not None or method in _METHODS_EXPECTING_BODY:
        lines.append(f"Content-Length: {len(body or b'')}")
    lines.extend([f"{name}: {value}" for name, value in headers.items()])
    head = "\r\n".join(lines)
    # A last guard against header injection: the arguments of a call were validated before.
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a header or the request target contains a line break")
    return f"{head}\r\n\r\n".encode("ascii") + (body or b"")
