"""What a JAX program may give on shares: for every element the exact value and an interval around it.

    [enclosed] = enclose(fn, x, w)
    enclosed.holds(result)          # which elements of a result lie inside

Every operation of the traced program is evaluated in float64 on intervals (by monotonicity, so that nothing is lost but
the correlation of errors), and adds the error that its protocol states. A comparison of intervals that overlap may go
either way, and a selection by it gives the union of both branches. An element whose interval is wide says little;
`informative` counts the others, so that a test can insist that there are some.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erf, erfc

from tests.conformance.outcome import RELATIVE, UNIT, UNITS, Array, stated_error

# A public factor has 13 significant bits.
PUBLIC_FACTOR = 2.0**-13
# exp.h rests at 14 fraction bits after a row's maximum.
EXP_UNIT = 2.0**-14
# tanh.h, and half of it for the logistic function.
TANH, LOGISTIC = 0.0025, 0.00125
# A width that still tells something, relative to one or the value.
_NARROW = {np.dtype(np.float16): 0.5}


@dataclass(frozen=True)
class Enclosed:
    """Arrays of one shape: the exact value, and what a run may give at least and at most. `public` ones are exact.

    `unit` is that of the fraction in which a float rests: its dtype's, or coarser where it comes from float16.
    """

    exact: Array
    low: Array
    high: Array
    dtype: Any
    public: bool = False
    unit: float = 0.0

    @property
    def is_float(self) -> bool:
        return bool(np.dtype(self.dtype).kind == "f")

    @property
    def size(self) -> Array:
        """The greatest magnitude, element by element."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def widened(self, error: Any) -> Enclosed:
        return dataclasses.replace(self, low=self.low - error, high=self.high + error)

    def holds(self, result: Array) -> Array:
        """Which elements of a result may have come out."""
        if not self.is_float:
            values = np.asarray(result).astype(np.int64)
            return np.asarray((values >= self.low) & (values <= self.high))
        stated = np.maximum(stated_error(self.exact, self.dtype), UNITS * self.unit)
        margin = np.nan_to_num(stated, nan=0.0, posinf=0.0)
        found = np.asarray(result, np.float64)
        with np.errstate(invalid="ignore"):
            inside = (found >= self.low - margin) & (found <= self.high + margin)
            overflown = np.isinf(found) & (self.size * (1 + RELATIVE) >= np.finfo(self.dtype).max)
        return np.asarray(inside | overflown | ~np.isfinite(self.low) | ~np.isfinite(self.high))

    def informative(self) -> float:
        """The share of elements whose interval is narrow, compared with one or their own size."""
        if self.exact.size == 0:
            return 1.0
        with np.errstate(invalid="ignore"):
            width = self.high.astype(np.float64) - self.low
            narrow = width <= _NARROW.get(np.dtype(self.dtype), 0.125) * (1 + np.abs(self.exact))
        return float(np.mean(narrow & np.isfinite(self.exact.astype(np.float64))))


def unit(dtype: Any) -> float:
    return UNIT.get(np.dtype(dtype), 0.0)


def known(array: Any, dtype: Any = None) -> Enclosed:
    """A public array, or integers and booleans: exact."""
    array = np.asarray(array)
    dtype = array.dtype if dtype is None else np.dtype(dtype)
    wide = array.astype(np.float64) if dtype.kind == "f" else array
    return Enclosed(wide, wide, wide, dtype, True, unit(dtype))


def shared(array: Array) -> Enclosed:
    """A secret argument, which sharing rounds to its unit."""
    made = dataclasses.replace(known(array), public=False)
    return made.widened(made.unit / 2) if made.unit else made


def enclose(function: Callable[..., Any], *arguments: Array, public: Sequence[int] = ()) -> list[Enclosed]:
    """The results of a function of arrays, flattened; `public` positions are known to everybody."""
    closed = jax.make_jaxpr(function)(*arguments)
    with jax.experimental.enable_x64(), np.errstate(all="ignore"):
        given = [known(a) if n in public else shared(np.asarray(a)) for n, a in enumerate(arguments)]
        return _run(closed.jaxpr, [known(c) for c in closed.consts], given)


class UnknownPrimitive(Exception):
    """A primitive without an enclosure."""


