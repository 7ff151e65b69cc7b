"""The base URL: parsed and validated once, when it is set."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


class BaseURL:
    """A validated http or https base URL and its parts.

    Attributes:
        authority: the value of the ``Host`` header; the scheme's default port is omitted.
        origin: scheme, host and port, as they were given.
        prefix: the path that precedes every resource path.
        is_loopback: whether the host is this machine.

    Raises:
        TypeError, ValueError: not an http(s) URL with a host; the message names ``host``.
    """

    __slots__ = ("authority", "is_loopback", "name", "origin", "port", "prefix", "scheme", "url")

    def __init__(self, url: str) -> None:
        if not isinstance(url, str):
            raise TypeError(f"host must be text such as 'https://rest.zuora.com', not {type(url).__name__}")
        self.url = url.strip().rstrip("/")
        if "@" in self.url:
            raise ValueError("host: leave user names and passwords out of the URL; use the credential settings")
        if not (self.url.isascii() and self.url.isprintable()) or " " in self.url or "\\" in self.url:
            raise ValueError("host: a base URL contains only printable ASCII, and no spaces or backslashes")
        try:
            parts = urlsplit(self.url)
            self.scheme, self.name, self.port = parts.scheme.lower(), parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"host is not a URL: {error}") from None
        if self.scheme not in ("http", "https") or not self.name:
            raise ValueError(f"host must be a base URL such as 'https://rest.zuora.com', not {self.url!r}")
        if parts.query or parts.fragment:
            raise ValueError(f"host: a base URL must not have a query or a fragment; got {self.url!r}")
        self.prefix = parts.path
        self.origin = f"{self.scheme}://{parts.netloc}"
        self.authority = _authority(self.scheme, self.name, self.port)
        self.is_loopback = self.name == "localhost" or _is_loopback(self.name)


def _authority(scheme: str, name: str, port: int | None) -> str:
    # An IPv6 zone and a trailing dot only matter to this machine, so the server does not get them.
    name = f"[{name.partition('%')[0]}]" if ":" in name else name.rstrip(".")
    return name if port is None or port == _PORTS[scheme] else f"{name}:{port}"


def _is_loopback(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # Before Python 3.13 `is_loopback` ignores the IPv4 address in an IPv4-mapped IPv6 address.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
