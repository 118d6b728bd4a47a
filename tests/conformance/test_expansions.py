"""What stands in for JAX operations that SPU's compiler does not know: over their domains, and refused beyond them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import special

import spu_ditto
from tests.conformance.outcome import run_of

RNG = np.random.default_rng(5)
SPECIAL = jax.scipy.special
# Each with its meaning, its least and greatest argument (as exponents of two) and its error: absolute, or relative.
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[int, int], float]] = {
    "lgamma": (SPECIAL.gammaln, special.gammaln, (-6, 20), 2.0**-10),
    "digamma": (SPECIAL.digamma, special.digamma, (-6, 20), 2.0**-10),
    "i0e": (SPECIAL.i0e, special.i0e, (-16, 20), 2.0**-12),
    "i1e": (SPECIAL.i1e, special.i1e, (-16, 20), 2.0**-12),
}


@pytest.mark.parametrize("policy", ["ditto", "fm64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_over_its_domain(name: str, policy: str) -> None:
    function, meaning, (low, high), error = FUNCTIONS[name]
    secure = spu_ditto.compile(function, ring_policy=policy)
    for part in ((low, 0), (0, 4), (4, 10), (10, high)):
        # What a ring takes as it is.
        x = (np.rint(2.0 ** RNG.uniform(*part, 64) * 2**18) / 2**18).astype(np.float32)
        if name in ("i0e", "i1e"):
            x *= RNG.choice([-1, 1], x.size).astype(np.float32)
        expected = meaning(x.astype(np.float64))
        allowed = np.maximum(error, 2.0**-10 * np.abs(expected))
        run_of(lambda: secure(x)).check([expected], [allowed], refusable=False)  # noqa: B023


@pytest.mark.parametrize("name", ["lgamma", "digamma"])
@pytest.mark.parametrize("number", [0.0, -0.5, -1.0, -3.5])
def test_at_poles_and_beyond_a_function_is_right_or_refused(name: str, number: float) -> None:
    function, meaning, _, error = FUNCTIONS[name]
    x = np.array([1.5, number], np.float32)
    run_of(lambda: spu_ditto.compile(function)(x)).check([meaning(x.astype(np.float64))], [error])


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("left_side", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("unit_diagonal", [False, True])
def test_triangular_systems(lower: bool, left_side: bool, transpose_a: bool, unit_diagonal: bool) -> None:
    a = (RNG.integers(-64, 64, (2, 5, 5)) / 256 + 2 * np.eye(5)).astype(np.float32)
    b = (RNG.integers(-512, 512, (2, 5, 3) if left_side else (2, 3, 5)) / 256).astype(np.float32)

    def solve(a: Any, b: Any) -> Any:
        options = {"lower": lower, "transpose_a": transpose_a, "unit_diagonal": unit_diagonal}
        return lax.linalg.triangular_solve(a, b, left_side=left_side, **options)

    np.testing.assert_allclose(spu_ditto.compile(solve)(a, b), solve(a, b), atol=5e-4)


def test_a_singular_system_is_refused() -> None:
    solve = spu_ditto.compile(lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True, lower=True))
    with pytest.raises(spu_ditto.RangeError):
        solve(np.array([[1, 0], [1, 0]], np.float32), np.ones((2, 1), np.float32))


@pytest.mark.parametrize("layout", [("NHWC", "HWIO", "NHWC"), ("NCHW", "OIHW", "NCHW")], ids="-".join)
@pytest.mark.parametrize("groups", [2, 4])
def test_gradients_of_grouped_convolutions(layout: tuple[str, str, str], groups: int) -> None:
    x, kernel = RNG.integers(-8, 9, (2, 5, 5, 4)) / 8, RNG.integers(-8, 9, (3, 3, 4 // groups, 8)) / 8
    if layout[0] == "NCHW":
        x, kernel = x.transpose(0, 3, 1, 2), kernel.transpose(3, 2, 0, 1)

    def loss(kernel: Any, x: Any) -> Any:
        options = {"dimension_numbers": layout, "feature_group_count": groups}
        return jnp.sum(lax.conv_general_dilated(x, kernel, (2, 1), "SAME", **options) ** 2)

    operands = (kernel.astype(np.float32), x.astype(np.float32))
    for secure, exact in zip(spu_ditto.compile(jax.grad(loss, (0, 1)))(*operands), jax.grad(loss, (0, 1))(*operands)):
        np.testing.assert_allclose(secure, exact, rtol=2.0**-10, atol=2.0**-12)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.uint8])
def test_extremes_at_secret_positions(name: str, dtype: Any) -> None:
    x, updates = RNG.integers(0, 40, (4, 3)).astype(dtype), RNG.integers(0, 40, (6, 3)).astype(dtype)
    positions = np.array([0, 3, 3, -1, 4, 0], np.int32)

    def function(x: Any, i: Any, u: Any) -> Any:
        return getattr(x.at[i], name)(u)

    secure = spu_ditto.compile(function)(x, positions, updates)
    np.testing.assert_array_equal(secure, function(jnp.asarray(x), positions, updates))


def test_expansions_within_control_flow() -> None:
    def function(x: Any) -> Any:
        _, rows = lax.scan(lambda total, row: (total + 1, SPECIAL.gammaln(row + 1)), 0, x)
        return lax.cond(x[0, 0] > 0, SPECIAL.digamma, lambda v: v, rows + 2)

    x = np.abs(RNG.normal(size=(3, 2))).astype(np.float32)
    np.testing.assert_allclose(spu_ditto.compile(function)(x), function(x), atol=2.0**-9)


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 3, 7])
def test_switches(index: int) -> None:
    def function(k: Any, x: Any) -> Any:
        return lax.switch(k, [lambda v: v, SPECIAL.gammaln, lambda v: v * v, jnp.sin], x)

    x = np.array([1.5, 2.25], np.float32)
    expected = function(index, x)
    np.testing.assert_allclose(spu_ditto.compile(function)(np.int32(index), x), expected, atol=2.0**-8)


@pytest.mark.parametrize("search", [lax.approx_max_k, lax.approx_min_k])
def test_approximate_searches_are_exact(search: Any) -> None:
    x = RNG.permutation(12).reshape(3, 4).astype(np.float32)
    sign = 1 if search is lax.approx_max_k else -1
    values, places = spu_ditto.compile(lambda x: search(x, 2, reduction_dimension=0))(x)
    np.testing.assert_array_equal(values, sign * np.sort(sign * x, 0)[:0:-1])
    np.testing.assert_array_equal(np.take_along_axis(x, places, 0), values)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, jnp.bfloat16])
def test_the_next_number_is_that_of_a_ring(dtype: Any) -> None:
    x, towards = jnp.asarray([1.5, 1.5, 1.5, -2.0], dtype), jnp.asarray([9.0, -9.0, 1.5, 1000.0], dtype)
    step = spu_ditto.compile(lambda x, y: jnp.nextafter(x, y) - x)(x, towards)
    unit = 2.0**-18 if dtype is np.float32 else 2.0**-8
    np.testing.assert_array_equal(step.astype(np.float32), [unit, -unit, 0, unit])


def test_equal_numbers_are_close() -> None:
    x = np.concatenate([np.zeros(64), RNG.integers(-3, 3, 64) / 64]).astype(np.float32)
    for function in (jnp.isclose, lambda a, b: jnp.isclose(a, b, rtol=1e-6, atol=0.0)):
        secure = spu_ditto.compile(lambda a, f=function: (f(a, a * 1), f(a, a + 0.125)))
        equal, other = secure(x)
        assert equal.all() and not other.any()


def test_what_has_only_the_name_of_isclose_is_itself() -> None:
    @jax.jit
    def isclose(a: Any, b: Any) -> Any:
        return jnp.abs(a - b) < 0

    assert not spu_ditto.compile(isclose)(*np.ones((2, 3), np.float32)).any()


@pytest.mark.parametrize(
    ("function", "remedy"),
    [
        (jnp.fft.rfft, "multiply by the transform's matrix"),
        (lambda x: SPECIAL.polygamma(1, x), "polynomial"),
        (lambda x: jnp.linalg.qr(x)[1], "cholesky"),
        (jnp.linalg.eigvalsh, "power iteration"),
        (lambda x: lax.reduce_precision(x, 8, 7), "leave it out"),
    ],
)
def test_refusals_say_what_to_use_instead(function: Any, remedy: str) -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match=remedy):
        spu_ditto.compile(function)(np.eye(3, dtype=np.float32))


def test_what_is_public_is_jax_own() -> None:
    """Bit by bit, though the same of a secret is expanded."""
    x = np.abs(RNG.normal(size=4)).astype(np.float32)
    secure = spu_ditto.compile(lambda p, x: (SPECIAL.gammaln(p), p * x), input_visibility=("public", "secret"))
    np.testing.assert_array_equal(secure(x, x)[0], jax.jit(SPECIAL.gammaln)(x))
