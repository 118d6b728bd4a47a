"""Keeps secret what SPU's compiler would open.

A loop whose rounds give a public value carries a public one, says SPU, and opens the secret that the loop begins with:

    %1 = pphlo.convert %secret : (tensor<!pphlo.secret<f32>>) -> tensor<f32>
    %2:2 = pphlo.while(%i = %zero, %x = %1) : tensor<i32>, tensor<f32> cond { less %i, 2 } do { %i + 1, %one }
becomes
    %1 = pphlo.convert %secret : (tensor<!pphlo.secret<f32>>) -> tensor<!pphlo.secret<f32>>
    %2:2 = pphlo.while(%i = %zero, %x = %1) : tensor<i32>, tensor<!pphlo.secret<f32>> cond { less %i, 2 } do {
      %3 = pphlo.convert %one : (tensor<f32>) -> tensor<!pphlo.secret<f32>>
      %i + 1, %3
    }

What is computed from such a value is secret too, results of the program among it. The caller alone opens results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ditto.dialects import pphlo
from ditto.passes.rewriting import every


def hidden(type: Attribute) -> TensorType[Attribute]:
    """A tensor type made secret."""
    assert isinstance(type, TensorType), type
    return TensorType(pphlo.with_visibility(pphlo.element_type(type), True), type.get_shape())


def follows(value: SSAValue) -> list[SSAValue]:
    """The values that are secret because this one is."""
    found: list[SSAValue] = []
    for use in value.uses:
        op, position = use.operation, use.index
        parent = op.parent_op()
        if isinstance(op, pphlo.WhileOp):
            found += carried(op, position)
        elif isinstance(op, pphlo.ReturnOp) and isinstance(parent, pphlo.WhileOp):
            # What a condition returns is no value of the loop.
            found += carried(parent, position) if op.parent is parent.body.block else []
        elif isinstance(op, pphlo.ReturnOp) and parent is not None:
            found.append(parent.results[position])
        else:
            found += op.results
            found += [argument for region in op.regions for block in region.blocks for argument in block.args]
    return found


def carried(loop: pphlo.WhileOp, position: int) -> list[SSAValue]:
    """One value that a loop carries, in all its places."""
    return [loop.condition.block.args[position], loop.body.block.args[position], loop.results[position]]


def hide(values: list[SSAValue]) -> None:
    """Makes values secret, and what follows from them."""
    while values:
        value = values.pop()
        # What has been replaced may still be waiting.
        here = value.owner.args if isinstance(value.owner, Block) else value.owner.results
        if value in here and not pphlo.is_secret(value.type):
            values += follows(Rewriter.replace_value_with_new_type(value, hidden(value.type)))


def hide_operands(op: Operation, types: Sequence[Attribute]) -> None:
    """Converts operands of an operation that are public where it takes secrets."""
    for position, (value, wanted) in enumerate(zip(op.operands, types, strict=True)):
        if pphlo.is_secret(wanted) and not pphlo.is_secret(value.type):
            convert = pphlo.ConvertOp.get(value, hidden(value.type))
            Rewriter.insert_op(convert, InsertPoint.before(op))
            op.operands[position] = convert.result


def keep_secrets(function: FuncOp, opening: list[pphlo.ConvertOp]) -> None:
    """Makes some conversions of a function give secrets, and all that depends on them."""
    hide([op.result for op in opening])
    for loop in every(function, pphlo.WhileOp):
        types = [result.type for result in loop.results]
        hide_operands(loop, types)
        hide_operands(terminator(loop.body.block), types)
    last = terminator(function.body.block)
    assert isinstance(last, ReturnOp)
    function.function_type = FunctionType.from_lists(
        list(function.function_type.inputs), [value.type for value in last.arguments]
    )


def terminator(block: Block) -> Operation:
    assert block.last_op is not None
    return block.last_op


@dataclass(frozen=True)
class KeepSecrets(ModulePass):
    name = "keep-secrets"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in every(op, FuncOp):
            opening = [
                convert
                for convert in every(function, pphlo.ConvertOp)
                if pphlo.is_secret(convert.operand.type) and not pphlo.is_secret(convert.result.type)
            ]
            if opening:
                keep_secrets(function, opening)
