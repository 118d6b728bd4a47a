"""Elementwise PPHLO arithmetic, comparison and logic as ring operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects.builtin import TensorType, i1
from xdsl.ir import Attribute, Operation, SSAValue

from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.lowering.emitter import Emitter, Public, Value, integer_bits, is_bits, is_unsigned, power_of_two, secret

# A public factor from here on stands for infinity: what it multiplies is a sign.
_INFINITE = 1e30
# Fractions stay below this.
_MOST_FRACTION = 40

# How the operation that a table names is converted; its operands' values are given.
Rule = Callable[[Emitter, Any, list[Value]], Value]


# ------------------------------------------------------------------------------------------------ sums


def add(e: Emitter, x: Value, y: Value) -> SSAValue:
    """x + y of one dtype."""
    if isinstance(x, Public):
        x, y = y, x
    assert isinstance(x, SSAValue)
    if isinstance(y, Public):
        if y.uniform() == 0:
            return x
        if y.is_float:
            usual = e.ring_of(y.type)[1]
            x = e.at_least(x, min(usual, ring.fraction(x) + 4))
        return e.emit(ring.AddPublicOp, [x, e.encode(y, ring.fraction(x))], x.type)
    x, y = e.aligned(x, y)
    return e.emit(ring.AddOp, [x, y], x.type)


def negate(e: Emitter, x: SSAValue) -> SSAValue:
    return e.before_broadcast("neg", x, lambda value: e.emit(ring.NegOp, [value], value.type))


def subtract(e: Emitter, x: Value, y: Value) -> SSAValue:
    """x - y of one dtype."""
    if isinstance(y, Public):
        if y.numbers is not None:
            # The least integer of a dtype has no negative in it.
            return add(e, x, Public(y.type, -y.numbers if y.is_float else -y.numbers.astype(np.int64)))
        assert isinstance(x, SSAValue)
        return negate(e, add(e, negate(e, x), y))
    if isinstance(x, Public):
        return add(e, negate(e, y), x)
    x, y = e.aligned(x, y)
    return e.emit(ring.SubOp, [x, y], x.type)


def plus(e: Emitter, x: SSAValue, term: int | Array) -> SSAValue:
    """Integers plus public ones."""
    return e.emit(ring.AddPublicOp, [x, e.constant(np.asarray(term, np.int64))], x.type)


def invert(e: Emitter, x: SSAValue) -> SSAValue:
    """All bits of integers the other way: -x - 1."""
    return plus(e, e.emit(ring.NegOp, [x], x.type), -1)


# ------------------------------------------------------------------------------------------------ products


def multiply(e: Emitter, x: Value, y: Value, fraction: int | None = None) -> SSAValue:
    """x * y; of a bit and a number, the number or zero. `fraction` is the result's, if not the usual one."""
    if isinstance(x, Public):
        x, y = y, x
    assert isinstance(x, SSAValue)
    if isinstance(y, Public):
        return multiply_public(e, x, y, fraction)
    if ring.is_bit(x) and ring.is_bit(y):
        return e.emit(ring.BitAndOp, [x, y], x.type)
    if ring.is_bit(y):
        x, y = y, x
    if ring.is_bit(x):
        return e.emit(ring.BitMulOp, [x, y], y.type)
    total = ring.fraction(x) + ring.fraction(y)
    if fraction is None:
        fraction = min(total, _usual(e, x, total))
    type = ring.retyped(x, fraction=fraction)
    if x is y:
        return e.emit(ring.SquareOp, [x], type, shift=total - fraction)
    return e.emit(ring.MulOp, [x, y], type, shift=total - fraction)


def _usual(e: Emitter, x: SSAValue, total: int) -> int:
    """The fraction a product rests at: that of its ring, or none for integers."""
    return e.policy.fractions["FM32" if ring.width(x) == 32 else "FM64"] if total else 0


def times(e: Emitter, x: SSAValue, factor: int | Array) -> SSAValue:
    """Integers times public ones."""
    return e.emit(ring.MulPublicOp, [x, e.constant(np.asarray(factor, np.int64))], x.type, shift=0)


