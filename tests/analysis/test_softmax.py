"""Rows of a softmax are found by the places of their elements."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.ir import SSAValue

from ditto.analysis.softmax import ROW as NOTE
from ditto.analysis.softmax import is_softmax, row_of_softmax, softmax_row, sums_softmax_rows
from ditto.dialects import ring

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


def test_a_quotient_is_a_softmax_only_of_exponentials_of_rows_and_their_sums() -> None:
    difference, sums = softmax(MAXIMA["the last axis"], SPREAD, SUM)
    exponential = next(iter(difference.uses)).operation.results[0]
    assert is_softmax(exponential, sums)
    assert not is_softmax(difference, sums)
    assert not is_softmax(exponential, difference)


def test_rows_that_have_been_noted_are_known_behind_reshapes() -> None:
    difference, _ = softmax(MAXIMA["the last axis"], SPREAD, SUM)
    assert row_of_softmax(difference) is None
    row = softmax_row(difference)
    assert row is not None
    row.difference.attributes[NOTE] = ring.attribute(row.length)
    assert row_of_softmax(difference) == 4
    moved = ring.ReshapeOp.make([difference], ring.fxp((24,), 64, 10))
    assert row_of_softmax(moved.result) == 4
