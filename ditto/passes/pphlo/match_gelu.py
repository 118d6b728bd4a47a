"""Finds GELU and the logistic function, however they are written, and makes each one call.

JAX writes GELU with `erfc`, which SPU expands into some 65 operations in f32 unless the front end keeps it whole, or
with `tanh` of a cubic, which in (32, 8) overflows from |x| = 32. Both come in f16 and f32, f16 with converts inside.

    %1 = pphlo.multiply %x, %x ... %9 = pphlo.tanh ... %12 = pphlo.multiply %x, %11
becomes
    %12 = pphlo.custom_call @ditto.gelu(%x)

and 1 / (1 + e^-x) becomes `@ditto.logistic(%x)`, whose parts leave every ring where the whole does not.

A candidate is any multiply (or division) whose value is a function of one earlier value through elementwise operations,
a tanh or an exponential among them. It is accepted if that function is GELU (or the logistic function) on [-10, 10], to
0.002.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ditto.analysis.identify_by_running import block_order, is_elementwise, operations_between, run_piece, single_inputs
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.dialects.traits import Transcendental
from ditto.interpreter.calls import exact_gelu, exact_logistic
from ditto.passes.rewriting import erase_dead

# Functions that are recognised by their values: the last operation, the call's target, and what it computes.
KNOWN: tuple[tuple[type[Operation], str, Callable[[Array], Array]], ...] = (
    (pphlo.MultiplyOp, "ditto.gelu", exact_gelu),
    (pphlo.DivideOp, "ditto.logistic", exact_logistic),
    (pphlo.ReciprocalOp, "ditto.logistic", exact_logistic),
)

# Written-out GELUs are up to 5e-4 (tanh form) and 1e-3 (f16 constants) off.
TOLERANCE = 2e-3
SAMPLES = np.linspace(-10.0, 10.0, 2002)

# Inputs tried of one candidate: 1 / (1 + e^-x) is a function of -x too.
TRIES = 2

# SPU's expansion of erfc has about 65 operations.
LONGEST = 120


def is_transcendental(op: Operation) -> bool:
    return op.has_trait(Transcendental) or pphlo.calls(op, "mpc.erf", "mhlo.erf", "mpc.erfc")


def recognised(op: Operation, order: dict[Operation, int]) -> pphlo.CustomCallOp | None:
    """The call that computes the same as `op`, if one does."""
    (result,) = op.results
    tried = 0
    for source in single_inputs(result, order, is_elementwise, LONGEST):
        if source.type != result.type:
            continue
        piece = operations_between(result, source)
        if not any(is_transcendental(inner) for inner in piece):
            continue
        values = run_piece(result, source, SAMPLES)
        for last, target, function in KNOWN:
            if not isinstance(op, last) or values is None:
                continue
            if np.max(np.abs(values - function(SAMPLES)), initial=0) < TOLERANCE:
                return pphlo.CustomCallOp.get(target, [source], result.type)
        tried += 1
        if tried == TRIES:
            # Further back the same values are a function of something that this piece is not.
            return None
    return None


def lift_reshapes(block: Block) -> None:
    """Has reshapes after erf and the products with it: SPU leaves them inside where there is no bias before."""
    lifted: set[SSAValue] = set()
    for op in list(block.ops):
        sought = pphlo.calls(op, "mpc.erf", "mhlo.erf", "mpc.erfc") or any(operand in lifted for operand in op.operands)
        if not sought or not is_elementwise(op):
            continue
        sources = [operand.owner.operands[0] for operand in op.operands if isinstance(operand.owner, pphlo.ReshapeOp)]
        if len(sources) < len(op.operands) or len({pphlo.shape_of(source) for source in sources}) != 1:
            continue
        (result,) = op.results
        assert isinstance(result.type, TensorType)
        type = TensorType(result.type.element_type, pphlo.shape_of(sources[0]))
        inner = op.create(
            operands=sources, result_types=[type], properties=dict(op.properties), attributes=dict(op.attributes)
        )
        outer = pphlo.ReshapeOp.get(inner.results[0], result.type)
        Rewriter.replace_op(op, [inner, outer])
        lifted.add(outer.result)


def match_block(block: Block) -> None:
    lift_reshapes(block)
    order = block_order(block)
    for op in reversed(list(block.ops)):
        ends = isinstance(op, tuple(last for last, _, _ in KNOWN))
        if ends and op.parent is not None and (call := recognised(op, order)):
            Rewriter.replace_op(op, call)
            erase_dead(block)
        else:
            for region in op.regions:
                match_block(region.block)


@dataclass(frozen=True)
class MatchGelu(ModulePass):
    name = "match-gelu"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            for region in function.regions:
                match_block(region.block)
