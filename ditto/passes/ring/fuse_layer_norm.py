"""Opens what a layer normalisation reduces, not what it reduces over.

    %1 = ring.square %x {shift = 0} : (tensor<4x768x!ring.fxp<64, 8>>) -> tensor<4x768x!ring.fxp<64, 16>>
    %2 = ring.sum %1 {dims = [1]} : ... -> tensor<4x!ring.fxp<64, 16>>
becomes one inner product a row,
    %2 = ring.matmul %rows, %columns {shift = 0} : (tensor<4x1x768..>, tensor<4x768x1..>) -> tensor<4x1x1..>

and the factor of the normalised values, gamma / sigma, keeps the 12 fraction bits that its product needs, gamma 14;
x - mean keeps those of x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.look_through import origin
from ditto.analysis.pattern import either, made, match, matches, named, through
from ditto.dialects import ring
from ditto.passes.ring_rewriting import erase_dead, every, insert_before, replace, users

FACTOR_FRACTION, GAMMA_FRACTION = 12, 14


PRODUCT = named("product", either(made(ring.SquareOp, "x"), made(ring.MulOp, "x", "y")))
# 1 / sigma, perhaps times a constant, repeated.
_ROOT = through(origin, made(ring.RsqrtOp))
INVERSE = either(_ROOT, through(origin, made(ring.MulPublicOp, _ROOT)))
# x - mean, which is as large as sigma; and so with fraction bits that x does not have.
CENTRED = through(origin, made(ring.SubOp))
PADDED = named("centred", made(ring.SubOp, named("padded", made(ring.ShlOp))))


def inner_product(total: ring.SumOp) -> None:
    """A sum of products along the last dimensions as a matmul of rows with columns."""
    summed = total.arguments[0]
    found = match(summed, PRODUCT)
    if found is None or len(users(summed)) != 1:
        return
    shape, dims = ring.shape(summed), sorted(total.get("dims"))
    if dims != list(range(len(shape) - len(dims), len(shape))):
        return
    length = math.prod(shape[dim] for dim in dims)
    rows = math.prod(shape) // length
    operands = [found["x"], found.get("y", found["x"])]
    fraction, shift = ring.fraction(total.result), found["product"].owner.get("shift")
    shaped = [
        insert_before(total, ring.ReshapeOp, [value], ring.fxp(place, ring.width(value), ring.fraction(value)))
        for value, place in zip(operands, ((rows, 1, length), (rows, length, 1)))
    ]
    type = ring.fxp((rows, 1, 1), ring.width(total.result), fraction)
    sums = insert_before(total, ring.MatmulOp, shaped, type, shift=shift)
    replace(total, insert_before(total, ring.ReshapeOp, [sums], total.result.type))


def coarsen_factor(product: ring.MulOp) -> None:
    """mul(x - mean, mul(1/sigma, gamma)): the inner product keeps fewer fraction bits, the outer shifts by fewer."""
    outers = users(product.result)
    pattern = named("outer", made(ring.MulOp, product.result, CENTRED))
    found = match(outers[0], pattern) if len(outers) == 1 else None
    if found is None or not any(matches(value, INVERSE) for value in product.arguments):
        return
    outer = found["outer"].owner
    excess = min(ring.fraction(product.result) - FACTOR_FRACTION, outer.get("shift"))
    if excess <= 0:
        return
    type = ring.retyped(product.result, fraction=ring.fraction(product.result) - excess)
    operands = [v if matches(v, INVERSE) else _rounded(product, v) for v in product.arguments]
    shift = sum(ring.fraction(value) for value in operands) - ring.fraction(type)
    factor = insert_before(product, ring.MulOp, operands, type, shift=shift)
    replace(product, factor)
    outer.attributes["shift"] = ring.attribute(outer.get("shift") - excess)
    found = match(outer, made(ring.MulOp, factor, PADDED))
    excess = min(found["padded"].owner.get("bits") if found else 0, outer.get("shift"))
    if found and excess > 0 and len(users(centred := found["centred"])) == 1:
        type = ring.retyped(centred, fraction=ring.fraction(centred) - excess)
        rounded = insert_before(outer, ring.DownCastOp, [centred], type, shift=excess)
        outer.operands = [rounded if value is centred else value for value in outer.arguments]
        outer.attributes["shift"] = ring.attribute(outer.get("shift") - excess)


def _rounded(product: ring.MulOp, gamma: SSAValue) -> SSAValue:
    excess = ring.fraction(gamma) - GAMMA_FRACTION
    if excess <= 0 or not isinstance(origin(gamma), BlockArgument):
        return gamma
    type = ring.retyped(gamma, fraction=GAMMA_FRACTION)
    return insert_before(product, ring.DownCastOp, [gamma], type, shift=excess)


@dataclass(frozen=True)
class FuseLayerNorm(ModulePass):
    name = "fuse-layer-norm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        block = ring.main(op).body.block
        for total in every(block, ring.SumOp):
            inner_product(total)
        for product in every(block, ring.MulOp):
            coarsen_factor(product)
        erase_dead(block)
