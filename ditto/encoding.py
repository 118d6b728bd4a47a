"""Real numbers as ring integers and back, masks included."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

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
