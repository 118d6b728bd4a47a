"""Recognises what a piece of a program computes by running it.

A function such as GELU reaches us in many written forms. Rather than match each, a recogniser finds the piece's one
input, runs the piece on sample inputs and compares with the function meant. The structure only says where to cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ditto.analysis.look_through import splat_value
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.dialects.traits import Elementwise
from ditto.interpreter import EvaluationError, evaluate_values

Expandable = Callable[[Operation], bool]


def is_elementwise(op: Operation) -> bool:
    """Whether every element of the result depends on the operands' elements at the same place alone."""
    return op.has_trait(Elementwise) or pphlo.calls(op, "mpc.erf", "mhlo.erf", "mpc.erfc")


def single_inputs(output: SSAValue, order: dict[Operation, int], expandable: Expandable, limit: int) -> list[SSAValue]:
    """The values, nearest first, of which `output` is a function of one variable.

    Walks back from `output`, always through the operation that comes last in the block; whenever exactly one value is
    left to explain, it is one of them. Constants that fill a tensor explain themselves. The walk ends at an operation
    that `expandable` refuses or after `limit` operations.
    """
    found: list[SSAValue] = []
    owner = output.owner
    frontier: set[SSAValue] = set()
    for _ in range(limit):
        if not isinstance(owner, Operation) or owner not in order or not expandable(owner):
            break
        frontier |= {operand for operand in owner.operands if splat_value(operand) is None}
        if not frontier:
            break
        if len(frontier) == 1:
            found.append(next(iter(frontier)))
        last = max(frontier, key=lambda value: order.get(value.owner, -1) if isinstance(value.owner, Operation) else -1)
        frontier.discard(last)
        owner = last.owner
    return found


def operations_between(output: SSAValue, source: SSAValue) -> list[Operation]:
    """The operations that lead from `source` to `output`, constants left out; none if the way leads past `source`."""
    found: dict[Operation, None] = {}
    stack = [output]
    while stack:
        value = stack.pop()
        if value is source or splat_value(value) is not None:
            continue
        if not isinstance(value.owner, Operation):
            return []
        if value.owner not in found:
            found[value.owner] = None
            stack.extend(value.owner.operands)
    return list(found)


def evaluated(value: SSAValue, known: Mapping[SSAValue, Array] | None = None, *, exact: bool = False) -> Array | None:
    """The numbers of a value that depends on constants and `known` ones alone; None if it depends on others or cannot
    be evaluated."""
    try:
        return evaluate_values([value], known or {}, exact=exact)[0]
    except EvaluationError:
        return None


def run_piece(output: SSAValue, source: SSAValue, samples: Array) -> Array | None:
    """What an elementwise piece makes of sample inputs (any shape), in float64; None if it cannot be evaluated."""
    known = {source: samples}
    for op in operations_between(output, source):
        for operand in op.operands:
            if operand is not source and (constant := splat_value(operand)) is not None:
                known[operand] = constant.astype(samples.dtype) if constant.dtype.kind == "f" else constant
    return evaluated(output, known, exact=True)


def run_region(region: Region, arrays: Sequence[Array]) -> list[Array] | None:
    """What a region of scalars makes of arrays in place of its arguments; None if it cannot be evaluated."""
    known: dict[SSAValue, Array] = dict(zip(region.block.args, arrays, strict=True))
    last = region.block.last_op
    try:
        return evaluate_values(last.operands, known, exact=True) if last is not None else None
    except EvaluationError:
        return None


def sample_numbers(type: Attribute) -> Array:
    """A few numbers of a tensor type's dtype, of both signs, zero and equal ones among them; both booleans."""
    dtype = pphlo.dtype_of(pphlo.element_type(type))
    if dtype.kind == "b":
        return np.array([False, True, True, False, True, False, False, True])
    samples = np.array([0, -3, 7, 7, -100, 1, 2, -3])
    return (samples / 2 if dtype.kind == "f" else samples).astype(dtype)


def block_order(block: Block) -> dict[Operation, int]:
    """The position of every operation of a block."""
    return {op: index for index, op in enumerate(block.ops)}
