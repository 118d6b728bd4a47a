"""One element of a large product that leaves its range is found, though nothing says how large the numbers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import spu_ditto

SHAPE = (96, 96)
# Products of f32 are below 2^27.
LIMIT = 2.0**27
Array = np.ndarray[Any, Any]


def numbers(rng: np.random.Generator, place: tuple[int, int], outlier: float) -> Array:
    x = rng.standard_normal(SHAPE).astype(np.float32)
    x[place] = outlier
    return x


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, int], ...]]] = {
    "matmul": (lambda x, y: x @ y, ((3, 5), (5, 7))),
    "mul": (lambda x, y: x * y, ((7, 28), (7, 28))),
    "square": (lambda x: x * x, ((7, 28),)),
}


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> tuple[Any, Callable[..., Any], tuple[tuple[int, int], ...]]:
    function, places = PROGRAMS[request.param]
    return spu_ditto.compile(function), function, places


def arguments(places: tuple[tuple[int, int], ...], part: float, seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    factors = {1: [np.sqrt(part * LIMIT)], 2: [2.0**13, part * LIMIT / 2.0**13]}[len(places)]
    return [numbers(rng, place, factor) for place, factor in zip(places, factors)]


# What is 32 times too large has wrapped 16 times, which sums with four bits to spare do not see.
@pytest.mark.parametrize("part", [1.01, 1.3, 1.6, 2.0, 2.4, 3.1, 7.9])
def test_one_element_out_of_range_is_refused(program: Any, part: float) -> None:
    secure, _, places = program
    for seed in range(3):
        with pytest.raises(spu_ditto.RangeError, match="left the range"):
            secure(*arguments(places, part, seed))


@pytest.mark.parametrize("part", [0.01, 0.5, 0.74])
def test_one_large_element_is_right(program: Any, part: float) -> None:
    secure, function, places = program
    for seed in range(3):
        x = arguments(places, part, seed)
        expected = function(*(a.astype(np.float64) for a in x))
        # Numbers come in with 18 fraction bits.
        error = 2.0**-18 * np.max([np.max(np.abs(a)) for a in x]) + 2.0**-9 * np.abs(expected)
        assert np.all(np.abs(np.asarray(secure(*x)) - expected) <= error)


def test_a_sum_of_many_is_as_large_as_the_ring_holds() -> None:
    """100,000 labels of any size would take more than 64 bits; most labels are small."""
    secure = spu_ditto.compile(lambda y: (y.astype(np.float32) + 0.25).sum())
    for label in (1, -1000, 2**26):
        expected = 100_000 * (label + 0.25)
        np.testing.assert_allclose(secure(np.full(100_000, label, np.int32)), expected, rtol=2.0**-20)
    with pytest.raises(spu_ditto.RangeError, match="left the range"):
        secure(np.full(100_000, 2**30, np.int32))
