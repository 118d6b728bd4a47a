"""Ring operations on plain integers and on real numbers, where the two differ in what they must do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ditto.dialects import ring
from ditto.interpreter.exact import evaluate_exactly
from ditto.interpreter.ring import evaluate_ring

EXTEND = """
func.func @main(%x: tensor<6x!ring.fxp<32, 0>>) -> tensor<6x!ring.fxp<20, 0>> {
  %0 = ring.extend %x {bits = 8 : i64} : (tensor<6x!ring.fxp<32, 0>>) -> tensor<6x!ring.fxp<20, 0>>
  return %0 : tensor<6x!ring.fxp<20, 0>>
}"""
DIVIDE = """
func.func @main(%x: tensor<4x!ring.fxp<32, 4>>, %y: tensor<4x!ring.fxp<24, 8>>) -> tensor<4x!ring.fxp<30, 10>> {
  %0 = ring.divide %x, %y {lo = -2 : i64, hi = 8 : i64} :
    (tensor<4x!ring.fxp<32, 4>>, tensor<4x!ring.fxp<24, 8>>) -> tensor<4x!ring.fxp<30, 10>>
  return %0 : tensor<4x!ring.fxp<30, 10>>
}"""
INTEGERS = np.array([127, 128, -128, -129, 1000, 0])
NUMBERS = [np.array([1.5, -100.0, 0.0, 7.0]), np.array([0.25, 3.0, 100.0, 1.75])]


def exactly(text: str, inputs: list[Any]) -> np.ndarray[Any, Any]:
    """The only operation's result on real numbers, in its units."""
    results = []
    evaluate_exactly(ring.parse_module(text), inputs, lambda op, result: results.append(result))
    return np.asarray(results[0])


@pytest.mark.parametrize("wrap", [True, False])
def test_extension_wraps_at_its_bits_in_any_ring(wrap: bool) -> None:
    expected = [127, -128, -128, 127, -24, 0]
    [found] = evaluate_ring(ring.parse_module(EXTEND), [INTEGERS], wrap=wrap)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(exactly(EXTEND, [INTEGERS]), expected)


def test_quotients_take_each_operand_in_its_own_units() -> None:
    expected = NUMBERS[0] / NUMBERS[1]
    [found] = evaluate_ring(ring.parse_module(DIVIDE), NUMBERS)
    np.testing.assert_allclose(found, expected, atol=2.0**-11)
    np.testing.assert_allclose(exactly(DIVIDE, NUMBERS), expected * 2**10)
