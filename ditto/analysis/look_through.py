"""Sees through operations that move, repeat or rescale numbers: back to where a value comes from, on to where it goes.

Which operations those are is said by their traits, so all of this holds for PPHLO and for ring programs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.ir import BlockArgument, Operation, SSAValue, Use
from xdsl.traits import OpTrait

from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array, cast
from ditto.dialects.traits import Moves, Rearranges, Rescales, Reshapes, TimesPowerOfTwo
from ditto.interpreter.ring_kernels import KERNELS

Traits = type[OpTrait]


def has_any(op: object, *traits: Traits) -> bool:
    """Whether something is an operation with one of these traits."""
    return isinstance(op, Operation) and any(op.has_trait(trait) for trait in traits)


def behind(x: SSAValue, *traits: Traits) -> SSAValue:
    """The value that x is made of by operations with one of these traits alone, by their first operands."""
    while isinstance(op := x.owner, Operation) and has_any(op, *traits):
        x = op.operands[0]
    return x


def beyond(x: SSAValue, *traits: Traits) -> Iterator[Use]:
    """The uses of x, and of all that operations with one of these traits make of it, but for those operations."""
    for use in x.uses:
        if has_any(use.operation, *traits):
            yield from beyond(use.operation.results[0], *traits)
        else:
            yield use


def origin(x: SSAValue) -> SSAValue:
    """The value whose numbers x repeats or rearranges, in whatever ring."""
    return behind(x, Rearranges, Rescales)


def in_order(x: SSAValue) -> SSAValue:
    """The value whose numbers x has, each once and in row-major order, in whatever ring."""
    return behind(x, Reshapes, Rescales)


def is_argument(x: SSAValue) -> bool:
    """Whether x is an argument, or elements of one, perhaps converted."""
    return isinstance(behind(x, Moves, Rescales), BlockArgument)


def rescaled(x: SSAValue) -> SSAValue:
    """The value whose numbers, or powers of two times them, x has in the same order, in whatever ring."""
    return behind(x, Reshapes, Rescales, TimesPowerOfTwo)


def places(x: SSAValue, source: SSAValue) -> Array:
    """For every element of x the flat position, in `source` = origin(x), of the element it repeats."""
    moves: list[Operation] = []
    value = x
    while value is not source:
        assert isinstance(value.owner, Operation)
        if value.owner.has_trait(Rearranges):
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
    if not isinstance(difference, ring.SubOp) or difference.get("wrap") is not None:
        return None
    source, subtrahend = origin(difference.arguments[0]), origin(difference.arguments[1])
    maximum = subtrahend.owner
    if not isinstance(maximum, ring.MaxOp) or origin(maximum.arguments[0]) is not source:
        return None
    axis = maximum.get("axis")
    reduced = places(maximum.arguments[0], source)
    if np.bincount(reduced.reshape(-1), minlength=1).max() > 1:
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


def known_numbers(x: SSAValue) -> Array | None:
    """The numbers of a public value of a ring program, encoded or not, if a constant holds them."""
    op = x.owner.arguments[0].owner if isinstance(x.owner, ring.EncodeOp) else x.owner
    return op.numpy() if isinstance(op, ring.ConstantOp) else None


def splat_value(x: SSAValue) -> Any:
    """The one public number that fills a PPHLO tensor, as a NumPy scalar, or None.

    Sees through what moves or converts a constant, the convert that makes it secret included.
    """
    op = x.owner
    if isinstance(op, pphlo.ConstantOp):
        array = op.numpy()
        return array[(0,) * array.ndim] if pphlo.is_splat(array) else None
    if not isinstance(op, Operation) or not (has_any(op, Rearranges, Rescales) or isinstance(op, pphlo.BroadcastAsOp)):
        return None
    number = splat_value(op.operands[0])
    if number is None or not op.has_trait(Rescales):
        return number
    return cast(np.asarray(number), pphlo.dtype_of(pphlo.element_type(x.type)))[()]
