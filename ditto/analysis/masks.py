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
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from ditto.analysis.domains import set_domain
from ditto.analysis.intervals import CLAIM, Intervals
from ditto.analysis.look_through import has_any, known_numbers, taken_from
from ditto.analysis.pattern import every, made, matches, through
from ditto.analysis.softmax import ROW
from ditto.dialects import ring
from ditto.dialects.traits import Chooses, ComparesElements, InsertsZeros, Linear, Moves, Orders, Rescales
from ditto.encoding import MASK_FROM

# Of each result the exponent of the masks in it, or 0; and what they stand for, below and above zero.
INFINITE_RESULTS, INFINITIES = "ditto.infinite_results", "ditto.infinities"

_TIMES_BIT = made(ring.MulPublicOp, through(taken_from, made(ring.BitToFxpOp)))


def _stands_for_infinity(encoded: SSAValue) -> bool:
    """Whether an encoding may hold a mask: a constant that does, or numbers known only when the program is called."""
    numbers = known_numbers(encoded)
    return numbers is None or bool(np.any(np.abs(np.nan_to_num(numbers, nan=0.0)) >= MASK_FROM))


@dataclass
class _Reach:
    """Where a mask arrives: what compares it, the maxima of scores it was added to, the results it is part of."""

    compared: set[Operation] = field(default_factory=set)
    biased: set[Operation] = field(default_factory=set)
    results: set[int] = field(default_factory=set)

    def with_(self, other: _Reach) -> _Reach:
        return _Reach(self.compared | other.compared, self.biased | other.biased, self.results | other.results)


def _reach(encoded: SSAValue, masks: Container[SSAValue]) -> _Reach | None:
    """Where a mask arrives, if only its order is asked for, or it is returned, also from a softmax's logarithm."""
    found = _Reach()
    # A value, whether a mask was added to it, and whether it is a row of a softmax.
    seen: set[tuple[SSAValue, bool, bool]] = set()
    pending: list[tuple[SSAValue, bool, bool]] = [(encoded, False, False)]
    while pending:
        value, added, row = pending.pop()
        if (value, added, row) in seen:
            continue
        seen.add((value, added, row))
        for use in value.uses:
            op = use.operation
            if isinstance(op, ReturnOp):
                found.results.add(use.index)
            elif _is_end(op):
                found.compared.add(op)
                if ROW in op.attributes:
                    pending.append((op.results[0], added, True))
            elif _passes(op):
                # Sums with what is itself a mask, or with a bit's number, are still the mask.
                adds = op.has_trait(Linear) and any(v is not value and v not in masks for v in op.operands)
                pending.append((op.results[0], (added or adds) and "chosen" not in op.attributes, row))
                if op.has_trait(ComparesElements):
                    found.compared.add(op)
                    if added:
                        found.biased.add(op)
            elif not row:
                return None
    return found


def _made_of_masks(block: Block) -> set[SSAValue]:
    """The values that are made of bits' numbers and public numbers alone."""
    found: set[SSAValue] = set()
    for op in block.ops:
        if isinstance(op, ring.RingOp) and all(v in found or not ring.is_fxp(v) for v in op.arguments):
            found.add(op.result)
    return found


def _is_end(op: Operation) -> bool:
    """Whether an operation asks for nothing but an order."""
    return op.has_trait(Orders) or ROW in op.attributes


def _passes(op: Operation) -> bool:
    """Whether what an operation makes of a mask is one still."""
    return has_any(op, Moves, Rescales, Linear, InsertsZeros, Chooses) or matches(op, _TIMES_BIT) or _times_bits(op)


def _times_bits(op: Operation) -> bool:
    """Whether a value is multiplied by public bits, as where they choose it at the call: y + bits * (x - y)."""
    return isinstance(op, ring.MulPublicOp) and ring.is_public_bit(op.operands[1])


def _groups(found: dict[ring.RingOp, _Reach]) -> list[tuple[set[ring.RingOp], _Reach]]:
    """Masks that meet, and where they arrive."""
    groups: list[tuple[set[ring.RingOp], _Reach]] = []
    for mask, reach in found.items():
        masks, joined = {mask}, _Reach(set(reach.compared), set(reach.biased), set(reach.results))
        apart = []
        for group in groups:
            if group[1].compared & joined.compared or group[1].results & joined.results:
                masks |= group[0]
                joined = joined.with_(group[1])
            else:
                apart.append(group)
        groups = [*apart, (masks, joined)]
    return groups


def intervals_with_masks(function: FuncOp) -> Intervals:
    """The intervals of all values, once `mask`, an exponent, is set on the encodings that stand for infinity.

    Masks that meet have one size; others do not depend on each other. Sets the domains of functions on the way.
    """
    block = function.body.block
    found: dict[ring.RingOp, _Reach] = {}
    made_of_masks = _made_of_masks(block)
    for encoded in every(block, ring.EncodeOp):
        if _stands_for_infinity(encoded.result) and (reach := _reach(encoded.result, made_of_masks)) is not None:
            found[encoded] = reach
    fills = _fills(op for op, reach in found.items() if reach.results)
    if fills is None:
        found = {op: reach for op, reach in found.items() if not reach.results}
    for mask in found:
        # What they are compared with, they themselves aside.
        mask.attributes["mask"] = ring.attribute(0)
    intervals = Intervals(function)
    for op in block.ops:
        if isinstance(op, ring.RingOp):
            set_domain(op, intervals)
            intervals.visit(op)
    last = block.last_op
    assert last is not None
    infinite = [0] * len(last.operands)
    for masks, reach in _groups(found):
        met = [op.operands[0] for op in reach.compared] + [last.operands[index] for index in reach.results]
        size = max((intervals.of(value).size for value in met if ring.is_fxp(value)), default=0.0)
        exponent = max(6, math.ceil(math.log2(2 * size + 32)))
        for mask in masks:
            mask.attributes["mask"] = ring.attribute(exponent)
        for maximum in reach.biased:
            maximum.attributes[CLAIM] = ring.attribute(2.0**exponent)
        for index in reach.results:
            infinite[index] = exponent
    if any(infinite) and fills is not None:
        function.attributes[INFINITE_RESULTS] = ring.attribute(infinite)
        function.attributes[INFINITIES] = ring.attribute(fills)
    intervals.revisit(block, [mask.result for mask in found])
    return intervals


def _fills(encoded: Iterable[ring.RingOp]) -> tuple[float, float] | None:
    """The negative and the positive number that masks stand for, infinity where none does; None if several do."""
    ends: dict[bool, set[float]] = {False: set(), True: set()}
    for op in encoded:
        if (numbers := known_numbers(op.result)) is None:
            return None
        for number in np.unique(numbers[np.abs(numbers) >= MASK_FROM]):
            ends[bool(number > 0)].add(float(number))
    if any(len(numbers) > 1 for numbers in ends.values()):
        return None
    return ends[False].pop() if ends[False] else -math.inf, ends[True].pop() if ends[True] else math.inf
