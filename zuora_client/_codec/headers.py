"""The headers of a request: merged, validated, and written with the request.

Three places give a header its value: `merge_headers` the defaults and the arguments of the call, `_Call` the
credentials and the idempotency key of each attempt, `header_lines` what the message itself needs.
"""

from __future__ import annotations

import binascii
import contextlib
from typing import TYPE_CHECKING, Any

from .._base import parameters
from .._base.secrets import Secret, hide, reveal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Header names in lower case.
CREDENTIAL_HEADERS = frozenset(("authorization", "apiaccesskeyid", "apisecretaccesskey"))
# Whose values are not shown. An access key id is no more secret than a client id.
SECRET_HEADERS = (CREDENTIAL_HEADERS - {"apiaccesskeyid"}) | {"cookie", "proxy-authorization"}

# They delimit a message (RFC 9112, 6). A wrong value would hang the call or smuggle in a second message.
FRAMING_HEADERS = frozenset(("content-length", "transfer-encoding"))
_ENTITY_HEADER = "zuora-entity-ids"


def merge_headers(
    own: dict[str, Any], defaults: dict[str, tuple[str, Any]], entity_id: Any, cookie: Any
) -> dict[str, tuple[str, Any]]:
    """Return the headers of a call: lower-case name to ``(name, value)`` as they are sent, secrets in a holder.

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
        headers["cookie"] = ("Cookie", header_value("Cookie", cookie))
    headers.setdefault("content-type", ("Content-Type", "application/json"))
    return headers


def is_secret_header(name: str) -> bool:
    """Whether the value of a header is not shown."""
    return str(name).lower() in SECRET_HEADERS


def hide_secret_headers(headers: dict[str, Any]) -> dict[str, Any]:
    """Return the headers with the values of secret headers in holders."""
    return {name: hide(value) if str(name).lower() in SECRET_HEADERS else value for name, value in headers.items()}


def header_value(name: str, value: Any) -> Any:
    """Return the value of a header as text; that of a secret header in a holder. Raises as `header_text`."""
    checked = parameters.header_text
    return Secret(checked(name, value)) if name.lower() in SECRET_HEADERS else checked(name, value)


def validate_headers(headers: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return lower-case name to ``(name, value)`` for every header whose value is not None.

    Raises:
        TypeError, ValueError: a name or value that cannot be sent unchanged, or a header that frames the request.
    """
    validated = {
        parameters.header_name(name).lower(): (name, header_value(name, value))
        for name, value in dict.items(headers)
        if value is not None
    }
    framing = FRAMING_HEADERS.intersection(validated)
    if framing:
        raise ValueError(f"{' and '.join(sorted(framing))}: the client sets this header itself, do not pass it")
    return validated


def _resolve_entity(own: tuple[str, Any], default: tuple[str, Any]) -> tuple[str, str]:
    entity = parameters.with_hyphens(default[1])
    if parameters.with_hyphens(own[1]).lower() != entity.lower():
        raise ValueError(
            "zuora_entity_ids (or entity_id) and the default header Zuora-Entity-Ids name two different entities: "
            "remove one of them, because a write in the wrong entity may be irreversible"
        )
    return default[0], entity


def apply_auth_settings(
    headers: dict[str, Any],
    querys: list[tuple[str, Any]],
    settings: dict[str, dict[str, Any]],
    names: list[str],
    *,
    hidden: bool = False,
) -> None:
    """Add the named `settings` to `headers` and `querys`. A setting that is missing or has no value is skipped.

    Args:
        hidden: put the values of headers into holders.

    Raises:
        ValueError: an entry whose ``in`` is neither ``header`` nor ``query``.
    """
    for name in names:
        setting = settings.get(name)
        if not setting or not setting["value"]:
            continue
        if setting["in"] == "header":
            headers[setting["key"]] = hide(setting["value"]) if hidden else setting["value"]
        elif setting["in"] == "query":
            querys.append((setting["key"], setting["value"]))
        else:
            raise ValueError(f"auth_settings: {name!r} must be in a header or in the query")


def secrets_of_header(name: str, value: Any) -> Iterator[str]:
    """Yield the value of a header that holds a secret, and the parts of it that are secrets of their own."""
    if not is_secret_header(name):
        return
    value = reveal(value)
    yield value
    if name.lower() == "cookie":
        pairs = [pair.strip() for pair in value.split(";")]
        values = (pair.partition("=")[2].strip('"') for pair in pairs)
        # Shorter values are flags and preferences, which are secrets only together with their names.
        yield from (*pairs, *(cookie for cookie in values if len(cookie) >= 8))
        return
    scheme, _, credentials = value.partition(" ")
    yield credentials
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            yield binascii.a2b_base64(credentials + "===").decode("utf-8", "replace").partition(":")[2]


# Methods whose requests have a Content-Length without a body too, as in http.client.
_METHODS_EXPECTING_BODY = frozenset(("PATCH", "POST", "PUT"))


def header_lines(method: str, authority: str, headers: Mapping[str, Any], body: Any) -> list[bytes]:
    """Return the header lines of a request, without line ends.

    Args:
        authority: host and port for the ``Host`` header.
        headers: names to values that have ``encode()``.

    Raises:
        ValueError: a line break or a non-ASCII character in a header.
    """
    names = {name.lower() for name in headers}
    own = []
    if "host" not in names:
        own.append(("Host", authority))
    if "accept-encoding" not in names:
        own.append(("Accept-Encoding", "identity"))
    if body is not None or method in _METHODS_EXPECTING_BODY:
        own.append(("Content-Length", str(len(body or b""))))
    if "connection" not in names:
        # The default of HTTP/1.1, said for servers like Apache, which announce their timeout (Keep-Alive: timeout=5)
        # only to clients that say it: a write must not meet a connection that is just being closed.
        own.append(("Connection", "keep-alive"))
    lines = [b"%b: %b" % (name.encode("ascii"), value.encode("ascii")) for name, value in (*own, *headers.items())]
    # A last guard against header injection: the arguments of a call were validated before.
    if b"\n" in b"".join(lines) or b"\r" in b"".join(lines):
        raise ValueError("a header contains a line break")
    return lines
