"""The sockets: a listener, a thread for each connection, and a stop that leaves nothing behind.

Invariant: when :meth:`Server.stop` returns, the port is closed, every connection is closed and every thread has ended.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections import deque

from .exchange import Exchange
from .fault_plan import FaultPlan
from .messages import Headers, Request, json_response
from .service import Service
from .wire import BadRequest, Hangup, Wire, frame

#: How many requests the record keeps; older ones are forgotten.
RECORDED_REQUESTS = 100_000

_STOP_SECONDS = 10.0


class Server:
    """Serves one :class:`Service` on one port. Can be started again after a stop, on the same port if that is free."""

    def __init__(
        self,
        service: Service,
        faults: FaultPlan,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        keep_alive_seconds: float | None,
    ) -> None:
        self.requests: deque[Request] = deque(maxlen=RECORDED_REQUESTS)
        self.lock = threading.Lock()
        self._control = threading.Lock()
        self._service = service
        self._faults = faults
        self._address = (host, port)
        self._bound_port = port
        self._ssl_context = ssl_context
        self._keep_alive_seconds = keep_alive_seconds
        self._running = False
        self._number = 0

    def start(self) -> int:
        """Listen, and return the port. Does nothing when the server runs."""
        with self._control:
            if not self._running:
                self._listener = self._listen()
                self._bound_port = int(self._listener.getsockname()[1])
                self._wake_receiver, self._waker = socket.socketpair()
                self._stopping = threading.Event()
                self._open: dict[socket.socket, threading.Thread] = {}
                self._acceptor = threading.Thread(target=self._accept, name="zuora-emulator", daemon=True)
                self._acceptor.start()
                self._running = True
            return self._bound_port

    def stop(self) -> None:
        """Close the port and every connection, and wait for the threads. Does nothing when the server does not run."""
        with self._control:
            if not self._running:
                return
            self._running = False
            deadline = time.monotonic() + _STOP_SECONDS
            self._stopping.set()
            self._waker.close()
            self._acceptor.join(_STOP_SECONDS)
            with self.lock:
                threads = list(self._open.values())
                for sock in self._open:
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
        with self._listener, self._wake_receiver, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            while True:
                selector.select()
                if self._stopping.is_set():
                    return
                try:
                    sock, _ = self._listener.accept()
                except OSError:
                    continue  # the client gave up before it was his turn
                self._number += 1
                try:
                    self._welcome(sock, self._number)
                except OSError:
                    sock.close()  # gone again, or it does not speak TLS

    def _welcome(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(self._keep_alive_seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._ssl_context is not None:
            # Only wrapped here: the handshake waits for the client, so it belongs in the connection's own thread.
            sock = self._ssl_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(
            target=self._converse, args=(sock, number), name=f"zuora-emulator-{number}", daemon=True
        )
        with self.lock:
            self._open[sock] = thread
        thread.start()

    def _converse(self, sock: socket.socket, number: int) -> None:
        wire = Wire(sock, number, self._stopping)
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            while not self._stopping.is_set() and self._exchange(wire):
                pass
        except (Hangup, OSError):
            pass  # the client went, the server stops, or a fault wanted it so
        finally:
            with self.lock:  # so that stop() never meets a closed socket, whose number may be another's by then
                del self._open[sock]
                if not wire.is_reset:
                    _shut_down(sock)
                sock.close()

    def _exchange(self, wire: Wire) -> bool:
        """Serve one request; False when it was the last of its connection."""
        try:
            request = wire.read_head()
            if request is None:
                return False
            with self.lock:
                self.requests.append(request)
            exchange = Exchange(wire, request, self._service)
            fault = self._faults.choose(request)
            if fault is None:
                exchange.send(exchange.execute())
            else:
                fault.act(exchange)
            return request.keep_alive
        except BadRequest as error:
            farewell = Request("", "/", Headers(()))
            farewell.keep_alive = False
            wire.send(frame(json_response(error.status, {"message": str(error)}), farewell))
            return False


def _shut_down(sock: socket.socket) -> None:
    # The connection ends even where a forked process has a copy of the socket. Not SSLSocket.shutdown: that takes the
    # TLS state away from under the thread that is using it.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
