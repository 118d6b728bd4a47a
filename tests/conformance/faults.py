"""Programs that a range or a pattern once got wrong, as data: their arguments, and what they should give.

`must` entries are right under the default policy. Expected values are NumPy's, in float64 or exact integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import spu_ditto
from tests.conformance.outcome import run_of

F32, F16 = np.float32, np.float16


@dataclass(frozen=True)
class Fault:
    """`function` of `arguments` should be `expected`, within `tolerance` (by default what results state)."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    expected: Any
    tolerance: Any = None
    must: bool = True
    visibility: Any = None
    # The elements that count.
    judged: Any = True

    def check(self, policy: str) -> None:
        secure = spu_ditto.compile(self.function, ring_policy=policy, input_visibility=self.visibility)
        outcome = run_of(lambda: secure(*self.arguments))
        tolerance = None if self.tolerance is None else [self.tolerance]
        refusable = not (self.must and policy == "ditto")
        outcome.check([np.asarray(self.expected)], tolerance, refusable=refusable, judged=[self.judged])


def f32(*numbers: Any) -> Any:
    return np.array(numbers, F32)


def f16(*numbers: Any) -> Any:
    return np.array(numbers, F16)


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(np.asarray(x, np.float64) - np.max(x, axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


# ------------------------------------------------------------------------------------------------ arithmetic


def last_chosen(x: Any, keep: Any) -> Any:
    def step(carry: Any, row: Any) -> Any:
        return jnp.where(row[1], jnp.maximum(carry, row[0]), carry), 0

    return jax.lax.scan(step, x[0], (x, keep))[0]


HUNDREDS = np.full((1, 16), 100, F32)
TENS = np.arange(0, 1000, 10).astype(F32)

ARITHMETIC = [
    Fault("by_a_secret_count", jnp.divide, (f32(6, -9), np.array([4, 3], np.int32)), [1.5, -3]),
    Fault("floor_division", lambda x, y: x // y, (np.array([7, -7], np.int32), np.array([2, 2], np.int32)), [3, -4]),
    # A choice by a public bit is no sum: 40 of them leave the range what it was.
    Fault("chosen_again_and_again", last_chosen, (TENS, np.arange(100) < 40), 390, visibility=("secret", "public")),
    Fault("halves", jnp.round, (f32(0.5, 1.5, 2.5, -0.5, -1.5),), [0, 2, 2, 0, -2], 0),
    Fault(
        "unsigned_order", jnp.less, (np.array([1, 2**31], np.uint32), np.array([2**31, 1], np.uint32)), [True, False]
    ),
    Fault("argmax_of_bits", lambda x: jnp.argmax(x > 0, 1), (f32([-1, 2, 3], [1, -1, 0]),), [1, 0]),
    Fault("one_hot_rows", lambda i, t: jax.nn.one_hot(i, 3) @ t, (np.array([2, 0], np.int32), f32(1, 2, 3)), [3, 1]),
    Fault("mul_91", jnp.multiply, (f32(91, -91), f32(91, 91)), [8281, -8281]),
    Fault("mul_100", jnp.multiply, (f32(100, -100), f32(100, 100)), [1e4, -1e4]),
    Fault("square_100", jnp.square, (f32(100, -91),), [1e4, 8281]),
    Fault("add_5000", jnp.add, (f32(5000, -5000), f32(5000, -5000)), [1e4, -1e4]),
    Fault("sub_5000", jnp.subtract, (f32(5000, -5000), f32(-5000, 5000)), [1e4, -1e4]),
    Fault("dot_of_hundreds", lambda x, w: x @ w, (HUNDREDS, HUNDREDS.T), [[160000]]),
    Fault("sum_of_hundreds", lambda x: x.sum(1), (HUNDREDS * 10,), [16000]),
    Fault("var_of_tens", jnp.var, (TENS,), 83325),
    Fault("norm_6000_8000", jnp.linalg.norm, (f32(6000, 8000),), 10000),
    Fault("f16_mul_32", jnp.multiply, (f16(32, -32), f16(32, 32)), [1024, -1024]),
    Fault("f16_add_600", jnp.add, (f16(600, -600), f16(600, -600)), [1200, -1200]),
    Fault("f16_square_32", jnp.square, (f16(32),), [1024]),
    Fault("f16_dot", lambda x, w: x @ w, (np.full((1, 16), 10, F16), np.full((16, 1), 10, F16)), [[1600]]),
    Fault(
        "int8_wraps",
        lambda x, y: jnp.stack([x + y, x * 3, -x - 1]),
        (np.array([100, -100, -128, 127], np.int8), np.array([100, -100, -1, 1], np.int8)),
        [[-56, 56, 127, -128], [44, -44, -128, 125], [-101, 99, 127, -128]],
    ),
    Fault(
        "int16_wraps",
        lambda x, y: jnp.stack([x + y, x * y]),
        (np.array([30000, -32768], np.int16), np.array([30000, -1], np.int16)),
        [[-5536, 32767], [(30000 * 30000 + 2**15) % 2**16 - 2**15, -32768]],
    ),
]

# ------------------------------------------------------------------------------------------------ comparisons

FAR = np.array([2_000_000_000, -2_000_000_000, 2**31 - 1, -(2**31), 5], np.int32)
OTHER = np.array([-2_000_000_000, 2_000_000_000, -(2**31), 2**31 - 1, 5], np.int32)

COMPARISONS = [
    Fault("i32_less", jnp.less, (FAR, OTHER), FAR < OTHER),
    Fault("i32_greater", jnp.greater, (FAR, OTHER), FAR > OTHER),
    Fault("i32_less_equal", jnp.less_equal, (FAR, OTHER), FAR <= OTHER),
    Fault("i32_equal", jnp.equal, (FAR, OTHER), FAR == OTHER),
    Fault("i32_maximum", jnp.maximum, (FAR, OTHER), np.maximum(FAR, OTHER)),
    Fault("i32_minimum", jnp.minimum, (FAR, OTHER), np.minimum(FAR, OTHER)),
    Fault("i32_max", jnp.max, (FAR,), FAR.max()),
    Fault("i32_min", jnp.min, (FAR,), FAR.min()),
    Fault("i32_argmax", jnp.argmax, (FAR,), FAR.argmax()),
    Fault("i32_abs", jnp.abs, (FAR[[0, 1, 2, 4]],), np.abs(FAR[[0, 1, 2, 4]])),
    Fault("i32_constant", lambda x: x < -2_000_000_000, (FAR,), FAR < -2_000_000_000),
    Fault("maximum_8000", jnp.maximum, (f32(8000, -8000), f32(-8000, 8000)), [8000, 8000]),
    Fault("minimum_8000", jnp.minimum, (f32(8000, -8000), f32(-8000, 8000)), [-8000, -8000]),
    Fault("max_of_far", lambda x: x.max(1), (f32([8000, -8000, 1], [-8000, -7000, 7999]),), [8000, 7999]),
    Fault("min_of_far", lambda x: x.min(1), (f32([8000, -8000, 1], [-8000, -7000, 7999]),), [-8000, -8000]),
    Fault("less_of_far", jnp.less, (f32(-8000, 8000), f32(8000, -8000)), [True, False]),
    Fault("f16_maximum_far", jnp.maximum, (f16(-1000, 1000), f16(1000, -900)), [1000, 1000]),
    Fault("f16_minimum_far", jnp.minimum, (f16(-1000, 1000), f16(1000, -900)), [-1000, -900]),
    Fault("f16_max_of_far", lambda x: x.max(1), (f16([-1000, 1000], [-600, 600]),), [1000, 600]),
    Fault("clip", lambda x: jnp.clip(x, -6000, 6000), (f32(-7900, 7900, -5999, 0),), [-6000, 6000, -5999, 0]),
    Fault("f16_clip", lambda x: jnp.clip(x, -600, 600), (f16(-1000, 1000, -599, 0),), [-600, 600, -599, 0]),
]

# ------------------------------------------------------------------------------------------------ functions


def silu(x: Any) -> Any:
    return x / (1 + np.exp(-np.asarray(x, np.float64)))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


FUNCTIONS = [
    Fault("sigmoid_far", jax.nn.sigmoid, (f32(-40, -11, 11, 40),), sigmoid([-40, -11, 11, 40]), 0.003),
    Fault("sigmoid_5000", jax.nn.sigmoid, (f32(-5000, 5000),), [0, 1], 0.003),
    Fault("silu_far", jax.nn.silu, (f32(-25, -40),), silu([-25, -40]), 0.003),
    Fault("exp_11", jnp.exp, (f32(11, -11),), np.exp([11, -11])),
    Fault("exp_20", jnp.exp, (f32(20, -20),), np.exp([20, -20])),
    Fault("reciprocal_small", lambda x: 1 / x, (f32(0.001, -0.001),), 1 / np.float64(f32(0.001, -0.001))),
    Fault("reciprocal_large", lambda x: 1 / x, (f32(5000, -5000),), [1 / 5000, -1 / 5000]),
    Fault("divide_5000", jnp.divide, (f32(5000, 3), f32(100, 5000)), [50, 3 / 5000]),
]

# ------------------------------------------------------------------------------------------------ softmaxes

SCORES = np.array([[3, 1, 0.5, 1], [1, 3, 0, 1.5], [0, 1, 2, 2.5], [2, 2, 2.25, 0]], F32)
EQUAL = np.zeros((64, 2), F32)
SMALL = np.array([[5, 0, -1, 0], [1, 2, 3, 4]], F32)
SMALLER = np.array([[8, 0, -1, 0], [1, 2, 3, 4]], F32)
KEPT = np.array([[0, 1, 1, 1], [1, 1, 1, 1]], F32)
MASK = np.array([[True, True, False, False], [False] * 4])
ROWS = np.array([[1, 2, 3, 4], [4, -1, 2, 0]], F32)
ROW_BOUND = 2.0**-9


def inverse_column_sums(x: Any) -> Any:
    return 1 / jnp.exp(x - x.max(1, keepdims=True)).sum(0)


def column_exponentials(x: Any) -> Any:
    return jnp.exp(x - x.max(0, keepdims=True))


def masked_after(x: Any, m: Any) -> Any:
    e = jnp.exp(x - x.max(-1, keepdims=True)) * m
    return e / e.sum(-1, keepdims=True)


def exact_masked(x: Any, m: Any) -> Any:
    e = np.exp(np.asarray(x, np.float64) - x.max(-1, keepdims=True)) * m
    return e / e.sum(-1, keepdims=True)


def exact_columns(x: Any) -> Any:
    return np.exp(np.asarray(x, np.float64) - x.max(0, keepdims=True))


def exact_inverse_sums(x: Any) -> Any:
    return 1 / np.exp(np.asarray(x, np.float64) - x.max(1, keepdims=True)).sum(0)


def filled(fill: float) -> Callable[..., Any]:
    return lambda x, m: jax.nn.softmax(jnp.where(m, x, fill))


def biased(weight: float) -> Callable[..., Any]:
    return lambda x, m: jax.nn.softmax(x + (1 - m.astype(jnp.float32)) * weight)


def in_float32(x: Any, m: Any, weight: float) -> Any:
    return softmax((x + ((1 - m.astype(F32)) * F32(weight)).astype(F32)).astype(F32))


LEAST = float(np.finfo(F32).min)

SOFTMAXES = [
    Fault("inverse_column_sums", inverse_column_sums, (SCORES,), exact_inverse_sums(SCORES), 2.0**-9 * 4),
    Fault("inverse_sums_of_64", inverse_column_sums, (EQUAL,), [1 / 64, 1 / 64], 2.0**-14),
    Fault("inverse_column_sums_wide", inverse_column_sums, (EQUAL.T,), np.full(64, 0.5)),
    Fault("columns", column_exponentials, (SCORES,), exact_columns(SCORES)),
    Fault("columns_then_rows", lambda x: column_exponentials(x).sum(1), (SCORES,), exact_columns(SCORES).sum(1)),
    Fault("softmax_of_columns", lambda x: jax.nn.softmax(x, 0), (SCORES,), softmax(SCORES, 0), ROW_BOUND),
    Fault(
        "columns_over_row_sums",
        lambda x: column_exponentials(x) / column_exponentials(x).sum(1, keepdims=True),
        (SCORES,),
        exact_columns(SCORES) / exact_columns(SCORES).sum(1, keepdims=True),
        ROW_BOUND,
    ),
    Fault("masked_after", masked_after, (SMALL, KEPT), exact_masked(SMALL, KEPT), ROW_BOUND),
    # The exponentials are 3e-4, and 4 of their units 5 % of that.
    Fault("masked_after_small", masked_after, (SMALLER, KEPT), exact_masked(SMALLER, KEPT), 0.02),
    Fault("masked_row_1e9", filled(-1e9), (ROWS, MASK), softmax(np.where(MASK, ROWS, -1e9)), ROW_BOUND),
    Fault("masked_row_least", filled(LEAST), (ROWS, MASK), softmax(np.where(MASK, ROWS, LEAST)), ROW_BOUND),
    *(
        Fault(
            f"masked_row_{fill:g}_public",
            filled(fill),
            (ROWS, KEPT > 0),
            softmax(np.where(KEPT > 0, ROWS, fill)),
            ROW_BOUND,
            visibility=("secret", "public"),
        )
        for fill in (-1e9, LEAST, -np.inf)
    ),
    Fault(
        "masked_logarithms",
        lambda x, m: jax.nn.log_softmax(jnp.where(m, x, -jnp.inf)),
        (ROWS, KEPT > 0),
        np.log(np.maximum(softmax(np.where(KEPT > 0, ROWS, -np.inf)), 0), where=KEPT > 0, out=np.full((2, 4), -np.inf)),
        2.0**-7,
    ),
    Fault("masked_row_1e4", filled(-1e4), (ROWS, MASK), softmax(np.where(MASK, ROWS, -1e4)), ROW_BOUND),
    # Among real numbers a score does not vanish beside -1e9, as it does in float32.
    Fault(
        "biased_row_1e9",
        biased(-1e9),
        (ROWS, MASK),
        softmax(np.where(MASK, ROWS, ROWS.astype(np.float64) - 1e9)),
        ROW_BOUND,
    ),
    # A row of nothing but infinite masks that were added is refused.
    Fault("biased_row_least", biased(LEAST), (ROWS, MASK), in_float32(ROWS, MASK, LEAST), ROW_BOUND, must=False),
    Fault("biased_row_1e4", biased(-1e4), (ROWS, MASK), in_float32(ROWS, MASK, -1e4), ROW_BOUND),
    Fault(
        "biased_row_of_public_mask",
        biased(-1e9),
        (ROWS, MASK),
        in_float32(ROWS, MASK, -1e9),
        ROW_BOUND,
        must=False,
        visibility=("secret", "public"),
    ),
]

# ------------------------------------------------------------------------------------------------ LayerNorm

RNG = np.random.default_rng(5)
NORMAL = RNG.standard_normal(64)
NORMAL = (NORMAL - NORMAL.mean()) / NORMAL.std()
LAYER_ROWS = np.stack([NORMAL * 2.0**10, NORMAL * 2.0**-8, np.full(64, 100.0), NORMAL + 3]).astype(F32)


def centred(x: Any, epsilon: float) -> Any:
    c = x - x.mean(-1, keepdims=True)
    return c * jax.lax.rsqrt((c * c).mean(-1, keepdims=True) + epsilon)


def moments(x: Any, epsilon: float) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = jnp.maximum(0.0, (x * x).mean(-1, keepdims=True) - mean * mean)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon)


def exact_norm(x: Any, epsilon: float) -> Any:
    c = np.asarray(x, np.float64) - np.mean(x, -1, keepdims=True, dtype=np.float64)
    return c / np.sqrt((c * c).mean(-1, keepdims=True) + epsilon)


def norm_bound(x: Any, epsilon: float) -> Any:
    """2^-7 relative, and half a unit of the input over its deviation."""
    exact = exact_norm(x, epsilon)
    deviation = np.sqrt(np.var(np.asarray(x, np.float64), -1, keepdims=True) + epsilon)
    return 2.0**-7 * np.maximum(np.abs(exact), 2.0**-3) + 2.0**-18 / deviation


def norms(name: str, function: Callable[..., Any]) -> list[Fault]:
    rows = {"large": LAYER_ROWS[:1], "small": LAYER_ROWS[1:2], "constant": LAYER_ROWS[2:3], "mixed": LAYER_ROWS}
    return [
        Fault(
            f"{name}_{kind}_{epsilon}",
            lambda x, epsilon=epsilon: function(x, epsilon),
            (x,),
            exact_norm(x, epsilon),
            norm_bound(x, epsilon),
        )
        for kind, x in rows.items()
        for epsilon in (0.01, 1e-5, 1e-12)
        # Without an epsilon a constant row is zero by zero.
        if epsilon > 1e-6 or kind in ("large", "small")
    ]


LAYER_NORMS = norms("centred", centred) + norms("moments", moments)

# What SPU's compiler makes of a small number beside a root: a square of nothing may round to below zero.
NOTHING = np.zeros(4000, F32)
ROOTS = [
    Fault(
        "divided_by_a_root",
        lambda x, y: x / (jnp.sqrt(x * x + y * y) + 1e-8),
        (np.append(NOTHING, f32(3, -4)), np.append(NOTHING, f32(4, 3))),
        np.append(NOTHING, f32(0.6, -0.8)),
        5e-3,
    )
]

# ------------------------------------------------------------------------------------------------ fills, look-ups

CONDITION = np.array([True, False, True, False])
VALUES, VALUES16 = f32(1.5, -2, 100, 3), f16(1.5, -2, 100, 3)


def fills() -> list[Fault]:
    found = []
    for fill in (1e9, -1e9, 65504.0, -65504.0, 1e5, LEAST, float(np.inf), float(-np.inf)):
        for values in (VALUES, VALUES16):
            if values.dtype == F16 and abs(fill) > 65504 and np.isfinite(fill):
                continue
            dtype = values.dtype.name
            found.append(
                Fault(
                    f"where_{dtype}_{fill:g}",
                    lambda c, x, fill=fill: jnp.where(c, x, jnp.asarray(fill, x.dtype)),
                    (CONDITION, values),
                    values.astype(np.float64),
                    judged=CONDITION,
                )
            )
    return found


TABLE = (RNG.integers(-512, 512, (5, 3)) / 256).astype(F32)
IDS = np.array([-1, 0, 4, -5], np.int32)
FAR_IDS = np.array([-7, 0, 4, 99], np.int32)

LOOK_UPS = [
    Fault("table_of_negative", lambda table, ids: table[ids], (TABLE, IDS), TABLE[IDS]),
    Fault(
        "take_wrap",
        lambda table, ids: jnp.take(table, ids, axis=0, mode="wrap"),
        (TABLE, FAR_IDS),
        np.take(TABLE, FAR_IDS, axis=0, mode="wrap"),
        must=False,
    ),
    Fault(
        "take_clip",
        lambda table, ids: jnp.take(table, ids, axis=0, mode="clip"),
        (TABLE, FAR_IDS),
        np.take(TABLE, FAR_IDS, axis=0, mode="clip"),
    ),
    Fault(
        "at_clip",
        lambda table, ids: table.at[ids].get(mode="clip"),
        (TABLE, np.array([0, 4, 99], np.int32)),
        TABLE[[0, 4, 4]],
    ),
    Fault(
        "public_million",
        lambda x, p: x + p,
        (f32(1.5, -2.25), f32(1e6, -1e6)),
        [1000001.5, -1000002.25],
        visibility=("secret", "public"),
    ),
    Fault(
        "public_million_times",
        lambda x, p: x * p,
        (f32(1.5, -2.25), f32(1e4, -1e4)),
        [15000, 22500],
        must=False,
        visibility=("secret", "public"),
    ),
]

FAULTS = [*ARITHMETIC, *COMPARISONS, *FUNCTIONS, *SOFTMAXES, *LAYER_NORMS, *ROOTS, *fills(), *LOOK_UPS]
