"""Writes sorting as a network of comparisons and exchanges on whole tensors.

    %r = pphlo.simple_sort %x  ASC, dim = 0, num_keys = 1 : (tensor<2x!pphlo.secret<i32>>) -> ..
becomes, with %a and %b the elements of %x at 0 and at 1,
    %c = pphlo.less %b, %a
    %r = pphlo.concatenate (pphlo.select %c, %b, %a), (pphlo.select %c, %a, %b)

A stage of the network (`ditto/interpreter/sorting_network.py`) compares half of the elements with the others, in one
batch. Which ones is public, so nothing is revealed and nothing has to be shuffled; a radix sort would need secret
permutations, and a pass of them for every bit of a key. Elements that compare equal stay in their order: where there is
more to them than their keys, their positions travel along and decide. What does not lead to an element that is used
(the first k, the middle one) is left out. If all keys are public the order is, and the caller computes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i1, i32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.identify_by_running import evaluated, run_region, sample_numbers
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter.sorting_network import stages
from ditto.passes.pphlo.whole_tensors import Writer, every_secret, tensor

# The k greatest elements along the last axis, and where they stood.
TOP_K = ("mpc.topk", "mhlo.topk")


@dataclass(frozen=True)
class Order:
    """The first `keys` tensors decide, the first of them most; or a comparator that is none of those."""

    keys: int
    ascends: bool = True
    comparator: pphlo.SortOp | None = None


def order_of(op: pphlo.SortOp) -> Order:
    """The order that a comparator means, found by running it."""
    rng = np.random.default_rng(0)
    firsts, seconds = ([rng.choice(sample_numbers(value.type), 256) for value in op.arguments] for _ in range(2))
    found = run_region(op.comparator, [array for pair in zip(firsts, seconds, strict=True) for array in pair])
    for keys in range(1, len(op.arguments) + 1):
        less = greater = np.zeros(256, np.bool_)
        for x, y in reversed(list(zip(firsts[:keys], seconds[:keys], strict=True))):
            less, greater = (x < y) | ((x == y) & less), (x > y) | ((x == y) & greater)
        for ascends, expected in ((True, less), (False, greater)):
            if found is not None and np.array_equal(found[0], expected):
                return Order(keys, ascends)
    return Order(len(op.arguments), comparator=op)


class Network:
    """Elements on their way through the network.

    Args:
        places: the number of a tensor that is strictly monotonic along the axis at first, and whether it rises: it
            decides between equals. None if equal elements need not be told apart.
    """

    def __init__(
        self, writer: Writer, tensors: Sequence[SSAValue], axis: int, order: Order, places: tuple[int, bool] | None
    ) -> None:
        self._writer, self._order, self._places = writer, order, places
        self._values = [writer.flat(value) for value in tensors]
        shape = pphlo.shape_of(tensors[0])
        # Where each element of a row stands among the values.
        self.rows = np.moveaxis(np.arange(math.prod(shape)).reshape(shape), axis, -1).reshape(-1, shape[axis])

    def run(self, wanted: Array) -> None:
        """Sorts as far as the elements at the positions `wanted` need it."""
        needed = np.zeros(self.rows.shape[1], np.bool_)
        needed[wanted] = True
        live = []
        for low, high in reversed(list(stages(self.rows.shape[1]))):
            met = needed[low] | needed[high]
            live.append((low[met], high[met], needed[low[met]], needed[high[met]]))
            needed[low[met]] = needed[high[met]] = True
        for low, high, low_wanted, high_wanted in reversed(live):
            if low.size:
                self._stage(low, high, (low_wanted, high_wanted))

    def _stage(self, low: Array, high: Array, wanted: tuple[Array, Array]) -> None:
        """Elements at `low` and `high` meet; for each side `wanted` says which are read later."""
        write = self._writer
        lower, upper = ([write.take(v, self.rows[:, side].reshape(-1)) for v in self._values] for side in (low, high))
        exchanged = self._before(upper, lower)
        rest = np.setdiff1d(np.arange(self.rows.shape[1]), np.concatenate([low, high]))
        matches = np.arange(len(self.rows) * low.size).reshape(len(self.rows), low.size)
        sides = [matches[:, chosen].reshape(-1) for chosen in wanted]
        for index, value in enumerate(self._values):
            x, y = lower[index], upper[index]
            parts = [write.take(value, self.rows[:, rest].reshape(-1))] if rest.size else []
            for (chosen, other), side in zip(((y, x), (x, y)), sides, strict=True):
                if side.size:
                    operands = [write.take(operand, side) for operand in (exchanged, chosen, other)]
                    type = tensor(self._element(*operands), [side.size])
                    parts.append(write.write(pphlo.SelectOp.get(operands, type)))
            self._values[index] = write.concatenated(parts)
        columns = [rest, low[wanted[0]], high[wanted[1]]]
        # What nobody reads stands nowhere.
        moved, start = np.zeros_like(self.rows), 0
        for column in columns:
            size = len(self.rows) * column.size
            moved[:, column] = np.arange(start, start + size).reshape(len(self.rows), column.size)
            start += size
        self.rows = moved

    def results(self, wanted: Array, axis: int, extents: Sequence[int]) -> list[SSAValue]:
        """The elements at the positions `wanted`, with the axis back in its place; `extents` are the others'."""
        numbers = np.moveaxis(self.rows[:, wanted].reshape(*extents, wanted.size), -1, axis)
        return [self._writer.take(value, numbers) for value in self._values]

    # ------------------------------------------------------------------------------------------------ comparisons

    def _element(self, condition: SSAValue, x: SSAValue, y: SSAValue) -> Attribute:
        secret = any(pphlo.is_secret(value.type) for value in (condition, x, y))
        return pphlo.with_visibility(pphlo.element_type(x.type), secret)

    def _bit(self, kind: type[pphlo.Binary], x: SSAValue, y: SSAValue) -> SSAValue:
        secret = pphlo.is_secret(x.type) or pphlo.is_secret(y.type)
        return self._writer.write(kind.get(x, y, tensor(pphlo.with_visibility(i1, secret), pphlo.shape_of(x))))

    def _before(self, firsts: Sequence[SSAValue], seconds: Sequence[SSAValue]) -> SSAValue:
        """Whether elements come before others, both in the order of the tensors."""
        result = None
        if self._places is not None:
            place, rises = self._places
            sides = (firsts[place], seconds[place])
            result = self._bit(pphlo.LessOp, *(sides if rises else sides[::-1]))
        if self._order.comparator is not None:
            return self._by_comparator(firsts, seconds, result)
        for x, y in reversed(list(zip(firsts, seconds, strict=True))[: self._order.keys]):
            less = self._bit(pphlo.LessOp, *((x, y) if self._order.ascends else (y, x)))
            if result is not None:
                result = self._bit(pphlo.AndOp, self._bit(pphlo.EqualOp, x, y), result)
            result = less if result is None else self._bit(pphlo.OrOp, less, result)
        assert result is not None
        return result

    def _by_comparator(
        self, firsts: Sequence[SSAValue], seconds: Sequence[SSAValue], ties: SSAValue | None
    ) -> SSAValue:
        assert self._order.comparator is not None
        count = len(self._order.comparator.arguments)
        before, after = (
            self._writer.apply(
                self._order.comparator.comparator,
                [value for pair in zip(a[:count], b[:count], strict=True) for value in pair],
            )[0]
            for a, b in ((firsts, seconds), (seconds, firsts))
        )
        if ties is None:
            return before
        equal = self._writer.write(pphlo.NotOp.get(after))
        return self._bit(pphlo.OrOp, before, self._bit(pphlo.AndOp, equal, ties))


