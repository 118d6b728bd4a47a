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
from ditto.dialects import ring
from ditto.passes.ring_rewriting import erase_dead, insert_before, replace, users

FACTOR_FRACTION, GAMMA_FRACTION = 12, 14


def inner_product(total: ring.SumOp) -> None:
    """A sum of products along the last dimensions as a matmul of rows with columns."""
    product = total.arguments[0].owner
    if not isinstance(product, ring.SquareOp | ring.MulOp) or len(users(product.result)) != 1:
        return
    shape, dims = ring.shape(product.result), sorted(total.get("dims"))
    if dims != list(range(len(shape) - len(dims), len(shape))):
        return
    length = math.prod(shape[dim] for dim in dims)
    rows = math.prod(shape) // length
    operands = [product.arguments[0], product.arguments[-1]]
    fraction, shift = ring.fraction(total.result), product.get("shift")
    shaped = [
        insert_before(total, ring.ReshapeOp, [value], ring.fxp(place, ring.width(value), ring.fraction(value)))
        for value, place in zip(operands, ((rows, 1, length), (rows, length, 1)))
    ]
    type = ring.fxp((rows, 1, 1), ring.width(total.result), fraction)
    sums = insert_before(total, ring.MatmulOp, shaped, type, shift=shift)
    replace(total, insert_before(total, ring.ReshapeOp, [sums], total.result.type))


def coarsen_factor(product: ring.MulOp) -> None:
    """mul(x, mul(1/sigma, gamma)): the inner product keeps fewer fraction bits, the outer one shifts by fewer."""
    (outer,) = found if len(found := users(product.result)) == 1 else (None,)
    if not isinstance(outer, ring.MulOp):
        return
    if not any(_is_rsqrt(value) for value in product.arguments):
        return
    excess = min(ring.fraction(product.result) - FACTOR_FRACTION, outer.get("shift"))
    if excess <= 0:
        return
    type = ring.retyped(product.result, fraction=ring.fraction(product.result) - excess)
    operands = [value if _is_rsqrt(value) else _rounded(product, value) for value in product.arguments]
    shift = sum(ring.fraction(value) for value in operands) - ring.fraction(type)
    factor = insert_before(product, ring.MulOp, operands, type, shift=shift)
    replace(product, factor)
    outer.attributes["shift"] = ring.attribute(outer.get("shift") - excess)
    centred = outer.arguments[1 if outer.arguments[0] is factor else 0]
    excess = min(_padding(centred), outer.get("shift"))
    if excess > 0:
        type = ring.retyped(centred, fraction=ring.fraction(centred) - excess)
        rounded = insert_before(outer, ring.DownCastOp, [centred], type, shift=excess)
        outer.operands = [rounded if value is centred else value for value in outer.arguments]
        outer.attributes["shift"] = ring.attribute(outer.get("shift") - excess)


def _padding(centred: SSAValue) -> int:
    """The fraction bits of x - mean that x does not have."""
    op = centred.owner
    minuend = op.arguments[0].owner if isinstance(op, ring.SubOp) and len(users(centred)) == 1 else None
    bits: int = minuend.get("bits") if isinstance(minuend, ring.ShlOp) else 0
    return bits


def _is_rsqrt(value: SSAValue) -> bool:
    """Whether a value repeats an rsqrt, perhaps times a constant."""
    value = origin(value)
    if isinstance(value.owner, ring.MulPublicOp):
        value = origin(value.owner.arguments[0])
    return isinstance(value.owner, ring.RsqrtOp)


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
        for inner in list(block.ops):
            if isinstance(inner, ring.SumOp):
                inner_product(inner)
            elif isinstance(inner, ring.MulOp):
                coarsen_factor(inner)
        erase_dead(block)
