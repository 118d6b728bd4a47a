"""What is public is computed in the clear, whatever it is: arguments, constants, results, decisions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import spu_ditto
from spu_ditto.frontend import trace

RNG = np.random.default_rng(0)
X = (RNG.integers(-64, 64, 4) / 16).astype(np.float32)
MATRIX = (RNG.integers(-64, 64, (3, 4)) / 16).astype(np.float32)
KEY = np.array([1, 2], np.uint32)
BITS = np.array([True, False, True, True])
MASK = BITS.astype(np.int32)
IDS = np.array([2, 0, 1], np.int32)
POSITIVE = X * X + 1
TALL = np.stack([MATRIX, MATRIX[::-1]])


def run(fn: Callable[..., Any], args: tuple[Any, ...], public: int) -> list[Any]:
    """The results of a secure run; the first arguments are public."""
    visibility = ["public"] * public + ["secret"] * (len(args) - public)
    secure = spu_ditto.compile(fn, input_visibility=tuple(visibility))
    results: list[Any] = jax.tree_util.tree_leaves(secure(*args))
    return results


def check(fn: Callable[..., Any], args: tuple[Any, ...], public: int, error: float = 1e-3) -> None:
    results = run(fn, args, public)
    expected = jax.tree_util.tree_leaves(fn(*(jnp.asarray(a) for a in args)))
    for result, wanted in zip(results, expected, strict=True):
        assert result.dtype == wanted.dtype
        if error:
            few = result.dtype == np.float16
            np.testing.assert_allclose(result, wanted, rtol=error, atol=2.0**-6 if few else error)
        else:
            np.testing.assert_array_equal(result, wanted)


# What SPU's compiler dies of or refuses is here as well: it sees none of it.
COMPUTED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "random": (lambda k: jax.random.normal(k, (4,)), KEY),
    "split": (lambda k: jax.random.uniform(jax.random.split(k)[1], (4,)), KEY),
    "dropout": (lambda k: jnp.where(jax.random.bernoulli(k, 0.5, (4,)), 2.0, 0.0), KEY),
    "log": (jnp.log, POSITIVE),
    "log1p": (jnp.log1p, POSITIVE),
    "expm1": (jnp.expm1, X),
    "cosine": (jnp.cos, X),
    "cumsum": (lambda m: jnp.cumsum(m).astype(jnp.float32), MASK),
    "sort": (jnp.sort, X),
    "fft": (lambda x: jnp.abs(jnp.fft.fft(x)), X),
    "xor": (lambda i: (i ^ 0b101).astype(jnp.float32), MASK),
    "popcnt": (lambda i: lax.population_count(i).astype(jnp.float32), MASK),
    "clz": (lambda i: lax.clz(i).astype(jnp.float32), MASK),
    "bitcast": (lambda x: (lax.bitcast_convert_type(x, jnp.int32) & 0xFF).astype(jnp.float32), X),
    "power": (lambda x: x**x, POSITIVE),
    "bfloat16": (lambda x: x.astype(jnp.bfloat16).astype(jnp.float32), X),
    "erf_inv": (lambda x: lax.erf_inv(x / 8), X),
    "scatter": (lambda x: x.at[jnp.array([0, 2])].add(x[:2]), X),
    "window": (lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "SAME"), X),
    "while": (lambda x: lax.while_loop(lambda v: v.sum() < 100, lambda v: v * 2, jnp.abs(x)), X),
    "cond": (lambda x: lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x), X),
    "switch": (lambda i: lax.switch(i[0], [lambda: 1.0, lambda: 2.0, lambda: 3.0]), IDS),
    "complex": (lambda x: jnp.exp(1j * x).real, X),
    "linalg": (lambda x: jnp.linalg.inv(jnp.diag(x)).sum(0), POSITIVE),
    "unsigned": (lambda x: (x.astype(jnp.uint8) // 3).astype(jnp.float32), POSITIVE),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_public_arguments(name: str) -> None:
    function, argument = COMPUTED[name]
    check(lambda p, x: x * function(p), (argument, X), 1)


@pytest.mark.parametrize("name", COMPUTED)
def test_constants(name: str) -> None:
    function, argument = COMPUTED[name]
    check(lambda x: x * function(jnp.asarray(argument)), (X,), 0)


@pytest.mark.parametrize("name", COMPUTED)
def test_results(name: str) -> None:
    """They come back as JAX computes them, to the last bit."""
    function, argument = COMPUTED[name]
    compiled = jax.jit(function)
    public, secret = run(lambda p, x: (function(p), x + 1), (argument, X), 1)
    np.testing.assert_array_equal(public, compiled(argument))
    np.testing.assert_allclose(secret, X + 1, atol=1e-4)


DEAD: dict[str, Callable[[Any], Any]] = {
    "sort": jnp.sort,
    "fft": jnp.fft.fft,
    "in a call": jax.jit(lambda x: (jnp.cbrt(x), x)[0]),
}


@pytest.mark.parametrize("name", DEAD)
def test_dead_code_is_not_looked_at(name: str) -> None:
    check(lambda x: (DEAD[name](x), x + 1)[1], (X,), 0)


def test_dead_code_in_a_loop_is_not_looked_at() -> None:
    def body(carried: Any, _: Any) -> Any:
        return carried + 1, jnp.cbrt(carried)

    check(lambda x: lax.scan(body, x, None, length=2)[0], (X,), 0)


MEETINGS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "divide": (lambda p, x: x / p, (np.array([3, -7, 100, 0.5], np.float32), X)),
    "divide by integers": (lambda p, x: x / p, (np.array([3, -7, 100, 5], np.int32), X)),
    "divide f16": (lambda p, x: x / p, (POSITIVE.astype(np.float16), X.astype(np.float16))),
    "integer and float": (lambda p, x: x * p + p, (IDS[0], X)),
    "less": (lambda p, x: (x > 0) < p, (BITS, X)),
    "less or equal": (lambda p, x: p <= (x > 0), (BITS, X)),
    "greater": (lambda p, x: p > (x > 0), (BITS, X)),
    "greater or equal": (lambda p, x: (x > 0) >= p, (BITS, X)),
    "equal": (lambda p, x: p == (x > 0), (BITS, X)),
    "select of public": (lambda p, x: jnp.where(x > 0, p, 2 * p), (X, X)),
    "select of public bits": (lambda p, x: jnp.where(x > 0, p, ~p), (BITS, X)),
    "select by public": (lambda p, x: jnp.where(p, x, 2.0), (BITS, X)),
    "clip": (lambda p, x: jnp.clip(x, p[0], p[1]), (np.array([-1, 2], np.float32), X)),
    "clamp": (lambda p, x: lax.clamp(p[0], x, p[1]), (np.array([-1, 2], np.float32), X)),
    "initial value": (lambda p, x: lax.reduce(x, p, lax.add, (0,)), (np.float32(3), X)),
    "initial maximum": (lambda p, x: lax.reduce(x, p, lax.max, (0,)), (np.float32(30), X)),
    "fill": (lambda p, x: lax.pad(x, p, ((1, 1, 0),)), (np.float32(3), X)),
    "dot from the left": (lambda p, x: p @ x, (MATRIX, X)),
    "dot from the right": (lambda p, x: x @ p, (MATRIX.T, X)),
    "einsum": (lambda p, x: jnp.einsum("bij,bkj->bik", p, x), (TALL, TALL * 2)),
    "einsum the other way": (lambda p, x: jnp.einsum("bij,kjb->bik", x, p), (TALL.transpose(1, 2, 0), TALL * 2)),
    "dot of integers": (lambda p, x: p @ x, (np.arange(12, dtype=np.int32).reshape(3, 4), MASK)),
    "convolution": (lambda p, x: lax.conv(p, x, (1, 1), "SAME"), (TALL[1:, None], TALL[:1, None, :, :3])),
    "slice": (lambda i, x: lax.dynamic_slice(x, (i,), (2,)), (np.int32(2), X)),
    "slice from an unsigned": (lambda i, x: lax.dynamic_slice(x, (i,), (2,)), (np.uint32(7), X)),
    "update": (lambda i, x: lax.dynamic_update_slice(MATRIX, x[None], (i, 0)), (np.int32(1), X)),
    "rows": (lambda i, x: x[i], (IDS, MATRIX)),
    "columns": (lambda i, x: jnp.take(x, i, axis=1), (IDS, MATRIX)),
    "positions of a mask": (lambda m, x: x[jnp.cumsum(m) - 1], (MASK, X)),
    "large mask": (lambda m, x: jax.nn.softmax(x - 1e30 * (1 - m)), (BITS.astype(np.float32), X)),
    "angle": (lambda p, x: jnp.abs(x * jnp.exp(1j * p)), (X, X)),
    "carried key": (
        lambda k, x: lax.scan(lambda c, _: ((jax.random.split(c[0])[0], c[1] * jax.random.uniform(c[0], (4,))), None),
                              (k, x), None, length=2)[0],
        (KEY, X),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MEETINGS)
def test_secrets_meet_what_is_public_at_the_call(name: str) -> None:
    fn, args = MEETINGS[name]
    check(fn, args, 1)


def test_complex_numbers_inside() -> None:
    factors = np.array([1 + 1j, 2, 3, 4j], np.complex64)

    def fn(x: Any) -> Any:
        z = x * factors + 1j
        return z.sum().real, jnp.where(x > 0, z, 0).imag, z.reshape(2, 2).T.real

    check(fn, (X,), 0)


@pytest.mark.parametrize(
    ("fn", "argument", "message"),
    [(lambda x: x.real, X.astype(np.complex64), "argument x is secret and complex"), (lambda x: x + 1j, X, "result 0")],
)
def test_secret_complex_arguments_and_results_are_refused(fn: Callable[..., Any], argument: Any, message: str) -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match=message):
        spu_ditto.compile(fn).lower(argument)


# ------------------------------------------------------------------------------------------------ decisions

DECISIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "cond": (lambda p, x: lax.cond(p, lambda y: y + 1, lambda y: y * 2, x), (np.bool_(True), np.bool_(False))),
    "derived": (lambda p, x: lax.cond(p.sum() > 3, lambda y: y + 1, lambda y: y * 2, x), (X, X + 9)),
    "switch": (
        lambda i, x: lax.switch(i, [lambda y: y + 1, lambda y: y * 2, lambda y: -y, jnp.abs], x),
        tuple(np.int32(i) for i in (-1, 0, 1, 2, 3, 9)),
    ),
    "trip count": (lambda n, x: lax.fori_loop(0, n, lambda i, y: y * 2, x), (np.int32(3), np.int32(0))),
    "while": (
        lambda n, x: lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 2), (0, x))[1],
        (np.int32(2), np.int32(1)),
    ),
    "branches of a scan": (
        lambda f, x: lax.scan(lambda c, g: (lax.cond(g, lambda y: y + 1, lambda y: y * 2, c), None), x, f)[0],
        (BITS, ~BITS),
    ),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_public_decisions(name: str) -> None:
    fn, values = DECISIONS[name]
    secure = spu_ditto.compile(fn, input_visibility=("public", "secret"))
    for value in (*values, values[0]):
        np.testing.assert_allclose(secure(value, X), fn(jnp.asarray(value), X), atol=1e-3)


def test_programs_are_kept_by_the_values_that_decide() -> None:
    def fn(p: Any, x: Any) -> Any:
        return lax.cond(p.sum() > 3, lambda y: y + p, lambda y: y * 2, x)

    secure = spu_ditto.compile(fn, input_visibility=("public", "secret"))
    first, other, again = (secure.run(p, X)[1].program for p in (X + 9, X - 9, X + 10))
    assert again is first and other is not first
    assert [value.item() for value in first.fixed.values()] == [1]


def test_a_decision_needs_a_value() -> None:
    secure = spu_ditto.compile(DECISIONS["trip count"][0], input_visibility=("public", "secret"))
    with pytest.raises(spu_ditto.CompileError, match="depends on a public argument; give its value"):
        secure.lower(jax.ShapeDtypeStruct((), np.int32), X)


def test_a_saved_program_tells_which_values_it_is_for(tmp_path: Path) -> None:
    fn = DECISIONS["trip count"][0]
    spu_ditto.compile(fn, input_visibility=("public", "secret")).lower(np.int32(2), X).compile().save(tmp_path / "two")
    loaded = spu_ditto.Compiled.load(tmp_path / "two")
    np.testing.assert_allclose(loaded(np.int32(2), X), X * 4, atol=1e-3)
    with pytest.raises(spu_ditto.CompileError, match="compiled for n = 2; compile it for other values"):
        loaded(np.int32(3), X)


def test_a_saved_program_computes_what_is_public(tmp_path: Path) -> None:
    def fn(key: Any, x: Any) -> Any:
        return x * jax.random.normal(key, x.shape), jnp.sort(key)

    spu_ditto.compile(fn, input_visibility=("public", "secret")).lower(KEY, X).compile().save(tmp_path / "noise")
    secret, public = spu_ditto.Compiled.load(tmp_path / "noise")(KEY, X)
    np.testing.assert_allclose(secret, fn(KEY, X)[0], atol=1e-3)
    np.testing.assert_array_equal(public, np.sort(KEY))


def test_pphlo_is_specialised_too() -> None:
    text = Path(__file__).parent.parent.joinpath("data/branches.pphlo").read_text()
    program = spu_ditto.from_pphlo(text)
    with pytest.raises(spu_ditto.CompileError, match="call it with some first"):
        program.as_text()
    for flags in ([True, False, True], [False, False, False]):
        expected = X
        for flag in flags:
            expected = expected + 1 if flag else expected * 2
        [result] = program(np.array(flags), X)
        np.testing.assert_allclose(result, expected, atol=1e-3)


def test_secret_decisions_select() -> None:
    check(lambda p, x: lax.cond(p[0] > 0, lambda y: y + 1, lambda y: y * 2, x), (X, X), 0)
    check(lambda p, x: lax.switch(p, [lambda y: y + 1, lambda y: y * 2, lambda y: -y], x), (np.int32(2), X), 0)


def test_a_divisor_that_leaves_too_few_digits_is_refused() -> None:
    secure = spu_ditto.compile(lambda p, x: x / p, input_visibility=("public", "secret"))
    with pytest.raises(spu_ditto.RangeError, match=r"argument p .*divided by it, keep it below 2\^13"):
        secure(np.array([1, 2, 3, 1e5], np.float32), X)


# ------------------------------------------------------------------------------------------------ constants


def test_large_constants_do_not_travel_as_text() -> None:
    weights = np.linspace(-1, 1, 4 * 300, dtype=np.float32).reshape(4, 300)
    traced = trace(lambda x: x @ jnp.asarray(weights), (X,))
    [constant] = traced.constants
    np.testing.assert_array_equal(constant, weights)
    assert len(traced.stablehlo) < 1000 and traced.visibility() == ["secret", "public"]


@pytest.mark.filterwarnings("ignore:.*captured an array")
def test_captured_weights_are_right() -> None:
    weights = np.linspace(-1, 1, 4 * 300, dtype=np.float32).reshape(4, 300)
    table = np.linspace(-1, 1, 400, dtype=np.float32).reshape(100, 4)
    check(lambda x: x @ jnp.asarray(weights), (X,), 0)
    check(lambda i: jnp.take(jnp.asarray(table), i, axis=0), (IDS,), 0)


def test_a_mask_that_is_computed_counts_as_no_captured_array() -> None:
    traced = trace(lambda x: x * jnp.tril(jnp.ones((64, 64))), (np.ones((64, 64), np.float32),))
    assert traced.captured == 0 and [c.shape for c in traced.constants] == [(64, 64)]


def test_constants_of_one_number_stay_text() -> None:
    traced = trace(lambda x: x + jnp.exp(jnp.full((64, 64), 2.0)), (np.ones((64, 64), np.float32),))
    assert not traced.constants and "7.389" in traced.stablehlo


LOOPS: dict[str, Callable[[Any, Any], Any]] = {
    "gradient": lambda x, w: lax.fori_loop(
        0, 2, lambda _, w: w - 0.1 * jax.grad(lambda w: jnp.mean((x @ w) ** 2))(w), w
    ),
    "select": lambda x, w: lax.fori_loop(0, 2, lambda _, y: jnp.where(x > 0, y, y + x), w),
    "divide": lambda x, w: lax.fori_loop(0, 2, lambda _, y: x / (jnp.abs(y) + 1), w),
    "clamp": lambda x, w: lax.fori_loop(0, 2, lambda _, y: jnp.maximum(y, x) - jnp.clip(x, -1, y), w),
    "reduce": lambda x, w: lax.fori_loop(0, 2, lambda _, y: y.sum() + x.sum(), w.sum()),
    "scan": lambda x, w: lax.scan(lambda c, row: (c * 0.5 + row, c @ row), w[0], x)[1],
}


@pytest.mark.parametrize("loop", LOOPS)
def test_loops_over_secrets_begin_with_public_numbers(loop: str) -> None:
    """SPU's compiler marks what a loop carries as secret from its beginning."""
    rng = np.random.default_rng(7)
    x, w = (rng.normal(size=(4, 4)).astype(np.float32) for _ in "xw")
    secure = spu_ditto.compile(LOOPS[loop], input_visibility=("secret", "public"))
    np.testing.assert_allclose(secure(x, w), LOOPS[loop](x, w), atol=2e-3)
