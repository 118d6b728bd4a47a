"""Small programs as people write them: statistics, regressions, activations, distances, losses, look-ups, blocks.

Each is a JAX function and the kinds of its arguments; `numbers` draws those for ordinary values and up to the limits of
their dtype. What it may give follows from its enclosure (`enclosure.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.conformance.outcome import Array

Function = Callable[..., Any]

# Magnitudes of floats and of integers by level.
LEVELS = ("ordinary", "hundreds", "thousands", "most")
_FLOATS = {"ordinary": 2.0, "hundreds": 100.0, "thousands": 5000.0}
_WHOLE = {"ordinary": 10, "hundreds": 1000, "thousands": 100_000}

SHAPES = {
    "x": (4, 6),
    "y": (4, 6),
    "v": (6,),
    "u": (6,),
    "t": (4,),
    "w": (6, 3),
    "b": (3,),
    "k": (3, 3),
    "s": (),
    "image": (1, 6, 6, 2),
    "kernel": (3, 3, 2, 3),
    "table": (5, 3),
}


@dataclass(frozen=True)
class Program:
    """`kinds` names the arguments: a name of `SHAPES`, with a dtype after a colon ("x:f16", by default f32), or "ids",
    "labels" (0 or 1), "mask" (booleans), "chances" (between 0.05 and 0.95), "lengths" (positive).

    `slack` is an absolute error that its protocols state and the enclosure does not know (GELU).
    """

    name: str
    function: Function
    kinds: tuple[str, ...]
    slack: float = 0.0

    def numbers(self, level: str) -> list[Array]:
        rng = np.random.default_rng(sum(map(ord, self.name + level)))
        return [_drawn(kind, level, rng) for kind in self.kinds]


def _drawn(kind: str, level: str, rng: np.random.Generator) -> Array:
    match kind.partition(":"):
        case ("ids", _, _):
            return np.array([0, 4, 2, 4], np.int32) if level == "ordinary" else rng.integers(0, 5, 4).astype(np.int32)
        case ("labels", _, _):
            return rng.integers(0, 2, 4).astype(np.float32)
        case ("mask", _, _):
            return rng.random((4, 6)) < 0.6
        case ("chances", _, _):
            return rng.uniform(0.05, 0.95, (4, 6)).astype(np.float32)
        case ("lengths", _, _):
            return (rng.uniform(0.5, 1, 6) * _FLOATS.get(level, 1e6)).astype(np.float32)
        case (name, _, dtype):
            return _filled(SHAPES[name], np.dtype(_DTYPES[dtype or "f32"]), level, rng)
    raise ValueError(kind)


_DTYPES = {"f32": np.float32, "f16": np.float16, "i8": np.int8, "i16": np.int16, "i32": np.int32}


def _filled(shape: tuple[int, ...], dtype: Any, level: str, rng: np.random.Generator) -> Array:
    if dtype.kind == "i":
        limits = np.iinfo(dtype)
        most = min(_WHOLE.get(level, limits.max), limits.max)
        result = rng.integers(-most, most, shape, np.int64, endpoint=True).astype(dtype)
        if level == "most" and result.size > 1:
            result.reshape(-1)[:2] = limits.min, limits.max
        return result
    size = _FLOATS.get(level, float(np.finfo(dtype).max))
    return (rng.uniform(-1, 1, shape) * min(size, float(np.finfo(dtype).max))).astype(dtype)


PROGRAMS: list[Program] = []


def add(name: str, function: Function, *kinds: str, half: bool = False, slack: float = 0.0) -> None:
    """A program; `half` makes one in float16 of it too."""
    PROGRAMS.append(Program(name, function, kinds, slack))
    if half:
        smaller = tuple(kind if ":" in kind or kind not in SHAPES else f"{kind}:f16" for kind in kinds)
        PROGRAMS.append(Program(f"{name}_f16", function, smaller, slack))


# ------------------------------------------------------------------------------------------------ statistics


def standardised(x: Any) -> Any:
    return (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-3)


def correlation(x: Any, y: Any) -> Any:
    a, b = x - x.mean(), y - y.mean()
    return (a * b).mean() / jnp.sqrt((a * a).mean() * (b * b).mean() + 1e-3)


def moment(n: int) -> Function:
    return lambda x: ((x - x.mean()) ** n).mean()


add("mean", lambda x: x.mean(), "x", half=True)
add("mean_of_rows", lambda x: x.mean(1), "x")
add("mean_of_columns", lambda x: x.mean(0), "x")
add("variance", lambda x: jnp.var(x), "x", half=True)
add("variance_of_rows", lambda x: jnp.var(x, 1), "x")
add("unbiased_variance", lambda x: jnp.var(x, 0, ddof=1), "x")
add("deviation", lambda x: jnp.std(x), "x")
add("deviation_of_columns", lambda x: jnp.std(x, 0), "x")
add("sums", lambda x: (x.sum(), x.sum(0), x.sum(1)), "x", half=True)
add("sum_of_squares", lambda x: (x * x).sum(1), "x", half=True)
add("root_mean_square", lambda x: jnp.sqrt((x * x).mean(1)), "x")
add("weighted_mean", lambda x, v: (x * v).sum(1) / (jnp.abs(v).sum() + 1), "x", "v")
add("covariance", lambda x: (x - x.mean(0)).T @ (x - x.mean(0)) / 4, "x")
add("correlation", correlation, "v", "u")
add("z_scores", standardised, "x")
add("extent", lambda x: x.max(0) - x.min(0), "x", half=True)
add("min_max_scaled", lambda x: (x - x.min(1, keepdims=True)) / (jnp.ptp(x, 1, keepdims=True) + 0.1), "x")
add("third_moment", moment(3), "v")
add("fourth_moment", moment(4), "v")
add("skewness", lambda x: moment(3)(x) / (jnp.var(x) + 0.5), "v")
add("mean_absolute_deviation", lambda x: jnp.abs(x - x.mean()).mean(), "v", half=True)
add("harmonic_mean", lambda x: 1 / (1 / x).mean(), "lengths")
add("coefficient_of_variation", lambda x: jnp.std(x) / x.mean(), "lengths")
add("clipped_mean", lambda x: jnp.clip(x, -1, 1).mean(1), "x")
add("share_of_positive", lambda x: (x > 0).mean(), "x")
add("count_above", lambda x: (x > 0.5).sum(1), "x", half=True)
add("histogram", lambda x: jnp.stack([((x >= k) & (x < k + 1)).sum() for k in range(-2, 2)]), "v")
add("moving_average", lambda x: (x[:-2] + x[1:-1] + x[2:]) / 3, "v", half=True)
add("smoothed", lambda x: 0.5 * (0.5 * x[0] + 0.25 * x[1]) + 0.125 * x[2], "v")
add("running_sum", lambda x: jnp.tril(jnp.ones((6, 6), x.dtype)) @ x, "v")
add("differences", lambda x: x[1:] - x[:-1], "v", half=True)
add("argmax", lambda x: x.argmax(1), "x", half=True)
add("argmin", lambda x: x.argmin(1), "x", half=True)
add("greatest_and_least", lambda x: (x.max(1), x.min(0)), "x", half=True)
add("standard_error", lambda x: jnp.std(x, 0) / 2, "x")
add("total_variation", lambda x: jnp.abs(x[:, 1:] - x[:, :-1]).sum(), "x")

# ------------------------------------------------------------------------------------------------ regressions


def slope(x: Any, y: Any) -> Any:
    a = x - x.mean()
    return (a * (y - y.mean())).sum() / ((a * a).sum() + 0.1)


def two_by_two(x: Any, y: Any) -> Any:
    """Ridge regression on two columns, by the formula of the inverse."""
    a, b = x[:, 0], x[:, 1]
    p, q, r = (a * a).sum() + 1, (a * b).sum(), (b * b).sum() + 1
    c, d = (a * y).sum(), (b * y).sum()
    determinant = p * r - q * q
    return jnp.stack([(r * c - q * d) / determinant, (p * d - q * c) / determinant])


def logistic_step(x: Any, v: Any, labels: Any) -> Any:
    return v - 0.125 * (jax.nn.sigmoid(x @ v) - labels) @ x


def determination(y: Any, z: Any) -> Any:
    return 1 - ((y - z) ** 2).sum() / (((y - y.mean()) ** 2).sum() + 0.5)


add("linear", lambda x, w, b: x @ w + b, "x", "w", "b", half=True)
add("linear_of_a_row", lambda v, w: v @ w, "v", "w", half=True)
add("logistic", lambda x, v: jax.nn.sigmoid(x @ v), "x", "v", half=True)
add("classifier", lambda x, w, b: jax.nn.softmax(x @ w + b), "x", "w", "b", half=True)
add("class", lambda x, w, b: (x @ w + b).argmax(1), "x", "w", "b", half=True)
add("linear_step", lambda x, v, t: v - 0.01 * (x @ v - t) @ x, "x", "v", "t")
add("logistic_step", logistic_step, "x", "v", "labels")
add("ridge", two_by_two, "x", "t")
add("slope", slope, "v", "u")
add("polynomial", lambda x: 0.5 + x * (1.5 + x * (-0.25 + x * 0.125)), "x", half=True)
add("residuals", lambda x, v, t: t - x @ v, "x", "v", "t")
add("determination", determination, "v", "u")
add("perceptron", lambda x, v: jnp.where(x @ v > 0, 1.0, -1.0), "x", "v")
add("support_vectors", lambda x, y, t: jnp.sign(t @ jnp.exp(-0.125 * ((x - y) ** 2)).sum(1)), "x", "y", "t")
add("kernel_regression", lambda x, y, t: jax.nn.softmax(-((x - y) ** 2).sum(1)) @ t, "x", "y", "t")
add("prediction_error", lambda y, z: jnp.sqrt(((y - z) ** 2).mean()), "v", "u", half=True)
add("poisson_rate", lambda x, v: jnp.exp(x @ v * 0.25), "x", "v")
add("odds", lambda p: p / (1 - p), "chances")
add("two_layers", lambda x, w, k: jax.nn.relu(x @ w) @ k, "x", "w", "k", half=True)
add("interaction", lambda x, v: x @ v + (x * x) @ v + x[:, 0] * x[:, 1], "x", "v")

# ------------------------------------------------------------------------------------------------ activations

GELU = 0.02
for _name, _function in {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": jax.nn.leaky_relu,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_tanh": jax.nn.hard_tanh,
    "hard_swish": jax.nn.hard_swish,
    "softsign": jax.nn.soft_sign,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "square_plus": lambda x: (x + jnp.sqrt(x * x + 4)) / 2,
    "softmax": jax.nn.softmax,
    "softmax_of_columns": lambda x: jax.nn.softmax(x, 0),
    "sharp_softmax": lambda x: jax.nn.softmax(4 * x),
    "flat_softmax": lambda x: jax.nn.softmax(x / 8),
    "step": lambda x: jnp.where(x > 0, 1.0, 0.0).astype(x.dtype),
    "sign": jnp.sign,
    "threshold": lambda x: jnp.where(x > 0.5, x, 0),
    "soft_shrink": lambda x: jnp.sign(x) * jnp.maximum(jnp.abs(x) - 0.5, 0),
    "hard_shrink": lambda x: jnp.where(jnp.abs(x) > 0.5, x, 0),
    "tanh_shrink": lambda x: x - jnp.tanh(x),
    "scaled_tanh": lambda x: 1.75 * jnp.tanh(0.5 * x),
    "max_out": lambda x: x.reshape(4, 3, 2).max(-1),
    "both_signs": lambda x: jnp.concatenate([jax.nn.relu(x), jax.nn.relu(-x)], -1),
    "gated": jax.nn.glu,
    "quadratic": lambda x: 0.125 * x * x + 0.25 * x + 0.5,
    "bump": lambda x: jnp.exp(-x * x),
    "cubed": lambda x: x**3,
    "inverse_square_root_unit": lambda x: x * jax.lax.rsqrt(1 + x * x),
}.items():
    add(_name, _function, "x", half=True)
add("gelu", lambda x: jax.nn.gelu(x, approximate=False), "x", half=True, slack=GELU)
add("gelu_tanh", lambda x: jax.nn.gelu(x, approximate=True), "x", half=True, slack=GELU)
add("elu", lambda x: jnp.where(x > 0, x, jnp.exp(jnp.minimum(x, 0)) - 1), "x")
add("selu", lambda x: 1.05 * jnp.where(x > 0, x, 1.67 * (jnp.exp(jnp.minimum(x, 0)) - 1)), "x")
add("swish", lambda x, b: x[:, :3] * jax.nn.sigmoid(b * x[:, 3:]), "x", "b")
add("prelu", lambda x, v: jnp.where(x > 0, x, v * x), "x", "v", half=True)

# ------------------------------------------------------------------------------------------------ distances


def pairs(x: Any, y: Any) -> Any:
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def cosine(x: Any, y: Any) -> Any:
    return (x * y).sum(-1) / jnp.sqrt(((x * x).sum(-1) + 0.1) * ((y * y).sum(-1) + 0.1))


def new_means(x: Any, y: Any) -> Any:
    """One step of k-means: the members of each centre's cluster, averaged."""
    nearest = jax.nn.one_hot(pairs(x, y).argmin(1), 4)
    return nearest.T @ x / (nearest.sum(0)[:, None] + 1)


