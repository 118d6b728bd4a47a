"""NumPy kernels of the PPHLO operations that move data: they take the operation and its operands' arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ditto.dialects import pphlo
from ditto.dialects.dense import Array


def reshape(op: pphlo.ReshapeOp, x: Array) -> Array:
    return _reshape(x, pphlo.shape_of(op.operand), op.shape)


def _reshape(x: Array, before: tuple[int, ...], after: tuple[int, ...]) -> Array:
    # A reduction's body is evaluated on whole arrays in place of its scalars, so scalars pass unchanged.
    return x if before == after else x.reshape(after)


def transpose(op: pphlo.TransposeOp, x: Array) -> Array:
    return x.transpose(op.dimensions) if op.dimensions else x


def broadcast(op: pphlo.BroadcastOp, x: Array) -> Array:
    source = pphlo.shape_of(op.operand)
    if source == op.shape and op.dimensions == tuple(range(len(source))):
        return x
    extents = [1] * len(op.shape)
    for extent, dim in zip(source, op.dimensions, strict=True):
        extents[dim] = extent
    return np.broadcast_to(x.transpose(np.argsort(op.dimensions)).reshape(extents), op.shape)


def reverse(op: pphlo.ReverseOp, x: Array) -> Array:
    return np.flip(x, op.dimensions)


def slice_(op: pphlo.SliceOp, x: Array) -> Array:
    return x[tuple(op.ranges())]


def _starts(indices: Sequence[Array], shape: tuple[int, ...], sizes: Sequence[int]) -> tuple[slice, ...]:
    starts = (min(max(int(index), 0), extent - size) for index, extent, size in zip(indices, shape, sizes, strict=True))
    return tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))


def dynamic_slice(op: pphlo.DynamicSliceOp, x: Array, *indices: Array) -> Array:
    return x[_starts(indices, x.shape, op.shape)]


def dynamic_update_slice(op: pphlo.DynamicUpdateSliceOp, x: Array, update: Array, *indices: Array) -> Array:
    result = np.array(x)
    result[_starts(indices, x.shape, update.shape)] = update
    return result


def concatenate(op: pphlo.ConcatenateOp, *parts: Array) -> Array:
    return np.concatenate(parts, op.dimension)


def pad(op: pphlo.PadOp, x: Array, value: Array) -> Array:
    edges = op.edges()
    whole = tuple(
        max(low, 0) + n + max(0, n - 1) * interior + max(high, 0)
        for n, (low, high, interior) in zip(x.shape, edges, strict=True)
    )
    result = np.full(whole, value, x.dtype)
    result[
        tuple(
            slice(max(low, 0), max(low, 0) + n + max(0, n - 1) * interior, interior + 1)
            for n, (low, _, interior) in zip(x.shape, edges, strict=True)
        )
    ] = x
    kept = (slice(max(-low, 0), n - max(-high, 0)) for n, (low, high, _) in zip(whole, edges, strict=True))
    return result[tuple(kept)]


def iota(op: pphlo.IotaOp) -> Array:
    dim = op.dim.value.data
    extents = [extent if axis == dim else 1 for axis, extent in enumerate(op.shape)]
    dtype = pphlo.dtype_of(pphlo.element_type(op.result.type))
    return np.broadcast_to(np.arange(op.shape[dim]).astype(dtype).reshape(extents), op.shape)
