"""The claim every test here checks: a number is right within its stated error, or there is an error instead of it.

outcome = run_of(lambda: secure(x, y))
outcome.check(expected, tolerance)                 # right, or refused
outcome.check(expected, tolerance, refusable=False)  # right
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spu_ditto

Array = NDArray[Any]

# What names the operation, the range and the remedy before a number is returned.
REFUSALS = (spu_ditto.RangeError, spu_ditto.CompileError, spu_ditto.UnsupportedError)
# Relative error, and units of the result's fraction, where an operation states nothing else.
RELATIVE, UNITS = 2.0**-10, 4.0
UNIT = {np.dtype(np.float16): 2.0**-8, np.dtype(np.float32): 2.0**-18}


def stated_error(expected: Array, dtype: Any) -> Array:
    """The error allowed of results of a dtype: 2^-10 relative or 4 units, none for integers and booleans."""
    unit = UNIT.get(np.dtype(dtype))
    if unit is None:
        return np.zeros(np.shape(expected))
    return np.asarray(np.maximum(RELATIVE * np.abs(np.asarray(expected, np.float64)), UNITS * unit))


@dataclass(frozen=True)
class Outcome:
    """What a run gave: results, or the refusal."""

    results: list[Array] | None
    refusal: Exception | None = None

    def check(
        self,
        expected: Sequence[Any],
        tolerance: Sequence[Any] | None = None,
        *,
        refusable: bool = True,
        judged: Sequence[Any] | None = None,
    ) -> None:
        """Fails unless the results are right, or were refused and may be.

        Args:
            expected: real numbers or integers, one array per result.
            tolerance: the absolute error allowed, one array (or number) per result; by default `stated_error`.
            judged: masks of the elements that count, one per result; by default all.
        """
        if self.refusal is not None:
            assert refusable, f"refused: {type(self.refusal).__name__}: {self.refusal}"
            assert str(self.refusal), "a refusal says why"
            return
        assert self.results is not None
        assert len(self.results) == len(expected)
        for index, (result, wanted) in enumerate(zip(self.results, expected)):
            allowed = stated_error(np.asarray(wanted), result.dtype) if tolerance is None else tolerance[index]
            assert result.shape == np.shape(wanted)
            off = ~is_right(result, np.asarray(wanted), np.broadcast_to(allowed, result.shape))
            if judged is not None:
                off &= np.broadcast_to(judged[index], off.shape)
            if off.any():
                raise AssertionError(f"result {index} is wrong: {_first(off, result, np.asarray(wanted), allowed)}")


def is_right(result: Array, expected: Array, allowed: Array) -> Array:
    """Which elements of a result are within the error allowed; infinity is right where its dtype cannot hold more."""
    with np.errstate(invalid="ignore", over="ignore"):
        if result.dtype.kind != "f":
            return np.asarray(np.abs(result.astype(object) - expected.astype(object)) <= allowed, np.bool_)
        exact = expected.astype(np.float64)
        near = np.abs(result.astype(np.float64) - exact) <= allowed
        overflown = np.isinf(result) & (np.sign(result) == np.sign(exact))
        return np.asarray(near | (overflown & (np.abs(exact) * (1 + RELATIVE) >= np.finfo(result.dtype).max)))


def _first(off: Array, result: Array, expected: Array, allowed: Any) -> str:
    at = tuple(int(i) for i in np.argwhere(off)[0])
    bound = np.broadcast_to(allowed, result.shape)[at]
    return f"{result[at]!r} at {list(at)} instead of {expected[at]!r} within {bound:g} ({off.sum()} of {off.size})"


def run_of(run: Callable[[], Any]) -> Outcome:
    """Runs; results or refusal. Any other exception is a failure and goes on its way."""
    import jax

    try:
        results = run()
    except REFUSALS as error:
        return Outcome(None, error)
    return Outcome([np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(results)])
