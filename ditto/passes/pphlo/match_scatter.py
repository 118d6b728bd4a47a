"""Finds the addition of updates at secret positions and makes it one product.

With secret positions SPU's compiler turns `x.at[ids].add(updates)` into a loop over the updates, each round a
`dynamic_slice` and a `dynamic_update_slice` at a secret index. `segment_sum`, `bincount` and the gradient of a look-up
are such loops.

    %r:2 = pphlo.while(%i = %zero, %x = %x0) ... pphlo.dynamic_update_slice %x, (%row + %update), %id, %0 ...
becomes
    %h = pphlo.custom_call @ditto.one_hot(%ids)
    %r = pphlo.add %x0, (pphlo.dot_general %h, %updates, contracting_dims = [0] x [0])

An update whose position is outside of x is dropped, as in JAX: positions are shifted by one and clamped, and the first
and the last row are left out. What the loop computes is checked by running it, not by its form.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp, i1, i32
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.identify_by_running import evaluated
from ditto.dialects import pphlo
from ditto.passes.pphlo.whole_tensors import Writer, element_of, tensor
from ditto.passes.rewriting import erase_dead, every

ONE_HOT = "ditto.one_hot"


class Scatter(NamedTuple):
    """`updates` added to rows of `start` at `positions`: a result of a loop."""

    result: int
    start: SSAValue
    positions: SSAValue
    updates: SSAValue


def is_integer(value: SSAValue) -> bool:
    element = pphlo.element_type(value.type)
    return isinstance(element, IntegerType) and element != i1


def size(value: SSAValue) -> int:
    return math.prod(pphlo.shape_of(value))


def candidates(loop: pphlo.WhileOp) -> Iterator[Scatter]:
    """What a loop might scatter, by its shapes."""
    used = [index for index, output in enumerate(loop.outputs) if output.uses]
    writes = [op for op in loop.body.block.ops if isinstance(op, pphlo.DynamicUpdateSliceOp)]
    if len(used) != 1 or len(writes) != 1 or not any(pphlo.is_secret(i.type) for i in writes[0].arguments[2:]):
        return
    start = loop.arguments[used[0]]
    if not pphlo.shape_of(start) or pphlo.element_type(start.type) == i1 or not size(start):
        return
    columns = size(start) // pphlo.shape_of(start)[0]
    captured = [value for value in pphlo.inputs_of(loop) if value not in loop.arguments]
    for positions in captured:
        if not (pphlo.is_secret(positions.type) and is_integer(positions)):
            continue
        for updates in captured:
            alike = pphlo.element_type(updates.type) == pphlo.element_type(start.type)
            if updates is not positions and alike and size(updates) == size(positions) * columns > 0:
                yield Scatter(used[0], start, positions, updates)


def adds_rows(loop: pphlo.WhileOp, found: Scatter) -> bool:
    """Whether a loop adds rows at positions, repeated ones too, and leaves out those outside: on samples of both."""
    rng = np.random.default_rng(0)
    rows = pphlo.shape_of(found.start)[0]
    start, updates = (
        rng.integers(-9, 10, pphlo.shape_of(v)).astype(pphlo.dtype_of(pphlo.element_type(v.type)))
        for v in (found.start, found.updates)
    )
    for lowest, highest in ((0, rows), (-2, rows + 2)):
        positions = rng.integers(lowest, highest, pphlo.shape_of(found.positions)).astype(
            pphlo.dtype_of(pphlo.element_type(found.positions.type))
        )
        known = {found.start: start, found.updates: updates, found.positions: positions}
        result = evaluated(loop.outputs[found.result], known, exact=True)
        if result is None:
            return False
        flat = positions.reshape(-1)
        inside = (flat >= 0) & (flat < rows)
        expected = start.reshape(rows, -1).astype(np.float64 if start.dtype.kind == "f" else start.dtype)
        np.add.at(expected, flat[inside], updates.reshape(flat.size, -1)[inside])
        if not np.array_equal(result.reshape(rows, -1), expected):
            return False
    return True


def write_scatter(loop: pphlo.WhileOp, found: Scatter) -> None:
    """The product that takes the place of a loop's only result that is used."""
    writer, output = Writer(loop), loop.outputs[found.result]
    rows, count = pphlo.shape_of(found.start)[0], size(found.positions)
    positions = writer.flat(found.positions)
    wide = pphlo.with_visibility(i32, True)
    if pphlo.dtype_of(pphlo.element_type(positions.type)).itemsize < 4:
        positions = writer.retyped(positions, wide)
    dtype = pphlo.dtype_of(pphlo.element_type(positions.type))
    ones = writer.constant(np.ones(count, dtype))
    shifted = writer.write(pphlo.AddOp.get(positions, ones, positions.type))
    element = element_of(output)
    hot = pphlo.CustomCallOp.get(ONE_HOT, [writer.within(shifted, rows + 2)], tensor(element, [count, rows + 2]))
    inner = pphlo.SliceOp.get(writer.write(hot), [0, 1], [count, rows + 1], tensor(element, [count, rows]))
    updates = writer.reshape(found.updates, [count, size(found.updates) // count])
    contracted = pphlo.i64_array([0])
    product = pphlo.DotGeneralOp.create(
        operands=[writer.write(inner), updates],
        result_types=[tensor(element, [rows, size(found.updates) // count])],
        properties={"lhs_contracting": contracted, "rhs_contracting": contracted},
    )
    added = writer.reshape(writer.write(product), pphlo.shape_of(output))
    output.replace_all_uses_with(writer.write(pphlo.AddOp.get(found.start, added, output.type)))


@dataclass(frozen=True)
class MatchScatter(ModulePass):
    name = "match-scatter"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for loop in every(op, pphlo.WhileOp):
            found = next((scatter for scatter in candidates(loop) if adds_rows(loop, scatter)), None)
            if found is not None:
                write_scatter(loop, found)
        for function in op.body.block.ops:
            for region in function.regions:
                erase_dead(region.block)
