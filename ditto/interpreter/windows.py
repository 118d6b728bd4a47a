"""NumPy kernels of the operations on windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ditto.dialects import pphlo
from ditto.dialects.dense import Array

# The body of an operation, on whole arrays in place of its scalars.
Body = Callable[[Sequence[Array]], Sequence[Array]]


def windows_of(x: Array, sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Array:
    """The elements of every window of x: dimensions of the windows, then their places in row-major order."""
    counts = pphlo.window_counts(x.shape, sizes, strides, dilations)
    if 0 in counts:
        return np.zeros((*counts, math.prod(sizes)), x.dtype)
    spans = [(size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    spread: Array = sliding_window_view(x, spans)
    spread = spread[tuple(slice(None, None, step) for step in (*strides, *dilations))]
    return spread.reshape(*counts, math.prod(sizes))


def fold(arrays: Sequence[Array], body: Body) -> list[Array]:
    """What an associative body makes of the entries along the last axis, which are one or more: neighbours together."""
    folded = list(arrays)
    while (extent := folded[0].shape[-1]) > 1:
        even = extent - extent % 2
        combined = body([a[..., :even:2] for a in folded] + [a[..., 1:even:2] for a in folded])
        folded = [np.concatenate([c, a[..., even:]], -1) for c, a in zip(combined, folded, strict=True)]
    return [a[..., 0] for a in folded]


def reduce_window(op: pphlo.ReduceWindowOp, inputs: Sequence[Array], body: Body) -> Sequence[Array]:
    count = len(op.inputs)
    arrays = [windows_of(x, *op.windows) for x in inputs[:count]]
    return body([*inputs[count:], *fold(arrays, body)])


def select_and_scatter(
    op: pphlo.SelectAndScatterOp, inputs: Sequence[Array], select: Body, scatter: Body
) -> Sequence[Array]:
    x, source, initial = inputs

    def better(pair: Sequence[Array]) -> Sequence[Array]:
        first, place, other, other_place = pair
        kept = select([first, other])[0]
        return [np.where(kept, first, other), np.where(kept, place, other_place)]

    places = np.arange(x.size).reshape(x.shape)
    _, chosen = fold([windows_of(x, *op.windows), windows_of(places, *op.windows)], better)
    result = np.full(x.size, initial, np.result_type(initial, source))
    for place, number in zip(chosen.reshape(-1), source.reshape(-1), strict=True):
        result[place] = scatter([result[place], number])[0]
    return [result.reshape(x.shape)]


def argmax(op: pphlo.ArgmaxOp, x: Array) -> Sequence[Array]:
    entries = windows_of(x, *op.windows)
    best = entries.argmax(-1)[..., None]
    return [np.take_along_axis(entries, best, -1)[..., 0], best == np.arange(entries.shape[-1])]


def maxpool_scatter(op: pphlo.MaxpoolScatterOp, places: Array, update: Array) -> Sequence[Array]:
    shape = pphlo.shape_of(op.result)
    positions = windows_of(np.arange(math.prod(shape)).reshape(shape), *op.windows)
    result = np.zeros(math.prod(shape), update.dtype)
    np.add.at(result, positions, np.where(places, update[..., None], update.dtype.type(0)))
    return [result.reshape(shape)]
