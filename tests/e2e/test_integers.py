"""Integers wrap as NumPy's do and are compared as NumPy compares them, in the interpreter and among three parties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental import enable_x64

import spu_ditto
from ditto.dialects import pphlo
from ditto.policy.policy import get_policy
from spu_ditto.simulator import Simulator
from tests.passes.ring_runs import after_ring_passes

Array = np.ndarray[Any, np.dtype[Any]]

PARTIES = Simulator()
BITS = (8, 16, 32, 64)
# Two arguments of so many elements, in the programs below `!x` and `!y`.
ROWS, COLUMNS = 3, 7
EXAMPLES = settings(max_examples=8, deadline=None, derandomize=True)


def integers(rng: np.random.Generator, bits: int, shape: tuple[int, ...]) -> Array:
    """Integers of a dtype: ends, small ones, ones of every length, some of them equal."""
    info = np.iinfo(f"int{bits}")
    x = rng.integers(info.min, info.max, shape, endpoint=True) >> rng.integers(0, bits, shape)
    ends = np.array([info.min, info.min + 1, -1, 0, 1, info.max - 1, info.max])
    return np.where(rng.random(shape) < 0.5, rng.choice(ends, shape), x).astype(f"int{bits}")


def program(bits: int, body: str, *results: str) -> str:
    """PPHLO of two matrices of integers. In `body` and `results`, X is their type, B that of as many booleans, F of
    floats, V of one integer a row and U of one index a row; E is their element type, P the public type."""
    names = {
        "X": f"tensor<{ROWS}x{COLUMNS}x!pphlo.secret<i{bits}>>",
        "P": f"tensor<{ROWS}x{COLUMNS}xi{bits}>",
        "B": f"tensor<{ROWS}x{COLUMNS}x!pphlo.secret<i1>>",
        "F": f"tensor<{ROWS}x{COLUMNS}x!pphlo.secret<f32>>",
        "V": f"tensor<{ROWS}x!pphlo.secret<i{bits}>>",
        "S": f"tensor<!pphlo.secret<i{bits}>>",
        "E": f"i{bits}",
    }
    words = (f"func.func @main(%x: $X, %y: $X) -> ({', '.join(results)}) {{ {body} }}").split("$")
    return "module { " + words[0] + "".join(names[word[0]] + word[1:] for word in words[1:]) + " }"


def check(text: str, inputs: list[Array], expected: list[Array]) -> None:
    """Every ring pass, and three parties, give just these results."""
    for name, results in after_ring_passes(pphlo.parse_module(text), get_policy("ditto"), inputs):
        for result, exact in zip(results, expected, strict=True):
            found = result if exact.dtype.kind == "b" else result.astype(np.float64)
            assert found.tolist() == exact.astype(found.dtype).tolist(), name
    # Without it JAX takes int64 for int32.
    with spu_ditto.use_runtime(PARTIES), enable_x64():
        results = spu_ditto.from_pphlo(text)(*inputs)
    for result, exact in zip(results, expected, strict=True):
        assert result.dtype == exact.dtype
        assert np.array_equal(result, exact)


Case = tuple[str, str, Callable[[Array, Array], Array]]


def binary(name: str, of: Callable[[Array, Array], Any]) -> Case:
    return f"%r = pphlo.{name} %x, %y : $X return %r : $X", "$X", of


def compared(name: str, of: Callable[[Array, Array], Any]) -> Case:
    return f"%r = pphlo.{name} %x, %y : ($X, $X) -> $B return %r : $B", "$B", of


def reduced(name: str, start: Callable[[int], int], of: Callable[[Array, Array], Any]) -> Case:
    return (
        f"%z = pphlo.constant dense<START> : tensor<$E> %s = pphlo.convert %z : (tensor<$E>) -> $S "
        f"%r = pphlo.reduce(%x init: %s) applies pphlo.{name} across dimensions = [1] : ($X, $S) -> $V return %r : $V",
        "$V",
        of,
    )


CASES: dict[str, Case] = {
    "add": binary("add", np.add),
    "subtract": binary("subtract", np.subtract),
    "multiply": binary("multiply", np.multiply),
    "maximum": binary("maximum", np.maximum),
    "minimum": binary("minimum", np.minimum),
    "square": ("%r = pphlo.multiply %x, %x : $X return %r : $X", "$X", lambda x, y: x * x),
    "negate": ("%r = pphlo.negate %x : $X return %r : $X", "$X", lambda x, y: -x),
    "abs": ("%r = pphlo.abs %x : $X return %r : $X", "$X", lambda x, y: np.abs(x)),
    "sign": ("%r = pphlo.sign %x : $X return %r : $X", "$X", lambda x, y: np.sign(x)),
    "less": compared("less", np.less),
    "less_equal": compared("less_equal", np.less_equal),
    "greater": compared("greater", np.greater),
    "greater_equal": compared("greater_equal", np.greater_equal),
    "equal": compared("equal", np.equal),
    "not_equal": compared("not_equal", np.not_equal),
}


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", CASES)
@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1))
def test_operations(name: str, bits: int, seed: int) -> None:
    body, result, of = CASES[name]
    rng = np.random.default_rng(seed)
    x, y = (integers(rng, bits, (ROWS, COLUMNS)) for _ in range(2))
    with np.errstate(over="ignore"):
        check(program(bits, body, result), [x, y], [of(x, y)])