def monotonic(value: SSAValue, axis: int) -> bool | None:
    """Whether public numbers that are known rise along an axis; None if they do not fall either, strictly."""
    if pphlo.is_secret(value.type):
        return None
    numbers = evaluated(value)
    if numbers is None:
        return None
    steps = np.diff(numbers.astype(np.int64), axis=axis)
    return True if np.all(steps > 0) else False if np.all(steps < 0) else None


def wanted_places(op: Operation, axis: int) -> Array:
    """The positions along the axis that anybody reads of any result."""
    found: set[int] = set()
    count = pphlo.shape_of(op.results[0])[axis]
    for use in (use for result in op.results for use in result.uses):
        if not isinstance(use.operation, pphlo.SliceOp):
            return np.arange(count)
        found.update(range(count)[use.operation.ranges()[axis]])
    return np.array(sorted(found), np.int64)


def positions(writer: Writer, shape: Sequence[int], axis: int) -> SSAValue:
    """0, 1, 2, ... along an axis."""
    extents = [n if dim == axis else 1 for dim, n in enumerate(shape)]
    numbers = np.broadcast_to(np.arange(shape[axis], dtype=np.int32).reshape(extents), shape)
    return writer.constant(np.ascontiguousarray(numbers), tensor(i32, shape))


def expand_sort(op: pphlo.Sorting, order: Order, stable: bool) -> None:
    writer, axis = Writer(op), op.axis
    shape = pphlo.shape_of(op.arguments[0])
    if not any(pphlo.is_secret(value.type) for value in op.arguments[: order.keys]):
        expand_public_order(writer, op, order)
        return
    tensors, places = list(op.arguments), None
    if stable and (order.keys < len(tensors) or order.comparator is not None):
        directions = [(n, rises) for n, x in enumerate(tensors) if (rises := monotonic(x, axis)) is not None]
        if directions:
            places = directions[0]
        else:
            tensors.append(positions(writer, shape, axis))
            places = len(tensors) - 1, True
    network = Network(writer, tensors, axis, order, places)
    network.run(wanted_places(op, axis))
    others = [n for dim, n in enumerate(shape) if dim != axis]
    writer.finish(network.results(np.arange(shape[axis]), axis, others)[: len(op.outputs)])


