"""Erases what does not change a value, and computes equal things once.

    %1 = pphlo.maximum %minus_infinity, %x     -> %x                 (in every softmax)
    %1 = pphlo.dot_general %ones, %x, ...      -> reshape of %x      (attention times a ones vector)
    %1 = pphlo.convert (pphlo.reshape %x)      -> reshape (convert %x), so that duplicate converts meet and merge

Also x + 0, x - 0, x * 1, x / 1, moves that move nothing, moves after moves, selections by a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.traits import Commutative

from ditto.analysis.look_through import behind, splat_value
from ditto.analysis.pattern import made, match, named
from ditto.dialects import pphlo
from ditto.dialects.traits import Adds, Rearranges, Reshapes
from ditto.passes.rewriting import apply_patterns, merge_common, replace_with


def converted_type(value: SSAValue, like: SSAValue) -> TensorType[Any]:
    """The type of `value` with the element type, visibility included, of `like`."""
    assert isinstance(like.type, TensorType)
    return TensorType(like.type.get_element_type(), pphlo.shape_of(value))


class MaximumWithMinusInfinity(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.MaximumOp, rewriter: PatternRewriter) -> None:
        for bound, x in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            if x.type == op.result.type and splat_value(bound) == -np.inf:
                replace_with(rewriter, op, x)
                return


class NeutralElement(RewritePattern):
    """x + 0, x * 1, x - 0, x / 1"""

    @op_type_rewrite_pattern
    def match_and_rewrite(
        self, op: pphlo.AddOp | pphlo.MultiplyOp | pphlo.SubtractOp | pphlo.DivideOp, rewriter: PatternRewriter
    ) -> None:
        neutral = 0 if op.has_trait(Adds) else 1
        sides = [(op.lhs, op.rhs)]
        if op.has_trait(Commutative):
            sides.append((op.rhs, op.lhs))
        for x, other in sides:
            # The types differ where a bit is multiplied by the number one, or where a public x has become secret.
            if x.type == op.result.type and splat_value(other) == neutral:
                replace_with(rewriter, op, x)
                return


class OnesThroughDotGeneral(RewritePattern):
    """A product with ones that sums over one term is the other factor in another shape."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.DotGeneralOp, rewriter: PatternRewriter) -> None:
        batching, contracting = op.batching(), op.contracting()
        for side, (ones, x) in enumerate(((op.lhs, op.rhs), (op.rhs, op.lhs))):
            if splat_value(ones) != 1 or not has_elements_of(op.result, x):
                continue
            extents = pphlo.shape_of(x)
            other = 1 - side
            if math.prod(extents[dim] for dim in contracting[other]) != 1:
                continue
            if math.prod(pphlo.shape_of(ones)) != math.prod(extents[dim] for dim in batching[other]):
                continue
            # The result begins with the batching dimensions; x must hold its elements in that order.
            wide = [dim for dim in batching[other] if extents[dim] != 1]
            leading = [dim for dim in range(len(extents)) if extents[dim] != 1][: len(wide)]
            if wide == leading:
                rewriter.replace(op, pphlo.ReshapeOp.get(x, op.result.type))
                return


def has_elements_of(result: SSAValue, x: SSAValue) -> bool:
    """Whether two values agree in dtype and visibility."""
    return converted_type(result, x) == result.type


class MoveNothing(RewritePattern):
    """Moves and converts whose result is their operand, and `broadcast_as` to the shape a value has already."""

    @op_type_rewrite_pattern
    def match_and_rewrite(
        self, op: pphlo.ReshapeOp | pphlo.ConvertOp | pphlo.SliceOp | pphlo.BroadcastAsOp, rewriter: PatternRewriter
    ) -> None:
        if op.operands[0].type == op.result.type:
            replace_with(rewriter, op, op.operands[0])


class PermuteNothing(RewritePattern):
    """Transposes and broadcasts that leave every dimension longer than one where it is."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.TransposeOp | pphlo.BroadcastOp, rewriter: PatternRewriter) -> None:
        moved = [dim for dim in op.dimensions if op.shape[dim] != 1]
        if op.operand.type == op.result.type and moved == sorted(moved):
            replace_with(rewriter, op, op.operand)


# SPU's placement hint, and what its caches of random numbers are told about a value.
_HINTS = ("spu.prefer_a", "spu.make_cached_var", "spu.drop_cached_var")


class DropHint(RewritePattern):
    """Calls that give their first operand."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.CustomCallOp, rewriter: PatternRewriter) -> None:
        if op.target.data in _HINTS and op.arguments[0].type == op.outputs[0].type:
            replace_with(rewriter, op, op.arguments[0])


class ReshapeAfterReshape(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.ReshapeOp, rewriter: PatternRewriter) -> None:
        source = behind(op.operand, Reshapes)
        if source is not op.operand:
            rewriter.replace(op, pphlo.ReshapeOp.get(source, op.result.type))


class TransposeAfterTranspose(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.TransposeOp, rewriter: PatternRewriter) -> None:
        if found := match(op.operand, named("inner", made(pphlo.TransposeOp, "x"))):
            dims = [found["inner"].owner.dimensions[dim] for dim in op.dimensions]
            rewriter.replace(op, pphlo.TransposeOp.get(found["x"], dims, op.result.type))


class ConvertBeforeMove(RewritePattern):
    """Converts stand before moves: the fewest elements are converted, and converts of one value meet."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.ConvertOp, rewriter: PatternRewriter) -> None:
        move = op.operand.owner
        if not isinstance(move, pphlo.Movement) or not move.has_trait(Rearranges):
            return
        converted = pphlo.ConvertOp.get(move.operand, converted_type(move.operand, op.result))
        moved = move.create(
            operands=[converted.result], result_types=[op.result.type], properties=dict(move.properties)
        )
        rewriter.replace(op, [converted, moved])


class SelectByConstant(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.SelectOp, rewriter: PatternRewriter) -> None:
        condition, chosen, other = op.arguments
        bit = splat_value(condition)
        if chosen is not other and bit is None:
            return
        value = chosen if chosen is other or bit else other
        if value.type == op.result.type:
            replace_with(rewriter, op, value)
        elif pphlo.element_type(value.type) == pphlo.element_type(op.result.type):
            # The other branch was secret: so is the result.
            rewriter.replace(op, pphlo.ConvertOp.get(value, op.result.type))


@dataclass(frozen=True)
class EraseNoEffect(ModulePass):
    name = "erase-no-effect"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(
            op,
            MaximumWithMinusInfinity(),
            NeutralElement(),
            OnesThroughDotGeneral(),
            MoveNothing(),
            PermuteNothing(),
            DropHint(),
            ReshapeAfterReshape(),
            TransposeAfterTranspose(),
            ConvertBeforeMove(),
            SelectByConstant(),
        )
        merge_common(op.body.block)