def _run(jaxpr: Any, constants: Sequence[Enclosed], arguments: Sequence[Enclosed]) -> list[Enclosed]:
    values: dict[Any, Enclosed] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))

    def read(variable: Any) -> Enclosed:
        literal = getattr(variable, "val", None)
        return values[variable] if literal is None else known(literal, variable.aval.dtype)

    for eqn in jaxpr.eqns:
        operands = [read(v) for v in eqn.invars]
        values.update(zip(eqn.outvars, _equation(eqn, operands), strict=True))
    return [read(v) for v in jaxpr.outvars]


def _equation(eqn: Any, operands: list[Enclosed]) -> list[Enclosed]:
    name = eqn.primitive.name
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        inner = eqn.params.get(key)
        if inner is not None and name not in ("while", "scan", "cond"):
            closed = hasattr(inner, "consts")
            constants = [known(c) for c in inner.consts] if closed else []
            return _run(inner.jaxpr if closed else inner, constants, operands)
    dtype = np.dtype(eqn.outvars[0].aval.dtype)
    if name in _MOVES:
        return _moved(eqn, operands, dtype)
    if name not in _RULES:
        raise UnknownPrimitive(name)
    result = _RULES[name](eqn, operands)
    # In floats both ends are ordered; a function that is nowhere defined gives all numbers.
    low, high = np.asarray(result.low), np.asarray(result.high)
    if dtype.kind == "f":
        nowhere = np.isnan(low) | np.isnan(high)
        low, high = np.where(nowhere, -np.inf, low), np.where(nowhere, np.inf, high)
        exact = np.asarray(result.exact, np.float64)
    else:
        exact = np.asarray(result.exact).astype(dtype)
        if dtype.kind == "i":
            certain = low == high
            low, high = np.where(certain, exact, low).astype(np.int64), np.where(certain, exact, high).astype(np.int64)
    if all(x.public for x in operands):
        return [Enclosed(exact, exact, exact, dtype, True, unit(dtype))]
    made = Enclosed(exact, low, high, dtype, unit=_resting_unit(name, operands, dtype))
    return [made.widened(_own_error(eqn, operands, made)) if dtype.kind == "f" else made]


# ------------------------------------------------------------------------------------------------ what moves

_MOVES = frozenset(
    "reshape transpose broadcast_in_dim squeeze slice concatenate pad rev dynamic_slice dynamic_update_slice gather "
    "expand_dims copy copy_p iota split".split()
)


def _moved(eqn: Any, operands: list[Enclosed], dtype: Any) -> list[Enclosed]:
    """The primitive itself, on the exact values and on both ends; integers that say where are exact."""
    params = dict(eqn.params)
    if dtype.kind == "f" and "dtype" in params:
        params["dtype"] = np.dtype(np.float64)

    def bound(name: str) -> list[Array]:
        arrays = [jnp.asarray(getattr(x, name)) for x in operands]
        if eqn.primitive.name == "gather":
            arrays[1] = jnp.asarray(operands[1].exact)
        made = eqn.primitive.bind(*arrays, **params)
        return [np.asarray(part) for part in (made if eqn.primitive.multiple_results else [made])]

    exact = bound("exact")
    if not operands:
        return [Enclosed(x, x, x, dtype, True, unit(dtype)) for x in exact]
    u, public = _aligned_unit(operands, dtype), all(x.public for x in operands)
    return [Enclosed(*ends, dtype, public, u) for ends in zip(exact, bound("low"), bound("high"), strict=True)]


# ------------------------------------------------------------------------------------------------ own errors

# Operations that leave their operands' fraction; of two that differ they take the finer one, at most four bits finer
# than the coarser one.
_LINEAR = frozenset(
    "add sub add_any neg abs max min select_n clamp reduce_sum reduce_max reduce_min reduce_precision "
    "stop_gradient".split()
)
_NOISE = 16


def _aligned_unit(operands: list[Enclosed], dtype: Any) -> float:
    units = [x.unit for x in operands if x.is_float and not x.public]
    return max(min(units), max(units) / _NOISE) if units and np.dtype(dtype).kind == "f" else unit(dtype)


def _resting_unit(name: str, operands: list[Enclosed], dtype: Any) -> float:
    if name in _LINEAR:
        return _aligned_unit(operands, dtype)
    if name == "convert_element_type":
        return max(unit(dtype), operands[0].unit) if operands[0].is_float else unit(dtype)
    return unit(dtype)


_NO_ERROR = frozenset("neg abs sign reduce_max reduce_min stop_gradient".split())
_FUNCTIONS = frozenset("div rsqrt sqrt integer_pow pow".split())


