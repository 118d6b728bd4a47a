"""Programs of loops, scans, windows, orders and indices through the whole stack, beside JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import spu_ditto

RNG = np.random.default_rng(0)


def floats(*shape: int, dtype: Any = np.float32) -> Any:
    return (np.rint(RNG.uniform(-2, 2, shape) * 64) / 64).astype(dtype)


def integers(most: int, *shape: int, dtype: Any = np.int32) -> Any:
    return RNG.integers(0, most, shape).astype(dtype)


def lstm(weights: Any, recurrent: Any, inputs: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        hidden, cell = state
        parts = jnp.split(x @ weights + hidden @ recurrent, 4, -1)
        forget, take, give = (jax.nn.sigmoid(part) for part in parts[:3])
        cell = forget * cell + take * jnp.tanh(parts[3])
        hidden = give * jnp.tanh(cell)
        return (hidden, cell), hidden

    zeros = jnp.zeros((inputs.shape[1], recurrent.shape[0]), inputs.dtype)
    return lax.scan(step, (zeros, zeros), inputs)


def gru(weights: Any, recurrent: Any, inputs: Any) -> Any:
    def step(hidden: Any, x: Any) -> Any:
        ours, theirs = jnp.split(x @ weights, 3, -1), jnp.split(hidden @ recurrent, 3, -1)
        reset, update = (jax.nn.sigmoid(a + b) for a, b in zip(ours[:2], theirs[:2]))
        new = jnp.tanh(ours[2] + reset * theirs[2])
        return update * hidden + (1 - update) * new, hidden

    return lax.scan(step, jnp.zeros((inputs.shape[1], recurrent.shape[0]), inputs.dtype), inputs)


def convolutional_loss(image: Any, kernel: Any) -> Any:
    """A small network with maximum and average pooling."""
    dims = ("NHWC", "HWIO", "NHWC")
    y = jax.nn.relu(lax.conv_general_dilated(image, kernel, (1, 1), "SAME", dimension_numbers=dims))
    y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    y = lax.reduce_window(y, 0.0, lax.add, (1, 2, 2, 1), (1, 1, 1, 1), "VALID") / 4
    return (y**2).sum()


def graph_layer(features: Any, senders: Any, receivers: Any, weights: Any) -> Any:
    """Messages along secret edges, summed up where they arrive."""
    messages = jnp.take(features, senders, axis=0, mode="clip") @ weights
    return jax.ops.segment_sum(messages, receivers, num_segments=features.shape[0])


def newton_root(x: Any) -> Any:
    """A carried state of several dtypes: a number, a count, a bit."""

    def step(i: Any, state: Any) -> Any:
        root, steps, close = state
        better = root + (x - root * root) * 0.25
        near = jnp.abs(better - root) < 0.25
        return jnp.where(close, root, better), steps + jnp.where(close, 0, 1).astype(jnp.int32), near | close

    start = (jnp.ones_like(x), jnp.zeros(x.shape, jnp.int32), jnp.zeros(x.shape, bool))
    return lax.fori_loop(0, 4, step, start)[0]


Program = tuple[Callable[..., Any], tuple[Any, ...], float]

PROGRAMS: dict[str, Program] = {
    "lstm": (lstm, (floats(3, 16) / 4, floats(4, 16) / 4, floats(4, 2, 3)), 0.01),
    "gru": (gru, (floats(3, 12) / 4, floats(4, 12) / 4, floats(4, 2, 3)), 0.01),
    "convolutional_gradient": (
        jax.grad(convolutional_loss, (0, 1)),
        (floats(1, 6, 6, 2), floats(3, 3, 2, 3) / 4),
        0.02,
    ),
    "gradient_3d": (
        jax.grad(lambda x, k: (lax.conv_general_dilated(x, k, (1, 1, 1), "VALID") ** 2).sum(), (0, 1)),
        (floats(1, 2, 3, 4, 3), floats(2, 2, 2, 2, 2)),
        0.02,
    ),
    "graph": (graph_layer, (floats(5, 3), integers(5, 7), integers(5, 7), floats(3, 2)), 0.01),
    "gradient_of_a_look_up": (
        jax.grad(lambda table, ids: (table[ids] ** 2).sum()),
        (floats(6, 3), integers(6, 4)),
        0.001,
    ),
    "associative_scan": (
        lambda a, b: lax.associative_scan(lambda p, q: (p[0] * q[0], p[1] * q[0] + q[1]), (a, b)),
        (floats(7) / 2, floats(7)),
        0.001,
    ),
    "associative_scan_of_bits": (lambda x: lax.associative_scan(jnp.logical_xor, x > 0), (floats(9),), 0),
    "carried_dtypes": (newton_root, (np.abs(floats(5)) + 1,), 0.01),
    "halved_many_times": (
        lambda x: (lax.fori_loop(0, 60, lambda i, c: c * 0.5 + 1, x), x * 2.0**-20 * 2.0**-15),
        (floats(5),),
        0.001,
    ),
    "scan_of_integers": (
        lambda x: lax.scan(lambda c, e: (c + e, c * e), np.int8(1), x),
        (integers(20, 6, dtype=np.int8),),
        0,
    ),
    "scan_in_half": (
        lambda x: lax.scan(lambda c, e: (c * 0.5 + e, c > e), np.float16(0), x, reverse=True),
        (floats(6, dtype=np.float16),),
        0.05,
    ),
    "quantiles": (lambda x: (jnp.median(x), jnp.quantile(x, 0.3)), (floats(9),), 0.01),
    "top_of_each_row": (
        lambda x: lax.top_k(x, 2),
        (RNG.permutation(np.arange(24.0)).reshape(3, 8).astype("f"),),
        0.001,
    ),
    "ranks": (lambda x: jnp.argsort(jnp.argsort(x)), (RNG.permutation(np.arange(9.0)).astype("f"),), 0),
    "rows_in_the_order_of_a_column": (
        lambda x: x[jnp.argsort(x[:, 0])],
        (np.stack([RNG.permutation(np.arange(5.0)), np.arange(5.0)], 1).astype("f"),),
        0.001,
    ),
    # Bisection: the first place looked at is known.
    "bisection": (
        lambda table, x: jnp.searchsorted(table, x),
        (np.sort(RNG.permutation(np.arange(10.0))).astype("f"), np.array([2.5, -1, 9.5, 4], "f")),
        0,
    ),
    "histogram": (lambda ids: jnp.bincount(ids, length=5), (integers(5, 9),), 0),
    "running_maximum_of_rows": (lambda x: lax.cummax(x, 1), (floats(3, 9),), 0.001),
    "several_statistics": (
        lambda x: lax.reduce(
            (x, x * x, x > 1),
            (np.float32(0), np.float32(-np.inf), np.bool_(False)),
            lambda a, b: (a[0] + b[0], jnp.maximum(a[1], b[1]), a[2] | b[2]),
            (1,),
        ),
        (floats(3, 7),),
        0.01,
    ),
    "empty": (lambda x: (jnp.cumsum(x[:0], 0), x[:0].sum(1), jnp.sort(x[:, :0]), x[:0].max(1)), (floats(3, 4),), 0),
    "scalars": (lambda x: (jnp.cumsum(x.reshape(1)), jnp.sort(x.reshape(1)), x.max()), (floats(),), 0.001),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    function, arguments, tolerance = PROGRAMS[name]
    expected = jax.tree_util.tree_leaves(function(*map(jnp.asarray, arguments)))
    results = jax.tree_util.tree_leaves(spu_ditto.compile(function)(*arguments))
    for wanted, result in zip(expected, results, strict=True):
        assert (result.shape, result.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_allclose(
            np.asarray(result, np.float64), np.asarray(wanted, np.float64), rtol=0, atol=tolerance
        )


def test_public_indices_are_known_at_the_call() -> None:
    """Gathers, scatters and slices at public places move data, and nothing is sent for them."""

    def program(x: Any, updates: Any, ids: Any, start: Any) -> Any:
        return x[ids], x.at[ids].set(updates), lax.dynamic_slice(x, (start, 1), (2, 2))

    x, updates = floats(5, 3), floats(2, 3)
    secure = spu_ditto.compile(program, input_visibility=("secret", "secret", "public", "public"))
    for ids, start in (([0, 4], 1), ([3, -2], 9), ([2, 2], -1)):
        arguments = (x, updates, np.array(ids, np.int32), np.int32(start))
        for wanted, result in zip(program(*map(jnp.asarray, arguments)), secure(*arguments), strict=True):
            np.testing.assert_allclose(result, wanted, atol=2.0**-16)
    lowered = spu_ditto.compile(lambda x, ids: x[ids], input_visibility=("secret", "public")).lower(x, np.array([0, 4]))
    assert lowered.cost_analysis().rounds == 0


def test_public_keys_sort_without_a_message() -> None:
    keys, values = integers(4, 9), floats(9)
    secure = spu_ditto.compile(lambda k, v: lax.sort((k, v), num_keys=1)[1], input_visibility=("public", "secret"))
    np.testing.assert_allclose(secure(keys, values), values[np.argsort(keys, kind="stable")], atol=2.0**-16)
    assert secure.lower(keys, values).cost_analysis().rounds == 0


@pytest.mark.parametrize(
    "function",
    [
        lambda t, i: jnp.take(t, i, 0, mode="clip"),
        lambda t, i: (t > 0)[i],
        lambda t, i: t.astype(np.int32)[i],
        lambda t, i: lax.dynamic_slice(t, (i[2], i[0]), (2, 2)),
        lambda t, i: t.at[i].add(t[:3] * 2),
    ],
    ids=["rows", "booleans", "integers", "slice", "addition"],
)
def test_a_public_table_at_secret_positions(function: Any) -> None:
    table, positions = jnp.asarray(floats(5, 3)), np.array([0, 4, 2], np.int32)
    secure = spu_ditto.compile(function, input_visibility=("public", "secret"))
    np.testing.assert_allclose(secure(table, positions), function(table, positions), atol=2.0**-15)


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        (lambda x: jnp.linalg.eigvalsh(x + x.T), (floats(3, 3),), "eigh cannot run on shares"),
        (lambda x: jnp.where(x > 0, x, -jnp.inf) * 3, (floats(3),), "infinity, or the least number of a dtype"),
        (lambda x: jax.pure_callback(lambda v: v, x, x), (floats(3),), "cannot run on shares"),
        (
            lambda x: lax.while_loop(lambda v: v.sum() < 10, lambda v: v * 2, x),
            (floats(3),),
            "bound the rounds by a number that is not secret",
        ),
        (
            lambda x: lax.while_loop(lambda s: (s[0] < 3) | (s[1] < 10), lambda s: (s[0] + 1, s[1] * 2), (5, x[0])),
            (floats(3),),
            "bound the rounds by a number that is not secret, of at most",
        ),
        (
            lambda x: lax.fori_loop(0, 5000, lambda i, x: lax.cond(i % 2 == 0, jnp.tanh, lambda x: x + 1, x), x),
            (floats(3),),
            "rounds; give the loop a smaller bound",
        ),
    ],
    ids=["eigenvalues", "infinite", "callback", "secret condition", "no bound", "rounds"],
)
def test_refused_with_reason(function: Any, arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises((spu_ditto.UnsupportedError, spu_ditto.CompileError), match=reason):
        spu_ditto.compile(function)(*arguments)


@pytest.mark.parametrize("start", [0.1, 3.0, 40.0])
def test_a_secret_ends_a_loop_before_its_bound(start: float) -> None:
    """As the end of a sentence does: nobody sees in which round."""

    def decoded(x: Any) -> Any:
        def goes_on(state: Any) -> Any:
            return ~((state[0] == 6) | (state[1].max() > 20))

        def step(state: Any) -> Any:
            n, x, seen = state
            return n + 1, x * 2, lax.dynamic_update_slice(seen, jax.nn.softmax(x).max(keepdims=True), (n,))

        return lax.while_loop(goes_on, step, (0, x, jnp.zeros(6, x.dtype)))[1:]

    x = np.array([start, -start / 2], np.float32)
    secure = spu_ditto.compile(decoded)
    for got, expected in zip(secure(x), decoded(x), strict=True):
        np.testing.assert_allclose(got, expected, atol=2e-3)


def test_a_position_outside_of_a_table_is_refused() -> None:
    """Where JAX would give NaN."""
    secure = spu_ditto.compile(lambda x, i: jnp.take_along_axis(x, i, axis=1))
    x = floats(2, 3)
    np.testing.assert_allclose(secure(x, np.array([[2], [0]])), [[x[0, 2]], [x[1, 0]]], atol=2.0**-16)
    with pytest.raises(spu_ditto.RangeError):
        secure(x, np.array([[3], [0]]))
