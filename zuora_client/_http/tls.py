"""What is to be trusted, and who we are to the other side: TLS as a configuration said when its client was made.

What it keeps: nothing below TLS 1.2, no unverified connection without a warning, and no wrong path that shows only when
the first call is made.
"""

from __future__ import annotations

import ssl
import warnings
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.util.ssl_ import create_urllib3_context

if TYPE_CHECKING:
    from ..configuration import Configuration


class TlsContextFactory:
    """What is to be trusted, taken from a configuration once. The context is made when it is first needed: reading
    certifi's bundle costs more than a hundred calls."""

    def __init__(self, configuration: Configuration) -> None:
        self.verify = bool(configuration.verify_ssl)
        self.assert_hostname = configuration.assert_hostname
        self._ca = configuration.ssl_ca_cert
        self._certificate = configuration.cert_file
        self._key = configuration.key_file
        self._context: ssl.SSLContext | None = None
        if not self.verify:
            warnings.warn(
                "verify_ssl is False: anybody on the way can read the credentials and change the answers",
                urllib3.exceptions.InsecureRequestWarning,
                stacklevel=6,
            )
        if self._ca or self._certificate:
            # Made at once, so that a wrong path is an error where it was configured.
            self.pool_settings()

    def pool_settings(self) -> dict[str, Any]:
        if self._context is None:
            self._context = self._make_context()
        return {
            "ssl_context": self._context,
            "cert_reqs": "CERT_REQUIRED" if self.verify else "CERT_NONE",
        }

    def _make_context(self) -> ssl.SSLContext:
        # Imported here: the bundle is needed only by those who call over TLS.
        import certifi

        context = create_urllib3_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # TLS itself compares the host's name. urllib3 does it where the caller brings a name to compare, and in 1.26,
        # which does not tell TLS what it connects to when that is an IP address.
        old = urllib3.__version__.startswith("1.")  # type: ignore[attr-defined]
        context.check_hostname = self.verify and not old and self.assert_hostname is None
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        if self.verify:
            try:
                context.load_verify_locations(self._ca or certifi.where())
            except (OSError, ssl.SSLError) as error:
                raise ValueError(f"ssl_ca_cert: cannot read {self._ca!r} as a PEM bundle ({error})") from None
        if self._certificate:
            try:
                # Without a password OpenSSL would stop and ask for one on the terminal.
                context.load_cert_chain(self._certificate, self._key, password="")
            except (OSError, ssl.SSLError) as error:
                text = "cannot read the client certificate, or its key is encrypted"
                raise ValueError(f"cert_file, key_file: {text} ({error})") from None
        return context
