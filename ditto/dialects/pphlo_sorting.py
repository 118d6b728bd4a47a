"""PPHLO operations that put the elements of an axis in order."""

from __future__ import annotations

from typing import Self

from xdsl.dialects.builtin import BoolAttr, IntegerAttr, StringAttr, TensorType, i64
from xdsl.irdl import irdl_op_definition, prop_def, region_def, traits_def, var_operand_def, var_result_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure

from ditto.dialects.pphlo_base import PphloOp, finish, parse_assignment, print_types, shape_of


class Sorting(PphloOp):
    """Tensors of one shape are permuted together along an axis."""

    arguments = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    dimension = prop_def(IntegerAttr)
    traits = traits_def(Pure())

    @property
    def axis(self) -> int:
        return self.dimension.value.data

    def verify_(self) -> None:
        shapes = {shape_of(value) for value in (*self.arguments, *self.outputs)}
        if len(shapes) != 1 or len(self.arguments) != len(self.outputs):
            self.fail(f"the tensors that are sorted together have the shapes {sorted(shapes)}")


@irdl_op_definition
class SortOp(Sorting):
    """In the order of a comparator: it takes two elements of each tensor and tells whether the first comes before."""

    name = "pphlo.sort"
    is_stable = prop_def(BoolAttr)
    comparator = region_def("single_block")


@irdl_op_definition
class SimpleSortOp(Sorting):
    """In the order of the first `num_keys` tensors, ascending (`ASC`) or descending (`DES`)."""

    name = "pphlo.simple_sort"
    num_keys = prop_def(IntegerAttr)
    sort_direction = prop_def(StringAttr)

    @property
    def keys(self) -> int:
        """The number of keys; the first counts most."""
        return self.num_keys.value.data

    @property
    def ascends(self) -> bool:
        return self.sort_direction.data == "ASC"

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        direction = StringAttr(parser.parse_identifier())
        numbers = []
        for keyword in ("dim", "num_keys"):
            parser.parse_punctuation(",")
            parse_assignment(parser, keyword)
            numbers.append(IntegerAttr(parser.parse_integer(), i64))
        properties = {"sort_direction": direction, "dimension": numbers[0], "num_keys": numbers[1]}
        return finish(cls, parser, names, properties)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.arguments, printer.print_operand)
        printer.print_string(f"  {self.sort_direction.data}, dim = {self.axis}, num_keys = {self.keys}")
        print_types(printer, self)

    def verify_(self) -> None:
        super().verify_()
        if self.sort_direction.data not in ("ASC", "DES") or not 1 <= self.keys <= len(self.arguments):
            self.fail(f"{self.keys} keys in the order {self.sort_direction.data} of {len(self.arguments)} tensors")


SORTING = (SortOp, SimpleSortOp)
