"""Sees through operations that move, repeat or rescale the same numbers, and knows which element went where."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.ir import Operation, SSAValue

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.interpreter.ring_kernels import KERNELS

_MOVES = (ring.ReshapeOp, ring.BroadcastOp, ring.TransposeOp)
_RESCALED = (ring.ShlOp, ring.ConvertOp, ring.DownCastOp, ring.UpCastOp, ring.NarrowOp)


def origin(x: SSAValue) -> SSAValue:
    """The value whose numbers x repeats or rearranges, in whatever ring."""
    while isinstance(x.owner, _MOVES + _RESCALED):
        x = x.owner.operands[0]
    return x


def rescaled(x: SSAValue) -> SSAValue:
    """The value whose numbers these are in the same places, in whatever ring."""
    while isinstance(x.owner, (ring.ReshapeOp, ring.RelabelOp, *_RESCALED)):
        x = x.owner.operands[0]
    return x


def places(x: SSAValue, source: SSAValue) -> Array:
    """For every element of x the flat position, in `source` = origin(x), of the element it repeats."""
    moves: list[Operation] = []
    value = x
    while value is not source:
        assert isinstance(value.owner, Operation)
        if isinstance(value.owner, _MOVES):
            moves.append(value.owner)
        value = value.owner.operands[0]
    shape = ring.shape(source)
    found = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    for move in reversed(moves):
        found = KERNELS[move.name.removeprefix("ring.")](move, found)
    return found


@dataclass(frozen=True)
class SoftmaxRow:
    """What is subtracted from every element is the maximum of its row."""

    maximum: ring.MaxOp
    length: int
    # For every element of the operand of the exponential, the number of its row.
    rows: Array


def softmax_row(x: SSAValue) -> SoftmaxRow | None:
    """The rows whose own maximum was subtracted, element by element, to give x; None if that is not what x is."""
    difference = rescaled(x).owner
    if not isinstance(difference, ring.SubOp):
        return None
    source, subtrahend = origin(difference.arguments[0]), origin(difference.arguments[1])
    maximum = subtrahend.owner
    if not isinstance(maximum, ring.MaxOp) or origin(maximum.arguments[0]) is not source:
        return None
    axis = maximum.get("axis")
    reduced = places(maximum.arguments[0], source)
    if len(np.unique(reduced)) != reduced.size:
        return None
    row_of = np.full(math.prod(ring.shape(source)), -1, np.int64)
    numbers = np.arange(math.prod(ring.shape(maximum.result)), dtype=np.int64).reshape(ring.shape(maximum.result))
    row_of[reduced] = np.broadcast_to(np.expand_dims(numbers, axis), reduced.shape)
    rows = row_of[places(difference.arguments[0], source)]
    if not np.array_equal(rows, places(difference.arguments[1], maximum.result)):
        return None
    return SoftmaxRow(maximum, ring.shape(maximum.arguments[0])[axis], rows.reshape(ring.shape(x)))


def row_of_softmax(x: SSAValue) -> int | None:
    """The length of the rows whose own maximum was subtracted to give x, if `exponential` (lowering) has found so."""
    difference = rescaled(x).owner
    return difference.get("row") if isinstance(difference, ring.SubOp) else None


def sums_softmax_rows(x: SSAValue) -> bool:
    """Whether x is the sums of the exponentials of whole rows, each less its own maximum: each holds a 1."""
    total = origin(x).owner
    if not isinstance(total, ring.SumOp):
        return False
    exponential = origin(total.arguments[0])
    if not isinstance(exponential.owner, ring.ExpOp) or (row := softmax_row(exponential.owner.arguments[0])) is None:
        return False
    dims = total.get("dims")
    rows = row.rows.reshape(-1)[places(total.arguments[0], exponential)]
    rows = np.moveaxis(rows, dims, range(-len(dims), 0))
    rows = rows.reshape(-1, math.prod(ring.shape(total.arguments[0])[dim] for dim in dims))
    return rows.shape[1] == row.length and bool(np.all(rows == rows[:, :1]))
