"""A variance from two exact sums, so that it cannot be negative and nothing has to compare it with zero.

    rsqrt(max(0, sum(x^2)/n - (sum(x)/n)^2) + eps)
becomes, with n/2^k = c in (1/2, 1],
    c * rsqrt((n sum(x^2) - sum(x)^2) / 4^k + c^2 eps + 2 units)

The difference is n^2 times the variance, to the last bit: both sums are of integers modulo 2^64, and by Cauchy and
Schwarz it is at least 0. Dividing by 4^k costs nothing but one rounding, which the two units exceed. (With means
instead of sums, the rounding of 1/n times a squared mean may make the difference any negative number.) Saves the
comparison with zero, a product with its bit, and the widening of each product for the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.kernel_table import integer_bits
from ditto.analysis.look_through import has_any, in_order, origin, places
from ditto.analysis.pattern import either, made, match, multiple, named, number, through
from ditto.dialects import ring
from ditto.dialects.traits import Rearranges, Rescales
from ditto.passes.ring_rewriting import (
    constant_before,
    encoded_before,
    erase_dead,
    every,
    insert_before,
    replace,
    rescaled_before,
    users,
)

# Fraction of the variance, and of rsqrt's result.
VARIANCE_FRACTION, RESULT_FRACTION = 22, 18
# Fraction of normalised values, and of the gain they are multiplied by.
NORMALISED_FRACTION, GAIN_FRACTION = 14, 14
# The least variance, as a power of two.
LEAST_RADICAND = -14
# A variance is below this power of two.
_VARIANCE_BITS = 16
# A reciprocal of n has 12 significant bits or more.
_TOLERANCE = 2.0**-10


# x repeated, moved and rescaled elsewhere is still x here.
_SUM = named("sum", made(ring.SumOp, through(in_order, "x")))
# x less the mean of its row, repeated along it.
_MEAN = named("mean", through(origin, named("means", multiple("share", _SUM))))
CENTRED = through(in_order, made(ring.SubOp, through(in_order, "x"), _MEAN))
# mean((x - mean(x))^2)
DISTANCES = multiple(
    "part", named("squares", made(ring.SumOp, through(in_order, made(ring.SquareOp, named("centred", CENTRED)))))
)
# mean(x^2) - mean(x)^2, perhaps where that is above zero.
_SQUARES = named("squares", made(ring.SumOp, through(in_order, made(ring.SquareOp, through(in_order, "x")))))
_MOMENTS = made(
    ring.SubOp, multiple("part", _SQUARES), multiple("weight", made(ring.SquareOp, multiple("share", _SUM)))
)
_DIFFERENCE = named("v", _MOMENTS)
MOMENTS = either(_DIFFERENCE, made(ring.BitMulOp, made(ring.BitNotOp, made(ring.MsbOp, "v")), _DIFFERENCE))
# variance + eps
RADICAND = either(made(ring.AddPublicOp, "variance", number("eps")), "variance")


def _is_one(product: float) -> bool:
    return abs(product - 1) < _TOLERANCE


def _summed(variance: SSAValue) -> ring.RingOp | None:
    """sum(x), where a value is mean(x^2) - mean(x)^2, or mean((x - mean(x))^2)."""
    if found := match(variance, DISTANCES) or match(variance, MOMENTS):
        total, squares = found["sum"].owner, found["squares"].owner
        if total.get("dims") != squares.get("dims") or not _is_one(found["part"] * squares.terms()):
            return None
        if "centred" in found:
            return total if _is_centred(found["centred"], total) else None
        return total if _is_one(found["weight"] * (found["share"] * total.terms()) ** 2) else None
    return None


def _row_numbers(total: ring.RingOp) -> np.ndarray:  # type: ignore[type-arg]
    """For every element of what is summed, the number of its row."""
    shape, dims = ring.shape(total.arguments[0]), total.get("dims")
    rows = np.arange(math.prod(ring.shape(total.result))).reshape(ring.shape(total.result))
    return np.broadcast_to(np.expand_dims(rows, tuple(dims)), shape)


def _repeats(value: SSAValue, source: SSAValue, total: ring.RingOp) -> bool:
    """Whether every element of a value is that of its row in `source`."""
    return origin(value) is source and np.array_equal(
        places(value, source).reshape(-1), _row_numbers(total).reshape(-1)
    )


def _is_centred(value: SSAValue, total: ring.RingOp) -> bool:
    """Whether a value is x less the mean of its row."""
    found = match(value, CENTRED)
    if found is None or found["x"] is not in_order(total.arguments[0]):
        return False
    summed = found["sum"].owner
    return (
        summed.get("dims") == total.get("dims")
        and _is_one(found["share"] * summed.terms())
        and _repeats(found["mean"], found["means"], total)
    )


def normalise(root: ring.RsqrtOp, total: ring.RingOp, eps: float) -> None:
    """Makes the products of x less its mean with 1/sigma, perhaps times a gain, one operation, the gain after it."""
    inverses: list[SSAValue] = [root.result]
    for value in inverses:
        inverses += [user.results[0] for user in users(value) if has_any(user, Rearranges, Rescales)]
    for inverse in inverses:
        for product in users(inverse):
            found = match(product, made(ring.MulOp, inverse, "other"))
            if found is None or not _repeats(inverse, root.result, total):
                continue
            if _is_centred(other := found["other"], total):
                replace(product, _normalised(product, total, eps, ring.fraction(product.results[0])))
                continue
            for outer in users(product.results[0]):
                found = match(outer, made(ring.MulOp, product.results[0], "centred"))
                if found and _is_centred(found["centred"], total):
                    type = outer.results[0].type
                    y = _normalised(outer, total, eps, NORMALISED_FRACTION)
                    gain = rescaled_before(outer, other, min(ring.fraction(other), GAIN_FRACTION))
                    shift = NORMALISED_FRACTION + ring.fraction(gain) - ring.fraction(type)
                    if shift < 0:
                        gain, shift = rescaled_before(outer, gain, ring.fraction(gain) - shift), 0
                    replace(outer, insert_before(outer, ring.MulOp, [y, gain], type, shift=shift))


def _normalised(place: Operation, total: ring.RingOp, eps: float, fraction: int) -> SSAValue:
    """x normalised, in the shape of `place`."""
    result = place.results[0]
    x = in_order(total.arguments[0])
    shaped = ring.fxp(ring.shape(total.arguments[0]), ring.width(x), ring.fraction(x))
    if ring.shape(x) != ring.shape(total.arguments[0]):
        x = insert_before(place, ring.ReshapeOp, [x], shaped)
    width = ring.width(result)
    if ring.width(x) != 64:
        x = insert_before(place, ring.UpCastOp, [x], ring.fxp(ring.shape(x), 64, ring.fraction(x)))
    made = ring.fxp(ring.shape(x), 64, fraction)
    y = insert_before(place, ring.NormaliseOp, [x], made, dims=total.get("dims"), eps=eps)
    if width != 64:
        y = insert_before(place, ring.DownCastOp, [y], ring.fxp(ring.shape(y), width, fraction), shift=0)
    if ring.shape(y) != ring.shape(result):
        y = insert_before(place, ring.ReshapeOp, [y], ring.fxp(ring.shape(result), width, fraction))
    return y


def fuse(root: ring.RsqrtOp) -> None:
    """Rewrites one rsqrt of a variance."""
    found = match(root.arguments[0], RADICAND)
    assert found is not None
    eps, total = found.get("eps", 0.0), _summed(found["variance"])
    if total is None:
        return
    normalise(root, total, eps)
    if not root.result.uses:
        return
    count, x = total.terms(), total.arguments[0]
    k = (count - 1).bit_length()
    factor = count / 2**k
    room = integer_bits("rsqrt", lo=0, hi=_VARIANCE_BITS)
    fraction = min(ring.fraction(x), (ring.MAX_WIDTH - room - 2 * k) // 2)

    def emit(
        kind: type[ring.RingOp], operands: list[SSAValue], like: SSAValue, to: int, **attributes: object
    ) -> SSAValue:
        return insert_before(root, kind, operands, ring.retyped(like, fraction=to), **attributes)

    x = rescaled_before(root, x, fraction)
    rows, dims = total.result, total.get("dims")
    squares = emit(ring.SumOp, [emit(ring.SquareOp, [x], x, 2 * fraction, shift=0)], rows, 2 * fraction, dims=dims)
    scaled = emit(
        ring.MulPublicOp, [squares, constant_before(root, np.array(count, np.int64))], rows, 2 * fraction, shift=0
    )
    sums = emit(ring.SumOp, [x], rows, fraction, dims=dims)
    value = emit(ring.SubOp, [scaled, emit(ring.SquareOp, [sums], rows, 2 * fraction, shift=0)], rows, 2 * fraction)
    value = emit(ring.RelabelOp, [value], rows, 2 * (fraction + k))
    value = rescaled_before(root, value, VARIANCE_FRACTION)
    least = encoded_before(root, eps * factor**2 + 2.0 ** (1 - VARIANCE_FRACTION), VARIANCE_FRACTION)
    value = emit(ring.AddPublicOp, [value, least], rows, VARIANCE_FRACTION)
    low = math.floor(LEAST_RADICAND + 2 * math.log2(factor))
    digits = (count & -count).bit_length() - 1
    kept = min(k - digits, 2)
    # A bound that nobody has stated yet is that of the first octave, which the ranges widen.
    high = low + 1 if root.get("hi") == root.get("lo") + 1 else root.get("hi")
    inverse = emit(ring.RsqrtOp, [value], rows, RESULT_FRACTION - kept, lo=low, hi=high)
    if factor != 1:
        weight = encoded_before(root, factor, k - digits)
        inverse = emit(ring.MulPublicOp, [inverse, weight], rows, RESULT_FRACTION, shift=k - digits - kept)
    if ring.shape(inverse) != ring.shape(root.result):
        inverse = insert_before(root, ring.ReshapeOp, [inverse], ring.retyped(root.result, fraction=RESULT_FRACTION))
    replace(root, rescaled_before(root, inverse, ring.fraction(root.result)))


@dataclass(frozen=True)
class FuseVariance(ModulePass):
    name = "fuse-variance"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        block = ring.main(op).body.block
        for root in every(block, ring.RsqrtOp):
            fuse(root)
        erase_dead(block)
