"""Builds ring operations: rings from dtypes, public operands, alignment of fractions.

What every PPHLO operation becomes is written in terms of the `Emitter`, in `arithmetic`, `functions`,
`movement` and `contraction`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerType, Signedness, TensorType, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue

from ditto.analysis.intervals import FACT, WRAP, Interval, Intervals, signed_integers
from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array, is_splat
from ditto.dialects.traits import Rearranges
from ditto.errors import CompileError
from ditto.policy.policy import FINEST_SMALL_FRACTION, PUBLIC_BITS, Policy

# A value computed from an f-bit one carries at most this many bits more that mean anything.
_NOISE_BITS = 4
# Significant bits given to a factor whose numbers are known only when the program is called.
_CALL_TIME_FRACTION = 16


@dataclass(frozen=True)
class Public:
    """A public operand: numbers known now, or an argument of the ring function (`value`)."""

    type: Attribute
    numbers: Array | None = None
    value: SSAValue | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return ring.shape(self.type)

    @property
    def is_float(self) -> bool:
        return pphlo.is_float(self.type)

    def __post_init__(self) -> None:
        # Unsigned integers are kept as the signed ones of the same bits.
        if self.numbers is not None and self.numbers.dtype.kind == "u":
            object.__setattr__(self, "numbers", self.numbers.view(f"i{self.numbers.dtype.itemsize}"))

    def uniform(self) -> float | None:
        """The number every element has, if it is known and one; integers are exact."""
        if self.numbers is None or self.numbers.size == 0 or not is_splat(self.numbers):
            return None
        number = self.numbers.flat[0]
        return int(number) if self.numbers.dtype.kind == "i" else float(number)

    def known(self) -> Array:
        if self.numbers is None:
            raise ValueError("these public numbers are known only when the program is called")
        return self.numbers


Value = SSAValue | Public


def secret(value: Value) -> SSAValue:
    """A value that is no public one here."""
    assert isinstance(value, SSAValue), value
    return value


def is_bits(type: Attribute) -> bool:
    """Whether a PPHLO tensor type holds booleans."""
    element = pphlo.element_type(type)
    return isinstance(element, IntegerType) and element.width.data == 1


def integer_bits(type: Attribute) -> int | None:
    """The bits of a PPHLO tensor type of integers; None of floats and booleans."""
    element = pphlo.element_type(type)
    return element.width.data if isinstance(element, IntegerType) and element.width.data > 1 else None


def is_unsigned(type: Attribute) -> bool:
    """Whether a PPHLO tensor type holds unsigned integers: in a ring they are the signed ones of the same bits."""
    element = pphlo.element_type(type)
    return isinstance(element, IntegerType) and element.signedness.data is Signedness.UNSIGNED


def magnitude(numbers: Array) -> int:
    """The least power of two above all |x|, as its exponent; 0 if all are zero."""
    largest = float(np.max(np.abs(numbers), initial=0))
    return math.floor(math.log2(largest)) + 1 if largest > 0 else 0


def power_of_two(number: float | None) -> int | None:
    """k where number = 2^k."""
    if number is None or number <= 0:
        return None
    mantissa, exponent = math.frexp(number)
    return exponent - 1 if mantissa == 0.5 else None


class Emitter:
    """Appends ring operations to a block. `op` names the PPHLO operation being converted, for errors.

    Integers wrap at the ends of their dtype: an operation whose result may leave it gets the note `wrap`, unless it is
    emitted `exactly`. All that is added and multiplied on the way to an integer may wrap where it wants to.
    """

    def __init__(self, policy: Policy, block: Block, intervals: Intervals) -> None:
        self.policy = policy
        self.block = block
        self.op: Operation | None = None
        # The bits of the integers at hand, if any, where they wrap now, and what is known of all integers.
        self.bits: int | None = None
        self.unsigned = False
        self.wrap: int | None = None
        self.intervals = intervals
        # Fractions of single PPHLO values, from a calibrated plan.
        self.planned: dict[SSAValue, int] = {}
        # What has been emitted already, by a name and what it is of.
        self.made: dict[tuple[object, ...], SSAValue] = {}
        self._through: dict[tuple[str, int | None, SSAValue], SSAValue] = {}
        self._encoded: dict[tuple[int, int], tuple[Array, SSAValue]] = {}

    def fail(self, reason: str) -> CompileError:
        """The error to raise about the operation at hand."""
        name = "function"
        if self.op is not None:
            name = self.op.name
            if (target := pphlo.target_of(self.op)) is not None:
                name += f" @{target}"
        return CompileError(name, reason)

    def emit(self, op: type[ring.RingOp], operands: Sequence[SSAValue], type: Attribute, **attributes: Any) -> SSAValue:
        """Appends an operation and returns its result."""
        made = op.make(operands, type, **attributes)
        self.block.add_op(made)
        if self.wrap is not None and ring.is_fxp(type) and ring.fraction(type) == 0:
            made.attributes[WRAP] = ring.attribute(self.wrap)
            self.intervals.visit(made)
            if made.result not in self.intervals.wraps:
                del made.attributes[WRAP]
        return made.result

    def note_size(self, made: SSAValue, size: float) -> None:
        """Notes of a result that it is no larger than `size` and does not wrap, though its operands' intervals do not
        show it."""
        op = made.owner
        if isinstance(op, ring.RingOp) and np.isfinite(size):
            op.attributes[FACT] = ring.attribute(float(size))
            op.attributes.pop(WRAP, None)
            self.intervals.wraps.discard(made)
            self.intervals.visit(op)

    # ------------------------------------------------------------------------------------------------ integers

    def begin(self, op: Operation, type: Attribute | None) -> None:
        """From here on `op` is converted, about numbers of a PPHLO tensor type: its integers wrap at its ends."""
        bits = None if type is None else integer_bits(type)
        self.op, self.bits, self.wrap = op, bits, bits
        self.unsigned = type is not None and is_unsigned(type)

    @contextmanager
    def wrapping(self, bits: int | None) -> Iterator[None]:
        """The integers that are emitted meanwhile wrap elsewhere."""
        wrap, self.wrap = self.wrap, bits
        try:
            yield
        finally:
            self.wrap = wrap

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """The integers that are compared meanwhile are signed ones, or have been put into their order."""
        unsigned, self.unsigned = self.unsigned, False
        try:
            yield
        finally:
            self.unsigned = unsigned

    def exactly(self) -> AbstractContextManager[None]:
        """The integers that are emitted meanwhile do not wrap."""
        return self.wrapping(None)

    def integers_of(self, value: Value) -> Interval:
        """Where integers lie."""
        if isinstance(value, SSAValue):
            return self.intervals.of(value)
        if value.numbers is None:
            return signed_integers(integer_bits(value.type) or ring.MAX_WIDTH)
        return Interval(int(value.numbers.min(initial=0)), int(value.numbers.max(initial=0)))

    def fits(self, *spans: Interval) -> bool:
        """Whether the widest ring holds these integers."""
        return all(span.within(signed_integers(ring.MAX_WIDTH)) for span in spans)

    def wrapped(self, x: SSAValue, bits: int) -> SSAValue:
        """The integers of a dtype that integers become when they are converted."""
        if self.integers_of(x).within(signed_integers(bits)):
            return x
        with self.exactly():
            return self.emit(ring.WrapOp, [x], x.type, wrap=bits)

    # ------------------------------------------------------------------------------------------------ types

    def ring_of(self, type: Attribute) -> tuple[int, int]:
        """(width, fraction) that the policy gives a PPHLO tensor type."""
        try:
            return self.policy.ring(pphlo.element_type(type))
        except TypeError as error:
            raise self.fail(f"{error}; the supported dtypes are f16, f32, f64, bool and integers") from None

    def fraction_of(self, width: int) -> int:
        """The fraction of activations in the policy's ring of this width."""
        return self.policy.fractions[f"FM{width}"]

    def usual_fraction(self, made: SSAValue) -> int:
        """The fraction at which a PPHLO value rests, as the plan or else the policy says."""
        return self.planned.get(made, self.ring_of(made.type)[1])

    def secret_type(self, type: Attribute, fraction: int | None = None) -> Attribute:
        """The ring type of a secret PPHLO tensor."""
        if is_bits(type):
            return ring.bits(ring.shape(type))
        width, usual = self.ring_of(type)
        return ring.fxp(ring.shape(type), width, usual if fraction is None else fraction)

    # ------------------------------------------------------------------------------------------------ public operands

    def encode(self, public: Public, fraction: int) -> SSAValue:
        """A public operand as integers with `fraction` bits; one scalar where all elements are alike."""
        if not public.is_float and (public.value is not None or fraction == 0):
            return self.integers(public, fraction)
        if public.value is not None:
            return self.emit(ring.EncodeOp, [public.value], public_type(public.shape), fraction=fraction)
        numbers = public.known()
        if is_splat(numbers):
            numbers = numbers[(0,) * numbers.ndim].reshape(())
        key = (id(public.numbers), fraction)
        if key not in self._encoded:
            constant = self.constant(numbers.astype(np.float64))
            encoded = self.emit(ring.EncodeOp, [constant], public_type(numbers.shape), fraction=fraction)
            assert public.numbers is not None
            self._encoded[key] = (public.numbers, encoded)
        return self._encoded[key][1]

    def integers(self, public: Public, fraction: int = 0) -> SSAValue:
        """Public integers or bits as they are."""
        if public.value is not None:
            if fraction:
                raise self.fail("a public integer argument meets a float; convert it before the call")
            return public.value
        numbers = public.known()
        if is_splat(numbers):
            numbers = numbers[(0,) * numbers.ndim].reshape(())
        return self.constant(numbers.astype(np.int64) << fraction)

    def constant(self, numbers: Array) -> SSAValue:
        made = ring.ConstantOp.make(np.ascontiguousarray(numbers).reshape(numbers.shape))
        self.block.add_op(made)
        return made.result

    def factor_fraction(self, public: Public, most: int = 40) -> int:
        """The fraction bits that give a public factor its significant bits, at most `most`; 0 for integers."""
        if not public.is_float:
            return 0
        if public.numbers is None:
            return _CALL_TIME_FRACTION
        numbers = public.numbers[np.isfinite(public.numbers)]
        if np.all(numbers == np.floor(numbers)) and magnitude(numbers) <= PUBLIC_BITS:
            return 0
        return min(max(PUBLIC_BITS - magnitude(numbers), 0), most)

    def made_secret(self, value: Value, like: Value) -> SSAValue:
        """A secret as it is; public numbers with the ring and fraction of the secret `like`: zeros taken from it, plus
        the numbers."""
        if isinstance(value, SSAValue):
            return value
        public, like = value, secret(like)
        nowhere = self.constant(np.full(public.shape, -1, np.int64))
        if ring.is_bit(like):
            zeros = self.emit(ring.TakeOp, [like, nowhere], ring.bits(public.shape))
            return self.emit(ring.BitXorPublicOp, [zeros, self.integers(public)], zeros.type)
        zeros = self.emit(ring.TakeOp, [like, nowhere], ring.fxp(public.shape, ring.width(like), ring.fraction(like)))
        if public.uniform() == 0:
            return zeros
        return self.emit(ring.AddPublicOp, [zeros, self.encode(public, ring.fraction(like))], zeros.type)

    # ------------------------------------------------------------------------------------------------ fractions

    def with_fraction(self, x: SSAValue, fraction: int) -> SSAValue:
        """The same number with another fraction; rounded if it is smaller."""
        gain = fraction - ring.fraction(x)
        if gain == 0:
            return x
        type = ring.retyped(x, fraction=fraction)
        if gain > 0:
            return self.emit(ring.ShlOp, [x], type, bits=gain)
        return self.emit(ring.DownCastOp, [x], type, shift=-gain)

    def at_least(self, x: SSAValue, fraction: int) -> SSAValue:
        return x if ring.fraction(x) >= fraction else self.with_fraction(x, fraction)

    def aligned(self, x: SSAValue, y: SSAValue) -> tuple[SSAValue, SSAValue]:
        """Both with one fraction: the finer one's, but not much beyond what the coarser one knows."""
        low, high = sorted((ring.fraction(x), ring.fraction(y)))
        fraction = high if low == 0 else min(high, low + _NOISE_BITS)
        return self.with_fraction(x, fraction), self.with_fraction(y, fraction)

    def converted(self, x: SSAValue, type: Attribute, fraction: int | None = None) -> SSAValue:
        """x in the ring of a PPHLO type, across the border between two precisions if they differ."""
        width, usual = self.ring_of(type)
        if fraction is None:
            keep = width >= ring.width(x) or ring.fraction(x) <= FINEST_SMALL_FRACTION
            fraction = ring.fraction(x) if keep else usual
        if width == ring.width(x):
            return self.with_fraction(x, fraction) if fraction < ring.fraction(x) else x
        return self.emit(ring.ConvertOp, [x], ring.fxp(ring.shape(x), width, fraction))

    # ------------------------------------------------------------------------------------------------ broadcasts

    def before_broadcast(self, name: str, x: SSAValue, apply: Callable[[SSAValue], SSAValue]) -> SSAValue:
        """`apply` to x elementwise, but where x is a broadcast of fewer elements, to those."""
        key = (name, self.wrap, x)
        if key not in self._through:
            self._through[key] = self._before_broadcast(name, x, apply)
        return self._through[key]

    def _before_broadcast(self, name: str, x: SSAValue, apply: Callable[[SSAValue], SSAValue]) -> SSAValue:
        source = x
        moves: list[ring.RingOp] = []
        while isinstance(source.owner, ring.RingOp) and source.owner.has_trait(Rearranges):
            moves.append(source.owner)
            source = source.owner.arguments[0]
        if math.prod(ring.shape(source)) == math.prod(ring.shape(x)):
            return apply(x)
        result = apply(source)
        for move in reversed(moves):
            shape = ring.shape(move.result)
            type = (
                ring.bits(shape) if ring.is_bit(result) else ring.fxp(shape, ring.width(result), ring.fraction(result))
            )
            again = move.create(operands=[result], result_types=[type], attributes=dict(move.attributes))
            self.block.add_op(again)
            result = again.results[0]
        return result


def public_type(shape: Sequence[int]) -> Attribute:
    """Encoded integers of a shape."""
    return TensorType(i64, list(shape))
