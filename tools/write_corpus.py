"""Writes what the fuzz targets of ditto/fuzz/ begin with, into ditto/fuzz/corpus: `./dev python tools/write_corpus.py`.

Programs are one of every operation of the engine, and some that were compiled from JAX; the rest is what parties and
callers send when all is well. Anything that a fuzz target has found is a file more, by another name, and is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import spu_ditto
from ditto.lowering.lower_to_program import lower_to_program
from tests.conformance.ring_cases import CASES

CORPUS = Path(__file__).parent.parent / "ditto" / "fuzz" / "corpus"


def programs() -> Iterator[tuple[str, bytes]]:
    """The engine's text of programs."""
    seen = set()
    for case in CASES:
        if case.op not in seen:
            seen.add(case.op)
            yield f"op-{case.op}", lower_to_program(case.module()).json.encode()
    x = np.zeros((2, 4), np.float32)
    for name, function, arguments in (
        ("whole-softmax", jax.nn.softmax, (x,)),
        ("whole-attention", lambda q, k, v: jax.nn.softmax(q @ k.T) @ v, (x, x, x)),
        ("whole-sort", lambda x: jnp.sort(x, axis=-1), (x,)),
        ("whole-integers", lambda n: jnp.where(n > 3, n // 3, n * n), (np.zeros(4, np.int32),)),
    ):
        yield name, spu_ditto.compile(function).lower(*arguments).compile().program.engine.encode()


def streams() -> Iterator[tuple[str, bytes]]:
    """A greeting, and frames, after the byte that says how they are read."""
    greeting = b"DITTO-3P" + struct.pack("<IHH", 1, 2, 1) + bytes(range(16))

    def frame(tag: int, payload: bytes, kind: int = 0) -> bytes:
        return struct.pack("<HBBIQ", 0xD170, kind, 0, len(payload), tag) + payload

    yield "greeting", b"\x1f" + greeting
    yield "frames", b"\x06" + frame(1, b"") + frame(1 << 40, b"payload") + frame(2**64 - 1, bytes(100))
    yield "abort", b"\x00" + frame(7, b"four") + frame(0, b"the caller has left", 1)


def agreements() -> Iterator[tuple[str, bytes]]:
    """What P0 and the other party say before a run, to P1 and to P2."""
    from_p0 = struct.pack("<Q", 3) + b"programgiven"
    for name, listener in (("p1", 1), ("p2", 0)):
        yield name, bytes([listener, len(from_p0)]) + from_p0 + from_p0 + b"masked"


def shares() -> Iterator[tuple[str, bytes]]:
    """Packed elements after their width and shape."""
    for width, shape in ((1, (3, 5)), (20, (70,)), (32, ()), (45, (2, 3, 4)), (64, (0, 8))):
        size = (int(np.prod(shape)) * width + 7) // 8
        head = struct.pack(f"<BB{len(shape)}q", width, len(shape), *shape)
        yield f"width-{width}", head + bytes(n % 251 for n in range(size))


def main() -> None:
    for folder, files in (
        ("program", programs()),
        ("frame_reader", streams()),
        ("agreement", agreements()),
        ("shares", shares()),
    ):
        (CORPUS / folder).mkdir(parents=True, exist_ok=True)
        for name, data in files:
            (CORPUS / folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
