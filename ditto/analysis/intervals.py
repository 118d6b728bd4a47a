"""The interval in which each fixed-point value lies, and whether that is proven or claimed.

Real numbers, not ring integers. Every rule is sound: it follows from the intervals of the operands. Arguments lie in
what is checked when they are shared. Where a product could legally exceed what its ring holds, or what a plan has seen
of it, the interval is cut to that: a *claim*, on which everything after it rests, and which the guard checks at run
time (pass insert-guard).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ditto.analysis.look_through import beyond, has_any, known_numbers, reshaped
from ditto.analysis.pattern import either, made, match, matches, named, through
from ditto.analysis.softmax import row_of_softmax
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import (
    Chooses,
    Floors,
    InsertsZeros,
    Linear,
    Local,
    Moves,
    Outgrows,
    Rescales,
    Reshapes,
    Sums,
    Truncates,
)
from ditto.policy.policy import ARGUMENT_BOUND, LONG_TABLE, PRODUCT_BOUND, TABLE_RANGE

# The dtypes of the secret arguments, on @main.
ARGUMENT_TYPES = "ditto.argument_types"
# One number per argument of @main: |integer| < 2^number is assumed of it; of a public one without fraction bits; 0 for
# bits.
ARGUMENT_RANGES = "ditto.ranges"
# What a plan or the caller says of each argument of @main: a bound of the magnitude, 0 where nothing is known.
ARGUMENT_BOUNDS = "ditto.argument_bounds"
# The same of an operation's result.
BOUND = "bound"
# The row of the plan that tells it.
PLACE = "place"
# What stands for infinity is beyond so many bits.
_INFINITE_BITS = 100
# A magnitude that is known for reasons which the operands' intervals do not show (see expand-normalisation).
FACT = "fact"
# A value may leave its ring or range: it comes back, or is not used (see ditto.interpreter.checked).
MODULAR = "modular"
# What the rules alone would give of a result that is claimed to be smaller.
CLAIM = "claim"
# Rows of a table, picked by one-hot rows; sums of squares of rows.
_ROWS = through(reshaped, named("rows", made(ring.OneHotOp)))
_LOOK_UP = either(made(ring.MatmulOp, _ROWS), made(ring.MatmulPublicOp, _ROWS))
# One of two values, by a public bit that is known at the call only.
# y + bit * (x - y); with "x" missing, it is 0.
_DIFFERENCE = either(
    made(ring.SubOp, "x", "y"), made(ring.NegOp, "y"), made(ring.AddPublicOp, made(ring.NegOp, "y"), "x")
)
_CHOSEN = made(ring.AddOp, made(ring.MulPublicOp, _DIFFERENCE, "bits"), "y")
# min(x, 0) and max(x, 0).
_BELOW_ZERO = made(ring.BitMulOp, named("sign", made(ring.MsbOp, "x")), "x")
_ABOVE_ZERO = made(ring.BitMulOp, made(ring.BitNotOp, named("sign", made(ring.MsbOp, "x"))), "x")
_INNER_SQUARE = made(ring.MatmulOp, through(reshaped, "rows"), through(reshaped, "rows"))
# From here on a number is as good as infinite: no ring holds it.
_INFINITE = 2.0**200
# The bits of the integer dtype at whose ends a result wraps.
WRAP = "wrap"
# Claims that save fewer bits of width cost the guard more than that: of values that are opened, and of others.
_WORTH_OPENED = 2
_WORTH = 3


@dataclass(frozen=True)
class Interval:
    """low <= x <= high. Ends that are Python integers are exact, and stay so through sums and products."""

    low: float
    high: float

    @property
    def size(self) -> float:
        return max(abs(self.low), abs(self.high))

    def union(self, other: Interval) -> Interval:
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def plus(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def times(self, other: Interval) -> Interval:
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends))

    def scaled(self, factor: float) -> Interval:
        return self.times(Interval(factor, factor))

    def widened(self, by: float) -> Interval:
        return Interval(self.low - by, self.high + by)

    def cut(self, size: float) -> Interval:
        return Interval(min(max(self.low, -size), size), max(min(self.high, size), -size))

    def within(self, other: Interval) -> bool:
        return other.low <= self.low and self.high <= other.high

    def units(self, fraction: int) -> tuple[int, int]:
        """The ends as integers, of x * 2^fraction."""
        scale = 2.0**fraction if fraction else 1
        return math.floor(self.low * scale), math.ceil(self.high * scale)

    def bits(self, fraction: int) -> int:
        """The least B with |x * 2^fraction| < 2^B (one unit of rounding included); -2^B is let in where all x are
        integers, as in their dtypes."""
        if self.size * 2.0**fraction >= _INFINITE:
            return math.ceil(math.log2(_INFINITE))
        low, high = self.units(fraction)
        return max(1, high.bit_length(), (-low if fraction else -low - 1).bit_length())


def signed_integers(bits: int) -> Interval:
    """All of a signed dtype of so many bits."""
    return Interval(-(1 << bits - 1), (1 << bits - 1) - 1)


ZERO = Interval(0, 0)


def unit(value: SSAValue) -> float:
    """The distance of two neighbouring numbers of a fixed-point value."""
    return 2.0 ** -ring.fraction(value)


class Intervals:
    """Forward analysis over a function in which widths are still those of the policy.

    Attributes:
        known: the interval of every value visited.
        wraps: the values that may leave the dtype at whose ends they wrap.
        claims: the values whose interval is cut, with what the rules alone would give.
    """

    def __init__(self, function: FuncOp) -> None:
        self.known: dict[SSAValue, Interval] = {}
        self.claims: dict[SSAValue, Interval] = {}
        self.wraps: set[SSAValue] = set()
        types, bounds = function.attributes.get(ARGUMENT_TYPES), function.attributes.get(ARGUMENT_BOUNDS)
        self._types = [t.data for t in types if isinstance(t, StringAttr)] if isinstance(types, ArrayAttr) else []
        self._bounds: list[float] = [] if bounds is None else ring.plain(bounds)

    def of(self, value: SSAValue) -> Interval:
        if value not in self.known:
            if ring.is_public(value):
                self.known[value] = self._public(value)
            elif isinstance(value.owner, ring.RingOp):
                self.visit(value.owner)
            else:
                self.known[value] = self._argument(value)
        return self.known[value]

    def _argument(self, value: SSAValue) -> Interval:
        assert isinstance(value, BlockArgument), value
        bound = self._bounds[value.index] if value.index < len(self._bounds) else 0.0
        if ring.fraction(value) == 0 and (bits := self._integer_bits(value)) is not None:
            # What is shared is checked against its bits: a bound lets in all that these hold.
            most = math.floor(_below(bound, value).size)
            return signed_integers(min(bits, most.bit_length() + 1) if bound else bits)
        if bound:
            return _below(bound, value)
        if is_long_table(value):
            return _below(2.0**TABLE_RANGE, value)
        return _below(ARGUMENT_BOUND[32 if ring.width(value) <= 32 else 64], value)

    def _integer_bits(self, value: BlockArgument) -> int | None:
        """The bits of an argument's dtype if that is known and an integer's; unsigned ones are signed in a ring."""
        dtype = self._types[value.index] if value.index < len(self._types) else ""
        digits = dtype.removeprefix("u").removeprefix("i")
        return int(digits) if digits != dtype and digits.isdigit() and dtype != "i1" else None

    def _public(self, value: SSAValue) -> Interval:
        if isinstance(value.owner, ring.RingOp):
            return RULES[type(value.owner)](value.owner, [self.of(operand) for operand in value.owner.arguments])
        if (numbers := known_numbers(value)) is not None:
            return _span(numbers)
        if ring.is_public_bit(value):
            return Interval(0.0, 1.0)
        if ring.is_public_integer(value) and isinstance(value, BlockArgument):
            return signed_integers(self._integer_bits(value) or ring.MAX_WIDTH)
        return Interval(-ARGUMENT_BOUND[64], ARGUMENT_BOUND[64])

    def revisit(self, block: Block, changed: Iterable[SSAValue]) -> None:
        """Computes again what depends on values whose intervals are no longer what they were."""
        stale = set(changed)
        for value in stale:
            self.known.pop(value, None)
        for op in block.ops:
            if isinstance(op, ring.RingOp) and not stale.isdisjoint(op.operands):
                before = self.known.pop(op.result, None)
                self.claims.pop(op.result, None)
                self.visit(op)
                if self.known.get(op.result) != before:
                    stale.add(op.result)

    def visit(self, op: ring.RingOp) -> None:
        """Computes the interval of an operation's result."""
        if not ring.is_fxp(op.result):
            return
        operands = [self.of(value) for value in op.arguments if not ring.is_bit(value)]
        chosen = match(op, _CHOSEN)
        if chosen is not None and ring.is_public_bit(chosen["bits"]):
            other = self.of(chosen["x"]) if "x" in chosen else Interval(0, 0)
            proven = other.union(self.of(chosen["y"]))
        else:
            proven = RULES[type(op)](op, operands).cut(_INFINITE)
        if (bits := op.get(WRAP)) is not None and not proven.within(signed_integers(bits)):
            self.wraps.add(op.result)
            proven = signed_integers(bits)
        if op.get("shift", 0) and not op.has_trait(Floors):
            proven = proven.widened(2 * unit(op.result))
        fact = op.get(FACT)
        result = self._claimed(op, proven) if fact is None else proven.cut(fact)
        if fact is not None:
            proven = result
        if result.bits(ring.fraction(op.result)) < proven.bits(ring.fraction(op.result)):
            self.claims[op.result] = proven
        self.known[op.result] = result

    def _claimed(self, op: ring.RingOp, proven: Interval) -> Interval:
        """What is taken for granted of a result."""
        value, bound = op.result, op.get(BOUND)
        # What is opened has as few bits as the result anyway: there a claim saves most.
        shifted = op.has_trait(Truncates) and op.has_trait(Local)
        opened = op.has_trait(Outgrows) and not op.has_trait(Local)
        room = 63 - ring.fraction(value) - (op.get("shift", 0) if op.has_trait(Truncates) else 0)
        if ring.is_integer_arithmetic(op) or op.has_trait(Floors):
            return proven
        if bound is not None and (opened or shifted or has_any(op, Sums, Linear)):
            # Headroom beyond what the ring holds is given up; the guard sees to that.
            limit = _below(min(bound, 2.0**room), value)
            saved = proven.bits(ring.fraction(value)) - limit.bits(ring.fraction(value))
            if saved >= (_WORTH_OPENED if opened else _WORTH):
                return proven.cut(limit.size)
        if opened or (bound is None and (op.has_trait(Outgrows) or _is_narrowed(op))):
            limit = _below(PRODUCT_BOUND[32 if ring.width(value) <= 32 else 64], value)
            return proven.cut(min(limit.size, _below(2.0**room, value).size))
        if op.has_trait(Rescales) and ring.fraction(value) > ring.fraction(op.arguments[0]) == 0:
            # Integers of 64 bits as floats; what is left of the ring is for sums of them.
            return proven.cut(_below(2.0 ** (room - 1), value).size)
        if shifted:
            return proven.cut(_below(2.0**room, value).size)
        if op.has_trait(Sums) and room < math.log2(proven.size or 1) < _INFINITE_BITS:
            # A sum of many may be compared, and added to; the guard sees to it that it is as small as that.
            return proven.cut(_below(2.0 ** (room - 2), value).size)
        return proven


