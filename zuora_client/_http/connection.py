"""urllib3's connections, with the deadline and the outcome of an attempt.

urllib3 and http.client open the connection, send and receive. Added here: every stage is limited by the remaining time
of the attempt; the connection records when it sends a request; head and body go out in one segment; and the response is
read strictly. ``putrequest``, ``endheaders`` and ``getresponse`` of http.client are called for every request, because
tracers replace them and add their headers there.
"""

from __future__ import annotations

import _socket
import errno
import ssl
from typing import Any

import urllib3

from .._base.secrets import reveal
from .._codec.headers import header_lines
from .attempt import Attempt, set_timeout
from .hooks import HTTPConnection, is_connection_hooked, is_send_hooked
from .http1 import Response
from .interruptions import is_from_outside

# A server, proxy or firewall may close an idle connection at the moment that a request is sent on it. The outcome of a
# write would be unknown. Servers close after 5 s or more by default; those that announce a timeout may use less.
IDLE_SECONDS_FOR_WRITES = 2.0
# Statuses of a proxy to CONNECT that another attempt would not change.
REFUSED_BY_PROXY = (403, 407)
# The announced timeout starts when the server sends its response, and must not end before the next request arrives.
_KEEP_ALIVE_MARGIN = 1.0


def _wraps_socket(sock: Any) -> bool:
    """Whether a socket is one of gevent, or urllib3's for TLS within TLS."""
    return any(isinstance(getattr(sock, name, None), _socket.socket) for name in ("_sock", "socket"))


