"""Messages between a caller and a party: a JSON header, then raw buffers. No pickle: nothing received is executed.

Header and buffers are sent one after the other: a message that is cut short leaves a connection of no more use.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from ditto.errors import DittoError

# A header names a run's inputs and a profile's lines; a program's text travels as a buffer.
_MAX_HEADER_BYTES = 1 << 24
_MAX_BUFFER_BYTES = 1 << 33


class MalformedMessage(DittoError):
    """The other side does not speak this protocol."""


def hurry(connection: Connection) -> None:
    """Has the many small writes of a message sent at once, instead of each when the last has been acknowledged."""
    with socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def hang_up(connection: Connection) -> None:
    """Ends a connection for both sides, even if a forked process holds a copy of it."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def send(connection: Connection, header: dict[str, Any], buffers: Sequence[Any] = ()) -> None:
    """Sends a header and bytes-like buffers (C-contiguous arrays too)."""
    views = [memoryview(buffer).cast("B") if memoryview(buffer).nbytes else memoryview(b"") for buffer in buffers]
    connection.send_bytes(json.dumps({**header, "buffers": [view.nbytes for view in views]}).encode())
    for view in views:
        connection.send_bytes(view)


def receive(connection: Connection) -> tuple[dict[str, Any], list[bytes]]:
    """The next header and its buffers.

    Raises:
        MalformedMessage: what came is no message.
        EOFError: the other side has closed the connection.
    """
    try:
        header = json.loads(connection.recv_bytes(_MAX_HEADER_BYTES))
        sizes = header.pop("buffers")
        if not all(isinstance(size, int) and 0 <= size <= _MAX_BUFFER_BYTES for size in sizes):
            raise MalformedMessage(f"a message announces buffers of {sizes} bytes")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedMessage(f"a message has no valid header: {error}") from error
    buffers = []
    for size in sizes:
        buffer = connection.recv_bytes(size)
        if len(buffer) != size:
            raise MalformedMessage(f"a buffer has {len(buffer)} bytes instead of {size}")
        buffers.append(buffer)
    return header, buffers