def noted_range(value: SSAValue, arguments: Sequence[int]) -> int:
    """|x| < 2^range as an integer, as it has been noted; `arguments` are those of the function's."""
    if isinstance(value, BlockArgument):
        return arguments[value.index]
    assert isinstance(value.owner, ring.RingOp)
    return int(value.owner.get("range"))


def _below(bound: float, value: SSAValue) -> Interval:
    """One unit less than a bound: a power of two is then not reached."""
    size = min(bound - unit(value), math.nextafter(bound, 0.0))
    return Interval(-size, size)


def _is_narrowed(op: ring.RingOp) -> bool:
    """Whether an operation is a cast to a narrower dtype: a change of the fraction alone claims nothing."""
    return op.has_trait(Rescales) and op.has_trait(Truncates) and ring.width(op.result) < ring.width(op.arguments[0])


def picking_rows(op: Operation) -> SSAValue | None:
    """The one-hot rows by which an operation picks rows of a table, if it does."""
    found = match(op, _LOOK_UP)
    return None if found is None else found["rows"]


def is_long_table(value: SSAValue) -> bool:
    """Whether rows of an argument are picked by one-hot rows, and many."""
    tables = (use.operation for use in beyond(value, Reshapes, Rescales) if use.index == 1)
    return any(rows is not None and ring.shape(rows)[-1] >= LONG_TABLE for rows in map(picking_rows, tables))


