"""What every ring operation is built from: the ring types, the one syntax, shape and attribute helpers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from xdsl.dialects.builtin import (
    ArrayAttr,
    BoolAttr,
    DenseArrayBase,
    Float64Type,
    FloatAttr,
    IntAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    TensorType,
    f64,
    i64,
)
from xdsl.ir import Attribute, Operation, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import IRDLOperation, irdl_attr_definition, result_def, traits_def, var_operand_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

MAX_WIDTH = 64


@irdl_attr_definition
class FxpType(ParametrizedAttribute, TypeAttribute):
    """`!ring.fxp<width, fraction>`: a secret integer x modulo 2^width that means x / 2^fraction."""

    name = "ring.fxp"
    width: IntAttr
    fraction: IntAttr

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            width = parser.parse_integer(allow_boolean=False, allow_negative=False)
            parser.parse_punctuation(",")
            fraction = parser.parse_integer(allow_boolean=False, allow_negative=False)
        return [IntAttr(width), IntAttr(fraction)]

    def print_parameters(self, printer: Printer) -> None:
        printer.print_string(f"<{self.width.data}, {self.fraction.data}>")

    def verify(self) -> None:
        if not 2 <= self.width.data <= MAX_WIDTH:
            raise VerifyException(f"ring width {self.width.data} is not within 2..{MAX_WIDTH}")
        if not 0 <= self.fraction.data < MAX_WIDTH:
            raise VerifyException(f"fraction {self.fraction.data} is not within 0..{MAX_WIDTH - 1}")


@irdl_attr_definition
class BitType(ParametrizedAttribute, TypeAttribute):
    """`!ring.bit`: a secret boolean."""

    name = "ring.bit"


def fxp(shape: Sequence[int], width: int, fraction: int) -> TensorType[Any]:
    """The type of a secret fixed-point tensor."""
    return TensorType(FxpType(IntAttr(width), IntAttr(fraction)), list(shape))


def bits(shape: Sequence[int]) -> TensorType[Any]:
    """The type of a secret boolean tensor."""
    return TensorType(BitType(), list(shape))


def _element(value: SSAValue | Attribute) -> Attribute:
    type = value.type if isinstance(value, SSAValue) else value
    return type.get_element_type() if isinstance(type, TensorType) else type


def is_fxp(value: SSAValue | Attribute) -> bool:
    return isinstance(_element(value), FxpType)


def is_bit(value: SSAValue | Attribute) -> bool:
    return isinstance(_element(value), BitType)


def is_public(value: SSAValue | Attribute) -> bool:
    """Whether every party knows a value: integers (i64), booleans (i1), or real numbers yet to be encoded (f64)."""
    return isinstance(_element(value), IntegerType | Float64Type)


def is_public_bit(value: SSAValue | Attribute) -> bool:
    """Whether a public value holds booleans."""
    element = _element(value)
    return isinstance(element, IntegerType) and element.width.data == 1


def is_public_integer(value: SSAValue | Attribute) -> bool:
    """Whether a public value holds integers."""
    return isinstance(_element(value), IntegerType) and not is_public_bit(value)


def shape(value: SSAValue | Attribute) -> tuple[int, ...]:
    type = value.type if isinstance(value, SSAValue) else value
    assert isinstance(type, TensorType), type
    return type.get_shape()


def width(value: SSAValue | Attribute) -> int:
    """The ring width of a fixed-point value; 1 for a bit."""
    element = _element(value)
    return element.width.data if isinstance(element, FxpType) else 1


def fraction(value: SSAValue | Attribute) -> int:
    """The fraction bits of a fixed-point value."""
    element = _element(value)
    assert isinstance(element, FxpType), element
    return element.fraction.data


def retyped(value: SSAValue, *, width: int | None = None, fraction: int | None = None) -> TensorType[Any]:
    """The type of a fixed-point value with another width or fraction."""
    element = _element(value)
    assert isinstance(element, FxpType), element
    return fxp(
        shape(value),
        element.width.data if width is None else width,
        element.fraction.data if fraction is None else fraction,
    )


def attribute(value: Any) -> Attribute:
    """A Python number, string or sequence of numbers as the attribute the ring ops use for it."""
    match value:
        case Attribute():
            return value
        case bool():
            return BoolAttr.from_bool(value)
        case int():
            return IntegerAttr(value, i64)
        case float():
            return FloatAttr(value, f64)
        case str():
            return StringAttr(value)
    values = list(value)
    if values and isinstance(values[0], float):
        # Infinities print as text that a dense array does not read back.
        finite = all(math.isfinite(v) for v in values)
        return DenseArrayBase.from_list(f64, values) if finite else ArrayAttr([FloatAttr(v, f64) for v in values])
    return DenseArrayBase.from_list(i64, [int(v) for v in values])


def plain(value: Attribute) -> Any:
    """The inverse of `attribute`."""
    match value:
        case IntegerAttr():
            return value.value.data
        case FloatAttr():
            return value.value.data
        case StringAttr():
            return value.data
        case DenseArrayBase():
            return list(value.get_values())
        case ArrayAttr():
            return [plain(element) for element in value]
    raise TypeError(f"no plain form of {value}")


def _is_kind(kind: str, value: SSAValue) -> bool:
    match kind:
        case "x":
            return is_fxp(value)
        case "b":
            return is_bit(value)
        case "p":
            return is_public(value)
    return is_fxp(value) or is_bit(value)


# Attributes any operation may carry: where it comes from; what evidence there is of its result's magnitude, and which
# row of a plan that is; the range taken for granted of it (|integer| < 2^range; without fraction bits -2^range is let
# in), and what would have to be taken without a claim; the length of the rows whose maximum it subtracts, if it does
# that; a magnitude that is known for reasons which no interval shows; that it is one of two numbers, though it is
# written as a sum; whether it may leave its ring or range all the same, because what becomes of it comes back, or is
# not selected; the bits of the integer dtype at whose ends its result wraps.
NOTES = ("layer", "bound", "place", "range", "claim", "row", "fact", "chosen", "modular", "wrap")


class RingOp(IRDLOperation):
    """`ring.op %a, %b {attributes} : (types) -> type`.

    `verify_` checks what holds at every stage: kinds of operands, shapes, fractions, attributes. Whether widths fit is
    the engine's to say, once every value has been given its own (`lower_to_program`).
    """

    arguments = var_operand_def(TensorType)
    result = result_def(TensorType)
    assembly_format = "$arguments attr-dict `:` functional-type(operands, results)"

    # The kinds of the operands: "x" fixed point, "b" bit, "s" either, "p" public; a trailing "*" repeats the last one.
    KINDS: ClassVar[str] = ""
    # The kind of the result, likewise.
    RESULT: ClassVar[str] = "x"
    # Names of the attributes that must and that may stand on it.
    REQUIRED: ClassVar[tuple[str, ...]] = ()
    OPTIONAL: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def make(cls, operands: Sequence[SSAValue], type: Attribute, **attributes: Any) -> Self:
        """The operation with plain Python values for attributes; those that are None are left out."""
        return cls.create(
            operands=operands,
            result_types=[type],
            attributes={name: attribute(value) for name, value in attributes.items() if value is not None},
        )

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute's plain value."""
        value = self.attributes.get(name)
        return default if value is None else plain(value)

    def fail(self, reason: str) -> None:
        raise VerifyException(f"{self.name}: {reason}")

    def verify_(self) -> None:
        self._verify_kinds()
        names = set(self.attributes) - set(NOTES)
        if missing := set(self.REQUIRED) - names:
            self.fail(f"attribute {sorted(missing)} is missing")
        if unknown := names - set(self.REQUIRED) - set(self.OPTIONAL):
            self.fail(f"attribute {sorted(unknown)} is not known")
        self.check()

    def _verify_kinds(self) -> None:
        kinds = self.KINDS
        if kinds.endswith("*"):
            kinds = kinds[:-1] + kinds[-2] * (len(self.arguments) - len(kinds) + 1)
        if len(kinds) != len(self.arguments):
            self.fail(f"takes {len(kinds)} operands, not {len(self.arguments)}")
        for index, (kind, value) in enumerate(zip(kinds, self.arguments)):
            if not _is_kind(kind, value):
                self.fail(f"operand {index} must not have the type {value.type}")
        if not _is_kind(self.RESULT, self.result):
            self.fail(f"the result must not have the type {self.result.type}")

    def check(self) -> None:
        """Shapes and fractions; raises VerifyException."""

    def terms(self) -> int:
        """How many numbers, or products, are added up for each element of the result."""
        return 1

    # -------------------------------------------------------------------------------------------- for the checks

    def expect_shape(self, expected: Sequence[int]) -> None:
        if shape(self.result) != tuple(expected):
            self.fail(f"the result has the shape {list(shape(self.result))} instead of {list(expected)}")

    def expect_fraction(self, expected: int) -> None:
        if not is_fxp(self.result):
            self.fail(f"the result must be fixed point, not {self.result.type}")
        if fraction(self.result) != expected:
            self.fail(f"the result has {fraction(self.result)} fraction bits instead of {expected}")

    def expect_same(self, *values: SSAValue) -> None:
        for value in values:
            if shape(value) != shape(self.result):
                self.fail(f"operand of shape {list(shape(value))}, result of shape {list(shape(self.result))}")
            if is_fxp(value) != is_fxp(self.result) or (is_fxp(value) and fraction(value) != fraction(self.result)):
                self.fail(f"operand of type {value.type}, result of type {self.result.type}")


class PureOp(RingOp):
    """An operation that does nothing but make its result: nobody misses it if the result is not used."""

    traits = traits_def(Pure())


def short_name(op: Operation | type[Operation]) -> str:
    """An operation's name without the dialect's, as the engine and the kernels have it."""
    return op.name.removeprefix("ring.")


def is_integer_arithmetic(op: RingOp) -> bool:
    """Whether an operation makes integers of integers: those are exact, and nothing is claimed of them."""
    operands = [value for value in op.arguments if is_fxp(value)]
    return not any(fraction(value) for value in (op.result, *operands)) and not op.get("shift", 0)
