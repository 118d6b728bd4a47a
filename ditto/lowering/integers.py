"""Quotients and remainders of integers, exactly; remainders of reals are those of their integers.

A quotient goes toward zero. By zero all its bits are set, and the remainder is the dividend, as XLA has it.
"""

from __future__ import annotations

import math

import numpy as np
from xdsl.ir import Attribute, Operation, SSAValue

from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.lowering.arithmetic import (
    Rule,
    add,
    as_integer,
    complement,
    either,
    exclusive_or,
    invert,
    less,
    multiply,
    negative,
    of_one_dtype,
    ordered,
    plus,
    subtract,
    times,
    unsigned_number,
    zero,
)
from ditto.lowering.emitter import Emitter, Public, Value, integer_bits, is_unsigned, secret
from ditto.lowering.movement import joined, slice_along

# divide.h: an integer quotient q is off by less than |q| 2^-12 and 1.7, of more than 46 bits by 3.3.
_DIGITS, _OFF, _FAR_OFF = 12, 1.7, 3.3
# Beyond this a quotient leaves the ring in which divide.h makes it. Of 64 bits so many digits are found by themselves,
# and operands are cut to the size that leaves room for a product with the quotient and its error.
_MOST, _LOW, _WHOLE = 1 << 45, 19, 59
# No ring holds what is added up to divide greater operands.
_HELD = 1 << 60
# Bits of what is divided by a reciprocal; fraction bits of the first one, and of the finer one.
_SHORT, _NORMAL, _INVERSE = 32, 20, 26


def shifted(e: Emitter, x: SSAValue, shift: int) -> SSAValue:
    """floor(x / 2^shift) of integers."""
    if shift == ring.MAX_WIDTH - 1:
        return e.emit(ring.NegOp, [as_integer(e, negative(e, x), x)], x.type)
    return e.emit(ring.FloorShiftOp, [x], x.type, shift=shift) if shift else x


def integers(x: Public) -> Array:
    """The known integers of a public operand themselves, as Python's."""
    numbers = x.known()
    bits = integer_bits(x.type)
    wide = numbers.astype(object)
    return np.asarray(wide % (1 << bits)) if bits is not None and is_unsigned(x.type) else wide


def quotient(e: Emitter, x: Value, y: Value, type: Attribute) -> SSAValue:
    """x / y of integers of one dtype, toward zero."""
    bits = integer_bits(type)
    assert bits is not None
    if bits == ring.MAX_WIDTH and (whole := _widest_quotient(e, x, y, signed=not is_unsigned(type))) is not None:
        return whole
    with e.in_order():
        whole = _quotient(e, _exact(e, x, y, type), _exact(e, y, x, type))
    return e.wrapped(whole, bits)


def _widest_quotient(e: Emitter, x: Value, y: Value, *, signed: bool) -> SSAValue | None:
    """x / y of integers that fill the widest ring; None if they do not, or if a shift does it."""
    x, y = (v if isinstance(v, SSAValue) or v.numbers is not None else e.made_secret(v, w) for v, w in ((x, y), (y, x)))
    spans = [e.integers_of(v) for v in (x, y)]
    if all(span.size <= _MOST and (signed or span.low >= 0) for span in spans):
        return None
    if isinstance(y, Public) and (by := y.uniform()) is not None and by and abs(int(by)) & abs(int(by)) - 1 == 0:
        if signed:
            return None
        with e.in_order():
            return _upper(e, secret(x), (int(by) % (1 << ring.MAX_WIDTH)).bit_length() - 1)
    key = ("quotient", *(v if isinstance(v, SSAValue) else v.known().tobytes() for v in (x, y)))
    if key not in e.made:
        with e.in_order():
            e.made[key] = _in_two(e, e.made_secret(x, y), e.made_secret(y, x), signed)
    return e.made[key]


