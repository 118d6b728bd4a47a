"""Keeps -inf out of arithmetic, where all that comes of it is an exponential that is 0.

    exponential (select %c, -inf, %x)                                -> select %c, 0, (exponential %x)

In `logsumexp` the maximum of a row is asked whether it is finite, and its terms may be left out afterwards:
    %m = reduce maximum (select %w, %x, -inf)
    %f = multiply (and (less -3.4e38, %m), (less %m, 3.4e38)), %m    -> %m
    %s = reduce add (multiply %w, (exponential (subtract %x, %f)))   -> .. (exponential (subtract (select ..), %m))
    %r = add (log %s), %f
which is a softmax's row then. Of a row of nothing but -inf the result is -inf in either case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ditto.analysis.look_through import behind, beyond, splat_value
from ditto.analysis.pattern import made, match, matches, number, same
from ditto.dialects import pphlo
from ditto.dialects.traits import Moves, Multiplies, Rescales
from ditto.passes.pphlo.whole_tensors import Writer
from ditto.passes.rewriting import apply_patterns


class ExponentialOfChosenInfinity(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.ExponentialOp, rewriter: PatternRewriter) -> None:
        select = op.operand.owner
        if not isinstance(select, pphlo.SelectOp):
            return
        condition, *branches = select.arguments
        if not any(splat_value(branch) == -np.inf for branch in branches):
            return
        writer = Writer(op)
        chosen = []
        for branch in branches:
            if splat_value(branch) == -np.inf:
                zeros = np.zeros(pphlo.shape_of(branch), pphlo.dtype_of(pphlo.element_type(branch.type)))
                chosen.append(writer.constant(zeros))
            else:
                chosen.append(writer.write(pphlo.ExponentialOp.get(branch, branch.type)))
        rewriter.replace(op, pphlo.SelectOp.get([condition, *chosen], op.result.type))


_IS_FINITE = made(pphlo.AndOp, made(pphlo.LessOp, number("least"), "m"), made(pphlo.LessOp, "m", number("most")))
_FINITE = made(pphlo.MultiplyOp, _IS_FINITE, "m")
_CHOSEN = made(pphlo.SelectOp, "w", "x", number(-np.inf))


def finite_part(value: SSAValue) -> SSAValue | None:
    """The m that a value is where m is finite; the value is 0 elsewhere."""
    if (found := match(value, _FINITE)) is None:
        return None
    limits = np.finfo(pphlo.dtype_of(pphlo.element_type(value.type)))
    return found["m"] if (found["least"], found["most"]) == (float(limits.min), float(limits.max)) else None


def _behind(value: SSAValue) -> Any:
    """What makes a value, moves aside."""
    return behind(value, Moves).owner


def operand_of_maximum(m: SSAValue) -> SSAValue | None:
    """What m is the maximum of along a dimension; a maximum with -inf is none."""
    op = _behind(m)
    if isinstance(op, pphlo.MaximumOp):
        others = [v for v in op.operands if splat_value(v) != -np.inf]
        return operand_of_maximum(others[0]) if len(others) == 1 else None
    return op.arguments[0] if isinstance(op, pphlo.ReduceOp) and op.combiner() == "pphlo.maximum" else None


def exponentials_less(finite: SSAValue) -> list[pphlo.ExponentialOp] | None:
    """The exponentials from whose exponents a value is subtracted, if nothing else is done with it but its addition to
    a logarithm, and if their sums are given to logarithms and reciprocals alone."""
    exponentials = []
    for use in beyond(finite, Moves):
        op = use.operation
        if isinstance(op, pphlo.SubtractOp) and use.index == 1:
            users = [u.operation for u in op.result.uses]
            if not all(isinstance(user, pphlo.ExponentialOp) for user in users):
                return None
            exponentials += users
        elif not isinstance(op, pphlo.AddOp) or not isinstance(_behind(op.operands[1 - use.index]), pphlo.LogOp):
            return None
    return exponentials if all(map(_has_meaningful_sums, exponentials)) else None


# What sums may be given to: of a sum of nothing the results are infinite or NaN.
_ENDS = (pphlo.LogOp, pphlo.ReciprocalOp, pphlo.SignOp, pphlo.LessOp)


def _has_meaningful_sums(exponential: pphlo.ExponentialOp) -> bool:
    reached = beyond(exponential.result, Moves, Rescales, Multiplies)
    ends: list[Operation] = []
    for total in [use.operation.results[0] for use in reached if pphlo.reduces(use.operation, "pphlo.add")]:
        for op in [use.operation for use in beyond(total, Moves, Rescales)]:
            ends += [use.operation for use in op.result.uses] if isinstance(op, pphlo.AbsOp) else [op]
    return bool(ends) and all(isinstance(end, _ENDS) for end in ends)


def products_with(exponential: pphlo.ExponentialOp, bits: SSAValue) -> list[pphlo.MultiplyOp] | None:
    """The products of an exponential with bits, if all that is done with it is to multiply it by these bits and others
    that have been multiplied by them already."""
    products = []
    for op in [use.operation for use in beyond(exponential.result, Rescales)]:
        if not isinstance(op, pphlo.MultiplyOp):
            return None
        if bits in op.operands:
            products.append(op)
        elif not any(matches(v, made(pphlo.MultiplyOp, same(bits))) for v in op.operands):
            return None
    return products


class LogSumExp(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: pphlo.MultiplyOp, rewriter: PatternRewriter) -> None:
        maximum = finite_part(op.result)
        exponentials = None if maximum is None else exponentials_less(op.result)
        if maximum is None or not exponentials or (reduced := operand_of_maximum(maximum)) is None:
            return
        chosen = match(reduced, _CHOSEN) or {"x": None, "w": None}
        differences: list[Any] = [exponential.operand.owner for exponential in exponentials]
        products = []
        for exponential, difference in zip(exponentials, differences, strict=True):
            if difference.lhs is not reduced:
                found = products_with(exponential, chosen["w"]) if difference.lhs is chosen["x"] else None
                if found is None:
                    return
                products += found
        for difference in differences:
            difference.operands[0] = reduced
        for product in products:
            [factor] = [v for v in product.operands if v is not chosen["w"]]
            product.result.replace_all_uses_with(factor)
        op.result.replace_all_uses_with(maximum)
        rewriter.has_done_action = True


@dataclass(frozen=True)
class ExcludeInfinities(ModulePass):
    name = "exclude-infinities"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, ExponentialOfChosenInfinity(), LogSumExp())
