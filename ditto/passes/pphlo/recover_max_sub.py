"""Puts back the maximum, minimum and subtract that SPU's compiler has taken apart.

    %c = pphlo.less %a, %b
    %m = pphlo.select %c, %b, %a
becomes
    %m = pphlo.maximum %a, %b
(and with the branches exchanged, minimum), also inside a reduction's body, where the reduction then `applies
pphlo.maximum`. Likewise `multiply(less(0, x), x)` is the maximum of 0 and x, and `add(x, negate(y))` is
`subtract(x, y)`. In a loop's body %a may come through a `broadcast_as` to the shape that it has.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ditto.analysis.pattern import made, match, matches, named, number
from ditto.dialects import pphlo
from ditto.passes.pphlo.erase_no_effect import MoveNothing
from ditto.passes.rewriting import apply_patterns

_LESS = made(pphlo.LessOp, "x", "y")
MAXIMUM, MINIMUM = made(pphlo.SelectOp, _LESS, "y", "x"), made(pphlo.SelectOp, _LESS, "x", "y")
POSITIVE_PART = made(pphlo.MultiplyOp, made(pphlo.LessOp, named("zero", number(0)), "x"), "x")
DIFFERENCE = made(pphlo.AddOp, "x", made(pphlo.NegateOp, "y"))


class SelectOfLess(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.SelectOp, rewriter: PatternRewriter) -> None:
        if found := match(op, MAXIMUM):
            rewriter.replace(op, pphlo.MaximumOp.get(found["x"], found["y"], op.result.type))
        elif found := match(op, MINIMUM):
            rewriter.replace(op, pphlo.MinimumOp.get(found["x"], found["y"], op.result.type))


class PositivePart(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.MultiplyOp, rewriter: PatternRewriter) -> None:
        if found := match(op, POSITIVE_PART):
            rewriter.replace(op, pphlo.MaximumOp.get(found["zero"], found["x"], op.result.type))


class AddOfNegate(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.AddOp, rewriter: PatternRewriter) -> None:
        if (found := match(op, DIFFERENCE)) and not matches(found["x"], made(pphlo.NegateOp)):
            rewriter.replace(op, pphlo.SubtractOp.get(found["x"], found["y"], op.result.type))


class ArgumentsInOrder(RewritePattern):
    """A reduction's body `maximum(%element, %accumulator)` in the order that has a short form."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.MaximumOp | pphlo.MinimumOp, rewriter: PatternRewriter) -> None:
        block = op.parent
        if not isinstance(block, Block) or not pphlo.reduces(block.parent_op()):
            return
        if (op.rhs, op.lhs) == tuple(block.args):
            rewriter.replace(op, type(op).get(op.rhs, op.lhs, op.result.type))


@dataclass(frozen=True)
class RecoverMaxSub(ModulePass):
    name = "recover-max-sub"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, MoveNothing(), SelectOfLess(), PositivePart(), AddOfNegate(), ArgumentsInOrder())
