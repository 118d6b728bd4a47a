"""Where functions that are not computed everywhere are computed: as far as their operands go, or are claimed to."""

from __future__ import annotations

import math

from ditto.analysis.intervals import BOUND, CLAIM, FACT, Intervals
from ditto.analysis.signs import is_not_negative
from ditto.dialects import ring
from ditto.dialects.traits import TakesBelow, TakesPositive

# f(x) = x^power.
POWERS: dict[type[ring.RingOp], float] = {ring.ReciprocalOp: -1.0, ring.RsqrtOp: -0.5}


def _set(op: ring.RingOp, name: str, number: int) -> None:
    op.attributes[name] = ring.attribute(number)


def set_domain(op: ring.RingOp, intervals: Intervals) -> None:
    """Where a function is computed, from its operand's interval and what is known of its result; claims the rest."""
    for positive in op.get_traits_of_type(TakesPositive):
        operand, bound = intervals.of(op.arguments[-1]), op.get(BOUND)
        if bound is not None and (power := POWERS.get(type(op))):
            # A result below the bound has an operand above what that is the function of; in a plan that contradicts
            # itself, not above all that the operand is said to be.
            lowest = math.floor(math.log2(bound) / power)
            if operand.high > 0:
                lowest = min(lowest, math.ceil(math.log2(operand.high)) - 1)
            _set(op, "lo", max(op.get("lo"), lowest))
            _set(op, "hi", max(op.get("hi"), op.get("lo") + 1))
        fraction = ring.fraction(op.arguments[-1])
        least = positive.least(op.get("lo"), fraction) * 2.0**-fraction
        # What is below zero by its roundings alone is as good as zero.
        rounded = positive.zero and is_not_negative(op.arguments[-1])
        if FACT not in op.attributes and operand.low < least and not rounded:
            op.attributes[CLAIM] = ring.attribute(operand.low)
        # Otherwise somebody knew better.
        if op.get("hi") == op.get("lo", -fraction) + 1 and operand.high > 0:
            _set(op, "hi", max(op.get("hi"), math.ceil(math.log2(operand.high))))
        if "lo" in op.attributes and operand.low > 0:
            lowest = min(math.floor(math.log2(operand.low)), op.get("hi") - 1)
            _set(op, "lo", max(op.get("lo"), lowest))
    if isinstance(op, ring.OneHotOp) and CLAIM in op.attributes:
        ids = intervals.of(op.arguments[0])
        if 0 <= ids.low and ids.high <= op.get("depth") - 1:
            del op.attributes[CLAIM]
        else:
            op.attributes[CLAIM] = ring.attribute(float(ids.size))
    if op.has_trait(TakesBelow):
        high, bound = intervals.of(op.arguments[0]).high, op.get(BOUND)
        highest = op.get("hi") if bound is None else min(op.get("hi"), max(0, math.ceil(math.log(bound))))
        _set(op, "hi", min(highest, max(0, math.ceil(high))))
        if high > op.get("hi"):
            op.attributes[CLAIM] = ring.attribute(high)
