"""The interval in which each fixed-point value lies, and whether that is proven or assumed.

Real numbers, not ring integers. What is unknown (an argument, a dot of activations) is assumed to stay below the
policy's bound; the bound is written into the plan and checked in debug mode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.ir import BlockArgument, SSAValue

from ditto.analysis.look_through import row_of_softmax
from ditto.dialects import ring
from ditto.encoding import MASK
from ditto.policy.policy import ASSUMED_RANGE, TABLE_RANGE

# The mean of squares of values of unknown range. A little less than a power of two: a product with 1/n stays below.
_MEAN_SQUARE = 2.0**16 - 2.0**8


@dataclass(frozen=True)
class Interval:
    """low <= x <= high; `assumed` if it rests on an assumption."""

    low: float
    high: float
    assumed: bool = False

    @property
    def size(self) -> float:
        return max(abs(self.low), abs(self.high))

    def union(self, other: Interval) -> Interval:
        return Interval(min(self.low, other.low), max(self.high, other.high), self.assumed or other.assumed)

    def plus(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high, self.assumed or other.assumed)

    def times(self, other: Interval) -> Interval:
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends), self.assumed or other.assumed)

    def scaled(self, factor: float) -> Interval:
        return self.times(Interval(factor, factor))

    def bits(self, fraction: int) -> int:
        """The least B with |x * 2^fraction| < 2^B (one unit of rounding included)."""
        return max(1, math.ceil(self.size * 2.0**fraction).bit_length())


ZERO = Interval(0.0, 0.0)


def bound(value: SSAValue) -> float:
    """What a value of unknown range is assumed not to exceed, by its ring. Integers fill theirs."""
    if ring.fraction(value) == 0:
        return 2.0 ** (ring.width(value) - 1) - 1
    # One less than a power of two, so that the difference of two such values still has room for a comparison.
    return 2.0 ** ASSUMED_RANGE[32 if ring.width(value) <= 32 else 64] - 1


class Intervals:
    """Forward analysis over a function in which widths are still those of the policy.

    `bounds` are what a calibrated plan found of values for which there are only assumptions otherwise. What is added to
    a mask keeps the bound that follows from both: the mask may be absent from the sample inputs.
    """

    def __init__(self, bounds: Mapping[SSAValue, float] | None = None) -> None:
        self.bounds = bounds or {}
        self.known: dict[SSAValue, Interval] = {}

    def of(self, value: SSAValue) -> Interval:
        if value not in self.known:
            self.known[value] = self._public(value) if ring.is_public(value) else self._argument(value)
        return self.known[value]

    def _argument(self, value: SSAValue) -> Interval:
        assert isinstance(value, BlockArgument), value
        if is_table(value):
            return Interval(-(2.0**TABLE_RANGE) + 1, 2.0**TABLE_RANGE - 1, True)
        if value in self.bounds:
            # One unit less than a power of two, as below.
            size = self.bounds[value] - 2.0 ** -ring.fraction(value)
            return Interval(-size, size, True)
        return Interval(-bound(value), bound(value), True)

    def _public(self, value: SSAValue) -> Interval:
        op = value.owner
        if isinstance(op, ring.EncodeOp):
            return self.of(op.arguments[0])
        if isinstance(op, ring.ConstantOp):
            numbers = np.nan_to_num(op.numpy().astype(np.float64))
            return Interval(float(numbers.min(initial=np.inf)), float(numbers.max(initial=-np.inf)))
        if ring.is_public_bit(value):
            return Interval(0.0, 1.0)
        return Interval(-MASK, MASK, True)

    def visit(self, op: ring.RingOp) -> None:
        """Computes the interval of an operation's result."""
        if not ring.is_fxp(op.result):
            return
        rule = _RULES.get(type(op))
        operands = [self.of(value) for value in op.arguments if not ring.is_bit(value)]
        if rule is None:
            result = operands[0]
        else:
            result = rule(op, operands)
        self.known[op.result] = self._limited(op, operands, result)

    def _limited(self, op: ring.RingOp, operands: list[Interval], result: Interval) -> Interval:
        """An assumed interval does not grow beyond the bound, unless an operand is beyond it already."""
        limit = bound(op.result)
        if ring.fraction(op.result) == 0 and result.size > limit:
            # Integers wrap.
            return Interval(-limit, limit, True)
        if op.result in self.bounds and self._rests_on_assumptions(op, operands):
            size = self.bounds[op.result] - 2.0 ** -ring.fraction(op.result)
            return Interval(max(result.low, -size), min(result.high, size), True)
        if isinstance(op, ring.SumOp) or not result.assumed or result.size <= limit:
            return result
        if isinstance(op, ring.SubOp) and row_of_softmax(op.result) is not None:
            return Interval(operands[0].low - operands[0].high, 1.0, True)
        if self.bounds:
            return result
        if is_inner_square(op):
            rows = ring.shape(op.arguments[0])[2]
            return Interval(0.0, min(result.high, rows * _MEAN_SQUARE), True)
        if (terms := squared_sum(op)) is not None:
            return Interval(0.0, min(result.high, terms**2 * _MEAN_SQUARE), True)
        if isinstance(op, _GROWING):
            if isinstance(op, _SUMS) and any(operand.size > limit for operand in operands):
                return result
            return Interval(max(result.low, -limit), min(result.high, limit), True)
        return result

    @staticmethod
    def _rests_on_assumptions(op: ring.RingOp, operands: list[Interval]) -> bool:
        """Whether nothing but assumptions tells how large a result is. A mask that is added is known to be large."""
        if isinstance(op, ring.SubOp) and row_of_softmax(op.result) is not None:
            return False
        if isinstance(op, ring.AddOp | ring.SubOp):
            return all(operand.assumed for operand in operands)
        return isinstance(op, (*_PRODUCTS, ring.SumOp)) and any(operand.assumed for operand in operands)


