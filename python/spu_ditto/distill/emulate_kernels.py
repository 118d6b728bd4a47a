"""Ring operations in floating point JAX, as the engine rounds them, with gradients.

A value is x * 2^fraction as in `ditto.interpreter.exact`, in JAX's default float, and a whole number wherever the
engine has one. A rounding has the gradient of the identity (straight through; Bengio et al., arXiv 1308.3432);
everything else has the gradient of what it computes on real numbers. What only moves numbers, adds or multiplies them
takes its kernel from `ditto.interpreter.ring_kernels`, which does the same to arrays of any kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import erf
from xdsl.ir import Operation

from ditto import _core
from ditto.dialects import ring
from ditto.dialects.traits import Floors, Local, TakesPositive, Truncates
from ditto.interpreter.ring_kernels import kernel


@dataclass(frozen=True)
class OneHot:
    """Rows that are 1 at one place each, until somebody needs them: a product with a table looks its rows up."""

    index: jax.Array
    depth: int

    def rows(self) -> jax.Array:
        """What it stands for; zeros where an index is beyond the depth."""
        return jax.nn.one_hot(self.index.astype(jnp.int32), self.depth, dtype=_float())

    def of(self, table: jax.Array) -> jax.Array:
        """The rows of `table` [depth, n] at the indices."""
        index = self.index.astype(jnp.int32)
        found = table[jnp.clip(index, 0, self.depth - 1)]
        return jnp.where(((index >= 0) & (index < self.depth))[..., None], found, 0)


# NumPy arrays are public and known now; others are JAX's, and may be traced.
Value = Any


def _float() -> Any:
    """float64 with jax_enable_x64, else float32."""
    return jnp.result_type(float)


def number(value: Value) -> jax.Array:
    """A public or secret number in JAX's default float."""
    return jnp.asarray(value, _float())


def _straight_through(function: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], jax.Array]:
    """A rounding with the gradient of the identity."""
    rounded = jax.custom_jvp(function)
    rounded.defjvps(lambda tangent, _, x: tangent)
    return rounded


_floor = _straight_through(jnp.floor)
nearest = _straight_through(jnp.rint)


class Rounding:
    """How numbers become whole.

    Without a key to the nearest. With one by the engine's coins: a number opened by a protocol becomes one of the two
    whole ones beside it, the likelier the closer (truncate.h), and what every party shifts on its own gets three
    roundings, which come to two coins and half a unit (linear.h). The dealer's own rounding, an eighth of a unit, and
    what is special to a function's protocol are left out.

    Coins of 16 bits are drawn once, twice as many as the largest rounding needs, and each rounding begins at a random
    one: those of one rounding are independent. XLA would take three times as long to compile draws for each.

    Args:
        key: of the coins.
        ops: the operations that there are.
    """

    def __init__(self, key: jax.Array | None, ops: Sequence[Operation]) -> None:
        self._pool: jax.Array | None = None
        if key is not None:
            sizes = [math.prod(ring.shape(op.results[0])) for op in ops for _ in range(_coins(op))]
            largest = max(sizes, default=0)
            bits, places = jax.random.split(key)
            self._pool = jax.random.bits(bits, (2 * largest,), jnp.uint16)
            self._starts = iter(jax.random.randint(places, (len(sizes),), 0, largest + 1))

    def __call__(self, x: jax.Array, coins: int) -> jax.Array:
        """x rounded by one coin, or by two."""
        if self._pool is None:
            return _floor(x + 0.5)
        offset = x - 0.5 * (coins - 1)
        for _ in range(coins):
            drawn = lax.dynamic_slice(self._pool, (next(self._starts),), (x.size,)).reshape(x.shape)
            offset += (drawn.astype(x.dtype) + 0.5) * 2.0**-16
        return _floor(offset)


def _coins(op: Operation) -> int:
    """How many coins each element of the result takes."""
    if not isinstance(op, ring.RingOp):
        return 0
    if ring.short_name(op) in FUNCTIONS or isinstance(op, ring.ReroundOp):
        return 1
    if not op.has_trait(Truncates) or op.has_trait(Floors) or not op.get("shift"):
        return 0
    return 2 if op.has_trait(Local) else 1


