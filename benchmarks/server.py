"""The server for all clients: one fixed response for each path, keep-alive, outside the measured process.

It is nginx if installed. Otherwise a few Python processes send the same bytes, more slowly: the CPU figures stay
comparable, but the server may limit the calls per second. One of its ports uses TLS, with a certificate of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import trustme

PUT_RESPONSE = b'{"success":true}'
POST_RESPONSE = b'{"success":true,"id":"8a808255575bdae401576a914a140420"}'
TOKEN_RESPONSE = json.dumps(
    {"access_token": "benchmark-token", "token_type": "bearer", "expires_in": 3598, "scope": "platform.write"}
).encode()
ROWS = (30, 300)
FALLBACK_PROCESSES = 2

NGINX_CONF = """
daemon off;
master_process off;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    default_type application/json;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.pem;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    tcp_nodelay on;
    open_file_cache max=16;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    {servers}
}}
"""
NGINX_SERVER = """
    server {{
        listen 127.0.0.1:{port}{tls};
        root {folder}/{root};
        location = /oauth/token {{ return 200 '{token}'; }}
        location = /v1/entity-connections {{
            if ($request_method = POST) {{ return 200 '{post}'; }}
            rewrite ^ /rows-$arg_pageSize.json last;
        }}
        location /rows- {{ {encoding} }}
        location / {{ return 200 '{put}'; }}
    }}
"""


class Server(NamedTuple):
    """A running server: its description, its base URLs, and the authority of its certificate as a PEM file."""

    description: str
    plain_url: str
    gzip_url: str
    tls_url: str
    ca_file: str


def list_response(rows: int) -> bytes:
    """Return a page of the list with ``rows`` connections of about 165 bytes each, as in Zuora's reference."""
    statuses = ("Connected", "Pending", "Disconnected")
    page = {
        "entityConnections": [
            {
                "id": f"8a808255575bdae401576a914a{row:06x}",
                "sourceEntityId": "8a808255557baba1015580e12fa5083a",
                "targetEntityId": f"8a80825556ff28a4015708ba29{row:06x}",
                "status": statuses[row % 3],
            }
            for row in range(rows)
        ],
        "success": True,
    }
    return json.dumps(page, separators=(",", ":")).encode()


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Run the server for the duration of the block."""
    with tempfile.TemporaryDirectory(prefix="zuora-benchmark-") as folder:
        nginx = shutil.which(
            "nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        )
        make_certificate(Path(folder))
        with _nginx(nginx, Path(folder)) if nginx is not None else _fallback(Path(folder)) as server:
            yield server


def make_certificate(folder: Path) -> None:
    """Write ``ca.pem``, a new authority, and ``server.pem``, its certificate for 127.0.0.1 with the key."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))


@contextlib.contextmanager
def _nginx(program: str, folder: Path) -> Iterator[Server]:
    (folder / "temp").mkdir()
    for root in ("plain", "gzip"):
        (folder / root).mkdir()
        for rows in ROWS:
            body = list_response(rows)
            (folder / root / f"rows-{rows}.json").write_bytes(gzip.compress(body, mtime=0) if root == "gzip" else body)
    ports = {"plain": _free_port(), "gzip": _free_port(), "tls": _free_port()}
    servers = "".join(
        NGINX_SERVER.format(
            port=port,
            folder=folder,
            tls=" ssl" if name == "tls" else "",
            root="gzip" if name == "gzip" else "plain",
            token=TOKEN_RESPONSE.decode(),
            post=POST_RESPONSE.decode(),
            put=PUT_RESPONSE.decode(),
            encoding="add_header Content-Encoding gzip;" if name == "gzip" else "",
        )
        for name, port in ports.items()
    )
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, servers=servers))
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr.split()[-1]
    process = subprocess.Popen([program, "-e", "stderr", "-p", str(folder), "-c", str(conf)])
    try:
        _wait_until_accepting(process, ports.values())
        yield _server(f"{version}, one process", folder, *ports.values())
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _fallback(folder: Path) -> Iterator[Server]:
    """Run several processes that share three listening sockets. A process ends when its standard input closes."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        sockets = [listener.fileno() for listener in listeners]
        command = [sys.executable, __file__, str(folder / "server.pem"), *map(str, sockets)]
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=sockets) for _ in range(FALLBACK_PROCESSES)
        ]
        try:
            description = f"fallback in Python, {FALLBACK_PROCESSES} processes (nginx is not installed)"
            yield _server(description, folder, *(listener.getsockname()[1] for listener in listeners))
        finally:
            for process in processes:
                process.communicate()


def _server(description: str, folder: Path, plain: int, zipped: int, tls: int) -> Server:
    return Server(
        description,
        f"http://127.0.0.1:{plain}",
        f"http://127.0.0.1:{zipped}",
        f"https://127.0.0.1:{tls}",
        str(folder / "ca.pem"),
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _wait_until_accepting(process: subprocess.Popen[bytes], ports: Iterable[int]) -> None:
    for port in ports:
        for _ in range(200):
            if process.poll() is not None:
                raise RuntimeError(f"nginx exited at startup with status {process.returncode}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.025)
        else:
            raise RuntimeError("nginx did not accept connections within five seconds")


class _FixedResponses(asyncio.Protocol):
    """A minimal HTTP/1.1 server protocol, for clients that send the whole request before they read."""

    def __init__(self, zipped: bool) -> None:
        self._received = b""
        self._zipped = zipped

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end_of_head, rest = self._received.partition(b"\r\n\r\n")
        if not end_of_head:
            return
        length = 0
        _, found, value = head.lower().partition(b"\r\ncontent-length:")
        if found:
            length = int(value.partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._received = rest[length:]
        self._transport.write(_response(head.partition(b"\r\n")[0], self._zipped))


_cache: dict[tuple[bytes, bool], bytes] = {}


def _response(request_line: bytes, zipped: bool) -> bytes:
    response = _cache.get((request_line, zipped))
    if response is None:
        encoding = b""
        if b"/oauth/token" in request_line:
            body = TOKEN_RESPONSE
        elif request_line.startswith(b"POST"):
            body = POST_RESPONSE
        elif request_line.startswith(b"PUT"):
            body = PUT_RESPONSE
        else:
            body = list_response(next(rows for rows in ROWS if b"pageSize=%d " % rows in request_line))
            if zipped:
                body, encoding = gzip.compress(body, mtime=0), b"Content-Encoding: gzip\r\n"
        response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s" % (
            encoding,
            len(body),
            body,
        )
        _cache[request_line, zipped] = response
    return response


async def _serve(certificate: str, plain: str, zipped: str, tls: str) -> None:
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    for number, is_zipped, with_context in ((plain, False, None), (zipped, True, None), (tls, False, context)):
        sock = socket.socket(fileno=int(number))
        await loop.create_server(
            lambda is_zipped=is_zipped: _FixedResponses(is_zipped),  # type: ignore[misc]
            sock=sock,
            ssl=with_context,
        )
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
