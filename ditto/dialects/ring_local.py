"""Ring operations every party computes on what it holds, without a message."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from xdsl.dialects.builtin import TensorType, f64, i64
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, result_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Commutative, Pure
from xdsl.utils.exceptions import VerifyException

from ditto.dialects.dense import Array, DenseAttr, DenseLiteral, dtype_of
from ditto.dialects.mlir_text import take_dense_literal
from ditto.dialects.ring_base import PureOp, RingOp, fraction, is_bit, is_fxp, is_public, shape
from ditto.dialects.traits import (
    Adds,
    Constant,
    Dot,
    Elementwise,
    InsertsZeros,
    KeepsNonNegative,
    KeepsRing,
    Linear,
    Local,
    Moves,
    Multiplies,
    Narrows,
    Outgrows,
    Rearranges,
    Rescales,
    Reshapes,
    Sums,
    TimesPowerOfTwo,
    Truncates,
)


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """`ring.constant dense<...> : tensor<..xf64>` (real numbers) or `tensor<..xi64>` (integers), known to everyone."""

    name = "ring.constant"
    value = prop_def(DenseAttr)
    result = result_def(TensorType)
    traits = traits_def(Pure(), Local(), Constant())

    @classmethod
    def make(cls, array: Array) -> Self:
        """A constant of float64 or int64 elements."""
        type: TensorType[Any] = TensorType(f64 if array.dtype.kind == "f" else i64, list(array.shape))
        return cls.create(properties={"value": DenseAttr(DenseLiteral(array=array))}, result_types=[type])

    def numpy(self) -> Array:
        """The elements, read-only."""
        assert isinstance(self.result.type, TensorType)
        return self.value.data.numpy(shape(self.result), dtype_of(self.result.type.get_element_type()))

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        literal = DenseAttr(DenseLiteral(text=take_dense_literal(parser)))
        parser.parse_punctuation(":")
        return cls.create(properties={"value": literal}, result_types=[parser.parse_type()])

    def print(self, printer: Printer) -> None:
        printer.print_string(f" dense<{self.value.data.text()}> : ")
        printer.print_attribute(self.result.type)

    def verify_(self) -> None:
        if not is_public(self.result):
            raise VerifyException(f"{self.name}: a constant is public, not {self.result.type}")


@irdl_op_definition
class EncodeOp(PureOp):
    """Real numbers x as the integers round(x * 2^fraction); done once, by whoever knows them, never by the parties.

    With `mask`, numbers beyond 2^mask are cut to it: they stand for infinity (see ditto.analysis.masks).
    """

    name = "ring.encode"
    OPTIONAL: ClassVar[tuple[str, ...]] = ("mask",)
    KINDS: ClassVar[str] = "p"
    RESULT: ClassVar[str] = "p"
    REQUIRED: ClassVar[tuple[str, ...]] = ("fraction",)
    traits = traits_def(Local(), Elementwise(), KeepsNonNegative())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))


class SameRing(PureOp):
    """Operands and result share ring, fraction and shape."""

    traits = traits_def(Local(), KeepsRing(), Elementwise())

    def check(self) -> None:
        self.expect_same(*(value for value in self.arguments if not is_public(value)))


class WithPublic(SameRing):
    """The last operand is public: of the result's shape, or one scalar for all elements."""

    def check(self) -> None:
        super().check()
        if shape(self.arguments[-1]) not in ((), shape(self.result)):
            self.fail(f"public operand of shape {list(shape(self.arguments[-1]))}")


@irdl_op_definition
class AddOp(SameRing):
    """Sum."""

    name = "ring.add"
    KINDS: ClassVar[str] = "xx"
    traits = traits_def(Adds(), KeepsNonNegative(), Commutative())


@irdl_op_definition
class SubOp(SameRing):
    """Difference."""

    name = "ring.sub"
    KINDS: ClassVar[str] = "xx"
    traits = traits_def(Adds())


@irdl_op_definition
class NegOp(SameRing):
    """-x."""

    name = "ring.neg"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Linear())


@irdl_op_definition
class AddPublicOp(WithPublic):
    """x + p, p encoded with x's fraction."""

    name = "ring.add_public"
    KINDS: ClassVar[str] = "xp"
    traits = traits_def(Linear(), KeepsNonNegative())


@irdl_op_definition
class BitXorOp(SameRing):
    """Exclusive or."""

    name = "ring.bit_xor"
    KINDS: ClassVar[str] = "bb"
    RESULT: ClassVar[str] = "b"
    traits = traits_def(Commutative())


@irdl_op_definition
class BitNotOp(SameRing):
    """Complement."""

    name = "ring.bit_not"
    KINDS: ClassVar[str] = "b"
    RESULT: ClassVar[str] = "b"


