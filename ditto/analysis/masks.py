"""Which public numbers only stand for infinity, and how large they have to be.

A mask is -inf or the least number of a dtype, added to a score or chosen in its place. Where nothing but an order or
the exponential of a softmax is asked of the values it reaches, any number far enough below the others does the same,
and a small one costs fewer bits: with |others| <= r, a mask of -(2 r + 32) leaves exponentials below e^-32. A result
that it reaches is infinity again once it is revealed.

In float arithmetic scores vanish beside a mask that is added to them, so that a row of nothing but masks is uniform.
Here they do not: the guard refuses such a row (`claim` on its maximum). Chosen in their place (`chosen`) it is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from ditto.analysis.intervals import CLAIM, Intervals
from ditto.analysis.look_through import row_of_softmax
from ditto.dialects import ring

# Of each result the exponent of the masks in it, or 0; and what they stand for, below and above zero.
INFINITE_RESULTS, INFINITIES = "ditto.infinite_results", "ditto.infinities"

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


@dataclass
class _Reach:
    """Where a mask arrives: what compares it, the maxima of scores it was added to, the results it is part of."""

    compared: set[Operation] = field(default_factory=set)
    biased: set[ring.MaxOp] = field(default_factory=set)
    results: set[int] = field(default_factory=set)


def _reach(encoded: ring.EncodeOp) -> _Reach | None:
    """Where a mask arrives, if only its order is asked for."""
    found = _Reach()
    # A value, and whether a mask was added to it.
    seen: set[tuple[SSAValue, bool]] = set()
    pending: list[tuple[SSAValue, bool]] = [(encoded.result, False)]
    while pending:
        value, added = pending.pop()
        if (value, added) in seen:
            continue
        seen.add((value, added))
        for use in value.uses:
            op = use.operation
            if isinstance(op, ReturnOp):
                found.results.add(use.index)
            elif isinstance(op, _ORDERED) or (isinstance(op, ring.SubOp) and row_of_softmax(op.result) is not None):
                found.compared.add(op)
            elif isinstance(op, _PASSED) or (isinstance(op, ring.MulPublicOp) and _is_bit(op.arguments[0])):
                result = op.results[0]
                # Sums with what is itself a mask, or with a bit's number, are still the mask.
                others = [v for v in op.operands if v is not value and not _is_mask(v)]
                adds = isinstance(op, ring.AddOp | ring.AddPublicOp | ring.SubOp) and bool(others)
                pending.append((result, (added or adds) and "chosen" not in op.attributes))
                if isinstance(op, ring.MaxOp):
                    found.compared.add(op)
                    if added:
                        found.biased.add(op)
            else:
                return None
    return found


def _is_mask(value: SSAValue) -> bool:
    """Whether a value is made of bits and public numbers alone."""
    op = value.owner
    if isinstance(op, ring.EncodeOp | ring.BitToFxpOp):
        return True
    return isinstance(op, ring.RingOp) and all(_is_mask(v) or ring.is_public(v) for v in op.arguments)


def _is_bit(x: SSAValue) -> bool:
    while isinstance(x.owner, ring.ReshapeOp | ring.BroadcastOp | ring.TransposeOp | ring.ShlOp | ring.SliceOp):
        x = x.owner.arguments[0]
    return isinstance(x.owner, ring.BitToFxpOp)


def mark_masks(function: FuncOp) -> int:
    """Sets `mask` on the encodings that stand for infinity, and returns its exponent; 0 if there is none."""
    block = function.body.block
    found: dict[ring.EncodeOp, _Reach] = {}
    for op in block.ops:
        if isinstance(op, ring.EncodeOp) and _stands_for_infinity(op) and (reach := _reach(op)) is not None:
            found[op] = reach
    fills = _fills(op for op, reach in found.items() if reach.results)
    if fills is None:
        found = {op: reach for op, reach in found.items() if not reach.results}
    if not found:
        return 0
    for op in found:
        op.attributes["mask"] = ring.attribute(1)
    without = Intervals(function, mask=0)
    for op in block.ops:
        if isinstance(op, ring.RingOp):
            without.visit(op)
    last = block.last_op
    assert last is not None
    met = [op.operands[0] for reach in found.values() for op in reach.compared]
    met += [last.operands[index] for reach in found.values() for index in reach.results]
    mask = max(6, math.ceil(math.log2(2 * max((without.of(v).size for v in met if ring.is_fxp(v)), default=0.0) + 32)))
    for op, reach in found.items():
        op.attributes["mask"] = ring.attribute(mask)
        for maximum in reach.biased:
            maximum.attributes[CLAIM] = ring.attribute(2.0**mask)
    infinite = {index for reach in found.values() for index in reach.results}
    if infinite and fills is not None:
        function.attributes[INFINITE_RESULTS] = ring.attribute(
            [mask if index in infinite else 0 for index in range(len(last.operands))]
        )
        function.attributes[INFINITIES] = ring.attribute(fills)
    return mask


def _fills(encoded: Iterable[ring.EncodeOp]) -> tuple[float, float] | None:
    """The negative and the positive number that masks stand for, infinity where none does; None if several do."""
    ends: dict[bool, set[float]] = {False: set(), True: set()}
    for op in encoded:
        constant = op.arguments[0].owner
        if not isinstance(constant, ring.ConstantOp):
            return None
        numbers = constant.numpy()
        for number in np.unique(numbers[np.abs(numbers) >= MASK_FROM]):
            ends[bool(number > 0)].add(float(number))
    if any(len(numbers) > 1 for numbers in ends.values()):
        return None
    return ends[False].pop() if ends[False] else -math.inf, ends[True].pop() if ends[True] else math.inf