def _in_two(e: Emitter, x: SSAValue, y: SSAValue, signed: bool) -> SSAValue:
    """x / y of integers of the widest ring, whose sizes are unsigned: the quotient of the upper bits of x's size, then
    that of what is left, of which five bits are cut off where y is too large for a division. It is off by one then."""
    none = zero(e, y)
    with e.wrapping(ring.MAX_WIDTH):
        signs = [negative(e, v) if signed and e.integers_of(v).low < 0 else None for v in (x, y)]
        a, b = (v if sign is None else _turned(e, v, sign) for v, sign in zip((x, y), signs))
        # By this divisor the first quotient is 0, as by any greater one.
        most = 1 << ring.MAX_WIDTH - _LOW
        far = complement(e, zero(e, _upper(e, b, ring.MAX_WIDTH - _LOW)))
        excess = e.emit(ring.BitMulOp, [far, plus(e, b, -most)], b.type)
    with e.exactly():
        divisor = e.emit(ring.SubOp, [b, excess], b.type, fact=most)
        total = _of_sizes(e, _upper(e, a, _LOW), divisor, none)
    with e.wrapping(ring.MAX_WIDTH):
        total = times(e, total, 1 << _LOW)
        rest = e.emit(ring.SubOp, [a, e.emit(ring.MulOp, [total, b], a.type, shift=0)], a.type)
        large = complement(e, zero(e, _upper(e, b, _WHOLE - _LOW)))
        cut = [e.emit(ring.SubOp, [_upper(e, v, ring.MAX_WIDTH - _WHOLE), v], v.type) for v in (rest, b)]
        taken = [e.emit(ring.BitMulOp, [large, v], v.type) for v in cut]
    with e.exactly():
        short = [
            e.emit(ring.AddOp, [v, part], v.type, fact=1 << _WHOLE) for v, part in zip((rest, b), taken, strict=True)
        ]
        low = _of_sizes(e, short[0], short[1], none, (1 << _LOW) + 1)
        low = e.emit(ring.SubOp, [low, as_integer(e, complement(e, zero(e, low)), low)], low.type)
    with e.wrapping(ring.MAX_WIDTH):
        total = e.emit(ring.AddOp, [total, low], total.type)
        rest = e.emit(ring.SubOp, [rest, e.emit(ring.MulOp, [low, b], b.type, shift=0)], b.type)
        for _ in range(2):
            fits = complement(e, less(e, ordered(e, rest), ordered(e, b)))
            rest = e.emit(ring.SubOp, [rest, e.emit(ring.BitMulOp, [fits, b], b.type)], b.type)
            total = e.emit(ring.AddOp, [total, as_integer(e, fits, total)], total.type)
        unlike = [sign for sign in signs if sign is not None]
        if unlike:
            total = _turned(e, total, unlike[0] if len(unlike) == 1 else exclusive_or(e, *unlike))
        missing = e.emit(ring.BitMulOp, [none, invert(e, total)], total.type)
        return e.emit(ring.AddOp, [total, missing], total.type)


def _turned(e: Emitter, x: SSAValue, minus: SSAValue) -> SSAValue:
    """-x where a bit is set, x elsewhere."""
    return e.emit(ring.SelectOp, [minus, e.emit(ring.NegOp, [x], x.type), x], x.type)


def _upper(e: Emitter, x: SSAValue, by: int) -> SSAValue:
    """floor(x / 2^by) of the unsigned integers that fill the widest ring."""
    if by == 0 or e.integers_of(x).low >= 0:
        return shifted(e, x, by)
    top = ring.MAX_WIDTH - 1
    with e.wrapping(ring.MAX_WIDTH):
        low = plus(e, x, -1 << top)
    with e.exactly():
        return plus(e, shifted(e, low, by), 1 << top - by)


def _exact(e: Emitter, x: Value, like: Value, type: Attribute) -> Value:
    """The integers themselves, unsigned ones as such; public ones that are known only at the call as secrets."""
    if isinstance(x, Public):
        if x.numbers is not None:
            return Public(x.type, integers(x))
        x = e.made_secret(x, like)
    bits = integer_bits(type)
    assert bits is not None
    return unsigned_number(e, x, bits) if is_unsigned(type) else x


def _quotient(e: Emitter, x: Value, y: Value) -> SSAValue:
    """x / y of exact integers; that by zero is -1."""
    with e.exactly():
        if isinstance(x, SSAValue) and isinstance(y, Public):
            if (divided := _by_public(e, x, y.known())) is not None:
                return divided
            y = e.made_secret(Public(x.type, y.known().astype(np.int64)), x)
        if isinstance(x, Public):
            assert isinstance(y, SSAValue)
            x = e.made_secret(Public(y.type, x.known().astype(np.int64)), y)
        assert isinstance(x, SSAValue) and isinstance(y, SSAValue)
        if max(e.integers_of(v).size for v in (x, y)) > _HELD or _most_quotient(e, x, y) > _MOST:
            raise e.fail("no ring holds what the division of such large numbers takes; state smaller ranges=")
        key = ("quotient", x, y)
        if key not in e.made:
            e.made[key] = _by_secret(e, x, y)
        return e.made[key]


