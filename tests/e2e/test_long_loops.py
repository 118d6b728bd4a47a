"""Loops over secrets that are too long to be unrolled: a program for some rounds, run again and again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import spu_ditto
from ditto.parties.simulator import Simulator
from spu_ditto import loops
from spu_ditto.chain import LoweredChain
from spu_ditto.lowered import Lowered

RNG = np.random.default_rng(5)
X = RNG.uniform(-2, 2, (23, 4)).astype(np.float32)
Y = np.sign(X[:, 0] + 0.1).astype(np.float32)
PARTIES = Simulator()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loops of a few equations are long ones here, and one program has a few rounds."""
    monkeypatch.setattr(loops, "_LONG", 40)
    with spu_ditto.use_runtime(PARTIES):
        yield


def checked(fn: Any, *args: Any, atol: float = 2e-3, **options: Any) -> spu_ditto.RunReport:
    """Runs a function that has to be a chain, and compares results, bytes and rounds with what is foreseen."""
    secure = spu_ditto.compile(fn, **options)
    lowered = secure.lower(*args)
    assert isinstance(lowered, LoweredChain), "there is no long loop"
    results, report = secure.run(*args)
    for got, expected in zip(*map(jax.tree_util.tree_leaves, (results, jax.jit(fn)(*args))), strict=True):
        assert got.dtype == expected.dtype and got.shape == expected.shape
        np.testing.assert_allclose(got, expected, atol=atol)
    cost = lowered.cost_analysis()
    assert report.sent[0] == cost.offline_bytes and sum(report.sent[1:]) == cost.online_bytes
    assert report.rounds == cost.rounds
    return report


def machine(x: Any, y: Any) -> Any:
    """A support vector machine, sample by sample."""

    def sample(i: Any, state: Any) -> Any:
        w, b = state
        outside = y[i] * (x[i] @ w - b) >= 1
        return w - jnp.where(outside, 0.02 * w, 0.02 * w - 0.1 * x[i] * y[i]), b - jnp.where(outside, 0, 0.1 * y[i])

    def epoch(_: Any, state: Any) -> Any:
        return lax.fori_loop(0, len(x), sample, state)

    w, b = lax.fori_loop(0, 2, epoch, (jnp.zeros(x.shape[1]), 0.0))
    return 2 * w, b


def test_a_loop_in_a_loop() -> None:
    report = checked(machine, X, Y)
    # 23 samples are so many programs' rounds and some left, twice.
    assert report.rounds > 100
    assert [op.name for op in report.operations] == list(dict.fromkeys(op.name for op in report.operations))


def test_it_is_compiled_for_few_rounds() -> None:
    def text(trips: int) -> str:
        def fn(x: Any) -> Any:
            return lax.fori_loop(0, trips, lambda i, x: x + jnp.tanh(x) / 8, x)

        return spu_ditto.compile(fn).lower(X).as_text()

    assert len(text(3000)) < 2 * len(text(100))