def _own_error(eqn: Any, x: list[Enclosed], made: Enclosed) -> Any:
    """The error that an operation states of its result, on top of what its operands bring."""
    name, u = eqn.primitive.name, made.unit
    size = np.where(np.isfinite(made.size), made.size, 0.0)
    if name in _NO_ERROR:
        return 0.0
    if name in ("max", "min", "select_n", "clamp") and len({v.unit for v in x if v.is_float}) == 1:
        return 0.0
    if name in _LINEAR or name == "convert_element_type":
        return u
    if name in ("mul", "dot_general", "conv_general_dilated", "square"):
        sizes = [_factor_error(operand) if operand.public else operand.size for operand in x]
        if not any(operand.public for operand in x):
            return UNITS * u
        return UNITS * u + (sizes[0] * sizes[1] if name == "mul" else _bilinear(eqn, *sizes))
    if name == "div" and x[1].public:
        return UNITS * u + PUBLIC_FACTOR * size
    if name == "exp":
        return np.maximum(RELATIVE * size, max(UNITS * u, 2 * EXP_UNIT))
    if name == "tanh":
        return TANH + u
    if name == "logistic":
        return LOGISTIC + u
    if name == "integer_pow" and eqn.params["y"] > 0:
        n = eqn.params["y"]
        return UNITS * u * n * np.maximum(1, x[0].size) ** (n - 2)
    if name in _FUNCTIONS:
        return RELATIVE * size + UNITS * u
    return u


def _factor_error(public: Enclosed) -> Array:
    """What a public factor loses: the last of its significant bits, unless all its numbers have no more."""
    numbers = np.nan_to_num(public.exact.astype(np.float64), posinf=0, neginf=0)
    largest = np.max(np.abs(numbers), initial=0)
    step = 2.0 ** (np.floor(np.log2(largest)) + 1) * PUBLIC_FACTOR if largest > 0 else 0.0
    exact = largest == 0 or np.array_equal(np.rint(numbers / step) * step, numbers)
    return np.full(numbers.shape, 0.0 if exact else step)


# ------------------------------------------------------------------------------------------------ rules

Rule = Callable[[Any, list[Enclosed]], Enclosed]


def _increasing(function: Callable[..., Any]) -> Rule:
    """A function that grows with every operand."""
    return lambda eqn, x: Enclosed(
        function(*(v.exact for v in x)), function(*(v.low for v in x)), function(*(v.high for v in x)), None
    )


def _subtract(eqn: Any, x: list[Enclosed]) -> Enclosed:
    a, b = x
    return Enclosed(a.exact - b.exact, a.low - b.high, a.high - b.low, None)


def _corners(exact: Array, ends: list[Array]) -> Enclosed:
    return Enclosed(exact, np.minimum.reduce(ends), np.maximum.reduce(ends), None)


def _multiply(eqn: Any, x: list[Enclosed]) -> Enclosed:
    a, b = x
    exact = a.exact * b.exact
    if eqn.invars[0] is eqn.invars[1]:
        return _square(exact, a)
    return _corners(exact, [p * q for p in (a.low, a.high) for q in (b.low, b.high)])


def _square(exact: Array, a: Enclosed) -> Enclosed:
    ends = np.minimum(np.abs(a.low), np.abs(a.high)), np.maximum(np.abs(a.low), np.abs(a.high))
    least = np.where((a.low <= 0) & (a.high >= 0), 0, ends[0])
    return Enclosed(exact, least**2, ends[1] ** 2, None)


def _divide(eqn: Any, x: list[Enclosed]) -> Enclosed:
    a, b = x
    ends = [p / q for p in (a.low, a.high) for q in (b.low, b.high)]
    result = _corners(a.exact / b.exact, ends)
    pole = (b.low <= 0) & (b.high >= 0) & ~((a.low == 0) & (a.high == 0))
    return Enclosed(result.exact, np.where(pole, -np.inf, result.low), np.where(pole, np.inf, result.high), None)


def _rsqrt(eqn: Any, x: list[Enclosed]) -> Enclosed:
    [a] = x
    high = np.where(a.low > 0, 1 / np.sqrt(np.where(a.low > 0, a.low, 1)), np.inf)
    low = np.where(a.high > 0, 1 / np.sqrt(np.where(a.high > 0, a.high, 1)), np.nan)
    return Enclosed(1 / np.sqrt(a.exact), low, high, None)


