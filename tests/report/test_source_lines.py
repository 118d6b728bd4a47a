"""Lines of code found by the numbers they compute: the right ones, and none where nothing tells."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from spu_ditto import models
from spu_ditto.reports.source_lines import Line, lines_of

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 6)), RNG.normal(size=(6, 3))


def found(fn: Callable[..., Any], args: tuple[Any, ...], *values: Any) -> list[Line | None]:
    leaves = jax.tree_util.tree_leaves(args)
    return lines_of(jax.make_jaxpr(fn)(*args), leaves, [np.asarray(value, np.float64) for value in values])


def text(line: Line | None) -> str:
    assert line is not None
    return Path(line.file).read_text().splitlines()[line.number - 1].strip()


def network(x: Any, w: Any) -> Any:
    with jax.named_scope("first"):
        hidden = jnp.tanh(x @ w)
    with jax.named_scope("second"):
        outer = jax.jit(lambda h: jnp.exp(h))(hidden)
    return outer / jnp.sum(outer, -1, keepdims=True)


def test_every_value_has_its_line_and_its_scopes() -> None:
    hidden = np.tanh(X @ W)
    outer = np.exp(hidden)
    product, tanh, exp, quotient = found(network, (X, W), X @ W, hidden, outer, outer / outer.sum(-1, keepdims=True))
    assert text(product) == text(tanh) == "hidden = jnp.tanh(x @ w)"
    assert text(exp) == "outer = jax.jit(lambda h: jnp.exp(h))(hidden)"
    assert text(quotient).startswith("return outer / ")
    assert [line and line.equation for line in (product, tanh, exp, quotient)] == [
        *("first/dot_general", "first/tanh", "second/exp", "div"),
    ]
    assert str(tanh).startswith("report/test_source_lines.py:") and str(tanh).endswith(" (first/tanh)")


def test_numbers_are_found_in_another_order_and_as_passes_compute_them() -> None:
    product = X @ W
    assert all(found(network, (X, W), product.T, product.reshape(2, -1), product * (1 + 1e-4)))


def test_half_precision_is_as_good() -> None:
    x, w = X.astype(np.float16), W.astype(np.float16)
    exact = np.tanh(x.astype(np.float64) @ w.astype(np.float64))
    [line] = found(lambda x, w: jnp.tanh(x @ w).astype(jnp.float32), (x, w), exact)
    assert line is not None and line.equation == "tanh"


def test_the_closest_of_close_ones_is_taken() -> None:
    def fn(x: Any) -> Any:
        near = x * x
        return near + 1e-5

    first, second = found(fn, (X,), X * X, X * X + 1e-5)
    assert text(first) == "near = x * x" and text(second) == "return near + 1e-5"


def test_what_nothing_tells_is_not_guessed() -> None:
    def fn(x: Any) -> Any:
        ones = x * 0 + 1
        return jnp.sum(x), ones

    other = RNG.normal(size=X.shape)
    values = [other, X * X, np.ones(X.shape), np.zeros(X.shape), np.full(X.shape, np.nan), np.zeros(0), np.sum(X)]
    assert found(fn, (X,), *values) == [None] * len(values)


def test_many_numbers_close_to_each_other_are_not_one() -> None:
    x = np.linspace(1, 2, 100_000)
    assert found(lambda x: x * x, (x,), x * x) != [None]


def test_few_numbers_have_to_agree_closely() -> None:
    pair = X[0, :2]
    assert found(lambda x: x * 3, (pair,), pair * 3) != [None]
    assert found(lambda x: x * 3, (pair,), pair * 3 * (1 + 1e-4)) == [None]


def test_loops_conditionals_and_expansions_are_equations() -> None:
    def fn(x: Any, flag: Any) -> Any:
        looped = lax.fori_loop(0, 3, lambda i, y: y * x + 1, x)
        chosen = lax.cond(flag, lambda y: y * 2, lambda y: y - 1, looped)
        bits = lax.bitcast_convert_type(chosen.astype(jnp.float32), jnp.int32)
        return chosen, bits, jax.random.normal(jax.random.key(0), x.shape) * x

    x = X.astype(np.float32)
    expected = x.astype(np.float64)
    for _ in range(3):
        expected = expected * x + 1
    looped, chosen = found(fn, (x, np.bool_(True)), expected, expected * 2)
    assert text(looped).startswith("looped = ") and text(chosen).startswith("chosen = ")


def test_lines_of_the_models_of_this_package_count() -> None:
    model = models.load("minilm", layers=1)
    inputs = model.encode(["A cat sleeps."], seq_len=8)
    result = np.asarray(model.reference(model.params, inputs), np.float64)
    [line] = found(model.apply, (model.params, inputs), result)
    assert line is not None and "/spu_ditto/nn/" in line.file
    module = inspect.getmodule(type(model))
    assert module is not None and line.file != module.__file__
