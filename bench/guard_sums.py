"""A guard of linear layers that finds single elements far out of range: a sketch to measure, not a pass.

    %y = ring.matmul %x, %w {shift = s, range = R}      [1, m, k] times parameters [1, k, n]
gets beside it, with public odd numbers r, one a row,
    d = (r x) w / 2^s - r y                             [1, 1, n], modulo 2^(R + 1 + t)
    require_range d {bits = R + 2}, {bits = R + 3}, ..  t of them, without a round

d is roundings, below 2 m r, if all y are what they should be. A y that left its range is made modulo 2^(R + 1), so it
is off by c 2^(R + 1) for a whole c. In a column with one such element d is r c 2^(R + 1): an odd c fails the first
requirement, c = 2 modulo 4 the second; only multiples of 2^t pass. Of several, multiples may cancel, with a chance of
one in the values that r takes. It is Freivalds' test of a matrix product, on columns. What it costs is that y is
widened by t bits for it (4 t bits an element), unless something else needs that; n is small against m n.
"""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import Block, Operation, SSAValue

from ditto.dialects import ring
from ditto.passes.ring.insert_guard import _Guards

# r is odd and below 2^_BITS, if there is room for that; t.
_BITS, _LOOKS = 4, 6


class SumGuards(_Guards):
    """As the guards of insert-guard, and sums of rows where a layer is large."""

    def guard(self, op: ring.RingOp) -> None:
        super().guard(op)
        if isinstance(op, ring.MatmulOp) and _is_parameter(op.arguments[1]) and ring.shape(op.arguments[0])[1] > 1:
            self.by_sums(op)

    def by_sums(self, op: ring.RingOp) -> bool:
        x, w = op.arguments
        _, m, k = ring.shape(x)
        n, rows, shift, limit = ring.shape(w)[2], math.ceil(math.log2(m)), op.get("shift", 0), self.bits(op.result)
        bits, modulus = min(_BITS, limit - 2 - rows), limit + _LOOKS
        if bits < 1 or modulus + 1 + shift > ring.MAX_WIDTH:
            return False
        rng = np.random.default_rng([m, k, n])
        r = (2 * rng.integers(0, 2 ** (bits - 1), m) + 1) * rng.choice([-1, 1], m)
        numbers = __import__("ditto.passes.ring_rewriting",fromlist=["x"]).constant_before(self.place, r.astype(np.int64).reshape(1, m, 1))

        def summed(value: SSAValue, size: int, range: int) -> SSAValue:
            fraction = ring.fraction(value)
            turned = self.emit(ring.TransposeOp, [value], (1, size, m), fraction, self.bits(value), perm=[0, 2, 1])
            column = self.emit(ring.MatmulPublicOp, [turned, numbers], (1, size, 1), fraction, range, shift=0)
            return self.emit(ring.ReshapeOp, [column], (1, 1, size), fraction, range)

        shape, fraction = (1, 1, n), ring.fraction(op.result)
        rows_of_x = summed(x, k, self.bits(x) + rows + bits)
        exact = self.emit(ring.MatmulOp, [rows_of_x, w], shape, fraction, modulus, shift=shift)
        difference = self.emit(ring.SubOp, [exact, summed(op.result, n, modulus)], shape, fraction, modulus)
        for look in range(_LOOKS):
            difference = self.emit(
                ring.RequireRangeOp, [difference], shape, fraction, modulus, bits=limit + 2 + look, legal=2
            )
        return True


def _is_parameter(value: SSAValue) -> bool:
    """Whether a matrix is an argument, but for casts and moves."""
    while isinstance(value.owner, Operation) and not isinstance(value.owner, Block):
        op = value.owner
        if not isinstance(op, ring.DownCastOp | ring.UpCastOp | ring.ReshapeOp | ring.TransposeOp | ring.NarrowOp):
            return False
        value = op.operands[0]
    return True
