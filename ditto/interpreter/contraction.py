"""NumPy kernels of products and sums: dot, dot_general, convolution."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ditto.dialects import pphlo
from ditto.dialects.dense import Array


def widened(x: Array) -> Array:
    """f16 as f32: NumPy has no fast f16 product, and other frameworks do not round every partial sum either."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _factors(op: pphlo.OneResult, lhs: Array, rhs: Array) -> tuple[Array, Array]:
    """Both as they are multiplied: integers in the dtype of the result, whose sums wrap."""
    dtype = pphlo.dtype_of(pphlo.element_type(op.result.type))
    return (lhs.astype(dtype), rhs.astype(dtype)) if dtype.kind in "iu" else (widened(lhs), widened(rhs))


def dot(op: pphlo.DotOp, lhs: Array, rhs: Array) -> Array:
    product: Array = np.dot(*_factors(op, lhs, rhs))
    return product


def dot_general(op: pphlo.DotGeneralOp, lhs: Array, rhs: Array) -> Array:
    lhs, rhs = _factors(op, lhs, rhs)
    (lhs_batching, rhs_batching), (lhs_contracting, rhs_contracting) = op.batching(), op.contracting()
    lhs_free = [d for d in range(lhs.ndim) if d not in lhs_batching and d not in lhs_contracting]
    rhs_free = [d for d in range(rhs.ndim) if d not in rhs_batching and d not in rhs_contracting]
    batch = [lhs.shape[d] for d in lhs_batching]
    depth = math.prod(lhs.shape[d] for d in lhs_contracting)
    rows = lhs.transpose([*lhs_batching, *lhs_free, *lhs_contracting]).reshape([*batch, -1, depth])
    columns = rhs.transpose([*rhs_batching, *rhs_contracting, *rhs_free]).reshape([*batch, depth, -1])
    product: Array = np.matmul(rows, columns)
    return product.reshape(op.shape)


def convolution(op: pphlo.ConvolutionOp, lhs: Array, rhs: Array) -> Array:
    lhs, rhs = _factors(op, lhs, rhs)
    inputs, kernel, result = op.dimension_labels()
    spatial = [str(axis) for axis in range(lhs.ndim - 2)]
    x = lhs.transpose([inputs.index(label) for label in ["b", *spatial, "f"]])
    w = rhs.transpose([kernel.index(label) for label in [*spatial, "i", "o"]])
    windows: Array = sliding_window_view(x, w.shape[: len(spatial)], tuple(range(1, 1 + len(spatial))))  # type: ignore[call-overload]
    windows = windows[(slice(None), *(slice(None, None, step) for step in pphlo.integers(op.stride)))]
    # windows: [b, positions.., f, taps..]; the kernel's [taps.., i, o] becomes [i, taps.., o].
    w = np.moveaxis(w, -2, 0)
    y = np.tensordot(windows, w, (range(1 + len(spatial), windows.ndim), range(w.ndim - 1)))
    return y.transpose([["b", *spatial, "f"].index(label) for label in result])
