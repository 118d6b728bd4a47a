"""PPHLO operations that move data without computing: reshapes, transposes, slices, concatenation, selection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from xdsl.dialects.builtin import IntegerAttr, TensorType, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer

from ditto.dialects.pphlo_base import (
    ElementwiseOp,
    I64Array,
    OneResult,
    Variadic,
    finish,
    i64_array,
    integers,
    integers_text,
    parse_assignment,
    parse_integers,
    print_types,
    shape_of,
)
from ditto.dialects.traits import Elementwise, Moves, Rearranges, Reshapes


class Movement(OneResult):
    """One tensor in, its elements in another arrangement out. `keyword = [..]` follows the operand if it has one."""

    operand = operand_def(TensorType)


@irdl_op_definition
class ReshapeOp(Movement):
    """The same elements in row-major order under another shape."""

    name = "pphlo.reshape"
    traits = traits_def(Reshapes())

    @classmethod
    def get(cls, operand: SSAValue, type: Attribute) -> Self:
        return cls.create(operands=[operand], result_types=[type])

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        return finish(cls, parser, [parser.parse_unresolved_operand()], {})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.operand)
        print_types(printer, self)

    def verify_(self) -> None:
        if math.prod(shape_of(self.operand)) != math.prod(self.shape):
            self.fail(f"{shape_of(self.operand)} and {self.shape} have different numbers of elements")


class DimensionsMovement(Movement):
    """`op %x, dims = [..] : ...`"""

    traits = traits_def(Rearranges())

    dims = prop_def(I64Array)

    @classmethod
    def get(cls, operand: SSAValue, dims: Sequence[int], type: Attribute) -> Self:
        return cls.create(operands=[operand], result_types=[type], properties={"dims": i64_array(dims)})

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operand = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        parse_assignment(parser, "dims")
        return finish(cls, parser, [operand], {"dims": parse_integers(parser)})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.operand)
        printer.print_string(f", dims = {integers_text(self.dims)}")
        print_types(printer, self)

    @property
    def dimensions(self) -> tuple[int, ...]:
        return integers(self.dims)


@irdl_op_definition
class TransposeOp(DimensionsMovement):
    """Result dimension i is the operand's dimension `dims[i]`."""

    name = "pphlo.transpose"

    def verify_(self) -> None:
        source = shape_of(self.operand)
        if sorted(self.dimensions) != list(range(len(source))):
            self.fail(f"dims = {list(self.dimensions)} is not a permutation of the {len(source)} dimensions")
        if tuple(source[dim] for dim in self.dimensions) != self.shape:
            self.fail(f"{source} transposed by {list(self.dimensions)} is not {self.shape}")


@irdl_op_definition
class BroadcastOp(DimensionsMovement):
    """The operand's dimension i becomes the result's dimension `dims[i]`; the others repeat."""

    name = "pphlo.broadcast"

    def verify_(self) -> None:
        source = shape_of(self.operand)
        if len(self.dimensions) != len(source) or any(not 0 <= dim < len(self.shape) for dim in self.dimensions):
            self.fail(f"dims = {list(self.dimensions)} does not map {source} into {self.shape}")
        if any(extent not in (1, self.shape[dim]) for extent, dim in zip(source, self.dimensions, strict=True)):
            self.fail(f"{source} does not broadcast to {self.shape} along {list(self.dimensions)}")


@irdl_op_definition
class ReverseOp(DimensionsMovement):
    """The order of the elements is turned round along `dims`."""

    name = "pphlo.reverse"

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        name = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        parse_assignment(parser, "dims")
        dims = parse_integers(parser)
        parser.parse_punctuation(":")
        operands = parser.resolve_operands([name], [type := parser.parse_type()], parser.pos)
        return cls.create(operands=operands, result_types=[type], properties={"dims": dims})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.operand)
        printer.print_string(f", dims = {integers_text(self.dims)} : ")
        printer.print_attribute(self.result.type)


@irdl_op_definition
class SliceOp(Movement):
    """Elements `start:stride:limit` of every dimension (in that order, as SPU prints it)."""

    name = "pphlo.slice"
    start = prop_def(I64Array)
    limit = prop_def(I64Array)
    strides = prop_def(I64Array)
    traits = traits_def(Moves())

    @classmethod
    def get(cls, operand: SSAValue, start: Sequence[int], limit: Sequence[int], type: Attribute) -> Self:
        """A slice with stride 1."""
        properties = {"start": i64_array(start), "limit": i64_array(limit), "strides": i64_array([1] * len(start))}
        return cls.create(operands=[operand], result_types=[type], properties=properties)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        def parse_range() -> tuple[int, int, int]:
            start = parser.parse_integer()
            parser.parse_punctuation(":")
            stride = parser.parse_integer()
            parser.parse_punctuation(":")
            return start, parser.parse_integer(), stride

        operand = parser.parse_unresolved_operand()
        ranges = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parse_range)
        columns = zip(*ranges, strict=True) if ranges else ((), (), ())
        properties: dict[str, Attribute] = {
            name: i64_array(values) for name, values in zip(("start", "limit", "strides"), columns, strict=True)
        }
        return finish(cls, parser, [operand], properties)

    def ranges(self) -> list[slice]:
        """One Python slice per dimension."""
        return [
            slice(*bounds)
            for bounds in zip(integers(self.start), integers(self.limit), integers(self.strides), strict=True)
        ]

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.operand)
        printer.print_string(" [" + ", ".join(f"{s.start}:{s.step}:{s.stop}" for s in self.ranges()) + "]")
        print_types(printer, self)

    def verify_(self) -> None:
        source = shape_of(self.operand)
        ranges = self.ranges()
        if len(ranges) != len(source) or any(s.start < 0 or s.stop > n for s, n in zip(ranges, source, strict=True)):
            self.fail(f"the ranges leave the operand's shape {source}")
        extents = tuple(len(range(s.start, s.stop, s.step)) for s in ranges)
        if extents != self.shape:
            self.fail(f"the ranges select {extents}, the result has {self.shape}")


