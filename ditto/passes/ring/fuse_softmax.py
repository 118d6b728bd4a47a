"""Lets the maximum of a softmax know of the exponential that follows it.

The maximum may be short by what the exponential's slack covers: a tree of k levels drops the low bits as long as
k * 2^drop units stay below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.analysis.look_through import beyond, origin, row_of_softmax
from ditto.dialects import ring
from ditto.dialects.traits import Moves, Rescales


def maximum_of(exp: ring.ExpOp) -> ring.MaxOp:
    """The row maximum that was subtracted from an exponential's operand."""
    difference = exp.arguments[0].owner
    while not isinstance(difference, ring.SubOp):
        assert isinstance(difference, ring.RingOp)
        difference = difference.arguments[0].owner
    maximum = origin(difference.arguments[1]).owner
    assert isinstance(maximum, ring.MaxOp)
    return maximum


def drop_bits(maximum: ring.MaxOp, exp: ring.ExpOp) -> int:
    """How many low bits the tree may ignore: half a unit of rounding is left for the exponential's operand."""
    slack = exp.get("slack") << (ring.fraction(maximum.result) - ring.fraction(exp.arguments[0]))
    levels = max(1, (ring.shape(maximum.arguments[0])[maximum.get("axis")] - 1).bit_length())
    drop = 0
    while levels << (drop + 1) < slack - (slack >> 4):
        drop += 1
    return drop


def fuse(exp: ring.ExpOp) -> None:
    """Sets `drop` on the maximum before one exponential."""
    if row_of_softmax(exp.arguments[0]) is None:
        return
    maximum = maximum_of(exp)
    # Only if nothing but exponentials (by way of a difference) sees the maximum.
    uses = beyond(maximum.result, Moves, Rescales)
    if all(isinstance(use.operation, ring.SubOp) and row_of_softmax(use.operation.result) for use in uses):
        maximum.attributes["drop"] = ring.attribute(drop_bits(maximum, exp))


@dataclass(frozen=True)
class FuseSoftmax(ModulePass):
    name = "fuse-softmax"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in ring.main(op).body.block.ops:
            if isinstance(inner, ring.ExpOp):
                fuse(inner)
