"""Has the parties check what is claimed of a program's values, so that a value that left its range ends the run.

    %1 = ring.matmul %x, %w {shift = 12, claim = 5.4e+08, range = 24} : .. -> ..<32, 8>>
becomes
    %1 = ring.matmul %x, %w {shift = 12, range = 24} : .. -> ..<32, 8>>
    %2 = ring.require_range %1 {bits = 25, legal = 2} : .. -> ..<32, 8>>

`claim` is what the intervals of the operands alone would allow. `require_range` looks at three bits of every element,
without a round: it sees the values that have just left their range, and three in eight of those (one in eight where
three quarters of the range are legal) that have gone all the way round the ring. Of a large tensor many elements leave
together. Where a value is made with a bit to spare for a cast, `assign-widths` has that looked at too, and all of the
range is legal. A small tensor is checked for certain: its exact size is computed again, coarsely, from operands cut to
their high bits, where all of it fits 64 bits, and compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.intervals import ARGUMENT_RANGES, BOUND, CLAIM
from ditto.analysis.look_through import known_numbers
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Linear, TakesPositive
from ditto.passes.ring_rewriting import constant_before, insert_before

# Tensors of up to so many elements, operands included, are checked for certain.
SMALL = 4096
# A limit is so many bits above the unit of the coarse value that is compared with it; rounding takes two units.
_DIGITS, _ROUNDING = 5, 3
# Bits that an integer may have where a bit is added to it (a difference to a limit), it is widened, and has a sign.
_MOST = 61
# Coarse products one after the other, each of which narrows what the next has to hold.
_MOST_LEVELS = 6


class _Guards:
    """Guards of one function. New operations stand directly behind the one they guard."""

    def __init__(self, function: FuncOp) -> None:
        self.arguments = ring.plain(function.attributes[ARGUMENT_RANGES])

    def bits(self, value: SSAValue) -> int:
        """|x| < 2^bits as an integer."""
        if isinstance(value, BlockArgument):
            return int(self.arguments[value.index])
        assert isinstance(value.owner, ring.RingOp)
        return int(value.owner.get("range"))

    def guard(self, op: ring.RingOp) -> None:
        following = op.next_op
        assert following is not None
        self.place, self.layer = following, op.attributes.get("layer")
        if isinstance(op, ring.MaxOp):
            # A row of nothing but masks that were added: its maximum is below half of them.
            fraction = ring.fraction(op.result)
            half = int(op.get(CLAIM)) << fraction >> 1
            self.require_not_negative(op.result, 1, half, drop=fraction + 3)
        elif isinstance(op, ring.ExpBelowOp):
            # x <= hi
            exponent = op.arguments[0]
            self.require_not_negative(exponent, -1, op.get("hi") << ring.fraction(exponent))
        elif op.has_trait(TakesPositive):
            x = op.arguments[-1]
            # x >= 2^lo, or a unit; a square root takes zero.
            lowest = [
                0 if trait.zero else 1 << max(0, op.get("lo") + ring.fraction(x))
                for trait in op.get_traits_of_type(TakesPositive)
            ]
            self.require_not_negative(x, 1, -lowest[0])
            if isinstance(op, ring.DivideOp) and not self._quotient(op):
                self.by_zone(op)
        elif isinstance(op, ring.ShlOp):
            # Nothing can be told of the result: an integer too large for it has lost its high bits.
            self.require_below(op.arguments[0], 1 << self.bits(op.result) - op.get("bits"))
        elif max(math.prod(ring.shape(v)) for v in (*op.arguments, op.result)) > SMALL or not self.certain(op):
            self.by_zone(op)

    def emit(
        self,
        kind: type[ring.RingOp],
        operands: list[SSAValue],
        shape: tuple[int, ...],
        fraction: int,
        range: int,
        **attributes: object,
    ) -> SSAValue:
        type = ring.fxp(shape, ring.MAX_WIDTH, fraction)
        return insert_before(self.place, kind, operands, type, range=range, layer=self.layer, **attributes)

    def by_zone(self, op: ring.RingOp) -> None:
        value, uses = op.result, list(op.result.uses)
        # Evidence is often exceeded a little; so is a limit that a 64-bit ring sets.
        legal = 3 if BOUND in op.attributes or ring.width(value) > 32 else 2
        bits = max(3, self.bits(value) + 1)
        checked = insert_before(
            self.place,
            ring.RequireRangeOp,
            [value],
            value.type,
            bits=bits,
            legal=legal,
            range=self.bits(value),
            layer=self.layer,
        )
        for use in uses:
            use.operation.operands[use.index] = checked

    def certain(self, op: ring.RingOp) -> bool:
        """Checks every element for certain, if a way is known."""
        limit = self.bits(op.result) + op.get("shift", 0)
        if isinstance(op, ring.DownCastOp):
            if self.bits(op.arguments[0]) >= _MOST:
                return False
            self.require_below(op.arguments[0], 2**limit)
            return True
        if isinstance(op, ring.MulPublicOp):
            return self._scaled(op, limit)
        if isinstance(op, ring.MulOp | ring.SquareOp | ring.MatmulOp | ring.ConvOp):
            return self._product(op, limit)
        if op.has_trait(Linear) or isinstance(op, ring.SumOp):
            return self._again(op, limit)
        return False

    def _again(self, op: ring.RingOp, limit: int) -> bool:
        """A sum computed once more, with room for all of it."""
        size = math.ceil(op.get(CLAIM) * 2.0 ** ring.fraction(op.result)).bit_length()
        if size > _MOST:
            return False
        attributes = {name: a for name, a in op.attributes.items() if name not in ring.NOTES}
        again = self.emit(
            type(op), list(op.arguments), ring.shape(op.result), ring.fraction(op.result), size, **attributes
        )
        self.require_below(again, 2**limit)
        return True

    def require_not_negative(self, x: SSAValue, sign: int, number: int, drop: int = 0) -> None:
        """Requires sign * x + number >= 0, of integers, to 2^drop."""
        shape, fraction, bits = ring.shape(x), ring.fraction(x), self.bits(x)
        # Only within a limit of the ring's end, which nothing legal reaches, a sum may leave the ring.
        size = min(max(bits, abs(number).bit_length()) + 1, ring.MAX_WIDTH - 1)
        if sign < 0:
            x = self.emit(ring.NegOp, [x], shape, fraction, bits)
        x = self.emit(
            ring.AddPublicOp, [x, constant_before(self.place, np.array(number, np.int64))], shape, fraction, size
        )
        self.require_false(x, size, drop)

    def require_false(self, x: SSAValue, size: int, drop: int = 0) -> None:
        """Requires that no x is negative, |x| < 2^size."""
        type = ring.bits(ring.shape(x))
        bits = min(size + 1, ring.MAX_WIDTH)
        sign = insert_before(self.place, ring.MsbOp, [x], type, bits=bits, drop=drop, layer=self.layer)
        insert_before(self.place, ring.RequireFalseOp, [sign], type, layer=self.layer)

    def require_below(self, x: SSAValue, limit: int | Array) -> None:
        """Requires |x| < limit, of integers."""
        shape, fraction, bits = ring.shape(x), ring.fraction(x), self.bits(x)
        most = int(np.max(limit)).bit_length()
        # In the widest ring a sum that wraps has the wrong sign, and is refused too.
        size = min(max(bits, most) + 1, ring.MAX_WIDTH - 1)
        limits = constant_before(self.place, np.asarray(np.asarray(limit, np.int64) - 1))
        below = self.emit(ring.AddPublicOp, [x, limits], shape, fraction, size)
        minus = self.emit(ring.NegOp, [x], shape, fraction, bits)
        above = self.emit(ring.AddPublicOp, [minus, limits], shape, fraction, size)
        for difference in (below, above):
            self.require_false(difference, size)

    def _scaled(self, op: ring.MulPublicOp, limit: int) -> bool:
        """x times public numbers p: |x| < 2^limit / |p|."""
        x, bits = op.arguments[0], self.bits(op.arguments[0])
        numbers = known_numbers(op.arguments[1])
        if bits >= _MOST:
            return False
        if numbers is None:
            return self._scaled_at_call(op, limit)
        encoded = op.arguments[1].owner
        scale = 2.0 ** encoded.get("fraction") if isinstance(encoded, ring.EncodeOp) else 1.0
        with np.errstate(divide="ignore"):
            limits = np.ceil(2.0**limit / np.abs(np.rint(numbers.astype(np.float64) * scale)))
        self.require_below(x, np.minimum(limits, 2.0 ** (bits + 1)).astype(np.int64))
        return True

    def _scaled_at_call(self, op: ring.MulPublicOp, limit: int) -> bool:
        """x times numbers that are known when the program is called, and encoded by the caller."""
        encoded = op.arguments[1].owner
        if not isinstance(encoded, ring.EncodeOp) or not isinstance(encoded.arguments[0], BlockArgument):
            return False
        finest = encoded.get("fraction")
        real = int(self.arguments[encoded.arguments[0].index])
        levels = _levels(self.bits(op.arguments[0]), real + finest, 0, limit)
        if levels is None or any(q > finest for _, q, _, _ in levels):
            return False
        for p, q, size, told in levels:
            factor = self._cut(op.arguments[0], p, 31)
            type = op.arguments[1].type
            number = insert_before(self.place, ring.EncodeOp, [encoded.arguments[0]], type, fraction=finest - q)
            shift = max(0, told - _DIGITS - p - q)
            unit = p + q + shift
            # The public factor's fraction is that of the result, plus the shift, less x's.
            fraction = ring.fraction(factor) + finest - q - shift
            if fraction < 0:
                return False
            coarse = self.emit(
                ring.MulPublicOp,
                [factor, number],
                ring.shape(op.result),
                fraction,
                max(1, size - unit) + 1,
                shift=shift,
            )
            self.require_below(coarse, (1 << told - unit) - _ROUNDING)
        return True

    def _product(self, op: ring.RingOp, limit: int) -> bool:
        """Coarse products until what is left unsure is below 2^limit."""
        x, y = op.arguments[0], op.arguments[-1]
        count = 1
        if isinstance(op, ring.MatmulOp):
            count = ring.shape(x)[2]
        elif isinstance(op, ring.ConvOp):
            count = math.prod(ring.shape(y)[:3])
        levels = _levels(self.bits(x), self.bits(y), (count - 1).bit_length(), limit, isinstance(op, ring.SquareOp))
        if levels is None:
            return False
        for p, q, size, told in levels:
            self._level(op, p, q, size, told)
        return True

    def _level(self, op: ring.RingOp, p: int, q: int, size: int, told: int) -> None:
        """Requires |product| < 2^told, where it is known to be below 2^size."""
        x, y = op.arguments[0], op.arguments[-1]
        square = isinstance(op, ring.SquareOp)
        factors = [self._cut(x, p, 31)] if square else [self._cut(x, p, 31), self._cut(y, q, 32)]
        shift = max(0, told - _DIGITS - p - q)
        fraction = sum(ring.fraction(f) for f in (factors * 2 if square else factors)) - shift
        unit = p + q + shift
        strides = {"strides": op.get("strides")} if isinstance(op, ring.ConvOp) else {}
        coarse = self.emit(
            type(op), factors, ring.shape(op.result), fraction, max(1, size - unit) + 1, shift=shift, **strides
        )
        self.require_below(coarse, (1 << told - unit) - _ROUNDING + 1)

    def _quotient(self, op: ring.DivideOp) -> bool:
        """|x| 32 < 31 y times the limit of x / y, which errs by less than a thirty-second; only of small tensors."""
        x, y = op.arguments
        power = self.bits(op.result) - ring.fraction(op.result) + ring.fraction(x) - ring.fraction(y)
        factors = (32 << max(0, -power), 31 << max(0, power))
        size = max(self.bits(v) + factor.bit_length() for v, factor in zip((x, y), factors)) + 1
        shape = ring.shape(x)
        if size > _MOST or math.prod(shape) > SMALL:
            return False
        scaled = []
        for value, factor in zip((x, y), factors):
            number = constant_before(self.place, np.array(factor, np.int64))
            bits = self.bits(value) + factor.bit_length()
            integer = self.emit(ring.RelabelOp, [value], shape, 0, self.bits(value))
            scaled.append(self.emit(ring.MulPublicOp, [integer, number], shape, 0, bits, shift=0))
        for kind in (ring.SubOp, ring.AddOp):
            self.require_false(self.emit(kind, scaled[::-1], shape, 0, size), size)
        return True

    def _cut(self, x: SSAValue, low: int, fraction: int) -> SSAValue:
        """x without its low bits, as an integer, with a fraction that stands for nothing."""
        bits = self.bits(x)
        labelled = self.emit(ring.RelabelOp, [x], ring.shape(x), low + fraction, bits)
        if not low:
            return labelled
        return self.emit(ring.DownCastOp, [labelled], ring.shape(x), fraction, max(1, bits - low) + 1, shift=low)


def _levels(a: int, b: int, terms: int, limit: int, square: bool = False) -> list[tuple[int, int, int, int]] | None:
    """Coarse products of |x| < 2^a and |y| < 2^b, 2^terms of them added.

    For each the low bits that x and y lose, what is known before (2^size) and what it tells (2^told); the last tells
    2^limit. None if that cannot be told.
    """
    size = a + b + terms
    found: list[tuple[int, int, int, int]] = []
    while size > limit:
        # The product of the cut operands must not leave 61 bits: one more is for rounding, one for an up-cast, one the
        # sign.
        cut = max(0, size - _MOST)
        p = min(max(0, (cut + a - b + 1) // 2), cut)
        q = cut - p
        if square:
            p = q = (cut + 1) // 2
        # What the cut bits are worth.
        error = terms + max(a - p, b - q) + 1 + p + q if p + q else 0
        told = max(limit, error + _DIGITS)
        found.append((p, q, size, told))
        if told >= size or len(found) > _MOST_LEVELS:
            return None
        size = told
    return found


@dataclass(frozen=True)
class InsertGuard(ModulePass):
    """`guard` is False where the caller does without."""

    name = "insert-guard"
    guard: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.guard:
            return
        function = ring.main(op)
        guards = _Guards(function)
        for inner in list(function.body.block.ops):
            if isinstance(inner, ring.RingOp) and CLAIM in inner.attributes:
                guards.guard(inner)
