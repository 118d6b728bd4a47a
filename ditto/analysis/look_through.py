"""Sees through operations that move, repeat or rescale numbers: back to where a value comes from, on to where it goes.

Which operations those are is said by their traits, so all of this holds for PPHLO and for ring programs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from xdsl.ir import BlockArgument, Operation, SSAValue, Use
from xdsl.traits import OpTrait

from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array, cast
from ditto.dialects.traits import (
    Constant,
    Elementwise,
    Moves,
    Multiplies,
    Rearranges,
    Rescales,
    Reshapes,
    TimesPowerOfTwo,
)
from ditto.interpreter.ring_kernels import kernel

Traits = type[OpTrait]


def has_any(op: object, *traits: Traits) -> bool:
    """Whether something is an operation with one of these traits."""
    return isinstance(op, Operation) and _has_any(type(op), traits)


@functools.cache
def _has_any(kind: type[Operation], traits: tuple[Traits, ...]) -> bool:
    # Asked of every operation many times, and xDSL looks through a list of them each time.
    return any(kind.has_trait(trait) for trait in traits)


def behind(x: SSAValue, *traits: Traits) -> SSAValue:
    """The value that x is made of by operations with one of these traits alone, by their first operands."""
    while isinstance(op := x.owner, Operation) and has_any(op, *traits):
        x = op.operands[0]
    return x


def beyond(x: SSAValue, *traits: Traits) -> Iterator[Use]:
    """The uses of x, and of all that operations with one of these traits make of it, but for those operations."""
    stack = [x]
    # What is moved apart and together again is met once.
    seen = {x}
    while stack:
        for use in stack.pop().uses:
            if not has_any(use.operation, *traits):
                yield use
            elif (moved := use.operation.results[0]) not in seen:
                seen.add(moved)
                stack.append(moved)


def origin(x: SSAValue) -> SSAValue:
    """The value whose numbers x repeats or rearranges, in whatever ring."""
    return behind(x, Rearranges, Rescales)


def reshaped(x: SSAValue) -> SSAValue:
    """The value that x is in another shape."""
    return behind(x, Reshapes)


def in_order(x: SSAValue) -> SSAValue:
    """The value whose numbers x has, each once and in row-major order, in whatever ring."""
    return behind(x, Reshapes, Rescales)


def taken_from(x: SSAValue) -> SSAValue:
    """The value whose elements, or some of them, x has, in whatever ring."""
    return behind(x, Moves, Rescales)


def is_argument(x: SSAValue) -> bool:
    """Whether x is an argument, or elements of one, perhaps converted."""
    return isinstance(taken_from(x), BlockArgument)


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
        found = kernel(move)(move, found)
    return found


def known_numbers(x: SSAValue) -> Array | None:
    """The numbers of a public value, encoded or not, if a constant holds them."""
    op = x.owner
    if isinstance(op, ring.RingOp) and ring.is_public(x):
        # An encoding.
        op = op.arguments[0].owner
    return op.numpy() if has_any(op, Constant) else None  # type: ignore[union-attr]


def splat_value(x: SSAValue) -> Any:
    """The one public number that fills a tensor, as a NumPy scalar, or None.

    Sees through what encodes a constant and, in PPHLO, what moves or converts one, the convert that makes it secret
    included.
    """
    if (numbers := known_numbers(x)) is not None:
        return numbers[(0,) * numbers.ndim] if pphlo.is_splat(numbers) else None
    op = x.owner
    if not isinstance(op, Operation) or not (has_any(op, Rearranges, Rescales) or isinstance(op, pphlo.BroadcastAsOp)):
        return None
    number = splat_value(op.operands[0])
    if number is None or not op.has_trait(Rescales):
        return number
    return cast(np.asarray(number), pphlo.dtype_of(pphlo.element_type(x.type)))[()]


def multiple_of(x: SSAValue) -> tuple[SSAValue, float]:
    """What a value of a ring program is a public multiple of, in the same order, and the factor."""
    factor = 1.0
    while isinstance(op := (x := in_order(x)).owner, ring.RingOp):
        if op.has_trait(TimesPowerOfTwo):
            factor *= 2.0 ** (ring.fraction(op.arguments[0]) - ring.fraction(op.result))
        elif is_product(op) and (number := splat_value(op.arguments[1])) is not None:
            factor *= float(number)
        else:
            break
        x = op.arguments[0]
    return x, factor


def is_product(op: Operation) -> bool:
    """Whether an operation multiplies two operands element by element."""
    return op.has_trait(Multiplies) and op.has_trait(Elementwise) and len(op.operands) == 2
