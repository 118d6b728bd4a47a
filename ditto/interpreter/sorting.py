"""NumPy kernels of sorting: with any comparator, by the same network as among secret numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter.sorting_network import stages

# Whether elements come before others: takes those and these of each tensor, alternating.
Comparator = Callable[[Sequence[Array]], Array]


def sort(op: pphlo.SortOp, inputs: Sequence[Array], comparator: Comparator) -> Sequence[Array]:
    """Equal elements stay in their order."""
    if not inputs[0].size:
        return inputs
    arrays = [np.array(np.moveaxis(x, op.axis, -1)) for x in inputs]
    arrays.append(np.broadcast_to(np.arange(arrays[0].shape[-1]), arrays[0].shape).copy())
    for low, high in stages(arrays[0].shape[-1]):
        lower, upper = [x[..., low] for x in arrays], [x[..., high] for x in arrays]
        *firsts, place = lower
        *seconds, other = upper
        before = comparator([value for pair in zip(seconds, firsts, strict=True) for value in pair])
        after = comparator([value for pair in zip(firsts, seconds, strict=True) for value in pair])
        exchanged = before | (~after & (other < place))
        for x, a, b in zip(arrays, lower, upper, strict=True):
            x[..., low], x[..., high] = np.where(exchanged, b, a), np.where(exchanged, a, b)
    return [np.moveaxis(x, -1, op.axis) for x in arrays[:-1]]


def simple_sort(op: pphlo.SimpleSortOp, *inputs: Array) -> Sequence[Array]:
    """Equal elements stay in their order."""
    keys = [np.moveaxis(x, op.axis, -1) for x in inputs[: op.keys]]
    if not op.ascends:
        # Turned round before and after, so that equal elements keep their order.
        keys = [key[..., ::-1] for key in keys]
    order = np.lexsort(keys[::-1], axis=-1)
    if not op.ascends:
        order = order.shape[-1] - 1 - order[..., ::-1]
    return [np.moveaxis(np.take_along_axis(np.moveaxis(x, op.axis, -1), order, -1), -1, op.axis) for x in inputs]