def expand_public_order(writer: Writer, op: pphlo.Sorting, order: Order) -> None:
    """The positions are sorted along with the keys, before the program runs; then they are only followed."""
    if order.comparator is not None:
        raise writer.fail(
            "secret tensors are sorted by a comparator of public ones that is not their order; sort by keys"
        )
    shape = pphlo.shape_of(op.arguments[0])
    numbers = np.arange(math.prod(shape)).reshape(shape)
    keys = list(op.arguments[: order.keys])
    inputs = [*keys, writer.constant(numbers)]
    properties = {
        "dimension": op.dimension,
        "num_keys": IntegerAttr(order.keys, i64),
        "sort_direction": StringAttr("ASC" if order.ascends else "DES"),
    }
    followed = pphlo.SimpleSortOp.create(
        operands=inputs, result_types=[value.type for value in inputs], properties=properties
    )
    writer.write(followed)
    rest = [writer.taken_at(value, followed.outputs[-1]) for value in op.arguments[order.keys :]]
    writer.finish([*followed.outputs[: order.keys], *rest])


def expand_top_k(op: pphlo.CustomCallOp) -> None:
    writer = Writer(op)
    shape = pphlo.shape_of(op.arguments[0])
    axis = len(shape) - 1
    wanted = np.arange(pphlo.shape_of(op.outputs[0])[axis])
    tensors = [op.arguments[0], positions(writer, shape, axis)]
    network = Network(writer, tensors, axis, Order(1, ascends=pphlo.asks_for_least(op)), (1, True))
    network.run(wanted)
    writer.finish(network.results(wanted, axis, shape[:axis])[: len(op.outputs)])


@dataclass(frozen=True)
class ExpandSorting(ModulePass):
    name = "expand-sorting"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for sort in every_secret(op, pphlo.SortOp):
            expand_sort(sort, order_of(sort), bool(sort.is_stable.value.data))
        for simple in every_secret(op, pphlo.SimpleSortOp):
            expand_sort(simple, Order(simple.keys, simple.ascends), stable=True)
        for call in every_secret(op, pphlo.CustomCallOp):
            if pphlo.calls(call, *TOP_K):
                expand_top_k(call)
