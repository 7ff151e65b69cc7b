"""What broke: the errors of urllib3, http.client, ssl and sockets as errors of ours.

What it keeps: whether the request had left is what the connection saw, never what the class of an error suggests.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from typing import TYPE_CHECKING

import urllib3
from urllib3.util.ssl_match_hostname import CertificateError as _CertificateError

from ..exceptions import NOT_SENT, UNKNOWN, ApiConnectionError, ApiException, ApiTimeoutError, TlsError

if TYPE_CHECKING:
    from ..exceptions import Outcome
    from .http1 import Attempt

# What a connection can fail with, its misuse by a client that is closed meanwhile included. Everything else was raised
# into the call from outside, by a handler of a signal (a time limit, say), and is for whoever waits for it.
TRANSPORT_ERRORS = (
    OSError,
    http.client.HTTPException,
    urllib3.exceptions.HTTPError,
    ValueError,
    AttributeError,
    TypeError,
)


def map_exception(error: Exception, attempt: Attempt, endpoint: str) -> ApiException:
    """Return an error of ours for one of `TRANSPORT_ERRORS`; its outcome says whether the request had left.

    Args:
        endpoint: the host, and the proxy if there is one, for a person.
    """
    root = _root_cause(error)
    outcome: Outcome = UNKNOWN if attempt.request_sent else NOT_SENT
    if isinstance(root, (socket.timeout, urllib3.exceptions.ReadTimeoutError)) or _is_connect_timeout(root):
        timeout = ApiTimeoutError(reason=_timeout_message(attempt, endpoint), outcome=outcome)
        if not attempt.request_sent:
            timeout.advice = ApiConnectionError.advice
        return timeout
    if _is_tls_refusal(root) and (not attempt.request_sent or _is_about_our_certificate(root)):
        reason = f"TLS could not be set up with {endpoint}: {_message(root)}"
        return TlsError(reason=reason, outcome=NOT_SENT)
    if isinstance(root, (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead)):
        reason = f"the connection closed before the response was complete ({root})"
        if isinstance(root, http.client.IncompleteRead):
            # It holds everything received so far, which may be megabytes.
            root.partial, root.args = b"", ()  # pyright: ignore[reportAttributeAccessIssue]
        return ApiConnectionError(reason=reason, outcome=outcome)
    what = "the connection broke" if attempt.request_sent else f"no connection to {endpoint}"
    return ApiConnectionError(reason=f"{what}: {_message(root)}", outcome=outcome)


def _message(error: BaseException) -> str:
    # urllib3 puts the connection in front: 1.26 an object with its address in memory, 2.x a class of ours.
    return re.sub(r"^(<[^>]*>|\w+\(host=.*?, port=\w+\)): ", "", str(error)).strip() or type(error).__name__


def _root_cause(error: BaseException) -> BaseException:
    """Return what urllib3 has wrapped."""
    for _ in range(5):
        inner = getattr(error, "original_error", None) or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((part for part in error.args if isinstance(part, BaseException)), None)
        if inner is None:
            break
        error = inner
    return error


def _is_connect_timeout(error: BaseException) -> bool:
    # In urllib3 1.26 a refused connection is a kind of connect timeout.
    exceptions = urllib3.exceptions
    return isinstance(error, exceptions.ConnectTimeoutError) and not isinstance(error, exceptions.NewConnectionError)


def _is_tls_refusal(error: BaseException) -> bool:
    # A connection that just ends during the handshake says nothing about trust.
    kinds = (ssl.SSLError, ssl.CertificateError, urllib3.exceptions.SSLError, _CertificateError)
    return isinstance(error, kinds) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))


def _is_about_our_certificate(error: BaseException) -> bool:
    # In TLS 1.3 the first request leaves before the server has judged our certificate; when it refuses it, it has not
    # looked at the request.
    alert = str(getattr(error, "reason", ""))
    return "_ALERT_" in alert and ("CERTIFICATE" in alert or alert.endswith(("UNKNOWN_CA", "ACCESS_DENIED")))


def _timeout_message(attempt: Attempt, endpoint: str) -> str:
    if attempt.deadline is not None and attempt.deadline.expired:
        return f"the deadline of {attempt.deadline.seconds:g} s passed"
    seconds = attempt.timeouts.read if attempt.request_sent else attempt.timeouts.connect
    if seconds is None:
        return "the operating system gave up waiting"
    if attempt.request_sent:
        return f"no byte came for {seconds:g} s (read timeout)"
    return f"no connection to {endpoint} within {seconds:g} s (connect timeout)"
