"""Real numbers as ring integers and back, masks included; arguments and results, exactly as the parties read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ditto.dialects.dense import Array
from ditto.errors import RangeError

Encoded = NDArray[np.int64]

# Masks are -inf or the least number of a dtype (-65504 and below). After -2^12 a softmax's exponential is zero, and a
# score can still be added without leaving 24 bits.
MASK, MASK_FROM = 2.0**12, 65504.0
_GREATEST = float(np.finfo(np.float32).max)


def saturate(numbers: Array) -> Array:
    """Float numbers with masks at -+2^12 and zeros for NaN, in the same dtype."""
    result = np.nan_to_num(numbers, nan=0.0, posinf=MASK, neginf=-MASK)
    result = np.where(result <= -MASK_FROM, -MASK, result)
    return np.asarray(np.where(result >= _GREATEST, MASK, result).astype(numbers.dtype))


def encode(numbers: Array, fraction: int) -> Array:
    """Real numbers as int64 round(x * 2^fraction), saturated first."""
    return np.asarray(np.rint(np.ldexp(saturate(np.asarray(numbers, np.float64)), fraction)).astype(np.int64))


def decode(integers: Array, fraction: int) -> Array:
    """Ring integers as float64."""
    return np.ldexp(integers.astype(np.float64), -fraction)


@dataclass(frozen=True)
class ValueType:
    """Type of a program's input or output.

    "fxp" is a secret integer x mod 2^width that means x / 2^fraction, "bit" a secret boolean; "public" is a real number
    that enters as the integer x 2^fraction, "index" a public integer that enters as it is. `range_bits` B promises
    |integer| < 2^B; None promises nothing beyond the width.
    """

    kind: Literal["fxp", "bit", "public", "index"]
    shape: tuple[int, ...]
    width: int = 0
    fraction: int = 0
    range_bits: int | None = None

    def __str__(self) -> str:
        return self.kind if self.kind in ("bit", "index") else f"{self.kind}<{self.width}, {self.fraction}>"


def check_dtype(value: Any, dtype: np.dtype[Any], name: str) -> None:
    """Checks an argument whose dtype was taken for `dtype`, as JAX takes int64 for int32.

    Raises:
        RangeError: an integer is beyond it, or a float is NaN or +inf (-inf is a mask); names the argument.
    """
    array = np.asarray(value)
    if dtype.kind == "i":
        limits = np.iinfo(dtype)
        if not (limits.min <= array.min(initial=0) and array.max(initial=0) <= limits.max):
            raise RangeError(
                f"argument {name} holds an integer beyond its dtype {dtype}; scale it or use a wider dtype"
            )
    if dtype.kind == "f" and np.any(np.isnan(array) | np.isposinf(array)):
        raise RangeError(f"argument {name} holds NaN or infinity, which no ring can; replace it before the call")


def encode_argument(value: Any, type: ValueType, name: str) -> Encoded:
    """Encodes an array for a program's input: floats become round(x * 2^fraction), booleans 0 and 1.

    Raises:
        RangeError: a number does not fit; names the argument. Masks among public floats are saturated instead.
    """
    array = np.asarray(value)
    if type.kind == "index":
        return array.astype(np.int64)
    if type.kind == "bit":
        return array.astype(np.bool_).astype(np.int64)
    if type.kind == "public" and array.dtype.kind == "f":
        array = np.where(array <= -MASK_FROM, -MASK, array)
    if array.dtype.kind in "biu" and type.fraction == 0:
        scaled = array.astype(np.int64)
    else:
        scaled = np.rint(np.ldexp(array.astype(np.float64), type.fraction))
    bits = type.width - 1 if type.range_bits is None else min(type.range_bits, type.width - 1)
    least = -(2**bits) if type.range_bits is None else 1 - 2**bits
    # Python compares integers with floats exactly, and NaN with nothing.
    if not (least <= scaled.min(initial=0).item() and scaled.max(initial=0).item() < 2**bits):
        raise RangeError(
            f"argument {name} holds NaN or too large a number, for {type} takes less than "
            f"{2.0 ** (bits - type.fraction):g} here: scale the argument or pass it in a wider dtype"
        )
    return np.asarray(scaled, np.int64)


def decode_result(encoded: Encoded, type: ValueType, dtype: np.dtype[Any]) -> Array:
    """Decodes an output: signed integers mod 2^width, divided by 2^fraction, in `dtype`."""
    if type.kind == "bit":
        return (encoded & 1).astype(dtype)
    shift = np.int64(64 - type.width)
    signed = np.right_shift(np.left_shift(encoded, shift), shift)
    if dtype.kind in "biu":
        return np.asarray(signed >> type.fraction).astype(dtype)
    return decode(np.asarray(signed), type.fraction).astype(dtype)
