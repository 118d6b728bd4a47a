"""Unrolls loops that compute on secrets and whose trip count is known now, and decides branches.

    %r:2 = pphlo.while(%i = %zero, %x = %secret) cond { less %i, 2 } do { %i + 1, %x + %x }
becomes
    %1 = pphlo.add %secret, %secret
    %2 = pphlo.add %1, %1

What a round computes from constants is computed on the way, so that indices of `dynamic_slice` and
`dynamic_update_slice` become constants, and these slices and concatenations. A branch that is chosen by a number known
now takes the place of its `if` or `case`; where the number is secret, all branches are computed and the results
selected. What computes on public values alone stays: it is evaluated in plain.

A loop's condition that depends on a secret would have to be revealed every round. If something known ends the loop too,
such as the greatest length of a text, it takes as many rounds as that allows, and those behind its last are not chosen:

    %r:2 = pphlo.while(%i = %zero, %x = %secret) cond { and (less %i, 2), (less %x, 9) } do { %i + 1, %x + %x }
becomes
    %1 = pphlo.less %secret, 9
    %2 = pphlo.select %1, (%secret + %secret), %secret
    %3 = pphlo.and %1, (pphlo.less %2, 9)
    %4 = pphlo.select %3, (%2 + %2), %2

Otherwise it is an error. Where a public argument decides, the error is `ValueNeeded`: the program can be compiled for
every value of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, i1
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import IsTerminator

from ditto.analysis.arguments import ValueNeeded, arguments_of
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.errors import CompileError
from ditto.interpreter import Interpreter
from ditto.passes.pphlo.fold_constants import Folder
from ditto.passes.rewriting import erase, erase_dead

# Beyond this the program would not fit into memory; a mistake is more likely than an intention.
_MOST_ROUNDS = 4096


def evaluated(block: Block, arguments: list[Array | None], folder: Folder) -> list[Array | None]:
    """What a block returns, as far as it follows from what is known of its arguments."""
    values = dict(folder.known)
    values.update((x, known) for x, known in zip(block.args, arguments, strict=True) if known is not None)
    interpreter = Interpreter(exact=True)
    for op in block.ops:
        if op.has_trait(IsTerminator):
            return [values.get(value) for value in op.operands]
        if all(value in values for value in pphlo.inputs_of(op)):
            interpreter.run(op, values)
        elif (absorbing := _ABSORBING.get(type(op))) is not None:
            for value in op.operands:
                if value in values and np.all(values[value] == absorbing):
                    values[op.results[0]] = values[value]
    return []


# What decides an operation on booleans, whatever the other operand is.
_ABSORBING: dict[type[Operation], bool] = {pphlo.AndOp: False, pphlo.OrOp: True}


def takes_another_round(loop: pphlo.WhileOp, carried: list[SSAValue], folder: Folder) -> bool | None:
    """Evaluates a loop's condition on its carried values as they are now; None if a secret decides.

    Raises ValueNeeded if an argument does.
    """
    block = loop.condition.block
    [verdict] = evaluated(block, [folder.known.get(value) for value in carried], folder)
    if verdict is not None:
        return bool(verdict)
    assert block.last_op is not None
    [returned] = block.last_op.operands
    if pphlo.is_secret(returned.type):
        return None
    raise ValueNeeded(
        loop.name,
        "the number of rounds depends on a public argument; give its value, or make it a Python number",
        arguments_of(v for v in deciding(returned, block, carried) if v not in folder.known),
    )


def check_bounded(loop: pphlo.WhileOp, carried: list[SSAValue], folder: Folder) -> None:
    """Raises CompileError unless what is known ends the loop at last, whatever the secrets are."""
    known = [folder.known.get(value) for value in carried]
    for _ in range(_MOST_ROUNDS):
        [verdict] = evaluated(loop.condition.block, known, folder)
        if verdict is not None and not verdict:
            break
        known = evaluated(loop.body.block, known, folder)
        if all(value is None for value in known):
            raise _revealing(loop, "bound the rounds by a number that is not secret")
    else:
        raise _revealing(loop, f"bound the rounds by a number that is not secret, of at most {_MOST_ROUNDS}")
    if any(result.uses and not pphlo.is_secret(result.type) for result in loop.results):
        raise _revealing(loop, "return nothing that tells the number of rounds and is not secret, such as a counter")


def _revealing(loop: pphlo.WhileOp, remedy: str) -> CompileError:
    return CompileError(loop.name, f"the loop's condition is secret, and to test it would reveal it; {remedy}")


def sliced(op: pphlo.DynamicSliceOp, folder: Folder) -> list[SSAValue] | None:
    """The same as a dynamic slice, at start indices that are known."""
    operand, *indices = op.arguments
    bounds = static_bounds(operand, op.result, indices, folder)
    return bounds and written_before(op, [pphlo.SliceOp.get(operand, *bounds, op.result.type)])


def updated(op: pphlo.DynamicUpdateSliceOp, folder: Folder) -> list[SSAValue] | None:
    """The same as a dynamic update, at start indices that are known."""
    operand, update, *indices = op.arguments
    bounds = static_bounds(operand, update, indices, folder)
    return bounds and written_before(op, written_over(op, *bounds))


def written_before(op: Operation, replacement: list[Operation] | None) -> list[SSAValue] | None:
    """The results of the last of some operations, which are written in front of another."""
    if not replacement:
        return None
    Rewriter.insert_op(replacement, InsertPoint.before(op))
    return list(replacement[-1].results)


def deciding(verdict: SSAValue, block: Block, carried: list[SSAValue]) -> list[SSAValue]:
    """The values outside of a condition's block that its verdict depends on."""
    waiting, seen, found = [verdict], set[SSAValue](), []
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        if value.owner is block:
            found.append(carried[block.args.index(value)])
        elif isinstance(value.owner, Operation) and value.owner.parent is block:
            waiting.extend(pphlo.inputs_of(value.owner))
        else:
            found.append(value)
    return found


