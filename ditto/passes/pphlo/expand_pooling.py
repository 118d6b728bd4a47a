"""Writes the choice of an element in every window, and what goes back to it, on whole tensors: gradients of pooling.

    %g, %places = pphlo.argmax %x {window_dimensions = [2], window_strides = [2], ...} : (tensor<2x..>) -> (.., ..)
    %r = pphlo.maxpool_scatter %places, %update {..}
becomes, with %a and %b the elements of %x at 0 and at 1,
    %c = pphlo.not (pphlo.less %a, %b)
    %g = pphlo.select %c, %a, %b
    %r = pphlo.multiply (pphlo.concatenate %c, (pphlo.not %c)), %update

A knock-out among the elements of each window: who wins is marked by a bit, the conjunction of those of its matches. An
element that several windows choose gets the sum. SPU pads the operand of `select_and_scatter` with the initial value,
zero, which would win against negative numbers; in JAX padding is never chosen, and so it is here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i1
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.identify_by_running import run_region, sample_numbers
from ditto.analysis.look_through import splat_value
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter.windows import windows_of
from ditto.passes.pphlo.expand_windows import NOTHING, without_padding
from ditto.passes.pphlo.whole_tensors import Writer, element_of, every_secret, numbered, tensor

# The mark of an element that has not played yet.
_UNBEATEN = -2

# Writes whether the first elements stay chosen when the second ones come.
Keeps = Callable[[SSAValue, SSAValue], SSAValue]


class Numbered:
    """Elements of one dtype, numbered in the order in which they come."""

    def __init__(self, writer: Writer, first: SSAValue | None = None) -> None:
        self._writer = writer
        self._all = writer.flat(first) if first is not None else None
        self.count = math.prod(pphlo.shape_of(first)) if first is not None else 0

    def add(self, value: SSAValue) -> Array:
        """The numbers of the elements of a flat tensor that comes now."""
        size = pphlo.shape_of(value)[0]
        self._all = value if self._all is None else self._writer.concatenated([self._all, value])
        self.count += size
        return np.arange(self.count - size, self.count)

    def take(self, numbers: Array) -> SSAValue:
        assert self._all is not None
        return self._writer.take(self._all, numbers)


class KnockOut:
    """The chosen element of every window.

    Args:
        windows: numbers of the elements of x: one row a window, padding is NOTHING.

    Attributes:
        winners: the number of the element of every window.
    """

    def __init__(self, writer: Writer, x: SSAValue, windows: Array, keeps: Keeps) -> None:
        self._writer, self._keeps = writer, keeps
        self._elements, self._bits = Numbered(writer, x), Numbered(writer)
        self._secret = pphlo.is_secret(x.type)
        marks = np.where(windows == NOTHING, NOTHING, _UNBEATEN)
        best, widths = windows, [1] * windows.shape[1]
        while best.shape[1] > 1:
            best, marks, widths = self._round(best, marks, widths)
        self.winners = best[:, 0]
        self._marks = marks

    def _round(self, best: Array, marks: Array, widths: list[int]) -> tuple[Array, Array, list[int]]:
        """Neighbouring groups of places meet: their winners, the marks of all places, the widths of the groups."""
        even = best.shape[1] - best.shape[1] % 2
        left, right = best[:, :even:2], best[:, 1:even:2]
        won = np.where(left == NOTHING, right, left)
        met = (left != NOTHING) & (right != NOTHING)
        stays, falls = np.full(met.shape, NOTHING), np.full(met.shape, NOTHING)
        if met.any():
            pairs, match = np.unique(np.stack([left[met], right[met]]), axis=1, return_inverse=True)
            match = match.reshape(-1)
            x, y = (self._elements.take(side) for side in pairs)
            kept = self._keeps(x, y)
            chosen = self._writer.write(pphlo.SelectOp.get([kept, x, y], x.type))
            won[met] = self._elements.add(chosen)[match]
            stays[met] = self._bits.add(kept)[match]
            falls[met] = self._bits.add(self._writer.write(pphlo.NotOp.get(kept)))[match]
        verdicts = np.stack([stays, falls], -1).reshape(len(best), -1)
        spread = np.repeat(verdicts, widths[:even], axis=1)
        marks = np.concatenate([self._both(marks[:, : spread.shape[1]], spread), marks[:, spread.shape[1] :]], 1)
        merged = [a + b for a, b in zip(widths[:even:2], widths[1:even:2], strict=True)] + widths[even:]
        return np.concatenate([won, best[:, even:]], 1), marks, merged

    def _both(self, marks: Array, verdicts: Array) -> Array:
        """The numbers of the conjunctions of marks and verdicts, where there are any."""
        result = np.where((marks == _UNBEATEN) & (verdicts != NOTHING), verdicts, marks)
        both = (marks >= 0) & (verdicts != NOTHING)
        if both.any():
            first, second = (self._bits.take(numbers[both]) for numbers in (marks, verdicts))
            result[both] = self._bits.add(self._writer.write(pphlo.AndOp.get(first, second, first.type)))
        return result

    def greatest(self, shape: Sequence[int]) -> SSAValue:
        """The winners, in a shape."""
        return self._elements.take(self.winners.reshape(*shape))

    def places(self, shape: Sequence[int]) -> SSAValue:
        """The marks, in a shape."""
        marks = self._marks.reshape(*shape)
        for kind, known in ((NOTHING, np.False_), (_UNBEATEN, np.True_)):
            if np.any(marks == kind):
                constant = self._writer.constant(np.broadcast_to(known, (1,)), tensor(i1, (1,)))
                element = pphlo.with_visibility(i1, self._secret)
                marks = np.where(marks == kind, self._bits.add(self._writer.retyped(constant, element)), marks)
        return self._bits.take(marks)


def first_greatest(writer: Writer) -> Keeps:
    """The greatest element stays, the first of equals."""

    def keeps(x: SSAValue, y: SSAValue) -> SSAValue:
        bit = tensor(pphlo.with_visibility(i1, pphlo.is_secret(x.type)), pphlo.shape_of(x))
        return writer.write(pphlo.NotOp.get(writer.write(pphlo.LessOp.get(x, y, bit))))

    return keeps


def scattered(writer: Writer, places: SSAValue, update: SSAValue, windows: Array, shape: Sequence[int]) -> SSAValue:
    """A tensor of zeros with every element of `update` added to the marked place of its window.

    `windows` are the positions in the result: one row a window.
    """
    count = windows.shape[1]
    rows = writer.reshape(update, [len(windows)])
    wide = tensor(element_of(rows), windows.shape)
    spread = writer.write(pphlo.BroadcastOp.get(rows, [0], wide))
    element = pphlo.with_visibility(pphlo.element_type(rows.type), pphlo.is_secret(places.type))
    terms = writer.write(
        pphlo.MultiplyOp.get(writer.reshape(places, windows.shape), spread, tensor(element, windows.shape))
    )
    zero = writer.constant(np.zeros(1, pphlo.dtype_of(pphlo.element_type(rows.type))))
    whole = writer.concatenated([terms, writer.retyped(zero, element)])
    # The terms of each place, as many columns as most places have.
    order = np.argsort(windows.reshape(-1), kind="stable")
    target = windows.reshape(-1)[order]
    column = np.arange(target.size) - np.searchsorted(target, target)
    numbers = np.full((math.prod(shape), int(column.max(initial=0)) + 1), len(windows) * count)
    numbers[target, column] = order
    total: SSAValue | None = None
    for term in numbers.T:
        part = writer.take(whole, term.reshape(*shape))
        total = part if total is None else writer.write(pphlo.AddOp.get(total, part, part.type))
    assert total is not None
    return total


def windows_in(numbers: Array, sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Array:
    """One row a window."""
    return windows_of(numbers, sizes, strides, dilations).reshape(-1, math.prod(sizes))


def expand_argmax(op: pphlo.ArgmaxOp) -> None:
    writer = Writer(op)
    windows = windows_in(numbered(op.operand), *op.windows)
    found = KnockOut(writer, op.operand, windows, first_greatest(writer))
    counts = pphlo.shape_of(op.greatest)
    writer.finish([found.greatest(counts), found.places(pphlo.shape_of(op.places))])


def expand_maxpool_scatter(op: pphlo.MaxpoolScatterOp) -> None:
    writer = Writer(op)
    windows = windows_in(numbered(op.result), *op.windows)
    writer.finish([scattered(writer, op.places, op.update, windows, pphlo.shape_of(op.result))])


def expand_select_and_scatter(op: pphlo.SelectAndScatterOp) -> None:
    writer = Writer(op)
    if not adds(op):
        raise writer.fail("it combines by something else than addition; pool with reduce_window and differentiate that")
    [x], numbers = without_padding([op.operand], [op.initial])
    found = KnockOut(writer, x, windows_in(numbers, *op.windows), lambda a, b: writer.apply(op.select, [a, b])[0])
    windows = windows_in(numbered(op.operand), *op.windows)
    places = found.places((*pphlo.shape_of(op.source), windows.shape[1]))
    total = scattered(writer, places, op.source, windows, op.shape)
    if splat_value(op.initial) != 0:
        start = writer.broadcast(op.initial, op.shape)
        total = writer.write(pphlo.AddOp.get(total, start, op.result.type))
    writer.finish([total])


def adds(op: pphlo.SelectAndScatterOp) -> bool:
    sample = sample_numbers(op.source.type)
    results = run_region(op.scatter, [sample, sample[::-1]])
    return results is not None and np.array_equal(results[0], sample + sample[::-1])


@dataclass(frozen=True)
class ExpandPooling(ModulePass):
    name = "expand-pooling"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for argmax in every_secret(op, pphlo.ArgmaxOp):
            expand_argmax(argmax)
        for scatter in every_secret(op, pphlo.MaxpoolScatterOp):
            expand_maxpool_scatter(scatter)
        for select in every_secret(op, pphlo.SelectAndScatterOp):
            expand_select_and_scatter(select)