add("euclidean", lambda x, y: jnp.sqrt(((x - y) ** 2).sum(1)), "x", "y", half=True)
add("squared_euclidean", lambda x, y: ((x - y) ** 2).sum(1), "x", "y", half=True)
add("norms", lambda x: jnp.linalg.norm(x, axis=1), "x")
add("unit_rows", lambda x: x / (jnp.linalg.norm(x, axis=1, keepdims=True) + 0.1), "x")
add("manhattan", lambda x, y: jnp.abs(x - y).sum(1), "x", "y", half=True)
add("chebyshev", lambda x, y: jnp.abs(x - y).max(1), "x", "y", half=True)
add("cosine", cosine, "x", "y")
add("inner_products", lambda x, y: x @ y.T, "x", "y", half=True)
add("pairwise", pairs, "x", "y")
add("pairwise_by_products", lambda x: (x * x).sum(1)[:, None] - 2 * x @ x.T + (x * x).sum(1)[None], "x")
add("pairwise_manhattan", lambda x, y: jnp.abs(x[:, None] - y[None]).sum(-1), "x", "y")
add("canberra", lambda x, y: (jnp.abs(x - y) / (jnp.abs(x) + jnp.abs(y) + 0.25)).sum(1), "x", "y")
add("bray_curtis", lambda x, y: jnp.abs(x - y).sum(1) / (jnp.abs(x + y).sum(1) + 0.5), "x", "y")
add("minkowski", lambda x, y: (jnp.abs(x - y) ** 3).sum(1), "x", "y")
add("gaussian_kernel", lambda x, y: jnp.exp(-0.25 * pairs(x, y)), "x", "y")
add("polynomial_kernel", lambda x, y: (x @ y.T * 0.25 + 1) ** 2, "x", "y")
add("nearest", lambda x, y: pairs(x, y).argmin(1), "x", "y")
add("nearest_distance", lambda x, y: pairs(x, y).min(1), "x", "y")
add("new_means", new_means, "x", "y")
add("scaled_distance", lambda x, y, v: ((x - y) ** 2 * v * v).sum(1), "x", "y", "v")
add("hamming_of_integers", lambda x, y: (x != y).sum(1), "x:i32", "y:i32")
add("jaccard", lambda m, n: (m & n).sum(1) / ((m | n).sum(1) + 0.5), "mask", "mask")
add("centroid", lambda x: x - x.mean(0, keepdims=True), "x")