class DeadlineConnection:
    """Mixin for a connection: applies the timeouts of an attempt, and records in the attempt what was sent."""

    # Another library may set it on http.client's class, whose methods would then print credentials.
    debuglevel = 0
    # Of the request that the connection carries; None while it is idle.
    attempt: Attempt | None = None
    idle_since = 0.0
    max_idle_for_writes = IDLE_SECONDS_FOR_WRITES
    sock: Any
    timeout: float | None
    _buffer: list[bytes]
    _tunnel_headers: Any
    _connect_response: Response | None = None
    _response_options: Any

    def response_class(self, *args: Any, **kwargs: Any) -> Response:
        """Return the object that reads a response. http.client calls this for the response to CONNECT too."""
        attempt: Any = self.attempt
        response = Response(attempt, *args, **kwargs)
        if not attempt.request_sent:
            self._connect_response = response
        return response

    @property
    def _attempt(self) -> Attempt:
        if self.attempt is None:
            raise ValueError("the connection is idle")
        return self.attempt

    # -- connect ----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open the connection. Without an attempt, put that off until there is one: urllib3 prepares a tunnel first."""
        if self.attempt is not None:
            self.max_idle_for_writes = IDLE_SECONDS_FOR_WRITES
            super().connect()  # type: ignore[misc]

    def _new_conn(self) -> Any:
        self.timeout = self._attempt.next_timeout()
        sock: Any = super()._new_conn()  # type: ignore[misc]
        self._apply_timeout(sock)
        return sock

    def _apply_timeout(self, sock: Any) -> None:
        """Limit the next stage of connecting (e.g. the TLS handshake) to the remaining time."""
        try:
            sock.settimeout(self._attempt.next_timeout())
        except OSError:
            sock.close()
            raise

    def _connect_tls_proxy(self, *args: Any, **kwargs: Any) -> Any:
        sock: Any = super()._connect_tls_proxy(*args, **kwargs)  # type: ignore[misc]
        receive = sock.recv

        def recv(*sizes: int) -> Any:
            # The handshake of TLS within TLS reads in a loop and sets the timeout only once.
            set_timeout(sock, self._attempt.next_timeout())
            return receive(*sizes)

        sock.recv = recv
        return sock

    def _tunnel(self) -> None:
        tunnel_headers = self._tunnel_headers
        # http.client formats the values as text.
        self._tunnel_headers = {name: reveal(value) for name, value in tunnel_headers.items()}
        try:
            super()._tunnel()  # type: ignore[misc]
            self._apply_timeout(self.sock)
        except OSError:
            if self._connect_response is not None and self._connect_response.status in REFUSED_BY_PROXY:
                self._attempt.connect_status = self._connect_response.status
            raise
        finally:
            self._tunnel_headers = tunnel_headers
            # Before Python 3.12 http.client does not close it if CONNECT fails. The socket would stay open for as long
            # as the exception is referenced.
            if self._connect_response is not None:
                self._connect_response.close()
                self._connect_response = None

    # -- send and receive -------------------------------------------------------------------------------------------

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        """Send a request, as `urllib3.connection.HTTPConnection.request` does."""
        attempt: Any = self.attempt
        try:
            if attempt.authority is None or is_connection_hooked():
                self.timeout = attempt.clamp(attempt.timeouts.read)
                plain = {name: reveal(value) for name, value in (headers or {}).items()}
                super().request(method, url, body=reveal(body), headers=plain, **options)  # type: ignore[misc]
                return
            set_timeout(self.sock, attempt.clamp(attempt.timeouts.read))
            self._response_options = (method, url, options.get("preload_content", True))
            self.putrequest(method, url, skip_host=True, skip_accept_encoding=True)  # type: ignore[attr-defined]
            self._buffer.extend(header_lines(method, attempt.authority, headers, body))
            self.endheaders(body)  # type: ignore[attr-defined]
        except OSError as error:
            if is_from_outside(error):
                # Wrapped, because urllib3 ignores some of these errors, as below. The transport unwraps it.
                raise urllib3.exceptions.HTTPError(error) from error
            # A server may respond and close before it has read the whole request. The response, or the TLS alert that
            # rejects the client certificate, can still be read.
            is_closed = isinstance(error, (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError))
            # macOS reports EPROTOTYPE if the server closes while the request is sent.
            if not (is_closed or error.errno == errno.EPROTOTYPE):
                raise

    def _send_output(self, message_body: Any = None, encode_chunked: bool = False) -> None:  # noqa: ARG002 # http.client's
        # http.client sends the body on its own if there is one, as a second segment.
        self._buffer.extend((b"", reveal(message_body) or b""))
        attempt: Any = self.attempt
        attempt.sent = True
        attempt.reusable = False
        request = self._take_buffer()
        is_socket = isinstance(self.sock, _socket.socket) or _wraps_socket(self.sock)
        # A tool may not recognize a request in a memoryview: a mock of sockets would send it to the real server.
        self.send(request if is_socket and not is_send_hooked() else bytes(request))  # type: ignore[attr-defined]

    def _take_buffer(self) -> memoryview:
        """Return the buffered request. A view: no frame of http.client or ssl shows credentials."""
        try:
            return memoryview(b"\r\n".join(self._buffer))
        finally:
            self._buffer.clear()

    def receive(self) -> Any:
        """Return http.client's response after its headers."""
        # Not urllib3's: it would parse the headers a second time.
        response: Any = super(HTTPConnection, self).getresponse()  # type: ignore[misc]
        timeout = response.keep_alive_timeout if isinstance(response, Response) else None
        if timeout is not None:
            self.max_idle_for_writes = min(IDLE_SECONDS_FOR_WRITES, timeout - _KEEP_ALIVE_MARGIN)
        return response

    def getresponse(self) -> Any:
        """Return the response after its headers, as `urllib3.connection.HTTPConnection.getresponse` does."""
        if is_connection_hooked():
            return super().getresponse()  # type: ignore[misc]
        response = self.receive()
        if not isinstance(response, Response):
            # A tool responded in the place of http.client.
            return response
        method, url, preload_content, *_ = self._response_options
        wrapped = urllib3.HTTPResponse(
            body=response,
            headers=response.headers,
            status=response.status,
            version=response.version,
            reason=response.reason,
            preload_content=False,
            decode_content=True,
            original_response=response,
            request_method=method,
            request_url=url,
        )
        # With chunked=True urllib3 would parse the chunks itself, and take a truncated chunk size for the end.
        wrapped.chunked = False
        if preload_content:
            # Cached, as urllib3's constructor does.
            _ = wrapped.data
        return wrapped


class DeadlineTlsConnection(DeadlineConnection):
    """The mixin for a TLS connection."""

    def connect(self) -> None:
        super().connect()
        if self.attempt is not None:
            # Otherwise ssl reports the end of a connection without close_notify as the end of the data.
            self.sock.suppress_ragged_eofs = False
            self.attempt.tls_version = self.sock.version()
