"""Real numbers as ring integers and back; arguments and results, exactly as the parties read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ditto.errors import RangeError

Array = NDArray[Any]
Encoded = NDArray[np.int64]

# The largest power of two a public number may have as an integer; the ring ends at 2^63.
LARGEST = 62
# The greatest float16: from here on a number may stand for infinity.
MASK_FROM = 65504.0


def clip_mask(numbers: Array, mask: int | None) -> Array:
    """Numbers cut to [-2^mask, 2^mask]: what stands for infinity where only an order or an exponential is asked for."""
    return numbers if mask is None else np.clip(numbers, -(2.0**mask), 2.0**mask)


def encode(numbers: Array, fraction: int, mask: int | None = None) -> Array:
    """Real numbers as int64 round(x * 2^fraction); with `mask`, those beyond 2^mask are cut to it first.

    Raises:
        ValueError: a number is NaN, or too large for a 64-bit ring.
    """
    scaled = np.ldexp(clip_mask(np.asarray(numbers, np.float64), mask), fraction)
    # NaN fails every comparison.
    if not np.all(np.abs(scaled) < 2.0**LARGEST):
        raise ValueError(f"a public number is NaN or too large for a 64-bit ring with {fraction} fraction bits")
    return np.asarray(np.rint(scaled).astype(np.int64))


def decode(integers: Array, fraction: int) -> Array:
    """Ring integers as float64."""
    return np.ldexp(integers.astype(np.float64), -fraction)


@dataclass(frozen=True)
class ValueType:
    """Type of a program's input or output.

    "fxp" is a secret integer x mod 2^width that means x / 2^fraction, "bit" a secret boolean; "public" is a real number
    that enters as the integer x 2^fraction, "index" a public integer that enters as it is. `range_bits` B promises
    |integer| < 2^B (where there is no fraction, -2^B is let in), of a public number |x| < 2^B; None promises nothing
    beyond the width. Public numbers beyond 2^mask are cut to it: they stand for infinity there. In a result, what is
    beyond 2^(mask-1) is one of `infinities`.
    """

    kind: Literal["fxp", "bit", "public", "index"]
    shape: tuple[int, ...]
    width: int = 0
    fraction: int = 0
    range_bits: int | None = None
    mask: int | None = None
    infinities: tuple[float, float] | None = None

    def __str__(self) -> str:
        return self.kind if self.kind in ("bit", "index") else f"{self.kind}<{self.width}, {self.fraction}>"


def check_dtype(value: Any, dtype: np.dtype[Any], name: str) -> None:
    """Checks an argument whose dtype was taken for `dtype`, as JAX takes int64 for int32.

    Raises:
        RangeError: an integer is beyond it, or a float is NaN or +inf (-inf is a mask); names the argument.
    """
    array = np.asarray(value)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not (limits.min <= array.min(initial=0) and array.max(initial=0) <= limits.max):
            raise RangeError(
                f"argument {name} holds an integer beyond its dtype {dtype}; scale it, or set jax_enable_x64, with "
                "which JAX takes 64-bit integers as they are"
            )
    if dtype.kind == "f" and np.any(np.isnan(array) | np.isposinf(array)):
        raise RangeError(f"argument {name} holds NaN or infinity, which no ring can; replace it before the call")


def encode_argument(value: Any, type: ValueType, name: str) -> Encoded:
    """Encodes an array for a program's input: floats become round(x * 2^fraction), booleans 0 and 1.

    Raises:
        RangeError: a number does not fit; names the argument.
    """
    array = np.asarray(value)
    if array.dtype.kind == "u" and type.fraction == 0:
        # In a ring unsigned integers are the signed ones of the same bits.
        array = array.view(f"i{array.dtype.itemsize}")
    if type.kind == "index":
        return array.astype(np.int64)
    if type.kind == "bit":
        return array.astype(np.bool_).astype(np.int64)
    if type.kind == "public":
        return _encode_public(array, type, name)
    if array.dtype.kind in "biu" and type.fraction == 0:
        scaled = array.astype(np.int64)
    else:
        scaled = np.rint(np.ldexp(array.astype(np.float64), type.fraction))
    bits = type.width - 1 if type.range_bits is None else min(type.range_bits, type.width - 1)
    least = -(2**bits) if type.range_bits is None or type.fraction == 0 else 1 - 2**bits
    # Python compares integers with floats exactly, and NaN with nothing.
    if not (least <= scaled.min(initial=0).item() and scaled.max(initial=0).item() < 2**bits):
        raise RangeError(
            f"argument {name} holds NaN or too large a number, for {type} takes less than "
            f"{2.0 ** (bits - type.fraction):g} here: state its magnitude in ranges=, calibrate on it, or scale it"
        )
    return np.asarray(scaled, np.int64)


def _encode_public(array: Array, type: ValueType, name: str) -> Encoded:
    if array.dtype.kind in "biu" and type.fraction == 0 and type.range_bits is None:
        return array.astype(np.int64)
    numbers = array.astype(np.float64)
    limit = 2.0 ** (LARGEST - type.fraction if type.range_bits is None else type.range_bits)
    if type.mask is not None:
        limit = max(limit, 2.0**type.mask + 1)
        numbers = np.where(np.abs(numbers) >= max(limit, MASK_FROM), clip_mask(numbers, type.mask), numbers)
    if not np.all(np.abs(numbers) < limit):
        raise RangeError(
            f"argument {name} holds NaN, or a number of magnitude {limit:g} or more, for which the program was not "
            "compiled: state its magnitude in ranges=, or, if secrets are divided by it, keep it below 2^13"
        )
    return encode(numbers, type.fraction)


def decode_result(encoded: Encoded, type: ValueType, dtype: np.dtype[Any], name: str = "") -> Array:
    """Decodes an output: signed integers mod 2^width, divided by 2^fraction, in `dtype`.

    Raises:
        RangeError: a number is beyond the dtype's greatest; tells the result's `name`.
    """
    if type.kind == "bit":
        return (encoded & 1).astype(dtype)
    shift = np.int64(64 - type.width)
    signed = np.right_shift(np.left_shift(encoded, shift), shift)
    if dtype.kind in "biu":
        return np.asarray(signed >> type.fraction).astype(dtype)
    numbers = decode(np.asarray(signed), type.fraction)
    infinite = np.zeros(numbers.shape, np.bool_)
    if type.infinities is not None and type.mask is not None:
        half, (below, above) = 2.0 ** (type.mask - 1), type.infinities
        infinite = np.abs(numbers) >= half
        numbers = np.where(numbers <= -half, below, np.where(numbers >= half, above, numbers))
    if dtype.kind == "f" and np.any((np.abs(numbers) > np.finfo(dtype).max) & ~infinite):
        raise RangeError(f"the result{name and f' {name}'} is beyond its dtype {dtype}; compute it in float32")
    return numbers.astype(dtype)