@pytest.mark.parametrize("reverse", [False, True])
def test_scans_take_and_leave_slices(reverse: bool) -> None:
    def fn(x: Any, start: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            total, count = carry
            positive = row.sum() > 0
            return (total + row * positive, count + positive.astype(jnp.int32)), (total[0], positive, count)

        return lax.scan(step, (start, jnp.int32(0)), x, reverse=reverse)

    checked(fn, X, X[0])


def test_while_loops_with_public_ends_and_what_they_count_stays_public() -> None:
    def fn(x: Any) -> Any:
        def more(state: Any) -> Any:
            return state[0] < 55

        def step(state: Any) -> Any:
            n, x, k = state
            return n + 5, x * 0.75 + 0.5 * n, k + 2 * n

        n, x, k = lax.while_loop(more, step, (jnp.int32(1), x * x, jnp.int32(0)))
        return n, jnp.where(n > 50, x + k, 0), k

    def fn_long(x: Any) -> Any:
        return fn(fn(x)[1] / 1000)

    checked(fn_long, X)


def test_what_is_between_loops_and_public_arguments() -> None:
    def fn(key: Any, x: Any) -> Any:
        noise = jax.random.uniform(key, (20, 4))

        def step(i: Any, x: Any) -> Any:
            return jnp.maximum(x * 0.5, noise[i]) + jax.random.uniform(jax.random.fold_in(key, i), (4,))

        first = lax.fori_loop(0, 20, step, x)
        middle = jnp.tanh(first) * noise[0]
        return lax.fori_loop(0, 20, step, middle) + first, noise

    checked(fn, jax.random.PRNGKey(3), X, input_visibility=("public", "secret"))


def test_handles_kept_results_and_exact_runs() -> None:
    secure = spu_ditto.compile(machine)
    plain = jax.jit(machine)(X, Y)
    shared = secure.share(X)
    (w, b), _ = secure.run(shared, Y, keep=(True, False))
    assert isinstance(w, spu_ditto.KeptArray) and isinstance(b, np.ndarray)
    np.testing.assert_allclose(spu_ditto.reveal(w), plain[0], atol=2e-3)
    np.testing.assert_allclose(spu_ditto.compile(jnp.sum)(w), plain[0].sum(), atol=5e-3)
    (w, _), exact = secure.run(shared, Y, exact=True)
    np.testing.assert_allclose(w, plain[0], atol=1e-2)
    assert "reround" in [op.name for op in exact.operations]
    _, report = secure.run(shared, Y, offline_first=True)
    assert report.online_seconds is not None and 0 < report.online_seconds < report.seconds


def test_the_debug_mode_goes_through_all_rounds() -> None:
    def grow(x: Any) -> Any:
        return lax.fori_loop(0, 60, lambda i, x: x * 1.5, x)

    with spu_ditto.use_runtime(Simulator(check_ranges=True)):
        np.testing.assert_allclose(spu_ditto.compile(machine)(X, Y)[0], jax.jit(machine)(X, Y)[0], atol=2e-3)
        with pytest.raises(spu_ditto.RangeError, match=r"ring\.\w+"):
            spu_ditto.compile(grow)(np.ones(3, np.float32))


def test_what_outgrows_its_range_in_a_round_is_refused() -> None:
    def grow(x: Any) -> Any:
        return lax.fori_loop(0, 60, lambda i, x: x * 1.5, x)

    with pytest.raises(spu_ditto.RangeError, match="withheld"):
        spu_ditto.compile(grow)(np.ones(3, np.float32))
    checked(grow, np.full(3, 1e-5, np.float32), atol=2e5)
    np.testing.assert_allclose(spu_ditto.compile(machine)(X, Y)[0], jax.jit(machine)(X, Y)[0], atol=2e-3)


def test_loops_that_stay_in_their_program() -> None:
    def doubled(n: Any, x: Any) -> Any:
        return lax.fori_loop(0, n, lambda i, x: x + x, x)

    def differently(x: Any) -> Any:
        return lax.fori_loop(0, 30, lambda i, x: lax.cond(i % 2 == 0, jnp.tanh, lambda x: x / 2, x), x)

    def infinite(x: Any) -> Any:
        return lax.fori_loop(0, 30, lambda i, best: jnp.maximum(best, x[i % 23]), jnp.full(4, -jnp.inf))

    def short(x: Any) -> Any:
        return lax.fori_loop(0, 3, lambda i, x: x + 1, x)

    def from_far(x: Any) -> Any:
        return lax.fori_loop(0, 40, lambda i, s: jnp.minimum(s, x[0] + i), jnp.full(4, 1e9))

    def never(x: Any) -> Any:
        end = jnp.array([3, 0])
        return lax.while_loop(lambda s: s[0] < end.sum(), lambda s: (s[0] + 1, s[1] * 2), (jnp.int32(5), x))[1]

    def least(x: Any) -> Any:
        start = jnp.full(4, -jnp.inf, jnp.bfloat16)
        best = lax.fori_loop(0, 40, lambda i, s: jnp.maximum(s, x[0].astype(jnp.bfloat16)), start)
        return best.astype(jnp.float32)

    for fn, args, visibility in (
        (from_far, (X,), None),
        (never, (X,), None),
        (least, (X,), None),
        (doubled, (np.int32(7), X), ("public", "secret")),
        (differently, (X,), None),
        (infinite, (X,), None),
        (short, (X,), None),
    ):
        secure = spu_ditto.compile(fn, input_visibility=visibility)
        assert type(secure.lower(*args)) is Lowered
        # bfloat16 has float16's 8 fraction bits here.
        np.testing.assert_allclose(secure(*args), jax.jit(fn)(*args), atol=6e-3, rtol=5e-3)
    calibrated = spu_ditto.compile(machine, calibration=[(X, Y)]).lower(X, Y)
    assert type(calibrated) is Lowered and calibrated.plan is not None


def test_names_and_ranges_of_arguments_are_theirs() -> None:
    def taken(value0: Any, carried1: Any, y: Any) -> Any:
        z = y * 30
        return lax.fori_loop(0, 40, lambda i, s: (s[0] * 0.5 + z + value0, s[1] * 0.9 + carried1), (y, y))

    small = X[0] * 0.1
    checked(taken, small, small, X[0], ranges={"value0": 0.5, "carried1": 0.5}, atol=5e-3)
    stated = spu_ditto.compile(lambda x: lax.fori_loop(0, 40, lambda i, s: s * 0.5, x), ranges={"x": 2.0**31})
    np.testing.assert_allclose(stated(np.full(4, 1e9, np.float32)), 1e9 * 0.5**40, atol=1e-3)


def test_results_that_are_arguments_or_infinite() -> None:
    def fn(p: Any, x: Any) -> Any:
        y = lax.fori_loop(0, 40, lambda i, s: s * 0.5 + p, x)
        return y, p, jnp.where(x > 0.5, x, -jnp.inf)

    for visibility in (None, ("public", "secret")):
        for p in (np.ones(4), 1.5):
            secure = spu_ditto.compile(fn, input_visibility=visibility)
            assert isinstance(secure.lower(p, X[0]), LoweredChain)
            for got, expected in zip(secure(p, X[0]), jax.jit(fn)(p, X[0]), strict=True):
                assert got.dtype == expected.dtype and got.shape == expected.shape
                np.testing.assert_allclose(got, expected, atol=2e-3)
    with pytest.raises(spu_ditto.UnsupportedError, match="exact= is for results that are opened"):
        spu_ditto.compile(machine).run(X, Y, keep=True, exact=True)


def test_what_cannot_be_said_of_several_programs() -> None:
    lowered = spu_ditto.compile(machine).lower(X, Y)
    compiled = lowered.compile()
    assert lowered.as_text("pphlo").count("pphlo.while") >= 1
    assert compiled.memory_analysis().argument_size_in_bytes > 0
    for use in (
        lambda: compiled.save("program.ditto"),
        lambda: compiled.executable,
        lambda: spu_ditto.report(lowered, "page.html"),
        lambda: spu_ditto.divergence(machine, (X, Y)),
    ):
        with pytest.raises(spu_ditto.UnsupportedError, match="several programs"):
            use()


def test_in_three_processes() -> None:
    with spu_ditto.processes():
        np.testing.assert_allclose(spu_ditto.compile(machine)(X, Y)[0], jax.jit(machine)(X, Y)[0], atol=2e-3)


BODIES = (
    lambda i, s: (s[0] * 0.5 + s[1], s[1], s[2] + 1, s[3]),
    lambda i, s: (jnp.where(s[3], s[0], -s[0]), s[0] * 0.25, s[2] ^ i, ~s[3]),
    lambda i, s: (s[0].at[i % 4].set(s[1][0]), jnp.roll(s[1], 1), s[2] * 3, s[0] > s[1]),
    lambda i, s: (jnp.sort(s[0]), s[1] + s[2], (s[0] > 0).astype(jnp.int32).sum() + s[2] * 0, s[3] & (s[0] > 1)),
)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(body=st.sampled_from(BODIES), trips=st.integers(12, 40), quarters=st.lists(st.integers(-16, 16), min_size=4))
def test_any_body_and_number_of_rounds(body: Any, trips: int, quarters: list[int]) -> None:
    # What is compared is not rounded before.
    x = np.array(quarters[:4], np.float32) / 4

    def fn(x: Any) -> Any:
        state = (x, x / 2, jnp.int32(1), x > 0)
        return lax.fori_loop(0, trips, body, state)

    for mine, plain in zip(spu_ditto.compile(fn)(x), jax.jit(fn)(x), strict=True):
        np.testing.assert_allclose(mine, plain, atol=2e-3 if plain.dtype == np.float32 else 0)