def multiply_public(e: Emitter, x: SSAValue, y: Public, fraction: int | None = None) -> SSAValue:
    """x times public numbers. A power of two only changes the scale."""
    if ring.is_bit(x):
        return _bit_times_public(e, x, y)
    number = y.uniform()
    if not y.is_float and ring.fraction(x) == 0 and number not in (1, -1):
        return e.emit(ring.MulPublicOp, [x, e.integers(y)], x.type, shift=0)
    exponent = power_of_two(abs(number)) if number is not None else None
    if number is not None and exponent is not None:
        if number < 0:
            x = e.emit(ring.NegOp, [x], x.type)
        return scale(e, x, exponent)
    if number is not None and abs(number) >= _INFINITE:
        return _infinite(e, x, y)
    factor = e.factor_fraction(y, 46 - ring.fraction(x))
    if factor and ring.fraction(x) > (usual := _usual(e, x, 1)) and ring.width(x) == 64:
        # Finer digits would cost the product as many bits of its range.
        x = e.with_fraction(x, usual)
    total = ring.fraction(x) + factor
    if fraction is None:
        fraction = min(total, max(ring.fraction(x), _usual(e, x, total)))
    type = ring.retyped(x, fraction=fraction)
    return e.emit(ring.MulPublicOp, [x, e.encode(y, factor)], type, shift=total - fraction)


def _infinite(e: Emitter, x: SSAValue, y: Public) -> SSAValue:
    """x times an infinite number: that number where x > 0, its negative where x < 0, zero where x is zero."""
    above = _bit_times_public(e, negative(e, e.emit(ring.NegOp, [x], x.type)), y)
    return subtract(e, above, _bit_times_public(e, negative(e, x), y))


def scale(e: Emitter, x: SSAValue, exponent: int) -> SSAValue:
    """x * 2^exponent, for free, and exactly as far as fractions go."""
    fraction = before = ring.fraction(x)
    if exponent == 0:
        return x
    if fraction - exponent >= _MOST_FRACTION:
        # Finer than anything else here: digits below the usual ones are dropped first.
        x = e.with_fraction(x, min(fraction, max(0, e.fraction_of(64 if ring.width(x) > 32 else 32) + exponent)))
        fraction = ring.fraction(x)
    if 0 <= fraction - exponent < _MOST_FRACTION:
        return e.emit(ring.RelabelOp, [x], ring.retyped(x, fraction=fraction - exponent))
    if exponent < 0:
        raise e.fail(f"a factor of 2^{exponent} leaves no digits of a value with {before} fraction bits")
    if fraction:
        x = e.emit(ring.RelabelOp, [x], ring.retyped(x, fraction=0))
    return times(e, x, 1 << (exponent - fraction))


def _bit_times_public(e: Emitter, x: SSAValue, y: Public) -> SSAValue:
    if is_bits(y.type):
        return e.emit(ring.BitAndPublicOp, [x, e.integers(y)], x.type)
    width, usual = e.ring_of(y.type)
    number = e.emit(ring.BitToFxpOp, [x], ring.fxp(ring.shape(x), width, 0))
    return e.emit(ring.MulPublicOp, [number, e.encode(y, usual)], ring.fxp(ring.shape(x), width, usual), shift=0)


# ------------------------------------------------------------------------------------------------ comparisons


def negative(e: Emitter, x: SSAValue) -> SSAValue:
    """Bit [x < 0]. The ranges pass says how many bits have to be looked at."""
    return e.before_broadcast(
        "msb", x, lambda v: e.emit(ring.MsbOp, [v], ring.bits(ring.shape(v)), bits=ring.width(v), drop=0)
    )


def complement(e: Emitter, x: SSAValue) -> SSAValue:
    return e.emit(ring.BitNotOp, [x], x.type)


def less(e: Emitter, x: Value, y: Value) -> SSAValue:
    """Bit [x < y]."""
    if _are_bits(x, y):
        return both(e, _complement(e, x), y)
    if e.unsigned:
        with e.in_order():
            return less(e, ordered(e, x), ordered(e, y))
    if e.bits is not None and not e.fits(e.integers_of(x).plus(e.integers_of(y).scaled(-1))):
        return _less_by_signs(e, x, y)
    with e.exactly():
        return negative(e, subtract(e, x, y))


def ordered(e: Emitter, x: Value) -> Value:
    """Signed integers in the order of the unsigned ones that x stands for: those less half of their dtype."""
    assert e.bits is not None
    half = -1 << e.bits - 1
    if isinstance(x, SSAValue):
        with e.wrapping(e.bits):
            return plus(e, x, half)
    if x.numbers is None:
        raise e.fail("a public unsigned argument is compared with a secret; convert it to a signed integer before")
    return Public(x.type, x.numbers ^ np.array(half, x.numbers.dtype))


def disordered(e: Emitter, x: SSAValue) -> SSAValue:
    """What `ordered` made these integers of: half of a dtype is its own opposite."""
    return secret(ordered(e, x))