# ------------------------------------------------------------------------------------------------ losses


def huber(x: Any, y: Any) -> Any:
    size = jnp.abs(x - y)
    return jnp.where(size < 1, 0.5 * size * size, size - 0.5).mean()


add("squared_error", lambda x, y: ((x - y) ** 2).mean(), "x", "y", half=True)
add("absolute_error", lambda x, y: jnp.abs(x - y).mean(), "x", "y", half=True)
add("huber", huber, "x", "y", half=True)
add("hinge", lambda x, y: jax.nn.relu(1 - x * jnp.sign(y)).mean(), "x", "y")
add("squared_hinge", lambda x, y: (jax.nn.relu(1 - x * y) ** 2).mean(), "x", "y")
add("pinball", lambda x, y: jnp.maximum(0.75 * (x - y), -0.25 * (x - y)).mean(), "x", "y", half=True)
add("triplet", lambda x, y: jax.nn.relu(pairs(x, y)[0, 0] - pairs(x, y)[0, 1] + 0.5), "x", "y")
add(
    "contrastive",
    lambda x, y, same: same * pairs(x, y)[0] + (1 - same) * jax.nn.relu(2 - pairs(x, y)[0]),
    "x",
    "y",
    "labels",
)
add("dice", lambda p, q: 1 - 2 * (p * q).sum(1) / ((p * p).sum(1) + (q * q).sum(1)), "chances", "chances")
add("brier", lambda p, m: ((p - m) ** 2).mean(), "chances", "mask")
add("cosine_loss", lambda x, y: 1 - cosine(x, y).mean(), "x", "y")
add("elastic_net", lambda v: 0.5 * jnp.abs(v).sum() + 0.25 * (v * v).sum(), "v", half=True)
add("soft_accuracy", lambda x, y: jax.nn.sigmoid(4 * (x - y)).mean(), "x", "y")