@irdl_op_definition
class ParityOp(PureOp):
    """Bit [x is odd], of the integer."""

    name = "ring.parity"
    KINDS: ClassVar[str] = "x"
    RESULT: ClassVar[str] = "b"
    traits = traits_def(Local(), Elementwise())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class BitXorPublicOp(WithPublic):
    """Exclusive or with a public bit."""

    name = "ring.bit_xor_public"
    KINDS: ClassVar[str] = "bp"
    RESULT: ClassVar[str] = "b"


@irdl_op_definition
class BitAndPublicOp(WithPublic):
    """Conjunction with a public bit."""

    name = "ring.bit_and_public"
    KINDS: ClassVar[str] = "bp"
    RESULT: ClassVar[str] = "b"


class Shifting(PureOp):
    """Every component is shifted right by `shift`, so the result lives in at most `width - shift` bits."""

    REQUIRED: ClassVar[tuple[str, ...]] = ("shift",)
    traits = traits_def(Local(), Truncates())


@irdl_op_definition
class MulPublicOp(Shifting):
    """x * p / 2^shift; the fraction of p is that of the result, plus the shift, minus x's."""

    name = "ring.mul_public"
    KINDS: ClassVar[str] = "xp"
    traits = traits_def(Multiplies(), Elementwise(), KeepsNonNegative())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))
        if shape(self.arguments[1]) not in ((), shape(self.result)):
            self.fail(f"public operand of shape {list(shape(self.arguments[1]))}")
        if fraction(self.result) + self.get("shift") < fraction(self.arguments[0]):
            self.fail("the public factor would have a negative fraction")


@irdl_op_definition
class MatmulPublicOp(Shifting):
    """[B, M, K] times public [B, K, N], divided by 2^shift."""

    name = "ring.matmul_public"
    KINDS: ClassVar[str] = "xp"
    traits = traits_def(Dot(), KeepsNonNegative(), Outgrows())

    def check(self) -> None:
        self.expect_shape(matmul_shape(self))

    def terms(self) -> int:
        return shape(self.arguments[0])[2]


@irdl_op_definition
class DownCastOp(Shifting):
    """Drops `shift` fraction bits, rounding to nearest."""

    name = "ring.down_cast"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Rescales())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))
        self.expect_fraction(fraction(self.arguments[0]) - self.get("shift"))


@irdl_op_definition
class NarrowOp(PureOp):
    """The same integer modulo a smaller power of two."""

    name = "ring.narrow"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Local(), Rescales(), Narrows())

    def check(self) -> None:
        self.expect_same(*self.arguments)


@irdl_op_definition
class ShlOp(PureOp):
    """Integers times 2^bits: the same number with more fraction bits, in the same ring."""

    name = "ring.shl"
    KINDS: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("bits",)
    traits = traits_def(Local(), KeepsRing(), Rescales())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))
        self.expect_fraction(fraction(self.arguments[0]) + self.get("bits"))


@irdl_op_definition
class RelabelOp(PureOp):
    """The same integer with another fraction: a free product with a power of two."""

    name = "ring.relabel"
    KINDS: ClassVar[str] = "x"
    traits = traits_def(Local(), KeepsRing(), TimesPowerOfTwo())

    def check(self) -> None:
        self.expect_shape(shape(self.arguments[0]))


@irdl_op_definition
class WrapOp(SameRing):
    """The integer itself, but for what its note `wrap` says: a conversion into a narrower dtype. Never executed."""

    name = "ring.wrap"
    KINDS: ClassVar[str] = "x"


class Shaped(PureOp):
    """Ring and fraction stay, the shape is `result_shape`."""

    KINDS: ClassVar[str] = "s"
    RESULT: ClassVar[str] = "s"
    traits = traits_def(Local(), KeepsRing())

    def check(self) -> None:
        for value in self.arguments:
            if is_public(value):
                continue
            if is_bit(value) != is_bit(self.result) or (is_fxp(value) and fraction(value) != fraction(self.result)):
                self.fail(f"operand of type {value.type}, result of type {self.result.type}")
        self.expect_shape(self.result_shape([shape(value) for value in self.arguments]))

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        raise NotImplementedError


class Moving(Shaped):
    """Moves elements."""

    traits = traits_def(Moves())


class Rearranging(Shaped):
    """Moves all elements."""

    traits = traits_def(Rearranges())


@irdl_op_definition
class ReshapeOp(Shaped):
    """The same elements in row-major order."""

    name = "ring.reshape"
    traits = traits_def(Reshapes())

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        if math.prod(shapes[0]) != math.prod(shape(self.result)):
            self.fail(f"{list(shapes[0])} does not have as many elements as {list(shape(self.result))}")
        return shape(self.result)