def _less_by_signs(e: Emitter, x: Value, y: Value) -> SSAValue:
    """Bit [x < y] of integers whose difference may leave every ring: it has not where their signs agree, and where
    they do not, the negative one is the smaller one."""
    with e.wrapping(ring.MAX_WIDTH):
        difference = negative(e, subtract(e, x, y))
    below, other = _sign_of(e, x, y), _sign_of(e, y, x)
    unlike, wrong = exclusive_or(e, below, other), exclusive_or(e, difference, below)
    return exclusive_or(e, difference, multiply(e, unlike, wrong))


def _sign_of(e: Emitter, x: Value, like: Value) -> Value:
    """Bit [x < 0] of integers; of public ones that are known only at the call, as a secret with the ring of `like`."""
    if isinstance(x, Public) and x.numbers is None:
        x = e.made_secret(x, like)
    if isinstance(x, SSAValue):
        return negative(e, x)
    assert x.numbers is not None
    return Public(TensorType(i1, list(x.shape)), x.numbers < 0)


def _complement(e: Emitter, x: Value) -> Value:
    if isinstance(x, SSAValue):
        return complement(e, x)
    if x.numbers is None:
        raise e.fail("a public argument is compared with a secret boolean; compare it before the call")
    return Public(x.type, ~x.numbers.astype(np.bool_))


def equal(e: Emitter, x: Value, y: Value) -> SSAValue:
    """Bit [x = y]. A difference of integers may wrap: it is zero where it was."""
    if isinstance(x, Public):
        x, y = y, x
    assert isinstance(x, SSAValue)
    if ring.is_bit(x):
        return complement(e, exclusive_or(e, x, y))
    return zero(e, subtract(e, x, y))


def zero(e: Emitter, x: SSAValue) -> SSAValue:
    """Bit [x = 0]."""
    return e.emit(ring.EqualZeroOp, [x], ring.bits(ring.shape(x)), bits=ring.width(x))


def exclusive_or(e: Emitter, x: Value, y: Value) -> SSAValue:
    if isinstance(x, Public):
        x, y = y, x
    assert isinstance(x, SSAValue)
    if not ring.is_bit(x):
        raise e.fail("bitwise logic is supported on booleans only")
    if isinstance(y, Public):
        return e.emit(ring.BitXorPublicOp, [x, e.integers(y)], x.type)
    return e.emit(ring.BitXorOp, [x, y], x.type)


def both(e: Emitter, x: Value, y: Value) -> SSAValue:
    if not _are_bits(x, y):
        raise e.fail("bitwise logic is supported on booleans only")
    return multiply(e, x, y)


def either(e: Emitter, x: Value, y: Value) -> SSAValue:
    return exclusive_or(e, exclusive_or(e, x, y), both(e, x, y))


def _are_bits(x: Value, y: Value) -> bool:
    return all(is_bits(v.type) if isinstance(v, Public) else ring.is_bit(v) for v in (x, y))


# ------------------------------------------------------------------------------------------------ choices


def select(e: Emitter, condition: Value, x: Value, y: Value, type: Attribute) -> Value:
    """condition ? x : y. There is no secret NaN: where that would be chosen, the run is refused."""
    if isinstance(condition, Public):
        return _select_public(e, condition, x, y, type)
    if _is_nan(y):
        return _required(e, complement(e, condition), x)
    if _is_nan(x):
        return _required(e, condition, y)
    shape = ring.shape(type)
    if ring.shape(condition) != shape:
        condition = e.emit(ring.BroadcastOp, [condition], ring.bits(shape), dims=[])
    if is_bits(type):
        difference = (
            exclusive_or(e, x, y)
            if not (isinstance(x, Public) and isinstance(y, Public))
            else Public(type, x.known() ^ y.known())
        )
        return exclusive_or(e, multiply(e, condition, difference), y)
    if isinstance(x, Public) and isinstance(y, Public):
        steps = Public(x.type, x.known().astype(np.float64 if x.is_float else np.int64) - y.known())
        return _chosen(add(e, _bit_times_public(e, condition, steps), y))
    if isinstance(y, Public):
        return _chosen(add(e, multiply(e, condition, subtract(e, x, y)), y))
    if isinstance(x, Public):
        return select(e, complement(e, condition), y, x, type)
    x, y = e.aligned(x, y)
    return e.emit(ring.SelectOp, [condition, x, y], x.type)


def _is_nan(value: Value) -> bool:
    """Whether public numbers are all NaN."""
    if not isinstance(value, Public) or value.numbers is None or not value.is_float:
        return False
    return value.numbers.size > 0 and bool(np.all(np.isnan(value.numbers)))