def _sqrt(eqn: Any, x: list[Enclosed]) -> Enclosed:
    [a] = x
    return Enclosed(
        np.sqrt(a.exact), np.sqrt(np.maximum(a.low, 0)), np.where(a.high < 0, np.nan, np.sqrt(np.abs(a.high))), None
    )


def _power(eqn: Any, x: list[Enclosed]) -> Enclosed:
    [a] = x
    n = eqn.params["y"]
    exact = a.exact.astype(np.float64) ** n if n < 0 else a.exact**n
    if n < 0:
        return _divide(eqn, [known(np.float64(1)), _power_of(a, -n)])
    return Enclosed(exact, *_ends(_power_of(a, n)), None)


def _power_of(a: Enclosed, n: int) -> Enclosed:
    if n % 2:
        return Enclosed(a.exact**n, a.low**n, a.high**n, a.dtype)
    least = np.where((a.low <= 0) & (a.high >= 0), 0, np.minimum(np.abs(a.low), np.abs(a.high)))
    return Enclosed(a.exact**n, least**n, a.size**n, a.dtype)


def _ends(x: Enclosed) -> tuple[Array, Array]:
    return x.low, x.high


def _absolute(eqn: Any, x: list[Enclosed]) -> Enclosed:
    [a] = x
    least = np.where((a.low <= 0) & (a.high >= 0), 0, np.minimum(np.abs(a.low), np.abs(a.high)))
    return Enclosed(np.abs(a.exact), least, a.size, None)


def _negate(eqn: Any, x: list[Enclosed]) -> Enclosed:
    [a] = x
    return Enclosed(-a.exact, -a.high, -a.low, None)


def _less(strict: bool, turned: bool) -> Rule:
    def rule(eqn: Any, x: list[Enclosed]) -> Enclosed:
        a, b = reversed(x) if turned else x
        compare = np.less if strict else np.less_equal
        return Enclosed(compare(a.exact, b.exact), compare(a.high, b.low), compare(a.low, b.high), None)

    return rule


def _equal(eqn: Any, x: list[Enclosed]) -> Enclosed:
    a, b = x
    surely = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
    return Enclosed(a.exact == b.exact, surely, (a.low <= b.high) & (b.low <= a.high), None)


def _not(eqn: Any, x: list[Enclosed]) -> Enclosed:
    [a] = x
    if a.exact.dtype != np.bool_:
        return Enclosed(~a.exact, ~a.high, ~a.low, None)
    return Enclosed(~a.exact, ~a.high.astype(bool), ~a.low.astype(bool), None)


def _xor(eqn: Any, x: list[Enclosed]) -> Enclosed:
    a, b = x
    certain = (a.low == a.high) & (b.low == b.high)
    exact = a.exact ^ b.exact
    return Enclosed(exact, exact & certain, exact | ~certain, None)


def _select(eqn: Any, x: list[Enclosed]) -> Enclosed:
    condition, no, yes = x
    exact = np.where(condition.exact, yes.exact, no.exact)
    surely, possibly = condition.low.astype(bool), condition.high.astype(bool)
    low = np.where(surely, yes.low, np.where(possibly, np.minimum(yes.low, no.low), no.low))
    high = np.where(surely, yes.high, np.where(possibly, np.maximum(yes.high, no.high), no.high))
    return Enclosed(exact, low, high, None)


def _clamp(eqn: Any, x: list[Enclosed]) -> Enclosed:
    return _increasing(lambda low, v, high: np.minimum(np.maximum(v, low), high))(eqn, x)


def _convert(eqn: Any, x: list[Enclosed]) -> Enclosed:
    [a] = x
    dtype = np.dtype(eqn.params["new_dtype"])
    if dtype.kind == "f":
        return Enclosed(*(v.astype(np.float64) for v in (a.exact, a.low, a.high)), None)
    if dtype == np.bool_:
        zero = known(np.zeros((), a.exact.dtype))
        return _not(eqn, [_equal(eqn, [a, Enclosed(*(np.broadcast_to(0, a.exact.shape),) * 3, zero.dtype)])])
    exact = a.exact.astype(dtype)
    return Enclosed(exact, a.low.astype(np.int64), a.high.astype(np.int64), None)


