"""Programs that people write: regressions, trees, clusters, metrics, networks and their training, joins and groups.

As `jnp_operations.py`: a function, its arguments (all secret) and the dtypes; meanings are JAX's in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from tests.conformance.jnp_operations import Function

PROGRAMS: list[Function] = []
F32 = ("f32",)
INTS = ("i32",)


def add(
    name: str,
    function: Callable[..., Any],
    arguments: str,
    dtypes: tuple[str, ...] = F32,
    slack: float = 2e-2,
    refused: tuple[str, ...] = (),
) -> None:
    PROGRAMS.append(Function(name, function, tuple(arguments.split()), dtypes, slack, refused))


def number(n: int, *shape: int) -> Any:
    """Fixed weights, the same everywhere."""
    return jnp.asarray(np.random.default_rng(n).normal(size=shape) * 0.5)


# ------------------------------------------------------------------------------------------------ regressions


def squares(w: Any, x: Any, y: Any) -> Any:
    return jnp.mean((x @ w - y) ** 2)


def cross_entropy(w: Any, x: Any, y: Any) -> Any:
    p = jax.nn.sigmoid(x @ w)
    return -jnp.mean(y * jnp.log(p + 1e-3) + (1 - y) * jnp.log(1 - p + 1e-3))


def steps(loss: Callable[..., Any], count: int, rate: float) -> Callable[..., Any]:
    def train(w: Any, x: Any, y: Any) -> Any:
        return lax.fori_loop(0, count, lambda _, v: v - rate * jax.grad(loss)(v, x, y), w)

    return train


def hinge(w: Any, x: Any, y: Any) -> Any:
    signs = jnp.where(y > 0, 1.0, -1.0)
    return jnp.mean(jnp.maximum(0, 1 - signs * (x @ w))) + 0.01 * jnp.sum(w**2)


add("linear_regression", steps(squares, 3, 0.05), "w4:unit x:small t3:small")
add(
    "ridge",
    lambda w, x, y: w - 0.05 * jax.grad(lambda v: squares(v, x, y) + 0.1 * jnp.sum(v**2))(w),
    "w4:unit x:small t3:small",
)
add("lasso_step", lambda w: jnp.sign(w) * jnp.maximum(jnp.abs(w) - 0.1, 0), "w4:unit")
add(
    "logistic_regression",
    lambda w, x, y: steps(cross_entropy, 3, 0.1)(w, x, y.astype(jnp.float32)),
    "w4:unit x:small t3::b",
)
add(
    "logistic_logaddexp",
    steps(lambda w, x, y: jnp.mean(jnp.logaddexp(0.0, x @ w) - y * (x @ w)), 2, 0.1),
    "w4:unit x:small t3:chance",
)
add("svm_hinge", lambda w, x, y: steps(hinge, 2, 0.1)(w, x, y), "w4:unit x:small t3")
add(
    "poisson_regression",
    steps(lambda w, x, y: jnp.mean(jnp.exp(x @ w) - y * (x @ w)), 2, 0.02),
    "w4:unit x:unit t3:positive",
)
add("huber", lambda x, y: jnp.mean(jnp.where(jnp.abs(x - y) < 1, 0.5 * (x - y) ** 2, jnp.abs(x - y) - 0.5)), "x y")
add("quantile_loss", lambda x, y: jnp.mean(jnp.maximum(0.3 * (y - x), -0.7 * (y - x))), "x y")
add("polynomial_regression", lambda w, x: jnp.stack([x, x**2, x**3], -1) @ w, "w3:unit x:small")
add("newton_step", lambda w, x: w - (x.T @ (x @ w)) / (1 + jnp.diag(x.T @ x)), "w4:unit x:small")

# ------------------------------------------------------------------------------------------------ statistics, metrics

add("z_scores", lambda x: (x - x.mean(0)) / (x.std(0) + 1e-2), "x")
add("min_max_scaling", lambda x: (x - x.min(0)) / (x.max(0) - x.min(0) + 0.125), "x")
add("r_squared", lambda t, p: 1 - jnp.sum((t - p) ** 2) / jnp.sum((t - t.mean()) ** 2), "v v:any")
add("mean_absolute_percentage", lambda t, p: jnp.mean(jnp.abs((t - p) / t)), "v:positive v:positive")
add("accuracy", lambda s, y: jnp.mean((jnp.argmax(s, 1) == y).astype(jnp.float32)), "x t3:positive:i32")
add(
    "precision_recall", lambda p, y: (jnp.sum(p & y) / (jnp.sum(p) + 1), jnp.sum(p & y) / (jnp.sum(y) + 1)), "v::b v::b"
)
add("f1_score", lambda p, y: 2 * jnp.sum(p & y) / (jnp.sum(p) + jnp.sum(y) + 1e-3), "v::b v::b")
add("confusion_matrix", lambda p, y: jax.nn.one_hot(y, 3).T @ jax.nn.one_hot(p, 3), "ids ids")
add(
    "auc",
    lambda s, y: jnp.sum((s[:, None] > s[None, :]) & y[:, None] & ~y[None, :]) / (jnp.sum(y) * jnp.sum(~y) + 1),
    "v v::b",
)
add("log_loss", lambda p, y: -jnp.mean(jnp.where(y, jnp.log(p), jnp.log(1 - p))), "v:chance v::b")
add("kl_divergence", lambda p, q: jnp.sum(p * (jnp.log(p) - jnp.log(q))), "v:chance v:chance")
add("entropy", lambda p: -jnp.sum(p * jnp.log2(p)), "v:chance")
add("cosine_similarity", lambda x, y: (x @ y) / (jnp.linalg.norm(x) * jnp.linalg.norm(y)), "v v:any")
add("euclidean_distances", lambda x, y: jnp.sqrt(jnp.sum((x[:, None] - y[None]) ** 2, -1)), "x y", slack=0.05)
add("manhattan_distances", lambda x, y: jnp.abs(x[:, None] - y[None]).sum(-1), "x y", ("f32", "i32"))
add("covariance", lambda x: jnp.cov(x.T), "x")
add("correlation", lambda x: jnp.corrcoef(x.T), "x", slack=4e-2)
add("moving_average", lambda v: jnp.convolve(v, jnp.ones(3) / 3, "valid"), "v")
add("exponential_smoothing", lambda v: lax.scan(lambda c, e: (0.5 * c + 0.5 * e,) * 2, v[0], v)[1], "v")
add("skewness", lambda v: jnp.mean((v - v.mean()) ** 3) / v.std() ** 3, "v", slack=5e-2)
add("t_statistic", lambda v, u: (v.mean() - u.mean()) / jnp.sqrt(v.var() / 6 + u.var() / 6), "v u", slack=5e-2)
add("chi_square", lambda o, e: jnp.sum((o - e) ** 2 / e), "v:positive v:positive", slack=5e-2)
add("median_absolute_deviation", lambda v: jnp.median(jnp.abs(v - jnp.median(v))), "v")
add("winsorised_mean", lambda v: jnp.mean(jnp.clip(v, jnp.quantile(v, 0.2), jnp.quantile(v, 0.8))), "v")
add("rank", lambda v: jnp.argsort(jnp.argsort(v)), "v", ("f32", "i32"))
add("gini", lambda v: jnp.abs(v[:, None] - v[None]).sum() / (2 * 6 * v.sum()), "v:positive")
add(
    "histogram_counts",
    lambda v: jnp.sum((v[:, None] >= jnp.array([-6.0, -2, 2])) & (v[:, None] < jnp.array([-2.0, 2, 6])), 0),
    "v",
)

# ------------------------------------------------------------------------------------------------ clusters, trees


def k_means(x: Any, c: Any) -> Any:
    def step(_: Any, c: Any) -> Any:
        nearest = jnp.argmin(((x[:, None] - c[None]) ** 2).sum(-1), 1)
        members = jax.nn.one_hot(nearest, 2)
        return (members.T @ x) / (members.sum(0)[:, None] + 1e-2)

    return lax.fori_loop(0, 2, step, c)


add("k_means", lambda x: k_means(x, x[:2]), "p8", slack=0.1)
add(
    "k_means_masks", lambda x: jnp.stack([jnp.sum(jnp.where((x[:, :1] > 0) == k, x, 0), 0) for k in (True, False)]), "x"
)
add("nearest_neighbour", lambda x, v: jnp.argmin(((x - v[:4]) ** 2).sum(1)), "x v")
add("k_nearest_vote", lambda x, v: jnp.mean(lax.top_k(-jnp.abs(x[:, 0] - v[0]), 2)[0]), "x v")


def tree(x: Any) -> Any:
    left = jnp.where(x[:, 1] < 0.5, 1.0, 2.0)
    right = jnp.where(x[:, 2] < -0.5, 3.0, 4.0)
    return jnp.where(x[:, 0] < 0, left, right)


add("decision_tree", tree, "x")
add("oblivious_tree", lambda x: number(1, 8)[jnp.sum((x[:, :3] > 0) * jnp.array([1, 2, 4]), 1)], "x")
add("gradient_boosting", lambda x: sum(0.1 * tree(x * s) for s in (1.0, -1.0, 0.5)), "x")
add("leaf_weights", lambda g, h, m: jnp.sum(g * m) / (jnp.sum(h * m) + 1), "v v:positive v::b")
add("split_gain", lambda g, m: jnp.sum(jnp.where(m, g, 0)) ** 2 / (jnp.sum(m) + 1.0), "v v::b")
add("naive_bayes", lambda x, y: jnp.log((y.astype(jnp.float32).T @ jnp.abs(x) + 1) / (jnp.sum(y) + 2)), "x t3::b")
add(
    "perceptron",
    lambda w, x, y: lax.scan(lambda w, e: (w + jnp.where((e[0] @ w > 0) == e[1], 0.0, 0.1) * e[0], 0), w, (x, y))[0],
    "w4:unit x:small t3::b",
)
add(
    "pca_power_iteration",
    lambda x: lax.fori_loop(0, 3, lambda _, v: (u := x.T @ (x @ v)) / jnp.linalg.norm(u), jnp.ones(4) / 2),
    "x:small",
    slack=5e-2,
)
add("gaussian_kernel", lambda x, y: jnp.exp(-((x[:, None] - y[None]) ** 2).sum(-1) / 8), "x:small y:small")
add("linear_solve", lambda a, b: jnp.linalg.inv(a[:2, :2] + 4 * jnp.eye(2)) @ b[:2], "a:unit v")

# ------------------------------------------------------------------------------------------------ tables

add("filter_sum", lambda x, k: jnp.sum(jnp.where(k > 2, x, 0)), "v v::i32", ("f32", "i32"))
add("group_sum", lambda v, k: jax.nn.one_hot(k, 3, dtype=v.dtype).T @ v, "five ids", ("f32", "i32"))
add("group_count", lambda k: jnp.sum(k[:, None] == jnp.arange(3), 0), "ids", INTS)
add(
    "group_mean",
    lambda v, k: (jax.nn.one_hot(k, 3).T @ v) / (jax.nn.one_hot(k, 3).sum(0) + 1e-3),
    "five ids",
    slack=5e-2,
)
add(
    "group_max",
    lambda v, k: jnp.max(jnp.where(k[:, None] == jnp.arange(3), v[:, None], -100), 0),
    "five ids",
    ("f32", "i32"),
)
add("segment_sum", lambda v, k: jax.ops.segment_sum(v, k, 3), "five ids", ("f32", "i32"))
add("inner_join_sum", lambda a, b, v: jnp.sum((a[:, None] == b[None]) * v[None]), "ids ids five")
add("semi_join", lambda a, b: jnp.any(a[:, None] == b[None], 1), "ids ids", INTS)
add("intersection_size", lambda a, b: jnp.sum(jnp.any(a[:, None] == b[None, :3], 1)), "ids ids", INTS)
add("sort_by_key", lambda k, v: lax.sort((k, v), num_keys=1), "v:any:i32 v")
add("top_two", lambda v: lax.top_k(v, 2), "v", ("f32", "i32"))
add("distinct_count", lambda v: 1 + jnp.sum(jnp.diff(jnp.sort(v)) != 0), "v", INTS)
add("running_total", jnp.cumsum, "v", ("f32", "i32"))
add("millionaires", lambda s, u: s > u[0], "s v", ("f32", "i32"))
add("second_price_auction", lambda v: (jnp.argmax(v), jnp.sort(v)[-2]), "v", INTS)
add("vote_count", lambda v: jnp.bincount(v, length=3), "ids", INTS)
add("lookup_table", lambda t, i: t[i], "x ids", ("f32", "i32"))
add("binning", lambda v: jnp.digitize(v, jnp.array([-2.0, 0, 2])), "v")
add("string_match", lambda v, u: jnp.all(v == u), "v u", ("i32", "i8", "u8"))
add("edit_row", lambda a, b: lax.scan(lambda c, e: (jnp.minimum(c + 1, e),) * 2, a[0], b)[1], "v u", INTS)
add("pack_bits", lambda b: jnp.sum(b * (2 ** jnp.arange(6))), "v::b", INTS)
add("parity", lambda v: jnp.sum(v & 1) % 2, "v", INTS)
add("checksum", lambda v: lax.reduce(v, np.int32(0), lax.bitwise_xor, (0,)), "v", INTS)

# ------------------------------------------------------------------------------------------------ networks


def mlp(p: Any, x: Any) -> Any:
    return jax.nn.relu(x @ p[0] + p[1]) @ p[2]


WEIGHTS = (number(2, 4, 5), number(3, 5), number(4, 5, 2))
add("mlp", lambda x: mlp(WEIGHTS, x), "x:small")
add("mlp_secret_weights", lambda x, w: jax.nn.relu(x @ w) @ w.T, "x:small m:unit")
add("mlp_softmax", lambda x: jax.nn.softmax(mlp(WEIGHTS, x)), "x:small")
add(
    "mlp_training_step",
    lambda w, x: w - 0.1 * jax.grad(lambda v: jnp.mean(jax.nn.tanh(x @ v) ** 2))(w),
    "m:unit x:small",
)


def trained_with(optimiser: Any) -> Callable[..., Any]:
    def train(w: Any, x: Any) -> Any:
        state = optimiser.init(w)
        for _ in range(2):
            gradient = jax.grad(lambda v: jnp.mean((jax.nn.relu(x @ v) - 0.5) ** 2))(w)
            updates, state = optimiser.update(gradient, state, w)
            w = optax.apply_updates(w, updates)
        return w

    return train


add("sgd", trained_with(optax.sgd(0.1)), "m:unit x:small")
add("momentum", trained_with(optax.sgd(0.1, momentum=0.9, nesterov=True)), "m:unit x:small")
add("adam", trained_with(optax.adam(0.05, b2=0.9, eps=1e-2)), "m:unit x:small", slack=6e-2)
add("adamw", trained_with(optax.adamw(0.05, b2=0.9, eps=1e-2)), "m:unit x:small", slack=6e-2)
add("rmsprop", trained_with(optax.rmsprop(0.05, eps=1e-2)), "m:unit x:small", slack=6e-2)
add("adagrad", trained_with(optax.adagrad(0.05, eps=1e-2)), "m:unit x:small", slack=6e-2)
add("clipped_gradients", trained_with(optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1))), "m:unit x:small")
add("softmax_cross_entropy", lambda x, y: optax.softmax_cross_entropy_with_integer_labels(x, y).mean(), "x three")
add("sigmoid_cross_entropy", lambda x, y: optax.sigmoid_binary_cross_entropy(x, y).mean(), "x y:chance")


def lstm(x: Any) -> Any:
    w = number(5, 7, 12)

    def cell(carry: Any, row: Any) -> Any:
        h, c = carry
        i, f, o, g = jnp.split(jnp.concatenate([row, h]) @ w, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return lax.scan(cell, (jnp.zeros(3, x.dtype), jnp.zeros(3, x.dtype)), x)[1]


def gru(x: Any) -> Any:
    w, u = number(6, 7, 6), number(7, 7, 3)

    def cell(h: Any, row: Any) -> Any:
        z, r = jnp.split(jax.nn.sigmoid(jnp.concatenate([row, h]) @ w), 2)
        n = jnp.tanh(jnp.concatenate([row, r * h]) @ u)
        h = (1 - z) * n + z * h
        return h, h

    return lax.scan(cell, jnp.zeros(3, x.dtype), x)[1]


add("lstm", lstm, "x:small")
add("gru", gru, "x:small")
add("elman", lambda x: lax.scan(lambda h, r: (jnp.tanh(h + r),) * 2, x[0] * 0, x)[1], "x:small")


def convolve(x: Any, k: Any, stride: int = 1) -> Any:
    return lax.conv_general_dilated(x, k, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def max_pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def mean_pool(x: Any) -> Any:
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def cnn(x: Any, pool: Callable[..., Any]) -> Any:
    x = pool(jax.nn.relu(convolve(x, number(8, 3, 3, 2, 3))))
    return x.reshape(1, -1) @ number(9, 27, 2)


add("cnn_max_pool", lambda x: cnn(x, max_pool), "image:unit")
add("cnn_mean_pool", lambda x: cnn(x, mean_pool), "image:unit")
add("lenet_gradient", jax.grad(lambda x: jnp.sum(cnn(x, max_pool) ** 2)), "image:unit", slack=5e-2)
add(
    "residual_block",
    lambda x: jax.nn.relu(x + convolve(jax.nn.relu(convolve(x, number(8, 3, 3, 2, 2))), number(10, 3, 3, 2, 2))),
    "image:unit",
)
add("strided_conv", lambda x: convolve(x, number(8, 3, 3, 2, 3), 2), "image:unit")
add("batch_norm", lambda x: (x - x.mean((0, 1, 2))) * lax.rsqrt(x.var((0, 1, 2)) + 1e-3), "image")
add("layer_norm", lambda x: (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5), "x")
add(
    "group_norm", lambda x: (x - x.mean((1, 2), keepdims=True)) / jnp.sqrt(x.var((1, 2), keepdims=True) + 1e-3), "image"
)
add("rms_norm", lambda x: x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-5), "x")
add("global_average_pool", lambda x: x.mean((1, 2)) @ number(11, 2, 3), "image")
add("dropout_with_key", lambda x: x * (jax.random.bits(jax.random.PRNGKey(0), x.shape, jnp.uint32) & 1), "x")
add(
    "noise_from_key",
    lambda x: x + jax.random.normal(jax.random.split(jax.random.PRNGKey(1))[0], x.shape, jnp.float32),
    "x",
)
add(
    "rotary", lambda x: x[:, :2] * jnp.cos(jnp.arange(3.0))[:, None] - x[:, 2:] * jnp.sin(jnp.arange(3.0))[:, None], "x"
)
add("embedding_bag", lambda t, i: t[i].mean(0), "x ids")


def attention(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
    scores = q @ k.T / 2.0
    if mask is not None:
        scores = jnp.where(mask, scores, -1e9)
    return jax.nn.softmax(scores) @ v


add("attention", attention, "x:small y:small z:small")
add("causal_attention", lambda q, k, v: attention(q, k, v, jnp.tril(jnp.ones((3, 3), bool))), "x:small y:small z:small")
add(
    "linear_attention",
    lambda q, k, v: (jax.nn.elu(q) + 1) @ ((jax.nn.elu(k) + 1).T @ v),
    "x:small y:small z:small",
    slack=0.1,
)
add(
    "greedy_decoding",
    lambda x: lax.scan(
        lambda i, _: ((j := jnp.argmax(x[i] if isinstance(i, int) else jax.nn.one_hot(i, 3) @ x) % 3), j), 0, None, 2
    )[1],
    "x",
)
add(
    "mixture_of_experts",
    lambda x: jnp.einsum(
        "be,ebo->bo", jax.nn.softmax(x @ number(12, 4, 2)), jnp.stack([x @ number(13, 4, 3), x @ number(14, 4, 3)])
    ),
    "x:small",
)
add("beam_scores", lambda x: lax.top_k(jax.nn.log_softmax(x).reshape(-1), 3), "x")
add("graph_convolution", lambda x, a: jax.nn.relu((a @ x) @ number(15, 4, 2)), "x:small a::f32")
add(
    "autoencoder",
    lambda x: jnp.mean((jax.nn.sigmoid(jax.nn.sigmoid(x @ number(16, 4, 2)) @ number(17, 2, 4)) - x) ** 2),
    "x:chance",
)
add("gan_loss", lambda x: -jnp.mean(jnp.log(jax.nn.sigmoid(x @ number(18, 4, 1)) + 1e-3)), "x:small")
add("contrastive_loss", lambda x, y: -jnp.mean(jnp.diag(jax.nn.log_softmax(x @ y.T))), "x:small y:small")
add(
    "triplet_loss", lambda x, y, z: jnp.mean(jnp.maximum(0, ((x - y) ** 2).sum(1) - ((x - z) ** 2).sum(1) + 1)), "x y z"
)
add(
    "ctc_like_scan",
    lambda x: lax.scan(lambda a, r: (jnp.logaddexp(a, jnp.roll(a, 1)) + r, 0), x[0], x)[0],
    "x:unit",
    slack=5e-2,
)
add("markov_chain", lambda a: jnp.linalg.matrix_power(jax.nn.softmax(a), 3), "a:small")
add("kalman_step", lambda s, v: (s + 0.5 * (v - s), 0.5 * s * s + 0.1), "s v")
add("black_scholes", lambda v: v * 0.5 * (1 + jax.scipy.special.erf(jnp.log(v) / 1.4)), "v:above", slack=5e-2)
add("present_value", lambda v: jnp.sum(v / (1.05 ** jnp.arange(6))), "v")
add("compound_interest", lambda s: 100 * (1 + s / 12) ** 3, "s:chance", slack=0.2)
add("haversine", lambda v: 2 * jnp.arcsin(jnp.sqrt(jnp.sin(v / 2) ** 2)), "v:unit", slack=5e-2)
add(
    "fourier_features",
    lambda v: jnp.concatenate([jnp.sin(v[:, None] * jnp.arange(1, 3)), jnp.cos(v[:, None])], 1),
    "v:small",
)

# ------------------------------------------------------------------------------------------------ control

add("loop_ending_in_a_constant", lambda v: lax.fori_loop(0, 2, lambda n, c: jnp.ones(6), v) * v, "v")
add("loop_pushing_in_a_constant", lambda v: lax.fori_loop(0, 1, lambda n, c: (c[1], jnp.zeros(6)), (v, v * 2)), "v")
BRANCHES = [lambda c: c * 2, lambda c: c - 1, lambda c: c + 3]
add("switch_by_a_counter", lambda v: lax.fori_loop(0, 4, lambda n, c: lax.switch(n, BRANCHES, c), v), "v")
add("switch_by_secrets", lambda v, k: lax.scan(lambda c, n: (lax.switch(n, BRANCHES, c), c), v, k), "v ids")
