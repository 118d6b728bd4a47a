"""Integers wrap as NumPy's do and are compared as NumPy compares them, in the interpreter and among three parties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spu
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental import enable_x64

import spu_ditto
from ditto.dialects import pphlo
from ditto.parties.simulator import Simulator
from ditto.passes.pphlo.bind_constants import bind_constants
from ditto.policy.policy import get_policy
from spu_ditto.public_part import results_of
from tests.passes.ring_runs import after_ring_passes

Array = np.ndarray[Any, np.dtype[Any]]
Function = Callable[..., Any]

PARTIES = Simulator(check_ranges=True)
UNCHECKED = Simulator()
BITS = (8, 16, 32, 64)
ROWS, COLUMNS = 3, 7
EXAMPLES = settings(max_examples=4, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)


def integers(rng: np.random.Generator, bits: int, shape: tuple[int, ...]) -> Array:
    """Integers of a dtype: ends, small ones, ones of every length, some of them equal."""
    info = np.iinfo(f"int{bits}")
    x = rng.integers(info.min, info.max, shape, endpoint=True) >> rng.integers(0, bits, shape)
    ends = np.array([info.min, info.min + 1, -1, 0, 1, info.max - 1, info.max])
    return np.where(rng.random(shape) < 0.5, rng.choice(ends, shape), x).astype(f"int{bits}")


def check(function: Function, inputs: Sequence[Array], expected: Sequence[Any], visibility: Any = None) -> None:
    """Every ring pass gives just these results, and so do three parties."""
    # Without it JAX takes int64 for int32.
    with enable_x64(), spu_ditto.use_runtime(PARTIES):
        secure = spu.compile(function, ring_policy="ditto", input_visibility=visibility)
        lowered = secure.lower(*inputs)
        results = jax.tree_util.tree_leaves(lowered.compile()(*inputs))
    # What is captured has become arguments, and what is public JAX has computed.
    source = lowered._source()  # noqa: SLF001
    computed = results_of(source.part, list(inputs))
    arguments = [inputs[n] if kind == "argument" else np.asarray(computed[n]) for kind, n in source.part.main]
    module = pphlo.parse_module(source.text)
    bind_constants(module, dict(enumerate(source.constants, len(arguments))))
    passes = after_ring_passes(module, get_policy("ditto"), arguments)
    for stage, found in (*passes, ("engine", results)):
        for result, exact in zip(found, expected, strict=True):
            assert stage != "engine" or np.asarray(result).dtype == exact.dtype
            # The interpreter's results are float64.
            kind = np.float64 if stage != "engine" and exact.dtype.kind == "i" else exact.dtype
            assert np.array_equal(np.asarray(result, kind), exact.astype(kind)), stage


def total(x: Array, axis: int) -> Array:
    """A sum in the dtype of its terms."""
    summed: Array = np.add.reduce(x, axis, dtype=x.dtype)
    return summed


# What JAX computes, and NumPy.
OPERATIONS: dict[str, tuple[Function, Function]] = {
    "add": (jnp.add, np.add),
    "subtract": (jnp.subtract, np.subtract),
    "multiply": (jnp.multiply, np.multiply),
    "square": (lambda x, y: x * x, lambda x, y: x * x),
    "negate": (lambda x, y: -x, lambda x, y: -x),
    "abs": (lambda x, y: jnp.abs(x), lambda x, y: np.abs(x)),
    "maximum": (jnp.maximum, np.maximum),
    "minimum": (jnp.minimum, np.minimum),
    "less": (jnp.less, np.less),
    "greater_equal": (jnp.greater_equal, np.greater_equal),
    "equal": (jnp.equal, np.equal),
    "not_equal": (jnp.not_equal, np.not_equal),
    "sum": (lambda x, y: x.sum(1, dtype=x.dtype), lambda x, y: total(x, 1)),
    "max": (lambda x, y: x.max(1), lambda x, y: x.max(1)),
    "min": (lambda x, y: x.min(0), lambda x, y: x.min(0)),
    "argmax": (lambda x, y: jnp.argmax(x, 1).astype(jnp.int32), lambda x, y: np.argmax(x, 1).astype(np.int32)),
    "argmin": (lambda x, y: jnp.argmin(x, 0).astype(jnp.int32), lambda x, y: np.argmin(x, 0).astype(np.int32)),
    "dot": (lambda x, y: jnp.dot(x, y.T), lambda x, y: x @ y.T),
    "wider dot": (
        lambda x, y: jnp.dot(x, y.T, preferred_element_type=jnp.int64),
        lambda x, y: x.astype(np.int64) @ y.T.astype(np.int64),
    ),
    # Overflow first, then all that must not see it.
    "sign of a sum": (lambda x, y: jnp.where(x + y < 0, x, y), lambda x, y: np.where(x + y < 0, x, y)),
    "product compared": (lambda x, y: x * y >= x - y, lambda x, y: x * y >= x - y),
    "clamped difference": (lambda x, y: jnp.clip(x - y, -5, 9), lambda x, y: np.clip(x - y, -5, 9)),
    "sum of magnitudes": (
        lambda x, y: jnp.abs(x - y).sum(0, dtype=x.dtype) > 3,
        lambda x, y: total(np.abs(x - y), 0) > 3,
    ),
    "greatest of products": (lambda x, y: (x * y).max(1), lambda x, y: (x * y).max(1)),
}


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", OPERATIONS)
@EXAMPLES
@given(seed=SEEDS)
def test_operations(name: str, bits: int, seed: int) -> None:
    secure, plain = OPERATIONS[name]
    rng = np.random.default_rng(seed)
    inputs = [integers(rng, bits, (ROWS, COLUMNS)) for _ in range(2)]
    with np.errstate(over="ignore"):
        check(secure, inputs, [plain(*inputs)])


@pytest.mark.parametrize("bits", BITS)
def test_signs(bits: int) -> None:
    """Of SPU's programs; the front end has none."""
    type = f"tensor<{ROWS}x{COLUMNS}x!pphlo.secret<i{bits}>>"
    text = f"func.func @main(%x: {type}) -> {type} {{ %s = pphlo.sign %x : {type} return %s : {type} }}"
    x = integers(np.random.default_rng(bits), bits, (ROWS, COLUMNS))
    with enable_x64(), spu_ditto.use_runtime(PARTIES):
        (found,) = spu_ditto.from_pphlo(f"module {{ {text} }}")(x)
    assert np.array_equal(found, np.sign(x))


