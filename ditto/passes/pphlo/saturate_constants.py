"""Constants that no ring holds become constants that do what they are there for.

    pphlo.constant dense<0xFC00> : tensor<4xf16>           (-inf, as a mask or as the start of a maximum)
    pphlo.constant dense<-3.40282347E+38> : tensor<4xf32>
become -4096 in the same dtype: a fully masked row stays uniform. +inf and f32's greatest number become 4096; NaN, which
stands where an index is out of range, becomes 0. Masks that are known only when the program is called are saturated
alike when they are encoded (`ditto.encoding`, which says why 4096).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ditto.dialects import pphlo
from ditto.dialects.dense import DenseAttr, DenseLiteral, is_splat
from ditto.encoding import saturate
from ditto.passes.rewriting import every


@dataclass(frozen=True)
class SaturateConstants(ModulePass):
    name = "saturate-constants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in every(op, pphlo.ConstantOp):
            numbers = inner.numpy()
            if numbers.dtype.kind != "f":
                continue
            sample = numbers[(0,) * numbers.ndim].reshape(()) if is_splat(numbers) else numbers
            saturated = saturate(sample)
            if not np.array_equal(saturated, sample):
                whole = np.broadcast_to(saturated, numbers.shape)
                inner.properties["value"] = DenseAttr(DenseLiteral(array=whole))