def _span(numbers: Array) -> Interval:
    """From the least to the greatest of public numbers, those that are infinite aside."""
    if not numbers.size:
        return ZERO
    if numbers.dtype.kind == "i":
        return Interval(int(numbers.min()), int(numbers.max()))
    reals = np.nan_to_num(numbers.astype(np.float64))
    return Interval(float(reals.min()), float(reals.max()))


Rule = Callable[[ring.RingOp, list[Interval]], Interval]


def _encode(op: ring.RingOp, x: list[Interval]) -> Interval:
    numbers, mask = x[0].cut(_INFINITE), op.get("mask")
    if mask is not None:
        size = 2.0**mask
        if isinstance(op.arguments[0], BlockArgument):
            # What is known only at the call may hold masks, and beside them any number that is none.
            size = max(size, min(numbers.size, ARGUMENT_BOUND[32]))
            numbers = Interval(-size, size)
        numbers = numbers.cut(size)
    # Rounded to the encoding's fraction.
    return numbers.widened(2.0 ** (-1 - op.get("fraction")))


def _or_zero(op: ring.RingOp, x: list[Interval]) -> Interval:
    return x[0].union(ZERO)


def _bit_mul(op: ring.RingOp, x: list[Interval]) -> Interval:
    proven = _or_zero(op, x)
    below = match(op, _BELOW_ZERO)
    found = below or match(op, _ABOVE_ZERO)
    if found is None:
        return proven
    # A comparison that drops bits errs by less than what it drops.
    off = ((1 << found["sign"].owner.get("drop", 0)) - 1) * unit(op.result)
    return Interval(proven.low, min(proven.high, off)) if below else Interval(max(proven.low, -off), proven.high)


