"""Which values of a small ring do nothing but enter sums that are continued in a wide one.

A residual sum may be small where its LayerNorm divides by its deviation: 8 fraction bits (0.004) under a deviation of
0.02 are an error of 20 %. Its terms keep `SUM_TERM_FRACTION` bits instead, which costs nothing: the product that makes
one shifts by as much less as its result is wider, and the sum is widened later by as much less.
"""

from __future__ import annotations

from xdsl.dialects.builtin import Float16Type
from xdsl.ir import Operation, SSAValue

from ditto.analysis.look_through import beyond, has_any
from ditto.dialects import pphlo
from ditto.dialects.traits import Adds, Moves, Rescales
from ditto.policy.policy import SUM_TERM_FRACTION


def _is_small(value: SSAValue) -> bool:
    return isinstance(pphlo.element_type(value.type), Float16Type)


def _has_maximum(value: SSAValue) -> bool:
    """Whether a softmax looks for the largest of these values: every bit would be compared."""
    users = (use.operation for use in beyond(value, Moves))
    return any(pphlo.reduces(op) and not pphlo.reduces(op, "pphlo.add") for op in users)


def is_sum_term(value: SSAValue) -> bool:
    """Whether every use of an f16 value is a sum that becomes a wider float, and none a softmax."""
    uses = list(value.uses)
    return bool(uses) and _is_small(value) and all(_sums(use.operation) for use in uses)


def _sums(op: Operation) -> bool:
    if op.has_trait(Rescales):
        return not _is_small(op.results[0]) and not _has_maximum(op.results[0])
    return has_any(op, Moves, Adds) and is_sum_term(op.results[0])


def resting_fraction(value: SSAValue, usual: int) -> int:
    """The fraction at which a value that may be this fine is kept, if its ring's is `usual`."""
    return max(usual, SUM_TERM_FRACTION) if is_sum_term(value) else usual
