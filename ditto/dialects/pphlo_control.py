"""PPHLO operations around regions and calls: reductions, loops, custom calls, and what ends or frees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, StringAttr, TensorType
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator, Pure

from ditto.dialects.mlir_text import print_line_break
from ditto.dialects.pphlo_base import (
    I64Array,
    PphloOp,
    finish,
    integers,
    integers_text,
    parse_assignment,
    parse_integers,
    print_types,
    shape_of,
)
from ditto.dialects.pphlo_elementwise import ELEMENTWISE

_ELEMENTWISE = {op.name: op for op in ELEMENTWISE}

# What SPU abbreviates to `applies pphlo.add` when a reduction's body is nothing else.
_ABBREVIATED = {f"pphlo.{name}" for name in ("add", "multiply", "and", "or", "xor", "maximum", "minimum")}


class Reducing(PphloOp):
    """Combines elements with an associative body, starting from scalar initial values.

    Several tensors of one shape may be reduced together; the body takes all accumulators, then all elements.
    """

    arguments = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    body = region_def("single_block")
    traits = traits_def(Pure())

    @property
    def inputs(self) -> Sequence[SSAValue]:
        return self.arguments[: len(self.arguments) // 2]

    @property
    def initial_values(self) -> Sequence[SSAValue]:
        return self.arguments[len(self.arguments) // 2 :]


@irdl_op_definition
class ReduceOp(Reducing):
    """Combines the elements along `dims`."""

    name = "pphlo.reduce"
    dims = prop_def(I64Array)

    @property
    def dimensions(self) -> tuple[int, ...]:
        return integers(self.dims)

    def combiner(self) -> str | None:
        """The name of the operation that is the whole body (`pphlo.add`), if it is one that PPHLO abbreviates."""
        ops = list(self.body.block.ops)
        if len(ops) != 2 or ops[0].name not in _ABBREVIATED:
            return None
        plain = tuple(ops[0].operands) == tuple(self.body.block.args) and tuple(ops[1].operands) == ops[0].results
        return ops[0].name if plain and ops[0].operands[0].type == ops[0].results[0].type else None

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        inputs, initial = [], []
        while parser.parse_optional_punctuation("("):
            inputs.append(parser.parse_unresolved_operand())
            parser.parse_keyword("init")
            parser.parse_punctuation(":")
            initial.append(parser.parse_unresolved_operand())
            parser.parse_punctuation(")")
            if not parser.parse_optional_punctuation(","):
                break
        combiner = parser.parse_identifier() if parser.parse_optional_keyword("applies") else None
        parser.parse_keyword("across")
        parse_assignment(parser, "dimensions")
        dims = parse_integers(parser)
        parser.parse_punctuation(":")
        position = parser.pos
        type = parser.parse_function_type()
        operands = parser.resolve_operands([*inputs, *initial], type.inputs.data, position)
        if combiner is not None:
            if combiner not in _ABBREVIATED:
                parser.raise_error(f"no reduction applies {combiner}")
            body = Region(combining_block(combiner, operands[-1].type))
        else:
            parser.parse_keyword("reducer")
            accumulators, elements = [], []
            while parser.parse_optional_punctuation("("):
                accumulators.append(parser.parse_argument())
                parser.parse_punctuation(",")
                elements.append(parser.parse_argument())
                parser.parse_punctuation(")")
            body = parser.parse_region(arguments=accumulators + elements)
        return cls.create(operands=operands, result_types=type.outputs.data, properties={"dims": dims}, regions=[body])

    def print(self, printer: Printer) -> None:
        for index, (value, initial) in enumerate(zip(self.inputs, self.initial_values, strict=True)):
            printer.print_string(", (" if index else "(")
            printer.print_operand(value)
            printer.print_string(" init: ")
            printer.print_operand(initial)
            printer.print_string(")")
        combiner = self.combiner()
        if combiner:
            printer.print_string(f" applies {combiner}")
        printer.print_string(f" across dimensions = {integers_text(self.dims)} : ")
        printer.print_operation_type(self)
        if combiner:
            return
        print_line_break(printer)
        printer.print_string("reducer")
        arguments = self.body.block.args
        for accumulator, element in zip(arguments, arguments[len(self.inputs) :], strict=False):
            printer.print_string("(")
            printer.print_block_argument(accumulator)
            printer.print_string(", ")
            printer.print_block_argument(element)
            printer.print_string(") ")
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)

    def verify_(self) -> None:
        kept = tuple(n for i, n in enumerate(shape_of(self.inputs[0])) if i not in self.dimensions)
        for output in self.outputs:
            if shape_of(output) != kept:
                self.fail(f"the result has the shape {shape_of(output)} instead of {kept}")


def combining_block(combiner: str, type: Attribute) -> Block:
    """The body of a reduction that applies one binary operation to scalars of `type`."""
    scalar = TensorType(type.get_element_type() if isinstance(type, TensorType) else type, [])
    block = Block(arg_types=[scalar, scalar])
    op = _ELEMENTWISE[combiner].create(operands=block.args, result_types=[scalar])
    block.add_ops([op, ReturnOp.create(operands=op.results)])
    return block


@irdl_op_definition
class WhileOp(PphloOp):
    """Repeats `body` on the carried values while `condition` holds of them."""

    name = "pphlo.while"
    arguments = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    condition = region_def("single_block")
    body = region_def("single_block")
    traits = traits_def(Pure())

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        def parse_carried() -> Any:
            argument = parser.parse_argument(expect_type=False)
            parser.parse_punctuation("=")
            return argument, parser.parse_unresolved_operand()

        carried = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parse_carried)
        parser.parse_punctuation(":")
        position = parser.pos
        types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        operands = parser.resolve_operands([operand for _, operand in carried], types, position)
        arguments = [argument.resolve(type) for (argument, _), type in zip(carried, types, strict=True)]
        parser.parse_keyword("cond")
        condition = parser.parse_region(arguments=arguments)
        parser.parse_keyword("do")
        body = parser.parse_region(arguments=arguments)
        return cls.create(operands=operands, result_types=types, regions=[condition, body])

    def print(self, printer: Printer) -> None:
        printer.print_string("(")
        for index, (argument, operand) in enumerate(zip(self.body.block.args, self.arguments, strict=True)):
            printer.print_string(", " if index else "")
            printer.print_operand(argument)
            printer.print_string(" = ")
            printer.print_operand(operand)
        printer.print_string(") : ")
        printer.print_list([argument.type for argument in self.arguments], printer.print_attribute)
        print_line_break(printer)
        for keyword, region in (("cond ", self.condition), (" do ", self.body)):
            printer.print_string(keyword)
            printer.print_region(region, print_entry_block_args=False)


# That a look-up of an id without a row ends the run.
REFUSES = "ditto.refuses"


@irdl_op_definition
class CustomCallOp(PphloOp):
    """A function known by name: SPU's `spu.*`, `mpc.*` that the front end keeps whole, our `ditto.*`.

    SPU puts a call's parameters into `pphlo.attributes`, those of its own `mhlo.*` into `mhlo.attributes`.
    """

    name = "pphlo.custom_call"
    arguments = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    target = prop_def(StringAttr)
    traits = traits_def(Pure())

    @classmethod
    def get(cls, target: str, arguments: Sequence[SSAValue], type: Attribute) -> Self:
        return cls.create(operands=arguments, result_types=[type], properties={"target": StringAttr(target)})

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        target = parser.parse_symbol_name()
        names = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        return finish(cls, parser, names, {"target": target})

    def print(self, printer: Printer) -> None:
        printer.print_string(f" @{self.target.data}(")
        printer.print_list(self.arguments, printer.print_operand)
        printer.print_string(")")
        print_types(printer, self)


def asks_for_least(op: CustomCallOp) -> bool:
    """Whether a `topk` of SPU's, which it makes of the end of a sorted tensor, is of the least elements."""
    parameters = op.attributes.get("mhlo.attributes")
    largest = parameters.data.get("largest") if isinstance(parameters, DictionaryAttr) else None
    return isinstance(largest, IntegerAttr) and not largest.value.data


