"""A SOCKS5 proxy (RFC 1928) without authentication, for CONNECT to names and IPv4 addresses."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from .proxy import Proxy

if TYPE_CHECKING:
    from typing_extensions import Self


class SocksProxy(Proxy):
    """`targets` are the addresses that clients asked for; `seen` all bytes that they sent through it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = f"socks5h://{self.address}"
        return self

    def _serve_request(self, sock: socket.socket) -> bool:
        with sock.makefile("rb") as stream:
            _, methods = stream.read(2)
            stream.read(methods)
            sock.sendall(b"\x05\x00")
            _, command, _, kind = stream.read(4)
            assert command == 1
            name = stream.read(stream.read(1)[0]).decode() if kind == 3 else socket.inet_ntoa(stream.read(4))
            port = int.from_bytes(stream.read(2), "big")
        self.targets.append(f"{name}:{port}")
        with socket.create_connection((name, port), 10) as upstream:
            sock.sendall(b"\x05\x00\x00\x01" + socket.inet_aton("127.0.0.1") + port.to_bytes(2, "big"))
            self._pump(sock, upstream)
        return False
