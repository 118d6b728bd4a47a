"""Reads and writes slices whose place is known to everybody at the call, or to nobody.

    %r = pphlo.dynamic_slice %x, %i sizes = [1] : (tensor<9x!pphlo.secret<f32>>, tensor<i32>) -> ..
with a public %i becomes
    %p = pphlo.dynamic_slice [0, 1, .., 8], %i sizes = [1]         positions, which the caller computes
    %r = pphlo.custom_call @ditto.take(%x, %p)
and with a secret one a look-up among all the slices there are,
    %c = pphlo.clamp 0, %i, 8
    %r = pphlo.custom_call @ditto.embedding(%x, %c)

A write at a secret place looks up the update among all that may be written, padded, and selects it where the place is.
Several secret indices are followed one after the other. Slices at constants are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i1, i64
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.identify_by_running import evaluated
from ditto.analysis.look_through import has_any
from ditto.dialects import pphlo
from ditto.dialects.traits import Moves
from ditto.interpreter.windows import windows_of
from ditto.passes.pphlo.match_embedding import TARGET as LOOK_UP
from ditto.passes.pphlo.whole_tensors import Writer, element_of, numbered, tensor
from ditto.passes.rewriting import every

GATHER = "spu.gather"


def constant(value: SSAValue) -> int | None:
    """A scalar that is the same at every call; it may have stood beside others that are not."""
    place = 0
    while (numbers := evaluated(value)) is None:
        op = value.owner
        if not has_any(op, Moves):
            return None
        starts = np.cumsum([0, *(numbered(operand).size for operand in op.operands)])  # type: ignore[union-attr]
        operands = list(op.operands)  # type: ignore[union-attr]
        known = {operand: numbered(operand) + start for operand, start in zip(operands, starts)}
        positions = evaluated(value, known)
        if positions is None:
            return None
        source = int(positions.reshape(-1)[place])
        index = int(np.searchsorted(starts, source, "right")) - 1
        value, place = operands[index], source - int(starts[index])
    return int(numbers.reshape(-1)[place])


def along(shape: Sequence[int], axis: int, value: int) -> list[int]:
    """`shape` with another extent along one axis."""
    return [value if dim == axis else extent for dim, extent in enumerate(shape)]


class Indexing:
    """Writes slices of tensors at scalar indices, some of which are secret."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    # ------------------------------------------------------------------------------------------------ reading

    def read(self, x: SSAValue, indices: Sequence[SSAValue], sizes: Sequence[int]) -> SSAValue:
        """The slice that starts at `indices`, clamped so that it lies within x."""
        secret = self._secret_axes(x, indices, sizes)
        public = [pphlo.shape_of(x)[axis] if axis in secret else size for axis, size in enumerate(sizes)]
        x = self._read_public(x, [self._zero() if axis in secret else i for axis, i in enumerate(indices)], public)
        for axis in secret:
            x = self._look_up(x, indices[axis], axis, sizes[axis])
        return x

    def _read_public(self, x: SSAValue, indices: Sequence[SSAValue], sizes: Sequence[int]) -> SSAValue:
        if pphlo.shape_of(x) == tuple(sizes):
            return x
        properties = {"sizes": pphlo.i64_array(sizes)}
        positions = pphlo.DynamicSliceOp.create(
            operands=[self._writer.constant(numbered(x)), *indices],
            result_types=[tensor(i64, sizes)],
            properties=properties,
        )
        return self._at(x, positions)

    def _look_up(self, x: SSAValue, index: SSAValue, axis: int, size: int) -> SSAValue:
        """The slice of x along one axis that begins at a secret index."""
        write, shape = self._writer, pphlo.shape_of(x)
        count = shape[axis] - size + 1
        windows = windows_of(numbered(x), along(shape, axis, size), [1] * len(shape), [1] * len(shape))
        table = write.take(x, windows.reshape(count, -1))
        if (numbers := evaluated(table)) is not None:
            table = write.constant(numbers)
        row = write.reshape(write.within(index, count), [1])
        element = pphlo.with_visibility(pphlo.element_type(x.type), True)
        found = write.write(pphlo.CustomCallOp.get(LOOK_UP, [table, row], tensor(element, [1, windows.shape[-1]])))
        return write.reshape(found, along(shape, axis, size))

    # ------------------------------------------------------------------------------------------------ writing

    def write(self, x: SSAValue, update: SSAValue, indices: Sequence[SSAValue]) -> SSAValue:
        """x with `update` written over the slice that starts at `indices`, clamped."""
        sizes = pphlo.shape_of(update)
        secret = self._secret_axes(x, indices, sizes)
        if not secret:
            return self._write_public(x, update, indices)
        axis, *others = secret
        shape = pphlo.shape_of(x)
        partly = others or any(n != m for dim, (n, m) in enumerate(zip(shape, sizes, strict=True)) if dim != axis)
        if partly:
            # The slab along the first axis, written over along the others.
            slab = self._look_up(x, indices[axis], axis, sizes[axis])
            rest = [self._zero() if dim == axis else index for dim, index in enumerate(indices)]
            update = self.write(slab, update, rest)
        return self._write_slab(x, update, indices[axis], axis)

    def _write_public(self, x: SSAValue, update: SSAValue, indices: Sequence[SSAValue]) -> SSAValue:
        if pphlo.shape_of(x) == pphlo.shape_of(update):
            return update
        parts = [self._writer.constant(numbered(x)), self._writer.constant(numbered(update) + numbered(x).size)]
        positions = pphlo.DynamicUpdateSliceOp.get([*parts, *indices], parts[0].type)
        return self._at(self._writer.concatenated([x, update]), positions)

    def _write_slab(self, x: SSAValue, update: SSAValue, index: SSAValue, axis: int) -> SSAValue:
        """x with `update`, as wide as x along all other axes, written over it along one axis."""
        write, shape, size = self._writer, pphlo.shape_of(x), pphlo.shape_of(update)[axis]
        count = shape[axis] - size + 1
        index = write.within(index, count)
        element = pphlo.with_visibility(pphlo.element_type(x.type), True)
        update = write.retyped(update, element)
        placed = self._placed(update, index, axis, shape[axis])
        bits = pphlo.with_visibility(i1, True)
        starts = write.constant(np.arange(count).astype(pphlo.dtype_of(pphlo.element_type(index.type))))
        begins = write.write(pphlo.EqualOp.get(write.broadcast(index, [count]), starts, tensor(bits, [count])))
        covers = begins
        if size > 1:
            # Position k is covered by the slices that begin at k - size + 1, ..., k.
            outside = write.retyped(write.constant(np.zeros(1, np.bool_), tensor(i1, [1])), bits)
            padded = write.concatenated([outside] * (size - 1) + [begins] + [outside] * (size - 1))
            covers = write.take(padded, np.arange(shape[axis]))
            for offset in range(1, size):
                shifted = write.take(padded, np.arange(offset, offset + shape[axis]))
                covers = write.write(pphlo.XorOp.get(covers, shifted, covers.type))
        covers = write.write(pphlo.BroadcastOp.get(covers, [axis], tensor(bits, shape)))
        return write.write(pphlo.SelectOp.get([covers, placed, write.retyped(x, element)], tensor(element, shape)))

    def _placed(self, update: SSAValue, index: SSAValue, axis: int, extent: int) -> SSAValue:
        """A tensor of `extent` along the axis that has the update where it begins at the index, anything elsewhere."""
        write, sizes = self._writer, pphlo.shape_of(update)
        shape, size = along(sizes, axis, extent), sizes[axis]
        if size == 1:
            flat = write.reshape(update, [n for dim, n in enumerate(sizes) if dim != axis])
            others = [dim for dim in range(len(sizes)) if dim != axis]
            return write.write(pphlo.BroadcastOp.get(flat, others, tensor(element_of(update), shape)))
        edges = along([0] * len(sizes), axis, extent - size)
        zero = write.constant(np.zeros((), pphlo.dtype_of(pphlo.element_type(update.type))))
        padded = pphlo.PadOp.create(
            operands=[update, write.retyped(zero, element_of(update))],
            result_types=[tensor(element_of(update), along(sizes, axis, 2 * extent - size))],
            properties={
                "low": pphlo.i64_array(edges),
                "high": pphlo.i64_array(edges),
                "interior": pphlo.i64_array([0] * len(sizes)),
            },
        )
        last = write.constant(np.array(extent - size, pphlo.dtype_of(pphlo.element_type(index.type))))
        back = write.write(pphlo.SubtractOp.get(last, index, index.type))
        return self._look_up(write.write(padded), back, axis, extent)

    # ------------------------------------------------------------------------------------------------ indices

    def _secret_axes(self, x: SSAValue, indices: Sequence[SSAValue], sizes: Sequence[int]) -> list[int]:
        """The axes along which it is secret where a slice begins."""
        extents = zip(pphlo.shape_of(x), sizes, indices, strict=True)
        return [
            axis
            for axis, (extent, size, index) in enumerate(extents)
            if size < extent and pphlo.is_secret(index.type) and constant(index) is None
        ]

    def _zero(self) -> SSAValue:
        return self._writer.constant(np.zeros((), np.int32))

    def _at(self, x: SSAValue, positions: pphlo.OneResult) -> SSAValue:
        """Elements of x at positions that are computed in public."""
        known = [self._as_public(value) for value in positions.operands]
        for place, value in enumerate(known):
            positions.operands[place] = value
        return self._writer.taken_at(x, self._writer.write(positions))

    def _as_public(self, value: SSAValue) -> SSAValue:
        """An index that SPU calls secret though it is a constant."""
        if not pphlo.is_secret(value.type):
            return value
        number = constant(value)
        assert number is not None
        return self._writer.constant(np.array(number, pphlo.dtype_of(pphlo.element_type(value.type))))


