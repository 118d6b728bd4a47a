"""Finds the look-up of secret ids in a table and makes it one call.

With secret ids SPU's compiler turns `table[ids]` into a loop over the ids, each round a `dynamic_slice` at a secret
index. Around the loop stand JAX's rules for indices: negative ones count from the end, a row out of bounds is NaN.

    %r:2 = pphlo.while(%i = %zero, %rows = %zeros) ... pphlo.dynamic_slice %table, %id, %0 sizes = [1, 768] ...
    %s = pphlo.select %in_bounds, %r#1, %nan
becomes
    %s = pphlo.custom_call @ditto.embedding(%table, %ids) {ditto.refuses}

Row i of the result is the table's row `ids[i]`. Where the program would put NaN, because the table has no such row, the
run is refused, which the call notes (`ditto.refuses`): NaN does not exist among secret numbers. Where it does not ask,
the index is clamped, as `dynamic_slice` does. The wrap of negative indices stays as it is written. A
single `dynamic_slice` of a table at a secret index is a look-up of one id.

What the loop and the bounds compute is checked by running them, not by their form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp, UnitAttr, i1
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.identify_by_running import evaluated, operations_between
from ditto.analysis.look_through import beyond, reshaped
from ditto.analysis.pattern import made, match, named
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.dialects.traits import Reshapes
from ditto.passes.pphlo.whole_tensors import Writer
from ditto.passes.rewriting import erase, erase_dead, every

TARGET = "ditto.embedding"


def is_look_up(op: Operation) -> bool:
    """Whether an operation takes one row of a table (its first dimension is the rows') at a secret index."""
    if not isinstance(op, pphlo.DynamicSliceOp) or len(op.arguments) < 2:
        return False
    table, row, *columns = op.arguments
    whole = (1, *pphlo.shape_of(table)[1:])
    return pphlo.is_secret(row.type) and pphlo.integers(op.sizes) == whole and all(map(is_zero, columns))


def is_zero(value: SSAValue) -> bool:
    numbers = evaluated(value)
    return numbers is not None and not np.any(numbers)


def sample_ids(value: SSAValue, rows: int) -> Array:
    """Ids within a table, of a value's shape and dtype; both ends among them."""
    dtype = pphlo.dtype_of(pphlo.element_type(value.type))
    count = math.prod(pphlo.shape_of(value))
    ids = np.random.default_rng(0).integers(0, rows, count)
    ids[-1], ids[0] = rows - 1, 0
    return ids.astype(dtype).reshape(pphlo.shape_of(value))


def sample_table(table: SSAValue) -> Array:
    """A table whose rows differ, with entries that every dtype of numbers holds exactly.

    Row r is entries r, r + 1, ... of one random sequence: a view, where 50,000 rows of 768 would take seconds to fill.
    """
    rows, *extents = pphlo.shape_of(table)
    columns, dtype = math.prod(extents), pphlo.dtype_of(pphlo.element_type(table.type))
    sequence = np.random.default_rng(0).integers(0, 1024 if dtype.itemsize > 1 else 128, rows + columns - 1)
    return sliding_window_view(sequence.astype(dtype), columns).reshape(rows, *extents)


def loop_look_up(loop: pphlo.WhileOp) -> tuple[int, SSAValue, SSAValue] | None:
    """(result, table, indices) of a loop that looks up one id a round."""
    slices = [op for op in loop.body.block.ops if is_look_up(op)]
    used = [index for index, output in enumerate(loop.outputs) if output.uses]
    if len(slices) != 1 or len(used) != 1:
        return None
    table = slices[0].operands[0]
    captured = [value for value in pphlo.inputs_of(loop) if value not in loop.arguments]
    indices = [
        value
        for value in captured
        if pphlo.is_secret(value.type)
        and isinstance(pphlo.element_type(value.type), IntegerType)
        and value is not table
    ]
    # Booleans do not tell rows apart.
    if table not in captured or len(indices) != 1 or pphlo.element_type(table.type) == i1:
        return None
    rows, *extents = pphlo.shape_of(table)
    columns = math.prod(extents)
    if rows * columns == 0:
        return None
    ids, entries = sample_ids(indices[0], rows), sample_table(table)
    looked_up = evaluated(loop.outputs[used[0]], {table: entries, indices[0]: ids})
    if looked_up is None or looked_up.size != ids.size * columns:
        return None
    same = np.array_equal(looked_up.reshape(-1, columns), entries[ids.reshape(-1)].reshape(-1, columns))
    return (used[0], table, indices[0]) if same else None


def drop_bounds(looked_up: SSAValue, ids: SSAValue, rows: int) -> bool:
    """Replaces `select(in_bounds(ids), looked_up, NaN)` by what was looked up; whether every use was of that form."""
    uses = list(beyond(looked_up, Reshapes))
    dropped = bool(uses)
    for use in uses:
        chosen = use.operation.operands[use.index]
        found = match(use.operation, named("result", made(pphlo.SelectOp, "within", chosen, "other")))
        if found and found["result"].type == chosen.type and is_nan(found["other"]):
            if holds_within(found["within"], ids, rows):
                found["result"].replace_all_uses_with(chosen)
                continue
        dropped = False
    return dropped


def is_nan(value: SSAValue) -> bool:
    numbers = evaluated(value)
    return numbers is not None and bool(np.all(np.isnan(numbers)))


def holds_within(condition: SSAValue, ids: SSAValue, rows: int) -> bool:
    """Whether a condition is true of every id within the table."""
    if not operations_between(condition, ids):
        return False
    holds = evaluated(condition, {ids: sample_ids(ids, rows)})
    return holds is not None and bool(np.all(holds))


def replace_look_up(op: Operation, result: SSAValue, table: SSAValue, ids: SSAValue) -> None:
    writer, (rows, *extents) = Writer(op), pphlo.shape_of(table)
    # The bounds are asked of the ids in their own shape.
    ids = reshaped(ids)
    call = pphlo.CustomCallOp.get(TARGET, [writer.reshape(table, [rows, math.prod(extents)]), ids], result.type)
    result.replace_all_uses_with(writer.write(call))
    if drop_bounds(call.outputs[0], ids, rows):
        call.attributes[pphlo.REFUSES] = UnitAttr()
    else:
        call.operands[1] = Writer(call).within(ids, rows)


@dataclass(frozen=True)
class MatchEmbedding(ModulePass):
    name = "match-embedding"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for loop in every(op, pphlo.WhileOp):
            if found := loop_look_up(loop):
                result, table, indices = found
                replace_look_up(loop, loop.outputs[result], table, indices)
                erase(loop)
        for look_up in [inner for inner in op.walk() if is_look_up(inner)]:
            replace_look_up(look_up, look_up.results[0], look_up.operands[0], look_up.operands[1])
        for function in op.body.block.ops:
            for region in function.regions:
                erase_dead(region.block)
