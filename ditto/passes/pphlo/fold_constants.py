"""Computes what depends on constants alone.

    %0 = pphlo.constant dense<1.0> : tensor<12x1xf16>
    %1 = pphlo.reshape %0 : (tensor<12x1xf16>) -> tensor<12x1x1xf16>
becomes
    %1 = pphlo.constant dense<1.0> : tensor<12x1x1xf16>

A chain of operations is computed in float64 and rounded once, to the dtype of the value that is still needed. The
results are kept as arrays, not as text: a causal mask of 1024 x 1024 is a bitmap until somebody prints it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import Pure

from ditto.dialects import pphlo
from ditto.dialects.dense import Array, cast
from ditto.dialects.traits import Constant
from ditto.interpreter import Interpreter
from ditto.passes.rewriting import erase_dead


class Folder:
    """Knows the arrays of some values, computes what follows from them, and writes constants where they are needed."""

    def __init__(self) -> None:
        self.known: dict[SSAValue, Array] = {}
        self._interpreter = Interpreter(exact=True)

    def fold(self, op: Operation) -> bool:
        """Whether all results of `op` are known now, without the operation."""
        # What is drawn at random is another number at every run.
        if not op.results or not op.has_trait(Pure) or any(pphlo.is_secret(type) for type in op.result_types):
            return False
        if any(value not in self.known for value in pphlo.inputs_of(op)):
            return False
        # A loop or reduction leaves the values of its last round behind.
        scratch = {value: self.known[value] for value in pphlo.inputs_of(op)}
        self._interpreter.run(op, scratch)
        self.known.update((result, scratch[result]) for result in op.results)
        return True

    def materialise(self, value: SSAValue, point: InsertPoint) -> SSAValue:
        """A constant with what is known of `value`, written at `point`."""
        dtype = pphlo.dtype_of(pphlo.element_type(value.type))
        array = self.known[value]
        constant = pphlo.ConstantOp.from_numpy(cast(array, dtype), value.type)
        Rewriter.insert_op(constant, point)
        self.known[constant.result] = array
        return constant.result


def fold_block(block: Block, folder: Folder) -> None:
    """Replaces the operations of a block that depend on known values alone by constants where others need them."""
    for op in list(block.ops):
        if not folder.fold(op) or op.has_trait(Constant):
            continue
        for result in op.results:
            if any(not _foldable(use.operation, block, folder) for use in result.uses):
                result.replace_all_uses_with(folder.materialise(result, InsertPoint.before(op)))
    erase_dead(block)


def _foldable(user: Operation, block: Block, folder: Folder) -> bool:
    """Whether a user will be folded in its turn, so that it needs no constant."""
    return (
        user.parent is block
        and bool(user.results)
        and not any(pphlo.is_secret(type) for type in user.result_types)
        and all(value in folder.known for value in pphlo.inputs_of(user))
    )


@dataclass(frozen=True)
class FoldConstants(ModulePass):
    name = "fold-constants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            if function.regions and function.regions[0].blocks:
                fold_block(function.regions[0].block, Folder())
