"""Shares an argument in the ring in which it is used.

    func.func @main(%w: tensor<8x5x!ring.fxp<64, 18>>) {
      %0 = ring.down_cast %w {shift = 6} : (tensor<8x5x!ring.fxp<64, 18>>) -> tensor<8x5x!ring.fxp<32, 12>>
becomes
    func.func @main(%w: tensor<8x5x!ring.fxp<32, 12>>) {

A weight kept in fp32 but used in fp16 is rounded once, by its owner, exactly. An argument that is also used as it is
keeps its type.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.ir import BlockArgument
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ditto.analysis.pattern import made, matches
from ditto.dialects import ring
from ditto.passes.ring_rewriting import insert_before, replace, users


def hoist(argument: BlockArgument) -> None:
    """Gives an argument the finest of the types it is cast to, if it is only ever cast down."""
    casts = users(argument)
    if not casts or not all(matches(cast, made(ring.DownCastOp, argument)) for cast in casts):
        return
    finest = max((cast.results[0].type for cast in casts), key=lambda type: (ring.fraction(type), ring.width(type)))
    Rewriter.replace_value_with_new_type(argument, finest)
    (argument,) = (a for a in argument.block.args if a.index == argument.index)
    for cast in casts:
        shift = ring.fraction(finest) - ring.fraction(cast.results[0])
        if shift == 0 and ring.width(finest) == ring.width(cast.results[0]):
            replace(cast, argument)
        else:
            type = cast.results[0].type
            replace(cast, insert_before(cast, ring.DownCastOp, [argument], type, shift=shift))


@dataclass(frozen=True)
class HoistArguments(ModulePass):
    name = "hoist-arguments"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        block = function.body.block
        for index in range(len(block.args)):
            if ring.is_fxp(block.args[index]):
                hoist(block.args[index])
        function.function_type = FunctionType.from_lists(
            [argument.type for argument in block.args], function.function_type.outputs.data
        )
