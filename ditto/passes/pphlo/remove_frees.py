"""Drops `pphlo.free`.

SPU's compiler marks where each value dies. Passes move and erase operations, which would make those marks wrong, and
the engine finds last uses by itself.

    %1 = pphlo.negate %0 : tensor<f32>
    pphlo.free %0 : tensor<f32>
    return %1
becomes
    %1 = pphlo.negate %0 : tensor<f32>
    return %1
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.dialects import pphlo
from ditto.passes.rewriting import erase, every


@dataclass(frozen=True)
class RemoveFrees(ModulePass):
    name = "remove-frees"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for free in every(op, pphlo.FreeOp):
            erase(free)