def run(op: Operation, operands: Sequence[Value], rounding: Rounding) -> Value:
    """The result of one operation of a finished program."""
    if not isinstance(op, ring.RingOp) or (ring.is_public(op.result) and _known(operands)):
        return kernel(op)(op, *operands)
    name = ring.short_name(op)
    if name in _ON_ONE_HOTS:
        return _ON_ONE_HOTS[name](op, *operands, rounding)
    values = [_taken(op, n, value) for n, value in enumerate(operands)]
    if name in FUNCTIONS:
        return rounding(_function(op, values), _coins(op))
    made: Callable[..., Any] = _KERNELS.get(name) or kernel(op)
    return _settled(op, made(op, *values), rounding)


def _known(operands: Sequence[Value]) -> bool:
    return all(isinstance(value, np.ndarray | np.generic) for value in operands)


def _taken(op: ring.RingOp, n: int, value: Value) -> Value:
    """An operand as kernels take it."""
    if isinstance(value, OneHot):
        return value.rows()
    if isinstance(op, ring.TakeOp) and n == 1:
        return jnp.asarray(value, jnp.int32)
    argument = op.arguments[n]
    return jnp.asarray(value) if ring.is_bit(argument) or ring.is_public_bit(argument) else number(value)


def _settled(op: ring.RingOp, result: jax.Array, rounding: Rounding) -> jax.Array:
    """Wraps of integer dtypes, and the truncation."""
    if (bits := op.get("wrap")) is not None:
        result = _wrapped(result, bits)
    if not (op.has_trait(Truncates) or isinstance(op, ring.ReroundOp)) or not (shift := op.get("shift")):
        return result
    result = result * 2.0**-shift
    return _floor(result) if op.has_trait(Floors) else rounding(result, _coins(op))


def _wrapped(x: jax.Array, bits: int) -> jax.Array:
    # Small numbers stay what they are to the last bit.
    return x - 2.0**bits * lax.stop_gradient(jnp.floor(x * 2.0**-bits + 0.5))


# ------------------------------------------------------------------------------------------------ one-hots and products


def _matmul(op: ring.RingOp, lhs: Value, rhs: Value, rounding: Rounding) -> jax.Array:
    if isinstance(lhs, OneHot) and lhs.index.shape[0] == 1:
        return _settled(op, lhs.of(_taken(op, 1, rhs)[0]), rounding)
    return _settled(op, _product(_taken(op, 0, lhs), _taken(op, 1, rhs)), rounding)


def _product(x: jax.Array, y: jax.Array) -> jax.Array:
    # XLA has a quicker product without batches.
    if x.shape[0] == 1:
        return jnp.matmul(x[0], y[0], precision=lax.Precision.HIGHEST)[None]
    return jnp.matmul(x, y, precision=lax.Precision.HIGHEST)


def _reshape(op: ring.RingOp, x: Value, rounding: Rounding) -> Value:
    result = ring.shape(op.result)
    if isinstance(x, OneHot):
        if result and result[-1] == x.depth:
            return OneHot(x.index.reshape(result[:-1]), x.depth)
        x = x.rows()
    return _taken(op, 0, x).reshape(result)


_ON_ONE_HOTS: dict[str, Callable[..., Value]] = {
    "one_hot": lambda op, index, rounding: OneHot(index, op.get("depth")),
    "matmul": _matmul,
    "reshape": _reshape,
}


# ------------------------------------------------------------------------------------------------ real functions


def _within(op: ring.RingOp, x: jax.Array) -> jax.Array:
    """The last operand, cut to where the function is defined: beyond it the engine's result is any number."""
    [positive] = op.get_traits_of_type(TakesPositive)
    fraction = ring.fraction(op.arguments[-1])
    return jnp.clip(x, math.ldexp(max(0, positive.least(op.get("lo"), fraction)), -fraction), 2.0 ** op.get("hi"))


def _sqrt(op: ring.RingOp, x: jax.Array) -> jax.Array:
    # The slope at zero is infinite.
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, _within(op, x), 1)), 0)


def _polynomial(op: ring.RingOp, x: jax.Array) -> jax.Array:
    result = jnp.zeros_like(x)
    for coefficient in reversed(op.get("coefficients")):
        result = result * x + coefficient
    return result


def _sine(op: ring.RingOp, x: jax.Array) -> jax.Array:
    cosine, sine = op.get("amplitudes")
    wave: jax.Array = cosine * jnp.cos(x) + sine * jnp.sin(x)
    return wave