def branched(op: pphlo.Branches, folder: Folder) -> list[SSAValue] | None:
    """Writes the branch that is taken before the operation, or all of them if nobody may know which; its results."""
    if not pphlo.touches_secret(op):
        return None
    chooser = op.operands[0]
    blocks = op.blocks
    if chooser in folder.known:
        index = int(folder.known[chooser])
        if isinstance(op, pphlo.IfOp):
            index = 0 if index else 1
        return write_block(blocks[index if 0 <= index < len(blocks) else -1], op, {}, folder)
    if not pphlo.is_secret(chooser.type):
        raise ValueNeeded(
            op.name,
            "which branch is taken depends on a public argument; give its value, or make it a Python number",
            arguments_of([chooser]),
        )
    *firsts, results = [write_block(block, op, {}, folder) for block in blocks]
    point = InsertPoint.before(op)
    for index, branch in reversed(list(enumerate(firsts))):
        taken = chooser
        if not isinstance(op, pphlo.IfOp):
            number = pphlo.ConstantOp.from_numpy(
                np.array(index, pphlo.dtype_of(pphlo.element_type(chooser.type))), pphlo.opened(chooser.type)
            )
            equal = pphlo.EqualOp.get(chooser, number.result, TensorType(pphlo.with_visibility(i1, True), []))
            Rewriter.insert_op([number, equal], point)
            taken = equal.result
        chosen = [
            pphlo.SelectOp.get([taken, mine, other], output.type)
            for mine, other, output in zip(branch, results, op.outputs, strict=True)
        ]
        Rewriter.insert_op(chosen, point)
        results = [select.result for select in chosen]
    return results


def write_block(block: Block, before: Operation, mapper: dict[SSAValue, SSAValue], folder: Folder) -> list[SSAValue]:
    """Writes a block's operations before another one; returns what the block does."""
    *ops, last = block.ops
    for op in ops:
        copy = op.clone(value_mapper=mapper)
        Rewriter.insert_op(copy, InsertPoint.before(before))
        mapper.update(zip(op.results, simplified(copy, folder), strict=True))
    return [mapper.get(value, value) for value in last.operands]


def static_bounds(
    operand: SSAValue, window: SSAValue, indices: list[SSAValue], folder: Folder
) -> tuple[list[int], list[int]] | None:
    """Where a window begins and ends in each dimension, if its start indices are known."""
    if any(index not in folder.known for index in indices):
        return None
    extents, sizes = pphlo.shape_of(operand), pphlo.shape_of(window)
    start = [
        min(max(int(folder.known[index]), 0), extent - size)
        for index, extent, size in zip(indices, extents, sizes, strict=True)
    ]
    return start, [begin + size for begin, size in zip(start, sizes, strict=True)]


