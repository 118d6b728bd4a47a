"""Messages between a caller and a node (wire.proto): a request or a reply, then its buffers in pieces.

Nothing received is executed, and every size is looked at before anything is allocated.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import grpc

from ditto.errors import DittoError
from ditto.parties import wire_pb2 as pb

# A message holds a piece, a program's profile or the names of a model's weights, with room.
_PIECE_BYTES = 1 << 20
_MAX_MESSAGE_BYTES = 1 << 25
_MAX_BUFFERS = 1 << 16
_MAX_BUFFER_BYTES = 1 << 33

_WITH_BUFFERS = ("load", "masked", "run", "publish")

# A session whose caller says nothing for so long ends: somebody may have forgotten it, and it holds shares.
IDLE_SECONDS = 3600.0

SERVICE = "ditto.parties.Node"
DESCRIBE, CONVERSE = f"/{SERVICE}/Describe", f"/{SERVICE}/Converse"

# Slow is not dead: who answers these is alive, however long it computes.
_KEEP_ALIVE = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]
_SIZES = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
]
CLIENT_OPTIONS = [*_KEEP_ALIVE, *_SIZES, ("grpc.enable_retries", 0)]
# A connection without a finished handshake costs a descriptor for so long.
SERVER_OPTIONS = [
    *_KEEP_ALIVE,
    *_SIZES,
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),
]


class MalformedMessage(DittoError):
    """The other side does not speak this protocol."""


def messages(header: pb.Request | pb.Reply, buffers: Sequence[Any] = ()) -> Iterator[pb.Message]:
    """A request or reply with bytes-like buffers (C-contiguous arrays too) as it travels."""
    views = [memoryview(buffer).cast("B") if memoryview(buffer).nbytes else memoryview(b"") for buffer in buffers]
    header.buffers.extend(view.nbytes for view in views)
    yield pb.Message(request=header) if isinstance(header, pb.Request) else pb.Message(reply=header)
    for view in views:
        for start in range(0, view.nbytes, _PIECE_BYTES):
            yield pb.Message(piece=bytes(view[start : start + _PIECE_BYTES]))


def received(
    stream: Iterable[pb.Message], kind: str, expect: Callable[[int], None] = lambda size: None
) -> Iterator[tuple[Any, list[bytes]]]:
    """The requests or replies (`kind`) of a stream, each with its buffers.

    Args:
        expect: told the size of all of a message's buffers before they come; may raise.

    Raises:
        MalformedMessage: what came is no such thing.
    """
    rest = iter(stream)
    for message in rest:
        if message.WhichOneof("kind") != kind:
            raise MalformedMessage(f"a {kind} was to come, not a {message.WhichOneof('kind') or 'message of no kind'}")
        header = getattr(message, kind)
        if header.buffers and kind == "request" and header.WhichOneof("command") not in _WITH_BUFFERS:
            raise MalformedMessage(f"the request {header.WhichOneof('command')} has no buffers")
        if len(header.buffers) > _MAX_BUFFERS or sum(header.buffers) > _MAX_BUFFER_BYTES:
            raise MalformedMessage(f"a {kind} announces {len(header.buffers)} buffers of {sum(header.buffers)} bytes")
        expect(sum(header.buffers))
        yield header, [_buffer(rest, size) for size in header.buffers]


def _buffer(stream: Iterator[pb.Message], size: int) -> bytes:
    """A buffer, of pieces that are all full but the last: small ones would take many times their bytes."""
    held = bytearray()
    while len(held) < size:
        message = next(stream, None)
        piece = b"" if message is None or message.WhichOneof("kind") != "piece" else message.piece
        if len(piece) != min(_PIECE_BYTES, size - len(held)):
            raise MalformedMessage(f"a buffer of {size} bytes has a piece of {len(piece)} after {len(held)}")
        held += piece
    return bytes(held)


def version() -> str:
    """Of this package; both sides of a session have to have the same."""
    try:
        return importlib.metadata.version("spu-ditto")
    except importlib.metadata.PackageNotFoundError:
        return "0+checkout"


def described(error: grpc.RpcError) -> str:
    """What a failed call says of the cause."""
    code, details = getattr(error, "code", lambda: None)(), getattr(error, "details", lambda: None)()
    if code == grpc.StatusCode.CANCELLED:
        return f"it has ended the session: it was stopped, or had heard nothing for {IDLE_SECONDS:.0f} seconds"
    return details or (code.name if code is not None else str(error))
