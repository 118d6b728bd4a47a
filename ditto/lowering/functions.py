"""Division and the real functions: which protocol serves them, with which ranges and fractions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from xdsl.ir import Attribute, Operation, SSAValue

from ditto.analysis.intervals import unit
from ditto.analysis.look_through import beyond, origin, splat_value
from ditto.analysis.signs import is_not_negative
from ditto.analysis.softmax import ROW, is_softmax, softmax_row, sums_softmax_rows
from ditto.dialects import pphlo, ring
from ditto.dialects.traits import ROUNDINGS, Divides, Moves, Rescales
from ditto.lowering.arithmetic import Rule, add, multiply, multiply_public, negative, of_one_dtype, scale
from ditto.lowering.emitter import Emitter, Public, Value, secret
from ditto.lowering.integers import quotient

# The exponential's table has 2^(f + 4) entries: finer operands are rounded to this fraction first.
EXP_FRACTION, EXP_FINE_FRACTION = 10, 12
# The exponential's result: 24 bits with 14 fraction bits, or fewer where a row's sum would not fit.
EXP_WIDTH, EXP_RESULT_FRACTION = 24, 14
# The finest it has where its digits are asked for.
EXP_FINEST = 18
# The greatest exponents of others: e^21 is just above 2^30, e^12 above the greatest float16.
_EXPONENT, _SMALL_EXPONENT = 21, 12
# One reciprocal serves so many quotients, or each is computed by itself; the fraction it has then.
_FEW, _FINE_RECIPROCAL = 16, 28
# Softmax outputs.
PROBABILITY_FRACTION = 16
# Together with the exponential's fraction, a reciprocal's: the quotient then takes a shift of 14.
QUOTIENT_SHIFT = 14


def _is_softmax(value: SSAValue) -> bool:
    """Whether exponentials are divided by sums of them, and nothing else is done with either: what counts is then their
    error relative to a row's greatest, which is 1."""

    def divided(value: SSAValue) -> list[int] | None:
        """Which operands of quotients the value and its sums are; None if they are anything else."""
        sides: list[int] = []
        for use in beyond(value, Moves, Rescales):
            if use.operation.has_trait(Divides):
                sides.append(use.index)
            elif pphlo.reduces(use.operation, "pphlo.add"):
                if (found := divided(use.operation.results[0])) is None:
                    return None
                sides += found
            else:
                return None
        return sides

    sides = divided(value)
    return sides is not None and 0 in sides


def exponential(e: Emitter, x: SSAValue, made: SSAValue) -> SSAValue:
    """e^x: after the subtraction of a row's maximum for x <= 0, otherwise as far as the ring holds it."""
    found = softmax_row(x)
    width = e.ring_of(made.type)[0]
    if found is not None:
        row = found.length
        found.difference.attributes[ROW] = ring.attribute(row)
        divided = width == 32 or _is_softmax(made)
        x = e.with_fraction(x, min(ring.fraction(x), EXP_FRACTION if divided else EXP_FINE_FRACTION))
        slack = 1 << (ring.fraction(x) - 1)
        fits = EXP_WIDTH - 2 - math.ceil(math.log2(row) + 0.5 / math.log(2))
        fraction = min(EXP_RESULT_FRACTION, fits)
        if not divided:
            fraction = max(fraction, min(e.fraction_of(width), EXP_FINEST))
        result = ring.fxp(ring.shape(x), width, fraction)
        return e.emit(ring.ExpOp, [x], result, slack=slack, clip_bits=width)
    small = width == 32
    bound, fraction = (_SMALL_EXPONENT, EXP_RESULT_FRACTION) if small else (_EXPONENT, e.fraction_of(width))
    result = ring.fxp(ring.shape(x), width, min(fraction, e.fraction_of(width) + 4))
    return e.emit(ring.ExpBelowOp, [x], result, bits=ring.MAX_WIDTH, hi=bound)


# The pass `ranges` says up to which power of two (hi) a reciprocal and an rsqrt are asked for.


def reciprocal(e: Emitter, x: SSAValue, fraction: int = 16) -> SSAValue:
    """1 / x with at least so many fraction bits, computed before x is broadcast; of |x| with the sign put back unless x
    is plainly positive."""
    return e.before_broadcast(f"reciprocal {fraction}", x, lambda value: _signed_reciprocal(e, value, fraction))


def _signed_reciprocal(e: Emitter, x: SSAValue, fraction: int) -> SSAValue:
    if is_not_negative(x):
        return _reciprocal(e, x, fraction)
    below = negative(e, x)
    size = e.emit(ring.SelectOp, [below, e.emit(ring.NegOp, [x], x.type), x], x.type)
    inverse = _reciprocal(e, size, fraction)
    minus = e.emit(ring.NegOp, [inverse], inverse.type)
    return e.emit(ring.SelectOp, [below, minus, inverse], inverse.type)


def _reciprocal(e: Emitter, x: SSAValue, fraction: int) -> SSAValue:
    fraction = max(fraction, e.fraction_of(ring.width(x)))
    low, known = -ring.fraction(x), None
    if sums_softmax_rows(x):
        fraction = PROBABILITY_FRACTION + QUOTIENT_SHIFT - ring.fraction(origin(x))
        # The maximum may be short and the exponential of it small: half of what a sum is at least.
        low, known = -1, 2.0
    return e.emit(ring.ReciprocalOp, [x], ring.retyped(x, fraction=fraction), lo=low, hi=low + 1, fact=known)