def is_table(value: SSAValue) -> bool:
    """Whether rows of an argument are picked by one-hot rows."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, ring.ReshapeOp | ring.DownCastOp) and is_table(op.result):
            return True
        if isinstance(op, ring.MatmulOp) and use.index == 1:
            rows = op.arguments[0]
            while isinstance(rows.owner, ring.ReshapeOp):
                rows = rows.owner.arguments[0]
            if isinstance(rows.owner, ring.OneHotOp):
                return True
    return False


def is_inner_square(op: ring.RingOp) -> bool:
    """Whether a matmul multiplies rows with themselves: sums of squares."""
    if not isinstance(op, ring.MatmulOp) or ring.shape(op.result)[1:] != (1, 1):
        return False
    sources = []
    for value in op.arguments:
        while isinstance(value.owner, ring.ReshapeOp):
            value = value.owner.arguments[0]
        sources.append(value)
    return sources[0] is sources[1]


def squared_sum(op: ring.RingOp) -> int | None:
    """The number of terms, if an operation squares a sum: at most the mean square times its square."""
    total = op.arguments[0].owner if isinstance(op, ring.SquareOp) else None
    if not isinstance(total, ring.SumOp):
        return None
    terms: int = math.prod(ring.shape(total.arguments[0])[dim] for dim in total.get("dims"))
    return terms


_SUMS = (ring.AddOp, ring.SubOp, ring.AddPublicOp, ring.MulPublicOp)
_PRODUCTS = (ring.MulOp, ring.SquareOp, ring.MatmulOp, ring.ConvOp, ring.MatmulPublicOp)
_GROWING = (*_SUMS, *_PRODUCTS)

Rule = Callable[[ring.RingOp, list[Interval]], Interval]


def _square(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(0.0, x[0].size ** 2, x[0].assumed)


def _matmul(op: ring.RingOp, x: list[Interval]) -> Interval:
    source = op.arguments[0]
    while isinstance(source.owner, ring.ReshapeOp):
        source = source.owner.arguments[0]
    if isinstance(source.owner, ring.OneHotOp):
        return x[1].union(ZERO)
    inner = ring.shape(op.arguments[0])[2]
    if is_inner_square(op):
        return Interval(0.0, inner * x[0].size ** 2, x[0].assumed)
    return x[0].times(x[1]).scaled(inner)


def _conv(op: ring.RingOp, x: list[Interval]) -> Interval:
    return x[0].times(x[1]).scaled(math.prod(ring.shape(op.arguments[1])[:3]))


def _sum(op: ring.RingOp, x: list[Interval]) -> Interval:
    return x[0].scaled(math.prod(ring.shape(op.arguments[0])[dim] for dim in op.get("dims")))


def _union(op: ring.RingOp, x: list[Interval]) -> Interval:
    result = x[0]
    for other in x[1:]:
        result = result.union(other)
    return result


def _relabel(op: ring.RingOp, x: list[Interval]) -> Interval:
    return x[0].scaled(2.0 ** (ring.fraction(op.arguments[0]) - ring.fraction(op.result)))


def _exp(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(0.0, math.exp(op.get("slack") / 2.0 ** ring.fraction(op.arguments[0])))


def _polynomial(op: ring.RingOp, x: list[Interval]) -> Interval:
    size = sum(abs(c) * x[0].size ** power for power, c in enumerate(op.get("coefficients")))
    return Interval(-size, size, x[0].assumed)


def _gelu(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(-0.25, max(x[0].high, 0.25), x[0].assumed)


_RULES: dict[type, Rule] = {
    ring.AddOp: lambda op, x: x[0].plus(x[1]),
    ring.SubOp: lambda op, x: x[0].plus(x[1].scaled(-1)),
    ring.AddPublicOp: lambda op, x: x[0].plus(x[1]),
    ring.NegOp: lambda op, x: x[0].scaled(-1),
    ring.MulPublicOp: lambda op, x: x[0].times(x[1]),
    ring.MatmulPublicOp: _matmul,
    ring.MulOp: lambda op, x: x[0].times(x[1]),
    ring.SquareOp: _square,
    ring.MatmulOp: _matmul,
    ring.ConvOp: _conv,
    ring.SumOp: _sum,
    ring.RelabelOp: _relabel,
    ring.ConcatOp: _union,
    ring.SelectOp: _union,
    ring.PadOp: lambda op, x: x[0].union(ZERO),
    ring.TakeOp: lambda op, x: x[0].union(ZERO),
    ring.BitMulOp: lambda op, x: x[0].union(ZERO),
    ring.BitToFxpOp: lambda op, x: Interval(0.0, 1.0),
    ring.OneHotOp: lambda op, x: Interval(0.0, 1.0),
    ring.ArgmaxOp: lambda op, x: Interval(0.0, float(ring.shape(op.arguments[0])[op.get("axis")])),
    ring.ExpOp: _exp,
    ring.ReciprocalOp: lambda op, x: Interval(0.0, 2.0 ** -op.get("lo")),
    ring.RsqrtOp: lambda op, x: Interval(0.0, 2.0 ** (-op.get("lo") / 2)),
    ring.TanhOp: lambda op, x: Interval(-1.0, 1.0),
    ring.GeluOp: _gelu,
    ring.PolynomialOp: _polynomial,
}
