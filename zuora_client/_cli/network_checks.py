"""The checks of `doctor` between this machine and Zuora. They send one request, without credentials."""

from __future__ import annotations

import os
import re
import socket
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .. import ApiConnectionError, ApiException, ApiTimeoutError, EntitiesApi, NotFoundError, TlsError
from .._base.base_url import BaseURL
from .._base.text import single_line
from .findings import HOST_ADVICE, Finding, client_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .. import Configuration

# Our choice, far above the time of a request. Tokens live an hour, certificates are valid from a minute on.
_MAX_CLOCK_SKEW = 60.0
_SHOWN_ADDRESSES = 3
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_COMPANY_CA_ADVICE = (
    "The certificate is not from a public CA. If a proxy of your company issues it, set ZUORA_CA_BUNDLE to the file "
    "with the CA of your company, in PEM. Do not switch verification off."
)
# OpenSSL's words in the reason of a TlsError, and what to do.
_TLS_ADVICE = {
    "has expired": "Check the clock of this machine; if it is right, the certificate of the host is too old.",
    "not yet valid": "Check the clock of this machine: it is behind.",
    "local issuer": _COMPANY_CA_ADVICE,
    "self-signed": _COMPANY_CA_ADVICE,
    "self signed": _COMPANY_CA_ADVICE,
    "mismatch": f"The host has a certificate for another name: {HOST_ADVICE}.",
}


class NetworkChecks:
    """The checks. Each returns a text or raises a `Finding`, and uses what the earlier ones found."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._host = BaseURL(configuration.host)
        # Of the request without credentials.
        self._error: ApiException | None = None
        self._headers: Mapping[str, str] = {}
        self._received_at = 0.0

    def in_order(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Yield name and function of each check."""
        yield "host", self.host
        yield "proxy", self.proxy
        yield "DNS", self.dns
        yield "connection", self.connection
        yield "TLS", self.tls
        yield "Zuora", self.zuora
        yield "clock", self.clock

    def host(self) -> str:
        """The base URL."""
        if re.search(r"/v1(/|$)", self._host.prefix):
            text = (
                f"{self._host.url} has a path, but the base URL of Zuora has none: set ZUORA_HOST={self._host.origin}"
            )
            raise Finding("failed", text)
        environment = self._configuration.environment
        if environment is not None:
            return f"{self._host.url}, the data center {environment.name}"
        if self._host.is_loopback:
            return f"{self._host.url}, this machine"
        if self._host.scheme == "http":
            text = f"{self._host.url} is not encrypted, and credentials are sent over https only: {HOST_ADVICE}"
            raise Finding("failed", text)
        raise Finding("warning", f"{self._host.url} is not one of Zuora's data centers: {HOST_ADVICE}")

    def proxy(self) -> str:
        """Which proxy is used."""
        if self._configuration.proxy:
            return f"{_without_credentials(self._configuration.proxy)} (ZUORA_PROXY)"
        if self._configuration.trust_env:
            return "as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say (ZUORA_TRUST_ENV)"
        unread = _unread_proxy_variable()
        return f"none; {unread} is set, but not read without ZUORA_TRUST_ENV=true" if unread else "none"

    def dns(self) -> str:
        """Name resolution."""
        if self._configuration.proxy or self._configuration.trust_env:
            raise Finding("unknown", "not checked: a proxy resolves the name of the host itself")
        try:
            found = socket.getaddrinfo(self._host.name, self._host.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: no name can be so long
            why = getattr(error, "strerror", None) or error
            text = f"{self._host.name} cannot be resolved ({why}): check ZUORA_HOST. {_proxy_advice()}"
            raise Finding("failed", text) from None
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        return f"{self._host.name} is {', '.join(addresses[:_SHOWN_ADDRESSES])}"

    def connection(self) -> str:
        """Whether the host responds."""
        with client_with(self._configuration, None) as client:
            try:
                _, _, self._headers = EntitiesApi(client).g_et_entities_with_http_info()
            except ApiException as refusal:
                self._error, self._headers = refusal, refusal.headers or {}
            self._received_at = time.time()
        error = self._error
        if isinstance(error, (ApiConnectionError, ApiTimeoutError)) and not isinstance(error, TlsError):
            # With a status it is the proxy that refused, and the advice says so.
            uses_proxy = self._configuration.proxy or self._configuration.trust_env or error.status is not None
            text = f"{single_line(error.reason)}. {error.advice}"
            if self._configuration.proxy and error.status is None:
                text += " Check ZUORA_PROXY too."
            raise Finding("failed", text if uses_proxy else f"{text} {_proxy_advice()}")
        return f"to {self._host.origin}"

    def tls(self) -> str:
        """Whether the certificate of the host is trusted."""
        if isinstance(self._error, TlsError):
            text = single_line(self._error.reason)
            advice = next((advice for words, advice in _TLS_ADVICE.items() if words in text), self._error.advice)
            raise Finding("failed", f"{text}. {advice}")
        if self._host.scheme == "http":
            return "not used to this machine"
        return f"the certificate is trusted ({self._configuration.ssl_ca_cert or 'certifi'})"

    def zuora(self) -> str:
        """Whether Zuora's API responds: it refuses a request without credentials."""
        error = self._error
        if error is None:
            raise Finding("warning", f"the host lists entities without credentials, as Zuora does not: {HOST_ADVICE}")
        if error.status not in (400, 401, 403) or not (error.reasons or error.request_id):
            advice = f"{HOST_ADVICE}." if isinstance(error, NotFoundError) else error.advice
            raise Finding("failed", f"the response is not from Zuora's API ({error.status}): {advice}")
        return f"refuses a request without credentials, as expected ({error.status})"

    def clock(self) -> str:
        """The clock of this machine, compared with that of the host."""
        try:
            date = parsedate_to_datetime(self._headers["Date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            raise Finding("unknown", "the response has no date to compare with") from None
        skew = self._received_at - date
        if abs(skew) > _MAX_CLOCK_SKEW:
            direction = "ahead of" if skew > 0 else "behind"
            text = f"this machine is {abs(skew):.0f} s {direction} Zuora: set its clock, for example by NTP"
            raise Finding("warning", text)
        return "agrees with Zuora's"


def _without_credentials(proxy: str) -> str:
    """Return the URL of a proxy without user and password. The client has checked the URL, which may lack a scheme."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _unread_proxy_variable() -> str | None:
    return next((name for name in _PROXY_VARIABLES if os.environ.get(name)), None)


def _proxy_advice() -> str:
    unread = _unread_proxy_variable()
    if unread:
        return f"{unread} is set, but not read: set ZUORA_TRUST_ENV=true to use that proxy."
    return "If this network needs a proxy, set ZUORA_PROXY."
