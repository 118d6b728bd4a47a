"""NumPy kernels of PPHLO operations on the bits of integers; all dtypes, signed ones in two's complement."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerAttr

from ditto.dialects import pphlo
from ditto.dialects.dense import Array


def shift_left(x: Array, bits: Array) -> Any:
    return np.where(_in_word(x, bits), np.left_shift(x, _masked(x, bits)), 0)


def shift_right_logical(x: Array, bits: Array) -> Any:
    unsigned = x.view(np.dtype(f"u{x.dtype.itemsize}"))
    shifted = np.right_shift(unsigned, _masked(x, bits).astype(unsigned.dtype))
    return np.where(_in_word(x, bits), shifted.view(x.dtype), 0)


def shift_right_arithmetic(x: Array, bits: Array) -> Any:
    signed = x.view(np.dtype(f"i{x.dtype.itemsize}"))
    width = 8 * x.dtype.itemsize
    return np.right_shift(signed, np.where(_in_word(x, bits), bits, width - 1).astype(signed.dtype)).view(x.dtype)


def _in_word(x: Array, bits: Array) -> Any:
    return (bits >= 0) & (bits < 8 * x.dtype.itemsize)


def _masked(x: Array, bits: Array) -> Any:
    # NumPy leaves a shift by the width or more undefined.
    return (bits & (8 * x.dtype.itemsize - 1)).astype(x.dtype)


def population_count(op: pphlo.PopcntOp, x: Array) -> Array:
    """How many bits of every element are set, of so many low ones if the operation says so."""
    low = op.attributes.get("bits")
    if isinstance(low, IntegerAttr) and low.value.data < 8 * x.dtype.itemsize:
        x = x & x.dtype.type((1 << low.value.data) - 1)
    words = np.ascontiguousarray(x).reshape(-1, 1).view(np.uint8)
    return np.asarray(np.unpackbits(words, axis=-1).sum(-1).reshape(x.shape))
