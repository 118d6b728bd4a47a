"""Sees through operations that move, repeat or rescale numbers: back to where a value comes from, on to where it goes.

Which operations those are is said by their traits, so all of this holds for PPHLO and for ring programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from xdsl.ir import BlockArgument, Operation, SSAValue, Use
from xdsl.traits import OpTrait

from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array, cast
from ditto.dialects.traits import Moves, Rearranges, Rescales, Reshapes, TimesPowerOfTwo

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


def row_of_softmax(x: SSAValue) -> int | None:
    """The length of the rows whose own maximum was subtracted to give x, if so it was."""
    difference = behind(x, Reshapes, Rescales, TimesPowerOfTwo).owner
    if not isinstance(difference, ring.SubOp):
        return None
    minuend, subtrahend = origin(difference.arguments[0]), origin(difference.arguments[1])
    if isinstance(subtrahend.owner, ring.MaxOp) and origin(subtrahend.owner.arguments[0]) is minuend:
        axis: int = subtrahend.owner.get("axis")
        return ring.shape(subtrahend.owner.arguments[0])[axis]
    return None


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
