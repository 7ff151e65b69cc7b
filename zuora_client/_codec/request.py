"""A request, complete but for the credentials, and the pieces it is made of: path, headers, body.

What it keeps: a piece that could not arrive as it was meant is a TypeError or ValueError that names the parameter.
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
    """Not retried once it was sent, unless Zuora said that it did nothing."""


RETRY_CLASSES = {
    "GET": RetryClass.READ,
    "HEAD": RetryClass.READ,
    "OPTIONS": RetryClass.READ,
    "POST": RetryClass.KEYED,
    "PATCH": RetryClass.KEYED,
    "PUT": RetryClass.WRITE,
    "DELETE": RetryClass.WRITE,
}

# Headers that say who calls, and all whose values are secrets, in lower case.
CREDENTIAL_HEADERS = frozenset(("authorization", "apiaccesskeyid", "apisecretaccesskey"))
SECRET_HEADERS = CREDENTIAL_HEADERS | {"cookie", "proxy-authorization"}

_ENTITY = "zuora-entity-ids"
# They say where a request or an answer ends. A wrong one would hang the call, or smuggle in a second of its kind.
FRAMING_HEADERS = frozenset(("content-length", "transfer-encoding"))
_UNFIT_FOR_A_PATH = r"[^!$%&'()*+,./0-9:;=?@A-Z_a-z~-]"


class Request:
    """One logical call, complete but for the credentials.

    Attributes:
        settings: the configuration that the whole call obeys, also when its client is given another one meanwhile.
        path, template: the path as it is sent, and as it is logged: with the names of its parameters.
        kind: how it bears a second arrival, see `zuora_client.retry`.
        caller_key: the caller brought the idempotency key.
        authorize: add the configured credentials to each attempt.
        stream: return urllib3's response with its body unread.
        response_type: what the answer is turned into; None ignores its body.
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
    """Return an HTTP method in upper case. Raises ValueError for one that the policy has no rule for."""
    verb = method.upper() if isinstance(method, str) else method
    if verb not in RETRY_CLASSES:
        raise ValueError(f"method must be one of {', '.join(RETRY_CLASSES)}; it is {method!r}")
    return str(verb)


def fill_path(path: str, path_params: Iterable[tuple[str, Any]], safe: str) -> str:
    """Return `path` with each ``{name}`` replaced by its parameter, percent-encoded whole.

    Raises:
        ValueError: a path that does not begin with exactly one ``/`` (it would reach another host) or that is not
            percent-encoded; a parameter that would reach another address.
    """
    if not isinstance(path, str) or path[:1] != "/" or path[:2] == "//":
        raise ValueError("resource_path must begin with exactly one '/'")
    for name, value in path_params:
        path = path.replace(f"{{{name}}}", parameters.path_segment(name, value, safe))
    # The pattern is for the unusual: to compile it costs start-up time.
    usual = path.isascii() and path.replace("/", "").replace("-", "").isalnum()
    unfit = None if usual else re.search(_UNFIT_FOR_A_PATH, path)
    if unfit:
        raise ValueError(
            f"resource_path: {unfit.group()!r} cannot be sent; percent-encode it, and give a path parameter for every "
            "{name}"
        )
    return path


def merge_headers(
    own: dict[str, Any], defaults: dict[str, tuple[str, str]], entity_id: Any, cookie: str | None
) -> dict[str, tuple[str, str]]:
    """Return the headers of a call by their names in lower case, each with its name and value as they are sent.

    `defaults` are fit to be sent already, by `validate_headers`. They win over the call's own. The entity that the call
    names, or else `entity_id`, must not differ from a default one.

    Raises:
        TypeError, ValueError: a header that cannot be sent, or two different entities.
    """
    headers = validate_headers(own)
    named = headers.get(_ENTITY)
    if named is None and entity_id is not None:
        named = ("Zuora-Entity-Ids", parameters.header_text("entity_id", entity_id))
    headers.update(defaults)
    named = named or headers.get(_ENTITY)
    if named is not None:
        if not named[1]:
            raise ValueError("zuora_entity_ids (or entity_id) is empty: name an entity, or leave it out")
        headers[_ENTITY] = _agreed_entity(named, headers.get(_ENTITY, named))
    if cookie:
        headers["cookie"] = ("Cookie", parameters.header_text("Cookie", cookie))
    headers.setdefault("content-type", ("Content-Type", "application/json"))
    return headers


def validate_headers(headers: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return each header that is given, by its name in lower case.

    Raises:
        TypeError, ValueError: a name or value that cannot be sent as it is.
    """
    fit = {
        parameters.header_name(name).lower(): (name, parameters.header_text(name, value))
        for name, value in headers.items()
        if value is not None
    }
    framing = FRAMING_HEADERS.intersection(fit)
    if framing:
        raise ValueError(f"{' and '.join(sorted(framing))}: the client sets this header itself, leave it out")
    return fit


def _agreed_entity(named: tuple[str, str], default: tuple[str, str]) -> tuple[str, str]:
    entity = parameters.with_hyphens(default[1])
    if parameters.with_hyphens(named[1]).lower() != entity.lower():
        raise ValueError(
            "zuora_entity_ids (or entity_id) and the default header Zuora-Entity-Ids name two different entities: "
            "remove one of them, because a call in the wrong entity may not be undone"
        )
    return default[0], entity


def encode_body(content_type: str, body: Any, post_params: list[tuple[str, Any]]) -> bytes | None:
    """Return a body as bytes: form fields, JSON, or text and bytes as they are under a Content-Type that is not JSON.

    Raises:
        TypeError, ValueError: what the Content-Type cannot carry.
    """
    if post_params:
        if not content_type.lower().startswith("application/x-www-form-urlencoded"):
            raise ValueError("post_params are sent as application/x-www-form-urlencoded only: set that Content-Type")
        return parameters.query_string(post_params).encode("ascii")
    if body is None:
        return None
    if "json" in content_type.lower() or not isinstance(body, (str, bytes)):
        return serialization.dump_json("body", body)
    return body.encode() if isinstance(body, str) else body


def apply_auth_settings(
    headers: dict[str, Any], querys: list[tuple[str, Any]], settings: dict[str, dict[str, Any]], names: list[str]
) -> None:
    """Add the named `settings` to `headers` and `querys`; what is not there, or has no value, adds nothing.

    Raises:
        ValueError: an entry that belongs neither into a header nor into the query.
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
