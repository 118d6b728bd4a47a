"""Operations in which secrets meet public numbers that are known only at the call, as ring operations."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from ditto.dialects import ring
from ditto.lowering.arithmetic import Rule, multiply_public
from ditto.lowering.emitter import Emitter, Public, Value

# Fraction bits of an inverse; `prepare-operands` says up to which divisor they suffice.
_INVERSE_FRACTION = 22


def times_inverse(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """x times public numbers that are small, and whose last digits count."""
    x, inverse = values
    assert isinstance(x, SSAValue) and isinstance(inverse, Public)
    if inverse.numbers is not None:
        return multiply_public(e, x, inverse)
    total = ring.fraction(x) + _INVERSE_FRACTION
    fraction = max(ring.fraction(x), e.ring_of(op.results[0].type)[1])
    factor = e.encode(inverse, _INVERSE_FRACTION)
    return e.emit(ring.MulPublicOp, [x, factor], ring.retyped(x, fraction=fraction), shift=total - fraction)


CALLS: dict[str, Rule] = {"ditto.times_inverse": times_inverse}