# ------------------------------------------------------------------------------------------------ masks, comparisons


def causal(x: Any) -> Any:
    scores = x[:, :4]
    return jax.nn.softmax(jnp.where(np.tril(np.ones((4, 4), bool)), scores, -1e9))


def second_greatest(x: Any) -> Any:
    return jnp.where(x == x.max(1, keepdims=True), -100.0, x).max(1)


def stump(x: Any) -> Any:
    return jnp.where(x[:, 0] < 0.25, jnp.where(x[:, 1] < -0.5, 1.0, 2.0), jnp.where(x[:, 2] < 0, 3.0, 4.0))


add("between", lambda x: (x > -0.5) & (x < 0.5), "x", half=True)
add("outside", lambda x: (x < -0.5) | (x > 0.5), "x")
add("any_and_all", lambda x: ((x > 1).any(1), (x > -1.5).all(0)), "x")
add("equal_to_the_greatest", lambda x: x == x.max(1, keepdims=True), "x:i32")
add("masked_mean", lambda x, m: (x * m).sum(1) / (m.sum(1) + 1), "x", "mask", half=True)
add("masked_max", lambda x, m: jnp.where(m, x, -1000.0).max(1), "x", "mask")
add("masked_softmax", lambda x, m: jax.nn.softmax(jnp.where(m, x, -1e9)), "x", "mask")
add("biased_softmax", lambda x, m: jax.nn.softmax(x + (1 - m.astype(jnp.float32)) * -1e4), "x", "mask")
add("causal", causal, "x")
add("filled", lambda x, m: jnp.where(m, x, 0.5), "x", "mask", half=True)
add("filled_from", lambda x, y, m: jnp.where(m, x, y), "x", "y", "mask", half=True)
add("second_greatest", second_greatest, "x:i32")
add("stump", stump, "x", half=True)
add("piecewise", lambda x: jnp.where(x < -1, -2 * x - 1, jnp.where(x < 1, x * x, 2 * x - 1)), "x", half=True)
add("clipped", lambda x: jnp.clip(x, -0.75, 1.25), "x", half=True)
add("clipped_by_secrets", lambda x, y: jnp.clip(x, -jnp.abs(y), jnp.abs(y)), "x", "y", half=True)
add("ordered", lambda x, y: (jnp.minimum(x, y), jnp.maximum(x, y)), "x", "y", half=True)
add("middle_of_three", lambda x: x[0] + x[1] + x[2] - x[:3].max(0) - x[:3].min(0), "x", half=True)
add("upper_triangle", lambda k: jnp.triu(k), "k")
add("diagonal", lambda k: jnp.trace(k), "k", half=True)
add("exactly_one", lambda m, n: m != n, "mask", "mask")
add("implication", lambda m, n: ~m | n, "mask", "mask")
add("count_of_true", lambda m: m.sum(1), "mask")
add("majority", lambda m: m.sum(1) > 3, "mask")
add("sign_agreement", lambda x, y: ((x > 0) == (y > 0)).sum(1), "x", "y")
add("rank_of_the_first", lambda x: (x[:, 1:] > x[:, :1]).sum(1), "x", half=True)
add("ranks", lambda v, u: (v[:, None] > u[None]).sum(1), "v", "u")
add("first_above", lambda x: jnp.where(x > 0, jnp.arange(6), 6).min(1), "x")

