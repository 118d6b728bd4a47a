"""What every PPHLO operation is built from: the secret type, the syntax helpers, the base classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self, TypeAlias, TypeVar

from xdsl.dialects.builtin import I64, AnyFloat, DenseArrayBase, FunctionType, TensorType, i64
from xdsl.ir import Attribute, Operation, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import IRDLOperation, irdl_attr_definition, operand_def, result_def, traits_def, var_operand_def
from xdsl.parser import Parser, UnresolvedOperand
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from ditto.dialects.traits import Elementwise

I64Array: TypeAlias = DenseArrayBase[I64]
Op = TypeVar("Op", bound="PphloOp")


@irdl_attr_definition
class SecretType(ParametrizedAttribute, TypeAttribute):
    """`!pphlo.secret<base>`: an element that no party may see."""

    name = "pphlo.secret"
    base: Attribute


def is_secret(type: Attribute) -> bool:
    """Whether a tensor type, or an element type, is secret."""
    element = type.get_element_type() if isinstance(type, TensorType) else type
    return isinstance(element, SecretType)


def element_type(type: Attribute) -> Attribute:
    """The builtin element type of a tensor, secret or not (`f16`, `i32`, ...)."""
    element = type.get_element_type() if isinstance(type, TensorType) else type
    return element.base if isinstance(element, SecretType) else element


def is_float(type: Attribute) -> bool:
    """Whether a tensor type holds floats."""
    return isinstance(element_type(type), AnyFloat)


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The shape of a tensor value."""
    assert isinstance(value.type, TensorType), value.type
    return value.type.get_shape()


def opened(type: Attribute) -> TensorType[Attribute]:
    """A tensor type made public."""
    assert isinstance(type, TensorType), type
    return TensorType(element_type(type), type.get_shape())


def with_visibility(element: Attribute, secret: bool) -> Attribute:
    """The element type, wrapped if it is to be secret."""
    return SecretType(element) if secret else element


def integers(values: I64Array | None) -> tuple[int, ...]:
    """The entries of an array property; none if it is absent."""
    return () if values is None else tuple(int(value) for value in values.get_values())


def i64_array(values: Iterable[int]) -> I64Array:
    return DenseArrayBase.from_list(i64, list(values))


# ------------------------------------------------------------------------------------------------ syntax


def parse_integers(parser: Parser) -> I64Array:
    """`[1, 2]`"""
    return i64_array(parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer))


def integers_text(values: I64Array) -> str:
    return str(list(integers(values)))


def parse_assignment(parser: Parser, keyword: str) -> None:
    """`keyword =`"""
    parser.parse_keyword(keyword)
    parser.parse_punctuation("=")


class PphloOp(IRDLOperation):
    """Anything that PPHLO defines."""

    def fail(self, reason: str) -> None:
        raise VerifyException(f"{self.name}: {reason}")


class OneResult(PphloOp):
    """An operation without side effects that gives one tensor."""

    result = result_def(TensorType)
    traits = traits_def(Pure())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return shape_of(self.result)


def finish(op: type[Op], parser: Parser, names: Sequence[UnresolvedOperand], properties: Mapping[str, Attribute]) -> Op:
    """Reads `{attributes} : (types) -> types` and makes the operation."""
    attributes = parser.parse_optional_attr_dict()
    parser.parse_punctuation(":")
    position = parser.pos
    type = parser.parse_function_type()
    operands = parser.resolve_operands(names, type.inputs.data, position)
    return op.create(operands=operands, result_types=type.outputs.data, properties=properties, attributes=attributes)


def print_types(printer: Printer, op: PphloOp) -> None:
    printer.print_op_attributes(op.attributes)
    printer.print_string(" : ")
    printer.print_operation_type(op)


class ElementwiseOp(OneResult):
    """Operands of one shape, `op %a, %b : type` when all types agree and `: (types) -> type` otherwise."""

    traits = traits_def(Elementwise())

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        position = parser.pos
        type = parser.parse_type()
        if isinstance(type, FunctionType):
            inputs, outputs = type.inputs.data, type.outputs.data
        else:
            inputs, outputs = (type,) * len(names), (type,)
        operands = parser.resolve_operands(names, inputs, position)
        return cls.create(operands=operands, result_types=outputs, attributes=attributes)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_operand)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        if all(operand.type == self.result.type for operand in self.operands):
            printer.print_attribute(self.result.type)
        else:
            printer.print_operation_type(self)

    def verify_(self) -> None:
        for operand in self.operands:
            if shape_of(operand) != self.shape:
                self.fail(f"operand of shape {shape_of(operand)}, result of shape {self.shape}")


class Unary(ElementwiseOp):
    """`operand` is any tensor."""

    operand = operand_def(TensorType)

    @classmethod
    def get(cls, operand: SSAValue, type: Attribute | None = None) -> Self:
        """The operation on `operand`; the result has `type`, or the operand's."""
        return cls.create(operands=[operand], result_types=[type or operand.type])


class Binary(ElementwiseOp):
    """`lhs` and `rhs` may differ in visibility; a bit may be multiplied by a number."""

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)

    @classmethod
    def get(cls, lhs: SSAValue, rhs: SSAValue, type: Attribute) -> Self:
        """The operation on two tensors; the result has `type`."""
        return cls.create(operands=[lhs, rhs], result_types=[type])


class Variadic(OneResult):
    """Any number of operands: `arguments`."""

    arguments = var_operand_def(TensorType)


def inputs_of(op: Operation) -> list[SSAValue]:
    """Everything an operation depends on: its operands, and what its regions take from outside."""
    if not op.regions:
        return list(op.operands)
    inside: set[SSAValue] = {result for inner in op.walk() for result in inner.results}
    inside.update(argument for inner in op.walk() for region in inner.regions for argument in region.block.args)
    return list(dict.fromkeys(value for inner in op.walk() for value in inner.operands if value not in inside))


def touches_secret(op: Operation) -> bool:
    """Whether an operation depends on a secret or gives one."""
    return any(is_secret(value.type) for value in (*inputs_of(op), *op.results))
