"""The HTTP server: a listening socket, and a thread for each connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time

from .exchange import Exchange
from .fault_plan import FaultPlan
from .messages import Headers, Request, json_response
from .record import Record
from .service import Service
from .wire import BadRequest, ConnectionClosed, Selector, Wire, serialize_response

_STOP_TIMEOUT = 10.0

# Waits after the system refused a descriptor or a thread, doubled up to the maximum.
_MIN_BACKOFF = 0.01
_MAX_BACKOFF = 1.0


class Server:
    """Serves a `Service` on one port. After a stop it can be started again, on the same port if that is free.

    Without a free descriptor or thread, new connections wait until there is one again.

    Attributes:
        record: the latest requests.
    """

    def __init__(
        self,
        service: Service,
        faults: FaultPlan,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        keep_alive_seconds: float | None,
    ) -> None:
        self.record = Record()
        self._lock = threading.Lock()
        self._lifecycle_lock = threading.Lock()
        self._service = service
        self._faults = faults
        self._address = (host, port)
        self._bound_port = port
        self._ssl_context = ssl_context
        self._keep_alive_seconds = keep_alive_seconds
        self._running = False
        self._connection_count = 0

    def start(self) -> int:
        """Start listening, unless already started; return the port.

        Raises:
            OSError: the address is in use, or there is no free descriptor.
            RuntimeError: no thread can be started.
        """
        with self._lifecycle_lock, contextlib.ExitStack() as cleanup:
            if not self._running:
                self._listener = cleanup.enter_context(self._listen())
                self._bound_port = int(self._listener.getsockname()[1])
                self._wakeup_receiver, self._wakeup_sender = socket.socketpair()
                cleanup.callback(self._wakeup_receiver.close)
                cleanup.callback(self._wakeup_sender.close)
                self._stopping = threading.Event()
                self._threads: dict[socket.socket, threading.Thread] = {}
                self._acceptor = threading.Thread(target=self._accept, name="zuora-emulator", daemon=True)
                self._acceptor.start()
                self._running = True
                cleanup.pop_all()  # everything started: stop() closes the sockets
            return self._bound_port

    def stop(self) -> None:
        """Close the port and every connection, and join all threads; does nothing if not running."""
        with self._lifecycle_lock:
            if not self._running:
                return
            self._running = False
            deadline = time.monotonic() + _STOP_TIMEOUT
            self._stopping.set()
            self._wakeup_sender.close()
            self._acceptor.join(_STOP_TIMEOUT)
            with self._lock:
                threads = list(self._threads.values())
                for sock in self._threads:
                    _shut_down(sock)
            for thread in threads:
                thread.join(max(deadline - time.monotonic(), 0))

    def _listen(self) -> socket.socket:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, self._bound_port), family=family, backlog=1024)
        except OSError:
            if self._bound_port == port:
                raise
            return socket.create_server((host, port), family=family, backlog=1024)

    def _accept(self) -> None:
        backoff = _MIN_BACKOFF
        with self._listener, self._wakeup_receiver, Selector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakeup_receiver, selectors.EVENT_READ)
            while True:
                selector.select()
                if self._stopping.is_set():
                    return
                try:
                    sock, _ = self._listener.accept()
                except ConnectionError:
                    continue  # the client disconnected before it was accepted
                except OSError:
                    # No free descriptor. The listener stays readable, so without a wait this would be a busy loop.
                    backoff = self._back_off(backoff)
                    continue
                backoff = _MIN_BACKOFF
                self._connection_count += 1
                try:
                    self._start_thread(sock, self._connection_count)
                except OSError:
                    sock.close()  # the client disconnected already

    def _start_thread(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(self._keep_alive_seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._ssl_context is not None:
            # The handshake waits for the client, so the thread of the connection performs it.
            sock = self._ssl_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        backoff = _MIN_BACKOFF
        while not self._stopping.is_set():
            thread = threading.Thread(
                target=self._serve_connection, args=(sock, number), name=f"zuora-emulator-{number}", daemon=True
            )
            with self._lock:
                self._threads[sock] = thread
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                with self._lock:
                    del self._threads[sock]
            else:
                return
            backoff = self._back_off(backoff)
        sock.close()

    def _back_off(self, seconds: float) -> float:
        """Wait, at most until the server stops; return the seconds of the next wait."""
        self._stopping.wait(seconds)
        return min(seconds * 2, _MAX_BACKOFF)

    def _serve_connection(self, sock: socket.socket, number: int) -> None:
        wire = Wire(sock, number, self._stopping)
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            while not self._stopping.is_set() and self._serve_request(wire):
                pass
        except (ConnectionClosed, OSError):
            pass  # the client disconnected, the server stops, or a fault closed the connection
        finally:
            # Closed under the lock: stop() must not shut down a closed socket, whose descriptor may be in use again.
            with self._lock:
                del self._threads[sock]
                if not wire.is_reset:
                    _shut_down(sock)
                sock.close()

    def _serve_request(self, wire: Wire) -> bool:
        """Serve one request; return whether the connection stays open."""
        try:
            request = wire.read_head()
            if request is None:
                return False
            self.record.add(request)
            try:
                Exchange(wire, request, self._service, self._faults.due(request)).proceed()
            finally:
                self.record.complete(request)
            return request.keep_alive
        except BadRequest as error:
            unparsed = Request("", "/", Headers(()))
            unparsed.keep_alive = False
            wire.send(serialize_response(json_response(error.status, {"message": str(error)}), unparsed))
            return False


def _shut_down(sock: socket.socket) -> None:
    # A shutdown ends the connection even if a forked process holds a copy of the socket. SSLSocket.shutdown would
    # discard the TLS state that another thread is using.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
