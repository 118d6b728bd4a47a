"""PPHLO operations that make or multiply tensors: constants, iota, dots, convolution."""

from __future__ import annotations

import math
from typing import Self

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType, i64
from xdsl.ir import Attribute
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer

from ditto.dialects.dense import Array, DenseAttr, DenseLiteral, dtype_of, element_of
from ditto.dialects.mlir_text import InvalidProgram, take_dense_literal
from ditto.dialects.pphlo_base import (
    I64Array,
    OneResult,
    PphloOp,
    element_type,
    finish,
    integers,
    integers_text,
    parse_assignment,
    parse_integers,
    print_types,
    shape_of,
)
from ditto.dialects.traits import Constant, Dot


@irdl_op_definition
class ConstantOp(OneResult):
    """A public tensor, decoded on demand."""

    name = "pphlo.constant"
    value = prop_def(DenseAttr)
    traits = traits_def(Constant())

    @classmethod
    def from_numpy(cls, array: Array, type: Attribute | None = None) -> Self:
        """A constant that holds `array` as it is (no copy, no text); `type` is needed where the dtype does not tell
        the element type."""
        if type is None:
            type = TensorType(element_of(array.dtype), array.shape)
        return cls.create(result_types=[type], properties={"value": DenseAttr(DenseLiteral(array=array))})

    def numpy(self) -> Array:
        """The elements, read-only, in the dtype of the element type; a splat occupies one element.

        Raises InvalidProgram for a literal that does not fit its type: literals are read here, not on parsing.
        """
        try:
            return self.value.data.numpy(self.shape, dtype_of(element_type(self.result.type)))
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidProgram(f"'{self.name}' of type {self.result.type}: {error}") from error

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        literal = DenseAttr(DenseLiteral(text=take_dense_literal(parser)))
        parser.parse_punctuation(":")
        return cls.create(result_types=[parser.parse_type()], properties={"value": literal})

    def print(self, printer: Printer) -> None:
        printer.print_string(f" dense<{self.value.data.text()}> : ")
        printer.print_attribute(self.result.type)


@irdl_op_definition
class IotaOp(OneResult):
    """0, 1, 2, ... along `dim`."""

    name = "pphlo.iota"
    dim = prop_def(IntegerAttr)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        parse_assignment(parser, "dim")
        dim = IntegerAttr(parser.parse_integer(), i64)
        parser.parse_punctuation(":")
        return cls.create(result_types=[parser.parse_type()], properties={"dim": dim})

    def print(self, printer: Printer) -> None:
        printer.print_string(f" dim = {self.dim.value.data} : ")
        printer.print_attribute(self.result.type)


@irdl_op_definition
class EpsilonOp(OneResult):
    """The least positive number that a value of the result's dtype can be."""

    name = "pphlo.epsilon"


@irdl_op_definition
class RngOp(PphloOp):
    """Other numbers at every run, uniform in [low, high). Not pure: two of them are two draws."""

    name = "pphlo.rng"
    low = operand_def(TensorType)
    high = operand_def(TensorType)
    result = result_def(TensorType)


@irdl_op_definition
class DotOp(OneResult):
    """Matrix product of `lhs` [M, K] and `rhs` [K, N]; either may be a vector."""

    name = "pphlo.dot"
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    traits = traits_def(Dot())

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        lhs = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        return finish(cls, parser, [lhs, parser.parse_unresolved_operand()], {})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_operand)
        print_types(printer, self)

    def verify_(self) -> None:
        lhs, rhs = shape_of(self.lhs), shape_of(self.rhs)
        if not lhs or not rhs or lhs[-1] != rhs[0] or lhs[:-1] + rhs[1:] != self.shape:
            self.fail(f"{lhs} times {rhs} does not give {self.shape}")


