"""Writes the operations of guards, with 64 bits of room: assign-widths gives each what it takes."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from ditto.analysis.intervals import ARGUMENT_RANGES, noted_range
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.passes.ring_rewriting import constant_before, insert_before

# Bits that an integer may have where a bit is added to it (a difference to a limit), it is widened, and has a sign.
MOST_BITS = 61


class Writer:
    """Writes behind one operation of a function after the other, in its layer."""

    def __init__(self, function: FuncOp) -> None:
        self.arguments: list[int] = ring.plain(function.attributes[ARGUMENT_RANGES])

    def stand_behind(self, op: ring.RingOp) -> None:
        following = op.next_op
        assert following is not None
        self.place, self.layer = following, op.attributes.get("layer")

    def bits(self, value: SSAValue) -> int:
        """|x| < 2^bits as an integer."""
        return noted_range(value, self.arguments)

    def constant(self, numbers: Array) -> SSAValue:
        return constant_before(self.place, numbers)

    def insert(
        self, kind: type[ring.RingOp], operands: list[SSAValue], type: Attribute, **attributes: object
    ) -> SSAValue:
        return insert_before(self.place, kind, operands, type, layer=self.layer, **attributes)

    def emit(
        self,
        kind: type[ring.RingOp],
        operands: list[SSAValue],
        shape: tuple[int, ...],
        fraction: int,
        range: int,
        **attributes: object,
    ) -> SSAValue:
        """A fixed-point result."""
        return self.insert(kind, operands, ring.fxp(shape, ring.MAX_WIDTH, fraction), range=range, **attributes)

    def require_not_negative(self, x: SSAValue, sign: int, number: int, drop: int = 0) -> None:
        """Requires sign * x + number >= 0, of integers, to 2^drop."""
        shape, fraction, bits = ring.shape(x), ring.fraction(x), self.bits(x)
        # Only within a limit of the ring's end, which nothing legal reaches, a sum may leave the ring.
        size = min(max(bits, abs(number).bit_length()) + 1, ring.MAX_WIDTH - 1)
        if sign < 0:
            x = self.emit(ring.NegOp, [x], shape, fraction, bits)
        x = self.emit(ring.AddPublicOp, [x, self.constant(np.array(number, np.int64))], shape, fraction, size)
        self.require_false(x, size, drop)

    def require_false(self, x: SSAValue, size: int, drop: int = 0) -> None:
        """Requires that no x is negative, |x| < 2^size."""
        type = ring.bits(ring.shape(x))
        bits = min(size + 1, ring.MAX_WIDTH)
        self.insert(ring.RequireFalseOp, [self.insert(ring.MsbOp, [x], type, bits=bits, drop=drop)], type)

    def require_below(self, x: SSAValue, limit: int | Array) -> None:
        """Requires |x| < limit, of integers."""
        shape, fraction, bits = ring.shape(x), ring.fraction(x), self.bits(x)
        most = int(np.max(limit)).bit_length()
        # A sum that wraps has the wrong sign, and is refused too.
        size = min(max(bits, most + 1), ring.MAX_WIDTH - 1)
        limits = self.constant(np.asarray(np.asarray(limit, np.int64) - 1))
        below = self.emit(ring.AddPublicOp, [x, limits], shape, fraction, size)
        minus = self.emit(ring.NegOp, [x], shape, fraction, bits)
        above = self.emit(ring.AddPublicOp, [minus, limits], shape, fraction, size)
        for difference in (below, above):
            self.require_false(difference, size)
