"""What the body of a reduction computes, found by running it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Region, SSAValue

from ditto.analysis.identify_by_running import evaluated, run_region, sample_numbers
from ditto.analysis.look_through import splat_value
from ditto.dialects import pphlo
from ditto.dialects.dense import Array


def is_neutral(body: Region, initial: Sequence[SSAValue]) -> bool:
    """Whether a body that takes (accumulators, elements) leaves elements as they are when it starts from `initial`."""
    numbers = [splat_value(value) for value in initial]
    if any(number is None for number in numbers):
        return False
    samples = [sample_numbers(value.type) for value in initial]
    starts = [np.full_like(sample, number) for sample, number in zip(samples, numbers, strict=True)]
    for arguments in ([*starts, *samples], [*samples, *starts]):
        results = run_region(body, arguments)
        if results is None or not all(map(np.array_equal, results, samples)):
            return False
    return True


def seeks_extreme(op: pphlo.ReduceOp) -> int | None:
    """1 or -1 if a reduction of numbers and their positions along one axis gives the greatest or the least number and
    the first position where it stands; None if it is anything else."""
    if len(op.inputs) != 2 or len(op.dimensions) != 1 or not pphlo.is_secret(op.inputs[0].type):
        return None
    if not _is_iota(op.inputs[1], op.dimensions[0]):
        return None
    sample = sample_numbers(op.inputs[0].type)
    first, second = (grid.reshape(-1) for grid in np.meshgrid(sample, sample))
    dtype = pphlo.dtype_of(pphlo.element_type(op.inputs[1].type))
    early, late = np.zeros(first.shape, dtype), np.full(first.shape, 3, dtype)
    results = run_region(op.body, [first, early, second, late])
    if results is None:
        return None
    for sign in (1, -1):
        kept = (first >= second) if sign > 0 else (first <= second)
        if _same(results, [np.where(kept, first, second), np.where(kept, early, late)]):
            return sign
    return None


def _same(results: Sequence[Array], expected: Sequence[Array]) -> bool:
    return all(map(np.array_equal, results, expected))


def _is_iota(value: SSAValue, dim: int) -> bool:
    positions = evaluated(value)
    if positions is None:
        return False
    extents = [n if axis == dim else 1 for axis, n in enumerate(positions.shape)]
    return bool(np.all(positions == np.arange(positions.shape[dim]).reshape(extents)))