@irdl_op_definition
class DotGeneralOp(OneResult):
    """Products summed over the contracting dimensions, one by one along the batching dimensions.

    The result has the batching dimensions, then what is left of `lhs`, then what is left of `rhs`. SPU drops the
    dimensions of extent one that only `lhs` or `rhs` has in some programs; the elements are the same.
    """

    name = "pphlo.dot_general"
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    lhs_batching = opt_prop_def(I64Array)
    rhs_batching = opt_prop_def(I64Array)
    lhs_contracting = opt_prop_def(I64Array)
    rhs_contracting = opt_prop_def(I64Array)
    traits = traits_def(Dot())

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = [parser.parse_unresolved_operand()]
        parser.parse_punctuation(",")
        names.append(parser.parse_unresolved_operand())
        properties: dict[str, Attribute] = {}
        while parser.parse_optional_punctuation(","):
            keyword = parser.parse_identifier()
            if keyword not in ("batching_dims", "contracting_dims"):
                parser.raise_error("batching_dims or contracting_dims expected")
            parser.parse_punctuation("=")
            kind = keyword.removesuffix("_dims")
            properties[f"lhs_{kind}"] = parse_integers(parser)
            parser.parse_characters("x")
            properties[f"rhs_{kind}"] = parse_integers(parser)
        return finish(cls, parser, names, properties)

    def batching(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The batching dimensions of both operands, pair by pair."""
        return integers(self.lhs_batching), integers(self.rhs_batching)

    def contracting(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The contracting dimensions of both operands, pair by pair."""
        return integers(self.lhs_contracting), integers(self.rhs_contracting)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_operand)
        for keyword, lhs, rhs in (
            ("batching_dims", self.lhs_batching, self.rhs_batching),
            ("contracting_dims", self.lhs_contracting, self.rhs_contracting),
        ):
            if lhs is not None and rhs is not None:
                printer.print_string(f", {keyword} = {integers_text(lhs)} x {integers_text(rhs)}")
        print_types(printer, self)

    def verify_(self) -> None:
        lhs, rhs = shape_of(self.lhs), shape_of(self.rhs)
        for pairs in (self.batching(), self.contracting()):
            for left, right in zip(*pairs, strict=True):
                if lhs[left] != rhs[right]:
                    self.fail(f"dimension {left} of {lhs} does not match dimension {right} of {rhs}")
        shared = math.prod(lhs[dim] for dim in self.batching()[0])
        summed = math.prod(lhs[dim] for dim in self.contracting()[0])
        if math.prod(lhs) * math.prod(rhs) != math.prod(self.shape) * shared * summed**2:
            self.fail(f"{lhs} times {rhs} does not give {self.shape}")


@irdl_op_definition
class ConvolutionOp(OneResult):
    """Convolution without padding or dilation (SPU has made those `pphlo.pad` before).

    `layouts` names the dimensions of input, kernel and result as SPU prints them:
    `[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]`.
    """

    name = "pphlo.convolution"
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    layouts = prop_def(StringAttr)
    stride = prop_def(I64Array)
    traits = traits_def(Dot())

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        def parse_label() -> str:
            number = parser.parse_optional_integer()
            return parser.parse_identifier() if number is None else str(number)

        def parse_labels() -> str:
            return "[" + ", ".join(parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parse_label)) + "]"

        names = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        parse_assignment(parser, "dim_numbers")
        layouts = parse_labels()
        parser.parse_characters("x")
        layouts += "x" + parse_labels()
        parser.parse_punctuation("->")
        layouts += "->" + parse_labels()
        parser.parse_punctuation(",")
        parse_assignment(parser, "window")
        parser.parse_punctuation("{")
        parse_assignment(parser, "stride")
        stride = parse_integers(parser)
        parser.parse_punctuation("}")
        return finish(cls, parser, names, {"layouts": StringAttr(layouts), "stride": stride})

    def dimension_labels(self) -> tuple[list[str], list[str], list[str]]:
        """The labels of the dimensions of input, kernel and result."""
        inputs, result = self.layouts.data.split("->")
        lhs, rhs = inputs.split("]x[")
        return tuple(part.strip("[]").split(", ") for part in (lhs, rhs, result))  # type: ignore[return-value]

    def print(self, printer: Printer) -> None:
        printer.print_string("(")
        printer.print_list(self.operands, printer.print_operand)
        printer.print_string(f") dim_numbers = {self.layouts.data}, window = {{stride = {integers_text(self.stride)}}}")
        print_types(printer, self)


COMPUTE = (ConstantOp, IotaOp, EpsilonOp, RngOp, DotOp, DotGeneralOp, ConvolutionOp)
