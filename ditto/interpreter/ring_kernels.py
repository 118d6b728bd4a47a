"""NumPy kernels of the ring operations on plain integers (int64, signed), one per operation name.

Truncations round down, functions are computed in float64 and rounded: the engine stays within a unit or two of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf
from xdsl.ir import Operation

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.encoding import encode

Kernel = Callable[..., Array]

# What stands for infinity as long as no pass has said how large it has to be, and the integers that do.
_INFINITY, _INFINITE = 24, 2.0**60
# Products of integers are exact in float64, where BLAS is quick, up to this size.
_EXACT = 2.0**53


def _encode(op: ring.RingOp, numbers: Array) -> Array:
    fraction, mask = op.get("fraction"), op.get("mask")
    if mask is None:
        infinite = np.abs(numbers) >= np.ldexp(_INFINITE, -fraction)
        numbers = np.where(infinite, np.copysign(2.0**_INFINITY, numbers), numbers)
    return encode(numbers, fraction, mask)


def matmul(lhs: Array, rhs: Array) -> Array:
    """lhs @ rhs modulo 2^64."""
    size = float(np.max(np.abs(lhs), initial=0)) * float(np.max(np.abs(rhs), initial=0)) * lhs.shape[-1]
    if size < _EXACT:
        product: Array = (lhs.astype(np.float64) @ rhs.astype(np.float64)).astype(np.int64)
        return product
    return np.asarray(np.matmul(lhs, rhs))


def conv(op: ring.RingOp, image: Array, kernel: Array, product: Callable[..., Array] = matmul) -> Array:
    """[N, H, W, C] with [KH, KW, C, O] as a product of patches."""
    windows: Array = sliding_window_view(image, kernel.shape[:2], (1, 2))  # type: ignore[call-overload]
    vertical, horizontal = op.get("strides")
    windows = windows[:, ::vertical, ::horizontal]
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(*windows.shape[:3], -1)
    flat = product(patches.reshape(-1, patches.shape[-1]), kernel.reshape(-1, kernel.shape[-1]))
    return flat.reshape(*windows.shape[:3], -1)


def signed(x: Array, width: int) -> Array:
    """x modulo 2^width, as a signed integer."""
    if width >= 64:
        return x
    move = np.int64(64 - width)
    return np.asarray(np.right_shift(np.left_shift(x, move), move))


def _transpose(op: ring.RingOp, x: Array) -> Array:
    return x.transpose(op.get("perm")) if op.get("perm") else x


def _broadcast(op: ring.RingOp, x: Array) -> Array:
    result, dims = ring.shape(op.result), op.get("dims")
    extents = [1] * len(result)
    for extent, dim in zip(x.shape, dims):
        extents[dim] = extent
    return np.broadcast_to(x.transpose(np.argsort(dims)).reshape(extents) if dims else x.reshape(extents), result)


def _slice(op: ring.RingOp, x: Array) -> Array:
    return x[tuple(slice(*bounds) for bounds in zip(op.get("start"), op.get("limit"), op.get("stride")))]


def _pad(op: ring.RingOp, x: Array) -> Array:
    edges = list(zip(x.shape, op.get("low"), op.get("high"), op.get("interior")))
    spans = [n + max(0, n - 1) * interior for n, _, _, interior in edges]
    whole = np.zeros([max(low, 0) + s + max(high, 0) for s, (_, low, high, _) in zip(spans, edges)], x.dtype)
    inside = (slice(max(low, 0), max(low, 0) + s, i + 1) for s, (_, low, _, i) in zip(spans, edges))
    whole[tuple(inside)] = x
    cut = (slice(max(-low, 0), n - max(-high, 0)) for n, (_, low, high, _) in zip(whole.shape, edges))
    return whole[tuple(cut)]


def _take(op: ring.RingOp, x: Array, index: Array) -> Array:
    flat = np.append(x.reshape(-1), np.zeros(1, x.dtype))
    return np.asarray(flat[index])


def _one_hot(op: ring.RingOp, x: Array) -> Array:
    return np.asarray(x[..., None] == np.arange(op.get("depth"))).astype(np.int64)


def _places(count: int, ndim: int) -> Array:
    return np.arange(count, dtype=np.int64).reshape(-1, *[1] * ndim)


def _to_bits(op: ring.RingOp, x: Array) -> Array:
    return np.asarray(x.astype(np.int64) >> _places(op.get("bits"), x.ndim) & 1 != 0)


def _from_bits(op: ring.RingOp, b: Array) -> Array:
    return np.asarray((b.astype(np.int64) << _places(len(b), b.ndim - 1)).sum(0))


def real_function(function: Kernel, op: ring.RingOp, operands: Sequence[Array]) -> Array:
    """A function of real numbers on operands in units of 2^-fraction: the result likewise, in float64, not rounded."""
    reals = (np.ldexp(x.astype(np.float64), -ring.fraction(value)) for x, value in zip(operands, op.arguments))
    with np.errstate(all="ignore"):
        return np.ldexp(function(op, *reals), ring.fraction(op.result))


def _function(function: Kernel) -> Kernel:
    def kernel(op: ring.RingOp, *operands: Array) -> Array:
        value = real_function(function, op, operands)
        return np.asarray(np.rint(np.nan_to_num(np.clip(value, -(2.0**62), 2.0**62))).astype(np.int64))

    return kernel


def _polynomial(op: ring.RingOp, x: Array) -> Array:
    result = np.zeros_like(x)
    for coefficient in reversed(op.get("coefficients")):
        result = result * x + coefficient
    return result


# Functions of real numbers.
FUNCTIONS: dict[str, Kernel] = {
    "exp": lambda op, x: np.exp(x),
    "exp_below": lambda op, x: np.exp(x),
    "divide": lambda op, x, y: x / y,
    "reciprocal": lambda op, x: 1 / x,
    "rsqrt": lambda op, x: 1 / np.sqrt(x),
    "sqrt": lambda op, x: np.sqrt(np.maximum(x, 0)),
    "log": lambda op, x: np.log(x),
    "tanh": lambda op, x: np.tanh(x),
    "gelu": lambda op, x: x * 0.5 * (1 + erf(x * np.sqrt(0.5))),
    "sine": lambda op, x: op.get("amplitudes")[0] * np.cos(x) + op.get("amplitudes")[1] * np.sin(x),
    "polynomial": _polynomial,
}


def _normalise(op: ring.RingOp, x: Array) -> Array:
    dims = tuple(op.get("dims"))
    return np.asarray((x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + op.get("eps")))


FUNCTIONS["normalise"] = _normalise

KERNELS: dict[str, Kernel] = {
    "constant": lambda op: op.numpy(),
    "encode": _encode,
    "add": lambda op, x, y: x + y,
    "sub": lambda op, x, y: x - y,
    "neg": lambda op, x: -x,
    "add_public": lambda op, x, p: x + p,
    "mul_public": lambda op, x, p: x * p,
    "shl": lambda op, x: x << op.get("bits"),
    "relabel": lambda op, x: x,
    "wrap": lambda op, x: x,
    "narrow": lambda op, x: x,
    "up_cast": lambda op, x: x,
    "extend": lambda op, x: signed(x, op.get("bits")),
    "convert": lambda op, x: x >> (ring.fraction(op.arguments[0]) - ring.fraction(op.result)),
    "down_cast": lambda op, x: x,
    # The truncation itself is the interpreters'.
    "floor_shift": lambda op, x: x,
    "reround": lambda op, x: x >> op.get("shift"),
    "reshape": lambda op, x: x.reshape(ring.shape(op.result)),
    "transpose": _transpose,
    "broadcast": _broadcast,
    "slice": _slice,
    "concat": lambda op, *parts: np.concatenate(parts, op.get("dim")),
    "pad": _pad,
    "reverse": lambda op, x: np.flip(x, op.get("dims")),
    "take": _take,
    "sum": lambda op, x: x.sum(tuple(op.get("dims"))),
    "matmul_public": lambda op, x, p: matmul(x, p),
    "matmul": lambda op, x, y: matmul(x, y),
    "mul": lambda op, x, y: x * y,
    "square": lambda op, x: x * x,
    "conv": conv,
    "msb": lambda op, x: x < 0,
    "abs": lambda op, x: np.abs(x),
    "equal_zero": lambda op, x: x == 0,
    "bit_xor": lambda op, x, y: x ^ y,
    "bit_not": lambda op, x: ~x,
    "bit_and": lambda op, x, y: x & y,
    "bit_xor_public": lambda op, x, p: x ^ (p != 0),
    "bit_and_public": lambda op, x, p: x & (p != 0),
    "bit_to_fxp": lambda op, x: x.astype(np.int64),
    "parity": lambda op, x: x.astype(np.int64) % 2 != 0,
    "to_bits": _to_bits,
    "from_bits": _from_bits,
    "bit_mul": lambda op, c, x: np.where(c, x, 0),
    "select": lambda op, c, x, y: np.where(c, x, y),
    "max": lambda op, x: x.max(op.get("axis")),
    "argmax": lambda op, x: x.argmax(op.get("axis")).astype(np.int64),
    "one_hot": _one_hot,
    "require_range": lambda op, x: x,
    "require_sums": lambda op, e, y, r: e,
    "require_false": lambda op, x: x,
    **{name: _function(function) for name, function in FUNCTIONS.items()},
}


def kernel(op: Operation) -> Kernel:
    """The kernel of an operation: takes it and the arrays of its operands."""
    return KERNELS[ring.short_name(op)]