def _required(e: Emitter, wrong: SSAValue, value: Value) -> Value:
    """A value, in a run that the guard refuses if one of these bits is set."""
    if e.policy.guard:
        e.emit(ring.RequireFalseOp, [wrong], wrong.type)
    return value


def _chosen(total: SSAValue) -> SSAValue:
    """Notes of a sum that it is one of two values."""
    if isinstance(total.owner, ring.AddPublicOp | ring.AddOp):
        total.owner.attributes["chosen"] = ring.attribute(1)
    return total


def _select_public(e: Emitter, condition: Public, x: Value, y: Value, type: Attribute) -> Value:
    chosen = condition.uniform()
    if chosen is not None:
        return x if chosen else y
    shape = ring.shape(type)
    if isinstance(x, Public) and isinstance(y, Public):
        return Public(type, np.where(condition.known(), x.known(), y.known()))
    if condition.numbers is None:
        return _select_at_call(e, condition, x, y, type)
    numbers = np.broadcast_to(condition.numbers, shape)
    if is_bits(type):
        mask = Public(type, numbers)
        like = next(v for v in (x, y) if isinstance(v, SSAValue))
        x, y = (e.made_secret(v, like) for v in (x, y))
        return exclusive_or(e, multiply(e, exclusive_or(e, x, y), mask), y)
    # Each branch where it is chosen, zero elsewhere: a selection of elements, no message.
    parts: list[SSAValue] = []
    constant: Public | None = None
    for value, where in ((x, numbers), (y, ~numbers)):
        if isinstance(value, Public):
            known = np.where(where, value.known(), 0).astype(value.known().dtype)
            constant = Public(value.type, known)
        else:
            indices = np.where(where, np.arange(numbers.size).reshape(shape), -1)
            parts.append(e.emit(ring.TakeOp, [value, e.constant(indices)], value.type))
    result = parts[0] if len(parts) == 1 else add(e, parts[0], parts[1])
    return result if constant is None else _chosen(add(e, result, constant))


def _select_at_call(e: Emitter, condition: Public, x: Value, y: Value, type: Attribute) -> SSAValue:
    """y + condition * (x - y), for a condition that is public but known only when the program is called."""
    chosen = e.integers(condition)
    if is_bits(type):
        like = next(v for v in (x, y) if isinstance(v, SSAValue))
        x, y = (e.made_secret(v, like) for v in (x, y))
        return exclusive_or(e, e.emit(ring.BitAndPublicOp, [exclusive_or(e, x, y), chosen], like.type), y)
    difference = subtract(e, x, y)
    return _chosen(add(e, e.emit(ring.MulPublicOp, [difference, chosen], difference.type, shift=0), y))


def maximum(e: Emitter, x: Value, y: Value, type: Attribute) -> Value:
    """The greater one."""
    if isinstance(x, Public):
        x, y = y, x
    if is_bits(type):
        return either(e, x, y)
    if isinstance(y, Public) and y.uniform() == 0 and not e.unsigned:
        assert isinstance(x, SSAValue)
        return multiply(e, complement(e, negative(e, x)), x)
    return select(e, less(e, x, y), y, x, type)


def minimum(e: Emitter, x: Value, y: Value, type: Attribute) -> Value:
    """The smaller one."""
    if is_bits(type):
        return both(e, x, y)
    return select(e, less(e, x, y), x, y, type)


def absolute(e: Emitter, x: SSAValue) -> SSAValue:
    if e.unsigned:
        return x
    return e.before_broadcast("abs", x, lambda v: e.emit(ring.AbsOp, [v], v.type, bits=ring.width(v)))


def sign(e: Emitter, x: SSAValue, type: Attribute) -> SSAValue:
    """-1, 0 or 1: [0 < x] - [x < 0]."""
    if e.unsigned:
        return bit_to_number(e, complement(e, zero(e, x)), type)
    zeros = Public(type, np.zeros(ring.shape(type), pphlo.dtype_of(pphlo.element_type(type))))
    below, above = negative(e, x), less(e, zeros, x)
    return subtract(e, bit_to_number(e, above, type), bit_to_number(e, below, type))


def as_integer(e: Emitter, bit: SSAValue, like: SSAValue) -> SSAValue:
    """A bit as the integer 0 or 1 in the ring of `like`."""
    return e.emit(ring.BitToFxpOp, [bit], ring.retyped(like, fraction=0))


def bit_to_number(e: Emitter, x: SSAValue, type: Attribute) -> SSAValue:
    """A bit as 0 or 1 of a PPHLO type."""
    width, usual = e.ring_of(type)
    return e.with_fraction(e.emit(ring.BitToFxpOp, [x], ring.fxp(ring.shape(x), width, 0)), usual)


