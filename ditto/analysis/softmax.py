"""Finds the rows of a softmax: exponentials of a row less its own maximum, and their sums.

What is subtracted, and what is summed, is known by the places of the elements: moves on the way may be any.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from ditto.analysis.look_through import origin, places, rescaled
from ditto.analysis.pattern import made, match, matches, named, through
from ditto.dialects import ring
from ditto.dialects.dense import Array

# The note of a difference that `exponential` (lowering) has found to be one of a softmax: the length of its rows.
ROW = "row"

_MAXIMUM = through(origin, named("maximum", made(ring.MaxOp, named("rows", through(origin, "x")))))
_OPERANDS = named("minuend", through(origin, "x")), named("subtrahend", _MAXIMUM)
_DIFFERENCE = named("difference", made(ring.SubOp, *_OPERANDS))
_EXPONENTIAL = through(origin, named("exponential", made(ring.ExpOp, "x")))
_SUM = named("sum", made(ring.SumOp, named("terms", _EXPONENTIAL)))


@dataclass(frozen=True)
class SoftmaxRow:
    """What is subtracted from every element is the maximum of its row."""

    difference: ring.RingOp
    length: int
    # For every element of the operand of the exponential, the number of its row.
    rows: Array


def softmax_row(x: SSAValue) -> SoftmaxRow | None:
    """The rows whose own maximum was subtracted, element by element, to give x; None if that is not what x is."""
    found = match(rescaled(x), _DIFFERENCE)
    if found is None or (difference := found["difference"].owner).get("wrap") is not None:
        return None
    source, maximum = found["x"], found["maximum"]
    axis = maximum.owner.get("axis")
    reduced = places(found["rows"], source)
    if np.bincount(reduced.reshape(-1), minlength=1).max() > 1:
        return None
    row_of = np.full(math.prod(ring.shape(source)), -1, np.int64)
    numbers = np.arange(math.prod(ring.shape(maximum)), dtype=np.int64).reshape(ring.shape(maximum))
    row_of[reduced] = np.broadcast_to(np.expand_dims(numbers, axis), reduced.shape)
    rows = row_of[places(found["minuend"], source)]
    if not np.array_equal(rows, places(found["subtrahend"], maximum)):
        return None
    return SoftmaxRow(difference, ring.shape(found["rows"])[axis], rows.reshape(ring.shape(x)))


def row_of_softmax(x: SSAValue) -> int | None:
    """The length of the rows whose own maximum was subtracted to give x, if that has been noted."""
    difference = rescaled(x).owner
    return difference.get(ROW) if isinstance(difference, ring.RingOp) else None


def sums_softmax_rows(x: SSAValue) -> bool:
    """Whether x is the sums of the exponentials of whole rows, each less its own maximum: each holds a 1."""
    found = match(origin(x), _SUM)
    if found is None or (row := softmax_row(found["x"])) is None:
        return False
    terms, dims = found["terms"], found["sum"].owner.get("dims")
    rows = row.rows.reshape(-1)[places(terms, found["exponential"])]
    rows = np.moveaxis(rows, dims, range(-len(dims), 0))
    rows = rows.reshape(-1, math.prod(ring.shape(terms)[dim] for dim in dims))
    return rows.shape[1] == row.length and bool(np.all(rows == rows[:, :1]))


def is_softmax(x: SSAValue, y: SSAValue) -> bool:
    """Whether x / y are exponentials of rows less their maximum, divided by sums of whole rows of such."""
    return matches(x, _EXPONENTIAL) and sums_softmax_rows(y)
