"""Evaluates a ring program with room to spare, and checks every value before anything is narrowed.

    check_ranges(module, [x, w])        # raises RangeError at the first operation that gets or gives what it must not

The engine cannot do this: there a value that leaves its ring has wrapped by the time anybody could look at it. Whoever
debugs a program holds its inputs, and can compute what the parties would. Results are computed in float64 beside the
integers where 64 bits might not hold them, and compared with the range noted in the program; operands are compared with
what the protocol takes (`PRECONDITIONS`).

An operation with the note `modular` may leave its ring, because what it goes into brings it back (sums and products
commute with a wrap) or is not used (`expand-normalisation` computes a variance at several scales, and selects one that
is right). Its elements are kept as exact integers as long as only sums and products are made of them; then those out of
range are in *doubt*, and doubt may go on from element to element and end in a select that does not choose it. Anything
else that is made of a doubtful element, a result of the program included, is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import (
    Chooses,
    Compares,
    ComparesElements,
    ComparesThresholds,
    Elementwise,
    Linear,
    Local,
    Moves,
    Multiplies,
    Narrows,
    RealFunction,
    Rescales,
    Reshapes,
    Sums,
    TakesBelow,
    TakesPositive,
    TimesPowerOfTwo,
    Truncates,
)
from ditto.errors import RangeError
from ditto.interpreter.exact import run_exactly
from ditto.interpreter.ring import RingInterpreter, truncated
from ditto.interpreter.ring_kernels import kernel, matmul, signed
from ditto.interpreter.walk import walk

# Integers up to here leave int64 room for rounding.
_ROOM = 2.0**62
_WIDEN = "state the ranges= of the arguments, calibrate on such a sample, or compute in float32 what is float16"


@dataclass(frozen=True)
class Demand:
    """low <= values <= high.

    Attributes:
        values: integers, or float64 where they may be large; those of an elementwise operation, one an element.
        what: what they are.
        remedy: what to do about it if they are not.
        fraction: they mean values / 2^fraction.
    """

    values: Array
    low: float
    high: float
    what: str
    remedy: str = _WIDEN
    fraction: int = 0

    def broken(self) -> Array:
        """Where it does not hold; NaN is nowhere within."""
        low, high = self.low, self.high
        if self.values.dtype.kind == "i":
            low, high = max(low, -(2**63)), min(high, 2**63 - 1)
        return ~np.asarray((self.values >= low) & (self.values <= high), np.bool_)

    def error(self, op: ring.RingOp, broken: Array) -> RangeError:
        """What is told of the worst of the values that break it."""
        unit = 2.0**-self.fraction
        middle = (float(self.low) + float(self.high)) / 2 if math.isfinite(self.low + self.high) else 0.0
        distance = np.where(broken, np.nan_to_num(np.abs(self.values.astype(np.float64) - middle), nan=np.inf), -1.0)
        place = np.unravel_index(int(np.argmax(distance)), distance.shape)
        seen = float(self.values[place]) * unit
        where = f" at {[int(n) for n in place]}" if place else ""
        layer = f" in layer {op.get('layer')}" if op.get("layer") else ""
        assumed = f"{float(self.low) * unit:.6g} to {float(self.high) * unit:.6g}"
        return RangeError(
            f"{op.name}{layer}: {self.what} is {seen:.6g}{where}, where {assumed} is assumed; {self.remedy}"
        )


# ------------------------------------------------------------------------------------------------ preconditions

Rule = Callable[[ring.RingOp, Sequence[Array]], Iterator[Demand]]


def _compared(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    """-2^(bits-1) <= x <= 2^(bits-1) - 2^drop of what is looked at."""
    x, fraction = operands[0], ring.fraction(op.arguments[0])
    [compares] = op.get_traits_of_type(Compares)
    if (bits := op.get(compares.attribute)) is None:
        return
    low, high = -(1 << bits - 1), (1 << bits - 1) - (1 << op.get("drop", 0))
    if isinstance(compares, ComparesElements):
        spread = np.subtract(x.max(op.get("axis")), x.min(op.get("axis")), dtype=np.float64)
        yield Demand(spread, low, high, "the difference of two elements of a row", fraction=fraction)
    elif isinstance(compares, ComparesThresholds):
        margin = int(compares.below * 2.0**fraction)
        yield Demand(x, low + margin, (1 << bits - 1) - margin, "the operand", fraction=fraction)
    else:
        yield Demand(x, low, high, "what is compared", fraction=fraction)


def _positive(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    """2^lo <= x <= 2^hi; a lo below one unit counts as that. Zero is taken where there is no lo.

    An interval may end at 2^hi, where the function of the last octave still holds.
    """
    x, fraction = operands[-1], ring.fraction(op.arguments[-1])
    [positive] = op.get_traits_of_type(TakesPositive)
    least = positive.least(op.get("lo"), fraction)
    away = "must not be negative" if positive.zero else "must be positive: add an epsilon, or clip it from below"
    yield Demand(x, least, math.inf, positive.what, f"it {away}", fraction)
    yield Demand(x, -math.inf, math.ldexp(1.0, fraction + op.get("hi")), positive.what, fraction=fraction)


def _spare_bit(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    """|x| < 2^(w - 2)."""
    size = 1 << ring.width(op.arguments[0]) - 2
    yield Demand(operands[0], -size, size - 1, "the operand", fraction=ring.fraction(op.arguments[0]))


def _widened(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    """A spare bit, unless the ring is the widest."""
    if ring.width(op.arguments[0]) < ring.MAX_WIDTH:
        yield from _spare_bit(op, operands)


def _exp(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    """x <= slack; without clipping, x > slack - 16 as well."""
    fraction = ring.fraction(op.arguments[0])
    low = -math.inf if op.get("clip_bits") else op.get("slack") - (16 << fraction) + 1
    remedy = "the exponential of a row less its maximum is taken here: it must not be above zero"
    yield Demand(operands[0], low, op.get("slack"), "the exponent", remedy, fraction)


def _below(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    fraction = ring.fraction(op.arguments[0])
    remedy = "subtract the maximum first, state the ranges= of the arguments, or calibrate on such a sample"
    yield Demand(operands[0], -math.inf, op.get("hi") << fraction, "the exponent", remedy, fraction)


def _one_hot(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    depth = op.get("depth")
    yield Demand(operands[0], 0, depth - 1, "an id", f"the table has {depth} rows: check what makes the ids")


def _take(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    count = math.prod(ring.shape(op.arguments[0]))
    yield Demand(operands[1], -1, count - 1, "a public index", "check what makes the indices")


def _rerounded(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    half = 1 << ring.width(op.arguments[0]) - 1
    fraction = ring.fraction(op.arguments[0])
    yield Demand(operands[0], -half, half - (1 << op.get("shift")), "the operand", fraction=fraction)


def _guarded(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    """Whatever the guard might refuse."""
    limit = op.get("legal", 2) << op.get("bits") - 3
    yield Demand(operands[0], -limit, limit, "a guarded value", fraction=ring.fraction(op.arguments[0]))


def _sums(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    """Sums of what is in its range are what they are modulo their ring."""
    e, y, r = operands
    away = signed(e.astype(np.int64) - matmul(y, r), ring.width(op.result))
    limit = 1 << op.get("bits") - 2
    yield Demand(away, -limit, limit - 1, "what a guarded sum is off by", fraction=ring.fraction(op.result))


def _false(op: ring.RingOp, operands: Sequence[Array]) -> Iterator[Demand]:
    yield Demand(operands[0].astype(np.int64), 0, 0, "a guarded bit")


# By trait, and by operation what no trait says. An operation is here if it takes whatever fits the rings of its
# operands as well, with nothing said of it.
_BY_TRAIT: dict[type, tuple[Rule, ...]] = {
    TakesBelow: (_below,),
    Compares: (_compared,),
    TakesPositive: (_positive,),
    Truncates: (),
    Local: (),
}
_BY_OPERATION: dict[type[ring.RingOp], tuple[Rule, ...]] = {
    ring.BitAndOp: (),
    ring.BitMulOp: (),
    ring.BitToFxpOp: (),
    ring.ConvertOp: (),
    ring.DivideOp: (_spare_bit,),
    ring.ExpOp: (_exp,),
    ring.ExtendOp: (),
    ring.FromBitsOp: (),
    ring.GeluOp: (_widened,),
    ring.NormaliseOp: (),
    ring.OneHotOp: (_one_hot,),
    ring.PolynomialOp: (_widened,),
    ring.RequireFalseOp: (_false,),
    ring.RequireRangeOp: (_guarded,),
    ring.RequireSumsOp: (_sums,),
    ring.ReroundOp: (_rerounded,),
    ring.SelectOp: (),
    ring.SineOp: (),
    ring.TakeOp: (_take,),
    ring.ToBitsOp: (),
    ring.UpCastOp: (_widened,),
}


def preconditions_of(kind: type[ring.RingOp]) -> tuple[Rule, ...] | None:
    """What an operation demands of its operands, beyond that they fit their rings; None if nothing is known of it."""
    traits = [trait for trait in _BY_TRAIT if kind.get_traits_of_type(trait)]
    if not traits and kind not in _BY_OPERATION:
        return None
    return (*_BY_OPERATION.get(kind, ()), *(rule for trait in traits for rule in _BY_TRAIT[trait]))


PRECONDITIONS = {op: rules for op in ring.OPERATIONS if (rules := preconditions_of(op)) is not None}

if missing := [op.name for op in ring.OPERATIONS if op not in PRECONDITIONS]:
    raise ImportError(f"no precondition known for {missing}: add one to ditto/interpreter/checked.py")


# ------------------------------------------------------------------------------------------------ evaluation


@dataclass(frozen=True)
class Doubt:
    """Where a value is not what it should be, and the error if anybody uses it; `narrowed` if it is only too large."""

    where: Array
    error: RangeError
    narrowed: bool = False


@dataclass(frozen=True)
class _Value:
    array: Array
    doubt: Doubt | None = None

    def doubtful(self) -> Array:
        return np.zeros(self.array.shape, np.bool_) if self.doubt is None else self.doubt.where


class _Checker:
    def __init__(self) -> None:
        self._interpreter = RingInterpreter(wrap=False)
        # Numbers below this stand for -inf, if there were any among the public ones.
        self._infinity: float | None = None

    def entered(self, argument: SSAValue, array: Array) -> _Value:
        return _Value(self._interpreter.entered(argument, array))

    def run(self, op: Operation, values: Sequence[_Value]) -> _Value:
        operands = [value.array for value in values]
        if not isinstance(op, ring.RingOp):
            return _Value(kernel(op)(op))
        if ring.is_public(op.result):
            return _Value(self._encoded(op, operands))
        doubt = _inherited(op, values)
        demands = [demand for rule in PRECONDITIONS[type(op)] for demand in rule(op, operands)]
        if op.get("row") and self._infinity is not None:
            demands.append(_allowed(op, operands, self._infinity))
        for demand in demands:
            doubt = _met(op, demand, doubt)
        if not ring.is_fxp(op.result):
            return _Value(kernel(op)(op, *operands), doubt)
        return _result(op, operands, doubt)

    def _encoded(self, op: ring.RingOp, operands: Sequence[Array]) -> Array:
        if op.get("mask") and np.any(np.isneginf(operands[0])):
            self._infinity = -(2.0 ** (op.get("mask") - 1))
        try:
            return self._interpreter.run(op, operands)
        except ValueError as error:
            raise RangeError(f"{op.name}: {error}; use fewer fraction_bits, or scale it") from error


def _allowed(op: ring.RingOp, operands: Sequence[Array], infinity: float) -> Demand:
    """The maximum of a row is a number."""
    fraction = ring.fraction(op.result)
    remedy = "nothing is allowed in this row of a softmax, which has no value then: let its mask allow something"
    return Demand(operands[1], infinity * 2.0**fraction, math.inf, "the maximum of a row", remedy, fraction)


def _inherited(op: ring.RingOp, values: Sequence[_Value]) -> Doubt | None:
    """The doubts of the operands as those of the result.

    Raises:
        RangeError: the operation does more with a doubtful element than to make one other of it.
    """
    doubts = [value.doubt for value in values]
    if op.get("wrap") is not None or _commutes(op):
        # What was narrowed is here as it was: the result tells.
        doubts = [None if doubt and doubt.narrowed else doubt for doubt in doubts]
    if isinstance(op, ring.RequireSumsOp):
        # A sum that has left its ring is looked at modulo that; its summands have been checked one by one.
        return doubts[0]
    if op.has_trait(Moves) and any(doubts):
        some = next(doubt for doubt in doubts if doubt)
        # Of public operands, positions to take from, the numbers themselves.
        arrays = [value.array if ring.is_public(v) else value.doubtful() for v, value in zip(op.arguments, values)]
        return _some(kernel(op)(op, *arrays), some)
    if op.has_trait(Chooses) and ring.is_bit(op.arguments[0]):
        chosen = values[0].array
        doubts[1:] = [
            doubt and _some(doubt.where & here, doubt)
            for doubt, here in zip(doubts[1:], (chosen, ~chosen), strict=True)
        ]
    result: Doubt | None = None
    for doubt in filter(None, doubts):
        if not op.has_trait(Elementwise):
            raise doubt.error
        result = replace(doubt, where=doubt.where if result is None else result.where | doubt.where)
    return result


def _some(where: Array, doubt: Doubt) -> Doubt | None:
    return replace(doubt, where=where) if np.any(where) else None


def _met(op: ring.RingOp, demand: Demand, doubt: Doubt | None) -> Doubt | None:
    """The doubt after a demand.

    Raises:
        RangeError: an element that was in no doubt breaks it, and may not.
    """
    broken = demand.broken()
    if doubt is not None and np.any(broken):
        broken &= ~doubt.where
    if not np.any(broken):
        return doubt
    error = demand.error(op, broken)
    if not op.get("modular"):
        raise error
    return Doubt(broken, error) if doubt is None else Doubt(doubt.where | broken, doubt.error)


def _result(op: ring.RingOp, operands: Sequence[Array], doubt: Doubt | None) -> _Value:
    """A fixed-point result, computed with room, checked, and only then as narrow as its ring."""
    bits, fraction, width = op.get("range"), ring.fraction(op.result), ring.width(op.result)
    size = 1 << min(width - 1, width if bits is None else bits)
    remedy = "calibrate on such a sample too, or raise headroom=" if op.get("bound") else _WIDEN

    def check(result: Array, doubt: Doubt | None) -> Doubt | None:
        most = size - 1 if result.dtype.kind in "iO" else math.nextafter(size, 0)
        return _met(
            op,
            Demand(result, -size if bits is None or not fraction else -most, most, "a value", remedy, fraction),
            doubt,
        )

    if (wrap := op.get("wrap")) is not None:
        # Right modulo 2^64, and so modulo any less.
        return _Value(signed(kernel(op)(op, *operands), wrap), doubt)
    commutes = _commutes(op)
    if op.has_trait(RealFunction):
        reals = run_exactly(op, [x.astype(np.float64) for x in operands])
        doubt = check(reals, doubt)
        exact = np.rint(reals if doubt is None else np.where(doubt.where, 0.0, reals)).astype(np.int64)
    elif _largest(op, operands) < _ROOM:
        exact = kernel(op)(op, *operands)
        exact = truncated(op, exact) if op.has_trait(Truncates) else exact
    elif op.get("modular") or op.has_trait(Linear) or op.has_trait(Sums) or ring.is_integer_arithmetic(op):
        # Few enough for Python's integers: rows of sums, or integers of 64 bits.
        exact = np.asarray(kernel(op)(op, *(x.astype(object) for x in operands)))
        exact = truncated(op, exact) if op.has_trait(Truncates) else exact
    else:
        ideal = run_exactly(op, [x if x.dtype == np.bool_ else x.astype(np.float64) for x in operands])
        doubt = check(ideal, doubt)
        # Now known to fit the ring, modulo which it is exact.
        whole = kernel(op)(op, *operands)
        if op.has_trait(Truncates):
            whole = truncated(op, signed(whole, min(op.get("shift") + width, 64)))
        exact = signed(whole, width)
    if op.has_trait(Narrows) and not fraction:
        # An integer that goes on to wrap, or is not taken.
        where = (exact < -size) | (exact >= size)
        error = Demand(exact, -size, size - 1, "a value", remedy, fraction).error(op, where) if np.any(where) else None
        return _Value(exact, doubt if error is None else Doubt(where | (doubt.where if doubt else False), error, True))
    if not (op.get("modular") and commutes):
        doubt = check(exact, doubt)
        if doubt is not None:
            exact = np.where(doubt.where, 0, exact)
    if exact.dtype == object and all(-(2**63) <= x < 2**63 for x in exact.reshape(-1)):
        exact = exact.astype(np.int64)
    return _Value(exact, doubt)


def _commutes(op: ring.RingOp) -> bool:
    """Whether a wrap before an operation is the same as one after it."""
    if op.has_trait(Narrows):
        return True
    return not op.get("shift", 0) and any(map(op.has_trait, (Linear, Multiplies, Reshapes, TimesPowerOfTwo)))


def _largest(op: ring.RingOp, operands: Sequence[Array]) -> float:
    """A bound of all that is computed on the way to a result."""
    sizes = [max(float(np.max(x, initial=0)), -float(np.min(x, initial=0))) for x in operands]
    if op.has_trait(Multiplies):
        return sizes[0] * sizes[-1] * op.terms()
    if op.has_trait(Linear):
        return sum(sizes)
    if op.has_trait(Sums):
        return sizes[0] * op.terms()
    if op.has_trait(Rescales) and (gain := ring.fraction(op.result) - ring.fraction(op.arguments[0])) > 0:
        return math.ldexp(sizes[0], gain)
    return max(sizes) if op.has_trait(Truncates) else 0.0


def check_ranges(module: ModuleOp, inputs: Sequence[Array]) -> list[Array]:
    """Runs @main of a ring module whose widths have been assigned on real arrays, public ones included.

    Returns:
        What @main returns, as integers and bools.

    Raises:
        RangeError: an operation gets or gives a value out of its range; names the first, its layer, the value, the
            range and a remedy.
    """
    checker = _Checker()
    results = walk(module, [np.asarray(array) for array in inputs], checker.entered, checker.run)
    for _, value in results:
        if value.doubt is not None:
            raise value.doubt.error
    return [value.array for _, value in results]
