"""Writes the range of every value into the plan, and what depends on it: how many bits a comparison looks at, up to
which power of two a reciprocal is computed.

    %1 = ring.msb %0 {bits = 32, drop = 0} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.bit>
becomes, if |%0| < 2^10 is assumed,
    %1 = ring.msb %0 {bits = 19, drop = 0} ...

`range = B` on an operation says that |integer| < 2^B holds or is assumed of its result (`ditto.ranges` for the
arguments). A range that provably exceeds its ring is a CompileError. Integers that provably stay within their dtype
lose the note `wrap`. The exponential of what is never above zero becomes that of a softmax, which is the cheaper one:
    %1 = ring.exp_below %0 {bits = 64, hi = 21} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 18>>
becomes, if %0 <= 0,
    %1 = ring.down_cast %0 {shift = 6} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<64, 12>>
    %2 = ring.exp %1 {slack = 2048, clip_bits = ...} : (tensor<4x!ring.fxp<64, 12>>) -> tensor<4x!ring.fxp<64, 18>>
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass

from ditto.analysis.intervals import ARGUMENT_RANGES, CLAIM, WRAP, Interval, Intervals
from ditto.analysis.masks import intervals_with_masks
from ditto.dialects import ring
from ditto.dialects.traits import Compares, ComparesElements, ComparesThresholds
from ditto.errors import CompileError
from ditto.lowering.functions import EXP_FINE_FRACTION
from ditto.passes.ring_rewriting import every, insert_before, replace, rescaled_before

# Where no infinity is involved, ranges end far below.
_INFINITE = 2.0**100
# How far roundings may lift an exponent above zero; half of what the exponential then allows for.
_ABOVE_ZERO = 0.25


def bounded_exponentials(function: FuncOp) -> list[ring.ExpBelowOp]:
    """Those whose operands are never above zero."""
    exponentials = every(function, ring.ExpBelowOp)
    if not exponentials:
        return []
    # Which leaves its marks: a copy's.
    copy = function.clone()
    intervals = intervals_with_masks(copy)
    pairs = zip(exponentials, every(copy, ring.ExpBelowOp), strict=True)
    return [op for op, copied in pairs if intervals.of(copied.arguments[0]).high <= _ABOVE_ZERO]


def use_bounded_exponential(op: ring.RingOp) -> None:
    """Replaces the exponential of an operand that is never above zero."""
    x = op.arguments[0]
    x = rescaled_before(op, x, min(ring.fraction(x), EXP_FINE_FRACTION))
    slack = 1 << max(0, ring.fraction(x) - 1)
    replace(op, insert_before(op, ring.ExpOp, [x], op.result.type, slack=slack, clip_bits=ring.width(x)))


def compared_bits(interval: Interval, fraction: int, drop: int) -> int:
    """The least b with -2^(b-1) <= x <= 2^(b-1) - 2^drop for every x of the interval."""
    low, high = interval.units(fraction)
    return max(drop + 2, max(-low - 1, 0).bit_length() + 1, max(high + (1 << drop) - 1, 0).bit_length() + 1)


def _set(op: ring.RingOp, name: str, number: int) -> None:
    op.attributes[name] = ring.attribute(number)


def annotate(op: ring.RingOp, intervals: Intervals) -> None:
    """Sets the attributes of one operation that follow from ranges."""
    if compares := op.get_traits_of_type(Compares):
        operand = intervals.of(op.arguments[0])
        if op.has_trait(ComparesElements):
            span = operand.high - operand.low
            operand = Interval(-span, span)
        for threshold in op.get_traits_of_type(ComparesThresholds):
            operand = Interval(operand.low - threshold.below, operand.high + threshold.below)
        name = compares[0].attribute
        bits = compared_bits(operand, ring.fraction(op.arguments[0]), op.get("drop", 0))
        _set(op, name, min(bits, ring.MAX_WIDTH))
    if not ring.is_fxp(op.result):
        return
    if WRAP in op.attributes and op.result not in intervals.wraps:
        del op.attributes[WRAP]
    interval = intervals.of(op.result)
    bits = interval.bits(ring.fraction(op.result))
    if bits > ring.MAX_WIDTH - 1:
        reason = (
            f"a value of up to {interval.size:.6g} with {ring.fraction(op.result)} fraction bits does not fit a ring "
            f"of {ring.MAX_WIDTH} bits; state smaller ranges=, calibrate, or use fewer fraction_bits"
            if interval.size < _INFINITE
            else "infinity, or the least number of a dtype, is computed with here, not just compared, returned or put "
            "into a softmax; use a number such as -1e4 in its place"
        )
        raise CompileError(op.name, reason, op.get("layer"))
    _set(op, "range", bits)
    if op.result in intervals.claims:
        op.attributes[CLAIM] = ring.attribute(intervals.claims[op.result].size)


@dataclass(frozen=True)
class Ranges(ModulePass):
    name = "ranges"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        for exponential in bounded_exponentials(function):
            use_bounded_exponential(exponential)
        intervals = intervals_with_masks(function)
        for inner in function.body.block.ops:
            if isinstance(inner, ring.RingOp):
                annotate(inner, intervals)
        for wrap in every(function, ring.WrapOp):
            if WRAP not in wrap.attributes:
                replace(wrap, wrap.arguments[0])
        function.attributes[ARGUMENT_RANGES] = ring.attribute(
            [
                intervals.of(argument).bits(ring.fraction(argument) if ring.is_fxp(argument) else 0)
                if ring.is_fxp(argument) or ring.is_public(argument)
                else 0
                for argument in function.body.block.args
            ]
        )