@irdl_op_definition
class DynamicSliceOp(Variadic):
    """`sizes` elements of the first operand from the scalar start indices that follow; starts are clamped."""

    name = "pphlo.dynamic_slice"
    sizes = prop_def(I64Array)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        parse_assignment(parser, "sizes")
        return finish(cls, parser, names, {"sizes": parse_integers(parser)})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.arguments, printer.print_operand)
        printer.print_string(f" sizes = {integers_text(self.sizes)}")
        print_types(printer, self)


class PlainVariadic(Variadic):
    """`op %a, %b, %c : (types) -> type`"""

    @classmethod
    def get(cls, arguments: Sequence[SSAValue], type: Attribute) -> Self:
        return cls.create(operands=arguments, result_types=[type])

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        return finish(cls, parser, names, {})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.arguments, printer.print_operand)
        print_types(printer, self)


@irdl_op_definition
class DynamicUpdateSliceOp(PlainVariadic):
    """The first operand with the second written over it, from the scalar start indices that follow; clamped."""

    name = "pphlo.dynamic_update_slice"


@irdl_op_definition
class SelectOp(PlainVariadic):
    """`select %condition, %then, %else`: a choice per element; the condition may be one bit for all."""

    name = "pphlo.select"
    traits = traits_def(Elementwise())

    def verify_(self) -> None:
        if len(self.arguments) != 3:
            self.fail(f"takes three operands, not {len(self.arguments)}")
        condition, *branches = (shape_of(argument) for argument in self.arguments)
        if condition not in ((), self.shape) or any(branch != self.shape for branch in branches):
            self.fail(f"operands of shapes {[condition, *branches]}, result of shape {self.shape}")


@irdl_op_definition
class ClampOp(Variadic):
    """`clamp %low, %x, %high`: x brought into [low, high]; the bounds may be scalars."""

    name = "pphlo.clamp"
    traits = traits_def(Elementwise())
    parse = ElementwiseOp.__dict__["parse"]
    print = ElementwiseOp.print


@irdl_op_definition
class ConcatenateOp(Variadic):
    """The operands one after the other along `dim`."""

    name = "pphlo.concatenate"
    dim = prop_def(IntegerAttr)
    traits = traits_def(Moves())

    @classmethod
    def get(cls, arguments: Sequence[SSAValue], dim: int, type: Attribute) -> Self:
        return cls.create(operands=arguments, result_types=[type], properties={"dim": IntegerAttr(dim, i64)})

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        parse_assignment(parser, "dim")
        return finish(cls, parser, names, {"dim": IntegerAttr(parser.parse_integer(), i64)})

    @property
    def dimension(self) -> int:
        return self.dim.value.data

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.arguments, printer.print_operand)
        printer.print_string(f" dim = {self.dimension}")
        print_types(printer, self)

    def verify_(self) -> None:
        total = sum(shape_of(argument)[self.dimension] for argument in self.arguments)
        if total != self.shape[self.dimension]:
            self.fail(f"the operands have {total} entries along dimension {self.dimension}, the result {self.shape}")


@irdl_op_definition
class PadOp(OneResult):
    """The scalar `value` before (`low`), after (`high`) and between (`interior`) the elements; negative edges cut."""

    name = "pphlo.pad"
    operand = operand_def(TensorType)
    value = operand_def(TensorType)
    low = prop_def(I64Array)
    high = prop_def(I64Array)
    interior = prop_def(I64Array)
    traits = traits_def(Moves())

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = []
        for _ in range(2):
            names.append(parser.parse_unresolved_operand())
            parser.parse_punctuation(",")
        properties: dict[str, Attribute] = {}
        for keyword in ("low", "high", "interior"):
            if properties:
                parser.parse_punctuation(",")
            parse_assignment(parser, keyword)
            properties[keyword] = parse_integers(parser)
        return finish(cls, parser, names, properties)

    def edges(self) -> list[tuple[int, int, int]]:
        """(low, high, interior) per dimension."""
        return list(zip(integers(self.low), integers(self.high), integers(self.interior), strict=True))

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_operand)
        for keyword, values in (("low", self.low), ("high", self.high), ("interior", self.interior)):
            printer.print_string(f", {keyword} = {integers_text(values)}")
        print_types(printer, self)

    def verify_(self) -> None:
        extents = tuple(
            low + high + n + max(0, n - 1) * interior
            for n, (low, high, interior) in zip(shape_of(self.operand), self.edges(), strict=True)
        )
        if extents != self.shape:
            self.fail(f"the padded operand has the shape {extents}, the result {self.shape}")


MOVEMENT = (
    ReshapeOp,
    TransposeOp,
    BroadcastOp,
    ReverseOp,
    SliceOp,
    DynamicSliceOp,
    DynamicUpdateSliceOp,
    SelectOp,
    ClampOp,
    ConcatenateOp,
    PadOp,
)
