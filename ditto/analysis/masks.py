"""Which public numbers only stand for infinity, and how large they have to be.

A mask is -inf or the least number of a dtype, added to a score or chosen in its place. Where nothing but an order or
the exponential of a softmax is asked of the values it reaches, any number far enough below the others does the same,
and a small one costs fewer bits: with |others| <= r, a mask of -(2 r + 32) leaves exponentials below e^-32.
"""

from __future__ import annotations

import math

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from ditto.analysis.intervals import Intervals
from ditto.analysis.look_through import row_of_softmax
from ditto.dialects import ring

# The greatest float16: from here on a number is one of its dtype's ends, or beyond them.
MASK_FROM = 65504.0

# What a mask may pass on its way.
_PASSED = (
    ring.AddOp,
    ring.AddPublicOp,
    ring.BitMulOp,
    ring.BroadcastOp,
    ring.ConcatOp,
    ring.ConvertOp,
    ring.DownCastOp,
    ring.MaxOp,
    ring.NegOp,
    ring.ReshapeOp,
    ring.SelectOp,
    ring.ShlOp,
    ring.SliceOp,
    ring.SubOp,
    ring.TakeOp,
    ring.TransposeOp,
    ring.UpCastOp,
)
_ORDERED = (ring.MsbOp, ring.EqualZeroOp, ring.ArgmaxOp)


def _stands_for_infinity(encoded: ring.EncodeOp) -> bool:
    """Whether an encoding may hold a mask: a constant that does, or numbers known only when the program is called."""
    constant = encoded.arguments[0].owner
    return not isinstance(constant, ring.ConstantOp) or bool(
        np.any(np.abs(np.nan_to_num(constant.numpy(), nan=0.0)) >= MASK_FROM)
    )


def _orders_only(encoded: ring.EncodeOp) -> set[Operation] | None:
    """The operations that compare what a mask reaches, if nothing else is done with it."""
    ends: set[Operation] = set()
    seen: set[SSAValue] = set()
    pending: list[SSAValue] = [encoded.result]
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        for use in value.uses:
            op = use.operation
            if isinstance(op, _ORDERED) or (isinstance(op, ring.SubOp) and row_of_softmax(op.result) is not None):
                ends.add(op)
            elif isinstance(op, _PASSED) or (isinstance(op, ring.MulPublicOp) and _is_bit(op.arguments[0])):
                pending.append(op.results[0])
                if isinstance(op, ring.MaxOp):
                    ends.add(op)
            else:
                return None
    return ends


def _is_bit(x: SSAValue) -> bool:
    while isinstance(x.owner, ring.ReshapeOp | ring.BroadcastOp | ring.TransposeOp | ring.ShlOp | ring.SliceOp):
        x = x.owner.arguments[0]
    return isinstance(x.owner, ring.BitToFxpOp)


def mark_masks(function: FuncOp) -> int:
    """Sets `mask` on the encodings that stand for infinity, and returns its exponent; 0 if there is none."""
    block = function.body.block
    found: dict[ring.EncodeOp, set[Operation]] = {}
    for op in block.ops:
        if isinstance(op, ring.EncodeOp) and _stands_for_infinity(op) and (ends := _orders_only(op)) is not None:
            found[op] = ends
    if not found:
        return 0
    for op in found:
        op.attributes["mask"] = ring.attribute(1)
    without = Intervals(function, mask=0)
    for op in block.ops:
        if isinstance(op, ring.RingOp):
            without.visit(op)
    compared = [without.of(op.operands[0]).size for ends in found.values() for op in ends]
    mask = max(6, math.ceil(math.log2(2 * max(compared, default=0.0) + 32)))
    for op in found:
        op.attributes["mask"] = ring.attribute(mask)
    return mask