def _gelu(op: ring.RingOp, x: jax.Array) -> jax.Array:
    """The protocol's pieces, with the slope of GELU itself: up to 12 fraction bits they are two units away from it.

    What the protocol takes for the bounds lies within half a unit below them; here it is the middle of that.
    """
    low, high, constant, cosines = _core.gelu_pieces(ring.fraction(op.result))
    between = 0.5 * x + constant + sum(amplitude * jnp.cos(frequency * x) for frequency, amplitude in cosines)
    made = jnp.where(x < low - 0.25, 0, jnp.where(x < high - 0.25, between, x))
    real: jax.Array = x * 0.5 * (1 + erf(x * math.sqrt(0.5)))
    return real + lax.stop_gradient(made - real)


FUNCTIONS: dict[str, Callable[..., jax.Array]] = {
    "exp": lambda op, x: jnp.exp(jnp.minimum(x, math.ldexp(op.get("slack"), -ring.fraction(op.arguments[0])))),
    "exp_below": lambda op, x: jnp.exp(jnp.minimum(x, op.get("hi"))),
    "divide": lambda op, x, y: x / _within(op, y),
    "reciprocal": lambda op, x: 1 / _within(op, x),
    "rsqrt": lambda op, x: 1 / jnp.sqrt(_within(op, x)),
    "sqrt": _sqrt,
    "log": lambda op, x: jnp.log(_within(op, x)),
    "tanh": lambda op, x: jnp.tanh(x),
    "gelu": _gelu,
    "sine": _sine,
    "polynomial": _polynomial,
}


def _function(op: ring.RingOp, operands: Sequence[jax.Array]) -> jax.Array:
    """A function of real numbers on scaled ones, not rounded."""
    reals = (x * 2.0 ** -ring.fraction(value) for x, value in zip(operands, op.arguments, strict=True))
    result: jax.Array = FUNCTIONS[ring.short_name(op)](op, *reals) * 2.0 ** ring.fraction(op.result)
    return result


# ------------------------------------------------------------------------------------------------ the others


def _encode(op: ring.RingOp, numbers: jax.Array) -> jax.Array:
    if (mask := op.get("mask")) is not None:
        numbers = jnp.clip(numbers, -(2.0**mask), 2.0**mask)
    return nearest(numbers * 2.0 ** op.get("fraction"))


def _broadcast(op: ring.RingOp, x: jax.Array) -> jax.Array:
    return lax.broadcast_in_dim(x, ring.shape(op.result), op.get("dims"))


def _pad(op: ring.RingOp, x: jax.Array) -> jax.Array:
    edges = list(zip(op.get("low"), op.get("high"), op.get("interior"), strict=True))
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _take(op: ring.RingOp, x: jax.Array, index: jax.Array) -> jax.Array:
    found = x.reshape(-1)[jnp.maximum(index, 0)]
    return jnp.where(index >= 0, found, jnp.zeros((), x.dtype))


def _conv(op: ring.RingOp, image: jax.Array, weights: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(
        image,
        weights,
        op.get("strides"),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )


def _to_bits(op: ring.RingOp, x: jax.Array) -> jax.Array:
    places = number(2.0 ** -np.arange(op.get("bits"))).reshape(-1, *[1] * x.ndim)
    return jnp.floor(x * places) % 2 != 0


def _from_bits(op: ring.RingOp, b: jax.Array) -> jax.Array:
    return jnp.tensordot(number(2.0 ** np.arange(len(b))), number(b), 1, precision=lax.Precision.HIGHEST)


_KERNELS: dict[str, Callable[..., jax.Array]] = {
    "encode": _encode,
    "shl": lambda op, x: x * 2.0 ** op.get("bits"),
    "extend": lambda op, x: _wrapped(x, op.get("bits")),
    # The rounding is `_settled`'s.
    "reround": lambda op, x: x,
    "broadcast": _broadcast,
    "concat": lambda op, *parts: jnp.concatenate(parts, op.get("dim")),
    "pad": _pad,
    "reverse": lambda op, x: jnp.flip(x, op.get("dims")),
    "take": _take,
    "matmul_public": lambda op, x, y: _product(x, y),
    "conv": _conv,
    "abs": lambda op, x: jnp.abs(x),
    "bit_to_fxp": lambda op, x: number(x),
    "parity": lambda op, x: x % 2 != 0,
    "to_bits": _to_bits,
    "from_bits": _from_bits,
    "bit_mul": lambda op, c, x: jnp.where(c, x, 0),
    "select": lambda op, c, x, y: lax.select(c, x, y),
    "argmax": lambda op, x: number(jnp.argmax(x, op.get("axis"))),
}
