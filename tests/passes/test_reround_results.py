"""Results rounded once more: which, to what type, and to what number."""

from __future__ import annotations

import numpy as np

from ditto.dialects import ring
from ditto.interpreter.ring import evaluate_ring
from ditto.lowering.lower_to_program import lower_to_program
from ditto.passes.ring.reround_results import ReroundResults

REAL, COARSE, NARROW, BIT = (
    "tensor<4x!ring.fxp<44, 18>>",
    "tensor<4x!ring.fxp<20, 3>>",
    "tensor<4x!ring.fxp<7, 18>>",
    "tensor<4x!ring.bit>",
)
PROGRAM = f"""
func.func @main(%0: {REAL}, %1: {COARSE}, %2: {NARROW}, %3: {BIT}) -> ({REAL}, {COARSE}, {NARROW}, {BIT}, {REAL}) {{
  return %0, %1, %2, %3, %0 : {REAL}, {COARSE}, {NARROW}, {BIT}, {REAL}
}}"""


def test_half_of_the_fraction_bits_go_and_more_if_asked() -> None:
    module = ring.parse_module(PROGRAM)
    ReroundResults().apply(ring.context(), module)
    module.verify()
    lower_to_program(module)
    function = ring.main(module)
    assert [str(type) for type in function.function_type.outputs] == [
        "tensor<4x!ring.fxp<35, 9>>",
        "tensor<4x!ring.fxp<20, 3>>",
        "tensor<4x!ring.fxp<2, 13>>",
        "tensor<4x!ring.bit>",
        "tensor<4x!ring.fxp<35, 9>>",
    ]
    last = function.body.block.last_op
    assert last is not None and last.operands[0] is last.operands[4]
    ReroundResults(5).apply(ring.context(), module)
    assert str(function.function_type.outputs.data[0]) == "tensor<4x!ring.fxp<30, 4>>"
    x = np.array([0.7, -0.7, 100.3, -(2.0**-18)])
    results = evaluate_ring(module, [x, x, np.zeros(4), x > 0])
    assert np.abs(results[0] - x).max() <= 2.0**-4
    np.testing.assert_array_equal(results[3], x > 0)
