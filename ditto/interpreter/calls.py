"""NumPy kernels of `pphlo.custom_call`, by the call's target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erf, erfc, erfinv, expit
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, IntegerAttr

from ditto.dialects import pphlo
from ditto.dialects.dense import Array


def gather(op: pphlo.CustomCallOp, operand: Array, indices: Array) -> Array:
    """StableHLO's gather: slices of `operand` that start where the vectors in `indices` say (clamped)."""
    parameters = op.attributes["pphlo.attributes"]
    assert isinstance(parameters, DictionaryAttr)

    def numbers(name: str) -> list[int]:
        values = parameters.data[name]
        assert isinstance(values, DenseArrayBase)
        return [int(value) for value in values.get_values()]

    sizes, offset_dims = numbers("slice_sizes"), numbers("offset_dims")
    collapsed, start_map = numbers("collapsed_slice_dims"), numbers("start_index_map")
    vector_dim = parameters.data["index_vector_dim"]
    assert isinstance(vector_dim, IntegerAttr)
    axis = vector_dim.value.data
    starts = indices[..., None] if axis == indices.ndim else np.moveaxis(indices, axis, -1)
    result = pphlo.shape_of(op.outputs[0])
    batch_dims = [dim for dim in range(len(result)) if dim not in offset_dims]

    def along(dims: list[int], array: Array) -> Array:
        """`array` with its axes at the result's `dims`, extent 1 elsewhere."""
        extents = [1] * len(result)
        for dim, extent in zip(dims, array.shape, strict=True):
            extents[dim] = extent
        return array.reshape(extents)

    kept = [dim for dim in range(operand.ndim) if dim not in collapsed]
    selectors = []
    for dim, size in enumerate(sizes):
        selector = np.zeros([1] * len(result), np.int64)
        if dim in start_map:
            start = np.clip(starts[..., start_map.index(dim)].astype(np.int64), 0, operand.shape[dim] - size)
            selector = selector + along(batch_dims, start)
        if dim in kept:
            selector = selector + along([offset_dims[kept.index(dim)]], np.arange(size))
        selectors.append(selector)
    return np.broadcast_to(operand[tuple(selectors)], result)


def take(op: pphlo.CustomCallOp, x: Array, positions: Array) -> Array:
    """The elements of x, flattened, at `positions`."""
    return np.asarray(x.reshape(-1)[positions])


def one_hot(op: pphlo.CustomCallOp, ids: Array) -> Array:
    """A row for every id, with a one at its position."""
    return np.asarray(ids[..., None] == np.arange(pphlo.shape_of(op.outputs[0])[-1])).astype(np.int64)


def embedding(op: pphlo.CustomCallOp, table: Array, ids: Array) -> Array:
    """Row `ids[i]` of `table` (with or without a batch of one) for every i; zeros where there is no such row."""
    table, flat = table.reshape(table.shape[-2:]), ids.reshape(-1)
    valid = (flat >= 0) & (flat < table.shape[0])
    rows = table[np.where(valid, flat, 0)] * valid[:, None].astype(table.dtype)
    result: Array = rows.reshape(pphlo.shape_of(op.outputs[0]))
    return result


def exact_gelu(x: Array) -> Array:
    """x times the normal distribution's cumulative function, of any float dtype, in its precision."""
    result: Array = x * (0.5 * (1 + erf(x * np.sqrt(0.5).astype(x.dtype))))
    return result


def exact_logistic(x: Array) -> Array:
    """1 / (1 + e^-x)."""
    return np.asarray(expit(x))


def top_k(op: pphlo.CustomCallOp, x: Array, *again: Array) -> tuple[Array, ...]:
    """The first elements along the last axis in falling or rising order, and their positions; of equals the first."""
    count = pphlo.shape_of(op.outputs[0])[-1]
    if pphlo.asks_for_least(op):
        order = np.argsort(x, axis=-1, kind="stable")[..., :count]
    else:
        order = x.shape[-1] - 1 - np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1][..., :count]
    return (np.take_along_axis(x, order, -1), order)[: len(op.outputs)]


CALLS: dict[str, Callable[..., Any]] = {
    "spu.gather": gather,
    # Hints about where to keep a value, and what a cache is told about it.
    "spu.prefer_a": lambda op, x: x,
    "spu.make_cached_var": lambda op, x: x,
    "spu.drop_cached_var": lambda op, x, *others: x,
    "mhlo.tan": lambda op, x: np.tan(x),
    "mhlo.is_finite": lambda op, x: np.isfinite(x),
    "mpc.topk": top_k,
    "mhlo.topk": top_k,
    "mpc.acos": lambda op, x: np.arccos(x),
    "mpc.acosh": lambda op, x: np.arccosh(x),
    "mpc.asin": lambda op, x: np.arcsin(x),
    "mpc.asinh": lambda op, x: np.arcsinh(x),
    "mpc.atan": lambda op, x: np.arctan(x),
    "mpc.atanh": lambda op, x: np.arctanh(x),
    "mpc.cbrt": lambda op, x: np.cbrt(x),
    "mpc.cosh": lambda op, x: np.cosh(x),
    "mpc.erf": lambda op, x: erf(x),
    "mhlo.erf": lambda op, x: erf(x),
    "mpc.erfc": lambda op, x: erfc(x),
    "mpc.erf_inv": lambda op, x: erfinv(x),
    "mpc.sinh": lambda op, x: np.sinh(x),
    "mpc.tan": lambda op, x: np.tan(x),
    "ditto.one_hot": one_hot,
    "ditto.take": take,
    "ditto.embedding": embedding,
    "ditto.gelu": lambda op, x: exact_gelu(x),
    "ditto.times_inverse": lambda op, x, inverse: x * inverse,
    "ditto.logistic": lambda op, x: exact_logistic(x),
}
