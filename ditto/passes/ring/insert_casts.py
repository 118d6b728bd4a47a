"""Crosses every border between two precisions with exactly one cast, and merges those that are redundant.

    %1 = ring.convert %0 : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>
becomes
    %1 = ring.down_cast %0 {shift = 10} : (tensor<4x!ring.fxp<64, 18>>) -> tensor<4x!ring.fxp<32, 8>>

and the other way, `ring.up_cast` into the wider ring with the same fraction.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.dialects import ring
from ditto.passes.ring_rewriting import every, insert_before, replace


@dataclass(frozen=True)
class InsertCasts(ModulePass):
    name = "insert-casts"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in every(ring.main(op), ring.ConvertOp):
            source, type = inner.arguments[0], inner.result.type
            if ring.width(source) < ring.width(type):
                replace(inner, insert_before(inner, ring.UpCastOp, [source], type))
            else:
                shift = ring.fraction(source) - ring.fraction(type)
                replace(inner, insert_before(inner, ring.DownCastOp, [source], type, shift=shift))
