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
    origin,
    softmax_row,
    splat_value,
    sums_softmax_rows,
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


ROW, SCORES = "tensor<2x3x!ring.fxp<64, 10>>", "tensor<2x3x4x!ring.fxp<64, 10>>"


def softmax(maximum: str, spread: str, total: str) -> list[SSAValue]:
    """x - max of x as it is spread, and the sums of the exponentials."""
    module = ring.parse_module(
        f"""
func.func @main(%x: {SCORES}) -> {SCORES} {{
  %t = ring.transpose %x {{perm = array<i64: 0, 2, 1>}} : ({SCORES}) -> tensor<2x4x3x!ring.fxp<64, 10>>
  %f = ring.reshape %x : ({SCORES}) -> tensor<6x4x!ring.fxp<64, 10>>
  %m = {maximum}
  %r = ring.reshape %m : (LIKE) -> {ROW}
  %s = {spread}
  %d = ring.sub %x, %s : ({SCORES}, {SCORES}) -> {SCORES}
  %e = ring.exp %d {{slack = 512 : i64, clip_bits = 64 : i64}} : ({SCORES}) -> {SCORES}
  %g = ring.transpose %e {{perm = array<i64: 2, 0, 1>}} : ({SCORES}) -> tensor<4x2x3x!ring.fxp<64, 10>>
  %n = {total}
  return %e : {SCORES}
}}""".replace("LIKE", maximum.rsplit("-> ", 1)[1])
    )
    named = {op.results[0].name_hint: op.results[0] for op in ring.main(module).body.block.ops if op.results}
    return [named["d"], named["n"]]


FLAT = "tensor<6x!ring.fxp<64, 10>>"
MAXIMA = {
    "the last axis": f"ring.max %x {{axis = 2 : i64, bits = 64 : i64, drop = 0 : i64}} : ({SCORES}) -> {ROW}",
    "of a transpose": "ring.max %t {axis = 1 : i64, bits = 64 : i64, drop = 0 : i64} : "
    f"(tensor<2x4x3x!ring.fxp<64, 10>>) -> {ROW}",
    "of a reshape": "ring.max %f {axis = 1 : i64, bits = 64 : i64, drop = 0 : i64} : "
    f"(tensor<6x4x!ring.fxp<64, 10>>) -> {FLAT}",
}
SPREAD = f"ring.broadcast %r {{dims = array<i64: 0, 1>}} : ({ROW}) -> {SCORES}"
SUM = f"ring.sum %e {{dims = array<i64: 2>}} : ({SCORES}) -> {ROW}"
MOVED_SUM = f"ring.sum %g {{dims = array<i64: 0>}} : (tensor<4x2x3x!ring.fxp<64, 10>>) -> {ROW}"


@pytest.mark.parametrize("total", [SUM, MOVED_SUM])
@pytest.mark.parametrize("name", MAXIMA)
def test_a_softmax_is_one_however_its_rows_are_moved(name: str, total: str) -> None:
    difference, sums = softmax(MAXIMA[name], SPREAD, total)
    row = softmax_row(difference)
    assert row is not None and row.length == 4
    np.testing.assert_array_equal(row.rows, np.broadcast_to(np.arange(6).reshape(2, 3, 1), (2, 3, 4)))
    assert sums_softmax_rows(sums)


OTHER_AXIS = "ring.max %x {axis = 1 : i64, bits = 64 : i64, drop = 0 : i64} : "
OTHER_ROWS = "tensor<2x4x!ring.fxp<64, 10>>"


def test_a_maximum_over_another_axis_is_no_softmax_of_these_rows() -> None:
    # Spread over the axis it is of, it is one of other rows, whose sums are not those along the last axis.
    module = ring.parse_module(f"""
func.func @main(%x: {SCORES}) -> {SCORES} {{
  %m = {OTHER_AXIS}({SCORES}) -> {OTHER_ROWS}
  %s = ring.broadcast %m {{dims = array<i64: 0, 2>}} : ({OTHER_ROWS}) -> {SCORES}
  %d = ring.sub %x, %s : ({SCORES}, {SCORES}) -> {SCORES}
  %e = ring.exp %d {{slack = 512 : i64, clip_bits = 64 : i64}} : ({SCORES}) -> {SCORES}
  %n = {SUM}
  %o = ring.sum %e {{dims = array<i64: 1>}} : ({SCORES}) -> {OTHER_ROWS}
  return %e : {SCORES}
}}""")
    named = {op.results[0].name_hint: op.results[0] for op in ring.main(module).body.block.ops if op.results}
    row = softmax_row(named["d"])
    assert row is not None and row.length == 3
    assert sums_softmax_rows(named["o"])
    assert not sums_softmax_rows(named["n"])


def test_a_maximum_spread_over_rows_that_are_not_its_own_is_none() -> None:
    square = "tensor<3x3x!ring.fxp<64, 10>>"
    module = ring.parse_module(f"""
func.func @main(%x: {square}) -> {square} {{
  %m = ring.max %x {{axis = 1 : i64, bits = 64 : i64, drop = 0 : i64}} : ({square}) -> tensor<3x!ring.fxp<64, 10>>
  %s = ring.broadcast %m {{dims = array<i64: 1>}} : (tensor<3x!ring.fxp<64, 10>>) -> {square}
  %d = ring.sub %x, %s : ({square}, {square}) -> {square}
  return %d : {square}
}}""")
    (difference,) = (op.result for op in ring.main(module).body.block.ops if isinstance(op, ring.SubOp))
    assert softmax_row(difference) is None