@pytest.mark.parametrize("bits", BITS)
@EXAMPLES
@given(seed=SEEDS)
def test_constants(bits: int, seed: int) -> None:
    """The other operand is part of the program."""
    rng = np.random.default_rng(seed)
    x, c = (integers(rng, bits, (ROWS, COLUMNS)) for _ in range(2))
    least = np.iinfo(c.dtype).min
    other = np.where(c > 0, c.dtype.type(least), c)

    def function(np: Any, x: Any) -> Any:
        sums = x + c, c - x, x - c, x - least
        comparisons = x < c, c < x, x == c, x > least, x <= least
        return (
            *sums,
            *comparisons,
            x * c,
            x * least,
            np.maximum(x, c),
            np.where(x < 0, c, other),
            np.where(c < 0, x, c),
        )

    with np.errstate(over="ignore"):
        check(lambda x: function(jnp, x), [x], function(np, x))


@pytest.mark.parametrize("bits", BITS)
@EXAMPLES
@given(seed=SEEDS)
def test_public_arguments(bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, p = (integers(rng, bits, (ROWS, COLUMNS)) for _ in range(2))

    def function(x: Any, p: Any) -> Any:
        return x + p, p - x, x * p, x == p

    with np.errstate(over="ignore"):
        check(function, [x, p], function(x, p), ("secret", "public"))


@pytest.mark.parametrize("target", BITS)
@pytest.mark.parametrize("source", BITS)
@EXAMPLES
@given(seed=SEEDS)
def test_conversions(source: int, target: int, seed: int) -> None:
    """Of what has wrapped, into what wraps, and on into a third dtype and booleans."""
    x = integers(np.random.default_rng(seed), source, (COLUMNS,))
    dtype = np.dtype(f"int{target}")

    def function(x: Any) -> Any:
        y = (x + x).astype(dtype)
        return x.astype(dtype), y, y.astype(np.int32), y.astype(np.bool_), (y < 0).astype(x.dtype) - x

    with np.errstate(over="ignore"):
        check(function, [x], function(x))


@pytest.mark.parametrize("bits", BITS[:3])
@EXAMPLES
@given(seed=SEEDS)
def test_floats_of_integers_that_have_wrapped(bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (integers(rng, bits, (ROWS, COLUMNS)) for _ in range(2))

    def function(np: Any, x: Any, y: Any) -> Any:
        return (x + y).astype(np.float32), np.where(x * y < 0, x, -x).astype(np.float32).max(1)

    with np.errstate(over="ignore"):
        check(lambda x, y: function(jnp, x, y), [x, y], function(np, x, y))


def test_quotient_of_a_square_that_has_wrapped() -> None:
    """No sign is taken for granted: 12 * 12 is -112 in eight bits."""
    x = np.array([12, 3, 13], np.int8)
    with spu_ditto.use_runtime(PARTIES):
        found = spu.compile(lambda x: 1 / (x * x).astype(jnp.float32), ring_policy="ditto")(x)
    assert np.allclose(found, 1 / np.array([-112, 9, -87]), atol=2e-5)


@pytest.mark.parametrize("elements", [3, 5000])
@pytest.mark.parametrize("number", [2**44, -(2**44), 2**45, 2**62, -(2**63), 2**63 - 1])
def test_integers_too_large_for_a_float_are_refused(number: int, elements: int) -> None:
    x = np.zeros(elements, np.int64)
    x[:2] = 2**44 - 1, 1 - 2**44
    with enable_x64(), spu_ditto.use_runtime(UNCHECKED):
        secure = spu.compile(lambda x: x.astype(jnp.float32), ring_policy="ditto")
        assert np.array_equal(secure(x), x.astype(np.float32))
        x[2] = number
        with pytest.raises(spu_ditto.RangeError):
            secure(x)


@pytest.mark.parametrize("bits", BITS)
def test_look_ups(bits: int) -> None:
    """Negative ids count from the end; ids may have wrapped; a table of integers has both ends."""
    dtype = np.dtype(f"int{bits}")
    info = np.iinfo(dtype)
    table = np.linspace(-3, 3, 36, dtype=np.float32).reshape(9, 4)
    ends = np.array([[info.min, info.max], [-1, 5], [info.max, info.min]], dtype)
    ids = np.array([-1, 0, -9, 8, 3], dtype)
    # Twice these leave the dtype: 4 and -2 are left.
    wrapping = np.array([info.min + 2, info.max, 1], dtype)
    with np.errstate(over="ignore"):
        twice = wrapping + wrapping
    with enable_x64(), spu_ditto.use_runtime(PARTIES):
        secure = spu.compile(lambda t, e, i, w: (t[i], t[w + w], e[i[:2]]), ring_policy="ditto")
        rows, wrapped, exact = secure(table, ends, ids, wrapping)
    assert np.allclose(rows, table[ids], atol=1e-3)
    assert np.allclose(wrapped, table[twice], atol=1e-3)
    assert np.array_equal(exact, ends[ids[:2]])


@pytest.mark.parametrize("bits", BITS)
def test_masks(bits: int) -> None:
    """As models write them: 1 - mask times a large number, mask > 0, counts. Floats of 64 bits need a stated range."""
    mask = np.array([[1, 0, 1, 1], [1, 1, 0, 0]], f"int{bits}")
    scores = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)

    def function(np: Any, scores: Any, mask: Any) -> Any:
        added = scores + (1 - mask).astype(np.float32) * np.float32(-1000)
        return added, np.where(mask > 0, scores, np.float32(-1000)), mask.sum(1) * 2

    with enable_x64(), spu_ditto.use_runtime(PARTIES):
        secure = spu.compile(
            lambda scores, mask: function(jnp, scores, mask),
            ring_policy="ditto",
            ranges={"mask": 2.0} if bits == 64 else None,
        )
        found = secure(scores, mask)
    for result, exact in zip(found, function(np, scores, mask), strict=True):
        assert np.allclose(result, exact, atol=1e-3)