@irdl_op_definition
class TransposeOp(Rearranging):
    """Result dimension i is the operand's dimension `perm[i]`."""

    name = "ring.transpose"
    REQUIRED: ClassVar[tuple[str, ...]] = ("perm",)

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        perm = self.get("perm")
        if sorted(perm) != list(range(len(shapes[0]))):
            self.fail(f"perm = {perm} is not a permutation of {len(shapes[0])} dimensions")
        return [shapes[0][dim] for dim in perm]


@irdl_op_definition
class BroadcastOp(Rearranging):
    """The operand's dimension i becomes the result's dimension `dims[i]`; the others repeat."""

    name = "ring.broadcast"
    REQUIRED: ClassVar[tuple[str, ...]] = ("dims",)

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        dims, result = self.get("dims"), shape(self.result)
        if len(dims) != len(shapes[0]) or any(n not in (1, result[dim]) for n, dim in zip(shapes[0], dims)):
            self.fail(f"{list(shapes[0])} does not broadcast to {list(result)} along {dims}")
        return result


@irdl_op_definition
class SliceOp(Moving):
    """Elements start, start + stride, ... below limit, per dimension."""

    name = "ring.slice"
    REQUIRED: ClassVar[tuple[str, ...]] = ("start", "limit", "stride")

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        bounds = list(zip(self.get("start"), self.get("limit"), self.get("stride"), strict=True))
        if len(bounds) != len(shapes[0]) or any(a < 0 or b > n for (a, b, _), n in zip(bounds, shapes[0])):
            self.fail(f"the bounds leave the shape {list(shapes[0])}")
        return [len(range(*bound)) for bound in bounds]


@irdl_op_definition
class ConcatOp(Moving):
    """The operands one after the other along `dim`."""

    name = "ring.concat"
    KINDS: ClassVar[str] = "s*"
    REQUIRED: ClassVar[tuple[str, ...]] = ("dim",)

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        result, dim = list(shapes[0]), self.get("dim")
        result[dim] = sum(s[dim] for s in shapes)
        return result


@irdl_op_definition
class PadOp(Moving):
    """Zeros before (`low`), after (`high`) and between (`interior`) the elements; negative edges cut."""

    name = "ring.pad"
    REQUIRED: ClassVar[tuple[str, ...]] = ("low", "high", "interior")
    traits = traits_def(InsertsZeros())

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        edges = zip(shapes[0], self.get("low"), self.get("high"), self.get("interior"), strict=True)
        return [low + high + n + max(0, n - 1) * interior for n, low, high, interior in edges]


@irdl_op_definition
class ReverseOp(Rearranging):
    """The order of the elements is turned round along `dims`."""

    name = "ring.reverse"
    REQUIRED: ClassVar[tuple[str, ...]] = ("dims",)

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        return shapes[0]


@irdl_op_definition
class TakeOp(Moving):
    """Result element i is the operand's (flattened) element p[i]; zero where p[i] is -1."""

    name = "ring.take"
    KINDS: ClassVar[str] = "sp"
    traits = traits_def(InsertsZeros())

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        return shapes[1]


@irdl_op_definition
class SumOp(Shaped):
    """The sum along `dims`, which vanish."""

    name = "ring.sum"
    KINDS: ClassVar[str] = "x"
    RESULT: ClassVar[str] = "x"
    REQUIRED: ClassVar[tuple[str, ...]] = ("dims",)
    traits = traits_def(Sums())

    def result_shape(self, shapes: list[tuple[int, ...]]) -> Sequence[int]:
        return [n for i, n in enumerate(shapes[0]) if i not in self.get("dims")]

    def terms(self) -> int:
        return math.prod(shape(self.arguments[0])[dim] for dim in self.get("dims"))


def matmul_shape(op: RingOp) -> tuple[int, ...]:
    """[B, M, K] x [B, K, N] -> [B, M, N]; fails on anything else."""
    lhs, rhs = shape(op.arguments[0]), shape(op.arguments[1])
    if len(lhs) != 3 or len(rhs) != 3 or lhs[0] != rhs[0] or lhs[2] != rhs[1]:
        op.fail(f"{list(lhs)} times {list(rhs)} is not [B, M, K] times [B, K, N]")
    return (lhs[0], lhs[1], rhs[2])


def splat(value: float, dtype: type = np.float64) -> Array:
    """One number as the scalar operand that stands for a tensor of it."""
    return np.array(value, dtype)


LOCAL = (
    ConstantOp,
    EncodeOp,
    AddOp,
    SubOp,
    NegOp,
    AddPublicOp,
    BitXorOp,
    BitNotOp,
    ParityOp,
    BitXorPublicOp,
    BitAndPublicOp,
    MulPublicOp,
    MatmulPublicOp,
    DownCastOp,
    NarrowOp,
    ShlOp,
    RelabelOp,
    WrapOp,
    ReshapeOp,
    TransposeOp,
    BroadcastOp,
    SliceOp,
    ConcatOp,
    PadOp,
    ReverseOp,
    TakeOp,
    SumOp,
)
