"""What callers compute in the clear is what JAX has: integers of all widths and signs, bits, branches, complex ones."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ditto.dialects import pphlo
from ditto.interpreter import EvaluationError, evaluate

INTEGERS = [np.dtype(f"{sign}int{width}") for sign in ("", "u") for width in (8, 16, 32, 64)]
BITWISE = {
    "add": lax.add,
    "and": lax.bitwise_and,
    "divide": lax.div,
    "maximum": lax.max,
    "multiply": lax.mul,
    "or": lax.bitwise_or,
    "remainder": lax.rem,
    "shift_left": lax.shift_left,
    "shift_right_arithmetic": lax.shift_right_arithmetic,
    "shift_right_logical": lax.shift_right_logical,
    "subtract": lax.sub,
    "xor": lax.bitwise_xor,
}
UNARY = {"abs": lax.abs, "negate": lax.neg, "not": lax.bitwise_not, "popcnt": lax.population_count, "sign": lax.sign}


def element(dtype: Any) -> str:
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return f"complex<f{dtype.itemsize * 4}>"
    return {"b": "i1", "i": f"i{dtype.itemsize * 8}", "u": f"ui{dtype.itemsize * 8}", "f": f"f{dtype.itemsize * 8}"}[
        dtype.kind
    ]


def tensor(array: Any) -> str:
    return f"tensor<{''.join(f'{n}x' for n in array.shape)}{element(array.dtype)}>"


def run(lines: str, result: Any, *inputs: Any, exact: bool = False) -> Any:
    """What `lines` compute as %r, of the type of `result`, from %a, %b, ..."""
    names = ", ".join(f"%{letter}: {tensor(array)}" for letter, array in zip("abc", inputs, strict=False))
    text = f"func.func @main({names}) -> {tensor(result)} {{\n{lines}\nreturn %r : {tensor(result)}\n}}"
    [value] = evaluate(pphlo.parse_module(text), list(inputs), exact=exact)
    return value


def samples(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """All pairs of ends, small numbers and large ones."""
    ends = np.iinfo(dtype)
    some = [
        0,
        1,
        2,
        3,
        7,
        ends.max,
        ends.max - 1,
        ends.min,
        ends.max // 3,
        -1 if ends.min else 5,
        -3 if ends.min else 9,
    ]
    numbers = np.array(some, dtype)
    left, right = np.meshgrid(numbers, numbers)
    return left.reshape(-1), right.reshape(-1)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", BITWISE)
def test_integers_wrap_at_their_width(name: str, dtype: np.dtype[Any]) -> None:
    left, right = samples(dtype)
    with jax.experimental.enable_x64():
        expected = np.asarray(BITWISE[name](left, right))
    kind = f"tensor<{left.size}x{element(dtype)}>"
    np.testing.assert_array_equal(run(f"%r = pphlo.{name} %a, %b : {kind}", expected, left, right), expected)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary_integers(name: str, dtype: np.dtype[Any]) -> None:
    if name == "abs" and dtype.kind == "u":
        pytest.skip("JAX has none")
    numbers = np.unique(samples(dtype)[0])
    with jax.experimental.enable_x64():
        expected = np.asarray(UNARY[name](numbers))
    kind = f"tensor<{numbers.size}x{element(dtype)}>"
    np.testing.assert_array_equal(run(f"%r = pphlo.{name} %a : {kind}", expected, numbers), expected)


@pytest.mark.parametrize("source", [np.dtype(np.float32), *INTEGERS], ids=str)
@pytest.mark.parametrize("target", INTEGERS, ids=str)
def test_converts(source: np.dtype[Any], target: np.dtype[Any]) -> None:
    if source.kind == "f":
        numbers = np.array(
            [1e20, -1e20, 300.7, -300.7, np.nan, np.inf, -np.inf, 3e9, -1.5, 2.0**63, -(2.0**63)], source
        )
    else:
        numbers = np.unique(samples(source)[0])
    with jax.experimental.enable_x64():
        expected = np.asarray(jax.jit(lambda x: x.astype(target))(numbers))
    line = f"%r = pphlo.convert %a : (tensor<{numbers.size}x{element(source)}>) -> {tensor(expected)}"
    for exact in (False, True):
        np.testing.assert_array_equal(run(line, expected, numbers, exact=exact), expected)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize(("name", "ufunc"), [("and", np.bitwise_and), ("or", np.bitwise_or), ("add", np.add)])
def test_reductions(name: str, ufunc: Any, dtype: np.dtype[Any]) -> None:
    numbers = np.stack([*samples(dtype)])
    expected = ufunc.reduce(numbers, axis=1, dtype=dtype)
    first = np.array(-1 if name == "and" else 0, np.int64).astype(dtype)
    kinds = f"(tensor<{numbers.shape[0]}x{numbers.shape[1]}x{element(dtype)}>, tensor<{element(dtype)}>)"
    line = (
        f"%r = pphlo.reduce(%a init: %b) applies pphlo.{name} across dimensions = [1] : {kinds} -> {tensor(expected)}"
    )
    np.testing.assert_array_equal(run(line, expected, numbers, first), expected)


def test_population_count_of_low_bits() -> None:
    x = np.array([-1, 5, 256, -8], np.int32)
    line = "%r = pphlo.popcnt %a {bits = 3 : i64} : tensor<4xi32>"
    np.testing.assert_array_equal(run(line, x, x), [3, 2, 0, 0])


def test_powers_of_integers() -> None:
    base, exponent = np.array([2, -1, -1, 1, 3, 5], np.int32), np.array([-1, -3, -2, -9, 4, 13], np.int32)
    expected = np.array([0, -1, 1, 1, 81, 5**13 % 2**32], np.int64).astype(np.int32)
    np.testing.assert_array_equal(run("%r = pphlo.power %a, %b : tensor<6xi32>", expected, base, exponent), expected)


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 3])
def test_case_takes_the_last_branch_for_any_other_number(index: int) -> None:
    x = np.array([1.0, 2.0], np.float32)
    lines = """\
    %r, %s = "pphlo.case"(%a) ({
      pphlo.return %b, %a : tensor<2xf32>, tensor<i32>
    }, {
      %0 = pphlo.negate %b : tensor<2xf32>
      pphlo.return %0, %a : tensor<2xf32>, tensor<i32>
    }, {
      %0 = pphlo.add %b, %b : tensor<2xf32>
      pphlo.return %0, %a : tensor<2xf32>, tensor<i32>
    }) : (tensor<i32>) -> (tensor<2xf32>, tensor<i32>)"""
    expected = {0: x, 1: -x}.get(index, 2 * x)
    np.testing.assert_array_equal(run(lines, x, np.array(index, np.int32), x), expected)


@pytest.mark.parametrize("condition", [True, False])
def test_if(condition: bool) -> None:
    x = np.array([1.0, 2.0], np.float32)
    lines = """\
    %r = "pphlo.if"(%a) ({
      pphlo.return %b : tensor<2xf32>
    }, {
      %0 = pphlo.negate %b : tensor<2xf32>
      pphlo.return %0 : tensor<2xf32>
    }) : (tensor<i1>) -> tensor<2xf32>"""
    np.testing.assert_array_equal(run(lines, x, np.array(condition), x), x if condition else -x)


def test_complex_numbers() -> None:
    re, im = np.array([1.0, np.inf, -2.0], np.float32), np.array([np.inf, 2.0, 0.5], np.float32)
    z = np.array([complex(a, b) for a, b in zip(re, im, strict=True)], np.complex64)
    pair = "(tensor<3xf32>, tensor<3xf32>) -> tensor<3xcomplex<f32>>"
    np.testing.assert_array_equal(run(f"%r = pphlo.complex %a, %b : {pair}", z, re, im), z)
    for name, part in (("real", re), ("imag", im)):
        kinds = "(tensor<3xcomplex<f32>>) -> tensor<3xf32>"
        np.testing.assert_array_equal(run(f"%r = pphlo.{name} %a : {kinds}", part, z), part)
    widened = run("%r = pphlo.convert %a : (tensor<3xf32>) -> tensor<3xcomplex<f32>>", z, re)
    np.testing.assert_array_equal(widened, re.astype(np.complex64))


def test_angle() -> None:
    y, x = (np.array(values, np.float32) for values in ([1, 1, -1, -1, 0], [1, -1, 1, -1, -1]))
    np.testing.assert_allclose(run("%r = pphlo.atan2 %a, %b : tensor<5xf32>", y, y, x), jnp.arctan2(y, x), rtol=1e-6)


@pytest.mark.parametrize(("dtype", "unit"), [(np.float16, 2.0**-8), (np.float32, 2.0**-18)])
def test_epsilon(dtype: Any, unit: float) -> None:
    wanted = np.empty((2,), dtype)
    np.testing.assert_array_equal(run(f'%r = "pphlo.epsilon"() : () -> {tensor(wanted)}', wanted), [unit, unit])


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_random_numbers_differ_at_every_run(dtype: Any) -> None:
    low, high, wanted = np.array(-5, dtype), np.array(9, dtype), np.empty(1000, dtype)
    line = f'%r = "pphlo.rng"(%a, %b) : ({tensor(low)}, {tensor(low)}) -> {tensor(wanted)}'
    first, second = (run(line, wanted, low, high) for _ in range(2))
    assert np.all((first >= -5) & (first < 9)) and not np.array_equal(first, second)
    assert first.min() < -4 and first.max() >= 8


def test_a_branch_cannot_be_chosen_element_by_element() -> None:
    x = np.zeros(4, np.bool_)
    lines = """\
    %s = pphlo.constant dense<true> : tensor<i1>
    %r = pphlo.reduce(%a init: %s) across dimensions = [0] : (tensor<4xi1>, tensor<i1>) -> tensor<i1>
     reducer(%x: tensor<i1>, %y: tensor<i1>) {
      %0 = "pphlo.if"(%x) ({
        pphlo.return %x : tensor<i1>
      }, {
        pphlo.return %y : tensor<i1>
      }) : (tensor<i1>) -> tensor<i1>
      pphlo.return %0 : tensor<i1>
    }"""
    with pytest.raises(EvaluationError, match=r"pphlo\.if"):
        run(lines, np.zeros((), np.bool_), x)
