"""Calls that fail, with each kind of credentials.

The frames of this module become parts of tracebacks, so none of their variables holds a secret, and no line of the
source does: secrets are computed, and looked up in `SECRETS` when a client is configured.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trustme
from urllib3.connection import HTTPConnection

from zuora_client import ApiClient, Configuration, EntityConnectionsApi

from .proxy import Proxy
from .scripted import Behaviour, Received, ScriptedServer, reset, respond, respond_json
from .tokens import CLIENT_ID, TokenServer, token


class Timeout(BaseException):
    """Raised into a call from outside, as gevent's is."""


class SoftTimeLimitExceeded(Exception):
    """Raised by a signal handler, as Celery's is."""


def _secret(name: str) -> str:
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode() + "&%~"


SECRETS = {
    name: _secret(name) for name in ("client secret", "issued", "fixed", "called", "key", "header", "cookie", "proxy")
}
_PAIR = base64.b64encode(f"me:{SECRETS['proxy']}".encode()).decode()

# The secrets that the client knows with each kind of credentials.
KINDS = {
    "OAuth": [SECRETS["client secret"], SECRETS["issued"]],
    "token": [SECRETS["fixed"]],
    "callable": [SECRETS["called"]],
    "access keys": [SECRETS["key"]],
    "default header": [SECRETS["header"]],
    "cookie": [SECRETS["cookie"]],
    "proxy password": [SECRETS["proxy"], _PAIR],
}
_EVERY_SECRET = " ".join([*SECRETS.values(), _PAIR])

INTERRUPTS: dict[str, type[BaseException]] = {
    "interrupt": KeyboardInterrupt,
    "interrupt like gevent": Timeout,
    "interrupt like Celery": SoftTimeLimitExceeded,
    "interrupt of the token request": KeyboardInterrupt,
    "interrupt while sending over TLS": KeyboardInterrupt,
    "interrupt like gevent while sending over TLS": Timeout,
}
FAILURES = [
    "refusal",
    "lost response",
    "refused token",
    "token endpoint down",
    "connection refused",
    "TLS failure",
    *INTERRUPTS,
]


def _interrupt_main_thread() -> None:
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, signal.SIGUSR1)


def _interrupt(sock: socket.socket, _: Received) -> None:
    """A behaviour: interrupt the client while it waits for the response."""
    _interrupt_main_thread()
    with contextlib.suppress(OSError):
        sock.recv(1)


_REFUSAL = {"success": False, "reasons": [{"code": 50000020, "message": _EVERY_SECRET}]}
_BEHAVIOURS: dict[str, Behaviour] = {
    "refusal": respond_json(_REFUSAL, 400, {"X-Echo": _EVERY_SECRET}),
    "refusal under 200": respond_json(_REFUSAL, 200, {"X-Echo": _EVERY_SECRET}),
    "lost response": reset,
    "refused token": respond_json({"message": _EVERY_SECRET}, 401, {"X-Echo": _EVERY_SECRET}),
    "token endpoint down": respond(503),
}


