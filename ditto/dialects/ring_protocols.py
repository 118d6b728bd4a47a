"""Ring operations for which the parties exchange messages. The result's type says where a protocol lands."""

from __future__ import annotations

import math
from typing import ClassVar

from xdsl.irdl import irdl_op_definition, traits_def
from xdsl.traits import Commutative

from ditto.dialects.ring_base import PureOp, RingOp, fraction, is_bit, is_fxp, shape
from ditto.dialects.ring_local import matmul_shape
from ditto.dialects.traits import (
    Chooses,
    Compares,
    ComparesElements,
    ComparesThresholds,
    Divides,
    Dot,
    Elementwise,
    Floors,
    InsertsZeros,
    KeepsNonNegative,
    KeepsRing,
    Multiplies,
    NonNegative,
    Orders,
    Outgrows,
    RealFunction,
    Rescales,
    TakesBelow,
    TakesPositive,
    Truncates,
)

# A function as a Fourier series on its range (series.h), c_0, a_1, b_1, a_2, ..., and the bits of its factors.
SERIES = ("series", "table_bits", "dealt_bits")


class Interactive(PureOp):
    """The parties talk."""


@irdl_op_definition
class ConvertOp(PureOp):
    """The border between two precisions, before `insert-casts` decides how it is crossed. Never executed."""

    name = "ring.convert"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Rescales())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class NormaliseOp(PureOp):
    """(x - mean) / sqrt(variance + eps) of the rows along `dims`, until `expand-normalisation`. Never executed.

    `variances` are the least and the greatest that samples have shown, with headroom.
    """

    name = "ring.normalise"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("dims", "eps")
    OPTIONAL: ClassVar[tuple[str, ...]] = ("variances",)

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))


class Product(Interactive):
    """A product over the low shift + out bits of its operands, truncated by `shift` into the result's `out` bits."""

    REQUIRED: ClassVar[tuple[str, ...]] = ("shift",)
    traits = traits_def(Truncates(), Outgrows())

    def check(self) -> None:
        self.check_shapes()
        operands = self.arguments[0], self.arguments[-1]
        self.expect_fraction(sum(fraction(value) for value in operands) - self.get("shift"))

    def check_shapes(self) -> None:
        for value in self.arguments:
            self.expect_shape(shape(value))


@irdl_op_definition
class MulOp(Product):
    """x * y / 2^shift."""

    name = "ring.mul"
    KINDS: ClassVar[str] = "xx"
    traits = traits_def(Multiplies(), Elementwise(), KeepsNonNegative(), Commutative())


@irdl_op_definition
class SquareOp(Product):
    """x * x / 2^shift."""

    name = "ring.square"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Multiplies(), Elementwise(), NonNegative())


@irdl_op_definition
class MatmulOp(Product):
    """[B, M, K] times [B, K, N], divided by 2^shift; only the sums are opened."""

    name = "ring.matmul"
    KINDS: ClassVar[str] = "xx"
    traits = traits_def(Dot(), KeepsNonNegative())

    def check_shapes(self) -> None:
        self.expect_shape(matmul_shape(self))

    def terms(self) -> int:
        return shape(self.arguments[0])[2]


@irdl_op_definition
class ConvOp(Product):
    """Convolution of [N, H, W, C] with [KH, KW, C, O] without padding, divided by 2^shift."""

    name = "ring.conv"
    KINDS: ClassVar[str] = "xx"
    REQUIRED: ClassVar[tuple[str, ...]] = ("shift", "strides")
    traits = traits_def(Dot(), KeepsNonNegative())

    def check_shapes(self) -> None:
        image, kernel = shape(self.arguments[0]), shape(self.arguments[1])
        if len(image) != 4 or len(kernel) != 4 or image[3] != kernel[2]:
            self.fail(f"{list(image)} convolved with {list(kernel)} is not NHWC with HWIO")
        spans = zip(image[1:3], kernel[:2], self.get("strides"), strict=True)
        self.expect_shape((image[0], *((n - k) // stride + 1 for n, k, stride in spans), kernel[3]))

    def terms(self) -> int:
        return math.prod(shape(self.arguments[1])[:3])


@irdl_op_definition
class UpCastOp(Interactive):
    """The same integer in a wider ring; exact for |x| < 2^(w - 2)."""

    name = "ring.up_cast"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Rescales())

    def check(self) -> None:
        self.expect_same(*self.arguments)


@irdl_op_definition
class ExtendOp(Interactive):
    """The signed number in the low `bits` bits of the operand, in a ring wider than that; exact for any operand."""

    name = "ring.extend"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    traits = traits_def(Elementwise())

    def check(self) -> None:
        self.expect_same(*self.arguments)
        if self.get("bits") < 2:
            self.fail(f"a signed number has two bits or more, not {self.get('bits')}")


@irdl_op_definition
class ReroundOp(Interactive):
    """floor((x + rho) / 2^shift) with rho uniform in [0, 2^shift), a coin that neither P1 nor P2 knows."""

    name = "ring.reround"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("shift",)
    traits = traits_def(Rescales())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))
        self.expect_fraction(fraction(self.arguments[0]) - self.get("shift"))


