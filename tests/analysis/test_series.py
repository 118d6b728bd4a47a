"""Powers as Fourier series: close to them on their whole range, and no series where it takes too much."""

from __future__ import annotations

import numpy as np
import pytest

from ditto.analysis.series import MOST_OCTAVES, power_series


@pytest.mark.parametrize("power", [-0.5, -1.0])
@pytest.mark.parametrize("lo", [-6, 0, 3])
@pytest.mark.parametrize("octaves", range(1, MOST_OCTAVES + 1))
def test_a_series_is_its_power(power: float, lo: int, octaves: int) -> None:
    hi = lo + octaves
    if (series := power_series(power, lo, hi, fraction=30)) is None:
        assert octaves + hi > 7
        return
    x = np.random.default_rng(octaves).uniform(2.0**lo, 2.0**hi, 4000)
    x[:3] = 2.0**lo, 2.0**lo * (1 - 2.0**-6), 2.0**hi
    c, k = np.array(series.coefficients), np.arange(1, len(series.coefficients) // 2 + 1)
    angles = 2 * np.pi * np.outer(x, k) / (1.25 * 2.0**hi)
    # As many bits as its factors have, rounded with one coin for all.
    factors = np.rint((c[1::2] * np.cos(angles) + c[2::2] * np.sin(angles)) * 2.0**series.table_bits)
    found = c[0] + factors.sum(1) * 2.0**-series.table_bits
    np.testing.assert_allclose(found, x**power, rtol=2.0**-13)


def test_a_coarse_result_takes_fewer_bits() -> None:
    fine, coarse = (power_series(-0.5, -2, 2, fraction) for fraction in (20, 6))
    assert fine is not None and coarse is not None
    assert coarse.table_bits < fine.table_bits and coarse.dealt_bits < fine.dealt_bits
    assert coarse.table_bits + coarse.dealt_bits >= 6


@pytest.mark.parametrize(("lo", "hi"), [(0, MOST_OCTAVES + 1), (20, 27), (3, 3), (4, 2)])
def test_what_has_no_series(lo: int, hi: int) -> None:
    assert power_series(-1.0, lo, hi, 30) is None
