"""PPHLO operations on windows that slide over a tensor: pooling, cumulative sums, and the gradients of pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self, TypeAlias

from xdsl.dialects.builtin import TensorType
from xdsl.irdl import (
    attr_def,
    irdl_op_definition,
    operand_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure

from ditto.dialects.pphlo_base import I64Array, OneResult, PphloOp, finish, integers, print_types, shape_of
from ditto.dialects.pphlo_control import Reducing

# Their sizes, strides and dilations.
Windows: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def window_counts(
    extents: Sequence[int], sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[int, ...]:
    """How many windows there are in each dimension."""
    spans = [(size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    return tuple(max(0, (n - span) // stride + 1) for n, span, stride in zip(extents, spans, strides, strict=True))


@irdl_op_definition
class ReduceWindowOp(Reducing):
    """Combines the elements of every window. SPU has made padding and base dilation a `pphlo.pad` before."""

    name = "pphlo.reduce_window"
    window_dilations = prop_def(I64Array)
    window_dimensions = prop_def(I64Array)
    window_strides = prop_def(I64Array)

    @property
    def windows(self) -> Windows:
        """Sizes, strides and dilations."""
        return integers(self.window_dimensions), integers(self.window_strides), integers(self.window_dilations)

    def verify_(self) -> None:
        counts = window_counts(shape_of(self.inputs[0]), *self.windows)
        for output in self.outputs:
            if shape_of(output) != counts:
                self.fail(f"the result has the shape {shape_of(output)} instead of {counts}")


@irdl_op_definition
class SelectAndScatterOp(OneResult):
    """Adds every element of `source` to the element of its window that the body `select` prefers.

    `select(a, b)` tells whether a stays chosen when b comes. The result starts from the scalar `initial` everywhere.
    """

    name = "pphlo.select_and_scatter"
    operand = operand_def(TensorType)
    source = operand_def(TensorType)
    initial = operand_def(TensorType)
    window_dimensions = prop_def(I64Array)
    window_strides = prop_def(I64Array)
    select = region_def("single_block")
    scatter = region_def("single_block")

    @property
    def windows(self) -> Windows:
        """Sizes, strides and dilations, which are 1."""
        sizes = integers(self.window_dimensions)
        return sizes, integers(self.window_strides), (1,) * len(sizes)

    def verify_(self) -> None:
        counts = window_counts(shape_of(self.operand), *self.windows)
        if shape_of(self.source) != counts or self.shape != shape_of(self.operand):
            self.fail(f"{counts} windows, a source of shape {shape_of(self.source)}, a result of shape {self.shape}")


class WithAttributes(PphloOp):
    """`op %a, %b {attributes} : (types) -> types`"""

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        return finish(cls, parser, names, {})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_operand)
        print_types(printer, self)


@irdl_op_definition
class ArgmaxOp(WithAttributes):
    """The greatest element of every window, and bits that mark the first place where it stands.

    The bits have one more dimension, the places of the window in row-major order.
    """

    name = "pphlo.argmax"
    operand = operand_def(TensorType)
    greatest = result_def(TensorType)
    places = result_def(TensorType)
    window_dilations = attr_def(I64Array)
    window_dimensions = attr_def(I64Array)
    window_strides = attr_def(I64Array)
    traits = traits_def(Pure())

    @property
    def windows(self) -> Windows:
        """Sizes, strides and dilations."""
        return integers(self.window_dimensions), integers(self.window_strides), integers(self.window_dilations)

    def verify_(self) -> None:
        counts, size = window_counts(shape_of(self.operand), *self.windows), math.prod(self.windows[0])
        if shape_of(self.greatest) != counts or shape_of(self.places) != (*counts, size):
            self.fail(f"{counts} windows, results of shapes {shape_of(self.greatest)} and {shape_of(self.places)}")


@irdl_op_definition
class MaxpoolScatterOp(WithAttributes):
    """Adds every element of `update` to the place of its window that is marked by the bits of `places`."""

    name = "pphlo.maxpool_scatter"
    places = operand_def(TensorType)
    update = operand_def(TensorType)
    result = result_def(TensorType)
    window_dimensions = attr_def(I64Array)
    window_strides = attr_def(I64Array)
    traits = traits_def(Pure())

    @property
    def windows(self) -> Windows:
        """Sizes, strides and dilations, which are 1."""
        sizes = integers(self.window_dimensions)
        return sizes, integers(self.window_strides), (1,) * len(sizes)

    def verify_(self) -> None:
        counts, size = window_counts(shape_of(self.result), *self.windows), math.prod(self.windows[0])
        if shape_of(self.update) != counts or shape_of(self.places) != (*counts, size):
            self.fail(f"{counts} windows, operands of shapes {shape_of(self.places)} and {shape_of(self.update)}")


WINDOWS = (ReduceWindowOp, SelectAndScatterOp, ArgmaxOp, MaxpoolScatterOp)
