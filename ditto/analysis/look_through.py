"""Sees through operations that move, repeat or rescale the same numbers."""

from __future__ import annotations

from xdsl.ir import SSAValue

from ditto.dialects import ring


def row_of_softmax(x: SSAValue) -> int | None:
    """The length of the rows whose own maximum was subtracted to give x, if so it was."""
    difference = x.owner
    while isinstance(difference, ring.ReshapeOp | ring.DownCastOp | ring.ConvertOp | ring.RelabelOp):
        difference = difference.arguments[0].owner
    if not isinstance(difference, ring.SubOp):
        return None
    minuend, subtrahend = origin(difference.arguments[0]), origin(difference.arguments[1])
    if isinstance(subtrahend.owner, ring.MaxOp) and origin(subtrahend.owner.arguments[0]) is minuend:
        axis: int = subtrahend.owner.get("axis")
        return ring.shape(subtrahend.owner.arguments[0])[axis]
    return None


_CARRIERS = (ring.ReshapeOp, ring.BroadcastOp, ring.TransposeOp, ring.ShlOp, ring.ConvertOp, ring.DownCastOp)


def origin(x: SSAValue) -> SSAValue:
    """The value whose numbers x repeats or rearranges, in whatever ring."""
    while isinstance(x.owner, _CARRIERS + (ring.UpCastOp, ring.NarrowOp)):
        x = x.owner.arguments[0]
    return x