# ------------------------------------------------------------------------------------------------ integers


def hashed(x: Any) -> Any:
    result = jnp.zeros((4,), jnp.int32)
    for column in range(6):
        result = result * 31 + x[:, column]
    return result


for _e in ("i32", "i16", "i8"):
    add(f"integer_sums_{_e}", lambda x, y: (x + y, x - y, -x), f"x:{_e}", f"y:{_e}")
    add(f"integer_products_{_e}", lambda x, y: (x * y, x * 3, x * x), f"x:{_e}", f"y:{_e}")
    add(f"integer_order_{_e}", lambda x, y: (x < y, x == y, jnp.maximum(x, y)), f"x:{_e}", f"y:{_e}")
    add(f"integer_extremes_{_e}", lambda x: (x.max(1), x.min(0), x.argmax(1)), f"x:{_e}")
    add(f"integer_clip_{_e}", lambda x: jnp.clip(x, -7, 7), f"x:{_e}")
    add(f"integer_choice_{_e}", lambda x, y, m: jnp.where(m, x, y), f"x:{_e}", f"y:{_e}", "mask")
add("integer_total", lambda x: x.sum(), "x:i32")
add("integer_dot", lambda x, w: x @ w, "x:i32", "w:i32")
add("integer_distance", lambda x, y: jnp.abs(x - y).sum(1), "x:i32", "y:i32")
add("hashed", hashed, "x:i32")
add("votes", lambda x: jnp.stack([(x == k).sum() for k in range(-2, 3)]), "x:i32")
add("integer_mean", lambda x: x.astype(jnp.float32).mean(1), "x:i8")
add("integer_sign", lambda x: jnp.sign(x), "x:i32")
add("zero_crossings", lambda x: ((x[:, 1:] > 0) != (x[:, :-1] > 0)).sum(1), "x:i32")
add("bits_to_integer", lambda m: (m * np.array([1, 2, 4, 8, 16, 32])).sum(1), "mask")
add("same_everywhere", lambda x, y: (x == y).all(1), "x:i32", "y:i32")
add("odd_one", lambda x, y: jnp.where(x == y, 0, x + y), "x:i16", "y:i16")
add("dequantised", lambda x: (x.astype(jnp.float32) - 3) * 0.125, "x:i8")
add("quantised_linear", lambda x, w: x.astype(jnp.int32) @ w.astype(jnp.int32), "x:i8", "w:i8")
add("widened", lambda x: x.astype(jnp.int32) * 1000, "x:i16")

