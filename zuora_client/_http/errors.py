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
    from .http1 import Attempt

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


def map_exception(error: Exception, attempt: Attempt, endpoint: str) -> ApiException:
    """Return the `ApiException` for one of `TRANSPORT_ERRORS`, with the outcome of the attempt.

    Args:
        endpoint: the host, and the proxy if there is one, as error messages name them.
    """
    root = _root_cause(error)
    outcome: Outcome = UNKNOWN if attempt.request_sent else NOT_SENT
    if _is_timeout(root):
        timeout = ApiTimeoutError(reason=_timeout_message(attempt, endpoint), outcome=outcome)
        if not attempt.request_sent:
            timeout.advice = ApiConnectionError.advice
        return timeout
    if _is_tls_failure(root) and (not attempt.request_sent or _is_client_certificate_alert(root)):
        reason = f"TLS could not be set up with {endpoint}: {_message(root)}"
        return TlsError(reason=reason, outcome=NOT_SENT)
    if isinstance(root, (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead)):
        reason = f"the connection closed before the response was complete ({root})"
        if isinstance(root, http.client.IncompleteRead):
            # It holds everything received so far, which may be megabytes.
            root.partial, root.args = b"", ()  # pyright: ignore[reportAttributeAccessIssue]
        return ApiConnectionError(reason=reason, outcome=outcome)
    what = "the connection broke" if attempt.request_sent else f"could not connect to {endpoint}"
    return ApiConnectionError(reason=f"{what}: {_message(root)}", outcome=outcome)


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
    timeouts = (TimeoutError, exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)
    return isinstance(error, timeouts) and not isinstance(error, exceptions.NewConnectionError)


def _is_tls_failure(error: BaseException) -> bool:
    # A connection that closes during the handshake is a connection error: a later attempt may succeed.
    failures = (ssl.SSLError, urllib3.exceptions.SSLError, _CertificateError)
    return isinstance(error, failures) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def _is_client_certificate_alert(error: BaseException) -> bool:
    # In TLS 1.3 the client sends its first request before the server has verified the client certificate. A server that
    # rejects the certificate has not read the request.
    alert = str(getattr(error, "reason", ""))
    return "_ALERT_" in alert and ("CERTIFICATE" in alert or alert.endswith(("UNKNOWN_CA", "ACCESS_DENIED")))


def _timeout_message(attempt: Attempt, endpoint: str) -> str:
    if attempt.deadline is not None and attempt.deadline.expired:
        return f"the deadline of {attempt.deadline.seconds:g} s passed"
    seconds = attempt.timeouts.read if attempt.request_sent else attempt.timeouts.connect
    if seconds is None:
        return "the operating system reported a timeout"
    if attempt.request_sent:
        return f"no data received for {seconds:g} s (read timeout)"
    return f"could not connect to {endpoint} within {seconds:g} s (connect timeout)"
