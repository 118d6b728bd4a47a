"""Has the parties check what is claimed of a program's values, so that a value that left its range ends the run.

    %1 = ring.matmul %x, %w {shift = 12, claim = 5.4e+08, range = 24} : .. -> ..<32, 8>>
    %2 = ring.gelu %1
becomes, if the tensors are large,
    %1 = ring.matmul %x, %w {shift = 12, range = 24} : .. -> ..<32, 8>>
    .. ring.require_sums ..
    %3 = ring.require_range %1 {bits = 25, legal = 2} : .. -> ..<32, 8>>
    %2 = ring.gelu %3

`claim` is what the intervals of the operands alone would allow. How a value is guarded depends on what it is:

- A small tensor is compared for certain (guard_exactly.py).
- A large product is summed up again, whatever size its elements are of (guard_sums.py); an elementwise one if nothing
  is known of its size. An element is found if it has wrapped, or might be read wrongly by an up-cast. Products, sums
  and casts take any number that their ring holds.
- What is compared, put into a function, or returned after an addition has to be in its range for that: `require_range`
  looks at three bits of every element, without a round, and sees the values that have just left their range. A large
  tensor that is no such product, or whose sums are too coarse to tell, has nothing else: of those that have gone all
  the way round the ring three in eight are seen (one in eight where three quarters of the range are legal).
- Functions that are defined for positive numbers only, or up to some number, have their operands compared; and so have
  look-ups in a table, whose ids have to have a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue, Use
from xdsl.passes import ModulePass

from ditto.analysis.intervals import BOUND, CLAIM
from ditto.analysis.look_through import has_any
from ditto.dialects import ring
from ditto.dialects.traits import (
    KeepsRing,
    Local,
    Multiplies,
    Rearranges,
    Rescales,
    Sums,
    TakesBelow,
    TakesPositive,
    TimesPowerOfTwo,
)
from ditto.passes.ring.guard_exactly import guard_exactly
from ditto.passes.ring.guard_sums import guard_by_sums
from ditto.passes.ring.guard_writer import MOST_BITS, Writer

# Tensors of up to so many elements, operands that are multiplied or cast included, are compared for certain.
SMALL = 4096


def is_small(op: ring.RingOp) -> bool:
    if op.has_trait(Sums):
        # Only the sums are compared.
        return math.prod(ring.shape(op.result)) <= SMALL
    return max(math.prod(ring.shape(value)) for value in (*op.arguments, op.result)) <= SMALL


def read_by_products_alone(block: Block) -> set[SSAValue]:
    """The values of which nothing but products is made, moved, added up or cast, or that are returned, only moved."""
    # With each: whether it has only been moved so far.
    found: set[tuple[SSAValue, bool]] = set()

    def is_read_so(use: Use, moved: bool) -> bool:
        op = use.operation
        if not op.results:
            return moved
        if op.has_trait(Multiplies) and not op.has_trait(Local):
            return True
        still = moved and has_any(op, Rearranges, Rescales, TimesPowerOfTwo)
        return has_any(op, Local, KeepsRing, Rescales) and (op.results[0], still) in found

    # Backwards, so that what is made of a value is known; once a value, not once for every path that leads from it.
    for op in reversed(list(block.ops)):
        for value in op.results:
            found.update((value, moved) for moved in (True, False) if all(is_read_so(use, moved) for use in value.uses))
    return {value for value, moved in found if moved}


def guard(write: Writer, op: ring.RingOp, by_products: bool) -> None:
    """Has one claim checked; `by_products` tells whether products alone read it."""
    write.stand_behind(op)
    uses, small = list(op.result.uses), is_small(op)
    if check := _DOMAINS.get(type(op)):
        check(write, op)
    elif by_products:
        if not guard_by_sums(write, op, small) and not (small and guard_exactly(write, op)):
            _by_zone(write, op, uses)
    elif not small or not guard_exactly(write, op):
        guard_by_sums(write, op, small)
        _by_zone(write, op, uses)


def _by_zone(write: Writer, op: ring.RingOp, uses: Sequence[Use]) -> None:
    """Looks at three bits of every element before it is used."""
    value = op.result
    # Evidence is often exceeded a little; so is a limit that a 64-bit ring sets.
    legal = 3 if BOUND in op.attributes or ring.width(value) > 32 else 2
    bits = write.bits(value)
    checked = write.insert(ring.RequireRangeOp, [value], value.type, bits=max(3, bits + 1), legal=legal, range=bits)
    for use in uses:
        use.operation.operands[use.index] = checked


# ------------------------------------------------------------------------------------------------ domains


def _some_of_a_row(write: Writer, op: ring.RingOp) -> None:
    """A row of nothing but masks that were added: its maximum is below half of them."""
    fraction = ring.fraction(op.result)
    write.require_not_negative(op.result, 1, int(op.get(CLAIM)) << fraction >> 1, drop=fraction + 3)


def _at_most(write: Writer, op: ring.RingOp) -> None:
    """x <= hi"""
    exponent = op.arguments[0]
    write.require_not_negative(exponent, -1, op.get("hi") << ring.fraction(exponent))


def _positive(write: Writer, op: ring.RingOp) -> None:
    """x >= 2^lo, or a unit; a square root takes what is rounded to a little below zero."""
    x = op.arguments[-1]
    [takes] = op.get_traits_of_type(TakesPositive)
    write.require_not_negative(x, 1, -takes.least(op.get("lo"), ring.fraction(x)))


def _quotient(write: Writer, op: ring.RingOp) -> None:
    """A positive divisor, and a quotient within its range."""
    _positive(write, op)
    if not (is_small(op) and _compared_with_products(write, op)):
        _by_zone(write, op, list(op.result.uses))


def _compared_with_products(write: Writer, op: ring.RingOp) -> bool:
    """|x| 32 < 31 y times the limit of x / y, which errs by less than a thirty-second."""
    x, y = op.arguments
    power = write.bits(op.result) - ring.fraction(op.result) + ring.fraction(x) - ring.fraction(y)
    factors = (32 << max(0, -power), 31 << max(0, power))
    size = max(write.bits(v) + factor.bit_length() for v, factor in zip((x, y), factors)) + 1
    if size > MOST_BITS:
        return False
    shape, scaled = ring.shape(x), []
    for value, factor in zip((x, y), factors):
        bits = write.bits(value)
        integer = write.emit(ring.RelabelOp, [value], shape, 0, bits)
        number = write.constant(np.array(factor, np.int64))
        scaled.append(write.emit(ring.MulPublicOp, [integer, number], shape, 0, bits + factor.bit_length(), shift=0))
    for kind in (ring.SubOp, ring.AddOp):
        write.require_false(write.emit(kind, scaled[::-1], shape, 0, size), size)
    return True


def _has_row(write: Writer, op: ring.RingOp) -> None:
    """0 <= id < depth"""
    write.require_not_negative(op.arguments[0], 1, 0)
    write.require_not_negative(op.arguments[0], -1, op.get("depth") - 1)


def _shifted(write: Writer, op: ring.RingOp) -> None:
    """Nothing can be told of the result: an integer too large for it has lost its high bits."""
    write.require_below(op.arguments[0], 1 << write.bits(op.result) - op.get("bits"))


_DOMAINS: dict[type[ring.RingOp], Callable[[Writer, ring.RingOp], None]] = {
    **{op: _positive for op in ring.OPERATIONS if op.has_trait(TakesPositive)},
    **{op: _at_most for op in ring.OPERATIONS if op.has_trait(TakesBelow)},
    ring.DivideOp: _quotient,
    ring.MaxOp: _some_of_a_row,
    ring.OneHotOp: _has_row,
    ring.ShlOp: _shifted,
}


@dataclass(frozen=True)
class InsertGuard(ModulePass):
    """`guard` is False where the caller does without."""

    name = "insert-guard"
    guard: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.guard:
            return
        function = ring.main(op)
        write, by_products = Writer(function), read_by_products_alone(function.body.block)
        for inner in list(function.body.block.ops):
            if isinstance(inner, ring.RingOp) and CLAIM in inner.attributes:
                guard(write, inner, inner.result in by_products)
