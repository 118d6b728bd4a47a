"""Fourier series of powers of a positive number, for the protocol that sums them in one round (series.h)."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

# As fine as octaves.h.
_RELATIVE = 2.0**-13
# Of the error of the factors, as a part of all that is allowed; they are many, and their errors independent.
_FACTORS = 2.0**-2.5
# Beside the range, to either side.
_MARGIN = 1 / 32
# The weight of coefficients beside that of errors.
_SMALL = 1e-5
# From here on fitting takes seconds, and the dealt numbers more than rounds are worth.
MOST_OCTAVES = 10
_MOST_FACTOR_BITS = 24
# Coefficients are multiples of 2^-30.
_UNIT_BITS = 30
# Terms for each multiple of the range's lower end that is in it: the steeper, the more.
_DENSITY = {-0.5: 0.9, -1.0: 1.15}


@dataclass(frozen=True)
class Series:
    """c_0 + sum_k a_k cos(2 pi k x / P) + b_k sin(2 pi k x / P), with P = 5/4 2^hi.

    Attributes:
        coefficients: c_0, a_1, b_1, a_2, ...
        table_bits, dealt_bits: fractional bits of the public and of the dealt factors.
    """

    coefficients: tuple[float, ...]
    table_bits: int
    dealt_bits: int


def power_series(power: float, lo: int, hi: int, fraction: int) -> Series | None:
    """x^power for 2^lo <= x < 2^hi, to 2^-13 relative, or a quarter of a unit of `fraction` bits, whichever is more.

    None where it takes too many terms, or factors of more bits than there are.
    """
    if not 1 <= hi - lo <= MOST_OCTAVES:
        return None
    normal, error = _normal(power, hi - lo)
    if error > _RELATIVE / 2:
        return None
    # As the engine takes them; what another machine's library computes differs in the last bits.
    coefficients = np.rint(2.0 ** (power * lo + _UNIT_BITS) * normal) / 2.0**_UNIT_BITS
    allowed = _FACTORS * max(2.0 ** (power * hi) * _RELATIVE, 2.0 ** (-fraction - 2))
    # Of a rounding, a twelfth of the square of a unit; a dealt factor's square is one half on average.
    terms = len(coefficients) // 2
    table = _bits(math.sqrt(terms / 12) / allowed)
    dealt = _bits(math.sqrt(float(np.sum(coefficients[1:] ** 2)) / 24) / allowed)
    # Whoever adds them up rounds to the unit of the result.
    dealt = max(dealt, fraction - table)
    if max(table, dealt) > _MOST_FACTOR_BITS:
        return None
    return Series(tuple(map(float, coefficients)), table, dealt)


def _bits(ratio: float) -> int:
    return max(1, math.ceil(math.log2(ratio)))


@functools.cache
def _normal(power: float, octaves: int) -> tuple[Reals, float]:
    """y^power for 1 <= y < 2^octaves, of period 5/4 2^octaves: coefficients, and the largest relative error."""
    top = 2.0**octaves
    terms = math.ceil(_DENSITY[power] * top) + 5
    # As many close to 1, where it is steep, as everywhere else.
    low, high = 1 - _MARGIN, top * (1 + _MARGIN)
    steep, y = np.geomspace(low, high, 3 * terms + 100), np.linspace(low, high, 3 * terms + 100)
    y = np.concatenate([steep, y])
    # Least squares of relative errors, and of coefficients, which stay small whatever is in the gap.
    weighted = _basis(y, terms, top) * (y**-power)[:, None]
    squares = weighted.T @ weighted / len(y)
    squares[np.diag_indices_from(squares)] += _SMALL**2
    coefficients = np.linalg.solve(squares, weighted.mean(0))
    between = (steep[1:] + steep[:-1]) / 2
    error = np.abs(_basis(between, terms, top) @ coefficients * between**-power - 1).max()
    return coefficients, float(error)


def _basis(y: Reals, terms: int, top: float) -> Reals:
    angles = 2 * np.pi / (1.25 * top) * np.outer(y, np.arange(1, terms + 1))
    basis = np.empty((len(y), 2 * terms + 1))
    basis[:, 0], basis[:, 1::2], basis[:, 2::2] = 1, np.cos(angles), np.sin(angles)
    return basis
