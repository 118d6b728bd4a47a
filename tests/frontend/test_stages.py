"""From a JAX function to results, with the parties' part evaluated in plain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spu

import spu_ditto
from tests.frontend.plaintext import PlaintextRuntime

X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
W = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)


def _affine(params: dict[str, Any], x: Any) -> Any:
    return {"y": x @ params["w"] + params["b"], "sum": jnp.sum(x)}


PARAMS = {"w": W, "b": np.float32([0.5, -0.5])}


@pytest.fixture(autouse=True)
def runtime() -> Iterator[PlaintextRuntime]:
    with spu_ditto.use_runtime(PlaintextRuntime()) as plain:
        yield plain  # type: ignore[misc]


def test_a_call_gives_the_functions_result() -> None:
    secure = spu.compile(_affine, ring_policy="ditto")
    result = secure(PARAMS, X)
    np.testing.assert_allclose(result["y"], X @ W + PARAMS["b"], atol=1e-3)
    np.testing.assert_allclose(result["sum"], X.sum(), atol=1e-3)
    assert result["y"].dtype == np.float32


def test_each_set_of_shapes_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = []
    lower = spu_ditto.SecureFunction.lower
    monkeypatch.setattr(spu_ditto.SecureFunction, "lower", lambda self, *a: (lowered.append(a), lower(self, *a))[1])
    secure = spu.compile(lambda x: x + x, ring_policy="ditto")
    for x in (X, X + 1, X[:2], X[:2]):
        secure(x)
    assert len(lowered) == 2


def test_static_arguments_select_the_program() -> None:
    secure = spu.compile(lambda x, n: x * n, ring_policy="ditto", static_argnums=1)
    np.testing.assert_allclose(secure(X, 2), 2 * X, atol=1e-3)
    np.testing.assert_allclose(secure(X, 3), 3 * X, atol=1e-3)


@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: (n,), lambda n: ("scale", (n, None))])
def test_static_arguments_that_compare_equal_select_their_own_programs(wrap: Callable[[Any], Any]) -> None:
    def describe(x: Any, static: Any) -> Any:
        *_, inner = static if isinstance(static, tuple) else (static,)
        n = inner[0] if isinstance(inner, tuple) else inner
        number = {bool: 100.0, int: 200.0, float: 300.0 + np.copysign(1.0, n)}[type(n)]
        return x + number

    secure = spu.compile(describe, ring_policy="ditto", static_argnums=1)
    for _ in range(2):
        for static, number in ((1, 200), (True, 100), (1.0, 301), (0.0, 301), (-0.0, 299), (0, 200), (False, 100)):
            np.testing.assert_allclose(secure(X, wrap(static)), X + number, atol=1e-3)


def test_a_handle_is_shared_once_per_ring(runtime: PlaintextRuntime) -> None:
    handle = spu_ditto.share(PARAMS)
    secure = spu.compile(_affine, ring_policy="ditto")
    _, first = secure.run(handle, X)
    _, second = secure.run(handle, X)
    assert (first.input_bytes, second.input_bytes) == (300, 100)
    assert len(runtime.shared) == 4
    with spu_ditto.use_runtime(PlaintextRuntime()) as other:
        secure(handle, X)
    assert len(other.shared) == 3  # type: ignore[attr-defined]


def test_weights_used_in_float16_are_shared_as_such(runtime: PlaintextRuntime) -> None:
    def half(w: Any, x: Any) -> Any:
        return x @ w.astype(jnp.float16)

    spu.compile(half, ring_policy="ditto")(W, X.astype(np.float16))
    # 12 bits for what feeds a dot in the small ring; 18 would be the fraction of a float32.
    assert [t.fraction for t in runtime.shared] == [12, 12]


def test_public_arguments_and_results_never_meet_a_party(runtime: PlaintextRuntime) -> None:
    def mixed(secret: Any, public: Any) -> Any:
        scale = jnp.exp(public)
        return secret * scale, scale

    secure = spu.compile(mixed, ring_policy="ditto", input_visibility=("secret", "public"))
    product, scale = secure(X, X / 4)
    np.testing.assert_allclose(product, X * np.exp(X / 4), atol=2e-2)
    np.testing.assert_allclose(scale, np.exp(X / 4), rtol=1e-6)
    assert len(runtime.shared) == 1


def test_arguments_that_differ_are_refused_before_any_party_starts(runtime: PlaintextRuntime) -> None:
    compiled = spu.compile(_affine, ring_policy="ditto").lower(PARAMS, X).compile()
    with pytest.raises(spu_ditto.ShapeError, match=r"argument x of _affine is float32\[2, 4\].*float32\[3, 4\]"):
        compiled(PARAMS, X[:2])
    with pytest.raises(spu_ditto.ShapeError, match="float16"):
        compiled(PARAMS, X.astype(np.float16))
    with pytest.raises(spu_ditto.ShapeError, match="structure"):
        compiled({"w": W}, X)
    assert not runtime.shared and not runtime.runs


def test_a_value_beyond_its_ring_is_refused_by_name(runtime: PlaintextRuntime) -> None:
    secure = spu.compile(_affine, ring_policy="ditto")
    with pytest.raises(spu_ditto.RangeError, match="argument x"):
        secure(PARAMS, np.where(X > 1, np.inf, X).astype(np.float32))
    assert not runtime.runs


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_public_arguments_without_a_value_in_the_ring_are_refused_by_name(
    runtime: PlaintextRuntime, bad: float
) -> None:
    secure = spu.compile(
        lambda x, shift, scale: x * scale + shift, ring_policy="ditto", input_visibility=("secret", "public", "public")
    )
    with pytest.raises(spu_ditto.RangeError, match="argument shift holds"):
        secure(X, np.float32([0, 1, 2, bad]), np.float32(1))
    assert not runtime.runs


def test_public_results_without_a_value_in_the_ring_are_refused_with_their_arguments(runtime: PlaintextRuntime) -> None:
    secure = spu.compile(
        lambda x, a, b, c: x * c + a / b, ring_policy="ditto", input_visibility=("secret", "public", "public", "public")
    )
    one = np.float32(1)
    np.testing.assert_allclose(secure(X, one, one, one), X + 1, atol=1e-3)
    for a in (0, 1):
        with pytest.raises(spu_ditto.RangeError, match="argument a or b holds"):
            secure(X, np.float32(a), np.float32(0), one)


MASKS = np.float32([-np.inf, np.finfo(np.float32).min, -65504, 0])


@pytest.mark.parametrize("order", [lambda x: jax.nn.softmax(x), lambda x: x > 1.0, lambda x: jnp.argmax(x, axis=1)])
def test_public_masks_are_taken_where_only_an_order_is_asked(
    runtime: PlaintextRuntime, order: Callable[[Any], Any]
) -> None:
    secure = spu.compile(lambda x, mask: order(x + mask), ring_policy="ditto", input_visibility=("secret", "public"))
    np.testing.assert_allclose(secure(100 * X, MASKS), order(100 * X + MASKS), atol=5e-3)


def test_public_masks_are_refused_where_their_size_would_show(runtime: PlaintextRuntime) -> None:
    secure = spu.compile(lambda x, mask: x + mask, ring_policy="ditto", input_visibility=("secret", "public"))
    with pytest.raises(spu_ditto.RangeError, match="argument mask holds"):
        secure(X, MASKS)
    assert not runtime.runs


@pytest.mark.parametrize("visibility", ["secret", "public"])
def test_integers_beyond_their_dtype_are_refused_by_name(runtime: PlaintextRuntime, visibility: str) -> None:
    secure = spu.compile(lambda x, n: x + n, ring_policy="ditto", input_visibility=("secret", visibility))
    n = np.array([1, -2, 2**31 - 10])
    np.testing.assert_array_equal(secure(np.int32([1, 2, 3]), n), [2, 0, 2**31 - 7])
    for bad in (2**31, 2**40, -(2**31) - 1):
        with pytest.raises(spu_ditto.RangeError, match="argument n holds an integer beyond its dtype int32"):
            secure(np.int32([1, 2, 3]), np.array([1, bad, 2]))


def test_secret_control_flow_is_refused() -> None:
    def halve(x: Any) -> Any:
        return jax.lax.while_loop(lambda v: v > 1, lambda v: v / 2, x)

    with pytest.raises(spu_ditto.CompileError, match=r"'pphlo.while': .* \(pass unroll-loops\)") as caught:
        spu.compile(halve, ring_policy="ditto").lower(np.float32(3))
    assert (caught.value.operation, caught.value.pass_name) == ("pphlo.while", "unroll-loops")


def test_lowered_shows_both_dialects() -> None:
    described = jax.tree_util.tree_map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (PARAMS, X))
    lowered = spu.compile(_affine, ring_policy="ditto").lower(*described)
    assert "pphlo.dot" in lowered.as_text("pphlo")
    assert "ring.matmul" in lowered.as_text("ring")
    with pytest.raises(spu_ditto.UnsupportedError, match="llvm"):
        lowered.as_text("llvm")  # type: ignore[arg-type]


def test_a_saved_program_runs_elsewhere(tmp_path: Path) -> None:
    compiled = spu.compile(_affine, ring_policy="ditto").lower(PARAMS, X).compile()
    compiled.save(tmp_path / "affine")
    loaded = spu_ditto.load(tmp_path / "affine")
    np.testing.assert_array_equal(loaded(PARAMS, X)["y"], compiled(PARAMS, X)["y"])
    assert loaded.signature == compiled.signature


def test_an_exact_run_rounds_every_real_result_once_more() -> None:
    def results(x: Any) -> Any:
        return {"twice": x + x, "positive": x > 0, "label": jnp.argmax(x)}

    secure = spu.compile(results, ring_policy="ditto")
    for run in (secure.run, secure.lower(X).compile().run):
        result, report = run(X, exact=True)
        assert report.program is not None
        assert report.program.ring.count("ring.reround") == 1
        np.testing.assert_allclose(result["twice"], 2 * X, atol=2.0**-9)
        assert np.all(result["twice"] * 2**9 == np.rint(result["twice"] * 2**9))
        np.testing.assert_array_equal(result["positive"], X > 0)
        assert result["label"] == np.argmax(X)
    result, _ = secure.run(X, exact=12)
    assert np.all(result["twice"] * 2**6 == np.rint(result["twice"] * 2**6))
    with pytest.raises(spu_ditto.UnsupportedError, match="2 bits or more, not 1"):
        secure.run(X, exact=1)
    assert "ring.reround" not in secure.lower(X).as_text("ring")


def test_the_executable_holds_the_ring_program() -> None:
    executable = spu.compile(_affine, ring_policy="ditto").lower(PARAMS, X).compile().executable
    assert isinstance(executable, spu.Executable)
    code = executable.code.decode() if isinstance(executable.code, bytes) else executable.code
    assert "ring.matmul" in code
    assert list(executable.input_names) == ["params/b", "params/w", "x"]


def test_programs_that_spu_compiled_are_taken_over() -> None:
    pphlo = spu.compile(_affine, ring_policy="ditto").lower(PARAMS, X).as_text("pphlo")
    from_text = spu_ditto.from_pphlo(pphlo)
    executable = spu.Executable(name="affine", input_names=["b", "w", "x"], output_names=["a", "b"], code=pphlo)
    total, y = spu_ditto.from_pphlo(executable)(PARAMS["b"], W, X)
    np.testing.assert_allclose(y, X @ W + PARAMS["b"], atol=1e-3)
    np.testing.assert_array_equal(from_text(PARAMS["b"], W, X)[1], y)
    with pytest.raises(spu_ditto.ShapeError, match="argument w"):
        spu_ditto.from_pphlo(executable)(PARAMS["b"], W.T, X)


def test_fm64_gives_every_float_the_large_rings_fraction(runtime: PlaintextRuntime) -> None:
    spu.compile(lambda a, b: a @ b, ring_policy="fm64")(X.astype(np.float16), W.astype(np.float16))
    assert {t.fraction for t in runtime.shared} == {18}


def test_a_deep_program_compiles() -> None:
    """Nothing in the compiler is as deep as the program."""

    def deep(x: Any, y: Any, kept: Any) -> Any:
        for row in range(600):
            x = x - y[row]
        return jax.nn.softmax(x + jnp.where(kept, 0.0, -jnp.inf)) + x

    x, y = np.ones((2, 4), np.float32), np.ones((600, 2, 4), np.float32)
    lowered = spu_ditto.compile(deep, ranges={"x": 1, "y": 1}).lower(x, y, np.ones((2, 4), np.bool_))
    assert lowered.cost_analysis().rounds > 0
