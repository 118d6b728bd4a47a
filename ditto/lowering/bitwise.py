"""Bits of integers: logic, shifts by public and secret amounts, population count.

Logic with a secret takes both apart into bits (to_bits.h) and puts them together again (from_bits.h). Where a public
mask is one run of ones, as in x & 7, two exact shifts do. A shift by a secret s multiplies by 2^s, or by 2^(b-1-s)
before an exact shift by b - 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue

from ditto.analysis.intervals import Interval
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.lowering.arithmetic import (
    Rule,
    add,
    as_integer,
    both,
    complement,
    either,
    exclusive_or,
    invert,
    less,
    multiply,
    plus,
    subtract,
    times,
    unsigned_number,
)
from ditto.lowering.emitter import Emitter, Public, Value, integer_bits, is_bits, secret
from ditto.lowering.integers import shifted
from ditto.lowering.movement import reshape, slice_along

# Shifts by secret amounts widen to twice the bits of a dtype, up to this one.
_WIDENED = 32


def _bits(e: Emitter) -> int:
    assert e.bits is not None
    return e.bits


# ------------------------------------------------------------------------------------------------ logic


def _width(e: Emitter, *values: Value) -> int:
    """In how many bits these integers are, their sign included."""
    spans = [e.integers_of(value) for value in values]
    return min(_bits(e), max(2, *(Interval(span.low, span.high).bits(0) + 1 for span in spans)))


def apart(e: Emitter, x: SSAValue, count: int) -> SSAValue:
    """The low bits of integers, along a new first dimension."""
    return e.emit(ring.ToBitsOp, [x], ring.bits((count, *ring.shape(x))), bits=count)


def together(e: Emitter, x: SSAValue, like: SSAValue) -> SSAValue:
    """The signed integers of these bits."""
    with e.wrapping(ring.shape(x)[0]):
        return e.emit(ring.FromBitsOp, [x], ring.retyped(like, fraction=0))


def _planes(x: Public, count: int) -> Array:
    numbers = x.known().astype(np.int64)
    places = np.arange(count, dtype=np.int64).reshape(-1, *[1] * numbers.ndim)
    return np.asarray(numbers >> places & 1)


def _run(mask: int, bits: int) -> tuple[int, int] | None:
    """low, high of a mask whose bits from low to high - 1 are set, and no others; less than 63, as a ring has them."""
    mask %= 1 << bits
    if mask == 0:
        return None
    low = (mask & -mask).bit_length() - 1
    high = mask.bit_length()
    if high < bits and high - low == ring.MAX_WIDTH - 1:
        return None
    return (low, high) if mask == (1 << high) - (1 << low) else None


def _and_run(e: Emitter, x: SSAValue, low: int, high: int) -> SSAValue:
    """The bits of x from low to high - 1, where they are."""
    if high - low == 1 and low == 0:
        odd = e.emit(ring.ParityOp, [x], ring.bits(ring.shape(x)))
        return as_integer(e, odd, x)
    with e.exactly():
        above = shifted(e, x, low)
        if high < _bits(e):
            rest = times(e, shifted(e, x, high), 1 << high - low)
            above = e.emit(ring.SubOp, [above, rest], x.type, fact=(1 << high - low) - 1)
        return times(e, above, 1 << low) if low else above


def conjunction(e: Emitter, x: Value, y: Value) -> SSAValue:
    """x & y of integers."""
    if isinstance(x, Public):
        x, y = y, x
    assert isinstance(x, SSAValue)
    if isinstance(y, Public) and (mask := y.uniform()) is not None:
        if mask == 0:
            return times(e, x, 0)
        if (run := _run(int(mask), _bits(e))) is not None:
            return _and_run(e, x, *run)
    return _logic(e, x, y, ring.BitAndPublicOp, multiply)


def _logic(
    e: Emitter,
    x: SSAValue,
    y: Value,
    with_public: type[ring.RingOp],
    with_secret: Callable[[Emitter, Value, Value], SSAValue],
) -> SSAValue:
    count = _width(e, x, y)
    bits = apart(e, x, count)
    if isinstance(y, Public) and y.numbers is not None:
        planes = np.broadcast_to(_planes(y, count), ring.shape(bits))
        return together(e, e.emit(with_public, [bits, e.constant(planes)], bits.type), x)
    return together(e, with_secret(e, bits, apart(e, e.made_secret(y, x), count)), x)


def symmetric_difference(e: Emitter, x: Value, y: Value) -> SSAValue:
    """x ^ y of integers; with one run of ones, x + y - 2 (x & y)."""
    if isinstance(x, Public):
        x, y = y, x
    assert isinstance(x, SSAValue)
    if isinstance(y, Public) and (mask := y.uniform()) is not None:
        if mask in (0, -1):
            return invert(e, x) if mask else x
        if _run(int(mask), _bits(e)) is not None:
            return plus(e, subtract(e, x, times(e, conjunction(e, x, y), 2)), int(mask))
    return _logic(e, x, y, ring.BitXorPublicOp, exclusive_or)


def disjunction(e: Emitter, x: Value, y: Value) -> SSAValue:
    """x | y of integers: x + y - (x & y)."""
    if isinstance(x, Public):
        x, y = y, x
    assert isinstance(x, SSAValue)
    if isinstance(y, Public) and y.numbers is None:
        y = e.made_secret(y, x)
    if isinstance(y, Public):
        return add(e, subtract(e, x, conjunction(e, x, y)), y)
    return _logic(e, x, y, ring.BitXorPublicOp, either)


def population(e: Emitter, x: SSAValue, low: int) -> SSAValue:
    """How many of the `low` bits are set."""
    span = e.integers_of(x)
    bits = apart(e, x, max(2, min(low, int(span.high).bit_length()) if span.low >= 0 else low))
    numbers = e.emit(ring.BitToFxpOp, [bits], ring.fxp(ring.shape(bits), ring.width(x), 0))
    return e.emit(ring.SumOp, [numbers], x.type, dims=[0])


# ------------------------------------------------------------------------------------------------ shifts


def _amounts(e: Emitter, amount: Public) -> Array:
    """Public amounts; what is no amount is all of the bits."""
    numbers, bits = amount.known().astype(np.int64), _bits(e)
    return np.asarray(np.where((numbers >= 0) & (numbers < bits), numbers, bits))


def _choice(e: Emitter, amount: SSAValue, weights: list[int], like: SSAValue, otherwise: int = 0) -> SSAValue:
    """The weight of each amount, or `otherwise`: with a row of zeros but for a one at its place."""
    bits, shape, inside = len(weights), ring.shape(amount), None
    if bits == ring.MAX_WIDTH:
        # A position in a ring of so many bits has no room to be counted back from.
        inside = _inside(e, amount)
        amount = e.wrapped(amount, 8)
    rows = e.emit(ring.OneHotOp, [amount], ring.fxp((*shape, bits), ring.width(like), 0), depth=bits)
    factors = np.array([weight - otherwise for weight in weights], np.int64)
    # The greatest of 64 bits is the least one.
    wide = bits == ring.MAX_WIDTH
    with e.wrapping(bits if wide else None):
        picked = times(e, rows, np.broadcast_to(factors, ring.shape(rows)))
        most = None if wide else max(map(abs, weights))
        total = e.emit(ring.SumOp, [picked], ring.retyped(like), dims=[len(shape)], fact=most)
        if inside is not None:
            total = e.emit(ring.BitMulOp, [inside, total], total.type)
        return plus(e, total, otherwise) if otherwise else total


def _inside(e: Emitter, amount: SSAValue) -> SSAValue:
    """Bit [0 <= amount < bits]."""
    with e.in_order():
        zeros, limits = (Public(amount.type, np.full(ring.shape(amount), n, np.int64)) for n in (0, _bits(e)))
        return exclusive_or(e, less(e, amount, limits), less(e, amount, zeros))


def shift_left(e: Emitter, x: Value, amount: Value) -> SSAValue:
    """x * 2^amount, zero where that moves all bits away."""
    bits = _bits(e)
    if isinstance(amount, Public) and amount.numbers is not None:
        assert isinstance(x, SSAValue)
        by = _amounts(e, amount)
        factors = np.where(by < bits, np.int64(1) << np.minimum(by, bits - 1), 0)
        return times(e, x, factors.flat[0] if np.all(factors == factors.flat[0]) else factors)
    amount = e.made_secret(amount, x)
    x = e.made_secret(x, amount)
    weights = [(1 << i) - (1 << 64 if i == 63 else 0) for i in range(bits)]
    return e.emit(ring.MulOp, [x, _choice(e, amount, weights, x)], x.type, shift=0)


def shift_right(e: Emitter, x: Value, amount: Value, logical: bool) -> SSAValue:
    """floor(x / 2^amount) of x itself, or (`logical`) of the unsigned integer with its bits; shifted by all bits, what
    is left is the sign, or zero."""
    bits = _bits(e)
    if isinstance(amount, Public) and amount.numbers is not None:
        assert isinstance(x, SSAValue)
        by = _amounts(e, amount)
        if np.all(by == by.flat[0]):
            return _shifted_right(e, x, int(by.flat[0]), logical)
    amount, x = e.made_secret(amount, x), e.made_secret(x, amount)
    if bits > _WIDENED:
        return _shifted_in_turn(e, x, amount, logical)
    with e.exactly():
        whole = unsigned_number(e, x, bits) if logical else x
        weights = [1 << bits - 1 - i for i in range(bits)]
        factor = _choice(e, amount, weights, whole, otherwise=0 if logical else 1)
        product = e.emit(ring.MulOp, [whole, factor], whole.type, shift=0)
        return e.wrapped(shifted(e, product, bits - 1), bits)


def _shifted_right(e: Emitter, x: SSAValue, by: int, logical: bool) -> SSAValue:
    bits = _bits(e)
    if by == 0:
        return x
    if not logical or e.integers_of(x).low >= 0:
        return shifted(e, x, min(by, bits - 1))
    if by == bits:
        return times(e, x, 0)
    # Less half of the dtype, unsigned integers are signed ones.
    half = plus(e, x, -(1 << bits - 1))
    return plus(e, shifted(e, half, by), 1 << bits - 1 - by)


def _shifted_in_turn(e: Emitter, x: SSAValue, amount: SSAValue, logical: bool) -> SSAValue:
    """A shift by each bit of the amount after the other."""
    bits = _bits(e)
    places = bits.bit_length() - 1
    planes, result = apart(e, amount, places), x
    for place in range(places):
        chosen = reshape(e, slice_along(e, planes, 0, place, place + 1), ring.shape(amount))
        result = e.emit(ring.SelectOp, [chosen, _shifted_right(e, result, 1 << place, logical), result], x.type)
    inside = _inside(e, amount)
    if logical:
        return e.emit(ring.BitMulOp, [inside, result], x.type)
    return e.emit(ring.SelectOp, [inside, result, _shifted_right(e, x, bits - 1, False)], x.type)


# ------------------------------------------------------------------------------------------------ rules


def _logical(
    bits: Callable[[Emitter, Value, Value], SSAValue], integers: Callable[[Emitter, Value, Value], SSAValue]
) -> Rule:
    """One rule for booleans and for integers."""
    return lambda e, op, v: (bits if is_bits(op.results[0].type) else integers)(e, v[0], v[1])


def _not(e: Emitter, op: Operation, values: list[Value]) -> Value:
    x = secret(values[0])
    return complement(e, x) if ring.is_bit(x) else invert(e, x)


def _popcnt(e: Emitter, op: Operation, values: list[Value]) -> Value:
    x = secret(values[0])
    low = op.attributes.get("bits")
    return population(e, x, min(low.value.data, _bits(e)) if isinstance(low, IntegerAttr) else _bits(e))


def _same_bits(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """Integers of one width have one form in a ring."""
    types = op.operands[0].type, op.results[0].type
    if integer_bits(types[0]) is None or integer_bits(types[0]) != integer_bits(types[1]):
        raise e.fail("the bits of a float are not those of its fixed-point form; use floor, abs and comparisons")
    return values[0]


RULES: dict[str, Rule] = {
    "pphlo.and": _logical(both, conjunction),
    "pphlo.or": _logical(either, disjunction),
    "pphlo.xor": _logical(exclusive_or, symmetric_difference),
    "pphlo.not": _not,
    "pphlo.popcnt": _popcnt,
    "pphlo.bitcast_convert": _same_bits,
    "pphlo.shift_left": lambda e, op, v: shift_left(e, v[0], v[1]),
    "pphlo.shift_right_arithmetic": lambda e, op, v: shift_right(e, v[0], v[1], logical=False),
    "pphlo.shift_right_logical": lambda e, op, v: shift_right(e, v[0], v[1], logical=True),
}
