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
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.look_through import in_order, origin, places
from ditto.dialects import ring
from ditto.passes.ring_rewriting import (
    constant_before,
    encoded_before,
    erase_dead,
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
# Bits above the fraction in which rsqrt takes a variance (see rsqrt.h: below 2^16, and five more).
_ROOM = 21
# A reciprocal of n has 12 significant bits or more.
_TOLERANCE = 2.0**-10


def _splat(value: SSAValue) -> float | None:
    encoded = value.owner
    constant = encoded.arguments[0].owner if isinstance(encoded, ring.EncodeOp) else None
    return float(constant.numpy().flat[0]) if isinstance(constant, ring.ConstantOp) and not ring.shape(value) else None


def _count(total: ring.SumOp) -> int:
    return math.prod(ring.shape(total.arguments[0])[dim] for dim in total.get("dims"))


def _multiple(value: SSAValue) -> tuple[SSAValue, float]:
    """What a value is a public multiple of, and the factor."""
    factor = 1.0
    while True:
        value = in_order(value)
        op = value.owner
        if isinstance(op, ring.RelabelOp):
            factor *= 2.0 ** (ring.fraction(op.arguments[0]) - ring.fraction(op.result))
        elif isinstance(op, ring.MulPublicOp) and (number := _splat(op.arguments[1])) is not None:
            factor *= number
        else:
            return value, factor
        value = op.arguments[0]


def _mean(value: SSAValue, power: int = 1, factor: float = 1.0) -> ring.SumOp | None:
    """The sum of n terms of which a value is 1 / n^power, once multiplied by `factor`."""
    value, own = _multiple(value)
    total = value.owner
    if isinstance(total, ring.SumOp) and abs(factor * own**power * _count(total) ** power - 1) < _TOLERANCE:
        return total
    return None


def _not_negative(value: SSAValue) -> SSAValue:
    """v where a value is max(0, v)."""
    op = value.owner
    if isinstance(op, ring.BitMulOp) and isinstance(inverted := op.arguments[0].owner, ring.BitNotOp):
        sign = inverted.arguments[0].owner
        if isinstance(sign, ring.MsbOp) and sign.arguments[0] is op.arguments[1]:
            return op.arguments[1]
    return value


def _summed(variance: SSAValue) -> ring.SumOp | None:
    """sum(x), where a value is mean(x^2) - mean(x)^2, or mean((x - mean(x))^2)."""
    if (squares := _mean(variance)) is not None:
        square = in_order(squares.arguments[0]).owner
        difference = in_order(square.arguments[0]).owner if isinstance(square, ring.SquareOp) else None
        total = _mean(origin(difference.arguments[1])) if isinstance(difference, ring.SubOp) else None
        centred = total is not None and isinstance(square, ring.SquareOp) and _is_centred(square.arguments[0], total)
        return total if centred and total is not None and total.get("dims") == squares.get("dims") else None
    difference = _not_negative(variance).owner
    if not isinstance(difference, ring.SubOp):
        return None
    squares, (squared, factor) = _mean(difference.arguments[0]), _multiple(difference.arguments[1])
    if squares is None or not isinstance(squared.owner, ring.SquareOp):
        return None
    total, square = _mean(squared.owner.arguments[0], 2, factor), in_order(squares.arguments[0]).owner
    if total is None or not isinstance(square, ring.SquareOp) or total.get("dims") != squares.get("dims"):
        return None
    return total if in_order(square.arguments[0]) is in_order(total.arguments[0]) else None


def _row_numbers(total: ring.SumOp) -> np.ndarray:  # type: ignore[type-arg]
    """For every element of what is summed, the number of its row."""
    shape, dims = ring.shape(total.arguments[0]), total.get("dims")
    rows = np.arange(math.prod(ring.shape(total.result))).reshape(ring.shape(total.result))
    return np.broadcast_to(np.expand_dims(rows, tuple(dims)), shape)


def _repeats(value: SSAValue, source: SSAValue, total: ring.SumOp) -> bool:
    """Whether every element of a value is that of its row in `source`."""
    return origin(value) is source and np.array_equal(
        places(value, source).reshape(-1), _row_numbers(total).reshape(-1)
    )


def _is_centred(value: SSAValue, total: ring.SumOp) -> bool:
    """Whether a value is x less the mean of its row."""
    difference = in_order(value).owner
    if not isinstance(difference, ring.SubOp):
        return False
    x, mean = difference.arguments
    found = _mean(source := origin(mean))
    return (
        in_order(x) is in_order(total.arguments[0])
        and found is not None
        and found.get("dims") == total.get("dims")
        and in_order(found.arguments[0]) is in_order(x)
        and _repeats(mean, source, total)
    )


def normalise(root: ring.RsqrtOp, total: ring.SumOp, eps: float) -> None:
    """Makes the products of x less its mean with 1/sigma, perhaps times a gain, one operation, the gain after it."""
    inverses: list[SSAValue] = [root.result]
    for value in inverses:
        for user in users(value):
            if isinstance(user, ring.ReshapeOp | ring.BroadcastOp | ring.TransposeOp | ring.ShlOp | ring.DownCastOp):
                inverses.append(user.results[0])
    for inverse in inverses:
        for product in users(inverse):
            if not isinstance(product, ring.MulOp) or not _repeats(inverse, root.result, total):
                continue
            other = product.arguments[1 if product.arguments[0] is inverse else 0]
            if _is_centred(other, total):
                replace(product, _normalised(product, total, eps, ring.fraction(product.result)))
                continue
            for outer in users(product.result):
                if not isinstance(outer, ring.MulOp):
                    continue
                centred = outer.arguments[1 if outer.arguments[0] is product.result else 0]
                if _is_centred(centred, total):
                    y = _normalised(outer, total, eps, NORMALISED_FRACTION)
                    gain = rescaled_before(outer, other, min(ring.fraction(other), GAIN_FRACTION))
                    shift = NORMALISED_FRACTION + ring.fraction(gain) - ring.fraction(outer.result)
                    if shift < 0:
                        gain, shift = rescaled_before(outer, gain, ring.fraction(gain) - shift), 0
                    replace(outer, insert_before(outer, ring.MulOp, [y, gain], outer.result.type, shift=shift))


def _normalised(place: ring.RingOp, total: ring.SumOp, eps: float, fraction: int) -> SSAValue:
    """x normalised, in the shape of `place`."""
    x = in_order(total.arguments[0])
    shaped = ring.fxp(ring.shape(total.arguments[0]), ring.width(x), ring.fraction(x))
    if ring.shape(x) != ring.shape(total.arguments[0]):
        x = insert_before(place, ring.ReshapeOp, [x], shaped)
    width = ring.width(place.result)
    if ring.width(x) != 64:
        x = insert_before(place, ring.UpCastOp, [x], ring.fxp(ring.shape(x), 64, ring.fraction(x)))
    made = ring.fxp(ring.shape(x), 64, fraction)
    y = insert_before(place, ring.NormaliseOp, [x], made, dims=total.get("dims"), eps=eps)
    if width != 64:
        y = insert_before(place, ring.DownCastOp, [y], ring.fxp(ring.shape(y), width, fraction), shift=0)
    if ring.shape(y) != ring.shape(place.result):
        y = insert_before(place, ring.ReshapeOp, [y], ring.fxp(ring.shape(place.result), width, fraction))
    return y


def fuse(root: ring.RsqrtOp) -> None:
    """Rewrites one rsqrt of a variance."""
    variance, eps = root.arguments[0], 0.0
    if isinstance(variance.owner, ring.AddPublicOp):
        number = _splat(variance.owner.arguments[1])
        if number is None:
            return
        variance, eps = variance.owner.arguments[0], number
    total = _summed(variance)
    if total is None:
        return
    normalise(root, total, eps)
    if not root.result.uses:
        return
    count, x = _count(total), total.arguments[0]
    k = (count - 1).bit_length()
    factor = count / 2**k
    fraction = min(ring.fraction(x), (ring.MAX_WIDTH - _ROOM - 2 * k) // 2)

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
        for inner in list(block.ops):
            if isinstance(inner, ring.RsqrtOp):
                fuse(inner)
        erase_dead(block)