def _reduced(function: Callable[..., Any]) -> Rule:
    def rule(eqn: Any, x: list[Enclosed]) -> Enclosed:
        [a] = x
        axes = tuple(eqn.params["axes"])
        exact = function(a.exact, axes)
        if np.dtype(a.dtype).kind == "i" and function is _sum:
            exact = a.exact.sum(axes, dtype=a.exact.dtype)
        return Enclosed(exact, function(a.low, axes), function(a.high, axes), None)

    return rule


def _sum(a: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(a.sum(axes))


def _argmax(sign: int) -> Rule:
    def rule(eqn: Any, x: list[Enclosed]) -> Enclosed:
        [a] = x
        [axis] = eqn.params["axes"]
        low, high = (a.low, a.high) if sign > 0 else (-a.high, -a.low)
        exact = (sign * a.exact.astype(np.float64)).argmax(axis)
        if np.array_equal(low, high):
            return Enclosed(exact, exact, exact, None)
        possible = high >= low.max(axis, keepdims=True)
        last = a.exact.shape[axis] - 1 - np.flip(possible, axis).argmax(axis)
        return Enclosed(exact, possible.argmax(axis), last, None)

    return rule


def _dot(eqn: Any, x: list[Enclosed]) -> Enclosed:
    a, b = x
    exact = _bilinear(eqn, a.exact, b.exact)
    if not a.is_float:
        return Enclosed(exact, exact, exact, None)
    # The radius of a sum of products: |a| rb + ra |b| + ra rb around the product of the middles.
    middles, radii = zip(*(((v.low + v.high) / 2, (v.high - v.low) / 2) for v in x))
    centre = _bilinear(eqn, *middles)
    radius = (
        _bilinear(eqn, np.abs(middles[0]), radii[1])
        + _bilinear(eqn, radii[0], np.abs(middles[1]))
        + _bilinear(eqn, *radii)
    )
    return Enclosed(exact, centre - radius, centre + radius, None)


def _bilinear(eqn: Any, a: Array, b: Array) -> Array:
    """A dot or convolution primitive on any two arrays, in their own precision."""
    params = dict(eqn.params)
    if "preferred_element_type" in params:
        params["preferred_element_type"] = np.result_type(a, b)
    with np.errstate(all="ignore"):
        return np.asarray(eqn.primitive.bind(jnp.asarray(a), jnp.asarray(b), **params))


def _identity(eqn: Any, x: list[Enclosed]) -> Enclosed:
    return x[0]


_RULES: dict[str, Rule] = {
    "add": _increasing(np.add),
    "add_any": _increasing(np.add),
    "sub": _subtract,
    "mul": _multiply,
    "square": lambda eqn, x: _square(x[0].exact ** 2, x[0]),
    "div": _divide,
    "neg": _negate,
    "abs": _absolute,
    "sign": _increasing(np.sign),
    "max": _increasing(np.maximum),
    "min": _increasing(np.minimum),
    "clamp": _clamp,
    "exp": _increasing(np.exp),
    "tanh": _increasing(np.tanh),
    "logistic": _increasing(lambda v: 1 / (1 + np.exp(-v))),
    # Part of a GELU, whose error is that of the whole.
    "erf": _increasing(erf),
    "erfc": lambda eqn, x: Enclosed(erfc(x[0].exact), erfc(x[0].high), erfc(x[0].low), None),
    "rsqrt": _rsqrt,
    "sqrt": _sqrt,
    "integer_pow": _power,
    "lt": _less(True, False),
    "le": _less(False, False),
    "gt": _less(True, True),
    "ge": _less(False, True),
    "eq": _equal,
    "ne": lambda eqn, x: _not(eqn, [_equal(eqn, x)]),
    "not": _not,
    "and": _increasing(np.bitwise_and),
    "or": _increasing(np.bitwise_or),
    "xor": _xor,
    "select_n": _select,
    "convert_element_type": _convert,
    "reduce_sum": _reduced(_sum),
    "reduce_max": _reduced(lambda a, axes: np.asarray(a.max(axes))),
    "reduce_min": _reduced(lambda a, axes: np.asarray(a.min(axes))),
    "reduce_and": _reduced(lambda a, axes: np.asarray(a.all(axes))),
    "reduce_or": _reduced(lambda a, axes: np.asarray(a.any(axes))),
    "argmax": _argmax(1),
    "argmin": _argmax(-1),
    "dot_general": _dot,
    "conv_general_dilated": _dot,
    "reduce_precision": _identity,
    "stop_gradient": _identity,
}
