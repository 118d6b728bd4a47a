"""The walk through a ring program that all its evaluations share: values are kept while they are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from ditto.dialects import ring

V = TypeVar("V")


def walk(
    module: ModuleOp,
    inputs: Sequence[Any],
    enter: Callable[[BlockArgument, Any], V],
    run: Callable[[Operation, list[V]], V],
) -> list[tuple[SSAValue, V]]:
    """Runs @main of a ring module.

    Args:
        inputs: real arrays for its arguments, public ones included; NumPy's, or of any kind that has a `shape`.
        enter: makes a value of an argument's array, when the first operation needs it.
        run: makes an operation's result of its operands; results are forgotten after their last use.

    Returns:
        What @main returns, as values of the program and of `run`.

    Raises:
        ValueError: arrays of another number or shape than @main takes.
    """
    block = ring.main(module).body.block
    if len(inputs) != len(block.args):
        raise ValueError(f"@main takes {len(block.args)} arrays, not {len(inputs)}")
    left = Counter(operand for op in block.ops for operand in op.operands)
    values: dict[SSAValue, V] = {}

    def take(operand: SSAValue) -> V:
        if operand not in values:
            assert isinstance(operand, BlockArgument)
            if inputs[operand.index].shape != ring.shape(operand):
                raise ValueError(f"argument {operand.index} has the shape {inputs[operand.index].shape}")
            values[operand] = enter(operand, inputs[operand.index])
        return values[operand]

    for op in block.ops:
        operands = [take(operand) for operand in op.operands]
        if isinstance(op, ReturnOp):
            return list(zip(op.arguments, operands, strict=True))
        values[op.results[0]] = run(op, operands)
        for operand in op.operands:
            left[operand] -= 1
            if not left[operand]:
                values.pop(operand, None)
    raise ValueError("@main ends without a return")
