"""NumPy kernels of elementwise PPHLO operations, by operation name.

Every kernel takes the operands' arrays and returns the result in whatever dtype NumPy gives; the interpreter rounds it
to the dtype of the operation's result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ditto.dialects.dense import Array

Kernel = Callable[..., Any]


def _divide(a: Array, b: Array) -> Any:
    if np.result_type(a, b).kind == "f":
        return a / b
    # Integers divide toward zero.
    return (a - np.fmod(a, b)) // b


def _round_away(x: Array) -> Any:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def _shift_left(x: Array, bits: Array) -> Any:
    return np.where(_in_word(x, bits), np.left_shift(x, _masked(x, bits)), 0)


def _shift_right_logical(x: Array, bits: Array) -> Any:
    unsigned = x.view(np.dtype(f"u{x.dtype.itemsize}"))
    shifted = np.right_shift(unsigned, _masked(x, bits).astype(unsigned.dtype))
    return np.where(_in_word(x, bits), shifted.view(x.dtype), 0)


def _shift_right_arithmetic(x: Array, bits: Array) -> Any:
    width = 8 * x.dtype.itemsize
    return np.right_shift(x, np.where(_in_word(x, bits), bits, width - 1).astype(x.dtype))


def _in_word(x: Array, bits: Array) -> Any:
    return (bits >= 0) & (bits < 8 * x.dtype.itemsize)


def _masked(x: Array, bits: Array) -> Any:
    # NumPy leaves a shift by the width or more undefined.
    return (bits & (8 * x.dtype.itemsize - 1)).astype(x.dtype)


def _multiply(a: Array, b: Array) -> Any:
    # A bit times a number selects: nothing, not NaN, comes from zero times infinity.
    if a.dtype == np.bool_ and b.dtype != np.bool_:
        return np.where(a, b, b.dtype.type(0))
    if b.dtype == np.bool_ and a.dtype != np.bool_:
        return np.where(b, a, a.dtype.type(0))
    return np.multiply(a, b)


KERNELS: dict[str, Kernel] = {
    "pphlo.abs": np.abs,
    "pphlo.ceil": np.ceil,
    "pphlo.cosine": np.cos,
    "pphlo.exponential": np.exp,
    "pphlo.exponential_minus_one": np.expm1,
    "pphlo.floor": np.floor,
    "pphlo.log": np.log,
    "pphlo.log_plus_one": np.log1p,
    "pphlo.logistic": lambda x: 1 / (1 + np.exp(-x)),
    "pphlo.negate": np.negative,
    "pphlo.not": np.invert,
    "pphlo.reciprocal": np.reciprocal,
    "pphlo.round_nearest_afz": _round_away,
    "pphlo.round_nearest_even": np.rint,
    "pphlo.rsqrt": lambda x: 1 / np.sqrt(x),
    "pphlo.sign": np.sign,
    "pphlo.sine": np.sin,
    "pphlo.sqrt": np.sqrt,
    "pphlo.tanh": np.tanh,
    "pphlo.add": np.add,
    "pphlo.and": np.bitwise_and,
    "pphlo.broadcast_as": lambda a, b: np.broadcast_to(a, b.shape),
    "pphlo.divide": _divide,
    "pphlo.equal": np.equal,
    "pphlo.greater": np.greater,
    "pphlo.greater_equal": np.greater_equal,
    "pphlo.less": np.less,
    "pphlo.less_equal": np.less_equal,
    "pphlo.maximum": np.maximum,
    "pphlo.minimum": np.minimum,
    "pphlo.multiply": _multiply,
    "pphlo.not_equal": np.not_equal,
    "pphlo.or": np.bitwise_or,
    "pphlo.power": np.power,
    "pphlo.remainder": np.fmod,
    "pphlo.shift_left": _shift_left,
    "pphlo.shift_right_arithmetic": _shift_right_arithmetic,
    "pphlo.shift_right_logical": _shift_right_logical,
    "pphlo.subtract": np.subtract,
    "pphlo.xor": np.bitwise_xor,
    "pphlo.select": np.where,
    "pphlo.clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
}
