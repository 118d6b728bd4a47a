"""Arrays to ring integers and back, on the caller's side, exactly as the parties interpret them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ditto.encoding import clip_mask
from ditto.encoding import encode as encode_public
from spu_ditto.errors import RangeError

Array = NDArray[Any]
Encoded = NDArray[np.int64]


@dataclass(frozen=True)
class ValueType:
    """Type of a program's input or output.

    "fxp" is a secret integer x mod 2^width that means x / 2^fraction, "bit" a secret boolean; "public" is a real number
    that enters as the integer x 2^fraction, "index" a public integer that enters as it is. `range_bits` B promises
    |integer| < 2^B, of a public number |x| < 2^B; None promises nothing beyond the width. Public numbers beyond 2^mask
    are cut to it: they stand for infinity there.
    """

    kind: Literal["fxp", "bit", "public", "index"]
    shape: tuple[int, ...]
    width: int = 0
    fraction: int = 0
    range_bits: int | None = None
    mask: int | None = None

    def __str__(self) -> str:
        return f"fxp<{self.width}, {self.fraction}>" if self.kind == "fxp" else self.kind


def encode(value: Any, type: ValueType, name: str) -> Encoded:
    """Encodes an array for a program input.

    Floats become round(x * 2^fraction), integers wrap at the ring's width as they do in the program, booleans are 0
    and 1.

    Raises:
        RangeError: a secret float is not finite or does not fit; names the argument.
    """
    array = np.asarray(value)
    if type.kind == "public":
        return _encode_public(array, type, name)
    if type.kind == "index":
        return array.astype(np.int64)
    if type.kind == "bit":
        return array.astype(np.bool_).astype(np.int64)
    if array.dtype.kind in "biu":
        return wrap(array.astype(np.int64), type.width) if type.fraction == 0 else _scale(array, type, name)
    return _scale(array, type, name)


def _encode_public(array: Array, type: ValueType, name: str) -> Encoded:
    numbers = clip_mask(array.astype(np.float64), type.mask)
    limit = 2.0 ** (62 - type.fraction if type.range_bits is None else type.range_bits)
    if type.mask is not None:
        limit = max(limit, 2.0**type.mask + 1)
    if not np.all(np.abs(numbers) < limit):
        raise RangeError(
            f"public argument {name} holds NaN, or a number of magnitude {limit:g} or more, which the program was not "
            "compiled for: state its magnitude in ranges="
        )
    return encode_public(numbers, type.fraction)


def _scale(array: Array, type: ValueType, name: str) -> Encoded:
    scaled = np.rint(np.ldexp(array.astype(np.float64), type.fraction))
    bits = type.width - 1 if type.range_bits is None else min(type.range_bits, type.width - 1)
    largest = float(np.max(np.abs(scaled), initial=0.0))
    # NaN fails every comparison, hence "not less".
    if not largest < 2.0**bits:
        worst = np.abs(array[np.unravel_index(int(np.argmax(np.abs(scaled))), array.shape)])
        raise RangeError(
            f"argument {name} holds a value of magnitude {worst:g}, and its ring {type} takes less than "
            f"{2.0 ** (bits - type.fraction):g} here: scale the argument or pass it in a wider dtype"
        )
    return np.asarray(scaled, np.int64)


def wrap(array: Encoded, width: int) -> Encoded:
    """Signed representatives modulo 2^width."""
    shift = np.int64(64 - width)
    return np.asarray(np.right_shift(np.left_shift(array, shift), shift))


def decode(encoded: Encoded, type: ValueType, dtype: np.dtype[Any]) -> Array:
    """Decodes an output: signed integers mod 2^width, divided by 2^fraction, in `dtype`."""
    if type.kind == "bit":
        return (encoded & 1).astype(dtype)
    signed = wrap(encoded, type.width)
    if dtype.kind in "biu":
        return (signed >> type.fraction).astype(dtype)
    return np.ldexp(signed.astype(np.float64), -type.fraction).astype(dtype)
