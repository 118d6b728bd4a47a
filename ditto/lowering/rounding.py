"""Whole numbers of reals: floor, ceil, both roundings, and conversions between dtypes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.ir import Attribute, Operation, SSAValue

from ditto.analysis.intervals import Interval, signed_integers
from ditto.dialects import pphlo, ring
from ditto.lowering.arithmetic import (
    Rule,
    as_integer,
    bit_to_number,
    complement,
    maximum,
    minimum,
    negative,
    number_of_integer,
    zero,
)
from ditto.lowering.emitter import Emitter, Public, Value, integer_bits, is_bits, is_unsigned, secret


def convert(e: Emitter, x: SSAValue, source: Attribute, target: Attribute, fraction: int | None) -> SSAValue:
    """x of the PPHLO type `source` in `target`; `fraction` where a parameter wants one of its own.

    A float loses what is behind its point, and ends at the ends of an integer's dtype.
    """
    if is_bits(source):
        return x if is_bits(target) else bit_to_number(e, x, target)
    if is_bits(target):
        return complement(e, zero(e, x))
    if not pphlo.is_float(source):
        return number_of_integer(e, x, source, target, fraction)
    return e.converted(x, target, fraction) if pphlo.is_float(target) else _whole(e, x, target)


def _whole(e: Emitter, x: SSAValue, target: Attribute) -> SSAValue:
    """A real as an integer of a dtype."""
    bits = integer_bits(target)
    assert bits is not None
    ends = Interval(0, (1 << bits) - 1) if is_unsigned(target) else signed_integers(bits)
    with e.exactly(), e.in_order():
        whole = truncated(e, x)
        if e.integers_of(whole).low < ends.low:
            whole = secret(maximum(e, whole, _integers(whole, int(ends.low)), whole.type))
        if e.integers_of(whole).high > ends.high:
            whole = secret(minimum(e, whole, _integers(whole, int(ends.high)), whole.type))
        return e.converted(e.wrapped(whole, bits), target)


def _integers(x: SSAValue, number: int) -> Public:
    return Public(x.type, np.broadcast_to(np.array(number, np.int64), ring.shape(x)))


def _shifted(e: Emitter, x: SSAValue, number: float) -> SSAValue:
    """x + number, which is a multiple of x's unit."""
    public = Public(x.type, np.array(number, np.float64))
    return e.emit(ring.AddPublicOp, [x, e.encode(public, ring.fraction(x))], x.type)


def _below_zero(e: Emitter, x: SSAValue, number: float) -> SSAValue:
    """`number`, a multiple of x's unit, where x < 0, and zero elsewhere."""
    bit = as_integer(e, negative(e, x), x)
    public = Public(x.type, np.array(number, np.float64))
    return e.emit(ring.MulPublicOp, [bit, e.encode(public, ring.fraction(x))], x.type, shift=0)


def floor(e: Emitter, x: SSAValue) -> SSAValue:
    """The greatest integer not above x, as an integer."""
    if ring.fraction(x) == 0:
        return x
    with e.exactly():
        return e.emit(ring.FloorShiftOp, [x], ring.retyped(x, fraction=0), shift=ring.fraction(x))


def ceil(e: Emitter, x: SSAValue) -> SSAValue:
    """The least integer not below x: that not above x and a unit less than one."""
    return x if ring.fraction(x) == 0 else floor(e, _shifted(e, x, 1 - _unit(x)))


def truncated(e: Emitter, x: SSAValue) -> SSAValue:
    """x without what is behind its point: floor, or ceil of what is below zero."""
    if ring.fraction(x) == 0 or e.intervals.of(x).low >= 0:
        return floor(e, x)
    return floor(e, e.emit(ring.AddOp, [x, _below_zero(e, x, 1 - _unit(x))], x.type))


def away_from_zero(e: Emitter, x: SSAValue) -> SSAValue:
    """The nearest integer; halves go away from zero: below it the half that is added is a unit short."""
    if ring.fraction(x) == 0:
        return x
    return floor(e, e.emit(ring.AddOp, [_shifted(e, x, 0.5), _below_zero(e, x, -_unit(x))], x.type))


def to_even(e: Emitter, x: SSAValue) -> SSAValue:
    """The nearest integer; halves go to the even one: floor(x + 1/2), of a unit less where floor(x) is even."""
    if ring.fraction(x) == 0:
        return x
    odd = e.emit(ring.ParityOp, [floor(e, x)], ring.bits(ring.shape(x)))
    unit = e.emit(ring.RelabelOp, [as_integer(e, odd, x)], x.type)
    return floor(e, e.emit(ring.AddOp, [_shifted(e, x, 0.5 - _unit(x)), unit], x.type))


def _unit(x: SSAValue) -> float:
    return 2.0 ** -ring.fraction(x)


def as_float(e: Emitter, x: SSAValue, type: Attribute) -> SSAValue:
    """Integers with the fraction of a dtype of floats."""
    return e.at_least(x, e.ring_of(type)[1])


def _rounding(function: Callable[[Emitter, SSAValue], SSAValue]) -> Rule:
    def rule(e: Emitter, op: Operation, values: list[Value]) -> Value:
        return as_float(e, function(e, secret(values[0])), op.results[0].type)

    return rule


RULES: dict[str, Rule] = {
    "pphlo.floor": _rounding(floor),
    "pphlo.ceil": _rounding(ceil),
    "pphlo.round_nearest_afz": _rounding(away_from_zero),
    "pphlo.round_nearest_even": _rounding(to_even),
}
