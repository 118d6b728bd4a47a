"""Which numbers are not below zero, but for what they were rounded."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from ditto.analysis.intervals import WRAP
from ditto.analysis.look_through import known_numbers
from ditto.dialects import ring
from ditto.dialects.traits import KeepsNonNegative, Moves, NonNegative


def is_not_negative(x: SSAValue) -> bool:
    """Whether no number is below zero, for a reason that can be seen: what makes them, or all that they are made of."""
    if ring.is_public(x):
        numbers = known_numbers(x)
        return numbers is not None and bool(np.all(numbers >= 0))
    op = x.owner
    if not isinstance(op, ring.RingOp) or WRAP in op.attributes:
        return False
    # Bits are not below zero, nor is what positions stand for.
    operands = [v for v in op.arguments if not (ring.is_bit(v) or op.has_trait(Moves) and ring.is_public(v))]
    return op.has_trait(NonNegative) or (op.has_trait(KeepsNonNegative) and all(map(is_not_negative, operands)))
