"""Computes (x - mean) / sqrt(variance + eps) of rows from exact integers, at as many scales as x's range asks for.

    %1 = ring.normalise %x {dims = [1], eps = 1.0e-05} : (tensor<4x8x..<64, 14>>) -> tensor<4x8x..<64, 14>>
becomes, with n = 8,
    d = n x - sum(x)                        exact, so that a constant row gives zero whatever it is divided by
    v = n sum(x^2) - sum(x)^2               n^2 times the variance, to the last bit: by Cauchy and Schwarz not negative
    d * rsqrt(v / 4^k + ...) / 2^k          n / 2^k in (1/2, 1]

Where the rows are multiplied with a gain that is an argument, d is multiplied with it before the root is known, which
takes a round less, and a narrower ring for the root.

v has twice the fraction bits of x, and must stay below 2^62. Where x may be so large that its fraction bits do not fit,
it is rounded for v, coarsely enough for the largest x; and for rows of small variance v is computed again with finer x,
modulo 2^64, and the finest that is valid is chosen by the coarser ones. All of this is done once a row. Where samples
have shown the variances (`variances`), one scale and few powers of two do, and the guard refuses others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.intervals import BOUND, FACT, MODULAR, Intervals
from ditto.analysis.look_through import has_any, is_argument
from ditto.dialects import ring
from ditto.dialects.traits import Reshapes
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

# v < 2^_LIMIT as an integer.
_LIMIT = 62
# Bits of precision that 1/sigma has where sigma is largest; of the variance where a scale takes over from a finer one.
_PRECISION, _NOISE = 12, 13
# Digits of the least variance of a window that its root is taken of.
_DIGITS = 16
# The finest fraction of a variance, the least variance that is told from zero, the greatest whose root is taken as is.
_VARIANCE_FRACTION, _LEAST, _HIGHEST = 36, -30, 12
# The most powers of two of one rsqrt: more take twice the rounds.
_WINDOW = 22
# x is rounded to this fraction for its variance without a finer scale beside it.
_FINE_ENOUGH = 13
# Bits below the unit of the result that d has after its gain.
_GUARD = 2


@dataclass(frozen=True)
class _Scale:
    """x is rounded to `fraction` (negative: to multiples of a power of two) for its variance."""

    fraction: int
    # Whether v may exceed its ring: it is then right only for rows of small variance.
    modular: bool

    @property
    def label(self) -> int:
        """x is labelled as x / 2^label, so that no type has a negative fraction."""
        return max(-self.fraction, 0)


@dataclass(frozen=True)
class _Window:
    """Rows with 2^low <= (v + eps) / 4^k (of x / 2^label) < 2^high."""

    scale: _Scale
    variance: SSAValue
    eps: float
    low: int
    high: int
    # By samples: what is beyond is refused.
    seen: bool

    @property
    def served(self) -> tuple[int, int]:
        """Powers of two: neighbours overlap by what the bit that chooses between them leaves unsure."""
        return (self.low, self.high) if self.seen else (self.low - 1, self.high + 2)


def scales(fraction: int, count: int, size: float) -> list[_Scale]:
    """From the coarsest on, for rows of `count` values |x| < size."""
    coarsest = math.floor(_LIMIT / 2 - math.log2(count * size))
    if coarsest >= min(fraction, _FINE_ENOUGH):
        return [_Scale(min(fraction, coarsest), False)]
    step = int(_LIMIT - 2 - 2 * math.log2(count) - _NOISE) // 2
    found = [_Scale(coarsest, False)]
    while found[-1].fraction < fraction:
        found.append(_Scale(min(fraction, found[-1].fraction + step), True))
    return found


class _Expansion:
    # In front of what operations are written, and whose layer they have.
    op: ring.RingOp

    def __init__(self, op: ring.NormaliseOp, intervals: Intervals) -> None:
        self.op = op
        self.intervals = intervals
        x, dims = op.arguments[0], sorted(op.get("dims"))
        shape = ring.shape(x)
        self.count = math.prod(shape[dim] for dim in dims)
        self.rows = math.prod(shape) // self.count
        self.k = (self.count - 1).bit_length()
        self.size = intervals.of(x).size
        self.order = [*(dim for dim in range(len(shape)) if dim not in dims), *dims]
        self.in_order = self.order == list(range(len(shape)))
        if not self.in_order:
            moved = ring.fxp([shape[dim] for dim in self.order], 64, ring.fraction(x))
            x = insert_before(op, ring.TransposeOp, [x], moved, perm=self.order)
        self.x = self.emit(ring.ReshapeOp, [x], (self.rows, self.count), ring.fraction(x))

    def emit(
        self, kind: type[ring.RingOp], operands: list[SSAValue], shape: tuple[int, ...], to: int, **attributes: object
    ) -> SSAValue:
        return insert_before(self.op, kind, operands, ring.fxp(shape, 64, to), **attributes)

    def variance(self, scale: _Scale) -> SSAValue:
        """(n / 2^k)^2 times the variance of x / 2^label, rows of it."""
        fraction, rows, n = scale.fraction + scale.label, self.rows, self.count
        x = self.x
        if scale.label:
            x = self.emit(ring.RelabelOp, [x], ring.shape(x), ring.fraction(x) + scale.label)
        x = rescaled_before(self.op, x, fraction)
        # Rounding adds a unit.
        size = self.size / 2.0**scale.label + 2.0 ** (1 - fraction)
        top = 2.0 ** (_LIMIT - 2 * fraction)

        def known(bound: float) -> dict[str, float]:
            return {FACT: top if scale.modular else min(bound, top)}

        one_row, one_column = ((rows, 1, n), (rows, n, 1))
        operands = [self.emit(ring.ReshapeOp, [x], shape, fraction) for shape in (one_row, one_column)]
        squares = self.emit(ring.MatmulOp, operands, (rows, 1, 1), 2 * fraction, shift=0, **known(n * size**2))
        squares = self.emit(ring.ReshapeOp, [squares], (rows,), 2 * fraction)
        scaled = self.emit(
            ring.MulPublicOp,
            [squares, constant_before(self.op, np.array(n, np.int64))],
            (rows,),
            2 * fraction,
            shift=0,
            **known((n * size) ** 2),
        )
        total = self.emit(ring.SumOp, [x], (rows,), fraction, dims=[1])
        square = self.emit(ring.SquareOp, [total], (rows,), 2 * fraction, shift=0, **known((n * size) ** 2))
        value = self.emit(ring.SubOp, [scaled, square], (rows,), 2 * fraction, **{FACT: min((n * size) ** 2, top)})
        exact = 2 * (fraction + self.k)
        value = self.emit(ring.RelabelOp, [value], (rows,), exact)
        # What eps and a square root need, if there is room; it is exact up to here.
        room = exact if scale.modular else _LIMIT - 1 - math.ceil(2 * math.log2(size))
        return rescaled_before(self.op, value, min(max(exact, room), _VARIANCE_FRACTION))

    def windows(self) -> list[_Window]:
        """From the largest variances to the smallest: at which scale they are computed, between which powers of two."""
        found = scales(ring.fraction(self.x), self.count, self.size)
        seen = self.op.get("variances")
        result: list[_Window] = []
        for index, scale in enumerate(found):
            variance = self.variance(scale)
            eps = (self.count / 2**self.k) ** 2 * self.op.get("eps") / 4.0**scale.label
            high = _LIMIT - 2 * (scale.fraction + scale.label + self.k)
            if not scale.modular:
                high = min(high, math.ceil(2 * math.log2(self.size / 2.0**scale.label + 1)))
            if eps >= 2.0**high:
                if result:
                    # A coarser scale serves all of these.
                    continue
                high = math.ceil(math.log2(2 * eps))
            low = max(_LEAST, 1 - ring.fraction(variance))
            if index + 1 < len(found):
                # A quarter of what the finer scale holds; the coarser one tells it to a thousandth.
                low = _LIMIT - 2 * (found[index + 1].fraction + self.k) - 2 - 2 * scale.label - 1
            elif seen and index == 0:
                least, most = ((self.count / 2**self.k) ** 2 * (v + self.op.get("eps")) for v in seen)
                low, high = max(low, math.floor(math.log2(least))), min(high, math.ceil(math.log2(most)))
                return [_Window(scale, variance, eps, min(low, high - 1), high, True)]
            elif eps:
                low = max(low, min(math.floor(math.log2(eps)), high - 1))
            parts = -(-(high - low) // _WINDOW)
            ends = [high - (high - low) * part // parts for part in range(parts + 1)]
            result += [_Window(scale, variance, eps, end, start, False) for start, end in zip(ends, ends[1:])]
        return result

    def root(self, window: _Window) -> SSAValue:
        """1 / (n sigma) of the rows that a window serves."""
        variance, scale = window.variance, window.scale
        fraction = ring.fraction(variance)
        least = window.eps + 2.0 ** (1 - fraction)
        bound = {BOUND: 2.0**window.high} if window.seen else {}
        value = self.emit(
            ring.AddPublicOp, [variance, encoded_before(self.op, least, fraction)], (self.rows,), fraction, **bound
        )
        low, high = window.served
        # Large variances are divided by a power of four, for free, so that no ring has to hold both ends.
        j = max(0, (high - _HIGHEST + 1) // 2)
        if j:
            value = self.emit(ring.RelabelOp, [value], (self.rows,), fraction + 2 * j)
        low, high = low - 2 * j, high - 2 * j
        value = rescaled_before(self.op, value, min(ring.fraction(value), _DIGITS - low))
        bits = _PRECISION + max(0, -(-high // 2))
        # What has not been seen is never negative, and where a window is not chosen nothing is asked of its root.
        known = {} if window.seen else {FACT: 2.0 ** (1 - low / 2)}
        root = self.emit(ring.RsqrtOp, [value], (self.rows,), bits, lo=low, hi=high, **known)
        return self.emit(ring.RelabelOp, [root], (self.rows,), bits + self.k + scale.label + j)

    def chosen(self, windows: list[_Window]) -> SSAValue:
        """1 / (n sigma), from the window of its variance."""
        roots = [self.root(window) for window in windows]
        finest = max(ring.fraction(root) for root in roots)
        roots = [rescaled_before(self.op, root, finest) for root in roots]
        # From the finest on: what a coarser window says is right, and says whether the finer ones may be asked.
        result = roots[-1]
        for window, root in reversed(list(zip(windows, roots[:-1]))):
            fraction = ring.fraction(window.variance)
            threshold = encoded_before(self.op, window.eps - 2.0 ** (window.low + 1), fraction)
            difference = self.emit(ring.AddPublicOp, [window.variance, threshold], (self.rows,), fraction)
            drop = max(0, window.low + 1 + fraction - 8)
            type = ring.bits((self.rows,))
            small = insert_before(self.op, ring.MsbOp, [difference], type, bits=64, drop=drop)
            result = self.emit(ring.SelectOp, [small, result, root], (self.rows,), finest)
        return result

    def run(self) -> None:
        op, n, fraction = self.op, self.count, ring.fraction(self.x)
        before = op.prev_op
        windows = self.windows()
        inverse = self.chosen(windows)
        assert before is not None
        while (made := before.next_op) is not op:
            # Right modulo 2^64 or not chosen, if it leaves its ring; what is chosen is checked after all.
            assert made is not None
            made.attributes[MODULAR] = ring.attribute(1)
            before = made
        whole = (self.rows, n)
        total = self.emit(ring.SumOp, [self.x], (self.rows,), fraction, dims=[1])
        total = self.emit(ring.BroadcastOp, [total], whole, fraction, dims=[0])
        scaled = self.emit(
            ring.MulPublicOp, [self.x, constant_before(self.op, np.array(n, np.int64))], whole, fraction, shift=0
        )
        centred = self.emit(ring.SubOp, [scaled, total], whole, fraction)
        if gained := self.gained():
            largest = max(-window.served[0] / 2 - self.k - window.scale.label for window in windows)
            if self.gain_first(*gained, centred, inverse, math.ceil(largest)):
                return
        to = ring.fraction(op.result)
        # What the product leaves room for.
        room = ring.MAX_WIDTH - 2 - math.ceil(math.log2(n) / 2) - fraction
        inverse = rescaled_before(self.op, inverse, min(ring.fraction(inverse), room))
        bits = ring.fraction(inverse)
        inverse = self.emit(ring.BroadcastOp, [inverse], whole, bits, dims=[0])
        # No element of a normalised row is larger than sqrt(n).
        size, exact = math.sqrt(n) * (1 + 2.0**-6), min(to, fraction + bits)
        result = self.emit(ring.MulOp, [centred, inverse], whole, exact, shift=fraction + bits - exact, **{FACT: size})
        result = rescaled_before(self.op, result, to)
        shape, order = ring.shape(op.arguments[0]), self.order
        result = self.emit(ring.ReshapeOp, [result], tuple(shape[dim] for dim in order), to)
        if not self.in_order:
            result = self.emit(
                ring.TransposeOp, [result], shape, to, perm=[order.index(dim) for dim in range(len(shape))]
            )
        replace(op, result)

    def gained(self) -> tuple[ring.MulOp, SSAValue] | None:
        """The product of the normalised rows with an argument, if there is nothing else that they are for."""
        value: SSAValue = self.op.result
        while len(found := users(value)) == 1 and has_any(found[0], Reshapes):
            value = found[0].results[0]
        if len(found) != 1 or not isinstance(product := found[0], ring.MulOp) or not self.in_order:
            return None
        gains = [operand for operand in product.arguments if operand is not value]
        return (product, gains[0]) if len(gains) == 1 and is_argument(gains[0]) else None

    def gain_first(
        self, product: ring.MulOp, gain: SSAValue, centred: SSAValue, inverse: SSAValue, largest: int
    ) -> bool:
        """(n x - sum(x)) times the gain, then 1 / (n sigma) < 2^largest; whether there is room for it."""
        whole, to, size = (self.rows, self.count), ring.fraction(product.result), self.intervals.of(gain).size
        fraction = max(to + _GUARD + largest, 0)
        first = ring.fraction(centred) + ring.fraction(gain) - fraction
        second = fraction + ring.fraction(inverse) - to
        bits = math.log2(2 * self.count * self.size * max(size, 2.0**-_LIMIT)) + fraction + first
        if first < 0 or second < 0 or bits > _LIMIT:
            return False
        self.op = product
        gain = self.emit(ring.ReshapeOp, [gain], whole, ring.fraction(gain))
        scaled = self.emit(ring.MulOp, [centred, gain], whole, fraction, shift=first)
        inverse = self.emit(ring.BroadcastOp, [inverse], whole, ring.fraction(inverse), dims=[0])
        bound = math.sqrt(self.count) * (1 + 2.0**-6) * size
        result = self.emit(ring.MulOp, [scaled, inverse], whole, to, shift=second, **{FACT: bound})
        result = insert_before(product, ring.ReshapeOp, [result], product.result.type)
        assert isinstance(reshape := result.owner, ring.ReshapeOp)
        reshape.attributes.update({name: note for name, note in product.attributes.items() if name in ring.NOTES})
        replace(product, result)
        return True


@dataclass(frozen=True)
class ExpandNormalisation(ModulePass):
    name = "expand-normalisation"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        normalisations = every(function, ring.NormaliseOp)
        if not normalisations:
            return
        intervals = Intervals(function)
        for inner in function.body.block.ops:
            if isinstance(inner, ring.RingOp):
                intervals.visit(inner)
        for normalisation in normalisations:
            _Expansion(normalisation, intervals).run()
        erase_dead(function.body.block)
