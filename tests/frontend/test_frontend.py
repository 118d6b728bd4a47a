"""Tracing: what reaches SPU's compiler, and what is refused with which words."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from spu_ditto.errors import ShapeError, UnsupportedError
from spu_ditto.frontend import trace

X = np.ones((2, 3), np.float32)


def test_arguments_are_named_by_their_path() -> None:
    def fn(params: Any, x: Any) -> Any:
        return x @ params["layer"][1]["kernel"]

    traced = trace(fn, ({"layer": [None, {"kernel": np.ones((3, 4), np.float32)}]}, X))
    assert [a.name for a in traced.signature.arguments] == ["params/layer/1/kernel", "x"]
    assert traced.signature.arguments[0].shape == (3, 4)
    assert traced.signature.outputs[0].shape == (2, 4)


def test_unused_arguments_keep_their_place() -> None:
    traced = trace(lambda a, b, c: a + c, (X, X, X), ("public", "secret", "secret"))
    assert [a.visibility for a in traced.signature.arguments] == ["public", "secret", "secret"]
    assert traced.part.main == (("argument", 1), ("argument", 2), ("argument", 0))
    assert traced.visibility() == ["secret", "secret", "public"]


def test_visibility_may_be_a_prefix_of_an_argument() -> None:
    traced = trace(lambda p, x: p["a"] + p["b"] + x, ({"a": X, "b": X}, X), ({"a": "public", "b": "secret"}, "secret"))
    assert [a.visibility for a in traced.signature.arguments] == ["public", "secret", "secret"]


@pytest.mark.parametrize("visibility", [("secret",), ("secret", "secret", "secret")])
def test_visibilities_and_arguments_must_be_equally_many(visibility: tuple[str, ...]) -> None:
    with pytest.raises(ShapeError, match="2 arguments"):
        trace(lambda a, b: a + b, (X, X), visibility)


def test_an_unknown_visibility_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="'hidden'"):
        trace(lambda a: a, (X,), "hidden")


def test_shape_structs_and_scalars_are_arguments() -> None:
    traced = trace(lambda a, b: a * b, (jax.ShapeDtypeStruct((4,), np.float16), 2.0))
    assert [(a.shape, a.dtype) for a in traced.signature.arguments] == [((4,), np.float16), ((), np.float32)]


def test_static_arguments_are_compiled_in() -> None:
    traced = trace(lambda x, n: x * n, (X, 3), static_argnums=(1,))
    assert len(traced.signature.arguments) == 1
    assert "3.0" in traced.stablehlo


def test_gelu_stays_one_operation() -> None:
    traced = trace(lambda x: jax.nn.gelu(x, approximate=False), (X,))
    assert "stablehlo.custom_call @mpc.erfc" in traced.stablehlo
    assert "chlo" not in traced.stablehlo


def _fft(x: Any) -> Any:
    return jnp.fft.fft(x)


def _qr(x: Any) -> Any:
    return jnp.linalg.qr(x)


def test_bfloat16_becomes_float16() -> None:
    """Their ring is one; constants are the nearest float16, or infinite."""
    table = jnp.asarray(np.linspace(-3, 3, 200), jnp.bfloat16)
    traced = trace(lambda x: jnp.maximum(x, jnp.bfloat16(1.5)) + table + jnp.finfo(x.dtype).min, (table,))
    text = traced.stablehlo
    assert "bf16" not in text and "tensor<200xf16>" in text
    assert "0x3E00" in text and "0xFC00" in text
    np.testing.assert_array_equal(traced.constants[0].astype(np.float32), np.asarray(table, np.float32))


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (_fft, "stablehlo.fft"),
        (_qr, "@Qr"),
    ],
)
def test_what_cannot_run_is_named_with_its_source_line(fn: Callable[..., Any], message: str) -> None:
    line = inspect.getsourcelines(fn)[1] + 1
    with pytest.raises(UnsupportedError, match=f"{message}.*test_frontend.py:{line}\\)"):
        trace(fn, (X,))


def test_dynamic_shapes_are_refused() -> None:
    (n,) = export.symbolic_shape("n")
    with pytest.raises(ShapeError, match="dynamic"):
        trace(lambda x: x + 1, (jax.ShapeDtypeStruct((n, 3), np.float32),))


def test_what_is_no_array_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="static_argnums"):
        trace(lambda x, mode: x, (X, "fast"))