# ------------------------------------------------------------------------------------------------ look-ups, moves

add("rows_of_table", lambda table, ids: table[ids], "table", "ids")
add("rows_of_table_f16", lambda table, ids: table.astype(jnp.float16)[ids], "table", "ids")
add("mean_row", lambda table, ids: table[ids].mean(0), "table", "ids")
add("row_products", lambda table, ids, k: table[ids] @ k, "table", "ids", "k")
add("clipped_rows", lambda table, ids: jnp.take(table, ids, axis=0, mode="clip"), "table", "ids")
add("one_hot_product", lambda table, ids: jax.nn.one_hot(ids, 5) @ table, "table", "ids")
add("counts", lambda ids: (ids[:, None] == jnp.arange(5)).sum(0), "ids")
add("segment_sums", lambda x, ids: jax.nn.one_hot(ids, 5).T @ x, "x", "ids")
add("permuted", lambda x: x[jnp.array([2, 0, 3, 1])], "x", half=True)
add("rolled", lambda x: jnp.roll(x, 2, 1), "x", half=True)
add("flipped", lambda x: x[::-1, ::-1], "x", half=True)
add("stacked", lambda x, y: jnp.stack([x, y], 1), "x", "y", half=True)
add("padded", lambda x: jnp.pad(x, ((1, 0), (0, 2)), constant_values=1.5), "x", half=True)
add("tiled", lambda v: jnp.tile(v, (2, 2)), "v", half=True)
add("repeated", lambda v: jnp.repeat(v, 3), "v", half=True)
add("outer", lambda v, u: v[:, None] * u[None], "v", "u", half=True)
add("row_of_the_greatest", lambda x, table: jax.nn.one_hot(x[:, :5].argmax(1), 5) @ table, "x", "table")

# ------------------------------------------------------------------------------------------------ blocks


def attention(x: Any, y: Any) -> Any:
    return jax.nn.softmax(x @ y.T * 0.4) @ y


def causal_attention(x: Any, y: Any) -> Any:
    scores = jnp.where(np.tril(np.ones((4, 4), bool)), x @ y.T * 0.4, jnp.finfo(x.dtype).min)
    return jax.nn.softmax(scores) @ y


def heads(x: Any, y: Any) -> Any:
    q, k = (a.reshape(4, 2, 3).transpose(1, 0, 2) for a in (x, y))
    return (jax.nn.softmax(q @ k.transpose(0, 2, 1)) @ k).transpose(1, 0, 2).reshape(4, 6)