def divide(e: Emitter, x: Value, y: Value, type: Attribute) -> SSAValue:
    """x / y."""
    if not pphlo.is_float(type):
        return quotient(e, x, y, type)
    if isinstance(y, Public):
        assert isinstance(x, SSAValue)
        if y.numbers is None:
            raise e.fail("division by a public argument; pass its reciprocal instead")
        with np.errstate(divide="ignore"):
            return multiply_public(e, x, Public(y.type, 1 / y.known().astype(np.float64)))
    if isinstance(x, Public):
        return multiply_public(e, reciprocal(e, y), x)
    if is_softmax(x, y):
        return multiply(e, x, reciprocal(e, y), PROBABILITY_FRACTION)
    repeats = math.prod(ring.shape(y)) // max(1, math.prod(ring.shape(origin(y))))
    if ring.width(y) == 32 or repeats >= _FEW:
        # One reciprocal for many quotients, with more digits than it has by itself.
        return multiply(e, x, reciprocal(e, y, _FINE_RECIPROCAL), e.fraction_of(ring.width(x)))
    if not is_not_negative(y):
        below = negative(e, y)
        x = e.emit(ring.SelectOp, [below, e.emit(ring.NegOp, [x], x.type), x], x.type)
        y = e.emit(ring.SelectOp, [below, e.emit(ring.NegOp, [y], y.type), y], y.type)
    low = -ring.fraction(y)
    result = ring.retyped(x, fraction=e.fraction_of(ring.width(x)))
    return e.emit(ring.DivideOp, [x, y], result, lo=low, hi=low + 1)


def square_root(e: Emitter, x: SSAValue) -> SSAValue:
    """sqrt(x) for x not below zero."""

    def apply(value: SSAValue) -> SSAValue:
        return e.emit(ring.SqrtOp, [value], value.type, hi=1 - ring.fraction(value))

    return e.before_broadcast("sqrt", x, apply)


def rsqrt(e: Emitter, x: SSAValue) -> SSAValue:
    """1 / sqrt(x) for x of at least one unit; of v + one unit for v not below zero."""

    def apply(value: SSAValue) -> SSAValue:
        value = _above_zero(e, value)
        low = -ring.fraction(value)
        type = ring.retyped(value, fraction=min(max(ring.fraction(value), 12), 18))
        return e.emit(ring.RsqrtOp, [value], type, lo=low, hi=low + 1)

    return e.before_broadcast("rsqrt", x, apply)


def _above_zero(e: Emitter, x: SSAValue) -> SSAValue:
    """x = v + one unit; where v has been rounded to below zero, by as few units as a square root takes for zero, more.

    SPU's compiler makes this of y / (sqrt(v) + epsilon); an optimiser's v, of squares, is a few units or none.
    """
    op = x.owner
    if not isinstance(op, ring.AddPublicOp) or splat_value(op.arguments[1]) != unit(x):
        return x
    below = e.emit(ring.BitToFxpOp, [negative(e, op.arguments[0])], ring.retyped(x, fraction=0))
    units = e.emit(ring.RelabelOp, [e.with_fraction(below, ROUNDINGS.bit_length() - 1)], x.type)
    return add(e, x, units)


def log(e: Emitter, x: SSAValue) -> SSAValue:
    """ln x for x of at least one unit."""
    low = -ring.fraction(x)
    return e.emit(ring.LogOp, [x], ring.retyped(x, fraction=max(ring.fraction(x), 12)), lo=low, hi=low + 1)


def tanh(e: Emitter, x: SSAValue) -> SSAValue:
    fraction = max(ring.fraction(x), 12)
    return e.emit(ring.TanhOp, [x], ring.retyped(x, fraction=min(fraction, 16)), bits=ring.width(x))


def logistic(e: Emitter, x: SSAValue, type: Attribute) -> SSAValue:
    """1 / (1 + e^-x) = (1 + tanh(x / 2)) / 2."""
    one = Public(type, np.broadcast_to(np.float64(1), ring.shape(type)))
    return scale(e, add(e, tanh(e, scale(e, x, -1)), one), -1)


def gelu(e: Emitter, x: SSAValue, made: SSAValue) -> SSAValue:
    fraction = min(ring.fraction(x), max(7, e.planned.get(made, ring.fraction(x))))
    return e.emit(ring.GeluOp, [x], ring.retyped(x, fraction=fraction), bits=ring.width(x))


def _unary(function: Callable[[Emitter, SSAValue], SSAValue]) -> Rule:
    def rule(e: Emitter, op: Operation, values: list[Value]) -> Value:
        return function(e, secret(values[0]))

    return rule


def _typed(function: Callable[[Emitter, SSAValue, Attribute], SSAValue]) -> Rule:
    def rule(e: Emitter, op: Operation, values: list[Value]) -> Value:
        return function(e, secret(values[0]), op.results[0].type)

    return rule


RULES: dict[str, Rule] = {
    "pphlo.divide": of_one_dtype(lambda e, op, v: divide(e, v[0], v[1], op.results[0].type)),
    "pphlo.exponential": lambda e, op, v: exponential(e, secret(v[0]), op.results[0]),
    "pphlo.log": _unary(log),
    "pphlo.logistic": _typed(logistic),
    "pphlo.reciprocal": _unary(reciprocal),
    "pphlo.rsqrt": _unary(rsqrt),
    "pphlo.sqrt": _unary(square_root),
    "pphlo.tanh": _unary(tanh),
}
CALLS: dict[str, Rule] = {
    "ditto.logistic": lambda e, op, v: logistic(e, secret(v[0]), op.results[0].type),
    "ditto.gelu": lambda e, op, v: gelu(e, secret(v[0]), op.results[0]),
    "spu.prefer_a": lambda e, op, v: v[0],
}
