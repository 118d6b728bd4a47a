"""Puts back the maximum, minimum and subtract that SPU's compiler has taken apart.

    %c = pphlo.less %a, %b
    %m = pphlo.select %c, %b, %a
becomes
    %m = pphlo.maximum %a, %b
(and with the branches exchanged, minimum), also inside a reduction's body, where the reduction then `applies
pphlo.maximum`. Likewise `multiply(less(0, x), x)` is the maximum of 0 and x, and `add(x, negate(y))` is
`subtract(x, y)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ditto.analysis.look_through import splat_value
from ditto.dialects import pphlo
from ditto.passes.rewriting import apply_patterns


def negated(value: SSAValue) -> SSAValue | None:
    """x where a value is -x."""
    return value.owner.operand if isinstance(value.owner, pphlo.NegateOp) else None


class SelectOfLess(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.SelectOp, rewriter: PatternRewriter) -> None:
        condition, chosen, other = op.arguments
        less = condition.owner
        if not isinstance(less, pphlo.LessOp):
            return
        if (chosen, other) == (less.rhs, less.lhs):
            rewriter.replace(op, pphlo.MaximumOp.get(less.lhs, less.rhs, op.result.type))
        elif (chosen, other) == (less.lhs, less.rhs):
            rewriter.replace(op, pphlo.MinimumOp.get(less.lhs, less.rhs, op.result.type))


class PositivePart(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.MultiplyOp, rewriter: PatternRewriter) -> None:
        for bit, x in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            less = bit.owner
            if isinstance(less, pphlo.LessOp) and less.rhs is x and splat_value(less.lhs) == 0:
                rewriter.replace(op, pphlo.MaximumOp.get(less.lhs, x, op.result.type))
                return


class AddOfNegate(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.AddOp, rewriter: PatternRewriter) -> None:
        for x, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            if (y := negated(other)) is not None and negated(x) is None:
                rewriter.replace(op, pphlo.SubtractOp.get(x, y, op.result.type))
                return


class ArgumentsInOrder(RewritePattern):
    """A reduction's body `maximum(%element, %accumulator)` in the order that has a short form."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.MaximumOp | pphlo.MinimumOp, rewriter: PatternRewriter) -> None:
        block = op.parent
        if not isinstance(block, Block) or not isinstance(block.parent_op(), pphlo.ReduceOp):
            return
        if (op.rhs, op.lhs) == tuple(block.args):
            rewriter.replace(op, type(op).get(op.rhs, op.lhs, op.result.type))


@dataclass(frozen=True)
class RecoverMaxSub(ModulePass):
    name = "recover-max-sub"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, SelectOfLess(), PositivePart(), AddOfNegate(), ArgumentsInOrder())
