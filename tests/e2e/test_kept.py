"""Results that stay shared: what later calls make of them, and that nobody is shown them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spu_ditto
from ditto import _core
from ditto.encoding import ValueType
from ditto.errors import UnsupportedError
from ditto.parties.program import Binding
from ditto.parties.runtime import Runtime
from ditto.parties.simulator import Simulator
from spu_ditto.conversion import conversion
from spu_ditto.lowering import program_of

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
PARTIES = Simulator()


@pytest.fixture(scope="module", params=["simulator", "processes"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    if request.param == "simulator":
        with spu_ditto.use_runtime(Simulator()) as parties:
            yield parties
    else:
        with spu_ditto.processes() as parties:
            yield parties


def step(x: Any, w: Any) -> Any:
    return {"y": x @ w, "positive": x > 0, "count": (x > 0).sum(), "half": (x / 2).astype(jnp.float16)}


def test_kept_results_are_arguments_of_later_calls(runtime: Runtime) -> None:
    secure = spu_ditto.compile(step)
    w = np.eye(4, dtype=np.float32) * 2
    kept, report = secure.run(X, w, keep=True)
    assert all(isinstance(leaf, spu_ditto.KeptArray) for leaf in jax.tree_util.tree_leaves(kept))
    assert (kept["half"].shape, kept["half"].dtype) == ((3, 4), np.float16)
    assert report.conversions == ()
    plain = step(jnp.asarray(X), w)

    def use(y: Any, positive: Any, count: Any, half: Any) -> Any:
        return jnp.where(positive, y * y, -1) + count, half * 2

    again, report = spu_ditto.compile(use).run(**kept)
    for got, expected in zip(again, use(**plain), strict=True):
        # A half of 8 fraction bits is off by a unit and a half, and doubled.
        np.testing.assert_allclose(got, expected, atol=3.5 * 2**-8)
    assert report.conversions and all(run.offline_bytes > 0 for run in report.conversions)
    assert len(report.to_json()["conversions"]) == len(report.conversions)
    # What has been converted once need not be again.
    assert spu_ditto.compile(use).run(**kept)[1].conversions == ()
    revealed = spu_ditto.reveal(kept)
    for name, got in revealed.items():
        assert got.dtype == plain[name].dtype
        np.testing.assert_allclose(got, plain[name], atol=5e-3 if name == "half" else 1e-3)


def test_training_keeps_its_parameters_shared(runtime: Runtime) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y = x @ np.array([1.0, -2.0, 0.5], np.float32)

    def update(w: Any, x: Any, y: Any) -> Any:
        return w - 0.1 * jax.grad(lambda w: jnp.mean((x @ w - y) ** 2))(w)

    secure, w, plain = spu_ditto.compile(update), np.zeros(3, np.float32), np.zeros(3, np.float32)
    data = spu_ditto.share((x, y))
    for _ in range(8):
        w, plain = secure.run(w, *data, keep=True)[0], update(plain, x, y)
    np.testing.assert_allclose(spu_ditto.reveal(w), plain, atol=2e-3)


def test_nobody_is_shown_what_is_kept(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    real = _core.reconstruct
    monkeypatch.setattr(_core, "reconstruct", lambda *args: shown.append(args) or real(*args))
    secure = spu_ditto.compile(lambda x: (x * 2, x + 1))
    (doubled, more), _ = secure.run(X, keep=(True, False))
    assert isinstance(doubled, spu_ditto.KeptArray) and isinstance(more, np.ndarray)
    assert len(shown) == (0 if isinstance(runtime, Simulator) else 1)
    assert "KeptArray((3, 4), float32)" == repr(doubled)


def test_a_kept_result_beyond_an_argument_is_refused_and_stays(runtime: Runtime) -> None:
    secure = spu_ditto.compile(lambda x: x * 1000)
    kept, _ = secure.run(np.array([1.0, 7e4], np.float32), keep=True)
    with pytest.raises(spu_ditto.RangeError, match=r"argument x is a kept result .* not below 6.7\d+e\+07"):
        secure(kept)
    np.testing.assert_allclose(spu_ditto.reveal(kept), [1000, 7e7], rtol=1e-5)
    np.testing.assert_allclose(spu_ditto.reveal(kept, exact=True), [1000, 7e7], rtol=1e-4)


def test_withheld_results_are_not_kept(runtime: Runtime) -> None:
    secure = spu_ditto.compile(lambda x: x * x)
    with pytest.raises(spu_ditto.RangeError):
        secure.run(np.array([2e4], np.float32), keep=True)
    gc.collect()
    np.testing.assert_allclose(secure(np.array([3], np.float32)), [9], atol=1e-3)


def test_arguments_that_are_results_stay_what_they_are(runtime: Runtime) -> None:
    secure = spu_ditto.compile(lambda x, y: (x, x + y))
    kept = secure.run(X, X, keep=True)[0][1]
    same, total = secure(kept, X)
    np.testing.assert_allclose(same, 2 * X, atol=1e-4)
    np.testing.assert_allclose(total, 3 * X, atol=1e-4)
    again = secure.run(kept, X, keep=True)[0][0]
    np.testing.assert_array_equal(spu_ditto.reveal(again), spu_ditto.reveal(kept))


def test_other_parties_do_not_have_it() -> None:
    secure = spu_ditto.compile(lambda x: x + 1)
    with spu_ditto.use_runtime(Simulator()) as parties:
        kept, _ = secure.run(X, keep=True)
    with pytest.raises(spu_ditto.RuntimeFailure, match="argument x was kept by the parties of another session"):
        secure(kept)
    np.testing.assert_allclose(spu_ditto.reveal(kept), X + 1, atol=1e-4)
    checking = Simulator()
    with spu_ditto.use_runtime(checking):
        kept, _ = secure.run(X, keep=True)
        checking.check_ranges = True
        with pytest.raises(UnsupportedError, match="argument x is a handle without its array"):
            secure(kept)
        # What was kept of a run that was checked is known to whoever checked it.
        again, _ = secure.run(X, keep=True)
        np.testing.assert_allclose(secure(again), X + 2, atol=1e-4)
    del checking, again
    del parties
    gc.collect()
    with pytest.raises(spu_ditto.RuntimeFailure, match="are gone"):
        spu_ditto.reveal(kept)


def test_marks_that_do_not_fit_are_refused() -> None:
    secure = spu_ditto.compile(lambda x: (x + 1, x + 2))
    with pytest.raises(spu_ditto.ShapeError, match="keep does not match the results"):
        secure.run(X, keep=(True,))
    with pytest.raises(spu_ditto.ShapeError, match="not 'yes'"):
        secure.run(X, keep="yes")
    with pytest.raises(UnsupportedError, match="2 bits or more, not 1"):
        kept = secure.run(X, keep=(np.True_, False))[0]
        spu_ditto.reveal(kept, exact=True)
        spu_ditto.reveal(kept, exact=1)
    with pytest.raises(UnsupportedError, match="result 0 is kept"):
        secure.run(X, keep=True, exact=True)


def fxp(width: int, fraction: int, range_bits: int | None = None) -> ValueType:
    return ValueType("fxp", (5,), width, fraction, range_bits)


@settings(max_examples=60, deadline=None)
@given(st.integers(6, 64), st.integers(0, 18), st.integers(6, 64), st.integers(0, 18), st.data())
def test_conversions_keep_numbers_or_refuse(width: int, fraction: int, to: int, digits: int, data: Any) -> None:
    keeps_or_refuses(fxp(width, fraction), fxp(to, digits, data.draw(st.integers(2, to - 1))))


@pytest.mark.parametrize("width", [62, 63, 64])
@pytest.mark.parametrize(("to", "digits", "range_bits"), [(64, 18, 44), (64, 18, 62), (48, 8, 30), (30, 20, 28)])
def test_results_that_fill_their_ring_are_compared_too(width: int, to: int, digits: int, range_bits: int) -> None:
    keeps_or_refuses(fxp(width, 18), fxp(to, digits, range_bits))


def keeps_or_refuses(source: ValueType, target: ValueType) -> None:
    width, fraction, digits, range_bits = source.width, source.fraction, target.fraction, target.range_bits
    assert range_bits is not None
    try:
        program = program_of(conversion(source, target), [Binding("argument", 0, source)], [])
    except UnsupportedError:
        no_room = width - 1 - fraction + digits > 63 or (width == 64 and digits < fraction)
        assert no_room or range_bits < digits - fraction
        return
    limit = 2.0 ** (range_bits - digits)
    most = 2 ** (width - 1) - 1
    # Where there are fewer digits, the last units below the limit may be refused.
    inside = max(0, min(most, int((limit - 1.5 * 2.0**-digits) * 2**fraction) - 1))
    numbers = np.array([0, 1, -1, inside, -inside], np.int64) * (inside > 0)
    [result], _ = PARTIES.run(program, [PARTIES.put(numbers, source)])
    assert isinstance(result, np.ndarray)
    np.testing.assert_allclose(result * 2.0**-digits, numbers * 2.0**-fraction, atol=1.5 * 2.0**-digits)
    outside = int(np.ceil(limit * 2**fraction))
    if outside <= most:
        for number in (outside, -outside - 1):
            with pytest.raises(spu_ditto.RangeError):
                PARTIES.run(program, [PARTIES.put(np.array([0, 0, number, 0, 0]), source)])