@irdl_op_definition
class FloorShiftOp(Interactive):
    """The integer floor(x / 2^shift) of the integer x, whatever its fraction; exact for any operand."""

    name = "ring.floor_shift"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("shift",)
    traits = traits_def(Elementwise(), Floors(), KeepsNonNegative())

    def check(self) -> None:
        self.expect_fraction(0)
        self.expect_shape(shape(self.arguments[0]))
        if self.get("shift") < 1:
            self.fail(f"a shift by {self.get('shift')} is none")


@irdl_op_definition
class MsbOp(Interactive):
    """Bit [x < 0] for -2^(bits-1) <= x <= 2^(bits-1) - 2^drop; may be wrong only where |x| < 2^drop."""

    name = "ring.msb"
    KINDS: ClassVar[str] = "x"
    RESULT: ClassVar[str] = "b"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits", "drop")
    traits = traits_def(Compares(), Elementwise(), Orders())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class AbsOp(Interactive):
    """|x| for -2^(bits-1) <= x < 2^(bits-1)."""

    name = "ring.abs"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    traits = traits_def(Compares(), Elementwise(), KeepsRing(), NonNegative())

    def check(self) -> None:
        self.expect_same(*self.arguments)


@irdl_op_definition
class EqualZeroOp(Interactive):
    """Bit [x = 0]."""

    name = "ring.equal_zero"
    KINDS: ClassVar[str] = "x"
    RESULT: ClassVar[str] = "b"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    traits = traits_def(Compares(), Elementwise(), Orders())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class MaxOp(Interactive):
    """The greatest element along `axis`, which vanishes; short by less than ceil(log2 n) * 2^drop units."""

    name = "ring.max"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("axis", "bits", "drop")
    traits = traits_def(ComparesElements(), KeepsRing(), Chooses())

    def check(self) -> None:
        self.expect_fraction(fraction(self.arguments[0]))
        axis = self.get("axis")
        self.expect_shape([n for i, n in enumerate(shape(self.arguments[0])) if i != axis])


@irdl_op_definition
class ArgmaxOp(Interactive):
    """The index of the greatest element along `axis`, which vanishes; the first of equals."""

    name = "ring.argmax"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("axis", "bits")
    traits = traits_def(ComparesElements(), NonNegative(), Orders())

    def check(self) -> None:
        self.expect_fraction(0)
        axis = self.get("axis")
        self.expect_shape([n for i, n in enumerate(shape(self.arguments[0])) if i != axis])


@irdl_op_definition
class BitAndOp(Interactive):
    """Conjunction."""

    name = "ring.bit_and"
    KINDS: ClassVar[str] = "bb"
    RESULT: ClassVar[str] = "b"
    traits = traits_def(Elementwise(), Commutative())

    def check(self) -> None:
        self.expect_same(*self.arguments)


@irdl_op_definition
class BitToFxpOp(Interactive):
    """A bit as the integer 0 or 1."""

    name = "ring.bit_to_fxp"
    KINDS: ClassVar[str] = "b"
    traits = traits_def(Elementwise(), NonNegative())

    def check(self) -> None:
        self.expect_fraction(0)
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class ToBitsOp(Interactive):
    """The low `bits` bits of integers, the lowest first, along a new first dimension."""

    name = "ring.to_bits"
    KINDS: ClassVar[str] = "x"
    RESULT: ClassVar[str] = "b"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)

    def check(self) -> None:
        self.expect_shape((self.get("bits"), *shape(self.arguments[0])))
        if self.get("bits") < 2:
            self.fail(f"{self.get('bits')} bits are not taken apart")


