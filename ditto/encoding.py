"""Real numbers as ring integers and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# The largest power of two a public number may have as an integer; the ring ends at 2^63.
LARGEST = 62


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
