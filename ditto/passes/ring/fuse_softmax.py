"""Lets the maximum of a softmax know of the exponential that follows it.

The maximum may be short by what the exponential's slack covers: a tree of k levels drops the low bits as long as
k * 2^drop units stay below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.analysis.intervals import unit
from ditto.analysis.look_through import beyond, origin, rescaled
from ditto.analysis.pattern import made, match, named, through
from ditto.analysis.softmax import ROW, row_of_softmax
from ditto.dialects import ring
from ditto.dialects.traits import Moves, Rescales
from ditto.passes.ring_rewriting import every

DIFFERENCE = through(rescaled, made(ring.SubOp, "x", through(origin, named("maximum", made(ring.MaxOp)))))


def drop_bits(maximum: ring.RingOp, exp: ring.ExpOp) -> int:
    """How many low bits the tree may ignore: half a unit of rounding is left for the exponential's operand."""
    slack = exp.get("slack") << (ring.fraction(maximum.result) - ring.fraction(exp.arguments[0]))
    drop = 0
    while _levels(maximum) << (drop + 1) < slack - (slack >> 4):
        drop += 1
    return drop


def short_by(maximum: ring.RingOp) -> float:
    """By how much less than the maximum the result may be."""
    return float(_levels(maximum) << maximum.get("drop")) * unit(maximum.result)


def _levels(maximum: ring.RingOp) -> int:
    axis: int = maximum.get("axis")
    return max(1, (ring.shape(maximum.arguments[0])[axis] - 1).bit_length())


def fuse(exp: ring.ExpOp) -> None:
    """Sets `drop` on the maximum before one exponential."""
    found = match(exp.arguments[0], DIFFERENCE)
    if found is None or row_of_softmax(exp.arguments[0]) is None:
        return
    maximum = found["maximum"]
    # Only if nothing but exponentials (by way of a difference) sees the maximum.
    if all(ROW in use.operation.attributes for use in beyond(maximum, Moves, Rescales)):
        maximum.owner.attributes["drop"] = ring.attribute(drop_bits(maximum.owner, exp))


@dataclass(frozen=True)
class FuseSoftmax(ModulePass):
    name = "fuse-softmax"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for exponential in every(ring.main(op), ring.ExpOp):
            fuse(exponential)
