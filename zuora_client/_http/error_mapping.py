"""Maps the errors of urllib3, http.client, ssl and sockets to those of `zuora_client.exceptions`.

Whether the request was sent is what the connection recorded. It is never inferred from the class of the error.
"""

from __future__ import annotations

import http.client
import re
import ssl
from typing import TYPE_CHECKING

import urllib3
from urllib3.util.ssl_match_hostname import CertificateError as _CertificateError

from ..exceptions import NOT_SENT, UNKNOWN, ApiConnectionError, ApiException, ApiTimeoutError, TlsError

if TYPE_CHECKING:
    from ..exceptions import Outcome
    from .attempt import Attempt

# Includes the ValueError, AttributeError or TypeError that is raised when the client is closed concurrently. Other
# exceptions (e.g. from a signal handler) propagate.
TRANSPORT_ERRORS = (
    OSError,
    http.client.HTTPException,
    urllib3.exceptions.HTTPError,
    ValueError,
    AttributeError,
    TypeError,
)


def map_exception(
    error: Exception, attempt: Attempt, endpoint: str, *, client_certificate: bool = False
) -> ApiException:
    """Return the `ApiException` for one of `TRANSPORT_ERRORS`, with the outcome of the attempt.

    Args:
        endpoint: the host, and the proxy if there is one, as error messages name them.
        client_certificate: whether one is configured.
    """
    root = _root_cause(error)
    if isinstance(root, urllib3.exceptions.ClosedPoolError):
        # Raised before a connection is taken.
        attempt.sent = attempt.sent or False
    outcome: Outcome = UNKNOWN if attempt.request_sent else NOT_SENT
    if _is_timeout(root):
        timeout = ApiTimeoutError(reason=_timeout_message(root, attempt, endpoint), outcome=outcome)
        if not attempt.request_sent:
            timeout.advice = _SILENT_PORT_ADVICE if _is_handshake_timeout(root) else ApiConnectionError.advice
        return timeout
    if _is_tls_failure(root) and (
        not attempt.request_sent or _is_client_certificate_alert(root, attempt, client_certificate)
    ):
        tls_error = TlsError(reason=f"TLS could not be set up with {endpoint}: {_message(root)}", outcome=NOT_SENT)
        tls_error.advice = _tls_advice(root)
        return tls_error
    if isinstance(root, (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead)):
        reason = f"the connection closed before the response was complete ({root})"
        if isinstance(root, http.client.IncompleteRead):
            # It holds everything received so far, which may be megabytes.
            root.partial, root.args = b"", ()  # pyright: ignore[reportAttributeAccessIssue]
        return ApiConnectionError(reason=reason, outcome=outcome)
    if not attempt.request_sent:
        what = f"could not connect to {endpoint}"
    elif isinstance(root, http.client.HTTPException) and not isinstance(root, http.client.RemoteDisconnected):
        what = "protocol error"
    else:
        what = "the connection broke"
    connection_error = ApiConnectionError(attempt.connect_status, f"{what}: {_message(root)}", outcome=outcome)
    if attempt.connect_status is not None:
        connection_error.advice = _PROXY_ADVICE[attempt.connect_status]
    return connection_error


_PROXY_ADVICE = {
    403: "The proxy does not allow connections to this host: ask its administrator to allow it.",
    407: (
        "The proxy wants a user and a password, or refused those that it got: check them in the proxy URL, "
        "http://user:password@proxy.example.com:3128, percent-encoded."
    ),
}
_SILENT_PORT_ADVICE = (
    "Call again. If it keeps failing, the port may speak plain HTTP: check the scheme and the port of the host, and of "
    "the proxy if there is one."
)
# OpenSSL's words for bytes that are not TLS.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST")
# The errors of OpenSSL's X509_V_FLAG_X509_STRICT, from PATHLEN_INVALID_FOR_NON_CA to EXTENSIONS_REQUIRE_VERSION_3.
_STRICT_X509_ERRORS = range(80, 94)


def _tls_advice(error: BaseException) -> str:
    if str(getattr(error, "reason", "")) in _NOT_TLS:
        return (
            "The port speaks plain HTTP, or something else that is not TLS: check the scheme and the port of the host, "
            "and of the proxy if there is one."
        )
    if getattr(error, "verify_code", None) in _STRICT_X509_ERRORS:
        return (
            "Python 3.13 and later check CA certificates strictly, and this one lacks what RFC 5280 requires. Have the "
            "CA reissued, or set Configuration(strict_x509=False), which keeps all other checks. Do not switch "
            "verification off."
        )
    return TlsError.advice


def _message(error: BaseException) -> str:
    # urllib3 puts the connection in front: `<... object at 0x...>` in 2.0, `Name(host=..., port=...)` in later ones.
    return re.sub(r"^(<[^>]*>|\w+\(host=.*?, port=\w+\)): ", "", str(error)).strip() or type(error).__name__


def _root_cause(error: BaseException) -> BaseException:
    """Return the innermost of the errors that urllib3 wrapped in one another."""
    for _ in range(5):
        inner = getattr(error, "original_error", None) or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            break
        error = inner
    return error


def _is_timeout(error: BaseException) -> bool:
    # NewConnectionError, raised for a refused connection too, is a subclass of ConnectTimeoutError.
    exceptions = urllib3.exceptions
    # BlockingIOError: EAGAIN, of a socket with SO_RCVTIMEO.
    timeouts = (TimeoutError, BlockingIOError, exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)
    return isinstance(error, timeouts) and not isinstance(error, exceptions.NewConnectionError)


def _is_handshake_timeout(error: BaseException) -> bool:
    # The words of Python's ssl. urllib3 raises its own error from that of ssl.
    return "handshake operation timed out" in str(error.__cause__ or error)


def _is_tls_failure(error: BaseException) -> bool:
    # A connection that closes during the handshake is a connection error: a later attempt may succeed.
    failures = (ssl.SSLError, urllib3.exceptions.SSLError, _CertificateError)
    return isinstance(error, failures) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def _is_client_certificate_alert(error: BaseException, attempt: Attempt, client_certificate: bool) -> bool:
    """Whether the server rejected the client certificate before it read the request.

    In TLS 1.3 the client sends its first request before the server has verified the client certificate. Any other alert
    does not prove that the request was not processed. For a write no alert does, so this returns False.
    """
    if attempt.write or attempt.response_started or attempt.tls_version != "TLSv1.3":
        return False
    alert = str(getattr(error, "reason", ""))
    if alert.endswith("_ALERT_CERTIFICATE_REQUIRED"):
        return True
    names_certificate = "CERTIFICATE" in alert or alert.endswith(("UNKNOWN_CA", "ACCESS_DENIED"))
    return client_certificate and "_ALERT_" in alert and names_certificate


def _timeout_message(error: BaseException, attempt: Attempt, endpoint: str) -> str:
    if attempt.deadline is not None and attempt.deadline.expired:
        return f"the deadline of {attempt.deadline.seconds:g} s passed"
    seconds = attempt.timeouts.read if attempt.request_sent else attempt.timeouts.connect
    if seconds is None:
        return "the operating system reported a timeout"
    if attempt.request_sent:
        return f"no data received for {seconds:g} s (read timeout)"
    if _is_handshake_timeout(error):
        return f"connected, but no TLS handshake with {endpoint} within {seconds:g} s (connect timeout)"
    return f"could not connect to {endpoint} within {seconds:g} s (connect timeout)"
