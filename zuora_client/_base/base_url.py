"""A base URL: what is wrong with it is said where it is set, and its parts are read once."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


class BaseURL:
    """A base URL, read once.

    Attributes:
        authority: host and port as the ``Host`` header names them: no port where it is the scheme's own.
        prefix: the path in front of every resource path.
        is_loopback: whether it is this machine.
    """

    __slots__ = ("authority", "is_loopback", "name", "origin", "port", "prefix", "scheme", "url")

    def __init__(self, url: str) -> None:
        """Raises ValueError for what is not an http(s) URL of a host; the text names ``host``."""
        if not isinstance(url, str):
            raise TypeError(f"host must be text such as 'https://rest.zuora.com', not {type(url).__name__}")
        self.url = url.strip().rstrip("/")
        if "@" in self.url:
            raise ValueError("host: leave user names and passwords out of the URL; use the credential settings")
        if not (self.url.isascii() and self.url.isprintable()) or " " in self.url or "\\" in self.url:
            raise ValueError("host: a base URL has printable ASCII characters only and no spaces or backslashes")
        try:
            parts = urlsplit(self.url)
            self.scheme, self.name, self.port = parts.scheme.lower(), parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"host is not a URL: {error}") from None
        if self.scheme not in ("http", "https") or not self.name:
            raise ValueError(f"host must be a base URL such as 'https://rest.zuora.com'; it is {self.url!r}")
        if parts.query or parts.fragment:
            raise ValueError(f"host: a base URL has no query and no fragment; it is {self.url!r}")
        self.prefix = parts.path
        self.origin = f"{self.scheme}://{parts.netloc}"
        self.authority = _authority(self.scheme, self.name, self.port)
        self.is_loopback = self.name == "localhost" or _is_loopback(self.name)


def _authority(scheme: str, name: str, port: int | None) -> str:
    # The zone of an IPv6 address is about this machine, and a dot at the end about its resolver.
    name = f"[{name.partition('%')[0]}]" if ":" in name else name.rstrip(".")
    return name if port is None or port == _PORTS[scheme] else f"{name}:{port}"


def _is_loopback(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # Before Python 3.13 an IPv4 address in the form of IPv6 is not looked into.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
