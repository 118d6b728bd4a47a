"""Erases the questions whether a secret number is one: there is no NaN among them.

    %1 = pphlo.equal %x, %x                         -> true
    %1 = pphlo.select (pphlo.equal %x, 0), 0, %x    -> %x            (JAX makes -0 a 0 before it sorts)

so that a comparator of JAX's is one comparison. Public numbers may be NaN, and are asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i1
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ditto.analysis.pattern import made, match, number
from ditto.dialects import pphlo
from ditto.passes.pphlo.erase_no_effect import SelectByConstant
from ditto.passes.pphlo.whole_tensors import tensor
from ditto.passes.rewriting import apply_patterns, replace_with


class EqualToItself(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.EqualOp, rewriter: PatternRewriter) -> None:
        if op.lhs is op.rhs and pphlo.is_secret(op.lhs.type):
            bits = pphlo.ConstantOp.from_numpy(np.broadcast_to(np.True_, op.shape), tensor(i1, op.shape))
            rewriter.replace(op, [bits, pphlo.ConvertOp.get(bits.result, op.result.type)])


ITSELF = made(pphlo.SelectOp, made(pphlo.EqualOp, "x", number("c")), number("c"), "x")


class ItselfWhereEqual(RewritePattern):
    """c where x is c, and x otherwise: x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.SelectOp, rewriter: PatternRewriter) -> None:
        if (found := match(op, ITSELF)) and found["x"].type == op.result.type:
            replace_with(rewriter, op, found["x"])


@dataclass(frozen=True)
class DropNanChecks(ModulePass):
    name = "drop-nan-checks"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, EqualToItself(), ItselfWhereEqual(), SelectByConstant())
