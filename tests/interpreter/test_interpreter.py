"""The interpreter against JAX, operation by operation, and in the places where it takes its own way."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ditto.dialects import pphlo
from ditto.interpreter import EvaluationError, evaluate, evaluate_values, function_named

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((3, 4)).astype(np.float32)
OTHER = RNG.standard_normal((3, 4)).astype(np.float32)
COUNTS = RNG.integers(-20, 20, (3, 4)).astype(np.int32)
DIVISORS = np.where(RNG.integers(0, 2, (3, 4)) == 0, 3, -7).astype(np.int32)
BITS = RNG.integers(0, 2, (3, 4)).astype(np.bool_)

NAMES = {
    np.dtype(np.float16): "f16",
    np.dtype(np.float32): "f32",
    np.dtype(np.int32): "i32",
    np.dtype(np.uint32): "ui32",
    np.dtype(np.bool_): "i1",
}


def type_of(array: Any) -> str:
    array = np.asarray(array)
    return f"tensor<{''.join(f'{extent}x' for extent in array.shape)}{NAMES[array.dtype]}>"


def run(operation: str, expected: Any, *inputs: Any, exact: bool = False) -> Any:
    """The result of one operation, written without types; the type of its result is that of `expected`."""
    types = ", ".join(type_of(value) for value in inputs)
    names = ", ".join(f"%arg{index}: {type_of(value)}" for index, value in enumerate(inputs))
    result = type_of(expected)
    body = f"%0 = {operation} : ({types}) -> {result}\n  return %0 : {result}"
    text = f"func.func @main({names}) -> {result} {{\n  {body}\n}}"
    return evaluate(pphlo.parse_module(text), list(inputs), exact=exact)[0]


def check(operation: str, expected: Any, *inputs: Any) -> None:
    expected = np.asarray(expected)
    result = run(operation, expected, *inputs)
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("abs", jnp.abs),
        ("ceil", jnp.ceil),
        ("exponential", jnp.exp),
        ("exponential_minus_one", jnp.expm1),
        ("floor", jnp.floor),
        ("logistic", jax.nn.sigmoid),
        ("negate", jnp.negative),
        ("reciprocal", lambda x: 1 / x),
        ("round_nearest_afz", lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO)),
        ("round_nearest_even", lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)),
        ("sign", jnp.sign),
        ("sine", jnp.sin),
        ("tanh", jnp.tanh),
    ],
)
def test_unary(name: str, function: Any) -> None:
    check(f"pphlo.{name} %arg0", function(MATRIX * 3), MATRIX * 3)


@pytest.mark.parametrize(("name", "function"), [("rsqrt", lax.rsqrt), ("sqrt", jnp.sqrt), ("log", jnp.log)])
def test_unary_of_positive(name: str, function: Any) -> None:
    x = np.abs(MATRIX) + np.float32(0.1)
    check(f"pphlo.{name} %arg0", function(x), x)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "minimum", "less", "equal"])
def test_binary(name: str) -> None:
    function = {
        "add": jnp.add,
        "subtract": jnp.subtract,
        "multiply": jnp.multiply,
        "divide": jnp.divide,
        "maximum": jnp.maximum,
        "minimum": jnp.minimum,
        "less": jnp.less,
        "equal": jnp.equal,
    }[name]
    check(f"pphlo.{name} %arg0, %arg1", function(MATRIX, OTHER), MATRIX, OTHER)


def test_integers() -> None:
    check("pphlo.divide %arg0, %arg1", lax.div(COUNTS, DIVISORS), COUNTS, DIVISORS)
    check("pphlo.remainder %arg0, %arg1", lax.rem(COUNTS, DIVISORS), COUNTS, DIVISORS)
    big = np.full((3, 4), 2**31 - 1, np.int32)
    check("pphlo.add %arg0, %arg1", np.full((3, 4), -(2**31), np.int32), big, np.ones((3, 4), np.int32))
    check("pphlo.not %arg0", ~COUNTS, COUNTS)


@pytest.mark.parametrize("amount", [0, 1, 31, 32, 40])
def test_shifts(amount: int) -> None:
    by = np.full((3, 4), amount, np.int32)
    check("pphlo.shift_left %arg0, %arg1", lax.shift_left(COUNTS, by), COUNTS, by)
    check("pphlo.shift_right_logical %arg0, %arg1", lax.shift_right_logical(COUNTS, by), COUNTS, by)
    check("pphlo.shift_right_arithmetic %arg0, %arg1", lax.shift_right_arithmetic(COUNTS, by), COUNTS, by)


def test_convert() -> None:
    check("pphlo.convert %arg0", (MATRIX * 10).astype(np.int32), MATRIX * 10)
    check("pphlo.convert %arg0", MATRIX.astype(np.float16), MATRIX)
    check("pphlo.convert %arg0", MATRIX.astype(bool), MATRIX)
    check("pphlo.convert %arg0", BITS.astype(np.float32), BITS)
    check("pphlo.bitcast_convert %arg0", MATRIX.view(np.int32), MATRIX)


def test_bit_times_infinity_selects() -> None:
    infinite = np.full((3, 4), np.inf, np.float32)
    check("pphlo.multiply %arg0, %arg1", np.where(BITS, infinite, 0).astype(np.float32), BITS, infinite)


def test_select_by_one_bit() -> None:
    check("pphlo.select %arg0, %arg1, %arg2", MATRIX, np.array(True), MATRIX, OTHER)
    check("pphlo.select %arg0, %arg1, %arg2", np.where(BITS, MATRIX, OTHER), BITS, MATRIX, OTHER)


def test_movement() -> None:
    check("pphlo.transpose %arg0, dims = [1, 0]", MATRIX.T, MATRIX)
    check("pphlo.broadcast %arg0, dims = [2, 0]", np.broadcast_to(MATRIX.T[:, None], (4, 5, 3)), MATRIX)
    check("pphlo.slice %arg0 [0:2:3, 1:1:3]", MATRIX[0:3:2, 1:3], MATRIX)
    check("pphlo.concatenate %arg0, %arg1 dim = 1", np.concatenate([MATRIX, OTHER], 1), MATRIX, OTHER)


@pytest.mark.parametrize("edges", [((0, 0, 0), (0, 0, 0)), ((2, 1, 1), (0, 3, 2)), ((-1, 2, 0), (1, -2, 1))])
def test_pad(edges: tuple[tuple[int, int, int], ...]) -> None:
    low, high, interior = (list(values) for values in zip(*edges, strict=True))
    operation = f"pphlo.pad %arg0, %arg1, low = {low}, high = {high}, interior = {interior}"
    check(operation, lax.pad(MATRIX, np.float32(0.5), edges), MATRIX, np.float32(0.5))


@pytest.mark.parametrize("start", [(0, 0), (1, 2), (-3, 9)])
def test_dynamic_slices_clamp(start: tuple[int, int]) -> None:
    row, column = (np.int32(index) for index in start)
    sliced = lax.dynamic_slice(MATRIX, start, (2, 3))
    check("pphlo.dynamic_slice %arg0, %arg1, %arg2 sizes = [2, 3]", sliced, MATRIX, row, column)
    updated = lax.dynamic_update_slice(MATRIX, OTHER[:2, :3], start)
    operation = "pphlo.dynamic_update_slice %arg0, %arg1, %arg2, %arg3"
    check(operation, updated, MATRIX, OTHER[:2, :3], row, column)


def test_dots() -> None:
    check("pphlo.dot %arg0, %arg1", MATRIX @ OTHER.T, MATRIX, OTHER.T)
    lhs = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)
    rhs = RNG.standard_normal((5, 2, 6, 3)).astype(np.float32)
    expected = lax.dot_general(lhs, rhs, (((3, 1), (0, 3)), ((0,), (1,))))
    dims = "batching_dims = [0] x [1], contracting_dims = [3, 1] x [0, 3]"
    check(f"pphlo.dot_general %arg0, %arg1, {dims}", expected, lhs, rhs)
    # A sum of f16 ones in f16 would stop at 2048.
    ones = np.ones((1, 3000), np.float16)
    assert run("pphlo.dot %arg0, %arg1", np.zeros((1, 1), np.float16), ones, ones.T) == 3000


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
def test_convolution(strides: tuple[int, int]) -> None:
    image = RNG.standard_normal((2, 6, 7, 3)).astype(np.float32)
    kernel = RNG.standard_normal((2, 3, 3, 4)).astype(np.float32)
    numbers = ("NHWC", "HWIO", "NHWC")
    expected = lax.conv_general_dilated(image, kernel, strides, "VALID", dimension_numbers=numbers)
    window = f"window = {{stride = {list(strides)}}}"
    labels = "dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"
    result = run(f"pphlo.convolution(%arg0, %arg1) {labels}, {window}", expected, image, kernel)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_gather() -> None:
    table = RNG.standard_normal((10, 6)).astype(np.float32)
    rows = np.array([[1], [9], [12], [-4]], np.int32)
    numbers = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
    expected = lax.gather(table, rows, numbers, (1, 6), mode=lax.GatherScatterMode.CLIP)
    attributes = (
        "collapsed_slice_dims = array<i64: 0>, index_vector_dim = 1 : i64, offset_dims = array<i64: 1>, "
        "slice_sizes = array<i64: 1, 6>, start_index_map = array<i64: 0>"
    )
    check(f"pphlo.custom_call @spu.gather(%arg0, %arg1) {{pphlo.attributes = {{{attributes}}}}}", expected, table, rows)


def test_embedding_outside_of_table_is_zero() -> None:
    ids = np.array([2, -1, 3, 0], np.int32)
    expected = np.stack([MATRIX[2], 0 * MATRIX[0], 0 * MATRIX[0], MATRIX[0]])
    check("pphlo.custom_call @ditto.embedding(%arg0, %arg1)", expected, MATRIX, ids)


def test_functions() -> None:
    x = np.linspace(-6, 6, 101).astype(np.float32)
    check("pphlo.custom_call @ditto.gelu(%arg0)", jax.nn.gelu(x, approximate=False), x)
    check("pphlo.custom_call @mpc.erfc(%arg0)", lax.erfc(x), x)


REDUCE = """\
func.func @main(%arg0: tensor<5x7x3xf32>, %arg1: tensor<f32>) -> tensor<5xf32> {
  %0 = pphlo.reduce(%arg0 init: %arg1) across dimensions = [1, 2] : (tensor<5x7x3xf32>, tensor<f32>) -> tensor<5xf32>
   reducer(%arg2: tensor<f32>, %arg3: tensor<f32>)  {
    %1 = pphlo.constant dense<0.000000e+00> : tensor<f32>
    %2 = pphlo.add %arg2, %arg3 : tensor<f32>
    %3 = pphlo.maximum %arg2, %arg3 : tensor<f32>
    %4 = pphlo.add %BODY, %1 : tensor<f32>
    pphlo.return %4 : tensor<f32>
  }
  return %0 : tensor<5xf32>
}
"""


@pytest.mark.parametrize(("body", "function"), [("2", np.sum), ("3", np.max)])
def test_reduce_with_any_body(body: str, function: Any) -> None:
    x = RNG.standard_normal((5, 7, 3)).astype(np.float32)
    module = pphlo.parse_module(REDUCE.replace("BODY", body))
    initial = np.array(0.25, np.float32)
    expected = function(x, axis=(1, 2)) + initial if body == "2" else np.maximum(np.max(x, (1, 2)), initial)
    np.testing.assert_allclose(evaluate(module, [x, initial])[0], expected, rtol=1e-5)


@pytest.mark.parametrize(("combiner", "function"), [("add", np.sum), ("maximum", np.max), ("multiply", np.prod)])
def test_reduce_by_name(combiner: str, function: Any) -> None:
    initial = np.array(1 if combiner == "multiply" else -np.inf if combiner == "maximum" else 0, np.float32)
    types = "(tensor<3x4xf32>, tensor<f32>) -> tensor<4xf32>"
    operation = f"pphlo.reduce(%arg0 init: %arg1) applies pphlo.{combiner} across dimensions = [0]"
    text = (
        f"func.func @main(%arg0: tensor<3x4xf32>, %arg1: tensor<f32>) -> tensor<4xf32> {{\n"
        f"  %0 = {operation} : {types}\n  return %0 : tensor<4xf32>\n}}"
    )
    result = evaluate(pphlo.parse_module(text), [MATRIX, initial])[0]
    np.testing.assert_allclose(result, function(MATRIX, axis=0), rtol=1e-5)


def test_empty_reduction_is_its_initial_value() -> None:
    text = REDUCE.replace("5x7x3", "5x0x3").replace("BODY", "2")
    result = evaluate(pphlo.parse_module(text), [np.zeros((5, 0, 3)), np.array(2.5)])[0]
    np.testing.assert_array_equal(result, np.full(5, 2.5))


LOOP = """\
func.func @main(%arg0: tensor<i32>, %arg1: tensor<4xf16>) -> (tensor<i32>, tensor<4xf16>) {
  %0 = pphlo.constant dense<1> : tensor<i32>
  %1 = pphlo.constant dense<0> : tensor<i32>
  %2:2 = pphlo.while(%arg2 = %1, %arg3 = %arg1) : tensor<i32>, tensor<4xf16>
   cond {
    %3 = pphlo.less %arg2, %arg0 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    pphlo.return %3 : tensor<i1>
  } do {
    %3 = pphlo.add %arg2, %0 : tensor<i32>
    %4 = pphlo.multiply %arg3, %arg1 : tensor<4xf16>
    pphlo.return %3, %4 : tensor<i32>, tensor<4xf16>
  }
  return %2#0, %2#1 : tensor<i32>, tensor<4xf16>
}
"""


@pytest.mark.parametrize("rounds", [0, 5])
def test_while(rounds: int) -> None:
    x = np.linspace(0.5, 1.1, 4).astype(np.float16)
    count, power = evaluate(pphlo.parse_module(LOOP), [np.int32(rounds), x], exact=True)
    assert count == rounds and count.dtype == np.int32
    np.testing.assert_allclose(power, x.astype(np.float64) ** (rounds + 1))


def test_precision() -> None:
    x = np.full(4, 1 / 3, np.float16)
    declared = evaluate(pphlo.parse_module(LOOP), [np.int32(3), x])[1]
    exact = evaluate(pphlo.parse_module(LOOP), [np.int32(3), x], exact=True)[1]
    assert declared.dtype == np.float16 and exact.dtype == np.float64
    np.testing.assert_array_equal(exact, x.astype(np.float64) ** 4)


def test_values_of_a_part() -> None:
    module = pphlo.parse_module(LOOP)
    loop = next(op for op in module.walk() if isinstance(op, pphlo.WhileOp))
    bound, x = function_named(module, "main").body.block.args
    assert evaluate_values([loop.outputs[0]], {bound: np.array(3, np.int32), x: np.ones(4)})[0] == 3
    with pytest.raises(EvaluationError, match="depends on an argument"):
        evaluate_values([loop.outputs[0]], {bound: np.array(3, np.int32)})


def test_errors_name_what_cannot_be_evaluated() -> None:
    with pytest.raises(EvaluationError, match="'mhlo.unknown'"):
        run("pphlo.custom_call @mhlo.unknown(%arg0)", MATRIX, MATRIX)
    with pytest.raises(EvaluationError, match="argument 1 has the shape"):
        evaluate(pphlo.parse_module(LOOP), [np.int32(1), np.ones(5)])
    with pytest.raises(EvaluationError, match="takes 2 arrays, not 1"):
        evaluate(pphlo.parse_module(LOOP), [np.int32(1)])