def target_of(op: object) -> str | None:
    """The name of the function that an operation calls, if it does."""
    return op.target.data if isinstance(op, CustomCallOp) else None


def calls(op: Operation, *targets: str) -> bool:
    """Whether an operation calls one of these functions."""
    return target_of(op) in targets


def combiner_of(op: object) -> str | None:
    """The name of the operation by which a reduction combines, where `ReduceOp.combiner` tells."""
    return op.combiner() if isinstance(op, ReduceOp) else None


def reduces(op: object, *combiners: str) -> bool:
    """Whether an operation is a reduction, and by one of these operations if any are named."""
    return isinstance(op, ReduceOp) and (not combiners or op.combiner() in combiners)


@irdl_op_definition
class FreeOp(PphloOp):
    """SPU's note that a value is dead."""

    name = "pphlo.free"
    operand = operand_def(TensorType)
    assembly_format = "$operand attr-dict `:` type($operand)"


@irdl_op_definition
class ReturnOp(PphloOp):
    """Ends a region with its results."""

    name = "pphlo.return"
    arguments = var_operand_def(TensorType)
    traits = traits_def(IsTerminator())
    assembly_format = "$arguments attr-dict (`:` type($arguments)^)?"


CONTROL = (ReduceOp, WhileOp, CustomCallOp, FreeOp, ReturnOp)
