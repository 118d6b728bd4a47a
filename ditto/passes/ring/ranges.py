"""Writes the range of every value into the plan, and what depends on it: how many bits a comparison looks at, up to
which power of two a reciprocal is computed.

    %1 = ring.msb %0 {bits = 32, drop = 0} : (tensor<4x!ring.fxp<32, 8>>) -> tensor<4x!ring.bit>
becomes, if |%0| < 2^10 is assumed,
    %1 = ring.msb %0 {bits = 19, drop = 0} ...

`range = B` on an operation says that |integer| < 2^B holds or is assumed of its result (`ditto.ranges` for the
arguments). A range that provably exceeds its ring is a CompileError.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.analysis.intervals import Interval, Intervals
from ditto.dialects import ring
from ditto.errors import CompileError
from ditto.policy.plan import Plan

# One number per argument of @main; 0 for bits and public arguments.
ARGUMENT_RANGES = "ditto.ranges"

# These compare x with thresholds of less than this.
_THRESHOLDS = {ring.GeluOp: 4.0, ring.TanhOp: 5.0}


def compared_bits(interval: Interval, fraction: int, drop: int) -> int:
    """The least b with -2^(b-1) <= x <= 2^(b-1) - 2^drop for every x of the interval."""
    low, high = math.floor(interval.low * 2.0**fraction), math.ceil(interval.high * 2.0**fraction)
    return max(drop + 2, max(-low - 1, 0).bit_length() + 1, max(high + (1 << drop) - 1, 0).bit_length() + 1)


def _set(op: ring.RingOp, name: str, number: int) -> None:
    op.attributes[name] = ring.attribute(number)


def annotate(op: ring.RingOp, intervals: Intervals) -> None:
    """Sets the attributes of one operation that follow from ranges."""
    if isinstance(
        op, ring.MsbOp | ring.EqualZeroOp | ring.TanhOp | ring.GeluOp | ring.ArgmaxOp | ring.MaxOp | ring.ExpOp
    ):
        operand = intervals.of(op.arguments[0])
        if isinstance(op, ring.MaxOp | ring.ArgmaxOp):
            span = operand.high - operand.low
            operand = Interval(-span, span)
        elif isinstance(op, ring.GeluOp | ring.TanhOp):
            threshold = _THRESHOLDS[type(op)]
            operand = Interval(operand.low - threshold, operand.high + threshold)
        name = "clip_bits" if isinstance(op, ring.ExpOp) else "bits"
        bits = compared_bits(operand, ring.fraction(op.arguments[0]), op.get("drop", 0))
        _set(op, name, min(bits, ring.width(op.arguments[0])))
    if isinstance(op, ring.ReciprocalOp | ring.RsqrtOp):
        high = intervals.of(op.arguments[0]).high
        _set(op, "hi", max(op.get("lo") + 1, math.ceil(math.log2(high)) if high > 0 else 0))
    if not ring.is_fxp(op.result):
        return
    interval = intervals.of(op.result)
    bits = interval.bits(ring.fraction(op.result))
    if bits > ring.width(op.result) - 1:
        ground = (
            "" if not interval.assumed else " (operands of unknown range are assumed to stay within the policy's bound)"
        )
        raise CompileError(
            op.name,
            f"a value of up to {interval.size:.6g} with {ring.fraction(op.result)} fraction bits does not fit "
            f"its {ring.width(op.result)}-bit ring{ground}; compute it in float32, or with fewer fraction_bits",
            op.get("layer"),
        )
    _set(op, "range", bits)


@dataclass(frozen=True)
class Ranges(ModulePass):
    """`plan` knows what some values are on real inputs."""

    name = "ranges"
    plan: Plan | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        bounds = {} if self.plan is None else self.plan.bounds(function.body.block)
        intervals = Intervals(bounds)
        for inner in function.body.block.ops:
            if isinstance(inner, ring.RingOp):
                intervals.visit(inner)
                annotate(inner, intervals)
        function.attributes[ARGUMENT_RANGES] = ring.attribute(
            [
                intervals.of(argument).bits(ring.fraction(argument)) if ring.is_fxp(argument) else 0
                for argument in function.body.block.args
            ]
        )