def _most_quotient(e: Emitter, x: SSAValue, y: SSAValue) -> int:
    """How large x / y may be."""
    span = e.integers_of(y)
    return int(e.integers_of(x).size) // max(1, int(span.low), -int(span.high))


def _by_public(e: Emitter, x: SSAValue, y: Array) -> SSAValue | None:
    """x / y for public y; None if no ring holds what it takes.

    With |x| <= 2^n, 2^s >= 2^n |y| and M = floor(2^s / |y|) + 1, floor(x M / 2^s) is the quotient for x >= 0, and one
    less for x < 0 (Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI 1994).
    """
    span, size = e.integers_of(x), np.asarray(abs(y))
    if np.any(y == 0):
        return None
    below = None if span.low >= 0 else negative(e, x)
    common = int(size.flat[0])
    if np.all(size == common) and common & (common - 1) == 0:
        shift = common.bit_length() - 1
        if below is not None and shift:
            # What is added to a negative number does not leave the widest ring, though its interval does not show it.
            with e.wrapping(ring.MAX_WIDTH):
                x = add(e, x, times(e, as_integer(e, below, x), common - 1))
        result = shifted(e, x, shift)
    else:
        n = max(int(span.high) - 1, -int(span.low) - 1, 0).bit_length()
        shift = n + (int(size.max()) - 1).bit_length()
        factors = np.asarray((1 << shift) // size.astype(object) + 1)  # they may have more than 64 bits
        if int(factors.max()) << n > 1 << 63:
            return None
        result = shifted(e, times(e, x, factors.astype(np.int64)), shift)
        if below is not None:
            result = add(e, result, as_integer(e, below, result))
    if np.all(y > 0):
        return result
    return times(e, result, np.where(y < 0, -1, 1).astype(np.int64))


def _by_secret(e: Emitter, x: SSAValue, y: SSAValue) -> SSAValue:
    """x / y: the quotient of the sizes to less than 2, corrected by comparisons."""
    none = zero(e, y)
    signs = [None if e.integers_of(v).low >= 0 else negative(e, v) for v in (x, y)]
    a, b = (v if sign is None else _size(e, v, sign) for v, sign in zip((x, y), signs))
    total = _of_sizes(e, a, b, none, max(1, _most_quotient(e, x, y)))
    unlike = [sign for sign in signs if sign is not None]
    if unlike:
        total = _turned(e, total, unlike[0] if len(unlike) == 1 else exclusive_or(e, *unlike))
    # total + [y = 0] (-1 - total)
    missing = e.emit(ring.BitMulOp, [none, invert(e, total)], total.type)
    return e.emit(ring.AddOp, [total, missing], total.type)


def _of_sizes(e: Emitter, a: SSAValue, b: SSAValue, none: SSAValue, most: int | None = None) -> SSAValue:
    """a / b of numbers that are not negative, of which it is known that it is at most `most`; any number where b = 0
    (`none`)."""
    divisor = max(1, int(e.integers_of(b).size))
    b = e.emit(ring.AddOp, [b, as_integer(e, none, b)], b.type, fact=divisor)
    # A single division is cheaper than the way to a reciprocal, many are not.
    short = 1 << _DIGITS - 2 < max(e.integers_of(v).size for v in (a, b)) <= 1 << _SHORT
    total, rest = _by_reciprocal(e, a, b) if short else _by_divisions(e, a, b, most)
    most = most or max(1, int(e.integers_of(a).size))
    # What is left lies between -2 b and 2 b.
    beyond = plus(e, e.emit(ring.SubOp, [b, rest], a.type), -1)
    below = e.emit(ring.AddOp, [rest, b], a.type)
    up, down, twice = (as_integer(e, negative(e, v), total) for v in (beyond, rest, below))
    total = e.emit(ring.SubOp, [e.emit(ring.AddOp, [total, up], a.type), down], a.type)
    return e.emit(ring.SubOp, [total, twice], a.type, fact=most)


def _by_divisions(e: Emitter, a: SSAValue, b: SSAValue, count: int | None = None) -> tuple[SSAValue, SSAValue]:
    """A quotient of a >= 0 and b > 0, at most `count`, off by less than 2, and a less b times it: what a division
    leaves is divided again, once for every 12 bits of the quotient."""
    size, divisor = (float(max(1, int(e.integers_of(v).size))) for v in (a, b))
    most = int(size) if count is None else count
    # The quotient is off by less than `off`, what is left is below `size`.
    off = float(most)
    rest, total = a, None
    for _ in range(math.ceil((math.log2(most) + 2) / _DIGITS)):
        room = min(int(off) + 4, most + 4)
        part = e.emit(ring.DivideOp, [rest, b], a.type, lo=0, hi=1, fact=room)
        error = _OFF if room.bit_length() < 45 else _FAR_OFF
        product = e.emit(ring.MulOp, [part, b], a.type, shift=0, fact=_held(1.001 * size + error * divisor))
        off, size = (n * 2.0**-_DIGITS + error * unit for n, unit in ((off, 1), (size, divisor)))
        rest = e.emit(ring.SubOp, [rest, product], a.type, fact=_held(size))
        total = part if total is None else e.emit(ring.AddOp, [total, part], a.type, fact=most + 4)
    assert total is not None and off < 2
    return total, rest


def _by_reciprocal(e: Emitter, a: SSAValue, b: SSAValue) -> tuple[SSAValue, SSAValue]:
    """The same of short ones: a times the reciprocal of b's normal form y = b f / 2^(n-1) in [1, 2), then times f. One
    step of Newton's gives the reciprocal 24 bits, a second step what the first one has left."""
    most, divisor = (max(1, int(e.integers_of(v).size)) for v in (a, b))
    n = max(8, divisor.bit_length())
    f = _normal_factor(e, b, n)
    wide = ring.retyped(a, width=ring.MAX_WIDTH, fraction=0)
    y = _relabelled(e, e.emit(ring.MulOp, [b, f], wide, shift=0, fact=1 << n), n - 1)
    coarse = e.with_fraction(y, min(n - 1, _NORMAL))
    g = e.emit(ring.ReciprocalOp, [coarse], ring.retyped(y, fraction=_NORMAL), lo=0, hi=1, fact=1.001)
    digits = _DIGITS
    inverse = e.with_fraction(g, _INVERSE)
    if most >> _DIGITS - 2:
        total = _NORMAL + n - 1
        kept = min(total, 2 * _NORMAL)
        product = e.emit(ring.MulOp, [y, g], ring.retyped(y, fraction=kept), shift=total - kept, fact=1.001)
        one = e.encode(Public(y.type, np.array(1.0)), kept)
        minus = e.emit(ring.NegOp, [product], product.type)
        error = e.emit(ring.AddPublicOp, [minus, one], product.type, fact=2.0**-_DIGITS)
        shift = _NORMAL + kept - _INVERSE
        step = e.emit(ring.MulOp, [g, error], inverse.type, shift=shift, fact=2.0**-_DIGITS)
        inverse = e.emit(ring.AddOp, [inverse, step], inverse.type, fact=1.001)
        digits = 2 * _DIGITS
    rest, total_quotient, size = a, None, float(most)
    if most >> digits - 2:
        # Two digits less leave room for 32 bits; the quotient is off by 6 beside its digits.
        t = e.emit(ring.MulOp, [a, _relabelled(e, inverse, _INVERSE + 2)], wide, shift=_INVERSE + 2, fact=most + 4)
        total_quotient = e.emit(ring.MulOp, [t, _relabelled(e, f, n - 3)], wide, shift=n - 3, fact=most + 8)
        product = e.emit(ring.MulOp, [total_quotient, b], wide, shift=0, fact=_held(1.001 * most + 7 * divisor))
        size = most * 2.0**-digits + 7 * divisor
        rest = e.emit(ring.SubOp, [a, product], wide, fact=_held(size))
    room = most + 4 if total_quotient is None else most * 2.0**-digits + 12
    t = e.emit(
        ring.MulOp,
        [rest, inverse],
        ring.retyped(y, fraction=4),
        shift=_INVERSE - 4,
        fact=float(_held(1.001 * size) + 1),
    )
    part = e.emit(ring.MulOp, [t, _relabelled(e, f, n - 1)], wide, shift=n + 3, fact=_held(room))
    product = e.emit(ring.MulOp, [part, b], wide, shift=0, fact=_held(1.001 * size + 2 * divisor))
    rest = e.emit(ring.SubOp, [rest, product], wide, fact=2 * divisor)
    if total_quotient is not None:
        part = e.emit(ring.AddOp, [total_quotient, part], wide, fact=most + 4)
    return part, rest


def _normal_factor(e: Emitter, b: SSAValue, n: int) -> SSAValue:
    """The f = 2^(n-1-k) for 2^k <= b < 2^(k+1) <= 2^n: b's highest bit alone, in the opposite order."""
    shape = list(ring.shape(b))
    seen = e.emit(ring.ToBitsOp, [b], ring.bits((n, *shape)), bits=n)

    def planes(x: SSAValue, start: int, limit: int) -> SSAValue:
        return slice_along(e, x, 0, start, limit)

    # A bit is seen if it or one above it is set.
    distance = 1
    while distance < n:
        low = either(e, planes(seen, 0, n - distance), planes(seen, distance, n))
        seen = joined(e, low, planes(seen, n - distance, n), 0)
        distance *= 2
    below = exclusive_or(e, planes(seen, 0, n - 1), planes(seen, 1, n))
    highest = joined(e, below, planes(seen, n - 1, n), 0)
    reverse = e.emit(ring.ReverseOp, [highest], highest.type, dims=[0])
    wide = ring.fxp(shape, ring.MAX_WIDTH, 0)
    return e.emit(ring.FromBitsOp, [reverse], wide, fact=1 << n - 1)


def _relabelled(e: Emitter, x: SSAValue, fraction: int) -> SSAValue:
    """The same integers with another fraction."""
    return e.emit(ring.RelabelOp, [x], ring.retyped(x, fraction=fraction))


def _held(size: float) -> int:
    """The whole number above a size, as far as a ring holds it."""
    return min(int(size) + 1, (1 << ring.MAX_WIDTH - 1) - 1)


def _size(e: Emitter, x: SSAValue, below: SSAValue) -> SSAValue:
    """|x|, of which the interval is known."""
    minus = e.emit(ring.NegOp, [x], x.type)
    twice = e.emit(ring.BitMulOp, [below, e.emit(ring.AddOp, [minus, minus], x.type)], x.type)
    return e.emit(ring.AddOp, [x, twice], x.type, fact=int(e.integers_of(x).size))


def remainder(e: Emitter, x: Value, y: Value, type: Attribute) -> SSAValue:
    """x less y times their quotient, of integers of one dtype; modulo their ring that is exact."""
    bits = integer_bits(type)
    assert bits is not None
    whole = quotient(e, x, y, type)
    with e.wrapping(bits):
        return subtract(e, x, multiply(e, whole, y))


def real_remainder(e: Emitter, x: Value, y: Value) -> SSAValue:
    """x less the multiple of y that is nearest toward zero, of reals: of their integers, in one fraction."""
    secrets = [v for v in (x, y) if isinstance(v, SSAValue)]
    fraction = max(ring.fraction(v) for v in secrets)
    whole = [_scaled(e, v, secrets[0], fraction) for v in (x, y)]
    if isinstance(whole[1], SSAValue) and e.policy.guard:
        none = zero(e, whole[1])
        e.emit(ring.RequireFalseOp, [none], none.type)
    with e.exactly():
        dividend = e.made_secret(whole[0], whole[1])
        most, divisor = int(e.integers_of(dividend).size), whole[1]
        count = _quotient(e, dividend, divisor)
        kind, by = (ring.MulPublicOp, e.integers(divisor)) if isinstance(divisor, Public) else (ring.MulOp, divisor)
        product = e.emit(kind, [count, by], dividend.type, shift=0, fact=most)
        rest = e.emit(ring.SubOp, [dividend, product], dividend.type, fact=most)
    return e.emit(ring.RelabelOp, [rest], ring.retyped(rest, fraction=fraction))


def _scaled(e: Emitter, x: Value, like: SSAValue, fraction: int) -> Value:
    """The integers of a real."""
    if isinstance(x, SSAValue):
        x = e.with_fraction(x, fraction)
        return e.emit(ring.RelabelOp, [x], ring.retyped(x, fraction=0))
    if x.numbers is None:
        return _scaled(e, e.made_secret(x, e.with_fraction(like, fraction)), like, fraction)
    if np.any(x.numbers == 0):
        raise e.fail("the remainder of a division by zero is no number")
    numbers = np.rint(np.ldexp(x.numbers.astype(np.float64), fraction)).astype(np.int64)
    return Public(ring.retyped(like, fraction=0), numbers)


def _remainder(e: Emitter, op: Operation, values: list[Value]) -> Value:
    type = op.results[0].type
    if pphlo.is_float(type):
        return real_remainder(e, values[0], values[1])
    return remainder(e, values[0], values[1], type)


RULES: dict[str, Rule] = {"pphlo.remainder": of_one_dtype(_remainder)}