def _take(op: ring.RingOp, x: list[Interval]) -> Interval:
    index = known_numbers(op.arguments[1])
    return ZERO if index is not None and bool(np.all(index == -1)) else _or_zero(op, x)


def _sub(op: ring.RingOp, x: list[Interval]) -> Interval:
    if row_of_softmax(op.result) is not None:
        # A maximum may be short by what the exponential's slack covers.
        return Interval(x[0].low - x[0].high, 1.0)
    return x[0].plus(x[1].scaled(-1))


def _abs(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(max(x[0].low, -x[0].high, 0), x[0].size)


def _square(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(0, x[0].size ** 2)


def _matmul(op: ring.RingOp, x: list[Interval]) -> Interval:
    if picking_rows(op) is not None:
        return x[1].union(ZERO)
    return Interval(0, op.terms() * x[0].size ** 2) if is_inner_square(op) else _products(op, x)


def _products(op: ring.RingOp, x: list[Interval]) -> Interval:
    return x[0].times(x[1]).scaled(op.terms())


def _matmul_public(op: ring.RingOp, x: list[Interval]) -> Interval:
    if picking_rows(op) is not None:
        return x[1].union(ZERO)
    numbers = known_numbers(op.arguments[1])
    if numbers is None:
        return _products(op, x)
    if numbers.dtype.kind == "i":
        most = x[0].size * int(np.abs(numbers.astype(object)).sum(-2).max(initial=0))
        return Interval(-most, most)
    fraction = ring.fraction(op.result) + op.get("shift") - ring.fraction(op.arguments[0])
    numbers = np.abs(numbers.astype(np.float64)) + 2.0 ** (-1 - fraction)
    size = x[0].size * float(numbers.sum(-2).max(initial=0.0))
    return Interval(-size, size)


def is_inner_square(op: ring.RingOp) -> bool:
    """Whether a matmul multiplies rows with themselves: sums of squares."""
    return ring.shape(op.result)[1:] == (1, 1) and matches(op, _INNER_SQUARE)


def _sum(op: ring.RingOp, x: list[Interval]) -> Interval:
    return x[0].scaled(op.terms())


def _union(op: ring.RingOp, x: list[Interval]) -> Interval:
    result = x[0]
    for other in x[1:]:
        result = result.union(other)
    return result


def _relabel(op: ring.RingOp, x: list[Interval]) -> Interval:
    return x[0].scaled(2.0 ** (ring.fraction(op.arguments[0]) - ring.fraction(op.result)))


def _exp(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(0.0, math.exp(op.get("slack") / 2.0 ** ring.fraction(op.arguments[0]))).widened(2 * unit(op.result))


def _exp_below(op: ring.RingOp, x: list[Interval]) -> Interval:
    high = math.exp(min(op.get("hi"), x[0].high)) * (1 + 2.0**-9)
    # The protocol takes room for e^hi.
    room = 2.0 ** math.ceil((op.get("hi") + 0.01) / math.log(2)) - 4 * unit(op.result)
    return Interval(0.0, max(high, room)).widened(2 * unit(op.result))


def _log(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(op.get("lo") * math.log(2), math.log(max(x[0].high, 2.0 ** (op.get("lo") + 1)))).widened(2.0**-8)


def _extend(op: ring.RingOp, x: list[Interval]) -> Interval:
    half = 2.0 ** (op.get("bits") - 1 - ring.fraction(op.result))
    return x[0] if -half <= x[0].low and x[0].high < half else Interval(-half, half)


def _floor_shift(op: ring.RingOp, x: list[Interval]) -> Interval:
    low, high = x[0].units(ring.fraction(op.arguments[0]))
    return Interval(low >> op.get("shift"), high >> op.get("shift"))


def _from_bits(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(0, (1 << ring.shape(op.arguments[0])[0]) - 1)


def _sqrt(op: ring.RingOp, x: list[Interval]) -> Interval:
    # The protocol takes room for the root of its bound.
    return Interval(0.0, 2.0 ** math.ceil(op.get("hi") / 2)).widened(2 * unit(op.result))


def _divide(op: ring.RingOp, x: list[Interval]) -> Interval:
    size = x[0].size / max(x[1].low, 2.0 ** op.get("lo"))
    return Interval(-size, size).widened(2 * unit(op.result))


def _polynomial(op: ring.RingOp, x: list[Interval]) -> Interval:
    size = sum(abs(c) * x[0].size ** power for power, c in enumerate(op.get("coefficients")))
    return Interval(-size, size).widened(2 * unit(op.result))


def _sine(op: ring.RingOp, x: list[Interval]) -> Interval:
    size = math.hypot(*op.get("amplitudes")) + 2.0**-11
    return Interval(-size, size).widened(2 * unit(op.result))


def _gelu(op: ring.RingOp, x: list[Interval]) -> Interval:
    return Interval(-0.25, max(x[0].high, 0.25) + 0.01).widened(2 * unit(op.result))


def _normalised(op: ring.RingOp, x: list[Interval]) -> Interval:
    size = math.sqrt(math.prod(ring.shape(op.result)[dim] for dim in op.get("dims"))) * (1 + 2.0**-6)
    return Interval(-size, size)


def _up_to(power: Callable[[ring.RingOp], float]) -> Rule:
    return lambda op, x: Interval(0.0, 2.0 ** power(op)).widened(2 * unit(op.result))


_OWN: dict[type[ring.RingOp], Rule] = {
    ring.EncodeOp: _encode,
    ring.AddOp: lambda op, x: x[0].plus(x[1]),
    ring.SubOp: _sub,
    ring.AddPublicOp: lambda op, x: x[0].plus(x[1]),
    ring.NegOp: lambda op, x: x[0].scaled(-1),
    ring.WrapOp: lambda op, x: x[0],
    ring.TakeOp: _take,
    ring.MulPublicOp: lambda op, x: x[0].times(x[1]),
    ring.MatmulPublicOp: _matmul_public,
    ring.MulOp: lambda op, x: x[0].times(x[1]),
    ring.SquareOp: _square,
    ring.AbsOp: _abs,
    ring.MatmulOp: _matmul,
    ring.ConvOp: _products,
    ring.SumOp: _sum,
    ring.RelabelOp: _relabel,
    ring.RequireSumsOp: lambda op, x: x[0],
    ring.BitMulOp: _bit_mul,
    ring.BitToFxpOp: lambda op, x: Interval(0, 1),
    ring.OneHotOp: lambda op, x: Interval(0, 1),
    ring.ArgmaxOp: lambda op, x: Interval(0, ring.shape(op.arguments[0])[op.get("axis")] - 1),
    ring.ExpOp: _exp,
    ring.ExpBelowOp: _exp_below,
    ring.LogOp: _log,
    ring.ExtendOp: _extend,
    ring.FloorShiftOp: _floor_shift,
    ring.FromBitsOp: _from_bits,
    ring.DivideOp: _divide,
    ring.ReciprocalOp: _up_to(lambda op: -op.get("lo")),
    ring.SqrtOp: _sqrt,
    ring.RsqrtOp: _up_to(lambda op: -op.get("lo") / 2),
    ring.TanhOp: lambda op, x: Interval(-1.0, 1.0).widened(0.003),
    ring.GeluOp: _gelu,
    ring.SineOp: _sine,
    ring.PolynomialOp: _polynomial,
    ring.NormaliseOp: _normalised,
}


def rule_of(kind: type[ring.RingOp]) -> Rule | None:
    """The rule of an operation: its own, or the one its traits tell."""
    if kind in _OWN:
        return _OWN[kind]
    if kind.has_trait(InsertsZeros):
        return _or_zero
    return _union if any(map(kind.has_trait, (Moves, Rescales, Chooses))) else None


# All that make numbers.
_MAKE_NUMBERS = [op for op in ring.OPERATIONS if op.RESULT in "xsp"]
RULES = {op: rule for op in _MAKE_NUMBERS if (rule := rule_of(op)) is not None}

# An operation without a rule must not get somebody else's interval.
if missing := [op.name for op in _MAKE_NUMBERS if op not in RULES]:
    raise ImportError(f"no interval rule for {missing}: add one to ditto/analysis/intervals.py")