def has_open_index(indices: Sequence[SSAValue]) -> bool:
    """Whether an index is not the same at every call."""
    return any(constant(index) is None for index in indices)


def expand_gather(op: pphlo.CustomCallOp) -> None:
    """A gather at public indices of a secret tensor: the same of the positions."""
    writer, (x, indices) = Writer(op), op.arguments
    type = tensor(i64, pphlo.shape_of(op.outputs[0]))
    positions = pphlo.CustomCallOp.create(
        operands=[writer.constant(numbered(x)), indices],
        result_types=[type],
        properties=dict(op.properties),
        attributes=dict(op.attributes),
    )
    writer.finish([writer.taken_at(x, writer.write(positions))])


@dataclass(frozen=True)
class ExpandIndices(ModulePass):
    name = "expand-indices"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for read in every(op, pphlo.DynamicSliceOp):
            x, *indices = read.arguments
            if pphlo.is_secret(read.result.type) and has_open_index(indices):
                writer = Writer(read)
                writer.finish([Indexing(writer).read(x, indices, pphlo.integers(read.sizes))])
        for written in every(op, pphlo.DynamicUpdateSliceOp):
            x, update, *indices = written.arguments
            if pphlo.is_secret(written.result.type) and has_open_index(indices):
                writer = Writer(written)
                writer.finish([Indexing(writer).write(x, update, indices)])
        for call in every(op, pphlo.CustomCallOp):
            if not pphlo.calls(call, GATHER) or not pphlo.is_secret(call.outputs[0].type):
                continue
            if not pphlo.is_secret(call.arguments[1].type) and evaluated(call.arguments[1]) is None:
                expand_gather(call)
