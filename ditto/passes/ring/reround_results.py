"""Rounds results once more before they are opened, by a coin that neither computing party knows.

    return %0 : tensor<4x!ring.fxp<44, 18>>
becomes
    %1 = ring.reround %0 {shift = 9} : (tensor<4x!ring.fxp<44, 18>>) -> tensor<4x!ring.fxp<35, 9>>
    return %1 : tensor<4x!ring.fxp<35, 9>>

`bits` fraction bits go, or half of them: the more go, the less the result tells of how what lies behind it was rounded.
Integers, bits and results of less than two fraction bits to spare stay. Not in the pipeline: a caller asks for it, of a
finished program.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ditto.dialects import ring
from ditto.passes.ring_rewriting import insert_before

# What the protocol asks for.
_LEAST_SHIFT, _LEAST_WIDTH = 2, 2


def bits_to_round_off(value: SSAValue, bits: int | None) -> int:
    """`bits` or half of the fraction bits, as far as the value has them; 0 for a bit."""
    if not ring.is_fxp(value):
        return 0
    fraction = ring.fraction(value)
    return min(fraction // 2 if bits is None else min(bits, fraction), ring.width(value) - _LEAST_WIDTH)


@dataclass(frozen=True)
class ReroundResults(ModulePass):
    name = "reround-results"

    bits: int | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        last = function.body.block.last_op
        assert last is not None
        # A result that is returned twice is rounded once: a second coin would tell more.
        for value in dict.fromkeys(last.operands):
            shift = bits_to_round_off(value, self.bits)
            if shift < _LEAST_SHIFT:
                continue
            type = ring.retyped(value, width=ring.width(value) - shift, fraction=ring.fraction(value) - shift)
            rounded = insert_before(last, ring.ReroundOp, [value], type, shift=shift)
            for index, operand in enumerate(last.operands):
                if operand is value:
                    last.operands[index] = rounded
        inputs = function.function_type.inputs.data
        function.function_type = FunctionType.from_lists(inputs, [value.type for value in last.operands])
