"""Writes reductions with a body of their own, and all reductions of windows, as a tree of operations on whole tensors.

    %p = pphlo.pad %x, %zero, low = [3], high = [0], interior = [0]
    %r = "pphlo.reduce_window"(%p, %zero) <{window_dimensions = [4], ...}> ({ add })
becomes, for four elements (a cumulative sum),
    %1 = pphlo.add (%x at 0, 1, 2), (%x at 1, 2, 3)           windows of two
    %2 = pphlo.add (%x at 0, %1 at 0), (%1 at 1, 2)           windows of four; the first two are %x at 0, %1 at 0

A window of k elements along an axis is one of a = 2^floor(log2(k - 1)) elements and one of k - a beside it; windows of
a that several need are computed once, and only where they are needed. So windows that do not overlap take one step an
element, and all n prefixes of n elements about n log2 n, in log2 k rounds of steps. Axes are reduced one after the
other. Padding with the neutral element is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Region, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.look_through import splat_value
from ditto.analysis.reductions import is_neutral, seeks_extreme
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter import movement
from ditto.passes.pphlo.whole_tensors import Writer, every_secret, numbered

# Reductions of one tensor that have a ring form of their own.
_KEPT = {f"pphlo.{name}" for name in ("add", "maximum", "minimum", "or", "and")}
# Where there is nothing but padding.
NOTHING = -1


class Forest:
    """Values that a body combines, numbered in the order in which they were made: all of a step at once."""

    def __init__(self, writer: Writer, body: Region, sources: Sequence[SSAValue]) -> None:
        self._writer = writer
        self._body = body
        self._values = [writer.flat(source) for source in sources]
        self._count = pphlo.shape_of(self._values[0])[0]

    def combined(self, left: Array, right: Array) -> Array:
        """The numbers of what the body makes of pairs; of nothing and a value, the value."""
        result = np.where(left == NOTHING, right, left)
        both = (left != NOTHING) & (right != NOTHING)
        if not both.any():
            return result
        pairs, places = np.unique(np.stack([left[both], right[both]]), axis=1, return_inverse=True)
        operands = [self._writer.take(value, side) for side in pairs for value in self._values]
        made = self._writer.apply(self._body, operands)
        result[both] = self._count + places.reshape(-1)
        self._values = [self._writer.concatenated([old, new]) for old, new in zip(self._values, made, strict=True)]
        self._count += pairs.shape[1]
        return result

    def along_axis(self, numbers: Array, size: int, starts: Array, dilation: int) -> Array:
        """The numbers of windows along the last axis, for each of `starts`."""
        wanted = {size: starts}
        for k in sorted(_parts_of(size), reverse=True):
            for part, offset in _halves(k, dilation):
                found = wanted.get(part, np.zeros(0, np.int64))
                wanted[part] = np.union1d(found, wanted[k] + offset)
        known = {1: numbers[..., wanted[1]]}
        for k in sorted(_parts_of(size)):
            sides = [
                known[part][..., np.searchsorted(wanted[part], wanted[k] + offset)]
                for part, offset in _halves(k, dilation)
            ]
            known[k] = self.combined(*sides)
        return known[size]

    def results(self, numbers: Array, initial: Sequence[SSAValue]) -> list[SSAValue]:
        """The values with these numbers; `initial` where there is nothing."""
        if np.any(numbers == NOTHING):
            self._values = [self._writer.concatenated(pair) for pair in zip(self._values, initial, strict=True)]
            numbers = np.where(numbers == NOTHING, self._count, numbers)
        return [self._writer.take(value, numbers) for value in self._values]


def _halves(size: int, dilation: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The two parts of a window: their sizes, and where they begin."""
    first = 1 << (size - 1).bit_length() - 1
    return (first, 0), (size - first, first * dilation)


def _parts_of(size: int) -> set[int]:
    """All sizes above one of the windows that make up one of `size`."""
    if size == 1:
        return set()
    return {size}.union(*(_parts_of(part) for part, _ in _halves(size, 1)))


def without_padding(inputs: Sequence[SSAValue], initial: Sequence[SSAValue]) -> tuple[Sequence[SSAValue], Array]:
    """The tensors that were padded with `initial`, and the number of the element at every place of the padded ones."""
    pads = [value.owner for value in inputs if isinstance(value.owner, pphlo.PadOp)]
    if len(pads) == len(inputs) and all(
        pad.edges() == pads[0].edges() and _same(pad.value, start) for pad, start in zip(pads, initial, strict=True)
    ):
        return [pad.operand for pad in pads], movement.pad(pads[0], numbered(pads[0].operand), np.array(NOTHING))
    return inputs, numbered(inputs[0])


def _same(x: SSAValue, y: SSAValue) -> bool:
    return x is y or (splat_value(x) is not None and splat_value(x) == splat_value(y))


def expand_reduce_window(op: pphlo.ReduceWindowOp) -> None:
    writer = Writer(op)
    neutral = is_neutral(op.body, op.initial_values)
    sources, numbers = without_padding(op.inputs, op.initial_values) if neutral else (op.inputs, numbered(op.inputs[0]))
    forest = Forest(writer, op.body, sources)
    counts = pphlo.shape_of(op.outputs[0])
    for dim, (size, stride, dilation) in reversed(list(enumerate(zip(*op.windows, strict=True)))):
        moved = np.moveaxis(numbers, dim, -1)
        numbers = np.moveaxis(forest.along_axis(moved, size, stride * np.arange(counts[dim]), dilation), -1, dim)
    finish(writer, op, forest.results(numbers, op.initial_values), neutral)


def expand_reduce(op: pphlo.ReduceOp) -> None:
    writer = Writer(op)
    shape = pphlo.shape_of(op.outputs[0])
    extent = math.prod(pphlo.shape_of(op.inputs[0])[dim] for dim in op.dimensions)
    if extent == 0:
        writer.finish([writer.broadcast(value, shape) for value in op.initial_values])
        return
    forest = Forest(writer, op.body, op.inputs)
    numbers = np.moveaxis(numbered(op.inputs[0]), op.dimensions, range(-len(op.dimensions), 0))
    numbers = forest.along_axis(numbers.reshape(*shape, extent), extent, np.zeros(1, np.int64), 1)[..., 0]
    neutral = is_neutral(op.body, op.initial_values)
    finish(writer, op, forest.results(numbers, op.initial_values), neutral)


def finish(
    writer: Writer, op: pphlo.ReduceOp | pphlo.ReduceWindowOp, results: Sequence[SSAValue], neutral: bool
) -> None:
    if not neutral:
        shape = pphlo.shape_of(op.outputs[0])
        results = writer.apply(op.body, [*(writer.broadcast(v, shape) for v in op.initial_values), *results])
    writer.finish(results)


def has_ring_form(op: pphlo.ReduceOp) -> bool:
    """Whether the lowering knows a reduction, of one element at least."""
    if math.prod(pphlo.shape_of(op.inputs[0])[dim] for dim in op.dimensions) == 0:
        return False
    return (len(op.inputs) == 1 and op.combiner() in _KEPT) or seeks_extreme(op) is not None


@dataclass(frozen=True)
class ExpandWindows(ModulePass):
    name = "expand-windows"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for window in every_secret(op, pphlo.ReduceWindowOp):
            expand_reduce_window(window)
        for reduction in every_secret(op, pphlo.ReduceOp):
            if not has_ring_form(reduction):
                expand_reduce(reduction)