@irdl_op_definition
class FromBitsOp(Interactive):
    """The integers whose bits stand along the first dimension, the lowest first: the sum of 2^i b_i."""

    name = "ring.from_bits"
    KINDS: ClassVar[str] = "b"

    def check(self) -> None:
        self.expect_fraction(0)
        self.expect_shape(shape(self.arguments[0])[1:])


@irdl_op_definition
class BitMulOp(Interactive):
    """c * x."""

    name = "ring.bit_mul"
    KINDS: ClassVar[str] = "bx"
    traits = traits_def(Elementwise(), KeepsRing(), KeepsNonNegative(), InsertsZeros())

    def check(self) -> None:
        self.expect_same(self.arguments[1])
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class SelectOp(Interactive):
    """c ? x : y."""

    name = "ring.select"
    KINDS: ClassVar[str] = "bxx"
    traits = traits_def(Elementwise(), KeepsRing(), Chooses())

    def check(self) -> None:
        self.expect_same(*self.arguments[1:])
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class OneHotOp(Interactive):
    """Integers i as rows of `depth` integers, 1 at position i and 0 elsewhere; a zero row for i outside 0..depth-1.

    With `within` (1) none is outside, or a guard refuses it: it saves the rounds in which it would be found.
    """

    name = "ring.one_hot"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("depth",)
    OPTIONAL: ClassVar[tuple[str, ...]] = ("within",)
    traits = traits_def(NonNegative())

    def check(self) -> None:
        if fraction(self.arguments[0]) != 0:
            self.fail("takes integers")
        self.expect_fraction(0)
        self.expect_shape((*shape(self.arguments[0]), self.get("depth")))


class Function(Interactive):
    """A real function, element by element, into a ring and fraction of its own."""

    KINDS: ClassVar[str] = "x"
    traits = traits_def(RealFunction())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))
        if is_bit(self.result) or not is_fxp(self.result):
            self.fail(f"the result must be fixed point, not {self.result.type}")


@irdl_op_definition
class ExpOp(Function):
    """e^x for x <= slack (in the operand's units); with `clip_bits`, the width of x's range, zero far below."""

    name = "ring.exp"
    REQUIRED: ClassVar[tuple[str, ...]] = ("slack",)
    OPTIONAL: ClassVar[tuple[str, ...]] = ("clip_bits",)
    traits = traits_def(NonNegative(), Compares("clip_bits"))


@irdl_op_definition
class ExpBelowOp(Function):
    """e^x for x <= hi (a real number); zero far below. `bits` is the width of x's range."""

    name = "ring.exp_below"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits", "hi")
    traits = traits_def(NonNegative(), Compares(), TakesBelow())


@irdl_op_definition
class ReciprocalOp(Function):
    """1 / x for 2^lo <= x < 2^hi."""

    name = "ring.reciprocal"
    REQUIRED: ClassVar[tuple[str, ...]] = ("lo", "hi")
    OPTIONAL: ClassVar[tuple[str, ...]] = SERIES
    traits = traits_def(TakesPositive(what="the divisor"), NonNegative())


@irdl_op_definition
class DivideOp(Function):
    """x / y for 2^lo <= y < 2^hi, x of either sign; x needs a spare bit: |x| < 2^(w - 2)."""

    name = "ring.divide"
    KINDS: ClassVar[str] = "xx"
    REQUIRED: ClassVar[tuple[str, ...]] = ("lo", "hi")
    traits = traits_def(TakesPositive(what="the divisor"), Divides(), Outgrows())

    def check(self) -> None:
        super().check()
        self.expect_shape(shape(self.arguments[1]))


@irdl_op_definition
class RsqrtOp(Function):
    """1 / sqrt(x) for 2^lo <= x < 2^hi."""

    name = "ring.rsqrt"
    REQUIRED: ClassVar[tuple[str, ...]] = ("lo", "hi")
    OPTIONAL: ClassVar[tuple[str, ...]] = SERIES
    traits = traits_def(TakesPositive(), NonNegative())


@irdl_op_definition
class SqrtOp(Function):
    """The square root for 0 <= x < 2^hi."""

    name = "ring.sqrt"
    REQUIRED: ClassVar[tuple[str, ...]] = ("hi",)
    traits = traits_def(TakesPositive(zero=True), NonNegative())