def number_of_integer(
    e: Emitter, x: SSAValue, source: Attribute, target: Attribute, fraction: int | None = None
) -> SSAValue:
    """Integers of the PPHLO type `source` in `target`, another dtype of numbers."""
    bits, own = integer_bits(target), integer_bits(source)
    assert own is not None
    with e.exactly():
        if is_unsigned(source) and (bits is None or bits > own) and not e.integers_of(x).low >= 0:
            x = unsigned_number(e, x, own)
        result = e.converted(x if bits is None else e.wrapped(x, bits), target, fraction)
        return e.at_least(result, e.ring_of(target)[1])


def unsigned_number(e: Emitter, x: SSAValue, bits: int) -> SSAValue:
    """The unsigned integers themselves; of 64 bits, which no ring holds, those from 2^63 on stay negative."""
    if bits == ring.MAX_WIDTH:
        return x
    half = 1 << bits - 1
    with e.wrapping(bits):
        low = plus(e, x, -half)
    with e.exactly():
        wide = e.emit(ring.ConvertOp, [low], ring.retyped(x, width=ring.MAX_WIDTH)) if ring.width(x) == bits else low
        return plus(e, wide, half)


def of_one_dtype(rule: Rule) -> Rule:
    """A rule for operands that SPU may leave in different dtypes: integers become the float that the result is."""

    def converting(e: Emitter, op: Operation, values: list[Value]) -> Value:
        target = op.results[0].type
        for index, operand in enumerate(op.operands):
            value = values[index]
            if (
                pphlo.is_float(target)
                and isinstance(value, SSAValue)
                and ring.is_fxp(value)
                and not pphlo.is_float(operand.type)
            ):
                values[index] = number_of_integer(e, value, operand.type, target)
        return rule(e, op, values)

    return converting


RULES: dict[str, Rule] = {
    "pphlo.add": of_one_dtype(lambda e, op, v: add(e, v[0], v[1])),
    "pphlo.subtract": of_one_dtype(lambda e, op, v: subtract(e, v[0], v[1])),
    "pphlo.negate": lambda e, op, v: negate(e, secret(v[0])),
    "pphlo.multiply": of_one_dtype(lambda e, op, v: multiply(e, v[0], v[1])),
    "pphlo.less": lambda e, op, v: less(e, v[0], v[1]),
    "pphlo.greater": lambda e, op, v: less(e, v[1], v[0]),
    "pphlo.less_equal": lambda e, op, v: complement(e, less(e, v[1], v[0])),
    "pphlo.greater_equal": lambda e, op, v: complement(e, less(e, v[0], v[1])),
    "pphlo.equal": lambda e, op, v: equal(e, v[0], v[1]),
    "pphlo.not_equal": lambda e, op, v: complement(e, equal(e, v[0], v[1])),
    "pphlo.select": lambda e, op, v: select(e, v[0], v[1], v[2], op.results[0].type),
    "pphlo.maximum": lambda e, op, v: maximum(e, v[0], v[1], op.results[0].type),
    "pphlo.minimum": lambda e, op, v: minimum(e, v[0], v[1], op.results[0].type),
    "pphlo.clamp": lambda e, op, v: _clamp(e, v, op.results[0].type),
    "pphlo.abs": lambda e, op, v: absolute(e, secret(v[0])),
    "pphlo.sign": lambda e, op, v: sign(e, secret(v[0]), op.results[0].type),
}


def _clamp(e: Emitter, v: list[Value], type: Attribute) -> Value:
    low, x, high = v
    shape = ring.shape(type)
    bounds: list[Value] = []
    for bound in (low, high):
        if isinstance(bound, Public) and bound.numbers is not None:
            bound = Public(type, np.broadcast_to(bound.numbers, shape))
        elif isinstance(bound, SSAValue) and ring.shape(bound) != shape:
            bound = e.emit(ring.BroadcastOp, [bound], ring.fxp(shape, ring.width(bound), ring.fraction(bound)), dims=[])
        bounds.append(bound)
    result = minimum(e, maximum(e, x, bounds[0], type), bounds[1], type)
    known = [bound.numbers for bound in bounds if isinstance(bound, Public) and bound.numbers is not None]
    if not isinstance(result, SSAValue) or ring.is_bit(result) or len(known) < 2:
        return result
    # Bounds of different signs may be further apart than integers go.
    if e.bits is None or all(np.all(numbers >= 0) for numbers in known):
        e.note_size(result, max(float(np.abs(numbers.astype(np.float64)).max(initial=0)) for numbers in known))
    return result
