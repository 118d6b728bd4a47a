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
from ditto.analysis.look_through import behind, has_any, row_of_softmax
from ditto.dialects import ring
from ditto.dialects.traits import InsertsZeros, Linear, Moves, Rescales

# The greatest float16: from here on a number is one of its dtype's ends, or beyond them.
MASK_FROM = 65504.0

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
            if isinstance(op, ring.MsbOp | ring.EqualZeroOp | ring.ArgmaxOp) or (isinstance(op, ring.SubOp) and row_of_softmax(op.result) is not None):
                ends.add(op)
            elif isinstance(op, ring.MaxOp):
                ends.add(op)
                pending.append(op.result)
            elif _passes(op):
                pending.append(op.results[0])
            else:
                return None
    return ends


def _passes(op: Operation) -> bool:
    """Whether what an operation makes of a mask is one still."""
    if isinstance(op, ring.MulPublicOp):
        return isinstance(behind(op.arguments[0], Moves, Rescales).owner, ring.BitToFxpOp)
    return has_any(op, Moves, Rescales, Linear, InsertsZeros) or isinstance(op, ring.SelectOp)


def _groups(found: dict[ring.EncodeOp, set[Operation]]) -> list[tuple[set[ring.EncodeOp], set[Operation]]]:
    """Masks that are compared in the same places, and those places."""
    groups: list[tuple[set[ring.EncodeOp], set[Operation]]] = []
    for mask, ends in found.items():
        masks, ends = {mask}, set(ends)
        apart = []
        for group in groups:
            if group[1] & ends:
                masks |= group[0]
                ends |= group[1]
            else:
                apart.append(group)
        groups = [*apart, (masks, ends)]
    return groups


def intervals_with_masks(function: FuncOp) -> Intervals:
    """The intervals of all values, once `mask`, an exponent, is set on the encodings that stand for infinity.

    Masks that meet have one size; others do not depend on each other.
    """
    block = function.body.block
    found: dict[ring.EncodeOp, set[Operation]] = {}
    for op in block.ops:
        if isinstance(op, ring.EncodeOp) and _stands_for_infinity(op) and (ends := _orders_only(op)) is not None:
            found[op] = ends
            # What they are compared with, they themselves aside.
            op.attributes["mask"] = ring.attribute(0)
    intervals = Intervals(function)
    for op in block.ops:
        if isinstance(op, ring.RingOp):
            intervals.visit(op)
    for masks, ends in _groups(found):
        compared = max((intervals.of(op.operands[0]).size for op in ends), default=0.0)
        for mask in masks:
            mask.attributes["mask"] = ring.attribute(max(6, math.ceil(math.log2(2 * compared + 32))))
    intervals.revisit(block, [mask.result for mask in found])
    return intervals
