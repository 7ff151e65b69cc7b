"""The TLS settings of a client: trusted authorities, client certificate, verification."""

from __future__ import annotations

import ssl
import warnings
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.util.ssl_ import create_urllib3_context

from .._base.base_url import BaseURL

if TYPE_CHECKING:
    from ..configuration import Configuration


class TlsConfig:
    """The TLS settings that a configuration held when its client was created: TLS 1.2 or newer.

    The context is created on first use, because loading certifi's bundle takes longer than a hundred calls.

    Raises:
        ValueError: a CA bundle, client certificate or key that cannot be loaded.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.verify = bool(configuration.verify_ssl)
        self.assert_hostname = configuration.assert_hostname
        self._ca_cert = configuration.ssl_ca_cert
        self._cert_file = configuration.cert_file
        self._key_file = configuration.key_file
        self.has_client_certificate = bool(configuration.cert_file)
        self._configuration = configuration
        self._strict_x509 = configuration.strict_x509
        self._context: ssl.SSLContext | None = None
        self._plain_context: ssl.SSLContext | None = None
        if not self.verify:
            warnings.warn(
                "verify_ssl is False: an attacker on the network can read the credentials and change responses",
                urllib3.exceptions.InsecureRequestWarning,
                stacklevel=9,
            )
        if self._ca_cert or self._cert_file:
            # Created at once, so that a wrong path is reported where the client is created.
            self.pool_kwargs(BaseURL(configuration.host).name)

    def pool_kwargs(self, host: str | None) -> dict[str, Any]:
        """Return the TLS arguments of a urllib3 pool for a host.

        `assert_hostname` and the client certificate are meant for the configured host: another host gets neither.
        """
        if host != BaseURL(self._configuration.host).name:
            return self.proxy_pool_kwargs()
        if self._context is None:
            # With assert_hostname, urllib3 compares the name instead of OpenSSL.
            self._context = self._create_context(check_hostname=self.assert_hostname is None)
            self._load_client_certificate(self._context)
        return {**self._kwargs(self._context), "assert_hostname": self.assert_hostname}

    def proxy_pool_kwargs(self) -> dict[str, Any]:
        """Return the TLS arguments for a proxy or another host: the same authorities, and always its own name."""
        if self._plain_context is None:
            self._plain_context = self._create_context(check_hostname=True)
        return self._kwargs(self._plain_context)

    def _kwargs(self, context: ssl.SSLContext) -> dict[str, Any]:
        return {"ssl_context": context, "cert_reqs": "CERT_REQUIRED" if self.verify else "CERT_NONE"}

    def _create_context(self, *, check_hostname: bool) -> ssl.SSLContext:
        # Imported here: not needed for calls over plain http.
        import certifi

        context = create_urllib3_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self._strict_x509:
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = self.verify and check_hostname
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        if self.verify:
            try:
                context.load_verify_locations(self._ca_cert or certifi.where())
            except (OSError, ssl.SSLError) as error:
                raise ValueError(f"ssl_ca_cert: cannot read {self._ca_cert!r} as a PEM bundle ({error})") from None
        return context

    def _load_client_certificate(self, context: ssl.SSLContext) -> None:
        if self._cert_file:
            try:
                # Without a password OpenSSL would prompt for one on the terminal.
                context.load_cert_chain(self._cert_file, self._key_file, password="")
            except (OSError, ssl.SSLError) as error:
                text = "cannot read the client certificate, or its key is encrypted"
                raise ValueError(f"cert_file, key_file: {text} ({error})") from None
