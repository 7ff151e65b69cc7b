"""Behaviours of a scripted server that is slow, closes early, or sends too much."""

from __future__ import annotations

import socket
import time

from .scripted import Handler, Received


def hang_up(_: socket.socket, __: Received) -> None:
    """Close the connection without a response."""


def cut(data: bytes, size: int) -> Handler:
    """Send the first `size` bytes of a response, then close."""

    def behave(sock: socket.socket, _: Received) -> None:
        sock.sendall(data[:size])

    return behave


def then_close(data: bytes) -> Handler:
    """Send a response, then close, whatever its headers say about that."""
    return cut(data, len(data))


def drip(data: bytes, seconds: float, *, from_byte: int = 0, keep: bool = False) -> Handler:
    """Send the first `from_byte` bytes of a response at once, the others singly, each after `seconds`."""

    def behave(sock: socket.socket, _: Received) -> bool:
        sock.sendall(data[:from_byte])
        for byte in data[from_byte:]:
            time.sleep(seconds)
            # Raises after the client has closed, which ends the connection.
            sock.sendall(bytes((byte,)))
        return keep

    return behave


def in_pieces(*pieces: bytes, seconds: float = 0.05) -> Handler:
    """Send each of the pieces separately; keep the connection open."""

    def behave(sock: socket.socket, _: Received) -> bool:
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(seconds)
            sock.sendall(piece)
        return True

    return behave


def endless(head: bytes, piece: bytes) -> Handler:
    """Send a head, then the same piece until the client closes."""

    def behave(sock: socket.socket, _: Received) -> None:
        sock.sendall(head)
        # Bounded in case the client reads everything: far above every limit that the tests set.
        for _round in range(100_000):
            sock.sendall(piece)

    return behave