class _NeverReads(threading.Thread):
    """A TLS server that issues a token. At any other request it interrupts the client and reads no further."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(daemon=True)
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._context = context
        self._is_over = threading.Event()
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while not self._is_over.is_set():
                plain, _ = self._listener.accept()
                with self._context.wrap_socket(plain, server_side=True) as sock:
                    self._serve(sock)

    def _serve(self, sock: ssl.SSLSocket) -> None:
        data = sock.recv(4)
        if data != b"POST":
            return
        while b"\r\n" not in data:
            data += sock.recv(1)
        if b"/oauth/token" not in data:
            _interrupt_main_thread()
            self._is_over.wait(30)
            return
        while b"grant_type=client_credentials" not in data:
            data += sock.recv(1000)
        sock.sendall(token(SECRETS["issued"]).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

    def __enter__(self) -> _NeverReads:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self.join(30)
        self._listener.close()


def configuration_for(kind: str, host: str, **settings: Any) -> Configuration:
    configuration = Configuration(host, max_attempts=1, **settings)
    if kind == "OAuth":
        configuration.client_id, configuration.client_secret = CLIENT_ID, SECRETS["client secret"]
    elif kind == "token":
        configuration.access_token = SECRETS["fixed"]
    elif kind == "callable":
        configuration.access_token = lambda: SECRETS["called"]
    elif kind == "access keys":
        configuration.api_key = {"apiAccessKeyId": "shown", "apiSecretAccessKey": SECRETS["key"]}
    return configuration


def client_for(kind: str, configuration: Configuration) -> ApiClient:
    client = ApiClient(configuration)
    if kind == "default header":
        client.set_default_header("Authorization", f"Bearer {SECRETS['header']}")
    elif kind == "cookie":
        client.cookie = f"ZSession={SECRETS['cookie']}"
    return client


def _proxy(port: int) -> str:
    return f"http://me:{SECRETS['proxy'].replace('%', '%25').replace('/', '%2F')}@127.0.0.1:{port}"


@contextlib.contextmanager
def failing_client(kind: str, failure: str, folder: Path, on_event: Any = None) -> Iterator[ApiClient]:
    """Yield a client whose next call fails; an interrupt is raised by a signal handler."""
    handler = signal.signal(signal.SIGUSR1, _raise_in_handler(INTERRUPTS.get(failure, KeyboardInterrupt)))
    try:
        with contextlib.ExitStack() as stack:
            host, settings = _peer(kind, failure, folder, stack)
            configuration = configuration_for(kind, host, on_event=on_event, **settings)
            yield stack.enter_context(client_for(kind, configuration))
    finally:
        signal.signal(signal.SIGUSR1, handler)


def _raise_in_handler(cls: type[BaseException]) -> Callable[[int, Any], None]:
    def handler(number: int, frame: Any) -> None:
        del number, frame
        raise cls

    return handler


def _peer(kind: str, failure: str, folder: Path, stack: contextlib.ExitStack) -> tuple[str, dict[str, Any]]:
    """Start what the client of a failing call connects to; return its host and settings."""
    settings: dict[str, Any] = {}
    if failure == "connection refused":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        if kind == "proxy password":
            return "http://zuora.invalid", {"proxy": _proxy(port)}
        return f"http://127.0.0.1:{port}", settings
    if "TLS" in failure:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        if failure == "TLS failure":
            port = stack.enter_context(ScriptedServer(respond(200), ssl_context=context)).port
        else:
            authority.cert_pem.write_to_path(str(folder / "authority.pem"))
            settings["ssl_ca_cert"] = str(folder / "authority.pem")
            port = stack.enter_context(_NeverReads(context)).port
        if kind == "proxy password":
            settings["proxy"] = _proxy(stack.enter_context(Proxy(tunnel_to=port)).port)
        return f"https://localhost:{port}", settings
    behaviour = _BEHAVIOURS.get(failure, _interrupt)
    is_about_token = "token" in failure
    server = TokenServer(behaviour if is_about_token else token(SECRETS["issued"]))
    server.call_behaviour = behaviour
    stack.enter_context(server)
    if kind == "proxy password":
        return "http://zuora.invalid", {"proxy": _proxy(server.port)}
    return server.url, settings


def make_call(client: ApiClient, failure: str) -> None:
    """Make the call that fails. Every tool shows `visible_local`; loguru, because the lines of the calls name it."""
    visible_local = "-".join(("visible", "local"))
    api = EntityConnectionsApi(client)
    if "while sending" in failure:
        # Larger than the buffers of both sides.
        client.call_api("/v1/x", "POST", header_params={"X-Visible": visible_local}, body=["x" * 1000] * 150)
    else:
        api.put_entity_connections_accept("8a808255575bdae401576a914a140420", zuora_track_id=visible_local)
    raise AssertionError("the call did not fail")


@contextlib.contextmanager
def small_send_buffer() -> Iterator[None]:
    """Make a request of some 100 KB fill the buffers of a connection, so that sending blocks."""
    options = HTTPConnection.default_socket_options
    options.append((socket.SOL_SOCKET, socket.SO_SNDBUF, 4096))
    try:
        yield
    finally:
        options.pop()
