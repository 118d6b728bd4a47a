"""Sines, cosines and angles."""

from __future__ import annotations

import math

from xdsl.ir import Attribute, Operation, SSAValue

from ditto.dialects import ring
from ditto.lowering.arithmetic import Rule, absolute, add, less, multiply, negate, negative, select, subtract, zero
from ditto.lowering.arithmetic import bit_to_number as number_of
from ditto.lowering.emitter import Emitter, Value, secret
from ditto.lowering.functions import divide, square_root
from ditto.lowering.powers import constant, polynomial

# atan z = z p(z^2) for 0 <= z <= 1, to 2^-16.
_ATAN = (0.9998663284979951, -0.33030477055431795, 0.18015923392774663, -0.08515626106309257, 0.02084507045320906)
# Digits of a sine, and those that a small ring has beyond its fraction.
_FRACTION, _SMALL_FRACTION = 16, 12


def wave(e: Emitter, x: SSAValue, cosine: float, sine: float) -> SSAValue:
    """cosine cos x + sine sin x, over all of x's range; to 2^-12 (sine.h)."""
    width = ring.width(x)
    fraction = _FRACTION if width == ring.MAX_WIDTH else _SMALL_FRACTION
    type = ring.retyped(x, fraction=fraction)
    return e.emit(ring.SineOp, [x], type, amplitudes=[cosine, sine])


def _sine(e: Emitter, op: Operation, values: list[Value]) -> Value:
    return wave(e, secret(values[0]), 0.0, 1.0)


def _cosine(e: Emitter, op: Operation, values: list[Value]) -> Value:
    return wave(e, secret(values[0]), 1.0, 0.0)


def _tangent(e: Emitter, op: Operation, values: list[Value]) -> Value:
    x = secret(values[0])
    return divide(e, wave(e, x, 0.0, 1.0), wave(e, x, 1.0, 0.0), op.results[0].type)


def angle(e: Emitter, y: Value, x: Value, type: Attribute) -> SSAValue:
    """The angle of the point (x, y), from -pi to pi: the arctangent of the smaller coordinate's size by the larger's,
    mirrored where y's is larger, where x is negative, and where y is. That of (0, 0) is 0."""
    like = next(v for v in (x, y) if isinstance(v, SSAValue))
    x, y = (e.made_secret(v, like) for v in (x, y))
    x, y = e.aligned(x, y)
    left, below = negative(e, x), negative(e, y)
    a, b = absolute(e, x), absolute(e, y)
    steep = less(e, a, b)
    small, large = (e.emit(ring.SelectOp, [steep, *pair], a.type) for pair in ((a, b), (b, a)))
    large = add(e, large, number_of(e, zero(e, large), type))
    ratio = e.with_fraction(divide(e, small, large, type), _FRACTION)
    ratio = e.emit(ring.AddPublicOp, [ratio, e.encode(constant(0.0, type), _FRACTION)], ratio.type, fact=1 + 2.0**-8)
    result = multiply(e, polynomial(e, multiply(e, ratio, ratio), _ATAN, type), ratio)
    for where, limit in ((steep, math.pi / 2), (left, math.pi), (below, 0.0)):
        mirrored = subtract(e, constant(limit, type), result) if limit else negate(e, result)
        result = secret(select(e, where, mirrored, result, type))
    return result


def _atan2(e: Emitter, op: Operation, values: list[Value]) -> Value:
    return angle(e, values[0], values[1], op.results[0].type)


def _atan(e: Emitter, op: Operation, values: list[Value]) -> Value:
    type = op.results[0].type
    return angle(e, values[0], constant(1.0, type), type)


def _circle(e: Emitter, x: SSAValue, type: Attribute) -> SSAValue:
    """sqrt(1 - x^2), of a product with digits to spare: near 1 the root makes much of little."""
    above, below = (add(e, v, constant(1.0, type)) for v in (x, negate(e, x)))
    return square_root(e, multiply(e, above, below, min(2 * ring.fraction(above), ring.fraction(above) + 8)))


def _asin(e: Emitter, op: Operation, values: list[Value]) -> Value:
    x, type = secret(values[0]), op.results[0].type
    return angle(e, x, _circle(e, x, type), type)


def _acos(e: Emitter, op: Operation, values: list[Value]) -> Value:
    x, type = secret(values[0]), op.results[0].type
    return angle(e, _circle(e, x, type), x, type)


RULES: dict[str, Rule] = {
    "pphlo.sine": _sine,
    "pphlo.cosine": _cosine,
    "pphlo.atan2": _atan2,
}
CALLS: dict[str, Rule] = {
    "mhlo.tan": _tangent,
    "mpc.acos": _acos,
    "mpc.asin": _asin,
    "mpc.atan": _atan,
    "mpc.tan": _tangent,
}