def written_over(op: pphlo.DynamicUpdateSliceOp, start: list[int], limit: list[int]) -> list[Operation] | None:
    """An update of whole slabs along one dimension: what is before, the update, what is after."""
    whole = pphlo.shape_of(op.arguments[0])
    partial = [dim for dim, extent in enumerate(whole) if (start[dim], limit[dim]) != (0, extent)]
    operand, update = op.arguments[0], op.arguments[1]
    assert isinstance(op.result.type, TensorType)
    if len(partial) > 1 or pphlo.element_type(update.type) != pphlo.element_type(op.result.type):
        return None
    if not partial:
        return [pphlo.ConvertOp.get(update, op.result.type)]
    dim = partial[0]
    ops: list[Operation] = []
    parts: list[SSAValue] = []
    for begin, end in ((0, start[dim]), (limit[dim], whole[dim])):
        if begin < end:
            lower, upper = [0] * len(whole), list(whole)
            lower[dim], upper[dim] = begin, end
            assert isinstance(operand.type, TensorType)
            extents = [high - low for low, high in zip(lower, upper, strict=True)]
            type = TensorType(operand.type.get_element_type(), extents)
            ops.append(pphlo.SliceOp.get(operand, lower, upper, type))
            parts.append(ops[-1].results[0])
        if begin == 0:
            parts.append(update)
    return [*ops, pphlo.ConcatenateOp.get(parts, dim, op.result.type)]


def unrolled(loop: pphlo.WhileOp, folder: Folder) -> list[SSAValue] | None:
    """Writes the rounds of a loop over secrets before it; returns what is carried after the last."""
    if not pphlo.touches_secret(loop):
        return None
    carried, running = list(loop.arguments), None
    for _ in range(_MOST_ROUNDS):
        another = takes_another_round(loop, carried, folder)
        if another is False:
            return carried
        if another is None:
            running = still_running(loop, carried, running, folder)
        before, block = carried, loop.body.block
        carried = write_block(block, loop, dict(zip(block.args, carried, strict=True)), folder)
        if running is not None:
            carried = [
                after if after is old or not pphlo.is_secret(after.type) else chosen(running, after, old, loop)
                for old, after in zip(before, carried, strict=True)
            ]
    raise CompileError(loop.name, f"more than {_MOST_ROUNDS} rounds; give the loop a smaller bound")


def still_running(loop: pphlo.WhileOp, carried: list[SSAValue], running: SSAValue | None, folder: Folder) -> SSAValue:
    """A secret bit: whether a loop takes this round too. Those after its last are computed, and not chosen."""
    if running is None:
        check_bounded(loop, carried, folder)
    block = loop.condition.block
    [verdict] = write_block(block, loop, dict(zip(block.args, carried, strict=True)), folder)
    if running is None:
        return verdict
    both = pphlo.AndOp.get(running, verdict, verdict.type)
    Rewriter.insert_op(both, InsertPoint.before(loop))
    return both.result


def chosen(bit: SSAValue, value: SSAValue, other: SSAValue, before: Operation) -> SSAValue:
    select = pphlo.SelectOp.get([bit, value, other], value.type)
    Rewriter.insert_op(select, InsertPoint.before(before))
    return select.result


# What stands for the results of an operation, written before it; None if it stays.
_RESOLVED: dict[type[Operation], Callable[[Any, Folder], list[SSAValue] | None]] = {
    pphlo.WhileOp: unrolled,
    pphlo.IfOp: branched,
    pphlo.CaseOp: branched,
    pphlo.DynamicSliceOp: sliced,
    pphlo.DynamicUpdateSliceOp: updated,
}


def simplified(op: Operation, folder: Folder) -> list[SSAValue]:
    """The values that stand for the results of `op`, once loops and indices in it are resolved."""
    if folder.fold(op):
        return list(op.results)
    resolve = _RESOLVED.get(type(op))
    if resolve is None or (results := resolve(op, folder)) is None:
        return list(op.results)
    for old, new in zip(op.results, results, strict=True):
        old.replace_all_uses_with(new)
    erase(op)
    return results


@dataclass(frozen=True)
class UnrollLoops(ModulePass):
    name = "unroll-loops"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            for region in function.regions:
                erase_dead(region.block)
                folder = Folder()
                for inner in list(region.block.ops):
                    simplified(inner, folder)
                erase_dead(region.block)