@irdl_op_definition
class LogOp(Function):
    """The natural logarithm for 2^lo <= x < 2^hi."""

    name = "ring.log"
    REQUIRED: ClassVar[tuple[str, ...]] = ("lo", "hi")
    traits = traits_def(TakesPositive())


@irdl_op_definition
class TanhOp(Function):
    """Hyperbolic tangent, to 0.0025, or 2^-12 from 13 fraction bits on; `bits` is the width of x's range and 5."""

    name = "ring.tanh"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    traits = traits_def(ComparesThresholds(below=5.0))


@irdl_op_definition
class GeluOp(Function):
    """x * Phi(x), to 0.01, or 2^-10 from 13 fraction bits on; `bits` is the width of x's range."""

    name = "ring.gelu"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    traits = traits_def(ComparesThresholds())


@irdl_op_definition
class SineOp(Interactive):
    """A cos x + B sin x for `amplitudes` A, B. x is taken in a ring with room for its turns (sine.h)."""

    name = "ring.sine"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("amplitudes",)
    traits = traits_def(Elementwise())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))
        if len(self.get("amplitudes")) != 2:
            self.fail("a wave has two amplitudes")


@irdl_op_definition
class PolynomialOp(Function):
    """A polynomial with real `coefficients`, constant term first, in one opening."""

    name = "ring.polynomial"
    REQUIRED: ClassVar[tuple[str, ...]] = ("coefficients",)


class Guard(RingOp):
    """Its operand, unchanged; a run in which the operand is not what it must be ends without a result.

    Not pure: one whose result nobody uses still checks.
    """

    def check(self) -> None:
        self.expect_same(*self.arguments)


@irdl_op_definition
class RequireRangeOp(Guard):
    """Guards |x| < 2^(bits-1), of the integers: up to 2^(bits-2) is never refused, from 3/4 2^(bits-1) on always.

    With `legal` = 3 (quarters) nothing is refused up to 3/4 2^(bits-1), and beyond it more likely the larger it is.
    Only the low `bits` bits are looked at: what has left the ring may look like a small value.
    """

    name = "ring.require_range"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Rescales(), KeepsRing())
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    OPTIONAL: ClassVar[tuple[str, ...]] = ("legal",)


@irdl_op_definition
class RequireSumsOp(Guard):
    """Guards that e [B, M, N] is y [B, M, K] times public integers r [B, K, N], modulo e's ring.

    y is read as the signed numbers of its low `bits` bits, |y| < 2^(bits-2), or with `legal` = 3 (quarters)
    |y| < 3/4 2^(bits-1). Differences below 2^(bits-2) are never refused, from 3/4 2^bits on always, but for those that
    e's ring rounds to zero.
    """

    name = "ring.require_sums"
    KINDS: ClassVar[str] = "xxp"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    OPTIONAL: ClassVar[tuple[str, ...]] = ("legal",)

    def check(self) -> None:
        e, y, r = self.arguments
        self.expect_same(e)
        if len(shape(y)) != 3 or len(shape(r)) != 3 or (shape(y)[0], shape(y)[2]) != shape(r)[:2]:
            self.fail(f"{list(shape(y))} times {list(shape(r))} is no matrix product")
        self.expect_shape((*shape(y)[:2], shape(r)[2]))
        self.expect_fraction(fraction(y))


@irdl_op_definition
class RequireFalseOp(Guard):
    """Guards that a bit is 0."""

    name = "ring.require_false"
    KINDS: ClassVar[str] = "b"
    RESULT: ClassVar[str] = "b"


PROTOCOLS = (
    ConvertOp,
    NormaliseOp,
    MulOp,
    SquareOp,
    MatmulOp,
    ConvOp,
    UpCastOp,
    ExtendOp,
    ReroundOp,
    FloorShiftOp,
    MsbOp,
    AbsOp,
    EqualZeroOp,
    MaxOp,
    ArgmaxOp,
    BitAndOp,
    BitToFxpOp,
    ToBitsOp,
    FromBitsOp,
    BitMulOp,
    SelectOp,
    OneHotOp,
    ExpOp,
    ExpBelowOp,
    ReciprocalOp,
    DivideOp,
    RsqrtOp,
    SqrtOp,
    LogOp,
    TanhOp,
    GeluOp,
    SineOp,
    PolynomialOp,
    RequireRangeOp,
    RequireSumsOp,
    RequireFalseOp,
)
