"""NumPy kernels of elementwise PPHLO operations, by operation name.

Every kernel takes the operands' arrays and returns the result in whatever dtype NumPy gives; the interpreter rounds it
to the dtype of the operation's result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ditto.dialects.dense import Array
from ditto.interpreter import bits

Kernel = Callable[..., Any]


def _divide(a: Array, b: Array) -> Any:
    if np.result_type(a, b).kind in "fc":
        return a / b
    # Integers divide toward zero; by zero, as XLA has it, all bits of the quotient are set.
    by = np.where(b == 0, 1, b).astype(b.dtype)
    return np.where(b == 0, ~np.zeros_like(a), (a - np.fmod(a, by)) // by)


def _remainder(a: Array, b: Array) -> Any:
    # Of integers by zero: all of a.
    return np.fmod(a, b) if np.result_type(a, b).kind == "f" else np.where(b == 0, a, np.fmod(a, b))


def _complex(real: Array, imaginary: Array) -> Any:
    # Not real + i imaginary: infinity times i has no real part.
    result = np.empty(real.shape, np.result_type(real, np.complex64))
    result.real, result.imag = real, imaginary
    return result


def _round_away(x: Array) -> Any:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def _power(a: Array, b: Array) -> Any:
    if np.result_type(a, b).kind not in "iu":
        return np.power(a, b)
    # A power of an integer with a negative exponent is a fraction: its whole part.
    whole = np.power(a, np.maximum(b, 0))
    return np.where(b >= 0, whole, np.where(a == 1, 1, np.where(a == -1, 1 - 2 * (b & 1), 0)))


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
    "pphlo.complex": _complex,
    "pphlo.cosine": np.cos,
    "pphlo.exponential": np.exp,
    "pphlo.exponential_minus_one": np.expm1,
    "pphlo.floor": np.floor,
    "pphlo.imag": np.imag,
    "pphlo.log": np.log,
    "pphlo.log_plus_one": np.log1p,
    "pphlo.logistic": lambda x: 1 / (1 + np.exp(-x)),
    "pphlo.negate": np.negative,
    "pphlo.not": np.invert,
    "pphlo.real": np.real,
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
    "pphlo.atan2": np.arctan2,
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
    "pphlo.power": _power,
    "pphlo.remainder": _remainder,
    "pphlo.shift_left": bits.shift_left,
    "pphlo.shift_right_arithmetic": bits.shift_right_arithmetic,
    "pphlo.shift_right_logical": bits.shift_right_logical,
    "pphlo.subtract": np.subtract,
    "pphlo.xor": np.bitwise_xor,
    "pphlo.select": np.where,
    "pphlo.clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
}
