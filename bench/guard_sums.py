"""A guard of linear layers that finds single elements out of range: a sketch to measure, not a pass.

    %y = ring.matmul %x, %w {shift = s, range = R}      [1, m, k] times parameters [1, k, n]
gets beside it, with public odd numbers r of a few bits, one a row,
    r y, from the y that was made, and (r x) w / 2^s, in as many bits as they may legally have,
    and requires that they differ by less than 2^R.

Roundings make them differ by less than m r. A y that left its range is made modulo 2^(R+1), so it is off by a multiple
of that, and r y as well unless multiples in one column cancel: of a single one they never do, of several with a chance
of about one in the values that r takes. It is Freivalds' test of a matrix product, on its columns. One row is widened
and compared where the rest of a guard looks at m: no look at each element.
"""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import Block, Operation, SSAValue

from ditto.dialects import ring
from ditto.passes.ring.insert_guard import _Guards

# Bits of r, if there is room for them.
_BITS = 7
# What a sum may have as an integer.
_MOST = 60


class SumGuards(_Guards):
    """As the guards of insert-guard, and sums of rows where a layer is large."""

    def guard(self, op: ring.RingOp) -> None:
        super().guard(op)
        if isinstance(op, ring.MatmulOp) and _is_parameter(op.arguments[1]) and ring.shape(op.arguments[0])[1] > 1:
            self.by_sums(op)

    def by_sums(self, op: ring.RingOp) -> bool:
        x, w = op.arguments
        _, m, k = ring.shape(x)
        n, rows, shift, limit = ring.shape(w)[2], math.ceil(math.log2(m)), op.get("shift"), self.bits(op.result)
        bits = min(_BITS, limit - 2 - rows)
        total = self.bits(x) + self.bits(w) + math.ceil(math.log2(k)) + rows + bits
        if bits < 1 or total - shift >= _MOST or total >= ring.MAX_WIDTH - 1:
            return False
        rng = np.random.default_rng([m, k, n])
        r = (2 * rng.integers(0, 2 ** (bits - 1), m) + 1) * rng.choice([-1, 1], m)
        numbers = self.constant(r.astype(np.int64).reshape(1, m, 1))

        def summed(value: SSAValue, size: int) -> SSAValue:
            turned = self.emit(
                ring.TransposeOp, [value], (1, size, m), ring.fraction(value), self.bits(value), perm=[0, 2, 1]
            )
            range = self.bits(value) + rows + bits
            column = self.emit(
                ring.MatmulPublicOp, [turned, numbers], (1, size, 1), ring.fraction(value), range, shift=0
            )
            return self.emit(ring.ReshapeOp, [column], (1, 1, size), ring.fraction(value), range)

        fraction = ring.fraction(op.result)
        exact = self.emit(ring.MatmulOp, [summed(x, k), w], (1, 1, n), fraction, total - shift + 1, shift=shift)
        made = summed(op.result, n)
        difference = self.emit(ring.SubOp, [exact, made], (1, 1, n), fraction, total - shift + 2)
        self.require_below(difference, 2**limit)
        return True


def _is_parameter(value: SSAValue) -> bool:
    """Whether a matrix is an argument, but for casts and moves."""
    while isinstance(value.owner, Operation) and not isinstance(value.owner, Block):
        op = value.owner
        if not isinstance(op, ring.DownCastOp | ring.UpCastOp | ring.ReshapeOp | ring.TransposeOp | ring.NarrowOp):
            return False
        value = op.operands[0]
    return True
