"""Programs that a range or a pattern once got wrong: each is right, or refused before any number is returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spu_ditto
from tests.conformance.faults import (
    F16,
    F32,
    FAULTS,
    KEPT,
    RNG,
    ROW_BOUND,
    ROWS,
    Fault,
    biased,
    f32,
    in_float32,
)
from tests.conformance.outcome import run_of


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(fault: Fault, policy: str) -> None:
    fault.check(policy)


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_public_argument_that_is_no_number_is_refused(policy: str, number: float) -> None:
    secure = spu_ditto.compile(lambda x, p: x + p, ring_policy=policy, input_visibility=("secret", "public"))
    with pytest.raises(spu_ditto.RangeError):
        secure(f32(1, 2), f32(1, number))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e30])
def test_a_secret_argument_that_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(spu_ditto.RangeError):
        spu_ditto.compile(lambda x: x + x)(f32(1, number))


def test_static_arguments_that_are_equal_but_differ_are_compiled_apart() -> None:
    def scaled(x: Any, kind: Any) -> Any:
        return x * {bool: 2.0, int: 3.0, float: 5.0}[type(kind)]

    secure = spu_ditto.compile(scaled, static_argnums=1)
    results = [float(secure(f32(1), kind)[0]) for kind in (1, True, 1.0, 1)]
    np.testing.assert_allclose(results, [3, 2, 5, 3], rtol=1e-3)


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("unknown", [6, -7, 2**20, -(2**31)])
def test_an_id_without_a_row_is_refused(policy: str, unknown: int) -> None:
    """JAX gives NaN, and once the row was zeros."""
    table = (RNG.integers(-64, 64, (6, 2)) / 16).astype(F32)
    secure = spu_ditto.compile(lambda table, ids: jnp.take(table, ids, axis=0), ring_policy=policy)
    np.testing.assert_array_equal(secure(table, np.array([5, -6], np.int32)), table[[5, 0]])
    with pytest.raises(spu_ditto.RangeError):
        secure(table, np.array([1, unknown], np.int32))


def test_a_large_quotient_of_64_bits() -> None:
    """One of more than 46 bits, of operands that are known to be shorter than 64."""
    x, y = np.array([2**54 - 5, -(2**54), 2**47 + 1, 12345]), np.array([1, 1, -1, 2**50])
    with jax.experimental.enable_x64():
        secure = spu_ditto.compile(lambda x, y: jax.lax.div(x >> 8, y >> 8))
        run_of(lambda: secure(x << 8, y << 8)).check([x // np.abs(y) * np.sign(y)], refusable=False)


def test_a_large_number_times_a_small_multiple_of_an_inverse_root() -> None:
    """As in a layer normalisation, but of what is not as large as the root."""
    x, y, z = f32(1, 4), f32(0.0125, 0.0125), f32(100, -3000)
    outcome = run_of(lambda: spu_ditto.compile(lambda x, y, z: y * jax.lax.rsqrt(x) * z)(x, y, z))
    exact = [n.astype(np.float64) for n in (x, y, z)]
    outcome.check([exact[1] / np.sqrt(exact[0]) * exact[2]], [2e-3 * np.abs(exact[2]) / 100], refusable=False)


# ------------------------------------------------------------------------------------------------ calibrated programs

# Multiples of 2^-8: every ring takes them as they are.
X, Y = (RNG.integers(-1024, 1025, (4, 8)).astype(F32) / F32(256) for _ in range(2))

CALIBRATED: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "product": (lambda x, y: x * y, lambda x, y: x * y),
    "sum": (lambda x, y: (x + y).sum(1), lambda x, y: (x + y).sum(1)),
    "dot": (lambda x, y: x @ y.T, lambda x, y: x @ y.T),
    "square_of_sum": (lambda x, y: (x + y) ** 2, lambda x, y: (x + y) ** 2),
    "exponential": (lambda x, y: jnp.exp(x) + y, lambda x, y: np.exp(x) + y),
    "quotient": (lambda x, y: x / (jnp.abs(y) + 1), lambda x, y: x / (np.abs(y) + 1)),
    "maximum": (lambda x, y: jnp.maximum(x, y).max(1), lambda x, y: np.maximum(x, y).max(1)),
    "f16_product": (
        lambda x, y: x.astype(jnp.float16) * y.astype(jnp.float16),
        lambda x, y: x * y,
    ),
    "f16_dot": (
        lambda x, y: x.astype(jnp.float16) @ y.astype(jnp.float16).T,
        lambda x, y: x @ y.T,
    ),
}


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("name", CALIBRATED)
def test_a_calibrated_program_beyond_its_samples(name: str, policy: str) -> None:
    function, exact = CALIBRATED[name]
    secure = spu_ditto.compile(function, ring_policy=policy, calibration=[(X, Y), (Y, X)])
    for factor in (1, -1, 2, 3, 8, 100):
        arguments = (X * F32(factor), Y * F32(factor))
        wanted = exact(*(a.astype(np.float64) for a in arguments))
        run_of(lambda: secure(*arguments)).check([wanted], refusable=factor not in (1, -1))  # noqa: B023


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("dtype", [F32, F16, np.int32, np.uint8], ids=lambda dtype: np.dtype(dtype).name)
@pytest.mark.parametrize("stated", [1, 8, 10])
def test_a_stated_range_and_beyond(stated: int, dtype: Any, policy: str) -> None:
    """What is stated may be reached; what is let in beyond it is right."""
    secure = spu_ditto.compile(lambda x: x * np.array(5, x.dtype), ring_policy=policy, ranges={"x": stated})
    for number in (stated, stated + 1, 15, 16, -stated, -15, -16):
        if number >= 0 or np.dtype(dtype).kind != "u":
            x = np.array([number, 0, 1], dtype)
            run_of(lambda: secure(x)).check([x.astype(np.int64) * 5], refusable=abs(number) > stated)  # noqa: B023


@pytest.mark.parametrize("options", [{"ranges": {"m": 1}}, {"calibration": [(ROWS, KEPT.astype(np.int32))]}], ids=list)
def test_large_numbers_times_a_secret_mask(options: Any) -> None:
    m = KEPT.astype(np.int32)
    outcome = run_of(lambda: spu_ditto.compile(biased(-1e9), **options)(ROWS, m))
    outcome.check([in_float32(ROWS, m, -1e9)], [ROW_BOUND], refusable=False)


@pytest.mark.parametrize(
    "keys", [(np.int32, F32), (F32, np.int32), (np.int32, F16), (np.int32, np.int32, F32)], ids=str
)
def test_keys_of_several_dtypes(keys: tuple[Any, ...]) -> None:
    columns = [np.array(column, dtype) for column, dtype in zip(([1, 0, 1, 0], [2, 2, -1, 2], [1, 2, 3, 0]), keys)]
    order = np.lexsort(columns[::-1])
    outcome = run_of(lambda: spu_ditto.compile(lambda *c: jax.lax.sort(c, num_keys=len(c)))(*columns))
    outcome.check([column[order] for column in columns], refusable=False)
