"""Where values come from and where they go."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.ir import SSAValue

from ditto.analysis.look_through import (
    behind,
    beyond,
    has_any,
    in_order,
    is_argument,
    known_numbers,
    multiple_of,
    origin,
    reshaped,
    splat_value,
)
from ditto.dialects import pphlo, ring
from ditto.dialects.traits import Adds, Moves, Rearranges, Rescales

RING = """
func.func @main(%x: tensor<2x3x!ring.fxp<32, 8>>, %y: tensor<2x3x!ring.fxp<32, 10>>) -> tensor<2x!ring.fxp<32, 8>> {
  %a = ring.shl %x {bits = 2 : i64} : (tensor<2x3x!ring.fxp<32, 8>>) -> tensor<2x3x!ring.fxp<32, 10>>
  %b = ring.reshape %a : (tensor<2x3x!ring.fxp<32, 10>>) -> tensor<6x!ring.fxp<32, 10>>
  %c = ring.reshape %b : (tensor<6x!ring.fxp<32, 10>>) -> tensor<2x3x!ring.fxp<32, 10>>
  %d = ring.transpose %c {perm = array<i64: 1, 0>} : (tensor<2x3x!ring.fxp<32, 10>>) -> tensor<3x2x!ring.fxp<32, 10>>
  %e = ring.slice %d {start = array<i64: 0, 0>, limit = array<i64: 1, 2>, stride = array<i64: 1, 1>}
    : (tensor<3x2x!ring.fxp<32, 10>>) -> tensor<1x2x!ring.fxp<32, 10>>
  %f = ring.reshape %e : (tensor<1x2x!ring.fxp<32, 10>>) -> tensor<2x!ring.fxp<32, 10>>
  %g = ring.down_cast %f {shift = 2 : i64} : (tensor<2x!ring.fxp<32, 10>>) -> tensor<2x!ring.fxp<32, 8>>
  %h = ring.add %c, %y
    : (tensor<2x3x!ring.fxp<32, 10>>, tensor<2x3x!ring.fxp<32, 10>>) -> tensor<2x3x!ring.fxp<32, 10>>
  %m = ring.constant dense<[1.0, 2.0]> : tensor<2xf64>
  %n = ring.encode %m {fraction = 8 : i64} : (tensor<2xf64>) -> tensor<2xi64>
  %o = ring.add_public %g, %n : (tensor<2x!ring.fxp<32, 8>>, tensor<2xi64>) -> tensor<2x!ring.fxp<32, 8>>
  func.return %o : tensor<2x!ring.fxp<32, 8>>
}
"""

ROW, COLUMN = "tensor<2x!ring.fxp<32, 8>>", "tensor<2x1x!ring.fxp<32, 10>>"


@pytest.fixture
def values() -> dict[str, SSAValue]:
    """The values of the program above by their names."""
    block = ring.main(ring.parse_module(RING)).body.block
    return {value.name_hint or "": value for value in (*block.args, *(op.results[0] for op in block.ops if op.results))}


def test_origin_sees_through_moves_of_all_elements_and_rescaling(values: dict[str, SSAValue]) -> None:
    assert origin(values["d"]) is values["x"]
    assert origin(values["g"]) is values["e"]
    assert origin(values["h"]) is values["h"]


def test_in_order_stops_where_the_order_changes(values: dict[str, SSAValue]) -> None:
    assert in_order(values["c"]) is values["x"]
    assert in_order(values["d"]) is values["d"]


def test_behind_sees_through_what_it_is_told(values: dict[str, SSAValue]) -> None:
    assert behind(values["g"], Moves) is values["g"]
    assert behind(values["f"], Moves) is values["a"]
    assert behind(values["d"], Rearranges) is values["a"]


def test_arguments_are_known_by_their_parts(values: dict[str, SSAValue]) -> None:
    assert is_argument(values["x"])
    assert is_argument(values["g"])
    assert not is_argument(values["h"])


def test_beyond_gives_the_uses_after_the_moves(values: dict[str, SSAValue]) -> None:
    users = [use.operation.name for use in beyond(values["x"], Moves, Rescales)]
    assert sorted(users) == ["ring.add", "ring.add_public"]
    assert [use.operation.name for use in beyond(values["x"])] == ["ring.shl"]


def test_a_value_without_operation_has_no_trait(values: dict[str, SSAValue]) -> None:
    assert has_any(values["h"].owner, Moves, Adds)
    assert not has_any(values["h"].owner, Moves)
    assert not has_any(values["x"].owner, Moves)


def test_numbers_of_constants_are_known(values: dict[str, SSAValue]) -> None:
    for name in ("m", "n"):
        numbers = known_numbers(values[name])
        assert numbers is not None
        np.testing.assert_array_equal(numbers, [1.0, 2.0])
    assert known_numbers(values["x"]) is None


def test_what_is_behind_reshapes_alone(values: dict[str, SSAValue]) -> None:
    assert reshaped(values["c"]) is values["a"]
    assert reshaped(values["d"]) is values["d"]


def test_public_multiples_are_known_with_their_factors() -> None:
    module = ring.parse_module(f"""
func.func @main(%x: {ROW}, %y: {ROW}) -> {ROW} {{
  %c = ring.constant dense<0.75> : tensor<f64>
  %n = ring.constant dense<[1.0, 2.0]> : tensor<2xf64>
  %p = ring.encode %c {{fraction = 12 : i64}} : (tensor<f64>) -> tensor<i64>
  %q = ring.encode %n {{fraction = 12 : i64}} : (tensor<2xf64>) -> tensor<2xi64>
  %k = ring.constant dense<3> : tensor<i64>
  %a = ring.mul_public %x, %p {{shift = 12 : i64}} : ({ROW}, tensor<i64>) -> {ROW}
  %b = ring.reshape %a : ({ROW}) -> tensor<2x1x!ring.fxp<32, 8>>
  %r = ring.relabel %b : (tensor<2x1x!ring.fxp<32, 8>>) -> {COLUMN}
  %m = ring.mul_public %r, %k {{shift = 0 : i64}} : ({COLUMN}, tensor<i64>) -> {COLUMN}
  %d = ring.mul_public %x, %q {{shift = 12 : i64}} : ({ROW}, tensor<2xi64>) -> {ROW}
  %e = ring.mul %x, %y {{shift = 8 : i64}} : ({ROW}, {ROW}) -> {ROW}
  func.return %x : {ROW}
}}""")
    block = ring.main(module).body.block
    named = {op.results[0].name_hint: op.results[0] for op in block.ops if op.results}
    assert multiple_of(named["m"]) == (block.args[0], 0.75 / 4 * 3)
    # Several numbers are no factor, nor is a secret one.
    assert multiple_of(named["d"]) == (named["d"], 1.0)
    assert multiple_of(named["e"]) == (named["e"], 1.0)


def test_the_number_that_fills_a_tensor() -> None:
    module = pphlo.parse_module("""
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %a = pphlo.constant dense<1.0> : tensor<f32>
  %b = pphlo.broadcast %a, dims = [] : (tensor<f32>) -> tensor<4xf32>
  %c = pphlo.convert %b : (tensor<4xf32>) -> tensor<4x!pphlo.secret<f16>>
  %d = pphlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %e = pphlo.negate %a : tensor<f32>
  return %x : tensor<f32>
}
""")
    found = [splat_value(op.results[0]) for op in ring.main(module).body.block.ops if op.results]
    assert found == [1.0, 1.0, 1.0, None, None]
    assert found[2].dtype == np.float16
