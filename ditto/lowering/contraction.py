"""Dots, convolutions and embedding look-ups as ring matmuls."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from ditto.analysis.intervals import CLAIM
from ditto.analysis.sum_terms import resting_fraction
from ditto.dialects import pphlo, ring
from ditto.interpreter.windows import windows_of
from ditto.lowering.arithmetic import Rule, complement, zero
from ditto.lowering.emitter import Emitter, Public, Value, is_bits, public_type
from ditto.lowering.movement import moved_type, reshape, transpose

# The ring in which bits of a table are picked: numbers that are 0 or 1.
_BIT_WIDTH = 32


def _shape(x: Value) -> tuple[int, ...]:
    return x.shape if isinstance(x, Public) else ring.shape(x)


def _arranged(e: Emitter, x: Value, perm: list[int], shape: tuple[int, ...]) -> Value:
    """x transposed, then reshaped."""
    if isinstance(x, SSAValue):
        return reshape(e, transpose(e, x, perm), shape)
    if x.numbers is None:
        # `prepare-operands` has arranged what is known only at the call.
        assert perm == sorted(perm) and shape == x.shape
        return x
    numbers = np.ascontiguousarray(x.numbers.transpose(perm)).reshape(shape)
    return Public(TensorType(pphlo.element_type(x.type), list(shape)), numbers)


def _numbers(e: Emitter, values: list[Value], made: SSAValue) -> list[Value]:
    """Operands of a product, bits among them as 0 and 1."""
    widths = [ring.width(x) for x in values if isinstance(x, SSAValue) and ring.is_fxp(x)]
    width = widths[0] if widths else e.ring_of(made.type)[0]
    return [
        e.emit(ring.BitToFxpOp, [x], ring.fxp(ring.shape(x), width, 0))
        if isinstance(x, SSAValue) and ring.is_bit(x)
        else x
        for x in values
    ]


def matmul(e: Emitter, x: Value, y: Value, made: SSAValue) -> SSAValue:
    """[B, M, K] times [B, K, N], either of them public; `made` is the PPHLO value whose ring the result has."""
    if isinstance(x, Public):
        swapped = [_arranged(e, v, [0, 2, 1], tuple(_shape(v)[dim] for dim in (0, 2, 1))) for v in (y, x)]
        return transpose(e, matmul(e, swapped[0], swapped[1], made), [0, 2, 1])
    width, usual = e.ring_of(made.type)[0], e.usual_fraction(made)
    factor = e.factor_fraction(y) if isinstance(y, Public) else ring.fraction(y)
    total = ring.fraction(x) + factor
    fraction = min(total, resting_fraction(made, usual))
    result = ring.fxp((*ring.shape(x)[:2], _shape(y)[2]), width, fraction)
    if isinstance(y, Public):
        encoded = y.value
        if y.numbers is not None:
            encoded = e.constant(y.numbers.astype(np.float64 if y.is_float else np.int64))
        assert encoded is not None
        if y.is_float:
            encoded = e.emit(ring.EncodeOp, [encoded], public_type(y.shape), fraction=factor)
        return e.emit(ring.MatmulPublicOp, [x, encoded], result, shift=total - fraction)
    return e.emit(ring.MatmulOp, [x, y], result, shift=total - fraction)


def _dot(e: Emitter, op: Operation, values: list[Value]) -> Value:
    values = _numbers(e, values, op.results[0])
    lhs, rhs = _shape(values[0]), _shape(values[1])
    x = _arranged(e, values[0], list(range(len(lhs))), (1, math.prod(lhs[:-1]), lhs[-1]))
    y = _arranged(e, values[1], list(range(len(rhs))), (1, rhs[0], math.prod(rhs[1:])))
    return reshape(e, matmul(e, x, y, op.results[0]), ring.shape(op.results[0].type))


def _dot_general(e: Emitter, op: pphlo.DotGeneralOp, values: list[Value]) -> Value:
    arranged = []
    extents = []
    values = _numbers(e, values, op.results[0])
    for value, batch, contracted, last in zip(values, op.batching(), op.contracting(), (False, True)):
        shape = _shape(value)
        free = [dim for dim in range(len(shape)) if dim not in (*batch, *contracted)]
        order = [*batch, *contracted, *free] if last else [*batch, *free, *contracted]
        count = [math.prod(shape[dim] for dim in dims) for dims in (batch, free, contracted)]
        extents.append(count)
        arranged.append(
            _arranged(e, value, order, (count[0], count[2], count[1]) if last else (count[0], count[1], count[2]))
        )
    product = matmul(e, arranged[0], arranged[1], op.results[0])
    return reshape(e, product, ring.shape(op.results[0].type))


def _none_open(e: Emitter, values: list[Value]) -> list[Value]:
    """Operands of a product, public ones among them that are known only at the call as secrets."""
    like = next(value for value in values if isinstance(value, SSAValue))
    like = e.with_fraction(like, max(ring.fraction(like), 12))
    return [e.made_secret(v, like) if isinstance(v, Public) and v.numbers is None else v for v in values]


def _convolution(e: Emitter, op: pphlo.ConvolutionOp, values: list[Value]) -> Value:
    labels = op.dimension_labels()
    spatial = [str(axis) for axis in range(len(labels[0]) - 2)]
    wanted = (["b", *spatial, "f"], [*spatial, "i", "o"], ["b", *spatial, "f"])
    orders = [[found.index(label) for label in order] for found, order in zip(labels, wanted)]
    image, kernel = (
        _arranged(e, value, order, tuple(_shape(value)[dim] for dim in order))
        for value, order in zip(_none_open(e, _numbers(e, values, op.result)), orders)
    )
    if _shape(image)[-1] != _shape(kernel)[-2]:
        raise e.fail("grouped convolutions are not supported; convolve the groups one by one")
    strides = pphlo.integers(op.stride)
    shape = tuple(ring.shape(op.result.type)[dim] for dim in orders[2])
    if len(spatial) == 2 and isinstance(image, SSAValue) and isinstance(kernel, SSAValue):
        width, usual = e.ring_of(op.result.type)[0], e.usual_fraction(op.result)
        total = ring.fraction(image) + ring.fraction(kernel)
        fraction = min(total, resting_fraction(op.result, usual))
        type = ring.fxp(shape, width, fraction)
        result = e.emit(ring.ConvOp, [image, kernel], type, strides=list(strides), shift=total - fraction)
    else:
        patches = _patches(e, image, _shape(kernel)[:-2], strides)
        taps = _arranged(e, kernel, list(range(len(_shape(kernel)))), (1, _shape(patches)[-1], _shape(kernel)[-1]))
        result = reshape(e, matmul(e, patches, taps, op.result), shape)
    return transpose(e, result, [wanted[2].index(label) for label in labels[2]])


def _patches(e: Emitter, image: Value, sizes: Sequence[int], strides: Sequence[int]) -> Value:
    """What a kernel meets at each of its places, a row each: a convolution is then a product."""
    shape = _shape(image)
    windows = windows_of(
        np.arange(math.prod(shape)).reshape(shape), (1, *sizes, 1), (1, *strides, 1), (1,) * len(shape)
    )
    # From [.., channels, taps] to the order of the kernel.
    index = np.moveaxis(windows, -1, -2).reshape(1, -1, math.prod(sizes) * shape[-1])
    if isinstance(image, SSAValue):
        flat = reshape(e, image, (math.prod(shape),))
        return e.emit(ring.TakeOp, [flat, e.constant(index)], moved_type(flat, index.shape))
    return Public(TensorType(pphlo.element_type(image.type), list(index.shape)), image.known().reshape(-1)[index])


def _embedding(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """Rows of a table at secret positions: one-hot rows times the table, exactly."""
    table, ids = values
    if isinstance(ids, Public):
        return _rows_at(e, op, table, ids)
    made, bits = op.results[0], is_bits(op.results[0].type)
    (depth, columns), count = _shape(table)[-2:], math.prod(ring.shape(ids))
    width, fraction = (_BIT_WIDTH, 0) if bits else e.ring_of(made.type)
    if isinstance(table, SSAValue):
        if bits:
            table = e.emit(ring.BitToFxpOp, [table], ring.fxp((depth, columns), width, 0))
        width, fraction = ring.width(table), ring.fraction(table)
    hot = ring.fxp((count, depth), width, 0)
    # Claimed until ranges tell that no id is without a row.
    refuses = {"within": 1, CLAIM: math.inf} if pphlo.REFUSES in op.attributes else {}
    rows = e.emit(ring.OneHotOp, [reshape(e, ids, (count,))], hot, depth=depth, **refuses)
    rows = reshape(e, rows, (1, count, depth))
    result = ring.fxp((1, count, columns), width, fraction)
    if isinstance(table, SSAValue):
        found = e.emit(ring.MatmulOp, [rows, reshape(e, table, (1, depth, columns))], result, shift=0)
    elif table.numbers is None:
        # Known at the call only; its shape is that of the product already.
        encoded = e.encode(table, fraction)
        found = e.emit(ring.MatmulPublicOp, [rows, encoded], result, shift=0)
    else:
        numbers = table.numbers.reshape(1, depth, columns)
        encoded = e.constant(numbers.astype(np.float64 if table.is_float else np.int64))
        if table.is_float:
            encoded = e.emit(ring.EncodeOp, [encoded], public_type(numbers.shape), fraction=fraction)
        found = e.emit(ring.MatmulPublicOp, [rows, encoded], result, shift=0)
    if bits:
        found = complement(e, zero(e, found))
    return reshape(e, found, ring.shape(made.type))


def _rows_at(e: Emitter, op: Operation, table: Value, ids: Public) -> Value:
    """Rows of a secret table at positions that are known though the program calls them secret; zeros where none is."""
    depth, columns = _shape(table)
    if ids.numbers is None or not isinstance(table, SSAValue):
        raise e.fail("a public argument is looked up as if it were secret; declare it secret")
    rows = ids.numbers.astype(np.int64).reshape(-1, 1)
    index = np.where((rows >= 0) & (rows < depth), rows * columns + np.arange(columns), -1)
    shape = ring.shape(op.results[0].type)
    flat = reshape(e, table, (depth * columns,))
    return e.emit(ring.TakeOp, [flat, e.constant(index.reshape(shape))], moved_type(flat, shape))


def _one_hot(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """Ids as rows of zeros and a one, in the ring of the result's dtype, without fraction bits."""
    [ids] = values
    if not isinstance(ids, SSAValue):
        raise e.fail("a public argument is a position as if it were secret; declare it secret")
    shape = ring.shape(op.results[0].type)
    type = ring.fxp(shape, e.ring_of(op.results[0].type)[0], 0)
    return e.emit(ring.OneHotOp, [ids], type, depth=shape[-1])


RULES: dict[str, Rule] = {
    "pphlo.dot": _dot,
    "pphlo.dot_general": _dot_general,
    "pphlo.convolution": _convolution,
}
CALLS: dict[str, Rule] = {"ditto.embedding": _embedding, "ditto.one_hot": _one_hot}
