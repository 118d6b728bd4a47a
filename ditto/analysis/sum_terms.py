"""Which values of a small ring do nothing but enter sums that are continued in a wide one.

A residual sum may be small where its LayerNorm divides by its deviation: 8 fraction bits (0.004) under a deviation of
0.02 are an error of 20 %. Its terms keep `SUM_TERM_FRACTION` bits instead, which costs nothing: the product that makes
one shifts by as much less as its result is wider, and the sum is widened later by as much less.
"""

from __future__ import annotations

from xdsl.dialects.builtin import Float16Type
from xdsl.ir import SSAValue

from ditto.dialects import pphlo
from ditto.policy.policy import SUM_TERM_FRACTION

_MOVES = (pphlo.ReshapeOp, pphlo.TransposeOp, pphlo.BroadcastOp, pphlo.SliceOp)


def _is_small(value: SSAValue) -> bool:
    return isinstance(pphlo.element_type(value.type), Float16Type)


def _has_maximum(value: SSAValue) -> bool:
    """Whether a softmax looks for the largest of these values: every bit would be compared."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, pphlo.ReduceOp):
            if not isinstance(op.body.block.first_op, pphlo.AddOp):
                return True
        elif isinstance(op, _MOVES) and _has_maximum(op.results[0]):
            return True
    return False


def is_sum_term(value: SSAValue) -> bool:
    """Whether every use of an f16 value is a sum that becomes a wider float, and none a softmax."""
    uses = list(value.uses)
    return bool(uses) and _is_small(value) and all(_sums(use.operation) for use in uses)


def _sums(op: object) -> bool:
    if isinstance(op, pphlo.ConvertOp):
        return not _is_small(op.result) and not _has_maximum(op.result)
    return isinstance(op, (*_MOVES, pphlo.AddOp, pphlo.SubtractOp)) and is_sum_term(op.results[0])


def resting_fraction(value: SSAValue, usual: int) -> int:
    """The fraction at which a value that may be this fine is kept, if its ring's is `usual`."""
    return max(usual, SUM_TERM_FRACTION) if is_sum_term(value) else usual
