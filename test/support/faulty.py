"""Behaviours of a scripted server that is slow, breaks off, or says more than it should."""

from __future__ import annotations

import socket
import time

from .scripted import Behaviour, Received


def hang_up(_: socket.socket, __: Received) -> None:
    """Close the connection without an answer."""


def cut(data: bytes, size: int) -> Behaviour:
    """Send the first `size` bytes of an answer, then close."""

    def behave(sock: socket.socket, _: Received) -> None:
        sock.sendall(data[:size])

    return behave


def then_close(data: bytes) -> Behaviour:
    """Send an answer, then close, whatever the answer said about that."""
    return cut(data, len(data))


def drip(data: bytes, seconds: float, *, from_byte: int = 0, keep: bool = False) -> Behaviour:
    """Send an answer one byte at a time, `seconds` between them; the first `from_byte` bytes at once."""

    def behave(sock: socket.socket, _: Received) -> bool:
        sock.sendall(data[:from_byte])
        for byte in data[from_byte:]:
            time.sleep(seconds)
            # Raises when the client has gone, which ends the connection.
            sock.sendall(bytes((byte,)))
        return keep

    return behave


def in_pieces(*pieces: bytes, seconds: float = 0.05) -> Behaviour:
    """Send an answer in pieces, each on its own; the connection stays open."""

    def behave(sock: socket.socket, _: Received) -> bool:
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(seconds)
            sock.sendall(piece)
        return True

    return behave


def endless(head: bytes, piece: bytes) -> Behaviour:
    """Send a head, and then the same piece until the client has had enough."""

    def behave(sock: socket.socket, _: Received) -> None:
        sock.sendall(head)
        # A bound for the case that the client takes it all: far above every limit that the tests set.
        for _round in range(100_000):
            sock.sendall(piece)

    return behave
