"""Extension and division between rings of every width: exact integers, quotients within the promised error."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ditto import _core
from tests.e2e.programs import Builder, Value, fxp, value_type

Integers = np.ndarray[Any, np.dtype[np.int64]]

PARTIES = _core.Simulator(20.0)
EXAMPLES = settings(max_examples=40, deadline=None, derandomize=True)


def engine(op: str, operands: list[tuple[Value, Integers]], result: Value, **attrs: int) -> Integers:
    """The integers an op gives; it must send what it declares."""
    b = Builder()
    ids = [b.input(value) for value, _ in operands]
    program = _core.Program(b.text(b.op(op, ids, result, **attrs)), [])
    inputs = [PARTIES.put(integers, value_type(value).width) for value, integers in operands]
    [found], _, (p0, p1, p2) = PARTIES.run(program, inputs)
    for id in inputs:
        PARTIES.drop(id)
    cost = program.cost()
    assert (p0["offline"], p1["online"] + p2["online"], p1["rounds"]) == (
        cost["offline"],
        cost["online"],
        cost["rounds"],
    )
    return np.asarray(found)


def of_all_lengths(rng: np.random.Generator, n: int, bits: int) -> Integers:
    """Integers of either sign below 2^bits, as many short as long."""
    sizes = rng.integers(0, 2**bits, n) >> rng.integers(0, bits, n)
    return np.where(rng.integers(0, 2, n) == 1, sizes, -sizes)


@EXAMPLES
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), n=st.sampled_from([1, 40, 400]))
def test_extension_wraps_any_integer(data: st.DataObject, seed: int, n: int) -> None:
    width = data.draw(st.integers(2, 64), "width")
    bits = data.draw(st.integers(2, min(width, 63)), "bits")
    to = data.draw(st.integers(bits + 1, 64), "to")
    half = 2 ** (bits - 1)
    x = np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, n)
    ends = [-half, half - 1, half, -1][:n]
    x[: len(ends)] = ends
    extended = engine("extend", [(fxp(width, 0, [n]), x)], fxp(to, 0, [n]), bits=bits)
    assert extended.tolist() == [(int(v) + half) % (2 * half) - half for v in x]


@EXAMPLES
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), n=st.sampled_from([1, 200]))
def test_quotients_are_within_their_error(data: st.DataObject, seed: int, n: int) -> None:
    y_fraction = data.draw(st.integers(0, 24), "y's fraction")
    lo = data.draw(st.integers(-y_fraction, 40 - y_fraction), "lo")
    hi = data.draw(st.integers(lo + 1, min(lo + 30, 62 - y_fraction)), "hi")
    y_width = data.draw(st.integers(y_fraction + hi + 1, 64), "y's width")
    x_width, x_fraction = data.draw(st.integers(4, 64), "x's width"), data.draw(st.integers(0, 24), "x's fraction")
    width, fraction = data.draw(st.integers(8, 64), "width"), data.draw(st.integers(0, 20), "fraction")

    rng = np.random.default_rng(seed)
    y = np.floor(np.exp2(rng.uniform(lo + y_fraction, hi + y_fraction, n))).astype(np.int64)
    y = np.clip(y, 2 ** (lo + y_fraction), 2 ** (hi + y_fraction) - 1)
    scale = 2.0 ** (y_fraction + fraction - x_fraction)
    most = 2.0 ** (46 if width > 48 else width - 1) - 4
    x = of_all_lengths(rng, n, x_width - 2)
    while np.any(beyond := np.abs(x / y * scale) * (1 + 2.0**-12) > most):
        x[beyond] //= 2
        x[beyond & (x == -1)] = 0

    operands = [(fxp(x_width, x_fraction, [n]), x), (fxp(y_width, y_fraction, [n]), y)]
    quotients = engine("divide", operands, fxp(width, fraction, [n]), lo=lo, hi=hi)
    exact = x / y * scale
    error = np.abs(quotients - exact)
    assert np.all(error <= np.abs(exact) * 2.0**-12 + (1.7 if width <= 46 else 3.3))