def layer_norm(x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-2)


def gru(x: Any, k: Any) -> Any:
    state = jnp.zeros((4, 3), x.dtype)
    for half in (x[:, :3], x[:, 3:]):
        update = jax.nn.sigmoid(half @ k + state)
        state = update * state + (1 - update) * jnp.tanh(half + state @ k)
    return state


def lstm(x: Any, k: Any) -> Any:
    gates = x[:, :3] @ k
    cell = jax.nn.sigmoid(gates) * jnp.tanh(x[:, 3:])
    return jax.nn.sigmoid(gates + 1) * jnp.tanh(cell), cell


def mixed(x: Any, w: Any, k: Any) -> Any:
    hidden = jax.nn.relu(x.astype(jnp.float16) @ w.astype(jnp.float16))
    return jax.nn.softmax((hidden @ k.astype(jnp.float16)).astype(jnp.float32))


def convolved(image: Any, kernel: Any) -> Any:
    return jax.lax.conv_general_dilated(image, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def power_step(k: Any) -> Any:
    y = k @ (k.T @ jnp.ones(3, k.dtype))
    return y / (jnp.linalg.norm(y) + 0.5)


def excited(x: Any, w: Any) -> Any:
    return (x @ w) * jax.nn.sigmoid((x @ w).mean(0, keepdims=True))


add("attention", attention, "x", "y", half=True)
add("causal_attention", causal_attention, "x", "y", half=True)
add("heads", heads, "x", "y")
add("layer_norm", layer_norm, "x")
add("layer_norm_affine", lambda x, v, u: layer_norm(x) * v + u, "x", "v", "u")
add("rms_norm", lambda x: x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-2), "x")
add("batch_norm", lambda x, v, u: (x - v) * jax.lax.rsqrt(u * u + 0.1), "x", "v", "u")
add("group_norm", lambda x: layer_norm(x.reshape(4, 2, 3)).reshape(4, 6), "x")
add("residual", lambda x, w: x + jax.nn.relu(x @ w) @ w.T, "x", "w", half=True)
add("tanh_network", lambda x, w, k: jnp.tanh(jnp.tanh(x @ w) @ k), "x", "w", "k", half=True)
add("mixed_precision", mixed, "x", "w", "k")
add("pooled", lambda x: x.reshape(2, 2, 3, 2).mean((1, 3)), "x", half=True)
add("max_pooled", lambda x: x.reshape(2, 2, 3, 2).max((1, 3)), "x", half=True)
add("convolution", convolved, "image", "kernel", half=True)
add("convolution_by_slices", lambda v, b: b[0] * v[:-2] + b[1] * v[1:-1] + b[2] * v[2:], "v", "b", half=True)
add("excited", excited, "x", "w")
add("gated_sum", lambda x, y: jax.nn.sigmoid(x) * y + (1 - jax.nn.sigmoid(x)) * x, "x", "y")
add("gru", gru, "x", "k")
add("lstm", lstm, "x", "k")
add("attention_pooling", lambda x, v: jax.nn.softmax(x @ v) @ x, "x", "v")
add("linear_attention", lambda x, y: jax.nn.relu(x) @ (jax.nn.relu(y).T @ y) / 4, "x", "y")
add("gram", lambda x: x @ x.T, "x", half=True)
add("power_step", power_step, "k")
add("projected", lambda x, w: (x - x.mean(0)) @ w, "x", "w")
add("ensemble", lambda x: sum(jnp.where(x[:, n] > 0.25 * n, 0.5, -0.5) for n in range(6)), "x")
add("soft_tree", lambda x: jax.nn.sigmoid(4 * x[:, 0]) * x[:, 1] + (1 - jax.nn.sigmoid(4 * x[:, 0])) * x[:, 2], "x")
add("unrolled_sum", lambda v: v[0] + v[1] * v[2] - v[3] * (v[4] + v[5]), "v", half=True)
add("momentum_step", lambda v, u: (v - 0.1 * (0.9 * u + v), 0.9 * u + v), "v", "u")
add("adam_step", lambda v, u: v - 0.01 * u / (jnp.sqrt(u * u) + 0.1), "v", "u")
add("interpolated", lambda x, y, s: x + s * (y - x), "x", "y", "s", half=True)
